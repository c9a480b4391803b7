"""The table of scores on val: the drafts that users read, by the pipeline itself, beside the baselines.

    python benchmarks/val_table.py --manifest MANIFEST [--bundle BUNDLE] [--out DIR] [--markdown]

Writes ``val_drafts.jsonl`` and ``scores.md`` into DIR. Drafts get the films alone, no indication. Two controls: the
same drafts held against another study's reference (films shuffled between studies), and a mean film for every study.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command import command
from tqdm import tqdm

from wetread.data.manifest import ManifestStudy, read_manifest
from wetread.draft import Drafter
from wetread.errors import WetreadError
from wetread.image.read import read_study, read_view
from wetread.metrics.clinical import clinical_measures
from wetread.metrics.nlg import CiderScorer, corpus_scores
from wetread.metrics.protocols import Protocol, PtbProtocol, R2GenProtocol, R2GenVocabulary
from wetread.report.labeler import label
from wetread.types import LABELS, Study, View

#: Studies of the test split, for which the number of distinct drafts is foretold.
TEST_STUDIES = 590
LANGUAGE = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr")


def clinical(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """F1 of (N, 14) bool positives, as ``wetread score`` counts it."""
    measures = clinical_measures(truth.astype(int), said.astype(int))
    shown = {"macro-14": "macro-14", "macro ≥ 10": "macro-10+", "micro-5": "micro-5", "micro-14": "micro-14"}
    return {name: measures[key].value for name, key in shown.items()}


def positives(texts: Sequence[str]) -> np.ndarray:
    return np.array([[found[n] == "positive" for n in LABELS] for found in map(label, texts)])


@dataclass
class Table:
    """Rows of scores of one set of references."""

    references: list[str]
    truth: np.ndarray
    protocols: dict[str, Protocol]

    def row(self, name: str, texts: Sequence[str], order: np.ndarray | None = None) -> dict[str, float | str]:
        texts = list(texts) if order is None else [texts[i] for i in order]
        said = positives(texts)
        row: dict[str, float | str] = {"system": name}
        for protocol, p in self.protocols.items():
            scores = corpus_scores(p.references(self.references), p.hypotheses(texts))
            row |= {f"{protocol} {k}": scores[k] for k in LANGUAGE}
        row |= clinical(self.truth, said)
        row["distinct"] = float(len(set(texts)))
        row["finding sets"] = float(len({tuple(s) for s in said}))
        return row


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """What every benchmark on val is told: manifest, bundle, how many studies, how many threads."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--limit", type=int, help="the first studies only, for a try")
    parser.add_argument("--threads", type=int)
    return parser


def val_of(manifest: Path, limit: int | None = None) -> tuple[list[ManifestStudy], Table]:
    """The val studies with FINDINGS (the first ``limit``), and their table under the protocol r2gen."""
    rows = read_manifest(manifest)
    train = [r.findings for r in rows if r.split == "train" and r.findings]
    val = [r for r in rows if r.split == "val" and r.findings][:limit]
    truth = np.array([[(r.labels or {}).get(n) == "positive" for n in LABELS] for r in val])
    protocol = R2GenProtocol(R2GenVocabulary.from_reports(train))
    return val, Table([r.findings or "" for r in val], truth, {"r2gen": protocol})


