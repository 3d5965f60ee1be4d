"""Patterns of days: the kinds of recurrence, each with its period, its places in it, and its words.

Pure. A pattern counts its slots within a period (week, month or day): `period` names it, `span` bounds it, `places`
says which ordinals (from 0) a day holds. Weekdays are ISO: 1 Monday, 7 Sunday. `text` is readable by `phrases`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from distributor.problems import Language
from distributor.scheduling.workdays import WorkCalendar

HAN_WEEKDAYS = "一二三四五六日"
WEEKDAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Where a month ends before the 29th, 30th or 31st, its last day stands in.
LAST_DAY = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Some weekdays of every week, ascending; counted within the ISO week."""

    weekdays: tuple[int, ...]

    def __post_init__(self) -> None:
        check_ascending(self.weekdays, low=1, high=7)

    def period(self, day: date) -> str:
        """Return `2026-W48`."""
        year, week, _ = day.isocalendar()
        return f"{year:04d}-W{week:02d}"

    def span(self, day: date) -> tuple[date, date]:
        """Return the Monday and the Sunday of the week."""
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)

    def places(self, day: date, calendar: WorkCalendar) -> tuple[int, ...]:
        """Return the place of the weekday in the list."""
        return tuple(place for place, weekday in enumerate(self.weekdays) if weekday == day.isoweekday())

    def text(self, language: Language) -> str:
        """Return 每周一、周三, or every Monday and Wednesday."""
        if language == "zh":
            return "每" + "、".join(f"周{HAN_WEEKDAYS[day - 1]}" for day in self.weekdays)
        return "every " + listed(WEEKDAY_NAMES[day - 1].capitalize() for day in self.weekdays)


class _EveryDay:
    """What patterns share whose period is the day."""

    __slots__ = ()

    def period(self, day: date) -> str:
        """Return `2026-11-23`."""
        return day.isoformat()

    def span(self, day: date) -> tuple[date, date]:
        """Return the day twice."""
        return day, day


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily(_EveryDay):
    """Every day."""

    def places(self, day: date, calendar: WorkCalendar) -> tuple[int, ...]:
        """Return the one place."""
        return (0,)

    def text(self, language: Language) -> str:
        """Return 每天, or every day."""
        return "每天" if language == "zh" else "every day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdays(_EveryDay):
    """Every working day: make-up days (调休) included, public holidays not."""

    def places(self, day: date, calendar: WorkCalendar) -> tuple[int, ...]:
        """Return the one place of a working day."""
        return (0,) if calendar.is_workday(day) else ()

    def text(self, language: Language) -> str:
        """Return 每个工作日, or every working day."""
        return "每个工作日" if language == "zh" else "every working day"


class _EveryMonth:
    """What patterns share whose period is the month."""

    __slots__ = ()

    def period(self, day: date) -> str:
        """Return `2026-11`."""
        return f"{day:%Y-%m}"

    def span(self, day: date) -> tuple[date, date]:
        """Return the first and the last of the month."""
        return day.replace(day=1), _month_end(day)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthDays(_EveryMonth):
    """Some days of every month, ascending; a day that a month lacks is its last day."""

    days: tuple[int, ...]

    def __post_init__(self) -> None:
        check_ascending(self.days, low=1, high=LAST_DAY)

    def places(self, day: date, calendar: WorkCalendar) -> tuple[int, ...]:
        """Return the places of the day in the list; the end of a short month may hold several."""
        last = _month_end(day).day
        return tuple(place for place, wanted in enumerate(self.days) if min(wanted, last) == day.day)

    def text(self, language: Language) -> str:
        """Return 每月1日、15日, or every month on day 1 and 15."""
        if self.days == (LAST_DAY,):
            return "每月最后一天" if language == "zh" else "the last day of every month"
        if language == "zh":
            return "每月" + "、".join(f"{day}日" for day in self.days)
        return "every month on day " + listed(self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthWorkday(_EveryMonth):
    """The first or the last working day of every month."""

    which: Literal["first", "last"]

    def places(self, day: date, calendar: WorkCalendar) -> tuple[int, ...]:
        """Return the one place of the outermost working day."""
        first, last = self.span(day)
        outer = range(first.day, day.day) if self.which == "first" else range(day.day + 1, last.day + 1)
        is_outermost = not any(calendar.is_workday(day.replace(day=other)) for other in outer)
        return (0,) if is_outermost and calendar.is_workday(day) else ()

    def text(self, language: Language) -> str:
        """Return 每月第一个工作日, or the first working day of every month."""
        if language == "zh":
            return f"每月{'第' if self.which == 'first' else '最后'}一个工作日"
        return f"the {self.which} working day of every month"


Pattern = Weekly | Daily | Workdays | MonthDays | MonthWorkday


def check_ascending(values: Iterable[int], *, low: int, high: int) -> None:
    """Raise ValueError unless there are values, distinct, ascending and within `low`..`high`."""
    given = list(values)
    if not given or given != sorted(set(given)) or given[0] < low or given[-1] > high:
        raise ValueError(f"{given} must be ascending, distinct and within {low}..{high}")


def listed(words: Iterable[object]) -> str:
    """Return `1, 8 and 15`."""
    *former, last = [str(word) for word in words]
    return f"{', '.join(former)} and {last}" if former else last


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
