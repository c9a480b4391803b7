"""Which sentences of a draft the reference contradicts, and which findings it misses: used by several benchmarks.

The reference *has* a finding where CheXbert's tag of its FINDINGS, or ``wetread label`` on the whole report, says
positive; *may have* it where one of them says uncertain. A sentence is contradicted where it

* states a finding that the reference neither has nor may have, or one of a wholly normal reference;
* denies a finding that the reference has;
* calls a site normal (the lungs, the heart) where the reference has a finding, or says that nothing acute is there
  where it has an acute one;
* names another side or level than the reference does (``wetread.metrics.consistency``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wetread.confidence import NO_FINDING, statements
from wetread.data.manifest import ManifestStudy
from wetread.metrics.consistency import compare
from wetread.report.labeler import label, label_spans
from wetread.report.sites import LABEL_SITES


@dataclass(frozen=True)
class Reference:
    """What a radiologist's report holds.

    ``has``, ``may``: these of 13 labels; ``other``: an abnormality outside of them; ``normal``: nothing at all.
    """

    text: str
    has: frozenset[str]
    may: frozenset[str]
    other: bool
    normal: bool

    @classmethod
    def of(cls, row: ManifestStudy) -> Reference:
        text = " ".join(filter(None, (row.findings, row.impression)))
        tags: Mapping[str, str | None] = row.labels or {}
        own = label(text, "plain")
        has = {n for n in LABEL_SITES if "positive" in (tags.get(n), own[n])}
        may = {n for n in LABEL_SITES if "uncertain" in (tags.get(n), own[n])}
        normal = tags.get(NO_FINDING) == "positive" and own[NO_FINDING] == "positive"
        return cls(text, frozenset(has), frozenset(may - has), _other(text) and not normal, normal)


def contradictions(sentence: str, reference: Reference) -> list[str]:
    """Why a sentence of a draft is contradicted, in words; empty where it is not."""
    why = []
    for name, present in sorted(statements(sentence)):
        if name == NO_FINDING:
            if reference.normal:
                why.append("the reference is wholly normal")
        elif present and name not in reference.has | reference.may:
            why.append(f"the reference has no {name}")
        elif not present and name in reference.has:
            why.append(f"the reference has {name}")
    other = compare(reference.text, sentence).contradictions
    return why + [f"the {c.kind} of {c.label} differs" for c in other if c.kind in ("side", "level")]


def _other(text: str) -> bool:
    return any(m.label == NO_FINDING and m.state == "negative" for m in label_spans(text))


def missed(draft: str, reference: Reference) -> list[str]:
    """Findings that the reference has and the draft does not state."""
    said = {m.label for m in label_spans(draft) if m.state != "negative"}
    other = ["an abnormality outside the 14 labels"] if reference.other and not _other(draft) else []
    return sorted(reference.has - said) + other
