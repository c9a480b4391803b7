// Reader studies: how a department finds out whether drafts help. Cases come by lot, with the draft hidden or shown.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, send, type Account, type Draft, type ReaderCase, type ReaderStudy, type Report, type Row, type Worklist } from "../api";
import { day, moment, person, t, word } from "../i18n";
import { helpKeys, useKeys } from "../keys";
import type { Desk, Shelf } from "../report/desk";
import { complain, go, may } from "../state";
import { Dialog, Labelled } from "../ui";
import { Reading, type CaseOf } from "./reading";

export function ReaderStudiesPage() {
  const list = useSignal<ReaderStudy[] | null>(null);
  const making = useSignal(false);
  const names = useSignal<Record<string, string>>({});
  const load = (): Promise<void> => get<{ items: ReaderStudy[] }>("/api/reader-studies").then((a) => void (list.value = a.items)).catch(complain);
  useKeys(helpKeys);
  useEffect(() => {
    void load();
    if (may("administrator")) get<{ items: Account[] }>("/api/users").then((a) => (names.value = Object.fromEntries(a.items.map((u) => [u.id, u.name])))).catch(complain);
  }, []);
  return (
    <main class="page">
      <div class="list-head"><h1>{t("reader_studies")}</h1><span class="grow" />{may("administrator") && <button type="button" class="primary" onClick={() => (making.value = true)}>{t("rs_new")}</button>}</div>
      <p class="quiet-text">{t("rs_lead")}</p>
      {list.value?.length === 0 && <p class="empty">{t("rs_none")}</p>}
      <ul class="tiles">
        {list.value?.map((s) => (
          <li key={s.id} class="card">
            <h2>{s.name}</h2>
            <p class="quiet-text">{t(s.design === "crossover" ? "rs_crossover" : "rs_parallel")} · {s.arms[0] === "hidden" ? t("rs_hidden_shown") : t("rs_first")} · {t(s.state === "open" ? "rs_open" : "rs_closed")}{s.washout_days > 0 && ` · ${t("rs_washout_of", s.washout_days)}`}</p>
            {s.readers && (
              <ul class="progress-list">
                {Object.entries(s.readers).map(([id, p]) => <li key={id}><span>{names.value[id] ?? id}</span><progress max={p.total} value={p.done} aria-label={names.value[id] ?? id} /><span class="mono">{p.done} / {p.total}</span></li>)}
              </ul>
            )}
            {s.mine && <p>{t("rs_done", s.mine.done, s.mine.total)}</p>}
            <div class="row">
              {s.mine && s.state === "open" && s.mine.done < s.mine.total && <button type="button" class="primary" onClick={() => go("reader-study", s.id)}>{t("rs_begin")}</button>}
              {may("administrator") && <a class="button" href={`/api/reader-studies/${encodeURIComponent(s.id)}/export.csv`} download>{t("export_csv")}</a>}
              {may("administrator") && s.state === "open" && <button type="button" class="quiet" onClick={() => window.confirm(t("rs_close_sure")) && void send("POST", `/api/reader-studies/${encodeURIComponent(s.id)}/close`).then(load).catch(complain)}>{t("rs_close")}</button>}
            </div>
          </li>
        ))}
      </ul>
      {making.value && <NewStudy onClose={() => {
        making.value = false;
        void load();
      }} />}
    </main>
  );
}

