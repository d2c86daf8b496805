"""`/media/…`: bytes, ranges, tags, thumbnails, and the headers that keep a browser from being tricked."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from darkroom import images
from darkroom.app import app_of
from darkroom.clock import new_id
from darkroom.gateway import Gateway
from darkroom.ingest import Arrived
from darkroom.settings import StorageSettings
from darkroom.testing import serve
from doors import Answer, Door, is_error, running, settings_of, stored
from films import video

SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
    "referrer-policy": "no-referrer",
}
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A running Darkroom and a picture of 1 MiB in it, with the bytes that its upstream sent."""

    door: Door
    media: dict[str, Any]
    data: bytes

    @property
    def url(self) -> str:
        return str(self.media["url"])

    async def get(self, query: str = "", *, method: str = "GET", **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.door.send(method, self.url + query, headers=names)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with running(tmp_path) as door:
        yield door


@pytest.fixture
async def shown(door: Door) -> Shown:
    """A `markdown-url` answer names the upstream's own file, which tells what the bytes must be."""
    media = (await door.chat("markdown-url", "a lighthouse", sketch={"bytes": MIB})).json["darkroom"]["media"][0]
    row = await door.gateway.database.media("local", media["id"])
    assert row is not None
    assert row.source_url is not None
    return Shown(door, media, (await door.get(row.source_url)).data)


async def upload(door: Door, data: bytes, mime: str, kind: str = "image_url") -> dict[str, Any]:
    """Send bytes in a chat and return the media that they became."""
    uri = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    part = {"type": "file", "file": {"file_data": uri}} if kind == "file" else {"type": kind, kind: {"url": uri}}
    answer = await door.chat("text", [{"type": "text", "text": "what is it?"}, part])
    assert answer.status == 200, answer.text
    (id,) = stored(door.root).media
    return dict((await door.get(f"/v1/media/{id}")).json)


async def test_the_bytes_are_the_upstreams(shown: Shown) -> None:
    answer = await shown.get()
    assert (answer.status, len(answer.data)) == (200, MIB)
    assert answer.data == shown.data
    assert answer.headers["content-type"] == shown.media["mime"] == "image/png"
    assert answer.headers["content-length"] == str(MIB)
    assert answer.headers["etag"] == f'"{answer.sha256}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert {name: answer.headers[name] for name in SAFE} == SAFE
    assert answer.headers["content-disposition"].startswith("inline; filename*=UTF-8''")
    assert "GMT" in answer.headers["last-modified"]
    assert answer.headers.getall("access-control-allow-origin") == ["*"]


async def test_head_is_get_without_the_bytes(shown: Shown) -> None:
    for headers in ({}, {"range": "bytes=0-9"}, {"if_none_match": "*"}):
        get, head = await shown.get(**headers), await shown.get(method="HEAD", **headers)
        assert head.data == b""
        assert head.status == get.status
        dates = {"Date"}
        assert {k: v for k, v in head.headers.items() if k.title() not in dates} == {
            k: v for k, v in get.headers.items() if k.title() not in dates
        }


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, MIB),
        ("bytes=-100", MIB - 100, MIB),
        (f"bytes={MIB - 1}-{MIB + 5}", MIB - 1, MIB),
        ("bytes=262143-262145", 262143, 262146),
        (f"bytes=-{MIB * 2}", 0, MIB),
        ("bytes=0-99999999999999999999999999", 0, MIB),
    ],
)
async def test_a_range_is_served(shown: Shown, header: str, start: int, stop: int) -> None:
    answer = await shown.get(range=header)
    assert answer.status == 206
    assert answer.data == shown.data[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{MIB}"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("header", [f"bytes={MIB}-", "bytes=-0", "bytes=99999999999999-99999999999999"])
async def test_a_range_outside_is_refused(shown: Shown, header: str) -> None:
    answer = await shown.get(range=header)
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{MIB}"
    assert answer.data == b""


@pytest.mark.parametrize("header", ["bytes=", "bytes=5-4", "bytes=a-b", "items=0-1", "bytes=0-1,4-5", "bytes=-"])
async def test_what_is_no_single_range_gets_all(shown: Shown, header: str) -> None:
    answer = await shown.get(range=header)
    assert answer.status == 200
    assert answer.data == shown.data


async def test_if_range(shown: Shown) -> None:
    etag = (await shown.get()).headers["etag"]
    assert (await shown.get(range="bytes=0-9", if_range=etag)).status == 206
    for other in ('"other"', f"W/{etag}", "Sat, 21 Nov 2026 00:00:00 GMT"):
        answer = await shown.get(range="bytes=0-9", if_range=other)
        assert (answer.status, len(answer.data)) == (200, MIB)


async def test_if_none_match(shown: Shown) -> None:
    etag = (await shown.get()).headers["etag"]
    for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await shown.get(if_none_match=header)
        assert (answer.status, answer.data) == (304, b"")
        assert answer.headers["etag"] == etag
        assert "cache-control" in answer.headers
    assert (await shown.get(if_none_match='"other"')).status == 200


async def test_a_link_with_another_ending_is_the_same_type(shown: Shown) -> None:
    for name in (shown.media["id"], f"{shown.media['id']}.html", f"{shown.media['id']}.svg"):
        answer = await shown.door.get(f"/media/{name}")
        assert answer.status == 200
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "media_01jqwte8yjf7haxqc521b7z2wf.png",
        "media_01jqwte8yjf7haxqc521b7z2wf",
        "gen_01jqwte8yjf7haxqc521b7z2wf.png",
        "media_",
        "x",
        "..%2f..%2fdarkroom.db",
        "%00",
        "%ff",
        "media_01jqwte8yjf7haxqc521b7z2wf%0a.png",
        "é" * 300,
    ],
)
async def test_a_wrong_id_is_not_found(door: Door, name: str) -> None:
    is_error(await door.get(f"/media/{name}"), 404, "not_found")


