"""Do the heat maps point to what their sentences name?

    python benchmarks/ground.py --manifest MANIFEST [--bundle BUNDLE] [--shared ../shared] [--drafts FILE]

On val: the side and the zone that a reference's statement names beside where its label's map lies, with those words
withheld; the part of the chest where a label shows; deletion and insertion; shifted films. On ChestX-ray14's films: the
radiologists' boxes. Intervals are 95 %, by bootstrap over studies (films).
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command import command
from PIL import Image, ImageFilter
from tqdm import tqdm

from wetread.data.manifest import ManifestStudy, read_manifest
from wetread.draft import Drafter
from wetread.ground import box_of, evidence_of, frames_of, heat_map, in_zones
from wetread.image.thorax import Frame, place
from wetread.image.transforms import RASTER, to_input
from wetread.model.bundle import Bundle
from wetread.model.detector import chances
from wetread.model.runtime import OnnxDetector, OnnxFilmReader, label_places, scaled_cells
from wetread.model.zones import zone_chances, zone_means
from wetread.report.labeler import label_spans
from wetread.types import LABELS, Box, Study, View

GRID = 28
N = len(LABELS)
LOW, HIGH = ("lower", "base", "costophrenic", "retrocardiac", "lingula"), ("upper", "apex")
#: Where a label shows, in the words of ``image.thorax``.
PARTS = {
    "Cardiomegaly": "heart",
    "Enlarged Cardiomediastinum": "mediastinum",
    "Pleural Effusion": "lower",
    "Atelectasis": "lungs",
    "Lung Opacity": "lungs",
    "Lung Lesion": "lungs",
    "Support Devices": "chest",
}


@dataclass(frozen=True)
class Film:
    """A frontal film as drafted: label maps (14, 14, 14) in standard deviations, logits (14,), frame, zones (14, 3).

    ``spots`` (1, K, 64, 64): the detector's chances, if there is one.
    """

    view: View
    maps: np.ndarray
    logits: np.ndarray
    lateral: bool
    frame: Frame
    zones: np.ndarray | None = None
    spots: np.ndarray | None = None

    def heat(self, label: str, part: np.ndarray | None = None) -> np.ndarray:
        """The label's own heat, without any words; within a part of the mean film, or anywhere."""
        where = np.ones((GRID, GRID), np.float32) if part is None else self.frame.onto_film(part)
        return heat_map(self.maps[LABELS.index(label)], where)

    def zoned(self, label: str, zones: np.ndarray | None = None) -> np.ndarray:
        """The label's heat moved to the likelier zone, of this film or as ``zones`` (14, 3) have it."""
        zones = self.zones if zones is None else zones
        heat = self.heat(label)
        return heat if zones is None else in_zones(heat, zones[LABELS.index(label)], self.frame, False)

    def share(self, heat: np.ndarray, name: str) -> float:
        """The share of the heat's mass in a part of this film's chest."""
        return float((heat * self.frame.onto_film(place(name, False, GRID))).sum() / heat.sum())


class Reader:
    """Films through the bundle's encoders."""

    def __init__(self, bundle: Bundle) -> None:
        self.arrays = bundle.arrays
        self.network = OnnxFilmReader(bundle, threads=1)
        self.detector = None if bundle.detector is None else OnnxDetector(bundle.detector, threads=1)

    def logits(self, films: np.ndarray) -> np.ndarray:
        """(B, S, S) inputs → (B, 14)."""
        return self.network(films[:, None].astype(np.float32)).logits[:, :N]

    def film(self, pixels: np.ndarray) -> Film:
        view = View("film", pixels)
        seen = self.network(to_input(pixels, self.network.size)[None, None])
        lateral = seen.lateral > 0
        frame = frames_of([view], lateral, self.arrays)[0]
        zones = None
        if "zone_weight" in self.arrays:
            zones = zone_chances(zone_means(scaled_cells(seen.maps, self.arrays)[0], frame), self.arrays)
        maps = label_places(seen, lateral, self.arrays)[0]
        spots = None if self.detector is None else chances(self.detector(to_input(pixels, RASTER)[None, None]).spots)
        return Film(view, maps, seen.logits[0, :N], bool(lateral[0]), frame, zones, spots)


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), np.float32) / 255


