"""What Responses upstreams say when something went wrong, in the one tree of errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from darkroom.dialects import openai_chat
from darkroom.dialects.openai_chat.failures import error_of
from darkroom.errors import DarkroomError, UpstreamForgot

_FORGOT = re.compile(r"(?:previous response|\bitem) with id '?[\w-]{1,200}+'? (?:was )?not found", re.IGNORECASE)
_GONE = (400, 404)
_CLIENTS = ("invalid_", "image_", "unsupported_image", "empty_image", "failed_to_download")
"""How the codes begin that say that a picture or a prompt was at fault, which a stream tells without a status."""


def failure_of(error: Any) -> DarkroomError:
    """Return what an `error` within an answer means."""
    code = str(error.get("code") or "") if isinstance(error, Mapping) else ""
    return error_of(error, 400 if code.startswith(_CLIENTS) else None)


def forgot(error: Any) -> UpstreamForgot | None:
    """Return an `UpstreamForgot` where the upstream does not know an id that it gave."""
    message = str(error.get("message") or "") if isinstance(error, Mapping) else str(error)
    code = error.get("code") if isinstance(error, Mapping) else None
    if code == "previous_response_not_found" or _FORGOT.search(message):
        return UpstreamForgot(f"the upstream said: {message[:1000]}")
    return None


def decode_error(status: int, body: bytes, retry_after: float | None = None) -> DarkroomError:
    """Return the error of an answer that was not 200."""
    if status in _GONE:
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            document = None
        error = document.get("error") if isinstance(document, dict) else None
        if error and (known := forgot(error)) is not None:
            return known
    return openai_chat.decode_error(status, body, retry_after)
