"""The matcher: the small language of phrases, leftmost-longest, groups apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wetread.report.phrases import Matcher, Rule, read_table, tokenize


def found(phrases: dict[str, str], text: str) -> list[tuple[str, int, int]]:
    matcher = Matcher(Rule(0, payload, phrase) for phrase, payload in phrases.items())
    return [(m.payload, m.first, m.last) for m in matcher.scan([t[0] for t in tokenize(text)])]


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("effusion", "An EFFUSION", (1, 2)),
        ("effusion", "effusions", None),
        ("effusion*", "effusions", (0, 1)),
        ("pleural? effusion|fluid", "pleural fluid", (0, 2)),
        ("pleural? effusion|fluid", "no fluid", (1, 2)),
        ("left _ lobe", "left upper lobe", (0, 3)),
        ("left _ lobe", "left lobe", None),
        ("left _? lobe", "left lobe", (0, 2)),
        ("left _ lobe", "left, lobe", None),
        ("right-sided", "right-sided", None),
        ("right sided", "right-sided", (0, 2)),
        ("heart , lungs", "heart, lungs", (0, 3)),
    ],
)
def test_language(phrase: str, text: str, expected: tuple[int, int] | None) -> None:
    assert found({phrase: "x"}, text) == ([("x", *expected)] if expected else [])


def test_leftmost_then_longest() -> None:
    phrases = {"pericardial effusion": "-", "effusion": "fluid", "effusion in the fissure": "fissure"}
    assert found(phrases, "pericardial effusion, effusion in the fissure, effusion") == [
        ("-", 0, 2),
        ("fissure", 3, 7),
        ("fluid", 8, 9),
    ]


def test_groups_do_not_compete() -> None:
    matcher = Matcher([Rule(0, "thing", "no effusion"), Rule(1, "trigger", "no")])
    assert {m.payload for m in matcher.scan(["no", "effusion"])} == {"thing", "trigger"}


def test_a_phrase_that_can_be_empty_is_refused() -> None:
    with pytest.raises(ValueError, match="can be empty"):
        Matcher([Rule(0, "x", "pleural?")])


def test_tokens_know_their_place() -> None:
    text = "İ's 1.2-cm (left) no\x00dule"
    assert [text[a:b].lower() for _, a, b in tokenize(text)] == [w for w, _, _ in tokenize(text)]


@pytest.mark.parametrize("name", ["findings", "subjects", "predicates", "context", "sections"])
def test_tables_have_no_row_twice(name: str) -> None:
    rows = read_table(f"{name}.tsv", 2)
    assert len(rows) > 5
    assert len(rows) == len(set(rows))


def test_a_table_with_a_wrong_row_says_where() -> None:
    with pytest.raises(ValueError, match=r"findings\.tsv, line \d+: 2 columns instead of 3"):
        read_table("findings.tsv", 3)


WORDS = ["a", "b", "c", "ab", ","]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3), min_size=1, max_size=5),
    st.lists(st.sampled_from(WORDS), max_size=20),
)
def test_equal_to_a_plain_search(phrases: list[list[str]], words: list[str]) -> None:
    matcher = Matcher(Rule(0, tuple(p), " ".join(p)) for p in phrases)
    expected, at = [], 0
    while at < len(words):
        fits = [p for p in phrases if words[at : at + len(p)] == p]
        if fits:
            longest = max(fits, key=len)
            expected.append((tuple(longest), at, at + len(longest)))
        at += len(max(fits, key=len)) if fits else 1
    assert [(m.payload, m.first, m.last) for m in matcher.scan(words)] == expected
