"""Many studies: a manifest in, one line of JSON a study out, in the manifest's order.

A run can be interrupted at any moment and started again: lines that are there are kept, a torn last line is cut off.
Studies go to worker processes, or to Ray's actors, one at a time each; a worker that dies takes its study with it and
is replaced. What is held in memory does not grow with the manifest.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from wetread.data.manifest import ManifestStudy, iterate_manifest
from wetread.errors import BundleError, ExtraMissing, InputError, OutsideError, UsageError, WetreadError

__all__ = ["BatchOptions", "BatchResult", "DraftStudy", "DrafterFactory", "Engine", "available_cores", "run_batch"]

Engine = Literal["local", "ray"]
DraftStudy = Callable[[ManifestStudy], dict[str, Any]]
Line = dict[str, Any]

#: Studies that may be finished and waiting for a slower one before them, for each worker.
_AHEAD = 8
#: Workers that may die in a row while they load the model.
_DEATHS = 3


@dataclass(frozen=True)
class BatchOptions:
    """How to run.

    Attributes:
        engine: worker processes of this machine, or Ray (a cluster where RAY_ADDRESS names one).
        workers: processes or actors; None takes one a core, at most 8.
    """

    engine: Engine = "local"
    workers: int | None = None

    def worker_count(self) -> int:
        return self.workers if self.workers is not None else min(available_cores(), 8)


@dataclass(frozen=True)
class BatchResult:
    """What a run did: lines found from before, studies drafted, studies that failed (both in this run)."""

    kept: int
    drafted: int
    failed: int


@dataclass(frozen=True)
class DrafterFactory:
    """Makes, inside a worker, the function that drafts a study of the manifest with the bundle.

    Attributes:
        bundle: path of the model bundle; None takes the one that ships with the package.
        threads: threads of each worker's inference session.
    """

    bundle: str | None = None
    threads: int = 1

    def __call__(self) -> DraftStudy:
        from wetread.draft import Drafter

        drafter = Drafter.load(self.bundle, threads=self.threads)
        _ = drafter.reader  # a network that cannot be opened ends the run, not each study

        def draft(study: ManifestStudy) -> dict[str, Any]:
            paths = [str(view.path) for view in study.views]
            draft = drafter.draft(
                paths, study_id=study.study_id, indication=study.indication, comparison=study.comparison
            )
            return draft.to_json()

        return draft


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _failure(study_id: str, error: str) -> Line:
    return {"study_id": study_id, "error": " ".join(error.split())}


def _line(draft: DraftStudy, study: ManifestStudy) -> Line:
    """The study's draft, or its failure; never an exception of the study's own."""
    if not study.views:
        return _failure(study.study_id, "the manifest names no film of this study; give it 'views'")
    try:
        return draft(study)
    except BundleError:
        raise
    except WetreadError as error:
        return _failure(study.study_id, str(error))
    except MemoryError:
        return _failure(study.study_id, "there is not enough memory for this study; use fewer workers")
    except Exception as error:
        return _failure(study.study_id, f"a bug: {type(error).__name__}: {error}")


def _portable(error: BaseException) -> WetreadError:
    """The error as one that pickles: its kind and its sentence."""
    kinds = (BundleError, UsageError, InputError, OutsideError)
    return next((kind for kind in kinds if isinstance(error, kind)), WetreadError)(str(error))


class _Pool(Protocol):
    """Workers that each draft one study at a time."""

    def idle(self) -> int: ...
    def submit(self, index: int, study: ManifestStudy) -> None: ...
    def collect(self) -> list[tuple[int, Line]]:
        """Waits until a study is done; returns all that are."""
        ...

    def close(self) -> None: ...


def _work(make: Callable[[], DraftStudy], pipe: Connection) -> None:
    """The life of a worker process: says when it is ready, then a study in, a line out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which ends the workers
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # what a worker sends after its parent's end, nobody waits for
    try:
        draft = make()
        pipe.send(None)
        while (study := _received(pipe)) is not None:
            pipe.send(_line(draft, study))
    except WetreadError as error:
        pipe.send(_portable(error))


def _received(pipe: Connection) -> ManifestStudy | None:
    """The next study; None where the parent is gone."""
    try:
        study: ManifestStudy = pipe.recv()
    except (EOFError, OSError):
        return None
    return study


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    ready: bool = False
    index: int | None = None
    study: ManifestStudy | None = None


