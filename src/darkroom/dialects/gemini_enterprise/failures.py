"""Errors of Discovery Engine: Google's form of HTTP errors, and the ends of an answer that are none.

States and reasons: `AssistAnswer` in google.cloud.discoveryengine.v1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.dialects.gemini import failures
from darkroom.errors import (
    ContentPolicyViolation,
    DarkroomError,
    UpstreamAuthFailed,
    UpstreamBroken,
    UpstreamForgot,
    UpstreamNotFound,
    UpstreamRejected,
)

_NOT_YOURS = "not owned by"
_SKIPPED: dict[str, tuple[type[DarkroomError], str]] = {
    "CUSTOMER_POLICY_VIOLATION": (ContentPolicyViolation, "a policy of its operator forbids this content"),
    "NON_ASSIST_SEEKING_QUERY_IGNORED": (
        UpstreamRejected,
        "it sees nothing to be done in this message; say what is wanted",
    ),
}


def decode_error(status: int, body: bytes, retry_after: float | None = None) -> DarkroomError:
    """Return the error of an answer that was not 2xx."""
    return _owned(failures.decode_error(status, body, retry_after))


def read_error(document: Mapping[str, Any]) -> DarkroomError:
    """Return the error that stands in a stream: `{"error": {"code", "message", "status"}}`."""
    return _owned(failures.decode_error_value(document))


def ended(state: str, reasons: Sequence[Any]) -> DarkroomError | None:
    """Return the error that an answer ends with, if it does."""
    if state == "FAILED":
        return UpstreamBroken("the upstream says that its answer failed")
    if state != "SKIPPED":
        return None
    told = ", ".join(map(str, reasons)) or "without a reason"
    for reason in reasons:
        if isinstance(reason, str) and reason in _SKIPPED:
            kind, words = _SKIPPED[reason]
            return kind(f"the upstream skipped the question ({told}): {words}")
    return UpstreamRejected(f"the upstream skipped the question ({told})")


def is_forgotten(error: DarkroomError) -> bool:
    """Tell whether a request was refused for its session, which is deleted, or somebody else's."""
    if isinstance(error, UpstreamForgot | UpstreamNotFound):
        return True
    return isinstance(error, UpstreamRejected | UpstreamAuthFailed) and "session" in error.message.lower()


def _owned(error: DarkroomError) -> DarkroomError:
    """A session of another identity is as good as forgotten."""
    if isinstance(error, UpstreamAuthFailed) and _NOT_YOURS in error.message:
        return UpstreamForgot(error.message)
    return error
