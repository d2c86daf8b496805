"""`python -m bench`: measure, and print the page."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Bench
from bench.processes import BenchFailed
from bench.report import machine, page
from bench.scenarios import SCENARIOS, Scenario
from bench.servers import STARTERS

_HERE = Path(__file__).parent
RESULTS = _HERE / "RESULTS.md"
LITELLM = _HERE.parent / ".bench-venv" / "bin" / "litellm"


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bench", description="Darkroom beside LiteLLM, the upstream alone and a floor."
    )
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--rounds", type=_rounds, default=5, help="rounds of every scenario [5]")
    parser.add_argument("--only", action="append", choices=names, help="a scenario; may be given several times")
    parser.add_argument("--without", action="append", default=[], choices=[*STARTERS], help="a server to leave out")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name} as well")
    parser.add_argument("--directory", type=Path, help="where the servers store pictures [a temporary directory]")
    parser.add_argument("--litellm", type=Path, default=LITELLM, help="LiteLLM's command")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit status is 1 when Darkroom failed at a scenario, 2 when the bench could not run."""
    options = parser().parse_args(arguments)
    scenarios = [scenario for scenario in SCENARIOS if not options.only or scenario.name in options.only]
    names = [name for name in STARTERS if name not in options.without]
    try:
        text, failed = _measured(options, scenarios, names)
    except BenchFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(text)
    if options.write:
        RESULTS.write_text(text)
    return 1 if failed else 0


def _measured(options: argparse.Namespace, scenarios: Sequence[Scenario], names: Sequence[str]) -> tuple[str, bool]:
    cores, load = _cores(), os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="darkroom-bench-", dir=options.directory) as directory,
        Bench.open(Path(directory).resolve(), names, options.litellm.absolute(), cores) as bench,
    ):
        _say(f"{', '.join(names)} started")
        bench.warm_up()
        results = bench.run(scenarios, options.rounds, _say)
    for (scenario, server), error in results.errors.items():
        _say(f"{server} failed at {scenario}: {error}")
    facts = machine(cores, _litellm_version(options.litellm) if "litellm" in names else None, load)
    failed = any(server == "darkroom" for _, server in results.errors)
    return page(scenarios, results, options.rounds, facts), failed


def _cores() -> tuple[list[int], list[int]]:
    """Split the cores between the client with the upstream, and the server under test."""
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    return (cores[:half], cores[half:]) if half else (cores, cores)


def _litellm_version(command: Path) -> str:
    script = "from importlib.metadata import version; print(version('litellm'))"
    done = subprocess.run(
        [command.parent / "python", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.strip() or "?"


def _rounds(word: str) -> int:
    rounds = int(word)
    if not 1 <= rounds <= 50:
        raise argparse.ArgumentTypeError("between 1 and 50")
    return rounds


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
