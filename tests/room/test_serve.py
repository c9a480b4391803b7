"""``wetread serve`` and ``wetread user`` as their users call them."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from processes import free_port

from wetread.cli import main
from wetread.errors import UsageError
from wetread.room import serving
from wetread.room.settings import Settings


def test_a_fresh_folder_is_set_up_without_questions(tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "log"
    command = [sys.executable, "-m", "wetread", "serve", "--data", str(tmp_path / "new" / "room"), "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                page = httpx.get(url, timeout=5)
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.2)
        assert page.status_code == 200
        assert "wetread" in page.text
        assert httpx.get(f"{url}/api/worklist").status_code == 401
        found = re.search(r"/#/setup/(\S+)", log.read_text())
        assert found is not None
        with httpx.Client(base_url=url) as client:
            body = {"token": found[1], "password": "correct horse", "also_reads": True}
            session = client.post("/api/setup", json=body).json()
            assert session["user"]["username"] == "admin"
            assert client.get("/api/system").json()["database"] == "sqlite"
        second = [*command[:-1], str(port)]
        taken = subprocess.run(second, capture_output=True, text=True)
        assert (taken.returncode, "--port" in taken.stderr) == (5, True)
        assert len(taken.stderr.strip().splitlines()) == 1
    finally:
        process.terminate()
        assert process.wait(60) == 0
    assert (tmp_path / "new" / "room").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--host", "0.0.0.0"], 2),
        (["--port", "0"], 2),
        (["--tls-cert", "x"], 2),
        (["--watch", "/no/such/folder"], 2),
        (["--workers", "0"], 2),
        (["--oidc-issuer", "https://x"], 2),
        (["--database", "mysql://x/y"], 2),
        (["--database", "no url"], 2),
        (["--host", "no-such-host.invalid", "--insecure-http"], 5),
    ],
)
def test_wrong_words_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    if "--port" not in words:
        words = [*words, "--port", str(free_port())]
    assert main(["serve", "--data", str(tmp_path), *words]) == code
    error = capsys.readouterr().err
    assert error.startswith("wetread: ")
    assert len(error.strip().splitlines()) == 1


def test_a_taken_port_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert main(["serve", "--data", str(tmp_path), "--port", str(other.getsockname()[1])]) == 5
    assert "taken by another program" in capsys.readouterr().err


def test_a_port_that_is_being_left_is_waited_for() -> None:
    other = serving.bind("127.0.0.1", 0)
    port = other.getsockname()[1]
    timer = threading.Timer(0.3, other.close)
    timer.start()
    with serving.bind("127.0.0.1", port, patience=10.0) as mine:
        assert mine.getsockname()[1] == port
    timer.join()


def test_the_port_of_a_killed_room_is_worth_waiting_for(tmp_path: Path) -> None:
    first, second = serving._Turn(tmp_path), serving._Turn(tmp_path)
    assert first.patience(8080) == 0
    assert first.take(8080)
    assert not second.take(8080)
    second.leave()
    assert second.patience(8080) == 0  # the first one lives: the port is not given up
    assert first._file is not None
    first._file.close()  # as kill -9 does
    assert second.patience(8080) > 0
    assert second.patience(8081) == 0
    assert second.take(8080)
    second.leave()
    assert first.patience(8080) == 0


def test_users_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from wetread.room.app import open_store

    data = ["--data", str(tmp_path)]
    assert main(["user", "list", *data]) == 2
    assert "no reading room" in capsys.readouterr().err
    open_store(Settings(data=tmp_path)).close()
    assert main(["user", "add", "ada", "--name", "Dr Ada", "--role", "reader", *data]) == 0
    assert "#/setup/" in capsys.readouterr().out
    assert main(["user", "add", "Ada", "--role", "reader", *data]) == 2
    assert main(["user", "add", "pacs", "--role", "service", *data]) == 0
    assert "Token" in capsys.readouterr().out
    assert main(["user", "add", "both", "--role", "service", "--role", "reader", *data]) == 2
    assert main(["user", "reset", "ada", *data]) == 0
    assert main(["user", "disable", "ada", *data]) == 0
    assert main(["user", "disable", "nobody", *data]) == 2
    capsys.readouterr()
    assert main(["user", "list", *data]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["ada\treader\tdisabled\tDr Ada", "pacs\tservice\tactive\tpacs"]


def test_database_urls() -> None:
    assert Settings(Path("d"), "postgresql://u:p@h/n").url == "postgresql+psycopg://u:p@h/n"
    assert Settings(Path("d")).url.startswith("sqlite:///")
    with pytest.raises(UsageError, match="not supported"):
        _ = Settings(Path("d"), "mysql://x/y").url
