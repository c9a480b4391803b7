"""Sentences: nothing lost, nothing cut in the middle, any text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wetread.report.sentences import split_sentences


def values(text: str) -> list[str]:
    return [span.value for span in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("No effusion", ["No effusion"]),
        ("No effusion. Heart normal.", ["No effusion.", "Heart normal."]),
        ("A nodule of 1.2 cm. It is round.", ["A nodule of 1.2 cm.", "It is round."]),
        ("The tube ends at T4. Withdraw it.", ["The tube ends at T4.", "Withdraw it."]),
        ("It measures 3. No change.", ["It measures 3.", "No change."]),
        ("Told to Dr. Muster by phone. Done.", ["Told to Dr. Muster by phone.", "Done."]),
        ("Told to Dr. A. B. Muster. Done.", ["Told to Dr. A. B. Muster.", "Done."]),
        ("Atelectasis vs. pneumonia at the base.", ["Atelectasis vs. pneumonia at the base."]),
        ("Called at 5 p.m. on Monday.", ["Called at 5 p.m. on Monday."]),
        ("Called at 5 p.m. The ward knows.", ["Called at 5 p.m.", "The ward knows."]),
        ("1. Cardiomegaly. 2. No effusion.", ["1. Cardiomegaly.", "2. No effusion."]),
        ("1. Cardiomegaly\n2. No effusion", ["1. Cardiomegaly", "2. No effusion"]),
        ("- clear lungs\n- no effusion", ["- clear lungs", "- no effusion"]),
        ("Impression\n\nNormal chest", ["Impression", "Normal chest"]),
        ("a line that\nis wrapped. Next.", ["a line that\nis wrapped.", "Next."]),
        ("No edema.No effusion.", ["No edema.", "No effusion."]),
        ("lungs are clear . no effusion .", ["lungs are clear .", "no effusion ."]),
        ("Pneumothorax?! Yes... small", ["Pneumothorax?!", "Yes...", "small"]),
        ('He said "clear." Then left.', ['He said "clear."', "Then left."]),
    ],
)
def test_splits(text: str, expected: list[str]) -> None:
    assert values(text) == expected


texts = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(["No effusion", ".", " ", "\n", "1.", "Dr.", "A.", "1.2 cm", "?", "- ", "\x00", "é"])).map(
        "".join
    ),
)


@settings(deadline=None)
@given(texts)
def test_only_white_space_is_lost(text: str) -> None:
    end = 0
    for span in split_sentences(text):
        assert text[span.start : span.end] == span.value
        assert span.value.strip() == span.value != ""
        assert not text[end : span.start].strip()
        end = span.end
    assert not text[end:].strip()


@pytest.mark.parametrize("piece", [".", "1. ", "Dr. ", "A. ", "\n ", " ", 'x.")', "a.m. ", "- "])
def test_long_repetitions_are_split(piece: str) -> None:
    assert "".join(values(piece * 20_000)).count("x") == piece.count("x") * 20_000
