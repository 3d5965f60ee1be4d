"""Properties of reading: what a rule says of itself, full-width or by cron, is read as the same rule."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.scheduling.cron import parse_cron
from distributor.scheduling.model import EVERY_MONTH, Misreading, Rule
from distributor.scheduling.patterns import WEEKDAY_NAMES, Daily, MonthDays, MonthWorkday, Pattern, Weekly, Workdays
from distributor.scheduling.phrases import parse_when
from distributor.scheduling.recurrence import describe

FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


def ascending(low: int, high: int, most: int = 7) -> st.SearchStrategy[tuple[int, ...]]:
    return st.sets(st.integers(low, high), min_size=1, max_size=most).map(lambda found: tuple(sorted(found)))


times = st.sets(st.times().map(lambda at: time(at.hour, at.minute)), min_size=1, max_size=3).map(
    lambda found: tuple(sorted(found))
)
patterns: st.SearchStrategy[Pattern] = st.one_of(
    st.builds(Weekly, weekdays=ascending(1, 7)),
    st.builds(MonthDays, days=ascending(1, 31)),
    st.builds(MonthWorkday, which=st.sampled_from(("first", "last"))),
    st.just(Daily()),
    st.just(Workdays()),
)
rules = st.builds(Rule, pattern=patterns, times=times)


@given(rules)
def test_meaning_said_back_is_the_same_rule_in_either_language(rule: Rule) -> None:
    assert parse_when(describe(rule, "zh")) == rule
    assert parse_when(describe(rule, "en")) == rule


@given(rules)
def test_full_width_signs_mean_the_same(rule: Rule) -> None:
    assert parse_when(describe(rule, "zh").translate(FULL_WIDTH)) == rule
    assert parse_when(describe(rule, "en").translate(FULL_WIDTH)) == rule


@given(rules, st.integers(0, 3), st.sampled_from((" ", "\u3000", "\t")))
def test_blanks_around_change_nothing(rule: Rule, count: int, blank: str) -> None:
    assert parse_when(blank * count + describe(rule, "zh").replace(" ", blank * 2) + blank * count) == rule


@given(ascending(1, 7), st.integers(0, 23), st.integers(0, 59), st.booleans())
def test_cron_by_weekday_name_is_the_weekly_rule(days: tuple[int, ...], hour: int, minute: int, whole: bool) -> None:
    names = [WEEKDAY_NAMES[day - 1] if whole else WEEKDAY_NAMES[day - 1][:3] for day in days]

    read = parse_cron(f"{minute} {hour} * * {','.join(names)}")

    assert read == Rule(pattern=Weekly(weekdays=days), times=(time(hour, minute),))


@given(ascending(1, 28), ascending(1, 12, 12), st.integers(0, 23), st.integers(0, 59))
def test_cron_by_day_of_month_is_the_monthly_rule(
    days: tuple[int, ...], months: tuple[int, ...], hour: int, minute: int
) -> None:
    said = "*" if months == EVERY_MONTH else ",".join(str(month) for month in months)

    read = parse_cron(f"{minute} {hour} {','.join(str(day) for day in days)} {said} *")

    assert read == Rule(pattern=MonthDays(days=days), times=(time(hour, minute),), months=months)


@given(st.integers(0, 7), st.sampled_from(("{0}", "mon,{0}", "{0}-5", "1-{0}")))
def test_cron_weekday_number_is_never_guessed(number: int, form: str) -> None:
    assert isinstance(parse_cron(f"0 9 * * {form.format(number)}"), Misreading)


@given(st.integers(24, 99), st.integers(0, 59))
def test_hour_that_no_clock_shows_is_refused_in_every_form(hour: int, minute: int) -> None:
    for text in (f"每周五 {hour}:{minute:02d}", f"每周五 {hour}点{minute}分", f"Fri {hour}:{minute:02d}"):
        assert isinstance(parse_when(text), Misreading)
    assert isinstance(parse_cron(f"{minute} {hour} * * fri"), Misreading)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("每周五　０９：００", "每周五 09:00"),
        ("每周一、三 ０８：３０", "每周一、周三 08:30"),
        ("每周一，三 08∶30", "每周一、周三 08:30"),
        ("每月１日 09：00", "每月1日 09:00"),
        ("每月第１个工作日 ９：00", "每月第一个工作日 09:00"),
        ("Ｆｒｉ ０９：００", "每周五 09:00"),
        ("每週五 9點", "每周五 09:00"),
    ],
)
def test_what_an_input_method_writes_is_read(text: str, meaning: str) -> None:
    read = parse_when(text)

    assert isinstance(read, Rule)
    assert describe(read, "zh") == meaning
