import datetime as dt
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.content.issuefile import IssueSettings, parse_settings, with_status
from tests.content.folders import complaints

GOOD = 'number = 55\ndate = 2015-07-10\nstatus = "draft"\n'


def settings_of(text: str) -> IssueSettings:
    settings, problems = parse_settings(text, "issue.toml")
    assert complaints(problems) == []
    assert settings is not None
    return settings


def refused(text: str) -> list[str]:
    settings, problems = parse_settings(text, "issue.toml")
    assert settings is None
    return complaints(problems)


def test_settings_of_an_issue() -> None:
    text = GOOD + 'subject = "试点“收官”"\nlead = "导语"\norder = ["2015-055-a02", "2015-055-a01"]\n'

    settings = settings_of(text)

    assert settings == IssueSettings(
        number=55,
        date=dt.date(2015, 7, 10),
        status="draft",
        subject="试点“收官”",
        lead="导语",
        order=("2015-055-a02", "2015-055-a01"),
    )
    assert settings.id == "2015-055"
    assert settings.lines["order"] == 6


@pytest.mark.parametrize("written", ['"2015-7-10"', '"2015年7月10日"', "2015-07-10"])
def test_date_may_be_written_as_the_office_does(written: str) -> None:
    assert settings_of(GOOD.replace("2015-07-10", written)).date == dt.date(2015, 7, 10)


def test_every_problem_is_reported_at_once() -> None:
    assert refused('numbr = 55\ndate = "07/10/2015"\nstatus = "final"\norder = "a01"\n') == [
        "issue.toml:1 不认识的键“numbr”",
        "issue.toml 缺 number",
        "issue.toml:2 日期“07/10/2015”说不准是哪天",
        "issue.toml:3 status 只能是 draft（草稿）或 ready（定稿）",
        "issue.toml:4 order 的值不对",
    ]


def test_unknown_key_suggests_the_near_one() -> None:
    _, problems = parse_settings(GOOD + 'subjet = "x"\n', "issue.toml")

    assert problems[0].remedy.zh == "是不是 subject？"


def test_unknown_table_is_refused() -> None:
    assert refused(GOOD + "[publication]\nname = 'x'\n") == ["issue.toml 不认识的键“publication”"]


@pytest.mark.parametrize(
    ("line", "mark"),
    [("status = “draft”", "“"), ('status ＝ "draft"', "＝"), ("order = [“a”，“b”]", "“"), ("lead = ‘x’", "‘")],
)
def test_chinese_punctuation_is_explained_with_its_line(line: str, mark: str) -> None:
    assert refused(f"number = 55\n{line}\n") == [f"issue.toml:2 这一行用了中文标点“{mark}”"]


def test_ascii_quotes_inside_a_subject_are_explained() -> None:
    _, problems = parse_settings(GOOD + 'subject = "the "best" one"\n', "issue.toml")

    assert problems[0].line == 4
    assert "文字里的引号用“”" in problems[0].remedy.zh


def test_bare_short_date_is_explained_with_its_form() -> None:
    _, problems = parse_settings('number = 55\ndate = 2015-7-10\nstatus = "draft"\n', "issue.toml")

    assert problems[0].line == 2
    assert "date = 2015-07-10" in problems[0].remedy.zh


def test_doubled_key_names_its_line() -> None:
    assert refused(GOOD + "number = 56\n") == ["issue.toml:4 number 写了两次"]


@pytest.mark.parametrize("written", ["0", "-1", "true", '"55"', "55.0", "1000000"])
def test_number_must_be_one(written: str) -> None:
    assert refused(GOOD.replace("55", written)) == ["issue.toml:1 number 的值不对"]


@pytest.mark.parametrize("written", ["2015", "2015-07-10T09:00:00", "true"])
def test_date_must_be_a_day(written: str) -> None:
    assert refused(GOOD.replace("2015-07-10", written)) == ["issue.toml:2 date 的值不对"]


@pytest.mark.parametrize(
    "subject",
    [
        '"""甲\nBcc: x@example.com"""',
        r'"甲\r\nBcc: x@example.com"',
        r'"\r\nBcc: x@example.com"',
        '"bcc : x@example.com"',
        '"Content-Type: text/html"',
        '"=?utf-8?b?eA==?="',
        r'"甲\u0008"',
        r'"甲\uFFFE"',
        f'"{"字" * 201}"',
        "7",
    ],
)
def test_subject_that_would_break_a_mail_is_refused(subject: str) -> None:
    assert [line.split()[0] for line in refused(f"{GOOD}subject = {subject}\n")] == ["issue.toml:4"]


def test_lead_may_have_lines_but_no_controls_and_no_endless_text() -> None:
    assert settings_of(GOOD + 'lead = """甲\n乙"""\n').lead == "甲\n乙"
    assert refused(GOOD + r'lead = "甲\u000B"' + "\n")
    assert refused(f'{GOOD}lead = "{"字" * 5001}"\n')


def test_empty_file_names_what_is_missing() -> None:
    assert refused("") == ["issue.toml 缺 number", "issue.toml 缺 date", "issue.toml 缺 status"]


def test_status_is_changed_in_place() -> None:
    text = '# 说明\nnumber = 55\nstatus = "draft"    # 草稿\nlead = "导语"\n'

    assert with_status(text, "ready") == text.replace('"draft"', '"ready"')


@settings(deadline=None)
@given(st.text(alphabet="numberdatestatus=\"'“”[]#\n 0123456789-，", max_size=120))
def test_any_text_gives_settings_or_problems(text: str) -> None:
    settings, problems = parse_settings(text, "issue.toml")

    assert settings is not None or problems


@settings(deadline=None)
@given(st.text(max_size=80))
def test_good_toml_of_other_content_is_never_a_crash(text: str) -> None:
    settings, problems = parse_settings(text, "issue.toml")

    assert settings is not None or problems
    assert not (settings and tomllib.loads(text).keys() - {"number", "date", "status", "subject", "lead", "order"})
