"""A daemon killed around the transaction that lets a slot go: the next one ends it, and each reader has one copy."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.database import Database
from distributor.operations import launches
from distributor.schema import mailing, occurrence
from tests.daemons.weeks import MEMBERS, PARTNERS, ZONE, Trial, evening_before, trial, weeks
from tests.smtp_journal_server import journal_server

WEEK = weeks(datetime(2024, 6, 14, tzinfo=ZONE).date(), 1)[0]
NINE = datetime(2024, 6, 14, 9, tzinfo=ZONE)


@pytest.fixture
def office(tmp_path: Path, database_url: URL) -> Iterator[Trial]:
    """An office without a daemon on a Friday at nine: first one kills itself, then another begins."""
    url = database_url.render_as_string(hide_password=False).replace("+aiosqlite", "")
    with journal_server(tmp_path) as server:
        office = trial(tmp_path, server, url)
        office.daemons, office.is_killing = 0, False
        yield office


async def states(url: URL) -> tuple[dict[str, str], dict[str, str]]:
    """Return the state of each slot and of each mailing, by schedule."""
    slots = sa.select(occurrence.c.schedule, occurrence.c.state).where(occurrence.c.due_at <= NINE)
    mailings = sa.select(mailing.c.origin, mailing.c.state)
    async with Database.open(url) as database, database.read() as connection:
        found = {row.schedule: row.state for row in await connection.execute(slots)}
        return found, {row.origin.split("/")[0]: row.state for row in await connection.execute(mailings)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("death", "slot", "prepared"),
    [("logged", "planned", "preparing"), ("flipped", "planned", "preparing"), ("committed", "launched", "running")],
)
def test_launch_that_dies_is_ended_by_another_daemon_and_mails_nobody_twice(
    office: Trial, database_url: URL, death: str, slot: str, prepared: str
) -> None:
    with office.going(evening_before(WEEK)):
        office.write(WEEK)
        office.set_clock(NINE)
        office.lose_one(death)
        dead = asyncio.run(states(database_url)), launches.read(office.root / "var"), office.copies()
        office.add_one()
        office.wait_for(WEEK.expected)
        office.set_clock(NINE + timedelta(hours=1))
        office.settle()

    first = dead[1][0].origin.partition("/")[0]
    assert len(dead[1]) == 1
    assert (dead[0][0][first], dead[0][1], dead[2]) == (slot, {first: prepared}, {})
    assert office.copies() == dict.fromkeys(((1, reader) for reader in MEMBERS + PARTNERS), 1)
