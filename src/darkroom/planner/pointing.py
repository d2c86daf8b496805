"""Pointing: which pictures the words of a turn point at.

Strategy. `mentions` finds the places in a turn that point at a picture, each as what it means there: an ordinal, `the
original`, `the one with the hat`, `before the winter`. Places that overlap are settled by the order of `_READERS`: what
says most wins. What is pointed away from (`not the first one`) is cut out before. Each reader turns its match into ids
with the `Story`; a place that means nothing in this story is no mention. What describes is read in `describing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from darkroom.planner import vocabulary as v
from darkroom.planner.describing import (
    CLAUSE,
    ENOUGH,
    best_described,
    clause_at,
    group_told,
    lacking,
    liked_without,
    newest_version,
    the_one,
    the_one_spaced,
)
from darkroom.planner.story import Story
from darkroom.planner.words import features, fold, likeness

_NUMBERS = {
    **{digit: at for at, digit in enumerate("一二三四五六七八九十", 1)},
    "两": 2,
    "俩": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "one": 1,
    "two": 2,
    **dict(zip("first second third fourth fifth sixth seventh eighth".split(), range(1, 9), strict=True)),
    **dict(zip("primer segund tercer cuart quint".split(), range(1, 6), strict=True)),
}
_CLAUSE_END = re.compile(r"[^,，.。;；:：!！?？\n]*$")


@dataclass(frozen=True, slots=True)
class Mention:
    """A place that points: its pictures, what kind of word it was, and where it stands."""

    ids: tuple[str, ...]
    kind: str
    start: int
    end: int


Reader = Callable[[Story, str, "re.Match[str]"], Sequence[str]]


def mentions(story: Story, text: str) -> list[Mention]:
    """Return the places in a folded text that point at pictures, in their order."""
    found: list[Mention] = []
    for kind, pattern, reader in _READERS:
        for match in pattern.finditer(text):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            ids = tuple(dict.fromkeys(reader(story, text, match)))
            if ids:
                found.append(Mention(ids, kind, match.start(), match.end()))
    return sorted(found, key=lambda mention: mention.start)


def cut_negated(text: str) -> str:
    """Blank what is pointed away from; all of it stays where nothing else would be left."""
    rest = v.NOT_THAT.sub(lambda match: " " * len(match[0]), text)
    meant = v.MEANT.search(rest)
    if meant is not None and re.search(r"\w\w", rest[meant.end() :]):
        rest = " " * meant.end() + rest[meant.end() :]
    return rest if re.search(r"\w\w", rest) else text


# Readers: one for each way of pointing.


def _number(word: str) -> int:
    word = re.sub(
        r"^(?:第|number|no\.?|nr\.?|#|option|variant|version|take|draft|pic|picture|image|concept|design|page|panel)\s?",
        "",
        word,
    )
    if word.isdigit():
        return int(word)
    if word[:1].isdigit():
        return int(re.match(r"\d+", word)[0])  # type: ignore[index]
    return _NUMBERS.get(word) or _NUMBERS.get(word.rstrip("oa")) or _NUMBERS.get(word[:1], 0)


def _ordinal(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    word = next(group for group in match.groups() if group)
    number = _number(word)
    if v.NUMBERED_THING.search(text[: match.start()]):
        return []
    if (labelled := _labelled(story, match[0])) is not None:
        return labelled
    clause = clause_at(text, match.start())
    pool = _counted(story, clause, text)
    return [pool[number - 1]] if 0 < number <= len(pool) else []


def _labelled(story: Story, said: str) -> Sequence[str] | None:
    """Return the page or panel that bears a number by its own words; None where none do."""
    label = v.LABEL.match(said)
    if label is None:
        return None
    bearers = [picture.id for picture in story.made if label[0] in story.words_of(picture.id)[:20]]
    return [newest_version(story, bearers[0], {}, set(story.by_id))] if bearers else []


def _earlier_of(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    made = [picture.id for picture in story.made]
    return made[-2:-1]


def _counted(story: Story, clause: str, text: str) -> list[str]:
    """Return the row of pictures that an ordinal counts in."""
    now = list(story.scene.uploads)
    if len(now) > 1:
        return now
    sent = [picture.id for picture in story.sent]
    if sent and (v.UPLOAD.search(clause) or v.PHOTO_NOUN.search(clause)):
        return sent
    if batch := story.batch():
        return batch
    return [picture.id for picture in story.made] or sent


def _middle(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    pool = _counted(story, clause_at(text, match.start()), text)
    return [pool[len(pool) // 2]] if len(pool) > 1 else []


def _last_of(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    pool = _counted(story, clause_at(text, match.start()), text)
    return pool[-1:] if len(pool) > 1 else []


def _first(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    pool = story.made or story.earlier
    if not pool:
        return []
    clause = clause_at(text, match.start())
    if story.sent and (v.UPLOAD.search(clause) or v.ORIGINAL.search(clause) or v.LINE_ART.search(clause)):
        return _uploaded(story, clause)
    about = _features_around(text, match, 14)
    roots = [picture.id for picture in pool if not any(story.by_id[each].is_made for each in story.parents(picture.id))]
    scored = [(likeness(about, story.own(each)), -at) for at, each in enumerate(roots)]
    best = max(scored, default=(0.0, 0))
    if best[0] >= ENOUGH and roots:
        return [roots[-best[1]]]
    return [pool[0].id]


def _original(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """Where the branch began that the clause speaks of, else the one in focus."""
    if not story.earlier:
        return []
    clause = clause_at(text, match.start())
    if story.sent and (v.UPLOAD.search(clause) or v.PHOTO_WORD.search(clause)):
        return _uploaded(story, clause)
    about = _features_around(text, match, 16)
    best = best_described(story, about, {}, [picture.id for picture in story.earlier], descend=False)
    start = best if best is not None else story.focus or story.newest
    return [story.root(start)] if start is not None else []


def _upload(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    return _uploaded(story, clause_at(text, match.start()))


def _uploaded(story: Story, clause: str) -> Sequence[str]:
    """Return the upload that a clause speaks of: by number, by words, else that of the focus, else the newest."""
    sent = [picture.id for picture in story.sent]
    if not sent:
        return []
    ordinal = v.ORDINAL.search(clause)
    if ordinal is not None and 0 < (number := _number(next(g for g in ordinal.groups() if g))) <= len(sent):
        return [sent[number - 1]]
    about = features(clause)
    scored = sorted(((likeness(about, story.own(each)), at) for at, each in enumerate(sent)), reverse=True)
    if scored[0][0] >= ENOUGH and (len(scored) == 1 or scored[0][0] > scored[1][0]):
        return [sent[scored[0][1]]]
    if story.focus is not None and (root := story.root(story.focus)) in sent:
        return [root]
    return sent[-1:]


def _last(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    return [story.newest] if story.newest is not None else []


def _last_but(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    back = 2
    word = match["zh"] or match["ja"] or match["ja2"]
    if word:
        back = _number(word) or 2
    if match["third"] or match["en"] == "two" or match["es"]:
        back = 3
    made = [picture.id for picture in story.made]
    pool = made if len(made) >= back else [picture.id for picture in story.earlier]
    return [pool[-back]] if len(pool) >= back else []


def _previous(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    parent = story.changed_from(story.focus)
    return [parent] if parent is not None else []


def _before(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """What the picture was made from in whose words something first came up."""
    if v.DESCRIBED.search(text[: match.start()]):
        return []
    said = next((group for group in match.groups() if group), "")
    about = features(v.BACK_TO.sub("", said))
    line = story.ancestors(story.focus) if story.focus is not None else []
    enough = min(ENOUGH, 0.6 * sum(about.values()) + 0.01)
    for pool in (line, [picture.id for picture in reversed(story.made)]):
        scored = [(_came_in(story, each, about, said), at, each) for at, each in enumerate(pool) if story.parents(each)]
        best = max(scored, default=(0.0, 0, ""))
        if best[0] >= enough and best[0] > 0 and (parents := story.parents(best[2])):
            return [_told_beside(story, text[: match.start()], parents)]
    if (made_before := _made_before(story, about)) is not None:
        return [made_before]
    parent = story.changed_from(story.focus)
    return [parent] if parent is not None else []


def _told_beside(story: Story, lead: str, parents: Sequence[str]) -> str:
    """Return which of the pictures that one was made from is spoken of: `the raccoon from before the tea party`."""
    about = features(_CLAUSE_END.search(lead)[0]) if len(parents) > 1 else {}  # type: ignore[index]
    return max(parents, key=lambda each: likeness(about, story.branch(each)))


def _made_before(story: Story, about: dict[str, float]) -> str | None:
    """Return the picture that was made before a new one that brought something in: `the picture before the badger`."""
    made = story.made
    for earlier, later in zip(made[-2::-1], made[:0:-1], strict=True):
        if about and not later.parents and likeness(about, story.own(later.id)) >= min(ENOUGH, sum(about.values())):
            return earlier.id
    return None


_SAME_VERB = 0.55


def _came_in(story: Story, id: str, about: dict[str, float], said: str) -> float:
    """Return how well a picture's own words fit a change that is spoken of: its thing, and its verb."""
    things = likeness(about, story.own(id))
    words = story.words_of(id)
    verbs = any(kind.search(said) and kind.search(words) for kind in (v.REPLACING_VERB, v.ADDING_VERB, v.REMOVING_VERB))
    return round(things + (_SAME_VERB if things > 0 and verbs else 0), 2)


