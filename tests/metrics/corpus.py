"""Pairs to score: from the IU reports where they are, else from sentences written here; with noise and awkward ones."""

from __future__ import annotations

import csv
import os
import random
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

SHARED = Path(os.environ.get("WETREAD_SHARED", Path(__file__).parents[3] / "shared"))

_SUBJECTS = ("The heart", "The mediastinum", "The aorta", "The right lung", "The left base", "Both hila", "A line")
_VERBS = ("is", "appears", "looks", "remains", "seems")
_STATES = ("normal in size", "clear", "mildly enlarged", "tortuous", "hazy", "stable since 2009", "within limits")
_ENDS = (
    "No pneumothorax.",
    "There is a 1.5 cm nodule at the T8-T9 level (see Dr. Miller's note).",
    "No effusion, e.g. at the right base.",
    "Doesn't look acute; 3/4 of the apex isn't seen!",
    "Follow-up in 6-8 weeks is advised.",
    "Old healed fracture/deformity of the 5th rib.",
)
#: Texts that a scorer may trip over; none holds a word that ends a line inside the Java programs.
AWKWARD = (
    "normal",
    "A.",
    "...",
    "-- -- --",
    "(((",
    "Größe normal, α-Welle „unauffällig“ – 5 µm ± 2 °C",
    "心影正常。 No effusion.",
    "1. First. 2. Second. 3. Third.",
    "the the the the the the",
    "XXXX XXXX XXXX.",
    "Effusion?No. 5'10\" tall, +/- 3 mm @home #1 50% $5",
)


@cache
def iu_reports() -> tuple[str, ...]:
    """FINDINGS of R2Gen's train split, where the collection is here; never those of its test split."""
    table = SHARED / "iu_xray" / "r2gen_split.csv"
    if not table.is_file():
        return ()
    with table.open(encoding="utf-8", newline="") as lines:
        uids = [row["uid"] for row in csv.DictReader(lines) if row["split"] == "train"]
    reports = []
    for uid in uids:
        root = ElementTree.parse(SHARED / "iu_xray" / "ecgen-radiology" / f"{uid}.xml").getroot()
        texts = {part.get("Label"): part.text for part in root.iter("AbstractText")}
        if texts.get("FINDINGS"):
            reports.append(" ".join(texts["FINDINGS"].split()))
    return tuple(reports)


def written_reports(n: int, seed: int = 0) -> list[str]:
    """Reports made of the sentences above."""
    draw = random.Random(seed)

    def sentence() -> str:
        if draw.random() < 0.3:
            return draw.choice(_ENDS)
        return f"{draw.choice(_SUBJECTS)} {draw.choice(_VERBS)} {draw.choice(_STATES)}."

    return [" ".join(sentence() for _ in range(draw.randrange(1, 7))) for _ in range(n)]


def pairs(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """n references and hypotheses: real or written, shuffled, spliced, repeated, empty, awkward and very long."""
    draw = random.Random(seed)
    source = iu_reports() or tuple(written_reports(800, seed))
    references = [draw.choice(source) for _ in range(n)]
    references[: len(AWKWARD)] = AWKWARD
    references[-2:] = ["normal", " ".join(draw.choice(source) for _ in range(60))]

    def hypothesis(reference: str) -> str:
        words, lot = reference.split(), draw.random()
        if lot < 0.4:
            return draw.choice(source)
        if lot < 0.55:
            draw.shuffle(words)
            return " ".join(words)
        if lot < 0.85:
            cut = draw.randrange(len(words) + 1)
            return " ".join(words[:cut] + draw.choice(source).split()[cut // 2 :])
        if lot < 0.9:
            return ""
        return draw.choice(AWKWARD) if lot < 0.93 else reference

    return references, [hypothesis(reference) for reference in references]
