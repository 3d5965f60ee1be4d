"""holidays.toml: what it may say, and every fault named by line in one pass."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.problems import Problem
from distributor.scheduling.holidays import ParsedHolidays, parse_holidays
from distributor.scheduling.workdays import WorkCalendar

TODAY = date(2026, 11, 23)


def parsed(text: str, today: date = TODAY) -> ParsedHolidays:
    return parse_holidays(text, path="holidays.toml", today=today)


def only_problem(text: str) -> Problem:
    result = parsed(text)
    assert result.calendar is None
    assert len(result.problems) == 1
    return result.problems[0]


def test_days_ranges_and_strings_are_read() -> None:
    text = (
        "# 国务院办公厅通知\n"
        'off = [2027-01-01, "2027年2月5日 至 2027年2月7日", "2027-4-5..2027-4-5"]\n'
        "work = [2027-02-14]\n"
    )

    calendar = parsed(text).calendar

    assert calendar == WorkCalendar(
        off=frozenset({date(2027, 1, 1), *(date(2027, 2, day) for day in (5, 6, 7)), date(2027, 4, 5)}),
        work=frozenset({date(2027, 2, 14)}),
    )


def test_empty_file_is_an_empty_calendar() -> None:
    assert parsed("") == ParsedHolidays(calendar=WorkCalendar(), problems=())


def test_full_width_signs_curly_quotes_and_a_byte_order_mark_are_read() -> None:
    assert parsed("\ufeffoff ＝ [2027-01-01，“2027-01-02”]").calendar == WorkCalendar(
        off=frozenset({date(2027, 1, 1), date(2027, 1, 2)})
    )


def test_day_both_off_and_work_is_named_at_its_second_line() -> None:
    problem = only_problem("off = [2027-01-01]\nwork = [\n  2027-01-02,\n  2027-01-01,\n]\n")

    assert problem.line == 4
    assert "2027-01-01 既放假又上班" in problem.what.zh


def test_contradiction_inside_a_range_is_named_at_the_range() -> None:
    problem = only_problem('work = ["2027年2月6日"]\noff = ["2027年2月5日至2027年2月7日"]\n')

    assert problem.line == 2


@pytest.mark.parametrize("written", ["1926-10-01", "2062-10-01"])
def test_wrong_year_is_refused(written: str) -> None:
    problem = only_problem(f"work = []\noff = [{written}]\n")

    assert problem.line == 2
    assert "年份不对" in problem.what.zh
    assert "2000" in problem.remedy.zh


def test_coming_years_are_right_long_after_this_release() -> None:
    assert parsed("off = [2041-10-01]", today=date(2040, 12, 1)).calendar is not None


def test_working_day_that_is_one_anyway_is_doubted() -> None:
    # 2025-10-10 is a Friday; the make-up Saturday is 2026-10-10.
    result = parsed("work = [2025-10-10]")

    assert result.calendar is not None
    assert [(problem.line, problem.warning) for problem in result.problems] == [(1, True)]
    assert "核对年份" in result.problems[0].remedy.zh


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("off = [2027-01-01]\nwrok = [2027-01-02]", 2, "没有这一项：wrok"),
        ("# x\nrest = []", 2, "没有这一项：rest"),
        ('off = "2027-01-01"', 1, "方括号"),
        ('off = ["元旦"]', 1, "不是日期：元旦"),
        ("off = [20270101]", 1, "不是日期：20270101"),
        ("off = [2027-01-01T09:00:00]", 1, "不是日期"),
        ('off = ["2027-02-07 至 2027-02-05"]', 1, "起止写反了"),
        ('off = ["2027-01-01 至 2027-12-31"]', 1, "这一段太长"),
        ('off = ["2027-01-01 至 2027-01-02 至 2027-01-03"]', 1, "不是日期"),
        ('off = ["2027-01-01 至 元宵"]', 1, "不是日期"),
        ("\noff = [2027-02-30]", 2, "没有这一天：2027-02-30"),
        ('off = ["2027-1-2",\n2027-1-1]', 2, "不加引号的日期要写足位数：2027-1-1"),
        ("off = [2027-01-01, 周六]", 1, "TOML"),
        ("off = [", None, "TOML"),
    ],
)
def test_fault_is_named_by_line(text: str, line: int | None, what: str) -> None:
    problem = only_problem(text)

    assert problem.line == line
    assert what in problem.what.zh


def test_every_day_that_toml_cannot_read_is_named_with_what_to_write() -> None:
    problems = parsed("off = [2027-1-1]  # 2027-2-2\nwork = [2027-01-03, 2027-13-01, 2027-2-7]\n").problems

    assert [(problem.line, problem.remedy.zh) for problem in problems] == [
        (1, "写成 2027-01-01"),
        (2, "写成 off = [2027-01-01]，日期为 年-月-日"),
        (2, "写成 2027-02-07"),
    ]


def test_backward_range_is_shown_the_right_way_round() -> None:
    assert only_problem('off = ["2027-02-07 至 2027-02-05"]').remedy.zh == "写成“2027-02-05 至 2027-02-07”"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("off = [\n  2027-01-01,\n  2027-01-02,\n  2027-01-01,\n]", 4),
        ('off = ["2027-01-01 至 2027-01-03",\n  2027-01-02]', 2),
    ],
)
def test_day_written_twice_is_doubted_at_its_second_line(text: str, line: int) -> None:
    result = parsed(text)

    assert result.calendar is not None
    assert [(problem.line, problem.warning) for problem in result.problems] == [(line, True)]
    assert "写了两次" in result.problems[0].what.zh


def test_all_faults_are_reported_in_one_pass() -> None:
    work = '"2027-02-07 至 2027-02-05",\n  2026-06-03,\n  2062-10-01,'

    result = parsed(f'rest = []\noff = ["元旦", 1926-01-01]\nwork = [\n  {work}\n]\n')

    assert [problem.line for problem in result.problems] == [1, 2, 2, 4, 5, 6]


@given(st.text(alphabet='offwrk=[]"2027-01,#至\n\r ', max_size=60))
def test_any_text_is_a_calendar_or_has_problems(text: str) -> None:
    result = parsed(text)

    assert result.calendar is not None or result.problems
