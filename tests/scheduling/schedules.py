"""Builders for this room's tests: a weekly schedule of Fridays at nine in Shanghai, unless the test says otherwise."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from distributor.identifiers import ScheduleId
from distributor.scheduling.model import Rule, ScheduleRule
from distributor.scheduling.phrases import parse_when
from distributor.scheduling.workdays import Policy, WorkCalendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAIN = WorkCalendar()


def rule(when: str = "每周五 09:00") -> Rule:
    read = parse_when(when)
    assert isinstance(read, Rule), read
    return read


def schedule(
    when: str = "每周五 09:00",
    *,
    named: str = "weekly",
    policy: Policy = "send",
    zone: str = "Asia/Shanghai",
    enabled: bool = True,
) -> ScheduleRule:
    return ScheduleRule(
        id=ScheduleId(named),
        rule=rule(when),
        zone=ZoneInfo(zone),
        policy=policy,
        catch_up=timedelta(hours=12),
        enabled=enabled,
    )


def shanghai(text: str) -> datetime:
    """Return the UTC moment of a Shanghai wall clock: `2026-11-27 09:00` or with seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)
