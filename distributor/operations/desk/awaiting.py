"""Issues that wait for somebody's word: who would send them is told so, until they are approved or no longer due to go.

Enters: an office. Leaves: incidents raised and cleared, which `operators` makes into letters. Safe to repeat.
"""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from distributor import incidents
from distributor.content.loader import list_issues
from distributor.identifiers import IssueId
from distributor.incidents import Cause, Incident, News
from distributor.operations.desk.approving import DECIDED, ApprovalState, asked_by, issue_of, next_slots, state
from distributor.operations.office import Office
from distributor.operations.rehearsals.planning import ScheduledSlot
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.times import local_text

_QUIET = timedelta(minutes=15)


async def watch_approvals(office: Office) -> None:
    """Tell operators of each ready issue that a slot would take and that waits for their word; end what is over.

    While somebody goes on editing, one letter is enough: what looks different is told after a quarter of an hour.
    """
    waiting = await _waiting(office)
    async with office.database.read() as connection:
        told = [one for one in await incidents.ongoing(connection) if one.cause in DECIDED]
    now = office.workspace.clock.now()
    issues = await asyncio.to_thread(list_issues, office.workspace.root) if told else ()
    drafts = {one.id for one in issues if one.status != "ready"}
    over = [one for one in told if _is_over(one, waiting, drafts, now)]
    kept = {issue_of(one) for one in told if one not in over and one.cause is Cause.APPROVAL}
    fresh = [one for issue, one in waiting.items() if issue not in kept]
    if not over and not fresh:
        return
    async with office.database.write() as tx:
        for incident in over:
            await incidents.clear(tx, incident.cause, incident.subject, now)
        for news in fresh:
            await incidents.report(tx, news, now)


async def _waiting(office: Office) -> dict[IssueId, News]:
    """Return what to tell of each issue that would go if somebody approved it."""
    asked = asked_by(office.workspace)
    coming = [one for one in await next_slots(office) if one.schedule in asked] if asked else []
    found: dict[IssueId, News] = {}
    for one in coming:
        if one.choice.issue is None or one.choice.issue.id in found:
            continue
        known = await state(office, one.choice.issue.id)
        if known.fingerprint is not None and known.standing != "approved":
            found[known.issue] = _news_of(office.workspace, one, known, known.fingerprint)
    return found


def _news_of(workspace: Workspace, coming: ScheduledSlot, known: ApprovalState, fingerprint: str) -> News:
    at, issue = local_text(coming.slot.due_at, workspace.zone), known.issue
    edited = wording("，核准之后又改过", ", edited after its approval")
    since = edited if known.standing == "edited" else wording("", "")
    return News(
        cause=Cause.APPROVAL,
        subject=f"{issue}:{fingerprint[:32]}",
        what=wording(
            f"{issue} 已就绪{since.zh}，等待核准；计划 {coming.schedule} 在 {at} 发送，核准之前不会发出",
            f"{issue} is ready{since.en} and waits for approval; {coming.schedule} sends at {at}, never without it",
        ),
        remedy=wording(
            f"核准：distributor approve {issue} --by 姓名；暂缓：distributor schedule hold {coming.schedule}",
            f"approve it: `distributor approve {issue} --by NAME`; or `distributor schedule hold {coming.schedule}`",
        ),
    )


def _is_over(incident: Incident, waiting: Mapping[IssueId, News], drafts: Collection[IssueId], now: datetime) -> bool:
    issue = issue_of(incident)
    if incident.cause is Cause.DRAFT:
        return issue not in drafts
    if issue not in waiting:
        return True
    return waiting[issue].subject != incident.subject and now - incident.raised_at > _QUIET
