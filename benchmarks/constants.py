"""What one report for every study scores on val, and how much of it comes from saying the same thing twice.

    python benchmarks/constants.py --manifest MANIFEST --drafts DIR/val_drafts.jsonl

For each metric the constant is searched on train by adding, dropping and exchanging sentences
(``wetread.metrics.baselines``): freely, and so that no sentence says most of what another one says
(``wetread.train.assemble.alike``), as drafts are held to. Beside them the drafts that ``val_table.py`` wrote. METEOR
needs the package pycocoevalcap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from command import command
from section import table
from tqdm import tqdm
from val_table import arguments, val_of

from wetread.data.manifest import read_manifest
from wetread.errors import InputError
from wetread.metrics.baselines import find_constants
from wetread.metrics.meteor import Meteor, meteor_measure
from wetread.metrics.nlg import corpus_scores
from wetread.metrics.protocols import Protocol
from wetread.train.assemble import alike

METRICS = ("BLEU-4", "ROUGE-L", "METEOR", "CIDEr")


def once(sentences: Sequence[str]) -> bool:
    """Whether no sentence says most of what another one says."""
    said = alike(sentences)
    return int(said.sum()) == len(sentences)


def scores(references: Sequence[str], texts: Sequence[str], protocol: Protocol, meteor: Meteor) -> dict[str, float]:
    said = protocol.hypotheses(texts)
    measured = corpus_scores(references, said)
    return {
        **{k: measured[k] for k in METRICS if k in measured},
        "METEOR": meteor_measure(meteor, references, said).value,
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--drafts", type=Path, required=True)
    args = parser.parse_args()
    val, measured = val_of(args.manifest, args.limit)
    protocol = measured.protocols["r2gen"]
    train = [r.findings for r in read_manifest(args.manifest) if r.split == "train" and r.findings]
    written = {
        d["study_id"]: d["findings"] for d in map(json.loads, args.drafts.read_text(encoding="utf-8").splitlines())
    }
    if missing := [r.study_id for r in val if r.study_id not in written]:
        raise InputError(f"{args.drafts} has no draft of {missing[0]}; name the file that val_table.py wrote")
    drafts = [written[r.study_id] for r in val]
    references = protocol.references(measured.references)
    meteor = Meteor.load([*references, *protocol.references(train), *protocol.hypotheses([*train, *drafts])])

    def meteor_of(heard: Sequence[str], text: str) -> float:
        return meteor_measure(meteor, heard, [text] * len(heard)).value

    rows = [["one report for all", "searched for", "words", *METRICS]]
    kinds: dict[str, Callable[[Sequence[str]], bool] | None] = {"free": None, "nothing said twice": once}
    for kind, fits in kinds.items():
        with tqdm(desc=f"constants, {kind}", total=7) as bar:
            key = f"{protocol.signature} {kind}"
            found = find_constants(
                train, protocol.references, protocol.hypothesis, key, meteor=meteor_of, fits=fits, progress=bar.update
            )
        for name in METRICS:
            got = scores(references, [found[name]] * len(val), protocol, meteor)
            rows.append([kind, name, str(len(found[name].split())), *(f"{got[k]:.3f}" for k in METRICS)])
    got = scores(references, drafts, protocol, meteor)
    length = sum(len(d.split()) for d in drafts) / len(drafts)
    rows.append(["drafts", "", f"{length:.0f}", *(f"{got[k]:.3f}" for k in METRICS)])
    print(f"{len(val)} val studies.\n\n{table(rows)}")


if __name__ == "__main__":
    command(main)