function NewStudy({ onClose }: { onClose: () => void }) {
  const rows = useSignal<Row[]>([]);
  const users = useSignal<Account[]>([]);
  const error = useSignal("");
  const chosen = useSignal(new Set<string>());
  const toggle = (id: string): void => {
    const now = new Set(chosen.value);
    if (!now.delete(id)) now.add(id);
    chosen.value = now;
  };
  useEffect(() => {
    get<Worklist>("/api/worklist?limit=500&sort=received").then((w) => (rows.value = w.items.filter((r) => r.report_state !== "none"))).catch(complain);
    get<{ items: Account[] }>("/api/users").then((a) => (users.value = a.items.filter((u) => !u.disabled && (u.roles.includes("reader") || u.roles.includes("resident"))))).catch(complain);
  }, []);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await send("POST", "/api/reader-studies", {
        name: String(data.get("name")), design: String(data.get("design")), arms: String(data.get("arms")).split("/"),
        study_ids: [...chosen.value], reader_ids: data.getAll("readers").map(String),
        seed: Number(data.get("seed")), washout_days: Number(data.get("washout")),
      });
      onClose();
    } catch (problem) {
      error.value = problem instanceof Error ? problem.message : String(problem);
    }
  };
  return (
    <Dialog title={t("rs_new")} onClose={onClose} wide>
      <form onSubmit={(e) => void submit(e)}>
        <Labelled text={t("name")}><input name="name" required data-first maxLength={120} /></Labelled>
        <div class="grid2">
          <Labelled text={t("rs_design")}><select name="design"><option value="crossover">{t("rs_crossover")}</option><option value="parallel">{t("rs_parallel")}</option></select></Labelled>
          <Labelled text={t("rs_arms")}><select name="arms"><option value="hidden/shown">{t("rs_hidden_shown")}</option><option value="read_first/draft_first">{t("rs_first")}</option></select></Labelled>
          <Labelled text={t("rs_seed")}><input type="number" name="seed" defaultValue="1" required /></Labelled>
          <Labelled text={t("rs_washout")}><input type="number" name="washout" defaultValue="0" min="0" required /></Labelled>
        </div>
        <fieldset><legend>{t("rs_pick_studies")}</legend>
          <div class="row">
            <button type="button" class="quiet" onClick={() => (chosen.value = new Set(rows.value.map((r) => r.id)))}>{t("rs_all")}</button>
            <button type="button" class="quiet" onClick={() => (chosen.value = new Set())}>{t("rs_none_of")}</button>
            <span class="quiet-text" role="status">{t("rs_chosen", chosen.value.size, rows.value.length)}</span>
          </div>
          <div class="pick">
            {rows.value.map((r) => (
              <label key={r.id} class="choice">
                <input type="checkbox" value={r.id} checked={chosen.value.has(r.id)} onChange={() => toggle(r.id)} />
                <span>{person(r.patient.name)} · {r.accession} · {day(r.study_date)} <small>{word("status", r.status)}</small></span>
              </label>
            ))}
          </div>
        </fieldset>
        <fieldset class="pick"><legend>{t("rs_pick_readers")}</legend>
          {users.value.map((u) => <label key={u.id} class="choice"><input type="checkbox" name="readers" value={u.id} defaultChecked />{u.name}</label>)}
        </fieldset>
        <p class="form-error" role="alert">{error.value}</p>
        <footer><button type="button" onClick={onClose}>{t("cancel")}</button><button type="submit" class="primary" disabled={chosen.value.size === 0}>{t("rs_create")}</button></footer>
      </form>
    </Dialog>
  );
}

export function ReaderCasePage({ id }: { id: string }) {
  const current = useSignal<ReaderCase | null>(null);
  const done = useSignal(false);
  const wait = useSignal<string | null>(null);
  const turn = useSignal(0);
  const next = (): Promise<void> => send<{ case: ReaderCase | null; done: boolean; not_before: string | null }>("POST", `/api/reader-studies/${encodeURIComponent(id)}/next`).then((a) => {
    current.value = a.case && { ...a.case, study: { ...a.case.study, blinded: true } };
    done.value = a.done || !a.case;
    wait.value = a.not_before;
    turn.value += 1;
  }).catch((error: unknown) => {
    complain(error);
    if (!current.value) go("reader-studies");
  });
  useEffect(() => void next(), [id]);
  if (done.value) {
    return (
      <main class="gate">
        <p role="status">{wait.value ? t("rs_wait", moment(wait.value)) : t("rs_finished")}</p>
        <button type="button" autofocus onClick={() => go("reader-studies")}>{t("reader_studies")}</button>
      </main>
    );
  }
  const c = current.value;
  if (!c) return <main class="page"><p class="quiet-text" role="status">{t("loading")}</p></main>;
  const shelf: Shelf = {
    key: `case-${c.id}`,
    save: async (body) => {
      const { version } = await send<{ version: number }>("PUT", `/api/reader-cases/${encodeURIComponent(c.id)}`, {
        findings: body.findings, impression: body.impression, seconds: body.seconds, base_version: body.base_version,
      });
      const saved: Partial<Report> = { version, findings: body.findings, impression: body.impression, updated_at: new Date().toISOString() };
      return saved as Report;
    },
  };
  const caseOf: CaseOf = {
    title: t("rs_case", c.number, c.of),
    note: c.phase === "revise" ? t("rs_revise") : c.study.draft ? "" : t("draft_hidden"),
    submitLabel: c.arm === "read_first" && c.phase === "read" ? t("rs_submit_reveal") : t("rs_submit"),
    submit: async (desk: Desk) => {
      try {
        if (!(await desk.flush())) return;
        const answer = await send<{ phase: "revise" | "done"; draft: Draft | null; version: number }>("POST", `/api/reader-cases/${encodeURIComponent(c.id)}/submit`, { ...desk.text, seconds: desk.takeSeconds(), phase: c.phase });
        if (answer.phase === "done") return void (await next());
        const study = { ...desk.study.value, draft: answer.draft, blinded: true, report: { ...desk.study.value.report, ...desk.text, version: answer.version } };
        current.value = { ...c, phase: "revise", study };
        turn.value += 1;
      } catch (error) {
        complain(error);
      }
    },
  };
  return <Reading key={turn.value} first={c.study} shelf={shelf} caseOf={caseOf} />;
}
