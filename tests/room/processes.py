"""The room as real processes: started, killed, asked over HTTP; and a private PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
PASSWORD = "demonstration"


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children(pid: int) -> list[int]:
    """The processes that a process has started with multiprocessing."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError):  # the thread has ended since
            found += [int(word) for word in task.read_text().split()]
    return [child for child in found if b"spawn_main" in _command(child)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended since
        return b""


def _listens(pid: int) -> bool:
    listening = {
        line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    }
    try:
        handles = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    for handle in handles:
        try:
            target = os.readlink(handle)
        except OSError:
            continue
        if target.startswith("socket:[") and target[8:-1] in listening:
            return True
    return False


class Process:
    """A fake room (or any command) on a port of its own."""

    def __init__(self, data: Path, *options: str, port: int | None = None) -> None:
        self.data, self.port, self.options = data, port or free_port(), options
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, str(HERE / "fake_room.py"), "--port", str(self.port), "--data", str(self.data)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log)

    def wait(self, seconds: float = 300) -> None:
        """Until it answers; where it does not, the stacks of its processes are in the failure's message."""
        end = time.monotonic() + seconds
        with httpx.Client(base_url=self.url, timeout=30, verify=False) as client:
            while time.monotonic() < end and (self.process is None or self.process.poll() is None):
                try:
                    if client.get("/api/login").status_code == 200:
                        return
                except httpx.HTTPError:
                    time.sleep(0.2)
        if self.process is not None and self.process.poll() is None:
            for pid in children(self.process.pid):
                os.kill(pid, signal.SIGUSR1)
            time.sleep(2)
        raise AssertionError(f"the room did not answer:\n{self.log.read_text()[-6000:]}")

    def pids(self, kind: str) -> list[int]:
        """Its web processes ("server") or draft processes ("worker")."""
        assert self.process is not None
        return [pid for pid in children(self.process.pid) if _listens(pid) == (kind == "server")]

    def kill(self, kind: str) -> None:
        """kill -9 of a web process, a draft process, or the parent."""
        assert self.process is not None
        if kind == "parent":
            self.process.kill()
            self.process.wait()
            return
        for pid in self.pids(kind)[:1]:
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Client:
    """One person's browser against a room that may be away at times."""

    def __init__(self, url: str, username: str) -> None:
        self._url, self.username = url, username
        self.http = self._connect()

    def log_in(self) -> Client:
        answer = self.http.post("/api/login", json={"username": self.username, "password": PASSWORD})
        answer.raise_for_status()
        self.http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return self

    def _connect(self) -> httpx.Client:
        # No TLS here: to load the certificates for each new client would take more than the request.
        return httpx.Client(base_url=self._url, timeout=60, verify=False)

    def close(self) -> None:
        self.http.close()

    def begin_again(self) -> None:
        """A new connection and a new login, after the room was away."""
        self.http.close()
        self.http = self._connect()
        self.log_in()

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.http.request(method, path, **more)

    def upload(self, name: str, data: bytes) -> httpx.Response:
        return self.call("POST", "/api/uploads", files=[("files", (name, data))])

    def save(self, study: str, version: int, findings: str, save_id: str | None = None) -> httpx.Response:
        body = {"base_version": version, "findings": findings, "impression": "", "seconds": 1.0}
        return self.call("PUT", f"/api/studies/{study}/report", json={**body, "save_id": save_id or uuid.uuid4().hex})

    def sign(self, study: str, version: int, save_id: str | None = None) -> httpx.Response:
        body = {"kind": "final", "version": version, "password": PASSWORD, "save_id": save_id or uuid.uuid4().hex}
        return self.call("POST", f"/api/studies/{study}/sign", json=body)


def postgres_binaries() -> Path | None:
    """The folder of PostgreSQL's programs; None where it is not installed."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").is_file():
            return folder
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


class Postgres:
    """A private cluster on a free port of this machine.

    Args:
        megabytes: gives it a disk of its own of that size; ``disk`` is None where this user may not mount one.
    """

    def __init__(self, megabytes: int | None = None) -> None:
        binaries = postgres_binaries()
        assert binaries is not None
        # Not below pytest's folders: they are closed to the user who must run it in root's place.
        self._folder = Path(tempfile.mkdtemp(prefix="wetread-pg-"))
        self._mounts = ExitStack()
        self.disk: Path | None = None
        if megabytes is not None and self._mounts.enter_context(small_disk(self._folder / "disk", megabytes)):
            self.disk = self._folder / "disk"
        self._data = str((self.disk or self._folder) / "data")
        self._bin, self.port = binaries, free_port()
        self.url = f"postgresql://room@127.0.0.1:{self.port}/postgres"
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._user = {"user": "postgres"}
            for folder in (self._folder, *([self.disk] if self.disk else [])):
                shutil.chown(folder, "postgres")
        options = ("-U", "room", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C", "--wal-segsize=1")
        self._run("initdb", "-D", self._data, *options)
        self.start()

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *words], cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            **self._user,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        self._run("pg_ctl", "-D", self._data, "-l", "log", "-w", "-t", "120", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def close(self) -> None:
        self.stop()
        self._mounts.close()
        shutil.rmtree(self._folder)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """A file system of its own mounted on a new folder; False where this user may not mount one."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(words, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that is left on a folder's disk; the returned file holds it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return ballast


@contextmanager
def running(process: Process) -> Iterator[Process]:
    """Start, wait, and stop at the end."""
    process.start()
    try:
        process.wait()
        yield process
    finally:
        process.stop()
