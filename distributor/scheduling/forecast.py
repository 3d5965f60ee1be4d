"""What goes when: the slots of a schedule after the holiday policy.

Pure. A schedule, the working days and a range enter; planned slots leave in order of nominal dates. Two slots may be
due at one moment (a Friday off moves to the next Friday): both keep their own key, and the calendar lets the second go
only where a second issue is ready.
"""

from datetime import date, datetime, timedelta

from distributor.scheduling.model import PlannedSlot, Reason, ScheduleRule, Slot
from distributor.scheduling.patterns import MonthWorkday, Workdays
from distributor.scheduling.recurrence import instant, slots
from distributor.scheduling.workdays import REACH, WorkCalendar, shift

# Rules name slots at least once a year; further ahead nobody plans.
_FARTHEST = timedelta(days=3700)


def forecast(schedule: ScheduleRule, calendar: WorkCalendar, since: date, until: date) -> tuple[PlannedSlot, ...]:
    """Return the planned slots whose nominal date lies in [since, until], by nominal date and time."""
    found = slots(schedule.rule, schedule.zone, since, until, calendar)
    return tuple(_planned(slot, schedule, calendar) for slot in found)


def upcoming(schedule: ScheduleRule, calendar: WorkCalendar, now: datetime, count: int = 5) -> tuple[PlannedSlot, ...]:
    """Return the next `count` slots due at or after `now`, by due time; those that will not go are among them.

    Fewer only where ten years do not hold as many. Whether one was launched already, the occurrences know.
    """
    first = now.astimezone(schedule.zone).date() - REACH - timedelta(days=1)
    span = 4 * REACH
    while True:
        found = forecast(schedule, calendar, first, first + span)
        # A later nominal date may be moved back by REACH, so the end of the span is not settled yet.
        settled = [slot for slot in found if slot.due_at >= now and slot.day <= first + span - REACH]
        if len(settled) >= count or span > _FARTHEST:
            return tuple(sorted(settled, key=lambda slot: (slot.due_at, slot.planned_at))[:count])
        span *= 2


def _planned(slot: Slot, schedule: ScheduleRule, calendar: WorkCalendar) -> PlannedSlot:
    moved = shift(slot.day, schedule.policy, calendar)
    day = slot.day if moved is None else moved
    return PlannedSlot(
        key=slot.key,
        nominal=slot.day,
        planned_at=slot.planned_at,
        day=day,
        due_at=slot.planned_at if day == slot.day else instant(day, slot.at, schedule.zone),
        reason=Reason.HOLIDAY if moved is None else Reason.NONE,
        known=_needs_no_calendar(schedule) or (calendar.is_known(slot.day) and calendar.is_known(day)),
    )


def _needs_no_calendar(schedule: ScheduleRule) -> bool:
    return schedule.policy == "send" and not isinstance(schedule.rule.pattern, Workdays | MonthWorkday)
