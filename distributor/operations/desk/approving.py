"""Approve an issue: exactly what is on the disk now, by its fingerprint; whoever edits it afterwards voids that.

Enters: an office, an issue and who approves. Leaves: an `Approval`. The row is the truth, not a word in issue.toml:
a launch asks for a row with the fingerprint of what it is about to freeze. Everything is safe to repeat.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor import incidents
from distributor.content import loader
from distributor.content.loader import find_issue
from distributor.content.model import Issue
from distributor.delivery import decisions
from distributor.errors import HeldError, InputError
from distributor.identifiers import IssueId, ScheduleId
from distributor.incidents import Cause, Incident
from distributor.operations.office import Office
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.planning import ScheduledSlot
from distributor.operations.rehearsals.rehearsal import load_checked, load_ready
from distributor.operations.workspace import Workspace
from distributor.problems import Wording, wording
from distributor.scheduling import calendar
from distributor.scheduling.model import OPEN_STATES
from distributor.schema import approval, mailing
from distributor.times import local_text

Standing = Literal["approved", "edited", "none"]
"""How an issue stands: approved as it is now, approved and then edited, or never approved."""

_LONGEST_NAME = 100
DECIDED = (Cause.DRAFT, Cause.APPROVAL)
"""What operators are told of until somebody approves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who approved what, and when (UTC)."""

    by: str
    at: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalState:
    """How the approval of an issue stands; `signature` is the one that counts, or the latest that an edit voided.

    `fingerprint` is that of the files now, None where the issue has faults. `needed_by` are the enabled schedules that
    send nothing without an approval.
    """

    issue: IssueId
    standing: Standing
    signature: Signature | None
    fingerprint: str | None
    needed_by: tuple[ScheduleId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An issue approved: what it is, the signature, whether it is new, and the slots that would take it, by time.

    `passed_over` says why the next slot would not, where none would; None also where no schedule is enabled.
    """

    issue: Issue
    signature: Signature
    is_new: bool
    slots: tuple[ScheduledSlot, ...]
    passed_over: Wording | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What was held back: the slots that would have taken the issue; `draft` where there was nothing to hold."""

    slots: tuple[ScheduledSlot, ...]
    draft: bool


async def approve(office: Office, issue: str, by: str) -> Approval:
    """Approve an issue that is ready, as it is now.

    Raises InputError where it is a draft, has faults or does not exist, and for a name that is none.
    """
    name = _name(by)
    folder = find_issue(office.workspace.root, issue)
    loaded, _warnings = await asyncio.to_thread(load_ready, office.workspace, IssueId(folder.name))
    return await _sign(office, loaded, name)


async def approve_seen(office: Office, seen: Issue, by: str) -> Approval:
    """Approve an issue as somebody saw it, a draft too, which becomes ready by that.

    Raises HeldError where it is not any more what they saw, and InputError where it does not pass the check that every
    issue must pass; a draft stays one then.
    """
    name = _name(by)
    folder = find_issue(office.workspace.root, seen.id)
    now, _warnings = await asyncio.to_thread(load_checked, office.workspace, folder)
    if now.fingerprint != seen.fingerprint:
        raise _changed(seen.id)
    if now.status == "draft":
        now = await asyncio.to_thread(_make_ready, office.workspace, folder, seen)
    return await _sign(office, now, name)


async def hold(office: Office, issue: IssueId, by: str) -> Holding:
    """Hold the coming slots back that would take this issue; a draft goes by itself anyway with none."""
    folder = find_issue(office.workspace.root, issue)
    loaded, _warnings = await asyncio.to_thread(load_checked, office.workspace, folder)
    slots = await slots_for(office, issue) if loaded.status == "ready" else ()
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        held = [coming for coming in slots if await _hold_one(tx, coming, now, by)]
    return Holding(slots=tuple(held), draft=loaded.status == "draft")


def load_present(office: Office, issue: IssueId) -> Issue:
    """Return an issue as it is on the disk now, draft or ready. Raises InputError where it is gone or has faults."""
    return load_checked(office.workspace, find_issue(office.workspace.root, issue))[0]


async def state(office: Office, issue: IssueId) -> ApprovalState:
    """Return how an issue's approval stands. Raises InputError where there is no such issue."""
    folder = find_issue(office.workspace.root, issue)
    loaded = await asyncio.to_thread(
        loader.load_issue, folder, root=office.workspace.root, sections=office.workspace.sections
    )
    fingerprint = loaded.issue.fingerprint if loaded.issue else None
    async with office.database.read() as connection:
        signatures = await _signatures(connection, issue)
    valid = [one for one in signatures if one.fingerprint == fingerprint]
    return ApprovalState(
        issue=issue,
        standing="approved" if valid else "edited" if signatures else "none",
        signature=valid[0] if valid else signatures[-1] if signatures else None,
        fingerprint=fingerprint,
        needed_by=asked_by(office.workspace),
    )


async def is_approved(connection: AsyncConnection, issue: IssueId, fingerprint: str) -> bool:
    """Say whether what has this fingerprint was approved; for the transaction that launches."""
    return await decisions.is_approved(connection, issue=issue, fingerprint=fingerprint)


