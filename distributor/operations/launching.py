"""Launch a mailing: everything frozen and published first, then one short transaction that lets the copies go.

The order is the promise (docs/explanation/delivery.md): rehearse → publish → freeze renditions and readers, invisible
to any claim → one line in launches.log on the disk → recheck that nothing changed meanwhile and that it is approved,
compare the counts, flip mailing and occurrence. A death at any point before the flip leaves nothing mailed, and the
next launch starts afresh. A pilot (send number 0) goes the same way, but publishes nothing and leaves its slot open.
"""

import asyncio
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor import incidents
from distributor.delivery import counts, decisions, freezing, pilots
from distributor.delivery.counts import MailingLine
from distributor.delivery.freezing import Frozen, NewMailing, Preparation
from distributor.delivery.ledger import Claim
from distributor.delivery.model import Mailing
from distributor.errors import AnotherProcess, DecisionNeeded, DistributorError, EnvironmentFault, HeldError
from distributor.identifiers import ListName
from distributor.incidents import Cause, News
from distributor.operations import history, launches, publishing
from distributor.operations.launches import LaunchLine
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import Rehearsal, SendingPlan, load_ready, rehearse
from distributor.problems import wording
from distributor.rendering.model import Placeholders
from distributor.scheduling import calendar
from distributor.scheduling.model import OccurrenceId
from distributor.schema import mailing
from distributor.subscribers import store
from distributor.times import local_text

# Rendering and publishing happen before the claim; freezing renews the lease with every chunk. It outlasts a wait for
# the lock of a SQLite file (`database.BUSY_TIMEOUT`), and nobody waits longer for what a dead process prepared.
PREPARATION_LEASE = timedelta(minutes=2)
_SEGMENTATIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """A plan with its origin: `schedule/slot` or list names joined by `+`. `despite_log` is a person's decision.

    `send_no` 0 is the pilot of a slot, whose rest goes when `hold` is over; `needs_approval` lets nothing go whose
    fingerprint nobody approved.
    """

    plan: SendingPlan
    origin: str
    send_no: int = 1
    occurrence: OccurrenceId | None = None
    despite_log: bool = False
    needs_approval: bool = False
    hold: timedelta = timedelta(0)

    @property
    def is_pilot(self) -> bool:
        """Say whether it goes to a few readers before the rest."""
        return self.send_no == pilots.SEND_NO


def origin_of_lists(lists: tuple[ListName, ...]) -> str:
    """Return the origin of a mailing that a person sends to these lists, whatever order they named them in."""
    return "+".join(sorted(set(lists)))


def new_marks() -> Placeholders:
    """Return fresh placeholders; letters and digits that no article holds by chance."""
    return Placeholders(token=f"T{secrets.token_hex(16)}T", address=f"A{secrets.token_hex(16)}A")


async def find(office: Office, order: LaunchOrder) -> MailingLine | None:
    """Return the mailing of an order, in whatever state, or None when it was never prepared."""
    async with office.database.read() as connection:
        return await counts.find_mailing(
            connection,
            channel=office.workspace.channel,
            issue=order.plan.issue,
            send_no=order.send_no,
            origin=order.origin,
        )


async def launch(office: Office, order: LaunchOrder) -> Mailing:
    """Launch a mailing and return it.

    Raises InputError (content, template), EnvironmentFault (disk, database, deploy), AnotherProcess (being prepared
    elsewhere), DecisionNeeded (launches.log knows of it, nobody approved it) and HeldError (launched already, or
    changed meanwhile); then nothing was mailed, and what was prepared is gone.
    """
    begun = await find(office, order)
    if not order.despite_log:
        await _refuse_if_log_is_ahead(office, order)
    marks = _marks(begun)
    rehearsal = await _rehearse(office, order, marks)
    if order.needs_approval:
        async with office.database.read() as connection:
            await _refuse_unapproved(connection, order, rehearsal.whole.fingerprint)
    if not order.is_pilot:
        await publishing.publish(office, launching=rehearsal.whole)
    preparation = await _prepare(office, order, rehearsal, marks)
    try:
        await _refuse_beside_another(office, order, preparation)
        await _freeze(office, order, preparation, rehearsal, marks)
        _write_down(office, order, rehearsal, marks)
        return await _flip(office, order, preparation)
    except DistributorError:
        with suppress(EnvironmentFault):
            await _give_up(office, preparation, marks)
        raise


async def sweep(office: Office) -> None:
    """Remove what dead processes were preparing and note in launches.log that it never left."""
    async with office.database.write() as tx:
        # Void before the commit: a line whose mailing is gone would say that something went which we forgot.
        _void(office, await freezing.sweep_preparations(tx))


