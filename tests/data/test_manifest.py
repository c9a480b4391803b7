"""The manifest: what is written is read back; what is wrong is refused with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wetread.data.manifest import ManifestStudy, ManifestView, iterate_manifest, read_manifest, write_manifest
from wetread.errors import InputError
from wetread.types import LABELS

_TEXT = st.none() | st.text()
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_NAME = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
_STATES = st.sampled_from(["positive", "negative", "uncertain", None])


@st.composite
def _studies(draw: st.DrawFn) -> list[ManifestStudy]:
    names = draw(st.lists(st.text(min_size=1), unique=True, max_size=4))
    return [
        ManifestStudy(
            study_id=name,
            split=draw(_TEXT),
            views=tuple(
                ManifestView(Path("films") / draw(_NAME), draw(st.sampled_from(["frontal", "lateral", "unknown"])))
                for _ in range(draw(st.integers(0, 2)))
            ),
            indication=draw(_TEXT),
            comparison=draw(_TEXT),
            findings=draw(_TEXT),
            impression=draw(_TEXT),
            labels=draw(st.none() | st.dictionaries(st.sampled_from(LABELS), _STATES, max_size=3)),
            extra=draw(st.dictionaries(st.sampled_from(["mesh", "subject_id"]), _JSON, max_size=2)),
        )
        for name in names
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifest")


@settings(max_examples=25, deadline=None)
@given(studies=_studies())
def test_what_is_written_is_read_back(folder: Path, studies: list[ManifestStudy]) -> None:
    path = folder / "m.jsonl"
    rooted = [
        ManifestStudy(**{**s.__dict__, "views": tuple(ManifestView(folder / v.path, v.projection) for v in s.views)})
        for s in studies
    ]
    assert write_manifest(path, rooted) == len(studies)
    assert read_manifest(path) == rooted


@settings(max_examples=80, deadline=None)
@given(lines=st.lists(_JSON.map(json.dumps) | st.text() | st.binary().map(lambda b: b.decode("latin-1")), max_size=3))
def test_any_content_is_read_or_refused_in_one_sentence(folder: Path, lines: list[str]) -> None:
    path = folder / "any.jsonl"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    refusal = ""
    try:
        studies = read_manifest(path)
    except InputError as error:
        studies, refusal = [], str(error)
    assert all(isinstance(study.study_id, str) for study in studies)
    assert not refusal or "line " in refusal


def test_absent_keys_are_null_and_blank_lines_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"study_id": "a"}\n\n{"study_id": 7, "views": [{"path": "x/y.png"}]}\n')
    first, second = read_manifest(path)
    assert first == ManifestStudy("a")
    assert second.study_id == "7"
    assert second.views == (ManifestView(tmp_path / "x" / "y.png", "unknown"),)


def test_paths_are_relative_to_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "prepared" / "m.jsonl"
    write_manifest(path, [ManifestStudy("a", views=(ManifestView(tmp_path / "films" / "1.png", "frontal"),))])
    assert json.loads(path.read_text())["views"] == [{"path": "../films/1.png", "projection": "frontal"}]
    assert read_manifest(path)[0].views[0].path.resolve() == tmp_path / "films" / "1.png"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting"),
        ("[]", "no JSON object"),
        ("{}", "'study_id' is missing"),
        ('{"study_id": ""}', "'study_id' is missing"),
        ('{"study_id": true}', "'study_id' is missing"),
        ('{"study_id": "b", "views": {}}', "'views' is no list"),
        ('{"study_id": "b", "views": [{}]}', "no 'path'"),
        ('{"study_id": "b", "views": ["film.png"]}', "no 'path'"),
        ('{"study_id": "b", "views": [{"path": "x", "projection": "PA"}]}', "projection 'PA'"),
        ('{"study_id": "b", "findings": 3}', "'findings' is no text"),
        ('{"study_id": "b", "labels": {"Flu": null}}', "label 'Flu'"),
        ('{"study_id": "b", "labels": {"Edema": 1}}', "state 1"),
        ('{"study_id": "a"}', "repeats the study 'a' of line 1"),
        ("[" * 100_000, "nests too deep"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"study_id": "a"}\n' + line + "\n")
    with pytest.raises(InputError, match="line 2 of the manifest") as caught:
        read_manifest(path)
    assert reason in str(caught.value)


def test_reading_is_lazy_and_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"study_id": "a"}\nbroken\n')
    assert next(iterate_manifest(path)).study_id == "a"
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "none.jsonl")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    write_manifest(path, [ManifestStudy("old")])
    with pytest.raises(InputError, match="occurs twice"):
        write_manifest(path, [ManifestStudy("a"), ManifestStudy("a")])
    assert [study.study_id for study in read_manifest(path)] == ["old"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.jsonl"]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_manifest(tmp_path / "file" / "m.jsonl", [ManifestStudy("a")])
