"""The results as a page of Markdown: the machine, the tables of the chats, and the three targets."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from statistics import median

from bench.measure import Block, Results
from bench.scenarios import MIB, Scenario

MEMORY_TARGET = 8.0
"""MiB of resident memory above idle per picture in flight."""
FLOOR_TARGET = 0.5
"""Part of the floor program's throughput on the media path."""
LITELLM_TARGET = 8.0
"""Times LiteLLM's requests per CPU second, for small text."""

_STORED = (
    "all pictures differ, so nothing is stored twice; Darkroom makes them durable, with rows and links; the floor "
    "program writes them to a file without fsync; direct and LiteLLM store nothing and hand the client the base64"
)
_ADDED = (
    "added: less the direct upstream of the same round, whose client gets the whole base64; p99 is the slowest where "
    "there are fewer than 100 requests; MB/s are bytes of pictures, not of base64"
)
_LIBRARIES = ("uvicorn", "starlette", "aiohttp", "pybase64", "msgspec")
_COLUMNS = (
    "", "p50 ms", "added p50", "added p99", "first byte", "CPU ms/req", "req/CPU s", "peak MiB above idle",
    "MiB per picture", "MB/s", "vs floor", "vs LiteLLM",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One server at one scenario: milliseconds, MiB, requests per CPU second, MB/s of picture bytes. None: not known.

    Times are medians of the rounds' medians; `added_p99` is the 99th percentile of all requests (the slowest where
    there are fewer than a hundred), each less the direct median of its round.
    """

    p50: float
    added_p50: float | None
    added_p99: float | None
    first: float | None
    cpu: float | None
    per_cpu: float | None
    peak: float | None
    per_picture: float | None
    rate: float | None


def row_of(scenario: Scenario, blocks: Sequence[Block], direct: Sequence[Block]) -> Row:
    """Boil the rounds of one server down."""
    medians = [median(block.seconds) for block in blocks]
    added = list(zip(blocks, (median(block.seconds) for block in direct), strict=False))
    differences = [median(block.seconds) - base for block, base in added]
    all_added = sorted(chain.from_iterable((each - base for each in block.seconds) for block, base in added))
    is_direct = blocks is direct
    cpu = None if is_direct else median(block.cpu / len(block.seconds) for block in blocks)
    peak = None if is_direct else max(block.peak for block in blocks) / MIB
    wall = median(block.wall / len(block.seconds) for block in blocks)
    return Row(
        median(medians) * 1e3,
        median(differences) * 1e3 if differences and not is_direct else None,
        all_added[min(int(len(all_added) * 0.99), len(all_added) - 1)] * 1e3 if all_added and not is_direct else None,
        median(median(block.first) for block in blocks) * 1e3 if scenario.answer.stream else None,
        None if cpu is None else cpu * 1e3,
        1 / cpu if cpu else None,
        peak,
        peak / scenario.concurrency if peak is not None and scenario.media else None,
        scenario.media / wall / 1e6 if scenario.media else None,
    )


def rows_of(scenarios: Iterable[Scenario], results: Results) -> dict[tuple[str, str], Row]:
    """Return the row of each scenario and server that was measured."""
    return {
        (scenario.name, server): row_of(
            scenario, results.blocks[scenario.name, server], results.blocks.get((scenario.name, "direct"), [])
        )
        for scenario in scenarios
        for server in results.servers
        if (scenario.name, server) in results.blocks
    }


def merged(page: str, parts: Sequence[str]) -> str:
    """Return a page in which these parts stand in place of those with the same titles; new ones come behind.

    A part begins with its title, a line with one `#`.
    """
    known = {each.partition("\n")[0]: each.strip() for each in re.split(r"(?m)^(?=# )", page) if each.strip()}
    known |= {part.partition("\n")[0]: part.strip() for part in parts}
    return "\n\n".join(known.values()) + "\n"


def page(scenarios: Sequence[Scenario], results: Results, rounds: int, facts: Sequence[str]) -> str:
    """Return the part of the page that is about chats."""
    rows = rows_of(scenarios, results)
    parts = ["# Darkroom's bench", "\n".join(f"- {fact}" for fact in (*facts, *_explained(rounds, results)))]
    parts += [_table(scenario, results, rows) for scenario in scenarios]
    parts.append("## Targets\n\n" + "\n".join(f"- {line}" for line in targets(scenarios, rows)))
    return "\n\n".join(parts) + "\n"


def machine(
    cores: tuple[list[int], list[int]], litellm: str | None, load: float, ours: str = "client and upstream"
) -> list[str]:
    """Say what it ran on, and with what; `load` is the load average before it began, `ours` what is not measured."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    ram = next((int(line.split()[1]) // 2**20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    pinned = (
        f"{ours} on cores {cores[0]}, the server under test on {cores[1]}"
        if cores[0] != cores[1]
        else "nothing pinned to a core"
    )
    return [
        f"{os.cpu_count()} cores ({model}), {ram} GiB, {platform.system()}, load before {load:.1f}; {pinned}",
        f"Python {platform.python_version()}; darkroom {version('darkroom-gateway')}, {libraries}"
        + (f"; LiteLLM {litellm}" if litellm else ""),
    ]


