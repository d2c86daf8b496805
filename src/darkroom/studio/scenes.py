"""From a history to a scene: what was said, and which pictures there are, for whoever plans the next turn.

Pure. The history's media are found, and what is recorded of them is loaded. A picture counts once, where it is first
seen: in a user's turn it was sent, or is named and comes from another conversation; in an answer it was made by that
turn. After that it is sent or shown again, or named; what was made from it stays behind it. Films stand among the
pictures where the studio makes films.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from darkroom import ids
from darkroom.codecs import links
from darkroom.dialects.relay_text import language_of
from darkroom.dialects.relay_vocabulary import Language
from darkroom.generation import Generation, Input
from darkroom.media import Media, MediaKind
from darkroom.messages import MediaPart, Message, Remote, Stored, Text
from darkroom.planner import Kind, Picture, Said, Scene, Use
from darkroom.replay import Turn

_LETTER = re.compile(r"[^\W\d_]")
_GAP = re.compile(r"[ \t]{2,}")

Kinds = Mapping[MediaKind, Kind]
PICTURES: Kinds = {MediaKind.IMAGE: "image"}
KINDS: Kinds = {MediaKind.IMAGE: "image", MediaKind.VIDEO: "video"}
"""What stands in a scene, and what it is called there."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is recorded of a conversation's pictures: their generations, and pictures that these were made from and that
    the conversation does not show; both by their ids. `kinds` are what counts as a picture here."""

    generations: Mapping[str, Generation] = field(default_factory=dict)
    beyond: Mapping[str, Media] = field(default_factory=dict)
    kinds: Kinds = field(default_factory=lambda: PICTURES)

    @property
    def films(self) -> bool:
        return MediaKind.VIDEO in self.kinds


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene, and for each picture in it, by its id, the part of the conversation that it is. `unknown` are the ids in
    its turn that lead to no picture, a link's too."""

    scene: Scene
    parts: Mapping[str, MediaPart]
    unknown: tuple[str, ...] = ()


def stage(asked: Sequence[Message], turns: Sequence[Turn], known: Known) -> Stage:
    """Return the scene of a conversation that ends with a user's turn; `asked` are its messages as they were sent."""
    setting = _Setting(known)
    for message, turn in zip(asked, turns, strict=True):
        match turn.message.role:
            case "user":
                setting.ask(message, turn)
            case "assistant":
                setting.answer(turn)
    return setting.stage()


def generations_in(turns: Sequence[Turn], kinds: Kinds = PICTURES) -> list[str]:
    """Return the ids of the generations that made what a conversation shows or names, each once."""
    found: dict[str, None] = {}
    for turn in turns:
        for part in media_in(turn, kinds):
            if isinstance(part.source, Stored) and part.source.media.generation is not None:
                found[part.source.media.generation] = None
        found |= dict.fromkeys(each.id for each in (turn.generation, *turn.named) if each is not None)
    return [*found]


def media_in(turn: Turn, kinds: Kinds = PICTURES) -> Iterator[MediaPart]:
    """Yield the pictures of a turn that can be had: stored ones, and those at a URL."""
    for part in turn.message.media:
        if part.kind in kinds and isinstance(part.source, Stored | Remote):
            yield part


def id_of(part: MediaPart) -> str:
    """Return what a picture is called in a scene: its media's id, or the URL of one that is not here."""
    match part.source:
        case Stored(media):
            return media.id
        case Remote(url):
            return url
        case _:
            raise TypeError(f"{part.source!r} was not found")


def spoken(turns: Sequence[Turn]) -> Language:
    """Return the language that a conversation is held in: that of the last turn in which the user says anything."""
    for turn in reversed(turns):
        if turn.message.role == "user" and _LETTER.search(words := ids.PATTERN.sub("", turn.message.text)):
            return language_of(words)
    return "en"


