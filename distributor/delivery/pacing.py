"""Limits on how fast we send: exact over any rolling window, kept across restarts, shared by processes.

`parse_rates` reads what staff wrote (`60/minute`, `500/day`, `10/秒`); `room` and `take` grant permits against rows
of `permit`, whose only writer this is. No token bucket: a bucket lets twice the number through around a refill, and
providers count what arrived in the last minute. A scope is `server:<name>` or `domain:<name>`; a message may need
the permits of both, so its caller asks each for room before it takes from any.

The server counts when a message arrives, we count when we let it go; `GUARD` keeps the little between the two
from pushing a message into the window before.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.problems import Problem, wording
from distributor.schema import permit

GUARD = 0.05
GUARD_MOST = timedelta(seconds=1)
CLOCK_SKEW = timedelta(seconds=1)
MOST_ROWS = 4000
"""Above this many rows for each rate of a scope, neighbours are merged."""
MERGED_ROWS = 1000
"""How many merged rows a window holds at most."""

_RATE = re.compile(
    r"(?P<count>\d{1,9})\s*(?:封|messages?)?\s*/\s*"
    r"(?P<unit>seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d|秒钟?|分钟?|小时|时|天|日)",
    re.ASCII | re.IGNORECASE,
)
_WINDOWS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "秒": timedelta(seconds=1),
    "分": timedelta(minutes=1),
    "小": timedelta(hours=1),
    "时": timedelta(hours=1),
    "天": timedelta(days=1),
    "日": timedelta(days=1),
}
_FULL_WIDTH = str.maketrans("０１２３４５６７８９／", "0123456789/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `count` messages in any stretch of time as long as `window`."""

    count: int
    window: timedelta

    @property
    def guarded(self) -> timedelta:
        """The window with its guard: a permit counts for this long."""
        return self.window + min(self.window * GUARD, GUARD_MOST)


Taken = tuple[datetime, int]
"""A moment and how many permits were granted in it."""


def parse_rate(text: str) -> Rate | None:
    """Read `60/minute`, `500 / day`, `60/分钟`, `500封/天`; None for anything else, zero included."""
    match = _RATE.fullmatch(text.strip().translate(_FULL_WIDTH))
    if match is None or not int(match["count"]):
        return None
    return Rate(count=int(match["count"]), window=_WINDOWS[match["unit"][0].lower()])


def parse_rates(texts: Sequence[str], *, path: str, line: int | None) -> tuple[tuple[Rate, ...], tuple[Problem, ...]]:
    """Read a `rate` setting; one problem, at `path` and `line`, for each entry that is no rate."""
    read = [(text, parse_rate(text)) for text in texts]
    problems = tuple(
        Problem(
            path=path,
            line=line,
            what=wording(f"发送限速 {text!r} 无法识别", f"the rate {text!r} cannot be read"),
            remedy=wording(
                "写成“数量/单位”，例如 60/minute、500/day、60/分钟",
                "write number/unit, such as 60/minute or 500/day",
            ),
        )
        for text, rate in read
        if rate is None
    )
    return tuple(rate for _text, rate in read if rate is not None), problems


def take_turns(tx: sa.Connection, scopes: Iterable[str]) -> None:
    """Let no other process ask for permits in these scopes until this transaction ends, so keep it short.

    All processes name their scopes in one order, at once, or two may wait for each other.
    """
    # On SQLite the transaction itself is the turn; on PostgreSQL two sums would otherwise be taken side by side.
    if tx.dialect.name == "postgresql":
        for scope in scopes:
            tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"permit {scope}"))))


def room(tx: sa.Connection, scope: str, rates: Sequence[Rate], *, now: datetime) -> int:
    """Return how many messages may leave at `now`, for whoever has the scope's turn; there are rates.

    A clock that was set back costs at most one window.
    """
    longest = max(rate.guarded for rate in rates)
    tx.execute(sa.delete(permit).where(permit.c.scope == scope, permit.c.at <= now - longest))
    used, newest, rows = _used(tx, scope, rates, now)
    if newest is not None and newest > now + CLOCK_SKEW:
        tx.execute(sa.update(permit).where(permit.c.scope == scope, permit.c.at > now).values(at=now))
    if rows > MOST_ROWS * len(rates):
        _merge(tx, scope, rates, now)
    return max(0, min(rate.count - taken for rate, taken in zip(rates, used, strict=True)))


def take(tx: sa.Connection, scope: str, count: int, *, now: datetime) -> None:
    """Take permits for which there is room; they count from now on, used or not."""
    if count:
        tx.execute(sa.insert(permit).values(scope=scope, at=now, count=count))


def next_free(tx: sa.Connection, scope: str, rates: Sequence[Rate], *, now: datetime, taking: int = 0) -> datetime:
    """Return when the next message may leave once there is no room any more, `taking` so many first."""
    used, _newest, _rows = _used(tx, scope, rates, now)
    full = [rate for rate, taken in zip(rates, used, strict=True) if taken + taking >= rate.count]
    return max((_oldest(tx, scope, rate, now) + rate.guarded for rate in full), default=now)


async def recent(connection: AsyncConnection, scope: str, rates: Sequence[Rate], *, now: datetime) -> tuple[Taken, ...]:
    """Return what was granted in the scope and still counts, in order of time; what `forecast` starts from."""
    longest = max((rate.guarded for rate in rates), default=timedelta(0))
    found = await connection.execute(
        sa.select(permit.c.at, permit.c.count.label("amount"))
        .where(permit.c.scope == scope, permit.c.at > now - longest)
        .order_by(permit.c.at)
    )
    return tuple((row.at, row.amount) for row in found)


def _used(
    tx: sa.Connection, scope: str, rates: Sequence[Rate], now: datetime
) -> tuple[list[int], datetime | None, int]:
    sums = [sa.func.coalesce(sa.func.sum(permit.c.count).filter(permit.c.at > now - rate.guarded), 0) for rate in rates]
    totals = sa.select(sa.func.max(permit.c.at), sa.func.count(), *sums).where(permit.c.scope == scope)
    newest, rows, *used = (tx.execute(totals)).one()
    return [int(amount) for amount in used], newest, rows


def _oldest(tx: sa.Connection, scope: str, rate: Rate, now: datetime) -> datetime:
    """Return the oldest moment that counts in a window; `now` where nothing does yet."""
    oldest = sa.select(sa.func.min(permit.c.at)).where(permit.c.scope == scope, permit.c.at > now - rate.guarded)
    return tx.scalar(oldest) or now


def _merge(tx: sa.Connection, scope: str, rates: Sequence[Rate], now: datetime) -> None:
    """Merge neighbouring rows; a merged row stands at the newest of its rows.

    That is later than any of them, so the limit stays exact; what is lost is at most a thousandth of the
    shortest window that still counts them.
    """
    windows = sorted(rate.guarded for rate in rates)
    ours = permit.c.scope == scope
    amount = permit.c.count.label("amount")
    rows = (tx.execute(sa.select(permit.c.at, amount).where(ours).order_by(permit.c.at))).all()
    merged: dict[tuple[timedelta, int], Taken] = {}
    for row in rows:
        age = now - row.at
        window = next((window for window in windows if age < window), windows[-1])
        place = (window, age // (window / MERGED_ROWS))
        merged[place] = (row.at, merged.get(place, (row.at, 0))[1] + row.amount)
    tx.execute(sa.delete(permit).where(ours))
    tx.execute(sa.insert(permit), [{"scope": scope, "at": at, "count": count} for at, count in merged.values()])
