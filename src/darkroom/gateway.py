"""The gateway: everything put together. The doors use it, and so can any Python program.

async with Gateway.open(Settings()) as gateway:
    answer = await gateway.answer(Conversation("studio", …), "local")
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from darkroom.catalog import Catalog
from darkroom.chat import Chat
from darkroom.cleanup import Cleanup
from darkroom.clock import new_id, nonce, now
from darkroom.database import Database
from darkroom.deletion import Deletion
from darkroom.errors import DarkroomError, MalformedRequest, TooManyRequests
from darkroom.exchanges import Means
from darkroom.fetch import Fetcher
from darkroom.filing import Filing
from darkroom.generation import Generation
from darkroom.health import Health
from darkroom.ingest import Ingest
from darkroom.jobs.engine import Engine, engine_url
from darkroom.jobs.jobs import Jobs
from darkroom.jobs.moves import Moves
from darkroom.jobs.submission import Submission
from darkroom.jobs.watchers import Watchers
from darkroom.jobs.work import Work
from darkroom.keys import Keys
from darkroom.lifted import Lifts
from darkroom.messages import Conversation
from darkroom.metrics import Metrics
from darkroom.providers import Provider, Providers, provider_of, table
from darkroom.repeats import Repeats
from darkroom.reply import Reply
from darkroom.resolve import Resolver
from darkroom.settings import SKETCH_FILM, ProviderSettings, Settings
from darkroom.storage import Storage
from darkroom.studio.studio import Studio, rows_of, studios
from darkroom.sweep import Sweeper
from darkroom.testing.forms import FORMS
from darkroom.testing.serving import serve
from darkroom.testing.sketch_upstream import SketchUpstream
from darkroom.testing.videos_upstream import VideosUpstream
from darkroom.uploads import Uploads
from darkroom.upstream import Upstream

_SWEEP_SECONDS = 3600
_THUMBNAILS = 2
_SKETCH_PROFILES = {
    "relay*": "relay-text",
    "text*": "chat",
    "images-partials": "codex",
    "video*": "video-chat",
    "*": "image-chat",
}
_FILM_SECONDS = 5.0
"""How long the painter lets one wait for a film, so that there is progress to be seen."""
_GRACE_SECONDS = 30.0
_INTERRUPTED = {
    "message": "the gateway stopped while this was being made",
    "type": "server_error",
    "param": None,
    "code": "interrupted",
}

log = logging.getLogger("darkroom")


@dataclass(slots=True)
class Gateway:
    """The parts, open and connected."""

    settings: Settings
    database: Database
    storage: Storage
    keys: Keys
    providers: Providers
    catalog: Catalog
    chat: Chat
    jobs: Jobs
    repeats: Repeats
    health: Health
    cleanup: Cleanup
    sweeper: Sweeper
    deletion: Deletion
    filing: Filing
    metrics: Metrics
    studios: Mapping[str, Studio] = field(default_factory=dict)
    thumbnails: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_THUMBNAILS))
    """The places for making thumbnails."""
    _busy: dict[str, int] = field(default_factory=dict)

    @staticmethod
    @asynccontextmanager
    async def open(settings: Settings, *, beside: bool = False) -> AsyncIterator[Gateway]:
        """Open the store and the database, start the embedded painter, and close everything at the end.

        `beside`: another process may be serving from them, so what runs there is left alone, and nothing is swept.
        """
        async with AsyncExitStack() as stack:
            providers = table(settings.providers)
            storage = await Storage.open(settings.storage.media)
            stack.push_async_callback(storage.close)
            database = await Database.open(settings.storage.database)
            stack.push_async_callback(database.close)
            if settings.storage.database.startswith("sqlite") and not beside:
                # One process: what ran when it stopped runs no more.
                await database.fail_running_generations(now(), _INTERRUPTED)
            if settings.sketch:
                providers = Providers((*providers.rows, *await _sketch(stack)))
            gateway = _assemble(settings, database, storage, providers, stack)
            await stack.enter_async_context(gateway.cleanup.working())
            runs = settings.jobs.run and not beside
            await stack.enter_async_context(gateway.jobs.working(runs=runs))
            stack.push_async_callback(gateway.chat.close, _GRACE_SECONDS)
            stack.push_async_callback(gateway.filing.close)
            if not beside:
                await stack.enter_async_context(_sweeping(gateway.sweeper))
            yield gateway

    def lifts(self) -> Lifts:
        """Return where the base64 of one body goes."""
        return _lifts(self.storage, self.settings)

    async def answer(self, conversation: Conversation, owner: str, key: str | None = None) -> Reply:
        """Return the answer of the model that a conversation asks for, not yet begun.

        With a `key`, a request that is sent again is given what came of the first; who asks calls `repeats.settle` when
        the answer has ended. Raises `UnknownModel`, `Forbidden`, `MalformedRequest` for several texts at once,
        `KeyReused`, and what the model's own `answer` raises.
        """
        if key is None:
            return await self._answer(conversation, owner)
        id = await self.repeats.first(owner, key, conversation)
        known = await self.database.generation(owner, id) if id is not None else None
        if known is not None:
            return self.jobs.attach(conversation, owner, known)
        try:
            answer = await self._answer(conversation, owner)
        except BaseException:
            await asyncio.shield(self.database.jobs.release(owner, key))
            raise
        self.repeats.note(owner, key, answer)
        return answer

    async def _answer(self, conversation: Conversation, owner: str) -> Reply:
        studio = self.studios.get(conversation.model)
        if studio is not None:
            return await studio.answer(conversation, owner)
        routes = self.providers.routes(conversation.model, owner)
        if conversation.params.get("n") not in (None, 1) and not routes[0].profile.makes_media:
            # One message is one answer; `n` pictures go into it together, `n` texts can't.
            raise MalformedRequest("`n` must be 1 for a model that makes no pictures", param="n")
        return await self.chat.answer(conversation, self.lifts(), owner, routes)

    async def cancel(self, owner: str, id: str) -> Generation | None:
        """End a generation that is under way, upstream too where that can be, and return it as it is then.

        None where an owner has none of this id that could be ended: it is over, or made by another process.
        """
        if (ended := await self.jobs.cancel(owner, id)) is not None:
            return ended
        known = await self.database.generation(owner, id)
        if known is None or not self.chat.cancel(id):
            return None
        return await self.jobs.ended(owner, id)

    def check_model(self, model: str, owner: str) -> None:
        """See whether an owner can ask for a model. Raises `UnknownModel`, `Forbidden`."""
        studio = self.studios.get(model)
        if studio is None:
            self.providers.routes(model, owner)
        else:
            studio.routes(owner)

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[None]:
        """Hold one of an owner's places. Raises `TooManyRequests` when all are taken."""
        busy = self._busy.get(owner, 0)
        if busy >= self.settings.limits.per_owner:
            raise TooManyRequests(f"you have {busy} requests under way already; wait for one to end", retry_after=1)
        self._busy[owner] = busy + 1
        try:
            yield
        finally:
            self._busy[owner] -= 1
            if not self._busy[owner]:
                del self._busy[owner]


