"""AUTOMATIC1111 and Forge: a strict emulator behind the gateway, and the decoder by itself."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from PIL import Image

from chats import check_five_turns
from cuts import new_lifts, same_for_all_cuts
from darkroom.dialects.a1111 import AnswerDecoder, decode_error, decode_progress, encode
from darkroom.dialects.image_params import image_params
from darkroom.dialects.single_turn import RisingProgress, single_turn, size_of
from darkroom.dialects.wire import Base64Of
from darkroom.errors import (
    DarkroomError,
    InvalidMedia,
    MalformedRequest,
    UpstreamAuthFailed,
    UpstreamBadMedia,
    UpstreamBroken,
    UpstreamNotFound,
    UpstreamRejected,
)
from darkroom.events import Event, Failed, Finished, MediaProduced, Planned
from darkroom.exchanges.masks import is_cut_out
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Stored, Text
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import A1111Upstream, serve
from darkroom.testing.emulation import shortened
from running import House, content_of, data_uri, links_in, message_of, picture, running, sha256, user

KEY = "darkroom:sesame"
MAKING = ("/sdapi/v1/txt2img", "/sdapi/v1/img2img")
PNG = paint("a hill", size=(64, 64)).data


@asynccontextmanager
async def house_with(tmp_path: Path, upstream: A1111Upstream, **options: Any) -> AsyncIterator[House]:
    async with serve(upstream.app) as url:
        told = {"poll_seconds": 0.005, "steps": 4, **options}
        row = ProviderSettings("sd", url, "a1111", api_keys=(upstream.key,) if upstream.key else (), options=told)
        async with running(tmp_path, providers=[row]) as house:
            yield house


def made(upstream: A1111Upstream) -> list[Any]:
    return [asked for asked in upstream.requests if asked.path in MAKING]


def mask_of(*, cut_out: bool) -> bytes:
    mask = Image.new("RGBA" if cut_out else "L", (64, 64), (0, 0, 0, 255) if cut_out else 0)
    mask.paste((0, 0, 0, 0) if cut_out else 255, (0, 0, 32, 32))
    file = BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()


# In the house


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_five_turns(tmp_path: Path, stream: bool) -> None:
    upstream = A1111Upstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        await check_five_turns(house, "sd/default", stream=stream)
    paths = [asked.path for asked in made(upstream)]
    assert paths == [MAKING[0], *[MAKING[1]] * 4]
    assert all("override_settings" not in asked.body for asked in made(upstream))
    assert all("[image" not in asked.body["prompt"] for asked in made(upstream))


async def test_what_is_asked_for_wins_over_the_operators_defaults(tmp_path: Path) -> None:
    upstream = A1111Upstream()
    options = {"steps": 30, "sampler_name": "DPM++ 2M", "cfg_scale": 5, "width": 768, "height": 768}
    async with house_with(tmp_path, upstream, **options) as house:
        model = "sd/sd_xl_base_1.0"
        await house.ask(model, "a cat", size="640x512", seed=7, steps=3, negative_prompt="dogs", guidance_scale=3.5)
        await house.ask(model, "a cat", size="16:9")
        (asked, wide) = (each.body for each in made(upstream))
        assert asked["override_settings"] == {"sd_model_checkpoint": "sd_xl_base_1.0"}
        assert (asked["width"], asked["height"], asked["seed"], asked["steps"]) == (640, 512, 7, 3)
        assert (asked["negative_prompt"], asked["cfg_scale"], asked["sampler_name"]) == ("dogs", 3.5, "DPM++ 2M")
        assert (wide["width"], wide["height"], wide["steps"]) == (1024, 576, 30)
        first, second = await house.generations()
        assert first.params["seed"] == 7
        assert first.params["sd_model_name"] == "sd_xl_base_1.0"
        assert isinstance(second.params["seed"], int)
        media = first.outputs[0]
        assert (media.width, media.height) == (640, 512)


async def test_a_picture_keeps_its_size_and_strength_is_for_pictures(tmp_path: Path) -> None:
    upstream = A1111Upstream()
    async with house_with(tmp_path, upstream, max_pixels=320 * 240) as house:
        shown = picture(data_uri(paint("a barn", size=(640, 480)).data))
        await house.ask("sd/default", user("add snow", shown), strength=0.4)
        await house.ask("sd/default", "a cat", strength=0.4)
    edited, fresh = (each.body for each in made(upstream))
    assert (edited["width"], edited["height"], edited["denoising_strength"]) == (320, 240, 0.4)
    assert "denoising_strength" not in fresh
    assert "width" not in fresh


async def test_a_second_picture_is_left_out_and_named(tmp_path: Path) -> None:
    upstream = A1111Upstream()
    shown = [picture(data_uri(paint(words, size=(64, 64)).data)) for words in ("a barn", "a boat")]
    async with house_with(tmp_path, upstream) as house:
        answer = await house.ask("sd/default", user("put them together", *shown))
    assert len({each["id"] for each in answer["darkroom"]["omitted"]}) == 1
    (asked,) = made(upstream)
    assert len(asked.body["init_images"]) == 1
    assert asked.body["prompt"] == "put them together"


@pytest.mark.parametrize("cut_out", [False, True], ids=["white", "transparent"])
async def test_mask(tmp_path: Path, cut_out: bool) -> None:
    upstream = A1111Upstream()
    async with house_with(tmp_path, upstream) as house:
        base, mask = await house.upload(PNG), await house.upload(mask_of(cut_out=cut_out))
        parts = (
            MediaPart(MediaKind.IMAGE, Stored(base)),
            MediaPart(MediaKind.IMAGE, Stored(mask), role="mask"),
            Text("a red roof"),
        )
        gateway = house.gateway
        conversation = Conversation("sd/default", (Message("user", parts, is_string=False),))
        routes = gateway.providers.routes("sd/default", "local")
        answer = await gateway.chat.answer(conversation, gateway.lifts(), "local", routes)
        assert [type(event) for event in [e async for e in answer.events()]][-1] is Finished
        (row,) = await house.generations()
        assert [(item.role, item.media) for item in row.inputs] == [("edited", base.id), ("mask", mask.id)]
    (asked,) = made(upstream)
    assert asked.path == MAKING[1]
    assert asked.body["mask"] == shortened(base64.b64encode(mask_of(cut_out=cut_out)).decode())
    assert asked.body["inpainting_mask_invert"] == int(cut_out)


async def test_masks_that_are_hard_to_read(tmp_path: Path) -> None:
    file = BytesIO()
    Image.new("RGBA", (5000, 4000), (0, 0, 0, 255)).save(file, "PNG")
    async with running(tmp_path) as house:
        storage = house.gateway.storage
        large = await house.upload(file.getvalue())
        assert await is_cut_out(storage, large), "only its type is looked at"
        assert not await is_cut_out(storage, replace(large, mime="image/jpeg"))
        full = await house.upload(mask_of(cut_out=True))
        assert await is_cut_out(storage, full)
        hidden = Image.new("RGBA", (64, 64), (255, 255, 255, 255))
        hidden.save(file := BytesIO(), "PNG")
        assert not await is_cut_out(storage, await house.upload(file.getvalue())), "white on black, with an alpha"
        with pytest.raises(InvalidMedia):
            await is_cut_out(storage, replace(full, mime="image/webp"))


@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
async def test_progress_rises_in_a_stream(tmp_path: Path, named: bool) -> None:
    upstream = A1111Upstream(paced=True, named=named)
    async with house_with(tmp_path, upstream, steps=5) as house:
        answer = await house.ask("sd/default", "a lighthouse", stream=True)
        told = [int(percent) for percent in re.findall(r"(\d+)%", message_of(answer)["reasoning_content"])]
        assert len(told) >= 4
        assert told == sorted(set(told))
        (row,) = await house.generations()
        assert row.progress == 100


async def test_what_others_make_is_no_progress_of_ours(tmp_path: Path) -> None:
    upstream = A1111Upstream(paced=True)
    async with house_with(tmp_path, upstream, steps=3) as house, aiohttp.ClientSession(house_url(house)) as other:
        theirs = asyncio.create_task(other.post("/sdapi/v1/txt2img", json={"prompt": "a dog", "steps": 3}))
        await upstream.begun.wait()
        answer = await house.ask("sd/default", "一座灯塔", stream=True)
        await (await theirs).read()
        reasoning = message_of(answer)["reasoning_content"]
        assert reasoning.startswith("> 排队中")
        assert reasoning.index("排队中") < reasoning.index("%")


def house_url(house: House) -> str:
    return house.gateway.providers.rows[1].base_url


async def test_several_pictures_without_the_grid_before_them(tmp_path: Path) -> None:
    upstream = A1111Upstream(grid=True)
    async with house_with(tmp_path, upstream) as house:
        answer = await house.ask("sd/default", "a cat", n=3)
        assert len(links_in(content_of(answer))) == 3
        (row,) = await house.generations()
        assert len(row.params["seeds"]) == 3
        assert [read_ancestry(await house.download(link))[-1].parents for link in links_in(content_of(answer))]


@pytest.mark.parametrize(
    ("model", "body", "failure", "error", "words"),
    [
        ("sd/nobody", {}, "", openai.NotFoundError, "Model not found"),
        ("sd/default", {}, "OutOfMemoryError: CUDA out of memory", openai.InternalServerError, "CUDA out of memory"),
        ("sd/default", {"size": "4096x4096"}, "", openai.InternalServerError, "width"),
    ],
)
async def test_errors(tmp_path: Path, model: str, body: Any, failure: str, error: type[Exception], words: str) -> None:
    upstream = A1111Upstream(failure=failure)
    async with house_with(tmp_path, upstream) as house:
        with pytest.raises(error, match=words):
            await house.ask(model, "a cat", **body)
        assert await house.is_empty()


async def test_a_wrong_password(tmp_path: Path) -> None:
    upstream = A1111Upstream(key=KEY)
    async with serve(upstream.app) as url:
        row = ProviderSettings("sd", url, "a1111", api_keys=("darkroom:wrong",))
        async with running(tmp_path, providers=[row]) as house:
            with pytest.raises(openai.APIStatusError, match="Incorrect username") as caught:
                await house.ask("sd/default", "a cat")
    assert caught.value.status_code == 502


async def test_the_models_are_listed(tmp_path: Path) -> None:
    upstream = A1111Upstream(key=KEY)
    async with house_with(tmp_path, upstream) as house:
        names = [name for name, row in await house.gateway.catalog.models() if row.name == "sd"]
        assert "sd/sd_xl_base_1.0.safetensors [abcdef]" in names
        await house.ask("sd/sd_xl_base_1.0.safetensors [abcdef]", "a cat")


async def test_a_gateway_that_stops_interrupts_what_it_asked_for(tmp_path: Path) -> None:
    upstream = A1111Upstream(gate=asyncio.Event())
    async with house_with(tmp_path, upstream) as house:
        asking = asyncio.create_task(house.ask("sd/default", "a cat"))
        await upstream.begun.wait()
        await house.gateway.chat.close(0)
        assert upstream.interrupted.is_set()
        with pytest.raises(openai.APIStatusError):
            await asking


async def test_nobody_elses_picture_is_interrupted(tmp_path: Path) -> None:
    upstream = A1111Upstream(gate=asyncio.Event())
    async with house_with(tmp_path, upstream) as house, aiohttp.ClientSession(house_url(house)) as other:
        theirs = asyncio.create_task(other.post("/sdapi/v1/txt2img", json={"prompt": "a dog", "steps": 1}))
        await upstream.begun.wait()
        asking = asyncio.create_task(house.ask("sd/default", "a cat"))
        await upstream.waiting.wait()
        await house.gateway.chat.close(0)
        assert not upstream.interrupted.is_set()
        upstream.gate.set()  # type: ignore[union-attr]
        assert (await theirs).status == 200
        await asyncio.gather(asking, return_exceptions=True)


# The decoder by itself


def events_of(pieces: list[bytes]) -> list[Any]:
    lifts = new_lifts()
    decoder = AnswerDecoder(lifts)
    found: list[Event] = []
    for piece in pieces:
        found += decoder.decode(piece)
    found += decoder.flush()
    told: list[Any] = []
    for event in found:
        match event:
            case MediaProduced(_, lifted) if lifted is not None:
                told.append(lifted.sha256)
            case Failed(error):
                told.append((type(error), error.message))
            case Planned(params):
                told.append(dict(params))
            case _:
                told.append(event)
    return told


def answer_of(*images: bytes, info: Any = None, prefix: str = "") -> bytes:
    written = [prefix + base64.b64encode(image).decode() for image in images]
    body: dict[str, Any] = {"images": written, "parameters": {"prompt": "x"}}
    return json.dumps({**body, "info": json.dumps(info) if info is not None else ""}).encode()


def digests_of(*images: bytes) -> list[str]:
    return [sha256(image) for image in images]


LARGE = paint("a long wall", size=(320, 200)).data
SMALL = paint("a dot", size=(64, 64)).data


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_the_cut_makes_no_difference(prefix: str) -> None:
    info = {"seed": 5, "all_seeds": [5, 6], "index_of_first_image": 1, "steps": 3}
    told = same_for_all_cuts(answer_of(LARGE, LARGE, SMALL, b"extra", info=info, prefix=prefix), events_of, every=False)
    assert told == [{"seed": 5, "steps": 3, "seeds": [5, 6]}, *digests_of(LARGE, SMALL), Finished("stop", True)]


@pytest.mark.parametrize("info", [None, {}, "words", [1], {"all_seeds": 3, "index_of_first_image": 9}])
def test_strange_infos(info: Any) -> None:
    assert events_of([answer_of(SMALL, info=info)]) == [*digests_of(SMALL), Finished("stop", True)]


def test_tiny_pictures_are_pictures() -> None:
    assert events_of([answer_of(b"GIF89a")]) == [*digests_of(b"GIF89a"), Finished("stop", True)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", UpstreamBroken),
        (b"<html>", UpstreamBroken),
        (answer_of(LARGE)[:-40], UpstreamBroken),
        (answer_of(LARGE)[:2000], UpstreamBroken),
        (b"[]", UpstreamBroken),
        (b'{"images": null}', UpstreamBroken),
        (b'{"images": [7]}', UpstreamBadMedia),
        (b'{"images": ["no base64!"]}', UpstreamBadMedia),
    ],
)
def test_broken_answers(body: bytes, kind: type[DarkroomError]) -> None:
    told = same_for_all_cuts(body, events_of, every=len(body) < 100)
    assert [each[0] for each in told] == [kind]


def test_an_answer_without_pictures_is_left_to_the_chat() -> None:
    assert events_of([b'{"images": [], "info": ""}']) == [Finished("stop", True)]


def test_one_broken_picture_does_not_cost_the_others() -> None:
    body = json.dumps({"images": ["!", base64.b64encode(SMALL).decode()]}).encode()
    assert events_of([body]) == [*digests_of(SMALL), Finished("stop", True)]


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, {"detail": "Not Found"}, UpstreamNotFound, "--api"),
        (
            404,
            {"error": "HTTPException", "detail": "Sampler not found", "body": "", "errors": ""},
            UpstreamNotFound,
            "Sa",
        ),
        (422, {"detail": [{"loc": ["body", "steps"], "msg": "not an integer"}]}, UpstreamRejected, "steps: not an"),
        (500, {"error": "RuntimeError", "detail": "", "errors": "boom"}, UpstreamBroken, "boom"),
        (401, {"error": "HTTPException", "detail": "Incorrect username or password"}, UpstreamAuthFailed, "Incorrect"),
        (401, {"detail": "Not authenticated"}, UpstreamAuthFailed, "Not authenticated"),
        (500, "plain words", UpstreamBroken, "plain words"),
        (502, [], UpstreamBroken, "502"),
    ],
)
def test_error_bodies(status: int, body: Any, kind: type[DarkroomError], words: str) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = decode_error(status, raw, None)
    assert type(error) is kind
    assert words in error.message


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b'{"progress": 0.4, "current_task": null}', 0.4),
        (b'{"progress": 0.4, "current_task": "mine"}', 0.4),
        (b'{"progress": 0.4, "current_task": "theirs"}', "theirs"),
        (b'{"progress": 0}', None),
        (b'{"progress": "much"}', None),
        (b"[]", None),
        (b"", None),
    ],
)
def test_progress_bodies(body: bytes, state: Any) -> None:
    assert decode_progress(body, "mine") == state


# The turn by itself


def media(id: str, width: int = 64, height: int = 64) -> Media:
    return Media(id, "local", "0" * 64, "image/png", 3000, "uploaded", 0, width, height)


def conversation(*parts: Any, **params: Any) -> Conversation:
    return Conversation("default", (Message("user", tuple(parts)),), params=params)


def test_notes_of_what_was_left_out_are_not_painted() -> None:
    turn = single_turn(conversation(Text("a cat "), Text("[image media_01]"), Text("on a mat [image b]")))
    assert turn.prompt == "a cat on a mat [image b]"


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (Text("  "),),
        (MediaPart(MediaKind.IMAGE, Stored(media("a"))),),
        (Text("x"), MediaPart(MediaKind.IMAGE, Stored(media("a")), role="mask")),
    ],
)
def test_turns_that_say_nothing(parts: Any) -> None:
    with pytest.raises(MalformedRequest):
        single_turn(conversation(*parts))


@pytest.mark.parametrize(
    ("params", "shown", "size"),
    [
        ({}, None, None),
        ({"size": "1000x700"}, None, (1000, 704)),
        ({"aspect_ratio": "1:1"}, None, (512, 512)),
        ({"size": "2K"}, None, (2048, 2048)),
        ({}, media("a", 401, 333), (400, 336)),
        ({}, media("a", 4000, 3000), (512, 384)),
        ({"size": "64x64"}, media("a", 4000, 3000), (64, 64)),
    ],
)
def test_sizes(params: Any, shown: Media | None, size: Any) -> None:
    assert size_of(image_params(params), (512, 512), picture=shown, most=512 * 384) == size


def test_the_picture_goes_as_bare_base64() -> None:
    shown = media("a")
    talk = conversation(Text("snow"), MediaPart(MediaKind.IMAGE, Stored(shown)))
    request = encode(talk, single_turn(talk), {"steps": 9, "poll_seconds": 1}, "t")
    before, piece, after = request.pieces
    assert isinstance(piece, Base64Of)
    assert isinstance(before, bytes)
    assert isinstance(after, bytes)
    body = json.loads(before + b"B" + after)
    assert body["init_images"] == ["B"]
    assert body["steps"] == 9
    assert "poll_seconds" not in body


def test_progress_only_rises() -> None:
    progress = RisingProgress("a cat")
    told = [*progress.queued(2), *progress.queued(2), *progress.queued(1)]
    for fraction in (0.0, 0.2, 0.1, 0.2, 0.7, 1.0, 2.0):
        told += progress.at(fraction)
    told += [*progress.queued(), *progress.done()]
    assert [(each.stage, each.percent) for each in told] == [
        ("queued", None),
        ("queued", None),
        ("running", 0),
        ("running", 20),
        ("running", 70),
        ("running", 99),
        ("done", 100),
    ]
    assert all(each.text for each in told)


def test_nothing_is_done_that_was_never_told() -> None:
    assert RisingProgress("a cat").done() == []
