"""Which picture is meant: pure rules over what was said and what was made.

Rules, first that fits: an id in the turn; a word for the first picture; the turn whose wording this one takes up again,
where it is clearly the best match; else the newest. Wording is compared by content characters (Chinese, Japanese,
Korean) and words, and by their neighbours, without the small words that every request has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_FIRST = re.compile(r"最开始|最初|第一|最早|原图|原来|一开始|\b(?:first|original|initial)\b", re.IGNORECASE)
_UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[a-z0-9]+")
_SMALL_CHARS = frozenset(
    "的了又再把给让请我你他她它这那条张个一下吧呢啊在上有是和与也都还就刚才要想改修成加换变图片画"
    "のをにはがでとてしたいですます"
)
_SMALL_WORDS = frozenset(
    "a an the of to in on at with and or it its this that one make please change edit add put now again "
    "i you me my picture image draw paint more some is are be was were let give".split()
)
_CLEARLY = 1.3
_ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that a turn may mean: its id, and the words that it came from."""

    id: str
    words: str


@dataclass(frozen=True, slots=True)
class Choice:
    id: str
    reason: str


def choose(turn: str, candidates: Sequence[Candidate]) -> Choice | None:
    """Return the candidate that a turn means, of `candidates` oldest first; None without any."""
    if not candidates:
        return None
    for candidate in reversed(candidates):
        if candidate.id in turn:
            return Choice(candidate.id, "named by its id")
    if _FIRST.search(turn):
        return Choice(candidates[0].id, "the first one")
    taken_up = _taken_up(turn, candidates)
    return Choice(candidates[-1].id, "the newest one") if taken_up is None else Choice(taken_up.id, "its words return")


def _taken_up(turn: str, candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the candidate whose words a turn resembles clearly best, by at least two features."""
    features = _features(turn)
    scored = sorted(
        ((_likeness(features, _features(each.words)), at) for at, each in enumerate(candidates)), reverse=True
    )
    (best, at), second = scored[0], scored[1][0] if len(scored) > 1 else 0.0
    shared = len(features & _features(candidates[at].words))
    return candidates[at] if shared >= _ENOUGH and best >= second * _CLEARLY else None


def _features(text: str) -> frozenset[str]:
    units = [unit for unit in _UNIT.findall(text.lower()) if unit not in _SMALL_CHARS and unit not in _SMALL_WORDS]
    return frozenset(units) | {f"{one} {other}" for one, other in pairwise(units)}


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0
