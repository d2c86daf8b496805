"""Every answer and every chunk is what the official SDK's own types say, and tokens are counted honestly."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from darkroom.sketch import paint
from darkroom.testing import serve
from darkroom.testing.forms import FORMS
from running import House, Json, Scripted, added_up, assistant, data_uri, row, running, user

PROMPT = "a red lighthouse"
PICTURE = paint(PROMPT).data
OUTPUTS = ("markdown", "images", "inline", "transcript")
ANSWERING = [name for name in FORMS if not name.startswith(("fail-", "bad-", "dies", "empty", "one-hub"))]


def body(model: str, *messages: Any, **fields: Any) -> Json:
    return {"model": model, "messages": messages or [user(PROMPT)], **fields}


@pytest.mark.parametrize("form", ANSWERING)
async def test_an_answer_validates(house: House, form: str) -> None:
    status, answer = await house.post(body(f"painter/{form}"))
    assert status == 200
    checked = ChatCompletion.model_validate(answer, strict=True)
    assert checked.object == "chat.completion"
    assert checked.model == f"painter/{form}"
    assert checked.id.startswith("chatcmpl-")
    assert checked.choices[0].message.role == "assistant"
    assert checked.usage is not None
    assert checked.usage.total_tokens == checked.usage.prompt_tokens + checked.usage.completion_tokens


@pytest.mark.parametrize("form", ANSWERING)
async def test_every_chunk_validates(house: House, form: str) -> None:
    frames = await house.frames(body(f"painter/{form}", stream_options={"include_usage": True}))
    assert frames.pop() == "[DONE]"
    chunks = [ChatCompletionChunk.model_validate(frame, strict=True) for frame in frames]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].delta.role for chunk in chunks[1:] if chunk.choices].count("assistant") == 0
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert [frame for frame in frames if "darkroom" in frame] == [frames[-2]]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("form", ["sketch", "relay", "images", "video-html"])
async def test_every_shape_validates(house: House, form: str, output: str) -> None:
    header = {"X-Darkroom-Output": output}
    _, answer = await house.post(body(f"painter/{form}"), **header)
    ChatCompletion.model_validate(answer, strict=True)
    for frame in (await house.frames(body(f"painter/{form}"), **header))[:-1]:
        ChatCompletionChunk.model_validate(frame, strict=True)


async def test_parts_differ_in_the_content_alone(house: House) -> None:
    header = {"X-Darkroom-Output": "parts"}
    _, answer = await house.post(body("painter/images"), **header)
    assert isinstance(answer["choices"][0]["message"]["content"], list)
    answer["choices"][0]["message"]["content"] = ""
    ChatCompletion.model_validate(answer, strict=True)
    for frame in (await house.frames(body("painter/images"), **header))[:-1]:
        for choice in frame["choices"]:
            choice["delta"].pop("content", None)
        ChatCompletionChunk.model_validate(frame, strict=True)


async def test_no_usage_in_a_stream_that_did_not_ask(house: House) -> None:
    frames = await house.frames(body("painter/images"))
    assert not any(frame.get("usage") for frame in frames[:-1])
    assert all(frame["choices"] for frame in frames[:-1])


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_upstreams_own_count_wins(house: House, stream: bool) -> None:
    answer = await house.ask("painter/images", PROMPT, stream=stream)
    assert answer["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 1299,
        "total_tokens": 1304,
        "completion_tokens_details": {"image_tokens": 1290},
    }
    assert "usage" not in answer["darkroom"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_an_estimate_is_marked(house: House, stream: bool) -> None:
    answer = await house.ask("painter/text", PROMPT, stream=stream, sketch={"usage": False})
    assert answer["darkroom"]["usage"] == "estimated"
    usage = answer["usage"]
    assert 0 < usage["prompt_tokens"] < 20
    assert 0 < usage["completion_tokens"] < 30
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


@pytest.mark.parametrize("model", ["painter/images-strict", "painter/text-strict"])
async def test_base64_is_never_counted(house: House, model: str) -> None:
    """A history of five megabytes costs what it costs without them."""
    heavy = paint(PROMPT).data + b"\0" * 5_000_000
    history = [user(PROMPT), assistant(f"Here: ![a]({data_uri(heavy)})"), user("and now?")]
    light = [user(PROMPT), assistant("Here: ![a](media_01m7y0dj6cfm5rvhb53b345k49)"), user("and now?")]
    costly = await house.ask(model, *history, sketch={"usage": False})
    cheap = await house.ask(model, *light, sketch={"usage": False})
    assert costly["darkroom"]["usage"] == "estimated"
    assert abs(costly["usage"]["prompt_tokens"] - cheap["usage"]["prompt_tokens"]) < 20


async def test_an_answers_base64_is_never_counted(house: House) -> None:
    small = await house.ask("painter/markdown-base64", PROMPT, sketch={"usage": False})
    large = await house.ask("painter/markdown-base64", PROMPT, sketch={"usage": False, "bytes": 2_000_000})
    assert small["usage"] == large["usage"]


TOOL_CALL: list[Json] = [
    {"role": "assistant", "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f"}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]},
]


async def test_tool_calls_pass(tmp_path: Any) -> None:
    """What only the client understands goes through, and still fits the types."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    async with serve(Scripted(TOOL_CALL).app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        frames = (await house.frames(body("relay/some-model")))[:-1]
        for frame in frames:
            ChatCompletionChunk.model_validate(frame, strict=True)
        pieces = [call for frame in frames for call in frame["choices"][0]["delta"].get("tool_calls", ())]
        assert "".join(piece["function"].get("arguments") or "" for piece in pieces) == '{"a": 1}'
        assert added_up(frames)["choices"][0]["finish_reason"] == "stop"
    plain = Scripted([{"tool_calls": [call]}])
    async with serve(plain.app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        _, answer = await house.post(body("relay/some-model"))
        ChatCompletion.model_validate(answer, strict=True)
        assert answer["choices"][0]["message"]["tool_calls"] == [call]
        assert answer["choices"][0]["message"]["content"] is None
