"""The Images API as an upstream: chats in front of a strict emulator, and the dialect by itself."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chats import chat, check_five_turns, pictures_of
from cuts import new_lifts, same_for_all_cuts
from darkroom.dialects.image_params import image_params
from darkroom.dialects.multipart import FormFile, form
from darkroom.dialects.openai_images import EventDecoder, encode_request
from darkroom.dialects.wire import BytesOf, UpstreamRequest, length_of
from darkroom.errors import DarkroomError, MalformedRequest, UpstreamBroken
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaProduced,
    PartialProduced,
    Planned,
    UsageReported,
)
from darkroom.generation import InputRole
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Stored, Text
from darkroom.profiles import PROFILES
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import ImagesUpstream, serve
from running import (
    House,
    content_of,
    data_uri,
    links_in,
    message_of,
    picture,
    running,
    sha256,
    user,
)

KEY = "sesame"
ONE, TWO = (paint(prompt, size=(96, 64)).data for prompt in ("a hill", "a lake"))
MODES = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@asynccontextmanager
async def house_with(tmp_path: Path, upstream: ImagesUpstream, **fields: Any) -> AsyncIterator[House]:
    async with serve(upstream.app) as url:
        row = ProviderSettings("up", f"{url}/v1", "openai-images", api_keys=(KEY,), **fields)
        async with running(tmp_path, providers=[row]) as house:
            yield house


def picture_paths(upstream: ImagesUpstream) -> list[str]:
    return [asked.path.rpartition("/")[2] for asked in upstream.requests]


# In the house


@MODES
@pytest.mark.parametrize("model", ["gpt-image-2", "gpt-image-1.5-partials", "local-url", "local-b64"])
async def test_five_turns(tmp_path: Path, model: str, stream: bool) -> None:
    upstream = ImagesUpstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        await check_five_turns(house, f"up/{model}", stream=stream)
        assert len(await house.media()) == 5
    assert picture_paths(upstream) == ["generations", *["edits"] * 4]
    streamed = [asked.body.get("stream") in (True, "true") for asked in upstream.requests]
    assert streamed == [stream and model.startswith("gpt")] * 5
    assert all(len(asked.body["image"]) == 1 for asked in list(upstream.requests)[1:])


@MODES
async def test_turn_fifty_costs_what_turn_two_costs(tmp_path: Path, stream: bool) -> None:
    upstream = ImagesUpstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        prompts = ["a tower", *(f"step {number}: a change" for number in range(7))]
        answers = await chat(house, "up/gpt-image-2", *prompts, stream=stream)
        made = await pictures_of(house, answers)
    edits = list(upstream.requests)[1:]
    assert [asked.body["image"] for asked in edits] == [[sha256(data)] for data in made[:-1]]
    assert all(asked.size < len(data) + 1000 for asked, data in zip(edits, made, strict=False))


async def test_uploads_go_along_in_their_order(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        question = user("put them together", picture(data_uri(ONE)), picture(data_uri(TWO)))
        answer = await house.ask("up/gpt-image-2", question)
        (link,) = links_in(content_of(answer))
        assert read_ancestry(await house.download(link))[-1].parents == (sha256(ONE), sha256(TWO))
    assert upstream.requests[-1].body["image[]"] == [sha256(ONE), sha256(TWO)]


async def test_no_more_pictures_than_the_model_takes(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    shown = [paint(f"hill {number}", size=(64, 64)).data for number in range(17)]
    async with house_with(tmp_path, upstream) as house:
        answer = await house.ask("up/gpt-image-2", user("all", *(picture(data_uri(data)) for data in shown)))
    assert len(upstream.requests[-1].body["image[]"]) == 16
    assert [item["reason"] for item in answer["darkroom"]["omitted"]] == ["the model takes at most 16"]


@pytest.mark.parametrize(
    ("model", "params", "sent"),
    [
        ("gpt-image-2", {"size": "1000x1500"}, {"size": "992x1504"}),
        ("gpt-image-2", {"size": "16:9"}, {"size": "1360x768"}),
        ("gpt-image-2", {"image_config": {"aspect_ratio": "1:1", "image_size": "4K"}}, {"size": "2880x2880"}),
        ("gpt-image-1.5", {"size": "16:9"}, {"size": "1536x1024"}),
        ("gpt-image-1.5", {"size": "1024x1792"}, {"size": "1024x1536"}),
        ("gpt-image-2", {"size": "auto", "quality": "low", "seed": 3}, {"quality": "low"}),
        (
            "gpt-image-2",
            {"n": 2, "output_format": "webp", "output_compression": 80, "background": "transparent"},
            {"n": 2, "output_format": "webp", "output_compression": 80, "background": "transparent"},
        ),
    ],
    ids=str,
)
async def test_what_a_chat_asks_for(tmp_path: Path, model: str, params: Any, sent: Any) -> None:
    upstream = ImagesUpstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        answer = await house.ask(f"up/{model}", "a barn", **params)
    assert upstream.requests[-1].body == {"model": model, "prompt": "a barn", **sent}
    assert len(answer["darkroom"]["media"]) == params.get("n", 1)


async def test_other_servers_are_told_in_their_words(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    async with house_with(tmp_path, upstream, profile="localai") as house:
        await house.ask("up/local-url", "a barn", steps=9, negative_prompt="sheep", seed=4)
    told = {"step": 9, "negative_prompt": "sheep", "response_format": "b64_json"}
    assert upstream.requests[-1].body == {"model": "local-url", "prompt": "a barn", **told}


async def test_facts_in_a_table(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    facts = {"max_media": 1, "sizes": ["512x512", "768x512"], "words": {"seed": "noise"}, "streams": False}
    async with house_with(tmp_path, upstream, profile=facts) as house:
        question = user("a barn", picture(data_uri(ONE)), picture(data_uri(TWO)))
        await house.ask("up/local-b64", question, seed=4, size="3:2", stream=True)
    body = upstream.requests[-1].body
    assert (body["size"], body["noise"], body["image"]) == ("768x512", "4", [sha256(ONE)])


@MODES
async def test_usage_and_what_was_planned(tmp_path: Path, stream: bool) -> None:
    async with house_with(tmp_path, ImagesUpstream(key=KEY)) as house:
        answer = await house.ask("up/gpt-image-2", "a barn", stream=stream, quality="low")
        (generation,) = await house.generations()
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 4160
    assert answer["usage"]["completion_tokens_details"]["image_tokens"] == 4160
    assert "usage" not in answer["darkroom"]
    assert generation.params["quality"] == "low"


@MODES
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("gpt-image-2-moderated", 400, "content_policy_violation"),
        ("gpt-image-9", 404, "upstream_not_found"),
    ],
)
async def test_failures(tmp_path: Path, model: str, status: int, code: str, stream: bool) -> None:
    async with house_with(tmp_path, ImagesUpstream(key=KEY)) as house:
        question = {"model": f"up/{model}", "messages": [user("a barn")], "stream": stream}
        got, answer = await house.post(question)
        assert (got, answer["error"]["code"]) == (status, code)
        assert await house.is_empty()


async def test_a_stream_that_breaks_off(tmp_path: Path) -> None:
    async with house_with(tmp_path, ImagesUpstream(key=KEY)) as house:
        frames = await house.post({"model": "up/gpt-image-2-cut", "messages": [user("a barn")], "stream": True})
        assert frames[0] == 502
        assert frames[1]["error"]["code"] == "upstream_broken"
        assert await house.is_empty()


async def test_a_turn_without_words(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        status, answer = await house.post({"model": "up/gpt-image-2", "messages": [user(picture(data_uri(ONE)))]})
    assert (status, answer["error"]["code"]) == (400, "malformed_request")
    assert not upstream.requests


async def test_partials_of_a_chat_are_not_stored(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        answer = await house.ask("up/gpt-image-2", "a barn", stream=True, partial_images=3)
        assert upstream.requests[-1].body["partial_images"] == 3
        assert len(links_in(content_of(answer))) == 1
        assert len(await house.media()) == len(await house.blobs()) == 1
        assert house.parts() == []


async def test_a_client_that_leaves_loses_no_picture(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY, gate=asyncio.Event())
    async with house_with(tmp_path, upstream) as house:
        body = {"model": "up/gpt-image-2-partials", "messages": [user("a barn")], "stream": True}
        asking = asyncio.create_task(house.post(body))
        while not upstream.requests:  # noqa: ASYNC110 (the emulator notes, it does not call)
            await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert upstream.gate is not None
        upstream.gate.set()
        while not (await house.generations()) or (await house.generations())[0].status == "running":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        (generation,) = await house.generations()
        assert (generation.status, len(generation.outputs)) == ("completed", 1)


class Odd:
    """A server that answers every generation with the same bytes."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.app = Starlette(
            routes=[
                Route("/v1/images/generations", self._answer, methods=["POST"]),
                Route("/files/a.png", self._file),
            ]
        )

    async def _answer(self, request: Request) -> Response:
        return Response(self.body.replace(b"{host}", str(request.base_url).encode()), media_type="application/json")

    async def _file(self, request: Request) -> Response:
        return Response(ONE, media_type="image/png")


