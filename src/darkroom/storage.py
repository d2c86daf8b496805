"""The store: immutable blobs under their SHA-256, and small derived things (thumbnails) beside them.

Strategy. A blob is there entirely or not at all, and once `put` returns it survives a crash. On a local
disk we do that ourselves, since object-store libraries do not fsync: the temporary file is fsynced,
hard-linked under its hash, and the directory is fsynced. In a bucket the bytes are streamed under the same
key again, which is harmless, as equal keys hold equal bytes; create-only puts would buffer the stream, and
not every bucket keeps their promise.

A sweep deletes blobs that no row names, and would race with a `put` of the same bytes whose row comes a
moment later. So `put` makes an existing blob young again, and `delete` spares a young one
(`modified_before`): on disk both hold the lock of the blob's directory; in a bucket a window of one round
trip remains.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import stat
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import MemoryStore, from_url

from darkroom.clock import nonce, now
from darkroom.errors import ConfigInvalid, NotFound, StorageFailed
from darkroom.spool import Spool, Spools, create_part

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore, RetryConfig
    from typing_extensions import Buffer

CHUNK = 256 * 1024
"""Bytes per piece of `read`."""

GRACE_MS = 60 * 60 * 1000
"""How long a sweep must leave a blob alone after its last `put`."""

_PART = 5 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")
_EXTRA = re.compile(r"(?!blobs/|tmp/)[a-z0-9_-]+(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_BUCKET_SCHEMES = {"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl"}
# Settings of the HTTP client: obstore panics on some of them when they stand among the bucket's own.
_CLIENT_OPTIONS = {
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "http1_only",
    "http2_only",
    "pool_idle_timeout",
    "proxy_url",
    "read_timeout",
    "root_certificate",
    "timeout",
    "user_agent",
}
_CONFIG = re.compile(r"(?:aws|google|azure)_\w+")
_TRUE = {"1", "true", "yes", "on"}


class Storage(ABC):
    """One store of blobs; `open` picks the kind by its URL.

    Names that are no SHA-256 in hex are `NotFound`; a store that does not do its part is `StorageFailed`.
    """

    is_local: ClassVar[bool] = False
    """Whether blobs are files of this machine, so that looking one up costs next to nothing."""

    spools: Spools

    @staticmethod
    async def open(url: str, options: Mapping[str, str] | None = None) -> Storage:
        """Open `file:./dir`, `file:///dir`, `memory:`, `s3://bucket/prefix`, `gs://…` or `az://…`.

        `options` are a bucket's settings by the names of its environment variables (`AWS_ENDPOINT`), which
        they override. Raises `ConfigInvalid` for a URL or an option that means nothing.
        """
        scheme = url.partition(":")[0].lower()
        if scheme == "file":
            return await asyncio.to_thread(FileStorage.at, _local_directory(url))
        if scheme == "memory":
            return ObjectStorage(MemoryStore())
        if scheme in _BUCKET_SCHEMES:
            return ObjectStorage(_bucket(url, options or {}))
        raise ConfigInvalid(f"the media store can't be of kind {scheme!r}: take file:, memory:, s3:, gs: or az:")

    def local_path(self, sha256: str) -> Path | None:
        """Return the file that the blob is in, or would be in; None where blobs are no files."""
        return None

    @abstractmethod
    async def put(self, spool: Spool, sha256: str, size: int) -> None:
        """Make a spool's bytes durable under their hash; it is sealed, and stays its owner's to discard."""

    @abstractmethod
    async def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Return an iterator over the bytes from `start` up to `stop`; raises `NotFound` here, not later."""

    @abstractmethod
    async def head(self, sha256: str) -> int | None:
        """Return a blob's size in bytes, or None when it is not here."""

    @abstractmethod
    async def delete(self, sha256: str, modified_before: int | None = None) -> bool:
        """Remove a blob, unless put at `modified_before` (Unix ms) or later; tell whether it is gone."""

    @abstractmethod
    def list_blobs(self) -> AsyncIterator[tuple[str, int, int]]:
        """Yield each blob's SHA-256, size in bytes and time of its last put (Unix ms), in no order."""

    @abstractmethod
    async def get_extra(self, key: str) -> bytes | None:
        """Return a derived thing, or None."""

    @abstractmethod
    async def put_extra(self, key: str, data: bytes) -> None:
        """Keep a derived thing, whole or not at all, in place of what was there."""

    @abstractmethod
    async def delete_extra_prefix(self, prefix: str) -> None:
        """Remove every derived thing below `prefix`, which ends where a key has a slash."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of what was opened; idempotent."""


