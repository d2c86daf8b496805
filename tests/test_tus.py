"""Resumable uploads by the tus protocol: with a client of its own, and by hand where clients are too well behaved."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from signal import SIGKILL
from typing import Any

import aiohttp
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from darkroom.app import app_of
from darkroom.gateway import Gateway
from darkroom.settings import Limits, Server, Settings, StorageSettings
from darkroom.testing import serve
from doors import serving
from postgres import running_postgres
from running import House, running, sha256
from s3 import running_s3
from test_ingest import padded

DOOR = "/v1/files/tus"
BODY = "application/offset+octet-stream"
VERSION = {"Tus-Resumable": "1.0.0"}
DATA = padded(1_000_000, seed=7)
WAIT = 60


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


async def begun(http: aiohttp.ClientSession, size: int | None = len(DATA), **headers: str) -> aiohttp.ClientResponse:
    length = {"Upload-Length": str(size)} if size is not None else {"Upload-Defer-Length": "1"}
    async with http.post(DOOR, headers={**VERSION, **length, **headers}) as response:
        await response.read()
    return response


async def path_of(http: aiohttp.ClientSession, size: int | None = len(DATA), **headers: str) -> str:
    """Begin an upload, and return its path."""
    response = await begun(http, size, **headers)
    assert response.status == 201, response.status
    return DOOR + response.headers["location"].partition(DOOR)[2]


async def patch(http: aiohttp.ClientSession, path: str, data: bytes, offset: int, **headers: str) -> Any:
    sent = {**VERSION, "Upload-Offset": str(offset), "Content-Type": BODY, **headers}
    async with http.patch(path, data=io.BytesIO(data), headers=sent) as response:
        await response.read()
    return response


async def head(http: aiohttp.ClientSession, path: str, **headers: str) -> aiohttp.ClientResponse:
    async with http.head(path, headers={**VERSION, **headers}) as response:
        assert response.headers["tus-resumable"] == "1.0.0"
        assert response.headers["cache-control"] == "no-store"
    return response


async def until_offset(http: aiohttp.ClientSession, path: str, offset: int) -> None:
    """Wait until so many bytes are durable."""
    async with asyncio.timeout(WAIT):
        while (await head(http, path)).headers["upload-offset"] != str(offset):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


class Slow:
    """A request that stops in the middle of its body."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def patch(cls, url: str, path: str, data: bytes, size: int, offset: int = 0) -> Slow:
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = f"PATCH {path} HTTP/1.1", f"Host: {host}:{port}", "Tus-Resumable: 1.0.0", f"Content-Type: {BODY}"
        lines += f"Upload-Offset: {offset}", f"Content-Length: {size}"
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        await writer.drain()
        return cls(reader, writer)

    async def send(self, data: bytes) -> int:
        """Send the rest, and return the status."""
        self.writer.write(data)
        await self.writer.drain()
        return int((await asyncio.wait_for(self.reader.readline(), WAIT)).split()[1])

    async def leave(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):  # The other end may have been killed.
            await self.writer.wait_closed()


# What clients do


@pytest.mark.parametrize("chunk", [300_000, 10_000_000])
async def test_a_client_uploads_a_file(house: House, chunk: int) -> None:
    def upload() -> Any:
        client = TusClient(f"{house.url}{DOOR}")
        told = {"filename": "bärn.png", "purpose": "vision", "expires_after": "3600"}
        uploader = client.uploader(file_stream=io.BytesIO(DATA), metadata=told, chunk_size=chunk, upload_checksum=True)
        uploader.upload()
        return uploader

    uploader = await asyncio.to_thread(upload)
    id = uploader.request.response_headers["x-darkroom-file"]
    file = await house.client.files.retrieve(id)
    assert (file.filename, file.purpose, file.bytes) == ("bärn.png", "vision", len(DATA))
    assert file.expires_at == file.created_at + 3600
    assert await (await house.client.files.content(id)).aread() == DATA
    assert await house.blobs() == [sha256(DATA)]
    assert house.parts() == []


async def test_a_client_goes_on_where_it_stopped(house: House) -> None:
    def upload() -> tuple[str, str]:
        client = TusClient(f"{house.url}{DOOR}")
        first = client.uploader(file_stream=io.BytesIO(DATA), chunk_size=200_000)
        first.upload(stop_at=400_000)
        second = client.uploader(file_stream=io.BytesIO(DATA), chunk_size=200_000, url=first.url)
        assert second.offset == 400_000
        second.upload()
        return first.url, second.request.response_headers["x-darkroom-file"]

    url, id = await asyncio.to_thread(upload)
    assert await (await house.client.files.content(id)).aread() == DATA
    told = await head(house.http, url.removeprefix(house.url))
    assert (told.headers["upload-offset"], told.headers["x-darkroom-file"]) == (str(len(DATA)), id)


