"""The occurrence rows, one for each slot: the only writer of schedule_state and occurrence.

A transaction, the schedules of the configuration and the moment enter; rows change, or occurrences leave. The row,
not a timer, drives a send. UNIQUE(schedule, slot) and compare-and-set on the state keep a slot from going twice,
whatever is killed, edited or set back; every slot that does not go ends as `skipped` or `missed`, with a reason.

A `when` names a minute: a schedule first seen within a slot's own minute still has that slot, no earlier one.
A tick plans ten days ahead, so that a slot moved before a holiday is there in time. Everything is safe to repeat.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.database import upsert
from distributor.identifiers import IssueId, ScheduleId, SlotKey
from distributor.scheduling.forecast import forecast, upcoming
from distributor.scheduling.model import (
    OPEN_STATES,
    Occurrence,
    OccurrenceId,
    PlannedSlot,
    Planning,
    Reason,
    ScheduleRule,
    ScheduleState,
    State,
)
from distributor.scheduling.reasons import FIXING, missed_code, with_detail
from distributor.scheduling.reconciliation import Change, Insertion, Window, changes, insertions, pair
from distributor.scheduling.recurrence import whole_periods
from distributor.scheduling.workdays import REACH, WorkCalendar
from distributor.schema import occurrence, schedule_state

HORIZON = timedelta(days=10)
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Ticks of two processes may overtake each other; a clock further behind the last tick was set back."""
LONGEST_ABSENCE = timedelta(days=366)
"""Slots older than this are not entered as missed after a long stop."""

_READY_STATES: tuple[State, ...] = ("planned", "waiting_content")


async def plan(
    tx: AsyncConnection, schedules: Sequence[ScheduleRule], calendar: WorkCalendar, now: datetime
) -> Planning:
    """Bring the rows in line with `schedules`, which are all that the configuration has, disabled ones too.

    Adds the slots due since the last tick and up to HORIZON ahead, moves rows that have not gone, drops what no
    rule names any more. A row that comes back into a rule before its time is planned again.
    """
    known = await states(tx)
    enabled = [schedule for schedule in schedules if schedule.enabled]
    added = moved = 0
    dropped = await _switch_off(tx, [schedule.id for schedule in enabled], now)
    for schedule in enabled:
        window = Window(now=now, after=_planned_through(known.get(schedule.id), now), until=now + HORIZON)
        done, new = await _plan_one(tx, schedule, calendar, window)
        added += new
        moved += sum(not change.drops for change in done)
        dropped += sum(change.drops for change in done)
    await _remember(tx, [schedule.id for schedule in schedules], now)
    return Planning(added=added, moved=moved, dropped=dropped, clock_back=_clock_back(known.values(), now))


async def due(connection: AsyncConnection, now: datetime) -> tuple[Occurrence, ...]:
    """Return the occurrences whose time has come and that have not gone, the earliest first."""
    return await _select(connection, occurrence.c.state.in_(_READY_STATES), occurrence.c.due_at <= now)


async def launch(tx: AsyncConnection, occurrence_id: OccurrenceId, now: datetime) -> bool:
    """Set a due occurrence launched; True for exactly one caller ever, False where it is not due."""
    statement = _from(occurrence_id, *_READY_STATES).where(occurrence.c.due_at <= now)
    return await _changes_one(tx, statement.values(state="launched", reason=Reason.NONE, changed_at=now))


async def launch_pilot(tx: AsyncConnection, occurrence_id: OccurrenceId, now: datetime, *, rest_at: datetime) -> bool:
    """Note that the pilot of a due slot goes and that the rest is due at `rest_at`; True for exactly one caller.

    The row stays open under the word `pilot`: planning leaves its `due_at` alone, `hold`, `release`, `skip` and
    `send_now` act on the rest, and catch_up counts from `rest_at`.
    """
    fresh = _from(occurrence_id, *_READY_STATES).where(occurrence.c.due_at <= now, ~_has_word(Reason.PILOT))
    return await _changes_one(tx, fresh.values(state="planned", due_at=rest_at, reason=Reason.PILOT, changed_at=now))


