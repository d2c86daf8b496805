"""The graph of what was made from what. `owner` None is anybody's, for the operator alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from darkroom.database.backends import Rows
from darkroom.database.rows import Row
from darkroom.generation import Generation, Input
from darkroom.media import Media

PROMPT_CHARS = 4000
"""What a graph shows of a prompt."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Media as its row remembers it; `deleted` is when, in Unix ms: its `blob` is empty then."""

    media: Media
    deleted: int | None = None


class LineageRows(Rows):
    """The queries of `sql/lineage.sql`: ids first, then all that hangs on them in one go. Every error is
    `StorageFailed`."""

    async def above(self, owner: str | None, id: str, limit: int) -> list[str]:
        """Return a generation and what it was made from, up to the roots, the nearest first; nothing if it is not the
        owner's."""
        return await self._ids("generations_above", owner=owner, id=id, count=limit)

    async def below(self, owner: str | None, ids: Sequence[str], limit: int) -> list[str]:
        """Return generations and all that was made from them, the nearest first."""
        return await self._ids("generations_below", owner=owner, ids=_json(ids), count=limit)

    async def beside(self, owner: str, id: str, limit: int) -> list[str]:
        """Return what else was made from that which a generation was made from, the newest first."""
        return await self._ids("generations_beside", owner=owner, id=id, count=limit)

    async def of_upload(self, owner: str | None, media: str, limit: int) -> list[str]:
        """Return the generations that media went into, the newest first."""
        return await self._ids("generations_of_upload", owner=owner, media=media, count=limit)

    async def roots(self, limit: int) -> list[str]:
        """Return the newest generations of every owner that were made from no other."""
        return await self._ids("newest_roots", count=limit)

    async def sketches(self, owner: str | None, ids: Sequence[str]) -> list[Generation]:
        """Return generations, oldest first, with their inputs and outputs, and without params, replay, errors and the
        upstream's ids; of a prompt only the beginning (`PROMPT_CHARS`)."""
        asked = _json(ids)
        async with self._backend.reader() as connection:
            rows = await self._fetch(connection, "generation_sketches", owner=owner, ids=asked, prompt=PROMPT_CHARS + 1)
            inputs = await self._grouped(connection, "inputs", asked)
            outputs = await self._grouped(connection, "outputs", asked)
        return [
            Generation(
                **{**_columns(row), "prompt": _beginning(row["prompt"])},
                inputs=tuple(Input(each["role"], each["media"], each["parent"]) for each in inputs[row["id"]]),
                outputs=tuple(Media(**_columns(each)) for each in outputs[row["id"]]),
            )
            for row in rows
        ]

    async def media(self, owner: str | None, ids: Sequence[str]) -> list[Kept]:
        """Return media, oldest first, deleted ones too."""
        found = []
        for row in await self._rows("media_ever", owner=owner, ids=_json(ids)):
            columns = _columns(row)
            deleted = columns.pop("deleted")
            found.append(Kept(Media(**columns), deleted))
        return found

    async def _ids(self, query: str, **params: Any) -> list[str]:
        return [row["id"] for row in await self._rows(query, **params)]

    async def _grouped(self, connection: Any, query: str, ids: str) -> defaultdict[str, list[Row]]:
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for row in await self._fetch(connection, query, generations=ids):
            found[row["generation"]].append(row)
        return found


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _columns(row: Row) -> dict[str, Any]:
    return dict(row)


def _beginning(prompt: str) -> str:
    return prompt if len(prompt) <= PROMPT_CHARS else f"{prompt[:PROMPT_CHARS]}…"
