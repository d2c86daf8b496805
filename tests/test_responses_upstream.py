"""The emulator of the Responses API: the official SDK can talk to it, and it refuses what the real one refuses."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from darkroom.sketch import paint, read_ancestry
from darkroom.testing import ResponsesUpstream, serve
from running import Json, as_json, data_uri, sha256

MODEL = "gpt-6-astra"
TOOL: Json = {"type": "image_generation"}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
PICTURE = paint("a red barn", size=(640, 480)).data


@pytest.fixture
async def upstream() -> ResponsesUpstream:
    return ResponsesUpstream(key="sesame", keys=("other",))


@pytest.fixture
async def client(upstream: ResponsesUpstream) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        serve(upstream.app) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sesame", max_retries=0) as client,
    ):
        yield client


def picture(response: Any) -> bytes:
    (item,) = [item for item in response.output if item.type == "image_generation_call"]
    return base64.b64decode(item.result)


def parents(data: bytes) -> tuple[str, ...]:
    return read_ancestry(data)[-1].parents


async def ask(client: openai.AsyncOpenAI, input: Any, **fields: Any) -> Any:
    fields.setdefault("tools", [TOOL])
    return await client.responses.create(model=MODEL, input=input, **fields)


def shown(prompt: str, data: bytes) -> list[Json]:
    image = {"type": "input_image", "image_url": data_uri(data), "detail": "auto"}
    return [{"role": "user", "content": [{"type": "input_text", "text": prompt}, image]}]


async def test_a_chat_by_previous_response(client: openai.AsyncOpenAI) -> None:
    first = await ask(client, "a lighthouse in a storm")
    second = await ask(client, "add a small red boat", previous_response_id=first.id)
    third = await ask(client, "go back to the first picture and add a whale", previous_response_id=second.id)
    branch = await ask(client, "make it night", previous_response_id=first.id)
    one, two = picture(first), picture(second)
    assert parents(one) == ()
    assert parents(two) == parents(picture(third)) == parents(picture(branch)) == (sha256(one),)
    for response in (first, second, third, branch):
        Response.model_validate(as_json(response), strict=True)


async def test_a_picture_by_its_id(client: openai.AsyncOpenAI) -> None:
    first = await ask(client, "a lighthouse")
    id = first.output[0].id
    named = await ask(client, [{"role": "user", "content": "add a boat"}, {"type": "image_generation_call", "id": id}])
    assert parents(picture(named)) == (sha256(picture(first)),)


async def test_upload_and_describe(client: openai.AsyncOpenAI) -> None:
    answer = await ask(client, shown("describe this picture", PICTURE))
    assert "640x480" in answer.output_text
    edited = await ask(client, shown("make it blue", PICTURE))
    assert parents(picture(edited)) == (sha256(PICTURE),)


async def test_a_stream_is_what_the_sdk_expects(client: openai.AsyncOpenAI) -> None:
    tool = {**TOOL, "partial_images": 2}
    events = [
        as_json(event)
        async for event in await ask(client, "a boat", stream=True, tools=[tool], reasoning={"summary": "auto"})
    ]
    for event in events:
        EVENT.validate_python(event, strict=True)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.image_generation_call.partial_image") == 2
    (done,) = [
        event["item"]
        for event in events
        if event["type"] == "response.output_item.done" and event["item"]["type"] == "image_generation_call"
    ]
    assert base64.b64decode(done["result"]).startswith(b"\x89PNG")


async def test_retrieve_and_delete(client: openai.AsyncOpenAI) -> None:
    first = await ask(client, "a boat")
    assert as_json(await client.responses.retrieve(first.id)) == as_json(first)
    items = await client.responses.input_items.list(first.id)
    assert [item.type for item in items.data] == ["message"]
    await client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError, match="not found"):
        await ask(client, "add a whale", previous_response_id=first.id)
    with pytest.raises(openai.NotFoundError, match="Item with id"):
        await ask(
            client, [{"type": "image_generation_call", "id": first.output[0].id}, {"role": "user", "content": "x"}]
        )


async def test_ids_belong_to_their_key(client: openai.AsyncOpenAI) -> None:
    first = await ask(client, "a boat")
    stranger = client.with_options(api_key="other")
    with pytest.raises(openai.NotFoundError):
        await stranger.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError, match="not found"):
        await ask(stranger, "a whale", previous_response_id=first.id)
    with pytest.raises(openai.AuthenticationError):
        await ask(client.with_options(api_key="wrong"), "a boat")


async def test_what_is_not_stored_is_gone(client: openai.AsyncOpenAI) -> None:
    first = await ask(client, "a boat", store=False)
    with pytest.raises(openai.BadRequestError, match="not found"):
        await ask(client, "a whale", previous_response_id=first.id)


async def test_failures(client: openai.AsyncOpenAI) -> None:
    moderated = await client.responses.create(model=f"{MODEL}-moderated", input="a boat", tools=[TOOL])  # type: ignore[list-item]
    item = as_json(moderated)["output"][0]
    assert (item["status"], item["result"], item["error"]["code"]) == ("failed", None, "moderation_blocked")
    failed = await client.responses.create(model=f"{MODEL}-fails", input="a boat")
    assert failed.status == "failed"
    assert failed.error
    with pytest.raises(openai.BadRequestError):
        await ask(client, "something unsafe")


async def test_a_function_is_called(client: openai.AsyncOpenAI) -> None:
    tool: Json = {"type": "function", "name": "look_up", "parameters": {}, "strict": False}
    answer = await ask(client, "call somebody", tools=[tool])
    call = answer.output[0]
    assert (call.type, call.name) == ("function_call", "look_up")
    told = await ask(
        client,
        [
            {"role": "user", "content": "call somebody"},
            as_json(call),
            {"type": "function_call_output", "call_id": call.call_id, "output": "42"},
        ],
        tools=[tool],
    )
    assert "42" in told.output_text


WRONG = {
    "unknown field": {"foo": 1},
    "no input": {"input": []},
    "temperature": {"temperature": "hot"},
    "few tokens": {"max_output_tokens": 4},
    "unknown item": {"input": [{"type": "thought"}]},
    "picture said by the assistant": {
        "input": [{"role": "assistant", "content": [{"type": "input_image", "image_url": data_uri(PICTURE)}]}]
    },
    "input_text said by the assistant": {
        "input": [{"role": "assistant", "content": [{"type": "input_text", "text": "hi"}]}]
    },
    "picture without an address": {"input": [{"role": "user", "content": [{"type": "input_image", "detail": "auto"}]}]},
    "chat's own part": {"input": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
    "broken picture": {"input": shown("hi", b"no picture")},
    "chat's own tool": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "tool's field": {"tools": [{"type": "image_generation", "n": 2}]},
    "quality": {"tools": [{"type": "image_generation", "quality": "hd"}]},
    "partials": {"tools": [{"type": "image_generation", "partial_images": 4}]},
    "file without a name": {"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "x"}]}]},
    "lonely output": {"input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_it_is_strict(client: openai.AsyncOpenAI, wrong: Json) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(model=MODEL, extra_body={"input": "a boat", **wrong})
    assert refused.value.body["type"] == "invalid_request_error"  # type: ignore[index, call-overload]
