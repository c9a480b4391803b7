"""Of the reports that were found each study gets the best that answers it; they are as long as references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from few_reports import BIG, CALM, REPORTS, WET, stock_of

from wetread.report.further import FURTHER
from wetread.train.assemble import OTHERS, Asked, Stock
from wetread.train.choice import NONE, Choice
from wetread.train.expect import Usual
from wetread.types import LABELS

_USUAL = Usual((9.0, 6.0, 4.0, 2.0), 16.0)


def _choice(stock: Stock, reports: list[list[str]], bleu: float = 1.0, rouge: float = 1.0) -> Choice:
    return Choice(stock, [tuple(map(stock.texts.index, r)) for r in reports], bleu, rouge)


def _asked(*names: str) -> Asked:
    wanted = np.array([LABELS[k] in names for k in OTHERS])
    return Asked(wanted, wanted, True, np.zeros(len(FURTHER), bool))


def _weight(*studies: int) -> np.ndarray:
    weight = np.zeros((1, len(REPORTS)))
    weight[0, list(studies)] = 1 / len(studies)
    return weight


@pytest.mark.parametrize(
    ("names", "expected"),
    [((), 0), (("Cardiomegaly",), 1), (("Pleural Effusion",), 2), (("Cardiomegaly", "Pleural Effusion"), NONE)],
)
def test_a_study_gets_the_best_that_answers_it(names: tuple[str, ...], expected: int) -> None:
    choice = _choice(stock_of(), [CALM, BIG, WET, CALM[:1]])
    assert choice.of(_weight(0, 1, 2, 3), [_asked(*names)], _USUAL).tolist() == [expected]


def test_many_studies_choose_as_each_alone() -> None:
    choice = _choice(stock_of(), [CALM, BIG, WET, CALM[:1]])
    weight, asked = (
        np.concatenate((_weight(0, 7), _weight(4), _weight(8))),
        [_asked(), _asked("Cardiomegaly"), _asked()],
    )
    together = choice.of(weight, asked, _USUAL).tolist()
    assert together == [int(choice.of(weight[[i]], [asked[i]], _USUAL)[0]) for i in range(3)]


def test_rouge_asks_for_the_order_of_a_reference() -> None:
    reports = [["The lungs are clear.", "The heart is normal in size.", "There is no pleural effusion."]] * 4
    stock = stock_of(reports)
    whole, turned = reports[0], [reports[0][k] for k in (1, 2, 0)]
    worth = _choice(stock, [whole, turned], 0.0, 1000.0).scores.worth(_USUAL, 0.0, 1000.0)[0]
    assert worth[0] > worth[1] + 100


def test_what_is_chosen_comes_to_be_as_long_as_references() -> None:
    more = ["No acute fracture is seen.", "There is a normal aortic arch today."]
    stock = stock_of([[*CALM, *more]] * 4 + [CALM] * 5)
    share = np.linspace(0, 0.04, 40)[:, None]  # of each of those that go on
    weight, asked = np.concatenate((share.repeat(4, 1), (0.2 - 0.8 * share).repeat(5, 1)), 1), [_asked()] * 40
    choice = _choice(stock, [CALM, [*CALM, more[0]], [*CALM, *more]], 3.0, 0.0)
    lengths = [choice.scores.lengths[choice.of(weight, asked, u)].mean() for u in _tokens(choice, weight, asked)]
    mean = stock.book.lengths.mean()
    assert lengths[0] < mean - 2, "without a price on short reports"
    assert lengths[1] == pytest.approx(mean, abs=1)


def _tokens(choice: Choice, weight: np.ndarray, asked: list[Asked]) -> list[Usual]:
    """What is usual, with no token paid for and with what it settles at."""
    usual = choice.settle(weight, asked, _USUAL)
    return [replace(usual, token=0.0), usual]


def test_nothing_settles_where_nothing_answers() -> None:
    choice = _choice(stock_of(), [CALM])
    usual = choice.settle(_weight(0), [_asked("Fracture")], _USUAL)
    assert usual.hits == _USUAL.hits


def test_where_nothing_was_found_nobody_gets_anything() -> None:
    choice = _choice(stock_of(), [])
    assert choice.of(_weight(0), [_asked()], choice.settle(_weight(0), [_asked()], _USUAL)).tolist() == [NONE]
