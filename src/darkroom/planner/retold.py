"""A scene retold for a chat model: short names for its pictures, and its story as JSON lines of a bounded size.

What users and clients wrote is data here: it stands inside JSON strings, the names of pictures become short ones, and
base64 is left out. Only the newest pictures, the first ones and those that the turn brings or names are told whole;
more of the newest are told in brief, and the others are counted. So the story of a thousand pictures is as long as that
of two hundred: see `MOST_CHARS`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from darkroom.codecs.links import media_id_of
from darkroom.planner.scene import KINDS, Picture, Said, Scene, Use

MOST_CHARS = 120_000
"""What `told` never goes beyond, whatever was said and made; a usual story of sixty pictures has 10 000 characters."""

NEW_TURN = "The new turn:"
"""The line before the one that is to be planned for."""

_WHOLE = 60
_FIRST = 3
_BRIEF = 140
_MARKED = 8
"""How many of the pictures that the turn brings or names are told whole in any case."""
_PAST = 8
_IDS = 16
_PARENTS = 8
_WORDS, _FEW_WORDS, _CAPTION, _SAID, _NEW = 200, 40, 80, 400, 4000
_URL = 200

# Without IGNORECASE, with which a range up to the last character takes ASCII letters along that fold into it.
_NAME = re.compile(
    r"[Dd][Aa][Tt][Aa]:[\w.+-]{1,64}/[\w.+-]{1,64}[;,][^\s\"'()<>]*+"
    r"|[Hh][Tt]{2}[Pp][Ss]?://[^\s<>\"'`()\[\]{}|\\^\x00-\x1f\x7f-\U0010ffff]++"
    r"|(?:/media/)?(?<![A-Za-z0-9])(?:gen|media|file)_[0-9A-Za-z]{16,}+(?:\.[a-z0-9]{2,5})?"
    r"|[A-Za-z0-9+/_=-]{120,}+"
)
_NAME_OR_MARK = re.compile(rf"({_NAME.pattern}|\[(?:[pux][1-9]\d*|…)\])[ \t]?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_AROUND = " \t\r\n[](){}<>`\"'*#"


@dataclass(frozen=True, slots=True)
class Handles:
    """Short names for the pictures of a scene: `p1`, `p2` … were made in it, `u1` … sent, `x1` … come from elsewhere.

    `by_id` has them by the pictures' ids; `names` leads from everything by which a picture may be called to its id.
    """

    by_id: Mapping[str, str]
    names: Mapping[str, str]

    @staticmethod
    def of(scene: Scene) -> Handles:
        counts: Counter[str] = Counter()
        by_id: dict[str, str] = {}
        names: dict[str, str] = {}
        for picture in scene.pictures:
            if picture.id not in by_id:
                letter = _letter(picture)
                counts[letter] += 1
                by_id[picture.id] = f"{letter}{counts[letter]}"
                names[picture.id] = picture.id
                names.setdefault(picture.generation or picture.id, picture.id)
        # Only handles are told, so where an id looks like one, the handle is what is meant.
        return Handles(by_id, names | {handle: id for id, handle in by_id.items()})

    def find(self, name: str) -> str | None:
        """Return the id of the picture that a handle, an id or a link names; None where it is none of the scene's."""
        bare = name.strip(_AROUND)
        for each in (name, bare, bare.lower(), media_id_of(bare) or ""):
            if each in self.names:
                return self.names[each]
        return None

    def listed(self, ids: Iterable[str]) -> list[str]:
        return [self.by_id[id] for id in ids if id in self.by_id][:_IDS]

    def plain(self, text: str, most: int) -> str:
        """Return a text with handles for ids and links, without base64, cut in its middle to `most` characters."""
        return shortened(_NAME.sub(self._renamed, _CONTROL.sub(" ", text)), most)

    def unnamed(self, text: str) -> str:
        """Return a text without ids, links and base64, and without what `plain` wrote in their place.

        A URL that leads elsewhere stays: it may be what a poster is to say.
        """
        return _NAME_OR_MARK.sub(lambda name: name[0] if self._is_elsewhere(name[1]) else "", text).strip()

    def _renamed(self, name: re.Match[str]) -> str:
        id = self.find(name[0])
        if id is not None:
            return f"[{self.by_id[id]}]"
        return shortened(name[0], _URL) if self._is_elsewhere(name[0]) else "[…]"

    def _is_elsewhere(self, name: str) -> bool:
        return name[:4].lower() == "http" and self.find(name) is None and media_id_of(name) is None


