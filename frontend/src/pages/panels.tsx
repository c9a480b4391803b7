// What stands beside the films besides the text: findings, checks, dropped sentences, similar cases, macros.

import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, send, type Decision, type Macro, type Section, type SimilarAnswer, type Study } from "../api";
import { day, label as labelName, percent, t, type TextKey } from "../i18n";
import type { Desk } from "../report/desk";
import { append, replace } from "../report/field";
import { dropped } from "../report/sentences";
import { complain, session } from "../state";
import type { Viewing } from "../viewer/viewer";

/** The finding that is being looked at: the one chosen, or what the chosen sentence is about, a positive one first. */
export function concerned(desk: Desk): string | null {
  const label = desk.label.value;
  const chosen = desk.chosen.value;
  if (label || !chosen) return label;
  const span = desk.spans.value.filter((s) => s.section === chosen.section)[chosen.index];
  // A sentence that calls something normal is about no finding: "there" would deny all others.
  const told = span?.labels.filter((name) => name !== "No Finding") ?? [];
  const labels = desk.study.value.draft?.labels ?? {};
  return told.find((name) => labels[name]?.state === "positive") ?? told[0] ?? null;
}

export type Decide = (name: string, decision: Decision | null) => void;

const CHOICES: readonly { decision: Decision | null; text: TextKey; key: string }[] = [
  { decision: "positive", text: "decide_there", key: "T" },
  { decision: "negative", text: "decide_absent", key: "A" },
  { decision: null, text: "decide_model", key: "U" },
];
const SIDES: readonly { decision: Decision; text: TextKey }[] = [
  { decision: "right", text: "decide_right" },
  { decision: "left", text: "decide_left" },
  { decision: "bilateral", text: "decide_both" },
];

/** "No Finding" is there or not decided: who sees something decides what. */
export const mayBe = (name: string, decision: Decision | null): boolean => name !== "No Finding" || decision !== "negative";

function DecisionRow({ desk, decide }: { desk: Desk; decide: Decide }) {
  const name = concerned(desk);
  if (!name) return <p class="decide quiet-text">{t("decide_hint")}</p>;
  const { decided, draft, job } = desk.study.value;
  const own = decided[name] ?? null;
  const side = SIDES.find(({ decision }) => decision === own);
  const waiting = own !== (draft?.decided?.[name] ?? null) && job?.state !== "failed";
  const choice = (decision: Decision | null, text: TextKey, on: boolean, key?: string) => (
    <button key={text} type="button" class={`quiet ${on ? "on" : ""}`} aria-pressed={on} onClick={() => decide(name, decision)}>
      {t(text)}{key && <kbd>{key}</kbd>}
    </button>
  );
  return (
    <div class="decide" role="group" aria-label={labelName(name)} title={t("decide_title", labelName(name))}>
      <b>{labelName(name)}</b>
      {waiting && <span class="quiet-text" role="status">{t("redrafting")}</span>}
      {CHOICES.filter(({ decision }) => mayBe(name, decision)).map(({ decision, text, key }) =>
        choice(decision, text, own === decision || (decision === "positive" && side !== undefined), key))}
      {session.value?.sided.includes(name) && <span class="sides">{SIDES.map(({ decision, text }) => choice(decision, text, own === decision))}</span>}
    </div>
  );
}

/**
 * The model's findings in their fixed order, so that each is always found in the same place; `decide` is null where the
 * reader may not have the draft written anew.
 */