async def test_the_options_say_what_is_spoken(house: House) -> None:
    async with house.http.options(DOOR) as response:
        assert response.status == 204
        assert response.headers["tus-version"] == "1.0.0"
        assert "creation-with-upload" in response.headers["tus-extension"]
        assert response.headers["tus-max-size"] == str(Limits().media)
        assert response.headers["tus-checksum-algorithm"] == "sha1,sha256"


async def test_a_page_of_another_origin_may_upload(house: House) -> None:
    page = {"origin": "http://localhost:3000"}
    asked = {"access-control-request-method": "PATCH", "access-control-request-headers": "tus-resumable,upload-offset"}
    async with house.http.options(DOOR, headers={**page, **asked}) as response:
        assert response.status == 200
        assert "PATCH" in response.headers["access-control-allow-methods"]
        assert "tus-resumable" in response.headers["access-control-allow-headers"].lower()
    exposed = (await begun(house.http, **page)).headers["access-control-expose-headers"].lower()
    assert {"location", "upload-offset", "x-darkroom-file"} <= {name.strip() for name in exposed.split(",")}


async def test_the_first_bytes_may_come_with_the_beginning(house: House) -> None:
    for sent in (DATA, DATA[:1000]):
        headers = {**VERSION, "Upload-Length": str(len(DATA)), "Content-Type": BODY}
        async with house.http.post(DOOR, data=io.BytesIO(sent), headers=headers) as response:
            assert response.status == 201
            assert response.headers["upload-offset"] == str(len(sent))
            assert ("x-darkroom-file" in response.headers) == (sent == DATA)
        path = DOOR + response.headers["location"].partition(DOOR)[2]
        assert (await head(house.http, path)).headers["upload-offset"] == str(len(sent))


async def test_the_length_may_be_told_later(house: House) -> None:
    path = await path_of(house.http, None)
    told = await head(house.http, path)
    assert (told.headers["upload-defer-length"], "upload-length" in told.headers) == ("1", False)
    await patch(house.http, path, DATA[:1000], 0)
    short = await patch(house.http, path, b"", 1000, **{"Upload-Length": "999"})
    assert short.status == 400
    done = await patch(house.http, path, DATA[1000:], 1000, **{"Upload-Length": str(len(DATA))})
    assert (done.status, done.headers["upload-offset"]) == (204, str(len(DATA)))
    other = await patch(house.http, path, b"", len(DATA), **{"Upload-Length": "5000000"})
    assert other.status == 400
    assert (await house.media())[0].blob == sha256(DATA)


async def test_what_is_known_of_an_upload(house: House) -> None:
    said = metadata(filename="barn.png", purpose="vision")
    path = await path_of(house.http, **{"Upload-Metadata": said})
    await patch(house.http, path, DATA[:1000], 0)
    told = await head(house.http, path)
    assert told.headers["upload-metadata"] == said
    assert told.headers["upload-length"] == str(len(DATA))
    assert told.headers["upload-expires"].endswith("GMT")
    async with house.http.get(path) as response:
        answer = await response.json()
    assert (answer["status"], answer["bytes_received"], answer["bytes"]) == ("pending", 1000, len(DATA))
    assert answer["file"] is None
    done = await patch(house.http, path, DATA[1000:], 1000)
    async with house.http.get(path) as response:
        answer = await response.json()
    assert answer["status"] == "completed"
    assert answer["file"]["id"] == done.headers["x-darkroom-file"]
    assert answer["file"]["filename"] == "barn.png"


async def test_an_upload_is_given_up(house: House) -> None:
    path = await path_of(house.http)
    await patch(house.http, path, DATA[:1000], 0)
    async with house.http.post(path, headers={**VERSION, "X-HTTP-Method-Override": "DELETE"}) as response:
        assert response.status == 204
    assert (await head(house.http, path)).status == 404
    assert await house.is_empty()


async def test_the_file_of_an_upload_outlives_it(house: House) -> None:
    path = await path_of(house.http)
    done = await patch(house.http, path, DATA, 0)
    async with house.http.delete(path, headers=VERSION) as response:
        assert response.status == 204
    assert await (await house.client.files.content(done.headers["x-darkroom-file"])).aread() == DATA


# What goes wrong


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "precondition_failed"),
        ({"Tus-Resumable": ""}, 412, "precondition_failed"),
        ({"Upload-Length": "-1"}, 400, "malformed_request"),
        ({"Upload-Length": "x"}, 400, "malformed_request"),
        ({"Upload-Length": "0"}, 400, "invalid_media"),
        ({"Upload-Length": str(Limits().media + 1)}, 413, "too_large"),
        ({"Upload-Metadata": "filename ???"}, 400, "malformed_request"),
        ({"Upload-Metadata": metadata(purpose="fun")}, 400, "malformed_request"),
        ({"Upload-Metadata": metadata(expires_after="5")}, 400, "malformed_request"),
        ({"Upload-Metadata": "a" * 5000}, 413, "too_large"),
    ],
)
async def test_a_beginning_that_is_wrong_is_refused(
    house: House, headers: dict[str, str], status: int, code: str
) -> None:
    async with house.http.post(DOOR, headers={**VERSION, "Upload-Length": "9", **headers}) as response:
        assert response.status == status
        assert (await response.json())["error"]["code"] == code
        assert response.headers["tus-resumable"] == "1.0.0"
        assert ("tus-version" in response.headers) == (status == 412)


