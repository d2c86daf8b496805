"""What is kept and for how long, and what goes when something is deleted. Times are Unix ms."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from darkroom.database.backends import Conflict, Rows


@dataclass(frozen=True, slots=True)
class Stock:
    """What an owner has of one type: when the oldest came, and the bytes of all, the same ones counted each time."""

    owner: str
    mime: str
    oldest: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Holding:
    """Media as far as it matters for how long it stays; `kept` where something needs it."""

    id: str
    blob: str
    mime: str
    size: int
    created: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Emptied:
    """A generation that was deleted: its media, with the blobs that they have let go of."""

    media: tuple[str, ...]
    blobs: tuple[str, ...]


class RetentionRows(Rows):
    """The queries of `sql/retention.sql`. Every error is `StorageFailed`."""

    async def pin(self, owner: str, id: str, now: int) -> bool:
        """Keep media whatever its age; False when the owner has none of this id."""
        return await self._write("pin_media", owner=owner, id=id, now=now)

    async def unpin(self, owner: str, id: str) -> bool:
        return await self._write("unpin_media", owner=owner, id=id)

    async def stock(self) -> list[Stock]:
        """Return what every owner has, by type: for the sweep alone."""
        return [Stock(**row) for row in await self._rows("stock")]

    async def holdings(self, owner: str, now: int, before: int) -> list[Holding]:
        """Return an owner's media, oldest first; what came at `before` or later is kept."""
        rows = await self._rows("holdings", owner=owner, id="", now=now, before=before)
        return [_holding(row) for row in rows]

    async def retire(self, owner: str, id: str, now: int, before: int) -> str | None:
        """Delete media unless something needs it by now; return the blob that it has let go of."""
        async with self._backend.transaction() as connection:
            for row in await self._fetch(connection, "holdings", owner=owner, id=id, now=now, before=before):
                gone = not row["kept"] and await self._queries.retire_media(connection, owner=owner, id=id, now=now)
                if gone:
                    blob: str = row["blob"]
                    return blob
        return None

    async def forgettable(self, before: int) -> list[str]:
        """Return the media that were deleted before a time, and that nothing names any more."""
        return [row["id"] for row in await self._rows("forgettable_media", before=before)]

    async def forget(self, id: str) -> bool:
        """Drop the row of deleted media; False when something has named it meanwhile."""
        with suppress(Conflict):
            await self._write("forget_media", id=id)
            return True
        return False

    async def release_copies(self, owner: str, blob: str, now: int) -> int:
        """Have the copies deleted that upstreams hold of bytes which an owner has no more; return how many."""
        async with self._backend.writer() as connection:
            return len(await self._fetch(connection, "release_copies", owner=owner, blob=blob, now=now))

    async def empty(self, owner: str, id: str, now: int) -> Emptied | None:
        """Delete a generation that has ended, with its media and all that was said in it; None where there is none.

        Its row stays, empty, while another generation was made from it.
        """
        async with self._backend.transaction() as connection:
            row = await self._queries.empty_generation(connection, owner=owner, id=id)
            if row is None:
                return None
            await self._release_names(connection, owner, id, now)
            await self._forget_responses(connection, owner, id)
            await self._queries.forget_requests_for(connection, owner=owner, generation=id)
            await self._queries.forget_job(connection, id=id)
            emptied = await self._delete_outputs(connection, owner, id, now)
            await self._prune(connection, id)
            return emptied

    async def _release_names(self, connection: Any, owner: str, id: str, now: int) -> None:
        """Have deleted what upstreams keep of it under names of their own, and never go on from that."""
        for row in await self._fetch(connection, "names_of_generation", id=id):
            place = {"owner": owner, "provider": row["provider"], "key": row["key"]}
            name: str = row["value"]
            await self._fetch(connection, "release_object", name=name, path=f"%/{_literal(name)}", now=now, **place)
            await self._queries.forget_owners_thread(connection, value=name, **place)
        await self._queries.forget_names(connection, id=id)
        await self._queries.forget_remembered(connection, id=id)

    async def _forget_responses(self, connection: Any, owner: str, id: str) -> None:
        """Delete the answers of our own Responses door in which it was made, and not those that only refer to it."""
        for row in await self._fetch(connection, "responses_naming", owner=owner, id=id):
            report = msgspec.json.decode(row["body"]).get("darkroom") or {}
            if any(made.get("id") == id for made in report.get("generations", ())):
                await self._queries.delete_response(connection, owner=owner, id=row["id"])

    async def _delete_outputs(self, connection: Any, owner: str, id: str, now: int) -> Emptied:
        media = [row["id"] for row in await self._fetch(connection, "outputs_of", owner=owner, id=id)]
        blobs = []
        for each in media:
            blobs.append(await self._queries.blob_of_media(connection, owner=owner, id=each))
            await self._queries.delete_media(connection, owner=owner, id=each, now=now)
            await self._queries.delete_files_of_media(connection, owner=owner, media=each)
        return Emptied(tuple(media), tuple(dict.fromkeys(blobs)))

    async def _prune(self, connection: Any, id: str) -> None:
        """Drop an empty generation that nothing was made from, and then those above it that stood for its sake."""
        waiting = [id]
        while waiting:
            each = waiting.pop()
            if await self._queries.is_named(connection, id=each):
                continue
            parents: Sequence[Any] = await self._fetch(connection, "deleted_parents", id=each)
            await self._queries.forget_inputs(connection, id=each)
            await self._queries.orphan_media_of(connection, id=each)
            await self._queries.forget_generation(connection, id=each)
            waiting += [row["id"] for row in parents]


def _holding(row: Any) -> Holding:
    return Holding(row["id"], row["blob"], row["mime"], row["size"], row["created"], bool(row["kept"]))


def _literal(name: str) -> str:
    """Write a name so that LIKE takes it as it stands."""
    return name.replace("!", "!!").replace("%", "!%").replace("_", "!_")
