"""A studio: a model of Darkroom's own, which lets any model that makes pictures or films chat.

A planner finds out what each turn means (`planner.plan`, or a chat model), and the image model is asked for just that,
or the video model where the studio has one. All are asked as every other model is, through `Chat`: keys, health,
metrics and records are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from darkroom.chat import Chat
from darkroom.errors import ConfigInvalid, Forbidden, MalformedRequest, UnknownModel
from darkroom.lifted import Lifts
from darkroom.media import MediaKind
from darkroom.messages import Conversation
from darkroom.providers import Providers, Target
from darkroom.resolve import Read
from darkroom.settings import RULES, SKETCH, SKETCH_FILM, ModelSettings
from darkroom.studio.answer import PICTURES_ONLY, StudioAnswer
from darkroom.studio.scenes import KINDS, PICTURES, Kinds, Known, generations_in, id_of, media_in, stage

DEFAULT = ModelSettings("studio", "studio", f"{SKETCH}/{SKETCH}", video=f"{SKETCH_FILM}/{SKETCH_FILM}")
"""The studio that is there with the embedded painter, unless the configuration has one of its name."""


@dataclass(frozen=True, slots=True)
class Studio:
    """One row of `[[models]]`, open."""

    row: ModelSettings
    chat: Chat
    providers: Providers
    lifts: Callable[[], Lifts]

    def routes(self, owner: str) -> tuple[Target, ...]:
        """Return the ways to the image model that can be taken in turn: those that see and take the same.

        Raises `Forbidden` where no provider has an identity for the owner.
        """
        return _alike(self.providers.routes(self.row.image, owner))

    def films(self, owner: str) -> tuple[Target, ...]:
        """Return the same ways to the video model; none without one, and none for an owner who has no identity there:
        for him the studio makes pictures."""
        if self.row.video is None:
            return ()
        try:
            return _alike(self.providers.routes(self.row.video, owner))
        except Forbidden:
            return ()

    def planners(self, owner: str) -> tuple[Target, ...]:
        """Return the ways to the model that plans; none where the rules do. Raises as `routes` does."""
        return () if self.row.planner == RULES else self.providers.routes(self.row.planner, owner)

    async def answer(self, conversation: Conversation, owner: str) -> StudioAnswer:
        """Find what a conversation shows and names, and return its answer, not yet begun.

        Raises `MalformedRequest` without a user's turn, `Forbidden`, and the `ClientError`s of `Resolver.read`.
        """
        routes, planners = self.routes(owner), self.planners(owner)
        films = () if conversation.dialect in PICTURES_ONLY else self.films(owner)
        read = await self.chat.resolver.read(conversation, owner, _reader(routes[0]))
        if read.asked.last_user is None:
            raise MalformedRequest("there is no message of a user", param="messages")
        known = await self._known(read, owner, KINDS if films else PICTURES)
        staged = stage(read.asked.messages, read.turns, known)
        return StudioAnswer(self.chat, self.lifts, self.row, owner, routes, planners, read, staged, films=films)

    async def _known(self, read: Read, owner: str, kinds: Kinds) -> Known:
        """Load what made the pictures of a conversation, and what they were made from, where that is not shown."""
        rows = self.chat.means.database.lineage
        made = {each.id: each for each in await rows.sketches(owner, generations_in(read.turns, kinds))}
        shown = {id_of(part) for turn in read.turns for part in media_in(turn, kinds)}
        wanted = {item.media for each in made.values() for item in each.inputs if item.media} - shown
        beyond = [kept.media for kept in await rows.media(owner, sorted(wanted)) if kept.deleted is None]
        earlier = await rows.sketches(owner, [media.generation for media in beyond if media.generation is not None])
        return Known({**made, **{each.id: each for each in earlier}}, {media.id: media for media in beyond}, kinds)


def rows_of(models: Sequence[ModelSettings], *, sketch: bool) -> tuple[ModelSettings, ...]:
    """Return the rows that there are, the default with them where the painter is."""
    if sketch and not any(row.name == DEFAULT.name for row in models):
        return (*models, DEFAULT)
    return tuple(models)


def check_studio(row: ModelSettings, providers: Providers) -> None:
    """Check that a studio's models are there, and make what they are for. Raises `ConfigInvalid`."""
    try:
        image = providers.find(row.image)
        video = providers.find(row.video) if row.video is not None else None
        if row.planner != RULES:
            providers.find(row.planner)
    except UnknownModel as error:
        raise ConfigInvalid(f"model `{row.name}`: {error.message}") from None
    if MediaKind.IMAGE not in image.profile.makes:
        raise ConfigInvalid(f"model `{row.name}`: `{row.image}` makes no pictures; see its provider's `profile`")
    if video is not None and MediaKind.VIDEO not in video.profile.makes:
        raise ConfigInvalid(f"model `{row.name}`: `{row.video}` makes no videos; see its provider's `profile`")


def studios(
    rows: Sequence[ModelSettings], chat: Chat, providers: Providers, lifts: Callable[[], Lifts]
) -> Mapping[str, Studio]:
    """Return the studios of a configuration by their names. Raises `ConfigInvalid`."""
    for row in rows:
        check_studio(row, providers)
    return {row.name: Studio(row, chat, providers, lifts) for row in rows}


def _alike(routes: Sequence[Target]) -> tuple[Target, ...]:
    return tuple(route for route in routes if _takes(route) == _takes(routes[0]))


def _takes(route: Target) -> tuple[object, ...]:
    profile = route.profile
    return profile.sees, profile.max_media, profile.max_media_bytes, profile.order


def _reader(route: Target) -> Target:
    """Return a route as one whose model is shown pictures: a transcript's too, that a relay would read in words."""
    makes = route.profile.makes | {MediaKind.IMAGE}
    return replace(route, profile=replace(route.profile, makes=makes, replay="last_user"))
