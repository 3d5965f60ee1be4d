"""From `[[schedule]]` to a rule, or to problems at their line."""

from datetime import timedelta
from types import MappingProxyType

import pytest

from distributor.config.model import Places, Schedule
from distributor.identifiers import ListName, ScheduleId
from distributor.problems import Problem
from distributor.scheduling.configured import parse_schedule
from distributor.scheduling.model import ScheduleRule
from tests.scheduling.schedules import SHANGHAI, rule

PLACES = Places(
    path="distributor.toml",
    lines=MappingProxyType(
        {("schedule", 0): 40, ("schedule", 0, "when"): 42, ("schedule", 0, "cron"): 43, ("schedule", 0, "catch_up"): 44}
    ),
)


def parsed(**fields: object) -> ScheduleRule | tuple[Problem, ...]:
    settings = Schedule.model_validate({"id": ScheduleId("weekly"), "lists": (ListName("members"),), **fields})
    return parse_schedule(settings, 0, PLACES, SHANGHAI)


def test_settings_become_a_rule() -> None:
    found = parsed(when="每周五 09:00", holiday="skip", catch_up="10h", enabled=False)

    assert found == ScheduleRule(
        id=ScheduleId("weekly"),
        rule=rule("每周五 09:00"),
        zone=SHANGHAI,
        policy="skip",
        catch_up=timedelta(hours=10),
        enabled=False,
    )


def test_cron_by_name_is_the_same_rule() -> None:
    assert parsed(cron="0 9 * * fri") == parsed(when="每周五 09:00")


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"when": "每周八 09:00"}, [42]),
        ({"cron": "0 9 * * 5"}, [43]),
        ({"when": "Fri 09:00", "catch_up": "1m"}, [44]),
        ({"when": "Fri 25:00", "catch_up": "1m"}, [42, 44]),
    ],
)
def test_problems_are_named_by_line_all_at_once(fields: dict[str, str], lines: list[int]) -> None:
    found = parsed(**fields)

    assert isinstance(found, tuple)
    assert [(problem.path, problem.line) for problem in found] == [("distributor.toml", line) for line in lines]


@pytest.mark.parametrize(
    "fields",
    [{}, {"when": "Fri 09:00", "cron": "0 9 * * fri"}, {"when": "Fri 09:00", "catch_up": "soon"}],
)
def test_fault_that_the_configuration_reports_is_not_repeated(fields: dict[str, str]) -> None:
    assert parsed(**fields) == ()
