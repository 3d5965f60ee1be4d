"""What the ledger says: mailings, counts by state, and lists of copies. Reads only.

Every copy is accounted for: `Counts` holds the planned count, stored at launch, beside the number of rows in each
state, and `assert_accounted` raises when they differ. "Finished" is computed here and stored nowhere.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.delivery.ledger import DUE_STATES
from distributor.delivery.model import IN_HAND, OPEN_STATES, Channel, Mailing, State
from distributor.delivery.results import NEVER
from distributor.errors import DistributorError
from distributor.identifiers import DeliveryId, EditionKey, IssueId, MailingId, base_edition
from distributor.problems import wording
from distributor.rendering.model import InlinePicture, Rendition
from distributor.schema import DELIVERY_STATES, attempt, delivery, mailing, rendition, rendition_picture

GOT_IT: tuple[State, ...] = ("accepted", "stored")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Copies by state (every state is a key), against `planned`; `held` uncertain ones wait for a person.

    `resending` counts the uncertain copies that go again by themselves; the rest of the uncertain were forgiven.
    """

    planned: int
    by_state: Mapping[State, int]
    held: int
    resending: int

    @property
    def total(self) -> int:
        """The sum over all states; equal to `planned`."""
        return sum(self.by_state.values())

    @property
    def open(self) -> int:
        """How many copies still have a way to go by themselves."""
        return sum(self.by_state[state] for state in OPEN_STATES) + self.resending

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do by itself."""
        return self.open == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailingLine:
    """A mailing with its moments: when it was launched, and when a pause ends by itself."""

    mailing: Mailing
    launched_at: datetime | None
    resume_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyLine:
    """One copy as lists and exports show it; `accepted_at` None unless it was accepted or stored."""

    id: DeliveryId
    mailing: MailingId
    issue: IssueId
    address: str
    name: str
    edition: EditionKey
    state: State
    attempts: int
    due_at: datetime
    server: str
    message_id: str
    accepted_at: datetime | None
    last_code: int | None
    last_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """One try of a copy that did not simply succeed at first; `outcome` is the outcome's name in lower case."""

    number: int
    at: datetime
    server: str
    outcome: str
    code: int | None
    enhanced: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is coming: copies in hand, the next due moment, the next end of a pause; None where there is none."""

    in_hand: int
    due_at: datetime | None
    resume_at: datetime | None


async def count_copies(connection: AsyncConnection, of: MailingId) -> Counts:
    """Count the copies of a mailing by state, in one consistent view."""
    waits = delivery.c.due_at >= NEVER
    grouped = sa.select(delivery.c.state, waits.label("waits"), sa.func.count().label("rows")).where(
        delivery.c.mailing == of
    )
    by_state: dict[State, int] = dict.fromkeys(DELIVERY_STATES, 0)  # type: ignore[arg-type]  # the same words
    resending = 0
    for row in await connection.execute(grouped.group_by(delivery.c.state, waits)):
        by_state[row.state] += row.rows
        resending += row.rows if row.state == "uncertain" and not row.waits else 0
    held = sa.select(sa.func.count()).where(delivery.c.mailing == of, *_held())
    planned = sa.select(mailing.c.planned).where(mailing.c.id == of)
    return Counts(
        planned=await connection.scalar(planned) or 0,
        by_state=by_state,
        held=await connection.scalar(held) or 0 if by_state["uncertain"] else 0,
        resending=resending,
    )


async def assert_accounted(connection: AsyncConnection, of: MailingId) -> Counts:
    """Return the counts of a launched mailing; DistributorError when they do not add up to what was planned."""
    counts = await count_copies(connection, of)
    if counts.total != counts.planned:
        raise DistributorError(
            wording(
                f"发送 {of} 的账目不符：计划 {counts.planned} 份，登记 {counts.total} 份 → 请停止发送并报告",
                f"mailing {of} does not add up: {counts.planned} planned, {counts.total} counted: stop and report",
            )
        )
    return counts


async def load_mailing(connection: AsyncConnection, of: MailingId) -> Mailing:
    """Return a mailing; DistributorError when there is none of that id."""
    found = await mailings(connection, [mailing.c.id == of])
    if not found:
        raise DistributorError(wording(f"没有编号为 {of} 的发送", f"there is no mailing {of}"))
    return found[0].mailing


async def find_mailing(
    connection: AsyncConnection, *, channel: Channel, issue: IssueId, send_no: int, origin: str
) -> MailingLine | None:
    """Return the one mailing of that key, in whatever state; None when it was never prepared."""
    key = {"channel": channel, "issue": issue, "send_no": send_no, "origin": origin}
    found = await mailings(connection, [mailing.c[name] == value for name, value in key.items()])
    return found[0] if found else None


async def mailings(
    connection: AsyncConnection, where: Sequence[sa.ColumnElement[bool]] = ()
) -> tuple[MailingLine, ...]:
    """Return mailings, the newest first; `where` narrows by columns of `schema.mailing`."""
    rows = await connection.execute(sa.select(mailing).where(*where).order_by(mailing.c.id.desc()))
    return tuple(
        MailingLine(
            mailing=Mailing(**{name: getattr(row, name) for name in Mailing.__dataclass_fields__}),
            launched_at=row.launched_at,
            resume_at=row.resume_at,
        )
        for row in rows
    )


async def load_renditions(connection: AsyncConnection, of: MailingId) -> Mapping[EditionKey, Rendition]:
    """Return the frozen renditions of a mailing by the ledger's key, which tells apart the texts of one edition."""
    issue = IssueId(await connection.scalar(sa.select(mailing.c.issue).where(mailing.c.id == of)) or "")
    rows = await connection.execute(sa.select(rendition).where(rendition.c.mailing == of))
    names = ("subject", "preheader", "html", "text", "shortened")
    return {
        row.edition: Rendition(
            edition=base_edition(row.edition),
            issue=issue,
            cids=tuple(row.cids),
            **{name: getattr(row, name) for name in names},
        )
        for row in rows
    }


