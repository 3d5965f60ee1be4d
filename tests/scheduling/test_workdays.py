"""Working days: the office's own, over the national calendar, over Monday to Friday; and what a policy makes of it."""

from datetime import date, timedelta

import chinese_calendar
import pytest

from distributor.scheduling.workdays import LAST_NATIONAL_YEAR, Policy, WorkCalendar, ending_soon, shift
from tests.scheduling.schedules import PLAIN

# The calendar in use may know more years than the one these tests were written with.
UNKNOWN_YEAR = LAST_NATIONAL_YEAR + 1
ALL_FRIDAYS = [date(2015, 1, 2) + timedelta(weeks=week) for week in range(678)]
KNOWN_FRIDAYS = [day for day in ALL_FRIDAYS if day.year <= LAST_NATIONAL_YEAR]


def notice(year: int) -> frozenset[date]:
    """Return as many days off as an official notice has."""
    return frozenset(date(year, 10, day) for day in range(1, 14))


def test_every_friday_of_2015_to_2027_is_covered() -> None:
    assert (ALL_FRIDAYS[0], ALL_FRIDAYS[-1]) == (date(2015, 1, 2), date(2027, 12, 24))


@pytest.mark.parametrize("policy", ["send", "previous_workday", "next_workday", "skip"])
def test_working_friday_is_never_moved(policy: Policy) -> None:
    working = [day for day in KNOWN_FRIDAYS if chinese_calendar.is_workday(day)]

    assert all(shift(day, policy, PLAIN) == day for day in working)


def test_send_goes_on_every_friday() -> None:
    assert all(shift(day, "send", PLAIN) == day for day in ALL_FRIDAYS)


def test_skip_leaves_out_exactly_the_fridays_off() -> None:
    left_out = [day for day in KNOWN_FRIDAYS if shift(day, "skip", PLAIN) is None]

    assert left_out == [day for day in KNOWN_FRIDAYS if chinese_calendar.is_holiday(day)]


@pytest.mark.parametrize(("policy", "sign"), [("next_workday", 1), ("previous_workday", -1)])
def test_friday_off_moves_to_the_nearest_working_day(policy: Policy, sign: int) -> None:
    for day in (friday for friday in KNOWN_FRIDAYS if chinese_calendar.is_holiday(friday)):
        moved = shift(day, policy, PLAIN)
        assert moved is not None
        assert chinese_calendar.is_workday(moved) or moved.year > LAST_NATIONAL_YEAR
        between = [day + timedelta(days=sign * step) for step in range(abs((moved - day).days))]
        assert all(chinese_calendar.is_holiday(other) for other in between)


@pytest.mark.parametrize(
    ("day", "previous", "following"),
    [
        # National Day 2026 is off from 1 to 7 October; the Sunday before it is a working day for it.
        (date(2026, 10, 2), date(2026, 9, 30), date(2026, 10, 8)),
        # Spring Festival 2026 is off from 15 to 23 February; Saturday 14 and 28 are worked.
        (date(2026, 2, 20), date(2026, 2, 14), date(2026, 2, 24)),
        (date(2015, 2, 20), date(2015, 2, 17), date(2015, 2, 25)),
    ],
)
def test_make_up_days_count_both_ways(day: date, previous: date, following: date) -> None:
    assert shift(day, "previous_workday", PLAIN) == previous
    assert shift(day, "next_workday", PLAIN) == following


def test_unknown_year_is_monday_to_friday_and_says_so() -> None:
    days = [date(UNKNOWN_YEAR, 3, 1) + timedelta(days=step) for step in range(7)]

    assert [PLAIN.is_workday(day) for day in days] == [day.weekday() < 5 for day in days]
    assert not any(PLAIN.is_known(day) for day in days)
    assert PLAIN.is_known(date(LAST_NATIONAL_YEAR, 3, 1))
    assert not PLAIN.is_known(date(2003, 3, 1))


def test_office_overrules_the_national_calendar_both_ways() -> None:
    calendar = WorkCalendar(off=frozenset({date(2026, 11, 27)}), work=frozenset({date(2026, 10, 1)}))

    assert not calendar.is_workday(date(2026, 11, 27))
    assert calendar.is_workday(date(2026, 10, 1))


def test_office_makes_its_own_days_known() -> None:
    off, work = date(UNKNOWN_YEAR, 1, 1), date(UNKNOWN_YEAR, 1, 3)
    calendar = WorkCalendar(off=frozenset({off}), work=frozenset({work}))

    assert calendar.is_known(off)
    assert calendar.is_known(work)
    assert not calendar.is_known(date(UNKNOWN_YEAR, 6, 1))


def test_whole_notice_written_down_makes_the_year_known() -> None:
    calendar = WorkCalendar(off=notice(UNKNOWN_YEAR))

    assert calendar.known_until == date(UNKNOWN_YEAR, 12, 31)
    assert calendar.is_known(date(UNKNOWN_YEAR, 6, 1))
    assert PLAIN.known_until == date(LAST_NATIONAL_YEAR, 12, 31)


def test_notice_of_a_later_year_leaves_the_gap_unknown() -> None:
    assert WorkCalendar(off=notice(UNKNOWN_YEAR + 1)).known_until == PLAIN.known_until


def test_no_working_day_within_reach_means_it_does_not_go() -> None:
    summer = frozenset(date(2026, 7, 1) + timedelta(days=step) for step in range(62))

    assert shift(date(2026, 7, 3), "next_workday", WorkCalendar(off=summer)) is None
    assert shift(date(2026, 7, 3), "previous_workday", WorkCalendar(off=summer)) == date(2026, 6, 30)


def test_day_both_off_and_work_is_no_calendar() -> None:
    day = frozenset({date(2026, 10, 1)})

    with pytest.raises(ValueError, match="both off and work"):
        WorkCalendar(off=day, work=day)


def test_warning_begins_sixty_days_before_the_known_days_end() -> None:
    end = PLAIN.known_until

    assert ending_soon(PLAIN, end - timedelta(days=61)) is None
    warned = ending_soon(PLAIN, end - timedelta(days=60))
    assert warned is not None
    assert end.isoformat() in warned.zh
    assert "holidays.toml" in warned.en
