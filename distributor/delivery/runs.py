"""One run of a dispatcher: it feeds the lanes with claimed copies and sees to leases, rests and recovery.

`dispatcher` is its public face. The run holds one batch at most, so memory is flat however long the mailing. It is
the only one here that waits for time to pass; lanes wait for copies and for each other.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from distributor.database import Database
from distributor.delivery import counts, decisions, ledger
from distributor.delivery.commits import Commits, Committed, Held, persistently
from distributor.delivery.lanes import SET_ASIDE, Floor, Lane, Waiting, first_of, told
from distributor.delivery.ledger import Claim, Wanted
from distributor.delivery.model import Copy, Mailing, Refused
from distributor.delivery.results import OnUncertain, Policy
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
    `run_until_idle` waits for a limit before it leaves the rest for later.
    """

    batch: int = 500
    lease: timedelta = timedelta(minutes=2)
    on_uncertain: OnUncertain = "resend"
    grace: timedelta = timedelta(seconds=25)
    idle: timedelta = timedelta(seconds=20)
    poll: timedelta = timedelta(seconds=5)
    hold: timedelta = timedelta(seconds=30)
    patience: timedelta = timedelta(minutes=15)


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


class Beat:
    """Says whether so much real time has passed since it last said so; the first time it has."""

    def __init__(self) -> None:
        self._last: float | None = None

    def is_over(self, span: timedelta) -> bool:
        """Return True at most once in each span."""
        moment = time.monotonic()
        if self._last is not None and moment - self._last < span.total_seconds():
            return False
        self._last = moment
        return True


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
        self._held: dict[Held, None] = {}
        self._tally: Counter[str] = Counter()
        self._unchecked: set[MailingId] = set()
        self._may_be_more = True
        self._doubtful: list[Claim] = []
        self._claimed, self._looked, self._renewed, self._checked = Beat(), Beat(), Beat(), Beat()
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
        await self._check()
        return self._progress(until=self._until, reason=self._reason)

    async def _feed(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        while True:
            # Cleared before we look, so that what happens while we look is not slept through.
            self._floor.stirred.clear()
            if self._stop.is_set():
                return
            _raise_failed(tasks)
            await persistently(self._look, self._parts.sleep)
            await persistently(self._claim, self._parts.sleep)
            if self._is_busy():
                await self._wait_for_lanes()
            elif await self._is_done():
                return
            else:
                await self._doze()

    async def _end(self, writer: asyncio.Task[None], lanes: Sequence[asyncio.Task[None]]) -> None:
        self._floor.waiting.close()
        for way in self._ways:
            way.ready.set()
        self._give_back(self._floor.waiting.empty())
        _done, late = await asyncio.wait(lanes, timeout=self._habits.grace.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        self._give_back(self._floor.waiting.empty())
        self._floor.commits.close()
        await asyncio.gather(writer, return_exceptions=True)

    async def _look(self) -> None:
        """See to everything but the claim: rests that end, trouble, leases, what dead processes left."""
        now = self._parts.clock.now()
        for way in self._ways:
            way.wake(now)
        if self._floor.spoilt:
            await self._pause_spoilt()
        if self._rests_until() is not None:
            await self._rest(now)
        if self._renewed.is_over(self._habits.lease / 3):
            await self._renew()
        if self._looked.is_over(self._habits.poll) or not self._is_busy():
            await self._recover(now)
        if self._checked.is_over(CHECK_EVERY) or not self._held:
            await self._check()

    async def _claim(self) -> None:
        limit = self._habits.batch - len(self._floor.waiting)
        if self._rests_until() is not None or limit < self._habits.batch / 2:
            return
        if not (self._may_be_more or not self._held or self._claimed.is_over(self._habits.poll)):
            return
        claim = Claim(token=f"{self._parts.randomness.getrandbits(128):032x}", lease=self._habits.lease)
        wanted = Wanted(channel=self._channel, limit=limit, now=self._parts.clock.now(), mailing=self._mailing)
        doubtful, self._doubtful = self._doubtful, [*self._doubtful, claim]
        async with self._parts.opened.write() as tx:
            for earlier in doubtful:
                await ledger.disclaim(tx, earlier)
            copies = await ledger.claim(tx, claim, wanted)
            fresh = [
                await counts.load_mailing(tx, of)
                for of in sorted({copy.mailing for copy in copies} - self._floor.mailings.keys())
            ]
        self._doubtful = []
        held = [Held(copy=copy, claim=claim) for copy in interleaved(copies)]
        try:
            for one in fresh:
                await self._prepare(one)
        except BaseException:
            self._give_back(held)
            raise
        self._may_be_more = len(copies) == limit
        self._held |= dict.fromkeys(held)
        self._unchecked |= {copy.mailing for copy in copies}
        self._floor.waiting.add(held)

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

    def _is_busy(self) -> bool:
        """Whether lanes have, or can take, something to do."""
        under_way = len(self._held) - len(self._floor.waiting)
        return under_way > 0 or (bool(self._held) and self._rests_until() is None)

    async def _is_done(self) -> bool:
        """Whether a run until idle ends here; notes what is left for later, and why."""
        if not self._until_idle:
            return False
        now, rest = self._parts.clock.now(), self._rests_until()
        if rest is not None:
            self._until, self._reason = rest, self._reason_of_rest()
            return bool(self._reason) or rest - now > self._habits.patience
        async with self._parts.opened.read() as connection:
            coming = await counts.outlook(connection, self._channel, self._mailing)
        self._until = min((one for one in (coming.due_at, coming.resume_at) if one is not None), default=None)
        return coming.in_hand == 0 and (coming.due_at is None or coming.due_at > now)

    async def _wait_for_lanes(self) -> None:
        """Wait until a lane has news, but no longer than until a lease, a rest or the look-out wants attention."""
        now = self._parts.clock.now()
        rests = (way.until - now for way in self._ways if way.until is not None)
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
            self._give_back(self._floor.waiting.empty())
        if reason:
            async with self._parts.opened.write() as tx:
                await decisions.pause_channel(tx, self._channel, reason=reason, resume_at=until)

    async def _pause_spoilt(self) -> None:
        """Pause the mailings whose copies cannot be composed until a person has looked."""
        for of, why in list(self._floor.spoilt.items()):
            async with self._parts.opened.write() as tx:
                await decisions.pause(tx, of, reason=f"{SPOILT}{why}")
            self._reason = f"{SPOILT}{why}"
            if not any(held.copy.mailing == of for held in self._held):
                # Once a person lets it go on, it is prepared anew.
                del self._floor.spoilt[of], self._floor.mailings[of]

    async def _renew(self) -> None:
        by_claim: dict[Claim, list[Held]] = defaultdict(list)
        for held in self._held:
            by_claim[held.claim].append(held)
        if not by_claim:
            return
        async with self._parts.opened.write() as tx:
            for claim, group in by_claim.items():
                await ledger.renew(tx, claim, [held.copy.id for held in group])

    async def _recover(self, now: datetime) -> None:
        async with self._parts.opened.write() as tx:
            await decisions.resume_due(tx, now=now)
            found = await ledger.recover(tx, at=now, on_uncertain=self._habits.on_uncertain)
        if found.returned or found.uncertain:
            _log.warning("recovered", extra={"returned": found.returned, "uncertain": found.uncertain})
        self._tally["recovered"] += found.uncertain

    async def _check(self) -> None:
        """Hold the counts of what was claimed since against the plan; DistributorError when they differ."""
        async with self._parts.opened.read() as connection:
            while self._unchecked:
                await counts.assert_accounted(connection, self._unchecked.pop())

    def _give_back(self, copies: Iterable[Held]) -> None:
        for held in copies:
            self._floor.commits.release(held)

    def _written(self, committed: Committed) -> None:
        """Hear what one transaction has written."""
        for held, outcome in committed.results:
            aside = isinstance(outcome, Refused) and outcome.reply.text.startswith(SET_ASIDE)
            self._tally["set_aside" if aside else type(outcome).__name__.lower()] += 1
            self._held.pop(held, None)
        for held in (*committed.released, *committed.gone):
            self._held.pop(held, None)
        self._tally["dropped"] += len(committed.gone)
        self._floor.stirred.set()
        self._tell()

    def _tell(self, *, until: datetime | None = None, reason: str = "") -> None:
        if self._parts.on_progress is not None:
            self._parts.on_progress(self._progress(until=until, reason=reason))

    def _progress(self, *, until: datetime | None, reason: str) -> Progress:
        return Progress(**self._tally, in_hand=len(self._held), until=until, reason=reason)


def interleaved(copies: Iterable[Copy]) -> list[Copy]:
    """Return the copies with their domains taking turns, each domain's in order, so that none is hit in a row."""
    by_domain: dict[str, deque[Copy]] = defaultdict(deque)
    for copy in copies:
        by_domain[copy.address.rpartition("@")[2]].append(copy)
    turns = deque(by_domain.values())
    mixed: list[Copy] = []
    while turns:
        queue = turns.popleft()
        mixed.append(queue.popleft())
        if queue:
            turns.append(queue)
    return mixed


def _floor(parts: Parts, *, told: Callable[[Committed], None]) -> Floor:
    policy = Policy(on_uncertain=parts.habits.on_uncertain, randomness=parts.randomness)
    return Floor(
        waiting=Waiting(),
        commits=Commits(opened=parts.opened, clock=parts.clock, policy=policy, told=told, sleep=parts.sleep),
        mailings={},
        clock=parts.clock,
        sleep=parts.sleep,
        idle=parts.habits.idle,
    )


def _raise_failed(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
