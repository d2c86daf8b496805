"""The crash of a gateway with jobs under way, again and again: none is lost, and none is paid for twice."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from starlette.types import Message, Receive, Scope, Send

from darkroom.testing import VideosUpstream, serve
from darkroom.testing.films import make
from doors import free_port, stored
from film_houses import configure
from zygote import Zygote, zygote

KEY = "sk-of-the-films-0123456789"
CLIENTS = 8
WAIT = 120
"""Seconds after which the test gives up on the jobs that are left."""
LIVES = (0.1, 3.0)
"""How long a gateway lives, in times of what its start took."""
LONGEST = 0.8
STATES = ("queued", "submitting", "running", "storing")
WORDS = ("a fox in the snow", "a castle at dawn", "a boat")
"""What is asked for again and again, so that jobs can't be told by their words."""

Json = dict[str, Any]


@dataclass(slots=True)
class Slow:
    """An upstream that takes its time before and after it has begun a job, so that gateways die in between."""

    upstream: VideosUpstream
    chance: random.Random

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def later(message: Message) -> None:
            if message["type"] == "http.response.start" and begins:
                await asyncio.sleep(self.chance.uniform(0, 0.15))
            await send(message)

        begins = scope.get("method") == "POST"
        await asyncio.sleep(self.chance.uniform(0, 0.05) if begins else 0)
        await self.upstream.app(scope, receive, later)


@dataclass(slots=True)
class Crowd:
    """Clients that have films made, one after the other; each asks again under the same key until it is told the id."""

    url: str
    chance: random.Random
    wanted: dict[str, str] = field(default_factory=dict)
    """Prompts by the key of the request."""
    ids: dict[str, str] = field(default_factory=dict)
    """Generations by the key of the request."""
    ended: dict[str, Json] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while there is a gateway."""
    cut: int = 0
    closing: bool = False

    async def run(self) -> None:
        """Ask until `closing`, and wait for what was asked."""
        timeout = aiohttp.ClientTimeout(total=40)
        async with aiohttp.ClientSession(self.url, timeout=timeout) as session, asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(self._client(session, number))

    async def _client(self, session: aiohttp.ClientSession, number: int) -> None:
        turn = 0
        while not self.closing:
            key, turn = f"{number}-{turn}", turn + 1
            same = self.chance.random() < 0.5
            self.wanted[key] = self.chance.choice(WORDS) if same else f"a boat, {key}"
            self.ids[key] = (await self._asked(session, "POST", "/v1/videos", key))["id"]
            while key not in self.ended:
                await asyncio.sleep(0.1)
                video = await self._asked(session, "GET", f"/v1/videos/{self.ids[key]}")
                if video["status"] not in ("queued", "in_progress"):
                    self.ended[key] = video

    async def _asked(self, session: aiohttp.ClientSession, method: str, path: str, key: str | None = None) -> Json:
        """Ask until there is an answer: the gateway may be dead, or die."""
        body = None if key is None else {"model": "films/sora-2", "prompt": self.wanted[key]}
        headers = {} if key is None else {"idempotency-key": key}
        while True:
            await self.open.wait()
            try:
                async with session.request(method, path, json=body, headers=headers) as response:
                    answer: Json = await response.json()
                assert response.status == 200, answer
                return answer
            except aiohttp.ClientError:
                self.cut += key is not None
                await asyncio.sleep(0.05)


@dataclass(slots=True)
class Game:
    """A gateway that is killed, its upstream, and its clients. `hit` counts the jobs of each state at the kills."""

    root: Path
    upstream: VideosUpstream
    crowd: Crowd
    gateways: Zygote
    port: int
    chance: random.Random
    hit: Counter[str] = field(default_factory=Counter)

    async def play(self, kills: int) -> None:
        """Kill so many times, and let the last one live until all is done."""
        asking = asyncio.create_task(self.crowd.run())
        for _ in range(kills):
            took = await self._start()
            await asyncio.sleep(self.chance.uniform(*LIVES) * min(took, LONGEST))
            self.crowd.open.clear()
            await self.gateways.kill()
            self.hit.update(states(self.root))
        self.crowd.closing = True
        await self._start()
        async with asyncio.timeout(WAIT):
            await asking
            while open_jobs(self.root):  # noqa: ASYNC110 (a gateway in another process has no event here)
                await asyncio.sleep(0.1)

    async def _start(self) -> float:
        """Start a gateway, and return how many seconds that took: a busy machine takes longer for all that follows."""
        begun = time.monotonic()
        await self.gateways.start(self.port)
        self.crowd.open.set()
        return time.monotonic() - begun


@asynccontextmanager
async def game(root: Path, seed: int, *, idempotent: bool = False, **options: Any) -> AsyncIterator[Game]:
    """Get ready to play; `options` go into the provider's row."""
    chance = random.Random(seed)
    print(f"seed {seed}")
    lists = options.get("list") != ""
    upstream = VideosUpstream(key=KEY, seconds=0.2, film_bytes=600_000, idempotent=idempotent, lists=lists)
    upstream.downloads.pause = 0.03
    async with serve(Slow(upstream, chance)) as url, zygote(root) as gateways:
        configure(root, url, KEY, {"poll_seconds": 0.05, "idempotency_key": idempotent, **options})
        port = free_port()
        yield Game(root, upstream, Crowd(f"http://127.0.0.1:{port}", chance), gateways, port, chance)


