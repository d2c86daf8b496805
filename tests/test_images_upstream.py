"""The emulator of the Images API: the official SDK talks to it, and it refuses what the real one refuses."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import openai
import pytest
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent, ImagesResponse
from PIL import Image

from darkroom.sketch import paint, read_ancestry
from darkroom.testing import ImagesUpstream, serve
from running import sha256

KEY = "sesame"
ONE, TWO = (paint(prompt, size=(96, 64)).data for prompt in ("a hill", "a lake"))


@pytest.fixture
def upstream() -> ImagesUpstream:
    return ImagesUpstream(key=KEY)


@pytest.fixture
async def url(upstream: ImagesUpstream) -> AsyncIterator[str]:
    async with serve(upstream.app) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def file(data: bytes, name: str = "a.png") -> Any:
    return name, BytesIO(data), "image/png"


def mask_of(size: tuple[int, int], mode: str = "RGBA") -> bytes:
    mask = Image.new(mode, size)
    out = BytesIO()
    mask.save(out, "PNG")
    return out.getvalue()


def pictures(answer: Any) -> list[bytes]:
    return [base64.b64decode(item.b64_json) for item in answer.data]


async def test_generate(client: openai.AsyncOpenAI, upstream: ImagesUpstream) -> None:
    answer = await client.images.generate(model="gpt-image-2", prompt="a barn", n=2, size="1536x1024")
    ImagesResponse.model_validate(answer.to_dict(mode="json"), strict=True)
    one, two = pictures(answer)
    assert [step.prompt for step in read_ancestry(one)] == ["a barn"]
    assert one != two
    assert Image.open(BytesIO(one)).size == (1024, 688)
    assert upstream.requests[-1].body == {"model": "gpt-image-2", "prompt": "a barn", "n": 2, "size": "1536x1024"}


async def test_generate_in_another_format(client: openai.AsyncOpenAI) -> None:
    answer = await client.images.generate(
        model="gpt-image-2", prompt="a barn", output_format="webp", output_compression=50
    )
    assert pictures(answer)[0].startswith(b"RIFF")


async def test_stream(client: openai.AsyncOpenAI) -> None:
    stream = await client.images.generate(model="gpt-image-2", prompt="a barn", stream=True, partial_images=2)
    events = [event async for event in stream]
    assert [type(event) for event in events] == [ImageGenPartialImageEvent] * 2 + [ImageGenCompletedEvent]
    for event in events:
        type(event).model_validate(event.to_dict(mode="json"), strict=True)
    assert read_ancestry(base64.b64decode(events[-1].b64_json))[0].prompt == "a barn"


async def test_edit_several_with_a_mask(client: openai.AsyncOpenAI, upstream: ImagesUpstream) -> None:
    answer = await client.images.edit(
        model="gpt-image-2", prompt="both", image=[file(ONE), file(TWO)], mask=file(mask_of((96, 64)))
    )
    assert read_ancestry(pictures(answer)[0])[-1].parents == (sha256(ONE), sha256(TWO))
    assert upstream.requests[-1].body["image[]"] == [sha256(ONE), sha256(TWO)]
    assert upstream.requests[-1].body["mask"] == [sha256(mask_of((96, 64)))]


async def test_edit_streams(client: openai.AsyncOpenAI) -> None:
    stream = await client.images.edit(model="gpt-image-1.5", prompt="x", image=file(ONE), stream=True)
    events = [event async for event in stream]
    assert [event.type for event in events] == ["image_edit.completed"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "b64_json"}, "response_format"),
        ({"size": "1000x1000"}, "size"),
        ({"size": "3072x512"}, "size"),
        ({"size": "3840x3840"}, "size"),
        ({"size": "1K"}, "size"),
        ({"n": 11}, "n"),
        ({"quality": "ultra"}, "quality"),
        ({"partial_images": 1}, "partial_images"),
        ({"output_compression": 50}, "output_compression"),
        ({"background": "transparent", "output_format": "jpeg"}, "background"),
        ({"extra_body": {"input_fidelity": "high"}}, "input_fidelity"),
        ({"extra_body": {"seed": 1}}, "seed"),
    ],
    ids=str,
)
async def test_generation_is_refused(client: openai.AsyncOpenAI, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await client.images.generate(model="gpt-image-2", prompt="a barn", **fields)
    assert raised.value.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"image": [file(ONE)] * 17}, "image"),
        ({"image": ("a.txt", b"hello", "image/png")}, "image"),
        ({"image": file(ONE), "mask": file(mask_of((64, 64)))}, "mask"),
        ({"image": file(ONE), "mask": file(mask_of((96, 64), "RGB"))}, "mask"),
        ({"image": file(ONE), "input_fidelity": "high"}, "input_fidelity"),
    ],
    ids=["17", "text", "mask-size", "mask-alpha", "fidelity"],
)
async def test_edit_is_refused(client: openai.AsyncOpenAI, fields: dict[str, Any], param: str) -> None:
    fields = {name: _again(value) for name, value in fields.items()}
    with pytest.raises(openai.BadRequestError) as raised:
        await client.images.edit(model="gpt-image-2", prompt="a barn", **fields)
    assert raised.value.param == param


def _again(value: Any) -> Any:
    """Rewind a file that another test has read."""
    if isinstance(value, tuple) and isinstance(value[1], BytesIO):
        return value[0], BytesIO(value[1].getvalue()), value[2]
    return [_again(item) for item in value] if isinstance(value, list) else value


async def test_moderation(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await client.images.generate(model="gpt-image-2-moderated", prompt="a barn")
    assert raised.value.code == "moderation_blocked"


async def test_a_wrong_key_and_a_wrong_model(url: str, client: openai.AsyncOpenAI) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.images.generate(model="gpt-image-2", prompt="x")
    with pytest.raises(openai.NotFoundError):
        await client.images.generate(model="gpt-image-9", prompt="x")


async def test_a_form_is_no_generation_and_json_no_edit(url: str) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for path in ("generations", "edits"):
            form, document = {"data": {"model": "gpt-image-2"}}, {"json": {"model": "gpt-image-2", "prompt": "x"}}
            wrong: Any = form if path == "generations" else document
            async with http.post(f"{url}/v1/images/{path}", **wrong) as response:
                assert response.status == 400
                assert (await response.json())["error"]["code"] == "unsupported_content_type"


async def test_a_local_server_answers_with_a_relative_url(client: openai.AsyncOpenAI, url: str) -> None:
    answer = await client.images.generate(model="local-url", prompt="a barn", extra_body={"step": 20})
    assert answer.data
    where = answer.data[0].url
    assert where
    assert where.startswith("/")
    async with aiohttp.ClientSession() as http, http.get(url + where) as response:
        assert read_ancestry(await response.read())[0].prompt == "a barn"
