"""What the reading room can be told; one frozen dataclass, made by the command line or by a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from wetread.errors import UsageError

__all__ = ["Oidc", "Settings"]

MB = 1 << 20


@dataclass(frozen=True)
class Oidc:
    """An OpenID Connect provider; the only thing the room may ever connect to, and only where it is configured."""

    issuer: str
    client_id: str
    client_secret: str
    label: str = "Single sign-on"


@dataclass(frozen=True)
class Settings:
    """The room's settings. Times in seconds, sizes in bytes.

    Attributes:
        data: folder of films and, by default, of the database.
        database: SQLAlchemy URL; None is SQLite in ``data``.
        secure: the page is served over TLS (cookies get ``Secure`` and the ``__Host-`` prefix).
        idle: a login ends after so long without a request; ``absolute``: in any case.
        claim: so long a study stays with its reader without a sign of life.
        lease: so long a draft job stays with its worker without a heartbeat.
        attempts: a draft job that fails so often for a passing reason stays failed.
        stock: sentences for autocompletion.
    """

    data: Path
    database: str | None = None
    secure: bool = False
    demo: bool = False
    upload_bytes: int = 1024 * MB
    file_bytes: int = 256 * MB
    zip_bytes: int = 2048 * MB
    files: int = 1000
    idle: float = 30 * 60
    absolute: float = 12 * 3600
    claim: float = 5 * 60
    lease: float = 30
    attempts: int = 3
    minimum_password: int = 10
    login_rate: float = 20  # logins a minute and address
    request_rate: float = 50  # requests a second and login
    retention_days: int | None = None
    stock: tuple[str, ...] = ()
    oidc: Oidc | None = None

    @property
    def url(self) -> str:
        """The database URL for SQLAlchemy; ``postgresql://`` goes to psycopg. Raises UsageError for another kind."""
        if self.database is None:
            return f"sqlite:///{self.data / 'room.sqlite'}"
        try:
            url = make_url(self.database)
        except ArgumentError as error:
            raise UsageError(
                "--database is no database URL; write postgresql://user@host/name or sqlite:///FILE"
            ) from error
        kind = url.drivername.split("+")[0]
        if kind in ("postgresql", "postgres"):
            return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        if kind == "sqlite":
            return self.database
        raise UsageError(f"--database: '{kind}' is not supported; use postgresql:// or sqlite:///")

    @property
    def films(self) -> Path:
        return self.data / "films"

    @property
    def cache(self) -> Path:
        return self.data / "cache"