def _void(office: Office, marks: Collection[str]) -> None:
    logged = {line.mark for line in launches.read(office.workspace.var)} if marks else set()
    for mark in sorted(logged.intersection(marks)):
        launches.void(office.workspace.var, mark, office.workspace.clock.now())


async def _give_up(office: Office, preparation: Preparation, marks: Placeholders) -> None:
    """Leave nothing behind of a launch that failed, so that the next one need not wait for a lease to end."""
    async with office.database.write() as tx:
        await freezing.abandon(tx, preparation)
        # Whoever took this preparation over goes on under its marks.
        if not await counts.mailings(tx, [mailing.c.token_mark == marks.token]):
            _void(office, [marks.token])


def _marks(begun: MailingLine | None) -> Placeholders:
    # A preparation that died keeps its marks: launches.log may already hold a line that bears them.
    if begun is None:
        return new_marks()
    return Placeholders(token=begun.mailing.token_mark, address=begun.mailing.address_mark)


async def _refuse_if_log_is_ahead(office: Office, order: LaunchOrder) -> None:
    unknown = [
        line
        for line in await history.unknown_launches(office)
        if line.issue == order.plan.issue and line.send_no >= order.send_no
    ]
    if not unknown:
        return
    issue, origin = order.plan.issue, unknown[-1].origin
    again = (
        f"distributor send {issue} --despite-log …"
        if order.occurrence is None
        else f"distributor schedule send-now {order.origin} --despite-log"
    )
    raise DecisionNeeded(
        wording(
            f"launches.log 记着 {issue} 已向 {origin} 发出，数据库却没有记录（恢复过备份？），没有发送"
            f" → 确实没有发出过才运行 {again}；已发出就不必再做什么",
            f"launches.log says that {issue} went to {origin} but the database does not know it (a restored backup?); "
            f"nothing was sent. Only if it never went: `{again}`; if it went, there is nothing to do",
        )
    )


async def _refuse_unapproved(connection: AsyncConnection, order: LaunchOrder, fingerprint: str) -> None:
    issue = order.plan.issue
    if await decisions.is_approved(connection, issue=issue, fingerprint=fingerprint):
        return
    raise DecisionNeeded(
        wording(
            f"{issue} 等待核准（没有核准过，或核准之后又有改动），没有发送 → distributor approve {issue} --by 姓名",
            f"{issue} waits for approval (nobody approved it, or it was edited since); nothing was sent: "
            f"`distributor approve {issue} --by NAME`",
        )
    )


async def _rehearse(office: Office, order: LaunchOrder, marks: Placeholders) -> Rehearsal:
    rehearsal = await rehearse(office, order.plan, marks)
    if not order.is_pilot:
        return rehearsal
    language = office.workspace.publication.language
    shown = {edition: pilots.marked(one, language) for edition, one in rehearsal.renditions.items()}
    return replace(rehearsal, renditions=shown)


async def _prepare(office: Office, order: LaunchOrder, rehearsal: Rehearsal, marks: Placeholders) -> Preparation:
    new = NewMailing(
        channel=office.workspace.channel,
        issue=order.plan.issue,
        send_no=order.send_no,
        origin=order.origin,
        occurrence=order.occurrence,
        fingerprint=rehearsal.whole.fingerprint,
        token_mark=marks.token,
        address_mark=marks.address,
        message_date=office.workspace.clock.now(),
    )
    claim = Claim(token=secrets.token_hex(8), lease=PREPARATION_LEASE)
    async with office.database.write() as tx:
        return await freezing.prepare(tx, new, claim)


async def _refuse_beside_another(office: Office, order: LaunchOrder, preparation: Preparation) -> None:
    """Let one preparation of an issue go at a time. Raises AnotherProcess.

    A reader whom another one froze counts as having the issue. Did that one die or give up, nobody would mail them.
    Ours is committed by now, so of two that begin together at least one sees the other.
    """
    others = await _others(office, order, preparation)
    if any(one.mailing.state == "preparing" for one in others):
        await sweep(office)
        others = await _others(office, order, preparation)
    issue, schedule = order.plan.issue, order.origin.partition("/")[0]
    if any(one.mailing.state == "preparing" for one in others):
        raise AnotherProcess(
            wording(
                f"另一次 {issue} 的发送正在准备，没有发送 → 等它启动后再运行一次",
                f"another mailing of {issue} is being prepared, nothing was sent: run it again when that one went",
            )
        )
    if order.occurrence is not None and any(one.mailing.origin.startswith(f"{schedule}/") for one in others):
        # Chosen before that one went: this slot has its turn again, with another issue.
        raise AnotherProcess(
            wording(
                f"{issue} 刚随 {schedule} 的另一次发出，没有再发 → 下一次查看时另选一期",
                f"{issue} just went with another slot of {schedule}; the next look chooses another issue",
            )
        )


