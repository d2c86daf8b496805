"""Bodies of `multipart/form-data`, read as they arrive: a file goes to its spool, a field into memory.

Format: https://www.rfc-editor.org/rfc/rfc7578
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from darkroom.endpoints.body import arriving
from darkroom.errors import MalformedRequest, TooLarge
from darkroom.filing import Incoming
from darkroom.media import Arrived
from darkroom.settings import Limits
from darkroom.spool import Spool


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form: the field's name, what the client calls it, and its bytes, which the caller discards."""

    name: str
    filename: str
    data: Arrived


@dataclass(frozen=True, slots=True)
class Form:
    """A form: the last value of each field, and the files in the order in which they came."""

    fields: Mapping[str, str]
    files: tuple[FormFile, ...]

    def discard(self) -> None:
        """Let go of the files' bytes; idempotent."""
        for file in self.files:
            file.data.sink.discard()


async def read_form(request: Request, new_spool: Callable[[], Spool], limits: Limits) -> Form:
    """Read a form. Raises `MalformedRequest`, and `TooLarge` before it is read whole."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise MalformedRequest("the body must be multipart/form-data with a boundary")
    reader = _Reader(new_spool, limits)
    received = 0
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        async with aclosing(arriving(request)) as chunks:
            async for chunk in chunks:
                received += len(chunk)
                if received > limits.body:
                    raise TooLarge(f"the body is larger than {limits.body} bytes")
                parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        reader.discard()
        raise MalformedRequest(f"the form can't be read: {error}") from None
    except BaseException:
        reader.discard()
        raise
    if not reader.ended:
        reader.discard()
        raise MalformedRequest("the form ends before its last boundary")
    return Form(reader.fields, tuple(reader.files))


@dataclass(slots=True)
class _Reader:
    """What the parser calls. One part is open at a time."""

    new_spool: Callable[[], Spool]
    limits: Limits
    fields: dict[str, str] = field(default_factory=dict)
    files: list[FormFile] = field(default_factory=list)
    ended: bool = False
    _parts: int = 0
    _text: int = 0
    _header: bytes = b""
    _value: bytes = b""
    _disposition: bytes = b""
    _name: str = ""
    _filename: str | None = None
    _field: bytearray = field(default_factory=bytearray)
    _incoming: Incoming | None = None

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._close,
            "on_end": self._end,
        }

    def discard(self) -> None:
        if self._incoming is not None:
            self._incoming.spool.discard()
        for file in self.files:
            file.data.sink.discard()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > self.limits.parts:
            raise TooLarge(f"the form has more than {self.limits.parts} parts")
        self._disposition = b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name")
        if name is None:
            raise MalformedRequest("a part of the form has no name")
        filename = options.get(b"filename")
        self._name = name.decode("utf-8", "replace")
        self._filename = None if filename is None else filename.decode("utf-8", "replace")
        self._field = bytearray()
        self._incoming = None if filename is None else Incoming(self.new_spool(), self.limits.media)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._incoming is not None:
            self._incoming.write(data[start:end])
            return
        self._text += end - start
        if self._text > self.limits.text:
            raise TooLarge(f"the form's fields are larger than {self.limits.text} bytes")
        self._field += data[start:end]

    def _close(self) -> None:
        if self._incoming is not None:
            self.files.append(FormFile(self._name, self._filename or "", self._incoming.arrived()))
            self._incoming = None
        else:
            self.fields[self._name] = self._field.decode("utf-8", "replace")

    def _end(self) -> None:
        self.ended = True
