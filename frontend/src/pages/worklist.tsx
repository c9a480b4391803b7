// The worklist: what waits, in which order, and who reads it.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { getChanged, send, upload, type Row, type Worklist } from "../api";
import * as cache from "../cache";
import { day, label, moment, person, seconds, since, t, word, type TextKey } from "../i18n";
import { helpKeys, useKeys } from "../keys";
import { complain, go, may, online, say } from "../state";
import { Dialog, Labelled } from "../ui";

/** Why a study is to be read soon: "Pneumothorax .41, …" in the chosen language. */
function urgency(reasons: string[]): string {
  const named = reasons.map((reason) => {
    const at = reason.lastIndexOf(" ");
    const finding = reason.slice(0, at);
    return `${finding === "Any finding" ? t("any_finding") : label(finding)}${reason.slice(at)}`;
  });
  return named.join(", ") || t("no_finding_named");
}

const POLL_MS = 2000;
const PAGE = 100;
const STATUSES = ["unread", "reading", "preliminary", "final", "drafting", "queued", "failed"] as const;
const COLUMNS: { key: string; text: TextKey; class?: string }[] = [
  { key: "triage", text: "column_triage" }, { key: "status", text: "column_status" }, { key: "patient_name", text: "column_patient_name" },
  { key: "patient_id", text: "column_patient_id", class: "wide-only" }, { key: "accession", text: "column_accession" },
  { key: "study_date", text: "column_study_date" }, { key: "modality", text: "column_modality", class: "wide-only" },
  { key: "received", text: "column_received" },
];

interface Filter { q: string; status: string[]; mine: boolean; critical: boolean; sort: string; order: "asc" | "desc"; limit: number }
const KEPT = "wetread:filter";
const START: Filter = { q: "", status: [], mine: false, critical: false, sort: "triage", order: "asc", limit: PAGE };

function kept(): Filter {
  try {
    return { ...START, ...(JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") as Partial<Filter>), q: "" };
  } catch {
    return START;
  }
}

function query(f: Filter): string {
  const p = new URLSearchParams({ sort: f.sort, order: f.order, limit: String(f.limit), offset: "0" });
  if (f.q) p.set("q", f.q);
  if (f.mine) p.set("mine", "true");
  if (f.critical) p.set("critical", "true");
  f.status.forEach((s) => p.append("status", s));
  return p.toString();
}

export interface Dropped { file: File; path: string }

/** Files of a drop, folders walked through. */
async function walk(transfer: DataTransfer): Promise<Dropped[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((e) => e === null)) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found: Dropped[] = [];
  const visit = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
      found.push({ file, path: entry.fullPath.replace(/^\//, "") });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const batch = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
      if (batch.length === 0) break;
      for (const child of batch) await visit(child);
    }
  };
  for (const entry of entries) if (entry) await visit(entry);
  return found;
}

function UploadDialog({ start, onClose }: { start: Dropped[]; onClose: () => void }) {
  const files = useSignal<Dropped[]>(start);
  const share = useSignal<number | null>(null);
  const error = useSignal("");
  const refused = useSignal<{ name: string; reason: string }[]>([]);
  const add = (list: FileList | null): void => {
    files.value = [...files.value, ...[...(list ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }))];
  };
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const body = new FormData();
    for (const [name, value] of form) if (typeof value === "string" && value !== "") body.append(name, value);
    for (const { file, path } of files.value) body.append("files", file, path);
    share.value = 0;
    error.value = "";
    try {
      const answer = await upload(body, (s) => (share.value = s));
      const again = answer.accepted.filter((a) => a.duplicate).length;
      say(t("uploaded", answer.accepted.length) + (again ? ` (${again}: ${t("duplicate")})` : ""));
      refused.value = answer.refused;
      files.value = [];
      if (answer.refused.length === 0) onClose();
    } catch (problem) {
      error.value = problem instanceof Error ? problem.message : String(problem);
      refused.value = ((problem as { body?: { refused?: typeof refused.value } }).body?.refused) ?? [];
    } finally {
      share.value = null;
    }
  };
  const bytes = files.value.reduce((sum, f) => sum + f.file.size, 0);
  return (
    <Dialog title={t("upload")} onClose={onClose}>
      <form onSubmit={(e) => void submit(e)}>
        <div
          class="drop" onDragOver={(e) => e.preventDefault()}
          onDrop={(e) => {
            e.preventDefault();
            e.stopPropagation();
            if (e.dataTransfer) void walk(e.dataTransfer).then((f) => (files.value = [...files.value, ...f]));
          }}
        >
          <p>{t("drop_here")}</p>
          <div class="row center">
            <label class="button">{t("upload_files")}<input type="file" class="sr" multiple data-first onChange={(e) => add(e.currentTarget.files)} /></label>
            <label class="button">{t("upload_folder")}<input type="file" class="sr" multiple {...{ webkitdirectory: true }} onChange={(e) => add(e.currentTarget.files)} /></label>
          </div>
          {files.value.length > 0 && <p><b>{t("files_chosen", files.value.length, (bytes / 1e6).toFixed(1))}</b></p>}
        </div>
        <p class="quiet-text">{t("upload_lead")}</p>
        <Labelled text={t("indication")}><input name="indication" maxLength={2000} /></Labelled>
        <Labelled text={t("column_priority")}>
          <select name="priority"><option value="routine">{t("priority_routine")}</option><option value="urgent">{t("priority_urgent")}</option><option value="stat">{t("priority_stat")}</option></select>
        </Labelled>
        <details>
          <summary>{t("for_pictures")}</summary>
          <div class="grid2">
            <Labelled text={t("patient_name")}><input name="patient_name" maxLength={200} /></Labelled>
            <Labelled text={t("patient_id")}><input name="patient_id" maxLength={64} /></Labelled>
            <Labelled text={t("accession")}><input name="accession" maxLength={64} /></Labelled>
            <Labelled text={t("column_study_date")}><input type="date" name="study_date" /></Labelled>
          </div>
        </details>
        {refused.value.length > 0 && (
          <div class="notice warn"><b>{t("refused")}</b><ul>{refused.value.map((r) => <li key={r.name}>{r.name}: {r.reason}</li>)}</ul></div>
        )}
        <p class="form-error" role="alert">{error.value}</p>
        {share.value !== null && <progress max={1} value={share.value} aria-label={t("uploading", Math.round(share.value * 100))} />}
        <footer>
          <button type="button" onClick={onClose}>{t("cancel")}</button>
          <button type="submit" class="primary" disabled={files.value.length === 0 || share.value !== null}>{t("send")}</button>
        </footer>
      </form>
    </Dialog>
  );
}

