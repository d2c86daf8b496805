"""Every client dialect against every upstream dialect: generate, edit, go back to the first, describe an upload.

The clients are the official SDKs. What the upstream was really given is told by the ancestry that its painter writes
into each picture.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types

from darkroom.sketch import paint, read_ancestry
from dialects import DIALECTS, KEY, Emulated
from running import House, data_uri, links_in, message_of, picture, running, sha256, user

FIRST, EDIT, BACK = "a lighthouse in a storm", "add a small red boat", "go back to the first picture and add a whale"
QUESTION = "describe this picture"
SHOWN = paint("a red barn", size=(640, 480)).data


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: its picture, if it has one, and its text."""

    picture: bytes | None
    text: str = ""


class Client(ABC):
    """A client of one dialect, holding one conversation as such clients do."""

    speaks = True
    """Whether an answer can be words."""

    def __init__(self, house: House, model: str, *, stream: bool) -> None:
        self.house, self.model, self.stream = house, model, stream
        self.made: list[bytes] = []

    async def say(self, prompt: str, shown: bytes | None = None) -> Said:
        said = await self._say(prompt, shown)
        if said.picture is not None:
            self.made.append(said.picture)
        return said

    async def back(self) -> Said:
        """Ask for a change of the first picture."""
        return await self.say(BACK)

    @abstractmethod
    async def _say(self, prompt: str, shown: bytes | None) -> Said: ...


class Chat(Client):
    def __init__(self, house: House, model: str, *, stream: bool) -> None:
        super().__init__(house, model, stream=stream)
        self.messages: list[Any] = []

    async def _say(self, prompt: str, shown: bytes | None) -> Said:
        self.messages.append(user(prompt, picture(data_uri(shown))) if shown else user(prompt))
        answer = await self.house.ask(self.model, *self.messages, stream=self.stream)
        self.messages.append(message_of(answer))
        links = links_in(message_of(answer)["content"])
        return Said(await self.house.download(links[0]) if links else None, message_of(answer)["content"])


class Responses(Client):
    def __init__(self, house: House, model: str, *, stream: bool) -> None:
        super().__init__(house, model, stream=stream)
        self.previous: str | None = None

    async def _say(self, prompt: str, shown: bytes | None) -> Said:
        content: list[Any] = [{"type": "input_text", "text": prompt}]
        if shown:
            content.append({"type": "input_image", "image_url": data_uri(shown), "detail": "auto"})
        create = self.house.client.responses.create
        asked: Any = {"model": self.model, "input": [{"role": "user", "content": content}]}
        if self.previous:
            asked["previous_response_id"] = self.previous
        if self.stream:
            events = [event async for event in await create(**asked, stream=True)]
            response = events[-1].response
        else:
            response = await create(**asked)
        self.previous = response.id
        pictures = [item.result for item in response.output if item.type == "image_generation_call"]
        return Said(base64.b64decode(pictures[0]) if pictures else None, response.output_text)


class Gemini(Client):
    def __init__(self, house: House, model: str, *, stream: bool) -> None:
        super().__init__(house, model, stream=stream)
        options = types.HttpOptions(base_url=house.url, api_version="v1beta")
        self.client = genai.Client(api_key="none", http_options=options)
        self.chat = self.client.aio.chats.create(model=model)

    async def _say(self, prompt: str, shown: bytes | None) -> Said:
        parts: list[Any] = [prompt]
        if shown:
            parts.append(types.Part.from_bytes(data=shown, mime_type="image/png"))
        if self.stream:
            chunks = [chunk async for chunk in await self.chat.send_message_stream(parts)]
        else:
            chunks = [await self.chat.send_message(parts)]
        found = [part for chunk in chunks for part in chunk.parts or ()]
        pictures = [part.inline_data.data for part in found if part.inline_data]
        return Said(pictures[0] if pictures else None, "".join(part.text or "" for part in found))


class Images(Client):
    """The Images API has no conversation: what is to be changed is sent along."""

    speaks = False

    async def _say(self, prompt: str, shown: bytes | None) -> Said:
        shown = shown or (self.made[-1] if self.made else None)
        images = self.house.client.images
        if shown is None:
            answer: Any = await images.generate(model=self.model, prompt=prompt, stream=self.stream)
        else:
            file = ("image.png", BytesIO(shown), "image/png")
            answer = await images.edit(model=self.model, prompt=prompt, image=file, stream=self.stream)
        if self.stream:
            return Said(base64.b64decode([event async for event in answer][-1].b64_json))
        return Said(base64.b64decode(answer.data[0].b64_json))

    async def back(self) -> Said:
        return await self.say(BACK, self.made[0])


CLIENTS: dict[str, type[Client]] = {
    "chat": Chat,
    "images": Images,
    "responses": Responses,
    "gemini": Gemini,
}


@asynccontextmanager
async def connected(tmp_path: Path, upstream: Emulated) -> AsyncIterator[House]:
    """Run a gateway with this upstream as the provider `up`."""
    emulator = upstream.make(KEY)
    async with (
        upstream.serve(emulator) as url,
        running(tmp_path, providers=[upstream.row(url, (KEY,))]) as house,
    ):
        yield house


def parents(data: bytes) -> tuple[str, ...]:
    return read_ancestry(data)[-1].parents


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("upstream", DIALECTS.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("client", CLIENTS)
async def test_generate_edit_and_branch(tmp_path: Path, client: str, upstream: Emulated, stream: bool) -> None:
    async with connected(tmp_path, upstream) as house:
        talk = CLIENTS[client](house, upstream.model, stream=stream)
        first = (await talk.say(FIRST)).picture
        edited = (await talk.say(EDIT)).picture
        back = (await talk.back()).picture
        assert first
        assert edited
        assert back
        assert parents(first) == ()
        assert parents(edited) == (sha256(first),)
        assert parents(back) == (sha256(first),)
        stored = {media.blob for media in await house.media()}
        assert {sha256(data) for data in (first, edited, back)} == stored


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("upstream", [each for each in DIALECTS.values() if each.describes], ids=lambda each: each.name)
@pytest.mark.parametrize("client", [name for name, kind in CLIENTS.items() if kind.speaks])
async def test_upload_and_describe(tmp_path: Path, client: str, upstream: Emulated, stream: bool) -> None:
    assert upstream.describes
    async with connected(tmp_path, upstream) as house:
        said = await CLIENTS[client](house, upstream.describes, stream=stream).say(QUESTION, SHOWN)
        assert said.picture is None
        assert "640x480" in said.text
