"""How sure a sentence is: the probability that all it states holds, by the calibrated findings.

A sentence states that findings are there or not. One that calls a site normal states that none of the site's findings
is there; one that calls the whole film normal, or free of anything acute, the same of the acute findings. The
probabilities are multiplied as if findings were independent of each other; ``benchmarks/confidence.py`` measures
what that is worth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from wetread.report.labeler import label_spans
from wetread.report.sites import LABEL_SITES, sites_of
from wetread.types import LABELS, Finding

__all__ = ["ACUTE", "NO_FINDING", "confidence", "statements"]

NO_FINDING = "No Finding"
#: What "no acute disease" does not deny: what is lasting, or no disease.
_LASTING = ("Enlarged Cardiomediastinum", "Cardiomegaly", "Pleural Other", "Support Devices", NO_FINDING)
#: What it denies.
ACUTE = tuple(name for name in LABELS if name not in _LASTING)


@lru_cache(maxsize=4096)
def statements(text: str) -> frozenset[tuple[str, bool]]:
    """What a sentence states: pairs of a label and whether it is there.

    ``("No Finding", False)`` is something abnormal outside of the other 13 labels. What is called possible
    is not stated.
    """
    mentions = label_spans(text)
    named = {m.label for m in mentions if m.state != "negative"}
    stated = set()
    for mention in mentions:
        if mention.label != NO_FINDING:
            if mention.state != "uncertain":
                stated.add((mention.label, mention.state == "positive"))
        elif mention.state == "negative":
            stated.add((NO_FINDING, False))
        elif mention.state == "positive":
            sites = set(sites_of(text))
            own = [name for name, site in LABEL_SITES.items() if site in sites]
            stated |= {(name, False) for name in own or ACUTE if name not in named}
    return frozenset(stated)


def confidence(text: str, log_probability: float, labels: Mapping[str, Finding]) -> float:
    """In [0, 1]: that all statements of a sentence hold; of one without any, the mean probability of its words.

    Args:
        log_probability: mean over the tokens, by the decoder.
        labels: the study's 14 findings; what the reader has decided is sure.
    """
    stated = statements(text)
    if not stated:
        return min(1.0, math.exp(log_probability))
    there = {name: finding.held for name, finding in labels.items()}
    return math.prod(there[name] if present else 1 - there[name] for name, present in sorted(stated))