async def test_an_id_in_another_case_is_another_id(shown: Shown) -> None:
    is_error(await shown.door.get(f"/media/{shown.media['id'].upper()}.png"), 404, "not_found")


async def test_a_guess_beside_the_id_finds_nothing(shown: Shown) -> None:
    id = shown.media["id"]
    for guess in (id[:-1] + ("0" if id[-1] != "0" else "1"), new_id("media")):
        is_error(await shown.door.get(f"/media/{guess}.png"), 404, "not_found")


async def test_deleted_media_is_gone(shown: Shown) -> None:
    path = f"/v1/media/{shown.media['id']}"
    assert (await shown.get("?w=64")).status == 200
    deleted = await shown.door.send("DELETE", path)
    assert deleted.json == {"id": shown.media["id"], "object": "media", "deleted": True}
    is_error(await shown.get(), 404, "not_found")
    is_error(await shown.get("?w=64"), 404, "not_found")
    is_error(await shown.get(range="bytes=0-9"), 404, "not_found")
    is_error(await shown.door.get(path), 404, "not_found")
    is_error(await shown.door.send("DELETE", path), 404, "not_found")
    generation = (await shown.door.get(f"/v1/generations/{shown.media['generation']}")).json
    assert (generation["status"], generation["media"]) == ("completed", [])


async def test_deletion_and_a_sweep_leave_nothing(shown: Shown) -> None:
    assert (await shown.get("?w=64")).status == 200
    await shown.door.send("DELETE", f"/v1/media/{shown.media['id']}")
    await shown.door.gateway.sweeper.sweep(grace_ms=0)
    root = shown.door.root
    assert stored(root).blobs == {}
    assert list((root / "media").rglob("*.webp")) == []


# Thumbnails


