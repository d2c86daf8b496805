"""The Interactions API as an upstream: what is sent each turn, what is kept there and for how long, films, failures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest

from chats import FIVE, chat, check_description, check_five_turns, pictures_of
from cuts import new_lifts, same_for_all_cuts
from darkroom.codecs import data_uri as uris
from darkroom.dialects.gemini_interactions import WIRE, EventDecoder, is_forgotten
from darkroom.dialects.relay_text import merge
from darkroom.dialects.wire import Base64Of
from darkroom.errors import (
    ContentPolicyViolation,
    UpstreamAuthFailed,
    UpstreamBroken,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from darkroom.events import Event, Failed, Finished, MediaProduced, Progress, UsageReported
from darkroom.media import Media, MediaKind, sniff
from darkroom.messages import Conversation, MediaPart, Message, Remote, Stored, Text
from darkroom.profiles import PROFILES
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import InteractionsUpstream, serve
from darkroom.testing.interactions_request import Refused, read
from running import House, Json, content_of, links_in, message_of, running, sha256, user

IMAGE, TEXT, FILM = "up/gemini-3.1-flash-image", "up/gemini-3.8-flash", "up/gemini-omni-1.1-flash"
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@asynccontextmanager
async def talking(
    root: Path, upstream: InteractionsUpstream | None = None, **fields: Any
) -> AsyncIterator[tuple[House, InteractionsUpstream]]:
    """Run a gateway with the emulator as its provider `up`."""
    upstream = upstream or InteractionsUpstream(key="sesame")
    fields = {"api_keys": ("sesame",), "options": {"poll_seconds": 0.01}, **fields}
    async with serve(upstream.app) as url:
        up = ProviderSettings("up", f"{url}/v1beta", dialect="gemini-interactions", **fields)
        async with running(root, providers=[up]) as house:
            yield house, upstream


def of(upstream: InteractionsUpstream, method: str, path: str = "") -> list[Any]:
    return [each for each in upstream.requests if each.method == method and path in each.path]


def said_in(body: Json) -> list[str]:
    """Return the kinds of all that an input holds, step by step."""
    return [f"{step['type']}:{'+'.join(part['type'] for part in step['content'])}" for step in body["input"]]


# Turns


@BOTH
async def test_five_turns_send_only_what_is_new(tmp_path: Path, stream: bool) -> None:
    async with talking(tmp_path) as (house, upstream):
        answers = await check_five_turns(house, IMAGE, stream=stream)
        assert [said_in(body) for body in upstream.asked] == [["user_input:text"]] * 5
        ids = [answer["darkroom"]["generations"][0]["upstream_ids"]["interaction_id"] for answer in answers]
        assert [body.get("previous_interaction_id") for body in upstream.asked] == [None, *ids[:-1]]
        assert list(upstream.kept) == ids
        assert all(body["stream"] and body["store"] for body in upstream.asked)
        rows = await house.gateway.database.upstreams.objects(10)
        assert {row.path for row in rows} == {f"/interactions/{id}" for id in ids}


@BOTH
async def test_upload_and_describe(tmp_path: Path, stream: bool) -> None:
    async with talking(tmp_path) as (house, upstream):
        answer = await check_description(house, TEXT, stream=stream)
        assert answer["usage"]["total_tokens"] == 61
        assert answer["usage"]["completion_tokens"] == 52
        assert said_in(upstream.asked[0]) == ["user_input:text+image"]
        assert await house.generations() == []
        answer = await check_description(house, IMAGE, stream=stream)
        assert not links_in(content_of(answer))


async def test_thoughts_are_told_and_their_pictures_dropped(tmp_path: Path) -> None:
    async with talking(tmp_path) as (house, _):
        answer = await house.ask(IMAGE, "a lighthouse", stream=True)
        assert message_of(answer)["reasoning_content"] == "Thinking of it."
        assert answer["usage"]["completion_tokens_details"] == {"reasoning_tokens": 40, "image_tokens": 1120}
        assert len(await house.blobs()) == 1
        assert not house.parts()


async def test_an_edited_history_goes_on_from_the_right_ancestor(tmp_path: Path) -> None:
    async with talking(tmp_path) as (house, upstream):
        answers = await chat(house, IMAGE, *FIVE[:3])
        ids = list(upstream.kept)
        one, two = message_of(answers[0]), message_of(answers[1])
        # Another question after the second answer, and another one in the place of the second.
        third = await house.ask(IMAGE, user(FIVE[0]), one, user(FIVE[1]), two, user("add a bird"))
        other = await house.ask(IMAGE, user(FIVE[0]), one, user("add a whale"))
        assert [body.get("previous_interaction_id") for body in upstream.asked[3:]] == [ids[1], ids[0]]
        made = await pictures_of(house, [*answers, third, other])
        parents = [read_ancestry(data)[-1].parents for data in made]
        assert parents[3:] == [(sha256(made[1]),), (sha256(made[0]),)]
        # Nobody said this before: all of it is told, and the picture stands in the user's turn.
        await house.ask(IMAGE, user("something else"), one, user("add a whale"))
        assert "previous_interaction_id" not in upstream.asked[-1]
        steps = said_in(upstream.asked[-1])
        assert steps == ["user_input:text", "model_output:text+text", "user_input:image+text"]


async def test_instructions_are_told_each_time(tmp_path: Path) -> None:
    async with talking(tmp_path) as (house, upstream):
        rule: Json = {"role": "system", "content": "Speak softly."}
        first = await house.ask(TEXT, rule, user("hello"))
        await house.ask(TEXT, rule, user("hello"), message_of(first), user("and again"), reasoning_effort="low")
        assert [body["system_instruction"] for body in upstream.asked] == ["Speak softly."] * 2
        assert "previous_interaction_id" in upstream.asked[1]
        assert upstream.asked[1]["generation_config"] == {"thinking_level": "low", "thinking_summaries": "auto"}


# Memory


@BOTH
async def test_what_is_forgotten_is_told_again(tmp_path: Path, stream: bool) -> None:
    async with talking(tmp_path) as (house, upstream):
        first = await house.ask(IMAGE, "a lighthouse", stream=stream)
        upstream.forget()
        second = await house.ask(IMAGE, user("a lighthouse"), message_of(first), user("add a boat"), stream=stream)
        one, two = await pictures_of(house, [first, second])
        assert read_ancestry(two)[-1].parents == (sha256(one),)
        assert ["previous_interaction_id" in body for body in upstream.asked] == [False, True, False]
        assert said_in(upstream.asked[2])[-1] == "user_input:image+text"
        messages = [user("a lighthouse"), message_of(first), user("add a boat"), message_of(second), user("and a fish")]
        await house.ask(IMAGE, *messages, stream=stream)
        assert upstream.asked[-1]["previous_interaction_id"] in upstream.kept


async def test_who_remembers_a_conversation_goes_on_with_it(tmp_path: Path) -> None:
    upstream = InteractionsUpstream(key="sesame", keys=("other",))
    async with talking(tmp_path, upstream, api_keys=("sesame", "other")) as (house, _):
        await check_five_turns(house, IMAGE)
        assert len({each.headers["x-goog-api-key"] for each in of(upstream, "POST")}) == 1
        assert len(upstream.asked) == 5


async def test_another_key_knows_nothing(tmp_path: Path) -> None:
    """Ids belong to a key: with another one, all is told anew."""
    upstream = InteractionsUpstream(key="sesame", keys=("other",))
    async with talking(tmp_path, upstream) as (house, _):
        first = await house.ask(IMAGE, "a lighthouse")
        (one,) = await pictures_of(house, [first])
    async with talking(tmp_path, upstream, api_keys=("other",)) as (house, _):
        second = await house.ask(IMAGE, user("a lighthouse"), message_of(first), user("add a bird"))
        (two,) = await pictures_of(house, [second])
    assert read_ancestry(two)[-1].parents == (sha256(one),)
    assert ["previous_interaction_id" in body for body in upstream.asked] == [False, False]
    assert said_in(upstream.asked[1])[-1] == "user_input:image+text"


async def test_nothing_is_kept_where_the_policy_says_so(tmp_path: Path) -> None:
    async with talking(tmp_path, cleanup="after_response") as (house, upstream):
        await check_five_turns(house, IMAGE)
        assert [body["store"] for body in upstream.asked] == [False] * 5
        assert not any("previous_interaction_id" in body for body in upstream.asked)
        assert [sum("image" in step for step in said_in(body)) for body in upstream.asked] == [0, 1, 1, 1, 1]
        assert not upstream.kept
        assert await house.gateway.database.upstreams.objects(10) == []
        assert not of(upstream, "DELETE")


async def test_idle_conversations_are_deleted(tmp_path: Path) -> None:
    async with talking(tmp_path, cleanup="idle:1h") as (house, upstream):
        rows, cleanup = house.gateway.database.upstreams, house.gateway.chat.means.cleanup
        first = await house.ask(IMAGE, "a lighthouse")
        await house.ask(IMAGE, "a barn")
        assert await cleanup.run_due() == 0
        due = {row.path: row.due for row in await rows.objects(10)}
        ids = list(upstream.kept)
        assert all(due.values())
        for row in await rows.objects(10):
            await rows.set_due(row.id, 1_000_000_000_000)
        # Going on from an interaction starts its time anew, also where its time is over.
        await house.ask(IMAGE, user("a lighthouse"), message_of(first), user("add a boat"))
        await cleanup.run_due()
        assert ids[0] in upstream.kept
        assert ids[1] not in upstream.kept
        assert len(await rows.objects(10)) == 2


async def test_what_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    async with talking(tmp_path, cleanup="keep") as (house, upstream):
        await house.ask(IMAGE, "a lighthouse")
        rows = await house.gateway.database.upstreams.objects(10)
        assert [row.due for row in rows] == [None]
    assert len(upstream.kept) == 1


# Streams that break off


@BOTH
@pytest.mark.parametrize("cuts", [[1], [5], [9], [10], [12], [3, 4, 2]], ids=str)
async def test_a_stream_that_breaks_off_is_resumed(tmp_path: Path, cuts: list[int], stream: bool) -> None:
    async with talking(tmp_path) as (house, upstream):
        upstream.cuts = [*cuts]
        answer = await house.ask(IMAGE, "a lighthouse", stream=stream)
        assert content_of(answer).startswith("Here it is.")
        assert message_of(answer)["reasoning_content"] == "Thinking of it."
        assert len(links_in(content_of(answer))) == 1
        assert len(await house.blobs()) == 1
        assert len(upstream.asked) == 1
        assert len(of(upstream, "GET", "/interactions/")) == len(cuts)
        assert not upstream.cuts
        assert not house.parts()


async def test_a_stream_that_can_not_be_resumed(tmp_path: Path) -> None:
    """Nothing is kept there, or it breaks off again and again."""
    async with talking(tmp_path, cleanup="after_response") as (house, upstream):
        upstream.cuts = [8]
        with pytest.raises(openai.APIError):
            await house.ask(IMAGE, "a lighthouse")
        assert not of(upstream, "GET")
    async with talking(tmp_path / "b") as (house, upstream):
        upstream.cuts = [4, 0, 0, 0, 0]
        with pytest.raises(openai.APIError):
            await house.ask(IMAGE, "a lighthouse")
        assert len(of(upstream, "GET")) == 4


# Films


@BOTH
async def test_a_film_is_made_in_the_background(tmp_path: Path, stream: bool) -> None:
    async with talking(tmp_path, InteractionsUpstream(key="sesame", polls=3)) as (house, upstream):
        answer = await house.ask(FILM, "a whale", stream=stream, size="1280x720", seconds=8)
        (link,) = links_in(content_of(answer))
        data = await house.download(link)
        assert sniff(data) == "video/mp4"
        assert link.endswith(".mp4")
        assert data in upstream.files.values()
        (asked,) = upstream.asked
        assert asked["background"] is True
        assert asked["response_format"] == {
            "type": "video",
            "delivery": "uri",
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "duration": "8s",
        }
        assert len(of(upstream, "GET", "/interactions/")) == 3
        assert [each.path.rpartition(":")[2] for each in of(upstream, "GET", ":download")] == ["download"]
        (generation,) = await house.generations()
        assert generation.status == "completed"
        assert generation.upstream_ids["interaction_id"] in upstream.kept
        assert answer["usage"]["completion_tokens"] == 5832


async def test_a_failing_look_is_no_failed_work(tmp_path: Path) -> None:
    async with talking(tmp_path) as (house, upstream):
        upstream.refuse_on("GET", "/interactions/", Refused(503, "service_unavailable", "Overloaded."), times=2)
        upstream.refuse_on("GET", "/files/", Refused(503, "service_unavailable", "Overloaded."), times=1)
        upstream.refuse_on("GET", ":download", Refused(500, "api_error", "Sorry."), times=2)
        answer = await house.ask(FILM, "a whale")
        assert len(links_in(content_of(answer))) == 1
        assert len(upstream.asked) == 1


async def test_work_in_the_background_has_to_be_stored_and_is_deleted_at_once(tmp_path: Path) -> None:
    async with talking(tmp_path, cleanup="after_response") as (house, upstream):
        answer = await house.ask(FILM, "a whale")
        assert upstream.asked[0]["store"] is True
        await house.gateway.chat.means.cleanup.run_due()
        assert not upstream.kept
        assert not upstream.files
        assert await house.gateway.database.upstreams.objects(10) == []
        await house.ask(FILM, user("a whale"), message_of(answer), user("and a boat"))
        assert "previous_interaction_id" not in upstream.asked[1]


async def test_a_film_that_fails(tmp_path: Path) -> None:
    async with talking(tmp_path) as (house, upstream):
        with pytest.raises(openai.BadRequestError, match="safety") as refused:
            await house.ask(FILM, "something unsafe")
        assert refused.value.code == "content_policy_violation"
        assert [generation.status for generation in await house.generations()] == ["failed"]
        assert len(upstream.asked) == 1


async def test_a_film_is_stored_though_its_client_leaves(tmp_path: Path) -> None:
    async with talking(tmp_path) as (house, upstream):
        body = {"model": FILM, "messages": [user("a whale")], "stream": True}
        async with house.http.post("/v1/chat/completions", json=body) as response:
            assert response.status == 200
        await house.gateway.chat.close(10)
        assert {generation.status for generation in await house.generations()} == {"completed"}
        assert upstream.asked
        assert not upstream.cancelled.is_set()


async def test_background_work_of_a_text_model_is_cancelled_when_its_client_leaves(tmp_path: Path) -> None:
    upstream = InteractionsUpstream(key="sesame", polls=1_000_000)
    async with talking(tmp_path, upstream) as (house, _):
        body = {"model": TEXT, "messages": [user("hello")], "stream": True, "background": True}
        asking = asyncio.create_task(house.http.post("/v1/chat/completions", json=body))
        async with asyncio.timeout(10):
            await upstream.looked.wait()
            asking.cancel()
            with suppress(asyncio.CancelledError):
                (await asking).close()
            await upstream.cancelled.wait()


@BOTH
async def test_background_work_of_a_text_model(tmp_path: Path, stream: bool) -> None:
    async with talking(tmp_path) as (house, upstream):
        answer = await house.ask(TEXT, "describe it", stream=stream, background=True)
        assert content_of(answer) == "I see none."
        assert upstream.asked[0]["background"] is True
        assert await house.generations() == []


# Functions


@BOTH
async def test_functions(tmp_path: Path, stream: bool) -> None:
    async with talking(tmp_path) as (house, upstream):
        parameters = {"type": "object", "properties": {"about": {"type": "string"}}}
        tools = [{"type": "function", "function": {"name": "weather", "description": "…", "parameters": parameters}}]
        asked = {"tools": tools, "tool_choice": "required"}
        first = await house.ask(TEXT, "call it", stream=False, **asked)
        assert first["choices"][0]["finish_reason"] == "tool_calls"
        (call,) = message_of(first)["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == {"about": "call it"}
        result: Json = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
        second = await house.ask(TEXT, user("call it"), message_of(first), result, stream=stream, **asked)
        assert content_of(second) == "The tool said: rain"
        assert upstream.asked[0]["tools"] == [{"type": "function", **tools[0]["function"]}]
        assert upstream.asked[0]["generation_config"] == {"tool_choice": "any"}
        kinds = [step["type"] for step in upstream.asked[1]["input"]]
        assert kinds == ["user_input", "thought", "function_call", "function_result"]
        assert upstream.asked[1]["input"][2]["arguments"] == {"about": "call it"}


# Failures


@BOTH
async def test_what_is_blocked(tmp_path: Path, stream: bool) -> None:
    async with talking(tmp_path) as (house, _):
        with pytest.raises(openai.APIError, match="safety violation") as refused:
            await house.ask(IMAGE, "something unsafe", stream=stream)
        assert refused.value.code == "content_policy_violation"
        assert await house.generations() == []


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (Refused(429, "rate_limit_exceeded", "Slow down."), 429, "rate_limit"),
        (Refused(401, "authentication", "API key not valid: sesame"), 502, "upstream_auth_failed"),
        (Refused(404, "model_not_found", "No such model."), 404, "upstream_not_found"),
        (Refused(400, "invalid_request", "Wrong."), 400, "upstream_rejected"),
        (Refused(503, "service_unavailable", "Overloaded."), 503, "upstream_unavailable"),
    ],
)
async def test_refusals(tmp_path: Path, refusal: Refused, status: int, code: str) -> None:
    async with talking(tmp_path) as (house, upstream):
        upstream.refuse_on("POST", "/interactions", refusal, times=1)
        found, body = await house.post({"model": IMAGE, "messages": [user("a barn")]})
        assert (found, body["error"]["code"]) == (status, code)
        assert "sesame" not in str(body)


async def test_the_models_are_listed(tmp_path: Path) -> None:
    async with talking(tmp_path) as (house, _):
        names = [model.id async for model in await house.client.models.list()]
        assert IMAGE in names


@pytest.mark.parametrize(
    ("status", "error", "kind", "after"),
    [
        (429, {"code": "quota_exceeded", "message": "x"}, UpstreamRateLimited, None),
        (
            429,
            {
                "code": 429,
                "status": "RESOURCE_EXHAUSTED",
                "message": "x",
                "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}],
            },
            UpstreamRateLimited,
            17.0,
        ),
        (
            400,
            {
                "code": 400,
                "status": "INVALID_ARGUMENT",
                "message": "API key not valid. Please pass a valid API key.",
                "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
            },
            UpstreamAuthFailed,
            None,
        ),
        (400, {"code": "image_recitation", "message": "x"}, ContentPolicyViolation, None),
        (400, {"code": "parameter_unknown", "message": "x"}, UpstreamRejected, None),
        (503, {"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded."}, UpstreamUnavailable, None),
        (500, {"code": "api_error", "message": "x"}, UpstreamBroken, None),
    ],
)
def test_errors(status: int, error: Json, kind: type, after: float | None) -> None:
    found = WIRE.error(status, msgspec.json.encode({"error": error}), None)
    assert type(found) is kind
    assert found.retry_after == after


def test_what_is_forgotten() -> None:
    assert is_forgotten(UpstreamNotFound("the upstream said: Requested entity was not found."))
    assert is_forgotten(UpstreamNotFound("the upstream said: Interaction 'v1_x' was not found."))
    assert is_forgotten(UpstreamRejected("the upstream said: Invalid previous_interaction_id."))
    assert is_forgotten(UpstreamAuthFailed("the upstream said: no permission for this interaction"))
    assert not is_forgotten(UpstreamNotFound("the upstream said: Model 'x' was not found."))
    assert not is_forgotten(UpstreamRejected("the upstream said: Unable to process input image."))
    assert not is_forgotten(UpstreamRateLimited("the upstream said: too many interactions"))


# What is written


def written(*messages: Message, profile: str = "image-chat", **params: Any) -> Json:
    """Return what is sent for a conversation, as the emulator reads it; blobs are their ids."""
    request = WIRE.encode(Conversation("gemini-3.1-flash-image", messages, params=params), PROFILES[profile])
    body = b"".join(f"{piece.media.id}=".encode() if isinstance(piece, Base64Of) else piece for piece in request.pieces)  # type: ignore[union-attr, misc]
    found: Json = msgspec.json.decode(body)
    return found


ASK = Message("user", (Text("a barn"),))


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {}),
        ({"size": "1024x1536"}, {"aspect_ratio": "2:3"}),
        ({"size": "16:9"}, {"aspect_ratio": "16:9"}),
        ({"size": "2048x2048"}, {"aspect_ratio": "1:1", "image_size": "2K"}),
        ({"aspect_ratio": "7:5"}, {"aspect_ratio": "4:3"}),
        ({"aspect_ratio": "1:7"}, {"aspect_ratio": "1:8"}),
        (
            {"image_config": {"aspect_ratio": "21:9", "image_size": "4K"}},
            {"aspect_ratio": "21:9", "image_size": "4K"},
        ),
        ({"output_format": "jpeg"}, {"mime_type": "image/jpeg"}),
        ({"background": "transparent", "quality": "high"}, {}),
    ],
)
def test_what_a_picture_is_to_be_like(params: Json, expected: Json) -> None:
    body = written(ASK, **params)
    assert body["response_format"] == {"type": "image", "delivery": "inline", **expected}
    assert body["response_modalities"] == ["text", "image"]
    assert "background" not in body
    read(body)


def test_params_of_text() -> None:
    schema = {"type": "object", "properties": {}}
    body = written(
        ASK,
        profile="chat",
        temperature=0.5,
        top_p=0.9,
        max_tokens=10,
        stop="END",
        seed=7,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
    )
    assert body["generation_config"] == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 10,
        "seed": 7,
        "stop_sequences": ["END"],
        "tool_choice": {"allowed_tools": {"mode": "any", "tools": ["f"]}},
    }
    assert body["response_format"] == {"type": "text", "mime_type": "application/json", "schema": schema}
    read(body)


@pytest.mark.parametrize("odd", [5, "abc", [5], [{"function": 5}], {"type": [], "function": 5, "json_schema": 5}])
def test_odd_parameters_are_written_or_left_out(odd: Any) -> None:
    said = Message("assistant", (Text("hi"),), extra={"tool_calls": odd})
    params = {"tools": odd, "tool_choice": odd, "response_format": odd, "reasoning_effort": odd}
    schema = {
        **params,
        "response_format": {"type": "json_schema", "json_schema": 5},
        "tools": [{"function": {"name": "f"}}],
    }
    for each in (params, schema):
        WIRE.encode(Conversation("m", (said, Message("user", (Text("hi"),))), params=each), PROFILES["chat"])


def test_media_of_every_kind() -> None:
    def stored(mime: str, url: str | None = None) -> Stored:
        return Stored(Media(f"media_{mime[-3:]}", "local", "b" * 64, mime, 3, "uploaded", 1), url)

    parts = (
        MediaPart(MediaKind.VIDEO, stored("video/quicktime")),
        MediaPart(MediaKind.AUDIO, stored("audio/wav")),
        MediaPart(MediaKind.FILE, stored("application/pdf")),
        MediaPart(MediaKind.IMAGE, Remote("https://a.example/x.png")),
        MediaPart(MediaKind.IMAGE, stored("image/png", "https://b.example/y.png")),
    )
    body = written(Message("user", parts, is_string=False), profile="chat")
    assert body["input"][0]["content"] == [
        {"type": "video", "data": "media_ime=", "mime_type": "video/mov"},
        {"type": "audio", "data": "media_wav=", "mime_type": "audio/wav"},
        {"type": "document", "data": "media_pdf=", "mime_type": "application/pdf"},
        {"type": "image", "uri": "https://a.example/x.png"},
        {"type": "image", "uri": "https://b.example/y.png"},
    ]


def test_fields_of_its_own_dialect_ride_along() -> None:
    own = Conversation(
        "m", (ASK,), dialect="gemini-interactions", native={"service_tier": "flex", "store": False, "model": "n"}
    )
    body = msgspec.json.decode(b"".join(WIRE.encode(own, PROFILES["chat"]).pieces))  # type: ignore[arg-type]
    assert (body["service_tier"], body["store"], body["model"]) == ("flex", True, "m")


# What is read

PNG = paint("a barn", size=(200, 100)).data
BIG = uris.encode("image/png", PNG).partition(",")[2]
SMALL = "iVBORw0KGgo="


def sse(*events: Json) -> bytes:
    frames = [f"event: {event['event_type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    return "".join([*frames, "event: done\ndata: [DONE]\n\n"]).encode()


def lifecycle(status: str, *between: Json, **fields: Any) -> bytes:
    head = {"id": "v1_x", "status": "in_progress", "model": "m"}
    return sse(
        {"event_type": "interaction.created", "interaction": head},
        *between,
        {"event_type": "interaction.completed", "interaction": {**head, "status": status, **fields}},
    )


def streamed(*steps: Json) -> Iterator[Json]:
    for index, step in enumerate(steps):
        deltas = step.pop("deltas")
        yield {"event_type": "step.start", "index": index, "step": step}
        yield from ({"event_type": "step.delta", "index": index, "delta": delta} for delta in deltas)
        yield {"event_type": "step.stop", "index": index}


def events_of(data: bytes, profile: str = "image-chat") -> list[Any]:
    """Decode in every cutting, and return the events, media as their bytes' hash."""

    def run(cut: list[bytes]) -> list[Any]:
        lifts = new_lifts()
        decoder = EventDecoder(lifts, PROFILES[profile])
        found: list[Event] = [event for chunk in cut for event in decoder.decode(chunk)]
        found += decoder.flush()
        lifts.close()
        return [_told(event) for event in merge(found)]

    return same_for_all_cuts(data, run, every=len(data) < 30_000)


