"""A desk that ticks as the daemon does, over a real database and with a clock that the test sets."""

from collections.abc import Mapping
from datetime import datetime

import pytest

from distributor.database import Database
from distributor.identifiers import ScheduleId, SlotKey
from distributor.scheduling import calendar
from distributor.scheduling.model import Occurrence, OccurrenceId, Planning, ScheduleRule
from distributor.scheduling.workdays import WorkCalendar
from tests.scheduling.schedules import PLAIN, schedule, shanghai


class Desk:
    """Plans, misses and launches in one transaction; moments are Shanghai wall clocks."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.schedules: tuple[ScheduleRule, ...] = (schedule(),)
        self.days: WorkCalendar = PLAIN
        self.missed: list[Occurrence] = []

    async def plan(self, at: str) -> Planning:
        async with self.database.write() as tx:
            return await calendar.plan(tx, self.schedules, self.days, shanghai(at))

    async def tick(self, at: str) -> list[SlotKey]:
        """Return the slots launched."""
        return await self.tick_at(shanghai(at))

    async def tick_at(self, now: datetime) -> list[SlotKey]:
        async with self.database.write() as tx:
            await calendar.plan(tx, self.schedules, self.days, now)
            self.missed += await calendar.mark_missed(tx, self.schedules, now)
            return [row.slot for row in await calendar.due(tx, now) if await calendar.launch(tx, row.id, now)]

    async def rows(self) -> Mapping[SlotKey, Occurrence]:
        async with self.database.read() as connection:
            found = await calendar.since(connection, shanghai("2000-01-01 00:00"))
        return {row.slot: row for row in found}

    async def states(self) -> dict[str, str]:
        return {key: row.state for key, row in (await self.rows()).items()}

    async def reasons(self) -> dict[str, str]:
        return {key: row.reason for key, row in (await self.rows()).items()}

    async def id_of(self, slot: str, of: str = "weekly") -> OccurrenceId:
        async with self.database.read() as connection:
            row = await calendar.find(connection, ScheduleId(of), SlotKey(slot))
        assert row is not None
        return row.id


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)
