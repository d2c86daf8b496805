"""The load client: a process that asks, and measures until the last byte of each answer.

`python -m bench.load` reads one `Load` as a JSON line, prints one `Measured` as a JSON line, and so on until its input
ends. It speaks plain HTTP/1.1 on kept-alive connections and parses nothing but the framing.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import cast

import httptools
import uvloop

from bench.bodies import Body, request

_SAMPLE = 64 * 1024


class LoadFailed(Exception):
    """A server did not answer as it should have; the message says how."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to ask of `port`: `requests` in all, `concurrency` at once; `timeout` in seconds for one.

    Every answer must hold `expect`, if it is given, in its first or last 64 KiB.
    """

    port: int
    model: str
    stream: bool
    asked: int
    requests: int
    concurrency: int
    key: str = ""
    expect: str = ""
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds: of every answer, to its first and to its last byte; `wall` of all. `sample`: what the last one said."""

    seconds: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    wall: float = 0.0
    sample: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    seconds: float
    first: float
    text: str


class Connection(asyncio.Protocol):
    """One connection that asks one thing at a time."""

    def __init__(self) -> None:
        self._done: asyncio.Future[None] | None = None
        self._first = self._last = 0.0
        self._head = self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of another class

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the server closed the connection before it had answered")

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the server's answer is not HTTP: {error}")

    def on_body(self, body: bytes) -> None:
        if not self._first:
            self._first = perf_counter()
        if len(self._head) < _SAMPLE:
            self._head += body[:_SAMPLE]
        self._tail = (self._tail + body)[-_SAMPLE:] if len(body) < _SAMPLE else body[-_SAMPLE:]

    def on_message_complete(self) -> None:
        self._last = perf_counter()
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def ask(self, head: bytes, body: Body, timeout: float) -> Reply:
        """Send a request and wait for the end of its answer. Raises `LoadFailed`."""
        self._parser = httptools.HttpResponseParser(self)
        self._first = self._last = 0.0
        self._head = self._tail = b""
        self._done = asyncio.get_running_loop().create_future()
        pieces = [head, *body.pieces()]
        begun = perf_counter()
        for piece in pieces:
            self._transport.write(piece)
        try:
            async with asyncio.timeout(timeout):
                await self._done
        except TimeoutError:
            raise LoadFailed(f"no answer within {timeout:.0f} s") from None
        text = (self._head + self._tail).decode("utf-8", "replace")
        if (status := self._parser.get_status_code()) != 200:
            raise LoadFailed(f"status {status}: {text[:300]}")
        return Reply(self._last - begun, (self._first or self._last) - begun, text)

    def close(self) -> None:
        self._done = None
        self._transport.close()

    def _fail(self, why: str) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(LoadFailed(why))


async def run(load: Load) -> Measured:
    """Put a load on a server. What fails is in `error`."""
    body = request(load.model, load.stream, load.asked)
    head = _head(load, body)
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []
    turns = iter(range(load.requests))
    try:
        while len(connections) < load.concurrency:
            _, connection = await loop.create_connection(Connection, "127.0.0.1", load.port)
            connections.append(connection)
        begun = perf_counter()
        replies = await asyncio.gather(*(_keep_asking(each, turns, load, head, body) for each in connections))
        wall = perf_counter() - begun
    except (LoadFailed, OSError) as error:
        return Measured(error=str(error) or type(error).__name__)
    finally:
        for connection in connections:
            connection.close()
    flat = [reply for some in replies for reply in some]
    return Measured([reply.seconds for reply in flat], [reply.first for reply in flat], wall, flat[-1].text[-3000:])


async def _keep_asking(
    connection: Connection, turns: Iterator[int], load: Load, head: bytes, body: Body
) -> list[Reply]:
    replies = []
    for _ in turns:
        reply = await connection.ask(head, body, load.timeout)
        if load.expect not in reply.text:
            raise LoadFailed(f"the answer has no {load.expect!r}: {reply.text[-300:]}")
        replies.append(reply)
    return replies


def _head(load: Load, body: Body) -> bytes:
    length = sum(map(len, body.pieces()))
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        f"host: 127.0.0.1:{load.port}",
        "content-type: application/json",
        f"content-length: {length}",
        *([f"authorization: Bearer {load.key}"] if load.key else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def serve() -> None:
    """Do what stands on each line of the input."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        measured = await run(Load(**json.loads(line)))
        print(json.dumps(asdict(measured)), flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
