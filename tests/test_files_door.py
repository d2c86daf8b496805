"""Files: uploaded once by OpenAI's SDK or by Google's, named in any chat, and seen by their owner alone."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from google.genai import errors, types

from darkroom.clock import new_id
from darkroom.database import File
from darkroom.endpoints.multipart import read_form
from darkroom.errors import MalformedRequest, TooLarge
from darkroom.settings import Limits
from darkroom.sketch import film, paint
from darkroom.spool import Spool, Spools
from darkroom.storage import FileStorage
from running import House, Json, content_of, running, sha256, user
from test_gemini_door import sdk
from test_ingest import padded

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
PICTURE = paint("a red barn", size=(640, 480)).data
OTHER = paint("a blue barn", size=(320, 240)).data
PURPOSE: Any = "vision"
ANCHOR, SECONDS = "expires_after[anchor]", "expires_after[seconds]"


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[House]:
    """A gateway that takes no media over 300 kB."""
    async with running(tmp_path, limits=Limits(body=400_000, media=300_000)) as house:
        yield house


async def uploaded(house: House, data: bytes = PICTURE, name: str = "barn.png", **fields: Any) -> Any:
    return await house.client.files.create(file=(name, data), purpose=PURPOSE, **fields)


def expire(house: House) -> None:
    """Let the time of every upload have come."""
    with closing(sqlite3.connect(house.root / "darkroom.db")) as database:
        database.execute("UPDATE uploads SET expires = 1")
        database.commit()


def padding(size: int) -> bytes:
    """Return a box of a film that players skip."""
    return size.to_bytes(4, "big") + b"free" + bytes(size - 8)


def named(id: str) -> Json:
    return {"type": "file", "file": {"file_id": id}}


async def start(house: House, size: int | None, told: Json | None = None, **headers: str) -> aiohttp.ClientResponse:
    sent = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start", **headers}
    if size is not None:
        sent["X-Goog-Upload-Header-Content-Length"] = str(size)
    async with house.http.post("/upload/v1beta/files", json={"file": told or {}}, headers=sent) as response:
        await response.read()
    return response


async def go_on(house: House, url: str, command: str, data: bytes = b"", offset: int | None = None) -> tuple[Any, Any]:
    headers = {"X-Goog-Upload-Command": command}
    if offset is not None:
        headers["X-Goog-Upload-Offset"] = str(offset)
    async with house.http.post(url.removeprefix(house.url), data=io.BytesIO(data), headers=headers) as response:
        return response, json.loads(await response.read())


# OpenAI's door


async def test_a_file_is_uploaded_read_and_deleted(house: House) -> None:
    made = await uploaded(house)
    assert made.id.startswith("file_")
    assert (made.bytes, made.filename, made.purpose, made.status) == (len(PICTURE), "barn.png", "vision", "processed")
    assert made.expires_at is None
    assert await house.client.files.retrieve(made.id) == made
    content = await house.client.files.content(made.id)
    assert (await content.aread()) == PICTURE
    assert content.response.headers["content-type"] == "image/png"
    deleted = await house.client.files.delete(made.id)
    assert (deleted.id, deleted.deleted) == (made.id, True)
    for call in (house.client.files.retrieve, house.client.files.content, house.client.files.delete):
        with pytest.raises(openai.NotFoundError):
            await call(made.id)
    assert await house.is_empty()


@pytest.mark.parametrize("part", ["file", "input_image"])
async def test_a_file_is_named_in_a_chat(house: House, part: str) -> None:
    made = await uploaded(house)
    what = named(made.id) if part == "file" else {"type": "input_image", "file_id": made.id}
    answer = await house.ask("painter/text-strict", user("describe this picture", what))
    assert "640x480" in content_of(answer)
    edited = await house.ask("painter/images-strict", user("make it blue", what))
    (used,) = edited["darkroom"]["generations"][0]["inputs"]
    assert used["role"] == "edited"
    assert len(await house.blobs()) == 2


async def test_files_are_listed_in_pages(house: House) -> None:
    ids = [(await uploaded(house, OTHER, f"{n}.png")).id for n in range(5)]
    listed = [file.id async for file in house.client.files.list(limit=2)]
    assert listed == ids[::-1]
    assert [file.id async for file in house.client.files.list(limit=2, order="asc")] == ids
    assert [file.id async for file in house.client.files.list(purpose="batch")] == []
    assert [file.id async for file in house.client.files.list(purpose="vision", limit=3)] == ids[::-1]


async def test_deleting_a_file_leaves_what_holds_the_same_bytes(house: House) -> None:
    first, second = await uploaded(house), await uploaded(house)
    assert first.id != second.id
    assert len(await house.blobs()) == 1
    await house.client.files.delete(first.id)
    await house.gateway.sweeper.sweep(grace_ms=0)
    assert await (await house.client.files.content(second.id)).aread() == PICTURE


async def test_a_file_is_ready_as_soon_as_it_is_there(house: House) -> None:
    made = await uploaded(house)
    assert await house.client.files.wait_for_processing(made.id, max_wait_seconds=5) == made


async def test_a_files_content_comes_in_ranges(house: House) -> None:
    made = await uploaded(house, name="bärn.png")
    path = f"/v1/files/{made.id}/content"
    async with house.http.get(path, headers={"range": "bytes=10-19"}) as response:
        assert (response.status, await response.read()) == (206, PICTURE[10:20])
        assert response.headers["content-range"] == f"bytes 10-19/{len(PICTURE)}"
        assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''b%C3%A4rn.png"
        assert response.headers["x-content-type-options"] == "nosniff"
        etag = response.headers["etag"]
    async with house.http.get(path, headers={"if-none-match": etag}) as response:
        assert response.status == 304
    async with house.http.get(path, headers={"range": "bytes=10-19", "if-range": '"another"'}) as response:
        assert (response.status, await response.read()) == (200, PICTURE)
    async with house.http.get(path, headers={"range": f"bytes={len(PICTURE)}-"}) as response:
        assert response.status == 416
    async with house.http.head(path) as response:
        assert (response.status, response.headers["content-length"]) == (200, str(len(PICTURE)))


async def test_a_large_file_is_written_once(tmp_path: Path) -> None:
    """What was spooled becomes the blob, without a copy."""
    async with running(tmp_path) as house:
        linked: list[int] = []
        put = FileStorage.put

        async def noting(self: FileStorage, spool: Spool, sha256: str, size: int) -> None:
            assert spool.path is not None
            linked.append(spool.path.stat().st_ino)
            await put(self, spool, sha256, size)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(FileStorage, "put", noting)
            made = await uploaded(house, padded(3_000_000))
        (media,) = await house.media()
        path = house.gateway.storage.local_path(media.blob)
        assert path is not None
        assert [path.stat().st_ino] == linked
        assert made.bytes == 3_000_000


async def test_a_file_may_go_away_by_itself(house: House) -> None:
    made = await uploaded(house, expires_after={"anchor": "created_at", "seconds": 3600})
    assert made.expires_at - made.created_at in (3599, 3600, 3601)
    rows = house.gateway.database.files
    file = await rows.find("local", made.id, made.created_at * 1000)
    assert file is not None
    old = File(new_id("file"), file.media, "files/old", "old.png", "vision", file.created, expires=file.created)
    assert await rows.add(old)
    with pytest.raises(openai.NotFoundError):
        await house.client.files.retrieve(old.id)
    assert [each.id async for each in house.client.files.list()] == [made.id]
    await house.gateway.sweeper.sweep()
    assert await rows.find("local", old.id, 0) is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "fun"}, "purpose"),
        ({}, "purpose"),
        ({"purpose": "vision", ANCHOR: "now", SECONDS: "3600"}, ANCHOR),
        ({"purpose": "vision", ANCHOR: "created_at"}, SECONDS),
        ({"purpose": "vision", ANCHOR: "created_at", SECONDS: "5"}, SECONDS),
        ({"purpose": "vision", "file": None}, "file"),
        ({"purpose": "vision", "more": b"x"}, "file"),
    ],
)  # fmt: skip
async def test_a_form_that_is_wrong_is_refused(house: House, fields: Json, param: str) -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        if isinstance(value, str):
            form.add_field(name, value)
    if "file" not in fields:
        form.add_field("file", PICTURE, filename="a.png")
    if "more" in fields:
        form.add_field("more", PICTURE, filename="b.png")
    form.add_field("padding", "x")
    async with house.http.post("/v1/files", data=form) as response:
        answer = await response.json()
    assert (response.status, answer["error"]["param"]) == (400, param)
    assert await house.is_empty()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--y\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
        ),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nabc\r\n--x--\r\n"),
        (f"multipart/form-data; boundary={'x' * 500}", b"--x\r\n"),
    ],
)
async def test_a_body_that_is_no_form_is_refused(house: House, kind: str, body: bytes) -> None:
    async with house.http.post("/v1/files", data=body, headers={"content-type": kind}) as response:
        assert response.status == 400, await response.text()
        assert (await response.json())["error"]["message"]
    assert await house.is_empty()


async def test_what_is_no_media_is_refused(house: House) -> None:
    for data in (b"hello, I am a text", b"", b"<html></html>", PICTURE[:2000]):
        with pytest.raises(openai.BadRequestError, match=r"picture|PNG"):
            await uploaded(house, data, "a.png")
    assert await house.is_empty()


async def test_a_file_over_the_limit_is_refused(small: House) -> None:
    for size in (300_001, 500_000):
        with pytest.raises(openai.APIStatusError) as refused:
            await uploaded(small, bytes(size))
        assert refused.value.status_code == 413
    assert await small.is_empty()


def form(data: bytes, boundary: bytes = b"frontier") -> bytes:
    head = b'--%b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n'
    return b"".join(
        (
            head % (boundary, b"purpose", b"") + b"vision\r\n",
            head % (boundary, b"file", b'; filename="b\xc3\xa4r.png"\r\nContent-Type: image/png') + data + b"\r\n",
            b"--%b--\r\n" % boundary,
        )
    )


class Arriving:
    """A request whose body comes in these pieces."""

    def __init__(self, pieces: list[bytes], kind: str = "multipart/form-data; boundary=frontier") -> None:
        self.headers = {"content-type": kind}
        self._pieces = pieces

    async def stream(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
async def test_a_form_reads_the_same_however_it_is_cut(tmp_path: Path, size: int) -> None:
    data = b"\x89PNG\r\n--frontie\r\n\r\n--frontier?\r\n" + bytes(range(256)) * 3
    body = form(data)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    request: Any = Arriving(pieces)
    read = await read_form(request, Spools(tmp_path).new, Limits())
    (file,) = read.files
    assert read.fields == {"purpose": "vision"}
    assert (file.name, file.filename, file.data.sha256) == ("file", "bär.png", sha256(data))
    assert b"".join(file.data.sink.chunks()) == data
    assert file.data.head == data[:512]


async def test_a_form_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    spools = Spools(tmp_path, memory_limit=10)
    for cut, error in ((form(bytes(5000))[:-60], MalformedRequest), (form(bytes(9000)), TooLarge)):
        request: Any = Arriving([cut])
        with pytest.raises(error):
            await read_form(request, spools.new, Limits(media=8000))
        assert os.listdir(tmp_path) == []


# Google's door


@pytest.mark.parametrize("version", ["v1beta", "v1"])
async def test_googles_sdk_uploads_names_lists_and_deletes(house: House, version: str, tmp_path: Path) -> None:
    path = tmp_path / "barn.png"
    path.write_bytes(PICTURE)
    async with sdk(house, version) as client:
        file = await client.files.upload(file=path, config={"display_name": "my barn"})
        assert (file.state, file.mime_type, file.size_bytes) == (types.FileState.ACTIVE, "image/png", len(PICTURE))
        assert file.display_name == "my barn"
        assert await client.files.get(name=file.name) == file
        answer = await client.models.generate_content(model="painter/text-strict", contents=["describe this", file])
        assert "640x480" in answer.text
        assert [each.name async for each in await client.files.list()] == [file.name]
        assert await client.files.download(file=file) == PICTURE
        await client.files.delete(name=file.name)
        with pytest.raises(errors.ClientError) as gone:
            await client.files.get(name=file.name)
        assert gone.value.code == 404
        with pytest.raises(errors.ClientError) as unknown:
            await client.models.generate_content(model="painter/text-strict", contents=["describe this", file])
        assert unknown.value.code == 404


async def test_a_large_file_comes_in_pieces(tmp_path: Path) -> None:
    """Google's SDK cuts at 8 MiB."""
    data = film("a storm").data
    data += padding(20 * 1024 * 1024 - len(data))
    async with running(tmp_path) as house, sdk(house) as client:
        file = await client.files.upload(file=io.BytesIO(data), config={"mime_type": "video/mp4", "name": "storm-1"})
        assert (file.name, file.mime_type, file.size_bytes) == ("files/storm-1", "video/mp4", len(data))
        (media,) = await house.media()
        assert media.blob == sha256(data)
        assert await house.blobs() == [media.blob]
        assert house.parts() == []


