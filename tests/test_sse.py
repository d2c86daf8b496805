from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuts import same_for_all_cuts
from darkroom.codecs.sse import Sse, SseDecoder, encode
from darkroom.errors import UpstreamBroken


def read(chunks: list[bytes]) -> list[Sse]:
    decoder = SseDecoder()
    events = [event for chunk in chunks for event in decoder.decode(chunk)]
    return events + decoder.flush()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [Sse(b"a"), Sse(b"b")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [Sse(b"a"), Sse(b"b")]),
        (b"data: a\r\rdata: b\r\r", [Sse(b"a"), Sse(b"b")]),
        (b"data: a\r\n\ndata: b\n\r\n", [Sse(b"a"), Sse(b"b")]),
        (b"data: 1\rdata: 2\ndata: 3\r\n\n", [Sse(b"1\n2\n3")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Sse(b"a")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [Sse(b"a")]),
        (b": OPENROUTER PROCESSING\n\ndata:a\n\n:\n\n", [Sse(b"a")]),
        (b"event: error\ndata: {}\n\ndata: x\n\n", [Sse(b"{}", "error"), Sse(b"x")]),
        (b"event: lost\n\ndata: x\n\n", [Sse(b"x")]),
        (b"event: a\nevent\ndata: x\n\n", [Sse(b"x")]),
        (b"event:a\nevent:b\ndata: x\n\n", [Sse(b"x", "b")]),
        (b"id: 7\nretry: 10\nfoo: bar\ndata: x\n\n", [Sse(b"x")]),
        (b"data:  two spaces\n\n", [Sse(b" two spaces")]),
        (b"data\n\ndata:\n\n", [Sse(b""), Sse(b"")]),
        (b"data\ndata\n\n", [Sse(b"\n")]),
        (b"datas: no\n\n", []),
        (b"data: last", [Sse(b"last")]),
        (b"data: last\n", [Sse(b"last")]),
        (b"event: last\n", []),
        ("data: 图\u2028片\x0b\x0c\x85\n\n".encode(), [Sse("图\u2028片\x0b\x0c\x85".encode())]),
        (b"", []),
        (b"\n\n\n", []),
    ],
)
def test_streams(stream: bytes, events: list[Sse]) -> None:
    assert same_for_all_cuts(stream, read) == events


@given(st.lists(st.sampled_from([b"data: x", b"data:", b"event: e", b":c", b"\n", b"\r", b"\r\n", b"\n\n"])))
def test_the_cut_does_not_matter(tokens: list[bytes]) -> None:
    same_for_all_cuts(b"".join(tokens), read)


@given(st.lists(st.tuples(st.binary(), st.sampled_from([None, "error", "response.created"]))))
def test_what_is_encoded_is_decoded(events: list[tuple[bytes, str | None]]) -> None:
    stream = b"".join(encode(data, event) for data, event in events)
    wanted = [Sse(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), event or "") for data, event in events]
    assert same_for_all_cuts(stream, read) == wanted


def test_encode() -> None:
    assert encode(b"[DONE]") == b"data: [DONE]\n\n"
    assert encode(b"a\nb", "error") == b"event: error\ndata: a\ndata: b\n\n"


def test_events_come_as_soon_as_they_end() -> None:
    decoder = SseDecoder()
    assert decoder.decode(b"data: a\n") == []
    assert decoder.decode(b"\r") == [Sse(b"a")]
    assert decoder.decode(b"\ndata: b\n\nda") == [Sse(b"b")]
    assert decoder.decode(b"ta: c\n\n") == [Sse(b"c")]
    assert decoder.flush() == []


@pytest.mark.parametrize("chunk", [b"x", b"data: x\n", b"\ndata: xyz"])
def test_an_event_over_the_limit_breaks(chunk: bytes) -> None:
    decoder = SseDecoder(limit=1000)

    def read_on() -> None:
        for _ in range(1001):
            decoder.decode(chunk)

    with pytest.raises(UpstreamBroken, match="larger than 1000 bytes"):
        read_on()


def test_the_limit_is_per_event() -> None:
    decoder = SseDecoder(limit=1000)
    for _ in range(10):
        assert len(decoder.decode(b"data: " + b"x" * 900 + b"\n\n")) == 1
