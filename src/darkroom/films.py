"""Films: what their containers say, their first frame, and frames from all over them.

Strategy. A film comes from strangers, and is judged when it arrives, so judging must not decode it: its boxes are
walked first (`codecs.boxes`), which finds what was cut off and what promises more than can be, and then FFmpeg reads
its head. FFmpeg never gets a name: it reads a file that is open already, as one of two formats, and no more of it than
it is told to, so that it can neither reach the network or another file, nor fill the memory with one frame that says it
is a gigabyte. Only `poster` and `frames` decode, and no more pictures than `_MOST_DECODED` for each that is wanted.

All of it is synchronous, and decoding may take seconds: callers run it in a thread.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from darkroom.codecs.boxes import MOST_BOXES, Peek, Survey, survey_matroska, survey_mp4
from darkroom.errors import InvalidMedia, TooLarge
from darkroom.images import MAX_PIXELS
from darkroom.media import Facts
from darkroom.spool import Spool

MOST_FRAMES = 64
"""Frames that are taken out of one film at most."""

LONGER_SIDE = 1024
"""Pixels of a frame's longer side: more tells models nothing, and costs tokens."""

_MIB = 1024 * 1024
_MOST_HEAD = 64 * _MIB
_MOST_SAMPLES = 4_000_000
"""Pictures and sounds of one film: ten hours of it."""
_PROBE = 8 * _MIB
"""Bytes that FFmpeg may read behind the tables to learn what a film is."""
_READ = 64 * _MIB
"""Bytes that it may read for one frame."""
_MOST_DECODED = 300
_MOST_PACKETS = 3000
_DECODED_PIXELS = 8192 * 4352
"""Pixels of a frame that is decoded; a decoder keeps up to sixteen of them."""
_LONGEST_MS = 1000 * 3600 * 1000
_QUALITY = 80
_FORMATS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
}
_SOUND_ALONE = {"video/mp4": "audio/mp4", "video/quicktime": "audio/mp4"}
_BLOCK = 64 * 1024

Source = Path | Spool


@dataclass(frozen=True, slots=True)
class Still:
    """One frame as a JPEG; `at` is when it is shown, in ms."""

    at: int
    data: bytes
    width: int
    height: int


def facts(source: Source, mime: str, max_pixels: int = MAX_PIXELS) -> Facts | None:
    """Return a film's type, its size as shown (turned upright, with square pixels), its duration and its codec.

    None stands for a file that can't be read, or in which nothing plays. What can be read and not decoded is a film all
    the same. Raises `InvalidMedia` for one that is cut off, or that promises more frames than a film has; `TooLarge`
    over `max_pixels`.
    """
    with _file(source) as file:
        survey = _surveyed(file, mime)
        try:
            with _container(_Bounded(file, survey.head + _PROBE), mime) as container:
                found = _facts(container, mime, survey)
        # As in `_decoding`.
        except Exception:
            return None
    if found is not None and found.width and found.height:
        _check_pixels(found.width, found.height, max_pixels)
    return found


def poster(source: Source, mime: str, width: int, max_pixels: int = MAX_PIXELS) -> bytes:
    """Return a WebP of a film's first frame, upright, at most `width` pixels wide and never enlarged.

    Raises `InvalidMedia` for what can't be decoded, `TooLarge` over the limit of pixels.
    """
    with _decoding(source, mime, max_pixels) as film:
        frame = film.first()
        if frame is not None:
            picture = _picture(frame, film.stream, width, 1 << 16)
            target = io.BytesIO()
            picture.save(target, "WEBP", quality=_QUALITY)
            return target.getvalue()
    raise InvalidMedia("no frame of the film can be decoded")


def frames(source: Source, mime: str, count: int, max_pixels: int = MAX_PIXELS) -> list[Still]:
    """Return up to `count` frames, evenly spread over a film, in their order.

    A film that does not tell its duration gives its first frame. Raises as `poster` does.
    """
    stills: list[Still] = []
    with _decoding(source, mime, max_pixels) as film:
        for at in _times(_duration(film.container, film.stream), min(count, MOST_FRAMES)):
            frame = film.frame_at(at)
            if frame is not None and (still := _still(frame, film.stream)).at not in {each.at for each in stills}:
                stills.append(still)
    if not stills:
        raise InvalidMedia("no frame of the film can be decoded")
    return stills


