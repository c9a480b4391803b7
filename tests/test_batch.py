"""Many studies: order, resumption, failures, crashed workers; with a drafter that needs no model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wetread.batch import BatchOptions, BatchResult, DraftStudy, run_batch
from wetread.data.manifest import ManifestStudy, ManifestView, write_manifest
from wetread.errors import BundleError, InputError, UsageError, WetreadError


def _first_time(path: Path) -> bool:
    """True once, for the process that makes the file."""
    try:
        path.open("x").close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class FakeDrafter:
    """Pickles into the workers; the name of a study tells what happens to it."""

    model: str = "one"
    load: str = ""

    def __call__(self) -> DraftStudy:
        if self.load == "bundle":
            raise BundleError("the bundle has another checksum")
        if self.load == "die" or (self.load and _first_time(Path(self.load))):
            os.kill(os.getpid(), signal.SIGKILL)

        def draft(study: ManifestStudy) -> dict[str, Any]:
            name = study.study_id
            if "kill" in name:
                os.kill(os.getpid(), signal.SIGKILL)
            if "segfault" in name:
                os.kill(os.getpid(), signal.SIGSEGV)
            if "unreadable" in name:
                raise InputError("the film is cut off")
            if "bug" in name:
                raise ZeroDivisionError("by nought")
            if "memory" in name:
                raise MemoryError
            if "slow" in name:
                time.sleep(0.2)
            return {"study_id": name, "model": {"sha256": self.model}, "findings": study.indication}

        return draft


def _manifest(folder: Path, *names: str) -> Path:
    path = folder / "studies.jsonl"
    films = (ManifestView(folder / "film.png"),)
    studies = [ManifestStudy(n, views=() if "filmless" in n else films, indication=f"why {n}") for n in names]
    write_manifest(path, studies)
    return path


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("workers", [1, 3])
def test_every_study_has_its_line_in_order_whatever_happens_to_others(tmp_path: Path, workers: int) -> None:
    names = ["slow", "a", "kill", "b", "unreadable", "segfault", "bug", "filmless", "memory", "c", "d"]
    out = tmp_path / "deep" / "drafts.jsonl"
    result = run_batch(_manifest(tmp_path, *names), out, FakeDrafter(), BatchOptions(workers=workers))
    lines = {line["study_id"]: line for line in _lines(out)}
    assert list(lines) == names
    assert result == BatchResult(kept=0, drafted=5, failed=6)
    assert lines["b"]["findings"] == "why b"
    assert "SIGKILL" in lines["kill"]["error"]
    assert "SIGSEGV" in lines["segfault"]["error"]
    assert lines["unreadable"]["error"] == "the film is cut off"
    assert "ZeroDivisionError" in lines["bug"]["error"]
    assert "memory" in lines["memory"]["error"]
    assert "no film" in lines["filmless"]["error"]
    assert all(set(line) == {"study_id", "error"} for line in lines.values() if "error" in line)


def test_an_interrupted_run_goes_on_and_repairs_its_torn_line(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, "a", "unreadable", "c", "d")
    out = tmp_path / "drafts.jsonl"
    run_batch(manifest, out, FakeDrafter(), BatchOptions(workers=1))
    whole = out.read_bytes()
    kept = whole.splitlines(keepends=True)
    torn_lines = (b'{"study_id": "c", "fi', b'{"study_id": "c"}', b"\xff\xfe")
    for torn in torn_lines:
        out.write_bytes(kept[0] + kept[1] + torn)
        seen: list[tuple[int, ...]] = []

        def progress(*state: int, seen: list[tuple[int, ...]] = seen) -> None:
            seen.append(state)

        result = run_batch(manifest, out, FakeDrafter(), BatchOptions(workers=1), progress)
        assert out.read_bytes() == whole
        assert result == BatchResult(kept=2, drafted=2, failed=0)
        assert seen == [(2, 4), (3, 4), (4, 4)]


def test_a_finished_run_starts_no_worker(tmp_path: Path) -> None:
    manifest, out = _manifest(tmp_path, "a"), tmp_path / "drafts.jsonl"
    run_batch(manifest, out, FakeDrafter(), BatchOptions(workers=1))
    before = out.read_bytes()
    result = run_batch(manifest, out, FakeDrafter(load="bundle"), BatchOptions(workers=1))
    assert result == BatchResult(kept=1, drafted=0, failed=0)
    assert out.read_bytes() == before


def test_lines_of_something_else_are_never_touched(tmp_path: Path) -> None:
    manifest, out = _manifest(tmp_path, "a", "b"), tmp_path / "drafts.jsonl"
    for content, reason in [
        (b'{"study_id": "b"}\n', "not the one that stands there"),
        (b'{"study_id": "a"}\n{"study_id": "b"}\n{"study_id": "c"}\n', "not the one that stands there"),
        (b"my diary\nof 1999\n", "no line of a batch"),
    ]:
        out.write_bytes(content)
        with pytest.raises(UsageError, match=reason):
            run_batch(manifest, out, FakeDrafter(), BatchOptions(workers=1))
        assert out.read_bytes() == content


def test_drafts_of_two_models_are_not_mixed(tmp_path: Path) -> None:
    manifest, out = _manifest(tmp_path, "a", "b"), tmp_path / "drafts.jsonl"
    out.write_text('{"study_id": "a", "model": {"sha256": "one"}}\n')
    with pytest.raises(UsageError, match="another model"):
        run_batch(manifest, out, FakeDrafter(model="two"), BatchOptions(workers=1))
    assert [line["study_id"] for line in _lines(out)] == ["a"]


def test_two_runs_do_not_write_the_same_file(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    manifest, out = _manifest(tmp_path, "a"), tmp_path / "drafts.jsonl"
    with out.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run"):
            run_batch(manifest, out, FakeDrafter(), BatchOptions(workers=1))


@pytest.mark.parametrize(("load", "error"), [("bundle", BundleError), ("die", WetreadError)])
def test_workers_that_cannot_start_end_the_run(tmp_path: Path, load: str, error: type[WetreadError]) -> None:
    with pytest.raises(error, match=r"checksum|SIGKILL"):
        run_batch(_manifest(tmp_path, "a", "b"), tmp_path / "o.jsonl", FakeDrafter(load=load), BatchOptions(workers=1))


def test_a_worker_that_dies_while_it_loads_is_replaced_and_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    drafter = FakeDrafter(load=str(tmp_path / "died"))
    result = run_batch(_manifest(tmp_path, "a", "b"), out, drafter, BatchOptions(workers=1))
    assert (tmp_path / "died").exists()
    assert result == BatchResult(kept=0, drafted=2, failed=0)


def test_what_is_wrong_with_the_manifest_shows_before_any_draft(tmp_path: Path) -> None:
    manifest, out = _manifest(tmp_path, "a"), tmp_path / "drafts.jsonl"
    with manifest.open("a") as file:
        file.write("{}\n")
    with pytest.raises(InputError, match="line 2"):
        run_batch(manifest, out, FakeDrafter(load="die"), BatchOptions(workers=1))
    assert not out.exists()
    with pytest.raises(InputError, match="cannot be read"):
        run_batch(tmp_path / "none.jsonl", out, FakeDrafter())
    manifest.write_text("\n")
    with pytest.raises(InputError, match="no study"):
        run_batch(manifest, out, FakeDrafter())


def test_wrong_options_and_places(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, "a")
    with pytest.raises(UsageError, match="--workers"):
        run_batch(manifest, tmp_path / "o.jsonl", FakeDrafter(), BatchOptions(workers=0))
    with pytest.raises(UsageError, match="--out"):
        run_batch(manifest, tmp_path, FakeDrafter(), BatchOptions(workers=1))


@pytest.mark.slow
def test_ray_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    # Ray's actors are fresh processes: they must find this file to unpickle the fake.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
    manifest = _manifest(tmp_path, "slow", "a", "unreadable", "filmless", "b", "kill", "c")
    for engine in ("local", "ray"):
        run_batch(manifest, tmp_path / f"{engine}.jsonl", FakeDrafter(), BatchOptions(engine, workers=2))  # type: ignore[arg-type]
    local, ray = _lines(tmp_path / "local.jsonl"), _lines(tmp_path / "ray.jsonl")
    assert "died" in local[5].pop("error")
    assert "died" in ray[5].pop("error")
    assert local == ray


@pytest.mark.slow
def test_ray_actors_that_cannot_start_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
    with pytest.raises(BundleError, match="checksum"):
        run_batch(
            _manifest(tmp_path, "a"), tmp_path / "o.jsonl", FakeDrafter(load="bundle"), BatchOptions("ray", workers=1)
        )


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc to look for the workers in")
def test_a_killed_run_leaves_no_worker_and_can_go_on(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, *(f"slow {i}" for i in range(12)))
    out = tmp_path / "drafts.jsonl"
    script = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from tests.test_batch import FakeDrafter; from wetread.batch import BatchOptions, run_batch\n"
        "if __name__ == '__main__':\n"
        f"    run_batch(Path({str(manifest)!r}), Path({str(out)!r}), FakeDrafter(), BatchOptions(workers=2))\n"
    )
    program = tmp_path / "program.py"
    program.write_text(script)
    mark = f"WETREAD_TEST={tmp_path}"
    run = subprocess.Popen([sys.executable, str(program)], env={**os.environ, "WETREAD_TEST": str(tmp_path)})
    deadline = time.monotonic() + 300
    while (not out.exists() or out.read_bytes().count(b"\n") < 3) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(_processes_with(mark)) >= 2  # the parent and at least one worker
    run.kill()
    run.wait()
    kept = out.read_bytes()
    assert 3 <= kept.count(b"\n") < 12
    while (alive := _processes_with(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive
    result = run_batch(manifest, out, FakeDrafter(), BatchOptions(workers=2))
    assert result.kept == kept.count(b"\n")
    assert out.read_bytes().startswith(kept)
    assert [line["study_id"] for line in _lines(out)] == [f"slow {i}" for i in range(12)]


def _processes_with(variable: str) -> list[str]:
    """Processes that have the environment variable."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable.encode() in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
        except OSError:
            continue
    return found
