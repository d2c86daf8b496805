"""What `darkroom doctor` looks at: the store, the database, and every provider with each of its keys.

Strategy. An examination yields findings, each with what to do about it. It opens the parts itself and not the gateway,
whose start would take over a database that a running server uses. It creates nothing but one small blob, which it
deletes again, and asks upstreams nothing that costs anything. What only a running server knows (which keys cool down)
is read from its `/metrics`. `CHECKS` says how the upstreams of a dialect are looked at where listing models is not
enough.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from darkroom.catalog import Catalog
from darkroom.clock import now
from darkroom.database import Database, ObjectCount, UpstreamObject
from darkroom.database.schema import HEAD
from darkroom.dialects.job_wires import JOB_WIRES
from darkroom.dialects.openai_chat import decode_error
from darkroom.dialects.openai_videos import ways
from darkroom.dialects.wire import UpstreamRequest
from darkroom.errors import (
    SHORTEST_SECRET,
    ConfigInvalid,
    DarkroomError,
    UpstreamAuthFailed,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
)
from darkroom.exchanges import EXCHANGES, comfyui
from darkroom.fetch import Fetcher
from darkroom.profiles import PROFILES
from darkroom.providers import DIALECTS, Provider, Providers, Target, table
from darkroom.settings import SKETCH, SKETCH_FILM, Settings
from darkroom.sketch.fonts import Fonts
from darkroom.storage import Storage
from darkroom.studio.studio import check_studio, rows_of
from darkroom.upstream import Upstream

Status = Literal["ok", "warn", "fail"]

_SECONDS = 10.0
_MOST_OBJECTS = 1000
_CHINESE = "海上灯塔"
_PAINTERS = (
    Provider(
        SKETCH,
        "http://127.0.0.1",
        models=("*", "!*/*"),
        profiles=(("video*", PROFILES["video-chat"]), ("*", PROFILES["image-chat"])),
    ),
    Provider(SKETCH_FILM, "http://127.0.0.1", "openai-videos", models=(SKETCH_FILM,)),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `hint` says what to do about it."""

    check: str
    status: Status
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check of a provider is handed: who is asked, with one of its keys, and the means to ask."""

    target: Target
    upstream: Upstream
    catalog: Catalog

    @property
    def name(self) -> str:
        return _named(self.target.provider.name, self.target.key.alias)

    def found(self, status: Status, message: str, hint: str = "") -> Finding:
        return Finding(self.name, status, message, hint)


Check = Callable[[Subject], Awaitable[Sequence[Finding]]]
"""Looks at one provider with one key. May raise `DarkroomError`, `TimeoutError` and `msgspec.DecodeError`."""


async def check_models(subject: Subject) -> Sequence[Finding]:
    """See whether the upstream lists its models to this key, and those that the configuration names."""
    row = subject.target.provider
    names = await subject.catalog.ask(subject.target)
    missing = [model for model in row.listed if model not in (*names, *DIALECTS[row.dialect].unlisted, row.name)]
    found = [subject.found("ok", f"the key is good; {len(names)} models are listed")]
    if missing:
        found.append(
            subject.found("warn", f"it does not list {', '.join(missing)}", "see whether `models` names them right")
        )
    patterns = [pattern for pattern in row.models if pattern not in row.listed and not pattern.startswith("!")]
    if patterns and not any(row.has(name) for name in names):
        found.append(subject.found("warn", f"no model that it lists fits {', '.join(patterns)}", "see `models`"))
    return found


def check_path(path: str) -> Check:
    """Return a check that asks for something harmless: any answer but a refusal of the key will do."""

    async def check(subject: Subject) -> Sequence[Finding]:
        try:
            await subject.upstream.call(subject.target, UpstreamRequest(path, method="GET", headers={}), decode_error)
        except (UpstreamNotFound, UpstreamRejected):
            return [subject.found("ok", "it answers; whether the key is good is seen with the first request")]
        return [subject.found("ok", "it answers")]

    return check


async def check_videos(subject: Subject) -> Sequence[Finding]:
    """See whether the server's kind is known, and it lists its models."""
    try:
        ways(subject.target.provider.options)
    except ConfigInvalid as error:
        return [subject.found("fail", error.message, "see the provider's options")]
    return await check_models(subject)


