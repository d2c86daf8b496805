"""What a model says, looked through for media: the one stage that every answer's text goes through.

Other events pass as they are. The end of the answer lets go of text that was held back because it could have been the
start of a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from darkroom.codecs.text_lift import TextLifter
from darkroom.dialects.relay_lines import What, judge_plain
from darkroom.dialects.relay_text import TranscriptDecoder
from darkroom.events import Event, Finished, MediaProduced, Progress, ReasoningDelta, TextDelta
from darkroom.lifted import Lifts, without_runs
from darkroom.media import MediaKind


class MediaText:
    """Events in, events out, with the media in their text as `MediaProduced`."""

    def __init__(self, lifts: Lifts, makes: frozenset[MediaKind]) -> None:
        self._makes = makes
        self._lifter = TextLifter(lifts)
        self._thoughts = TextLifter(lifts)
        self._transcript = TranscriptDecoder(lifts, makes)
        self.raw: list[str] = []
        """The text as the upstream wrote it, its base64 as placeholders: what a relay wants to be shown again."""

    def decode(self, events: Iterable[Event]) -> Iterator[Event]:
        """Take the next events."""
        for event in events:
            match event:
                case TextDelta(text):
                    yield from self._text(self._lifter.decode(text))
                case ReasoningDelta(text):
                    yield from self._reasoning(self._thoughts.decode(text))
                case MediaProduced():
                    yield from self._text(self._lifter.flush())
                    yield from map(_in_text, self._transcript.pause())
                    yield event
                case Finished():
                    yield from self.flush()
                    yield event
                case _:
                    yield event

    def flush(self) -> Iterator[Event]:
        """Take the end."""
        yield from self._reasoning(self._thoughts.flush())
        yield from self._text(self._lifter.flush())
        yield from map(_in_text, self._transcript.flush())

    def _reasoning(self, text: str) -> Iterator[Event]:
        """Pass reasoning without its pictures: they are drafts."""
        if text:
            yield ReasoningDelta(without_runs(text))
            yield from _told(text) if self._makes else ()

    def _text(self, text: str) -> Iterator[Event]:
        if text:
            self.raw.append(text)
            yield from map(_in_text, self._transcript.decode(text))


def _told(text: str) -> Iterator[Event]:
    """Yield the progress that a relay tells in its reasoning (`**Video Generation Progress**: 40%`)."""
    for line in text.splitlines():
        judgement = judge_plain(line.strip(), ended=True, waiting=False)
        if judgement.what is What.STAGE and judgement.percent is not None:
            yield Progress(judgement.stage, judgement.percent)


def _in_text(event: Event) -> Event:
    return replace(event, in_text=True) if isinstance(event, MediaProduced) else event
