"""What a mask marks with: OpenAI's are transparent where a picture is to be changed, those of painters white."""

from __future__ import annotations

import asyncio
import io

from PIL import Image

from darkroom.errors import InvalidMedia
from darkroom.media import Media
from darkroom.storage import Storage

_MOST_BYTES = 4 * 1024 * 1024
_MOST_PIXELS = 16_000_000
_WITH_ALPHA = {"image/png": "PNG", "image/webp": "WEBP"}


async def is_cut_out(storage: Storage, mask: Media) -> bool:
    """Tell whether a mask has transparent pixels. Masks are small; of a large one only the type is looked at.

    Raises `InvalidMedia` for one that can't be decoded.
    """
    kind = _WITH_ALPHA.get(mask.mime)
    if kind is None:
        return False
    if mask.size > _MOST_BYTES or (mask.width or 0) * (mask.height or 0) > _MOST_PIXELS:
        head = b"".join([chunk async for chunk in await storage.read(mask.blob, 0, 32)])
        return kind == "PNG" and head[25:26] in (b"\x04", b"\x06")
    data = b"".join([chunk async for chunk in await storage.read(mask.blob)])
    return await asyncio.to_thread(_has_holes, data, kind)


def _has_holes(data: bytes, kind: str) -> bool:
    # Decoders meet hostile bytes, and raise whatever their author did not think of.
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            if "A" not in picture.getbands() and "transparency" not in picture.info:
                return False
            least, _ = picture.convert("RGBA").getchannel("A").getextrema()
    except Exception as error:
        raise InvalidMedia("the mask is broken: it can't be decoded") from error
    return isinstance(least, int | float) and least < 128
