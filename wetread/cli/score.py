"""``wetread score``: drafts against references."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wetread.errors import InputError, UsageError

if TYPE_CHECKING:
    from wetread.data.manifest import ManifestStudy
    from wetread.metrics.evaluation import Evaluation, GivenLabels, Pairs
    from wetread.metrics.protocols import Protocol

__all__ = ["HELP", "configure", "run"]

HELP = "Score drafts against references: language, clinical labels, contradictions; with baselines and intervals."

_SECTIONS = ("findings", "impression")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    add("--references", required=True, metavar="R", help="text, one report a line; or a manifest (JSON lines)")
    add("--hypotheses", required=True, metavar="H", help="text, one report a line; or the JSON lines of 'batch'")
    add("--protocol", choices=("r2gen", "ptb", "raw"), help="default: r2gen with a vocabulary, else ptb")
    add("--train-manifest", metavar="M", help="its lines with split 'train' give r2gen's vocabulary and the baselines")
    add("--vocabulary", metavar="FILE", help="r2gen's words, one a line, instead of those of the train split")
    add("--section", choices=(*_SECTIONS, "both"), default="findings", help="what is scored (default: findings)")
    add("--split", help="score this split of the manifest")
    add("--against", metavar="H2", help="hypotheses of another system: paired test of the difference")
    add("--metrics", default="all", help="all, or some of language,meteor,clinical,consistency")
    add(
        "--with", dest="others", default="", metavar="NAMES", help="CheXbert,RadGraph,RadCliQ,RaTEScore,GREEN,BERTScore"
    )
    add("--meteor", metavar="DIR", help="folder of METEOR 1.5's tables (default: an installed pycocoevalcap)")
    add("--uncertain-as-positive", action="store_true", help="clinical scores count uncertain labels as positive")
    add("--labels-references", metavar="CSV", help="CheXbert's labels of the references instead of ours")
    add("--labels-hypotheses", metavar="CSV", help="CheXbert's labels of the hypotheses instead of ours")
    add("--samples", type=_positive, default=1000, help="bootstrap samples (default: 1000)")
    add("--seed", type=int, default=0, help="of bootstrap, test and random baseline (default: 0)")
    add("--no-baselines", action="store_true", help="leave the baselines out")
    add("--json", action="store_true", help="print JSON, unrounded")
    add("--html", metavar="FILE", help="also write a page that needs nothing else")
    add("--per-report", metavar="FILE", help="also write every report's scores, JSON lines")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return value


# -------------------------------------------------------------------------------------------------------------- inputs


@dataclass(frozen=True)
class _Draft:
    """One line of hypotheses: text by section, or an error."""

    sections: dict[str, str]
    failed: bool = False


def _lines(path: str) -> list[str]:
    """The lines of a UTF-8 file; only a line feed ends one, so that the count is what an editor shows."""
    lines: list[str] = []
    try:
        with Path(path).open("rb") as file:
            for raw in file:
                lines.append(raw.decode("utf-8-sig" if not lines else "utf-8").rstrip("\r\n"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 (line {len(lines) + 1}); convert it, for instance with 'iconv -f LATIN1 -t UTF-8'"
        ) from error
    return lines


def _is_json(lines: Sequence[str]) -> bool:
    first = next((line for line in lines if line.strip()), "")
    return first.lstrip().startswith("{")


def _read_drafts(path: str, lines: Sequence[str]) -> dict[str, _Draft]:
    """Study id → draft, from the JSON lines of ``wetread batch`` (or a manifest's)."""
    drafts: dict[str, _Draft] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            study = value["study_id"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InputError(f"line {number} of {path} is no JSON object with a 'study_id'") from error
        study = str(study)
        if study in drafts:
            raise InputError(f"line {number} of {path} repeats the study {study!r}; give each study one line")
        sections = {name: value.get(name) or "" for name in _SECTIONS}
        wrong = next((name for name, text in sections.items() if not isinstance(text, str)), None)
        if wrong:
            raise InputError(f"line {number} of {path} holds no text under {wrong!r}")
        drafts[study] = _Draft(sections, failed="error" in value)
    return drafts


def _section(section: str, findings: str | None, impression: str | None) -> str:
    parts = {"findings": (findings,), "impression": (impression,), "both": (findings, impression)}[section]
    text = " ".join(part.strip() for part in parts if part and part.strip())
    return text.encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair


def _pairs_of_text(args: argparse.Namespace, references: list[str], hypotheses: list[str]) -> Pairs:
    from wetread.metrics.evaluation import Pairs

    if len(references) != len(hypotheses):
        raise InputError(
            f"{args.references} has {len(references)} reports and {args.hypotheses} {len(hypotheses)}; "
            "give one line a report in the same order, an empty line for a report that is missing"
        )
    if not references:
        raise InputError(f"{args.references} holds no report; give one a line")
    empty = next((k for k, text in enumerate(references, start=1) if not text.strip()), None)
    if empty is not None:
        raise InputError(f"line {empty} of {args.references} is an empty reference; take it out of both files")
    ids = tuple(str(k) for k in range(1, len(references) + 1))
    return Pairs(ids, tuple(references), tuple(hypotheses))


def _chosen(
    args: argparse.Namespace, studies: list[ManifestStudy], drafts: dict[str, _Draft]
) -> tuple[list, str | None]:
    """The studies that are scored: those of --split, else all splits that the drafts touch."""
    known = {study.study_id: study for study in studies}
    strange = [study for study in drafts if study not in known]
    if strange:
        raise InputError(
            f"{args.hypotheses} holds {len(strange)} studies that {args.references} lacks, such as {strange[0]!r}"
        )
    if args.split:
        kept = [study for study in studies if study.split == args.split]
        if not kept:
            raise InputError(f"{args.references} has no study with the split {args.split!r}")
        splits = {args.split}
    else:
        splits = {known[study].split for study in drafts}
        kept = [study for study in studies if study.split in splits]
    missing = [study.study_id for study in kept if study.study_id not in drafts]
    if missing:
        raise InputError(
            f"{args.hypotheses} lacks {len(missing)} of {len(kept)} studies of {args.references}, such as "
            f"{missing[0]!r}; draft them too, or choose a split with --split"
        )
    named = "+".join(sorted(name for name in splits if name))
    return kept, named or None


def _pairs_of_manifest(
    args: argparse.Namespace, studies: list[ManifestStudy], drafts: dict[str, _Draft], section: str
) -> Pairs:
    from wetread.metrics.evaluation import Pairs

    kept, split = _chosen(args, studies, drafts)
    texts = [(study.study_id, _section(section, study.findings, study.impression)) for study in kept]
    present = [(study, text) for study, text in texts if text]
    if len(present) < len(texts) and args.section != "both":
        study = next(study for study, text in texts if not text)
        raise InputError(
            f"the study {study!r} of {args.references} has no {section} to compare with "
            f"({len(texts) - len(present)} in all); take such studies out, or use --section both, which counts them"
        )
    if not present:
        raise InputError(f"no study of {args.references} has a reference for the section {section}")
    hypotheses = [_section(section, *(drafts[study].sections[name] for name in _SECTIONS)) for study, _ in present]
    return Pairs(
        ids=tuple(study for study, _ in present),
        references=tuple(text for _, text in present),
        hypotheses=tuple(hypotheses),
        failed=sum(drafts[study].failed for study, _ in present),
        left_out=len(texts) - len(present),
        split=split,
    )


@dataclass(frozen=True)
class _Inputs:
    """Reads the files once and gives the pairs of a section."""

    args: argparse.Namespace
    references: list[str]
    studies: list[ManifestStudy] | None

    @classmethod
    def read(cls, args: argparse.Namespace) -> _Inputs:
        lines = _lines(args.references)
        studies = None
        if _is_json(lines):
            from wetread.data.manifest import read_manifest

            studies = read_manifest(args.references)
        elif args.section == "both" or args.split:
            raise UsageError("--section both and --split need a manifest as --references; a text file has neither")
        return cls(args, lines, studies)

    def pairs(self, hypotheses: str, section: str) -> Pairs:
        """References and hypotheses of one section, in the order of the references."""
        lines = _lines(hypotheses)
        args = argparse.Namespace(**{**vars(self.args), "hypotheses": hypotheses})
        if self.studies is None:
            if _is_json(lines):
                raise UsageError(f"{hypotheses} holds JSON lines, so --references must be a manifest to join them with")
            return _pairs_of_text(args, self.references, lines)
        if not _is_json(lines) and any(line.strip() for line in lines):
            raise UsageError(f"{hypotheses} is text; with a manifest as --references it must be JSON lines")
        return _pairs_of_manifest(args, self.studies, _read_drafts(hypotheses, lines), section)


def _train_reports(path: str | None, section: str) -> list[str] | None:
    if path is None:
        return None
    from wetread.data.manifest import iterate_manifest

    reports = [_section(section, s.findings, s.impression) for s in iterate_manifest(path) if s.split == "train"]
    reports = [text for text in reports if text]
    if not reports:
        raise InputError(f"{path} has no report with the split 'train' for the section {section}")
    return reports


def _protocol(args: argparse.Namespace, train: list[str] | None) -> Protocol:
    from wetread.metrics.protocols import R2GenVocabulary, make_protocol

    vocabulary = None
    if args.vocabulary:
        vocabulary = R2GenVocabulary.from_file(args.vocabulary)
    elif train is not None:
        vocabulary = R2GenVocabulary.from_reports(train)
    return make_protocol(args.protocol or ("r2gen" if vocabulary else "ptb"), vocabulary)


def _given_labels(args: argparse.Namespace, pairs: Pairs) -> GivenLabels:
    from wetread.metrics.clinical import read_label_csv
    from wetread.metrics.evaluation import GivenLabels

    def ordered(path: str | None) -> Any:
        if path is None:
            return None
        ids, states = read_label_csv(path)
        if ids is not None and set(pairs.ids) <= set(ids):
            place = {study: k for k, study in enumerate(ids)}
            return states[[place[study] for study in pairs.ids]]
        if len(states) != len(pairs):
            raise InputError(f"the label table {path} has {len(states)} rows for {len(pairs)} reports")
        return states

    return GivenLabels(ordered(args.labels_references), ordered(args.labels_hypotheses))


def _groups(text: str) -> tuple[str, ...]:
    from wetread.metrics.evaluation import GROUPS

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in (*GROUPS, "all")]
    if unknown or not names:
        raise UsageError(f"--metrics takes all or some of {', '.join(GROUPS)}, not {text!r}")
    return GROUPS if "all" in names else names


def _others(text: str) -> tuple[str, ...]:
    from wetread.metrics.adapters import ADAPTERS

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name.lower() not in ADAPTERS]
    if unknown:
        raise UsageError(f"--with takes {', '.join(k.name for k in ADAPTERS.values())}, not {unknown[0]!r}")
    return names


