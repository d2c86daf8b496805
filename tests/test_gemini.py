"""Gemini models behind the gateway: five turns, healing, keys, uploads, errors; counted at the strict emulator."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chats import FIVE, chat, check_description, check_five_turns, pictures_of
from darkroom.clock import now
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import GeminiUpstream, serve
from darkroom.testing.emulation import Asked
from running import House, Json, content_of, data_uri, links_in, message_of, picture, running, sha256, user

KEY, OTHER = "sesame", "another"
DRAWS, TALKS = "up/gemini-3-pro-image", "up/gemini-3-flash"
BARN = paint("a red barn", size=(640, 480)).data
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@asynccontextmanager
async def gemini(
    tmp_path: Path, *keys: str, knobs: Json | None = None, **fields: Any
) -> AsyncIterator[tuple[House, GeminiUpstream]]:
    """Run a gateway with the emulator as the provider `up`, which is asked with these keys."""
    upstream = GeminiUpstream(key=(KEY, OTHER), **(knobs or {}))
    async with serve(upstream.app) as url:
        row = ProviderSettings("up", f"{url}/v1beta", dialect="gemini", api_keys=keys or (KEY,), **fields)
        async with running(tmp_path, providers=[row]) as house:
            yield house, upstream


def asked(upstream: GeminiUpstream, pattern: str = r":(?:streamG|g)enerateContent") -> list[Asked]:
    return [each for each in upstream.requests if re.search(pattern, each.path)]


def parts_of(request: Asked, role: str | None = None) -> list[Json]:
    contents = request.body["contents"]
    return [part for content in contents if role in (None, content["role"]) for part in content["parts"]]


def inlined(request: Asked, role: str | None = None) -> list[Json]:
    return [part for part in parts_of(request, role) if "inlineData" in part]


def named(request: Asked) -> list[str]:
    return [part["fileData"]["fileUri"] for part in parts_of(request) if "fileData" in part]


def started(upstream: GeminiUpstream) -> list[Asked]:
    return [each for each in asked(upstream, r"^/upload/") if each.headers.get("x-goog-upload-command") == "start"]


@STREAMED
async def test_five_turns(tmp_path: Path, stream: bool) -> None:
    async with gemini(tmp_path) as (house, upstream):
        await check_five_turns(house, DRAWS, stream=stream)
        requests = asked(upstream)
        assert [len(inlined(each)) for each in requests] == [0, 1, 1, 1, 1]
        assert all(inlined(each) == inlined(each, "model") for each in requests)
        assert all("thoughtSignature" in part for each in requests for part in inlined(each))
        assert all(("streamGenerateContent" in each.path) is stream for each in requests)
        assert not asked(upstream, "/upload/")


@STREAMED
@pytest.mark.parametrize("model", [DRAWS, TALKS])
async def test_an_upload_is_described(tmp_path: Path, model: str, stream: bool) -> None:
    async with gemini(tmp_path) as (house, upstream):
        answer = await check_description(house, model, stream=stream)
        assert answer["usage"]["prompt_tokens_details"]["image_tokens"] == 258
        assert len(inlined(asked(upstream)[0], "user")) == 1


async def test_usage_counts_pictures_and_thoughts(tmp_path: Path) -> None:
    async with gemini(tmp_path) as (house, _):
        details = (await house.ask(DRAWS, "a cat"))["usage"]["completion_tokens_details"]
        assert (details["image_tokens"], details["reasoning_tokens"]) == (1120, 200)


@STREAMED
async def test_thoughts_are_reasoning_and_their_drafts_are_gone(tmp_path: Path, stream: bool) -> None:
    async with gemini(tmp_path) as (house, _):
        message = message_of(await house.ask(DRAWS, "a cat", stream=stream))
        assert message["reasoning_content"] == "Let me think about the picture."
        assert "Here is the picture." in message["content"]
        assert len(await house.blobs()) == 1
        assert house.parts() == []


@STREAMED
async def test_a_signature_as_long_as_a_picture_comes_back_byte_for_byte(tmp_path: Path, stream: bool) -> None:
    async with gemini(tmp_path, knobs={"signature_bytes": 40_001}) as (house, upstream):
        await check_five_turns(house, DRAWS, stream=stream)
        assert len(asked(upstream)) == len(FIVE)


@STREAMED
@pytest.mark.parametrize("how", ["forgets", "misses"])
async def test_what_is_forgotten_is_told_again_once(tmp_path: Path, how: str, stream: bool) -> None:
    async with gemini(tmp_path) as (house, upstream):
        await check_five_turns(house, f"{DRAWS}-{how}", stream=stream)
        requests = asked(upstream)
        assert [len(inlined(each, "model")) for each in requests] == [0, 1, 0, 1, 0, 1, 0, 1, 0]
        assert [len(inlined(each, "user")) for each in requests] == [0, 0, 1, 0, 1, 0, 1, 0, 1]


async def test_another_models_picture_goes_in_a_user_turn(tmp_path: Path) -> None:
    async with gemini(tmp_path) as (house, upstream):
        first = user("a lighthouse")
        (made,) = await chat(house, "painter/images-strict", "a lighthouse")
        answer = await house.ask(DRAWS, first, message_of(made), user("add a boat"))
        (old,), (new,) = await pictures_of(house, [made]), await pictures_of(house, [answer])
        assert read_ancestry(new)[-1].parents == (sha256(old),)
        (request,) = asked(upstream)
        assert (len(inlined(request, "user")), len(inlined(request, "model"))) == (1, 0)


async def test_a_chat_stays_with_the_key_that_signed(tmp_path: Path) -> None:
    async with gemini(tmp_path, KEY, OTHER) as (house, upstream):
        await check_five_turns(house, DRAWS)
        await house.ask(DRAWS, "something else")
        requests = asked(upstream)
        assert len(requests) == len(FIVE) + 1
        assert len({each.headers["x-goog-api-key"] for each in requests[: len(FIVE)]}) == 1


@STREAMED
async def test_another_key_goes_on_with_the_picture_alone(tmp_path: Path, stream: bool) -> None:
    async with gemini(tmp_path, KEY, OTHER) as (house, upstream):
        (made,) = await chat(house, DRAWS, "a lighthouse", stream=stream)
        first = asked(upstream)[0].headers["x-goog-api-key"]
        upstream.keys = tuple(key for key in upstream.keys if key != first)
        answer = await house.ask(DRAWS, user("a lighthouse"), message_of(made), user("add a boat"), stream=stream)
        (old,), (new,) = await pictures_of(house, [made]), await pictures_of(house, [answer])
        assert read_ancestry(new)[-1].parents == (sha256(old),)
        refused, taken = asked(upstream)[1:]
        assert [each.headers["x-goog-api-key"] == first for each in (refused, taken)] == [True, False]
        assert (len(inlined(taken, "user")), len(inlined(taken, "model"))) == (1, 0)


async def test_a_wrong_key_is_passed_over(tmp_path: Path) -> None:
    async with gemini(tmp_path, "wrong", KEY) as (house, upstream):
        for _ in range(3):
            await house.ask(TALKS, "hello")
        assert len([each for each in asked(upstream) if each.headers["x-goog-api-key"] == "wrong"]) <= 1


# Uploads.


async def described(house: House, *turns: str, shown: bytes = BARN, model: str = TALKS) -> list[Json]:
    """Show a picture in the first turn, and ask about it again and again."""
    messages: list[Any] = []
    answers: list[Json] = []
    for number, turn in enumerate(turns):
        messages.append(user(turn, picture(data_uri(shown))) if number == 0 else user(turn))
        answers.append(await house.ask(model, *messages))
        messages.append(message_of(answers[-1]))
        assert "640x480" in content_of(answers[-1])
    return answers


async def test_what_is_large_is_uploaded_once(tmp_path: Path) -> None:
    async with gemini(tmp_path, profile={"upload_above": 1000}) as (house, upstream):
        await described(house, "describe this", "describe it again", "and what is it?")
        assert upstream.files.uploads == len(started(upstream)) == 1
        (file,) = upstream.files.files.values()
        assert file.name.startswith("files/dk-")
        assert (file.data, file.mime) == (BARN, "image/png")
        assert [(named(each), inlined(each)) for each in asked(upstream)] == [([file.uri], [])] * 3
        (item,) = await house.gateway.database.upstreams.objects(10)
        assert (item.uri, item.path, item.owner) == (file.uri, f"/{file.name}", "local")
        await house.gateway.database.upstreams.set_due(item.id, now())
        await house.gateway.cleanup.run_due()
        assert (upstream.files.files, await house.gateway.database.upstreams.objects(10)) == ({}, [])


async def test_what_is_shown_again_is_uploaded_then(tmp_path: Path) -> None:
    async with gemini(tmp_path) as (house, upstream):
        await described(house, "describe this", "describe it again", "and what is it?")
        requests = asked(upstream)
        assert [len(inlined(each)) for each in requests] == [1, 0, 0]
        assert [len(named(each)) for each in requests] == [0, 1, 1]
        assert upstream.files.uploads == 1
        # It is there now: another chat with it needs no bytes at all.
        await described(house, "describe this")
        assert (len(inlined(asked(upstream)[-1])), upstream.files.uploads) == (0, 1)


async def test_a_picture_to_draw_on_is_uploaded_when_it_is_drawn_on_again(tmp_path: Path) -> None:
    async with gemini(tmp_path) as (house, upstream):
        messages: list[Any] = []
        made: list[bytes] = []
        for turn in ("add a cow", "go back to the original and add a horse", "go back to the original and add a pig"):
            messages.append(user(turn) if messages else user(turn, picture(data_uri(BARN))))
            answer = await house.ask(DRAWS, *messages)
            messages.append(message_of(answer))
            made += await pictures_of(house, [answer])
        assert [read_ancestry(data)[-1].parents for data in made] == [(sha256(BARN),)] * 3
        assert [(len(inlined(each)), len(named(each))) for each in asked(upstream)] == [(1, 0), (0, 1), (0, 1)]
        assert upstream.files.uploads == 1


async def test_after_the_response_uploads_are_deleted(tmp_path: Path) -> None:
    async with gemini(tmp_path, profile={"upload_above": 1000}, cleanup="after_response") as (house, upstream):
        for turn in (1, 2):
            await described(house, "describe this")
            async with asyncio.timeout(10):  # The gateway's own worker deletes it.
                while await house.gateway.database.upstreams.objects(10):
                    await house.gateway.cleanup.run_due()
            assert (upstream.files.uploads, upstream.files.files) == (turn, {})
        assert [each.method for each in asked(upstream, r"^/v1beta/files/dk-")] == ["DELETE", "DELETE"]
        assert len(asked(upstream)) == 2


async def test_three_at_once_share_one_upload(tmp_path: Path) -> None:
    async with gemini(tmp_path, profile={"upload_above": 1000}) as (house, upstream):
        await asyncio.gather(*(described(house, "describe this") for _ in range(3)))
        assert (upstream.files.uploads, len(asked(upstream))) == (1, 3)


async def test_small_pictures_are_not_uploaded_where_nothing_is_kept(tmp_path: Path) -> None:
    async with gemini(tmp_path, cleanup="after_response") as (house, upstream):
        await described(house, "describe this", "describe it again")
        assert (upstream.files.uploads, [len(inlined(each)) for each in asked(upstream)]) == (0, [1, 1])


@pytest.mark.parametrize("how", ["expired", "deleted"])
async def test_a_file_that_is_gone_is_uploaded_anew(tmp_path: Path, how: str) -> None:
    async with gemini(tmp_path, profile={"upload_above": 1000}) as (house, upstream):
        await described(house, "describe this")
        old = next(iter(upstream.files.files))
        if how == "expired":
            upstream.files.expire()
        else:
            upstream.files.files.clear()
        await described(house, "describe this")
        assert upstream.files.uploads == 2
        assert len(asked(upstream)) == 3
        (item,) = await house.gateway.database.upstreams.objects(10)
        assert item.path != f"/{old}"


async def test_a_file_is_for_its_own_key(tmp_path: Path) -> None:
    async with gemini(tmp_path, KEY, OTHER, profile={"upload_above": 1000}) as (house, upstream):
        for _ in range(4):
            await described(house, "describe this")
        assert {file.key for file in upstream.files.files.values()} == {KEY, OTHER}
        assert (upstream.files.uploads, len(asked(upstream))) == (2, 4)


async def test_a_file_is_waited_for(tmp_path: Path) -> None:
    async with gemini(tmp_path, profile={"upload_above": 1000}) as (house, upstream):
        upstream.files.polls = 2
        await described(house, "describe this")
        assert len(asked(upstream, r"^/v1beta/files/dk-")) == 3


async def test_a_file_that_fails_is_an_error_and_nothing_is_asked(tmp_path: Path) -> None:
    async with gemini(tmp_path, profile={"upload_above": 1000}) as (house, upstream):
        upstream.files.failing = True
        with pytest.raises(openai.BadRequestError, match="can't read media_"):
            await described(house, "describe this")
        assert asked(upstream) == []
        # It is there all the same, and is cleaned up like any other.
        (item,) = await house.gateway.database.upstreams.objects(10)
        await house.gateway.database.upstreams.set_due(item.id, now())
        await house.gateway.cleanup.run_due()
        assert upstream.files.files == {}


async def test_an_upload_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    async with gemini(tmp_path, profile={"upload_above": 1000}) as (house, upstream):
        upstream.files.interrupted = 1
        await described(house, "describe this")
        (file,) = upstream.files.files.values()
        assert file.data == BARN
        offsets = [each.headers.get("x-goog-upload-offset") for each in asked(upstream, "upload_id")]
        assert offsets == ["0", None, str(len(BARN) // 2)]


async def test_an_upload_that_breaks_off_twice_is_an_error(tmp_path: Path) -> None:
    async with gemini(tmp_path, profile={"upload_above": 1000}) as (house, upstream):
        upstream.files.interrupted = 2
        status, body = await house.post({"model": TALKS, "messages": [user("what?", picture(data_uri(BARN)))]})
        assert (status, body["error"]["code"]) == (503, "upstream_unavailable")
        assert asked(upstream) == []
        # Nothing is there, which Google tells with a 403; that must not be tried for ever.
        (item,) = await house.gateway.database.upstreams.objects(10)
        await house.gateway.database.upstreams.set_due(item.id, now())
        assert await house.gateway.cleanup.run_due() == 1


async def test_a_url_is_left_to_google_where_the_profile_says_so(tmp_path: Path) -> None:
    url = "https://pictures.example/barn.png"
    async with gemini(tmp_path, knobs={"web": {url: BARN}}, profile={"forms": ["url", "inline"]}) as (house, upstream):
        answer = await house.ask(TALKS, user("describe this", picture(url)))
        assert "640x480" in content_of(answer)
        (request,) = asked(upstream)
        assert parts_of(request)[1] == {"fileData": {"mimeType": "image/png", "fileUri": url}}


# What goes wrong.


@STREAMED
@pytest.mark.parametrize(
    ("model", "status", "code", "words"),
    [
        ("gemini-3-pro-image-safety", 400, "content_policy_violation", "IMAGE_SAFETY"),
        ("gemini-3-pro-image-prohibited", 400, "content_policy_violation", "PROHIBITED_CONTENT"),
        ("gemini-3-pro-image-recitation", 400, "content_policy_violation", "IMAGE_RECITATION"),
        ("gemini-3-pro-image-blocked", 400, "content_policy_violation", "PROHIBITED_CONTENT"),
        ("gemini-3-flash-blocked", 400, "content_policy_violation", "PROHIBITED_CONTENT"),
        ("gemini-3-pro-image-no-image", 502, "upstream_broken", "NO_IMAGE"),
        ("gemini-3-pro-image-other", 502, "upstream_broken", "IMAGE_OTHER"),
        ("gemini-3-pro-image-malformed", 502, "upstream_broken", "MALFORMED_RESPONSE"),
        ("gemini-3-pro-image-long", 502, "upstream_broken", "neither media nor text"),
        ("gemini-3-pro-image-quota", 429, "rate_limit", "quota"),
        ("gemini-3-pro-image-busy", 503, "upstream_unavailable", "overloaded"),
        ("gemini-9-image", 404, "upstream_not_found", "not found for API version"),
    ],
)
async def test_errors(tmp_path: Path, model: str, status: int, code: str, words: str, stream: bool) -> None:
    async with gemini(tmp_path) as (house, _):
        body = {"model": f"up/{model}", "messages": [user("a cat")], "stream": stream}
        async with house.http.post("/v1/chat/completions", json=body) as answer:
            text = await answer.text()
            assert f'"code":"{code}"' in text
            assert words in text
            if not stream:
                assert answer.status == status
        assert await house.is_empty()


async def test_a_quota_is_told_with_its_delay(tmp_path: Path) -> None:
    async with gemini(tmp_path) as (house, upstream):
        body = {"model": f"{DRAWS}-quota", "messages": [user("a cat")]}
        async with house.http.post("/v1/chat/completions", json=body) as answer:
            assert (answer.status, answer.headers["retry-after"]) == (429, "17")
        assert (await house.post(body))[0] == 429
        assert len(asked(upstream)) == 1


async def test_a_wrong_key_alone_is_the_operators_fault(tmp_path: Path) -> None:
    async with gemini(tmp_path, "wrong") as (house, _):
        status, body = await house.post({"model": TALKS, "messages": [user("hello")]})
        assert (status, body["error"]["code"]) == (502, "upstream_auth_failed")


async def test_a_stream_that_breaks_off_keeps_its_picture(tmp_path: Path) -> None:
    async with gemini(tmp_path) as (house, _):
        (answer,) = await chat(house, f"{DRAWS}-cut", "a lighthouse", stream=True)
        assert len(links_in(content_of(answer))) == 1
        (made,) = await pictures_of(house, [answer])
        again = await house.ask(f"{DRAWS}-cut", user("a lighthouse"), message_of(answer), user("add a boat"))
        assert read_ancestry((await pictures_of(house, [again]))[0])[-1].parents == (sha256(made),)


@STREAMED
async def test_tools_and_their_signatures(tmp_path: Path, stream: bool) -> None:
    async with gemini(tmp_path) as (house, _):
        schema = {"type": "object", "properties": {"prompt": {"type": "string"}}}
        tools = [{"type": "function", "function": {"name": "look", "parameters": schema}}]
        question = user("what is there?")
        answer = await house.ask(TALKS, question, tools=tools, stream=stream)
        assert answer["choices"][0]["finish_reason"] == "tool_calls"
        (call,) = message_of(answer)["tool_calls"]
        assert (call["function"]["name"], call["function"]["arguments"]) == ("look", '{"prompt":"what is there?"}')
        assert call["extra_content"]["google"]["thought_signature"]
        told: Json = {"role": "tool", "tool_call_id": call["id"], "content": "a red barn"}
        answer = await house.ask(TALKS, question, message_of(answer), told, tools=tools, stream=stream)
        assert "a red barn" in content_of(answer)


async def test_json_is_asked_for(tmp_path: Path) -> None:
    async with gemini(tmp_path) as (house, _):
        answer = await house.ask(TALKS, "hello", response_format={"type": "json_object"})
        assert content_of(answer) == '{"said": "hello"}'


async def test_its_models_are_listed(tmp_path: Path) -> None:
    async with gemini(tmp_path) as (house, _):
        names = {model.id async for model in house.client.models.list()}
        assert {DRAWS, TALKS} <= names


class _Answers:
    """A Gemini upstream that answers what it is told, and keeps what it was asked."""

    def __init__(self, parts: list[Json]) -> None:
        self.parts = parts
        self.bodies: list[Json] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        return JSONResponse({"candidates": [{"content": {"parts": self.parts}, "finishReason": "STOP"}]})


async def test_a_picture_that_was_lost_is_not_spoken_of_again(tmp_path: Path) -> None:
    """A long run, as no picture can be read from it, was lifted out; its placeholder is nobody's business."""
    lost, kept = base64.b64encode(b"no picture" * 1000).decode(), base64.b64encode(BARN).decode()
    upstream = _Answers(
        [
            {"inlineData": {"mimeType": "image/png", "data": lost}, "thoughtSignature": "QQ=="},
            {"text": "Here", "thoughtSignature": "Qg=="},
            {"inlineData": {"mimeType": "image/png", "data": kept}, "thoughtSignature": "Qw=="},
        ]
    )
    async with serve(upstream.app) as url:
        row = ProviderSettings("up", f"{url}/v1beta", dialect="gemini", api_keys=(KEY,))
        async with running(tmp_path, providers=[row]) as house:
            first = message_of(await house.ask(DRAWS, "a barn"))
            await house.ask(DRAWS, "a barn", first, "make it blue")
    (turn,) = (each for each in upstream.bodies[1]["contents"] if each["role"] == "model")
    text, shown = turn["parts"]
    assert text == {"text": "Here", "thoughtSignature": "Qg=="}
    assert shown == {"inlineData": {"mimeType": "image/png", "data": kept}, "thoughtSignature": "Qw=="}
