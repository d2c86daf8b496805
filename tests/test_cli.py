"""The command: what it prints can be run, its mistakes are one line, and it ends when it is asked to."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGTERM

import aiohttp
import click
import pytest

from darkroom import __version__
from darkroom.cli import main
from doors import CHAT, PROGRAM, WAIT, Ended, command, ended, environment, free_port, serving


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, by its words."""
    yield path
    for name, item in group.commands.items():
        if isinstance(item, click.Group):
            yield from commands(item, (*path, name))
        else:
            yield (*path, name)


async def run(*words: str, cwd: Path) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *words, cwd=cwd, env=environment(cwd), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    return await ended(process)


@pytest.mark.parametrize("path", list(commands(main)), ids=lambda path: " ".join(path) or "darkroom")
async def test_help(tmp_path: Path, path: tuple[str, ...]) -> None:
    done = await command(tmp_path, *path, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage:")
    assert len(done.out.splitlines()) > 4
    assert os.listdir(tmp_path) == []


async def test_the_version(tmp_path: Path) -> None:
    assert __version__ in (await command(tmp_path, "--version")).out


async def test_serve_prints_what_to_try_and_it_works(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        assert served.url in served.greeting
        assert "sketch" in served.greeting
        curl = re.search(r"curl .*\\\n.*", served.greeting)
        assert curl is not None
        assert shutil.which("curl"), "the printed line needs curl"
        done = await run(*shlex.split(curl[0].replace("\\\n", " ")), cwd=tmp_path)
        assert done.code == 0, done.err
        link = await assert_opens(done.out)
        assert link.startswith(served.url)

        snippet = textwrap.dedent(served.greeting[served.greeting.index("  from openai") :])
        (tmp_path / "snippet.py").write_text(snippet, "utf-8")
        done = await run(sys.executable, "snippet.py", cwd=tmp_path)
        assert done.code == 0, done.err
        assert done.out.startswith("![")
        await assert_opens(done.out)


async def assert_opens(text: str) -> str:
    """Check that a text holds a link, and that a picture stands there."""
    found = re.search(r"http://[^\s)\"]+/media/[^\s)\"]+", text)
    assert found is not None, text
    async with aiohttp.ClientSession() as session, session.get(found[0]) as response:
        assert response.status == 200
        assert response.content_type == "image/png"
    return found[0]


async def test_with_nothing_at_all_the_data_lie_here(tmp_path: Path) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("serve", "--port", str(port)),
        cwd=tmp_path,
        env={"PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert b"\n" in await asyncio.wait_for(process.stdout.readuntil(b"Try it"), WAIT)
        assert (tmp_path / "darkroom-data" / "darkroom.db").exists()
        assert (tmp_path / "darkroom-data" / "media" / "blobs").is_dir()
    finally:
        process.terminate()
        await asyncio.wait_for(process.communicate(), WAIT)


@pytest.mark.parametrize("signal", [SIGTERM, SIGINT])
async def test_a_signal_ends_it_well(tmp_path: Path, signal: int) -> None:
    async with serving(tmp_path) as served:
        async with aiohttp.ClientSession() as session, session.get(f"{served.url}/health") as response:
            assert response.status == 200
        done = await served.end(signal)
    assert (done.code, done.err) == (0, "")
    assert "Traceback" not in done.out


async def test_a_generation_that_has_begun_is_finished_at_the_end(tmp_path: Path) -> None:
    """SIGTERM while a picture is made: the client still gets its answer, and the link outlives the process."""
    body = {
        "model": "sketch/relay",
        "messages": [{"role": "user", "content": "a boat"}],
        "stream": True,
        "sketch": {"delay": 0.2},
    }
    async with serving(tmp_path) as served, aiohttp.ClientSession() as session:
        async with session.post(served.url + CHAT, json=body) as response:
            first = await response.content.readany()
            assert first
            served.process.send_signal(SIGTERM)
            said = (first + await response.read()).decode()
        done = await served.end(SIGTERM)
        assert "Traceback" not in done.err
    found = re.search(r"/media/(media_\w+)\.png", said)
    assert found is not None, said
    listed = await command(tmp_path, "media", "list")
    assert found[1] in listed.out


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[server\n", "TOML"),
        ("[sever]\nport = 1\n", "sever"),
        ("[server]\nport = 'many'\n", "port"),
        ("[[providers]]\nname = 'a'\nbase_url = 'http://x'\napi_key = 'env:NO_SUCH_KEY'\n", "NO_SUCH_KEY"),
        ("[[providers]]\nname = 'a'\nbase_url = 'http://x'\nprofile = 'novel'\n", "novel"),
        ("[[providers]]\nname = 'a'\nbase_url = 'x'\n", "base_url"),
        ("[[providers]]\nname = 'a'\nbase_url = 'http://x'\ndialect = 'novel'\n", "novel"),
        ("[fetch]\nallow = ['10.0.0.0/99']\n", "fetch.allow"),
        ("\xff", "darkroom.toml"),
    ],
)
async def test_a_wrong_configuration_is_one_line(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "darkroom.toml").write_bytes(text.encode("latin-1"))
    one_line(await command(tmp_path, "serve", "--port", str(free_port())), word)


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"DARKROOM_SERVER_PORT": "many"}, "port"),
        ({"DARKROOM_STORAGE_MEDIA": "ftp://x"}, "ftp"),
        ({"DARKROOM_STORAGE_DATABASE": "mysql://x"}, "database"),
        ({"DARKROOM_STORAGE_MEDIA": "file:/proc/nowhere"}, "media store"),
        ({"DARKROOM_STORAGE_DATABASE": "sqlite:/proc/nowhere/x.db"}, "database"),
    ],
)
@pytest.mark.parametrize("words", [("serve",), ("media", "sweep")], ids=" ".join)
async def test_a_wrong_variable_is_one_line(
    tmp_path: Path, variables: dict[str, str], word: str, words: tuple[str, ...]
) -> None:
    port = {"DARKROOM_SERVER_PORT": str(free_port())}
    one_line(await command(tmp_path, *words, **{**port, **variables}), word)


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, place: str) -> None:
    words = ("-c", "novel.toml", "serve") if place == "before" else ("serve", "-c", "novel.toml")
    one_line(await command(tmp_path, *words), "novel.toml")


