"""Senders are killed, stopped and woken at random moments; the server's journal says what came of it.

Never our own report: `loss`, `duplicates` and `strangers` are read from what the server had on disk before it
answered. Seeds are fixed, so a failure can be looked at again.
"""

import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.delivery.journal_steps import (
    CONNECTIONS,
    SLOW_DOT,
    SOUND,
    finish,
    judge,
    kill_at_random,
    ledger_says,
    prepared,
    sending,
    tries,
    wait_for,
)
from tests.smtp_journal_server import journal_server


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
    assert found == SOUND


async def test_two_senders_at_once_repeat_nothing(database_url: URL, tmp_path: Path) -> None:
    readers = 200
    await prepared(database_url, readers)

    with journal_server(tmp_path) as server, sending(database_url, server, "--lease", "30") as other:
        finish(database_url, server, "--lease", "30")
        assert other.wait(timeout=60) == 0
        found = judge(server, readers)

    assert found == SOUND


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
        asked = tries(server)

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

    assert found == SOUND
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
