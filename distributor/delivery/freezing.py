"""Before the launch: a mailing is prepared, its renditions and readers frozen, and then it is launched.

With `ledger`, `decisions` and `refreezing` the only writer of its tables. A preparation belongs to one process by
claim and lease (database time); every step renews the lease and stops when another process has taken over. Its rows are
invisible to claims until `launch` flips the state in one short transaction. What a dead process left is taken over
by `prepare` or removed by `sweep_preparations`; nothing of it was mailed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor import database
from distributor.database import Database
from distributor.delivery import pilots
from distributor.delivery.ledger import Claim
from distributor.delivery.model import Channel
from distributor.errors import AnotherProcess, DistributorError, HeldError
from distributor.identifiers import EditionKey, IssueId, MailingId
from distributor.problems import wording
from distributor.rendering.model import InlinePicture, Rendition
from distributor.schema import delivery, mailing, rendition, rendition_picture

CHUNK = 5000
"""How many subscribers are frozen in one transaction; between two others may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMailing:
    """What is known of a mailing before its readers are.

    `origin` is `schedule/slot` or the sorted list names joined by `+`; `occurrence` the row of the slot, None when
    a person sends. The marks are the placeholders of its renditions, `message_date` goes into every copy.
    """

    channel: Channel
    issue: IssueId
    send_no: int
    origin: str
    occurrence: int | None
    fingerprint: str
    token_mark: str
    address_mark: str
    message_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """A mailing that this process prepares, and the claim by which it does."""

    mailing: MailingId
    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What became of the audience: planned copies, readers who have the issue already, readers without a section.

    `unknown` counts readers by section-set keys that the editions did not name: they appeared since the audience
    was segmented. It must be empty before the mailing can launch; segment again and freeze again.
    """

    planned: int
    already_mailed: int
    without_section: int
    unknown: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The edition of every section-set key, and the editions that each pilot's readers have seen as they are."""

    editions: Mapping[str, EditionKey | None]
    pilots: Mapping[MailingId, frozenset[EditionKey]]


async def prepare(tx: AsyncConnection, new: NewMailing, claim: Claim) -> Preparation:
    """Begin a mailing, or take over what a dead process left of the same one (its rows go, this begins afresh).

    Raises AnotherProcess while another process prepares it, HeldError when it was launched already.
    """
    values = asdict(new) | {"state": "preparing", "claim": claim.token, "lease_until": database.now(claim.lease)}
    # Setting the origin to itself changes nothing, but returns and locks the row that was there before.
    made = (
        database.upsert(tx, mailing)
        .values(values)
        .on_conflict_do_update(
            index_elements=["channel", "issue", "send_no", "origin"], set_={"origin": mailing.c.origin}
        )
        .returning(
            mailing.c.id,
            mailing.c.state,
            mailing.c.claim,
            (mailing.c.lease_until <= database.now()).label("is_stale"),
        )
    )
    row = (await tx.execute(made)).one()
    if row.state != "preparing":
        raise HeldError(wording("这次发送已经启动", "this mailing was launched already"))
    if row.claim != claim.token and not row.is_stale:
        raise AnotherProcess(wording("另一个进程正在准备这次发送", "another process is preparing this mailing"))
    for table in (delivery, rendition, rendition_picture):
        await tx.execute(sa.delete(table).where(table.c.mailing == row.id))
    await tx.execute(sa.update(mailing).where(mailing.c.id == row.id).values(values))
    return Preparation(mailing=MailingId(row.id), claim=claim)


async def sweep_preparations(tx: AsyncConnection) -> tuple[str, ...]:
    """Remove the mailings that dead processes were preparing, with all their rows; return their token marks."""
    stale = sa.delete(mailing).where(mailing.c.state == "preparing", mailing.c.lease_until <= database.now())
    return tuple((await tx.scalars(stale.returning(mailing.c.token_mark))).all())


async def drop_preparations(tx: AsyncConnection) -> int:
    """Remove every mailing that is being prepared, with all its rows; return how many.

    For a copy of the database, in which nobody goes on preparing them.
    """
    return (await tx.execute(sa.delete(mailing).where(mailing.c.state == "preparing"))).rowcount


