"""From `[[schedule]]` in the configuration to schedule rules.

Pure. Settings that fit together (`config`) enter with their places in the file; a `ScheduleRule` leaves, or the
problems of its `when`, `cron` and `catch_up`, at their line.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from distributor import times
from distributor.config import model
from distributor.problems import Problem, wording
from distributor.scheduling.cron import parse_cron
from distributor.scheduling.model import Misreading, ScheduleRule
from distributor.scheduling.phrases import parse_when

SHORTEST_CATCH_UP = timedelta(minutes=5)
"""Ticks are half a minute apart and a restart takes a while: less would call a punctual slot missed."""


def parse_schedule(
    schedule: model.Schedule, index: int, places: model.Places, zone: ZoneInfo
) -> ScheduleRule | tuple[Problem, ...]:
    """Return the rule of the `index`-th `[[schedule]]`, or its problems.

    Empty where `config` reports the fault already: both or neither of `when` and `cron`, a `catch_up` that is no
    duration.
    """
    key, text = ("when", schedule.when) if schedule.when is not None else ("cron", schedule.cron)
    catch_up = times.parse_duration(schedule.catch_up)
    if text is None or catch_up is None or (schedule.when is not None and schedule.cron is not None):
        return ()
    read = parse_when(text) if key == "when" else parse_cron(text)
    short = [_too_short(schedule.catch_up)] if catch_up < SHORTEST_CATCH_UP else []
    problems = [_problem(fault, places, ("schedule", index, "catch_up")) for fault in short]
    if isinstance(read, Misreading):
        return (_problem(read, places, ("schedule", index, key)), *problems)
    if problems:
        return tuple(problems)
    return ScheduleRule(
        id=schedule.id, rule=read, zone=zone, policy=schedule.holiday, catch_up=catch_up, enabled=schedule.enabled
    )


def _problem(fault: Misreading, places: model.Places, key: model.KeyPath) -> Problem:
    return Problem(path=places.path, line=places.line_of(*key), what=fault.what, remedy=fault.remedy)


def _too_short(text: str) -> Misreading:
    return Misreading(
        what=wording(f"补发时限太短：{text}", f"catch_up is too short: {text}"),
        remedy=wording("至少 5m，一般写 12h", "give at least 5m, usually 12h"),
    )
