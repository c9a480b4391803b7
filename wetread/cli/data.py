"""``wetread data prepare KIND SOURCE DEST``: a collection of studies → its manifest."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["HELP", "configure", "run"]

HELP = "Prepare a collection: films and reports → a manifest (JSON lines), with a count of what was dropped and why."

_KINDS = {
    "iu-xray": "IU X-Ray: the collection's XML with images, R2Gen's layout, or the Kaggle layout; found out by itself",
    "mimic-cxr": "MIMIC-CXR or MIMIC-CXR-JPG: the official CSVs and the files/ tree",
    "folder": "your own studies: a subfolder a study with its films and, if you have it, report.txt or a CSV",
}


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    prepare = actions.add_parser("prepare", help=HELP, description=HELP)
    kinds = prepare.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, text in _KINDS.items():
        sub = kinds.add_parser(kind, help=text, description=text)
        sub.add_argument("source", type=Path, metavar="SOURCE", help="the folder of the collection")
        sub.add_argument("dest", type=Path, metavar="DEST", help="the manifest to write, or a folder for it")
        sub.add_argument("--split-file", type=Path, metavar="CSV", help="a split to use instead of the official one")
        sub.add_argument("--labels", type=Path, metavar="CSV", help="labels in CheXbert's form (1, 0, -1, blank)")
        sub.add_argument("--no-labeler", action="store_true", help="leave studies without labels that the table lacks")
        sub.add_argument("--quiet", action="store_true", help="no progress bar and no table of counts")
        if kind != "folder":
            sub.add_argument("--images", type=Path, metavar="DIR", help="the films, where they are not below SOURCE")
        if kind == "iu-xray":
            sub.add_argument(
                "--all-views", action="store_true", help="all films of the split's studies, not R2Gen's two alone"
            )
        if kind == "mimic-cxr":
            sub.add_argument("--reports", type=Path, metavar="DIR", help="the reports, where they are not below SOURCE")
        if kind == "folder":
            sub.add_argument("--reports", type=Path, metavar="CSV", help="study_id and sections, instead of report.txt")


def _labeler(args: argparse.Namespace) -> Callable[[str], Mapping[str, str | None]] | None:
    if args.no_labeler:
        return None
    from wetread.report.labeler import label

    return label


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from wetread.data.prepare import save

    def progress(items: Iterable[Any], total: int) -> Iterable[Any]:
        return tqdm(items, total=total, unit=" studies", disable=args.quiet or None)

    prepared = _PREPARE[args.kind](args, progress)
    manifest, counts = save(prepared, args.dest)
    if not args.quiet:
        print(prepared.table())
    print(f"{manifest} ({len(prepared.studies):,} studies; counts in {counts})")
    return 0


def _iu_xray(args: argparse.Namespace, progress: Any) -> Any:
    from wetread.data.iu_xray import IuOptions, prepare_iu_xray

    options = IuOptions(args.images, args.split_file, args.labels, _labeler(args), args.all_views)
    return prepare_iu_xray(args.source, options, progress)


def _mimic_cxr(args: argparse.Namespace, progress: Any) -> Any:
    from wetread.data.mimic_cxr import MimicOptions, prepare_mimic_cxr

    options = MimicOptions(args.images, args.reports, args.split_file, args.labels, _labeler(args))
    return prepare_mimic_cxr(args.source, options, progress)


def _folder(args: argparse.Namespace, progress: Any) -> Any:
    from wetread.data.folder import FolderOptions, prepare_folder

    options = FolderOptions(args.reports, args.split_file, args.labels, _labeler(args))
    return prepare_folder(args.source, options, progress)


_PREPARE: dict[str, Callable[[argparse.Namespace, Any], Any]] = {
    "iu-xray": _iu_xray,
    "mimic-cxr": _mimic_cxr,
    "folder": _folder,
}
