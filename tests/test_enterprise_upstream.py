"""The emulator of Discovery Engine: as strict as the API, and google-auth is at home there."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from darkroom.credentials import Tokens
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import EnterpriseUpstream, serve
from darkroom.testing.enterprise_upstream import ENGINE
from running import Json, sha256

PNG = paint("a red barn", size=(640, 480)).data
FILE = {"fileName": "barn.png", "mimeType": "image/png", "fileContents": base64.b64encode(PNG).decode()}
DRAW: Json = {"toolsSpec": {"imageGenerationSpec": {}}}


@dataclass(slots=True)
class Client:
    """Someone who speaks HTTP to the emulator under a service account's name."""

    upstream: EnterpriseUpstream
    http: aiohttp.ClientSession
    url: str
    name: str = "alice"

    async def send(self, method: str, path: str, body: Any = None, version: str = "v1") -> tuple[int, Any]:
        headers = await Tokens().headers(self.upstream.credential(self.url, self.name))
        async with self.http.request(
            method, f"{self.url}/{version}/{ENGINE}{path}", json=body, headers=headers, allow_redirects=False
        ) as response:
            data = await response.read()
            return response.status, json.loads(data) if data else response.headers.get("location")

    async def session(self, id: str = "s1") -> str:
        status, body = await self.send("POST", f"/sessions?sessionId={id}", {"displayName": "Test"})
        assert status == 200, body
        return str(body["name"])

    async def file(self, session: str = "s1") -> str:
        status, body = await self.send("POST", f"/sessions/{session}:addContextFile", FILE)
        assert status == 200, body
        return str(body["fileId"])

    async def ask(self, text: str, at: str = "s1", version: str = "v1", **fields: Any) -> tuple[int, Any]:
        name = f"{ENGINE}/sessions/{at}"
        body = {"query": {"text": text}, "session": name, **fields}
        return await self.send("POST", "/assistants/default_assistant:streamAssist", body, version)


def contents(chunks: list[Json]) -> list[Json]:
    return [
        reply["groundedContent"]["content"] for chunk in chunks for reply in chunk["answer"].get("replies", ())
    ]  # fmt: skip


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    upstream = EnterpriseUpstream()
    async with serve(upstream.app) as url, aiohttp.ClientSession() as http:
        yield Client(upstream, http, url)


async def test_a_session_and_its_end(client: Client) -> None:
    name = await client.session()
    assert name.endswith("/engines/studio/sessions/s1")
    assert not name.startswith(ENGINE)  # By the project's number.
    assert (await client.send("POST", "/sessions?sessionId=s1", {}))[0] == 409
    assert (await client.send("POST", "/sessions?sessionId=No%20way", {}))[0] == 400
    assert (await client.send("POST", "/sessions?sessionId=s2", {"colour": "red"}))[0] == 400
    assert (await client.send("GET", "/sessions/s1"))[1]["displayName"] == "Test"
    assert [each["name"] for each in (await client.send("GET", "/sessions"))[1]["sessions"]] == [name]
    assert await client.send("DELETE", "/sessions/s1") == (200, {})
    status, body = await client.send("DELETE", "/sessions/s1")
    assert (status, body["error"]["status"]) == (404, "NOT_FOUND")


async def test_sessions_belong_to_an_identity(client: Client) -> None:
    await client.session()
    client.name = "bob"
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", ":downloadFile?fileId=1&alt=media")):
        status, body = await client.send(method, f"/sessions/s1{path}")
        assert (status, body["error"]["message"]) == (403, "Session is not owned by the provided user.")
    assert (await client.ask("hello"))[0] == 403
    assert (await client.send("POST", "/sessions/s1:addContextFile", FILE))[0] == 403