def states(root: Path) -> Counter[str]:
    """Return how many jobs are in each state, of those under way."""
    return Counter(state for (state,) in rows(root, "SELECT state FROM jobs WHERE cleaned = 0"))


def open_jobs(root: Path) -> int:
    return len(rows(root, "SELECT id FROM jobs WHERE cleaned = 0")) + len(rows(root, "SELECT id FROM upstream_objects"))


def rows(root: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{root}/darkroom.db?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def assert_once(game: Game) -> None:
    """Check that each key has one generation, and what ended well one film, with the right bytes."""
    crowd, on_disk = game.crowd, stored(game.root)
    assert set(crowd.ids) == set(crowd.ended) == set(crowd.wanted)
    assert len(set(crowd.ids.values())) == len(crowd.ids)
    assert set(on_disk.generations) == set(crowd.ids.values())
    media = rows(game.root, "SELECT generation, blob FROM media WHERE deleted IS NULL")
    films = {prompt: make(prompt, size=game.upstream.film_bytes).sha256 for prompt in set(crowd.wanted.values())}
    completed = {key for key, video in crowd.ended.items() if video["status"] == "completed"}
    assert Counter(media) == Counter((crowd.ids[key], films[crowd.wanted[key]]) for key in completed)
    assert set(on_disk.blobs) == on_disk.rows == set(on_disk.media.values())
    assert all(name == sha256 for name, sha256 in on_disk.blobs.items())


def assert_played(game: Game) -> None:
    """Check that the game was one: kills hit every state, and requests on their way."""
    assert set(game.hit) >= set(STATES), game.hit
    assert game.crowd.cut
    log = game.gateways.log.read_text("utf-8")
    assert "Traceback" not in log, log


def statuses(game: Game) -> Counter[str]:
    return Counter(video["status"] for video in game.crowd.ended.values())


@pytest.mark.parametrize("seed", [20261121, 1])
async def test_a_hundred_kills(tmp_path: Path, seed: int) -> None:
    """Before an upstream that lists its jobs, as OpenAI's does."""
    async with game(tmp_path, seed) as played:
        await played.play(100)
        assert set(statuses(played)) == {"completed"}
        assert played.upstream.made == Counter(played.crowd.wanted.values())
        assert_once(played)
        assert played.upstream.jobs == {}
        assert_played(played)


async def test_an_upstream_that_knows_the_key(tmp_path: Path) -> None:
    """It is asked again, under the same key, and has no list."""
    async with game(tmp_path, 2, list="", idempotent=True) as played:
        await played.play(20)
        assert set(statuses(played)) == {"completed"}
        assert played.upstream.made == Counter(played.crowd.wanted.values())
        assert_once(played)
        assert played.upstream.jobs == {}
        assert_played(played)


async def test_an_upstream_that_can_not_tell(tmp_path: Path) -> None:
    """What may have arrived is not asked for again, and its owner is told why."""
    async with game(tmp_path, 3, list="") as played:
        await played.play(20)
        crowd, ended = played.crowd, statuses(played)
        assert set(ended) == {"completed", "failed"}
        wanted = Counter(crowd.wanted.values())
        assert played.upstream.made <= wanted
        assert played.upstream.made.total() >= ended["completed"]
        assert_once(played)
        lost = [video["error"]["message"] for video in crowd.ended.values() if video["status"] == "failed"]
        assert all("it is not submitted again, since it may have been made and paid" in each for each in lost), lost
        # What arrived, and was never heard of again, is all that is left there.
        assert len(played.upstream.jobs) == played.upstream.made.total() - ended["completed"]
        assert_played(played)