# ------------------------------------------------------------------------------------------------------------- the verb


@contextmanager
def _bar(name: str, total: int) -> Iterator[Callable[[int], Any]]:
    from tqdm import tqdm

    # On a terminal only: a log has no use for a bar.
    with tqdm(total=total, desc=name, file=sys.stderr, leave=False, disable=None) as bar:
        yield bar.update


def _evaluate(args: argparse.Namespace, inputs: _Inputs, section: str) -> Evaluation:
    from wetread.metrics.evaluation import ScoreOptions
    from wetread.metrics.score import evaluate

    pairs = inputs.pairs(args.hypotheses, section)
    other = inputs.pairs(args.against, section).hypotheses if args.against else None
    train = _train_reports(args.train_manifest, section)
    options = ScoreOptions(
        protocol=_protocol(args, train),
        groups=_groups(args.metrics),
        uncertain_as_positive=args.uncertain_as_positive,
        samples=args.samples,
        seed=args.seed,
        meteor=args.meteor,
        others=_others(args.others),
    )
    return evaluate(
        pairs,
        options,
        section=section,
        train=None if args.no_baselines else train,
        labels=_given_labels(args, pairs),
        other=other,
        phase=_bar,
    )


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}; choose another place") from error


def _per_report(evaluations: Sequence[Evaluation]) -> str:
    lines = []
    for evaluation in evaluations:
        columns = {name: measure.per_report for name, measure in evaluation.measures.items()}
        for k, study in enumerate(evaluation.pairs.ids):
            scores = {name: None if values[k] != values[k] else float(values[k]) for name, values in columns.items()}
            lines.append(json.dumps({"study_id": study, "section": evaluation.section, "scores": scores}))
    return "".join(line + "\n" for line in lines)


def run(args: argparse.Namespace) -> int:
    """Score, print, and write what was asked for."""
    inputs = _Inputs.read(args)
    sections = ("both", *_SECTIONS) if args.section == "both" else (args.section,)
    evaluations = [_evaluate(args, inputs, section) for section in sections]
    if args.per_report:
        _write(args.per_report, _per_report(evaluations))
    if args.html:
        from wetread.metrics.page import render_page

        _write(args.html, render_page(evaluations))
    if args.json:
        value = evaluations[0].to_json()
        if len(evaluations) > 1:
            value["sections"] = {e.section: e.to_json() for e in evaluations[1:]}
        print(json.dumps(value, ensure_ascii=False))
    else:
        from wetread.metrics.table import render_table

        print("\n".join(render_table(evaluation) for evaluation in evaluations), end="")
    return 0