async def test_one_file_behind_both_doors(house: House) -> None:
    made = await uploaded(house)
    async with sdk(house) as client:
        (file,) = [each async for each in await client.files.list()]
        assert file.display_name == "barn.png"
        answer = await client.models.generate_content(model="painter/text-strict", contents=["describe this", file])
        assert "640x480" in answer.text
        theirs = await client.files.upload(file=io.BytesIO(OTHER), config={"mime_type": "image/png"})
    assert [each.bytes async for each in house.client.files.list()] == [len(OTHER), len(PICTURE)]
    ours = await anext(aiter(house.client.files.list()))
    assert "320x240" in content_of(await house.ask("painter/text-strict", user("describe this", named(ours.id))))
    assert theirs.name == f"files/{ours.id.removeprefix('file_')}"
    await house.client.files.delete(made.id)
    async with sdk(house) as client:
        assert [each.name async for each in await client.files.list()] == [theirs.name]


async def test_pages_of_googles_list(house: House) -> None:
    ids = [(await uploaded(house, OTHER, f"{n}.png")).id for n in range(5)]
    async with sdk(house) as client:
        names = [file.name async for file in await client.files.list(config={"page_size": 2})]
    assert names == [f"files/{id.removeprefix('file_')}" for id in reversed(ids)]


