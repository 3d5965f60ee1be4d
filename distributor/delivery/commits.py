"""Group commit: the intents and results of all connections, written in one transaction after the other.

Lanes hand in what came of a copy (at once, without waiting) and ask leave for the next one (and wait for it). What
gathers while one transaction runs goes into the next, results before intents. So no final dot can leave before its
intent is durable, and a crash leaves at most one copy a connection in `sending`. Permits are taken in the same
transaction as the intents they are for: a copy never waits for a limit while it is marked as being sent.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.database import Database
from distributor.delivery import ledger, pacing
from distributor.delivery.ledger import Claim
from distributor.delivery.model import Copy, Outcome
from distributor.delivery.results import Policy, Result
from distributor.delivery.ways import Way
from distributor.errors import DatabaseFault
from distributor.identifiers import DeliveryId
from distributor.times import Clock

GATHER = timedelta(milliseconds=1)
"""How long the first to come waits for others: with eight connections it halves the work for each copy."""
DATABASE_WAITS = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 15))
"""How long we wait for a database that fails before each new try; after the last, sending stops."""

Leave = Literal["go", "wait", "gone"]
"""Go and send it; wait, a limit is reached; it is no longer ours to send."""

_log = logging.getLogger(__name__)
_Item = TypeVar("_Item")


@dataclass(slots=True, eq=False)
class Held:
    """One copy in our hands; `again` once it was given a second connection because the first had worn out."""

    copy: Copy
    claim: Claim
    again: bool = False


@dataclass(slots=True, eq=False)
class _Intent:
    way: Way
    held: Held
    leave: asyncio.Future[Leave]


@dataclass(slots=True)
class _Work:
    """What one transaction writes."""

    results: list[tuple[Held, Result]] = field(default_factory=list)
    released: list[Held] = field(default_factory=list)
    intents: list[_Intent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.results or self.released or self.intents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What one transaction has written: results, copies given back, copies that were ours to send no longer."""

    results: tuple[tuple[Held, Outcome], ...]
    released: tuple[Held, ...]
    gone: tuple[Held, ...]


@dataclass(slots=True, kw_only=True)
class Commits:
    """The one writer of a dispatcher; `told` hears of every transaction, in order."""

    opened: Database
    clock: Clock
    policy: Policy
    told: Callable[[Committed], None]
    sleep: Callable[[timedelta], Awaitable[None]]
    _next: _Work = field(default_factory=_Work)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False
    _failure: Exception | None = None

    async def intend(self, way: Way, held: Held) -> Leave:
        """Ask leave to send a copy; it is durable when this returns. Raises what stopped the writer."""
        if self._failure is not None:
            raise self._failure
        leave: asyncio.Future[Leave] = asyncio.get_running_loop().create_future()
        self._next.intents.append(_Intent(way=way, held=held, leave=leave))
        self._arrived.set()
        return await leave

    def settle(self, way: Way, held: Held, outcome: Outcome, message_id: str) -> None:
        """Hand in what came of a copy; it goes into the next transaction."""
        result = Result(
            delivery=held.copy.id, outcome=outcome, server=way.name, message_id=message_id, at=self.clock.now()
        )
        self._next.results.append((held, result))
        self._arrived.set()

    def release(self, held: Held) -> None:
        """Give a copy back that was not sent."""
        self._next.released.append(held)
        self._arrived.set()

    async def run(self) -> None:
        """Write what arrives until closed; a failure of the database ends it and everything that waits for it."""
        try:
            while self._next or not self._closed:
                await self._arrived.wait()
                if not self._closed:
                    await asyncio.sleep(GATHER.total_seconds())
                self._arrived.clear()
                await self._write()
        except Exception as error:
            self._fail(error)
            raise

    def close(self) -> None:
        """Let `run` end once everything handed in is written."""
        self._closed = True
        self._arrived.set()

    async def _write(self) -> None:
        work, self._next = self._next, _Work()
        # A lane that was cancelled meanwhile has given its copy back.
        work.intents = [intent for intent in work.intents if not intent.leave.done()]
        if not work:
            return
        try:
            leaves, committed = await persistently(lambda: self._transact(work), self.sleep)
        except BaseException:
            self._next.intents += work.intents
            raise
        for intent in work.intents:
            with contextlib.suppress(asyncio.InvalidStateError):
                intent.leave.set_result(leaves.get(intent.held.copy.id, "wait"))
        self.told(committed)

    async def _transact(self, work: _Work) -> tuple[dict[DeliveryId, Leave], Committed]:
        lost: list[DeliveryId] = []
        leaves: dict[DeliveryId, Leave] = {}
        async with self.opened.write() as tx:
            for claim, results in _grouped(work.results, lambda item: item[0].claim):
                lost += await ledger.settle(tx, claim, [result for _held, result in results], self.policy)
            for claim, released in _grouped(work.released, lambda held: held.claim):
                await ledger.release(tx, claim, [held.copy.id for held in released])
            for way, intents in _grouped(work.intents, lambda intent: intent.way):
                leaves |= await self._allow(tx, way, [intent.held for intent in intents])
        for one in lost:
            _log.warning("result came after the claim was lost", extra={"delivery": one})
        return leaves, Committed(
            results=tuple((held, result.outcome) for held, result in work.results),
            released=tuple(work.released),
            gone=tuple(one.held for one in work.intents if leaves.get(one.held.copy.id) == "gone"),
        )

    async def _allow(self, tx: AsyncConnection, way: Way, wanted: list[Held]) -> dict[DeliveryId, Leave]:
        permits = await pacing.acquire(tx, way.scope, way.rates, now=self.clock.now(), wanted=len(wanted))
        if permits.next_at is not None:
            way.rest(permits.next_at)
        leaves: dict[DeliveryId, Leave] = {}
        for claim, group in _grouped(wanted[: permits.granted], lambda held: held.claim):
            ids = [held.copy.id for held in group]
            ours = await ledger.intend(tx, claim, way.name, ids)
            # What is ours but may not go (its mailing was paused) goes back; what is not ours stays as it is.
            await ledger.release(tx, claim, [one for one in ids if one not in ours])
            leaves |= {one: "go" if one in ours else "gone" for one in ids}
        return leaves

    def _fail(self, error: Exception) -> None:
        self._failure = error
        for intent in self._next.intents:
            with contextlib.suppress(asyncio.InvalidStateError):
                intent.leave.set_exception(error)


async def persistently(step: Callable[[], Awaitable[_Item]], sleep: Callable[[timedelta], Awaitable[None]]) -> _Item:
    """Take a step that is safe to repeat, again after a while where the database fails; the last fault is raised."""
    for wait in DATABASE_WAITS:
        try:
            return await step()
        except DatabaseFault:
            _log.warning("database failed, trying again", exc_info=True)
            await sleep(wait)
    return await step()


_Key = TypeVar("_Key")


def _grouped(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> Iterable[tuple[_Key, list[_Item]]]:
    groups: dict[_Key, list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups.items()
