"""One beat of the scheduler: slots planned, late ones told, due ones launched. The rows are the truth, not the timer.

Enters: an office. Leaves: a `Beat` that says what happened, for the log and for people. Trouble with one schedule (an
issue with faults, a list that shrank, a disk) leaves its slot due and touches no other; a ConfigError stops the house.
Safe to repeat and to run in several processes at once.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime

from distributor.content.loader import list_issues
from distributor.delivery.model import Mailing
from distributor.errors import DistributorError, EnvironmentFault, HeldError, InputError
from distributor.identifiers import IssueId
from distributor.operations import launching, membership, planning
from distributor.operations.choosing import Choice, choose_issue
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.problems import Wording, wording
from distributor.scheduling import calendar
from distributor.scheduling.model import Occurrence, ScheduleRule
from distributor.scheduling.reasons import reason_text

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A due slot that did not go, and why; `error` is set where somebody must mend something."""

    occurrence: Occurrence
    why: Wording
    error: DistributorError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What one beat did."""

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
        missed = await calendar.mark_missed(tx, workspace.rules, now)
    if planned.clock_back:
        _LOG.warning("the clock stands behind the last beat", extra={"seconds": planned.clock_back.total_seconds()})
    for occurrence in missed:
        _LOG.error(
            "a slot was missed",
            extra={"schedule": occurrence.schedule, "slot": occurrence.slot, "why": reason_text(occurrence.reason).en},
        )
    async with office.database.read() as connection:
        due = await calendar.due(connection, now)
    launched: list[Mailing] = []
    stayed: list[Stay] = []
    passed: list[tuple[IssueId, Wording]] = []
    for occurrence in due:
        result, choice = await _serve(office, occurrence)
        (launched if isinstance(result, Mailing) else stayed).append(result)  # type: ignore[arg-type]
        passed += choice.passed_over if choice else ()
    return Beat(at=now, launched=tuple(launched), stayed=tuple(stayed), missed=missed, passed_over=tuple(passed))


async def _serve(office: Office, occurrence: Occurrence) -> tuple[Mailing | Stay, Choice | None]:
    """Launch the issue of one due slot, or say why it stays."""
    rule = next((rule for rule in office.workspace.rules if rule.id == occurrence.schedule), None)
    if rule is None:
        return Stay(
            occurrence=occurrence, why=wording("计划已从设置里删去", "its schedule is gone from the settings")
        ), None
    choice = await _choose(office, rule, occurrence)
    if choice.issue is None:
        await _wait(office, occurrence)
        return Stay(occurrence=occurrence, why=wording("没有可发的期", "no issue may go")), choice
    plan = planning.plan_of_schedule(office, rule.id, choice.issue.id)
    order = LaunchOrder(plan=plan, origin=f"{rule.id}/{occurrence.slot}", occurrence=occurrence.id)
    try:
        await membership.sync_changed(office, plan.lists)
        mailing = await launching.launch(office, order)
    except (InputError, HeldError, EnvironmentFault) as error:
        _LOG.error(
            "a due slot could not be launched",
            extra={"schedule": rule.id, "slot": occurrence.slot, "why": error.text("en")},
        )
        return Stay(occurrence=occurrence, why=wording(error.text("zh"), error.text("en")), error=error), choice
    _LOG.info(
        "launched",
        extra={"issue": mailing.issue, "mailing": mailing.id, "slot": occurrence.slot, "planned": mailing.planned},
    )
    return mailing, choice


async def _choose(office: Office, rule: ScheduleRule, occurrence: Occurrence) -> Choice:
    async with office.database.read() as connection:
        known = await calendar.states(connection)
    first_seen = known[rule.id].first_seen_at.astimezone(rule.zone).date()
    nominal = occurrence.planned_at.astimezone(rule.zone).date()
    goes_on = occurrence.due_at.astimezone(rule.zone).date()
    issues = await asyncio.to_thread(list_issues, office.workspace.root)
    launched = await planning.launched_with(office, rule.id)
    return choose_issue(issues, launched, planning.window_of(office, rule, max(nominal, goes_on), first_seen))


async def _wait(office: Office, occurrence: Occurrence) -> None:
    if occurrence.state == "waiting_content":
        return
    _LOG.warning("a due slot has no issue to send", extra={"schedule": occurrence.schedule, "slot": occurrence.slot})
    async with office.database.write() as tx:
        await calendar.mark_waiting(tx, occurrence.id, office.workspace.clock.now())