const RANK = { positive: 0, uncertain: 1, negative: 2 } as const;

function FindingChips({ row, now }: { row: Row; now: number }) {
  if (row.status === "failed") return <span class="reason">{row.job?.reason}</span>;
  if (row.status === "queued" && row.job?.position) return <span class="quiet-text">{t("position", row.job.position)}</span>;
  if (row.status === "drafting" && row.job?.since) return <span class="quiet-text">{t("drafting_since", seconds(Math.max(0, (now - new Date(row.job.since).getTime()) / 1000)))}</span>;
  const names = Object.entries(row.labels).filter(([name]) => name !== "No Finding").sort(([, a], [, b]) => RANK[a] - RANK[b]);
  return (
    <span class="chips">
      {row.blinded && <span class="chip uncertain">{t("rs_blinded")}</span>}
      {row.critical?.open && <span class="chip critical">{t("critical_open", label(row.critical.finding))}</span>}
      {names.slice(0, 4).map(([name, state]) => <span key={name} class={`chip ${state}`}>{label(name)}{state === "uncertain" ? " ?" : ""}</span>)}
      {names.length > 4 && <span class="chip">+{names.length - 4}</span>}
    </span>
  );
}

export function WorklistPage() {
  const filter = useSignal<Filter>(kept());
  const list = useSignal<Worklist | null>(null);
  const selected = useSignal<string | null>(null);
  const uploading = useSignal<Dropped[] | null>(null);
  const over = useSignal(false);
  const tag = useRef("");
  const search = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableElement>(null);
  const poll = useRef<() => Promise<void>>(async () => undefined);

  poll.current = async () => {
    const asked = query(filter.value);
    try {
      const answer = await getChanged<Worklist>(`/api/worklist?${asked}`, tag.current);
      online.value = true;
      if (answer && asked === query(filter.value)) {
        tag.current = answer.tag;
        list.value = answer.value;
        if (!answer.value.items.some((r) => r.id === selected.value)) selected.value = answer.value.items[0]?.id ?? null;
      }
    } catch (error) {
      if ((error as { passing?: boolean }).passing) online.value = false;
      else if ((error as { status?: number }).status !== 401) complain(error);
    }
  };
  useEffect(() => {
    tag.current = "";
    sessionStorage.setItem(KEPT, JSON.stringify(filter.value));
    void poll.current();
  }, [filter.value]);
  useEffect(() => {
    const timer = window.setInterval(() => document.visibilityState === "visible" && void poll.current(), POLL_MS);
    return () => window.clearInterval(timer);
  }, []);
  useEffect(() => {
    // The study that will be opened next is fetched while the reader looks at its row.
    const id = selected.value;
    const row = list.value?.items.find((r) => r.id === id);
    if (!id || !row || row.status === "queued") return;
    const timer = window.setTimeout(() => void cache.warm(id).catch(() => undefined), 400);
    return () => window.clearTimeout(timer);
  }, [selected.value]);

  const items = list.value?.items ?? [];
  const row = items.find((r) => r.id === selected.value);
  const set = (change: Partial<Filter>): void => void (filter.value = { ...filter.value, limit: PAGE, ...change });
  const move = (by: number): void => {
    const here = items.findIndex((r) => r.id === selected.value);
    const next = items[Math.max(0, Math.min(items.length - 1, here + by))];
    if (!next) return;
    selected.value = next.id;
    table.current?.querySelector(`[data-id="${CSS.escape(next.id)}"]`)?.scrollIntoView({ block: "nearest" });
  };
  const open = (r: Row | undefined): void => {
    if (r) go("read", r.id);
  };
  const claim = async (r: Row | undefined): Promise<void> => {
    if (!r) return;
    try {
      if (r.claim?.mine) await send("DELETE", `/api/studies/${encodeURIComponent(r.id)}/claim`);
      else await send("POST", `/api/studies/${encodeURIComponent(r.id)}/claim`, { take_over: false });
    } catch (error) {
      complain(error);
    }
    void poll.current();
  };
  const retry = async (r: Row | undefined): Promise<void> => {
    if (r?.status !== "failed") return;
    try {
      await send("POST", `/api/studies/${encodeURIComponent(r.id)}/retry`);
    } catch (error) {
      complain(error);
    }
    void poll.current();
  };
  useKeys({
    ...helpKeys,
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), Home: () => move(-items.length), End: () => move(items.length),
    Enter: () => open(row), c: () => void claim(row), r: () => void retry(row), u: () => void (uploading.value = []),
    "/": () => search.current?.focus(), t: () => set({ sort: "triage", order: "asc" }),
    Escape: () => search.current?.blur(),
  });

  const counts = list.value?.counts ?? {};
  const everything = filter.value.status.length === 0 && !filter.value.mine && !filter.value.critical;
  const now = list.value ? new Date(list.value.now).getTime() : Date.now();
  const sort = (key: string): void => {
    const same = filter.value.sort === key;
    const first = key === "received" || key === "study_date" ? "desc" : "asc";
    set({ sort: key, order: same ? (filter.value.order === "asc" ? "desc" : "asc") : first });
  };
  return (
    <main
      class={`page worklist ${over.value ? "over" : ""}`}
      onDragOver={(e) => {
        e.preventDefault();
        over.value = true;
      }}
      onDragLeave={(e) => e.currentTarget === e.target && (over.value = false)}
      onDrop={(e) => {
        e.preventDefault();
        over.value = false;
        if (e.dataTransfer) void walk(e.dataTransfer).then((files) => (uploading.value = files));
      }}
    >
      <div class="list-head">
        <h1>{t("worklist")}</h1>
        <input
          ref={search} type="search" class="search" aria-label={t("search")} placeholder={`${t("search_hint")}   /`} value={filter.value.q}
          onInput={(e) => set({ q: e.currentTarget.value })}
          onKeyDown={(e) => {
            if (e.key === "Enter" || e.key === "ArrowDown") e.currentTarget.blur();
          }}
        />
        <div class="filters" role="group" aria-label={t("column_status")}>
          <button type="button" class={everything ? "on" : ""} aria-pressed={everything} onClick={() => set({ status: [], mine: false, critical: false })}>{t("all")}</button>
          {STATUSES.map((s) => (
            <button
              key={s} type="button" class={`${filter.value.status.includes(s) ? "on" : ""} ${s === "failed" && counts.failed ? "bad" : ""}`} aria-pressed={filter.value.status.includes(s)}
              onClick={() => set({ status: filter.value.status.includes(s) ? filter.value.status.filter((x) => x !== s) : [...filter.value.status, s] })}
            >
              {word("status", s)} <span class="count">{counts[s] ?? 0}</span>
            </button>
          ))}
          <button type="button" class={filter.value.mine ? "on" : ""} aria-pressed={filter.value.mine} onClick={() => set({ mine: !filter.value.mine })}>{t("mine")}</button>
          {(Boolean(counts.critical) || filter.value.critical) && (
            <button type="button" class={`bad ${filter.value.critical ? "on" : ""}`} aria-pressed={filter.value.critical} onClick={() => set({ critical: !filter.value.critical })}>{t("status_critical")} <span class="count">{counts.critical ?? 0}</span></button>
          )}
        </div>
        <button type="button" class="primary" onClick={() => (uploading.value = [])}>{t("upload")}<kbd>U</kbd></button>
      </div>
      {list.value && list.value.workers.alive === 0 && <p class="notice warn">{t("no_workers")}</p>}
      <div class="table-wrap" tabIndex={0} role="region" aria-label={t("worklist")}>
        <table ref={table} class="list">
          <thead>
            <tr>
              {COLUMNS.map((c) => (
                <th key={c.key} scope="col" class={c.class} aria-sort={filter.value.sort === c.key ? (filter.value.order === "asc" ? "ascending" : "descending") : "none"}>
                  <button type="button" class="sort" onClick={() => sort(c.key)}>{t(c.text)}<span aria-hidden="true">{filter.value.sort === c.key ? ((filter.value.order === "asc") !== (c.key === "triage") ? " ▲" : " ▼") : ""}</span></button>
                </th>
              ))}
              <th scope="col">{t("column_findings")}</th>
              <th scope="col">{t("column_reader")}</th>
              <th scope="col"><span class="sr">{t("open")}</span></th>
            </tr>
          </thead>
          <tbody>
            {items.map((r) => (
              <tr
                key={r.id} data-id={r.id} data-status={r.status} data-accession={r.accession} aria-selected={r.id === selected.value}
                class={`${r.id === selected.value ? "on" : ""} ${r.critical?.open ? "critical" : ""}`}
                onClick={() => (selected.value = r.id)} onDblClick={() => open(r)}
              >
                <td class="triage">
                  {r.triage && Object.keys(r.labels).length > 0 && <span class="meter" role="img" aria-label={urgency(r.triage.reasons)} title={urgency(r.triage.reasons)}><svg viewBox="0 0 40 6" aria-hidden="true"><rect class="bar-ground" width="40" height="6" rx="3" /><rect class="bar-fill" width={Math.max(2, 40 * r.triage.score)} height="6" rx="3" /></svg></span>}
                  {r.priority !== "routine" && <span class={`chip ${r.priority}`}>{word("priority", r.priority)}</span>}
                </td>
                <td><span class={`pill ${r.status}`}>{word("status", r.status)}</span></td>
                <td class="name"><a href={`#/read/${encodeURIComponent(r.id)}`}>{person(r.patient.name)}</a><small>{[r.patient.sex, day(r.patient.birth_date)].filter(Boolean).join(" · ")}</small></td>
                <td class="wide-only mono">{r.patient.id}</td>
                <td class="mono">{r.accession}</td>
                <td class="mono">{day(r.study_date)}</td>
                <td class="wide-only">{r.modality} {r.films}</td>
                <td title={moment(r.received_at)} class="mono">{since(r.received_at, now)}</td>
                <td><FindingChips row={r} now={now} /></td>
                <td>{r.claim ? <span class={r.claim.mine ? "mine" : "theirs"}>{r.claim.mine ? t("you") : r.claim.name}</span> : ""}</td>
                <td class="row-acts">
                  {r.status === "failed" && <button type="button" onClick={() => void retry(r)}>{t("retry")}</button>}
                  {(may("reader") || may("resident")) && (r.status === "unread" || r.status === "reading") && (!r.claim || r.claim.mine) && (
                    <button type="button" class="quiet" onClick={() => void claim(r)}>{r.claim?.mine ? t("release") : t("claim")}</button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {list.value && items.length === 0 && <p class="empty">{filter.value.q || !everything ? t("empty_filter") : t("empty_list")}</p>}
      </div>
      <p class="list-foot quiet-text" role="status">
        {list.value && t("rows_of", items.length, list.value.total)}
        {list.value && items.length < list.value.total && <button type="button" class="quiet" onClick={() => set({ limit: filter.value.limit + PAGE })}>{t("more")}</button>}
      </p>
      {uploading.value && <UploadDialog start={uploading.value} onClose={() => {
        uploading.value = null;
        void poll.current();
      }} />}
    </main>
  );
}