class _LocalPool:
    def __init__(self, make: Callable[[], DraftStudy], count: int) -> None:
        self._make = make
        self._context = multiprocessing.get_context("spawn")  # a forked onnxruntime deadlocks
        self._workers = [self._start() for _ in range(count)]
        self._deaths = 0  # of workers that were still loading, since the last one that became ready

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._make, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def idle(self) -> int:
        return sum(worker.index is None for worker in self._workers)

    def submit(self, index: int, study: ManifestStudy) -> None:
        self._give(next(w for w in self._workers if w.index is None), index, study)

    @staticmethod
    def _give(worker: _Worker, index: int, study: ManifestStudy) -> None:
        worker.index, worker.study = index, study
        with contextlib.suppress(OSError):  # it died idle: collect() sees that
            worker.pipe.send(study)

    def collect(self) -> list[tuple[int, Line]]:
        lines: list[tuple[int, Line]] = []
        while not lines:
            pipes = {worker.pipe: place for place, worker in enumerate(self._workers)}
            for pipe in wait(list(pipes)):
                line = self._receive(pipes[pipe])  # type: ignore[index]
                if line is not None:
                    lines.append(line)
        return lines

    def _receive(self, place: int) -> tuple[int, Line] | None:
        worker = self._workers[place]
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(place)
        if isinstance(message, WetreadError):
            raise message
        if message is None:
            worker.ready, self._deaths = True, 0
            return None
        index, worker.index = worker.index, None
        assert index is not None
        return index, message

    def _bury(self, place: int) -> tuple[int, Line] | None:
        """Replaces a dead worker; the study that it was drafting fails, one that it had not begun goes on."""
        worker = self._workers[place]
        worker.process.join()
        code = worker.process.exitcode
        cause = signal.Signals(-code).name if code and code < 0 else f"exit code {code}"
        worker.pipe.close()
        if not worker.ready:
            self._deaths += 1
            if self._deaths > _DEATHS:
                raise WetreadError(f"worker processes die while they load the model ({cause}); try fewer --workers")
        self._workers[place] = self._start()
        if worker.index is None or worker.study is None:
            return None
        if not worker.ready:
            self._give(self._workers[place], worker.index, worker.study)
            return None
        return worker.index, _failure(
            worker.study.study_id, f"the worker process died ({cause}) while it drafted this study; the others went on"
        )

    def close(self) -> None:
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()


