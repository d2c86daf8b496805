"""Bytes in a spool become durable media: bytes first, row second; only then may a link be made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from darkroom import films, images
from darkroom.clock import new_id, now
from darkroom.database import Database
from darkroom.errors import InvalidMedia
from darkroom.lifted import Lifted
from darkroom.media import Arrived, Facts, Media, MediaKind, Origin, kind_of
from darkroom.spool import Spool
from darkroom.stills import keep_poster
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
            facts = await self._put(data, strict=origin != "generated")
            media = Media(
                new_id("media"),
                owner,
                data.sha256,
                facts.mime,
                data.size,
                origin,
                now(),
                facts.width,
                facts.height,
                filename=filename,
                source_url=source_url,
                generation=generation,
                position=position,
                duration=facts.duration,
                codec=facts.codec,
            )
            await self.record(media)
            await self._put_back(data)
        finally:
            data.sink.discard()
        return media

    async def put(self, data: Arrived) -> Facts:
        """Make bytes durable, let go of the spool, and return what they are; they need a row soon, or are swept.

        Raises as `keep` does.
        """
        try:
            return await self._put(data, strict=False)
        finally:
            data.sink.discard()

    async def record(self, media: Media) -> None:
        """Write the row of media whose bytes are durable."""
        await self.database.add_media(media, media.created)
        if self.kept is not None:
            self.kept(media)

    async def keep_once(self, data: Arrived, owner: str, *, filename: str | None = None) -> Media:
        """Store what a client sent, unless the owner has these bytes already; bytes that the store lost are put back.

        Raises as `keep` does.
        """
        known = await self.database.media_by_blob(owner, data.sha256) if data.error is None else None
        if known is None:
            return await self.keep(data, owner, "uploaded", filename=filename)
        try:
            await self._put_back(data)
        finally:
            data.sink.discard()
        return known

    async def _put(self, data: Arrived, *, strict: bool) -> Facts:
        if data.error is not None:
            raise InvalidMedia(f"the picture can't be read: {data.error}")
        spool = _spool(data)
        facts = await asyncio.to_thread(self._facts, spool, data.head, strict)
        await self.storage.put(spool, data.sha256, data.size)
        if kind_of(facts.mime) is MediaKind.VIDEO:
            await keep_poster(self.storage, spool, data.sha256, facts.mime, self.max_pixels)
        return facts

    def _facts(self, spool: Spool, head: bytes, strict: bool) -> Facts:
        """Judge bytes. A film in which nothing plays is refused only if `strict`: what was made has been paid for."""
        found = images.facts(spool, head, self.max_pixels)
        if kind_of(found.mime) is not MediaKind.VIDEO:
            return found
        told = films.facts(spool, found.mime, self.max_pixels)
        if told is None and strict:
            raise InvalidMedia(f"the {found.mime} is broken: nothing in it can be played")
        return told or found

    async def _put_back(self, data: Arrived) -> None:
        """Store bytes that have a row once more, if whoever had them before let go of them between the two."""
        if await self.storage.head(data.sha256) != data.size:
            await self.storage.put(_spool(data), data.sha256, data.size)


def _spool(data: Arrived) -> Spool:
    if not isinstance(data.sink, Spool):
        raise TypeError("only a spool can be stored")
    return data.sink
