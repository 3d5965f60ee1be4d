"""The ledger at work: copies are claimed, intended, settled, given back and recovered here.

With `freezing` (before the launch), `decisions` (a person's word) and `refreezing` (another text for the rest) the
only writer of mailing, rendition, rendition_picture, delivery, attempt and approval. Every function takes the caller's
transaction, which must not stay open across network I/O. The order for one copy: `claim` (id and lease) → `intend`,
committed before the final dot can leave → SMTP → `settle`, fenced by the claim. A copy found in `sending` after its
lease is uncertain: SMTP itself leaves open whether it was taken (RFC 1047).

    pending → claimed → sending → accepted | stored | refused | deferred | uncertain | expired
    claimed → pending or deferred (given back, lease over) · deferred and uncertain → claimed again when due

An uncertain row that goes again has a real `due_at`; one that waits for a person has NEVER, and its claim until
the person decides. Leases run on the database's clock, due moments on the house's.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from distributor import database
from distributor.delivery import plain, results
from distributor.delivery.model import IN_HAND, Channel, Copy, Reply, State, Uncertain
from distributor.delivery.plain import IS_SUPPRESSED, RUNNING
from distributor.delivery.results import NEVER, OnUncertain, Policy, Result
from distributor.identifiers import DeliveryId, MailingId
from distributor.schema import attempt, delivery, mailing

DUE_STATES: tuple[State, ...] = ("deferred", "uncertain", "pending")
"""What a claim takes, in this order: a copy that was tried already goes before one that was not."""
RECOVERED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who holds a batch of copies (a random token, new for every batch) and for how long without renewing."""

    token: str
    lease: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which copies to claim: due at `now`, at most `limit`, of one mailing or of all running ones."""

    channel: Channel
    limit: int
    now: datetime
    mailing: MailingId | None = None
    without: frozenset[str] = frozenset()
    """Domains whose copies are left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """How many rows of dead claims went back, and how many were found in `sending` and are uncertain."""

    returned: int
    uncertain: int