def _told(event: Event) -> Any:
    match event:
        case MediaProduced(kind, lifted) if lifted is not None:
            return (kind.value, lifted.sha256, lifted.error)
        case MediaProduced(kind, url=url):
            return (kind.value, url)
        case Failed(error):
            return (type(error).__name__, error.message)
    return event


def names(events: list[Any]) -> list[str]:
    return [type(event).__name__ if not isinstance(event, tuple) else event[0] for event in events]


SIGNATURE = "c2lnbmF0dXJl" * 500
PICTURES = [
    {
        "type": "thought",
        "deltas": [
            {"type": "thought_summary", "content": {"type": "text", "text": "Hm"}},
            {"type": "thought_summary", "content": {"type": "image", "data": BIG, "mime_type": "image/png"}},
            {"type": "image", "data": BIG, "mime_type": "image/png"},
            {"type": "thought_signature", "signature": SIGNATURE},
        ],
    },
    {
        "type": "model_output",
        "deltas": [
            {"type": "text", "text": "He"},
            {"type": "text", "text": "re"},
            {"type": "image", "data": BIG, "mime_type": "image/png"},
            {"type": "image", "data": SMALL, "mime_type": "image/png"},
            {"type": "video", "uri": "https://a.example/v.mp4", "mime_type": "video/mp4"},
        ],
    },
]
USAGE = {"total_tokens": 9, "total_input_tokens": 2, "total_output_tokens": 4, "total_thought_tokens": 3}


