"""`/v1/images/generations` and `/v1/images/edits`: the official SDK in front, every kind of upstream behind them."""

from __future__ import annotations

import base64
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
    ImagesResponse,
)
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from darkroom.settings import Limits, ProviderSettings
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import ImagesUpstream, serve
from running import LINK, House, Json, Scripted, as_json, data_uri, message_of, pictures_in, row, running, sha256, user

KEY = "sesame"
ONE, TWO = (paint(prompt, size=(96, 64)).data for prompt in ("a hill", "a lake"))
BEHIND = pytest.mark.parametrize(
    "model", ["painter/images", "painter/markdown-base64", "up/gpt-image-2", "up/local-url"]
)
MODES = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
FORM = "multipart/form-data"
EVENTS = {
    "image_generation.completed": ImageGenCompletedEvent,
    "image_generation.partial_image": ImageGenPartialImageEvent,
    "image_edit.completed": ImageEditCompletedEvent,
    "image_edit.partial_image": ImageEditPartialImageEvent,
}


@asynccontextmanager
async def connected(
    tmp_path: Path, *rows: ProviderSettings, limits: Limits | None = None
) -> AsyncIterator[tuple[House, ImagesUpstream]]:
    """Run a gateway with the painter, and with the emulator of the Images API as `up`."""
    upstream = ImagesUpstream(key=KEY)
    async with serve(upstream.app) as url:
        up = ProviderSettings("up", f"{url}/v1", "openai-images", api_keys=(KEY,))
        async with running(tmp_path, providers=[up, *rows], limits=limits) as house:
            yield house, upstream


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[House, ImagesUpstream]]:
    async with connected(tmp_path) as both:
        yield both


def file(data: bytes, name: str = "a.png") -> Any:
    return name, data, "image/png"


def hole(size: tuple[int, int] = (96, 64)) -> bytes:
    out = BytesIO()
    Image.new("RGBA", size).save(out, "PNG")
    return out.getvalue()


def checked(answer: Any) -> Json:
    """Return an answer's JSON after the SDK's own types took it."""
    found = as_json(answer)
    ImagesResponse.model_validate(found, strict=True)
    return found


def pictures(answer: Json) -> list[bytes]:
    return [base64.b64decode(item["b64_json"]) for item in answer["data"]]


async def events_of(stream: Any) -> list[Json]:
    found = [as_json(event) async for event in stream]
    for event in found:
        EVENTS[event["type"]].model_validate(event, strict=True)
    return found


async def post(house: House, path: str, **body: Any) -> tuple[int, Any]:
    async with house.http.post(f"/v1/images/{path}", **body) as response:
        return response.status, await response.json()


# Generations


@BEHIND
async def test_generate(both: tuple[House, ImagesUpstream], model: str) -> None:
    house, _ = both
    answer = checked(await house.client.images.generate(model=model, prompt="a barn", quality="low"))
    (data,) = pictures(answer)
    assert read_ancestry(data)[0].prompt == "a barn"
    (media,) = answer["darkroom"]["media"]
    assert await house.download(media["url"]) == data
    assert (answer["size"], answer["output_format"]) == (f"{media['width']}x{media['height']}", "png")
    assert answer["quality"] == "low"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


@BEHIND
async def test_generate_as_a_link(both: tuple[House, ImagesUpstream], model: str) -> None:
    house, _ = both
    answer = checked(await house.client.images.generate(model=model, prompt="a barn", response_format="url"))
    (item,) = answer["data"]
    assert LINK.fullmatch(item.pop("url"))
    assert not item


@BEHIND
async def test_generate_streaming(both: tuple[House, ImagesUpstream], model: str) -> None:
    house, _ = both
    stream = await house.client.images.generate(model=model, prompt="a barn", stream=True)
    (event,) = await events_of(stream)
    assert event["type"] == "image_generation.completed"
    assert event["usage"]["total_tokens"] > 0
    assert event["darkroom"]["media"][0]["url"]
    assert read_ancestry(base64.b64decode(event["b64_json"]))[0].prompt == "a barn"
    assert (await house.generations())[0].prompt == "a barn"


