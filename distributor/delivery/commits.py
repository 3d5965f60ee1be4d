"""Group commit: the intents and results of all connections, written in one transaction after the other.

Lanes hand in what came of a copy (at once, without waiting) and ask leave for the next one (and wait for it). What
gathers while one transaction runs goes into the next, results before intents. So no final dot can leave before its
intent is durable, and a crash leaves at most one window of copies for each connection in `sending`. Permits, of the
server and of the destination, are taken in the same transaction as the intents they are for: a copy never waits for a
limit while it is marked as being sent.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import ledger, pacing
from distributor.delivery.ledger import Claim
from distributor.delivery.limits import Destination
from distributor.delivery.lines import Held, Line, Lines
from distributor.delivery.model import Outcome
from distributor.delivery.results import Policy, Result
from distributor.delivery.ways import Way
from distributor.errors import DatabaseFault
from distributor.identifiers import DeliveryId
from distributor.times import Clock

GATHER = timedelta(milliseconds=1)
"""How long the first to come waits for others, which share the work of its transaction."""
SEAT_WAIT = timedelta(seconds=1)
"""How long a destination rests whose connections are all in use by other processes."""
DATABASE_WAITS = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 15))
"""How long we wait for a database that fails before each new try; after the last, sending stops."""

Leave = Literal["go", "wait", "gone"]
"""Go and send it; wait, a limit is reached; it is no longer ours to send."""

_log = logging.getLogger(__name__)
_Item = TypeVar("_Item")


@dataclass(slots=True, eq=False)
class _Intent:
    way: Way
    window: Sequence[Held]
    leaves: asyncio.Future[list[Leave]]


@dataclass(slots=True)
class _Work:
    """What one transaction writes."""

    results: list[tuple[Held, Result]] = field(default_factory=list)
    released: list[Held] = field(default_factory=list)
    intents: list[_Intent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.results or self.released or self.intents)


@dataclass(slots=True)
class _Decided:
    """What a transaction found: leave for each intent, results that came too late, and what has to rest."""

    leaves: dict[DeliveryId, Leave] = field(default_factory=dict)
    lost: list[DeliveryId] = field(default_factory=list)
    ways: list[tuple[Way, datetime]] = field(default_factory=list)
    lines: list[tuple[Line, datetime]] = field(default_factory=list)


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
    lines: Lines
    clock: Clock
    policy: Policy
    told: Callable[[Committed], None]
    sleep: Callable[[timedelta], Awaitable[None]]
    enough: int = 1
    """So many connections asking for leave are not kept waiting for others: half of them, so that one half is sending
    while the other is being written."""
    _next: _Work = field(default_factory=_Work)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _gathered: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False
    _failure: Exception | None = None

    def ask(self, way: Way, window: Sequence[Held]) -> asyncio.Future[list[Leave]]:
        """Ask leave to send copies over one connection: for each in its order, durable when the answer is there.

        The answer is an exception once the writer has stopped.
        """
        leaves: asyncio.Future[list[Leave]] = asyncio.get_running_loop().create_future()
        if self._failure is not None:
            leaves.set_exception(self._failure)
            return leaves
        self._next.intents.append(_Intent(way=way, window=window, leaves=leaves))
        self._arrived.set()
        if len(self._next.intents) >= self.enough:
            self._gathered.set()
        return leaves

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
                await self._gather()
                await self._write()
        except Exception as error:
            self._fail(error)
            raise

    def close(self) -> None:
        """Let `run` end once everything handed in is written."""
        self._closed = True
        self._arrived.set()

    async def _gather(self) -> None:
        await self._arrived.wait()
        if not self._closed and len(self._next.intents) < self.enough:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gathered.wait(), GATHER.total_seconds())
        self._arrived.clear()
        self._gathered.clear()

    async def _write(self) -> None:
        work, self._next = self._next, _Work()
        # A lane that was cancelled meanwhile has given its copy back.
        asked = [intent for intent in work.intents if not intent.leaves.done()]
        work.intents, self._next.intents = asked[: self.enough], asked[self.enough :]
        if self._next.intents:
            self._arrived.set()
        if not work:
            return
        try:
            decided = await persistently(lambda: self.opened.transact(lambda tx: self._decide(tx, work)), self.sleep)
        except BaseException:
            self._next.intents += work.intents
            raise
        self._apply(decided)
        for intent in work.intents:
            with contextlib.suppress(asyncio.InvalidStateError):
                intent.leaves.set_result([decided.leaves.get(held.copy.id, "wait") for held in intent.window])
        self.told(_committed(work, decided))

    def _decide(self, tx: sa.Connection, work: _Work) -> _Decided:
        """Write results, then what is given back, then intents. Runs in a thread: touches only the database."""
        decided = _Decided()
        for claim, results in _grouped(work.results, lambda item: item[0].claim):
            decided.lost += ledger.settle(tx, claim, [result for _held, result in results], self.policy)
        for claim, released in _grouped(work.released, lambda held: held.claim):
            ledger.release(tx, claim, [held.copy.id for held in released])
        pacing.take_turns(tx, _turns(work.intents))
        for way, intents in _grouped(work.intents, lambda intent: intent.way):
            allowed = _allow(tx, way, [held for one in intents for held in one.window], self.clock.now(), decided)
            for claim, group in _grouped(allowed, lambda held: held.claim):
                decided.leaves |= _intend(tx, claim, way, [held.copy.id for held in group])
        return decided

    def _apply(self, decided: _Decided) -> None:
        for way, until in decided.ways:
            way.rest(until)
        for line, until in decided.lines:
            self.lines.rest(line, until)
        for one in decided.lost:
            _log.warning("result came after the claim was lost", extra={"delivery": one})

    def _fail(self, error: Exception) -> None:
        self._failure = error
        for intent in self._next.intents:
            with contextlib.suppress(asyncio.InvalidStateError):
                intent.leaves.set_exception(error)


async def persistently(step: Callable[[], Awaitable[_Item]], sleep: Callable[[timedelta], Awaitable[None]]) -> _Item:
    """Take a step that is safe to repeat, again after a while where the database fails; the last fault is raised."""
    for wait in DATABASE_WAITS:
        try:
            return await step()
        except DatabaseFault as fault:
            _log.warning("database failed, trying again", extra={"why": fault.text("en")})
            await sleep(wait)
    return await step()


def _intend(tx: sa.Connection, claim: Claim, way: Way, ids: list[DeliveryId]) -> dict[DeliveryId, Leave]:
    ours = ledger.intend(tx, claim, way.name, ids)
    # What is ours but may not go (its mailing was paused) goes back; what is not ours stays as it is.
    ledger.release(tx, claim, [one for one in ids if one not in ours])
    return {one: "go" if one in ours else "gone" for one in ids}


def _allow(tx: sa.Connection, way: Way, wanted: list[Held], now: datetime, decided: _Decided) -> list[Held]:
    """Return those copies that the limits of the server and of their destinations let go, their permits taken."""
    allowed: list[Held] = []
    left = pacing.room(tx, way.scope, way.rates, now=now) if way.rates else len(wanted)
    for line, group in _grouped(wanted, lambda held: held.line):
        room, until = _room(tx, line.destination, group, now)
        if room < len(group):
            decided.lines.append((line, until))
        going = group[: min(room, left)]
        if line.destination.rates:
            pacing.take(tx, line.destination.scope, len(going), now=now)
        allowed += going
        left -= len(going)
    if way.rates:
        pacing.take(tx, way.scope, len(allowed), now=now)
        if not left and len(allowed) < len(wanted):
            decided.ways.append((way, pacing.next_free(tx, way.scope, way.rates, now=now)))
    return allowed


def _room(tx: sa.Connection, destination: Destination, wanted: list[Held], now: datetime) -> tuple[int, datetime]:
    """Return how many of these copies may go to their destination now, and when the next may where not all may."""
    room, until = len(wanted), now
    if destination.connections is not None:
        # A copy whose connection failed is still marked as being sent: it must not stand in its own way.
        others = ledger.under_way(tx, destination.domains, [held.copy.id for held in wanted])
        room = max(min(room, destination.connections - others), 0)
        until = now + SEAT_WAIT
    if destination.rates:
        permits = pacing.room(tx, destination.scope, destination.rates, now=now)
        if permits < room:
            return permits, pacing.next_free(tx, destination.scope, destination.rates, taking=permits, now=now)
    return room, until


def _turns(intents: Iterable[_Intent]) -> list[str]:
    """Return the scopes in which permits are asked for, each once, in the one order that all processes keep."""
    rated = [(one.way.scope, one.way.rates) for one in intents]
    rated += [(held.line.destination.scope, held.line.destination.rates) for one in intents for held in one.window]
    return sorted({scope for scope, rates in rated if rates})


def _committed(work: _Work, decided: _Decided) -> Committed:
    return Committed(
        results=tuple((held, result.outcome) for held, result in work.results),
        released=tuple(work.released),
        gone=tuple(held for one in work.intents for held in one.window if decided.leaves.get(held.copy.id) == "gone"),
    )


_Key = TypeVar("_Key")


def _grouped(items: Iterable[_Item], key: Callable[[_Item], _Key]) -> Iterable[tuple[_Key, list[_Item]]]:
    groups: dict[_Key, list[_Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups.items()
