"""Drawings of a chest with reports of our own: a tiny collection in the layout of ``wetread data prepare folder``.

    python runs/tiny_data.py DEST

What a drawing shows (a large heart, fluid, a device) is what its report says, so that an experiment has something to
learn. No drawing is a radiograph.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

STUDIES, VAL = 36, 9
NORMAL = (
    "The heart is of ordinary size.",
    "The lungs are clear.",
    "No pleural effusion.",
    "No pneumothorax.",
)


def draw(rng: np.random.Generator, lateral: bool, large_heart: bool, effusion: bool, device: bool) -> Image.Image:
    """A 256×256 grey drawing."""
    film = Image.new("L", (256, 256), 30)
    pen = ImageDraw.Draw(film)
    dx, dy = (int(v) for v in rng.integers(-6, 7, 2))
    pen.ellipse((20 + dx, 10 + dy, 236 + dx, 290 + dy), fill=150)
    lungs = ((70, 50, 190, 210),) if lateral else ((45, 40, 115, 205), (141, 40, 211, 205))
    for x0, y0, x1, y1 in lungs:
        pen.ellipse((x0 + dx, y0 + dy, x1 + dx, y1 + dy), fill=60)
    width = 62 if large_heart else 38
    pen.ellipse((140 - width + dx, 130 + dy, 150 + width + dx, 205 + dy), fill=190)
    if effusion:
        pen.rectangle((141 + dx, 170 + dy, 211 + dx, 210 + dy), fill=185)
    if device:
        pen.rectangle((60 + dx, 60 + dy, 84 + dx, 84 + dy), fill=250)
    film = film.filter(ImageFilter.GaussianBlur(2))
    noise = rng.normal(0, 4, (256, 256))
    return Image.fromarray(np.clip(np.asarray(film) + noise, 0, 255).astype(np.uint8))


def report(large_heart: bool, effusion: bool, device: bool) -> tuple[str, str]:
    """FINDINGS and IMPRESSION of a drawing."""
    sentences = [
        "The heart is enlarged." if large_heart else NORMAL[0],
        NORMAL[1],
        "There is a small left pleural effusion." if effusion else NORMAL[2],
        NORMAL[3],
    ]
    if device:
        sentences.append("A pacemaker is in place.")
    told = [w for w, on in (("Cardiomegaly.", large_heart), ("Left pleural effusion.", effusion)) if on]
    return " ".join(sentences), " ".join(told) or "No acute abnormality."


def main(dest: Path) -> None:
    rng = np.random.default_rng(7)
    rows = []
    for number in range(STUDIES):
        large_heart, effusion, device = (bool(v) for v in rng.random(3) < 0.4)
        folder = dest / f"study{number:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, lateral in (("frontal", False), ("lateral", True)):
            draw(rng, lateral, large_heart, effusion, device).save(folder / f"{name}.png")
        findings, impression = report(large_heart, effusion, device)
        split = "val" if number < VAL else "train"
        indication = "Pacemaker check." if device else "Cough."
        rows.append([folder.name, split, indication, findings, impression])
    with (dest / "reports.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["study_id", "split", "indication", "findings", "impression"])
        writer.writerows(rows)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python runs/tiny_data.py DEST")
    main(Path(sys.argv[1]))
