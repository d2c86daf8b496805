"""The transcript dialect: relays that answer an image or video request with a text that tells what they do.

    ```                                            a plan, as JSON: what will be made, and from which picture
    {"prompt": "…", "ratio": "1:1", "gen_id": "gen_…"}
    ```
    > ID: `task_…`                                 the task
    > 排队中.                                       stages and percentages; dots arrive one by one
    > 进度 44%.
    > gen_id: `gen_…`                              the new picture's id
    ![gen_…](https://…)                            the picture

The parts: `relay_vocabulary` (the words), `relay_plan`, `relay_lines`, `relay_shapes` and `relay_media` (what the
pieces mean), `relay_decoder` (a text that arrives), `relay_writer` (the other direction).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from darkroom.dialects.relay_decoder import TranscriptDecoder
from darkroom.dialects.relay_lines import classify
from darkroom.dialects.relay_writer import TranscriptWriter, language_of
from darkroom.events import Event, MediaProduced, Planned, Progress, ReasoningDelta, TextDelta, UpstreamNamed
from darkroom.lifted import Lifts
from darkroom.media import MediaKind

__all__ = [
    "Transcript",
    "TranscriptDecoder",
    "TranscriptWriter",
    "classify",
    "language_of",
    "merge",
    "read_transcript",
]


def merge(events: Iterable[Event]) -> list[Event]:
    """Join neighbouring deltas, and the progress events of one line: the same for every cut of the same text."""
    merged: list[Event] = []
    for event in events:
        joined = _join(merged[-1], event) if merged else None
        if joined is None:
            merged.append(event)
        else:
            merged[-1] = joined
    return merged


def _join(last: Event, event: Event) -> Event | None:
    if isinstance(last, TextDelta) and isinstance(event, TextDelta):
        return TextDelta(last.text + event.text)
    if isinstance(last, ReasoningDelta) and isinstance(event, ReasoningDelta):
        return ReasoningDelta(last.text + event.text)
    if isinstance(last, Progress) and isinstance(event, Progress) and last.text and last.text[-1] != "\n":
        percent = event.percent if last.percent is None else last.percent
        return replace(last, percent=percent, text=last.text + event.text)
    return None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a transcript in a history says. `edits` is the id of the picture that was edited, `media` the URLs, `said`
    the text that is no part of it."""

    prompt: str | None
    ratio: str | None
    edits: str | None
    task_id: str | None
    gen_id: str | None
    media: tuple[str, ...]
    params: dict[str, Any]
    said: str = ""


def read_transcript(text: str) -> Transcript | None:
    """Read a whole transcript; None when the text has no task, no gen id, and not both a plan and a picture."""
    decoder = TranscriptDecoder(Lifts(_Nowhere, "none"), frozenset({MediaKind.IMAGE, MediaKind.VIDEO}))
    events = [*decoder.decode(text), *decoder.flush()]
    names = {event.what: event.value for event in events if isinstance(event, UpstreamNamed)}
    media = tuple(event.url for event in events if isinstance(event, MediaProduced) and event.url)
    params = next((dict(event.params) for event in events if isinstance(event, Planned)), {})
    if not names and not (params and media):
        return None
    prompt = _string(params, "prompt") or _string(params, "user_prompt")
    ratio = _string(params, "ratio") or _string(params, "aspect_ratio")
    edits = _string(params, "gen_id")
    said = _without_plans("".join(event.text for event in events if isinstance(event, TextDelta)))
    return Transcript(prompt, ratio, edits, names.get("task_id"), names.get("gen_id"), media, params, said)


class _Nowhere:
    """A sink that keeps nothing."""

    def write(self, data: bytes | bytearray | memoryview) -> object:
        return len(data)

    def chunks(self) -> Iterator[bytes]:
        return iter(())

    def discard(self) -> None:
        pass


def _without_plans(text: str) -> str:
    """Leave out the plans that a transcript tells only when the work has begun, where the decoder expects none."""
    kept, at = [], 0
    while (start := text.find("```\n{\n", at)) >= 0 and (end := text.find("\n}\n```", start)) >= 0:
        kept.append(text[at:start])
        at = end + len("\n}\n```")
    return "".join([*kept, text[at:]])


def _string(params: Mapping[str, Any], key: str) -> str | None:
    value = params.get(key)
    return value if isinstance(value, str) else None
