// The reading page: films left, report right. Also a case of a reader study, which is read the same way and signed by nobody.

import { effect, useComputed, useSignal, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { ApiError, get, send, type Claim, type Critical, type Decision, type Macro, type Section, type Span, type Study } from "../api";
import * as cache from "../cache";
import { clock, day, person, t, word } from "../i18n";
import { helpKeys, useKeys, type Bindings } from "../keys";
import { Desk, studyShelf, type Shelf } from "../report/desk";
import { dropSentence, Field, fieldOf, history, replace } from "../report/field";
import { doubtful } from "../report/sentences";
import { complain, go, helpOpen, say, session } from "../state";
import { guard, onSaved, otherPatient, show } from "../tabs";
import { Viewer, Viewing, type Region } from "../viewer/viewer";
import { Checks, concerned, Dropped, Findings, Macros, mayBe, mend, Notes, Priors, Similar, type Decide } from "./panels";
import { AddendumDialog, ConflictDialog, CriticalDialog, Criticals, EraseDialog, GuardDialog, MarkCriticalDialog, Signatures, SignDialog } from "./sign";

const RENEW_MS = 60_000;
const DRAFT_POLL_MS = 1200;
/** Someone waits for it. */
const REDRAFT_POLL_MS = 400;

function age(birth: string | null, at: string | null): string {
  if (!birth) return "";
  const then = new Date(birth);
  const now = at ? new Date(at) : new Date();
  const years = now.getFullYear() - then.getFullYear() - (now < new Date(now.getFullYear(), then.getMonth(), then.getDate()) ? 1 : 0);
  return Number.isFinite(years) && years >= 0 ? ` (${years})` : "";
}

/** Who lies on the table: always in sight. A case of a reader study is nobody in particular, and says so. */
export function Banner({ study, title, children }: { study: Study; title?: string | undefined; children?: preact.ComponentChildren }) {
  const { patient } = study;
  return (
    <header class="banner" aria-label={t("column_patient_name")}>
      <button type="button" class="quiet back" title={`${t("back_list")} (Q)`} aria-label={t("back_list")} onClick={() => go(title ? "reader-studies" : "worklist")}>‹</button>
      <div class="identity">
        <h1 class="patient">{title ?? person(patient.name)}</h1>
        {!title && <span>{patient.id || "–"}</span>}
        {patient.birth_date && <span>{t("born")} {day(patient.birth_date)}{age(patient.birth_date, study.study_date)}</span>}
        {patient.sex && <span>{word("sex", patient.sex)}</span>}
        {title ? <span>{t("rs_blinded")}</span> : <span class="accession">{t("accession")} <b>{study.accession || "–"}</b></span>}
        {study.study_date && <span>{day(study.study_date)}</span>}
        <span class="quiet-text">{study.description}</span>
      </div>
      {!title && <span class={`pill ${study.status}`}>{word("status", study.status)}</span>}
      {children}
    </header>
  );
}

function SaveMark({ desk }: { desk: Desk }) {
  const state = desk.state.value;
  const text = state === "saved" && desk.savedAt.value ? t("saved_at", clock(desk.savedAt.value)) : t(state);
  return <span class={`save-mark ${state}`} role="status" data-state={state} title={desk.problem.value}>{text}</span>;
}

export interface CaseOf { submitLabel: string; note: string; submit: (desk: Desk) => Promise<void>; title: string }

/** Loads a study, then reads it. */
export function ReadingPage({ id }: { id: string }) {
  const study = useSignal<Study | null>(null);
  const problem = useSignal("");
  useEffect(() => {
    let here = true;
    study.value = null;
    problem.value = "";
    (cache.takePrefetched(id) ?? cache.study(id))
      .then((s) => here && (study.value = s))
      .catch((e: unknown) => here && (problem.value = e instanceof Error ? e.message : String(e)));
    return () => void (here = false);
  }, [id]);
  if (problem.value) {
    return <main class="page"><p class="notice warn">{problem.value}</p><button type="button" onClick={() => go("worklist")}>{t("back_list")}</button></main>;
  }
  if (!study.value || study.value.id !== id) return <main class="page"><p class="quiet-text" role="status">{t("loading")}</p></main>;
  return <Reading key={id} first={study.value} />;
}

export function Reading({ first, shelf, caseOf }: { first: Study; shelf?: Shelf; caseOf?: CaseOf }) {
  const desk = useMemo(() => new Desk(first, shelf ?? studyShelf(first.id), Boolean(caseOf)), []);
  const viewing = useMemo(() => new Viewing(first), []);
  const study = desk.study.value;
  const macros = useSignal<Macro[]>([]);
  const macrosOpen = useSignal(false);
  const dialog = useSignal<"sign" | "addendum" | "mark" | "erase" | null>(null);
  const critical = useSignal<Critical | null>(null);
  const after = useRef<(() => void) | null>(null);
  const next = useSignal<string | null>(null);
  const redrafting = useSignal(false);
  const mounted = useRef(true);

  /** Grows with each wish for a draft: an answer from before knows nothing of it. */
  const wishes = useRef(0);

  const refresh = async (): Promise<Study> => {
    const wish = wishes.current;
    const now = await cache.study(study.id);
    if (!mounted.current || wish !== wishes.current) return now;
    const drafted = now.draft_number !== desk.study.peek().draft_number; // its sentences may be surer, its flags others
    desk.study.value = now;
    if (!desk.dirty && (drafted || now.report.version !== desk.reportVersion)) desk.adopt(now.report);
    return now;
  };

  const giveBack = (): Promise<void> => send<void>("DELETE", `/api/studies/${encodeURIComponent(first.id)}/claim`).catch(() => undefined);

  const claim = async (takeOver: boolean): Promise<void> => {
    try {
      const answer = await send<{ claim: Claim }>("POST", `/api/studies/${encodeURIComponent(study.id)}/claim`, { take_over: takeOver });
      if (!mounted.current) return void giveBack(); // left before the answer came
      const freed = desk.lockedBy.peek() !== null;
      desk.lockedBy.value = null;
      const now = desk.study.peek();
      desk.study.value = { ...now, claim: answer.claim, status: now.status === "unread" ? "reading" : now.status };
      if (freed) await refresh();
    } catch (error) {
      if (error instanceof ApiError && error.code === "claimed") desk.lockedBy.value = error.body.claim as Claim;
      else if (!(error instanceof ApiError && error.passing)) complain(error);
    }
  };

  /** Whether the other reader is still at it. */
  const look = async (): Promise<void> => {
    try {
      const now = await refresh();
      if (!now.claim || now.claim.mine) await claim(false);
      else desk.lockedBy.value = now.claim;
    } catch (error) {
      if (!(error instanceof ApiError && error.passing)) complain(error);
    }
  };

  useEffect(() => {
    mounted.current = true;
    show({ study: first.id, patient: first.patient.name, accession: first.accession });
    get<{ items: Macro[] }>("/api/macros").then((a) => (macros.value = a.items)).catch(() => undefined);
    let renew = 0;
    if (!caseOf && first.allowed.includes("claim")) {
      if (first.claim && !first.claim.mine) desk.lockedBy.value = first.claim;
      else void claim(false).then(refresh).catch(() => undefined);
      renew = window.setInterval(() => void (desk.lockedBy.peek() ? look() : claim(false)), RENEW_MS);
    }
    void desk.recover();
    if (!caseOf) {
      // The study may come from memory: look whether it is still so.
      if (!first.allowed.includes("claim") || (first.claim && !first.claim.mine)) void refresh().catch(() => undefined);
      get<{ id: string | null }>(`/api/worklist/next?after=${encodeURIComponent(first.id)}`).then((a) => {
        next.value = a.id;
        if (a.id && mounted.current) void cache.prefetch(a.id).catch(() => undefined);
      }).catch(() => undefined);
      first.priors.flatMap((p) => p.films.slice(0, 1)).slice(0, 1).forEach((f) => void cache.film(f).catch(() => undefined));
    }
    const stopSaved = onSaved((which, version) => {
      if (which === first.id && !desk.dirty && version !== desk.reportVersion) void refresh().catch(() => undefined);
    });
    return () => {
      mounted.current = false;
      show(null);
      stopSaved();
      window.clearInterval(renew);
      desk.close();
      if (!caseOf && desk.study.peek().claim?.mine) {
        void desk.flush().then(giveBack);
      }
    };
  }, []);

  // A draft that is still being written comes in by itself.
  const pending = !caseOf && (study.status === "queued" || study.status === "drafting" || study.job?.state === "queued" || study.job?.state === "running");
  useEffect(() => {
    if (!pending) {
      redrafting.value = false;
      return;
    }
    const number = study.draft_number;
    const timer = window.setInterval(() => {
      refresh().then((now) => {
        if (now.draft_number > number && number > 0) say(t("redrafted"));
      }).catch(() => undefined);
    }, number > 0 ? REDRAFT_POLL_MS : DRAFT_POLL_MS);
    return () => window.clearInterval(timer);
  }, [pending, study.draft_number]);

  useEffect(() => effect(() => {
    const texts = desk.signedMeanwhile.value;
    if (!texts) return;
    say(t("state_kept"), "error");
    void refresh().catch(() => undefined);
  }), []);

  const located = (s: Span): Region[] => s.evidence.map((e) => {
    const now = desk.study.value;
    return { ...e, text: s.text, film: now.draft?.views[e.view]?.film ?? now.films.find((f) => f.index === e.view)?.id ?? "" };
  });
  const regions = useComputed<Region[]>(() => {
    const chosen = desk.chosen.value;
    const label = desk.label.value;
    const spans = desk.spans.value;
    const wanted = label ? spans.filter((s) => s.labels.includes(label)) : chosen ? spans.filter((s) => s.section === chosen.section).slice(chosen.index, chosen.index + 1) : [];
    return wanted.flatMap(located);
  });
  const allRegions = useComputed<Region[]>(() => desk.spans.value.flatMap(located));

  const chooseLabel = (label: string | null): void => {
    desk.chosen.value = null;
    desk.label.value = label;
    const span = label ? desk.spans.value.find((s) => s.labels.includes(label)) : undefined;
    if (span) fieldOf(span.section)?.scrollIntoView({ block: "nearest" });
  };
  /** To the next sentence, or the one before, of those that are asked for. */
  const step = (by: 1 | -1, asked: (span: Span) => boolean = () => true): void => {
    const spans = desk.spans.value;
    if (!spans.some(asked)) return;
    const chosen = desk.chosen.value;
    let at = chosen ? spans.findIndex((s, i) => s.section === chosen.section && i - spans.findIndex((x) => x.section === chosen.section) === chosen.index) : by > 0 ? -1 : spans.length;
    do at = (at + by + spans.length) % spans.length; while (!asked(spans[at]!));
    const target = spans[at]!;
    const index = spans.filter((s) => s.section === target.section).indexOf(target);
    desk.label.value = null;
    desk.chosen.value = { section: target.section, index };
    const field = fieldOf(target.section);
    if (field && document.activeElement instanceof HTMLTextAreaElement) {
      field.focus({ preventScroll: true });
      field.setSelectionRange(target.start, target.start);
    }
    field?.scrollIntoView({ block: "nearest" });
  };
  const current = () => {
    const chosen = desk.chosen.value;
    return chosen ? desk.spans.value.filter((s) => s.section === chosen.section)[chosen.index] : undefined;
  };
  const nextFinding = (): void => {
    const labels = Object.entries(study.draft?.labels ?? {}).filter(([name, f]) => f.state !== "negative" || name in study.decided).map(([name]) => name);
    if (labels.length === 0) return;
    const here = desk.label.value ? labels.indexOf(desk.label.value) : -1;
    chooseLabel(labels[(here + 1) % labels.length]!);
  };
  const write = (section: Section): void => {
    const field = fieldOf(section);
    field?.focus();
    field?.setSelectionRange(field.value.length, field.value.length);
    field?.scrollIntoView({ block: "nearest" });
  };
  const mayDecide = !caseOf && desk.editable.value && study.allowed.includes("decide");
  const redraft = async (decide?: Record<string, Decision | null>): Promise<void> => {
    if (!study.allowed.includes("redraft") || (redrafting.value && !decide)) return;
    redrafting.value = true;
    try {
      await desk.flush();
      const form = document.querySelector<HTMLFormElement>("form.request");
      const data = form ? new FormData(form) : new FormData();
      const answer = await send<{ job: Study["job"]; decided: Study["decided"] }>("POST", `/api/studies/${encodeURIComponent(study.id)}/redraft`, {
        indication: String(data.get("indication") ?? ""), comparison: String(data.get("comparison") ?? ""),
        ...(decide && { decide }),
      });
      wishes.current++;
      desk.study.value = { ...desk.study.value, ...answer };
    } catch (error) {
      redrafting.value = false;
      complain(error);
    }
  };
  /** The reader decides a finding, or leaves it to the model again (`null`). */
  const decide: Decide = (name, decision) => {
    desk.chosen.value = null; // the sentence may go, and another would stand in its place
    desk.label.value = name;
    if ((desk.study.value.decided[name] ?? null) !== decision) void redraft({ [name]: decision });
  };
  const decideKey = (decision: Decision | null) => (event: KeyboardEvent): boolean => {
    const name = mayDecide && study.draft ? concerned(desk) : null;
    if (name && !event.repeat && mayBe(name, decision)) decide(name, decision);
    return name !== null;
  };
  const goNext = (): void => {
    if (caseOf) return;
    if (next.value) go("read", next.value);
    else say(t("no_next"));
  };
  const leave = (): void => go(caseOf ? "reader-studies" : "worklist");
  const canSign = !caseOf && (study.allowed.includes("final") || study.allowed.includes("preliminary")) && !desk.lockedBy.value;
  const sign = (): void => {
    if (canSign) dialog.value = "sign";
    else if (study.allowed.includes("addendum")) dialog.value = "addendum";
  };
  const signed = (now: Study): void => {
    dialog.value = null;
    desk.study.value = now;
    desk.adopt(now.report);
    const moves = now.signatures.at(-1)?.kind !== "addendum" && Boolean(next.value);
    say(t("signed", person(now.patient.name)), "info", moves ? { label: t("open"), run: () => go("read", now.id) } : undefined);
    const open = now.criticals.find((c) => !c.acknowledged);
    const onward = (): void => {
      if (moves) goNext();
    };
    if (open) {
      critical.value = open;
      after.current = onward;
    } else onward();
  };

  const keys: Bindings = {
    ...helpKeys,
    j: () => step(1), k: () => step(-1), "alt+ArrowDown": () => step(1), "alt+ArrowUp": () => step(-1), g: nextFinding,
    l: () => step(1, doubtful), "alt+KeyL": () => step(1, doubtful),
    e: () => write("findings"), w: () => write("impression"), "alt+KeyE": () => write("findings"), "alt+KeyW": () => write("impression"),
    "alt+Delete": () => {
      const span = current();
      if (span) dropSentence(span, desk[span.section].value);
    },
    "alt+KeyO": () => {
      const span = current();
      const original = span && span.draft_index !== null ? study.draft?.sentences[span.draft_index] : undefined;
      if (span && original) replace(span.section, span.start, span.end, original.text);
    },
    "alt+Enter": () => mend(desk, 0),
    "alt+KeyM": () => void (macrosOpen.value = !macrosOpen.value),
    "alt+KeyR": () => void redraft(),
    t: decideKey("positive"), "alt+KeyT": decideKey("positive"), a: decideKey("negative"), "alt+KeyA": decideKey("negative"),
    u: decideKey(null), "alt+KeyU": decideKey(null),
    "ctrl+KeyS": () => void desk.flush(),
    "ctrl+KeyZ": (event) => {
      if (event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement) return false;
      history(event.shiftKey ? "redo" : "undo");
    },
    "ctrl+Enter": caseOf ? () => void caseOf.submit(desk) : sign,
    n: goNext, "alt+KeyN": goNext, q: leave, "alt+KeyQ": leave,
    Escape: () => {
      if (document.activeElement instanceof HTMLElement && document.activeElement.matches("input, textarea, select")) {
        document.querySelector<HTMLElement>(".pane.active")?.focus();
        return;
      }
      desk.chosen.value = null;
      desk.label.value = null;
    },
  };
  useKeys(keys);

  const notice = desk.lockedBy.value
    ? <div class="notice warn">{t("read_only_by", desk.lockedBy.value.name)}<button type="button" onClick={() => void claim(true)}>{t("take_over")}</button></div>
    : !study.allowed.includes("edit") && !caseOf && (study.report_state === "draft" || study.report_state === "none")
      ? <div class="notice">{t("read_only_role")}</div> : null;

  return (
    <main class="reading-room">
      <Banner study={study} title={caseOf?.title}>
        <SaveMark desk={desk} />
        {!caseOf && next.value && <button type="button" class="quiet" onClick={goNext}>{t("next_study")}<kbd>N</kbd></button>}
        <button type="button" class="quiet" onClick={() => (helpOpen.value = true)}>{t("help")}<kbd>?</kbd></button>
      </Banner>
      {otherPatient.value && <p class="guard-line" role="status">{t("guard_line", person(otherPatient.value.patient))}</p>}
      <div class="split">
        <Viewer viewing={viewing} regions={regions} all={allRegions} />
        <aside class="report" aria-label={t("keys_report")}>
          <div class="scroll">
            {caseOf?.note && <p class="notice" role="status">{caseOf.note}</p>}
            {notice}
            <Criticals study={study} act={(c) => (critical.value = c)} />
            {!caseOf && study.status === "failed" && study.job && (
              <div class="notice warn">{t("draft_failed", study.job.reason ?? "")}
                {study.allowed.includes("retry") && <button type="button" onClick={() => void send("POST", `/api/studies/${encodeURIComponent(study.id)}/retry`).then(refresh).catch(complain)}>{t("retry")}</button>}
              </div>
            )}
            {pending && !study.draft && <p class="notice" role="status">{t("draft_pending")}</p>}
            {!caseOf && !pending && !study.draft && study.status !== "failed" && study.blinded && <p class="notice">{t("draft_hidden")}</p>}
            <Request study={study} desk={desk} redrafting={redrafting} redraft={() => void redraft()} readOnly={Boolean(caseOf)} />
            <Findings desk={desk} choose={chooseLabel} decide={mayDecide ? decide : null} />
            <Field desk={desk} section="findings" title={t("findings")} macros={macros.value} />
            <Field desk={desk} section="impression" title={t("impression")} macros={macros.value} />
            <Signatures study={study} />
            <Priors desk={desk} viewing={viewing} />
            {!caseOf && desk.editable.value && <Checks desk={desk} />}
            <Dropped desk={desk} />
            {!caseOf && <Similar desk={desk} />}
            {desk.editable.value && <Macros macros={macros} open={macrosOpen} />}
            <Notes study={study} />
            {study.draft && <p class="quiet-text model-line">{t("draft_by", study.draft.model.name, study.draft.model.version)}</p>}
          </div>
          <footer class="actions">
            {desk.editable.value && (
              <>
                <button type="button" class="quiet" onClick={() => history("undo")}>{t("undo")}<kbd>Ctrl+Z</kbd></button>
                {!caseOf && study.allowed.includes("critical") && <button type="button" class="quiet" onClick={() => (dialog.value = "mark")}>{t("critical_mark")}</button>}
              </>
            )}
            {!caseOf && study.allowed.includes("erase") && <button type="button" class="quiet" onClick={() => (dialog.value = "erase")}>{t("erase")} …</button>}
            <span class="grow" />
            {study.allowed.includes("addendum") && <button type="button" class="primary" onClick={() => (dialog.value = "addendum")}>{t("write_addendum")}<kbd>Ctrl+Enter</kbd></button>}
            {canSign && <button type="button" class="primary" onClick={sign}>{t("sign")}<kbd>Ctrl+Enter</kbd></button>}
            {caseOf && <button type="button" class="primary" onClick={() => void caseOf.submit(desk)}>{caseOf.submitLabel}<kbd>Ctrl+Enter</kbd></button>}
          </footer>
        </aside>
      </div>
      {dialog.value === "sign" && <SignDialog desk={desk} onClose={() => (dialog.value = null)} onSigned={signed} />}
      {dialog.value === "addendum" && (
        <AddendumDialog study={study} text={lostText(desk)} onClose={() => (dialog.value = null)} onSigned={signed} />
      )}
      {dialog.value === "mark" && (
        <MarkCriticalDialog study={study} onClose={() => (dialog.value = null)} onDone={() => {
          dialog.value = null;
          void refresh().catch(complain);
        }} />
      )}
      {dialog.value === "erase" && (
        <EraseDialog study={study} onClose={() => (dialog.value = null)} onDone={() => {
          desk.close();
          say(t("erased"));
          go("worklist");
        }} />
      )}
      {critical.value && !dialog.value && (
        <CriticalDialog
          study={study} critical={critical.value}
          onLater={() => {
            critical.value = null;
            after.current?.();
            after.current = null;
          }}
          onDone={() => {
            critical.value = null;
            void refresh().catch(complain);
            after.current?.();
            after.current = null;
          }}
        />
      )}
      <ConflictDialog desk={desk} />
      {guard.value && !desk.conflict.value && session.value && <GuardDialog study={study} />}
    </main>
  );
}

/** What the reader had written when someone else signed: offered as the addendum's beginning. */
function lostText(desk: Desk): string {
  const lost = desk.signedMeanwhile.value;
  if (!lost) return "";
  return [lost.findings, lost.impression].filter(Boolean).join("\n");
}

function Request({ study, desk, redrafting, redraft, readOnly }: { study: Study; desk: Desk; redrafting: Signal<boolean>; redraft: () => void; readOnly: boolean }) {
  const editable = desk.editable.value && !readOnly;
  const form = useRef<HTMLFormElement>(null);
  const timer = useRef(0);
  const unsent = useRef(false);
  const patch = (): void => {
    if (!unsent.current || !form.current) return;
    window.clearTimeout(timer.current);
    const data = new FormData(form.current);
    unsent.current = false;
    send<Study>("PATCH", `/api/studies/${encodeURIComponent(study.id)}`, { indication: String(data.get("indication")), comparison: String(data.get("comparison")) }, true)
      .catch((error: unknown) => {
        unsent.current = true;
        if (error instanceof ApiError && (error.passing || error.status === 401)) timer.current = window.setTimeout(patch, 2500);
        else complain(error);
      });
  };
  const save = (): void => {
    unsent.current = true;
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(patch, 600);
  };
  useEffect(() => {
    window.addEventListener("pagehide", patch);
    return () => {
      window.removeEventListener("pagehide", patch);
      patch();
    };
  }, []);
  return (
    <form ref={form} class="request" onSubmit={(e) => {
      e.preventDefault();
      redraft();
    }}>
      <label><span>{t("indication")}</span><input name="indication" defaultValue={study.indication ?? ""} readOnly={!editable} onInput={save} maxLength={2000} /></label>
      <label><span>{t("comparison")}</span><input name="comparison" defaultValue={study.comparison ?? ""} readOnly={!editable} onInput={save} maxLength={2000} /></label>
      {editable && study.allowed.includes("redraft") && (
        <button type="submit" title={t("redraft_hint")} disabled={redrafting.value}>{redrafting.value ? t("redrafting") : t("redraft")}<kbd>Alt+R</kbd></button>
      )}
    </form>
  );
}