def test_a_stream() -> None:
    steps = json.loads(json.dumps(PICTURES))
    found = events_of(lifecycle("completed", *streamed(*steps), usage=USAGE))
    assert names(found) == [
        "Started", "ThreadNamed", "ReasoningDelta", "TextDelta", "UpstreamNamed", "image", "image", "video",
        "UsageReported", "Finished",
    ]  # fmt: skip
    assert found[5] == ("image", sha256(PNG), None)
    assert found[8] == UsageReported(
        {
            "prompt_tokens": 2,
            "completion_tokens": 7,
            "total_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 3},
        }
    )
    assert found[-1] == Finished("stop", whole=True)


def resource(status: str, steps: list[Json], **fields: Any) -> bytes:
    return json.dumps({"id": "v1_x", "status": status, "model": "m", "steps": steps, **fields}).encode()


def whole_steps() -> list[Json]:
    summary = [{"type": "text", "text": "Hm"}, {"type": "image", "data": BIG, "mime_type": "image/png"}]
    content = [{"type": "text", "text": "Here"}, *PICTURES[1]["deltas"][2:]]  # type: ignore[misc]
    return [
        {"type": "user_input", "content": [{"type": "image", "data": BIG, "mime_type": "image/png"}]},
        {"type": "thought", "signature": SIGNATURE, "summary": summary},
        {"type": "model_output", "content": content},
    ]