_OURS = (
    delivery.c.id.in_(sa.bindparam("ids", expanding=True)),
    delivery.c.claim == sa.bindparam("token"),
    delivery.c.state.in_(IN_HAND),
)
_STANDING = (
    sa.select(*(delivery.c[name] for name in ("id", "state", "claim", "attempts", "first_tried_at", "due_at")))
    .where(delivery.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(delivery.c.id)
    .with_for_update()
)
_CHANGE = sa.update(delivery).where(delivery.c.id == sa.bindparam("row"))
_GIVEN_BACK = {
    "state": sa.case(
        (sa.and_(delivery.c.attempts == 0, delivery.c.first_tried_at.is_(None)), "pending"), else_="deferred"
    ),
    "claim": None,
    "lease_until": None,
}
_LEASES_OVER = (
    sa.select(delivery)
    .where(
        delivery.c.mailing.in_(sa.select(mailing.c.id).where(mailing.c.state != "preparing")),
        delivery.c.state.in_(sa.bindparam("states", IN_HAND, expanding=True, literal_execute=True)),
        delivery.c.lease_until <= database.now(),
    )
    .limit(RECOVERED_AT_ONCE)
    .with_for_update(skip_locked=True)
)
# Through all mailings, because a copy of a paused one may still be on its way; so the index finds the few rows.
_UNDER_WAY = sa.select(sa.func.count()).where(
    delivery.c.mailing.in_(sa.select(mailing.c.id)),
    delivery.c.state == sa.bindparam(None, "sending", literal_execute=True, unique=True),
    delivery.c.domain.in_(sa.bindparam("domains", expanding=True)),
    delivery.c.id.not_in(sa.bindparam("ids", expanding=True)),
    delivery.c.lease_until > database.now(),
)
_IS_UNCERTAIN = delivery.c.state == "uncertain"
# What came back to a mailing that was cancelled meanwhile is closed; what is uncertain is left to a person.
_CLOSE_CANCELLED = (
    sa.update(delivery)
    .where(
        delivery.c.mailing.in_(sa.select(mailing.c.id).where(mailing.c.state == "cancelled")),
        delivery.c.state.in_(sa.bindparam("states", DUE_STATES, expanding=True, literal_execute=True)),
        delivery.c.due_at < NEVER,
    )
    .values(
        state=sa.case((_IS_UNCERTAIN, "uncertain"), else_="cancelled"),
        due_at=sa.case((_IS_UNCERTAIN, sa.literal(NEVER, delivery.c.due_at.type)), else_=delivery.c.due_at),
        claim=sa.case((_IS_UNCERTAIN, delivery.c.claim)),
        lease_until=None,
    )
)


def claim(tx: sa.Connection, ours: Claim, wanted: Wanted) -> tuple[Copy, ...]:
    """Take due copies of running mailings, tried ones first, then by due moment and id; several mailings share.

    Rows whose address is suppressed by now become `suppressed` instead. On PostgreSQL rows that another process
    is just claiming are passed over.
    """
    due = (tx.scalars(_mailings_due(wanted))).all()
    copies: list[Copy] = []
    for place, one in enumerate(due):
        share = -(-(wanted.limit - len(copies)) // (len(due) - place))
        copies += _claim_of(tx, ours, one, wanted, limit=share)
    return tuple(copies)


def intend(tx: sa.Connection, ours: Claim, server: str, ids: Sequence[DeliveryId]) -> frozenset[DeliveryId]:
    """Mark copies as being sent through `server` and renew their lease; return those that are still ours to send.

    A row is not returned when its lease is over, another process has it, its address was suppressed (it becomes
    so) or its mailing no longer runs: whoever holds it must let it go. Safe to repeat after a commit whose answer
    was lost.
    """
    if plain.intend(tx, ours.token, ours.lease, server, ids) == len(ids):
        return frozenset(ids)
    bound = {"ids": ids, "token": ours.token, "through": server}
    found = tx.execute(_intent(ours.lease), bound).all()
    return frozenset(DeliveryId(row.id) for row in found if row.state == "sending")


def under_way(tx: sa.Connection, domains: Sequence[str], besides: Sequence[DeliveryId]) -> int:
    """Count the copies for these domains, besides some, that are being sent now, by all processes."""
    return tx.scalar(_UNDER_WAY, {"domains": domains, "ids": besides}) or 0


def settle(tx: sa.Connection, ours: Claim, outcomes: Sequence[Result], policy: Policy) -> tuple[DeliveryId, ...]:
    """Write what came of copies that `ours` holds; return those it no longer holds, which keep their state.

    A late result settles a row that recovery has put to `uncertain` but nobody has claimed since. Repeating a
    settled result changes nothing. Results by other claims leave an attempt row, so that nothing goes unsaid.
    """
    taken = [result for result in outcomes if results.is_success(result)]
    # Where some were not plain, all are looked at: repeating a result that is settled changes nothing.
    all_plain = plain.settle(tx, ours.token, taken) == len(taken)
    left = [result for result in outcomes if not (all_plain and results.is_success(result))]
    if not left:
        return ()
    rows = _rows(tx, [result.delivery for result in left])
    changes: list[dict[str, Any]] = []
    attempts: list[dict[str, Any]] = []
    lost: list[DeliveryId] = []
    for result in left:
        row = rows.get(result.delivery)
        if row is None or row.claim != ours.token:
            lost.append(result.delivery)
            attempts += [] if row is None else [results.attempted(row, result, late=True)]
        elif row.state in (*IN_HAND, "uncertain"):
            changes.append(results.settled(row, result, policy))
            attempts += [] if results.is_plain_success(row, result) else [results.attempted(row, result)]
    _change(tx, changes, attempts)
    if any(change["state"] in DUE_STATES for change in changes):
        tx.execute(_CLOSE_CANCELLED)
    return tuple(lost)


def release(tx: sa.Connection, ours: Claim, ids: Sequence[DeliveryId]) -> None:
    """Give copies back, as due as before and charged with nothing.

    Also those in `sending`: the caller knows that they never reached the server.
    """
    if not ids:
        return
    tx.execute(sa.update(delivery).where(*_OURS).values(_GIVEN_BACK), {"ids": ids, "token": ours.token})
    tx.execute(_CLOSE_CANCELLED)


def disclaim(tx: sa.Connection, ours: Claim) -> None:
    """Give back all that a claim took and never used, where it is not known whether the claim was committed."""
    taken = (
        sa.update(delivery)
        .where(
            delivery.c.mailing.in_(sa.select(mailing.c.id)),
            delivery.c.state == sa.bindparam(None, "claimed", literal_execute=True, unique=True),
            delivery.c.claim == ours.token,
        )
        .values(_GIVEN_BACK)
    )
    tx.execute(taken)


def renew(tx: sa.Connection, ours: Claim, ids: Sequence[DeliveryId]) -> None:
    """Extend the lease of copies that are still in our hands and whose lease is not over.

    On PostgreSQL rows that another transaction has just now are passed over: it settles them or renews them itself,
    and who waits for nobody is in no deadlock.
    """
    free = sa.select(delivery.c.id).where(*_OURS, delivery.c.lease_until > database.now())
    extended = sa.update(delivery).where(delivery.c.id.in_(free.with_for_update(skip_locked=True)))
    tx.execute(extended.values(lease_until=database.now(ours.lease)), {"ids": ids, "token": ours.token})


def recover(tx: sa.Connection, *, at: datetime, on_uncertain: OnUncertain) -> Recovered:
    """Free what dead processes held: claimed rows go back, rows in `sending` become uncertain.

    An uncertain row keeps its claim, so that a process which was only slow can still settle it. Safe to repeat
    and to run in several processes; at most a thousand rows each time.
    """
    rows = (tx.execute(_LEASES_OVER)).all()
    claimed = [row.id for row in rows if row.state == "claimed"]
    sending = [row for row in rows if row.state == "sending"]
    if claimed:
        tx.execute(sa.update(delivery).where(delivery.c.id.in_(claimed)).values(_GIVEN_BACK))
    found = Reply(code=None, text="found unfinished after a crash; acceptance unknown")
    tries = [
        (row, Result(delivery=row.id, outcome=Uncertain(reply=found), server=row.server, message_id="", at=at))
        for row in sending
    ]
    _change(
        tx,
        [results.crashed(row, result, on_uncertain) for row, result in tries],
        [results.attempted(row, result) for row, result in tries],
    )
    tx.execute(_CLOSE_CANCELLED)
    return Recovered(returned=len(claimed), uncertain=len(sending))


@functools.cache
def _intent(lease: timedelta) -> sa.UpdateBase:
    state = sa.case((IS_SUPPRESSED, "suppressed"), else_="sending")
    return plain.marked_sending(lease).where(*_OURS).values(state=state).returning(delivery.c.id, delivery.c.state)


def _due_rows(state: State) -> sa.Select[Any]:
    # One statement per state: with several in one, neither database can read its index in order. The state is
    # written out, because a planner that does not see it counts on the commonest one.
    return (
        sa.select(
            *(delivery.c[name] for name in Copy.__dataclass_fields__),
            IS_SUPPRESSED.label("suppressed"),
        )
        .where(
            delivery.c.mailing == sa.bindparam("mailing"),
            delivery.c.state == sa.bindparam(None, state, literal_execute=True, unique=True),
            delivery.c.due_at <= sa.bindparam("now", type_=delivery.c.due_at.type),
        )
        .order_by(delivery.c.due_at, delivery.c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer))
        .with_for_update(skip_locked=True, of=delivery)
    )


_DUE_ROWS = {state: _due_rows(state) for state in DUE_STATES}
_ELSEWHERE = delivery.c.domain.not_in(sa.bindparam("without", expanding=True))
_DUE_ROWS_ELSEWHERE = {state: rows.where(_ELSEWHERE) for state, rows in _DUE_ROWS.items()}


def _mailings_due(wanted: Wanted) -> sa.Select[Any]:
    # Not one EXISTS: PostgreSQL turns that into a join and reads the whole table.
    first_due = [
        sa.select(delivery.c.id)
        .where(
            delivery.c.mailing == mailing.c.id,
            delivery.c.state == sa.bindparam(None, state, literal_execute=True, unique=True),
            delivery.c.due_at <= wanted.now,
        )
        .order_by(delivery.c.due_at, delivery.c.id)
        .limit(1)
        .correlate(mailing)
        .scalar_subquery()
        for state in DUE_STATES
    ]
    is_due = sa.or_(*(first.is_not(None) for first in first_due))
    statement = RUNNING.where(mailing.c.channel == wanted.channel, is_due).order_by(mailing.c.id)
    return statement if wanted.mailing is None else statement.where(mailing.c.id == wanted.mailing)


def _claim_of(tx: sa.Connection, ours: Claim, one: int, wanted: Wanted, *, limit: int) -> list[Copy]:
    rows: list[sa.Row[Any]] = []
    statements = _DUE_ROWS_ELSEWHERE if wanted.without else _DUE_ROWS
    for state in DUE_STATES:
        bound: dict[str, Any] = {"mailing": one, "now": wanted.now, "limit": limit - len(rows)}
        bound |= {"without": sorted(wanted.without)} if wanted.without else {}
        rows += tx.execute(statements[state], bound).all() if bound["limit"] else ()
    suppressed = [row.id for row in rows if row.suppressed]
    copies = [_copy(row) for row in rows if not row.suppressed]
    _mark(tx, suppressed, {"state": "suppressed", "claim": None, "lease_until": None})
    _mark(
        tx,
        [copy.id for copy in copies],
        {"state": "claimed", "claim": ours.token, "lease_until": database.now(ours.lease)},
    )
    return copies


def _copy(row: sa.Row[Any]) -> Copy:
    values = dict(row._mapping)  # noqa: SLF001 - the public name of a row's mapping
    del values["suppressed"]
    return Copy(**values)


def _mark(tx: sa.Connection, ids: Sequence[int], values: Mapping[str, Any]) -> None:
    if ids:
        tx.execute(sa.update(delivery).where(delivery.c.id.in_(ids)).values(values))


def _rows(tx: sa.Connection, ids: Sequence[DeliveryId]) -> Mapping[int, Any]:
    found = tx.execute(_STANDING, {"ids": ids})
    return {row.id: row for row in found}


def _change(tx: sa.Connection, changes: list[dict[str, Any]], attempts: list[dict[str, Any]]) -> None:
    if changes:
        tx.execute(_CHANGE, changes)
    if attempts:
        tx.execute(sa.insert(attempt), attempts)
