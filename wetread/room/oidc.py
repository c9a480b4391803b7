"""Single sign-on by OpenID Connect: the authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636).

Only accounts that an administrator has tied to a subject can log in; nobody is made an account by logging in.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import urlencode

import httpx
from sqlalchemy import delete, select

from wetread.errors import ExtraMissing
from wetread.room import auth
from wetread.room.problems import Problem
from wetread.room.settings import Oidc
from wetread.room.store import OidcState, Store, User, now

__all__ = ["Provider"]

_LIFE = 600.0  # seconds to log in at the provider
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"]


class Provider:
    """The provider as the room uses it.

    Args:
        settings: issuer and our client there.
        store: keeps the logins that are under way.
        transport: for tests.
    """

    def __init__(self, settings: Oidc, store: Store, transport: httpx.BaseTransport | None = None) -> None:
        self._settings, self._store = settings, store
        self._http = httpx.Client(timeout=10, transport=transport)
        self._known: dict[str, Any] | None = None

    def _get(self, url: str) -> dict[str, Any]:
        try:
            answer = self._http.get(url)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found
        except (httpx.HTTPError, ValueError) as error:
            raise Problem(
                "outside", "The single sign-on cannot be reached; try again, or log in by password."
            ) from error

    def _discovery(self) -> dict[str, Any]:
        if self._known is None:
            found = self._get(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._settings.issuer:
                raise Problem("outside", "The single sign-on names another issuer than --oidc-issuer.")
            self._known = found
        return self._known

    def start(self, redirect: str, again: bool) -> tuple[str, str]:
        """Begin a login: (address to send the browser to, state to keep in its cookie).

        Args:
            again: the person must prove who they are even if the provider remembers them.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self._settings.client_id, "redirect_uri": redirect,
            "scope": "openid", "state": state, "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256", **({"prompt": "login", "max_age": "0"} if again else {}),
        }  # fmt: skip
        address = f"{self._discovery()['authorization_endpoint']}?{urlencode(query)}"
        with self._store.write() as session:
            session.execute(delete(OidcState).where(OidcState.expires < now()))
            session.add(OidcState(id=auth.digest(state), nonce=nonce, verifier=verifier, expires=now() + _LIFE))
        return address, state

    def finish(self, code: str, state: str, redirect: str) -> User:
        """The account of who came back. Raises Problem ``unauthenticated`` where anything does not fit."""
        with self._store.write() as session:
            row = session.get(OidcState, auth.digest(state))
            if row is not None:
                session.delete(row)  # a state is good for one login
        if row is None or row.expires < now():
            raise Problem("unauthenticated", "This login took too long; begin again.")
        claims = self._claims(self._token(code, redirect, row.verifier))
        if not auth.same(str(claims.get("nonce", "")), row.nonce):
            raise Problem("unauthenticated", "The single sign-on's answer belongs to another login; begin again.")
        with self._store.read() as session:
            user = session.scalar(select(User).where(User.subject == f"{claims['iss']} {claims['sub']}"))
        if user is None or user.disabled or "service" in user.roles:
            raise Problem("unauthenticated", "This person has no account here; ask the administrator.")
        return user

    def _token(self, code: str, redirect: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier,
            "client_id": self._settings.client_id, "client_secret": self._settings.client_secret,
        }  # fmt: skip
        try:
            answer = self._http.post(self._discovery()["token_endpoint"], data=form)
            answer.raise_for_status()
            return str(answer.json()["id_token"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise Problem("unauthenticated", "The single sign-on did not confirm the login; begin again.") from error

    def _claims(self, token: str) -> dict[str, Any]:
        """The verified claims of an ID token (OpenID Connect Core 3.1.3.7)."""
        try:
            import jwt
        except ImportError as error:
            raise ExtraMissing("single sign-on", "sso") from error
        keys = self._get(self._discovery()["jwks_uri"])
        try:
            wanted = jwt.get_unverified_header(token).get("kid")
            found = [k for k in jwt.PyJWKSet.from_dict(keys).keys if wanted is None or k.key_id == wanted]
            if not found:
                raise jwt.InvalidKeyError("no such key")
            claims: dict[str, Any] = jwt.decode(
                token,
                found[0].key,
                algorithms=_ALGORITHMS,
                audience=self._settings.client_id,
                issuer=self._settings.issuer,
                leeway=60,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Problem("unauthenticated", "The single sign-on's answer cannot be trusted; begin again.") from error
        return claims
