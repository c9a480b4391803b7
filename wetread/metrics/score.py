"""One evaluation: pairs of texts in, every score with its interval, baselines and signature out.

Nothing here reads files or prints; ``wetread.cli.score`` does.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wetread._version import __version__
from wetread.metrics.adapters import CheXbert, make_adapter
from wetread.metrics.baselines import find_constants, most_frequent, random_reports
from wetread.metrics.clinical import clinical_measures, label_texts, normality_measure, per_label
from wetread.metrics.consistency import compare_all
from wetread.metrics.evaluation import Evaluation, GivenLabels, Pairs, ScoreOptions
from wetread.metrics.measure import Measure, MetricUnavailable, mean_measure
from wetread.metrics.meteor import Meteor, meteor_measure
from wetread.metrics.nlg import NLG_STEPS, nlg_measures
from wetread.metrics.significance import Comparison, bootstrap_intervals, paired_tests

__all__ = ["Phase", "evaluate"]

#: Baselines are scored on at most so many of the pairs.
_BASELINE_PAIRS = 5000
#: Fewer distinct hypotheses than this share of the distinct references is a template.
_TEMPLATE = 0.1
_TEMPLATE_FROM = 20
_NO_TRAIN = "baselines need the reports of the train split: give --train-manifest"

Phase = Callable[[str, int], AbstractContextManager[Callable[[int], Any]]]


@contextmanager
def _silent(name: str, total: int) -> Iterator[Callable[[int], Any]]:
    yield lambda steps: None


# ------------------------------------------------------------------------------------------------------------- scoring


@dataclass
class _Scorer:
    """Holds what several sets of hypotheses share: references, METEOR's tables, reference labels."""

    options: ScoreOptions
    references: Sequence[str]
    section: str
    labels: GivenLabels
    phase: Phase
    prepared: list[str] = field(default_factory=list)
    meteor: Meteor | None = None
    chexbert: CheXbert | None = None
    states: np.ndarray | None = None
    unavailable: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Tokenise and label the references."""
        with self.phase("references", len(self.references)) as step:
            self.prepared = self.options.protocol.references(self.references, step)
        if "chexbert" in (name.lower() for name in self.options.others):
            chexbert = CheXbert()
            missing = chexbert.missing()
            if missing:
                self.unavailable["CheXbert"] = missing
            else:
                self.chexbert = chexbert
        if "clinical" in self.options.groups or self.section != "findings":
            given = self.labels.reference
            self.states = given if given is not None else self.label(self.references, "labels of the references")

    def load_meteor(self, *groups: Sequence[str]) -> None:
        """Read METEOR's tables as far as the references and these texts need them."""
        if "meteor" not in self.options.groups:
            return
        protocol = self.options.protocol
        # Distinct words are enough to know which part of the tables is needed.
        words = {word for group in groups for text in protocol.hypotheses(group) for word in text.split()}
        words.update(word for text in self.prepared for word in text.split())
        words.update(word for text in protocol.references(groups[-1]) for word in text.split())
        try:
            with self.phase("METEOR's tables", 60) as step:
                self.meteor = Meteor.load(words, self.options.meteor, step)
        except MetricUnavailable as error:
            self.unavailable["METEOR"] = str(error)

    def label(self, texts: Sequence[str], what: str) -> np.ndarray:
        """(n, 14) states by CheXbert where it was asked for and is here, else by our labeler."""
        if self.chexbert is not None:
            return self.chexbert.states(texts)
        with self.phase(what, len(texts)) as step:
            return label_texts(texts, progress=step)

    def measures(
        self,
        hypotheses: Sequence[str],
        pick: Sequence[int] | None = None,
        states: np.ndarray | None = None,
        groups: Sequence[str] | None = None,
        others: bool = False,
    ) -> tuple[dict[str, Measure], np.ndarray | None, dict[str, dict[str, int]]]:
        """Measures of hypotheses against the references, or against those that ``pick`` names.

        Returns:
            name → measure, for the groups of the options or those given; the hypotheses' states where they were needed;
            label → contradictions by kind.
        """
        which = range(len(self.references)) if pick is None else pick
        prepared = self.prepared if pick is None else [self.prepared[k] for k in which]
        raw = self.references if pick is None else [self.references[k] for k in which]
        found: dict[str, Measure] = {}
        groups = self.options.groups if groups is None else groups
        meteor = self.meteor if "meteor" in groups else None
        if "language" in groups or meteor is not None:
            with self.phase("hypotheses", len(hypotheses)) as step:
                tokens = self.options.protocol.hypotheses(hypotheses, step)
        if "language" in groups:
            with self.phase("BLEU, ROUGE-L, CIDEr", NLG_STEPS * len(hypotheses)) as step:
                found.update(nlg_measures(prepared, tokens, progress=step))
        if meteor is not None:
            with self.phase("METEOR", len(hypotheses)) as step:
                found["METEOR"] = meteor_measure(meteor, prepared, tokens, step)
        if self.states is not None and ("clinical" in groups or self.section != "findings"):
            if states is None:
                states = self.label(hypotheses, "labels of the hypotheses")
            mine = self.states if pick is None else self.states[list(which)]
            if "clinical" in groups:
                found.update(clinical_measures(mine, states, self.options.uncertain_as_positive))
                if "macro-10+" not in found:
                    self.unavailable["macro-10+"] = "no label has ten positives in the reference"
            if self.section != "findings":
                found["normal-or-not"] = normality_measure(mine, states)
        contradictions: dict[str, dict[str, int]] = {}
        if "consistency" in groups:
            with self.phase("contradictions", len(hypotheses)) as step:
                table = compare_all(raw, hypotheses, step)
            found.update(table.measures)
            contradictions = table.per_label
        if others:
            found.update(self._others(raw, hypotheses))
        return found, states, contradictions

    def _others(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, Measure]:
        found: dict[str, Measure] = {}
        for name in self.options.others:
            try:
                adapter = make_adapter(name)
                if isinstance(adapter, CheXbert):
                    continue  # it labels
                values = adapter.score(references, hypotheses)
                found.update({key: mean_measure(key, column) for key, column in values.items()})
            except MetricUnavailable as error:
                self.unavailable[name] = str(error)
        return found


