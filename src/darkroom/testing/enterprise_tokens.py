"""Google's token endpoint: a service account's signed assertion in, an access token out.

What it takes to sign is imported when it is used: the gateway, whose own painter is an emulator too, starts without.
https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

SCOPES = frozenset(
    {
        "https://www.googleapis.com/auth/cloud-platform",
        "https://www.googleapis.com/auth/discoveryengine.readwrite",
        "https://www.googleapis.com/auth/discoveryengine.assist.readwrite",
    }
)
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_DOMAIN = "emulated.iam.gserviceaccount.com"
_KEY_ID = "7e57"
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What an assertion is for, wherever the endpoint is."""


@cache
def _keys() -> tuple[str, bytes]:
    """Return the one key of all accounts, private and public, as PEM: making one takes a while."""
    forms: Any = import_module("cryptography.hazmat.primitives.serialization")
    rsa: Any = import_module("cryptography.hazmat.primitives.asymmetric.rsa")
    key, pem = rsa.generate_private_key(public_exponent=65537, key_size=2048), forms.Encoding.PEM
    private = key.private_bytes(pem, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    return private.decode(), key.public_key().public_bytes(pem, forms.PublicFormat.SubjectPublicKeyInfo)


def email_of(name: str) -> str:
    return f"{name}@{_DOMAIN}"


def service_account(name: str, token_uri: str) -> dict[str, Any]:
    """Return the JSON of a service account, as Google hands it out, whose tokens come from `token_uri`."""
    return {
        "type": "service_account",
        "project_id": "emulated",
        "private_key_id": _KEY_ID,
        "private_key": _keys()[0],
        "client_email": email_of(name),
        "client_id": "100000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    }


@dataclass(slots=True)
class TokenEndpoint:
    """Gives tokens to service accounts; `names` are those that are known, none is every one.

    `given` counts the tokens, `lifetime` is theirs in seconds; `refusing` answers with 503.
    """

    names: Collection[str] = ()
    lifetime: int = 3599
    given: int = 0
    refusing: bool = False
    _tokens: dict[str, str] = field(default_factory=dict)

    def who(self, token: str) -> str | None:
        """Return the email of the account that a token was given to."""
        return self._tokens.get(token)

    def revoke(self) -> None:
        """Make every token that was given invalid."""
        self._tokens.clear()

    async def answer(self, request: Request) -> Response:
        if self.refusing:
            return Response("Service Unavailable", 503)
        form = parse_qs((await request.body()).decode())
        if form.get("grant_type") != [_GRANT]:
            return _refused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
        try:
            claims = self._claims(form.get("assertion", [""])[0])
        except ValueError as error:
            return _refused("invalid_grant", f"Invalid JWT: {error}")
        if self.names and claims["iss"] not in {email_of(name) for name in self.names}:
            return _refused("invalid_grant", "Invalid grant: account not found")
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            return _refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        token = f"ya29.c.{secrets.token_urlsafe(48)}"
        self._tokens[token] = claims["iss"]
        self.given += 1
        return JSONResponse({"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"})

    def _claims(self, assertion: str) -> dict[str, Any]:
        """Check an assertion's signature, times and audience, and return its claims. Raises `ValueError`."""
        decode: Any = import_module("google.auth.jwt").decode
        certs = {_KEY_ID: _keys()[1]}
        claims: dict[str, Any] = dict(decode(assertion, certs=certs, audience=_AUDIENCE, clock_skew_in_seconds=10))
        if not isinstance(claims.get("iss"), str):
            raise ValueError("the issuer is missing")
        if claims["exp"] - claims["iat"] > 3600 or claims["exp"] < time.time():
            raise ValueError("Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
        return claims


def _refused(error: str, words: str) -> Response:
    return JSONResponse({"error": error, "error_description": words}, 400)
