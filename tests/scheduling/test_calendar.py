"""Occurrence rows: planned ahead, launched once, missed with a reason. Week 48 of 2026 has its Friday on the 27th."""

import asyncio
from datetime import date, timedelta

import pytest

from distributor.scheduling import calendar
from distributor.scheduling.workdays import WorkCalendar
from tests.scheduling.conftest import Desk
from tests.scheduling.schedules import PLAIN, schedule, shanghai


@pytest.mark.parametrize("first_seen", ["2015-07-10 09:00:00", "2015-07-10 09:00:59"])
async def test_schedule_first_seen_in_the_slot_s_own_minute_has_that_slot(desk: Desk, first_seen: str) -> None:
    assert await desk.tick(first_seen) == ["2015-W28#1"]


@pytest.mark.parametrize("first_seen", ["2015-07-10 09:01:00", "2015-07-10 10:00:00"])
async def test_slots_before_a_schedule_was_first_seen_are_not_filled_in(desk: Desk, first_seen: str) -> None:
    launched = await desk.tick(first_seen)

    assert launched == []
    assert await desk.states() == {"2015-W29#1": "planned"}


async def test_ten_days_are_planned_ahead(desk: Desk) -> None:
    planning = await desk.plan("2026-11-23 12:00")

    # Friday 4 December is eleven days away.
    assert planning.added == 1
    assert await desk.states() == {"2026-W48#1": "planned"}


async def test_planning_again_changes_nothing(desk: Desk) -> None:
    await desk.plan("2026-11-23 12:00")
    before = await desk.rows()

    planning = await desk.plan("2026-11-23 12:00:15")

    assert (planning.added, planning.moved, planning.dropped) == (0, 0, 0)
    assert await desk.rows() == before


async def test_punctual_slot_is_launched_once(desk: Desk) -> None:
    await desk.tick("2026-11-26 12:00")

    assert await desk.tick("2026-11-27 08:59:59") == []
    assert await desk.tick("2026-11-27 09:00:00") == ["2026-W48#1"]
    assert await desk.tick("2026-11-27 09:00:15") == []


@pytest.mark.parametrize("back_at", ["2026-11-27 09:40", "2026-11-27 20:00", "2026-11-27 21:00"])
async def test_slot_passed_while_down_goes_within_catch_up(desk: Desk, back_at: str) -> None:
    await desk.tick("2026-11-27 08:00")

    assert await desk.tick(back_at) == ["2026-W48#1"]
    assert desk.missed == []


async def test_slot_later_than_catch_up_is_missed_and_says_how_late(desk: Desk) -> None:
    await desk.tick("2026-11-27 08:00")

    assert await desk.tick("2026-11-27 22:00") == []
    assert [(row.slot, row.state, row.reason) for row in desk.missed] == [("2026-W48#1", "missed", "late:46800")]
    assert (await desk.states())["2026-W48#1"] == "missed"


async def test_missed_slot_is_told_once(desk: Desk) -> None:
    await desk.tick("2026-11-27 08:00")
    await desk.tick("2026-11-27 22:00")

    await desk.tick("2026-11-27 22:01")

    assert len(desk.missed) == 1


async def test_every_slot_of_a_long_stop_is_missed_by_name(desk: Desk) -> None:
    await desk.tick("2026-10-23 12:00")

    assert await desk.tick("2026-11-27 09:40") == ["2026-W48#1"]
    assert [row.slot for row in desk.missed] == ["2026-W44#1", "2026-W45#1", "2026-W46#1", "2026-W47#1"]


async def test_stop_of_years_enters_one_year_only(desk: Desk) -> None:
    await desk.tick("2015-07-10 09:00")

    await desk.tick("2026-11-27 12:00")

    # One planned ahead in 2015, then the last 366 days up to the one that still goes.
    assert 52 <= len(desk.missed) <= 54


async def test_two_planners_at_once_make_one_row_per_slot(desk: Desk) -> None:
    desk.schedules = (schedule("每天 08:00", named="daily"), schedule())

    planned = await asyncio.gather(*(desk.plan("2026-11-23 12:00") for _ in range(4)))

    # Ten mornings from 24 November to 3 December, and the Friday of week 48.
    assert len(await desk.rows()) == 11
    assert sum(planning.added for planning in planned) == 11


async def test_two_launchers_at_once_have_one_winner(desk: Desk) -> None:
    await desk.plan("2026-11-27 09:00")

    launched = await asyncio.gather(*(desk.tick("2026-11-27 09:00:05") for _ in range(4)))

    assert sorted(launched) == [[], [], [], ["2026-W48#1"]]


