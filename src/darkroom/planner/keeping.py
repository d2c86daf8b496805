"""References that are kept: `use her for every picture from now on`, until `forget the reference`."""

from __future__ import annotations

import re

from darkroom.generation import InputRole
from darkroom.planner import vocabulary as v
from darkroom.planner.lines import line_meant
from darkroom.planner.plan import Plan
from darkroom.planner.reading import Reading
from darkroom.planner.scene import Use
from darkroom.planner.wishes import draws_something, is_only_praise
from darkroom.planner.words import features

_AT_ONCE = 8
"""Within so many characters a clause must say that it draws; a sentence may take its time."""


def read_keeping(turn: Reading) -> Plan | None:
    """Plan for a turn that keeps or releases a reference, and perhaps wishes for a picture at once."""
    if releases(turn):
        rest = _after_release(turn)
        return turn.new(rest, ()) if rest else Plan("answer", reason="the reference is released")
    if not v.ANNOUNCE.search(turn.bare) or not turn.scene.pictures:
        return None
    if _draws_at_once(turn):
        return turn.new(turn.wish, kept_after(turn))
    return Plan("answer", reason="a reference is kept for what follows")


def kept_after(turn: Reading) -> tuple[Use, ...]:
    """Return what goes along with new pictures once a turn is over."""
    if releases(turn):
        return ()
    if not v.ANNOUNCE.search(turn.bare):
        return turn.story.kept
    ids = list(turn.scene.uploads) or _pointed(turn) or [id for id in (turn.story.focus,) if id]
    return tuple(Use(id, role_of(turn.bare)) for id in ids) or turn.story.kept


def role_of(text: str) -> InputRole:
    """Return what a picture that is kept, sent or referred to is for, by the folded words of it."""
    if v.STYLE.search(text) and not v.FIGURE.search(text):
        return "style"
    return "character" if v.CHARACTER.search(text) else "reference"


def releases(turn: Reading) -> bool:
    """Tell whether a turn lets go of what was kept."""
    if not turn.story.kept:
        return False
    around = (turn.bare[max(0, match.start() - 16) : match.end() + 28] for match in v.RELEASE.finditer(turn.bare))
    return any(v.REFERENCE_NOUN.search(each) or _names_kept(turn, each) for each in around)


def _names_kept(turn: Reading, text: str) -> bool:
    return any(each in turn.story.branch(use.id) for use in turn.story.kept for each in features(text))


def _after_release(turn: Reading) -> str:
    """Return what is wished for besides the release."""
    pieces = [each for each in re.split(r"(?<=[.!?。！？;；])\s*|[,，、]\s*|\band just\b", turn.bare) if each.strip()]
    left = [
        each
        for each in pieces
        if not (v.RELEASE.search(each) and (v.REFERENCE_NOUN.search(each) or _names_kept(turn, each)))
    ]
    rest = ", ".join(each for each in left if not is_only_praise(each))
    return rest if len(features(rest)) > 1 or draws_something(rest) else ""


def _draws_at_once(turn: Reading) -> bool:
    match = v.ANNOUNCE.search(turn.bare)
    if match is None or v.NOT_YET.search(turn.bare):
        return False
    rest = re.split(r"([.!?。！？:：;；,，])\s*", turn.bare[match.end() :])
    sentences = zip(rest[1::2], rest[2::2], strict=True)
    return any(draws_something(each if mark not in ",，" else each[:_AT_ONCE]) for mark, each in sentences)


def _pointed(turn: Reading) -> list[str]:
    one = turn.explicit()
    if one is not None:
        return list(one.ids)
    line = line_meant(turn.story, turn.bare)
    return [line] if line is not None else []
