"""What the serving scenarios are about, put into Darkroom's store before it starts: pictures, and a large video.

The video begins as PyAV writes it and goes on with a box of noise that players skip, so that it has a gigabyte without
an hour of encoding.
"""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import av
from PIL import Image, ImageFilter

from bench.pictures import pictures_of
from darkroom.database import Database
from darkroom.ingest import Ingest
from darkroom.media import Arrived, Media
from darkroom.settings import Limits
from darkroom.storage import Storage

_PIECE = 1024 * 1024
_HEAD = 4096
OWNER = "bench"


@dataclass(frozen=True, slots=True)
class Stock:
    """How much is stored: small pictures for thumbnails, large ones, and videos; sizes in bytes."""

    small: int
    large: int
    picture: int
    video: int


def fill(store: Path, database: Path, stock: Stock) -> dict[str, list[Media]]:
    """Store everything; return it as `small`, `large` and `video`."""
    return asyncio.run(_fill(store, database, stock))


async def _fill(store: Path, database: Path, stock: Stock) -> dict[str, list[Media]]:
    rows = await Database.open(f"sqlite:{database}")
    storage = await Storage.open(f"file:{store}")
    ingest = Ingest(storage, rows, Limits().pixels)
    kept: dict[str, list[Media]] = {}
    try:
        kept["small"] = [await _keep(storage, ingest, iter([_small(number)])) for number in range(stock.small)]
        large = pictures_of(stock.picture)
        kept["large"] = [
            await _keep(storage, ingest, iter([large.head, large.next_tail()])) for _ in range(stock.large)
        ]
        kept["video"] = [await _keep(storage, ingest, _video(stock.video))]
    finally:
        await storage.close()
        await rows.close()
    return kept


async def _keep(storage: Storage, ingest: Ingest, pieces: Iterator[bytes]) -> Media:
    spool, digest, head, size = storage.spools.new(), sha256(), b"", 0
    for piece in pieces:
        spool.write(piece)
        digest.update(piece)
        head, size = head or piece[:_HEAD], size + len(piece)
    return await ingest.keep(Arrived(spool, digest.hexdigest(), size, head), OWNER, "uploaded")


def _small(number: int) -> bytes:
    """Return a picture with clouds of colour, whose thumbnail of 256 pixels has about 4 KiB."""
    noise = Image.frombytes("RGB", (9, 9), Random(number).randbytes(9 * 9 * 3))
    clouds = noise.resize((512, 512), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(4))
    file = io.BytesIO()
    clouds.save(file, "PNG")
    return file.getvalue()


def _video(size: int) -> Iterator[bytes]:
    """Yield an MP4 of `size` bytes."""
    film = _film()
    yield film
    rest = size - len(film)
    yield struct.pack(">I4sQ", 1, b"free", rest)
    noise = Random(size).randbytes(_PIECE)
    for at in range(16, rest, _PIECE):
        yield noise[: min(_PIECE, rest - at)]


def _film() -> bytes:
    file = io.BytesIO()
    frame: Any = av.VideoFrame  # Half of PyAV has no types.
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(24):
            picture = Image.new("RGB", (320, 180), (number * 10, 80, 160))
            container.mux(stream.encode(frame.from_image(picture)))
        container.mux(stream.encode())
    return file.getvalue()
