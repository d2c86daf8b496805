"""Many watchers of jobs that run: what each costs, and how late it is told.

Strategy. The same number of jobs runs each time, with no watcher at first, so that what the jobs themselves cost is
known. An event begins when the upstream's answer with a new percent leaves it, and ends when the last of its watchers
has it; how often the upstream is asked is the provider's option, and no part of that.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bench.measure import Say, started
from bench.processes import KEEP_BUFFERS, BenchFailed, Process, get
from bench.servers import Server, Site, start_darkroom
from bench.watcher import Begun, Heard, Watch

_SETTLE_SECONDS = 1.0
_FILMS = """[[providers]]
name = "films"
base_url = "http://127.0.0.1:{port}/v1"
dialect = "openai-videos"
api_key = "none"
models = ["sora-2"]
options = {{ poll_seconds = 1.0 }}
"""


@dataclass(frozen=True, slots=True)
class Watching:
    """One row: how many watch how many jobs; each job takes about `seconds`."""

    name: str
    watchers: int
    jobs: int = 50


JOB_SECONDS = 20.0
WATCHINGS: tuple[Watching, ...] = (
    Watching("watchers-0", 0),
    Watching("watchers-100", 100),
    Watching("watchers-1000", 1000),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of one row. `cpu` and `wall` in seconds, from before the jobs were begun until after the last was over;
    `memory` is what was resident at most, in bytes.

    `connected`: seconds until all watchers had been told something. `delays`: seconds of each event to each watcher;
    `last`: of each event to the last of its watchers.
    """

    watching: Watching
    cpu: float = 0.0
    wall: float = 0.0
    memory: int = 0
    connected: float = 0.0
    deliveries: int = 0
    delays: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    error: str = ""


@dataclass(slots=True)
class WatchingBench:
    """The processes of a run; jobs take `seconds`."""

    films: int
    watcher: Process
    server: Server
    seconds: float

    @staticmethod
    @contextmanager
    def open(
        directory: Path, cores: tuple[list[int], list[int]], seconds: float = JOB_SECONDS
    ) -> Iterator[WatchingBench]:
        """Start everything; `cores` are those of the clients and the upstream, and those of Darkroom."""
        with ExitStack() as stack:
            command = [sys.executable, "-m", "bench.films", str(seconds)]
            films = Process.start("films", command, directory, environment=KEEP_BUFFERS, cores=cores[0], pipes=True)
            stack.callback(films.stop)
            watcher = started(stack, "watcher", directory, cores[0])
            port = int(films.first_line())
            server = start_darkroom(Site(port, directory, cores[1], Path(), _FILMS.format(port=port)))
            if server.process is not None:
                stack.callback(server.process.stop)
            yield WatchingBench(port, watcher, server, seconds)

    def warm_up(self) -> None:
        """Watch a few jobs without measuring, so that what is loaded late is loaded."""
        self._watched(Watching("warm-up", 2, 2))

    def run(self, watchings: Sequence[Watching], say: Say) -> list[Watched]:
        """Measure one after the other."""
        results = []
        for watching in watchings:
            time.sleep(_SETTLE_SECONDS)
            results.append(self._watched(watching))
            say(f"{watching.watchers} watchers of {watching.jobs} jobs: {results[-1].error or 'measured'}")
        return results

    def _watched(self, watching: Watching) -> Watched:
        process = self.server.process
        if process is None:
            raise BenchFailed("darkroom does not run")
        process.forget_peak()
        cpu, wall = process.cpu(), time.monotonic()
        names = [f"{watching.name} {number}" for number in range(watching.jobs)]
        prompts = {self._create(name): name for name in names}
        begun = Begun(**self.watcher.ask(asdict(self._watch(watching, list(prompts)))))
        if begun.error:
            return Watched(watching, error=begun.error)
        heard = Heard(**self.watcher.ask({}))
        failed = self._wait(list(prompts))
        memory, cpu, wall = process.memory("VmHWM"), process.cpu() - cpu, time.monotonic() - wall
        told = {prompt: {int(key): when for key, when in each.items()} for prompt, each in self._told().items()}
        result = Watched(watching, cpu, wall, memory, begun.seconds, len(heard.events), error=heard.error or failed)
        return timed(result, heard, {id: told.get(prompt, {}) for id, prompt in prompts.items()}, begun.at)

    def _watch(self, watching: Watching, generations: list[str]) -> Watch:
        return Watch(self.server.port, self.server.key, generations, watching.watchers, self.seconds * 3 + 60)

    def _create(self, prompt: str) -> str:
        """Begin a job; return its id."""
        body = {"model": "films/sora-2", "prompt": prompt}
        status, answer = get(self.server.port, "/v1/videos", body=body, key=self.server.key)
        if status != 200:
            raise BenchFailed(f"no video was begun: {answer[:300]!r}")
        id: str = json.loads(answer)["id"]
        return id

    def _wait(self, generations: Sequence[str]) -> str:
        """Wait until all jobs are over; say what is wrong with the first that is not completed."""
        until = time.monotonic() + self.seconds * 3 + 60
        for id in generations:
            while (status := self._status(id)) in ("queued", "running") and time.monotonic() < until:
                time.sleep(0.2)
            if status != "completed":
                return f"{id} is {status}"
        return ""

    def _status(self, id: str) -> str:
        status: str = json.loads(get(self.server.port, f"/v1/generations/{id}", key=self.server.key)[1])["status"]
        return status

    def _told(self) -> dict[str, dict[str, float]]:
        told: dict[str, dict[str, float]] = json.loads(get(self.films, "/told")[1])
        return told


def timed(result: Watched, heard: Heard, told: dict[str, dict[int, float]], since: float) -> Watched:
    """Add how late the watchers were told what the upstream told after they had all come (`since`)."""
    delays: dict[tuple[str, int], list[float]] = defaultdict(list)
    for id, percent, status, when in heard.events:
        begun = told[id].get(percent, 0.0)
        if status == "running" and begun > since:
            delays[id, percent].append(when - begun)
    flat = sorted(delay for each in delays.values() for delay in each)
    return replace(result, delays=flat, last=sorted(map(max, delays.values())))