async def test_a_picture_is_painted_and_downloaded(client: Client) -> None:
    await client.session()
    status, chunks = await client.ask("a lighthouse", **DRAW)
    assert status == 200
    assert [chunk["answer"]["state"] for chunk in chunks][-1] == "SUCCEEDED"
    assert chunks[-1]["sessionInfo"]["session"].endswith("/sessions/s1")
    (file, again) = [content["file"] for content in contents(chunks) if "file" in content]
    assert file == again
    path = f"/sessions/s1:downloadFile?fileId={file['fileId']}"
    assert await client.send("GET", path) == (200, None)
    status, where = await client.send("GET", f"{path}&alt=media")
    assert status == 302
    async with client.http.get(where) as response:
        data = await response.read()
        assert (response.status, response.content_type) == (200, "image/png")
    async with client.http.get(where, headers={"authorization": "Bearer x"}) as response:
        assert response.status == 403
    async with client.http.get(where.replace("sig=1", "sig=2")) as response:
        assert response.status == 403
    _, chunks = await client.ask("add a boat", **DRAW)
    (file, _) = [content["file"] for content in contents(chunks) if "file" in content]
    edited = client.upstream.sessions["s1"].files[file["fileId"]].data
    assert read_ancestry(edited)[-1].parents == (sha256(data),)


async def test_files_and_their_sessions(client: Client) -> None:
    for id in ("s1", "s2"):
        await client.session(id)
    file = await client.file()
    status, chunks = await client.ask("describe it", version="v1alpha", fileIds=[file])
    assert status == 200
    assert "640x480" in "".join(content.get("text", "") for content in contents(chunks))
    assert (await client.ask("describe it", "s2", "v1alpha", fileIds=[file]))[0] == 400
    for version in ("v1", "v1beta"):
        status, body = await client.ask("describe it", version=version, fileIds=[file])
        assert (status, 'Unknown name "fileIds"' in body["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"mimeType": "application/x-msdownload"},
        {"mimeType": "image/jpeg"},
        {"fileContents": "no base64!"},
        {"fileContents": f"data:image/png;base64,{FILE['fileContents']}"},
        {"fileContents": ""},
        {"fileName": ""},
        {"fileName": None},
        {"purpose": "vision"},
    ],
)
async def test_files_that_are_refused(client: Client, changed: Json) -> None:
    await client.session()
    status, body = await client.send("POST", "/sessions/s1:addContextFile", {**FILE, **changed})
    assert (status, body["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_a_file_over_the_limit(client: Client) -> None:
    await client.session()
    client.upstream._most_bytes = len(PNG) - 1
    assert (await client.send("POST", "/sessions/s1:addContextFile", FILE))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"text": ""}},
        {"query": "hello"},
        {"prompt": "hello"},
        {"generationSpec": {"modelId": "gpt-5"}},
        {"generationSpec": {"temperature": 0}},
        {"toolsSpec": {"imageGenerationSpec": {"size": "1024x1024"}}},
        {"toolsSpec": {"paint": {}}},
        {"userMetadata": {"name": "alice"}},
        {"session": "s1"},
        {"systemInstruction": "be brief"},
    ],
)
async def test_questions_that_are_refused(client: Client, body: Json) -> None:
    await client.session()
    status, answer = await client.ask("hello", **body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_who_has_no_token_is_refused(client: Client) -> None:
    async with client.http.get(f"{client.url}/v1/{ENGINE}/sessions") as response:
        assert (response.status, (await response.json())["error"]["status"]) == (401, "UNAUTHENTICATED")
    async with client.http.get(f"{client.url}/v1/{ENGINE}/sessions", headers={"authorization": "Bearer x"}) as response:
        assert response.status == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}, "invalid_grant"),
    ],
)
async def test_the_token_endpoint_is_strict(client: Client, form: dict[str, str], error: str) -> None:
    async with client.http.post(f"{client.url}/token", data=form) as response:
        assert (response.status, (await response.json())["error"]) == (400, error)


async def test_other_places_are_not_found(client: Client) -> None:
    for path in ("/agents", "/assistants/other:streamAssist", "/sessions/s1:widgetStreamAssist"):
        assert (await client.send("POST", path, {}))[0] == 404
    assert (await client.send("GET", "/sessions", version="v2"))[0] == 404


async def test_an_answer_arrives_in_pieces(client: Client) -> None:
    await client.session()
    client.upstream.gate = asyncio.Event()
    asking = asyncio.create_task(client.ask("a lighthouse", **DRAW))
    await client.upstream.waiting.wait()
    assert not asking.done()
    client.upstream.gate.set()
    status, chunks = await asking
    assert status == 200
    assert contents(chunks)[0]["thought"] is True
