"""Running the room: web servers and draft workers as processes under one parent that restarts what dies.

The parent serves nothing itself. A child whose parent is gone ends: a kill of any process leaves nothing behind.
"""

from __future__ import annotations

import errno
import faulthandler
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO

from sqlalchemy.exc import SQLAlchemyError

from wetread.errors import ExtraMissing, OutsideError, UsageError, WetreadError
from wetread.room import retention, watch, worker
from wetread.room.app import create_app, open_store
from wetread.room.cases import Cases
from wetread.room.files import BlobStore
from wetread.room.settings import Settings
from wetread.room.store import Store
from wetread.room.worker import Drafting
from wetread.types import Draft, Study

try:
    import fcntl
except ImportError:  # not POSIX: then a taken port is never waited for
    fcntl = None  # type: ignore[assignment]

__all__ = ["Serving", "bind", "serve"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_RESTART = 1.0  # seconds before a dead process is started again
_PORT_PATIENCE = 60.0  # seconds to wait for a port that the web processes of a killed parent are about to leave


@dataclass(frozen=True)
class Serving:
    """How the room is run.

    Attributes:
        load: makes the drafter inside a worker process; must be picklable.
        index: where the index of similar cases lies, or None.
        workers: draft processes. servers: web processes.
        watch: a folder whose films are taken in, or None.
    """

    host: str
    port: int
    load: Callable[[], Drafting]
    index: Path | None = None
    workers: int = 1
    servers: int = 1
    watch: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    return host in _LOOPBACK or host.startswith("127.")


def bind(host: str, port: int, patience: float = 0.0) -> socket.socket:
    """A listening socket.

    Args:
        patience: seconds to wait where the port is taken.

    Raises:
        OutsideError: the port stays taken, or the address is not this machine's.
        UsageError: there is no such address or port.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise _no_address(host, port, error) from error
        except (OverflowError, UnicodeError) as error:
            raise UsageError(f"{host}:{port} is no address and port.") from error
        time.sleep(0.2)


def _listen(host: str, port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen(512)
    except BaseException:
        server.close()
        raise
    return server


def _no_address(host: str, port: int, error: OSError) -> OutsideError:
    if error.errno == errno.EADDRINUSE:
        return OutsideError(f"Port {port} is taken by another program; choose another one with --port.")
    if error.errno == errno.EACCES:
        return OutsideError(f"Port {port} may not be used by this user; choose one above 1023 with --port.")
    return OutsideError(f"The address {host}:{port} cannot be used ({error.strerror}); check --host.")


class _Turn:
    """Who serves a data folder: a lock that ends with its process, and the port that is served.

    A parent that is killed leaves the lock free and its port behind in the file; its web processes keep that port
    until they notice, so that whoever comes next waits for them instead of taking them for another program.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / "serving"
        self._file: IO[str] | None = None

    def patience(self, port: int) -> float:
        """Seconds to wait for the port where it is taken."""
        try:
            with self._path.open("r+") as file:
                return _PORT_PATIENCE if _locked(file) and file.read().strip() == str(port) else 0.0
        except OSError:
            return 0.0

    def take(self, port: int) -> bool:
        """Note that this process serves; False where another one serves the same folder."""
        file = self._path.open("a+")
        if not _locked(file):
            file.close()
            return False
        self._file = file
        self._note(str(port))
        return True

    def leave(self) -> None:
        if self._file is not None:
            self._note("")
            self._file.close()

    def _note(self, text: str) -> None:
        assert self._file is not None
        with suppress(OSError):  # a full disk must not keep the room from serving or ending
            self._file.truncate(0)
            self._file.write(text)
            self._file.flush()


def _locked(file: IO[str]) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _orphan_watch(parent: int) -> threading.Event:
    """An event that is set when the parent process is gone or asks to stop."""
    gone = threading.Event()

    def look() -> None:
        while not gone.wait(0.5):
            if os.getppid() != parent:
                gone.set()

    threading.Thread(target=look, daemon=True).start()
    return gone


def _quiet_signals(stop: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too and ends its children in order
    signal.signal(signal.SIGTERM, lambda *_: stop())


def _log_plainly() -> None:
    """Plain lines on stderr; ``kill -USR1`` shows where a process stands (places alone, no values)."""
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _serve_process(settings: Settings, serving: Serving, server: socket.socket, parent: int) -> None:
    import uvicorn

    if os.getppid() != parent:
        return  # the parent died while this was starting: the port is wanted by its successor
    _log_plainly()
    similar = _cases(serving)
    app = create_app(settings, similar=similar, store=Store(settings))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # paths hold study ids, and searches hold names
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        ssl_certfile=None if serving.certificate is None else str(serving.certificate),
        ssl_keyfile=None if serving.key is None else str(serving.key),
    )
    web = uvicorn.Server(config)
    gone = _orphan_watch(parent)

    def follow() -> None:
        gone.wait()
        web.should_exit = True

    threading.Thread(target=follow, daemon=True).start()
    web.run(sockets=[server])


def _cases(serving: Serving) -> Cases | None:
    return None if serving.index is None else Cases(serving.index)


def _work_process(settings: Settings, serving: Serving, number: int, parent: int) -> None:
    _log_plainly()
    gone = _orphan_watch(parent)
    _quiet_signals(gone.set)
    store = Store(settings)
    draft = _load(serving)
    if number == 0 and serving.watch is not None:
        threading.Thread(
            target=watch.run, args=(store, BlobStore(settings.films), serving.watch, gone), daemon=True
        ).start()
    if number == 0 and settings.retention_days is not None:
        threading.Thread(target=_keep_retention, args=(store, _cases(serving), gone), daemon=True).start()
    worker.run(store, draft, f"worker-{os.getpid()}", gone.is_set)
    os._exit(0)  # a drafter's threads must not keep a process that was told to end


def _load(serving: Serving) -> Drafting:
    """The drafter; where it cannot be loaded, one that tells why in every job: the films can be read at least."""
    try:
        return serving.load()
    except (WetreadError, ImportError) as error:
        why = error if isinstance(error, WetreadError) else ExtraMissing("drafting", "all")
        logging.getLogger("wetread.room").error("nothing can be drafted: %s", why)

    def refuse(_: Study) -> Draft:
        raise why

    return refuse


def _keep_retention(store: Store, cases: Cases | None, gone: threading.Event) -> None:
    settings = store.settings
    blobs, cache = BlobStore(settings.films), BlobStore(settings.cache)
    while True:
        try:
            retention.expire(store, blobs, cache, settings.retention_days or 0, cases)
        except (SQLAlchemyError, WetreadError) as error:
            logging.getLogger("wetread.room").error("nothing was erased this hour: %s", type(error).__name__)
        if gone.wait(3600):
            return


class _Family:
    """The child processes, started again when they die unasked."""

    def __init__(self, settings: Settings, serving: Serving, server: socket.socket) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._settings, self._serving, self._server = settings, serving, server
        self._children: dict[tuple[str, int], BaseProcess] = {}
        self.stopping = threading.Event()

    def start(self) -> None:
        for number in range(self._serving.servers):
            self._begin("server", number)
        for number in range(self._serving.workers):
            self._begin("worker", number)

    def _begin(self, kind: str, number: int) -> None:
        if kind == "server":
            child = self._spawn.Process(
                target=_serve_process, args=(self._settings, self._serving, self._server, os.getpid())
            )
        else:
            child = self._spawn.Process(target=_work_process, args=(self._settings, self._serving, number, os.getpid()))
        child.start()
        self._children[kind, number] = child

    def watch(self) -> None:
        """Until asked to stop; restarts what died."""
        while not self.stopping.wait(0.5):
            for (kind, number), child in list(self._children.items()):
                if child.is_alive() or self.stopping.is_set():
                    continue
                logging.getLogger("wetread.room").warning(
                    "%s %d ended (%s); starting it again", kind, number, child.exitcode
                )
                time.sleep(_RESTART)
                self._begin(kind, number)

    def end(self) -> None:
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            child.join(15)
            if child.is_alive():
                child.kill()
                child.join()


def serve(settings: Settings, serving: Serving, announce: Callable[[Store], None]) -> None:
    """Serve until interrupted.

    Args:
        announce: called once the tables are there and the port is ours, before anything is served.

    Raises:
        OutsideError: port, data folder or database cannot be used.
    """
    turn = _Turn(settings.data)
    with bind(serving.host, serving.port, turn.patience(serving.port)) as server:
        store = open_store(settings)
        if turn.take(serving.port):
            for root in (settings.films, settings.cache):
                BlobStore(root).sweep()
        announce(store)
        store.close()
        family = _Family(settings, serving, server)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: family.stopping.set())
        family.start()
        try:
            family.watch()
        finally:
            family.end()
            turn.leave()
