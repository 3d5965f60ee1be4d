"""Send an issue to lists at a person's word: launched once, resumed as often as asked, never twice to anybody."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from distributor.content.loader import find_issue
from distributor.delivery import counts
from distributor.delivery.counts import Counts
from distributor.delivery.model import Mailing
from distributor.errors import HeldError
from distributor.identifiers import IssueId, ListName
from distributor.operations import delivering, launching, membership
from distributor.operations.launching import LaunchOrder, origin_of_lists
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.problems import wording
from distributor.schema import mailing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a sending came to: its mailing, whether it was launched just now, and its copies by state."""

    mailing: Mailing
    is_new: bool
    counts: Counts


def plan_of(office: Office, issue: str, lists: tuple[ListName, ...]) -> SendingPlan:
    """Return the plan for an issue a person named. Raises InputError for an unknown one."""
    return SendingPlan(issue=IssueId(find_issue(office.workspace.root, issue).name), lists=lists)


async def send(
    office: Office,
    plan: SendingPlan,
    *,
    despite_log: bool = False,
    progress: delivering.Progress | None = None,
    stop: asyncio.Event | None = None,
) -> Sending:
    """Launch the mailing of these lists if it was not, then deliver what is left of it, or until `stop` is set.

    Raises what a launch raises: HeldError also where a schedule of these lists wants an approval that is missing.
    ConfigError before anything where no mail server is configured.
    """
    delivering.transports_of(office.workspace)
    order = LaunchOrder(
        plan=plan,
        origin=origin_of_lists(plan.lists),
        despite_log=despite_log,
        needs_approval=needs_approval(office, plan.lists),
    )
    begun = await launching.find(office, order)
    is_new = begun is None or begun.mailing.state == "preparing"
    if is_new:
        await membership.sync_changed(office, plan.lists)
        sent = await launching.launch(office, order)
    else:
        assert begun is not None
        sent = begun.mailing
    if sent.state == "cancelled":
        raise HeldError(wording("这次发送已被取消，没有再发", "this mailing was cancelled; nothing was sent"))
    await delivering.deliver(office, sent.id, progress=progress, stop=stop)
    async with office.database.read() as connection:
        return Sending(
            mailing=await counts.load_mailing(connection, sent.id),
            is_new=is_new,
            counts=await counts.assert_accounted(connection, sent.id),
        )


def needs_approval(office: Office, lists: Collection[ListName]) -> bool:
    """Say whether an enabled schedule sends to one of these lists only what was approved: then nobody else does."""
    return any(
        schedule.enabled and schedule.approval and not set(lists).isdisjoint(schedule.lists)
        for schedule in office.workspace.settings.schedule
    )


async def in_other_hands(office: Office, plan: SendingPlan) -> int:
    """Return how many copies of this mailing another process has claimed, or had when it died."""
    begun = await launching.find(office, LaunchOrder(plan=plan, origin=origin_of_lists(plan.lists)))
    if begun is None:
        return 0
    async with office.database.read() as connection:
        counted = await counts.count_copies(connection, begun.mailing.id)
    return counted.by_state["claimed"] + counted.by_state["sending"]


async def latest_mailings(office: Office, issue: str | None = None, limit: int = 10) -> tuple[counts.MailingLine, ...]:
    """Return the launched mailings, newest first, of one issue or of all."""
    which: list[sa.ColumnElement[bool]] = [mailing.c.launched_at.is_not(None)]
    if issue is not None:
        which.append(mailing.c.issue == find_issue(office.workspace.root, issue).name)
    async with office.database.read() as connection:
        return (await counts.mailings(connection, which))[:limit]
