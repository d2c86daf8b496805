"""An answer, whatever wire it comes on: a stream of events.

Order: at most one `Started` first; then deltas, progress and media in the order of the upstream; `UsageReported` and
`Finished` last, or one `Failed` in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from darkroom.errors import DarkroomError
from darkroom.media import Arrived, Media, MediaKind

if TYPE_CHECKING:
    from darkroom.lifted import Lifted


@dataclass(frozen=True, slots=True)
class Started:
    """The upstream's own name for the answer and the model, where it gives them."""

    id: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A task's state, as it happens. `text` is the line as the upstream wrote it; `percent` is 0 to 100."""

    stage: Literal["queued", "running", "done"]
    percent: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamNamed:
    """An id that the upstream gave: `task_id`, `gen_id`, `ig_id`, `response_id`, …"""

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What the upstream says that it will do: seed 001's JSON block. `gen_id` is what is being edited."""

    params: Mapping[str, Any]
    text: str = ""


@dataclass(frozen=True, slots=True)
class MediaProduced:
    """The upstream made media: its bytes are in `lifted` or have `arrived`, or are at `url`; only one of them.

    `poster` is a picture that only announces the video at `url`. `shown` is the text that stood in its place
    (`![alt](https://…)`), for the client when the URL can't be mirrored.
    """

    kind: MediaKind
    lifted: Lifted | None = None
    url: str | None = None
    alt: str = ""
    shown: str = ""
    poster: str | None = None
    in_text: bool = False
    arrived: Arrived | None = None


@dataclass(frozen=True, slots=True)
class PartialProduced:
    """An unfinished version of a picture: for clients that ask to see it, and never stored."""

    lifted: Lifted
    index: int = 0


@dataclass(frozen=True, slots=True)
class MediaStored:
    """Media whose bytes and row are durable: it may be linked to."""

    media: Media
    alt: str = ""
    in_text: bool = False
    """Whether it stood in the upstream's text, or beside it."""


@dataclass(frozen=True, slots=True)
class MediaLost:
    """Media that could not be kept: the client gets `shown`, and the reason in the `darkroom` field."""

    kind: MediaKind
    error: DarkroomError
    url: str | None = None
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Passthrough:
    """Fields that only a client of the same dialect can read: of the delta (`tool_calls`, `refusal`, `audio`), and
    of the choice around it (`logprobs`)."""

    delta: Mapping[str, Any]
    choice: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the upstream must be shown again with this turn (`reasoning_details`), merged by key into the replay."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ThreadNamed:
    """The upstream keeps this conversation, the answer included, under an id: the next turn can go on from it."""

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class UsageReported:
    """The upstream's own count, in OpenAI's shape."""

    usage: Mapping[str, Any]
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """The end. `whole`: the upstream said so, or its answer has a shape that shows it."""

    reason: str = "stop"
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    error: DarkroomError


Event = (
    Started
    | TextDelta
    | ReasoningDelta
    | Progress
    | UpstreamNamed
    | Planned
    | MediaProduced
    | PartialProduced
    | MediaStored
    | MediaLost
    | Passthrough
    | Remembered
    | ThreadNamed
    | UsageReported
    | Finished
    | Failed
)
