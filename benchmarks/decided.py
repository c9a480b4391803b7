"""What a reader's decisions on findings do to the draft: how many are needed, and what the draft is worth after them.

    python benchmarks/decided.py --manifest MANIFEST [--bundle BUNDLE] [--limit N] [--threads N]

A reader is simulated who knows the reference's findings (CheXbert's labels): of the 13 findings they say "absent" of
those that the draft wrongly states, the likeliest first, then "there" of those that it misses, and the pipeline writes
the draft anew (``wetread draft --finding``). The figures after a decision are no scores of the model: the reader has
told it the truth. They are what the words make of findings that are right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from command import command
from tqdm import tqdm
from tradeoff import KEYS, looks_of
from val_table import arguments, val_of

from wetread.draft import Drafter, Look
from wetread.report.decisions import decide
from wetread.types import LABELS, Finding, State, Study

AT_MOST = (0, 1, 2, 3, len(LABELS))


def corrections(labels: Mapping[str, Finding], truth: Mapping[str, str | None]) -> list[tuple[str, State]]:
    """What a reader who knows the truth decides, in the order in which they do."""
    names = [name for name in LABELS if name != "No Finding"]
    false = [n for n in names if labels[n].state == "positive" and truth.get(n) != "positive"]
    missed = [n for n in names if labels[n].state != "positive" and truth.get(n) == "positive"]
    denied: list[tuple[str, State]] = [
        (n, "uncertain" if truth.get(n) == "uncertain" else "negative")
        for n in sorted(false, key=lambda n: -labels[n].probability)
    ]
    return [*denied, *((n, "positive") for n in sorted(missed, key=lambda n: -labels[n].probability))]


def texts_after(
    drafter: Drafter,
    looks: Sequence[tuple[Study, Look] | None],
    wanted: Sequence[list[tuple[str, State]]],
    at_most: int,
) -> list[str]:
    """FINDINGS of every study after so many decisions."""
    texts = []
    pairs = zip(looks, wanted, strict=True)
    for pair, all_of_them in tqdm(pairs, desc=f"{at_most} decisions", unit="study", leave=False, total=len(looks)):
        if pair is None:
            texts.append("")
            continue
        study, look = pair
        if decided := dict(all_of_them[:at_most]):
            look = replace(look, labels=decide(look.labels, decided))
        texts.append(" ".join(w.text for w in drafter.words(study, look)[0]))
    return texts


def main() -> None:
    args = arguments(__doc__).parse_args()
    val, table = val_of(args.manifest, args.limit)
    drafter = Drafter.load(args.bundle, threads=args.threads)
    looks = looks_of(drafter, val)
    wanted = [
        [] if pair is None else corrections(pair[1].labels, row.labels or {})
        for pair, row in zip(looks, val, strict=True)
    ]
    n = len(val)
    none, one = (sum(len(w) == k for w in wanted) / n for k in (0, 1))
    false = sum(state != "positive" for w in wanted for _, state in w) / n
    missed = sum(state == "positive" for w in wanted for _, state in w) / n
    print(
        f"Val ({n} studies, films alone), protocol r2gen. {100 * none:.0f} % of the studies need no decision, "
        f"{100 * one:.0f} % one; on average {false:.2f} findings a study are wrongly stated and {missed:.2f} missed "
        "(CheXbert's labels of the reference). After decisions the draft knows the truth of what was decided: these "
        "are no scores of the model.\n"
    )
    print("| decisions a study, at most | on average | " + " | ".join(KEYS.values()) + " |")
    print("|" + " --- |" * (len(KEYS) + 2))
    for at_most in AT_MOST:
        row = table.row("", texts_after(drafter, looks, wanted, at_most))
        cells = [f"{row[k]:.0f}" if k == "distinct" else f"{row[k]:.3f}" for k in KEYS]
        mean = sum(min(at_most, len(w)) for w in wanted) / n
        name = "all" if at_most == AT_MOST[-1] else str(at_most)
        print(f"| {name} | {mean:.2f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    command(main)
