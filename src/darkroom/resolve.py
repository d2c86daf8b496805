"""History in: whatever the client kept becomes media, and then what this upstream must be shown.

Strategy. Four passes over the messages. `_take_in` stores the bytes that stand in them, once by hash. `_History` finds
what each names: our links in text and in parts, ids, the ids in a relay's transcript. `replay.wanted` picks what goes
along. `_final` brings only those into the form that the profile takes, so that nothing is fetched or read that is not
sent. A failure in what the user just sent is his to know (4xx); one in an old turn becomes a note, since the chat must
go on. The first pass is the same for every upstream; the others are done again when another one is asked instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit

from darkroom.clock import now
from darkroom.codecs import links
from darkroom.codecs.links import Reference
from darkroom.database import Database
from darkroom.dialects.relay_text import Transcript, language_of, read_transcript
from darkroom.dialects.relay_vocabulary import Language
from darkroom.errors import ClientError, DarkroomError, InvalidMedia, NotFound, UrlRefused
from darkroom.fetch import Fetcher
from darkroom.generation import Generation, Input
from darkroom.imports import Importer
from darkroom.ingest import Ingest, arrived
from darkroom.media import Arrived, Media, MediaKind
from darkroom.messages import Conversation, Inline, MediaPart, Message, Named, Part, Remote, Stored, Text
from darkroom.profiles import Profile
from darkroom.providers import Target
from darkroom.replay import (
    Known,
    Omitted,
    Place,
    Turn,
    Wanted,
    attempts,
    in_words,
    last_user,
    name_of,
    wanted,
    within,
)
from darkroom.stills import Stills
from darkroom.threads import digests, known_by, owner_of

_FILES = ("file_", "file-", "files/")
_MAY_NAME = ("media_", "gen_", "](", "<img", "<video")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A conversation that can be written for its upstream, in every form that may do, and what Darkroom knows of it.

    `asked` is what the client sent, its bytes stored; `state` names what was said so far (`threads.digests`).
    """

    target: Target
    attempts: tuple[Conversation, ...]
    asked: Conversation
    prompt: str
    language: Language
    inputs: tuple[Input, ...] = ()
    omitted: tuple[Omitted, ...] = ()
    state: str | None = None

    @property
    def conversation(self) -> Conversation:
        """The conversation as it is told to somebody who remembers nothing of it."""
        return self.attempts[-1]


@dataclass(frozen=True, slots=True)
class Read:
    """A conversation whose media are found: `asked` is what the client sent, its bytes stored; `missing` are links that
    lead nowhere any more."""

    asked: Conversation
    turns: tuple[Turn, ...]
    missing: tuple[Omitted, ...] = ()


