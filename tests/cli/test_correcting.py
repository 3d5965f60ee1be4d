"""`distributor correct`: what it does, what it says, how it ends."""

import sys
from pathlib import Path

import pytest
import typer

from distributor.cli import console
from distributor.cli.app import run
from distributor.delivery import ledger
from distributor.operations import correcting
from tests.cli.mailed import Told, change
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import UNKNOWN
from tests.offices import article_text, write_issue, write_list, write_workspace

NOTE = ("--note", "价格应为 41.5 元")
CORRECT = ("correct", "55", "a01", *NOTE)
A01 = "content/2015-055/a01.md"


@pytest.fixture(autouse=True)
def _in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LANGUAGE", "zh")


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Commands in a workspace whose issue 55 lies in the outbox."""
    root = write_workspace(tmp_path / "office")
    write_issue(root)
    write_list(root, "members", {f"reader{number}@example.com": "" for number in range(3)})
    assert run(["--root", str(root), "send", "55", "--list", "members"]) == 0
    capsys.readouterr()
    return Told(root, capsys)


@pytest.fixture
def waiting(told: Told) -> Told:
    """The same, but the copies have not gone yet."""

    async def back(database: steps.Database) -> None:
        async with database.write() as tx:
            undone = {"state": "pending", "attempts": 0, "accepted_at": None, "first_tried_at": None, "claim": None}
            await tx.execute(steps.sa.update(steps.delivery).values(undone))

    change(told.root, back)
    return told


def test_it_says_what_changed_and_that_nobody_was_mailed(told: Told) -> None:
    assert told(*CORRECT) == 0

    assert "更正 2015-055-a01《市场热点的一篇 2015-055-a01》：价格应为 41.5 元" in told.out
    assert "文章与已发布的网页相同，只加说明" in told.out
    assert f"更正说明写进了 {A01}" in told.out
    assert "  articles/2015-055-a01.html\n" in told.out
    assert "没有发出任何邮件\n" in told.out
    assert "--rest" not in told.out


def test_it_says_when_the_text_changed_and_when_all_is_done_already(told: Told) -> None:
    (told.root / A01).write_text(article_text("2015-055-a01", "market", body="41.5 元"), encoding="utf-8")

    assert told(*CORRECT) == 0
    assert "文章与已发布的网页不同，一并换新" in told.out
    assert told(*CORRECT) == 0
    assert "这条更正已经写过，没有再写\n网页和订阅源没有变化\n" in told.out


def test_a_rehearsal_shows_the_difference_and_changes_nothing(waiting: Told) -> None:
    before = (waiting.root / A01).read_bytes()

    assert waiting(*CORRECT, "--dry-run") == 0

    assert "+correction: " in waiting.out
    assert "网页和订阅源会改动" in waiting.out
    assert "还有 3 份没发" in waiting.out
    assert "只是预演，什么都没有改" in waiting.out
    assert (waiting.root / A01).read_bytes() == before


def test_an_article_without_a_page_is_told(told: Told) -> None:
    (told.root / "var" / "public" / "articles" / "2015-055-a01.html").unlink()

    assert told(*CORRECT, "--dry-run") == 0

    assert "还没有网页" in told.out


def test_unsent_copies_are_named_with_the_command_that_gives_them_the_new_text(waiting: Told) -> None:
    assert waiting(*CORRECT) == 0

    assert "发送 #1（2015-055 → members） 还有 3 份没发，会按旧文发出" in waiting.out
    assert "改用新文：distributor correct 55 a01 --note '价格应为 41.5 元' --rest" in waiting.out


def test_with_rest_they_get_it_and_the_mailing_goes_on(waiting: Told) -> None:
    assert waiting(*CORRECT, "--rest") == 0

    assert "3 份改用新文\n发送接着进行\n" in waiting.out
    assert waiting("send", "55", "--list", "members") == 0
    assert waiting.json("status", "1")["copies"]["stored"] == 3


@pytest.mark.parametrize(("answer", "said"), [(True, "3 份改用新文"), (False, "会按旧文发出")])
def test_on_a_terminal_it_asks(waiting: Told, monkeypatch: pytest.MonkeyPatch, answer: bool, said: str) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda *_question, **_options: answer)

    assert waiting(*CORRECT) == 0

    assert said in waiting.out


def test_a_paused_mailing_is_named_with_the_command_that_resumes_it(waiting: Told) -> None:
    waiting("pause", "1")

    assert waiting(*CORRECT, "--rest") == 0

    assert "发送仍在暂停：distributor resume 1" in waiting.out


def test_copies_that_may_have_arrived_are_told(waiting: Told) -> None:
    async def unknown(database: steps.Database) -> None:
        await steps.tried(database, UNKNOWN, limit=1, channel="outbox", at=correcting_clock())

    change(waiting.root, unknown)

    assert waiting(*CORRECT, "--rest") == 0

    assert "1 份可能已经送到，再发也按旧文" in waiting.out


def correcting_clock() -> steps.datetime:
    return steps.datetime.now(steps.UTC)


def test_nothing_to_change_is_told(waiting: Told) -> None:
    waiting(*CORRECT, "--rest")

    assert waiting(*CORRECT, "--rest") == 0

    assert "没有要换文的" in waiting.out


def test_copies_in_a_senders_hands_end_with_exit_code_4(waiting: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    async def held(database: steps.Database) -> None:
        await steps.claimed(
            database,
            claim=ledger.Claim(token="x", lease=steps.timedelta(minutes=5)),
            channel="outbox",
            now=correcting_clock(),
        )

    change(waiting.root, held)
    monkeypatch.setattr(correcting, "PATIENCE", steps.timedelta(seconds=2))

    assert waiting(*CORRECT, "--rest") == 4

    assert waiting.err.count("等 3 份在手里的邮件放下") == 1
    assert "再运行同一条命令" in waiting.err


def test_a_script_reads_what_was_done(waiting: Told) -> None:
    shown = waiting.json(*CORRECT, "--dry-run")
    done = waiting.json(*CORRECT, "--rest")

    assert (shown["dry_run"], shown["file"], shown["text_changed"]) == (True, A01, False)
    assert shown["unsent"] == [{"mailing": 1, "state": "running", "copies": 3}]
    assert done["changed"] == shown["changed"]
    assert [(one["goes_on"], sum(one["moved"].values())) for one in done["rest"]] == [(True, 3)]


def test_an_issue_that_never_went_and_an_unknown_article_end_with_exit_code_2(told: Told) -> None:
    write_issue(told.root, 56, date="2015-07-17")

    assert told("correct", "56", "a01", *NOTE) == 2
    assert "直接改文章" in told.err
    assert told("correct", "55", "a99", *NOTE) == 2
    assert "没有叫“a99”的文章" in told.err
