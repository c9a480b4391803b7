"""An evaluation as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from wetread.metrics.consistency import compare
from wetread.metrics.evaluation import Evaluation
from wetread.report.labeler import Mention, label_spans

__all__ = ["render_page"]

_CASES = 6
_BINS = 24
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2733; --paper: #fff; --soft: #5b6b7a; --line: #d5dde5; --mine: #1f6fb2;
        --theirs: #9aa9b7; --good: #2e7d4f; --only: #fff0c2; --against: #ffd0cc; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5ecf2; --paper: #12181e; --soft: #9fb0bf; --line: #2d3a46;
        --mine: #5aa9e6; --theirs: #5d6e7d; --good: #6cc391; --only: #5a4a12; --against: #6b2a26; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
       max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); }
th { text-align: left; font-weight: 600; } td.n { text-align: right; white-space: nowrap;
       font-variant-numeric: tabular-nums; }
.note { border-left: 4px solid #c98a00; padding: .4rem .8rem; background: var(--only); }
.soft, figcaption { color: var(--soft); font-size: .88rem; } code { overflow-wrap: anywhere; }
.case { display: grid; grid-template-columns: 1fr 1fr; gap: 1.2rem;
        border-top: 1px solid var(--line); padding: .8rem 0; }
.case header { grid-column: 1 / -1; } .case p { margin: 0; } .wide { overflow-x: auto; }
mark { color: inherit; border-radius: 3px; padding: 0 .15em; } mark.only { background: var(--only); }
mark.against { background: var(--against); } svg text { fill: currentColor; font-size: 12px; } figure { margin: 0; }
@media (max-width: 40rem) { .case { grid-template-columns: 1fr; } }
"""


def render_page(evaluations: Sequence[Evaluation]) -> str:
    """One page for one or several sections."""
    sections = "\n".join(_section(evaluation) for evaluation in evaluations)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>wetread score</title><style>{_STYLE}</style></head><body>"
        f"<h1>Drafts against references</h1>{sections}"
        '<footer><p class="soft">Research use; not a medical device. The definition of every score is in '
        "docs/metrics.md of wetread.</p></footer></body></html>\n"
    )


