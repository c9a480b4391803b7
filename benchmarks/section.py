"""Put what a benchmark printed into a document, under its heading or between its markers.

    python benchmarks/findings.py CONFIG --markdown | python benchmarks/section.py docs/results.md Findings "COMMAND"
    python benchmarks/section.py README.md --marker scores < scores.md

A section is replaced where it is there and appended where it is not; COMMAND is said above the figures.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path


def table(rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first row is the head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def put_section(text: str, heading: str, body: str) -> str:
    """The document with the section ``## heading`` replaced or appended."""
    section = f"## {heading}\n\n{body.strip()}\n"
    pattern = re.compile(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if pattern.search(text):
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
    args = parser.parse_args()
    body = sys.stdin.read()
    if not body.strip():
        sys.exit("nothing was printed: the document is left as it is")
    text = args.document.read_text(encoding="utf-8")
    if args.marker:
        text = put_marked(text, args.marker, body)
    elif args.heading:
        said = f"Written by `{args.command}`.\n\n" if args.command else ""
        text = put_section(text, args.heading, said + body)
    else:
        parser.error("name a heading or --marker")
    args.document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
