import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import commits, decisions, ledger
from distributor.delivery.runs import Progress, real_sleep
from distributor.errors import DatabaseFault, DistributorError
from distributor.schema import delivery
from tests.delivery import ledger_steps
from tests.delivery.dispatch_steps import (
    PassingClock,
    ScriptedTransport,
    dispatcher,
    outlet,
    under_way,
)
from tests.delivery.ledger_steps import launched


async def test_paused_in_the_middle_lets_the_rest_be(embedded: Database) -> None:
    of = await launched(embedded, readers=60)
    relay = ScriptedTransport()

    async def pause_after_some() -> None:
        await asyncio.sleep(0)
        if len(relay.sent) == 10:
            async with embedded.write() as tx:
                await decisions.pause(tx, of, reason="wrong picture")

    relay.pace = pause_after_some  # type: ignore[method-assign]
    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    found = await ledger_steps.count(embedded, of)
    assert 10 <= done.accepted < 60
    assert found.by_state["pending"] == 60 - done.accepted
    assert done.dropped > 0


async def test_stop_lets_what_is_under_way_end_and_gives_back_the_rest(database: Database) -> None:
    await launched(database, readers=30)
    relay, stop = ScriptedTransport(), asyncio.Event()
    relay.gate.clear()
    going = asyncio.create_task(dispatcher(database, outlet(relay)).run(stop))
    await under_way(relay, 4)

    stop.set()
    await asyncio.sleep(0.05)
    relay.gate.set()

    assert (await going).accepted == 4
    assert sorted(await ledger_steps.states(database)) == ["accepted"] * 4 + ["pending"] * 26
    assert relay.closed == relay.opened


async def test_message_that_does_not_end_in_time_is_uncertain(embedded: Database) -> None:
    await launched(embedded, readers=10)
    relay, stop = ScriptedTransport(), asyncio.Event()
    relay.gate.clear()
    habits = {"grace": timedelta(milliseconds=50)}
    going = asyncio.create_task(dispatcher(embedded, outlet(relay, connections=2), habits=habits).run(stop))
    await under_way(relay, 2)

    stop.set()

    assert (await going).uncertain == 2
    assert sorted(await ledger_steps.states(embedded)) == ["pending"] * 8 + ["uncertain"] * 2


async def test_stopped_while_it_waits_for_the_database_sends_nothing(embedded: Database) -> None:
    await launched(embedded, readers=10)
    relay, stop = ScriptedTransport(), asyncio.Event()
    relay.gate.clear()
    habits = {"grace": timedelta(milliseconds=50)}
    sending = dispatcher(embedded, outlet(relay, connections=2), habits=habits)
    going = asyncio.create_task(sending.run(stop))
    await under_way(relay, 2)

    async with embedded.write():
        relay.gate.set()
        await asyncio.sleep(0.05)
        stop.set()
        await asyncio.sleep(0.2)

    assert (await going).accepted == len(relay.sent) == 2
    assert sorted(await ledger_steps.states(embedded)) == ["accepted"] * 2 + ["pending"] * 8


async def test_cancelled_run_leaves_an_honest_ledger(embedded: Database) -> None:
    of = await launched(embedded, readers=10)
    relay = ScriptedTransport()
    relay.gate.clear()
    habits = {"grace": timedelta(milliseconds=50)}
    going = asyncio.create_task(dispatcher(embedded, outlet(relay), habits=habits).run_until_idle())
    await under_way(relay, 4)

    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going

    found = await ledger_steps.count(embedded, of)
    assert (found.by_state["uncertain"], found.by_state["pending"]) == (4, 6)


async def test_stop_before_anything_is_due_ends_at_once(embedded: Database) -> None:
    stop = asyncio.Event()
    really = dispatcher(embedded, outlet(ScriptedTransport()), sleep=real_sleep)
    going = asyncio.create_task(really.run(stop))
    await asyncio.sleep(0.05)

    stop.set()

    async with asyncio.timeout(2):
        assert await going == Progress()


