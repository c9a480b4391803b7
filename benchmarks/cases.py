"""Val cases side by side, for reading and judging: films, the radiologist's report, the draft, its errors marked.

    python benchmarks/cases.py --manifest MANIFEST --out FILE.html [--bundle BUNDLE] [--count 20] [--seed 7]

The studies are drawn at random by the seed, not chosen. The page holds films and reports of the collection: it stays on
the machine where it was made. What counts as contradicted: ``judge.py``.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command import command
from judge import Reference, contradictions, missed
from PIL import Image
from tqdm import tqdm

from wetread.data.manifest import ManifestStudy, read_manifest
from wetread.draft import Drafter
from wetread.image.read import read_study
from wetread.image.transforms import stretch
from wetread.types import LABELS, Draft, Sentence, Study, View

ROOT = Path(__file__).resolve().parents[1]
SIDE = 250  # pixels of a film on the page
BAR = 90  # pixels of a probability of 1
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#f0e442", "#0072b2")
STYLE = Path(__file__).with_suffix(".css")


@dataclass(frozen=True)
class Case:
    """A study with its reference and draft; ``why``: for each sentence why it is contradicted."""

    row: ManifestStudy
    study: Study
    draft: Draft
    reference: Reference
    why: tuple[tuple[str, ...], ...]
    missed: tuple[str, ...]


def case_of(drafter: Drafter, row: ManifestStudy) -> Case:
    """Draft a study, films alone, and judge it."""
    study = read_study([v.path for v in row.views], study_id=row.study_id)
    draft = drafter.draft(study)
    reference = Reference.of(row)
    why = tuple(tuple(contradictions(s.text, reference)) for s in draft.sentences)
    lacking = missed(" ".join(s.text for s in draft.sentences), reference)
    return Case(row, study, draft, reference, why, tuple(lacking))


def _picture(view: View) -> str:
    grey = Image.fromarray((stretch(view.pixels) * 255).astype(np.uint8)).resize((2 * SIDE, 2 * SIDE))
    data = io.BytesIO()
    grey.save(data, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _numbered(case: Case) -> dict[int, int]:
    """Sentence → its number on the film: what FINDINGS says was seen."""
    seen = [
        i
        for i, s in enumerate(case.draft.sentences)
        if s.section == "findings" and any(e.kind == "seen" for e in s.evidence)
    ]
    return {i: n for n, i in enumerate(seen, 1)}


def _colour(number: int) -> str:
    return COLOURS[(number - 1) % len(COLOURS)]


def _film(case: Case, v: int, numbers: dict[int, int]) -> str:
    view = case.study.views[v]
    x, y = SIDE / view.columns, SIDE / view.rows
    shapes = []
    for i, number in numbers.items():
        for evidence in case.draft.sentences[i].evidence:
            if evidence.view == v:
                x0, y0, x1, y1 = evidence.box
                colour = _colour(number)
                shapes.append(
                    f'<rect x="{x0 * x:.0f}" y="{y0 * y:.0f}" width="{(x1 - x0) * x:.0f}" height="{(y1 - y0) * y:.0f}"'
                    f' fill="none" stroke="{colour}" stroke-width="2"/><text x="{x0 * x + 4:.0f}" '
                    f'y="{y0 * y + 14:.0f}" fill="{colour}" font-size="13" font-weight="700">{number}</text>'
                )
    return (
        f'<div class="film"><img alt="{view.projection} film" src="{_picture(view)}"><svg>{"".join(shapes)}</svg>'
        f"<span>{view.projection}</span></div>"
    )


def _sentence(sentence: Sentence, why: Sequence[str], number: int | None) -> str:
    tag = f'<span class="tag" style="background:{_colour(number)}">{number}</span>' if number else ""
    reason = f'<span class="why">{html.escape("; ".join(why))}</span>' if why else ""
    return (
        f'<li class="{"bad" if why else ""}"><span class="sure">{sentence.confidence:.2f}</span>{tag}'
        f"{html.escape(sentence.text)}{reason}</li>"
    )


def _draft(case: Case, numbers: dict[int, int]) -> str:
    parts = []
    for section in ("findings", "impression"):
        own = [(i, s) for i, s in enumerate(case.draft.sentences) if s.section == section]
        items = "".join(_sentence(s, case.why[i], numbers.get(i)) for i, s in own)
        parts.append(f'<h3>Draft: {section}</h3><ol class="said">{items}</ol>')
    if case.missed:
        parts.append(f'<p class="missed"><b>Missed:</b> {html.escape(", ".join(case.missed))}</p>')
    elif not any(case.why):
        parts.append('<p class="none">Nothing contradicted, nothing missed.</p>')
    if case.draft.warnings:
        notes = "<br>".join(html.escape(w) for w in case.draft.warnings)
        parts.append(f'<p class="notes">{notes}</p>')
    return "".join(parts)


def _truth(case: Case) -> str:
    parts = []
    for name in ("indication", "findings", "impression"):
        text = getattr(case.row, name)
        if text:
            parts.append(f'<h3>Radiologist: {name}</h3><p class="truth">{html.escape(text)}</p>')
    tags = [n for n, state in (case.row.labels or {}).items() if state == "positive"]
    more = sorted(case.reference.has - set(tags))
    chips = [f"<span>{html.escape(n)}</span>" for n in tags] + [f"<span>{html.escape(n)} (report)</span>" for n in more]
    parts.append(f'<h3>Labels, positive</h3><div class="chips">{"".join(chips) or "none"}</div>')
    return "".join(parts)


def _bars(case: Case) -> str:
    colour = {"positive": "#d55e00", "uncertain": "#e69f00", "negative": "#9aa4b1"}
    rows = []
    for name in sorted(LABELS, key=lambda n: -case.draft.labels[n].probability):
        finding = case.draft.labels[name]
        has = name in case.reference.has or (name == "No Finding" and case.reference.normal)
        width, mark = BAR * finding.probability, BAR * finding.positive_from
        state = finding.state if finding.state != "negative" else ""
        rows.append(
            f'<tr class="{"has" if has else ""}"><td>{html.escape(name)}</td><td class="bar">'
            f'<svg width="{BAR}" height="12"><rect width="{BAR}" height="8" y="2" fill="#eceff3"/>'
            f'<rect width="{width:.1f}" height="8" y="2" fill="{colour[finding.state]}"/>'
            f'<line x1="{mark:.1f}" x2="{mark:.1f}" y2="12" stroke="#1b1f24"/></svg></td>'
            f"<td>{finding.probability:.2f}</td><td>{state}</td></tr>"
        )
    return f'<h3>Findings (bold: the reference has it)</h3><table class="bars">{"".join(rows)}</table>'


def _article(n: int, case: Case) -> str:
    numbers = _numbered(case)
    films = "".join(_film(case, v, numbers) for v in range(min(2, len(case.study.views))))
    wrong = sum(map(bool, case.why))
    count = f"<b>{wrong} contradicted</b>, " if wrong else ""
    lacking = f"<b>{len(case.missed)} missed</b>" if case.missed else "none missed"
    return (
        f'<article id="c{n}"><div class="top"><h2>{n}. {html.escape(case.row.study_id)}</h2><span class="count">'
        f"{len(case.draft.sentences)} sentences, {count}{lacking}</span></div>"
        f'<div class="grid"><div class="films">{films}</div><div>{_truth(case)}</div><div>{_draft(case, numbers)}</div>'
        f"<div>{_bars(case)}</div></div></article>"
    )


def page(cases: Sequence[Case], seed: int) -> str:
    """The whole page."""
    sentences = sum(len(c.why) for c in cases)
    wrong = sum(map(bool, (w for c in cases for w in c.why)))
    free = sum(not any(c.why) and not c.missed for c in cases)
    rows = (
        (sentences, "sentences drafted"),
        (wrong, "of them contradicted by the reference"),
        (sum(len(c.missed) for c in cases), "findings missed"),
        (free, f"of {len(cases)} studies without either"),
    )
    table = "".join(f"<tr><td>{n}</td><td>{html.escape(text)}</td></tr>" for n, text in rows)
    links = "".join(
        f'<a href="#c{n}" class="{"bad" if any(c.why) or c.missed else ""}">{n}</a>' for n, c in enumerate(cases, 1)
    )
    info = cases[0].draft.model
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>wetread: val cases</title>'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style>"
        f"<header><h1>{len(cases)} val cases, drawn at random (seed {seed})</h1>"
        f'<p class="notice">Research use; not a medical device. This page holds films and reports of IU X-Ray '
        "(CC BY-NC-ND 4.0): do not pass it on.</p>"
        f'<p class="lead">Drafts by {html.escape(info.name)} {html.escape(info.version)} ({info.sha256[:12]}) from the '
        "films alone. Red: the reference contradicts the sentence, by its labels or its words. The number at the right "
        "of a sentence is its confidence. Boxes on the films: where numbered sentences come from. Films are shown "
        f'squashed to a square, as they are at hand.</p><table class="sum">{table}</table><nav>{links}</nav></header>'
        f"<main>{''.join(_article(n, c) for n, c in enumerate(cases, 1))}</main></html>"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    if args.out.resolve().is_relative_to(ROOT):
        parser.error("the page holds films and reports of the collection: write it outside of the repository")
    rows = [r for r in read_manifest(args.manifest) if r.split == "val" and r.findings and r.views]
    chosen = np.random.default_rng(args.seed).choice(len(rows), min(args.count, len(rows)), replace=False)
    drafter = Drafter.load(args.bundle, threads=args.threads)
    cases = [case_of(drafter, rows[i]) for i in tqdm(chosen, desc="drafts", unit="study")]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(page(cases, args.seed), encoding="utf-8")
    print(f"{args.out}: {len(cases)} cases")


if __name__ == "__main__":
    command(main)
