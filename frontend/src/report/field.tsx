// One field for one section of the report: plain text, as dictation software wants it. Behind the text lies a mirror that
// shows where each sentence comes from and what the checks object to.

import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, type Macro, type Section, type Span } from "../api";
import { language, t } from "../i18n";
import type { Desk } from "./desk";
import { at, doubtful, split } from "./sentences";
import { suggest } from "./stock";

/** The field of a section, for those who act on it from elsewhere. */
export function fieldOf(section: Section): HTMLTextAreaElement | null {
  return document.querySelector<HTMLTextAreaElement>(`textarea[data-section="${section}"]`);
}

/** Replaces part of a field as if it had been typed, so that the browser's own undo takes it back. */
export function replace(section: Section, start: number, end: number, text: string): void {
  const field = fieldOf(section);
  if (!field || field.readOnly) return;
  const before = document.activeElement as HTMLElement | null;
  field.focus({ preventScroll: true });
  field.setSelectionRange(start, end);
  const done = document.execCommand(text === "" ? "delete" : "insertText", false, text);
  if (!done) {
    field.setRangeText(text, start, end, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (before && before !== field && before !== document.body) before.focus({ preventScroll: true });
  else if (before === document.body) field.blur();
}

/** Takes a sentence out, with the space after it. */
export function dropSentence(span: Span, text: string): void {
  let end = span.end;
  while (end < text.length && /[ \n]/.test(text[end]!)) end++;
  const start = end === text.length ? text.slice(0, span.start).trimEnd().length : span.start;
  replace(span.section, start, end, "");
}

/** Puts a sentence at the end of a field. */
export function append(section: Section, text: string): void {
  const field = fieldOf(section);
  if (!field) return;
  const length = field.value.length;
  const gap = field.value === "" || /\s$/.test(field.value) ? "" : " ";
  replace(section, length, length, gap + text);
}

let lastField: Section = "findings";

/** Undo or redo in the field that was written in last. */
export function history(command: "undo" | "redo"): void {
  const field = fieldOf(lastField);
  field?.focus();
  document.execCommand(command);
}

interface Offer { text: string; source: "stock" | "macro"; start: number; name?: string }

function offers(section: Section, text: string, caret: number, macros: Macro[], extra: string[]): Offer[] {
  const before = text.slice(0, caret);
  const last = /(\S+)$/.exec(before)?.[1] ?? "";
  const found: Offer[] = macros
    .filter((m) => last.length >= 2 && m.name.startsWith(last) && (m.section === "any" || m.section === section))
    .map((m) => ({ text: m.text, source: "macro", start: caret - last.length, name: m.name }));
  const next = text[caret];
  if (next !== undefined && !/\s/.test(next)) return found;
  const piece = split(before).at(-1);
  if (!piece || /[.!?]$/.test(piece.text) || piece.end < before.trimEnd().length) return found;
  const stock = [...suggest(section, piece.text, language.value), ...extra.filter((s) => s.toLowerCase().startsWith(piece.text.toLowerCase()))];
  for (const sentence of new Set(stock)) found.push({ text: sentence, source: "stock", start: piece.start });
  return found.slice(0, 6);
}

function Mirror({ text, marks }: { text: string; marks: { start: number; end: number; class: string }[] }) {
  const parts = [];
  let position = 0;
  for (const mark of [...marks].sort((a, b) => a.start - b.start)) {
    if (mark.start < position) continue;
    if (mark.start > position) parts.push(text.slice(position, mark.start));
    parts.push(<span key={mark.start} class={mark.class}>{text.slice(mark.start, mark.end)}</span>);
    position = mark.end;
  }
  parts.push(text.slice(position), "\n");
  return <div class="mirror" aria-hidden="true">{parts}</div>;
}

export function Field({ desk, section, macros, title }: { desk: Desk; section: Section; macros: Macro[]; title: string }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const list = useSignal<Offer[]>([]);
  const picked = useSignal(0);
  const extra = useRef<string[]>([]);
  const asking = useRef(0);
  const text = desk[section].value;
  const spans = desk.spans.value.filter((s) => s.section === section);
  const chosen = desk.chosen.value;
  const label = desk.label.value;
  const editable = desk.editable.value;

  useEffect(() => effect(() => {
    const value = desk[section].value;
    const element = field.current!;
    if (element.value !== value) {
      const caret = element.selectionStart;
      element.value = value;
      if (document.activeElement === element) element.setSelectionRange(caret, caret);
    }
  }), [desk, section]);

  const choose = (): void => {
    const element = field.current!;
    const index = at(desk.spans.value.filter((s) => s.section === section), element.selectionStart);
    desk.label.value = null;
    desk.chosen.value = index < 0 ? null : { section, index };
  };

  const propose = (): void => {
    const element = field.current!;
    const caret = element.selectionStart;
    list.value = element.selectionEnd === caret && editable ? offers(section, element.value, caret, macros, extra.current) : [];
    picked.value = 0;
    window.clearTimeout(asking.current);
    const piece = split(element.value.slice(0, caret)).at(-1)?.text ?? "";
    if (piece.length < 3 || /[.!?]$/.test(piece)) return;
    asking.current = window.setTimeout(() => {
      void get<{ items: { text: string }[] }>(`/api/stock?section=${section}&limit=6&q=${encodeURIComponent(piece)}`).then(({ items }) => {
        extra.current = items.map((i) => i.text);
        if (document.activeElement === element && element.selectionStart === caret && element.value.length === desk[section].value.length) {
          list.value = offers(section, element.value, caret, macros, extra.current);
        }
      }).catch(() => undefined); // Without an answer the built-in stock stands.
    }, 200);
  };

  const take = (offer: Offer): void => {
    const element = field.current!;
    replace(section, offer.start, element.selectionStart, offer.text);
    list.value = [];
  };

  const keydown = (event: KeyboardEvent): void => {
    lastField = section;
    const open = list.value.length > 0;
    const end = field.current!.selectionStart === field.current!.value.length;
    const plain = !event.ctrlKey && !event.altKey && !event.metaKey && !event.shiftKey;
    if (open && plain && event.key === "Tab") {
      take(list.value[picked.value]!);
      event.preventDefault();
    } else if (open && plain && end && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const n = list.value.length;
      picked.value = (picked.value + (event.key === "ArrowDown" ? 1 : n - 1)) % n;
      event.preventDefault();
    } else if (open && event.key === "Escape") {
      list.value = [];
      event.preventDefault();
    }
  };

  const marks = spans.map((s, i) => ({
    start: s.start, end: s.end,
    class: `from-${s.origin}${doubtful(s) ? " doubtful" : ""}${chosen?.section === section && chosen.index === i ? " chosen" : ""}${label && s.labels.includes(label) ? " labelled" : ""}`,
  }));
  const flags = desk.flags.value
    .filter((f) => f.section === section && f.start !== null && f.end !== null && f.end <= text.length && text.slice(f.start, f.end) === (f.text || text.slice(f.start, f.end)))
    .map((f) => ({ start: f.start!, end: f.end!, class: `flag-${f.severity}` }));
  const id = `field-${section}`;
  const counts = { machine: 0, edited: 0, typed: 0 };
  for (const s of spans) counts[s.origin]++;
  const doubts = spans.filter(doubtful).length;
  return (
    <section class="field" aria-labelledby={`${id}-title`}>
      <div class="field-head">
        <label id={`${id}-title`} for={id}>{title}</label>
        <span class="legend" title={t("origin_title")}>
          {doubts > 0 && <span class="origin-doubtful" title={t("doubtful_title")}><i aria-hidden="true" />{doubts} {t("doubtful")}</span>}
          {(["machine", "edited", "typed"] as const).map((o) => (
            <span key={o} class={`origin-${o}`}><i aria-hidden="true" />{counts[o]} {t(`origin_${o}`)}</span>
          ))}
        </span>
      </div>
      <div class={`paper ${editable ? "" : "read-only"}`}>
        <Mirror text={text} marks={marks} />
        <Mirror text={text} marks={flags} />
        <textarea
          id={id} ref={field} data-section={section} readOnly={!editable} spellcheck={false} autocomplete="off" rows={2}
          aria-autocomplete="list" aria-controls={list.value.length ? `${id}-offers` : undefined} aria-describedby={`${id}-sentence`}
          aria-activedescendant={list.value.length ? `${id}-offer-${picked.value}` : undefined}
          onInput={(e) => {
            desk.write(section, e.currentTarget.value);
            choose();
            propose();
          }}
          onKeyDown={keydown}
          onKeyUp={(e) => /^(Arrow|Home|End|Page)/.test(e.key) && !e.altKey && list.value.length === 0 && choose()}
          onClick={choose}
          onFocus={() => (lastField = section)}
          onBlur={() => window.setTimeout(() => (list.value = []), 150)}
        />
      </div>
      {list.value.length > 0 && (
        <ul class="offers" id={`${id}-offers`} role="listbox" aria-label={t("key_complete")}>
          {list.value.map((offer, i) => (
            <li
              key={offer.text} id={`${id}-offer-${i}`} role="option" aria-selected={i === picked.value} class={i === picked.value ? "on" : ""}
              onPointerDown={(e) => {
                e.preventDefault();
                take(offer);
              }}
            >
              {offer.name && <b>{offer.name} </b>}{offer.text}{i === picked.value && <kbd>Tab</kbd>}
            </li>
          ))}
        </ul>
      )}
      <SentenceBar desk={desk} section={section} spans={spans} id={`${id}-sentence`} />
    </section>
  );
}

function SentenceBar({ desk, section, spans, id }: { desk: Desk; section: Section; spans: Span[]; id: string }) {
  const chosen = desk.chosen.value;
  const span = chosen?.section === section ? spans[chosen.index] : undefined;
  if (!span) return <div class="sentence-bar idle" id={id} />;
  const original = span.draft_index === null ? undefined : desk.study.value.draft?.sentences[span.draft_index];
  const editable = desk.editable.value;
  return (
    <div class="sentence-bar" id={id}>
      <span aria-live="polite">
        {t("sentence_of", chosen!.index + 1, spans.length)} · <b class={`origin-${span.origin}`}><i aria-hidden="true" />{t(`origin_${span.origin}`)}</b>
        {span.confidence !== null && ` · ${t("confidence", Math.round(span.confidence * 100))}`}
      </span>
      {editable && (
        <span class="acts">
          {span.origin === "edited" && original && (
            <button type="button" class="quiet" title={original.text} onClick={() => replace(section, span.start, span.end, original.text)}>{t("restore")}<kbd>Alt+O</kbd></button>
          )}
          <button type="button" class="quiet" onClick={() => dropSentence(span, desk[section].value)}>{t("drop")}<kbd>Alt+Del</kbd></button>
        </span>
      )}
    </div>
  );
}
