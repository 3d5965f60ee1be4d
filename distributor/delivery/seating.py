"""The seats that the connections of one run hold at their servers.

Connections to a server are limited over all processes: a lane takes a seat before it connects and leaves it when it
has closed. `seats` writes the rows; here they are kept and renewed. Copies that stay on this host need none.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import seats
from distributor.delivery.commits import persistently
from distributor.delivery.ways import Way

LONGEST_LEASE = timedelta(seconds=30)
"""After a kill the server has closed the connections long before: their seats must not be missed for long."""
_Found = TypeVar("_Found")


@dataclass(slots=True, kw_only=True)
class Seating:
    """All seats of a run, whose random mark is `holder`; a seat is a server's scope and a number."""

    opened: Database
    holder: str
    lease: timedelta
    sleep: Callable[[timedelta], Awaitable[None]]
    _held: set[tuple[str, int]] = field(default_factory=set)

    async def take(self, way: Way) -> int | None:
        """Return a seat at this server, None while all are taken by this and other processes."""
        if way.outlet.transport.channel == "outbox":
            return 0
        scope, limit = way.scope, way.outlet.connections
        known = {number for held_scope, number in self._held if held_scope == scope}

        def step(tx: sa.Connection) -> int | None:
            seats.keep_only(tx, scope, known, holder=self.holder)
            return seats.take(tx, scope, limit=limit, holder=self.holder, lease=self.lease)

        number = await self._transact(step)
        if number is not None:
            self._held.add((scope, number))
        return number

    def keeps(self, way: Way, number: int) -> bool:
        """Say whether a seat is still ours: a run that was suspended for long may have lost it."""
        return way.outlet.transport.channel == "outbox" or (way.scope, number) in self._held

    async def leave(self, way: Way, number: int) -> None:
        """Give a seat back."""
        if (way.scope, number) in self._held:
            self._held.remove((way.scope, number))
            await self._transact(lambda tx: seats.leave(tx, way.scope, [number], holder=self.holder))

    async def renew(self) -> None:
        """Keep the seats; those that somebody else has taken meanwhile are ours no longer."""
        by_scope: dict[str, list[int]] = defaultdict(list)
        for scope, number in sorted(self._held):
            by_scope[scope].append(number)
        for scope, numbers in by_scope.items():
            kept = await self._renewed(scope, numbers)
            self._held -= {(scope, number) for number in numbers if number not in kept}

    async def _renewed(self, scope: str, numbers: list[int]) -> frozenset[int]:
        return await self.opened.transact(
            lambda tx: seats.renew(tx, scope, numbers, holder=self.holder, lease=self.lease)
        )

    async def _transact(self, step: Callable[[sa.Connection], _Found]) -> _Found:
        return await persistently(lambda: self.opened.transact(step), self.sleep)
