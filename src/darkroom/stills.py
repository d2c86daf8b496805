"""Stills: pictures out of a stored film, for people (its poster) and for models that see pictures alone (its frames).

They are derived from the film's bytes, and kept beside its thumbnails, so that they go when it goes; no row names them.
A frame that a model is shown is put into the store as a blob too, since that is where requests are written from: it is
the film's own media in another form, by the same id. Without a row, the next sweep takes the blob away again, and the
next turn puts it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Protocol

import msgspec

from darkroom import films, images
from darkroom.errors import DarkroomError, InvalidMedia, TooLarge
from darkroom.films import Source, Still
from darkroom.media import Media, MediaKind
from darkroom.messages import MediaPart, Part, Stored, Text
from darkroom.profiles import Profile
from darkroom.replay import Place, Turn, Wanted, last_user
from darkroom.spool import Spool
from darkroom.storage import Storage

POSTER_WIDTH = images.WIDTHS[-1]
_AT_ONCE = 2
_SEEN = frozenset({MediaKind.IMAGE, MediaKind.VIDEO})
_MIME = "image/jpeg"
_SHEET, _COLUMNS, _CELL = 20, 5, 256
"""How many frames a spritesheet has, how many of them in a row, and how wide each is in pixels."""


class Bring(Protocol):
    """Stores what a part has at a URL; `fresh`: it is fetched anew."""

    async def __call__(self, part: MediaPart, *, fresh: bool) -> MediaPart: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is noted of a frame that is kept: when it is shown, in ms, and its size in pixels."""

    at: int
    width: int
    height: int


async def make_poster(storage: Storage, source: Source, blob: str, mime: str, max_pixels: int) -> bytes:
    """Return a film's first frame as a WebP, and keep it. Raises `InvalidMedia`, `TooLarge`."""
    data = await asyncio.to_thread(films.poster, source, mime, POSTER_WIDTH, max_pixels)
    await storage.put_extra(f"thumbs/{blob}/{POSTER_WIDTH}.webp", data)
    return data


async def keep_poster(storage: Storage, spool: Spool, blob: str, mime: str, max_pixels: int) -> None:
    """Make the poster of a film while its bytes are at hand; one that can't be decoded has none."""
    with suppress(InvalidMedia, TooLarge):
        await make_poster(storage, spool, blob, mime, max_pixels)


async def poster(storage: Storage, media: Media, width: int, max_pixels: int) -> bytes:
    """Return a film's first frame as a WebP of one of `images.WIDTHS`.

    Raises `InvalidMedia` and `TooLarge` for a film that can't be decoded, `NotFound` when its bytes are gone.
    """
    data = await storage.get_extra(f"thumbs/{media.blob}/{POSTER_WIDTH}.webp")
    if data is None:
        async with _at_hand(storage, media) as source:
            data = await make_poster(storage, source, media.blob, media.mime, max_pixels)
    if width >= POSTER_WIDTH:
        return data
    return await asyncio.to_thread(images.thumbnail, data, width, "image/webp", max_pixels)


async def spritesheet(storage: Storage, media: Media, max_pixels: int) -> bytes:
    """Return frames of a film, evenly spread, in one JPEG of rows and columns; it is made once.

    Raises as `poster` does.
    """
    key = f"thumbs/{media.blob}/sheet.jpg"
    data = await storage.get_extra(key)
    if data is None:
        async with _at_hand(storage, media) as source:
            stills = await asyncio.to_thread(films.frames, source, media.mime, _SHEET, max_pixels)
        data = await asyncio.to_thread(images.sheet, [still.data for still in stills], _COLUMNS, _CELL)
        await storage.put_extra(key, data)
    return data


