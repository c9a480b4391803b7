"""The evidence picture: the film at its own aspect ratio, the report beside it, each sentence tied to its region."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wetread.ground import HeatMap
from wetread.types import DOUBTFUL_BELOW, Draft, Finding, Sentence, Study, View

__all__ = ["evidence_picture", "heat_overlay", "save_picture"]

NOTICE = "Research use; not a medical device."
_HEIGHT, _MARGIN, _TEXT_WIDTH = 880, 28, 620
_GROUND, _INK, _FAINT, _RULE = (16, 18, 22), (232, 234, 237), (150, 156, 166), (54, 59, 68)
_DOUBT = (180, 140, 255)
#: Colours of sentences that were seen, told apart by hue and lightness (Okabe & Ito 2008).
_COLOURS = ((240, 180, 60), (86, 180, 233), (0, 190, 140), (230, 120, 90), (204, 121, 167), (240, 228, 66))
_STATE = {"positive": (240, 130, 90), "uncertain": (240, 200, 80), "negative": (110, 118, 130)}


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _film(view: View, height: int) -> Image.Image:
    width = max(1, round(height * view.columns / view.rows))
    low, high = np.percentile(view.pixels, (0.5, 99.5))
    grey = np.clip((view.pixels - low) / max(float(high - low), 1e-6), 0, 1)
    return (
        Image.fromarray((grey * 255).astype(np.uint8)).resize((width, height), Image.Resampling.LANCZOS).convert("RGB")
    )


def heat_overlay(view: View, heat: HeatMap, height: int) -> Image.Image:
    """The film with its heat map in amber, at the given height in pixels."""
    film = np.asarray(_film(view, height), dtype=np.float32)
    strength = heat.resized(film.shape[0], film.shape[1])[:, :, None] * 0.6
    return Image.fromarray((film * (1 - strength) + np.array((255, 150, 20)) * strength).astype(np.uint8))


#: Side of the number on a box, and from one number to the next where several sentences have the same place.
_TAG, _BESIDE = 24, 26


def _boxes(draw: ImageDraw.ImageDraw, left: int, top: int, scale: float, v: int, rows: Sequence[_Row]) -> None:
    tags: list[tuple[int, int]] = []
    for row in rows:
        for evidence in row.sentence.evidence:
            if evidence.view == v and row.number:
                x0, y0, x1, y1 = (round(value * scale) for value in evidence.box)
                draw.rectangle((left + x0, top + y0, left + x1, top + y1), outline=row.colour, width=3)
                x, y = left + x0, top + y0
                while any(abs(x - a) < _TAG and abs(y - b) < _TAG for a, b in tags):
                    x += _BESIDE
                tags.append((x, y))
                draw.rectangle((x, y, x + _TAG, y + _TAG), fill=row.colour)
                draw.text((x + _TAG // 2, y + _TAG // 2), str(row.number), fill=_GROUND, font=_font(16), anchor="mm")


class _Row:
    """A sentence of the picture: numbered and coloured where something was seen."""

    def __init__(self, sentence: Sentence, index: int, number: int) -> None:
        self.sentence, self.index, self.number = sentence, index, number
        self.colour = _COLOURS[(number - 1) % len(_COLOURS)] if number else _FAINT


def _rows(draft: Draft) -> list[_Row]:
    rows, number = [], 0
    for index, sentence in enumerate(draft.sentences):
        seen = any(e.kind == "seen" for e in sentence.evidence) and sentence.section == "findings"
        number += seen
        rows.append(_Row(sentence, index, number if seen else 0))
    return rows


def _report(draw: ImageDraw.ImageDraw, left: int, top: int, draft: Draft, rows: Sequence[_Row]) -> int:
    y = top
    for section in ("findings", "impression"):
        own = [row for row in rows if row.sentence.section == section]
        draw.text((left, y), section.upper(), fill=_FAINT, font=_font(15))
        if section == "findings" and any(row.sentence.doubtful for row in rows):
            note = f"confidence where it is below {DOUBTFUL_BELOW}"
            draw.text((left + 120, y), note, fill=_DOUBT, font=_font(15))
        y += 28
        for row in own:
            indent = 34
            if row.number:
                draw.rectangle((left, y, left + 22, y + 22), fill=row.colour)
                draw.text((left + 11, y + 11), str(row.number), fill=_GROUND, font=_font(15), anchor="mm")
            for line in textwrap.wrap(row.sentence.text, 62):
                draw.text((left + indent, y), line, fill=_INK, font=_font(18))
                end = left + indent + draw.textlength(line, font=_font(18))
                y += 25
            if row.sentence.doubtful:
                draw.text((end + 10, y - 23), f"{row.sentence.confidence:.2f}", fill=_DOUBT, font=_font(15))
            y += 5
        y += 14
    return y


def _bars(draw: ImageDraw.ImageDraw, left: int, top: int, labels: dict[str, Finding]) -> int:
    draw.text((left, top), "FINDINGS, CALIBRATED PROBABILITY", fill=_FAINT, font=_font(15))
    y = top + 28
    ordered = sorted(labels.items(), key=lambda kv: -max(kv[1].probability, kv[1].held))[:8]
    for name, finding in ordered:
        colour = _STATE[finding.state]
        draw.text((left, y), name, fill=_INK, font=_font(15))
        x, width = left + 240, 240
        draw.rectangle((x, y + 3, x + width, y + 15), fill=_RULE)
        draw.rectangle((x, y + 3, x + round(width * finding.probability), y + 15), fill=colour)
        mark = x + round(width * finding.positive_from)
        draw.line((mark, y, mark, y + 18), fill=_INK, width=2)
        state = finding.state if finding.by_model is None else f"{finding.state} (reader)"
        draw.text((x + width + 12, y), f"{finding.probability:.2f}  {state}", fill=colour, font=_font(15))
        y += 23
    return y


def evidence_picture(
    study: Study, draft: Draft, heat: Sequence[Sequence[HeatMap]], height: int = _HEIGHT
) -> Image.Image:
    """Film(s) with numbered boxes, the report and the findings beside them, and a strip of heat maps below."""
    rows = _rows(draft)
    views = study.views[:2]
    films = [_film(view, height) for view in views]
    numbered = [row for row in rows if row.number][:5]
    shown = numbered or rows[:2]
    strip = 250
    films_width = sum(f.width for f in films) + _MARGIN * len(films)
    width = films_width + _TEXT_WIDTH + 2 * _MARGIN
    canvas = Image.new("RGB", (width, height + 3 * _MARGIN + strip + 70), _GROUND)
    draw = ImageDraw.Draw(canvas)
    left = _MARGIN
    for v, (view, film) in enumerate(zip(views, films, strict=True)):
        canvas.paste(film, (left, _MARGIN))
        _boxes(draw, left, _MARGIN, height / view.rows, v, numbered)
        left += film.width + _MARGIN
    below = _report(draw, left, _MARGIN, draft, rows)
    _bars(draw, left, below + 6, dict(draft.labels))
    x, y = _MARGIN, height + 2 * _MARGIN
    for row in shown:
        for h in heat[row.index][: len(views)]:
            small = heat_overlay(study.views[h.view], h, strip)
            if x + small.width > width - _MARGIN:
                break
            canvas.paste(small, (x, y))
            kind = f"{row.number}  seen" if row.number else "searched"
            draw.text((x, y + strip + 6), kind, fill=row.colour, font=_font(15))
            x += small.width + 12
    model = f"{draft.model.name} {draft.model.version}"
    foot = f"{NOTICE}   {model}   Draft: to be read beside the film, corrected and signed by a radiologist."
    draw.text((_MARGIN, canvas.height - _MARGIN), foot, fill=_FAINT, font=_font(15), anchor="ls")
    return canvas


def save_picture(folder: Path, name: str, study: Study, draft: Draft, heat: Sequence[Sequence[HeatMap]]) -> Path:
    """Write ``<name>.png`` into folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    evidence_picture(study, draft, heat).save(path, optimize=True)
    return path
