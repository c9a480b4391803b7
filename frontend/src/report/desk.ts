// The desk: one report being written. It saves by itself, keeps what the server has not got, and notices who else writes.

import { computed, signal } from "@preact/signals";
import { ApiError, send, type Claim, type Flag, type Report, type Section, type Span, type Study } from "../api";
import { complain, session } from "../state";
import { tab, tellSaved } from "../tabs";
import { drop, keep, orphans, ownerOf, type Pending } from "./keep";
import { both, trace } from "./sentences";

export type SaveState = "saved" | "saving" | "unsaved" | "save_offline" | "save_conflict" | "save_locked" | "save_failed";
export interface Texts { findings: string; impression: string }
export interface Conflict { mine: Texts; theirs: Report }

/** Where a desk's text goes: the report of a study, or a case of a reader study. */
export interface Shelf {
  readonly key: string;
  save(body: Pending): Promise<Report>;
}

export const studyShelf = (id: string): Shelf => ({
  key: id,
  save: (body) => send<Report>("PUT", `/api/studies/${encodeURIComponent(id)}/report`, body, bodyFits(body)),
});

/** A request outlives its page only below 64 KiB. */
const bodyFits = (body: Pending): boolean => body.findings.length + body.impression.length < 15_000;

const SAVE_AFTER_MS = 600;
const CHECK_AFTER_MS = 300;
const RETRY_MS = 2500;
/** Without a key or a pointer for so long nobody is reading. */
const IDLE_MS = 60_000;

export class Desk {
  readonly study = signal<Study>(undefined as never);
  readonly findings = signal("");
  readonly impression = signal("");
  readonly state = signal<SaveState>("saved");
  readonly savedAt = signal<string | null>(null);
  readonly problem = signal("");
  readonly conflict = signal<Conflict | null>(null);
  readonly lockedBy = signal<Claim | null>(null);
  readonly signedMeanwhile = signal<Texts | null>(null);
  readonly flags = signal<Flag[]>([]);
  /** The chosen sentence, by field and number. */
  readonly chosen = signal<{ section: Section; index: number } | null>(null);
  /** The chosen finding. */
  readonly label = signal<string | null>(null);
  private readonly serverSpans = signal<{ findings: string; impression: string; spans: Span[] } | null>(null);

  readonly spans = computed<Span[]>(() => {
    const findings = this.findings.value;
    const impression = this.impression.value;
    const known = this.serverSpans.value;
    const draft = this.study.value.draft?.sentences ?? [];
    const of = (section: Section, text: string, told: string | undefined): Span[] =>
      known && told === text ? known.spans.filter((s) => s.section === section) : trace(section, text, draft);
    return [...of("findings", findings, known?.findings), ...of("impression", impression, known?.impression)];
  });
  readonly editable = computed(() => (this.free || this.study.value.allowed.includes("edit")) && !this.lockedBy.value);

  private version = 0;
  private pending: Pending | null = null;
  private saving: Promise<void> | null = null;
  private timer = 0;
  private checkTimer = 0;
  private recoverTimer = 0;
  /** Other tabs that had unsaved text of this study when they were last seen. */
  private writing = new Set<string>();
  private ticker = 0;
  private unsentSeconds = 0;
  private lastActive = Date.now();
  private closed = false;

  /**
   * @param free a case of a reader study: written whatever the state of the study's own report, and not checked,
   *   since the checks would tell of the hidden draft
   */
  constructor(study: Study, private readonly shelf: Shelf, private readonly free = false) {
    this.study.value = study;
    this.adopt(study.report);
    this.ticker = window.setInterval(() => {
      if (document.visibilityState === "visible" && Date.now() - this.lastActive < IDLE_MS) this.unsentSeconds += 1;
    }, 1000);
    for (const type of ["keydown", "pointermove", "pointerdown", "wheel"]) document.addEventListener(type, this.active, { passive: true });
    window.addEventListener("online", this.again);
    window.addEventListener("pagehide", this.leave);
    window.addEventListener("storage", this.otherWrote);
  }

