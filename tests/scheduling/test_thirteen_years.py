"""Working days of 2015 to 2027 under every policy, for Fridays, month ends and first working days; 调休 both ways.

The yardstick is the national calendar asked directly, day by day, and beyond its years Monday to Friday.
"""

from datetime import date, timedelta

import chinese_calendar
import pytest

from distributor.scheduling.forecast import forecast
from distributor.scheduling.workdays import LAST_NATIONAL_YEAR, Policy, WorkCalendar
from tests.scheduling.schedules import PLAIN, schedule, shanghai

FIRST, LAST = date(2015, 1, 1), date(2027, 12, 31)
POLICIES: tuple[Policy, ...] = ("send", "previous_workday", "next_workday", "skip")
WHEN = ("每周五 09:00", "每月最后一天 17:00", "每月1日 09:00", "每月31日 09:00", "每周一、三 08:30")


def worked(day: date) -> bool:
    return bool(chinese_calendar.is_workday(day)) if day.year <= LAST_NATIONAL_YEAR else day.weekday() < 5


def walked(day: date, policy: Policy) -> date | None:
    """Return where a slot of `day` belongs, found by walking from day to day."""
    if policy == "send" or worked(day):
        return day
    if policy == "skip":
        return None
    step = timedelta(days=1 if policy == "next_workday" else -1)
    while not worked(day):
        day += step
    return day


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("when", WHEN)
def test_every_slot_goes_where_walking_leads(when: str, policy: Policy) -> None:
    found = forecast(schedule(when, policy=policy), PLAIN, FIRST, LAST)

    assert [slot.day if slot.goes else None for slot in found] == [walked(slot.nominal, policy) for slot in found]
    assert all(slot.is_shifted is (slot.goes and slot.day != slot.nominal) for slot in found)


@pytest.mark.parametrize(
    ("when", "count"), [("每周五 09:00", 679), ("每月最后一天 17:00", 156), ("每月1日 09:00", 156)]
)
def test_no_week_and_no_month_is_left_out(when: str, count: int) -> None:
    # 679 Fridays; 13 years of 12 months.
    found = forecast(schedule(when, policy="next_workday"), PLAIN, FIRST, LAST)

    assert len({slot.key for slot in found}) == len(found) == count


@pytest.mark.parametrize(("when", "order"), [("每月第一个工作日 09:00", 1), ("每月最后一个工作日 09:00", -1)])
def test_first_and_last_working_day_of_each_month(when: str, order: int) -> None:
    found = forecast(schedule(when, policy="send"), PLAIN, FIRST, LAST)

    days = [FIRST + timedelta(days=step) for step in range((LAST - FIRST).days + 1)]
    months = [[day for day in days if (day.year, day.month) == (2015 + at // 12, at % 12 + 1)] for at in range(156)]
    expected = [[day for day in month if worked(day)][0 if order == 1 else -1] for month in months]
    assert [slot.day for slot in found] == expected


@pytest.mark.parametrize("policy", POLICIES)
def test_working_day_rules_are_never_shifted(policy: Policy) -> None:
    for when in ("工作日 09:00", "每月第一个工作日 09:00"):
        assert not any(slot.is_shifted for slot in forecast(schedule(when, policy=policy), PLAIN, FIRST, LAST))


def test_month_end_off_moves_over_the_end_of_the_month_and_keeps_its_month() -> None:
    # 30 September 2023 was off, as were the days after it until 6 October; 7 October was a Saturday of work.
    (slot,) = forecast(
        schedule("每月最后一天 17:00", policy="next_workday"), PLAIN, date(2023, 9, 30), date(2023, 9, 30)
    )

    assert (slot.key, slot.day) == ("2023-09#1", date(2023, 10, 7))
    assert slot.due_at == shanghai("2023-10-07 17:00")


def test_new_year_slot_moved_back_goes_in_the_old_year() -> None:
    (slot,) = forecast(schedule("每月1日 09:00", policy="previous_workday"), PLAIN, date(2026, 1, 1), date(2026, 1, 1))

    assert (slot.key, slot.day) == ("2026-01#1", date(2025, 12, 31))


@pytest.mark.parametrize(
    ("day", "off", "work", "goes_on"),
    [
        # The office is off on an ordinary Friday, and works on a Saturday instead.
        (date(2026, 6, 5), (date(2026, 6, 5),), (date(2026, 6, 6),), date(2026, 6, 6)),
        # It works on National Day's Friday, which everybody else has off.
        (date(2026, 10, 2), (), (date(2026, 10, 2),), date(2026, 10, 2)),
        # It is off on the make-up day to which the slot would have moved.
        (date(2024, 2, 16), (date(2024, 2, 18),), (), date(2024, 2, 19)),
    ],
)
def test_office_s_own_days_come_before_the_national_ones(
    day: date, off: tuple[date, ...], work: tuple[date, ...], goes_on: date
) -> None:
    calendar = WorkCalendar(off=frozenset(off), work=frozenset(work))

    (slot,) = forecast(schedule(policy="next_workday"), calendar, day, day)

    assert slot.day == goes_on


def test_make_up_saturday_is_a_slot_s_day_where_the_rule_names_it() -> None:
    # 14 and 28 February 2026 are Saturdays of work around Spring Festival.
    found = forecast(schedule("每周六 09:00", policy="skip"), PLAIN, date(2026, 2, 1), date(2026, 2, 28))

    assert [slot.nominal.day for slot in found if slot.goes] == [14, 28]
