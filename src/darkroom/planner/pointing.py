"""Pointing: which pictures the words of a turn point at.

Strategy. `mentions` finds the places in a turn that point at a picture, each as what it means there: an ordinal, `the
original`, `the one with the hat`, `before the winter`. Places that overlap are settled by the order of `_READERS`: what
says most wins. What is pointed away from (`not the first one`) is cut out before. Each reader turns its match into ids
with the `Story`; a place that means nothing in this story is no mention.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from darkroom.planner import vocabulary as v
from darkroom.planner.measures import number_in
from darkroom.planner.story import Story
from darkroom.planner.words import features, fold, likeness

_ENOUGH = 0.9
_NUMBERS = {
    **{digit: at for at, digit in enumerate("一二三四五六七八九十", 1)},
    **{"两": 2, "俩": 2, "three": 3, "four": 4, "five": 5, "six": 6, "one": 1, "two": 2},
    **dict(zip("first second third fourth fifth sixth seventh eighth".split(), range(1, 9), strict=True)),
    **dict(zip("primer segund tercer cuart quint".split(), range(1, 6), strict=True)),
}
_CLAUSE = re.compile(r"[^,，.。;；:：!！?？\n]*")


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
    word = re.sub(r"^(?:第|number|no\.?|nr\.?|#|option|variant|version|take|draft|pic|picture|image|concept|design|page|panel)\s?", "", word)
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
    clause = _clause(text, match.start())
    pool = _counted(story, clause, text)
    return [pool[number - 1]] if 0 < number <= len(pool) else []


def _labelled(story: Story, said: str) -> Sequence[str] | None:
    """Return the page or panel that bears a number by its own words; None where none do."""
    label = v.LABEL.match(said)
    if label is None:
        return None
    bearers = [picture.id for picture in story.made if label[0] in story.words_of(picture.id)[:20]]
    return [_newest_version(story, bearers[0], {}, set(story.by_id))] if bearers else []


def _earlier_of(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    made = [picture.id for picture in story.made]
    return made[-2:-1]


def _counted(story: Story, clause: str, text: str) -> list[str]:
    """Return the row of pictures that an ordinal counts in."""
    now = list(story.scene.uploads)
    if len(now) > 1:
        return now
    sent = [picture.id for picture in story.sent]
    if sent and (v.UPLOAD.search(clause) or re.search(r"\bphotos?\b|照片|写真|\bfotos?\b", clause)):
        return sent
    if batch := story.batch():
        return batch
    return [picture.id for picture in story.made] or sent


def _middle(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    pool = _counted(story, _clause(text, match.start()), text)
    return [pool[len(pool) // 2]] if len(pool) > 1 else []


def _last_of(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    pool = _counted(story, _clause(text, match.start()), text)
    return pool[-1:] if len(pool) > 1 else []


def _first(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    pool = story.made or story.earlier
    if not pool:
        return []
    clause = _clause(text, match.start())
    if story.sent and (v.UPLOAD.search(clause) or v.ORIGINAL.search(clause) or v.LINE_ART.search(clause)):
        return _uploaded(story, clause)
    about = _features_around(text, match, 14)
    roots = [picture.id for picture in pool if not any(story.by_id[each].is_made for each in story.parents(picture.id))]
    scored = [(likeness(about, story.own(each)), -at) for at, each in enumerate(roots)]
    best = max(scored, default=(0.0, 0))
    if best[0] >= _ENOUGH and roots:
        return [roots[-best[1]]]
    return [pool[0].id]


def _original(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """Where the branch began that the clause speaks of, else the one in focus."""
    if not story.earlier:
        return []
    clause = _clause(text, match.start())
    if story.sent and (v.UPLOAD.search(clause) or v.PHOTO_WORD.search(clause)):
        return _uploaded(story, clause)
    about = _features_around(text, match, 16)
    best = _best(story, about, {}, [picture.id for picture in story.earlier], descend=False)
    start = best if best is not None else story.focus or story.newest
    return [story.root(start)] if start is not None else []


def _upload(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    return _uploaded(story, _clause(text, match.start()))


def _uploaded(story: Story, clause: str) -> Sequence[str]:
    """Return the upload that a clause speaks of: by number, by name or words, else that of the focus, else the newest."""
    sent = [picture.id for picture in story.sent]
    if not sent:
        return []
    ordinal = v.ORDINAL.search(clause)
    if ordinal is not None and 0 < (number := _number(next(g for g in ordinal.groups() if g))) <= len(sent):
        return [sent[number - 1]]
    about = features(clause)
    scored = sorted(((likeness(about, story.own(each)), at) for at, each in enumerate(sent)), reverse=True)
    if scored[0][0] >= _ENOUGH and (len(scored) == 1 or scored[0][0] > scored[1][0]):
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
    enough = min(_ENOUGH, 0.6 * sum(about.values()) + 0.01)
    for pool in (line, [picture.id for picture in reversed(story.made)]):
        scored = [(_came_in(story, each, about, said), at, each) for at, each in enumerate(pool) if story.parents(each)]
        best = max(scored, default=(0.0, 0, ""))
        if best[0] >= enough and best[0] > 0 and (parent := story.changed_from(best[2])):
            return [parent]
    parent = story.changed_from(story.focus)
    return [parent] if parent is not None else []


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
    told = [each for each in line if likeness(about, story.own(each)) >= min(_ENOUGH, sum(about.values()) * 0.6)]
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


def _the_one(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """`The one with the hat but not the scarf`."""
    said = next((group for group in match.groups() if group), "")
    if said.endswith(("がな", "のな", "いな")) and f"{said}い" in match[0]:
        said += "い"
    if v.ORDINAL.fullmatch(match[0]) or v.NOT_A_UNIT.search(match[0][-2:]):
        return []
    if re.search(r"\bphoto|照片|写真|\bfoto", match[0]) and story.sent:
        among = _best(story, features(said), {}, [picture.id for picture in story.sent], descend=False)
        if among is not None:
            return [among]
    if v.HAD_IT.search(said):
        said = text[: match.start()]
    start = match.start() + (match[0].find(said) if said in match[0] else 0)
    lead = text[max(0, start - 9) : start]
    said += _tail(text[match.end() :])
    without: dict[str, float] = {}
    rest = said
    if v.WITHOUT_BEFORE.search(lead):
        rest, without = "", features(v.AND_THEN.split(said)[0])
    rest = v.AND_THEN.split(rest)[0]
    rest, more = _split_negated(rest)
    without |= more
    only = bool(v.ONLY.search(rest) or v.ONLY_THIS.search(rest))
    pool = _pool(story, _clause(text, match.start()), only=only)
    for piece in _shorter(rest) if re.search(_CJK, rest) else [rest]:
        if (best := _best(story, features(piece), without, pool, descend=not only)) is not None:
            return [best]
    if (had := _before_removal(story, features(rest))) is not None:
        return [had]
    known = without and any(likeness(without, story.branch(each)) >= 0.5 for each in pool)
    best = _best(story, {}, without, pool) if known else None
    return [best] if best is not None else []


def _spaced(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """The same where words of two languages stand together, with blanks between them: `还没 colorize 的那版`."""
    return _the_one(story, text, match) if re.search(r"[a-z]", match[0]) and " " in match[0].strip() else []


def _before_removal(story: Story, about: dict[str, float]) -> str | None:
    """Return the picture that a thing was last in, where later words took it away."""
    pool = [each.id for each in reversed(story.made) if about and likeness(about, story.gone(each.id)) >= _ENOUGH]
    return story.changed_from(pool[0]) if pool else None


def _tail(after: str) -> str:
    """Return what follows a description and denies a part of it: `the red one` `, but without the hat`."""
    denies = v.TAIL_WITHOUT.search(after)
    if denies is not None:
        after = after[len(after) - len(after.lstrip(" ,，")) :]
        return " " + _CLAUSE.match(after)[0]  # type: ignore[index]
    return " " + _CLAUSE.match(after)[0] if v.BUT_ALSO.search(after) else ""  # type: ignore[index]


def _pool(story: Story, clause: str, *, only: bool) -> list[str]:
    """Return the pictures that a description may mean: none that was put together, for `only the cat`; not the one at
    hand, for `back to the one with the cat`."""
    pool = [picture.id for picture in story.earlier]
    if only:
        pool = [each for each in pool if all(len(story.parents(one)) < 2 for one in story.ancestors(each))] or pool
    if v.GOING_BACK.search(clause) and len(pool) > 1:
        pool = [each for each in pool if each != story.focus]
    return pool


def _liked_without(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """`I liked it better without the cat`: what the line was before it came in."""
    without = features(next((group for group in match.groups() if group), ""))
    line = story.ancestors(story.focus) if story.focus is not None else []
    came = [each for each in line if without and likeness(without, story.own(each)) >= _ENOUGH]
    parent = story.changed_from(came[-1]) if came else None
    return [parent] if parent is not None else []


def _lacking(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """`The fox without the scarf`, where a picture has one with it, and one without."""
    have, without = features(match["have"]), features(match["en"])
    pool = [picture.id for picture in story.earlier]
    had = [each for each in pool if likeness(without, story.own(each)) >= _ENOUGH]
    if not had or not have:
        return []
    best = _best(story, have, without, pool)
    return [best] if best is not None else []


def _group_told(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """`The four plain ones`, `最开始那四个`: of the turns that made so many, the one that the words fit."""
    count = number_in(f"the {match[0]}") or number_in(match[0]) or 0
    batches = [said.made for said in story.scene.past if len(said.made) == count > 1]
    if not batches or v.OF_SEVERAL.search(text, match.start(), match.end() + 2):
        return []
    if v.GROUP_FIRST.search(match[0]):
        return batches[0]
    rest, without = _split_negated(next((group for group in match.groups() if group), ""))
    about = features(rest)
    likely = [each for each in batches if not without or likeness(without, story.branch(each[0])) < 0.5]
    told = [each for each in likely if about and likeness(about, story.own(each[0])) >= min(_ENOUGH, sum(about.values()))]
    if without and likely and len(likely) < len(batches):
        return (told or likely)[-1]
    return told[-1] if told and len(batches) > 1 else []


def _split_negated(said: str) -> tuple[str, dict[str, float]]:
    """Return a description without what it denies, and what that is about (`有帽子但没爱心的` → hat, and no heart)."""
    without: dict[str, float] = {}
    rest = v.BEFORE_INSIDE.sub(lambda match: _deny(match[1], without), said)
    rest = v.SUBJECT_DENIED.sub(lambda match: _deny(match[1], without), rest)
    rest = _DENIED_THEN_KEPT.sub(lambda match: _deny(match[1], without), rest)
    for negation in _NEGATION.finditer(rest):
        denied = features(negation["what"] or negation["ja"] or "")
        if not denied:
            denied = features(re.split(r"[,，、]|但|而|\b(?:and|but|with)\b", rest[: negation.start()])[-1])
            rest = rest.replace(re.split(r"[,，、]|但|而", rest[: negation.start()])[-1], " ", 1) if denied else rest
        without |= denied
    return _NEGATION.sub(" ", rest), without


def _deny(said: str, without: dict[str, float]) -> str:
    without |= features(said)
    return " "


_NEGATION = re.compile(
    r"(?:(?:还|都|也|又|但|却|而|已)*(?:没有?|尚无|尚未|未|不带|不含|无)|\b(?:without|w/o|sans|minus|(?:with|has|have|had|but|and) no|(?:but )?not|no|doesn't have|does not have|hadn't|sin|pero sin|todavia no)\b)"
    r"(?P<what>[^,，。、;；但]{0,24}?)(?=[,，。、;；但]|\b(?:but|and with|yet)\b|$)"
    r"|(?P<ja>[^,、。]{1,10}?)(?=なし|無し|のない|がない|[がの]いない|[がの]なかった|[がの]いなかった|じゃない|ではない|抜き)"
)


_DENIED_THEN_KEPT = re.compile(r"(?:还|都|也|又|但|却|而|已)*(?:没有?|尚无|尚未|未|不带|不含|无)([^,，。、;；但的那这]{1,8})的(?=[^,，。、;；那这]{2})")
"""`没下雨的白天`: only the first is denied."""


def _shorter(said: str) -> Iterator[str]:
    """Yield a clause and its ends: what points stands last (`让她手里拿上刚才画的` → `刚才画的`)."""
    yield said
    for match in v.STEP.finditer(said):
        yield said[match.end() :]


_CJK = r"[\u3040-\u30ff\u3400-\u9fff]"
def _best(
    story: Story, about: dict[str, float], without: dict[str, float], pool: Sequence[str], *, descend: bool = True
) -> str | None:
    """Return the picture that words describe best: in its newest version, as long as that still fits them."""
    if not about and not without:
        return None
    most = max(0.5, 0.33 * sum(without.values()))
    allowed = [each for each in pool if likeness(without, story.branch(each)) < most] if without else list(pool)
    if without and (not about or len(allowed) == len(pool)):
        if len(allowed) < len(pool):
            return _without(story, without, allowed)
        return (_best(story, about, {}, pool, descend=False) if about else None) or story.changed_from(story.focus)
    scored = [(_score(story, about, each), at, each) for at, each in enumerate(allowed)]
    best = max(scored, key=lambda item: item[0], default=None)
    if best is None or best[0] < min(_ENOUGH, sum(about.values()) * 0.99):
        return None
    likely = [item for item in scored if item[0] > best[0] - 0.01]
    anchor = likely[-1][2] if without else _anchor(story, [item[2] for item in likely])
    return _newest_version(story, anchor, about, set(allowed)) if descend else anchor


def _without(story: Story, without: dict[str, float], allowed: Sequence[str]) -> str | None:
    """Return the picture as it was before something came in; else the newest of those that never had it."""
    line = story.ancestors(story.focus) if story.focus is not None else []
    for each in line:
        parent = story.changed_from(each)
        if likeness(without, story.own(each)) >= 0.5 and parent in allowed:
            return parent
    return allowed[-1] if allowed else None


def _anchor(story: Story, likely: Sequence[str]) -> str:
    """Of pictures that fit equally, the one that the talk is about if it is among them, else the newest."""
    return story.focus if story.focus is not None and story.focus in likely else likely[-1]


def _score(story: Story, about: dict[str, float], id: str) -> float:
    own = likeness(about, story.own(id))
    return own + 0.75 * (likeness(about, story.branch(id)) - own)


def _newest_version(story: Story, id: str, about: dict[str, float], allowed: set[str]) -> str:
    """Return the newest picture edited out of one that still has what the words say."""
    still = {id}
    newest = id
    for each in story.descendants(id)[1:]:
        parent = story.changed_from(each)
        if parent in still and each in allowed and likeness(about, story.branch(each)) >= likeness(about, story.branch(id)) - 0.01:
            still.add(each)
            newest = each
    return newest


# Where words stand.


def _clause(text: str, at: int) -> str:
    start = max(text.rfind(mark, 0, at) for mark in ",，.。;；!！?？\n") + 1
    return text[start:at] + _CLAUSE.match(text, at)[0]  # type: ignore[index]


def _features_around(text: str, match: re.Match[str], reach: int) -> dict[str, float]:
    """Return what stands close to a match in its clause: `the original greenhouse shot`, `最开始的线稿`."""
    clause_end = match.end() + len(_CLAUSE.match(text, match.end())[0])  # type: ignore[index]
    after = text[match.end() : min(clause_end, match.end() + reach)]
    ascii_stop = re.search(r"\b(?:and|but|with|make|have|put|add|to)\b|改|换|加|让|把|再|上|重|做", after)
    after = after[: ascii_stop.start()] if ascii_stop else after
    clause = _clause(text, match.start())
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
    ("ordinal", v.GROUP_TOLD, _group_told),
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
    ("the-one", v.LACKING, _lacking),
    ("the-one", v.LIKED_WITHOUT, _liked_without),
    ("the-one", v.THE_ONE, _the_one),
    ("the-one", v.THE_ONE_SPACED, _spaced),
    ("the-one", v.AHEAD, _the_one),
    ("last", v.LAST, _last),
)