async def mark_waiting(
    tx: AsyncConnection, occurrence_id: OccurrenceId, now: datetime, cause: Reason = Reason.NO_ISSUE
) -> bool:
    """Note what a due slot waits for, one of `reasons.WAITING`; it stays due until catch_up ends.

    True if this call set it waiting for that. Where a holiday moved two slots of the schedule onto one moment and the
    other has the issue (or waits for it), this one is skipped instead and nobody needs to be told.
    """
    waiting = sa.case(
        *((_has_word(word), f"{word}/{cause}") for word in FIXING),
        else_=str(cause),
    )
    ready = _from(occurrence_id, *_READY_STATES).where(
        sa.or_(occurrence.c.state == "planned", occurrence.c.reason != waiting)
    )
    if cause is Reason.NO_ISSUE:
        coinciding = ready.where(_another_has_this_moment(), ~sa.or_(*(_has_word(word) for word in FIXING)))
        if await _changes_one(tx, coinciding.values(state="skipped", reason=Reason.COINCIDES, changed_at=now)):
            return False
    return await _changes_one(tx, ready.values(state="waiting_content", reason=waiting, changed_at=now))


async def hold_restored(tx: AsyncConnection, occurrence_id: OccurrenceId, now: datetime, issue: IssueId) -> bool:
    """Keep a slot back because launches.log says that `issue` went and the database does not know it.

    False where it has gone or ended, or is held already. `skip` leaves it so, `send_now(…, despite_log=True)` sends.
    """
    reason = with_detail(Reason.RESTORED, issue)
    statement = _from(occurrence_id, *_READY_STATES)
    return await _changes_one(tx, statement.values(state="held", reason=reason, changed_at=now))


async def mark_missed(tx: AsyncConnection, schedules: Sequence[ScheduleRule], now: datetime) -> tuple[Occurrence, ...]:
    """Set what is due for longer than its schedule's catch_up missed; return what this call set, for telling."""
    found: list[Occurrence] = []
    for schedule in schedules:
        found += await _select(
            tx,
            occurrence.c.schedule == schedule.id,
            occurrence.c.state.in_(_READY_STATES),
            occurrence.c.due_at < now - schedule.catch_up,
        )
    return tuple([missed for row in found if (missed := await _miss(tx, row, now))])


async def hold(tx: AsyncConnection, occurrence_id: OccurrenceId, now: datetime, why: str = "") -> bool:
    """Keep an occurrence back until it is released; False where it has gone or ended.

    After a pilot the rest is kept back, and the word stays `pilot`: released, it goes when the hold is over.
    """
    rest = sa.case((_has_word(Reason.PILOT), with_detail(Reason.PILOT, why)), else_=with_detail(Reason.OPERATOR, why))
    statement = _from(occurrence_id, *_READY_STATES)
    return await _changes_one(tx, statement.values(state="held", reason=rest, changed_at=now))


async def skip(tx: AsyncConnection, occurrence_id: OccurrenceId, now: datetime, why: str = "") -> bool:
    """Leave this one out; False where it has gone or ended."""
    reason = with_detail(Reason.OPERATOR, why)
    statement = _from(occurrence_id, *OPEN_STATES)
    return await _changes_one(tx, statement.values(state="skipped", reason=reason, changed_at=now))


async def release(tx: AsyncConnection, occurrence_id: OccurrenceId, now: datetime) -> bool:
    """Let a held occurrence go at its time, or with the next tick where that has passed; False if not held.

    One that a person skipped goes again too, while its time is to come. One that is held because the log is ahead of
    the database is held again by the next tick: see `send_now`.
    """
    statement = _from(occurrence_id, "held").values(state="planned", changed_at=now)
    skipped = _from(occurrence_id, "skipped").where(_has_word(Reason.OPERATOR)).values(state="planned", changed_at=now)
    for to_come in (statement, skipped):
        if await _changes_one(tx, to_come.where(occurrence.c.due_at > now).values(reason=_or_pilot(Reason.NONE))):
            return True
    return await _changes_one(tx, statement.values(due_at=now, reason=_or_pilot(Reason.OPERATOR)))