@dataclass(frozen=True)
class Statement:
    study: int
    label: str
    side: str | None
    zone: str | None


def statements(rows: Sequence[ManifestStudy]) -> list[Statement]:
    """What the reports say is there, once a study."""
    found = {}
    for i, row in enumerate(rows):
        for text in (row.findings, row.impression):
            for m in label_spans(text or ""):
                if m.state == "positive" and m.label != "No Finding":
                    found[Statement(i, m.label, m.side, m.zone)] = None
    return list(found)


def frontal(row: ManifestStudy) -> Path | None:
    return next((v.path for v in row.views if v.projection == "frontal"), None)


def interval(values: Sequence[float], groups: Sequence[int], draws: int = 2000) -> tuple[float, float]:
    """Of the mean, drawing whole groups."""
    values, groups = np.asarray(values, float), np.asarray(groups)
    _, index = np.unique(groups, return_inverse=True)
    total = np.bincount(index, values)
    count = np.bincount(index)
    pick = np.random.default_rng(0).integers(0, len(total), (draws, len(total)))
    low, high = np.percentile(total[pick].sum(1) / count[pick].sum(1), (2.5, 97.5))
    return float(low), float(high)


def said(values: Sequence[float], groups: Sequence[int]) -> str:
    low, high = interval(values, groups)
    return f"{np.mean(values):.2f} ({low:.2f} to {high:.2f})"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join(lines + [f"| {' | '.join(str(v) for v in row)} |" for row in rows])


def right_of(film: Film, heat: np.ndarray) -> bool:
    return film.share(heat, "right") > film.share(heat, "left")


def sides(told: Sequence[Statement], films: Mapping[int, Film]) -> str:
    """Right or left: the map's larger half beside the side that the statement names."""
    told = [t for t in told if t.side in ("right", "left") and t.study in films]
    rng = np.random.default_rng(0)
    rows = []
    groups: dict[str, list[Statement]] = {"all": told}
    for t in told:
        groups.setdefault(t.label, []).append(t)
    for name, own in sorted(groups.items(), key=lambda kv: -len(kv[1])):
        if len(own) < 5:
            continue
        study = [t.study for t in own]
        hits = [right_of(films[t.study], films[t.study].heat(t.label)) == (t.side == "right") for t in own]
        others = [films[k] for k in rng.choice(list(films), len(own))]
        foreign = [right_of(o, o.heat(t.label)) == (t.side == "right") for t, o in zip(own, others, strict=True)]
        right = np.mean([t.side == "right" for t in own])
        rows.append((name, len(own), said(hits, study), f"{np.mean(foreign):.2f}", f"{max(right, 1 - right):.2f}"))
    return table(("label", "statements", "map's side is the named one", "another film's map", "commoner side"), rows)


def zones(told: Sequence[Statement], films: Mapping[int, Film]) -> str:
    """Upper or lower: the density in the lungs' lower and upper zone beside the zone that is named."""
    told = [t for t in told if t.zone in LOW + HIGH and t.study in films]
    rng = np.random.default_rng(0)
    rows = []
    for name, words in (("lower (base, angle, behind the heart)", LOW), ("upper (apex)", HIGH)):
        own = [t for t in told if t.zone in words]
        hits: dict[str, list[bool]] = {}
        for t in own:
            film, other = films[t.study], films[int(rng.choice(list(films)))]
            heats = {
                "map in the likelier zone": film.zoned(t.label),
                "label's own map": film.heat(t.label),
                "zone of another film, same label": film.zoned(t.label, other.zones),
            }
            for way, heat in heats.items():
                hits.setdefault(way, []).append((_lower(film, heat) > 1) == (words is LOW))
        rows += [
            (name if not i else "", len(own), way, said(v, [t.study for t in own]))
            for i, (way, v) in enumerate(hits.items())
        ]
    return table(("zone named", "statements", "method (chance .50)", "denser in the named zone"), rows)


def _lower(film: Film, heat: np.ndarray) -> float:
    """Density of the heat in the lungs' lower zone over that in the upper one."""
    inside = film.frame.onto_film(place("lungs", False, GRID))
    low, high = (film.share(heat * inside, z) / max(film.share(inside, z), 1e-6) for z in ("lower", "upper"))
    return low / max(high, 1e-9)


