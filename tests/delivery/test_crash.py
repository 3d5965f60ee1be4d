"""Senders are killed, stopped and woken at random moments; the server's journal says what came of it.

Never our own report: `loss`, `duplicates` and `strangers` are read from what the server had on disk before it
answered. Seeds are fixed, so a failure can be looked at again.
"""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from distributor.database import Database
from distributor.delivery.results import NEVER
from tests.delivery import ledger_steps
from tests.smtp_journal_server import JournalServer, journal_server

SENDER = Path(__file__).with_name("crash_sender.py")
ROOT = Path(__file__).parents[2]
CONNECTIONS = 4
SLOW_DOT = "dot slow s=0.004"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the journal says: readers without a copy, extra copies, and whether copies of one reader differ."""

    lost: set[str]
    extra: int
    strangers: set[str]
    are_alike: bool


def judge(server: JournalServer, readers: int) -> Verdict:
    expected = {f"reader{number}@example.com" for number in range(1, readers + 1)}
    copies = Counter(found["recipient"] for found in server.taken)
    kinds = {(found["recipient"], found["message_id"], found["digest"]) for found in server.taken}
    ids = {found["message_id"] for found in server.taken}
    return Verdict(
        lost=expected - copies.keys(),
        extra=sum(copies.values()) - len(copies),
        strangers=copies.keys() - expected,
        are_alike=len(kinds) == len(copies) == len(ids),
    )


def sender(url: URL, server: JournalServer, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(SENDER), url.render_as_string(hide_password=False), str(server.port), *options]
    return subprocess.Popen([*command, "--connections", str(CONNECTIONS)], cwd=ROOT, stderr=subprocess.DEVNULL)


@contextmanager
def sending(url: URL, server: JournalServer, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    running = sender(url, server, *options)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def wait_for(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def finish(url: URL, server: JournalServer, *options: str) -> None:
    with sending(url, server, *options) as running:
        assert running.wait(timeout=120) == 0


def kill_at_random(url: URL, server: JournalServer, randomness: random.Random, *options: str) -> int:
    """Start a sender and kill it somewhere in its next forty copies; return how many it still got through."""
    before = server.path.stat().st_size
    mark = len(server.taken) + randomness.randint(1, 40)
    with sending(url, server, *options) as running:
        wait_for(lambda: len(server.taken) >= mark or running.poll() is not None)
        time.sleep(randomness.random() * 0.01)
        running.send_signal(signal.SIGKILL)
    return server.path.stat().st_size - before


def suspend(running: subprocess.Popen[bytes], url: URL) -> None:
    """Stop a process, but not in the middle of a transaction: SQLite lets nobody else write then."""
    while True:
        running.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(url.database or "", timeout=0.1, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                running.send_signal(signal.SIGCONT)
                time.sleep(0.003)
            else:
                return


async def prepared(url: URL, readers: int) -> None:
    async with Database.open(url) as opened:
        await ledger_steps.launched(opened, readers=readers)


async def ledger_says(url: URL) -> Counter[tuple[str, str]]:
    """Every row's reader and state; accepted ones with the Message-ID that the ledger holds."""
    async with Database.open(url) as opened:
        rows = await ledger_steps.rows(opened)
        assert not [row for row in rows if row.state == "uncertain" and row.due_at != NEVER]
        return Counter((row.address, row.state) for row in rows)


async def test_killed_at_random_loses_nobody_and_repeats_only_what_was_unknown(sqlite_url: URL, tmp_path: Path) -> None:
    kills, readers, randomness = 8, 300, random.Random(20150710)
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, SLOW_DOT) as server:
        for _kill in range(kills):
            kill_at_random(sqlite_url, server, randomness)
        finish(sqlite_url, server)
        found = judge(server, readers)

    assert (found.lost, found.strangers) == (set(), set())
    assert found.extra <= kills * CONNECTIONS
    assert found.are_alike
    states = Counter(state for _address, state in (await ledger_says(sqlite_url)).elements())
    assert states == {"accepted": readers}


async def test_killed_at_random_under_hold_repeats_nothing_and_lists_what_is_unknown(
    sqlite_url: URL, tmp_path: Path
) -> None:
    kills, readers, randomness = 8, 300, random.Random(20150711)
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, SLOW_DOT) as server:
        for _kill in range(kills):
            kill_at_random(sqlite_url, server, randomness, "--on-uncertain", "hold")
        finish(sqlite_url, server, "--on-uncertain", "hold")
        found = judge(server, readers)
        taken = {one["recipient"] for one in server.taken}

    said = await ledger_says(sqlite_url)
    uncertain = {address for address, state in said if state == "uncertain"}
    assert found.extra == 0
    assert found.lost <= uncertain
    assert len(uncertain) <= kills * CONNECTIONS
    assert {address for address, state in said if state == "accepted"} == taken - uncertain


