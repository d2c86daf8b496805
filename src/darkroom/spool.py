"""Spools: where bytes wait between their arrival and the store, in memory while few, in a file when many."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from darkroom.errors import StorageFailed

MEMORY_LIMIT = 256 * 1024
"""Bytes that a spool keeps in memory."""

CHUNK = 192 * 1024
"""Bytes per piece of `chunks`; divisible by three, so that each piece is whole quanta of base64."""

_WRITE_BUFFER = 64 * 1024
_SUFFIX = ".part"


class Spool:
    """A `media.Sink`: append bytes, read them back, let go.

    A spool that nobody holds any more discards itself.
    `path` is the file, or None while everything is in memory. Failures of the disk are `StorageFailed`.
    """

    __slots__ = ("_directory", "_file", "_limit", "_memory", "_open", "path", "size")

    def __init__(self, directory: Path, memory_limit: int = MEMORY_LIMIT) -> None:
        self._directory = directory
        self._limit = memory_limit
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        self._open = True
        self.path: Path | None = None
        self.size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes; `ValueError` after `seal` or `discard`."""
        if not self._open:
            raise ValueError("write to a spool that takes no more")
        try:
            self._append(data)
        except OSError as error:
            raise StorageFailed("the disk did not take the bytes of the media") from error
        self.size += len(data)

    def chunks(self) -> Iterator[bytes]:
        """Yield what was written so far, from the start, in pieces of `CHUNK` bytes."""
        with self.open() as source:
            while piece := source.read(CHUNK):
                yield piece

    def open(self) -> BinaryIO:
        """Return what was written so far as a file to read and seek in; the caller closes it."""
        if self.path is None:
            return io.BytesIO(bytes(self._memory))
        try:
            self._flush()
            return self.path.open("rb", buffering=0)
        except OSError as error:
            raise StorageFailed("the media's temporary file is gone or can't be read") from error

    def seal(self) -> None:
        """Take no more bytes; from here on the file, if there is one, is complete and may be linked to."""
        self._open = False
        try:
            self._close()
        except OSError as error:
            raise StorageFailed("the disk did not take the bytes of the media") from error

    def discard(self) -> None:
        """Let go of the bytes and remove the file; idempotent."""
        self._open = False
        self._memory = bytearray()
        with suppress(OSError):
            self._close()
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()

    def __del__(self) -> None:
        self.discard()

    def _append(self, data: bytes | bytearray | memoryview) -> None:
        if self._file is None and len(self._memory) + len(data) <= self._limit:
            self._memory += data
            return
        if self._file is None:
            self._file = self._roll_over()
        self._file.write(data)

    def _roll_over(self) -> BinaryIO:
        self.path, file = create_part(self._directory)
        file.write(self._memory)
        self._memory = bytearray()
        return file

    def _flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


class Spools:
    """Makes the spools of one directory, and sweeps it."""

    __slots__ = ("directory", "memory_limit")

    def __init__(self, directory: Path, memory_limit: int = MEMORY_LIMIT) -> None:
        self.directory = directory
        self.memory_limit = memory_limit

    def new(self) -> Spool:
        """Return an empty spool."""
        return Spool(self.directory, self.memory_limit)

    def sweep(self, older_than_ms: int, now_ms: int) -> int:
        """Remove the files that nobody has written to for this long; return how many."""
        return sum(_removed(path, now_ms - older_than_ms) for path in self.directory.glob(f"*{_SUFFIX}"))


def create_part(directory: Path) -> tuple[Path, BinaryIO]:
    """Create a temporary file for this user's eyes, and its directory if need be; raises `OSError`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{secrets.token_hex(16)}{_SUFFIX}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return path, open(descriptor, "wb", buffering=_WRITE_BUFFER)


def _removed(path: Path, before_ms: int) -> bool:
    try:
        if path.stat().st_mtime_ns // 1_000_000 > before_ms:
            return False
        path.unlink()
    except OSError:
        return False
    return True