async def check_workflows(subject: Subject) -> Sequence[Finding]:
    """See whether the configured workflows can be filled in, and the server answers."""
    try:
        await asyncio.to_thread(comfyui.check, subject.target.provider)
    except ConfigInvalid as error:
        wrong = subject.found("fail", error.message, "see the provider's options")
    else:
        wrong = subject.found("ok", "its workflows can be filled in")
    return [wrong, *await check_path("/system_stats")(subject)]


CHECKS: dict[str, Check] = {
    "gemini-enterprise": check_path(""),
    "comfyui": check_workflows,
    "openai-videos": check_videos,
}
"""By dialect; where a dialect is not named, its list of models is asked for."""


@dataclass(frozen=True, slots=True)
class Doctor:
    """Examines a configuration. `key` is one of the gateway's own, for a running server that wants one; `exposed`
    tells that others than this machine can reach the address that is listened on."""

    settings: Settings
    key: str | None = None
    exposed: bool = False

    async def examine(self) -> AsyncIterator[Finding]:
        """Yield what is found, its secrets hidden."""
        async for finding in self._examine():
            yield replace(finding, message=self._hidden(finding.message), hint=self._hidden(finding.hint))

    async def _examine(self) -> AsyncIterator[Finding]:
        try:
            providers = table(self.settings.providers)
        except DarkroomError as error:
            yield Finding("configuration", "fail", error.message)
            return
        painter = ", and the painter" if self.settings.sketch else ""
        yield Finding("configuration", "ok", f"{len(providers.rows)} providers{painter}")
        for finding in self._studios(providers):
            yield finding
        if self.settings.sketch:
            yield await asyncio.to_thread(_fonts)
        async for finding in self._database(providers):
            yield finding
        storage = None
        try:
            storage = await Storage.open(self.settings.storage.media)
            yield await _probe(storage)
        except DarkroomError as error:
            yield Finding("storage", "fail", error.message, "see storage.media")
        async for finding in self._server():
            yield finding
        if storage is not None:
            async for finding in self._providers(providers, storage):
                yield finding
            await storage.close()

    def _studios(self, providers: Providers) -> Iterator[Finding]:
        """See whether the models that studios are made of are there; the painter is only there while a server runs."""
        painters = _PAINTERS if self.settings.sketch else ()
        for row in rows_of(self.settings.models, sketch=self.settings.sketch):
            try:
                check_studio(row, Providers((*providers.rows, *painters)))
            except ConfigInvalid as error:
                yield Finding(f"model {row.name}", "fail", error.message, "see the rows of `models`")
            else:
                films = f", `{row.video}` makes videos" if row.video is not None else ""
                yield Finding(f"model {row.name}", "ok", f"`{row.image}` paints{films}, planned by {row.planner}")

    async def _database(self, providers: Providers) -> AsyncIterator[Finding]:
        try:
            async with _opened(self.settings.storage.database) as database:
                kind = self.settings.storage.database.partition(":")[0]
                yield Finding("database", "ok", f"{kind}, schema {HEAD}")
                yield self._keys(await database.has_keys())
                objects = await database.upstreams.objects(_MOST_OBJECTS)
                for finding in _held(await database.upstreams.count_objects(), objects, providers):
                    yield finding
        except DarkroomError as error:
            yield Finding("database", "fail", error.message, "see storage.database")

    def _keys(self, keyed: bool) -> Finding:
        host = self.settings.server.host
        if keyed:
            return Finding("access", "ok", "every request needs a key")
        if self.exposed:
            hint = "make one with `darkroom keys create`, or listen on 127.0.0.1"
            return Finding("access", "fail", f"there are no keys, and {host} is not this machine alone", hint)
        return Finding("access", "ok", f"no key is needed, and {host} is this machine alone")

    async def _server(self) -> AsyncIterator[Finding]:
        """Ask the server itself how it is, if one runs."""
        local = replace(self.settings, server=replace(self.settings.server, public_url="")).public_url
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS), trust_env=False) as client:
            version = await _version(client, local)
            if version is None:
                yield Finding("server", "ok", f"no Darkroom runs at {local}")
            else:
                yield Finding("server", "ok", f"Darkroom {version} runs at {local}")
                async for finding in self._running(client, local):
                    yield finding
            yield await self._public(client, local, running=version is not None)

    async def _running(self, client: aiohttp.ClientSession, local: str) -> AsyncIterator[Finding]:
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            async with client.get(f"{local}/metrics", headers=headers) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError) as error:
            yield Finding("server", "warn", f"its metrics can't be read: {type(error).__name__}")
            return
        if response.status in (401, 403):
            yield Finding("server", "warn", "it tells how its keys do only to who shows a key", "--key dk-…")
        elif response.status != 200:
            yield Finding("server", "warn", f"its metrics can't be read: HTTP {response.status}")
        else:
            for finding in _cooling(text):
                yield finding

    async def _public(self, client: aiohttp.ClientSession, local: str, *, running: bool) -> Finding:
        url = self.settings.public_url
        if self.exposed and not self.settings.server.public_url:
            return Finding("public_url", "warn", f"links begin with {url}", "set server.public_url to what clients say")
        if url == local or not running:
            return Finding("public_url", "ok", f"links begin with {url}")
        if await _version(client, url) is None:
            hint = "links lead there: see server.public_url, and what stands between"
            return Finding("public_url", "warn", f"no Darkroom answers at {url}, seen from here", hint)
        return Finding("public_url", "ok", f"links begin with {url}, and it answers")

    async def _providers(self, providers: Providers, storage: Storage) -> AsyncIterator[Finding]:
        limits, fetch = self.settings.limits, self.settings.fetch
        fetcher = Fetcher(fetch.allow, limits.media, fetch.timeout)
        upstream = Upstream(storage, _SECONDS, limits.per_provider, fetcher, limits.media)
        catalog = Catalog(providers, upstream)
        try:
            # At once, since those that are silent take their time; told in the order of the rows.
            subjects = [
                Subject(Target(row, "", row.profile_of(""), key), upstream, catalog)
                for row in providers.rows
                for key in row.keys
            ]
            for found in await asyncio.gather(*map(_look_at, subjects)):
                for finding in found:
                    yield finding
        finally:
            await upstream.close()
            await fetcher.close()

    def _hidden(self, text: str) -> str:
        for secret in self._secrets():
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "…")
        return text

    def _secrets(self) -> Iterator[str]:
        for row in self.settings.providers:
            yield from filter(None, (*row.api_keys, *row.identities.values()))
        yield from filter(None, (self.key, urlsplit(self.settings.storage.database).password))