def _assemble(
    settings: Settings, database: Database, storage: Storage, providers: Providers, stack: AsyncExitStack
) -> Gateway:
    limits, public_url = settings.limits, settings.public_url
    rows = rows_of(settings.models, sketch=settings.sketch)
    own = tuple(row.name for row in rows)
    providers = replace(providers, beside=own)
    metrics = Metrics()
    ingest = Ingest(storage, database, limits.pixels, metrics.stored)
    fetcher = Fetcher(settings.fetch.allow, limits.media, settings.fetch.timeout)
    stack.push_async_callback(fetcher.close)
    upstream = Upstream(storage, limits.upstream_timeout, limits.per_provider, fetcher, limits.media)
    stack.push_async_callback(upstream.close)
    cleanup = Cleanup(database, upstream, providers)
    replica = new_id("replica")
    means = Means(upstream, database, storage, fetcher, cleanup, Uploads(database, cleanup), replica)
    health = Health(metrics.asked)
    jobs = _jobs(settings, means, ingest, providers, health, metrics)
    chat = Chat(means, ingest, Resolver(database, ingest, fetcher, public_url), health, public_url, metrics, jobs)
    deletion = Deletion(database, storage, cleanup.wake)
    gateway = Gateway(
        settings,
        database,
        storage,
        Keys(database),
        providers,
        Catalog(providers, upstream, own),
        chat,
        jobs,
        Repeats(database, replica),
        health,
        cleanup,
        Sweeper(database, storage, settings.retention, cleanup.wake),
        deletion,
        Filing(database, storage, ingest, deletion, limits.media),
        metrics,
    )
    gateway.studios = studios(rows, chat, providers, gateway.lifts)
    return gateway


def _lifts(storage: Storage, settings: Settings) -> Lifts:
    return Lifts(storage.spools.new, nonce(), settings.limits.media)


def _jobs(
    settings: Settings, means: Means, ingest: Ingest, providers: Providers, health: Health, metrics: Metrics
) -> Jobs:
    database, url = means.database, settings.storage.database
    watchers = Watchers(database)

    lifts = partial(_lifts, means.storage, settings)
    moves = Moves(means, providers, means.replica, watchers.moved, metrics.ended)
    work = Work(moves, Submission(moves, health, lifts, settings.public_url), ingest)
    engine = Engine(engine_url(url), means.replica, work.steps())
    alone = url.startswith("sqlite")
    limits = settings.jobs
    return Jobs(means, work, engine, watchers, settings.public_url, limits.deadline, limits.per_owner, alone)


async def _sketch(stack: AsyncExitStack) -> tuple[Provider, ...]:
    """Start the painter as what it is for the rest of Darkroom: upstreams behind sockets, for pictures and films."""
    key = secrets.token_urlsafe(16)
    pictures = await stack.enter_async_context(serve(SketchUpstream(key=key, several=True).app))
    films = VideosUpstream(key=key, variant="sketch", seconds=_FILM_SECONDS, nice=True, models=(SKETCH_FILM,))
    films_url = await stack.enter_async_context(serve(films.app))
    forms = tuple(name for name in FORMS if not name.startswith(("fail", "bad", "dies", "empty")))
    return (
        provider_of(
            ProviderSettings("sketch", f"{pictures}/v1", api_keys=(key,), models=forms, profiles=_SKETCH_PROFILES)
        ),
        provider_of(
            ProviderSettings(
                SKETCH_FILM,
                f"{films_url}/v1",
                dialect="openai-videos",
                api_keys=(key,),
                models=(SKETCH_FILM,),
                options={"poll_seconds": 0.5},
            )
        ),
    )


@asynccontextmanager
async def _sweeping(sweeper: Sweeper) -> AsyncIterator[None]:
    task = asyncio.create_task(_sweep_now_and_then(sweeper))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweep_now_and_then(sweeper: Sweeper) -> None:
    while True:
        await _sweep_once(sweeper)
        await asyncio.sleep(_SWEEP_SECONDS)


async def _sweep_once(sweeper: Sweeper) -> None:
    try:
        # Every replica sweeps a bucket: one look-up for every blob, every hour, would be too many.
        swept = await sweeper.sweep(check=sweeper.storage.is_local)
        if swept.missing:
            log.error("%d blobs have a row and no bytes: %s", len(swept.missing), swept.missing[:5])
    except DarkroomError as error:
        log.warning("the sweep failed: %s", error.message)