async def test_files_can_be_deleted_while_they_are_listed(house: House) -> None:
    for n in range(5):
        await uploaded(house, OTHER, f"{n}.png")
    async with sdk(house) as client:
        async for file in await client.files.list(config={"page_size": 2}):
            await client.files.delete(name=file.name)
        assert [file async for file in await client.files.list()] == []


async def test_an_upload_in_pieces_by_hand(house: House) -> None:
    begun = await start(house, len(PICTURE), {"display_name": "piecemeal"})
    assert (begun.status, begun.headers["x-goog-upload-status"]) == (200, "active")
    url = begun.headers["x-goog-upload-url"]
    assert url.startswith(f"{house.url}/upload/v1beta/files?")
    half = len(PICTURE) // 2
    response, _ = await go_on(house, url, "upload", PICTURE[:half], 0)
    assert (response.headers["x-goog-upload-status"], response.headers["x-goog-upload-size-received"]) == (
        "active",
        str(half),
    )
    response, answer = await go_on(house, url, "upload", PICTURE[half:], 7)
    assert (response.status, response.headers["x-goog-upload-status"]) == (400, "final")
    assert str(half) in answer["error"]["message"]
    response, _ = await go_on(house, url, "query")
    assert response.headers["x-goog-upload-size-received"] == str(half)
    await go_on(house, url, "upload", PICTURE[half:], half)
    response, answer = await go_on(house, url, "finalize")
    assert (response.status, response.headers["x-goog-upload-status"]) == (200, "final")
    assert answer["file"]["displayName"] == "piecemeal"
    assert (await house.media())[0].blob == sha256(PICTURE)
    response, answer = await go_on(house, url, "finalize")
    assert (response.status, answer["error"]["status"]) == (404, "NOT_FOUND")


