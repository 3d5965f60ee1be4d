"""One lane is one connection at work: it takes copies one after the other and hands in what came of each.

For one copy: compose → connect if need be → leave from `Commits` (intent durable, permits taken) → send → result at
once. What one copy does never ends the lane: a copy that cannot be composed is set aside, an unknown error while
sending leaves its acceptance unknown. Only a broken set-up and a failing database end everything.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from distributor.delivery.commits import Commits, Leave
from distributor.delivery.lines import Held, Line, Lines
from distributor.delivery.model import Deferred, Mailing, Outcome, Refused, Reply, Session, Stored, Uncertain
from distributor.delivery.seating import Seating
from distributor.delivery.ways import Message, Way
from distributor.errors import ConfigError, DistributorError, EnvironmentFault, ServerFault
from distributor.identifiers import MailingId
from distributor.times import Clock

SET_ASIDE = "set aside: "
SET_ASIDE_LIMIT = 10
"""So many copies of a mailing in a row that cannot be composed are no reader's fault: the mailing stops."""
MOST_PATIENCE = timedelta(minutes=5)
SEAT_PATIENCE = timedelta(seconds=1)
"""How long a lane waits while other processes have all the connections that a server may have."""

_log = logging.getLogger(__name__)
_Ready = deque[tuple[Held, Message]]


