"""The pipeline with the shipped bundle on a real film."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wetread
from wetread.cli import main
from wetread.draft import Drafter
from wetread.errors import BundleError
from wetread.image.read import read_study
from wetread.model.bundle import default_path
from wetread.model.runtime import OnnxWriter, Seen, StudyMemory
from wetread.report.checks import check
from wetread.report.decisions import decide
from wetread.report.further import FURTHER
from wetread.report.stock import sentence
from wetread.report.wording import stated, stated_by_any
from wetread.types import LABELS, Draft, Report, State

data = pytest.importorskip("pydicom.data")


def film(name: str) -> str:
    return str(data.get_testdata_file(name))


@pytest.fixture(scope="module")
def drafter() -> Drafter:
    return wetread.load()


@pytest.fixture(scope="module")
def draft(drafter: Drafter) -> Draft:
    return drafter.draft([film("RG1_UNCR.dcm")])


def without_time(draft: Draft) -> str:
    return json.dumps({**draft.to_json(), "seconds": None, "views": None})


def test_a_draft_is_whole(draft: Draft) -> None:
    assert draft.findings
    assert draft.impression
    assert tuple(draft.labels) == LABELS
    assert Draft.from_json(json.loads(json.dumps(draft.to_json()))).to_json() == draft.to_json()
    for told in draft.sentences:
        assert told.text in getattr(draft, told.section)
        assert 0 <= told.confidence <= 1
        assert told.evidence
        for evidence in told.evidence:
            x0, y0, x1, y1 = evidence.box
            assert 0 <= x0 < x1 <= draft.views[evidence.view]["columns"]
            assert 0 <= y0 < y1 <= draft.views[evidence.view]["rows"]


def test_the_words_say_what_the_findings_say(draft: Draft) -> None:
    positive = {n for n, f in draft.labels.items() if f.state == "positive" and n != "No Finding"}
    assert stated(draft.findings) == positive


def test_the_words_tell_the_zone_where_there_is_evidence_of_it(drafter: Drafter) -> None:
    study = read_study([film("RG1_UNCR.dcm")])
    look = drafter.look(study)
    zones = np.full((len(LABELS), 3), 1 / 3)
    low = np.tile([0.05, 0.05, 0.9], (len(LABELS), 1))
    said = {
        name: " ".join(w.text for w in drafter.words(study, replace(look, zones=own))[0])
        for name, own in (("unknown", None), ("open", zones), ("low", low))
    }
    assert said["unknown"] == said["open"]
    assert "basilar" not in said["open"].lower()
    assert "basilar" in said["low"].lower()
    assert stated(said["low"]) == stated(said["open"])


def test_the_indication_moves_the_findings_that_it_speaks_of(drafter: Drafter, draft: Draft) -> None:
    told = drafter.draft([film("RG1_UNCR.dcm")], indication="Rib pain, pacemaker placement.")
    for name in ("Support Devices", "Fracture"):
        assert told.labels[name].probability > draft.labels[name].probability
    breathless = drafter.draft([film("RG1_UNCR.dcm")], indication="Shortness of breath.")
    assert breathless.labels["Fracture"].probability < draft.labels["Fracture"].probability
    for moved, named in ((told, "Atelectasis"), (breathless, "Fracture")):
        changed = {name for name in LABELS if moved.labels[name].state != draft.labels[name].state}
        assert {w.split(" is ")[0] for w in moved.warnings if "with the indication" in w} == changed
        assert named in changed
    nothing = drafter.draft([film("RG1_UNCR.dcm")], indication="XXXX 42 zzyzx")
    assert without_time(nothing) == without_time(draft), "no word of it is known"


@pytest.mark.parametrize("state", ["positive", "negative"])
def test_the_words_follow_what_the_reader_decides(drafter: Drafter, state: State) -> None:
    study = read_study([film("RG1_UNCR.dcm")])
    look = drafter.look(study)
    for name in LABELS if state == "positive" else LABELS[:-1]:
        labels = decide(look.labels, {name: state})
        findings, impression, _ = drafter.words(study, replace(look, labels=labels, further=0 * look.further))
        positive = {n for n, f in labels.items() if f.state == "positive" and n != "No Finding"}
        said = stated_by_any(" ".join(w.text for w in findings))  # CheXbert's habit passes over some opacities
        assert said == positive, name
        assert stated_by_any(" ".join(w.text for w in impression)) <= positive, name


def test_a_decided_side_is_said_in_both_sections_and_shown_there(drafter: Drafter) -> None:
    told = drafter.draft([film("RG1_UNCR.dcm")], decided={"Pleural Effusion": "right"})
    said = [s for s in told.sentences if s.labels == ("Pleural Effusion",)]
    assert [(s.section, s.text) for s in said] == [
        ("findings", "Right pleural effusion."),
        ("impression", "Right pleural effusion."),
    ]
    assert told.labels["Pleural Effusion"].state == "positive"
    assert told.to_json()["decided"] == {"Pleural Effusion": "right"}
    other = drafter.draft([film("RG1_UNCR.dcm")], decided={"Pleural Effusion": "left"})
    boxes = [s.evidence[0].box for d in (told, other) for s in d.sentences if s.labels == ("Pleural Effusion",)]
    columns = told.views[0]["columns"]
    middles = [(x0 + x1) / 2 / columns for x0, _, x1, _ in boxes]
    assert middles[0] == middles[1] < middles[2] == middles[3], "the patient's right is on the left of the film"


def test_an_opacity_on_a_side_is_no_longer_denied(drafter: Drafter) -> None:
    told = drafter.draft([film("RG1_UNCR.dcm")], decided={"Lung Opacity": "left", "Lung Lesion": "right"})
    assert "Left pulmonary opacity." in told.findings
    assert "free of focal airspace disease" not in told.findings
    assert "There are multiple right pulmonary nodules." in told.findings
    assert "Multiple right pulmonary nodules." in told.impression


def test_a_draft_tells_what_its_reader_decided(drafter: Drafter, draft: Draft) -> None:
    told = drafter.draft([film("RG1_UNCR.dcm")], decided={"Pneumothorax": "positive", "Lung Lesion": "positive"})
    assert [w for w in told.warnings if "by the reader's decision" in w] == [
        "Pneumothorax is positive by the reader's decision, negative by the model."
    ]
    assert told.labels["Pneumothorax"].probability == draft.labels["Pneumothorax"].probability
    assert {n: f.by_model for n, f in told.labels.items() if f.by_model} == {
        "Pneumothorax": "negative",
        "Lung Lesion": "positive",
    }
    said = [s for s in told.sentences if s.labels == ("Pneumothorax",)]
    assert [s.section for s in said] == ["findings", "impression"]
    assert {s.confidence for s in said} == {1.0}
    assert {e.kind for s in said for e in s.evidence} == {"seen"}
    assert told.decided == {"Lung Lesion": "positive", "Pneumothorax": "positive"}
    assert told.triage.state == "look first"
    assert Draft.from_json(json.loads(json.dumps(told.to_json()))).to_json() == told.to_json()
    assert "decided" not in draft.to_json()
    assert all("by_model" not in f for f in draft.to_json()["labels"].values())


def test_a_device_is_named_where_its_kind_is_told(drafter: Drafter) -> None:
    study = read_study([film("RG1_UNCR.dcm")])
    look = drafter.look(study)
    sure = np.where(np.array(FURTHER) == "pacemaker", 0.9, 0.0)
    for state, said in (("positive", True), ("negative", False)):
        device = replace(look.labels["Support Devices"], state=state)
        own = replace(look, further=sure, labels={**look.labels, "Support Devices": device})
        words = " ".join(w.text for w in drafter.words(study, own)[0])
        assert ("pacemaker" in words) == said, "no kind of a device that is not stated"
        assert ("Support Devices" in stated(words)) == said
        assert sentence("Support Devices", "positive") not in words


def test_a_draft_leaves_without_a_severe_flag(draft: Draft) -> None:
    flags = check(Report(draft.findings, draft.impression), draft=draft, prior_given=False)
    assert [f for f in flags if f.severity == "severe" and not f.critical] == []
    for word in ("XXXX", "<unk>", "unchanged", "compared", "interval"):
        assert word not in draft.findings + draft.impression


def test_the_same_study_gives_the_same_bytes(drafter: Drafter, draft: Draft) -> None:
    assert without_time(drafter.draft([film("RG1_UNCR.dcm")])) == without_time(draft)


def test_lossless_and_lossy_pairs(drafter: Drafter, draft: Draft) -> None:
    drafts = {name: drafter.draft([film(f"RG1_{name}.dcm")]) for name in ("J2KR", "UNCI", "J2KI")}
    assert without_time(drafts["J2KR"]) == without_time(draft)
    assert without_time(drafts["UNCI"]) == without_time(drafts["J2KI"])
    states = {n: f.state for n, f in draft.labels.items()}
    assert {n: f.state for n, f in drafts["UNCI"].labels.items()} == states


def test_the_order_of_the_views_changes_only_their_list(drafter: Drafter) -> None:
    study = read_study([film("RG1_UNCR.dcm")])
    view = study.views[0]
    darker = replace(view, file="b", pixels=np.ascontiguousarray(view.pixels[40:, 30:] ** 1.5))
    one = drafter.draft(replace(study, views=(view, darker)))
    other = drafter.draft(replace(study, views=(darker, view)))
    assert one.findings == other.findings
    assert one.impression == other.impression
    assert one.labels == other.labels
    assert [s.confidence for s in one.sentences] == [s.confidence for s in other.sentences]
    for a, b in zip(one.sentences, other.sentences):
        assert {(e.view, e.box) for e in a.evidence} == {(1 - e.view, e.box) for e in b.evidence}


def test_encoder_and_decoder_can_be_replaced(drafter: Drafter) -> None:
    concepts = len(drafter.bundle.index["concepts"])

    class Blind:
        size = 32
        lateral = -1.0

        def __call__(self, films: np.ndarray) -> Seen:
            assert films.shape == (1, 1, 32, 32)
            return Seen(
                np.full((1, concepts), -9.0),
                np.zeros((1, concepts, 14, 14)),
                np.array([self.lateral]),
                np.ones((1, drafter.bundle.arrays["far_mean"][0].size)),
            )

    class Mute:
        limit = 3

        def start(self, memory: object, beams: int) -> None:
            self.beams = beams

        def step(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray:
            return np.zeros((self.beams, len(drafter.tokenizer)))

    reader = Blind()
    room = Drafter(drafter.bundle, reader=reader, writer=Mute())
    silent = room.draft([film("RG1_UNCR.dcm")])
    assert silent.findings
    assert all(f.probability < 0.5 for n, f in silent.labels.items() if n != "No Finding")
    reader.lateral = 1.0
    told = set(room.draft([film("RG1_UNCR.dcm")]).warnings) - set(silent.warnings)
    assert any(warning.startswith("All films are lateral views") for warning in told)


def test_the_command_prints_a_report_and_saves_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draft", film("RG1_UNCR.dcm"), "--study-id", "rg1", "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "FINDINGS" in out
    assert "IMPRESSION" in out
    assert "not a medical device" in err
    doubts = next(line for line in err.splitlines() if line.startswith("look again at:"))
    with Image.open(tmp_path / "rg1.png") as picture:
        assert picture.width > 1000
    body = json.loads((tmp_path / "rg1.json").read_text())
    assert body["schema"] == "wetread.draft/1"
    told = {f"{s['text']} ({s['confidence']:.2f})": s["confidence"] < 0.5 for s in body["sentences"]}
    assert {text for text in told if text in doubts} == {text for text, low in told.items() if low}


def test_the_command_takes_decisions(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["draft", film("RG1_UNCR.dcm"), "--json", "--finding", "no finding=positive"]
    assert main([*asked, "--finding", "Support Devices=negative"]) == 0
    told = json.loads(capsys.readouterr().out)
    labels = told["labels"]
    assert told["triage"]["state"] == "normal"
    assert {name: f["state"] for name, f in labels.items() if f["state"] != "negative"} == {"No Finding": "positive"}
    for wrong in ("Edema", "=positive", "Goitre=positive", "Edema=much"):
        assert main(["draft", "none.dcm", "--finding", wrong]) == 2
        assert wrong.partition("=")[0] in capsys.readouterr().err
    assert main(["draft", "none.dcm", "--finding", "Edema=positive", "--finding", "edema=negative"]) == 2
    assert "twice" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mark_mean", "further_from", "texture_bias"])
def test_a_bundle_that_tells_of_other_findings_is_refused(name: str, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    from wetread.model.bundle import digest

    other = tmp_path / "bundle"
    shutil.copytree(default_path(), other)
    arrays = load_file(other / "findings.safetensors")
    arrays[name] = arrays[name][:-2].copy()
    save_file(arrays, other / "findings.safetensors")
    index = json.loads((other / "bundle.json").read_text())
    index["files"]["findings.safetensors"] = digest(other / "findings.safetensors")
    (other / "bundle.json").write_text(json.dumps(index))
    with pytest.raises(BundleError, match="other findings than this version; export"):
        wetread.load(other)


def test_a_bundle_with_other_words_than_weights_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "bundle"
    shutil.copytree(default_path(), other)
    index = json.loads((other / "bundle.json").read_text())
    index["indication"].pop()
    (other / "bundle.json").write_text(json.dumps(index))
    with pytest.raises(BundleError, match="the words that its weights are of; export"):
        wetread.load(other)


def test_a_bundle_without_a_detector_drafts_as_before(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    from wetread.model.bundle import DETECTOR, digest

    older = tmp_path / "bundle"
    shutil.copytree(default_path(), older)
    (older / DETECTOR).unlink()
    arrays = load_file(older / "findings.safetensors")
    concepts = 2 * len(arrays["logit_mean"])
    kept = {
        k: v for k, v in arrays.items() if not k.startswith(("mark_", "pooled_", "texture_", "further_", "indication_"))
    }
    save_file(kept | {"weight": kept["weight"][:, :concepts].copy()}, older / "findings.safetensors")
    index = json.loads((older / "bundle.json").read_text())
    del index["files"][DETECTOR], index["indication"]
    index["files"]["findings.safetensors"] = digest(older / "findings.safetensors")
    (older / "bundle.json").write_text(json.dumps(index))
    drafter = wetread.load(older)
    study = read_study([Path(film("RG1_UNCR.dcm"))])
    look = drafter.look(study)
    assert look.spots is None
    assert look.many is None
    assert len(look.further) == 0
    assert not look.department.any()
    assert look.labels["Lung Opacity"].state == "positive"


def test_the_writer_is_told_the_department_of_the_films(drafter: Drafter) -> None:
    class Told(OnnxWriter):
        department: np.ndarray | None = None

        def start(self, memory: StudyMemory, beams: int) -> None:
            self.department = memory.department
            super().start(memory, beams)

    writer = Told(drafter.bundle, 1)
    study = read_study([Path(film("RG1_UNCR.dcm"))])
    told = Drafter(drafter.bundle, writer=writer, threads=1)
    look = told.look(study)
    assert look.department.any()
    words = told.words(study, look)[0]
    assert writer.department is not None
    assert np.array_equal(writer.department, look.department[None])
    elsewhere = told.words(study, replace(look, department=-look.department))[0]
    assert stated(" ".join(w.text for w in elsewhere)) == stated(" ".join(w.text for w in words)), "only words differ"


def test_a_damaged_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "bundle"
    shutil.copytree(default_path(), broken)
    with (broken / "decoder.onnx").open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2\3")
    with pytest.raises(BundleError, match="damaged"):
        wetread.load(broken)
    assert main(["draft", film("RG1_UNCR.dcm"), "--model", str(broken)]) == 4
    assert main(["draft", film("RG1_UNCR.dcm"), "--model", str(tmp_path / "none")]) == 4
    assert "--model" in capsys.readouterr().err
