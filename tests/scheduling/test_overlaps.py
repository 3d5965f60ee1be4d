"""Two schedules for one list: a fault at the same moment, a word of warning at different ones."""

from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.config.model import Places, Schedule
from distributor.problems import Problem
from distributor.scheduling.configured import parse_schedule
from distributor.scheduling.model import ScheduleRule
from distributor.scheduling.overlaps import AHEAD, Configured, meet, meeting, overlaps
from distributor.scheduling.workdays import WorkCalendar
from tests.scheduling.schedules import PLAIN, SHANGHAI, rule, schedule, shanghai

NOW = datetime(2026, 1, 5, tzinfo=UTC)
PLACES = Places(
    path="distributor.toml",
    lines=MappingProxyType({("schedule", 0, "when"): 40, ("schedule", 1, "when"): 50, ("schedule", 1, "cron"): 51}),
)
WHEN = st.sampled_from(
    (
        *("每周五 09:00", "每周一、三 09:00", "每周六 09:00", "每天 09:00", "工作日 09:00", "每月1日 09:00"),
        *("每月最后一天 09:00", "每月第一个工作日 09:00", "每周五 08:30、09:00", "每周五 10:00"),
    )
)


def configured(*tables: dict[str, object]) -> list[Configured]:
    found = []
    for index, table in enumerate(tables):
        written = Schedule.model_validate({"id": f"s{index}", "lists": ("members",), **table})
        read = parse_schedule(written, index, PLACES, SHANGHAI)
        assert isinstance(read, ScheduleRule)
        found.append(Configured(index=index, schedule=written, rule=read))
    return found


def found_in(*tables: dict[str, object], calendar: WorkCalendar = PLAIN) -> list[Problem]:
    return list(overlaps(configured(*tables), PLACES, calendar, NOW))


def test_same_moment_for_one_list_is_a_fault_that_names_both_lines() -> None:
    (problem,) = found_in({"when": "每周五 09:00"}, {"when": "每周五、日 09:00", "lists": ("public", "members")})

    assert (problem.line, problem.warning) == (50, False)
    assert "s1 和第 40 行的 s0" in problem.what.zh
    assert "members" in problem.what.zh
    assert "enabled = false" in problem.remedy.en


def test_fault_stands_at_the_cron_where_there_is_no_when() -> None:
    (problem,) = found_in({"when": "每周五 09:00"}, {"cron": "0 9 * * fri"})

    assert (problem.line, problem.warning) == (51, False)


def test_different_moments_for_one_list_are_worth_a_word() -> None:
    (problem,) = found_in({"when": "每周一 08:30"}, {"when": "每周四 14:00"})

    assert (problem.line, problem.warning) == (50, True)
    assert "先到的那次发" in problem.remedy.zh


@pytest.mark.parametrize(
    "other",
    [{"when": "每周五 09:00", "lists": ("public",)}, {"when": "每周五 09:00", "enabled": False}],
    ids=["other list", "switched off"],
)
def test_schedules_that_share_no_reader_may_meet(other: dict[str, object]) -> None:
    assert found_in({"when": "每周五 09:00"}, other) == []


def test_each_two_of_three_are_looked_at() -> None:
    found = found_in({"when": "每周五 09:00"}, {"when": "每周四 09:00"}, {"when": "每周五 09:00"})

    assert [problem.warning for problem in found] == [True, False, True]


def test_holiday_that_brings_two_together_is_named_with_its_moment() -> None:
    # Spring Festival 2026: Wednesday 18 and Friday 20 February both move to Tuesday the 24th.
    (problem,) = found_in({"when": "每周五 09:00"}, {"when": "每周三 09:00"})

    assert problem.warning
    assert "2026-02-24 09:00 +08:00" in problem.what.zh


def test_written_notice_never_makes_a_fault_of_what_was_accepted() -> None:
    saturday = WorkCalendar(work=frozenset({shanghai("2026-03-07 09:00").date()}))

    tables: list[dict[str, object]] = [{"when": f"{day} 09:00", "holiday": "send"} for day in ("工作日", "每周六")]
    (problem,) = found_in(*tables, calendar=saturday)

    # The make-up Saturday before Spring Festival comes first, the office's own would be 7 March.
    assert problem.warning
    assert "2026-02-14 09:00" in problem.what.zh


@pytest.mark.parametrize(
    ("one", "other", "they_meet"),
    [
        ("每周五 09:00", "每周五 09:00", True),
        ("每周五 09:00", "每周五 09:01", False),
        ("每周五 09:00", "每周四 09:00", False),
        ("每周五 09:00", "每天 09:00", True),
        ("每周五 09:00", "工作日 09:00", True),
        ("每周六 09:00", "工作日 09:00", False),
        ("每周五 09:00", "每月13日 09:00", True),
        ("每周五 09:00", "每月第一个工作日 09:00", True),
        ("每周六 09:00", "每月第一个工作日 09:00", False),
        ("每月1日 09:00", "每月最后一天 09:00", False),
        ("每月31日 09:00", "每月28日 09:00", True),
        ("每月1日 08:30、09:00", "每周一 08:00、09:00", True),
    ],
)
def test_rules_meet_by_the_plain_week(one: str, other: str, they_meet: bool) -> None:
    assert meet(rule(one), rule(other)) is they_meet
    assert meet(rule(other), rule(one)) is they_meet


def test_months_of_cron_part_two_schedules() -> None:
    found = found_in({"cron": "0 9 1 1,7 *"}, {"cron": "0 9 1 2,8 *"})

    assert [problem.warning for problem in found] == [True]


def test_slot_that_a_holiday_leaves_out_meets_nobody() -> None:
    # Friday 2 October 2026 is National Day.
    both = schedule(policy="skip"), schedule(policy="send")

    assert meeting(*both, PLAIN, shanghai("2026-10-01 12:00")) == shanghai("2026-10-09 09:00")


def test_nothing_is_foreseen_beyond_four_hundred_days() -> None:
    assert AHEAD.days == 400
    assert meeting(schedule("每周五 09:00"), schedule("每周四 14:00"), PLAIN, NOW) is None


@given(WHEN, WHEN)
def test_rules_that_meet_share_a_slot_where_nothing_is_off(one: str, other: str) -> None:
    week = schedule(one, policy="send"), schedule(other, policy="send")

    shared = meeting(*week, PLAIN, datetime(2104, 1, 1, tzinfo=UTC))

    # Two patterns that meet do so within 400 days, but for a weekday on a given day of the month.
    assert meet(rule(one), rule(other)) or shared is None
