"""How the house is, in figures that a machine watches: beats, slots, mailings and their copies, disk, calendar.

Enters: an office. Leaves: `Pulse`, which is cheap and says whether somebody must come, and `Figures` with every count.
Reads only; counts come from the index of copies by mailing and state. Mailings that are finished and older than
`RECENT` are left out, so that what a monitor keeps does not grow for ever. Moments are UTC.
"""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor import incidents
from distributor.delivery import counts
from distributor.delivery.counts import MailingLine
from distributor.delivery.ledger import DUE_STATES
from distributor.delivery.model import OPEN_STATES, State
from distributor.delivery.results import NEVER
from distributor.identifiers import MailingId, ScheduleId
from distributor.incidents import Cause
from distributor.operations import presence
from distributor.operations.examinations.machine import TOO_LITTLE_SPACE
from distributor.operations.office import Office
from distributor.operations.presence import Presence
from distributor.operations.workspace import Workspace
from distributor.problems import Wording, wording
from distributor.scheduling import calendar
from distributor.schema import DELIVERY_STATES, delivery, mailing, occurrence

OVERDUE_TICK = timedelta(minutes=10)
"""Who beats is never silent for so long, however large a launch; nor is cron, if it ticks every five minutes."""
LATE = timedelta(minutes=15)
"""A slot that is due for so long, and waits for nobody, should have gone."""
RECENT = timedelta(days=30)
_MAY_GO_ON: tuple[State, ...] = (*OPEN_STATES, "uncertain")

