"""A scene: what a planner knows of a conversation when the next turn is said. Pictures as words and ids, no pixels.

Where films can be made, the films of a conversation are in its scene too, among the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from darkroom.generation import InputRole

Kind = Literal["image", "video"]
"""What can be made: a picture or a film."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Use:
    """A picture that something is made from, and what it is to that."""

    id: str
    role: InputRole = "edited"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the conversation, or by its `kind` a film. `id` is its media's, or the URL of one that is not here.

    `turn` is the user turn, from 1, that it was made in or sent with; 0 is a picture of another conversation. `words`
    are the prompt that it was made with, or for an upload what was said with it; `caption` is what else is known of
    what is on it (a file's name). `parents` are what it was made from.
    """

    id: str
    turn: int
    words: str = ""
    generation: str | None = None
    parents: tuple[Use, ...] = ()
    caption: str = ""
    width: int | None = None
    height: int | None = None
    kind: Kind = "image"

    @property
    def is_made(self) -> bool:
        """Whether it was made here, and not sent by the user."""
        return self.generation is not None


@dataclass(frozen=True, slots=True)
class Said:
    """An earlier user turn: its text, the pictures that came with it, those that were made, and those that the answer
    only showed or spoke of. All by id, in their order."""

    text: str
    uploads: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """The conversation so far, and the turn to plan for.

    `pictures` are oldest first, those sent with this turn (`uploads`) last. `named` are the pictures whose ids or links
    stand in the turn; ids still stand in `text`, links do not. `films`: films can be made too, else only pictures.
    """

    text: str
    pictures: tuple[Picture, ...] = ()
    past: tuple[Said, ...] = ()
    uploads: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    films: bool = False

    def picture(self, id: str) -> Picture:
        """Return one of the pictures. Raises `KeyError`."""
        for picture in self.pictures:
            if picture.id == id:
                return picture
        raise KeyError(id)
