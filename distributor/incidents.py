"""What operators must know of: one row for each cause and what it is about, told once. The only writer of `incident`.

A cause with a sentence and its remedy enters; an `Incident` leaves until somebody was told of it. What is raised again
while it lasts changes its words and tells nobody; what is raised after it was cleared is news again. Telling is claimed
with a lease by the database's clock, so that of several daemons one tells, and another does when that one died; who was
told already stands in the row, so that nobody hears it twice because another could not be reached. Safe to repeat.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor import database
from distributor.database import upsert
from distributor.problems import Wording, wording
from distributor.schema import incident

IncidentId = NewType("IncidentId", int)


class Cause(StrEnum):
    """What kind of thing happened; with a subject it is one incident."""

    MISSED = "missed"
    WAITING = "waiting"
    NOT_LAUNCHED = "not-launched"
    RESTORED = "restored"
    LIST_SHRUNK = "list-shrunk"
    PAUSED = "paused"
    REFUSALS = "refusals"
    CALENDAR = "calendar"
    SETTINGS = "settings"
    DISK = "disk"
    CLOCK = "clock"
    REMINDER = "reminder"
    INBOX = "inbox"
    DRAFT = "draft"
    APPROVAL = "approval"
    PILOT = "pilot"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something to raise: `subject` says what it is about (`weekly/2026-W48#1`, a mailing's number), never empty."""

    cause: Cause
    subject: str
    what: Wording
    remedy: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A row as it stands; moments are UTC, None where that did not happen. `told_to` names who heard of it so far."""

    id: IncidentId
    cause: Cause
    subject: str
    what: Wording
    remedy: Wording
    raised_at: datetime
    cleared_at: datetime | None
    told_at: datetime | None
    told_to: tuple[str, ...] = ()


async def report(tx: AsyncConnection, news: News, now: datetime) -> bool:
    """Raise an incident; True where that is news: it was not known, or had been cleared.

    What is known already keeps its moment and whom it was told to; its words become these.
    """
    said = {"what": _stored(news.what), "remedy": _stored(news.remedy)}
    untold: dict[str, Any] = {"cleared_at": None, "told_at": None, "told_to": [], "claim": None, "lease_until": None}
    fresh = {**said, **untold, "raised_at": now}
    row = {"cause": news.cause, "subject": news.subject, **fresh}
    statement = upsert(tx, incident).values(row)
    statement = statement.on_conflict_do_update(
        index_elements=["cause", "subject"], set_=fresh, where=incident.c.cleared_at.is_not(None)
    )
    if (await tx.execute(statement.returning(incident.c.id))).all():
        return True
    known = (incident.c.cause == news.cause, incident.c.subject == news.subject)
    await tx.execute(sa.update(incident).where(*known).values(said))
    return False


async def clear(tx: AsyncConnection, cause: Cause, subject: str, now: datetime) -> bool:
    """Note that it is over; False where it was not there. What was never told by then is not told any more."""
    return bool(await _clear(tx, now, incident.c.cause == cause, incident.c.subject == subject))


async def keep_only(tx: AsyncConnection, cause: Cause, subjects: Collection[str], now: datetime) -> int:
    """Clear the open incidents of a cause that are not about any of these; return how many."""
    return await _clear(tx, now, incident.c.cause == cause, incident.c.subject.not_in(subjects))


async def ongoing(connection: AsyncConnection) -> tuple[Incident, ...]:
    """Return what was raised and not cleared, the latest first."""
    return await _select(connection, incident.c.cleared_at.is_(None))


async def claim_untold(tx: AsyncConnection, token: str, lease: timedelta) -> tuple[Incident, ...]:
    """Take what nobody was told of yet and nobody else is telling, for so long; the earliest first."""
    free = sa.or_(incident.c.claim.is_(None), incident.c.lease_until < database.now())
    untold = (incident.c.told_at.is_(None), incident.c.cleared_at.is_(None))
    claimed = sa.update(incident).where(*untold, free).values(claim=token, lease_until=database.now(lease))
    ids = (await tx.scalars(claimed.returning(incident.c.id))).all()
    return tuple(reversed(await _select(tx, incident.c.id.in_(ids))))


async def was_told(connection: AsyncConnection, cause: Cause, subject: str) -> bool:
    """Say whether operators ever heard of this, whether it lasts or not."""
    known = (incident.c.cause == cause, incident.c.subject == subject, incident.c.told_at.is_not(None))
    return bool(await connection.scalar(sa.select(sa.exists().where(*known))))


async def note_told(tx: AsyncConnection, ids: Sequence[IncidentId], token: str, name: str) -> None:
    """Note that `name` heard of these, which `token` still holds; the others are still to hear."""
    mine = (incident.c.id.in_(ids), incident.c.claim == token)
    for row in (await tx.execute(sa.select(incident.c.id, incident.c.told_to).where(*mine))).all():
        told = sorted({*row.told_to, name})
        await tx.execute(sa.update(incident).where(incident.c.id == row.id).values(told_to=told))


async def put_off(tx: AsyncConnection, ids: Sequence[IncidentId], token: str, wait: timedelta) -> None:
    """Keep what `token` holds from being told again for so long: somebody could not be reached."""
    mine = (incident.c.id.in_(ids), incident.c.claim == token)
    await tx.execute(sa.update(incident).where(*mine).values(lease_until=database.now(wait)))


async def mark_told(tx: AsyncConnection, ids: Sequence[IncidentId], token: str, now: datetime) -> int:
    """Note that operators were told; only what is still claimed by `token` changes. Return how many."""
    mine = sa.update(incident).where(incident.c.id.in_(ids), incident.c.claim == token)
    return (await tx.execute(mine.values(told_at=now, claim=None, lease_until=None))).rowcount


async def _clear(tx: AsyncConnection, now: datetime, *where: sa.ColumnElement[bool]) -> int:
    statement = sa.update(incident).where(incident.c.cleared_at.is_(None), *where)
    return (await tx.execute(statement.values(cleared_at=now))).rowcount


async def _select(connection: AsyncConnection, *where: sa.ColumnElement[bool]) -> tuple[Incident, ...]:
    order = (incident.c.raised_at.desc(), incident.c.id.desc())
    rows = await connection.execute(sa.select(incident).where(*where).order_by(*order))
    return tuple(_incident(row) for row in rows)


def _incident(row: sa.Row[Any]) -> Incident:
    return Incident(
        id=IncidentId(row.id),
        cause=Cause(row.cause),
        subject=row.subject,
        what=wording(**row.what),
        remedy=wording(**row.remedy),
        raised_at=row.raised_at,
        cleared_at=row.cleared_at,
        told_at=row.told_at,
        told_to=tuple(row.told_to),
    )


def _stored(said: Wording) -> dict[str, str]:
    return {"zh": said.zh, "en": said.en}