Verdict = Literal["ok", "degraded", "failing"]
_GRAVITY: tuple[Verdict, ...] = ("ok", "degraded", "failing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One reason not to be well: a word for machines, a sentence for people, and how bad it is."""

    code: str
    what: Wording
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Slots whose time has come: `due` in all, `late` of them wait for nobody and have not gone for `LATE`."""

    due: int
    late: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The house at `at`; `last_tick_at` is None where nothing ever ticked, `free_bytes` None where nobody can tell."""

    at: datetime
    last_tick_at: datetime | None
    daemons: tuple[Presence, ...]
    slots: Slots
    paused: tuple[MailingLine, ...]
    free_bytes: int | None

    @property
    def refused(self) -> tuple[Wording, ...]:
        """What is wrong with edited settings that a daemon did not take; the same problem once."""
        return tuple(dict.fromkeys(one for daemon in self.daemons for one in daemon.use.refused))

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Why the house is not well, the worst first; empty where it is."""
        found = [one for one in (self._tick(), self._late(), self._disk(), *self._people()) if one is not None]
        return tuple(sorted(found, key=lambda one: -_GRAVITY.index(one.verdict)))

    @property
    def verdict(self) -> Verdict:
        """The worst that any trouble says."""
        return max((one.verdict for one in self.troubles), key=_GRAVITY.index, default="ok")

    def _tick(self) -> Trouble | None:
        if self.last_tick_at is not None and self.at - self.last_tick_at <= OVERDUE_TICK:
            return None
        since = "-" if self.last_tick_at is None else self.last_tick_at.isoformat(timespec="seconds")
        what = wording(
            f"没有进程在看计划（上次：{since}）→ 启动 distributor run，或让 cron 定时运行 distributor tick",
            f"nothing looks at the schedules (last: {since}): start `distributor run`, or let cron run it",
        )
        return Trouble(code="tick", what=what, verdict="failing")

    def _late(self) -> Trouble | None:
        late = self.slots.late
        what = wording(f"{late} 次该发的还没有发出", f"{late} slots are late")
        return Trouble(code="late", what=what, verdict="failing") if late else None

    def _disk(self) -> Trouble | None:
        if self.free_bytes is None or self.free_bytes >= TOO_LITTLE_SPACE:
            return None
        left = self.free_bytes // 1_000_000
        return Trouble(code="disk", what=wording(f"磁盘只剩 {left} MB", f"{left} MB of disk left"), verdict="failing")

    def _people(self) -> Sequence[Trouble]:
        """Troubles that no restart mends and that stop nothing else."""
        waiting = wording(
            f"{self.slots.waiting} 次到点的在等内容或核准", f"{self.slots.waiting} due slots wait for people"
        )
        settings = wording("改过的设置有错，没有采用", "the edited settings are wrong and were not taken")
        return [
            *([Trouble(code="waiting", what=waiting, verdict="degraded")] if self.slots.waiting else []),
            *([Trouble(code="settings", what=settings, verdict="degraded")] if self.refused else []),
            *(Trouble(code="paused", what=_paused(line), verdict="degraded") for line in self.paused),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailingFigures:
    """A mailing and its copies by state, every state a key."""

    line: MailingLine
    copies: Mapping[State, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that is counted. `due_copies` may go now, the first of them since `oldest_due_at` (None: none may).

    `incidents` has every cause as a key; `next_slots` the next moment of each schedule that has one;
    `calendar_end` is the moment when the known working days are over.
    """

    pulse: Pulse
    mailings: tuple[MailingFigures, ...]
    due_copies: int
    oldest_due_at: datetime | None
    incidents: Mapping[Cause, int]
    next_slots: Mapping[ScheduleId, datetime]
    calendar_end: datetime


async def take_pulse(office: Office) -> Pulse:
    """Say how the house is. Raises DatabaseFault."""
    async with office.database.read() as connection:
        return await _pulse(connection, office.workspace)


async def count(office: Office) -> Figures:
    """Count everything, in one consistent view. Raises DatabaseFault."""
    workspace = office.workspace
    async with office.database.read() as connection:
        pulse = await _pulse(connection, workspace)
        lines = await counts.mailings(connection, [_is_watched(pulse.at)])
        copies = await _copies(connection, [line.mailing.id for line in lines])
        running = [line.mailing.id for line in lines if line.mailing.state == "running"]
        due_copies, oldest = await _due_copies(connection, running, pulse.at)
        return Figures(
            pulse=pulse,
            mailings=tuple(MailingFigures(line=line, copies=copies[line.mailing.id]) for line in lines),
            due_copies=due_copies,
            oldest_due_at=oldest,
            incidents=await _incidents(connection),
            next_slots=await _next_slots(connection, pulse.at),
            calendar_end=_calendar_end(workspace),
        )


async def _pulse(connection: AsyncConnection, workspace: Workspace) -> Pulse:
    now = workspace.clock.now()
    daemons = tuple(one for one in await presence.read(connection) if one.is_alive(now))
    # A daemon that is there but does not get round to the schedules is no good: its own beats count only without any.
    ticks = [one.last_tick_at for one in (await calendar.states(connection)).values()]
    beats = [one.beat_at for one in daemons]
    return Pulse(
        at=now,
        last_tick_at=max(ticks or beats, default=None),
        daemons=daemons,
        slots=await _slots(connection, now),
        paused=await counts.mailings(connection, [mailing.c.state == "paused"]),
        free_bytes=await asyncio.to_thread(_free_bytes, workspace),
    )


async def _slots(connection: AsyncConnection, now: datetime) -> Slots:
    due = await calendar.due(connection, now)
    planned = [one for one in due if one.state == "planned"]
    late = sum(now - one.due_at > LATE for one in planned)
    return Slots(due=len(due), late=late, waiting=len(due) - len(planned))


def _free_bytes(workspace: Workspace) -> int | None:
    folder = workspace.var if workspace.var.exists() else workspace.root
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _is_watched(now: datetime) -> sa.ColumnElement[bool]:
    """Narrow to mailings that were launched lately or have copies that may still go."""
    states: Any = sa.bindparam("may_go_on", _MAY_GO_ON, expanding=True, literal_execute=True)
    open_copy = sa.exists().where(
        delivery.c.mailing == mailing.c.id, delivery.c.state.in_(states), delivery.c.due_at < NEVER
    )
    goes_on = sa.and_(mailing.c.state.in_(("running", "paused")), open_copy)
    return sa.and_(mailing.c.launched_at.is_not(None), sa.or_(mailing.c.launched_at > now - RECENT, goes_on))


async def _copies(connection: AsyncConnection, of: Sequence[MailingId]) -> dict[MailingId, dict[State, int]]:
    found: dict[MailingId, dict[State, int]] = {one: _none() for one in of}
    grouped = sa.select(delivery.c.mailing, delivery.c.state, sa.func.count().label("rows"))
    which = grouped.where(delivery.c.mailing.in_(of)).group_by(delivery.c.mailing, delivery.c.state)
    for row in await connection.execute(which):
        found[row.mailing][row.state] = row.rows
    return found


def _none() -> dict[State, int]:
    return dict.fromkeys(DELIVERY_STATES, 0)  # type: ignore[arg-type]  # the same words


async def _due_copies(
    connection: AsyncConnection, of: Sequence[MailingId], now: datetime
) -> tuple[int, datetime | None]:
    states: Any = sa.bindparam("due", DUE_STATES, expanding=True, literal_execute=True)
    due: list[Any] = [delivery.c.mailing.in_(of), delivery.c.state.in_(states), delivery.c.due_at <= now]
    row = (await connection.execute(sa.select(sa.func.count(), sa.func.min(delivery.c.due_at)).where(*due))).one()
    return row[0], row[1]


async def _incidents(connection: AsyncConnection) -> Mapping[Cause, int]:
    ongoing = [one.cause for one in await incidents.ongoing(connection)]
    return {cause: ongoing.count(cause) for cause in Cause}


async def _next_slots(connection: AsyncConnection, now: datetime) -> Mapping[ScheduleId, datetime]:
    first = sa.select(occurrence.c.schedule, sa.func.min(occurrence.c.due_at)).where(
        occurrence.c.state == "planned", occurrence.c.due_at > now
    )
    rows = await connection.execute(first.group_by(occurrence.c.schedule).order_by(occurrence.c.schedule))
    return {ScheduleId(row[0]): row[1] for row in rows}


def _calendar_end(workspace: Workspace) -> datetime:
    day = workspace.workdays.known_until + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=workspace.zone)


def _paused(line: MailingLine) -> Wording:
    one = line.mailing
    return wording(f"发送 {one.id}（{one.issue}）已暂停", f"mailing {one.id} ({one.issue}) is paused")
