"""Films for the viewer: raw values, what a viewer must know of them, thumbnails; made once and cached by content."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wetread.errors import InputError
from wetread.image.film import RawFilm, raw_film
from wetread.room.files import BlobStore
from wetread.room.store import Film, Store

__all__ = ["RAW", "THUMBNAIL", "describe", "prepare"]

RAW, THUMBNAIL = ".u16", ".png"
_THUMBNAIL_SIDE = 256
_FRONTAL = {"AP", "PA"}
_LATERAL = {"LL", "RL", "LATERAL", "LAT"}
#: A patient direction (PS3.3 C.7.6.1.1.1) and its opposite.
_OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}


def _shown(film: RawFilm) -> np.ndarray:
    """8-bit picture of the default window (PS3.3 C.11.2.1.2)."""
    values = film.values.astype(np.float32)
    if film.function == "LINEAR":
        grey = (values - (film.center - 0.5)) / max(film.width - 1, 1) + 0.5
    else:
        grey = (values - film.center) / max(film.width, 1e-6) + 0.5
    grey = np.clip(grey, 0, 1)
    return np.rint((1 - grey if film.invert else grey) * 255).astype(np.uint8)


def _thumbnail(film: RawFilm) -> bytes:
    step = max(1, max(film.values.shape) // (2 * _THUMBNAIL_SIDE))
    picture = Image.fromarray(_shown(film)[::step, ::step])
    picture.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _borders(orientation: str) -> dict[str, str] | None:
    """Letters at the four borders, by Patient Orientation: direction of the rows, then of the columns."""
    parts = orientation.upper().split("\\")
    if len(parts) != 2 or parts[0][:1] not in _OPPOSITE or parts[1][:1] not in _OPPOSITE:
        return None
    right, bottom = parts[0][0], parts[1][0]
    return {"left": _OPPOSITE[right], "right": right, "top": _OPPOSITE[bottom], "bottom": bottom}


def _projection(banner: dict[str, str]) -> str:
    position = banner.get("ViewPosition", "").strip().upper()
    return "frontal" if position in _FRONTAL else "lateral" if position in _LATERAL else "unknown"


def _meta(film: RawFilm) -> dict[str, Any]:
    low, high = int(film.values.min()), int(film.values.max())
    banner = {k: str(v)[:200] for k, v in film.banner.items()}
    orientation = banner.get("PatientOrientation", "")
    spread = max(float(high - low), 1.0)
    presets = [
        {"name": "Default", "center": film.center, "width": film.width},
        {"name": "Full", "center": (low + high) / 2, "width": spread},
        {"name": "Lung", "center": film.center, "width": film.width * 0.6},
        {
            "name": "Bone",
            "center": film.center + film.width * (-0.15 if film.invert else 0.15),
            "width": film.width * 0.7,
        },
    ]
    return {
        "rows": int(film.values.shape[0]),
        "columns": int(film.values.shape[1]),
        "bits": max(high.bit_length(), 1),
        "minimum": low,
        "maximum": high,
        "window": {"center": film.center, "width": film.width, "function": film.function},
        "presets": presets,
        "invert": film.invert,
        "slope": film.slope,
        "intercept": film.intercept,
        "spacing": None
        if film.spacing is None
        else {"row": film.spacing[0], "column": film.spacing[1], "kind": film.spacing_at},
        "orientation": _borders(orientation),
        "patient_orientation": orientation.split("\\") if orientation else None,
        "laterality": banner.get("ImageLaterality") or None,
        "projection": _projection(banner),
        "warnings": [],
    }


def prepare(store: Store, blobs: BlobStore, cache: BlobStore, film: Film) -> Film:
    """Decode a film once: raw values and thumbnail into the cache, what the viewer needs into its row.

    Raises InputError where it cannot be read, OutsideError where the cache cannot be written.
    """
    raw = cache.root / film.sha256[:2] / f"{film.sha256}{RAW}"
    if film.meta is not None and raw.exists():
        return film
    try:
        decoded = raw_film(blobs.path(film.sha256))
    except InputError as error:
        raise InputError(named(str(error), film)) from error
    cache.write(film.sha256, THUMBNAIL, _thumbnail(decoded))
    cache.write(film.sha256, RAW, decoded.values.astype("<u2").tobytes())
    if film.meta is None:
        with store.write() as session:
            row = session.get(Film, film.id, with_for_update=True)
            if row is not None and row.meta is None:
                row.meta = _meta(decoded)
            return row or film
    return film


def named(message: str, film: Film) -> str:
    """A message about a stored film with the name that its sender gave it."""
    return message.replace(film.sha256, film.name)


def cached(cache: BlobStore, film: Film, suffix: str) -> Path:
    """Where a derived file of the film lies."""
    return cache.root / film.sha256[:2] / f"{film.sha256}{suffix}"


def describe(film: Film, index: int) -> dict[str, Any]:
    """The film as the interface gives it; ``rows`` is 0 until it was decoded."""
    unknown: dict[str, Any] = {
        "rows": 0, "columns": 0, "bits": 0, "minimum": 0, "maximum": 0, "window": None, "presets": [], "invert": False,
        "slope": 1.0, "intercept": 0.0, "spacing": None, "orientation": None, "patient_orientation": None,
        "laterality": None, "projection": "unknown", "warnings": [],
    }  # fmt: skip
    return {
        "id": film.id,
        "index": index,
        "name": film.name,
        **(film.meta or unknown),
        "pixels": f"/api/films/{film.id}/pixels",
        "thumbnail": f"/api/films/{film.id}/thumbnail",
    }
