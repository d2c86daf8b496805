"""Turns that wish for a picture: a new one, a change, several put together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from darkroom.planner import vocabulary as v
from darkroom.planner.keeping import role_of
from darkroom.planner.lines import line_meant, lines_told
from darkroom.planner.measures import number_in
from darkroom.planner.newness import draws
from darkroom.planner.plan import Plan
from darkroom.planner.reading import FAIR, SURE, UNSURE, Reading, blanked
from darkroom.planner.scene import Picture, Use
from darkroom.planner.wishes import draws_something
from darkroom.planner.words import features, hit

_LIST = re.compile(r"[\s,，]*(?:(?:and|和|跟|与|、|と|y|also|以及)[\s,，]*(?:the |也 )?)?[^,，。.;]{0,8}")


def read_wish(turn: Reading) -> Plan:
    """Plan for a turn that wishes for a picture."""
    if turn.scene.uploads:
        return _with_uploads(turn)
    for read in (_together, _several, _placed, _known_figure, _after_named, _after_focus, _new, _corrected, _joined):
        if (found := read(turn)) is not None:
            return found
    ids, sure, reason = turn.target()
    return turn.edit(ids, sure, reason) if ids else turn.new(turn.wish, turn.story.kept)


# With pictures sent


def _with_uploads(turn: Reading) -> Plan:
    uploads = list(turn.scene.uploads)
    earlier = [id for id in turn.several() if id not in uploads]
    if v.REFERRING.search(turn.bare) and (draws(turn) or v.DRAWS_AFTER.search(turn.bare)) and not earlier:
        return turn.compose(uploads, "a new picture after what was sent", role_of(turn.bare))
    if len(uploads) > 1:
        return _with_several(turn, earlier)
    return _goes_along(turn, uploads[0], earlier) or _with_one(turn, uploads)


def _goes_along(turn: Reading, upload: str, earlier: Sequence[str]) -> Plan | None:
    """Plan for a change of an earlier picture with what was sent: as a mask, for its style, or to be put into it."""
    style = bool(v.STYLE.search(turn.bare) or v.LIKE_THIS.search(turn.bare))
    joins = bool(v.JOINS_UPLOAD.search(turn.bare) or v.WEARS.search(turn.bare) or _goes_into_focus(turn))
    base = earlier[0] if earlier else turn.story.focus
    if base is None or not turn.story.earlier:
        return None
    if v.MASK.search(turn.bare):
        return turn.edit([base], FAIR, "changed where the mask says", Use(upload, "mask"))
    if style or joins or v.COMPOSE.search(turn.bare):
        use = Use(upload, "style" if style and not joins else "reference")
        return turn.edit([base], FAIR, "changed with what was sent", use)
    return None


def _with_one(turn: Reading, uploads: Sequence[str]) -> Plan:
    """Plan for a wish about nothing but what was sent."""
    if not turn.bare.strip():
        return turn.about("describe", uploads, "sent without a word", UNSURE)
    if v.HANDS_OVER.search(turn.bare):
        return Plan("answer", reason="only sent, with no wish yet")
    draws_anew = v.DRAW.match(turn.bare.lstrip()) and not v.VERSION_WORD.search(turn.bare)
    if not v.MAKE_ME.search(turn.bare) and (v.ONTO_NEW.search(turn.bare) or draws_anew):
        return turn.compose(uploads, "a new picture with what was sent", role_of(turn.bare))
    return turn.edit(uploads, SURE, "sent with this turn")


def _part(match: re.Match[str], name: str) -> str:
    """Return what the groups of a match say whose names have a part in common."""
    return next((said for group, said in match.groupdict().items() if said and name in group), "")


def _goes_into_focus(turn: Reading) -> bool:
    """Tell whether what was sent is to be put where the picture that the talk is about has a place for it."""
    match, focus = v.PLACED.search(turn.bare), turn.story.focus
    if match is None or focus is None:
        return False
    where = _part(match, "where")
    told = (turn.story.own(each) for each in turn.story.ancestors(focus))
    return any(hit(each, own) for own in told for each in features(where))


def _with_several(turn: Reading, earlier: Sequence[str]) -> Plan:
    uploads = list(turn.scene.uploads)
    if v.EACH_OF.search(turn.bare) and not v.COMPOSE.search(turn.bare):
        return turn.edit(uploads, SURE, "each that was sent")
    meant = turn.several()
    if len(meant) == 1 and any(each.kind == "ordinal" for each in turn.found) and not v.COMPOSE.search(turn.bare):
        return turn.edit(meant, SURE, "one of those sent")
    return turn.compose([*earlier, *uploads], "those sent are put together")


# Several pictures


def _together(turn: Reading) -> Plan | None:
    """Plan for `put the two of them into one picture`."""
    into_one = v.INTO_ONE.search(turn.bare)
    if not (v.COMPOSE.search(turn.bare) or into_one) or not turn.story.earlier:
        return None
    ids = turn.several()
    loose = v.OF_SEVERAL.sub(" ", turn.bare)
    count = number_in(loose) or 0
    group = turn.group()
    if len(ids) < count <= len(group) and not turn.kinds("last"):
        ids = group
    if len(ids) < 2 and (v.BOTH.search(loose) or v.THEM.search(turn.bare) or v.GROUP_WORD.search(turn.bare)):
        ids = group if len(group) > 1 else turn.story.tips() if into_one else ids
    if len(ids) == 1 and v.JOINS.search(turn.bare) and not draws(turn):
        ids += [each for each in turn.story.tips() if each not in ids][-1:]
    return turn.compose(ids, "several are put together") if len(ids) > 1 else None


def _placed(turn: Reading) -> Plan | None:
    """Plan for `put the pianist in the sunburst`, where each is in a picture of its own."""
    match, focus = v.PLACED.search(turn.bare), turn.story.focus
    if match is None or focus is None or turn.found or turn.story.kept or v.HERE.search(turn.bare):
        return None
    what, where = _part(match, "what"), _part(match, "where")
    what = "" if v.PRONOUN.match(what) else what
    here = frozenset().union(*(turn.story.own(each) for each in turn.story.ancestors(focus)))
    if not where or any(each in here for each in features(what)):
        return None
    lineage = turn.story.ancestors(focus)
    others = [each for each in turn.story.tips() if focus not in turn.story.ancestors(each) and each not in lineage]
    told = [each for each in lines_told(turn.story, what, 0.9) if each in others]
    at_focus = any(hit(each, here) for each in features(where))
    there = [] if at_focus else [each for each in lines_told(turn.story, where, 0.9) if each in others]
    if there:
        return None if features(what) else turn.compose([focus, there[0]], "one is put into the other")
    if not told and len(others) == 1 and at_focus and v.PERSON.search(what):
        told = others
    return turn.compose([*told, focus], "one is put into the other") if told else None


def _several(turn: Reading) -> Plan | None:
    """Plan for a change of several pictures, each on its own."""
    if len(turn.named) > 1:
        return _named(turn)
    if v.UNTOUCHED.search(turn.bare) and turn.story.batch() and (others := turn.others()):
        return turn.edit(others, FAIR, "those that were left as they are")
    if _says_other(turn.pointing) and (v.AS_WELL.search(turn.bare) or not draws(turn)) and (others := turn.others()):
        return _each(turn, others, "the others")
    return _all_or_listed(turn) if turn.story.earlier else None


def _all_or_listed(turn: Reading) -> Plan | None:
    """Plan for a change of a group, or of those that are listed."""
    ids = turn.several()
    every = len(ids) > 1 and (v.ALSO.search(turn.bare) or v.EACH_OF.search(turn.bare)) and v.JOINS.search(turn.bare)
    if (every or _says_both(turn)) and not draws(turn):
        ids = ids if len(ids) > 1 else turn.group()
        return replace(turn.edit(ids, FAIR, "several are meant"), n=1) if len(ids) > 1 else None
    return _listed(turn)


def _named(turn: Reading) -> Plan:
    """Plan for several pictures whose ids stand in the turn."""
    if draws_something(turn.bare) or v.REFERRING.search(turn.bare):
        return turn.compose(turn.named, "a new picture after those that are named", role_of(turn.bare))
    return turn.edit(turn.named, SURE, "named by their ids")


def _each(turn: Reading, ids: Sequence[str], reason: str) -> Plan:
    """Plan for a change of several, whose number is not how many are wished for of each."""
    edit = turn.edit(ids, FAIR, reason)
    return replace(edit, n=1) if edit.n == len(ids) else edit


def _says_both(turn: Reading) -> bool:
    """Tell whether a group is meant, and not one that a later clause points at (`both are bad, take the first`)."""
    match = v.BOTH.search(v.OF_SEVERAL.sub(" ", turn.bare))
    later = [each for each in turn.kinds("last") if match and each.start > match.end()]
    if match is None or len(later) != 1 or len(later[0].ids) != 1:
        return match is not None
    return not re.search(r"[,，.。;；]", turn.bare[match.end() : later[0].start])


def _says_other(text: str) -> bool:
    return bool(v.OTHER.search(text) or v.OTHERS_MORE.search(text))


def _listed(turn: Reading) -> Plan | None:
    """Plan for `the first one and the third one`."""
    distinct = [each for each in turn.found if each.kind in ("ordinal", "file", "the-one", "id")]
    if len({each.ids for each in distinct}) < 2:
        return None
    between = turn.bare[distinct[0].end : distinct[1].start]
    if not v.JOINS.search(between) or not _LIST.fullmatch(between):
        return None
    return turn.edit([each.ids[-1] for each in distinct], SURE, "several are meant")


# A new one


def _known_figure(turn: Reading) -> Plan | None:
    """Plan for a new picture of what an earlier one shows: `next page: the girl finds a door`."""
    match = v.KNOWN_FIGURE.search(turn.pointing)
    if match is None or turn.story.kept or turn.found or turn.story.focus is None:
        return None
    said = v.SCENERY.sub(" ", next(group for group in match.groups() if group))
    figures = _definite(said)
    told = lines_told(turn.story, figures or said, 0.9) or (_told_of(turn, figures, ()) if figures else [])
    return turn.compose(told, "a new picture of what is known") if told else None


def _after_focus(turn: Reading) -> Plan | None:
    """Plan for `draw its evolved form`."""
    focus = turn.story.focus
    same = v.SAME_FIGURE.search(turn.bare)
    if turn.story.kept or focus is None or not (same or (v.OF_FOCUS.search(turn.bare) and not turn.found)):
        return None
    return turn.compose([focus], "a new picture of what the talk is about")


def _after_named(turn: Reading) -> Plan | None:
    """Plan for a new picture after others that are named: `use the sheet: …`, `照三视图另画一张`."""
    follows = v.LEADS_AFTER.search(turn.bare) and not v.EDIT.search(turn.bare)
    if turn.story.kept or not (draws_something(turn.bare) or v.LEADS_FROM.search(turn.bare) or follows):
        return None
    referred = _referred(turn)
    like = [Use(id, "style") for id in turn.consistent_with() if id not in referred]
    role = role_of(turn.bare)
    return turn.compose(referred, "a new picture after another", role, *like) if referred or like else None


def _new(turn: Reading) -> Plan | None:
    if not draws(turn):
        return None
    if not turn.story.kept:
        if referred := _referred(turn):
            return turn.compose(referred, "a new picture after another", role_of(turn.bare))
        ids = turn.several()
        lines = {turn.story.root(id) for id in ids}
        if len(lines) > 1 and v.DEFINITE.search(turn.bare) and (v.PLACE.search(turn.bare) or _in_manner(turn)):
            return turn.compose(ids, "a new picture of both")
    return turn.new(turn.wish, turn.story.kept)


def _referred(turn: Reading) -> list[str]:
    """Return the pictures that a new one is to be made after: `use the character sheet`, `照三视图`."""
    if not turn.story.earlier:
        return []
    places = [match.span() for pattern in (v.REFERRING, v.HOLDS_TO) for match in pattern.finditer(turn.bare)]
    return list(dict.fromkeys(id for start, end in sorted(places) for id in _referred_at(turn, start, end)))


def _referred_at(turn: Reading, start: int, end: int) -> list[str]:
    """Return the pictures that the clause around a place refers to: by what points, else by words."""
    breaks = [0, *(each.end() for each in re.finditer(r"[,，.。;；:：!！?？\n—–]", turn.bare)), len(turn.bare)]
    start = max(at for at in breaks if at <= start)
    end = min(at for at in breaks if at >= end)
    clause = turn.bare[start:end]
    points = turn.kinds("before", "previous", "last")
    pointed = [id for each in points if start <= each.start < end for id in each.ids]
    if pointed and not v.JOINS.search(clause):
        return pointed
    told = [*pointed, *(id for id in _told_of(turn, clause, pointed) if not _related(turn, id, pointed))]
    if not told and turn.story.focus is not None and v.ITS_OWN.search(clause):
        told = [turn.story.focus]
    return told


def _related(turn: Reading, id: str, others: Sequence[str]) -> bool:
    return any(id in turn.story.descendants(other) or other in turn.story.descendants(id) for other in others)


def _told_of(turn: Reading, clause: str, pointed: Sequence[str]) -> list[str]:
    """Return the pictures that a clause tells of; else the one whose first words do."""
    story = turn.story
    tips = story.tips()
    about = features(clause)
    if len(tips) == 1:
        return tips if any(each in story.branch(tips[0]) for each in about) else []
    derived = {picture.id for picture in story.made if any(_refers(turn, picture, each) for each in about)}
    if told := lines_told(story, clause, 0.9, exactly=True, without={*pointed, *derived}):
        return told
    roots = [picture.id for picture in story.earlier if not picture.parents]
    begun = [each for each in roots if any(one in story.own(each) for one in about if len(one) > 1)]
    return [story.latest(begun[0])] if len(begun) == 1 and not pointed else []


def _refers(turn: Reading, picture: Picture, feature: str) -> bool:
    """Tell whether a picture has a word only because it was made after another one: `use the sheet`."""
    return any(use.role != "edited" and hit(feature, turn.story.branch(use.id)) for use in picture.parents)


# A change


def _in_manner(turn: Reading) -> bool:
    """Tell whether one thing is to look as another does."""
    return bool(v.MANNER_OF.search(turn.bare) or v.MANNER_MORE.search(turn.bare))


def _corrected(turn: Reading) -> Plan | None:
    """Plan for a turn that says that another picture was meant than the one that was changed."""
    story = turn.story
    if not v.CORRECTS.search(turn.bare) or story.focus is None or turn.kinds("last"):
        return None
    wrong = {story.focus, *(story.descendants(story.start_of(story.focus)) if len(story.tips()) > 1 else ())}
    meant = line_meant(story, turn.pointing, strict=True, without=wrong, alone=True)
    if meant is not None:
        return turn.edit([meant], FAIR, "the other one was meant")
    parent = story.changed_from(story.focus)
    undone = parent is not None and v.MISTAKEN.search(turn.bare)
    return turn.edit([parent], FAIR, "the last change was not meant") if parent is not None and undone else None


def _joined(turn: Reading) -> Plan | None:
    """Plan for one picture that is put into another: `put the knight in the castle`, with a line for each."""
    story = turn.story
    pointed = turn.kinds("last", "before", "previous")
    related = {id for each in pointed for one in each.ids for id in (*story.ancestors(one), *story.descendants(one))}
    placed = v.PLACE.search(turn.bare) or v.PLACE_MORE.search(turn.bare) or _in_manner(turn)
    rest = blanked(
        turn.pointing, [each for each in pointed if not v.PLACE.search(turn.pointing[each.start : each.end])]
    )
    clear = [id for id in lines_told(story, rest, 0.5 if placed else 1.0) if id not in related]
    if placed and not pointed and len(clear) < 2:
        clear = [id for id in lines_told(story, _definite(rest), 0.9, by_looks=True) if id not in related]
    several = len({each.ids for each in pointed}) > 1
    ids = list(dict.fromkeys([*(each.ids[-1] for each in pointed), *(() if several else clear)]))
    if len(ids) == 1 and story.focus is not None and v.INTO_IT.search(turn.bare):
        ids = list(dict.fromkeys([*ids, story.focus]))
    if v.AS_WELL.search(turn.bare) or v.NOT_THAT.search(turn.bare) or (pointed and not placed):
        return None
    apart = [id for id in ids if not any(id != other and other in story.descendants(id) for other in ids)]
    return turn.compose(apart, "one is put into the other") if len(apart) > 1 else None


def _definite(text: str) -> str:
    """Return what a text speaks of as known, colours and all: `the mustard chair`, `the green room`."""
    return " ".join(match[0] for match in v.DEFINITE_NOUN.finditer(text))
