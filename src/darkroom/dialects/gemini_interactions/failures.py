"""Errors of the Interactions API, told by their codes: https://ai.google.dev/gemini-api/docs/api-errors

Its own are `{"code": "rate_limit_exceeded", "message": "…"}`, in a body, in a stream, and among an interaction's
`errors`; what fails before it is reached has the shape of all of Google's APIs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darkroom.dialects.gemini import failures
from darkroom.dialects.json_values import decode_failure
from darkroom.errors import (
    ContentPolicyViolation,
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

_CODES: dict[str, type[UpstreamError]] = {
    "invalid_request": UpstreamRejected,
    "failed_precondition": UpstreamRejected,
    "out_of_range": UpstreamRejected,
    "parameter_unknown": UpstreamRejected,
    "authentication": UpstreamAuthFailed,
    "permission_denied": UpstreamAuthFailed,
    "payment_required": UpstreamRateLimited,
    "rate_limit_exceeded": UpstreamRateLimited,
    "quota_exceeded": UpstreamRateLimited,
    "too_many_requests": UpstreamRateLimited,
    "not_found": UpstreamNotFound,
    "model_not_found": UpstreamNotFound,
    "api_error": UpstreamBroken,
    "service_unavailable": UpstreamUnavailable,
    "deadline_exceeded": UpstreamTimeout,
    **dict.fromkeys(
        "safety recitation language prohibited_content spii blocklist image_safety image_prohibited_content "
        "image_recitation image_other content_blocked".split(),
        ContentPolicyViolation,
    ),
}
_WORDS = 1000


def read_error(error: Any, status: int | None = None, retry_after: float | None = None) -> DarkroomError:
    """Return what an `error` means, with the upstream's words; its code wins over the status of HTTP."""
    code = error.get("code") if isinstance(error, Mapping) else None
    kind = _CODES.get(code) if isinstance(code, str) else None
    if kind is None:
        return failures.decode_error_value(error, status, retry_after)
    words = str(error.get("message") or "")[:_WORDS] or code
    return kind(f"the upstream said: {words}", retry_after=retry_after)


def decode_error(status: int, body: bytes, retry_after: float | None = None) -> DarkroomError:
    """Return the error of an answer that was not 2xx."""
    document = decode_failure(body)
    error = document.get("error", document) if isinstance(document, dict) else document
    return read_error(error, status, retry_after)


def is_forgotten(error: DarkroomError) -> bool:
    """Tell whether a request was refused for the interaction that it goes on from: what is not the caller's is
    not there, or not allowed."""
    words = error.message.lower()
    if isinstance(error, UpstreamNotFound):
        return "interaction" in words or "model" not in words
    return isinstance(error, UpstreamRejected | UpstreamAuthFailed) and "interaction" in words