@dataclass(slots=True)
class Resolver:
    """Resolves the history of one owner's requests."""

    database: Database
    ingest: Ingest
    fetcher: Fetcher
    public_url: str
    stills: Stills = field(init=False)

    def __post_init__(self) -> None:
        self.stills = Stills(self.ingest.storage, self.ingest.max_pixels)

    async def read(self, conversation: Conversation, owner: str, target: Target, *, settled: bool = False) -> Read:
        """Store what stands in a conversation, and find what its turns name, as `target` must have it.

        `settled`: it was written here, and names nothing in its texts. Raises as `resolve` does.
        """
        asked = await self._take_in(conversation, owner)
        if settled:
            return Read(asked, tuple(map(Turn, asked.messages)))
        history = _History(self, owner, target)
        turns = await history.read(asked)
        return Read(asked, tuple(turns), tuple(history.missing))

    async def bring(self, part: MediaPart, owner: str, *, fresh: bool) -> MediaPart:
        """Return a part at a URL with its picture stored; `fresh`: it is fetched anew, and not what it once was.

        Raises `UrlRefused`, `UrlUnreachable`, and `InvalidMedia` for what is something else.
        """
        if not isinstance(part.source, Remote):
            return part
        brought = _stored(part, await self.fetched(part.source.url, owner, part.filename, fresh=fresh))
        if brought.kind is not part.kind:
            raise InvalidMedia(f"there is no {part.kind} at `{name_of(part)}`")
        return brought

    async def resolve(
        self, conversation: Conversation, owner: str, routes: Sequence[Target], *, settled: bool = False
    ) -> Resolved:
        """Return the conversation for the best of the `routes`: the one that made what is meant, else the first.

        Raises `InvalidMedia`, `NotFound`, `UrlRefused`, `UrlUnreachable`.
        """
        last = conversation.last_user
        prompt = last.text.strip() if last is not None else ""
        language = language_of(prompt)
        target = routes[0]
        remembers = any(route.profile.replay == "previous" for route in routes)
        if is_plain(conversation) and not remembers:
            return Resolved(target, (replace(conversation, model=target.model),), conversation, prompt, language)
        read = await self.read(conversation, owner, target, settled=settled)
        states = digests(read.turns) if remembers else []
        threads = await self.database.upstreams.threads(owner, states[:-1]) if len(states) > 1 else []
        owning = owner_of(read.turns, states, threads, routes)
        if owning is not target:
            target, read = owning, await self.read(read.asked, owner, owning, settled=settled)
        asked, turns = read.asked, read.turns
        known = known_by(states, threads, target, turns)
        meant = wanted(turns, target)
        turns, frames = await self.stills.shown(turns, meant, target.profile, partial(self.bring, owner=owner))
        meant = wanted(turns, target) if frames else meant
        kept, omitted = within(meant, target.profile)
        sent, failed = await self._final(turns, kept, owner, target.profile, frames)
        chosen = {item.place for item in meant}
        unsent = [Omitted(name, "not needed for this turn") for name in _left(turns, chosen, target, known)]
        return Resolved(
            target,
            attempts(replace(asked, model=target.model), turns, sent, target, known),
            asked,
            prompt,
            language,
            tuple(dict.fromkeys(_input(item, sent[item.place]) for item in kept if item.place in sent and item.role)),
            (*omitted, *failed, *read.missing, *unsent),
            states[-1] if states else None,
        )

    async def _take_in(self, conversation: Conversation, owner: str) -> Conversation:
        """Store the bytes that stand in a conversation."""
        last = conversation.last_user
        messages = []
        for message in conversation.messages:
            parts = [await self._kept(part, owner, now=message is last) for part in message.parts]
            messages.append(replace(message, parts=tuple(parts)))
        return replace(conversation, messages=tuple(messages))

    async def _kept(self, part: Part, owner: str, *, now: bool) -> Part:
        """Store a part's bytes; what can't be read is an error where the user just sent it, else a note."""
        if not isinstance(part, MediaPart) or not isinstance(part.source, Inline):
            return part
        try:
            return _stored(
                part, await self.ingest.keep_once(arrived(part.source.lifted), owner, filename=part.filename)
            )
        except ClientError as error:
            if now:
                raise
            return Text(f"[{part.kind} lost: {error.message}]")

    async def _final(
        self, turns: Sequence[Turn], kept: Sequence[Wanted], owner: str, profile: Profile, frames: frozenset[Place]
    ) -> tuple[dict[Place, MediaPart], list[Omitted]]:
        """Bring what is sent into its final form: `Stored`, or `Remote` where the profile takes plain URLs.

        `frames` have no link of their own, and go along as bytes.
        """
        sent: dict[Place, MediaPart] = {}
        failed: list[Omitted] = []
        last = last_user(turns)
        for item in kept:
            try:
                fresh = item.place[0] == last
                is_frame = item.place in frames
                sent[item.place] = item.part if is_frame else await self._form(item.part, owner, profile, fresh=fresh)
            except DarkroomError as error:
                if item.place[0] == last:
                    raise
                failed.append(Omitted(name_of(item.part), error.message))
        # The order of importance decided who comes along; what is written stands in the order of the conversation.
        return dict(sorted(sent.items())), failed

    async def _form(self, part: MediaPart, owner: str, profile: Profile, *, fresh: bool) -> MediaPart:
        if isinstance(part.source, Remote):
            if profile.forms[0] == "url":
                return part
            part = _stored(part, await self.fetched(part.source.url, owner, part.filename, fresh=fresh))
        if not isinstance(part.source, Stored):
            return part
        media = part.source.media
        match profile.forms[0]:
            case "link":
                return replace(part, source=Stored(media, links.make_link(self.public_url, media)))
            case "url" if media.source_url and media.origin == "fetched":
                return replace(part, source=Stored(media, media.source_url))
            case _:
                return part

    async def fetched(self, url: str, owner: str, filename: str | None, *, fresh: bool) -> Media:
        """Return what a user's URL leads to: fetched anew for the turn at hand, as it was then for earlier ones."""
        known = await self.database.media_by_source_url(owner, url)
        if known is not None and not fresh:
            return known
        if not url.startswith(("http://", "https://")):
            raise UrlRefused("only http and https URLs can be fetched")
        spool = self.ingest.storage.spools.new()
        try:
            fetched = await self.fetcher.fetch(url, spool)
            if known is not None and known.blob == fetched.sha256:
                return known
            data = Arrived(spool, fetched.sha256, fetched.size, fetched.head)
            name = filename or fetched.filename
            return await self.ingest.keep(data, owner, "fetched", source_url=url, filename=name)
        finally:
            spool.discard()