async def test_the_images_api_is_asked_as_the_client_asked(both: tuple[House, ImagesUpstream]) -> None:
    house, upstream = both
    asked: Any = {
        "model": "up/gpt-image-2", "prompt": "a barn", "n": 2, "size": "1536x1024", "quality": "low",
        "background": "opaque", "output_format": "webp", "output_compression": 70, "moderation": "low",
        "user": "ann", "safety_identifier": "a1", "response_format": "b64_json",
    }  # fmt: skip
    answer = checked(await house.client.images.generate(**asked))
    assert len(pictures(answer)) == 2
    assert all(data.startswith(b"RIFF") for data in pictures(answer))
    assert (answer["output_format"], answer["background"]) == ("webp", "opaque")
    assert "fewer" not in answer["darkroom"]
    sent = {name: value for name, value in asked.items() if name != "response_format"}
    assert upstream.requests[-1].body == {**sent, "model": "gpt-image-2"}


async def test_partials_reach_who_asked_and_are_not_stored(both: tuple[House, ImagesUpstream]) -> None:
    house, upstream = both
    create = house.client.images.generate
    events = await events_of(await create(model="up/gpt-image-2", prompt="a barn", stream=True, partial_images=2))
    kinds = [event["type"].rpartition(".")[2] for event in events]
    assert kinds == ["partial_image", "partial_image", "completed"]
    assert [event["partial_image_index"] for event in events[:-1]] == [0, 1]
    assert Image.open(BytesIO(base64.b64decode(events[0]["b64_json"]))).size == (256, 256)
    assert upstream.requests[-1].body["partial_images"] == 2
    assert len(await house.media()) == len(await house.blobs()) == 1
    assert house.parts() == []


async def test_partials_that_nobody_asked_for(both: tuple[House, ImagesUpstream]) -> None:
    house, _ = both
    create = house.client.images.generate
    events = await events_of(await create(model="up/gpt-image-2-partials", prompt="a barn", stream=True))
    assert [event["type"] for event in events] == ["image_generation.completed"]
    assert len(await house.blobs()) == 1


@pytest.mark.parametrize("model", ["painter/images", "up/local-b64"])
@MODES
async def test_fewer_than_asked_for_is_said(both: tuple[House, ImagesUpstream], model: str, stream: bool) -> None:
    house, _ = both
    answer = await house.client.images.generate(model=model, prompt="a barn", n=3, stream=stream)
    last = (await events_of(answer))[-1] if stream else checked(answer)
    assert last["darkroom"]["fewer"] == {"asked": 3, "made": 1}


async def test_several_in_a_stream(both: tuple[House, ImagesUpstream]) -> None:
    house, _ = both
    stream = await house.client.images.generate(model="up/gpt-image-2", prompt="a barn", n=3, stream=True)
    events = await events_of(stream)
    assert len({event["b64_json"] for event in events}) == 3
    assert [bool(event["usage"]["total_tokens"]) for event in events] == [False, False, True]
    assert [event for event in events if "darkroom" in event] == [events[-1]]


async def test_a_picture_named_in_the_prompt_is_edited(both: tuple[House, ImagesUpstream]) -> None:
    house, upstream = both
    first = checked(await house.client.images.generate(model="up/gpt-image-2", prompt="a barn"))
    id = first["darkroom"]["generations"][0]["id"]
    second = checked(await house.client.images.generate(model="up/gpt-image-2", prompt=f"{id} at night"))
    assert read_ancestry(pictures(second)[0])[-1].parents == (sha256(pictures(first)[0]),)
    assert upstream.requests[-1].path.endswith("/edits")


# Edits


@BEHIND
@MODES
async def test_edit(both: tuple[House, ImagesUpstream], model: str, stream: bool) -> None:
    house, _ = both
    answer = await house.client.images.edit(model=model, prompt="a cow", image=file(ONE), stream=stream)
    if stream:
        (event,) = await events_of(answer)
        assert event["type"] == "image_edit.completed"
        data = base64.b64decode(event["b64_json"])
    else:
        (data,) = pictures(checked(answer))
    assert read_ancestry(data)[-1].parents == (sha256(ONE),)
    uploaded, made = await house.media()
    assert (uploaded.origin, uploaded.filename, made.origin) == ("uploaded", "a.png", "generated")
    ((role, id),) = [(item.role, item.media) for item in (await house.generations())[0].inputs]
    assert (role, id) == ("edited", uploaded.id)


