"""Films for the tests: made with FFmpeg's own encoders, a second or two long."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import av
from PIL import Image

FPS = 24
MIMES = {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm", "matroska": "video/x-matroska"}
CODECS = {"mp4": "libx264", "mov": "libx264", "webm": "libvpx-vp9", "matroska": "libx264"}


@cache
def video(
    kind: str = "mp4",
    *,
    count: int = 48,
    size: tuple[int, int] = (128, 64),
    codec: str | None = None,
    turn: int = 0,
    aspect: int = 1,
    sound: bool = False,
    fragments: bool = False,
    every: int = 12,
) -> bytes:
    """Return a film that goes from black to red, with a white corner at the top left.

    `count` frames of `size` pixels, 24 a second, a key frame `every` so many; `turn` is how it is shown, in degrees
    against the clock; its pixels are `aspect` times as wide as high.
    """
    out = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov"} if fragments else {}
    with av.open(out, "w", format=kind, options=options) as container:
        stream: Any = container.add_stream(codec or CODECS[kind], rate=FPS)
        stream.width, stream.height = size
        stream.pix_fmt, stream.gop_size = "yuv420p", every
        stream.sample_aspect_ratio = aspect
        if turn:
            stream.set_display_rotation(turn)
        voice: Any = container.add_stream("aac", rate=48000) if sound else None
        for number in range(count):
            picture = Image.new("RGB", size, (255 * number // count, 0, 0))
            picture.paste("white", (0, 0, size[0] // 4, size[1] // 4))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))
        if voice is not None:
            _silence(container, voice)
    return out.getvalue()


@cache
def sound() -> bytes:
    """Return an MP4 that holds a second of silence and nothing to see."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        _silence(container, container.add_stream("aac", rate=48000))
    return out.getvalue()


def _silence(container: Any, stream: Any) -> None:
    for number in range(47):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate, frame.pts = 48000, number * 1024
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
