"""The long runs: ten thousand readers, a server that misbehaves, senders that are killed; `make soak` sums them up."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.delivery import journal_steps
from tests.delivery.journal_steps import SLOW_DOT, SOUND, finish, judge, kill_at_random, prepared, tries
from tests.smtp_journal_server import JournalServer, journal_server

READERS = 10_000
KILLS = 20
CONNECTIONS = 8
# A lease that a busy machine does not outlast: only the dead lose their copies.
USUAL = ("--connections", str(CONNECTIONS), "--batch", "200", "--lease", "3")
PATIENCE = 1800

Tally = Callable[..., None]

pytestmark = pytest.mark.soak


async def sent(url: URL, server: JournalServer, *options: str) -> tuple[journal_steps.Verdict, int, int]:
    """Send it all; return the verdict, the faults, and how many copies were taken without an answer."""
    finish(url, server, *USUAL, *options, seconds=PATIENCE)
    unanswered = sum(1 for one in server.taken if not one["answered"])
    assert await journal_steps.differences(url, server) == []
    return judge(server, READERS), len(server.events("fault")), unanswered


@pytest.mark.parametrize("on_uncertain", ["resend", "hold"])
async def test_soak_killed_twenty_times(
    database_url: URL, tmp_path: Path, soak_tally: Tally, on_uncertain: str
) -> None:
    randomness = random.Random(20150713)
    await prepared(database_url, READERS)
    options = (*USUAL, "--on-uncertain", on_uncertain)

    with journal_server(tmp_path, SLOW_DOT) as server:
        for _kill in range(KILLS):
            kill_at_random(database_url, server, randomness, *options, within=READERS // KILLS)
        found, _faults, _unanswered = await sent(database_url, server, "--on-uncertain", on_uncertain)

    said = await journal_steps.states(database_url)
    soak_tally(
        f"kill -9 of the sender, {on_uncertain}, {database_url.get_backend_name()}",
        kills=KILLS,
        losses=len(found.lost) if on_uncertain == "resend" else len(found.lost - await uncertain(database_url)),
        duplicates=found.extra,
        uncertain=said["uncertain"],
    )
    assert found.strangers == set()
    assert found.extra <= (KILLS * CONNECTIONS if on_uncertain == "resend" else 0)
    assert found.lost <= await uncertain(database_url)
    assert said["accepted"] + said["uncertain"] == READERS
    assert said["uncertain"] <= (0 if on_uncertain == "resend" else KILLS * CONNECTIONS)


async def uncertain(url: URL) -> set[str]:
    return await journal_steps.in_state(url, "uncertain")


SERVERS = {
    "F5 closed after the dot, taken": ("dot drop p=0.02 taken=1",),
    "F6 closed after the dot, not taken": ("dot drop p=0.02",),
    "F7 closed, reset and 451 at the dot": (
        "dot drop p=0.01 taken=1",
        "dot reset p=0.01",
        "dot drop p=0.01",
        "dot 451 p=0.01",
    ),
    "F9 reset in the content": ("body reset p=0.02",),
    "F10 421 at every 20th connection and after 100 messages": ("connect 421 every=20", "mail 421 carried=100"),
    "F10 closed without a word after 1,000": ("mail drop carried=1000",),
    "F11 greylisting": ("rcpt 450 first=1 text=4.2.0_greylisted",),
    "F19 unreadable answers": ("dot garbage p=0.005 taken=1", "mail garbage p=0.005", "rcpt garbage p=0.005"),
}


@pytest.mark.parametrize(("name", "rules"), SERVERS.items(), ids=SERVERS.keys())
async def test_soak_of_a_misbehaving_server(
    sqlite_url: URL, tmp_path: Path, soak_tally: Tally, name: str, rules: tuple[str, ...]
) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, *rules, seed=11) as server:
        found, faults, unanswered = await sent(sqlite_url, server)

    unknown = (await journal_steps.outcomes(sqlite_url))["uncertain"]
    soak_tally(name, faults=faults, losses=len(found.lost), duplicates=found.extra, uncertain=unknown)
    assert faults > 0
    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)
    assert found.extra == unanswered
    assert await journal_steps.states(sqlite_url) == {"accepted": READERS}


async def test_soak_of_three_hundred_unknown_readers(sqlite_url: URL, tmp_path: Path, soak_tally: Tally) -> None:
    await prepared(sqlite_url, READERS)

    # Three numbers of each hundred.
    with journal_server(tmp_path, "rcpt 550 match=reader*[135]7@* text=5.1.1_no_such_user") as server:
        found, faults, _unanswered = await sent(sqlite_url, server)

    soak_tally("F12 5xx for 300 known addresses", faults=faults, duplicates=found.extra)
    assert len(found.lost) == faults == 300
    assert found.lost == await journal_steps.in_state(sqlite_url, "refused")
    assert {tries(server)[one] for one in found.lost} == {1}
    assert found.extra == 0


async def test_soak_of_a_server_that_allows_four_connections(
    sqlite_url: URL, tmp_path: Path, soak_tally: Tally
) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, "mail 421 carried=500", SLOW_DOT, most=4) as server:
        found, faults, _unanswered = await sent(sqlite_url, server)
        connections = len(server.events("connect"))

    soak_tally("F16 four connections of eight allowed", faults=faults, duplicates=found.extra)
    assert found == SOUND
    # Those that carry mail, as often as they are ended, and the lanes that ask ever more seldom.
    assert connections <= 2 * READERS // 500 + 80


@pytest.mark.parametrize("seed", [1, 2])
async def test_soak_of_kills_against_a_misbehaving_server_on_both_databases(
    database_url: URL, tmp_path: Path, soak_tally: Tally, seed: int
) -> None:
    randomness = random.Random(seed)
    await prepared(database_url, READERS)
    rules = (
        "dot drop p=0.005 taken=1",
        "dot drop p=0.005",
        "dot 451 p=0.005",
        "body reset p=0.005",
        "rcpt 450 p=0.01",
        "mail 421 carried=100",
        SLOW_DOT,
    )

    with journal_server(tmp_path, *rules, seed=seed) as server:
        for _kill in range(KILLS):
            kill_at_random(database_url, server, randomness, *USUAL, within=READERS // KILLS)
        found, faults, unanswered = await sent(database_url, server)

    soak_tally(
        f"kills and a misbehaving server, seed {seed}, {database_url.get_backend_name()}",
        kills=KILLS,
        faults=faults,
        losses=len(found.lost),
        duplicates=found.extra,
        uncertain=(await journal_steps.outcomes(database_url))["uncertain"],
    )
    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)
    assert found.extra <= KILLS * CONNECTIONS + unanswered
    assert await journal_steps.states(database_url) == {"accepted": READERS}
