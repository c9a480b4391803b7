// Signing, addenda, critical results, conflicts, the guard, and the diff: the dialogs of the reading page.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, send, type ApiError, type Critical, type Diff, type Study } from "../api";
import { day, label, moment, person, t, word } from "../i18n";
import type { Desk } from "../report/desk";
import { compare } from "../report/sentences";
import { complain, session } from "../state";
import { confirmGuard, otherPatient } from "../tabs";
import { Dialog, Labelled } from "../ui";

function Who({ study }: { study: Study }) {
  return (
    <p class="who">
      <strong>{person(study.patient.name)}</strong> · {study.patient.id || t("unknown")} · {t("accession")} {study.accession || "–"}
      {study.patient.birth_date && ` · ${t("born")} ${day(study.patient.birth_date)}`}
    </p>
  );
}

function Password({ error }: { error: string }) {
  if (session.value?.reauth === "oidc") return null;
  return (
    <Labelled text={`${t("password")} (${session.value?.user.name ?? ""})`}>
      <input type="password" name="password" required autocomplete="current-password" data-first aria-invalid={error !== ""} />
    </Labelled>
  );
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function SignDialog({ desk, onClose, onSigned }: { desk: Desk; onClose: () => void; onSigned: (study: Study) => void }) {
  const study = desk.study.value;
  const kinds = (["final", "preliminary"] as const).filter((k) => study.allowed.includes(k));
  const kind = useSignal<"final" | "preliminary">(kinds[0] ?? "preliminary");
  const error = useSignal("");
  const busy = useSignal(false);
  const saveId = useSignal(crypto.randomUUID());
  const other = otherPatient.value;
  const flags = desk.flags.value.filter((f) => f.severity !== "info");
  const empty = !desk.findings.value.trim() && !desk.impression.value.trim();
  const confirms = study.report_state === "preliminary" && study.signatures.at(-1)?.username !== session.value?.user.username;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget as HTMLFormElement).get("password") ?? "");
    busy.value = true;
    error.value = "";
    try {
      if (!(await desk.flush())) throw new Error(t("sign_wait"));
      onSigned(await send<Study>("POST", `/api/studies/${encodeURIComponent(study.id)}/sign`, {
        kind: kind.value, version: desk.reportVersion, password, seconds: desk.takeSeconds(), save_id: saveId.value,
      }));
    } catch (problem) {
      error.value = message(problem);
      if ((problem as ApiError).code === "conflict") onClose();
    } finally {
      busy.value = false;
    }
  };
  return (
    <Dialog title={t("sign")} onClose={onClose}>
      <form onSubmit={(e) => void submit(e)}>
        <p class="quiet-text">{t("sign_for")}</p>
        <Who study={study} />
        {empty && <p class="notice warn">{t("sign_empty")}</p>}
        {flags.length > 0 && (
          <div class="notice warn">
            {t("sign_flags")}
            <ul>{flags.map((f, i) => <li key={i}>{f.message}</li>)}</ul>
          </div>
        )}
        <fieldset>
          <legend>{t("meaning")}</legend>
          {kinds.map((k) => (
            <label key={k} class="choice">
              <input type="radio" name="kind" value={k} checked={kind.value === k} onChange={() => (kind.value = k)} />
              {t(k === "preliminary" ? "meaning_preliminary" : confirms ? "meaning_confirm" : "meaning_final")}
            </label>
          ))}
        </fieldset>
        {other && (
          <label class="choice warn"><input type="checkbox" required />{t("sign_other", person(other.patient))}</label>
        )}
        <Password error={error.value} />
        <p class="form-error" role="alert">{error.value}</p>
        <footer>
          <button type="button" onClick={onClose}>{t("cancel")}</button>
          <button type="submit" class="primary" disabled={busy.value || empty}>{t(kind.value === "final" ? "sign_final" : "sign_preliminary")}</button>
        </footer>
      </form>
    </Dialog>
  );
}

