"""What an upstream made becomes stored media, wherever it came from: lifted bytes, or a URL that is mirrored.

Media of the model's own URLs are fetched through the guard; the provider's own host is let through, since the operator
configured it. A URL that can't be mirrored is handed to the client as it is, with the reason: a picture that was paid
for must not be lost for want of a copy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urljoin

from darkroom.errors import ClientError, DarkroomError, InvalidMedia, UpstreamBadMedia
from darkroom.events import MediaLost, MediaProduced, MediaStored
from darkroom.fetch import Fetcher, origin_of
from darkroom.ingest import Ingest, arrived
from darkroom.media import Arrived, Media
from darkroom.providers import Provider


@dataclass(slots=True)
class Capture:
    """Captures the media of one answer. The same bytes twice are one media."""

    ingest: Ingest
    fetcher: Fetcher
    owner: str
    provider: Provider
    stored: list[Media] = field(default_factory=list)
    lost: list[MediaLost] = field(default_factory=list)
    by_placeholder: dict[str, Media] = field(default_factory=dict)
    """What became of the runs of base64 in the upstream's text."""
    _by_blob: dict[str, Media] = field(default_factory=dict)
    _by_url: dict[str, Media] = field(default_factory=dict)

    async def capture(self, event: MediaProduced, generation: str) -> MediaStored | MediaLost:
        """Return the media once it is durable, or why it could not be kept. Raises `StorageFailed` alone."""
        try:
            media = await (self._mirror if event.url else self._bytes)(event, generation)
        except (ClientError, UpstreamBadMedia) as error:
            lost = MediaLost(event.kind, _as_upstreams(error), event.url, event.shown or event.url or "")
            self.lost.append(lost)
            return lost
        return MediaStored(media, event.alt, event.in_text)

    async def _bytes(self, event: MediaProduced, generation: str) -> Media:
        data = arrived(event.lifted) if event.lifted is not None else event.arrived
        if data is None:
            raise UpstreamBadMedia("the upstream announced media and sent none")
        media = await self._keep(data, generation)
        if event.lifted is not None:
            self.by_placeholder[event.lifted.placeholder] = media
        return media

    async def _mirror(self, event: MediaProduced, generation: str) -> Media:
        if not event.url:
            raise UpstreamBadMedia("the upstream announced media and sent none")
        url = self._absolute(event.url)
        if url in self._by_url:
            return self._by_url[url]
        spool = self.ingest.storage.spools.new()
        try:
            trusted = frozenset({origin_of(self.provider.base_url)})
            fetched = await self.fetcher.fetch(url, spool, trusted_origins=trusted)
            data = Arrived(spool, fetched.sha256, fetched.size, fetched.head)
            media = await self._keep(data, generation, url, fetched.filename)
        finally:
            spool.discard()
        self._by_url[url] = media
        return media

    def _absolute(self, url: str) -> str:
        try:
            return urljoin(f"{self.provider.base_url}/", url)
        except ValueError:
            raise UpstreamBadMedia("the upstream sent a URL that can't be read") from None

    async def _keep(self, data: Arrived, generation: str, url: str | None = None, filename: str | None = None) -> Media:
        known = self._by_blob.get(data.sha256) if data.error is None else None
        if known is not None:
            data.sink.discard()
            return known
        media = await self.ingest.keep(
            data,
            self.owner,
            "generated",
            source_url=url,
            filename=filename,
            generation=generation,
            position=len(self.stored),
        )
        self._by_blob[data.sha256] = media
        self.stored.append(media)
        return media


def _as_upstreams(error: DarkroomError) -> DarkroomError:
    """Bad bytes in an answer are the upstream's fault, not the client's."""
    if isinstance(error, InvalidMedia):
        return UpstreamBadMedia(f"the upstream sent something that is no picture: {error.message}")
    return error
