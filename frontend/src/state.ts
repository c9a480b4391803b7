// What all pages share: who is logged in, where we are, and what was just said.

import { signal } from "@preact/signals";
import { get, setCsrf, type LoginInfo, type Session } from "./api";
import { language } from "./i18n";

export const session = signal<Session | null>(null);
/** The server no longer knows us while a page is open: ask for the password over the page, so that nothing is lost. */
export const stranger = signal(false);
export const route = signal<string[]>([]);
export const helpOpen = signal(false);
export const online = signal(true);

export interface Toast { id: number; text: string; kind: "info" | "error"; action?: { label: string; run: () => void } }
export const toasts = signal<Toast[]>([]);
let toastNumber = 0;

export function say(text: string, kind: "info" | "error" = "info", action?: Toast["action"]): void {
  const toast: Toast = { id: ++toastNumber, text, kind, ...(action ? { action } : {}) };
  toasts.value = [...toasts.value.slice(-3), toast];
  window.setTimeout(() => hush(toast.id), kind === "error" ? 12000 : 6000);
}

export function hush(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Says what an error says. */
export function complain(error: unknown): void {
  say(error instanceof Error ? error.message : String(error), "error");
}

export function go(...parts: string[]): void {
  const hash = `#/${parts.map(encodeURIComponent).join("/")}`;
  if (location.hash === hash) readRoute();
  else location.hash = hash;
}

export function readRoute(): void {
  route.value = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
}

export function enter(value: Session): void {
  setCsrf(value.csrf);
  language.value = value.user.language === "de" ? "de" : "en";
  session.value = value;
  stranger.value = false;
}

/** Goes on with the session of the browser's cookie, where there is one. */
export async function resume(): Promise<void> {
  const { session: known } = await get<LoginInfo>("/api/login");
  if (known) enter(known);
}

export const may = (role: string): boolean => session.value?.user.roles.includes(role as never) ?? false;
