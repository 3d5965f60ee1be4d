"""One run of a dispatcher: it feeds the lanes with claimed copies and sees to leases, rests and recovery.

`dispatcher` is its public face. The run holds one batch at most, so memory is flat however long the mailing. It is
the only one here that waits for time to pass; lanes wait for copies and for each other.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from distributor.database import Database
from distributor.delivery import counts, decisions, ledger
from distributor.delivery.blocks import Blocks
from distributor.delivery.commits import Commits, Committed, persistently
from distributor.delivery.intake import Beat, Intake
from distributor.delivery.lanes import SET_ASIDE, Floor, Lane, first_of, told
from distributor.delivery.limits import Destinations
from distributor.delivery.lines import Held, Line, Lines
from distributor.delivery.model import Mailing, Refused
from distributor.delivery.results import OnUncertain, Policy
from distributor.delivery.seating import LONGEST_LEASE, Seating
from distributor.delivery.ways import Outlet, Way
from distributor.errors import ConfigError, EnvironmentFault
from distributor.identifiers import MailingId
from distributor.times import Clock

CHECK_EVERY = timedelta(minutes=1)
SPOILT = "邮件无法生成："
"""Begins the reason of a pause that a person must end, because copies of the mailing cannot be composed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a dispatcher goes about it.

    `batch` copies are claimed at once for `lease`, renewed at a third of it; `grace` is how long messages under way
    may take when it is stopped; a connection without work is closed after `idle`; `poll` is how often it looks for
    new work; copies are given back when their ways rest for longer than `hold`; `patience` is how long
    `run_until_idle` waits for a limit before it leaves the rest for later. A connection marks `window` copies as
    being sent at once, which saves time where the disk is slow; after a crash so many more may be uncertain.
    """

    batch: int = 500
    lease: timedelta = timedelta(minutes=2)
    on_uncertain: OnUncertain = "resend"
    grace: timedelta = timedelta(seconds=25)
    idle: timedelta = timedelta(seconds=20)
    poll: timedelta = timedelta(seconds=5)
    hold: timedelta = timedelta(seconds=30)
    patience: timedelta = timedelta(minutes=15)
    window: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a run has done so far; `until` and `reason` say what it waits for or leaves, None and empty if nothing.

    `dropped` copies left our hands unsent (suppressed, paused, taken over); `recovered` were found unfinished after
    a crash and are uncertain; `in_hand` are claimed now. A copy deferred and then accepted counts in both.
    """

    accepted: int = 0
    stored: int = 0
    deferred: int = 0
    refused: int = 0
    set_aside: int = 0
    uncertain: int = 0
    dropped: int = 0
    recovered: int = 0
    in_hand: int = 0
    until: datetime | None = None
    reason: str = ""


