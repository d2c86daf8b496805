"""One run: every scenario, in rounds, each server in turn.

Strategy. Rounds are interleaved (direct, Darkroom, LiteLLM, floor; then again), so that whatever else the machine does
meets all alike, and what a gateway adds is told against the direct upstream of the same round. A server's memory is
told against what it held after a warm-up of small requests, which is read once, before anything large has been asked.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from bench.load import Load, Measured
from bench.processes import KEEP_BUFFERS, BenchFailed, Process, get
from bench.scenarios import ALL_ROUNDS, WARM_UPS, Scenario
from bench.servers import STARTERS, Server, Site

_SETTLE_SECONDS = 0.15
_TOUCHED = 1024 * 1024
_LINK = "/media/media_"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Block:
    """One server's part of one round: seconds per request to the first and last byte, in all, of CPU; peak in bytes
    above idle."""

    seconds: list[float]
    first: list[float]
    wall: float
    cpu: float
    peak: int


@dataclass(slots=True)
class Results:
    """Blocks by scenario and server, one per round; `errors` says why one is missing."""

    blocks: dict[tuple[str, str], list[Block]] = field(default_factory=dict)
    errors: dict[tuple[str, str], str] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)


@dataclass(slots=True)
class Bench:
    """The processes of a run."""

    directory: Path
    upstream: int
    load: Process
    servers: list[Server]

    @staticmethod
    @contextmanager
    def open(
        directory: Path, names: Sequence[str], litellm: Path, cores: tuple[list[int], list[int]]
    ) -> Iterator[Bench]:
        """Start everything; `cores` are those of the client and the upstream, and those of the servers."""
        with ExitStack() as stack:
            ours, theirs = cores
            upstream = started(stack, "upstream", directory, ours)
            load = started(stack, "load", directory, ours)
            port = int(upstream.first_line())
            site = Site(port, directory, theirs, litellm)
            servers = []
            for name in names:
                server = STARTERS[name](site)
                if server.process is not None:
                    stack.callback(server.process.stop)
                servers.append(server)
            yield Bench(directory, port, load, servers)

    def warm_up(self) -> None:
        """Send small requests along every path, then read what each server holds when idle."""
        for scenario in WARM_UPS:
            self.answer_with(scenario)
            for server in self.servers:
                measured = self.ask(server, scenario, scenario.requests)
                if measured.error and not server.slow:
                    raise BenchFailed(f"{server.name} fails at {scenario.title}: {measured.error}")
        time.sleep(1.0)
        for server in self.servers:
            if server.process is not None:
                server.idle = server.process.memory("VmRSS")

    def run(self, scenarios: Sequence[Scenario], rounds: int, say: Say) -> Results:
        """Measure. A server that fails at a scenario is left out of the rest of that scenario."""
        results = Results(servers={server.name: server for server in self.servers})
        for scenario in scenarios:
            begun = time.monotonic()
            self.answer_with(scenario)
            self._break_in(scenario)
            for turn in range(rounds):
                self._round(scenario, turn, results)
            say(f"{scenario.title}: {time.monotonic() - begun:.0f} s")
        return results

    def answer_with(self, scenario: Scenario) -> None:
        """Tell the upstream what to answer from now on."""
        get(self.upstream, "/answer", body=asdict(scenario.answer), timeout=60)

    def ask(self, server: Server, scenario: Scenario, requests: int) -> Measured:
        """Put one load on a server."""
        expect = _LINK if server.links and scenario.answer.picture else ""
        load = Load(
            server.port,
            scenario.model,
            scenario.answer.stream,
            scenario.asked,
            requests,
            scenario.concurrency,
            server.key,
            expect,
        )
        return Measured(**self.load.ask(asdict(load)))

    def _break_in(self, scenario: Scenario) -> None:
        """Ask once without measuring, since memory and disk cache that are touched for the first time are slow."""
        for server in self.servers:
            if not (server.slow and scenario.slow_rounds < ALL_ROUNDS):
                self.ask(server, scenario, scenario.concurrency)
                _clear(server)

    def _round(self, scenario: Scenario, turn: int, results: Results) -> None:
        for server in self.servers:
            key = scenario.name, server.name
            if key in results.errors or (server.slow and turn >= scenario.slow_rounds):
                continue
            _touch(self.directory, scenario.media * scenario.requests)
            measured, block = self._block(server, scenario)
            error = measured.error or self._untrue(server, scenario, measured)
            _clear(server)
            if error:
                results.errors[key] = error
            else:
                results.blocks.setdefault(key, []).append(block)

    def _block(self, server: Server, scenario: Scenario) -> tuple[Measured, Block]:
        ask = partial(self.ask, server, scenario, scenario.slow_requests if server.slow else scenario.requests)
        process = server.process
        if process is None:
            measured = ask()
            return measured, Block(measured.seconds, measured.first, measured.wall, 0.0, 0)
        process.forget_peak()
        before = process.cpu()
        measured = ask()
        time.sleep(_SETTLE_SECONDS)  # what a server does behind its answer is its work as well
        cpu, peak = process.cpu() - before, process.memory("VmHWM") - server.idle
        return measured, Block(measured.seconds, measured.first, measured.wall, cpu, max(peak, 0))

    def _untrue(self, server: Server, scenario: Scenario, measured: Measured) -> str:
        """Say what is wrong with an answer that came: the picture behind its link, or what the upstream was sent."""
        if scenario.asked:
            received = self.received()["bytes"]
            if received < scenario.asked // 3 * 4:
                return f"the upstream was sent {received} bytes, which can't hold the picture"
        if server.links and scenario.answer.picture:
            size = _linked(server, measured.sample)
            if size != scenario.answer.picture // 3 * 3:
                return f"the picture behind the link has {size} bytes"
        return ""

    def received(self) -> dict[str, int]:
        """Return how many chats the upstream got, and the size of the last one."""
        answer: dict[str, int] = json.loads(get(self.upstream, "/received")[1])
        return answer


def started(stack: ExitStack, name: str, directory: Path, cores: Sequence[int]) -> Process:
    """Start a program of the bench's own, which ends with the stack."""
    command = [sys.executable, "-m", f"bench.{name}"]
    process = Process.start(name, command, directory, environment=KEEP_BUFFERS, cores=cores, pipes=True)
    stack.callback(process.stop)
    return process


def _clear(server: Server) -> None:
    """Remove the pictures, so that the disk does not fill up, nor write one server's while the next is measured."""
    for path in server.pictures.rglob("*") if server.pictures is not None else ():
        if path.is_file():
            path.unlink()


def _touch(directory: Path, size: int) -> None:
    """Write and remove a file of `size` bytes, so that the next writer finds memory that is really there.

    A virtual machine may have given its free memory back to its host, and getting it again costs more than what is
    written into it; whoever came first would pay for all.
    """
    path = directory / "touched"
    with path.open("wb", buffering=0) as file:
        for _ in range(size // _TOUCHED + 1):
            file.write(bytes(_TOUCHED))
    path.unlink()


def _linked(server: Server, sample: str) -> int:
    """Return the size of the picture that an answer links to."""
    at = sample.find(_LINK)
    path = sample[at:].partition(".png")[0] + ".png"
    status, body = get(server.port, path, key=server.key)
    return len(body) if status == 200 and body.startswith(b"\x89PNG") else -1
