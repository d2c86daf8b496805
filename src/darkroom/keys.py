"""Bearer keys: who asks. Stored hashed; an owner's keys are all worth the same."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from darkroom.clock import new_id, now
from darkroom.database import Database
from darkroom.errors import Unauthorized
from darkroom.settings import OUTPUTS, Output

LOCAL = "local"
"""The owner of everything where no key is asked for."""

_PREFIX = "dk-"
_REMEMBERED_MS = 10_000


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks, and the shape of answers that goes with his key."""

    owner: str
    output: Output | None = None


@dataclass(slots=True)
class Keys:
    """Knows the keys. A key that was found stays good for ten seconds without asking the database again."""

    database: Database
    _found: dict[str, tuple[Who, int]] = field(default_factory=dict)
    _wanted: tuple[bool, int] = (False, 0)

    async def create(self, owner: str, output: Output | None = None) -> tuple[str, str]:
        """Return the id and the secret of a new key; the secret is never seen again.

        `output` is the shape of answers for whoever shows it.
        """
        secret = _PREFIX + secrets.token_urlsafe(32)
        id = new_id("key")
        await self.database.add_key(id, owner, digest(secret), now(), output)
        self._wanted = (True, now())
        return id, secret

    async def who(self, secret: str | None) -> Who:
        """Return whose key this is; `local` where there never was one. Raises `Unauthorized`."""
        if secret and (who := await self._who(digest(secret))) is not None:
            return who
        if await self.required():
            raise Unauthorized(
                "this gateway wants a key: send `Authorization: Bearer dk-…`; `darkroom keys create` makes one"
            )
        return Who(LOCAL)

    async def required(self) -> bool:
        """Tell whether a key must be shown: from the first key on, though all be revoked."""
        wanted, asked = self._wanted
        if not wanted and now() - asked > _REMEMBERED_MS:
            wanted = await self.database.has_keys()
            self._wanted = (wanted, now())
        return wanted

    async def _who(self, hashed: str) -> Who | None:
        known, asked = self._found.get(hashed, (None, 0))
        if known is not None and now() - asked <= _REMEMBERED_MS:
            return known
        self._found.pop(hashed, None)
        owner = await self.database.owner_of_key(hashed) if await self.required() else None
        if owner is None:
            return None
        output = await self.database.output_of_key(hashed)
        who = Who(owner, next((name for name in OUTPUTS if name == output), None))
        self._found[hashed] = (who, now())
        return who


def digest(secret: str) -> str:
    """Return how a secret is stored: a plain hash is enough for 256 random bits."""
    return sha256(secret.encode()).hexdigest()