@dataclass(slots=True)
class _History:
    """One request's way through its messages; remembers the rows that it has read."""

    resolver: Resolver
    owner: str
    target: Target
    _generations: dict[str, Generation | None] = field(default_factory=dict)
    _prompt: str = ""
    _seen: set[str] = field(default_factory=set)
    missing: list[Omitted] = field(default_factory=list)

    async def read(self, conversation: Conversation) -> list[Turn]:
        """Return the messages as turns."""
        last = conversation.last_user
        return [await self.locate(message, now=message is last) for message in conversation.messages]

    async def locate(self, message: Message, *, now: bool) -> Turn:
        """Return a message as a turn whose media are found; `now`: it is what the user just said."""
        if message.role == "assistant" and (transcript := read_transcript(message.text)) is not None:
            return await self._transcript(message, transcript)
        parts: list[Part] = []
        named: list[Generation] = []
        for part in message.parts:
            match part:
                case Text(text) if any(word in text for word in _MAY_NAME):
                    parts.extend([found async for found in self._text(part, named, message)])
                case MediaPart():
                    parts.append(await self._part(part, now=now))
                case _:
                    parts.append(part)
        if message.role == "user":
            self._prompt = message.text.strip()
            parts += self._recalled(named, parts)
        elif message.role == "assistant":  # What was in the making when it told where to look may be there by now.
            parts += self._recalled([each for each in named if links.tells_of(message.text, each.id)], parts)
        parts = _once(parts)
        self._seen |= _ids(parts)
        turn = replace(message, parts=tuple(parts))
        generation = await self._maker(turn) if message.role == "assistant" else None
        return Turn(turn, generation or (named[0] if named else None), named=tuple(named))

    def _recalled(self, named: Sequence[Generation], parts: Sequence[Part]) -> list[Part]:
        """Return the pictures of generations that a user names, and that the client's history does not hold."""
        seen = self._seen | _ids(parts)
        recalled = [generation.outputs[0] for generation in named if generation.outputs]
        return [_stored(MediaPart(media.kind, Named(media.id)), media) for media in recalled if media.id not in seen]

    async def _transcript(self, message: Message, transcript: Transcript) -> Turn:
        """A relay's own words: learn its generations, find its pictures."""
        importer = Importer(self.resolver.database, self.owner, self.target)
        generation = await importer.learn(transcript, self._prompt)
        shown = await self._shown(transcript) or (generation.outputs[:1] if generation is not None else ())
        parts: list[Part] = [*message.parts]
        if shown:
            parts += [_stored(MediaPart(media.kind, Named(media.id)), media) for media in shown]
        elif transcript.media:
            url = transcript.media[-1]
            parts.append(MediaPart(MediaKind.IMAGE, Remote(url)))
        ours = any(links.media_id_of(url) for url in transcript.media)
        if ours or self.target.profile.replay != "transcript":
            written = replace(message, parts=tuple(parts))
            return Turn(written, generation, verbatim=not ours, retold=ours, said=transcript.said)
        return Turn(message, generation, verbatim=True, said=transcript.said)

    async def _shown(self, transcript: Transcript) -> list[Media]:
        """Return the pictures of ours that a transcript shows; one that Darkroom wrote may show several."""
        ids = dict.fromkeys(filter(None, map(links.media_id_of, transcript.media)))
        found = [await self.resolver.database.media(self.owner, id) for id in ids]
        return [media for media in found if media is not None]

    async def _text(self, part: Text, named: list[Generation], message: Message) -> AsyncIterator[Part]:
        position = 0
        for reference in links.references(part.text):
            found = await self._reference(reference, named) or self._elsewhere(reference, message)
            if found is None:
                continue
            if before := part.text[position : reference.start]:
                yield Text(before)
            yield found
            position = reference.end
        if rest := part.text[position:]:
            yield Text(rest, part.extra)

    async def _reference(self, reference: Reference, named: list[Generation]) -> MediaPart | None:
        """Return the media that a piece of text names, if it is this owner's; note the generations on the way."""
        if reference.what == "generation":
            if (generation := await self._generation(reference.value)) is not None:
                named.append(generation)
            return None
        media = await self._media(reference)
        if media is None:
            if reference.what == "link":
                self.missing.append(Omitted(reference.value, "it is not here any more"))
            return None
        return MediaPart(media.kind, Stored(media), place="text", alt=reference.alt)

    def _elsewhere(self, reference: Reference, message: Message) -> MediaPart | None:
        """Return a picture that another gateway's answer showed, for a model that may be asked to change it."""
        profile = self.target.profile
        if message.role != "assistant" or not profile.makes_media or profile.replay == "transcript":
            return None
        if reference.what != "url" or not reference.image:
            return None
        return MediaPart(MediaKind.IMAGE, Remote(reference.value), place="text", alt=reference.alt)

    async def _media(self, reference: Reference) -> Media | None:
        database = self.resolver.database
        match reference.what:
            case "link" | "media":
                return await database.media(self.owner, reference.value)
            case "url":
                return await database.media_by_source_url(self.owner, reference.value)
            case _:
                return None

    async def _part(self, part: MediaPart, *, now: bool) -> Part:
        """Locate a part; what can't be had is an error where the user just sent it, else a note."""
        try:
            return await self._located(part, fresh=now)
        except ClientError as error:
            if now:
                raise
            return Text(f"[{part.kind} lost: {error.message}]")

    async def _located(self, part: MediaPart, *, fresh: bool) -> MediaPart:
        match part.source:
            case Remote(url) if (id := links.media_id_of(url)) is not None:
                found = await self.resolver.database.media(self.owner, id)
                if found is None and url.startswith("http") and not url.startswith(f"{self.resolver.public_url}/"):
                    return part
                media = self._present(found, url)
            case Remote(url) if part.kind is MediaKind.FILE and not _has_extension(url):
                # Whether it is a film decides what is done with it, and only its bytes can tell.
                media = await self.resolver.fetched(url, self.owner, part.filename, fresh=fresh)
            case Named(id):
                media = await self._by_id(id)
            case _:
                return part
        return _stored(part, media)

    async def _by_id(self, id: str) -> Media:
        if id.startswith("gen_"):
            generation = await self._generation(id)
            return self._present(generation.outputs[0] if generation and generation.outputs else None, id)
        if id.startswith(_FILES):
            file = await self.resolver.database.files.find(self.owner, id, now())
            return self._present(file.media if file is not None else None, id)
        return self._present(await self.resolver.database.media(self.owner, id), id)

    def _present(self, media: Media | None, name: str) -> Media:
        if media is None:
            raise NotFound(f"there is no media `{name}`; it was never here, or it was deleted")
        return media

    async def _generation(self, id: str) -> Generation | None:
        if id not in self._generations:
            database = self.resolver.database
            found = await database.generation(self.owner, id)
            self._generations[id] = found or await database.generation_by_upstream_id(self.owner, "gen_id", id)
        return self._generations[id]

    async def _maker(self, message: Message) -> Generation | None:
        for part in message.media:
            if isinstance(part.source, Stored) and part.source.media.generation is not None:
                return await self._generation(part.source.media.generation)
        return None


