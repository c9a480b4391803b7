"""All checks of one report, in one pass over its sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wetread.report.checks.against import header_flags, label_flags, side_flags, view_flags
from wetread.report.checks.consistency import consistency_flags
from wetread.report.checks.critical import critical_flags
from wetread.report.checks.flags import Flag, in_order
from wetread.report.checks.statements import Sentence, labels_of, read, sentences_of
from wetread.report.checks.wording import comparison_flags, wording_flags
from wetread.types import Draft, Finding, Report

__all__ = ["check", "check_text", "prior_known"]

_NO_PRIOR = re.compile(r"\W*(?:$|none\b|no\b|not?\s+available|n/?a\b|nil\b|unavailable\b)", re.IGNORECASE)


def prior_known(comparison: str | None) -> bool | None:
    """Whether there was an earlier film, by what the comparison section says; None where there is no section."""
    return None if comparison is None else not _NO_PRIOR.match(comparison)


def check(
    report: Report,
    *,
    draft: Draft | None = None,
    header: Mapping[str, str] | None = None,
    prior_given: bool | None = None,
) -> list[Flag]:
    """What is wrong with a report, critical results first, then by severity and place.

    Args:
        report: FINDINGS and IMPRESSION as they are now: a draft's, or a person's edit of it.
        draft: what the model said about the same study: its labels, views and evidence are held against the text.
        header: the DICOM header's facts by keyword (``PatientSex``, ``PatientAge``, ``BodyPartExamined``).
        prior_given: whether an earlier film was there to compare with; None where that is not known.

    Returns:
        The flags; an empty list where nothing was found.
    """
    flags = check_text(
        report,
        labels=draft.labels if draft else None,
        views=draft.views if draft else (),
        header=header,
        prior_given=prior_given,
    )
    if draft:
        flags += side_flags(read(sentences_of(report)), draft.sentences, draft.views)
    return in_order(flags)


def check_text(
    report: Report,
    *,
    labels: Mapping[str, Finding] | None = None,
    views: Sequence[Mapping[str, Any]] = (),
    header: Mapping[str, str] | None = None,
    prior_given: bool | None = None,
    sentences: list[Sentence] | None = None,
) -> list[Flag]:
    """As ``check``, for a text whose draft is not built yet; a text with ``labels`` is a machine's.

    ``sentences`` are the report's, where they are known already.
    """
    drafted = labels is not None
    sentences = sentences_of(report) if sentences is None else sentences
    statements = read(sentences)
    flags = wording_flags(sentences, drafted=drafted)
    flags += comparison_flags(sentences, drafted=drafted, prior_given=prior_given)
    flags += consistency_flags(report, sentences, statements)
    flags += header_flags(sentences, header or {}, drafted=drafted)
    flags += view_flags(sentences, views, drafted=drafted)
    if labels is not None:
        flags += label_flags(report, labels_of(sentences), statements, labels)
    flags += critical_flags(sentences, statements)
    return in_order(flags)