def test_a_plain_answer_is_the_stream_assembled() -> None:
    steps = json.loads(json.dumps(PICTURES))
    expected = events_of(lifecycle("completed", *streamed(*steps), usage=USAGE))
    assert events_of(resource("completed", whole_steps(), usage=USAGE)) == expected
    # A stream may tell of the steps only at its end.
    assert events_of(lifecycle("completed", steps=whole_steps(), usage=USAGE)) == expected


@pytest.mark.parametrize("data", [lifecycle, resource], ids=["stream", "plain"])
@pytest.mark.parametrize(
    ("status", "fields", "last"),
    [
        ("failed", {"errors": [{"code": "image_safety", "message": "no"}]}, ("ContentPolicyViolation", "no")),
        ("failed", {}, ("UpstreamBroken", "has failed")),
        ("cancelled", {}, ("UpstreamBroken", "cancelled")),
        ("budget_exceeded", {}, ("UpstreamRejected", "budget")),
        ("incomplete", {"errors": [{"code": "api_error", "message": "no"}]}, ("UpstreamBroken", "no")),
    ],
)
def test_how_it_fails(data: Callable[..., bytes], status: str, fields: Json, last: tuple[str, str]) -> None:
    steps: list[Any] = [] if data is lifecycle else [[]]
    kind, message = events_of(data(status, *steps, **fields))[-1]
    assert kind == last[0]
    assert last[1] in message


