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
from bench.report import machine, merged, page
from bench.scenarios import SCENARIOS, Scenario
from bench.servers import STARTERS
from bench.serving import SERVERS, SERVINGS, Serving, ServingBench, nginx
from bench.serving_report import serving_page
from bench.watching import WATCHINGS, Watching, WatchingBench
from bench.watching_report import watching_page

_HERE = Path(__file__).parent
RESULTS = _HERE / "RESULTS.md"
LITELLM = _HERE.parent / ".bench-venv" / "bin" / "litellm"
_NO_NGINX = "nginx was not there to be measured beside"


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m bench",
        description="Darkroom beside LiteLLM, the upstream alone and a floor; beside nginx; and watched by many.",
    )
    rows: tuple[Scenario | Serving | Watching, ...] = (*SCENARIOS, *SERVINGS, *WATCHINGS)
    names = [row.name for row in rows]
    servers = list(dict.fromkeys([*STARTERS, *SERVERS]))
    parser.add_argument("--rounds", type=_rounds, default=5, help="rounds of every scenario [5]")
    parser.add_argument("--only", action="append", choices=names, help="a scenario; may be given several times")
    parser.add_argument("--without", action="append", default=[], choices=servers, help="a server to leave out")
    parser.add_argument("--write", action="store_true", help=f"write what was measured into {RESULTS.name}")
    parser.add_argument("--directory", type=Path, help="where the servers store pictures [a temporary directory]")
    parser.add_argument("--litellm", type=Path, default=LITELLM, help="LiteLLM's command")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit status is 1 when Darkroom failed at a scenario, 2 when the bench could not run."""
    options = parser().parse_args(arguments)
    failed = False
    for part in (_chats, _servings, _watchings):
        try:
            text, failing = part(options)
        except BenchFailed as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
        failed = failed or failing
        print(text)
        if options.write and text:
            RESULTS.write_text(merged(RESULTS.read_text() if RESULTS.exists() else "", [text]))
    return 1 if failed else 0


def _chats(options: argparse.Namespace) -> tuple[str, bool]:
    scenarios = [scenario for scenario in SCENARIOS if _wanted(options, scenario.name)]
    if not scenarios:
        return "", False
    names = [name for name in STARTERS if name not in options.without]
    cores, load = _cores(), os.getloadavg()[0]
    with (
        _directory(options) as directory,
        Bench.open(Path(directory).resolve(), names, options.litellm.absolute(), cores) as bench,
    ):
        _say(f"{', '.join(names)} started")
        bench.warm_up()
        results = bench.run(scenarios, options.rounds, _say)
    facts = machine(cores, _litellm_version(options.litellm) if "litellm" in names else None, load)
    return page(scenarios, results, options.rounds, facts), _failed(results.errors)


def _servings(options: argparse.Namespace) -> tuple[str, bool]:
    servings = [serving for serving in SERVINGS if _wanted(options, serving.name)]
    if not servings:
        return "", False
    missing = [_NO_NGINX] if nginx() is None and "nginx" not in options.without else []
    for line in missing:
        _say(line)
    names = [name for name in SERVERS if name not in options.without and not (missing and name == "nginx")]
    cores, load = _cores(), os.getloadavg()[0]
    with (
        _directory(options) as directory,
        ServingBench.open(Path(directory).resolve(), names, cores) as bench,
    ):
        _say(f"{', '.join(names)} started")
        results = bench.run(servings, options.rounds, _say)
    facts = machine(cores, None, load, "client")
    return serving_page(servings, results, options.rounds, facts, missing), _failed(results.errors)


def _watchings(options: argparse.Namespace) -> tuple[str, bool]:
    watchings = [watching for watching in WATCHINGS if _wanted(options, watching.name)]
    if not watchings or "darkroom" in options.without:
        return "", False
    cores, load = _cores(), os.getloadavg()[0]
    with _directory(options) as directory, WatchingBench.open(Path(directory).resolve(), cores) as bench:
        _say("darkroom started")
        bench.warm_up()
        results = bench.run(watchings, _say)
    return watching_page(results, machine(cores, None, load)), any(each.error for each in results)


def _wanted(options: argparse.Namespace, name: str) -> bool:
    return not options.only or name in options.only


def _failed(errors: dict[tuple[str, str], str]) -> bool:
    for (scenario, server), error in errors.items():
        _say(f"{server} failed at {scenario}: {error}")
    return any(server == "darkroom" for _, server in errors)


def _directory(options: argparse.Namespace) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="darkroom-bench-", dir=options.directory)


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
