"""PostgreSQL goes away in the middle of a send: the server's journal says that nobody was lost and nobody mailed twice.

What is in a sender's memory when the database fails (results, who has leave) outlives it, so that a sender which
goes on repeats nothing at all. The bound of one copy for each connection is for a sender that had to end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.delivery.journal_steps import (
    CONNECTIONS,
    SOUND,
    Verdict,
    differences,
    judge,
    prepared,
    sending,
    states,
    wait_for,
)
from tests.postgresql_faults.own_server import OwnServer, database_on
from tests.postgresql_proxy import Cut, commit_proxy
from tests.smtp_journal_server import JournalServer, journal_server

pytestmark = pytest.mark.postgresql
LEASE = ("--lease", "30")
CUTS: tuple[Cut, ...] = ("unsent", "unanswered")


def finish(url: URL, server: JournalServer, *options: str) -> int:
    """Start senders one after the other until one ends well; return how many did not."""
    for failed in range(5):
        with sending(url, server, *options) as running:
            if running.wait(timeout=120) == 0:
                return failed
    raise AssertionError("no sender ever ended well")


async def send_across_restarts(server: OwnServer, url: URL, folder: Path, restarts: int) -> Verdict:
    """Send to 300 readers while the server is pulled down so many times; the ledger must agree with the journal."""
    readers = 300
    await prepared(url, readers)
    with journal_server(folder, "dot slow s=0.01") as mail:
        with sending(url, mail, *LEASE) as running:
            for number in range(restarts):
                wait_for(lambda mark=(number + 1) * 60: len(mail.taken) >= mark)  # type: ignore[misc]
                server.restart()
            has_gone_on = running.wait(timeout=120) == 0
        finish(url, mail, "--lease", "0.6")
        found = judge(mail, readers)
        assert await differences(url, mail) == []
    assert await states(url) == {"accepted": readers}
    assert found.extra <= (0 if has_gone_on else restarts * CONNECTIONS)
    return found


async def test_server_restarted_in_the_middle_of_a_send_loses_nobody(
    server: OwnServer, url: URL, tmp_path: Path
) -> None:
    found = await send_across_restarts(server, url, tmp_path, 1)

    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)


@pytest.mark.soak
async def test_soak_of_server_restarts(
    server: OwnServer, url: URL, tmp_path: Path, soak_tally: Callable[..., None]
) -> None:
    restarts = 4

    found = await send_across_restarts(server, url, tmp_path, restarts)

    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)
    soak_tally("PostgreSQL restarted", faults=restarts, losses=len(found.lost), duplicates=found.extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of a send through a proxy: senders that ended badly, commits seen and commits cut off."""

    failed: int
    commits: int
    cut_off: list[int]
    verdict: Verdict


async def send_through(url: URL, folder: Path, cut: Cut, chosen: Callable[[int], bool]) -> Sent:
    """Send to thirty readers by way of a proxy that cuts the chosen commits off."""
    readers = 30
    await prepared(url, readers)
    with journal_server(folder) as mail, commit_proxy(url, cut, chosen) as proxy:
        failed = finish(proxy.url(url), mail, *LEASE)
        assert await differences(url, mail) == []
        verdict = judge(mail, readers)
    assert await states(url) == {"accepted": readers}
    return Sent(failed=failed, commits=proxy.commits, cut_off=proxy.cut_off, verdict=verdict)


@pytest.mark.parametrize("cut", CUTS)
async def test_sender_goes_on_after_a_connection_was_reset_at_commit(url: URL, tmp_path: Path, cut: Cut) -> None:
    sent = await send_through(url, tmp_path, cut, lambda number: number in (4, 9))

    assert (sent.verdict, sent.failed, sent.cut_off) == (SOUND, 0, [4, 9])


@pytest.mark.parametrize("cut", CUTS)
async def test_reset_while_the_database_is_opened_ends_the_sender_and_the_next_one_sends(
    url: URL, tmp_path: Path, cut: Cut
) -> None:
    sent = await send_through(url, tmp_path, cut, lambda number: number == 1)

    assert (sent.verdict, sent.failed, sent.cut_off) == (SOUND, 1, [1])


@pytest.mark.soak
@pytest.mark.parametrize("cut", CUTS)
async def test_soak_of_a_reset_at_every_commit(
    server: OwnServer, tmp_path: Path, cut: Cut, soak_tally: Callable[..., None]
) -> None:
    """For every N a send of its own, in which commit N is cut off, until a send has fewer commits than that."""
    extra, number = 0, 0
    while True:
        number += 1
        (tmp_path / str(number)).mkdir()
        with database_on(server) as url:
            sent = await send_through(url, tmp_path / str(number), cut, {number}.__contains__)
        assert (sent.verdict.lost, sent.verdict.strangers, sent.verdict.are_alike) == (set(), set(), True)
        assert sent.verdict.extra <= (CONNECTIONS if sent.failed else 0), f"commit {number}"
        extra += sent.verdict.extra
        if not sent.cut_off:
            break
    assert number > 10
    soak_tally(f"PostgreSQL reset at every COMMIT ({cut})", faults=number - 1, duplicates=extra)