@dataclass(slots=True)
class _Setting:
    """A conversation, told turn by turn."""

    known: Known
    pictures: dict[str, Picture] = field(default_factory=dict)
    parts: dict[str, MediaPart] = field(default_factory=dict)
    past: list[Said] = field(default_factory=list)
    """The user's turns, the last one with them."""
    named: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    _first_of: dict[str, str] = field(default_factory=dict)
    """The first picture of each generation."""
    _is_open: bool = False
    """Whether the user has only sent pictures so far, and said nothing."""

    def ask(self, message: Message, turn: Turn) -> None:
        """Take a message of the user. Pictures alone are the beginning of what is said next."""
        text, inside = _words_of(message, turn), _attached(message)
        uploads = self._begun(text)
        named: list[str] = []
        for part in media_in(turn, self.known.kinds):
            if (part.place != "text" or id_of(part) in inside) and not self._is_made(part):
                self._meet(part, len(self.past) + 1, text)
                uploads.append(id_of(part))
            else:
                self._meet(part, 0, "")
                named.append(id_of(part))
        self.named = self._in_order(turn, named)
        self.unknown = self._unknown(message, turn)
        self.past.append(Said(text, tuple(dict.fromkeys(uploads))))
        self._is_open = bool(uploads) and not (text or named)

    def _begun(self, text: str) -> list[str]:
        """Return the pictures that were sent just before, without a word of their own."""
        if not self._is_open:
            return []
        uploads = [*self.past.pop().uploads]
        for id in uploads:
            self.pictures[id] = replace(self.pictures[id], words=self.pictures[id].words or text)
        return uploads

    def answer(self, turn: Turn) -> None:
        """Take a message of the assistant."""
        self._is_open = False
        said = self.past[-1] if self.past else Said("")
        made: list[str] = []
        shown: list[str] = []
        for part in media_in(turn, self.known.kinds):
            known = id_of(part) in self.pictures
            self._meet(part, len(self.past), said.text, turn.generation if turn.verbatim else None)
            (shown if known and id_of(part) not in said.made else made).append(id_of(part))
        for generation in turn.named:
            made += self._recall(generation, said.text)
            shown += [self._first_of[generation.id]] if generation.id in self._first_of else []
        if self.past:
            made = [*dict.fromkeys((*said.made, *made))]
            shown = [id for id in dict.fromkeys((*said.shown, *shown)) if id not in made]
            self.past[-1] = replace(said, made=tuple(made), shown=tuple(shown))

    def stage(self) -> Stage:
        """Return what was told."""
        if not self.past:
            raise ValueError("no user spoke")
        *past, last = self.past
        for _ in range(2):  # Once more for those that are not shown, and are met as parents.
            for id in [*self.pictures]:
                self.pictures[id] = replace(self.pictures[id], parents=tuple(self._parents(self.pictures[id])))
        pictures = sorted(self.pictures.values(), key=lambda picture: picture.turn)
        scene = Scene(last.text, tuple(pictures), tuple(past), last.uploads, self.named, self.known.films)
        return Stage(scene, self.parts, self.unknown)

    def _is_made(self, part: MediaPart) -> bool:
        """Tell whether a picture that the user attached is one that was made: he shows which one he means."""
        if isinstance(part.source, Stored) and part.source.media.generation is not None:
            return True
        return any(id_of(part) in said.made for said in self.past)

    def _meet(self, part: MediaPart, turn: int, text: str, generation: Generation | None = None) -> None:
        """Note a picture, unless it is known. `generation` is the one that made it, where its media does not say so."""
        id = id_of(part)
        if id in self.pictures:
            return
        media = part.source.media if isinstance(part.source, Stored) else None
        if media is not None and media.generation is not None:
            generation = self.known.generations.get(media.generation)
        self.parts[id] = part
        self.pictures[id] = Picture(
            id,
            turn,
            (generation.prompt if generation is not None else "") or text,
            generation.id if generation is not None else None,
            caption="" if generation is not None else part.filename or part.alt,
            width=media.width if media is not None else None,
            height=media.height if media is not None else None,
            kind=self.known.kinds[part.kind],
        )
        if generation is not None:
            self._first_of.setdefault(generation.id, id)

    def _recall(self, generation: Generation, text: str) -> list[str]:
        """Note the pictures of a generation that an answer names and does not show; return the new ones."""
        if generation.id in self._first_of:
            return []
        pictures = [media for media in generation.outputs if media.kind in self.known.kinds]
        for media in pictures:
            self._meet(MediaPart(media.kind, Stored(media)), len(self.past), text)
        return [media.id for media in pictures]

    def _in_order(self, turn: Turn, named: Sequence[str]) -> tuple[str, ...]:
        """Return the pictures that a turn names, by ids and links, in the order in which they stand there."""
        by_name = _by_name(turn)
        found: dict[str, None] = {}
        for part in turn.message.parts:
            if isinstance(part, Text):
                generations = (by_name.get(match[0], "") for match in ids.PATTERN.finditer(part.text))
                found |= dict.fromkeys(self._first_of[id] for id in generations if id in self._first_of)
            elif isinstance(part, MediaPart) and isinstance(part.source, Stored | Remote) and id_of(part) in named:
                found[id_of(part)] = None
        return tuple(found)

    def _unknown(self, message: Message, turn: Turn) -> tuple[str, ...]:
        by_name = _by_name(turn)
        named = [each for each in links.references(message.text) if each.what in ("generation", "media", "link")]
        known = {*self.pictures, *(name for name, id in by_name.items() if id in self._first_of)}
        return tuple(dict.fromkeys(each.value for each in named if each.value not in known))

    def _parents(self, picture: Picture) -> Iterator[Use]:
        generation = self.known.generations.get(picture.generation or "")
        for item in generation.inputs if generation is not None else ():
            id = self._parent(item)
            if id is not None and id != picture.id:
                yield Use(id, item.role)

    def _parent(self, item: Input) -> str | None:
        if item.media is not None and item.media in self.pictures:
            return item.media
        if item.generation is not None and item.generation in self._first_of:
            return self._first_of[item.generation]
        media = self.known.beyond.get(item.media or "")
        if media is None or media.kind not in self.known.kinds:
            return None
        self._meet(MediaPart(media.kind, Stored(media), filename=media.filename), 0, "")
        return media.id


def _by_name(turn: Turn) -> dict[str, str]:
    """Return the generations that a turn names, by what they are called here and where they were made."""
    elsewhere = {each.upstream_ids["gen_id"]: each.id for each in turn.named if "gen_id" in each.upstream_ids}
    return {each.id: each.id for each in turn.named} | elsewhere


def _attached(message: Message) -> set[str]:
    """Return the ids of the pictures whose bytes stood in a message."""
    return {part.source.media.id for part in message.media if isinstance(part.source, Stored)}


def _words_of(message: Message, turn: Turn) -> str:
    """Return what the user said: ids stay, links and pictures are cut out."""
    bare = {found.value for found in links.references(message.text) if found.what == "media"}
    words = []
    for part in turn.message.parts:
        match part:
            case Text(text):
                words.append(_without_links(text))
            case MediaPart(source=Stored(media), place="text") if media.id in bare:
                words.append(media.id)
    return _GAP.sub(" ", "".join(words)).strip()


def _without_links(text: str) -> str:
    """Cut out links of ours that lead nowhere any more."""
    kept, at = [], 0
    for found in links.references(text):
        if found.what == "link":
            kept.append(text[at : found.start])
            at = found.end
    return "".join([*kept, text[at:]])
