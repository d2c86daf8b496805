"""Videos that clients send: every spelling, at every door, and how each kind of upstream is given them."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darkroom.settings import Limits, ProviderSettings
from darkroom.sketch import paint
from darkroom.testing import EnterpriseUpstream, GeminiUpstream, InteractionsUpstream, serve
from darkroom.testing.enterprise_tokens import service_account
from darkroom.testing.enterprise_upstream import ENGINE
from dialects import KEY
from films import video
from running import (
    LINK,
    House,
    Json,
    assistant,
    content_of,
    data_uri,
    links_in,
    picture,
    running,
    sha256,
    text_of,
    user,
)

FILM = video()
HASH = sha256(FILM)
URI = data_uri(FILM, "video/mp4")
PICTURE = paint("a barn", size=(96, 64)).data
BASE64 = sha256(base64.b64encode(FILM))
"""By which the emulators note the film's base64."""
SEEN = f"data:video/mp4;base64,sha256:{HASH}"
"""How the painter notes the film as a data URI."""


class Cdn:
    """Somebody's server, with films that have a name, and one that has none. `asked` counts the requests of a path."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._file)])

    async def _file(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return Response(FILM, media_type="application/octet-stream")


@pytest.fixture
async def cdn() -> AsyncIterator[str]:
    async with serve(Cdn().app) as url:
        yield url


@asynccontextmanager
async def watching(root: Path, *rows: ProviderSettings, **more: Any) -> AsyncIterator[House]:
    """Run a gateway that may fetch from this machine."""
    async with running(root, providers=rows, allow=("127.0.0.1",), **more) as house:
        yield house


def parts(house: House, at: int = -1) -> list[Json]:
    """Return the parts of the last message of a request that the painter got."""
    content: Any = house.painter.requests[at]["messages"][-1]["content"]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def videos(house: House, at: int = -1) -> list[str]:
    """Return where the videos of a request are."""
    return [part["video_url"]["url"] for part in parts(house, at) if part["type"] == "video_url"]


# Every spelling

SPELLINGS: dict[str, Json] = {
    "video_url": {"type": "video_url", "video_url": {"url": "{url}"}},
    "video_url as a string": {"type": "video_url", "video_url": "{url}"},
    "file with file_url, as in seed 002": {"type": "file", "file_url": "{url}"},
    "file with a file_url in it": {"type": "file", "file": {"file_url": "{url}"}},
    "file with a url in it": {"type": "file", "file": {"url": "{url}"}},
    "file_data that is a URL": {"type": "file", "file": {"filename": "film.mp4", "file_data": "{url}"}},
    "input_video with video_url": {"type": "input_video", "video_url": "{url}"},
    "input_video with input_video": {"type": "input_video", "input_video": {"url": "{url}"}},
    "input_file": {"type": "input_file", "file_url": "{url}"},
    "video": {"type": "video", "video": "{url}"},
    "video with a url in it": {"type": "video", "video": {"url": "{url}"}},
    "video without a type": {"video": "{url}"},
}
INLINE: dict[str, Json] = {
    "video_url": {"type": "video_url", "video_url": {"url": URI}},
    "file_data": {"type": "file", "file": {"filename": "film.mp4", "file_data": URI}},
    "file_data without a type": {
        "type": "file",
        "file": {"filename": "film.mp4", "file_data": base64.b64encode(FILM).decode()},
    },
    "input_video": {"type": "input_video", "input_video": {"data": base64.b64encode(FILM).decode(), "format": "mp4"}},
    "video": {"type": "video", "video": URI},
    "inline_data": {"inline_data": {"mime_type": "video/mp4", "data": base64.b64encode(FILM).decode()}},
    "a text with a data URI": {"type": "text", "text": f"look: {URI}"},
}


def at(part: Json, url: str) -> Json:
    written: Json = msgspec.json.decode(msgspec.json.encode(part).replace(b"{url}", url.encode()))
    return written


# Every second one is asked for as a stream.
@pytest.mark.parametrize(("stream", "spelling"), [(number % 2 == 0, each) for number, each in enumerate(SPELLINGS)])
@pytest.mark.parametrize("name", ["film.mp4", "download"])
async def test_a_video_at_a_url(tmp_path: Path, cdn: str, spelling: str, name: str, stream: bool) -> None:
    async with watching(tmp_path) as house:
        await house.ask("painter/text", user("what is this?", at(SPELLINGS[spelling], f"{cdn}/{name}")), stream=stream)
        assert videos(house) == [SEEN]
        (media,) = await house.media()
        assert (media.blob, media.origin, media.mime) == (HASH, "fetched", "video/mp4")
        assert (media.duration, media.width, media.height, media.codec) == (2000, 128, 64, "h264")


@pytest.mark.parametrize("spelling", INLINE)
async def test_a_video_in_the_body(tmp_path: Path, spelling: str) -> None:
    async with watching(tmp_path) as house:
        await house.ask("painter/text", user("what is this?", INLINE[spelling]))
        assert videos(house) == [SEEN]
        (media,) = await house.media()
        assert (media.blob, media.origin, media.duration) == (HASH, "uploaded", 2000)


async def test_a_video_that_was_uploaded_by_its_id(tmp_path: Path) -> None:
    async with watching(tmp_path) as house:
        file = await house.client.files.create(file=("film.mp4", FILM), purpose="user_data")
        for part in ({"file_id": file.id}, {"file": {"file_id": file.id}}):
            await house.ask("painter/text", user("what is this?", {"type": "file", **part}))
            assert videos(house) == [SEEN]
        (media,) = await house.media()
        assert media.codec == "h264"


async def test_a_video_by_our_link_and_by_its_id(tmp_path: Path) -> None:
    async with watching(tmp_path) as house:
        media = await house.upload(FILM)
        link = f"{house.url}/media/{media.id}.mp4"
        for part in (
            {"type": "video_url", "video_url": {"url": link}},
            {"type": "file", "file_url": link},
            {"type": "file", "file": {"file_id": media.id}},
        ):
            await house.ask("painter/text", user("what is this?", part))
            assert videos(house) == [SEEN]
        await house.ask("painter/text", f"what is {link} about?")
        assert videos(house) == [SEEN]
        assert len(await house.media()) == 1


async def test_frames_of_a_video_as_qwen_takes_them(tmp_path: Path) -> None:
    frames = [data_uri(paint(f"frame {number}", size=(96, 64)).data) for number in range(3)]
    async with watching(tmp_path) as house:
        await house.ask("painter/text", user("what is this?", {"type": "video", "video": frames, "fps": 2}))
        told = parts(house)
        assert [part["type"] for part in told] == ["text", "text", "image_url", "image_url", "image_url"]
        assert told[1]["text"] == "[video: its frames, 2 a second]"


async def test_the_same_video_twice_is_one(tmp_path: Path, cdn: str) -> None:
    """By URL in one turn, by URL again in the next, and as bytes in the third: one row, one blob."""
    async with watching(tmp_path) as house:
        by_url = at(SPELLINGS["video_url"], f"{cdn}/film.mp4")
        turns: list[Json] = [user("what is this?", by_url), assistant("A barn."), user("and again?", by_url)]
        await house.ask("painter/text", *turns)
        await house.ask("painter/text", *turns, assistant("A barn."), user("here it is", INLINE["video_url"]))
        assert len(await house.media()) == 1
        assert await house.blobs() == [HASH]


async def test_fields_beside_a_video_ride_along(tmp_path: Path) -> None:
    async with watching(tmp_path) as house:
        part = {"type": "video_url", "video_url": {"url": URI, "processing": "static"}, "fps": 2}
        await house.ask("painter/text", user("what is this?", part))
        (sent,) = [part for part in parts(house) if part["type"] == "video_url"]
        assert sent["video_url"] == {"url": SEEN, "processing": "static", "fps": 2}


# What does not work is said


async def test_a_url_that_the_guard_does_not_let_through(house: House, cdn: str) -> None:
    for spelling in ("video_url", "file with file_url, as in seed 002"):
        for name in ("film.mp4", "download"):
            status, answer = await house.post(
                {"model": "painter/text", "messages": [user(at(SPELLINGS[spelling], f"{cdn}/{name}"))]}
            )
            assert (status, answer["error"]["code"]) == (400, "url_refused")
    assert await house.is_empty()


async def test_a_video_that_is_broken(tmp_path: Path) -> None:
    async with watching(tmp_path) as house:
        with pytest.raises(openai.BadRequestError, match="cut off"):
            await house.ask("painter/text", user({"type": "video_url", "video_url": data_uri(FILM[:-50], "video/mp4")}))
        assert await house.is_empty()


async def test_a_video_over_the_limit(tmp_path: Path, cdn: str) -> None:
    async with watching(tmp_path, limits=Limits(media=1000)) as house:
        with pytest.raises(openai.APIStatusError) as failure:
            await house.ask("painter/text", user(at(SPELLINGS["video_url"], f"{cdn}/film.mp4")))
        assert failure.value.status_code == 413
        assert await house.is_empty()


async def test_a_file_that_turns_out_to_be_a_picture(tmp_path: Path) -> None:
    server = Starlette(routes=[Route("/x", lambda request: Response(PICTURE))])
    async with serve(server) as url, watching(tmp_path) as house:
        await house.ask("painter/text", user("what?", {"type": "file", "file_url": f"{url}/x"}))
        assert [part["type"] for part in parts(house)] == ["text", "image_url"]


# The other doors


async def test_a_video_at_the_responses_door(tmp_path: Path, cdn: str) -> None:
    async with watching(tmp_path) as house:
        file = await house.client.files.create(file=("film.mp4", FILM), purpose="user_data")
        spellings: list[Json] = [
            {"type": "input_file", "file_url": f"{cdn}/film.mp4"},
            {"type": "input_file", "file_url": f"{cdn}/download"},
            {"type": "input_file", "filename": "film.mp4", "file_data": URI},
            {"type": "input_file", "file_id": file.id},
            {"type": "input_video", "video_url": f"{cdn}/film.mp4"},
        ]
        for part in spellings:
            asked: Any = [{"role": "user", "content": [{"type": "input_text", "text": "what is this?"}, part]}]
            await house.client.responses.create(model="painter/text", input=asked)
            assert videos(house) == [SEEN]


async def test_a_video_at_geminis_door(tmp_path: Path, cdn: str) -> None:
    async with watching(tmp_path) as house:
        spellings: list[Json] = [
            {"fileData": {"mimeType": "video/mp4", "fileUri": f"{cdn}/download"}},
            {"fileData": {"fileUri": f"{cdn}/film.mp4"}},
            {"inlineData": {"mimeType": "video/mp4", "data": base64.b64encode(FILM).decode()}},
        ]
        for part in spellings:
            body = {"contents": [{"role": "user", "parts": [{"text": "what is this?"}, part]}]}
            async with house.http.post("/v1beta/models/painter/text:generateContent", json=body) as response:
                assert response.status == 200, await response.text()
            assert videos(house) == [SEEN]


# Each upstream in its own way

MESSAGE = user("what happens in it?", {"type": "file", "file_url": "{url}"})


def asking(cdn: str, name: str = "film.mp4") -> Json:
    return at(MESSAGE, f"{cdn}/{name}")


async def test_a_public_url_is_passed_on(tmp_path: Path, cdn: str) -> None:
    """To an upstream that takes URLs, such as OpenRouter: where it is known to be a video, it is not even fetched."""
    row = ProviderSettings("up", "{painter}/v1", profile={"forms": ["url", "inline"]})
    async with watching(tmp_path, row) as house:
        await house.ask("up/text", asking(cdn))
        assert videos(house) == [f"{cdn}/film.mp4"]
        assert await house.media() == []
        await house.ask("up/text", asking(cdn, "download"))
        assert videos(house) == [f"{cdn}/download"]


async def test_a_link_of_ours(tmp_path: Path, cdn: str) -> None:
    row = ProviderSettings("up", "{painter}/v1", profile={"forms": ["link"]})
    async with watching(tmp_path, row) as house:
        await house.ask("up/text", asking(cdn))
        (link,) = videos(house)
        assert LINK.fullmatch(link)
        assert sha256(await house.download(link)) == HASH


@pytest.mark.parametrize("above", [1000, 1_000_000])
async def test_gemini_is_given_a_file_or_the_bytes(tmp_path: Path, cdn: str, above: int) -> None:
    upstream = GeminiUpstream(key=(KEY,))
    async with serve(upstream.app) as url:
        row = ProviderSettings(
            "up", f"{url}/v1beta", dialect="gemini", api_keys=(KEY,), profile={"upload_above": above}
        )
        async with watching(tmp_path, row) as house:
            await house.ask("up/gemini-3-flash", asking(cdn))
        asked = [each for each in upstream.requests if "enerateContent" in each.path]
        uploads = [each for each in upstream.requests if each.path.startswith("/upload/") and each.method == "POST"]
    (content,) = asked[-1].body["contents"]
    _, shown = content["parts"]
    if above < len(FILM):
        assert shown["fileData"]["mimeType"] == "video/mp4"
        assert uploads
    else:
        assert shown["inlineData"]["mimeType"] == "video/mp4"
        assert shown["inlineData"]["data"] == f"sha256:{BASE64}"
        assert not uploads


async def test_gemini_is_given_a_url(tmp_path: Path, cdn: str) -> None:
    upstream = GeminiUpstream(key=(KEY,))
    async with serve(upstream.app) as url:
        row = ProviderSettings(
            "up", f"{url}/v1beta", dialect="gemini", api_keys=(KEY,), profile={"forms": ["url", "inline"]}
        )
        async with watching(tmp_path, row) as house:
            await house.post({"model": "up/gemini-3-flash", "messages": [asking(cdn)]})
        asked = [each for each in upstream.requests if "enerateContent" in each.path]
    (content,) = asked[-1].body["contents"]
    assert content["parts"][1] == {"fileData": {"mimeType": "video/mp4", "fileUri": f"{cdn}/film.mp4"}}


async def test_gemini_enterprise_is_given_a_context_file(tmp_path: Path, cdn: str) -> None:
    upstream = EnterpriseUpstream(key=KEY)
    async with serve(upstream.app) as url:
        account = msgspec.json.encode(service_account(KEY, f"{url}/token")).decode()
        row = ProviderSettings("up", f"{url}/v1/{ENGINE}", dialect="gemini-enterprise", api_keys=(account,))
        async with watching(tmp_path, row) as house:
            await house.ask("up/gemini-3-pro-preview", asking(cdn))
        (file,) = upstream.asked(":addContextFile")
        (question,) = upstream.asked(":streamAssist")
    assert file["mimeType"] == "video/mp4"
    assert file["fileContents"] == f"sha256:{BASE64}"
    assert len(question["fileIds"]) == 1


async def test_interactions_are_given_the_bytes(tmp_path: Path, cdn: str) -> None:
    upstream = InteractionsUpstream(key=KEY)
    async with serve(upstream.app) as url:
        row = ProviderSettings("up", f"{url}/v1beta", dialect="gemini-interactions", api_keys=(KEY,))
        async with watching(tmp_path, row) as house:
            await house.ask("up/gemini-3.8-flash", asking(cdn))
        body = upstream.asked[-1]
    (shown,) = [each for step in body["input"] for each in step["content"] if each["type"] == "video"]
    assert shown["mime_type"] == "video/mp4"
    assert shown["data"] == f"sha256:{BASE64}"


# Frames, for models that see pictures alone


def pictures_only(count: int = 4, **more: Any) -> ProviderSettings:
    return ProviderSettings("up", "{painter}/v1", profile={"sees": ["image", "file"], "frames": count, **more})


def shown(house: House, at: int = -1) -> list[str]:
    return [part["image_url"]["url"] for part in parts(house, at) if part["type"] == "image_url"]


@pytest.mark.parametrize("spelling", ["url", "inline"])
async def test_a_model_that_sees_pictures_is_shown_frames(tmp_path: Path, cdn: str, spelling: str) -> None:
    async with watching(tmp_path, pictures_only()) as house:
        part = INLINE["video_url"] if spelling == "inline" else at(SPELLINGS["video_url"], f"{cdn}/film.mp4")
        answer = await house.ask("up/text-strict", user("what happens in it?", part))
        (media,) = await house.media()
        frames = shown(house)
        assert len(set(frames)) == 4
        assert all(re.fullmatch(r"data:image/jpeg;base64,sha256:[0-9a-f]{64}", frame) for frame in frames)
        said = text_of(house.painter.requests[-1]["messages"][-1])
        at_times = "0.2 s, 0.8 s, 1.2 s, 1.8 s"
        assert said.endswith(f"[video {media.id}, 2.0 s long, as 4 pictures of it, at {at_times}]")
        assert videos(house) == []
        assert answer["darkroom"]["omitted"] == []


async def test_without_the_fact_the_video_is_left_out_and_named(tmp_path: Path) -> None:
    async with watching(tmp_path, pictures_only(0)) as house:
        answer = await house.ask("up/text-strict", user("what happens in it?", INLINE["video_url"]))
        (media,) = await house.media()
        assert answer["darkroom"]["omitted"] == [{"id": media.id, "reason": "the model takes no video"}]
        assert shown(house) == []


async def test_a_model_that_sees_videos_is_shown_no_frames(tmp_path: Path) -> None:
    row = ProviderSettings("up", "{painter}/v1", profile={"sees": ["image", "video"], "frames": 4})
    async with watching(tmp_path, row) as house:
        await house.ask("up/text", user("what happens in it?", INLINE["video_url"]))
        assert (videos(house), shown(house)) == ([SEEN], [])


async def test_frames_are_the_same_in_every_turn_and_go_with_their_film(tmp_path: Path) -> None:
    async with watching(tmp_path, pictures_only()) as house:
        film = await house.upload(FILM)
        link = {"type": "video_url", "video_url": {"url": f"{house.url}/media/{film.id}.mp4"}}
        turns: list[Json] = [user("what happens?", link), assistant("It turns red."), user("how fast?")]
        await house.ask("up/text", turns[0])
        await house.ask("up/text", *turns)
        first, second = list(house.painter.requests)[-2:]
        assert first["messages"][0] == second["messages"][0]
        assert [media.id for media in await house.media()] == [film.id]
        assert len(await house.blobs()) == 5
        kept = house.root / "media" / "thumbs" / film.blob
        assert len(list((kept / "frames-4").iterdir())) == 4
        # No row names the blobs of the frames: a sweep takes them.
        await house.gateway.database.delete_media("local", film.id, film.created)
        await house.gateway.sweeper.sweep(grace_ms=-10_000)
        assert set(await house.blobs()) <= {film.blob}


async def test_as_many_frames_as_the_model_takes_pictures(tmp_path: Path) -> None:
    async with watching(tmp_path, pictures_only(16, max_media=3)) as house:
        await house.ask("up/text", user("what happens?", INLINE["video_url"]))
        assert len(shown(house)) == 3


async def test_frames_go_as_bytes_where_links_are_usual(tmp_path: Path) -> None:
    """A frame has no link of its own, and the film's would show the film."""
    async with watching(tmp_path, pictures_only(forms=["link"])) as house:
        await house.ask("up/text", user("what happens?", INLINE["video_url"], picture(data_uri(PICTURE))))
        *frames, other = shown(house)
        assert all(frame.startswith("data:image/jpeg;") for frame in frames)
        assert len(frames) == 4
        assert LINK.fullmatch(other)


