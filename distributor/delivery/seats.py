"""Seats: how many connections all sender processes together may hold to one server.

A connection needs a seat of the server's scope; seats are rows of `seat`, whose only writer this is. Enters: the
scope (`server:<name>`), how many seats it has, who asks. Leaves: a seat's number, or none. A seat is leased by the
database's clock, so that one whose holder was killed is free again when its lease is over; a holder that goes on
renews in time, and whoever finds a seat missing from what `renew` returns closes that connection.

Each function runs inside the caller's short transaction, whose end lets the next process have its turn.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

import sqlalchemy as sa

from distributor.database import now
from distributor.schema import seat


def take(tx: sa.Connection, scope: str, *, limit: int, holder: str, lease: timedelta) -> int | None:
    """Take the lowest free seat below `limit` (counted from 0); None while `limit` or more are taken.

    Each call takes another seat, also for a holder that has one. After `limit` was lowered nobody sits down until
    enough have left, wherever they sit.
    """
    _take_turn(tx, scope)
    kept = set(tx.scalars(sa.select(seat.c.number).where(seat.c.scope == scope, seat.c.lease_until > now())))
    if len(kept) >= limit:
        return None
    number = next(number for number in range(limit) if number not in kept)
    tx.execute(sa.delete(seat).where(seat.c.scope == scope, seat.c.number == number))
    tx.execute(sa.insert(seat).values(scope=scope, number=number, holder=holder, lease_until=now(lease)))
    return number


def renew(tx: sa.Connection, scope: str, numbers: Sequence[int], *, holder: str, lease: timedelta) -> frozenset[int]:
    """Lengthen the leases of these seats from now on; return those that are still the holder's.

    A seat whose lease was over is kept as long as nobody else has taken it. The same call takes no new seat.
    """
    _take_turn(tx, scope)
    kept = sa.update(seat).where(*_of(scope, numbers, holder)).values(lease_until=now(lease)).returning(seat.c.number)
    return frozenset(tx.scalars(kept))


def leave(tx: sa.Connection, scope: str, numbers: Sequence[int], *, holder: str) -> None:
    """Give these seats back; those that are no longer the holder's stay as they are. Safe to repeat."""
    _take_turn(tx, scope)
    tx.execute(sa.delete(seat).where(*_of(scope, numbers, holder)))


def keep_only(tx: sa.Connection, scope: str, numbers: Collection[int], *, holder: str) -> None:
    """Give back what the holder has besides these seats: it took them in a commit whose answer was lost."""
    _take_turn(tx, scope)
    unknown = seat.c.scope == scope, seat.c.holder == holder, seat.c.number.not_in(numbers)
    tx.execute(sa.delete(seat).where(*unknown))


def _take_turn(tx: sa.Connection, scope: str) -> None:
    # On SQLite the transaction itself is the turn; on PostgreSQL two processes would see the same seat free, and a
    # seat renewed at this moment could be taken as one whose lease is over.
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"seat {scope}"))))


def _of(scope: str, numbers: Sequence[int], holder: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (seat.c.scope == scope, seat.c.number.in_(numbers), seat.c.holder == holder)