async def abandon(tx: AsyncConnection, preparation: Preparation) -> None:
    """Remove a mailing that will not launch, with all its rows; nothing happens when it is no longer ours."""
    await tx.execute(sa.delete(mailing).where(*_ours(preparation)))


async def freeze_renditions(
    tx: AsyncConnection,
    preparation: Preparation,
    renditions: Iterable[Rendition],
    pictures: Iterable[InlinePicture],
) -> None:
    """Store what the readers will see, in place of what was stored before; AnotherProcess when it is not ours."""
    await _keep(tx, preparation)
    for table in (rendition, rendition_picture):
        await tx.execute(sa.delete(table).where(table.c.mailing == preparation.mailing))
    rows = [rendition_row(preparation.mailing, one) for one in renditions]
    if rows:
        await tx.execute(sa.insert(rendition), rows)
    shown = [asdict(picture) | {"mailing": preparation.mailing} for picture in pictures]
    if shown:
        await tx.execute(sa.insert(rendition_picture), shown)


async def freeze_recipients(
    opened: Database,
    preparation: Preparation,
    audience: sa.Select[Any],
    editions: Mapping[str, EditionKey | None],
    at: datetime,
) -> Frozen:
    """Store one pending row, due `at`, for every reader of `audience` who has an edition and not yet the issue.

    `audience` has the columns of `subscribers.store.mailable()`, one row a subscriber; `editions` names the
    edition of every section-set key, None for "no section of theirs appears". Who has this very edition from a pilot
    of the issue counts as having the issue; the renditions are frozen before. Runs in short transactions of its own,
    in the order of subscribers; safe to repeat while the mailing is being prepared. Raises AnotherProcess.
    """
    async with opened.write() as tx:
        await _keep(tx, preparation)
        await tx.execute(sa.delete(delivery).where(delivery.c.mailing == preparation.mailing))
        seen = _Seen(editions=editions, pilots=await pilots.unchanged(tx, preparation.mailing))
    total = Frozen(planned=0, already_mailed=0, without_section=0, unknown={})
    last: int | None = 0
    while last is not None:
        async with opened.write() as tx:
            chosen, last = await _chunk(tx, audience, after=last)
            total = _sum(total, await _freeze(tx, preparation, chosen, seen, at))
    if not total.unknown:
        counts = {name: getattr(total, name) for name in ("planned", "already_mailed", "without_section")}
        async with opened.write() as tx:
            await tx.execute(sa.update(mailing).where(*_ours(preparation)).values(counts))
    return total


async def launch(tx: AsyncConnection, preparation: Preparation, fingerprint: str, at: datetime) -> None:
    """Let the mailing run: from the end of this transaction its copies may be claimed.

    Compares the fingerprint of what was checked and published with what was frozen, and the planned count with
    the rows that are there. Raises AnotherProcess, HeldError (something changed: prepare again) or, when rows are
    missing, DistributorError; nothing is launched then.
    """
    rows = sa.select(sa.func.count()).where(delivery.c.mailing == preparation.mailing).scalar_subquery()
    flip = (
        sa.update(mailing)
        .where(*_ours(preparation), mailing.c.fingerprint == fingerprint, mailing.c.planned == rows)
        .values(state="running", launched_at=at, claim=None, lease_until=None)
    )
    if (await tx.execute(flip)).rowcount == 1:
        return
    await _keep(tx, preparation)
    stored = (await tx.execute(sa.select(mailing).where(mailing.c.id == preparation.mailing))).one()
    if stored.fingerprint != fingerprint:
        raise HeldError(
            wording(
                "准备期间内容或模板有改动，邮件没有发出 → 请重新执行",
                "content or templates changed during the preparation, nothing was mailed: run it again",
            )
        )
    counted = await tx.scalar(sa.select(rows))
    raise DistributorError(
        wording(
            f"计划 {stored.planned} 份，登记 {counted} 份，邮件没有发出 → 请重新执行",
            f"{stored.planned} copies planned, {counted} stored, nothing was mailed: run it again",
        )
    )


