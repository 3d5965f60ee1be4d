"""The daemon: a heartbeat that ticks, and a dispatcher that sends what the ticks launch; ends cleanly when told to.

APScheduler is the heartbeat and never the truth: a memory store and one interval job. What is due stands in the
occurrence rows, so a beat that comes late, twice or from another process changes nothing. A lock file keeps a second
daemon of the same workspace out, to save work; correctness does not rest on it.

A beat takes edited settings into use, says that it is there, launches what is due, and looks after inbox, alarms and
operators; what fails is logged and has its turn again at the next one. Other settings get another dispatcher: the old
one ends what is under way first, and what it gives back the new one takes.
"""

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from distributor.delivery.dispatcher import Dispatcher
from distributor.delivery.lanes import first_of
from distributor.errors import AnotherProcess, ConfigError
from distributor.operations import delivering, presence, worker
from distributor.operations.office import Office
from distributor.operations.presence import Use
from distributor.operations.service import rounds
from distributor.operations.service.reloading import Reloading
from distributor.operations.service.timekeeping import Watch
from distributor.operations.worker import Beat
from distributor.problems import wording

BEAT = timedelta(seconds=20)
MOST_FAILURES = 3
"""So many ticks in a row that fail are no hiccup: operators are told."""


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold var/run.lock. Raises AnotherProcess where another daemon of this workspace runs."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AnotherProcess(
                wording(
                    "这个工作区已有一个 distributor run 在运行 → 先停掉它，或就用它",
                    "a `distributor run` of this workspace is running already: stop it first, or let it be",
                )
            ) from error
        yield


async def keep(
    office: Office, stop: asyncio.Event, *, reloading: Reloading | None = None, asked: asyncio.Event | None = None
) -> None:
    """Tick and send until `stop` is set; messages under way end first. `asked` calls for a look at the settings.

    Without `reloading` the settings stay as they are. Raises ConfigError at once where nothing could be sent, and what
    the dispatcher raises when the ledger fails.
    """
    sender = _Sender(delivering.dispatcher_of(office))
    house = _House(office, sender, reloading)
    if reloading is not None:
        reloading.join(sender.prepare)
        await rounds.guarded("settings", reloading.begin())
    try:
        await house.begin()
        async with _heart(house, asked or asyncio.Event()):
            await sender.run(stop)
    finally:
        await rounds.guarded("presence", house.leave())


class _Sender:
    """Lets one dispatcher after the other do the sending, never two at once."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._next = dispatcher
        self._relieved = asyncio.Event()

    def wake(self) -> None:
        """Look for work now."""
        self._next.wake()

    def prepare(self, office: Office) -> Callable[[], None]:
        """Make a dispatcher of that office, and return what lets it take over. Raises ConfigError."""
        dispatcher = delivering.dispatcher_of(office)

        def relieve() -> None:
            self._next = dispatcher
            self._relieved.set()

        return relieve

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set. Raises what a dispatcher raises."""
        while not stop.is_set():
            self._relieved = asyncio.Event()
            await self._send(self._next, stop)

    async def _send(self, dispatcher: Dispatcher, stop: asyncio.Event) -> None:
        ending = asyncio.Event()
        relieved = self._relieved

        async def end() -> None:
            await first_of(stop.wait(), relieved.wait())
            ending.set()

        told = asyncio.create_task(end())
        try:
            await dispatcher.run(ending)
        finally:
            told.cancel()


class _House:
    """What a beat does, one at a time."""

    def __init__(self, office: Office, sender: _Sender, reloading: Reloading | None) -> None:
        self._office = office
        self._sender = sender
        self._reloading = reloading
        self._self = presence.this_daemon(office.workspace.clock.now())
        self._watch = Watch(self._self.host)
        self._turn = asyncio.Lock()
        self._failures = 0

    @property
    def office(self) -> Office:
        """The office in use."""
        return self._office if self._reloading is None else self._reloading.office

    async def begin(self) -> None:
        """Beat for the first time. Raises ConfigError: a broken set-up must not begin."""
        async with self._turn:
            await self._round(is_first=True)

    async def beat(self, *, asked: bool = False) -> None:
        """Look at the settings, then go one round. Raises nothing."""
        async with self._turn:
            if self._reloading is not None:
                await rounds.guarded("settings", self._reloading.look(asked=asked))
            await self._round()

    async def leave(self) -> None:
        """Take our row away. Raises DatabaseFault."""
        async with self.office.database.write() as tx:
            await presence.leave(tx, self._self)

    async def _round(self, *, is_first: bool = False) -> None:
        office = self.office
        await rounds.guarded("presence", self._appear(office))
        beat = None
        if await rounds.guarded("clock", rounds.is_clock_believed(office, self._watch)) is not False:
            beat = await self._tick(office, is_first=is_first)
        if beat is not None and beat.launched:
            self._sender.wake()
        await rounds.look_after(office, beat)

    async def _tick(self, office: Office, *, is_first: bool) -> Beat | None:
        """Launch what is due. At the start a broken set-up is raised; all else is left to the next beat."""
        beat = await rounds.guarded("tick", worker.tick(office), unless=(ConfigError,) if is_first else ())
        self._failures = 0 if beat is not None else self._failures + 1
        if self._failures == MOST_FAILURES:
            await rounds.guarded("report", rounds.report_failing(office))
        return beat

    async def _appear(self, office: Office) -> None:
        settings = office.workspace.config.digest[:16]
        use = Use(settings=settings, settings_at=self._self.started_at)
        async with office.database.write() as tx:
            seen = self._reloading.use if self._reloading is not None else use
            await presence.beat(tx, self._self, seen, office.workspace.clock.now())


@asynccontextmanager
async def _heart(house: _House, asked: asyncio.Event) -> AsyncIterator[None]:
    """Let the house beat while the block lasts."""
    scheduler = AsyncIOScheduler(timezone=UTC)
    job = scheduler.add_job(
        house.beat, "interval", seconds=BEAT.total_seconds(), max_instances=1, coalesce=True, misfire_grace_time=None
    )
    scheduler.start()
    attending = asyncio.create_task(_attend(house, job, asked))
    try:
        yield
    finally:
        attending.cancel()
        scheduler.shutdown(wait=False)


async def _attend(house: _House, job: Job, asked: asyncio.Event) -> None:
    """Beat whenever somebody asks, and see that the heart goes on."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT.total_seconds()):
                await asked.wait()
        if asked.is_set():
            asked.clear()
            await house.beat(asked=True)
        elif job.next_run_time - datetime.now(UTC) > 2 * BEAT:
            # The scheduler waits for a moment of the wall clock: where that was set back it would wait as long.
            job.modify(next_run_time=datetime.now(UTC))
