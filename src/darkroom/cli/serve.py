"""`darkroom serve`: the gateway as a process."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from dataclasses import replace
from typing import Any, NoReturn

import click
import uvicorn
import uvloop

from darkroom import __version__
from darkroom.app import app_of
from darkroom.cli.running import database_of, read_settings
from darkroom.endpoints.access import is_loopback
from darkroom.errors import ConfigInvalid, DarkroomError
from darkroom.gateway import Gateway
from darkroom.settings import Server as ServerSettings
from darkroom.settings import Settings
from darkroom.studio.studio import rows_of
from darkroom.testing.serving import listen


@click.command()
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
    async with database_of(settings) as database:
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
            studios = [row.name for row in rows_of(self._settings.models, sketch=self._settings.sketch)]
            click.echo(greeting(self._settings.public_url, names, studios, keyed=self._keyed))
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
            timeout_keep_alive=75,  # Longer than proxies and clients keep theirs.
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


def greeting(url: str, providers: list[str], studios: list[str], *, keyed: bool) -> str:
    """Return what a newcomer wants to see: where it is, and two things to try."""
    offered = ", ".join(providers) + (f"   studios: {', '.join(studios)}" if studios else "")
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