def _ours(preparation: Preparation) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        mailing.c.id == preparation.mailing,
        mailing.c.claim == preparation.claim.token,
        mailing.c.state == "preparing",
    )


async def _keep(tx: AsyncConnection, preparation: Preparation) -> sa.Row[Any]:
    """Renew the lease and return the mailing's key; AnotherProcess when somebody took over."""
    renewed = (
        sa.update(mailing)
        .where(*_ours(preparation))
        .values(lease_until=database.now(preparation.claim.lease))
        .returning(mailing.c.channel, mailing.c.issue, mailing.c.send_no)
    )
    row = (await tx.execute(renewed)).one_or_none()
    if row is None:
        raise AnotherProcess(wording("另一个进程已接手准备这次发送", "another process has taken this preparation over"))
    return row


def rendition_row(of: MailingId, one: Rendition) -> dict[str, Any]:
    """Return the values of a row of `schema.rendition`, stored under the rendition's edition."""
    names = ("edition", "subject", "preheader", "html", "text", "shortened", "fingerprint")
    return {name: getattr(one, name) for name in names} | {"mailing": of, "cids": list(one.cids)}


async def _chunk(tx: AsyncConnection, audience: sa.Select[Any], *, after: int) -> tuple[sa.Subquery, int | None]:
    """Return the next readers after a subscriber, and the last of them; None when there are none beyond."""
    key = audience.selected_columns.subscriber
    rest = audience.where(key > after).order_by(None)
    ids = rest.with_only_columns(key.label("id")).order_by(key).limit(CHUNK).subquery()
    last, count = (await tx.execute(sa.select(sa.func.max(ids.c.id), sa.func.count()))).one()
    chosen = rest.where(key <= (after if last is None else last)).subquery("readers")
    return chosen, last if count == CHUNK else None


async def _freeze(
    tx: AsyncConnection,
    preparation: Preparation,
    readers: sa.Subquery,
    seen: _Seen,
    at: datetime,
) -> Frozen:
    editions = seen.editions
    of = await _keep(tx, preparation)
    key = readers.c.section_set
    grouped = await tx.execute(sa.select(key, sa.func.count()).group_by(key))
    sizes: dict[str, int] = {row[0]: row[1] for row in grouped}
    served = {name: editions[name] for name in sizes if editions.get(name) is not None}
    eligible = sum(sizes[name] for name in served)
    stored = 0
    if served:
        values = _delivery_values(preparation.mailing, of, readers, at)
        values["edition"] = sa.case(served, value=key)
        chosen = sa.select(*(value.label(name) for name, value in values.items())).where(key.in_(list(served)))
        if seen.pilots:
            chosen = chosen.where(~pilots.has_it(seen.pilots, readers.c.email_key, values["edition"]))
        rows = database.upsert(tx, delivery).from_select(list(values), chosen.order_by(readers.c.subscriber))
        inserting = rows.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        stored = (await tx.execute(inserting)).rowcount
    return Frozen(
        planned=stored,
        already_mailed=eligible - stored,
        without_section=sum(size for name, size in sizes.items() if name in editions and name not in served),
        unknown={name: size for name, size in sizes.items() if name not in editions},
    )


def _delivery_values(
    mailing_id: MailingId, of: sa.Row[Any], readers: sa.Subquery, at: datetime
) -> dict[str, sa.ColumnElement[Any]]:
    copied = ("subscriber", "public_id", "email_key", "address", "domain", "name", "format")
    fixed = {"mailing": mailing_id, "channel": of.channel, "issue": of.issue, "send_no": of.send_no}
    fixed |= {"state": "pending", "due_at": at}
    values: dict[str, sa.ColumnElement[Any]] = {name: readers.c[name] for name in copied}
    return values | {name: sa.literal(value, delivery.c[name].type) for name, value in fixed.items()}


def _sum(total: Frozen, more: Frozen) -> Frozen:
    names = {*total.unknown, *more.unknown}
    return Frozen(
        planned=total.planned + more.planned,
        already_mailed=total.already_mailed + more.already_mailed,
        without_section=total.without_section + more.without_section,
        unknown={name: total.unknown.get(name, 0) + more.unknown.get(name, 0) for name in names},
    )
