"""One suite of faults over every upstream dialect: what the client sees, what each upstream received, what is left.

The emulators stand behind `Faulty`, which fails where its plan says so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from darkroom.clock import now
from darkroom.doctor import Doctor
from darkroom.settings import Server
from darkroom.sketch import paint
from darkroom.testing import SketchUpstream, serve
from darkroom.testing.faults import Act, Answers, Breaks, BreaksInBase64, Ends, Fault, Faulty, HangsUp
from dialects import DIALECTS, KEY, OTHER_KEY, Emulated, Emulator
from running import House, Json, data_uri, links_in, picture, running, sha256, user
from test_metrics import scrape

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def _over(some: Sequence[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("each", [DIALECTS[name] for name in some], ids=some)


def _but(*none: str) -> list[str]:
    return [name for name in DIALECTS if name not in none]


EACH = _over([*DIALECTS])
UPLOADING = _over([name for name, each in DIALECTS.items() if each.uploads])
CREATING = {
    "gemini": "after_response",
    "gemini-enterprise": "after_response",
    "gemini-interactions": "idle:1h",
    "openai-responses": "idle:1h",
}
"""Those that leave something at the upstream, and a policy by which it is deleted there."""
ONE, TWO = (KEY,), (KEY, OTHER_KEY)
SHOWN = paint("a cow", size=(256, 256)).data
WAIT = 60


def _name(act: Act) -> str:
    return f"{type(act).__name__} {getattr(act, 'after', '')}".strip()


@dataclass(frozen=True, slots=True)
class Behind:
    """A gateway, and the faulty upstream behind it."""

    house: House
    upstream: Faulty
    each: Emulated

    @property
    def asked(self) -> int:
        """How often a picture was asked for."""
        return self.upstream.count(self.each.making, method="POST")

    def fired(self) -> None:
        """Check that the fault happened at all."""
        assert any(fault.fired for fault in self.upstream.plan)


@asynccontextmanager
async def behind(
    root: Path, each: Emulated, *plan: Fault, keys: Sequence[str] = ONE, **fields: Any
) -> AsyncIterator[Behind]:
    async with AsyncExitStack() as stack:
        emulator = each.make(KEY)
        app: Any = emulator.app
        if isinstance(app, web.Application):
            session = await stack.enter_async_context(aiohttp.ClientSession(await _served(stack, each, emulator)))
            app = _through(session)
        upstream = Faulty(app, *plan, accepted=KEY, keys=keys)
        url = await stack.enter_async_context(serve(upstream))
        row = replace(each.row(url, keys), **fields)
        house = await stack.enter_async_context(running(root, providers=[row]))
        yield Behind(house, upstream, each)


async def _served(stack: AsyncExitStack, each: Emulated, emulator: Emulator) -> str:
    return await stack.enter_async_context(each.serve(emulator))


def _through(session: aiohttp.ClientSession) -> ASGIApp:
    """Return an app that hands requests on to an emulator that is none; not its web sockets, which nobody needs."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("nothing to start")
        request = Request(scope, receive)
        skipped = {"host", "connection", "upgrade", "content-length", "transfer-encoding"}
        headers = [(name, value) for name, value in request.headers.items() if name not in skipped]
        url = f"{request.url.path}?{request.url.query}"
        async with session.request(
            request.method, url, data=await request.body(), headers=headers, allow_redirects=False
        ) as response:
            data = await response.read()
            kept = {name: value for name, value in response.headers.items() if name.lower() not in skipped}
            await Response(data, response.status, kept)(scope, receive, send)

    return app


@dataclass(frozen=True, slots=True)
class Told:
    """What the client saw: `error` is that of the answer, or of an event in it; `report` the `darkroom` field."""

    status: int
    retry_after: str | None
    error: Json
    report: Json
    text: str


