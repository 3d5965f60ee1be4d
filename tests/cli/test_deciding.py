"""`pause`, `resume`, `cancel`, `resend`, `uncertain …`: what they do, what they say, how they end."""

import re
import sys
from pathlib import Path

import pytest
import typer

from distributor.cli import console
from distributor.database import Database
from tests.cli.mailed import Told, change, finished, mixed, workspace_with
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import HOLD, THEIRS, UNKNOWN

VERBS = ("pause", "resume", "cancel", "resend")


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


def test_pause_says_what_is_left_and_how_to_go_on(told: Told) -> None:
    assert told("pause", "55", "--reason", "图错了") == 0

    assert "已暂停 发送 #1（2015-055 → weekly/2015-W28#1），还有 2 份没发" in told.out
    assert "distributor resume 1" in told.out
    assert "distributor cancel 1" in told.out
    assert told.json("status", "1")["reason"] == "图错了"


def test_pause_says_what_is_still_under_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def sending(database: Database) -> None:
        await steps.launched(database, readers=2)
        await steps.intended(database, await steps.claimed(database, limit=1))

    told = Told(workspace_with(tmp_path, sending), capsys)

    assert told("pause", "1") == 0
    assert "正在发的 1 份会发完" in told.out
    assert told("cancel", "1", "--yes") == 0
    assert "1 份不再发\n正在发的 1 份会发完" in told.out


def test_resume_names_the_command_that_delivers(told: Told) -> None:
    told("pause", "1")

    assert told("resume", "1") == 0

    assert "已恢复 发送 #1（2015-055 → weekly/2015-W28#1），还有 2 份" in told.out
    assert "distributor run 在运行就会接着发；没有运行就执行 distributor tick" in told.out


def test_mailing_to_lists_is_carried_on_by_send(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def by_hand(database: Database) -> None:
        await steps.launched(database, readers=1, origin="members+public")

    told = Told(workspace_with(tmp_path, by_hand), capsys)
    told("pause", "1")

    assert told("resume", "1") == 0
    assert "distributor send 2015-055 --list members --list public" in told.out


def test_cancel_without_anybody_to_ask_changes_nothing(told: Told) -> None:
    assert told("cancel", "1") == 4

    assert "--yes" in told.err
    assert told.json("status", "1")["state"] == "running"


def test_cancel_ends_what_has_not_gone(told: Told) -> None:
    assert told("cancel", "1", "--yes", "--reason", "发错了") == 0

    assert "已取消 发送 #1（2015-055 → weekly/2015-W28#1），2 份不再发" in told.out
    assert "distributor uncertain list 1" in told.out
    assert "distributor status 1" in told.out
    found = told.json("status", "1")
    assert (found["state"], found["reason"]) == ("cancelled", "发错了")
    assert found["copies"]["cancelled"] == 2


@pytest.mark.parametrize(("answer", "code", "state"), [(True, 0, "cancelled"), (False, 4, "running")])
def test_cancel_asks_on_a_terminal(
    told: Told, monkeypatch: pytest.MonkeyPatch, answer: bool, code: int, state: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda question, default: asked.append(question) or answer)

    assert told("cancel", "1") == code

    assert "还有 2 份没发，取消不能收回" in asked[0]
    assert told.json("status", "1")["state"] == state


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("pause", "已经发完，没有什么可暂停"),
        ("resume", "没有暂停，不用恢复"),
        ("cancel", "已经发完，没有什么可取消"),
        ("resend", "没有可重发的（被拒绝 0、过期 0）"),
    ],
)
def test_nothing_to_do_is_said_and_is_no_error(done: Told, verb: str, says: str) -> None:
    assert done(verb, "1") == 0
    assert says in done.out


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_mailing_is_refused_with_those_there_are(done: Told, verb: str) -> None:
    assert done(verb, "7") == 2
    assert "没有叫“7”的发送 → 现有：#1（2015-055 weekly/2015-W28#1 smtp）" in done.err


def test_cancelled_mailing_is_not_resumed_and_needs_no_pause(told: Told) -> None:
    told("cancel", "1", "--yes")

    assert told("resume", "1") == 4
    assert "取消不能收回" in told.err
    assert told("resend", "1") == 4
    assert told("pause", "1") == 0
    assert "已取消，没有什么可暂停" in told.out
    assert told("cancel", "1") == 0
    assert "已取消，没有什么可取消" in told.out


def test_resend_counts_by_state_and_says_who_delivers(told: Told) -> None:
    assert told("resend", "1", "--refused") == 0

    assert "将重发 1 份：被拒绝 1\n" in told.out
    assert "distributor tick" in told.out
    assert told.json("status", "1")["copies"]["refused"] == 0


def test_resend_of_a_paused_mailing_says_that_it_waits(told: Told) -> None:
    told("pause", "1")

    assert told("resend", "1") == 0

    assert "将重发 1 份：被拒绝 1、过期 0" in told.out
    assert "发送还在暂停：distributor resume 1" in told.out


