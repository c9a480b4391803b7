"""Reports with errors planted in them, one kind at a time; every sentence here is of our own authorship.

``plant(kind, report, rng)`` returns the report with the error, what ``check`` is to be told beside it, and the codes
that count as found. None where a report has no place for that kind.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wetread.report.labeler import label
from wetread.report.sentences import split_sentences
from wetread.types import LABELS, Draft, Evidence, Finding, ModelInfo, Report, Sentence

__all__ = ["CLEAN", "FIRST", "KINDS", "UNSEEN", "Planted", "Words", "draft_of", "plant"]


@dataclass(frozen=True)
class Planted:
    """A report with an error, the arguments of ``check`` for it, and the codes that tell it."""

    report: Report
    codes: frozenset[str]
    arguments: Mapping[str, Any] = field(default_factory=dict)


CLEAN = tuple(
    Report(findings, impression)
    for findings, impression in (
        (
            "The heart size is normal. The mediastinal contours are normal. The lungs are clear. There is no pleural "
            "effusion. There is no pneumothorax. The bones are unremarkable.",
            "No acute cardiopulmonary abnormality.",
        ),
        (
            "Normal cardiomediastinal silhouette. No consolidation. No effusion or pneumothorax. No fracture.",
            "Normal chest radiograph.",
        ),
        (
            "Heart size normal. Clear lungs. No pneumothorax or pleural effusion. Mild degenerative change of the "
            "thoracic spine.",
            "No acute disease of the chest.",
        ),
        (
            "Moderate cardiomegaly. Vascular congestion with interstitial edema. Small bilateral pleural effusions. "
            "No pneumothorax.",
            "Cardiomegaly with pulmonary edema and small bilateral effusions.",
        ),
        (
            "There is consolidation in the right lower lobe. The left lung is clear. The heart is normal in size. "
            "No pleural effusion.",
            "Right lower lobe pneumonia.",
        ),
        (
            "A left chest wall pacemaker has leads in the right atrium and right ventricle. Heart size is normal. No "
            "pneumothorax. No effusion. Lungs are clear.",
            "Pacemaker in good position. No acute abnormality.",
        ),
        (
            "Linear atelectasis at the left base. No consolidation, edema, effusion or pneumothorax. Heart size is "
            "within normal limits.",
            "Left basilar atelectasis.",
        ),
        (
            "There is a 9 mm nodule in the left upper lobe. No other nodule. Heart and mediastinum are normal. No "
            "pleural effusion or pneumothorax.",
            "A 9 mm left upper lobe nodule; CT is advised.",
        ),
        (
            "The endotracheal tube ends 4 cm above the carina. A right jugular line ends in the superior vena cava. "
            "Low lung volumes. No pneumothorax.",
            "Tube and line in good position. No pneumothorax.",
        ),
        (
            "Hyperinflated lungs with flat diaphragms. No infiltrate. No effusion. The heart is not enlarged.",
            "Emphysema without acute disease.",
        ),
        (
            "Small left pleural effusion with adjacent atelectasis. The right lung is clear. No pneumothorax.",
            "Small left pleural effusion.",
        ),
        (
            "The lungs are clear. No edema. No pleural effusion. Old healed right rib fractures. No pneumothorax. "
            "Tortuous aorta.",
            "No acute process. Old rib fractures.",
        ),
    )
)


@dataclass(frozen=True)
class Words:
    """The sentences that are planted: statements and denials by concept ({s} is a side), and others by kind."""

    stated: Mapping[str, tuple[str, ...]]
    denied: Mapping[str, tuple[str, ...]]
    sentences: Mapping[str, tuple[str, ...]]


FIRST = Words(
    stated={
        "effusion": (
            "There is a moderate {s} pleural effusion.",
            "Small {s} effusion.",
            "A {s} pleural effusion is present.",
            "{S}-sided pleural fluid is seen.",
            "Layering {s} pleural effusion is noted.",
        ),
        "pneumothorax": (
            "There is a small {s} apical pneumothorax.",
            "{S} pneumothorax.",
            "A {s}-sided pneumothorax is present.",
            "Moderate {s} pneumothorax measuring 2 cm at the apex.",
        ),
        "consolidation": (
            "There is consolidation in the {s} lower lobe.",
            "{S} upper lobe consolidation.",
            "Dense consolidation is seen at the {s} base.",
            "Patchy {s} lower lobe consolidation with air bronchograms.",
        ),
        "edema": (
            "There is interstitial pulmonary edema.",
            "Mild pulmonary edema.",
            "Diffuse alveolar edema is present.",
        ),
        "cardiomegaly": (
            "Moderate cardiomegaly.",
            "The heart is enlarged.",
            "There is marked cardiomegaly.",
            "The cardiac silhouette is enlarged.",
        ),
        "fracture": (
            "There is a fracture of the {s} sixth rib.",
            "Acute {s} clavicle fracture.",
            "Displaced {s} rib fracture.",
        ),
        "nodule": (
            "A nodule projects over the {s} upper lobe.",
            "There is a {s} lower lobe nodule.",
            "{S} mid lung nodule.",
        ),
    },
    denied={
        "effusion": (
            "No pleural effusion.",
            "There is no effusion.",
            "No pleural fluid is seen.",
            "The chest is without effusion.",
        ),
        "pneumothorax": ("No pneumothorax.", "There is no evidence of pneumothorax.", "Pneumothorax is not seen."),
        "consolidation": (
            "No consolidation.",
            "There is no focal consolidation.",
            "The lungs are free of consolidation.",
        ),
        "edema": ("No pulmonary edema.", "There is no edema.", "No evidence of edema."),
        "cardiomegaly": (
            "The heart size is normal.",
            "Normal heart size.",
            "No cardiomegaly.",
            "Heart is normal in size.",
        ),
        "fracture": ("No fracture.", "There is no fracture.", "No rib fracture or other fracture is seen."),
        "nodule": ("No nodule.", "There are no pulmonary nodules.", "No lung nodule is seen."),
    },
    sentences={
        "age": ("A 34-year-old patient.", "Chest of a 71 year old.", "Normal chest for a 25-year-old."),
        "view": (
            "PA and lateral views of the chest were obtained.",
            "On the lateral view the spine is normal.",
            "Two views of the chest.",
            "Frontal and lateral radiographs.",
            "The lateral projection is rotated.",
        ),
        "device-unseen": (
            "A right PICC ends in the superior vena cava.",
            "There is a left chest wall pacemaker.",
            "The endotracheal tube ends 5 cm above the carina.",
            "A nasogastric tube passes into the stomach.",
            "A left subclavian port is in place.",
            "A right chest tube is present.",
        ),
        "blank": (
            "The XXXX is intact.",
            "A line ends in the ____.",
            "There is a [ ] mm nodule.",
            "The <unk> is normal.",
            "Nodule in the *** lobe.",
            "The [side] lung is clear.",
            "The [**Name**] is normal.",
        ),
        "debris": (
            "The bones are intact period",
            "Scratch that.",
            "New paragraph.",
            "Um the bones are intact.",
            "Dictated but not read.",
            "The bones are intact comma no lesion.",
            "End of dictation.",
            "Delete that.",
        ),
        "unit": (
            "There is a nodule measuring 6 in the left base.",
            "A 7 kg nodule is seen at the right apex.",
            "The tube ends 4 m above the carina.",
            "A nodule measures 65 cm.",
            "There is a 7 cm nodule at the left base.",
            "A 12 mn opacity is at the right base.",
            "A mass measuring 3 x 4 is at the left hilum.",
            "Pneumothorax of 2 feet at the apex.",
        ),
        "comparison": (
            "The cardiac silhouette is unchanged.",
            "Stable mild scoliosis.",
            "There has been no interval change.",
            "The lungs are again seen to be clear.",
            "Compared with the earlier film, aeration is better.",
            "Bibasilar scarring persists.",
            "The effusion has decreased in size since yesterday.",
            "Calcified granuloma, as before.",
            "Slight improvement of the aeration of both bases.",
            "No significant change in the appearance of the aorta.",
            "The opacity described previously is no longer seen.",
            "Worsening aeration of the left base.",
            "The right basilar opacity is new.",
            "A granuloma is redemonstrated on the right.",
        ),
        "body-part": (
            "Two views of the left knee show no fracture.",
            "Abdominal radiograph shows a normal bowel gas pattern.",
            "Left ankle: no fracture.",
            "The patella is intact.",
            "Views of the right hip are normal.",
            "The metacarpals are intact.",
            "Lumbar spine. No compression fracture.",
        ),
        "female": ("This is a female patient.", "The breasts of this woman are symmetric.", "She has a normal chest."),
        "male": ("This is a male patient.", "The chest of this man is normal.", "He has a normal chest."),
        "critical-pneumothorax": (
            "There is a tiny left apical pneumothorax.",
            "Right pneumothorax with mediastinal shift.",
            "Possible small right pneumothorax.",
            "Bilateral pneumothoraces.",
            "Left hydropneumothorax.",
            "A right tension pneumothorax is present.",
        ),
        "critical-device": (
            "The endotracheal tube is in the right mainstem bronchus.",
            "The nasogastric tube is coiled in the esophagus.",
            "The PICC is malpositioned with its tip in the internal jugular vein.",
            "The endotracheal tube ends at the carina and should be withdrawn by 3 cm.",
            "The feeding tube tip is in the left lower lobe bronchus.",
            "The side port of the chest tube lies outside the pleural space.",
            "The central venous catheter tip is in the right ventricle; retraction is recommended.",
            "The ET tube is too high.",
            "Enteric tube loops back into the esophagus.",
            "Pacemaker lead is displaced.",
        ),
        "critical-free-air": (
            "There is free air under the right hemidiaphragm.",
            "Pneumoperitoneum.",
            "Free intraperitoneal air is present.",
            "Subdiaphragmatic free gas is suspected.",
            "Findings are in keeping with free subdiaphragmatic air.",
            "Lucency below the diaphragm is consistent with free intraperitoneal gas.",
        ),
        "critical-effusion": (
            "Large left pleural effusion.",
            "There is a massive right pleural effusion with mediastinal shift.",
            "Moderate to large right effusion.",
            "Complete opacification of the left hemithorax.",
            "The left pleural effusion is large.",
            "Very large right pleural effusion.",
        ),
        "critical-mass": (
            "There is a 5 cm mass in the right upper lobe.",
            "A new left hilar mass is seen.",
            "Spiculated mass at the left apex.",
            "Lobulated right lower lobe mass, suspicious for carcinoma.",
            "Cavitary mass in the left upper lobe.",
            "A mediastinal mass widens the right paratracheal stripe.",
        ),
    },
)

#: Written after the rules and never looked at while they were made: what recall is on other words.
UNSEEN = Words(
    stated={
        "effusion": (
            "Pleural effusion on the {s} of moderate size.",
            "Fluid has collected in the {s} pleural space, in keeping with an effusion.",
            "There are {s} basal pleural effusion and haziness.",
            "{S} pleural effusion obscures the hemidiaphragm.",
        ),
        "pneumothorax": (
            "A thin rim of pneumothorax lies over the {s} apex.",
            "{S} lung is partly collapsed by a pneumothorax.",
            "Pneumothorax on the {s}, 1.5 cm deep.",
        ),
        "consolidation": (
            "Air space consolidation occupies the {s} middle zone.",
            "The {s} lower lobe is consolidated.",
            "Confluent consolidation, {s} upper lobe.",
        ),
        "edema": (
            "Perihilar edema pattern.",
            "Kerley lines and cuffing of pulmonary edema.",
            "There is moderate pulmonary edema throughout.",
        ),
        "cardiomegaly": (
            "Heart size is increased.",
            "Cardiomegaly is present.",
            "Enlarged cardiac silhouette.",
            "The heart is moderately enlarged.",
        ),
        "fracture": (
            "The {s} seventh rib is fractured laterally.",
            "Fracture line through the {s} scapula.",
            "Fractures of two {s} ribs.",
        ),
        "nodule": (
            "Round nodule, {s} base.",
            "A solitary pulmonary nodule lies in the {s} apex.",
            "A well defined nodule overlies the {s} hilum.",
        ),
    },
    denied={
        "effusion": (
            "Neither lung base shows an effusion.",
            "Pleural effusion is absent.",
            "There are no pleural effusions.",
            "Effusions: none.",
        ),
        "pneumothorax": (
            "Negative for pneumothorax.",
            "There is no pneumothorax on either side.",
            "I see no pneumothorax.",
        ),
        "consolidation": (
            "Consolidation is not identified.",
            "No area of consolidation.",
            "The parenchyma shows no consolidation.",
        ),
        "edema": ("Edema is absent.", "There is no sign of pulmonary edema.", "Without edema."),
        "cardiomegaly": (
            "Cardiac size is normal.",
            "The heart is of normal size.",
            "Cardiac silhouette within normal limits.",
        ),
        "fracture": ("No fractures.", "There is no evidence of fracture.", "Fractures are not seen."),
        "nodule": ("No nodules are seen in either lung.", "No pulmonary nodule.", "Nodules are not identified."),
    },
    sentences={
        "age": ("Frontal film of a 68 y/o.", "The patient is 19 years old.", "An 81-year-old with normal lungs."),
        "view": (
            "Lateral view shows a clear retrosternal space.",
            "Frontal and lateral chest films.",
            "The lateral image is unremarkable.",
            "2 views were reviewed.",
        ),
        "device-unseen": (
            "Tip of the left jugular catheter projects over the cavoatrial junction.",
            "Dual lead pacemaker.",
            "Tracheostomy tube in position.",
            "Feeding tube descends below the diaphragm.",
            "ICD in the left chest wall.",
        ),
        "blank": (
            "Line tip at ___.",
            "Nodule of [] in the left lung.",
            "There is XXXXX opacity.",
            "[INSERT NAME] was told.",
            "The {} is normal.",
        ),
        "debris": (
            "Next paragraph the heart is normal.",
            "Strike that.",
            "The aorta is tortuous full stop.",
            "No bone lesion, uh, seen.",
            "Dictated but not reviewed.",
        ),
        "unit": (
            "Nodule of 14 kg in the left apex.",
            "The tube tip is 5 m above the carina.",
            "A mass measuring approximately 5 is seen.",
            "A 90 cm mass lies at the hilum.",
            "The nodule is 8 mns wide.",
            "There is a 12 cm nodule.",
        ),
        "comparison": (
            "The heart has not changed.",
            "New left basal opacity since the last visit.",
            "Effusion slightly larger than before.",
            "Resolved edema.",
            "The nodule is stable in size.",
            "Previously seen atelectasis has cleared.",
            "There is less edema than on the prior study.",
            "Persistent elevation of the right diaphragm.",
            "Interval placement of a pacemaker.",
            "The aorta is unchanged.",
        ),
        "body-part": (
            "Knee films show a small joint effusion.",
            "The femoral neck is intact.",
            "Radiographs of the pelvis are normal.",
            "Right wrist: no fracture.",
            "The urinary bladder is distended.",
            "Skull series is negative.",
        ),
        "female": ("Her lungs are clear.", "Chest of a woman.", "Female habitus."),
        "male": ("His lungs are clear.", "Chest of a man.", "The gentleman took a deep breath."),
        "critical-pneumothorax": (
            "Air outlines the left visceral pleura, a pneumothorax.",
            "Loculated right basal pneumothorax.",
            "Suspected left pneumothorax.",
            "Pneumothoraces on both sides.",
        ),
        "critical-device": (
            "The tip of the endotracheal tube has entered the right main bronchus.",
            "Nasogastric tube ends in the distal esophagus and must be advanced.",
            "The jugular catheter courses upward into the neck.",
            "The feeding tube is malpositioned.",
            "Kinked chest tube.",
            "The ET tube is too low.",
            "The PICC tip lies in the azygos vein.",
            "Recommend withdrawing the endotracheal tube by 2 cm.",
        ),
        "critical-free-air": (
            "A crescent of free air lies under the left diaphragm.",
            "Free gas below the diaphragm.",
            "There is pneumoperitoneum.",
            "Subphrenic free air.",
        ),
        "critical-effusion": (
            "A large pleural effusion fills the left hemithorax.",
            "There is extensive right pleural effusion.",
            "The left lung is completely opacified.",
            "Large effusions on both sides.",
        ),
        "critical-mass": (
            "There is a lung mass in the right upper zone.",
            "7 cm mass abutting the left hilum.",
            "Large right hilar mass with collapse.",
            "Mass in the lingula.",
        ),
    },
)
_LABEL = {
    "effusion": "Pleural Effusion",
    "pneumothorax": "Pneumothorax",
    "consolidation": "Consolidation",
    "edema": "Edema",
    "cardiomegaly": "Cardiomegaly",
    "fracture": "Fracture",
    "nodule": "Lung Lesion",
}


def _fill(sentence: str, side: str) -> str:
    return sentence.replace("{s}", side).replace("{S}", side.capitalize())


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _insert(text: str | None, sentence: str, rng: random.Random) -> str:
    """A sentence at a random place between the sentences of a text."""
    sentences = [span.value for span in split_sentences(text or "")]
    sentences.insert(rng.randint(0, len(sentences)), sentence)
    return " ".join(sentences)


def _states(report: Report) -> dict[str, Any]:
    return label(f"{report.findings or ''}\n\n{report.impression or ''}")


def draft_of(report: Report, **states: str) -> Draft:
    """A draft whose labels agree with the report, but for those that are given (``Pleural_Effusion="positive"``)."""
    said = _states(report)
    wanted = {name.replace("_", " "): state for name, state in states.items()}
    probability = {"positive": 0.9, "uncertain": 0.45, "negative": 0.02}
    labels = {}
    for name in LABELS:
        state = wanted.get(name) or said[name] or "negative"
        labels[name] = Finding(probability[state], 0.3, 0.6, state)
    views = ({"file": "a.png", "projection": "frontal", "rows": 1000, "columns": 1000},)
    return Draft("s", ModelInfo("toy", "1", "0"), views, report.findings or "", report.impression or "", (), labels)


def _contradiction(report: Report, rng: random.Random, words: Words, section: str) -> Planted | None:
    """A statement into a report that denies it, or both into one that says neither."""
    concept = rng.choice(sorted(words.stated))
    state = _states(report)[_LABEL[concept]]
    side = rng.choice(["left", "right"])
    stated = _fill(rng.choice(words.stated[concept]), side)
    if state not in (None,):
        concept_free = [c for c in sorted(words.stated) if _states(report)[_LABEL[c]] is None]
        if not concept_free:
            return None
        concept = rng.choice(concept_free)
        stated = _fill(rng.choice(words.stated[concept]), side)
    denied = rng.choice(words.denied[concept])
    changed = replace(report, findings=_insert(report.findings, denied, rng))
    changed = replace(changed, **{section: _insert(getattr(changed, section), stated, rng)})
    return Planted(changed, frozenset(["contradiction"]))


def _contradiction_inside(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return _contradiction(report, rng, words, "findings")


def _contradiction_between(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return _contradiction(report, rng, words, "impression")


def _side(report: Report, rng: random.Random, words: Words) -> Planted | None:
    said = _states(report)
    free = [c for c in ("effusion", "pneumothorax", "fracture") if said[_LABEL[c]] is None]
    lungs = ("Lung Opacity", "Consolidation", "Pneumonia", "Atelectasis", "Lung Lesion", "Edema")
    if all(said[name] in (None, "negative") for name in lungs):
        free += ["consolidation", "nodule"]
    if not free:
        return None
    concept = rng.choice(free)
    sides = rng.sample(["left", "right"], 2)
    above, below = (_fill(rng.choice(words.stated[concept]), side) for side in sides)
    changed = Report(_insert(report.findings, above, rng), _insert(report.impression, below, rng))
    return Planted(changed, frozenset(["side"]))


_IMPORTANT = ("effusion", "pneumothorax", "consolidation", "edema")


def _omission(report: Report, rng: random.Random, words: Words, section: str, code: str) -> Planted | None:
    said = _states(report)
    lungs = ("Lung Opacity", "Consolidation", "Pneumonia", "Atelectasis", "Lung Lesion")
    free = [c for c in _IMPORTANT if said[_LABEL[c]] is None]
    if any(said[name] is not None for name in lungs):
        free = [c for c in free if c != "consolidation"]
    if not free or not report.findings or not report.impression:
        return None
    stated = _fill(rng.choice(words.stated[rng.choice(free)]), rng.choice(["left", "right"]))
    changed = replace(report, **{section: _insert(getattr(report, section), stated, rng)})
    return Planted(changed, frozenset([code, "contradiction"]))  # "no acute disease" may contradict it, too


def _impression_omits(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return _omission(report, rng, words, "findings", "impression-omits")


def _findings_omit(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return _omission(report, rng, words, "impression", "findings-omit")


def _no_impression(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return Planted(replace(report, impression=rng.choice([None, "", " "])), frozenset(["no-impression"]))


def _no_findings(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return Planted(replace(report, findings=rng.choice([None, "", "\n"])), frozenset(["no-findings"]))


def _comparison(report: Report, rng: random.Random, words: Words) -> Planted | None:
    changed = replace(report, findings=_insert(report.findings, rng.choice(words.sentences["comparison"]), rng))
    return Planted(changed, frozenset(["comparison"]), {"prior_given": False})


def _sex(report: Report, rng: random.Random, words: Words) -> Planted | None:
    sex = rng.choice("MF")
    changed = replace(
        report, findings=_insert(report.findings, rng.choice(words.sentences["female" if sex == "M" else "male"]), rng)
    )
    return Planted(changed, frozenset(["sex"]), {"header": {"PatientSex": sex}})


def _age(report: Report, rng: random.Random, words: Words) -> Planted | None:
    changed = replace(report, findings=_insert(report.findings, rng.choice(words.sentences["age"]), rng))
    return Planted(changed, frozenset(["age"]), {"header": {"PatientAge": "052Y"}})


def _body_part(report: Report, rng: random.Random, words: Words) -> Planted | None:
    if rng.random() < 0.2:
        part = rng.choice(["KNEE", "ABDOMEN", "HAND", "LSPINE", "SKULL"])
        return Planted(report, frozenset(["body-part"]), {"header": {"BodyPartExamined": part}})
    changed = replace(report, findings=_insert(report.findings, rng.choice(words.sentences["body-part"]), rng))
    return Planted(changed, frozenset(["body-part"]), {"header": {"BodyPartExamined": "CHEST"}})


def _view(report: Report, rng: random.Random, words: Words) -> Planted | None:
    changed = replace(report, findings=_insert(report.findings, rng.choice(words.sentences["view"]), rng))
    return Planted(changed, frozenset(["view"]), {"draft": draft_of(changed)})


_FINDINGS = ("Cardiomegaly", "Edema", "Consolidation", "Pneumothorax", "Pleural Effusion", "Fracture", "Atelectasis")


def _missed(report: Report, rng: random.Random, words: Words) -> Planted | None:
    said = _states(report)
    quiet = ("Pneumothorax", "Pleural Effusion", "Fracture", "Cardiomegaly", "Atelectasis", "Edema", "Lung Lesion")
    names = [name for name in quiet if said[name] is None]
    if not names:
        return None
    draft = draft_of(report, **{rng.choice(names).replace(" ", "_"): "positive"})
    return Planted(report, frozenset(["missed"]), {"draft": draft})


def _denied(report: Report, rng: random.Random, words: Words) -> Planted | None:
    said = _states(report)
    concept = rng.choice([c for c in sorted(words.denied) if said[_LABEL[c]] is None] or ["none"])
    if concept == "none":
        return None
    changed = replace(report, findings=_insert(report.findings, rng.choice(words.denied[concept]), rng))
    draft = draft_of(changed, **{_LABEL[concept].replace(" ", "_"): "positive"})
    return Planted(changed, frozenset(["denied"]), {"draft": draft})


def _unsupported(report: Report, rng: random.Random, words: Words) -> Planted | None:
    said = _states(report)
    free = [c for c in sorted(words.stated) if said[_LABEL[c]] is None]
    if not free:
        return None
    concept = rng.choice(free)
    stated = _fill(rng.choice(words.stated[concept]), rng.choice(["left", "right"]))
    changed = replace(report, findings=_insert(report.findings, stated, rng))
    draft = draft_of(changed, **{_LABEL[concept].replace(" ", "_"): "negative"})
    return Planted(changed, frozenset(["unsupported"]), {"draft": draft})


def _device_missed(report: Report, rng: random.Random, words: Words) -> Planted | None:
    if _states(report)["Support Devices"] is not None:
        return None
    return Planted(report, frozenset(["device-missed"]), {"draft": draft_of(report, Support_Devices="positive")})


def _device_unseen(report: Report, rng: random.Random, words: Words) -> Planted | None:
    if _states(report)["Support Devices"] is not None:
        return None
    changed = replace(report, findings=_insert(report.findings, rng.choice(words.sentences["device-unseen"]), rng))
    return Planted(changed, frozenset(["device-unseen"]), {"draft": draft_of(changed, Support_Devices="negative")})


def _side_box(report: Report, rng: random.Random, words: Words) -> Planted | None:
    side = rng.choice(["left", "right"])
    concept = rng.choice(["effusion", "pneumothorax", "consolidation"])  # a nodule's map does not know the side
    stated = _fill(rng.choice(words.stated[concept]), side)
    changed = replace(report, findings=_insert(report.findings, stated, rng))
    box = (100, 600, 300, 800) if side == "left" else (700, 600, 900, 800)  # the patient's right is on the left
    sentence = Sentence("findings", stated, (_LABEL[concept],), 0.9, (Evidence(0, box, "seen"),))
    return Planted(changed, frozenset(["side-box"]), {"draft": replace(draft_of(changed), sentences=(sentence,))})


def _blank(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return Planted(
        replace(report, findings=_insert(report.findings, rng.choice(words.sentences["blank"]), rng)),
        frozenset(["blank"]),
    )


def _debris(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return Planted(
        replace(report, findings=_insert(report.findings, rng.choice(words.sentences["debris"]), rng)),
        frozenset(["debris"]),
    )


def _typing(report: Report, rng: random.Random, words: Words) -> Planted | None:
    text = report.findings or report.impression or ""
    words = [m for m in re.finditer(r"\b[A-Za-z]{2,}\b", text) if m.group().lower() not in ("that", "had", "xxxx")]
    if not words:
        return None
    match = rng.choice(words)
    section = "findings" if report.findings else "impression"
    doubled = f"{text[: match.end()]} {match.group().lower()}{text[match.end() :]}"
    return Planted(replace(report, **{section: doubled}), frozenset(["typing"]))


def _unit(report: Report, rng: random.Random, words: Words) -> Planted | None:
    return Planted(
        replace(report, findings=_insert(report.findings, rng.choice(words.sentences["unit"]), rng)),
        frozenset(["unit"]),
    )


def _size(report: Report, rng: random.Random, words: Words) -> Planted | None:
    if re.search(r"\d\s*(?:mm|cm)", _joined(report.findings, report.impression)):
        return None
    above, below = rng.choice([("8 mm", "8 cm"), ("1.2 cm", "2.1 cm"), ("6 mm", "16 mm"), ("14 mm", "4 mm")])
    where = rng.choice(["in the left upper lobe", "at the right base", "in the right mid lung"])
    findings = _insert(report.findings, f"There is a {above} nodule {where}.", rng)
    impression = _insert(report.impression, f"A {below} nodule {where}.", rng)
    return Planted(Report(findings, impression), frozenset(["size"]))


def _duplicate(report: Report, rng: random.Random, words: Words) -> Planted | None:
    spans = [s.value for s in split_sentences(report.findings or "") if len(s.value) > 8]
    if not spans:
        return None
    changed = replace(report, findings=_insert(report.findings, rng.choice(spans), rng))
    return Planted(changed, frozenset(["duplicate"]))


def _critical(code: str) -> Callable[[Report, random.Random, Words], Planted | None]:
    def planter(report: Report, rng: random.Random, words: Words) -> Planted | None:
        section = rng.choice(["findings", "impression"])
        sentence = rng.choice(words.sentences[code])
        changed = replace(report, **{section: _insert(getattr(report, section), sentence, rng)})
        return Planted(changed, frozenset([code]))

    return planter


KINDS: Mapping[str, Callable[[Report, random.Random, Words], Planted | None]] = {
    "contradiction in FINDINGS": _contradiction_inside,
    "contradiction with IMPRESSION": _contradiction_between,
    "side": _side,
    "impression-omits": _impression_omits,
    "findings-omit": _findings_omit,
    "no-impression": _no_impression,
    "no-findings": _no_findings,
    "comparison": _comparison,
    "sex": _sex,
    "age": _age,
    "body-part": _body_part,
    "view": _view,
    "missed": _missed,
    "denied": _denied,
    "unsupported": _unsupported,
    "device-missed": _device_missed,
    "device-unseen": _device_unseen,
    "side-box": _side_box,
    "blank": _blank,
    "debris": _debris,
    "typing": _typing,
    "unit": _unit,
    "size": _size,
    "duplicate": _duplicate,
    **{code: _critical(code) for code in FIRST.sentences if code.startswith("critical-")},
}


def plant(kind: str, report: Report, rng: random.Random, words: Words = FIRST) -> Planted | None:
    """Plant one error; see the module's text."""
    return KINDS[kind](report, rng, words)