async def test_two_last_pieces_at_once_make_one_file(house: House) -> None:
    url = (await start(house, len(PICTURE))).headers["x-goog-upload-url"]
    ended = await asyncio.gather(*(go_on(house, url, "upload, finalize", PICTURE, 0) for _ in range(4)))
    assert [response.status for response, _ in ended].count(200) == 1
    assert len(await house.media()) == 1


async def test_uploads_that_are_wrong(small: House) -> None:
    assert (await start(small, 300_001)).status == 413
    assert (await start(small, 10, None, **{"X-Goog-Upload-Protocol": "multipart"})).status == 400
    assert (await start(small, 10, None, **{"X-Goog-Upload-Command": "upload"})).status == 400
    assert (await start(small, 10, {"name": "files/Not Good"})).status == 400
    assert (await start(small, 10, {"name": 5})).status == 400
    assert (await start(small, None, None, **{"X-Goog-Upload-Header-Content-Length": "many"})).status == 400
    response, answer = await go_on(small, "/upload/v1beta/files?upload_id=guessed", "upload, finalize", PICTURE)
    assert (response.status, answer["error"]["code"]) == (404, 404)
    url = (await start(small, 10)).headers["x-goog-upload-url"]
    for command in ("dance", "", "query, upload"):
        assert (await go_on(small, url, command))[0].status == 400
    response, answer = await go_on(small, url, "upload, finalize", OTHER)
    assert (response.status, response.headers["x-goog-upload-status"]) == (400, "final")
    assert "announced" in answer["error"]["message"]
    url = (await start(small, None)).headers["x-goog-upload-url"]
    assert (await go_on(small, url, "upload", bytes(200_000), 0))[0].status == 200
    assert (await go_on(small, url, "upload, finalize", bytes(200_000), 200_000))[0].status == 413
    url = (await start(small, None)).headers["x-goog-upload-url"]
    assert (await go_on(small, url, "upload, finalize", b"no picture at all"))[0].status == 400
    url = (await start(small, None)).headers["x-goog-upload-url"]
    assert (await go_on(small, url, "cancel"))[0].headers["x-goog-upload-status"] == "cancelled"
    assert (await go_on(small, url, "query"))[0].status == 404
    assert await small.media() == []
    assert small.parts() == []


