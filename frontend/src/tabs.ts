// Tabs of one browser tell each other which study they show, so that nobody dictates into the wrong patient.

import { signal } from "@preact/signals";

export interface Shown { study: string; patient: string; accession: string }
interface Message { type: "here" | "who" | "gone" | "focus" | "saved"; tab: string; shown: Shown | null; version?: number }

const ALIVE_MS = 90_000;
const TAB_KEY = "wetread:tab";

/** So long a tab that is loaded anew waits for the page before to let go of its name. */
const HANDOVER_MS = 1000;

/** This tab's name; it survives a reload, so that the tab finds its own unsaved text again. */
export let tab: string = sessionStorage.getItem(TAB_KEY) ?? crypto.randomUUID();

function hold(name: string, signal?: AbortSignal): Promise<void> {
  return new Promise((held, refused) => {
    const forGood = (): Promise<never> => {
      held();
      return new Promise(() => undefined);
    };
    navigator.locks.request(`wetread:${name}`, signal ? { signal } : {}, forGood).catch(refused);
  });
}

/**
 * Makes the name this tab's own, by a lock that lives as long as the tab: others see by it whose unsaved text is
 * orphaned. A duplicated tab begins with the name of the tab that it was copied from, which keeps it: the copy takes
 * another one, else each would overwrite what the other has not saved.
 */
export async function claimName(): Promise<void> {
  if (navigator.locks) {
    try {
      await hold(tab, AbortSignal.timeout(HANDOVER_MS));
    } catch {
      tab = crypto.randomUUID();
      void hold(tab);
    }
  }
  sessionStorage.setItem(TAB_KEY, tab);
}

const channel = new BroadcastChannel("wetread");
const others = new Map<string, { shown: Shown; at: number }>();
let mine: Shown | null = null;
let elsewhere = false;
const savedListeners = new Set<(study: string, version: number) => void>();

/** Another patient that another tab shows now. */
export const otherPatient = signal<Shown | null>(null);
/** The reader came back to this tab after another patient: to be confirmed. */
export const guard = signal(false);

function post(type: Message["type"], version?: number): void {
  channel.postMessage({ type, tab, shown: mine, ...(version === undefined ? {} : { version }) } satisfies Message);
}

function look(): void {
  const now = Date.now();
  for (const [name, other] of others) if (now - other.at > ALIVE_MS) others.delete(name);
  const found = mine ? [...others.values()].find((o) => o.shown.study !== mine!.study) : undefined;
  otherPatient.value = found?.shown ?? null;
  if (!found) {
    elsewhere = false;
    guard.value = false;
  }
}

channel.onmessage = (event: MessageEvent<Message>): void => {
  const { type, tab: from, shown, version } = event.data;
  if (type === "gone" || !shown) others.delete(from);
  else others.set(from, { shown, at: Date.now() });
  if (type === "who" && mine) post("here");
  if (type === "saved" && shown && version !== undefined) savedListeners.forEach((listener) => listener(shown.study, version));
  if (type === "focus" && mine && shown && shown.study !== mine.study) elsewhere = true;
  look();
  // A tab that was just opened learns of the others here.
  if (type === "here" && fresh && otherPatient.value && document.hasFocus()) {
    fresh = false;
    guard.value = true;
  }
};

let fresh = false;

/** Tells what this tab shows now; null when it shows no study. */
export function show(shown: Shown | null): void {
  mine = shown;
  elsewhere = false;
  guard.value = false;
  fresh = shown !== null;
  post(shown ? "who" : "gone");
  look();
}

export function confirmGuard(): void {
  elsewhere = false;
  guard.value = false;
  post("focus");
}

export function tellSaved(version: number): void {
  post("saved", version);
}

export function onSaved(listener: (study: string, version: number) => void): () => void {
  savedListeners.add(listener);
  return () => savedListeners.delete(listener);
}

function focused(): void {
  if (!mine) return;
  look();
  if (elsewhere && otherPatient.value) guard.value = true;
  post("focus");
}

window.addEventListener("focus", focused);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && focused());
window.addEventListener("pagehide", () => post("gone"));
window.addEventListener("pageshow", () => mine && post("who"));
window.setInterval(() => {
  if (mine) post("here");
  look();
}, 5000);

/** Names of the tabs that are alive; null where the browser cannot tell. */
export async function alive(): Promise<Set<string> | null> {
  if (!navigator.locks) return null;
  const state = await navigator.locks.query();
  return new Set((state.held ?? []).map((lock) => (lock.name ?? "").replace(/^wetread:/, "")));
}
