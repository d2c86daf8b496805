"""What goes over a wire for work that takes minutes: a request that names the job, questions how it is, its result.

Pure: a `JobWire` writes requests and reads answers. Who sends them, when, and what becomes of a crash in between is
`darkroom.jobs`. Every function is handed the `Target`, since relays differ in paths and words: those are rows, in the
provider's `options` and the model's profile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from darkroom.dialects.wire import ErrorDecoder, UpstreamRequest
from darkroom.errors import DarkroomError
from darkroom.generation import InputRole
from darkroom.lifted import Lifted, Lifts
from darkroom.media import Media, MediaKind
from darkroom.providers import Target

Stage = Literal["queued", "running", "completed", "failed", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class Given:
    """Media that a film is made from.

    `url` is set where the profile takes links: then that goes along, and else the bytes. `upstream_id` is what this
    very upstream called the generation that made it, for a remix.
    """

    role: InputRole
    media: Media
    url: str | None = None
    upstream_id: str | None = None


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What is asked for. `params` are the client's fields in the words of its `dialect`; `key` stays the same however
    often the same job is submitted."""

    prompt: str
    params: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[Given, ...] = ()
    dialect: str = "openai-videos"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """Something that was made: its bytes in `lifted`, or where they are: a path below the provider's base URL, or a
    whole URL. Only an address of the provider's own origin is shown the key."""

    kind: MediaKind = MediaKind.VIDEO
    url: str | None = None
    lifted: Lifted | None = None


@dataclass(frozen=True, slots=True)
class JobReport:
    """What an upstream says of a job. `expires` in Unix ms: until then it has the result."""

    stage: Stage
    id: str | None = None
    percent: int | None = None
    products: tuple[Product, ...] = ()
    error: DarkroomError | None = None
    """Why, where the stage is `failed`."""
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A job in the list that an upstream keeps. `created` in Unix ms."""

    id: str
    prompt: str | None
    model: str | None
    created: int | None


@dataclass(frozen=True, slots=True)
class JobWire:
    """One dialect's way with long work.

    `submit` writes the request that begins (and costs), `submitted` reads its answer: a JSON body whose base64 is in
    the lifts. `look` asks how the job with this upstream id is, `looked` reads that. `cancel` asks to stop it,
    `deletion` is the path to DELETE when it is no longer needed; None where there is no such thing. `listing`, whose
    pages begin behind the job that they are told, and `listed` find a job, newest first, whose submission was cut off
    before its id was known; with `idempotent` the same
    `JobRequest.key` twice is one job.
    """

    submit: Callable[[JobRequest, Target], UpstreamRequest]
    submitted: Callable[[bytes, Lifts, Target], JobReport]
    look: Callable[[str, Target], UpstreamRequest]
    looked: Callable[[bytes, Lifts, Target], JobReport]
    error: ErrorDecoder
    cancel: Callable[[str, Target], UpstreamRequest | None] = lambda name, target: None
    deletion: Callable[[str, Target], str | None] = lambda name, target: None
    listing: Callable[[Target, str | None], UpstreamRequest | None] = lambda target, after: None
    listed: Callable[[bytes, Target], Sequence[Listed]] = lambda body, target: ()
    idempotent: Callable[[Target], bool] = lambda target: False
