"""Commands for copies of unknown fate, which a server may or may not have taken: `distributor uncertain …`."""

import asyncio
from typing import Annotated

import typer

from distributor.cli.console import say, say_json, say_table, tr
from distributor.cli.entry import office_of
from distributor.cli.telling import MAILING_HELP
from distributor.delivery.counts import CopyLine
from distributor.delivery.results import NEVER
from distributor.operations import deciding
from distributor.operations.deciding import Settling, Which
from distributor.operations.workspace import Workspace
from distributor.times import local_text

_NamedOrAll = Annotated[str | None, typer.Argument(metavar="[MAILING]", help=MAILING_HELP)]
_Address = Annotated[str | None, typer.Option("--address", help=tr("只是发给这个地址的", "only those to this address"))]

unknown = typer.Typer(
    help=tr("结果不明的邮件（服务器没来得及答复）", "copies whose acceptance is unknown"),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    unknown.command("list", help=tr("列出来", "list them"))(list_unknown)
    unknown.command("resend", help=tr("再发一次（读者可能收到两份）", "send them again; readers may get two"))(
        resend_unknown
    )
    unknown.command("forgive", help=tr("不再追究，保持结果不明", "leave them as they are, for good"))(forgive_unknown)
    app.add_typer(unknown, name="uncertain")


def list_unknown(
    context: typer.Context,
    mailing: _NamedOrAll = None,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> None:
    """List the copies that a server may or may not have taken, and what becomes of them."""
    asyncio.run(_list_unknown(context, mailing, as_json=as_json))


async def _list_unknown(context: typer.Context, mailing: str | None, *, as_json: bool) -> None:
    async with office_of(context) as office:
        found = await deciding.unknown_copies(office, Which(mailing=mailing))
        if as_json:
            say_json([_unknown_json(office.workspace, line) for line in found])
            return
    if not found:
        say(_none_unknown())
        return
    head = (tr("发送", "mailing"), tr("期", "issue"), tr("地址", "address"), tr("服务器", "server"))
    say_table(
        (*head, tr("次数", "tries"), tr("去向", "what comes"), tr("说明", "what happened")),
        [_row(office.workspace, line) for line in found],
        right=(4,),
    )
    say(
        tr(
            "服务器收没收到，SMTP 无法查询（RFC 1047）；可以向服务商查 Message-ID（--json 里有）",
            "SMTP cannot tell whether they were taken (RFC 1047); a provider may find the Message-ID (see --json)",
        )
    )
    say(tr("再发一次：distributor uncertain resend …", "send them again: distributor uncertain resend …"))
    say(
        tr(
            "不再追究：distributor uncertain forgive … --by 姓名",
            "leave them: distributor uncertain forgive … --by NAME",
        )
    )


def resend_unknown(
    context: typer.Context,
    mailing: _NamedOrAll = None,
    address: _Address = None,
) -> None:
    """Send copies of unknown fate once more: the same bytes, the same Message-ID."""
    asyncio.run(_resend_unknown(context, Which(mailing=mailing, address=address)))


async def _resend_unknown(context: typer.Context, which: Which) -> None:
    async with office_of(context) as office:
        settling = await deciding.resend_unknown(office, which)
    if not settling.found:
        say(_none_unknown())
        return
    if settling.changed:
        changed = settling.changed
        say(tr(f"{changed} 份将再发一次，读者可能收到两份", f"{changed} copies go again; readers may get two"))
        say(tr("由 distributor run 或 distributor tick 发出", "`distributor run` or `distributor tick` sends them"))
    _say_left(settling)


def forgive_unknown(
    context: typer.Context,
    by: Annotated[str, typer.Option("--by", help=tr("由谁决定，记入账目", "who decides; kept in the record"))],
    mailing: _NamedOrAll = None,
    address: _Address = None,
) -> None:
    """Leave copies of unknown fate as they are, for good, and note who decided."""
    asyncio.run(_forgive_unknown(context, Which(mailing=mailing, address=address), by))


async def _forgive_unknown(context: typer.Context, which: Which, by: str) -> None:
    async with office_of(context) as office:
        settling = await deciding.forgive_unknown(office, which, by=by)
    if not settling.found:
        say(_none_unknown())
        return
    changed = settling.changed
    say(tr(f"{changed} 份保持结果不明，不再发，记在 {by} 名下", f"{changed} stay uncertain and will not go, by {by}"))
    say(tr("账目里一直算作“结果不明”", "they count as uncertain for ever"))


def _say_left(settling: Settling) -> None:
    left = len(settling.found) - settling.changed
    if left:
        say(
            tr(
                f"{left} 份属于已取消的发送，没有动 → distributor uncertain forgive … --by 姓名",
                f"{left} are of cancelled mailings and stay: distributor uncertain forgive … --by NAME",
            )
        )


def _row(workspace: Workspace, line: CopyLine) -> tuple[object, ...]:
    copy = (f"#{line.mailing}", line.issue, line.address, line.server or "—", line.attempts)
    return (*copy, _coming(workspace, line), line.last_text)


def _coming(workspace: Workspace, line: CopyLine) -> str:
    if line.due_at >= NEVER:
        return tr("等人决定", "waits for a person")
    return tr(f"{local_text(line.due_at, workspace.zone)} 自动再发", f"again {local_text(line.due_at, workspace.zone)}")


def _none_unknown() -> str:
    return tr("没有结果不明、待决定的邮件", "no copy is of unknown fate")


def _unknown_json(workspace: Workspace, line: CopyLine) -> dict[str, object]:
    return {
        "copy": line.id,
        "mailing": line.mailing,
        "issue": line.issue,
        "address": line.address,
        "server": line.server,
        "message_id": line.message_id,
        "attempts": line.attempts,
        "goes_again_at": None if line.due_at >= NEVER else line.due_at.astimezone(workspace.zone).isoformat(),
        "text": line.last_text,
    }
