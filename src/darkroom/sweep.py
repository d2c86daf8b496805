"""What crashes and deletions leave over: temporary files, bytes without a row, rows whose bytes nobody wants, uploads
that were never completed; and what goes by itself: files whose time has come, and media that nobody keeps.

A sweep never touches what may still be on its way into the store: `grace` is longer than any request. Run dry, it
counts what it would remove, and removes just that when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from darkroom.clock import now
from darkroom.database import Database
from darkroom.deletion import Deletion
from darkroom.retention import Retention, Retired
from darkroom.settings import RetentionSettings
from darkroom.storage import GRACE_MS, Storage

_PAGE = 500
REMEMBERED_MS = 30 * 24 * 3600 * 1000
"""How long it is known where a conversation stands: upstreams keep theirs for about a month."""

NAMED_MS = 24 * 3600 * 1000
"""How long the row of deleted media stays although nothing names it: a request under way may be about to."""


@dataclass(slots=True)
class Swept:
    """What a sweep removed, and what it can't mend."""

    spools: int = 0
    orphans: int = 0
    unreferenced: int = 0
    bytes: int = 0
    """Of the orphans and the unreferenced."""
    files: int = 0
    """Files whose time has come."""
    uploads: int = 0
    """Uploads that were not completed in time, and the records of those that were."""
    rows: int = 0
    """Of deleted media that nothing names any more."""
    retired: list[Retired] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Blobs that have a row and no bytes; empty when that was not checked."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    database: Database
    storage: Storage
    rules: Sequence[RetentionSettings] = ()
    wake: Callable[[], None] = lambda: None
    """Is called when copies at upstreams have become due."""

    async def sweep(self, *, grace_ms: int = GRACE_MS, dry: bool = False, check: bool = True) -> Swept:
        """Remove what is left over and older than `grace_ms`; with `dry` only count it.

        `check` looks for rows whose bytes are missing: in a bucket that is one request for every blob.
        """
        swept = Swept()
        before = now() - grace_ms
        swept.spools = self.storage.spools.sweep(grace_ms, now(), dry=dry)
        await self._unreferenced(swept, dry)
        await self._expired(swept, dry)
        deletion = Deletion(self.database, self.storage, self.wake)
        swept.retired = await Retention(self.database, deletion, self.rules).sweep(grace_ms, dry=dry)
        await self._orphans(swept, before, dry)
        await self._rows(swept, dry)
        if check:
            await self._missing(swept)
        if not dry:
            await self.database.upstreams.forget_threads(now() - REMEMBERED_MS)
            await self.database.upstreams.forget_expired(now())
            await self.database.upstreams.forget_responses(now() - REMEMBERED_MS)
        return swept

    async def _unreferenced(self, swept: Swept, dry: bool) -> None:
        erase = Deletion(self.database, self.storage).erase
        for sha256, size in (await self.database.unreferenced_blobs()).items():
            if dry or await self.database.forget_blob(sha256, erase):
                swept.unreferenced += 1
                swept.bytes += size

    async def _expired(self, swept: Swept, dry: bool) -> None:
        """Delete files and uploads whose time has come, with their bytes."""
        files = self.database.files
        if dry:
            swept.files, swept.uploads = await files.count_expired(now()), await files.count_expired_uploads(now())
            return
        deletion = Deletion(self.database, self.storage, self.wake)
        gone = await files.delete_expired(now())
        for file in gone:
            await deletion.let_go(file.owner, [file.blob] if file.blob else [])
        swept.files = len(gone)
        swept.uploads, pieces = await files.delete_expired_uploads(now())
        for blob in pieces:
            await self.database.forget_blob(blob, deletion.erase)

    async def _rows(self, swept: Swept, dry: bool) -> None:
        for id in await self.database.retention.forgettable(now() - NAMED_MS):
            if dry or await self.database.retention.forget(id):
                swept.rows += 1

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

    async def _erase_old(self, sha256: str, before: int) -> bool:
        erased = await self.storage.delete(sha256, before)
        if erased:
            await self.storage.delete_extra_prefix(f"thumbs/{sha256}")
        return erased
