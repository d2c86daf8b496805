"""Answers of `streamAssist`: a JSON array of chunks, read one by one as they arrive; the same however they are cut.

Strategy. Bytes go through the JSON lifter first, so that an element is small whatever is in it. Each chunk is an
`AssistResponse` with the replies that are new. What was made comes as the id of a file of the session, which is
downloaded by whoever asked: its event has the path of the download. Thoughts are reasoning, and their pictures are
nobody's.
Format: `AssistAnswer` in google.cloud.discoveryengine.v1, and
https://cloud.google.com/gemini/enterprise/docs/reference/rest/v1alpha/projects.locations.collections.engines.assistants/streamAssist
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from darkroom.codecs import data_uri
from darkroom.codecs.json_lift import JsonLifter
from darkroom.dialects.gemini_enterprise.array import ArrayDecoder
from darkroom.dialects.gemini_enterprise.failures import ended, read_error
from darkroom.dialects.gemini_enterprise.request import download_path
from darkroom.dialects.json_values import listed, string, table
from darkroom.errors import DarkroomError, UpstreamBroken
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaProduced,
    ReasoningDelta,
    Started,
    TextDelta,
    UpstreamNamed,
)
from darkroom.lifted import Lifts, without_runs
from darkroom.media import EXTENSIONS, kind_of

FILE_ID = "file_id"
"""The kind of upstream id that names what was made, in its session."""

_MAX_CHUNK = 64 * 1024 * 1024
_decode = msgspec.json.Decoder().decode


class EventDecoder:
    """Bytes of an answer in, events out. `session` is the path of the session that is asked."""

    def __init__(self, lifts: Lifts, session: str, model: str | None = None) -> None:
        self._lifts = lifts
        self._session = session
        self._model = model
        self._lifter = JsonLifter(lifts)
        self._array = ArrayDecoder(_MAX_CHUNK)
        self._token: str | None = None
        self._begun = False
        self._failed = False
        self._state = ""
        self._reasons: list[Any] = []
        self._files: set[str] = set()

    def decode(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Raises `UpstreamBroken` when they can't be an answer, `TooLarge` for large media."""
        return self._read(self._lifter.decode(chunk))

    def flush(self) -> list[Event]:
        """Take the end of the answer. Raises `UpstreamBroken` when it is none, or ends in the middle of a chunk."""
        events = self._read(self._lifter.flush())
        self._array.flush()
        return [*events, *([] if self._failed else self._told(self._ending()))]

    def _read(self, skeleton: bytes) -> list[Event]:
        return [event for chunk in self._array.decode(skeleton) for event in self._chunk(chunk)]

    def _chunk(self, data: bytes) -> list[Event]:
        if self._failed:
            return []
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamBroken("the upstream's answer is not JSON") from None
        if chunk.get("error"):
            return self._fail(read_error(without_runs(chunk)))
        answer = table(chunk.get("answer"))
        self._token = self._token or string(chunk.get("assistToken"))
        self._state = string(answer.get("state")) or self._state
        self._reasons += listed(answer.get("assistSkippedReasons"))
        return self._told([event for reply in listed(answer.get("replies")) for event in self._reply(table(reply))])

    def _told(self, events: list[Event]) -> list[Event]:
        """Put `Started` before the first event: until then nothing is told, and another attempt may be made."""
        if not events or self._begun:
            return events
        self._begun = True
        return [Started(self._token, self._model), *events]

    def _fail(self, error: DarkroomError) -> list[Event]:
        self._failed = True
        return [Failed(error)]

    def _ending(self) -> list[Event]:
        error = ended(self._state, self._reasons)
        if error is not None:
            return [Failed(error)]
        return [Finished("stop", whole=self._state == "SUCCEEDED" or self._array.closed)]

    def _reply(self, reply: Mapping[str, Any]) -> Iterator[Event]:
        content = table(table(reply.get("groundedContent")).get("content"))
        if content.get("thought") is True:
            yield from self._thought(content)
            return
        if text := string(content.get("text")):
            yield TextDelta(text)
        if isinstance(inline := content.get("inlineData"), dict):
            yield self._inline(inline)
        if isinstance(file := content.get("file"), dict):
            yield from self._file(file)
        yield from _code(self._lifts.restore({key: content.get(key) for key in _CODE}))

    def _thought(self, content: Mapping[str, Any]) -> Iterator[Event]:
        if text := string(content.get("text")):
            yield ReasoningDelta(self._lifts.restore(text))
        data_uri.drop(table(content.get("inlineData")).get("data"), self._lifts)

    def _inline(self, inline: Mapping[str, Any]) -> MediaProduced:
        lifted = data_uri.lift_or_broken(string(inline.get("data")) or "", self._lifts)
        return MediaProduced(kind_of(string(inline.get("mimeType")) or "image/png"), lifted=lifted)

    def _file(self, file: Mapping[str, Any]) -> Iterator[Event]:
        id, mime = string(file.get("fileId")), string(file.get("mimeType")) or "image/png"
        if id is None or id in self._files:
            return
        self._files.add(id)
        if mime not in EXTENSIONS:  # A table or a text that it wrote is nothing that Darkroom keeps.
            yield TextDelta(f"[file {id}, {mime}]")
            return
        yield UpstreamNamed(FILE_ID, id)
        yield MediaProduced(kind_of(mime), url=download_path(self._session, id))


_CODE = ("executableCode", "codeExecutionResult")


def _code(content: Mapping[str, Any]) -> Iterator[Event]:
    """What the model ran to find its answer is part of its reasoning."""
    ran, result = (table(content.get(key)) for key in _CODE)
    for words in (ran.get("code"), result.get("output")):
        if isinstance(words, str) and words:
            yield ReasoningDelta(f"\n```\n{words}\n```\n")
