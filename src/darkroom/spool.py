"""Spools: where bytes wait between their arrival and the store, in memory while few, in a file when many.

One body can hold a thousand pictures, so both are counted for all spools together: memory by a budget, and open
files by `rest`, which a lifter calls when a run has ended.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import BinaryIO

from darkroom.errors import StorageFailed

MEMORY_LIMIT = 256 * 1024
"""Bytes that a spool keeps in memory."""

MEMORY_BUDGET = 32 * 1024 * 1024
"""Bytes that all spools of one `Spools` keep in memory together."""

CHUNK = 192 * 1024
"""Bytes per piece of `chunks`; divisible by three, so that each piece is whole quanta of base64."""

_WRITE_BUFFER = 64 * 1024
_SUFFIX = ".part"


class Budget:
    """Bytes of memory that spools share. Spools end in any thread, whenever nobody holds them any more."""

    __slots__ = ("_left", "_lock")

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = RLock()

    @property
    def left(self) -> int:
        return self._left

    def take(self, size: int) -> bool:
        """Take bytes of the budget, all or none; tell whether they were there."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._left += size


class Spool:
    """A `media.RestingSink`: append bytes, read them back, let go.

    A spool that nobody holds any more discards itself.
    `path` is the file, or None while everything is in memory. Failures of the disk are `StorageFailed`.
    """

    __slots__ = ("_budget", "_directory", "_file", "_limit", "_memory", "_open", "path", "size")

    def __init__(self, directory: Path, memory_limit: int, budget: Budget) -> None:
        self._directory = directory
        self._limit = memory_limit
        self._budget = budget
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

    def restart(self) -> None:
        """Let go of what was written, and take other bytes from the start; `ValueError` after `seal` or `discard`."""
        if not self._open:
            raise ValueError("a spool that takes no more can't be begun anew")
        self._drop()
        self.path, self.size = None, 0

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

    def rest(self) -> None:
        """Hold no file open until the next write; idempotent."""
        try:
            self._close()
        except OSError as error:
            raise StorageFailed("the disk did not take the bytes of the media") from error

    def seal(self) -> None:
        """Take no more bytes; from here on the file, if there is one, is complete and may be linked to."""
        self._open = False
        self.rest()

    def discard(self) -> None:
        """Let go of the bytes and remove the file; idempotent."""
        self._open = False
        self._drop()

    def __del__(self) -> None:
        self.discard()

    def _append(self, data: bytes | bytearray | memoryview) -> None:
        if self.path is None and len(self._memory) + len(data) <= self._limit and self._budget.take(len(data)):
            self._memory += data
            return
        if self.path is None:
            self.path, self._file = create_part(self._directory)
            self._file.write(self._memory)
            self._forget()
        elif self._file is None:
            self._file = _reopened(self.path)
        self._file.write(data)

    def _drop(self) -> None:
        """Let go of the memory and the file."""
        self._forget()
        with suppress(OSError):
            self._close()
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()

    def _forget(self) -> None:
        """Let go of the memory."""
        memory, self._memory = self._memory, bytearray()
        self._budget.give(len(memory))

    def _flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


class Spools:
    """Makes the spools of one directory, which share a budget of bytes in memory, and sweeps it."""

    __slots__ = ("budget", "directory", "memory_limit")

    def __init__(self, directory: Path, memory_limit: int = MEMORY_LIMIT, memory_budget: int = MEMORY_BUDGET) -> None:
        self.directory = directory
        self.memory_limit = memory_limit
        self.budget = Budget(memory_budget)

    def new(self) -> Spool:
        """Return an empty spool."""
        return Spool(self.directory, self.memory_limit, self.budget)

    def sweep(self, older_than_ms: int, now_ms: int, *, dry: bool = False) -> int:
        """Remove the files that nobody has written to for this long; return how many. With `dry` only count them."""
        return sum(_removed(path, now_ms - older_than_ms, dry) for path in self.directory.glob(f"*{_SUFFIX}"))


def create_part(directory: Path) -> tuple[Path, BinaryIO]:
    """Create a temporary file for this user's eyes, and its directory if need be; raises `OSError`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{secrets.token_hex(16)}{_SUFFIX}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return path, open(descriptor, "wb", buffering=_WRITE_BUFFER)


def _reopened(path: Path) -> BinaryIO:
    """Open a temporary file to go on with it; one that is gone is an error, not a new file without its start."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
    return open(descriptor, "ab", buffering=_WRITE_BUFFER)


def _removed(path: Path, before_ms: int, dry: bool) -> bool:
    try:
        if path.stat().st_mtime_ns // 1_000_000 > before_ms:
            return False
        if not dry:
            path.unlink()
    except OSError:
        return False
    return True
