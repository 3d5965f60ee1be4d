"""What became of mailings: one found by what a person typed, its account, and the copies of an issue one by one.

Reads only; `deciding` acts. A mailing is named by the number that `distributor status` shows, or by its issue when
that was mailed once. An account adds up: `counts.assert_accounted` raises where it does not.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.delivery import counts, pilots
from distributor.delivery.counts import GOT_IT, CopyLine, Counts, MailingLine, Outlook
from distributor.delivery.ledger import DUE_STATES
from distributor.delivery.model import OPEN_STATES, State
from distributor.delivery.results import NEVER
from distributor.errors import InputError
from distributor.identifiers import IssueReference, parse_issue_reference
from distributor.operations.finishing import forecast_copies
from distributor.operations.office import Office
from distributor.problems import wording
from distributor.schema import delivery, mailing

RECENT = timedelta(minutes=5)
"""How far back the speed of a mailing looks."""
_SHORTEST = timedelta(seconds=10)
_NAMED_AT_ONCE = 10
_LAUNCHED = mailing.c.launched_at.is_not(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainLine:
    """The copies of a mailing at one recipient domain, by state (only states that have any)."""

    domain: str
    by_state: Mapping[State, int]

    @property
    def planned(self) -> int:
        """How many copies go there, whatever their state."""
        return sum(self.by_state.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One mailing at one moment: copies by state and by domain (the largest first), its speed and what is coming.

    `per_minute` counts what was taken in the last five minutes; `finish` is an estimate from that speed, the limits
    of servers and destinations and the copies that wait for another try, None where nothing can be said.
    """

    at: datetime
    line: MailingLine
    counts: Counts
    domains: tuple[DomainLine, ...]
    outlook: Outlook
    per_minute: float
    last_taken_at: datetime | None
    finish: datetime | None

    @property
    def taken(self) -> int:
        """How many copies a server took, or the outbox holds."""
        return sum(self.counts.by_state[state] for state in GOT_IT)

    @property
    def is_waiting_for_us(self) -> bool:
        """Whether copies are due, nobody has any in hand and nothing was taken of late: perhaps nobody is sending."""
        due = self.outlook.due_at is not None and self.outlook.due_at <= self.at
        return self.line.mailing.state == "running" and due and not self.outlook.in_hand and not self.per_minute


async def named_mailing(connection: AsyncConnection, text: str) -> MailingLine:
    """Return the launched mailing that a person called 3, #3, 55 or 2015-055.

    Raises InputError, naming the mailings there are, when there is none or more than one of that name.
    """
    launched = await counts.mailings(connection, [_LAUNCHED])
    found = _called(launched, text)
    if len(found) == 1:
        return found[0]
    if found:
        listed = _listed(found)
        raise InputError(
            wording(
                f'“{text}”可以指几次发送：{listed} → 写发送的编号，例如 "#{found[0].mailing.id}"（带引号）',
                f'"{text}" may be any of {listed}: write the number of the mailing, e.g. "#{found[0].mailing.id}"',
            )
        )
    known = _listed(launched[:_NAMED_AT_ONCE])
    raise InputError(
        wording(
            f"没有叫“{text}”的发送 → 现有：{known or '（还没有发送过）'}",
            f'there is no mailing "{text}"; there are: {known or "none yet"}',
        )
    )


async def find_mailing(office: Office, text: str) -> MailingLine:
    """Return the launched mailing of that name. Raises InputError."""
    async with office.database.read() as connection:
        return await named_mailing(connection, text)


async def latest_open(office: Office) -> MailingLine | None:
    """Return the newest mailing that is not finished, else the newest of all; None when nothing was launched yet."""
    async with office.database.read() as connection:
        launched = await counts.mailings(connection, [_LAUNCHED])
        for line in launched:
            if not (await counts.count_copies(connection, line.mailing.id)).is_finished:
                return line
    return launched[0] if launched else None


async def account(office: Office, of: MailingLine) -> Account:
    """Return the account of a mailing as of now. Raises DistributorError where the copies do not add up."""
    now = office.workspace.clock.now()
    async with office.database.read() as connection:
        (line,) = await counts.mailings(connection, [mailing.c.id == of.mailing.id])
        counted = await counts.assert_accounted(connection, line.mailing.id)
        domains = await _by_domain(connection, line)
        first, last, recently = await _taken(connection, line, since=now - RECENT)
        speed = recently / (max(now - first, _SHORTEST) / timedelta(minutes=1)) if first else 0.0
        outlook = await counts.outlook(connection, line.mailing.channel, line.mailing.id)
        return Account(
            at=now,
            line=line,
            counts=counted,
            domains=domains,
            outlook=outlook,
            per_minute=speed,
            last_taken_at=last,
            finish=await _finish(office, connection, line, (counted.open, speed)),
        )


async def watch(
    office: Office, of: MailingLine, stop: asyncio.Event, every: timedelta = timedelta(seconds=2)
) -> AsyncIterator[Account]:
    """Yield the account of a mailing again and again, the last time when it is finished or `stop` is set.

    Counting a large mailing takes its time; the pauses grow with it, so that watching never becomes the load.
    """
    while True:
        begun = time.monotonic()
        present = await account(office, of)
        yield present
        pause = max(every.total_seconds(), 4 * (time.monotonic() - begun))
        if present.counts.is_finished or await _stopped(stop, pause):
            return


async def copies_of_mailing(office: Office, of: MailingLine) -> AsyncGenerator[CopyLine, None]:
    """Stream every copy of a mailing, whatever its state, in the order of its freezing."""
    async with (
        office.database.read() as connection,
        aclosing(counts.copies(connection, [delivery.c.mailing == of.mailing.id])) as lines,
    ):
        async for line in lines:
            yield line


