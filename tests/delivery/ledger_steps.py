"""Steps that the ledger's tests share: readers, mailings in each stage, and what the rows say afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.database import Database
from distributor.delivery import counts, freezing, ledger
from distributor.delivery.ledger import Claim, Wanted
from distributor.delivery.model import Accepted, Copy, Deferred, Outcome, Refused, Reply, Uncertain
from distributor.delivery.results import Policy, Result
from distributor.identifiers import EditionKey, IssueId, MailingId
from distributor.rendering.model import InlinePicture, Rendition
from distributor.schema import delivery, mailing, preference, section_set, subscriber, suppression

NOW = datetime(2015, 7, 10, 1, 0, tzinfo=UTC)
ISSUE = IssueId("2015-055")
ALL = EditionKey("market+policy")
EDITIONS: Mapping[str, EditionKey | None] = {"*": ALL, "policy": EditionKey("policy"), "tech": None}
LEASE = timedelta(minutes=2)
OURS = Claim(token="ours", lease=LEASE)
THEIRS = Claim(token="theirs", lease=LEASE)
LATE = Claim(token="late", lease=timedelta(seconds=-1))
RESEND = Policy(on_uncertain="resend", randomness=Random(1))
HOLD = Policy(on_uncertain="hold", randomness=Random(1))
TAKEN = Accepted(reply=Reply(code=250, enhanced="2.0.0", text="queued as 1"))
LATER = Deferred(reply=Reply(code=450, enhanced="4.2.0", text="greylisted"))
NO = Refused(reply=Reply(code=550, enhanced="5.1.1", text="no such user"))
UNKNOWN = Uncertain(reply=Reply(code=None, text="connection lost after the dot"))


async def add_readers(tx: AsyncConnection, count: int, *, sections: str = "*", prefix: str = "reader") -> None:
    found = await tx.scalar(sa.select(section_set.c.id).where(section_set.c.key == sections))
    if found is None:
        found = await tx.scalar(sa.insert(section_set).values(key=sections).returning(section_set.c.id))
    first = (await tx.scalar(sa.select(sa.func.coalesce(sa.func.max(subscriber.c.id), 0)))) + 1
    rows = [reader_row(number, prefix) for number in range(first, first + count)]
    await tx.execute(sa.insert(subscriber), rows)
    chosen = {"section_set": found, "chosen_by": "list", "chosen_at": NOW}
    await tx.execute(sa.insert(preference), [chosen | {"subscriber": row["id"]} for row in rows])


def reader_row(number: int, prefix: str) -> dict[str, Any]:
    return {
        "id": number,
        "public_id": f"p{number:08d}",
        "email_key": f"{prefix}{number}@example.com",
        "address": f"{prefix}{number}@example.com",
        "domain": "example.com",
        "name": f"读者{number}",
        "created_at": NOW,
    }


async def suppress(database: Database, *addresses: str) -> None:
    async with database.write() as tx:
        rows = [{"email_key": one, "reason": "unsubscribed", "source": "page", "at": NOW} for one in addresses]
        await tx.execute(sa.insert(suppression), rows)


def everyone() -> sa.Select[Any]:
    names = ("public_id", "email_key", "address", "domain", "name", "format")
    return (
        sa.select(
            subscriber.c.id.label("subscriber"),
            *(subscriber.c[name] for name in names),
            section_set.c.key.label("section_set"),
        )
        .join(preference, preference.c.subscriber == subscriber.c.id)
        .join(section_set, section_set.c.id == preference.c.section_set)
        .where(subscriber.c.email_key.not_in(sa.select(suppression.c.email_key)))
    )


def new_mailing(**changes: Any) -> freezing.NewMailing:
    values: dict[str, Any] = {
        "channel": "smtp",
        "issue": ISSUE,
        "send_no": 1,
        "origin": "weekly/2015-W28#1",
        "occurrence": None,
        "fingerprint": "f1",
        "token_mark": "TOKEN",
        "address_mark": "ADDRESS",
        "message_date": NOW,
    }
    return freezing.NewMailing(**(values | changes))


def rendition(edition: str = ALL) -> Rendition:
    return Rendition(
        edition=EditionKey(edition),
        issue=ISSUE,
        subject="总第55期",
        preheader="本期要点",
        html="<p>TOKEN</p>",
        text="TOKEN",
        cids=("chart1",),
        shortened=2,
    )


PICTURE = InlinePicture(cid="chart1", media_type="image/png", filename="chart1.png", content=b"\x89PNG\x00")


async def prepared(database: Database, *, claim: Claim = OURS, **changes: Any) -> freezing.Preparation:
    async with database.write() as tx:
        return await freezing.prepare(tx, new_mailing(**changes), claim)


async def frozen(database: Database, **changes: Any) -> tuple[freezing.Preparation, freezing.Frozen]:
    made = await prepared(database, **changes)
    return made, await freezing.freeze_recipients(database, made, everyone(), EDITIONS, NOW)


async def launched(database: Database, readers: int = 0, **changes: Any) -> MailingId:
    """A running mailing of everybody there is, after adding so many readers."""
    if readers:
        async with database.write() as tx:
            await add_readers(tx, readers)
    made, _counts = await frozen(database, **changes)
    async with database.write() as tx:
        await freezing.launch(tx, made, "f1", NOW)
    return made.mailing


def wanted(limit: int = 100, **changes: Any) -> Wanted:
    return Wanted(**({"channel": "smtp", "limit": limit, "now": NOW} | changes))


async def claimed(database: Database, claim: Claim = OURS, **changes: Any) -> tuple[Copy, ...]:
    async with database.write() as tx:
        return await tx.run_sync(ledger.claim, claim, wanted(**changes))


async def intended(database: Database, copies: Iterable[Copy], claim: Claim = OURS) -> frozenset[int]:
    async with database.write() as tx:
        return await tx.run_sync(ledger.intend, claim, "relay", [copy.id for copy in copies])


async def settled(
    database: Database,
    copies: Sequence[Copy],
    outcome: Outcome,
    *,
    claim: Claim = OURS,
    policy: Policy = RESEND,
    at: datetime = NOW,
) -> tuple[int, ...]:
    results = [
        Result(delivery=copy.id, outcome=outcome, server="relay", message_id=f"<{copy.id}@x>", at=at) for copy in copies
    ]
    async with database.write() as tx:
        return await tx.run_sync(ledger.settle, claim, results, policy)


async def tried(database: Database, outcome: Outcome, **changes: Any) -> tuple[Copy, ...]:
    """One whole try of everything that is due: claim, intent, result."""
    at = changes.pop("at", NOW)
    policy = changes.pop("policy", RESEND)
    copies = await claimed(database, now=at, **changes)
    await intended(database, copies)
    await settled(database, copies, outcome, at=at, policy=policy)
    return copies


async def recovered(database: Database, *, on_uncertain: Any = "resend", at: datetime = NOW) -> ledger.Recovered:
    async with database.write() as tx:
        return await tx.run_sync(ledger.recover, at=at, on_uncertain=on_uncertain)


async def rows(database: Database, *where: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
    async with database.read() as connection:
        found = await connection.execute(sa.select(delivery).where(*where).order_by(delivery.c.id))
        return list(found.all())


async def states(database: Database) -> list[str]:
    return [row.state for row in await rows(database)]


async def mailing_row(database: Database, of: MailingId) -> sa.Row[Any]:
    async with database.read() as connection:
        return (await connection.execute(sa.select(mailing).where(mailing.c.id == of))).one()


async def count(database: Database, of: MailingId) -> counts.Counts:
    """Count the copies of a mailing and hold them against the plan, as the dispatcher does."""
    async with database.read() as connection:
        return await counts.assert_accounted(connection, of)


async def tries(database: Database, copy: Copy) -> list[tuple[int, str, int | None]]:
    async with database.read() as connection:
        return [(one.number, one.outcome, one.code) for one in await counts.attempts_of(connection, copy.id)]