@dataclass(slots=True, kw_only=True)
class Floor:
    """What the lanes of a run share; `stirred` is set whenever the run should look up."""

    lines: Lines
    commits: Commits
    seating: Seating
    window: int
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
    _seat: int = 0
    _carried: Counter[Line] = field(default_factory=Counter)
    _faults: int = 0
    _ready: _Ready = field(default_factory=deque)

    async def run(self) -> None:
        """Work until the waiting copies are closed; what is under way then still ends."""
        try:
            while await self._filled():
                await self._deliver()
        finally:
            self._give_all_back(self._ready)
            await self._close()

    async def _filled(self) -> bool:
        """See to it that a window is ready, waiting for copies; False when there will be no more."""
        first = await self._next()
        if first is not None:
            self._ready = self._composed([first, *self._more(first)])
        return first is not None

    async def _next(self) -> Held | None:
        while True:
            try:
                async with asyncio.timeout(self.floor.idle.total_seconds() if self._session else None):
                    await self.way.ready.wait()
                    held = await self.floor.lines.take()
            except TimeoutError:
                await self._close()
                continue
            if held is None or self.way.ready.is_set():
                return held
            # The way began to rest while this lane waited for a copy.
            self._put_back(held)

    def _more(self, first: Held) -> list[Held]:
        """Return what may be marked as being sent together with this copy: nothing where somebody counts."""
        window: list[Held] = [first]
        if self.way.rates or self.way.outlet.messages_per_connection is not None:
            return []
        while len(window) < self.floor.window and not any(held.line.counts for held in window):
            held = self.floor.lines.take_now()
            if held is None:
                break
            window.append(held)
        return window[1:]

    def _composed(self, window: list[Held]) -> _Ready:
        """Return the messages of those copies that could be composed; the others were set aside or given back."""
        waiting, ready = deque(window), _Ready()
        try:
            while waiting:
                message = self._compose(waiting[0])
                held = waiting.popleft()
                if message is not None:
                    ready.append((held, message))
        except BaseException:
            for held in (*waiting, *(held for held, _message in ready)):
                self._give_back(held)
            raise
        return ready

    def _look_ahead(self) -> None:
        """Compose what comes next, for whoever takes it, while the leave for what is ready is being written."""
        for _copy in range(self.floor.window):
            held = self.floor.lines.peek()
            if held is None or held.copy.mailing in self.floor.spoilt:
                return
            try:
                held.message = self.way.outlet, self._message_of(held)
            except Exception:  # noqa: BLE001 - whoever takes it meets the same error and says so
                return

    async def _deliver(self) -> None:
        """Send what is ready, one copy after the other; what did not come to it is given back."""
        if self._ready and await self._connected():
            asked = self.floor.commits.ask(self.way, [held for held, _message in self._ready])
            self._look_ahead()
            for leave in await asked:
                await self._leave(*self._ready.popleft(), leave)
        self._give_all_back(self._ready)

    def _give_all_back(self, ready: _Ready) -> None:
        while ready:
            self._give_back(ready.popleft()[0])

    async def _leave(self, held: Held, message: Message, leave: Leave) -> None:
        """Send one copy if it may leave and its connection still stands."""
        if leave == "gone":
            self.floor.lines.done(held)
        elif leave == "wait":
            self._put_back(held)
        elif self._session is None or self.floor.lines.closed.is_set():
            self._give_back(held)
        else:
            await self._send(held, message)

    def _compose(self, held: Held) -> Message | None:
        """Return the message; None when the copy was set aside or given back instead."""
        if held.copy.mailing in self.floor.spoilt:
            self._give_back(held)
            return None
        try:
            if not self.way.outlet.allows(held.copy.address):
                self._settle(held, _refused("a reserved address, and the server is not on this host"), "")
                return None
            message = self._message_of(held)
        except (ConfigError, EnvironmentFault):
            raise
        except Exception as error:  # noqa: BLE001 - one copy that cannot be composed must not stop the others
            _log.warning("copy set aside", extra={"delivery": held.copy.id}, exc_info=True)
            self._settle(held, _refused(f"{SET_ASIDE}{error}"), "")
            self.floor.set_aside(held, told(error))
            return None
        self.floor.composed(held)
        return message

    def _message_of(self, held: Held) -> Message:
        outlet = self.way.outlet
        if held.message is not None and held.message[0] is outlet:
            return held.message[1]
        return outlet.compose(self.floor.mailings[held.copy.mailing], held.copy)

    async def _connected(self) -> bool:
        """Say whether a session stands for what is ready; where none can be opened the first is put back."""
        first, _message = self._ready[0]
        if self._may_carry(first):
            return True
        await self._close()
        # One connects at a time: a refused login must not be tried by every lane at once.
        async with self.way.opening:
            seat = await self.floor.seating.take(self.way) if self.way.ready.is_set() else None
            fault = None if seat is None else await self._open(seat)
        if self._session is not None:
            return True
        self._put_back(self._ready.popleft()[0])
        if fault is not None:
            await self._fail(fault)
        elif self.way.ready.is_set():
            await first_of(self.floor.sleep(SEAT_PATIENCE), self.floor.lines.closed.wait())
        return False

    def _may_carry(self, held: Held) -> bool:
        """Say whether the session stands and has not yet carried as many copies as it may."""
        if self._session is None or not self._session.usable or not self.floor.seating.keeps(self.way, self._seat):
            return False
        most, most_there = self.way.outlet.messages_per_connection, held.line.destination.messages_per_connection
        return (most is None or self._carried.total() < most) and (
            most_there is None or self._carried[held.line] < most_there
        )

    async def _open(self, seat: int) -> OSError | None:
        """Open a session on a seat; where there is none, return why, and the seat is left."""
        try:
            session = await self.way.outlet.transport.open()
        except BaseException as fault:
            await self.floor.seating.leave(self.way, seat)
            if isinstance(fault, OSError):
                return fault
            raise
        self._session, self._seat = session, seat
        self.way.sessions += 1
        self._carried.clear()
        return None

    async def _send(self, held: Held, message: Message) -> None:
        session = self._session
        assert session is not None
        try:
            outcome = await session.send(message.envelope, message.content)
        except ServerFault as fault:
            await self._close()
            self._put_back(held)
            await self._fail(fault)
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
        self._carried[held.line] += 1
        if isinstance(outcome, Stored) or outcome.reply.code is not None:
            self.way.works()
            self._faults = 0
        self._settle(held, outcome, message.message_id)

    async def _fail(self, fault: OSError) -> None:
        """Be patient with the server or leave it alone; no copy is charged with anything."""
        reason = told(fault)
        _log.warning("server refused", extra={"server": self.way.name, "reason": reason})
        self._faults += 1
        if self.way.fails(reason, self.floor.clock.now()):
            self.floor.stirred.set()
            return
        # Others still get through: a server that allows fewer connections must not be asked every second.
        patience = min(timedelta(seconds=2 ** min(self._faults, 16) / 2), MOST_PATIENCE)
        await first_of(self.floor.sleep(patience), self.floor.lines.closed.wait())

    def _settle(self, held: Held, outcome: Outcome, message_id: str) -> None:
        self.floor.commits.settle(self.way, held, outcome, message_id)
        self.floor.lines.done(held)

    def _give_back(self, held: Held) -> None:
        self.floor.commits.release(held)
        self.floor.lines.done(held)

    def _put_back(self, held: Held) -> None:
        self.floor.lines.put_back(held)
        self.floor.stirred.set()

    async def _close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            self.way.sessions -= 1
            await session.close()
            await self.floor.seating.leave(self.way, self._seat)


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
