"""`darkroom worker`: a process that works on jobs alone, beside gateways that share its database and its store."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import replace

import click
import uvloop

from darkroom.cli.running import read_settings
from darkroom.errors import ConfigInvalid, DarkroomError
from darkroom.gateway import Gateway
from darkroom.settings import Settings


@click.command()
@click.option("--config", "-c", "own_config", type=click.Path(dir_okay=False), help="TOML file")
@click.pass_obj
def worker(config: str | None, own_config: str | None) -> None:
    """Work on jobs: submit, poll, download, store, clean up.

    For PostgreSQL, beside gateways with `jobs.run = false` or without: whoever is free takes the next job, and those of
    a process that is gone.
    """
    try:
        settings = read_settings(own_config or config)
        if settings.storage.database.startswith("sqlite"):
            raise ConfigInvalid("a SQLite database has one process, and `darkroom serve` works on its jobs itself")
        jobs = replace(settings.jobs, run=True)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(replace(settings, jobs=jobs, sketch=False)))
    except DarkroomError as error:
        raise click.ClickException(error.message) from error


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, stop.set)
    async with Gateway.open(settings) as gateway:
        click.echo(f"{gateway.jobs.replica} works on jobs until it is asked to stop")
        with suppress(asyncio.CancelledError):
            await stop.wait()
