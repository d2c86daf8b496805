"""The `darkroom` command."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

import click
import uvicorn
import uvloop

from darkroom import __version__
from darkroom.app import app_of
from darkroom.clock import now
from darkroom.codecs.links import make_link
from darkroom.database import Database
from darkroom.doctor import Doctor, Finding, worst
from darkroom.endpoints.access import is_loopback
from darkroom.errors import ConfigInvalid, DarkroomError
from darkroom.gateway import Gateway
from darkroom.keys import Keys
from darkroom.settings import OUTPUTS, Output, Settings, load
from darkroom.settings import Server as ServerSettings
from darkroom.storage import GRACE_MS, Storage
from darkroom.sweep import Sweeper
from darkroom.testing.serving import listen

_DEFAULT_CONFIG = "darkroom.toml"
P = ParamSpec("P")
T = TypeVar("T")


def _run(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Run a coroutine as a command; our own errors are a line, not a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return asyncio.run(command(*args, **kwargs))
        except DarkroomError as error:
            raise click.ClickException(error.message) from error

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="darkroom")
@click.option(
    "--config",
    "-c",
    type=click.Path(dir_okay=False),
    help="TOML file  [default: darkroom.toml if it is there]",
)
@click.pass_context
def main(context: click.Context, config: str | None) -> None:
    """An OpenAI-compatible media gateway."""
    context.obj = config


def read_settings(config: str | None) -> Settings:
    """Return the settings of a file and the environment. Raises `ConfigInvalid`."""
    path = Path(config or _DEFAULT_CONFIG)
    if config is None and not path.exists():
        return load({}, os.environ)
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise ConfigInvalid(f"{path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path} is not TOML: {error}") from error
    return load(document, os.environ)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database for one command."""
    database = await Database.open(settings.storage.database)
    try:
        yield database
    finally:
        await database.close()


@main.command()
@click.option("--host", help="address to listen on  [default: 127.0.0.1]")
@click.option("--port", type=int, help="port to listen on  [default: 8000]")
@click.option("--config", "-c", "own_config", type=click.Path(dir_okay=False), help="TOML file")
@click.pass_obj
def serve(config: str | None, host: str | None, port: int | None, own_config: str | None) -> None:
    """Start the gateway."""
    try:
        settings = read_settings(own_config or config)
        server = replace(
            settings.server,
            host=host or settings.server.host,
            port=port if port is not None else settings.server.port,
        )
        settings = replace(settings, server=server)
        _serve(settings)
    except DarkroomError as error:
        raise click.ClickException(error.message) from error


async def _check_open(settings: Settings) -> None:
    """Refuse to listen to the world without keys."""
    if is_loopback(settings.server.host):
        return
    async with _database(settings) as database:
        if not await database.has_keys():
            raise ConfigInvalid(
                f"there are no keys, and {settings.server.host} is not this machine alone: "
                "make one with `darkroom keys create`, or listen on 127.0.0.1"
            )


class _Server(uvicorn.Server):
    """Says where it is once it listens."""

    def __init__(self, config: uvicorn.Config, settings: Settings, *, keyed: bool) -> None:
        super().__init__(config)
        self._settings = settings
        self._keyed = keyed

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            names = sorted(row.name for row in self._settings.providers)
            names += ["sketch (built in)"] if self._settings.sketch else []
            click.echo(greeting(self._settings.public_url, names, keyed=self._keyed))
            sys.stdout.flush()


def _serve(settings: Settings) -> None:
    """Serve until a signal comes. Raises what opening the gateway raises."""
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, _end)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_listen(settings))


async def _listen(settings: Settings) -> None:
    await _check_open(settings)
    if not settings.server.public_url and settings.server.host in {"0.0.0.0", "::"}:  # noqa: S104
        click.echo(f"Links begin with {settings.public_url}: set server.public_url to what clients call you", err=True)
    listener = _socket(settings.server)
    # Port 0 is any port, and links need to know which.
    settings = replace(settings, server=replace(settings.server, port=listener.getsockname()[1]))
    async with Gateway.open(settings) as gateway:
        config = uvicorn.Config(
            app_of(gateway),
            log_level="warning",
            access_log=False,
            ws="none",
            http="httptools",
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=30,
        )
        server = _Server(config, settings, keyed=await gateway.keys.required())
        await server.serve(sockets=[listener])


def _socket(server: ServerSettings) -> socket.socket:
    try:
        return listen(server.host, server.port)
    except OSError as error:
        raise ConfigInvalid(f"can't listen on {server.host}:{server.port}: {error.strerror}") from error


def _end(number: int, frame: object) -> NoReturn:
    """End well when asked to: uvicorn raises its signals again once it has shut down."""
    raise SystemExit(0)


