"""Writes a transcript as the relays do: the text that `relay_text` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from darkroom.dialects.relay_vocabulary import QUOTE_COLON, WORDS, Idea, Language
from darkroom.events import Progress

_HAN_OR_KANA = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def language_of(text: str) -> Language:
    """Return the language in which a transcript answers a prompt: Chinese for Han or kana, else English."""
    return "zh" if _HAN_OR_KANA.search(text) else "en"


class TranscriptWriter:
    """Writes the pieces of one transcript; what its methods return, in order, is the text.

    A line of progress is left open, so that dots can follow: the same state again is one more dot. Progress that
    comes with its own text is written with that text.
    """

    def __init__(self, language: Language) -> None:
        self._language: Language = language
        self._open: Progress | None = None
        self._loose = False

    def plan(self, params: Mapping[str, Any]) -> str:
        """Return the JSON block that says what will be made."""
        block = json.dumps(dict(params), ensure_ascii=False, indent=2)
        return f"{self.close()}```\n{block}\n```\n\n\n\n"

    def task(self, id: str) -> str:
        return f"{self.close()}> ID: `{id}`\n"

    def progress(self, event: Progress) -> str:
        """Return a new line, or what is added to the line that is open."""
        if event.text:
            return self._verbatim(event)
        if event.stage == "done":
            return f"{self.close()}> {self._word('done')} ✅\n"
        if self._open == event:
            return "."
        closed = self.close()
        self._open = event
        if event.percent is not None:
            return f"{closed}> {self._word('percent')} {event.percent}%."
        return f"{closed}> {self._word('queued' if event.stage == 'queued' else 'running')}."

    def generation(self, id: str) -> str:
        return f"{self.close()}\n> gen_id: `{id}`\n"

    def picture(self, alt: str, url: str) -> str:
        return f"{self.close()}\n![{alt}]({url})"

    def video(self, alt: str, url: str, poster: str | None = None) -> str:
        """Return a link to play a video, behind the picture that announces it; `alt` names that picture."""
        return f"{self.close()}\n![{alt}]({poster or 'poster.webp'})\n\n[{self._word('play')}▶️]({url})"

    def failed(self, reason: str) -> str:
        """Return the lines of a failure; `reason` in one line."""
        words = " ".join(reason.split())
        colon = QUOTE_COLON[self._language]
        return f"{self.close()}> {self._word('failed')} ❌\n{self._word('reason')}{colon}{words}\n"

    def _verbatim(self, event: Progress) -> str:
        goes_on = self._loose
        closed = "" if goes_on else self.close()
        self._open = None
        self._loose = not event.text.endswith("\n")
        return closed + event.text

    def close(self) -> str:
        """Return what ends the line that is open, if one is."""
        closed = "\n" if self._open or self._loose else ""
        self._open, self._loose = None, False
        return closed

    def _word(self, idea: Idea) -> str:
        return WORDS[idea][self._language][0]
