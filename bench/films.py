"""The upstream of the watchers' scenarios: `darkroom.testing.VideosUpstream`, with a note of what it told and when.

`python -m bench.films SECONDS` prints its port; each of its jobs takes so many seconds. `GET /told` gives, for each
prompt, the percents that were told of it and when that was first, by the clock that all processes of a machine share.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
import uvloop

from darkroom.testing import VideosUpstream
from darkroom.testing.serving import listen

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Noting:
    """An ASGI app around another; `told` is prompt → percent → seconds."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self.app = app
        self.told: dict[str, dict[int, float]] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/told":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps(self.told).encode()})
            return

        async def noting(message: Message) -> None:
            body = message.get("body", b"")
            if scope["method"] == "GET" and body.startswith(b'{"id"'):
                self.note(json.loads(body))
            await send(message)

        await self.app(scope, receive, noting)

    def note(self, shown: dict[str, Any]) -> None:
        if shown.get("object") == "video" and shown["status"] == "in_progress":
            self.told.setdefault(shown["prompt"], {}).setdefault(shown["progress"], time.monotonic())


async def serve(seconds: float) -> None:
    """Listen on a free port, print it, and go on until the process is ended."""
    listener = listen("127.0.0.1", 0)
    app = Noting(VideosUpstream(seconds=seconds).app)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", ws="none", http="httptools")
    print(listener.getsockname()[1], flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))
