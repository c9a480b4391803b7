"""Studies coming in by every door, and going out for good."""

from __future__ import annotations

import fcntl
import io
import zipfile
from pathlib import Path

import fakes
import numpy as np
import pytest
from house import House, save_body, sign_body
from sqlalchemy import func, select

from wetread.errors import InputError, OutsideError, UsageError
from wetread.room import audit, files, retention
from wetread.room.cases import Cases
from wetread.room.store import Film, ReportVersion, Signature, StudyRow, Watched, now
from wetread.room.studies import Incoming, Request, receive_study
from wetread.room.watch import Folder
from wetread.similar import Index, Record
from wetread.types import ModelInfo


def _upload(house: House, *named: tuple[str, bytes]) -> dict[str, list[dict[str, object]]]:
    answer = house.browser("reader").post("/api/uploads", files=[("files", item) for item in named])
    assert answer.status_code == 201, answer.text
    result: dict[str, list[dict[str, object]]] = answer.json()
    return result


def test_dicom_is_sorted_by_study_and_pictures_belong_together(house: House) -> None:
    two = fakes.dicom(1, ViewPosition="LL", PixelPaddingValue=0)
    got = _upload(
        house,
        ("a", fakes.dicom(1)),
        ("b", fakes.dicom(2)),
        ("c", two),
        ("x.png", fakes.png(1)),
        ("y.png", fakes.png(2)),
    )
    assert sorted(a["films"] for a in got["accepted"]) == [1, 2, 2]


def test_the_same_again_changes_nothing(house: House) -> None:
    first = _upload(house, ("a.dcm", fakes.dicom(1)))["accepted"][0]
    again = _upload(house, ("b.dcm", fakes.dicom(1)))["accepted"][0]
    assert (again["study_id"], again["duplicate"]) == (first["study_id"], True)
    assert house.draft() == 1


def test_a_later_film_joins_its_study_which_is_drafted_anew(house: House) -> None:
    study = _upload(house, ("a.dcm", fakes.dicom(1)))["accepted"][0]["study_id"]
    house.draft()
    assert _upload(house, ("b.dcm", fakes.dicom(1, ViewPosition="LL")))["accepted"][0]["study_id"] == study
    assert house.draft() == 1
    body = house.browser("reader").get(f"/api/studies/{study}").json()
    assert (len(body["films"]), body["draft_number"], len(body["draft"]["views"])) == (2, 2, 2)


def test_a_signed_report_is_not_drafted_again(house: House, study: str) -> None:
    house.browser("reader").post(f"/api/studies/{study}/sign", json=sign_body("final", 1))
    _upload(house, ("b.dcm", fakes.dicom(1, ViewPosition="LL")))
    assert house.draft() == 0


def test_another_patient_under_the_same_study_is_refused(house: House) -> None:
    _upload(house, ("a.dcm", fakes.dicom(1)))
    answer = house.browser("reader").post(
        "/api/uploads", files=[("files", ("b.dcm", fakes.dicom(1, PatientID="OTHER")))]
    )
    assert answer.status_code == 422
    assert "another patient" in answer.json()["error"]["message"]


def test_archives_are_unpacked_and_what_lies_beside_is_skipped(house: House) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("disk/DICOMDIR", b"x")
        archive.writestr("__MACOSX/._a", b"x")
        archive.writestr("disk/a.dcm", fakes.dicom(1))
        archive.writestr("disk/readme.txt", b"x")
    got = _upload(house, ("disk.zip", out.getvalue()))
    assert [r["name"] for r in got["refused"]] == ["readme.txt"]
    assert len(got["accepted"]) == 1


def test_the_seam_wants_a_whole_study(house: House) -> None:
    with pytest.raises(InputError, match="at least one film"):
        receive_study(house.store, [], Request(), source="gateway", sender="x")
    film = Incoming("a", "0" * 64, 1)
    with pytest.raises(UsageError, match="priority"):
        receive_study(house.store, [film], Request(priority="now"), source="gateway", sender="x")


def test_a_full_disk_is_told_and_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    reader = house.browser("reader")
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        answer = reader.post("/api/uploads", files=[("files", ("a.png", fakes.png(1)))])
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "outside")
    assert "disk is full" in answer.json()["error"]["message"]
    assert not [p for p in house.room.settings.films.rglob("*") if p.is_file()]
    assert reader.post("/api/uploads", files=[("files", ("a.png", fakes.png(1)))]).status_code == 201


