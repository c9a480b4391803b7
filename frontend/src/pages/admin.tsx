// Users, the audit trail, the system's state, and the erasure of studies.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, send, type Account, type AuditEntry, type Job, type Role, type SystemInfo } from "../api";
import { moment, t } from "../i18n";
import { helpKeys, useKeys } from "../keys";
import { complain, go, route, say } from "../state";
import { Dialog, Labelled } from "../ui";

const ROLES: Role[] = ["reader", "resident", "administrator", "service"];

function Users() {
  const users = useSignal<Account[]>([]);
  const link = useSignal<{ name: string; text: string } | null>(null);
  const editing = useSignal<Account | null>(null);
  const load = (): Promise<void> => get<{ items: Account[] }>("/api/users").then((a) => void (users.value = a.items)).catch(complain);
  useEffect(() => void load(), []);
  const shown = (name: string, answer: { link?: string | null; token?: string | null }): void => {
    const text = answer.token ?? (answer.link ? new URL(answer.link, location.href).href : "");
    if (text) link.value = { name, text };
  };
  const add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    try {
      const name = String(data.get("name"));
      shown(name, await send<{ link: string | null; token: string | null }>("POST", "/api/users", { username: String(data.get("username")), name, roles: data.getAll("roles").map(String) }));
      form.reset();
      await load();
    } catch (error) {
      complain(error);
    }
  };
  const reset = (u: Account): Promise<void> => send<{ link?: string; token?: string }>("POST", `/api/users/${encodeURIComponent(u.id)}/reset`).then((a) => shown(u.name, a)).catch(complain);
  const patch = (u: Account, change: Partial<Account>): Promise<void> => send("PATCH", `/api/users/${encodeURIComponent(u.id)}`, change).then(load).catch(complain);
  return (
    <>
      {link.value && (
        <div class="notice">
          <p>{t("link_for", link.value.name)}</p>
          <div class="row"><input class="grow mono" readOnly value={link.value.text} aria-label={t("link_for", link.value.name)} onFocus={(e) => e.currentTarget.select()} />
            <button type="button" onClick={() => void navigator.clipboard?.writeText(link.value!.text)}>{t("copy")}</button></div>
        </div>
      )}
      <div class="table-wrap" tabIndex={0} role="region" aria-label={t("users")}>
        <table class="list">
          <thead><tr><th scope="col">{t("username")}</th><th scope="col">{t("name")}</th><th scope="col">{t("roles")}</th><th scope="col">{t("column_status")}</th><th scope="col">{t("last_login")}</th><th scope="col"><span class="sr">{t("details")}</span></th></tr></thead>
          <tbody>
            {users.value.map((u) => (
              <tr key={u.id}>
                <td class="mono">{u.username}</td><td>{u.name}</td><td>{u.roles.map((r) => t(`role_${r}`)).join(", ")}</td>
                <td>{u.disabled ? t("disabled") : u.locked ? t("locked") : t("active")}</td><td class="mono">{u.last_login ? moment(u.last_login) : t("never")}</td>
                <td class="row-acts">{!u.roles.includes("service") && <button type="button" class="quiet" onClick={() => (editing.value = u)}>{t("edit_user")}</button>}
                  <button type="button" class="quiet" onClick={() => void reset(u)}>{t("reset")}</button>
                  <button type="button" class="quiet" onClick={() => void patch(u, { disabled: !u.disabled })}>{u.disabled ? t("enable") : t("disable")}</button></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {editing.value && (
        <Dialog title={editing.value.username} onClose={() => (editing.value = null)}>
          <form onSubmit={(e) => {
            e.preventDefault();
            const data = new FormData(e.currentTarget);
            void patch(editing.value!, { name: String(data.get("name")), roles: data.getAll("roles") as Role[] }).then(() => (editing.value = null));
          }}>
            <Labelled text={t("name")}><input name="name" required data-first maxLength={120} defaultValue={editing.value.name} /></Labelled>
            <fieldset class="roles"><legend>{t("roles")}</legend>
              {ROLES.filter((r) => r !== "service").map((r) => <label key={r} class="choice"><input type="checkbox" name="roles" value={r} defaultChecked={editing.value!.roles.includes(r)} />{t(`role_${r}`)}</label>)}
            </fieldset>
            <p class="quiet-text">{t("edit_user_hint")}</p>
            <footer><button type="button" onClick={() => (editing.value = null)}>{t("cancel")}</button><button type="submit" class="primary">{t("save")}</button></footer>
          </form>
        </Dialog>
      )}
      <form class="card" onSubmit={(e) => void add(e)}>
        <h2>{t("add_user")}</h2>
        <div class="row">
          <Labelled text={t("username")}><input name="username" required autocomplete="off" maxLength={64} /></Labelled>
          <Labelled text={t("name")}><input name="name" required autocomplete="off" maxLength={120} /></Labelled>
          <fieldset class="roles"><legend>{t("roles")}</legend>
            {ROLES.map((r) => <label key={r} class="choice"><input type="checkbox" name="roles" value={r} defaultChecked={r === "reader"} />{t(`role_${r}`)}</label>)}
          </fieldset>
          <button type="submit" class="primary">{t("add")}</button>
        </div>
      </form>
    </>
  );
}

function Audit() {
  const entries = useSignal<AuditEntry[]>([]);
  const filter = useSignal({ actor: "", action: "", study: "" });
  const verdict = useSignal<{ ok: boolean; message: string } | null>(null);
  const asked = new URLSearchParams({ limit: "200", ...Object.fromEntries(Object.entries(filter.value).filter(([, v]) => v)) }).toString();
  useEffect(() => {
    const timer = window.setTimeout(() => void get<{ items: AuditEntry[] }>(`/api/audit?${asked}`).then((a) => (entries.value = a.items)).catch(complain), 200);
    return () => window.clearTimeout(timer);
  }, [asked]);
  return (
    <>
      <div class="row">
        <input aria-label={t("filter_actor")} placeholder={t("filter_actor")} onInput={(e) => (filter.value = { ...filter.value, actor: e.currentTarget.value })} />
        <input aria-label={t("filter_action")} placeholder={t("filter_action")} onInput={(e) => (filter.value = { ...filter.value, action: e.currentTarget.value })} />
        <button type="button" onClick={() => void get<{ ok: boolean; message: string }>("/api/audit/verify").then((v) => (verdict.value = v)).catch(complain)}>{t("verify")}</button>
        {verdict.value && <span role="status" class={verdict.value.ok ? "good" : "bad"}>{verdict.value.message}</span>}
      </div>
      <div class="table-wrap" tabIndex={0} role="region" aria-label={t("audit")}>
        <table class="list audit">
          <thead><tr><th scope="col">#</th><th scope="col">{t("when")}</th><th scope="col">{t("who")}</th><th scope="col">{t("what")}</th><th scope="col">{t("study")}</th><th scope="col">{t("details")}</th></tr></thead>
          <tbody>
            {entries.value.map((e) => (
              <tr key={e.seq}><td class="mono">{e.seq}</td><td class="mono">{moment(e.at)}</td><td>{e.actor}</td><td>{e.action}</td>
                <td class="mono">{e.study_id && <a href={`#/read/${encodeURIComponent(e.study_id)}`}>{e.study_id.slice(-8)}</a>}</td>
                <td class="mono detail" title={JSON.stringify(e.detail)}>{JSON.stringify(e.detail)}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function System() {
  const info = useSignal<SystemInfo | null>(null);
  const jobs = useSignal<(Job & { study_id: string })[]>([]);
  const erasing = useSignal<string | null>(null);
  useEffect(() => {
    get<SystemInfo>("/api/system").then((i) => (info.value = i)).catch(complain);
    get<{ items: (Job & { study_id: string })[] }>("/api/jobs?state=failed").then((a) => (jobs.value = a.items)).catch(complain);
  }, []);
  const s = info.value;
  const erase = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await send("DELETE", `/api/studies/${encodeURIComponent(String(data.get("study")))}`, { reason: String(data.get("reason")) });
      erasing.value = null;
      say(t("erased"));
    } catch (error) {
      complain(error);
    }
  };
  return (
    <>
      {s && (
        <dl class="card facts">
          <dt>{t("version")}</dt><dd>{s.version}</dd>
          <dt>{t("database")}</dt><dd>{s.database}</dd>
          <dt>{t("studies")}</dt><dd>{s.studies}</dd>
          <dt>{t("disk_free")}</dt><dd>{(s.disk_free_bytes / 1e9).toFixed(1)} GB</dd>
          <dt>{t("model")}</dt><dd>{s.model ? `${String(s.model.name ?? "")} ${String(s.model.version ?? "")}` : t("none")}</dd>
          <dt>{t("workers")}</dt><dd>{s.workers.filter((w) => w.alive).length} / {s.workers.length}</dd>
        </dl>
      )}
      <section class="card">
        <h2>{t("failed_jobs")}</h2>
        {jobs.value.length === 0 && <p class="quiet-text">{t("none")}</p>}
        <ul>{jobs.value.map((j) => <li key={j.study_id}><a href={`#/read/${encodeURIComponent(j.study_id)}`}>{j.study_id}</a> {j.reason}</li>)}</ul>
      </section>
      <button type="button" onClick={() => (erasing.value = "")}>{t("erase")} …</button>
      {erasing.value !== null && (
        <Dialog title={t("erase")} onClose={() => (erasing.value = null)}>
          <form onSubmit={(e) => void erase(e)}>
            <p class="notice warn">{t("erase_warn")}</p>
            <Labelled text={t("study")}><input name="study" required data-first class="mono" /></Labelled>
            <Labelled text={t("erase_reason")}><input name="reason" required maxLength={500} /></Labelled>
            <footer><button type="button" onClick={() => (erasing.value = null)}>{t("cancel")}</button><button type="submit" class="danger">{t("remove")}</button></footer>
          </form>
        </Dialog>
      )}
    </>
  );
}

const PARTS = { users: Users, audit: Audit, system: System };

export function AdminPage() {
  const part = (route.value[1] ?? "users") as keyof typeof PARTS;
  useKeys(helpKeys);
  const Part = PARTS[part] ?? Users;
  return (
    <main class="page">
      <div class="list-head">
        <h1>{t("administration")}</h1>
        <div class="filters" role="group" aria-label={t("administration")}>
          {(Object.keys(PARTS) as (keyof typeof PARTS)[]).map((p) => (
            <button key={p} type="button" class={p === part ? "on" : ""} aria-pressed={p === part} onClick={() => go("admin", p)}>{t(p)}</button>
          ))}
        </div>
      </div>
      <Part />
    </main>
  );
}
