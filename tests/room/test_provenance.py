"""A new draft and the reader's own words: a decided side is not lost beneath a sentence that is much alike."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from wetread.room.provenance import merge


def draft(effusion: str, **decided: str) -> dict[str, Any]:
    said = {"findings": ["The heart is enlarged.", effusion], "impression": [effusion]}
    labels = {"The heart is enlarged.": ["Cardiomegaly"], effusion: ["Pleural Effusion"]}
    return {
        **{section: " ".join(texts) for section, texts in said.items()},
        "sentences": [
            {"section": section, "text": text, "labels": labels[text]}
            for section, texts in said.items()
            for text in texts
        ],
        "decided": {name.replace("_", " "): decision for name, decision in decided.items()},
    }


OLD = draft("Pleural effusion.")
RIGHT = draft("Right pleural effusion.", Pleural_Effusion="right")


@pytest.mark.parametrize(
    ("mine", "merged"),
    [
        ("Pleural effusion.", "Right pleural effusion."),
        ("Small right pleural effusion.", "Small right pleural effusion."),
        ("Small pleural effusion.", "Small pleural effusion. Right pleural effusion."),
        ("Left pleural effusion.", "Left pleural effusion. Right pleural effusion."),
    ],
)
def test_the_reader_s_sentence_stands_only_where_it_names_the_decided_side(mine: str, merged: str) -> None:
    texts = {"findings": f"The heart is enlarged. {mine}", "impression": "Pleural effusion."}
    new = merge(texts, OLD, RIGHT)
    assert sorted(new["findings"].split(". ")) == sorted(f"The heart is enlarged. {merged}".split(". "))
    assert new["impression"] == "Right pleural effusion."


def test_without_a_new_decision_what_is_much_alike_is_not_said_twice() -> None:
    texts = {"findings": "The heart is enlarged. Left pleural effusion.", "impression": "Pleural effusion."}
    assert "Right" not in merge(texts, RIGHT, RIGHT)["findings"]
