"""The whole daemon (beats, sending, pages) is killed, told to stop or started twice in a scheduled issue."""

import asyncio
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from distributor.operations import worker
from tests.conftest import SetClock
from tests.host_faults.host_offices import (
    CONNECTIONS,
    SEND,
    HostOffice,
    end,
    free_port,
    going,
    host_office,
    stop_in_order,
    wait_for,
)
from tests.offices import office_in
from tests.smtp_journal_server import JournalServer, journal_server

SLOW_DOT = "dot slow s=0.03"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def scheduled_office(root: Path, port: int, *, readers: int) -> HostOffice:
    """A workspace whose slot came half an hour ago; a beat an hour ago has planned it."""
    now = datetime.now(UTC)
    due = (now - timedelta(minutes=30)).astimezone(SHANGHAI)
    office = host_office(
        root,
        port,
        readers=readers,
        changes={
            'when = "每周五 09:00"': f'cron = "{due.minute} {due.hour} * * *"',
            'holiday = "next_workday"': 'holiday = "send"',
            "127.0.0.1:8080": f"127.0.0.1:{free_port()}",
        },
    )
    _date_issue(root / "content" / "2015-055", due)

    async def beat() -> None:
        async with office_in(root, SetClock(now - timedelta(hours=1))) as opened:
            await worker.tick(opened)

    asyncio.run(beat())
    return office


def _date_issue(folder: Path, day: datetime) -> None:
    """Let the issue be of that day; its year is part of every identifier."""
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8").replace("2015-07-10", f"{day:%Y-%m-%d}")
        file.write_text(text.replace("2015-055", f"{day:%Y}-055"), encoding="utf-8")
    folder.rename(folder.with_name(f"{day:%Y}-055"))


def is_finished(office: HostOffice) -> bool:
    """Say whether the scheduled mailing was launched and every copy accepted."""
    return office.states() == {"accepted": len(office.readers)}


def mailings(office: HostOffice) -> int:
    with closing(sqlite3.connect(office.file)) as connection:
        return int(connection.execute("SELECT count(*) FROM mailing").fetchone()[0])


def run_and_kill(office: HostOffice, server: JournalServer, randomness: random.Random) -> None:
    """Start the daemon, kill it somewhere in its next thirty copies, and let what it had in hand become free."""
    mark = len(server.taken) + randomness.randint(1, 30)
    with going(office.root, "run") as running:
        wait_for(lambda: len(server.taken) >= mark or is_finished(office) or running.poll() is not None)
        time.sleep(randomness.random() * 0.03)
        running.send_signal(signal.SIGKILL)
        running.wait()
    office.let_leases_end()


@pytest.mark.parametrize(
    ("kills", "readers"), [pytest.param(3, 120, id="3"), pytest.param(20, 600, id="20", marks=pytest.mark.soak)]
)
def test_daemon_killed_in_a_scheduled_issue_ends_it_by_itself(
    kills: int, readers: int, tmp_path: Path, soak_tally: Callable[..., None]
) -> None:
    randomness = random.Random(kills)
    with journal_server(tmp_path, SLOW_DOT) as server:
        office = scheduled_office(tmp_path / "office", server.port, readers=readers)
        for _kill in range(kills):
            run_and_kill(office, server, randomness)
        with going(office.root, "run") as running:
            wait_for(lambda: is_finished(office))
            code = stop_in_order(running)
        found = office.judge(server)

    soak_tally("kills of the daemon", kills=kills, losses=len(found.lost), duplicates=found.extra)
    assert (code, found.lost, found.strangers, found.are_alike) == (0, frozenset(), frozenset(), True)
    assert found.extra <= kills * CONNECTIONS
    assert (mailings(office), office.is_sound(), office.broken_pages()) == (1, True, [])


@pytest.mark.parametrize(("words", "code"), [(("run",), 0), (SEND, 130)], ids=["run", "send"])
def test_sigterm_ends_in_order_and_the_next_start_goes_on(words: tuple[str, ...], code: int, tmp_path: Path) -> None:
    with journal_server(tmp_path, "dot slow s=0.1") as server:
        office = scheduled_office(tmp_path / "office", server.port, readers=60)
        with going(office.root, *words) as running:
            wait_for(lambda: len(server.taken) >= 10)
            ended = stop_in_order(running)
        stopped, states = len(server.taken), office.states()
        with going(office.root, *words) as resumed:
            wait_for(lambda: is_finished(office) or resumed.poll() not in (None, 0))
            resumed.send_signal(signal.SIGTERM)
            resumed.wait(timeout=60)
        found = office.judge(server)

    assert (ended, states["accepted"], states["sending"]) == (code, stopped, 0)
    assert stopped < 60
    assert (found.lost, found.extra) == (frozenset(), 0)


def test_second_daemon_is_refused_and_nothing_goes_twice(tmp_path: Path) -> None:
    with journal_server(tmp_path, SLOW_DOT) as server:
        office = scheduled_office(tmp_path / "office", server.port, readers=60)
        with going(office.root, "run") as running:
            wait_for(lambda: len(server.taken) >= 5)
            second = end(office.root, "run")
            wait_for(lambda: is_finished(office))
            stop_in_order(running)
        found = office.judge(server)

    assert second.code == 4
    assert (found.lost, found.extra, mailings(office)) == (frozenset(), 0, 1)


def test_send_and_tick_while_the_daemon_sends_repeat_nothing(tmp_path: Path) -> None:
    with journal_server(tmp_path, SLOW_DOT) as server:
        office = scheduled_office(tmp_path / "office", server.port, readers=60)
        with going(office.root, "run") as running:
            wait_for(lambda: len(server.taken) >= 5)
            with going(office.root, "tick") as beat:
                by_hand = end(office.root, *SEND)
                beat.wait(timeout=60)
            wait_for(lambda: is_finished(office))
            stop_in_order(running)
        found = office.judge(server)

    assert by_hand.code == 0
    assert (found.lost, found.extra) == (frozenset(), 0)


def test_send_started_twice_at_once_launches_one_mailing(tmp_path: Path) -> None:
    with journal_server(tmp_path, SLOW_DOT) as server:
        office = host_office(tmp_path / "office", server.port, readers=60)
        with going(office.root, *SEND) as first, going(office.root, *SEND) as second:
            codes = {one.wait(timeout=90) for one in (first, second)}
        last = end(office.root, *SEND)
        found = office.judge(server)

    # The one that comes second while the first prepares is told that another process does it.
    assert codes <= {0, 4}
    assert last.code == 0
    assert (found.lost, found.extra, mailings(office)) == (frozenset(), 0, 1)
