"""`status`: the list, one mailing in detail, watched until it is finished, and every copy as a table."""

import asyncio
import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor.cli import console, exporting, progress, telling
from distributor.config.loader import load
from distributor.database import Database
from distributor.delivery import decisions
from distributor.identifiers import ListName, MailingId
from distributor.operations import accounting
from distributor.schema import delivery
from distributor.subscribers.lists import parse_list
from tests.cli.mailed import Told, change, finished, mixed, waiting, workspace_with
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import LATER, NOW, TAKEN, THEIRS

ENVIRONMENT = {**os.environ, "DISTRIBUTOR_LANG": "zh", "TERM": "xterm"}


@pytest.fixture(autouse=True)
def _in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LANGUAGE", "zh")


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Commands in a workspace with the mailing `mixed`."""
    return Told(workspace_with(tmp_path, mixed), capsys)


@pytest.fixture
def done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Commands in a workspace with the mailing `finished`."""
    return Told(workspace_with(tmp_path, finished), capsys)


# The list


def test_list_adds_up_to_the_plan(told: Told) -> None:
    assert told("status") == 0

    assert told.out == (
        "#1  2015-055  weekly/2015-W28#1  SMTP  2015-07-10 09:00 +08:00  进行中\n"
        "    计划 5 份 = 待发 2 + 已送达服务器 1 + 被拒绝 1 + 结果不明 1\n"
    )


def test_nothing_sent_yet_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = Told(workspace_with(tmp_path, steps.states), capsys)

    assert told("status") == 0
    assert told.out == "还没有发送过\n"
    assert told("status", "--follow") == 0
    assert told.err == "还没有发送过\n"


# One mailing


def test_mailing_in_detail_shows_states_domains_and_what_to_do(told: Told) -> None:
    assert told("status", "1") == 0

    lines = told.out.splitlines()
    assert lines[0] == "#1  2015-055  weekly/2015-W28#1  SMTP  2015-07-10 09:00 +08:00  进行中"
    assert lines[1] == "计划 5 份，各状态相加 5 份"
    assert lines[3:7] == ["待发          2", "已送达服务器  1", "被拒绝        1", "结果不明      1"]
    assert "example.com     5       1     2                 1         1" in told.out
    assert lines[-3:] == [
        "→ 有到时间的邮件没有发：没有程序在运行（运行 distributor run 或 distributor tick），或在等限速",
        "→ 1 份结果不明、等人决定：distributor uncertain list 1",
        "→ 查明原因后可以重发：distributor resend 1 --refused",
    ]


def test_pause_is_shown_with_its_reason_and_its_end(told: Told) -> None:
    async def trouble(database: Database) -> None:
        async with database.write() as tx:
            await decisions.pause(tx, MailingId(1), reason="535 登录被拒", resume_at=NOW)

    change(told.root, trouble)

    assert told("status", "1") == 0
    assert "已暂停 535 登录被拒" in told.out
    assert "恢复时间  2015-07-10 09:00 +08:00" in told.out
    assert "→ 让它接着发：distributor resume 1" in told.out


def test_pause_by_a_person_says_that_it_waits_for_one(told: Told) -> None:
    told("pause", "1")

    assert told("status", "1") == 0
    assert "恢复时间  等人决定" in told.out


def test_finished_mailing_tells_its_last_copy_and_asks_for_nothing(done: Told) -> None:
    assert done("status", "55") == 0

    assert "已完成" in done.out
    assert "最后一份  2015-07-10 09:00 +08:00" in done.out
    assert "→ " not in done.out.partition("\n")[2]


def test_small_domains_are_summed_on_the_last_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def many_domains(database: Database) -> None:
        await steps.launched(database, readers=15)
        async with database.write() as tx:
            for reader in range(2, 16):
                other = sa.update(delivery).where(delivery.c.subscriber == reader)
                await tx.execute(other.values(domain=f"d{reader:02d}.example.com"))

    told = Told(workspace_with(tmp_path, many_domains), capsys)

    assert told("status", "1") == 0
    assert "其他 3 个" in told.out
    assert len(told.json("status", "1")["domains"]) == 15


def test_readers_left_out_at_launch_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def second(database: Database) -> None:
        await waiting(database)
        async with database.write() as tx:
            await steps.add_readers(tx, 1, sections="tech")
        await steps.launched(database, origin="members", claim=THEIRS)

    told = Told(workspace_with(tmp_path, second), capsys)

    assert told("status", "2") == 0
    assert "另有 3 人已有这一期，1 人没有所选栏目" in told.out


