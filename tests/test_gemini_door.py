"""The Gemini door, with Google's own SDK: any upstream behind it, its chats, streams, tools, refusals and errors."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chats import FIVE, TREE
from cuts import MemorySink, new_lifts, same_for_all_cuts
from darkroom.codecs.json_lift import JsonLifter
from darkroom.dialects.gemini.asked import decode_request
from darkroom.dialects.gemini.writer import SIGNATURE, AnswerHead, assemble
from darkroom.endpoints import streaming
from darkroom.errors import MalformedRequest, UnsupportedPart
from darkroom.events import Finished, Passthrough, TextDelta
from darkroom.lifted import Lifts
from darkroom.messages import Inline, MediaPart, Message, Named, Remote, Text
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import serve
from running import House, Json, Scripted, pictures_in, row, running, sha256, text_of

# Google's SDK hands aiohttp its bodies as bytes, pictures and all.
pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")

PICTURE = paint("a red barn", size=(640, 480)).data
MODEL = "painter/images-strict"
VERSIONS = ["v1beta", "v1"]


@asynccontextmanager
async def sdk(house: House, version: str = "v1beta", key: str = "none", **headers: str) -> AsyncIterator[Any]:
    options = types.HttpOptions(base_url=house.url, api_version=version, headers=headers)
    client = genai.Client(api_key=key, http_options=options)
    async with client.aio as aio:
        yield aio
    client.close()


def inline(data: bytes, mime: str = "image/png") -> Json:
    return {"inlineData": {"mimeType": mime, "data": base64.b64encode(data).decode()}}


def asked(*parts: str | Json, **fields: Any) -> Json:
    return {
        "contents": [{"role": "user", "parts": [{"text": p} if isinstance(p, str) else p for p in parts]}],
        **fields,
    }


def pictures_of(response: Any) -> list[bytes]:
    return [part.inline_data.data for part in response.parts or () if part.inline_data]


async def post(house: House, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with house.http.post(path, data=data, headers={"content-type": "application/json", **headers}) as response:
        return response.status, json.loads(await response.read())


async def generate(house: House, model: str, *parts: str | Json, **fields: Any) -> Json:
    status, answer = await post(house, f"/v1beta/models/{model}:generateContent", asked(*parts, **fields))
    assert status == 200, answer
    return dict(answer)


# Answers


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_picture_whole_and_streamed(house: House, version: str) -> None:
    async with sdk(house, version) as client:
        whole = await client.models.generate_content(model=MODEL, contents="a lighthouse")
        chunks = [
            chunk async for chunk in await client.models.generate_content_stream(model=MODEL, contents="a lighthouse")
        ]
    (picture,) = pictures_of(whole)
    assert [data for chunk in chunks for data in pictures_of(chunk)] == [picture]
    assert (await house.media())[0].blob == sha256(picture)
    assert whole.text == "".join(chunk.text or "" for chunk in chunks) == "Here you go"
    assert whole.candidates[0].finish_reason == chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert whole.model_version == chunks[0].model_version == MODEL
    assert whole.response_id
    assert len({chunk.response_id for chunk in chunks}) == 1
    assert whole.usage_metadata.total_token_count == chunks[-1].usage_metadata.total_token_count > 1000
    assert whole.usage_metadata.candidates_tokens_details[0].modality == types.MediaModality.IMAGE


@pytest.mark.parametrize("form", ["markdown-base64", "relay-en", "images", "parts", "gemini-leak", "reasoning"])
async def test_every_form_of_upstream_is_a_picture_here(house: House, form: str) -> None:
    answer = await generate(house, f"painter/{form}", "a lighthouse")
    media = [part for part in answer["candidates"][0]["content"]["parts"] if "inlineData" in part]
    assert [sha256(base64.b64decode(part["inlineData"]["data"])) for part in media] == [(await house.media())[0].blob]
    assert media[0]["thoughtSignature"] == SIGNATURE
    assert answer["darkroom"]["media"][0]["id"] == (await house.media())[0].id


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", [MODEL, "painter/markdown-base64", "painter/relay-en"])
async def test_five_turns_of_an_sdk_chat(house: House, model: str, stream: bool) -> None:
    """The SDK sends all pictures back every time; each is known by its bytes, and the upstream gets the one meant."""
    pictures = []
    async with sdk(house) as client:
        chat = client.chats.create(model=model)
        for prompt in FIVE:
            if stream:
                answers = [chunk async for chunk in await chat.send_message_stream(prompt)]
            else:
                answers = [await chat.send_message(prompt)]
            (picture,) = [data for answer in answers for data in pictures_of(answer)]
            pictures.append(picture)
        assert sum(len(turn.parts or ()) for turn in chat.get_history(curated=True)) >= 2 * len(FIVE)
    hashes = [sha256(data) for data in pictures]
    steps = [read_ancestry(data)[-1] for data in pictures]
    assert [[hashes.index(parent) for parent in step.parents] for step in steps] == TREE
    rows = await house.generations()
    ids = [generation.id for generation in rows]
    assert [[ids.index(i.generation or "") for i in row.inputs if i.role == "edited"] for row in rows] == TREE
    assert len(await house.media()) == len(FIVE)
    for request in house.painter.requests:
        assert sum(len(pictures_in(message)) for message in request["messages"]) <= 1


async def test_a_reading_model_is_shown_what_is_sent(house: House) -> None:
    async with sdk(house) as client:
        shown = types.Part.from_bytes(data=PICTURE, mime_type="image/png")
        answer = await client.models.generate_content(model="painter/text-strict", contents=["describe this", shown])
    assert "640x480" in answer.text
    (media,) = await house.media()
    assert (media.origin, media.blob) == ("uploaded", sha256(PICTURE))


@pytest.mark.parametrize("output", ["markdown", "parts", "images"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_media_as_a_link_and_back(house: House, output: str, stream: bool) -> None:
    async with sdk(house, **{"X-Darkroom-Output": output}) as client:
        chat = client.chats.create(model=MODEL)
        first = [chunk async for chunk in await chat.send_message_stream(FIVE[0])] if stream else [
            await chat.send_message(FIVE[0])
        ]  # fmt: skip
        (link,) = [part.file_data for answer in first for part in answer.parts if part.file_data]
        second = await chat.send_message(FIVE[1])
    assert link.mime_type == "image/png"
    picture = await house.download(link.file_uri)
    (again,) = [part.file_data for part in second.parts if part.file_data]
    assert read_ancestry(await house.download(again.file_uri))[-1].parents == (sha256(picture),)


async def test_a_key_has_a_shape_of_answers(house: House) -> None:
    _, secret = await house.gateway.keys.create("ann", "parts")
    async with sdk(house, key=secret) as client:
        answer = await client.models.generate_content(model=MODEL, contents="a lighthouse")
        assert [part.file_data is not None for part in answer.parts] == [False, True]


async def test_a_stream_without_sse_is_one_list(house: House) -> None:
    path = f"/v1beta/models/{MODEL}:streamGenerateContent"
    status, frames = await post(house, path, asked("a lighthouse"))
    assert (status, frames[-1]["candidates"][0]["finishReason"]) == (200, "STOP")
    assert len(frames) == 3
    parts = [part for frame in frames for part in frame["candidates"][0]["content"]["parts"]]
    assert [sorted(part) for part in parts] == [["text"], ["inlineData", "thoughtSignature"], ["text"]]


async def test_a_quiet_stream_is_kept_alive_by_empty_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's Python SDK would read a comment as JSON, and fail."""
    monkeypatch.setattr(streaming, "_HEARTBEAT_SECONDS", 0.01)
    gate = asyncio.Event()
    upstream = Scripted([{"content": "Hel"}, {"content": "lo"}], gate=gate)
    async with (
        serve(upstream.app) as url,
        running(tmp_path, providers=[row("up", url, models=("m",))]) as house,
        house.http.post("/v1beta/models/up/m:streamGenerateContent?alt=sse", json=asked("hi")) as response,
    ):
        received = b""
        while not received.endswith(b"\n\n\n\n"):
            received += await response.content.readany()
        gate.set()
        received += await response.read()
        async with sdk(house) as client:
            chunks = [c async for c in await client.models.generate_content_stream(model="up/m", contents="hi")]
    lines = [line for line in received.split(b"\n") if line]
    assert all(line.startswith(b"data: {") for line in lines)
    assert len(lines) == 3
    assert "".join(chunk.text for chunk in chunks) == "Hello"


