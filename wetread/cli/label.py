"""``wetread label``: one report a line in, one JSON object a line out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, BinaryIO

from wetread.errors import InputError

__all__ = ["HELP", "configure", "run"]

HELP = "The 14 CheXpert labels of report text: positive, negative, uncertain or null, one JSON object a line."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="UTF-8 text, one report a line; without it: stdin"
    )
    parser.add_argument(
        "--spans", action="store_true", help="add 'spans': label, state, sentence, place, phrase, side, zone, severity"
    )
    parser.add_argument(
        "--convention",
        choices=("chexbert", "plain"),
        default="chexbert",
        help="chexbert (default): agree with the labeler that published scores use, its habits included; "
        "plain: what the text says",
    )


def run(args: argparse.Namespace) -> int:
    if args.file == "-":
        _label(sys.stdin.buffer, "stdin", args)
        return 0
    try:
        with open(args.file, "rb") as stream:
            _label(stream, args.file, args)
    except BrokenPipeError:
        raise  # the reader of our output went away: not the file's fault
    except OSError as error:
        raise InputError(
            f"{args.file} cannot be read: {error.strerror}; give a text file with one report a line"
        ) from error
    return 0


def _lines(stream: BinaryIO, name: str) -> Iterator[str]:
    """The lines of a UTF-8 stream without their ends; only a line feed ends a line."""
    for number, line in enumerate(stream, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{name}, line {number}: byte {error.start + 1} is not UTF-8; convert it, e.g. with iconv -t UTF-8"
            ) from error
        yield text.rstrip("\r\n")


def _label(stream: BinaryIO, name: str, args: argparse.Namespace) -> None:
    from wetread.report.labeler import label, label_spans

    for text in _lines(stream, name):
        line: dict[str, Any] = dict(label(text, args.convention))
        if args.spans:
            line["spans"] = [asdict(mention) for mention in label_spans(text, args.convention)]
        sys.stdout.write(json.dumps(line) + "\n")
