"""A story: a scene with its lineage worked out: what grew from what, and what the talk was about last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from darkroom.planner import vocabulary as v
from darkroom.planner.measures import ratio_of
from darkroom.planner.scene import Picture, Said, Scene, Use
from darkroom.planner.words import features, fold, stem

_LIST_BREAK = re.compile(
    r"\s*(?:[,，、;；/]|\band\b|\bund\b|\by\b|和|跟|与|と)\s*(?:and |y |one |una? |le |the |la |el )?"
)
_CONTRASTS = (
    (
        "red orange yellow green blue purple violet pink black white grey brown gold silver teal turquoise cobalt "
        "cream beige navy copper crimson burgundy lime mustard terracotta 红 橙 黄 绿 蓝 紫 粉 黑 白 灰 棕 金 银 "
        "红色 黄色 绿色 蓝色 紫色 粉色 黑色 白色 灰色"
    ),
    (
        "day night dusk dawn sunset sunris noon morning evening midnight twilight 黄昏 日落 清晨 夕阳 "
        "amanecer atardecer dia"
    ),
    "winter summer spring autumn 春 夏 秋 冬",
    "matt gloss glossy",
    "dark light",
    "bw color",
)
CONTRAST_OF = {stem(word): number for number, row in enumerate(_CONTRASTS) for word in row.split()}
"""Words of which one takes the place of another."""
EXCLUSIVE = frozenset((1, 2, 5))
"""The rows of which a picture is one or the other, even where no word says which."""

_ONE_AT_A_TIME = frozenset((1, 2))
"""The rows of the hours and of the seasons: one rules out the others, however it is said."""

_SHAPES = {
    ratio: stem(word)
    for word, ratios in (("wide", "16:9 21:9 3:2"), ("tall", "9:16 2:3 3:4"), ("square", "1:1"))
    for ratio in ratios.split()
}
SHAPE_WORDS = frozenset(_SHAPES.values())
_MANNERS = frozenset("色 风 样 版 风格 颜色 样式 big small long short 大 小 长 短".split())
_QUOTE = re.compile(r"[“”\"「『《]|(?<!\w)'[^']{2,60}'(?!\w)|‘")
"""What a user says of a picture that he sends, and not of what is to become of it."""

_ENUMERATION = re.compile(r"\s*[、;；]\s*")
_COMMAS = re.compile(r"\s*[,，]\s*(?:and |y |e )?")
_ASIDE = re.compile(r"\s*(?:$|各|每|分别|(?:一张|一个)(?:$|[,，])|厚涂|请|统一|one image|please|in this order|single)")
_MOST_ITEMS = 10
_NAME = re.compile(r"\.[a-z0-9]{2,5}$")


@dataclass(slots=True)
class Story:
    """What the rules know of a conversation at one turn. Ids in, ids out."""

    scene: Scene
    focus: str | None = None
    """The picture last made, sent, shown or spoken of."""
    kept: tuple[Use, ...] = ()
    """What goes along with every new picture until it is released."""
    by_id: dict[str, Picture] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    _own: dict[str, frozenset[str]] = field(default_factory=dict)
    _gone: dict[str, frozenset[str]] = field(default_factory=dict)
    _branch: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scene = consistent(self.scene)
        self.by_id = {picture.id: picture for picture in self.scene.pictures}
        self.focus = self.focus if self.focus in self.by_id else None
        self.kept = tuple(use for use in self.kept if use.id in self.by_id)
        for picture in self.scene.pictures:
            for use in picture.parents:
                self.children.setdefault(use.id, []).append(picture.id)

    @property
    def earlier(self) -> list[Picture]:
        """All pictures but those sent with this turn."""
        return [picture for picture in self.scene.pictures if picture.id not in self.scene.uploads]

    @property
    def made(self) -> list[Picture]:
        return [picture for picture in self.earlier if picture.is_made]

    @property
    def sent(self) -> list[Picture]:
        return [picture for picture in self.earlier if not picture.is_made]

    @property
    def newest(self) -> str | None:
        """The picture that was made last; else the one that was sent last."""
        pictures = self.made or self.earlier
        return pictures[-1].id if pictures else None

    def batch(self) -> list[str]:
        """Return the pictures of the newest turn that made or sent several, if the talk is still about them."""
        for said in reversed(self.scene.past):
            for several in (said.made, said.uploads):
                if len(several) > 1:
                    return list(several)
            if said.made and not self.parents(said.made[0]):
                return []
        return []

    def batch_of(self, count: int) -> list[str]:
        """Return the pictures of the newest turn that made so many at once."""
        return next(([*said.made] for said in reversed(self.scene.past) if len(said.made) == count > 1), [])

    def newest_several(self) -> list[str]:
        """Return the pictures of the newest turn that made or sent any, where they are several."""
        for said in reversed(self.scene.past):
            if said.made or said.uploads:
                return [*(said.made or said.uploads)] if len(said.made or said.uploads) > 1 else []
        return []

    def parents(self, id: str) -> list[str]:
        """Return what a picture was made from: what was edited first."""
        picture = self.by_id.get(id)
        uses = picture.parents if picture is not None else ()
        ordered = [*(use for use in uses if use.role == "edited"), *(use for use in uses if use.role != "edited")]
        return [use.id for use in ordered if use.id in self.by_id]

    def changed_from(self, id: str | None) -> str | None:
        """Return the picture that one was made from, of several the first."""
        return next(iter(self.parents(id)), None) if id is not None else None

    def root(self, id: str) -> str:
        """Return where the branch of a picture began."""
        seen = {id}
        while (parent := self.changed_from(id)) is not None and parent not in seen:
            seen.add(parent)
            id = parent
        return id

    def start_of(self, id: str) -> str:
        """Return where the line of a picture began: like `root`, but what was put together begins a line."""
        seen = {id}
        while len(parents := self.parents(id)) == 1 and parents[0] not in seen:
            seen.add(id := parents[0])
        return id

    def is_put_together(self, id: str) -> bool:
        """Tell whether a picture was made from several, or from one that was."""
        return any(len(self.parents(each)) > 1 for each in self.ancestors(id))

    def ancestors(self, id: str) -> list[str]:
        """Return a picture and all that it was made from, the nearest first."""
        found: list[str] = []
        waiting = [id]
        while waiting:
            one = waiting.pop(0)
            if one not in found and one in self.by_id:
                found.append(one)
                waiting += self.parents(one)
        return found

    def descendants(self, id: str) -> list[str]:
        """Return what was edited out of a picture, itself first, oldest first."""
        found = {id}
        for picture in self.scene.pictures:
            if any(use.id in found and use.role == "edited" for use in picture.parents):
                found.add(picture.id)
        return [picture.id for picture in self.scene.pictures if picture.id in found]

    def newest_with(self, id: str, likely: Sequence[str]) -> str:
        """Return the newest of some pictures that was edited out of one."""
        line = [each for each in self.descendants(id) if each in likely]
        return line[-1] if line else id

    def latest(self, id: str) -> str:
        """Return the newest picture that was edited out of one, or the picture itself."""
        return self.descendants(id)[-1]

    def tips(self) -> list[str]:
        """Return the newest picture of each line: those that nothing was edited out of, oldest first."""
        edited = {use.id for picture in self.scene.pictures for use in picture.parents if use.role == "edited"}
        return [picture.id for picture in self.earlier if picture.id not in edited]

    def own(self, id: str) -> frozenset[str]:
        """Return what the words say by which a picture came to be."""
        if id not in self._own:
            words = self.words_of(id)
            quoted = {"text"} if _QUOTE.search(words) else set()
            shape = {_SHAPES.get(ratio_of(words) or "", "")} - {""}
            self._own[id] = frozenset({*features(v.GONE.sub(" ", words)), *quoted, *shape})
        return self._own[id]

    def gone(self, id: str) -> frozenset[str]:
        """Return what a picture's own words take away, or replace."""
        if id not in self._gone:
            words = self.words_of(id)
            found: set[str] = set()
            for match in v.GONE.finditer(words):
                instead = features(words[match.end() : match.end() + 14])
                if not (
                    v.REPLACING_VERB.search(match[0] + words[match.end() : match.end() + 2])
                    and any(each in CONTRAST_OF or each in _MANNERS for each in instead)
                ):
                    found |= set(features(match[0]))
            rows = {CONTRAST_OF[each] for each in self.own(id) if each in CONTRAST_OF}
            rows = rows if v.CHANGING.search(words) else rows & _ONE_AT_A_TIME if self.by_id[id].parents else set()
            if rows:
                found |= {each for each, row in CONTRAST_OF.items() if row in rows}
            if self.own(id) & SHAPE_WORDS:
                found |= SHAPE_WORDS
            self._gone[id] = frozenset(found - self.own(id))
        return self._gone[id]

    def branch(self, id: str) -> frozenset[str]:
        """Return what is in a picture as far as all the words say that led to it."""
        if id not in self._branch:
            self._branch[id] = self.own(id)
            before = frozenset().union(*(self.branch(each) for each in self.parents(id)))
            self._branch[id] = (before - self.gone(id)) | self.own(id)
        return self._branch[id]

    def words_of(self, id: str) -> str:
        """Return a picture's own words, folded; of several made at once, its piece of the list where there is one."""
        picture = self.by_id[id]
        words = fold(picture.words)
        said = self.scene.past[picture.turn - 1] if 0 < picture.turn <= len(self.scene.past) else None
        if said is not None:
            several = said.made if id in said.made else said.uploads
            if id in several and len(several) > 1 and (pieces := pieces_of(words, len(several))) is not None:
                words = pieces[several.index(id)]
            elif id in said.uploads and (len(several) > 1 or said.made):
                words = " ".join(match[0] for match in v.INTRODUCED.finditer(words)) if len(several) == 1 else ""
        return f"{words} {_name_words(fold(picture.caption))}"


