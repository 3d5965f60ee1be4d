"""Look up readers, what they agreed to, and what lists hold; reads only.

Takes any connection. The statements are built in `records`; `store` is where tables are written.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.addresses import Address
from distributor.identifiers import EmailKey, ListName, PublicId, SubscriberId
from distributor.schema import list_file, membership, subscriber, suppression
from distributor.subscribers import records
from distributor.subscribers.difference import Known
from distributor.subscribers.model import (
    ConsentRecord,
    LastSync,
    ListCount,
    SubscriberView,
    Suppression,
    SuppressionReason,
)
from distributor.subscribers.records import chunks


async def find_by_public_id(connection: AsyncConnection, public_id: PublicId) -> SubscriberView | None:
    """Return the reader with this public id, or None."""
    return await _find(connection, subscriber.c.public_id == public_id)


async def find_by_address(connection: AsyncConnection, address: Address) -> SubscriberView | None:
    """Return the reader with this mailbox in any letter case, or None."""
    return await _find(connection, subscriber.c.email_key == address.key)


async def _find(connection: AsyncConnection, condition: sa.ColumnElement[bool]) -> SubscriberView | None:
    row = (await connection.execute(records.persons().where(condition))).one_or_none()
    if row is None:
        return None
    standings: list[sa.Row[Any]] = list(await connection.execute(records.standings_of(row.id)))
    return records.row_to_view(row, standings)


async def find_suppression(connection: AsyncConnection, key: EmailKey) -> Suppression | None:
    """Return why a mailbox must not be mailed, or None; it may belong to nobody on file."""
    row = (await connection.execute(records.suppression_of(key))).one_or_none()
    return None if row is None else records.row_to_suppression(row)


async def list_consents(connection: AsyncConnection, key: EmailKey) -> tuple[ConsentRecord, ...]:
    """Return what a mailbox agreed to and withdrew, oldest first."""
    return tuple(map(records.row_to_consent, await connection.execute(records.consents_of(key))))


async def find_last_sync(connection: AsyncConnection, list_name: ListName) -> LastSync | None:
    """Return what a list was last synced from, or None when it never was."""
    row = (await connection.execute(records.last_sync_of(list_name))).one_or_none()
    return None if row is None else records.row_to_last_sync(row)


async def count_lists(connection: AsyncConnection) -> tuple[ListCount, ...]:
    """Return for each list with people how many get its mail, by name; lists without anybody are absent."""
    return tuple(map(records.row_to_count, await connection.execute(records.list_counts())))


async def list_names(connection: AsyncConnection) -> tuple[ListName, ...]:
    """Return the lists that the database knows, from files or by hand, in alphabetical order."""
    names = sa.union(sa.select(membership.c.list), sa.select(list_file.c.list))
    return tuple(sorted(map(ListName, await connection.scalars(names))))


async def read_known(
    connection: AsyncConnection, list_name: ListName, keys: Sequence[EmailKey]
) -> tuple[dict[EmailKey, Known], dict[EmailKey, SuppressionReason]]:
    """Return whom of these mailboxes the database knows, and who of the others is suppressed; `CHUNK` at most."""
    known = await _run_known(connection, records.known_on(list_name).where(subscriber.c.email_key.in_(keys)))
    others = [key for key in keys if key not in known]
    if not others:
        return known, {}
    found = sa.select(suppression.c.email_key, suppression.c.reason).where(suppression.c.email_key.in_(others))
    return known, {EmailKey(row.email_key): row.reason for row in await connection.execute(found)}


async def members_of(connection: AsyncConnection, list_name: ListName) -> tuple[set[SubscriberId], int]:
    """Return who is on a list, and how many of them an earlier file brought in."""
    on_list = (membership.c.list == list_name, membership.c.state == "member")
    statement = sa.select(membership.c.subscriber, membership.c.changed_by == "list").where(*on_list)
    members: set[SubscriberId] = set()
    from_file = 0
    async with connection.stream(statement) as rows:
        async for some in rows.partitions(records.CHUNK):
            members.update(SubscriberId(row[0]) for row in some)
            from_file += sum(row[1] for row in some)
    return members, from_file


async def read_people(
    connection: AsyncConnection, list_name: ListName, people: Sequence[SubscriberId]
) -> dict[EmailKey, Known]:
    """Return these people as one list sees them; `CHUNK` at most."""
    return await _run_known(connection, records.known_on(list_name).where(subscriber.c.id.in_(people)))


async def _run_known(connection: AsyncConnection, statement: sa.Select[Any]) -> dict[EmailKey, Known]:
    rows = await connection.execute(statement)
    return {EmailKey(row.email_key): records.row_to_known(row) for row in rows}


async def find_ids(connection: AsyncConnection, keys: Sequence[EmailKey]) -> dict[EmailKey, SubscriberId]:
    """Return the row numbers of the mailboxes on file."""
    found: dict[EmailKey, SubscriberId] = {}
    for chunk in chunks(keys):
        rows = await connection.execute(
            sa.select(subscriber.c.email_key, subscriber.c.id).where(subscriber.c.email_key.in_(chunk))
        )
        found |= {EmailKey(row.email_key): SubscriberId(row.id) for row in rows}
    return found
