"""The bench's processes: started, watched through `/proc`, and ended by their ids. Linux only."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

_ROOT = Path(__file__).parents[1]
_TICK = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 15.0
# Else glibc gives each chunk's buffer back to the kernel and faults it in anew, which takes longer than all the work: a
# small program, whose heap ends with that buffer, is hit by it; a larger one is not. The bench's own must not be.
KEEP_BUFFERS = {"MALLOC_TRIM_THRESHOLD_": str(64 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}
_CONFIGURES = ("DARKROOM_", "LITELLM_", "OPENAI_", "GEMINI_", "OPENROUTER_")


class BenchFailed(Exception):
    """A process of the bench did not do its part; the message says which and how."""


@dataclass(slots=True)
class Process:
    """One process, its log, and what the kernel says of it and its children."""

    name: str
    popen: subprocess.Popen[str]
    log: Path

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        directory: Path,
        *,
        environment: Mapping[str, str] | None = None,
        cores: Sequence[int] = (),
        pipes: bool = False,
    ) -> Self:
        """Start a command, its log in `directory`; with `pipes` its input and output are ours."""
        log = directory / f"{name}.log"
        with log.open("a") as file:
            popen = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else file,
                stderr=file,
                cwd=_ROOT,
                env={**plain_environment(), **(environment or {})},
                text=True,
            )
        if cores:
            os.sched_setaffinity(popen.pid, cores)
        return cls(name, popen, log)

    def stop(self) -> None:
        """End the process and what it started; idempotent."""
        children = [pid for pid in self.pids() if pid != self.popen.pid]
        self.popen.terminate()
        try:
            self.popen.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(_STOP_SECONDS)
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        for pid in children:
            _end(pid)

    def pids(self) -> list[int]:
        """Return the process and its descendants, as far as they live."""
        found = [self.popen.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    found += [int(word) for word in task.read_text().split()]
        return found

    def cpu(self) -> float:
        """Return the CPU seconds so far, of user and system, children included."""
        return sum(_cpu(pid) for pid in self.pids())

    def memory(self, field: str) -> int:
        """Return `VmRSS` or `VmHWM` in bytes, summed over children."""
        return sum(_memory(pid, field) for pid in self.pids())

    def forget_peak(self) -> None:
        """Make `VmHWM` start again from what is resident now."""
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def ask(self, line: dict[str, Any]) -> dict[str, Any]:
        """Write a JSON line to a process with pipes and return the JSON line that it answers."""
        stdin, stdout = self._pipes()
        stdin.write(json.dumps(line) + "\n")
        stdin.flush()
        return self._parsed(stdout.readline())

    def first_line(self) -> str:
        return self._pipes()[1].readline().strip()

    def last_words(self) -> str:
        """Return the end of the log, for an error message."""
        return self.log.read_text(errors="replace")[-800:]

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        if self.popen.stdin is None or self.popen.stdout is None:
            raise BenchFailed(f"{self.name} has no pipes")
        return self.popen.stdin, self.popen.stdout

    def _parsed(self, line: str) -> dict[str, Any]:
        if not line:
            raise BenchFailed(f"{self.name} ended: {self.last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def plain_environment() -> dict[str, str]:
    """Return the environment without what would configure a server behind the bench's back."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_CONFIGURES)}


def _end(pid: int) -> None:
    """Kill a process that is not our child, and wait until it is gone, for at most a few seconds."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for _ in range(200):
        if not lives(pid):
            return
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that waits for its parent to take note of its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime, stime, and those of the children that it has waited for: fields 14 to 17 of proc_pid_stat(5).
    return sum(map(int, fields[11:15])) / _TICK


def _memory(pid: int, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), 0)


def free_port() -> int:
    """Return a port of loopback that nobody listens on, out of those that no outgoing connection is given."""
    while True:
        port = random.randrange(12000, 20000)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def get(port: int, path: str, *, body: object = None, key: str = "", timeout: float = 30.0) -> tuple[int, bytes]:
    """GET, or POST a JSON body; return the status and the answer's bytes. Raises `OSError`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        data = None if body is None else json.dumps(body).encode()
        connection.request("GET" if data is None else "POST", path, data, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def wait_ready(process: Process, port: int, path: str, seconds: float) -> float:
    """Wait until a GET answers 200; return how long it took. Raises `BenchFailed` with the log's end."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if process.popen.poll() is not None:
            raise BenchFailed(f"{process.name} ended at its start: {process.last_words()}")
        with suppress(OSError):
            if get(port, path, timeout=5.0)[0] == 200:
                return time.monotonic() - begun
        time.sleep(0.1)
    raise BenchFailed(f"{process.name} was not ready within {seconds:.0f} s: {process.last_words()}")