def _signature(pairs: Pairs, scorer: _Scorer) -> str:
    options = scorer.options
    digest = hashlib.sha256()
    for study, reference in zip(pairs.ids, pairs.references):
        digest.update(f"{study}\t{reference}\n".encode())
    given = scorer.labels.reference is not None or scorer.labels.hypothesis is not None
    labeler = scorer.labels.source if given else "chexbert" if scorer.chexbert else "wetread"
    parts = [
        f"wetread:{__version__}",
        options.protocol.signature,
        f"section:{scorer.section}",
        f"n:{len(pairs)}",
        f"references:{digest.hexdigest()[:12]}",
        f"labels:{labeler}",
        f"uncertain:{'positive' if options.uncertain_as_positive else 'not-positive'}",
        f"bootstrap:{options.samples}",
        f"seed:{options.seed}",
        *([f"split:{pairs.split}"] if pairs.split else []),
    ]
    return "|".join(parts)


def _template(references: Sequence[str], hypotheses: Sequence[str]) -> str | None:
    """What to call a file of hypotheses that hardly differ."""
    if len(hypotheses) < _TEMPLATE_FROM:
        return None
    counts = Counter(text.strip() for text in hypotheses)
    top = counts.most_common(1)[0][1] / len(hypotheses)
    own = Counter(text.strip() for text in references)
    usual = own.most_common(1)[0][1] / len(references)
    if len(counts) < _TEMPLATE * len(own) or (top > 0.5 and top > 3 * usual):
        return (
            f"these hypotheses are a template: {len(counts)} distinct reports for {len(hypotheses)} studies, the most "
            f"frequent on {top:.0%} of them (references: {len(own)} distinct)"
        )
    return None