async def send_now(
    tx: AsyncConnection, occurrence_id: OccurrenceId, now: datetime, *, despite_log: bool = False
) -> bool:
    """Make an occurrence of an enabled schedule due at once, even one missed or skipped; False if launched.

    After a pilot this ends the hold. `despite_log` is a person's word that what launches.log says of this slot is to
    go all the same; without it a slot that the log says went is held again by the next tick (`Reason.RESTORED`).
    """
    word = Reason.DESPITE_LOG if despite_log else Reason.OPERATOR
    statement = _from(occurrence_id, *OPEN_STATES, "missed", "skipped")
    return await _changes_one(tx, statement.values(state="planned", due_at=now, reason=word, changed_at=now))


async def states(connection: AsyncConnection) -> Mapping[ScheduleId, ScheduleState]:
    """Return what is remembered of every schedule ever seen."""
    rows = await connection.execute(sa.select(schedule_state))
    return {
        ScheduleId(row.schedule): ScheduleState(first_seen_at=row.first_seen_at, last_tick_at=row.last_tick_at)
        for row in rows
    }


async def find(connection: AsyncConnection, schedule: ScheduleId, slot: SlotKey) -> Occurrence | None:
    """Return the occurrence of a slot, or None."""
    rows = await _select(connection, occurrence.c.schedule == schedule, occurrence.c.slot == slot)
    return rows[0] if rows else None


async def enter(tx: AsyncConnection, row: Occurrence) -> Occurrence:
    """Give a slot its row before planning does, as it is written in `row`, and return it; its id does not count.

    Where it has one already, that is returned. Planning treats it like any other when its time comes near.
    """
    values = {key: value for key, value in asdict(row).items() if key != "id"}
    statement = upsert(tx, occurrence).values(values).on_conflict_do_nothing(index_elements=["schedule", "slot"])
    await tx.execute(statement)
    (entered,) = await _select(tx, occurrence.c.schedule == row.schedule, occurrence.c.slot == row.slot)
    return entered


async def since(connection: AsyncConnection, moment: datetime) -> tuple[Occurrence, ...]:
    """Return the occurrences due at or after `moment` and all that are still open, the earliest first."""
    return await _select(connection, sa.or_(occurrence.c.due_at >= moment, occurrence.c.state.in_(OPEN_STATES)))


async def agenda(
    connection: AsyncConnection, schedule: ScheduleRule, calendar: WorkCalendar, now: datetime, count: int = 5
) -> tuple[tuple[PlannedSlot, Occurrence | None], ...]:
    """Return the next slots with their rows, which tell what was launched or held; None where no tick was yet."""
    slots = upcoming(schedule, calendar, now, count)
    if not slots:
        return ()
    nominal = [slot.nominal for slot in slots]
    wanted = forecast(schedule, calendar, *whole_periods(schedule.rule.pattern, min(nominal), max(nominal)))
    recent = occurrence.c.planned_at >= now - 4 * REACH
    pairs = pair(await _select(connection, occurrence.c.schedule == schedule.id, recent), wanted)
    return tuple((slot, pairs.get(slot.key)) for slot in slots)


async def _plan_one(
    tx: AsyncConnection, schedule: ScheduleRule, calendar: WorkCalendar, window: Window
) -> tuple[list[Change], int]:
    """Return the changes that were made and the number of rows added."""
    rows = await _select(
        tx,
        occurrence.c.schedule == schedule.id,
        occurrence.c.planned_at <= window.until + 2 * REACH,
        sa.or_(
            occurrence.c.planned_at >= min(window.after, window.now) - 4 * REACH,
            occurrence.c.state.in_(OPEN_STATES),
        ),
    )
    earliest = min([window.after, window.now, *(row.planned_at for row in rows if row.state in OPEN_STATES)])
    first, last = earliest - 2 * REACH, window.until + 2 * REACH
    days = (moment.astimezone(schedule.zone).date() for moment in (first, last))
    wanted = forecast(schedule, calendar, *whole_periods(schedule.rule.pattern, *days))
    done = [change for change in changes(rows, wanted, window) if await _apply(tx, change, window.now)]
    return done, await _insert(tx, schedule.id, list(insertions(rows, wanted, window)), window.now)


