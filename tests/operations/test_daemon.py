"""A beat of the daemon: its steps stand for themselves, its heart does not depend on the wall clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from distributor import incidents
from distributor.errors import ConfigError, DatabaseFault
from distributor.incidents import Cause
from distributor.operations import presence, worker
from distributor.operations.office import Office
from distributor.operations.presence import Presence
from distributor.operations.service import daemon, rounds
from distributor.schema import mailing
from tests.conftest import SetClock

Step = Callable[..., Awaitable[None]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "BEAT", timedelta(milliseconds=50))


@asynccontextmanager
async def kept(office: Office) -> AsyncIterator[None]:
    """A daemon that lives while the block lasts."""
    stop = asyncio.Event()
    living = asyncio.create_task(daemon.keep(office, stop))
    try:
        async with asyncio.timeout(30):
            yield
    finally:
        stop.set()
        await living


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    while not await holds():
        await asyncio.sleep(0.02)


async def daemons(office: Office) -> tuple[Presence, ...]:
    async with office.database.read() as connection:
        return await presence.read(connection)


async def mailings(office: Office) -> int:
    async with office.database.read() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(mailing)) or 0


def failing(error: Exception, calls: list[str]) -> Step:
    async def step(*_given: object) -> None:
        calls.append("called")
        raise error

    return step


@pytest.mark.parametrize("module", ["inbox.take_in", "watching.watch", "operators.tell"])
@pytest.mark.parametrize(
    "error", [DatabaseFault(), ConfigError(), RuntimeError("a mistake")], ids=["db", "config", "bug"]
)
async def test_step_that_fails_keeps_no_other_from_its_turn(
    office: Office, monkeypatch: pytest.MonkeyPatch, module: str, error: Exception
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(f"distributor.operations.service.rounds.{module}", failing(error, calls))

    async def has_beaten_thrice() -> bool:
        return len(calls) >= 3

    async with kept(office):
        await until(has_beaten_thrice)

    assert await mailings(office) == 1


async def test_tick_that_fails_again_and_again_is_reported_and_is_over_with_the_next_that_works(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    works = worker.tick
    monkeypatch.setattr(worker, "tick", failing(RuntimeError("a mistake"), calls))

    async def about_the_beat() -> bool:
        async with office.database.read() as connection:
            return "beat" in [one.subject for one in await incidents.ongoing(connection)]

    async def over() -> bool:
        return not await about_the_beat()

    async with kept(office):
        await until(about_the_beat)
        monkeypatch.setattr(worker, "tick", works)
        await until(over)

    assert len(calls) >= daemon.MOST_FAILURES
    assert await mailings(office) == 1


async def test_broken_set_up_at_the_first_beat_stops_the_start_and_leaves_no_row(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "tick", failing(ConfigError(), []))

    with pytest.raises(ConfigError):
        await daemon.keep(office, asyncio.Event())
    assert await daemons(office) == ()


async def test_broken_set_up_later_does_not_stop_the_house(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    async def has_failed_twice() -> bool:
        return len(calls) >= 2

    async def has_begun() -> bool:
        return await mailings(office) == 1

    async with kept(office):
        await until(has_begun)
        monkeypatch.setattr(worker, "tick", failing(ConfigError(), calls))
        await until(has_failed_twice)

    assert await daemons(office) == ()


async def test_daemon_says_that_it_is_there_while_it_lives(office: Office, clock: SetClock) -> None:
    async def is_there() -> bool:
        return bool(await daemons(office))

    async with kept(office):
        await until(is_there)
        (found,) = await daemons(office)

    assert (found.beat_at, found.use.refused) == (clock.now(), ())
    assert await daemons(office) == ()


async def test_clock_behind_the_rows_keeps_the_daemon_from_ticking(
    office: Office, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(timedelta(hours=1))
    await worker.tick(office)
    clock.advance(timedelta(hours=-2))
    calls: list[str] = []
    monkeypatch.setattr(worker, "tick", failing(RuntimeError("it looked"), calls))

    async def is_reported() -> bool:
        async with office.database.read() as connection:
            return Cause.CLOCK in [one.cause for one in await incidents.ongoing(connection)]

    async with kept(office):
        await until(is_reported)

    assert calls == []


async def test_heart_goes_on_when_the_wall_clock_is_set_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    shift = timedelta(0)

    class Wall(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + shift

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Wall)
    monkeypatch.setattr(daemon, "datetime", Wall)
    beats: list[str] = []

    async def beat(*_given: object) -> None:
        beats.append("beat")

    async def has_beaten_again() -> bool:
        return len(beats) >= before + 3

    monkeypatch.setattr(rounds, "look_after", beat)
    async with kept(office):
        before = 0
        await until(has_beaten_again)
        shift, before = timedelta(days=-1), len(beats)
        await until(has_beaten_again)

    assert len(beats) >= 6
