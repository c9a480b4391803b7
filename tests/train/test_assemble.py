"""A report is put together so that it agrees with the references, says what is commanded and nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from few_reports import BIG, CALM, REPORTS, WET, stock_of

from wetread.report.further import FURTHER, further
from wetread.report.stock import plain, sentence
from wetread.train.assemble import OTHERS, Asked, alike, assemble, beginnings, detailed, said_again, unfit
from wetread.types import LABELS


def _wanted(*names: str) -> np.ndarray:
    return np.array([LABELS[k] in names for k in OTHERS])


def _asked(*names: str, spine: bool = True) -> Asked:
    return Asked(_wanted(*names), _wanted(*names), spine)


def _weight(*studies: int) -> np.ndarray:
    weight = np.zeros(len(REPORTS))
    weight[list(studies)] = 1 / len(studies)
    return weight


def test_the_references_own_report_comes_back() -> None:
    assert assemble(stock_of(), _weight(0, 1, 2, 3), _asked(), 1.0) == CALM
    assert assemble(stock_of(), _weight(4, 5, 6), _asked("Cardiomegaly"), 1.0) == BIG


@pytest.mark.parametrize("name", ["Cardiomegaly", "Pleural Effusion"])
def test_a_commanded_finding_is_said_even_where_no_reference_has_it(name: str) -> None:
    stock = stock_of()
    said = assemble(stock, _weight(0, 1, 2, 3), _asked(name), 1.0)
    rows = [stock.texts.index(s) for s in said]
    assert (stock.surely[rows].any(0) == _wanted(name)).all()


def test_what_is_not_commanded_is_not_said() -> None:
    stock = stock_of()
    said = assemble(stock, _weight(4, 5, 6), _asked(), 1.0)
    assert "The heart is enlarged." not in said
    assert not stock.perhaps[[stock.texts.index(s) for s in said]].any()


def test_what_is_likely_is_not_denied() -> None:
    said = assemble(stock_of(), _weight(0, 1, 2, 3), Asked(_wanted(), _wanted("Pleural Effusion")), 1.0)
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
    said = assemble(stock_of(), _weight(0, 4), _asked("Cardiomegaly"), 1.0)
    assert "The heart is enlarged." in said
    assert "The heart is normal in size." not in said


def test_nothing_is_said_twice_in_other_words() -> None:
    reports = [["No pleural effusion or pneumothorax.", "There is no pneumothorax or pleural effusion."]] * 4
    weight = np.full(4, 0.25)
    assert len(assemble(stock_of(reports), weight, _asked(), 1.0)) == 1
    one, many = "No opacity or pneumothorax.", "There are no opacities or pneumothoraces."
    assert alike([one, many]).all()
    assert not alike([one, "Prominent pulmonary markings."])[0, 1]


def test_what_says_nothing_more_is_not_said_beside_what_says_it() -> None:
    both, one = "There is no pleural effusion or pneumothorax.", "Negative for pneumothorax."
    heart, again, outline = "Heart size is normal.", "The heart is not enlarged.", "The mediastinal outline is normal."
    texts = [both, one, heart, again, outline, "The lungs are clear.", "Clear lungs."]
    expected = np.eye(len(texts), dtype=bool)
    for i, j in ((0, 1), (2, 3)):
        expected[i, j] = expected[j, i] = True
    assert (said_again(texts) == expected).all()


def test_a_finding_that_is_hardly_seen_is_said_in_our_own_words() -> None:
    closely, own = "There is a small pleural effusion.", sentence("Pleural Effusion", "positive")
    stock = stock_of([[closely, "The heart is normal in size."]] * 4)
    wanted = _wanted("Pleural Effusion")
    for seen, said, unsaid in ((wanted, closely, own), (~wanted, own, closely)):
        words = assemble(stock, np.full(4, 0.25), _asked("Pleural Effusion")._replace(seen=seen), 1.0)
        assert said in words
        assert unsaid not in words


def test_our_own_sentences_may_be_said() -> None:
    stock = stock_of()
    assert plain() <= set(stock.texts)
    for k, text in enumerate(stock.texts):
        if text in plain() and not further(text):
            (column,) = np.flatnonzero(stock.surely[k])
            assert stock.allowed(_asked(LABELS[OTHERS[column]]))[k]


def test_lungs_are_otherwise_clear_only_where_something_is() -> None:
    stock, rest = stock_of(), sentence("Lung Opacity", "rest")
    for names, may in (((), False), (("Cardiomegaly",), False), (("Atelectasis",), True)):
        assert stock.allowed(_asked(*names))[stock.texts.index(rest)] is np.bool_(may)


def test_what_is_hardly_likely_is_not_held_possible() -> None:
    perhaps = "Effusion cannot be excluded."
    stock = stock_of([[perhaps, "The heart is normal in size."]] * 4)
    (k,) = (i for i, s in enumerate(stock.texts) if s == perhaps)
    assert not stock.allowed(_asked())[k]
    assert stock.hedged[k].sum() == 1


def test_the_outline_of_heart_and_mediastinum_is_not_normal_beside_a_large_heart() -> None:
    outline = "The cardiomediastinal silhouette is within normal limits."
    stock = stock_of([["The heart is enlarged.", outline]] * 4 + [[outline, "The lungs are clear."]] * 4)
    weight = np.array([0.25] * 4 + [0.0] * 4)
    assert outline not in assemble(stock, weight, _asked("Cardiomegaly"), 1.0)
    assert outline in assemble(stock, weight[::-1], _asked(), 1.0)


def test_the_spine_is_called_degenerated_on_evidence_alone() -> None:
    worn = "Degenerative changes of the spine."
    stock = stock_of([["The lungs are clear.", worn]] * 4)
    for spine in (True, False):
        assert (worn in assemble(stock, np.full(4, 0.25), _asked(spine=spine), 1.0)) is spine


def test_further_findings_are_said_where_they_are_seen() -> None:
    large, normal = "The lungs are hyperexpanded.", "The lungs are normally inflated."
    reports = [[large, "The heart is normal in size."]] * 3 + [[normal, "The heart is normal in size."]] * 3
    stock, weight = stock_of(reports), np.array([0.1] * 3 + [0.7 / 3] * 3)
    told = np.array([name == "hyperexpansion" for name in FURTHER])
    for seen, said, unsaid in ((told, large, normal), (np.zeros_like(told), normal, large)):
        words = assemble(stock, weight, Asked(_wanted(), _wanted(), True, seen), 1.0)
        assert said in words
        assert unsaid not in words


def test_meteor_asks_for_words_that_enough_references_have() -> None:
    more = ["No acute fracture is seen.", "There is a normal aortic arch today."]
    stock = stock_of([[*CALM, *more]] * 4 + [CALM] * 5)
    for share, meteor, expected in ((0.12, 0.0, {*CALM, *more}), (0.12, 100.0, {*CALM}), (0.4, 100.0, {*CALM, *more})):
        weight = np.array([share / 4] * 4 + [(1 - share) / 5] * 5)
        assert set(assemble(stock, weight, _asked(), meteor)) == expected, "CIDEr asks for what is rare"


def test_what_others_get_is_what_a_search_begins_with() -> None:
    stock = stock_of()
    found = beginnings(stock, [(_weight(0, 1, 2, 3), _asked()), (_weight(4, 5), _asked("Cardiomegaly"))], 1.0)
    assert [[stock.texts[i] for i in report] for report in found] == [CALM, BIG]


def test_it_begins_with_the_best_report_of_others_that_may_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    stock = stock_of()
    reports = [tuple(stock.texts.index(s) for s in report) for report in (WET, CALM[:1], CALM, BIG)]
    monkeypatch.setattr("wetread.train.assemble._moves", lambda *_: iter(()))
    assert assemble(stock, _weight(0, 7), _asked(), 1.0, reports) == CALM


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
