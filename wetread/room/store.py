"""The tables and the two kinds of transaction: ``read`` and ``write``.

Times are seconds since 1970 in UTC. A write transaction on SQLite begins IMMEDIATE, so that two writers wait for each
other instead of failing; inside a process a lock lets them queue. On PostgreSQL the rows that matter are locked
(``with_for_update``), and the audit trail's head serialises the rest.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import JSON, Double, ForeignKey, Index, Text, UniqueConstraint, create_engine, event, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from wetread.errors import OutsideError, UsageError
from wetread.room.settings import Settings

__all__ = [
    "AuditEntry",
    "AuditHead",
    "Base",
    "Critical",
    "DraftRow",
    "Film",
    "Job",
    "Link",
    "Login",
    "LoginFailure",
    "Macro",
    "OidcState",
    "ReaderCase",
    "ReaderStudy",
    "ReportRow",
    "ReportVersion",
    "Signature",
    "Store",
    "StudyRow",
    "User",
    "Watched",
    "WorkerRow",
    "new_id",
    "now",
]


def new_id() -> str:
    """A fresh random identifier that fits a URL."""
    return uuid.uuid4().hex


def now() -> float:
    """Seconds since 1970, UTC."""
    return time.time()


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {float: Double, str: Text, dict[str, Any]: JSON, list[Any]: JSON}


class User(Base):
    __tablename__ = "user_account"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    roles: Mapped[list[Any]]
    password: Mapped[str | None]  # argon2 hash; None: no password yet, or single sign-on
    token: Mapped[str | None] = mapped_column(unique=True)  # SHA-256 of a service's bearer token
    subject: Mapped[str | None] = mapped_column(unique=True)  # OIDC "issuer subject"
    disabled: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str] = mapped_column(default="en")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created: Mapped[float] = mapped_column(default=now)
    last_login: Mapped[float | None]


class Login(Base):
    """A server-side session; the cookie's value is stored only as its SHA-256."""

    __tablename__ = "login"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    csrf: Mapped[str]
    created: Mapped[float]
    seen: Mapped[float]
    expires: Mapped[float]
    confirmed: Mapped[float]  # the last time the person proved who they are


class LoginFailure(Base):
    """Wrong passwords by user name, whether or not there is such a user (so that nobody can find out)."""

    __tablename__ = "login_failure"
    username: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    until: Mapped[float]


class Link(Base):
    """A one-time link that sets a password; stored only as SHA-256."""

    __tablename__ = "one_time_link"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"))
    purpose: Mapped[str]
    expires: Mapped[float]
    used: Mapped[float | None]


class OidcState(Base):
    """A single sign-on that is under way; the state that comes back is stored only as SHA-256."""

    __tablename__ = "oidc_state"
    id: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str]
    verifier: Mapped[str]
    expires: Mapped[float]


class StudyRow(Base):
    __tablename__ = "study"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    uid: Mapped[str] = mapped_column(unique=True)  # StudyInstanceUID, or "sha256:…" of its pictures
    patient_name: Mapped[str] = mapped_column(default="")
    patient_id: Mapped[str] = mapped_column(default="", index=True)
    birth_date: Mapped[str | None]
    sex: Mapped[str | None]
    accession: Mapped[str] = mapped_column(default="")
    study_date: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    modality: Mapped[str] = mapped_column(default="")
    search: Mapped[str] = mapped_column(default="")  # what the search box looks through, case-folded
    indication: Mapped[str | None]
    comparison: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=0)  # 0 routine, 1 urgent, 2 stat
    source: Mapped[str]
    sender: Mapped[str]  # user id or name of the service that sent it
    received: Mapped[float] = mapped_column(default=now, index=True)
    film_count: Mapped[int] = mapped_column(default=0)
    draft_state: Mapped[str] = mapped_column(default="queued")  # queued, drafting, done, failed
    report_state: Mapped[str] = mapped_column(default="none", index=True)
    triage: Mapped[float] = mapped_column(default=0.0)
    triage_reasons: Mapped[list[Any]] = mapped_column(default=list)
    labels: Mapped[dict[str, Any]] = mapped_column(default=dict)
    decided: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what a reader decided of findings
    critical_open: Mapped[int] = mapped_column(default=0)
    critical_finding: Mapped[str | None]
    claim_user: Mapped[str | None]
    claim_name: Mapped[str | None]
    claim_until: Mapped[float] = mapped_column(default=0.0)
    job_id: Mapped[int | None]
    erased: Mapped[float | None]


