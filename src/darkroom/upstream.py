"""Requests to upstreams: bytes out, bytes in, and what goes wrong on the way, in our own errors.

Bodies with pictures are encoded from their blobs while they are sent. A request is tried once more only when the
connection could not be made: after that the upstream may have begun, and been paid.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pybase64

from darkroom.dialects.wire import Base64Of, Piece, UpstreamRequest, length_of
from darkroom.errors import (
    DarkroomError,
    StorageFailed,
    TooManyRequests,
    UpstreamBroken,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from darkroom.providers import Provider
from darkroom.storage import Storage

ErrorDecoder = Callable[[int, bytes, float | None], DarkroomError]
_CONNECT_SECONDS = 10.0
_ERROR_BYTES = 64 * 1024
_READ_BYTES = 256 * 1024
_QUANTUM = 3 * 64 * 1024


async def render(pieces: Sequence[Piece], storage: Storage) -> AsyncIterator[bytes]:
    """Yield pieces as bytes, with the base64 of blobs made chunk by chunk."""
    for piece in pieces:
        if isinstance(piece, Base64Of):
            async for chunk in _base64(await storage.read(piece.media.blob)):
                yield chunk
        else:
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


@dataclass(slots=True)
class Upstream:
    """One HTTP client for all providers. `timeout` is in seconds from one byte to the next."""

    storage: Storage
    timeout: float
    per_provider: int
    _session: aiohttp.ClientSession | None = None
    _busy: dict[str, int] = field(default_factory=dict)
    _turns: dict[str, int] = field(default_factory=dict)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def place(self, provider: Provider) -> AsyncIterator[None]:
        """Hold one of the provider's places. Raises `TooManyRequests` when all are taken."""
        busy = self._busy.get(provider.name, 0)
        if busy >= self.per_provider:
            raise TooManyRequests(f"{busy} requests to `{provider.name}` are under way already", retry_after=1)
        self._busy[provider.name] = busy + 1
        try:
            yield
        finally:
            self._busy[provider.name] -= 1

    async def send(
        self, provider: Provider, request: UpstreamRequest, decode_error: ErrorDecoder
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the answer.

        Raises the `UpstreamError` that `decode_error` makes of any other status, and `StorageFailed` before anything
        is sent when the bytes of a picture are not in the store.
        """
        async with self.place(provider):
            await self._check_media(request.pieces)
            response = await self._open(provider, request)
            try:
                if response.status != 200:
                    raise decode_error(response.status, await _head(response), _retry_after(response))
                async for chunk in response.content.iter_any():
                    yield chunk
            except TimeoutError:
                raise UpstreamTimeout(f"`{provider.name}` sent nothing for {self.timeout:.0f} s") from None
            except aiohttp.ClientError as error:
                raise UpstreamBroken(f"`{provider.name}` broke off: {_reason(error)}") from error
            finally:
                response.close()

    async def _check_media(self, pieces: Sequence[Piece]) -> None:
        media = {piece.media.blob: piece.media for piece in pieces if isinstance(piece, Base64Of)}
        sizes = await asyncio.gather(*map(self.storage.head, media))
        for each, size in zip(media.values(), sizes, strict=True):
            if size != each.size:
                raise StorageFailed(f"the bytes of {each.id} are {'gone' if size is None else 'damaged'}")

    async def _open(self, provider: Provider, request: UpstreamRequest) -> aiohttp.ClientResponse:
        for last in (False, True):
            try:
                return await self._request(provider, request)
            except aiohttp.ClientConnectorError as error:
                if last:
                    raise UpstreamUnavailable(f"`{provider.name}` can't be reached: {_reason(error)}") from error
            except TimeoutError:
                raise UpstreamTimeout(f"`{provider.name}` did not answer in time") from None
            except aiohttp.ClientError as error:
                raise UpstreamBroken(f"`{provider.name}` broke off: {_reason(error)}") from error
            await asyncio.sleep(0.2)
        raise AssertionError("unreachable")

    async def _request(self, provider: Provider, request: UpstreamRequest) -> aiohttp.ClientResponse:
        headers = {**request.headers, "accept-encoding": "identity"}
        if provider.api_keys:
            turn = self._turns[provider.name] = self._turns.get(provider.name, -1) + 1
            headers["authorization"] = f"Bearer {provider.api_keys[turn % len(provider.api_keys)]}"
        body: bytes | AsyncIterator[bytes] | None
        if all(isinstance(piece, bytes) for piece in request.pieces):
            body = b"".join(piece for piece in request.pieces if isinstance(piece, bytes))
        else:
            headers["content-length"] = str(length_of(request.pieces))
            body = render(request.pieces, self.storage)
        return await self._client().request(
            request.method,
            provider.base_url + request.path,
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
    value = response.headers.get("retry-after", "")
    return float(value) if value.replace(".", "", 1).isdecimal() else None


def _reason(error: BaseException) -> str:
    """Say what went wrong without the address, which may hold a key."""
    cause = getattr(error, "os_error", None) or error.__cause__ or error
    return getattr(cause, "strerror", None) or type(cause).__name__
