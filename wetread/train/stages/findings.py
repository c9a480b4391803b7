"""From what the networks say to calibrated findings, and to what these ask of the words: the stage findings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wetread.errors import UsageError
from wetread.model.findings import asked_of, commands_of, told_of, uncertain_of
from wetread.report.further import FURTHER, among
from wetread.train import calibrate, indications
from wetread.train.evaluate import clinical
from wetread.train.stages.run import Run, further_of_rows, load_targets, truth_of
from wetread.train.stages.seen import load_seen
from wetread.types import LABELS

__all__ = ["Asking", "fit_findings", "load_asking"]

log = logging.getLogger("wetread.train")

#: The concept that knows most of a further finding.
_CONCEPT_OF = {
    "hyperexpansion": "mesh:Lung/hyperdistention",
    "low lung volumes": "mesh:Lung/hypoinflation",
    "granuloma": "mesh:Calcified Granuloma/lung",
    "pacemaker": "mesh:Implanted Medical Device",
    "catheter": "mesh:Catheters, Indwelling",
}


def _own_concepts(run: Run) -> list[int]:
    names = load_targets(run).names
    return [names.index(own) if (own := _CONCEPT_OF.get(name, "")) in names else -1 for name in FURTHER]


def _told(
    run: Run, use: np.ndarray, positive: np.ndarray, crossfitted: tuple[np.ndarray, np.ndarray]
) -> indications.Indications:
    """What indications add to the findings of the films.

    Args:
        use: (studies,) bool. positive: (studies, 14 + E) bool. crossfitted: (teachers used, 14) and (…, E).
    """
    config = run.config.findings
    known, probability = positive[use], np.concatenate(crossfitted, 1)
    texts = [row.indication if config.least_word else None for row, used in zip(run.rows, use, strict=True) if used]
    told = indications.fit(texts, known, probability, config.least_word, config.folds, run.config.seed)
    log.info("indications: %d words", len(told.words))
    for k, name in enumerate((*LABELS, *FURTHER)):
        if told.weight[k].any():
            areas = (calibrate.auroc(known[:, k], p[:, k]) for p in (probability, told.crossfitted))
            best = np.argsort(-told.weight[k])[:3]
            words = ", ".join(f"{told.words[i]} {told.weight[k, i]:+.2f}" for i in best)
            log.info("%-27s AUROC out of fold %.3f, with the indication %.3f (%s)", name, *areas, words)
    return told


def fit_findings(run: Run) -> None:
    """Fit and calibrate the findings on what the networks say of teachers out of fold."""
    done = run.folder / "findings.npz"
    if done.exists():
        return
    seen = load_seen(run)
    positive, known = truth_of(run)
    read = seen.findings_input()
    use = run.teachers & known
    config = run.config.findings
    chosen = (config.folds, config.beta, run.config.seed, config.least, config.least_right)
    head = calibrate.fit(read[use], positive[use], *chosen, stretch=seen.stretches(LABELS, range(len(LABELS))))
    more = further_of_rows(run)
    more_head = calibrate.fit(read[use], more[use], *chosen, stretch=seen.stretches(FURTHER, _own_concepts(run)))
    more_head = more_head.scaled(more[use], config.least_further)
    further_probability = more_head.probabilities(read)
    further_probability[use] = more_head.crossfitted
    probability = head.probabilities(read)
    probability[use] = head.crossfitted
    told = _told(run, use, np.concatenate((positive, more), 1), (head.crossfitted, more_head.crossfitted))
    normal = LABELS.index("No Finding")
    look_from = calibrate.sensitive_threshold(~positive[use, normal], 1 - head.crossfitted[:, normal])
    np.savez(
        done,
        weight=head.weight,
        bias=head.bias,
        uncertain_from=head.uncertain_from,
        positive_from=head.positive_from,
        look_from=np.array([look_from]),
        probability=probability,
        further_weight=more_head.weight,
        further_bias=more_head.bias,
        further_from=more_head.positive_from,
        further_probability=further_probability,
        indication_weight=told.weight,
        indication_mean=told.mean,
        indication_words=np.array(told.words, str),
    )
    val = np.array([row.split == "val" for row in run.rows])
    for k, name in enumerate(LABELS):
        log.info(
            "%-27s AUROC out of fold %.3f, val %.3f (%d); threshold %.2f",
            name,
            calibrate.auroc(positive[use, k], head.crossfitted[:, k]),
            calibrate.auroc(positive[val, k], probability[val, k]),
            positive[val, k].sum(),
            head.positive_from[k],
        )
    for k, name in enumerate(FURTHER):
        for split, rows in (("out of fold", use), ("val", val)):
            said = further_probability[rows, k] >= more_head.positive_from[k]
            log.info(
                "%s, %s: AUROC %.3f (%d); told %d times, rightly %d (threshold %.2f)",
                *(name, split, calibrate.auroc(more[rows, k], further_probability[rows, k]), more[rows, k].sum()),
                *(said.sum(), (said & more[rows, k]).sum(), more_head.positive_from[k]),
            )
    commands = commands_of(probability, head.positive_from)
    for split, rows in (("out of fold", use), ("val", val)):
        log.info("thresholds alone, %s: %s", split, clinical(positive[rows], commands[rows].astype(bool)))


@dataclass(frozen=True)
class Asking:
    """What the networks' findings ask of the words: ``stored``, the arrays of the stage ``findings``."""

    stored: Mapping[str, np.ndarray]

    @property
    def probability(self) -> np.ndarray:
        """(studies, 14 + E), teachers out of fold."""
        return np.concatenate((self.stored["probability"], self.stored["further_probability"]), 1)

    def __call__(self, probability: np.ndarray, spine: np.ndarray) -> np.ndarray:
        """(N, 14 + E) probabilities and (N,) whose spine may be called degenerated → ``model.findings.asked_of``."""
        labels, more = probability[:, : len(LABELS)], probability[:, len(LABELS) :]
        commands = commands_of(labels, self.stored["positive_from"])
        likely = labels >= uncertain_of(self.stored)
        devices = commands[:, LABELS.index("Support Devices")] > 0
        each = zip(more, devices, strict=True)
        told = np.array([among(told_of(own, self.stored, bool(device)) or frozenset()) for own, device in each])
        return asked_of(commands, likely, told, spine)


def load_asking(run: Run) -> Asking:
    """Of the stage ``findings``."""
    path = run.folder / "findings.npz"
    with np.load(path, allow_pickle=False) as stored:
        if "indication_weight" not in stored or stored["further_probability"].shape[1] != len(FURTHER):
            raise UsageError(f"{path} is of an earlier version; remove it and run again")
        return Asking(dict(stored))