async def _others(office: Office, order: LaunchOrder, preparation: Preparation) -> list[MailingLine]:
    """Return the other mailings of this issue that are being prepared or were launched."""
    same = (mailing.c.channel == office.workspace.channel, mailing.c.issue == order.plan.issue)
    beside = (mailing.c.send_no == order.send_no, mailing.c.id != preparation.mailing)
    async with office.database.read() as connection:
        return list(await counts.mailings(connection, [*same, *beside]))


async def _freeze(
    office: Office, order: LaunchOrder, preparation: Preparation, rehearsal: Rehearsal, marks: Placeholders
) -> Frozen:
    """Store renditions and readers; a section set that appeared since the rehearsal makes us rehearse again."""
    for _ in range(_SEGMENTATIONS):
        async with office.database.write() as tx:
            await freezing.freeze_renditions(tx, preparation, rehearsal.renditions.values(), rehearsal.pictures)
        audience, now = store.mailable(order.plan.lists), office.workspace.clock.now()
        frozen = await freezing.freeze_recipients(office.database, preparation, audience, rehearsal.editions, now)
        if not frozen.unknown:
            return frozen
        rehearsal = await _rehearse(office, order, marks)
    raise HeldError(
        wording(
            "读者的选择变动太频繁，没有发送 → 请再运行一次", "preferences keep changing; nothing was sent: run it again"
        )
    )


def _write_down(office: Office, order: LaunchOrder, rehearsal: Rehearsal, marks: Placeholders) -> None:
    line = LaunchLine(
        channel=office.workspace.channel,
        issue=order.plan.issue,
        send_no=order.send_no,
        origin=order.origin,
        mark=marks.token,
        fingerprint=rehearsal.whole.fingerprint,
    )
    launches.append(office.workspace.var, line, office.workspace.clock.now())


async def _flip(office: Office, order: LaunchOrder, preparation: Preparation) -> Mailing:
    present, _warnings = await asyncio.to_thread(load_ready, office.workspace, order.plan.issue)
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        if order.needs_approval:
            await _refuse_unapproved(tx, order, present.fingerprint)
        await freezing.launch(tx, preparation, present.fingerprint, now)
        if order.occurrence is not None and not await _take(tx, office, order, order.occurrence):
            raise HeldError(
                wording("这一期次刚被暂缓或已由别的进程发出", "the slot was just held, or launched by another process")
            )
    async with office.database.read() as connection:
        launched = await counts.load_mailing(connection, preparation.mailing)
    if launched.state != "running":
        raise DistributorError
    return launched


async def _take(tx: AsyncConnection, office: Office, order: LaunchOrder, occurrence: OccurrenceId) -> bool:
    """Set the slot launched, or its pilot; False where that is no longer possible."""
    now = office.workspace.clock.now()
    if not order.is_pilot:
        return await calendar.launch(tx, occurrence, now)
    if not await calendar.launch_pilot(tx, occurrence, now, rest_at=now + order.hold):
        return False
    await incidents.report(tx, _news_of_pilot(office, order, now + order.hold), now)
    return True


def _news_of_pilot(office: Office, order: LaunchOrder, rest_at: datetime) -> News:
    issue, slot = order.plan.issue, order.origin
    named = "、".join(order.plan.lists)
    at = local_text(rest_at, office.workspace.zone)
    approve = f"distributor approve {issue} --by " if order.needs_approval else ""
    return News(
        cause=Cause.PILOT,
        subject=slot,
        what=wording(
            f"{issue} 已向 {named} 试发（{slot}），其余的人 {at} 发",
            f"the pilot of {issue} went to {named} ({slot}); the rest goes at {at}",
        ),
        remedy=wording(
            f"要改就直接改 content/{issue}，其余的人收到改好的"
            + (f"，改后要重新核准：{approve}姓名" if approve else "")
            + f"；暂缓 distributor schedule hold {slot}；立即发 distributor schedule send-now {slot}；"
            f"其余不发 distributor schedule skip {slot}",
            f"to mend it, edit content/{issue}: the rest gets what is there then"
            + (f" (approve it again: `{approve}NAME`)" if approve else "")
            + f"; `distributor schedule hold {slot}` keeps the rest back, `send-now` ends the wait, `skip` drops it",
        ),
    )
