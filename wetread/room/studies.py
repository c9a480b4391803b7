"""Receiving studies: the one function that takes films in, whatever door they came through.

``receive_study`` is the seam for every source: the upload, the watched folder, a DICOM listener. When it returns, the
films are on disk, the study is in the database and its draft is queued; a repetition changes nothing.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wetread.errors import InputError, UsageError
from wetread.image.dicom import read_dataset
from wetread.image.files import kind_of_bytes
from wetread.room import audit, queue
from wetread.room.files import BlobStore
from wetread.room.store import Film, ReportRow, Store, StudyRow

__all__ = ["PRIORITIES", "Incoming", "Received", "Refused", "Request", "receive_files", "receive_study"]

PRIORITIES = ("routine", "urgent", "stat")
_ZIP_ENTRIES = 5000
_ZIP_RATIO = 200  # films compress to a half or a third; what inflates 200 times is a bomb
_ZIP = b"PK\x03\x04"
#: What exporters put beside films; skipped without a word.
_BESIDE = {"dicomdir", ".ds_store", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Request:
    """The words and names that come with films; the names count only for plain pictures, DICOM has its own."""

    indication: str | None = None
    comparison: str | None = None
    priority: str = "routine"
    patient_name: str = ""
    patient_id: str = ""
    accession: str = ""
    study_date: str | None = None


@dataclass(frozen=True)
class Incoming:
    """A film that is already on disk in the blob store."""

    name: str
    sha256: str
    size: int
    header: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """``duplicate``: all its films were there before."""

    study_id: str
    films: int
    duplicate: bool


@dataclass(frozen=True)
class Refused:
    name: str
    reason: str


def _clean(value: Any, limit: int = 200) -> str:
    """Text of a header for a database and a screen: no control characters, no NUL, bounded."""
    text = "".join(c if c.isprintable() else " " for c in str(value or ""))
    return " ".join(text.split())[:limit]


def _date(value: Any) -> str | None:
    match = re.fullmatch(r"(\d{4})-?(\d{2})-?(\d{2})", str(value or "").strip())
    return "-".join(match.groups()) if match else None


def _name(value: str) -> str:
    """The last part of a name from outside, for display only."""
    return _clean(PurePosixPath(value.replace("\\", "/")).name) or "film"


def dicom_header(path: Path) -> dict[str, str]:
    """What the worklist shows of a DICOM file. Raises InputError where it cannot be parsed or is no film."""
    ds = read_dataset(path)
    try:
        texts = {
            key: _clean(ds.get(keyword))
            for key, keyword in (
                ("uid", "StudyInstanceUID"), ("patient_name", "PatientName"), ("patient_id", "PatientID"),
                ("sex", "PatientSex"), ("accession", "AccessionNumber"), ("modality", "Modality"),
            )
        }  # fmt: skip
        texts["description"] = _clean(ds.get("StudyDescription") or ds.get("SeriesDescription"))
        texts["birth_date"] = _date(ds.get("PatientBirthDate")) or ""
        texts["study_date"] = _date(ds.get("StudyDate")) or ""
    except Exception as error:  # pydicom decodes values late and raises whatever it likes on damaged ones
        raise InputError("Its header cannot be read; export the film again.") from error
    if "PixelData" not in ds:
        raise InputError("It is no film: it has no pixel data.")
    return texts


def _take(blobs: BlobStore, name: str, stream: BinaryIO, limit: int) -> Incoming:
    """Store one film's bytes. Raises InputError where it is no DICOM, PNG, JPEG or TIFF file."""
    head = stream.read(132)
    kind = kind_of_bytes(head)
    if kind is None:
        raise InputError("It is no DICOM, PNG, JPEG, TIFF or ZIP file.")
    sha256, size = blobs.put(cast(BinaryIO, _Rewound(head, stream)), limit)
    header: dict[str, str] = {}
    if kind == "dicom":
        try:
            header = dicom_header(blobs.path(sha256))
        except InputError as error:
            # The blob may belong to another study already; only the sweep of unreferenced films removes it.
            raise InputError(str(error).replace(sha256, name)) from error
    return Incoming(name, sha256, size, header)


