"""Faults: an upstream that fails where a plan says so, whatever emulator answers behind it.

    faulty = Faulty(emulator.app, Fault("/chat/completions", Answers(429, headers={"retry-after": "17"})))
    async with serve(faulty) as url:
        ...  # what came, with which key, and what went wrong with it is in faulty.received

A connection is broken by closing uvicorn's transport: ASGI has no word for it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_RUN = re.compile(rb"[A-Za-z0-9+/_-]{200,}")
_ERROR = b'{"error": {"message": "the fault that was planned", "type": "server_error", "param": null, "code": null}}'


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers with a status, in place of the emulator; the request is read first."""

    status: int
    body: bytes = _ERROR
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HangsUp:
    """Reads this many bytes of the request, or all of it, and resets the connection without an answer."""

    after: int | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """Reads the request and is silent until its client leaves."""


@dataclass(frozen=True, slots=True)
class Breaks:
    """Lets the emulator answer, and breaks the connection after this many bytes of the body."""

    after: int


@dataclass(frozen=True, slots=True)
class BreaksInBase64:
    """Lets the emulator answer, and breaks the connection in the middle of a run of base64: the first, the second …"""

    run: int = 1


@dataclass(frozen=True, slots=True)
class Ends:
    """Lets the first event of a stream through, sends `tail` in place of the rest, and ends the stream as it should."""

    tail: bytes = b"data: " + _ERROR + b"\n\n"


Act = Answers | HangsUp | Waits | Breaks | BreaksInBase64 | Ends


@dataclass(slots=True)
class Fault:
    """What goes wrong with the requests whose path a pattern is found in, `times` times (None: always) after the first
    `skip` of them. `fired` counts how often it did."""

    path: str
    act: Act
    method: str | None = None
    key: str | None = None
    times: int | None = 1
    skip: int = 0
    fired: int = 0

    def takes(self, request: Received) -> bool:
        """Tell whether this request is to fail, and count it."""
        fits = re.search(self.path, request.path) and self.method in (None, request.method)
        if not fits or self.key not in (None, request.key) or (self.times is not None and self.fired >= self.times):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        return True


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came, and what was done with it (None: nothing)."""

    method: str
    path: str
    key: str
    act: Act | None = None


class Faulty:
    """An ASGI app around an emulator's. `accepted` is the one key that the emulator knows: every other one that
    comes is counted as itself, and shown to the emulator as that; only these `keys`, where they are given."""

    def __init__(
        self, app: ASGIApp, *plan: Fault, accepted: str | None = None, keys: Collection[str] | None = None
    ) -> None:
        self.app = app
        self.plan = list(plan)
        self.accepted = accepted
        self._keys = keys
        self.received: list[Received] = []
        self._news = asyncio.Condition()

    def count(self, path: str, *, method: str | None = None) -> int:
        """Return how many requests came to the paths that a pattern is found in."""
        return len(self.keys(path, method=method))

    def keys(self, path: str, *, method: str | None = None) -> list[str]:
        """Return the keys that such requests showed, in order."""
        return [each.key for each in self.received if re.search(path, each.path) and method in (None, each.method)]

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for requests until something holds that depends on them."""
        async with self._news:
            await self._news.wait_for(done)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        came = Received(scope["method"], scope["path"], _key_of(scope))
        fault = next((fault for fault in self.plan if fault.takes(came)), None)
        act = fault.act if fault is not None else None
        self.received.append(Received(came.method, came.path, came.key, act))
        async with self._news:
            self._news.notify_all()
        if self.accepted is not None and came.key and (self._keys is None or came.key in self._keys):
            scope = _with_key(scope, came.key, self.accepted)
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await self._fail(fault, scope, receive, send)

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.act:
            case Answers(status, body, headers):
                fault.fired += 1
                await _read(receive, None)
                raw = [(name.encode(), value.encode()) for name, value in headers.items()]
                raw += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
                await send({"type": "http.response.start", "status": status, "headers": raw})
                await send({"type": "http.response.body", "body": body})
            case HangsUp(after):
                fault.fired += 1
                await _read(receive, after)
                _hang_up(send, reset=True)
                await _gone(receive)
            case Waits():
                fault.fired += 1
                await _gone(receive)
            case Ends(tail):
                await self.app(scope, receive, _Ending(fault, tail, send))
            case Breaks() | BreaksInBase64():
                breaking = _Breaking(fault, send)
                await self.app(scope, receive, breaking)
                if breaking.over:
                    await _gone(receive)


