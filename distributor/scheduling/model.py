"""The words of scheduling: rules, slots, what becomes of a slot, and the row that stands for it.

Frozen values only. A rule names slots in a local calendar; a slot is a minute, and its key is the period and the
ordinal within it (`2026-W48#1`), so that an edited hour or weekday is the same slot. Nominal dates are local to the
rule's zone; every moment is aware, in UTC.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal, NewType
from zoneinfo import ZoneInfo

from distributor.identifiers import ScheduleId, SlotKey
from distributor.problems import Wording
from distributor.scheduling.patterns import Pattern, check_ascending
from distributor.scheduling.workdays import Policy

OccurrenceId = NewType("OccurrenceId", int)
State = Literal["planned", "held", "waiting_content", "launched", "skipped", "missed"]
OPEN_STATES: tuple[State, ...] = ("planned", "held", "waiting_content")
"""The states of a slot that may still go."""

EVERY_MONTH = tuple(range(1, 13))


class Reason(StrEnum):
    """Why a slot is not simply planned; `reasons` says how codes are put together in a row.

    PILOT, OPERATOR and DESPITE_LOG are words that planning leaves alone: they fix when the slot goes. NO_ISSUE,
    APPROVAL and DRAFT say what a due slot waits for, RESTORED why it is held.
    """

    NONE = ""
    HOLIDAY = "holiday"
    COINCIDES = "coincides"
    NOT_IN_RULE = "not-in-rule"
    DISABLED = "disabled"
    NO_ISSUE = "no-issue"
    APPROVAL = "approval"
    DRAFT = "draft"
    LATE = "late"
    RESTORED = "restored"
    PILOT = "pilot"
    OPERATOR = "operator"
    DESPITE_LOG = "despite-log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misreading:
    """What could not be read in a `when` or `cron`, and how to write it."""

    what: Wording
    remedy: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A meaning parsed from `when` or `cron`: a pattern of days, local times (ascending), months (ascending)."""

    pattern: Pattern
    times: tuple[time, ...]
    months: tuple[int, ...] = EVERY_MONTH

    def __post_init__(self) -> None:
        check_ascending([at.hour * 60 + at.minute for at in self.times], low=0, high=24 * 60 - 1)
        check_ascending(self.months, low=1, high=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRule:
    """A schedule as the calendar needs it: its rule, its zone, what a holiday does, and how late it may go."""

    id: ScheduleId
    rule: Rule
    zone: ZoneInfo
    policy: Policy
    catch_up: timedelta
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A calendar place that a rule names: its key, nominal local date, and the instant of its local time."""

    key: SlotKey
    day: date
    at: time
    planned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSlot:
    """A slot after the holiday policy.

    `day` is the local date on which it goes (the nominal one when it does not go), `due_at` the instant of that;
    `reason` is HOLIDAY when it does not go. `known` is False when the working-day calendar had to guess
    about a day it asked for.
    """

    key: SlotKey
    nominal: date
    planned_at: datetime
    day: date
    due_at: datetime
    reason: Reason
    known: bool

    @property
    def is_shifted(self) -> bool:
        """Say whether a holiday moved it."""
        return self.day != self.nominal

    @property
    def goes(self) -> bool:
        """Say whether it goes at all."""
        return self.reason is Reason.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """The row that stands for a slot; `reason` is a code as `reasons` describes it.

    After a pilot went, `due_at` is the end of the hold: the moment from which the rest may go.
    """

    id: OccurrenceId
    schedule: ScheduleId
    slot: SlotKey
    planned_at: datetime
    due_at: datetime
    state: State
    reason: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleState:
    """What the calendar remembers of a schedule: when it first saw it, and its last tick."""

    first_seen_at: datetime
    last_tick_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What one planning changed: rows added, moved to another time or state, dropped.

    `clock_back` is how far the clock stands behind the last tick or a schedule's first sight (zero when it does not):
    nothing runs twice for that, and nothing runs before the first sight, but an operator should know.
    """

    added: int = 0
    moved: int = 0
    dropped: int = 0
    clock_back: timedelta = timedelta(0)