# Requests


async def scripted(
    tmp_path: Path, answer: list[Json], *bodies: Json, model: str = "m"
) -> tuple[list[Json], list[Json]]:
    """Ask an upstream that answers with these deltas; return the answers, and what the upstream was sent."""
    upstream = Scripted(answer)
    async with serve(upstream.app) as url, running(tmp_path, providers=[row("up", url, models=("*",))]) as house:
        answers = []
        for body in bodies:
            status, found = await post(house, f"/v1beta/models/up/{model}:generateContent", body)
            assert status == 200, found
            answers.append(found)
    return answers, upstream.requests


@pytest.mark.parametrize("snake", [False, True], ids=["camel", "snake"])
async def test_parameters_are_told_in_the_upstreams_words(tmp_path: Path, snake: bool) -> None:
    config: Json = {
        "temperature": 0.5, "topP": 0.9, "maxOutputTokens": 77, "stopSequences": ["END"], "seed": 3,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"maxSize": {"type": "STRING", "nullable": True}}},
    }  # fmt: skip
    body = asked("hi", systemInstruction={"parts": [{"text": "Be"}, {"text": "brief"}]}, generationConfig=config)
    if snake:
        config["top_p"], config["max_output_tokens"] = config.pop("topP"), config.pop("maxOutputTokens")
        config["stop_sequences"] = config.pop("stopSequences")
        config["response_mime_type"] = config.pop("responseMimeType")
        config["response_schema"] = config.pop("responseSchema")
        body["system_instruction"], body["generation_config"] = (
            body.pop("systemInstruction"),
            body.pop("generationConfig"),
        )
    _, (sent,) = await scripted(tmp_path, [{"content": "{}"}], body)
    schema = {"type": "object", "properties": {"maxSize": {"type": ["string", "null"]}}}
    assert sent == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be\n\nbrief"}, {"role": "user", "content": "hi"}],
        "temperature": 0.5, "top_p": 0.9, "max_tokens": 77, "stop": ["END"], "seed": 3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
    }  # fmt: skip