def _letter(picture: Picture) -> str:
    if picture.turn == 0:
        return "x"
    return "p" if picture.is_made else "u"


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters: its beginning and its end, where it is longer."""
    text = text.strip()
    head = most * 3 // 4
    return text if len(text) <= most else f"{text[:head]} … {text[len(text) - (most - head - 3) :]}"


def story(scene: Scene, handles: Handles) -> str:
    """Return the pictures, and the turns before the new one."""
    pictures, past = _pictures(scene, handles), _past(scene.past, handles)
    return "\n".join(("Pictures, oldest first:", *pictures, "Turns before, oldest first:", *past))


def told(scene: Scene, handles: Handles, sees: Sequence[str] = ()) -> str:
    """Return the story and the new turn; `sees` are the ids of pictures that go along."""
    return "\n".join((story(scene, handles), NEW_TURN, _line(_new(scene, handles, sees))))


def _line(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value).decode()


def _pictures(scene: Scene, handles: Handles) -> Iterator[str]:
    count = len(scene.pictures)
    marked = {*scene.uploads[-_MARKED:], *scene.named[:_MARKED]}
    skipped = 0
    for at, picture in enumerate(scene.pictures):
        whole = at < _FIRST or at >= count - _WHOLE or picture.id in marked
        if not whole and at < count - _WHOLE - _BRIEF:
            skipped += 1
            continue
        if skipped:
            yield _line({"not_told": skipped})
            skipped = 0
        yield _line(_whole(picture, handles) if whole else _brief(picture, handles))


def _whole(picture: Picture, handles: Handles) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": handles.by_id[picture.id],
        "turn": picture.turn,
        "kind": "made" if picture.is_made else "uploaded",
        "words": _one_line(handles.plain(picture.words, _WORDS)),
        **_film(picture),
    }
    if picture.caption:
        told["caption"] = _one_line(handles.plain(picture.caption, _CAPTION))
    if parents := _parents(picture.parents, handles):
        told["from"] = parents
    return told


def _brief(picture: Picture, handles: Handles) -> dict[str, Any]:
    words = _one_line(handles.plain(picture.words, _FEW_WORDS))
    told: dict[str, Any] = {"id": handles.by_id[picture.id], "turn": picture.turn, "words": words, **_film(picture)}
    if parents := handles.listed(use.id for use in picture.parents):
        told["from"] = parents[:2]
    return told


def _film(picture: Picture) -> dict[str, bool]:
    return {"film": True} if picture.kind == "video" else {}


def _parents(uses: Sequence[Use], handles: Handles) -> list[dict[str, str]]:
    return [{"id": handles.by_id[use.id], "role": use.role} for use in uses if use.id in handles.by_id][:_PARENTS]


def _past(past: Sequence[Said], handles: Handles) -> Iterator[str]:
    first = max(len(past) - _PAST, 0)
    for number, said in enumerate(past[first:], first + 1):
        lists = {"sent": said.uploads, "made": said.made, "shown": said.shown}
        yield _line({"turn": number, "said": handles.plain(said.text, _SAID), **_named(lists, handles)})


def _new(scene: Scene, handles: Handles, sees: Sequence[str]) -> dict[str, Any]:
    said = handles.plain(scene.text, _NEW)
    lists = {"sent": scene.uploads, "named": scene.named, "attached": sees}
    cut = {"cut": True} if len(scene.text) > _NEW else {}
    makes = {"makes": [*KINDS]} if scene.films else {}
    return {"turn": len(scene.past) + 1, "said": said, **cut, **makes, **_named(lists, handles)}


def _named(lists: Mapping[str, Sequence[str]], handles: Handles) -> dict[str, list[str]]:
    return {name: listed for name, ids in lists.items() if (listed := handles.listed(ids))}


def _one_line(text: str) -> str:
    return " ".join(text.split())
