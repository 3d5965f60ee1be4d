"""What planning does to the rows: slots that a rule names now against the rows that earlier rules left.

Pure. Occurrences and planned slots enter; insertions and changes leave. Within a period (week, month, day) each
slot is paired with the row nearest in time, so that an edited hour or weekday keeps its row, and a weekday taken
out of a list does not use up the others. A launched row is never touched; what an operator decided stays, and so does
the end of the hold after a pilot.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from distributor.identifiers import SlotKey
from distributor.scheduling.model import OPEN_STATES, Occurrence, OccurrenceId, PlannedSlot, Reason, State
from distributor.scheduling.reasons import is_fixed, words_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """A row to add, unless its key is there already."""

    slot: SlotKey
    planned_at: datetime
    due_at: datetime
    state: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row to change, if it is still in `before`; `drops` says that the rule no longer names it."""

    id: OccurrenceId
    before: State
    planned_at: datetime
    due_at: datetime
    state: State
    reason: str
    drops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which slots may become rows: due after `after` (what came before was planned then) and by `until`."""

    now: datetime
    after: datetime
    until: datetime


def pair(rows: Iterable[Occurrence], wanted: Iterable[PlannedSlot]) -> dict[SlotKey, Occurrence]:
    """Return the row of each slot that has one, nearest in time first; both must hold whole periods."""
    rows_of: dict[str, list[Occurrence]] = defaultdict(list)
    for row in rows:
        rows_of[_period(row.slot)].append(row)
    distances = [
        (abs(row.planned_at - slot.planned_at), slot.planned_at, row.planned_at, row.id, slot.key, row)
        for slot in wanted
        for row in rows_of[_period(slot.key)]
    ]
    pairs: dict[SlotKey, Occurrence] = {}
    taken: set[OccurrenceId] = set()
    for *_, key, row in sorted(distances, key=lambda distance: distance[:4]):
        if key not in pairs and row.id not in taken:
            pairs[key] = row
            taken.add(row.id)
    return pairs


def insertions(rows: Sequence[Occurrence], wanted: Sequence[PlannedSlot], window: Window) -> Iterator[Insertion]:
    """Yield a row for each slot of the window that has none, by nominal date."""
    pairs = pair(rows, wanted)
    used = {row.slot for row in rows}
    for slot in wanted:
        if slot.key in pairs or not window.after < slot.due_at <= window.until:
            continue
        key = _free_key(slot.key, used)
        used.add(key)
        yield Insertion(
            slot=key,
            planned_at=slot.planned_at,
            due_at=slot.due_at,
            state="planned" if slot.goes else "skipped",
            reason=slot.reason,
        )


def changes(rows: Sequence[Occurrence], wanted: Sequence[PlannedSlot], window: Window) -> Iterator[Change]:
    """Yield what must change in the rows so that they say what the rule says now."""
    slots = {slot.key: slot for slot in wanted}
    slot_of = {row.id: slots[key] for key, row in pair(rows, wanted).items()}
    for row in rows:
        slot = slot_of.get(row.id)
        change = _dropped(row) if slot is None else _followed(row, slot, window.now)
        if change is not None and not _says_the_same(change, row):
            yield change


def _dropped(row: Occurrence) -> Change | None:
    if row.state not in ("planned", "waiting_content") or is_fixed(row.reason):
        return None
    return Change(
        id=row.id,
        before=row.state,
        planned_at=row.planned_at,
        due_at=row.due_at,
        state="skipped",
        reason=Reason.NOT_IN_RULE,
        drops=True,
    )


def _followed(row: Occurrence, slot: PlannedSlot, now: datetime) -> Change | None:
    if row.state == "launched" or words_of(row.reason)[0] is Reason.PILOT:
        return None
    if row.state == "held":
        return _moved(row, slot, state="held", reason=row.reason)
    if is_fixed(row.reason):
        return None
    if slot.due_at <= now and _is_settled(row, slot, now):
        return None
    return _moved(row, slot, state="planned" if slot.goes else "skipped", reason=slot.reason)


def _is_settled(row: Occurrence, slot: PlannedSlot, now: datetime) -> bool:
    """Say whether a slot whose time has passed leaves its row alone.

    What was skipped or missed stays so; what is due and has not gone is still due, at its own time, unless the
    calendar now says that it does not go.
    """
    if row.state not in OPEN_STATES:
        return True
    return row.due_at <= now and slot.goes


def _moved(row: Occurrence, slot: PlannedSlot, *, state: State, reason: str) -> Change:
    return Change(
        id=row.id,
        before=row.state,
        planned_at=slot.planned_at,
        due_at=slot.due_at,
        state=state,
        reason=reason,
    )


def _says_the_same(change: Change, row: Occurrence) -> bool:
    wanted = (change.planned_at, change.due_at, change.state, change.reason)
    return wanted == (row.planned_at, row.due_at, row.state, row.reason)


def _period(key: SlotKey) -> str:
    return key.partition("#")[0]


def _free_key(key: SlotKey, used: set[SlotKey]) -> SlotKey:
    ordinal = int(key.partition("#")[2])
    while key in used:
        ordinal += 1
        key = SlotKey(f"{_period(key)}#{ordinal}")
    return key
