"""The crash: a gateway is killed while pictures stream, again and again; no link and no row is left without bytes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import Any

import aiohttp
import pytest

from darkroom.testing import SketchUpstream, serve_in_thread
from doors import CHAT, UPSTREAM_KEY, Served, command, free_port, serving, stored

KILLS = 22
CLIENTS = 5
FORMS = ("relay", "images", "markdown-base64", "reasoning", "markdown-url", "image")
_LINK = re.compile(rb"http://127\.0\.0\.1:\d+/media/media_[0-9a-z]{26}\.[a-z0-9]+")


@dataclass(slots=True)
class Crowd:
    """Clients that have pictures made, streaming and not, and remember every link that they were shown."""

    url: str
    chance: random.Random
    links: set[str] = field(default_factory=set)
    answered: int = 0
    cut: int = 0

    async def run(self) -> None:
        """Ask until cancelled; a connection that dies is part of the game."""
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(self._client(session, number))

    async def _client(self, session: aiohttp.ClientSession, number: int) -> None:
        for turn in range(1000):
            try:
                async with session.post(self.url + CHAT, json=self._body(f"boat {number} of {turn}")) as response:
                    await self._read(response)
                self.answered += 1
            except (aiohttp.ClientError, ConnectionError):
                self.cut += 1
                await asyncio.sleep(0.05)

    async def _read(self, response: aiohttp.ClientResponse) -> None:
        """Look for links in what has come so far, so that one counts from the moment it was shown."""
        seen = b""
        async for piece in response.content.iter_any():
            seen += piece
            self.links |= {link.decode() for link in _LINK.findall(seen)}
        assert response.status == 200, seen

    def _body(self, prompt: str) -> dict[str, Any]:
        chance = self.chance
        prompt = f"{prompt}, {chance.randrange(12)}"
        knobs = {"bytes": chance.choice([0, 300_000, 700_000]), "chunk": chance.choice([0, 2000, 50_000])}
        return {
            "model": chance.choice(FORMS),
            "messages": [{"role": "user", "content": prompt}],
            "stream": chance.random() < 0.7,
            "sketch": {**knobs, "delay": chance.choice([0, 0, 0.03])},
        }


@contextmanager
def upstream() -> Iterator[str]:
    """Serve the sketch upstream from a thread, since it outlives every gateway; gives its base URL."""
    with serve_in_thread(SketchUpstream(key=UPSTREAM_KEY).app) as url:
        yield url


def configure(root: Path, url: str) -> None:
    rows = f"""
sketch = false
[[providers]]
name = "fake"
base_url = "{url}/v1"
api_key = "{UPSTREAM_KEY}"
models = {json.dumps(FORMS)}
profiles = {{ "relay" = "relay-text", "*" = "image-chat" }}
"""
    (root / "darkroom.toml").write_text(rows, "utf-8")


async def crash(root: Path, crowd: Crowd, port: int, moment: float, *, answered: bool) -> None:
    """Start a gateway, let the crowd at it, and kill it after a moment (seconds): of its life, or of its answers."""
    async with serving(root, port=port) as served:
        before = crowd.answered
        asking = asyncio.create_task(crowd.run())
        while answered and crowd.answered == before:  # noqa: ASYNC110 (a busy machine may take a while)
            await asyncio.sleep(0.01)
        await asyncio.sleep(moment)
        ended = await served.end(SIGKILL)
        assert ended.code == -SIGKILL, ended.err
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert_whole(root)


def assert_whole(root: Path) -> None:
    """Check that every row has its bytes, and that what is named by a hash has that hash."""
    on_disk = stored(root)
    assert set(on_disk.media.values()) <= on_disk.rows
    assert on_disk.rows <= set(on_disk.blobs)
    assert all(name == sha256 for name, sha256 in on_disk.blobs.items())


async def assert_open(served: Served, links: set[str]) -> None:
    """Check that every link opens, and that its bytes are those that its tag names."""
    async with aiohttp.ClientSession() as session:
        for link in sorted(links):
            async with session.get(link) as response:
                data = await response.read()
                assert response.status == 200, link
                assert response.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert served.process.returncode is None


async def test_killed_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    port = free_port()
    crowd = Crowd(f"http://127.0.0.1:{port}", chance)
    with upstream() as url:
        configure(tmp_path, url)
        for number in range(KILLS):
            await crash(tmp_path, crowd, port, chance.uniform(0.02, 0.9), answered=number % 2 == 0)
        # The game was a game: answers came, answers were cut off, links were seen.
        assert crowd.answered >= KILLS // 2
        assert crowd.cut >= KILLS
        assert len(crowd.links) >= KILLS // 2
        async with serving(tmp_path, port=port) as served:
            await assert_open(served, crowd.links)
            await assert_ended(crowd.url, stored(tmp_path).generations)
            swept = await command(tmp_path, "media", "sweep", "--grace", "0")
            assert (swept.code, swept.err) == (0, "")
            assert "missing: []" in swept.out
            assert_whole(tmp_path)
            on_disk = stored(tmp_path)
            assert on_disk.parts == ()
            assert set(on_disk.blobs) == on_disk.rows == set(on_disk.media.values())
            await assert_open(served, crowd.links)


async def assert_ended(url: str, generations: dict[str, tuple[str, str | None]]) -> None:
    """Check that nothing claims to run, and that what was interrupted says so, at the door too."""
    states = {status for status, _ in generations.values()}
    assert "running" not in states
    assert "completed" in states
    interrupted = [id for id, (_, error) in generations.items() if error and '"interrupted"' in error]
    assert interrupted
    async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/generations/{interrupted[0]}") as response:
        generation = await response.json()
    assert (generation["status"], generation["error"]["code"]) == ("failed", "interrupted")
    assert generation["finished_at"] >= generation["created_at"]


async def test_the_check_sees_a_row_without_bytes(tmp_path: Path) -> None:
    """The measure itself: a blob that is gone, or that has other bytes, is noticed."""
    with upstream() as url:
        configure(tmp_path, url)
        port = free_port()
        crowd = Crowd(f"http://127.0.0.1:{port}", random.Random(1))
        async with serving(tmp_path, port=port) as served:
            asking = asyncio.create_task(crowd.run())
            while not crowd.links and served.process.returncode is None:  # noqa: ASYNC110  (the server may also end)
                await asyncio.sleep(0.05)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await served.end(SIGKILL)
    assert_whole(tmp_path)
    # One that a row names: the kill may have left others.
    (blob,) = (tmp_path / "media" / "blobs").rglob(min(stored(tmp_path).rows))
    blob.write_bytes(b"other bytes")
    with pytest.raises(AssertionError):
        assert_whole(tmp_path)
    blob.unlink()
    with pytest.raises(AssertionError):
        assert_whole(tmp_path)
