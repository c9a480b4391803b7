"""The labeler beside CheXbert on IU X-Ray: agreement per label, remaining errors by kind, reports a second.

    python benchmarks/labeler.py [--shared ../shared] [--markdown docs/results.md]

FINDINGS text of R2Gen's train and val studies against ``chexbert_tags.csv``. The rules were developed on train; val
was run, never read. ``--markdown FILE`` also writes the tables as the section "Labeler" of FILE.
"""

from __future__ import annotations

import argparse
import csv
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from command import command
from section import put_section

from wetread.report import labeler
from wetread.report.labeler import Convention, Labels, label, label_many, label_spans
from wetread.types import LABELS

STATES = {"1.0": "positive", "0.0": "negative", "-1.0": "uncertain", "": None}
#: F1 of the rule-based chexpert-labeler against the same tags, over all 2,955 studies of the split (docs/metrics.md);
#: the nine labels without a figure lie between .72 and .94.
CHEXPERT = {
    "Enlarged Cardiomediastinum": 0.455,
    "Cardiomegaly": 0.795,
    "Lung Opacity": 0.839,
    "Consolidation": 0.632,
    "Pneumothorax": 0.579,
}
CHEXPERT_MICRO = 0.857

Pair = tuple[str, Labels]


def load(shared: Path, split: str) -> list[Pair]:
    """FINDINGS and CheXbert's labels of the studies of a split."""
    with open(shared / "chexbert_tags.csv", encoding="utf-8") as stream:
        tags = {row["Id"]: {name: STATES[row[name]] for name in LABELS} for row in csv.DictReader(stream)}
    with open(shared / "r2gen_split.csv", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == split]
    pairs = []
    for row in rows:
        root = ElementTree.parse(shared / "ecgen-radiology" / f"{row['uid']}.xml").getroot()
        findings = [node.text or "" for node in root.iter("AbstractText") if node.get("Label") == "FINDINGS"]
        pairs.append((findings[0], tags[row["study_id"]]))
    return pairs


def ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def kappa(ours: Sequence[str | None], theirs: Sequence[str | None]) -> float:
    """Cohen's kappa over the four states."""
    n = len(ours)
    seen = sum(a == b for a, b in zip(ours, theirs)) / n
    a, b = Counter(ours), Counter(theirs)
    chance = sum(a[state] * b[state] for state in a) / n**2
    return ratio(seen - chance, 1 - chance)


def agreement(pairs: Sequence[Pair], convention: Convention = "chexbert") -> list[tuple[str, int, list[float]]]:
    """(label, positives, [precision, recall, F1, kappa]) of each label, then over all of them."""
    ours = label_many((text for text, _ in pairs), convention)
    rows = []
    total = Counter[str]()
    for name in LABELS:
        a = [states[name] for states in ours]
        b = [states[name] for _, states in pairs]
        hits = sum(x == y == "positive" for x, y in zip(a, b))
        said, true = a.count("positive"), b.count("positive")
        total.update(hits=hits, said=said, true=true)
        rows.append((name, true, [*_scores(hits, said, true), kappa(a, b)]))
    a = [states[name] for states in ours for name in LABELS]
    b = [states[name] for _, states in pairs for name in LABELS]
    rows.append(("all (micro)", total["true"], [*_scores(**total), kappa(a, b)]))
    return rows


def _scores(hits: int, said: int, true: int) -> list[float]:
    return [ratio(hits, said), ratio(hits, true), ratio(2 * hits, said + true)]


def agreement_table(pairs: dict[str, list[Pair]]) -> list[list[str]]:
    table = [["label", "chexpert F1"]]
    columns = {split: agreement(found) for split, found in pairs.items()}
    for split in columns:
        table[0] += [f"{split} n", "precision", "recall", "F1", "kappa"]
    for i, name in enumerate([*LABELS, "all (micro)"]):
        peer = CHEXPERT_MICRO if name not in LABELS else CHEXPERT.get(name)
        line = [name, f"{peer:.3f}" if peer else ""]
        for rows in columns.values():
            line += [str(rows[i][1]), *(f"{value:.3f}" for value in rows[i][2])]
        table.append(line)
    return table


