"""Does the rendering of a film change what is found in it?

    python benchmarks/robustness.py --manifest MANIFEST [--bundle BUNDLE] [--limit N] [--threads N] [--save FILE.npz]

Each film of val is written anew in every rendering, as a DICOM, PNG or JPEG file in a temporary folder, and read by the
ordinary pipeline: guard, onnxruntime, study fusion, thresholds. A state is kept where the label is positive, uncertain
or negative as it is in the original file. A study that is refused keeps none, and has an empty report. FINDINGS are
compared with the original file's, word for word, and with the reference (CIDEr, protocol ``r2gen``).

The films at hand are 8-bit JPEGs of 256×256. More depth is simulated: the grey value times 256 plus random low bits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command import command
from PIL import Image
from section import table
from tqdm import tqdm
from val_table import arguments

from wetread.data.manifest import ManifestStudy, read_manifest
from wetread.draft import Drafter
from wetread.errors import NotAChestFilm
from wetread.image.read import read_study
from wetread.metrics.nlg import corpus_scores
from wetread.metrics.protocols import R2GenProtocol, R2GenVocabulary
from wetread.model.department import COORDINATES
from wetread.model.findings import LEAST_UNCERTAIN
from wetread.train.calibrate import auroc
from wetread.types import LABELS

STATES = ("negative", "uncertain", "positive")
BAR = 0.95
DEPTH = 12  # bits of the simulated detector
TURN = 3.0  # degrees


def deeper(grey: np.ndarray, bits: int) -> np.ndarray:
    """8-bit grey values with random low bits, as a detector of more depth would give them."""
    spare = bits - 8
    noise = np.random.default_rng(int(grey.sum())).integers(0, 1 << spare, grey.shape)
    return ((grey.astype(np.uint16) << spare) + noise).astype(np.uint16)


def png(grey: np.ndarray, path: Path) -> Path:
    path = path.with_suffix(".png")
    Image.fromarray(grey).save(path, compress_level=1)
    return path


def dicom(values: np.ndarray, path: Path, photometric: str, window: tuple[float, float] | None = None) -> Path:
    """A DX film of ``DEPTH`` bits; window as shares of the full range."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.Modality, ds.BodyPartExamined = "DX", "CHEST"
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel, ds.PixelRepresentation, ds.PhotometricInterpretation = 1, 0, photometric
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, DEPTH, DEPTH - 1
    if window is not None:
        full = 1 << DEPTH
        ds.WindowCenter, ds.WindowWidth = round(window[0] * full), round(window[1] * full)
    ds.PixelData = values.astype("<u2").tobytes()
    path = path.with_suffix(".dcm")
    ds.save_as(path, enforce_file_format=True)
    return path


def jpeg(grey: np.ndarray, path: Path) -> Path:
    path = path.with_suffix(".jpg")
    Image.fromarray(grey).save(path, quality=75)
    return path


def bright(grey: np.ndarray, factor: float) -> np.ndarray:
    return np.rint(np.clip(grey * factor, 0, 255)).astype(np.uint8)


