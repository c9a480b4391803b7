"""A report is put together so that it agrees with the references, says what is commanded and nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from few_reports import BIG, CALM, REPORTS, WET, stock_of

from wetread.report.further import FURTHER
from wetread.train.assemble import OTHERS, Asked, Habits, alike, assemble, detailed, habits_of, unfit
from wetread.train.expect import Usual
from wetread.types import LABELS

_HABITS = Habits(Usual((9.0, 6.0, 4.0, 2.0), 16.0))


def _wanted(*names: str) -> np.ndarray:
    return np.array([LABELS[k] in names for k in OTHERS])


def _asked(*names: str, spine: bool = True) -> Asked:
    return Asked(_wanted(*names), _wanted(*names), spine)


def _weight(*studies: int) -> np.ndarray:
    weight = np.zeros(len(REPORTS))
    weight[list(studies)] = 1 / len(studies)
    return weight


def test_the_references_own_report_comes_back() -> None:
    assert assemble(stock_of(), _weight(0, 1, 2, 3), _asked(), 1.0, _HABITS) == CALM
    assert assemble(stock_of(), _weight(4, 5, 6), _asked("Cardiomegaly"), 1.0, _HABITS) == BIG


@pytest.mark.parametrize("name", ["Cardiomegaly", "Pleural Effusion"])
def test_a_commanded_finding_is_said_even_where_no_reference_has_it(name: str) -> None:
    stock = stock_of()
    said = assemble(stock, _weight(0, 1, 2, 3), _asked(name), 1.0, _HABITS)
    rows = [stock.texts.index(s) for s in said]
    assert (stock.surely[rows].any(0) == _wanted(name)).all()


def test_what_is_not_commanded_is_not_said() -> None:
    stock = stock_of()
    said = assemble(stock, _weight(4, 5, 6), _asked(), 1.0, _HABITS)
    assert "The heart is enlarged." not in said
    assert not stock.perhaps[[stock.texts.index(s) for s in said]].any()


def test_what_is_likely_is_not_denied() -> None:
    said = assemble(stock_of(), _weight(0, 1, 2, 3), Asked(_wanted(), _wanted("Pleural Effusion")), 1.0, _HABITS)
    assert said == [*CALM[:2], "There is no pneumothorax."]


def test_an_opacity_may_be_denied_beside_one_that_explains_it() -> None:
    denial = "There is no focal airspace opacity."
    stock = stock_of([[denial, "There is mild atelectasis."]] * 3)
    (k,) = (i for i, s in enumerate(stock.texts) if s == denial)
    opacity, explained = _wanted("Lung Opacity"), _wanted("Atelectasis")
    assert stock.allowed(_asked())[k]
    assert not stock.allowed(Asked(_wanted(), opacity))[k]
    assert stock.allowed(Asked(explained, opacity | explained))[k]


def test_a_site_with_a_finding_is_not_called_normal() -> None:
    said = assemble(stock_of(), _weight(0, 4), _asked("Cardiomegaly"), 1.0, _HABITS)
    assert "The heart is enlarged." in said
    assert "The heart is normal in size." not in said


def test_nothing_is_said_twice_in_other_words() -> None:
    reports = [["No pleural effusion or pneumothorax.", "There is no pneumothorax or pleural effusion."]] * 4
    weight = np.full(4, 0.25)
    assert len(assemble(stock_of(reports), weight, _asked(), 1.0, _HABITS)) == 1
    one, many = "No opacity or pneumothorax.", "There are no opacities or pneumothoraces."
    assert alike([one, many]).all()
    assert not alike([one, "Prominent pulmonary markings."])[0, 1]


def test_the_outline_of_heart_and_mediastinum_is_not_normal_beside_a_large_heart() -> None:
    outline = "The cardiomediastinal silhouette is within normal limits."
    stock = stock_of([["The heart is enlarged.", outline]] * 4 + [[outline, "The lungs are clear."]] * 4)
    weight = np.array([0.25] * 4 + [0.0] * 4)
    assert outline not in assemble(stock, weight, _asked("Cardiomegaly"), 1.0, _HABITS)
    assert outline in assemble(stock, weight[::-1], _asked(), 1.0, _HABITS)


def test_the_spine_is_called_degenerated_on_evidence_alone() -> None:
    worn = "Degenerative changes of the spine."
    stock = stock_of([["The lungs are clear.", worn]] * 4)
    for spine in (True, False):
        assert (worn in assemble(stock, np.full(4, 0.25), _asked(spine=spine), 1.0, _HABITS)) is spine


def test_further_findings_are_said_where_they_are_seen() -> None:
    large, normal = "The lungs are hyperexpanded.", "The lungs are normally inflated."
    reports = [[large, "The heart is normal in size."]] * 3 + [[normal, "The heart is normal in size."]] * 3
    stock, weight = stock_of(reports), np.array([0.1] * 3 + [0.7 / 3] * 3)
    told = np.array([name == "hyperexpansion" for name in FURTHER])
    for seen, said, unsaid in ((told, large, normal), (np.zeros_like(told), normal, large)):
        words = assemble(stock, weight, Asked(_wanted(), _wanted(), True, seen), 1.0, _HABITS)
        assert said in words
        assert unsaid not in words


def test_reports_come_to_be_nearly_as_long_as_the_references() -> None:
    # References that go on are rare for this study: BLEU's hits ask for none of that, its penalty on short ones does.
    more = ["No acute fracture is seen.", "There is a normal aortic arch today."]
    stock = stock_of([[*CALM, *more]] * 4 + [CALM] * 5)
    study = (np.array([0.02] * 4 + [0.184] * 5), _asked())
    mean = float(stock.book.lengths.mean())
    usual = habits_of(stock, [study] * 2, 3.0).usual
    without, fully = (
        assemble(stock, *study, 3.0, Habits(Usual(usual.hits, usual.length, token))) for token in (0.0, 1 / mean)
    )
    assert without == CALM
    assert set(fully) > set(without)
    assert usual.length > mean  # and so a token more is worth ever less
    assert usual.token < 0.1 / mean


def test_what_reports_usually_have_is_what_their_assembled_reports_have() -> None:
    usual = habits_of(stock_of(), [(_weight(0, 1, 2, 3), _asked())] * 2, 1.0).usual
    assert usual.length == 7 + 5 + 6  # tokens of the sentences
    assert usual.hits == (18, 17, 16, 15)  # each n-gram is in the reference


def test_it_begins_with_the_best_report_of_others_that_may_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    stock = stock_of()
    reports = [tuple(stock.texts.index(s) for s in report) for report in (WET, CALM[:1], CALM, BIG)]
    habits = Habits(_HABITS.usual, tuple(reports))
    monkeypatch.setattr("wetread.train.assemble._moves", lambda *_: iter(()))
    assert assemble(stock, _weight(0, 7), _asked(), 1.0, habits) == CALM


def test_bleu_asks_for_turns_of_a_reference_and_against_words_beside_them() -> None:
    reports = [["The lungs are clear.", "No acute fracture is seen."]] * 3 + [["The lungs are clear."]] * 6
    for rarely, expected in ((0.05, reports[3]), (0.3, reports[0])):
        weight = np.array([rarely] * 3 + [1 / 6 - rarely / 2] * 6)
        assert assemble(stock_of(reports), weight, _asked(), 50.0, _HABITS) == expected


def test_sides_and_rare_long_sentences_are_no_stock() -> None:
    assert detailed("There is a left pleural effusion.")
    assert not detailed("There are bilateral pleural effusions.")
    assert detailed("There are tiny pleural effusions, more on the right than on the left.")
    assert detailed("Scars, or perhaps atelectasis, of the right midlung.")
    assert detailed("Calcified granuloma in the left upper lobe.")
    assert not detailed("There is no left pneumothorax.")
    assert not detailed("Today the heart size is upper limits of normal.")
    assert unfit("Today the heart size is upper limits of normal.")
    assert unfit("Old scars and emphysema are seen.")
    long = "The heart is moderately enlarged in a way that was said of one single patient only."
    stock = stock_of([*REPORTS, [long, "There is a left pleural effusion."]])
    assert long not in stock.texts
    assert "There is a left pleural effusion." not in stock.texts
