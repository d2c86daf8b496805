"""Rendering: an answer as bytes, with every picture's base64 put in without copying it more than once.

A skeleton (small JSON with marks) is cut at its marks; between the cuts stand the base64 bytes of the
pictures, spelled as the knobs say, each encoded once and shared by everything that shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pybase64

from darkroom.testing.forms import CLOSE, OPEN, Delta, Fields, Written

CREATED = 1_763_000_000
PIECE = 64 * 1024
_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")
_WRAP = 76


@dataclass(frozen=True, slots=True)
class Knobs:
    """How an answer is spelled and paced: the field `sketch` of a request.

    `chunk`: characters per delta for text with base64, 0 for one delta. `n`: pictures. `bytes`: about how
    large each is. `delay`: seconds before each line of progress. `escape`, `urlsafe`, `nopad`, `wrap`: other
    spellings of base64 and JSON.
    """

    chunk: int = 0
    n: int = 1
    bytes: int = 0
    delay: float = 0.0
    escape: bool = False
    urlsafe: bool = False
    nopad: bool = False
    wrap: bool = False
    terminator: Literal["done", "none", "escaped"] = "done"
    usage: bool | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes that are sent together; `pause` when time passes before them."""

    segments: tuple[bytes, ...]
    pause: bool = False


@dataclass(slots=True)
class Renderer:
    """Renders one answer. `blobs` are the pictures that the marks number."""

    model: str
    knobs: Knobs
    blobs: Sequence[bytes]
    usage: Fields | None = None
    _spelled: dict[int, str] = field(default_factory=dict)
    _escaped: dict[int, bytes] = field(default_factory=dict)

    def whole(self, written: Written) -> Iterator[bytes]:
        """Render an answer as one JSON document."""
        if written.error is not None:
            return iter(self._json({"error": written.error}))
        if written.raw:
            return iter(self._json(_joined(written.raw)))
        choice = {"index": 0, "message": written.message, "logprobs": None, "finish_reason": written.finish}
        return iter(self._json(self._envelope("chat.completion", [choice], self.usage)))

    def frames(self, written: Written) -> Iterator[Frame]:
        """Render an answer as server-sent events."""
        if written.comment:
            yield Frame((f": {written.comment}\n\n".encode(),))
        yield from self._raw(written) if written.raw else self._chunks(written)
        if self.usage is not None and not written.raw:
            yield self._frame(self._envelope("chat.completion.chunk", [], self.usage))
        if self.knobs.terminator != "none":
            yield Frame((b"data: [DONE]\n\n" if self.knobs.terminator == "done" else b"data: [DONE]\\n\\n",))

    def _raw(self, written: Written) -> Iterator[Frame]:
        return (self._frame(item) for item in written.raw)

    def _chunks(self, written: Written) -> Iterator[Frame]:
        yield self._chunk({"role": "assistant", "content": ""}, None)
        pieces = [piece for delta in written.deltas for piece in self._cut(delta)]
        for number, delta in enumerate(pieces):
            last = number == len(pieces) - 1 and written.finishes_with_last
            yield self._chunk(delta.fields, written.finish if last else None, pause=delta.pause)
        if written.error is not None:
            yield self._frame({"error": written.error})
        elif not written.finishes_with_last:
            yield self._chunk({}, written.finish)

    def _cut(self, delta: Delta) -> Iterator[Delta]:
        """Cut text that holds base64 into small deltas, if the knobs say so."""
        text = delta.fields.get("content")
        if not self.knobs.chunk or not isinstance(text, str) or not _MARK.search(text):
            yield delta
            return
        whole = _MARK.sub(lambda mark: self._spell(int(mark[1])), text)
        size = self.knobs.chunk
        for start in range(0, len(whole), size):
            yield Delta({"content": whole[start : start + size]}, pause=delta.pause and start == 0)
        rest = {key: value for key, value in delta.fields.items() if key != "content"}
        if rest:
            yield Delta(rest)

    def _chunk(self, delta: Any, finish: str | None, *, pause: bool = False) -> Frame:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return self._frame(self._envelope("chat.completion.chunk", [choice], None), pause=pause)

    def _frame(self, value: Fields, *, pause: bool = False) -> Frame:
        return Frame((b"data: ", *self._json(value), b"\n\n"), pause)

    def _envelope(self, kind: str, choices: list[Any], usage: Fields | None) -> Fields:
        envelope = {"id": "chatcmpl-sketch", "object": kind, "created": CREATED, "model": self.model}
        envelope |= {"choices": choices}
        return envelope if usage is None else {**envelope, "usage": usage}

    def _json(self, value: Fields) -> list[bytes]:
        """Write a value as JSON, in segments: the skeleton's, and the base64 of the pictures between them."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        segments = []
        for at, piece in enumerate(_MARK.split(text)):
            segments.append(self._bytes(int(piece)) if at % 2 else self._escape(piece).encode("utf-8", "replace"))
        return segments

    def _escape(self, text: str) -> str:
        """Escape what careful JSON writers escape; none of these characters stands outside a string."""
        if not self.knobs.escape:
            return text
        return text.replace("/", "\\/").replace("=", "\\u003d").replace("+", "\\u002b")

    def _bytes(self, number: int) -> bytes:
        if number not in self._escaped:
            self._escaped[number] = self._escape(self._spell(number).replace("\n", "\\n")).encode("ascii")
        return self._escaped[number]

    def _spell(self, number: int) -> str:
        """Return a picture's base64 in the alphabet, padding and lines that the knobs ask for."""
        if number not in self._spelled:
            encode = pybase64.urlsafe_b64encode if self.knobs.urlsafe else pybase64.b64encode
            text = encode(self.blobs[number]).decode("ascii")
            text = text.rstrip("=") if self.knobs.nopad else text
            if self.knobs.wrap:
                text = "\n".join(text[at : at + _WRAP] for at in range(0, len(text), _WRAP))
            self._spelled[number] = text
        return self._spelled[number]


def _joined(raw: tuple[Fields, ...]) -> Fields:
    """Join the chunks of a foreign dialect to its whole answer: the parts of all, the rest of the last."""
    whole: Fields = json.loads(json.dumps(raw[-1]))
    parts = [part for item in raw for part in item["candidates"][0]["content"]["parts"]]
    whole["candidates"][0]["content"]["parts"] = parts
    return whole


def coalesced(segments: Iterable[bytes]) -> Iterator[bytes]:
    """Regroup segments into pieces of 64 KiB: small ones joined, large ones sliced."""
    held = bytearray()
    for segment in segments:
        for start in range(0, len(segment), PIECE):
            held += segment[start : start + PIECE]
            if len(held) >= PIECE:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def knobs_from(value: object, *, strict: bool) -> Knobs:
    """Read the knobs of a request; unknown ones and wrong types raise `ValueError`."""
    if value is None:
        return Knobs(strict=strict)
    if not isinstance(value, dict):
        raise ValueError("sketch must be an object")
    allowed = {name: type(getattr(Knobs(), name)) for name in Knobs.__slots__}
    for name, given in value.items():
        if name not in allowed:
            raise ValueError(f"sketch has no knob {name!r}")
        wanted = (int, float) if name == "delay" else bool if name == "usage" else allowed[name]
        if not isinstance(given, wanted):
            raise ValueError(f"sketch.{name} has the wrong type")
    knobs = Knobs(**value)
    if knobs.terminator not in ("done", "none", "escaped"):
        raise ValueError("sketch.terminator is done, none or escaped")
    if not (knobs.chunk >= 0 and 1 <= knobs.n <= 10 and 0 <= knobs.bytes <= 1 << 28 and 0 <= knobs.delay <= 60):
        raise ValueError("a knob of sketch is out of range")
    return replace(knobs, strict=knobs.strict or strict)
