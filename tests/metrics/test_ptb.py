"""The Penn Treebank tokens against Stanford's program where Java is, and against what it once answered."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics import java
from tests.metrics.corpus import iu_reports, pairs, written_reports
from wetread.metrics.ptb import PUNCTUATION, ptb_tokenize, ptb_tokenize_all, ptb_tokens

#: (text, what pycocoevalcap 1.2 makes of it)
OBSERVED = [
    ("The heart isn't enlarged.", "the heart is n't enlarged"),
    ("The patient's (old) films", "the patient 's -lrb- old -rrb- films"),
    ("seen.The lungs, it's.The", "seen.the lungs it 's the"),
    ("1.5 cm x 2.5cm, T8-T9 and L1/L2", "1.5 cm x 2.5 cm t8-t9 and l1/l2"),
    ("right-sided and/or ectasia/tortuosity.", "right-sided and/or ectasia/tortuosity"),
    ("Dr. Smith vs. prior, e.g. at 3:45 p.m.", "dr. smith vs. prior e.g. at 3:45 p.m."),
    ("No. 5 is no. Fig. 3 of the fig. tree", "no. 5 is no fig. 3 of the fig tree"),
    ("Hepatitis C. The liver", "hepatitis c the liver"),
    ("Hepatitis C. Liver", "hepatitis c. liver"),
    ("cannot gonna 'tis", "can not gon na 't is"),
    ("1 1/2 inch", "1\u00a01/2 inch"),
    ("50% of <b>it</b> & AT&T", "50 % of <b> it </b> & at&t"),
    ("well... what?! [sic] {x}", "well what ?! -lsb- sic -rsb- -lcb- x -rcb-"),
    ("“quoted” – it’s 5µm ± 2°", "quoted it 's 5µm ± 2 °"),
    ("½ of 12/31/2010", "1/2 of 12/31/2010"),
    ("", ""),
    ("...", ""),
]


@pytest.mark.parametrize(("text", "expected"), OBSERVED)
def test_as_observed(text: str, expected: str) -> None:
    assert ptb_tokenize(text) == expected


def test_the_table_is_what_java_answers(tmp_path: Path) -> None:
    texts = [text for text, _ in OBSERVED if text]
    # A blank-free list: an abbreviation at the end would look at the next line.
    assert java.ptb_tokenize(texts, tmp_path) == ptb_tokenize_all(texts)


def test_equal_to_java_on_reports(tmp_path: Path) -> None:
    texts = [text for text in (*pairs(1500)[0], *iu_reports(), *written_reports(800)) if text]
    assert ptb_tokenize_all(texts) == java.ptb_tokenize(texts, tmp_path)


def test_nearly_equal_to_java_on_noise(tmp_path: Path) -> None:
    draw = random.Random(0)
    pieces = [*"abT5,.;:-/()'\"%+?!", *[" "] * 8, "heart", "The", "no", "12", "1.5", "XXXX", "n't", "Dr", "fig", "etc"]
    texts = ["".join(draw.choices(pieces, k=draw.randrange(1, 14))).strip() or "x" for _ in range(3000)]
    same = sum(a == b for a, b in zip(ptb_tokenize_all(texts), java.ptb_tokenize(texts, tmp_path)))
    assert same >= 0.98 * len(texts)


def test_the_next_text_decides_about_an_initial() -> None:
    assert ptb_tokenize_all(["Hepatitis C.", "", "The liver"])[0] == "hepatitis c"
    assert ptb_tokenize_all(["Hepatitis C.", "Liver"])[0] == "hepatitis c."


@settings(deadline=None)  # the first text compiles the rules
@given(st.text(max_size=60))
def test_any_text_is_tokenised(text: str) -> None:
    tokens = ptb_tokenize(text)
    assert "  " not in tokens
    assert not PUNCTUATION & set(tokens.split(" "))
    assert all(ptb_tokens(text))
