from __future__ import annotations

import base64
import json
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuts import NONCE, new_lifts, pieces, same_for_all_cuts
from darkroom.codecs.json_lift import JsonLifter
from darkroom.errors import TooLarge
from darkroom.lifted import Lifts

MIN = 64  # a small least length, so that short inputs meet every rule

Result = tuple[bytes, list[str | None], list[bytes]]


def lift(chunks: list[bytes], lifts: Lifts, min_run: int = MIN) -> bytes:
    lifter = JsonLifter(lifts, min_run)
    return b"".join(lifter.decode(chunk) for chunk in chunks) + lifter.flush()


def result(chunks: list[bytes]) -> Result:
    """Return the skeleton, and each run's error and characters."""
    lifts = new_lifts()
    skeleton = lift(chunks, lifts)
    runs = list(lifts._runs.values())
    found = [b"".join(run.restored()) for run in runs]
    for run in runs:
        run.finish()
    return skeleton, [run.error for run in runs], found


def lifted_from(text: str) -> list[bytes]:
    """Lift from a raw JSON string, in all cuttings, and return the runs; the rest must come back unharmed."""
    raw = f'{{"k":"{text}"}}'.encode()
    skeleton, _, runs = same_for_all_cuts(raw, result)
    check_restored(raw, skeleton)
    return runs


def check_restored(raw: bytes, skeleton: bytes) -> None:
    lifts = new_lifts()
    assert lift([raw], lifts) == skeleton
    assert lifts.restore(json.loads(skeleton)) == json.loads(raw)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


CHARS = base64.b64encode(noise(120)).decode()
URLSAFE = base64.urlsafe_b64encode(noise(120)).decode()


def in_lines(chars: str, width: int, line_end: str) -> str:
    return line_end.join(pieces(chars, width))


def spell(chars: str, how: int) -> str:
    """Write base64 inside a JSON string as one of the writers does."""
    match how:
        case 0:
            return chars
        case 1:
            return chars.replace("/", "\\/")
        case 2:
            return chars.replace("+", "\\u002b").replace("=", "\\u003d").replace("/", "\\u002f")
        case 3:
            return chars.replace("+", "\\u002B").replace("=", "\\u003D").replace("/", "\\u002F")
        case 4:
            return chars.replace("-", "\\u002d").replace("_", "\\u005F")
        case 5:
            return in_lines(chars, 40, "\\n")
        case _:
            return in_lines(chars, 76, "\\r\\n").replace("/", "\\/")


@pytest.mark.parametrize("how", range(7))
@pytest.mark.parametrize("size", [50, 51, 52, 120, 200])
@pytest.mark.parametrize("urlsafe", [False, True])
def test_every_spelling_is_lifted_as_one_run(how: int, size: int, urlsafe: bool) -> None:
    data = noise(size, size)
    chars = (base64.urlsafe_b64encode(data) if urlsafe else base64.b64encode(data)).decode()
    raw = json.dumps({"a": "X"}).replace("X", spell(chars, how)).encode()
    skeleton, errors, runs = same_for_all_cuts(raw, result)
    assert skeleton == b'{"a": "\\u001alift:%b:0\\u001a"}' % NONCE.encode()
    assert errors == [None]
    assert runs[0].translate(None, b"\r\n").decode() == chars
    check_restored(raw, skeleton)


def test_a_data_uri_in_markdown_keeps_what_is_around_the_run() -> None:
    raw = json.dumps({"content": f"see ![x](data:image/png;base64,{CHARS}) and\n\nmore"}).encode()
    skeleton, _, runs = same_for_all_cuts(raw, result)
    content = json.loads(skeleton)["content"]
    assert content == f"see ![x](data:image/png;base64,\x1alift:{NONCE}:0\x1a) and\n\nmore"
    assert runs == [CHARS.encode()]


def test_two_runs_in_a_key_and_in_a_value() -> None:
    raw = json.dumps({CHARS: [URLSAFE, CHARS]}).encode()
    skeleton, _, runs = same_for_all_cuts(raw, result)
    assert runs == [CHARS.encode(), URLSAFE.encode(), CHARS.encode()]
    check_restored(raw, skeleton)


