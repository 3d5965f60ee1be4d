"""`status` shows what is wrong, and `status --check` says so by its exit code."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor import incidents
from distributor.cli import console
from distributor.database import Database
from distributor.incidents import Cause, News
from distributor.problems import wording
from distributor.schema import incident, schedule_state
from tests.cli.mailed import Told, change, finished, workspace_with
from tests.offices import write_workspace

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LANGUAGE", "zh")


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Commands in a workspace whose daemon beats."""
    root = workspace_with(tmp_path, finished)
    change(root, beat)
    return Told(root, capsys)


async def beat(database: Database, ago: timedelta = timedelta(0)) -> None:
    moment = datetime.now(UTC) - ago
    async with database.write() as tx:
        await tx.execute(sa.delete(schedule_state))
        row = {"schedule": "weekly", "first_seen_at": moment, "last_tick_at": moment}
        await tx.execute(sa.insert(schedule_state).values(row))


def raise_(told: Told, cause: Cause, subject: str = "weekly/2015-W28#1") -> None:
    async def work(database: Database) -> None:
        news = News(
            cause=cause, subject=subject, what=wording("没有发送\n二\n三\n四", "it"), remedy=wording("看", "look")
        )
        async with database.write() as tx:
            await incidents.report(tx, news, NOW)

    change(told.root, work)


def clear_all(told: Told) -> None:
    async def work(database: Database) -> None:
        async with database.write() as tx:
            await tx.execute(sa.update(incident).values(cleared_at=NOW))

    change(told.root, work)


def test_nothing_wrong_ends_with_nought(told: Told) -> None:
    assert told("status", "--check") == 0
    assert told.out == "OK：没有要处理的\n"


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.MISSED, 4),
        (Cause.WAITING, 4),
        (Cause.NOT_LAUNCHED, 4),
        (Cause.RESTORED, 4),
        (Cause.LIST_SHRUNK, 4),
        (Cause.PAUSED, 4),
        (Cause.SETTINGS, 4),
        (Cause.DISK, 4),
        (Cause.CLOCK, 4),
        (Cause.REFUSALS, 5),
        (Cause.CALENDAR, 5),
        (Cause.REMINDER, 5),
        (Cause.INBOX, 5),
        (Cause.DRAFT, 0),
        (Cause.APPROVAL, 0),
        (Cause.PILOT, 0),
    ],
)
def test_the_exit_code_says_whether_a_person_must_act(told: Told, cause: Cause, code: int) -> None:
    raise_(told, cause)

    assert told("status", "--check") == code
    assert "没有发送" in told.out


def test_what_is_over_is_wrong_no_more(told: Told) -> None:
    raise_(told, Cause.MISSED)
    before = told("status", "--check")
    clear_all(told)

    assert (before, told("status", "--check")) == (4, 0)


def test_the_first_line_is_the_verdict_with_the_worst(told: Told) -> None:
    raise_(told, Cause.CALENDAR, "2026-12-31")
    raise_(told, Cause.MISSED)
    told("status", "--check")

    assert told.out.splitlines()[0] == "要处理：2 件事，错过了一次发送（weekly/2015-W28#1）"


def test_a_daemon_that_went_silent_is_found_although_it_raises_nothing(told: Told) -> None:
    change(told.root, lambda database: beat(database, timedelta(minutes=11)))

    assert told("status", "--check") == 4
    assert "没有进程在看计划" in told.out


def test_a_daemon_that_never_ran_is_found_while_schedules_are_enabled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told(workspace_with(tmp_path, finished), capsys)

    assert told("status", "--check") == 4


def test_without_schedules_nothing_needs_to_beat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = Told(workspace_with(tmp_path, finished), capsys)
    write_workspace(told.root, changes={'empty = "skip"': 'empty = "skip"\nenabled = false'})

    assert told("status", "--check") == 0


def test_a_script_reads_json(told: Told) -> None:
    raise_(told, Cause.MISSED)

    assert told("status", "--check", "--json") == 4
    found = json.loads(told.out)
    assert (found["ok"], found["exit_code"]) == (False, 4)
    assert found["incidents"][0]["subject"] == "weekly/2015-W28#1"


def test_status_begins_with_what_is_wrong(told: Told) -> None:
    raise_(told, Cause.MISSED)

    assert told("status") == 0
    assert told.out.startswith("● 要处理  错过了一次发送（weekly/2015-W28#1）  始于 ")
    assert told.out.index("……还有 1 行") < told.out.index("#1  2015-055")


def test_nobody_to_tell_is_said(told: Told) -> None:
    write_workspace(told.root, changes={'operators = ["ops@example.com"]': "operators = []"})

    assert told("status") == 0
    assert "没有人收到通知" in told.err


@pytest.mark.parametrize("option", [["--follow"], ["1"], ["--issue", "55"]])
def test_check_goes_with_nothing_but_json(told: Told, option: list[str]) -> None:
    assert told("status", "--check", *option) == 2


def test_settings_that_are_refused_end_with_two(told: Told) -> None:
    (told.root / "distributor.toml").write_text("nonsense", encoding="utf-8")

    assert told("status", "--check") == 2
