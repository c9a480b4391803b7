"""What the interface takes and gives, as models: the OpenAPI description is made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

__all__ = ["Moment", "Words"]


def iso(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and lone surrogates, which are no text."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def seconds(value: Any) -> Any:
    """The inverse of ``iso``, for the Python client, which reads the same models."""
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value


Moment = Annotated[
    float,
    BeforeValidator(seconds),
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Words = Annotated[str, AfterValidator(_storable)]
Text = Annotated[Words, Field(max_length=100_000)]
Line = Annotated[Words, Field(max_length=200)]
Token = Annotated[Words, Field(min_length=8, max_length=100)]
Stretch = Annotated[float, Field(ge=0, le=86_400)]
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]
Role = Literal["reader", "resident", "administrator", "service"]
SectionName = Literal["findings", "impression"]


class Model(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ErrorDetail(Model):
    code: str
    message: str
    fields: list[dict[str, str]] | None = None


class ErrorBody(Model):
    """Every answer that is not a success."""

    model_config = ConfigDict(extra="allow")
    error: ErrorDetail


# people and logins


class UserView(Model):
    id: str
    username: str
    name: str
    roles: list[str]
    language: str = "en"


class SessionView(Model):
    user: UserView
    csrf: str
    expires_at: Moment
    reauth: Literal["password", "oidc"]
    idle_minutes: float
    settings: dict[str, Any]
    sided: list[str]
    doubtful_below: float


class LoginOptions(Model):
    product: str
    version: str
    notice: str
    demo: list[dict[str, str]] | None
    oidc: dict[str, str] | None
    setup_needed: bool
    session: SessionView | None


class LoginIn(Model):
    username: Line
    password: Annotated[Words, Field(max_length=1000)]


class SetupIn(Model):
    token: Annotated[Words, Field(max_length=200)]
    password: Annotated[Words, Field(max_length=1000)]
    name: Line | None = None
    also_reads: bool = False


class SetupView(Model):
    username: str
    name: str
    purpose: str


class PasswordIn(Model):
    old: Annotated[Words, Field(max_length=1000)]
    new: Annotated[Words, Field(max_length=1000)]


class MeIn(Model):
    language: Literal["en", "de"] | None = None
    settings: dict[str, Any] | None = None


class AccountView(Model):
    id: str
    username: str
    name: str
    roles: list[str]
    disabled: bool
    locked: bool
    last_login: Moment | None


class AccountList(Model):
    items: list[AccountView]


class AccountIn(Model):
    username: Line
    name: Line
    roles: Annotated[list[Role], Field(min_length=1, max_length=4)]


class AccountPatch(Model):
    name: Line | None = None
    roles: Annotated[list[Role], Field(min_length=1, max_length=4)] | None = None
    disabled: bool | None = None


class AccountMade(Model):
    user: AccountView
    link: str | None
    token: str | None


class AccountReset(Model):
    link: str | None
    token: str | None


# studies


class PatientView(Model):
    name: str
    id: str
    birth_date: str | None
    sex: str | None


class JobView(Model):
    id: int
    study_id: str
    state: Literal["queued", "running", "done", "failed"]
    attempts: int
    reason: str | None
    position: int | None
    since: Moment


class JobList(Model):
    items: list[JobView]


class ClaimView(Model):
    user_id: str
    name: str
    until: Moment
    mine: bool


class TriageView(Model):
    score: float
    reasons: list[str]


class CriticalBrief(Model):
    open: bool
    finding: str | None


class StudyItem(Model):
    id: str
    patient: PatientView
    accession: str
    study_date: str | None
    description: str
    modality: str
    films: int
    priority: Literal["routine", "urgent", "stat"]
    received_at: Moment
    source: str
    status: Literal["queued", "drafting", "failed", "unread", "reading", "preliminary", "final"]
    report_state: Literal["none", "draft", "preliminary", "final", "addended"]
    job: JobView | None
    claim: ClaimView | None
    triage: TriageView
    critical: CriticalBrief | None
    labels: dict[str, str]
    blinded: bool


class Worklist(Model):
    items: list[StudyItem]
    total: int
    counts: dict[str, int]
    workers: dict[str, int]
    now: Moment


class NextView(Model):
    id: str | None


class WindowView(Model):
    center: float
    width: float
    function: str = "LINEAR"


class PresetView(Model):
    name: str
    center: float
    width: float


class SpacingView(Model):
    row: float
    column: float
    kind: str


class FilmView(Model):
    id: str
    index: int
    name: str
    projection: str
    rows: int
    columns: int
    bits: int
    minimum: int
    maximum: int
    window: WindowView | None
    presets: list[PresetView]
    invert: bool
    slope: float
    intercept: float
    spacing: SpacingView | None
    orientation: dict[str, str] | None
    patient_orientation: list[str] | None
    laterality: str | None
    warnings: list[str]
    pixels: str
    thumbnail: str


class EvidenceView(Model):
    view: int
    box: list[int]
    kind: Literal["seen", "searched"]


class SentenceView(Model):
    section: SectionName
    start: int
    end: int
    text: str
    origin: Literal["machine", "edited", "typed"]
    draft_index: int | None
    labels: list[str]
    confidence: float | None
    evidence: list[EvidenceView]


class FixView(Model):
    label: str
    start: int
    end: int
    replacement: str


class FlagView(Model):
    kind: str
    severity: str
    section: str | None
    start: int | None
    end: int | None
    text: str | None
    message: str
    fix: FixView | None


class ReportView(Model):
    version: int
    findings: str
    impression: str
    seconds: float
    updated_at: Moment
    updated_by: str | None
    sentences: list[SentenceView]
    flags: list[FlagView]


class SignatureView(Model):
    number: int
    kind: Literal["preliminary", "final", "addendum"]
    name: str
    username: str
    at: Moment
    meaning: Literal["author", "confirmed", "addendum"]
    findings: str
    impression: str
    text: str | None
    sha256: str
    previous: str | None


class AcknowledgedView(Model):
    told: str
    how: str
    told_at: Moment
    by: str
    at: Moment


class CriticalView(Model):
    id: str
    finding: str
    raised_at: Moment
    raised_by: str
    text: str | None
    acknowledged: AcknowledgedView | None


class PriorView(Model):
    id: str
    study_date: str | None
    description: str
    report_state: str
    films: list[FilmView]
    findings: str | None
    impression: str | None


class StudyView(StudyItem):
    films: list[FilmView]  # type: ignore[assignment]
    indication: str | None
    comparison: str | None
    decided: dict[str, str]
    draft: dict[str, Any] | None
    draft_number: int
    draft_at: Moment | None
    report: ReportView
    signatures: list[SignatureView]
    criticals: list[CriticalView]
    priors: list[PriorView]
    allowed: list[str]
    next_id: str | None = None


class StudyStatus(Model):
    id: str
    status: str
    report_state: str
    job: JobView | None


class UploadView(Model):
    class Accepted(Model):
        study_id: str
        films: int
        duplicate: bool

    class Refusal(Model):
        name: str
        reason: str

    accepted: list[Accepted]
    refused: list[Refusal]


class Limits(Model):
    upload_bytes: int
    file_bytes: int
    files: int
    zip_bytes: int


class StudyPatch(Model):
    indication: Text | None = None
    comparison: Text | None = None
    priority: Literal["routine", "urgent", "stat"] | None = None


class RedraftIn(Model):
    indication: Text | None = None
    comparison: Text | None = None
    decide: dict[str, str | None] | None = None


class ClaimIn(Model):
    take_over: bool = False


class ClaimAnswer(Model):
    claim: ClaimView


class JobAnswer(Model):
    job: JobView


class RedraftAnswer(JobAnswer):
    decided: dict[str, str]


class EraseIn(Model):
    reason: Annotated[Words, Field(min_length=3, max_length=500)]


# reports


class SaveIn(Model):
    base_version: Version
    findings: Text
    impression: Text
    seconds: Stretch = 0.0
    save_id: Token


class CheckIn(Model):
    findings: Text
    impression: Text


class CheckView(Model):
    sentences: list[SentenceView]
    flags: list[FlagView]


class VersionView(Model):
    version: int
    parent: int
    kind: str
    author: str | None
    at: Moment
    findings: str
    impression: str


class VersionList(Model):
    items: list[VersionView]


class TextsView(Model):
    findings: str
    impression: str


class DiffView(Model):
    draft: TextsView | None
    signed: TextsView | None
    edit_distance: dict[str, int | None]
    seconds: float
    sentences: dict[str, int]


class AcknowledgeIn(Model):
    told: Annotated[Words, Field(min_length=1, max_length=200)]
    how: Literal["telephone", "in person", "message", "other"]
    told_at: datetime


class CriticalIn(Model):
    finding: Annotated[Words, Field(min_length=1, max_length=200)]
    text: Annotated[Words, Field(max_length=2000)] | None = None


class SignCritical(AcknowledgeIn):
    finding: Annotated[Words, Field(min_length=1, max_length=200)]


class SignIn(Model):
    kind: Literal["preliminary", "final", "addendum"]
    version: Version
    password: Annotated[Words, Field(max_length=1000)] = ""
    seconds: Stretch = 0.0
    text: Text | None = None
    save_id: Token
    critical: SignCritical | None = None


# help while writing


class StockItem(Model):
    text: str
    count: int
    source: Literal["stock", "signed", "macro"]


class StockList(Model):
    items: list[StockItem]


class MacroIn(Model):
    name: Annotated[Words, Field(min_length=1, max_length=50)]
    section: Literal["findings", "impression", "any"] = "any"
    text: Annotated[Words, Field(min_length=1, max_length=5000)]


class MacroView(Model):
    id: str
    name: str
    section: str
    text: str


class MacroList(Model):
    items: list[MacroView]


class SimilarItem(Model):
    study_id: str
    score: float
    findings: str | None
    impression: str | None


class SimilarList(Model):
    configured: bool
    items: list[SimilarItem]


# administration


class AuditItem(Model):
    seq: int
    at: Moment
    actor: str
    action: str
    study_id: str | None
    detail: dict[str, Any]
    hash: str


class AuditList(Model):
    items: list[AuditItem]
    last: int


class VerdictView(Model):
    ok: bool
    entries: int
    message: str


class WorkerView(Model):
    id: str
    alive: bool
    last_seen: Moment
    current: str | None


class SystemView(Model):
    version: str
    database: str
    workers: list[WorkerView]
    disk_free_bytes: int
    studies: int
    model: dict[str, Any] | None


# reader studies


class ReaderStudyIn(Model):
    name: Annotated[Words, Field(min_length=1, max_length=200)]
    design: Literal["parallel", "crossover"]
    arms: Annotated[list[Literal["hidden", "shown", "read_first", "draft_first"]], Field(min_length=2, max_length=2)]
    study_ids: Annotated[list[str], Field(min_length=1, max_length=10_000)]
    reader_ids: Annotated[list[str], Field(min_length=1, max_length=200)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    washout_days: Annotated[int, Field(ge=0, le=3650)] = 0


class ReaderProgress(Model):
    done: int
    total: int


class ReaderStudyView(Model):
    id: str
    name: str
    design: str
    arms: list[str]
    state: str
    seed: int | None
    washout_days: int
    mine: ReaderProgress | None
    readers: dict[str, ReaderProgress] | None


class ReaderStudyList(Model):
    items: list[ReaderStudyView]


class ReaderCaseView(Model):
    id: str
    number: int
    of: int
    arm: str
    phase: str
    version: int
    study: StudyView


class ReaderNext(Model):
    case: ReaderCaseView | None
    done: bool
    not_before: Moment | None = None


class CaseSaveIn(Model):
    base_version: Version
    findings: Text
    impression: Text
    seconds: Stretch = 0.0


class CaseSubmitIn(Model):
    findings: Text
    impression: Text
    seconds: Stretch = 0.0
    phase: Literal["read", "revise"] | None = None  # named, a repetition after a lost answer changes nothing


class CaseVersion(Model):
    version: int


class CasePhase(Model):
    phase: str
    draft: dict[str, Any] | None
    version: int
