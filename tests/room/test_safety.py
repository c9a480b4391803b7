"""Logins, cookies, CSRF, hostile uploads and words."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import fakes
import pytest
from house import PASSWORD, House, save_body, sign_body
from starlette.testclient import TestClient

from wetread.room import auth, studies
from wetread.room.middleware import Guard
from wetread.room.store import Login, LoginFailure, User, now


def test_the_cookie_is_out_of_reach(house: House, make_house: Callable[..., House]) -> None:
    answer = house.browser().post("/api/login", json={"username": "reader", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert cookie.startswith("wetread_session=")
    secure = make_house(secure=True).browser().post("/api/login", json={"username": "reader", "password": PASSWORD})
    assert secure.headers["set-cookie"].startswith("__Host-wetread_session=")
    assert "Secure" in secure.headers["set-cookie"]
    assert "max-age" in secure.headers["strict-transport-security"]


def test_headers_keep_scripts_and_frames_out(house: House) -> None:
    for path in ("/", "/api/session", "/static/none.js"):
        headers = house.browser().get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert house.browser().get("/api/session").headers["cache-control"] == "no-store"


def test_a_write_without_the_token_is_refused(house: House, study: str) -> None:
    reader = house.browser("reader")
    for token in ("", "x", reader.csrf[:-1]):
        reader.headers["X-CSRF-Token"] = token
        answer = reader.put(f"/api/studies/{study}/report", json=save_body(1, "Forged."))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf")
    reader.headers["X-CSRF-Token"] = reader.csrf
    foreign = reader.post("/api/logout", headers={"Origin": "https://evil.test"})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "csrf")
    login = house.browser().post(
        "/api/login", json={"username": "reader", "password": PASSWORD}, headers={"Origin": "https://evil.test"}
    )
    assert login.status_code == 403
    assert reader.get(f"/api/studies/{study}").json()["report"]["version"] == 1


def test_a_planted_cookie_is_never_taken_over(house: House) -> None:
    browser = house.browser()
    browser.cookies.set("wetread_session", "planted-by-someone-else", domain="room.test", path="/")
    browser.log_in("reader")
    assert browser.cookies.get("wetread_session") != "planted-by-someone-else"
    other = house.browser()
    other.cookies.set("wetread_session", "planted-by-someone-else")
    assert other.get("/api/session").status_code == 401
    first = browser.cookies.get("wetread_session")
    browser.log_in("reader")
    stale = house.browser()
    stale.cookies.set("wetread_session", str(first))
    assert stale.get("/api/session").status_code == 401


def test_logout_and_time_end_a_login(house: House) -> None:
    one, two, three = (house.browser("reader") for _ in range(3))
    assert one.post("/api/logout").status_code == 204
    cookie = one.cookies.get("wetread_session")
    assert one.get("/api/session").status_code == 401, cookie
    with house.store.write() as session:
        session.get_one(Login, auth.digest(str(two.cookies.get("wetread_session")))).seen = now() - 3600
        session.get_one(Login, auth.digest(str(three.cookies.get("wetread_session")))).expires = now() - 1
    assert two.get("/api/session").status_code == 401
    assert three.get("/api/session").status_code == 401


def test_polling_keeps_nobody_logged_in(house: House) -> None:
    reader = house.browser("reader")

    def seen(ago: float) -> float:
        with house.store.write() as session:
            login = session.get_one(Login, auth.digest(str(reader.cookies.get("wetread_session"))))
            login.seen = now() - ago
        assert reader.get("/api/worklist").status_code == 200
        with house.store.read() as session:
            return now() - session.get_one(Login, login.id).seen

    assert seen(600) > 500
    reader.get("/api/limits")
    with house.store.read() as session:
        assert now() - session.query(Login).one().seen < 500


def test_wrong_passwords_lock_the_name_known_or_not(house: House) -> None:
    for name in ("reader", "nobody-of-this-name"):
        answers = [house.browser().post("/api/login", json={"username": name, "password": "wrong"}) for _ in range(6)]
        assert [a.status_code for a in answers] == [401] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0
    right = house.browser().post("/api/login", json={"username": "reader", "password": PASSWORD})
    assert right.status_code == 429
    with house.store.write() as session:
        session.get_one(LoginFailure, "reader").until = now() - 1
    house.browser("reader")


def test_logins_from_one_address_are_rationed(make_house: Callable[..., House]) -> None:
    house = make_house(login_rate=3)
    codes = [
        house.browser().post("/api/login", json={"username": f"n{i}", "password": "x"}).status_code for i in range(5)
    ]
    assert codes == [401, 401, 401, 429, 429]


def test_one_time_links_work_once(house: House) -> None:
    admin = house.browser("admin")
    made = admin.post("/api/users", json={"username": "New.Reader", "name": "Dr New", "roles": ["reader"]}).json()
    token = made["link"].rsplit("/", 1)[1]
    assert house.browser().get(f"/api/setup/{token}").json()["username"] == "new.reader"
    short = house.browser().post("/api/setup", json={"token": token, "password": "short"})
    assert short.status_code == 422
    browser = house.browser()
    answer = browser.post("/api/setup", json={"token": token, "password": "long enough 1", "also_reads": True})
    assert answer.json()["user"]["roles"] == ["reader"]
    assert browser.get("/api/session").status_code == 200
    again = house.browser().post("/api/setup", json={"token": token, "password": "long enough 2"})
    assert again.status_code == 404
    house.browser().log_in("new.reader", "long enough 1")
    reset = admin.post(f"/api/users/{made['user']['id']}/reset").json()
    assert browser.get("/api/session").status_code == 401
    assert reset["link"].startswith("/#/setup/")


def test_the_first_administrator_sets_a_password_by_link(make_house: Callable[..., House]) -> None:
    house = make_house()
    with house.store.write() as session:
        for user in session.query(User).all():
            session.delete(user)
    token = auth.first_link(house.store)
    assert house.browser().get("/api/login").json()["setup_needed"] is True
    browser = house.browser()
    answer = browser.post("/api/setup", json={"token": token, "password": "long enough", "also_reads": True})
    assert answer.json()["user"]["roles"] == ["reader", "administrator"]
    assert auth.first_link(house.store) is None


def test_words_come_back_as_they_were_and_as_json(house: House, study: str) -> None:
    nasty = "<script>alert(1)</script> <img src=x onerror=alert(2)> \u202e ' \" & \\ {{7*7}} ${x}"
    reader = house.browser("reader")
    body = json.dumps(save_body(1, nasty + " \0 \ud800"))
    reader.put(f"/api/studies/{study}/report", content=body, headers={"Content-Type": "application/json"})
    answer = reader.get(f"/api/studies/{study}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["report"]["findings"] == nasty + "  ?"
    files = [("files", ("<b>.dcm", fakes.dicom(9, PatientName="<script>^X", StudyDescription="<svg onload=x>")))]
    made = reader.post("/api/uploads", files=files).json()["accepted"][0]["study_id"]
    shown = reader.get(f"/api/studies/{made}").json()
    assert shown["patient"]["name"] == "<script>^X"
    assert shown["films"][0]["name"] == "<b>.dcm"


@pytest.mark.parametrize("name", ["../../../etc/x.png", "/etc/x.png", "..\\..\\x.png", "a/../../b.png", "\x01.png"])
def test_names_never_become_paths(house: House, tmp_path: Path, name: str) -> None:
    before = {p for p in tmp_path.rglob("*") if not p.is_relative_to(house.room.settings.data)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, fakes.png(1))
    reader = house.browser("reader")
    for file in ((name, fakes.png(2)), ("films.zip", packed.getvalue())):
        answer = reader.post("/api/uploads", files=[("files", file)])
        assert answer.status_code == 201, answer.text
    assert {p for p in tmp_path.rglob("*") if not p.is_relative_to(house.room.settings.data)} == before
    stored = [p for p in house.room.settings.films.rglob("*") if p.is_file()]
    assert all(len(p.name) == 64 for p in stored)
    assert house.browser("reader").get("/static/../store.py").status_code in (200, 404)
    assert house.browser().get("/static/..%2fstore.py").status_code == 404


def _bomb(entries: int, size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(entries):
            archive.writestr(f"{number}.png", b"\0" * size)
    return out.getvalue()


def _encrypted() -> bytes:
    data = bytearray(_bomb(1, 10))
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(sign) + offset] |= 1
    return bytes(data)


def test_archives_are_bounded(make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    house = make_house(zip_bytes=4 << 20)
    monkeypatch.setattr(studies, "_ZIP_ENTRIES", 20)
    reader = house.browser("reader")
    for data, word in (
        (_bomb(1, 3 << 20), "inflates"),
        (_bomb(21, 1), "files"),
        (_bomb(2, 3 << 20), "unpacks to more"),
        (b"PK\x03\x04" + b"\0" * 100, "damaged"),
        (_encrypted(), "encrypted"),
    ):
        answer = reader.post("/api/uploads", files=[("files", ("a.zip", data))])
        assert answer.status_code == 422, word
        assert word in answer.json()["error"]["message"]
    assert not [p for p in house.room.settings.films.rglob("*") if p.is_file()]


def test_a_lying_archive_is_cut_off(make_house: Callable[..., House]) -> None:
    data = bytearray(_bomb(1, 3 << 20))
    for sign, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.index(sign) + offset
        data[place : place + 4] = (100).to_bytes(4, "little")  # says that it inflates to 100 bytes
    reader = make_house().browser("reader")
    answer = reader.post("/api/uploads", files=[("files", ("a.zip", bytes(data)))])
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("name", "data"),
    [("notes.txt", b"Not a film."), ("empty.png", b""), ("half.dcm", fakes.dicom(1)[:300]), ("x.png", b"\x89PNG\r\n")],
)
def test_what_is_no_film_is_refused_with_a_reason(house: House, name: str, data: bytes) -> None:
    files = [("files", (name, data)), ("files", ("ok.png", fakes.png(1)))]
    answer = house.browser("reader").post("/api/uploads", files=files)
    assert answer.status_code == 201
    assert [r["name"] for r in answer.json()["refused"]] == [name]
    assert answer.json()["refused"][0]["reason"].endswith(".")
    assert len(answer.json()["accepted"]) == 1


def test_requests_are_bounded(make_house: Callable[..., House]) -> None:
    house = make_house(upload_bytes=10_000)
    reader = house.browser("reader")
    big = reader.post("/api/uploads", files=[("files", ("a.png", b"\0" * 20_000))])
    assert (big.status_code, big.json()["error"]["code"]) == (413, "too_large")

    def endless():  # type: ignore[no-untyped-def]
        for _ in range(64):
            yield b" " * (1 << 16)

    streamed = reader.post("/api/macros", content=endless(), headers={"Content-Type": "application/json"})
    assert streamed.status_code == 413
    long = reader.post("/api/macros", json={"name": "n", "section": "any", "text": "x" * 6000})
    assert long.json()["error"]["fields"][0]["field"] == "text"


def test_too_many_requests_are_slowed(make_house: Callable[..., House]) -> None:
    house = make_house(request_rate=1)
    reader = house.browser("reader")
    codes = [reader.get("/api/limits").status_code for _ in range(8)]
    assert codes[:4] == [200] * 4
    assert codes[-1] == 429


def test_a_bug_tells_nothing(house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from wetread.room import views

    def broken(*_: object) -> None:
        raise RuntimeError("Test^P1 has a secret")

    reader = house.browser("reader")
    monkeypatch.setattr(views, "next_study", broken)
    answer = reader.get("/api/worklist/next")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "bug")
    assert "secret" not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text


def test_a_request_that_a_stopping_server_drops_may_be_repeated(house: House) -> None:
    async def cut_off(*_: object) -> None:
        raise asyncio.CancelledError  # as uvicorn does when its patience at the end is out

    answer = TestClient(Guard(cut_off, house.room.settings)).get("/api/worklist")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "outside")


def test_nothing_is_asked_of_the_outside(house: House, tmp_path: Path) -> None:
    asked = []
    listening = True

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            asked.append((event, arguments[1:]))

    sys.addaudithook(hear)  # it cannot be taken away again, only told not to listen
    try:
        reader = house.browser("reader")
        sent = reader.post("/api/uploads", files=[("files", ("a.dcm", fakes.dicom(5)))]).json()["accepted"][0]
        house.draft()
        study = sent["study_id"]
        version = reader.put(f"/api/studies/{study}/report", json=save_body(1, "Clear lungs.")).json()["version"]
        for path in ("similar", "versions", "diff"):
            reader.get(f"/api/studies/{study}/{path}")
        assert reader.post(f"/api/studies/{study}/sign", json=sign_body("final", version)).status_code == 200
        assert reader.get("/").status_code == 200
        reader.get("/api/statistics")
    finally:
        listening = False
    assert asked == []


def test_logs_and_trail_hold_no_patient(house: House, study: str, caplog: pytest.LogCaptureFixture) -> None:
    reader = house.browser("reader")
    reader.get("/api/worklist?q=Test")
    reader.put(f"/api/studies/{study}/report", json=save_body(1, "Something private was typed."))
    trail = json.dumps(house.browser("admin").get("/api/audit").json())
    for secret in ("Test^P1", "1960-01-02", "private", "film1.dcm"):
        assert secret not in trail
        assert secret not in caplog.text
