"""Bad input of settings and working days: every fault at once, with file, line and remedy; what is doubtful warns."""

from pathlib import Path

import pytest

from distributor.errors import ConfigError
from distributor.operations.workspace import Workspace, open_workspace
from distributor.problems import Problem
from tests.conftest import SetClock
from tests.offices import write_workspace

WHEN = 'when = "每周五 09:00"'
ANOTHER = '\n[[schedule]]\nid = "another"\nlists = ["members"]\n'


def opened(folder: Path, changes: dict[str, str] | None = None, more: str = "") -> Workspace:
    return open_workspace(write_workspace(folder, changes=changes, more=more), SetClock(), {})


def refused(folder: Path, changes: dict[str, str] | None = None, more: str = "") -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        opened(folder, changes, more)
    assert caught.value.exit_code == 2
    return caught.value.problems


def line_of(folder: Path, text: str, file: str = "distributor.toml") -> int:
    lines = (folder / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("written", "what", "remedy"),
    [
        ('when = "每周五 25:00"', "没有“25:00”", "00:00 到 23:59"),
        ('when = "每周八 09:00"', "“八”不是星期几", "周一到周日"),
        ('when = "每周五"', "没有写几点", "每周五 09:00"),
        ('cron = "0 9 * * 5"', "星期写成了数字 5", "mon tue wed thu fri sat sun"),
        ('cron = "0 25 * * fri"', "“25”", "0 9 * * fri"),
    ],
)
def test_when_that_cannot_be_meant_is_named_by_line(tmp_path: Path, written: str, what: str, remedy: str) -> None:
    (problem,) = refused(tmp_path, {WHEN: written})

    assert (problem.path, problem.line) == ("distributor.toml", line_of(tmp_path, written))
    assert what in problem.what.zh
    assert remedy in problem.remedy.zh


def test_faults_of_every_room_and_file_are_named_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "holidays.toml").write_text(
        'off = ["2027-02-07 至 2027-02-05", 1926-01-01]\nwork = [2027-01-02]\nwrok = []\n', encoding="utf-8"
    )
    changes = {"Asia/Shanghai": "Asia/Shanghia", "每周五 09:00": "每周五 25:00", '"members", "public"]': '"memebrs"]'}
    more = (
        ANOTHER + 'cron = "0 9 * * 5"\npilot = { list = "staff", hold = "soon" }\n[[limit]]\ndomains = ["no domain"]\n'
    )

    problems = refused(tmp_path, changes, more + 'rate = ["1/s"]\n[[smtp]]\nurl = "smtp+plaintext://far.example.com"\n')

    told = [(problem.path, problem.line, problem.what.en) for problem in problems]
    for needle, said in (
        ("Shanghia", "no such time zone"),
        ("25:00", "there is no"),
        ("memebrs", "no such list: memebrs"),
        ("0 9 * * 5", "is a number"),
        ("pilot = ", "no such list: staff"),
        ("pilot = ", "not a duration: soon"),
        ("no domain", "no domain"),
        ("far.example.com", "unencrypted"),
    ):
        line = line_of(tmp_path, needle)
        assert any(one[:2] == ("distributor.toml", line) and said in one[2] for one in told), needle
    assert [one[1] for one in told if one[0] == "holidays.toml"] == [1, 1, 3]


def test_misshapen_table_hides_no_when_of_another(tmp_path: Path) -> None:
    problems = refused(tmp_path, {"每周五 09:00": "每周五 25:00"}, ANOTHER + 'when = "Thu 14:00"\nenabld = true\n')

    assert [problem.line for problem in problems] == [line_of(tmp_path, "25:00"), line_of(tmp_path, "enabld")]


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ('sender = "节能减排信息动态 <weekly@news.example.com>"', 'sender = "nobody"', "nobody"),
        ("[web]", "[[smtp]]\nurl = 7\n[web]", "url = 7"),
        ("[web]", "[[limit]]\ndomains = 7\n[web]", "domains = 7"),
        ("[web]", '[dkim]\ndomain = "x.example.com"\nkey_file = "k"\n[web]', "[dkim]"),
    ],
    ids=["sender", "smtp", "limit", "dkim"],
)
def test_fault_of_another_room_hides_no_when(tmp_path: Path, old: str, new: str, at: str) -> None:
    problems = refused(tmp_path, {"每周五 09:00": "每周五 25:00", old: new})

    lines = [problem.line for problem in problems]
    assert sorted(lines, key=str) == sorted([line_of(tmp_path, "25:00"), line_of(tmp_path, at)], key=str)


def test_password_file_that_is_missing_is_one_fault_not_two(tmp_path: Path) -> None:
    server = '\n[[smtp]]\nurl = "smtps://me@smtp.example.com:465"\npassword_file = "secrets/none"\n'

    assert [problem.path for problem in refused(tmp_path, more=server)] == ["secrets/none"]


def test_text_that_is_no_toml_still_lets_the_working_days_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "holidays.toml").write_text("rest = []\n", encoding="utf-8")

    problems = refused(tmp_path, {"schema = 1": "schema ="})

    assert [problem.path for problem in problems] == ["distributor.toml", "holidays.toml"]


def test_working_days_that_are_no_text_are_named_with_the_rest(tmp_path: Path) -> None:
    (tmp_path / "holidays.toml").write_bytes(b"off = []\x00\xff\xfe")

    problems = refused(tmp_path, {"每周五 09:00": "每周五 25:00"})

    assert {problem.path for problem in problems} == {"distributor.toml", "holidays.toml"}


def test_schedules_that_name_one_moment_for_one_list_are_refused_with_both_lines(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, more=ANOTHER + 'when = "工作日 09:00"\n')

    assert problem.line == line_of(tmp_path, "工作日")
    assert f"第 {line_of(tmp_path, WHEN)} 行的 weekly" in problem.what.zh


def test_schedules_for_one_list_at_other_moments_are_a_warning(tmp_path: Path) -> None:
    workspace = opened(tmp_path, more=ANOTHER + 'when = "每周一 08:30"\n')

    assert [(problem.line, problem.warning) for problem in workspace.warnings] == [(line_of(tmp_path, "每周一"), True)]


@pytest.mark.parametrize(("key", "value"), [("approval", "true"), ("remind", '"17h"')])
def test_nobody_to_tell_is_a_warning_at_the_key(tmp_path: Path, key: str, value: str) -> None:
    changes = {'operators = ["ops@example.com"]': "operators = []", 'max_age = "10d"': f"{key} = {value}"}

    (problem,) = opened(tmp_path, changes).warnings

    assert problem.line == line_of(tmp_path, f"{key} = ")
    assert "operators" in problem.remedy.zh


@pytest.mark.parametrize("changes", [{}, {'operators = ["ops@example.com"]': "operators = []"}])
def test_sample_has_nothing_to_warn_of(tmp_path: Path, changes: dict[str, str]) -> None:
    assert opened(tmp_path, changes).warnings == ()


def test_schedule_that_is_off_asks_nobody(tmp_path: Path) -> None:
    changes = {'operators = ["ops@example.com"]': "", 'max_age = "10d"': "approval = true\nenabled = false"}

    assert opened(tmp_path, changes).warnings == ()


def test_doubt_about_a_working_day_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "holidays.toml").write_text("work = [2015-07-10]\n", encoding="utf-8")

    assert [(problem.path, problem.line) for problem in opened(tmp_path).warnings] == [("holidays.toml", 1)]
