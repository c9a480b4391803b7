// Keys: each page says what its keys do; the help page is written from the same table.

import { useEffect, useRef } from "preact/hooks";
import { helpOpen } from "./state";

/** The name of a chord, by the physical key where Alt would change the letter: "alt+KeyD", "ctrl+Enter", "j", "?". */
export function chord(event: KeyboardEvent): string {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("ctrl");
  if (event.altKey) parts.push("alt");
  if (event.shiftKey && event.key.length > 1) parts.push("shift");
  parts.push(event.altKey || event.ctrlKey || event.metaKey ? event.code.replace("Numpad", "") : event.key.length === 1 ? event.key.toLowerCase() : event.key);
  return parts.join("+");
}

export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable
    || (target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit", "range", "file"].includes(target.type));
}

export type Bindings = Record<string, (event: KeyboardEvent) => void | boolean>;

/** Binds keys for as long as the component is shown. Plain letters rest while a field has the focus or a dialog is open. */
export function useKeys(bindings: Bindings): void {
  const current = useRef(bindings);
  current.current = bindings;
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return;
      if (document.querySelector("dialog[open]")) return;
      const name = chord(event);
      const plain = !/^(ctrl|alt)\+/.test(name) && !/^F\d+$/.test(name) && name !== "Escape";
      if (plain && typing(event.target)) return;
      if (plain && (event.key === "Enter" || event.key === " ") && event.target instanceof HTMLElement
        && event.target.closest("button, a, summary, [role=button]")) return;
      const action = current.current[name];
      if (action && action(event) !== false) event.preventDefault();
    };
    document.addEventListener("keydown", listener);
    return () => document.removeEventListener("keydown", listener);
  }, []);
}

/** Help, on every page. */
export const helpKeys: Bindings = {
  "?": () => void (helpOpen.value = true),
  F1: () => void (helpOpen.value = true),
};

/** Keys as a label shows them. */
export const KEYS = {
  everywhere: [["?  F1", "key_help"]],
  list: [
    ["J  K  ↓  ↑", "key_updown"], ["Enter", "key_open"], ["/", "key_search"], ["C", "key_claim"], ["R", "key_retry"],
    ["U", "key_upload"], ["T", "key_triage"],
  ],
  viewer: [
    ["1 … 6  Alt+1 … 6", "key_preset"], ["I", "key_invert"], ["F  O", "key_fit"], ["+  −", "key_zoom"], ["← ↑ ↓ →", "key_pan"],
    ["Shift + ← ↑ ↓ →", "key_level"], ["M", "key_magnifier"], ["D", "key_distance"], ["H", "key_ratio"], ["X", "key_clear"],
    ["S", "key_side"], ["P", "key_prior"], ["V", "key_film"], ["B", "key_boxes"], ["", "key_mouse"],
  ],
  report: [
    ["E  W", "key_edit"], ["Esc", "key_leave"], ["J  K  Alt+↓ ↑", "key_sentence"], ["G", "key_finding"], ["L  Alt+L", "key_doubt"], ["T  A  U  Alt+T A U", "key_decide"], ["Alt+Del", "key_drop"],
    ["Alt+O", "key_restore"], ["Ctrl+Z", "key_undo"], ["Tab", "key_complete"], ["Alt+Enter", "key_mend"], ["Alt+M", "key_macros"],
    ["Alt+R", "key_redraft"], ["Ctrl+S", "key_save"], ["Ctrl+Enter", "key_sign"], ["N  Alt+N", "key_next"], ["Q  Alt+Q", "key_back"],
  ],
} as const;