def asked_by(workspace: Workspace) -> tuple[ScheduleId, ...]:
    """Return the enabled schedules that send nothing without an approval."""
    return tuple(entry.id for entry in workspace.settings.schedule if entry.approval and entry.enabled)


def standing_text(office: Office, found: ApprovalState) -> Wording:
    """Return one line about the approval, for check, status and schedule."""
    signature = found.signature
    if signature is None:
        return wording("未核准", "not approved")
    at = local_text(signature.at, office.workspace.zone)
    if found.standing == "approved":
        return wording(f"已由 {signature.by} 于 {at} 核准", f"approved by {signature.by} at {at}")
    return wording(
        f"{signature.by} 于 {at} 核准之后又改过，核准已失效",
        f"edited after {signature.by} approved it at {at}: that approval is void",
    )


async def next_slots(office: Office) -> tuple[ScheduledSlot, ...]:
    """Return the next slot of each enabled schedule that may still go, by due time."""
    nearest: dict[ScheduleId, ScheduledSlot] = {}
    for one in await planning.coming_slots(office, 2):
        is_over = one.occurrence is not None and one.occurrence.state not in OPEN_STATES
        if one.slot.goes and not is_over:
            nearest.setdefault(one.schedule, one)
    return tuple(nearest.values())


async def slots_for(office: Office, issue: IssueId) -> tuple[ScheduledSlot, ...]:
    """Return the next slots that would take this issue, at most one of each schedule, by due time."""
    return tuple(one for one in await next_slots(office) if one.choice.issue and one.choice.issue.id == issue)


def issue_of(incident: Incident) -> IssueId:
    """Return which issue a draft's or an approval's incident is about."""
    return IssueId(incident.subject.partition(":")[0])


async def launched_at(office: Office, issue: IssueId) -> datetime | None:
    """Return when the issue first went to readers (a pilot does not count), or None."""
    went = (mailing.c.issue == issue, mailing.c.channel == office.workspace.channel, mailing.c.send_no > 0)
    async with office.database.read() as connection:
        found: datetime | None = await connection.scalar(sa.select(sa.func.min(mailing.c.launched_at)).where(*went))
    return found


async def _hold_one(tx: AsyncConnection, coming: ScheduledSlot, now: datetime, by: str) -> bool:
    """Say whether the slot is held now; one that no beat has entered yet cannot be."""
    if coming.occurrence is None:
        return False
    return coming.occurrence.state == "held" or await calendar.hold(tx, coming.occurrence.id, now, by)


def _name(by: str) -> str:
    name = " ".join(by.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(
            wording(
                "没有写明是谁核准的 → 加 --by 姓名（100 字以内）",
                "who approves? add `--by NAME`, at most 100 characters",
            )
        )
    return name


def _make_ready(workspace: Workspace, folder: Path, seen: Issue) -> Issue:
    """Mark a draft ready and return it; a draft again where it fails the check or somebody edits it meanwhile."""
    loader.set_status(folder, "ready")
    try:
        ready, _warnings = load_ready(workspace, seen.id)
        if replace(ready, status=seen.status, fingerprint=seen.fingerprint) != seen:
            raise _changed(seen.id)
    except (InputError, HeldError):
        loader.set_status(folder, "draft")
        raise
    return ready


async def _sign(office: Office, issue: Issue, by: str) -> Approval:
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        before = [one for one in await _signatures(tx, issue.id) if one.fingerprint == issue.fingerprint]
        if not before:
            await decisions.approve(tx, issue=issue.id, fingerprint=issue.fingerprint, by=by, at=now)
        for incident in await incidents.ongoing(tx):
            if incident.cause in DECIDED and issue_of(incident) == issue.id:
                await incidents.clear(tx, incident.cause, incident.subject, now)
    signature = before[0] if before else Signature(by=by, at=now, fingerprint=issue.fingerprint)
    coming = await next_slots(office)
    reasons = [dict(one.choice.passed_over).get(issue.id) for one in coming]
    return Approval(
        issue=issue,
        signature=signature,
        is_new=not before,
        slots=tuple(one for one in coming if one.choice.issue and one.choice.issue.id == issue.id),
        passed_over=next((reason for reason in reasons if reason is not None), None),
    )


async def _signatures(connection: AsyncConnection, issue: IssueId) -> Sequence[Signature]:
    """Return every approval of an issue, the earliest first."""
    statement = sa.select(approval.c.by, approval.c.at, approval.c.fingerprint).where(approval.c.issue == issue)
    rows = await connection.execute(statement.order_by(approval.c.at, approval.c.id))
    return [Signature(by=row.by, at=row.at, fingerprint=row.fingerprint) for row in rows]


def _changed(issue: IssueId) -> HeldError:
    return HeldError(
        wording(
            f"{issue} 在那之后改过，没有核准 → 看过现在的样子再决定：distributor approve {issue} --by 姓名",
            f"{issue} was edited since, nothing was approved: look at it as it is now, then "
            f"`distributor approve {issue} --by NAME`",
        )
    )