@dataclass(slots=True)
class _Breaking:
    """A `send` that breaks the connection at its place in the body; what comes after that goes nowhere."""

    fault: Fault
    send: Send
    over: bool = False
    _sent: int = 0
    _runs: int = 0
    _inside: bool = False

    async def __call__(self, message: Message) -> None:
        if self.over:
            return
        if message["type"] != "http.response.body":
            await self.send(message)
            return
        body = message.get("body", b"")
        at = self._place(body)
        self._sent += len(body)
        if at is None:
            await self.send(message)
            return
        self.over = True
        self.fault.fired += 1
        await self.send({"type": "http.response.body", "body": body[:at], "more_body": True})
        _hang_up(self.send)

    def _place(self, body: bytes) -> int | None:
        match self.fault.act:
            case Breaks(after):
                return after - self._sent if self._sent + len(body) > after else None
            case BreaksInBase64(run):
                return next((at for number, at in self._middles(body) if number == run), None)
            case _:
                return None

    def _middles(self, body: bytes) -> Iterator[tuple[int, int]]:
        """Yield the number of each run in a piece of the body, and its middle; a run may go over many pieces."""
        for found in _RUN.finditer(body):
            self._runs += not (self._inside and found.start() == 0)
            yield self._runs, (found.start() + found.end()) // 2
            self._inside = found.end() == len(body)


@dataclass(slots=True)
class _Ending:
    """A `send` that ends a stream after its first event."""

    fault: Fault
    tail: bytes
    send: Send
    _over: bool = False
    _seen: bytes = b""

    async def __call__(self, message: Message) -> None:
        if self._over:
            return
        if message["type"] != "http.response.body":
            await self.send(message)
            return
        self._seen += message.get("body", b"")
        at = self._seen.find(b"\n\n")
        if at >= 0:
            self._over = True
            self.fault.fired += 1
            await self.send({"type": "http.response.body", "body": self._seen[: at + 2] + self.tail})


async def _read(receive: Receive, most: int | None) -> None:
    """Read the request, or this much of it."""
    read = 0
    while most is None or read < most:
        message = await receive()
        read += len(message.get("body", b""))
        if not message.get("more_body"):
            return


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _hang_up(send: Send, *, reset: bool = False) -> None:
    """Close the connection that uvicorn's `send` belongs to; `reset`: at once, and not politely."""
    transport: Any = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("only uvicorn's connections can be broken, from the outermost app")
    if reset:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()


def _key_of(scope: Scope) -> str:
    """Return the key that a request shows, in whichever way; of a user and a password the latter."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    shown = headers.get(b"x-goog-api-key") or _plain(headers.get(b"authorization", b"")).rpartition(b" ")[2]
    return shown.rpartition(b":")[2].decode() or parse_qs(scope["query_string"].decode()).get("key", [""])[0]


def _with_key(scope: Scope, shown: str, accepted: str) -> Scope:
    headers = [
        (name, _again(value, shown.encode(), accepted.encode()) if name in _KEYS else value)
        for name, value in scope["headers"]
    ]
    query = scope["query_string"].replace(f"key={shown}".encode(), f"key={accepted}".encode())
    return {**scope, "headers": headers, "query_string": query}


def _plain(value: bytes) -> bytes:
    scheme, _, coded = value.partition(b" ")
    return b"Basic " + b64decode(coded) if scheme.lower() == b"basic" else value


def _again(value: bytes, shown: bytes, accepted: bytes) -> bytes:
    plain = _plain(value)
    changed = plain.replace(shown, accepted)
    return changed if plain == value else b"Basic " + b64encode(changed.partition(b" ")[2])


_KEYS = (b"authorization", b"x-goog-api-key")
