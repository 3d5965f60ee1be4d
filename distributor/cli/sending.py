"""Commands that send: send and test-send."""

import asyncio
import time
from typing import Annotated

import typer

from distributor.cli import rehearsing
from distributor.cli.accounts import mailing_json, say_counts
from distributor.cli.console import complain, say, say_json, tr
from distributor.cli.editing import ISSUE_HELP
from distributor.cli.entry import office_of, workspace_of
from distributor.cli.staying import stop_on_signal
from distributor.delivery.counts import Counts
from distributor.delivery.model import Accepted, Stored
from distributor.delivery.runs import Habits
from distributor.delivery.runs import Progress as Run
from distributor.operations import delivering, membership, sending, trial

SET_ASIDE = 5
INTERRUPTED = 130
_TELL_EVERY = 2.0
_LISTS = tr("名单，可写多次", "a list; may repeat")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("send", help=tr("把一期发给名单；再次运行会接着发完", "send an issue to lists; run again to resume"))(
        send
    )
    app.command("test-send", help=tr("发一份测试邮件到一个地址", "send one test copy to an address"))(test_send)


def send(
    context: typer.Context,
    issue: Annotated[str, typer.Argument(metavar="ISSUE", help=ISSUE_HELP)],
    lists: Annotated[list[str], typer.Option("--list", "-l", help=_LISTS)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help=tr("只预演，不发送", "rehearse only"))] = False,
    despite_log: Annotated[
        bool,
        typer.Option(
            "--despite-log",
            help=tr(
                "launches.log 记着已发过也发（恢复备份后确认没发过时用）", "send although launches.log knows of it"
            ),
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> int:
    """Launch a mailing, deliver it and report; again: deliver what is left."""
    return asyncio.run(_send(context, issue, lists, (dry_run, despite_log, as_json)))


async def _send(context: typer.Context, issue: str, lists: list[str], options: tuple[bool, bool, bool]) -> int:
    dry_run, despite_log, as_json = options
    if dry_run:
        return await rehearsing.dry_run(workspace_of(context), issue, lists)
    async with office_of(context) as office:
        plan = sending.plan_of(office, issue, membership.list_names(office, lists))
        if not as_json:
            _say_in_other_hands(await sending.in_other_hands(office, plan))
        stop, ticker = stop_on_signal(), None if as_json else _Ticker()
        sent = await sending.send(office, plan, despite_log=despite_log, progress=ticker, stop=stop)
        if as_json:
            say_json(mailing_json(sent.mailing, sent.counts))
        else:
            _say_sent(sent)
    if stop.is_set() and sent.counts.open:
        complain(tr("已停下；再运行本命令会接着发", "stopped; run this again to go on"))
        return INTERRUPTED
    return SET_ASIDE if _set_aside(sent.counts) else 0


def _say_in_other_hands(copies: int) -> None:
    if copies:
        minutes = int(Habits().lease.total_seconds() // 60)
        complain(
            tr(
                f"另一个进程（或中断前的那次）手里还有 {copies} 份，最多等 {minutes} 分钟再接着发",
                f"another process, or the one that was killed, holds {copies} copies; waiting up to {minutes} minutes",
            )
        )


class _Ticker:
    """Says how far a sending is, at most once in two seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _TELL_EVERY

    def __call__(self, run: Run) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _TELL_EVERY
        done = run.accepted + run.stored
        complain(tr(f"  已发 {done:,} 份 {run.reason}", f"  {done:,} sent {run.reason}").rstrip())


def _say_sent(sent: sending.Sending) -> None:
    mailing = sent.mailing
    if mailing.state == "paused":
        complain(tr(f"已暂停：{mailing.reason}", f"paused: {mailing.reason}"))
    elif not sent.is_new and sent.counts.is_finished:
        say(tr("没有要发的了，每一份都有结果", "nothing is left to send, every copy has its outcome"))
    say(
        tr(
            f"第 {mailing.issue} 期 → {mailing.origin}：计划 {mailing.planned} 份，"
            f"另有 {mailing.already_mailed} 人已有这一期，{mailing.without_section} 人没有所选栏目",
            f"{mailing.issue} → {mailing.origin}: {mailing.planned} planned, {mailing.already_mailed} have it already, "
            f"{mailing.without_section} without a section",
        )
    )
    say_counts(sent.counts)
    if mailing.state == "running" and sent.counts.open:
        say(
            tr(
                f"还有 {sent.counts.open} 份要稍后再试：过些时候再运行本命令，或让 distributor run 自己接着发",
                f"{sent.counts.open} copies are to be tried later: run this again, or let `distributor run` go on",
            )
        )


def _set_aside(counted: Counts) -> int:
    return sum(counted.by_state[state] for state in ("refused", "expired")) + counted.held


def test_send(
    context: typer.Context,
    issue: Annotated[str, typer.Argument(metavar="ISSUE", help=ISSUE_HELP)],
    to: Annotated[str, typer.Option("--to", help=tr("收件地址", "the address"))],
) -> None:
    """Send one test copy; drafts too, and nothing is counted."""
    asyncio.run(_test_send(context, issue, to))


async def _test_send(context: typer.Context, issue: str, to: str) -> None:
    async with office_of(context) as office:
        transport = delivering.transports_of(office.workspace)[0]
        outcome = await trial.send_test(office, issue, membership.address_of(to), transport)
        if isinstance(outcome, Stored):
            say(tr(f"测试邮件已存入 {office.workspace.shown(office.workspace.outbox)}", "stored in the outbox"))
        elif isinstance(outcome, Accepted):
            say(tr(f"测试邮件已交给 {transport.name}", f"{transport.name} took the test copy"))
        else:
            complain(
                tr(f"没有发出：{outcome.reply.code or ''} {outcome.reply.text}", f"not taken: {outcome.reply.text}")
            )
            raise typer.Exit(SET_ASIDE)