@pytest.mark.parametrize(
    "item",
    [
        {"b64_json": base64.b64encode(ONE).decode()},
        {"b64_json": data_uri(ONE)},
        {"url": data_uri(ONE), "b64_json": None},
        {"url": "/files/a.png"},
        {"url": "../files/a.png"},
        {"url": "{host}files/a.png", "b64_json": ""},
        "{host}files/a.png",
    ],
    ids=lambda item: str(item)[:30],
)
async def test_every_way_to_give_a_picture(tmp_path: Path, item: Any) -> None:
    body = json.dumps({"created": 1, "data": [item]}).encode()
    async with serve(Odd(body).app) as url:
        row = ProviderSettings("up", f"{url}/v1", "openai-images")
        async with running(tmp_path, providers=[row]) as house:
            answer = await house.ask("up/any", "a hill")
            assert await house.download(links_in(content_of(answer))[0]) == ONE


# The dialect by itself


def media_of(data: bytes, id: str = "media_1") -> Media:
    return Media(id, "local", sha256(data), "image/png", len(data), "uploaded", 0, 96, 64, filename='a"b\r\n.png')


def asking(prompt: str, *pictures: tuple[Media, InputRole], **fields: Any) -> Conversation:
    parts = tuple(MediaPart(MediaKind.IMAGE, Stored(media), role=role) for media, role in pictures)
    return Conversation("gpt-image-2", (Message("user", (*parts, Text(prompt))),), **fields)


