"""A few reports of three kinds, and the stock of their sentences, for the tests of what is taught."""

from __future__ import annotations

from collections.abc import Sequence

from wetread.train.assemble import Stock

CALM = ["The heart is normal in size.", "The lungs are clear.", "There is no pleural effusion."]
BIG = ["The heart is enlarged.", "The lungs are clear.", "There is no pleural effusion."]
WET = ["The heart is normal in size.", "There is a pleural effusion.", "There is no pneumothorax."]
REPORTS = [CALM] * 4 + [BIG] * 3 + [WET] * 3


def clean(text: str) -> str:
    """As the metric reads it, nearly."""
    return text.lower().replace(".", " .")


def stock_of(reports: Sequence[Sequence[str]] = REPORTS) -> Stock:
    """Of the sentences that two reports have, and of short ones; the reports are the references."""
    return Stock.of(reports, [clean(" ".join(r)) for r in reports], clean, often=2, short=9)
