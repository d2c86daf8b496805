"""`/v1/responses`: the official SDK against it, any upstream behind it, and every answer what the SDK's types say."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseItemList, ResponseStreamEvent
from pydantic import TypeAdapter

from chats import FIVE, TREE
from cuts import new_lifts
from darkroom.dialects.openai_responses.asked import decode_request, picture_id
from darkroom.dialects.openai_responses.output import Output
from darkroom.errors import ClientError
from darkroom.events import PartialProduced, Passthrough, ReasoningDelta, TextDelta
from darkroom.messages import MediaPart, Named
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint, read_ancestry
from darkroom.sketch.ancestry import open_picture
from darkroom.testing import ResponsesUpstream, serve
from running import BASE64, House, Json, Scripted, as_json, data_uri, row, running, sha256

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
PICTURE = paint("a red barn", size=(640, 480)).data
TOOL: Json = {"type": "image_generation"}
MODELS = ("painter/images-strict", "painter/relay-strict", "up/gpt-6-astra")


@asynccontextmanager
async def connected(root: Path, upstream: ResponsesUpstream | None = None) -> AsyncIterator[House]:
    """Run a gateway with the painter, and a Responses upstream as the provider `up`."""
    upstream = upstream or ResponsesUpstream(key="sesame")
    async with serve(upstream.app) as url:
        provider = ProviderSettings("up", f"{url}/v1", dialect="openai-responses", api_keys=("sesame",))
        async with running(root, providers=[provider]) as house:
            yield house


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[House]:
    async with connected(tmp_path) as house:
        yield house


async def ask(house: House, model: str, input: Any, *, stream: bool = False, **fields: Any) -> Any:
    """Ask with the SDK; every answer and every event must be what its types say."""
    create: Any = house.client.responses.create
    if not stream:
        answer = await create(model=model, input=input, **fields)
        Response.model_validate(as_json(answer), strict=True)
        return answer
    events = [event async for event in await create(model=model, input=input, stream=True, **fields)]
    check_events([as_json(event) for event in events])
    return events[-1].response


def check_events(events: list[Json]) -> None:
    """Check a stream: its types, its numbers, and that its items add up to what the last event shows."""
    for event in events:
        EVENT.validate_python(event, strict=True)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    begun = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    ended = {e["output_index"]: e["item"] for e in events if e["type"] == "response.output_item.done"}
    assert begun == sorted(ended)
    assert [ended[index] for index in begun] == events[-1]["response"]["output"]
    texts: dict[str, str] = {}
    for event in events:
        if event["type"] == "response.output_text.delta":
            texts[event["item_id"]] = texts.get(event["item_id"], "") + event["delta"]
        if event["type"] == "response.output_text.done":
            assert texts[event["item_id"]] == event["text"]


def picture(response: Any) -> bytes:
    (item,) = [item for item in response.output if item.type == "image_generation_call"]
    assert item.status == "completed"
    return base64.b64decode(item.result)


def item_of(response: Any) -> Any:
    return next(item for item in response.output if item.type == "image_generation_call")


def parents(data: bytes) -> tuple[str, ...]:
    return read_ancestry(data)[-1].parents


def shown(prompt: str, data: bytes) -> list[Json]:
    image = {"type": "input_image", "image_url": data_uri(data), "detail": "auto"}
    return [{"role": "user", "content": [{"type": "input_text", "text": prompt}, image]}]


# Chats


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("model", MODELS)
async def test_five_turns_and_a_branch(both: House, model: str, stream: bool) -> None:
    answers: list[Any] = []
    for prompt in FIVE:
        fields = {"previous_response_id": answers[-1].id} if answers else {}
        answers.append(await ask(both, model, prompt, stream=stream, **fields))
    found = [picture(answer) for answer in answers]
    hashes = [sha256(data) for data in found]
    assert [[hashes.index(parent) for parent in parents(data)] for data in found] == TREE
    branch = await ask(both, model, "make it snow", stream=stream, previous_response_id=answers[0].id)
    assert parents(picture(branch)) == (hashes[0],)
    assert branch.previous_response_id == answers[0].id


async def test_a_chat_with_a_responses_upstream_sends_only_what_is_new(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        before = None
        for prompt in FIVE:
            answer = await ask(house, "up/gpt-6-astra", prompt, instructions="you paint", previous_response_id=before)
            before = answer.id
    assert [len(body["input"]) for body in upstream.asked] == [2, 1, 1, 1, 1]
    assert [body.get("previous_response_id") for body in upstream.asked] == [None, *[*upstream.kept][:4]]


@pytest.mark.parametrize("model", MODELS)
async def test_a_chat_that_is_told_whole(both: House, model: str) -> None:
    """As clients do that keep their history themselves: what was answered is sent back as it came."""
    input: list[Any] = []
    found: list[bytes] = []
    for prompt in FIVE:
        input.append({"role": "user", "content": prompt})
        answer = await ask(both, model, input, store=False)
        found.append(picture(answer))
        input += as_json(answer)["output"]
    hashes = [sha256(data) for data in found]
    assert [[hashes.index(parent) for parent in parents(data)] for data in found] == TREE
    assert len(await both.media()) == len(FIVE), "what is sent back is not stored again"


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("model", MODELS)
async def test_a_picture_by_its_id(both: House, model: str, behind: bool) -> None:
    first = await ask(both, model, FIVE[0])
    named = {"type": "image_generation_call", "id": item_of(first).id}
    question = {"role": "user", "content": "add a boat"}
    answer = await ask(both, model, [question, named] if behind else [named, question])
    assert parents(picture(answer)) == (sha256(picture(first)),)
    again = await ask(both, model, "make it night", previous_response_id=answer.id)
    assert parents(picture(again)) == (sha256(picture(answer)),)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("model", ["painter/text-strict", "up/gpt-6-astra"])
async def test_upload_and_describe(both: House, model: str, stream: bool) -> None:
    answer = await ask(both, model, shown("describe this picture", PICTURE), stream=stream)
    assert "640x480" in answer.output_text
    again = await ask(both, model, "describe it again", stream=stream, previous_response_id=answer.id)
    if model.startswith("up/"):
        assert "640x480" in again.output_text
    else:  # The painter speaks of the last message alone; the picture stands where it stood.
        first = both.painter.requests[-1]["messages"][0]
        assert first["content"][1]["image_url"]["url"].endswith(sha256(PICTURE))


async def test_media_by_file_id(both: House) -> None:
    media = await both.upload(PICTURE)
    part = {"type": "input_image", "file_id": media.id, "detail": "auto"}
    answer = await ask(
        both,
        "painter/images-strict",
        [{"role": "user", "content": [{"type": "input_text", "text": "make it blue"}, part]}],
    )
    assert parents(picture(answer)) == (sha256(PICTURE),)


async def test_two_doors_are_one_conversation(both: House) -> None:
    """What the chat door showed can be named here, and is found by its bytes."""
    first = await both.ask("painter/images-strict", FIVE[0])
    id = picture_id(first["darkroom"]["media"][0]["id"])
    answer = await ask(
        both, "painter/images-strict", [{"type": "item_reference", "id": id}, {"role": "user", "content": "add a boat"}]
    )
    (made,) = [media for media in await both.media() if media.id == first["darkroom"]["media"][0]["id"]]
    assert parents(picture(answer)) == (made.blob,)


# Streams


@pytest.mark.parametrize("model", MODELS)
async def test_the_sequence_of_a_stream(both: House, model: str) -> None:
    stream = await both.client.responses.create(model=model, input=FIVE[0], stream=True)
    kinds = [event.type async for event in stream]
    start = "response.image_generation_call"
    pictures = [kind for kind in kinds if kind.startswith(start)]
    assert pictures == [f"{start}.in_progress", f"{start}.generating", f"{start}.completed"]
    assert kinds[-1] == "response.completed"


async def test_partial_pictures(both: House) -> None:
    tools: Any = [{**TOOL, "partial_images": 2}]
    stream = await both.client.responses.create(model="up/gpt-6-astra", input=FIVE[0], tools=tools, stream=True)
    events = [as_json(event) async for event in stream]
    check_events(events)
    partials = [event for event in events if event["type"] == "response.image_generation_call.partial_image"]
    assert [event["partial_image_index"] for event in partials] == [0, 1]
    (item,) = [item for item in events[-1]["response"]["output"] if item["type"] == "image_generation_call"]
    assert {event["item_id"] for event in partials} == {item["id"]}
    assert all(base64.b64decode(event["partial_image_b64"]).startswith(b"\x89PNG") for event in partials)
    assert both.parts() == []
    named = [{"type": "image_generation_call", "id": item["id"]}, {"role": "user", "content": "add a boat"}]
    answer = await ask(both, "up/gpt-6-astra", named)
    assert parents(picture(answer)) == (sha256(base64.b64decode(item["result"])),)


async def test_the_sdks_own_accumulation(both: House) -> None:
    async with both.client.responses.stream(model="up/gpt-6-astra", input=FIVE[0]) as stream:
        async for _ in stream:
            pass
        answer = await stream.get_final_response()
    assert picture(answer).startswith(b"\x89PNG")


async def test_a_client_who_leaves_finds_its_answer(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame", gate=asyncio.Event())
    assert upstream.gate
    async with connected(tmp_path, upstream) as house:
        body = {"model": "up/gpt-6-astra", "input": FIVE[0], "stream": True, "tools": [{**TOOL, "partial_images": 1}]}
        async with house.http.post("/v1/responses", json=body) as response:
            upstream.gate.set()
            response.close()
        await house.gateway.chat.close(30)
        (media,) = await house.media()
        rows = await house.gateway.database.upstreams.response_chain("local", await only_response(house))
        answer = await house.client.responses.retrieve(rows[0].id)
        assert sha256(picture(answer)) == media.blob
        assert house.parts() == []


async def only_response(house: House) -> str:
    async with house.gateway.database._backend.reader() as connection:
        rows = await connection.execute_fetchall("SELECT id FROM responses")  # type: ignore[union-attr]
    ((id,),) = [*rows]
    return str(id)


# What is stored


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("model", MODELS)
async def test_what_is_stored_is_what_was_given(both: House, model: str, stream: bool) -> None:
    answer = await ask(both, model, FIVE[0], stream=stream, metadata={"a": "b"})
    found = as_json(await both.client.responses.retrieve(answer.id))
    Response.model_validate(found, strict=True)
    assert found == as_json(answer)
    row = await both.gateway.database.upstreams.response("local", answer.id)
    assert row
    assert not BASE64.search(row.body + row.turns)


async def test_input_items(both: House) -> None:
    first = await ask(both, "painter/images-strict", shown("make it blue", PICTURE))
    second = await ask(both, "painter/images-strict", "add a boat", previous_response_id=first.id)
    async with both.http.get(f"/v1/responses/{second.id}/input_items?order=asc") as response:
        page = await response.json()
    ResponseItemList.model_validate(page, strict=True)
    assert page["data"][0]["type"] == "message"
    assert "image_generation_call" in [item["type"] for item in page["data"]]
    assert page["data"][0]["content"][1]["file_id"].startswith("media_")
    assert page["data"][-1]["content"][0]["text"] == "add a boat"
    ids = [item.id async for item in both.client.responses.input_items.list(second.id, limit=1, order="asc")]
    assert ids == [item["id"] for item in page["data"]], "page by page it is the same"
    latest = await both.client.responses.input_items.list(second.id, limit=1)
    assert latest.data[0].id == ids[-1]
    async with both.http.get(f"/v1/responses/{second.id}/input_items?limit=0") as response:
        assert response.status == 400


async def test_delete(both: House) -> None:
    first = await ask(both, "painter/images-strict", FIVE[0])
    second = await ask(both, "painter/images-strict", FIVE[1], previous_response_id=first.id)
    await both.client.responses.delete(first.id)
    for call in (both.client.responses.retrieve, both.client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            await call(first.id)
    for id in (first.id, second.id):
        with pytest.raises(openai.NotFoundError):
            await ask(both, "painter/images-strict", "go on", previous_response_id=id)
    assert len(await both.media()) == 2, "its picture stays"


async def test_nothing_is_kept_of_what_is_not_to_be_stored(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        answer = await ask(house, "up/gpt-6-astra", FIVE[0], store=False)
        assert answer.store is False
        with pytest.raises(openai.NotFoundError):
            await house.client.responses.retrieve(answer.id)
        with pytest.raises(openai.NotFoundError):
            await ask(house, "up/gpt-6-astra", FIVE[1], previous_response_id=answer.id)
    assert upstream.kept == {}


async def test_owners_see_their_own(both: House) -> None:
    _, alice = await both.gateway.keys.create("alice")
    _, bob = await both.gateway.keys.create("bob")
    mine, theirs = (both.client.with_options(api_key=secret) for secret in (alice, bob))
    model = "painter/images-strict"
    answer: Any = await mine.responses.create(model=model, input=FIVE[0])
    assert (await mine.responses.retrieve(answer.id)).id == answer.id
    for call in (theirs.responses.retrieve, theirs.responses.delete, theirs.responses.input_items.list):
        with pytest.raises(openai.NotFoundError):
            await call(answer.id)
    with pytest.raises(openai.NotFoundError):
        await theirs.responses.create(model=model, input="go on", previous_response_id=answer.id)
    named: Any = [
        {"type": "image_generation_call", "id": item_of(answer).id},
        {"role": "user", "content": "add a boat"},
    ]
    stolen: Any = await theirs.responses.create(model=model, input=named)
    assert parents(picture(stolen)) == ()


# Tools, and what else there is


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_tools_call_and_its_answer(both: House, stream: bool) -> None:
    tools = [{"type": "function", "name": "look_up", "parameters": {"type": "object"}, "strict": False}]
    first = await ask(both, "up/gpt-6-astra", "call somebody", tools=tools, stream=stream)
    (call,) = first.output
    assert (call.type, call.name, json.loads(call.arguments)) == (
        "function_call",
        "look_up",
        {"about": "call somebody"},
    )
    told = [{"type": "function_call_output", "call_id": call.call_id, "output": "42"}]
    second = await ask(both, "up/gpt-6-astra", told, tools=tools, stream=stream, previous_response_id=first.id)
    assert "42" in second.output_text


async def test_thoughts(both: House) -> None:
    answer = await ask(both, "up/gpt-6-astra", FIVE[0], reasoning={"summary": "auto"}, stream=True)
    assert [item.type for item in answer.output] == ["reasoning", "image_generation_call", "message"]
    assert answer.output[0].summary[0].text.startswith("Thinking")


async def test_parameters_reach_the_upstream(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        tools = [{**TOOL, "size": "1536x1024", "quality": "low", "action": "generate"}]
        answer = await ask(
            house, "up/gpt-6-astra", FIVE[0], tools=tools, temperature=0.5, truncation="auto", max_output_tokens=500
        )
    (body,) = upstream.asked
    assert body["tools"] == [{**TOOL, "size": "1536x1024", "quality": "low", "action": "generate"}]
    assert (body["temperature"], body["truncation"], body["max_output_tokens"]) == (0.5, "auto", 500)
    assert (answer.temperature, answer.truncation, answer.max_output_tokens) == (0.5, "auto", 500)
    assert item_of(answer).size == "{}x{}".format(*open_picture(picture(answer)).size)
    assert item_of(answer).revised_prompt == f"{FIVE[0]}, in detail"


async def test_a_video_is_a_link_in_the_text(both: House) -> None:
    answer = await ask(both, "painter/video-html", "a boat sails by", stream=True)
    assert "/media/media_" in answer.output_text


async def test_tools_of_another_upstream(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    pieces: list[Json] = [
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]},
    ]
    async with serve(Scripted(pieces).app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        streamed = await ask(house, "relay/some-model", "hi", stream=True)
    scripted = Scripted([{"tool_calls": [call]}])
    async with serve(scripted.app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        plain = await ask(house, "relay/some-model", "hi")
    for answer in (streamed, plain):
        assert [(each.call_id, each.name, each.arguments) for each in answer.output] == [("c1", "f", '{"a": 1}')]


# Failures


async def test_failures(both: House) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(both, "up/gpt-6-astra-moderated", FIVE[0])
    assert refused.value.code == "content_policy_violation"
    stream: Any = await both.client.responses.create(model="up/gpt-6-astra-moderated", input=FIVE[0], stream=True)
    events = [as_json(event) async for event in stream]
    check_events(events)
    last = events[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"]["code"] == "image_content_policy_violation"
    assert last["response"]["darkroom"]["error"]["code"] == "content_policy_violation"
    assert [item["status"] for item in last["response"]["output"]] == ["failed"]


async def test_an_incomplete_answer(both: House) -> None:
    answer = await ask(both, "up/gpt-6-astra", shown("describe this", PICTURE), max_output_tokens=16, stream=True)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")


WRONG: dict[str, Json] = {
    "no input": {"input": []},
    "no model": {"model": ""},
    "unknown item": {"input": [{"type": "thought"}]},
    "unknown part": {"input": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
    "picture said by the assistant": {
        "input": [{"role": "assistant", "content": [{"type": "input_image", "image_url": data_uri(PICTURE)}]}]
    },
    "picture without an address": {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
    "unknown media": {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "media_x"}]}]},
    "broken picture": {"input": shown("hi", b"no picture at all, that is for sure")},
    "role": {"input": [{"role": "critic", "content": "hi"}]},
    "lonely reference": {"input": [{"type": "item_reference", "id": "msg_1"}]},
    "temperature": {"temperature": "hot"},
    "stream": {"stream": "yes"},
    "store": {"store": 1},
    "background": {"background": True},
    "conversation": {"conversation": "conv_1"},
    "tool": {"tools": ["image_generation"]},
    "partials": {"tools": [{**TOOL, "partial_images": 9}]},
    "previous": {"previous_response_id": "resp_1"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_what_is_refused(house: House, wrong: Json) -> None:
    body = {"model": "painter/images-strict", "input": "a boat", **wrong}
    async with house.http.post("/v1/responses", json=body) as response:
        assert response.status in (400, 404), await response.text()
        error = (await response.json())["error"]
    assert error["message"]
    assert error["type"] == "invalid_request_error"
    assert not house.painter.requests


# Pure


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"model": "m"}', b'{"model": "m", "input": [1]}', b'{"input": "a"}']
)
def test_what_is_no_request(body: bytes) -> None:
    with pytest.raises(ClientError):
        decode_request(body, new_lifts())


def test_the_same_chat_told_in_other_items() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Here."}]}
    drawn = {"type": "image_generation_call", "id": "ig_01jqwte8yjf7haxqc521b7z2wf", "result": None}
    question = {"role": "user", "content": "go on"}
    asked = decode_request(
        json.dumps({"model": "m", "input": [{"role": "user", "content": "hi"}, drawn, said, question]}).encode(),
        new_lifts(),
    )
    first, answer, last = asked.conversation.messages
    assert [message.role for message in (first, answer, last)] == ["user", "assistant", "user"]
    (part,) = answer.media
    assert isinstance(part, MediaPart)
    assert part.source == Named("media_01jqwte8yjf7haxqc521b7z2wf")
    assert answer.text == "Here."


def test_ids_of_pictures_lead_back() -> None:
    for name in ("media_01jqwte8yjf7haxqc521b7z2wf", "gen_01jqwte8yjf7haxqc521b7z2wf"):
        drawn = {"type": "image_generation_call", "id": picture_id(name)}
        body = json.dumps({"model": "m", "input": [drawn, {"role": "user", "content": "hi"}]}).encode()
        (part,) = decode_request(body, new_lifts()).conversation.messages[0].media
        assert part.source == Named(name)


def test_blank_text_between_pictures_says_nothing() -> None:
    output = Output("1", "http://x")
    for event in (TextDelta("\n\n"), TextDelta("a"), TextDelta(" b"), ReasoningDelta("hm"), TextDelta("\n")):
        [*output.take(event)]
    [*output.close()]
    assert [item["type"] for item in output.items] == ["message", "reasoning"]
    assert output.items[0]["content"][0]["text"] == "a b"
    assert len({item["id"] for item in output.items}) == 2


def test_a_refusal_is_a_part_of_its_own() -> None:
    output = Output("1", "http://x")
    changes = [*output.take(TextDelta("Well.")), *output.take(Passthrough({"refusal": "No."})), *output.close()]
    assert [part["type"] for part in output.items[0]["content"]] == ["output_text", "refusal"]
    for number, change in enumerate(changes):
        EVENT.validate_python({**change, "sequence_number": number}, strict=True)


def test_a_draft_of_nothing_known_is_left_out() -> None:
    lifts = new_lifts()
    draft = PartialProduced(lifts.take(lifts.open().placeholder))
    assert [*Output("1", "http://x").take(draft)] == []
