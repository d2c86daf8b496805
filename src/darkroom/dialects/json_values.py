"""JSON that somebody else wrote: read, and its values taken as what they should be, or else as nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from darkroom.errors import UpstreamBroken

_decode = msgspec.json.Decoder().decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_json(data: bytes) -> Any:
    """Return the JSON of an answer. Raises `UpstreamBroken`."""
    try:
        return _decode(data)
    except _UNREADABLE:
        raise UpstreamBroken("the upstream's answer is not JSON, or ends in the middle") from None


def decode_object(data: bytes, *, listed: bool = False) -> dict[str, Any]:
    """Return the JSON object that an answer is; `listed`: it may be the first of a list. Raises `UpstreamBroken`."""
    value = decode_json(data)
    if listed and isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        raise UpstreamBroken("the upstream's answer is not a JSON object")
    return value


def decode_failure(body: bytes) -> Any:
    """Return the JSON of an answer that is an error, the first of a list; else its words."""
    try:
        document = _decode(body)
    except _UNREADABLE:
        return body.decode("utf-8", "replace").strip()
    return document[0] if isinstance(document, list) and document else document


def table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def tables(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, and nothing of anything else."""
    return [item for item in listed(value) if isinstance(item, dict)]


def string(value: Any) -> str | None:
    """Return a text that is not empty."""
    return value if isinstance(value, str) and value else None
