"""Schedules that serve one list: at the same moment by rule (a fault), or at different ones (worth a word).

Pure. Schedules as configured, with their rules, enter; `Problem`s leave. A reader gets an issue once, so of two
schedules for one list the one that goes first decides what the reader sees; at the same moment nobody could tell which.
Whether two rules meet is judged by the plain week, so that what was accepted once is never refused for a new holiday.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations

from distributor.config.model import Places, Schedule
from distributor.problems import Problem, wording
from distributor.scheduling.forecast import forecast
from distributor.scheduling.model import Rule, ScheduleRule
from distributor.scheduling.workdays import WorkCalendar
from distributor.times import local_text

AHEAD = timedelta(days=400)
"""How far ahead a moment is looked for that two schedules share because of a holiday."""

# Years of which nobody announced anything: every weekday meets every day of the month within them.
_PLAIN_YEARS = (date(2101, 1, 1), date(2105, 12, 31))
_PLAIN = WorkCalendar()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A `[[schedule]]`: its place among them (from 0), what staff wrote, and its rule."""

    index: int
    schedule: Schedule
    rule: ScheduleRule


def overlaps(
    configured: Sequence[Configured], places: Places, calendar: WorkCalendar, now: datetime
) -> Iterator[Problem]:
    """Yield a fault or a warning for each two enabled schedules that share a list, at the line of the second."""
    enabled = [one for one in configured if one.rule.enabled]
    for former, latter in combinations(enabled, 2):
        lists = [name for name in former.schedule.lists if name in latter.schedule.lists]
        if not lists:
            continue
        shared = "、".join(dict.fromkeys(lists))
        if meet(former.rule.rule, latter.rule.rule):
            yield _same_moment(former, latter, places, shared)
        else:
            yield _same_list(former, latter, places, shared, meeting(former.rule, latter.rule, calendar, now))


def meet(rule: Rule, other: Rule) -> bool:
    """Say whether two rules ever name the same minute, holidays left aside."""
    if not set(rule.times) & set(other.times):
        return False
    first, last = _PLAIN_YEARS
    days = (first + timedelta(days=step) for step in range((last - first).days + 1))
    return any(_names(rule, day) and _names(other, day) for day in days)


def meeting(schedule: ScheduleRule, other: ScheduleRule, calendar: WorkCalendar, now: datetime) -> datetime | None:
    """Return the next moment within AHEAD at which both go, holidays counted; None where there is none."""
    first = now.astimezone(schedule.zone).date()
    moments = [
        {slot.due_at for slot in forecast(one, calendar, first, first + AHEAD) if slot.goes}
        for one in (schedule, other)
    ]
    return min((moment for moment in moments[0] & moments[1] if moment >= now), default=None)


def _names(rule: Rule, day: date) -> bool:
    return day.month in rule.months and bool(rule.pattern.places(day, _PLAIN))


def _line(one: Configured, places: Places) -> int | None:
    return places.line_of("schedule", one.index, "cron" if one.schedule.when is None else "when")


def _same_moment(former: Configured, latter: Configured, places: Places, shared: str) -> Problem:
    ids, line = (former.rule.id, latter.rule.id), _line(former, places)
    return Problem(
        path=places.path,
        line=_line(latter, places),
        what=wording(
            f"{ids[1]} 和第 {line} 行的 {ids[0]} 会在同一时刻发给同一名单 {shared}",
            f"{ids[1]} and {ids[0]} on line {line} name the same moment for the same list {shared}",
        ),
        remedy=wording(
            "改其中一个的时间或名单，或合并成一个 [[schedule]]；暂时不用的写 enabled = false",
            "change the hour or the lists of one, make them one [[schedule]], or write enabled = false",
        ),
    )


def _same_list(former: Configured, latter: Configured, places: Places, shared: str, both: datetime | None) -> Problem:
    ids, line = (former.rule.id, latter.rule.id), _line(former, places)
    when = local_text(both, latter.rule.zone) if both else ""
    return Problem(
        path=places.path,
        line=_line(latter, places),
        what=wording(
            f"{ids[1]} 和第 {line} 行的 {ids[0]} 都发给 {shared}" + (f"，因放假会同在 {when}" if when else ""),
            f"{ids[1]} and {ids[0]} on line {line} both serve {shared}"
            + (f", and a holiday brings both to {when}" if when else ""),
        ),
        remedy=wording(
            "一个读者同一期只收一次：先到的那次发；不想这样就分开名单",
            "a reader gets an issue once, with the one that goes first; give them different lists otherwise",
        ),
        warning=True,
    )
