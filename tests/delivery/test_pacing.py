import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from distributor.database import Database
from distributor.delivery import pacing
from distributor.delivery.forecast import Gate, Load, forecast
from distributor.delivery.pacing import Rate, parse_rate, parse_rates
from distributor.schema import permit

NOW = datetime(2015, 7, 10, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SCOPE = "server:smtp.example.com:465"


def rates(*texts: str) -> tuple[Rate, ...]:
    found, problems = parse_rates(texts, path="distributor.toml", line=1)
    assert problems == ()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Permits:
    granted: int
    next_at: datetime | None


async def take(database: Database, limit: Sequence[Rate], wanted: int, at: datetime, scope: str = SCOPE) -> Permits:
    """Take what there is room for, as a sender does, and say when the next may go if that is less than wanted."""

    def step(tx: sa.Connection) -> Permits:
        pacing.take_turns(tx, [scope])
        granted = min(wanted, pacing.room(tx, scope, limit, now=at))
        pacing.take(tx, scope, granted, now=at)
        short = granted < wanted
        return Permits(granted=granted, next_at=pacing.next_free(tx, scope, limit, now=at) if short else None)

    return await database.transact(step)


@pytest.mark.parametrize(
    ("text", "count", "window"),
    [
        ("60/minute", 60, MINUTE),
        ("500/day", 500, DAY),
        ("10/second", 10, SECOND),
        ("300/hour", 300, HOUR),
        (" 60 / min ", 60, MINUTE),
        ("1/s", 1, SECOND),
        ("2/Hours", 2, HOUR),
        ("60/分钟", 60, MINUTE),
        ("60封/分", 60, MINUTE),
        ("５００／天", 500, DAY),
        ("10/秒", 10, SECOND),
        ("300/小时", 300, HOUR),
        ("300/时", 300, HOUR),
        ("20/日", 20, DAY),
    ],
)
def test_rate_is_read_as_staff_write_it(text: str, count: int, window: timedelta) -> None:
    assert parse_rate(text) == Rate(count=count, window=window)


@pytest.mark.parametrize(
    "text", ["", "60", "0/minute", "-1/minute", "60/fortnight", "minute/60", "6.5/minute", "1/minutely"]
)
def test_what_is_no_rate_is_none(text: str) -> None:
    assert parse_rate(text) is None


def test_every_bad_rate_is_a_problem_with_its_place() -> None:
    found, problems = parse_rates(["60/minute", "fast", "0/天"], path="distributor.toml", line=7)

    assert found == (Rate(count=60, window=MINUTE),)
    assert [problem.text("en").split(" → ")[0] for problem in problems] == [
        "distributor.toml:7: the rate 'fast' cannot be read",
        "distributor.toml:7: the rate '0/天' cannot be read",
    ]


@given(text=st.text(max_size=20))
def test_reading_a_rate_never_crashes(text: str) -> None:
    parse_rate(text)


async def test_permits_are_granted_up_to_the_rate(database: Database) -> None:
    limit = rates("5/minute")

    first = await take(database, limit, 3, NOW)
    second = await take(database, limit, 3, NOW + SECOND)

    assert first == Permits(granted=3, next_at=None)
    assert second == Permits(granted=2, next_at=NOW + MINUTE + SECOND)  # the first three leave the guarded minute


async def test_permits_come_back_when_the_oldest_leave_the_window(database: Database) -> None:
    limit = rates("5/minute")
    await take(database, limit, 5, NOW)

    early = await take(database, limit, 1, NOW + MINUTE)
    later = await take(database, limit, 9, NOW + MINUTE + SECOND)

    assert early.granted == 0
    assert later.granted == 5


async def test_every_rate_of_a_server_holds(database: Database) -> None:
    limit = rates("5/minute", "6/day")
    await take(database, limit, 5, NOW)

    found = await take(database, limit, 5, NOW + HOUR)

    assert found == Permits(granted=1, next_at=NOW + DAY + SECOND)


async def test_scopes_do_not_share(database: Database) -> None:
    await take(database, rates("1/day"), 1, NOW)

    assert (await take(database, rates("1/day"), 1, NOW, scope="server:other")).granted == 1


async def test_nothing_wanted_is_nothing_granted(database: Database) -> None:
    assert await take(database, rates("1/day"), 0, NOW) == Permits(granted=0, next_at=None)


async def test_rate_lowered_below_what_was_taken_grants_nothing(database: Database) -> None:
    await take(database, rates("10/hour"), 10, NOW)

    found = await take(database, rates("3/hour"), 1, NOW + MINUTE)

    assert found == Permits(granted=0, next_at=NOW + HOUR + SECOND)


async def test_permits_that_count_no_more_are_removed(database: Database) -> None:
    await take(database, rates("10/minute"), 10, NOW)

    await take(database, rates("10/minute"), 1, NOW + 2 * MINUTE)

    assert await permits(database) == [(NOW + 2 * MINUTE, 1)]


async def test_clock_set_back_costs_one_window_at_most(database: Database) -> None:
    limit = rates("2/minute")
    await take(database, limit, 2, NOW + DAY)

    back = await take(database, limit, 1, NOW)

    assert back == Permits(granted=0, next_at=NOW + MINUTE + SECOND)
    assert (await take(database, limit, 1, NOW + MINUTE + SECOND)).granted == 1


async def test_processes_share_a_limit(database: Database) -> None:
    found = await asyncio.gather(*(take(database, rates("7/hour"), 3, NOW) for _process in range(6)))

    assert sum(one.granted for one in found) == 7


async def test_many_small_grants_are_merged_and_the_limit_stays_exact(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "MOST_ROWS", 20)
    monkeypatch.setattr(pacing, "MERGED_ROWS", 10)
    limit = rates("60/hour", "90/day")
    log = []
    for step in range(400):
        at = NOW + step * 5 * MINUTE
        log += [at] * (await take(database, limit, 1 + step % 3, at)).granted

    assert len(await permits(database)) < 50
    assert_never_exceeded(limit, log)
    assert len(log) > 0.85 * 90 * 400 * 5 / 60 / 24


@pytest.mark.parametrize(
    "texts", [("5/second",), ("3/second", "20/minute"), ("7/minute", "11/hour"), ("1/minute",)], ids="+".join
)
async def test_no_rolling_window_is_ever_exceeded(database: Database, texts: tuple[str, ...]) -> None:
    limit, randomness, at, log = rates(*texts), Random(7), NOW, []
    for _ask in range(80):
        found = await take(database, limit, randomness.randint(1, 9), at)
        log += [at] * found.granted
        at = max(at, randomness.choice([at, found.next_at or at]))
        at += timedelta(milliseconds=randomness.choice([0, 1, 40, 300, 2000, 20_000]))

    assert len(log) > 20
    assert_never_exceeded(limit, log)


async def test_forecast_is_the_moment_at_which_the_last_copy_goes(database: Database) -> None:
    limit = rates("7/minute", "30/hour")
    at, left = NOW, 100
    while left:
        found = await take(database, limit, left, at)
        left -= found.granted
        at = found.next_at or at

    load = Load(destination=Gate(name="qq.com"), copies=100)
    assert forecast([Gate(name=SCOPE, rates=limit)], [load], start=NOW).finish == at


async def test_what_was_taken_and_still_counts_is_told_in_order(database: Database) -> None:
    limit = rates("5/minute", "8/hour")
    await take(database, limit, 5, NOW)
    await take(database, limit, 1, NOW + 2 * MINUTE)

    async with database.read() as connection:
        taken = await pacing.recent(connection, SCOPE, limit, now=NOW + 3 * MINUTE)

    assert taken == ((NOW, 5), (NOW + 2 * MINUTE, 1))


def assert_never_exceeded(limit: Sequence[Rate], log: Sequence[datetime]) -> None:
    for rate in limit:
        for first, moment in enumerate(log):
            inside = [later for later in log[first:] if later - moment < rate.window]
            assert len(inside) <= rate.count


async def permits(database: Database) -> list[tuple[datetime, int]]:
    async with database.read() as connection:
        found = await connection.execute(sa.select(permit.c.at, permit.c["count"]).order_by(permit.c.at))
        return [(row[0], row[1]) for row in found]
