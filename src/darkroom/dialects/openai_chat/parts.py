"""Content parts: every spelling that clients and relays use, read into one `Part`.

A reader takes the part's own fields; which reader depends on `type`, or, where that is missing, on the field that is
there. New spellings are new rows in `READERS`. Formats: OpenAI `types/chat/*`, OpenRouter, vLLM-Omni, AiHubMix, and the
Responses-style parts that leak into chat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from darkroom.codecs import data_uri, links
from darkroom.codecs.text_lift import TextLifter
from darkroom.errors import InvalidMedia, MalformedRequest, UnsupportedPart
from darkroom.lifted import PLACEHOLDER, Lifts, broken
from darkroom.media import MediaKind, kind_of, sniff
from darkroom.messages import Inline, MediaPart, Named, Opaque, Part, Remote, Source, Text

OPAQUE = frozenset({"refusal", "thinking", "redacted_thinking", "reasoning"})
_KIND = {"image": MediaKind.IMAGE, "video": MediaKind.VIDEO, "audio": MediaKind.AUDIO, "file": MediaKind.FILE}
_PAYLOADS = ("url", "file_url", "file_id", "file_data", "data", "base64", "b64_json", "image_url", "id")
_IDS = ("media_", "gen_", "file_", "file-")
_MIN_BARE = 40
_MIN_MEDIA = 24
"""Bytes: what is shorter is no picture, whatever it begins like."""


def read_part(value: Any, lifts: Lifts, param: str) -> Iterator[Part]:
    """Yield what a content part holds. Raises `UnsupportedPart` and `MalformedRequest`, naming `param`."""
    if isinstance(value, str):
        yield from read_text(value, lifts)
        return
    if not isinstance(value, dict):
        raise MalformedRequest(f"{param} must be an object", param=param)
    kind = value.get("type") or next((key for key in _BY_FIELD if key in value), None)
    name = kind if isinstance(kind, str) else ""
    if name in OPAQUE:
        yield Opaque(lifts.restore(value))
        return
    reader = READERS.get(name)
    if reader is None:
        known = ", ".join(name for name in READERS if not name.startswith("_"))
        raise UnsupportedPart(f"{param}: no part of type {kind!r} is known; known: {known}", param=f"{param}.type")
    yield from reader(value, lifts, param)


def is_part(value: Mapping[str, Any]) -> bool:
    """Tell whether an object is a part, and not only what stands in one (`{"url": …}`, `{"data": …}`)."""
    return "type" in value or any(name in value for name in _BY_FIELD)


def read_text(text: str, lifts: Lifts, extra: Mapping[str, Any] | None = None) -> Iterator[Part]:
    """Yield a text, with the data URIs in it taken out as media where they stood."""
    if "base64," not in text.lower():
        yield Text(lifts.restore(text), extra or {})
        return
    lifter = TextLifter(lifts)
    lifted = lifter.decode(text) + lifter.flush()
    position = 0
    for found in links.references(lifted):
        if found.what != "data" or not _is_media(found.value, lifts):
            continue
        if before := lifted[position : found.start]:
            yield Text(lifts.restore(before))
        source = _of_uri(found.value, lifts)
        kind = kind_of(source.declared_mime or "image/png")
        yield MediaPart(kind, source, place="text", alt=found.alt)
        position = found.end
    if position < len(lifted) or not position:
        yield Text(lifts.restore(lifted[position:]), extra or {})


def _is_media(uri: str, lifts: Lifts) -> bool:
    """Tell media from what a text only quotes: an icon's SVG, a font, an example cut short."""
    match = PLACEHOLDER.search(uri)
    lifted = lifts.get(match[0]) if match else None
    if lifted is None:
        return False
    lifted.finish()
    declared = uri[5:40].lower()
    claims = declared.startswith(("image/", "video/", "audio/")) and not declared.startswith("image/svg")
    return lifted.size >= _MIN_MEDIA and (claims or sniff(lifted.head) is not None)


def read_source(value: Any, lifts: Lifts, param: str, *, bare: bool = True) -> Source:
    """Return where a value says that its media is: a data URI, a URL, an id, or bare base64."""
    if not isinstance(value, str) or not value:
        raise MalformedRequest(f"{param} must be a URL, a data URI or an id", param=param)
    if data_uri.is_data_uri(value):
        return _of_uri(value, lifts)
    # Base64 of a JPEG begins with a slash too; a path says what it leads to.
    if value.startswith(("http://", "https://", "/media/")) or (value[0] == "/" and links.kind_by_name(value)):
        return Remote(value)
    if value.startswith(_IDS):
        return Named(value)
    if bare and (lifts.find(value) or len(value) >= _MIN_BARE):
        return _of_base64(value, lifts)
    raise MalformedRequest(f"{param} must be a URL, a data URI or an id", param=param)


