"""Commands that tell and change nothing: status and schedule."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.accounts import STATES, mailing_json
from distributor.cli.console import complain, say, say_json, say_table, tr, words
from distributor.cli.editing import ISSUE_HELP
from distributor.cli.entry import office_of
from distributor.cli.exporting import export_copies
from distributor.cli.progress import follow as follow_mailing
from distributor.cli.progress import say_account, say_account_json, say_heading
from distributor.cli.staying import stop_on_signal
from distributor.delivery import counts
from distributor.delivery.counts import Counts, MailingLine
from distributor.errors import InputError
from distributor.operations import accounting, planning, sending
from distributor.operations.office import Office
from distributor.operations.planning import ScheduledSlot
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.scheduling.reasons import reason_text
from distributor.times import local_text

MAILING_HELP = tr("status 显示的编号，或只发过一次的期", "the number that status shows, or an issue mailed once")
_NOTHING_YET = tr("还没有发送过", "nothing was sent yet")
_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_OCCURRENCES = {
    "planned": ("已排定", "planned"),
    "held": ("暂缓", "held"),
    "waiting_content": ("等待内容", "waiting for content"),
    "launched": ("已发出", "launched"),
    "skipped": ("不发", "skipped"),
    "missed": ("错过", "missed"),
}


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("status", help=tr("发送的进度和账目，每一份的去向", "progress and accounts of mailings"))(status)
    app.command("schedule", help=tr("接下来的发送时间和会发的期", "the next dates and the issues that would go"))(
        schedule
    )


class ExportForm(StrEnum):
    """What `status --export` writes."""

    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a person asked `status` for."""

    mailing: str | None
    issue: str | None
    follow: bool
    as_json: bool
    export: ExportForm | None
    output: Path | None


def status(
    context: typer.Context,
    mailing: Annotated[str | None, typer.Argument(metavar="[MAILING]", help=MAILING_HELP)] = None,
    issue: Annotated[str | None, typer.Option("--issue", help=ISSUE_HELP)] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help=tr("一直显示到发完（Ctrl+C 结束）", "show it until it is finished"))
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
    export: Annotated[
        ExportForm | None,
        typer.Option("--export", help=tr("导出每一份：谁、何时收到", "write every copy: who got it, and when")),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=tr("导出到这个新文件", "the new file to export to"))
    ] = None,
) -> None:
    """Show the latest mailings, one of them in detail, or every copy."""
    wanted = _Wanted(mailing=mailing, issue=issue, follow=follow, as_json=as_json, export=export, output=output)
    _refuse_contradictions(wanted)
    asyncio.run(_status(context, wanted))


def _refuse_contradictions(wanted: _Wanted) -> None:
    if wanted.export and (wanted.mailing is None) == (wanted.issue is None):
        raise InputError(wording("导出时写明 --issue 或一次发送，只写一个", "export one --issue or one mailing"))
    if wanted.export and (wanted.follow or wanted.as_json):
        raise InputError(
            wording("--export 不能和 --follow、--json 一起用", "--export goes with neither --follow nor --json")
        )
    if wanted.output and not wanted.export:
        raise InputError(wording("--output 要和 --export csv 一起用", "--output goes with --export csv"))
    if wanted.issue and (wanted.mailing or wanted.follow):
        raise InputError(
            wording(
                "--issue 列出一期的各次发送；看其中一次请写它的编号",
                "--issue lists the mailings of an issue; for one of them write its number",
            )
        )


async def _status(context: typer.Context, wanted: _Wanted) -> None:
    async with office_of(context) as office:
        if wanted.export:
            await _export(office, wanted)
        elif wanted.follow:
            await _follow(office, wanted)
        elif wanted.mailing is not None:
            account = await accounting.account(office, await accounting.find_mailing(office, wanted.mailing))
            (say_account_json if wanted.as_json else say_account)(office.workspace, account)
        else:
            await _list(office, wanted)


async def _export(office: Office, wanted: _Wanted) -> None:
    if wanted.issue is not None:
        copies = accounting.copies_of_issue(office, wanted.issue)
    else:
        assert wanted.mailing is not None
        copies = accounting.copies_of_mailing(office, await accounting.find_mailing(office, wanted.mailing))
    await export_copies(office.workspace, copies, wanted.output)


