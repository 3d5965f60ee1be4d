"""A schedule edited, switched off or overruled between ticks: never twice, never skipped in silence."""

import random
from datetime import timedelta

import pytest
from sqlalchemy.engine import URL

from distributor.scheduling import calendar
from distributor.scheduling.model import OccurrenceId
from tests.scheduling.conftest import Desk
from tests.scheduling.schedules import PLAIN, SHANGHAI, schedule, shanghai


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """What a statement does on each kind of database is in test_calendar; here it is the decisions."""
    return sqlite_url


async def test_hour_edited_a_minute_before_moves_the_slot(desk: Desk) -> None:
    await desk.tick("2026-11-27 08:58")
    desk.schedules = (schedule("每周五 10:00"),)

    assert await desk.tick("2026-11-27 08:59") == []
    assert await desk.tick("2026-11-27 09:00:15") == []
    assert await desk.tick("2026-11-27 10:00") == ["2026-W48#1"]


async def test_hour_edited_half_a_minute_after_a_slot_that_has_not_gone_moves_it(desk: Desk) -> None:
    await desk.tick("2026-11-27 08:59:55")
    desk.schedules = (schedule("每周五 10:00"),)

    assert await desk.tick("2026-11-27 09:00:30") == []
    assert await desk.tick("2026-11-27 10:00:10") == ["2026-W48#1"]


@pytest.mark.parametrize("when", ["每周五 10:00", "每周五 08:00", "每周六 09:00", "每周四 09:00", "每周一、五 10:00"])
async def test_launched_slot_never_goes_again_however_it_is_edited(desk: Desk, when: str) -> None:
    await desk.tick("2026-11-20 12:00")
    await desk.tick("2026-11-27 09:00:10")
    desk.schedules = (schedule(when),)

    launched = [await desk.tick(f"2026-11-{day} {hour}:00:30") for day in (27, 28, 29) for hour in ("09", "10")]

    assert launched == [[]] * 6


async def test_slot_edited_to_a_time_just_passed_goes_at_once(desk: Desk) -> None:
    await desk.tick("2026-11-27 08:58")
    desk.schedules = (schedule("每周五 08:30"),)

    assert await desk.tick("2026-11-27 08:59") == ["2026-W48#1"]


async def test_slot_edited_to_a_day_long_passed_is_missed_not_silent(desk: Desk) -> None:
    await desk.tick("2026-11-27 08:00")
    desk.schedules = (schedule("每周一 09:00"),)

    assert await desk.tick("2026-11-27 08:01") == []
    assert [row.slot for row in desk.missed] == ["2026-W48#1"]
    assert await desk.tick("2026-11-30 09:00") == ["2026-W49#1"]


async def test_slot_passed_while_down_goes_although_its_hour_was_edited_meanwhile(desk: Desk) -> None:
    await desk.tick("2026-11-27 08:00")
    desk.schedules = (schedule("每周四 09:00"),)

    assert await desk.tick("2026-11-27 09:40") == ["2026-W48#1"]


async def test_missed_slot_edited_to_a_later_day_of_its_week_goes_then(desk: Desk) -> None:
    await desk.tick("2026-11-27 08:00")
    await desk.tick("2026-11-28 10:00")
    desk.schedules = (schedule("每周日 09:00"),)

    await desk.tick("2026-11-28 10:01")

    assert await desk.tick("2026-11-29 09:00") == ["2026-W48#1"]


async def test_weekday_taken_out_leaves_the_others(desk: Desk) -> None:
    desk.schedules = (schedule("每周一、三、五 09:00"),)
    await desk.tick("2026-11-22 12:00")
    await desk.tick("2026-11-23 09:00")
    desk.schedules = (schedule("每周三、五 09:00"),)

    assert await desk.tick("2026-11-24 12:00") == []
    assert await desk.tick("2026-11-25 09:00") == ["2026-W48#2"]
    assert await desk.tick("2026-11-27 09:00") == ["2026-W48#3"]


async def test_weekday_added_after_it_passed_is_not_filled_in(desk: Desk) -> None:
    await desk.tick("2026-11-24 12:00")
    desk.schedules = (schedule("每周一、三、五 09:00"),)

    await desk.tick("2026-11-24 12:01")

    assert await desk.tick("2026-11-25 09:00") == ["2026-W48#2"]
    assert await desk.tick("2026-11-27 09:00") == ["2026-W48#1"]


async def test_weekday_added_takes_a_free_ordinal(desk: Desk) -> None:
    desk.schedules = (schedule("每周三、五 09:00"),)
    await desk.tick("2026-11-22 12:00")
    desk.schedules = (schedule("每周二、三、五 09:00"),)

    await desk.tick("2026-11-22 12:01")

    days = {key: row.planned_at.astimezone(SHANGHAI).day for key, row in (await desk.rows()).items()}
    assert {key: days[key] for key in days if "W48" in key} == {
        "2026-W48#1": 25,
        "2026-W48#2": 27,
        "2026-W48#3": 24,
    }


