"""Launch a mailing: everything frozen and published first, then one short transaction that lets the copies go.

The order is the promise (docs/explanation/delivery.md): rehearse → publish → freeze renditions and readers, invisible
to any claim → one line in launches.log on the disk → recheck that nothing changed meanwhile, compare the counts, flip
mailing and occurrence. A death at any point before the flip leaves nothing mailed, and the next launch starts afresh.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from distributor.delivery import counts, freezing
from distributor.delivery.counts import MailingLine
from distributor.delivery.freezing import Frozen, NewMailing, Preparation
from distributor.delivery.ledger import Claim
from distributor.delivery.model import Mailing
from distributor.errors import DecisionNeeded, DistributorError, HeldError
from distributor.identifiers import ListName
from distributor.operations import launches, publishing
from distributor.operations.launches import LaunchLine
from distributor.operations.office import Office
from distributor.operations.rehearsal import Rehearsal, SendingPlan, load_ready, rehearse
from distributor.problems import wording
from distributor.rendering.model import Placeholders
from distributor.scheduling import calendar
from distributor.scheduling.model import OccurrenceId
from distributor.schema import mailing
from distributor.subscribers import store

# Rendering and publishing happen before the claim; freezing renews the lease with every chunk.
PREPARATION_LEASE = timedelta(minutes=10)
_SEGMENTATIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """A plan with its origin: `schedule/slot` or list names joined by `+`. `despite_log` is a person's decision."""

    plan: SendingPlan
    origin: str
    send_no: int = 1
    occurrence: OccurrenceId | None = None
    despite_log: bool = False


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
    elsewhere), DecisionNeeded (launches.log knows of it) and HeldError (launched already, or changed meanwhile);
    then nothing was mailed.
    """
    begun = await find(office, order)
    await _refuse_if_log_is_ahead(office, order, begun)
    marks = _marks(begun)
    rehearsal = await rehearse(office, order.plan, marks)
    await publishing.publish(office, launching=rehearsal.whole)
    preparation = await _prepare(office, order, rehearsal, marks)
    await _freeze(office, order, preparation, rehearsal, marks)
    launches.append(
        office.workspace.var,
        LaunchLine(
            channel=office.workspace.channel,
            issue=order.plan.issue,
            send_no=order.send_no,
            origin=order.origin,
            mark=marks.token,
            fingerprint=rehearsal.whole.fingerprint,
        ),
        office.workspace.clock.now(),
    )
    return await _flip(office, order, preparation)


async def sweep(office: Office) -> None:
    """Remove what dead processes were preparing and note in launches.log that it never left."""
    async with office.database.write() as tx:
        before = await counts.mailings(tx, [mailing.c.state == "preparing"])
        await freezing.sweep_preparations(tx)
        after = {line.mailing.id for line in await counts.mailings(tx, [mailing.c.state == "preparing"])}
    logged = {line.mark for line in launches.read(office.workspace.var)}
    for line in before:
        if line.mailing.id not in after and line.mailing.token_mark in logged:
            launches.void(office.workspace.var, line.mailing.token_mark, office.workspace.clock.now())


def _marks(begun: MailingLine | None) -> Placeholders:
    # A preparation that died keeps its marks: launches.log may already hold a line that bears them.
    if begun is None:
        return new_marks()
    return Placeholders(token=begun.mailing.token_mark, address=begun.mailing.address_mark)


async def _refuse_if_log_is_ahead(office: Office, order: LaunchOrder, begun: MailingLine | None) -> None:
    key = (office.workspace.channel, order.plan.issue, order.send_no, order.origin)
    logged = [line for line in launches.read(office.workspace.var) if line.key == key]
    if order.despite_log or not logged:
        return
    if begun is not None and (begun.mailing.state != "preparing" or begun.mailing.token_mark == logged[-1].mark):
        return
    raise DecisionNeeded(
        wording(
            f"launches.log 记着 {order.plan.issue} 已向 {order.origin} 发出，数据库却没有记录（恢复过备份？），没有发送"
            f" → 确实没有发出过才运行 distributor send {order.plan.issue} --despite-log …；已发出就不必再做什么",
            f"launches.log says that {order.plan.issue} went to {order.origin} but the database does not know it "
            f"(a restored backup?); nothing was sent. Only if it never went: `distributor send {order.plan.issue} "
            "--despite-log …`; if it went, there is nothing to do",
        )
    )


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
        preparation = await freezing.prepare(tx, new, claim)
    async with office.database.write() as tx:
        await freezing.freeze_renditions(tx, preparation, rehearsal.renditions.values(), rehearsal.pictures)
    return preparation


async def _freeze(
    office: Office, order: LaunchOrder, preparation: Preparation, rehearsal: Rehearsal, marks: Placeholders
) -> Frozen:
    """Store the readers; a section set that appeared since the rehearsal makes us rehearse again."""
    for _ in range(_SEGMENTATIONS):
        audience, now = store.mailable(order.plan.lists), office.workspace.clock.now()
        frozen = await freezing.freeze_recipients(office.database, preparation, audience, rehearsal.editions, now)
        if not frozen.unknown:
            return frozen
        rehearsal = await rehearse(office, order.plan, marks)
        async with office.database.write() as tx:
            await freezing.freeze_renditions(tx, preparation, rehearsal.renditions.values(), rehearsal.pictures)
    raise HeldError(
        wording(
            "读者的选择变动太频繁，没有发送 → 请再运行一次", "preferences keep changing; nothing was sent: run it again"
        )
    )


async def _flip(office: Office, order: LaunchOrder, preparation: Preparation) -> Mailing:
    present, _warnings = load_ready(office.workspace, order.plan.issue)
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        await freezing.launch(tx, preparation, present.fingerprint, now)
        if order.occurrence is not None and not await calendar.launch(tx, order.occurrence, now):
            raise HeldError(
                wording("这一期次刚被暂缓或已由别的进程发出", "the slot was just held, or launched by another process")
            )
    async with office.database.read() as connection:
        launched = await counts.load_mailing(connection, preparation.mailing)
    if launched.state != "running":
        raise DistributorError
    return launched
