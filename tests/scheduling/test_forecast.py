"""What goes when: slots after the holiday policy, merged where they meet, and the next ones."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import chinese_calendar
import pytest

from distributor.scheduling.cron import parse_cron
from distributor.scheduling.forecast import forecast, upcoming
from distributor.scheduling.model import PlannedSlot, Reason, Rule, ScheduleRule
from distributor.scheduling.workdays import LAST_NATIONAL_YEAR, Policy, WorkCalendar
from tests.scheduling.schedules import PLAIN, schedule, shanghai

POLICIES: tuple[Policy, ...] = ("send", "previous_workday", "next_workday", "skip")


def by_cron(cron: str) -> ScheduleRule:
    read = parse_cron(cron)
    assert isinstance(read, Rule)
    return replace(schedule(), rule=read)


def around_national_day(when: str, policy: Policy) -> list[PlannedSlot]:
    return list(forecast(schedule(when, policy=policy), PLAIN, date(2026, 9, 29), date(2026, 10, 9)))


@pytest.mark.parametrize(
    ("policy", "day", "reason"),
    [
        ("send", date(2026, 10, 2), Reason.NONE),
        ("previous_workday", date(2026, 9, 30), Reason.NONE),
        ("next_workday", date(2026, 10, 8), Reason.NONE),
        ("skip", date(2026, 10, 2), Reason.HOLIDAY),
    ],
)
def test_friday_of_national_day_follows_the_policy(policy: Policy, day: date, reason: Reason) -> None:
    friday = around_national_day("每周五 09:00", policy)[0]

    assert (friday.key, friday.day, friday.reason) == ("2026-W40#1", day, reason)
    assert friday.planned_at == shanghai("2026-10-02 09:00")
    assert friday.due_at == shanghai(f"{day} 09:00")


@pytest.mark.parametrize("policy", POLICIES)
def test_every_friday_of_2015_to_2027_goes_in_order_or_says_why(policy: Policy) -> None:
    fridays = forecast(schedule(policy=policy), PLAIN, date(2015, 1, 1), date(2027, 12, 31))

    # 678 Fridays up to 2027-12-24, and 2027-12-31.
    assert len(fridays) == 679
    gone = [slot.due_at for slot in fridays if slot.goes]
    assert all(former <= latter for former, latter in pairwise(gone))
    left_out = [slot.nominal for slot in fridays if not slot.goes]
    off = [slot.nominal for slot in fridays if slot.nominal.year <= LAST_NATIONAL_YEAR]
    expected = [day for day in off if chinese_calendar.is_holiday(day)] if policy == "skip" else []
    assert left_out == expected


def test_slots_moved_onto_one_moment_keep_their_keys() -> None:
    # Friday 27 January 2017 is Spring Festival; the next working day is Friday 3 February, itself a slot.
    found = forecast(schedule(policy="next_workday"), PLAIN, date(2017, 1, 27), date(2017, 2, 3))

    assert [slot.due_at for slot in found] == [shanghai("2017-02-03 09:00")] * 2
    assert [slot.key for slot in found] == ["2017-W04#1", "2017-W05#1"]


def test_two_times_of_one_day_off_both_move() -> None:
    found = around_national_day("每周五 09:00、15:00", "next_workday")

    assert [slot.due_at for slot in found[:2]] == [shanghai("2026-10-08 09:00"), shanghai("2026-10-08 15:00")]


def test_slot_says_when_the_calendar_had_to_guess() -> None:
    last = schedule(policy="next_workday")
    workdays = schedule("工作日 09:00", policy="send")
    day = date(LAST_NATIONAL_YEAR, 12, 20)

    assert [slot.known for slot in forecast(last, PLAIN, day, day + timedelta(days=20))][-1] is False
    assert [slot.known for slot in forecast(workdays, PLAIN, day, day + timedelta(days=20))][-1] is False
    assert all(slot.known for slot in forecast(schedule(policy="send"), PLAIN, day, day + timedelta(days=20)))


def test_office_day_off_moves_the_slot() -> None:
    calendar = WorkCalendar(off=frozenset({date(2026, 11, 27)}))

    slot = upcoming(schedule(policy="next_workday"), calendar, shanghai("2026-11-23 12:00"), 1)[0]

    assert slot.is_shifted
    assert slot.due_at == shanghai("2026-11-30 09:00")


def test_next_five_are_the_five_due_from_now_on() -> None:
    found = upcoming(schedule(policy="next_workday"), PLAIN, shanghai("2026-09-18 09:00"))

    # 25 September is Mid-Autumn, 2 October National Day.
    assert [slot.day.isoformat() for slot in found] == [
        "2026-09-18",
        "2026-09-28",
        "2026-10-08",
        "2026-10-09",
        "2026-10-16",
    ]


def test_slot_moved_past_now_is_still_to_come() -> None:
    found = upcoming(schedule(policy="next_workday"), PLAIN, shanghai("2026-10-05 12:00"), 1)

    assert (found[0].nominal, found[0].day) == (date(2026, 10, 2), date(2026, 10, 8))


def test_slots_come_by_due_time_also_where_one_was_moved_past_another() -> None:
    found = upcoming(
        schedule("每周一、三、四 09:00", policy="previous_workday"), PLAIN, shanghai("2026-09-27 12:00"), 3
    )

    assert [slot.due_at for slot in found] == sorted(slot.due_at for slot in found)


def test_rare_rules_are_looked_for_years_ahead() -> None:
    found = upcoming(by_cron("0 9 1 7 *"), PLAIN, shanghai("2026-11-23 12:00"), 3)

    assert [slot.nominal.year for slot in found] == [2027, 2028, 2029]


def test_search_for_slots_ends() -> None:
    found = upcoming(by_cron("0 9 1 7 *"), PLAIN, shanghai("2026-11-23 12:00"), 1000)

    assert 10 <= len(found) < 30
