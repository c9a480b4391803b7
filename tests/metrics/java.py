"""The Java programs that pycocoevalcap carries, as oracles."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from wetread.metrics.ptb import PUNCTUATION


def folder() -> Path:
    """pycocoevalcap's folder; skips the test where it or Java is absent."""
    spec = importlib.util.find_spec("pycocoevalcap")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pycocoevalcap is not installed")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")
    return Path(spec.submodule_search_locations[0])


def ptb_tokenize(texts: Sequence[str], scratch: Path) -> list[str]:
    """As pycocoevalcap's PTBTokenizer does it."""
    jar = folder() / "tokenizer" / "stanford-corenlp-3.4.1.jar"
    file = scratch / "texts"
    file.write_text("\n".join(texts), encoding="utf-8", newline="\n")
    program = ["java", "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    done = subprocess.run([*program, str(file)], capture_output=True, check=True)
    lines = done.stdout.decode().split("\n")
    return [" ".join(word for word in line.rstrip().split(" ") if word not in PUNCTUATION) for line in lines][
        : len(texts)
    ]


def meteor(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[float, list[float]]:
    """As pycocoevalcap's Meteor does it: (corpus, segments)."""
    home = folder() / "meteor"
    program = ["java", "-Xmx2G", "-jar", str(home / "meteor-1.5.jar"), "-", "-", "-stdio", "-l", "en", "-norm"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as java:
        assert java.stdin is not None
        assert java.stdout is not None

        def ask(line: str) -> None:
            java.stdin.write(f"{line}\n".encode())
            java.stdin.flush()

        statistics = []
        for reference, hypothesis in zip(references, hypotheses):
            ask(f"SCORE ||| {reference} ||| {hypothesis.replace('|||', '').replace('  ', ' ')}")
            statistics.append(java.stdout.readline().decode().strip())
        ask("EVAL ||| " + " ||| ".join(statistics))
        segments = [float(java.stdout.readline()) for _ in statistics]
        corpus = float(java.stdout.readline())
        java.stdin.close()
    return corpus, segments
