"""`darkroom doctor`: it finds what is wrong, says what to do, shows no secret, and disturbs nobody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darkroom import doctor
from darkroom.clock import new_id, now
from darkroom.database import Database, UpstreamObject
from darkroom.doctor import Doctor, Finding, worst
from darkroom.providers import Key
from darkroom.settings import ProviderSettings, Server, Settings
from darkroom.testing import SketchUpstream, serve
from darkroom.testing.faults import Answers, Fault, Faulty
from dialects import DIALECTS
from doors import command, free_port, serving, settings_of, stored
from running import running, user

GOOD, BAD = "sk-good-0123456789", "sk-bad-0123456789"


def provider(url: str, *keys: str, **fields: Any) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1", api_keys=keys, **fields)


async def examined(settings: Settings, **told: Any) -> list[Finding]:
    return [finding async for finding in Doctor(settings, **told).examine()]


def of(found: Sequence[Finding], check: str) -> list[Finding]:
    return [finding for finding in found if finding.check.startswith(check)]


def the(found: Sequence[Finding], check: str) -> Finding:
    (finding,) = of(found, check)
    return finding


def settings(root: Path, *rows: ProviderSettings, **sections: Any) -> Settings:
    sections.setdefault("server", Server(port=free_port()))
    return settings_of(root, *rows, **sections)


async def test_all_is_well(tmp_path: Path) -> None:
    async with serve(SketchUpstream(key=GOOD).app) as url:
        row = provider(url, GOOD, models=("images", "text"))
        found = await examined(settings(tmp_path, row, sketch=True))
    assert worst([finding for finding in found if finding.check != "painter"]) == "ok"
    assert [finding.check for finding in found] == [
        *("configuration", "model studio", "painter", "database", "access", "cleanup", "storage", "server"),
        "public_url",
        f"up (key {Key(GOOD).alias})",
    ]
    left = stored(tmp_path)
    assert (left.blobs, left.parts, left.rows) == ({}, (), frozenset()), "the probe is gone"


async def test_each_key_is_looked_at(tmp_path: Path) -> None:
    async with serve(SketchUpstream(key=GOOD).app) as url:
        found = await examined(settings(tmp_path, provider(url, GOOD, BAD)))
    good, bad = of(found, "up ")
    assert (good.status, bad.status) == ("ok", "fail")
    assert Key(BAD).alias in bad.check
    assert "api_key" in bad.hint


async def test_a_model_that_is_not_listed_is_named(tmp_path: Path) -> None:
    async with serve(SketchUpstream(key=GOOD).app) as url:
        found = await examined(settings(tmp_path, provider(url, GOOD, models=("images", "novel", "nothing-*"))))
    listed, missing = of(found, "up ")
    assert (listed.status, missing.status) == ("ok", "warn")
    assert "novel" in missing.message
    async with serve(SketchUpstream(key=GOOD).app) as url:
        found = await examined(settings(tmp_path, provider(url, GOOD, models=("nothing-*",))))
    assert "nothing-*" in of(found, "up ")[1].message


@pytest.mark.parametrize(
    ("act", "status", "word"),
    [
        (Answers(404), "warn", "base_url"),
        (Answers(400), "warn", "base_url"),
        (Answers(200, b"<html>Welcome</html>"), "warn", "base_url"),
        (Answers(200, b'"a text"'), "warn", "base_url"),
        (Answers(429), "warn", "wait"),
        (Answers(403), "fail", "api_key"),
        (Answers(500), "fail", "base_url"),
    ],
    ids=str,
)
async def test_what_the_upstream_answers_is_told(tmp_path: Path, act: Answers, status: str, word: str) -> None:
    upstream = Faulty(SketchUpstream().app, Fault("/models", act, times=None))
    async with serve(upstream) as url:
        finding = the(await examined(settings(tmp_path, provider(url, GOOD))), "up ")
    assert finding.status == status
    assert word in finding.message + finding.hint
    assert upstream.count("") == 1


async def test_an_upstream_that_is_not_there(tmp_path: Path) -> None:
    found = await examined(settings(tmp_path, provider(f"http://127.0.0.1:{free_port()}", GOOD)))
    assert the(found, "up ").status == "fail"
    assert "can't be reached" in the(found, "up ").message


async def test_a_dialect_without_a_list_is_reached_all_the_same(tmp_path: Path) -> None:
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse({"error": "no such page"}, 404)

    check = doctor.check_path("/system_stats")
    async with serve(Starlette(routes=[Route("/{path:path}", answer)])) as url:
        patched = {**doctor.CHECKS, "openai-chat": check}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(doctor, "CHECKS", patched)
            finding = the(await examined(settings(tmp_path, provider(url))), "up (no key)")
    assert (finding.status, asked) == ("ok", ["/v1/system_stats"])


async def test_a_workflow_that_can_not_be_filled_in(tmp_path: Path) -> None:
    each = DIALECTS["comfyui"]
    async with each.serve(each.make("k")) as url:
        good, there = of(await examined(settings(tmp_path, each.row(url, ["k"]))), "up ")
        wrong = replace(each.row(url, ["k"]), options={"workflow": str(tmp_path / "nowhere.json")})
        bad, still = of(await examined(settings(tmp_path, wrong)), "up ")
    assert (good.status, there.status, bad.status, still.status) == ("ok", "ok", "fail", "ok")
    assert "nowhere.json" in bad.message


async def test_the_stores(tmp_path: Path) -> None:
    told = settings(tmp_path)
    (tmp_path / "file").write_text("not a directory")
    wrong = replace(told, storage=replace(told.storage, media=f"file:{tmp_path}/file/media"))
    assert the(await examined(wrong), "storage").status == "fail"
    wrong = replace(told, storage=replace(told.storage, media="ftp://x"))
    assert the(await examined(wrong), "storage").status == "fail"
    wrong = replace(told, storage=replace(told.storage, database="mysql://user:hunter2@x/y"))
    found = await examined(wrong)
    assert the(found, "database").status == "fail"
    assert the(found, "storage").status == "ok", "one that fails keeps nobody from looking at the rest"
    assert "hunter2" not in str(found)


async def test_what_upstreams_hold(tmp_path: Path) -> None:
    told = settings(tmp_path, provider("http://127.0.0.1:9", GOOD))
    database = await Database.open(told.storage.database)
    hour_ago = now() - 3_600_000
    for number, (key, kind) in enumerate(((GOOD, "file"), (GOOD, "file"), (GOOD, "session"), (BAD, "session"))):
        item = UpstreamObject(new_id("obj"), "alice", "up", Key(key).alias, kind, f"/{number}", hour_ago)
        await database.upstreams.add_object(item)
        if number == 2:
            await database.upstreams.fail_object(item.id, now() + 60_000, "upstream_unavailable")
    await database.close()
    files, sessions, nobody = of(await examined(told), "cleanup")
    assert (files.status, "2 of kind file" in files.message, "1.0 h" in files.message) == ("ok", True, True)
    assert (sessions.status, "upstream_unavailable" in sessions.message) == ("warn", True)
    assert (nobody.status, Key(BAD).alias in nobody.message) == ("warn", True)


async def test_it_asks_the_server_that_runs(tmp_path: Path) -> None:
    """While it runs, and without a word to its database that would disturb it."""
    plan = Fault("/chat/completions", Answers(429, headers={"retry-after": "600"}), times=None)
    upstream = Faulty(SketchUpstream(key="sesame").app, plan, accepted="sesame")
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(upstream))
        house = await stack.enter_async_context(running(tmp_path, providers=[provider(url, GOOD)]))
        await house.ask("painter/images", "a barn")
        assert (await house.post({"model": "up/images", "messages": [user("a barn")]}))[0] == 429
        port = int(house.url.rpartition(":")[2])
        told = replace(house.gateway.settings, server=Server(port=port, public_url="http://127.0.0.1:9"))
        found = await examined(told)
        _, limited = of(found, "up ")[::-1]
        assert the(found, "server").status == "ok"
        assert (limited.status, "spares" in limited.message) == ("warn", True)
        assert the(found, "public_url").status == "warn", "nobody answers there"

        _, key = await house.gateway.keys.create("alice")
        found = await examined(told)
        assert [finding.status for finding in of(found, "server")] == ["ok", "warn"]
        found = await examined(told, key=key)
        assert the(found, "server").status == "ok"
        assert the(found, "access").message == "every request needs a key"
        assert key not in str(found)
        assert [each.status for each in await house.generations()] == ["completed"]


async def test_a_gateway_that_is_open_to_all(tmp_path: Path) -> None:
    told = settings(tmp_path, server=Server(host="0.0.0.0", port=free_port()))
    found = await examined(told, exposed=True)
    assert the(found, "access").status == "fail"
    assert the(found, "public_url").status == "warn"


async def test_the_command(tmp_path: Path) -> None:
    async with serve(SketchUpstream(key=GOOD).app) as url:
        (tmp_path / "darkroom.toml").write_text(
            f"[[providers]]\nname = 'up'\nbase_url = '{url}/v1'\napi_keys = ['{GOOD}', 'env:OTHER']\n"
        )
        port = {"DARKROOM_SERVER_PORT": str(free_port())}
        well = await command(tmp_path, "doctor", OTHER=GOOD, **port)
        ill = await command(tmp_path, "doctor", OTHER=BAD, **port)
        told = await command(tmp_path, "doctor", "--json", OTHER=BAD, **port)
    assert (well.code, ill.code, told.code) == (0, 1, 1)
    assert (well.err, ill.err, told.err) == ("", "", "")
    assert not any(line.startswith("fail") for line in well.out.splitlines())
    assert [line.split()[0] for line in ill.out.splitlines() if "→" not in line].count("fail") == 1
    report = json.loads(told.out)
    assert report["status"] == "fail"
    assert {each["status"] for each in report["checks"]} >= {"ok", "fail"}
    for said in (well.out, ill.out, told.out):
        assert GOOD not in said
        assert BAD not in said


async def test_the_command_beside_a_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        port = {"DARKROOM_SERVER_PORT": served.url.rpartition(":")[2]}
        done = await command(tmp_path, "doctor", **port)
    assert done.code == 0, done.out
    assert f"runs at {served.url}" in done.out


@pytest.mark.parametrize("words", [("doctor",), ("doctor", "--json")], ids=" ".join)
async def test_a_wrong_configuration_is_a_finding(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "darkroom.toml").write_text("[[providers]]\nname = 'a'\nbase_url = 'x'\n")
    done = await command(tmp_path, *words)
    assert (done.code, done.err) == (1, "")
    assert "base_url" in done.out
    (tmp_path / "darkroom.toml").write_text("[sever]\n")
    done = await command(tmp_path, *words)
    assert (done.code, done.err) == (1, "")
    assert "sever" in done.out