async def load_pictures(connection: AsyncConnection, of: MailingId) -> tuple[InlinePicture, ...]:
    """Return the pictures that travel with a mailing, by cid."""
    columns = [rendition_picture.c[name] for name in InlinePicture.__dataclass_fields__]
    rows = await connection.execute(
        sa.select(*columns).where(rendition_picture.c.mailing == of).order_by(rendition_picture.c.cid)
    )
    return tuple(InlinePicture(**row._mapping) for row in rows)  # noqa: SLF001 - the public name of a row's mapping


async def readers_by_edition(connection: AsyncConnection, of: MailingId) -> Mapping[EditionKey, int]:
    """Return how many copies of each edition a mailing has, whatever their state."""
    grouped = sa.select(delivery.c.edition, sa.func.count()).where(delivery.c.mailing == of)
    rows = await connection.execute(grouped.group_by(delivery.c.edition).order_by(delivery.c.edition))
    return {row[0]: row[1] for row in rows}


async def copies(
    connection: AsyncConnection, where: Sequence[sa.ColumnElement[bool]]
) -> AsyncGenerator[CopyLine, None]:
    """Stream copies by id; `where` narrows by columns of `schema.delivery`. Never holds the whole list."""
    columns = [delivery.c[name] for name in CopyLine.__dataclass_fields__]
    statement = sa.select(*columns).where(*where).order_by(delivery.c.id)
    async with connection.stream(statement) as rows:
        async for row in rows:
            yield CopyLine(**row._mapping)  # noqa: SLF001 - the public name of a row's mapping


def undelivered(of: MailingId) -> tuple[sa.ColumnElement[bool], ...]:
    """Narrow `copies` to those of a mailing that nobody has taken."""
    return delivery.c.mailing == of, delivery.c.state.not_in(GOT_IT)


def received(issue: IssueId, *, channel: Channel = "smtp") -> tuple[sa.ColumnElement[bool], ...]:
    """Narrow `copies` to the readers who got an issue, in whichever mailing."""
    return delivery.c.issue == issue, delivery.c.channel == channel, delivery.c.state.in_(GOT_IT)


def uncertain(of: MailingId | None = None) -> tuple[sa.ColumnElement[bool], ...]:
    """Narrow `copies` to those whose acceptance is unknown and about which nobody has decided.

    Those with `due_at` NEVER wait for a person, the others go again by themselves.
    """
    undecided = delivery.c.state == "uncertain", delivery.c.claim.is_not(None)
    return undecided if of is None else (delivery.c.mailing == of, *undecided)


async def attempts_of(connection: AsyncConnection, of: DeliveryId) -> tuple[AttemptLine, ...]:
    """Return the tries of a copy in order; empty for one that was accepted at first."""
    columns = [attempt.c[name] for name in AttemptLine.__dataclass_fields__]
    rows = await connection.execute(sa.select(*columns).where(attempt.c.delivery == of).order_by(attempt.c.id))
    return tuple(AttemptLine(**row._mapping) for row in rows)  # noqa: SLF001 - the public name of a row's mapping


async def outlook(
    connection: AsyncConnection, channel: Channel, of: MailingId | None = None, *, without: Sequence[str] = ()
) -> Outlook:
    """Say what is coming on a channel, or for one mailing: what a dispatcher waits for when nothing is due.

    Copies for the domains `without` count as in hand, but not as due.
    """
    which: list[Any] = [mailing.c.channel == channel]
    which += [] if of is None else [mailing.c.id == of]
    running = sa.select(mailing.c.id).where(*which, mailing.c.state == "running")
    open_rows = sa.select(sa.func.min(delivery.c.due_at)).where(
        delivery.c.mailing.in_(running),
        delivery.c.state.in_(sa.bindparam("due", DUE_STATES, expanding=True, literal_execute=True)),
        delivery.c.due_at < NEVER,
        *([delivery.c.domain.not_in(without)] if without else []),
    )
    held = sa.select(sa.func.count()).where(
        delivery.c.mailing.in_(sa.select(mailing.c.id).where(*which)),
        delivery.c.state.in_(sa.bindparam("held", IN_HAND, expanding=True, literal_execute=True)),
    )
    pauses = sa.select(sa.func.min(mailing.c.resume_at)).where(*which, mailing.c.state == "paused")
    return Outlook(
        in_hand=await connection.scalar(held) or 0,
        due_at=await connection.scalar(open_rows),
        resume_at=await connection.scalar(pauses),
    )


def _held() -> tuple[sa.ColumnElement[bool], ...]:
    return delivery.c.state == "uncertain", delivery.c.due_at >= NEVER, delivery.c.claim.is_not(None)
