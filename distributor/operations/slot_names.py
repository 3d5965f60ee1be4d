"""Which slot a person means: `weekly/2026-W48#1`, `weekly`, `2026-11-27`, or nothing where one schedule is enabled.

Enters: what was typed, an open connection. Leaves: a `Found` with the slot's row, or with the slot itself where no beat
has made a row yet. Nothing is changed. A date stands for the slot that goes on it or that a holiday moved from it.
"""

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.errors import InputError
from distributor.identifiers import ScheduleId, SlotKey
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.scheduling import calendar
from distributor.scheduling.model import OPEN_STATES, Occurrence, OccurrenceId, PlannedSlot, ScheduleRule

LATELY = timedelta(days=14)
# For a daily schedule more than two months, for a weekly one more than a year.
_LOOKED_AT = 70
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A slot of an enabled schedule as it stands; `is_written` is False where it has no row yet (its id is 0)."""

    rule: ScheduleRule
    row: Occurrence
    slot: PlannedSlot | None
    is_written: bool


Prefer = Callable[[Sequence[Found]], Found | None]
"""Which of a schedule's slots is meant where none is named; they come by time, those of two weeks and the next ones."""


def next_open(slots: Sequence[Found]) -> Found | None:
    """Return the first that may still go."""
    return next((one for one in slots if one.row.state in OPEN_STATES), None)


def next_held(slots: Sequence[Found]) -> Found | None:
    """Return the first that is held, else the first that may still go."""
    return next((one for one in slots if one.row.state == "held"), None) or next_open(slots)


def next_to_send(slots: Sequence[Found]) -> Found | None:
    """Return the one missed last, unless another went after it; else the first that may still go."""
    ended = [one for one in slots if one.row.state in ("missed", "launched")]
    return ended[-1] if ended and ended[-1].row.state == "missed" else next_open(slots)


async def find(connection: AsyncConnection, workspace: Workspace, typed: str | None, prefer: Prefer) -> Found:
    """Return the slot that was meant. Raises InputError with what there is."""
    rule, key = _parted(workspace, unicodedata.normalize("NFKC", typed or "").strip())
    slots = await _slots(connection, workspace, rule)
    found = prefer(slots) if key is None else next((one for one in slots if _is_meant(one, key)), None)
    if found is None and key is not None:
        row = await calendar.find(connection, rule.id, SlotKey(_full(key)))
        found = None if row is None else Found(rule=rule, row=row, slot=None, is_written=True)
    if found is None:
        raise _unknown_slot(rule, key, [one for one in slots if one.row.state in OPEN_STATES])
    return found


def _parted(workspace: Workspace, typed: str) -> tuple[ScheduleRule, str | None]:
    enabled = [rule for rule in workspace.rules if rule.enabled]
    name, _, key = typed.rpartition("/")
    if not name and any(rule.id == typed for rule in workspace.rules):
        name, key = typed, ""
    if name:
        return _named(workspace, enabled, name), key or None
    if len(enabled) == 1 and (not key or key[0].isdecimal()):
        return enabled[0], key or None
    if not enabled:
        raise InputError(wording("没有启用的计划，什么都没有改动", "no schedule is enabled; nothing was changed"))
    if key and not key[0].isdecimal():
        return _named(workspace, enabled, key), None
    ids = [rule.id for rule in enabled]
    raise InputError(
        wording(
            f"有几个计划，说不清是哪一个，什么都没有改动 → 写明一个：{'、'.join(ids)}",
            f"several schedules are enabled; nothing was changed: name one of {', '.join(ids)}",
        )
    )


def _named(workspace: Workspace, enabled: Sequence[ScheduleRule], name: str) -> ScheduleRule:
    for rule in enabled:
        if rule.id == name:
            return rule
    if any(rule.id == name for rule in workspace.rules):
        raise InputError(
            wording(
                f"计划 {name} 没有启用，什么都没有改动 → 在 distributor.toml 里写 enabled = true",
                f"the schedule {name} is not enabled; nothing was changed: write enabled = true in distributor.toml",
            )
        )
    ids = [rule.id for rule in enabled]
    near = difflib.get_close_matches(name, ids, n=1) or ids
    raise InputError(
        wording(
            f"没有这个计划：{name}，什么都没有改动 → 可用：{'、'.join(near)}",
            f"no such schedule: {name}; nothing was changed: known are {', '.join(near)}",
        )
    )


async def _slots(connection: AsyncConnection, workspace: Workspace, rule: ScheduleRule) -> list[Found]:
    """Return the rows of two weeks, all open ones, and the next slots, with a row or without, by time."""
    now = workspace.clock.now()
    agenda = await calendar.agenda(connection, rule, workspace.workdays, now, _LOOKED_AT)
    slot_of = {row.id: slot for slot, row in agenda if row is not None}
    rows = [row for row in await calendar.since(connection, now - LATELY) if row.schedule == rule.id]
    found = [Found(rule=rule, row=row, slot=slot_of.get(row.id), is_written=True) for row in rows]
    found += [
        Found(rule=rule, row=_unwritten(rule, slot, now), slot=slot, is_written=False)
        for slot, row in agenda
        if row is None
    ]
    return sorted(found, key=lambda one: (one.row.due_at, one.row.planned_at))


def _unwritten(rule: ScheduleRule, slot: PlannedSlot, now: datetime) -> Occurrence:
    """Return the row that a beat will make of a slot."""
    return Occurrence(
        id=OccurrenceId(0),
        schedule=ScheduleId(rule.id),
        slot=slot.key,
        planned_at=slot.planned_at,
        due_at=slot.due_at,
        state="planned" if slot.goes else "skipped",
        reason=slot.reason,
        changed_at=now,
    )


def _is_meant(one: Found, key: str) -> bool:
    if one.row.slot == _full(key):
        return True
    days = [moment.astimezone(one.rule.zone).date() for moment in (one.row.due_at, one.row.planned_at)]
    return key in [day.isoformat() for day in days]


def _full(key: str) -> str:
    """Return the key with capitals and its ordinal: `2026-w48` is `2026-W48#1`."""
    return key.upper() if "#" in key else f"{key.upper()}#1"


def _unknown_slot(rule: ScheduleRule, key: str | None, coming: Iterable[Found]) -> InputError:
    known = [
        f"{rule.id}/{one.row.slot} ({one.row.due_at.astimezone(rule.zone):%Y-%m-%d})" for one in list(coming)[:_SHOWN]
    ]
    what = f"{rule.id}/{key}" if key else str(rule.id)
    return InputError(
        wording(
            f"计划里没有这一次：{what}，什么都没有改动 → 接下来是 {'、'.join(known) or '（没有）'}",
            f"no such slot: {what}; nothing was changed: next are {', '.join(known) or 'none'}",
        )
    )
