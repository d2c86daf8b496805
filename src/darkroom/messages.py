"""A request, whatever wire it came on: a conversation of messages of parts.

Pure values. What a dialect does not know rides along in `extra`, untouched, to an upstream of the same dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from darkroom.generation import InputRole
from darkroom.media import Media, MediaKind

if TYPE_CHECKING:
    from darkroom.lifted import Lifted

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]

Extra = Mapping[str, Any]


# Where a part's media is, a type per stage: lifted, named, fetched by URL; after `resolve`, stored.


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes that stood as base64 in the body; already decoded and hashed."""

    lifted: Lifted
    declared_mime: str | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """A URL: of this gateway, or of anybody."""

    url: str


@dataclass(frozen=True, slots=True)
class Named:
    """An id: `file_…`, `media_…` or `gen_…`."""

    id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Media of this gateway, and the form in which it goes to the upstream: inline base64, or the URL given."""

    media: Media
    url: str | None = None


Source = Inline | Remote | Named | Stored


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MediaPart:
    """A picture, video, sound or file in a message.

    `place` says where it stood: in a content part, in a string's markdown, or in the message's `images[]`.
    `alt` is the markdown's alternative text; `extra` the part's other fields (`detail`, `fps`); `role` what the client
    says that it is for (a mask).
    """

    kind: MediaKind
    source: Source
    place: Literal["part", "text", "images"] = "part"
    alt: str = ""
    filename: str | None = None
    extra: Extra = field(default_factory=dict)
    role: InputRole | None = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A part that only an upstream of the same dialect can read (`refusal`, `thinking`), passed as it is."""

    value: Mapping[str, Any]


Part = Text | MediaPart | Opaque


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `is_string`: the client sent its content as a string, not as a list of parts."""

    role: Role
    parts: tuple[Part, ...] = ()
    is_string: bool = True
    extra: Extra = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def media(self) -> tuple[MediaPart, ...]:
        return tuple(part for part in self.parts if isinstance(part, MediaPart))


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request: who is asked, what was said, and how.

    `params` are the body's other fields in the words of Chat Completions (`temperature`, `size`, `image_config`),
    whatever dialect they came in; `native` those that only an upstream of the client's own `dialect` can read.
    `previous` is set for an upstream that remembers: its id for what came before, and `messages` is what is new.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    params: Extra = field(default_factory=dict)
    dialect: str = "openai-chat"
    native: Extra = field(default_factory=dict)
    previous: str | None = None

    @property
    def last_user(self) -> Message | None:
        return next((message for message in reversed(self.messages) if message.role == "user"), None)