@pytest.mark.parametrize("model", ["painter/images", "up/gpt-image-2"])
async def test_several_inputs_keep_their_order(both: tuple[House, ImagesUpstream], model: str) -> None:
    house, _ = both
    for images in ([ONE, TWO], [TWO, ONE]):
        answer = checked(await house.client.images.edit(model=model, prompt="both", image=list(map(file, images))))
        assert read_ancestry(pictures(answer)[0])[-1].parents == tuple(map(sha256, images))


async def test_mask(both: tuple[House, ImagesUpstream]) -> None:
    house, upstream = both
    edit = house.client.images.edit
    answer = checked(await edit(model="up/gpt-image-2", prompt="a cow", image=file(ONE), mask=file(hole(), "m.png")))
    assert read_ancestry(pictures(answer)[0])[-1].parents == (sha256(ONE),)
    assert upstream.requests[-1].body["mask"] == [sha256(hole())]
    assert [item.role for item in (await house.generations())[0].inputs] == ["edited", "mask"]


async def test_a_mask_over_what_was_made_here(both: tuple[House, ImagesUpstream]) -> None:
    house, upstream = both
    first = pictures(checked(await house.client.images.generate(model="up/gpt-image-2", prompt="a barn")))[0]
    mask = hole(Image.open(BytesIO(first)).size)
    edit = house.client.images.edit
    await edit(model="up/gpt-image-2", prompt="a cow", image=file(first), mask=file(mask), n=2, size="1024x1024")
    body = upstream.requests[-1].body
    assert (body["image"], body["mask"], body["n"]) == ([sha256(first)], [sha256(mask)], "2")


async def test_partials_of_an_edit(both: tuple[House, ImagesUpstream]) -> None:
    house, _ = both
    edit = house.client.images.edit
    stream = await edit(model="up/gpt-image-2", prompt="x", image=file(ONE), stream=True, partial_images=1)
    assert [event["type"] for event in await events_of(stream)] == ["image_edit.partial_image", "image_edit.completed"]


async def test_an_earlier_picture_is_known_by_its_bytes(both: tuple[House, ImagesUpstream]) -> None:
    house, _ = both
    first = checked(await house.client.images.generate(model="painter/images", prompt="a barn"))
    image = file(pictures(first)[0])
    second = checked(await house.client.images.edit(model="up/gpt-image-2", prompt="at night", image=image))
    (edited,) = second["darkroom"]["generations"][0]["inputs"]
    assert edited["generation"] == first["darkroom"]["generations"][0]["id"]
    assert edited["media"] == first["darkroom"]["media"][0]["id"]
    assert len(await house.media()) == 2


async def test_a_chat_goes_on_with_it(both: tuple[House, ImagesUpstream]) -> None:
    house, _ = both
    made = checked(await house.client.images.generate(model="up/gpt-image-2", prompt="a barn", response_format="url"))
    link = {"type": "image_url", "image_url": {"url": made["data"][0]["url"]}}
    answer = await house.ask("painter/images-strict", user("at night", link))
    assert message_of(answer)["images"]
    assert pictures_in(house.painter.requests[-1]["messages"][-1]) == [(await house.media())[0].blob]


@pytest.mark.parametrize("key", ["images", "image"])
async def test_json_edits(both: tuple[House, ImagesUpstream], key: str) -> None:
    house, upstream = both
    known = await house.upload(TWO)
    document = {
        "model": "up/gpt-image-2",
        "prompt": "both",
        key: [{"image_url": data_uri(ONE)}, {"file_id": known.id}],
        "mask": {"image_url": data_uri(hole())},
    }
    status, answer = await post(house, "edits", json=document)
    assert status == 200, answer
    assert read_ancestry(pictures(answer)[0])[-1].parents == (sha256(ONE), sha256(TWO))
    assert upstream.requests[-1].body["mask"] == [sha256(hole())]