async def test_a_picture_is_asked_for_in_its_ratio_and_size(tmp_path: Path) -> None:
    config = {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}}
    picture = {"images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{inline(PICTURE)['inlineData']['data']}"}}]}  # fmt: skip  # noqa: E501
    _, (sent,) = await scripted(tmp_path, [picture], asked("hi", generationConfig=config), model="flux")
    assert sent["size"] == "2736x1536"


async def test_thoughts_only_for_who_asks(tmp_path: Path) -> None:
    bodies = [asked("hi"), asked("hi", generationConfig={"thinkingConfig": {"includeThoughts": True}})]
    (plain, thinking), _ = await scripted(tmp_path, [{"reasoning_content": "Hm."}, {"content": "Yes"}], *bodies)
    assert plain["candidates"][0]["content"]["parts"] == [{"text": "Yes"}]
    assert thinking["candidates"][0]["content"]["parts"] == [{"text": "Hm.", "thought": True}, {"text": "Yes"}]


def test_code_that_gemini_ran_is_shown() -> None:
    code, printed = {"language": "PYTHON", "code": "1"}, {"outcome": "OUTCOME_OK", "output": "1"}
    news = [
        Passthrough({"parts": [{"executableCode": code}]}),
        Passthrough({"parts": [{"code_execution_result": printed}]}),
    ]
    report: Json = {}
    pieces = assemble(AnswerHead("r", "m", "http://us"), [*news, TextDelta("one"), Finished("stop")], lambda: report)
    answer = json.loads(b"".join(piece for piece in pieces if isinstance(piece, bytes)))
    parts = [{"executableCode": code}, {"codeExecutionResult": printed}, {"text": "one"}]
    assert answer["candidates"][0]["content"]["parts"] == parts


