"""Report text → sentences to learn from."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wetread.data.clean import clean_sentence, clean_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # One word fits the blank.
        ("Normal chest x-XXXX.", "Normal chest x-ray."),
        ("The XXXX are grossly intact.", "The bones are grossly intact."),
        ("Calcified hilar lymph XXXX.", "Calcified hilar lymph nodes."),
        ("The costophrenic XXXX are sharp.", "The costophrenic angles are sharp."),
        ("Blunted right costophrenic XXXX.", "Blunted right costophrenic angle."),
        ("Calcification of the aortic XXXX.", "Calcification of the aortic arch."),
        ("XXXX sternotomy XXXX in line.", "Median sternotomy wires in line."),
        ("No XXXX of heart failure.", "No evidence of heart failure."),
        ("Wedge XXXX deformity of T8.", "Wedge compression deformity of T8."),
        ("Hazy left base opacity, XXXX atelectasis.", "Hazy left base opacity, likely atelectasis."),
        ("This most XXXX represents a nipple shadow.", "This most likely represents a nipple shadow."),
        ("The heart is XXXX within normal limits.", "The heart is within normal limits."),
        # The blank is an adjective that can go.
        ("XXXX opacities in the left base.", "Opacities in the left base."),
        ("There is an XXXX granuloma.", "There is a granuloma."),
        ("No XXXX focal consolidation.", "No focal consolidation."),
        ("The shadow is XXXX scarring.", "The shadow is likely scarring."),
        ("There is XXXX scarring.", "There is scarring."),
        ("A PICC line is in XXXX.", "A PICC line is in place."),
        ("XXXX B-lines at the bases.", "Kerley B-lines at the bases."),
        # It cannot be repaired.
        ("The lungs are XXXX.", None),
        ("XXXX lung volumes.", None),
        ("The XXXX was seen by XXXX.", None),
        # Comparison with a prior.
        ("Stable cardiomegaly.", "Cardiomegaly."),
        ("Unchanged left effusion.", "Left effusion."),
        ("The nodule is unchanged compared to the prior study.", "The nodule is noted."),
        ("Right effusion, unchanged from the previous exam dated XXXX.", "Right effusion."),
        ("A hiatal hernia is again seen.", "A hiatal hernia is seen."),
        ("Again noted is a hiatal hernia.", "There is a hiatal hernia."),
        ("Redemonstration of the hiatal hernia.", "Hiatal hernia."),
        ("The lungs remain clear.", "The lungs are clear."),
        ("The heart is normal in size and stable.", "The heart is normal in size."),
        ("Pacemaker in stable position.", "Pacemaker in place."),
        ("Heart size is large, stable mediastinal contours.", "Heart size is large."),
        ("No acute disease or significant interval change.", "No acute disease."),
        ("Stable exam.", None),
        ("Stable mediastinal contours.", None),
        ("The cardiac silhouette is unchanged.", None),
        ("No change in the effusion.", None),
        ("No significant interval change.", None),
        ("The effusion has increased since XXXX.", None),
        ("Interval removal of the drain.", None),
        ("Resolved pneumonia.", None),
        ("Increasing right effusion.", None),
        ("Hernia is unchanged from XXXX and appears small.", "Hernia appears small."),
        ("Stable heart size, moderately enlarged.", "Heart size, moderately enlarged."),
        ("Given the rotation, heart size is stable.", None),
        ("Heart is large with stable appearance of the lungs.", "Heart is large."),
        ("Stable mediastinum with a tortuous aorta.", "A tortuous aorta."),
        # Old disease and lasting change are no comparison.
        ("Prior granulomatous disease.", "Prior granulomatous disease."),
        ("Old rib fracture on the left.", "Old rib fracture on the left."),
        ("Degenerative changes of the spine.", "Degenerative changes of the spine."),
        ("Increased interstitial markings.", "Increased interstitial markings."),
        # What is no reading of the film.
        ("PA and lateral views of the chest were obtained.", None),
        ("Comparison XXXX, XXXX.", None),
        ("Comparison XXXX, XXXX. Clear lungs.", "Clear lungs."),
        ("Findings were discussed with Dr. XXXX at 3 p.m.", None),
        ("Left knee: no fracture.", None),
        ("Film of 19/33.", None),
        ("As described above.", None),
        # Form.
        ("1. mild edema 2. no effusion", "Mild edema."),
        ("IMPRESSION: Large heart", "Large heart."),
        ("tip in the SVC ", "Tip in the SVC."),
        ("The the heart is large..", "The heart is large."),
        ("Otherwise, No effusion.", "Otherwise, no effusion."),
        ("and the left.", None),
        ("The lungs XXXX patchy consolidation.", None),
        ("There minimal scarring.", None),
        ("The tip of the catheter reaches the right atrium.", "The tip of the catheter reaches the right atrium."),
        ("Consistent with.", None),
    ],
)  # fmt: skip
def test_one_sentence(text: str, expected: str | None) -> None:
    cleaned = clean_text(text)
    assert (cleaned[:1] or [None])[0] == expected


def test_the_order_is_kept_and_reasons_are_counted() -> None:
    counts: Counter[str] = Counter()
    text = "1. Clear lungs. 2. Stable hiatal hernia. Clear lungs. No change from XXXX. The XXXX is. Please call XXXX."
    assert clean_text(text, counts) == ["Clear lungs.", "Hiatal hernia."]
    assert counts == {
        "repaired": 2,
        "said twice": 1,
        "comparison with a prior": 1,
        "blank that cannot be repaired": 1,
        "talk between people": 1,
    }


def test_nothing_gives_nothing() -> None:
    assert clean_text(None) == clean_text("") == clean_text(" \n. ") == []


def test_clean_sentences_pass_untouched() -> None:
    for text in ("No effusion.", "Mild scoliosis of the thoracic spine.", "Port-a-Cath tip in the SVC."):
        assert clean_sentence(text) == (text, "kept")


_WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        """the heart is are stable unchanged XXXX lungs clear no opacity again seen comparison prior study interval
        change in of left base , . ; 1. 2. and with x-XXXX effusion Increased since normal XXXX's -- ? (old) 11/12
        CT There""",
    )
)


@settings(max_examples=150, deadline=None)
@given(text=st.lists(_WORDS, max_size=25).map(" ".join) | st.text(max_size=80))
def test_whatever_comes_in_what_comes_out_is_fit_to_learn_from(text: str) -> None:
    for sentence in clean_text(text):
        assert re.match(r"[^\W\d_]|\d", sentence), sentence
        assert not sentence[0].islower(), sentence
        assert sentence.endswith("."), sentence
        assert not sentence.endswith(".."), sentence
        assert "XXX" not in sentence
        assert "  " not in sentence
        assert "?" not in sentence
        assert not re.search(r"\b(unchanged|stable|interval|again|since|prior study|compar\w+)\b", sentence, re.I)
        assert not re.search(r"\d/\d", sentence)


@settings(max_examples=150, deadline=None)
@given(text=st.lists(_WORDS, max_size=20).map(" ".join))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean_text(text)
    assert clean_text(" ".join(once)) == once