async def test_json_edits_by_a_link_and_a_file(both: tuple[House, ImagesUpstream]) -> None:
    house, upstream = both
    made = checked(await house.client.images.generate(model="up/gpt-image-2", prompt="a barn", response_format="url"))
    kept = await house.client.files.create(file=file(ONE), purpose="vision")
    document = {
        "model": "up/gpt-image-2",
        "prompt": "both",
        "images": [{"image_url": made["data"][0]["url"]}, {"file_id": kept.id}],
    }
    status, answer = await post(house, "edits", json=document)
    assert status == 200, answer
    assert upstream.requests[-1].body["image[]"] == [(await house.media())[0].blob, sha256(ONE)]


# What is wrong


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"model": None}, "model"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"n": "many"}, "n"),
        ({"n": True}, "n"),
        ({"size": 1024}, "size"),
        ({"partial_images": 4}, "partial_images"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1.5}, "stream"),
        ({"response_format": "file"}, "response_format"),
        ({"response_format": []}, "response_format"),
        ({"mask": data_uri(ONE)}, "image"),
        ({"images": [{}]}, "images[0]"),
        ({"images": [{"image_url": "nonsense"}]}, "images[0].image_url"),
        ({"images": [data_uri(ONE)] * 17}, "image"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wrong_field_is_named(both: tuple[House, ImagesUpstream], fields: Json, param: str) -> None:
    house, upstream = both
    status, answer = await post(house, "generations", json={"model": "up/gpt-image-2", "prompt": "x", **fields})
    assert (status, answer["error"]["param"]) == (400, param)
    assert not upstream.requests
    assert await house.is_empty()


def form(*files: tuple[str, bytes], **fields: str) -> aiohttp.FormData:
    written = aiohttp.FormData()
    for name, value in {"model": "up/gpt-image-2", "prompt": "x", **fields}.items():
        written.add_field(name, value)
    for name, data in files:
        written.add_field(name, data, filename=f"{name}.png", content_type="image/png")
    return written


@pytest.mark.parametrize(
    ("files", "fields", "status", "code"),
    [
        ([], {}, 400, "malformed_request"),
        ([("mask", ONE)], {}, 400, "malformed_request"),
        ([("image", ONE), ("mask", ONE), ("mask", ONE)], {}, 400, "malformed_request"),
        ([("image[]", ONE)] * 17, {}, 400, "malformed_request"),
        ([("photo", ONE)], {}, 400, "malformed_request"),
        ([("image", ONE), ("markup", ONE)], {}, 400, "unsupported_part"),
        ([("image", ONE)], {"prompt": " "}, 400, "malformed_request"),
        ([("image", ONE)], {"n": "x"}, 400, "malformed_request"),
        ([("image", ONE)], {"model": "novel"}, 404, "model_not_found"),
        ([("image", b"<svg/>")], {}, 400, "invalid_media"),
        ([("image", b"")], {}, 400, "invalid_media"),
        ([("image", ONE[:-20])], {}, 400, "invalid_media"),
    ],
    ids=range(12),
)
async def test_a_wrong_form_leaves_nothing(
    both: tuple[House, ImagesUpstream], files: Sequence[tuple[str, bytes]], fields: Any, status: int, code: str
) -> None:
    house, upstream = both
    got, answer = await post(house, "edits", data=form(*files, **fields))
    assert (got, answer["error"]["code"]) == (status, code)
    assert not upstream.requests
    assert await house.is_empty()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", FORM),
        (b"--x\r\n", f"{FORM}; boundary=x"),
        (b'--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\nab', f"{FORM}; boundary=x"),
        (b"nonsense", f"{FORM}; boundary=x"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/json"),
    ],
    ids=range(8),
)  # fmt: skip
async def test_a_body_that_is_none(both: tuple[House, ImagesUpstream], content: bytes, kind: str) -> None:
    house, _ = both
    status, answer = await post(house, "edits", data=content, headers={"content-type": kind})
    assert (status, answer["error"]["code"]) == (400, "malformed_request")
    assert await house.is_empty()


