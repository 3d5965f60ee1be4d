"""A row for each running daemon: it says what it works with, and goes when the daemon does."""

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from distributor.database import Database
from distributor.operations import presence
from distributor.operations.presence import Presence, Self, Use
from distributor.problems import wording
from distributor.schema import daemon
from tests.conftest import FRIDAY_NINE

ONE = Self(id="one", host="north", pid=11, started_at=FRIDAY_NINE)
USE = Use(settings="d1", settings_at=FRIDAY_NINE)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def beat(database: Database, who: Self, use: Use = USE, *, after: timedelta = timedelta(0)) -> None:
    async with database.write() as tx:
        await presence.beat(tx, who, use, FRIDAY_NINE + after)


async def known(database: Database) -> tuple[Presence, ...]:
    async with database.read() as connection:
        return await presence.read(connection)


async def test_beats_of_a_daemon_are_one_row_that_says_what_it_uses(database: Database) -> None:
    refused = Use(settings="d2", settings_at=FRIDAY_NINE + MINUTE, refused=(wording("坏了", "broken"),))
    await beat(database, ONE)
    await beat(database, ONE, refused, after=MINUTE)

    (found,) = await known(database)

    assert (found.host, found.pid, found.started_at, found.beat_at) == (
        "north",
        11,
        FRIDAY_NINE,
        FRIDAY_NINE + MINUTE,
    )
    assert found.use == refused


async def test_daemon_that_ends_leaves_no_row_and_the_other_keeps_its_own(database: Database) -> None:
    await beat(database, ONE)
    await beat(database, replace(ONE, id="two", host="south"))

    async with database.write() as tx:
        await presence.leave(tx, ONE)

    assert [one.host for one in await known(database)] == ["south"]


async def test_dead_daemon_is_forgotten_after_a_day_and_not_before(database: Database) -> None:
    await beat(database, ONE)
    await beat(database, replace(ONE, id="two", host="south"), after=DAY)
    day_later = [one.host for one in await known(database)]
    await beat(database, replace(ONE, id="two", host="south"), after=DAY + MINUTE)

    assert day_later == ["south", "north"]
    assert [one.host for one in await known(database)] == ["south"]


async def test_daemon_whose_row_is_gone_is_there_again_at_its_next_beat(database: Database) -> None:
    await beat(database, ONE)
    async with database.write() as tx:
        await tx.execute(sa.delete(daemon))

    await beat(database, ONE)

    assert [one.id for one in await known(database)] == ["one"]


async def test_silent_daemon_counts_as_dead_and_one_ahead_of_the_clock_does_not(database: Database) -> None:
    await beat(database, ONE)

    (found,) = await known(database)

    assert found.is_alive(FRIDAY_NINE + presence.ALIVE)
    assert not found.is_alive(FRIDAY_NINE + presence.ALIVE + MINUTE)
    assert found.is_alive(FRIDAY_NINE - DAY)


def test_two_starts_in_one_process_are_two_daemons() -> None:
    assert presence.this_daemon(FRIDAY_NINE).id != presence.this_daemon(FRIDAY_NINE).id