def greeting(url: str, providers: list[str], *, keyed: bool) -> str:
    """Return what a newcomer wants to see: where it is, and two things to try."""
    offered = ", ".join(providers)
    header = " -H 'authorization: Bearer dk-…'" if keyed else ""
    key = "dk-…" if keyed else "none"
    return f"""
Darkroom {__version__} is at {url}   providers: {offered}

Try it:
  curl {url}/v1/chat/completions -H 'content-type: application/json'{header} \\
    -d '{{"model": "sketch", "messages": [{{"role": "user", "content": "a lighthouse in a storm"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{url}/v1", api_key="{key}")
  answer = client.chat.completions.create(
      model="sketch", messages=[{{"role": "user", "content": "a lighthouse in a storm"}}])
  print(answer.choices[0].message.content)
"""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
@click.option(
    "--key", envvar="DARKROOM_KEY", help="one of the gateway's own keys, to ask a running server  [$DARKROOM_KEY]"
)
@click.pass_obj
@_run
async def doctor(config: str | None, as_json: bool, key: str | None) -> None:
    """Look for what is wrong: configuration, stores, providers and keys.

    It may run beside a server. The exit code is 1 when something fails.
    """
    found: list[Finding] = []
    async for finding in _findings(config, key):
        found.append(finding)
        if not as_json:
            hint = f"\n{'':5} {'':18} → {finding.hint}" if finding.hint and finding.status != "ok" else ""
            click.echo(f"{finding.status:<5} {finding.check:<18} {finding.message}{hint}")
    if as_json:
        report = {"version": __version__, "status": worst(found), "checks": [asdict(each) for each in found]}
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    if worst(found) == "fail":
        raise SystemExit(1)


async def _findings(config: str | None, key: str | None) -> AsyncIterator[Finding]:
    try:
        settings = read_settings(config)
    except ConfigInvalid as error:
        yield Finding("configuration", "fail", error.message)
        return
    async for finding in Doctor(settings, key, exposed=not is_loopback(settings.server.host)).examine():
        yield finding


@main.group()
def keys() -> None:
    """Make, list and revoke the keys that clients show."""


@keys.command("create")
@click.option("--owner", default="default", show_default=True, help="whose media the key gives access to")
@click.option(
    "--output", type=click.Choice(OUTPUTS), help="the shape of answers for this key  [default: the provider's]"
)
@click.pass_obj
@_run
async def create_key(config: str | None, owner: str, output: Output | None) -> None:
    """Make a key and print it, once."""
    async with _database(read_settings(config)) as database:
        id, secret = await Keys(database).create(owner, output)
    click.echo(f"{id} for {owner}; it is not shown again:", err=True)
    click.echo(secret)


@keys.command("list")
@click.pass_obj
@_run
async def list_keys(config: str | None) -> None:
    """List the keys, without their secrets."""
    async with _database(read_settings(config)) as database:
        for row in await database.list_keys():
            click.echo(f"{row.id}  {row.owner}  {'revoked' if row.revoked else 'good'}")


@keys.command("revoke")
@click.argument("id")
@click.pass_obj
@_run
async def revoke_key(config: str | None, id: str) -> None:
    """Revoke a key; a running gateway notices within ten seconds."""
    async with _database(read_settings(config)) as database:
        if not await database.revoke_key(id, now()):
            raise click.ClickException(f"there is no good key {id}")


@main.group()
def media() -> None:
    """Look at what is stored, and clean up."""


@media.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.pass_obj
@_run
async def list_media(config: str | None, limit: int) -> None:
    """List the newest media of every owner."""
    settings = read_settings(config)
    async with _database(settings) as database:
        for row in await database.list_media(None, limit):
            size = f"{row.width}x{row.height}" if row.width else "-"
            click.echo(f"{make_link(settings.public_url, row)}  {row.mime}  {size}  {row.size}  {row.owner}")


@media.command("sweep")
@click.option("--dry-run", is_flag=True, help="only say what would go")
@click.option(
    "--grace",
    default=GRACE_MS // 1000,
    show_default=True,
    type=click.IntRange(min=0),
    help="seconds that young bytes are spared",
)
@click.pass_obj
@_run
async def sweep(config: str | None, dry_run: bool, grace: int) -> None:
    """Remove what crashes and deletions left over."""
    settings = read_settings(config)
    async with _database(settings) as database:
        storage = await Storage.open(settings.storage.media)
        try:
            swept = await Sweeper(database, storage).sweep(grace_ms=grace * 1000, dry=dry_run)
        finally:
            await storage.close()
    for name, value in asdict(swept).items():
        click.echo(f"{name}: {value}")
    if swept.missing:
        raise SystemExit(1)
