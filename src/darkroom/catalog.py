"""Which models there are: those that the rows name, and, for patterns and for none, those that the provider lists.

A client's model menu is filled from this. Asking is bounded and remembered, and a provider that does not answer is left
out: the menu must not wait for the slowest of them.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec

from darkroom.clock import now
from darkroom.dialects.openai_chat import decode_error
from darkroom.dialects.wire import UpstreamRequest
from darkroom.errors import DarkroomError
from darkroom.providers import Provider, Providers
from darkroom.upstream import Upstream

_FRESH_MS = 5 * 60 * 1000
_SECONDS = 5.0
log = logging.getLogger("darkroom")


class _Model(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    data: list[_Model]


_decode = msgspec.json.Decoder(_List).decode


@dataclass(slots=True)
class Catalog:
    """Knows every name that a client can ask for."""

    providers: Providers
    upstream: Upstream
    _asked: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)

    async def models(self) -> list[tuple[str, Provider]]:
        """Return pairs of `provider/model` and the provider."""
        lists = await asyncio.gather(*(self._models_of(row) for row in self.providers.rows))
        return [
            (f"{row.name}/{model}", row)
            for row, models in zip(self.providers.rows, lists, strict=True)
            for model in models
        ]

    async def _models_of(self, row: Provider) -> tuple[str, ...]:
        if row.models and row.listed == row.models:
            return row.listed
        asked, names = self._asked.get(row.name, (0, ()))
        if now() - asked > _FRESH_MS:
            names = await self._ask(row)
            self._asked[row.name] = (now(), names)
        known = [name for name in names if not row.models or row.has(name)]
        return tuple(dict.fromkeys((*row.listed, *known)))

    async def _ask(self, row: Provider) -> tuple[str, ...]:
        request = UpstreamRequest("/models", method="GET", headers={})
        try:
            async with asyncio.timeout(_SECONDS), aclosing(self.upstream.send(row, request, decode_error)) as chunks:
                body = b"".join([chunk async for chunk in chunks])
            return tuple(model.id for model in _decode(body).data)
        except (DarkroomError, TimeoutError, msgspec.DecodeError) as error:
            log.warning("the models of `%s` are not known (%s)", row.name, type(error).__name__)
            return ()
