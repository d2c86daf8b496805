"""What every command does: it reads the settings, opens the database, and says in one line what went wrong."""

from __future__ import annotations

import asyncio
import os
import tomllib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from darkroom.database import Database
from darkroom.errors import ConfigInvalid, DarkroomError
from darkroom.settings import Settings, load

_DEFAULT_CONFIG = "darkroom.toml"
P = ParamSpec("P")
T = TypeVar("T")


def run(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Run a coroutine as a command; our own errors are a line, not a traceback."""

    @wraps(command)
    def running(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return asyncio.run(command(*args, **kwargs))
        except DarkroomError as error:
            raise click.ClickException(error.message) from error

    return running


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
async def database_of(settings: Settings) -> AsyncIterator[Database]:
    """Open the database for one command."""
    database = await Database.open(settings.storage.database)
    try:
        yield database
    finally:
        await database.close()
