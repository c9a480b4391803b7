// The server, as the pages see it: one function per kind of call, the shapes of its answers, and its errors.
// The contract is the server's OpenAPI; names are its names.

export type Role = "reader" | "resident" | "administrator" | "service";
export type Section = "findings" | "impression";
export type Origin = "machine" | "edited" | "typed";
export type State = "positive" | "uncertain" | "negative";
/** What a reader decides: a state, or that it is there and on which side. */
export type Decision = State | "left" | "right" | "bilateral";
export type Status = "queued" | "drafting" | "failed" | "unread" | "reading" | "preliminary" | "final";
export type Action =
  | "edit" | "preliminary" | "final" | "addendum" | "claim" | "redraft" | "decide" | "retry" | "erase" | "critical";

export interface User { id: string; username: string; name: string; roles: Role[]; language: string }
export interface Session {
  user: User; csrf: string; expires_at: string; reauth: "password" | "oidc"; idle_minutes: number; sided: readonly string[]; doubtful_below: number;
  settings: Record<string, unknown>;
}
export interface LoginInfo {
  product: string; version: string; notice: string;
  demo: { username: string; password: string }[] | null;
  oidc: { label: string; url: string } | null;
  setup_needed: boolean;
  /** The session of the browser's cookie, so that a stranger's page asks nothing that is refused. */
  session: Session | null;
}
export interface Patient { name: string; id: string; birth_date: string | null; sex: string | null }
export interface Job {
  state: "queued" | "running" | "done" | "failed"; attempts: number; reason: string | null;
  position?: number | null; since?: string | null;
}
export interface Claim { user_id: string; name: string; until: string; mine: boolean }
export interface Row {
  id: string; patient: Patient; accession: string; study_date: string | null; description: string; modality: string;
  films: number; priority: "routine" | "urgent" | "stat"; received_at: string; source: string; status: Status;
  report_state: "none" | "draft" | "preliminary" | "final" | "addended"; job: Job | null; claim: Claim | null;
  triage: { score: number; reasons: string[] } | null; critical: { open: boolean; finding: string } | null;
  labels: Record<string, State>; blinded: boolean;
}
export interface Worklist {
  items: Row[]; total: number; counts: Record<string, number>; workers: { alive: number }; now: string;
}
export interface FilmInfo {
  id: string; index: number; name: string; projection: "frontal" | "lateral" | "unknown"; rows: number; columns: number;
  bits: number; minimum: number; maximum: number; window: { center: number; width: number } | null;
  presets: { name: string; center: number; width: number }[]; invert: boolean;
  spacing: { row: number; column: number; kind: string } | null;
  orientation: { left: string; right: string; top: string; bottom: string } | null;
  laterality: string | null; warnings: string[]; pixels: string; thumbnail: string;
}
export interface Evidence { view: number; box: [number, number, number, number]; kind: "seen" | "searched" }
export interface DraftSentence {
  section: Section; text: string; labels: string[]; confidence: number; evidence: Evidence[];
}
export interface Finding {
  probability: number; uncertain_from: number; positive_from: number; state: State;
  /** What the model says, where the reader's decision, or what follows from it, stands in its place. */
  by_model?: State;
}
export interface Draft {
  study_id: string; model: { name: string; version: string; sha256: string };
  /** In the drafter's own order; `film` leads back to the study's film. */
  views: { file: string; film?: string }[];
  findings: string; impression: string; sentences: DraftSentence[]; labels: Record<string, Finding>;
  similar: { study_id: string; score: number }[]; warnings: string[]; seconds: Record<string, number>;
  /** What the reader had decided when it was written; absent: nothing. */
  decided?: Record<string, Decision>;
}
export interface Span {
  section: Section; start: number; end: number; text: string; origin: Origin; draft_index: number | null;
  labels: string[]; confidence: number | null; evidence: Evidence[];
}
export interface Flag {
  kind: string; severity: "error" | "warning" | "info" | "critical"; section: Section; start: number | null;
  end: number | null; text: string; message: string;
  fix: { label: string; start: number; end: number; replacement: string } | null;
}
export interface Report {
  version: number; findings: string; impression: string; seconds: number; updated_at: string | null;
  updated_by: string | null; sentences: Span[]; flags: Flag[];
}
export interface Signature {
  number: number; kind: "preliminary" | "final" | "addendum"; name: string; username: string; at: string;
  meaning: string; findings: string; impression: string; text: string | null; sha256: string; previous: string | null;
}
export interface Critical {
  id: string; finding: string; raised_at: string; raised_by: string | null; text: string | null;
  acknowledged: { told: string; how: string; told_at: string; by: string; at: string } | null;
}
export interface Prior {
  id: string; study_date: string | null; description: string; report_state: string; films: FilmInfo[];
  /** The signed report's words; null where it is not signed. */
  findings: string | null; impression: string | null;
}
export interface Study extends Omit<Row, "films"> {
  indication: string | null; comparison: string | null; films: FilmInfo[]; draft: Draft | null; draft_number: number;
  /** What the reader decided, by finding; the draft follows it. */
  decided: Record<string, Decision>;
  report: Report; signatures: Signature[]; criticals: Critical[]; priors: Prior[]; allowed: Action[];
}
export interface SimilarAnswer {
  configured: boolean; items: { study_id: string; score: number; findings: string | null; impression: string | null }[];
}
export interface Macro { id: string; name: string; section: Section | "any"; text: string }
export interface Diff {
  draft: { findings: string; impression: string } | null; signed: { findings: string; impression: string };
  edit_distance: { characters: number; words: number } | null; seconds: number | null;
  sentences: { kept: number; edited: number; dropped: number; typed: number } | null;
}
export interface Statistics {
  cases: number; empty: boolean; seconds: { median: number | null; p25: number | null; p75: number | null; count: number };
  edit_distance: { median_words: number | null; median_share: number | null };
  sentences: { kept: number; edited: number; dropped: number; typed: number; acceptance: number | null };
  kinds: { kind: string; section: string; machine: number; kept: number; edited: number; dropped: number; acceptance: number | null }[];
  findings: { label: string; n: number; both: number; model_only: number; reader_only: number; neither: number; decided: number; agreement: number | null; kappa: number | null }[];
  weeks: { week: string; cases: number; acceptance: number | null; median_seconds: number | null; median_words: number | null; agreement: number | null }[];
  readers: { user_id: string; name: string; cases: number; median_seconds: number | null; acceptance: number | null }[];
}
export interface Account { id: string; username: string; name: string; roles: Role[]; disabled: boolean; locked: boolean; last_login: string | null }
export interface AuditEntry { seq: number; at: string; actor: string; action: string; study_id: string | null; detail: Record<string, unknown>; hash: string }
export interface SystemInfo {
  version: string; database: string; workers: { id: string; alive: boolean; last_seen: string; current: string | null }[];
  disk_free_bytes: number; studies: number; model: Record<string, unknown> | null;
}
export interface ReaderStudy {
  id: string; name: string; design: string; arms: string[]; state: "open" | "closed"; washout_days: number;
  mine: { done: number; total: number } | null;
  /** How far each reader is, by user id; for administrators. */
  readers: Record<string, { done: number; total: number }> | null;
}
export interface ReaderCase { id: string; number: number; of: number; arm: string; phase: "read" | "revise"; study: Study }