async def test_a_picture_made_of_frames_descends_from_the_film(tmp_path: Path) -> None:
    row = pictures_only(2, makes=["image"], replay="last_user")
    async with watching(tmp_path, row) as house:
        answer = await house.ask("up/images", user("a poster for it", INLINE["video_url"]))
        assert len(shown(house)) == 2
        film = next(media for media in await house.media() if media.mime == "video/mp4")
        (generation,) = await house.generations()
        assert [(each.role, each.media) for each in generation.inputs] == [("edited", film.id)]
        assert links_in(content_of(answer))


async def test_a_film_that_can_not_be_decoded(tmp_path: Path) -> None:
    """Now it is an error, in an old turn a note: the chat goes on."""
    strange = data_uri(FILM.replace(b"avc1", b"zzz1"), "video/mp4")
    part = {"type": "video_url", "video_url": {"url": strange}}
    async with watching(tmp_path, pictures_only()) as house:
        with pytest.raises(openai.BadRequestError, match="nothing in the MP4 can be shown"):
            await house.ask("up/text", user("what happens?", part))
        answer = await house.ask("up/text", user("what happens?", part), assistant("Who knows."), user("hm"))
        (media,) = await house.media()
        assert answer["darkroom"]["omitted"] == [{"id": media.id, "reason": "the model takes no video"}]
