"""The command group of the calendar: schedule shows it; hold, skip, release and send-now decide about one slot.

Each decision says what it did and the next sensible command; none of them mails anything by itself.
"""

import asyncio
from typing import Annotated

import typer

from distributor.cli.agenda_words import (
    meaning_of,
    overview_json,
    say_overview,
    slot_time,
)
from distributor.cli.console import say, say_json, tr
from distributor.cli.entry import office_of
from distributor.operations import agenda, outlook
from distributor.operations.agenda import Asking, Decided, Sending
from distributor.operations.workspace import Workspace
from distributor.scheduling.model import Occurrence, Reason
from distributor.scheduling.reasons import words_of

_SLOT_HELP = tr(
    "哪一次：weekly/2026-W48#1、weekly（它的下一次）或日期；只有一个计划时可以不写",
    "which slot: weekly/2026-W48#1, weekly (its next one) or a date; may be left out where one schedule is enabled",
)
_Slot = Annotated[str | None, typer.Argument(metavar="[SLOT]", help=_SLOT_HELP)]
_Why = Annotated[str, typer.Option("--why", help=tr("原因，schedule 会显示", "why; schedule shows it"))]
_Json = Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(
        help=tr(
            "接下来的发送时间和会发的期；暂缓、不发、放行、现在发", "the next dates; hold, skip, release, send now"
        ),
        invoke_without_command=True,
    )
    group.callback()(schedule)
    group.command("hold", help=tr("暂缓一次，直到放行", "keep a slot back until it is released"))(hold)
    group.command("skip", help=tr("这一次不发", "leave a slot out"))(skip)
    group.command("release", help=tr("放行暂缓的一次", "let a held slot go"))(release)
    group.command("send-now", help=tr("现在就发这一次，错过的也可以", "send a slot now, also one missed"))(send_now)
    app.add_typer(group, name="schedule")


def schedule(
    context: typer.Context,
    count: Annotated[int, typer.Option("--count", "-c", min=1, max=60, help=tr("显示几次", "how many"))] = 5,
    as_json: _Json = False,
) -> None:
    """Show every schedule: its meaning, the next dates in local time, the issue that would go, what went lately."""
    if context.invoked_subcommand is None:
        asyncio.run(_schedule(context, count, as_json=as_json))


async def _schedule(context: typer.Context, count: int, *, as_json: bool) -> None:
    async with office_of(context) as office:
        seen = await outlook.overview(office, count)
        if as_json:
            say_json(overview_json(office.workspace, seen))
        else:
            say_overview(office.workspace, seen)


def hold(context: typer.Context, slot: _Slot = None, why: _Why = "", as_json: _Json = False) -> None:
    """Keep a slot back until somebody releases it."""
    asyncio.run(_hold(context, slot, why, as_json=as_json))


async def _hold(context: typer.Context, slot: str | None, why: str, *, as_json: bool) -> None:
    async with office_of(context) as office:
        decided = await agenda.hold(office, slot, why)
    name, when = _name(decided.before), slot_time(office.workspace, decided.before.due_at)
    if as_json:
        say_json(_decided_json(office.workspace, decided))
        return
    if decided.changed:
        rest = _rest(decided.before)
        say(tr(f"已暂缓 {name}{rest[0]}（{when}）", f"held {name}{rest[1]} ({when})"))
    else:
        say(tr(f"{name} 早已暂缓（{when}）", f"{name} was held already ({when})"))
    say(tr(f"放行：distributor schedule release {name}", f"let it go: distributor schedule release {name}"))
    say(tr(f"不发了：distributor schedule skip {name}", f"leave it out: distributor schedule skip {name}"))


def skip(context: typer.Context, slot: _Slot = None, why: _Why = "", as_json: _Json = False) -> None:
    """Leave a slot out; the next one goes as usual."""
    asyncio.run(_skip(context, slot, why, as_json=as_json))


async def _skip(context: typer.Context, slot: str | None, why: str, *, as_json: bool) -> None:
    async with office_of(context) as office:
        decided = await agenda.skip(office, slot, why)
    name, when = _name(decided.before), slot_time(office.workspace, decided.before.due_at)
    if as_json:
        say_json(_decided_json(office.workspace, decided))
        return
    if decided.changed:
        rest = _rest(decided.before)
        say(tr(f"{name}{rest[0]} 不发了（{when}）", f"{name}{rest[1]} will not go ({when})"))
    else:
        say(tr(f"{name} 早已定为不发（{when}）", f"{name} was left out already ({when})"))
    undo = "release" if decided.after.due_at > office.workspace.clock.now() else "send-now"
    say(tr(f"改主意就运行：distributor schedule {undo} {name}", f"to undo: distributor schedule {undo} {name}"))


