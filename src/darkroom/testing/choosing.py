"""Choosing: which earlier picture a turn means, as the relays do it, from the text of the history alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from darkroom import planner
from darkroom.testing.asking import Turn

_MADE = re.compile(r"gen_id:\s*`?(gen_[0-9a-z]+)`?|!\[(gen_[0-9a-z]+)\]\(")


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier act of the relay, as the history tells it: what was asked, and the id of what came of it."""

    gen_id: str
    prompt: str


def earlier_in(turns: list[Turn]) -> list[Earlier]:
    """Find the generations that a history speaks of, oldest first."""
    found: dict[str, Earlier] = {}
    asked = ""
    for turn in turns:
        if turn.role == "user":
            asked = turn.text
        elif turn.role == "assistant":
            for match in _MADE.finditer(turn.text):
                gen_id = match[1] or match[2]
                found.setdefault(gen_id, Earlier(gen_id, asked))
    return list(found.values())


def choose(text: str, earlier: list[Earlier]) -> Earlier | None:
    """Return the earlier generation that a turn means to change, or None when there is none."""
    choice = planner.choose(text, [planner.Candidate(each.gen_id, each.prompt) for each in earlier])
    return None if choice is None else next(each for each in earlier if each.gen_id == choice.id)


def essence(text: str) -> str:
    """Return a request without the clause that says which picture is meant (`最开始的图片改一下吧，让…`)."""
    return re.sub(r"^.*[，,。]\s*让", "", text, flags=re.DOTALL) or text