async def test_the_sdk_calls_tools(tmp_path: Path) -> None:
    called = []

    def weather(city: str) -> dict[str, str]:
        """Tell the weather of a city."""
        called.append(city)
        return {"sky": "clear"}

    calls = [
        {"tool_calls": [{"index": 0, "id": "call_7", "type": "function", "function": {"name": "weather", "arguments": '{"ci'}}]},  # noqa: E501
        {"tool_calls": [{"index": 0, "function": {"arguments": 'ty": "Rome"}'}}]},
    ]  # fmt: skip
    upstream = Scripted(calls, [{"content": "It is clear."}])
    async with (
        serve(upstream.app) as url,
        running(tmp_path, providers=[row("up", url, models=("m",))]) as house,
        sdk(house) as client,
    ):
        config = types.GenerateContentConfig(tools=[weather])
        chunks = [
            chunk
            async for chunk in await client.models.generate_content_stream(
                model="up/m", contents="How is Rome?", config=config
            )
        ]
    assert called == ["Rome"]
    assert "".join(chunk.text or "" for chunk in chunks if not chunk.function_calls) == "It is clear."
    first, second = upstream.requests
    assert first["tools"][0]["function"]["name"] == "weather"
    assert first["tools"][0]["function"]["parameters"]["properties"]["city"]["type"] == "string"
    _, call, answer = second["messages"]
    assert call["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Rome"}'}
    assert (answer["role"], answer["tool_call_id"]) == ("tool", call["tool_calls"][0]["id"])
    assert json.loads(answer["content"]) == {"result": {"sky": "clear"}}


def read(body: Json | bytes, limit: int = 4096, **options: Any) -> Any:
    """Decode a body as the door does."""
    lifts = new_lifts()
    lifter = JsonLifter(lifts, limit)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_request(lifter.decode(data) + lifter.flush(), lifts, "m", public_url="http://us", **options)


def messages_of(*contents: Json, **fields: Any) -> tuple[Message, ...]:
    found: tuple[Message, ...] = read({"contents": list(contents), **fields}).conversation.messages
    return found


def test_signatures_are_not_media_and_thoughts_do_not_come_back() -> None:
    signature = base64.b64encode(bytes(range(256)) * 100).decode()
    model = {
        "role": "model",
        "parts": [
            {"text": "Let me think", "thought": True},
            {**inline(b"\x89PNG" + bytes(9000)), "thought": True},
            {"text": "Here", "thoughtSignature": signature},
            {**inline(PICTURE), "thoughtSignature": signature},
            {"text": "", "thoughtSignature": signature},
        ],
    }
    _, turn = messages_of({"parts": [{"text": "hi"}]}, model)
    assert turn.role == "assistant"
    text, picture = turn.parts
    assert text == Text("Here\n\n")
    assert isinstance(picture, MediaPart)
    assert isinstance(picture.source, Inline)
    assert picture.source.lifted.sha256 == sha256(PICTURE)
    assert picture.extra == {}


def test_a_streamed_answer_is_one_turn_again() -> None:
    pieces = [{"role": "model", "parts": [{"text": piece}]} for piece in ("Hel", "lo", "!")]
    _, turn, last = messages_of({"parts": [{"text": "hi"}]}, *pieces, {"role": "user", "parts": [{"text": "so"}]})
    assert (turn.role, turn.text, turn.is_string) == ("assistant", "Hello!", True)
    assert last.text == "so"


