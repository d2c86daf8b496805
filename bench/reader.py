"""The reading client: a process that downloads, and counts what comes; it must be quicker than any server under test.

`python -m bench.reader` reads one `Reading` as a JSON line, prints one `Read` as a JSON line, and so on until its input
ends. One thread waits for all its sockets and receives into one buffer; of an answer it looks at nothing but the status
and the length. Whether the bytes are the right ones is for the bench to see, before it measures.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import cycle
from time import perf_counter

_BUFFER = 1024 * 1024
_STALLED_SECONDS = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class ReadFailed(Exception):
    """A server did not answer as it should have; the message says how."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read from `port`: `asks` (a path, and a range of bytes or nothing) over and over, for `seconds`, on
    `connections` that are kept alive; with `seconds` 0, each ask once."""

    port: int
    asks: list[tuple[str, str]]
    connections: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Read:
    """How many answers came and their bytes; seconds: in all, and of the median and the 99th percentile of them."""

    answers: int = 0
    size: int = 0
    wall: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    error: str = ""


class Connection:
    """One socket that asks one thing at a time."""

    __slots__ = ("_head", "_left", "begun", "size", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begun = 0.0
        self.size = 0
        self._head = b""
        self._left = -1

    def ask(self, request: bytes) -> None:
        self._head, self._left = b"", -1
        self.begun = perf_counter()
        self.socket.sendall(request)

    def take(self, buffer: memoryview) -> bool:
        """Receive what is there; tell whether the answer is complete. Raises `ReadFailed`."""
        count = self.socket.recv_into(buffer)
        if not count:
            raise ReadFailed("the server closed the connection before it had answered")
        if self._left < 0:
            self._head += buffer[:count]
            count = self._begin()
        self._left -= count
        return self._left == 0

    def _begin(self) -> int:
        """Look whether the head is complete; return how many bytes of the body came with it."""
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return 0
        found = _LENGTH.search(self._head, 0, end + 2)
        if not self._head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 206 ")) or found is None:
            raise ReadFailed(f"the answer is not what was asked for: {self._head[:200]!r}")
        self._left = self.size = int(found[1])
        return len(self._head) - end - 4


def run(reading: Reading) -> Read:
    """Read from a server. What fails is in `error`."""
    requests = [_request(path, span, reading.port) for path, span in reading.asks]
    try:
        with ExitStack() as stack:
            connections = []
            for _ in range(reading.connections):
                connections.append(Connection(reading.port))
                stack.callback(connections[-1].socket.close)
            return _read(connections, cycle(requests) if reading.seconds else iter(requests), reading.seconds)
    except (ReadFailed, OSError) as error:
        return Read(error=str(error) or type(error).__name__)


def _read(connections: list[Connection], requests: Iterator[bytes], seconds: float) -> Read:
    times: list[float] = []
    size = busy = 0
    buffer = memoryview(bytearray(_BUFFER))
    with selectors.DefaultSelector() as selector:
        begun = perf_counter()
        until = begun + seconds if seconds else float("inf")
        for connection, request in zip(connections, requests, strict=False):
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask(request)
            busy += 1
        while busy:
            ready = selector.select(_STALLED_SECONDS)
            if not ready:
                raise ReadFailed(f"nothing came for {_STALLED_SECONDS:.0f} s")
            for key, _ in ready:
                connection = key.data
                if not connection.take(buffer):
                    continue
                ended = perf_counter()
                times.append(ended - connection.begun)
                size += connection.size
                request = next(requests, b"") if ended < until else b""
                if request:
                    connection.ask(request)
                else:
                    busy -= 1
        wall = perf_counter() - begun
    times.sort()
    return Read(len(times), size, wall, times[len(times) // 2], times[min(len(times) * 99 // 100, len(times) - 1)])


def _request(path: str, span: str, port: int) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"host: 127.0.0.1:{port}", *([f"range: bytes={span}"] if span else [])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def serve() -> None:
    """Do what stands on each line of the input."""
    while line := sys.stdin.readline():
        print(json.dumps(asdict(run(Reading(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    serve()