async def test_launch_before_its_time_is_refused(desk: Desk) -> None:
    await desk.plan("2026-11-27 08:59")
    occurrence = await desk.id_of("2026-W48#1")

    async with desk.database.write() as tx:
        assert not await calendar.launch(tx, occurrence, shanghai("2026-11-27 08:59:59"))


async def test_launch_rolled_back_is_still_due(desk: Desk) -> None:
    await desk.plan("2026-11-27 08:59")
    occurrence = await desk.id_of("2026-W48#1")

    with pytest.raises(ZeroDivisionError):
        async with desk.database.write() as tx:
            await calendar.launch(tx, occurrence, shanghai("2026-11-27 09:00"))
            raise ZeroDivisionError

    assert await desk.tick("2026-11-27 09:00:15") == ["2026-W48#1"]


async def test_due_come_in_order_of_their_time(desk: Desk) -> None:
    desk.schedules = (schedule("每周五 09:30", named="late"), schedule("每周五 08:30、09:00", named="early"))
    await desk.plan("2026-11-27 08:00")

    async with desk.database.read() as connection:
        due = await calendar.due(connection, shanghai("2026-11-27 09:30"))

    assert [(row.schedule, row.slot) for row in due] == [
        ("early", "2026-W48#1"),
        ("early", "2026-W48#2"),
        ("late", "2026-W48#1"),
    ]


async def test_clock_set_back_runs_nothing_again(desk: Desk) -> None:
    await desk.tick("2026-11-20 12:00")
    await desk.tick("2026-11-27 09:00")

    planning = await desk.plan("2026-11-27 08:00")

    assert planning.clock_back == timedelta(hours=1)
    assert await desk.tick("2026-11-27 08:00:15") == []
    assert await desk.tick("2026-11-27 09:00:15") == []


async def test_overtaking_ticks_are_no_clock_set_back(desk: Desk) -> None:
    await desk.plan("2026-11-27 09:00:05")

    planning = await desk.plan("2026-11-27 09:00:00")

    assert planning.clock_back == timedelta(0)


async def test_clock_before_the_first_sight_plans_nothing_and_keeps_saying_so(desk: Desk) -> None:
    await desk.plan("2026-11-23 12:00")

    plannings = [await desk.plan("2000-01-01 00:00"), await desk.plan("2000-01-01 00:01")]

    assert all(planning.clock_back > timedelta(days=9000) for planning in plannings)
    assert await desk.states() == {"2026-W48#1": "planned"}


async def test_clock_far_ahead_for_a_moment_costs_no_slot(desk: Desk) -> None:
    await desk.tick("2026-11-23 12:00")
    await desk.tick("2027-03-01 12:00")

    await desk.tick("2026-11-23 12:01")

    assert await desk.tick("2026-11-27 09:00") == ["2026-W48#1"]
    assert await desk.tick("2026-12-04 09:00") == ["2026-W49#1"]


async def test_slot_without_an_issue_waits_and_still_goes(desk: Desk) -> None:
    await desk.plan("2026-11-27 09:00")
    occurrence, now = await desk.id_of("2026-W48#1"), shanghai("2026-11-27 09:00")

    async with desk.database.write() as tx:
        assert await calendar.mark_waiting(tx, occurrence, now)
        assert not await calendar.mark_waiting(tx, occurrence, now)

    assert await desk.states() == {"2026-W48#1": "waiting_content", "2026-W49#1": "planned"}
    assert await desk.tick("2026-11-27 14:00") == ["2026-W48#1"]
    assert (await desk.reasons())["2026-W48#1"] == ""


async def test_slot_that_waited_in_vain_is_missed_for_want_of_an_issue(desk: Desk) -> None:
    await desk.plan("2026-11-27 09:00")
    async with desk.database.write() as tx:
        await calendar.mark_waiting(tx, await desk.id_of("2026-W48#1"), shanghai("2026-11-27 09:00"))

    await desk.tick("2026-11-27 21:01")

    assert [row.reason for row in desk.missed] == ["no-issue:43260"]


async def test_holiday_skip_is_declared(desk: Desk) -> None:
    desk.schedules = (schedule(policy="skip"),)

    await desk.tick("2026-09-29 12:00")

    assert (await desk.states())["2026-W40#1"] == "skipped"
    assert (await desk.reasons())["2026-W40#1"] == "holiday"
    assert await desk.tick("2026-10-02 09:00") == []


