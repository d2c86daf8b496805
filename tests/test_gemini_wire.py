"""The Gemini dialect by itself: requests as they are written, answers as they are read, however they are cut."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuts import new_lifts, same_for_all_cuts
from darkroom.dialects.gemini import WIRE, decode_error
from darkroom.dialects.gemini.failures import is_about_file
from darkroom.dialects.gemini.request import RATIOS, nearest
from darkroom.dialects.wire import Base64Of
from darkroom.errors import (
    ContentPolicyViolation,
    DarkroomError,
    UpstreamAuthFailed,
    UpstreamBroken,
    UpstreamForgot,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from darkroom.events import Event, Failed, MediaProduced
from darkroom.media import Media
from darkroom.messages import Conversation, MediaPart, Message, Remote, Stored, Text
from darkroom.profiles import PROFILES
from darkroom.sketch import paint
from running import Json, sha256

PNG = paint("a cat", size=(96, 96)).data
DRAFT = paint("a draft", size=(96, 96)).data
LONG = base64.b64encode(bytes(range(256)) * 120).decode()
"""A signature that is longer than what is lifted."""
DRAWS, TALKS = PROFILES["image-chat"], PROFILES["chat"]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def inline(data: bytes, **beside: Any) -> Json:
    return {"inlineData": {"mimeType": "image/png", "data": b64(data)}, **beside}


PARTS: list[Json] = [
    {"text": "Let me think", "thought": True},
    inline(DRAFT, thought=True, thoughtSignature="c2ln"),
    {"text": "Here is", "thoughtSignature": "c2lnQQ=="},
    {"text": " the "},
    {"text": "picture."},
    inline(PNG, thoughtSignature=LONG),
    {"text": "", "thoughtSignature": "c2lnQg=="},
]
USAGE = {
    "promptTokenCount": 9,
    "candidatesTokenCount": 1130,
    "thoughtsTokenCount": 200,
    "totalTokenCount": 1339,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}
AROUND = {"usageMetadata": USAGE, "modelVersion": "gemini-3-pro-image", "responseId": "r1"}


def frame(parts: list[Json], finish: str | None = None, **beside: Any) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], **AROUND, **beside}


def sse(frames: list[Json], end: str = "\r\n\r\n") -> bytes:
    return "".join(f"data: {json.dumps(each)}{end}" for each in frames).encode()


def snake(value: Any) -> Any:
    match value:
        case dict():
            return {"".join(f"_{c.lower()}" if c.isupper() else c for c in k): snake(v) for k, v in value.items()}
        case list():
            return [snake(item) for item in value]
        case _:
            return value


FRAMES = [frame([part], "STOP" if part is PARTS[-1] else None) for part in PARTS]
BODIES = {
    "stream": sse(FRAMES),
    "stream with bare line ends": sse(FRAMES, "\n\n"),
    "stream with an end": sse(FRAMES) + b"data: [DONE]\n\n",
    "stream in snake case": sse(snake(FRAMES)),
    "array": json.dumps(FRAMES, indent=1).encode(),
    "plain": json.dumps(frame(PARTS, "STOP"), indent=2).encode(),
    "plain in snake case": json.dumps(snake(frame(PARTS, "STOP"))).encode(),
}


def decoded(chunks: list[bytes], profile: Any = DRAWS) -> list[Any]:
    """Return what comes out: media by their hash, and at the end perhaps an error."""
    lifts = new_lifts()
    decoder = WIRE.decoder(lifts, profile)
    events: list[Event] = []
    error: list[Any] = []
    try:
        for chunk in chunks:
            events += decoder.decode(chunk)
        events += decoder.flush()
    except DarkroomError as raised:
        error = [(type(raised), raised.message)]
    hashes = {
        event.lifted.placeholder: event.lifted.sha256
        for event in events
        if isinstance(event, MediaProduced) and event.lifted
    }
    told = [comparable(event) for event in events]
    for placeholder, digest in hashes.items():
        told = [each.replace(placeholder.replace("\x1a", "\\x1a"), digest) for each in told]
    return [*told, *error]


def comparable(event: Event) -> str:
    match event:
        case MediaProduced(kind, lifted) if lifted is not None:
            return f"media {kind} {lifted.sha256} {lifted.error}"
        case Failed(error):
            return f"failed {type(error).__name__} {error.message}"
        case _:
            return repr(event)


def text_of(told: list[str]) -> str:
    return "".join(each.removeprefix("TextDelta(text='").removesuffix("')") for each in told if "TextDelta" in each)


@pytest.mark.parametrize("name", BODIES)
def test_an_answer_reads_alike_however_it_is_cut(name: str) -> None:
    told = same_for_all_cuts(BODIES[name], decoded, every=False)
    assert told[0] == "Started(id='r1', model='gemini-3-pro-image')"
    assert text_of(told) == "Here is the picture."
    assert [each for each in told if each.startswith("media")] == [f"media image {sha256(PNG)} None"]
    remembered = [
        {"text": "Here is", "thoughtSignature": "c2lnQQ=="},
        {"text": " the picture."},
        {"media": sha256(PNG), "thoughtSignature": LONG},
        {"text": "", "thoughtSignature": "c2lnQg=="},
    ]
    assert f"Remembered(fields={ {'parts': remembered}!r})" in told
    assert told[-1] == "Finished(reason='stop', whole=True)"
    assert told == decoded([BODIES["stream"]])


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_byte_by_byte(seed: int) -> None:
    small = [part for part in PARTS if "inlineData" not in part]
    same_for_all_cuts(sse([frame([part]) for part in small] + [frame([], "STOP")]), decoded, seed)


def test_usage_is_openais() -> None:
    (usage,) = (each for each in decoded([BODIES["plain"]]) if "UsageReported" in each)
    for words in (
        "'prompt_tokens': 9",
        "'completion_tokens': 1330",
        "'total_tokens': 1339",
        "'reasoning_tokens': 200, 'image_tokens': 1120",
    ):
        assert words in usage


def test_a_draft_is_let_go_of() -> None:
    lifts = new_lifts()
    decoder = WIRE.decoder(lifts, DRAWS)
    decoder.decode(sse([frame([inline(DRAFT, thought=True)])]))
    assert not lifts._runs


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("IMAGE_SAFETY", ContentPolicyViolation),
        ("IMAGE_PROHIBITED_CONTENT", ContentPolicyViolation),
        ("PROHIBITED_CONTENT", ContentPolicyViolation),
        ("SAFETY", ContentPolicyViolation),
        ("BLOCKLIST", ContentPolicyViolation),
        ("IMAGE_RECITATION", ContentPolicyViolation),
        ("NO_IMAGE", UpstreamBroken),
        ("IMAGE_OTHER", UpstreamBroken),
        ("MALFORMED_RESPONSE", UpstreamBroken),
        ("OTHER", UpstreamBroken),
    ],
)
def test_an_end_without_a_picture(reason: str, error: type[DarkroomError]) -> None:
    for parts in ([], [{"text": "Sorry."}]):
        told = decoded([sse([frame(parts, reason)])])
        assert told[-1].startswith(f"failed {error.__name__}")
        assert reason in told[-1]
    assert decoded([sse([frame([inline(PNG)], reason)])])[-1].startswith("Finished")


def test_a_text_that_is_filtered_half_way_stays() -> None:
    told = decoded([sse([frame([{"text": "Once"}]), frame([], "SAFETY")])], TALKS)
    assert told[-1] == "Finished(reason='content_filter', whole=True)"
    assert decoded([sse([frame([{"text": "Once"}], "MAX_TOKENS")])], TALKS)[-1].startswith("Finished(reason='length'")


def test_a_text_alone_is_an_answer() -> None:
    assert decoded([sse([frame([{"text": "I see a cat."}], "STOP")])])[-1] == "Finished(reason='stop', whole=True)"


def test_a_stream_without_an_end_is_not_whole() -> None:
    assert decoded([sse([frame([{"text": "Once"}])])])[-1] == "Finished(reason='stop', whole=False)"


def test_a_blocked_prompt() -> None:
    for body in (sse, lambda frames: json.dumps(frames[0]).encode()):
        (told,) = decoded([body([{"promptFeedback": {"blockReason": "OTHER"}, **AROUND}])])
        assert told.startswith("failed ContentPolicyViolation")
        assert "OTHER" in told


def test_a_missing_signature_is_raised_while_nothing_was_told() -> None:
    body = sse([frame([]), frame([], "MISSING_THOUGHT_SIGNATURE")])
    (error,) = same_for_all_cuts(body, decoded)
    assert error[0] is UpstreamForgot
    told = decoded([sse([frame([{"text": "Once"}]), frame([], "MISSING_THOUGHT_SIGNATURE")])])
    assert told[-1].startswith("failed UpstreamForgot")


def test_an_error_in_the_stream() -> None:
    body = sse([frame([{"text": "Once"}]), {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}])
    assert same_for_all_cuts(body, decoded)[-1].startswith("failed UpstreamUnavailable")


@pytest.mark.parametrize("body", [b"", b"data: hello\n\n", b"{", b"<html>", b"[3]", b'{"a":"\xff"}'])
def test_what_is_no_answer(body: bytes) -> None:
    (error,) = decoded([body])
    assert error[0] is UpstreamBroken


def test_broken_base64_is_told_where_it_is_stored() -> None:
    told = decoded([sse([frame([{"inlineData": {"mimeType": "image/png", "data": "no base64!"}}], "STOP")])])
    assert any(each.startswith("media image") and not each.endswith("None") for each in told)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            400,
            {"message": "Image part is missing a thought_signature in content position 2, part position 1."},
            "forgot",
        ),
        (400, {"message": "invalid thought signature for content at index 1"}, "forgot"),
        (400, {"message": "Corrupted thought signature."}, "forgot"),
        (403, {"message": "You do not have permission to access the File a-b or it may not exist."}, "file"),
        (400, {"message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}, UpstreamAuthFailed),
        (400, {"message": "Bad field.", "status": "INVALID_ARGUMENT"}, UpstreamRejected),
        (403, {"message": "No.", "status": "PERMISSION_DENIED"}, UpstreamAuthFailed),
        (404, {"message": "models/x is not found for API version v1.", "status": "NOT_FOUND"}, UpstreamNotFound),
        (503, {"message": "The model is overloaded.", "status": "UNAVAILABLE"}, UpstreamUnavailable),
        (500, {"message": "An internal error has occurred.", "status": "INTERNAL"}, UpstreamBroken),
    ],
)
def test_errors(status: int, error: Json, kind: Any) -> None:
    for body in ({"error": {"code": status, **error}}, [{"error": {"code": status, **error}}]):
        found = decode_error(status, json.dumps(body).encode(), None)
        assert type(found) is (UpstreamForgot if isinstance(kind, str) else kind)
        assert is_about_file(found) is (kind == "file")
        assert error["message"] in found.message


def test_an_error_that_is_not_utf_8() -> None:
    assert isinstance(decode_error(500, b'{"error":"\xff"}'), UpstreamBroken)


def test_fields_that_hold_nothing_or_are_new_take_no_text_away() -> None:
    parts = [{"text": "Here", "inlineData": None, "thought": None}, {"text": " it is", "newField": {"a": 1}}]
    assert text_of(decoded([sse([frame([part]) for part in parts])], TALKS)) == "Here it is"


def test_a_quota_says_how_long_to_wait() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure"}, {"retryDelay": "17.5s"}]
    body = {"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED", "details": details}}
    error = decode_error(429, json.dumps(body).encode(), 3)
    assert isinstance(error, UpstreamRateLimited)
    assert error.retry_after == 17.5


# Requests.


def stored(data: bytes = PNG, url: str | None = None, **extra: Any) -> MediaPart:
    media = Media("media_01jqwte8yjf7haxqc521b7z2wf", "local", sha256(data), "image/png", len(data), "uploaded", 0)
    return MediaPart(media.kind, Stored(media, url), extra=extra)


def written(*messages: Message, profile: Any = TALKS, **fields: Any) -> tuple[str, Json]:
    """Return the path and the JSON of a request; base64 of a blob as its hash."""
    request = WIRE.encode(Conversation("gemini-3", messages, **fields), profile)
    pieces = (each.media.blob.encode() if isinstance(each, Base64Of) else each for each in request.pieces)
    return request.path, json.loads(b"".join(pieces))  # type: ignore[arg-type]


def test_roles_are_two_and_the_system_stands_apart() -> None:
    path, body = written(
        Message("system", (Text("Be kind."),)),
        Message("user", (Text("Hello"),)),
        Message("user", (Text("there"), stored())),
        Message("assistant", (Text("Here", {"thoughtSignature": "s"}), stored(thoughtSignature="t"), Text(""))),
        Message("developer", (Text("Be brief."),)),
        Message(
            "user",
            (stored(url="https://up.example/v1beta/files/a"), MediaPart(stored().kind, Remote("https://a/b.jpg?c"))),
        ),
        stream=True,
    )
    assert path == "/models/gemini-3:streamGenerateContent?alt=sse"
    data = {"mimeType": "image/png", "data": sha256(PNG)}
    assert body == {
        "systemInstruction": {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}, {"text": "there"}, {"inlineData": data}]},
            {
                "role": "model",
                "parts": [{"text": "Here", "thoughtSignature": "s"}, {"inlineData": data, "thoughtSignature": "t"}],
            },
            {
                "role": "user",
                "parts": [
                    {"fileData": {"mimeType": "image/png", "fileUri": "https://up.example/v1beta/files/a"}},
                    {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a/b.jpg?c"}},
                ],
            },
        ],
    }


def test_parameters() -> None:
    hello = Message("user", (Text("Hello"),))
    params = {"temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 9, "stop": "END", "seed": 4, "user": "me"}
    path, body = written(hello, params={**params, "response_format": {"type": "json_object"}})
    assert path == "/models/gemini-3:generateContent"
    assert body["generationConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
        "maxOutputTokens": 9,
        "stopSequences": ["END"],
        "seed": 4,
        "responseMimeType": "application/json",
    }
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert written(hello, params={"response_format": asked})[1]["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": schema,
    }
    assert "generationConfig" not in written(hello)[1]


@pytest.mark.parametrize(
    ("params", "config"),
    [
        ({}, None),
        ({"size": "1024x1024"}, {"aspectRatio": "1:1"}),
        ({"size": "1536x1024"}, {"aspectRatio": "3:2"}),
        ({"size": "2048x2048"}, {"aspectRatio": "1:1", "imageSize": "2K"}),
        ({"size": "3840x2160"}, {"aspectRatio": "16:9", "imageSize": "4K"}),
        ({"image_config": {"aspect_ratio": "16:10", "image_size": "512"}}, {"aspectRatio": "3:2", "imageSize": "1K"}),
        ({"extra_body": {"google": {"image_config": {"aspect_ratio": "1:8"}}}}, {"aspectRatio": "9:16"}),
    ],
)
def test_pictures_are_asked_for_in_what_the_api_knows(params: Json, config: Json | None) -> None:
    _, body = written(Message("user", (Text("a cat"),)), profile=DRAWS, params=params)
    assert body["generationConfig"]["responseModalities"] == ["TEXT", "IMAGE"]
    assert body["generationConfig"].get("imageConfig") == config


@given(st.integers(1, 99), st.integers(1, 99))
def test_every_ratio_becomes_a_known_one(wide: int, high: int) -> None:
    assert nearest(f"{wide}:{high}") in RATIOS


def test_a_client_may_want_pictures_alone() -> None:
    _, body = written(Message("user", (Text("a cat"),)), profile=DRAWS, params={"modalities": ["image"]})
    assert body["generationConfig"]["responseModalities"] == ["IMAGE"]


def test_what_a_client_of_the_same_dialect_says_goes_along() -> None:
    native = {"safetySettings": [{"category": "X"}], "generationConfig": {"topK": 3}, "tools": [{"googleSearch": {}}]}
    tools = [{"type": "function", "function": {"name": "look"}}]
    hello = Message("user", (Text("Hello"),))
    params = {"temperature": 1, "tools": tools}
    _, body = written(hello, params=params, native=native, dialect="gemini")
    assert body["generationConfig"] == {"temperature": 1, "topK": 3}
    assert body["safetySettings"] == native["safetySettings"]
    assert body["tools"] == [{"functionDeclarations": [{"name": "look"}]}, {"googleSearch": {}}]
    assert "safetySettings" not in written(hello, native=native)[1]


def test_tools() -> None:
    schema = {"type": "object", "properties": {"at": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "look", "description": "See.", "parameters": schema}}]
    signed = {"extra_content": {"google": {"thought_signature": "s"}}}
    calls = [
        {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"at": "sea"}'}, **signed},
        {"id": "b", "type": "function", "function": {"name": "hear", "arguments": ""}},
    ]
    _, body = written(
        Message("user", (Text("What is there?"),)),
        Message("assistant", extra={"tool_calls": calls}),
        Message("tool", (Text("a boat"),), extra={"tool_call_id": "a"}),
        Message("tool", (Text('{"heard": "waves"}'),), extra={"tool_call_id": "b"}),
        params={"tools": tools, "tool_choice": {"type": "function", "function": {"name": "look"}}},
    )
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "look", "args": {"at": "sea"}}, "thoughtSignature": "s"},
                {"functionCall": {"name": "hear", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "look", "response": {"result": "a boat"}}},
                {"functionResponse": {"name": "hear", "response": {"heard": "waves"}}},
            ],
        },
    ]
    declared = {"name": "look", "description": "See.", "parametersJsonSchema": schema}
    assert body["tools"] == [{"functionDeclarations": [declared]}]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}}
