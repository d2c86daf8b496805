"""Responses upstreams: what they are sent, what is read of their answers, and that they are gone on from."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chats import FIVE, TREE, chat, check_description, check_five_turns, pictures_of
from cuts import new_lifts, same_for_all_cuts
from darkroom.dialects.openai_responses import EventDecoder, decode_error, encode_request
from darkroom.dialects.relay_text import merge
from darkroom.errors import ContentPolicyViolation, UpstreamBroken, UpstreamForgot, UpstreamRejected
from darkroom.events import Event, Failed, Finished, MediaProduced, PartialProduced, Passthrough, ThreadNamed
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Opaque, Remote, Text
from darkroom.profiles import Profile
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import ResponsesUpstream, serve
from darkroom.testing.responses_request import Refused
from running import House, Json, content_of, data_uri, links_in, message_of, picture, running, sha256, user

MODEL = "up/gpt-6-astra"
DRAWS = Profile(makes=frozenset({MediaKind.IMAGE}))
PICTURE = paint("a red barn", size=(640, 480)).data


def provider(url: str, keys: Sequence[str] = ("sesame",), **fields: Any) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1", dialect="openai-responses", api_keys=tuple(keys), **fields)


@asynccontextmanager
async def connected(root: Path, upstream: ResponsesUpstream, **fields: Any) -> AsyncIterator[House]:
    async with serve(upstream.app) as url, running(root, providers=[provider(url, **fields)]) as house:
        yield house


def kinds_of(body: Json) -> list[str]:
    return [item["type"] for item in body["input"]]


def texts_of(body: Json) -> list[str]:
    return [part["text"] for item in body["input"] for part in item.get("content", ()) if "text" in part]


def parents(data: bytes) -> tuple[str, ...]:
    return read_ancestry(data)[-1].parents


# Chats


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_five_turns_send_only_what_is_new(tmp_path: Path, stream: bool) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        await check_five_turns(house, MODEL, stream=stream)
    assert [texts_of(body) for body in upstream.asked] == [[prompt] for prompt in FIVE]
    ids = [*upstream.kept]
    assert [body.get("previous_response_id") for body in upstream.asked] == [None, *ids[:4]]
    assert all(each.size < 600 for each in upstream.requests)


async def test_five_turns_where_nothing_may_be_kept(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream, cleanup="after_response") as house:
        await check_five_turns(house, MODEL)
        assert await house.gateway.database.upstreams.objects(10) == []
    assert upstream.kept == {}
    assert all(body["store"] is False and "previous_response_id" not in body for body in upstream.asked)
    assert all("image_generation_call" not in kinds_of(body) for body in upstream.asked)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_description(tmp_path: Path, stream: bool) -> None:
    async with connected(tmp_path, ResponsesUpstream(key="sesame")) as house:
        await check_description(house, MODEL, stream=stream)


async def test_a_branch_goes_on_from_the_ancestor_that_it_left(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        answers = await chat(house, MODEL, *FIVE[:3])
        messages = [user(FIVE[0]), message_of(answers[0]), user("make it night")]
        branch = await house.ask(MODEL, *messages)
        first, found = await pictures_of(house, [answers[0], branch])
        assert parents(found) == (sha256(first),)
    assert upstream.asked[-1]["previous_response_id"] == next(iter(upstream.kept))
    assert texts_of(upstream.asked[-1]) == ["make it night"]


async def test_an_edited_history_goes_on_from_what_is_left_of_it(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        answers = await chat(house, MODEL, *FIVE[:2])
        one, two = map(message_of, answers)
        await house.ask(MODEL, user(FIVE[0]), one, user("add a large green boat"), two, user("make it night"))
    body = upstream.asked[-1]
    assert body["previous_response_id"] == next(iter(upstream.kept))
    assert texts_of(body)[0] == "add a large green boat"
    assert kinds_of(body) == ["message", "image_generation_call", "message", "message"]


async def test_a_forgotten_chain_is_told_again_by_ids(tmp_path: Path) -> None:
    """The chain is gone, its pictures are not: as for a response that was deleted alone."""
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        answers = await chat(house, MODEL, *FIVE[:2])
        upstream.refusals.append(Refused(400, "Previous response with id 'resp_1' not found.", "previous_response_id"))
        messages = [each for at in (0, 1) for each in (user(FIVE[at]), message_of(answers[at]))]
        third = await house.ask(MODEL, *messages, user(FIVE[2]))
        found = await pictures_of(house, [*answers, third])
        assert parents(found[2]) == (sha256(found[1]),)
    body = upstream.asked[-1]
    assert "previous_response_id" not in body
    assert kinds_of(body).count("image_generation_call") == 1
    assert all("input_image" not in json.dumps(body) for body in upstream.asked)


async def test_a_forgotten_chat_is_told_whole(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        messages: list[Any] = []
        answers: list[Json] = []
        for prompt in FIVE:
            messages.append(user(prompt))
            answers.append(await house.ask(MODEL, *messages))
            messages.append(message_of(answers[-1]))
            upstream.forget()
        found = await pictures_of(house, answers)
        hashes = [sha256(data) for data in found]
        assert [[hashes.index(parent) for parent in parents(data)] for data in found] == TREE
    last = [part["type"] for part in upstream.asked[-1]["input"][-1]["content"]]
    assert sorted(last) == ["input_image", "input_text"]


async def test_a_forgotten_chain_is_not_tried_twice(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        (first,) = await chat(house, MODEL, FIVE[0])
        upstream.forget()
        messages = [user(FIVE[0]), message_of(first), user(FIVE[1])]
        await house.ask(MODEL, *messages)
        tried = len(upstream.asked)
        await house.ask(MODEL, *messages)
        assert [body.get("previous_response_id") for body in upstream.asked[tried:]].count(None) == len(
            upstream.asked[tried:]
        )
        rows = await house.gateway.database.upstreams.objects(10)
        assert {row.path.rpartition("/")[2] for row in rows} == {*upstream.kept}


async def test_another_key_is_shown_the_picture(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(keys=("one", "two"))
    async with serve(upstream.app) as url:
        async with running(tmp_path, providers=[provider(url, ["one"])]) as house:
            (first,) = await chat(house, MODEL, FIVE[0])
            (data,) = await pictures_of(house, [first])
        async with running(tmp_path, providers=[provider(url, ["two"])]) as house:
            second = await house.ask(MODEL, user(FIVE[0]), message_of(first), user(FIVE[1]))
            (edited,) = await pictures_of(house, [second])
            assert parents(edited) == (sha256(data),)
    body = upstream.asked[-1]
    assert "previous_response_id" not in body
    assert "input_image" in [part["type"] for part in body["input"][-1]["content"]]


async def test_system_messages_stay_in_the_chain(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        system = {"role": "system", "content": "you paint"}
        first = await house.ask(MODEL, system, user(FIVE[0]))
        await house.ask(MODEL, system, user(FIVE[0]), message_of(first), user(FIVE[1]))
    assert [item["role"] for item in upstream.asked[0]["input"]] == ["system", "user"]
    assert [item["role"] for item in upstream.asked[1]["input"]] == ["user"]


# What is kept there


async def test_what_is_kept_is_deleted_when_it_is_idle(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        await chat(house, MODEL, *FIVE[:2])
        upstreams = house.gateway.database.upstreams
        rows = await upstreams.objects(10)
        assert {row.path for row in rows} == {f"/responses/{id}" for id in upstream.kept}
        assert {row.kind for row in rows} == {"response"}
        assert all(row.due is not None and row.due - row.created > 23 * 3600 * 1000 for row in rows)
        first = min(rows, key=lambda row: row.created)
        assert first.due is not None
        assert first.due > first.created + 24 * 3600 * 1000, "the second turn went on from it"
        for row in rows:
            await upstreams.set_due(row.id, 1)
        assert await house.gateway.cleanup.run_due() == 2
        assert upstream.kept == {}
        assert await upstreams.objects(10) == []


async def test_a_picture_that_nobody_waits_for_is_kept(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame", gate=asyncio.Event())
    assert upstream.gate
    async with connected(tmp_path, upstream) as house:
        body = {"model": MODEL, "messages": [user(FIVE[0])], "stream": True, "partial_images": 2}
        async with house.http.post("/v1/chat/completions", json=body) as response:
            upstream.gate.set()
            response.close()
        await house.gateway.chat.close(30)
        assert len(await house.media()) == 1
        assert house.parts() == []
        assert len(await house.gateway.database.upstreams.objects(10)) == 1


async def test_partial_pictures_do_not_reach_a_chat(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        answer = await house.ask(MODEL, FIVE[0], stream=True, partial_images=3)
        assert len(links_in(content_of(answer))) == 1
        assert len(await house.media()) == 1
        assert house.parts() == []
    assert upstream.asked[0]["tools"][0]["partial_images"] == 3


# Failures


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_moderated_picture_is_the_contents_fault(tmp_path: Path, stream: bool) -> None:
    async with connected(tmp_path, ResponsesUpstream(key="sesame")) as house:
        asked = {"model": f"{MODEL}-moderated", "messages": [user(FIVE[0])], "stream": stream}
        status, body = 200, {}
        if stream:
            (*_, body, done) = await house.frames(asked)
            assert done == "[DONE]"
        else:
            status, body = await house.post(asked)
            assert status == 400
        assert body["error"]["code"] == "content_policy_violation"


async def test_what_is_refused_before_it_begins(tmp_path: Path) -> None:
    async with connected(tmp_path, ResponsesUpstream(key="sesame")) as house:
        status, body = await house.post({"model": MODEL, "messages": [user("something unsafe")]})
        assert (status, body["error"]["code"]) == (400, "content_policy_violation")
        status, body = await house.post({"model": f"{MODEL}-fails", "messages": [user("a boat")]})
        assert (status, body["error"]["code"]) == (502, "upstream_broken")


async def test_an_answer_cut_short_by_its_limit(tmp_path: Path) -> None:
    async with connected(tmp_path, ResponsesUpstream(key="sesame")) as house:
        answer = await house.ask(MODEL, user("describe this", picture(data_uri(PICTURE))), max_tokens=16)
        assert answer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_tools_call_and_its_answer(tmp_path: Path, stream: bool) -> None:
    upstream = ResponsesUpstream(key="sesame")
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    async with connected(tmp_path, upstream) as house:
        first = await house.ask(MODEL, "call somebody", tools=[tool], stream=stream)
        assert first["choices"][0]["finish_reason"] == "tool_calls"
        said = message_of(first)
        pieces = said["tool_calls"]
        id = next(piece["id"] for piece in pieces if piece.get("id"))
        arguments = "".join(piece["function"].get("arguments") or "" for piece in pieces)
        assert json.loads(arguments) == {"about": "call somebody"}
        call = {"id": id, "type": "function", "function": {"name": "look_up", "arguments": arguments}}
        told = {"role": "tool", "tool_call_id": id, "content": "42"}
        asked = {"role": "assistant", "content": None, "tool_calls": [call]}
        second = await house.ask(MODEL, user("call somebody"), asked, told, tools=[tool], stream=stream)
        assert "42" in content_of(second)
    assert kinds_of(upstream.asked[-1]) == ["message", "function_call", "function_call_output"]


# The request


def encoded(conversation: Conversation, profile: Profile = DRAWS) -> Json:
    (piece,) = encode_request(conversation, profile).pieces
    assert isinstance(piece, bytes)
    body: Json = json.loads(piece)
    return body


def asking(*messages: Message, **fields: Any) -> Conversation:
    return Conversation("gpt-6-astra", messages or (Message("user", (Text("hi"),)),), **fields)


def test_parameters_are_told_in_the_apis_words() -> None:
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    body = encoded(
        asking(
            params={
                "temperature": 0.5,
                "max_tokens": 100,
                "reasoning_effort": "low",
                "response_format": {"type": "json_schema", "json_schema": schema},
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
                "tool_choice": {"type": "function", "function": {"name": "f"}},
                "size": "16:9",
                "quality": "hd",
                "background": "opaque",
                "output_format": "jpg",
                "frequency_penalty": 1,
                "stream_options": {"include_usage": True},
            }
        )
    )
    assert body == {
        "model": "gpt-6-astra",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "store": True,
        "temperature": 0.5,
        "max_output_tokens": 100,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", **schema}},
        "tools": [
            {"type": "function", "name": "f", "parameters": {}, "strict": False},
            {
                "type": "image_generation",
                "quality": "high",
                "background": "opaque",
                "output_format": "jpeg",
                "size": "1360x768",
            },
        ],
        "tool_choice": {"type": "function", "name": "f"},
    }


def test_a_model_of_words_is_offered_no_tool() -> None:
    assert "tools" not in encoded(asking(), Profile())


def test_a_client_that_can_only_take_pictures_gets_one() -> None:
    assert encoded(asking(dialect="openai-images"))["tool_choice"] == {"type": "image_generation"}


def test_partial_pictures_are_asked_for_in_streams_alone() -> None:
    params = {"partial_images": 2}
    assert encoded(asking(params=params, stream=True))["tools"][0]["partial_images"] == 2
    assert "partial_images" not in encoded(asking(params=params))["tools"][0]


def test_a_mask_stands_in_the_tool() -> None:
    parts = (Text("fill it"), MediaPart(MediaKind.IMAGE, Remote("https://a.example/a.png")))
    mask = MediaPart(MediaKind.IMAGE, Remote("https://a.example/mask.png"), role="mask")
    body = encoded(asking(Message("user", (*parts, mask))))
    assert [part["type"] for part in body["input"][0]["content"]] == ["input_text", "input_image"]
    assert body["tools"][0]["input_image_mask"] == {"image_url": "https://a.example/mask.png"}


def test_what_an_assistant_said_is_output() -> None:
    parts = (Text("one"), Text(" two"), Opaque({"type": "refusal", "refusal": "no"}))
    body = encoded(asking(Message("assistant", parts), Message("user", (Text("go on"),))))
    assert body["input"][0]["content"] == [
        {"type": "output_text", "text": "one two"},
        {"type": "refusal", "refusal": "no"},
    ]


def test_native_fields_go_to_the_same_dialect_alone() -> None:
    native = {"truncation": "auto", "store": False, "tools": [{"type": "web_search"}]}
    body = encoded(asking(native=native, dialect="openai-responses"))
    assert (body["truncation"], body["store"]) == ("auto", True)
    assert [tool["type"] for tool in body["tools"]] == ["image_generation", "web_search"]
    assert "truncation" not in encoded(asking(native=native, dialect="gemini"))


# The answer


B64 = base64.b64encode(PICTURE).decode()
IMAGE = {
    "id": "ig_1",
    "type": "image_generation_call",
    "status": "completed",
    "result": B64,
    "revised_prompt": "a barn",
}
SAID = {"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "Here."}]}


def response(*output: Json, status: str = "completed", **fields: Any) -> Json:
    return {"id": "resp_1", "object": "response", "model": "m", "status": status, "output": output, **fields}


def sse(*events: Json) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def streamed(*events: Json, last: Json | None = None) -> bytes:
    created = {"type": "response.created", "response": response(status="in_progress")}
    done = [] if last is None else [{"type": f"response.{last['status']}", "response": last}]
    return sse(created, *events, *done)


def plain_of(event: Event) -> Any:
    """Return an event with what was lifted as its hash, so that it can be compared."""
    if isinstance(event, MediaProduced | PartialProduced):
        assert event.lifted
        return (type(event).__name__, event.lifted.sha256, event.lifted.error)
    if isinstance(event, Failed):
        return (type(event.error), event.error.message)
    return event


def events_of(body: bytes, **options: Any) -> list[Any]:
    def run(cut: list[bytes]) -> list[Any]:
        decoder = EventDecoder(new_lifts(), **options)
        events = [event for piece in cut for event in decoder.decode(piece)]
        return [plain_of(event) for event in merge([*events, *decoder.flush()])]

    return same_for_all_cuts(body, run, every=len(body) < 20_000)


def test_a_stream_and_its_plain_answer_say_the_same() -> None:
    usage = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14, "input_tokens_details": {"cached_tokens": 3}}
    whole = response(IMAGE, SAID, usage=usage)
    stream = streamed(
        {"type": "response.output_item.done", "output_index": 0, "item": IMAGE},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "He"},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "re."},
        {"type": "response.output_item.done", "output_index": 1, "item": SAID},
        last=whole,
    )
    events = events_of(stream)
    assert events == events_of(json.dumps(whole).encode())
    assert ("MediaProduced", sha256(PICTURE), None) in events
    names = [type(event).__name__ for event in events]
    assert names[0] == "Started"
    assert names[-4:] == ["TextDelta", "UsageReported", "ThreadNamed", "Finished"]
    assert events[-3].usage == {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 3},
    }


def test_what_is_not_kept_has_no_names() -> None:
    names = [type(event).__name__ for event in events_of(json.dumps(response(IMAGE)).encode(), kept=False)]
    assert {"ThreadNamed", "UpstreamNamed", "Remembered"} & {*names} == set()
    assert not any(isinstance(event, ThreadNamed) for event in events_of(json.dumps(response(store=False)).encode()))


def test_partial_pictures_for_those_who_ask() -> None:
    kind = "response.image_generation_call.partial_image"
    partial = {"type": kind, "output_index": 0, "partial_image_index": 0, "partial_image_b64": B64}
    stream = streamed(partial, last=response(IMAGE))
    draft = ("PartialProduced", sha256(PICTURE), None)
    assert draft in events_of(stream, partials=True)
    assert draft not in events_of(stream)


def test_what_is_told_again_is_let_go_of() -> None:
    """The last event repeats the picture; its bytes must not lie about until the answer ends."""
    lifts = new_lifts()
    decoder = EventDecoder(lifts)
    decoder.decode(streamed({"type": "response.output_item.done", "output_index": 0, "item": IMAGE}))
    decoder.decode(sse({"type": "response.completed", "response": response(IMAGE)}))
    assert lifts._runs == {}


def test_a_failed_picture_is_told_at_the_end() -> None:
    error = {"code": "moderation_blocked", "message": "rejected by the safety system", "moderation_details": {}}
    failed = {"id": "ig_0", "type": "image_generation_call", "status": "failed", "result": None, "error": error}
    assert events_of(json.dumps(response(failed)).encode())[-1][0] is ContentPolicyViolation
    retried = events_of(json.dumps(response(failed, IMAGE)).encode())
    assert isinstance(retried[-1], Finished), "the model tried again"


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), (None, "length")]
)
def test_an_incomplete_answer(reason: str | None, finish: str) -> None:
    whole = response(SAID, status="incomplete", incomplete_details={"reason": reason})
    events = events_of(streamed(last=whole))
    assert events[-1] == Finished(finish)
    assert not any(isinstance(event, ThreadNamed) for event in events)


def test_a_stream_that_breaks_off_is_not_whole() -> None:
    stream = streamed({"type": "response.output_text.delta", "output_index": 0, "delta": "He"})
    assert events_of(stream)[-1] == Finished(whole=False)


def test_errors_in_a_stream() -> None:
    error = {"type": "error", "code": "server_error", "message": "The server had an error.", "param": None}
    assert events_of(streamed(error))[-1][0] is UpstreamBroken
    blocked = {"code": "image_content_policy_violation", "message": "no"}
    assert events_of(streamed(last=response(status="failed", error=blocked)))[-1][0] is ContentPolicyViolation
    bad = {"code": "invalid_image", "message": "it can't be read"}
    assert events_of(streamed(last=response(status="failed", error=bad)))[-1][0] is UpstreamRejected
    lost = {"type": "error", "code": "previous_response_not_found", "message": "Previous response … not found."}
    with pytest.raises(UpstreamForgot):
        events_of(sse(lost))


def test_what_is_no_answer() -> None:
    for body in (b"", b"<html>busy</html>", b'{"ok": true}', b"[1]", b'data: {"type": \n\n'):
        with pytest.raises(UpstreamBroken):
            events_of(body)


def test_a_refusal_and_thoughts() -> None:
    part = {"type": "refusal", "refusal": "I can't."}
    thought = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    events = events_of(json.dumps(response(thought, {"id": "m", "type": "message", "content": [part]})).encode())
    assert Passthrough({"refusal": "I can't."}) in events
    assert "Hm." in [getattr(event, "text", None) for event in events]


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "Previous response with id 'resp_1' not found.", "previous_response_not_found"),
        (404, "Item with id 'ig_1' not found. Items are not persisted when `store` is set to false.", None),
    ],
)
def test_what_the_upstream_forgot(status: int, message: str, code: str | None) -> None:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": "input", "code": code}}
    assert isinstance(decode_error(status, json.dumps(body).encode()), UpstreamForgot)
    assert not isinstance(decode_error(500, json.dumps(body).encode()), UpstreamForgot)
    body["error"]["message"], body["error"]["code"] = "The model 'x' does not exist.", "model_not_found"
    assert not isinstance(decode_error(status, json.dumps(body).encode()), UpstreamForgot)