def parts(told: Sequence[Statement], films: Mapping[int, Film]) -> str:
    """The share of the bare map's mass in the part where the label shows, beside the part's share of the film."""
    rows = []
    flat = np.ones((GRID, GRID), np.float32)
    for label, name in PARTS.items():
        own = sorted({t.study for t in told if t.label == label and t.study in films})
        if len(own) < 5:
            continue
        bare = [films[i].share(films[i].heat(label), name) for i in own]
        even = [films[i].share(flat, name) for i in own]
        top = [
            films[i].frame.onto_film(place(name, False, GRID)).flat[films[i].heat(label).argmax()] > 0.5 for i in own
        ]
        rows.append((label, name, len(own), said(bare, own), f"{np.mean(even):.2f}", said(top, own)))
    head = ("label", "part", "films", "mass of the map in it", "share of the film", "peak in it")
    return table(head, rows)


#: Shares of the film that are blurred away or brought back.
STEPS = (0.1, 0.2, 0.35)
#: In whose order; the first is judged, the others are its chance.
ORDERS = ("the map", "a patch as large elsewhere in the chest", "random cells", "another film's map")


def orders(film: Film, other: Film, label: str, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """(size, size) each, higher first: the map, a disc about a random place of the chest, noise, another film's map."""
    chest = film.frame.onto_film(place("chest", False, GRID))
    inside = np.argwhere(chest > 0.5)
    y, x = inside[rng.integers(len(inside))] if len(inside) else (GRID // 2, GRID // 2)
    rows, columns = np.mgrid[:GRID, :GRID]
    near = -np.hypot(rows - y, columns - x)
    noise = np.kron(rng.random((14, 14)), np.ones((2, 2)))
    return [_smooth(v, size) for v in (film.heat(label), near, noise, other.heat(label))]


def _smooth(values: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize((size, size), Image.Resampling.BICUBIC))


def feathered(order: np.ndarray, share: float) -> np.ndarray:
    """The mask in [0, 1] of the ``share`` of pixels that come first, its edge softened over some eight pixels."""
    mask = (order >= np.quantile(order, 1 - share)).astype(np.uint8) * 255
    return np.asarray(Image.fromarray(mask).filter(ImageFilter.GaussianBlur(4)), np.float32) / 255


def curves(told: Sequence[Statement], films: Mapping[int, Film], reader: Reader, limit: int) -> str:
    """Deletion and insertion as in RISE (Petsiuk et al., BMVC 2018): into and out of the blurred film.

    The pixels come in the order of a smooth map, so that what is blurred or brought back is a patch and not a scatter;
    the fair chance is a patch as large in another place of the chest.
    """
    pairs = list(dict.fromkeys((t.study, t.label) for t in told if t.study in films))
    rng = np.random.default_rng(0)
    pairs = [pairs[i] for i in sorted(rng.permutation(len(pairs))[:limit])]
    size = reader.network.size
    found = []
    for study, label in tqdm(pairs, desc="deletion", unit="film"):
        film = films[study]
        picture = to_input(film.view.pixels, size)
        grey = Image.fromarray((255 * picture).astype(np.uint8)).filter(ImageFilter.GaussianBlur(size / 22))
        empty = np.asarray(grey, np.float32) / 255
        other = films[int(rng.choice([i for i in films if i != study]))]
        batch = []
        for order in orders(film, other, label, size, rng):
            for step in STEPS:
                mask = feathered(order, step)
                batch += [picture * (1 - mask) + empty * mask, empty * (1 - mask) + picture * mask]
        logit = reader.logits(np.stack(batch))[:, LABELS.index(label)]
        found.append(logit.reshape(len(ORDERS), len(STEPS), 2).mean(1))
    values, study = np.array(found), [s for s, _ in pairs]
    rows = []
    for k, way in enumerate(("deletion", "insertion")):
        for o in range(1, len(ORDERS)):
            gap = values[:, 0, k] - values[:, o, k]
            better = np.mean((gap > 0) == (way == "insertion"))
            rows.append((way, ORDERS[o], len(pairs), said(gap.tolist(), study), f"{better:.2f}"))
    head = ("curve", "beside", "maps", "difference in logit", "maps that are better")
    return table(head, rows)


def drafted_sides(rows: Sequence[ManifestStudy], path: Path) -> str:
    """Of what our drafts put on a side: how often the reference puts that label there, or on the other side."""
    known = {row.study_id: row for row in rows}
    tally: dict[str, list[tuple[str, int, str, str]]] = {"all": []}
    for i, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        draft = json.loads(line)
        row = known.get(draft.get("study_id"))
        if row is None or "sentences" not in draft:
            continue
        told = label_spans(f"{row.findings or ''}\n\n{row.impression or ''}")
        mine = label_spans(f"{draft['findings']}\n\n{draft['impression']}")
        for label, side in dict.fromkeys((m.label, m.side) for m in mine if m.state == "positive"):
            if side not in ("left", "right"):
                continue
            there = [m for m in told if m.label == label and m.state != "negative"]
            sides = {m.side for m in there if m.side}
            kind = "absent" if not there else "no side" if not sides else "right" if side in sides else "wrong"
            if sides and (len(sides) > 1 or "bilateral" in sides):
                kind = "both"
            item = (kind, i, side, next(iter(sides), ""))
            tally["all"].append(item)
            tally.setdefault(label, []).append(item)
    out = []
    for label, items in sorted(tally.items(), key=lambda kv: -len(kv[1])):
        count = {k: sum(item[0] == k for item in items) for k in ("right", "wrong", "both", "no side", "absent")}
        placed = [item for item in items if item[0] in ("right", "wrong")]
        share = said([item[0] == "right" for item in placed], [item[1] for item in placed]) if placed else "none"
        # Chance: our sides and the reference's, drawn from their own shares.
        mine_left, ref_left = (np.mean([item[k] == "left" for item in placed]) if placed else 0 for k in (2, 3))
        chance = f"{mine_left * ref_left + (1 - mine_left) * (1 - ref_left):.2f}" if placed else ""
        out.append((label, len(items), count["absent"], count["no side"], count["both"], len(placed), share, chance))
    head = (
        "label",
        "with a side in drafts",
        "label not in the reference",
        "no side there",
        "both sides there",
        "one side there",
        "the same side",
        "chance",
    )
    return table(head, out)


SENTENCES = {
    "Lung Opacity": "There is a lung opacity.",
    "Atelectasis": "There is atelectasis.",
    "Cardiomegaly": "The heart is enlarged.",
    "Pneumothorax": "There is a pneumothorax.",
    "Lung Lesion": "There is a lung mass.",
    "Pneumonia": "There is pneumonia.",
}
OWN = {"Infiltrate": "Lung Opacity", "Mass": "Lung Lesion"}
LUNG = ("Pneumonia", "Infiltrate", "Atelectasis", "Mass")


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1))
    inter = max(width, 0) * max(height, 0)
    area = sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b))
    return inter / (area - inter)