def test_how_it_ends() -> None:
    text = [{"type": "model_output", "content": [{"type": "text", "text": "x"}]}]
    assert events_of(resource("incomplete", text))[-1] == Finished("length")
    assert events_of(resource("requires_continuation", text))[-1] == Finished("length")
    cut = lifecycle("completed", *streamed({"type": "model_output", "deltas": text[0]["content"]}))  # type: ignore[arg-type]
    assert events_of(cut.partition(b"event: interaction.completed")[0])[-1] == Finished("stop", whole=False)
    failing = sse({"event_type": "error", "error": {"code": "not_found", "message": "Result not found."}})
    assert events_of(failing) == [("UpstreamNotFound", "the upstream said: Result not found.")]


def test_work_that_is_not_done() -> None:
    for status, stage in (("queued", "queued"), ("in_progress", "running")):
        decoder = EventDecoder(new_lifts(), PROFILES["video-chat"])
        found = [*decoder.decode(resource(status, [])), *decoder.flush()]
        assert found[-1] == Progress(stage)  # type: ignore[arg-type]
        assert decoder.pending
    assert names(events_of(resource("in_progress", []))) == ["Started", "ThreadNamed"]


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"[]", b"{", b"data: {\n\n", b"<html></html>", b"data: [DONE]\n\n", b'{"id":"\xff"}']
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        events_of(data)


