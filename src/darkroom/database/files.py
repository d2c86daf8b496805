"""Files that clients upload once and name in any chat, and uploads that are not complete. Times are Unix ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from darkroom.database.backends import Conflict, Rows
from darkroom.database.rows import Row
from darkroom.media import Media

Order = Literal["asc", "desc"]
_MEDIA = tuple(each.name for each in fields(Media))


@dataclass(frozen=True, slots=True)
class File:
    """Media under an id (`file_…`) and a name (`files/…`), both its owner's alone."""

    id: str
    media: Media
    name: str
    filename: str
    purpose: str
    created: int
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that comes in pieces. `digest` is of the secret in its URL; `size` in bytes, once it is announced.

    `lasts` is for how many seconds the file shall stay; `metadata` what the client said of it, to be told again. `file`
    is the id that the file is going to have, where that is settled; `done` is since when it is there.
    """

    digest: str
    owner: str
    name: str | None
    filename: str
    size: int | None
    created: int
    expires: int
    purpose: str = "user_data"
    lasts: int | None = None
    metadata: str | None = None
    file: str | None = None
    done: int | None = None


@dataclass(frozen=True, slots=True)
class UploadPiece:
    """Bytes of an upload from `start` on, durable in the store."""

    start: int
    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Freed:
    """A file that was deleted, and the blob that its media has let go of; None where that was deleted before."""

    id: str
    owner: str
    blob: str | None


class FileRows(Rows):
    """The tables of `sql/files.sql`. Every error is `StorageFailed`."""

    async def add(self, file: File) -> bool:
        """Record a file whose media is durable; False when its owner has one of this name."""
        columns = {name: getattr(file, name) for name in ("id", "name", "filename", "purpose", "created", "expires")}
        try:
            async with self._backend.transaction() as connection:
                await self._clear(connection, file)
                await self._queries.add_file(connection, owner=file.media.owner, media=file.media.id, **columns)
        except Conflict:
            return False
        return True

    async def find(self, owner: str, id: str, now: int) -> File | None:
        """Return an owner's file by its id or its name; one that has expired is not there."""
        row = await self._row("file", owner=owner, id=id, now=now)
        return None if row is None else _file(row)

    async def page(
        self, owner: str, now: int, *, count: int, after: str | None = None, purpose: str = "", order: Order = "desc"
    ) -> list[File]:
        """Return a page, newest first or last; `after` is the last id of the page before, whose file may be gone."""
        params: dict[str, Any] = {"owner": owner, "purpose": purpose, "now": now, "count": count}
        query = "newest_files" if order == "desc" else "oldest_files"
        if after is not None:
            query = "files_before" if order == "desc" else "files_after"
            params["before" if order == "desc" else "after"] = after
        return [_file(row) for row in await self._rows(query, **params)]

    async def delete(self, owner: str, id: str, now: int) -> Freed | None:
        """Delete a file and its media; None when the owner has none of this id or name."""
        async with self._backend.transaction() as connection:
            row = await self._queries.delete_file(connection, owner=owner, id=id)
            return None if row is None else await self._delete_media(connection, row, now)

    async def delete_expired(self, now: int) -> list[Freed]:
        """Delete the files whose time has come."""
        async with self._backend.transaction() as connection:
            rows = await self._fetch(connection, "delete_expired_files", now=now)
            return [await self._delete_media(connection, row, now) for row in rows]

    async def count_expired(self, now: int) -> int:
        """Return how many files `delete_expired` would delete."""
        return int(await self._value("count_expired_files", now=now))

    # Uploads that come in pieces

    async def add_upload(self, upload: Upload) -> None:
        columns = asdict(upload)
        del columns["done"]
        await self._write("add_upload", **columns)

    async def upload(self, digest: str, now: int) -> Upload | None:
        """Return an upload; one that has expired is not there."""
        row = await self._row("upload", digest=digest, now=now)
        return None if row is None else Upload(**row)

    async def size_upload(self, digest: str, size: int) -> bool:
        """Record how large an upload is going to be; False when that was known, and is something else."""
        return await self._write("size_upload", digest=digest, size=size)

    async def prolong_upload(self, digest: str, expires: int) -> None:
        await self._write("prolong_upload", digest=digest, expires=expires)

    async def add_piece(self, digest: str, piece: UploadPiece, now: int) -> bool:
        """Record a piece whose bytes are durable; False when there is one from the same byte on, or no such upload."""
        try:
            async with self._backend.transaction() as connection:
                await self._queries.add_blob(connection, sha256=piece.blob, size=piece.size, created=now)
                await self._queries.add_upload_piece(connection, upload=digest, **asdict(piece))
        except Conflict:
            return False
        return True

    async def pieces(self, digest: str) -> Sequence[UploadPiece]:
        """Return what has arrived of an upload, in order."""
        return [UploadPiece(**row) for row in await self._rows("upload_pieces", upload=digest)]

    async def end_upload(self, digest: str, now: int) -> list[str]:
        """Record that an upload has become a file; return the blobs of its pieces, which it lets go of."""
        async with self._backend.transaction() as connection:
            await self._queries.end_upload(connection, digest=digest, now=now)
            return await self._drop_pieces(connection, digest)

    async def delete_upload(self, digest: str) -> list[str] | None:
        """Forget an upload; return the blobs of its pieces, or None when somebody else was quicker."""
        async with self._backend.transaction() as connection:
            blobs = await self._drop_pieces(connection, digest)
            gone = await self._queries.delete_upload(connection, digest=digest)
            return None if gone is None else blobs

    async def delete_expired_uploads(self, now: int) -> tuple[int, list[str]]:
        """Forget the uploads whose time has come; return how many, and the blobs of their pieces."""
        async with self._backend.transaction() as connection:
            blobs = [row["blob"] for row in await self._fetch(connection, "pieces_of_expired_uploads", now=now)]
            return len(await self._fetch(connection, "delete_expired_uploads", now=now)), blobs

    async def count_expired_uploads(self, now: int) -> int:
        """Return how many uploads `delete_expired_uploads` would forget."""
        return int(await self._value("count_expired_uploads", now=now))

    async def _drop_pieces(self, connection: Any, digest: str) -> list[str]:
        return [row["blob"] for row in await self._fetch(connection, "delete_upload_pieces", upload=digest)]

    async def _clear(self, connection: Any, file: File) -> None:
        """Take a name from the file that had it and is not there any more."""
        gone = {"owner": file.media.owner, "name": file.name, "now": file.created}
        for row in await self._fetch(connection, "clear_file_name", **gone):
            await self._delete_media(connection, row, file.created)

    async def _delete_media(self, connection: Any, row: Row, now: int) -> Freed:
        owner, media = row["owner"], row["media"]
        blob = await self._queries.blob_of_media(connection, owner=owner, id=media)
        await self._queries.delete_media(connection, owner=owner, id=media, now=now)
        return Freed(row["id"], owner, blob)


def _file(row: Row) -> File:
    media = Media(**{name: row[name] for name in _MEDIA})
    return File(row["file"], media, row["name"], row["called"], row["purpose"], row["begun"], row["expires"])
