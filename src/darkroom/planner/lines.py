"""Which line of pictures a turn speaks of without pointing: `give the cat a hat`, when only one of them has a cat."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set

from darkroom.planner import vocabulary as v
from darkroom.planner.story import CONTRAST_OF, Story
from darkroom.planner.words import features, hit, likeness

_ENOUGH = 0.5
_MARGIN = 0.5
_PRONOUN_MARGIN = 1.2
_GENERIC = frozenset(
    (
        "bg text light color size font border top bottom left right corner side line shadow style 背景 字 文字 颜色 "
        "色 光 左 右 上 下 右上 左上 右下 左下 角 边 框 标题 尺寸 字体 fondo texto color"
    ).split()
)
"""What any picture may have: it tells lines apart only a little."""


def line_meant(
    story: Story, text: str, *, strict: bool = False, without: Set[str] = frozenset(), alone: bool = False
) -> str | None:
    """Return the newest picture of the line that a folded text fits clearly better than the picture in focus.

    `strict`: the text is a piece of a list; the focus has no advantage. `alone`: what was put together does not count.
    """
    asked = _weighed(text)
    focus = story.focus
    pool = [picture.id for picture in story.earlier if picture.id not in without]
    pool = [each for each in pool if not (alone and story.is_put_together(each))] or pool
    if not asked or len(pool) + len(without) < 2 or not pool:
        return None
    scored = {each: likeness(asked, story.branch(each)) for each in pool}
    likely = [each for each in pool if scored[each] > max(scored.values()) - 0.01]
    best = focus if focus in likely else story.newest_with(likely[-1], likely)
    if strict:
        return best if (scored[best] if without else _telling(story, asked, best, pool)) >= _ENOUGH else None
    if focus is None or best == focus:
        return None
    if focus not in scored:
        return best if scored[best] > 0 else None
    back = best in story.ancestors(focus)
    margin = _PRONOUN_MARGIN if back or v.PRONOUN.search(text) else _MARGIN
    return best if scored[best] - scored[focus] >= margin else None


def _telling(story: Story, asked: Mapping[str, float], id: str, pool: Sequence[str]) -> float:
    """Return how well a picture fits by the words that tell it apart: those that not all have."""
    telling = {
        each: weight for each, weight in asked.items() if not all(hit(each, story.branch(one)) > 0 for one in pool)
    }
    return likeness(telling, story.branch(id))


def _weighed(text: str) -> dict[str, float]:
    """Return what a text is about; what is to come into the picture weighs less than what is spoken of as known."""
    given = v.GIVEN.sub(" ", text)
    known = features(given)
    asked = {feature: 0.4 * weight for feature, weight in features(text).items()}
    asked |= {feature: (0.5 if feature.isascii() else 1.0) * weight for feature, weight in known.items()}
    lead = re.match(r"\W*([^,:，：.!?。！？]{2,20})[,:，：]", text)
    asked |= {feature: 1.5 * weight for feature, weight in features(lead[1] if lead else "").items()}
    for match in (*v.POINTED.finditer(text), *v.SUBJECT.finditer(text)):
        said = next((group for group in match.groups() if group), "")
        for feature, weight in features(said).items():
            asked[feature] = 1.5 * weight
    if v.PRONOUN.search(text) and not v.DEFINITE_NOUN.search(text):
        asked = {feature: min(weight, 0.5) for feature, weight in asked.items()}
    return {feature: weight * (0.2 if feature in _GENERIC else 1.0) for feature, weight in asked.items()}


def lines_told(
    story: Story,
    text: str,
    enough: float = 0.5,
    *,
    by_looks: bool = False,
    exactly: bool = False,
    without: Set[str] = frozenset(),
) -> list[str]:
    """Return the newest pictures of all lines that a folded text speaks of, as it names them.

    Each word counts for one line alone: the one that most of the words still to be placed fit. `enough` is the weight
    of words that a line needs for itself; `by_looks`: colours count too (`the red one and the blue one`);
    `exactly`: by the pictures' own words alone, and of those that fit equally the one that has the fewest others.
    """
    pool = [each for each in _newest_of_lines(story) if each not in without]
    waiting = _to_place(story, text, [] if exactly else pool, by_looks=by_looks)
    known = {one: story.own(one) if exactly else story.branch(one) for one in pool}
    found: list[str] = []
    while waiting and pool:
        gains = {one: likeness(waiting, known[one]) for one in pool}
        top = max(gains.values())
        if top < enough:
            break
        likely = [one for one in pool if gains[one] > top - 0.01]
        best = story.focus if story.focus in likely else likely[-1]
        if exactly:
            best = min(likely, key=lambda one: len(known[one]))
        found.append(best)
        waiting = {each: weight for each, weight in waiting.items() if not hit(each, known[best])}
        pool = [one for one in pool if one != best]
    return found


def _to_place(story: Story, text: str, pool: Sequence[str], *, by_looks: bool) -> dict[str, float]:
    """Return the words of a text that may tell lines apart: none that all of a pool have."""
    return {
        each: weight
        for each, weight in features(text).items()
        if each not in _GENERIC
        and (by_looks or each not in CONTRAST_OF)
        and not each.isdigit()
        and not (len(pool) > 1 and all(hit(each, story.branch(one)) > 0 for one in pool))
    }


def _newest_of_lines(story: Story) -> list[str]:
    """Return the pictures that a word may mean by its line: the newest ones, and what they no longer show."""
    tips = story.tips()
    return [*tips, *([story.focus] if story.focus is not None and story.focus not in tips else [])]