async def real_sleep(duration: timedelta) -> None:
    """Let real time pass."""
    await asyncio.sleep(duration.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a dispatcher is made of; all outlets belong to one channel, in order of preference.

    `on_progress` hears of every transaction; `sleep` is asked whenever time has to pass, so that a simulation can
    let it pass at once.
    """

    opened: Database
    outlets: Sequence[Outlet]
    clock: Clock
    randomness: Random
    habits: Habits = Habits()
    on_progress: Callable[[Progress], None] | None = None
    sleep: Callable[[timedelta], Awaitable[None]] = real_sleep
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    destinations: Destinations = field(default_factory=Destinations)


class Run:
    """From the first claim to the last result."""

    def __init__(self, parts: Parts, *, mailing: MailingId | None, until_idle: bool, stop: asyncio.Event) -> None:
        """Take the parts, and which mailing's copies to send (None: all of the channel)."""
        self._parts = parts
        self._habits = parts.habits
        self._mailing = mailing
        self._until_idle = until_idle
        self._stop = stop
        self._ways = [Way(outlet=outlet) for outlet in parts.outlets]
        self._channel = parts.outlets[0].transport.channel
        self._floor = _floor(parts, told=self._written)
        self._lines = self._floor.lines
        self._blocks = Blocks(lines=self._lines)
        self._intake = self._open_intake()
        self._tally: Counter[str] = Counter()
        self._looked, self._renewed, self._checked = Beat(), Beat(), Beat()
        self._until: datetime | None = None
        self._reason = ""

    async def run(self) -> Progress:
        """Feed the lanes, let them end in order, and say what was done."""
        lanes = [Lane(way=way, floor=self._floor) for way in self._ways for _one in range(way.outlet.connections)]
        tasks = [asyncio.create_task(lane.run()) for lane in lanes]
        writer = asyncio.create_task(self._floor.commits.run())
        watcher = asyncio.create_task(self._stop.wait())
        for task in (*tasks, writer, watcher):
            task.add_done_callback(lambda _task: self._floor.stirred.set())
        try:
            await self._feed([writer, *tasks])
        finally:
            watcher.cancel()
            await self._end(writer, tasks)
        _raise_failed([writer, *tasks])
        await persistently(self._write_blocks, self._parts.sleep)
        await persistently(self._check, self._parts.sleep)
        return self._progress(until=self._until, reason=self._reason)

    async def _feed(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        while True:
            # Cleared before we look, so that what happens while we look is not slept through.
            self._floor.stirred.clear()
            if self._stop.is_set():
                return
            _raise_failed(tasks)
            await persistently(self._look, self._parts.sleep)
            if self._rests_until() is None:
                await persistently(lambda: self._intake.claim(self._parts.clock.now()), self._parts.sleep)
            if self._is_busy():
                await self._wait_for_lanes()
            elif await self._is_done():
                return
            else:
                await self._doze()

    async def _end(self, writer: asyncio.Task[None], lanes: Sequence[asyncio.Task[None]]) -> None:
        self._lines.close()
        for way in self._ways:
            way.ready.set()
        self._give_back(self._lines.empty())
        _done, late = await asyncio.wait(lanes, timeout=self._habits.grace.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        self._give_back(self._lines.empty())
        self._floor.commits.close()
        await asyncio.gather(writer, return_exceptions=True)

    def _open_intake(self) -> Intake:
        return Intake(
            opened=self._parts.opened,
            channel=self._channel,
            mailing=self._mailing,
            batch=self._habits.batch,
            lease=self._habits.lease,
            poll=self._habits.poll,
            lines=self._lines,
            draw=lambda: _mark(self._parts),
            prepare=self._prepare,
            give_back=self._give_back,
        )

    async def _look(self) -> None:
        """See to everything but the claim: rests that end, trouble, leases, what dead processes left."""
        now = self._parts.clock.now()
        for way in self._ways:
            way.wake(now)
        self._lines.wake(now)
        await self._write_blocks()
        if self._floor.spoilt:
            await self._pause_spoilt()
        if self._rests_until() is not None:
            await self._rest(now)
        for line in self._lines.resting:
            if line.until is not None and line.until - now > self._habits.hold:
                self._give_back(self._lines.empty(line))
        if self._renewed.is_over(self._floor.seating.lease / 3):
            await self._intake.renew()
            await self._floor.seating.renew()
        if self._looked.is_over(self._habits.poll) or not self._is_busy():
            await self._recover(now)
        if self._checked.is_over(CHECK_EVERY) or not self._intake.held:
            await self._check()

    async def _prepare(self, one: Mailing) -> None:
        """Let the outlets make what all copies of a mailing share; where they cannot, the mailing is spoilt."""
        try:
            for way in self._ways:
                await way.outlet.prepare(one)
        except (ConfigError, EnvironmentFault):
            raise
        except Exception as error:  # noqa: BLE001 - one mailing must not stop the others
            _log.exception("mailing cannot be prepared", extra={"mailing": one.id})
            self._floor.spoilt[one.id] = told(error)
        self._floor.mailings[one.id] = one
        self._blocks.resume(one.id)

    def _is_busy(self) -> bool:
        """Whether lanes have, or can take, something to do."""
        under_way = len(self._intake.held) - len(self._lines)
        return under_way > 0 or (self._lines.can_go and self._rests_until() is None)

    async def _is_done(self) -> bool:
        """Whether a run until idle ends here; notes what is left for later, and why."""
        if not self._until_idle:
            return False
        now, rest = self._parts.clock.now(), self._rests_until()
        if rest is not None:
            self._until, self._reason = rest, self._reason_of_rest()
            return bool(self._reason) or rest - now > self._habits.patience
        resting = self._lines.resting
        without = [domain for line in resting for domain in line.destination.domains]
        async with self._parts.opened.read() as connection:
            coming = await counts.outlook(connection, self._channel, self._mailing, without=without)
            left = await counts.outlook(connection, self._channel, self._mailing) if resting else None
        moments = [coming.due_at, coming.resume_at]
        if coming.in_hand or (coming.due_at is not None and coming.due_at <= now):
            return False
        if left is not None and left.due_at is not None and left.due_at <= now:
            first = min(resting, key=_end)
            moments.append(_end(first))
            if _end(first) - now <= self._habits.patience:
                return False
            self._reason = self._reason or next((_told_of(line) for line in resting if line.reason), "")
        self._until = min((one for one in moments if one is not None), default=None)
        return True

    async def _wait_for_lanes(self) -> None:
        """Wait until a lane has news, but no longer than until a lease, a rest or the look-out wants attention."""
        now = self._parts.clock.now()
        ends = [way.until for way in self._ways] + [line.until for line in self._lines.resting]
        rests = (end - now for end in ends if end is not None)
        longest = min(self._habits.poll, self._habits.lease / 3, *rests)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(longest.total_seconds(), 0)):
                await self._floor.stirred.wait()

    async def _doze(self) -> None:
        """Sleep until a rest ends or it is time to look for work; being stopped or woken ends it sooner."""
        longest, rest = self._habits.poll, self._rests_until()
        if rest is not None:
            left = max(rest - self._parts.clock.now(), timedelta(0))
            longest = left if self._until_idle else min(left, longest)
            self._tell(until=rest, reason=self._reason_of_rest())
        elif self._lines.resting:
            first = min(self._lines.resting, key=_end)
            longest = min(max(_end(first) - self._parts.clock.now(), timedelta(0)), longest)
            self._tell(until=_end(first), reason=_told_of(first))
        await first_of(self._parts.sleep(longest), self._parts.woken.wait(), self._floor.stirred.wait())
        self._parts.woken.clear()

    def _rests_until(self) -> datetime | None:
        """Return when the first way is ready again; None while one is."""
        ends = [way.until for way in self._ways if way.until is not None]
        return min(ends) if len(ends) == len(self._ways) else None

    def _reason_of_rest(self) -> str:
        """Return what keeps all ways back; empty when one of them only waits for a limit."""
        return self._ways[0].reason if all(way.is_in_trouble for way in self._ways) else ""

    async def _rest(self, now: datetime) -> None:
        """Nothing can leave: in trouble the mailings are paused, and copies are not hoarded over a long rest."""
        until, reason = self._rests_until(), self._reason_of_rest()
        assert until is not None
        if reason or until - now > self._habits.hold:
            self._give_back(self._lines.empty())
        if reason:
            async with self._parts.opened.write() as tx:
                await decisions.pause_channel(tx, self._channel, reason=reason, resume_at=until)

    async def _write_blocks(self) -> None:
        """Write what the breakers have decided; a mailing that a person lets go on begins anew."""
        if not self._blocks.news:
            return
        for of, reason in (await self._blocks.write(self._parts.opened, self._parts.clock.now())).items():
            self._reason = reason
            self._intake.forget(of)
            self._floor.stirred.set()

    async def _pause_spoilt(self) -> None:
        """Pause the mailings whose copies cannot be composed until a person has looked."""
        for of, why in list(self._floor.spoilt.items()):
            async with self._parts.opened.write() as tx:
                await decisions.pause(tx, of, reason=f"{SPOILT}{why}")
            self._reason = f"{SPOILT}{why}"
            if not any(held.copy.mailing == of for held in self._intake.held):
                # Once a person lets it go on, it is prepared anew.
                del self._floor.spoilt[of], self._floor.mailings[of]
                self._intake.forget(of)

    async def _recover(self, now: datetime) -> None:
        async with self._parts.opened.write() as tx:
            await decisions.resume_due(tx, now=now)
            found = await tx.run_sync(ledger.recover, at=now, on_uncertain=self._habits.on_uncertain)
        if found.returned or found.uncertain:
            _log.warning("recovered", extra={"returned": found.returned, "uncertain": found.uncertain})
        self._tally["recovered"] += found.uncertain

    async def _check(self) -> None:
        """Hold the counts of what was claimed since against the plan; DistributorError when they differ."""
        async with self._parts.opened.read() as connection:
            for of in sorted(self._intake.unchecked):
                await counts.assert_accounted(connection, of)
                self._intake.unchecked.discard(of)

    def _give_back(self, copies: Iterable[Held]) -> None:
        for held in copies:
            self._floor.commits.release(held)

    def _written(self, committed: Committed) -> None:
        """Hear what one transaction has written."""
        now = self._parts.clock.now()
        for held, outcome in committed.results:
            aside = isinstance(outcome, Refused) and outcome.reply.text.startswith(SET_ASIDE)
            self._tally["set_aside" if aside else type(outcome).__name__.lower()] += 1
            self._blocks.hear(held, outcome, now)
            self._intake.held.pop(held, None)
        for held in (*committed.released, *committed.gone):
            self._intake.held.pop(held, None)
        self._tally["dropped"] += len(committed.gone)
        self._floor.stirred.set()
        self._tell()

    def _tell(self, *, until: datetime | None = None, reason: str = "") -> None:
        if self._parts.on_progress is not None:
            self._parts.on_progress(self._progress(until=until, reason=reason))

    def _progress(self, *, until: datetime | None, reason: str) -> Progress:
        return Progress(**self._tally, in_hand=len(self._intake.held), until=until, reason=reason)


def _end(line: Line) -> datetime:
    """Return when a resting line goes on."""
    assert line.until is not None
    return line.until


def _told_of(line: Line) -> str:
    """Return what an operator is told of a line that is blocked; empty where it only waits for a limit."""
    return f"{line.destination.name}: {line.reason}" if line.reason else ""


def _floor(parts: Parts, *, told: Callable[[Committed], None]) -> Floor:
    policy = Policy(on_uncertain=parts.habits.on_uncertain, randomness=parts.randomness)
    lines, lease = Lines(parts.destinations), min(parts.habits.lease, LONGEST_LEASE)
    return Floor(
        lines=lines,
        commits=Commits(
            opened=parts.opened,
            lines=lines,
            clock=parts.clock,
            policy=policy,
            told=told,
            sleep=parts.sleep,
            enough=max(1, sum(outlet.connections for outlet in parts.outlets) // 2),
        ),
        seating=Seating(opened=parts.opened, holder=_mark(parts), lease=lease, sleep=parts.sleep),
        window=parts.habits.window,
        mailings={},
        clock=parts.clock,
        sleep=parts.sleep,
        idle=parts.habits.idle,
    )


def _mark(parts: Parts) -> str:
    """Return a random mark that names a claim or a run."""
    return f"{parts.randomness.getrandbits(128):032x}"


def _raise_failed(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
