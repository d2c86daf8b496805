"""Upstream errors, told by their status and their words, in the one tree of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from darkroom.dialects.json_values import decode_failure
from darkroom.dialects.relay_text import classify
from darkroom.errors import (
    DarkroomError,
    UpstreamAuthFailed,
    UpstreamBroken,
    UpstreamError,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

_BY_STATUS: dict[int, type[UpstreamError]] = {
    400: UpstreamRejected,
    401: UpstreamAuthFailed,
    402: UpstreamRateLimited,
    403: UpstreamAuthFailed,
    404: UpstreamNotFound,
    408: UpstreamTimeout,
    413: UpstreamRejected,
    415: UpstreamRejected,
    422: UpstreamRejected,
    429: UpstreamRateLimited,
    503: UpstreamUnavailable,
    504: UpstreamTimeout,
}
_WORDS = 1000


def error_of(error: Any, status: int | None = None, retry_after: float | None = None) -> DarkroomError:
    """Return what an `error` field (a dict or a string) means, with the upstream's words.

    The words win over the status: relays report a refused prompt as 500.
    """
    words = _message(error)
    code = str(error.get("code") or "") if isinstance(error, Mapping) else ""
    if (known := classify(f"{words} {code}".strip())) is not None:
        kind: type[DarkroomError] = type(known)
    else:
        number = status if status is not None else _number(code)
        kind = _BY_STATUS.get(number or 0, UpstreamBroken)
    return kind(f"the upstream said: {words}", retry_after=retry_after)


def decode_error(status: int, body: bytes, retry_after: float | None = None) -> DarkroomError:
    """Return the error of an answer that was not 200. Bodies that are no JSON are quoted in part."""
    document = decode_failure(body)
    error = document.get("error", document) if isinstance(document, dict) else document
    return error_of(error or f"HTTP {status} without a word", status, retry_after)


def _message(error: Any) -> str:
    if isinstance(error, Mapping):
        nested = error.get("message") or error.get("msg") or error.get("detail") or error.get("error")
        return _message(nested) if nested else msgspec.json.encode(dict(error)).decode()[:_WORDS]
    words = str(error)
    if "<html" in words[:500].lower():
        return "an HTML page instead of an answer"
    return words[:_WORDS]


def _number(code: str) -> int | None:
    return int(code) if code.isdecimal() and len(code) == 3 else None
