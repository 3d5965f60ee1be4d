"""Limits on how fast we send: exact over any rolling window, kept across restarts, shared by processes.

`parse_rates` reads what staff wrote (`60/minute`, `500/day`, `10/秒`); `acquire` grants permits against rows of
`permit`, whose only writer this is. No token bucket: a bucket lets twice the number through around a refill, and
providers count what arrived in the last minute. A scope is `server:<name>`, later also `domain:<name>`.

The server counts when a message arrives, we count when we let it go; `GUARD` keeps the little between the two
from pushing a message into the window before.
"""

import re
from collections import deque
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Permits:
    """How many messages may leave now; when fewer than wanted, `next_at` says when the next may, else None."""

    granted: int
    next_at: datetime | None


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


def forecast(rates: Iterable[Rate], count: int, *, start: datetime, taken: Iterable[Taken] = ()) -> datetime:
    """Return when the last of `count` messages may leave, the first at `start`, after those already `taken`.

    `taken` is in order of time, as `recent` returns it. Without rates the answer is `start`.
    """
    logs = [(rate, deque(item for item in taken if item[0] + rate.guarded > start)) for rate in rates]
    used = [sum(amount for _at, amount in log) for _rate, log in logs]
    moment = start
    while logs:
        for index, (rate, log) in enumerate(logs):
            while log and log[0][0] + rate.guarded <= moment:
                used[index] -= log.popleft()[1]
        granted = min(count, *(rate.count - used[index] for index, (rate, _log) in enumerate(logs)))
        if granted > 0:
            count -= granted
            used = [amount + granted for amount in used]
            for _rate, log in logs:
                log.append((moment, granted))
        if count <= 0:
            break
        moment = max(log[0][0] + rate.guarded for index, (rate, log) in enumerate(logs) if used[index] >= rate.count)
    return moment


async def acquire(tx: AsyncConnection, scope: str, rates: Sequence[Rate], *, now: datetime, wanted: int) -> Permits:
    """Take up to `wanted` permits at `now`; they count from now on, used or not.

    Processes that share a scope take turns until their transaction ends, so keep it short. A clock that was set
    back costs at most one window. Without rates everything is granted and nothing written.
    """
    if not rates or wanted <= 0:
        return Permits(granted=wanted, next_at=None)
    await _take_turn(tx, scope)
    longest = max(rate.guarded for rate in rates)
    await tx.execute(sa.delete(permit).where(permit.c.scope == scope, permit.c.at <= now - longest))
    used, newest, rows = await _used(tx, scope, rates, now)
    if newest is not None and newest > now + CLOCK_SKEW:
        await tx.execute(sa.update(permit).where(permit.c.scope == scope, permit.c.at > now).values(at=now))
    if rows > MOST_ROWS * len(rates):
        await _merge(tx, scope, rates, now)
    free = min(rate.count - taken for rate, taken in zip(rates, used, strict=True))
    granted = max(0, min(wanted, free))
    if granted:
        await tx.execute(sa.insert(permit).values(scope=scope, at=now, count=granted))
    if granted == wanted:
        return Permits(granted=granted, next_at=None)
    full = [rate for rate, taken in zip(rates, used, strict=True) if taken + granted >= rate.count]
    return Permits(granted=granted, next_at=await _next_free(tx, scope, full, now))


async def recent(connection: AsyncConnection, scope: str, rates: Sequence[Rate], *, now: datetime) -> tuple[Taken, ...]:
    """Return what was granted in the scope and still counts, in order of time; what `forecast` starts from."""
    longest = max((rate.guarded for rate in rates), default=timedelta(0))
    found = await connection.execute(
        sa.select(permit.c.at, permit.c.count.label("amount"))
        .where(permit.c.scope == scope, permit.c.at > now - longest)
        .order_by(permit.c.at)
    )
    return tuple((row.at, row.amount) for row in found)


async def _take_turn(tx: AsyncConnection, scope: str) -> None:
    # On SQLite the transaction itself is the turn; on PostgreSQL two sums would otherwise be taken side by side.
    if tx.dialect.name == "postgresql":
        await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"permit {scope}"))))


async def _used(
    tx: AsyncConnection, scope: str, rates: Sequence[Rate], now: datetime
) -> tuple[list[int], datetime | None, int]:
    sums = [sa.func.coalesce(sa.func.sum(permit.c.count).filter(permit.c.at > now - rate.guarded), 0) for rate in rates]
    totals = sa.select(sa.func.max(permit.c.at), sa.func.count(), *sums).where(permit.c.scope == scope)
    newest, rows, *used = (await tx.execute(totals)).one()
    return [int(amount) for amount in used], newest, rows


async def _next_free(tx: AsyncConnection, scope: str, full: Sequence[Rate], now: datetime) -> datetime:
    moments: list[datetime] = []
    for rate in full:
        oldest = await tx.scalar(
            sa.select(sa.func.min(permit.c.at)).where(permit.c.scope == scope, permit.c.at > now - rate.guarded)
        )
        assert oldest is not None
        moments.append(oldest + rate.guarded)
    return max(moments)


async def _merge(tx: AsyncConnection, scope: str, rates: Sequence[Rate], now: datetime) -> None:
    """Merge neighbouring rows; a merged row stands at the newest of its rows.

    That is later than any of them, so the limit stays exact; what is lost is at most a thousandth of the
    shortest window that still counts them.
    """
    windows = sorted(rate.guarded for rate in rates)
    ours = permit.c.scope == scope
    amount = permit.c.count.label("amount")
    rows = (await tx.execute(sa.select(permit.c.at, amount).where(ours).order_by(permit.c.at))).all()
    merged: dict[tuple[timedelta, int], Taken] = {}
    for row in rows:
        age = now - row.at
        window = next((window for window in windows if age < window), windows[-1])
        place = (window, age // (window / MERGED_ROWS))
        merged[place] = (row.at, merged.get(place, (row.at, 0))[1] + row.amount)
    await tx.execute(sa.delete(permit).where(ours))
    await tx.execute(sa.insert(permit), [{"scope": scope, "at": at, "count": count} for at, count in merged.values()])
