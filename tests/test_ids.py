"""TypeIDs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.clock import new_id, now
from darkroom.ids import ENTROPY_BYTES, PATTERN, is_typeid, millis_of, typeid

MILLIS = st.integers(0, (1 << 48) - 1)
ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
PREFIXES = st.sampled_from(["gen", "media", "task", "key", "file"])


@given(PREFIXES, MILLIS, ENTROPY)
def test_an_id_is_well_formed_and_tells_its_time(prefix: str, millis: int, entropy: bytes) -> None:
    id = typeid(prefix, millis, entropy)
    assert is_typeid(id, prefix)
    assert millis_of(id) == millis
    assert PATTERN.findall(f"edit {id}, please") == [prefix]


@given(MILLIS, MILLIS, ENTROPY)
def test_ids_sort_by_time(first: int, second: int, entropy: bytes) -> None:
    ids = typeid("gen", first, entropy), typeid("gen", second, entropy)
    assert (ids[0] < ids[1]) == (first < second)


@given(MILLIS, ENTROPY, ENTROPY)
def test_all_but_six_bits_of_the_entropy_count(millis: int, first: bytes, second: bytes) -> None:
    random = [int.from_bytes(entropy, "big") & (1 << 74) - 1 for entropy in (first, second)]
    same = typeid("media", millis, first) == typeid("media", millis, second)
    assert same == (random[0] == random[1])


def test_a_known_value() -> None:
    """The specification's own pair: UUID 01890a5d-ac96-774b-bcce-b302099a8057."""
    entropy = ((0x74B << 62) | (0xBCCEB302099A8057 & (1 << 62) - 1)).to_bytes(10, "big")
    assert typeid("gen", 0x01890A5DAC96, entropy) == "gen_01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize("entropy", [b"", b"123456789", b"12345678901"])
def test_wrong_entropy_is_refused(entropy: bytes) -> None:
    with pytest.raises(ValueError, match="10 bytes"):
        typeid("gen", 0, entropy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gen_",
        "gen_01jqwte8yjf7haxqc521b7z2w",
        "gen_01jqwte8yjf7haxqc521b7z2wff",
        "gen_81jqwte8yjf7haxqc521b7z2wf",
        "gen_01jqwte8yjf7haxqc521b7z2wl",
        "gen_01JQWTE8YJF7HAXQC521B7Z2WF",
        "media_01jqwte8yjf7haxqc521b7z2wf",
        "gen_01jqwte8yjf7haxqc521b7z2wf\n",
        " gen_01jqwte8yjf7haxqc521b7z2wf",
    ],
)
def test_what_is_no_generation_id(text: str) -> None:
    assert not is_typeid(text, "gen")


def test_new_ids_differ_and_are_of_now() -> None:
    before = now()
    ids = {new_id("media") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(before <= millis_of(id) <= now() for id in ids)
