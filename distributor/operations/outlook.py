"""What the schedules do next and did lately: the figures behind `distributor schedule`. Nothing is changed.

Enters: an office. Leaves: an `Overview` with every schedule, its coming slots and their issues, its readers, what
became of the slots of two weeks, and what should be known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.identifiers import IssueId, ListName, ScheduleId, SlotKey
from distributor.operations.office import Office
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.planning import ScheduledSlot
from distributor.problems import Problem, Wording
from distributor.scheduling import calendar
from distributor.scheduling.model import OPEN_STATES, Occurrence, OccurrenceId, PlannedSlot, ScheduleRule
from distributor.scheduling.workdays import ending_soon
from distributor.schema import mailing
from distributor.subscribers import store

LATELY = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A slot that may go or went: when, with which issue, and its row where it has one.

    `slot` is None for a row that no rule names any more, or whose time is past. `issue` is None where none would go.
    """

    schedule: ScheduleId
    key: SlotKey
    due_at: datetime
    slot: PlannedSlot | None
    occurrence: Occurrence | None
    issue: IssueId | None
    passed_over: tuple[tuple[IssueId, Wording], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """One schedule: its rule, how many its lists reach and how many the pilot's (None: no pilot), its next slots."""

    rule: ScheduleRule
    readers: int
    pilot_readers: int | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Every schedule in the file's order; the slots of two weeks by time; what should be known of the settings."""

    outlooks: tuple[Outlook, ...]
    past: tuple[Line, ...]
    warnings: tuple[Problem, ...]
    ending: Wording | None


async def overview(office: Office, count: int = 5) -> Overview:
    """Return `count` coming slots of each enabled schedule, and all that is still open or ended lately."""
    workspace = office.workspace
    now = workspace.clock.now()
    coming = await planning.coming_slots(office, count)
    shown = {one.occurrence.id for one in coming if one.occurrence}
    async with office.database.read() as connection:
        rows = [row for row in await calendar.since(connection, now - LATELY) if row.id not in shown]
        issues = await _issues(connection)
        reached = {rule.id: await _reached(connection, office, rule.id) for rule in workspace.rules}
    lines = [_coming(one, issues) for one in coming]
    lines += [_row(row, issues) for row in rows if row.state in OPEN_STATES]
    return Overview(
        outlooks=tuple(
            Outlook(
                rule=rule,
                readers=reached[rule.id][0],
                pilot_readers=reached[rule.id][1],
                lines=tuple(sorted((one for one in lines if one.schedule == rule.id), key=lambda one: one.due_at)),
            )
            for rule in workspace.rules
        ),
        past=tuple(_row(row, issues) for row in rows if row.state not in OPEN_STATES and row.due_at <= now),
        warnings=workspace.warnings,
        ending=ending_soon(workspace.workdays, workspace.today),
    )


def _coming(one: ScheduledSlot, issues: dict[OccurrenceId, IssueId]) -> Line:
    row = one.occurrence
    began = issues.get(row.id) if row else None
    return Line(
        schedule=one.schedule,
        key=row.slot if row else one.slot.key,
        due_at=row.due_at if row else one.slot.due_at,
        slot=one.slot,
        occurrence=row,
        issue=began or (one.choice.issue.id if one.choice.issue else None),
        passed_over=one.choice.passed_over,
    )


def _row(row: Occurrence, issues: dict[OccurrenceId, IssueId]) -> Line:
    return Line(
        schedule=row.schedule,
        key=row.slot,
        due_at=row.due_at,
        slot=None,
        occurrence=row,
        issue=issues.get(row.id),
    )


async def _issues(connection: AsyncConnection) -> dict[OccurrenceId, IssueId]:
    """Return the issue that went with each occurrence, with its pilot too."""
    statement = sa.select(mailing.c.occurrence, mailing.c.issue)
    launched = statement.where(mailing.c.occurrence.is_not(None), mailing.c.launched_at.is_not(None))
    return {OccurrenceId(row.occurrence): IssueId(row.issue) for row in await connection.execute(launched)}


async def _reached(connection: AsyncConnection, office: Office, schedule: ScheduleId) -> tuple[int, int | None]:
    chosen = office.workspace.schedule(schedule)
    pilot = await _count(connection, (chosen.pilot.list,)) if chosen.pilot else None
    return await _count(connection, chosen.lists), pilot


async def _count(connection: AsyncConnection, lists: Sequence[ListName]) -> int:
    readers = store.mailable(lists).order_by(None).subquery()
    return await connection.scalar(sa.select(sa.func.count()).select_from(readers)) or 0