def targets(scenarios: Sequence[Scenario], rows: dict[tuple[str, str], Row]) -> list[str]:
    """Say of each target whether it was reached, and by how much."""
    said = []
    for scenario in scenarios:
        ours, floor, litellm = (rows.get((scenario.name, name)) for name in ("darkroom", "floor", "litellm"))
        if ours is None:
            continue
        if ours.per_picture is not None:
            said.append(
                _verdict(f"{scenario.title}: memory", ours.per_picture, MEMORY_TARGET, "MiB per picture", most=True)
            )
        if ours.rate and floor is not None and floor.rate:
            said.append(
                _verdict(f"{scenario.title}: throughput", ours.rate / floor.rate, FLOOR_TARGET, "of the floor's")
            )
        if not scenario.media and ours.per_cpu and litellm is not None and litellm.per_cpu:
            ratio = ours.per_cpu / litellm.per_cpu
            said.append(
                _verdict(f"{scenario.title}: requests per CPU second", ratio, LITELLM_TARGET, "times LiteLLM's")
            )
    return said


def _verdict(what: str, got: float, target: float, unit: str, *, most: bool = False) -> str:
    good = got <= target if most else got >= target
    bound = "at most" if most else "at least"
    return f"{'reached' if good else '**missed**'}: {what} {got:.2f} {unit} (target: {bound} {target:g})"


def _explained(rounds: int, results: Results) -> list[str]:
    started = ", ".join(
        f"{server.name} {server.ready:.1f} s and {server.idle / MIB:.0f} MiB"
        for server in results.servers.values()
        if server.process is not None
    )
    return [
        f"medians of {rounds} interleaved rounds; ready after, and resident when idle: {started}",
        _STORED,
        _ADDED,
    ]


def _table(scenario: Scenario, results: Results, rows: dict[tuple[str, str], Row]) -> str:
    lines = [f"## {scenario.title}", "", f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    floor, litellm = rows.get((scenario.name, "floor")), rows.get((scenario.name, "litellm"))
    for server in results.servers:
        error = results.errors.get((scenario.name, server))
        row = rows.get((scenario.name, server))
        if row is not None:
            lines.append(f"| {server} | {' | '.join(_cells(row, floor, litellm))} |")
        if error is not None:
            flat = " ".join(error.split()).replace("|", "/")[:200]
            lines.append(f"| {server} | failed: {flat} |" + " |" * (len(_COLUMNS) - 2))
    return "\n".join(lines)


def _cells(row: Row, floor: Row | None, litellm: Row | None) -> list[str]:
    values = (
        row.p50, row.added_p50, row.added_p99, row.first, row.cpu, row.per_cpu, row.peak, row.per_picture, row.rate
    )  # fmt: skip
    return [*map(number, values), _ratio(row, floor), _ratio(row, litellm)]


def _ratio(row: Row, other: Row | None) -> str:
    """Compare throughput where there are pictures, else requests per CPU second."""
    if other is None:
        return "–"
    mine, theirs = (row.rate, other.rate) if row.rate is not None else (row.per_cpu, other.per_cpu)
    return f"{mine / theirs:.2f}" if mine and theirs else "–"


def number(value: float | None) -> str:
    """Write a number with three figures; nothing as a dash."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
