"""What would go next, to whom, and when the last copy leaves: the rehearsal put into figures; nothing is written.

Enters: an office, and a slot or what a person names. Leaves: an `AudiencePlan`. The next mailing is the earliest
coming slot of any schedule with the issue that would go with it. List files that changed since their last sync are
compared and named, because a launch brings them in first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.content.loader import IssueFolder, list_issues
from distributor.delivery import decisions, pilots
from distributor.delivery.forecast import Hold
from distributor.errors import DistributorError, InputError
from distributor.identifiers import EditionKey, EmailKey, IssueId, ListName, ScheduleId
from distributor.operations import history
from distributor.operations.choosing import Choice, Window, choose_issue
from distributor.operations.finishing import forecast_copies
from distributor.operations.launching import new_marks
from distributor.operations.membership import ListSync, compare_lists, shrunk
from distributor.operations.office import Office
from distributor.operations.rehearsals.audience import Audience, Skipped, count_audience
from distributor.operations.rehearsals.rehearsal import Rehearsal, SendingPlan, rehearse_to_show
from distributor.operations.workspace import Workspace
from distributor.problems import Problem, Wording, wording
from distributor.rendering.model import Placeholders
from distributor.scheduling import calendar
from distributor.scheduling.model import OPEN_STATES, Occurrence, PlannedSlot, ScheduleRule, ScheduleState
from distributor.subscribers import store
from distributor.times import parse_duration

# More than anybody asks for, so that what is due already takes no place from what comes.
_LOOKED_AT = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSlot:
    """A coming slot with its row, if it has one, and the issue that would go with it as things stand.

    `pilot_went` says that its pilot is out and the rest is still to go.
    """

    schedule: ScheduleId
    slot: PlannedSlot
    occurrence: Occurrence | None
    choice: Choice
    pilot_went: bool = False

    @property
    def may_go(self) -> bool:
        """Whether neither a holiday nor a decision nor an earlier launch keeps it from going."""
        return _may_go(self.slot, self.occurrence)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionLine:
    """One edition in use: its readers, those of them who get a copy, its sizes, how many articles are shortened.

    `content` is a digest of what its readers see, the same for the same mail.
    """

    edition: EditionKey
    readers: int
    copies: int
    html_bytes: int
    text_bytes: int
    shortened: int
    subject: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPlan:
    """The slot that a plan is for. `approval` says whether it needs one and has it for the issue as it is now.

    `pilot` is the list that gets the issue first, None without one; the `hold` begins then, and `piloted` counts the
    readers of that list; `pilot_went` says that they have it. A slot that `is_held` goes when somebody releases it.
    """

    schedule: ScheduleId
    slot: PlannedSlot
    approval: Literal["not_needed", "given", "missing"]
    pilot: ListName | None = None
    hold: timedelta | None = None
    piloted: int = 0
    pilot_went: bool = False
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePlan:
    """The figures of a rehearsal: copies would leave from `start`, the last one about `finish` (None: at once).

    `hold` is the limit that decides about the finish, None where none does. `findings` are what proofreading and the
    lists show; a fault among them stops a launch. `slot` is None for what a person sends.
    """

    plan: SendingPlan
    at: datetime
    start: datetime
    finish: datetime | None
    hold: Hold | None
    rehearsal: Rehearsal
    marks: Placeholders
    editions: tuple[EditionLine, ...]
    audience: Audience
    skipped: Skipped
    lists: tuple[ListSync, ...]
    findings: tuple[Problem, ...]
    slot: SlotPlan | None = None

    @property
    def copies(self) -> int:
        """How many copies would leave."""
        return self.audience.copies

    @property
    def already(self) -> int:
        """How many readers have the issue."""
        return sum(self.skipped.already.values())

    @property
    def suppressed(self) -> int:
        """How many people of these lists must not be mailed."""
        return sum(self.skipped.suppressed.values())


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
    past = await history.past_of(office, office.workspace.schedule(rule.id))
    launched = set(past.launched)
    found = []
    for slot, occurrence in slots:
        window = window_of(office, rule, max(slot.day, slot.nominal), first_seen)
        piloted = past.pilots.get(occurrence.id) if occurrence else None
        choice = choose_issue(issues, launched, window, past.elsewhere)
        if piloted is not None:
            choice = Choice(issue=next((one for one in issues if one.id == piloted), None), passed_over=())
        found.append(
            ScheduledSlot(
                schedule=rule.id, slot=slot, occurrence=occurrence, choice=choice, pilot_went=piloted is not None
            )
        )
        launched |= {choice.issue.id} if choice.issue and _may_go(slot, occurrence) else set()
    return found


def _may_go(slot: PlannedSlot, occurrence: Occurrence | None) -> bool:
    return slot.goes and (occurrence is None or occurrence.state in OPEN_STATES)


async def launched_with(office: Office, schedule: ScheduleId) -> frozenset[IssueId]:
    """Return the issues that already went with a schedule, by the ledger and by launches.log."""
    return (await history.past_of(office, office.workspace.schedule(schedule))).launched


def window_of(office: Office, rule: ScheduleRule, day: date, first_seen: date) -> Window:
    """Return which dates an issue may bear to go with a slot on `day`."""
    max_age = parse_duration(office.workspace.schedule(rule.id).max_age)
    assert max_age is not None
    return Window(day=day, first_seen=first_seen, max_age=max_age)


async def plan_next(office: Office) -> AudiencePlan:
    """Rehearse the earliest coming slot that has an issue. Raises InputError when nothing would go."""
    slots = [coming for coming in await coming_slots(office) if coming.may_go and coming.choice.issue]
    if not slots:
        raise InputError(
            wording(
                "接下来没有要发的：没有就绪的期，或没有启用的计划 → distributor schedule 会说明每一期为什么没轮到",
                "nothing would go next: no issue is ready or no schedule is enabled; `distributor schedule` says why",
            )
        )
    first = slots[0]
    assert first.choice.issue is not None
    plan = plan_of_schedule(office, first.schedule, first.choice.issue.id)
    return await plan_sending(office, plan, _start(office, first), slot=first)


def _start(office: Office, coming: ScheduledSlot) -> datetime:
    """Return when copies begin to leave for the lists: a pilot goes before them and holds them back."""
    now = office.workspace.clock.now()
    if coming.pilot_went and coming.occurrence:
        return max(now, coming.occurrence.due_at)
    pilot = office.workspace.schedule(coming.schedule).pilot
    hold = parse_duration(pilot.hold) if pilot else None
    return max(now, coming.slot.due_at) + (hold or timedelta(0))


def plan_of_schedule(office: Office, schedule: ScheduleId, issue: IssueId) -> SendingPlan:
    """Return what a schedule sends: its lists, sections and body, its word on readers without a section."""
    chosen = office.workspace.schedule(schedule)
    sections = None if chosen.sections == "preferred" else tuple(chosen.sections)
    return SendingPlan(issue=issue, lists=chosen.lists, sections=sections, empty=chosen.empty, body=chosen.body)


async def plan_sending(
    office: Office, plan: SendingPlan, start: datetime, *, slot: ScheduledSlot | None = None
) -> AudiencePlan:
    """Rehearse one sending and return its figures, with what proofreading found.

    Raises InputError with every fault where the issue, a template or a list file cannot be used at all.
    """
    marks = new_marks()
    rehearsal = await rehearse_to_show(office, plan, marks)
    lists = await compare_lists(office, plan.lists)
    by_pilot = await _by_pilot(office, slot, rehearsal, marks) if slot else frozenset()
    audience, skipped = await count_audience(office, (plan, rehearsal), lists, by_pilot)
    foreseen = None
    if office.workspace.channel == "smtp":
        async with office.database.read() as connection:
            foreseen = await forecast_copies(connection, office.workspace, audience.domains, start)
    return AudiencePlan(
        plan=plan,
        at=office.workspace.clock.now(),
        start=start,
        finish=foreseen.finish if foreseen else None,
        hold=foreseen.hold if foreseen else None,
        rehearsal=rehearsal,
        marks=marks,
        editions=tuple(_line(key, rehearsal, audience, marks) for key in rehearsal.readers),
        audience=audience,
        skipped=skipped,
        lists=lists,
        findings=(*_list_findings(office, lists, skipped), *rehearsal.findings),
        slot=await _slot_plan(office, slot, rehearsal) if slot else None,
    )


def _line(key: EditionKey, rehearsal: Rehearsal, audience: Audience, marks: Placeholders) -> EditionLine:
    rendition = rehearsal.renditions[key]
    return EditionLine(
        edition=key,
        readers=rehearsal.readers[key],
        copies=audience.editions.get(key, 0),
        html_bytes=rendition.html_bytes,
        text_bytes=len(rendition.text.encode()),
        shortened=rendition.shortened,
        subject=rendition.subject,
        content=replace(
            rendition,
            html=rendition.html.replace(marks.token, "").replace(marks.address, ""),
            text=rendition.text.replace(marks.token, "").replace(marks.address, ""),
        ).fingerprint,
    )


def _list_findings(office: Office, lists: Sequence[ListSync], skipped: Skipped) -> Iterator[Problem]:
    """Yield what the lists say about the launch; rows set aside are counted elsewhere."""
    for sync in lists:
        if sync.is_held:
            error = shrunk(sync)
            yield Problem(path=sync.path, line=None, what=_spoken(error), remedy=_LOOK_AT_LIST)
    if skipped.is_sender_listed:
        own = office.workspace.sender.address.text
        yield Problem(
            path=office.workspace.config.places.path,
            line=office.workspace.config.places.line_of("publication", "sender"),
            what=wording(
                f"发件地址 {own} 自己也在名单里，也会收到一份", f"the sender {own} is on a list and gets a copy"
            ),
            remedy=wording("不需要就从名单里删去", "take it off the list where it need not be"),
            warning=True,
        )


def _spoken(error: DistributorError) -> Wording:
    return wording(error.text("zh").partition(" → ")[0], error.text("en").partition(": ")[0])


_LOOK_AT_LIST = wording(
    "看过差异再运行 distributor subscribers sync 名单 --shrink", "look at the difference, then sync it with --shrink"
)


async def _by_pilot(
    office: Office, coming: ScheduledSlot, rehearsal: Rehearsal, marks: Placeholders
) -> frozenset[tuple[EmailKey, EditionKey]]:
    """Return who has, or will have, the edition meant for them from the pilot, so that the rest leaves them out."""
    pilot = office.workspace.schedule(coming.schedule).pilot
    async with office.database.read() as connection:
        if coming.pilot_went and coming.occurrence:
            return await pilots.holders(connection, coming.occurrence.id, rehearsal.renditions, marks)
        if pilot is None:
            return frozenset()
        rows = await connection.execute(store.mailable([pilot.list]))
        keys = ((row.email_key, rehearsal.editions.get(row.section_set)) for row in rows)
        return frozenset((reader, edition) for reader, edition in keys if edition)


async def _slot_plan(office: Office, coming: ScheduledSlot, rehearsal: Rehearsal) -> SlotPlan:
    chosen = office.workspace.schedule(coming.schedule)
    pilot = chosen.pilot
    async with office.database.read() as connection:
        approved = await decisions.is_approved(
            connection, issue=rehearsal.whole.id, fingerprint=rehearsal.whole.fingerprint
        )
        readers = store.mailable([pilot.list]).order_by(None).subquery() if pilot else None
        piloted = await connection.scalar(sa.select(sa.func.count()).select_from(readers)) if readers is not None else 0
    return SlotPlan(
        schedule=coming.schedule,
        slot=coming.slot,
        approval="not_needed" if not chosen.approval else "given" if approved else "missing",
        pilot=pilot.list if pilot else None,
        hold=parse_duration(pilot.hold) if pilot else None,
        piloted=piloted or 0,
        pilot_went=coming.pilot_went,
        is_held=coming.occurrence is not None and coming.occurrence.state == "held",
    )


def _local_day(moment: datetime, rule: ScheduleRule) -> date:
    return moment.astimezone(rule.zone).date()