class Film(Base):
    __tablename__ = "film"
    __table_args__ = (UniqueConstraint("study_id", "sha256"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    sha256: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    number: Mapped[int]
    size: Mapped[int]
    meta: Mapped[dict[str, Any] | None]  # what the viewer needs; None until the film was decoded


class DraftRow(Base):
    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("study_id", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    number: Mapped[int]
    job_id: Mapped[int] = mapped_column(unique=True)  # a job has one effect
    body: Mapped[dict[str, Any]]
    created: Mapped[float] = mapped_column(default=now)


class ReportRow(Base):
    """The report as it stands now; one row a study."""

    __tablename__ = "report"
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), primary_key=True)
    version: Mapped[int] = mapped_column(default=0)
    findings: Mapped[str] = mapped_column(default="")
    impression: Mapped[str] = mapped_column(default="")
    seconds: Mapped[float] = mapped_column(default=0.0)
    updated: Mapped[float] = mapped_column(default=now)
    updated_by: Mapped[str | None]


class ReportVersion(Base):
    """Every text a report ever had, side versions of conflicts included; rows are never changed."""

    __tablename__ = "report_version"
    __table_args__ = (
        UniqueConstraint("study_id", "version"),
        UniqueConstraint("study_id", "save_id"),
    )
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    version: Mapped[int]
    parent: Mapped[int]
    kind: Mapped[str]  # draft, save, conflict, redraft
    save_id: Mapped[str | None]
    author_id: Mapped[str | None]
    author: Mapped[str | None]
    at: Mapped[float] = mapped_column(default=now)
    findings: Mapped[str]
    impression: Mapped[str]


class Signature(Base):
    """A signature with the text that it binds; rows are never changed (the database refuses)."""

    __tablename__ = "signature"
    __table_args__ = (UniqueConstraint("study_id", "number"), UniqueConstraint("study_id", "save_id"))
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    number: Mapped[int]
    kind: Mapped[str]
    meaning: Mapped[str]
    user_id: Mapped[str]
    username: Mapped[str]
    name: Mapped[str]
    at: Mapped[float]
    save_id: Mapped[str]
    findings: Mapped[str]
    impression: Mapped[str]
    addendum: Mapped[str | None]
    sha256: Mapped[str]
    previous: Mapped[str | None]


class Critical(Base):
    __tablename__ = "critical"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    finding: Mapped[str]
    note: Mapped[str | None]
    raised: Mapped[float] = mapped_column(default=now)
    raised_by: Mapped[str]
    told: Mapped[str | None]
    how: Mapped[str | None]
    told_at: Mapped[float | None]
    acknowledged: Mapped[float | None]
    acknowledged_by: Mapped[str | None]


class Job(Base):
    __tablename__ = "job"
    __table_args__ = (Index("job_next", "state", "priority", "run_after"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(unique=True)  # the same request twice is one job
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    state: Mapped[str] = mapped_column(default="queued")  # queued, running, done, failed
    priority: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    run_after: Mapped[float] = mapped_column(default=0.0)
    lease: Mapped[str | None]  # token of the worker that holds it
    lease_until: Mapped[float] = mapped_column(default=0.0)
    reason: Mapped[str | None]
    created: Mapped[float] = mapped_column(default=now)
    changed: Mapped[float] = mapped_column(default=now)


class WorkerRow(Base):
    __tablename__ = "worker"
    id: Mapped[str] = mapped_column(primary_key=True)
    seen: Mapped[float]
    current: Mapped[str | None]


class Macro(Base):
    __tablename__ = "macro"
    __table_args__ = (UniqueConstraint("user_id", "name"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    name: Mapped[str]
    section: Mapped[str]
    body: Mapped[str]


class AuditEntry(Base):
    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[float]
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(index=True)
    study_id: Mapped[str | None] = mapped_column(index=True)
    detail: Mapped[str]  # canonical JSON
    previous: Mapped[str]
    hash: Mapped[str]


class AuditHead(Base):
    """The chain's last link; its row lock makes the appends of all processes take turns."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    hash: Mapped[str]


class ReaderStudy(Base):
    __tablename__ = "reader_study"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    design: Mapped[str]
    arms: Mapped[list[Any]]
    seed: Mapped[int]
    washout_days: Mapped[int]
    state: Mapped[str] = mapped_column(default="open")
    created: Mapped[float] = mapped_column(default=now)


class ReaderCase(Base):
    __tablename__ = "reader_case"
    __table_args__ = (UniqueConstraint("reader_study_id", "user_id", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    reader_study_id: Mapped[str] = mapped_column(ForeignKey("reader_study.id"), index=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    number: Mapped[int]
    period: Mapped[int]
    arm: Mapped[str]
    phase: Mapped[str] = mapped_column(default="read")  # read, revise, done
    version: Mapped[int] = mapped_column(default=0)
    findings: Mapped[str] = mapped_column(default="")
    impression: Mapped[str] = mapped_column(default="")
    first_findings: Mapped[str | None]
    first_impression: Mapped[str | None]
    seconds: Mapped[float] = mapped_column(default=0.0)
    first_seconds: Mapped[float | None]
    started: Mapped[float | None]
    finished: Mapped[float | None]


class Watched(Base):
    """A file of the watched folder that has been taken, or refused with the reason."""

    __tablename__ = "watched"
    path: Mapped[str] = mapped_column(primary_key=True)
    stamp: Mapped[str]
    reason: Mapped[str | None]


class Store:
    """The database: engine, migrations, transactions.

    Args:
        settings: where it lies.

    Raises OutsideError where the database cannot be reached, UsageError for a URL of another kind.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.engine = _engine(settings)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self._writer = self.engine.execution_options(write=True)

    def migrate(self) -> None:
        """Bring the tables to the newest version; safe to call at every start and from several processes."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        folder = str(Path(__file__).parent / "migrations")
        config.set_main_option("script_location", folder.replace("%", "%%"))
        try:
            with self._writer.begin() as connection:
                if not self.sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(7263)"))
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except OSError as error:
            raise OutsideError(f"The database cannot be written: {error.strerror}.") from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that reads; all its reads see one state of the database."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that writes: committed at the end, undone at an exception."""
        if self.sqlite:
            with self.lock, Session(self._writer, expire_on_commit=False) as session, session.begin():
                yield session
        else:
            with Session(self._writer, expire_on_commit=False) as session, session.begin():
                yield session

    def close(self) -> None:
        self.engine.dispose()


def _engine(settings: Settings) -> Engine:
    url = settings.url
    if url.startswith("sqlite"):
        engine = create_engine(
            url, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=40, hide_parameters=True
        )
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    try:
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=20,
            max_overflow=30,
            hide_parameters=True,  # they hold what a patient's record holds, and errors end in logs
            connect_args={"connect_timeout": 5},
        )
    except ModuleNotFoundError as error:
        raise UsageError("PostgreSQL needs psycopg: pip install 'wetread[postgresql]'.") from error


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event below says BEGIN, not the driver
    cursor = connection.cursor()
    # FULL: a commit that was acknowledged survives a power cut, which is what "autosaved" means. Secure delete: what is
    # erased is overwritten.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