def test_an_sse_stream_is_lifted_before_it_is_framed() -> None:
    frame = f'data: {{"delta":{{"content":"{CHARS}"}}}}\n\n'
    skeleton, _, runs = same_for_all_cuts((": comment\n\n" + frame * 3 + "data: [DONE]\n\n").encode(), result)
    assert runs == [CHARS.encode()] * 3
    assert max(len(line) for line in skeleton.split(b"\n")) < 80


A = "A" * MIN


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("A" * (MIN - 1), []),
        (A, [A]),
        (A + "=" * 5, [A + "=="]),
        (A + "=\\u003d=", [A + "=="]),
        (A + "==" + A, [A + "==", A]),
        (A + "=" + "B" + A, [A + "=", "B" + A]),
        ("\\n" + A, [A]),
        ("\\u00e9" + A, [A]),
        ("\\u00e9" + A + "\\u00e9" + A, [A, A]),
        ("\\\\" + A, [A]),
        ("\\\\n" + A, ["n" + A]),
        (A + "\\\\n" + A, [A, "n" + A]),
        (A + "\\\\/" + A, [A, "/" + A]),
        (A + "\\\\u002f" + A, [A, "u002f" + A]),
        ("\\\\\\/" + A, ["/" + A]),
        (A + '\\"' + A, [A, A]),
        (A + "\\n", [A]),
        (A + "\\n\\n" + A, [A, A]),
        (A + "\\r" + A, [A, A]),
        (A + "\\n)", [A]),
        (A + "\\n\\u002f", [A + "\n/"]),
        (A + "\\n=", [A]),
        (A[:31] + "\\n" + A, [A]),
        (A[:32] + "\\n" + A, [A[:32] + "\n" + A]),
        (A + "\\nBBB\\nCCC", [A + "\nBBB"]),
        ("word\\n" * 50, []),
        ("word\\u4f60" * 50, []),
        ("a=" * 200, []),
        ("\\\\" * 200, []),
        ("\\/" * 200, ["/" * 200]),
        (A + "\\/", [A + "/"]),
        (A + "\\u0041", [A]),
        ("0" * 200, []),
        ("1e5" * 200, []),
        ("0" * MIN + "x" + A, ["x" + A]),
        ("0" * (MIN - 1) + "x" + A, ["0" * (MIN - 1) + "x" + A]),
        ("- " * 100, []),
        (A + "-_+/", [A + "-_+/"]),
        ("\\u001alift:" + "n" * MIN + ":0\\u001a", ["n" * MIN]),
    ],
)
def test_where_runs_begin_and_end(text: str, runs: list[str]) -> None:
    assert lifted_from(text) == [run.encode() for run in runs]


@pytest.mark.parametrize("number", ["1" * 4000, "0." + "3" * 9000, "-1" + "0" * 4200, "1" * 300 + "e+10"])
def test_long_numbers_are_no_base64(number: str) -> None:
    raw = f'[{number}, "{CHARS}"]'.encode()
    skeleton, _, runs = same_for_all_cuts(raw, result)
    assert runs == [CHARS.encode()]
    check_restored(raw, skeleton)