export function Findings({ desk, choose, decide }: { desk: Desk; choose: (label: string | null) => void; decide: Decide | null }) {
  const draft = desk.study.value.draft;
  if (!draft) return null;
  const chosen = desk.label.value;
  return (
    <section class="card findings" aria-labelledby="findings-title">
      <h2 id="findings-title" title={t("calibrated")}>{t("model_findings")}</h2>
      <ul class="bars">
        {Object.entries(draft.labels).map(([name, finding]) => {
          const share = Math.round(finding.probability * 100);
          const own = draft.decided?.[name] && finding.by_model ? t("decided_by_reader", t(`state_${finding.by_model}`)) : null;
          return (
            <li key={name}>
              <button
                type="button" class={`bar ${finding.state} ${own ? "decided" : ""} ${chosen === name ? "on" : ""}`} aria-pressed={chosen === name}
                title={`${labelName(name)}: ${own ?? t("calibrated")}`}
                onClick={() => choose(chosen === name ? null : name)}
              >
                <span class="bar-name">{labelName(name)}</span>
                <svg class="bar-track" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="bar-ground" width="100" height="8" />
                  <rect class="bar-fill" width={Math.max(1, share)} height="8" />
                  <line class="bar-tick" x1={finding.uncertain_from * 100} x2={finding.uncertain_from * 100} y1="0" y2="8" />
                  <line class="bar-tick strong" x1={finding.positive_from * 100} x2={finding.positive_from * 100} y1="0" y2="8" />
                </svg>
                <span class="bar-share">{share} %</span>
                <span class="sr">{t(`state_${finding.state}`)}{own && `, ${own}`}</span>
                <span class={`bar-state ${finding.state}`} aria-hidden="true">{finding.state === "positive" ? "+" : finding.state === "uncertain" ? "?" : "−"}</span>
              </button>
            </li>
          );
        })}
      </ul>
      {decide && <DecisionRow desk={desk} decide={decide} />}
    </section>
  );
}

/** Applies a flag's mend to its field. */
export function mend(desk: Desk, index: number): boolean {
  const flag = desk.flags.value.filter((f) => f.fix && desk.editable.value)[index];
  if (!flag?.fix) return false;
  replace(flag.section, flag.fix.start, flag.fix.end, flag.fix.replacement);
  return true;
}