class _Rewound:
    """A stream of which the head has been read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def read(self, size: int = -1) -> bytes:
        return self._head.read(size) or self._rest.read(size)


@contextmanager
def _whole(name: str) -> Iterator[None]:
    """What zipfile and its decompressors raise on damaged archives, as one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, RuntimeError) as error:
        raise InputError(f"{name} is damaged or encrypted; unpack it, or make it again.") from error
    except (OSError, ValueError, OverflowError, struct.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's failure, not the archive's
        raise InputError(f"{name} is a damaged archive; make it again.") from error


class _Member:
    """A file of an archive, read as a stream."""

    def __init__(self, stream: IO[bytes], archive: str) -> None:
        self._stream, self._archive = stream, archive

    def read(self, size: int = -1) -> bytes:
        with _whole(self._archive):
            return self._stream.read(size)


def _zip_members(stream: BinaryIO, name: str, limit: int) -> Iterator[tuple[str, BinaryIO]]:
    """The files of an archive, bounded in number, ratio and bytes; their names are never used as paths."""
    with _whole(name), zipfile.ZipFile(stream) as archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        if len(members) > _ZIP_ENTRIES:
            raise InputError(f"{name} holds {len(members):,} files; at most {_ZIP_ENTRIES:,} are taken at once.")
        if sum(m.file_size for m in members) > limit:
            raise InputError(f"{name} unpacks to more than {limit:,} bytes; send fewer studies at once.")
        for member in members:
            if member.file_size > _ZIP_RATIO * max(member.compress_size, 1 << 12):
                raise InputError(f"{name} holds a file that inflates more than {_ZIP_RATIO} times; it is no film.")
            with archive.open(member) as file:
                yield member.filename, cast(BinaryIO, _Member(file, name))


def _is_beside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return not parts or parts[-1].lower() in _BESIDE or "__MACOSX" in parts


def receive_files(
    store: Store,
    blobs: BlobStore,
    files: Iterable[tuple[str, BinaryIO]],
    request: Request,
    *,
    source: str,
    sender: str,
) -> tuple[list[Received], list[Refused]]:
    """Take files as they come (films, archives, what lies beside them), sort them into studies and receive those.

    DICOM is grouped by StudyInstanceUID; all plain pictures of one call are one study.

    Args:
        files: (name as the sender has it, open binary stream).
        source: upload, folder, gateway or demo.
        sender: user name or service, for the audit trail and for what a service may see.
    """
    taken: list[Incoming] = []
    refused: list[Refused] = []
    for name, stream in files:
        if _is_beside(name):
            continue
        shown = _name(name)
        try:
            head = stream.read(4)
            stream.seek(0)
            if head == _ZIP:
                _take_archive(store, blobs, shown, stream, taken, refused)
            else:
                taken.append(_take(blobs, shown, stream, store.settings.file_bytes))
        except InputError as error:
            refused.append(Refused(shown, str(error)))
    groups: dict[str, list[Incoming]] = {}
    for film in taken:
        groups.setdefault(film.header.get("uid", ""), []).append(film)
    received = []
    for films in groups.values():
        try:
            received.append(receive_study(store, films, request, source=source, sender=sender))
        except InputError as error:
            refused.extend(Refused(film.name, str(error)) for film in films)
    return received, refused


def _take_archive(
    store: Store, blobs: BlobStore, name: str, stream: BinaryIO, taken: list[Incoming], refused: list[Refused]
) -> None:
    left = store.settings.zip_bytes
    for inner, member in _zip_members(stream, name, left):
        if _is_beside(inner):
            continue
        try:
            film = _take(blobs, _name(inner), member, min(left, store.settings.file_bytes))
        except InputError as error:
            refused.append(Refused(_name(inner), str(error)))
            continue
        left -= film.size
        if left <= 0:
            raise InputError(f"{name} unpacks to more than {store.settings.zip_bytes:,} bytes.")
        taken.append(film)


def receive_study(store: Store, films: Sequence[Incoming], request: Request, *, source: str, sender: str) -> Received:
    """Receive one study whose films are in the blob store: the seam for every door.

    All films must be of one study. A study that is there already gets the films that it lacks, and is drafted anew
    unless it was signed.

    Raises:
        InputError: no films, or the films name another patient than the study of the same UID does.
        UsageError: an unknown priority.
    """
    if not films:
        raise InputError("A study needs at least one film.")
    if request.priority not in PRIORITIES:
        raise UsageError(f"The priority is one of {', '.join(PRIORITIES)}.")
    header = next((film.header for film in films if film.header), {})
    if len({film.header.get("patient_id", "") for film in films if film.header}) > 1:
        raise InputError("The films of this study name different patients; ask the sender, nothing was taken.")
    digests = "".join(sorted({film.sha256 for film in films}))
    uid = header.get("uid") or "sha256:" + hashlib.sha256(digests.encode()).hexdigest()
    with store.write() as session:
        study = session.scalar(select(StudyRow).where(StudyRow.uid == uid).with_for_update())
        if study is None:
            study = _new_study(session, uid, header, request, source, sender)
        elif header and study.patient_id != header.get("patient_id", ""):
            raise InputError(
                "A study with this UID is here under another patient ID; ask the sender, nothing was taken."
            )
        added = _add_films(session, study, films)
        if added:
            _queue(session, study)
            detail = {"films": added, "source": source, "count": study.film_count}
            audit.append(session, sender, "study.received", study.id, detail)
    return Received(study.id, len(films), not added)


def _new_study(
    session: Session, uid: str, header: dict[str, str], request: Request, source: str, sender: str
) -> StudyRow:
    study = StudyRow(
        uid=uid,
        patient_name=header.get("patient_name") or ("" if header else _clean(request.patient_name)),
        patient_id=header.get("patient_id") or ("" if header else _clean(request.patient_id)),
        birth_date=header.get("birth_date") or None,
        sex=(header.get("sex") or "")[:1].upper() or None,
        accession=header.get("accession") or ("" if header else _clean(request.accession)),
        study_date=header.get("study_date") or (None if header else _date(request.study_date)),
        description=header.get("description", ""),
        modality=header.get("modality", ""),
        indication=_words(request.indication),
        comparison=_words(request.comparison),
        priority=PRIORITIES.index(request.priority),
        source=source,
        sender=sender,
        film_count=0,
    )
    study.search = " ".join(
        (study.patient_name, study.patient_name.replace("^", " "), study.patient_id, study.accession, study.description)
    ).casefold()
    session.add(study)
    session.flush()
    session.add(ReportRow(study_id=study.id))
    return study


def _words(text: str | None) -> str | None:
    text = (text or "").replace("\0", "").strip()
    return text[:10_000] or None


def _add_films(session: Session, study: StudyRow, films: Sequence[Incoming]) -> int:
    known = set(session.scalars(select(Film.sha256).where(Film.study_id == study.id)))
    count = 0
    for film in films:
        if film.sha256 in known:
            continue
        known.add(film.sha256)
        session.add(
            Film(
                study_id=study.id,
                sha256=film.sha256,
                name=film.name,
                number=study.film_count,
                size=film.size,
                meta=None,
            )
        )
        study.film_count += 1
        count += 1
    session.flush()
    return count


def _queue(session: Session, study: StudyRow) -> None:
    if study.report_state in ("none", "draft"):
        films = session.scalar(select(func.count()).select_from(Film).where(Film.study_id == study.id))
        queue.enqueue(session, study, f"{study.id}:films:{films}")
