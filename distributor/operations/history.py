"""What went already: the mailings of the ledger beside the launches of launches.log; nothing is written.

Enters: an office. Leaves: for a schedule the issues that may not be chosen for it again, and the launches that the log
knows and the database does not, because it was restored from an older backup.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.config.model import Schedule
from distributor.delivery import counts, pilots
from distributor.delivery.model import Channel, Mailing
from distributor.identifiers import IssueId, ListName, ScheduleId, SlotKey
from distributor.operations import launches
from distributor.operations.launches import LaunchLine
from distributor.operations.office import Office
from distributor.problems import Wording, wording
from distributor.scheduling.model import OPEN_STATES, OccurrenceId
from distributor.schema import mailing, occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a schedule must know before it chooses: `launched` went with it, by the ledger or by the log.

    `elsewhere` may not be chosen for another reason, which is named: other sendings reached all its lists, or a pilot
    went to its readers and the rest of that slot is still to go. `pilots` names the issue of each of its open slots
    whose pilot went: with that slot the same issue goes, whatever is newer by then.
    """

    launched: frozenset[IssueId]
    elsewhere: Mapping[IssueId, Wording]
    pilots: Mapping[OccurrenceId, IssueId]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pilot:
    occurrence: OccurrenceId
    schedule: ScheduleId
    slot: SlotKey
    issue: IssueId


async def past_of(office: Office, schedule: Schedule, *, again: str = "") -> Past:
    """Return what went that concerns a schedule; what the log says of the origin `again` does not count."""
    channel, prefix = office.workspace.channel, f"{schedule.id}/"
    logged = launches.read(office.workspace.var)
    async with office.database.read() as connection:
        sent = await _launched(connection, [mailing.c.channel == channel, mailing.c.send_no == 1])
        preparing = await _preparing(connection)
        piloted = await _pilots(connection, channel)
    by_ledger = {one.issue for one in sent if one.origin.startswith(prefix)}
    by_log = {
        IssueId(line.issue)
        for line in logged
        if (line.channel, line.send_no) == (channel, 1)
        and line.origin.startswith(prefix)
        and line.origin != again
        and line.mark not in preparing
    }
    schedules = {one.id: one for one in office.workspace.settings.schedule}
    others = [one for one in sent if not one.origin.startswith(prefix)]
    return Past(
        launched=frozenset(by_ledger | by_log),
        elsewhere=_by_others(schedule, schedules, others) | _in_pilot(schedule, schedules, piloted),
        pilots={one.occurrence: one.issue for one in piloted if one.schedule == schedule.id},
    )


async def open_pilots(connection: AsyncConnection, channel: Channel) -> list[str]:
    """Return the slots (`weekly/2026-W48#1`) whose pilot went and whose rest is still to go."""
    return [f"{one.schedule}/{one.slot}" for one in await _pilots(connection, channel)]


async def unknown_launches(office: Office) -> tuple[LaunchLine, ...]:
    """Return the launches, pilots too, that launches.log knows and the database does not, oldest first.

    The log is read before and after the database: a line is written while its mailing is there, and made void before
    a mailing that is given up goes.
    """
    channel = office.workspace.channel
    before = [line for line in launches.read(office.workspace.var) if line.channel == channel]
    if not before:
        return ()
    async with office.database.read() as connection:
        sent = await _launched(connection, [mailing.c.channel == channel])
        preparing = await _preparing(connection)
    known = {(one.channel, one.issue, one.send_no, one.origin) for one in sent}
    still = set(launches.read(office.workspace.var))
    return tuple(line for line in before if line.key not in known and line.mark not in preparing and line in still)


async def _launched(connection: AsyncConnection, where: Sequence[sa.ColumnElement[bool]]) -> list[Mailing]:
    lines = await counts.mailings(connection, [*where, mailing.c.launched_at.is_not(None)])
    return [line.mailing for line in lines]


async def _preparing(connection: AsyncConnection) -> set[str]:
    lines = await counts.mailings(connection, [mailing.c.state == "preparing"])
    return {line.mailing.token_mark for line in lines}


async def _pilots(connection: AsyncConnection, channel: Channel) -> list[_Pilot]:
    """Return the pilots whose rest is still to go."""
    columns = (mailing.c.occurrence, occurrence.c.schedule, occurrence.c.slot, mailing.c.issue)
    rows = await connection.execute(
        sa.select(*columns)
        .join(occurrence, occurrence.c.id == mailing.c.occurrence)
        .where(
            mailing.c.channel == channel,
            mailing.c.send_no == pilots.SEND_NO,
            mailing.c.launched_at.is_not(None),
            occurrence.c.state.in_(OPEN_STATES),
        )
        .order_by(mailing.c.id)
    )
    return [_Pilot(**row) for row in rows.mappings()]


def _by_others(
    schedule: Schedule, schedules: Mapping[ScheduleId, Schedule], sent: Sequence[Mailing]
) -> dict[IssueId, Wording]:
    """Return the issues that other sendings together brought to every list of a schedule."""
    reached: dict[IssueId, set[ListName]] = {}
    origins: dict[IssueId, list[str]] = {}
    for one in reversed(sent):
        if lists := _reached(schedule, schedules, one.origin):
            reached.setdefault(one.issue, set()).update(lists)
            origins.setdefault(one.issue, []).append(one.origin)
    return {
        issue: wording(
            f"已由 {'、'.join(origins[issue])} 发给了这里的全部名单",
            f"{', '.join(origins[issue])} sent it to all lists of this schedule",
        )
        for issue, lists in reached.items()
        if lists.issuperset(schedule.lists)
    }


def _reached(schedule: Schedule, schedules: Mapping[ScheduleId, Schedule], origin: str) -> Collection[ListName]:
    """Return the lists that an origin sent to; none where that schedule is gone, or sends only other sections."""
    name, is_slot, _ = origin.partition("/")
    if not is_slot:
        return [ListName(one) for one in origin.split("+")]
    other = schedules.get(ScheduleId(name))
    if other is None:
        return ()
    if other.sections != "preferred" and (
        schedule.sections == "preferred" or not set(schedule.sections) <= set(other.sections)
    ):
        return ()
    return other.lists


def _in_pilot(
    schedule: Schedule, schedules: Mapping[ScheduleId, Schedule], piloted: Sequence[_Pilot]
) -> dict[IssueId, Wording]:
    """Return the issues that wait for the end of a hold, for a schedule that shares readers with the pilot's."""
    return {
        one.issue: wording(
            f"试发已发出，其余的随 {one.schedule}/{one.slot} 发",
            f"its pilot went; the rest goes with {one.schedule}/{one.slot}",
        )
        for one in piloted
        if (other := schedules.get(one.schedule)) is not None and set(other.lists) & set(schedule.lists)
    }
