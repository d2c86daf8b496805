"""Answers as upstreams in the wild really write them: odd, half broken, refused; through the main door."""

from __future__ import annotations

import io
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from darkroom.codecs.links import references
from darkroom.sketch import paint
from darkroom.testing import serve
from running import (
    LINK,
    House,
    Json,
    Scripted,
    added_up,
    content_of,
    data_uri,
    links_in,
    message_of,
    row,
    running,
    sha256,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

BIRD, CAT = (paint(words, size=(128, 128)).data for words in ("a red bird", "a cat"))
TEXT_MODEL, IMAGE_MODEL, RELAY_MODEL = "some-model", "some-image-model", "gpt-4o-image"
LONG = re.compile(r"[A-Za-z0-9+/]{120}")
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
BOTH_MODELS = pytest.mark.parametrize("model", [TEXT_MODEL, IMAGE_MODEL])
DONE = b"data: [DONE]\n\n"


def picture_of(side: int, format: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(file, format)
    return file.getvalue()


SMALL, PHOTO = picture_of(64, "PNG"), picture_of(32, "JPEG")


def shown(*urls: str | None) -> list[Json]:
    return [{"type": "image_url", "image_url": {"url": url}} for url in urls]


def frame(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: Json, finish: str | None = None) -> bytes:
    return frame({"id": "wild", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def streamed(*deltas: Json, finish: str | None = "stop") -> bytes:
    """A stream; one without a reason to finish ends without a word.

    Texts that arrive together are read as one, so a thought between two of them keeps the cut.
    """
    frames = []
    for before, delta in pairwise([{}, *deltas]):
        cut = isinstance(before.get("content"), str) and isinstance(delta.get("content"), str)
        frames.append(chunk({"reasoning_content": "…"}) * cut + chunk(delta))
    return b"".join(frames) + (chunk({}, finish) + DONE if finish else b"")


def plain(message: Json, finish: str | None = "stop") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "wild", "object": "chat.completion", "choices": [choice]}).encode()


def said(message: Json, *, stream: bool, finish: str | None = "stop") -> bytes:
    return streamed(message, finish=finish) if stream else plain(message, finish)


def in_deltas(text: str, size: int) -> list[Json]:
    return [{"content": text[at : at + size]} for at in range(0, len(text), size)]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over the wire: `answer` is a stream's chunks added up, or the JSON; `error` the whole error body."""

    status: int
    raw: str
    answer: Json
    error: Json | None

    @property
    def content(self) -> Any:
        """The answer's content, with LINK for every link."""
        return LINK.sub("LINK", content_of(self.answer))

    @property
    def code(self) -> str | None:
        return self.error["error"]["code"] if self.error else None


@dataclass(frozen=True, slots=True)
class Wild:
    """A gateway, and an upstream that answers with the bytes that a test gives."""

    house: House
    relay: Scripted
    url: str

    async def reply(self, body: bytes, *, stream: bool, model: str = IMAGE_MODEL) -> Reply:
        self.relay.script = deque([body])
        messages = [{"role": "user", "content": "a red bird"}]
        asked = {"model": f"relay/{model}", "messages": messages, "stream": stream}
        async with self.house.http.post("/v1/chat/completions", json=asked) as response:
            raw = (await response.read()).decode()
            is_stream = response.content_type == "text/event-stream"
        if not is_stream:
            whole = json.loads(raw)
            return Reply(response.status, raw, whole, whole if "error" in whole else None)
        assert raw.endswith(DONE.decode())
        frames = [json.loads(line[6:]) for line in raw.split("\n\n") if line.startswith("data: {")]
        error = next((each for each in frames if "error" in each), None)
        return Reply(response.status, raw, added_up([each for each in frames if "choices" in each]), error)

    async def answer(self, body: bytes, *, stream: bool, model: str = IMAGE_MODEL) -> Reply:
        """Return a reply that is no error."""
        reply = await self.reply(body, stream=stream, model=model)
        assert (reply.status, reply.error) == (200, None), reply.raw
        return reply

    async def pictures(self, reply: Reply) -> list[bytes]:
        return [await self.house.download(link) for link in links_in(reply.raw)]

    async def newest(self) -> str:
        """Return all that the newest generation's row holds."""
        return repr(asdict((await self.house.generations())[-1]))


async def forbidden(request: Request) -> Response:
    return Response(b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 403, media_type="application/xml")


async def astray(request: Request) -> Response:
    return RedirectResponse("http://169.254.169.254/latest/cat.png")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def wild(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wild]:
    relay = Scripted(b"", files={"bird.png": BIRD, "cat.png": CAT, "cat(1).png": CAT})
    relay.app.add_route("/odd/forbidden.png", forbidden)
    relay.app.add_route("/odd/astray.png", astray)
    async with (
        serve(relay.app) as url,
        running(tmp_path_factory.mktemp("wild"), providers=[row("relay", url)]) as house,
    ):
        yield Wild(house, relay, url)


# Text around pictures that come beside it.

BESIDE: dict[str, tuple[str, ...]] = {
    "an exclamation mark": ("Here you go!",),
    "torn": ("Here you g", "o!"),
    "a word of progress": ("Generating",),
    "a quote": ("> a quote",),
    "a bracket": ("Your bird [red",),
    "a code fence": ("This is `code", "` ``"),
    "the start of a data URI": ("All the dat",),
    "the start of a URL": ("Look here: http",),
    "a first brace": ("{ and no plan",),
}


@STREAM
@pytest.mark.parametrize("texts", BESIDE.values(), ids=BESIDE)
async def test_text_before_a_picture_stays_before_it(wild: Wild, texts: Sequence[str], stream: bool) -> None:
    images = {"images": shown(data_uri(BIRD))}
    whole = "".join(texts)
    body = streamed(*({"content": text} for text in texts), images) if stream else plain({"content": whole, **images})
    reply = await wild.answer(body, stream=stream)
    assert reply.content == f"{whole}\n\n![image](LINK)"
    assert await wild.pictures(reply) == [BIRD]


@STREAM
@pytest.mark.parametrize("text", ["and more", "!", "> a quote", "Generating", "data"])
async def test_text_on_both_sides_of_a_picture(wild: Wild, text: str, stream: bool) -> None:
    deltas = ({"content": "A red bird"}, {"images": shown(data_uri(BIRD))}, {"content": text})
    reply = await wild.answer(streamed(*deltas), stream=stream)
    assert reply.content == f"A red bird\n\n![image](LINK)\n\n{text}"


async def test_line_breaks_of_the_upstream_suffice(wild: Wild) -> None:
    deltas = (
        {"content": "A red bird\n"},
        {"images": shown(data_uri(BIRD))},
        {"content": ""},
        {"content": "\nand more"},
    )
    reply = await wild.answer(streamed(*deltas), stream=True)
    assert reply.content == "A red bird\n\n![image](LINK)\nand more"


@STREAM
async def test_parts_keep_their_order(wild: Wild, stream: bool) -> None:
    images = shown(data_uri(BIRD), data_uri(CAT))
    parts = ["One!", images[0], "Two!", images[1], "Three!"]
    content = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
    reply = await wild.answer(said({"content": content}, stream=stream), stream=stream)
    assert re.findall(r"\w+!(?!\[)|LINK", reply.content) == ["One!", "LINK", "Two!", "LINK", "Three!"]
    assert await wild.pictures(reply) == [BIRD, CAT]


POLICY = "These birds do not violate the content policy, so I was able to generate them."


@STREAM
async def test_words_of_policy_beside_a_picture_are_no_refusal(wild: Wild, stream: bool) -> None:
    images = {"images": shown(data_uri(BIRD))}
    for deltas in (({"content": POLICY}, images), (images, {"content": POLICY})):
        reply = await wild.answer(streamed(*deltas), stream=stream)
        assert POLICY in reply.content
        assert await wild.pictures(reply) == [BIRD]
    alone = await wild.reply(said({"content": POLICY}, stream=stream), stream=stream)
    assert alone.code == "content_policy_violation"  # the same words alone are one


# Refusals that come with status 200.

REFUSALS: dict[str, tuple[bytes, str, str]] = {
    "code and message": (
        b'{"code": 400, "message": "content_policy violation: nsfw"}',
        "content_policy_violation",
        "content_policy violation: nsfw",
    ),
    "success": (b'{"success": false, "message": "rate limit reached"}', "rate_limit", "rate limit reached"),
    "msg": (b'{"code": -1, "msg": "the worker is asleep", "data": null}', "upstream_broken", "the worker is asleep"),
    "detail": (b'{"detail": "too many requests"}', "rate_limit", "too many requests"),
    "an event of an error": (
        b'event: error\ndata: {"message": "rate limit reached"}\n\n',
        "rate_limit",
        "rate limit reached",
    ),
    "an event with the refusal": (
        b'data: {"code": 400, "message": "content_policy violation: nsfw"}\n\n',
        "content_policy_violation",
        "content_policy violation: nsfw",
    ),
    "Gemini, prohibited": (
        b'{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "gemini"}',
        "content_policy_violation",
        "PROHIBITED_CONTENT",
    ),
    "Gemini, safety": (
        b'{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}',
        "content_policy_violation",
        "SAFETY",
    ),
    "Gemini, in a stream": (
        b'data: {"promptFeedback": {"blockReason": "OTHER"}}\n\n',
        "content_policy_violation",
        "OTHER",
    ),
}
STATUS = {"content_policy_violation": 400, "rate_limit": 429, "upstream_broken": 502}


@STREAM
@BOTH_MODELS
@pytest.mark.parametrize(("body", "code", "words"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_with_status_200(
    wild: Wild, body: bytes, code: str, words: str, model: str, stream: bool
) -> None:
    reply = await wild.reply(body, stream=stream, model=model)
    assert (reply.status, reply.code) == (STATUS[code], code), reply.raw
    assert reply.error is not None
    assert words in reply.error["error"]["message"]


@STREAM
@BOTH_MODELS
async def test_an_error_event_in_the_middle(wild: Wild, model: str, stream: bool) -> None:
    body = streamed({"content": "Once upon a time"}, finish=None)
    body += b'event: error\ndata: {"message": "rate limit reached"}\n\n'
    reply = await wild.reply(body, stream=stream, model=model)
    assert reply.status == (200 if stream else 429)
    assert reply.code == "rate_limit"
    assert reply.error is not None
    assert "rate limit reached" in reply.error["error"]["message"]


FILTERED: dict[str, Json] = {
    "content_filter": {"choices": [{"index": 0, "message": {"content": None}, "finish_reason": "content_filter"}]},
    "a delta": {"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]},
    "a reason of Gemini's": {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "IMAGE_SAFETY"}]},
    "Gemini": {"candidates": [{"content": {"parts": []}, "finishReason": "IMAGE_SAFETY"}]},
    "Gemini without content": {"candidates": [{"finishReason": "PROHIBITED_CONTENT"}]},
}


@STREAM
@pytest.mark.parametrize("value", FILTERED.values(), ids=FILTERED)
async def test_what_a_filter_kept_back(wild: Wild, value: Json, stream: bool) -> None:
    reply = await wild.reply(frame(value) + DONE if stream else json.dumps(value).encode(), stream=stream)
    assert (reply.status, reply.code) == (400, "content_policy_violation"), reply.raw


@STREAM
async def test_a_filter_after_a_picture_takes_nothing_away(wild: Wild, stream: bool) -> None:
    body = said({"images": shown(data_uri(BIRD))}, stream=stream, finish="content_filter")
    reply = await wild.answer(body, stream=stream)
    assert reply.answer["choices"][0]["finish_reason"] == "content_filter"
    assert await wild.pictures(reply) == [BIRD]


@STREAM
async def test_a_text_models_filter_is_its_reason_to_finish(wild: Wild, stream: bool) -> None:
    body = said({"content": "I would rather"}, stream=stream, finish="content_filter")
    reply = await wild.answer(body, stream=stream, model=TEXT_MODEL)
    assert reply.answer["choices"][0]["finish_reason"] == "content_filter"
    assert reply.content == "I would rather"


# One bad part among good ones.

PARTLY: dict[str, tuple[Json, int]] = {
    "broken base64": ({"images": shown(data_uri(BIRD), "data:image/png;base64,iVBORw0KGgo*")}, 1),
    "no picture": ({"images": shown(data_uri(BIRD), data_uri(b"no picture at all" * 9))}, 1),
    "broken first": ({"images": shown("data:image/png;base64,iVBORw0KGgo*", data_uri(BIRD))}, 1),
    "null": ({"images": [*shown(data_uri(BIRD)), None]}, 0),
    "a URL of null": ({"images": shown(data_uri(BIRD), None)}, 1),
    "an id of its own": ({"images": [*shown(data_uri(BIRD)), {"image_url": {"url": "file-abc"}}]}, 1),
    "an unknown part": ({"content": [*shown(data_uri(BIRD)), {"type": "hologram", "hologram": "x"}]}, 0),
    "a part that is a number": ({"content": [7, *shown(data_uri(BIRD)), None]}, 0),
    "output in words": ({"images": shown(data_uri(BIRD)), "output": "hello"}, 0),
}


@STREAM
@pytest.mark.parametrize(("message", "lost"), PARTLY.values(), ids=PARTLY)
async def test_one_bad_part_loses_no_good_picture(wild: Wild, message: Json, lost: int, stream: bool) -> None:
    reply = await wild.answer(said(message, stream=stream), stream=stream)
    assert await wild.pictures(reply) == [BIRD]
    assert reply.content == "![image](LINK)"
    report = reply.answer["darkroom"]
    assert [media["kind"] for media in report["media"]] == ["image"]
    assert [(each["kind"], each["code"]) for each in report.get("lost", [])] == [("image", "upstream_bad_media")] * lost


@STREAM
async def test_output_in_words_is_no_picture_of_a_text_model(wild: Wild, stream: bool) -> None:
    reply = await wild.answer(
        said({"content": "hi", "output": "hello"}, stream=stream), stream=stream, model=TEXT_MODEL
    )
    assert reply.content == "hi"


@STREAM
@pytest.mark.parametrize("head", ["```", "```h", "```ht", "```htm", "```html", "`", "``"])
async def test_a_fence_of_html_cut_anywhere(wild: Wild, head: str, stream: bool) -> None:
    fence = f'```html\n<img src="{wild.url}/cdn/bird.png" alt="bird">\n```\nThere.'
    for before in ("", "Here:\n"):
        deltas = ({"content": before + head}, {"content": fence.removeprefix(head)})
        reply = await wild.answer(streamed(*deltas), stream=stream)
        assert await wild.pictures(reply) == [BIRD]
        assert reply.content == f"{before}![bird](LINK)\nThere."


# What was lifted out and only tells of media leaves no trace of the lifting.


def untraced(text: str) -> bool:
    return not any(trace in text for trace in ("\x1a", "\\u001a", "\\x1a", "lift:")) and not LONG.search(text)


@STREAM
@pytest.mark.parametrize("data", [SMALL, BIRD], ids=["small", "large"])
async def test_a_plan_that_echoes_a_data_uri(wild: Wild, data: bytes, stream: bool) -> None:
    plan = json.dumps({"prompt": "a red bird", "image": data_uri(data)})
    text = f"```\n{plan}\n```\n\n> 进度 44%.\n> 生成完成 ✅\n\n![bird]({wild.url}/cdn/bird.png)\n"
    for size in (50, len(text)):
        reply = await wild.answer(streamed(*in_deltas(text, size)), stream=stream, model=RELAY_MODEL)
        assert await wild.pictures(reply) == [BIRD]
        assert "a red bird" in message_of(reply.answer)["reasoning_content"]
        kept = await wild.newest()
        assert untraced(reply.raw)
        assert untraced(kept)


@STREAM
@pytest.mark.parametrize("data", [SMALL, BIRD], ids=["small", "large"])
@pytest.mark.parametrize("progress", ["> 进度 44%.\n", ""], ids=["begun", "at once"])
async def test_a_failure_that_echoes_a_data_uri(wild: Wild, data: bytes, progress: str, stream: bool) -> None:
    text = f"{progress}> ❌ 生成失败：{data_uri(data)}\n> 失败原因：input_moderation\n"
    for size in (50, len(text)):
        body = streamed(*in_deltas(text, size))
        reply = await wild.reply(body, stream=stream, model=RELAY_MODEL)
        assert reply.code == "content_policy_violation", reply.raw
        assert untraced(reply.raw)
        assert "input_moderation" in reply.raw
        if progress:
            kept = await wild.newest()
            assert "input_moderation" in kept
            assert untraced(kept)


@STREAM
async def test_an_error_field_that_echoes_a_data_uri(wild: Wild, stream: bool) -> None:
    for value in ({"error": {"message": f"bad image {data_uri(BIRD)}"}}, {"message": f"bad image {data_uri(BIRD)}"}):
        reply = await wild.reply(json.dumps(value).encode(), stream=stream)
        assert reply.error is not None
        assert "bad image" in reply.error["error"]["message"]
        assert untraced(reply.raw)


@STREAM
@pytest.mark.parametrize("model", [TEXT_MODEL, IMAGE_MODEL, RELAY_MODEL])
@pytest.mark.parametrize("data", [SMALL, CAT], ids=["small", "large"])
async def test_a_draft_in_the_reasoning_stays_there(wild: Wild, data: bytes, model: str, stream: bool) -> None:
    thought = f"First a draft: ![draft]({data_uri(data)}) and then the rest."
    whole = streamed({"reasoning_content": thought}, {"content": "Done."})
    pieces = [{"reasoning_content": thought[at : at + 40]} for at in range(0, len(thought), 40)]
    for body in (whole, streamed(*pieces, {"content": "Done."})):
        reply = await wild.answer(body, stream=stream, model=model)
        thoughts = message_of(reply.answer)["reasoning_content"]
        assert thoughts.startswith("First a draft: ![draft](")
        assert thoughts.endswith(") and then the rest.")
        assert len(thoughts) < 100
        assert untraced(reply.raw)
        assert reply.content == "Done."
        assert reply.answer["darkroom"]["media"] == []


# URLs in a sentence.

URLS: dict[str, str] = {
    "in a sentence": "Look at URL now.",
    "at the end of a sentence": "Look at URL.",
    "a list item": "Birds:\n- URL\n- a cat",
    "a numbered item": "1. URL\n2. none",
    "bold": "Here: **URL** indeed",
    "in parentheses": "A bird (URL) here",
    "two on a line": "URL or URL2, both",
    "a Chinese comma behind it": "图片：URL，请查收",
    "a Chinese full stop behind it": "给你 URL。好了",
    "Chinese brackets": "看（URL）吧",
    "a question": "Is it URL?",
    "quotes": 'It is "URL" again',
    "at the very end": "it is URL",
    "at the very start": "URL is it",
    "with a query": "see URL?sig=a%2Bb&x=1, there",
    "parentheses of its own": "see URL(1).png there",
}


@STREAM
@pytest.mark.parametrize("text", URLS.values(), ids=URLS)
async def test_a_bare_url_is_mirrored(wild: Wild, text: str, stream: bool) -> None:
    bird, cat = f"{wild.url}/cdn/bird.png", f"{wild.url}/cdn/cat.png"
    own = f"{wild.url}/cdn/cat(1).png"
    there = text.replace("URL(1).png", own).replace("URL2", cat).replace("URL", bird)
    left = text.replace("?sig=a%2Bb&x=1", "").replace("URL(1).png", "URL").replace("URL2", "URL")
    for size in (1, 7, len(there)):
        reply = await wild.answer(streamed(*in_deltas(there, size)), stream=stream)
        assert reply.content == left.replace("URL", "![image](LINK)")
        found = [BIRD, CAT] if "URL2" in text else [CAT] if own in there else [BIRD]
        assert await wild.pictures(reply) == found
        assert wild.url not in reply.raw


PAGES = [
    "Read https://example.com/docs/page and https://example.com/.",
    "[the docs](https://example.com/docs) say so",
    "https://example.com/page.html?x=1\n\nis a page",
    "http and https: two words, hhttps://example.com too",
]


@STREAM
@pytest.mark.parametrize("text", PAGES)
async def test_a_link_to_a_page_is_left_alone(wild: Wild, text: str, stream: bool) -> None:
    for size in (1, len(text)):
        body = streamed(*in_deltas(text, size), {"images": shown(data_uri(BIRD))})
        reply = await wild.answer(body, stream=stream)
        assert reply.content.startswith(text)
        assert "lost" not in reply.answer["darkroom"]
        assert await wild.pictures(reply) == [BIRD]


# Ends.


@STREAM
@pytest.mark.parametrize("model", [IMAGE_MODEL, RELAY_MODEL])
async def test_a_stream_that_just_ends_after_a_picture(wild: Wild, model: str, stream: bool) -> None:
    for delta in ({"images": shown(data_uri(BIRD))}, {"content": f"![a]({data_uri(BIRD)})"}):
        reply = await wild.answer(streamed({"content": "Here. "}, delta, finish=None), stream=stream, model=model)
        assert await wild.pictures(reply) == [BIRD]
        assert reply.answer["choices"][0]["finish_reason"] == "stop"
        assert "'status': 'completed'" in await wild.newest()


@STREAM
@pytest.mark.parametrize("model", [TEXT_MODEL, IMAGE_MODEL, RELAY_MODEL])
async def test_a_stream_that_just_ends_after_words(wild: Wild, model: str, stream: bool) -> None:
    reply = await wild.reply(streamed({"content": "Once upon a"}, finish=None), stream=stream, model=model)
    assert reply.status == (200 if stream else 502)
    assert reply.code == "upstream_broken"
    assert "too early" in reply.raw


@STREAM
async def test_a_stream_that_ends_within_a_picture(wild: Wild, stream: bool) -> None:
    """Half of a picture is no picture, however well the connection was closed."""
    half = data_uri(BIRD)[: len(data_uri(BIRD)) // 2]
    reply = await wild.reply(streamed({"content": f"![a]({half}"}, finish=None), stream=stream)
    assert reply.code in {"upstream_broken", "upstream_bad_media"}
    assert links_in(reply.raw) == []


@STREAM
@pytest.mark.parametrize(
    "end",
    [
        frame({"error": {"message": "the worker went away", "code": 500}}),
        b'event: error\ndata: {"message": "the worker went away"}\n\n',
    ],
    ids=["error", "event"],
)
async def test_an_error_after_a_picture_names_the_picture(wild: Wild, end: bytes, stream: bool) -> None:
    reply = await wild.reply(streamed({"images": shown(data_uri(BIRD))}, finish=None) + end, stream=stream)
    assert (reply.status, reply.code) == (200 if stream else 502, "upstream_broken")
    assert reply.error is not None
    assert "the worker went away" in reply.error["error"]["message"]
    report = reply.error["darkroom"]
    assert await wild.house.download(report["media"][0]["url"]) == BIRD
    assert report["generations"][0]["id"] == report["media"][0]["generation"]
    assert "'status': 'failed'" in await wild.newest()


# Spellings.


@STREAM
async def test_a_relative_url_in_images(wild: Wild, stream: bool) -> None:
    reply = await wild.answer(said({"images": shown("/cdn/bird.png")}, stream=stream), stream=stream)
    assert await wild.pictures(reply) == [BIRD]


@STREAM
async def test_text_that_is_only_in_multi_mod_content(wild: Wild, stream: bool) -> None:
    mixed = [{"text": "A red bird!"}, {"inline_data": {"mime_type": "image/png", "data": data_uri(BIRD)[22:]}}]
    message = {"content": None, "multi_mod_content": mixed}
    reply = await wild.answer(said(message, stream=stream), stream=stream)
    assert reply.content == "A red bird!\n\n![image](LINK)"
    twice = await wild.answer(said({**message, "content": "A red bird!"}, stream=stream), stream=stream)
    assert twice.content == reply.content


@STREAM
@pytest.mark.parametrize("alt", ["a [red] bird", "bird [1]", "[x]", "a red bird \\"])
async def test_an_alt_text_stays_valid_markdown(wild: Wild, alt: str, stream: bool) -> None:
    text = f"Look: ![{alt}]({data_uri(BIRD)}) there"
    reply = await wild.answer(said({"content": text}, stream=stream), stream=stream)
    assert re.fullmatch(r"Look: !\[[^\[\]\\]+\]\(LINK\) there", reply.content)
    assert [found.what for found in references(content_of(reply.answer))] == ["link"]


@STREAM
@BOTH_MODELS
async def test_a_byte_order_mark(wild: Wild, model: str, stream: bool) -> None:
    for body in (plain({"content": f"A bird ![a]({data_uri(BIRD)})"}), streamed({"content": "A bird"})):
        reply = await wild.answer(b"\xef\xbb\xbf" + body, stream=stream, model=model)
        assert reply.content.startswith("A bird")


@STREAM
async def test_a_jpeg_that_says_it_is_a_png(wild: Wild, stream: bool) -> None:
    for message in ({"images": shown(data_uri(PHOTO))}, {"content": f"![a]({data_uri(PHOTO)})"}):
        reply = await wild.answer(said(message, stream=stream), stream=stream)
        (link,) = links_in(reply.raw)
        assert link.endswith(".jpg")
        async with wild.house.http.get(link) as response:
            assert response.content_type == "image/jpeg"
            assert sha256(await response.read()) == sha256(PHOTO)


# URLs that can't be mirrored.


@STREAM
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("forbidden", "url_unreachable", "status 403"), ("astray", "url_refused", "169.254.169.254")],
)
async def test_what_cant_be_mirrored_goes_to_the_client(
    wild: Wild, name: str, code: str, words: str, stream: bool
) -> None:
    url = f"{wild.url}/odd/{name}.png?sig=1"
    for message in ({"content": f"Here: ![a]({url}) there"}, {"content": "Here:", "images": shown(url)}):
        reply = await wild.answer(said(message, stream=stream), stream=stream)
        assert url in content_of(reply.answer)
        (lost,) = reply.answer["darkroom"]["lost"]
        assert (lost["url"], lost["code"]) == (url, code)
        assert words in lost["message"]
        assert reply.answer["darkroom"]["media"] == []


MALFORMED = [
    "http://[bad/x.png",
    f"http://{'a' * 70}.example/x.png",
    "http://a..b/x.png",
    "http://a:99999/x.png",
    "http:///x.png",
]


@STREAM
@pytest.mark.parametrize("url", MALFORMED)
async def test_a_malformed_url_beside_a_good_picture(wild: Wild, url: str, stream: bool) -> None:
    for message in (
        {"images": shown(url, data_uri(BIRD))},
        {"content": f"One ![a]({url}) two ![b]({data_uri(BIRD)})"},
        {"content": f"One {url} two ![b]({data_uri(BIRD)})"},
        {"content": f'<img src="{url}"> two ![b]({data_uri(BIRD)})'},
    ):
        reply = await wild.answer(said(message, stream=stream), stream=stream)
        assert await wild.pictures(reply) == [BIRD]
        assert url in content_of(reply.answer)