async def test_an_upload_needs_a_length(house: House) -> None:
    async with house.http.post(DOOR, headers=VERSION) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Offset": "5"}, 409),
        ({"Upload-Offset": ""}, 400),
        ({"Content-Type": "application/json"}, 415),
        ({"Upload-Checksum": "md5 AAAA"}, 400),
        ({"Upload-Checksum": "sha1 ???"}, 400),
        ({"Upload-Checksum": "sha1 AAAA"}, 460),
        ({"Tus-Resumable": "2.0.0"}, 412),
    ],
)
async def test_bytes_that_are_sent_wrongly_are_refused(house: House, headers: dict[str, str], status: int) -> None:
    path = await path_of(house.http)
    house.gateway.filing.piece = 1000  # What is not known to be right is not made durable by the way either.
    assert (await patch(house.http, path, DATA[:5000], 0, **headers)).status == status
    assert (await head(house.http, path)).headers["upload-offset"] == "0"
    assert await house.blobs() == []


async def test_bytes_with_their_checksum_are_taken(house: House) -> None:
    path = await path_of(house.http)
    for name in ("sha1", "sha256"):
        offset = int((await head(house.http, path)).headers["upload-offset"])
        data = DATA[offset : offset + 1000]
        said = f"{name} {base64.b64encode(hashlib.new(name, data).digest()).decode()}"
        assert (await patch(house.http, path, data, offset, **{"Upload-Checksum": said})).status == 204


async def test_more_bytes_than_announced_are_refused(house: House) -> None:
    path = await path_of(house.http, 1000)
    assert (await patch(house.http, path, DATA[:1001], 0)).status == 413

    async def unannounced() -> AsyncIterator[bytes]:
        yield DATA[:900]
        yield DATA[900:1800]

    sent = {**VERSION, "Upload-Offset": "0", "Content-Type": BODY}
    async with house.http.patch(path, data=unannounced(), headers=sent) as response:
        assert response.status == 413
    assert (await head(house.http, path)).headers["upload-offset"] == "0"


async def test_a_length_over_the_limit_that_comes_later_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(media=300_000)) as house:
        path = await path_of(house.http, None)
        assert (await patch(house.http, path, b"", 0, **{"Upload-Length": "300001"})).status == 413
        assert (await patch(house.http, path, DATA[:300_001], 0)).status == 413


async def test_what_is_no_media_is_refused_at_the_end(house: House) -> None:
    for pieces in (1, 2):
        path = await path_of(house.http, 1000 * pieces)
        for number in range(pieces):
            response = await patch(house.http, path, b"no picture" * 100, 1000 * number)
        assert response.status == 400
        assert (await head(house.http, path)).status == 404
    assert await house.is_empty()


async def test_what_came_before_the_client_left_stays(house: House) -> None:
    house.gateway.filing.piece = 100_000
    path = await path_of(house.http)
    slow = await Slow.patch(house.url, path, DATA[:345_678], len(DATA))
    await slow.leave()
    await until_offset(house.http, path, 345_678)
    assert (await patch(house.http, path, DATA[345_678:], 345_678)).status == 204
    (media,) = await house.media()
    assert media.blob == sha256(DATA)
    assert await house.blobs() == [media.blob]


async def test_of_two_that_go_on_at_once_one_wins(house: House) -> None:
    path = await path_of(house.http)
    slow = await Slow.patch(house.url, path, DATA[:1000], 2000)
    assert (await patch(house.http, path, DATA[:5000], 0)).status == 204
    assert await slow.send(DATA[1000:2000]) == 409
    await slow.leave()
    assert (await head(house.http, path)).headers["upload-offset"] == "5000"
    assert (await patch(house.http, path, DATA[5000:], 5000)).status == 204
    assert (await house.media())[0].blob == sha256(DATA)


async def test_an_upload_that_was_complete_when_the_gateway_stopped_becomes_a_file(house: House) -> None:
    """The last piece was durable, and the gateway died before it could put them together."""
    path = await path_of(house.http)
    await patch(house.http, path, DATA[:5000], 0)
    with closing(sqlite3.connect(house.root / "darkroom.db")) as database:
        database.execute("UPDATE uploads SET size = 5000")
        database.commit()
    told = await head(house.http, path)
    assert told.headers["upload-offset"] == "5000"
    id = told.headers["x-darkroom-file"]
    assert await (await house.client.files.content(id)).aread() == DATA[:5000]
    assert (await head(house.http, path)).headers["x-darkroom-file"] == id
    assert len(await house.media()) == 1


