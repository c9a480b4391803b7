// Sentences of a field, and where each comes from: the machine's as it was, the machine's as the reader changed it, or the
// reader's own. The server does the same at each save; this copy answers between two keystrokes.

import type { DraftSentence, Origin, Section, Span } from "../api";
import { session } from "../state";

export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Ends of words that carry a full stop without ending a sentence. */
const ABBREVIATIONS = /(?:\b(?:Dr|Prof|Mr|Mrs|Ms|St|vs|approx|ca|bzw|ggf|Nr|No|Z|z|B|d|h|u|a|e|g|i|resp|evtl|inkl|max|min|li|re|bds|Fig)\.)$/;

/** Splits at sentence ends and line ends; spaces between sentences belong to none. */
export function split(text: string): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  const push = (end: number): void => {
    const raw = text.slice(start, end);
    const lead = raw.length - raw.trimStart().length;
    const body = raw.trim();
    if (body) pieces.push({ start: start + lead, end: start + lead + body.length, text: body });
    start = end;
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "\n") push(i + 1);
    else if ((c === "." || c === "!" || c === "?") && (i + 1 === text.length || /\s/.test(text[i + 1]!))) {
      if (c === "." && ABBREVIATIONS.test(text.slice(Math.max(0, i - 8), i + 1))) continue;
      push(i + 1);
    }
  }
  push(text.length);
  return pieces;
}

const normal = (text: string): string => text.toLowerCase().replace(/[.,;:!?]+/g, " ").replace(/\s+/g, " ").trim();

/** Share of words two sentences have in common (Dice), 0 to 1. */
export function likeness(a: string, b: string): number {
  const left = normal(a).split(" ");
  const right = normal(b).split(" ");
  const counts = new Map<string, number>();
  for (const word of left) counts.set(word, (counts.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of right) {
    const n = counts.get(word) ?? 0;
    if (n > 0) {
      shared++;
      counts.set(word, n - 1);
    }
  }
  return (2 * shared) / (left.length + right.length);
}

/** From here on a sentence counts as a changed one of the draft, not as a new one. */
const EDITED_FROM = 0.5;

/** The sentences of one field with their origin; each sentence of the draft is used once. */
export function trace(section: Section, text: string, draft: readonly DraftSentence[]): Span[] {
  const pieces = split(text);
  const taken = new Set<number>();
  const match: (number | null)[] = pieces.map(() => null);
  const exact: boolean[] = pieces.map(() => false);
  const mine = draft.map((s, index) => ({ s, index })).filter(({ s }) => s.section === section);
  pieces.forEach((piece, i) => {
    const hit = mine.find(({ s, index }) => !taken.has(index) && s.text.trim() === piece.text);
    if (hit) {
      taken.add(hit.index);
      match[i] = hit.index;
      exact[i] = true;
    }
  });
  pieces.forEach((piece, i) => {
    if (match[i] !== null) return;
    let best = EDITED_FROM;
    for (const { s, index } of mine) {
      if (taken.has(index)) continue;
      const score = likeness(piece.text, s.text);
      if (score >= best) {
        best = score;
        match[i] = index;
      }
    }
    if (match[i] !== null) taken.add(match[i]!);
  });
  return pieces.map((piece, i) => {
    const index = match[i] ?? null;
    const source = index === null ? null : draft[index]!;
    const origin: Origin = source === null ? "typed" : exact[i] ? "machine" : "edited";
    return {
      section, ...piece, origin, draft_index: index,
      labels: source?.labels ?? [], confidence: source?.confidence ?? null, evidence: source?.evidence ?? [],
    };
  });
}

/** Sentences of the draft that no sentence of the text descends from. */
export function dropped(spans: readonly Span[], draft: readonly DraftSentence[]): { index: number; sentence: DraftSentence }[] {
  const used = new Set(spans.map((s) => s.draft_index));
  return draft.map((sentence, index) => ({ index, sentence })).filter(({ index }) => !used.has(index));
}

/** A machine's sentence that is less confident than the server calls doubtful. */
export const doubtful = (span: Span): boolean =>
  span.origin === "machine" && span.confidence !== null && span.confidence < (session.value?.doubtful_below ?? 0);

/** The sentence under a caret, or the last before it. */
export function at(spans: readonly Span[], caret: number): number {
  let found = -1;
  spans.forEach((span, i) => {
    if (span.start <= caret) found = i;
  });
  return found;
}

/** Words kept, taken out and put in, in reading order: the longest common subsequence of words. */
export function compare(before: string, after: string): { kind: "same" | "gone" | "new"; text: string }[] {
  const a = before.split(/(\s+)/).filter((w) => w !== "");
  const b = after.split(/(\s+)/).filter((w) => w !== "");
  const table: Uint16Array[] = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i]![j] = a[i] === b[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
    }
  }
  const out: { kind: "same" | "gone" | "new"; text: string }[] = [];
  const add = (kind: "same" | "gone" | "new", text: string): void => {
    const last = out.at(-1);
    if (last?.kind === kind) last.text += text;
    else out.push({ kind, text });
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add("same", a[i]!);
      i++;
      j++;
    } else if (i < a.length && (j === b.length || table[i + 1]![j]! >= table[i]![j + 1]!)) add("gone", a[i++]!);
    else add("new", b[j++]!);
  }
  return out;
}

/** Both texts in one, theirs first, the sentences that only mine has after it: nothing of either is lost. */
export function both(theirs: string, mine: string): string {
  const known = new Set(split(theirs).map((p) => normal(p.text)));
  const extra = split(mine).filter((p) => !known.has(normal(p.text))).map((p) => p.text);
  return [theirs.trim(), ...extra].filter(Boolean).join(" ");
}