def _section(evaluation: Evaluation) -> str:
    template = f'<p class="note">{escape(evaluation.template)}</p>' if evaluation.template else ""
    parts = [
        f"<section><h1>{escape(evaluation.section.capitalize())}</h1>",
        f'<p class="soft"><code>{escape(evaluation.signature)}</code></p>',
        template,
        _scores(evaluation),
        _label_plot(evaluation),
        _contradictions(evaluation),
        _shape(evaluation),
        _cases(evaluation),
        "</section>",
    ]
    return "\n".join(part for part in parts if part)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(text)}</th>" for text in head)
    body = "".join(
        "<tr>" + "".join(f"<td{' class=n' if k else ''}>{escape(cell)}</td>" for k, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _number(value: object) -> str:
    found = value.get("value") if isinstance(value, dict) else value
    return f"{found:.4f}" if isinstance(found, float) else "–"


def _scores(evaluation: Evaluation) -> str:
    kinds = ("constant", "random", "most_frequent")
    rows = []
    for name, measure in evaluation.measures.items():
        low, high = evaluation.intervals[name]
        others = [_number(evaluation.baselines.get(kind, {}).get(name)) for kind in kinds]
        row = [name, f"{measure.value:.4f}", f"{low:.4f} – {high:.4f}", *others]
        if evaluation.comparison:
            c = evaluation.comparison.get(name)
            row += [f"{c.other:.4f}", f"{c.difference:+.4f}", f"{c.p:.4f}"] if c else ["–", "–", "–"]
        rows.append(row)
    head = ["", "score", "95 % interval", "constant", "random train report", "most frequent report"]
    if evaluation.comparison:
        head += ["other system", "difference", "p"]
    missing = "".join(
        f'<p class="soft">Not available: {escape(name)}: {escape(reason)}</p>'
        for name, reason in evaluation.unavailable.items()
    )
    absent = evaluation.baselines.get("unavailable")
    missing += f'<p class="soft">{escape(absent)}</p>' if absent else ""
    return f"<h2>Scores</h2>{_table(head, rows)}{missing}"


# ---------------------------------------------------------------------------------------------------------------- plots


def _label_plot(evaluation: Evaluation) -> str:
    """F1 of each label as a bar, precision and recall as marks, and how often each text has it."""
    if not evaluation.per_label:
        return ""
    left, width, step = 190, 420, 24
    height = step * len(evaluation.per_label) + 30
    marks = []
    for k in range(5):
        x = left + width * k / 4
        marks.append(
            f'<line x1="{x}" y1="0" x2="{x}" y2="{height - 28}" stroke="var(--line)"/>'
            f'<text x="{x}" y="{height - 10}" text-anchor="middle">{k / 4:g}</text>'
        )
    for k, (name, row) in enumerate(evaluation.per_label.items()):
        y = step * k + 4
        counts = f"{row['reference']} / {row['hypothesis']} / {row['both']}"
        marks.append(
            f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left}" y="{y}" width="{width * row["f1"]:.1f}" height="15" fill="var(--mine)"/>'
            f'<circle cx="{left + width * row["precision"]:.1f}" cy="{y + 7.5}" r="4" fill="none" '
            'stroke="var(--good)" stroke-width="2"/>'
            f'<path d="M{left + width * row["recall"]:.1f} {y + 2} v11" stroke="currentColor" stroke-width="2"/>'
            f'<text x="{left + width + 12}" y="{y + 12}">{counts}</text>'
        )
    return (
        "<h2>Findings, by label</h2><figure>"
        f'<svg viewBox="0 0 {left + width + 130} {height}" role="img" aria-label="F1 by label" width="100%">'
        f"{''.join(marks)}</svg><figcaption>Bar: F1; ring: precision; stroke: recall. To the right: positive in the "
        "reference / in the hypothesis / in both.</figcaption></figure>"
    )


def _contradictions(evaluation: Evaluation) -> str:
    kept = {name: row for name, row in evaluation.contradictions.items() if any(row.values())}
    if not kept:
        return ""
    head = ["", *next(iter(kept.values()))]
    return "<h2>Agreements and contradictions</h2>" + _table(
        head, [(n, *map(str, r.values())) for n, r in kept.items()]
    )


def _lengths(texts: Sequence[str]) -> np.ndarray:
    return np.array([len(text.split()) for text in texts], dtype=np.int64)


def _shape(evaluation: Evaluation) -> str:
    """Length of the texts and how far the hypotheses differ from each other."""
    pairs = evaluation.pairs
    ours, theirs = _lengths(pairs.hypotheses), _lengths(pairs.references)
    top = int(max(1, np.percentile(np.concatenate([ours, theirs]), 99)))
    edges = np.linspace(0, top, _BINS + 1)
    counts = [np.histogram(np.minimum(values, top), edges)[0] for values in (theirs, ours)]
    highest = max(1, *(int(c.max()) for c in counts))
    bars = []
    for k in range(_BINS):
        for side, (values, colour) in enumerate(zip(counts, ("var(--theirs)", "var(--mine)"))):
            tall = 150 * values[k] / highest
            x = 20 + 24 * k + 10 * side
            bars.append(f'<rect x="{x}" y="{160 - tall:.1f}" width="9" height="{tall:.1f}" fill="{colour}"/>')
    ticks = "".join(
        f'<text x="{20 + 24 * k}" y="178" text-anchor="middle">{edges[k]:.0f}</text>' for k in range(0, _BINS + 1, 4)
    )
    frequent = Counter(text.strip() for text in pairs.hypotheses).most_common(5)
    own = len({text.strip() for text in pairs.references})
    rows = [(_short(text), str(times), f"{times / len(pairs):.1%}") for text, times in frequent]
    return (
        "<h2>Length and distinctness</h2><figure>"
        f'<svg viewBox="0 0 620 185" role="img" aria-label="Length in words" width="100%">{"".join(bars)}{ticks}</svg>'
        f"<figcaption>Words per report; grey: references (median {np.median(theirs):.0f}), blue: hypotheses (median "
        f"{np.median(ours):.0f}).</figcaption></figure>"
        f"<p>{evaluation.distinct} distinct hypotheses and {own} distinct references in {len(pairs)} studies. The "
        f"hypotheses that occur most often:</p>{_table(('', 'times', 'share'), rows)}"
    )


def _short(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


# ---------------------------------------------------------------------------------------------------------------- cases


def _ranking(evaluation: Evaluation) -> tuple[str, np.ndarray] | None:
    for name in ("CIDEr", "micro-14", "consistency"):
        if name in evaluation.measures:
            return name, np.nan_to_num(evaluation.measures[name].per_report, nan=0.0)
    return None


def _cases(evaluation: Evaluation) -> str:
    """The worst and the best pairs side by side, what differs marked."""
    ranking = _ranking(evaluation)
    if ranking is None:
        return ""
    name, values = ranking
    order = np.argsort(values, kind="stable")
    count = min(_CASES, len(order) // 2) or 1
    worst, best = order[:count], order[::-1][:count]
    legend = (
        '<p class="soft">Marked: <mark class="only">a finding that only this text states so</mark>, '
        '<mark class="against">a contradiction</mark>.</p>'
    )
    parts = []
    for title, which in (("Worst cases", worst), ("Best cases", best)):
        cases = "".join(_case(evaluation, int(k), name, values[k]) for k in which)
        parts.append(f"<h2>{title} by {escape(name)}</h2>{legend}{cases}")
    return "".join(parts)


def _case(evaluation: Evaluation, k: int, name: str, value: float) -> str:
    pairs = evaluation.pairs
    reference, hypothesis = pairs.references[k], pairs.hypotheses[k]
    against = compare(reference, hypothesis).contradictions
    theirs, ours = label_spans(reference), label_spans(hypothesis)
    left = _marked(reference, theirs, ours, {c.reference for c in against})
    right = _marked(hypothesis, ours, theirs, {c.hypothesis for c in against})
    return (
        f'<div class="case"><header><strong>{escape(pairs.ids[k])}</strong> '
        f'<span class="soft">{escape(name)} {value:.4f}</span></header>'
        f'<div><p class="soft">Reference</p><p>{left}</p></div>'
        f'<div><p class="soft">Hypothesis</p><p>{right}</p></div></div>'
    )


def _marked(text: str, mine: Sequence[Mention], others: Sequence[Mention], against: set[Mention]) -> str:
    """The text with marks around the findings that the other text does not state, or contradicts."""
    stated = {(m.label, m.state) for m in others}
    pieces, at = [], 0
    for mention in sorted(mine, key=lambda m: m.start):
        if mention.start < at:
            continue
        kind = "against" if mention in against else "only" if (mention.label, mention.state) not in stated else ""
        if not kind:
            continue
        title = escape(f"{mention.label}: {mention.state}", quote=True)
        inside = escape(text[mention.start : mention.end])
        pieces.append(f'{escape(text[at : mention.start])}<mark class="{kind}" title="{title}">{inside}</mark>')
        at = mention.end
    return "".join(pieces) + escape(text[at:]) or '<span class="soft">(empty)</span>'
