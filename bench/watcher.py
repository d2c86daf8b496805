"""The watching client: a process with many connections, each of which is told how far one generation is.

`python -m bench.watcher` reads one `Watch` as a JSON line, connects, and answers with `Begun` once every watcher has
been told something; then it answers each further line with `Heard`, once all that is watched is over.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, cast

import httptools
import msgspec
import uvloop

_DATA = b"data: "


@dataclass(frozen=True, slots=True)
class Watch:
    """Who watches: so many `watchers` on `port`, shared out among the `generations`; `timeout` in seconds for all."""

    port: int
    key: str
    generations: list[str]
    watchers: int
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Begun:
    """How long it took until every watcher had been told something, and when that was."""

    seconds: float = 0.0
    at: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came: (generation, percent, status, when), by the clock that all processes share."""

    events: list[tuple[str, int, str, float]] = field(default_factory=list)
    error: str = ""


class _Generation(msgspec.Struct):
    id: str
    status: str
    progress: int | None


class Watcher(asyncio.Protocol):
    """One connection; `told` and `over` are set when it has been told something, and when its stream has ended."""

    def __init__(self, request: bytes, events: list[tuple[str, int, str, float]]) -> None:
        loop = asyncio.get_running_loop()
        self.told: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self._request = request
        self._events = events
        self._parser = httptools.HttpResponseParser(self)
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are of another class
        self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.told, self.over):
            if not future.done():
                future.set_exception(ConnectionError("the server closed the connection of a watcher"))
                future.exception()  # Somebody else's may be looked at first.

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        when = time.monotonic()
        *frames, self._rest = (self._rest + body).split(b"\n\n")
        for frame in frames:
            if frame.startswith(_DATA + b"{"):
                shown = msgspec.json.decode(frame[len(_DATA) :], type=_Generation)
                self._events.append((shown.id, shown.progress or 0, shown.status, when))
                if not self.told.done():
                    self.told.set_result(None)

    def on_message_complete(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


class Crowd:
    """All watchers of one `Watch`."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._watchers: list[Watcher] = []
        self._events: list[tuple[str, int, str, float]] = []

    async def begin(self) -> Begun:
        loop, begun = asyncio.get_running_loop(), time.monotonic()
        try:
            async with asyncio.timeout(self._watch.timeout):
                for number in range(self._watch.watchers):
                    request = self._request(self._watch.generations[number % len(self._watch.generations)])
                    opened = loop.create_connection(
                        partial(Watcher, request, self._events), "127.0.0.1", self._watch.port
                    )
                    self._watchers.append((await opened)[1])
                await asyncio.gather(*(watcher.told for watcher in self._watchers))
        except (OSError, TimeoutError) as error:
            return Begun(error=str(error) or type(error).__name__)
        ended = time.monotonic()
        return Begun(ended - begun, ended)

    async def end(self) -> Heard:
        try:
            async with asyncio.timeout(self._watch.timeout):
                await asyncio.gather(*(watcher.over for watcher in self._watchers))
        except (OSError, TimeoutError) as error:
            return Heard(error=str(error) or "not all watchers were told the end")
        finally:
            for watcher in self._watchers:
                watcher.transport.close()
        return Heard(self._events)

    def _request(self, generation: str) -> bytes:
        return (
            f"GET /v1/generations/{generation}?stream=true HTTP/1.1\r\nhost: 127.0.0.1:{self._watch.port}\r\n"
            f"authorization: Bearer {self._watch.key}\r\n\r\n"
        ).encode()


async def serve() -> None:
    """Do what stands on each line of the input."""
    loop = asyncio.get_running_loop()
    crowd: Crowd | None = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked: dict[str, Any] = json.loads(line)
        if asked:
            crowd = Crowd(Watch(**asked))
            answer: Begun | Heard = await crowd.begin()
        else:
            answer = await crowd.end() if crowd is not None else Heard(error="nothing was watched")
        print(json.dumps(asdict(answer)), flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
