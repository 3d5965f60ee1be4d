"""One mailing in detail: its account by state and domain, its speed, what keeps it, and the next sensible command.

Once, or watched until it is finished: redrawn in place on a terminal, a line for every change elsewhere.
"""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta

from distributor.cli.accounts import STATES, mailing_json, say_counts
from distributor.cli.console import say, say_json, say_pairs, say_table, tr
from distributor.delivery.counts import GOT_IT, Counts, MailingLine
from distributor.delivery.model import OPEN_STATES, State
from distributor.operations import accounting
from distributor.operations.accounting import Account, DomainLine
from distributor.operations.office import Office
from distributor.operations.workspace import Workspace
from distributor.times import local_text

_DOMAINS_SHOWN = 12
_COLUMNS: Mapping[tuple[str, str], tuple[State, ...]] = {
    ("已送达", "taken"): GOT_IT,
    ("待发", "to go"): tuple(state for state in OPEN_STATES if state != "deferred"),
    ("稍后再试", "deferred"): ("deferred",),
    ("被拒绝", "refused"): ("refused",),
    ("结果不明", "uncertain"): ("uncertain",),
    ("过期", "expired"): ("expired",),
    ("不发", "not sent"): ("suppressed", "cancelled"),
}
_OTHER_SCREEN, _OWN_SCREEN, _BLANK = "\x1b[?1049h", "\x1b[?1049l", "\x1b[H\x1b[2J"


def say_heading(workspace: Workspace, line: MailingLine, counted: Counts) -> None:
    """Print one mailing on one line: its number, issue, readers, way out, launch and state."""
    mailing = line.mailing
    launched = local_text(line.launched_at, workspace.zone) if line.launched_at else "—"
    state = {"running": tr("已完成", "finished") if counted.is_finished else tr("进行中", "running")}.get(
        mailing.state, {"paused": tr("已暂停", "paused"), "cancelled": tr("已取消", "cancelled")}.get(mailing.state, "")
    )
    channel = tr("发件箱（未外发）", "outbox") if mailing.channel == "outbox" else "SMTP"
    say(f"#{mailing.id}  {mailing.issue}  {mailing.origin}  {channel}  {launched}  {state} {mailing.reason}".rstrip())


def say_account(workspace: Workspace, account: Account) -> None:
    """Print everything about one mailing."""
    mailing = account.line.mailing
    say_heading(workspace, account.line, account.counts)
    planned, total = account.counts.planned, account.counts.total
    say(tr(f"计划 {planned:,} 份，各状态相加 {total:,} 份", f"{planned:,} planned, {total:,} in all states together"))
    say()
    say_counts(account.counts)
    say_pairs(_figures(workspace, account))
    if mailing.already_mailed or mailing.without_section:
        say(
            tr(
                f"另有 {mailing.already_mailed:,} 人已有这一期，{mailing.without_section:,} 人没有所选栏目",
                f"besides: {mailing.already_mailed:,} have it already, {mailing.without_section:,} without a section",
            )
        )
    say()
    say_table(*_domain_table(account.domains), right=tuple(range(1, 2 + len(_COLUMNS))))
    for sentence in next_steps(account):
        say(f"→ {sentence}")


def say_account_json(workspace: Workspace, account: Account) -> None:
    """Print everything about one mailing for a script; moments are local, with their offset."""
    say_json(account_json(workspace, account))


def account_json(workspace: Workspace, account: Account) -> dict[str, object]:
    """Return an account as a script reads it."""
    moments = {
        "at": account.at,
        "launched_at": account.line.launched_at,
        "resume_at": account.line.resume_at,
        "next_due_at": account.outlook.due_at,
        "last_taken_at": account.last_taken_at,
        "finish": account.finish,
    }
    return (
        mailing_json(account.line.mailing, account.counts)
        | {
            "open": account.counts.open,
            "resending": account.counts.resending,
            "in_hand": account.outlook.in_hand,
            "per_minute": round(account.per_minute, 1),
        }
        | {name: one.astimezone(workspace.zone).isoformat() if one else None for name, one in moments.items()}
        | {
            "domains": [
                {"domain": line.domain, "planned": line.planned, "copies": dict(line.by_state)}
                for line in account.domains
            ]
        }
    )


async def follow(office: Office, of: MailingLine, stop: asyncio.Event, *, as_json: bool) -> None:
    """Show a mailing until it is finished or `stop` is set; as JSON, one document on each line."""
    accounts = accounting.watch(office, of, stop)
    if as_json:
        async for account in accounts:
            say(json.dumps(account_json(office.workspace, account), ensure_ascii=False))
    elif sys.stdout.isatty():
        await _redraw(office, of, stop)
    else:
        said = ""
        async for account in accounts:
            line = progress_line(office.workspace, account)
            if line != said:
                say(f"{account.at.astimezone(office.workspace.zone):%H:%M:%S}  {line}")
            said = line


