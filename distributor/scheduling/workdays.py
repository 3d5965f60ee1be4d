"""Which days are worked in China: the office's own notes, over the national calendar, over Monday to Friday.

The one door to `chinese_calendar`, which knows holidays and make-up days (调休) of the years it was released with
and raises outside them; there the plain week stands in, and `is_known` says that it was a guess. Days enter,
answers leave; the office's own days come from `holidays`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import chinese_calendar

from distributor.problems import Wording, wording

Policy = Literal["send", "previous_workday", "next_workday", "skip"]

LAST_NATIONAL_YEAR: int = max(chinese_calendar.holidays).year
WARN_BEFORE = timedelta(days=60)
REACH = timedelta(days=31)
"""A slot is never moved further; the longest run of days off so far was nine."""

# A year's statutory days off were 11 until 2024 and are 13 since (State Council decree 795): who noted as many
# has written the whole notice down, not a day of their own.
_WHOLE_NOTICE = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCalendar:
    """The days worked; `off` and `work` are the office's own days, and win."""

    off: frozenset[date] = frozenset()
    work: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if both := self.off & self.work:
            raise ValueError(f"{sorted(both)} are both off and work")

    def is_workday(self, day: date) -> bool:
        """Say whether the office works on `day`; outside the known years Monday to Friday."""
        if day in self.off or day in self.work:
            return day in self.work
        national = is_national_workday(day)
        return day.isoweekday() <= 5 if national is None else national

    def is_known(self, day: date) -> bool:
        """Say whether somebody announced what `day` is, rather than the plain week standing in."""
        return (
            day in self.off or day in self.work or is_national_workday(day) is not None or self._has_notice_of(day.year)
        )

    @property
    def known_until(self) -> date:
        """The last day of the last year in a row whose days are known."""
        year = LAST_NATIONAL_YEAR
        while self._has_notice_of(year + 1):
            year += 1
        return date(year, 12, 31)

    def _has_notice_of(self, year: int) -> bool:
        return sum(day.year == year for day in self.off) >= _WHOLE_NOTICE


def is_national_workday(day: date) -> bool | None:
    """Return what the national calendar says of `day`; None outside its years."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None


def shift(day: date, policy: Policy, calendar: WorkCalendar) -> date | None:
    """Return the day on which a slot of `day` goes under `policy`; None when it does not go.

    None also where no working day lies within REACH.
    """
    if policy == "send" or calendar.is_workday(day):
        return day
    if policy == "skip":
        return None
    one = timedelta(days=1 if policy == "next_workday" else -1)
    steps = (day + one * step for step in range(1, REACH.days + 1))
    return next((other for other in steps if calendar.is_workday(other)), None)


def ending_soon(calendar: WorkCalendar, today: date) -> Wording | None:
    """Return a warning from 60 days before the calendar's known days end, None before."""
    until = calendar.known_until
    if until - today > WARN_BEFORE:
        return None
    return wording(
        f"工作日历只到 {until.isoformat()}，此后按周一至周五算："
        "请把国务院的放假通知写进 holidays.toml，或升级 chinesecalendar",
        f"working days are known until {until.isoformat()}, then Monday to Friday is assumed: "
        "write the official notice into holidays.toml or upgrade chinesecalendar",
    )
