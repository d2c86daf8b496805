"""The results of serving media as a part of the page: one table per serving, Darkroom's row told against nginx's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.report import number
from bench.scenarios import MIB
from bench.serving import Served, Serving, ServingResults

TITLE = "# Serving media, beside nginx"
_GB = 1e9
_COLUMNS = (
    "", "requests/s", "MB/s", "p50 ms", "p99 ms", "CPU ms/req", "CPU s/GB", "added MiB", "throughput vs nginx",
    "CPU vs nginx",
)  # fmt: skip
_SAME = (
    "both serve the same files out of Darkroom's store, to one client that receives into one buffer; nginx has one "
    "worker with `sendfile` and no log, and looks nothing up; Darkroom asks its database for each link, so that a "
    "deleted one is dead at once"
)
_TOLD = (
    "all files are in the page cache; the answers of a serving are equally large, so that a ratio of requests is one "
    "of bytes; CPU is the server's; added: the highest resident memory above idle"
)


@dataclass(frozen=True, slots=True)
class ServedRow:
    """One server at one serving, medians of its rounds; `added` in bytes is the most of all. Times in seconds."""

    rate: float
    bytes_rate: float
    p50: float
    p99: float
    cpu: float
    cpu_per_gb: float
    added: int


def served_row(rounds: Sequence[Served]) -> ServedRow:
    """Boil the rounds of one server down."""
    return ServedRow(
        median(each.read.answers / each.read.wall for each in rounds),
        median(each.read.size / each.read.wall for each in rounds),
        median(each.read.p50 for each in rounds),
        median(each.read.p99 for each in rounds),
        median(each.cpu / each.read.answers for each in rounds),
        median(each.cpu / each.read.size * _GB for each in rounds),
        max(each.peak for each in rounds),
    )


def serving_page(
    servings: Sequence[Serving], results: ServingResults, rounds: int, facts: Sequence[str], skipped: Sequence[str] = ()
) -> str:
    """Return this part of the page; `skipped` says what was left out, and why."""
    idle = ", ".join(
        f"{server.name} {server.idle / MIB:.0f} MiB"
        for server in results.servers.values()
        if server.process is not None
    )
    lines = [*facts, f"medians of {rounds} interleaved rounds; resident when idle: {idle}", _SAME, _TOLD, *skipped]
    parts = [TITLE, "\n".join(f"- {line}" for line in lines)]
    parts += [_table(serving, results) for serving in servings]
    return "\n\n".join(parts) + "\n"


def _table(serving: Serving, results: ServingResults) -> str:
    lines = [f"## {serving.title}", "", f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    rows = {
        server: served_row(results.rounds[serving.name, server])
        for server in results.servers
        if (serving.name, server) in results.rounds
    }
    for server in results.servers:
        if server in rows:
            lines.append(f"| {server} | {' | '.join(_cells(rows[server], rows.get('nginx')))} |")
        if error := results.errors.get((serving.name, server)):
            lines.append(f"| {server} | failed: {' '.join(error.split())[:200]} |" + " |" * (len(_COLUMNS) - 2))
    return "\n".join(lines)


def _cells(row: ServedRow, nginx: ServedRow | None) -> list[str]:
    values = (
        row.rate, row.bytes_rate / 1e6, row.p50 * 1e3, row.p99 * 1e3, row.cpu * 1e3, row.cpu_per_gb, row.added / MIB
    )  # fmt: skip
    ratios = (None, None) if nginx is None else (row.rate / nginx.rate, row.cpu / nginx.cpu if nginx.cpu else None)
    return [*map(number, values), *(number(ratio) for ratio in ratios)]
