"""Commands that rehearse and send: plan, send and test-send."""

import asyncio
import time
from datetime import timedelta
from typing import Annotated

import typer

from distributor.cli.accounts import mailing_json, say_counts
from distributor.cli.console import complain, say, say_json, say_pairs, say_problems, say_table, tr
from distributor.cli.editing import ISSUE_HELP
from distributor.cli.entry import office_of
from distributor.cli.staying import stop_on_signal
from distributor.delivery.counts import Counts
from distributor.delivery.forecast import Hold
from distributor.delivery.model import Accepted, Stored
from distributor.delivery.runs import Habits
from distributor.delivery.runs import Progress as Run
from distributor.errors import InputError
from distributor.identifiers import EditionKey
from distributor.operations import delivering, membership, planning, sending, trial
from distributor.operations.office import Office
from distributor.operations.planning import AudiencePlan
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.rendering.mail import NOTICE
from distributor.times import local_text

SET_ASIDE = 5
INTERRUPTED = 130
_TELL_EVERY = 2.0
_WINDOWS = {
    timedelta(seconds=1): ("秒", "second"),
    timedelta(minutes=1): ("分钟", "minute"),
    timedelta(hours=1): ("小时", "hour"),
    timedelta(days=1): ("天", "day"),
}
_LISTS = tr("名单，可写多次", "a list; may repeat")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command(
        "plan", help=tr("预演下一次发送：谁收到什么、多大、何时发完；不发送", "rehearse the next mailing, send nothing")
    )(plan)
    app.command("send", help=tr("把一期发给名单；再次运行会接着发完", "send an issue to lists; run again to resume"))(
        send
    )
    app.command("test-send", help=tr("发一份测试邮件到一个地址", "send one test copy to an address"))(test_send)


def plan(
    context: typer.Context,
    issue: Annotated[str | None, typer.Argument(metavar="[ISSUE]", help=ISSUE_HELP)] = None,
    lists: Annotated[list[str] | None, typer.Option("--list", "-l", help=_LISTS)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> None:
    """Rehearse the next scheduled mailing, or an issue to lists."""
    asyncio.run(_plan(context, issue, lists or [], as_json=as_json))


async def _plan(context: typer.Context, issue: str | None, lists: list[str], *, as_json: bool) -> None:
    async with office_of(context) as office:
        audience = await _audience(office, issue, lists)
        if as_json:
            say_json(plan_json(office.workspace, audience))
        else:
            say_plan(office.workspace, audience)


async def _audience(office: Office, issue: str | None, lists: list[str]) -> AudiencePlan:
    if issue is None and not lists:
        return await planning.plan_next(office)
    if issue is None:
        raise InputError(wording("写了 --list 也要写期号", "give the issue together with --list"))
    names = membership.list_names(office, lists)
    return await planning.plan_sending(office, sending.plan_of(office, issue, names), office.workspace.clock.now())


def say_plan(workspace: Workspace, audience: AudiencePlan) -> None:
    """Print a rehearsal: editions with readers and sizes, who is left out and why, when the last copy leaves."""
    issue = audience.rehearsal.issue
    say_problems(audience.rehearsal.warnings)
    say(
        tr(
            f"预演：第 {issue.number} 期（{issue.date}）→ {'、'.join(audience.plan.lists)}",
            f"rehearsal: issue {issue.id}",
        )
    )
    say_table(
        (
            tr("栏目", "sections"),
            tr("读者", "readers"),
            tr("HTML", "HTML"),
            tr("纯文本", "text"),
            tr("缩短", "shortened"),
        ),
        [
            (
                edition_titles(workspace, line.edition),
                line.readers,
                f"{line.html_bytes / 1000:.1f} kB",
                f"{line.text_bytes / 1000:.1f} kB",
                line.shortened,
            )
            for line in audience.editions
        ],
        right=(1, 2, 3, 4),
    )
    say()
    say_pairs(
        {
            tr("将发出", "copies to go"): audience.copies,
            tr("已有这一期", "have it already"): audience.already,
            tr("没有所选栏目", "no section of theirs"): audience.rehearsal.without_section,
            tr("停发（退订等）", "suppressed"): audience.suppressed,
            tr("开始", "start"): local_text(audience.start, workspace.zone),
            tr("预计发完", "last copy"): local_text(audience.finish, workspace.zone)
            if audience.finish
            else tr("没有限速，随到随发", "no rate limit"),
        }
        | ({tr("由此决定", "decided by"): _hold_text(audience.hold)} if audience.hold else {})
    )
    for one in audience.lists:
        if one.difference is not None and one.difference.is_new_file:
            say(tr(f"{one.path} 有改动，发送前会先同步", f"{one.path} changed and is synced before the launch"))


def _hold_text(hold: Hold) -> str:
    """Return `qq.com：900 份，每天 500`."""
    zh, en = _WINDOWS[hold.rate.window]
    return tr(
        f"{hold.gate.name}：{hold.copies:,} 份，每{zh} {hold.rate.count:,}",
        f"{hold.gate.name}: {hold.copies:,} copies, {hold.rate.count:,} a {en}",
    )


def plan_json(workspace: Workspace, audience: AudiencePlan) -> dict[str, object]:
    """Return a rehearsal as a script reads it; times are ISO with offset."""
    return {
        "issue": audience.plan.issue,
        "lists": audience.plan.lists,
        "copies": audience.copies,
        "already_mailed": audience.already,
        "without_section": audience.rehearsal.without_section,
        "suppressed": audience.suppressed,
        "start": audience.start.astimezone(workspace.zone).isoformat(),
        "finish": audience.finish.astimezone(workspace.zone).isoformat() if audience.finish else None,
        "editions": [
            {
                "edition": line.edition,
                "readers": line.readers,
                "html_bytes": line.html_bytes,
                "text_bytes": line.text_bytes,
                "shortened": line.shortened,
                "subject": line.subject,
            }
            for line in audience.editions
        ],
    }


def edition_titles(workspace: Workspace, key: EditionKey) -> str:
    """Return an edition's section titles, `全部六个栏目` when it has them all."""
    if key == NOTICE:
        return tr("（通知：没有所选栏目）", "(notice: none of theirs)")
    ids = key.split("+")
    if len(ids) == len(workspace.sections) > 1:
        return tr(f"全部 {len(ids)} 个栏目", f"all {len(ids)} sections")
    return "、".join(section.title for section in workspace.sections if section.id in ids)


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
    async with office_of(context) as office:
        plan = sending.plan_of(office, issue, membership.list_names(office, lists))
        if dry_run:
            say_plan(office.workspace, await planning.plan_sending(office, plan, office.workspace.clock.now()))
            return 0
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
