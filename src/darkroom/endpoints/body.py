"""Request bodies, read as they arrive: base64 and files go to their spools, the small rest is returned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.requests import ClientDisconnect, Request

from darkroom.codecs.json_lift import JsonLifter
from darkroom.errors import MalformedRequest, TooLarge
from darkroom.lifted import Lifts
from darkroom.settings import Limits

_IDLE_SECONDS = 60.0


async def read_lifted(request: Request, lifts: Lifts, limits: Limits) -> bytes:
    """Return the body with its long base64 lifted out. Raises `TooLarge` before it is read whole."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.body:
        raise _too_large(limits)
    lifter = JsonLifter(lifts)
    skeleton: list[bytes] = []
    received = kept = 0
    async with aclosing(arriving(request)) as chunks:
        async for chunk in chunks:
            received += len(chunk)
            piece = lifter.decode(chunk)
            kept += len(piece)
            if received > limits.body or kept > limits.text:
                raise _too_large(limits)
            skeleton.append(piece)
    skeleton.append(lifter.flush())
    return b"".join(skeleton)


async def read_small(request: Request, limit: int) -> bytes:
    """Return a body that holds no media. Raises `TooLarge` over `limit` bytes."""
    body = b""
    async with aclosing(arriving(request)) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise TooLarge(f"the body is larger than {limit} bytes")
    return body


async def arriving(request: Request) -> AsyncGenerator[bytes, None]:
    """Yield a body as it arrives. Raises `MalformedRequest` when it breaks off, or nothing comes for a while."""
    try:
        async for chunk in _timely(request.stream()):
            yield chunk
    except ClientDisconnect:
        raise MalformedRequest("the client left before its request was complete") from None
    except TimeoutError:
        raise MalformedRequest(f"nothing of the request's body came for {_IDLE_SECONDS:.0f} s") from None


async def _timely(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(_IDLE_SECONDS):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(f"the body is larger than {limits.body} bytes, or its text larger than {limits.text} bytes")


def number(text: str, name: str, least: int, most: int) -> int:
    """Return a number that a query or a form gives in plain digits. Raises `MalformedRequest`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise MalformedRequest(f"`{name}` must be a number from {least} to {most}", param=name)
    return int(text)
