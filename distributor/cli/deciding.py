"""Commands by which an operator decides about a mailing: pause, resume, cancel and resend.

Each says what it did and what comes next; none of them delivers anything.
"""

import asyncio
import sys
from typing import Annotated

import typer

from distributor.cli.accounts import STATES
from distributor.cli.console import say, say_json, tr
from distributor.cli.entry import office_of
from distributor.cli.telling import MAILING_HELP
from distributor.delivery.counts import MailingLine
from distributor.delivery.decisions import Failed
from distributor.errors import HeldError
from distributor.operations import accounting, deciding
from distributor.operations.deciding import Decision, Reopening
from distributor.problems import wording

_JSON = tr("输出 JSON", "print JSON")
_Named = Annotated[str, typer.Argument(metavar="MAILING", help=MAILING_HELP)]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("pause", help=tr("暂停一次发送", "stop a mailing until it is resumed"))(pause)
    app.command("resume", help=tr("让暂停的发送接着发", "let a paused mailing go on"))(resume)
    app.command("cancel", help=tr("取消一次发送，还没发的不再发", "end a mailing; what has not gone stays"))(cancel)
    app.command(
        "resend", help=tr("重发被拒绝或过期的（已送达的绝不再发）", "let the refused or expired copies go again")
    )(resend)


def pause(
    context: typer.Context,
    mailing: _Named,
    reason: Annotated[str, typer.Option("--reason", help=tr("原因，status 会显示", "why; status shows it"))] = "",
    as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False,
) -> None:
    """Stop a mailing between two copies until somebody resumes it."""
    asyncio.run(_pause(context, mailing, reason, as_json=as_json))


async def _pause(context: typer.Context, mailing: str, reason: str, *, as_json: bool) -> None:
    async with office_of(context) as office:
        decision = await deciding.pause(office, mailing, reason=reason or tr("人工暂停", "paused by a person"))
    if as_json:
        say_json(_decision_json(decision))
        return
    name, number = _name(decision.before), decision.before.mailing.id
    if not decision.changed:
        say(tr(f"{name}{_ended(decision)}，没有什么可暂停", f"{name} {_ended(decision)}, nothing to pause"))
        return
    left, sending = decision.counts.open, decision.counts.by_state["sending"]
    say(tr(f"已暂停 {name}，还有 {left:,} 份没发", f"paused {name}; {left:,} copies have not gone"))
    if sending:
        say(tr(f"正在发的 {sending} 份会发完", f"{sending} copies under way will end"))
    say(tr(f"接着发：distributor resume {number}", f"let it go on: distributor resume {number}"))
    say(tr(f"不发了：distributor cancel {number}", f"end it: distributor cancel {number}"))


def resume(
    context: typer.Context, mailing: _Named, as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False
) -> None:
    """Let a paused mailing go on."""
    asyncio.run(_resume(context, mailing, as_json=as_json))


async def _resume(context: typer.Context, mailing: str, *, as_json: bool) -> None:
    async with office_of(context) as office:
        decision = await deciding.resume(office, mailing)
    name = _name(decision.before)
    if as_json:
        say_json(_decision_json(decision))
    elif not decision.changed:
        say(tr(f"{name}没有暂停，不用恢复", f"{name} is not paused"))
    elif decision.counts.is_finished:
        say(tr(f"已恢复 {name}；没有剩下要发的", f"resumed {name}; nothing is left to send"))
    else:
        say(tr(f"已恢复 {name}，还有 {decision.counts.open:,} 份", f"resumed {name}; {decision.counts.open:,} to go"))
        _say_who_delivers(decision.before)


def cancel(
    context: typer.Context,
    mailing: _Named,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=tr("不问就取消", "cancel without asking"))] = False,
    reason: Annotated[str, typer.Option("--reason", help=tr("原因，status 会显示", "why; status shows it"))] = "",
    as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False,
) -> None:
    """End a mailing for good; what was sent stays sent."""
    asyncio.run(_cancel(context, mailing, reason, (yes, as_json)))


async def _cancel(context: typer.Context, mailing: str, reason: str, options: tuple[bool, bool]) -> None:
    yes, as_json = options
    async with office_of(context) as office:
        account = await accounting.account(office, await accounting.find_mailing(office, mailing))
        name, unsent = _name(account.line), account.counts.open
        is_open = not account.counts.is_finished and account.line.mailing.state != "cancelled"
        if is_open and not yes and not _agreed(name, unsent):
            raise HeldError(wording("没有取消", "nothing was cancelled"))
        number = f"#{account.line.mailing.id}"
        decision = await deciding.cancel(office, number, reason=reason or tr("人工取消", "cancelled by a person"))
    if as_json:
        say_json(_decision_json(decision))
    elif decision.before.mailing.state == "cancelled" or decision.counts.is_finished:
        say(tr(f"{name}{_ended(decision)}，没有什么可取消", f"{name} {_ended(decision)}, nothing to cancel"))
    else:
        _say_cancelled(decision)


