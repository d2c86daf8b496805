"""Data URIs and bare base64 as whole strings: https://www.rfc-editor.org/rfc/rfc2397

A payload may be raw, or a placeholder that a lifter left in its place, or pieces of both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import pybase64

from darkroom.errors import InvalidMedia
from darkroom.lifted import PLACEHOLDER, Lifted, Lifts, broken

_URI = re.compile(r"\s*data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE | re.ASCII)
_BASE64 = re.compile(r";\s*base64\s*\Z", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class DataUri:
    """What a data URI holds. `mime` is what it claims, in lower case and without parameters."""

    mime: str | None
    lifted: Lifted


def is_data_uri(text: str) -> bool:
    """Tell whether a string begins as a data URI does."""
    return text[:64].lstrip()[:5].lower() == "data:"


def parse(uri: str, lifts: Lifts) -> DataUri:
    """Read a data URI, base64 of any spelling or percent-encoded.

    The caller owns its run. Raises `InvalidMedia`.
    """
    match = _URI.match(uri)
    if match is None:
        raise InvalidMedia("a data URI can't be read: there is no comma before its data")
    mime = match[1].strip().lower() or None
    payload = uri[match.end() :]
    if not _BASE64.search(match[2]):
        return DataUri(mime, _checked(_lift_text(payload, lifts), "a data URI"))
    if "%" in payload:
        payload = _unquote(payload)
    return DataUri(mime, _checked(_lift(payload, lifts), "a data URI"))


def lift_base64(text: str, lifts: Lifts) -> Lifted:
    """Read a string that is base64 and nothing else; the caller owns the run. Raises `InvalidMedia`."""
    return _checked(_lift(text, lifts), "a base64 string")


def lift_any(text: str, lifts: Lifts) -> Lifted:
    """Read base64, bare or in a data URI; the caller owns the run. Raises `InvalidMedia`."""
    return parse(text, lifts).lifted if is_data_uri(text) else lift_base64(text, lifts)


def lift_or_broken(text: str, lifts: Lifts, lift: Callable[[str, Lifts], Lifted] = lift_base64) -> Lifted:
    """Read base64 with `lift`; what it can't read is a run that says why."""
    try:
        return lift(text, lifts)
    except InvalidMedia as error:
        return broken(lifts, error.message)


def drop(text: object, lifts: Lifts) -> None:
    """Let go of the bytes of media that nobody wants."""
    if isinstance(text, str) and lifts.find(text):
        with suppress(InvalidMedia):
            lift_base64(text, lifts).discard()


def prefix(mime: str) -> str:
    """Return what stands before the base64: `data:image/png;base64,`."""
    return f"data:{mime};base64,"


def encode(mime: str, data: bytes) -> str:
    """Return bytes as a data URI."""
    return prefix(mime) + pybase64.b64encode(data).decode("ascii")


def _lift(text: str, lifts: Lifts) -> Lifted:
    """Put raw pieces and placeholders together in one run, and finish it."""
    run: Lifted | None = None
    position = 0
    for match in PLACEHOLDER.finditer(text) if "\x1a" in text else ():
        lifted = lifts.get(match[0])
        if lifted is None or lifted is run:
            continue  # it stays in the text, where it breaks the base64
        raw, position = text[position : match.start()], match.end()
        if run is None and not raw:
            run = lifted
            continue
        run = run or lifts.open()
        _feed(run, raw)
        lifts.append(run, match[0])
    run = run or lifts.open()
    _feed(run, text[position:])
    return lifts.take(run.placeholder)


def _feed(run: Lifted, raw: str) -> None:
    if raw:
        run.feed(raw.encode("utf-8", "replace"))


def _lift_text(text: str, lifts: Lifts) -> Lifted:
    """Put percent-encoded data in a run, by way of base64."""
    data = unquote_to_bytes(lifts.restore(text))
    run = lifts.open()
    run.feed(pybase64.b64encode(data))
    return lifts.take(run.placeholder)


def _unquote(text: str) -> str:
    """Undo percent-encoding of base64; what is not ASCII then breaks it, as it should."""
    return unquote_to_bytes(text).decode("utf-8", "replace")


def _checked(lifted: Lifted, what: str) -> Lifted:
    if lifted.error is not None:
        lifted.discard()
        raise InvalidMedia(f"{what} can't be read: {lifted.error}")
    if not lifted.size:
        lifted.discard()
        raise InvalidMedia(f"{what} is empty")
    return lifted
