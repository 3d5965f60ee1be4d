"""The command that tells how mailings stand and changes nothing: status."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.accounts import STATES, mailing_json
from distributor.cli.console import complain, say, say_json, tr
from distributor.cli.daemons import say_daemons
from distributor.cli.editing import ISSUE_HELP
from distributor.cli.entry import office_to_look_into
from distributor.cli.exporting import export_copies
from distributor.cli.progress import follow as follow_mailing
from distributor.cli.progress import say_account, say_account_json, say_heading
from distributor.cli.standing import say_check, say_incidents
from distributor.cli.staying import stop_on_signal
from distributor.delivery import counts
from distributor.delivery.counts import Counts, MailingLine
from distributor.errors import InputError
from distributor.operations import accounting, sending
from distributor.operations.alarms.soundness import soundness
from distributor.operations.office import Office
from distributor.operations.workspace import Workspace
from distributor.problems import wording

MAILING_HELP = tr("status 显示的编号，或只发过一次的期", "the number that status shows, or an issue mailed once")
_NOTHING_YET = tr("还没有发送过", "nothing was sent yet")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("status", help=tr("发送的进度和账目，每一份的去向", "progress and accounts of mailings"))(status)


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
    check: bool


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
    check: Annotated[
        bool,
        typer.Option("--check", help=tr("有没有要处理的事：没有就以 0 结束", "whether anything is wrong: 0 if not")),
    ] = False,
) -> None:
    """Show what is wrong and the latest mailings, one of them in detail, or every copy."""
    wanted = _Wanted(
        mailing=mailing, issue=issue, follow=follow, as_json=as_json, export=export, output=output, check=check
    )
    _refuse_contradictions(wanted)
    if code := asyncio.run(_status(context, wanted)):
        raise typer.Exit(code)


def _refuse_contradictions(wanted: _Wanted) -> None:
    if wanted.export and (wanted.mailing is None) == (wanted.issue is None):
        raise InputError(wording("导出时写明 --issue 或一次发送，只写一个", "export one --issue or one mailing"))
    if wanted.export and (wanted.follow or wanted.as_json):
        raise InputError(
            wording("--export 不能和 --follow、--json 一起用", "--export goes with neither --follow nor --json")
        )
    if wanted.output and not wanted.export:
        raise InputError(wording("--output 要和 --export csv 一起用", "--output goes with --export csv"))
    if wanted.check and (wanted.mailing or wanted.issue or wanted.follow or wanted.export):
        raise InputError(wording("--check 只能和 --json 一起用", "--check goes with --json alone"))
    if wanted.issue and (wanted.mailing or wanted.follow):
        raise InputError(
            wording(
                "--issue 列出一期的各次发送；看其中一次请写它的编号",
                "--issue lists the mailings of an issue; for one of them write its number",
            )
        )


async def _status(context: typer.Context, wanted: _Wanted) -> int:
    async with office_to_look_into(context) as office:
        if wanted.check:
            found = await soundness(office)
            say_check(office.workspace, found, as_json=wanted.as_json)
            return found.exit_code
        if wanted.export:
            await _export(office, wanted)
        elif wanted.follow:
            await _follow(office, wanted)
        elif wanted.mailing is not None:
            account = await accounting.account(office, await accounting.find_mailing(office, wanted.mailing))
            (say_account_json if wanted.as_json else say_account)(office.workspace, account)
        else:
            await _list(office, wanted)
    return 0


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
    if wanted.issue is None:
        await say_daemons(office)
        say_incidents(office.workspace, await soundness(office))
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
