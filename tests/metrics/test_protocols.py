"""What is done to texts before they are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.metrics.corpus import iu_reports
from wetread.errors import InputError, UsageError
from wetread.metrics.protocols import (
    PtbProtocol,
    R2GenProtocol,
    R2GenVocabulary,
    RawProtocol,
    make_protocol,
    r2gen_clean,
)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("The heart is big. No effusion.", "the heart is big . no effusion ."),
        ("Well-aerated (both) lungs; clear!", "well-aerated both lungs clear ."),  # the hyphen survives
        ("1. First. 2. Second. 3. Third.", "first . second . third ."),
        ("Seen.. Not seen...", "seen . not seen ."),
        ("5 < 6 = @x: [y]", "5 6 x y ."),  # the accidental range from ':' to '['
        ('A "quoted" and/or\\it\'s thing.', "a quoted andorits thing ."),
        ("", "."),  # the empty sentence is not dropped
        ("the heart is big . no effusion .", "the heart is big . no effusion ."),  # cleaning twice changes nothing
    ],
)
def test_r2gen_cleaner(text: str, cleaned: str) -> None:
    assert r2gen_clean(text) == cleaned


def test_r2gen_changes_the_references_only() -> None:
    vocabulary = R2GenVocabulary.from_reports(["The heart is big."] * 3 + ["Rare word."])
    protocol = R2GenProtocol(vocabulary)
    assert vocabulary.words == {"the", "heart", "is", "big", "."}
    assert protocol.reference("The rare heart.") == "the <unk> heart ."
    assert protocol.hypothesis("The rare heart.") == "the rare heart ."
    long = "heart " * 100
    assert len(protocol.reference(long).split()) == 59
    assert len(protocol.hypothesis(long).split()) == 101
    assert protocol.hypotheses(["", " ", "big"]) == ["", "", "big ."]
    assert "vocabulary:6-" in protocol.signature


def test_r2gen_vocabulary_of_iu_x_ray() -> None:
    reports = iu_reports()
    if not reports:
        pytest.skip("the IU X-Ray collection is not here")
    assert len(R2GenVocabulary.from_reports(reports).words) == 759


def test_vocabulary_file(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("heart\n.\n<unk>\n", encoding="utf-8")
    assert R2GenVocabulary.from_file(path).words == {"heart", "."}
    for text, reason in (("two words\n", "one word a line"), ("\n", "no word")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=reason):
            R2GenVocabulary.from_file(path)
    with pytest.raises(InputError, match="cannot be read"):
        R2GenVocabulary.from_file(tmp_path / "absent")


def test_other_protocols() -> None:
    assert RawProtocol().reference("  The\tHeart ") == "The Heart"
    assert PtbProtocol().references(["The Heart's big.", "A."]) == ["the heart 's big", "a."]
    assert isinstance(make_protocol("ptb"), PtbProtocol)
    with pytest.raises(UsageError, match="--train-manifest"):
        make_protocol("r2gen")
    with pytest.raises(UsageError, match="none of r2gen, ptb, raw"):
        make_protocol("bleu")
