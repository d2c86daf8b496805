"""What a studio says itself: answers to turns that ask for no picture, from what is known, and which picture it took.

Pure. Only what is recorded is told; what is on a picture, only a model that looks at it can say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from darkroom import ids
from darkroom.dialects.relay_vocabulary import Language
from darkroom.planner import Kind, Picture, Plan, Scene

_MOST = 20
"""How many pictures are listed; of more, the newest."""
_WORDS = 48
"""Characters of a prompt that are enough to know it again."""
_MARKUP = re.compile(r"[`\[\]()<>!*#|\s]+")
_THANKS = re.compile(
    r"谢谢|多谢|感谢|谢啦|辛苦了|ありがと|\b(?:thanks?|thank you|thx|cheers|gracias|merci|danke)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Words:
    """The sentences of one language; the braces are filled in by name. A list is one of `pictures`, or of
    `both` where there are films in it."""

    welcome: str
    nothing: str
    can: str
    blind: str
    again: str
    pictures: str
    both: str
    list: str
    newest: str
    made: Mapping[Kind, str]
    sent: Mapping[Kind, str]
    elsewhere: Mapping[Kind, str]
    quoted: str
    parent: str
    between: str
    stop: str
    taken: str
    retold: Mapping[Kind, str]
    unknown: str


_SAID: dict[Language, _Words] = {
    "zh": _Words(
        welcome="不客气！还想画什么，或者怎么改，直接说就行。",
        nothing="现在还没有图。",
        can="想画什么，或者要改哪一张、怎么改，直接说就行。要聊别的，需要给这个 studio 配一个会聊天的 planner 模型。",
        blind="图里具体有什么，我看不到：这需要给这个 studio 配一个能看图的 planner 模型。",
        again="这是{which}：",
        pictures="张图",
        both="个图和视频",
        list="到现在有 {count} {things}：",
        newest="到现在有 {count} {things}，最新的 {most} 个是：",
        made={"image": "第 {turn} 轮画的图", "video": "第 {turn} 轮做的视频"},
        sent={"image": "第 {turn} 轮发来的图", "video": "第 {turn} 轮发来的视频"},
        elsewhere={"image": "另一个对话里的图", "video": "另一个对话里的视频"},
        quoted="“{words}”",
        parent="由{which}改来",
        between="，",
        stop="。",
        taken="用的是{which}。如果不是这一张，请说出要用那张的 gen_id，或者说“第一张图”之类。",
        retold={
            "image": "{which}已经取不到了，所以是按文字重新画的。",
            "video": "{which}已经取不到了，所以是按文字重新做的。",
        },
        unknown="这里没有叫 {name} 的图，所以没有用到它。",
    ),
    "en": _Words(
        welcome="You're welcome! Say what to draw next, or what to change.",
        nothing="There is no picture yet.",
        can="Say what to draw, or which picture to change and how. To talk about anything else, this studio needs a "
        "planner that is a chat model.",
        blind="I can't see what is on it: for that, this studio needs a planner that is a chat model and sees.",
        again="Here is {which}:",
        pictures="Pictures",
        both="Pictures and videos",
        list="{things} so far: {count}.",
        newest="{things} so far: {count}. The newest {most}:",
        made={"image": "the picture of turn {turn}", "video": "the video of turn {turn}"},
        sent={"image": "the picture that you sent in turn {turn}", "video": "the video that you sent in turn {turn}"},
        elsewhere={"image": "the picture of another conversation", "video": "the video of another conversation"},
        quoted="“{words}”",
        parent="made from {which}",
        between=", ",
        stop=".",
        taken="I took {which}. If you meant another one, name its gen_id, or say for example “the first picture”.",
        retold={
            "image": "{which} can't be had any more, so this was drawn anew from its words.",
            "video": "{which} can't be had any more, so this was made anew from its words.",
        },
        unknown="There is no picture {name} here, so it was not used.",
    ),
}


def answered(plan: Plan, scene: Scene, links: Mapping[str, str], language: Language) -> str:
    """Return the answer to a turn that asks for no picture; `links` lead to those that are here, by their ids."""
    said = _SAID[language]
    pictures = [scene.picture(use.id) for use in plan.uses]
    if plan.operation == "describe":
        told = [_line(picture, scene, links, language) for picture in pictures] or [said.nothing]
        return "\n".join([*told, "", said.blind] if pictures else told)
    if pictures:
        return said.again.format(which=_both(pictures, language))
    if _THANKS.search(scene.text):
        return said.welcome
    return "\n".join([*_listed(scene, links, language), "", said.can])


def taken(plan: Plan, scene: Scene, language: Language) -> str:
    """Return the line that says which pictures were taken by somebody who was not sure, and how to name others."""
    return _SAID[language].taken.format(which=_both([scene.picture(use.id) for use in plan.uses], language))


def retold(picture: Picture, language: Language) -> str:
    """Return the line that says that a picture could not be had, and was told in words."""
    which = _which(picture, language)
    return _SAID[language].retold[picture.kind].format(which=which[:1].upper() + which[1:])


def unknown(name: str, language: Language) -> str:
    """Return the line that says that an id or a link of this turn leads to no picture."""
    return _SAID[language].unknown.format(name=name)


def _listed(scene: Scene, links: Mapping[str, str], language: Language) -> Iterator[str]:
    said, count = _SAID[language], len(scene.pictures)
    if not count:
        yield said.nothing
        return
    head = said.list if count <= _MOST else said.newest
    films = any(picture.kind == "video" for picture in scene.pictures)
    yield head.format(count=count, most=_MOST, things=said.both if films else said.pictures)
    yield ""
    for picture in scene.pictures[-_MOST:]:
        yield f"- {_line(picture, scene, links, language)}"


def _line(picture: Picture, scene: Scene, links: Mapping[str, str], language: Language) -> str:
    """Return all that is known of a picture."""
    said = _SAID[language]
    known = {each.id: each for each in scene.pictures}
    parents = [_place(known[use.id], language) for use in picture.parents if use.id in known]
    facts = [
        _which(picture, language),
        f"{picture.width}×{picture.height}" if picture.width else "",
        said.parent.format(which=said.between.join(parents)) if parents else "",
        _named(picture, links),
    ]
    line = said.between.join(filter(None, facts))
    return f"{line[:1].upper()}{line[1:]}{said.stop}"


def _named(picture: Picture, links: Mapping[str, str]) -> str:
    """Return what a picture can be called by, and where it can be seen."""
    name = picture.generation or _plain(picture.caption) or picture.id
    return f"[{name}]({links[picture.id]})" if picture.id in links else name


def _plain(text: str) -> str:
    """Return a text of somebody else's on one line, without ids, and what markdown would read as more than words."""
    return " ".join(_MARKUP.sub(" ", ids.PATTERN.sub("…", text)).split())


def _both(pictures: Sequence[Picture], language: Language) -> str:
    return _SAID[language].between.join(_which(picture, language) for picture in pictures)


def _which(picture: Picture, language: Language) -> str:
    """Return where a picture stands, and the beginning of its words."""
    words = _plain(picture.words or picture.caption)
    place = _place(picture, language)
    if not words:
        return place
    short = words if len(words) <= _WORDS else f"{words[: _WORDS - 1].rstrip()}…"
    between = "" if language == "zh" else " "
    return f"{place}{between}{_SAID[language].quoted.format(words=short)}"


def _place(picture: Picture, language: Language) -> str:
    said = _SAID[language]
    form = said.elsewhere if not picture.turn else said.made if picture.is_made else said.sent
    return form[picture.kind].format(turn=picture.turn)
