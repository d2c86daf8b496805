"""Files: media that clients upload under a name, at once or in pieces, and whatever number of requests that takes.

Strategy. A piece is a blob with a row, durable before anybody is told of it, so any replica can go on with an upload,
and a crash costs no more than the piece under way. Pieces follow each other without a gap: whoever records the piece
that begins where the last one ends goes on, and who comes second is told so. When all are there they are put together
in a spool, which is the one time that they are read, and let go of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from darkroom.clock import new_id, now
from darkroom.database import Database, File, Upload, UploadPiece
from darkroom.deletion import Deletion
from darkroom.errors import ClientError, MalformedRequest, NotFound, TooLarge
from darkroom.ingest import Ingest
from darkroom.media import HEAD_BYTES, Arrived
from darkroom.spool import Spool
from darkroom.storage import Storage

PIECE = 64 * 1024 * 1024
"""Bytes after which what has arrived of a longer piece is made durable."""

MOST_PIECES = 10_000


class Incoming:
    """Bytes on their way into a spool, hashed while they come. `limit` is in bytes."""

    def __init__(self, spool: Spool, limit: int) -> None:
        self.spool = spool
        self.size = 0
        self._limit = limit
        self._hash = sha256()
        self._head = b""

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises `TooLarge`, and lets go of the spool then."""
        self.size += len(data)
        if self.size > self._limit:
            self.spool.discard()
            raise TooLarge(f"the file is larger than the limit of {self._limit} bytes")
        self._hash.update(data)
        self._head += data[: HEAD_BYTES - len(self._head)]
        self.spool.write(data)

    def arrived(self) -> Arrived:
        """Take the end of the bytes."""
        self.spool.rest()
        return Arrived(self.spool, self._hash.hexdigest(), self.size, self._head)


@dataclass(slots=True)
class Filing:
    """Keeps files, and uploads until they are one. `most` is in bytes."""

    database: Database
    storage: Storage
    ingest: Ingest
    deletion: Deletion
    most: int
    piece: int = PIECE
    _ending: dict[str, asyncio.Task[File]] = field(default_factory=dict)

    async def keep(
        self,
        owner: str,
        data: Arrived,
        filename: str,
        *,
        purpose: str = "user_data",
        id: str | None = None,
        name: str | None = None,
        expires: int | None = None,
    ) -> File:
        """Store bytes as a file, once for each `id`.

        Raises `InvalidMedia`, `TooLarge`, and `MalformedRequest` when the name is taken.
        """
        media = await self.ingest.keep(data, owner, "uploaded", filename=filename)
        id = id or new_id("file")
        file = File(id, media, name or f"files/{id.partition('_')[2]}", filename, purpose, now(), expires)
        if await self.database.files.add(file):
            return file
        await self.deletion.media(owner, media.id)
        known = await self.database.files.find(owner, id, now())
        if known is None:
            raise taken(file.name)
        return known

    async def add_piece(self, upload: Upload, start: int, incoming: Incoming) -> bool:
        """Make a piece durable; False when there is one from the same byte on, or the upload is gone.

        Raises `TooLarge` for too many pieces.
        """
        data = incoming.arrived()
        pieces = await self.database.files.pieces(upload.digest)
        if len(pieces) >= MOST_PIECES:
            raise TooLarge(f"the upload has come in {MOST_PIECES} pieces already; begin anew, and send larger ones")
        await self.storage.put(incoming.spool, data.sha256, data.size)
        piece = UploadPiece(start, data.sha256, data.size)
        if not await self.database.files.add_piece(upload.digest, piece, now()):
            return False
        if await self.storage.head(data.sha256) != data.size:  # Somebody deleted the same bytes before there was a row.
            await self.storage.put(incoming.spool, data.sha256, data.size)
        return True

    async def received(self, digest: str) -> int:
        """Return how many bytes of an upload are durable."""
        return sum(piece.size for piece in await self.database.files.pieces(digest))

    async def join(self, pieces: Sequence[UploadPiece], incoming: Incoming) -> None:
        """Write pieces one behind the other. Raises `NotFound` when one is not in the store."""
        for piece in pieces:
            async for chunk in await self.storage.read(piece.blob):
                # A file in the page cache is read without a pause, and nobody else would have a turn.
                await asyncio.to_thread(incoming.write, chunk)

    async def complete(self, upload: Upload, whole: Arrived | None = None) -> File:
        """Make a file of an upload whose bytes are all here: in its pieces, or `whole`.

        It is made although nobody waits for it any more. An upload that is no media is forgotten. Raises as `keep`.
        """
        task = self._ending.get(upload.digest)
        if task is None:
            task = asyncio.create_task(self._complete(upload, whole))
            self._ending[upload.digest] = task
            task.add_done_callback(lambda _: self._ending.pop(upload.digest, None))
        elif whole is not None:
            whole.sink.discard()
        return await asyncio.shield(task)

    async def drop(self, upload: Upload) -> bool:
        """Forget an upload and its bytes; False when somebody else was quicker. A file that it has become stays."""
        blobs = await self.database.files.delete_upload(upload.digest)
        await self.deletion.let_go(upload.owner, blobs or [])
        return blobs is not None

    async def close(self) -> None:
        """Wait for the uploads that are becoming files."""
        await asyncio.gather(*self._ending.values(), return_exceptions=True)

    async def _complete(self, upload: Upload, whole: Arrived | None) -> File:
        try:
            file = await self._become(upload, whole)
        except ClientError:
            known = await self.database.files.find(upload.owner, upload.file or "", now())
            if known is None:
                await self.drop(upload)
                raise
            file = known  # Another replica was quicker, and has let go of the pieces.
        blobs = await self.database.files.end_upload(upload.digest, now())
        await self.deletion.let_go(upload.owner, blobs)
        return file

    async def _become(self, upload: Upload, whole: Arrived | None) -> File:
        expires = None if upload.lasts is None else now() + 1000 * upload.lasts
        if whole is None:
            whole = await self._joined(upload)
        return await self.keep(
            upload.owner, whole, upload.filename, purpose=upload.purpose, id=upload.file, expires=expires
        )

    async def _joined(self, upload: Upload) -> Arrived:
        incoming = Incoming(self.storage.spools.new(), self.most)
        try:
            await self.join(await self.database.files.pieces(upload.digest), incoming)
        except BaseException:
            incoming.spool.discard()
            raise
        if incoming.size != upload.size:
            incoming.spool.discard()
            raise NotFound("the upload is not here any more")
        return incoming.arrived()


def taken(name: str) -> MalformedRequest:
    return MalformedRequest(f"you have a file `{name}` already; delete it, or choose another name")
