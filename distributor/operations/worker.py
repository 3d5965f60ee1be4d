"""One beat of the scheduler: slots planned, late ones told, due ones launched. The rows are the truth, not the timer.

Enters: an office. Leaves: a `Beat` that says what happened, for the log and for people. Trouble with one schedule (an
issue with faults, a list that shrank, a disk, a bug) leaves its slot due and touches no other; a ConfigError stops the
house. A slot with a pilot is served twice: its pilot, then, when the hold is over, the rest with the same issue.
Safe to repeat and to run in several processes at once.
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import datetime

from distributor import incidents
from distributor.content.loader import list_issues
from distributor.delivery import decisions, pilots
from distributor.delivery.counts import MailingLine
from distributor.delivery.model import Mailing
from distributor.errors import ConfigError, DistributorError, EnvironmentFault, HeldError, InputError
from distributor.identifiers import IssueId
from distributor.incidents import Cause, News
from distributor.operations import history, launching, membership
from distributor.operations.choosing import Choice, choose_issue
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.rehearsal import load_ready
from distributor.problems import Wording, wording
from distributor.scheduling import calendar
from distributor.scheduling.model import Occurrence, Reason, ScheduleRule
from distributor.scheduling.reasons import reason_text, words_of
from distributor.times import parse_duration

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A due slot that did not go, and why; `error` is set where somebody must mend something.

    `reason` says what it waits for (NO_ISSUE, APPROVAL, DRAFT), PILOT where the hold is not over, RESTORED where it is
    held now because launches.log is ahead of the database; NONE with an error.
    """

    occurrence: Occurrence
    why: Wording
    error: DistributorError | None = None
    reason: Reason = Reason.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What one beat did; a pilot is among `launched`, with send number 0."""

    at: datetime
    launched: tuple[Mailing, ...] = ()
    stayed: tuple[Stay, ...] = ()
    missed: tuple[Occurrence, ...] = ()
    passed_over: tuple[tuple[IssueId, Wording], ...] = field(default=())


async def tick(office: Office) -> Beat:
    """Plan, tell what was missed, launch what is due. Raises ConfigError and DatabaseFault."""
    workspace = office.workspace
    now = workspace.clock.now()
    await launching.sweep(office)
    async with office.database.write() as tx:
        planned = await calendar.plan(tx, workspace.rules, workspace.workdays, now)
    if planned.clock_back:
        _LOG.warning("the clock stands behind the last beat", extra={"seconds": planned.clock_back.total_seconds()})
    stayed = await _hold_forgotten(office, now)
    missed = await _miss(office, now)
    async with office.database.read() as connection:
        due = await calendar.due(connection, now)
    launched: list[Mailing] = []
    passed: list[tuple[IssueId, Wording]] = []
    for occurrence in due:
        result, choice = await _serve(office, occurrence)
        (launched if isinstance(result, Mailing) else stayed).append(result)  # type: ignore[arg-type]
        passed += choice.passed_over if choice else ()
    await _clear_what_is_over(office, now)
    return Beat(at=now, launched=tuple(launched), stayed=tuple(stayed), missed=missed, passed_over=tuple(passed))


async def _miss(office: Office, now: datetime) -> tuple[Occurrence, ...]:
    async with office.database.write() as tx:
        missed = await calendar.mark_missed(tx, office.workspace.rules, now)
    for occurrence in missed:
        _LOG.error("a slot was missed", extra=_named(occurrence) | {"why": reason_text(occurrence.reason).en})
    return missed


async def _hold_forgotten(office: Office, now: datetime) -> list[Stay]:
    """Hold the due slots of which launches.log says that they went, also those too late by now: a person decides."""
    async with office.database.read() as connection:
        due = [row for row in await calendar.due(connection, now) if not _goes_despite_log(row)]
    unknown = {line.origin: line for line in await history.unknown_launches(office)} if due else {}
    forgotten = [(row, unknown[_origin(row)]) for row in due if _origin(row) in unknown]
    return [await _hold(office, row, IssueId(line.issue), line.origin) for row, line in forgotten]


async def _hold(office: Office, occurrence: Occurrence, issue: IssueId, origin: str) -> Stay:
    slot = _origin(occurrence)
    news = News(
        cause=Cause.RESTORED,
        subject=slot,
        what=wording(
            f"launches.log 记着 {issue} 已经发出（{origin}），数据库却不知道（恢复过备份？）；{slot} 已暂缓，没有发送",
            f"launches.log says that {issue} went ({origin}) but the database does not know it (a restored backup?); "
            f"{slot} is held, nothing was sent",
        ),
        remedy=wording(
            f"已经发出：distributor schedule skip {slot}；确实没有发出过：distributor schedule send-now {slot} "
            "--despite-log",
            f"if it went: `distributor schedule skip {slot}`; only if it never went: "
            f"`distributor schedule send-now {slot} --despite-log`",
        ),
    )
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        if await calendar.hold_restored(tx, occurrence.id, now, issue):
            await incidents.report(tx, news, now)
    _LOG.error("a slot is held, the log is ahead of the database", extra=_named(occurrence) | {"issue": issue})
    return Stay(occurrence=occurrence, why=news.what, reason=Reason.RESTORED)


async def _clear_what_is_over(office: Office, now: datetime) -> None:
    """Clear the news of pilots whose rest went or was dropped, and of held slots about which somebody decided."""
    async with office.database.write() as tx:
        rows = await calendar.since(tx, now)
        waiting = [_origin(row) for row in rows if row.state == "held" and words_of(row.reason)[1] is Reason.RESTORED]
        await incidents.keep_only(tx, Cause.RESTORED, waiting, now)
        await incidents.keep_only(tx, Cause.PILOT, await history.open_pilots(tx, office.workspace.channel), now)


async def _serve(office: Office, occurrence: Occurrence) -> tuple[Mailing | Stay, Choice | None]:
    """Launch the issue of one due slot, or say why it stays."""
    rule = next((rule for rule in office.workspace.rules if rule.id == occurrence.schedule), None)
    if rule is None:
        return Stay(
            occurrence=occurrence, why=wording("计划已从设置里删去", "its schedule is gone from the settings")
        ), None
    choice: Choice | None = None
    try:
        async with office.database.read() as connection:
            pilot = await pilots.of_occurrence(connection, occurrence.id)
        if pilot is not None:
            return await _serve_rest(office, rule, occurrence, pilot), None
        choice = await _choose(office, rule, occurrence)
        if choice.issue is None:
            return await _wait(office, occurrence, Reason.NO_ISSUE, wording("没有可发的期", "no issue may go")), choice
        return await _go(office, occurrence, _order(office, rule, occurrence, choice.issue.id)), choice
    except ConfigError:
        raise
    except (InputError, HeldError, EnvironmentFault) as error:
        _LOG.error("a due slot could not be launched", extra=_named(occurrence) | {"why": error.text("en")})
        return Stay(occurrence=occurrence, why=wording(error.text("zh"), error.text("en")), error=error), choice
    except Exception as error:  # noqa: BLE001 - our own mistake in one schedule must not keep the others from going
        _LOG.exception("a due slot could not be launched", extra=_named(occurrence))
        ours = error if isinstance(error, DistributorError) else DistributorError(wording(repr(error), repr(error)))
        return Stay(occurrence=occurrence, why=wording(ours.text("zh"), ours.text("en")), error=ours), choice


async def _serve_rest(office: Office, rule: ScheduleRule, occurrence: Occurrence, pilot: MailingLine) -> Mailing | Stay:
    """Launch the rest of a slot whose pilot went: the same issue as it is now, or say why it stays."""
    issue, schedule, now = pilot.mailing.issue, office.workspace.schedule(rule.id), office.workspace.clock.now()
    hold = parse_duration(schedule.pilot.hold) if schedule.pilot else None
    if hold and pilot.launched_at and words_of(occurrence.reason)[0] is Reason.NONE and now < pilot.launched_at + hold:
        # An edit of the settings took the slot out and back in, and the end of the hold with it.
        async with office.database.write() as tx:
            await calendar.launch_pilot(tx, occurrence.id, now, rest_at=pilot.launched_at + hold)
        return Stay(occurrence=occurrence, why=reason_text(Reason.PILOT), reason=Reason.PILOT)
    issues = await asyncio.to_thread(list_issues, office.workspace.root)
    if next((folder.status for folder in issues if folder.id == issue), "draft") == "draft":
        why = wording(
            f"试发过的 {issue} 退回了草稿或不在了，其余的人还没有发 → 改好后 distributor ready {issue}",
            f"{issue}, whose pilot went, is a draft again or gone; the rest waits: `distributor ready {issue}`",
        )
        return await _wait(office, occurrence, Reason.DRAFT, why)
    order = replace(
        _order(office, rule, occurrence, issue), plan=planning.plan_of_schedule(office, rule.id, issue), send_no=1
    )
    return await _go(office, occurrence, order)


def _order(office: Office, rule: ScheduleRule, occurrence: Occurrence, issue: IssueId) -> LaunchOrder:
    """Return what a slot launches first: its pilot where it has one."""
    schedule = office.workspace.schedule(rule.id)
    order = LaunchOrder(
        plan=planning.plan_of_schedule(office, rule.id, issue),
        origin=_origin(occurrence),
        occurrence=occurrence.id,
        despite_log=_goes_despite_log(occurrence),
        needs_approval=schedule.approval,
    )
    if schedule.pilot is None:
        return order
    hold = parse_duration(schedule.pilot.hold)
    assert hold is not None
    return replace(order, plan=replace(order.plan, lists=(schedule.pilot.list,)), send_no=pilots.SEND_NO, hold=hold)


async def _go(office: Office, occurrence: Occurrence, order: LaunchOrder) -> Mailing | Stay:
    """Launch, unless the slot must wait for an approval or the log says that the issue went already."""
    issue = order.plan.issue
    if order.needs_approval and await _lacks_approval(office, issue):
        why = wording(
            f"等待核准 → distributor approve {issue} --by 姓名",
            f"{issue} waits for approval: `distributor approve {issue} --by NAME`",
        )
        return await _wait(office, occurrence, Reason.APPROVAL, why)
    if not order.despite_log:
        for line in await history.unknown_launches(office):
            if line.issue == issue and line.send_no >= order.send_no:
                return await _hold(office, occurrence, issue, line.origin)
    await membership.sync_changed(office, order.plan.lists)
    mailing = await launching.launch(office, order)
    _LOG.info(
        "launched",
        extra={"issue": mailing.issue, "mailing": mailing.id, "slot": occurrence.slot, "planned": mailing.planned},
    )
    return mailing


async def _lacks_approval(office: Office, issue: IssueId) -> bool:
    present, _warnings = await asyncio.to_thread(load_ready, office.workspace, issue)
    async with office.database.read() as connection:
        return not await decisions.is_approved(connection, issue=issue, fingerprint=present.fingerprint)


async def _choose(office: Office, rule: ScheduleRule, occurrence: Occurrence) -> Choice:
    async with office.database.read() as connection:
        known = await calendar.states(connection)
    first_seen = known[rule.id].first_seen_at.astimezone(rule.zone).date()
    nominal = occurrence.planned_at.astimezone(rule.zone).date()
    goes_on = occurrence.due_at.astimezone(rule.zone).date()
    issues = await asyncio.to_thread(list_issues, office.workspace.root)
    again = _origin(occurrence) if _goes_despite_log(occurrence) else ""
    past = await history.past_of(office, office.workspace.schedule(rule.id), again=again)
    window = planning.window_of(office, rule, max(nominal, goes_on), first_seen)
    return choose_issue(issues, past.launched, window, past.elsewhere)


async def _wait(office: Office, occurrence: Occurrence, cause: Reason, why: Wording) -> Stay:
    if occurrence.state != "waiting_content" or words_of(occurrence.reason)[1] is not cause:
        _LOG.warning("a due slot waits", extra=_named(occurrence) | {"why": why.en})
        async with office.database.write() as tx:
            await calendar.mark_waiting(tx, occurrence.id, office.workspace.clock.now(), cause)
    return Stay(occurrence=occurrence, why=why, reason=cause)


def _origin(occurrence: Occurrence) -> str:
    return f"{occurrence.schedule}/{occurrence.slot}"


def _goes_despite_log(occurrence: Occurrence) -> bool:
    return words_of(occurrence.reason)[0] is Reason.DESPITE_LOG


def _named(occurrence: Occurrence) -> dict[str, str]:
    return {"schedule": occurrence.schedule, "slot": occurrence.slot}