def intervals(table: Table, texts: Sequence[str], draws: int = 1000) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals over studies of CIDEr (r2gen) and the clinical scores."""
    rng = np.random.default_rng(1)
    p = table.protocols["r2gen"]
    references = p.references(table.references)
    each = CiderScorer(references).scores(p.hypotheses(list(texts)), references)
    said = positives(texts)
    found: dict[str, list[float]] = {}
    for _ in range(draws):
        index = rng.integers(0, len(texts), len(texts))
        for key, value in {"r2gen CIDEr": each[index].mean(), **clinical(table.truth[index], said[index])}.items():
            found.setdefault(key, []).append(float(value))
    return {k: (float(np.percentile(v, 2.5)), float(np.percentile(v, 97.5))) for k, v in found.items()}


def distinct_of(texts: Sequence[str], studies: int) -> tuple[float, float]:
    """Distinct drafts to be expected of so many studies of the same kind, at most twice those read, and its deviation.

    Good & Toulmin 1956, "The number of new species, and the increase in population coverage, when a sample is
    increased"; deviation after Efron & Thisted 1976.
    """
    more = studies / len(texts) - 1
    if not 0 <= more <= 1:
        raise ValueError(f"{studies} studies are not one to two times the {len(texts)} read")
    often = Counter(Counter(texts).values())
    new = sum(-((-more) ** k) * n for k, n in often.items())
    return len(set(texts)) + new, float(np.sqrt(sum(more ** (2 * k) * n for k, n in often.items())))


def drafts_of(drafter: Drafter, rows: Sequence[ManifestStudy], out: Path) -> list[dict]:
    drafts = []
    for row in tqdm(rows, desc="drafts", unit="study"):
        try:
            drafts.append(drafter.draft([v.path for v in row.views], study_id=row.study_id).to_json())
        except WetreadError as error:  # a refused study counts as an empty draft
            drafts.append({"study_id": row.study_id, "error": str(error), "findings": ""})
    with (out / "val_drafts.jsonl").open("w", encoding="utf-8") as file:
        for draft in drafts:
            file.write(json.dumps(draft, ensure_ascii=False) + "\n")
    return drafts


def mean_film_drafts(drafter: Drafter, rows: Sequence[ManifestStudy]) -> set[str]:
    """The texts drafted of every study when each film is the mean film of its projection: one."""
    sums: dict[str, np.ndarray] = {}
    for row in rows[:60]:
        for view in (read_view(v.path, check=False) for v in row.views):
            if view.pixels.shape == (256, 256):
                sums[view.projection] = sums.get(view.projection, 0) + view.pixels
    views = tuple(View(f"mean {k}", (v / v.max()).astype(np.float32), k) for k, v in sorted(sums.items()))  # type: ignore[arg-type]
    return {drafter.draft(Study(row.study_id, views)).findings for row in rows[:5]}


def nearest(drafter: Drafter, train: Sequence[ManifestStudy], val: Sequence[ManifestStudy]) -> list[str]:
    """The train report whose study's embedding is nearest to each val study's."""

    def embed(rows: Sequence[ManifestStudy], name: str) -> np.ndarray:
        return np.stack([drafter.embed(read_study([v.path for v in r.views])) for r in tqdm(rows, desc=name)])

    best = (embed(val, "embed val") @ embed(train, "embed train").T).argmax(1)
    return [train[i].findings or "" for i in best]


def best_constant(train: Sequence[str], protocol: Protocol, references: Sequence[str]) -> str:
    """The train report of highest CIDEr as a constant on the train references themselves."""
    cleaned = protocol.references(references)
    scorer = CiderScorer(cleaned)
    vectors = [scorer.vector(r) for r in cleaned]
    common = sorted(set(train), key=lambda t: (-train.count(t), t))[:150]
    return max(common, key=lambda t: np.mean([scorer.score(protocol.hypothesis(t), v) for v in vectors]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--nearest", action="store_true", help="also nearest neighbour (reads every train film)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = read_manifest(args.manifest)
    train = [r for r in rows if r.split == "train" and r.findings]
    val = [r for r in rows if r.split == "val" and r.findings]
    texts = [r.findings or "" for r in train]
    r2gen = R2GenProtocol(R2GenVocabulary.from_reports(texts))
    truth = np.array([[(r.labels or {}).get(n) == "positive" for n in LABELS] for r in val])
    table = Table([r.findings or "" for r in val], truth, {"r2gen": r2gen, "ptb": PtbProtocol()})
    drafter = Drafter.load(args.bundle)
    drafts = drafts_of(drafter, val, args.out)
    written = [d["findings"] for d in drafts]
    rng = np.random.default_rng(0)
    table_rows = [
        table.row("wetread", written),
        table.row("constant (best train report)", [best_constant(texts, r2gen, texts)] * len(val)),
        table.row("random train report", [texts[i] for i in rng.integers(0, len(texts), len(val))]),
    ]
    if args.nearest:
        table_rows.append(table.row("nearest neighbour", nearest(drafter, train, val)))
    # Clinical chance: the drafts of other studies.
    table_rows.append(table.row("control: films shuffled", written, rng.permutation(len(val))))
    bounds = intervals(table, written)
    one = mean_film_drafts(drafter, val)
    text = markdown(table_rows, bounds, len(val), len(one), drafts, drafter)
    (args.out / "scores.md").write_text(text, encoding="utf-8")
    print(text)


def markdown(
    rows: Sequence[dict[str, float | str]],
    bounds: dict[str, tuple[float, float]],
    n: int,
    mean_film: int,
    drafts: Sequence[dict],
    drafter: Drafter,
) -> str:
    """The table and its notes."""
    keys = [k for k in rows[0] if k != "system"]
    lines = ["| " + " | ".join(["system", *keys]) + " |", "| " + " | ".join(["---"] * (len(keys) + 1)) + " |"]
    for row in rows:
        cells = [f"{row[k]:.0f}" if k in ("distinct", "finding sets") else f"{row[k]:.3f}" for k in keys]
        lines.append("| " + " | ".join([str(row["system"]), *cells]) + " |")
    spans = ", ".join(f"{k} {a:.3f} to {b:.3f}" for k, (a, b) in bounds.items())
    info = drafter.bundle.info
    studies = min(TEST_STUDIES, 2 * n)
    distinct, deviation = distinct_of([d["findings"] for d in drafts], studies)
    lines += [
        "",
        f"{n} val studies, films alone; labels of references: CheXbert's, of drafts: `wetread label`. "
        f"{sum('error' in d for d in drafts)} studies were refused as no chest film and count as empty. "
        f"95 % intervals of wetread: {spans}. A mean film for every study gives {mean_film} draft(s). "
        f"Of {studies} such studies {distinct:.0f} (± {1.96 * deviation:.0f}) distinct drafts are to be expected "
        f"(Good-Toulmin). "
        f"Bundle {info.name} {info.version}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    command(main)