async def test_a_name_is_taken_once(house: House) -> None:
    async with sdk(house) as client:
        config = {"mime_type": "image/png", "name": "barn"}
        await client.files.upload(file=io.BytesIO(PICTURE), config=config)
        with pytest.raises(errors.ClientError, match="barn"):
            await client.files.upload(file=io.BytesIO(OTHER), config=config)
    begun = await start(house, None, {"name": "shed"})
    other = await start(house, None, {"name": "shed"})
    assert (await go_on(house, begun.headers["x-goog-upload-url"], "upload, finalize", PICTURE))[0].status == 200
    assert (await go_on(house, other.headers["x-goog-upload-url"], "upload, finalize", OTHER))[0].status == 400
    assert len(await house.media()) == 2


async def test_uploads_that_end_nowhere_are_swept(house: House) -> None:
    url = (await start(house, None)).headers["x-goog-upload-url"]
    await go_on(house, url, "upload", PICTURE, 0)
    assert await house.blobs() == [sha256(PICTURE)]
    await house.gateway.sweeper.sweep()
    assert (await go_on(house, url, "query"))[0].headers["x-goog-upload-size-received"] == str(len(PICTURE))
    expire(house)
    assert (await go_on(house, url, "query"))[0].status == 404
    swept = await house.gateway.sweeper.sweep()
    assert swept.uploads == 1
    assert await house.is_empty()