async def test_limits(tmp_path: Path) -> None:
    async with connected(tmp_path, limits=Limits(body=100_000, media=20_000, text=1000)) as (house, upstream):
        for files, fields in (
            ([("image", ONE + b"\0" * 20_000)], {}),
            ([("image", ONE + b"\0" * 15_000)] * 7, {}),
            ([("image", ONE)], {"prompt": "x" * 2000}),
        ):
            status, answer = await post(house, "edits", data=form(*files, **fields))
            assert (status, answer["error"]["code"]) == (413, "too_large")
        assert not upstream.requests
        assert await house.is_empty()


@MODES
async def test_words_in_place_of_a_picture(tmp_path: Path, stream: bool) -> None:
    talker = Scripted([{"content": "I would rather talk "}, {"content": "about barns."}])
    async with serve(talker.app) as url, connected(tmp_path, row("talker", url, profile="image-chat")) as (house, _):
        asking = house.client.images.generate(model="talker/x", prompt="a barn", stream=stream)
        with pytest.raises(openai.APIError) as raised:
            await events_of(await asking)
    assert "I would rather talk about barns." in str(raised.value)
    assert raised.value.code == "upstream_rejected"


@MODES
async def test_a_refusal_is_one(both: tuple[House, ImagesUpstream], stream: bool) -> None:
    house, _ = both
    with pytest.raises(openai.BadRequestError) as raised:
        await house.client.images.generate(model="up/gpt-image-2-moderated", prompt="a barn", stream=stream)
    assert raised.value.code == "content_policy_violation"
    assert raised.value.type == "image_generation_user_error"


async def test_a_stream_that_fails_after_a_draft(both: tuple[House, ImagesUpstream]) -> None:
    house, _ = both
    create = house.client.images.generate
    stream = await create(model="up/gpt-image-2-cut", prompt="a barn", stream=True, partial_images=1)
    with pytest.raises(openai.APIError) as raised:
        assert [event.type async for event in stream] == ["image_generation.partial_image"]
    assert raised.value.code == "upstream_broken"


async def test_owners_see_their_own(both: tuple[House, ImagesUpstream]) -> None:
    house, _ = both
    keys = [(await house.gateway.keys.create(owner))[1] for owner in ("ann", "bob")]
    ann, bob = (house.client.with_options(api_key=key) for key in keys)
    mine = checked(await ann.images.edit(model="up/gpt-image-2", prompt="a cow", image=file(ONE)))
    media = mine["darkroom"]["media"][0]["id"]
    headers = {"authorization": f"Bearer {keys[1]}"}
    document = {"model": "up/gpt-image-2", "prompt": "x", "images": [{"file_id": media}]}
    assert (await post(house, "edits", json=document, headers=headers))[0] == 404
    assert (await post(house, "edits", json=document))[0] == 401
    theirs = checked(await bob.images.edit(model="up/gpt-image-2", prompt="a pig", image=file(pictures(mine)[0])))
    (edited,) = theirs["darkroom"]["generations"][0]["inputs"]
    assert edited["generation"] is None
    assert {each.owner for each in await house.media()} == {"ann", "bob"}


async def test_a_large_picture_passes_through_little_memory(tmp_path: Path) -> None:
    """It goes from the form to the store, and from there into the upstream's form, chunk by chunk."""
    received: list[int] = []

    async def edits(request: Request) -> JSONResponse:
        received.append(sum([len(chunk) async for chunk in request.stream()]))
        return JSONResponse({"created": 1, "data": [{"b64_json": base64.b64encode(TWO).decode()}]})

    async def large() -> AsyncIterator[bytes]:
        yield ONE
        for _ in range(400):
            yield bytes(1 << 16)

    app = Starlette(routes=[Route("/v1/images/edits", edits, methods=["POST"])])
    async with serve(app) as url, connected(tmp_path, ProviderSettings("local", url + "/v1", "openai-images")) as both:
        tracemalloc.start()
        try:
            written = aiohttp.MultipartWriter("form-data")
            for name, value in (("model", "local/x"), ("prompt", "x")):
                written.append(value).set_content_disposition("form-data", name=name)
            part = written.append(large(), {"content-type": "image/png"})
            part.set_content_disposition("form-data", name="image", filename="a.png")
            status, answer = await post(both[0], "edits", data=written)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert status == 200, answer
    assert received[0] > 400 << 16
    assert peak < 8 << 20
