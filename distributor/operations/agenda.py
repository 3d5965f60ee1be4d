"""What a person decides about one slot of a schedule: hold it, skip it, release it, send it now.

Enters: an office and the slot as people name it (`slot_names`). Leaves: a `Decided` that says what was true and what is
true now. A decision finds, looks and acts in one transaction; it mails nothing by itself, the next beat does. Safe to
repeat: what is decided already changes nothing. A slot that no beat has planned yet gets its row first, so that next
month's can be held today.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.content.loader import list_issues
from distributor.errors import HeldError
from distributor.identifiers import IssueId, ScheduleId
from distributor.operations import history, presence, slot_names
from distributor.operations.choosing import choose_issue
from distributor.operations.office import Office
from distributor.operations.presence import Presence
from distributor.operations.rehearsals import planning
from distributor.operations.slot_names import Found, Prefer
from distributor.problems import wording
from distributor.scheduling import calendar
from distributor.scheduling.model import Occurrence, Reason, State
from distributor.scheduling.reasons import is_by_operator, words_of
from distributor.schema import delivery, mailing
from distributor.subscribers import store

_Act = Callable[[AsyncConnection, Occurrence, datetime], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A slot before and after a decision, and whether this call changed it."""

    before: Occurrence
    after: Occurrence
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending(Decided):
    """A slot that is to go at once: the issue, and how many are on its lists and have no copy of it yet.

    `daemons` are those that run and will do it; empty where a person must start a beat.
    """

    issue: IssueId
    readers: int
    daemons: tuple[Presence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How it was asked to send now: only to be told what would go, or although launches.log says that it went."""

    dry_run: bool = False
    despite_log: bool = False


async def hold(office: Office, named: str | None, why: str = "") -> Decided:
    """Keep a slot back until it is released. Raises InputError, and HeldError where it has gone or ended."""

    async def act(tx: AsyncConnection, row: Occurrence, now: datetime) -> bool:
        _refuse(row, "launched", "missed", "skipped")
        return await calendar.hold(tx, row.id, now, why)

    return await _decide(office, named, slot_names.next_open, act)


async def skip(office: Office, named: str | None, why: str = "") -> Decided:
    """Leave a slot out; after a pilot, the rest. Raises InputError, and HeldError where it has gone or was missed."""

    async def act(tx: AsyncConnection, row: Occurrence, now: datetime) -> bool:
        _refuse(row, "launched", "missed")
        return await calendar.skip(tx, row.id, now, why)

    return await _decide(office, named, slot_names.next_open, act)


async def release(office: Office, named: str | None) -> Decided:
    """Let a held slot go at its time, or with the next beat where that has passed; also one skipped ahead of its time.

    Raises InputError, and HeldError where it has gone or ended, or is held because launches.log says that it went.
    """

    async def act(tx: AsyncConnection, row: Occurrence, now: datetime) -> bool:
        _refuse(row, "launched", "missed")
        _refuse_logged(row)
        if row.state == "skipped" and not (is_by_operator(row.reason) and row.due_at > now):
            _refuse(row, "skipped")
        return await calendar.release(tx, row.id, now)

    return await _decide(office, named, slot_names.next_held, act)


async def send_now(office: Office, named: str | None, asking: Asking) -> Sending:
    """Make a slot due at once, also one that was missed or skipped; after a pilot this ends the hold.

    Raises InputError, and HeldError where it went, where launches.log says so (unless `despite_log`), and where no
    issue could go: the slot would wait, and in the end be missed.
    """
    async with office.database.read() as connection:
        found = await slot_names.find(connection, office.workspace, named, slot_names.next_to_send)
        begun = await _begun(connection, found.row)
    row = found.row
    _refuse(row, "launched")
    if not asking.despite_log:
        _refuse_logged(row)
    issue = begun or await _chosen(office, found, despite_log=asking.despite_log)
    decided = Decided(before=row, after=row, changed=False)
    if not asking.dry_run:
        decided = await _send(office, f"{row.schedule}/{row.slot}", despite_log=asking.despite_log)
    async with office.database.read() as connection:
        now = office.workspace.clock.now()
        daemons = tuple(one for one in await presence.read(connection) if one.is_alive(now))
        readers = await _without_copy(connection, office, row.schedule, issue)
    return Sending(
        before=row, after=decided.after, changed=decided.changed, issue=issue, readers=readers, daemons=daemons
    )


async def _send(office: Office, slot: str, *, despite_log: bool) -> Decided:
    async def act(tx: AsyncConnection, row: Occurrence, now: datetime) -> bool:
        _refuse(row, "launched")
        return await calendar.send_now(tx, row.id, now, despite_log=despite_log)

    return await _decide(office, slot, slot_names.next_to_send, act)


async def _decide(office: Office, named: str | None, prefer: Prefer, act: _Act) -> Decided:
    workspace = office.workspace
    now = workspace.clock.now()
    async with office.database.write() as tx:
        found = await slot_names.find(tx, workspace, named, prefer)
        row = found.row if found.is_written else await calendar.enter(tx, found.row)
        changed = await act(tx, row, now)
        after = await calendar.find(tx, row.schedule, row.slot)
    return Decided(before=row, after=after or replace(row), changed=changed)


def _refuse(row: Occurrence, *states: State) -> None:
    """Raise HeldError where the slot is in one of these states."""
    if row.state not in states:
        return
    name = f"{row.schedule}/{row.slot}"
    refused = {
        "launched": wording(
            f"{name} 已经发出，没有改动 → 还没发完的用 distributor pause 停下，distributor status 看编号",
            f"{name} has gone; nothing was changed: `distributor pause` stops what has not left, see `status`",
        ),
        "missed": wording(
            f"{name} 已经错过，没有改动 → 现在补发：distributor schedule send-now {name}",
            f"{name} was missed; nothing was changed: send it with `distributor schedule send-now {name}`",
        ),
        "skipped": wording(
            f"{name} 已定为不发，没有改动 → 要发就运行 distributor schedule send-now {name}",
            f"{name} does not go; nothing was changed: send it with `distributor schedule send-now {name}`",
        ),
    }
    raise HeldError(refused[row.state])


def _refuse_logged(row: Occurrence) -> None:
    if row.state != "held" or words_of(row.reason)[1] is not Reason.RESTORED:
        return
    name = f"{row.schedule}/{row.slot}"
    raise HeldError(
        wording(
            f"{name}：launches.log 记着已经发出，数据库却不知道（恢复过备份？），没有改动 → 确实没有发出："
            f"distributor schedule send-now {name} --despite-log；已经发出：distributor schedule skip {name}",
            f"{name}: launches.log says that it went, the database does not know it; nothing was changed. It did not "
            f"go: `distributor schedule send-now {name} --despite-log`; it did: `distributor schedule skip {name}`",
        )
    )


async def _begun(connection: AsyncConnection, row: Occurrence) -> IssueId | None:
    """Return the issue whose pilot went with this slot."""
    statement = sa.select(mailing.c.issue).where(mailing.c.occurrence == row.id, mailing.c.launched_at.is_not(None))
    issue = await connection.scalar(statement.order_by(mailing.c.id.desc()))
    return None if issue is None else IssueId(issue)


async def _chosen(office: Office, found: Found, *, despite_log: bool) -> IssueId:
    """Return the issue that would go with a slot today. Raises HeldError with every reason where none may."""
    workspace, rule = office.workspace, found.rule
    async with office.database.read() as connection:
        state = (await calendar.states(connection)).get(rule.id)
    first_seen = (state.first_seen_at if state else workspace.clock.now()).astimezone(rule.zone).date()
    nominal = found.row.planned_at.astimezone(rule.zone).date()
    again = f"{rule.id}/{found.row.slot}" if despite_log else ""
    past = await history.past_of(office, workspace.schedule(rule.id), again=again)
    issues = await asyncio.to_thread(list_issues, workspace.root)
    window = planning.window_of(office, rule, max(nominal, workspace.today), first_seen)
    choice = choose_issue(issues, past.launched, window, past.elsewhere)
    if choice.issue is not None:
        return choice.issue.id
    name = f"{rule.id}/{found.row.slot}"
    zh = "；".join(f"{issue} {why.zh}" for issue, why in choice.passed_over)
    en = "; ".join(f"{issue}: {why.en}" for issue, why in choice.passed_over)
    raise HeldError(
        wording(
            f"{name} 没有可发的期，没有改动（{zh or 'content 里没有期'}）→ 先用 distributor ready 标为就绪",
            f"{name} has no issue to send, nothing was changed ({en or 'no issue in content'}): mark one ready first",
        )
    )


async def _without_copy(connection: AsyncConnection, office: Office, schedule: ScheduleId, issue: IssueId) -> int:
    """Count who is on the schedule's lists and has no copy of the issue yet, whatever sections they chose."""
    readers = store.mailable(office.workspace.schedule(schedule).lists).order_by(None).subquery()
    copies = sa.select(delivery.c.email_key).where(
        delivery.c.channel == office.workspace.channel, delivery.c.issue == issue, delivery.c.send_no == 1
    )
    statement = sa.select(sa.func.count()).select_from(readers).where(readers.c.email_key.not_in(copies))
    return await connection.scalar(statement) or 0
