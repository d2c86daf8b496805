"""A run: one planner over the cases of some halves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.cases import Case
from evals.play import Planner, Played, play
from evals.score import Scores, Verdict, judge, scores
from evals.split import Split


@dataclass(frozen=True, slots=True)
class Run:
    """What a planner did, turn by turn, by half."""

    name: str
    turns: Mapping[Split, Sequence[tuple[Played, Verdict]]]

    def scores(self) -> dict[Split, Scores]:
        return {split: scores([verdict for _, verdict in turns]) for split, turns in self.turns.items()}


async def run(planner: Planner, halves: Mapping[Split, Sequence[Case]], concurrency: int = 1) -> Run:
    """Play all cases, `concurrency` at once; the turns of a case come one after another, and all in their order."""
    places = asyncio.Semaphore(concurrency)

    async def judged(case: Case) -> list[tuple[Played, Verdict]]:
        async with places:
            return [(played, judge(played)) for played in await play(case, planner)]

    turns: dict[Split, Sequence[tuple[Played, Verdict]]] = {}
    for split, cases in halves.items():
        found = await asyncio.gather(*(judged(case) for case in cases))
        turns[split] = [turn for case in found for turn in case]
    return Run(planner.name, turns)


def measured(runs: Sequence[Run]) -> dict[str, dict[Split, Scores]]:
    """Return what each planner is worth, by half."""
    return {each.name: each.scores() for each in runs}