def consistent(scene: Scene) -> Scene:
    """Return a scene in which every id is that of one of its pictures: a client's history may come in pieces."""
    known = {picture.id for picture in scene.pictures}

    def here(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(id for id in ids if id in known)

    past = tuple(Said(said.text, here(said.uploads), here(said.made), here(said.shown)) for said in scene.past)
    pictures = tuple(
        replace(picture, parents=tuple(use for use in picture.parents if use.id in known and use.id != picture.id))
        for picture in scene.pictures
    )
    return replace(scene, pictures=pictures, past=past, uploads=here(scene.uploads), named=here(scene.named))


def _name_words(name: str) -> str:
    return re.sub(r"[_\-.]+", " ", _NAME.sub("", name))


def pieces_of(words: str, count: int) -> list[str] | None:
    """Return the pieces of the list of so many things in a text: `marble, linen, moss, driftwood` are four."""
    if not 2 <= count <= _MOST_ITEMS:
        return None
    for clause in re.split(r"[.。:：!！?？\n—]+|分别是?|各是|\b(?:one each|each)\b", words)[::-1]:
        for breaks in (_ENUMERATION, _COMMAS, _LIST_BREAK):
            pieces = [piece for piece in breaks.split(clause) if piece and not _ASIDE.match(piece)]
            if len(pieces) == count or (len(pieces) > count and _look_alike(pieces[-count:])):
                return pieces[-count:]
        if len(clause.strip()) == count and count > 2:
            return list(clause.strip())
    return None


def _look_alike(pieces: Sequence[str]) -> bool:
    """Tell whether pieces could be items of one list: all of them short."""
    return all(len(piece) <= 24 for piece in pieces)


def before_turn(scene: Scene, at: int) -> Scene:
    """Return a scene as it was when the user turn of this number (from 0) was said."""
    said = scene.past[at]
    pictures = tuple(picture for picture in scene.pictures if picture.turn <= at or picture.id in said.uploads)
    return replace(scene, text=said.text, pictures=pictures, past=scene.past[:at], uploads=said.uploads, named=())
