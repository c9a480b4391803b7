"""Imports go one way; see docs/architecture.md."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import wetread

ROOT = Path(wetread.__file__).parent
TEXT = {"types", "errors", "_version", "report"}
LEFT = TEXT | {"image", "data", "model", "decode", "obey", "confidence", "ground", "similar"}
ALLOWED = {
    "_version": set(),
    "types": set(),
    "errors": set(),
    "report": TEXT,
    "image": {"types", "errors", "image"},
    "data": TEXT | {"image", "data"},
    "model": TEXT | {"image", "model"},
    "decode": TEXT | {"image", "data", "model"},
    "obey": TEXT | {"decode"},
    "confidence": TEXT,
    "ground": TEXT | {"image", "data", "model", "decode"},
    "similar": TEXT | {"image", "data", "model"},
    "draft": LEFT,
    "picture": {"types", "ground"},
    "batch": LEFT | {"draft"},
    "metrics": TEXT | {"metrics"},
    "train": LEFT | {"metrics", "train"},
    "room": TEXT | {"image", "similar", "room"},
    "gateway": TEXT | {"image", "similar", "gateway"},
}


def _modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or ""} if node.module != "wetread" else {f"wetread.{a.name}" for a in node.names}
    return found


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    part = path.relative_to(ROOT).parts[0].removesuffix(".py")
    imports = _imports(path)
    if part != "train":
        assert not {name for name in imports if name.split(".")[0] == "torch"}, "torch lives in train/ alone"
    if part in ("cli", "__init__", "__main__"):
        return
    ours = {name.split(".")[1] for name in imports if name.startswith("wetread.")}
    assert ours <= ALLOWED[part], f"{part} may not import {sorted(ours - ALLOWED[part])}"


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_all_names_exist(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    declared = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "__all__" for t in node.targets)
    ]
    if not declared:
        return
    if path.relative_to(ROOT).parts[0] in ("train",):
        pytest.importorskip("torch")
    name = ".".join(("wetread", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    module = importlib.import_module(name)
    for public in declared[0]:
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"


def test_every_verb_has_its_module() -> None:
    from wetread.cli import VERBS

    present = {m.name for m in pkgutil.iter_modules([str(ROOT / "cli")]) if not m.name.startswith("_")}
    assert present == set(VERBS)
    for verb in VERBS:
        module = importlib.import_module(f"wetread.cli.{verb}")
        assert module.HELP
        assert callable(module.configure)
        assert callable(module.run)