class FileStorage(Storage):
    """A directory of this machine: `blobs/ab/abcdef…`, derived things beside it, temporary files in `tmp`."""

    is_local = True

    def __init__(self, root: Path) -> None:
        self._root = root
        self.spools = Spools(root / "tmp")

    @classmethod
    def at(cls, root: Path) -> Self:
        """Open or create the directory; raises `StorageFailed`."""
        with _kept("the directory of the media store can't be created"):
            for name in ("blobs", "tmp"):
                (root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
            _fsync(root)
        return cls(root)

    def local_path(self, sha256: str) -> Path:
        return self._root / _blob_key(sha256)

    async def put(self, spool: Spool, sha256: str, size: int) -> None:
        path = self.local_path(sha256)
        _check_size(spool, size)
        await asyncio.to_thread(self._put, spool, path, size)

    async def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        path = self.local_path(sha256)
        # Opening a file is a matter of microseconds; a thread would cost more than it spares.
        with _translated("a stored blob can't be opened"):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return _FileReader(descriptor, start, stop)

    async def head(self, sha256: str) -> int | None:
        path = self.local_path(sha256)
        with suppress(NotFound), _translated("a stored blob can't be looked up"):
            return path.stat().st_size
        return None

    async def delete(self, sha256: str, modified_before: int | None = None) -> bool:
        return await asyncio.to_thread(self._delete, self.local_path(sha256), modified_before)

    async def list_blobs(self) -> AsyncIterator[tuple[str, int, int]]:
        for shard in await asyncio.to_thread(_entries, self._root / "blobs"):
            for path in await asyncio.to_thread(_entries, shard):
                with suppress(NotFound), _translated("the stored blobs can't be listed"):
                    if _SHA256.fullmatch(path.name):
                        status = path.stat()
                        yield path.name, status.st_size, status.st_mtime_ns // 1_000_000

    async def get_extra(self, key: str) -> bytes | None:
        path = self._root / _extra_key(key)
        with suppress(NotFound), _translated("a derived file can't be read"):
            reader = _FileReader(os.open(path, os.O_RDONLY | os.O_CLOEXEC), 0, None)
            return b"".join([piece async for piece in reader])
        return None

    async def put_extra(self, key: str, data: bytes) -> None:
        await asyncio.to_thread(self._put_extra, self._root / _extra_key(key), data)

    async def delete_extra_prefix(self, prefix: str) -> None:
        path = self._root / _extra_key(prefix)
        with suppress(NotFound), _translated("derived files can't be removed"):
            await asyncio.to_thread(shutil.rmtree, path)

    async def close(self) -> None:
        return

    def _put(self, spool: Spool, path: Path, size: int) -> None:
        with _kept("the disk did not keep the media"):
            spool.seal()
            source = spool.path or self._written(b"".join(spool.chunks()))
            try:
                _fsync(source)
                is_new = not path.parent.is_dir()
                with _locked(path.parent, fcntl.LOCK_SH):
                    _link(source, path, size)
                _fsync(path.parent)
                if is_new:
                    _fsync(path.parent.parent)
            finally:
                if source != spool.path:
                    source.unlink()

    def _delete(self, path: Path, modified_before: int | None) -> bool:
        with _translated("a blob can't be deleted"):
            if not path.parent.is_dir():
                return True
            with _locked(path.parent, fcntl.LOCK_EX), suppress(FileNotFoundError):
                if modified_before is not None and path.stat().st_mtime_ns // 1_000_000 >= modified_before:
                    return False
                path.unlink()
            return True

    def _put_extra(self, path: Path, data: bytes) -> None:
        with _kept("the disk did not keep a derived file"):
            source = self._written(data)
            try:
                _fsync(source)
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                source.replace(path)
            finally:
                source.unlink(missing_ok=True)

    def _written(self, data: bytes) -> Path:
        path, file = create_part(self.spools.directory)
        try:
            with file:
                file.write(data)
        except OSError:
            path.unlink()
            raise
        return path


class _FileReader:
    """Reads an open file from `start` to `stop`; closes it at the end, in `aclose`, or when dropped."""

    __slots__ = ("_descriptor", "_offset", "_stop")

    def __init__(self, descriptor: int, start: int, stop: int | None) -> None:
        self._descriptor = descriptor
        self._offset = start
        self._stop = os.fstat(descriptor).st_size if stop is None else stop

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        wanted = min(CHUNK, self._stop - self._offset)
        piece = await self._read(wanted) if wanted > 0 and self._descriptor >= 0 else b""
        if not piece:
            await self.aclose()
            raise StopAsyncIteration
        self._offset += len(piece)
        return piece

    async def aclose(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    async def _read(self, size: int) -> bytes:
        """Read at the offset: at once where the page cache has it, in a thread where the disk must turn."""
        buffer = bytearray(size)
        with _translated("a stored blob can't be read"):
            try:
                count = os.preadv(self._descriptor, [buffer], self._offset, os.RWF_NOWAIT)
            except (OSError, AttributeError):
                # Not cached, or a file system or platform that does not know the question.
                return await asyncio.to_thread(os.pread, self._descriptor, size, self._offset)
        return bytes(memoryview(buffer)[:count])


class ObjectStorage(Storage):
    """A bucket or this process's memory, through obstore; keys as in `FileStorage`."""

    def __init__(self, store: ObjectStore, grace_ms: int = GRACE_MS) -> None:
        self._store = store
        self._fresh_ms = grace_ms // 2
        with _kept("there is no directory for temporary files"):
            shared = _shared_directory()
            directory = shared or Path(tempfile.mkdtemp(prefix="darkroom-"))
        self._own = None if shared else directory
        self.spools = Spools(directory)

    async def put(self, spool: Spool, sha256: str, size: int) -> None:
        key = _blob_key(sha256)
        _check_size(spool, size)
        spool.seal()
        with _kept("the bucket did not keep the media"):
            if not await self._is_fresh(key, size):
                await self._upload(spool, key, size)

    async def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        key = _blob_key(sha256)
        with _translated("a stored blob can't be read"):
            try:
                result = await obstore.get_async(self._store, key, options=_range_options(start, stop))
            except BaseError:
                # Stores answer a range without bytes with an error that says little: see whether it was one.
                size = (await obstore.head_async(self._store, key))["size"]
                if start < (size if stop is None else min(stop, size)):
                    raise
                return _pieces(())
            return _pieces(result.stream(CHUNK))

    async def head(self, sha256: str) -> int | None:
        meta = await self._meta(_blob_key(sha256))
        return None if meta is None else meta[0]

    async def delete(self, sha256: str, modified_before: int | None = None) -> bool:
        key = _blob_key(sha256)
        meta = None if modified_before is None else await self._meta(key)
        if meta is not None and modified_before is not None and meta[1] >= modified_before:
            return False
        with suppress(NotFound), _translated("a blob can't be deleted"):
            await obstore.delete_async(self._store, key)
        return True

    async def list_blobs(self) -> AsyncIterator[tuple[str, int, int]]:
        with _translated("the stored blobs can't be listed"):
            async for batch in obstore.list(self._store, "blobs", chunk_size=1000):
                for meta in batch:
                    name = meta["path"].rpartition("/")[2]
                    if _SHA256.fullmatch(name):
                        yield name, meta["size"], _millis(meta)

    async def get_extra(self, key: str) -> bytes | None:
        path = _extra_key(key)
        with suppress(NotFound), _translated("a derived object can't be read"):
            result = await obstore.get_async(self._store, path)
            return bytes(await result.bytes_async())
        return None

    async def put_extra(self, key: str, data: bytes) -> None:
        with _kept("the bucket did not keep a derived object"):
            await obstore.put_async(self._store, _extra_key(key), data)

    async def delete_extra_prefix(self, prefix: str) -> None:
        path = _extra_key(prefix)
        with suppress(NotFound), _translated("derived objects can't be removed"):
            async for batch in obstore.list(self._store, path, chunk_size=1000):
                await obstore.delete_async(self._store, [meta["path"] for meta in batch])

    async def close(self) -> None:
        if self._own is not None:
            await asyncio.to_thread(shutil.rmtree, self._own, ignore_errors=True)

    async def _is_fresh(self, key: str, size: int) -> bool:
        meta = await self._meta(key)
        return meta is not None and meta[0] == size and meta[1] > now() - self._fresh_ms

    async def _meta(self, key: str) -> tuple[int, int] | None:
        with suppress(NotFound), _translated("a stored blob can't be looked up"):
            meta = await obstore.head_async(self._store, key)
            return meta["size"], _millis(meta)
        return None

    async def _upload(self, spool: Spool, key: str, size: int) -> None:
        if size <= _PART:
            await obstore.put_async(self._store, key, b"".join(spool.chunks()), use_multipart=False)
            return
        # One part at a time: twelve at once, obstore's habit, would hold sixty megabytes of one video.
        await obstore.put_async(self._store, key, spool.path or spool.chunks(), chunk_size=_PART, max_concurrency=1)


async def _pieces(stream: AsyncIterable[Buffer] | tuple[()]) -> AsyncIterator[bytes]:
    """Yield the buffers of a stream as bytes of at most `CHUNK`; memory gives a blob as one buffer."""
    if isinstance(stream, tuple):
        return
    with _translated("a stored blob can't be read"):
        async for buffer in stream:
            view = memoryview(buffer)
            for offset in range(0, len(view), CHUNK):
                yield bytes(view[offset : offset + CHUNK])


def _range_options(start: int, stop: int | None) -> GetOptions | None:
    if stop is not None:
        return {"range": (start, stop)}
    return {"range": {"offset": start}} if start else None


def _bucket(url: str, options: Mapping[str, str]) -> ObjectStore:
    config = {name.lower(): value for name, value in options.items()}
    client: dict[str, Any] = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "1h"}
    if "AWS_ALLOW_HTTP" in os.environ:
        config.setdefault("aws_allow_http", os.environ["AWS_ALLOW_HTTP"])
    for name in list(config):
        short = re.sub("^(aws|google|azure)_", "", name)
        if short in _CLIENT_OPTIONS:
            value = config.pop(name)
            client[short] = value.lower() in _TRUE if short.startswith(("allow_", "http")) else value
        elif not _CONFIG.fullmatch(name):
            raise ConfigInvalid(f"the media store's bucket has no option {name!r}")
    retry: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
    try:
        return from_url(url, config=config, client_options=client, retry_config=retry)  # type: ignore
    except (BaseError, ValueError) as error:
        # The error's own text shows the configuration, secrets included.
        raise ConfigInvalid(f"the media store's bucket can't be opened ({type(error).__name__})") from None


def _shared_directory() -> Path | None:
    """Return this user's directory for the spools of all buckets; None where somebody else could reach into it.

    Its name is always the same, so that whoever comes next sweeps what a killed process left in it.
    """
    user = os.getuid()
    path = Path(tempfile.gettempdir()) / f"darkroom-spools-{user}"
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    is_private = stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & 0o077
    return path if is_private else None


def _local_directory(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or not parts.path:
        raise ConfigInvalid("a media store on disk is written file:./directory or file:///directory")
    return Path(unquote(parts.path) if url[5:7] == "//" else url[5:])


def _blob_key(sha256: str) -> str:
    # Names come from rows and requests; nothing but a hash may become a path.
    if not _SHA256.fullmatch(sha256):
        raise NotFound("there is no such blob")
    return f"blobs/{sha256[:2]}/{sha256}"


def _extra_key(key: str) -> str:
    if not _EXTRA.fullmatch(key):
        raise NotFound("there is no such derived file")
    return key


def _check_size(spool: Spool, size: int) -> None:
    if spool.size != size:
        raise StorageFailed(f"the media has {spool.size} bytes, and {size} were announced")


def _link(source: Path, path: Path, size: int) -> None:
    """Give the file its final name as well; the blob's age starts now, whoever wrote it first."""
    os.utime(source)
    try:
        os.link(source, path)
    except FileExistsError:
        if path.stat().st_size == size:
            os.utime(path)
            return
        # Another size under the same hash is damage, and here are the right bytes.
        spare = source.with_name(f"{nonce()}.part")
        os.link(source, spare)
        spare.replace(path)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entries(directory: Path) -> list[Path]:
    with suppress(NotFound), _translated("the stored blobs can't be listed"):
        return list(directory.iterdir()) if directory.is_dir() else []
    return []


def _millis(meta: ObjectMeta) -> int:
    return int(meta["last_modified"].timestamp() * 1000)


@contextmanager
def _locked(directory: Path, kind: int) -> Iterator[None]:
    """Hold a directory's lock, which other processes of this machine see too; make it if need be."""
    directory.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _translated(message: str) -> Iterator[None]:
    """Raise what the disk or the bucket raises as `NotFound` or `StorageFailed`."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("this media is not in the store") from error
    except (OSError, BaseError) as error:
        raise StorageFailed(f"{message} ({type(error).__name__})") from error


@contextmanager
def _kept(message: str) -> Iterator[None]:
    """Raise whatever goes wrong while bytes are being kept as `StorageFailed`."""
    try:
        yield
    except (OSError, BaseError) as error:
        raise StorageFailed(f"{message} ({type(error).__name__})") from error
