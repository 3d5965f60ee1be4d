"""`distributor run` under a clock that is moved: libfaketime shifts the wall clock and leaves the monotonic one.

Nothing here waits for a length of time: the daemon's own row tells when a beat began, the server's journal what went.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.daemons.weeks import MEMBERS, PARTNERS, ZONE, Trial, trial
from tests.offices import write_issue
from tests.smtp_journal_server import journal_server

FRIDAY_NINE = datetime(2024, 6, 14, 9, tzinfo=ZONE)
EVERYBODY = frozenset((7, reader) for reader in MEMBERS + PARTNERS)
PATIENCE = 240.0
"""Seconds after which something has gone wrong, on a machine that is busy with much else."""
WHOLE_BEAT = 2
"""Beats come one after the other: when the second has written its row, the first has looked at everything and ended."""


class Shifted:
    """A daemon and the file that says how far its clock is off."""

    def __init__(self, office: Trial, offset: Path, daemon: subprocess.Popen[bytes]) -> None:
        self.office = office
        self._offset = offset
        self._daemon = daemon

    def set_clock(self, moment: datetime) -> None:
        shift(self._offset, moment)

    def look(self) -> None:
        """Ask for a beat now instead of within twenty seconds, and wait until a whole one is over."""
        for _ in range(WHOLE_BEAT):
            before = self._last_beat()
            self._daemon.send_signal(signal.SIGHUP)
            self._wait_for(lambda seen=before: self._last_beat() != seen)  # type: ignore[misc]  # bound at once

    def look_until(self, arrived: frozenset[tuple[int, str]]) -> None:
        self.look()
        self._wait_for(lambda: self.office.arrived() == arrived)

    def _wait_for(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not holds():
            assert self._daemon.poll() is None, "the daemon ended"
            assert time.monotonic() < until, "it did not come to that"
            time.sleep(0.05)

    def _last_beat(self) -> str:
        """Return the moment its row bears, by its own clock; empty before its first beat."""
        file = self.office.root / "var/distributor.db"
        if not file.exists():
            return ""
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'daemon'").fetchone():
                return ""
            row = connection.execute("SELECT beat_at FROM daemon WHERE pid = ?", [self._daemon.pid]).fetchone()
            return str(row[0]) if row else ""


def shift(offset: Path, moment: datetime) -> None:
    fresh = offset.with_suffix(".new")
    fresh.write_text(f"{int(moment.timestamp() - time.time()):+d}\n", encoding="ascii")
    fresh.replace(offset)


def library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("no libfaketime here: apt-get install faketime")
    return found[0]


@contextmanager
def running(office: Trial, offset: Path) -> Iterator[Shifted]:
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "LC_ALL": "C",
    }
    command = [sys.executable, "-m", "distributor", "--root", str(office.root), "run"]
    with (office.root / "run.log").open("ab") as log:
        daemon = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log)
        try:
            assert daemon.stdout is not None
            assert daemon.stdout.readline(), "it ended at once"
            yield Shifted(office, offset, daemon)
        finally:
            daemon.terminate()
            daemon.communicate(timeout=PATIENCE)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Trial]:
    with journal_server(tmp_path) as server:
        office = trial(tmp_path, server, "sqlite:///var/distributor.db")
        write_issue(office.root, 7, date="2024-06-14", sections=("policy",))
        yield office


@pytest.fixture
def offset(tmp_path: Path) -> Path:
    path = tmp_path / "offset"
    shift(path, FRIDAY_NINE - timedelta(minutes=30))
    return path


@pytest.mark.slow
def test_clock_that_jumps_over_the_slot_sends_at_the_next_beat(office: Trial, offset: Path) -> None:
    with running(office, offset) as daemon:
        daemon.look()
        before = office.arrived()
        daemon.set_clock(FRIDAY_NINE + timedelta(hours=1))
        daemon.look_until(EVERYBODY)

    assert before == frozenset()
    assert office.copies() == dict.fromkeys(EVERYBODY, 1)


@pytest.mark.slow
def test_clock_that_is_set_back_sends_nothing_twice(office: Trial, offset: Path) -> None:
    with running(office, offset) as daemon:
        daemon.look()
        daemon.set_clock(FRIDAY_NINE + timedelta(minutes=1))
        daemon.look_until(EVERYBODY)
        for moved in (timedelta(hours=-2), timedelta(minutes=1), timedelta(days=-7), timedelta(minutes=5)):
            daemon.set_clock(FRIDAY_NINE + moved)
            daemon.look()

    assert office.copies() == dict.fromkeys(EVERYBODY, 1)


@pytest.mark.slow
def test_clock_that_is_set_back_before_the_slot_costs_nothing(office: Trial, offset: Path) -> None:
    with running(office, offset) as daemon:
        daemon.look()
        daemon.set_clock(FRIDAY_NINE - timedelta(hours=3))
        daemon.look()
        before = office.arrived()
        daemon.set_clock(FRIDAY_NINE + timedelta(minutes=1))
        daemon.look_until(EVERYBODY)

    assert before == frozenset()
    assert office.copies() == dict.fromkeys(EVERYBODY, 1)


@pytest.mark.slow
def test_clock_that_was_wrong_at_the_start_is_put_right_and_the_slot_goes(office: Trial, offset: Path) -> None:
    shift(offset, FRIDAY_NINE - timedelta(days=400))
    with running(office, offset) as daemon:
        daemon.look()
        daemon.set_clock(FRIDAY_NINE - timedelta(minutes=2))
        daemon.look()
        before = office.arrived()
        daemon.set_clock(FRIDAY_NINE + timedelta(minutes=2))
        daemon.look_until(EVERYBODY)

    assert before == frozenset()
    assert office.copies() == dict.fromkeys(EVERYBODY, 1)
