"""The copies that wait, in one line for each destination, and which of them may go next.

A destination is a domain, or the domains of one provider under a `[[limit]]`. The next copy is taken from the line that
has the fewest under way, so that a slow provider keeps no more than its share of the connections busy. A line rests
while its limit is reached or its provider blocks us; the others go on. Nothing here is kept: rows and permits are.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from distributor.delivery import breakers
from distributor.delivery.breakers import Breaker
from distributor.delivery.ledger import Claim
from distributor.delivery.limits import Destination, Destinations
from distributor.delivery.model import Copy
from distributor.delivery.ways import Message, Outlet

SOON = 16
"""So many copies of a line may be composed before their turn."""


@dataclass(slots=True, eq=False)
class Line:
    """What waits for one destination; `until` is set while it rests, `reason` where its provider blocks us."""

    destination: Destination
    breaker: Breaker = field(default_factory=breakers.for_domain)
    copies: "deque[Held]" = field(default_factory=deque)
    under_way: int = 0
    in_turn: bool = False
    until: datetime | None = None
    reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether somebody counts what goes there, so that copies go one by one."""
        return self.destination.is_limited or self.breaker.is_half_open

    @property
    def may_go(self) -> bool:
        """Whether another copy may be under way; after being blocked, one at a time."""
        if self.until is not None:
            return False
        most = 1 if self.breaker.is_half_open else self.destination.connections
        return most is None or self.under_way < most


@dataclass(slots=True, eq=False)
class Held:
    """One copy in our hands.

    `again` once it was given a second connection because the first had worn out; `message` is what it is for one
    outlet, where that was composed before its turn.
    """

    copy: Copy
    claim: Claim
    line: Line
    again: bool = False
    message: tuple[Outlet, Message] | None = None


class Lines:
    """All lines of a run, shared by its lanes; how much waits in them is bounded by who fills them."""

    def __init__(self, destinations: Destinations) -> None:
        """Take the limits by destination."""
        self.closed = asyncio.Event()
        self._destinations = destinations
        self._lines: dict[str, Line] = {}
        self._turns: deque[Line] = deque()
        self._resting: dict[Line, None] = {}
        self._waiting = 0
        self._stirred = asyncio.Event()

    def __len__(self) -> int:
        return self._waiting

    def hold(self, copy: Copy, claim: Claim) -> Held:
        """Return a claimed copy with the line it belongs to; it does not wait in it yet."""
        destination = self._destinations.of(copy.address.rpartition("@")[2])
        line = self._lines.get(destination.scope)
        if line is None:
            line = self._lines[destination.scope] = Line(destination=destination)
        return Held(copy=copy, claim=claim, line=line)

    def add(self, copies: Iterable[Held]) -> None:
        """Put copies at the ends of their lines."""
        for held in copies:
            self._put(held).append(held)
        self._stirred.set()

    def put_back(self, held: Held) -> None:
        """Put a copy that was taken at the front of its line: it goes next."""
        self._put(held).appendleft(held)
        self.done(held)

    def done(self, held: Held) -> None:
        """Note that a copy that was taken is under way no more."""
        held.line.under_way -= 1
        self._stirred.set()

    async def take(self) -> Held | None:
        """Return the next copy, which is under way from then on; waits for one, None when closed. Safe to cancel."""
        while not self.closed.is_set():
            if (held := self.take_now()) is not None:
                return held
            self._stirred.clear()
            await self._stirred.wait()
        return None

    def take_now(self) -> Held | None:
        """Return the next copy as `take` does, but without waiting; None where none may go."""
        line = self._next()
        if line is None:
            return None
        self._waiting -= 1
        line.under_way += 1
        return line.copies.popleft()

    def peek(self) -> Held | None:
        """Return a copy whose turn comes soon and that is not composed yet; it goes on waiting."""
        ready = (line for line in self._turns if line.may_go)
        soon = (held for line in ready for held in islice(line.copies, SOON))
        return next((held for held in soon if held.message is None), None)

    def empty(self, only: Line | None = None) -> list[Held]:
        """Take out everything that waits, of one line or of all; it is not under way."""
        lines = [line for line in self._turns if only in (None, line)]
        copies = [held for line in lines for held in line.copies]
        for line in lines:
            line.copies.clear()
        self._waiting -= len(copies)
        return copies

    def close(self) -> None:
        """Let everybody who takes go home; what waits stays until emptied."""
        self.closed.set()
        self._stirred.set()

    def rest(self, line: Line, until: datetime, reason: str = "") -> None:
        """Let nothing of a line go for a while; a rest because we are blocked is not cut short by a limit."""
        if line.reason and not reason:
            return
        line.until, line.reason = until, reason
        self._resting[line] = None

    def wake(self, now: datetime) -> None:
        """End the rests whose time has come."""
        for line in [line for line in self._resting if line.until is not None and line.until <= now]:
            line.until, line.reason = None, ""
            line.breaker.resume()
            del self._resting[line]
            self._stirred.set()

    @property
    def can_go(self) -> bool:
        """Whether a copy that waits could go now."""
        return any(line.copies and line.may_go for line in self._turns)

    @property
    def resting(self) -> list[Line]:
        """The lines that rest, whether or not anything waits in them."""
        return list(self._resting)

    def full(self, crowd: int) -> list[Line]:
        """Return the lines that want no more copies: they rest, or at least `crowd` wait in them."""
        crowded = (line for line in self._turns if len(line.copies) >= crowd and line.until is None)
        return [*self._resting, *crowded]

    def _put(self, held: Held) -> "deque[Held]":
        if not held.line.in_turn:
            held.line.in_turn = True
            self._turns.append(held.line)
        self._waiting += 1
        return held.line.copies

    def _next(self) -> Line | None:
        """Return the line whose turn it is, None where nothing may go; those without a copy lose their place."""
        best: Line | None = None
        for _place in range(len(self._turns)):
            line = self._turns.popleft()
            if not line.copies:
                line.in_turn = False
                continue
            self._turns.append(line)
            if line.may_go and (best is None or line.under_way < best.under_way):
                best = line
                if not best.under_way:
                    break
        return best
