"""The labeler: meaning of hand-written sentences, scope, place, conventions, any text, agreement with CheXbert."""

from __future__ import annotations

import csv
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wetread.report.labeler import Mention, combine, label, label_many, label_spans, stated_opacity
from wetread.report.sentences import split_sentences
from wetread.types import LABELS

SHARED = Path(os.environ.get("WETREAD_SHARED", Path(__file__).parents[3] / "shared")) / "iu_xray"
SHORT = {
    "EC": "Enlarged Cardiomediastinum",
    "CM": "Cardiomegaly",
    "LO": "Lung Opacity",
    "LL": "Lung Lesion",
    "ED": "Edema",
    "CO": "Consolidation",
    "PN": "Pneumonia",
    "AT": "Atelectasis",
    "PX": "Pneumothorax",
    "PE": "Pleural Effusion",
    "PO": "Pleural Other",
    "FX": "Fracture",
    "SD": "Support Devices",
    "NF": "No Finding",
}
STATES = {"+": "positive", "-": "negative", "?": "uncertain"}


def expected(short: str) -> dict[str, str | None]:
    """``"CM+ PE-"`` → all 14 labels."""
    states: dict[str, str | None] = dict.fromkeys(LABELS)
    for word in short.split():
        states[SHORT[word[:2]]] = STATES[word[2]]
    return states


