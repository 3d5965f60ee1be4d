from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.times import local_text, parse_date, parse_duration, parse_zone

NINTH = date(2015, 7, 9)


@pytest.mark.parametrize(
    "text",
    [
        "2015-07-09",
        "2015-7-9",
        "2015/7/9",
        "2015.7.9",
        "2015年7月9日",
        "2015 年 7 月 9 日",
        "２０１５－７－９",
        " 2015-7-9 ",
    ],
)
def test_date_is_read_in_every_form_offices_write(text: str) -> None:
    assert parse_date(text) == NINTH


@pytest.mark.parametrize(
    "text",
    ["07/09/2015", "9/7/15", "2015-02-30", "2015-7", "2015-7/9", "", "20150709", "July 9, 2015", "2015年13月1日"],
)
def test_ambiguous_or_impossible_date_is_never_guessed(text: str) -> None:
    assert parse_date(text) is None


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_survives_its_iso_form(day: date) -> None:
    assert parse_date(day.isoformat()) == day


@given(st.text(max_size=20))
def test_no_text_crashes_the_parsers(text: str) -> None:
    parse_date(text)
    parse_duration(text)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("10d", timedelta(days=10)),
        ("2w", timedelta(days=14)),
        ("12小时", timedelta(hours=12)),
        ("１０天", timedelta(days=10)),
    ],
)
def test_duration_is_read_with_its_unit(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["12", "h", "-3h", "0h", "1.5h", "12 parsecs", ""])
def test_duration_without_a_meaning_is_refused(text: str) -> None:
    assert parse_duration(text) is None


def test_zone_is_known_by_its_iana_name() -> None:
    assert parse_zone("Asia/Shanghai") == ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize("name", ["Asia/Shangai", "", "../etc/passwd", "\0"])
def test_unknown_zone_is_none(name: str) -> None:
    assert parse_zone(name) is None


def test_local_text_shows_the_offset() -> None:
    shown = local_text(datetime(2015, 7, 10, 1, 0, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))

    assert shown == "2015-07-10 09:00 +08:00"
