"""Which models there are: those that the rows name, and, for patterns and for none, those that the provider lists.

A client's model menu is filled from this. Asking is bounded and remembered: the menu must not wait for the slowest of
them. A provider that does not answer is left out, unless it did before.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import msgspec

from darkroom.clock import now
from darkroom.dialects.openai_chat import decode_error
from darkroom.dialects.wire import UpstreamRequest
from darkroom.errors import DarkroomError, UpstreamAuthFailed
from darkroom.providers import DIALECTS, Provider, Providers, Target
from darkroom.upstream import Upstream

_FRESH_MS = 5 * 60 * 1000
_AGAIN_MS = 30 * 1000
"""How soon a provider is asked again that did not answer."""
_SECONDS = 5.0
log = logging.getLogger("darkroom")


class _Model(msgspec.Struct):
    id: str = ""
    name: str = ""
    title: str = ""


class _List(msgspec.Struct):
    """OpenAI's `data[].id`, or Gemini's `models[].name`."""

    data: list[_Model] = []
    models: list[_Model] = []


_decode = msgspec.json.Decoder(_List | list[_Model]).decode


OURS = "darkroom"
"""Who owns the models that are made of others here."""


@dataclass(slots=True)
class Catalog:
    """Knows every name that a client can ask for; `own` are the models that Darkroom itself offers."""

    providers: Providers
    upstream: Upstream
    own: tuple[str, ...] = ()
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _due: dict[str, int] = field(default_factory=dict)
    """When a provider is asked next; Unix ms."""

    async def offered(self) -> list[tuple[str, str]]:
        """Return pairs of a model's name and who owns it."""
        return [*((name, OURS) for name in self.own), *((name, row.name) for name, row in await self.models())]

    def owner_of(self, name: str) -> str:
        """Return who owns a model. Raises `UnknownModel`."""
        return OURS if name in self.own else self.providers.find(name).provider.name

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
        if now() >= self._due.get(row.name, 0):
            await self._ask(row)
        names = self._known.get(row.name, ())
        known = [name for name in names if not row.models or row.has(name)]
        return tuple(dict.fromkeys((*row.listed, *known)))

    async def ask(self, target: Target) -> tuple[str, ...]:
        """Return the models that a provider lists for a key; nothing where its dialect has no list.

        Raises `UpstreamError`s, `TimeoutError`, and `msgspec.DecodeError` for what is no list.
        """
        path = DIALECTS[target.provider.dialect].models
        if path is None:
            return ()
        request = UpstreamRequest(path, method="GET", headers={})
        async with asyncio.timeout(_SECONDS):
            reply = await self.upstream.call(target, request, decode_error)
        found = _decode(reply.body)
        models = found if isinstance(found, list) else [*found.data, *found.models]
        names = (model.id or model.name.removeprefix("models/") or model.title for model in models)
        return tuple(name for name in names if name)

    async def _ask(self, row: Provider) -> None:
        """Ask with one key after the other, until one is let in."""
        self._due[row.name] = now() + _AGAIN_MS
        for key in row.keys:
            try:
                self._known[row.name] = await self.ask(Target(row, "", row.profile_of(""), key))
                self._due[row.name] = now() + _FRESH_MS
                return
            except (DarkroomError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                log.warning("the models of `%s` are not known (%s)", row.name, type(error).__name__)
                if not isinstance(error, UpstreamAuthFailed):
                    return
