"""The emulator of the Interactions API, judged by Google's own SDK, and strict as the API is."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from google import genai
from google.genai import types
from google.genai._gaos.lib.compat_errors import APIStatusError

from darkroom.media import sniff
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import InteractionsUpstream, serve
from running import sha256

IMAGE, TEXT, FILM = "gemini-3.1-flash-image", "gemini-3.8-flash", "gemini-omni-1.1-flash"
SHOWN = paint("a red barn", size=(640, 480)).data


@pytest.fixture
def upstream() -> InteractionsUpstream:
    return InteractionsUpstream(key="sesame", keys=("other",))


@pytest.fixture
async def url(upstream: InteractionsUpstream) -> AsyncIterator[str]:
    async with serve(upstream.app) as url:
        yield url


@asynccontextmanager
async def sdk(url: str, key: str) -> AsyncIterator[Any]:
    once = types.HttpRetryOptions(attempts=1)
    options = types.HttpOptions(base_url=url, api_version="v1beta", retry_options=once)
    made = genai.Client(api_key=key, http_options=options)
    async with made.aio as client:
        yield client.interactions
    made.close()


@pytest.fixture
async def client(url: str) -> AsyncIterator[Any]:
    """The SDK's interactions."""
    async with sdk(url, "sesame") as interactions:
        yield interactions


async def made(client: Any, stream: bool, **asked: Any) -> tuple[str, str, bytes | None]:
    """Return an interaction's id, text and picture."""
    if not stream:
        answer = await client.create(**asked)
        assert answer.status == "completed"
        picture = answer.output_image
        return answer.id, answer.output_text or "", base64.b64decode(picture.data) if picture else None
    id, text, data, thought = "", "", None, False
    async for event in await client.create(**asked, stream=True):
        assert not getattr(event, "is_unknown", False), event
        match event.event_type:
            case "interaction.created":
                id = event.interaction.id
            case "step.start":
                thought = event.step.type == "thought"
            case "step.delta" if event.delta.type == "text":
                text += event.delta.text
            case "step.delta" if event.delta.type == "image":
                assert not thought
                data = base64.b64decode(event.delta.data)
            case "interaction.completed":
                assert event.interaction.status == "completed"
                assert event.interaction.usage.total_tokens
    return id, text, data


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_sdk_goes_on_from_an_interaction(client: Any, stream: bool) -> None:
    first, text, drawn = await made(client, stream, model=IMAGE, input="a lighthouse")
    second, _, edited = await made(
        client,
        stream,
        model=IMAGE,
        input=[{"type": "text", "text": "add a boat"}],
        previous_interaction_id=first,
        response_format={"type": "image", "aspect_ratio": "16:9", "image_size": "1K", "delivery": "inline"},
    )
    assert text == "Here it is."
    assert first != second
    assert drawn
    assert edited
    assert read_ancestry(edited)[-1].parents == (sha256(drawn),)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_sdk_shows_a_picture(client: Any, stream: bool) -> None:
    shown = {"type": "image", "data": base64.b64encode(SHOWN).decode(), "mime_type": "image/png"}
    asked = [{"type": "user_input", "content": [{"type": "text", "text": "describe this picture"}, shown]}]
    _, text, picture = await made(client, stream, model=TEXT, input=asked)
    assert "640x480" in text
    assert picture is None


async def test_the_sdk_waits_for_a_film(client: Any, upstream: InteractionsUpstream) -> None:
    film = {"type": "video", "delivery": "uri", "duration": "8s", "aspect_ratio": "16:9"}
    answer = await client.create(model=FILM, input="a whale", background=True, response_format=film)
    assert answer.status == "in_progress"
    polls = 0
    while answer.status == "in_progress":
        answer = await client.get(answer.id)
        polls += 1
    assert polls == upstream.polls
    uri = answer.output_video.uri
    headers = {"x-goog-api-key": "sesame"}
    async with aiohttp.ClientSession() as http:
        async with http.get(uri, headers=headers) as early:
            assert early.status == 400
        async with http.get(uri.partition(":download")[0], headers=headers) as told:
            assert (await told.json())["state"] == "PROCESSING"
        async with http.get(uri) as keyless:
            assert keyless.status == 401
        async with http.get(uri, headers=headers, allow_redirects=False) as moved:
            assert moved.status == 302
            where = moved.headers["location"]
        async with http.get(where) as response:
            assert sniff(await response.read()) == "video/mp4"


async def test_the_sdk_resumes_a_stream(client: Any) -> None:
    answer = await client.create(model=TEXT, input="describe it")
    whole = [event async for event in await client.get(answer.id, stream=True)]
    rest = [event async for event in await client.get(answer.id, stream=True, last_event_id=whole[3].event_id)]
    assert [event.event_id for event in rest] == [event.event_id for event in whole[4:]]
    assert rest


async def test_the_sdk_calls_a_function(client: Any) -> None:
    tools = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
    answer = await client.create(model=TEXT, input="call it", tools=tools)
    call = answer.steps[-1]
    assert (answer.status, call.name, call.arguments) == ("requires_action", "weather", {"about": "call it"})
    result = [{"type": "function_result", "call_id": call.id, "name": call.name, "result": "rain"}]
    answer = await client.create(model=TEXT, input=result, previous_interaction_id=answer.id)
    assert answer.output_text == "The tool said: rain"


