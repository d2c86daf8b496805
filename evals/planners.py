"""The planners that are measured and need no model: two plain ones to compare with, and the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from darkroom import planner
from darkroom.planner import Candidate, Plan, Scene, Use, choose


@dataclass(frozen=True, slots=True)
class Pure:
    """A planner that is a function."""

    name: str
    function: Callable[[Scene], Plan]

    async def plan(self, scene: Scene) -> Plan:
        return self.function(scene)


def newest(scene: Scene) -> Plan:
    """Edit the newest picture, whatever is said."""
    if not scene.pictures:
        return Plan("generate", scene.text)
    return Plan("edit", scene.text, (Use(scene.pictures[-1].id),))


def likest(scene: Scene) -> Plan:
    """Edit the picture that `choose` finds by an id, a word for the first, or likeness of words."""
    choice = choose(scene.text, [Candidate(picture.id, picture.words) for picture in scene.pictures])
    return Plan("generate", scene.text) if choice is None else Plan("edit", scene.text, (Use(choice.id),))


RULES = Pure("rules", planner.plan)
PURE = (Pure("newest", newest), Pure("choose", likest), RULES)
