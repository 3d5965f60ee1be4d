import asyncio
from datetime import timedelta

import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import ledger
from distributor.delivery.model import Stored
from distributor.delivery.runs import Progress
from distributor.schema import delivery
from tests.delivery import ledger_steps
from tests.delivery.dispatch_steps import (
    ScriptedTransport,
    dispatcher,
    outlet,
)
from tests.delivery.ledger_steps import LATE, LATER, NO, NOW, OURS, TAKEN, THEIRS, UNKNOWN, launched

MINUTE = timedelta(minutes=1)


async def test_every_reader_gets_one_copy_and_the_ledger_says_so(database: Database) -> None:
    of = await launched(database, readers=50)
    relay = ScriptedTransport()

    done = await dispatcher(database, outlet(relay)).run_until_idle()

    assert relay.recipients == sorted(f"reader{number}@example.com" for number in range(1, 51))
    assert done == Progress(accepted=50)
    found = await ledger_steps.count(database, of)
    assert (found.by_state["accepted"], found.is_finished) == (50, True)


async def test_nothing_due_ends_at_once_and_opens_no_connection(embedded: Database) -> None:
    relay = ScriptedTransport()

    assert await dispatcher(embedded, outlet(relay)).run_until_idle() == Progress()
    assert relay.opened == 0


async def test_row_tells_server_and_message_id(embedded: Database) -> None:
    await launched(embedded, readers=1)

    await dispatcher(embedded, outlet(ScriptedTransport())).run_until_idle()

    (row,) = await ledger_steps.rows(embedded)
    assert (row.server, row.message_id) == ("relay", "<2015-055.1.p00000001@example.com>")


async def test_copies_in_the_outbox_are_stored(embedded: Database) -> None:
    await launched(embedded, readers=3, channel="outbox")
    folder = ScriptedTransport(lambda *_: Stored(file="new/1.eml"), channel="outbox")

    assert (await dispatcher(embedded, outlet(folder)).run_until_idle()).stored == 3


async def test_only_the_mailing_asked_for_is_sent(embedded: Database) -> None:
    await launched(embedded, readers=2)
    second = await launched(embedded, send_no=2, claim=THEIRS)

    done = await dispatcher(embedded, outlet(ScriptedTransport())).run_until_idle(second)

    assert done.accepted == 2
    assert await ledger_steps.states(embedded) == ["pending", "pending", "accepted", "accepted"]


async def test_one_readers_refusal_does_not_touch_the_others(database: Database) -> None:
    await launched(database, readers=5)
    relay = ScriptedTransport(lambda who, _n: NO if who.startswith("reader3@") else TAKEN)

    done = await dispatcher(database, outlet(relay)).run_until_idle()

    assert (done.accepted, done.refused) == (4, 1)
    assert (await ledger_steps.states(database))[2] == "refused"


async def test_deferred_copies_are_left_for_later_and_it_says_when(embedded: Database) -> None:
    await launched(embedded, readers=2)
    relay = ScriptedTransport(lambda who, _n: LATER if who.startswith("reader1@") else TAKEN)

    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    assert (done.accepted, done.deferred) == (1, 1)
    assert done.until is not None
    assert NOW + 4 * MINUTE <= done.until <= NOW + 6 * MINUTE


async def test_daemon_sends_again_when_a_deferred_copy_is_due(embedded: Database) -> None:
    of = await launched(embedded, readers=3)
    seen: set[str] = set()

    def greylists(who: str, _number: int) -> object:
        first = who not in seen
        seen.add(who)
        return LATER if first else TAKEN

    stop, relay = asyncio.Event(), ScriptedTransport(greylists)

    def progress(found: Progress) -> None:
        if found.accepted == 3:
            stop.set()

    await dispatcher(embedded, outlet(relay), on_progress=progress).run(stop)

    assert (await ledger_steps.count(embedded, of)).is_finished
    assert len(relay.tried) == 6


