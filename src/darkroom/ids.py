"""TypeIDs: a prefix and a UUIDv7 in Crockford's base32 (`gen_01jqwte8yjf7haxqc521b7z2wf`).

Pure: the caller brings the time and the entropy. All 74 bits behind the timestamp are random, since a media id in a
link is also the permission to read it; generators that count within a millisecond would leave fewer.
Format: https://github.com/jetify-com/typeid/tree/main/spec
"""

from __future__ import annotations

import re

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ENTROPY_BYTES = 10
PATTERN = re.compile(r"\b(gen|media|task|key|file)_[0-7][0-9a-hjkmnp-tv-z]{25}\b")


def typeid(prefix: str, millis: int, entropy: bytes) -> str:
    """Return a new id from a Unix time in milliseconds and 10 random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a TypeID needs {ENTROPY_BYTES} bytes of entropy, not {len(entropy)}")
    random = int.from_bytes(entropy, "big")
    value = (millis & (1 << 48) - 1) << 80 | 7 << 76 | (random >> 62 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1
    return f"{prefix}_{_base32(value)}"


def is_typeid(text: str, prefix: str) -> bool:
    """Tell whether `text` is a well-formed id of this kind, whole."""
    match = PATTERN.fullmatch(text)
    return match is not None and match[1] == prefix


def millis_of(typeid: str) -> int:
    """Return the Unix time in milliseconds at which an id was made."""
    value = 0
    for char in typeid.rpartition("_")[2]:
        value = value << 5 | ALPHABET.index(char)
    return value >> 80


def _base32(value: int) -> str:
    return "".join(ALPHABET[value >> shift & 31] for shift in range(125, -5, -5))
