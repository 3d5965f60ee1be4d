"""Five-field cron, as far as a periodical needs it: `0 9 * * fri`.

Pure. Weekdays go by name only: a number means one day to cron and another to some schedulers (5 is Friday by
crontab(5), Saturday where Monday counts as 0), and a newsletter sent on the wrong day cannot be called back.
A minute and an hour are fixed values: nothing here goes every hour.
"""

import re
from collections.abc import Mapping
from datetime import time

from distributor.problems import wording
from distributor.scheduling.model import EVERY_MONTH, Misreading, Rule
from distributor.scheduling.patterns import WEEKDAY_NAMES, Daily, MonthDays, Pattern, Weekly
from distributor.scheduling.phrases import weekday_range

MOST_TIMES_A_DAY = 4
_SAFE_DAY = 28
_ITEM = re.compile(r"(?:\*|(?P<first>[a-z]+|\d+)(?:-(?P<last>[a-z]+|\d+))?)(?:/(?P<step>[1-9]\d?))?", re.ASCII)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: month for month, name in enumerate(_MONTH_NAMES, start=1)}
_WEEKDAYS = {
    **{name: day for day, name in enumerate(WEEKDAY_NAMES, start=1)},
    **{name[:3]: day for day, name in enumerate(WEEKDAY_NAMES, start=1)},
}
_EXAMPLE = wording('例如 cron = "0 9 * * fri"：每周五 09:00', 'for example cron = "0 9 * * fri": Fridays at 09:00')


def parse_cron(text: str) -> Rule | Misreading:
    """Read `minute hour day-of-month month weekday`: names for weekdays; lists, ranges and steps."""
    fields = text.casefold().split()
    if len(fields) != 5:
        return Misreading(
            what=wording(
                f"cron 要有五个字段，这里有 {len(fields)} 个", f"cron has five fields, this has {len(fields)}"
            ),
            remedy=_EXAMPLE,
        )
    minute, hour, day, month, weekday = fields
    times = _times(minute, hour)
    if isinstance(times, Misreading):
        return times
    months = EVERY_MONTH if month == "*" else _numbers(month, low=1, high=12, names=_MONTHS)
    if isinstance(months, Misreading):
        return months
    pattern = _pattern(day, weekday)
    return pattern if isinstance(pattern, Misreading) else Rule(pattern=pattern, times=times, months=months)


def _times(minute: str, hour: str) -> tuple[time, ...] | Misreading:
    if "*" in minute + hour:
        return Misreading(
            what=wording(
                "分钟或小时写了 *：刊物不会每分钟或每小时发一次",
                "minute or hour is *: a periodical does not go every minute or hour",
            ),
            remedy=wording('写固定的时刻，例如 "0 9 * * fri"', 'give a fixed time, for example "0 9 * * fri"'),
        )
    minutes = _numbers(minute, low=0, high=59, names={})
    hours = _numbers(hour, low=0, high=23, names={})
    if isinstance(minutes, Misreading):
        return minutes
    if isinstance(hours, Misreading):
        return hours
    times = tuple(time(hour, minute) for hour in hours for minute in minutes)
    if len(times) > MOST_TIMES_A_DAY:
        return Misreading(
            what=wording(f"一天 {len(times)} 次太多了", f"{len(times)} times a day are too many"),
            remedy=wording(f"一天最多 {MOST_TIMES_A_DAY} 次", f"give at most {MOST_TIMES_A_DAY} times a day"),
        )
    return times


def _pattern(day: str, weekday: str) -> Pattern | Misreading:
    if day == "*":
        return Daily() if weekday == "*" else _weekly(weekday)
    if weekday != "*":
        # crontab(5) joins the two by OR, which hardly anybody expects.
        return Misreading(
            what=wording("日和星期只能限定一个", "day of month and weekday are both given"),
            remedy=wording(
                "把其中一个写成 *，或者写成两个 [[schedule]]", "make one of them *, or write two [[schedule]]"
            ),
        )
    days = _numbers(day, low=1, high=31, names={})
    if isinstance(days, Misreading):
        return days
    if days[-1] > _SAFE_DAY:
        return Misreading(
            what=wording(f"不是每个月都有 {days[-1]} 日", f"not every month has a day {days[-1]}"),
            remedy=wording('月底写 when = "每月最后一天 09:00"', 'for the end write when = "last day of month 09:00"'),
        )
    return MonthDays(days=days)


def _weekly(field: str) -> Weekly | Misreading:
    found: set[int] = set()
    for item in field.split(","):
        if re.search(r"\d", item.partition("/")[0]):
            return Misreading(
                what=wording(
                    f"星期写成了数字 {item}：在 cron 里 5 是周五，有的调度程序里 5 是周六",
                    f"weekday {item} is a number: 5 is Friday to cron and Saturday to some schedulers",
                ),
                remedy=wording("写名字：mon tue wed thu fri sat sun", "write its name: mon tue wed thu fri sat sun"),
            )
        days = _weekday_item(item)
        if not days:
            return Misreading(
                what=wording(f"看不懂星期“{item}”", f"weekday {item!r} is not readable"),
                remedy=wording("写名字，例如 fri、mon,wed 或 mon-fri", "write names: fri, or mon,wed, or mon-fri"),
            )
        found.update(days)
    return Weekly(weekdays=tuple(sorted(found)))


def _weekday_item(item: str) -> list[int]:
    match = _ITEM.fullmatch(item)
    if match is None or (match["step"] and not match["last"]):
        return []
    first = _WEEKDAYS.get(match["first"])
    last = _WEEKDAYS.get(match["last"]) if match["last"] else first
    if first is None or last is None:
        return []
    return weekday_range(first, last)[:: int(match["step"] or 1)]


def _numbers(field: str, *, low: int, high: int, names: Mapping[str, int]) -> tuple[int, ...] | Misreading:
    found: set[int] = set()
    for item in field.split(","):
        first, last, step = _bounds(item, low=low, high=high, names=names)
        if not low <= first <= last <= high:
            return Misreading(
                what=wording(
                    f"cron 字段“{item}”看不懂，或不在 {low} 到 {high} 之间",
                    f"cron field {item!r} is not readable or not within {low}..{high}",
                ),
                remedy=_EXAMPLE,
            )
        found.update(range(first, last + 1, step))
    return tuple(sorted(found))


def _bounds(item: str, *, low: int, high: int, names: Mapping[str, int]) -> tuple[int, int, int]:
    """Return first, last and step of one item; bounds outside every field when it cannot be read."""
    match = _ITEM.fullmatch(item)
    if match is None:
        return -1, -1, 1
    step = int(match["step"] or 1)
    if match["first"] is None:
        return low, high, step
    first = _number(match["first"], names)
    if match["last"]:
        return first, _number(match["last"], names), step
    # As in cron, `5/2` runs from 5 to the end of the field.
    return first, high if match["step"] else first, step


def _number(text: str, names: Mapping[str, int]) -> int:
    return int(text) if text.isdecimal() else names.get(text, -1)
