"""Deletion, complete: the row, the bytes, what was derived from them, and the copies that upstreams hold.

What other owners have, or the same owner has once more, stays. The bytes go while their row is locked
(`Database.forget_blob`), so that whoever stores the same ones meanwhile finds out, and puts them back. What a crash
leaves of it, a sweep ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from darkroom.clock import now
from darkroom.database import Database
from darkroom.storage import Storage


@dataclass(frozen=True, slots=True)
class Deletion:
    """Deletes for one owner at a time. Errors raised: `StorageFailed`."""

    database: Database
    storage: Storage
    wake: Callable[[], None] = lambda: None
    """Is called when copies at upstreams have become due."""

    async def media(self, owner: str, id: str) -> bool:
        """Delete media, so that its link dies; False when the owner has none of this id."""
        blob = await self.database.delete_media(owner, id, now())
        if blob is None:
            return False
        await self.let_go(owner, [blob])
        return True

    async def file(self, owner: str, id: str) -> str | None:
        """Delete a file and its media, by its id or name; return its id, or None when the owner has none."""
        freed = await self.database.files.delete(owner, id, now())
        if freed is None:
            return None
        await self.let_go(owner, [freed.blob] if freed.blob else [])
        return freed.id

    async def generation(self, owner: str, id: str) -> bool:
        """Delete a generation that has ended, with its media; False when the owner has none of this id."""
        emptied = await self.database.retention.empty(owner, id, now())
        if emptied is None:
            return False
        self.wake()
        await self.let_go(owner, emptied.blobs)
        return True

    async def let_go(self, owner: str, blobs: Iterable[str]) -> None:
        """Delete bytes that an owner has no row for any more, unless anybody else has one."""
        for blob in blobs:
            if await self.database.retention.release_copies(owner, blob, now()):
                self.wake()
            await self.database.forget_blob(blob, self.erase)

    async def erase(self, blob: str) -> None:
        """Delete bytes and what was derived from them, whoever has them; `forget_blob` calls it under its lock."""
        await self.storage.delete(blob)
        await self.storage.delete_extra_prefix(f"thumbs/{blob}")