async def test_slot_moved_before_a_holiday_goes_on_the_last_working_day(desk: Desk) -> None:
    desk.schedules = (schedule(policy="previous_workday"),)
    await desk.tick("2026-09-27 12:00")

    assert await desk.tick("2026-09-30 09:00") == ["2026-W40#1"]
    assert await desk.tick("2026-10-02 09:00") == []


async def test_day_off_written_down_late_moves_the_slot(desk: Desk) -> None:
    desk.schedules = (schedule(policy="next_workday"),)
    await desk.tick("2026-11-27 08:59")
    desk.days = WorkCalendar(off=frozenset({date(2026, 11, 27)}))

    assert await desk.tick("2026-11-27 09:00") == []
    assert await desk.tick("2026-11-30 09:00") == ["2026-W48#1"]


async def test_day_off_written_down_while_down_is_not_sent_on(desk: Desk) -> None:
    desk.schedules = (schedule(policy="skip"),)
    await desk.tick("2026-11-27 08:59")
    desk.days = WorkCalendar(off=frozenset({date(2026, 11, 27)}))

    assert await desk.tick("2026-11-27 09:40") == []
    assert (await desk.reasons())["2026-W48#1"] == "holiday"


async def test_day_off_taken_back_plans_the_slot_again(desk: Desk) -> None:
    desk.schedules = (schedule(policy="skip"),)
    desk.days = WorkCalendar(off=frozenset({date(2026, 11, 27)}))
    await desk.tick("2026-11-26 12:00")
    desk.days = PLAIN

    assert await desk.tick("2026-11-27 08:59") == []
    assert await desk.tick("2026-11-27 09:00") == ["2026-W48#1"]


async def test_of_two_slots_on_one_moment_the_second_does_not_wait_for_an_issue(desk: Desk) -> None:
    # Friday 27 January 2017 is Spring Festival and moves to Friday 3 February.
    desk.schedules = (schedule(policy="next_workday"),)
    await desk.plan("2017-01-26 12:00")
    now = shanghai("2017-02-03 09:00")

    async with desk.database.write() as tx:
        first, second = await calendar.due(tx, now)
        assert await calendar.launch(tx, first.id, now)
        assert not await calendar.mark_waiting(tx, second.id, now)

    assert (first.slot, second.slot) == ("2017-W04#1", "2017-W05#1")
    assert (await desk.reasons())["2017-W05#1"] == "coincides"


async def test_operator_holds_releases_skips_and_sends(desk: Desk) -> None:
    await desk.plan("2026-11-26 12:00")
    slot, now = await desk.id_of("2026-W48#1"), shanghai("2026-11-26 12:00")

    async with desk.database.write() as tx:
        for order in (calendar.hold, calendar.release, calendar.skip, calendar.send_now):
            assert await order(tx, slot, now)

    assert await desk.tick("2026-11-26 12:00:15") == ["2026-W48#1"]


async def test_rows_and_states_tell_what_is_remembered(desk: Desk) -> None:
    await desk.tick("2026-11-20 12:00")
    await desk.tick("2026-11-27 09:00")

    async with desk.database.read() as connection:
        states = await calendar.states(connection)
        later = await calendar.since(connection, shanghai("2026-12-01 00:00"))
        nobody = await calendar.find(connection, schedule(named="other").id, later[0].slot)

    assert states[schedule().id].first_seen_at == shanghai("2026-11-20 12:00")
    assert states[schedule().id].last_tick_at == shanghai("2026-11-27 09:00")
    assert [row.slot for row in later] == ["2026-W49#1"]
    assert nobody is None


async def test_agenda_shows_the_next_slots_with_their_rows(desk: Desk) -> None:
    await desk.tick("2026-11-26 12:00")

    async with desk.database.read() as connection:
        agenda = await calendar.agenda(connection, schedule(), PLAIN, shanghai("2026-11-26 12:01"), 3)

    assert [(slot.key, row.state if row else None) for slot, row in agenda] == [
        ("2026-W48#1", "planned"),
        ("2026-W49#1", "planned"),
        ("2026-W50#1", None),
    ]


async def test_agenda_of_nothing_is_empty(desk: Desk) -> None:
    async with desk.database.read() as connection:
        assert await calendar.agenda(connection, schedule(), PLAIN, shanghai("2026-11-26 12:01"), 0) == ()
