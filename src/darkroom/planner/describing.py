"""Describing: which picture `the one with the hat but not the scarf` is.

Strategy. A description is split into what the picture has and what it has not (`without`, `还没`, `hatless`). Of the
pictures that lack the one, the picture is taken whose words say the other best, those of its own more than those that
it was made from; and of its line the newest that still has it. What words have taken away since, or what no word has
said (`the daytime one`, before it became night), is told by what came later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from darkroom.planner import vocabulary as v
from darkroom.planner.measures import number_in
from darkroom.planner.story import CONTRAST_OF, EXCLUSIVE, SHAPE_WORDS, Story
from darkroom.planner.words import features, hit, likeness

ENOUGH = 0.9
"""The weight of words that make a picture the one that is spoken of."""

CLAUSE = re.compile(r"[^,，.。;；:：!！?？\n]*")


def the_one(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """Return the picture of `the one with the hat but not the scarf`."""
    said = next((group for group in match.groups() if group), "")
    if said.endswith(("がな", "のな", "いな")) and f"{said}い" in match[0]:
        said += "い"
    if v.ORDINAL.fullmatch(match[0]) or v.NOT_A_UNIT.search(match[0][-2:]) or v.MANNER_TAIL.search(text[match.end() :]):
        return []
    if v.PHOTO_NOUN.search(match[0]) and story.sent:
        sent = [picture.id for picture in story.sent]
        if (among := best_described(story, features(said), {}, sent, descend=False)) is not None:
            return [among]
    rest, without = _told_and_denied(story, text, match, said)
    only = bool(v.ONLY.search(rest) or v.ONLY_THIS.search(rest))
    pool = _pool(story, clause_at(text, match.start()), only=only)
    for piece in _shorter(rest) if re.search(_CJK, rest) else [rest]:
        if (best := best_described(story, features(piece), without, pool, descend=not only)) is not None:
            return [best]
    return _by_lack(story, rest, without, pool)


def _told_and_denied(story: Story, text: str, match: re.Match[str], said: str) -> tuple[str, dict[str, float]]:
    """Return what a description says that the picture has, and what it has not."""
    if v.HAD_IT.search(said):
        said = text[: match.start()]
    start = match.start() + (match[0].find(said) if said in match[0] else 0)
    lead = text[max(0, start - 9) : start]
    said += _tail(text[match.end() :])
    without: dict[str, float] = {}
    if v.WITHOUT_BEFORE.search(lead):
        said, without = "", features(v.AND_THEN.split(said)[0])
    rest, more = _split_negated(_spelt_out(story, v.AND_THEN.split(said)[0]))
    return rest, without | more


def _by_lack(story: Story, rest: str, without: dict[str, float], pool: Sequence[str]) -> Sequence[str]:
    """Return the picture that is told by what it has no longer, or has not yet."""
    if (had := _before_removal(story, features(rest))) is not None:
        return [had]
    if v.PLAIN.fullmatch(rest) and story.focus is not None:
        return [story.root(story.focus)]
    known = without and any(likeness(without, story.branch(each)) >= 0.5 for each in pool)
    best = best_described(story, {}, without, pool) if known else None
    return [best] if best is not None else []


def the_one_spaced(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """The same where words of two languages stand together, with blanks between them: `还没 colorize 的那版`."""
    return the_one(story, text, match) if re.search(r"[a-z]", match[0]) and " " in match[0].strip() else []


def _before_removal(story: Story, about: dict[str, float]) -> str | None:
    """Return the picture that a thing was last in, where later words took it away."""
    looks = {each for each in about if CONTRAST_OF.get(each) == 0 or each in SHAPE_WORDS}
    things = {each: weight for each, weight in about.items() if each not in looks}
    about = things or about
    enough = min(ENOUGH, sum(about.values())) if things else ENOUGH
    pool = [each.id for each in reversed(story.made) if about and likeness(about, story.gone(each.id)) >= enough]
    before = story.changed_from(pool[0]) if pool else None
    return before if before is not None and (things or likeness(about, story.branch(before)) >= enough) else None


def _tail(after: str) -> str:
    """Return what follows a description and denies a part of it: `the red one` `, but without the hat`."""
    denies = v.TAIL_WITHOUT.search(after)
    if denies is not None:
        after = after[len(after) - len(after.lstrip(" ,，")) :]
        return " " + CLAUSE.match(after)[0]  # type: ignore[index]
    return " " + CLAUSE.match(after)[0] if v.BUT_ALSO.search(after) else ""  # type: ignore[index]


def _pool(story: Story, clause: str, *, only: bool) -> list[str]:
    """Return the pictures that a description may mean: none that was put together, for `only the cat`; not the one at
    hand, for `back to the one with the cat`."""
    pool = [picture.id for picture in story.earlier]
    if only:
        pool = [each for each in pool if not story.is_put_together(each)] or pool
    if v.GOING_BACK.search(clause) and len(pool) > 1:
        pool = [each for each in pool if each != story.focus]
    return pool


def liked_without(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """`I liked it better without the cat`: what the line was before it came in."""
    without = features(next((group for group in match.groups() if group), ""))
    line = story.ancestors(story.focus) if story.focus is not None else []
    came = [each for each in line if without and likeness(without, story.own(each)) >= ENOUGH]
    parent = story.changed_from(came[-1]) if came else None
    return [parent] if parent is not None else []


def lacking(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
    """`The fox without the scarf`, where a picture has one with it, and one without."""
    have, without = features(match["have"]), features(match["en"])
    pool = [picture.id for picture in story.earlier]
    had = [each for each in pool if likeness(without, story.own(each)) >= ENOUGH]
    if not had or not have:
        return []
    best = best_described(story, have, without, pool)
    return [best] if best is not None else []


def group_told(story: Story, text: str, match: re.Match[str]) -> Sequence[str]:
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
    told = [
        each for each in likely if about and likeness(about, story.own(each[0])) >= min(ENOUGH, sum(about.values()))
    ]
    if without and likely and len(likely) < len(batches):
        return (told or likely)[-1]
    return told[-1] if told and len(batches) > 1 else []


def _split_negated(said: str) -> tuple[str, dict[str, float]]:
    """Return a description without what it denies, and what that is about (`有帽子但没爱心的` → hat, and no heart)."""
    without: dict[str, float] = {}
    rest = v.BEFORE_INSIDE.sub(lambda match: _deny(match, without), said)
    rest = v.SUBJECT_DENIED.sub(lambda match: _deny(match, without), rest)
    # Of `没下雨的白天` only the rain is denied.
    rest = v.DENIED_THEN_KEPT.sub(lambda match: _deny(match, without), rest)
    for negation in _NEGATION.finditer(rest):
        denied = features(negation["what"] or negation["ja"] or "")
        if not denied:
            denied = features(re.split(r"[,，、]|但|而|\b(?:and|but|with)\b", rest[: negation.start()])[-1])
            rest = rest.replace(re.split(r"[,，、]|但|而", rest[: negation.start()])[-1], " ", 1) if denied else rest
        without |= denied
    return _NEGATION.sub(" ", rest), without


def _spelt_out(story: Story, said: str) -> str:
    """Return a description with `hatless` as `without hat`, where a picture has one, and so for `undecorated`."""

    def spelt(match: re.Match[str]) -> str:
        thing = next(group for group in match.groups() if group)
        known = any(hit(each, story.own(picture.id)) for picture in story.earlier for each in features(thing))
        return f" without {thing}" if known else match[0]

    return v.LACKS_SUFFIX.sub(spelt, said)


def _deny(match: re.Match[str], without: dict[str, float]) -> str:
    """Note what a place denies, and return what stands for it."""
    without |= features(next((group for group in match.groups() if group), ""))
    return " "


_NEGATION = re.compile(
    rf"(?:{v.NEGATION.pattern})"
    r"(?P<what>[^,，。、;；但]{0,24}?)(?=[,，。、;；但]|\b(?:but|and with|yet)\b|$)"
    rf"|{v.NEGATION_JA.pattern}"
)


def _shorter(said: str) -> Iterator[str]:
    """Yield a clause and its ends: what points stands last (`让她手里拿上刚才画的` → `刚才画的`)."""
    yield said
    for match in v.STEP.finditer(said):
        yield said[match.end() :]


_CJK = r"[\u3040-\u30ff\u3400-\u9fff]"


def best_described(
    story: Story, about: dict[str, float], without: dict[str, float], pool: Sequence[str], *, descend: bool = True
) -> str | None:
    """Return the picture that words describe best: in its newest version, as long as that still fits them."""
    if not about and not without:
        return None
    about, pool = _in_its_time(story, about, pool)
    if not about and not without:
        return pool[-1] if pool else None
    most = max(0.5, 0.33 * sum(without.values()))
    allowed = [each for each in pool if likeness(without, story.branch(each)) < most] if without else list(pool)
    if without and (not about or len(allowed) == len(pool)):
        if len(allowed) < len(pool):
            return _without(story, without, allowed)
        return (best_described(story, about, {}, pool, descend=False) if about else None) or story.changed_from(
            story.focus
        )
    scored = [(_score(story, about, each), at, each) for at, each in enumerate(allowed)]
    best = max(scored, key=lambda item: item[0], default=None)
    if best is None or best[0] < min(ENOUGH, sum(about.values()) * 0.99):
        return None
    likely = [item for item in scored if item[0] > best[0] - 0.01]
    anchor = likely[-1][2] if without else _anchor(story, [item[2] for item in likely])
    return newest_version(story, anchor, about, set(allowed)) if descend else anchor


def _in_its_time(story: Story, about: dict[str, float], pool: Sequence[str]) -> tuple[dict[str, float], Sequence[str]]:
    """Return a description and its pictures without those of another hour, season or tone: `the daytime one`.

    A word for one of them that no picture's words have (nobody says that it is day) rules the others out, and no more.
    """
    said = {each: row for each in about if (row := CONTRAST_OF.get(each)) in EXCLUSIVE}
    if not said:
        return about, pool
    rivals = {each for each, row in CONTRAST_OF.items() if row in said.values() and each not in said}
    fitting = [each for each in pool if not rivals & story.branch(each)]
    unsaid = {each for each in said if not any(each in story.branch(one) for one in pool)}
    if not unsaid or not fitting or len(fitting) == len(pool):
        return about, pool
    return {each: weight for each, weight in about.items() if each not in unsaid}, _nearest_last(story, fitting)


def _nearest_last(story: Story, ids: Sequence[str]) -> list[str]:
    """Return pictures with those of the line in focus last."""
    line = story.ancestors(story.focus) if story.focus is not None else []
    return sorted(ids, key=lambda each: each in line)


def _without(story: Story, without: dict[str, float], allowed: Sequence[str]) -> str | None:
    """Return the picture as it was before something came in; else the newest of those that never had it."""
    line = story.ancestors(story.focus) if story.focus is not None else []
    for each in (*line, *(picture.id for picture in reversed(story.made))):
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


def newest_version(story: Story, id: str, about: dict[str, float], allowed: set[str]) -> str:
    """Return the newest picture edited out of one that still has what the words say."""
    still = {id}
    newest = id
    for each in story.descendants(id)[1:]:
        parent = story.changed_from(each)
        if (
            parent in still
            and each in allowed
            and likeness(about, story.branch(each)) >= likeness(about, story.branch(id)) - 0.01
        ):
            still.add(each)
            newest = each
    return newest


def clause_at(text: str, at: int) -> str:
    """Return the clause that a place in a text stands in."""
    start = max(text.rfind(mark, 0, at) for mark in ",，.。;；!！?？\n") + 1
    return text[start:at] + CLAUSE.match(text, at)[0]  # type: ignore[index]
