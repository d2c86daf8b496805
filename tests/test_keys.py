"""Who may come in: keys, hosts, origins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from signal import SIGTERM

import pytest

from darkroom import keys
from darkroom.settings import Server
from doors import CHAT, Answer, Door, command, is_error, running, serving

API = ("/v1/models", "/v1/generations", "/v1/media/media_01jqwte8yjf7haxqc521b7z2wf")
OPEN = ("/", "/docs", "/openapi.json", "/health")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with running(tmp_path) as door:
        yield door


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the database about every key, as a gateway does after ten seconds."""
    monkeypatch.setattr(keys, "_REMEMBERED_MS", -1)


async def asked(door: Door, **headers: str) -> Answer:
    return await door.get("/v1/models", headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_loopback_is_open_without_keys(door: Door) -> None:
    assert (await asked(door)).status == 200
    assert (await asked(door, authorization="Bearer none")).status == 200
    assert (await door.picture())["id"].startswith("media_")
    assert [media.owner for media in await door.gateway.database.list_media(None, 10)] == [keys.LOCAL]


async def test_with_a_key_it_is_asked_for(door: Door) -> None:
    _, secret = await door.gateway.keys.create("ann")
    for path in API:
        answer = await door.get(path)
        assert "key" in is_error(answer, 401, "invalid_api_key")
        assert answer.headers["www-authenticate"] == "Bearer"
    for wrong in ("dk-wrong", secret[:-1], secret + "x", "none", secret.upper()):
        is_error(await asked(door, authorization=f"Bearer {wrong}"), 401, "invalid_api_key")
    for scheme in (f"Basic {secret}", secret, "Bearer", "Bearer ", ""):
        is_error(await asked(door, authorization=scheme), 401, "invalid_api_key")
    is_error(await door.chat(), 401, "invalid_api_key")
    for right in (f"Bearer {secret}", f"bearer {secret}", f"BEARER  {secret} "):
        assert (await asked(door, authorization=right)).status == 200
    assert (await door.chat(headers={"authorization": f"Bearer {secret}"})).status == 200


async def test_a_key_has_a_shape_of_answers(door: Door) -> None:
    _, plain = await door.gateway.keys.create("ann")
    _, parts = await door.gateway.keys.create("ann", "parts")

    async def content(secret: str, **headers: str) -> object:
        answer = await door.chat(headers={"authorization": f"Bearer {secret}", **headers})
        return answer.json["choices"][0]["message"]["content"]

    assert isinstance(await content(plain), str)
    assert isinstance(await content(parts), list)
    assert isinstance(await content(parts, **{"x-darkroom-output": "markdown"}), str)


async def test_pages_and_links_need_no_key(door: Door) -> None:
    media = await door.picture()
    await door.gateway.keys.create("ann")
    for path in OPEN:
        assert (await door.get(path)).status == 200
    assert (await door.get(media["url"])).status == 200


async def test_the_command_makes_lists_and_revokes_keys(door: Door, forgetful: None) -> None:
    made = await command(door.root, "keys", "create", "--owner", "ann")
    other = await command(door.root, "keys", "create", "--owner", "bob")
    secret = made.out.strip()
    assert made.code == 0
    assert secret.startswith("dk-")
    assert len(secret) > 40
    id = made.err.split()[0]
    assert (await asked(door)).status == 401
    assert (await asked(door, authorization=f"Bearer {secret}")).status == 200

    listed = await command(door.root, "keys", "list")
    assert f"{id}  ann  good" in listed.out
    assert secret not in listed.out
    assert (await command(door.root, "keys", "revoke", id)).code == 0
    is_error(await asked(door, authorization=f"Bearer {secret}"), 401, "invalid_api_key")
    assert (await asked(door, authorization=f"Bearer {other.out.strip()}")).status == 200
    assert f"{id}  ann  revoked" in (await command(door.root, "keys", "list")).out

    again = await command(door.root, "keys", "revoke", id)
    assert again.code != 0
    assert id in again.err
    assert "Traceback" not in again.err


async def test_a_known_key_is_remembered_and_a_revoked_one_is_not_for_long(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, secret = await door.gateway.keys.create("ann")
    assert (await asked(door, authorization=f"Bearer {secret}")).status == 200
    await door.gateway.database.revoke_key(id, 1)
    assert (await asked(door, authorization=f"Bearer {secret}")).status == 200
    monkeypatch.setattr(keys, "_REMEMBERED_MS", -1)
    assert (await asked(door, authorization=f"Bearer {secret}")).status == 401


async def test_a_running_gateway_that_had_keys_stays_closed(door: Door, forgetful: None) -> None:
    """Revoking the last key must not open the gates of a gateway that is in use."""
    id, _ = await door.gateway.keys.create("ann")
    await door.gateway.database.revoke_key(id, 1)
    assert (await asked(door)).status == 401


async def test_a_gateway_that_had_keys_stays_closed_after_a_restart(tmp_path: Path) -> None:
    made = await command(tmp_path, "keys", "create")
    assert (await command(tmp_path, "keys", "revoke", made.err.split()[0])).code == 0
    async with running(tmp_path) as door:
        assert (await asked(door)).status == 401
        assert (await asked(door, authorization=f"Bearer {made.out.strip()}")).status == 401


async def test_a_secret_is_nowhere_on_the_disk(door: Door) -> None:
    _, secret = await door.gateway.keys.create("ann")
    assert (await asked(door, authorization=f"Bearer {secret}")).status == 200
    files = [path for path in door.root.rglob("*") if path.is_file()]
    assert any(keys.digest(secret).encode() in path.read_bytes() for path in files)
    assert not any(secret.encode() in path.read_bytes() for path in files)


async def test_the_world_is_not_listened_to_without_keys(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        ended = await command(tmp_path, "serve", "--host", host, "--port", "0")
        assert ended.code != 0
        assert "darkroom keys create" in ended.err
        assert "Traceback" not in ended.err
    ended = await command(tmp_path, "serve", "--port", "0", DARKROOM_SERVER_HOST="0.0.0.0")
    assert ended.code != 0


async def test_with_a_key_it_may_be(tmp_path: Path) -> None:
    await command(tmp_path, "keys", "create")
    async with serving(tmp_path, DARKROOM_SERVER_HOST="0.0.0.0", DARKROOM_SKETCH="false") as served:
        assert "is at http://127.0.0.1" in served.greeting
        assert (await served.end(SIGTERM)).code == 0


# Without keys, a page in the user's own browser must not get in.


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "169.254.1.1", "127.0.0.1.evil.example", "[", ""]
)
@pytest.mark.parametrize("path", API)
async def test_a_foreign_host_name_is_refused(door: Door, host: str, path: str) -> None:
    is_error(await door.get(path, headers={"host": host}), 403, "forbidden")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8000", "app.localhost"]
)
async def test_a_loopback_host_name_is_taken(door: Door, host: str) -> None:
    assert (await asked(door, host=host)).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://[", "file://", ""]
)
async def test_a_foreign_page_is_refused(door: Door, origin: str) -> None:
    is_error(await asked(door, origin=origin), 403, "forbidden")
    body = b'{"model": "sketch", "messages": [{"role": "user", "content": "x"}]}'
    headers = {"origin": origin, "content-type": "text/plain"}
    is_error(await door.send("POST", CHAT, data=body, headers=headers), 403, "forbidden")
    assert not door.sketch.requests


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8080", "https://app.localhost"])
async def test_a_page_of_this_machine_may_call(door: Door, origin: str) -> None:
    answer = await asked(door, origin=origin)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == origin
    asking = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type, x-darkroom-output",
    }
    preflight = await door.send("OPTIONS", CHAT, headers=asking)
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "x-darkroom-output" in preflight.headers["access-control-allow-headers"].lower()