_BASE_URL = "see whether base_url is whole (`/v1`)"
_NETWORK = "see base_url, and the network"
_MEANT: tuple[tuple[type[Exception], Status, str, str], ...] = (
    (UpstreamAuthFailed, "fail", "the key is refused: {}", "see the provider's api_key"),
    (UpstreamRateLimited, "warn", "the key has to wait, or to be paid for: {}", ""),
    (UpstreamNotFound, "warn", "it answers, and has no list of models", _BASE_URL),
    (UpstreamRejected, "warn", "it answers, and gives no list of models: {}", _BASE_URL),
    (msgspec.DecodeError, "warn", "what it answers is no list of models", _BASE_URL),
    (TimeoutError, "fail", "it does not answer in time", _NETWORK),
    (DarkroomError, "fail", "{}", _NETWORK),
)
"""What an error says of an upstream that was looked at; the first row that fits counts."""


async def _look_at(subject: Subject) -> Sequence[Finding]:
    row = subject.target.provider
    if row.dialect not in EXCHANGES and row.dialect not in JOB_WIRES:
        return [subject.found("fail", f"`{row.dialect}` can't be spoken yet")]
    usual = check_models if DIALECTS[row.dialect].models else check_path("")
    try:
        async with asyncio.timeout(3 * _SECONDS):
            return await CHECKS.get(row.dialect, usual)(subject)
    except (DarkroomError, TimeoutError, msgspec.DecodeError) as error:
        status, words, hint = next(meant[1:] for meant in _MEANT if isinstance(error, meant[0]))
        return [subject.found(status, words.format(getattr(error, "message", "")), hint)]


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    database = await Database.open(url)
    try:
        yield database
    finally:
        await database.close()


