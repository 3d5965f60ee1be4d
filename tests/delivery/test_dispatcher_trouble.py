import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery.runs import Progress
from distributor.schema import seat
from tests.delivery import ledger_steps
from tests.delivery.dispatch_steps import (
    PassingClock,
    ScriptedTransport,
    dispatcher,
    outlet,
    refusal,
)
from tests.delivery.ledger_steps import LATER, NOW, TAKEN, launched


async def test_server_in_trouble_pauses_the_mailing_and_charges_nobody(database: Database) -> None:
    of = await launched(database, readers=30)
    relay, clock = ScriptedTransport(), PassingClock()
    relay.refusals = [refusal()] * 99

    done = await dispatcher(database, outlet(relay), clock=clock).run_until_idle()

    assert done.reason == "535 login refused"
    assert (relay.opened, relay.tried) == (3, [])
    row = await ledger_steps.mailing_row(database, of)
    assert (row.state, row.reason, row.resume_at) == ("paused", "535 login refused", done.until)
    assert {(row.state, row.attempts) for row in await ledger_steps.rows(database)} == {("pending", 0)}


async def test_refusal_at_mail_from_charges_nobody(embedded: Database) -> None:
    await launched(embedded, readers=30)
    relay = ScriptedTransport(lambda *_: refusal("553 sender refused"))

    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    assert done.reason == "553 sender refused"
    assert {(row.state, row.attempts) for row in await ledger_steps.rows(embedded)} == {("pending", 0)}


async def test_daemon_goes_on_by_itself_after_trouble_and_waits_longer_each_time(embedded: Database) -> None:
    of = await launched(embedded, readers=5)
    relay, clock, stop = ScriptedTransport(), PassingClock(), asyncio.Event()
    relay.refusals = [refusal()] * 5
    waits = []

    def progress(found: Progress) -> None:
        waits.append(found.until)
        if found.accepted == 5:
            stop.set()

    await dispatcher(embedded, outlet(relay), clock=clock, on_progress=progress).run(stop)

    # Three faults, a minute; one more, five minutes; one more, fifteen; then it works.
    assert timedelta(minutes=21) <= clock.now() - NOW <= timedelta(minutes=23)
    assert relay.opened == 5 + 4
    assert len({until for until in waits if until}) == 3
    assert (await ledger_steps.mailing_row(embedded, of)).state == "running"


async def test_one_refused_connection_among_working_ones_is_no_trouble(embedded: Database) -> None:
    of = await launched(embedded, readers=60)
    relay = ScriptedTransport()
    relay.refusals = [refusal("421 too many connections")]

    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    assert (done.accepted, done.reason) == (60, "")
    assert (await ledger_steps.mailing_row(embedded, of)).state == "running"


async def test_server_that_allows_fewer_connections_is_used_with_those(embedded: Database) -> None:
    await launched(embedded, readers=60)
    relay = ScriptedTransport()
    open_session = relay.open

    async def at_most_two() -> object:
        if relay.opened - relay.closed >= 2:
            await asyncio.sleep(0.02)
            raise refusal("421 too many connections")
        return await open_session()

    relay.open = at_most_two  # type: ignore[assignment,method-assign]
    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    assert (done.accepted, done.reason) == (60, "")


async def test_worn_out_connection_is_replaced_and_the_copy_not_charged(embedded: Database) -> None:
    await launched(embedded, readers=30)
    relay = ScriptedTransport(lambda _who, number: LATER if number == 4 else TAKEN)
    relay.worn_after = 4

    done = await dispatcher(embedded, outlet(relay, connections=2)).run_until_idle()

    assert (done.accepted, done.deferred) == (30, 0)
    assert {row.attempts for row in await ledger_steps.rows(embedded)} == {1}


async def test_copy_that_wears_out_two_connections_is_deferred(embedded: Database) -> None:
    await launched(embedded, readers=4)
    relay = ScriptedTransport(lambda who, _number: LATER if who.startswith("reader3@") else TAKEN)
    relay.worn_after = 2

    done = await dispatcher(embedded, outlet(relay, connections=1)).run_until_idle()

    assert (done.accepted, done.deferred) == (3, 1)


async def test_fault_on_a_used_connection_is_tried_on_a_new_one(embedded: Database) -> None:
    await launched(embedded, readers=12)
    relay = ScriptedTransport(lambda _who, number: refusal("421 enough") if number == 4 else TAKEN)

    done = await dispatcher(embedded, outlet(relay, connections=1)).run_until_idle()

    assert (done.accepted, done.reason) == (12, "")


async def test_second_server_goes_on_when_the_first_is_in_trouble(embedded: Database) -> None:
    await launched(embedded, readers=20)
    first, second = ScriptedTransport(name="first"), ScriptedTransport(name="second")
    first.refusals = [refusal()] * 99

    done = await dispatcher(embedded, outlet(first), outlet(second)).run_until_idle()

    assert (done.accepted, done.reason) == (20, "")
    assert len(second.sent) == 20


async def test_opening_that_fails_in_an_unforeseen_way_is_trouble_with_the_server(embedded: Database) -> None:
    await launched(embedded, readers=1)
    relay = ScriptedTransport()
    relay.refusals = [OSError("network is unreachable")] * 9

    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    assert done.reason == "OSError: network is unreachable"


async def test_opening_that_fails_by_our_own_mistake_ends_the_run_and_keeps_no_seat(embedded: Database) -> None:
    await launched(embedded, readers=1)
    relay = ScriptedTransport()
    relay.refusals = [ValueError("a mistake of ours")] * 9

    with pytest.raises(ValueError, match="a mistake"):
        await dispatcher(embedded, outlet(relay)).run_until_idle()

    async with embedded.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(seat)) == 0
    assert await ledger_steps.states(embedded) == ["pending"]