def release(context: typer.Context, slot: _Slot = None, as_json: _Json = False) -> None:
    """Let a held slot go at its time, or with the next beat where that has passed."""
    asyncio.run(_release(context, slot, as_json=as_json))


async def _release(context: typer.Context, slot: str | None, *, as_json: bool) -> None:
    async with office_of(context) as office:
        decided = await agenda.release(office, slot)
    name, when = _name(decided.before), slot_time(office.workspace, decided.after.due_at)
    if as_json:
        say_json(_decided_json(office.workspace, decided))
    elif not decided.changed:
        say(tr(f"{name} 没有暂缓，会按时发（{when}）", f"{name} is not held and goes at its time ({when})"))
    elif decided.before.due_at > office.workspace.clock.now():
        say(tr(f"已放行 {name}，到时间就发（{when}）", f"released {name}; it goes at its time ({when})"))
    else:
        say(tr(f"已放行 {name}，时间已过，马上就发", f"released {name}; its time has passed, it goes at once"))
        say(
            tr(
                "distributor run 在运行就会发；没有运行就执行 distributor tick",
                "a running `distributor run` sends it; without one: distributor tick",
            )
        )


def send_now(
    context: typer.Context,
    slot: _Slot = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=tr("只看会发什么，不发", "show what would go, change nothing"))
    ] = False,
    despite_log: Annotated[
        bool,
        typer.Option(
            "--despite-log",
            help=tr(
                "launches.log 记着已经发出、其实没有：再发", "send although launches.log says that it went already"
            ),
        ),
    ] = False,
    as_json: _Json = False,
) -> None:
    """Send a slot now, also one that was missed, skipped or held; after a pilot, end the wait for the rest."""
    asyncio.run(_send_now(context, slot, Asking(dry_run=dry_run, despite_log=despite_log), as_json=as_json))


async def _send_now(context: typer.Context, slot: str | None, asking: Asking, *, as_json: bool) -> None:
    async with office_of(context) as office:
        sending = await agenda.send_now(office, slot, asking)
    if as_json:
        say_json(_sending_json(office.workspace, sending))
        return
    name, rest = _name(sending.before), _rest(sending.before)
    what = tr(
        f"{sending.issue} → {meaning_of(office.workspace, sending.before.schedule)}，{sending.readers:,} 人还没有收到",
        f"{sending.issue} to {meaning_of(office.workspace, sending.before.schedule)}, {sending.readers:,} without it",
    )
    if asking.dry_run:
        say(tr(f"会发 {name}{rest[0]}：{what}", f"would send {name}{rest[1]}: {what}"))
        say(tr("没有改动；预演：", "nothing was changed; rehearse it: ") + f"distributor plan {sending.issue}")
        return
    say(tr(f"{name}{rest[0]} 现在就发：{what}", f"{name}{rest[1]} goes now: {what}"))
    if office.workspace.schedule(sending.before.schedule).approval:
        approve = f"distributor approve {sending.issue} --by NAME"
        say(tr(f"这个计划要核准，没核准就等着：{approve}", f"it waits for approval where there is none: {approve}"))
    _say_who_sends(sending)


def _say_who_sends(sending: Sending) -> None:
    if not sending.daemons:
        say(
            tr(
                "没有 distributor run 在运行，请执行：distributor tick",
                "no `distributor run` is there; send it with: distributor tick",
            )
        )
        return
    first = sending.daemons[0]
    say(
        tr(
            f"由 {first.host} 上的 distributor run（进程 {first.pid}）在半分钟内发出；进度：distributor status",
            f"`distributor run` on {first.host} (process {first.pid}) sends it in half a minute: distributor status",
        )
    )


def _name(row: Occurrence) -> str:
    return f"{row.schedule}/{row.slot}"


def _rest(row: Occurrence) -> tuple[str, str]:
    """Return what is said of a slot whose pilot went: only the rest is decided about."""
    return (
        (" 试发之后的其余部分", " (the rest after its pilot)") if words_of(row.reason)[0] is Reason.PILOT else ("", "")
    )


def _decided_json(workspace: Workspace, decided: Decided) -> dict[str, object]:
    return {
        "slot": _name(decided.before),
        "due_at": decided.after.due_at.astimezone(workspace.zone).isoformat(),
        "was": decided.before.state,
        "state": decided.after.state,
        "reason": decided.after.reason,
        "changed": decided.changed,
    }


def _sending_json(workspace: Workspace, sending: Sending) -> dict[str, object]:
    return _decided_json(workspace, sending) | {
        "issue": sending.issue,
        "readers": sending.readers,
        "daemons": [{"host": one.host, "pid": one.pid} for one in sending.daemons],
    }
