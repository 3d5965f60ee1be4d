"""Servers that end, refuse, limit or delay connections, and outages; the journal is the evidence."""

import asyncio
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.database import Database
from distributor.delivery.runs import Progress
from distributor.delivery.servers import Server
from distributor.delivery.transport import SmtpTransport
from distributor.delivery.ways import Outlet
from distributor.schema import attempt, delivery
from tests.delivery import journal_steps, ledger_steps
from tests.delivery.dispatch_steps import PassingClock, compose, dispatcher
from tests.delivery.journal_steps import CONNECTIONS, SOUND, address, finish, judge, prepared, tries
from tests.smtp_journal_server import HOST, JournalServer, journal_server

READERS = 120
LIFE = timedelta(hours=48)


def relay(server: JournalServer, host: str = HOST) -> Outlet:
    transport = SmtpTransport(Server(host=host, port=server.port, security="plaintext"))
    return Outlet(transport=transport, connections=CONNECTIONS, compose=compose, allows=lambda address: True)


def most_at_once(server: JournalServer) -> int:
    return max(int(one["standing"]) for one in server.events("connect"))


ENDINGS = {
    "421 at every 20th connection": ("connect 421 every=20", "mail 421 carried=3"),
    "421 after ten messages": ("mail 421 carried=10",),
    "4xx after ten messages": ("mail 450 carried=10",),
    "closed without a word after 25": ("mail drop carried=25",),
    "reset without a word after 25": ("mail reset carried=25",),
}


@pytest.mark.parametrize("rules", ENDINGS.values(), ids=ENDINGS.keys())
async def test_server_that_ends_connections_is_connected_to_again_and_nobody_gets_two(
    sqlite_url: URL, tmp_path: Path, rules: tuple[str, ...]
) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, *rules) as server:
        finish(sqlite_url, server)
        found, faults = judge(server, READERS), len(server.events("fault"))

    assert faults > 0
    assert found == SOUND
    # Not from the beginning again: nobody is named a second time but the one at whom a connection ended.
    assert sum(tries(server).values()) <= READERS + faults
    assert await journal_steps.differences(sqlite_url, server) == []


async def test_tarpit_gets_no_more_connections_than_are_set(sqlite_url: URL, tmp_path: Path) -> None:
    await prepared(sqlite_url, 40)

    with journal_server(tmp_path, "connect slow s=0.2", "rcpt slow s=0.05", "dot slow s=0.1") as server:
        finish(sqlite_url, server, "--connections", "8", "--lease", "30")
        found, most = judge(server, 40), most_at_once(server)

    assert found == SOUND
    assert most == 8


async def test_server_that_allows_four_connections_is_not_hammered_for_eight(sqlite_url: URL, tmp_path: Path) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, "dot slow s=0.03", most=4) as server:
        finish(sqlite_url, server, "--connections", "8")
        found, connections = judge(server, READERS), len(server.events("connect"))

    assert found == SOUND
    assert connections <= 4 + 4 * 4
    assert set(tries(server).values()) == {1}


async def test_server_that_wants_it_slower_gets_it_slower(sqlite_url: URL, tmp_path: Path) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, "rcpt 450 faster=50 text=4.7.1_too_many_messages") as server:
        finish(sqlite_url, server, "--rest", "0.6", "--poll", "7200")
        found, faults = judge(server, READERS), len(server.events("fault"))

    assert faults > 0
    assert found == SOUND
    assert max(tries(server).values()) <= 8
    assert await journal_steps.differences(sqlite_url, server) == []


@pytest.mark.parametrize("action", ["drop", "421"])
async def test_outage_makes_us_wait_longer_each_time_and_charges_nobody(
    embedded: Database, sqlite_url: URL, tmp_path: Path, action: str
) -> None:
    readers, faults, clock, stop = 40, 8, PassingClock(), asyncio.Event()
    await ledger_steps.launched(embedded, readers=readers)
    ends: dict[datetime, datetime] = {}

    def told(progress: Progress) -> None:
        if progress.until is not None:
            ends.setdefault(progress.until, clock.now())
        if progress.accepted == readers:
            stop.set()

    with journal_server(tmp_path, f"connect {action} until={faults}") as server:
        await dispatcher(embedded, relay(server), clock=clock, on_progress=told).run(stop)
        found, connections = judge(server, readers), len(server.events("connect"))

    minutes = [round((end - begun) / timedelta(minutes=1)) for end, begun in ends.items()]
    # Three faults in a row, then one after each rest.
    assert minutes == [1, 5, 15, 30, 30, 30]
    assert connections <= faults + CONNECTIONS
    assert found == SOUND
    assert await journal_steps.attempts(sqlite_url) == {}


async def test_reader_turned_away_for_almost_two_days_still_gets_it(sqlite_url: URL, tmp_path: Path) -> None:
    readers = 12
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, "rcpt 451 first=8 text=4.3.0_try_later") as server:
        finish(sqlite_url, server)
        found = judge(server, readers)

    assert found == SOUND
    assert set(tries(server).values()) == {9}


async def test_nothing_expires_before_two_days_of_trying(sqlite_url: URL, tmp_path: Path) -> None:
    readers = 12
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, f"rcpt 451 match={address(3)} text=4.3.0_try_later") as server:
        finish(sqlite_url, server)
        found = judge(server, readers)

    assert found.lost == {address(3)} == await journal_steps.in_state(sqlite_url, "expired")
    async with Database.open(sqlite_url) as opened, opened.read() as connection:
        of = sa.select(attempt.c.at).join(delivery, delivery.c.id == attempt.c.delivery)
        moments = list(await connection.scalars(of.where(delivery.c.address == address(3)).order_by(attempt.c.at)))
    assert moments[-1] - moments[0] >= LIFE
    assert len(moments) == tries(server)[address(3)] <= 12


async def test_relay_whose_name_is_not_found_charges_nobody_and_is_asked_again(
    embedded: Database, sqlite_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers, clock, stop = 20, PassingClock(), asyncio.Event()
    await ledger_steps.launched(embedded, readers=readers)
    look_up, reasons = socket.getaddrinfo, set[str]()
    failures = [socket.gaierror(-2, "Name or service not known")] * 4

    def unknown_at_first(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return look_up(*arguments, **options)

    def told(progress: Progress) -> None:
        reasons.add(progress.reason)
        if progress.accepted == readers:
            stop.set()

    monkeypatch.setattr(socket, "getaddrinfo", unknown_at_first)
    with journal_server(tmp_path) as server:
        await dispatcher(embedded, relay(server, "localhost"), clock=clock, on_progress=told).run(stop)
        found = judge(server, readers)

    assert [reason for reason in reasons if "Name or service not known" in reason]
    assert clock.now() - ledger_steps.NOW >= timedelta(minutes=1)
    assert found == SOUND
    assert await journal_steps.attempts(sqlite_url) == {}
