"""What a person, trouble with a server, or a breaker decides about mailings and copies.

With `ledger`, `freezing` and `refreezing` the only writer of its tables. Each function takes the caller's transaction,
is safe to repeat and returns how many rows it changed. Copies whose message may be on its way are never touched:
pausing and cancelling let what is in `sending` end and be counted.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.delivery.ledger import DUE_STATES
from distributor.delivery.model import Channel
from distributor.delivery.results import NEVER
from distributor.delivery.retries import TRIED_FOR
from distributor.identifiers import DeliveryId, IssueId, MailingId
from distributor.schema import approval, attempt, delivery, mailing

Failed = Literal["refused", "expired"]


async def approve(tx: AsyncConnection, *, issue: IssueId, fingerprint: str, by: str, at: datetime) -> None:
    """Write down that somebody approved exactly what has this fingerprint."""
    await tx.execute(sa.insert(approval).values(issue=issue, fingerprint=fingerprint, by=by, at=at))


async def is_approved(connection: AsyncConnection, *, issue: IssueId, fingerprint: str) -> bool:
    """Say whether what has this fingerprint was approved."""
    found = sa.exists().where(approval.c.issue == issue, approval.c.fingerprint == fingerprint)
    return bool(await connection.scalar(sa.select(found)))


async def pause(tx: AsyncConnection, of: MailingId, *, reason: str, resume_at: datetime | None = None) -> int:
    """Stop a mailing between two copies; it goes on at `resume_at`, without one when a person says so."""
    return await _turn(tx, [mailing.c.id == of], ("running", "paused"), _paused(reason, resume_at))


async def pause_channel(tx: AsyncConnection, channel: Channel, *, reason: str, resume_at: datetime) -> int:
    """Pause every running mailing of a channel that has copies left: its server is in trouble."""
    left = sa.exists().where(
        delivery.c.mailing == mailing.c.id,
        delivery.c.state.in_(sa.bindparam("open", (*DUE_STATES, "claimed"), expanding=True, literal_execute=True)),
        delivery.c.due_at < NEVER,
    )
    return await _turn(tx, [mailing.c.channel == channel, left], ("running",), _paused(reason, resume_at))


async def resume(tx: AsyncConnection, of: MailingId) -> int:
    """Let a paused mailing run again; 0 when it was not paused."""
    return await _turn(tx, [mailing.c.id == of], ("paused",), _running())


async def resume_due(tx: AsyncConnection, *, now: datetime) -> int:
    """Let those mailings run again whose pause was to end by `now`."""
    return await _turn(tx, [mailing.c.resume_at <= now], ("paused",), _running())


async def cancel(tx: AsyncConnection, of: MailingId, *, reason: str) -> int:
    """End a mailing: copies not yet under way are cancelled; return how many.

    Those under way end as they end; an uncertain copy waits for a person instead of going again.
    """
    values = {"state": "cancelled", "reason": reason, "resume_at": None}
    await _turn(tx, [mailing.c.id == of], ("running", "paused"), values)
    cancelled = sa.select(mailing.c.id).where(mailing.c.id == of, mailing.c.state == "cancelled")
    rows = sa.update(delivery).where(delivery.c.mailing.in_(cancelled))
    await tx.execute(rows.where(delivery.c.state == "uncertain").values(due_at=NEVER))
    unsent = rows.where(delivery.c.state.in_(("pending", "claimed", "deferred")))
    return (await tx.execute(unsent.values(state="cancelled", claim=None, lease_until=None))).rowcount


async def reopen(tx: AsyncConnection, of: MailingId, states: Sequence[Failed], *, at: datetime) -> int:
    """Send refused or expired copies again from the beginning, due `at`; accepted ones are never touched."""
    rows = sa.update(delivery).where(delivery.c.mailing == of, delivery.c.state.in_(states))
    anew = {"state": "pending", "attempts": 0, "first_tried_at": None, "due_at": at, "claim": None}
    return (await tx.execute(rows.values(anew))).rowcount


async def reopen_blocked(
    tx: AsyncConnection, ids: Sequence[DeliveryId], *, due_at: datetime, reason: str, at: datetime
) -> int:
    """Take back refusals that were a block and not about the readers: the copies go again when `due_at` comes.

    Only refused ones; they keep their tries and what the server said, and an attempt row says why they go again.
    Those whose 48 hours of trying are over by then stay refused, so that a block that lasts comes to an end. Copies
    of a mailing that was cancelled meanwhile are cancelled.
    """
    refused = sa.select(delivery).where(delivery.c.id.in_(ids), delivery.c.state == "refused")
    rows = [
        row
        for row in (await tx.execute(refused.order_by(delivery.c.id).with_for_update())).all()
        if row.first_tried_at + TRIED_FOR > due_at
    ]
    if not rows:
        return 0
    ended = delivery.c.mailing.in_(sa.select(mailing.c.id).where(mailing.c.state == "cancelled"))
    again = {"state": sa.case((ended, "cancelled"), else_="deferred"), "due_at": due_at, "claim": None}
    await tx.execute(sa.update(delivery).where(delivery.c.id.in_([row.id for row in rows])).values(again))
    await tx.execute(sa.insert(attempt), [_said(row, "reopened", reason, at) for row in rows])
    return len(rows)


async def resend_uncertain(tx: AsyncConnection, ids: Sequence[DeliveryId], *, at: datetime) -> int:
    """Send copies whose acceptance is unknown once more, the same bytes, due `at`; their reader may get two.

    A late result of the first try still settles the copy until it is claimed again. A copy of a cancelled mailing
    stays as it is.
    """
    goes_on = sa.select(mailing.c.id).where(mailing.c.state.in_(("running", "paused")))
    rows = sa.update(delivery).where(*_open_questions(ids), delivery.c.mailing.in_(goes_on))
    return (await tx.execute(rows.values(due_at=at))).rowcount


async def forgive_uncertain(tx: AsyncConnection, ids: Sequence[DeliveryId], *, by: str, at: datetime) -> int:
    """Leave copies whose acceptance is unknown as they are, for good: they count as uncertain for ever.

    An attempt row says who decided and when.
    """
    open_ones = sa.select(delivery.c.id, delivery.c.attempts, delivery.c.server).where(*_open_questions(ids))
    rows = (await tx.execute(open_ones.with_for_update())).all()
    if not rows:
        return 0
    await tx.execute(sa.insert(attempt), [_said(row, "forgiven", by, at) for row in rows])
    forgiven = sa.update(delivery).where(delivery.c.id.in_([row.id for row in rows]))
    await tx.execute(forgiven.values(due_at=NEVER, claim=None))
    return len(rows)


def _open_questions(ids: Sequence[DeliveryId]) -> tuple[sa.ColumnElement[bool], ...]:
    return delivery.c.id.in_(ids), delivery.c.state == "uncertain", delivery.c.claim.is_not(None)


def _said(row: sa.Row[*tuple[Any, ...]], outcome: str, text: str, at: datetime) -> dict[str, Any]:
    return {
        "delivery": row.id,
        "number": row.attempts,
        "at": at,
        "server": row.server,
        "outcome": outcome,
        "text": text,
    }


def _paused(reason: str, resume_at: datetime | None) -> dict[str, Any]:
    return {"state": "paused", "reason": reason, "resume_at": resume_at}


def _running() -> dict[str, Any]:
    return {"state": "running", "reason": "", "resume_at": None}


async def _turn(
    tx: AsyncConnection,
    which: Sequence[sa.ColumnElement[bool]],
    states: Sequence[str],
    values: dict[str, Any],
) -> int:
    changed = await tx.execute(sa.update(mailing).where(*which, mailing.c.state.in_(states)).values(values))
    return changed.rowcount
