"""A thousand clients that watch fifty jobs on one process: all of them see the end, and none of them costs much."""

from __future__ import annotations

import asyncio
import json
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from darkroom.testing import VideosUpstream, serve
from doors import WAIT, serving
from memory import KIB, Process, needs_peaks

WATCHERS, JOBS = 1000, 50
MOST = 128 * KIB
"""What a watcher may hold in the gateway's memory: its connection, its tasks, and what was told it last."""

_CONFIG = """
sketch = false
[[providers]]
name = "films"
dialect = "openai-videos"
base_url = "{films}/v1"
api_key = "none"
models = ["sora-2"]
options = {{ poll_seconds = 0.1 }}
"""


@dataclass
class Watcher:
    """One client: what it was told of a generation, and whether its stream came to its end."""

    id: str
    states: list[dict[str, Any]] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    async def watch(self, client: aiohttp.ClientSession) -> None:
        async with client.get(f"/v1/generations/{self.id}", params={"stream": "true"}) as response:
            assert response.status == 200, await response.text()
            async for line in response.content:
                data = line.removeprefix(b"data: ").strip()
                if data == b"[DONE]":
                    self.ended = True
                elif line.startswith(b"data: "):
                    self.states.append(json.loads(data))
                    self.told.set()


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process, and those that it starts, have a connection for every watcher."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WATCHERS * 2 + 1000
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def created(client: aiohttp.ClientSession, prompt: str) -> str:
    """Begin a job, and return its id."""
    async with client.post("/v1/videos", json={"model": "films/sora-2", "prompt": prompt}) as response:
        answer = await response.json()
        assert response.status == 200, answer
    return str(answer["id"])


async def begun(films: VideosUpstream, count: int) -> None:
    """Wait until the upstream has so many jobs."""
    async with asyncio.timeout(WAIT):
        while len(films.jobs) < count:  # noqa: ASYNC110 (the emulator has no event for it)
            await asyncio.sleep(0.05)


@needs_peaks
async def test_a_thousand_clients_watch_fifty_jobs(tmp_path: Path) -> None:
    films = VideosUpstream()
    with many_files():
        async with serve(films.app) as url:
            (tmp_path / "darkroom.toml").write_text(_CONFIG.format(films=url))
            async with (
                serving(tmp_path) as served,
                aiohttp.ClientSession(served.url, connector=aiohttp.TCPConnector(limit=0)) as client,
            ):
                first = Watcher(await created(client, "one to begin with"))
                await asyncio.wait_for(first.watch(client), WAIT)
                films.seconds = 3600.0  # Nothing ends before everybody has come.
                ids = await asyncio.gather(*(created(client, f"job {number}") for number in range(JOBS)))
                await begun(films, JOBS + 1)
                process = Process(served.process.pid)
                process.forget()
                before = process.resident()
                watchers = [Watcher(ids[number % JOBS]) for number in range(WATCHERS)]
                watching = asyncio.gather(*(watcher.watch(client) for watcher in watchers))
                await asyncio.wait_for(asyncio.gather(*(watcher.told.wait() for watcher in watchers)), WAIT)
                there = process.resident()
                films.seconds = 0.0
                await asyncio.wait_for(watching, WAIT)
                peak = process.peak()
    held, most = ((told - before) / WATCHERS for told in (there, peak))
    print(f"a watcher holds {held / KIB:.0f} KiB, at the end of what it watches {most / KIB:.0f}")
    assert all(watcher.ended for watcher in watchers)
    assert Counter(watcher.states[0]["status"] for watcher in watchers).keys() <= {"queued", "running"}
    assert [(each.states[-1]["id"], each.states[-1]["status"]) for each in watchers] == [
        (each.id, "completed") for each in watchers
    ]
    assert films.made.keys() >= {f"job {number}" for number in range(JOBS)}
    assert set(films.made.values()) == {1}
    assert most < MOST