def test_half_written_films_are_swept(house: House) -> None:
    (house.room.blobs.root / ".incoming-x").write_bytes(b"half")
    assert house.room.blobs.sweep() == 1


def test_the_watched_folder(house: House, tmp_path: Path) -> None:
    root = tmp_path / "in"
    (root / "study").mkdir(parents=True)
    folder = Folder(house.store, house.room.blobs, root)
    (root / "a.dcm").write_bytes(fakes.dicom(1))
    (root / "study" / "front.png").write_bytes(fakes.png(1))
    assert folder.look() == 0  # it may still be growing
    (root / "study" / "side.png").write_bytes(fakes.png(2))
    (root / "bad.png").write_bytes(b"\x89PNG nothing of use here, but named like one" * 4)
    assert folder.look() == 1
    assert folder.look() == 3
    assert folder.look() == 0
    with house.store.read() as session:
        assert sorted(session.scalars(select(StudyRow.film_count))) == [1, 2]
        assert session.scalar(select(func.count()).select_from(Watched)) == 4
    assert (root / "a.dcm").exists()


def test_erasing_takes_films_texts_and_names(house: House) -> None:
    one, two = house.receive(1, 2)
    reader, admin = house.browser("reader"), house.browser("admin")
    version = reader.put(f"/api/studies/{one}/report", json=save_body(1, "To be forgotten.")).json()["version"]
    reader.post(f"/api/studies/{one}/sign", json=sign_body("final", version))
    assert admin.request("DELETE", f"/api/studies/{one}", json={"reason": "asked for"}).status_code == 204
    for path in (f"/api/studies/{one}", f"/api/studies/{one}/versions"):
        assert reader.get(path).status_code == 404
    assert admin.request("DELETE", f"/api/studies/{one}", json={"reason": "again"}).status_code == 404
    with house.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Signature)) == 0
        assert not list(session.scalars(select(ReportVersion).where(ReportVersion.study_id == one)))
        assert session.get_one(StudyRow, one).patient_name == ""
        assert audit.verify(session).ok
        kept = session.scalars(select(Film.sha256)).all()
    assert [p.name for p in house.room.settings.films.rglob("*") if p.is_file()] == list(kept)
    assert reader.get(f"/api/studies/{two}").status_code == 200


def test_erasing_reaches_the_index_of_similar_cases(house: House, tmp_path: Path) -> None:
    one = house.receive(1)[0]
    with house.store.read() as session:
        uid = session.get_one(StudyRow, one).uid
    index = Index.create(tmp_path / "index", ModelInfo("fake", "1", "0" * 64), 2)
    index.add([Record(uid, note="To be forgotten."), Record("other", note="To be kept.")], np.eye(2))
    house.room.similar = Cases(tmp_path / "index")
    admin = house.browser("admin")
    lock = (tmp_path / "index" / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    busy = admin.request("DELETE", f"/api/studies/{one}", json={"reason": "asked for"})
    assert (busy.status_code, busy.json()["error"]["code"]) == (503, "outside")
    lock.close()
    assert admin.request("DELETE", f"/api/studies/{one}", json={"reason": "asked for"}).status_code == 204
    assert Index.open(tmp_path / "index").study_ids == ("other",)
    assert not [p for p in (tmp_path / "index").iterdir() if b"forgotten" in p.read_bytes()]


def test_retention_erases_what_is_old_and_signed(house: House) -> None:
    one, two = house.receive(1, 2)
    house.browser("reader").post(f"/api/studies/{one}/sign", json=sign_body("final", 1))
    with house.store.write() as session:
        for study in session.scalars(select(StudyRow)):
            study.received = now() - 40 * 86_400
    assert retention.expire(house.store, house.room.blobs, house.room.cache, 30) == 1
    with house.store.read() as session:
        assert session.get_one(StudyRow, one).erased is not None
        assert session.get_one(StudyRow, two).erased is None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    from wetread.room.app import open_store
    from wetread.room.settings import Settings

    (tmp_path / "file").write_text("x")
    with pytest.raises(OutsideError, match="cannot be made"):
        open_store(Settings(data=tmp_path / "file" / "room"))