# Opening


class _Bounded:
    """A file for FFmpeg, which reads no more of it than `left` bytes; what is behind them is the end."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self.left = left
        self._file = file

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self.left))
        self.left -= len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class _Film:
    """A film that is open to be decoded."""

    container: InputContainer
    stream: VideoStream
    source: _Bounded

    def decoded(self) -> Iterator[VideoFrame]:
        """Yield frames from where the film stands on, up to a limit; packets that are broken are passed over."""
        left = _MOST_DECODED
        for number, packet in enumerate(self.container.demux(self.stream)):
            with suppress(av.InvalidDataError):
                for frame in packet.decode():
                    left -= 1
                    yield frame
            if left <= 0 or number >= _MOST_PACKETS:
                return

    def first(self) -> VideoFrame | None:
        """Return the first frame, by itself where that can be done.

        A decoder waits for the next frames, to know their order, and holds them all: of a 4K film, fifty megabytes.
        """
        if (frame := self._alone()) is not None:
            return frame
        self.container.seek(0)
        return next(self.decoded(), None)

    def _alone(self) -> VideoFrame | None:
        """Return the frame that the film begins with, if it needs no other."""
        packet = next(self.container.demux(self.stream), None)
        if packet is None or not packet.is_keyframe or packet.is_discard:
            return None
        with suppress(av.InvalidDataError):
            return next(iter([*packet.decode(), *self.stream.codec_context.decode(None)]), None)
        return None

    def frame_at(self, at: int) -> VideoFrame | None:
        """Return the frame that is shown at a time in ms, or the last one that can be had before it."""
        seconds = Fraction(at, 1000) + _begin(self.stream)
        self.container.seek(int(seconds / (self.stream.time_base or 1)), stream=self.stream)
        self.source.left = _READ
        best: VideoFrame | None = None
        for frame in self.decoded():
            if best is not None and frame.time is not None and frame.time > seconds:
                break
            best = frame
        return best


@contextmanager
def _file(source: Source) -> Iterator[BinaryIO]:
    with source.open() if isinstance(source, Spool) else source.open("rb", buffering=0) as file:
        yield file


def _surveyed(file: BinaryIO, mime: str) -> Survey:
    """Walk the boxes of a film. Raises `InvalidMedia`."""
    size = file.seek(0, io.SEEK_END)
    survey = (survey_mp4 if _FORMATS[mime] == "mov" else survey_matroska)(_peek(file), size)
    if not survey.whole:
        raise InvalidMedia(f"broken {_name(mime)}: cut off after {size} bytes")
    if survey.samples > _MOST_SAMPLES or survey.boxes >= MOST_BOXES or survey.head > _MOST_HEAD:
        raise InvalidMedia(f"the {_name(mime)} is broken: its tables promise more than a film holds")
    return survey


def _peek(file: BinaryIO) -> Peek:
    def peek(position: int, length: int) -> bytes:
        file.seek(position)
        return file.read(length)

    return peek


@contextmanager
def _container(source: _Bounded, mime: str) -> Iterator[InputContainer]:
    source.seek(0)
    # A file that is open needs no protocol; whatever the container refers to stays where it is.
    options = {"protocol_whitelist": "none", "max_streams": "32", "max_pixels": str(_DECODED_PIXELS)}
    with av.open(source, "r", format=_FORMATS[mime], options=options, metadata_errors="ignore") as container:
        yield container


@contextmanager
def _decoding(source: Source, mime: str, max_pixels: int) -> Iterator[_Film]:
    """Open a film to decode it; what its decoder raises is `InvalidMedia`."""
    with _file(source) as file:
        survey = _surveyed(file, mime)
        try:
            bounded = _Bounded(file, survey.head + _PROBE + _READ)
            with _container(bounded, mime) as container:
                stream = _stream(container)
                context = _context(stream) if stream is not None else None
                if stream is None or context is None:
                    raise InvalidMedia(f"nothing in the {_name(mime)} can be shown")
                _check_pixels(context.width, context.height, min(max_pixels, _DECODED_PIXELS))
                yield _Film(container, stream, bounded)
        except (InvalidMedia, TooLarge):
            raise
        # Decoders meet hostile bytes, and raise whatever their author did not think of.
        except Exception as error:
            raise InvalidMedia(f"the {_name(mime)} is broken: it can't be decoded") from error


def _stream(container: InputContainer) -> VideoStream | None:
    """Return what is shown: not the picture of a sleeve, which is a stream as well."""
    shown = (each for each in container.streams.video if not each.disposition & Disposition.attached_pic)
    return next(shown, None)


def _context(stream: VideoStream) -> VideoCodecContext | None:
    """Return the stream's codec; none where FFmpeg has never heard of it, other than PyAV's types say."""
    return getattr(stream, "codec_context", None)


def _name(mime: str) -> str:
    return {"video/mp4": "MP4", "video/quicktime": "QuickTime film", "video/webm": "WebM"}.get(mime, "Matroska film")


def _check_pixels(width: int, height: int, limit: int) -> None:
    if width * height > limit:
        raise TooLarge(f"the film has frames of {width}×{height} pixels, over the limit of {limit}")


# What it says


def _facts(container: InputContainer, mime: str, survey: Survey) -> Facts | None:
    stream = _stream(container)
    duration = _duration(container, stream)
    if stream is None:
        return Facts(_SOUND_ALONE.get(mime, mime), duration=duration) if container.streams.audio else None
    context = _context(stream)
    if context is None:
        return Facts(mime, duration=duration)
    width, height = _shown_size(context.width, context.height, stream)
    if survey.sideways:
        width, height = height, width
    return Facts(mime, width or None, height or None, duration, context.codec.canonical_name)


def _duration(container: InputContainer, stream: VideoStream | None) -> int | None:
    """Return the duration in ms, as the container or else the stream tells it."""
    seconds = Fraction(container.duration, av.time_base) if container.duration else None
    if seconds is None and stream is not None and stream.duration and stream.time_base:
        seconds = stream.duration * stream.time_base
    duration = round(seconds * 1000) if seconds is not None else 0
    return duration if 0 < duration <= _LONGEST_MS else None


def _shown_size(width: int, height: int, stream: VideoStream) -> tuple[int, int]:
    """Return the size with square pixels: some films are narrower than they are shown."""
    aspect = stream.sample_aspect_ratio
    if not aspect or not 0.1 < aspect < 10:
        return width, height
    return round(width * aspect), height


# Frames


def _times(duration: int | None, count: int) -> list[int]:
    """Return the middles of `count` equal parts of a duration in ms."""
    return [(2 * number + 1) * duration // (2 * count) for number in range(count)] if duration else [0]


def _begin(stream: VideoStream) -> Fraction:
    return (stream.start_time or 0) * (stream.time_base or Fraction(1))


def _still(frame: VideoFrame, stream: VideoStream) -> Still:
    picture = _picture(frame, stream, LONGER_SIDE, LONGER_SIDE)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=_QUALITY)
    shown = max(frame.time or 0.0, 0.0) - float(_begin(stream))
    return Still(max(round(shown * 1000), 0), target.getvalue(), *picture.size)


def _picture(frame: VideoFrame, stream: VideoStream, most_wide: int, most_high: int) -> Image.Image:
    """Return a frame upright, with square pixels, no wider and no higher than this."""
    turn = frame.rotation % 360
    wide, high = _shown_size(frame.width, frame.height, stream)
    if turn in (90, 270):
        most_wide, most_high = most_high, most_wide
    scale = min(most_wide / wide, most_high / high, 1.0)
    size = max(round(wide * scale), 1), max(round(high * scale), 1)
    picture: Image.Image = frame.to_image(width=size[0], height=size[1])  # type: ignore[no-untyped-call]
    return picture.rotate(turn, expand=True) if turn else picture