async def test_woken_dispatcher_looks_for_work_at_once(embedded: Database) -> None:
    stop, relay = asyncio.Event(), ScriptedTransport()
    sleeping = dispatcher(embedded, outlet(relay), sleep=real_sleep, on_progress=lambda found: stop.set())
    going = asyncio.create_task(sleeping.run(stop))
    await asyncio.sleep(0.05)

    await launched(embedded, readers=1)
    sleeping.wake()

    async with asyncio.timeout(2):
        assert (await going).accepted == 1


async def test_idle_connection_is_closed(embedded: Database) -> None:
    await launched(embedded, readers=1)
    stop, relay = asyncio.Event(), ScriptedTransport()
    habits = {"idle": timedelta(milliseconds=20)}
    going = asyncio.create_task(dispatcher(embedded, outlet(relay), habits=habits, sleep=real_sleep).run(stop))

    async with asyncio.timeout(2):
        while relay.closed == 0:
            await asyncio.sleep(0.01)
    stop.set()

    assert (await going).accepted == 1


async def test_lease_is_renewed_while_messages_are_under_way(embedded: Database) -> None:
    await launched(embedded, readers=2)
    relay, stop = ScriptedTransport(), asyncio.Event()
    relay.gate.clear()
    habits = {"lease": timedelta(milliseconds=600)}
    going = asyncio.create_task(dispatcher(embedded, outlet(relay), habits=habits).run(stop))
    await under_way(relay, 2)

    await asyncio.sleep(1.0)
    other = await ledger_steps.recovered(embedded)
    relay.gate.set()
    stop.set()

    assert other == ledger.Recovered(returned=0, uncertain=0)
    assert (await going).accepted == 2


async def test_database_that_fails_for_a_moment_loses_nothing(
    embedded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await launched(embedded, readers=30)
    relay, failures = ScriptedTransport(), iter([True, False, True, False, True])
    settle = ledger.settle

    def fails_now_and_then(*args: object) -> object:
        lost = settle(*args)  # type: ignore[arg-type]
        if next(failures, False):
            raise DatabaseFault("disk I/O error")
        return lost

    monkeypatch.setattr(ledger, "settle", fails_now_and_then)
    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    assert done.accepted == len(relay.sent) == 30
    assert (await ledger_steps.count(embedded, of)).is_finished


async def test_database_that_stays_away_stops_the_sending(embedded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await launched(embedded, readers=30)
    relay, clock = ScriptedTransport(), PassingClock()

    def fails(*_args: object) -> None:
        raise DatabaseFault("database or disk is full")

    monkeypatch.setattr(ledger, "settle", fails)
    with pytest.raises(DatabaseFault, match="full"):
        await dispatcher(embedded, outlet(relay), clock=clock).run_until_idle()

    assert len(relay.sent) <= 4  # one a connection: without its result written none goes on
    assert set(commits.DATABASE_WAITS) <= set(clock.slept)


async def test_copies_that_do_not_add_up_stop_the_sending(embedded: Database) -> None:
    await launched(embedded, readers=3)
    async with embedded.write() as tx:
        await tx.execute(sa.delete(delivery).where(delivery.c.subscriber == 3))

    with pytest.raises(DistributorError, match="does not add up"):
        await dispatcher(embedded, outlet(ScriptedTransport())).run_until_idle()


async def test_result_after_the_claim_was_lost_is_logged(embedded: Database, caplog: pytest.LogCaptureFixture) -> None:
    await launched(embedded, readers=1)
    relay = ScriptedTransport()

    async def taken_over() -> None:
        async with embedded.write() as tx:
            await tx.execute(sa.update(delivery).values(claim="theirs", state="pending"))

    relay.pace = taken_over  # type: ignore[method-assign]
    stop = asyncio.Event()
    await dispatcher(embedded, outlet(relay), on_progress=lambda _found: stop.set()).run(stop)

    assert "result came after the claim was lost" in caplog.text
