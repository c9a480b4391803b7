"""wetread drafts the radiology report of a chest X-ray. Research use; not a medical device.

import wetread
draft = wetread.load().draft(["film.dcm"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wetread._version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from wetread.draft import Drafter

__all__ = ["__version__", "load"]


def load(model: str | Path | None = None) -> Drafter:
    """Load a bundle (the shipped one by default) and return its drafter.

    Raises:
        BundleError: the bundle is absent, damaged or of another version.
    """
    from wetread.draft import Drafter

    return Drafter.load(model)
