"""Films: whether a turn wishes for one, speaks of one, or of a picture beside them.

Strategy. A turn that wishes for a film is planned for here: which pictures it sets in motion is found by the same
pointing as for a change. All other turns are read by the rules for pictures: among the films alone where the turn
speaks of a film (`make the second video slower`), its word for it read as one for a picture; among the pictures alone
where it speaks of a picture; else among both. What is changed says what is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from darkroom.planner import vocabulary as v
from darkroom.planner.describing import best_described
from darkroom.planner.keeping import role_of
from darkroom.planner.measures import count_of, seconds_of
from darkroom.planner.plan import Plan
from darkroom.planner.reading import FAIR, SURE, Reading, as_it_is
from darkroom.planner.rewinding import read_again
from darkroom.planner.scene import Kind, Picture, Use
from darkroom.planner.story import Story
from darkroom.planner.wishes import draws_something, is_polite_wish, is_question
from darkroom.planner.words import features, fold

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_MASCULINE = re.compile(r"\b(?:el|los|del|al|un|ese|este|aquel|primer|segundo|tercer|ultimo|otro|mi)\s$")
_WORD = {3: "pic", 4: "pics", 5: "image", 6: "images", 7: "picture", 8: "pictures"}
_LOOSE = re.compile(r"(?:\s+(?:the|my|la|las|el|los|al|del|de))+\s*$", re.IGNORECASE)
"""What is left of a pointer at the end of a wish: `animate the (first picture)`."""
_BLANK = "　"
"""What a Chinese or Japanese word for a picture is filled up with where it is shorter than the word for a film."""


def read_with_films(turn: Reading, read: Callable[[Reading], Plan]) -> Plan:
    """Plan for a turn where films can be made; `read` are the rules for pictures."""
    if v.ABLE.search(turn.bare) and v.FILM.search(turn.bare):
        return Plan("answer", reason="a question about what can be done")
    if _wishes_film(turn):
        return _film(turn)
    kind = _spoken_of(turn)
    among = turn if kind is None else _among(turn, kind, as_pictures if kind == "video" else as_it_is)
    return _settled(turn, read(among), kind)


def as_pictures(text: str) -> str:
    """Return a folded text with words for pictures in the place of those for films, and without times; its length
    stays."""
    kana = bool(_KANA.search(text))
    plain = _blanked(text, v.DURATION)
    return v.FILM.sub(lambda match: _as_picture(match, plain[: match.start()], kana=kana), plain)


def as_ones(text: str) -> str:
    """The same for words that only count: `another one`."""
    return re.sub(r"\b(?:image|picture|pic)\b", lambda match: "one".ljust(len(match[0])), as_pictures(text))


def _as_picture(match: re.Match[str], before: str, *, kana: bool) -> str:
    said = match[0]
    if said.isascii():
        word = "foto" if _MASCULINE.search(before) else _WORD[min(max(len(said), 3), 8)]
        return word[: len(said)].ljust(len(said))
    measured = "张" if said[0] in "个段条部支" else ""
    return (measured + ("やつ" if kana else "图片"))[: len(said)].ljust(len(said), _BLANK)


def _blanked(text: str, *patterns: re.Pattern[str]) -> str:
    for pattern in patterns:
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    return text


# What a turn is about


def _has_films(turn: Reading) -> bool:
    return any(picture.kind == "video" for picture in turn.scene.pictures)


def _unknown(turn: Reading) -> str:
    """Return a turn without the films that it speaks of as known, and those that it does not want."""
    text = _blanked(turn.bare, v.NOT_FILM)
    return _blanked(text, v.FILM_KNOWN) if _has_films(turn) else text


def _wishes_film(turn: Reading) -> bool:
    """Tell whether a new film is wished for."""
    text = turn.bare
    if v.ANNOUNCE.search(text) and not draws_something(text):
        return False
    if _brings_films(turn) or is_question(text) or (v.DESCRIBE.search(text) and not is_polite_wish(text)):
        return False
    rest = _unknown(turn)
    if v.FILM.search(rest) or v.INTO_FILM.search(rest):
        return True
    return bool(v.ANIMATE.search(rest)) and not _is_film_meant(turn)


def _brings_films(turn: Reading) -> bool:
    """Tell whether nothing but films is sent or named: they are what the turn is about."""
    brought = [turn.story.by_id[id].kind for id in (*turn.named, *turn.scene.uploads)]
    return bool(brought) and "image" not in brought


def _is_film_meant(turn: Reading) -> bool:
    """Tell whether it is a film that is to move: more, or otherwise."""
    if any(turn.story.by_id[id].kind == "image" for id in (*turn.named, *turn.scene.uploads)):
        return False
    one = turn.explicit()
    meant = one.ids[-1] if one is not None else turn.story.focus
    known = v.FILM_KNOWN.search(turn.bare) and _has_films(turn)
    picture = meant is not None and turn.story.by_id[meant].kind == "image"
    return bool(known) or not (picture or v.PICTURE_KNOWN.search(turn.bare) or meant is None)


def _spoken_of(turn: Reading) -> Kind | None:
    """Return what a turn speaks of by its kind, where there are films that it could mean."""
    if not _has_films(turn):
        return None
    text = _blanked(turn.bare, v.NOT_FILM)
    if v.FILM.search(text):
        return "video"
    return "image" if v.PICTURE_KNOWN.search(text) else None


def _among(turn: Reading, kind: Kind, told: Callable[[str], str] = as_it_is) -> Reading:
    """Read a turn among the pictures or the films alone."""
    whole = turn.story
    pictures = tuple(_alone(whole, picture) for picture in whole.scene.pictures if picture.kind == kind)
    story = Story(replace(whole.scene, pictures=pictures), _focus(whole, kind), whole.kept)
    return Reading(story, whole=whole, told=told)


def _alone(story: Story, picture: Picture) -> Picture:
    """Return a picture with the words of what it was made from of the other kind: a film is spoken of by what is on the
    picture that it set in motion."""
    others = [id for id in story.ancestors(picture.id) if story.by_id[id].kind != picture.kind]
    parents = {use.id for use in picture.parents}
    if not parents.intersection(others):
        return picture
    return replace(picture, words=". ".join([*(story.by_id[id].words for id in reversed(others)), picture.words]))


def _focus(story: Story, kind: Kind) -> str | None:
    """Return what the talk is about of one kind: what the picture or film in focus was made from, else the newest."""
    if story.focus is not None:
        for id in story.ancestors(story.focus):
            if story.by_id[id].kind == kind:
                return id
    pictures = [picture.id for picture in story.earlier if picture.kind == kind]
    return pictures[-1] if pictures else None


# Films


def _film(turn: Reading) -> Plan:
    """Plan for a wish for a film: one of pictures that are set in motion, or of words."""
    if (again := _once_more(turn)) is not None:
        return again
    among = _among(turn, "image", lambda text: _blanked(text, v.NOT_FILM, v.INTO_FILM, v.FILM, v.DURATION))
    moving = _moving(turn, among)
    prompt = _LOOSE.sub("", among.wish) if moving else turn.raw.strip()
    uses = _uses(turn, moving) or among.story.kept
    reason = "set in motion" if moving else "a new film"
    sure = SURE if among.found or not moving else FAIR
    plan = Plan("compose" if uses else "generate", prompt, uses, confidence=sure, reason=reason)
    n = count_of(as_pictures(turn.lead)) if len(moving) < 2 else 1
    return _timed(turn, replace(among.measured(plan), n=n))


def _once_more(turn: Reading) -> Plan | None:
    """Plan for `another video`, and nothing else."""
    plan = read_again(_among(turn, "video", as_ones)) if _has_films(turn) else None
    return _timed(turn, plan) if plan is not None else None


def _uses(turn: Reading, ids: Sequence[str]) -> tuple[Use, ...]:
    """Return pictures with what they are to a film: each sets out for one of its own where each is to move."""
    if v.STYLE.search(turn.bare) or v.REFERENCE_NOUN.search(turn.bare):
        return tuple(Use(id, role_of(turn.bare)) for id in ids)
    apart = v.EACH_OF.search(turn.bare) or v.BOTH.search(turn.bare) or v.ANIMATE.search(turn.bare)
    if apart and not v.FILM_OF_SEVERAL.search(turn.bare):
        return tuple(Use(id, "first_frame") for id in ids)
    return tuple(Use(id, "reference" if at else "first_frame") for at, id in enumerate(ids))


def _moving(turn: Reading, among: Reading) -> list[str]:
    """Return the pictures that a film is to be made of; none where it is made of words."""
    if v.START_OVER.search(turn.bare):
        return []
    return list(among.scene.uploads) or among.named or _pointed_at(among) or _spoken_about(turn, among)


def _pointed_at(among: Reading) -> list[str]:
    if v.BOTH.search(v.OF_SEVERAL.sub(" ", among.bare)) and len(group := among.group()) > 1:
        return group
    if not among.found:
        return []
    pointed = list(dict.fromkeys(each.ids[-1] for each in among.kinds("last")))
    return pointed if len(pointed) > 1 and v.JOINS.search(among.bare) else among.target()[0]


def _spoken_about(turn: Reading, among: Reading) -> list[str]:
    moves = v.ANIMATE.search(turn.bare) or v.INTO_FILM.search(turn.bare)
    if among.story.kept and not moves:
        return []  # What is kept goes along with what is new.
    focus = [among.story.focus] if among.story.focus is not None else []
    if v.FILM_OF_IT.search(turn.bare) or not _says_what(among):
        return focus
    if (told := _told(among)) is not None:
        return [told]
    return focus if moves else []


def _says_what(among: Reading) -> bool:
    """Tell whether anything is said of what a film is to show."""
    return bool(features(_blanked(among.bare, v.ANIMATE, v.FILM_FILLER, v.POLITENESS, v.PRAISE)))


def _told(among: Reading) -> str | None:
    """Return the picture in which there is what is spoken of as known: `a video of the fox`, `狐狸奔跑的视频`."""
    said = " ".join(match[0] for match in v.DEFINITE_NOUN.finditer(among.bare))
    if _CJK.search(among.bare) and not v.ONE_OF_MANY.search(among.bare):
        said = f"{said} {_blanked(among.bare, v.FILM_FILLER)}"
    story, about = among.story, features(said)
    known = {each: weight for each, weight in about.items() if any(each in story.branch(one) for one in story.by_id)}
    return best_described(story, known, {}, [picture.id for picture in story.earlier])


# What becomes of it


def _settled(turn: Reading, plan: Plan, kind: Kind | None) -> Plan:
    """Return a plan with what it makes: what it changes, or what the turn speaks of. One plan makes one kind."""
    if not plan.makes:
        return plan
    edited = [use for use in plan.uses if use.role == "edited"]
    made = turn.story.by_id[edited[-1].id].kind if edited else kind or plan.kind
    uses = [use for use in plan.uses if use.role != "edited" or turn.story.by_id[use.id].kind == made]
    if kind == "video" and edited:
        sent = [id for id in turn.scene.uploads if all(use.id != id for use in uses)]
        uses += [Use(id, "style" if v.STYLE.search(turn.bare) else "reference") for id in sent]
    if made == "video":
        return _timed(turn, replace(plan, uses=tuple(uses)))
    return replace(plan, uses=tuple(dict.fromkeys(replace(use, id=_still(turn.story, use)) for use in uses)))


def _still(story: Story, use: Use) -> str:
    """Return the picture that stands for a film where a picture is made: the one that was set in motion, if one was."""
    return next((id for id in story.ancestors(use.id) if story.by_id[id].kind == "image"), use.id)


def _timed(turn: Reading, plan: Plan) -> Plan:
    """Return a plan for a film, as long as the turn says, or the words that it makes a film of once more."""
    return replace(plan, kind="video", seconds=seconds_of(turn.bare) or seconds_of(fold(plan.prompt)))
