"""Films coming in by upload."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, UploadFile

from wetread.room import schemas
from wetread.room.context import Anyone, Here, Sender
from wetread.room.problems import Problem
from wetread.room.studies import Request, receive_files

__all__ = ["router"]

router = APIRouter(tags=["uploads"])
Optional = Annotated[schemas.Words | None, Form(max_length=10_000)]
Short = Annotated[schemas.Words, Form(max_length=200)]


@router.get("/limits", response_model=schemas.Limits)
def limits(_: Anyone, room: Here) -> dict[str, int]:
    """How much one upload may hold."""
    s = room.settings
    return {"upload_bytes": s.upload_bytes, "file_bytes": s.file_bytes, "files": s.files, "zip_bytes": s.zip_bytes}


@router.post("/uploads", response_model=schemas.UploadView, status_code=201)
def upload(
    person: Sender,
    room: Here,
    files: Annotated[list[UploadFile], File(description="DICOM, PNG, JPEG, TIFF or ZIP files")],
    indication: Optional = None,
    comparison: Optional = None,
    priority: Annotated[Literal["routine", "urgent", "stat"], Form()] = "routine",
    patient_name: Short = "",
    patient_id: Short = "",
    accession: Short = "",
    study_date: Annotated[schemas.Words | None, Form(max_length=10)] = None,
) -> dict[str, Any]:
    """Take films in. When this answers, what was accepted is on disk and will be drafted."""
    request = Request(indication, comparison, priority, patient_name, patient_id, accession, study_date)
    named = [(upload.filename or "film", upload.file) for upload in files]
    received, refused = receive_files(room.store, room.blobs, named, request, source="upload", sender=person.username)
    refusals = [{"name": r.name, "reason": r.reason} for r in refused]
    if not received:
        reason = refused[0].reason if refused else "There is no film among the files."
        raise Problem("input", reason, extra={"refused": refusals})
    accepted = [{"study_id": r.study_id, "films": r.films, "duplicate": r.duplicate} for r in received]
    return {"accepted": accepted, "refused": refusals}
