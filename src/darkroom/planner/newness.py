"""Whether a turn wishes for a new picture, or for a change of one that is there.

Strategy. `Draw a cat` is new, `add a cat` and `a cat on the sofa` (when there is a sofa) are not. What points at a
picture, or speaks of something in it as known (`the`, `its`, `里面`), is a change; a verb of making with an indefinite
thing, a noun phrase that could stand under a picture of its own, or one more in a series, is new. When in doubt it is a
change: nothing is lost by it, the picture before stays.
"""

from __future__ import annotations

import re

from darkroom.planner import vocabulary as v
from darkroom.planner.reading import Reading
from darkroom.planner.words import features

_MAKING = frozenset(("make", "do", "build", "give", "gimme", "i", "need", "we", "show", "can", "could", "may", "let's"))
"""Verbs that make a new thing only where the thing is not known yet."""

_DIGITS = "一二三四五六七八九十"


def draws(turn: Reading) -> bool:
    """Tell whether a new picture is wished for."""
    if not turn.story.earlier and not turn.scene.uploads:
        return True
    fresh = v.FRESH.match(turn.bare)
    if not fresh and (turn.kinds("last") or v.BOTH.search(turn.bare) or v.EACH_APART.search(turn.bare)):
        return False
    said = v.PRAISE.sub(" ", turn.bare).lstrip(" ,，.。!！:：-")
    if turn.story.kept and _draws_kept(turn, said):
        return True
    in_there = bool(v.IN_THERE.search(v.CONNECTIVES.sub("", said)))
    if v.NEW.search(said) and (not in_there or v.APART.search(said)):
        return not v.VERSION_WORD.search(said) or bool(v.DRAW.search(said))
    if (match := v.DRAW.search(said)) is not None:
        return _draws_thing(turn, said, match)
    return _draws_elsewhere(said, in_there=in_there) or _is_scene(turn, said)


def _draws_thing(turn: Reading, said: str, match: re.Match[str]) -> bool:
    """Tell whether an English verb of making has a new thing for its object."""
    rest = said[match.end() :]
    if v.KNOWN_OBJECT.match(rest) or _speaks_of_known(turn, rest):
        return False
    if match[0].split()[0] in _MAKING:
        return not v.DEFINITE.search(said) and not v.VERSION_WORD.search(rest)
    return True


def _speaks_of_known(turn: Reading, said: str) -> bool:
    """Tell whether a text speaks of what is in the picture that the talk is about: `on the sofa`, `next to him`."""
    branch = turn.story.branch(turn.story.focus) if turn.story.focus is not None else frozenset()
    known = any(each in branch for match in v.DEFINITE_NOUN.finditer(said) for each in features(match[0]))
    return (
        known
        or bool(v.PLACE_IN_PICTURE.search(said))
        or (bool(v.AT_IT.search(said)) and not v.WITHIN_ITSELF.search(said))
    )


def _draws_elsewhere(said: str, *, in_there: bool) -> bool:
    """The same for the verbs of the other languages."""
    if v.ES_DRAW.search(said) and not v.AT_KNOWN_ES.search(said):
        return True
    if (v.ZH_DRAW.search(said) or v.ZH_BARE.search(said)) and not in_there and not v.TEXT_LINE.search(said):
        return not v.LAYOUT.search(said) or "画" in said
    return bool(v.JA_DRAW.search(said) and v.DRAWS_JA.search(said) and not v.CHANGES_JA.search(said))


def _is_scene(turn: Reading, said: str) -> bool:
    """Tell whether a turn without a verb of making could stand under a picture of its own."""
    words = len(said.split())
    if v.AS_WELL.search(said) or v.IN_MANNER_OF.match(said):
        return False
    if v.NOUN_FIRST.search(said):
        whole = words >= 6 or v.SCENE_WORD.search(said) or _like_the_first(turn, said) or _like_the_last(turn, said)
        return bool(whole) and not _touches(turn, said) and not v.SEVERAL_VERSIONS.search(said)
    if _in_series(turn, said) or _stands_alone(turn, said):
        return True
    genre = v.GENRE.search(said[:60]) and v.GENRE_HEAD.search(said)
    return bool(genre) and words >= 4 and not v.DEFINITE.search(said) and not v.EDIT.search(said[:40])


def _draws_kept(turn: Reading, said: str) -> bool:
    """Tell whether a new picture of what is kept is wished for: `draw her in a bakery`, `panel two: …`."""
    numbered = re.match(r"^\W*第(.)(?:格|页|张|幅|幕|集)", said)
    if numbered and _DIGITS.find(numbered[1]) >= len(turn.story.made):
        return True
    return bool(v.NEXT_OF_KEPT.search(said)) or not (
        v.COMPARATIVE.search(said) or v.EDIT.search(said) or v.HERE.search(said)
    )


def _touches(turn: Reading, said: str) -> bool:
    """Tell whether a text speaks of something that is in the picture that the talk is about."""
    if turn.story.focus is None:
        return False
    branch = turn.story.branch(turn.story.focus)
    for match in v.DEFINITE_NOUN.finditer(said):
        about = features(match[0])
        if not about or any(each in branch for each in about) or not v.SCENERY.search(match[0]):
            return True
    return bool(v.AT_IT.search(said)) and not v.WITHIN_ITSELF.search(said)


def _stands_alone(turn: Reading, said: str) -> bool:
    """Tell whether a noun phrase brings its own place or company along: `walrus on a unicycle`."""
    if v.EDIT.search(said) or v.DEFINITE.search(said) or len(said.split()) < 4 or v.IN_MANNER_OF.match(said):
        return False
    return bool(v.OWN_PLACE.search(said)) and not v.AT_IT.search(said)


def _like_the_last(turn: Reading, said: str) -> bool:
    """Tell whether a turn names nothing but a being or a place, as the one did that the talk is about: `a ninja`."""
    focus = turn.story.by_id.get(turn.story.focus or "")
    bare = focus is not None and not focus.parents and v.BEING.search(turn.story.words_of(focus.id).strip())
    return bool(bare and v.BEING.search(said))


def _like_the_first(turn: Reading, said: str) -> bool:
    """Tell whether a turn ends with what an earlier one asked for: `a pond tile` after `a windmill tile`."""
    words = re.findall(r"[a-z]+", re.split(r"[,.;:!?]", said)[0])
    roots = (turn.story.words_of(picture.id) for picture in turn.story.made if not picture.parents)
    return len(words) > 2 and any(re.search(rf"\b{words[-1]}\b", root) for root in roots)


def _in_series(turn: Reading, said: str) -> bool:
    """Tell whether a turn names a subject of its own in the manner of the first ones: `a fox, pixel art`."""
    story = turn.story
    if v.EDIT.search(said) or v.DEFINITE.search(said) or story.focus is None:
        return False
    subject, *manners = [features(piece) for piece in re.split(r"[,，]\s*", said) if piece.strip()] or [{}]
    known = sum(each in story.branch(story.focus) for each in subject)
    if len(subject) < 2 or known > len(subject) // 2:
        return False
    roots = [story.own(picture.id) for picture in story.made if not picture.parents]
    return any(manner and all(each in root for each in manner) for manner in manners for root in roots)
