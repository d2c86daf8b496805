"""Limits: over one is a clear 4xx before the work, and what is within it is not bothered."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.responses import Response

from darkroom.settings import Fetch, Limits
from darkroom.testing import serve
from doors import WAIT, Answer, Door, Stub, is_error, nothing_stored, running, stored


@asynccontextmanager
async def limited(root: Path, stub: Stub, **limits: int) -> AsyncIterator[Door]:
    """Run a gateway with these limits and the stub, from which it may fetch by the name `localhost`."""
    async with serve(stub.app) as base_url:
        fetch = Fetch(allow=("localhost",), timeout=10)
        async with running(root, stub.provider(base_url), limits=Limits(**limits), fetch=fetch) as door:
            yield door


async def until(true: Callable[[], bool]) -> None:
    for _ in range(WAIT * 100):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


def noise(side: int) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((side, side), 80).save(file, "PNG")
    return file.getvalue()


def shown(data: bytes) -> list[dict[str, Any]]:
    uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": uri}}]


def at(door: Door, name: str) -> list[dict[str, Any]]:
    """A part that names a file of the stub by URL."""
    row = next(row for row in door.gateway.providers.rows if row.name == "stub")
    url = row.base_url.replace("127.0.0.1", "localhost").removesuffix("/v1")
    return [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": f"{url}/files/{name}"}}]


async def key(door: Door, owner: str) -> dict[str, str]:
    return {"authorization": f"Bearer {(await door.gateway.keys.create(owner))[1]}"}


async def test_one_owner_has_so_many_places(tmp_path: Path) -> None:
    stub = Stub()
    async with limited(tmp_path, stub, per_owner=2) as door:
        ann, bob = await key(door, "ann"), await key(door, "bob")
        waiting = [asyncio.create_task(door.chat("stub/wait", headers=ann)) for _ in range(2)]
        await until(lambda: stub.asked == 2)
        for model, stream in (("text", False), ("sketch", True), ("novel", False)):
            refused = await door.chat(model, stream=stream, headers=ann)
            is_error(refused, 429, "rate_limit_exceeded")
            assert int(refused.headers["retry-after"]) >= 1
            assert refused.json["error"]["type"] == "rate_limit_error"
        assert (await door.chat("text", headers=bob)).status == 200
        assert (await door.get("/v1/models", headers=ann)).status == 200
        stub.gate.set()
        assert [answer.status for answer in await asyncio.gather(*waiting)] == [200, 200]
        assert (await door.chat("text", headers=ann)).status == 200


async def test_a_failed_request_gives_its_place_back(tmp_path: Path) -> None:
    async with limited(tmp_path, Stub(), per_owner=1, per_provider=1) as door:
        for _ in range(3):
            for model in ("novel", "stub/boom", "stub/boom-image", "stub/cut", "dies", "fail-policy"):
                for stream in (False, True):
                    assert (await door.chat(model, stream=stream)).status != 429
        assert (await door.chat("text")).status == 200


async def test_a_client_that_left_gives_its_place_back(tmp_path: Path) -> None:
    stub = Stub()
    async with limited(tmp_path, stub, per_owner=1) as door:
        leaving = asyncio.create_task(door.chat("stub/wait"))
        await until(lambda: stub.asked == 1)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        answers: list[Answer] = []
        for _ in range(WAIT * 100):
            answers.append(await door.chat("text"))
            if answers[-1].status == 200:
                break
            await asyncio.sleep(0.01)
        assert answers[-1].status == 200
        stub.gate.set()


@pytest.mark.parametrize("model", ["stub/wait", "stub/wait-image"])
@pytest.mark.parametrize("stream", [False, True])
async def test_one_provider_has_so_many_places(tmp_path: Path, model: str, stream: bool) -> None:
    stub = Stub()
    async with limited(tmp_path, stub, per_provider=1) as door:
        waiting = asyncio.create_task(door.chat(model))
        await until(lambda: stub.asked == 1)
        refused = await door.chat(model, stream=stream)
        assert "stub" in is_error(refused, 429, "rate_limit_exceeded")
        assert "retry-after" in refused.headers
        assert stub.asked == 1
        assert (await door.chat("text")).status == 200
        stub.gate.set()
        assert (await waiting).status == 200
        assert (await door.chat(model)).status == 200


async def test_parts(tmp_path: Path) -> None:
    async with limited(tmp_path, Stub(), parts=3) as door:
        part = {"type": "text", "text": "x"}
        assert (await door.chat("text", [part] * 3)).status == 200
        door.sketch.requests.clear()
        answer = await door.chat("text", [part] * 4)
        is_error(answer, 413, "too_large")
        assert answer.json["error"]["param"] == "messages"
        messages = [{"role": "user", "content": [part] * 2}] * 2
        is_error(await door.chat("text", messages=messages), 413, "too_large")
        assert not door.sketch.requests


@pytest.mark.parametrize("way", ["inline", "fetched"])
async def test_pixels(tmp_path: Path, way: str) -> None:
    stub = Stub()
    stub.files = {str(side): Response(noise(side), media_type="image/png") for side in (100, 101)}
    async with limited(tmp_path, stub, pixels=100 * 100) as door:

        async def ask(side: int) -> Answer:
            return await door.chat("text", shown(noise(side)) if way == "inline" else at(door, str(side)))

        assert "10201 pixels" in is_error(await ask(101), 413, "too_large")
        assert nothing_stored(tmp_path)
        assert (await ask(100)).status == 200
        assert len(stored(tmp_path).media) == 1


@pytest.mark.parametrize("way", ["inline", "fetched", "fetched without a length"])
async def test_bytes_of_one_media(tmp_path: Path, way: str) -> None:
    stub = Stub()
    small, large = noise(64), noise(160)
    limit = len(small)
    for name, data in (("small", small), ("large", large)):
        stub.files[name] = Response(data, media_type="image/png")
        if way.endswith("length"):
            del stub.files[name].headers["content-length"]
    async with limited(tmp_path, stub, media=limit) as door:

        async def ask(name: str, data: bytes) -> Answer:
            return await door.chat("text", shown(data) if way == "inline" else at(door, name))

        is_error(await ask("large", large), 413, "too_large")
        assert nothing_stored(tmp_path)
        assert (await ask("small", small)).status == 200
        assert len(stored(tmp_path).media) == 1


@pytest.mark.parametrize("model", ["markdown-base64", "markdown-url", "images"])
@pytest.mark.parametrize("limit", [{"media": 10_000}, {"pixels": 10_000}], ids=["bytes", "pixels"])
async def test_what_an_upstream_makes_is_held_to_the_limits(tmp_path: Path, model: str, limit: dict[str, int]) -> None:
    """A picture that has a URL is handed on by it; one that has none is an error. Nothing of either is kept."""
    async with limited(tmp_path, Stub(), **limit) as door:
        answer = await door.chat(model)
        assert nothing_stored(tmp_path)
        if model == "markdown-url":
            assert answer.status == 200
            assert answer.json["darkroom"]["lost"][0]["code"] == "too_large"
            return
        is_error(answer, 502, "upstream_bad_media")
        assert [status for status, _ in stored(tmp_path).generations.values()] in ([], ["failed"])
