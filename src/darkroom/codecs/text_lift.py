"""Lift the payloads of data URIs, and of `"b64_json": "…"`, out of text that comes in pieces of any size.

Strategy. Outside of a data URI, text passes at once, save an end that may be the start of
`data:type/subtype;base64,`; such a start is short, so little is ever held. (The JSON of an image API that leaked into
chat begins its payload with `"b64_json": "` instead.) Behind it comes the payload: base64 characters go to a run as
they come, and nothing is put out until the first character that can't be in it; then the start and the placeholder are.

A payload may also hold placeholders, where `json_lift` was there first. The first one's run is continued; a
later one is fed to it, since relays send one picture in many deltas, some of them long enough to be lifted on
their own.

Whitespace belongs to the payload where base64 goes on behind it, and stays in the text where it does not.
Behind a URI in brackets or quotes that is all; behind a bare one, words may follow, so there it takes a
line's worth of base64 (`_MIN_LINE`), a padded piece, or a last line.
"""

from __future__ import annotations

import re

from darkroom.lifted import PLACEHOLDER, Lifted, Lifts

_NAME = r"[a-z0-9!#$&^_.+*-]"
_JSON_HEAD = '"b64_json"'
_HEAD = re.compile(
    rf"{_JSON_HEAD}[ \t]{{0,4}}:[ \t]{{0,4}}\""
    rf"|data:{_NAME}{{1,64}}/{_NAME}{{1,100}}(?:;{_NAME}{{1,40}}=[^\s;,()<>\x1a]{{0,80}}){{0,4}};base64,",
    re.ASCII | re.IGNORECASE,
)
_MAX_HEAD = 5 + 64 + 1 + 100 + 4 * 122 + 8
_JSON_START = "|".join(re.escape(_JSON_HEAD[:length]) for length in range(1, len(_JSON_HEAD)))
_MAY_BE_HEAD = re.compile(
    rf"(?:d(?:a(?:t(?:a(?::[^\s,()<>\x1a]{{0,{_MAX_HEAD}}})?)?)?)?"
    rf"|{_JSON_HEAD}[ \t]{{0,4}}(?::[ \t]{{0,4}})?|{_JSON_START})\Z",
    re.IGNORECASE | re.ASCII,
)
_CHARS = re.compile(r"[A-Za-z0-9+/_-]*+")
_LINES = re.compile(r"[A-Za-z0-9+/_-]*+(?>(?:[ \t\r\n]{1,64}+[A-Za-z0-9+/_-]++)*)")
_SPACES = re.compile(r"[ \t\r\n]{1,64}")
_MIN_LINE = 32
_OPENERS = tuple("([<{\"'`")


