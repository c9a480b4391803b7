"""``wetread similar``: an index of one's own studies, and what in it is like a study."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wetread.errors import InputError, WetreadError

if TYPE_CHECKING:
    import numpy as np

    from wetread.data.manifest import ManifestStudy
    from wetread.draft import Drafter
    from wetread.similar import Index, Record

__all__ = ["HELP", "configure", "run"]

HELP = "Similar cases: build an index of your own studies, ask it, erase from it."
_BATCH = 32  # studies between two writes: what a crash costs
_NOTE = 300  # characters of the impression that are kept to be shown


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = verbs.add_parser("build", help="add the studies of a manifest; run it again to go on or to add more")
    build.add_argument("manifest", metavar="MANIFEST", type=Path, help="JSON lines; see 'wetread data prepare'")
    build.add_argument("directory", metavar="DIR", type=Path, help="where the index lies, or is to lie")
    build.add_argument("--model", metavar="BUNDLE", type=Path, help="a model bundle (default: the one that ships)")
    build.add_argument("--split", metavar="NAME", help="only the studies of this split")
    build.add_argument("--no-notes", action="store_true", help="store no text, only study ids and numbers")
    build.add_argument("--float16", action="store_true", help="half the disk; scores to three digits")
    build.add_argument("--quiet", action="store_true", help="no progress bar")
    query = verbs.add_parser("query", help="the studies that are most like one")
    query.add_argument("paths", metavar="PATH", nargs="+", help="films (DICOM, PNG, JPEG, TIFF) or their folder")
    query.add_argument("--index", metavar="DIR", type=Path, required=True)
    query.add_argument("--study-id", metavar="ID", help="its own id, so that it does not find itself")
    query.add_argument("--model", metavar="BUNDLE", type=Path, help="a model bundle (default: the one that ships)")
    query.add_argument("-k", type=int, default=5, help="how many; default: %(default)s")
    query.add_argument("--json", action="store_true", help="JSON instead of a table")
    remove = verbs.add_parser("remove", help="erase studies from the index and its files")
    remove.add_argument("directory", metavar="DIR", type=Path)
    remove.add_argument("study_ids", metavar="ID", nargs="+")
    info = verbs.add_parser("info", help="what an index holds")
    info.add_argument("directory", metavar="DIR", type=Path)


def run(args: argparse.Namespace) -> int:
    actions = {"build": _build, "query": _query, "remove": _remove, "info": _info}
    return actions[args.action](args)


def _build(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from wetread.data.manifest import read_manifest
    from wetread.draft import Drafter

    studies = [s for s in read_manifest(args.manifest) if args.split is None or s.split == args.split]
    drafter = Drafter.load(args.model)
    index = _open_or_create(args, drafter)
    todo = [s for s in studies if s.study_id not in index]
    added = failed = 0
    with tqdm(total=len(todo), unit=" studies", disable=args.quiet or None) as bar:
        for rows in _batches(_embedded(todo, drafter, args, bar)):
            good = [row for row in rows if row[1] is not None]
            _add(index, good)
            added += len(good)
            failed += len(rows) - len(good)
    words = f"{added:,} added, {failed:,} failed, {len(studies) - len(todo):,} there before; {len(index):,} in all"
    print(f"{words}; {args.directory}. Research use; not a medical device.", file=sys.stderr)
    if failed and not added:
        raise InputError(f"none of the {failed} studies of {args.manifest} could be read; see the lines above")
    return 0


def _open_or_create(args: argparse.Namespace, drafter: Drafter) -> Index:
    import numpy as np

    from wetread.similar import Index
    from wetread.types import Study, View

    if (args.directory / "header.json").exists():
        return Index.open(args.directory, drafter.bundle.info)
    # An empty film tells how long an embedding of this model is.
    blank = Study("", (View("", np.zeros((64, 64), np.float32), "frontal"),))
    dim = len(drafter.embed(blank))
    return Index.create(args.directory, drafter.bundle.info, dim, "float16" if args.float16 else "float32")


_Row = tuple["Record", "np.ndarray | None"]


def _embedded(studies: list[ManifestStudy], drafter: Drafter, args: argparse.Namespace, bar: Any) -> Iterator[_Row]:
    """Each study with its embedding, or None and a line on stderr where it cannot be read."""
    from wetread.image.read import read_study
    from wetread.similar import Record

    for row in studies:
        note = "" if args.no_notes else " ".join((row.impression or row.findings or "").split())[:_NOTE]
        record = Record(row.study_id, str(args.manifest), note)
        try:
            if not row.views:
                raise InputError(f"study {row.study_id} has no films in {args.manifest}")
            yield record, drafter.embed(read_study([v.path for v in row.views], study_id=row.study_id))
        except WetreadError as error:
            bar.write(f"wetread: {error}", file=sys.stderr)
            yield record, None
        bar.update()


def _batches(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    batch: list[_Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _add(index: Index, rows: list[_Row]) -> None:
    import numpy as np

    vectors = [vector for _, vector in rows if vector is not None]
    if vectors:
        index.add([record for record, _ in rows], np.stack(vectors))


def _query(args: argparse.Namespace) -> int:
    from wetread.draft import Drafter
    from wetread.image.read import read_study
    from wetread.similar import Index

    drafter = Drafter.load(args.model)
    index = Index.open(args.index, drafter.bundle.info)
    study = read_study(args.paths, study_id=args.study_id)
    cases = index.search(drafter.embed(study), args.k, exclude=(study.study_id,))
    rows = [(case.score, index.record(case.study_id)) for case in cases]
    if args.json:
        similar = [{"score": score, **vars(record)} for score, record in rows]
        print(json.dumps({"study_id": study.study_id, "similar": similar}, ensure_ascii=False, indent=1))
        return 0
    for score, record in rows:
        print(f"{score:5.2f}  {record.study_id}  {record.note}".rstrip())
    print(f"{len(rows)} of {len(index):,} studies. Research use; not a medical device.", file=sys.stderr)
    return 0


def _remove(args: argparse.Namespace) -> int:
    from wetread.similar import Index

    index = Index.open(args.directory)
    unknown = [name for name in args.study_ids if name not in index]
    count = index.remove(args.study_ids)
    print(f"{count} erased, {len(index):,} left; {args.directory}")
    if unknown:
        raise InputError(f"{', '.join(unknown)}: not in the index {args.directory}; 'wetread similar info' counts it")
    return 0


def _info(args: argparse.Namespace) -> int:
    from wetread.similar import Index

    header = Index.open(args.directory).header
    model = header.model
    print(f"{header.rows:,} studies, {header.dim} numbers of {header.dtype} each, in {args.directory}")
    print(f"made by {model.name} {model.version}, sha256 {model.sha256}")
    return 0