def json_of(request: UpstreamRequest) -> Any:
    return json.loads(b"".join(piece for piece in request.pieces if isinstance(piece, bytes)))


def test_a_clients_own_fields_ride_along() -> None:
    asked = asking(
        "a barn",
        params={"n": 2, "size": "1000x1000", "user": "ann", "seed": 5},
        native={"complexity": "high", "svg": {"model": "m"}, "response_format": "url"},
        dialect="openai-images",
    )
    told = {"complexity": "high", "svg": {"model": "m"}, "n": 2, "size": "1000x1000", "user": "ann", "seed": 5}
    assert json_of(encode_request(asked)) == {"model": "gpt-image-2", "prompt": "a barn", **told}


def test_what_does_not_stream_is_not_streamed() -> None:
    profile = PROFILES["gpt-image"]
    for params, streams in (({}, True), ({"n": 2}, False), ({"output_format": "gif"}, False)):
        asked = asking("a barn", params={"partial_images": 2, **params}, stream=True)
        told = json_of(encode_request(asked, profile))
        assert (told.get("stream"), told.get("partial_images")) == ((True, 2) if streams else (None, None))
    assert "stream" not in json_of(encode_request(asking("a barn", stream=True), PROFILES["localai"]))


def test_a_form_streams_its_files() -> None:
    one, two, mask = media_of(ONE), media_of(TWO), media_of(TWO + b"\0")
    request = encode_request(asking("a barn", (one, "edited"), (two, "reference"), (mask, "mask")))
    files = [piece.media for piece in request.pieces if isinstance(piece, BytesOf)]
    assert files == [one, two, mask]
    written = b"".join(piece if isinstance(piece, bytes) else b"<file>" for piece in request.pieces)
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    assert written.count(b"--" + boundary) == 6
    assert written.endswith(b"--" + boundary + b"--\r\n")
    assert [line for line in written.split(b"\r\n") if b"filename" in line] == [
        b'content-disposition: form-data; name="image[]"; filename="image-0.png"',
        b'content-disposition: form-data; name="image[]"; filename="image-1.png"',
        b'content-disposition: form-data; name="mask"; filename="mask-2.png"',
    ]
    assert length_of(request.pieces) == len(written) - 3 * len(b"<file>") + one.size + two.size + mask.size


