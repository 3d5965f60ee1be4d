import asyncio

import pytest

from distributor.database import Database
from distributor.delivery import commits, ledger
from distributor.delivery.commits import Commits, Committed
from distributor.delivery.limits import Destinations
from distributor.delivery.lines import Held, Lines
from distributor.delivery.ways import Way
from distributor.errors import DatabaseFault
from tests.delivery import ledger_steps
from tests.delivery.dispatch_steps import PassingClock, ScriptedTransport, outlet
from tests.delivery.ledger_steps import OURS, RESEND, TAKEN, launched


def writer(database: Database, told: list[Committed]) -> Commits:
    clock, lines = PassingClock(), Lines(Destinations())
    return Commits(
        opened=database, lines=lines, clock=clock, policy=RESEND, told=told.append, sleep=clock.sleep, enough=8
    )


async def held(database: Database, readers: int) -> list[Held]:
    await launched(database, readers=readers)
    lines = Lines(Destinations())
    return [lines.hold(copy, OURS) for copy in await ledger_steps.claimed(database)]


async def test_what_arrives_together_is_written_in_one_transaction(embedded: Database) -> None:
    told: list[Committed] = []
    copies, way = await held(embedded, 8), Way(outlet=outlet(ScriptedTransport()))
    one = writer(embedded, told)
    running = asyncio.create_task(one.run())
    leaves = await asyncio.gather(*(one.ask(way, [copy]) for copy in copies))

    for copy in copies[:5]:
        one.settle(way, copy, TAKEN, "<1@example.com>")
    one.release(copies[5])
    one.close()
    await running

    assert leaves == [["go"]] * 8
    assert [(len(done.results), len(done.released)) for done in told] == [(0, 0), (5, 1)]
    assert await ledger_steps.states(embedded) == ["accepted"] * 5 + ["pending"] + ["sending"] * 2


async def test_so_many_asking_are_written_while_the_others_send(embedded: Database) -> None:
    told: list[Committed] = []
    copies, way = await held(embedded, 8), Way(outlet=outlet(ScriptedTransport()))
    one = writer(embedded, told)
    one.enough = 4
    running = asyncio.create_task(one.run())

    leaves = await asyncio.gather(*(one.ask(way, [copy]) for copy in copies))

    one.close()
    await running
    assert (leaves, len(told)) == ([["go"]] * 8, 2)


async def test_intent_is_durable_when_leave_is_given(embedded: Database) -> None:
    copies, way = await held(embedded, 1), Way(outlet=outlet(ScriptedTransport()))
    one = writer(embedded, [])
    running = asyncio.create_task(one.run())

    await one.ask(way, [copies[0]])

    assert await ledger_steps.states(embedded) == ["sending"]
    one.close()
    await running


async def test_nobody_gets_leave_once_the_writer_has_stopped(
    embedded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise DatabaseFault("database or disk is full")

    monkeypatch.setattr(ledger, "intend", full)
    copies, way = await held(embedded, 2), Way(outlet=outlet(ScriptedTransport()))
    one = writer(embedded, [])
    running = asyncio.create_task(one.run())

    for copy in copies:
        with pytest.raises(DatabaseFault):
            await one.ask(way, [copy])

    with pytest.raises(DatabaseFault):
        await running


async def test_step_is_repeated_while_the_database_fails() -> None:
    clock, failures = PassingClock(), iter([True, True, False])

    async def step() -> str:
        if next(failures):
            raise DatabaseFault("locked")
        return "done"

    assert await commits.persistently(step, clock.sleep) == "done"
    assert clock.slept == list(commits.DATABASE_WAITS[:2])