async def copies_of_issue(office: Office, text: str) -> AsyncGenerator[CopyLine, None]:
    """Stream every copy of an issue on the configured channel, whatever its state and mailing.

    Raises InputError where no such issue was mailed, or several years have its number.
    """
    channel = office.workspace.channel
    async with office.database.read() as connection:
        launched = await counts.mailings(connection, [_LAUNCHED, mailing.c.channel == channel])
        reference = _issue_reference(text)
        of = [line for line in launched if reference and _is_of(line, reference)]
        issues = sorted({line.mailing.issue for line in of})
        if len(issues) != 1:
            raise _not_one_issue(text, issues, launched)
        where = [delivery.c.mailing.in_([line.mailing.id for line in of])]
        async with aclosing(counts.copies(connection, where)) as lines:
            async for line in lines:
                yield line


def _called(launched: tuple[MailingLine, ...], text: str) -> list[MailingLine]:
    """Return the mailings that the text may mean; a number with leading noughts is an issue, one after # is none.

    An issue means what went to everybody, its pilot only while nothing else of it went.
    """
    number = text.strip().removeprefix("#")
    reference = None if "#" in text else _issue_reference(text)
    plain = number.isascii() and number.isdigit() and not number.startswith("0")
    of_issue = [line for line in launched if reference and _is_of(line, reference)]
    to_all = [line for line in of_issue if line.mailing.send_no != pilots.SEND_NO]
    numbered = [line for line in launched if plain and line.mailing.id == int(number)]
    return [line for line in launched if line in numbered or line in (to_all or of_issue)]


def _issue_reference(text: str) -> IssueReference | None:
    return parse_issue_reference(text.strip().removeprefix("content/").rstrip("/"))


def _is_of(line: MailingLine, wanted: IssueReference) -> bool:
    year, _, number = line.mailing.issue.partition("-")
    return int(number) == wanted.number and wanted.year in (None, int(year))


def _listed(lines: Sequence[MailingLine]) -> str:
    return "、".join(
        f"#{line.mailing.id}（{line.mailing.issue} {line.mailing.origin} {line.mailing.channel}"
        + ("，试发 / pilot）" if line.mailing.send_no == pilots.SEND_NO else "）")
        for line in lines
    )


def _not_one_issue(text: str, issues: Sequence[str], launched: Sequence[MailingLine]) -> InputError:
    known = "、".join(dict.fromkeys(line.mailing.issue for line in launched[:_NAMED_AT_ONCE]))
    if issues:
        names = "、".join(issues)
        return InputError(wording(f"有几期是 {text}：{names} → 写全", f"several issues are {text}: {names}"))
    return InputError(
        wording(
            f"没有发送过 {text} 这一期 → 发送过的有：{known or '（还没有）'}",
            f"issue {text} was never mailed; these were: {known or 'none yet'}",
        )
    )


async def _by_domain(connection: AsyncConnection, line: MailingLine) -> tuple[DomainLine, ...]:
    grouped = (
        sa.select(delivery.c.domain, delivery.c.state, sa.func.count().label("rows"))
        .where(delivery.c.mailing == line.mailing.id)
        .group_by(delivery.c.domain, delivery.c.state)
    )
    found: dict[str, dict[State, int]] = {}
    for row in await connection.execute(grouped):
        found.setdefault(row.domain, {})[row.state] = row.rows
    lines = (DomainLine(domain=domain, by_state=by_state) for domain, by_state in found.items())
    return tuple(sorted(lines, key=lambda one: (-one.planned, one.domain)))


async def _open_by_domain(connection: AsyncConnection, line: MailingLine) -> dict[str, int]:
    resending = sa.and_(delivery.c.state == "uncertain", delivery.c.due_at < NEVER)
    grouped = (
        sa.select(delivery.c.domain, sa.func.count())
        .where(delivery.c.mailing == line.mailing.id, delivery.c.state.in_(OPEN_STATES) | resending)
        .group_by(delivery.c.domain)
    )
    return {row[0]: row[1] for row in await connection.execute(grouped)}


async def _taken(
    connection: AsyncConnection, line: MailingLine, *, since: datetime
) -> tuple[datetime | None, datetime | None, int]:
    """Return when the first copy since that moment and the last of all were taken, and how many since."""
    is_recent = delivery.c.accepted_at > since
    statement = sa.select(
        sa.func.min(delivery.c.accepted_at).filter(is_recent),
        sa.func.max(delivery.c.accepted_at),
        sa.func.count().filter(is_recent),
    ).where(delivery.c.mailing == line.mailing.id, delivery.c.state.in_(GOT_IT))
    first, last, recently = (await connection.execute(statement)).one()
    return first, last, recently


async def _finish(
    office: Office, connection: AsyncConnection, line: MailingLine, left: tuple[int, float]
) -> datetime | None:
    """Estimate when the last of the open copies leaves, from how many there are and how many went per minute."""
    copies, per_minute = left
    now = office.workspace.clock.now()
    if not copies or line.mailing.state == "cancelled" or (line.mailing.state == "paused" and line.resume_at is None):
        return None
    start = max(now, line.resume_at or now)
    moments = [start + timedelta(minutes=copies / per_minute)] if per_minute else []
    if line.mailing.channel == "smtp":
        foreseen = await forecast_copies(connection, office.workspace, await _open_by_domain(connection, line), start)
        moments += [foreseen.finish] if foreseen else []
    waits = await connection.scalar(
        sa.select(sa.func.max(delivery.c.due_at)).where(
            delivery.c.mailing == line.mailing.id, delivery.c.state.in_(DUE_STATES), delivery.c.due_at < NEVER
        )
    )
    moments += [waits] if waits and waits > now else []
    return max(moments, default=None)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
