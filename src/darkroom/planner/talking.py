"""Turns that ask for no picture: thanks, talk, questions, and an earlier picture to be shown again."""

from __future__ import annotations

import re

from darkroom.planner import vocabulary as v
from darkroom.planner.newness import draws
from darkroom.planner.plan import Plan
from darkroom.planner.reading import Reading, blanked
from darkroom.planner.wishes import asks, is_only_praise, is_polite_wish, is_question, wishes_something
from darkroom.planner.words import features


def read_talk(turn: Reading) -> Plan | None:
    """Plan for a turn that wishes for nothing."""
    if turn.scene.uploads or turn.named:
        return None
    if not turn.bare.strip():
        return Plan("answer", reason="nothing was said")
    wishes = wishes_something(turn.bare) or bool(turn.found)
    if v.GREETING.fullmatch(turn.bare) or is_only_praise(turn.bare) or (_thanks(turn) and not wishes):
        return Plan("answer", reason="thanks")
    if v.IDLE.search(turn.bare) and not wishes and not asks(turn.bare):
        return Plan("answer", reason="nothing is wished for")
    return None


def _thanks(turn: Reading) -> bool:
    """Tell whether a turn gives thanks, and does not wish for a picture that does: `a thank-you card`."""
    if not v.THANKS.search(turn.bare):
        return False
    if turn.story.earlier:
        return not v.NOUN_FIRST.search(turn.bare) and not v.ZH_BARE.search(turn.bare)
    clauses = (clause.strip() for clause in re.split(r"[,.!?。！？，、\n]", turn.bare))
    return any(v.THANKS.match(clause) for clause in clauses)


def read_shown(turn: Reading) -> Plan | None:
    """Plan for a turn that wants to see an earlier picture again."""
    match = v.SHOW.search(turn.bare) or v.SHOW_MORE.search(turn.bare) or _only_again(turn)
    if match is None or not turn.story.earlier or turn.scene.uploads:
        return None
    once_more = v.ONCE_MORE.search(turn.bare)
    draws_more = v.DRAW.search(turn.bare) and match.end() < len(turn.bare) - 12
    if not turn.found and (draws_more or not (once_more or v.SHOW_MORE.search(turn.bare))):
        return None
    rest = turn.bare[: match.start()] + " " * (match.end() - match.start()) + turn.bare[match.end() :]
    if v.CHANGES.search(blanked(rest, turn.found)) or _changes_after(turn, match.end()):
        return None
    several = v.BOTH.search(turn.bare) or not v.WHICH_OF.search(turn.bare)
    ids = asked_about(turn) if several else turn.target()[0]
    return turn.about("answer", ids, "to be shown again") if ids else None


def _changes_after(turn: Reading, at: int) -> bool:
    """Tell whether a later clause begins with a change: `bring back the hare, add flowers`."""
    return bool(v.ADDS_FIRST.search(blanked(turn.bare, turn.found)[at:]))


def _only_again(turn: Reading) -> re.Match[str] | None:
    """Return the `again` of a turn that says nothing else but which picture: `the original again, please`."""
    rest = v.PRAISE.sub(" ", blanked(turn.bare, turn.found))
    alone = turn.found and re.fullmatch(rf"\W*(?:(?:{v.POLITENESS.pattern}|{v.ONCE_MORE.pattern}|\bthe\b)\W*)+", rest)
    return v.ONCE_MORE.search(turn.bare) if alone else None


def read_question(turn: Reading) -> Plan | None:
    """Plan for a question: one about pictures, or one that needs none."""
    text = turn.bare
    if (answer := _without_pictures(turn, text)) is not None:
        return answer
    if v.CAUSES.match(text) or (v.SUGGESTS.match(text) and (v.EDIT.search(text) or v.CHANGES.search(text))):
        return None
    if not (is_question(v.AHEAD.sub(" ", text)) or (v.DESCRIBE.search(text) and not is_polite_wish(text))):
        return None
    if not turn.story.by_id:
        talks = is_question(text) and not wishes_something(text)
        return Plan("answer", reason="a question, and there is no picture") if talks else None
    if (draws(turn) and not turn.story.kept) or _wishes_besides(text):
        return None
    return turn.about("describe", asked_about(turn), "a question about it")


def _without_pictures(turn: Reading, text: str) -> Plan | None:
    """Plan for a question that needs no picture seen: of the talk itself, of what can be done, of the world."""
    counted = [mention for mention in turn.found if mention.kind in ("id", "file", "ordinal")]
    of_talk = v.META.search(text) and (asks(text) or v.STARTS_QUESTION.search(text))
    if of_talk and not counted and not v.COUNTS_INSIDE.search(text):
        return Plan("answer", reason="a question that needs no picture")
    if v.SUGGESTS.match(text) and (v.EDIT.search(text) or v.CHANGES.search(text)):
        return None
    if v.ABLE.search(text) and not turn.scene.pictures:
        return Plan("answer", reason="a question about what can be done")
    if v.WORLD.search(text) and not turn.kinds("the-one"):
        return Plan("answer", reason="a question about the world")
    return None


def _wishes_besides(text: str) -> bool:
    """Tell whether the last sentence of several is no question, but wishes for a change."""
    sentences = [each for each in re.split(r"(?<=[.!?。！？])\s*", text) if re.search(r"\w", each)]
    if len(sentences) < 2 or v.SPEAKS_OF_ONESELF.search(sentences[-1]):
        return False
    return bool(v.EDIT.search(sentences[-1]) and not is_question(sentences[-1]) and features(sentences[-1]))


def asked_about(turn: Reading) -> list[str]:
    """Return the pictures that a question is about, or that are to be shown."""
    if len(turn.named) > 1:
        return list(turn.named)
    several = turn.several()
    pointed = turn.kinds("last")
    between = turn.bare[pointed[0].end : pointed[1].start] if len(pointed) > 1 else turn.bare
    if len(several) > 1 and (v.BOTH.search(turn.bare) or v.CHOOSING.search(between)):
        return several
    if (v.BOTH.search(turn.bare) or v.WHICH_OF.search(turn.bare)) and len(group := turn.group()) > 1:
        return group
    return turn.target()[0]
