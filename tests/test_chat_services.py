"""The services that speak Chat Completions, each in its own way: strict OpenAI, OpenRouter, LiteLLM, vLLM-Omni.

Each is a small server here that refuses what the real one refuses, and answers in the shape of the real one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chats import check_five_turns
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint
from darkroom.testing import serve
from darkroom.testing.emulation import Remembered, draw, meant
from running import data_uri, links_in, message_of, picture, running, user

Json = dict[str, Any]


class Refused(Exception):
    pass


class Service:
    """One service; `kind` says which. A signature is bound to the bytes that it was given for."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.requests: list[Json] = []
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request: Request) -> Response:
        asked = await request.json()
        self.requests.append(asked)
        try:
            data = self._made(asked)
        except Refused as refused:
            return JSONResponse({"error": {"message": str(refused), "code": 400}}, 400)
        message = {"openrouter": _openrouter, "litellm": _litellm, "vllm-omni": _omni}[self.kind](data)
        if not asked.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
            return JSONResponse({"id": "1", "object": "chat.completion", "model": asked["model"], "choices": [choice]})
        frames = [
            {"id": "1", "choices": [{"index": 0, "delta": {name: value}, "finish_reason": None}]}
            for name, value in message.items()
        ]
        frames.append({"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        lines = [f"data: {json.dumps(frame)}\n\n" for frame in frames]
        return Response(
            ": SERVICE PROCESSING\n\n" + "".join(lines) + "data: [DONE]\n\n", media_type="text/event-stream"
        )

    def _made(self, asked: Json) -> bytes:
        wanted = {"openrouter": ["image", "text"], "litellm": ["image", "text"], "vllm-omni": ["image"]}[self.kind]
        if asked.get("modalities") != wanted:
            raise Refused(f"modalities must be {wanted}")
        new: list[bytes] = []
        seen: list[Remembered] = []
        prompt = ""
        for message in asked["messages"]:
            if message["role"] == "user":
                prompt, new = _read_user(message)
                seen += [Remembered(data, prompt) for data in new]
            elif message["role"] == "assistant":
                seen += [Remembered(data, prompt) for data in self._read_assistant(message)]
        found = meant(prompt, seen)
        bases = new or ([found.data] if found else [])
        return draw(prompt, bases).data

    def _read_assistant(self, message: Json) -> list[bytes]:
        if not isinstance(message.get("content"), str | None):
            raise Refused("Invalid content type in an assistant message. image_url is only supported by user messages.")
        images = [_bytes(item["image_url"]["url"]) for item in message.get("images", [])]
        if images and self.kind == "vllm-omni":
            raise Refused("Extra inputs are not permitted: images")
        for data in images:
            if _signature(data) not in json.dumps(message):
                raise Refused("Image part is missing a thought_signature in content position 2, part position 1.")
        return images


def _read_user(message: Json) -> tuple[str, list[bytes]]:
    content = message["content"]
    if isinstance(content, str):
        return content, []
    words = "".join(part["text"] for part in content if part["type"] == "text")
    return words, [_bytes(part["image_url"]["url"]) for part in content if part["type"] == "image_url"]


def _bytes(url: str) -> bytes:
    if not url.startswith("data:image/png;base64,"):
        raise Refused(f"Invalid image url {url[:60]}")
    return base64.b64decode(url.partition(",")[2], validate=True)


def _signature(data: bytes) -> str:
    return base64.b64encode(hashlib.sha512(data).digest() * 40).decode()


def _images(data: bytes) -> list[Json]:
    return [{"type": "image_url", "image_url": {"url": data_uri(data)}, "index": 0}]


def _openrouter(data: bytes) -> Json:
    details = [{"type": "reasoning.encrypted", "data": _signature(data), "format": "google-gemini-v1", "index": 0}]
    return {"content": "Here you go. ", "images": _images(data), "reasoning_details": details}


def _litellm(data: bytes) -> Json:
    fields = {"thought_signatures": [_signature(data)]}
    return {"content": None, "images": _images(data), "provider_specific_fields": fields}


def _omni(data: bytes) -> Json:
    return {"content": [{"type": "image_url", "image_url": {"url": data_uri(data)}, "stage_durations": {}}]}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("kind", ["openrouter", "litellm", "vllm-omni"])
async def test_five_turns(tmp_path: Path, kind: str, stream: bool) -> None:
    service = Service(kind)
    async with serve(service.app) as url:
        row = ProviderSettings("up", f"{url}/v1", profile=kind)
        async with running(tmp_path, providers=[row]) as house:
            await check_five_turns(house, "up/gemini-3-pro-image-preview", stream=stream)
    pictures = [json.dumps(asked).count(";base64,") for asked in service.requests]
    assert pictures == [0, 1, 1, 1, 1], "each turn sends the one picture that it is about"


async def test_a_model_of_words_is_not_asked_for_pictures(tmp_path: Path) -> None:
    service = Service("openrouter")
    async with serve(service.app) as url:
        row = ProviderSettings("up", f"{url}/v1", profile="openrouter")
        async with running(tmp_path, providers=[row]) as house:
            status, _ = await house.post({"model": "up/llama-4", "messages": [user("hello")]})
    assert status == 400, "the service refuses what names no modalities"
    assert "modalities" not in service.requests[0]


async def test_a_picture_of_another_model_is_shown_by_the_user(tmp_path: Path) -> None:
    service = Service("openrouter")
    async with serve(service.app) as url:
        row = ProviderSettings("up", f"{url}/v1", profile="openrouter")
        async with running(tmp_path, providers=[row]) as house:
            first = await house.ask("painter/images", "a lighthouse in a storm")
            messages = [user("a lighthouse in a storm"), message_of(first), user("add a small red boat")]
            answer = await house.ask("up/gemini-3-pro-image-preview", *messages)
            assert len(links_in(message_of(answer)["content"])) == 1
    assert "images" not in service.requests[0]["messages"][1]


async def test_the_shape_of_a_picture_reaches_openrouter(tmp_path: Path) -> None:
    service = Service("openrouter")
    config = {"aspect_ratio": "16:9", "image_size": "2K"}
    async with serve(service.app) as url:
        row = ProviderSettings("up", f"{url}/v1", profile="openrouter")
        async with running(tmp_path, providers=[row]) as house:
            asked = user("a lighthouse", picture(data_uri(paint("a sea").data)))
            await house.ask("up/gemini-3-pro-image-preview", asked, image_config=config)
    assert service.requests[0]["image_config"] == config
