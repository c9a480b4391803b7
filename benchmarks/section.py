"""Put what a benchmark printed into a document, under its heading or between its markers.

    python benchmarks/findings.py CONFIG --markdown | python benchmarks/section.py docs/results.md Findings "COMMAND"
    python benchmarks/section.py README.md --marker scores < scores.md

A section is replaced where it is there and appended where it is not; COMMAND is said above the figures, with the bundle
that they are of. What stands below ``<!-- kept -->`` in the section is kept.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from wetread.model.bundle import Bundle

#: Above what is not of the figures: what people wrote, or another command.
KEPT = "<!-- kept -->"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first row is the head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def put_section(text: str, heading: str, body: str) -> str:
    """The document with the section ``## heading`` replaced, but for what is written by hand, or appended."""
    section = f"## {heading}\n\n{body.strip()}\n"
    pattern = re.compile(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if found := pattern.search(text):
        if kept := found[0].partition(KEPT)[2].strip():
            section += f"\n{KEPT}\n\n{kept}\n"
        return pattern.sub(lambda _: section + "\n", text).rstrip() + "\n"
    return f"{text.rstrip()}\n\n{section}"


def put_marked(text: str, marker: str, body: str) -> str:
    """The document with what stands between ``<!-- marker -->`` and ``<!-- /marker -->`` replaced."""
    pattern = re.compile(rf"(<!-- {re.escape(marker)} -->\n).*?(<!-- /{re.escape(marker)} -->)", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"there is no <!-- {marker} --> in the document")
    return pattern.sub(lambda m: f"{m[1]}{body.strip()}\n{m[2]}", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    parser.add_argument("heading", nargs="?")
    parser.add_argument("command", nargs="?")
    parser.add_argument("--marker")
    parser.add_argument("--bundle", type=Path, help="the figures are of this one; without it none is named")
    args = parser.parse_args()
    body = sys.stdin.read()
    if not body.strip():
        sys.exit("nothing was printed: the document is left as it is")
    text = args.document.read_text(encoding="utf-8")
    if args.marker:
        text = put_marked(text, args.marker, body)
    elif args.heading:
        of = ""
        if args.bundle:
            info = Bundle.load(args.bundle).info
            of = f", of {info.name} {info.version}"
        said = f"Written by `{args.command}`{of}.\n\n" if args.command else ""
        text = put_section(text, args.heading, said + body)
    else:
        parser.error("name a heading or --marker")
    args.document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