async def ask(that: Behind, *, stream: bool, model: str | None = None, shown: bool = False, **fields: Any) -> Told:
    content = user("make it red", picture(data_uri(SHOWN))) if shown else user("a red barn")
    body = {"model": model or that.each.model, "messages": [content], "stream": stream, **fields}
    async with that.house.http.post("/v1/chat/completions", json=body) as response:
        text = (await response.read()).decode()
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data: {")]
    found = [json.loads(line) for line in lines or [text]]
    error = next((item["error"] for item in found if "error" in item), {})
    report = next((item["darkroom"] for item in found if "darkroom" in item), {})
    return Told(response.status, response.headers.get("retry-after"), error, report, text)


def fails(each: Emulated, act: Act, **fields: Any) -> Fault:
    return Fault(each.making, act, **fields)


async def check_nothing_left(that: Behind) -> None:
    """No media, no bytes, no spool; and every generation that was begun has failed."""
    assert await that.house.is_empty()
    assert {each.status for each in await that.house.generations()} <= {"failed"}
    async with asyncio.timeout(WAIT):  # The client knows of the end a moment before the task has ended.
        await asyncio.gather(*that.house.gateway.chat._running)


async def check_one_picture(that: Behind, told: Told) -> None:
    assert (told.status, told.error) == (200, {}), told.text
    assert len(links_in(told.text)) == 1
    assert [each.status for each in await that.house.generations()] == ["completed"]
    assert len([media for media in await that.house.media() if media.origin == "generated"]) == 1
    assert that.house.parts() == []


def check_both_keys(that: Behind) -> None:
    keys = that.upstream.keys(that.each.making, method="POST")
    assert len(keys) == 2
    if that.each.name == "gemini-enterprise":  # What it is shown are tokens.
        assert len(set(keys)) == 2
    else:
        assert set(keys) in ({*TWO}, {""})


@EACH
@STREAM
@pytest.mark.parametrize("word", [None, "40"], ids=["silent", "told"])
async def test_a_limit_with_one_key(tmp_path: Path, each: Emulated, stream: bool, word: str | None) -> None:
    limited = Answers(429, headers={"retry-after": word} if word else {})
    async with behind(tmp_path, each, fails(each, limited, times=None)) as that:
        told = await ask(that, stream=stream)
        assert (told.status, told.error["code"]) == (429, "rate_limit"), told.text
        assert told.retry_after == (word or "2")
        assert that.asked == 1
        again = await ask(that, stream=stream)
        assert again.status == 429
        assert that.asked == (1 if word else 2), "who was told to wait does so"
        await check_nothing_left(that)


@EACH
@STREAM
@pytest.mark.parametrize(
    "act",
    [Answers(429, headers={"retry-after": "40"}), Answers(429), Answers(500), Answers(401)],
    ids=["told to wait", "limited", "down", "refused"],
)
async def test_the_second_key_answers(tmp_path: Path, each: Emulated, stream: bool, act: Act) -> None:
    async with behind(tmp_path, each, fails(each, act), keys=TWO) as that:
        await check_one_picture(that, await ask(that, stream=stream))
        check_both_keys(that)


@EACH
@STREAM
async def test_an_upstream_that_is_down(tmp_path: Path, each: Emulated, stream: bool) -> None:
    async with behind(tmp_path, each, fails(each, Answers(500), times=None)) as that:
        told = await ask(that, stream=stream)
        assert (told.status, told.error["code"]) == (502, "upstream_broken"), told.text
        assert "planned" in told.error["message"], "in the upstream's words"
        assert that.asked == 1
        await check_nothing_left(that)


BREAKING: dict[Act, tuple[list[str], list[str]]] = {
    HangsUp(): ([*DIALECTS], [*DIALECTS]),
    Breaks(0): ([*DIALECTS], [*DIALECTS]),
    Breaks(30): ([*DIALECTS], [*DIALECTS]),
    # The others answer with a place to download from.
    BreaksInBase64(): (_but("relay", "gemini-enterprise", "comfyui"), _but("relay", "gemini-enterprise", "comfyui")),
    # A stream that ends without a word of its end; where there is none, the end is the end.
    Ends(): (["gemini-interactions"], _but("gemini", "gemini-enterprise", "a1111", "comfyui")),
}
"""Ways to break off, and the dialects whose whole answers, and whose streams, can break so."""


@pytest.mark.parametrize(
    ("each", "stream", "act"),
    [
        pytest.param(DIALECTS[name], stream, act, id=f"{_name(act)}-{'stream' if stream else 'plain'}-{name}")
        for act, both in BREAKING.items()
        for stream in (False, True)
        for name in both[stream]
    ],
)
async def test_what_may_have_been_begun_is_not_asked_again(
    tmp_path: Path, each: Emulated, stream: bool, act: Act
) -> None:
    async with behind(tmp_path, each, fails(each, act, times=None), keys=TWO) as that:
        told = await ask(that, stream=stream)
        that.fired()
        assert told.error.get("code") == "upstream_broken", told.text
        assert told.status == (200 if stream and told.text.startswith("data: ") else 502)
        assert that.asked == 1
        if told.report.get("media"):  # The first event of a stream may be a whole picture.
            await check_kept(that, told)
        else:
            await check_nothing_left(that)


async def check_kept(that: Behind, told: Told) -> None:
    """What was stored before the end is told, and there; and nothing else is."""
    kept = await that.house.media()
    assert [media["id"] for media in told.report.get("media", [])] == [media.id for media in kept]
    for media in told.report.get("media", []):
        data = await that.house.download(media["url"])
        assert len(data) == media["size"]
        assert sha256(data) in await that.house.blobs()
    assert [each.status for each in await that.house.generations()] == ["failed"] * bool(kept)
    assert that.house.parts() == []


@STREAM
@pytest.mark.parametrize("act", [BreaksInBase64(2), BreaksInBase64(3)], ids=["second", "third"])
async def test_what_was_stored_before_is_kept_and_told(tmp_path: Path, stream: bool, act: BreaksInBase64) -> None:
    each = DIALECTS["openai-chat"]
    async with behind(tmp_path, each, fails(each, act), keys=TWO) as that:
        told = await ask(that, stream=stream, model="up/images", sketch={"n": 3})
        assert told.error["code"] == "upstream_broken", told.text
        await check_kept(that, told)
        # A whole answer can't be read before its end; a stream's pictures are stored as they come.
        assert len(await that.house.media()) in ((1, 2) if stream else (0,))
        assert that.asked == 1


@UPLOADING
@STREAM
async def test_an_upload_that_breaks_off(tmp_path: Path, each: Emulated, stream: bool) -> None:
    await check_upload(tmp_path, each, stream=stream, skip=0)


@_over(["gemini"])
@STREAM
async def test_an_announced_upload_that_breaks_off_half_way(tmp_path: Path, each: Emulated, stream: bool) -> None:
    await check_upload(tmp_path, each, stream=stream, skip=1)


async def check_upload(tmp_path: Path, each: Emulated, *, stream: bool, skip: int) -> None:
    assert each.uploads
    plan = Fault(each.uploads, HangsUp(after=100), method="POST", skip=skip)
    async with behind(tmp_path, each, plan, profile={"upload_above": 100}) as that:
        told = await ask(that, stream=stream, shown=True)
        that.fired()
        if told.status == 200:
            await check_one_picture(that, told)
            assert that.asked == 1
        else:
            assert told.error["code"] in ("upstream_broken", "upstream_unavailable"), told.text
            assert that.asked == 0
        assert that.house.parts() == []


@UPLOADING
@STREAM
@pytest.mark.parametrize("act", [HangsUp(after=100), Answers(500)], ids=_name)
async def test_uploads_that_always_fail(tmp_path: Path, each: Emulated, stream: bool, act: Act) -> None:
    assert each.uploads
    plan = Fault(each.uploads, act, method="POST", times=None)
    async with behind(tmp_path, each, plan, profile={"upload_above": 100}) as that:
        told = await ask(that, stream=stream, shown=True)
        that.fired()
        assert (told.status, told.error["code"]) == (502, "upstream_broken"), told.text
        assert that.asked == 0
        assert that.upstream.count(each.uploads) <= 4
        assert [media.origin for media in await that.house.media()] == ["uploaded"]
        assert that.house.parts() == []


@_over([*CREATING])
async def test_what_an_upstream_refuses_to_delete_is_tried_until_it_agrees(tmp_path: Path, each: Emulated) -> None:
    refusing = Fault("", Answers(503), method="DELETE", times=None)
    async with behind(tmp_path, each, refusing, cleanup=CREATING[each.name], **_uploading(each)) as that:
        house, cleanup = that.house, that.house.gateway.cleanup
        cleanup.first_ms = 3_600_000
        told = await ask(that, stream=False, shown=True)
        assert told.status == 200, told.text
        rows = house.gateway.database.upstreams
        held = await rows.objects(100)
        assert held
        if CREATING[each.name] != "after_response":
            await an_hour_later(house)
        await until(lambda: _failing(house), len(held))
        assert (await scrape(house))("darkroom_upstream_objects_failing", provider="up") == len(held)
        findings = [each async for each in Doctor(_at(house)).examine() if each.check == "cleanup"]
        assert {finding.status for finding in findings} == {"warn"}
        assert "could not be deleted" in findings[0].message

        await an_hour_later(house)
        assert all(item.attempts == 2 for item in await rows.objects(100)), "tried again, and kept"
        assert len(await rows.objects(100)) == len(held)
        refusing.times = refusing.fired
        await an_hour_later(house)
        assert await rows.objects(100) == []
        assert (await scrape(house))("darkroom_upstream_objects", provider="up") == 0
        assert that.upstream.count("", method="DELETE") == 3 * len(held)


def _uploading(each: Emulated) -> Json:
    return {"profile": {"upload_above": 100}} if each.uploads else {}


def _at(house: House) -> Any:
    port = int(house.url.rpartition(":")[2])
    return replace(house.gateway.settings, server=Server(port=port))


async def _failing(house: House) -> int:
    return sum(count.failing for count in await house.gateway.database.upstreams.count_objects())


async def an_hour_later(house: House) -> None:
    """Have everything due now, and deal with it."""
    rows = house.gateway.database.upstreams
    for item in await rows.objects(100):
        await rows.set_due(item.id, now())
    await house.gateway.cleanup.run_due()


async def until(value: Callable[[], Any], wanted: int) -> None:
    async with asyncio.timeout(WAIT):
        while await value() != wanted:  # noqa: ASYNC110 (the database rings no bell)
            await asyncio.sleep(0.005)


# The faults themselves.


async def test_faults_come_when_they_are_planned() -> None:
    each = DIALECTS["openai-chat"]
    upstream = Faulty(SketchUpstream(key=KEY).app, fails(each, Answers(500), skip=1, times=2), accepted=KEY)
    assert not upstream.received
    async with serve(upstream) as url, _client(url) as post:
        assert [await post() for _ in range(4)] == [200, 500, 500, 200]
    assert [each.act for each in upstream.received] == [None, Answers(500), Answers(500), None]
    assert upstream.keys(each.making) == ["any"] * 4


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[Callable[[], Any]]:
    async with aiohttp.ClientSession() as session:

        async def post() -> int:
            body = {"model": "text", "messages": [user("hello")]}
            headers = {"authorization": "Bearer any"}
            async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as response:
                await response.read()
                return response.status

        yield post
