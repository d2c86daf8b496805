"""The shapes that a client can ask its answer in: each streamed and plain, and both say the same."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darkroom.sketch import film, paint
from darkroom.testing import serve
from running import House, Json, Scripted, content_of, data_uri, links_in, message_of, pictures_in, row, running

PROMPT = "a red lighthouse"
PICTURE = paint(PROMPT).data
SHAPES = ("markdown", "parts", "images", "inline", "transcript")
FORMS = ("sketch", "markdown-base64", "bare-url", "images", "relay", "parts", "reasoning", "video-html", "text")
INLINE = re.compile(r"\((data:[a-z]+/[a-z0-9]+;base64,[^)]+)\)")
_ID = re.compile(r"(media|gen|task)_[0-9a-z]{26}")


def anonymous(message: Json) -> str:
    """Return a message with every id replaced, so that two answers to one question compare."""
    return _ID.sub(r"\1_ID", repr(sorted(message.items())))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("output", SHAPES)
async def test_streamed_and_plain_say_the_same(house: House, output: str, form: str) -> None:
    plain = await house.ask(f"painter/{form}", PROMPT, output=output)
    streamed = await house.ask(f"painter/{form}", PROMPT, output=output, stream=True)
    assert anonymous(message_of(streamed)) == anonymous(message_of(plain))
    assert streamed["choices"][0]["finish_reason"] == plain["choices"][0]["finish_reason"] == "stop"
    assert streamed["usage"] == plain["usage"]
    assert _ID.sub("ID", repr([each["upstream_ids"] for each in streamed["darkroom"]["generations"]])) == _ID.sub(
        "ID", repr([each["upstream_ids"] for each in plain["darkroom"]["generations"]])
    )
    assert len(streamed["darkroom"]["media"]) == len(plain["darkroom"]["media"]) == (form != "text")


async def test_markdown(house: House) -> None:
    answer = await house.ask("painter/images", PROMPT)
    (link,) = links_in(answer)
    assert content_of(answer) == f"Here you go\n\n![image]({link})"
    assert message_of(answer)["images"] == [{"type": "image_url", "image_url": {"url": link}, "index": 0}]
    assert await house.download(link) == PICTURE


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_parts(house: House, stream: bool) -> None:
    answer = await house.ask("painter/images", PROMPT, output="parts", stream=stream)
    (link,) = links_in(answer)
    assert content_of(answer) == [
        {"type": "text", "text": "Here you go"},
        {"type": "image_url", "image_url": {"url": link}},
    ]
    assert "images" not in message_of(answer)
    assert await house.download(link) == PICTURE


async def test_a_picture_alone_is_one_part(house: House) -> None:
    answer = await house.ask("painter/parts", PROMPT, output="parts", sketch={"n": 2})
    kinds = [part["type"] for part in content_of(answer)]
    assert kinds == ["text", "image_url", "image_url"]
    alone = await house.ask("painter/sketch", PROMPT, output="parts")
    assert content_of(alone) == [{"type": "image_url", "image_url": {"url": links_in(alone)[0]}}]


async def test_a_video_part(house: House) -> None:
    answer = await house.ask("painter/video-url", PROMPT, output="parts")
    (link,) = links_in(answer)
    assert content_of(answer) == [{"type": "video_url", "video_url": {"url": link}}]
    assert await house.download(link) == film(PROMPT).data


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_images(house: House, stream: bool) -> None:
    answer = await house.ask("painter/images", PROMPT, output="images", stream=stream)
    (link,) = links_in(answer)
    assert content_of(answer) == "Here you go"
    assert message_of(answer)["images"] == [{"type": "image_url", "image_url": {"url": link}, "index": 0}]


async def test_images_shows_a_video_in_the_text(house: House) -> None:
    answer = await house.ask("painter/video-url", PROMPT, output="images")
    assert content_of(answer) == f"[video]({links_in(answer)[0]})"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_inline(house: House, stream: bool) -> None:
    """For clients that can't fetch: the very bytes, and still a link in the report."""
    answer = await house.ask("painter/images", PROMPT, output="inline", stream=stream, sketch={"n": 2})
    uris = INLINE.findall(content_of(answer))
    second = paint(f"{PROMPT} (2)").data
    assert [base64.b64decode(uri.partition(",")[2]) for uri in uris] == [PICTURE, second]
    assert INLINE.sub("(URI)", content_of(answer)) == "Here you go\n\n![image](URI)\n\n![image](URI)"
    assert [await house.download(media["url"]) for media in answer["darkroom"]["media"]] == [PICTURE, second]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_transcript_speaks_the_language_of_the_question(house: House, stream: bool) -> None:
    answer = await house.ask("painter/sketch", "画个牛马", output="transcript", stream=stream)
    (link,) = links_in(message_of(answer))
    generation = answer["darkroom"]["generations"][0]["id"]
    assert content_of(answer).endswith(f"> 生成完成 ✅\n\n> gen_id: `{generation}`\n\n![{generation}]({link})")
    english = content_of(await house.ask("painter/sketch", "a lighthouse", output="transcript", stream=stream))
    assert "> Generation complete ✅" in english


