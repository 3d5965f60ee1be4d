import asyncio
from datetime import timedelta

from distributor.database import Database
from distributor.delivery.pacing import parse_rate
from distributor.delivery.runs import Progress, real_sleep
from tests.delivery import ledger_steps
from tests.delivery.dispatch_steps import (
    PassingClock,
    RealClock,
    ScriptedTransport,
    accepted_moments,
    assert_rate_was_kept,
    dispatcher,
    outlet,
)
from tests.delivery.ledger_steps import NOW, launched

MINUTE = timedelta(minutes=1)


async def test_rate_of_a_server_is_kept_and_waited_for(database: Database) -> None:
    await launched(database, readers=50)
    relay, clock = ScriptedTransport(), PassingClock()

    done = await dispatcher(database, outlet(relay, rates=[parse_rate("10/minute")]), clock=clock).run_until_idle()

    assert done.accepted == 50
    # Five times ten, each a guarded minute after the one before.
    assert 4 * timedelta(seconds=61) <= clock.now() - NOW <= 4 * timedelta(seconds=61) + timedelta(seconds=5)
    assert_rate_was_kept(await accepted_moments(database), 10, MINUTE)


async def test_rate_that_allows_nothing_for_long_is_left_for_later(embedded: Database) -> None:
    await launched(embedded, readers=12)
    relay = ScriptedTransport()

    done = await dispatcher(embedded, outlet(relay, rates=[parse_rate("10/day")])).run_until_idle()

    assert (done.accepted, done.in_hand, done.reason) == (10, 0, "")
    assert done.until == NOW + timedelta(days=1, seconds=1)
    assert (await ledger_steps.states(embedded))[10:] == ["pending", "pending"]


async def test_daemon_finishes_a_mailing_over_several_days(embedded: Database) -> None:
    of = await launched(embedded, readers=25)
    relay, clock, stop = ScriptedTransport(), PassingClock(), asyncio.Event()

    def progress(found: Progress) -> None:
        if found.accepted == 25:
            stop.set()

    await dispatcher(
        embedded,
        outlet(relay, rates=[parse_rate("10/day")]),
        clock=clock,
        on_progress=progress,
        habits={"poll": timedelta(hours=2)},
    ).run(stop)

    assert timedelta(days=2) < clock.now() - NOW < timedelta(days=2, hours=5)
    assert (await ledger_steps.count(embedded, of)).by_state["expired"] == 0
    assert_rate_was_kept(await accepted_moments(embedded), 10, timedelta(days=1))


async def test_servers_have_their_own_limits(embedded: Database) -> None:
    await launched(embedded, readers=20)
    slow, quick = ScriptedTransport(name="slow"), ScriptedTransport(name="quick")

    done = await dispatcher(embedded, outlet(slow, rates=[parse_rate("3/day")]), outlet(quick)).run_until_idle()

    assert done.accepted == 20
    assert len(slow.sent) <= 3


async def test_limited_server_goes_on_in_time_while_another_is_stuck(embedded: Database) -> None:
    await launched(embedded, readers=8)
    limited, stuck = ScriptedTransport(name="limited"), ScriptedTransport(name="stuck")
    stuck.gate.clear()
    going = asyncio.create_task(
        dispatcher(
            embedded,
            outlet(limited, rates=[parse_rate("5/second")]),
            outlet(stuck, connections=1),
            clock=RealClock(),
            sleep=real_sleep,
        ).run_until_idle()
    )

    async with asyncio.timeout(4):
        while len(limited.sent) < 7:
            await asyncio.sleep(0.02)
    stuck.gate.set()

    assert (await going).accepted == 8


async def test_outlook_is_told_while_a_limit_is_waited_for(embedded: Database) -> None:
    await launched(embedded, readers=3)
    told: list[Progress] = []
    relay = ScriptedTransport()

    await dispatcher(embedded, outlet(relay, rates=[parse_rate("2/minute")]), on_progress=told.append).run_until_idle()

    assert any(one.until == NOW + timedelta(seconds=61) and one.accepted == 2 for one in told)
    assert told[-1].accepted == 3
