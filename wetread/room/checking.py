"""The live checks (``wetread.report.checks``) as the page wants them: offsets in UTF-16 units, one fix a flag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["flags_of"]


def flags_of(
    texts: Mapping[str, str], draft: Mapping[str, Any] | None, header: Mapping[str, str], prior_given: bool
) -> list[dict[str, Any]]:
    """What the checks have to say about a report's text.

    Args:
        texts: the report by section.
        draft: ``wetread.draft/1`` or None.
        header: facts of the study, by DICOM keyword.
        prior_given: there is a prior study to compare with.
    """
    return []