async def test_transcript_of_a_relay(house: House) -> None:
    answer = await house.ask("painter/relay", "画个牛马", output="transcript")
    content, generation = content_of(answer), answer["darkroom"]["generations"][0]
    lines = content.splitlines()
    assert lines[:5] == ["```", "{", '  "prompt": "画个牛马",', '  "ratio": "1:1"', "}"]
    assert f"> ID: `{generation['upstream_ids']['task_id']}`" in lines
    assert [line.rstrip(".") for line in lines if "排队中" in line] == ["> 排队中"]
    assert sum("%" in line for line in lines) > 2
    assert f"> gen_id: `{generation['id']}`" in lines
    assert content.index("生成完成") < content.index("gen_id:") < content.index("![")
    assert "reasoning_content" not in message_of(answer)


@pytest.fixture
async def shaped(tmp_path: Path) -> AsyncIterator[House]:
    """A gateway whose default is `images`, with a provider whose answers are `parts`."""
    relay = Scripted([{"content": f"Look: ![a]({data_uri(PICTURE)})"}])
    async with (
        serve(relay.app) as url,
        running(tmp_path, providers=[row("relay", url, output="parts")], output="images") as house,
    ):
        yield house


async def test_who_decides_on_the_shape(shaped: House) -> None:
    """The request's header, else the provider's row, else the gateway's setting."""
    assert isinstance(content_of(await shaped.ask("relay/image-x", PROMPT)), list)
    assert content_of(await shaped.ask("relay/image-x", PROMPT, output="markdown")).startswith("Look: ![a](http")
    assert content_of(await shaped.ask("painter/images", PROMPT)) == "Here you go"
    assert "![image]" in content_of(await shaped.ask("painter/images", PROMPT, output="Markdown"))


async def test_an_unknown_shape_is_refused(house: House) -> None:
    body = {"model": "painter/sketch", "messages": [{"role": "user", "content": PROMPT}]}
    status, answer = await house.post(body, **{"X-Darkroom-Output": "hologram"})
    assert (status, answer["error"]["param"]) == (400, "x-darkroom-output")
    assert "transcript" in answer["error"]["message"]
    assert not house.painter.requests


@pytest.mark.parametrize("output", SHAPES)
async def test_a_chat_goes_on_in_every_shape(house: House, output: str) -> None:
    """The picture of the first turn arrives in the second, whatever shape the client keeps."""
    first = await house.ask("painter/images-strict", PROMPT, output=output)
    await house.ask(
        "painter/images-strict",
        {"role": "user", "content": PROMPT},
        message_of(first),
        {"role": "user", "content": "make it blue"},
        output=output,
    )
    asked = house.painter.requests[-1]["messages"]
    assert pictures_in(asked[-1]) == [(await house.media())[0].blob]
    assert asked[-1]["content"][-1] == {"type": "text", "text": "make it blue"}
    assert len(await house.blobs()) == 2