async def test_a_foreign_page_is_told_nothing(door: Door) -> None:
    asking = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    preflight = await door.send("OPTIONS", CHAT, headers=asking)
    assert "access-control-allow-origin" not in preflight.headers
    await door.gateway.keys.create("ann")
    answer = await asked(door, origin="https://evil.example")
    assert answer.status == 401
    assert "access-control-allow-origin" not in answer.headers


async def test_the_operator_may_name_a_page_and_a_host(tmp_path: Path) -> None:
    server = Server(cors=("https://chat.example",), public_url="https://pictures.example")
    async with running(tmp_path, server=server) as door:
        answer = await asked(door, origin="https://chat.example", host="pictures.example")
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "https://chat.example"
        assert (await asked(door, origin="https://pictures.example")).status == 200
        is_error(await asked(door, origin="https://other.example"), 403, "forbidden")
        is_error(await asked(door, host="other.example"), 403, "forbidden")
        assert (await door.picture())["url"].startswith("https://pictures.example/media/")


async def test_with_keys_host_and_origin_do_not_matter(door: Door) -> None:
    _, secret = await door.gateway.keys.create("ann")
    headers = {"authorization": f"Bearer {secret}", "host": "anything.example", "origin": "https://chat.example"}
    assert (await door.get("/v1/models", headers=headers)).status == 200


async def test_an_unasked_for_setting_changes_nothing(door: Door) -> None:
    assert replace(door.gateway.settings.server, port=0) == Server(port=0)
