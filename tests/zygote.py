"""Gateways that start quickly, to be killed: a process that has loaded everything, and forks one that serves.

What is forked is a process like any other, and dies like any other; it is only spared the second that loading takes.
Run as a script it is that process: each line on its standard input is a port to serve at, and it says the process's id,
and how that ended.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL

import aiohttp
import dbos  # noqa: F401  (so that it is loaded, like all that the program imports)

from darkroom.cli import main
from doors import environment

_WAIT = 60


@dataclass(slots=True)
class Zygote:
    """Serves the configuration in `root`, as often as it is killed. `log` is all that its gateways said."""

    root: Path
    process: asyncio.subprocess.Process
    log: Path
    pid: int | None = None
    ends: list[int] = field(default_factory=list)

    async def start(self, port: int) -> None:
        """Fork a gateway, and wait until it answers."""
        self.pid = int(await self._say(str(port)))
        async with asyncio.timeout(_WAIT), aiohttp.ClientSession() as session:
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{port}/v1/videos") as response:
                        assert response.status == 200, await response.text()
                        return
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """Kill the gateway, and wait until it is gone. One that ended by itself fails the test."""
        assert self.pid is not None
        os.kill(self.pid, SIGKILL)
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), _WAIT)
        assert int(line) == SIGKILL, (line, self.log.read_text("utf-8"))
        self.pid = None

    async def _say(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        return (await asyncio.wait_for(self.process.stdout.readline(), _WAIT)).decode()


@asynccontextmanager
async def zygote(root: Path, **more: str) -> AsyncIterator[Zygote]:
    """Run a process that forks gateways with the configuration in `root` and `more` variables."""
    log = root / "gateways.log"
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            cwd=root,
            env={**environment(root, **more), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
        )
        found = Zygote(root, process, log)
        try:
            yield found
        finally:
            if found.pid is not None:
                await found.kill()
            process.kill()
            await process.communicate()


def _main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os.dup2(2, 1)
            os.close(0)
            main(["serve", "--port", line.strip()], standalone_mode=False)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(-os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _main()