  private readonly active = (): void => void (this.lastActive = Date.now());
  private readonly again = (): void => void (this.dirty && this.flush());
  private readonly leave = (): void => void (this.dirty && this.flush());
  private readonly otherWrote = (event: StorageEvent): void => {
    if (event.newValue !== null && ownerOf(event.key, this.user, this.shelf.key) !== null) this.recoverLater();
  };

  private get user(): string {
    return session.value?.user.id ?? "";
  }

  get text(): Texts {
    return { findings: this.findings.value, impression: this.impression.value };
  }

  get reportVersion(): number {
    return this.version;
  }

  get dirty(): boolean {
    return this.state.value !== "saved" && this.state.value !== "save_locked";
  }

  /** Seconds of reading since the last save. */
  takeSeconds(): number {
    const value = this.unsentSeconds;
    this.unsentSeconds = 0;
    return value;
  }

  /**
   * Brings back what an earlier page of this browser could not save, and what other tabs leave when they are closed.
   *
   * A tab that is loaded anew is gone for a moment: one that was there is believed gone at the second look.
   *
   * @param opening the first look, at which this tab's own text is what it left when it was loaded anew; later it is
   *   what stands in the fields
   */
  async recover(opening = true): Promise<void> {
    this.recoverTimer = 0;
    const { found, writing } = await orphans(this.user, this.shelf.key);
    if (this.closed) return;
    const leaving = this.writing;
    this.writing = writing;
    if (writing.size) this.recoverLater();
    for (const { owner, kept } of found) {
      if (owner === tab && !opening) continue;
      if (leaving.has(owner)) {
        this.recoverLater();
        continue;
      }
      const same = kept.findings === this.findings.value && kept.impression === this.impression.value;
      if (same || !this.editable.value) {
        if (same) drop(this.user, this.shelf.key, owner);
        continue;
      }
      if (this.conflict.value || this.dirty) {
        this.recoverLater(); // one at a time
        break;
      }
      this.version = kept.base_version;
      this.pending = kept.pending;
      this.findings.value = kept.findings;
      this.impression.value = kept.impression;
      this.changed();
      drop(this.user, this.shelf.key, owner);
      this.keepLocally();
      await this.flush();
    }
  }

  private recoverLater(): void {
    this.recoverTimer ||= window.setTimeout(() => void this.recover(false), RETRY_MS);
  }

  /** The reader wrote. */
  write(section: Section, text: string): void {
    if (this[section].value === text) return;
    this[section].value = text;
    this.changed();
  }

