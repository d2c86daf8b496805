"""Serve any ASGI app on a real loopback socket, inside the running event loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

ASGIApp = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]


_KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than clients keep theirs, or one closes while it is used again."""


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever owns the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket for an event loop; raises `OSError`."""
    # asyncio turns Nagle's delay off only for sockets that say they are TCP.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(app: ASGIApp, sockets: bool = False) -> _Server:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="websockets-sansio" if sockets else "none",
        http="httptools",
        lifespan="auto",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=_KEEP_ALIVE,
    )
    return _Server(config)


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, sockets: bool = False) -> AsyncIterator[str]:
    """Serve an app while the block runs; gives its base URL (`http://127.0.0.1:49152`). Port 0 is any.

    `sockets`: with web sockets, for which the package `websockets` must be there.
    """
    listener = listen(host, port)
    server = _server(app, sockets)
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 (uvicorn has a flag, no event)
            await asyncio.sleep(0.001)
        if running.done():
            running.result()
        yield _url(listener)
    finally:
        server.should_exit = True
        await running
        listener.close()


@contextlib.contextmanager
def serve_in_thread(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve an app from a thread while the block runs, for code without an event loop; gives its base URL."""
    listener = listen(host, port)
    server = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        # The socket listens already: whoever connects now is only accepted a moment later.
        yield _url(listener)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
