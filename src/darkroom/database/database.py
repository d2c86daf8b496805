"""The repository: every question that the gateway asks its database, each in one method.

Owners see only their own: a getter takes the owner, and another owner's row is the same as no row. The
exceptions are named: `media_by_id` (a link's id is the permission) and what the operator alone calls. A
method that changes one generation raises `NotFound` when there is none; every other error is
`StorageFailed`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from darkroom.database.backends import Backend, Conflict, Rows, open_backend
from darkroom.database.files import FileRows
from darkroom.database.jobs import JobRows
from darkroom.database.lineage import LineageRows
from darkroom.database.retention import RetentionRows
from darkroom.database.rows import (
    BlobRow,
    KeyRow,
    Row,
    generation_of,
    generation_params,
    media_of,
    media_params,
    to_json,
)
from darkroom.database.upstreams import UpstreamRows
from darkroom.errors import NotFound
from darkroom.generation import Generation, Input, Status
from darkroom.media import Media

Erase = Callable[[str], Awaitable[None]]


class Database(Rows):
    """An open database. `owner` is a key's owner or `local`; hashes are hex; times are Unix ms."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.upstreams = UpstreamRows(backend)
        self.files = FileRows(backend)
        self.lineage = LineageRows(backend)
        self.retention = RetentionRows(backend)
        self.jobs = JobRows(backend)

    @classmethod
    async def open(cls, url: str) -> Database:
        """Open and migrate `sqlite:./file`, `sqlite::memory:` or `postgresql://…`; else ConfigInvalid."""
        return cls(await open_backend(url))

    async def close(self) -> None:
        """Close every connection; idempotent."""
        await self._backend.close()

    # Keys

    async def add_key(self, id: str, owner: str, digest: str, created: int, output: str | None = None) -> None:
        """Record a bearer key by the SHA-256 of its secret."""
        await self._write("add_key", id=id, owner=owner, digest=digest, created=created, output=output)

    async def owner_of_key(self, digest: str) -> str | None:
        """Return whose key this is, or None when it is unknown or revoked."""
        owner: str | None = await self._value("owner_of_key", digest=digest)
        return owner

    async def output_of_key(self, digest: str) -> str | None:
        """Return the shape of answers that goes with a key, or None when it names none."""
        output: str | None = await self._value("output_of_key", digest=digest)
        return output

    async def has_keys(self) -> bool:
        """Tell whether there ever was a key: revoked ones count, or revoking the last would open the gateway."""
        return bool(await self._value("has_keys"))

    async def list_keys(self) -> list[KeyRow]:
        """Return all keys, oldest first, revoked ones too."""
        return [KeyRow(**row) for row in await self._rows("list_keys")]

    async def revoke_key(self, id: str, now: int) -> bool:
        """Revoke a key; False when there is none, or it was revoked before."""
        return await self._write("revoke_key", id=id, now=now)

    # Generations

    async def add_generation(self, generation: Generation) -> None:
        """Record a generation with its inputs and upstream ids; one that is already there is left as it is.

        Its outputs are added as media, which name it.
        """
        async with self._backend.transaction() as connection:
            if await self._queries.add_generation(connection, **generation_params(generation)) is not None:
                await self._insert_inputs(connection, generation.id, generation.inputs)
                await self._upsert_upstream_ids(connection, generation.id, generation.upstream_ids)

    async def finish_generation(
        self,
        id: str,
        *,
        status: Status,
        finished: int,
        progress: int | None = None,
        error: Mapping[str, Any] | None = None,
        replay: Mapping[str, Any] | None = None,
        upstream_ids: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        prompt: str | None = None,
    ) -> None:
        """Record how a generation ended; what is None, and every upstream id not named, stays as it was."""
        async with self._backend.transaction() as connection:
            found = await self._queries.finish_generation(
                connection,
                id=id,
                status=status,
                finished=finished,
                progress=progress,
                error=to_json(error),
                replay=to_json(replay),
                params=to_json(params),
                prompt=prompt,
            )
            _require(found)
            await self._upsert_upstream_ids(connection, id, upstream_ids or {})

    async def set_progress(self, id: str, progress: int) -> None:
        """Record how far a generation is, in percent."""
        _require(await self._write("set_progress", id=id, progress=progress))

    async def set_replay(self, id: str, replay: Mapping[str, Any]) -> None:
        """Record what the upstream must be shown again."""
        _require(await self._write("set_replay", id=id, replay=to_json(replay)))

    async def set_upstream_ids(self, id: str, upstream_ids: Mapping[str, str]) -> None:
        """Record what the upstream calls a generation, besides what is known; the same kind is replaced."""
        async with self._backend.transaction() as connection:
            await self._upsert_upstream_ids(connection, id, upstream_ids)

    async def add_inputs(self, generation_id: str, inputs: Sequence[Input]) -> None:
        """Record further inputs, behind those that are known."""
        async with self._backend.transaction() as connection:
            await self._insert_inputs(connection, generation_id, inputs)

    async def fail_running_generations(self, before: int, error: Mapping[str, Any]) -> int:
        """Fail what was begun before a time and never ended, after a crash; return how many."""
        async with self._backend.writer() as connection:
            rows = self._queries.fail_running_generations(connection, before=before, error=to_json(error))
            return len([row async for row in rows])

    async def generation(self, owner: str, id: str) -> Generation | None:
        """Return one generation, whole."""
        return await self._one_generation("generation", owner=owner, id=id)

    async def generation_by_upstream_id(self, owner: str, what: str, value: str) -> Generation | None:
        """Return the newest generation that the upstream called so: `("gen_id", "gen_01j…")`."""
        return await self._one_generation("generation_by_upstream_id", owner=owner, what=what, value=value)

    async def generations(self, owner: str, *, limit: int, before: str | None = None) -> list[Generation]:
        """Return a page, newest first; `before` is the last id of the page that came before it."""
        if before is None:
            return await self._generations("newest_generations", owner=owner, count=limit)
        return await self._generations("generations_before", owner=owner, before=before, count=limit)

    async def videos(
        self, owner: str, *, limit: int, last: str | None = None, newest_first: bool = True
    ) -> list[Generation]:
        """Return a page of the generations that make films, or did; `last` is the last id of the page before it."""
        if last is None:
            query = "newest_videos" if newest_first else "oldest_videos"
            return await self._generations(query, owner=owner, count=limit)
        query = "videos_before" if newest_first else "videos_after"
        return await self._generations(query, owner=owner, edge=last, count=limit)

    async def owner_of_generation(self, id: str) -> str | None:
        """Return whose a generation is, for the operator alone; None when there is no such generation."""
        owner: str | None = await self._value("owner_of_generation", id=id)
        return owner

    # Media

    async def add_media(self, media: Media, blob_created: int) -> None:
        """Record media and, unless it is known, its blob, in one transaction.

        The bytes are durable by now, and so is the generation that it names.
        """
        async with self._backend.transaction() as connection:
            await self._queries.add_blob(connection, sha256=media.blob, size=media.size, created=blob_created)
            await self._queries.add_media(connection, **media_params(media))

    async def media(self, owner: str, id: str) -> Media | None:
        """Return an owner's media."""
        return media_of(await self._row("media", owner=owner, id=id))

    async def media_by_id(self, id: str) -> Media | None:
        """Return anybody's media: for links, where the id is the permission."""
        return media_of(await self._glance("media_by_id", id=id))

    async def media_by_blob(self, owner: str, sha256: str) -> Media | None:
        """Return the newest of an owner's media with these bytes, one that was generated before any other."""
        return media_of(await self._row("media_by_blob", owner=owner, sha256=sha256))

    async def media_by_source_url(self, owner: str, url: str) -> Media | None:
        """Return the newest of an owner's media that came from this URL."""
        return media_of(await self._row("media_by_source_url", owner=owner, url=url))

    async def list_media(self, owner: str | None, limit: int, before: str | None = None) -> list[Media]:
        """Return a page, newest first; of every owner when `owner` is None, which is for the operator."""
        query = "newest_media" if before is None else "media_before"
        params: dict[str, Any] = {"owner": owner}
        if owner is None:
            query, params = "newest_media_of_all" if before is None else "media_of_all_before", {}
        if before is not None:
            params["before"] = before
        return [Media(**row) for row in await self._rows(query, count=limit, **params)]

    async def delete_media(self, owner: str, id: str, now: int) -> str | None:
        """Delete media and files of it, so that its link dies; return the blob that it has let go of, or None when the
        owner has none of this id."""
        async with self._backend.transaction() as connection:
            blob: str | None = await self._queries.blob_of_media(connection, owner=owner, id=id)
            gone = await self._queries.delete_media(connection, owner=owner, id=id, now=now)
            await self._queries.delete_files_of_media(connection, owner=owner, media=id)
            return None if gone is None else blob

    # Blobs: what a sweep of the store needs

    async def blobs(self, *, limit: int, after: str = "") -> list[BlobRow]:
        """Return a page of all blobs in the order of their hashes, from the one behind `after`."""
        return [BlobRow(**row) for row in await self._rows("blobs_after", sha256=after, count=limit)]

    async def known_blobs(self, hashes: Sequence[str]) -> set[str]:
        """Return which of these hashes have a row; bytes in the store that have none are left over."""
        rows = await self._rows("known_blobs", hashes=_json_list(hashes))
        return {row["sha256"] for row in rows}

    async def unreferenced_blobs(self) -> dict[str, int]:
        """Return the blobs that no live media has, and no piece of an upload: hash → bytes."""
        return {row["sha256"]: row["size"] for row in await self._rows("unreferenced_blobs")}

    async def forget_blob(self, sha256: str, erase: Erase | None = None) -> bool:
        """Drop a blob's row unless live media or a piece has it; False when it is kept, or was not there.

        `erase` deletes the bytes before the row's lock is let go. Who stores the same bytes meanwhile waits
        in `add_media` or `add_piece` until that is done, and sees after it whether his bytes are still there.
        """
        try:
            async with self._backend.transaction() as connection:
                forgotten = await self._queries.forget_blob(connection, sha256=sha256) is not None
                if forgotten and erase is not None:
                    await erase(sha256)
        except Conflict:
            # Media took the blob between the look and the deletion, in another replica.
            return False
        return forgotten

    async def lose_blob(self, sha256: str, now: int) -> list[str]:
        """Delete every owner's media of a blob whose bytes are gone, and the blob; return the media's ids."""
        async with self._backend.transaction() as connection:
            rows = self._queries.delete_media_of_blob(connection, sha256=sha256, now=now)
            lost = [row["id"] async for row in rows]
            await self._queries.forget_blob(connection, sha256=sha256)
        return lost

    # Inside

    async def _insert_inputs(self, connection: Any, generation: str, inputs: Sequence[Input]) -> None:
        for item in inputs:
            await self._queries.add_input(
                connection, generation=generation, role=item.role, media=item.media, parent=item.generation
            )

    async def _upsert_upstream_ids(self, connection: Any, generation: str, ids: Mapping[str, str]) -> None:
        for what, value in ids.items():
            _require(await self._queries.set_upstream_id(connection, generation=generation, what=what, value=value))

    async def _one_generation(self, query: str, **params: Any) -> Generation | None:
        async with self._backend.reader() as connection:
            row = await getattr(self._queries, query)(connection, **params)
            return None if row is None else (await self._whole(connection, [row]))[0]

    async def _generations(self, query: str, **params: Any) -> list[Generation]:
        async with self._backend.reader() as connection:
            return await self._whole(connection, await self._fetch(connection, query, **params))

    async def _whole(self, connection: Any, rows: Sequence[Row]) -> list[Generation]:
        """Join generations with what hangs on them: three queries, however many there are."""
        if not rows:
            return []
        ids = _json_list([row["id"] for row in rows])
        inputs: defaultdict[str, list[Input]] = defaultdict(list)
        for row in await self._fetch(connection, "inputs", generations=ids):
            inputs[row["generation"]].append(Input(row["role"], row["media"], row["parent"]))
        outputs: defaultdict[str, list[Media]] = defaultdict(list)
        for row in await self._fetch(connection, "outputs", generations=ids):
            outputs[row["generation"]].append(Media(**row))
        upstream: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for row in await self._fetch(connection, "upstream_ids", generations=ids):
            upstream[row["generation"]][row["what"]] = row["value"]
        return [
            generation_of(row, tuple(inputs[row["id"]]), tuple(outputs[row["id"]]), dict(upstream[row["id"]]))
            for row in rows
        ]


def _json_list(values: Sequence[str]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _require(found: object) -> None:
    if not found:
        raise NotFound("There is no such generation.")