async def test_weekday_taken_out_and_put_back_is_planned_again(desk: Desk) -> None:
    whole = schedule("每周三、五 09:00")
    desk.schedules = (whole,)
    await desk.tick("2026-11-24 12:00")
    desk.schedules = (schedule("每周三 09:00"),)
    await desk.tick("2026-11-24 12:01")
    dropped = await desk.reasons()
    desk.schedules = (whole,)
    await desk.tick("2026-11-24 12:02")

    assert dropped["2026-W48#2"] == "not-in-rule"
    assert await desk.tick("2026-11-27 09:00") == ["2026-W48#2"]


async def test_slot_that_passed_while_out_of_the_rule_stays_skipped(desk: Desk) -> None:
    whole = schedule("每周三、五 09:00")
    desk.schedules = (whole,)
    await desk.tick("2026-11-25 08:58")
    desk.schedules = (schedule("每周五 09:00"),)
    await desk.tick("2026-11-25 08:59")
    desk.schedules = (whole,)

    assert await desk.tick("2026-11-25 09:01") == []
    assert (await desk.states())["2026-W48#1"] == "skipped"


async def test_other_kind_of_rule_drops_the_old_rows_and_plans_its_own(desk: Desk) -> None:
    await desk.tick("2026-11-23 12:00")
    desk.schedules = (schedule("每月最后一天 09:00"),)

    planning = await desk.plan("2026-11-23 12:01")

    assert (planning.added, planning.dropped) == (1, 1)
    assert await desk.states() == {"2026-W48#1": "skipped", "2026-11#1": "planned"}


@pytest.mark.parametrize("without", [(), (schedule(enabled=False),)])
async def test_schedule_switched_off_or_gone_sends_nothing_and_says_so(desk: Desk, without: tuple[object, ...]) -> None:
    await desk.tick("2026-11-27 08:00")
    desk.schedules = without  # type: ignore[assignment]

    assert await desk.tick("2026-11-27 09:00") == []
    assert (await desk.reasons())["2026-W48#1"] == "disabled"


async def test_schedule_switched_on_again_plans_what_is_still_to_come(desk: Desk) -> None:
    await desk.tick("2026-11-20 12:00")
    desk.schedules = (schedule(enabled=False),)
    await desk.tick("2026-11-26 12:00")
    desk.schedules = (schedule(),)

    assert await desk.tick("2026-11-26 12:01") == []
    assert await desk.tick("2026-11-27 09:00") == ["2026-W48#1"]


async def test_weeks_without_the_schedule_are_not_missed_when_it_comes_back(desk: Desk) -> None:
    await desk.tick("2026-10-23 12:00")
    desk.schedules = ()
    await desk.tick("2026-11-26 12:00")
    desk.schedules = (schedule(),)

    assert await desk.tick("2026-11-27 09:00") == ["2026-W48#1"]
    assert desk.missed == []


async def occurrence(desk: Desk, at: str = "2026-11-26 12:00") -> OccurrenceId:
    await desk.tick(at)
    return await desk.id_of("2026-W48#1")


async def test_held_slot_stays_until_released_and_follows_an_edited_hour(desk: Desk) -> None:
    held = await occurrence(desk)
    async with desk.database.write() as tx:
        assert await calendar.hold(tx, held, shanghai("2026-11-26 12:00"), "等领导签字")
    desk.schedules = (schedule("每周五 10:00"),)
    await desk.tick("2026-11-26 12:01")

    (row,) = [row for key, row in (await desk.rows()).items() if key == "2026-W48#1"]
    assert row.due_at == shanghai("2026-11-27 10:00")
    assert await desk.tick("2026-11-27 10:00") == []
    assert (await desk.reasons())["2026-W48#1"] == "operator:等领导签字"


async def test_slot_released_in_time_goes_at_its_time(desk: Desk) -> None:
    held = await occurrence(desk)
    async with desk.database.write() as tx:
        await calendar.hold(tx, held, shanghai("2026-11-26 12:00"))
        assert await calendar.release(tx, held, shanghai("2026-11-26 13:00"))

    assert await desk.tick("2026-11-27 08:59") == []
    assert await desk.tick("2026-11-27 09:00") == ["2026-W48#1"]


