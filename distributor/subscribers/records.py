"""The statements with which `store` reads its tables, and the values made of their rows.

Pure: builds Selects and never runs one. Membership decides who belongs to a list, suppression who must not be
mailed; whoever asks for readers to mail gets both from `store.mailable`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from distributor.addresses import Address
from distributor.identifiers import EmailKey, ListName, PublicId
from distributor.schema import consent, list_file, membership, preference, section_set, subscriber, suppression
from distributor.subscribers.difference import Known, Standing
from distributor.subscribers.model import (
    ConsentRecord,
    LastSync,
    ListCount,
    ListRow,
    StaffField,
    SubscriberView,
    Suppression,
)
from distributor.subscribers.preferences import ALL_KEY, parse_set_key

Item = TypeVar("Item")

# Under every driver's limit of bound parameters, and few enough round trips.
CHUNK = 1_000
STAFF_COLUMNS: Mapping[StaffField, Callable[[ListRow], str]] = {
    "address": lambda row: row.address.text,
    "name": lambda row: row.name,
    "format": lambda row: row.format,
}
"""The columns of `subscriber` that a list file sets, and where in its row they stand."""

SECTION_KEY = sa.func.coalesce(section_set.c.key, ALL_KEY)
WITH_PREFERENCE = subscriber.outerjoin(preference, preference.c.subscriber == subscriber.c.id).outerjoin(
    section_set, section_set.c.id == preference.c.section_set
)


def known_on(list_name: ListName) -> sa.Select[Any]:
    """Select everybody whom the database knows as one list sees them; narrow it with `where`."""
    standing = membership.alias("standing")
    elder = membership.alias("elder")
    other = membership.alias("other")
    oldest = (
        sa.select(other.c.list)
        .where(other.c.subscriber == subscriber.c.id, other.c.list != list_name, other.c.state == "member")
        .order_by(other.c.changed_at, other.c.list)
        .limit(1)
        .correlate(subscriber)
        .scalar_subquery()
    )
    joined = (
        WITH_PREFERENCE.outerjoin(standing, (standing.c.subscriber == subscriber.c.id) & (standing.c.list == list_name))
        .outerjoin(
            elder,
            (elder.c.subscriber == subscriber.c.id) & (elder.c.list == oldest),
        )
        .outerjoin(suppression, suppression.c.email_key == subscriber.c.email_key)
    )
    return sa.select(
        subscriber.c.id,
        subscriber.c.email_key,
        subscriber.c.address,
        subscriber.c.name,
        subscriber.c.format,
        SECTION_KEY.label("section_key"),
        preference.c.chosen_by,
        standing.c.state,
        standing.c.changed_by,
        standing.c.changed_at,
        elder.c.list.label("elder_list"),
        elder.c.changed_at.label("elder_at"),
        suppression.c.reason,
    ).select_from(joined)


def row_to_known(row: sa.Row[Any]) -> Known:
    """Return the value of one row of `known_on`."""
    standing = None
    if row.state is not None:
        standing = Standing(state=row.state, by=row.changed_by, since=row.changed_at)
    return Known(
        subscriber=row.id,
        address=row.address,
        name=row.name,
        format=row.format,
        section_key=row.section_key,
        chosen_by=row.chosen_by or "list",
        standing=standing,
        elder=None if row.elder_list is None else (row.elder_at, row.elder_list),
        suppression=row.reason,
    )


def persons() -> sa.Select[Any]:
    """Select persons with preference and suppression, for `row_to_view`."""
    return sa.select(
        subscriber.c.id,
        subscriber.c.public_id,
        subscriber.c.email_key,
        subscriber.c.address,
        subscriber.c.name,
        subscriber.c.format,
        SECTION_KEY.label("section_key"),
        preference.c.chosen_by,
        suppression.c.reason,
        suppression.c.at,
    ).select_from(WITH_PREFERENCE.outerjoin(suppression, suppression.c.email_key == subscriber.c.email_key))


def standings_of(person: int) -> sa.Select[Any]:
    """Select one person's lists by name, with state and who decided it."""
    return (
        sa.select(membership.c.list, membership.c.state, membership.c.changed_by)
        .where(membership.c.subscriber == person)
        .order_by(membership.c.list)
    )


