"""Gemini's errors: HTTP bodies in Google's form, the reasons with which an answer ends, and what they stand for.

Format: `{"error": {"code", "message", "status", "details"}}`, https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from darkroom.dialects.json_values import decode_failure, tables
from darkroom.dialects.openai_chat.failures import error_of
from darkroom.errors import (
    ContentPolicyViolation,
    DarkroomError,
    UpstreamAuthFailed,
    UpstreamBroken,
    UpstreamForgot,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

_BY_STATUS: dict[str, type[DarkroomError]] = {
    "INVALID_ARGUMENT": UpstreamRejected,
    "FAILED_PRECONDITION": UpstreamRejected,
    "OUT_OF_RANGE": UpstreamRejected,
    "UNAUTHENTICATED": UpstreamAuthFailed,
    "PERMISSION_DENIED": UpstreamAuthFailed,
    "NOT_FOUND": UpstreamNotFound,
    "RESOURCE_EXHAUSTED": UpstreamRateLimited,
    "UNAVAILABLE": UpstreamUnavailable,
    "DEADLINE_EXCEEDED": UpstreamTimeout,
    "INTERNAL": UpstreamBroken,
}
_SIGNATURE = re.compile(
    r"missing a `?thought[_ ]?signature|(?:invalid|corrupted) `?thought[_ ]?signature"
    r"|thought[_ ]?signature\S* (?:is (?:not valid|invalid)|isn't valid)",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"permission to access the file|\bfiles?[ /]\S+ (?:was |is )?not found|\bfile (?:has )?expired", re.IGNORECASE
)
_BAD_KEY = re.compile(r"API[ _]key (?:not valid|expired|not found|invalid)|API_KEY_INVALID", re.IGNORECASE)
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")

_REFUSED = frozenset(
    "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII MODEL_ARMOR JAILBREAK "
    "IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION".split()
)
"""Ends of an answer that say that its content is refused."""
_SIGNATURE_MISSING = "MISSING_THOUGHT_SIGNATURE"
_FINE = {"STOP": "stop", "MAX_TOKENS": "length", "FINISH_REASON_UNSPECIFIED": "stop"}


def decode_error(status: int, body: bytes, retry_after: float | None = None) -> DarkroomError:
    """Return the error of an answer that was not 2xx; bodies that are not Google's are read as anybody's."""
    return decode_error_value(decode_failure(body), status, retry_after)


def decode_error_value(document: Any, status: int | None = None, retry_after: float | None = None) -> DarkroomError:
    """Return what an error's JSON means: `{"error": …}`, a list of that, or what stands in `error`.

    `UpstreamForgot`: it does not know a signature or a file; `is_about_file` tells which.
    """
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error", document) if isinstance(document, Mapping) else document
    if not isinstance(error, Mapping):
        return error_of(error or f"HTTP {status} without a word", status, retry_after)
    message, name = str(error.get("message") or ""), str(error.get("status") or "")
    words = f"the upstream said: {message}"
    reasons = [detail.get("reason") for detail in _details(error)]
    if _SIGNATURE.search(message) or _FILE.search(message):
        return UpstreamForgot(words)
    if "API_KEY_INVALID" in reasons or _BAD_KEY.search(message):
        return UpstreamAuthFailed(words)
    known = _BY_STATUS.get(name)
    if known is not None and message and not (known is UpstreamRejected and _refuses(error)):
        return known(words, retry_after=_delay(error) or retry_after)
    return error_of(error, status, retry_after)


def is_about_file(error: DarkroomError) -> bool:
    """Tell whether what an upstream forgot is a file."""
    return isinstance(error, UpstreamForgot) and _FILE.search(error.message) is not None


def blocked(reason: str, message: str = "") -> ContentPolicyViolation:
    """Return the error of a prompt that was blocked."""
    return ContentPolicyViolation(f"the upstream blocked the prompt: {_said(reason, message)}")


def ended(reason: str, message: str, *, pictures: bool, words: bool, makes: bool) -> DarkroomError | str:
    """Return what the end of an answer means: a finish reason in OpenAI's words, or an error.

    `pictures` and `words`: what came before it; `makes`: the model was asked for a picture.
    """
    if reason in _FINE:
        return _FINE[reason]
    if reason == _SIGNATURE_MISSING:
        return UpstreamForgot("the upstream misses the thought signature of what it made")
    if pictures or (words and not makes):
        return "content_filter" if reason in _REFUSED else "stop"
    if reason in _REFUSED:
        return ContentPolicyViolation(f"the upstream refused the content: {_said(reason, message)}")
    what = "made no picture" if reason in ("NO_IMAGE", "IMAGE_OTHER") else "gave up"
    return UpstreamBroken(f"the upstream {what}: {_said(reason, message)}")


def _said(reason: str, message: str) -> str:
    return f"{reason} ({message})" if message else reason


def _refuses(error: Mapping[str, Any]) -> bool:
    return isinstance(error_of(error), ContentPolicyViolation)


def _details(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    return tables(error.get("details"))


def _delay(error: Mapping[str, Any]) -> float | None:
    """Return the seconds of `RetryInfo`: `{"retryDelay": "17s"}`."""
    for detail in _details(error):
        match = _SECONDS.fullmatch(str(detail.get("retryDelay") or ""))
        if match:
            return float(match[1])
    return None