export function AddendumDialog({ study, text, onClose, onSigned }: { study: Study; text: string; onClose: () => void; onSigned: (study: Study) => void }) {
  const error = useSignal("");
  const saveId = useSignal(crypto.randomUUID());
  const kept = `wetread:addendum:${session.value?.user.id}:${study.id}`;
  const start = text || (sessionStorage.getItem(kept) ?? "");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    error.value = "";
    try {
      const signed = await send<Study>("POST", `/api/studies/${encodeURIComponent(study.id)}/sign`, {
        kind: "addendum", version: study.report.version, password: String(data.get("password") ?? ""), seconds: 0,
        text: String(data.get("text")), save_id: saveId.value,
      });
      sessionStorage.removeItem(kept);
      onSigned(signed);
    } catch (problem) {
      error.value = message(problem);
    }
  };
  return (
    <Dialog title={t("write_addendum")} onClose={onClose}>
      <form onSubmit={(e) => void submit(e)}>
        <Who study={study} />
        <Labelled text={t("addendum")} hint={t("addendum_hint")}>
          <textarea name="text" rows={5} required data-first defaultValue={start} onInput={(e) => sessionStorage.setItem(kept, e.currentTarget.value)} />
        </Labelled>
        <Password error={error.value} />
        <p class="form-error" role="alert">{error.value}</p>
        <footer>
          <button type="button" onClick={onClose}>{t("cancel")}</button>
          <button type="submit" class="primary">{t("sign")}</button>
        </footer>
      </form>
    </Dialog>
  );
}

/** `2026-11-24T13:45` in the reader's own time, as the input wants it. */
function localNow(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

export function CriticalDialog({ study, critical, onDone, onLater }: { study: Study; critical: Critical; onDone: () => void; onLater: () => void }) {
  const error = useSignal("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await send("POST", `/api/criticals/${encodeURIComponent(critical.id)}/acknowledge`, {
        told: String(data.get("told")), how: String(data.get("how")), told_at: new Date(String(data.get("when"))).toISOString(),
      });
      onDone();
    } catch (problem) {
      error.value = message(problem);
    }
  };
  return (
    <Dialog title={t("critical")} onClose={onLater}>
      <form onSubmit={(e) => void submit(e)}>
        <Who study={study} />
        <p class="notice critical">{t("critical_ask", label(critical.finding))}</p>
        {critical.text && <p>{critical.text}</p>}
        <Labelled text={t("critical_told")}><input name="told" required data-first maxLength={200} /></Labelled>
        <div class="row">
          <Labelled text={t("critical_when")}><input type="datetime-local" name="when" required defaultValue={localNow()} /></Labelled>
          <Labelled text={t("critical_how")}>
            <select name="how">
              <option value="telephone">{t("how_telephone")}</option>
              <option value="in person">{t("how_person")}</option>
              <option value="message">{t("how_message")}</option>
              <option value="other">{t("how_other")}</option>
            </select>
          </Labelled>
        </div>
        <p class="form-error" role="alert">{error.value}</p>
        <footer>
          <button type="button" onClick={onLater}>{t("critical_later")}</button>
          <button type="submit" class="primary">{t("critical_ack")}</button>
        </footer>
      </form>
    </Dialog>
  );
}

export function MarkCriticalDialog({ study, onClose, onDone }: { study: Study; onClose: () => void; onDone: () => void }) {
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await send("POST", `/api/studies/${encodeURIComponent(study.id)}/criticals`, { finding: String(data.get("finding")) });
      onDone();
    } catch (problem) {
      complain(problem);
    }
  };
  return (
    <Dialog title={t("critical")} onClose={onClose}>
      <form onSubmit={(e) => void submit(e)}>
        <Who study={study} />
        <Labelled text={t("critical_finding")}><input name="finding" required data-first maxLength={200} /></Labelled>
        <footer>
          <button type="button" onClick={onClose}>{t("cancel")}</button>
          <button type="submit" class="primary">{t("save")}</button>
        </footer>
      </form>
    </Dialog>
  );
}

export function EraseDialog({ study, onClose, onDone }: { study: Study; onClose: () => void; onDone: () => void }) {
  const error = useSignal("");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget as HTMLFormElement).get("reason"));
    try {
      await send("DELETE", `/api/studies/${encodeURIComponent(study.id)}`, { reason });
      onDone();
    } catch (problem) {
      error.value = message(problem);
    }
  };
  return (
    <Dialog title={t("erase")} onClose={onClose}>
      <form onSubmit={(e) => void submit(e)}>
        <Who study={study} />
        <p class="notice warn">{t("erase_warn")}</p>
        <Labelled text={t("erase_reason")}><input name="reason" required data-first maxLength={500} /></Labelled>
        <p class="form-error" role="alert">{error.value}</p>
        <footer><button type="button" onClick={onClose}>{t("cancel")}</button><button type="submit" class="danger">{t("remove")}</button></footer>
      </form>
    </Dialog>
  );
}

