"""Checks of a report: contradictions, omissions, inventions, debris; critical results; and the repair of a draft."""

from __future__ import annotations

from wetread.report.checks.critical import critical_results
from wetread.report.checks.engine import check, check_text, prior_known
from wetread.report.checks.flags import CODES, Flag, Place, Severity
from wetread.report.checks.mend import Repaired, repair_report

__all__ = [
    "CODES",
    "Flag",
    "Place",
    "Repaired",
    "Severity",
    "check",
    "check_text",
    "critical_results",
    "prior_known",
    "repair_report",
]
