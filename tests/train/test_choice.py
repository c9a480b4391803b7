"""Of the reports that were found each study gets the best that answers it."""

from __future__ import annotations

import numpy as np
import pytest
from few_reports import BIG, CALM, REPORTS, WET, stock_of

from wetread.report.further import FURTHER
from wetread.train.assemble import OTHERS, Asked, Stock
from wetread.train.choice import NONE, Choice
from wetread.types import LABELS


def _choice(stock: Stock, reports: list[list[str]], meteor: float = 1.0, rouge: float = 1.0) -> Choice:
    return Choice(stock, [tuple(map(stock.texts.index, r)) for r in reports], meteor, rouge)


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
    assert choice.of(_weight(0, 1, 2, 3), [_asked(*names)]).tolist() == [expected]


def test_many_studies_choose_as_each_alone() -> None:
    choice = _choice(stock_of(), [CALM, BIG, WET, CALM[:1]])
    weight, asked = (
        np.concatenate((_weight(0, 7), _weight(4), _weight(8))),
        [_asked(), _asked("Cardiomegaly"), _asked()],
    )
    together = choice.of(weight, asked).tolist()
    assert together == [int(choice.of(weight[[i]], [asked[i]])[0]) for i in range(3)]


def test_rouge_asks_for_the_order_of_a_reference() -> None:
    reports = [["The lungs are clear.", "The heart is normal in size.", "There is no pleural effusion."]] * 4
    stock = stock_of(reports)
    whole, turned = reports[0], [reports[0][k] for k in (1, 2, 0)]
    worth = _choice(stock, [whole, turned], 0.0, 1000.0).scores.worth(0.0, 1000.0)[0]
    assert worth[0] > worth[1] + 100


def test_meteor_asks_for_words_that_enough_references_have() -> None:
    more = "No acute fracture is seen."
    stock = stock_of([[*CALM, more]] * 4 + [CALM] * 5)
    for share, meteor, expected in ((0.12, 0.0, 1), (0.12, 100.0, 0), (0.4, 100.0, 1)):
        weight = np.array([[share / 4] * 4 + [(1 - share) / 5] * 5])
        choice = _choice(stock, [CALM, [*CALM, more]], meteor, 0.0)
        assert choice.of(weight, [_asked()]).tolist() == [expected], "CIDEr asks for what is rare"


def test_where_nothing_was_found_nobody_gets_anything() -> None:
    choice = _choice(stock_of(), [])
    assert choice.of(_weight(0), [_asked()]).tolist() == [NONE]