@pytest.mark.parametrize(
    ("text", "short"),
    [
        # one finding, said plainly
        ("Cardiomegaly.", "CM+ NF-"),
        ("The heart is enlarged.", "CM+ NF-"),
        ("Enlarged heart.", "CM+ NF-"),
        ("Enlargement of the cardiac silhouette.", "CM+ NF-"),
        ("The mediastinum is widened.", "EC+ NF-"),
        ("Mediastinal widening.", "EC+ NF-"),
        ("Patchy opacities in both lung bases.", "LO+ NF-"),
        ("A 9 mm nodule in the lingula.", "LL+ NF-"),
        ("Interstitial edema.", "ED+ NF-"),
        ("Lobar consolidation.", "CO+ NF-"),
        ("Right lower lobe pneumonia.", "PN+ NF-"),
        ("Bibasilar atelectasis.", "AT+ NF-"),
        ("Collapse of the left lower lobe.", "AT+ NF-"),
        ("A large hydropneumothorax.", "PX+ PE+ NF-"),
        ("Biapical pleural thickening.", "PO+ NF-"),
        ("Old rib fractures.", "FX+ NF-"),
        ("A chest tube and a PICC are in place.", "SD+ NF+"),
        # negation, forward and backward
        ("No pneumothorax.", "PX- NF+"),
        ("No focal consolidation, pleural effusion, or pneumothorax.", "CO- PE- PX- NF+"),
        ("Lungs without edema.", "ED- NF+"),
        ("Negative for fracture.", "FX- NF+"),
        ("The lungs are free of consolidation.", "CO- NF+"),
        ("Neither effusion nor pneumothorax.", "PE- PX- NF+"),
        ("A pneumothorax is not seen.", "PX- NF+"),
        ("The effusion has resolved.", "PE- NF+"),
        ("Pneumothorax: none.", "PX- NF+"),
        ("The heart is not enlarged.", "CM- NF+"),
        ("Interval removal of the chest tube.", "SD- NF+"),
        # what looks like negation
        ("No change in the left effusion.", "PE+ NF-"),
        ("No significant interval change of the cardiomegaly.", "CM+ NF-"),
        ("The opacity is not significantly changed.", "LO+ NF-"),
        ("The effusion has almost completely resolved.", "PE+ NF-"),
        ("Partial clearing of the left infiltrate.", "LO+ NF-"),
        # uncertainty
        ("Possible pneumonia.", "PN? NF-"),
        ("This may represent atelectasis.", "AT? NF-"),
        ("Pneumonia cannot be excluded.", "PN? NF-"),
        ("Atelectasis versus pneumonia.", "AT? PN? NF-"),
        ("Questionable small effusion.", "PE? NF-"),
        ("Pulmonary vascular congestion.", "ED? NF-"),
        ("An opacity, possibly scarring or atelectasis.", "LO+ AT? NF-"),
        # scope ends with its clause
        ("No effusion, but there is cardiomegaly.", "PE- CM+ NF-"),
        ("No pneumothorax; moderate effusion.", "PX- PE+ NF-"),
        ("No pneumothorax and the heart is enlarged.", "PX- CM+ NF-"),
        ("No consolidation, mild cardiomegaly.", "CO- CM+ NF-"),
        ("No effusion, possible nodule.", "PE- LL? NF-"),
        ("Cardiomegaly without edema.", "CM+ ED- NF-"),
        ("No edema. Effusion.", "ED- PE+ NF-"),
        ("Heart size is normal and the mediastinum is widened.", "CM- EC+ NF-"),
        ("The heart is enlarged, the mediastinum is normal.", "CM+ EC- NF-"),
        # subjects and what is said of them
        ("Normal heart size.", "CM- NF+"),
        ("The cardiomediastinal silhouette is within normal limits.", "EC- NF+"),
        ("Heart size is at the upper limits of normal.", "CM- NF+"),
        ("Borderline heart size.", "CM? NF-"),
        ("The heart and mediastinal contours are unremarkable.", "EC- CM- NF+"),
        # neither here nor there
        ("Pericardial effusion.", ""),
        ("With any concern for fracture, ask for rib views.", ""),
        ("Two views of the chest.", ""),
        # names of devices, and what only sounds like one
        ("A Groshong on the left.", "SD+ NF+"),
        ("PleurX and trach in place.", "SD+ NF+"),
        ("Balloon pump.", "SD+ NF+"),
        ("Infusaport on the right.", "SD+ NF+"),
        ("Support apparatus is as before.", "SD+ NF+"),
        ("The patient is intubated.", "SD+ NF+"),
        ("Interval extubation.", "SD- NF+"),
        ("After cardiac catheterization.", ""),
        ("Suture line in the left apex.", ""),
        # other words for the same
        ("Enlarged left atrium.", "CM+ NF-"),
        ("Biatrial enlargement.", "CM+ NF-"),
        ("Widened vascular pedicle.", "EC+ NF-"),
        ("Whiteout of the left lung.", "LO+ NF-"),
        ("Reticular pattern in both bases.", "LO+ NF-"),
        ("Adenocarcinoma.", "LL+ NF-"),
        ("A lesion in the left upper lobe.", "LL+ NF-"),
        ("Calcified right hilar nodule.", "NF-"),
        ("The thoracic cavity.", ""),
        ("Vascular prominence.", "ED? NF-"),
        ("No overt failure.", "ED- NF+"),
        ("Pulmonary vascularity is increased.", "NF-"),
        ("Pulmonary vascularity is not increased.", "NF+"),
        ("Infectious changes on the right.", "PN+ NF-"),
        ("Bibasilar atelectesis.", "AT+ NF-"),
        ("Collapse of the T8 vertebral body.", "NF-"),
        ("Hemopneumothorax.", "PX+ PE+ NF-"),
        ("Chylothorax.", "PE+ NF-"),
        ("Loculated fluid on the left.", "PE+ NF-"),
        ("Fluid in the minor fissure.", "PE+ NF-"),
        ("Thickened fissures.", "PO+ NF-"),
        ("A fracture line through the clavicle.", "FX+ NF-"),
        ("Pneumomediastinum.", "NF-"),
        # other words of denial and doubt
        ("The effusion is no longer seen.", "PE- NF+"),
        ("The films fail to show more; the view failed to show a pneumothorax.", "PX- NF+"),
        ("Lack of consolidation.", "CO- NF+"),
        ("Nothing to suggest pneumothorax.", "PX- NF+"),
        ("Pneumothorax has been ruled out.", "PX- NF+"),
        ("Pneumonia cannot be ruled out.", "PN? NF-"),
        ("Rule out pneumonia.", "PN? NF-"),
        ("An effusion cannot entirely be excluded.", "PE? NF-"),
        ("A small effusion may be present.", "PE? NF-"),
        ("Trace, if any, effusion.", "PE? NF-"),
        ("The heart is generous in size.", "CM? NF-"),
        # no finding
        ("The lungs are clear.", "NF+"),
        ("No acute cardiopulmonary abnormality.", "NF+"),
        ("Negative chest.", "NF+"),
        ("Costophrenic angles are sharp.", "NF+"),
        ("Mass effect.", ""),
        ("Normal chest.", "NF+"),
        ("Lungs are clear. Degenerative changes of the spine.", "NF-"),
        ("Calcified granuloma.", "NF-"),
        ("No adenopathy.", "NF+"),
        ("Sternotomy and clips. Clear lungs.", "NF+"),
    ],
)
@pytest.mark.parametrize("convention", ["plain", "chexbert"])
def test_meaning(text: str, short: str, convention: str) -> None:
    assert label(text, convention) == expected(short)
    assert combine(label_spans(text, convention)) == expected(short)


