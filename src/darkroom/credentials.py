"""OAuth tokens for upstreams that take no plain key: by service account, or by what the machine itself is.

A credential is `adc` (application default credentials), `file:/path.json`, or the JSON itself: a service account, an
authorized user, or a workforce or workload identity. google-auth knows how each gets its tokens; it blocks, so it
works in threads, and is imported there: it takes 0.2 s, which gateways without Google need not wait for.
https://google.aip.dev/auth
"""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from darkroom.errors import UpstreamAuthFailed, UpstreamUnavailable

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ADC = "adc"

_TIMEOUT = 30.0
_WORDS = 300
_KINDS = {
    "service_account": ("google.oauth2.service_account", "from_service_account_info"),
    "authorized_user": ("google.oauth2.credentials", "from_authorized_user_info"),
    "external_account": ("google.auth.identity_pool", "from_info"),
}
"""Where google-auth has each type of credential, and what reads one."""


@dataclass(slots=True)
class _Known:
    """A credential as google-auth has it, and the turn to renew its token."""

    credentials: Any = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Tokens:
    """Gives the headers that show who asks; tokens are kept until shortly before they expire."""

    _known: dict[str, _Known] = field(default_factory=dict)

    async def headers(self, secret: str, user_project: str | None = None) -> dict[str, str]:
        """Return the headers for a credential; `user_project` is who pays, where that is not the credential's own.

        Raises `UpstreamAuthFailed`, which says what to fix, and `UpstreamUnavailable` where nobody gives out tokens.
        """
        known = self._known.setdefault(secret, _Known())
        if not _is_good(known.credentials):
            async with known.turn:
                if not _is_good(known.credentials):
                    known.credentials = await asyncio.to_thread(_renewed, known.credentials, secret)
        headers = {"authorization": f"Bearer {known.credentials.token}"}
        project = user_project or known.credentials.quota_project_id
        return {**headers, "x-goog-user-project": str(project)} if project else headers

    def forget(self, secret: str) -> None:
        """Drop the token of a credential: it was refused before its time."""
        self._known.pop(secret, None)


def _is_good(credentials: Any) -> bool:
    """Tell whether there is a token with minutes to live: google-auth counts one as expired somewhat early."""
    return credentials is not None and bool(credentials.valid)


def _renewed(credentials: Any, secret: str) -> Any:
    """Return the credential with a new token."""
    try:
        credentials = credentials or _read(secret)
        credentials.refresh(_request)
    except import_module("google.auth.exceptions").GoogleAuthError as error:
        kind = UpstreamUnavailable if error.retryable else UpstreamAuthFailed
        raise kind(f"no OAuth token was given for {_named(secret)}: {_said(error)}") from error
    return credentials


def _read(secret: str) -> Any:
    """Return a credential without a token yet. Raises `UpstreamAuthFailed`, `GoogleAuthError`."""
    if secret == ADC:
        return import_module("google.auth").default(scopes=[SCOPE])[0]
    info = _document(secret)
    kind = _KINDS.get(str(info.get("type")))
    if kind is None:
        raise UpstreamAuthFailed(
            f"{_named(secret)} is of type `{info.get('type')}`; Darkroom takes {', '.join(_KINDS)}, and `adc`"
        )
    module, reads = kind
    try:
        return getattr(import_module(module).Credentials, reads)(info, scopes=[SCOPE])
    except (ValueError, TypeError, KeyError) as error:
        raise UpstreamAuthFailed(f"{_named(secret)} can't be used: {_said(error)}") from error


def _document(secret: str) -> Mapping[str, Any]:
    try:
        text = secret if _is_json(secret) else Path(secret.removeprefix("file:")).expanduser().read_text("utf-8")
        info = json.loads(text)
    except OSError as error:
        raise UpstreamAuthFailed(f"{_named(secret)} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise UpstreamAuthFailed(f"{_named(secret)} is not JSON") from error
    if not isinstance(info, dict):
        raise UpstreamAuthFailed(f"{_named(secret)} is no JSON object")
    return info


def _is_json(secret: str) -> bool:
    if not secret.startswith("file:") and not secret.lstrip().startswith("{"):
        raise UpstreamAuthFailed(
            "a Google credential is `adc`, `file:/path/of/a.json`, or the JSON of a service account; this is neither"
        )
    return not secret.startswith("file:")


def _named(secret: str) -> str:
    """Name a credential without giving it away."""
    if secret == ADC:
        return "the application default credentials"
    return f"the credential in {secret.removeprefix('file:')}" if secret.startswith("file:") else "the credential"


def _said(error: Exception) -> str:
    """Return the words of an error; google-auth adds the answer's JSON, which the first argument sums up."""
    words = error.args[0] if error.args else type(error).__name__
    return str(words)[:_WORDS]


@dataclass(frozen=True, slots=True)
class _Response:
    """An answer, whole, as google-auth wants it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def _request(
    url: str,
    method: str = "GET",
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    **_: Any,
) -> _Response:
    """Ask for google-auth, whose own transports want another HTTP client; no proxy, as everywhere here.

    Returns an answer of any status. Raises google-auth's `TransportError`.
    """
    data = body.encode() if isinstance(body, str) else body
    try:
        request = urllib.request.Request(url, data, dict(headers or {}), method=method)  # noqa: S310
        with _OPENER.open(request, timeout=timeout or _TIMEOUT) as response:
            return _Response(response.status, dict(response.headers), response.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        words = f"{_host(url)} did not answer ({getattr(error, 'reason', None) or type(error).__name__})"
        raise import_module("google.auth.exceptions").TransportError(words, retryable=True) from error


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0] or url[:80]


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens http(s) URLs, of any status, and nothing else: no files, no proxies, no redirects."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(), urllib.request.UnknownHandler()):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()
