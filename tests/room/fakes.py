"""A drafter that needs no model, films made of numbers, and a room with accounts: what the room's tests run against."""

from __future__ import annotations

import io
import time
from functools import lru_cache

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from wetread.cli.serve import load_drafter
from wetread.image import guard
from wetread.report.decisions import decide, is_there
from wetread.room.worker import Drafting
from wetread.types import LABELS, Draft, Evidence, Finding, ModelInfo, Sentence, Study

PASSWORD = "demonstration"
LEASE = 3.0  # seconds: of fake_room's draft jobs, so that tests need not wait for a killed worker's job
SENTENCES = (
    ("findings", "The heart is mildly enlarged.", ("Cardiomegaly",), "seen"),
    ("findings", "Both lungs are clear of consolidation.", ("Consolidation",), "searched"),
    ("findings", "No pneumothorax is seen.", ("Pneumothorax",), "searched"),
    ("findings", "Blunting of the left costophrenic angle.", ("Pleural Effusion",), "seen"),
    ("impression", "Mild cardiomegaly with a small left effusion.", ("Cardiomegaly", "Pleural Effusion"), "seen"),
)
CONFIDENCE = {"Blunting of the left costophrenic angle.": 0.3}
POSITIVE = {"Cardiomegaly": 0.81, "Pleural Effusion": 0.64}


class FakeDrafter:
    """Says the same of every film; words of the request and decided findings show, so that a re-draft can be told."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def __call__(self, study: Study) -> Draft:
        time.sleep(self._seconds)
        view = study.views[0]
        box = (view.columns // 4, view.rows // 2, view.columns // 2, 3 * view.rows // 4)
        sentences = [
            Sentence(section, text, labels, CONFIDENCE.get(text, 0.8), (Evidence(0, box, kind),))  # type: ignore[arg-type]
            for section, text, labels, kind in SENTENCES
        ]
        labels = {
            name: Finding(POSITIVE.get(name, 0.1), 0.3, 0.5, "positive" if name in POSITIVE else "negative")
            for name in LABELS
        }
        labels = decide(labels, study.decided)
        there = {name for name, finding in labels.items() if finding.state == "positive"}
        absent = set(LABELS) - there
        sentences = [s for s in sentences if (absent if s.evidence[0].kind == "seen" else there).isdisjoint(s.labels)]
        for name, decision in study.decided.items():
            if is_there(decision) and name not in POSITIVE:
                where = "" if decision == "positive" else f" ({decision})"
                text = f"{name} is present{where}."
                sentences.append(Sentence("findings", text, (name,), 1.0, (Evidence(0, box, "seen"),)))
        if study.indication:
            extra = "Nothing explains the stated complaint."
            sentences.append(Sentence("impression", extra, (), 0.5, (Evidence(0, box, "searched"),)))
        texts = {s: " ".join(x.text for x in sentences if x.section == s) for s in ("findings", "impression")}
        return Draft(
            study_id=study.study_id,
            model=ModelInfo("fake", "1", "0" * 64),
            views=tuple(
                {"file": v.file, "projection": v.projection, "rows": v.rows, "columns": v.columns} for v in study.views
            ),
            sentences=tuple(sentences),
            labels=labels,
            decided=study.decided,
            seconds={"total": self._seconds},
            **texts,
        )


def trusting(_: np.ndarray) -> guard.Assessment:
    """In the image guard's place: the films of these tests are drawn, and it rightly knows them from real ones."""
    return guard.Assessment(chest=1.0, refusal=None, lateral=0.0, projection="frontal")


def fake_drafter() -> FakeDrafter:
    """For worker processes, which make their drafter themselves."""
    guard.assess = trusting
    return FakeDrafter(0.2)


def real_drafter() -> Drafting:
    """The model, for drawn films."""
    guard.assess = trusting
    return load_drafter()


@lru_cache(maxsize=16)
def chest(seed: int = 0, rows: int = 288, columns: int = 272) -> np.ndarray:
    """A picture that looks a little like a frontal chest film: (rows, columns) float in [0, 1], bright = dense."""
    y, x = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    picture = 0.62 + 0.1 * np.cos((x - 0.5) * 3)
    for centre, width in ((0.29, 0.17), (0.71, 0.17)):
        lung = ((x - centre) / width) ** 2 + ((y - 0.45) / 0.33) ** 2
        picture -= 0.45 * np.clip(1.3 - lung, 0, 1)
    heart = ((x - 0.56) / 0.16) ** 2 + ((y - 0.64) / 0.16) ** 2
    picture += 0.3 * np.clip(1.2 - heart, 0, 1)
    picture += 0.18 * np.exp(-(((x - 0.5) / 0.05) ** 2))
    ribs = np.sin((y + 0.25 * (x - 0.5) ** 2) * 60)
    picture += 0.035 * ribs * (y < 0.8)
    picture -= 0.55 * np.clip((abs(x - 0.5) - 0.46) / 0.04, 0, 1)
    picture += np.random.default_rng(seed).normal(0, 0.01, picture.shape)
    return np.clip(picture, 0, 1)


def png(seed: int = 0) -> bytes:
    """The film as an 8-bit PNG."""
    out = io.BytesIO()
    Image.fromarray(np.rint(chest(seed) * 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def dicom(seed: int = 0, **header: object) -> bytes:
    """The film as 12-bit DICOM, MONOCHROME2 unless the header says otherwise."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[f"sop{seed}{sorted(header.items())}"])
    ds = FileDataset("film", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID = generate_uid(entropy_srcs=[f"study{seed}"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=[f"series{seed}"])
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "DX", "CHEST", "PA"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = f"Test^P{seed}", f"P{seed}", "19600102", "F"
    ds.AccessionNumber, ds.StudyDate, ds.StudyDescription = f"A{seed}", "20261101", "Chest PA"
    ds.PatientOrientation = ["L", "F"]
    values = np.rint(chest(seed) * 4095).astype("<u2")
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    ds.ImagerPixelSpacing = [0.2, 0.2]
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    ds.PixelData = values.tobytes()
    out = io.BytesIO()
    pydicom.dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()
