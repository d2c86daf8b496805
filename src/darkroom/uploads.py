"""Uploads to upstreams that take files: once per key and bytes, used again until they expire.

Two requests with the same picture wait for one upload. What was uploaded belongs to one owner, and is deleted by the
cleanup's policy; whoever uses it holds it meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from darkroom.cleanup import Cleanup
from darkroom.clock import now
from darkroom.database import Database, UpstreamObject
from darkroom.media import Media
from darkroom.providers import Target

_MARGIN_MS = 5 * 60_000
"""An upload that expires this soon is not used again: the request may take a while."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upstream says of an upload; `expires` in Unix ms."""

    uri: str
    expires: int | None = None


Send = Callable[[], Awaitable[Uploaded]]


@dataclass(slots=True)
class Uploads:
    database: Database
    cleanup: Cleanup
    _locks: WeakValueDictionary[tuple[str, str, str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def hold(self, target: Target, owner: str, media: Media, path: str, send: Send) -> UpstreamObject:
        """Return the upload of media, held: the caller releases it by `cleanup.release`.

        `send` uploads, so that it can be deleted at `path`; it is called only when there is none. Raises what it does.
        """
        route = (owner, target.provider.name, target.key.alias, media.blob)
        lock = self._locks.setdefault(route, asyncio.Lock())
        async with lock:
            known = await self.database.upstreams.uploaded(*route, now() + _MARGIN_MS)
            if known is not None:
                await self.cleanup.again(target, known)
                return known
            id = await self.cleanup.hold(target, owner, "file", path, media)
            try:
                uploaded = await send()
                await self.database.upstreams.set_object(id, uploaded.uri, uploaded.expires)
            except BaseException:
                # It may be there in part: the cleanup finds out.
                await asyncio.shield(self.cleanup.release(target, id))
                raise
            return UpstreamObject(
                id,
                owner,
                target.provider.name,
                target.key.alias,
                "file",
                path,
                now(),
                blob=media.blob,
                uri=uploaded.uri,
                expires=uploaded.expires,
            )

    async def forget(self, target: Target, uri: str, owner: str) -> None:
        """Drop an upload that the upstream does not know any more."""
        await self.database.upstreams.forget_upload(owner, target.provider.name, target.key.alias, uri)