export function Checks({ desk }: { desk: Desk }) {
  const flags = desk.flags.value;
  let mends = 0;
  return (
    <section class="card checks" aria-labelledby="checks-title">
      <h2 id="checks-title">{t("checks")}</h2>
      {flags.length === 0 ? <p class="quiet-text">{t("no_flags")}</p> : (
        <ul>
          {flags.map((flag, i) => {
            const number = flag.fix && desk.editable.value ? mends++ : -1;
            return (
              <li key={i} class={`flag ${flag.severity}`}>
                <span class="flag-text">{flag.message}</span>
                {number >= 0 && (
                  <button type="button" onClick={() => mend(desk, number)}>{flag.fix!.label}{number === 0 && <kbd>Alt+Enter</kbd>}</button>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

export function Dropped({ desk }: { desk: Desk }) {
  const draft = desk.study.value.draft;
  if (!draft || !desk.editable.value) return null;
  const gone = dropped(desk.spans.value, draft.sentences);
  if (gone.length === 0) return null;
  return (
    <section class="card" aria-labelledby="dropped-title">
      <h2 id="dropped-title">{t("dropped")}</h2>
      <ul class="gone">
        {gone.map(({ index, sentence }) => (
          <li key={index}>
            <button type="button" class="line" title={t("put_back", sentence.text)} onClick={() => append(sentence.section, sentence.text)}>
              <s>{sentence.text}</s><span class="plus" aria-hidden="true">+ {t(sentence.section)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Earlier studies of the same patient: what was written then, and their films beside these. */
export function Priors({ desk, viewing }: { desk: Desk; viewing: Viewing }) {
  const { priors } = desk.study.value;
  if (priors.length === 0) return null;
  const shown = viewing.slots.value[1]?.prior?.id;
  const compare = (date: string): void => {
    const input = document.querySelector<HTMLInputElement>("form.request [name=comparison]");
    if (!input) return;
    input.value = input.value.trim() ? `${input.value.trim()}; ${date}` : date;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  return (
    <section class="card priors" aria-labelledby="priors-title">
      <h2 id="priors-title">{t("priors")}</h2>
      <ul>
        {priors.map((prior) => (
          <li key={prior.id}>
            <div class="row">
              <b class="mono">{day(prior.study_date) || t("unknown")}</b><span class="grow quiet-text">{prior.description}</span>
              {prior.films.length > 0 && <button type="button" class={`quiet ${shown === prior.id ? "on" : ""}`} aria-pressed={shown === prior.id} onClick={() => viewing.showPrior(prior.id)}>{t("prior_beside")}<kbd>P</kbd></button>}
              {desk.editable.value && prior.study_date && <button type="button" class="quiet" onClick={() => compare(day(prior.study_date))}>{t("prior_compare")}</button>}
            </div>
            <p>{[prior.findings, prior.impression].filter(Boolean).join(" ") || <span class="quiet-text">{t("prior_unsigned")}</span>}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What the drafter and the films' headers want to be known. Notes on how the draft was made are folded away. */
export function Notes({ study }: { study: Study }) {
  const films = new Set(study.films.flatMap((f) => f.warnings));
  const draft = [...new Set(study.draft?.warnings ?? [])].filter((w) => !films.has(w));
  return (
    <>
      {films.size > 0 && <ul class="notice" aria-label={t("warnings")}>{[...films].map((w) => <li key={w}>{w}</li>)}</ul>}
      {draft.length > 0 && (
        <details class="card notes">
          <summary>{t("draft_notes", draft.length)}</summary>
          <ul>{draft.map((w) => <li key={w}>{w}</li>)}</ul>
        </details>
      )}
    </>
  );
}

export function Similar({ desk }: { desk: Desk }) {
  const answer = useSignal<SimilarAnswer | null>(null);
  const id = desk.study.value.id;
  const number = desk.study.value.draft_number;
  useEffect(() => {
    if (!desk.study.value.draft) return;
    get<SimilarAnswer>(`/api/studies/${encodeURIComponent(id)}/similar`).then((a) => (answer.value = a)).catch(() => undefined);
  }, [id, number]);
  const found = answer.value;
  if (!found) return null;
  return (
    <details class="card" open={found.items.length > 0}>
      <summary>{t("similar")}</summary>
      {!found.configured && <p class="quiet-text">{t("no_similar")}</p>}
      {found.configured && found.items.length === 0 && <p class="quiet-text">{t("nothing_similar")}</p>}
      <ul class="similar">
        {found.items.slice(0, 5).map((item) => (
          <li key={item.study_id}>
            <span class="score">{percent(item.score)}</span>
            <p>{[item.findings, item.impression].filter(Boolean).join(" ")}</p>
            {desk.editable.value && item.findings && (
              <button type="button" class="quiet" onClick={() => append("findings", item.findings!)}>{t("use_text")}</button>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

export function Macros({ macros, open }: { macros: Signal<Macro[]>; open: Signal<boolean> }) {
  const add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    try {
      const made = await send<Macro>("POST", "/api/macros", {
        name: String(data.get("name")), text: String(data.get("text")), section: String(data.get("section")) as Section | "any",
      });
      macros.value = [...macros.value, made];
      form.reset();
    } catch (error) {
      complain(error);
    }
  };
  const remove = async (macro: Macro): Promise<void> => {
    try {
      await send("DELETE", `/api/macros/${encodeURIComponent(macro.id)}`);
      macros.value = macros.value.filter((m) => m.id !== macro.id);
    } catch (error) {
      complain(error);
    }
  };
  return (
    <details class="card macros" open={open.value} onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary>{t("macros")} <small>{t("macros_hint")}</small></summary>
      {macros.value.length === 0 && <p class="quiet-text">{t("no_macros")}</p>}
      <ul>
        {macros.value.map((macro) => (
          <li key={macro.id}>
            <code>{macro.name}</code> <span>{macro.text}</span> <small>{macro.section === "any" ? t("any_section") : t(macro.section)}</small>
            <button type="button" class="quiet" aria-label={`${t("remove")} ${macro.name}`} onClick={() => void remove(macro)}>✕</button>
          </li>
        ))}
      </ul>
      <form class="row" onSubmit={(e) => void add(e)}>
        <input name="name" required aria-label={t("macro_name")} placeholder={t("macro_name")} maxLength={40} />
        <input name="text" required aria-label={t("macro_text")} placeholder={t("macro_text")} class="grow" maxLength={2000} />
        <select name="section" aria-label={t("macros")}>
          <option value="any">{t("any_section")}</option>
          <option value="findings">{t("findings")}</option>
          <option value="impression">{t("impression")}</option>
        </select>
        <button type="submit">{t("add")}</button>
      </form>
    </details>
  );
}
