"""Several keys and several providers: who is asked, who is asked instead, and what is never asked twice.

Told by what arrived at each upstream, over real sockets.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from darkroom.settings import Limits, ProviderSettings
from darkroom.testing import SketchUpstream, serve
from darkroom.testing.faults import Act, Answers, Breaks, BreaksInBase64, Ends, Fault, Faulty, HangsUp, Waits
from running import House, Json, content_of, links_in, message_of, running, user

MAKING = "/chat/completions"
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
MODEL = "images-strict"
WAIT = 30
POLICY = (
    b'{"error": {"message": "Your request was rejected by the safety system.", "code": "content_policy_violation"}}'
)


@dataclass(frozen=True, slots=True)
class Two:
    """A gateway over two providers that have the same model."""

    house: House
    first: Faulty
    second: Faulty


def provider(name: str, url: str, keys: Sequence[str], **fields: Any) -> ProviderSettings:
    fields.setdefault("models", (MODEL, "text-strict"))
    facts = fields.pop("facts", None)
    known: Any = {"profile": facts} if facts else {"profiles": {"text*": "chat", "*": "image-chat"}}
    return ProviderSettings(name, f"{url}/v1", api_keys=tuple(keys), **known, **fields)


@asynccontextmanager
async def one(
    root: Path, *plan: Fault, keys: Sequence[str] = ("k1", "k2"), limits: Limits | None = None, **fields: Any
) -> AsyncIterator[tuple[House, Faulty]]:
    """Run a gateway over one provider with several keys."""
    upstream = Faulty(SketchUpstream(key="sesame").app, *plan, accepted="sesame")
    async with serve(upstream) as url:
        row = provider("up", url, keys, **fields)
        async with running(root, providers=[row], limits=limits) as house:
            yield house, upstream


@asynccontextmanager
async def two(root: Path, first: Sequence[Fault] = (), second: Sequence[Fault] = ()) -> AsyncIterator[Two]:
    a, b = (Faulty(SketchUpstream(key="sesame").app, *plan, accepted="sesame") for plan in (first, second))
    async with serve(a) as url, serve(b) as other:
        rows = [provider("a", url, ["ka"]), provider("b", other, ["kb"])]
        async with running(root, providers=rows) as house:
            yield Two(house, a, b)


@dataclass(frozen=True, slots=True)
class Told:
    """What the client saw: the status, the headers, and the error, be it the answer or an event in it."""

    status: int
    headers: Any
    error: Json
    body: str


async def ask(house: House, model: str, *, stream: bool, prompt: str = "a red barn", **fields: Any) -> Told:
    body = {"model": model, "messages": [user(prompt)], "stream": stream, **fields}
    async with house.http.post("/v1/chat/completions", json=body) as response:
        text = (await response.read()).decode()
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data: {")] or [text]
    told = [json.loads(line) for line in lines]
    error = next((each["error"] for each in told if "error" in each), {})
    return Told(response.status, response.headers, error, text)


def fails(act: Act, **fields: Any) -> Fault:
    return Fault(MAKING, act, **fields)


LIMITED, BROKEN, REFUSED = Answers(429, headers={"retry-after": "60"}), Answers(500), Answers(401)


@STREAM
@pytest.mark.parametrize("status", [401, 402, 403, 429, 500, 502, 503, 529])
async def test_another_key_answers(tmp_path: Path, status: int, stream: bool) -> None:
    async with one(tmp_path, fails(Answers(status))) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=stream)
        assert (told.status, told.error) == (200, {})
        assert len(links_in(told.body)) == 1
        assert sorted(upstream.keys(MAKING)) == ["k1", "k2"]
        assert len(await house.media()) == 1
        assert [each.status for each in await house.generations()] == ["completed"]


@STREAM
@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_another_provider_answers(tmp_path: Path, status: int, stream: bool) -> None:
    async with two(tmp_path, [fails(Answers(status))]) as each:
        told = await ask(each.house, MODEL, stream=stream)
        assert (told.status, told.error) == (200, {})
        assert (each.first.keys(MAKING), each.second.keys(MAKING)) == (["ka"], ["kb"])
        (made,) = await each.house.generations()
        assert (made.provider, made.status) == ("b", "completed")


async def test_a_provider_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    upstream = Faulty(SketchUpstream(key="sesame").app)
    async with serve(upstream) as url:
        rows = [provider("gone", "http://127.0.0.1:9", ["k"]), provider("up", url, ["sesame"])]
        async with running(tmp_path, providers=rows) as house:
            assert links_in(await house.ask(MODEL, "a red barn"))
    assert upstream.count(MAKING) == 1


@STREAM
@pytest.mark.parametrize(
    ("act", "status", "code"),
    [
        (Answers(400), 400, "upstream_rejected"),
        (Answers(413), 400, "upstream_rejected"),
        (Answers(422), 400, "upstream_rejected"),
        (Answers(400, POLICY), 400, "content_policy_violation"),
        (Answers(500, POLICY), 400, "content_policy_violation"),
        (Answers(403, POLICY), 400, "content_policy_violation"),
        (Answers(504), 504, "upstream_timeout"),
        (Answers(408), 504, "upstream_timeout"),
        (Answers(524), 502, "upstream_broken"),
        (HangsUp(), 502, "upstream_broken"),
        (HangsUp(after=1), 502, "upstream_broken"),
    ],
    ids=str,
)
async def test_nobody_else_is_asked(tmp_path: Path, act: Act, status: int, code: str, stream: bool) -> None:
    """What one refuses for its content everybody refuses; and what may have been begun is not paid twice."""
    async with one(tmp_path, fails(act, times=None)) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=stream)
        assert (told.status, told.error.get("code")) == (status, code), told.body
        assert upstream.count(MAKING) == 1
        assert await house.is_empty()


@STREAM
async def test_a_silent_upstream_is_not_asked_again(tmp_path: Path, stream: bool) -> None:
    async with one(tmp_path, fails(Waits(), times=None), limits=Limits(upstream_timeout=0.2)) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=stream)
        assert (told.status, told.error["code"]) == (504, "upstream_timeout")
        assert upstream.count(MAKING) == 1


@STREAM
@pytest.mark.parametrize("act", [Breaks(0), Breaks(40), BreaksInBase64()], ids=str)
async def test_nobody_is_asked_after_the_first_byte(tmp_path: Path, act: Act, stream: bool) -> None:
    async with one(tmp_path, fails(act, times=None)) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=stream)
        assert told.error["code"] == "upstream_broken"
        assert upstream.count(MAKING) == 1
        assert await house.is_empty()


async def test_an_error_event_is_not_followed_by_another_question(tmp_path: Path) -> None:
    limited = b'data: {"error": {"message": "too many requests", "code": 429}}\n\n'
    async with one(tmp_path, fails(Ends(limited))) as (house, upstream):
        told = await ask(house, "up/text-strict", stream=True)
        assert told.error["code"] == "rate_limit"
        assert upstream.count(MAKING) == 1
        again = await ask(house, "up/text-strict", stream=True)
        assert again.error == {}
        assert len(set(upstream.keys(MAKING))) == 2, "the key that failed within its answer is asked last"


@pytest.mark.parametrize("word", ["60", "date"])
async def test_who_was_told_to_wait_is_left_alone(tmp_path: Path, word: str) -> None:
    value = word if word != "date" else formatdate(time.time() + 60, usegmt=True)
    limited = Answers(429, headers={"retry-after": value})
    async with one(tmp_path, fails(limited, times=None)) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=False)
        assert (told.status, told.error["code"]) == (429, "rate_limit")
        assert 50 < int(told.headers["retry-after"]) <= 60
        assert sorted(upstream.keys(MAKING)) == ["k1", "k2"]
        for stream in (False, True):
            told = await ask(house, f"up/{MODEL}", stream=stream)
            assert (told.status, told.error["code"]) == (429, "rate_limit")
            assert 50 < int(told.headers["retry-after"]) <= 60
        assert upstream.count(MAKING) == 2, "nobody was asked"
        assert (await ask(house, "up/text-strict", stream=False)).status == 429, "another model is another question"
        assert upstream.count(MAKING) == 4


async def test_the_client_hears_of_the_key_that_is_ready_first(tmp_path: Path) -> None:
    plan = [
        fails(Answers(429, headers={"retry-after": seconds}), key=key, times=None)
        for key, seconds in (("k1", "500"), ("k2", "50"))
    ]
    async with one(tmp_path, *plan) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=False)
        assert 40 < int(told.headers["retry-after"]) <= 50
        assert sorted(upstream.keys(MAKING)) == ["k1", "k2"]


async def test_without_a_word_the_client_is_told_to_wait_and_may_come_at_once(tmp_path: Path) -> None:
    async with one(tmp_path, fails(Answers(429)), keys=["k1"]) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=False)
        assert (told.status, told.headers["retry-after"]) == (429, "2")
        assert (await ask(house, f"up/{MODEL}", stream=False)).status == 200
        assert upstream.count(MAKING) == 2


async def test_a_key_that_cools_down_is_asked_last(tmp_path: Path) -> None:
    async with one(tmp_path, fails(REFUSED, key="k1", times=None)) as (house, upstream):
        for number in range(5):
            assert (await ask(house, f"up/{MODEL}", stream=False, prompt=f"house {number}")).status == 200
        assert upstream.keys(MAKING).count("k1") <= 1


@pytest.mark.parametrize("act", [Answers(400), Answers(500, POLICY), Answers(404)], ids=str)
async def test_a_client_error_costs_no_key(tmp_path: Path, act: Act) -> None:
    async with one(tmp_path, fails(act, times=6)) as (house, upstream):
        for _ in range(3):
            assert (await ask(house, f"up/{MODEL}", stream=False)).status in (400, 404)
        assert not house.gateway.health.conditions()
        assert not any(tally.failures for tally in house.gateway.health.tallies().values())
        assert set(upstream.keys(MAKING)) == {"k1", "k2"}, "both still take turns"


async def test_keys_share_what_comes_at_once(tmp_path: Path) -> None:
    """Four requests that hang: every key has one."""
    async with one(tmp_path, fails(Waits(), times=4), keys=["k1", "k2", "k3", "k4"]) as (house, upstream):
        hanging = []
        for number in range(4):
            hanging.append(asyncio.create_task(ask(house, "up/text-strict", stream=False)))
            await upstream.until(lambda number=number: upstream.count(MAKING) == number + 1)
        assert sorted(upstream.keys(MAKING)) == ["k1", "k2", "k3", "k4"]
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_busy_first_provider_leaves_work_to_the_second(tmp_path: Path) -> None:
    async with two(tmp_path, [fails(Waits())]) as each:
        hanging = asyncio.create_task(ask(each.house, "text-strict", stream=False))
        await each.first.until(lambda: each.first.count(MAKING) == 1)
        assert (await ask(each.house, "text-strict", stream=False)).status == 200
        assert each.second.count(MAKING) == 1
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)


async def test_a_full_provider_is_passed_over(tmp_path: Path) -> None:
    a, b = (Faulty(SketchUpstream(key="sesame").app, *plan) for plan in ([fails(Waits())], []))
    async with serve(a) as url, serve(b) as other:
        rows = [provider("a", url, ["sesame"]), provider("b", other, ["sesame"])]
        async with running(tmp_path, providers=rows, limits=Limits(per_provider=1)) as house:
            hanging = asyncio.create_task(ask(house, "a/text-strict", stream=False))
            await a.until(lambda: a.count(MAKING) == 1)
            assert (await ask(house, "a/text-strict", stream=False)).status == 429, "it was asked for by name"
            assert (await ask(house, "text-strict", stream=False)).status == 200
            assert (a.count(MAKING), b.count(MAKING)) == (1, 1)
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)


@pytest.mark.parametrize("limited", [False, True], ids=["well", "limited"])
async def test_a_chat_stays_with_the_key_that_remembers_it(tmp_path: Path, limited: bool) -> None:
    """Where what an upstream remembers belongs to a key, a chat goes on with it; unless it has to wait."""
    facts = {"base": "image-chat", "replay": "parts"}
    async with one(tmp_path, keys=["k1", "k2", "k3"], models=(), facts=facts) as (house, upstream):
        for chat in range(3):
            before = upstream.count(MAKING)
            messages: list[Any] = []
            for prompt in ("a red barn", "make it blue", "add a cow"):
                messages.append(user(f"{prompt} {chat}"))
                messages.append(message_of(await house.ask(f"up/{MODEL}", *messages)))
            keys = upstream.keys(MAKING)[before:]
            assert len(keys) == 3
            assert len(set(keys)) == 1
        if not limited:
            assert len(set(upstream.keys(MAKING))) == 3, "and the chats take turns"
            return
        upstream.plan.append(fails(LIMITED, key=keys[0], times=None))
        for _ in range(2):
            await house.ask(f"up/{MODEL}", *messages, user("once more"))
        asked = upstream.keys(MAKING)[9:]
        assert asked[0] == keys[0]
        assert keys[0] not in asked[1:], "told to wait, it is not asked for old times' sake"
        assert len(asked) == 3


async def test_a_chat_stays_with_the_provider_that_made_its_pictures(tmp_path: Path) -> None:
    """The second made the picture while the first was down, and is asked again though the first is up."""
    async with two(tmp_path, [fails(BROKEN)]) as each:
        first = await each.house.ask(MODEL, "a red barn")
        assert (each.first.count(MAKING), each.second.count(MAKING)) == (1, 1)
        each.house.gateway.health._conditions.clear()
        messages = [user("a red barn"), message_of(first), user("make it blue")]
        second = await each.house.ask(MODEL, *messages)
        assert links_in(content_of(second))
        assert (each.first.count(MAKING), each.second.count(MAKING)) == (1, 2)


async def test_a_chat_leaves_the_provider_that_cools_down(tmp_path: Path) -> None:
    plan = [fails(LIMITED, skip=1, times=None)]
    async with two(tmp_path, plan) as each:
        first = await each.house.ask(MODEL, "a red barn")
        messages = [user("a red barn"), message_of(first), user("make it blue")]
        for _ in range(2):
            assert links_in(content_of(await each.house.ask(MODEL, *messages)))
        assert (each.first.count(MAKING), each.second.count(MAKING)) == (2, 2), "told to wait, it was not asked again"
        edited = (await each.house.generations())[-1]
        assert edited.provider == "b"
        assert [item.role for item in edited.inputs] == ["edited"]


async def test_an_identity_is_never_lent(tmp_path: Path) -> None:
    """A provider with identities has one key for an owner: when it is refused, no other one's is shown."""
    plan = [fails(LIMITED, times=None)]
    identities = {"local": "mine", "alice": "hers"}
    async with one(tmp_path, *plan, keys=[], identities=identities) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=False)
        assert told.status == 429
        assert upstream.keys(MAKING) == ["mine"]


