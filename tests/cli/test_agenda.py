"""`schedule` shows what goes when; `hold`, `skip`, `release` and `send-now` say what they did and what comes next."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from distributor.cli import console
from distributor.database import Database
from distributor.operations import presence
from distributor.scheduling.workdays import LAST_NATIONAL_YEAR
from distributor.schema import occurrence
from tests.cli.mailed import Told, change, workspace_with
from tests.delivery import ledger_steps as steps
from tests.offices import write_issue, write_list

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = datetime.now(SHANGHAI).date()
ISSUE = f"{TODAY:%Y}-055"
# A Friday that is still to come, whatever day and hour it is now.
AHEAD = TODAY + timedelta(days=3) + timedelta(days=(4 - (TODAY + timedelta(days=3)).weekday()) % 7)
OTHER = """
[[schedule]]
id = "other"
when = "每周一 08:30"
lists = ["public"]
holiday = "skip"
approval = true
pilot = { list = "members", hold = "2h" }
remind = "17h"
sections = ["policy"]
"""


@pytest.fixture(autouse=True)
def _in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LANGUAGE", "zh")


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Commands in a workspace with one weekly schedule, three readers and an issue of today that is ready."""
    root = workspace_with(tmp_path, steps.states)
    write_issue(root, date=TODAY.isoformat())
    write_list(root, "members", {f"reader{number}@example.com": "" for number in range(3)})
    told = Told(root, capsys)
    assert told("subscribers", "sync", "--yes") == 0
    return told


def settings(told: Told, old: str, new: str) -> None:
    path = told.root / "distributor.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def next_slot(told: Told, schedule: int = 0) -> str:
    return str(told.json("schedule")["schedules"][schedule]["slots"][0]["slot"])


def launch(told: Told, slot: str) -> None:
    """Write down that a slot went."""
    told("schedule", "hold", slot)

    async def work(database: Database) -> None:
        async with database.write() as tx:
            await tx.execute(sa.update(occurrence).values(state="launched", reason=""))

    change(told.root, work)


# What is shown


def test_meaning_is_echoed_with_zone_holidays_and_readers(told: Told) -> None:
    assert told("schedule", "--count", "2") == 0

    lines = told.out.splitlines()
    assert lines[0] == "计划 weekly：每周五 09:00 Asia/Shanghai，放假顺延到下一个工作日"
    assert lines[1] == "  发给 members、public（3 位读者）；最多晚 12h"


def test_slots_stand_with_weekday_offset_issue_and_state(told: Told) -> None:
    told("schedule", "--count", "2")

    first, second = [line for line in told.out.splitlines() if line.startswith("weekly/")]
    assert "+08:00" in first
    assert "周" in first
    assert ISSUE in first
    assert "未到" in second


def test_issue_that_stays_is_named_with_the_reason(told: Told) -> None:
    write_issue(told.root, 54)

    told("schedule")

    assert "2015-054 不会自动发：" in told.out


def test_everything_a_schedule_asks_for_is_said(told: Told) -> None:
    settings(told, "[web]", f"{OTHER}\n[web]")

    assert told("schedule") == 0

    assert "计划 other：每周一 08:30 Asia/Shanghai，放假不发" in told.out
    assert "只有栏目 policy；先试发给 members（3 位），2h 后发其余的；要核准；提前 17h 提醒；最多晚 12h" in told.out
    assert "都发给 public → 一个读者同一期只收一次" in told.err


def test_schedule_that_is_off_is_said(told: Told) -> None:
    settings(told, 'id = "weekly"', 'id = "weekly"\nenabled = false')

    assert told("schedule") == 0
    assert "没有启用的计划" in told.out
    assert "已停用" in told.out


def test_holiday_shift_and_guess_are_marked(told: Told) -> None:
    (told.root / "holidays.toml").write_text(f"off = [{AHEAD}]\n", encoding="utf-8")

    slots = told.json("schedule", "--count", "60")["schedules"][0]["slots"]
    told("schedule", "--count", "60")

    moved = next(one for one in slots if one["nominal"] == AHEAD.isoformat())
    assert moved["shifted"]
    assert f"（{AHEAD} 放假顺延）" in told.out
    assert [one["calendar_known"] for one in slots if int(one["nominal"][:4]) > LAST_NATIONAL_YEAR][-1] is False
    assert "（那时的放假安排还不知道）" in told.out