def test_calls_and_answers_find_each_other_without_ids() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}
    answers = [{"functionResponse": {"name": "f", "response": {"b": n}}} for n in range(2)]
    _, model, first, second, rest = messages_of(
        {"parts": [{"text": "hi"}]},
        {"role": "model", "parts": [call, call]},
        {"role": "user", "parts": [*answers, {"text": "and now?"}]},
    )
    ids = [each["id"] for each in model.extra["tool_calls"]]
    assert len(set(ids)) == 2
    assert [first.extra["tool_call_id"], second.extra["tool_call_id"]] == ids
    assert model.extra["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    assert (first.role, rest.role, rest.text) == ("tool", "user", "and now?")


def test_code_that_a_model_ran_stands_apart() -> None:
    ran = [{"executableCode": {"language": "PYTHON", "code": "1"}}, {"codeExecutionResult": {"output": "1"}}]
    _, turn = messages_of({"parts": [{"text": "hi"}]}, {"role": "model", "parts": [*ran, {"text": "one"}]})
    assert turn.text == "```python\n1\n```\n```\n1\n```\none"


def test_what_has_no_word_rides_along() -> None:
    asked = read(
        {
            "contents": [{"parts": [{"text": "hi"}]}],
            "safety_settings": [{"category": "X"}],
            "generation_config": {"topK": 4, "temperature": 1, "thinking_config": {"include_thoughts": True}},
            "tools": [{"functionDeclarations": [{"name": "f"}]}, {"google_search": {}}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        }
    )
    assert asked.thoughts
    assert asked.conversation.dialect == "gemini"
    assert asked.conversation.native == {
        "safetySettings": [{"category": "X"}],
        "generationConfig": {"topK": 4, "thinkingConfig": {"include_thoughts": True}},
        "tools": [{"googleSearch": {}}],
    }
    assert asked.conversation.params == {
        "temperature": 1,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    }


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("http://us/v1beta/files/abc-1", Named("files/abc-1")),
        ("http://us/v1/files/abc-1", Named("files/abc-1")),
        ("files/abc-1", Named("files/abc-1")),
        ("https://them/v1beta/files/abc-1", Remote("https://them/v1beta/files/abc-1")),
        ("http://us/media/media_01jqwte8yjf7haxqc521b7z2wf.png", None),
    ],
)
def test_a_file_is_ours_or_anybodys(uri: str, source: Any) -> None:
    (turn,) = messages_of({"parts": [{"fileData": {"fileUri": uri, "mimeType": "video/mp4"}}]})
    (part,) = turn.media
    assert part.source == (source or Remote(uri))
    assert part.kind == "video"


def test_the_reading_does_not_depend_on_the_cuts() -> None:
    body = json.dumps(asked("look", inline(PICTURE), {"text": "x" * 5000})).encode()

    def run(pieces: list[bytes]) -> Any:
        lifts = Lifts(MemorySink, "n0nce")
        lifter = JsonLifter(lifts)
        skeleton = b"".join(map(lifter.decode, pieces)) + lifter.flush()
        (message,) = decode_request(skeleton, lifts, "m").conversation.messages
        return [p.source.lifted.sha256 if isinstance(p, MediaPart) else p for p in message.parts]  # type: ignore[union-attr]

    assert same_for_all_cuts(body, run, every=False) == [Text("look"), sha256(PICTURE), Text("x" * 5000)]


