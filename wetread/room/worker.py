"""The draft worker: claims jobs, reads the films, drafts, and stores the draft in one transaction.

It may be killed at any moment: the job's lease ends and another worker, or the same one restarted, takes it again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from wetread.errors import InputError, OutsideError, WetreadError
from wetread.image.read import read_study
from wetread.room import queue
from wetread.room.files import BlobStore, disk_error
from wetread.room.films import named, prepare
from wetread.room.queue import Claimed, LeaseLost
from wetread.room.reports import apply_draft
from wetread.room.store import Film, Job, Store, StudyRow
from wetread.types import Draft, Finding, Study

__all__ = ["Drafting", "drain", "run", "triage"]

Drafting = Callable[[Study], Draft]
_IDLE = 0.5  # seconds between looks at an empty queue
#: How much a finding presses, from 0 to 1: a pneumothorax cannot wait, a healed fracture can.
_WEIGHTS: Mapping[str, float] = {
    "Pneumothorax": 1.0,
    "Edema": 0.8,
    "Pneumonia": 0.7,
    "Consolidation": 0.7,
    "Pleural Effusion": 0.6,
    "Lung Lesion": 0.6,
    "Atelectasis": 0.4,
    "Lung Opacity": 0.4,
    "Enlarged Cardiomediastinum": 0.4,
    "Cardiomegaly": 0.3,
    "Fracture": 0.3,
    "Pleural Other": 0.2,
    "Support Devices": 0.1,
}
#: How much it presses that anything at all may be found, where no finding is named or beside those that are.
_UNNAMED = 0.1
_log = logging.getLogger("wetread.room.worker")


def triage(body: Mapping[str, Any]) -> tuple[float, list[str]]:
    """How soon a study should be read, in [0, 1], and why: its most pressing finding leads.

    Where the draft says that the study may wait, and no finding is named, it is 0.
    """
    findings = {name: Finding(**f) for name, f in body["labels"].items()}
    pressing = sorted(
        (
            (_WEIGHTS.get(name, 0.0) * f.held, name, f.held)
            for name, f in findings.items()
            if f.state != "negative" and _WEIGHTS.get(name, 0.0)
        ),
        reverse=True,
    )
    may_wait = 1.0
    for weight, _, _ in pressing:
        may_wait *= 1.0 - weight
    reasons = [(name, probability) for _, name, probability in pressing[:3]]
    study = body["triage"]
    if study is not None and study["state"] == "look first":
        may_wait *= 1.0 - _UNNAMED * study["score"]
        reasons = reasons or [("Any finding", study["score"])]
    return round(1.0 - may_wait, 4), [f"{name} {p:.2f}".replace("0.", ".", 1) for name, p in reasons]


def _films(store: Store, study_id: str) -> tuple[StudyRow, list[Film]]:
    with store.read() as session:
        study = session.get_one(StudyRow, study_id)
        films = list(session.scalars(select(Film).where(Film.study_id == study_id).order_by(Film.number)))
    return study, films


def _draft(store: Store, blobs: BlobStore, cache: BlobStore, draft: Drafting, claimed: Claimed) -> dict[str, Any]:
    """The draft of the job's study as JSON, its views named as the sender named them and tied to the films."""
    row, films = _films(store, claimed.study_id)
    if row.erased is not None or not films:
        raise InputError("The study was erased before it was drafted.")
    films = [prepare(store, blobs, cache, film) for film in films]
    by_path = {str(blobs.path(film.sha256)): film for film in films}
    try:
        study = read_study(list(by_path), study_id=row.id, indication=row.indication, comparison=row.comparison)
        made = draft(replace(study, decided=row.decided))
    except WetreadError as error:
        error.args = (_all_named(str(error), films),)
        raise
    body = replace(made, study_id=row.id).to_json()
    for view in body["views"]:
        film = by_path.get(str(view.get("file")))
        if film is not None:
            view["file"], view["film"] = film.name, film.id
    body["warnings"] = [_all_named(text, films) for text in body["warnings"]]
    return body


