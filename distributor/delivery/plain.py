"""The plain case, quickly: copies that nobody stopped and that were taken at their first try.

Part of `ledger`, which looks at whatever is not plain. Nearly every copy is, so these two statements decide how fast
we are: each writes many copies at once and is compiled once, because every statement may have to wait for the
interpreter's lock. Both say how many copies they wrote; the caller compares.
"""

import functools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from distributor import database
from distributor.delivery import results
from distributor.delivery.model import IN_HAND
from distributor.delivery.results import Result
from distributor.identifiers import DeliveryId
from distributor.schema import delivery, mailing
from distributor.subscribers import store

AT_ONCE = 16
"""So many copies one statement takes; each number of them is a statement of its own."""
_Item = TypeVar("_Item")
_KEYS = store.suppressed_keys()
IS_SUPPRESSED = _KEYS.where(_KEYS.selected_columns.email_key == delivery.c.email_key).exists()
RUNNING = sa.select(mailing.c.id).where(mailing.c.state == "running")


def intend(tx: sa.Connection, token: str, lease: timedelta, server: str, ids: Sequence[DeliveryId]) -> int:
    """Mark copies as being sent that a claim holds and that nothing stops; return how many."""
    marked = 0
    for some in _portions(ids):
        bound = {f"row_of_{place}": one for place, one in enumerate(some)}
        marked += _intent(lease, len(some)).execute(tx, bound | {"token": token, "through": server})
    return marked


def settle(tx: sa.Connection, token: str, taken: Sequence[Result]) -> int:
    """Write the results of copies that were taken at their first try; return how many."""
    written = 0
    for some in _portions(taken):
        bound: dict[str, Any] = {"token": token}
        for place, result in enumerate(some):
            bound |= {f"{name}_of_{place}": value for name, value in results.taken_at_first(result).items()}
        written += _taken_at_first(len(some)).execute(tx, bound)
    return written


def marked_sending(lease: timedelta) -> sa.Update:
    """Return the intent without saying for which copies: those whose lease is not over and whose mailing runs."""
    return (
        sa.update(delivery)
        .where(delivery.c.lease_until > database.now(), delivery.c.mailing.in_(RUNNING))
        .values(state="sending", server=sa.bindparam("through"), lease_until=database.now(lease))
    )


@functools.cache
def _intent(lease: timedelta, count: int) -> database.Prepared:
    in_hand: list[sa.ColumnElement[Any]] = [sa.literal_column(f"'{state}'") for state in IN_HAND]
    ours = delivery.c.id.in_(_rows(count)), delivery.c.claim == sa.bindparam("token"), delivery.c.state.in_(in_hand)
    return database.Prepared(marked_sending(lease).where(*ours, ~IS_SUPPRESSED))


@functools.cache
def _taken_at_first(count: int) -> database.Prepared:
    """The values of each copy are bound as `name_of_place`."""
    rows = _rows(count)

    def each(name: str) -> sa.ColumnElement[Any]:
        column = delivery.c[name]
        by_row = {row: sa.bindparam(f"{name}_of_{place}", type_=column.type) for place, row in enumerate(rows)}
        return sa.case(by_row, value=delivery.c.id)

    ours = delivery.c.id.in_(rows), delivery.c.claim == sa.bindparam("token"), delivery.c.state == "sending"
    values = {name: each(name) for name in results.TAKEN_AT_FIRST}
    values |= {"first_tried_at": values["accepted_at"]}
    settled = sa.update(delivery).where(*ours, delivery.c.attempts == 0)
    return database.Prepared(settled.values({**values, "attempts": 1, "lease_until": sa.null()}))


def _portions(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def _rows(count: int) -> list[sa.BindParameter[Any]]:
    return [sa.bindparam(f"row_of_{place}", type_=delivery.c.id.type) for place in range(count)]
