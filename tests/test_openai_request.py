"""Chat Completions requests: what is written can be read again, and what can't be read is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuts import new_lifts, same_for_all_cuts
from darkroom.codecs.json_lift import JsonLifter
from darkroom.dialects.openai_chat import decode_request, encode_request
from darkroom.dialects.wire import Base64Of, length_of
from darkroom.errors import ClientError, DarkroomError, MalformedRequest, TooLarge, UnsupportedPart
from darkroom.lifted import Lifts
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, Inline, MediaPart, Message, Opaque, Part, Remote, Stored, Text
from running import Json, data_uri, sha256

NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
TEXTS = st.text(max_size=40) | st.sampled_from(["A" * 5000, "\x00", "a\x1ab", "![a](b)", "data:,", '"\\', "/+=" * 900])
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
EXTRAS = st.dictionaries(NAMES.map("x_{}".format), JSON, max_size=2)
URLS = st.sampled_from(
    ["https://example.com/a.png?x=1&y=2", "http://h/ü.mp4", "/media/media_01jqwte8yjf7haxqc521b7z2wf"]
)


def remote(kind: MediaKind, url: str, extra: Json, filename: str | None) -> MediaPart:
    if kind is MediaKind.FILE:  # One whose name says what it is would be read as that.
        return MediaPart(
            kind, Remote(f"https://example.com/{filename or 'download?id=1'}"), filename=filename, extra=extra
        )
    return MediaPart(kind, Remote(url), extra=extra)


MEDIA = st.builds(remote, st.sampled_from(MediaKind), URLS, EXTRAS, st.none() | st.just("a.pdf"))
BESIDE = st.builds(
    lambda url, extra: MediaPart(MediaKind.IMAGE, Remote(url), place="images", extra=extra), URLS, EXTRAS
)
OPAQUES = st.builds(lambda text: Opaque({"type": "refusal", "refusal": text}), TEXTS)
PARTS: st.SearchStrategy[list[Part]] = st.lists(st.builds(Text, TEXTS, EXTRAS) | MEDIA | OPAQUES, max_size=4)
ROLES: st.SearchStrategy[Any] = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"])
STRINGS = st.builds(
    lambda role, text, extra: Message(role, (Text(text),) if text else (), extra=extra), ROLES, TEXTS, EXTRAS
)
LISTS = st.builds(
    lambda role, parts, beside, extra: Message(role, (*parts, *beside), is_string=False, extra=extra),
    ROLES, PARTS, st.lists(BESIDE, max_size=2), EXTRAS,
)  # fmt: skip
CALLS = st.builds(lambda calls: Message("assistant", extra={"tool_calls": calls}), st.lists(JSON, max_size=2))
WITH_USAGE = {"stream_options": {"include_usage": True}}
CONVERSATIONS = st.builds(
    lambda model, messages, stream, usage, params: Conversation(
        model, tuple(messages), stream, usage, {**params, **(WITH_USAGE if usage else {})}
    ),
    NAMES, st.lists(STRINGS | LISTS | CALLS, min_size=1, max_size=4), st.booleans(), st.booleans(), EXTRAS,
)  # fmt: skip


def body_of(conversation: Conversation, blobs: dict[str, bytes] | None = None) -> bytes:
    pieces = encode_request(conversation).pieces
    found = b"".join(
        piece if isinstance(piece, bytes) else base64.b64encode((blobs or {})[piece.media.blob]) for piece in pieces
    )
    assert len(found) == length_of(pieces)
    return found


def read(body: bytes | list[bytes], lifts: Lifts | None = None) -> Conversation:
    lifts = lifts or new_lifts()
    lifter = JsonLifter(lifts)
    chunks = [body] if isinstance(body, bytes) else body
    skeleton = b"".join(map(lifter.decode, chunks)) + lifter.flush()
    return decode_request(skeleton, lifts)


@given(CONVERSATIONS)
def test_what_is_written_can_be_read(conversation: Conversation) -> None:
    assert read(body_of(conversation)) == conversation


@settings(max_examples=25)
@given(CONVERSATIONS, st.integers(0, 1000))
def test_however_it_is_cut(conversation: Conversation, seed: int) -> None:
    body = body_of(conversation)
    assert same_for_all_cuts(body, read, seed, every=len(body) < 2000) == conversation


def stored(data: bytes, mime: str) -> Stored:
    return Stored(Media("media_01jqwte8yjf7haxqc521b7z2wf", "local", sha256(data), mime, len(data), "uploaded", 0))


@given(
    st.binary(min_size=1, max_size=4000), st.sampled_from(["image/png", "video/mp4", "audio/wav", "application/pdf"])
)
def test_stored_media_arrive_as_their_bytes(data: bytes, mime: str) -> None:
    source = stored(data, mime)
    part = MediaPart(source.media.kind, source, filename="a" if source.media.kind is MediaKind.FILE else None)
    message = Message("user", (Text("look"), part), is_string=False)
    try:
        (found,) = read(body_of(Conversation("m", (message,)), {sha256(data): data})).messages[0].media
    except MalformedRequest:
        # Bare base64, which sounds are sent as, can't be told from a word when it is very short.
        assert mime == "audio/wav"
        assert len(data) < 31
        return
    assert isinstance(found.source, Inline)
    assert (found.kind, found.source.lifted.sha256, found.source.lifted.error) == (part.kind, sha256(data), None)
    assert found.filename == part.filename


def test_a_blob_is_not_in_memory_while_it_is_written() -> None:
    source = stored(b"x" * 100, "image/png")
    message = Message("user", (MediaPart(MediaKind.IMAGE, source),), is_string=False)
    pieces = encode_request(Conversation("m", (message,))).pieces
    assert [piece for piece in pieces if isinstance(piece, Base64Of)] == [Base64Of(source.media)]


def test_base64_that_is_no_media_is_put_back() -> None:
    signature = base64.b64encode(bytes(range(256)) * 40).decode()
    body: Json = {
        "model": "m",
        "messages": [{"role": "assistant", "content": "x", "reasoning_details": [{"data": signature}]}],
        "made_up": {signature[:1500]: signature},
    }
    found = read(msgspec.json.encode(body))
    assert found.params == {"made_up": {signature[:1500]: signature}}
    assert found.messages[0].extra == {"reasoning_details": [{"data": signature}]}


def test_a_picture_in_a_string() -> None:
    data = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
    text = f"before ![cat]({data_uri(data)}) after"
    (message,) = read(msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": text}]})).messages
    before, found, after = message.parts
    assert (before, after) == (Text("before "), Text(" after"))
    assert isinstance(found, MediaPart)
    assert isinstance(found.source, Inline)
    assert (found.place, found.alt, found.source.lifted.sha256) == ("text", "cat", sha256(data))
    assert message.is_string


def messages(*found: Any) -> Json:
    return {"model": "m", "messages": list(found)}


WRONG: dict[str, tuple[Any, type[DarkroomError], str | None]] = {
    "no object": ([1], MalformedRequest, None),
    "no model": ({"messages": [{"role": "user"}]}, MalformedRequest, "model"),
    "a model that is no name": ({"model": 7, "messages": [{"role": "user"}]}, MalformedRequest, "model"),
    "no messages": ({"model": "m"}, MalformedRequest, "messages"),
    "empty messages": (messages(), MalformedRequest, "messages"),
    "a message that is none": (messages("hi"), MalformedRequest, "messages[0]"),
    "a role that is none": (messages({"role": "cat"}), MalformedRequest, "messages[0].role"),
    "a role that is a list": (messages({"role": []}), MalformedRequest, "messages[0].role"),
    "a content that is a number": (messages({"role": "user", "content": 7}), MalformedRequest, "messages[0].content"),
    "stream is a word": ({**messages({"role": "user"}), "stream": "yes"}, MalformedRequest, "stream"),
    "an unknown part": (
        messages({"role": "user"}, {"role": "user", "content": [{"type": "smell"}]}),
        UnsupportedPart,
        "messages[1].content[0].type",
    ),
}


@pytest.mark.parametrize(("document", "kind", "param"), WRONG.values(), ids=WRONG)
def test_what_is_refused(document: Any, kind: type[DarkroomError], param: str | None) -> None:
    with pytest.raises(kind) as caught:
        read(msgspec.json.encode(document))
    assert caught.value.param == param


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"model": "m"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        read(body)


def test_too_many_parts() -> None:
    parts = [{"type": "text", "text": "x"}] * 3
    body = msgspec.json.encode(messages({"role": "user", "content": parts}, {"role": "user", "content": "x"}))
    assert len(decode_request(body, new_lifts(), 4).messages) == 2
    with pytest.raises(TooLarge):
        decode_request(body, new_lifts(), 3)


@given(JSON)
def test_nothing_but_our_own_errors(document: Any) -> None:
    survives(lambda: read(msgspec.json.encode(document)))


@given(st.lists(JSON | st.dictionaries(st.sampled_from(["type", "image_url", "image", "file", "text", "url"]), JSON)))
def test_no_part_does_any_harm(parts: list[Any]) -> None:
    survives(lambda: read(msgspec.json.encode(messages({"role": "user", "content": parts, "images": parts}))))


def survives(run: Callable[[], object]) -> None:
    """Whatever comes is read or refused; any other exception is a defect."""
    with suppress(ClientError):
        run()