class TextLifter:
    """A filter over text deltas, which puts a placeholder for the payload of each data URI."""

    def __init__(self, lifts: Lifts) -> None:
        self._lifts = lifts
        self._held = ""
        self._head = ""  # the start of the data URI that is open
        self._run: Lifted | None = None
        self._last = ""  # the character before what is held
        self._enclosed = False

    def decode(self, text: str) -> str:
        """Return what is certain after this delta. Raises `TooLarge` when a payload is over the limit."""
        if not text:
            return ""
        if not self._held:
            if self._head:
                if self._feed_at_once(text):
                    return ""
            elif ":" not in text and '"' not in text and text[-1] not in "dDaAtT":
                self._last = text[-1]
                return text
        return self._read(self._held + text, final=False)

    def flush(self) -> str:
        """Return what was held back, and end the text."""
        return self._read(self._held, final=True)

    def _read(self, data: str, final: bool) -> str:
        self._held = ""
        out: list[str] = []
        at = 0
        while at < len(data):
            at = self._inside(data, at, final, out) if self._head else self._outside(data, at, final, out)
        if final and self._head:
            self._close(out)
        return "".join(out)

    def _outside(self, data: str, at: int, final: bool, out: list[str]) -> int:
        """Pass text on up to the next data URI, or to what may be the start of one."""
        # Far faster than the search that ignores case.
        plain = at == 0 and "data:" not in (lowered := data.lower()) and _JSON_HEAD not in lowered
        head = None if plain else _HEAD.search(data, at)
        if head is not None:
            self._pass(data[at : head.start()], out)
            self._enclosed = self._last in _OPENERS
            self._head = head[0]
            return head.end()
        start = None if final else _MAY_BE_HEAD.search(data, max(at, len(data) - _MAX_HEAD))
        stop = start.start() if start else len(data)
        self._pass(data[at:stop], out)
        self._held = data[stop:]
        return len(data)

    def _pass(self, text: str, out: list[str]) -> None:
        if text:
            self._last = text[-1]
            out.append(text)

    def _inside(self, data: str, at: int, final: bool, out: list[str]) -> int:
        """Take the payload as far as it goes; close the data URI where it ends."""
        while at < len(data):
            stop = self._piece(data, at, final)
            if stop is None:
                self._held = data[at:]
                return len(data)
            if stop == at:
                self._close(out)
                return at
            at = stop
        return at

    def _piece(self, data: str, at: int, final: bool) -> int | None:
        """Take a piece of payload and return its end; `at` when there is none, None when more must be seen."""
        padding = self._run.padding if self._run is not None else 0
        if data[at] == "=":
            return self._pad(data, at, padding)
        if padding:
            return at
        if data[at] == "\x1a":
            return self._join(data, at, final)
        if space := _SPACES.match(data, at):
            goes_on = self._goes_on(data, space.end(), final, "\n" in space[0])
            if goes_on:
                self._feed(space[0])
                return space.end()
            return None if goes_on is None else at
        stop = _stop(_LINES if self._enclosed else _CHARS, data, at)
        if stop > at:
            self._feed(data[at:stop])
        return stop

    def _pad(self, data: str, at: int, padding: int) -> int:
        if self._run is None or padding == 2:
            return at
        self._feed("=")
        return at + 1

    def _join(self, data: str, at: int, final: bool) -> int | None:
        """Continue the run of a placeholder, or append it to the open run."""
        match = PLACEHOLDER.match(data, at)
        if match is None:
            return None if not final and self._may_be_placeholder(data[at:]) else at
        lifted = self._lifts.get(match[0])
        if lifted is None or lifted is self._run:
            return at
        if self._run is None:
            self._run = lifted
        else:
            self._lifts.append(self._run, match[0])
        return match.end()

    def _may_be_placeholder(self, text: str) -> bool:
        prefix = self._lifts.prefix
        if not text.startswith(prefix):
            return prefix.startswith(text)
        return re.fullmatch(r"[0-9]{0,9}", text[len(prefix) :]) is not None

    def _goes_on(self, data: str, at: int, final: bool, broken: bool) -> bool | None:
        """Tell whether the payload goes on behind whitespace; None when more must be seen."""
        unknown = None if not final else False
        if at == len(data):
            return unknown
        if data[at] == "\x1a":
            match = PLACEHOLDER.match(data, at)
            if match is not None:
                return self._lifts.get(match[0]) is not None
            return unknown if self._may_be_placeholder(data[at:]) else False
        stop = _stop(_CHARS, data, at)
        if stop == at or self._enclosed or stop - at >= _MIN_LINE:
            return stop > at
        if stop == len(data):
            return broken if final else None
        return data[stop] in "=\x1a"

    def _feed_at_once(self, text: str) -> bool:
        """Take a delta that is payload from end to end, as nearly all are; else nothing, and return False."""
        if self._run is None or not text.isascii() or text[-1] == "=":
            return False
        return self._run.feed_plain(text.encode("ascii"))

    def _feed(self, chars: str) -> None:
        if self._run is None:
            self._run = self._lifts.open()
        self._run.feed(chars.encode("ascii"))

    def _close(self, out: list[str]) -> None:
        out.append(self._head if self._run is None else self._head + self._run.placeholder)
        self._head = ""
        self._run = None
        self._last = ""


def _stop(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