async def test_reader_who_unsubscribes_in_the_middle_gets_no_copy(database: Database) -> None:
    await launched(database, readers=40)
    relay = ScriptedTransport()
    last = "reader40@example.com"

    async def unsubscribe_then_wait() -> None:
        if not relay.sent:
            return
        if relay.gate.is_set() and len(relay.sent) == 1:
            relay.gate.clear()
            await ledger_steps.suppress(database, last)
            relay.gate.set()

    relay.pace = unsubscribe_then_wait  # type: ignore[method-assign]
    done = await dispatcher(database, outlet(relay, connections=1), habits={}).run_until_idle()

    assert last not in relay.recipients
    assert (await ledger_steps.states(database))[-1] == "suppressed"
    assert done.accepted == 39


async def test_unknown_acceptance_is_uncertain_and_goes_again_later(embedded: Database) -> None:
    of = await launched(embedded, readers=2)
    relay = ScriptedTransport(lambda who, _n: UNKNOWN if who.startswith("reader1@") else TAKEN)

    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    assert (done.accepted, done.uncertain) == (1, 1)
    assert (await ledger_steps.count(embedded, of)).resending == 1


async def test_unknown_acceptance_is_held_where_staff_want_it_so(embedded: Database) -> None:
    of = await launched(embedded, readers=2)
    relay = ScriptedTransport(lambda who, _n: UNKNOWN if who.startswith("reader1@") else TAKEN)

    await dispatcher(embedded, outlet(relay), habits={"on_uncertain": "hold"}).run_until_idle()

    found = await ledger_steps.count(embedded, of)
    assert (found.held, found.is_finished) == (1, True)


async def test_mistake_of_ours_in_mid_session_leaves_acceptance_unknown(embedded: Database) -> None:
    await launched(embedded, readers=3)
    relay = ScriptedTransport(lambda who, _n: UnicodeError("ordinal") if who.startswith("reader2@") else TAKEN)

    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    assert (done.accepted, done.uncertain) == (2, 1)
    assert (await ledger_steps.rows(embedded))[1].last_text == "UnicodeError: ordinal"


async def test_what_a_dead_process_held_is_sent_once_its_lease_is_over(database: Database) -> None:
    await launched(database, readers=10)
    dead = await ledger_steps.claimed(database, claim=LATE)
    await ledger_steps.intended(database, dead[:1], claim=OURS)
    async with database.write() as tx:
        past = ledger.database.now(timedelta(seconds=-1))
        values = {"state": "sending", "lease_until": past}
        await tx.execute(sa.update(delivery).where(delivery.c.id == dead[0].id).values(values))

    done = await dispatcher(database, outlet(ScriptedTransport())).run_until_idle()

    assert (done.accepted, done.recovered) == (10, 1)
    assert await ledger_steps.tries(database, dead[0]) == [(1, "uncertain", None), (2, "accepted", 250)]


async def test_copies_in_another_live_process_are_waited_for(embedded: Database) -> None:
    await launched(embedded, readers=2)
    copies = await ledger_steps.claimed(embedded, claim=THEIRS, limit=1)
    going = asyncio.create_task(dispatcher(embedded, outlet(ScriptedTransport())).run_until_idle())
    await asyncio.sleep(0.2)
    waited = not going.done()

    await ledger_steps.intended(embedded, copies, claim=THEIRS)
    await ledger_steps.settled(embedded, copies, TAKEN, claim=THEIRS)

    assert waited
    assert (await going).accepted == 1


async def test_two_dispatchers_send_nothing_twice(database: Database) -> None:
    of = await launched(database, readers=120)
    relay = ScriptedTransport()
    one, two = (dispatcher(database, outlet(relay)) for _process in range(2))

    first, second = await asyncio.gather(one.run_until_idle(), two.run_until_idle())

    assert first.accepted + second.accepted == 120
    assert len(set(relay.recipients)) == len(relay.recipients) == 120
    assert (await ledger_steps.count(database, of)).is_finished
