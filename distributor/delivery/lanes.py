"""One lane is one connection at work: it takes copies one after the other and hands in what came of each.

For one copy: compose → connect if need be → leave from `Commits` (intent durable, permit taken) → send → result at
once. What one copy does never ends the lane: a copy that cannot be composed is set aside, an unknown error while
sending leaves its acceptance unknown. Only a broken set-up and a failing database end everything.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from distributor.delivery.commits import Commits, Held
from distributor.delivery.model import Deferred, Mailing, Outcome, Refused, Reply, Session, Stored, Uncertain
from distributor.delivery.ways import Message, Way
from distributor.errors import ConfigError, DistributorError, EnvironmentFault, ServerFault
from distributor.identifiers import MailingId
from distributor.times import Clock

SET_ASIDE = "set aside: "
SET_ASIDE_LIMIT = 10
"""So many copies of a mailing in a row that cannot be composed are no reader's fault: the mailing stops."""
MOST_PATIENCE = timedelta(minutes=5)

_log = logging.getLogger(__name__)


class Waiting:
    """The copies that are claimed and not yet under way, shared by the lanes; bounded by who fills it."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self._copies: deque[Held] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._copies)

    def add(self, copies: Iterable[Held]) -> None:
        """Put copies at the end."""
        self._copies.extend(copies)
        self._filled.set()

    def put_back(self, held: Held) -> None:
        """Put a copy at the front: it goes next."""
        self._copies.appendleft(held)
        self._filled.set()

    async def take(self) -> Held | None:
        """Return the next copy, waiting for one; None when closed. Safe to cancel."""
        while not self.closed.is_set():
            if self._copies:
                return self._copies.popleft()
            self._filled.clear()
            await self._filled.wait()
        return None

    def empty(self) -> list[Held]:
        """Take out everything at once."""
        copies = list(self._copies)
        self._copies.clear()
        return copies

    def close(self) -> None:
        """Let everybody who takes go home; what is in it stays until emptied."""
        self.closed.set()
        self._filled.set()


@dataclass(slots=True, kw_only=True)
class Floor:
    """What the lanes of a run share; `stirred` is set whenever the run should look up."""

    waiting: Waiting
    commits: Commits
    mailings: dict[MailingId, Mailing]
    clock: Clock
    sleep: Callable[[timedelta], Awaitable[None]]
    idle: timedelta
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    spoilt: dict[MailingId, str] = field(default_factory=dict)
    """Mailings whose copies cannot be composed, and why."""
    _set_aside: dict[MailingId, int] = field(default_factory=dict)

    def composed(self, held: Held) -> None:
        """Note that a copy of this mailing could be composed."""
        self._set_aside.pop(held.copy.mailing, None)

    def set_aside(self, held: Held, why: str) -> None:
        """Note that one could not; after ten in a row the mailing is spoilt."""
        of = held.copy.mailing
        self._set_aside[of] = self._set_aside.get(of, 0) + 1
        if self._set_aside[of] >= SET_ASIDE_LIMIT:
            self.spoilt[of] = why
            self.stirred.set()


@dataclass(slots=True, kw_only=True)
class Lane:
    """A connection of one way out."""

    way: Way
    floor: Floor
    _session: Session | None = None
    _carried: int = 0
    _faults: int = 0

    async def run(self) -> None:
        """Work until the waiting copies are closed; what is under way then still ends."""
        try:
            while (held := await self._next()) is not None:
                await self._deliver(held)
        finally:
            await self._close()

    async def _next(self) -> Held | None:
        while True:
            try:
                async with asyncio.timeout(self.floor.idle.total_seconds() if self._session else None):
                    await self.way.ready.wait()
                    held = await self.floor.waiting.take()
            except TimeoutError:
                await self._close()
                continue
            if held is None or self.way.ready.is_set():
                return held
            # The way began to rest while this lane waited for a copy.
            self._put_back(held)

    async def _deliver(self, held: Held) -> None:
        try:
            message = await self._prepare(held)
        except BaseException:
            self.floor.commits.release(held)
            raise
        if message is not None:
            await self._send(held, message)

    async def _prepare(self, held: Held) -> Message | None:
        """Return the message of a copy that may leave now; None when it was put back, set aside or let go."""
        message = self._compose(held)
        if message is None or not await self._connected(held):
            return None
        leave = await self.floor.commits.intend(self.way, held)
        if leave == "wait":
            self._put_back(held)
        return message if leave == "go" else None

    def _compose(self, held: Held) -> Message | None:
        """Return the message; None when the copy was set aside or given back instead."""
        if held.copy.mailing in self.floor.spoilt:
            self.floor.commits.release(held)
            return None
        try:
            if not self.way.outlet.allows(held.copy.address):
                self._settle(held, _refused("a reserved address, and the server is not on this host"), "")
                return None
            message = self.way.outlet.compose(self.floor.mailings[held.copy.mailing], held.copy)
        except (ConfigError, EnvironmentFault):
            raise
        except Exception as error:  # noqa: BLE001 - one copy that cannot be composed must not stop the others
            _log.warning("copy set aside", extra={"delivery": held.copy.id}, exc_info=True)
            self._settle(held, _refused(f"{SET_ASIDE}{error}"), "")
            self.floor.set_aside(held, told(error))
            return None
        self.floor.composed(held)
        return message

    async def _connected(self, held: Held) -> bool:
        """Say whether a session stands for this copy; where none can be opened the copy is put back."""
        if self._session is not None and self._session.usable:
            return True
        await self._close()
        # One connects at a time: a refused login must not be tried by every lane at once.
        async with self.way.opening:
            if not self.way.ready.is_set():
                self._put_back(held)
                return False
            try:
                self._session = await self.way.outlet.transport.open()
            except OSError as fault:
                await self._fail(held, fault)
                return False
        self.way.sessions += 1
        self._carried = 0
        return True

    async def _send(self, held: Held, message: Message) -> None:
        session = self._session
        assert session is not None
        try:
            outcome = await session.send(message.envelope, message.content)
        except ServerFault as fault:
            await self._close()
            await self._fail(held, fault)
            return
        except asyncio.CancelledError:
            self._settle(held, Uncertain(reply=Reply(code=None, text="stopped while sending")), message.message_id)
            raise
        except Exception as error:  # noqa: BLE001 - a mistake of ours in mid-session: the dot may have left
            _log.exception("sending failed", extra={"delivery": held.copy.id})
            await self._close()
            outcome = Uncertain(reply=Reply(code=None, text=f"{type(error).__name__}: {error}"))
        await self._conclude(held, outcome, message)

    async def _conclude(self, held: Held, outcome: Outcome, message: Message) -> None:
        worn_out = self._session is not None and not self._session.usable
        if worn_out:
            await self._close()
        if worn_out and isinstance(outcome, Deferred) and self._carried and not held.again:
            # A server that closes after so many messages says nothing about this reader.
            held.again = True
            self._put_back(held)
            return
        self._carried += 1
        if isinstance(outcome, Stored) or outcome.reply.code is not None:
            self.way.works()
            self._faults = 0
        self._settle(held, outcome, message.message_id)

    async def _fail(self, held: Held, fault: OSError) -> None:
        """Put the copy back, charged with nothing, and be patient with the server or leave it alone."""
        self._put_back(held)
        reason = told(fault)
        _log.warning("server refused", extra={"server": self.way.name, "reason": reason})
        self._faults += 1
        if self.way.fails(reason, self.floor.clock.now()):
            self.floor.stirred.set()
            return
        # Others still get through: a server that allows fewer connections must not be asked every second.
        patience = min(timedelta(seconds=2 ** min(self._faults, 16) / 2), MOST_PATIENCE)
        await first_of(self.floor.sleep(patience), self.floor.waiting.closed.wait())

    def _settle(self, held: Held, outcome: Outcome, message_id: str) -> None:
        self.floor.commits.settle(self.way, held, outcome, message_id)

    def _put_back(self, held: Held) -> None:
        self.floor.waiting.put_back(held)
        self.floor.stirred.set()

    async def _close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            self.way.sessions -= 1
            await session.close()


async def first_of(*waits: Awaitable[object]) -> None:
    """Wait until one of them is over; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def told(error: Exception) -> str:
    """Return what an error says to an operator."""
    return error.text() if isinstance(error, DistributorError) else f"{type(error).__name__}: {error}"


def _refused(why: str) -> Refused:
    return Refused(reply=Reply(code=None, text=why))