def test_account_can_be_read_by_a_script(told: Told) -> None:
    found = told.json("status", "1")

    assert (found["planned"], sum(found["copies"].values()), found["open"], found["held"]) == (5, 5, 2, 1)
    assert found["launched_at"] == "2015-07-10T09:00:00+08:00"
    assert found["domains"] == [
        {
            "domain": "example.com",
            "planned": 5,
            "copies": {"accepted": 1, "pending": 2, "refused": 1, "uncertain": 1},
        }
    ]
    assert (found["per_minute"], found["finish"], found["resume_at"]) == (0.0, None, None)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("status", "7"), "没有叫“7”的发送 → 现有：#1"),
        (("status", "--export", "csv"), "只写一个"),
        (("status", "1", "--issue", "55", "--export", "csv"), "只写一个"),
        (("status", "1", "--export", "csv", "--json"), "不能和"),
        (("status", "1", "--output", "x.csv"), "--export csv"),
        (("status", "1", "--issue", "55"), "写它的编号"),
        (("status", "--issue", "56", "--export", "csv"), "没有发送过 56 这一期 → 发送过的有：2015-055"),
        (("status", "1", "--export", "xlsx"), "csv"),
    ],
)
def test_what_cannot_be_told_is_refused(told: Told, words: tuple[str, ...], says: str) -> None:
    assert told(*words) == 2

    assert says in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (timedelta(seconds=20), "不到 1 分钟"),
        (timedelta(minutes=59), "还要 59 分钟"),
        (timedelta(hours=26, minutes=5), "还要 26 小时 5 分钟"),
    ],
)
def test_time_left_reads_as_people_say_it(left: timedelta, says: str) -> None:
    assert progress._span(left) == says


def test_deferred_copy_says_when_it_goes_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def deferred(database: Database) -> None:
        await steps.launched(database, readers=1)
        await steps.tried(database, LATER, at=datetime.now(UTC))

    told = Told(workspace_with(tmp_path, deferred), capsys)

    assert told("status", "1") == 0
    assert "下一份" in told.out
    assert re.search(r"预计发完 .*（还要 [3-6] 分钟）", told.out)
    assert "→ " not in told.out.partition("\n")[2]


# Watching


def test_watching_a_finished_mailing_says_so_and_ends(done: Told) -> None:
    assert done("status", "--follow") == 0

    assert done.out.endswith("2 / 2（100%）  已完成\n")
    assert done.out.count("\n") == 1


def test_watching_prints_a_line_for_every_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told(workspace_with(tmp_path, waiting), capsys)
    watch = accounting.watch

    async def sending_meanwhile(office: object, of: object, stop: asyncio.Event) -> object:
        async for account in watch(office, of, stop, timedelta(0)):  # type: ignore[arg-type]
            yield account
            await steps.tried(office.database, TAKEN, limit=1, at=datetime.now(UTC))  # type: ignore[attr-defined]

    monkeypatch.setattr(accounting, "watch", sending_meanwhile)

    assert told("status", "1", "--follow") == 0
    found = [line.split("  ")[1] for line in told.out.splitlines()]
    assert found == ["0 / 3（0%）", "1 / 3（33%）", "2 / 3（67%）", "3 / 3（100%）"]
    assert "速度" in told.out.splitlines()[1]
    assert "预计发完" in told.out.splitlines()[1]


@pytest.mark.parametrize(("verb", "says"), [("pause", "已暂停 等一下"), ("cancel", "已取消")])
def test_watching_says_why_nothing_moves(told: Told, monkeypatch: pytest.MonkeyPatch, verb: str, says: str) -> None:
    told(verb, "1", "--reason", "等一下", *(["--yes"] if verb == "cancel" else []))
    monkeypatch.setattr(telling, "stop_on_signal", _told_to_stop)

    assert told("status", "1", "--follow") == 0
    assert says in told.out
    assert "被拒绝 1  结果不明 1" in told.out


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    stop.set()
    return stop


def test_watching_on_a_terminal_leaves_the_last_account(done: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.sys.stdout, "isatty", lambda: True)

    assert done("status", "--follow") == 0

    watched, _, left = done.out.partition(progress._OWN_SCREEN)
    assert watched.startswith(progress._OTHER_SCREEN + progress._BLANK)
    assert "已送达服务器  2" in watched
    assert "已送达服务器  2" in left
    assert "Ctrl+C" not in left


def test_watching_as_json_prints_one_document_a_line(done: Told) -> None:
    assert done("status", "1", "--follow", "--json") == 0

    (line,) = done.out.splitlines()
    assert json.loads(line)["finished"] is True


def _watching(root: Path, output: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "distributor", "--root", str(root), "status", "1", "--follow"]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=output or subprocess.PIPE, stderr=subprocess.PIPE)


def test_watching_ends_with_ctrl_c_and_is_no_error(tmp_path: Path) -> None:
    root = workspace_with(tmp_path, waiting)
    with _watching(root) as watching:
        assert watching.stdout is not None
        first = watching.stdout.readline().decode()
        watching.send_signal(signal.SIGINT)
        _out, err = watching.communicate(timeout=30)

    assert "0 / 3（0%）" in first
    assert (watching.returncode, err) == (0, b"")


