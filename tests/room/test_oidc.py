"""Single sign-on against a provider that is a function."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from house import Caller, House, sign_body

from wetread.room import auth
from wetread.room.oidc import Provider
from wetread.room.settings import Oidc
from wetread.room.store import Login, now

jwt = pytest.importorskip("jwt", reason="pyjwt is not installed")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa", reason="cryptography is not installed")

ISSUER = "https://idp.test"


class FakeProvider:
    """Answers like an OpenID provider; ``claims`` changes what it says of the person."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.nonce, self.claims, self.signer = "", dict[str, Any](), self.key

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("openid-configuration"):
            ends = {k: f"{ISSUER}/{k}" for k in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return httpx.Response(200, json={"issuer": ISSUER, **ends})
        if request.url.path == "/jwks_uri":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return httpx.Response(200, json={"keys": [{**public, "kid": "k", "use": "sig", "alg": "RS256"}]})
        assert b"code_verifier=" in request.content
        claims = {
            "iss": ISSUER, "aud": "wetread", "sub": "77", "nonce": self.nonce, "iat": time.time(),
            "exp": time.time() + 300, **self.claims,
        }  # fmt: skip
        token = jwt.encode(claims, self.signer, algorithm="RS256", headers={"kid": "k"})
        return httpx.Response(200, json={"id_token": token})


@pytest.fixture
def sso(make_house: Callable[..., House]) -> tuple[House, FakeProvider]:
    oidc = Oidc(ISSUER, "wetread", "secret")
    house, fake = make_house(oidc=oidc), FakeProvider()
    house.room.oidc = Provider(oidc, house.store, httpx.MockTransport(fake))
    auth.add_user(house.store, "ola", "Dr Ola", ["reader"], subject=f"{ISSUER} 77")
    return house, fake


def _begin(browser: Caller, fake: FakeProvider) -> str:
    sent = browser.get("/api/oidc/start", follow_redirects=False)
    assert sent.status_code == 302
    query = parse_qs(urlsplit(sent.headers["location"]).query)
    assert (query["code_challenge_method"], query["client_id"]) == (["S256"], ["wetread"])
    fake.nonce = query["nonce"][0]
    return query["state"][0]


def _log_in(browser: Caller, fake: FakeProvider) -> httpx.Response:
    state = _begin(browser, fake)
    return browser.get(f"/api/oidc/callback?code=c&state={state}", follow_redirects=False)


def test_login_and_signing(sso: tuple[House, FakeProvider]) -> None:
    house, fake = sso
    study = house.receive(1)[0]
    browser = house.browser()
    assert browser.get("/api/login").json()["oidc"]["url"] == "/api/oidc/start"
    answer = _log_in(browser, fake)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    session = browser.get("/api/session").json()
    assert (session["user"]["name"], session["reauth"]) == ("Dr Ola", "oidc")
    browser.headers["X-CSRF-Token"] = session["csrf"]
    with house.store.write() as database:
        for login in database.query(Login):
            login.confirmed = now() - 3600
    stale = browser.post(f"/api/studies/{study}/sign", json=sign_body("final", 1))
    assert stale.json()["error"]["code"] == "reauth"
    assert "prompt=login" in browser.get("/api/oidc/start?again=true", follow_redirects=False).headers["location"]
    _log_in(browser, fake)
    browser.headers["X-CSRF-Token"] = browser.get("/api/session").json()["csrf"]
    assert browser.post(f"/api/studies/{study}/sign", json=sign_body("final", 1)).status_code == 200


@pytest.mark.parametrize(
    "claims", [{"sub": "78"}, {"aud": "other"}, {"iss": "https://evil.test"}, {"nonce": "x"}, {"exp": 1.0}]
)
def test_what_does_not_fit_logs_nobody_in(sso: tuple[House, FakeProvider], claims: dict[str, Any]) -> None:
    house, fake = sso
    fake.claims = claims
    browser = house.browser()
    assert _log_in(browser, fake).status_code == 401
    assert browser.get("/api/session").status_code == 401


def test_forged_replayed_and_foreign_answers(sso: tuple[House, FakeProvider]) -> None:
    house, fake = sso
    browser = house.browser()
    state = _begin(browser, fake)
    victim = house.browser()  # a link with the attacker's state, opened in another browser
    assert victim.get(f"/api/oidc/callback?code=c&state={state}", follow_redirects=False).status_code == 401
    good = f"/api/oidc/callback?code=c&state={state}"
    cookie = browser.cookies.get("wetread_oidc")
    assert browser.get(good, follow_redirects=False).status_code == 303
    replay = house.browser()
    replay.cookies.set("wetread_oidc", str(cookie), domain="room.test", path="/api/oidc")
    assert replay.get(good, follow_redirects=False).status_code == 401
    fake.signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert _log_in(house.browser(), fake).status_code == 401


def test_a_provider_that_is_away_is_told(sso: tuple[House, FakeProvider]) -> None:
    house, _ = sso
    assert house.room.settings.oidc is not None
    away = httpx.MockTransport(lambda _: httpx.Response(502))
    house.room.oidc = Provider(house.room.settings.oidc, house.store, away)
    answer = house.browser().get("/api/oidc/start", follow_redirects=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "outside")
