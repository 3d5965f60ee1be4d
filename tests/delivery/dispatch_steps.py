"""A way out that does as a script says, and a clock that lets time pass at once."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import Any

from distributor.database import Database
from distributor.delivery.dispatcher import Dispatcher
from distributor.delivery.model import Channel, Copy, Envelope, Mailing, Outcome, Session
from distributor.delivery.runs import Habits
from distributor.delivery.ways import Message, Outlet
from distributor.errors import ServerFault
from distributor.identifiers import MailingId
from distributor.problems import wording
from tests.delivery import ledger_steps
from tests.delivery.ledger_steps import NOW, TAKEN

Script = Callable[[str, int], Outcome | Exception]
"""Says what comes of a recipient's message, the n-th (from 1) of its session."""


def all_taken(_recipient: str, _number: int) -> Outcome | Exception:
    return TAKEN


class ScriptedSession:
    def __init__(self, transport: "ScriptedTransport") -> None:
        self.usable = True
        self._transport = transport
        self._carried = 0

    async def send(self, envelope: Envelope, message: bytes) -> Outcome:
        self._carried += 1
        self._transport.tried.append(envelope.recipient)
        self._transport.under_way += 1
        try:
            await self._transport.pace()
        finally:
            self._transport.under_way -= 1
        come = self._transport.script(envelope.recipient, self._carried)
        self.usable = (self._carried < self._transport.worn_after) and not isinstance(come, Exception)
        if isinstance(come, Exception):
            raise come
        if come is TAKEN:
            self._transport.sent.append((envelope.recipient, message))
        return come

    async def close(self) -> None:
        self.usable = False
        self._transport.closed += 1


class ScriptedTransport:
    """Counts what goes through it; `refusals` are raised by the next openings, one each."""

    def __init__(self, script: Script = all_taken, *, name: str = "relay", channel: Channel = "smtp") -> None:
        self.name = name
        self.channel = channel
        self.script = script
        self.worn_after = 1_000_000
        self.refusals: list[Exception] = []
        self.tried: list[str] = []
        self.sent: list[tuple[str, bytes]] = []
        self.opened = 0
        self.closed = 0
        self.under_way = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def open(self) -> Session:
        self.opened += 1
        await asyncio.sleep(0)
        if self.refusals:
            raise self.refusals.pop(0)
        return ScriptedSession(self)

    async def pace(self) -> None:
        await asyncio.sleep(0)
        await self.gate.wait()

    @property
    def recipients(self) -> list[str]:
        return sorted(recipient for recipient, _message in self.sent)


class PassingClock:
    """A clock on which time passes only, and at once, when somebody sleeps."""

    def __init__(self, moment: datetime = NOW) -> None:
        self.moment = moment
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        await asyncio.sleep(0.002)
        self.moment += duration


def compose(mailing: Mailing, copy: Copy) -> Message:
    message_id = f"<{mailing.issue}.{mailing.send_no}.{copy.public_id}@example.com>"
    return Message(
        envelope=Envelope(sender="weekly@example.com", recipient=copy.address),
        content=f"Message-ID: {message_id}\r\n\r\n{mailing.token_mark}\r\n".encode(),
        message_id=message_id,
    )


def outlet(transport: ScriptedTransport, **changes: Any) -> Outlet:
    values = {"connections": 4, "compose": compose, "allows": lambda address: True}
    return Outlet(**{"transport": transport} | values | changes)


def dispatcher(database: Database, *outlets: Outlet, clock: PassingClock | None = None, **changes: Any) -> Dispatcher:
    clock = clock or PassingClock()
    habits = Habits(batch=20, **changes.pop("habits", {}))
    parts = {"habits": habits, "randomness": SystemRandom(), "clock": clock, "sleep": clock.sleep}
    return Dispatcher(opened=database, outlets=outlets, **(parts | changes))


def refusal(text: str = "535 login refused") -> ServerFault:
    return ServerFault(wording(text, text))


class RealClock(PassingClock):
    def now(self) -> datetime:
        return datetime.now(UTC)


async def under_way(relay: ScriptedTransport, count: int) -> None:
    async with asyncio.timeout(5):
        while relay.under_way < count:
            await asyncio.sleep(0.005)


async def until_state(database: Database, state: str) -> None:
    async with asyncio.timeout(5):
        while (await ledger_steps.mailing_row(database, MailingId(1))).state != state:
            await asyncio.sleep(0.01)


async def accepted_moments(database: Database, *, at: str = "") -> list[datetime]:
    """Return when copies were taken, all or those for one domain."""
    rows = await ledger_steps.rows(database)
    return [row.accepted_at for row in rows if row.accepted_at and row.domain == (at or row.domain)]


def assert_rate_was_kept(moments: list[datetime], count: int, window: timedelta) -> None:
    ordered = sorted(moments)
    for first, moment in enumerate(ordered):
        assert sum(1 for later in ordered[first:] if later - moment < window) <= count
