"""The description of the interface: complete, and true under schemathesis' strange requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from house import House

ALLOWED = {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503}


def test_every_answer_has_a_model(house: House) -> None:
    schema = house.app.openapi()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            good = {code: r for code, r in operation["responses"].items() if code.startswith("2")}
            assert good, (method, path)
            for code, answer in good.items():
                content = answer.get("content", {})
                assert code == "204" or content, (method, path)
                if "application/json" in content:
                    assert content["application/json"]["schema"], (method, path)
            assert operation["responses"]["401"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorBody")
            assert operation.get("description"), (method, path)


def test_the_description_needs_a_login(house: House) -> None:
    assert house.browser().get("/api/openapi.json").status_code == 401
    assert "paths" in house.browser("reader").get("/api/openapi.json").json()


@pytest.mark.slow
def test_schemathesis_finds_no_failure_of_the_server(make_house, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    house = make_house()
    house.receive(1)
    callers = {"reader": house.browser("reader"), "admin": house.browser("admin")}
    schema = schemathesis.openapi.from_dict(house.app.openapi())
    wrong: list[str] = []
    skip = {"/api/logout", "/api/me/password", "/api/users/{user_id}/reset"}
    operations = [r.ok() for r in schema.get_all_operations() if r.ok().path not in skip]
    for operation in operations:
        strategy = operation.as_strategy()

        @settings(
            max_examples=3,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=strategy, who=st.sampled_from(sorted(callers)))
        def probe(case, who) -> None:  # type: ignore[no-untyped-def]
            caller = callers[who]
            words = case.as_transport_kwargs(base_url="http://room.test")
            words.pop("cookies", None)
            headers = {
                k: v for k, v in dict(words.pop("headers", None) or {}).items()
                if k.lower() not in ("authorization", "x-csrf-token", "cookie")
            }  # fmt: skip
            if isinstance(words.get("data"), bytes | str):
                words["content"] = words.pop("data")
            try:
                answer = caller.request(headers=headers, **words)
            except (UnicodeError, ValueError):
                return  # the client library cannot send it
            if answer.status_code not in ALLOWED:
                wrong.append(f"{case.method} {case.path}: {answer.status_code} {json.dumps(str(words))[:300]}")

        probe()
    assert wrong == []
