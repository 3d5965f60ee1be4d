"""All sender processes together hold no more seats at a server than it has."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from distributor.database import Database, now
from distributor.delivery import seats
from distributor.schema import seat

RELAY = "server:relay"
MINUTE = timedelta(minutes=1)


async def take(database: Database, holder: str, *, limit: int = 3, scope: str = RELAY) -> int | None:
    async with database.write() as tx:
        return await tx.run_sync(seats.take, scope, limit=limit, holder=holder, lease=MINUTE)


async def renew(database: Database, numbers: Sequence[int], holder: str) -> frozenset[int]:
    async with database.write() as tx:
        return await tx.run_sync(seats.renew, RELAY, numbers, holder=holder, lease=MINUTE)


async def leave(database: Database, numbers: Sequence[int], holder: str) -> None:
    async with database.write() as tx:
        await tx.run_sync(seats.leave, RELAY, numbers, holder=holder)


async def holders(database: Database) -> dict[int, str]:
    """Who has which seat, those whose lease is over included."""
    async with database.read() as connection:
        rows = await connection.execute(sa.select(seat.c.number, seat.c.holder).order_by(seat.c.number))
        return {row.number: row.holder for row in rows}


async def end_leases_of(database: Database, holder: str) -> None:
    async with database.write() as tx:
        await tx.execute(sa.update(seat).where(seat.c.holder == holder).values(lease_until=now()))


async def test_seats_are_taken_from_the_lowest_until_none_is_free(database: Database) -> None:
    taken = [await take(database, holder) for holder in ("a", "b", "a", "c")]

    assert taken == [0, 1, 2, None]
    assert await holders(database) == {0: "a", 1: "b", 2: "a"}


async def test_server_without_seats_gives_none(database: Database) -> None:
    assert await take(database, "a", limit=0) is None


async def test_seat_left_is_the_next_one_taken(database: Database) -> None:
    for _seat in range(3):
        await take(database, "a")

    await leave(database, [1], "a")

    assert [await take(database, "b"), await take(database, "b")] == [1, None]


async def test_servers_do_not_share_seats(database: Database) -> None:
    await take(database, "a", limit=1)

    assert await take(database, "a", limit=1, scope="server:other") == 0


async def test_seat_of_a_dead_process_is_free_when_its_lease_is_over(database: Database) -> None:
    for holder in ("dead", "alive", "dead"):
        await take(database, holder)

    await end_leases_of(database, "dead")

    assert [await take(database, "new") for _try in range(3)] == [0, 2, None]
    assert await holders(database) == {0: "new", 1: "alive", 2: "new"}


async def test_renewed_seat_stays_taken(database: Database) -> None:
    await take(database, "a", limit=1)
    await end_leases_of(database, "a")

    assert await renew(database, [0], "a") == {0}

    assert await take(database, "b", limit=1) is None


async def test_process_that_wakes_too_late_learns_which_seats_are_gone(database: Database) -> None:
    for _seat in range(2):
        await take(database, "asleep")
    await end_leases_of(database, "asleep")
    await take(database, "other")

    assert await renew(database, [0, 1], "asleep") == {1}

    assert await holders(database) == {0: "other", 1: "asleep"}


async def test_renewing_lengthens_only_the_seats_named(database: Database) -> None:
    for _seat in range(2):
        await take(database, "a")
    await end_leases_of(database, "a")

    await renew(database, [1], "a")

    assert [await take(database, "b", limit=2), await take(database, "b", limit=2)] == [0, None]


async def test_no_seats_are_renewed_or_left_when_none_are_named(database: Database) -> None:
    await take(database, "a")

    assert await renew(database, [], "a") == frozenset()
    await leave(database, [], "a")

    assert await holders(database) == {0: "a"}


async def test_nobody_gives_away_the_seat_of_another(database: Database) -> None:
    await take(database, "a")

    await leave(database, [0], "b")

    assert await holders(database) == {0: "a"}


async def test_lowered_limit_lets_nobody_in_until_enough_have_left(database: Database) -> None:
    for _seat in range(4):
        await take(database, "a", limit=4)
    await leave(database, [0, 1], "a")

    before = await take(database, "b", limit=2)
    await leave(database, [3], "a")
    after = await take(database, "b", limit=2)

    assert (before, after) == (None, 0)
    assert await holders(database) == {0: "b", 2: "a"}


@pytest.mark.parametrize("limit", [1, 5])
async def test_takers_at_the_same_moment_get_seats_of_their_own(database: Database, limit: int) -> None:
    found = await asyncio.gather(*(take(database, f"p{number}", limit=limit) for number in range(8)))

    taken = [number for number in found if number is not None]
    assert sorted(taken) == list(range(limit))
    assert {f"p{place}": number for place, number in enumerate(found) if number is not None} == {
        holder: number for number, holder in (await holders(database)).items()
    }


async def test_seat_is_renewed_or_taken_but_never_both(database: Database) -> None:
    for round_no in range(10):
        await take(database, f"old{round_no}", limit=1)
        await end_leases_of(database, f"old{round_no}")

        kept, taken = await asyncio.gather(
            renew(database, [0], f"old{round_no}"), take(database, f"new{round_no}", limit=1)
        )

        assert (kept, taken) in ((frozenset({0}), None), (frozenset(), 0))
        await leave(database, [0], f"old{round_no}")
        await leave(database, [0], f"new{round_no}")
