from __future__ import annotations

import base64
import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuts import NONCE, new_lifts
from darkroom.codecs import data_uri
from darkroom.errors import InvalidMedia
from darkroom.lifted import Lifted, Lifts

DATA = random.Random(3).randbytes(500)
CHARS = base64.b64encode(DATA).decode()


def read(lifted: Lifted) -> bytes:
    return b"".join(lifted.chunks())


def spell(data: bytes, urlsafe: bool, padded: bool, width: int, start: str, percent: bool) -> str:
    chars = (base64.urlsafe_b64encode(data) if urlsafe else base64.b64encode(data)).decode()
    chars = chars if padded else chars.rstrip("=")
    lines = [chars[at : at + width] for at in range(0, len(chars), width)] if width else [chars]
    text = start + "\r\n".join(lines)
    return quote(text, safe="") if percent else text


SPELLINGS = (
    st.binary(min_size=1, max_size=400), st.booleans(), st.booleans(), st.sampled_from([0, 4, 76]),
    st.sampled_from(["", "\n", " \n"]),
)  # fmt: skip


@given(*SPELLINGS, st.booleans())
def test_every_spelling_of_a_data_uri(
    data: bytes, urlsafe: bool, padded: bool, width: int, start: str, percent: bool
) -> None:
    uri = "data:image/PNG;base64," + spell(data, urlsafe, padded, width, start, percent)
    found = data_uri.parse(uri, new_lifts())
    assert (found.mime, read(found.lifted), found.lifted.size) == ("image/png", data, len(data))


@given(*SPELLINGS)
def test_every_spelling_of_bare_base64(data: bytes, urlsafe: bool, padded: bool, width: int, start: str) -> None:
    lifted = data_uri.lift_base64(spell(data, urlsafe, padded, width, start, False), new_lifts())
    assert read(lifted) == data


@given(st.binary(min_size=1), st.sampled_from(["image/png", "video/mp4", "application/pdf"]))
def test_what_is_encoded_is_parsed(data: bytes, mime: str) -> None:
    uri = data_uri.encode(mime, data)
    assert uri.startswith(data_uri.prefix(mime))
    assert data_uri.is_data_uri(uri)
    found = data_uri.parse(uri, new_lifts())
    assert (found.mime, read(found.lifted)) == (mime, data)


@given(st.binary(min_size=1))
def test_percent_encoded_data(data: bytes) -> None:
    found = data_uri.parse("data:text/plain;charset=utf-8," + quote(data), new_lifts())
    assert (found.mime, read(found.lifted)) == ("text/plain", data)


@pytest.mark.parametrize(
    ("uri", "mime", "data"),
    [
        ("data:,hello%20w", None, b"hello w"),
        ("data:;base64,QQ==", None, b"A"),
        ("  DATA:image/png ; BASE64 ,QQ==", "image/png", b"A"),
        ('data:image/svg+xml;utf8,<svg a="b,c"/>', "image/svg+xml", b'<svg a="b,c"/>'),
        ("data:text/plain;base64=no,a+b", "text/plain", b"a+b"),
        ("data:image/png;name=a.png;base64,QQ", "image/png", b"A"),
    ],
)
def test_the_start_of_a_data_uri(uri: str, mime: str | None, data: bytes) -> None:
    found = data_uri.parse(uri, new_lifts())
    assert (found.mime, read(found.lifted)) == (mime, data)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("data:image/png;base64,", "is empty"),
        ("data:image/png;base64,\n", "is empty"),
        ("data:image/png;base64,====", "its base64 is broken"),
        ("data:image/png,", "is empty"),
        ("data:image/png;base64", "no comma"),
        ("data:image/png;base64,iVBORw0………………9Zuq", "its base64 is broken"),
        ("data:image/png;base64,...", "its base64 is broken"),
        ("data:image/png;base64,AAAAA", "its base64 is broken"),
        ("data:image/png;base64,AA==AA==", "its base64 is broken"),
        ("data:image/png;base64,%E5%9B%BE", "its base64 is broken"),
        ("data:image/png;base64,\ud800AAA", "its base64 is broken"),
        ("data:image/png;base64,\x1alift:other:0\x1a", "its base64 is broken"),
        (f"data:image/png;base64,\x1alift:{NONCE}:77\x1a", "its base64 is broken"),
    ],
)
def test_broken_data_uris_say_what_is_wrong(uri: str, message: str) -> None:
    lifts = new_lifts()
    with pytest.raises(InvalidMedia, match=message):
        data_uri.parse(uri, lifts)
    assert not lifts._runs


@pytest.mark.parametrize("text", ["", "not base64!", "A", "https://example.com/a.png"])
def test_broken_base64(text: str) -> None:
    with pytest.raises(InvalidMedia):
        data_uri.lift_base64(text, new_lifts())


@pytest.mark.parametrize(
    ("text", "answer"),
    [("data:x", True), (" DATA:", True), ("", False), ("https://data:", False), ("dat", False)],
)
def test_is_data_uri(text: str, answer: bool) -> None:
    assert data_uri.is_data_uri(text) is answer


def as_pieces(lifts: Lifts, cuts: list[int], first: bool) -> str:
    """Return CHARS with every other piece as a placeholder."""
    text, start, as_run = "", 0, first
    for stop in [*sorted(cuts), len(CHARS)]:
        piece = CHARS[start:stop]
        if as_run:
            run = lifts.open()
            run.feed(piece.encode())
            piece = run.placeholder
        text, start, as_run = text + piece, stop, not as_run
    return text


@given(st.lists(st.integers(0, len(CHARS)), max_size=5), st.booleans())
def test_a_payload_may_hold_placeholders(cuts: list[int], first: bool) -> None:
    lifts = new_lifts()
    lifted = data_uri.lift_base64(as_pieces(lifts, cuts, first), lifts)
    assert read(lifted) == DATA
    assert not lifts._runs
    found = data_uri.parse("data:image/png;base64," + as_pieces(lifts, cuts, first), lifts)
    assert read(found.lifted) == DATA
    assert not lifts._runs


def test_a_placeholder_in_percent_encoded_text_is_restored() -> None:
    lifts = new_lifts()
    run = lifts.open()
    run.feed(b"QUJD")
    found = data_uri.parse(f"data:image/svg+xml,%3Csvg>{run.placeholder}", lifts)
    assert read(found.lifted) == b"<svg>QUJD"


def test_the_same_placeholder_twice_is_broken() -> None:
    lifts = new_lifts()
    run = lifts.open()
    run.feed(b"QUJD")
    with pytest.raises(InvalidMedia):
        data_uri.lift_base64(run.placeholder * 2, lifts)
