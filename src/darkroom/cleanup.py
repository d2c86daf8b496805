"""What was created at upstreams is deleted there again: sessions, uploaded files, stored answers.

Strategy. `hold` writes the row before the thing is created. While it is in use its `due` time lies a little ahead and
is pushed on by `_keep`, so that a crash needs no special care: the time simply comes. `release` sets it by the
provider's policy. A worker takes what is due, and asks the upstream to delete it until it agrees: 2xx, or 404 and 410,
which mean that it is gone already. Replicas share the table; a claim is a lease, and longer than a deletion may take.
What nobody can delete any more, since its key is gone from the configuration, stays in the table and is reported.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from darkroom.clock import new_id, now
from darkroom.database import Database, UpstreamObject
from darkroom.dialects.openai_chat import decode_error
from darkroom.dialects.wire import UpstreamRequest
from darkroom.errors import ConfigInvalid, DarkroomError, UpstreamNotFound, UpstreamTimeout
from darkroom.media import Media
from darkroom.providers import Providers, Target
from darkroom.upstream import Upstream

_LEASE_MS = 120_000
_RENEWALS = 4
"""How often a lease is renewed before it would end."""
_PATIENCE_SECONDS = 60.0
_STOP_SECONDS = 5.0
_FIRST_MS = 2_000
_LAST_MS = 10 * 60_000
_IDLE_SECONDS = 30.0
_BATCH = 16
log = logging.getLogger("darkroom")


@dataclass(slots=True)
class Cleanup:
    """Knows what upstreams hold for us, and has it deleted."""

    database: Database
    upstream: Upstream
    providers: Providers
    first_ms: int = _FIRST_MS
    """The pause after a first refusal; it doubles with every further one."""
    lease_ms: int = _LEASE_MS
    """How long after a crash what was in use counts as such."""
    patience: float = _PATIENCE_SECONDS
    """Seconds that a deletion may take."""
    _stopping: bool = False
    _held: dict[str, int] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, target: Target, owner: str, kind: str, path: str, media: Media | None = None) -> str:
        """Record what is about to be created, and that it is in use; return its id.

        `path` is what to DELETE at the provider; `media` what an upload is made of.
        """
        time = now()
        item = UpstreamObject(
            new_id("obj"),
            owner,
            target.provider.name,
            target.key.alias,
            kind,
            path,
            time,
            blob=media.blob if media else None,
            due=None if target.provider.idle_seconds is None else time + self.lease_ms,
        )
        await self.database.upstreams.add_object(item)
        self._held[item.id] = self._held.get(item.id, 0) + 1
        return item.id

    async def record(self, target: Target, owner: str, kind: str, path: str) -> None:
        """Record what was created for a job: it stays until `let_go`, however long and by whomever that is done."""
        database = self.database.upstreams
        if await database.object_by_path(owner, target.provider.name, target.key.alias, path) is None:
            item = UpstreamObject(
                new_id("obj"), owner, target.provider.name, target.key.alias, kind, path, created=now()
            )
            await database.add_object(item)

    async def let_go(self, target: Target, owner: str, path: str, *, at_once: bool = False) -> None:
        """Let go of what was recorded: the provider's policy decides when it is deleted, unless it is useless."""
        item = await self.database.upstreams.object_by_path(owner, target.provider.name, target.key.alias, path)
        if item is None:
            return
        idle = 0.0 if at_once else target.provider.idle_seconds
        await self.database.upstreams.set_due(item.id, _due_after(idle))
        if idle == 0:
            self._wake.set()

    async def hold_again(self, target: Target, owner: str, path: str) -> UpstreamObject | None:
        """Use once more what lies at a path, and return its row; None where nothing of ours does."""
        item = await self.database.upstreams.object_by_path(owner, target.provider.name, target.key.alias, path)
        if item is not None:
            await self.again(target, item)
        return item

    async def again(self, target: Target, item: UpstreamObject) -> None:
        """Use once more what is there already."""
        self._held[item.id] = self._held.get(item.id, 0) + 1
        try:
            if target.provider.idle_seconds is not None:
                await self.database.upstreams.set_due(item.id, now() + self.lease_ms)
        except BaseException:  # Nobody would let go of it.
            await asyncio.shield(self.release(target, item.id))
            raise

    async def release(self, target: Target, id: str) -> None:
        """Let go: from here on the provider's policy decides. Raises nothing."""
        held = self._held.pop(id, 1) - 1
        if held > 0:
            self._held[id] = held
            return
        idle = target.provider.idle_seconds
        try:
            await self.database.upstreams.set_due(id, _due_after(idle))
        except DarkroomError as error:  # Nobody renews its lease any more: that ends it as well, a little later.
            log.warning("%s could not be released: %s", id, error.message)
        if idle == 0:  # Whatever may stay a while may also stay until the worker looks again.
            self._wake.set()

    async def forget(self, id: str) -> None:
        """Drop the row of what is known to be gone, or was never created."""
        self._held.pop(id, None)
        await self.database.upstreams.forget_object(id)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Delete what is due while the block runs, and what is due at its end, once."""
        self._stopping = False
        work, keep = asyncio.create_task(self._work()), asyncio.create_task(self._keep())
        try:
            yield
        finally:
            # A deletion that is cut off would be nobody's until its lease ends.
            self._stopping = True
            self._wake.set()
            await asyncio.wait({work}, timeout=_STOP_SECONDS)
            for task in (work, keep):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def wake(self) -> None:
        """Look at once: something has become due."""
        self._wake.set()

    async def run_due(self) -> int:
        """Try to delete all that is due; return how much of it is gone now."""
        gone = 0
        while items := await self.database.upstreams.claim_due(now(), now() + self.lease_ms, _BATCH):
            gone += sum(await asyncio.gather(*map(self._delete, items)))
        return gone

    async def _delete(self, item: UpstreamObject) -> bool:
        """Delete one object upstream; tell whether it is gone."""
        if item.expires is not None and item.expires <= now():
            await self.database.upstreams.forget_object(item.id)
            return True
        try:
            await self._ask(item)
        except UpstreamNotFound:
            pass
        except DarkroomError as error:
            pause = min(self.first_ms << min(item.attempts, 20), _LAST_MS)
            told = min(int((error.retry_after or 0) * 1000), _LAST_MS)
            log.warning("%s %s is still at `%s`: %s", item.kind, item.id, item.provider, error.code)
            await self.database.upstreams.fail_object(item.id, now() + max(pause, told), error.code)
            return False
        await self.database.upstreams.forget_object(item.id)
        return True

    async def _ask(self, item: UpstreamObject) -> None:
        """Ask for a deletion. Raises `UpstreamNotFound` for what is gone already, `ConfigInvalid` without a key."""
        row = self.providers.row(item.provider)
        key = next((key for key in row.keys if key.alias == item.key), None) if row is not None else None
        if row is None or key is None:
            raise ConfigInvalid(f"`{item.provider}` or its key is not configured any more")
        target = Target(row, "", row.profile_of(""), key)
        request = UpstreamRequest(item.path, method="DELETE", headers={})
        try:
            async with asyncio.timeout(self.patience):
                await self.upstream.call(target, request, _gone)
        except TimeoutError:
            raise UpstreamTimeout(f"`{row.name}` did not delete it in {self.patience:.0f} s") from None

    async def _work(self) -> None:
        """Delete what is due until the gateway stops, and what is due then."""
        stopped = False
        while not stopped:
            stopped = self._stopping
            wait = await self._turn()
            with suppress(TimeoutError):
                async with asyncio.timeout(0 if stopped else wait):
                    await self._wake.wait()
            self._wake.clear()

    async def _turn(self) -> float:
        """Delete what is due, and return the seconds until there is more to do."""
        try:
            await self.run_due()
            due = await self.database.upstreams.next_due()
            return _IDLE_SECONDS if due is None else min(max((due - now()) / 1000, 0.05), _IDLE_SECONDS)
        except DarkroomError as error:
            log.warning("the cleanup failed: %s", error.message)
        except Exception:
            log.exception("the cleanup failed")
        return _IDLE_SECONDS

    async def _keep(self) -> None:
        """Push the due times of what is in use: a provider that keeps everything has none."""
        while True:
            await asyncio.sleep(self.lease_ms / 1000 / _RENEWALS)
            for id in list(self._held):
                with suppress(DarkroomError):
                    await self.database.upstreams.push_due(id, now() + self.lease_ms)


def _due_after(idle: float | None) -> int | None:
    """Return when something is due that is of no use for so many seconds (Unix ms); None is never."""
    return None if idle is None else now() + int(idle * 1000)


def _gone(status: int, body: bytes, retry_after: float | None) -> DarkroomError:
    # Google does not tell whether a file is gone or somebody else's: "… or it may not exist". The same words end its
    # refusals for want of a permission, which are no such thing.
    lost = status == 403 and b"may not exist" in body and b"denied on resource" not in body
    gone = status in (404, 410) or lost
    return UpstreamNotFound("it is gone") if gone else decode_error(status, body, retry_after)
