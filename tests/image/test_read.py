"""Files and folders → a Study, with its projections and warnings."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.image.make import dataset, ramp, write
from wetread.errors import InputError, NotAChestFilm
from wetread.image import guard, read
from wetread.image.guard import Assessment
from wetread.image.read import MAX_VIEWS, read_study, read_view

FRONTAL = Assessment(0.99, None, 0.02, "frontal")
LATERAL = Assessment(0.99, None, 0.98, "lateral")
UNKNOWN = Assessment(0.99, None, 0.5, "unknown")


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> object:
    """Let the guard say what the test wants, so that small drawings pass for films."""

    def say(seen: Assessment) -> None:
        monkeypatch.setattr(guard, "assess", lambda _: seen)

    say(FRONTAL)
    return say


def real(folder: Path, name: str = "RG1_UNCR.dcm") -> Path:
    pytest.importorskip("data_store", reason="pydicom-data is not installed")
    from pydicom.data import get_testdata_file

    shutil.copy(str(get_testdata_file(name, download=False)), folder / name)
    return folder / name


def test_the_real_film(tmp_path: Path) -> None:
    study = read_study([real(tmp_path)], indication="cough")
    (view,) = study.views
    assert study.study_id == view.header["StudyInstanceUID"]
    assert study.indication == "cough"
    assert view.projection == "frontal"
    assert view.pixels.dtype == np.float32
    assert (view.rows, view.columns) == (1955, 1841)
    assert "PixelSpacing" not in view.header
    assert view.header["PatientAge"] == "064Y"
    assert view.warnings == ()
    # Dense is bright: the mediastinum is brighter than the lung beside it.
    assert view.pixels[700:900, 880:960].mean() > view.pixels[400:600, 500:600].mean() + 0.1


def test_the_tibia_is_refused_with_and_without_its_header(tmp_path: Path) -> None:
    path = real(tmp_path, "RG3_UNCR.dcm")
    with pytest.raises(NotAChestFilm, match="RG3_UNCR"):
        read_view(path)
    Image.fromarray(np.uint8(255 * read_view(path, check=False).pixels)).save(tmp_path / "t.png")
    with pytest.raises(NotAChestFilm, match="does not look like a chest radiograph"):
        read_view(tmp_path / "t.png")


def test_a_picture_has_the_film_s_own_size_and_no_header(tmp_path: Path, judged: object) -> None:
    Image.fromarray(ramp(top=255).astype(np.uint8)).save(path := tmp_path / "film.png")
    view = read_view(path)
    assert (view.rows, view.columns, view.file) == (96, 80, str(path))
    assert view.header == {}
    assert read_study([path]).study_id == "film"


@pytest.mark.parametrize(
    ("position", "seen", "projection", "warned"),
    [
        ("PA", FRONTAL, "frontal", False),
        ("LL", LATERAL, "lateral", False),
        ("AP", UNKNOWN, "frontal", False),
        ("LL", UNKNOWN, "lateral", False),
        ("PA", LATERAL, "lateral", True),
        ("LL", FRONTAL, "frontal", True),
        ("", FRONTAL, "frontal", False),
        ("", UNKNOWN, "unknown", True),
        ("XYZ", LATERAL, "lateral", False),
    ],
)
def test_projection(
    tmp_path: Path, judged: object, position: str, seen: Assessment, projection: str, warned: bool
) -> None:
    judged(seen)  # type: ignore[operator]
    view = read_view(write(tmp_path / "f.dcm", dataset(ramp(), ViewPosition=position)))
    assert view.projection == projection
    assert bool(view.warnings) == warned


@pytest.mark.parametrize(
    ("age", "child"), [("015Y", True), ("016Y", False), ("008M", True), ("010D", True), ("old", False), ("", False)]
)
def test_a_child_is_warned_of(tmp_path: Path, judged: object, age: str, child: bool) -> None:
    ds = dataset(ramp())
    ds.add_new("PatientAge", "LO", age)  # LO: a broken age must be readable too
    assert any("child" in w for w in read_view(write(tmp_path / "f.dcm", ds)).warnings) == child


def test_other_warnings(tmp_path: Path, judged: object) -> None:
    judged(Assessment(0.9, None, 0.02, "frontal", negative=True, cut=True))  # type: ignore[operator]
    path = write(tmp_path / "f.dcm", dataset(ramp(), BodyPartExamined="HAND", WindowCenter=2048, WindowWidth=4096))
    view = read_view(path)
    assert [w for w in ("negative", "cut", "HAND") if any(w in text for text in view.warnings)] == [
        "negative",
        "cut",
        "HAND",
    ]
    assert view.pixels[0, 0] == 1
    assert read_view(path, check=False).warnings == ()


def test_a_lateral_alone_is_warned_of(tmp_path: Path, judged: object) -> None:
    judged(LATERAL)  # type: ignore[operator]
    path = write(tmp_path / "f.dcm", dataset(ramp()))
    assert any("no frontal film" in w for w in read_study([path]).views[0].warnings)


def test_a_folder_is_its_films_in_order(tmp_path: Path, judged: object) -> None:
    folder = tmp_path / "study 7"
    (folder / "b").mkdir(parents=True)
    for name in ("b/2.dcm", "1", "b/DICOMDIR"):
        write(folder / name, dataset(ramp()))
    Image.fromarray(ramp()).save(folder / "z.png")
    write(folder / "report.dcm", dataset(ramp(), Modality="SR"))
    for junk in ("notes.txt", "a.json", ".hidden.dcm", "empty"):
        (folder / junk).write_text("")
    study = read_study([folder], study_id="mine")
    assert [Path(v.file).relative_to(folder).as_posix() for v in study.views] == ["1", "b/2.dcm", "z.png"]
    assert study.study_id == "mine"
    assert len(read_study([folder, folder / "1", folder / "z.png"]).views) == 3


def test_two_studies_at_once_are_refused(tmp_path: Path, judged: object) -> None:
    paths = [write(tmp_path / f"{n}.dcm", dataset(ramp(), StudyInstanceUID=f"1.{n}")) for n in (1, 2)]
    with pytest.raises(InputError, match="2 studies"):
        read_study(paths)


def test_too_many_films_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MAX_VIEWS + 1):
        Image.fromarray(ramp()).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(read, "read_view", lambda *_: pytest.fail("was read"))
    with pytest.raises(InputError, match="wetread batch"):
        read_study([tmp_path])


def test_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="no film was given"):
        read_study([])


def test_a_document_named_by_hand_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "report.dcm", dataset(ramp(), Modality="SR"))
    with pytest.raises(NotAChestFilm, match="no image"):
        read_study([path])
    with pytest.raises(InputError, match="holds no"):
        read_study([tmp_path])
