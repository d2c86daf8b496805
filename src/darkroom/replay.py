"""What an upstream is shown of the conversation: which media go along, and in which turn and form.

Strategy. `resolve` has turned the history into turns whose media are found. `wanted` orders the media by what the turn
means, and cuts the list at the profile's limits; `rewrite` then writes the messages that this kind of upstream takes.
Both are pure. What is not sent stays in the text as a note with its id, and in the list of what was omitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from darkroom.generation import Generation, InputRole
from darkroom.ids import is_typeid
from darkroom.messages import Conversation, MediaPart, Message, Named, Part, Remote, Stored, Text
from darkroom.planner import Candidate, choose
from darkroom.profiles import Profile
from darkroom.providers import Target

PARTS = "parts"
"""The field of a replay that holds an upstream's own parts: `{"text": …}` or `{"media": id}`, and a signature."""

ITEM_ID = "item_id"
"""The kind of upstream id that names a picture where it is kept (`ig_…`)."""

ITEMS = "items"
"""The field of a replay that says which picture is kept under which name: `{"media": id, "id": "ig_…"}`."""

Place = tuple[int, int]
"""Where a part stands: the number of its turn, and its own number in it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message whose media are found. `generation` made it; `verbatim` is a relay's own transcript, as the client
    sent it back; `retold` one that Darkroom wrote; `named` are generations that the text names by id; `said` is the
    text in a transcript that is no part of it."""

    message: Message
    generation: Generation | None = None
    verbatim: bool = False
    retold: bool = False
    named: tuple[Generation, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One media that should go along, and what it is to the new generation."""

    place: Place
    part: MediaPart
    role: InputRole | None = None


@dataclass(frozen=True, slots=True)
class Omitted:
    """Media of the history that was not sent, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """What an upstream remembers of a history: the turns before `start`, under a name of its own.

    Of the pictures before `since` it may know nothing: it was told of those turns all at once, without what was not
    needed just then.
    """

    name: str
    start: int
    since: int = 0


def attempts(
    conversation: Conversation,
    turns: Sequence[Turn],
    sent: Mapping[Place, MediaPart],
    target: Target,
    known: Known | None,
) -> tuple[Conversation, ...]:
    """Return the conversation in every form that may do for this upstream: the one that sends least is the first, and
    the last one relies on nothing that the upstream would have to remember."""
    found: list[Conversation] = []
    if known is not None:
        mine = {(at - known.start, number): part for (at, number), part in sent.items() if at >= known.start}
        unseen = [part for (at, _), part in sent.items() if at < known.since and target.profile.makes_media]
        news = rewrite(turns[known.start :], mine, target, unseen)
        found.append(replace(conversation, messages=news, previous=known.name))
    found.append(replace(conversation, messages=rewrite(turns, sent, target)))
    if target.profile.replay in _REMEMBERING:
        plain = replace(target, profile=replace(target.profile, replay="user"))
        told = replace(conversation, messages=rewrite(turns, sent, plain))
        found += [told] if told.messages != found[-1].messages else []
    return tuple(found)


_REMEMBERING = ("parts", "previous")


def wanted(turns: Sequence[Turn], target: Target) -> list[Wanted]:
    """Return the media that go along, the most important first.

    What a relay will read in its own words needs no picture beside them.
    """
    chosen = _meant(turns) if target.profile.makes_media else _all(turns)
    return [item for item in chosen if not in_words(turns[item.place[0]], target)]


def by_importance(chosen: Iterable[Wanted]) -> list[Wanted]:
    """Return media in the order in which they are given up last when a limit binds."""
    ranks: dict[InputRole | None, int] = {role: rank for rank, role in enumerate(_IMPORTANCE)}
    return sorted(chosen, key=lambda item: ranks.get(item.role, len(ranks)))


_IMPORTANCE: tuple[InputRole, ...] = ("edited", "first_frame", "character", "reference", "style")


def within(chosen: Sequence[Wanted], profile: Profile) -> tuple[list[Wanted], list[Omitted]]:
    """Return what fits the profile's limits, and what does not."""
    kept: list[Wanted] = []
    omitted: list[Omitted] = []
    size = 0
    for item in chosen:
        grown = size + (item.part.source.media.size if isinstance(item.part.source, Stored) else 0)
        if item.part.kind not in profile.sees:
            omitted.append(Omitted(name_of(item.part), f"the model takes no {item.part.kind}"))
        elif profile.max_media is not None and item.role != "mask" and _pictures(kept) >= profile.max_media:
            omitted.append(Omitted(name_of(item.part), f"the model takes at most {profile.max_media}"))
        elif profile.max_media_bytes is not None and grown > profile.max_media_bytes:
            omitted.append(Omitted(name_of(item.part), f"the model takes at most {profile.max_media_bytes} bytes"))
        else:
            kept.append(item)
            size = grown
    return kept, omitted


def _pictures(kept: Sequence[Wanted]) -> int:
    """Count what the limit is about: a mask belongs to its picture."""
    return sum(item.role != "mask" for item in kept)


def rewrite(
    turns: Sequence[Turn], sent: Mapping[Place, MediaPart], target: Target, before: Sequence[MediaPart] = ()
) -> tuple[Message, ...]:
    """Return the messages for the upstream; `sent` are the parts that go along, in their final form, and `before` those
    of earlier turns."""
    written: list[Message] = []
    waiting: list[MediaPart] = [*before]
    last = last_user(turns)
    for index, turn in enumerate(turns):
        mine = {number: part for (at, number), part in sent.items() if at == index}
        if turn.message.role == "assistant":
            message, moved = _assistant(turn, mine, target)
            waiting += moved
        elif turn.message.role == "user" and (index == last or _takes_now(target.profile)):
            message, waiting = _user(turn, mine, waiting), []
        else:
            message, moved = _without(turn, mine)
            waiting += moved
        written.append(message)
    if waiting:  # A conversation that ends with a tool's picture has no user turn to show it in.
        written.append(Message("user", tuple(replace(part, place="part") for part in waiting), is_string=False))
    return tuple(written)


def last_user(turns: Sequence[Turn]) -> int:
    """Return the number of the last user turn; -1 without one."""
    return max((index for index, turn in enumerate(turns) if turn.message.role == "user"), default=-1)


def name_of(part: MediaPart) -> str:
    """Return the shortest name of a part's media: its id, else its URL."""
    match part.source:
        case Stored(media):
            return media.id
        case Remote(url):
            return url.partition("?")[0]
        case Named(id):
            return id
        case _:
            return part.kind.value


def note(part: MediaPart) -> str:
    """Return what stands in a text in the place of media: `[image media_…]`."""
    return f"[{part.kind} {name_of(part)}]"


def _places(turns: Sequence[Turn]) -> Iterator[tuple[Place, MediaPart]]:
    for index, turn in enumerate(turns):
        for number, part in enumerate(turn.message.parts):
            if isinstance(part, MediaPart):
                yield (index, number), part


def _all(turns: Sequence[Turn]) -> list[Wanted]:
    """A model that reads gets everything; when a limit binds, the newest turns win."""
    return [Wanted(place, part) for place, part in sorted(_places(turns), key=lambda item: -item[0][0])]


def _meant(turns: Sequence[Turn]) -> list[Wanted]:
    """A model that makes gets what the turn means: what it names, else the choice of the planner; and its uploads.

    A request that says itself what its pictures are for has chosen them all.
    """
    last = last_user(turns)
    if last < 0:
        return []
    own = [(place, part) for place, part in _places(turns) if place[0] == last]
    if any(part.role not in (None, "mask") for _, part in own):
        return by_importance(Wanted(place, part, part.role or "reference") for place, part in own)
    earlier = [(place, part) for place, part in _places(turns) if place[0] < last]
    made = [(place, part) for place, part in own if _is_made(part) and part.role != "mask"]
    base: list[tuple[Place, MediaPart]] = []
    if not made:
        base = _named(turns[last], earlier) or _chosen(turns, turns[last].message.text, earlier)
    first = [*base, *made]
    uploads = [(place, part) for place, part in own if (place, part) not in made]
    return [
        *(Wanted(place, part, "edited") for place, part in first),
        *(Wanted(place, part, part.role or ("reference" if first else "edited")) for place, part in uploads),
    ]


def _is_made(part: MediaPart) -> bool:
    return isinstance(part.source, Stored) and part.source.media.generation is not None


def _named(turn: Turn, earlier: Sequence[tuple[Place, MediaPart]]) -> list[tuple[Place, MediaPart]]:
    ids = {generation.id for generation in turn.named}
    found = {
        place: part
        for place, part in earlier
        if isinstance(part.source, Stored) and part.source.media.generation in ids
    }
    return list(found.items())[:1]


def _chosen(
    turns: Sequence[Turn], text: str, earlier: Sequence[tuple[Place, MediaPart]]
) -> list[tuple[Place, MediaPart]]:
    choice = choose(text, [Candidate(name_of(part), _words(turns, place)) for place, part in earlier])
    return [item for item in earlier if choice is not None and name_of(item[1]) == choice.id][-1:]


def _words(turns: Sequence[Turn], place: Place) -> str:
    """Return what a picture is about: the user's words that led to it."""
    turn = turns[place[0]]
    if turn.message.role == "user":
        return turn.message.text
    if turn.generation is not None and turn.generation.prompt:
        return turn.generation.prompt
    before = [earlier.message.text for earlier in turns[: place[0]] if earlier.message.role == "user"]
    return before[-1] if before else ""


def _takes_now(profile: Profile) -> bool:
    """A model that reads sees a picture where it stood; one that makes gets all of them with the question."""
    return not profile.makes_media and profile.replay != "last_user"


def _assistant(turn: Turn, mine: Mapping[int, MediaPart], target: Target) -> tuple[Message, list[MediaPart]]:
    remembered = _its_own(turn.generation, target)
    if in_words(turn, target):
        words = turn.message.parts if turn.verbatim else (Text(remembered.get("text", "")),)
        return replace(turn.message, parts=words, is_string=True, extra=_clean(turn)), []
    match target.profile.replay:
        case "images" if remembered and mine:
            return _with_images(turn, mine, remembered), []
        case "parts" if remembered and mine:
            return _with_parts(turn, mine, remembered)
        case "previous" if ids := _item_ids(turn.generation, mine, target):
            return _with_items(turn, mine, ids)
        case _:
            return _without(turn, mine)


def in_words(turn: Turn, target: Target) -> bool:
    """Tell whether a turn is shown to this upstream as its own transcript, verbatim."""
    if target.profile.replay != "transcript" or turn.message.role != "assistant":
        return False
    words = _its_own(turn.generation, target).get("text")
    return turn.verbatim or (words is not None and (turn.retold or _says_nothing_else(turn.message, words)))


def _says_nothing_else(message: Message, words: str) -> bool:
    """Tell whether a turn is what was made, and not somebody's text about it, or the user's own version."""
    known = " ".join(words.split())
    return all(" ".join(part.text.split()) in known for part in message.parts if isinstance(part, Text))


def _its_own(generation: Generation | None, target: Target) -> Mapping[str, Any]:
    """Return the replay of a generation that this provider's model made itself; empty for any other."""
    return generation.replay or {} if generation is not None and is_its_own(generation, target) else {}


def is_its_own(generation: Generation, target: Target) -> bool:
    """Tell whether a target made this itself, with the same key where what it remembers is bound to that."""
    made = (generation.provider, generation.model)
    bound = target.profile.replay in _REMEMBERING
    return made == (target.provider.name, target.model) and (not bound or generation.key == target.key.alias)


def _item_ids(generation: Generation | None, mine: Mapping[int, MediaPart], target: Target) -> dict[int, str]:
    """Return the names under which this upstream keeps the pictures of a turn, by their place in it."""
    if generation is None or not is_its_own(generation, target):
        return {}
    made = {
        number: part.source.media.id
        for number, part in mine.items()
        if isinstance(part.source, Stored) and part.source.media.generation == generation.id
    }
    named = {item["media"]: item["id"] for item in (generation.replay or {}).get("fields", {}).get(ITEMS, ())}
    id = generation.upstream_ids.get(ITEM_ID)
    if id is not None and len(named) <= 1:  # The one picture, also where the client sent its bytes back.
        return dict.fromkeys([*made][:1], id)
    return {number: named[media] for number, media in made.items() if media in named}


def _with_items(turn: Turn, mine: Mapping[int, MediaPart], ids: Mapping[int, str]) -> tuple[Message, list[MediaPart]]:
    """The turn with its pictures by the upstream's own names for them, which cost no bytes."""
    kept: list[Part] = []
    for number, part in enumerate(turn.message.parts):
        if number in ids and isinstance(part, MediaPart):
            kept.append(replace(mine[number], place="part", extra={**part.extra, ITEM_ID: ids[number]}))
        else:
            kept.append(Text(note(part)) if isinstance(part, MediaPart) else part)
    moved = [part for number, part in mine.items() if number not in ids]
    return replace(turn.message, parts=tuple(kept), extra=_clean(turn)), moved


def _with_parts(
    turn: Turn, mine: Mapping[int, MediaPart], remembered: Mapping[str, Any]
) -> tuple[Message, list[MediaPart]]:
    """The turn as the upstream made it, part by part, with its signatures; a picture that is not needed is a note."""
    waiting = {part.source.media.id: part for part in mine.values() if isinstance(part.source, Stored)}
    others = [part for part in mine.values() if not isinstance(part.source, Stored)]
    parts: list[Part] = []
    for stored in remembered.get("fields", {}).get(PARTS, ()):
        rest = {key: value for key, value in stored.items() if key not in {"text", "media"}}
        if "media" not in stored:
            parts.append(Text(stored.get("text", ""), rest))
        elif (part := waiting.pop(stored["media"], None)) is not None:
            parts.append(replace(part, place="part", extra=rest))
        elif is_typeid(stored["media"], "media"):  # Else it was lost on its way into the store.
            parts.append(Text(f"[image {stored['media']}]"))
    if not any(isinstance(part, MediaPart) for part in parts):
        return _without(turn, mine)
    written = replace(turn.message, parts=tuple(parts), is_string=False, extra=_clean(turn))
    return written, [*waiting.values(), *others]


def _with_images(turn: Turn, mine: Mapping[int, MediaPart], remembered: Mapping[str, Any]) -> Message:
    """The turn as the upstream made it: its text, its pictures in `images[]`, and what it wants to see again."""
    kept = [part for part in turn.message.parts if not isinstance(part, MediaPart)]
    left = [Text(note(part)) for number, part in _numbered(turn) if number not in mine]
    images = [replace(part, place="images") for part in mine.values()]
    extra = _clean(turn, **remembered.get("fields", {}))
    return replace(turn.message, parts=(*kept, *left, *images), is_string=True, extra=extra)


def _without(turn: Turn, mine: Mapping[int, MediaPart]) -> tuple[Message, list[MediaPart]]:
    """The turn with notes for its media; what is sent of them waits for a user turn."""
    parts: list[Part] = [Text(note(part)) if isinstance(part, MediaPart) else part for part in turn.message.parts]
    if turn.verbatim and turn.message.media:
        parts = [Text(note(part)) for part in turn.message.media]
    return replace(turn.message, parts=tuple(parts), extra=_clean(turn)), list(mine.values())


def _user(turn: Turn, mine: Mapping[int, MediaPart], waiting: Sequence[MediaPart]) -> Message:
    own: list[Part] = []
    for number, part in enumerate(turn.message.parts):
        if not isinstance(part, MediaPart):
            own.append(part)
        elif number in mine:
            own.append(replace(mine[number], place="part"))
        else:
            own.append(Text(note(part)))
    earlier = [replace(part, place="part") for part in waiting]
    return replace(turn.message, parts=(*earlier, *own), is_string=turn.message.is_string)


def _numbered(turn: Turn) -> Iterator[tuple[int, MediaPart]]:
    return ((number, part) for number, part in enumerate(turn.message.parts) if isinstance(part, MediaPart))


def _clean(turn: Turn, **more: Any) -> Mapping[str, Any]:
    """Leave out of a turn what Darkroom itself put there for the client: a task's progress is no reasoning."""
    ours = {"darkroom"} if turn.generation is None else {"darkroom", "reasoning_content"}
    return {key: value for key, value in {**turn.message.extra, **more}.items() if key not in ours}
