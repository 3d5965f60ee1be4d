"""A sender killed again and again before it has got anywhere; the server's journal says what came of it."""

import random
import signal
import time
from pathlib import Path

from sqlalchemy.engine import URL

from tests.delivery import journal_steps
from tests.delivery.journal_steps import CONNECTIONS, SLOW_DOT, finish, judge, prepared, sending, wait_for
from tests.smtp_journal_server import JournalServer, journal_server


def kill_early(url: URL, server: JournalServer, report: Path, seconds: float) -> None:
    """Kill a sender so long after it began to open its database."""
    ready = report.stat().st_size if report.exists() else 0
    with sending(url, server, "--report", str(report)) as running:
        wait_for(lambda: report.exists() and report.stat().st_size > ready)
        time.sleep(seconds)
        running.send_signal(signal.SIGKILL)


async def test_killed_while_it_starts_and_claims_loses_nobody(sqlite_url: URL, tmp_path: Path) -> None:
    kills, readers, randomness = 12, 200, random.Random(20150712)
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, SLOW_DOT) as server:
        for _kill in range(kills):
            kill_early(sqlite_url, server, tmp_path / "report.jsonl", randomness.uniform(0.01, 0.3))
        finish(sqlite_url, server)
        found = judge(server, readers)

    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)
    assert found.extra <= kills * CONNECTIONS
    assert await journal_steps.states(sqlite_url) == {"accepted": readers}
    assert await journal_steps.differences(sqlite_url, server) == []