def test_resend_of_the_expired_leaves_the_refused(told: Told) -> None:
    assert told("resend", "1", "--expired") == 0

    assert "没有可重发的（过期 0）" in told.out
    assert told.json("status", "1")["copies"]["refused"] == 1


def test_resuming_a_finished_mailing_says_that_nothing_is_left(told: Told) -> None:
    told("pause", "1")
    change(told.root, _suppress_everybody)

    assert told("resume", "1") == 0
    assert "没有剩下要发的" in told.out


async def _suppress_everybody(database: Database) -> None:
    async with database.write() as tx:
        await tx.exec_driver_sql("UPDATE delivery SET state = 'suppressed'")


def test_decisions_can_be_read_by_a_script(told: Told) -> None:
    paused, resumed = told.json("pause", "1"), told.json("resume", "1")
    reopened, cancelled = told.json("resend", "1"), told.json("cancel", "1", "--yes")

    assert paused == {"mailing": 1, "issue": "2015-055", "was": "running", "finished": False, "changed": 1}
    assert (resumed["was"], resumed["changed"]) == ("paused", 1)
    assert reopened == {"mailing": 1, "reopened": {"refused": 1, "expired": 0}}
    assert cancelled["changed"] == 3


# Copies of unknown fate


def test_unknown_copies_are_listed_with_what_becomes_of_them(told: Told) -> None:
    assert told("uncertain", "list") == 0

    line = next(line for line in told.out.splitlines() if "reader3@example.com" in line)
    assert "等人决定" in line
    assert "relay" in line
    assert "connection lost after the dot" in line
    assert "distributor uncertain forgive" in told.out


def test_copy_that_goes_again_by_itself_says_when(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def going_again(database: Database) -> None:
        await steps.launched(database, readers=1)
        await steps.tried(database, UNKNOWN)

    told = Told(workspace_with(tmp_path, going_again), capsys)

    assert told("uncertain", "list", "1") == 0
    assert "2015-07-10 09:0" in told.out
    assert "自动再发" in told.out


def test_unknown_copies_can_be_read_by_a_script(told: Told) -> None:
    (copy,) = told.json("uncertain", "list", "55")

    assert (copy["address"], copy["mailing"], copy["goes_again_at"]) == ("reader3@example.com", 1, None)
    assert copy["message_id"] == "<3@x>"


def test_unknown_copies_are_sent_again(told: Told) -> None:
    assert told("uncertain", "resend", "--address", "reader3@example.com") == 0

    assert "1 份将再发一次，读者可能收到两份" in told.out
    (copy,) = told.json("uncertain", "list")
    assert copy["goes_again_at"] is not None


def test_unknown_copies_are_forgiven_by_somebody(told: Told) -> None:
    assert told("uncertain", "forgive", "1", "--by", "值班编辑") == 0
    assert "1 份保持结果不明，不再发，记在 值班编辑 名下" in told.out

    assert told("uncertain", "list") == 0
    assert told.out == "没有结果不明、待决定的邮件\n"
    assert told.json("status", "1")["copies"]["uncertain"] == 1


def test_nobody_forgives_without_a_name(told: Told) -> None:
    assert told("uncertain", "forgive", "1") == 2
    assert "--by" in told.err


def test_unknown_copies_of_a_cancelled_mailing_are_left(told: Told) -> None:
    told("cancel", "1", "--yes")

    assert told("uncertain", "resend", "1") == 0
    assert "1 份属于已取消的发送，没有动 → distributor uncertain forgive" in told.out


@pytest.mark.parametrize("words", [("resend",), ("resend", "1"), ("forgive", "--by", "甲"), ("list",)])
def test_no_unknown_copy_is_said_and_is_no_error(done: Told, words: tuple[str, ...]) -> None:
    assert done("uncertain", *words) == 0
    assert "没有结果不明、待决定的邮件" in done.out


def test_held_copies_of_several_mailings_are_settled_at_once(told: Told) -> None:
    async def another(database: Database) -> None:
        await steps.launched(database, origin="members", send_no=2, claim=THEIRS)
        await steps.tried(database, UNKNOWN, policy=HOLD, mailing=2, limit=2)

    change(told.root, another)

    assert told("uncertain", "forgive", "--by", "甲") == 0
    assert "3 份保持结果不明" in told.out


def test_everything_is_said_in_english_too(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LANGUAGE", "en")
    said = []
    for words in (
        ("pause", "1"),
        ("resend", "1"),
        ("resume", "1"),
        ("resume", "1"),
        ("uncertain", "list"),
        ("uncertain", "resend"),
        ("uncertain", "forgive", "--by", "A"),
        ("uncertain", "list"),
        ("cancel", "1", "--yes"),
        ("cancel", "1"),
        ("pause", "1"),
        ("resend", "1"),
    ):
        told(*words)
        said.append(told.out + told.err)

    chinese = [line for line in "".join(said).splitlines() if re.search(r"[\u4e00-\u9fff]", line)]
    assert chinese == []
    assert all(said)