async def test_slot_released_after_its_time_goes_at_once_however_late(desk: Desk) -> None:
    held = await occurrence(desk)
    async with desk.database.write() as tx:
        await calendar.hold(tx, held, shanghai("2026-11-26 12:00"))
    await desk.tick("2026-11-28 12:00")
    async with desk.database.write() as tx:
        assert await calendar.release(tx, held, shanghai("2026-11-28 13:00"))
        assert not await calendar.release(tx, held, shanghai("2026-11-28 13:00"))

    assert await desk.tick("2026-11-28 13:00:15") == ["2026-W48#1"]


async def test_hold_survives_a_schedule_switched_off_and_on(desk: Desk) -> None:
    held = await occurrence(desk)
    async with desk.database.write() as tx:
        await calendar.hold(tx, held, shanghai("2026-11-26 12:00"))
    desk.schedules = ()
    await desk.tick("2026-11-26 12:01")
    desk.schedules = (schedule(),)

    assert await desk.tick("2026-11-27 09:00") == []
    assert (await desk.states())["2026-W48#1"] == "held"


async def test_skipped_slot_stays_skipped_when_the_schedule_is_edited(desk: Desk) -> None:
    left_out = await occurrence(desk)
    async with desk.database.write() as tx:
        assert await calendar.skip(tx, left_out, shanghai("2026-11-26 12:00"), "国庆停刊")
        assert not await calendar.skip(tx, left_out, shanghai("2026-11-26 12:00"))
    desk.schedules = (schedule("每周五 10:00"),)

    assert await desk.tick("2026-11-27 10:00") == []
    assert (await desk.reasons())["2026-W48#1"] == "operator:国庆停刊"


async def test_send_now_goes_before_its_time_and_not_again(desk: Desk) -> None:
    wanted = await occurrence(desk)
    async with desk.database.write() as tx:
        assert await calendar.send_now(tx, wanted, shanghai("2026-11-26 12:00:30"))

    assert await desk.tick("2026-11-26 12:00:45") == ["2026-W48#1"]
    assert await desk.tick("2026-11-27 09:00") == []


async def test_missed_slot_can_still_be_sent(desk: Desk) -> None:
    wanted = await occurrence(desk)
    await desk.tick("2026-11-28 12:00")
    async with desk.database.write() as tx:
        assert await calendar.send_now(tx, wanted, shanghai("2026-11-28 12:01"))

    assert await desk.tick("2026-11-28 12:01:15") == ["2026-W48#1"]


async def test_slot_that_no_rule_names_any_more_can_still_be_sent(desk: Desk) -> None:
    wanted = await occurrence(desk)
    desk.schedules = (schedule("每月最后一天 09:00"),)
    await desk.tick("2026-11-26 12:01")
    async with desk.database.write() as tx:
        assert await calendar.send_now(tx, wanted, shanghai("2026-11-26 12:02"))

    assert await desk.tick("2026-11-26 12:02:15") == ["2026-W48#1"]


async def test_launched_slot_takes_no_orders(desk: Desk) -> None:
    gone = await occurrence(desk)
    await desk.tick("2026-11-27 09:00")
    now = shanghai("2026-11-27 09:01")

    async with desk.database.write() as tx:
        answers = [await order(tx, gone, now) for order in (calendar.hold, calendar.skip, calendar.send_now)]
        answers.append(await calendar.release(tx, gone, now))

    assert answers == [False, False, False, False]


async def test_agenda_shows_that_an_edited_slot_of_this_week_went_already(desk: Desk) -> None:
    await desk.tick("2026-11-26 12:00")
    await desk.tick("2026-11-27 09:00")
    sunday = schedule("每周日 09:00")

    async with desk.database.read() as connection:
        agenda = await calendar.agenda(connection, sunday, PLAIN, shanghai("2026-11-27 09:01"), 2)

    assert [(slot.key, row.state if row else None) for slot, row in agenda] == [
        ("2026-W48#1", "launched"),
        ("2026-W49#1", "planned"),
    ]


async def test_every_week_of_edits_and_stops_goes_once_or_says_why(desk: Desk) -> None:
    chance = random.Random(48)
    now = shanghai("2026-01-05 00:00")
    launched: list[str] = []
    for _ in range(150):
        day, hour = chance.choice("一二三四五六日"), chance.randrange(24)
        if chance.random() < 0.3:
            desk.schedules = (schedule(f"每周{day} {hour:02d}:00"),)
        launched += await desk.tick_at(now)
        now += timedelta(hours=chance.choice((1, 3, 6, 11, 20, 50)))

    rows = await desk.rows()
    past = [row for row in rows.values() if row.due_at < now - timedelta(hours=62)]
    weeks = {(row.planned_at.astimezone(SHANGHAI)).isocalendar()[:2] for row in past}
    assert len(launched) == len(set(launched))
    assert len(past) == len(weeks)
    assert all(row.state in ("launched", "missed") for row in past)
    assert sorted(launched) == sorted(key for key, row in rows.items() if row.state == "launched")
