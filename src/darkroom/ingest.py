"""Bytes in a spool become durable media: bytes first, row second; only then may a link be made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from darkroom import images
from darkroom.clock import new_id, now
from darkroom.database import Database
from darkroom.errors import InvalidMedia
from darkroom.lifted import Lifted
from darkroom.media import Arrived, Media, Origin
from darkroom.spool import Spool
from darkroom.storage import Storage


def arrived(lifted: Lifted) -> Arrived:
    return Arrived(lifted.sink, lifted.sha256, lifted.size, lifted.head, lifted.error)


@dataclass(frozen=True, slots=True)
class Ingest:
    """The way into the store."""

    storage: Storage
    database: Database
    max_pixels: int
    kept: Callable[[Media], None] | None = None
    """Is told of media whose row is durable."""

    async def keep(
        self,
        data: Arrived,
        owner: str,
        origin: Origin,
        *,
        source_url: str | None = None,
        filename: str | None = None,
        generation: str | None = None,
        position: int = 0,
    ) -> Media:
        """Store bytes and their row, and let go of the spool.

        Raises `InvalidMedia` for what is no media, `TooLarge` over the limit of pixels, `StorageFailed`.
        """
        try:
            if data.error is not None:
                raise InvalidMedia(f"the picture can't be read: {data.error}")
            spool = _spool(data)
            facts = await asyncio.to_thread(images.facts, spool, data.head, self.max_pixels)
            await self.storage.put(spool, data.sha256, data.size)
        finally:
            data.sink.discard()
        created = now()
        media = Media(
            new_id("media"),
            owner,
            data.sha256,
            facts.mime,
            data.size,
            origin,
            created,
            facts.width,
            facts.height,
            filename=filename,
            source_url=source_url,
            generation=generation,
            position=position,
            duration=facts.duration,
            codec=facts.codec,
        )
        await self.database.add_media(media, created)
        if self.kept is not None:
            self.kept(media)
        return media

    async def keep_once(self, data: Arrived, owner: str, *, filename: str | None = None) -> Media:
        """Store what a client sent, unless the owner has these bytes already; bytes that the store lost are put back.

        Raises as `keep` does.
        """
        known = await self.database.media_by_blob(owner, data.sha256) if data.error is None else None
        if known is None:
            return await self.keep(data, owner, "uploaded", filename=filename)
        try:
            if await self.storage.head(known.blob) != known.size:
                await self.storage.put(_spool(data), data.sha256, data.size)
        finally:
            data.sink.discard()
        return known


def _spool(data: Arrived) -> Spool:
    if not isinstance(data.sink, Spool):
        raise TypeError("only a spool can be stored")
    return data.sink