@pytest.mark.parametrize(
    ("text", "plain", "chexbert"),
    [
        ("No displaced rib fractures.", "FX- NF+", "FX+ NF-"),
        ("Degenerative endplate changes.", "NF-", "SD+ NF-"),
        ("Stable mediastinum.", "", "EC? NF-"),
        ("Clips in the mediastinum.", "", "EC+ NF-"),
        ("Stable enlarged cardiomediastinal silhouette.", "EC+ NF-", "EC? NF-"),
        ("Platelike atelectasis.", "AT+ NF-", "AT+ SD+ NF-"),
        ("Previously seen left nodule is not seen.", "LL- NF+", "LL+ NF-"),
        ("Small volumes with vascular crowding.", "", "NF-"),
        ("The lungs are otherwise clear.", "NF+", "NF-"),
        ("There are no displaced rib fractures.", "FX- NF+", "FX- NF-"),
        ("Hyperexpanded lungs.", "NF-", ""),
        ("A ventriculoperitoneal shunt.", "SD+ NF+", ""),
        ("Biapical pleural capping.", "PO+ NF-", ""),
        ("Lung markings are increased.", "LO+ NF-", ""),
    ],
)
def test_what_chexbert_reads_oddly(text: str, plain: str, chexbert: str) -> None:
    assert combine(label_spans(text)) == expected(plain)
    assert label(text, "plain") == expected(plain)
    assert label(text) == expected(chexbert)


def test_an_opacity_that_chexbert_passes_over() -> None:
    """What explains the opacity, beside denials, outweighs it; a second kind of opacity turns that again."""
    mass = "A mass in the right apex. Coarse interstitial markings. No effusion. No consolidation."
    assert label(mass, "plain") == expected("LL+ LO+ PE- CO- NF-")
    assert label(mass) == expected("LL+ PE- CO- NF-")
    assert combine(label_spans(mass, "chexbert")) == label(mass)
    assert label("Coarse interstitial markings.") == expected("LO+ NF-")
    scar = "Scarring or atelectasis on the left. No infiltrate. No effusion."
    assert label(scar) == expected("LO- AT? PE- NF-")
    assert label(scar + " Patchy opacities and airspace disease on the right.")["Lung Opacity"] == "positive"
    assert "scar" in stated_opacity(scar)
    assert stated_opacity("No infiltrate.") == set()


def test_the_strongest_statement_counts() -> None:
    assert label("No effusion. Possible effusion. Effusion.")["Pleural Effusion"] == "positive"
    assert label("No effusion. Possible effusion.")["Pleural Effusion"] == "uncertain"


def test_nothing_said_is_nothing_labelled() -> None:
    assert label("") == label(" \n") == label("Lorem ipsum.") == expected("")
    assert label_spans("") == []
    assert label_many(["", "Edema."]) == [expected(""), expected("ED+ NF-")]


def test_case_and_wrapping_do_not_matter() -> None:
    text = "No pleural effusion. Mild cardiomegaly."
    assert label(text.upper()) == label(text.replace(" ", "\n")) == label(text)


