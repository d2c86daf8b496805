"""The results of watching as a part of the page: one row for each number of watchers."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report import number
from bench.scenarios import MIB
from bench.watching import JOB_SECONDS, Watched

TITLE = "# Many watchers"
_COLUMNS = (
    "watchers of 50 jobs", "all are told within, s", "CPU s", "CPU, % of a core", "peak MiB", "KiB per watcher",
    "events delivered", "delay p50 ms", "delay p99 ms", "last watcher p50 ms", "last watcher p99 ms",
)  # fmt: skip
_JOBS = (
    f"jobs of {JOB_SECONDS:.0f} s, one process, SQLite, watched through `GET /v1/generations/{{id}}?stream=true`; "
    "the upstream is asked after 1 s and then more seldom, up to every 15 s"
)
_COSTS = (
    "CPU and peak are of everything, the jobs and their films included; KiB per watcher: the peak less the one without "
    "watchers; all are told: from the first connection until the last watcher has had its first event"
)
_DELAYS = (
    "delay: from the upstream's answer with a new percent until a watcher has it; last watcher: until all of one "
    "generation's have it"
)


def watching_page(results: Sequence[Watched], facts: Sequence[str]) -> str:
    """Return this part of the page."""
    alone = next((each for each in results if not each.watching.watchers and not each.error), None)
    lines = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    lines += [_line(each, alone) for each in results]
    head = "\n".join(f"- {line}" for line in (*facts, _JOBS, _COSTS, _DELAYS))
    return "\n\n".join((TITLE, head, "\n".join(lines))) + "\n"


def _line(result: Watched, alone: Watched | None) -> str:
    watchers = result.watching.watchers
    if result.error:
        return f"| {watchers} | failed: {' '.join(result.error.split())[:200]} |" + " |" * (len(_COLUMNS) - 2)
    per_watcher = (result.memory - alone.memory) / 1024 / watchers if alone is not None and watchers else None
    values = (
        result.connected if watchers else None, result.cpu, result.cpu / result.wall * 100, result.memory / MIB,
        per_watcher, float(result.deliveries) if watchers else None, *_percentiles(result.delays),
        *_percentiles(result.last),
    )  # fmt: skip
    return f"| {watchers} | {' | '.join(map(number, values))} |"


def _percentiles(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the median and the 99th percentile of sorted seconds, in milliseconds."""
    if not values:
        return None, None
    return values[len(values) // 2] * 1e3, values[min(len(values) * 99 // 100, len(values) - 1)] * 1e3