def row_to_view(row: sa.Row[Any], standings: Sequence[sa.Row[Any]]) -> SubscriberView:
    """Return the reader of one row of `persons` with their rows of `standings_of`."""
    lists = tuple(ListName(standing.list) for standing in standings if standing.state == "member")
    left = tuple(
        ListName(standing.list)
        for standing in standings
        if (standing.state, standing.changed_by) == ("ended", "reader")
    )
    local, _, domain = row.address.rpartition("@")
    return SubscriberView(
        subscriber=row.id,
        public_id=row.public_id,
        key=EmailKey(row.email_key),
        address=row.address,
        masked=Address(local=local, domain=domain).masked,
        name=row.name,
        format=row.format,
        sections=parse_set_key(row.section_key),
        chosen_by=row.chosen_by or "list",
        lists=lists,
        left=left,
        status=row.reason or ("active" if lists else "ended"),
        suppressed_at=row.at,
    )


def consents_of(key: EmailKey) -> sa.Select[Any]:
    """Select what one mailbox agreed to and withdrew, oldest first."""
    return (
        sa.select(consent.c.action, consent.c.source, consent.c.detail, consent.c.at)
        .where(consent.c.email_key == key)
        .order_by(consent.c.at, consent.c.id)
    )


def row_to_consent(row: sa.Row[Any]) -> ConsentRecord:
    """Return the value of one row of `consents_of`."""
    return ConsentRecord(action=row.action, source=row.source, detail=row.detail, at=row.at)


def suppression_of(key: EmailKey) -> sa.Select[Any]:
    """Select the suppression of one mailbox, which may belong to nobody on file."""
    return sa.select(suppression).where(suppression.c.email_key == key)


def row_to_suppression(row: sa.Row[Any]) -> Suppression:
    """Return the value of one row of `suppression_of`."""
    return Suppression(key=EmailKey(row.email_key), reason=row.reason, source=row.source, at=row.at)


def last_sync_of(list_name: ListName) -> sa.Select[Any]:
    """Select what a list was last synced from."""
    return sa.select(list_file).where(list_file.c.list == list_name)


def row_to_last_sync(row: sa.Row[Any]) -> LastSync:
    """Return the value of one row of `last_sync_of`."""
    return LastSync(digest=row.digest, rows=row.rows, at=row.synced_at)


def list_counts() -> sa.Select[Any]:
    """Select list by list how many get mail, are on it but suppressed, and ended."""
    joined = membership.join(subscriber, subscriber.c.id == membership.c.subscriber).outerjoin(
        suppression, suppression.c.email_key == subscriber.c.email_key
    )
    is_member = membership.c.state == "member"
    is_suppressed = suppression.c.email_key.is_not(None)
    return (
        sa.select(
            membership.c.list,
            _how_many(is_member & ~is_suppressed).label("mailable"),
            _how_many(is_member & is_suppressed).label("suppressed"),
            _how_many(~is_member).label("ended"),
        )
        .select_from(joined)
        .group_by(membership.c.list)
        .order_by(membership.c.list)
    )


def _how_many(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def row_to_count(row: sa.Row[Any]) -> ListCount:
    """Return the value of one row of `list_counts`."""
    return ListCount(list=ListName(row.list), mailable=row.mailable, suppressed=row.suppressed, ended=row.ended)


def person_values(row: ListRow, public_id: PublicId, at: datetime) -> dict[str, object]:
    """Return the columns of a new person."""
    return {
        "public_id": public_id,
        "email_key": row.key,
        "address": row.address.text,
        "domain": row.address.domain,
        "name": row.name,
        "format": row.format,
        "created_at": at,
    }


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """Yield the items in pieces that fit one statement; nothing for no items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
