from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuts import MemorySink, new_lifts, same_for_all_cuts
from darkroom.errors import TooLarge
from darkroom.lifted import BROKEN, Lifted


def feed(chunks: list[bytes]) -> Lifted:
    lifted = Lifted(MemorySink(), "placeholder")
    for chunk in chunks:
        lifted.feed(chunk)
    return lifted


def facts(chunks: list[bytes]) -> tuple[object, ...]:
    """Return what a run knows after the end, and what it restores before and after it."""
    early = feed(chunks).restore()
    lifted = feed(chunks)
    lifted.finish()
    late = lifted.restore()
    if lifted.error is not None:
        return lifted.error, early, late
    decoded = b"".join(lifted.chunks())
    return None, early, late, lifted.size, lifted.sha256, lifted.head, decoded, lifted._journal


def spelled(data: bytes, urlsafe: bool, padded: bool, width: int, line_end: bytes) -> bytes:
    chars = base64.urlsafe_b64encode(data) if urlsafe else base64.b64encode(data)
    if not padded:
        chars = chars.rstrip(b"=")
    if not width:
        return chars
    return line_end.join(chars[start : start + width] for start in range(0, len(chars), width))


@given(
    st.binary(max_size=3000),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 1, 2, 5, 64, 76]),
    st.sampled_from([b"\n", b"\r\n", b" ", b" \t\r\n"]),
    st.integers(0, 99),
)
def test_every_spelling_is_the_same_bytes(
    data: bytes, urlsafe: bool, padded: bool, width: int, line_end: bytes, seed: int
) -> None:
    chars = spelled(data, urlsafe, padded, width, line_end)
    error, early, late, size, digest, head, decoded, _ = same_for_all_cuts(chars, facts, seed)
    assert error is None
    assert early == late == chars.decode()
    assert (size, digest) == (len(data), sha256(data).hexdigest())
    assert head == data[:512]
    assert decoded == data


@given(st.lists(st.sampled_from([b"AAAA", b"B", b"-", b"+", b"_", b"/", b"=", b"\n", b" ", b"zz" * 50, b"AAAA\n" * 3])))
def test_whatever_was_fed_is_restored(tokens: list[bytes]) -> None:
    chars = b"".join(tokens)
    _, early, late, *_ = same_for_all_cuts(chars, facts)
    assert early == late == chars.decode()


@pytest.mark.parametrize(
    "chars",
    [b"A", b"AAAAA", b"=", b"====", b"AA=", b"AA===", b"AA==AA==", b"A=AA", b"+" * 40 + b"-", b"AAA(", b"__//"],
)
def test_broken_base64_is_said_to_be(chars: bytes) -> None:
    error, early, late = same_for_all_cuts(chars, facts)
    assert error == BROKEN
    assert early == late == chars.decode()


def test_irregular_lines_beyond_measure_break_it_but_are_restored() -> None:
    chars = b"".join(b"A" * (4 + number % 2) + b"\n" for number in range(20_000))
    error, early, late = same_for_all_cuts(chars, facts, every=False)
    assert error == BROKEN
    assert early == late == chars.decode()


@pytest.mark.parametrize("last", ["A AA\n", "\n", "AA\n", "AAAAA\n", "AAAA\r", "AAAA\n\n", "AAAA \n"])
@pytest.mark.parametrize("end", ["AA", "AAAA\n" * 3])
def test_lines_that_are_nearly_equal(last: str, end: str) -> None:
    chars = "AAAA\n" * 5 + last + end
    error, early, late, *_ = same_for_all_cuts(chars.encode(), facts)
    assert (early, late) == (chars, chars)
    assert (error is None) == (len("".join(chars.split())) % 4 != 1)


def test_many_equal_lines_take_one_row_of_the_journal() -> None:
    lifted = feed([(b"A" * 76 + b"\r\n")] * 20_000)
    assert len(lifted._journal) == 1
    assert lifted.error is None


def test_stray_bits_of_the_last_quantum_are_kept() -> None:
    assert same_for_all_cuts(b"AAAAQR==", facts)[:3] == (None, "AAAAQR==", "AAAAQR==")


def test_feed_plain_takes_all_or_nothing() -> None:
    lifted = feed([b"AAAA"])
    assert not lifted.feed_plain(b"BBBB)")
    assert not lifted.feed_plain(b"BBBB\n")
    assert lifted.feed_plain(b"BBBB")
    assert lifted.restore() == "AAAABBBB"


def test_a_run_over_the_limit_is_refused_and_let_go_of() -> None:
    sink = MemorySink()
    lifted = Lifted(sink, "placeholder", limit=300)
    for _ in range(10):
        lifted.feed(b"AAAA" * 10)
    with pytest.raises(TooLarge, match="limit of 300 bytes"):
        lifted.feed(b"AAAAAAAA")
    assert sink.discarded
    assert len(sink.data) <= 300


def test_a_run_may_be_as_large_as_the_limit() -> None:
    lifted = Lifted(MemorySink(), "placeholder", limit=300)
    lifted.feed(b"AAAA" * 100)
    lifted.finish()
    assert lifted.size == 300


def test_restore_reaches_every_string_of_a_value() -> None:
    lifts = new_lifts()
    runs = [lifts.open() for _ in range(4)]
    for number, run in enumerate(runs):
        run.feed(b"QUJ%d" % number)
    value = {
        runs[0].placeholder: [f"a{runs[1].placeholder}b{runs[2].placeholder}", 1, None],
        "x": runs[3].placeholder,
    }
    assert lifts.restore(value) == {"QUJ0": ["aQUJ1bQUJ2", 1, None], "x": "QUJ3"}
    assert all(run.sink.discarded for run in runs)  # type: ignore[attr-defined]


def test_foreign_placeholders_are_left_alone() -> None:
    lifts = new_lifts()
    run = lifts.open()
    another = new_lifts(nonce="another").open().placeholder
    others = [another, run.placeholder.replace("0\x1a", "1\x1a"), "\x1alift:"]
    assert lifts.restore(others) == others
    assert lifts.get(others[0]) is None


def test_take_finishes_and_hands_over() -> None:
    lifts = new_lifts()
    run = lifts.open()
    run.feed(b"QUJD")
    assert lifts.take(run.placeholder) is run
    assert (run.complete, run.size) == (True, 3)
    lifts.close()
    assert not run.sink.discarded  # type: ignore[attr-defined]
    with pytest.raises(KeyError):
        lifts.take(run.placeholder)


def test_close_discards_what_nobody_took() -> None:
    lifts = new_lifts()
    run = lifts.open()
    lifts.close()
    assert run.sink.discarded  # type: ignore[attr-defined]


@given(st.binary(max_size=300), st.integers(0, 400), st.sampled_from([0, 76]))
def test_append_continues_a_run_with_another(data: bytes, cut: int, width: int) -> None:
    chars = spelled(data, urlsafe=False, padded=True, width=width, line_end=b"\n")
    lifts = new_lifts()
    first, second = lifts.open(), lifts.open()
    first.feed(chars[:cut])
    second.feed(chars[cut:])
    lifts.append(first, second.placeholder)
    assert second.sink.discarded  # type: ignore[attr-defined]
    assert lifts.get(second.placeholder) is None
    taken = lifts.take(first.placeholder)
    assert b"".join(taken.chunks()) == data
    assert taken.restore() == chars.decode()