def resized(grey: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return np.asarray(Image.fromarray(grey).resize((columns, rows), Image.Resampling.BICUBIC))


def turned(grey: np.ndarray, path: Path) -> np.ndarray:
    """Turned about its middle, black outside; to the left or to the right by the name of the file."""
    angle = TURN if int.from_bytes(path.name.encode()) % 2 else -TURN
    return np.asarray(Image.fromarray(grey).rotate(angle, Image.Resampling.BICUBIC))


#: name → how a film (256, 256) uint8 is written to a path without suffix.
RENDERINGS: Mapping[str, Callable[[np.ndarray, Path], Path]] = {
    "16-bit PNG": lambda g, p: png(deeper(g, 16), p),
    "12-bit DICOM, MONOCHROME1": lambda g, p: dicom((1 << DEPTH) - 1 - deeper(g, DEPTH), p, "MONOCHROME1"),
    "window of 80 % of the range": lambda g, p: dicom(deeper(g, DEPTH), p, "MONOCHROME2", (0.5, 0.8)),
    "window of 150 % of the range": lambda g, p: dicom(deeper(g, DEPTH), p, "MONOCHROME2", (0.5, 1.5)),
    "brightness +10 %": lambda g, p: png(bright(g, 1.1), p),
    "brightness −10 %": lambda g, p: png(bright(g, 0.9), p),
    "resized to 200×200": lambda g, p: png(resized(g, 200, 200), p),
    "resized to 1200×1000": lambda g, p: png(resized(g, 1200, 1000), p),
    f"turned by {TURN:g}°": lambda g, p: png(turned(g, p), p),
    "JPEG, quality 75": jpeg,
}


@dataclass(frozen=True)
class Readings:
    """Of all studies: ``probability`` (N, 14), NaN where refused; ``state`` (N, 14) index of ``STATES``, −1 refused.

    ``department`` (N, S): whose words it would be written in (``model.department``), NaN where refused. ``findings``
    (N): that section of the draft.
    """

    probability: np.ndarray
    state: np.ndarray
    department: np.ndarray
    findings: Sequence[str]


def readings(drafter: Drafter, studies: Sequence[Sequence[Path]], name: str) -> Readings:
    """What the pipeline finds in each study, given by its files."""
    probability = np.full((len(studies), len(LABELS)), np.nan)
    state = np.full((len(studies), len(LABELS)), -1)
    department = np.full((len(studies), COORDINATES), np.nan)
    findings = [""] * len(studies)
    for i, paths in enumerate(tqdm(studies, desc=name, unit="study", leave=False)):
        try:
            study = read_study(paths)
            look = drafter.look(study)
        except NotAChestFilm:
            continue
        probability[i] = [look.labels[n].probability for n in LABELS]
        state[i] = [STATES.index(look.labels[n].state) for n in LABELS]
        department[i] = look.department
        findings[i] = " ".join(w.text for w in drafter.words(study, look)[0])
    return Readings(probability, state, department, findings)


def rendered(rows: Sequence[ManifestStudy], how: Callable[[np.ndarray, Path], Path], folder: Path) -> list[list[Path]]:
    """The films of studies written in one rendering."""
    out = []
    for row in rows:
        files = []
        for view in row.views:
            with Image.open(view.path) as image:
                files.append(how(np.asarray(image.convert("L")), folder / view.path.stem))
        out.append(files)
    return out


def share_interval(kept: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval over studies of the mean of (N, 14)."""
    rng = np.random.default_rng(1)
    means = kept.mean(1)[rng.integers(0, len(kept), (1000, len(kept)))].mean(1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def common_auroc(truth: np.ndarray, probability: np.ndarray) -> float:
    """Mean AUROC of the labels with at least 10 positives, refused studies left out."""
    there = ~np.isnan(probability[:, 0])
    chosen = [k for k in range(len(LABELS)) if truth[:, k].sum() >= 10]
    return float(np.mean([auroc(truth[there, k], probability[there, k]) for k in chosen])) if chosen else float("nan")


def unfloored(r: Readings, uncertain_from: np.ndarray) -> np.ndarray:
    """(N, 14) the states as they would be without ``LEAST_UNCERTAIN``."""
    state = r.state.copy()
    state[(state == 0) & (r.probability >= uncertain_from)] = STATES.index("uncertain")
    return state


def moved(original: np.ndarray, other: np.ndarray) -> float:
    """How far departments (N, S) lie from where they were, beside how far two studies lie apart (root mean squares)."""
    there = ~np.isnan(original + other).any(1)
    apart = 2 * original[there].var(0).sum()
    return float(np.sqrt(((other - original)[there] ** 2).sum(1).mean() / apart)) if apart > 0 else 0.0


def report(
    original: Readings,
    others: Mapping[str, Readings],
    truth: np.ndarray,
    uncertain_from: np.ndarray,
    cider: Callable[[Sequence[str]], float],
) -> str:
    """Both tables and their notes; cider: of the studies' FINDINGS."""
    quantiles = (0.5, 0.95, 0.99)
    head = [
        "rendering",
        "states kept (95 %)",
        "without the floor",
        "positives kept",
        "Δ probability: median",
        "95th",
        "99th",
        "mean AUROC",
        "refused",
    ]
    area = f"{common_auroc(truth, original.probability):.3f}"
    summary = [
        [*head, "department moved", "same FINDINGS", "CIDEr"],
        ["original", *[""] * 6, area, "", "", "", f"{cider(original.findings):.3f}"],
    ]
    broken = [["label", *others]]
    for name, other in others.items():
        kept = other.state == original.state
        low, high = share_interval(kept)
        change = np.abs(other.probability - original.probability)
        positive = original.state == STATES.index("positive")
        both = float((positive & (other.state == STATES.index("positive"))).sum() / max(1, positive.sum()))
        summary.append(
            [
                name,
                f"{kept.mean():.1%} ({low:.1%} to {high:.1%})" + ("" if kept.mean() >= BAR else " **below**"),
                f"{(unfloored(other, uncertain_from) == unfloored(original, uncertain_from)).mean():.1%}",
                f"{both:.1%}",
                *(f"{np.nanquantile(change, q):.3f}" for q in quantiles),
                f"{common_auroc(truth, other.probability):.3f}",
                str(int((other.state[:, 0] < 0).sum())),
                f"{moved(original.department, other.department):.2f}",
                f"{np.mean([a == b for a, b in zip(original.findings, other.findings, strict=True)]):.0%}",
                f"{cider(other.findings):.3f}",
            ]
        )
    for k, label in enumerate(LABELS):
        shares = [float((o.state[:, k] == original.state[:, k]).mean()) for o in others.values()]
        broken.append([label, *(f"{s:.1%}" for s in shares)])
    mean = float(np.mean([(o.state == original.state).mean() for o in others.values()]))
    n = len(truth)
    return (
        f"{n} val studies, {n * len(LABELS):,} states in each rendering; the bar is {BAR:.0%}. "
        f"Mean over the renderings: {mean:.1%}. Intervals by bootstrap over studies. Without the floor: if findings of "
        f"less than {LEAST_UNCERTAIN:.0%} could be uncertain too. Positives kept: of those of the original. "
        f"Department moved: beside how far two studies lie apart (1: another's words). Same FINDINGS: word for word."
        f"\n\n{table(summary)}\n\nWhat breaks: states kept by label.\n\n{table(broken)}\n"
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--save", type=Path, help="also keep all probabilities and states")
    args = parser.parse_args()
    manifest = read_manifest(args.manifest)
    rows = [r for r in manifest if r.split == "val" and r.views][: args.limit]
    protocol = R2GenProtocol(R2GenVocabulary.from_reports(r.findings or "" for r in manifest if r.split == "train"))
    references = protocol.references(r.findings or "" for r in rows)
    truth = np.array([[(r.labels or {}).get(n) == "positive" for n in LABELS] for r in rows])
    drafter = Drafter.load(args.bundle, threads=args.threads)
    original = readings(drafter, [[v.path for v in r.views] for r in rows], "original")
    others = {}
    for name, how in RENDERINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            others[name] = readings(drafter, rendered(rows, how, Path(folder)), name)

    def cider(texts: Sequence[str]) -> float:
        return corpus_scores(references, protocol.hypotheses(texts))["CIDEr"]

    print(report(original, others, truth, drafter.bundle.arrays["uncertain_from"], cider))
    if args.save:
        stack = [original, *others.values()]
        np.savez(
            args.save,
            names=np.array(["original", *others]),
            probability=np.stack([r.probability for r in stack]),
            state=np.stack([r.state for r in stack]),
            truth=truth,
        )


if __name__ == "__main__":
    command(main)
