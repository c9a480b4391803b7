"""Every route without a login, and with every role that may not use it."""

from __future__ import annotations

import re

import pytest
from house import House

from wetread.room import auth
from wetread.room.store import User

PUBLIC = {"GET /api/login", "POST /api/login", "GET /api/setup/{token}", "POST /api/setup"}
EVERYONE = {"reader", "resident", "administrator", "service"}
LOOKERS = EVERYONE - {"service"}
EDITORS = {"reader", "resident"}
ADMIN = {"administrator"}
#: Route → roles that may use it. A route that is missing here fails the test: nobody adds one without thinking of this.
ROLES = {
    "GET /api/session": EVERYONE, "POST /api/logout": EVERYONE, "PATCH /api/me": EVERYONE,
    "POST /api/me/password": EVERYONE, "GET /api/openapi.json": EVERYONE, "GET /api/limits": EVERYONE,
    "POST /api/uploads": EVERYONE, "GET /api/studies/{study_id}/status": EVERYONE,
    "GET /api/worklist": LOOKERS, "GET /api/worklist/next": LOOKERS, "GET /api/studies/{study_id}": LOOKERS,
    "POST /api/studies/{study_id}/retry": LOOKERS, "GET /api/films/{film_id}/pixels": LOOKERS,
    "GET /api/films/{film_id}/thumbnail": LOOKERS, "GET /api/studies/{study_id}/versions": LOOKERS,
    "GET /api/studies/{study_id}/diff": LOOKERS, "GET /api/studies/{study_id}/similar": LOOKERS,
    "GET /api/statistics": LOOKERS, "GET /api/statistics.csv": LOOKERS, "GET /api/system": LOOKERS,
    "GET /api/reader-studies": LOOKERS, "GET /api/reader-studies/{reader_study_id}": LOOKERS,
    "PATCH /api/studies/{study_id}": EDITORS, "POST /api/studies/{study_id}/redraft": EDITORS,
    "POST /api/studies/{study_id}/claim": EDITORS, "DELETE /api/studies/{study_id}/claim": EDITORS,
    "PUT /api/studies/{study_id}/report": EDITORS, "POST /api/studies/{study_id}/check": EDITORS,
    "POST /api/studies/{study_id}/sign": EDITORS, "POST /api/studies/{study_id}/criticals": EDITORS,
    "POST /api/criticals/{critical_id}/acknowledge": EDITORS, "GET /api/stock": EDITORS,
    "GET /api/macros": EDITORS, "POST /api/macros": EDITORS, "PUT /api/macros/{macro_id}": EDITORS,
    "DELETE /api/macros/{macro_id}": EDITORS, "POST /api/reader-studies/{reader_study_id}/next": EDITORS,
    "PUT /api/reader-cases/{case_id}": EDITORS, "POST /api/reader-cases/{case_id}/submit": EDITORS,
    "DELETE /api/studies/{study_id}": ADMIN, "GET /api/users": ADMIN, "POST /api/users": ADMIN,
    "PATCH /api/users/{user_id}": ADMIN, "POST /api/users/{user_id}/reset": ADMIN, "GET /api/audit": ADMIN,
    "GET /api/audit/verify": ADMIN, "GET /api/jobs": ADMIN, "POST /api/reader-studies": ADMIN,
    "POST /api/reader-studies/{reader_study_id}/close": ADMIN,
    "GET /api/reader-studies/{reader_study_id}/export.csv": ADMIN,
}  # fmt: skip


def _paths(house: House) -> list[str]:
    schema = house.app.openapi()
    return [f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods]


def _fill(path: str, house: House, study: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: study if m[1] == "study_id" else "x" * 32, path)


def test_the_table_names_every_route(house: House) -> None:
    assert set(_paths(house)) == set(ROLES) | PUBLIC


def test_every_route_is_closed_to_strangers(house: House, study: str) -> None:
    stranger = house.browser()
    for name in ROLES:
        method, path = name.split(" ")
        answer = stranger.request(method, _fill(path, house, study))
        assert answer.status_code == 401, name
        assert answer.json()["error"]["code"] == "unauthenticated", name
    assert stranger.get("/api/nothing").status_code == 401
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("role", sorted(EVERYONE))
def test_every_route_is_closed_to_the_wrong_role(house: House, study: str, role: str) -> None:
    if role == "service":
        caller = house.browser()
        user = auth.add_user(house.store, "gateway", "Gateway", ["service"])
        with house.store.write() as session:
            caller.headers["Authorization"] = f"Bearer {auth.issue_token(session, session.get_one(User, user.id), 't')}"
    else:
        caller = house.browser({"administrator": "admin"}.get(role, role))
    for name, roles in ROLES.items():
        method, path = name.split(" ")
        if role in roles:
            continue
        answer = caller.request(method, _fill(path, house, study), json={"reason": "no reason"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), name


def test_a_service_sees_only_what_it_sent(house: House, study: str) -> None:
    user = auth.add_user(house.store, "gateway", "Gateway", ["service"])
    caller = house.browser()
    with house.store.write() as session:
        caller.headers["Authorization"] = f"Bearer {auth.issue_token(session, session.get_one(User, user.id), 't')}"
    assert caller.get(f"/api/studies/{study}/status").status_code == 404
    import fakes

    sent = caller.post("/api/uploads", files=[("files", ("a.png", fakes.png(5)))]).json()["accepted"][0]["study_id"]
    assert caller.get(f"/api/studies/{sent}/status").json()["status"] == "queued"
    assert caller.post("/api/logout").status_code == 204


def test_a_resident_may_not_sign_final(house: House, study: str) -> None:
    from house import sign_body

    resident = house.browser("resident")
    answer = resident.post(f"/api/studies/{study}/sign", json=sign_body("final", 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


def test_disabled_accounts_are_out_at_once(house: House, study: str) -> None:
    reader, admin = house.browser("reader"), house.browser("admin")
    users = {u["username"]: u for u in admin.get("/api/users").json()["items"]}
    assert admin.patch(f"/api/users/{users['reader']['id']}", json={"disabled": True}).status_code == 200
    assert reader.get("/api/session").status_code == 401
    login = house.browser().post("/api/login", json={"username": "reader", "password": "demonstration"})
    assert login.status_code == 401
    own = admin.patch(f"/api/users/{users['admin']['id']}", json={"disabled": True})
    assert (own.status_code, own.json()["error"]["code"]) == (409, "state")