def test_spans_point_into_the_text() -> None:
    text = "Clear lungs.\n\nThe heart is mildly enlarged, no right effusion."
    assert label_spans(text) == [
        Mention("No Finding", "positive", 0, 0, 11, "Clear lungs"),
        Mention("Cardiomegaly", "positive", 1, 18, 42, "heart is mildly enlarged", severity="mild"),
        Mention("Pleural Effusion", "negative", 1, 53, 61, "effusion", side="right"),
    ]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Small right effusion.", [("right", None, "mild")]),
        ("Right-sided pleural effusion.", [("right", None, None)]),
        ("Bibasilar atelectasis.", [("bilateral", "base", None)]),
        ("Opacity in the left upper lobe.", [("left", "upper", None)]),
        ("In the right base there is an opacity.", [("right", "base", None)]),
        ("Small right effusion and left basilar atelectasis.", [("right", None, "mild"), ("left", "base", None)]),
        ("Opacity in the lingula and effusion on the right.", [(None, "lingula", None), ("right", None, None)]),
        ("Atelectasis and small effusion at the left base.", [("left", "base", None), ("left", "base", "mild")]),
        ("Severe cardiomegaly with a left effusion.", [(None, None, "severe"), ("left", None, None)]),
        ("Large left and small right effusions.", [("bilateral", None, "severe")]),
        ("Mild to moderate edema.", [(None, None, "moderate")]),
        ("No left pneumothorax. Tiny right apical pneumothorax.", [("left", None, None), ("right", "apex", "minimal")]),
        ("No left effusion; consolidation.", [("left", None, None), (None, None, None)]),
        ("No left effusion, possible nodule in the right apex.", [("left", None, None), ("right", "apex", None)]),
    ],
)
def test_side_zone_severity(text: str, places: list[tuple[str | None, str | None, str | None]]) -> None:
    assert [(m.side, m.zone, m.severity) for m in label_spans(text)] == places


SAID = ["no", "effusion", "opacity", "left", "in the", "base", "normal", "heart", "and", ",", ".", "may", "or", "("]


@settings(deadline=None)
@given(
    st.one_of(
        st.text(max_size=300),
        st.lists(st.sampled_from(SAID)).map(" ".join),
        st.lists(st.sampled_from(["\x00", "\ud800", "İ", "ß", "effusion", "No ", "\u2028", "٣", "🫀"])).map("".join),
    ),
    st.sampled_from(["plain", "chexbert"]),
)
def test_any_text(text: str, convention: str) -> None:
    mentions = label_spans(text, convention)
    sentences = split_sentences(text)
    for m in mentions:
        assert m.phrase == text[m.start : m.end] != ""
        assert sentences[m.sentence].start <= m.start < m.end <= sentences[m.sentence].end
        assert m.label in LABELS
    assert label(text, convention) == combine(mentions)


@pytest.mark.parametrize("piece", ["no effusion ", "heart normal ", "left ", "opacity and ", "((", "is enlarged, "])
def test_a_sentence_without_end(piece: str) -> None:
    assert set(label(piece * 5_000)) == set(LABELS)


def _findings(split: str) -> list[tuple[str, dict[str, str]]]:
    """FINDINGS text and CheXbert's labels of a split of IU X-Ray."""
    if not (SHARED / "chexbert_tags.csv").exists():
        pytest.skip(f"needs IU X-Ray with CheXbert's labels in {SHARED} (or WETREAD_SHARED)")
    with open(SHARED / "chexbert_tags.csv", encoding="utf-8") as stream:
        tags = {row.pop("Id"): row for row in csv.DictReader(stream)}
    with open(SHARED / "r2gen_split.csv", encoding="utf-8") as stream:
        studies = [row for row in csv.DictReader(stream) if row["split"] == split]
    pairs = []
    for row in studies:
        tree = ET.parse(SHARED / "ecgen-radiology" / f"{row['uid']}.xml")
        texts = [node.text or "" for node in tree.iter("AbstractText") if node.get("Label") == "FINDINGS"]
        pairs.append((texts[0], tags[row["study_id"]]))
    return pairs


def test_agreement_with_chexbert() -> None:
    """Positive mentions on val, overall and for labels with at least 15; the bars are what was reached."""
    hits = dict.fromkeys(LABELS, 0)
    said = dict.fromkeys(LABELS, 0)
    true = dict.fromkeys(LABELS, 0)
    for text, tags in _findings("val"):
        for name, state in label(text).items():
            said[name] += state == "positive"
            true[name] += tags[name] == "1.0"
            hits[name] += state == "positive" and tags[name] == "1.0"
    f1 = {name: 2 * hits[name] / max(1, said[name] + true[name]) for name in LABELS}
    assert 2 * sum(hits.values()) / (sum(said.values()) + sum(true.values())) >= 0.92
    assert f1["No Finding"] >= 0.95
    assert min(f1[name] for name in LABELS if true[name] >= 15) >= 0.78
