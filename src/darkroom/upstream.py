"""Requests to upstreams: bytes out, bytes in, and what goes wrong on the way, in our own errors.

`send` streams an answer, `call` returns a small one, `save` and `go_on` download a large one.

Bodies with pictures are encoded from their blobs while they are sent. A request is tried once more only when the
connection could not be made: after that the upstream may have begun, and been paid.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import aiohttp
import pybase64

from darkroom.clock import now
from darkroom.credentials import Tokens
from darkroom.dialects.wire import Base64Again, Base64Of, BytesOf, ErrorDecoder, Piece, UpstreamRequest, length_of
from darkroom.download import Download
from darkroom.errors import (
    ClientError,
    ContentPolicyViolation,
    DarkroomError,
    StorageFailed,
    TooManyRequests,
    UpstreamAuthFailed,
    UpstreamBroken,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
    UrlUnreachable,
)
from darkroom.fetch import Fetcher, origin_of
from darkroom.media import Arrived
from darkroom.providers import Provider, Target
from darkroom.spool import Spool
from darkroom.storage import Storage

_CONNECT_SECONDS = 10.0
_ERROR_BYTES = 64 * 1024
_SMALL_BYTES = 16 * 1024 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
_DOWNLOADS = _REDIRECTS | {416}
"""What a download may be answered with, besides 2xx."""
_BREAKS = (UpstreamBroken, UpstreamTimeout, UpstreamUnavailable, UrlUnreachable)
_ELSEWHERE = {401, 402, 403, 404, 429}
"""Statuses, besides 5xx, with which another key or provider may be asked: nothing was made."""
_BEGUN = {408, 504, 522, 524}
"""Statuses of somebody on the way who waited too long: the picture may be in the making all the same."""
_THE_KEYS = (UpstreamAuthFailed, UpstreamRateLimited)
"""What another key does not share, whatever its status: some say so with 400."""
_READ_BYTES = 256 * 1024
_QUANTUM = 3 * 64 * 1024


async def render(pieces: Sequence[Piece], storage: Storage) -> AsyncIterator[bytes]:
    """Yield pieces as bytes, with the base64 of blobs made chunk by chunk."""
    for piece in pieces:
        match piece:
            case Base64Of(media):
                async for chunk in _base64(await storage.read(media.blob)):
                    yield chunk
            case BytesOf(media, start, stop):
                async for chunk in await storage.read(media.blob, start, media.size if stop is None else stop):
                    yield chunk
            case Base64Again(lifted):
                for chunk in lifted.restored():
                    yield chunk
            case bytes():
                yield piece


async def _base64(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        data = rest + chunk if rest else chunk
        whole = len(data) // 3 * 3
        rest = data[whole:]
        for start in range(0, whole, _QUANTUM):
            yield pybase64.b64encode(memoryview(data)[start : min(start + _QUANTUM, whole)])
    if rest:
        yield pybase64.b64encode(rest)


@dataclass(frozen=True, slots=True)
class Reply:
    """A small answer, whole; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Upstream:
    """One HTTP client for all providers. `timeout` is in seconds from one byte to the next."""

    storage: Storage
    timeout: float
    per_provider: int
    fetcher: Fetcher
    max_media: int
    tokens: Tokens = field(default_factory=Tokens)
    sent: dict[str, int] = field(default_factory=dict)
    """Bytes of request bodies by provider."""
    received: dict[str, int] = field(default_factory=dict)
    """Bytes of answers by provider, errors included."""
    _session: aiohttp.ClientSession | None = None
    _busy: dict[str, int] = field(default_factory=dict)

    @property
    def busy(self) -> Mapping[str, int]:
        """Requests under way by provider."""
        return self._busy

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def place(self, provider: Provider) -> AsyncIterator[None]:
        """Hold one of the provider's places. Raises `TooManyRequests` when all are taken."""
        busy = self._busy.get(provider.name, 0)
        if busy >= self.per_provider:
            full = TooManyRequests(f"{busy} requests to `{provider.name}` are under way already", retry_after=1)
            full.elsewhere = True
            raise full
        self._busy[provider.name] = busy + 1
        try:
            yield
        finally:
            self._busy[provider.name] -= 1

    async def send(
        self, target: Target, request: UpstreamRequest, decode_error: ErrorDecoder
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the answer.

        Raises the `UpstreamError` that `decode_error` makes of any status but 2xx, and `StorageFailed` before anything
        is sent when the bytes of a picture are not in the store.
        """
        async with self._answered(target, request, decode_error) as response:
            async for chunk in response.content.iter_any():
                yield chunk

    async def call(self, target: Target, request: UpstreamRequest, decode_error: ErrorDecoder) -> Reply:
        """Return a small answer. Raises as `send` does, and `UpstreamBroken` for one that is not small."""
        async with self._answered(target, request, decode_error) as response:
            body = b""
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _SMALL_BYTES:
                    raise UpstreamBroken(f"`{target.provider.name}` sent far more than was asked for")
            return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, body)

    async def save(self, target: Target, request: UpstreamRequest, decode_error: ErrorDecoder, spool: Spool) -> Arrived:
        """Write what a download answers with into a spool; a redirect is followed through the guard, without the key.

        Raises as `go_on` does; the spool is then discarded.
        """
        try:
            return await self.go_on(target, request, decode_error, Download(spool, self.max_media))
        except BaseException:
            spool.discard()
            raise

    async def go_on(
        self, target: Target, request: UpstreamRequest, decode_error: ErrorDecoder, download: Download
    ) -> Arrived:
        """Download what a `Download(spool, most)` lacks: everything, or what is left of it after an earlier request.

        What breaks off is gone on with by itself, also where a redirect leads to a link that expires meanwhile. Raises
        as `send` does, and `UpstreamBroken` for what never gets on, is too large, or is redirected to where the guard
        lets nobody through. The spool then stays as it is, and belongs to the caller: he discards it, or goes on with
        the same download and a fresh request. `download.refused` in 401, 403, 404, 410 says that the link was no good
        (any more). With another link the rest is asked for by the file's ETag or time of change; where it is not the
        same file, or the server can't tell, the download starts over.
        """
        try:
            await download.complete(lambda: self._more(target, request, decode_error, download), _BREAKS)
        except ClientError as error:
            raise UpstreamBroken(f"`{target.provider.name}` gave a file that can't be had: {error.message}") from error
        return download.arrived()

    async def _more(
        self, target: Target, request: UpstreamRequest, decode_error: ErrorDecoder, download: Download
    ) -> None:
        """Ask once for what a download lacks."""
        rest = replace(request, headers={**request.headers, **download.headers()})
        async with self._answered(target, rest, decode_error, download) as response:
            if response.status not in _REDIRECTS:
                download.name = "the file"
                await download.take(response)
                return
            where = urljoin(str(response.url), response.headers.get("location", ""))
        trusted = frozenset({origin_of(target.provider.base_url)})
        try:
            await self.fetcher.go_on(where, download, trusted_origins=trusted)
        except UrlUnreachable:
            if download.begun:
                download.refused = None  # The upstream may have a fresh link.
            raise

    @asynccontextmanager
    async def socket(self, target: Target, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a web socket at a path of the provider. Raises `UpstreamUnavailable`, `UpstreamBroken`."""
        headers = await self._authorization(target)
        url = self._url(target.provider, path)
        try:
            async with self._client().ws_connect(
                url, headers=headers, max_msg_size=_SMALL_BYTES, heartbeat=30
            ) as socket:
                yield socket
        except (aiohttp.ClientConnectorError, aiohttp.WSServerHandshakeError) as error:
            raise UpstreamUnavailable(f"`{target.provider.name}` can't be reached: {_reason(error)}") from error
        except aiohttp.ClientError as error:
            raise UpstreamBroken(f"`{target.provider.name}` broke off: {_reason(error)}") from error

    @asynccontextmanager
    async def _answered(
        self, target: Target, request: UpstreamRequest, decode_error: ErrorDecoder, download: Download | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give the answer of a request, if it is a good one; for a `download` a redirect is one, and that there is no
        more."""
        provider = target.provider
        async with self.place(provider):
            await self._check_media(request.pieces)
            response = await self._open(target, request)
            try:
                if not (200 <= response.status < 300 or (download is not None and response.status in _DOWNLOADS)):
                    if download is not None:
                        download.refused = response.status
                    raise _refused(
                        decode_error(response.status, await _head(response), _retry_after(response)), response
                    )
                yield response
            except TimeoutError:
                raise UpstreamTimeout(f"`{provider.name}` sent nothing for {self.timeout:.0f} s") from None
            except aiohttp.ClientError as error:
                raise UpstreamBroken(f"`{provider.name}` broke off: {_reason(error)}") from error
            finally:
                self.received[provider.name] = self.received.get(provider.name, 0) + response.content.total_bytes
                response.close()

    async def _check_media(self, pieces: Sequence[Piece]) -> None:
        media = {piece.media.blob: piece.media for piece in pieces if isinstance(piece, Base64Of | BytesOf)}
        sizes = await asyncio.gather(*map(self.storage.head, media))
        for each, size in zip(media.values(), sizes, strict=True):
            if size != each.size:
                raise StorageFailed(f"the bytes of {each.id} are {'gone' if size is None else 'damaged'}")

    async def _open(self, target: Target, request: UpstreamRequest) -> aiohttp.ClientResponse:
        provider = target.provider
        for last in (False, True):
            try:
                response = await self._request(target, request)
                if last or response.status != 401 or target.provider.auth != "google":
                    return response
                response.close()
                self.tokens.forget(target.key.secret)  # It was revoked before its time; a new one may do.
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                if last:
                    unreachable = UpstreamUnavailable(f"`{provider.name}` can't be reached: {_reason(error)}")
                    unreachable.elsewhere = True
                    raise unreachable from error
            except TimeoutError:
                raise UpstreamTimeout(f"`{provider.name}` did not answer in time") from None
            except aiohttp.ClientError as error:
                raise UpstreamBroken(f"`{provider.name}` broke off: {_reason(error)}") from error
            await asyncio.sleep(0.2)
        raise AssertionError("unreachable")

    async def _authorization(self, target: Target) -> dict[str, str]:
        """Return the headers that show the key, in the provider's way."""
        secret = target.key.secret
        match target.provider.auth:
            case "google":
                try:
                    return await self.tokens.headers(secret, target.provider.options.get("user_project"))
                except UpstreamError as error:
                    error.elsewhere = True  # Nothing was asked yet.
                    raise
            case "x-goog-api-key" if secret:
                return {"x-goog-api-key": secret}
            case "bearer" if secret:
                return {"authorization": f"Bearer {secret}"}
            case "basic" if secret:
                return {"authorization": f"Basic {pybase64.b64encode(secret.encode()).decode()}"}
            case _:
                return {}

    def _url(self, provider: Provider, path: str) -> str:
        if not path.startswith(("http://", "https://")):
            return provider.base_url + path
        if origin_of(path) != origin_of(provider.base_url):
            raise UpstreamBroken(f"`{provider.name}` leads to another host, which is not shown the key")
        return path

    async def _request(self, target: Target, request: UpstreamRequest) -> aiohttp.ClientResponse:
        headers = {**request.headers, **await self._authorization(target), "accept-encoding": "identity"}
        name = target.provider.name
        self.sent[name] = self.sent.get(name, 0) + length_of(request.pieces)
        body: bytes | AsyncIterator[bytes] | None
        if all(isinstance(piece, bytes) for piece in request.pieces):
            body = b"".join(piece for piece in request.pieces if isinstance(piece, bytes))
        else:
            headers["content-length"] = str(length_of(request.pieces))
            body = render(request.pieces, self.storage)
        return await self._client().request(
            request.method,
            self._url(target.provider, request.path),
            data=body,
            headers=headers,
            allow_redirects=False,
        )

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=self.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                read_bufsize=_READ_BYTES,
            )
        return self._session


def _refused(error: DarkroomError, response: aiohttp.ClientResponse) -> DarkroomError:
    """Note whether somebody else may be asked: what a model refuses for its content, it refuses everywhere."""
    failing = response.status >= 500 or response.status in _ELSEWHERE or isinstance(error, _THE_KEYS)
    begun = response.status in _BEGUN
    error.elsewhere = failing and not begun and not isinstance(error, ContentPolicyViolation | ClientError)
    return error


async def _head(response: aiohttp.ClientResponse) -> bytes:
    """Return the start of an error's body: whatever arrives of it within a few seconds."""
    received = b""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) >= _ERROR_BYTES:
                    break
    except (TimeoutError, aiohttp.ClientError):
        pass
    return received[:_ERROR_BYTES]


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Return the seconds that the upstream wants to be left alone: it writes them, or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdecimal():
        return float(value)
    until = _date(value)
    if until is None:
        return None
    # By the upstream's own clock, which may differ from ours.
    return max(until - (_date(response.headers.get("date", "")) or now() / 1000), 0.0)


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None


def _reason(error: BaseException) -> str:
    """Say what went wrong without the address, which may hold a key."""
    cause = getattr(error, "os_error", None) or error.__cause__ or error
    return getattr(cause, "strerror", None) or type(cause).__name__