async def test_suspended_sender_that_wakes_after_its_lease_repeats_only_what_was_under_way(
    sqlite_url: URL, tmp_path: Path
) -> None:
    readers = 200
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, "dot slow s=0.01") as server, sending(sqlite_url, server) as suspended:
        wait_for(lambda: len(server.taken) >= 40)
        suspend(suspended, sqlite_url)
        finish(sqlite_url, server)
        suspended.send_signal(signal.SIGCONT)
        assert suspended.wait(timeout=60) == 0
        found = judge(server, readers)

    assert (found.lost, found.are_alike) == (set(), True)
    assert found.extra <= CONNECTIONS
    assert {state for _address, state in await ledger_says(sqlite_url)} == {"accepted"}


async def test_sender_stopped_in_order_repeats_nothing(sqlite_url: URL, tmp_path: Path) -> None:
    readers = 150
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, "dot slow s=0.01") as server:
        with sending(sqlite_url, server) as running:
            wait_for(lambda: len(server.taken) >= 30)
            running.send_signal(signal.SIGTERM)
            assert running.wait(timeout=10) == 0
        stopped_at = len(server.taken)
        finish(sqlite_url, server)
        found = judge(server, readers)

    assert stopped_at < readers
    assert found == Verdict(lost=set(), extra=0, strangers=set(), are_alike=True)


async def test_two_senders_at_once_repeat_nothing(database_url: URL, tmp_path: Path) -> None:
    readers = 200
    await prepared(database_url, readers)

    with journal_server(tmp_path) as server, sending(database_url, server, "--lease", "30") as other:
        finish(database_url, server, "--lease", "30")
        assert other.wait(timeout=60) == 0
        found = judge(server, readers)

    assert found == Verdict(lost=set(), extra=0, strangers=set(), are_alike=True)


FAULTS = {
    "lost after the dot, taken": (("dot drop p=0.05 taken=1",), 1.0),
    "lost after the dot, not taken": (("dot drop p=0.05",), 0.0),
    "lost in the content": (("body reset p=0.05",), 0.0),
    "421 after some messages": (("mail 421 carried=7",), 0.0),
    "421 at every 5th connection": (("connect 421 every=5", "mail 421 carried=4"), 0.0),
    "greylisting": (("rcpt 450 first=1",), 0.0),
    "temporary no at the dot": (("dot 451 p=0.1",), 0.0),
}


@pytest.mark.parametrize(("rules", "repeats"), FAULTS.values(), ids=FAULTS.keys())
async def test_misbehaving_server_loses_nobody(
    sqlite_url: URL, tmp_path: Path, rules: tuple[str, ...], repeats: float
) -> None:
    readers = 80
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, *rules, seed=7) as server:
        finish(sqlite_url, server)
        found = judge(server, readers)
        faults = len(server.events("fault"))

    assert faults > 0
    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)
    assert found.extra == faults * repeats
    assert {state for _address, state in await ledger_says(sqlite_url)} == {"accepted"}


async def test_refused_addresses_are_tried_once_and_the_rest_is_delivered(sqlite_url: URL, tmp_path: Path) -> None:
    readers = 60
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, "rcpt 550 match=reader?@*") as server:
        finish(sqlite_url, server)
        found = judge(server, readers)
        asked = Counter(one["recipient"] for one in server.events("rcpt"))

    refused = {address for address, state in await ledger_says(sqlite_url) if state == "refused"}
    assert refused == found.lost == {f"reader{number}@example.com" for number in range(1, 10)}
    assert {asked[address] for address in refused} == {1}


async def test_server_that_allows_two_connections_gets_two(sqlite_url: URL, tmp_path: Path) -> None:
    readers = 80
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, "dot slow s=0.01", most=2) as server:
        finish(sqlite_url, server)
        found = judge(server, readers)
        connections = len(server.events("connect"))

    assert found == Verdict(lost=set(), extra=0, strangers=set(), are_alike=True)
    assert connections <= 12


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
async def test_soak_of_kills_against_a_misbehaving_server(database_url: URL, tmp_path: Path, seed: int) -> None:
    kills, readers, randomness = 8, 250, random.Random(seed)
    await prepared(database_url, readers)
    rules = (
        "dot drop p=0.01 taken=1",
        "dot drop p=0.01",
        "body reset p=0.01",
        "rcpt 450 p=0.02",
        "mail 421 carried=50",
        SLOW_DOT,
    )

    with journal_server(tmp_path, *rules, seed=seed) as server:
        for _kill in range(kills):
            kill_at_random(database_url, server, randomness)
        finish(database_url, server)
        found = judge(server, readers)
        unanswered = sum(1 for one in server.taken if not one["answered"])

    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)
    assert found.extra <= kills * CONNECTIONS + unanswered
    assert {state for _address, state in await ledger_says(database_url)} == {"accepted"}