@pytest.mark.parametrize("width", [1, 64, 200, 512, 4096])
async def test_a_thumbnail_is_a_small_webp(shown: Shown, width: int) -> None:
    answer = await shown.get(f"?w={width}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/webp"
    assert {name: answer.headers[name] for name in SAFE} == SAFE
    with Image.open(io.BytesIO(answer.data)) as picture, Image.open(io.BytesIO(shown.data)) as original:
        assert picture.format == "WEBP"
        assert min(width, original.width) <= picture.width <= original.width
        assert abs(picture.width / picture.height - original.width / original.height) < 0.05
    assert len(answer.data) < MIB // 4


async def test_a_thumbnail_is_kept_and_has_a_tag_of_its_own(shown: Shown) -> None:
    first, again, whole = await shown.get("?w=64"), await shown.get("?w=64"), await shown.get()
    assert first.data == again.data
    assert first.headers["etag"] == again.headers["etag"] != whole.headers["etag"]
    assert (await shown.get("?w=64", if_none_match=first.headers["etag"])).status == 304
    assert (await shown.get("?w=64", if_none_match=whole.headers["etag"])).status == 200


async def test_head_of_a_thumbnail(shown: Shown) -> None:
    head, get = await shown.get("?w=64", method="HEAD"), await shown.get("?w=64")
    assert (head.status, head.data) == (200, b"")
    for name in ("content-type", "content-length", "etag"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("width", ["0", "-1", "x", "", "4097", "1.5", "0000001" + "0" * 5000, "٣", "1e3", "9" * 5000])
async def test_a_wrong_width_is_refused(shown: Shown, width: str) -> None:
    is_error(await shown.get(f"?w={width}"), 400, "malformed_request")


async def test_many_widths_make_few_thumbnails(shown: Shown) -> None:
    for width in range(1, 400, 21):
        assert (await shown.get(f"?w={width}")).status == 200
    assert len(list((shown.door.root / "media").rglob("*.webp"))) <= 6


class Counted:
    """Makes real thumbnails, once the gate is open; counts how many were begun, and from what."""

    def __init__(self) -> None:
        self.sources: list[object] = []
        self.gate = threading.Event()
        self._make = images.thumbnail

    def __call__(self, source: Path | bytes, width: int, mime: str, max_pixels: int) -> bytes:
        self.sources.append(source)
        assert self.gate.wait(30)
        return self._make(source, width, mime, max_pixels)


async def begun(counted: Counted, count: int) -> None:
    for _ in range(1000):
        if len(counted.sources) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("too few thumbnails were begun")


@pytest.mark.parametrize("same", [True, False])
async def test_two_thumbnails_are_made_at_a_time(shown: Shown, same: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted()
    monkeypatch.setattr(images, "thumbnail", counted)
    widths = [64] * 5 if same else images.WIDTHS
    asking = [asyncio.create_task(shown.get(f"?w={width}")) for width in widths]
    await begun(counted, 2)
    for _ in range(50):
        assert (await shown.door.get("/health")).status == 200
    assert len(counted.sources) == 2
    counted.gate.set()
    answers = await asyncio.gather(*asking)
    assert [answer.status for answer in answers] == [200] * 5
    # Who waited for the same one finds it made.
    assert len(counted.sources) == (2 if same else 5)
    # A file is read where it lies, not copied into memory first.
    assert {type(source) for source in counted.sources} == {type(shown.door.root)}


async def test_a_thumbnail_of_lost_bytes_is_not_found(shown: Shown) -> None:
    (blob,) = (shown.door.root / "media" / "blobs").glob("*/*")
    blob.unlink()
    is_error(await shown.get("?w=64"), 404, "not_found")


async def test_a_thumbnail_from_a_store_without_files(tmp_path: Path) -> None:
    settings = replace(settings_of(tmp_path), storage=StorageSettings("memory:", "sqlite::memory:"))
    file = io.BytesIO()
    Image.effect_noise((128, 128), 80).save(file, "PNG")
    async with Gateway.open(settings) as gateway, serve(app_of(gateway)) as url, aiohttp.ClientSession() as client:
        spool = gateway.storage.spools.new()
        spool.write(file.getvalue())
        sha256 = hashlib.sha256(file.getvalue()).hexdigest()
        media = await gateway.chat.ingest.keep(
            Arrived(spool, sha256, spool.size, file.getvalue()[:512]), "local", "uploaded"
        )
        async with client.get(f"{url}/media/{media.id}?w=64") as response:
            assert response.status == 200
            assert Image.open(io.BytesIO(await response.read())).size == (64, 64)


# Other kinds


async def test_a_video_is_played_inline(door: Door) -> None:
    media = await upload(door, video(), "video/mp4", "video_url")
    answer = await door.get(media["url"])
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"].startswith("inline")
    assert (await door.get(media["url"] + "?w=64")).headers["content-type"] == "image/webp"
    assert (await door.get(media["url"], headers={"range": "bytes=4-7"})).data == b"ftyp"


async def test_a_document_is_only_downloaded(door: Door) -> None:
    media = await upload(door, b"%PDF-1.7\n" + b"%" * 6000, "application/pdf", "file")
    answer = await door.get(media["url"])
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == SAFE["content-security-policy"]


async def test_the_type_is_that_of_the_bytes_and_not_the_declared_one(door: Door) -> None:
    file = io.BytesIO()
    Image.effect_noise((128, 128), 80).save(file, "PNG")
    media = await upload(door, file.getvalue(), "text/html")
    assert media["mime"] == "image/png"
    assert (await door.get(media["url"])).headers["content-type"] == "image/png"


async def test_a_filename_can_not_break_out_of_its_header(door: Door) -> None:
    file = io.BytesIO()
    Image.effect_noise((128, 128), 80).save(file, "PNG")
    uri = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    name = 'a"; filename=evil.html\r\nset-cookie: x=1; 图.png'
    part = {"type": "file", "file": {"file_data": uri, "filename": name}}
    assert (await door.chat("text", [{"type": "text", "text": "what?"}, part])).status == 200
    (id,) = stored(door.root).media
    answer = await door.get(f"/media/{id}.png")
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    assert '"' not in answer.headers["content-disposition"]


async def test_many_readers_at_once(shown: Shown) -> None:
    async with aiohttp.ClientSession() as client:
        for _ in range(3):
            responses = [await client.get(shown.url) for _ in range(8)]
            bodies = [await response.read() for response in responses]
            assert all(body == shown.data for body in bodies)


async def test_other_methods_are_refused(shown: Shown) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        is_error(await shown.get(method=method), 405, "method_not_allowed")
