"""The upstream of the bench: answers with bytes that were made beforehand, and counts what it is sent.

`python -m bench.upstream` prints its port. `POST /answer` with an `Answer` as JSON sets what every later chat gets;
`GET /received` tells how many chats came and how many bytes the last one had.
"""

from __future__ import annotations

import asyncio
import json
from typing import cast

import httptools
import uvloop

from bench.bodies import Body, answer
from bench.scenarios import Answer

_PIECE = 256 * 1024


class Upstream:
    """What all connections share."""

    def __init__(self) -> None:
        self.body = answer(Answer("text"))
        self.chats = 0
        self.received = 0

    def control(self, path: bytes, body: bytes) -> Body | None:
        """Return the response of a request to the bench's own paths, or None for a chat."""
        if path == b"/answer":
            self.body = answer(Answer(**json.loads(body)))
            return _json({})
        if path == b"/received":
            return _json({"chats": self.chats, "bytes": self.received})
        return None


class Connection(asyncio.Protocol):
    """One kept-alive connection, without pipelining."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._parser = httptools.HttpRequestParser(self)
        self._writable = asyncio.Event()
        self._writable.set()
        self._path = b""
        self._kept: list[bytes] = []
        self._size = 0
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of another class

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sending is not None:
            self._sending.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path, self._size = b"", 0
        self._kept.clear()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._path == b"/answer":
            self._kept.append(body)

    def on_message_complete(self) -> None:
        body = self._upstream.control(self._path, b"".join(self._kept))
        if body is None:
            self._upstream.chats += 1
            self._upstream.received = self._size
            body = self._upstream.body
        if len(body.head) <= _PIECE:
            self._transport.write(b"".join(body.pieces()))
        else:
            self._sending = asyncio.get_running_loop().create_task(self._send(body))

    async def _send(self, body: Body) -> None:
        for piece in body.pieces():
            view = memoryview(piece)
            for at in range(0, len(view), _PIECE):
                await self._writable.wait()
                self._transport.write(view[at : at + _PIECE])


def _json(document: object) -> Body:
    body = json.dumps(document).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return Body(head + body, lambda: b"")


async def serve() -> None:
    """Listen on a free port, print it, and go on until the process is ended."""
    upstream = Upstream()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(upstream), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