class _RayPool:
    """The same over Ray's actors; see docs/architecture.md for when it is worth it: more than one machine."""

    def __init__(self, make: Callable[[], DraftStudy], count: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise ExtraMissing("wetread batch --engine ray", "ray") from error
        self._ray = ray
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        alone: dict[str, Any] = {
            "num_cpus": count,
            "include_dashboard": False,
            "object_store_memory": 500 * 2**20,
            "_node_ip_address": "127.0.0.1",
        }
        try:
            ray.init(**quiet, **({} if os.environ.get("RAY_ADDRESS") else alone))
        except Exception as error:  # a bare Exception where its processes do not come up in time
            raise OutsideError(f"Ray does not start ({error}); try --engine local, or look at RAY_ADDRESS") from error

        class Actor:
            def start(self, make: Callable[[], DraftStudy]) -> None:
                self._draft = make()

            def line(self, study: ManifestStudy) -> Line:
                return _line(self._draft, study)

        self._make = make
        self._actor = ray.remote(num_cpus=1, max_restarts=0)(Actor)
        self._busy: dict[Any, tuple[int, str, Any]] = {}
        actors = [self._start() for _ in range(count)]
        self._idle = [actor for actor, _ in actors]
        try:
            ray.get([started for _, started in actors])
        except ray.exceptions.RayTaskError as error:
            ray.shutdown()
            raise _portable(error.cause) from error
        except ray.exceptions.ActorDiedError as error:
            ray.shutdown()
            raise WetreadError("a Ray actor died while it loaded the model; try fewer --workers") from error

    def _start(self) -> tuple[Any, Any]:
        actor = self._actor.remote()
        return actor, actor.start.remote(self._make)

    def idle(self) -> int:
        return len(self._idle)

    def submit(self, index: int, study: ManifestStudy) -> None:
        actor = self._idle.pop()
        self._busy[actor.line.remote(study)] = (index, study.study_id, actor)

    def collect(self) -> list[tuple[int, Line]]:
        done, _ = self._ray.wait(list(self._busy), num_returns=1)
        return [self._receive(reference) for reference in done]

    def _receive(self, reference: Any) -> tuple[int, Line]:
        index, study_id, actor = self._busy.pop(reference)
        try:
            line = self._ray.get(reference)
        except self._ray.exceptions.ActorDiedError:
            self._idle.append(self._start()[0])
            return index, _failure(study_id, "the Ray actor died while it drafted this study; the others went on")
        except self._ray.exceptions.RayTaskError as error:
            raise _portable(error.cause) from error
        self._idle.append(actor)
        return index, line

    def close(self) -> None:
        self._ray.shutdown()


def _in_order(studies: Iterable[ManifestStudy], pool: _Pool, window: int) -> Iterator[Line]:
    """The lines in the order of the studies; at most ``window`` studies are under way or waiting at a time."""
    source = enumerate(studies)
    waiting: dict[int, Line] = {}
    submitted = written = 0
    exhausted = False
    while True:
        while not exhausted and pool.idle() and submitted - written < window:
            following = next(source, None)
            if following is None:
                exhausted = True
                break
            pool.submit(*following)
            submitted += 1
        if exhausted and written == submitted:
            return
        for index, line in pool.collect():
            waiting[index] = line
        while written in waiting:
            yield waiting.pop(written)
            written += 1


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """The output, open for reading and appending, held against a second run."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror or error}); choose another --out") from error
    with file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows has none
            pass
        except OSError as error:
            raise UsageError(f"another run writes {path}; wait for it, or choose another --out") from error
        yield file


def _resume(file: IO[bytes], path: Path, manifest: Path) -> tuple[int, Any]:
    """Cuts a torn last line off; returns how many lines stand, and the model of the last draft among them.

    Raises UsageError where the lines are not those of the manifest's first studies.
    """
    file.seek(0)
    studies = iterate_manifest(manifest)
    good = count = 0
    model = None
    for raw in file:
        try:
            line = json.loads(raw) if raw.endswith(b"\n") else None
        except ValueError:
            line = None
        if not isinstance(line, dict) or "study_id" not in line:
            if file.read(1):
                raise UsageError(f"line {count + 1} of {path} is no line of a batch; choose another --out")
            break
        study = next(studies, None)
        if study is None or study.study_id != line["study_id"]:
            raise UsageError(
                f"line {count + 1} of {path} is the study {line['study_id']!r}, not the one that stands there in "
                f"{manifest}; choose another --out, or remove the file to start anew"
            )
        good += len(raw)
        count += 1
        model = line.get("model", model)
    file.truncate(good)
    return count, model


def _after(manifest: Path, count: int) -> Iterator[ManifestStudy]:
    studies = iterate_manifest(manifest)
    for _ in range(count):
        next(studies)
    yield from studies


def run_batch(
    manifest: Path,
    out: Path,
    make: Callable[[], DraftStudy],
    options: BatchOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BatchResult:
    """Draft every study of the manifest that has no line in ``out`` yet.

    Args:
        make: called once in each worker process, so it must pickle; such as ``DrafterFactory``.
        progress: called with (lines written, lines in all) at the start and after each line.

    Raises:
        InputError: the manifest cannot be read, or is empty.
        UsageError: ``out`` cannot be written, or holds the lines of another manifest or model.
        BundleError: the workers cannot load the model.
    """
    options = options or BatchOptions()
    count = options.worker_count()
    if count < 1:
        raise UsageError(f"--workers is {count}; give 1 or more")
    total = sum(1 for _ in iterate_manifest(manifest))  # reads all of it: what is wrong shows before the first draft
    if not total:
        raise InputError(f"the manifest {manifest} has no study; prepare it again")
    with _locked(out) as file:
        kept, model = _resume(file, out, manifest)
        if progress:
            progress(kept, total)
        if kept == total:
            return BatchResult(kept, 0, 0)
        count = min(count, total - kept)
        pool: _Pool = _RayPool(make, count) if options.engine == "ray" else _LocalPool(make, count)
        written = failed = 0
        try:
            for line in _in_order(_after(manifest, kept), pool, count * _AHEAD):
                if "model" in line:
                    if model is not None and line["model"] != model:
                        raise UsageError(f"{out} was begun with another model; choose another --out, or remove it")
                    model = line["model"]
                _append(file, out, line)
                written += 1
                failed += "error" in line
                if progress:
                    progress(kept + written, total)
        finally:
            pool.close()
    return BatchResult(kept, written - failed, failed)


def _append(file: IO[bytes], path: Path, line: Line) -> None:
    try:
        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        file.flush()
    except OSError as error:
        raise OutsideError(f"{path} cannot be written on ({error.strerror or error}); make room, run again") from error