def test_watching_on_a_terminal_redraws_and_leaves_the_account(tmp_path: Path) -> None:
    root = workspace_with(tmp_path, waiting)
    ours, theirs = pty.openpty()
    with _watching(root, theirs) as watching:
        os.close(theirs)
        shown = _read_until(ours, "Ctrl+C")
        watching.send_signal(signal.SIGINT)
        shown += _read_until(ours, "distributor tick", after=progress._OWN_SCREEN)
        assert watching.wait(timeout=30) == 0
    os.close(ours)

    assert shown.startswith(progress._OTHER_SCREEN + progress._BLANK)
    assert "待发  3" in shown.partition(progress._OWN_SCREEN)[2]


def _read_until(terminal: int, text: str, *, after: str = "") -> str:
    read, end = b"", time.monotonic() + 30
    while text not in read.decode(errors="replace").rpartition(after or "\x00")[2]:
        assert time.monotonic() < end
        read += os.read(terminal, 4096)
    return read.decode()


# Every copy


def _table(content: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content, newline="")))


def test_export_says_who_got_an_issue_when_and_why_not(told: Told) -> None:
    assert told("status", "--issue", "55", "--export", "csv") == 0

    head, first, second, third, *rest = _table(told.out.removeprefix("\ufeff"))
    assert head == [
        *["邮箱", "姓名", "栏目", "状态", "送达时间", "服务器", "邮件编号", "答复代码", "答复", "期", "发送"]
    ]
    assert first == [
        "reader1@example.com",
        "读者1",
        "市场热点、政策聚焦",
        "已送达服务器",
        "2015-07-10T09:00:00+08:00",
        "relay",
        "<1@x>",
        "250",
        "queued as 1",
        "2015-055",
        "1",
    ]
    assert (second[3], second[4], second[7], second[8]) == ("被拒绝", "", "550", "no such user")
    assert (third[3], third[7], third[8]) == ("结果不明", "", "connection lost after the dot")
    assert [row[3] for row in rest] == ["待发", "待发"]


def test_export_is_what_excel_reads(told: Told) -> None:
    told("status", "1", "--export", "csv")

    assert told.out.startswith("\ufeff邮箱,")
    assert told.out.count("\r\n") == told.out.count("\n") == 6
    assert told.err == ""


def test_export_into_a_file_is_for_its_owner_alone_and_overwrites_nothing(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "55.csv"

    assert told("status", "--issue", "55", "--export", "csv", "--output", str(file)) == 0
    assert "已写出 5 行" in told.err
    assert told("status", "--issue", "55", "--export", "csv", "--output", str(file)) == 2

    assert "没有覆盖" in told.err
    assert (told.out, file.stat().st_mode & 0o777) == ("", 0o600)
    assert len(_table(file.read_text(encoding="utf-8-sig"))) == 6


def test_export_that_fails_leaves_no_file(told: Told, tmp_path: Path) -> None:
    assert told("status", "--issue", "56", "--export", "csv", "--output", str(tmp_path / "56.csv")) == 2

    assert sorted(one.name for one in tmp_path.iterdir()) == ["office"]


async def _hostile(database: Database) -> None:
    async with database.write() as tx:
        row = sa.update(delivery).where(delivery.c.subscriber == 1)
        await tx.execute(row.values(address="+1@example.com", name="=HYPERLINK(1)", last_text="@SUM(A1)"))


def test_export_lets_no_spreadsheet_run_a_readers_name(told: Told) -> None:
    change(told.root, _hostile)

    told("status", "1", "--export", "csv")

    row = _table(told.out)[1]
    assert (row[0], row[1], row[8]) == ("<+1@example.com>", "'=HYPERLINK(1)", "'@SUM(A1)")


def test_exported_table_read_back_as_a_list_holds_the_same_readers(told: Told) -> None:
    change(told.root, _hostile)
    told("status", "1", "--export", "csv")
    sections = load(told.root, {}).settings.section

    read = parse_list(told.out.encode(), path="a.csv", list_name=ListName("members"), sections=sections)

    assert not read.refused
    assert [(row.address.text, row.name) for row in read.rows][:2] == [
        ("+1@example.com", "=HYPERLINK(1)"),
        ("reader2@example.com", "读者2"),
    ]
    assert {row.sections for row in read.rows} == {frozenset({"market", "policy"})}


def test_export_is_written_in_parts(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_BUFFERED", 2)

    told("status", "1", "--export", "csv")

    assert len(_table(told.out)) == 6


def test_export_into_a_pipe_that_closes_is_no_internal_error(tmp_path: Path) -> None:
    async def many(database: Database) -> None:
        await steps.launched(database, readers=3000)

    root = workspace_with(tmp_path, many)
    script = '"$0" -m distributor --root "$1" status 1 --export csv | head -c 10; echo "${PIPESTATUS[0]}"'
    ended = subprocess.run(
        ["bash", "-c", script, sys.executable, str(root)], env=ENVIRONMENT, capture_output=True, check=True, timeout=60
    )

    assert ended.stdout.decode().endswith("3\n")
    assert "提前结束" in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()
