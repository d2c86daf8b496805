"""The same gateway with PostgreSQL and a bucket behind it: only two settings differ."""

from __future__ import annotations

import hashlib
from pathlib import Path

import aiohttp
import openai
import pytest

from darkroom.app import app_of
from darkroom.gateway import Gateway
from darkroom.settings import Server, Settings, StorageSettings
from darkroom.sketch import read_ancestry
from darkroom.testing import serve
from postgres import running_postgres
from running import assistant, user
from s3 import running_s3


async def test_two_replicas_on_postgresql_and_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_postgres() as postgres, running_s3(_made(tmp_path / "s3")) as s3:
        for name, value in s3.options().items():
            monkeypatch.setenv(name, value)
        settings = Settings(
            server=Server(public_url="http://gateway.example"),
            storage=StorageSettings(f"{s3.url}/pictures", await postgres.fresh()),
        )
        async with Gateway.open(settings) as one, Gateway.open(settings) as two:
            first = await _ask(one, user("a lighthouse"))
            second = await _ask(two, user("a lighthouse"), assistant(first), user("add a boat"))
            picture = await _download(one, second)
            (edit,) = [row for row in await two.database.generations("local", limit=5) if row.prompt == "add a boat"]
    assert [step.prompt for step in read_ancestry(picture)] == ["a lighthouse", "add a boat"]
    assert edit.inputs[0].media is not None
    assert edit.inputs[0].media in first
    assert edit.outputs[0].blob == hashlib.sha256(picture).hexdigest()


async def _ask(gateway: Gateway, *messages: object) -> str:
    async with (
        serve(app_of(gateway)) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        answer = await client.chat.completions.create(model="sketch", messages=list(messages))  # type: ignore[arg-type]
    return answer.choices[0].message.content or ""


async def _download(gateway: Gateway, text: str) -> bytes:
    path = text.partition("http://gateway.example")[2].rstrip(")")
    async with serve(app_of(gateway)) as url, aiohttp.ClientSession() as session, session.get(url + path) as response:
        assert response.status == 200
        return await response.read()


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory
