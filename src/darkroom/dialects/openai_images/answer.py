"""Images API answers, read from upstreams: an SSE stream of partial and completed pictures, or one JSON object.

Strategy. Bytes go through the JSON lifter first, so what follows is small whatever was in it. A stream has one picture;
its last version may come before all of the unfinished ones, which are then of no use. Servers differ in how they give a
picture: `b64_json`, bare or as a data URI, or a `url` that may be relative.
Format: https://platform.openai.com/docs/api-reference/images/object
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from darkroom.codecs import data_uri
from darkroom.codecs.sse import Sse
from darkroom.dialects.framing import Framing
from darkroom.dialects.json_values import decode_object
from darkroom.dialects.openai_chat.failures import error_of
from darkroom.errors import UpstreamBroken
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaProduced,
    PartialProduced,
    Planned,
    UsageReported,
)
from darkroom.lifted import Lifted, Lifts, without_runs
from darkroom.media import MediaKind

_MOST = 16 * 1024 * 1024
_PLANNED = ("revised_prompt", "size", "quality", "background", "output_format")


class EventDecoder:
    """Bytes of an answer in, events out; the same however the bytes are cut."""

    def __init__(self, lifts: Lifts) -> None:
        self._lifts = lifts
        self._framing = Framing(lifts, _MOST)
        self._pictures = 0
        self._failed = False

    def decode(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Raises `UpstreamBroken` when they can't be an answer, `TooLarge` for large media."""
        return [event for frame in self._framing.decode(chunk) for event in self._event(frame)]

    def flush(self) -> list[Event]:
        """Take the end of the answer. Raises `UpstreamBroken` when it came before a picture."""
        events = [event for frame in self._framing.flush() for event in self._event(frame)]
        if self._framing.is_json:
            events += self._frame(self._framing.body)
        if self._failed:
            return events
        if not self._pictures:
            early = "the upstream's stream ended before its picture was completed"
            raise UpstreamBroken("the upstream's answer holds no picture" if self._framing.is_json else early)
        return [*events, Finished()]

    def _event(self, sse: Sse) -> list[Event]:
        if self._failed or not sse.data.strip() or sse.data.startswith(b"[DONE]"):
            return []
        return self._frame(sse.data, failed=sse.event == "error")

    def _frame(self, data: bytes, *, failed: bool = False) -> list[Event]:
        frame = decode_object(data)
        if failed or self._refuses(frame):
            self._failed = True
            return [Failed(error_of(without_runs(frame.get("error") or frame)))]
        kind = frame.get("type")
        return list(self._told(frame, kind if isinstance(kind, str) else ""))

    def _refuses(self, frame: Mapping[str, Any]) -> bool:
        """Tell a frame that says why there is no picture: some servers do with status 200, in whatever shape."""
        if frame.get("error") or frame.get("type") == "error":
            return True
        words = any(isinstance(frame.get(name), str) for name in ("message", "msg", "detail"))
        return not frame.get("type") and "data" not in frame and (words or bool(self._framing.is_json))

    def _told(self, frame: dict[str, Any], kind: str) -> Iterator[Event]:
        if kind.endswith(".partial_image"):
            yield from self._partial(frame)
        elif kind.endswith(".completed"):
            yield from self._made(frame, frame)
            yield from _usage(frame.get("usage"))
        elif "data" in frame:
            items = frame["data"] if isinstance(frame["data"], list) else []
            for item in items:
                yield from self._made(item if isinstance(item, dict) else {"url": item}, frame)
            yield from _usage(frame.get("usage"))

    def _partial(self, frame: Mapping[str, Any]) -> Iterator[Event]:
        text, index = frame.get("b64_json"), frame.get("partial_image_index")
        if not isinstance(text, str) or not text:
            return
        lifted = self._lift(text)
        if self._pictures or lifted.error is not None:
            lifted.discard()
        else:
            yield PartialProduced(lifted, index if type(index) is int else 0)

    def _made(self, item: Mapping[str, Any], frame: Mapping[str, Any]) -> Iterator[Event]:
        text, url = item.get("b64_json"), item.get("url")
        inline = text if isinstance(text, str) and text else url if _is_data(url) else None
        if inline is None and not (isinstance(url, str) and url):
            return  # A filter kept it back, or it is none.
        self._pictures += 1
        if planned := {name: value for name in _PLANNED if isinstance(value := item.get(name, frame.get(name)), str)}:
            yield Planned(self._lifts.restore(planned))
        if inline is not None:
            yield MediaProduced(MediaKind.IMAGE, lifted=self._lift(inline))
        else:
            yield MediaProduced(MediaKind.IMAGE, url=url, shown=url or "")

    def _lift(self, text: str) -> Lifted:
        return data_uri.lift_or_broken(text, self._lifts, data_uri.lift_any)


def _is_data(url: Any) -> bool:
    return isinstance(url, str) and data_uri.is_data_uri(url)


def _usage(value: Any) -> Iterator[UsageReported]:
    """Yield the upstream's count in the words of Chat Completions."""
    if not isinstance(value, Mapping):
        return
    read, written = _int(value, "input_tokens", "prompt_tokens"), _int(value, "output_tokens", "completion_tokens")
    if read is None or written is None or not read + written:
        return
    usage: dict[str, Any] = {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": _int(value, "total_tokens") or read + written,
    }
    for name, theirs in (("prompt", "input"), ("completion", "output")):
        details = value.get(f"{theirs}_tokens_details") or value.get(f"{name}_tokens_details")
        if isinstance(details, Mapping):
            usage[f"{name}_tokens_details"] = {key: item for key, item in details.items() if type(item) is int}
    yield UsageReported(usage)


def _int(value: Mapping[str, Any], *names: str) -> int | None:
    return next((value[name] for name in names if type(value.get(name)) is int), None)