def _say_cancelled(decision: Decision) -> None:
    name, number = _name(decision.before), decision.before.mailing.id
    say(tr(f"已取消 {name}，{decision.changed:,} 份不再发", f"cancelled {name}; {decision.changed:,} will not go"))
    if decision.counts.by_state["sending"]:
        sending = decision.counts.by_state["sending"]
        say(tr(f"正在发的 {sending} 份会发完", f"{sending} copies under way will end"))
    if decision.counts.by_state["uncertain"]:
        say(tr(f"结果不明的：distributor uncertain list {number}", f"unknown: distributor uncertain list {number}"))
    say(tr(f"账目：distributor status {number}", f"its account: distributor status {number}"))


def _agreed(name: str, unsent: int) -> bool:
    if not sys.stdin.isatty():
        raise HeldError(
            wording(
                f"{name}还有 {unsent:,} 份没发，取消不能收回 → 确定就加 --yes",
                f"{name} has {unsent:,} copies to go and cancelling is final: add --yes if you are sure",
            )
        )
    question = tr(
        f"{name}还有 {unsent:,} 份没发，取消不能收回。取消？", f"{name} has {unsent:,} to go. Cancel it for good?"
    )
    return typer.confirm(question, default=False)


def resend(
    context: typer.Context,
    mailing: _Named,
    refused: Annotated[bool, typer.Option("--refused", help=tr("被拒绝的", "the refused ones"))] = False,
    expired: Annotated[bool, typer.Option("--expired", help=tr("过期的", "the expired ones"))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False,
) -> None:
    """Let refused and expired copies go again; without an option both."""
    chosen: list[Failed] = [*(["refused"] if refused else []), *(["expired"] if expired else [])]  # type: ignore[list-item]  # their words
    asyncio.run(_resend(context, mailing, chosen or ["refused", "expired"], as_json=as_json))


async def _resend(context: typer.Context, mailing: str, states: list[Failed], *, as_json: bool) -> None:
    async with office_of(context) as office:
        reopening = await deciding.reopen(office, mailing, states)
    if as_json:
        say_json({"mailing": reopening.before.mailing.id, "reopened": dict(reopening.reopened)})
        return
    _say_reopened(reopening)


def _say_reopened(reopening: Reopening) -> None:
    name = _name(reopening.before)
    words = "、".join(f"{tr(*STATES[state])} {number:,}" for state, number in reopening.reopened.items())
    if not reopening.total:
        say(tr(f"{name}没有可重发的（{words}）", f"{name} has nothing to send again ({words})"))
        return
    say(tr(f"{name}将重发 {reopening.total:,} 份：{words}", f"{name}: {reopening.total:,} go again ({words})"))
    say(tr("期间停发的地址不会收到", "addresses suppressed meanwhile get nothing"))
    if reopening.before.mailing.state == "paused":
        number = reopening.before.mailing.id
        say(tr(f"发送还在暂停：distributor resume {number}", f"it is paused: distributor resume {number}"))
    else:
        _say_who_delivers(reopening.before)


def _say_who_delivers(line: MailingLine) -> None:
    """Say which command delivers: the daemon by itself, otherwise the one that began the mailing."""
    mailing = line.mailing
    lists = " ".join(f"--list {name}" for name in mailing.origin.split("+"))
    by_hand = "distributor tick" if "/" in mailing.origin else f"distributor send {mailing.issue} {lists}"
    say(
        tr(
            f"distributor run 在运行就会接着发；没有运行就执行 {by_hand}",
            f"a running `distributor run` carries on; without one: {by_hand}",
        )
    )


def _name(line: MailingLine) -> str:
    mailing = line.mailing
    return tr(f"发送 #{mailing.id}（{mailing.issue} → {mailing.origin}）", f"mailing #{mailing.id} ({mailing.issue})")


def _ended(decision: Decision) -> str:
    if decision.before.mailing.state == "cancelled":
        return tr("已取消", "was cancelled already")
    return tr("已经发完", "is finished")


def _decision_json(decision: Decision) -> dict[str, object]:
    return {
        "mailing": decision.before.mailing.id,
        "issue": decision.before.mailing.issue,
        "was": decision.before.mailing.state,
        "finished": decision.counts.is_finished,
        "changed": decision.changed,
    }