def step_undone(story: Story, text: str) -> str | None:
    """Return what was there before a step that a folded text names: `压饱和度那步撤销`, `undo the coffee`."""
    match = v.STEP_NAMED.search(text)
    about = features(next((group for group in match.groups() if group), "")) if match else {}
    line = story.ancestors(story.focus) if about and story.focus is not None else []
    told = [each for each in line if likeness(about, story.own(each)) >= min(ENOUGH, sum(about.values()) * 0.6)]
    return story.changed_from(told[0]) if told else None


def _side(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """The left or the right one of several, as they stand side by side; or option B."""
    pool = list(story.scene.uploads) if len(story.scene.uploads) > 1 else story.batch()
    if len(pool) < 2:
        return []
    if letter := match["letter"] or match["zh_letter"]:
        at = "abcdefgh".index(letter)
        return [pool[at]] if at < len(pool) else []
    return [pool[0] if match["left"] or match["left_zh"] else pool[-1]]


# Where words stand.


def _features_around(text: str, match: re.Match[str], reach: int) -> dict[str, float]:
    """Return what stands close to a match in its clause: `the original greenhouse shot`, `最开始的线稿`."""
    clause_end = match.end() + len(CLAUSE.match(text, match.end())[0])  # type: ignore[index]
    after = text[match.end() : min(clause_end, match.end() + reach)]
    stop = v.WISH_BEGINS.search(after)
    after = after[: stop.start()] if stop else after
    clause = clause_at(text, match.start())
    before = text[max(match.start() - 10, match.start() - len(clause)) : match.start()]
    before = re.split(r"[,，.。;；!！?？:：]", before)[-1]
    return {**features(before), **features(after)}


def named_files(story: Story, text: str) -> Iterator[Mention]:
    """Yield the uploads whose file names stand in a text, with or without the ending."""
    for picture in story.scene.pictures:
        if picture.is_made or not picture.caption:
            continue
        name = fold(picture.caption)
        stem = name.rpartition(".")[0]
        for form in (name, stem if re.search(r"[\d_]", stem) else ""):
            at = text.find(form) if len(form) >= 4 else -1
            if at >= 0:
                yield Mention((picture.id,), "file", at, at + len(form))
                break


_READERS: tuple[tuple[str, re.Pattern[str], Reader], ...] = (
    ("ordinal", v.GROUP_TOLD, group_told),
    ("last-but", v.LAST_BUT, _last_but),
    ("before", v.BEFORE, _before),
    ("previous", v.PREVIOUS_VERSION, _previous),
    ("before", v.BEFORE_BARE, _before),
    ("ordinal", v.EARLIER_OF, _earlier_of),
    ("ordinal", v.LATER_OF, _last),
    ("ordinal", v.LAST_OF, _last_of),
    ("ordinal", v.MIDDLE, _middle),
    ("ordinal", v.SIDE, _side),
    ("first", v.FIRST, _first),
    ("ordinal", v.ORDINAL, _ordinal),
    ("upload", v.UPLOAD, _upload),
    ("original", v.ORIGINAL, _original),
    ("the-one", v.LACKING, lacking),
    ("the-one", v.LIKED_WITHOUT, liked_without),
    ("the-one", v.THE_ONE, the_one),
    ("the-one", v.THE_ONE_SPACED, the_one_spaced),
    ("the-one", v.AHEAD, the_one),
    ("last", v.LAST, _last),
)
