"""What would go next, to whom, and when the last copy leaves: the rehearsal put into figures; nothing is written.

The next mailing is the earliest coming slot of any schedule with the issue that would go with it, or what a person
names. List files that changed since their last sync are compared and counted, because a launch brings them in first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.content.loader import IssueFolder, list_issues
from distributor.delivery import counts
from distributor.delivery.forecast import Hold
from distributor.errors import InputError
from distributor.identifiers import EditionKey, IssueId, ScheduleId
from distributor.operations import launches
from distributor.operations.choosing import Choice, Window, choose_issue
from distributor.operations.finishing import forecast_copies
from distributor.operations.launching import new_marks
from distributor.operations.membership import ListSync, compare_lists
from distributor.operations.office import Office
from distributor.operations.rehearsal import Rehearsal, SendingPlan, rehearse
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.scheduling import calendar
from distributor.scheduling.model import OPEN_STATES, Occurrence, PlannedSlot, ScheduleRule, ScheduleState
from distributor.schema import delivery, mailing, suppression
from distributor.subscribers import store
from distributor.times import parse_duration

# More than anybody asks for, so that what is due already takes no place from what comes.
_LOOKED_AT = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSlot:
    """A coming slot with its row, if it has one, and the issue that would go with it as things stand."""

    schedule: ScheduleId
    slot: PlannedSlot
    occurrence: Occurrence | None
    choice: Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionLine:
    """One edition in use: its readers, the size of its HTML in bytes, how many articles are shortened."""

    edition: EditionKey
    readers: int
    html_bytes: int
    text_bytes: int
    shortened: int
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePlan:
    """The figures of a rehearsal: `copies` would leave from `start`, the last one about `finish` (None: at once).

    `hold` is the limit that decides about the finish, None where none does. `already` readers have the issue,
    `suppressed` must not be mailed, `without_section` chose none of its sections.
    """

    plan: SendingPlan
    start: datetime
    finish: datetime | None
    hold: Hold | None
    rehearsal: Rehearsal
    editions: tuple[EditionLine, ...]
    copies: int
    already: int
    suppressed: int
    lists: tuple[ListSync, ...]


async def coming_slots(office: Office, count: int = 5) -> tuple[ScheduledSlot, ...]:
    """Return the next slots of every enabled schedule, `count` each, with the issue that would go; by due time.

    A slot whose time has come and that may still go comes first.
    """
    issues = list_issues(office.workspace.root)
    found: list[ScheduledSlot] = []
    async with office.database.read() as connection:
        known = await calendar.states(connection)
        for rule in office.workspace.rules:
            if rule.enabled:
                slots = await _slots(connection, office.workspace, rule, known.get(rule.id))
                found += await _with_issues(office, rule, slots[:count], issues, known.get(rule.id))
    return tuple(sorted(found, key=lambda coming: (coming.slot.due_at, coming.schedule)))


_Slots = list[tuple[PlannedSlot, Occurrence | None]]


async def _slots(
    connection: AsyncConnection, workspace: Workspace, rule: ScheduleRule, state: ScheduleState | None
) -> _Slots:
    """Return the slots from now on, those first that are due and may still go."""
    now = workspace.clock.now()
    earliest = now - rule.catch_up
    if state is None:
        # Nothing is back-filled for a schedule that no beat has seen: it begins with the present minute.
        earliest = max(earliest, now.replace(second=0, microsecond=0))
    agenda = await calendar.agenda(connection, rule, workspace.workdays, earliest, _LOOKED_AT)
    return [
        (slot, row)
        for slot, row in agenda
        if slot.due_at >= now or (row is None and state is None) or (row is not None and row.state in OPEN_STATES)
    ]


async def _with_issues(
    office: Office, rule: ScheduleRule, slots: _Slots, issues: Sequence[IssueFolder], state: ScheduleState | None
) -> list[ScheduledSlot]:
    """Say for each slot in turn which issue would go, as if those before it had gone."""
    now = office.workspace.clock.now()
    first_seen = _local_day(state.first_seen_at if state else now, rule)
    launched = set(await launched_with(office, rule.id))
    found = []
    for slot, occurrence in slots:
        window = window_of(office, rule, max(slot.day, slot.nominal), first_seen)
        choice = choose_issue(issues, launched, window)
        found.append(ScheduledSlot(schedule=rule.id, slot=slot, occurrence=occurrence, choice=choice))
        launched |= {choice.issue.id} if choice.issue and slot.goes else set()
    return found


async def launched_with(office: Office, schedule: ScheduleId) -> frozenset[IssueId]:
    """Return the issues that already went with a schedule, by the ledger and by launches.log."""
    channel, prefix = office.workspace.channel, f"{schedule}/"
    which = (
        mailing.c.channel == channel,
        mailing.c.send_no == 1,
        mailing.c.launched_at.is_not(None),
        mailing.c.origin.startswith(prefix, autoescape=True),
    )
    async with office.database.read() as connection:
        ledger = {line.mailing.issue for line in await counts.mailings(connection, which)}
        preparing = {
            line.mailing.token_mark for line in await counts.mailings(connection, [mailing.c.state == "preparing"])
        }
    logged = {
        IssueId(line.issue)
        for line in launches.read(office.workspace.var)
        if line.channel == channel and line.origin.startswith(prefix) and line.mark not in preparing
    }
    return frozenset(ledger | logged)


def window_of(office: Office, rule: ScheduleRule, day: date, first_seen: date) -> Window:
    """Return which dates an issue may bear to go with a slot on `day`."""
    max_age = parse_duration(office.workspace.schedule(rule.id).max_age)
    assert max_age is not None
    return Window(day=day, first_seen=first_seen, max_age=max_age)


async def plan_next(office: Office) -> AudiencePlan:
    """Rehearse the earliest coming slot that has an issue. Raises InputError when nothing would go."""
    slots = [coming for coming in await coming_slots(office, 2) if coming.slot.goes and coming.choice.issue]
    if not slots:
        raise InputError(
            wording(
                "接下来没有要发的：没有就绪的期，或没有启用的计划 → distributor schedule 会说明每一期为什么没轮到",
                "nothing would go next: no issue is ready or no schedule is enabled; `distributor schedule` says why",
            )
        )
    first = slots[0]
    assert first.choice.issue is not None
    return await plan_sending(
        office, plan_of_schedule(office, first.schedule, first.choice.issue.id), first.slot.due_at
    )


def plan_of_schedule(office: Office, schedule: ScheduleId, issue: IssueId) -> SendingPlan:
    """Return what a schedule sends: its lists, its sections, its word on readers without a section."""
    chosen = office.workspace.schedule(schedule)
    sections = None if chosen.sections == "preferred" else tuple(chosen.sections)
    return SendingPlan(issue=issue, lists=chosen.lists, sections=sections, empty=chosen.empty)


async def plan_sending(office: Office, plan: SendingPlan, start: datetime) -> AudiencePlan:
    """Rehearse one sending and return its figures. Raises InputError with every fault."""
    rehearsal = await rehearse(office, plan, new_marks())
    already = await _already(office, plan)
    lists = await compare_lists(office, plan.lists)
    by_domain = await _by_domain(office, plan, rehearsal)
    foreseen = None
    if office.workspace.channel == "smtp":
        async with office.database.read() as connection:
            foreseen = await forecast_copies(connection, office.workspace, by_domain, start)
    return AudiencePlan(
        plan=plan,
        start=start,
        finish=foreseen.finish if foreseen else None,
        hold=foreseen.hold if foreseen else None,
        rehearsal=rehearsal,
        editions=tuple(_line(key, rehearsal) for key in rehearsal.readers),
        copies=sum(by_domain.values()),
        already=already,
        suppressed=await _suppressed(office, lists),
        lists=lists,
    )


def _line(key: EditionKey, rehearsal: Rehearsal) -> EditionLine:
    rendition = rehearsal.renditions[key]
    return EditionLine(
        edition=key,
        readers=rehearsal.readers[key],
        html_bytes=rendition.html_bytes,
        text_bytes=len(rendition.text.encode()),
        shortened=rendition.shortened,
        subject=rendition.subject,
    )


def _with_copy(office: Office, plan: SendingPlan) -> sa.Select[tuple[str]]:
    """Select the email_key of everybody who has a copy of the issue, whatever mailing it came with."""
    return sa.select(delivery.c.email_key).where(
        delivery.c.channel == office.workspace.channel,
        delivery.c.issue == plan.issue,
        delivery.c.send_no == 1,
    )


async def _already(office: Office, plan: SendingPlan) -> int:
    """Count the readers of these lists who have a copy of the issue."""
    readers = store.mailable(plan.lists).order_by(None).subquery()
    statement = sa.select(sa.func.count()).select_from(readers).where(readers.c.email_key.in_(_with_copy(office, plan)))
    async with office.database.read() as connection:
        return await connection.scalar(statement) or 0


async def _by_domain(office: Office, plan: SendingPlan, rehearsal: Rehearsal) -> dict[str, int]:
    """Count the copies that would leave, by the readers' domains."""
    readers = store.mailable(plan.lists).order_by(None).subquery()
    statement = (
        sa.select(readers.c.domain, readers.c.section_set, sa.func.count().label("readers"))
        .where(readers.c.email_key.not_in(_with_copy(office, plan)))
        .group_by(readers.c.domain, readers.c.section_set)
    )
    found: dict[str, int] = {}
    async with office.database.read() as connection:
        for row in await connection.execute(statement):
            if rehearsal.editions.get(row.section_set) is not None:
                found[row.domain] = found.get(row.domain, 0) + row.readers
    return found


async def _suppressed(office: Office, lists: Sequence[ListSync]) -> int:
    """Count the people of these list files whom we must not mail, because they or their mailbox said so."""
    async with office.database.read() as connection:
        stopped = set(await connection.scalars(sa.select(suppression.c.email_key)))
    differences = [sync.difference for sync in lists if sync.difference is not None]
    return len({row.key for difference in differences for row in difference.parsed.rows if row.key in stopped})


def _local_day(moment: datetime, rule: ScheduleRule) -> date:
    return moment.astimezone(rule.zone).date()