@dataclass(frozen=True)
class Target:
    film: str
    patient: str
    label: str
    box: Box


def targets(folder: Path) -> Iterator[Target]:
    with (folder / "films.csv").open(newline="", encoding="utf-8") as file:
        patient = {row["filename"]: row["patient_id"] for row in csv.DictReader(file)}
    with (folder / "boxes.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            box = tuple(round(float(row[k])) for k in ("x0", "y0", "x1", "y1"))
            yield Target(row["filename"], patient[row["filename"]], row["label"], box)


def atlas(rows: Sequence[ManifestStudy], label: str, reader: Reader, films: int = 40) -> np.ndarray:
    """The mean heat of a label on the teachers' films that have it: one place for all films."""
    own = [row for row in rows if row.split == "train" and (row.labels or {}).get(label) == "positive" and frontal(row)]
    seen = [reader.film(pixels_of(frontal(row))) for row in own[:films]]
    return np.mean([film.heat(label) for film in seen], 0)


def boxes(rows: Sequence[ManifestStudy], shared: Path, reader: Reader) -> str:
    """The radiologists' boxes, with the sentence forced; beside chance, the part alone, and one box for all films."""
    from wetread.train.encode import fold_of

    items = list(targets(shared / "other_films"))
    films = {t.film: reader.film(pixels_of(shared / "other_films" / "nih14" / t.film)) for t in items}
    asked = [(t, "Lung Opacity") for t in items if t.label in LUNG]
    asked += [(t, OWN.get(t.label, t.label)) for t in items if t.label not in ("Infiltrate",)]
    fixed = {label: atlas(rows, label, reader) for label in dict.fromkeys(label for _, label in asked)}
    held = {t.film for t in items if fold_of(t.patient, 4) == 0}
    rng = np.random.default_rng(0)
    scored: dict[str, list[tuple[str, dict[str, tuple[float, float]]]]] = {}
    for target, label in asked:
        found = _box_scores(films[target.film], target.box, label, fixed[label], rng)
        lung = target.label in LUNG and label == "Lung Opacity"
        scored.setdefault("lung boxes as Lung Opacity" if lung else f"{target.label} as {label}", []).append(
            (target.film, found)
        )
        if lung and target.film in held:
            scored.setdefault("of these, patients never seen", []).append((target.film, found))
    names = [t.film for t in items]
    out = []
    for name, own in scored.items():
        group = [names.index(film) for film, _ in own]
        for method in own[0][1]:
            values = [found[method] for _, found in own]
            if len(own) < 4:
                point, iou = (f"{np.mean([v[k] for v in values]):.2f}" for k in (0, 1))
            else:
                point, iou = (said([v[k] for v in values], group) for k in (0, 1))
            out.append((name if method == "map" else "", len(own), method, point, iou))
    return table(("boxes", "n", "method", "peak in the box", "overlap (IoU)"), out)


def _box_scores(
    film: Film, box: Box, label: str, fixed: np.ndarray, rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """(pointing, overlap) of each method on one box."""
    _, evidence, heats = evidence_of(
        SENTENCES[label], [film.view], film.maps[None], np.array([film.lateral]), [film.frame], film.zones, film.spots
    )
    flat = evidence_of(
        SENTENCES[label], [film.view], np.zeros_like(film.maps[None]), np.array([film.lateral]), [film.frame]
    )

    def pointed(heat: np.ndarray) -> float:
        top = np.argwhere(heat >= heat.max() - 1e-6)
        x, y = (top[:, 1] + 0.5) * 256 / heat.shape[1], (top[:, 0] + 0.5) * 256 / heat.shape[0]
        return float(np.mean((box[0] <= x) & (x < box[2]) & (box[1] <= y) & (y < box[3])))

    own = evidence[0].box
    width, height = own[2] - own[0], own[3] - own[1]
    chance = []
    for _ in range(200):
        x, y = rng.integers(0, 257 - width), rng.integers(0, 257 - height)
        chance.append(overlap((x, y, x + width, y + height), box))
    return {
        "map": (pointed(heats[0].values), max(overlap(e.box, box) for e in evidence)),
        "random place": ((box[2] - box[0]) * (box[3] - box[1]) / 256**2, float(np.mean(chance))),
        "part of the chest alone": (pointed(flat[2][0].values), max(overlap(e.box, box) for e in flat[1])),
        "fixed box from train": (pointed(fixed), overlap(box_of(fixed, 256, 256), box)),
    }


def shifts(films: Mapping[int, Film], reader: Reader, limit: int) -> str:
    """Shift the film by a tenth (its edge repeated): how far do the boxes of three sentences move?"""
    sentences = ("There is a lung opacity.", "The heart is not enlarged.", "No pleural effusion.")
    moved: dict[str, list[tuple[int, float, float]]] = {s: [] for s in sentences}
    chosen = np.random.default_rng(0).permutation(list(films))[:limit]
    for study in tqdm(chosen, desc="shift", unit="film"):
        before = films[study]
        rows, columns = before.view.pixels.shape
        for dx, dy in ((0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1)):
            x, y = round(dx * columns), round(dy * rows)
            wide = np.pad(before.view.pixels, ((abs(y),) * 2, (abs(x),) * 2), mode="edge")
            after = reader.film(wide[abs(y) - y : abs(y) - y + rows, abs(x) - x : abs(x) - x + columns])
            for text in sentences:
                a, b = (
                    np.mean([e.box for e in _evidence(f, text)], 0).reshape(2, 2).mean(0) / (columns, rows)
                    for f in (before, after)
                )
                along = float(np.dot(b - a, (dx, dy)) / 0.1)
                moved[text].append((int(study), along, float(np.abs(b - a - (dx, dy)).max() <= 0.04)))
    out = []
    for text, values in moved.items():
        study, along, near = zip(*values, strict=True)
        quarter = np.percentile(along, (25, 50, 75))
        out.append((text, len(values), f"{quarter[1]:.3f} ({quarter[0]:.3f} to {quarter[2]:.3f})", said(near, study)))
    return table(("sentence", "shifts", "median way of the box (quartiles)", "within .04 of the shift"), out)


def _evidence(film: Film, text: str) -> Sequence:
    return evidence_of(
        text, [film.view], film.maps[None], np.array([film.lateral]), [film.frame], film.zones, film.spots
    )[1]


def cost(film: Film, bundle: Path | None, repeats: int = 10) -> str:
    """Processor time of grounding the draft of two films beside that of the whole draft."""
    drafter = Drafter.load(bundle, threads=1)
    pixels = np.asarray(Image.fromarray(film.view.pixels).resize((2048, 2500)), np.float32)
    study = Study("study", (View("a", pixels), View("b", pixels[::-1, ::-1].copy())))
    drafted = drafter.draft(study)
    lateral = np.array([False, True])
    maps = np.stack([film.maps] * 2)
    spots = None if film.spots is None else np.concatenate([film.spots] * 2)

    def ground() -> None:
        frames = frames_of(study.views, lateral, drafter.bundle.arrays)
        for sentence in drafted.sentences:
            evidence_of(sentence.text, study.views, maps, lateral, frames, film.zones, spots)

    def spent(run: Callable[[], object]) -> float:
        run()
        times = []
        for _ in range(repeats):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
        return float(np.median(times))

    share = spent(ground) / spent(lambda: drafter.draft(study))
    return (
        f"Cost: grounding the {len(drafted.sentences)} sentences of a draft on two films of 2500×2048 is {share:.0%}\n"
        "of the draft's processor time on one thread."
    )


def report(args: argparse.Namespace) -> str:
    rows = read_manifest(args.manifest)
    val = [row for row in rows if row.split == "val"]
    told = statements(val)
    reader = Reader(Bundle.load(args.bundle))
    films: dict[int, Film] = {}
    for i in tqdm(sorted({t.study for t in told}), desc="films", unit="film"):
        path = frontal(val[i])
        if path:
            film = reader.film(pixels_of(path))
            if not film.lateral:
                films[i] = film
    told_films = f"{len(told)} statements of the val references\nabout what is there, {len(films)} frontal films"
    pieces = [
        f"{told_films}. In these tables the map does not know the words of side and zone\n"
        "(a drafted sentence that names them is held to them). Intervals: 95 %, bootstrap over studies.",
        "**Side.** Half of the chest (on this film) that holds more of the label's map.\n\n" + sides(told, films),
        "**Zone.** Density within the lungs, relative to an even map. The label alone tells a zone in part: the last\n"
        "method is its chance.\n\n" + zones(told, films),
        "**Part.** The bare map, without the prior of the part.\n\n" + parts(told, films),
        "**Deletion and insertion** (RISE: out of and into the blurred film). The label's logit, mean over 10, 20 and\n"
        "35 % of the film, in the order of the map less that in another order.\n\n"
        + curves(told, films, reader, args.curves),
        "**Shift by a tenth.** The box's way along the shift, in sides of the film (0.1 were right).\n\n"
        + shifts(films, reader, args.shifts),
        cost(next(iter(films.values())), args.bundle),
    ]
    if args.drafts:
        pieces.insert(
            2,
            "**Sides in our own drafts.** What the drafts put on a side, beside the reference of the same study.\n\n"
            + drafted_sides(val, args.drafts),
        )
    if (args.shared / "other_films" / "boxes.csv").exists():
        text = boxes(rows, args.shared, reader)
        pieces.insert(
            -1,
            "**Radiologists' boxes** (ChestX-ray14, sentence forced). Three of four patients were in a warm-up on\n"
            "image-level labels; no box was ever trained on. Fixed box: the mean map of up to 40 train films.\n\n"
            + text,
        )
    return "\n\n".join(pieces)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--drafts", type=Path, metavar="FILE", help="drafts of val as JSON lines: their sides, too")
    parser.add_argument("--curves", type=int, default=30, help="maps that are deleted and inserted")
    parser.add_argument("--shifts", type=int, default=15, help="films that are shifted")
    args = parser.parse_args()
    print(report(args))


if __name__ == "__main__":
    command(main)
