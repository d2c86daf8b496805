"""What upstreams remember and hold for us, and what our own Responses door remembers. Times are Unix ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from darkroom.database.backends import Rows
from darkroom.database.rows import ObjectCount, Row, StoredResponse, UpstreamObject
from darkroom.threads import Thread


class UpstreamRows(Rows):
    """The tables of `sql/upstreams.sql`. Every error is `StorageFailed`."""

    # Threads

    async def add_thread(
        self, owner: str, thread: Thread, created: int, *, only: bool, generation: str | None = None
    ) -> None:
        """Record a state of a conversation, and the generation that it was reached by.

        `only`: the upstream keeps no earlier state under this name.
        """
        row = asdict(thread)
        async with self._backend.transaction() as connection:
            if only:
                await self._queries.move_thread(
                    connection,
                    owner=owner,
                    provider=thread.provider,
                    key=thread.key,
                    what=thread.what,
                    value=thread.value,
                )
            await self._queries.add_thread(connection, owner=owner, created=created, **row)
            if generation is not None:
                await self._queries.remember_generation(
                    connection, generation=generation, provider=thread.provider, key=thread.key, value=thread.value
                )

    async def threads(self, owner: str, digests: Sequence[str]) -> list[Thread]:
        """Return what upstreams remember of these states."""
        rows = await self._rows("threads", owner=owner, digests=msgspec.json.encode(list(digests)).decode())
        return [Thread(**row) for row in rows]

    async def forget_threads(self, before: int) -> None:
        """Forget the states that were recorded before a time."""
        await self._write("forget_threads", before=before)

    async def forget_thread(self, provider: str, key: str, value: str) -> None:
        """Forget every state under a name: the upstream does not know it any more."""
        await self._write("forget_thread", provider=provider, key=key, value=value)

    async def take_thread(self, owner: str, provider: str, key: str, value: str) -> bool:
        """Forget the state under a name, and tell whether it was there: only one of those who go on from it is told
        so. A name has one state."""
        return await self._write("take_thread", owner=owner, provider=provider, key=key, value=value)

    # Objects

    async def add_object(self, item: UpstreamObject) -> None:
        """Record what is about to be created; before it is, so that a crash leaves nothing unknown."""
        columns = {name: value for name, value in asdict(item).items() if name not in {"attempts", "error"}}
        await self._write("add_upstream_object", **columns)

    async def set_object(self, id: str, uri: str, expires: int | None) -> None:
        """Record that an upload is there, and until when."""
        await self._write("set_upstream_object", id=id, uri=uri, expires=expires)

    async def set_due(self, id: str, due: int | None) -> None:
        await self._write("set_upstream_object_due", id=id, due=due)

    async def push_due(self, id: str, due: int) -> None:
        """Set when something is due; what is never due stays so."""
        await self._write("push_upstream_object_due", id=id, due=due)

    async def uploaded(self, owner: str, provider: str, key: str, blob: str, now: int) -> UpstreamObject | None:
        """Return an upload of these bytes that is still there."""
        return _object(await self._row("uploaded", owner=owner, provider=provider, key=key, blob=blob, now=now))

    async def forget_upload(self, owner: str, provider: str, key: str, uri: str) -> None:
        """Drop the rows of an upload that is gone."""
        await self._write("forget_upload", owner=owner, provider=provider, key=key, uri=uri)

    async def object_by_path(self, owner: str, provider: str, key: str, path: str) -> UpstreamObject | None:
        return _object(await self._row("upstream_object_by_path", owner=owner, provider=provider, key=key, path=path))

    async def claim_due(self, now: int, lease: int, count: int) -> list[UpstreamObject]:
        """Return what is to be deleted now; it is nobody else's until `lease`."""
        async with self._backend.writer() as connection:
            rows = await self._fetch(connection, "claim_upstream_objects", now=now, lease=lease, count=count)
        return [UpstreamObject(**row) for row in rows]

    async def fail_object(self, id: str, due: int, error: str) -> None:
        """Record that a deletion was refused, and when it is tried again."""
        await self._write("fail_upstream_object", id=id, due=due, error=error)

    async def forget_object(self, id: str) -> None:
        await self._write("forget_upstream_object", id=id)

    async def forget_expired(self, now: int) -> None:
        """Drop what upstreams have deleted by themselves."""
        await self._write("forget_expired_objects", now=now)

    async def objects(self, limit: int) -> list[UpstreamObject]:
        """Return what upstreams hold, newest first."""
        return [UpstreamObject(**row) for row in await self._rows("upstream_objects", count=limit)]

    async def count_objects(self) -> list[ObjectCount]:
        return [ObjectCount(**row) for row in await self._rows("count_upstream_objects")]

    async def next_due(self) -> int | None:
        """Return when the next deletion is due, or None for never."""
        due: int | None = await self._value("next_upstream_object")
        return due

    # Our own Responses door

    async def add_response(self, response: StoredResponse) -> None:
        await self._write("add_response", **asdict(response))

    async def response(self, owner: str, id: str) -> StoredResponse | None:
        row = await self._row("response", owner=owner, id=id)
        return None if row is None else StoredResponse(**row)

    async def response_chain(self, owner: str, id: str) -> list[StoredResponse]:
        """Return a response and all that it went on from, the first one first; what was deleted ends it early."""
        return [StoredResponse(**row) for row in await self._rows("response_chain", owner=owner, id=id)]

    async def delete_response(self, owner: str, id: str) -> bool:
        return await self._write("delete_response", owner=owner, id=id)

    async def forget_responses(self, before: int) -> None:
        await self._write("forget_responses", before=before)


def _object(row: Row | None) -> UpstreamObject | None:
    return None if row is None else UpstreamObject(**row)
