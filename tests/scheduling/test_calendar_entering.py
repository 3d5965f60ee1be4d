"""Rows that people make ahead of planning, and what they skipped coming back, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from distributor.database import Database
from distributor.identifiers import SlotKey
from distributor.scheduling import calendar
from distributor.scheduling.forecast import upcoming
from distributor.scheduling.model import Occurrence, OccurrenceId, Reason, State
from tests.scheduling.schedules import PLAIN, schedule, shanghai

NOW = shanghai("2026-11-23 09:00")
FAR = 20


def far_row(**fields: object) -> Occurrence:
    """The row of a Friday twenty weeks ahead, as planning would write it."""
    slot = upcoming(schedule(), PLAIN, NOW, FAR)[-1]
    row = Occurrence(
        id=OccurrenceId(0),
        schedule=schedule().id,
        slot=slot.key,
        planned_at=slot.planned_at,
        due_at=slot.due_at,
        state="planned",
        reason="",
        changed_at=NOW,
    )
    return replace(row, **fields)  # type: ignore[arg-type]  # fields of a row, by name


async def test_slot_gets_its_row_once(database: Database) -> None:
    async with database.write() as tx:
        first = await calendar.enter(tx, far_row())
        again = await calendar.enter(tx, far_row(state="skipped", due_at=NOW))

    assert first == again == far_row(id=first.id)


@pytest.mark.parametrize("state", ["held", "skipped"])
async def test_what_was_decided_far_ahead_outlives_every_planning(database: Database, state: State) -> None:
    async with database.write() as tx:
        row = await calendar.enter(tx, far_row())
        decide = calendar.hold if state == "held" else calendar.skip
        assert await decide(tx, row.id, NOW, "休刊")

    for weeks in range(FAR + 1):
        now = NOW + timedelta(weeks=weeks)
        async with database.write() as tx:
            await calendar.plan(tx, [schedule()], PLAIN, now)

    async with database.read() as connection:
        rows = [one for one in await calendar.since(connection, NOW) if one.slot == row.slot]
    assert [(one.id, one.state, one.reason) for one in rows] == [(row.id, state, "operator:休刊")]


async def test_row_made_ahead_follows_an_edited_rule(database: Database) -> None:
    async with database.write() as tx:
        row = await calendar.enter(tx, far_row())
        await calendar.plan(tx, [schedule("每周四 16:00")], PLAIN, row.due_at - timedelta(days=5))
        found = await calendar.find(tx, row.schedule, row.slot)

    assert found is not None
    assert found.due_at == row.due_at + timedelta(days=-1, hours=7)


async def test_skipped_by_a_person_comes_back_before_its_time_only(database: Database) -> None:
    async with database.write() as tx:
        row = await calendar.enter(tx, far_row())
        await calendar.skip(tx, row.id, NOW)

        assert not await calendar.release(tx, row.id, row.due_at)
        assert await calendar.release(tx, row.id, NOW)
        back = await calendar.find(tx, row.schedule, SlotKey(row.slot))

    assert back is not None
    assert (back.state, back.reason, back.due_at) == ("planned", "", row.due_at)


async def test_slot_that_waits_for_approval_waits_although_another_has_its_moment(database: Database) -> None:
    async with database.write() as tx:
        await calendar.enter(tx, far_row(state="launched", slot=SlotKey("2027-W01#7")))
        row = await calendar.enter(tx, far_row())

        assert await calendar.mark_waiting(tx, row.id, row.due_at, Reason.APPROVAL)
        waiting = await calendar.find(tx, row.schedule, row.slot)

    assert waiting is not None
    assert (waiting.state, waiting.reason) == ("waiting_content", "approval")


async def test_skipped_by_a_holiday_does_not_come_back_by_release(database: Database) -> None:
    async with database.write() as tx:
        row = await calendar.enter(tx, far_row(state="skipped", reason="holiday"))

        assert not await calendar.release(tx, row.id, NOW)
