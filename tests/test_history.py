"""Histories in, whatever the client kept: every way to name a picture leads to the same bytes upstream."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from darkroom.sketch import film, paint
from darkroom.testing import serve
from running import (
    BASE64,
    House,
    Json,
    Scripted,
    assistant,
    data_uri,
    links_in,
    message_of,
    picture,
    pictures_in,
    running,
    sha256,
    text_of,
    user,
)

CAT = paint("a cat", size=(128, 128)).data
DOG = paint("a dog", size=(128, 96)).data
CLIP = film("a cat").data
FORMAT = b"\x10\x00\x00\x00\x01\x00\x01\x00\x44\xac\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00"
SOUND = b"RIFF\x24\x08\x00\x00WAVEfmt " + FORMAT
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n" * 3
CAT64 = base64.b64encode(CAT).decode()


class Kept:
    """A picture that Darkroom made, as its client knows it."""

    def __init__(self, answer: Json) -> None:
        (self.link,) = links_in(answer)
        self.path = "/" + self.link.split("/", 3)[3]
        self.media = answer["darkroom"]["media"][0]["id"]
        self.generation = answer["darkroom"]["generations"][0]["id"]
        self.message = message_of(answer)


# How clients keep a picture of an earlier answer.
KEEPING: dict[str, Callable[[Kept], Json]] = {
    "the message": lambda kept: kept.message,
    "markdown": lambda kept: assistant(f"Here: ![cat]({kept.link})"),
    "markdown with a title": lambda kept: assistant(f'Here: ![cat]({kept.link} "a cat")'),
    "a link": lambda kept: assistant(f"Here: [cat]({kept.link})"),
    "bare in the text": lambda kept: assistant(f"Here is your cat: {kept.link}"),
    "at the end of a sentence": lambda kept: assistant(f"Look at {kept.link}."),
    "an HTML tag": lambda kept: assistant(f'<img src="{kept.link}" alt="cat">'),
    "a relative path": lambda kept: assistant(f"![cat]({kept.path})"),
    "a thumbnail": lambda kept: assistant(f"![cat]({kept.link}?w=256)"),
    "another host's name": lambda kept: assistant(f"![cat](https://pictures.example.com{kept.path})"),
    "a media id": lambda kept: assistant(f"I made {kept.media} for you."),
    "a part": lambda kept: assistant([{"type": "text", "text": "Here"}, picture(kept.link)]),
    "images[]": lambda kept: assistant("Here", images=[picture(kept.link)]),
    "images[] of strings": lambda kept: assistant("Here", images=[kept.link]),
    "image": lambda kept: assistant("Here", image={"url": kept.link}),
}


@pytest.mark.parametrize("keep", KEEPING.values(), ids=KEEPING)
@pytest.mark.parametrize("model", ["painter/text-strict", "painter/images-strict"])
async def test_our_picture(house: House, model: str, keep: Callable[[Kept], Json]) -> None:
    kept = Kept(await house.ask("painter/images", "a cat"))
    blob = (await house.media())[0].blob
    await house.ask(model, user("a cat"), keep(kept), user("what is it?"))
    asked = house.painter.requests[-1]["messages"]
    assert [pictures_in(message) for message in asked] == [[], [], [blob]]
    assert kept.link not in str(asked)
    assert f"[image {kept.media}]" in text_of(asked[1])


NAMING: dict[str, Callable[[Kept], Json]] = {
    "a link in the text": lambda kept: user(f"make {kept.link} blue"),
    "a path in the text": lambda kept: user(f"make ![it]({kept.path}) blue"),
    "a media id in the text": lambda kept: user(f"make {kept.media} blue"),
    "a gen id in the text": lambda kept: user(f"make {kept.generation} blue"),
    "an image_url": lambda kept: user("make it blue", picture(kept.link)),
    "an image_url with a path": lambda kept: user("make it blue", picture(kept.path)),
    "an image_url with a media id": lambda kept: user("make it blue", picture(kept.media)),
    "an image_url with a gen id": lambda kept: user("make it blue", picture(kept.generation)),
    "a file_id": lambda kept: user("make it blue", {"type": "file", "file": {"file_id": kept.media}}),
    "a flat file_id": lambda kept: user("make it blue", {"type": "input_image", "file_id": kept.media}),
    "a file_url": lambda kept: user("make it blue", {"type": "file", "file_url": kept.link}),
}


@pytest.mark.parametrize("name", NAMING.values(), ids=NAMING)
@pytest.mark.parametrize("model", ["painter/text-strict", "painter/images-strict"])
async def test_our_picture_named_in_a_new_chat(house: House, model: str, name: Callable[[Kept], Json]) -> None:
    kept = Kept(await house.ask("painter/images", "a cat"))
    blob = (await house.media())[0].blob
    answer = await house.ask(model, name(kept))
    asked = house.painter.requests[-1]["messages"]
    assert [pictures_in(message) for message in asked] == [[blob]]
    assert kept.link not in str(asked)
    if model == "painter/images-strict":
        assert answer["darkroom"]["generations"][0]["inputs"] == [
            {"role": "edited", "media": kept.media, "generation": kept.generation}
        ]


async def test_a_gen_id_chooses_among_several(house: House) -> None:
    first = Kept(await house.ask("painter/images", "a cat"))
    second = Kept(await house.ask("painter/images", "a dog"))
    history = [user("a cat"), first.message, user("a dog"), second.message]
    await house.ask("painter/images-strict", *history, user(f"paint {first.generation} at night"))
    asked = house.painter.requests[-1]["messages"]
    assert pictures_in(asked[-1]) == [(await house.media())[0].blob]


# What clients send inline.
SENDING: dict[str, Json] = {
    "image_url": picture(data_uri(CAT)),
    "image_url as a string": {"type": "image_url", "image_url": data_uri(CAT)},
    "image_url with data": {"type": "image_url", "image_url": {"data": CAT64}},
    "image/jpg that is a PNG": picture(data_uri(CAT, "image/jpg")),
    "url-safe without padding": picture("data:image/png;base64," + base64.urlsafe_b64encode(CAT).decode().rstrip("=")),
    "input_image": {"type": "input_image", "image_url": data_uri(CAT)},
    "input_image, b64_json": {"type": "input_image", "image": {"b64_json": CAT64}},
    "image, base64": {"type": "image", "image": {"base64": CAT64}},
    "image, url": {"type": "image", "image": {"url": data_uri(CAT)}},
    "image, bare": {"type": "image", "image": CAT64},
    "image without a type": {"image": CAT64},
    "image, image_url with data": {"type": "image", "image_url": {"data": CAT64}},
    "inline_data": {"inline_data": {"mime_type": "image/png", "data": CAT64}},
    "inlineData": {"inlineData": {"mimeType": "image/png", "data": CAT64}},
    "file_data": {"type": "file", "file": {"filename": "cat.png", "file_data": data_uri(CAT)}},
    "a text": {"type": "text", "text": f"look: ![cat]({data_uri(CAT)})"},
    "a bare data URI in a text": {"type": "text", "text": f"look: {data_uri(CAT)} nice"},
}


@pytest.mark.parametrize("part", SENDING.values(), ids=SENDING)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_picture_sent_inline(house: House, part: Json, stream: bool) -> None:
    await house.ask("painter/text-strict", user("what is it?", part), stream=stream)
    (asked,) = house.painter.requests[-1]["messages"]
    assert pictures_in(asked) == [sha256(CAT)]
    assert not BASE64.search(text_of(asked))
    (media,) = await house.media()
    assert (media.blob, media.mime, media.origin) == (sha256(CAT), "image/png", "uploaded")
    assert not house.parts()


@pytest.mark.parametrize(
    "message",
    [
        user(f"what is ![this]({data_uri(CAT)})?"),
        assistant(f"Here: ![cat]({data_uri(CAT)})"),
        assistant([{"type": "text", "text": "Here"}, picture(data_uri(CAT))]),
        assistant("Here", images=[{"image_url": {"url": data_uri(CAT)}}]),
        assistant("Here", images=[{"data": CAT64}]),
        assistant("Here", image=[{"data": CAT64}]),
        assistant("Here", multi_mod_content=[{"text": "Here"}, {"inline_data": {"data": CAT64}}]),
        assistant(f"Here: ![cat]({data_uri(CAT)})", images=[picture(data_uri(CAT))]),
    ],
    ids=["user text", "text", "part", "images", "images data", "image", "multi_mod_content", "text and images"],
)
async def test_base64_of_an_old_history(house: House, message: Json) -> None:
    await house.ask("painter/text-strict", message, user("and now?"))
    asked = house.painter.requests[-1]["messages"]
    assert [sha for each in asked for sha in pictures_in(each)] == [sha256(CAT)]
    assert {each["role"] for each in asked if pictures_in(each)} == {"user"}
    assert await house.blobs() == [sha256(CAT)]


async def test_our_own_bytes_sent_back_are_our_own_picture(house: House) -> None:
    """A client that inlines what it downloaded: known by its hash, with its lineage."""
    kept = Kept(await house.ask("painter/images", "a cat"))
    data = await house.download(kept.link)
    answer = await house.ask("painter/images-strict", user("blue", picture(data_uri(data))))
    assert answer["darkroom"]["generations"][0]["inputs"] == [
        {"role": "edited", "media": kept.media, "generation": kept.generation}
    ]


OTHERS: dict[str, tuple[Json, Json]] = {
    "video_url": (
        {"type": "video_url", "video_url": {"url": data_uri(CLIP, "video/mp4")}},
        {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,sha256:{sha256(CLIP)}"}},
    ),
    "a video as a file": (
        {"type": "file", "file": {"filename": "a.mp4", "file_data": data_uri(CLIP, "video/mp4")}},
        {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,sha256:{sha256(CLIP)}"}},
    ),
    "a PDF": (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": data_uri(PDF, "application/pdf")}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,sha256:{sha256(PDF)}"},
        },
    ),
    "a flat PDF": (
        {"type": "input_file", "filename": "a.pdf", "file_data": data_uri(PDF, "application/pdf")},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,sha256:{sha256(PDF)}"},
        },
    ),
    "input_audio": (
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(SOUND * 6).decode(), "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": f"sha256:{sha256(SOUND * 6)}", "format": "wav"}},
    ),
}


@pytest.mark.parametrize(("sent", "expected"), OTHERS.values(), ids=OTHERS)
async def test_other_media(house: House, sent: Json, expected: Json) -> None:
    await house.ask("painter/text-strict", user("what is it?", sent))
    (asked,) = house.painter.requests[-1]["messages"]
    assert asked["content"] == [{"type": "text", "text": "what is it?"}, expected]


async def test_a_video_as_frames(house: House) -> None:
    part = {"type": "video", "video": [data_uri(CAT), data_uri(DOG)], "fps": 2}
    await house.ask("painter/text-strict", user("what happens?", part))
    (asked,) = house.painter.requests[-1]["messages"]
    assert pictures_in(asked) == [sha256(CAT), sha256(DOG)]


async def test_detail_stays_with_its_picture(house: House) -> None:
    part = {"type": "image_url", "image_url": {"url": data_uri(CAT), "detail": "high"}}
    await house.ask("painter/text-strict", user("what is it?", part))
    (asked,) = house.painter.requests[-1]["messages"]
    assert asked["content"][1]["image_url"]["detail"] == "high"


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "flat"])
async def test_file_url(tmp_path: Path, nested: bool) -> None:
    elsewhere = Scripted([{"content": ""}], files={"cat": CAT})
    async with serve(elsewhere.app) as url, running(tmp_path, allow=["127.0.0.1"]) as house:
        where = {"file_url": f"{url}/cdn/cat"}
        part = {"type": "file", "file": where} if nested else {"type": "file", **where}
        await house.ask("painter/text-strict", user("what is it?", part))
        assert pictures_in(house.painter.requests[-1]["messages"][0]) == [sha256(CAT)]


REFUSED: dict[str, tuple[Any, str, str]] = {
    "an unknown type": ({"type": "hologram", "hologram": "x"}, "unsupported_part", "messages[0].content[1].type"),
    "no type": ({"colour": "red"}, "unsupported_part", "messages[0].content[1].type"),
    "a number": (7, "malformed_request", "messages[0].content[1]"),
    "an empty picture": ({"type": "image_url", "image_url": {}}, "malformed_request", "messages[0].content[1]"),
    "a text without text": ({"type": "text"}, "malformed_request", "messages[0].content[1].text"),
    "an odd address": (
        picture("ftp://example.com/cat.png"),
        "malformed_request",
        "messages[0].content[1].image_url.url",
    ),
    "broken base64": (picture("data:image/png;base64,iVBORw0KGgo*"), "invalid_media", ""),
    "a text as a picture": (picture(data_uri(b"no picture" * 30)), "invalid_media", ""),
    "a page as a picture": (picture(data_uri(b"<html>" * 30)), "invalid_media", ""),
}


@pytest.mark.parametrize(("part", "code", "param"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused(house: House, part: Any, code: str, param: str) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "what is it?"}, part]}
    status, body = await house.post({"model": "painter/text", "messages": [message]})
    assert (status, body["error"]["code"]) == (400, code), body
    assert (body["error"]["param"] or "").startswith(param)
    assert not house.painter.requests
    assert await house.is_empty()


async def test_somebody_elses_media_is_no_media(tmp_path: Path) -> None:
    """The answer is that of an id that never was, word for word but for the id."""
    async with running(tmp_path) as house:
        foreign = await house.upload(CAT, owner="somebody-else")
        unknown = "media_01jqwte8yjf7haxqc521b7z2wf"
        bodies = []
        for id in (foreign.id, unknown):
            for part in (picture(id), picture(f"/media/{id}.png"), {"type": "file", "file": {"file_id": id}}):
                status, body = await house.post({"model": "painter/text", "messages": [user("what is it?", part)]})
                assert (status, body["error"]["code"]) == (404, "not_found")
                bodies.append(str(body).replace(id, "ID"))
        assert bodies[:3] == bodies[3:]
        assert not house.painter.requests


async def test_somebody_elses_media_in_a_text_stays_text(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        foreign = await house.upload(CAT, owner="somebody-else")
        await house.ask("painter/text-strict", user(f"what is {foreign.id}?"))
        (asked,) = house.painter.requests[-1]["messages"]
        assert asked == user(f"what is {foreign.id}?")


async def test_the_same_bytes_of_two_owners_are_two_media(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        foreign = await house.upload(CAT, owner="somebody-else")
        await house.ask("painter/text-strict", user("what is it?", picture(data_uri(CAT))))
        mine = [media for media in await house.media() if media.owner == "local"]
        assert len(mine) == 1
        assert mine[0].id != foreign.id
        assert await house.blobs() == [sha256(CAT)]


async def test_a_deleted_picture_of_an_old_answer_is_no_obstacle(house: House) -> None:
    kept = Kept(await house.ask("painter/images", "a cat"))
    async with house.http.delete(f"/v1/media/{kept.media}") as response:
        assert response.status == 200
    for message in (kept.message, assistant([picture(kept.link)])):
        await house.ask("painter/text-strict", user("a cat"), message, user("what was it?"))
        assert not any(pictures_in(each) for each in house.painter.requests[-1]["messages"])


async def test_a_plain_chat_is_left_alone(house: House) -> None:
    history = [
        {"role": "system", "content": "Be brief."},
        user("hello"),
        assistant("hi"),
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {}}]},
        {"role": "tool", "tool_call_id": "1", "content": "42"},
        {"role": "user", "name": "ann", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]
    await house.ask("painter/text", *history)
    assert house.painter.requests[-1]["messages"] == history