  private changed(): void {
    if (this.conflict.value) return this.keepLocally();
    if (this.state.value !== "save_offline") this.state.value = "unsaved";
    this.keepLocally();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.flush(), SAVE_AFTER_MS);
    window.clearTimeout(this.checkTimer);
    this.checkTimer = window.setTimeout(() => void this.check(), CHECK_AFTER_MS);
  }

  private keepLocally(): void {
    keep(this.user, this.shelf.key, { base_version: this.version, ...this.text, pending: this.pending, at: new Date().toISOString() });
  }

  /** Takes the server's report as it is. */
  adopt(report: Report): void {
    this.version = report.version;
    this.findings.value = report.findings;
    this.impression.value = report.impression;
    this.tell(report, report);
    this.savedAt.value = report.updated_at;
    this.state.value = "saved";
  }

  private tell(text: Texts, told: { sentences?: Span[]; flags?: Flag[] }): void {
    if (told.sentences) this.serverSpans.value = { findings: text.findings, impression: text.impression, spans: told.sentences };
    if (told.flags) this.flags.value = told.flags;
  }

  private async check(): Promise<void> {
    if (this.free || this.closed) return;
    const text = this.text;
    try {
      const told = await send<{ sentences: Span[]; flags: Flag[] }>("POST", `/api/studies/${encodeURIComponent(this.study.value.id)}/check`, text);
      if (text.findings === this.findings.value && text.impression === this.impression.value) this.tell(text, told);
    } catch {
      // The save that follows says what is wrong with the line.
    }
  }

  /** Saves until the server has what the fields hold; true when it has. */
  async flush(): Promise<boolean> {
    window.clearTimeout(this.timer);
    while (this.saving) await this.saving;
    if (!this.dirty) return true;
    if (this.conflict.value) return false;
    this.saving = this.saveAll();
    await this.saving;
    return !this.dirty;
  }

  private async saveAll(): Promise<void> {
    try {
      while (this.dirty && !this.conflict.value && !this.lockedBy.value) {
        this.pending ??= { save_id: crypto.randomUUID(), base_version: this.version, ...this.text, seconds: this.takeSeconds() };
        this.keepLocally();
        if (this.state.value !== "save_offline") this.state.value = "saving";
        const sent = this.pending;
        const report = await this.shelf.save(sent);
        this.pending = null;
        this.arrived(sent, report);
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.saving = null;
    }
  }

  private arrived(sent: Pending, report: Report): void {
    this.version = report.version;
    if (report.findings !== sent.findings || report.impression !== sent.impression) {
      // The save had arrived before, and someone wrote after it.
      this.clash(report);
      return;
    }
    this.tell(report, report);
    this.savedAt.value = report.updated_at ?? new Date().toISOString();
    const current = this.findings.value === sent.findings && this.impression.value === sent.impression;
    this.state.value = current ? "saved" : "unsaved";
    if (current) drop(this.user, this.shelf.key);
    tellSaved(report.version);
  }

  private clash(theirs: Report): void {
    const mine = this.text;
    this.pending = null;
    if (mine.findings === theirs.findings && mine.impression === theirs.impression) {
      this.adopt(theirs);
      drop(this.user, this.shelf.key);
      return;
    }
    this.state.value = "save_conflict";
    this.conflict.value = { mine, theirs };
    this.keepLocally();
  }

  private failed(error: unknown): void {
    if (!(error instanceof ApiError)) {
      this.state.value = "save_failed";
      complain(error);
      return;
    }
    if (error.code === "conflict") return this.clash(error.body.current as Report);
    if (error.code === "claimed") {
      this.pending = null;
      this.lockedBy.value = (error.body.claim as Claim | undefined) ?? null;
      this.state.value = "save_locked";
      complain(error);
      return;
    }
    if (error.code === "state") {
      this.pending = null;
      this.signedMeanwhile.value = this.text;
      this.state.value = "save_locked";
      drop(this.user, this.shelf.key);
      return;
    }
    this.problem.value = error.message;
    if (error.passing || error.status === 401) {
      this.state.value = "save_offline";
      this.keepLocally();
      if (!this.closed) this.timer = window.setTimeout(() => void this.flush(), RETRY_MS);
      return;
    }
    this.pending = null;
    this.state.value = "save_failed";
    complain(error);
  }

  resolve(choice: "mine" | "theirs" | "both"): void {
    const clash = this.conflict.value;
    if (!clash) return;
    const { theirs } = clash;
    const mine = this.text;
    this.conflict.value = null;
    this.adopt(theirs);
    if (choice === "theirs") return drop(this.user, this.shelf.key);
    const join = choice === "both" ? both : (_: string, own: string): string => own;
    this.findings.value = join(theirs.findings, mine.findings);
    this.impression.value = join(theirs.impression, mine.impression);
    this.changed();
    void this.flush();
  }

  close(): void {
    if (this.dirty) void this.flush();
    this.closed = true;
    window.clearInterval(this.ticker);
    window.clearTimeout(this.checkTimer);
    window.clearTimeout(this.recoverTimer);
    for (const type of ["keydown", "pointermove", "pointerdown", "wheel"]) document.removeEventListener(type, this.active);
    window.removeEventListener("online", this.again);
    window.removeEventListener("pagehide", this.leave);
    window.removeEventListener("storage", this.otherWrote);
  }
}