async def test_ids_belong_to_a_key_and_can_be_deleted(url: str, client: Any, upstream: InteractionsUpstream) -> None:
    answer = await client.create(model=TEXT, input="hello")
    async with sdk(url, "other") as other:
        for foreign in (other.get(answer.id), other.create(model=TEXT, input="x", previous_interaction_id=answer.id)):
            with pytest.raises(APIStatusError, match="not_found"):
                await foreign
    await client.delete(answer.id)
    for gone in (client.get(answer.id), client.create(model=TEXT, input="more", previous_interaction_id=answer.id)):
        with pytest.raises(APIStatusError, match="not_found") as refused:
            await gone
        assert refused.value.status_code == 404
    unkept = await client.create(model=TEXT, input="hello", store=False)
    with pytest.raises(APIStatusError, match="not_found"):
        await client.get(unkept.id)
    assert not upstream.kept


async def test_background_work_can_be_cancelled(client: Any, upstream: InteractionsUpstream) -> None:
    answer = await client.create(model=TEXT, input="hello", background=True)
    assert (await client.cancel(answer.id)).status == "cancelled"
    assert upstream.cancelled.is_set()
    assert (await client.get(answer.id)).status == "cancelled"
    with pytest.raises(APIStatusError, match="failed_precondition"):
        await client.cancel(answer.id)


async def test_what_is_blocked(client: Any) -> None:
    with pytest.raises(APIStatusError, match="image_safety"):
        await client.create(model=IMAGE, input="something unsafe")
    events = [event async for event in await client.create(model=IMAGE, input="something unsafe", stream=True)]
    assert events[-1].error.code == "image_safety"
    answer = await client.create(model=IMAGE, input="something unsafe", background=True)
    for _ in range(2):
        answer = await client.get(answer.id)
    assert (answer.status, answer.errors[0].code) == ("failed", "image_safety")


TURN = {"type": "user_input", "content": [{"type": "text", "text": "x"}]}
PNG = base64.b64encode(SHOWN).decode()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"model": "gemini-9"}, 404, "model_not_found"),
        ({"model": None}, 400, "invalid_request"),
        ({"input": None}, 400, "invalid_request"),
        ({"input": []}, 400, "invalid_request"),
        ({"input": ""}, 400, "invalid_request"),
        ({"input": [TURN, {"type": "text", "text": "x"}]}, 400, "invalid_request"),
        ({"input": [{"role": "user", "content": "x"}]}, 400, "invalid_request"),
        ({"input": {"type": "image", "data": PNG}}, 400, "invalid_request"),
        ({"input": {"type": "image", "data": PNG, "uri": "x", "mime_type": "image/png"}}, 400, "invalid_request"),
        ({"input": {"type": "image", "data": PNG, "mime_type": "image/avif"}}, 400, "invalid_request"),
        ({"input": {"type": "image", "data": "aGVsbG8=", "mime_type": "image/png"}}, 400, "invalid_request"),
        ({"input": {"type": "image", "data": f"data:image/png;base64,{PNG}", "mime_type": "image/png"}}, 400, ""),
        (
            {
                "input": [
                    TURN,
                    {
                        "type": "model_output",
                        "content": [{"type": "image", "data": PNG, "mime_type": "image/png"}],
                    },
                ]
            },
            400,
            "invalid_request",
        ),
        ({"messages": []}, 400, "parameter_unknown"),
        ({"generation_config": {"max_tokens": 5}}, 400, "parameter_unknown"),
        ({"generation_config": {"temperature": "hot"}}, 400, "invalid_request"),
        ({"response_modalities": ["IMAGE"]}, 400, "invalid_request"),
        ({"response_format": {"type": "image", "aspect_ratio": "7:5"}}, 400, "invalid_request"),
        ({"response_format": {"type": "image"}}, 400, "invalid_request"),
        ({"store": False, "background": True}, 400, "invalid_request"),
        ({"store": "no"}, 400, "invalid_request"),
        ({"previous_interaction_id": "v1_unknown"}, 404, "not_found"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}]}, 400, "parameter_unknown"),
    ],
)
async def test_it_is_strict(url: str, change: dict[str, Any], status: int, code: str) -> None:
    body = {"model": TEXT, "input": "hello", **change}
    sent = {name: value for name, value in body.items() if value is not None}
    async with (
        aiohttp.ClientSession(headers={"x-goog-api-key": "sesame"}) as http,
        http.post(f"{url}/v1beta/interactions", json=sent) as response,
    ):
        answer = await response.json()
        assert response.status == status, answer
        assert code in answer.get("error", {}).get("code", "")


async def test_a_wrong_key_and_the_models(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/v1beta/models", headers={"x-goog-api-key": "wrong"}) as refused:
            assert refused.status == 401
            assert (await refused.json())["error"]["code"] == "authentication"
        async with http.get(f"{url}/v1beta/models?pageSize=1000", headers={"x-goog-api-key": "sesame"}) as listed:
            assert {"models/gemini-3.8-flash"} <= {model["name"] for model in (await listed.json())["models"]}