def error_table(pairs: dict[str, list[Pair]]) -> list[list[str]]:
    """Errors over positive mentions, by what CheXbert said and what we said."""
    kinds = Counter[tuple[str, str, str]]()
    for split, found in pairs.items():
        for text, theirs in found:
            ours = label(text)
            for name in LABELS:
                a, b = ours[name], theirs[name]
                if (a == "positive") != (b == "positive"):
                    kinds[name, f"{b or 'nothing'} → {a or 'nothing'}", split] += 1
    table = [["label", "CheXbert → ours", *pairs]]
    for name in LABELS:
        for kind in sorted({k for label_, k, _ in kinds if label_ == name}):
            table.append([name, kind, *(str(kinds[name, kind, split]) for split in pairs)])
    return table


def blanks(pairs: Sequence[Pair]) -> tuple[int, int]:
    """Errors over positive mentions without No Finding: in sentences with the de-identifier's XXXX, and all."""
    blank = errors = 0
    for text, theirs in pairs:
        ours = label(text)
        mentions = label_spans(text, "chexbert")
        sentences = labeler.split_sentences(text)
        for name in LABELS[:-1]:
            if (ours[name] == "positive") != (theirs[name] == "positive"):
                errors += 1
                where = {m.sentence for m in mentions if m.label == name} or set(range(len(sentences)))
                blank += any("XXXX" in sentences[k].value for k in where)
    return blank, errors


def speed(texts: Sequence[str], repeats: int = 3) -> tuple[float, float]:
    """Reports a second of processor time on one core, the best of some runs: each sentence read anew; remembered."""
    anew, remembered = [], []
    for _ in range(repeats):
        start = time.process_time()
        for text in texts:
            labeler._remembered.cache_clear()
            label(text)
        anew.append(time.process_time() - start)
        labeler._remembered.cache_clear()
        start = time.process_time()
        label_many(texts)
        remembered.append(time.process_time() - start)
    return len(texts) / min(anew), len(texts) / min(remembered)


def as_markdown(table: Sequence[Sequence[str]]) -> str:
    head, *body = table
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(pairs: dict[str, list[Pair]]) -> str:
    """The section of docs/results.md."""
    anew, remembered = speed([text for text, _ in pairs["train"]])
    plain = ", ".join(f"{split} {agreement(found, 'plain')[-1][2][2]:.3f}" for split, found in pairs.items())
    gaps = ", ".join("{} {} of {}".format(split, *blanks(found)) for split, found in pairs.items())
    return f"""Written by `python benchmarks/labeler.py --markdown docs/results.md`.

Positive mentions against CheXbert's labels of the same FINDINGS (IU X-Ray, R2Gen's train and val). "chexpert F1" is the
rule-based chexpert-labeler against the same tags over the whole split; its other nine labels lie between .72 and .94.
Kappa is over the four states positive, negative, uncertain, not mentioned.

{as_markdown(agreement_table(pairs))}

Micro-F1 under the convention `plain`, which does not follow CheXbert's odd habits: {plain}.
Speed on one core, {len(pairs["train"])} reports of train: {anew:,.0f} reports a second of
processor time with each sentence read anew, {remembered:,.0f} with sentences remembered.

Errors that remain, over positive mentions (one count an error; a sentence in it holds the de-identifier's blank in
{gaps} errors other than No Finding's):

{as_markdown(error_table(pairs))}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the section 'Labeler' of FILE too")
    args = parser.parse_args()
    pairs = {split: load(args.shared / "iu_xray", split) for split in ("train", "val")}
    text = report(pairs)
    print(text)
    if args.markdown:
        old = args.markdown.read_text(encoding="utf-8") if args.markdown.exists() else ""
        args.markdown.write_text(put_section(old, "Labeler", text), encoding="utf-8")


if __name__ == "__main__":
    command(main)
