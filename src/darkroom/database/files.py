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
    """An upload that is not complete. `digest` is of the secret in its URL; `size` in bytes, where announced."""

    digest: str
    owner: str
    name: str | None
    filename: str
    size: int | None
    created: int


@dataclass(frozen=True, slots=True)
class UploadPiece:
    """Bytes of an upload from `start` on, in the store as a blob without a row."""

    start: int
    blob: str
    size: int


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

    async def delete(self, owner: str, id: str, now: int) -> str | None:
        """Delete a file and its media; return its id, or None when the owner has none."""
        async with self._backend.transaction() as connection:
            row = await self._queries.delete_file(connection, owner=owner, id=id)
            return None if row is None else await self._delete_media(connection, row, now)

    async def delete_expired(self, now: int) -> int:
        """Delete the files whose time has come; return how many."""
        async with self._backend.transaction() as connection:
            rows = await self._fetch(connection, "delete_expired_files", now=now)
            for row in rows:
                await self._delete_media(connection, row, now)
            return len(rows)

    async def add_upload(self, upload: Upload) -> None:
        await self._write("add_upload", **asdict(upload))

    async def upload(self, digest: str) -> Upload | None:
        row = await self._row("upload", digest=digest)
        return None if row is None else Upload(**row)

    async def add_piece(self, digest: str, piece: UploadPiece) -> bool:
        """Record a piece; False when there is one from the same byte on."""
        try:
            await self._write("add_upload_piece", upload=digest, **asdict(piece))
        except Conflict:
            return False
        return True

    async def pieces(self, digest: str) -> Sequence[UploadPiece]:
        """Return what has arrived of an upload, in order."""
        return [UploadPiece(**row) for row in await self._rows("upload_pieces", upload=digest)]

    async def delete_upload(self, digest: str) -> bool:
        """Forget an upload; False when somebody else did before."""
        return await self._write("delete_upload", digest=digest)

    async def forget_uploads(self, before: int) -> int:
        """Forget the uploads that were begun before a time and never completed; return how many."""
        async with self._backend.writer() as connection:
            return len(await self._fetch(connection, "forget_uploads", before=before))

    async def _clear(self, connection: Any, file: File) -> None:
        """Take a name from the file that had it and is not there any more."""
        gone = {"owner": file.media.owner, "name": file.name, "now": file.created}
        for row in await self._fetch(connection, "clear_file_name", **gone):
            await self._delete_media(connection, row, file.created)

    async def _delete_media(self, connection: Any, row: Row, now: int) -> str:
        await self._queries.delete_media(connection, owner=row["owner"], id=row["media"], now=now)
        id: str = row["id"]
        return id


def _file(row: Row) -> File:
    media = Media(**{name: row[name] for name in _MEDIA})
    return File(row["file"], media, row["name"], row["called"], row["purpose"], row["begun"], row["expires"])
