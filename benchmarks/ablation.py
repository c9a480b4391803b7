"""What each part of the drafting is worth: the drafts of val with one part left out at a time.

    python benchmarks/ablation.py --manifest MANIFEST [--bundle BUNDLE] [--limit N] [--threads N]

Nothing is trained anew: a part is left out of the bundle that ships, so a part that the others were trained to rely on
looks worth more than it would in a training without it. Differences are paired over studies, with 95 % bootstrap
intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from command import command
from section import table as markdown_table
from tqdm import tqdm
from val_table import Table, arguments, clinical, positives, val_of

from wetread.data.manifest import ManifestStudy
from wetread.decode import DecodingOptions
from wetread.draft import Drafter, Look
from wetread.errors import BundleError, NotAChestFilm
from wetread.image.read import read_study
from wetread.metrics.nlg import CiderScorer
from wetread.model.bundle import Bundle
from wetread.model.detector import Found
from wetread.model.runtime import OnnxDetector, OnnxFilmReader, OnnxWriter, Seen, StudyMemory
from wetread.obey import obey
from wetread.types import Study

DRAWS = 1000
COMPARED = ("r2gen CIDEr", "macro-14", "micro-5", "micro-14")
#: Study, what is seen in it → FINDINGS.
Way = Callable[[Drafter, Study, Look], str]


class FirstNetwork(OnnxFilmReader):
    """The first encoder in place of the mean of all."""

    def __call__(self, films: np.ndarray) -> Seen:
        names = ["logits", "maps", "lateral", "vector"]
        logits, maps, lateral, vector = self._sessions[0].run(names, {"film": films})
        return Seen(logits, maps, lateral, np.tile(vector, len(self._sessions)))


class Anywhere(OnnxWriter):
    """The decoder, told of every study that it comes from no department in particular."""

    def start(self, memory: StudyMemory, beams: int) -> None:
        super().start(replace(memory, department=np.zeros_like(memory.department)), beams)


class Blind(OnnxDetector):
    """A detector of which the findings take no features, and no marks unless ``marks``: they take it for usual."""

    def __init__(self, bundle: Bundle, threads: int | None, marks: bool) -> None:
        if bundle.detector is None:
            raise BundleError(f"{bundle.folder} has no detector; name a bundle with one")
        super().__init__(bundle.detector, threads)
        self._marks = marks

    def __call__(self, films: np.ndarray) -> Found:
        found = super().__call__(films)
        spots = found.spots if self._marks else np.full_like(found.spots, np.nan)
        return found._replace(spots=spots, pooled=np.full_like(found.pooled, np.nan))


def pipeline(drafter: Drafter, study: Study, look: Look) -> str:
    return " ".join(w.text for w in drafter.words(study, look)[0])


def decoder_alone(drafter: Drafter, study: Study, look: Look) -> str:
    return " ".join(w.text for w in drafter.written(study, look).findings)


def stock_alone(drafter: Drafter, _: Study, look: Look) -> str:
    return " ".join(w.text for w in obey((), (), look.labels, told=drafter.told(look)).findings)


def texts_of(
    drafter: Drafter, rows: Sequence[ManifestStudy], way: Way, name: str, view: str = "", indication: bool = False
) -> list[str]:
    """FINDINGS of every study; of the films of one projection where a study has them."""
    texts = []
    for row in tqdm(rows, desc=name, unit="study"):
        paths = [v.path for v in row.views if v.projection == view] or [v.path for v in row.views]
        try:
            study = read_study(paths, study_id=row.study_id, indication=row.indication if indication else None)
        except NotAChestFilm:
            texts.append("")
            continue
        texts.append(way(drafter, study, drafter.look(study)))
    return texts


def differences(table: Table, texts: Sequence[str], base: Sequence[str]) -> dict[str, tuple[float, float, float]]:
    """Texts less base: the difference and its 95 % interval, paired over studies."""
    p = table.protocols["r2gen"]
    references = p.references(table.references)
    scorer = CiderScorer(references)
    each = [scorer.scores(p.hypotheses(list(t)), references) for t in (texts, base)]
    said = [positives(t) for t in (texts, base)]

    def scores(index: np.ndarray) -> dict[str, float]:
        found = [
            clinical(table.truth[index], s[index]) | {"r2gen CIDEr": float(e[index].mean())}
            for s, e in zip(said, each, strict=True)
        ]
        return {k: found[0][k] - found[1][k] for k in COMPARED}

    rng, n = np.random.default_rng(1), len(texts)
    point = scores(np.arange(n))
    draws = [scores(rng.integers(0, n, n)) for _ in range(DRAWS)]
    return {k: (point[k], *np.percentile([d[k] for d in draws], (2.5, 97.5))) for k in COMPARED}


def main() -> None:
    args = arguments(__doc__).parse_args()
    val, table = val_of(args.manifest, args.limit)
    drafter = Drafter.load(args.bundle, threads=args.threads)
    bundle = drafter.bundle
    first = Drafter(bundle, reader=FirstNetwork(bundle, args.threads), threads=args.threads)
    beams = Drafter(bundle, options=DecodingOptions(beams=3), threads=args.threads)
    blind = [Blind(bundle, args.threads, marks) for marks in (False, True)]
    unaided, plain = (Drafter(bundle, detector=detector, threads=args.threads) for detector in blind)
    anywhere = Drafter(bundle, writer=Anywhere(bundle, args.threads), threads=args.threads)
    base = texts_of(drafter, val, pipeline, "as it ships")
    variants = {
        "one network in place of three": texts_of(first, val, pipeline, "one network"),
        "without the detector": texts_of(unaided, val, pipeline, "no detector"),
        "without the detector's features": texts_of(plain, val, pipeline, "no features"),
        "frontal films alone": texts_of(drafter, val, pipeline, "frontal", view="frontal"),
        "lateral films alone": texts_of(drafter, val, pipeline, "lateral", view="lateral"),
        "decoder not told the department": texts_of(anywhere, val, pipeline, "no department"),
        "words not held to the findings": texts_of(drafter, val, decoder_alone, "decoder alone"),
        "our stock of sentences alone": texts_of(drafter, val, stock_alone, "stock"),
        "three beams": texts_of(beams, val, pipeline, "beams"),
        "with the indication": texts_of(drafter, val, pipeline, "indication", indication=True),
    }
    shown = (*COMPARED, "r2gen BLEU-4", "r2gen ROUGE-L", "distinct")
    lines = [["left out or changed", *(k.removeprefix("r2gen ") for k in shown)]]
    for name, texts in {"as it ships": base, **variants}.items():
        row = table.row(name, texts)
        apart = differences(table, texts, base) if texts is not base else {}
        cells = [f"{row[k]:.0f}" if k == "distinct" else f"{row[k]:.3f}" for k in shown]
        for i, key in enumerate(COMPARED):
            if apart:
                cells[i] += " ({:+.3f}, {:+.3f} to {:+.3f})".format(*apart[key])
        lines.append([name, *cells])
    print(f"{len(val)} val studies, films alone, protocol r2gen; in brackets the difference and its 95 % interval.\n")
    print(markdown_table(lines))


if __name__ == "__main__":
    command(main)
