"""Turns that go back or round again: `undo`, `start over`, `once more`."""

from __future__ import annotations

import re

from darkroom.planner import vocabulary as v
from darkroom.planner.measures import number_in, ratio_of
from darkroom.planner.plan import Operation, Plan
from darkroom.planner.pointing import step_undone
from darkroom.planner.reading import SURE, Reading
from darkroom.planner.wishes import draws_something
from darkroom.planner.words import features, fold

_ENDS = " \t\n,，.。!！?？~～…、"
_MOST_BESIDES = 6
"""Features that may stand beside a bare `undo`; more of them are a story of their own."""


def read_start_over(turn: Reading) -> Plan | None:
    """Plan for `none of these, start over`: a new picture, of the new wish or of the first one."""
    match = v.START_OVER.search(turn.bare)
    if match is None or not turn.story.earlier:
        return None
    if any(
        v.FROM_THERE.search(turn.bare[match.end() : each.start])
        for each in turn.found
        if 0 <= each.start - match.end() < 14
    ):
        return None
    rest = v.PRAISE.sub(" ", v.START_OVER.sub(" ", turn.bare))
    return turn.new(turn.wish if features(rest) else _first_wish(turn), ())


def _first_wish(turn: Reading) -> str:
    """Return the words that the branch began with."""
    start = turn.story.focus
    return turn.story.by_id[turn.story.root(start)].words if start is not None else turn.raw


def read_undo(turn: Reading) -> Plan | None:
    """Plan for `undo`: the picture before is shown again, or changed at once."""
    match = v.UNDO.search(turn.bare)
    parent = turn.story.changed_from(turn.story.focus) or turn.story.focus
    if match is None or parent is None or not turn.story.earlier:
        return None
    one = turn.explicit()
    points = one is not None and one.kind in ("the-one", "before", "first", "ordinal", "id")
    target = one.ids[-1] if one is not None and points else step_undone(turn.story, turn.bare) or parent
    tail = v.PRAISE.sub(" ", turn.bare[match.end() :])
    wishes = v.EDIT.search(tail) or v.DRAW.search(tail)
    goes_on = (wishes and v.GOES_ON.search(tail)) or v.GOES_ON_MORE.search(tail)
    if features(tail) and not v.COMPLAINT.search(tail) and goes_on:
        return turn.edit([target], SURE, "as it was before the change")
    rest = v.PRAISE.sub(" ", turn.bare[: match.start()] + " " + turn.bare[match.end() :])
    return (
        turn.about("answer", [target], "as it was before the change") if len(features(rest)) <= _MOST_BESIDES else None
    )


def read_again(turn: Reading) -> Plan | None:
    """Plan for `again`, and nothing else."""
    said = _bare_wish(turn)
    more = v.AGAIN_N.fullmatch(said)
    if more is not None:
        return _once_more(turn, number_in(f"the {more[0]}") or _counted(more))
    return _once_more(turn, 1) if v.AGAIN.fullmatch(said) else None


def read_begged_again(turn: Reading) -> Plan | None:
    """Plan for `again` beside words that change nothing: `not so good, once more`."""
    pieces = [piece.strip() for piece in re.split(r"[,，.。!！;；]", _bare_wish(turn)) if piece.strip()]
    others = [piece for piece in pieces if not v.AGAIN.fullmatch(piece)]
    changes = any(v.EDIT.search(piece) or draws_something(piece) for piece in others)
    return _once_more(turn, 1) if 0 < len(others) < len(pieces) and not changes else None


def _bare_wish(turn: Reading) -> str:
    """Return the turn without praise, politeness and punctuation at its ends."""
    said = v.PRAISE.sub(" ", turn.bare).strip(_ENDS)
    said = re.sub(rf"(?:{v.POLITENESS.pattern})\W*$", "", said)
    return re.sub(r"^(?:please|那|请)[\s,，]*", "", said).strip(_ENDS)


def _once_more(turn: Reading, n: int) -> Plan | None:
    """Plan for the newest picture's own plan, anew."""
    if not turn.story.made:
        return None
    newest = turn.whole.by_id[turn.story.made[-1].id]
    edits = any(use.role == "edited" for use in newest.parents)
    operation: Operation = "edit" if edits else "compose" if newest.parents else "generate"
    ratio = ratio_of(fold(newest.words))
    gen_id = turn.gen_id(newest.parents)
    return Plan(
        operation, newest.words, newest.parents, ratio, n, gen_id, SURE, "the newest once more", kind=newest.kind
    )


_SMALL_NUMBERS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "两": 2,
    **dict(zip("三四五六七八", range(3, 9), strict=True)),
}


def _counted(match: re.Match[str]) -> int:
    word = next((group for group in match.groups() if group), "1")
    return _SMALL_NUMBERS.get(word) or (int(word) if word.isdigit() else 1)