async def _redraw(office: Office, of: MailingLine, stop: asyncio.Event) -> None:
    # The alternate screen, as `watch` and `less` use it: what stood in the terminal is there again afterwards.
    sys.stdout.write(_OTHER_SCREEN)
    last: Account | None = None
    try:
        async for account in accounting.watch(office, of, stop):
            last = account
            sys.stdout.write(_BLANK)
            say_account(office.workspace, account)
            say()
            say(tr("按 Ctrl+C 结束观看；发送不受影响", "Ctrl+C ends watching; sending goes on"))
    finally:
        sys.stdout.write(_OWN_SCREEN)
        sys.stdout.flush()
    if last is not None:
        say_account(office.workspace, last)


def progress_line(workspace: Workspace, account: Account) -> str:
    """Return a mailing's progress on one line: done of planned, what went wrong, speed and when it will be done."""
    counted = account.counts
    done = counted.planned - counted.open
    share = f"{done / counted.planned:.0%}" if counted.planned else "100%"
    wrong = [f"{tr(*STATES[state])} {counted.by_state[state]:,}" for state in ("deferred", "refused", "uncertain")]
    parts = [
        f"{done:,} / {counted.planned:,}（{share}）",
        *(text for text in wrong if not text.endswith(" 0")),
        _state_words(account),
    ]
    if not counted.is_finished:
        parts += [f"{name} {value}" for name, value in _figures(workspace, account).items()]
    return "  ".join(part for part in parts if part)


def next_steps(account: Account) -> Iterator[str]:
    """Yield what a person may want to do about a mailing, each with its command."""
    number, counted = account.line.mailing.id, account.counts
    if account.line.mailing.state == "paused" and not counted.is_finished:
        yield tr(f"让它接着发：distributor resume {number}", f"let it go on: distributor resume {number}")
    if account.is_waiting_for_us:
        yield tr(
            "有到时间的邮件没有发：没有程序在运行（运行 distributor run 或 distributor tick），或在等限速",
            "copies are due and nobody sends them: run `distributor run` or `distributor tick`, unless a limit waits",
        )
    if counted.held:
        yield tr(
            f"{counted.held} 份结果不明、等人决定：distributor uncertain list {number}",
            f"{counted.held} uncertain copies wait for a person: distributor uncertain list {number}",
        )
    failed = {state: counted.by_state[state] for state in ("refused", "expired") if counted.by_state[state]}
    if failed and account.line.mailing.state != "cancelled":
        options = " ".join(f"--{state}" for state in failed)
        yield tr(
            f"查明原因后可以重发：distributor resend {number} {options}",
            f"once the cause is mended, send them again: distributor resend {number} {options}",
        )


def _figures(workspace: Workspace, account: Account) -> dict[str, str]:
    """Return speed and times, those that can be told."""
    found: dict[str, str] = {}
    if account.per_minute:
        found[tr("速度", "speed")] = tr(f"{account.per_minute:,.0f} 份/分钟", f"{account.per_minute:,.0f} a minute")
    if account.finish:
        left = max(account.finish - account.at, timedelta(0))
        found[tr("预计发完", "last copy")] = f"{local_text(account.finish, workspace.zone)}（{_span(left)}）"
    elif account.counts.is_finished and account.last_taken_at:
        found[tr("最后一份", "last copy")] = local_text(account.last_taken_at, workspace.zone)
    if account.line.mailing.state == "paused" and not account.counts.is_finished:
        resume_at = account.line.resume_at
        found[tr("恢复时间", "goes on")] = (
            local_text(resume_at, workspace.zone) if resume_at else tr("等人决定", "when a person says so")
        )
    if not account.counts.is_finished and account.outlook.due_at and account.outlook.due_at > account.at:
        found[tr("下一份", "next copy")] = local_text(account.outlook.due_at, workspace.zone)
    return found


def _state_words(account: Account) -> str:
    mailing = account.line.mailing
    if mailing.state == "paused":
        return f"{tr('已暂停', 'paused')} {mailing.reason}".rstrip()
    if mailing.state == "cancelled":
        return tr("已取消", "cancelled")
    return tr("已完成", "finished") if account.counts.is_finished else ""


def _span(span: timedelta) -> str:
    minutes = round(span / timedelta(minutes=1))
    if minutes < 1:
        return tr("不到 1 分钟", "under a minute")
    hours, rest = divmod(minutes, 60)
    if not hours:
        return tr(f"还要 {rest} 分钟", f"{rest} min left")
    return tr(f"还要 {hours} 小时 {rest} 分钟", f"{hours} h {rest} min left")


def _domain_table(domains: tuple[DomainLine, ...]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Return the head and the rows: the largest domains, the others together on the last."""
    head = (tr("域名", "domain"), tr("计划", "planned"), *(tr(*name) for name in _COLUMNS))
    rows = [_domain_row(line.domain, [line]) for line in domains[:_DOMAINS_SHOWN]]
    others = domains[_DOMAINS_SHOWN:]
    if others:
        name = tr(f"其他 {len(others)} 个", f"{len(others)} others")
        rows.append(_domain_row(name, others))
    return head, rows


def _domain_row(name: str, lines: list[DomainLine] | tuple[DomainLine, ...]) -> tuple[object, ...]:
    figures = [sum(line.by_state.get(state, 0) for line in lines for state in states) for states in _COLUMNS.values()]
    return (name, f"{sum(line.planned for line in lines):,}", *(f"{one:,}" if one else "" for one in figures))