def test_slot_moved_ahead_of_a_holiday_says_so(told: Told) -> None:
    settings(told, '"next_workday"', '"previous_workday"')
    (told.root / "holidays.toml").write_text(f"off = [{AHEAD}]\n", encoding="utf-8")

    told("schedule")

    assert f"（{AHEAD} 放假提前）" in told.out


def test_slot_left_out_for_a_holiday_says_so(told: Told) -> None:
    settings(told, '"next_workday"', '"skip"')
    (told.root / "holidays.toml").write_text(f"off = [{AHEAD}]\n", encoding="utf-8")

    slots = told.json("schedule")["schedules"][0]["slots"]
    told("schedule")

    assert [one["goes"] for one in slots if one["nominal"] == AHEAD.isoformat()] == [False]
    assert "节假日不发" in told.out


def test_script_reads_all_of_it(told: Told) -> None:
    settings(told, "[web]", f"{OTHER}\n[web]")

    seen = told.json("schedule", "--count", "1")

    weekly, other = seen["schedules"]
    assert (weekly["schedule"], weekly["enabled"], weekly["readers"], weekly["pilot"]) == ("weekly", True, 3, None)
    assert weekly["meaning"]["en"] == "every Friday at 09:00 Asia/Shanghai, after a holiday the next working day"
    assert other["pilot"] == {"list": "members", "hold": "2h", "readers": 3}
    (slot,) = weekly["slots"]
    assert (slot["issue"], slot["state"], slot["weekday"], slot["goes"]) == (ISSUE, None, 5, True)
    assert seen["past"] == []
    assert len(seen["warnings"]) == 1
    assert seen["calendar"]["known_until"].endswith("-12-31")


