"""A clock that was moved is reported; one behind the rows is doubted for a while, never for good."""

from datetime import datetime, timedelta

import pytest

from distributor import incidents
from distributor.database import Database
from distributor.incidents import Cause, Incident
from distributor.operations import worker
from distributor.operations.office import Office
from distributor.operations.service import rounds, timekeeping
from distributor.operations.service.timekeeping import MOVED, PATIENCE, REMEMBERED, Watch
from distributor.schema import schedule_state
from tests.conftest import FRIDAY_NINE, SetClock

HOST = "north"
BEAT, MINUTE, HOUR = timedelta(seconds=20), timedelta(minutes=1), timedelta(hours=1)


async def ongoing(database: Database) -> list[Incident]:
    async with database.read() as connection:
        return list(await incidents.ongoing(connection))


async def note(database: Database, by: timedelta, now: datetime) -> None:
    async with database.write() as tx:
        await timekeeping.note_moved(tx, HOST, by, now)


async def may_launch(database: Database, now: datetime) -> bool:
    async with database.write() as tx:
        return await timekeeping.may_launch(tx, HOST, now)


@pytest.fixture
async def ticked(database: Database) -> Database:
    """A database in which a schedule was looked at on Friday at nine."""
    async with database.write() as tx:
        week_ago = FRIDAY_NINE - timedelta(days=7)
        row = {"schedule": "weekly", "first_seen_at": week_ago, "last_tick_at": FRIDAY_NINE}
        await tx.execute(schedule_state.insert().values(row))
    return database


@pytest.mark.parametrize(
    ("wall", "moved"),
    [(BEAT, timedelta(0)), (BEAT + 5 * MINUTE, timedelta(0)), (BEAT + HOUR, HOUR), (BEAT - HOUR, -HOUR)],
    ids=["goes with time", "within the tolerance", "forward", "back"],
)
def test_clock_is_compared_with_time_that_nobody_sets(wall: timedelta, moved: timedelta) -> None:
    watch = Watch(HOST)
    first = watch.moved(FRIDAY_NINE, 100.0)

    found = watch.moved(FRIDAY_NINE + wall, 100.0 + BEAT.total_seconds())

    assert (first, found) == (timedelta(0), moved)


def test_time_that_nobody_sets_goes_forward() -> None:
    before = timekeeping.seconds_gone()

    assert timekeeping.seconds_gone() >= before


async def test_moved_clock_is_reported_with_its_host_and_forgotten_after_an_hour(database: Database) -> None:
    await note(database, HOUR, FRIDAY_NINE)
    await note(database, timedelta(0), FRIDAY_NINE + REMEMBERED)
    (reported,) = await ongoing(database)
    await note(database, timedelta(0), FRIDAY_NINE + REMEMBERED + MINUTE)

    assert (reported.cause, reported.subject) == (Cause.CLOCK, f"{HOST} {MOVED}")
    assert "forward by 1:00:00" in reported.what.en
    assert await ongoing(database) == []


async def test_clock_moved_again_is_news_again(database: Database) -> None:
    await note(database, HOUR, FRIDAY_NINE)
    await note(database, -HOUR, FRIDAY_NINE + MINUTE)

    (reported,) = await ongoing(database)

    assert reported.raised_at == FRIDAY_NINE + MINUTE
    assert "back by" in reported.what.en


async def test_clock_behind_the_rows_launches_nothing_until_patience_ends(ticked: Database) -> None:
    back = FRIDAY_NINE - HOUR

    believed = [await may_launch(ticked, back + after) for after in (timedelta(0), PATIENCE - MINUTE, PATIENCE)]

    assert believed == [False, False, True]
    assert [one.cause for one in await ongoing(ticked)] == [Cause.CLOCK]


async def test_clock_set_right_again_is_believed_at_once(ticked: Database) -> None:
    wrong = await may_launch(ticked, FRIDAY_NINE - HOUR)

    assert not wrong
    assert await may_launch(ticked, FRIDAY_NINE + MINUTE)


async def test_clock_a_little_behind_is_no_trouble(ticked: Database) -> None:
    assert await may_launch(ticked, FRIDAY_NINE - 4 * MINUTE)
    assert await ongoing(ticked) == []


async def test_clock_set_back_further_is_doubted_anew(ticked: Database) -> None:
    await may_launch(ticked, FRIDAY_NINE - HOUR)

    believed = [await may_launch(ticked, FRIDAY_NINE - 9 * HOUR + after) for after in (timedelta(0), PATIENCE)]

    assert believed == [False, True]


async def test_two_hosts_whose_clocks_differ_tell_it_once(ticked: Database) -> None:
    raised = []
    for beat in range(5):
        moment = FRIDAY_NINE + beat * MINUTE
        async with ticked.write() as tx:
            await timekeeping.may_launch(tx, "south", moment)
        await may_launch(ticked, moment - HOUR)
        raised += [one.raised_at for one in await ongoing(ticked)]

    assert set(raised) == {FRIDAY_NINE - HOUR}


async def test_slot_is_neither_skipped_nor_sent_twice_by_a_clock_that_is_set_back_for_good(
    office: Office, clock: SetClock
) -> None:
    launched, believed = [], []
    watch = Watch(HOST)
    for step in (timedelta(minutes=-30), HOUR, -HOUR, PATIENCE, HOUR):
        clock.advance(step)
        believed.append(await rounds.is_clock_believed(office, watch))
        if believed[-1]:
            launched += [one.issue for one in (await worker.tick(office)).launched]

    # Half past eight, half past nine, set back to half past eight, ten minutes later, a quarter to ten.
    assert believed == [True, True, False, True, True]
    assert launched == ["2015-055"]
