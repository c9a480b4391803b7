"""What is kept for the next time, in the user's cache folder: only ever a copy of what can be made again."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

__all__ = ["cache_folder", "read_cache", "write_cache"]


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/wetread``, by default ``~/.cache/wetread``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wetread"


def read_cache(name: str) -> dict[str, Any]:
    """The object of ``name``; empty where there is none or it is damaged."""
    try:
        value = json.loads((cache_folder() / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_cache(name: str, value: dict[str, Any]) -> None:
    """Keep an object, whole or not at all. A cache that cannot be written is a slower program, no error."""
    path = cache_folder() / name
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        part.replace(path)