async def _miss(tx: AsyncConnection, row: Occurrence, now: datetime) -> Occurrence | None:
    reason = missed_code(row.reason, now - row.due_at)
    statement = _from(row.id, row.state).values(state="missed", reason=reason, changed_at=now)
    missed = replace(row, state="missed", reason=reason, changed_at=now)
    return missed if await _changes_one(tx, statement) else None


async def _apply(tx: AsyncConnection, change: Change, now: datetime) -> bool:
    statement = _from(change.id, change.before).values(
        planned_at=change.planned_at,
        due_at=change.due_at,
        state=change.state,
        reason=change.reason,
        changed_at=now,
    )
    return await _changes_one(tx, statement)


async def _insert(tx: AsyncConnection, schedule: ScheduleId, new: Sequence[Insertion], now: datetime) -> int:
    if not new:
        return 0
    rows = [{**asdict(insertion), "schedule": schedule, "changed_at": now} for insertion in new]
    statement = upsert(tx, occurrence).values(rows).on_conflict_do_nothing(index_elements=["schedule", "slot"])
    return len((await tx.execute(statement.returning(occurrence.c.id))).all())


async def _switch_off(tx: AsyncConnection, enabled: Collection[ScheduleId], now: datetime) -> int:
    statement = sa.update(occurrence).where(
        occurrence.c.schedule.not_in(enabled), occurrence.c.state.in_(_READY_STATES)
    )
    done = await tx.execute(statement.values(state="skipped", reason=Reason.DISABLED, changed_at=now))
    return done.rowcount


async def _remember(tx: AsyncConnection, seen: Sequence[ScheduleId], now: datetime) -> None:
    if seen:
        rows = [{"schedule": schedule, "first_seen_at": now, "last_tick_at": now} for schedule in seen]
        await tx.execute(upsert(tx, schedule_state).values(rows).on_conflict_do_nothing(index_elements=["schedule"]))
    # Also for schedules that are off or gone: what passed meanwhile is not entered as missed when they come back.
    last = schedule_state.c.last_tick_at
    moves = sa.or_(last < now, last > now + CLOCK_TOLERANCE)
    await tx.execute(sa.update(schedule_state).where(moves).values(last_tick_at=now))


def _planned_through(state: ScheduleState | None, now: datetime) -> datetime:
    """Return the moment up to which earlier ticks planned; slots due later may become rows."""
    first_seen = now if state is None else state.first_seen_at
    before_first = first_seen.replace(second=0, microsecond=0) - timedelta(microseconds=1)
    if state is None:
        return before_first
    return max(min(state.last_tick_at, now), before_first, now - LONGEST_ABSENCE)


def _clock_back(known: Collection[ScheduleState], now: datetime) -> timedelta:
    behind = max((max(state.last_tick_at, state.first_seen_at) - now for state in known), default=timedelta(0))
    return behind if behind > CLOCK_TOLERANCE else timedelta(0)


def _from(occurrence_id: OccurrenceId, *before: State) -> sa.Update:
    return sa.update(occurrence).where(occurrence.c.id == occurrence_id, occurrence.c.state.in_(before))


def _has_word(word: Reason) -> sa.ColumnElement[bool]:
    reason = occurrence.c.reason
    return sa.or_(reason == word, *(reason.startswith(f"{word}{mark}", autoescape=True) for mark in "/:"))


def _or_pilot(word: Reason) -> sa.ColumnElement[str]:
    return sa.case((_has_word(Reason.PILOT), str(Reason.PILOT)), else_=str(word))


def _another_has_this_moment() -> sa.ColumnElement[bool]:
    other = occurrence.alias()
    return sa.exists().where(
        other.c.schedule == occurrence.c.schedule,
        other.c.due_at == occurrence.c.due_at,
        other.c.id != occurrence.c.id,
        other.c.state.in_(("launched", "waiting_content")),
    )


async def _changes_one(tx: AsyncConnection, statement: sa.Update) -> bool:
    return (await tx.execute(statement)).rowcount == 1


async def _select(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> tuple[Occurrence, ...]:
    order = (occurrence.c.due_at, occurrence.c.planned_at, occurrence.c.id)
    rows = await connection.execute(sa.select(occurrence).where(*conditions).order_by(*order))
    return tuple(Occurrence(**row) for row in rows.mappings())
