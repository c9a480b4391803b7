"""A typed client of the reading room, for scripts and gateways.

    with Client("https://room.example", username="ada", password="…") as room:
        sent = room.upload([Path("film.dcm")])
        study = room.wait(sent.accepted[0].study_id)

Answers are the models of ``wetread.room.schemas``; a refusal is a ``Problem``, an unreachable room an OutsideError.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx
import numpy as np
from pydantic import BaseModel

from wetread.errors import OutsideError
from wetread.room import schemas
from wetread.room.problems import Problem
from wetread.room.stats import Statistics

__all__ = ["Client"]

M = TypeVar("M", bound=BaseModel)


class Client:
    """A login, or a service's token, at a reading room.

    Args:
        url: the room's address.
        username, password: of a person's account.
        token: of a service account; it can upload and ask how far its uploads are.
        transport: for tests.

    Raises Problem ``unauthenticated`` or ``locked``, OutsideError where the room cannot be reached.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout, transport=transport)
        if token is not None:
            self._http.headers["Authorization"] = f"Bearer {token}"
        elif username is not None:
            session = self._ask(
                schemas.SessionView, "POST", "/api/login", json={"username": username, "password": password or ""}
            )
            self._http.headers["X-CSRF-Token"] = session.csrf

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection (and not the login; see ``log_out``)."""
        self._http.close()

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **more)
        except httpx.TransportError as error:
            raise OutsideError(
                f"The reading room at {self._http.base_url} cannot be reached; check its address."
            ) from error
        if answer.is_success:
            return answer
        try:
            body = answer.json()
            code, message = body["error"]["code"], body["error"]["message"]
        except (ValueError, KeyError, TypeError):
            raise OutsideError(f"{self._http.base_url} answers {answer.status_code} and is no reading room.") from None
        extra = {key: value for key, value in body.items() if key != "error"}
        raise Problem(code, message, extra=extra)

    def _ask(self, model: type[M], method: str, path: str, **more: Any) -> M:
        return model.model_validate(self._send(method, path, **more).json())

    def log_out(self) -> None:
        """End the login."""
        self._send("POST", "/api/logout")

    def upload(self, paths: Sequence[Path], **request: str) -> schemas.UploadView:
        """Send films (DICOM, PNG, JPEG, TIFF, ZIP).

        Args:
            request: indication, comparison, priority, and for plain pictures patient_name, patient_id, accession,
                study_date.
        """
        with ExitStack() as stack:
            files = [("files", (path.name, stack.enter_context(path.open("rb")))) for path in paths]
            return self._ask(schemas.UploadView, "POST", "/api/uploads", files=files, data=request)

    def status(self, study_id: str) -> schemas.StudyStatus:
        """How far a study is."""
        return self._ask(schemas.StudyStatus, "GET", f"/api/studies/{study_id}/status")

    def wait(self, study_id: str, seconds: float = 300.0, every: float = 1.0) -> schemas.StudyStatus:
        """Wait until the study was drafted or its draft failed. Raises OutsideError when the time is over."""
        end = time.monotonic() + seconds
        while True:
            status = self.status(study_id)
            if status.status not in ("queued", "drafting"):
                return status
            if time.monotonic() > end:
                raise OutsideError(
                    f"Study {study_id} was not drafted within {seconds:.0f} s; look at the room's workers."
                )
            time.sleep(every)

    def worklist(self, **query: Any) -> schemas.Worklist:
        """The worklist; ``query`` as the interface has it: q, status, mine, sort, order, limit, offset."""
        return self._ask(schemas.Worklist, "GET", "/api/worklist", params=query)

    def study(self, study_id: str) -> schemas.StudyView:
        """All of one study."""
        return self._ask(schemas.StudyView, "GET", f"/api/studies/{study_id}")

    def pixels(self, film: schemas.FilmView) -> np.ndarray:
        """The film's values: (rows, columns) uint16."""
        return np.frombuffer(self._send("GET", film.pixels).content, "<u2").reshape(film.rows, film.columns)

    def save(
        self, study_id: str, base_version: int, findings: str, impression: str, seconds: float = 0.0
    ) -> schemas.ReportView:
        """Save the report. Raises Problem (conflict, claimed, state); its ``extra["yours"]`` is what was kept."""
        body = {
            "base_version": base_version, "findings": findings, "impression": impression, "seconds": seconds,
            "save_id": uuid.uuid4().hex,
        }  # fmt: skip
        return self._ask(schemas.ReportView, "PUT", f"/api/studies/{study_id}/report", json=body)

    def sign(
        self, study_id: str, kind: str, version: int, password: str, *, text: str | None = None, seconds: float = 0.0
    ) -> schemas.StudyView:
        """Sign as preliminary or final, or sign an addendum (``text``)."""
        body = {
            "kind": kind, "version": version, "password": password, "text": text, "seconds": seconds,
            "save_id": uuid.uuid4().hex,
        }  # fmt: skip
        return self._ask(schemas.StudyView, "POST", f"/api/studies/{study_id}/sign", json=body)

    def redraft(
        self, study_id: str, decide: Mapping[str, str | None] | None = None, **words: str
    ) -> schemas.RedraftAnswer:
        """Draft again, with another ``indication`` or ``comparison`` if given.

        ``decide``: label → what the reader decides (``report.decisions``), None to leave it to the model again.
        """
        body = words if decide is None else {**words, "decide": dict(decide)}
        return self._ask(schemas.RedraftAnswer, "POST", f"/api/studies/{study_id}/redraft", json=body)

    def statistics(self, **query: Any) -> Statistics:
        """The statistics; ``query``: start, end, reader."""
        return self._ask(Statistics, "GET", "/api/statistics", params=query)

    def audit(self, **query: Any) -> schemas.AuditList:
        """Entries of the audit trail (administrators)."""
        return self._ask(schemas.AuditList, "GET", "/api/audit", params=query)