function Compared({ before, after }: { before: string; after: string }) {
  return (
    <p class="compared">
      {compare(before, after).map((part, i) => part.kind === "same" ? part.text : part.kind === "gone" ? <del key={i}>{part.text}</del> : <ins key={i}>{part.text}</ins>)}
    </p>
  );
}

export function ConflictDialog({ desk }: { desk: Desk }) {
  const clash = desk.conflict.value;
  if (!clash) return null;
  const { theirs } = clash;
  const column = (title: string, texts: { findings: string; impression: string }) => (
    <div>
      <h3>{title}</h3>
      {(["findings", "impression"] as const).map((s) => (
        <div key={s}><h4>{t(s)}</h4><p class="kept-text">{texts[s] || "–"}</p></div>
      ))}
    </div>
  );
  return (
    <Dialog title={t("conflict_title")} onClose={() => undefined} wide fixed>
      <p>{t("conflict_lead")}</p>
      <div class="columns">
        {column(t("conflict_mine"), desk.text)}
        {column(t("conflict_theirs", theirs.updated_by ?? t("model")), theirs)}
      </div>
      <footer>
        <button type="button" onClick={() => desk.resolve("theirs")}>{t("keep_theirs")}</button>
        <button type="button" onClick={() => desk.resolve("mine")}>{t("keep_mine")}</button>
        <button type="button" class="primary" data-first onClick={() => desk.resolve("both")}>{t("keep_both")}</button>
      </footer>
    </Dialog>
  );
}

export function GuardDialog({ study }: { study: Study }) {
  const other = otherPatient.value;
  return (
    <Dialog title={t("guard_title")} onClose={() => undefined} fixed>
      <p>{t("guard_lead")}</p>
      <Who study={study} />
      {other && <p class="quiet-text">{t("guard_other")}: <strong>{person(other.patient)}</strong> · {t("accession")} {other.accession || "–"}</p>}
      <footer>
        <button type="button" class="primary" data-first onClick={confirmGuard}>{t("guard_go", person(study.patient.name))}</button>
      </footer>
    </Dialog>
  );
}

/** Draft against signed text. */
export function DiffView({ study }: { study: Study }) {
  const diff = useSignal<Diff | null>(null);
  useEffect(() => {
    get<Diff>(`/api/studies/${encodeURIComponent(study.id)}/diff`).then((d) => (diff.value = d)).catch(complain);
  }, [study.id, study.signatures.length]);
  const d = diff.value;
  if (!d) return <p class="quiet-text">{t("loading")}</p>;
  const s = d.sentences;
  return (
    <div class="diff">
      {s && <p class="quiet-text">{t("diff_line", d.edit_distance?.words ?? "–", Math.round(d.seconds ?? 0), s.kept, s.edited, s.dropped, s.typed)}</p>}
      {(["findings", "impression"] as const).map((section) => (
        <div key={section}>
          <h3>{t(section)}</h3>
          <Compared before={d.draft?.[section] ?? ""} after={d.signed[section]} />
        </div>
      ))}
    </div>
  );
}

export function Signatures({ study }: { study: Study }) {
  const diff = useSignal(false);
  if (study.signatures.length === 0) return null;
  return (
    <section class="card signatures" aria-labelledby="signatures-title">
      <h2 id="signatures-title">{t("signatures")}</h2>
      <ol>
        {study.signatures.map((s) => (
          <li key={s.number}>
            <p><b>{t("signed_by", word("kind", s.kind), s.name, moment(s.at))}</b></p>
            {s.text && <p class="addendum-text">{s.text}</p>}
            <p class="hash" title={s.sha256}>SHA-256 {s.sha256.slice(0, 16)}…</p>
          </li>
        ))}
      </ol>
      <details onToggle={(e) => (diff.value = e.currentTarget.open)}>
        <summary>{t("diff")}</summary>
        {diff.value && <DiffView study={study} />}
      </details>
    </section>
  );
}

export function Criticals({ study, act }: { study: Study; act: (critical: Critical) => void }) {
  if (study.criticals.length === 0) return null;
  return (
    <div>
      {study.criticals.map((c) => c.acknowledged ? (
        <p key={c.id} class="notice done">{t("critical_done", label(c.finding), c.acknowledged.told, c.acknowledged.by, word("how", c.acknowledged.how === "in person" ? "person" : c.acknowledged.how), moment(c.acknowledged.told_at))}</p>
      ) : (
        <div key={c.id} class="notice critical">
          {t("critical_open", label(c.finding))}
          {study.allowed.includes("critical") && <button type="button" onClick={() => act(c)}>{t("critical_ack")}</button>}
        </div>
      ))}
    </div>
  );
}
