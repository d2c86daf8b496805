"""What the emulators of real APIs share: the painter behind them, which picture is meant, and what they were asked.

An emulator is strict: it refuses what the real API refuses, so that a wrong request fails the test that made it. It is
written for itself and not with the gateway's own codecs, so that a mistake in those can't agree with itself.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from darkroom import planner
from darkroom.sketch import Picture, compose, edit, film, paint
from darkroom.sketch.ancestry import open_picture

Fields = dict[str, Any]
Answer = Callable[[Request, str, Any], Awaitable[Response]]
"""An endpoint behind the door: the request, who asks, and the JSON of the body."""

MAX_REQUESTS = 400
_LONG = 200


class Refusal(Exception):
    """An answer that is no 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    @property
    def body(self) -> Fields:
        """The error in the form of the API that refuses."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came: the body's JSON with long strings hashed (`sha256:…` of their text), and its bytes."""

    method: str
    path: str
    body: Any
    size: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Notes:
    """What an emulator was asked, newest last."""

    requests: deque[Asked] = field(default_factory=lambda: deque(maxlen=MAX_REQUESTS))

    def note(self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
        """Record a request, and return its JSON; None for a body that is none."""
        try:
            value = json.loads(body) if body else None
        except ValueError:
            value = None
        self.requests.append(Asked(method, path, shortened(value), len(body), headers or {}))
        return value

    def endpoint(self, enter: Callable[[Request], str], answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """Return what notes a request, lets `enter` tell who asks, and answers; what either refuses is the answer."""

        async def endpoint(request: Request) -> Response:
            body = self.note(request.method, request.url.path, await request.body(), dict(request.headers))
            try:
                return await answer(request, enter(request), body)
            except Refusal as refusal:
                return JSONResponse(refusal.body, refusal.status)

        return endpoint

    def bodies(self, method: str, end: str) -> list[Any]:
        """Return the bodies of the requests whose path ends so, oldest first."""
        return [each.body for each in self.requests if each.method == method and each.path.endswith(end)]


def shortened(value: Any) -> Any:
    """Return JSON with its long strings as `sha256:` and the hash of the text."""
    match value:
        case str() if len(value) > _LONG:
            return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
        case dict():
            return {key: shortened(item) for key, item in value.items()}
        case list():
            return [shortened(item) for item in value]
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Remembered:
    """A picture that an emulator has seen or made, and the words that led to it."""

    data: bytes
    words: str
    id: str = ""


def draw(prompt: str, bases: Sequence[bytes], ratio: str = "1:1") -> Picture:
    """Paint, edit or compose; the PNG tells in its ancestry from which pictures (`sketch.read_ancestry`)."""
    if not bases:
        return paint(prompt, ratio=ratio)
    return edit(bases[0], prompt) if len(bases) == 1 else compose(list(bases), prompt, ratio=ratio)


def make_film(prompt: str, first: bytes | None = None) -> bytes:
    """Return a short MP4, which may begin with a picture."""
    return film(prompt, first=first).data


def meant(prompt: str, seen: Sequence[Remembered]) -> Remembered | None:
    """Return the picture that a prompt is about, of those that a model with a memory has seen, oldest first."""
    choice = planner.choose(prompt, [planner.Candidate(str(at), each.words) for at, each in enumerate(seen)])
    return None if choice is None else seen[int(choice.id)]


def described(pictures: Sequence[bytes]) -> str:
    """Return what a model says that can see: the sizes, in the order in which it was shown the pictures."""
    sizes = ["{}x{}".format(*open_picture(data).size) for data in pictures]
    return (
        f"I see {len(sizes)} picture{'s' if len(sizes) != 1 else ''}: {', '.join(sizes)}." if sizes else "I see none."
    )


def wants_words(prompt: str) -> bool:
    """Tell a question from an order to draw: what an emulator that can do both goes by."""
    lowered = prompt.lower()
    return any(word in lowered for word in ("describe", "what is", "what do you see", "描述", "是什么", "反推"))
