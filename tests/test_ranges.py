"""HTTP ranges and entity tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.codecs.ranges import ByteRange, etag_matches, parse_range, range_applies
from darkroom.errors import RangeNotSatisfiable

TAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-", ByteRange(0, 10)),
        ("bytes=3-5", ByteRange(3, 6)),
        ("bytes=9-9", ByteRange(9, 10)),
        ("bytes=5-999999999999999999999999999", ByteRange(5, 10)),
        ("bytes=-3", ByteRange(7, 10)),
        ("bytes=-10", ByteRange(0, 10)),
        ("bytes=-99", ByteRange(0, 10)),
        ("BYTES= 1-2 ", ByteRange(1, 3)),
        ("bytes=0000000000000000000000001-2", ByteRange(1, 3)),
    ],
)
def test_a_range_is_bounded_by_the_size(header: str, expected: ByteRange) -> None:
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-3",
        "bytes=1",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "items=0-1",
        "bytes=١-٢",
        "bytes=+1-2",
        "bytes=1--2",
    ],
)
def test_what_names_no_single_range_is_served_whole(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=10-", 10),
        ("bytes=10-11", 10),
        ("bytes=-0", 10),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
        ("bytes=-0", 0),
    ],
)
def test_a_range_of_no_bytes_is_refused(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable, match=f"{size} bytes"):
        parse_range(header, size)


def test_a_suffix_of_nothing_is_the_whole_of_it() -> None:
    assert parse_range("bytes=-5", 0) is None


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.integers(0, 10**6))
def test_ranges_round_trip(start: int, length: int, behind: int) -> None:
    size = start + length + behind
    parsed = parse_range(f"bytes={start}-{start + length - 1}", size)
    assert parsed == ByteRange(start, start + length)
    assert parsed.length == length
    assert parsed.content_range(size) == f"bytes {start}-{start + length - 1}/{size}"


@given(st.text(alphabet="0123456789-, =bytes", max_size=40), st.integers(0, 100))
def test_any_header_gives_a_range_within_the_size_or_none(header: str, size: int) -> None:
    try:
        parsed = parse_range("bytes=" + header, size)
    except RangeNotSatisfiable:
        return
    assert parsed is None or 0 <= parsed.start < parsed.stop <= size


@given(st.text(max_size=60))
def test_any_text_is_read_without_a_crash(text: str) -> None:
    assert parse_range(text, 10) is None or text.lower().startswith("bytes=")
    assert etag_matches(text, TAG) in {True, False}


def test_huge_headers_are_read() -> None:
    assert parse_range("bytes=" + "0-1," * 250_000, 10) is None
    assert parse_range("bytes=0-" + "9" * 1_000_000, 10) == ByteRange(0, 10)
    assert not etag_matches('"' * 1_000_001, TAG)
    assert etag_matches('W/"x", ' * 100_000 + TAG, TAG)


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        (None, False),
        ("*", True),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        ('"x","y"', False),
        ("abc", False),
        ('"a,b", "abc"', True),
        ('"xabc"', False),
        ("", False),
    ],
)
def test_lists_of_tags(header: str | None, matches: bool) -> None:
    assert etag_matches(header, TAG) is matches
    assert etag_matches(header, "W/" + TAG) is matches


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        (TAG, True),
        ('"old"', False),
        ("W/" + TAG, False),
        ("Sat, 21 Nov 2026 08:00:00 GMT", False),
    ],
)
def test_if_range_wants_our_strong_tag(if_range: str | None, applies: bool) -> None:
    assert range_applies(if_range, TAG) is applies


def test_a_weak_tag_of_ours_never_supports_if_range() -> None:
    assert not range_applies("W/" + TAG, "W/" + TAG)