def is_plain(conversation: Conversation) -> bool:
    """Tell whether no message can name media, so that there is nothing to resolve."""
    return all(
        isinstance(part, Text) and not any(word in part.text for word in _MAY_NAME)
        for message in conversation.messages
        for part in message.parts
    )


def _has_extension(url: str) -> bool:
    return "." in urlsplit(url).path.rpartition("/")[2]


def _stored(part: MediaPart, media: Media) -> MediaPart:
    """The part with its media; its kind is what the bytes say."""
    return replace(part, kind=media.kind, source=Stored(media), filename=part.filename or media.filename)


def _once(parts: Sequence[Part]) -> list[Part]:
    """Leave out of `images[]` what stands in the content too: many clients keep both."""
    inside = _ids([part for part in parts if not _is_beside(part)])
    return [part for part in parts if not (_is_beside(part) and _ids([part]) & inside)]


def _is_beside(part: Part) -> bool:
    return isinstance(part, MediaPart) and part.place == "images"


def _ids(parts: Sequence[Part]) -> set[str]:
    return {part.source.media.id for part in parts if isinstance(part, MediaPart) and isinstance(part.source, Stored)}


def _left(turns: Sequence[Turn], chosen: set[Place], target: Target, known: Known | None) -> Iterator[str]:
    """Yield the names of the media that nobody chose, and that the upstream does not remember itself."""
    if not target.profile.makes_media:
        return
    for index, turn in enumerate(turns):
        if known is not None and index < known.start:
            continue
        for number, part in enumerate(turn.message.parts):
            if isinstance(part, MediaPart) and (index, number) not in chosen and not in_words(turn, target):
                yield name_of(part)


def _input(item: Wanted, sent: MediaPart) -> Input:
    role = item.role or "reference"
    if isinstance(sent.source, Stored):
        return Input(role, sent.source.media.id, sent.source.media.generation)
    return Input(role)