def _all_named(text: str, films: list[Film]) -> str:
    for film in films:
        text = named(text, film)
    return text


def _store(store: Store, worker: str, claimed: Claimed, body: dict[str, Any]) -> None:
    with store.write() as session:
        queue.finish(session, claimed)
        study = session.get_one(StudyRow, claimed.study_id, with_for_update=True)
        latest = None if study.job_id in (None, claimed.id) else session.get(Job, study.job_id)
        if latest is not None and latest.state == "done":
            return  # another worker was faster with a later wish, which would be undone
        apply_draft(session, study, body, claimed.id, worker)
        study.triage, study.triage_reasons = triage(body)
        study.labels = {n: f["state"] for n, f in body["labels"].items() if f["state"] != "negative"}
        for view in body["views"]:
            film = None if "film" not in view else session.get(Film, view["film"])
            if film is not None and film.meta is not None:
                film.meta = {**film.meta, "projection": view["projection"]}


def _reason(error: Exception) -> tuple[str, bool]:
    """What to tell, and whether it may pass by itself."""
    if isinstance(error, WetreadError):
        return str(error), isinstance(error, OutsideError)
    if isinstance(error, OSError):
        return str(disk_error(error)), True
    return f"The draft failed ({type(error).__name__}); the other studies are not affected.", True


class _Heart(threading.Thread):
    """Keeps the job's lease while the worker computes."""

    def __init__(self, store: Store, worker: str, claimed: Claimed) -> None:
        super().__init__(daemon=True)
        self._store, self._worker, self._claimed = store, worker, claimed
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(self._store.settings.lease / 4):
            try:
                queue.beat(self._store, self._worker, self._claimed)
            except LeaseLost:
                return
            except SQLAlchemyError as error:
                _log.warning("no heartbeat: %s", type(error).__name__)

    def stop(self) -> None:
        self._done.set()
        self.join()


def work_one(store: Store, blobs: BlobStore, cache: BlobStore, draft: Drafting, worker: str) -> bool:
    """Do the next job; False where there is none."""
    claimed = queue.claim(store, worker)
    if claimed is None:
        return False
    queue.beat(store, worker, claimed)
    heart = _Heart(store, worker, claimed)
    heart.start()
    try:
        try:
            body = _draft(store, blobs, cache, draft, claimed)
        finally:
            heart.stop()
        _store(store, worker, claimed, body)
    except LeaseLost:
        _log.info("job %s belongs to another worker now", claimed.id)
    except SQLAlchemyError:
        raise  # the lease ends by itself
    except Exception as error:
        reason, passing = _reason(error)
        _log.warning("job %s failed: %s", claimed.id, type(error).__name__)
        try:
            queue.fail(store, worker, claimed, reason, passing)
        except LeaseLost:
            _log.info("job %s belongs to another worker now", claimed.id)
    return True


def drain(store: Store, draft: Drafting) -> int:
    """Do all jobs that are ready, in this process; returns how many."""
    blobs, cache = BlobStore(store.settings.films), BlobStore(store.settings.cache)
    count = 0
    while work_one(store, blobs, cache, draft, f"drain-{os.getpid()}"):
        count += 1
    return count


def run(store: Store, draft: Drafting, name: str, stop: Callable[[], bool]) -> None:
    """Work until ``stop`` says so. A database that is gone is waited for."""
    blobs, cache = BlobStore(store.settings.films), BlobStore(store.settings.cache)
    pause, beats = threading.Event(), 0
    while not stop():
        try:
            if work_one(store, blobs, cache, draft, name):
                continue
            if beats % 10 == 0:
                queue.beat(store, name, None)
            beats += 1
            pause.wait(_IDLE)
        except SQLAlchemyError as error:
            _log.warning("database unreachable: %s", type(error).__name__)
            pause.wait(2.0)