@pytest.mark.parametrize("before", range(2 * MIN + 2))
def test_the_shortest_run_is_found_wherever_it_begins(before: int) -> None:
    for words in ("x" * (before % MIN), "x " * (before // 2), " " * before, "y" * before):
        lifts = new_lifts()
        lift([f'["{words} {A}"]'.encode()], lifts)
        assert b"".join(list(lifts._runs.values())[-1].restored()) == A.encode()


def run_like() -> st.SearchStrategy[str]:
    sizes = st.integers(30, 200)
    seeds = st.integers(0, 3)
    data = st.builds(noise, sizes, seeds)
    encoded = data.map(lambda data: base64.b64encode(data).decode())
    urlsafe = data.map(lambda data: base64.urlsafe_b64encode(data).decode())
    line_ends = st.sampled_from(["\n", "\r\n", "\r"])
    wrapped = st.builds(in_lines, encoded, st.sampled_from([1, 31, 32, 64, 76]), line_ends)
    return st.one_of(
        encoded, encoded.map(lambda chars: chars.rstrip("=")), urlsafe, wrapped,
        data.map(bytes.hex), sizes.map(lambda size: "a" * size), sizes.map(lambda size: "1" * size),
        encoded.map(lambda chars: f"\x1alift:{NONCE}:99\x1a{chars}\x1alift:other:0\x1a"),
        encoded.map(lambda chars: f"data:image/png;base64,{chars}) and so on"),
    )  # fmt: skip


TEXT = st.lists(run_like() | st.text() | st.sampled_from(["\\", '"', "\n", "=", "/", "图片", "n", "u002f", "\\n"])).map(
    "".join
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def spell_strings(raw: str, chars: str, upper: bool) -> str:
    """Escape some characters wherever they stand in a string of a JSON text."""

    def escape(match: re.Match[str]) -> str:
        code = f"{ord(match[0]):04X}" if upper else f"{ord(match[0]):04x}"
        return "\\/" if match[0] == "/" and upper else f"\\u{code}"

    some = re.compile("|".join(re.escape(char) for char in chars))
    return STRING.sub(lambda match: some.sub(escape, match[0]), raw) if chars else raw


@given(JSON, st.booleans(), st.sampled_from(["", "/", "+=", "/+=-_"]), st.booleans(), st.integers(0, 99))
def test_any_json_is_restored(value: Any, ascii_only: bool, escaped: str, upper: bool, seed: int) -> None:
    raw = spell_strings(json.dumps(value, ensure_ascii=ascii_only), escaped, upper)
    assert json.loads(raw) == value
    skeleton, _, _ = same_for_all_cuts(raw.encode(), result, seed, every=len(raw) < 2000)
    check_restored(raw.encode(), skeleton)


TOKENS = st.sampled_from(
    [b"\\", b"\\\\", b"\\n", b"\\r\\n", b"\\/", b"\\u002f", b"\\u003d", b"\\u00e9", b"\\u", b"u00", b"n", b"/",
     b"=", b"==", b'"', b"A" * 20, b"B" * 33, b"C" * 64, b"D" * 200, b"0" * 40, b" ", b"\n", b"-_"]
)  # fmt: skip


@given(st.lists(TOKENS, max_size=40).map(b"".join), st.integers(0, 99))
def test_the_cut_does_not_matter_even_for_what_is_not_json(raw: bytes, seed: int) -> None:
    same_for_all_cuts(raw, result, seed)


@pytest.mark.parametrize("how", range(7))
def test_a_picture_in_large_chunks(how: int) -> None:
    data = noise(300_000)
    raw = f'{{"b64":"{spell(base64.b64encode(data).decode(), how)}","n":1}}'.encode()
    for size in (len(raw), 65_536, 4096, 1000):
        lifts = new_lifts()
        lifter = JsonLifter(lifts)
        skeleton = [lifter.decode(chunk) for chunk in pieces(raw, size)]
        value = json.loads(b"".join(skeleton) + lifter.flush())
        assert value["n"] == 1
        taken = lifts.take(value["b64"])
        assert taken.error is None
        assert b"".join(taken.chunks()) == data


def test_what_can_be_in_no_run_is_passed_on_at_once() -> None:
    lifter = JsonLifter(new_lifts())
    assert lifter.decode(b'data: {"a":"b"}\n\n') == b'data: {"a":"b"}\n\n'
    assert lifter.decode(b"data: wo") == b"data: "
    assert lifter.decode(b'rd"') == b'word"'
    assert lifter.flush() == b""


def test_little_is_held_back_within_a_run() -> None:
    lifter = JsonLifter(new_lifts(), MIN)
    for _ in range(200):
        lifter.decode(b"AAAA\\/BB\\u002f" * 20)
        assert len(lifter._held) < 2 * MIN


def test_a_run_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        lift([b'"' + b"A" * 10_000 + b'"'], new_lifts(limit=5000))


def test_the_filter_can_be_used_again_after_flush() -> None:
    lifts = new_lifts()
    lifter = JsonLifter(lifts, MIN)
    assert lifter.decode(b'"' + b"A" * 200) + lifter.flush() == b'"\\u001alift:n0nce:0\\u001a'
    assert lifter.decode(b"AAAA\n") + lifter.flush() == b"AAAA\n"