# Owners


async def test_files_are_their_owners(house: House) -> None:
    _, ann = await house.gateway.keys.create("ann")
    _, bob = await house.gateway.keys.create("bob")
    clients = {key: house.client.with_options(api_key=key) for key in (ann, bob)}
    made = await clients[ann].files.create(file=("a.png", PICTURE), purpose=PURPOSE)
    unknown = new_id("file")
    theirs = clients[bob].files
    for call in (theirs.retrieve, theirs.content, theirs.delete):
        said = []
        for id in (made.id, unknown):
            with pytest.raises(openai.NotFoundError) as refused:
                await call(id)
            said.append(refused.value.message.replace(id, "…"))
        assert said[0] == said[1]
    assert [file.id async for file in theirs.list()] == []
    assert [file.id async for file in theirs.list(after=made.id)] == []
    question: Any = [user("describe this", named(made.id))]
    with pytest.raises(openai.NotFoundError):
        await clients[bob].chat.completions.create(model="painter/text-strict", messages=question)
    answer = await clients[ann].chat.completions.create(model="painter/text-strict", messages=question)
    assert "640x480" in (answer.choices[0].message.content or "")
    async with sdk(house, key=bob) as client:
        name = f"files/{made.id.removeprefix('file_')}"
        with pytest.raises(errors.ClientError):
            await client.files.get(name=name)
        with pytest.raises(errors.ClientError):
            await client.files.delete(name=name)
        mine = await client.files.upload(file=io.BytesIO(PICTURE), config={"mime_type": "image/png", "name": "same"})
    async with sdk(house, key=ann) as client:
        await client.files.upload(file=io.BytesIO(PICTURE), config={"mime_type": "image/png", "name": "same"})
        assert mine.name in [file.name async for file in await client.files.list()]
    owners = {media.owner for media in await house.media()}
    assert owners == {"ann", "bob"}


async def test_the_url_of_an_upload_is_the_permission_to_go_on(house: House) -> None:
    _, secret = await house.gateway.keys.create("ann")
    assert (await start(house, None)).status == 401
    begun = await start(house, None, **{"x-goog-api-key": secret})
    url = begun.headers["x-goog-upload-url"]
    response, answer = await go_on(house, url, "upload, finalize", PICTURE)
    assert response.status == 200, answer
    assert [media.owner for media in await house.media()] == ["ann"]
    files = [path for path in house.root.rglob("*") if path.is_file()]
    assert not any(url.partition("upload_id=")[2].partition("&")[0].encode() in path.read_bytes() for path in files)


async def test_a_file_reaches_no_page_of_another_site(house: House) -> None:
    url = (await start(house, None)).headers["x-goog-upload-url"]
    headers = {"X-Goog-Upload-Command": "upload, finalize", "origin": "http://evil.test"}
    async with house.http.post(url.removeprefix(house.url), data=PICTURE, headers=headers) as response:
        assert response.status == 403


async def test_two_gateways_share_an_upload(tmp_path: Path) -> None:
    """Each piece may come to another replica."""
    async with running(tmp_path) as one:
        begun = await start(one, len(PICTURE))
        path = begun.headers["x-goog-upload-url"].removeprefix(one.url)
        await go_on(one, path, "upload", PICTURE[:1000], 0)
        async with running(tmp_path) as two:
            response, answer = await go_on(two, path, "upload, finalize", PICTURE[1000:], 1000)
        assert response.status == 200, answer
        assert (await one.media())[0].blob == sha256(PICTURE)