def test_broken_base64_is_told_where_it_is_stored() -> None:
    step = {"type": "model_output", "deltas": [{"type": "image", "data": "%%%", "mime_type": "image/png"}]}
    found = events_of(lifecycle("completed", *streamed(step)))
    assert found[3][0] == "image"
    assert found[3][2]


def test_a_count_of_an_odd_kind_is_passed_over() -> None:
    tokens = [{"modality": ["image"], "tokens": 1}, {"modality": "image", "tokens": "2"}]
    usage = {"total_tokens": 5, "output_tokens_by_modality": [*tokens, {"modality": "image", "tokens": 3}]}
    body = {"id": "i", "status": "completed", "steps": [], "usage": usage}
    (told,) = (event for event in events_of(json.dumps(body).encode(), "chat") if isinstance(event, UsageReported))
    assert told.usage["completion_tokens_details"] == {"reasoning_tokens": 0, "image_tokens": 3}


def test_an_error_that_is_not_utf_8() -> None:
    assert isinstance(WIRE.error(500, b'{"error":"\xff"}', None), UpstreamBroken)


def test_calls_whose_arguments_stand_at_once() -> None:
    steps = [{"type": "function_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]
    found = events_of(resource("requires_action", steps), "chat")
    assert names(found) == ["Started", "ThreadNamed", "Passthrough", "Passthrough", "Finished"]
    assert found[3].delta == {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]}
    assert found[-1] == Finished("tool_calls")
    assert events_of(lifecycle("requires_action", *streamed({**steps[0], "deltas": []})), "chat") == found
