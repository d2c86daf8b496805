"""What crashes and deletions leave over: temporary files, bytes without a row, rows whose bytes nobody wants, uploads
that were never completed; and files whose time has come.

A sweep never touches what may still be on its way into the store: `grace` is longer than any request.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from darkroom.clock import now
from darkroom.database import Database
from darkroom.storage import GRACE_MS, Storage

_PAGE = 500
REMEMBERED_MS = 30 * 24 * 3600 * 1000
"""How long it is known where a conversation stands: upstreams keep theirs for about a month."""


@dataclass(slots=True)
class Swept:
    """What a sweep removed, and what it can't mend."""

    spools: int = 0
    orphans: int = 0
    unreferenced: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)
    """Blobs that have a row and no bytes; empty when that was not checked."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    database: Database
    storage: Storage

    async def sweep(self, *, grace_ms: int = GRACE_MS, dry: bool = False, check: bool = True) -> Swept:
        """Remove what is left over and older than `grace_ms`; with `dry` only count it.

        `check` looks for rows whose bytes are missing: in a bucket that is one request for every blob.
        """
        swept = Swept()
        before = now() - grace_ms
        if not dry:
            swept.spools = self.storage.spools.sweep(grace_ms, now())
            await self.database.files.delete_expired(now())
            await self.database.files.forget_uploads(before)
        await self._unreferenced(swept, before, dry)
        await self._orphans(swept, before, dry)
        if check:
            await self._missing(swept)
        if not dry:
            await self.database.upstreams.forget_threads(now() - REMEMBERED_MS)
            await self.database.upstreams.forget_expired(now())
            await self.database.upstreams.forget_responses(now() - REMEMBERED_MS)
        return swept

    async def _unreferenced(self, swept: Swept, before: int, dry: bool) -> None:
        for sha256 in await self.database.unreferenced_blobs():
            if dry or await self.database.forget_blob(sha256, self._erase):
                swept.unreferenced += 1

    async def _orphans(self, swept: Swept, before: int, dry: bool) -> None:
        page: list[tuple[str, int]] = []
        async for sha256, size, modified in self.storage.list_blobs():
            if modified < before:
                page.append((sha256, size))
            if len(page) >= _PAGE:
                await self._orphans_of(page, swept, before, dry)
                page.clear()
        await self._orphans_of(page, swept, before, dry)

    async def _orphans_of(self, page: list[tuple[str, int]], swept: Swept, before: int, dry: bool) -> None:
        known = await self.database.known_blobs([sha256 for sha256, _ in page])
        for sha256, size in page:
            if sha256 not in known and (dry or await self._erase_old(sha256, before)):
                swept.orphans += 1
                swept.bytes += size

    async def _missing(self, swept: Swept) -> None:
        after = ""
        while rows := await self.database.blobs(limit=_PAGE, after=after):
            for row in rows:
                if await self.storage.head(row.sha256) is None:
                    swept.missing.append(row.sha256)
            after = rows[-1].sha256

    async def _erase(self, sha256: str) -> None:
        """Delete a blob that no row names any more, and what was derived from it."""
        await self.storage.delete(sha256, now() - GRACE_MS)
        await self.storage.delete_extra_prefix(f"thumbs/{sha256}")

    async def _erase_old(self, sha256: str, before: int) -> bool:
        erased = await self.storage.delete(sha256, before)
        if erased:
            await self.storage.delete_extra_prefix(f"thumbs/{sha256}")
        return erased
