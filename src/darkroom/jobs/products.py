"""What a job made, on its way into the store: a download that goes on after a break, and under a fresh link if need be.

Bytes are stored under their hash before any row names them; the media's id is chosen when they are there, so that the
row can be written twice and is one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from darkroom.clock import new_id, now
from darkroom.dialects.job_wire import JobWire, Product
from darkroom.dialects.wire import UpstreamRequest
from darkroom.download import Download
from darkroom.errors import (
    ClientError,
    DarkroomError,
    GatewayError,
    InvalidMedia,
    TooLarge,
    UpstreamBadMedia,
    UpstreamBroken,
    UrlRefused,
)
from darkroom.exchanges import Means
from darkroom.fetch import is_at
from darkroom.ingest import Ingest, arrived
from darkroom.job import Job
from darkroom.media import Arrived, Media
from darkroom.providers import Target

_FAILURES = 6
"""How often in a row a download may fail."""
_GROWTH, _LAST_SECONDS = 2.0, 30.0
log = logging.getLogger("darkroom")


@dataclass(frozen=True, slots=True)
class Kept:
    """A product as the job's row holds it: where it lies, or, with `blob`, what it is in the store."""

    url: str | None = None
    id: str | None = None
    blob: str | None = None
    size: int = 0
    mime: str = ""
    width: int | None = None
    height: int | None = None
    duration: int | None = None
    codec: str | None = None

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        return cls(**told)

    def told(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in (None, 0, "")}

    def media(self, job: Job, position: int) -> Media:
        """Return the row of what is in the store."""
        return Media(
            self.id or "",
            job.owner,
            self.blob or "",
            self.mime,
            self.size,
            "generated",
            now(),
            self.width,
            self.height,
            generation=job.id,
            position=position,
            duration=self.duration,
            codec=self.codec,
        )


@dataclass(frozen=True, slots=True)
class Products:
    """Brings the products of one upstream into the store. `pause` is in seconds."""

    means: Means
    ingest: Ingest
    target: Target
    wire: JobWire
    pause: float

    async def begun(self, product: Product) -> Kept:
        """Store a product that stood in the answer itself; of any other, note where it is."""
        if product.lifted is not None:
            return await self._put(arrived(product.lifted))
        if product.url is None:
            raise UpstreamBadMedia("the upstream announced media and sent none")
        return Kept(product.url)

    async def downloaded(self, kept: Kept, fresh: Callable[[], Awaitable[str | None]]) -> Kept:
        """Download a product and store its bytes; `fresh` asks the upstream for another link.

        Raises what ends it: `UpstreamBadMedia`, or what the last of several failures in a row was.
        """
        spool = self.means.storage.spools.new()
        download = Download(spool, self.means.upstream.max_media)
        url, pause, failures, size = kept.url or "", self.pause, 0, 0
        try:
            while True:
                try:
                    return await self._put(await self._fetched(url, download))
                except GatewayError:
                    raise
                except DarkroomError as error:
                    bad = isinstance(error, InvalidMedia | UpstreamBadMedia)
                    failures = 1 if download.size > size and not bad else failures + 1
                    size = download.size
                    if failures >= _FAILURES or isinstance(error, UrlRefused | TooLarge):
                        raise _as_upstreams(error) from error
                    log.info("a download from `%s` broke off: %s", self.target.provider.name, error.message)
                    if bad:  # An error page, say: begin anew.
                        spool.discard()
                        spool, size = self.means.storage.spools.new(), 0
                        download = Download(spool, self.means.upstream.max_media)
                await asyncio.sleep(pause)
                pause = min(pause * _GROWTH, max(self.pause, _LAST_SECONDS))
                url = await self._other(fresh) or url
        finally:
            spool.discard()

    async def _other(self, fresh: Callable[[], Awaitable[str | None]]) -> str | None:
        try:
            return await fresh()
        except GatewayError:
            raise
        except DarkroomError as error:
            log.info("`%s` gave no other link: %s", self.target.provider.name, error.message)
            return None

    async def _fetched(self, url: str, download: Download) -> Arrived:
        """Download with the provider's key where the address is its own, else through the guard."""
        if not url:
            raise UpstreamBroken("the upstream does not say where it lies")
        if not url.startswith(("http://", "https://")) or is_at(url, self.target.provider.base_url):
            request = UpstreamRequest(url, method="GET", headers={})
            return await self.means.upstream.go_on(self.target, request, self.wire.error, download)
        await self.means.fetcher.go_on(url, download)
        return download.arrived()

    async def _put(self, data: Arrived) -> Kept:
        facts = await self.ingest.put(data)
        return Kept(
            None,
            new_id("media"),
            data.sha256,
            data.size,
            facts.mime,
            facts.width,
            facts.height,
            facts.duration,
            facts.codec,
        )


def _as_upstreams(error: DarkroomError) -> DarkroomError:
    """What can't be had is the upstream's fault, not the client's."""
    if isinstance(error, InvalidMedia):
        return UpstreamBadMedia(f"the upstream sent something that is no film: {error.message}")
    return UpstreamBroken(f"what was made can't be had: {error.message}") if isinstance(error, ClientError) else error
