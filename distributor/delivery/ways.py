"""The ways out that a dispatcher has, and how each one stands: ready, resting for a limit, or left alone in trouble.

No door of its own: `transport` opens sessions, `pacing` counts. Trouble of a server is charged to nobody. One fault
among sessions that work is answered by a little patience; several in a row with no session left standing mean that
the server is in trouble, and it is left alone for 1, 5, 15, then 30 minutes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from distributor.delivery import retries
from distributor.delivery.model import Copy, Envelope, Mailing, Transport
from distributor.delivery.pacing import Rate

FAULTS_IN_A_ROW = 3
"""So many faults with no session standing: the server rests. After a rest, one is enough."""
BORNE_BESIDE_SESSIONS = 10
"""So many faults for each connection are borne while a session stands, for it may yet get through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What goes out for one copy: its content has CRLF lines and no dot-stuffing, `message_id` stands inside it."""

    envelope: Envelope
    content: bytes = field(repr=False)
    message_id: str


async def _nothing_to_prepare(_mailing: Mailing) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """A transport and how to use it: connections and rates over all processes, and for which copies.

    `compose` makes the message of a copy for this server (its headers, its signature), the same bytes every time;
    it raises where this one copy cannot be made. `prepare` is awaited before a mailing's first copy and makes what
    they all share. `allows` says whether an address may be handed to this server.
    """

    transport: Transport
    connections: int
    compose: Callable[[Mailing, Copy], Message]
    allows: Callable[[str], bool]
    rates: Sequence[Rate] = ()
    messages_per_connection: int | None = None
    prepare: Callable[[Mailing], Awaitable[None]] = _nothing_to_prepare


@dataclass(slots=True, eq=False)
class Way:
    """An outlet in use; `ready` is clear while it rests."""

    outlet: Outlet
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    sessions: int = 0
    until: datetime | None = None
    cause: Literal["limit", "fault"] | None = None
    reason: str = ""
    _faults: int = 0
    _rests: int = 0

    def __post_init__(self) -> None:
        self.ready.set()

    @property
    def name(self) -> str:
        """The transport's name, as ledger rows carry it."""
        return self.outlet.transport.name

    @property
    def scope(self) -> str:
        """Under which its permits are counted."""
        return f"server:{self.name}"

    @property
    def rates(self) -> Sequence[Rate]:
        """How fast it may go."""
        return self.outlet.rates

    @property
    def is_in_trouble(self) -> bool:
        """Whether it rests because its server refused us."""
        return self.cause == "fault"

    def rest(self, until: datetime) -> None:
        """Let nothing through until a limit allows it; a rest for trouble is not cut short."""
        if not self.is_in_trouble:
            self._rest(until, "limit", "")

    def works(self) -> None:
        """Note that the server answered for a copy: it is in no trouble."""
        self._faults = self._rests = 0

    def fails(self, reason: str, now: datetime) -> bool:
        """Note a fault; return whether the server is left alone from now on."""
        self._faults += 1
        enough = 1 if self._rests else FAULTS_IN_A_ROW
        beside_sessions = BORNE_BESIDE_SESSIONS * self.outlet.connections
        if self._faults < enough or (self.sessions and self._faults < beside_sessions):
            return False
        self._rests += 1
        self._rest(now + retries.rest_of_server(self._rests), "fault", reason)
        return True

    def wake(self, now: datetime) -> None:
        """End the rest when its time has come."""
        if self.until is not None and now >= self.until:
            self.until, self.cause, self.reason, self._faults = None, None, "", 0
            self.ready.set()

    def _rest(self, until: datetime, cause: Literal["limit", "fault"], reason: str) -> None:
        self.until, self.cause, self.reason = until, cause, reason
        self.ready.clear()