def test_calendar_that_ends_soon_is_warned_of(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distributor.scheduling.workdays.WARN_BEFORE", timedelta(days=36_500))

    assert told("schedule") == 0
    assert "提醒：工作日历只到" in told.out
    assert "holidays.toml" in told.json("schedule")["calendar"]["warning"]


def test_what_ended_lately_is_shown_with_the_reason(told: Told) -> None:
    told("schedule", "hold")

    async def work(database: Database) -> None:
        moment = datetime.now(UTC) - timedelta(days=2)
        async with database.write() as tx:
            values = {"state": "missed", "reason": "late:46800", "due_at": moment, "slot": "2000-W01#1"}
            await tx.execute(sa.update(occurrence).values(values | {"planned_at": moment - timedelta(days=70)}))

    change(told.root, work)

    assert told("schedule") == 0
    assert "最近两周" in told.out
    assert "错过：到点时没有运行，已晚 13 小时，超过补发时限" in told.out


def test_check_says_what_should_be_known_of_the_settings(told: Told) -> None:
    settings(told, "[web]", f"{OTHER}\n[web]")

    assert told("check") == 0
    assert "都发给 public" in told.err
    assert "检查通过，1 个提醒" in told.out


# What is decided


def test_hold_release_and_skip_each_say_how_to_go_on(told: Told) -> None:
    slot = next_slot(told)

    assert told("schedule", "hold", "--why", "等领导看过") == 0
    assert told.out.splitlines()[0].startswith(f"已暂缓 {slot}（周")
    assert told.out.splitlines()[1:] == [
        f"放行：distributor schedule release {slot}",
        f"不发了：distributor schedule skip {slot}",
    ]
    told("schedule", "hold", slot)
    assert "早已暂缓" in told.out
    told("schedule")
    assert "暂缓：人工决定：等领导看过" in told.out

    assert told("schedule", "release") == 0
    assert f"已放行 {slot}，到时间就发" in told.out
    told("schedule", "release", slot)
    assert "没有暂缓，会按时发" in told.out

    assert told("schedule", "skip") == 0
    assert f"{slot} 不发了" in told.out
    assert f"改主意就运行：distributor schedule release {slot}" in told.out
    told("schedule", "skip", slot)
    assert "早已定为不发" in told.out


def test_decision_can_be_read_by_a_script(told: Told) -> None:
    slot = next_slot(told)

    held = told.json("schedule", "hold", slot, "--why", "x")

    assert (held["slot"], held["was"], held["state"], held["reason"]) == (slot, "planned", "held", "operator:x")
    assert told.json("schedule", "release", slot)["changed"] is True
    assert told.json("schedule", "skip", slot)["state"] == "skipped"


def test_released_after_its_time_it_is_said_who_sends(told: Told) -> None:
    told("schedule", "hold")

    async def work(database: Database) -> None:
        async with database.write() as tx:
            await tx.execute(sa.update(occurrence).values(due_at=datetime.now(UTC) - timedelta(minutes=5)))

    change(told.root, work)

    assert told("schedule", "release") == 0
    assert "时间已过，马上就发" in told.out
    assert "distributor tick" in told.out


def test_send_now_says_what_goes_to_how_many_and_who_does_it(told: Told) -> None:
    slot = next_slot(told)

    assert told("schedule", "send-now") == 0

    assert told.out == (
        f"{slot} 现在就发：{ISSUE} → members、public，3 人还没有收到\n"
        "没有 distributor run 在运行，请执行：distributor tick\n"
    )


def test_send_now_names_the_daemon_that_runs(told: Told) -> None:
    async def work(database: Database) -> None:
        now = datetime.now(UTC)
        who = presence.Self(id="one", host="news", pid=4711, started_at=now)
        async with database.write() as tx:
            await presence.beat(tx, who, presence.Use(settings="x", settings_at=now), now)

    change(told.root, work)

    assert told("schedule", "send-now") == 0
    assert "由 news 上的 distributor run（进程 4711）" in told.out


def test_dry_run_of_send_now_names_the_rehearsal(told: Told) -> None:
    assert told("schedule", "send-now", "--dry-run") == 0

    assert "会发 weekly/" in told.out
    assert f"distributor plan {ISSUE}" in told.out
    assert told.json("schedule")["schedules"][0]["slots"][0]["state"] is None


def test_send_now_of_a_schedule_with_approval_says_so(told: Told) -> None:
    settings(told, 'max_age = "10d"', "approval = true")

    assert told("schedule", "send-now") == 0
    assert f"distributor approve {ISSUE} --by" in told.out


def test_send_now_can_be_read_by_a_script(told: Told) -> None:
    sent = told.json("schedule", "send-now")

    assert (sent["issue"], sent["readers"], sent["daemons"], sent["state"]) == (ISSUE, 3, [], "planned")


@pytest.mark.parametrize("verb", ["hold", "skip", "release", "send-now"])
def test_slot_that_went_ends_with_the_code_of_a_decision(told: Told, verb: str) -> None:
    slot = next_slot(told)
    launch(told, slot)

    assert told("schedule", verb, slot) == 4
    assert f"{slot} 已经发出，没有改动" in told.err


@pytest.mark.parametrize("named", ["nosuch", "weekly/2000-W01", "other/2026-W01#1"])
def test_unknown_slot_ends_with_the_code_of_a_refused_input(told: Told, named: str) -> None:
    assert told("schedule", "hold", named) == 2
    assert "什么都没有改动 → " in told.err


def test_nothing_ready_ends_with_the_code_of_a_decision(told: Told) -> None:
    issue = told.root / "content" / ISSUE / "issue.toml"
    issue.write_text(issue.read_text(encoding="utf-8").replace("ready", "draft"), encoding="utf-8")

    assert told("schedule", "send-now") == 4
    assert f"{ISSUE} 还是草稿" in told.err


def test_rest_after_a_pilot_is_called_so(told: Told) -> None:
    told("schedule", "hold")

    async def work(database: Database) -> None:
        async with database.write() as tx:
            await tx.execute(sa.update(occurrence).values(state="planned", reason="pilot"))

    change(told.root, work)

    assert told("schedule", "hold") == 0
    assert "试发之后的其余部分" in told.out


def test_english_speaks_english(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LANGUAGE", "en")

    assert told("schedule") == 0
    assert "schedule weekly: every Friday at 09:00 Asia/Shanghai, after a holiday the next working day" in told.out
    assert told("schedule", "hold") == 0
    assert "let it go: distributor schedule release weekly/" in told.out
    assert json.loads(json.dumps(told.json("schedule")))["schedules"][0]["slots"][0]["why"] == "an operator decided"