# Broken data is told where it is stored: what stands in an old turn, or beside a good picture, must not end it all.


def _of_uri(uri: str, lifts: Lifts) -> Inline:
    try:
        read = data_uri.parse(uri, lifts)
    except InvalidMedia as error:
        return Inline(broken(lifts, error.message))
    return Inline(read.lifted, read.mime)


def _of_base64(text: str, lifts: Lifts, mime: str | None = None) -> Inline:
    return Inline(data_uri.lift_or_broken(text, lifts), mime)


def _text(value: dict[str, Any], lifts: Lifts, param: str) -> Iterator[Part]:
    text = value.get("text")
    if not isinstance(text, str):
        raise MalformedRequest(f"{param}.text must be a string", param=f"{param}.text")
    yield from read_text(text, lifts, lifts.restore(_rest(value, "text")))


def _media(value: dict[str, Any], lifts: Lifts, param: str) -> Iterator[Part]:
    """Read any part that holds one piece of media: flat, or nested under the name of its kind."""
    name, inner = _payload(value, param)
    if isinstance(inner, list):
        yield from _frames(value, name, inner, lifts, param)
        return
    fields = inner if isinstance(inner, dict) else {name: inner}
    key = next((key for key in (*_PAYLOADS, name) if fields.get(key)), None)
    if key is None:
        raise MalformedRequest(f"{param}.{name} names no media", param=f"{param}.{name}")
    source = read_source(fields[key], lifts, f"{param}.{key}" if fields is not inner else f"{param}.{name}.{key}")
    kind = _kind_of_part(value, source)
    filename = lifts.restore(fields.get("filename") or value.get("filename"))
    extra = {k: v for k, v in {**_rest(value, name), **fields}.items() if k not in {key, "filename", "index", "type"}}
    yield MediaPart(kind, source, filename=filename if isinstance(filename, str) else None, extra=lifts.restore(extra))
    if isinstance(caption := value.get("text"), str) and caption:
        yield Text(lifts.restore(caption))


def _frames(value: dict[str, Any], name: str, frames: list[Any], lifts: Lifts, param: str) -> Iterator[Part]:
    """Read a video that is told as its frames, as Qwen's API takes it: pictures, and in words what they are."""
    if "video" in name:
        fps = value.get("fps")
        pace = f", {fps} a second" if isinstance(fps, int | float) else ""
        yield Text(f"[video: its frames{pace}]")
    for index, frame in enumerate(frames):
        yield MediaPart(MediaKind.IMAGE, read_source(frame, lifts, f"{param}.{name}[{index}]"))


def _payload(value: dict[str, Any], param: str) -> tuple[str, Any]:
    for name in _BY_FIELD:
        if name != "text" and value.get(name):
            return name, value[name]
    for name in _PAYLOADS:
        if value.get(name):
            return name, value
    raise MalformedRequest(f"{param} names no media", param=param)


def _kind_of_part(value: dict[str, Any], source: Source) -> MediaKind:
    declared = next((kind for word, kind in _KIND.items() if word in str(value.get("type") or "")), None)
    if declared in {None, MediaKind.FILE}:
        match source:
            case Inline(_, str(mime)):
                return kind_of(mime)
            case Remote(url) if (named := links.kind_by_name(url)) is not None:
                return named
    if declared is None:
        return next((kind for word, kind in _KIND.items() if any(word in key for key in value)), MediaKind.IMAGE)
    return declared


def _inline_data(value: dict[str, Any], lifts: Lifts, param: str) -> Iterator[Part]:
    inner = value.get("inline_data") or value.get("inlineData")
    if not isinstance(inner, dict) or not isinstance(inner.get("data"), str):
        raise MalformedRequest(f"{param}.inline_data.data must be base64", param=param)
    mime = inner.get("mime_type") or inner.get("mimeType") or "image/png"
    yield MediaPart(kind_of(mime), _of_base64(inner["data"], lifts, mime))


def _rest(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in {"type", *names}}


Reader = Callable[[dict[str, Any], Lifts, str], Iterator[Part]]

READERS: dict[str, Reader] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "image_url": _media,
    "input_image": _media,
    "image": _media,
    "video_url": _media,
    "input_video": _media,
    "video": _media,
    "input_audio": _media,
    "audio_url": _media,
    "audio": _media,
    "file": _media,
    "input_file": _media,
    "inline_data": _inline_data,
    "inlineData": _inline_data,
}

# The fields that hold the media, in the order in which they are believed; they also tell a part without `type`.
_BY_FIELD = (
    "inline_data",
    "inlineData",
    "image_url",
    "video_url",
    "audio_url",
    "input_audio",
    "input_video",
    "image",
    "video",
    "audio",
    "file",
    "text",
)
