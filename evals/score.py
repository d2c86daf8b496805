"""What a planned turn is worth, and what many are worth together.

A turn is right when its operation is one of the acceptable ones, it uses exactly the pictures that are meant, and it
makes as many as were asked for, in the ratio that was asked for. Prompts, roles and the very operation are told apart
from that.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from darkroom.planner import Plan
from evals.cases import LANGUAGES, TAGS, Expected, Language, Tag
from evals.play import Played

SURE = 0.5
"""The confidence from which a plan counts as sure of itself; below, the studio says what it took."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One turn, judged. What the case says nothing about is None."""

    case: str
    language: Language
    tag: Tag
    right: bool
    decided: bool
    """Whether there was something to decide: the first wish for a picture leaves no choice."""
    exact: bool
    """Whether the operation is right also where several pictures are edited, or put together."""
    prompt: bool | None
    roles: bool | None
    sure: bool
    failed: bool

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, in words; empty where nothing is."""
        found = {"plan": self.right, "prompt": self.prompt is not False, "roles": self.roles is not False}
        return tuple(name for name, good in found.items() if not good)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    right: int
    of: int

    @property
    def percent(self) -> float | None:
        return 100 * self.right / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Scores:
    """What a planner is worth. `turns` are those with something to decide, and the figure that counts."""

    turns: Share
    all_turns: Share
    cases: Share
    exact: Share
    prompts: Share
    roles: Share
    sure: Share
    unsure: Share
    failed: int
    tags: dict[Tag, Share]
    languages: dict[Language, Share]


def judge(played: Played) -> Verdict:
    """Judge one turn."""
    case, turn, plan = played.case, played.turn, played.plan
    expect = turn.expect
    meant = {played.ids[name]: name for name in expect.media}
    fits = plan is not None and _fits(plan, expect, set(meant))
    return Verdict(
        case.id,
        case.language,
        turn.tag,
        fits and plan is not None and _does(plan, expect),
        bool(played.scene.pictures) or turn.tag != "new",
        fits and plan is not None and plan.operation in expect.operations,
        None if expect.prompt is None else plan is not None and _same_words(plan.prompt, expect.prompt),
        None if not expect.roles else plan is not None and _has_roles(plan, expect, meant),
        plan is not None and plan.confidence >= SURE,
        plan is None,
    )


def scores(verdicts: Sequence[Verdict]) -> Scores:
    """Sum up."""
    decided = [verdict for verdict in verdicts if verdict.decided]
    cases: dict[str, bool] = {}
    for verdict in verdicts:
        cases[verdict.case] = cases.get(verdict.case, True) and verdict.right
    return Scores(
        _share(verdict.right for verdict in decided),
        _share(verdict.right for verdict in verdicts),
        _share(cases.values()),
        _share(verdict.exact for verdict in decided),
        _share(verdict.prompt for verdict in verdicts if verdict.prompt is not None),
        _share(verdict.roles for verdict in verdicts if verdict.roles is not None),
        _share(verdict.right for verdict in decided if verdict.sure),
        _share(verdict.right for verdict in decided if not verdict.sure),
        sum(verdict.failed for verdict in verdicts),
        {tag: _share(verdict.right for verdict in decided if verdict.tag == tag) for tag in TAGS},
        {name: _share(verdict.right for verdict in decided if verdict.language == name) for name in LANGUAGES},
    )


def _fits(plan: Plan, expect: Expected, meant: set[str]) -> bool:
    """Tell whether the pictures are those that are meant, and what is made has the number and form asked for."""
    if {use.id for use in plan.uses} != meant:
        return False
    return not plan.makes or (plan.n == expect.n and expect.ratio in (None, plan.ratio))


def _does(plan: Plan, expect: Expected) -> bool:
    """Tell whether the operation will do. With two pictures or more, each changed or all in one: both use them all."""
    accepted = set(expect.operations)
    if len(expect.media) > 1 and accepted & {"edit", "compose"}:
        accepted |= {"edit", "compose"}
    return plan.operation in accepted


def _has_roles(plan: Plan, expect: Expected, meant: dict[str, str]) -> bool:
    given = {meant[use.id]: use.role for use in plan.uses if use.id in meant}
    return all(given.get(name) == role for name, role in expect.roles.items())


def _same_words(one: str, other: str) -> bool:
    """Compare without spaces, punctuation and the size of letters."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] not in "PZC")


def _share(right: Iterable[bool]) -> Share:
    found = list(right)
    return Share(sum(found), len(found))