def test_names_and_values_of_a_form_are_safe() -> None:
    written = form({'a"\r\nb': "1\r\n2", "t": {"k": [1, True, None]}, "gone": None}, [FormFile("x", media_of(ONE))])
    text = b"".join(piece for piece in written.pieces if isinstance(piece, bytes)).decode()
    assert 'name="a%22%0D%0Ab"' in text
    assert text.count('name="t[k][]"') == 2
    assert "gone" not in text
    assert 'a"b' not in text


def test_a_mask_needs_its_picture() -> None:
    with pytest.raises(MalformedRequest):
        encode_request(asking("a barn", (media_of(ONE), "mask")))


@pytest.mark.parametrize("width", [16, 17, 500, 1023, 3000, 9999])
@pytest.mark.parametrize("height", [16, 40, 777, 2160, 3999])
def test_every_size_becomes_one_that_openai_takes(width: int, height: int) -> None:
    asked = asking("x", params={"size": f"{width}x{height}"})
    wide, high = map(int, json_of(encode_request(asked))["size"].split("x"))
    assert wide % 16 == high % 16 == 0
    assert 1 / 3 <= wide / high <= 3
    assert max(wide, high) <= 3840
    assert wide * high <= 3840 * 2160
    if width % 16 == height % 16 == 0 and 1 / 3 <= width / height <= 3 and width * height <= 3840 * 2160:
        assert (wide, high) == (width, height)


def test_sizes_are_read_as_they_are_written() -> None:
    assert image_params({"size": "1024x1536"}).openai_size() == "1024x1536"


def told(event: Event) -> Any:
    """Return what can be compared of an event."""
    match event:
        case MediaProduced(_, lifted) if lifted is not None:
            return "made", b"".join(lifted.chunks()), lifted.error
        case MediaProduced(_, _, url):
            return "made", url
        case PartialProduced(lifted, index):
            return "partial", b"".join(lifted.chunks()), index
        case Failed(error):
            return type(error).__name__, error.message
        case Planned(params):
            return "planned", params
        case _:
            return event


def read(pieces: list[bytes]) -> list[Any]:
    decoder = EventDecoder(new_lifts())
    try:
        return [told(event) for piece in pieces for event in decoder.decode(piece)] + list(map(told, decoder.flush()))
    except DarkroomError as error:
        return [type(error).__name__, error.message]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sse(*frames: Any, end: str = "\n\n") -> bytes:
    return "".join(f"event: {frame.get('type')}\ndata: {json.dumps(frame)}{end}" for frame in frames).encode()


