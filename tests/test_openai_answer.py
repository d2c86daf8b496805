"""Chat Completions answers: read alike however they are cut, written alike streamed and plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuts import new_lifts, same_for_all_cuts
from darkroom.dialects.media_text import MediaText
from darkroom.dialects.openai_chat import AnswerHead, EventDecoder, EventEncoder, assemble
from darkroom.dialects.relay_text import merge
from darkroom.dialects.wire import Piece, length_of
from darkroom.errors import DarkroomError, UpstreamBroken, UrlUnreachable
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaLost,
    MediaProduced,
    MediaStored,
    Passthrough,
    Planned,
    Progress,
    ReasoningDelta,
    Remembered,
    Started,
    TextDelta,
    UpstreamNamed,
    UsageReported,
)
from darkroom.media import Media, MediaKind
from darkroom.settings import OUTPUTS, Output
from darkroom.sketch import paint
from darkroom.testing.forms import CLOSE, FORMS, OPEN, VIDEOS, Made, Shown
from darkroom.testing.rendering import Knobs, Renderer
from running import Json, added_up, message_of, sha256

BOTH = frozenset({MediaKind.IMAGE, MediaKind.VIDEO})
BLOBS = [paint(words, size=(64, 64)).data for words in ("one", "two")]
GENS = ("gen_01jqwte8yjf7haxqc521b7z2wf", "gen_01jqwtksnne8mtahpxcdyzna0m")
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def shown(number: int, suffix: str = "png") -> Shown:
    url = f"https://cdn.example.com/20250403/{number}.{suffix}"
    mark = f"{OPEN}{number}{CLOSE}"
    return Shown(mark, "image/png", url, url.replace("20250403", "download/20250403"), GENS[number])


MADE = Made(
    "a cat", (shown(0), shown(1)), (11, 44), shown(1), shown(1, "mp4"), task_id="task_01jqwtd9rvev28cr2kechxszq1"
)

KNOBS = {
    "usual": Knobs(),
    "small deltas": Knobs(chunk=50),
    "escaped": Knobs(escape=True),
    "url-safe": Knobs(urlsafe=True, nopad=True),
    "in lines": Knobs(wrap=True, chunk=100),
}


def rendered(form: str, knobs: Knobs, stream: bool) -> bytes:
    renderer = Renderer("m", knobs, BLOBS, USAGE)
    written = FORMS[form](MADE)
    if not stream:
        return b"".join(renderer.whole(written))
    return b"".join(segment for frame in renderer.frames(written) for segment in frame.segments)


def decoded(chunks: list[bytes], partials: bool = False) -> list[Any]:
    """Return what comes out: events, media by their hash, and at the end perhaps an error."""
    lifts = new_lifts()
    decoder, text = EventDecoder(lifts, partials=partials), MediaText(lifts, BOTH)
    events: list[Event] = []
    error: list[Any] = []
    try:
        for chunk in chunks:
            events += text.decode(decoder.decode(chunk))
        events += text.decode(decoder.flush())
    except DarkroomError as raised:
        error = [(type(raised), raised.message)]
    return [*map(comparable, merge(events)), *error]


def comparable(event: Event) -> Any:
    match event:
        case MediaProduced(kind, lifted=lifted) if lifted is not None:
            return (kind, lifted.sha256, lifted.size, lifted.error, event.alt, event.in_text)
        case Failed(error):
            return (type(error), error.message)
        case _:
            return event


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("form", [form for form in FORMS if not form.startswith("bad-")])
def test_any_cut(form: str, stream: bool) -> None:
    body = rendered(form, Knobs(), stream)
    events = same_for_all_cuts(body, decoded, seed=len(body))
    assert not any(b"base64" in str(event).encode() for event in events)


@pytest.mark.parametrize("knobs", KNOBS.values(), ids=KNOBS)
@pytest.mark.parametrize("form", ["markdown-base64", "images", "reasoning", "gemini-leak"])
def test_any_cut_of_any_spelling(form: str, knobs: Knobs) -> None:
    events = same_for_all_cuts(rendered(form, knobs, True), decoded, every=False)
    found = [event[1] for event in events if isinstance(event, tuple)]
    assert found == [sha256(data) for data in BLOBS]


# What comes before an error depends on the way.
ALIKE = [name for name in FORMS if not name.startswith(("bad-", "fail-", "images-partials", "dies"))]


@pytest.mark.parametrize("form", sorted(set(ALIKE) - VIDEOS - {"text"}))
def test_streamed_and_plain_are_read_alike(form: str) -> None:
    """The same message, whichever way it comes: its media in order, and its text."""
    streamed, plain = (decoded([rendered(form, Knobs(), stream)]) for stream in (True, False))
    assert media_of(streamed) == media_of(plain)
    for kind in (TextDelta, ReasoningDelta, Progress):
        assert said(streamed, kind) == said(plain, kind)
    assert UsageReported(USAGE) in streamed or form == "gemini-leak"


def media_of(events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, tuple | MediaProduced)]


def said(events: list[Any], kind: type[TextDelta] | type[ReasoningDelta] | type[Progress]) -> str:
    return "".join(event.text for event in events if isinstance(event, kind))


def test_of_several_versions_the_last_counts() -> None:
    events = decoded([rendered("images-partials", Knobs(), True)], partials=True)
    assert [event[1] for event in media_of(events)] == [sha256(BLOBS[0])]
    all_of_them = decoded([rendered("images-partials", Knobs(), True)])
    assert len(media_of(all_of_them)) == 2


@settings(max_examples=40)
@given(st.sampled_from(["images", "markdown-base64", "relay", "text"]), st.data())
def test_an_answer_that_stops_early_is_broken(form: str, data: st.DataObject) -> None:
    """No cut makes half an answer a whole one."""
    body = rendered(form, Knobs(), True)
    end = body.index(b'"finish_reason":"stop"')
    stop = data.draw(st.integers(0, end))
    events = decoded([body[:stop]])
    assert events[-1] == Finished("stop", whole=False) or events[-1][0] is UpstreamBroken
    assert not any(isinstance(event, Finished) and event.whole for event in events)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_noise_is_an_error_of_ours(noise: bytes) -> None:
    events = decoded([noise])
    assert isinstance(events[-1], Finished) or issubclass(events[-1][0], DarkroomError)


SCALARS = st.none() | st.integers(-5, 5) | st.text(max_size=5) | st.booleans()
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
)
FIELDS = st.sampled_from(["content", "images", "image", "multi_mod_content", "tool_calls", "reasoning", "output", "wm"])


@given(st.dictionaries(FIELDS, JSON) | JSON, st.sampled_from(["message", "delta"]))
def test_no_message_does_any_harm(message: Any, name: str) -> None:
    body = msgspec.json.encode({"choices": [{name: message}]})
    events = decoded([body])
    assert isinstance(events[-1], Finished) or issubclass(events[-1][0], DarkroomError)


@given(st.dictionaries(st.sampled_from(["choices", "candidates", "data", "usage", "error", "id"]), JSON))
def test_no_frame_does_any_harm(frame: Any) -> None:
    events = decoded([msgspec.json.encode(frame)])
    assert isinstance(events[-1], Finished) or issubclass(events[-1][0], DarkroomError)


def test_signatures_are_remembered_and_passed_on() -> None:
    details = [{"type": "reasoning.encrypted", "data": "c2lnbmF0dXJl" * 300}]
    body = msgspec.json.encode({"choices": [{"message": {"content": "x", "reasoning_details": details}}]})
    events = same_for_all_cuts(body, decoded)
    assert Remembered({"reasoning_details": details}) in events
    assert Passthrough({"reasoning_details": details}) in events


# Writing.


def media(number: int, mime: str = "image/png") -> Media:
    return Media(
        f"media_01jqwte8yjf7haxqc521b7z2w{number}", "local", f"{number}" * 64, mime, 10 + number, "generated", 0
    )


STORED = st.builds(
    MediaStored,
    st.sampled_from([media(0), media(1), media(2), media(3, "video/mp4"), media(4, "application/pdf")]),
    st.sampled_from(["", "a cat", "a ] b\nc"]),
    st.booleans(),
)
WORDS = st.text(min_size=1, max_size=12)
EVENTS: st.SearchStrategy[Any] = st.one_of(
    st.builds(TextDelta, WORDS),
    st.builds(ReasoningDelta, WORDS),
    STORED,
    st.builds(Progress, st.sampled_from(["queued", "running", "done"]), st.none() | st.integers(0, 100), WORDS),
    st.just(Planned({"prompt": "a cat"}, '{"prompt": "a cat"}')),
    st.just(UpstreamNamed("task_id", "task_1")),
    st.just(UpstreamNamed("gen_id", "gen_1")),
    st.just(MediaLost(MediaKind.IMAGE, UrlUnreachable("gone"), "https://x/y.png", "![y](https://x/y.png)")),
    st.just(MediaLost(MediaKind.IMAGE, UrlUnreachable("gone"))),
    st.builds(lambda text: Passthrough({"refusal": text}), WORDS),
    st.just(Started("x", "y")),
)


def head(output: Output, usage: bool = True) -> AnswerHead:
    return AnswerHead("chatcmpl-1", "m", 1, output, "http://h", "en", usage)


def report() -> Mapping[str, Any]:
    return {"generations": [], "media": [], "omitted": []}


def joined(pieces: tuple[Piece, ...] | list[Piece]) -> bytes:
    found = b"".join(
        piece if isinstance(piece, bytes) else (piece.media.blob * 9)[: piece.length].encode() for piece in pieces
    )
    assert len(found) == length_of(pieces)
    return found


def streamed(output: Output, events: list[Event]) -> list[Json]:
    encoder = EventEncoder(head(output), report, lambda: "gen_1")
    body = b"".join(joined(encoder.encode(event)) for event in events)
    frames = body.decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    return [msgspec.json.decode(frame.removeprefix("data: ")) for frame in frames[:-2]]


@pytest.mark.parametrize("output", OUTPUTS)
@given(events=st.lists(EVENTS, max_size=10))
def test_a_stream_adds_up_to_the_plain_answer(output: Output, events: list[Event]) -> None:
    whole = [*events, UsageReported(USAGE), Finished("length")]
    plain = msgspec.json.decode(joined(assemble(head(output), whole, report, lambda: "gen_1")))
    summed = added_up(streamed(output, whole))
    assert message_of(summed) == message_of(plain)
    assert summed["choices"][0]["finish_reason"] == plain["choices"][0]["finish_reason"] == "length"
    assert summed["usage"] == plain["usage"] == USAGE
    assert summed["darkroom"] == plain["darkroom"] == report()


def test_a_failure_ends_the_stream() -> None:
    encoder = EventEncoder(head("markdown"), report)
    body = joined(encoder.encode(Failed(UpstreamBroken("it broke"))))
    first, done, rest = body.decode().split("\n\n")
    error = msgspec.json.decode(first.removeprefix("data: "))
    assert error["error"] == {"message": "it broke", "type": "upstream_error", "param": None, "code": "upstream_broken"}
    assert (done, rest) == ("data: [DONE]", "")


def test_a_failure_is_raised_when_plain() -> None:
    with pytest.raises(UpstreamBroken):
        assemble(head("markdown"), [TextDelta("x"), Failed(UpstreamBroken("it broke"))], report)


def test_pieces_of_tool_calls_are_joined() -> None:
    news: list[Json] = [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        {"index": 0, "function": {"arguments": '{"x":'}},
        {"index": 0, "function": {"arguments": " 1}"}},
    ]
    events: list[Event] = [*(Passthrough({"tool_calls": [call]}) for call in news), Finished("tool_calls")]
    message = message_of(msgspec.json.decode(joined(assemble(head("markdown"), events, report))))
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert message["content"] is None