async def test_a_named_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("output = 'parts'\n[server]\npublic_url = 'http://pictures.example'\n")
    async with serving(tmp_path, "--config", "other.toml") as served:
        assert "http://pictures.example" in served.greeting


async def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        port = served.url.rpartition(":")[2]
        one_line(await command(tmp_path, "serve", "--port", port), "in use")


async def test_an_unknown_command_is_named(tmp_path: Path) -> None:
    done = await command(tmp_path, "novel")
    assert done.code == 2
    assert "novel" in done.err


async def test_media_list(tmp_path: Path) -> None:
    assert (await command(tmp_path, "media", "list")).out == ""
    async with serving(tmp_path) as served, aiohttp.ClientSession() as session:
        for prompt in ("a boat", "a house"):
            body = {"model": "sketch", "messages": [{"role": "user", "content": prompt}]}
            async with session.post(served.url + CHAT, json=body) as response:
                assert response.status == 200
    listed = (await command(tmp_path, "media", "list")).out.splitlines()
    assert len(listed) == 2
    assert all("/media/media_" in line and "image/png" in line and "local" in line for line in listed)
    assert len((await command(tmp_path, "media", "list", "--limit", "1")).out.splitlines()) == 1
    assert (await command(tmp_path, "media", "list", "--limit", "0")).code == 2


def one_line(done: Ended, word: str) -> None:
    """Check that a command failed with one line that names what is wrong, and no traceback."""
    assert done.code != 0
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if line.strip()]
    assert len(lines) == 1, done.err
    assert word in lines[0]