async def _probe(storage: Storage) -> Finding:
    """Write, read and delete a blob that nobody else has. Raises `StorageFailed`."""
    data = b"darkroom doctor " + secrets.token_bytes(32)
    name, spool = sha256(data).hexdigest(), storage.spools.new()
    try:
        spool.write(data)
        await storage.put(spool, name, len(data))
        read = b"".join([chunk async for chunk in await storage.read(name)])
    finally:
        spool.discard()
        await storage.delete(name)
    if read != data:
        return Finding("storage", "fail", "it gives back other bytes than were written", "see storage.media")
    return Finding("storage", "ok", "a blob was written, read and deleted")


def _fonts() -> Finding:
    if Fonts().readable(_CHINESE) == _CHINESE:
        return Finding("painter", "ok", "its captions can be Chinese")
    hint = "install a font that has it, such as Noto Sans CJK"
    return Finding("painter", "warn", "no font has Chinese: captions spell it in Latin letters", hint)


async def _version(client: aiohttp.ClientSession, url: str) -> str | None:
    """Return the version of the Darkroom that answers at a URL."""
    try:
        async with client.get(f"{url}/health") as response:
            told = msgspec.json.decode(await response.read())
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    version = told.get("version") if isinstance(told, dict) else None
    return version if isinstance(version, str) else None


def _held(counts: Sequence[ObjectCount], objects: Sequence[UpstreamObject], providers: Providers) -> Iterator[Finding]:
    """Say what upstreams hold for us, what they refuse to delete, and what nobody can delete any more."""
    if not counts:
        yield Finding("cleanup", "ok", "upstreams hold nothing for us")
    for each in counts:
        hours = (now() - each.oldest) / 3_600_000
        words = f"`{each.provider}` holds {each.objects} of kind {each.kind}, the oldest for {hours:.1f} h"
        errors = {
            item.error for item in objects if (item.provider, item.kind) == (each.provider, each.kind) and item.error
        }
        if each.failing:
            words += f"; {each.failing} could not be deleted ({', '.join(sorted(errors))})"
            yield Finding(
                "cleanup", "warn", words, "it is tried again, more and more slowly, until the upstream agrees"
            )
        else:
            yield Finding("cleanup", "ok", words)
    known = {(row.name, key.alias) for row in providers.rows for key in row.keys}
    for provider, alias in sorted({(item.provider, item.key) for item in objects} - known):
        hint = "configure the provider with that key again until it is clean"
        yield Finding("cleanup", "warn", f"nobody can delete what {_named(provider, alias)} created", hint)


def _cooling(metrics: str) -> Iterator[Finding]:
    """Say which keys of a running server cool down."""
    families = {family.name: family for family in text_string_to_metric_families(metrics)}
    keys = families.get("darkroom_key_cooling_seconds")
    for sample in keys.samples if keys is not None else ():
        name = _named(sample.labels["provider"], sample.labels["key"])
        if sample.value > 0:
            yield Finding(name, "warn", f"the running server spares this key for another {sample.value:.0f} s")
        else:
            yield Finding(name, "ok", "the running server uses this key")


def _named(provider: str, alias: str) -> str:
    return f"{provider} (key {alias})" if alias else f"{provider} (no key)"


def worst(findings: Sequence[Finding]) -> Status:
    """Return how it is on the whole."""
    told = {finding.status for finding in findings}
    return "fail" if "fail" in told else "warn" if "warn" in told else "ok"