NOISE = Image.effect_noise((128, 128), 90)
_FILE = BytesIO()
NOISE.save(_FILE, "PNG")
LONG = _FILE.getvalue()
USAGE = {"input_tokens": 5, "input_tokens_details": {"text_tokens": 5}, "output_tokens": 10, "total_tokens": 15}
COUNTED = UsageReported(
    {"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15, "prompt_tokens_details": {"text_tokens": 5}}
)
PARTIAL = {"type": "image_generation.partial_image", "b64_json": b64(ONE), "partial_image_index": 0}
LAST = {"type": "image_generation.completed", "b64_json": b64(LONG), "quality": "low", "usage": USAGE}
STREAM = [
    ("partial", ONE, 0),
    ("planned", {"quality": "low"}),
    ("made", LONG, None),
    COUNTED,
    Finished(),
]


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"])
def test_a_stream_in_every_cut(end: str) -> None:
    body = b": ping\n\n" + sse(PARTIAL, LAST, end=end)
    assert same_for_all_cuts(body, read, every=len(body) < 80_000) == STREAM


def test_a_stream_with_an_end_and_a_late_draft() -> None:
    body = sse(PARTIAL, LAST, {**PARTIAL, "partial_image_index": 1}, {"type": "keepalive"}) + b"data: [DONE]\n\n"
    assert same_for_all_cuts(body, read, every=False) == STREAM


def test_a_whole_answer_in_every_cut() -> None:
    item = {"b64_json": b64(LONG), "revised_prompt": "a fine barn"}
    body = json.dumps({"created": 1, "data": [item, {"url": "/a.png"}], "quality": "low", "usage": USAGE}).encode()
    assert same_for_all_cuts(b"\n " + body, read, every=False) == [
        ("planned", {"revised_prompt": "a fine barn", "quality": "low"}),
        ("made", LONG, None),
        ("planned", {"quality": "low"}),
        ("made", "/a.png"),
        COUNTED,
        Finished(),
    ]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"", "UpstreamBroken", "ended before"),
        (sse(PARTIAL), "UpstreamBroken", "ended before"),
        (sse(LAST)[:3000], "UpstreamBroken", "in the middle"),
        (b'{"created": 1, "data": []}', "UpstreamBroken", "no picture"),
        (b'{"created": 1, "data": [{"b64_json": null}]}', "UpstreamBroken", "no picture"),
        (b'{"created": 1, "data"', "UpstreamBroken", "not JSON"),
        (b"[1]", "UpstreamBroken", "not a JSON object"),
        (b"<html>", "UpstreamBroken", "ended before"),
        (b'{"code": 1, "message": "blocked by moderation_blocked"}', "ContentPolicyViolation", "blocked"),
        (b'{"error": {"message": "no", "code": "moderation_blocked"}}', "ContentPolicyViolation", "no"),
        (sse({"type": "error", "error": {"message": "the GPU is gone"}}), "UpstreamBroken", "the GPU is gone"),
        (b'event: error\ndata: {"message": "gone"}\n\n', "UpstreamBroken", "gone"),
    ],
    ids=range(12),
)
def test_what_is_wrong_is_said(body: bytes, error: str, words: str) -> None:
    *_, last = same_for_all_cuts(body, lambda pieces: [read(pieces)])
    assert error in str(last)
    assert words in str(last)


def test_broken_base64_is_told_where_it_is_stored() -> None:
    (made, finished) = read([json.dumps({"data": [{"b64_json": "!" * 50}]}).encode()])
    assert made[0] == "made"
    assert made[2]
    assert finished == Finished()


def test_an_endless_answer_is_cut_short() -> None:
    decoder = EventDecoder(new_lifts())
    pieces = [b'{"a": ', *[b"[1, 2]," * 100_000] * 40]
    with pytest.raises(UpstreamBroken):
        list(map(decoder.decode, pieces))


async def test_a_reply_to_an_edit_of_an_old_chat(tmp_path: Path) -> None:
    """A picture that another model of the house made is an input like any other."""
    upstream = ImagesUpstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        first = await house.ask("painter/images", "a tower")
        second = await house.ask("up/gpt-image-2", user("a tower"), message_of(first), user("add a moat"))
        before = (await house.media())[0]
        assert upstream.requests[-1].body["image"] == [before.blob]
        assert second["darkroom"]["generations"][0]["inputs"][0]["generation"] == before.generation