async def _follow(office: Office, wanted: _Wanted) -> None:
    stop = stop_on_signal()
    named = wanted.mailing
    line = await (accounting.latest_open(office) if named is None else accounting.find_mailing(office, named))
    if line is None:
        complain(_NOTHING_YET)
    else:
        await follow_mailing(office, line, stop, as_json=wanted.as_json)


async def _list(office: Office, wanted: _Wanted) -> None:
    lines = await sending.latest_mailings(office, wanted.issue)
    counted = [await _counts_of(office, line) for line in lines]
    if wanted.as_json:
        say_json([mailing_json(line.mailing, one) for line, one in zip(lines, counted, strict=True)])
        return
    if not lines:
        say(_NOTHING_YET)
    for line, one in zip(lines, counted, strict=True):
        say_mailing(office.workspace, line, one)


async def _counts_of(office: Office, line: MailingLine) -> Counts:
    async with office.database.read() as connection:
        return await counts.assert_accounted(connection, line.mailing.id)


def say_mailing(workspace: Workspace, line: MailingLine, counted: Counts) -> None:
    """Print one mailing: what, to whom, since when, and its copies by state."""
    say_heading(workspace, line, counted)
    states = " + ".join(f"{tr(*STATES[name])} {number:,}" for name, number in counted.by_state.items() if number)
    planned = counted.planned
    say(tr(f"    计划 {planned:,} 份 = {states or 0}", f"    {planned:,} planned = {states or 0}"))


def schedule(
    context: typer.Context,
    count: Annotated[int, typer.Option("--count", "-c", min=1, max=60, help=tr("显示几次", "how many"))] = 5,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> None:
    """Show the next dates of every schedule in local time, and the issue that would go."""
    asyncio.run(_schedule(context, count, as_json=as_json))


async def _schedule(context: typer.Context, count: int, *, as_json: bool) -> None:
    async with office_of(context) as office:
        slots = await planning.coming_slots(office, count)
        if as_json:
            say_json([_slot_json(office.workspace, coming) for coming in slots])
            return
        if not slots:
            say(tr("没有启用的计划（distributor.toml 的 [[schedule]]）", "no schedule is enabled"))
            return
        say_slots(office.workspace, slots)


def say_slots(workspace: Workspace, slots: Sequence[ScheduledSlot]) -> None:
    """Print coming slots, then why issues that are not ready or too old stay behind."""
    say_table(
        (tr("计划", "schedule"), tr("时间", "when"), tr("会发的期", "issue"), tr("状态", "state")),
        [
            (
                coming.schedule,
                _when(workspace, coming),
                coming.choice.issue.id if coming.choice.issue else "—",
                _state(coming),
            )
            for coming in slots
        ],
    )
    behind = {issue: words(why) for issue, why in slots[0].choice.passed_over}
    for issue, why in behind.items():
        say(tr(f"  {issue} 不会自动发：{why}", f"  {issue} stays: {why}"))


def _when(workspace: Workspace, coming: ScheduledSlot) -> str:
    local = coming.slot.due_at.astimezone(workspace.zone)
    weekday = tr(_WEEKDAYS[local.weekday()], f"{local:%a}")
    moved = (
        tr(f"（{coming.slot.nominal} 放假顺延）", f" (moved from {coming.slot.nominal})")
        if coming.slot.is_shifted
        else ""
    )
    return f"{weekday} {local_text(coming.slot.due_at, workspace.zone)}{moved}"


def _state(coming: ScheduledSlot) -> str:
    if not coming.slot.goes:
        return words(reason_text(coming.slot.reason))
    row = coming.occurrence
    if row is None:
        return tr("未到", "to come")
    why = words(reason_text(row.reason))
    return tr(*_OCCURRENCES[row.state]) + (f"：{why}" if why else "")


def _slot_json(workspace: Workspace, coming: ScheduledSlot) -> dict[str, object]:
    return {
        "schedule": coming.schedule,
        "slot": coming.slot.key,
        "due_at": coming.slot.due_at.astimezone(workspace.zone).isoformat(),
        "nominal": coming.slot.nominal.isoformat(),
        "issue": coming.choice.issue.id if coming.choice.issue else None,
        "state": coming.occurrence.state if coming.occurrence else None,
        "goes": coming.slot.goes,
        "passed_over": {issue: words(why) for issue, why in coming.choice.passed_over},
    }