@STREAM
async def test_keys_of_a_failed_provider_are_not_shown_to_the_client(tmp_path: Path, stream: bool) -> None:
    leaking = Answers(500, b'{"error": {"message": "worker of secret-key-1 or secret-key-2 fell over"}}')
    async with one(tmp_path, fails(leaking, times=None), keys=["secret-key-1", "secret-key-2"]) as (house, upstream):
        told = await ask(house, f"up/{MODEL}", stream=stream)
        assert told.status == 502
        assert "secret-key" not in told.body
        assert upstream.count(MAKING) == 2


async def test_a_cancelled_text_gives_its_place_back(tmp_path: Path) -> None:
    async with one(tmp_path, fails(Waits(), times=None), keys=["k1"]) as (house, upstream):
        asking = asyncio.create_task(ask(house, "up/text-strict", stream=False))
        await upstream.until(lambda: upstream.count(MAKING) == 1)
        (tally,) = house.gateway.health.tallies().values()
        assert tally.busy == 1
        asking.cancel()
        with pytest.raises((asyncio.CancelledError, aiohttp.ClientError)):
            await asking
        async with asyncio.timeout(WAIT):
            while tally.busy:  # noqa: ASYNC110 (there is no event that tells)
                await asyncio.sleep(0.001)
        assert not house.gateway.health.conditions()
