"""Slots of a rule: which dates, which keys, and which instants across daylight saving time."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.scheduling.model import Rule, Slot
from distributor.scheduling.patterns import (
    Daily,
    MonthDays,
    MonthWorkday,
    Pattern,
    Weekly,
    Workdays,
)
from distributor.scheduling.recurrence import instant, slots, whole_periods
from distributor.scheduling.workdays import WorkCalendar
from tests.scheduling.schedules import PLAIN, SHANGHAI, rule

ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Shanghai")

times_of_day = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 45)))
patterns = st.one_of(
    st.builds(Weekly, weekdays=st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days)))),
    st.builds(MonthDays, days=st.sets(st.integers(1, 28), min_size=1).map(lambda days: tuple(sorted(days)))),
    st.builds(MonthWorkday, which=st.sampled_from(("first", "last"))),
    st.just(Daily()),
    st.just(Workdays()),
)
rules = st.builds(Rule, pattern=patterns, times=st.tuples(times_of_day))


def named(when: str, since: date, until: date, calendar: WorkCalendar = PLAIN) -> list[Slot]:
    return list(slots(rule(when), SHANGHAI, since, until, calendar))


def test_weekly_slot_is_named_by_iso_week_and_ordinal() -> None:
    found = named("每周五 09:00", date(2026, 11, 23), date(2026, 12, 4))

    assert [(slot.key, slot.day) for slot in found] == [
        ("2026-W48#1", date(2026, 11, 27)),
        ("2026-W49#1", date(2026, 12, 4)),
    ]


def test_slot_at_new_year_belongs_to_its_iso_week() -> None:
    found = named("每周五 09:00", date(2027, 1, 1), date(2027, 1, 1))

    assert [slot.key for slot in found] == ["2026-W53#1"]


def test_edited_weekday_and_hour_keep_the_key() -> None:
    friday = named("每周五 09:00", date(2026, 11, 23), date(2026, 11, 29))
    thursday = named("每周四 16:30", date(2026, 11, 23), date(2026, 11, 29))

    assert friday[0].key == thursday[0].key


def test_ordinal_counts_places_in_the_rule_also_in_the_middle_of_a_week() -> None:
    found = named("每周一、三 08:30、16:30", date(2026, 11, 25), date(2026, 11, 25))

    assert [slot.key for slot in found] == ["2026-W48#3", "2026-W48#4"]


@pytest.mark.parametrize(
    ("when", "keys"),
    [
        ("每天 08:00", ["2026-11-21#1", "2026-11-22#1", "2026-11-23#1"]),
        ("工作日 08:00", ["2026-11-23#1"]),
        ("每月21日、23日 08:00", ["2026-11#1", "2026-11#2"]),
    ],
)
def test_days_and_months_name_their_slots(when: str, keys: list[str]) -> None:
    assert [slot.key for slot in named(when, date(2026, 11, 21), date(2026, 11, 23))] == keys


def test_last_day_stands_in_for_a_day_that_the_month_lacks() -> None:
    found = named("每月31日 09:00", date(2026, 1, 1), date(2026, 4, 30))

    assert [slot.day.isoformat() for slot in found] == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]


def test_first_and_last_workday_know_holidays_and_make_up_days() -> None:
    first = named("每月第一个工作日 09:00", date(2026, 10, 1), date(2026, 10, 31))
    last = named("每月最后一个工作日 09:00", date(2026, 2, 1), date(2026, 2, 28))

    # National Day 2026 ends on 7 October; 28 February 2026 is a Saturday of work.
    assert [slot.day for slot in first] == [date(2026, 10, 8)]
    assert [slot.day for slot in last] == [date(2026, 2, 28)]


def test_workday_slots_include_make_up_days_and_leave_out_holidays() -> None:
    found = named("工作日 09:00", date(2026, 10, 1), date(2026, 10, 11))

    assert [slot.day.day for slot in found] == [8, 9, 10]


def test_months_outside_the_rule_have_no_slot() -> None:
    january = Rule(pattern=MonthDays(days=(1,)), times=(time(9),), months=(1,))

    found = list(slots(january, SHANGHAI, date(2026, 1, 1), date(2026, 12, 31), PLAIN))

    assert [slot.day for slot in found] == [date(2026, 1, 1)]


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        # Clocks go from 02:00 EST to 03:00 EDT: the first valid instant is 03:00 EDT = 07:00 UTC.
        ("America/New_York", date(2026, 3, 8), time(2, 30), datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
        # Clocks go back at 02:00 EDT: the first 01:30 is EDT = 05:30 UTC.
        ("America/New_York", date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 3, 29), time(2, 15), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        # Half an hour only: 02:00 +10:30 becomes 02:30 +11:00 = 15:30 UTC of the day before.
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 10), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        # Samoa left out the whole day.
        ("Pacific/Apia", date(2011, 12, 30), time(9), datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
        ("Asia/Shanghai", date(2026, 11, 27), time(9), datetime(2026, 11, 27, 1, 0, tzinfo=UTC)),
    ],
)
def test_gap_gives_the_first_valid_instant_and_fold_the_first(
    zone: str, day: date, at: time, expected: datetime
) -> None:
    assert instant(day, at, ZoneInfo(zone)) == expected


@given(rules, st.sampled_from(ZONES), st.dates(date(2015, 1, 1), date(2026, 12, 1)), st.integers(0, 500))
def test_each_slot_comes_exactly_once_and_ascending(rule: Rule, zone: str, since: date, length: int) -> None:
    found = list(slots(rule, ZoneInfo(zone), since, since + timedelta(days=length), PLAIN))

    assert len({slot.key for slot in found}) == len(found)
    assert all(former.planned_at < latter.planned_at for former, latter in pairwise(found))


@given(rules, st.sampled_from(ZONES), st.dates(date(2015, 1, 1), date(2026, 12, 1)), st.integers(0, 60))
def test_slot_does_not_depend_on_the_range(rule: Rule, zone: str, since: date, length: int) -> None:
    until = since + timedelta(days=length)
    wider = slots(rule, ZoneInfo(zone), since - timedelta(days=40), until + timedelta(days=40), PLAIN)

    assert list(slots(rule, ZoneInfo(zone), since, until, PLAIN)) == [
        slot for slot in wider if since <= slot.day <= until
    ]


@given(rules, st.sampled_from(ZONES), st.dates(date(2015, 1, 1), date(2026, 12, 1)))
def test_slot_shows_its_nominal_time_or_the_end_of_a_gap(rule: Rule, zone: str, since: date) -> None:
    for slot in slots(rule, ZoneInfo(zone), since, since + timedelta(days=30), PLAIN):
        local = slot.planned_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert timedelta(0) <= local - datetime.combine(slot.day, slot.at) <= timedelta(hours=1)


@given(patterns, st.dates(date(2015, 1, 1), date(2026, 12, 1)))
def test_whole_periods_hold_every_slot_of_their_keys(pattern: Pattern, day: date) -> None:
    every = Rule(pattern=pattern, times=(time(9),))
    first, last = whole_periods(pattern, day, day)

    inside = {slot.key.partition("#")[0] for slot in slots(every, SHANGHAI, first, last, PLAIN)}
    around = (first - timedelta(days=40), first - timedelta(days=1))
    before = {slot.key.partition("#")[0] for slot in slots(every, SHANGHAI, *around, PLAIN)}
    assert first <= day <= last
    assert not inside & before


@pytest.mark.parametrize("days", [(), (0,), (8,), (2, 1), (1, 1)])
def test_rule_out_of_order_or_range_is_no_value(days: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        Weekly(weekdays=days)
