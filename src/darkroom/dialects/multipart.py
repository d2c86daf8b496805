"""Bodies of `multipart/form-data`, written: fields, and files that are streamed from the store while they are sent.

A file's name is made up of its field's: what a client called it is nobody else's business, and needs no escaping.
Format: https://www.rfc-editor.org/rfc/rfc7578, names escaped as https://html.spec.whatwg.org/#multipart-form-data says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from darkroom.dialects.wire import Base64Again, BytesOf, Piece
from darkroom.media import Media

_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class FormFile:
    """Media as a file of a form, in the field `name`."""

    name: str
    media: Media


@dataclass(frozen=True, slots=True)
class FormText:
    """A field whose text is written while it is sent: JSON with media in it."""

    name: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A body, and the `content-type` that it must be sent with."""

    pieces: tuple[Piece, ...]
    content_type: str


def form(fields: Mapping[str, Any], files: Sequence[FormFile | FormText]) -> Form:
    """Return a form. Values are JSON's: tables become `name[key]`, lists `name[]`, and null is left out."""
    flat = [pair for name, value in fields.items() for pair in _flat(name, value)]
    # Made of the hashes of all that stands in the form, so nothing in it can have been written to hold it.
    known = msgspec.json.encode([flat, [[file.name, *_known(file)] for file in files]])
    boundary = f"darkroom-{sha256(known).hexdigest()[:40]}"
    pieces: list[Piece] = []
    for name, text in flat:
        pieces.append(f"{_head(boundary, name)}\r\n\r\n{text}\r\n".encode())
    for number, file in enumerate(files):
        if isinstance(file, FormText):
            pieces += [f"{_head(boundary, file.name)}\r\n\r\n".encode(), *file.pieces, b"\r\n"]
            continue
        stem = file.name.translate(str.maketrans("", "", '[]"\\/\r\n'))
        named = f'; filename="{stem}-{number}.{file.media.extension}"\r\ncontent-type: {file.media.mime}'
        pieces += [f"{_head(boundary, file.name)}{named}\r\n\r\n".encode(), BytesOf(file.media), b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return Form(tuple(pieces), f"multipart/form-data; boundary={boundary}")


def _known(file: FormFile | FormText) -> list[str]:
    """Return what tells a part from any other."""
    if isinstance(file, FormFile):
        return [file.media.blob]
    return [repr(piece) if isinstance(piece, bytes | Base64Again) else piece.media.blob for piece in file.pieces]


def _head(boundary: str, name: str) -> str:
    return f'--{boundary}\r\ncontent-disposition: form-data; name="{name.translate(_ESCAPES)}"'


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case bool():
            yield name, "true" if value else "false"
        case Mapping():
            for key, item in value.items():
                yield from _flat(f"{name}[{key}]", item)
        case list() | tuple():
            for item in value:
                yield from _flat(f"{name}[]", item)
        case _:
            yield name, str(value)