BAD: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    {},
    {"contents": []},
    {"contents": "hi"},
    {"contents": [1]},
    {"contents": [{}]},
    {"contents": [{"parts": []}]},
    {"contents": [{"role": "system", "parts": [{"text": "hi"}]}]},
    {"contents": [{"role": ["user"], "parts": [{"text": "hi"}]}]},
    {"contents": [{"parts": [{"text": 1}]}]},
    {"contents": [{"parts": [{"videoData": {}}]}]},
    {"contents": [{"parts": [{"inlineData": {"mimeType": 5, "data": "AAAA"}}]}]},
    {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "!!!"}}]}]},
    {"contents": [{"parts": [{"inlineData": "AAAA"}]}]},
    {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "SGVsbG8gd29ybGQ="}}]}]},
    {"contents": [{"parts": [{"fileData": {}}]}]},
    {"contents": [{"parts": [{"fileData": {"fileUri": "files/nobody"}}]}]},
    {"contents": [{"parts": [{"fileData": {"fileUri": "file:///etc/passwd"}}]}]},
    {"contents": [{"parts": [{"functionCall": {}}]}]},
    {"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": [1]}}]}]},
    {"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": 1}}]}]},
    {"contents": [{"parts": [{"text": "hi"}]}], "labels": json.loads("[" * 600 + "]" * 600)},
    {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": 4},
    {"contents": [{"parts": [{"text": "hi"}]}], "tools": [4]},
    {"contents": [{"parts": [{"text": "hi"}]}], "systemInstruction": {"parts": [{"text": 4}]}},
    {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"candidateCount": 3}},
]


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent", "streamGenerateContent?alt=sse"])
async def test_what_is_wrong_is_refused_before_anything_is_asked(house: House, method: str) -> None:
    for body in BAD:
        status, answer = await post(house, f"/v1beta/models/painter/text:{method}", body)
        assert 400 <= status < 500, (body, answer)
        error = answer["error"]
        assert (error["code"], error["status"]) == (status, "NOT_FOUND" if status == 404 else "INVALID_ARGUMENT")
        assert error["message"]
    assert not house.painter.requests


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("\x1alift:n0nce:0\x1a"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            "contents parts role text inlineData inline_data data mimeType fileData fileUri functionCall name args "
            "functionResponse response thought thoughtSignature generationConfig imageConfig tools parameters "
            "functionDeclarations type properties toolConfig functionCallingConfig mode systemInstruction "
            "responseSchema responseMimeType mediaResolution level thinkingConfig executableCode code "
            "parametersJsonSchema".split()
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(JSON, JSON, JSON)
def test_nothing_that_is_json_breaks_the_reading(content: Any, config: Any, more: Any) -> None:
    contents = [{"role": "user", "parts": [content, {"text": "hi"}]}, content]
    for body in ({"contents": contents[:1], "generationConfig": config, "tools": more}, {"contents": contents}, more):
        with suppress(MalformedRequest, UnsupportedPart):
            read(body)


# Errors and refusals


async def test_errors_as_the_sdk_raises_them(house: House) -> None:
    async with sdk(house) as client:
        with pytest.raises(errors.ClientError) as unknown:
            await client.models.generate_content(model="nobody/nothing", contents="hi")
        with pytest.raises(errors.ClientError) as limited:
            await client.models.generate_content(model="painter/fail-429", contents="hi")
        failing = await client.models.generate_content_stream(model="painter/empty", contents="hi")
        with pytest.raises(errors.ServerError) as broken:
            await anext(failing)
    assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")
    assert "nobody/nothing" in (unknown.value.message or "")
    assert (limited.value.code, limited.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert (broken.value.code, broken.value.status) == (502, "UNAVAILABLE")


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent", "streamGenerateContent?alt=sse"])
async def test_a_refused_prompt_is_an_answer_that_says_so(house: House, method: str) -> None:
    async with house.http.post(f"/v1beta/models/painter/fail-policy:{method}", json=asked("something bad")) as response:
        text = (await response.read()).decode()
        assert response.status == 200
    answer = json.loads(text.removeprefix("data: "))
    answer = answer[0] if isinstance(answer, list) else answer
    assert answer["promptFeedback"]["blockReason"] == "SAFETY"
    assert answer["promptFeedback"]["blockReasonMessage"]
    assert "candidates" not in answer


async def test_the_sdk_reads_a_refusal(house: House) -> None:
    async with sdk(house) as client:
        whole = await client.models.generate_content(model="painter/fail-policy", contents="bad")
        chunks = [
            c async for c in await client.models.generate_content_stream(model="painter/fail-policy", contents="bad")
        ]
    assert whole.prompt_feedback.block_reason == types.BlockedReason.SAFETY
    assert [chunk.prompt_feedback.block_reason for chunk in chunks] == [types.BlockedReason.SAFETY]
    assert whole.text is None


@pytest.mark.parametrize("method", ["streamGenerateContent", "streamGenerateContent?alt=sse"])
async def test_an_error_in_a_stream_ends_it(tmp_path: Path, method: str) -> None:
    frames = b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\ndata: {"error":{"message":"out of coal"}}\n\n'
    upstream = Scripted(frames)
    async with serve(upstream.app) as url, running(tmp_path, providers=[row("up", url, models=("m",))]) as house:
        async with house.http.post(f"/v1beta/models/up/m:{method}", json=asked("hi")) as response:
            text = (await response.read()).decode()
            assert response.status == 200
        async with sdk(house) as client:
            chunks = await client.models.generate_content_stream(model="up/m", contents="hi")
            assert (await anext(chunks)).text == "Hel"
            with pytest.raises(errors.ServerError, match="out of coal"):
                await anext(chunks)
    found = json.loads(text) if text.startswith("[") else [json.loads(line[6:]) for line in text.split("\n\n") if line]
    assert [next(iter(frame)) for frame in found] == ["candidates", "error"]


async def test_a_policy_in_mid_answer_is_how_it_finished(tmp_path: Path) -> None:
    frames = b'data: {"choices":[{"delta":{"content":"Once"}}]}\n\n'
    frames += b'data: {"error":{"message":"content_policy_violation"}}\n\n'
    upstream = Scripted(frames)
    async with (
        serve(upstream.app) as url,
        running(tmp_path, providers=[row("up", url, models=("m",))]) as house,
        sdk(house) as client,
    ):
        chunks = [chunk async for chunk in await client.models.generate_content_stream(model="up/m", contents="hi")]
    assert [chunk.text for chunk in chunks] == ["Once", ""]
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.SAFETY


async def test_unknown_paths_and_methods_answer_in_googles_shape(house: House) -> None:
    for method, path in (
        ("POST", "/v1beta/models/painter/text:countStars"),
        ("POST", "/v1beta/models/painter/text"),
        ("GET", "/v1beta/nothing"),
        ("PUT", "/v1beta/models"),
        ("GET", "/v1beta/models/nobody"),
        ("GET", "/v1beta/files/nobody"),
        ("GET", "/v1beta/models?pageSize=x"),
    ):
        async with house.http.request(method, path, json={} if method == "POST" else None) as response:
            answer = await response.json()
        assert answer["error"]["code"] == response.status in (400, 404, 405), path
        assert answer["error"]["status"] in ("INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED")


# Keys and models


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_key_by_each_of_the_three_ways(house: House, version: str) -> None:
    _, secret = await house.gateway.keys.create("ann")
    path = f"/{version}/models/painter/text:generateContent"
    google, bearer = {"x-goog-api-key": secret}, {"authorization": f"Bearer {secret}"}
    assert (await post(house, path, asked("hi"), **google))[0] == 200
    assert (await post(house, path, asked("hi"), **bearer))[0] == 200
    assert (await post(house, f"{path}?key={secret}", asked("hi")))[0] == 200
    for wrong in ({}, {"x-goog-api-key": "dk-wrong"}, {"authorization": "Bearer dk-wrong"}):
        status, answer = await post(house, path, asked("hi"), **wrong)
        assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert (await post(house, f"{path}?key=dk-wrong", asked("hi")))[0] == 401
    async with sdk(house, version, key="dk-wrong") as client:
        with pytest.raises(errors.ClientError) as refused:
            await client.models.generate_content(model="painter/text", contents="hi")
        assert refused.value.code == 401
        with pytest.raises(errors.ClientError):
            await client.models.list()
    async with sdk(house, version, key=secret) as client:
        assert (await client.models.generate_content(model="painter/text", contents="hi")).text


async def test_googles_key_opens_no_other_door(house: House) -> None:
    _, secret = await house.gateway.keys.create("ann")
    async with house.http.get(f"/v1/generations?key={secret}", headers={"x-goog-api-key": secret}) as response:
        assert response.status == 401


async def test_a_foreign_page_may_not_ask(house: House) -> None:
    status, answer = await post(
        house, f"/v1beta/models/{MODEL}:generateContent", asked("hi"), origin="http://evil.test"
    )
    assert (status, answer["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("version", VERSIONS)
async def test_models_in_googles_shape_for_who_speaks_it(house: House, version: str) -> None:
    async with sdk(house, version) as client:
        listed = [model.name async for model in await client.models.list(config={"page_size": 7})]
        one = await client.models.get(model=MODEL)
    ours = [model.id async for model in house.client.models.list()]
    assert listed == [f"models/{id}" for id in ours]
    assert len(listed) > 14
    assert one.name == f"models/{MODEL}"
    assert "generateContent" in one.supported_actions
    assert (await house.client.models.retrieve(MODEL)).owned_by == "painter"


async def test_texts_of_a_history_stay_as_they_were(tmp_path: Path) -> None:
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "one"}, {"text": "two"}]},
            {"role": "model", "parts": [{"text": "three"}]},
            {"role": "user", "parts": [{"text": "four"}]},
        ]
    }
    _, (sent,) = await scripted(tmp_path, [{"content": "five"}], body)
    assert [text_of(message) for message in sent["messages"]] == ["onetwo", "three", "four"]
    assert [type(message["content"]) for message in sent["messages"]] == [list, str, str]