def evaluate(
    pairs: Pairs,
    options: ScoreOptions,
    *,
    section: str = "findings",
    train: Sequence[str] | None = None,
    labels: GivenLabels | None = None,
    other: Sequence[str] | None = None,
    phase: Phase = _silent,
) -> Evaluation:
    """Score one system on one section.

    Args:
        pairs: references and hypotheses.
        options: protocol, groups, seeds.
        section: findings, impression or both; beyond findings, "normal or not" is scored too.
        train: reports of the train split for the baselines.
        labels: states that are given; the others are computed from the text.
        other: hypotheses of another system for the paired test.
        phase: opens a progress bar: (name, total) → context manager of a function that takes steps.

    Returns:
        everything, ready for JSON, table and page.
    """
    scorer = _Scorer(options, pairs.references, section, labels or GivenLabels(), phase)
    scorer.prepare()
    kept = [text for text in train or () if text.strip()]
    scorer.load_meteor(pairs.hypotheses, other or (), kept)
    measures, states, contradictions = scorer.measures(pairs.hypotheses, states=scorer.labels.hypothesis, others=True)
    rows = {}
    if "clinical" in options.groups and scorer.states is not None and states is not None:
        rows = per_label(scorer.states, states, options.uncertain_as_positive)
    comparison: Mapping[str, Comparison] = {}
    if other is not None:
        theirs, _, _ = scorer.measures(other, others=True)
        comparison = paired_tests(measures, theirs, options.trials, options.seed)
    found, in_train = _baselines(scorer, kept)
    with phase("intervals", 1) as step:
        intervals = bootstrap_intervals(measures, options.samples, options.seed)
        step(1)
    return Evaluation(
        section=section,
        pairs=pairs,
        signature=_signature(pairs, scorer),
        measures=measures,
        intervals=intervals,
        unavailable=scorer.unavailable,
        per_label=rows,
        contradictions=contradictions,
        baselines=found,
        distinct=len({text.strip() for text in pairs.hypotheses}),
        empty=sum(not text.strip() for text in pairs.hypotheses),
        template=_template(pairs.references, pairs.hypotheses),
        references_in_train=in_train,
        comparison=comparison,
    )


# ----------------------------------------------------------------------------------------------------------- baselines


def _baselines(scorer: _Scorer, train: Sequence[str]) -> tuple[dict[str, Any], float | None]:
    """The three baselines by metric, and the share of references that occur verbatim in train."""
    if not train:
        return {"unavailable": _NO_TRAIN}, None
    options, n = scorer.options, len(scorer.references)
    seen = set(options.protocol.references(train))
    in_train = sum(text in seen for text in scorer.prepared) / max(1, n)
    pick = None if n <= _BASELINE_PAIRS else sorted(random.Random(options.seed).sample(range(n), _BASELINE_PAIRS))
    size = n if pick is None else len(pick)

    def values(texts: Sequence[str], groups: Sequence[str] | None = None) -> dict[str, float]:
        measures, _, _ = scorer.measures(texts, pick, groups=groups)
        return {name: measure.value for name, measure in measures.items()}

    frequent = most_frequent(train)
    found: dict[str, Any] = {
        "pairs": size,
        "random": values(random_reports(train, size, options.seed)),
        "most_frequent": {**values([frequent] * size), "text": frequent},
    }
    constants = _constants(scorer, train)
    scored: dict[tuple[str, str], dict[str, float]] = {}
    found["constant"] = {}
    for name, text in constants.items():
        group = "meteor" if name == "METEOR" else "clinical" if name.startswith(("m", "n")) else "language"
        if (text, group) not in scored:
            scored[text, group] = values([text] * size, (group,))
        found["constant"][name] = {"value": scored[text, group][name], "text": text}
    return found, in_train


def _constants(scorer: _Scorer, train: Sequence[str]) -> dict[str, str]:
    """Metric → the constant text that is best for it on train."""
    options = scorer.options
    constants: dict[str, str] = {}
    if "language" in options.groups:
        meteor = scorer.meteor

        def score(references: Sequence[str], text: str) -> float:
            assert meteor is not None
            return meteor_measure(meteor, references, [text] * len(references)).value

        with scorer.phase("constants (kept for the next time)", 7) as step:
            constants = find_constants(
                train,
                options.protocol.references,
                options.protocol.hypothesis,
                options.protocol.signature,
                meteor=score if meteor else None,
                progress=step,
            )
        constants["CIDEr-D"] = constants["CIDEr"]
    if "clinical" in options.groups:
        constants.update(_clinical_constants(scorer, train, list(constants.values())))
    return constants


def _clinical_constants(scorer: _Scorer, train: Sequence[str], more: Sequence[str]) -> dict[str, str]:
    """Metric → the best of the frequent reports of train, judged by the labels of train."""
    frequent = [text for text, _ in Counter(train).most_common(100)]
    candidates = list(dict.fromkeys([*frequent, *more]))
    truth = scorer.label(train, "labels of train")
    best: dict[str, tuple[float, str]] = {}
    for text, row in zip(candidates, scorer.label(candidates, "labels of constants")):
        given = np.broadcast_to(row, truth.shape)
        for name, measure in clinical_measures(truth, given, scorer.options.uncertain_as_positive).items():
            best[name] = max(best.get(name, (-1.0, "")), (measure.value, text), key=lambda item: item[0])
    return {name: text for name, (_, text) in best.items()}
