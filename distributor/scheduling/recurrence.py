"""From a rule to its slots, and back to words.

Pure. A rule, a zone and a range of local dates enter; slots leave in order, each exactly once: the nominal date, and
the instant of its local time. Where the clock is put forward over that time, the first valid instant stands in; where
it is put back, the first of the two does (cron libraries skip the one and run the other twice).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from distributor.identifiers import SlotKey
from distributor.problems import Language
from distributor.scheduling.model import EVERY_MONTH, Rule, Slot
from distributor.scheduling.patterns import Pattern, listed
from distributor.scheduling.workdays import WorkCalendar

_MONTH_WORDS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def slots(rule: Rule, zone: ZoneInfo, since: date, until: date, calendar: WorkCalendar) -> Iterator[Slot]:
    """Yield the slots whose nominal date lies in [since, until], by date and time.

    A slot's key is the same whatever the range: the ordinal counts places in the rule (days, then times), also
    where a month lacks one or the range begins in the middle of a week.
    """
    for offset in range((until - since).days + 1):
        day = since + timedelta(days=offset)
        if day.month not in rule.months:
            continue
        for place, (index, at) in product(rule.pattern.places(day, calendar), enumerate(rule.times)):
            ordinal = place * len(rule.times) + index + 1
            key = SlotKey(f"{rule.pattern.period(day)}#{ordinal}")
            yield Slot(key=key, day=day, at=at, planned_at=instant(day, at, zone))


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a local time: the first of two, or the first valid one after a gap."""
    local = datetime.combine(day, at)
    while True:
        moment = local.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == local:
            return moment
        local += timedelta(minutes=1)


def whole_periods(pattern: Pattern, since: date, until: date) -> tuple[date, date]:
    """Widen [since, until] to whole weeks or months, whichever the pattern counts its slots in."""
    return pattern.span(since)[0], pattern.span(until)[1]


def describe(rule: Rule, language: Language) -> str:
    """Return the meaning: 每周一、周三 08:30; every Monday and Wednesday at 08:30.

    `parse_when` reads it back, but for months, which only cron can limit.
    """
    days = rule.pattern.text(language)
    times = [f"{at:%H:%M}" for at in rule.times]
    if language == "zh":
        months = "、".join(f"{month}月" for month in rule.months)
        return f"{'' if rule.months == EVERY_MONTH else months + '，'}{days} {'、'.join(times)}"
    only = f", in {listed(_MONTH_WORDS[month - 1] for month in rule.months)} only"
    return f"{days} at {listed(times)}{'' if rule.months == EVERY_MONTH else only}"
