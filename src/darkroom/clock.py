"""The clock and the dice: what the pure floors are handed instead of reaching for it."""

from __future__ import annotations

import os
import secrets
import time

from darkroom import ids


def now() -> int:
    """Return the Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def new_id(prefix: str) -> str:
    """Return a new TypeID of this kind."""
    return ids.typeid(prefix, now(), os.urandom(ids.ENTROPY_BYTES))


def nonce() -> str:
    """Return 12 random hexadecimal characters."""
    return secrets.token_hex(6)
