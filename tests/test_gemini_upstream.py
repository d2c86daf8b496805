"""The Gemini emulator: the official SDK can talk to it, and it refuses what the real API refuses."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from google import genai
from google.genai import errors, types

from darkroom.sketch import paint, read_ancestry
from darkroom.testing import GeminiUpstream, serve
from running import Json, sha256

KEY, OTHER = "sesame", "another"
DRAWS, TALKS = "gemini-3-pro-image", "gemini-3-flash"
SHOWN = paint("a red barn", size=(640, 480)).data


def client_of(url: str, key: str = KEY, version: str = "v1beta") -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, api_version=version))


@asynccontextmanager
async def emulated(**knobs: Any) -> AsyncIterator[tuple[GeminiUpstream, str]]:
    upstream = GeminiUpstream(key=(KEY, OTHER), **knobs)
    async with serve(upstream.app) as url:
        yield upstream, url


def pictures_of(parts: list[types.Part] | None) -> list[bytes]:
    found = [part.inline_data.data for part in parts or () if part.inline_data and not part.thought]
    return [data for data in found if data]


def inline(data: bytes = SHOWN) -> Json:
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}}


def turn(role: str, *parts: Json | str) -> Json:
    return {"role": role, "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}


async def ask(url: str, *contents: Json, model: str = DRAWS, key: str = KEY, **body: Any) -> tuple[int, Any]:
    where = f"{url}/v1beta/models/{model}:generateContent"
    async with (
        aiohttp.ClientSession() as http,
        http.post(where, json={"contents": contents, **body}, headers={"x-goog-api-key": key}) as answer,
    ):
        return answer.status, await answer.json()


async def test_the_sdk_generates_and_lists() -> None:
    async with emulated() as (_, url):
        client = client_of(url)
        answer = await client.aio.models.generate_content(
            model=DRAWS,
            contents="a lighthouse",
            config=types.GenerateContentConfig(
                response_modalities=["TEXT", "IMAGE"],
                image_config=types.ImageConfig(aspect_ratio="16:9", image_size="2K"),
                system_instruction="be bold",
            ),
        )
        assert len(pictures_of(answer.parts)) == 1
        assert answer.usage_metadata
        assert answer.usage_metadata.thoughts_token_count == 200
        models = [model.name async for model in await client.aio.models.list()]
        assert f"models/{DRAWS}" in models
        assert (await client.aio.models.get(model=TALKS)).name == f"models/{TALKS}"


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_sdks_chat_replays_its_parts(stream: bool, version: str) -> None:
    async with emulated() as (_, url):
        chat = client_of(url, version=version).aio.chats.create(model=DRAWS)
        made: list[bytes] = []
        for prompt in ("a lighthouse in a storm", "add a small red boat", "go back to the first picture, add a whale"):
            if stream:
                chunks = [chunk async for chunk in await chat.send_message_stream(prompt)]
            else:
                chunks = [await chat.send_message(prompt)]
            made += [data for chunk in chunks for data in pictures_of(chunk.parts)]
        assert [read_ancestry(data)[-1].parents for data in made] == [(), (sha256(made[0]),), (sha256(made[0]),)]


async def test_the_sdk_uploads_names_and_deletes() -> None:
    async with emulated() as (upstream, url):
        upstream.files.polls = 2
        client = client_of(url)
        file = await client.aio.files.upload(
            file=io.BytesIO(SHOWN), config=types.UploadFileConfig(mime_type="image/png", name="barn")
        )
        assert (file.name, file.state) == ("files/barn", types.FileState.PROCESSING)
        with pytest.raises(errors.ClientError, match="not in an ACTIVE state"):
            await client.aio.models.generate_content(model=TALKS, contents=[file, "describe this"])
        assert (await client.aio.files.get(name="files/barn")).state == types.FileState.PROCESSING
        while (file := await client.aio.files.get(name="files/barn")).state != types.FileState.ACTIVE:
            pass
        answer = await client.aio.models.generate_content(model=TALKS, contents=[file, "describe this"])
        assert "640x480" in (answer.text or "")
        assert [each.name async for each in await client.aio.files.list()] == ["files/barn"]
        with pytest.raises(errors.ClientError, match="do not have permission to access the File barn"):
            await client_of(url, OTHER).aio.models.generate_content(model=TALKS, contents=[file, "describe this"])
        await client.aio.files.delete(name="files/barn")
        with pytest.raises(errors.ClientError, match="may not exist"):
            await client.aio.files.get(name="files/barn")


async def test_a_large_upload_comes_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.genai._api_client.CHUNK_SIZE", 4096)
    async with emulated() as (upstream, url):
        config = types.UploadFileConfig(mime_type="image/png")
        file = await client_of(url).aio.files.upload(file=io.BytesIO(SHOWN), config=config)
        assert upstream.files.files[file.name or ""].data == SHOWN
        assert len([each for each in upstream.requests if "upload_id" in each.path]) > 2


async def test_signatures_are_for_one_key_one_model_and_those_bytes() -> None:
    async with emulated() as (_, url):
        _, answer = await ask(url, turn("user", "a lighthouse"))
        content = answer["candidates"][0]["content"]
        question = turn("user", "a lighthouse"), content, turn("user", "add a boat")
        assert (await ask(url, *question))[0] == 200
        for how in ({"key": OTHER}, {"model": "gemini-3.1-flash-image"}):
            status, body = await ask(url, *question, **how)
            assert (status, body["error"]["message"]) == (400, "Corrupted thought signature.")
        signed = next(part for part in content["parts"] if "inlineData" in part and "thoughtSignature" in part)
        at = content["parts"].index(signed) + 1
        signed["inlineData"]["data"] = base64.b64encode(SHOWN).decode()
        assert (await ask(url, *question))[0] == 400
        del signed["thoughtSignature"]
        status, body = await ask(url, *question)
        words = f"Image part is missing a thought_signature in content position 2, part position {at}."
        assert (status, body["error"]["status"], body["error"]["message"]) == (400, "INVALID_ARGUMENT", words)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"contents": []}, "contents is not specified"),
        ({"contents": [turn("user")]}, "parts must not be empty"),
        ({"contents": [turn("assistant", "hello")]}, "Please use a valid role: user, model."),
        ({"contents": [turn("user", "hi"), turn("model", "yes?")]}, "last turn"),
        ({"contents": [turn("user", {"thought": True})]}, "must have one initialized field"),
        ({"contents": [turn("user", {"text": "a", "inlineData": {}})]}, "must have one initialized field"),
        ({"contents": [turn("user", {"words": "a"})]}, 'Unknown name "words"'),
        ({"contents": [turn("user", "")]}, "empty text"),
        ({"messages": []}, 'Unknown name "messages"'),
        ({"generationConfig": {"size": "1K"}}, "Unknown name \"size\" at 'generation_config'"),
        ({"generationConfig": {"imageConfig": {"width": 3}}}, 'Unknown name "width" at \'generation_config.image'),
        ({"generationConfig": {"imageConfig": {"aspectRatio": "7:5"}}}, "aspect_ratio must be one of"),
        ({"generationConfig": {"imageConfig": {"imageSize": "8K"}}}, "image_size must be one of"),
        ({"generationConfig": {"responseMimeType": "application/json"}}, "JSON mode is not enabled"),
        ({"tools": [{"functionDeclarations": [{"name": "look"}]}]}, "Function calling is not enabled"),
        ({"contents": [turn("user", inline(b"no picture"))]}, "Unable to process input image"),
        ({"contents": [turn("user", {"fileData": {"fileUri": "https://nowhere.example/a.png"}})]}, "Cannot fetch"),
        ({"systemInstruction": turn("system", inline())}, "text alone"),
    ],
)
async def test_it_refuses(body: Json, words: str) -> None:
    async with emulated() as (_, url):
        contents = body.pop("contents", [turn("user", "a cat")])
        status, answer = await ask(url, *contents, **body)
        assert status == 400
        assert words in answer["error"]["message"]


async def test_a_model_that_talks_makes_no_pictures() -> None:
    async with emulated() as (_, url):
        config = {"responseModalities": ["TEXT", "IMAGE"]}
        status, answer = await ask(url, turn("user", "a cat"), model=TALKS, generationConfig=config)
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_keys_and_models() -> None:
    async with emulated() as (_, url):
        status, answer = await ask(url, turn("user", "a cat"), key="wrong")
        assert (status, answer["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
        status, answer = await ask(url, turn("user", "a cat"), model="gemini-9")
        assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")


async def test_without_sse_a_stream_is_a_json_array() -> None:
    async with emulated() as (_, url), aiohttp.ClientSession() as http:
        where = f"{url}/v1beta/models/{TALKS}:streamGenerateContent?key={KEY}"
        async with http.post(where, json={"contents": [turn("user", "hello")]}) as answer:
            frames = await answer.json()
        assert frames[-1]["candidates"][0]["finishReason"] == "STOP"
        async with http.post(where, json={"contents": []}) as answer:
            assert (await answer.json())[0]["error"]["code"] == 400


async def test_a_tool_call_is_signed() -> None:
    async with emulated() as (_, url):
        tools = [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": {"type": "object"}}]}]
        _, answer = await ask(url, turn("user", "what is there?"), model=TALKS, tools=tools)
        call = answer["candidates"][0]["content"]
        response = turn("user", {"functionResponse": {"name": "look", "response": {"seen": "a barn"}}})
        asked = turn("user", "what is there?"), call, response
        status, answer = await ask(url, *asked, model=TALKS, tools=tools)
        assert "a barn" in answer["candidates"][0]["content"]["parts"][0]["text"]
        del call["parts"][0]["thoughtSignature"]
        status, answer = await ask(url, *asked, model=TALKS, tools=tools)
        assert (status, "missing a thought_signature" in answer["error"]["message"]) == (400, True)