@dataclass(frozen=True, slots=True)
class Stills:
    """Shows films as pictures. A decoder takes much memory, so only a few films are decoded at a time."""

    storage: Storage
    max_pixels: int
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def shown(
        self, turns: tuple[Turn, ...], meant: Sequence[Wanted], profile: Profile, bring: Bring
    ) -> tuple[tuple[Turn, ...], frozenset[Place]]:
        """Put frames in the place of the films that are meant, where the profile wants them; say where they stand.

        `bring` stores what is still at a URL. What fails is raised in the turn at hand; in an older one the film stays.
        """
        wanted = {item.place for item in meant if item.part.kind is MediaKind.VIDEO}
        if not wanted or not profile.frames or profile.sees & _SEEN != {MediaKind.IMAGE}:
            return turns, frozenset()
        count = min(profile.frames, profile.max_media or films.MOST_FRAMES)
        last = last_user(turns)
        written: list[Turn] = []
        frames: set[Place] = set()
        for index, turn in enumerate(turns):
            parts: list[Part] = []
            for number, part in enumerate(turn.message.parts):
                found: Sequence[Part] = (part,)
                if isinstance(part, MediaPart) and (index, number) in wanted:
                    found = await self._instead(part, count, bring, fresh=index == last)
                    frames |= {(index, at) for at, each in enumerate(found, len(parts)) if isinstance(each, MediaPart)}
                parts += found
            written.append(replace(turn, message=replace(turn.message, parts=tuple(parts))))
        return tuple(written), frozenset(frames)

    async def _instead(self, part: MediaPart, count: int, bring: Bring, *, fresh: bool) -> Sequence[Part]:
        try:
            here = await bring(part, fresh=fresh)
            return await self.of(here, here.source.media, count) if isinstance(here.source, Stored) else (part,)
        except DarkroomError:
            if fresh:
                raise
            return (part,)

    async def of(self, part: MediaPart, media: Media, count: int) -> list[Part]:
        """Return a film as a text that says what it is, and up to `count` pictures, evenly spread over it.

        Raises `InvalidMedia` and `TooLarge` for a film that can't be decoded, `NotFound` when its bytes are gone.
        """
        kept = await self._kept(media, count)
        pictures = [await self._stored(media, _key(media, count, number), each) for number, each in enumerate(kept)]
        shown = [
            replace(part, kind=each.kind, source=Stored(each), place="part", filename=each.filename, extra={})
            for each in pictures
        ]
        return [Text(_words(media, kept)), *shown]

    async def _kept(self, media: Media, count: int) -> Sequence[_Kept]:
        """Return what is known of a film's frames, which are in the store then."""
        found = await self.storage.get_extra(_list(media, count))
        if found is None:
            async with self._places:
                found = await self.storage.get_extra(_list(media, count)) or await self._made(media, count)
        return msgspec.json.decode(found, type=list[_Kept])

    async def _made(self, media: Media, count: int) -> bytes:
        async with _at_hand(self.storage, media) as source:
            stills: list[Still] = await asyncio.to_thread(films.frames, source, media.mime, count, self.max_pixels)
        for number, still in enumerate(stills):
            await self.storage.put_extra(_key(media, count, number), still.data)
        # The list comes last: what it names is there.
        told = msgspec.json.encode([_Kept(still.at, still.width, still.height) for still in stills])
        await self.storage.put_extra(_list(media, count), told)
        return told

    async def _stored(self, media: Media, key: str, kept: _Kept) -> Media:
        """Return a frame as media whose bytes can be sent."""
        data = await self.storage.get_extra(key)
        if data is None:
            raise InvalidMedia(f"a frame of {media.id} is gone")
        spool = self.storage.spools.new()
        try:
            spool.write(data)
            digest = sha256(data).hexdigest()
            await self.storage.put(spool, digest, len(data))
        finally:
            spool.discard()
        return replace(
            media,
            blob=digest,
            mime=_MIME,
            size=len(data),
            width=kept.width,
            height=kept.height,
            filename=f"{media.id}-{_seconds(kept.at)}s.jpg",
            source_url=None,
            duration=None,
            codec=None,
        )


@asynccontextmanager
async def _at_hand(storage: Storage, media: Media) -> AsyncIterator[Source]:
    """Give stored bytes as a file: where they lie, or brought from the bucket. Raises `NotFound`."""
    path = storage.local_path(media.blob)
    if path is not None and path.is_file():
        yield path
        return
    spool = storage.spools.new()
    try:
        async for chunk in await storage.read(media.blob):
            spool.write(chunk)
        yield spool
    finally:
        spool.discard()


def _words(media: Media, kept: Sequence[_Kept]) -> str:
    times = ", ".join(f"{_seconds(each.at)} s" for each in kept)
    length = f", {_seconds(media.duration)} s long," if media.duration else ""
    return f"[video {media.id}{length} as {len(kept)} pictures of it, at {times}]"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f}"


def _key(media: Media, count: int, number: int) -> str:
    return f"thumbs/{media.blob}/frames-{count}/{number}.jpg"


def _list(media: Media, count: int) -> str:
    return f"thumbs/{media.blob}/frames-{count}.json"