/** What went wrong, in the server's words; `status` 0 means that no answer came. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly body: Record<string, unknown> = {}) {
    super(message);
  }
  /** Worth trying again without a change: the line or the server's other half is down. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

let csrf = "";
let onStranger: () => void = () => undefined;

/** Called with each session; later writes carry its token. */
export function setCsrf(token: string): void {
  csrf = token;
}

/** What to do when the server no longer knows us. */
export function whenStranger(action: () => void): void {
  onStranger = action;
}

async function answer(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: "same-origin", ...init });
  } catch {
    throw new ApiError(0, "offline", "no answer from the server");
  }
}

async function refuse(response: Response): Promise<never> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // A proxy's error page: the status alone must do.
  }
  const error = (body.error ?? {}) as { code?: string; message?: string };
  if (response.status === 401 && error.code !== "reauth") onStranger();
  throw new ApiError(response.status, error.code ?? "unknown", error.message ?? `the server answered ${response.status}`, body);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await answer(path, signal ? { signal } : {});
  if (!response.ok) return refuse(response);
  return (await response.json()) as T;
}

/** A GET that costs nothing when nothing changed: null for 304. */
export async function getChanged<T>(path: string, tag: string): Promise<{ value: T; tag: string } | null> {
  const response = await answer(path, tag ? { headers: { "If-None-Match": tag } } : {});
  if (response.status === 304) return null;
  if (!response.ok) return refuse(response);
  return { value: (await response.json()) as T, tag: response.headers.get("ETag") ?? "" };
}

export async function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, keepalive = false): Promise<T> {
  const headers: Record<string, string> = { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await answer(path, { method, headers, keepalive, body: body === undefined ? undefined : JSON.stringify(body) });
  if (!response.ok) return refuse(response);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export interface UploadAnswer {
  accepted: { study_id: string; films: number; duplicate: boolean }[];
  refused: { name: string; reason: string }[];
}

/** Sends files with progress (0 to 1); XMLHttpRequest, because fetch cannot tell how far an upload is. */
export function upload(form: FormData, progress: (share: number) => void): Promise<UploadAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/uploads");
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, "offline", "the upload was cut off; nothing was kept of it, drop the files again"));
    request.onload = () => {
      let body: Record<string, unknown> = {};
      try {
        body = JSON.parse(request.responseText) as Record<string, unknown>;
      } catch {
        // Handled as an answer without words.
      }
      if (request.status < 300) return resolve(body as unknown as UploadAnswer);
      if (request.status === 401) onStranger();
      const error = (body.error ?? {}) as { code?: string; message?: string };
      reject(new ApiError(request.status, error.code ?? "unknown", error.message ?? `the server answered ${request.status}`, body));
    };
    request.send(form);
  });
}

/** Raw film values. */
export async function pixels(path: string, signal: AbortSignal): Promise<Uint16Array> {
  const response = await answer(path, { signal });
  if (!response.ok) return refuse(response);
  return new Uint16Array(await response.arrayBuffer());
}
