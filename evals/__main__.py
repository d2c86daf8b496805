"""`python -m evals`: measure the planners, and print the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from darkroom.cli.running import read_settings
from darkroom.errors import DarkroomError
from darkroom.settings import Settings
from evals.cases import Case, CaseInvalid, load
from evals.models import ByModel, opened
from evals.planners import PURE, RULES
from evals.play import Planner
from evals.report import CHINESE, ENGLISH, details, failures, table, write
from evals.run import Run, measured, run
from evals.split import SPLITS, Split

_ROOT = Path(__file__).parents[1]
DOCUMENTS = ((_ROOT / "README.md", ENGLISH), (_ROOT / "README.zh.md", CHINESE))
"""Where the table of the planners that need no model stands, and in which words."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m evals", description="How often a planner means what a person meant.")
    parser.add_argument("--split", choices=[*SPLITS, "both"], default="both", help="the half to measure [both]")
    parser.add_argument("--show", type=_count, metavar="N", help="print N failures; only of dev")
    parser.add_argument(
        "--planner",
        action="append",
        default=[],
        help="provider/model, a chat model to measure as well; may be given several times. --show shows the last one's "
        f"failures, or those of {', '.join(planner.name for planner in PURE)} [{RULES.name}]",
    )
    parser.add_argument("--config", help="a TOML file with the providers of chat models [darkroom.toml]")
    parser.add_argument("--sample", type=_count, metavar="N", help="only N cases of each half, spread evenly")
    parser.add_argument("--concurrency", type=_count, default=4, help="questions to a chat model at once [4]")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--write", action="store_true", help="write the table into the READMEs as well")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit status is 2 when nothing could be measured."""
    command = parser()
    options = command.parse_args(arguments)
    models = [name for name in options.planner if name not in {planner.name for planner in PURE}]
    splits: tuple[Split, ...] = SPLITS if options.split == "both" else (options.split,)
    if options.show and "dev" not in splits:
        command.error("--show is for dev: the other half is for measuring, and nobody looks at its cases")
    if options.show and options.json:
        command.error("--json prints figures alone; leave out --show")
    if options.write and (models or options.sample or len(splits) < len(SPLITS)):
        command.error("--write is for both halves, whole, and the planners without a model")
    try:
        asyncio.run(_measure(options, splits, models))
    except (CaseInvalid, DarkroomError) as error:
        print(f"evals: {error}", file=sys.stderr)
        return 2
    return 0


async def _measure(options: argparse.Namespace, splits: Sequence[Split], models: Sequence[str]) -> None:
    halves = {split: _sample(load(split), options.sample) for split in splits}
    # A configuration that is wrong is nobody's business where no model is asked.
    settings = read_settings(options.config) if models else Settings()
    async with opened(settings, models) as asked:
        planners: list[Planner] = [*PURE, *asked]
        runs = [await run(planner, halves, options.concurrency) for planner in planners]
        _print(options, runs, asked)
    if options.write:
        for document, words in DOCUMENTS:
            write(document, table(measured(runs), words))


def _print(options: argparse.Namespace, runs: Sequence[Run], models: Sequence[ByModel]) -> None:
    found = measured(runs)
    if options.json:
        costs = {model.name: asdict(model.cost) for model in models}
        print(json.dumps({"planners": details(found), "costs": costs}, indent=1))
        return
    print(table(found))
    for model in models:
        failed = sum(scores.failed for scores in found[model.name].values())
        print(f"\n{model.name}: {model.cost.told()}; {failed} turns without a plan")
    if options.show:
        name = [RULES.name, *options.planner][-1]
        shown = next(each for each in runs if each.name == name)
        print("", *failures(shown.turns["dev"], options.show), sep="\n")


def _sample(cases: Sequence[Case], size: int | None) -> list[Case]:
    if size is None or size >= len(cases):
        return list(cases)
    return [cases[at * len(cases) // size] for at in range(size)]


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word} is not a whole number above 0")
    return int(word)


if __name__ == "__main__":
    sys.exit(main())