async def test_an_upload_that_nobody_goes_on_with_is_removed(house: House) -> None:
    path = await path_of(house.http)
    await patch(house.http, path, DATA[:1000], 0)
    await house.gateway.sweeper.sweep(grace_ms=0)
    assert (await head(house.http, path)).headers["upload-offset"] == "1000"
    with closing(sqlite3.connect(house.root / "darkroom.db")) as database:
        database.execute("UPDATE uploads SET expires = 1")
        database.commit()
    assert (await head(house.http, path)).status == 404
    assert (await house.gateway.sweeper.sweep(dry=True)).uploads == 1
    assert (await house.gateway.sweeper.sweep()).uploads == 1
    assert await house.is_empty()


async def test_an_upload_is_its_owners(house: House) -> None:
    ann, bob = [(await house.gateway.keys.create(name))[1] for name in ("ann", "bob")]
    assert (await begun(house.http)).status == 401
    hers = {"Authorization": f"Bearer {ann}"}
    path = await path_of(house.http, **hers)
    his = {"Authorization": f"Bearer {bob}"}
    assert (await patch(house.http, path, DATA, 0, **his)).status == 404
    assert (await patch(house.http, path, DATA, 0)).status == 401
    async with house.http.delete(path, headers={**VERSION, **his}) as response:
        assert response.status == 404
    # Google's way needs no key beside the URL's secret: it does not lead here.
    secret = path.rpartition("/")[2]
    finalize = {"X-Goog-Upload-Command": "upload, finalize"}
    async with house.http.post(f"/upload/v1beta/files?upload_id={secret}", data=DATA, headers=finalize) as response:
        assert response.status == 404
    assert (await patch(house.http, path, DATA, 0, **hers)).status == 204
    assert [media.owner for media in await house.media()] == ["ann"]


async def test_a_client_that_asks_for_an_upload_that_is_gone_is_told(house: House) -> None:
    def upload() -> None:
        TusClient(f"{house.url}{DOOR}").uploader(file_stream=io.BytesIO(DATA), url=f"{house.url}{DOOR}/gone")

    with pytest.raises(TusCommunicationError):
        await asyncio.to_thread(upload)


# Crashes and replicas


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_killed_gateway_has_what_it_said_it_had(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, aiohttp.ClientSession(served.url) as http:
        path = await path_of(http)
        assert (await patch(http, path, DATA[:300_000], 0)).status == 204
        slow = await Slow.patch(served.url, path, DATA[300_000:400_000], len(DATA) - 300_000, 300_000)
        await served.end(SIGKILL)
        await slow.leave()
    async with serving(tmp_path) as served, aiohttp.ClientSession(served.url) as http:
        assert (await head(http, path)).headers["upload-offset"] == "300000"
        done = await patch(http, path, DATA[300_000:], 300_000)
        async with http.get(f"/v1/files/{done.headers['x-darkroom-file']}/content") as response:
            assert await response.read() == DATA


@asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[tuple[Gateway, aiohttp.ClientSession]]:
    async with Gateway.open(settings) as gateway, serve(app_of(gateway)) as url, aiohttp.ClientSession(url) as http:
        gateway.filing.piece = 200_000
        yield gateway, http


async def test_replicas_over_postgresql_and_a_bucket_share_an_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s3").mkdir()
    with running_postgres() as postgres, running_s3(tmp_path / "s3") as s3:
        for name, value in s3.options().items():
            monkeypatch.setenv(name, value)
        settings = Settings(
            server=Server(public_url="http://gateway.example"),
            storage=StorageSettings(f"{s3.url}/files", await postgres.fresh()),
            sketch=False,
        )
        async with replica(settings) as (one, first), replica(settings) as (two, second):
            path = await path_of(first)
            await patch(first, path, DATA[:500_000], 0)
            assert (await head(second, path)).headers["upload-offset"] == "500000"
            await patch(second, path, DATA[500_000:900_000], 500_000)
            await one.sweeper.sweep()
            both = await asyncio.gather(*(patch(http, path, DATA[900_000:], 900_000) for http in (first, second)))
            assert {204} <= {response.status for response in both} <= {204, 409}
            ids = {(await head(http, path)).headers["x-darkroom-file"] for http in (first, second)}
            assert len(ids) == 1
            async with second.get(f"/v1/files/{ids.pop()}/content") as response:
                assert await response.read() == DATA
            assert len(await two.database.list_media(None, 9)) == 1
            assert [blob[0] async for blob in two.storage.list_blobs()] == [sha256(DATA)]
