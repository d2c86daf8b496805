"""Rows to values and back. Times are Unix ms, JSON is text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import msgspec

from darkroom.generation import Generation, Input
from darkroom.media import Media


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A bearer key without its secret; `revoked` is when, or None while it is good."""

    id: str
    owner: str
    created: int
    revoked: int | None


@dataclass(frozen=True, slots=True)
class BlobRow:
    """Bytes that the store must have."""

    sha256: str
    size: int
    created: int


class Row(Protocol):
    """What `sqlite3.Row` and `asyncpg.Record` have in common."""

    def keys(self) -> Any: ...

    def __getitem__(self, name: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class UpstreamObject:
    """Something that was created at an upstream, until it is deleted there: a session, a file, a stored answer.

    `path` is what to DELETE, `due` when (None: never); `uri` names an upload to the upstream. Times in Unix ms.
    """

    id: str
    owner: str
    provider: str
    key: str
    kind: str
    path: str
    created: int
    blob: str | None = None
    uri: str | None = None
    expires: int | None = None
    due: int | None = None
    attempts: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectCount:
    """How many objects of a kind a provider holds for us; `failing` are those whose deletion it has refused."""

    provider: str
    kind: str
    objects: int
    failing: int
    oldest: int


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """An answer of our Responses door: `body` as it was given, `turns` what it adds to the conversation before it."""

    id: str
    owner: str
    previous: str | None
    body: str
    turns: str
    created: int


_MEDIA = tuple(field.name for field in fields(Media))
_GENERATION = ("id", "owner", "status", "provider", "model", "prompt", "progress", "created", "finished", "key")


def media_params(media: Media) -> dict[str, Any]:
    """Return the columns of a media row."""
    return {name: getattr(media, name) for name in _MEDIA}


def media_of(row: Row | None) -> Media | None:
    """Return the media of a row, or None for no row."""
    return None if row is None else Media(**row)


def generation_params(generation: Generation) -> dict[str, Any]:
    """Return the columns of a generation row; its inputs, outputs and upstream ids stand in other tables."""
    return {name: getattr(generation, name) for name in _GENERATION} | {
        "runner": generation.runner,
        "params": to_json(generation.params),
        "replay": to_json(generation.replay),
        "error": to_json(generation.error),
    }


def generation_of(
    row: Row, inputs: tuple[Input, ...], outputs: tuple[Media, ...], upstream_ids: Mapping[str, str]
) -> Generation:
    """Return a whole generation."""
    return Generation(
        **{name: row[name] for name in _GENERATION},
        params=from_json(row["params"]),
        replay=from_json(row["replay"]),
        error=from_json(row["error"]),
        inputs=inputs,
        outputs=outputs,
        upstream_ids=upstream_ids,
    )


def to_json(value: Mapping[str, Any] | None) -> str | None:
    """Return a mapping as JSON text, None for None; half surrogates (no UTF-8) become U+FFFD."""
    if value is None:
        return None
    try:
        return msgspec.json.encode(dict(value), enc_hook=_plain).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_storable_tree(value)).decode()


def from_json(text: str | None) -> Any:
    """Return what a column of JSON holds, or None for NULL."""
    return None if text is None else msgspec.json.decode(text)


def storable(value: Any) -> Any:
    """Return a parameter as every database takes it: in text, NUL and half surrogates become U+FFFD."""
    if not isinstance(value, str):
        return value
    if not value.isascii():
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value.replace("\x00", "\ufffd") if "\x00" in value else value


def _storable_tree(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_storable_tree(key): _storable_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_tree(item) for item in value]
    return storable(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
