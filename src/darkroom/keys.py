"""Bearer keys: who asks. Stored hashed; an owner's keys are all worth the same."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from darkroom.clock import new_id, now
from darkroom.database import Database
from darkroom.errors import Unauthorized

LOCAL = "local"
"""The owner of everything where no key is asked for."""

_PREFIX = "dk-"
_REMEMBERED_MS = 10_000


@dataclass(slots=True)
class Keys:
    """Knows the keys. A key that was found stays good for ten seconds without asking the database again."""

    database: Database
    _found: dict[str, tuple[str, int]] = field(default_factory=dict)
    _wanted: tuple[bool, int] = (False, 0)

    async def create(self, owner: str) -> tuple[str, str]:
        """Return the id and the secret of a new key; the secret is never seen again."""
        secret = _PREFIX + secrets.token_urlsafe(32)
        id = new_id("key")
        await self.database.add_key(id, owner, digest(secret), now())
        self._wanted = (True, now())
        return id, secret

    async def owner(self, secret: str | None) -> str:
        """Return whose key this is; `local` where there never was one. Raises `Unauthorized`."""
        if secret and (owner := await self._owner_of(digest(secret))) is not None:
            return owner
        if await self.required():
            raise Unauthorized(
                "this gateway wants a key: send `Authorization: Bearer dk-…`; `darkroom keys create` makes one"
            )
        return LOCAL

    async def required(self) -> bool:
        """Tell whether a key must be shown: from the first key on, though all be revoked."""
        wanted, asked = self._wanted
        if not wanted and now() - asked > _REMEMBERED_MS:
            wanted = await self.database.has_keys()
            self._wanted = (wanted, now())
        return wanted

    async def _owner_of(self, hashed: str) -> str | None:
        owner, asked = self._found.get(hashed, ("", 0))
        if owner and now() - asked <= _REMEMBERED_MS:
            return owner
        self._found.pop(hashed, None)
        if not await self.required():
            return None
        found = await self.database.owner_of_key(hashed)
        if found is not None:
            self._found[hashed] = (found, now())
        return found


def digest(secret: str) -> str:
    """Return how a secret is stored: a plain hash is enough for 256 random bits."""
    return sha256(secret.encode()).hexdigest()
