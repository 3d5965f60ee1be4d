"""`distributor run` under a clock that is moved: libfaketime shifts the wall clock and leaves the monotonic one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.daemons.weeks import MEMBERS, PARTNERS, ZONE, Trial, trial
from tests.offices import write_issue
from tests.smtp_journal_server import journal_server

FRIDAY_NINE = datetime(2024, 6, 14, 9, tzinfo=ZONE)
EVERYBODY = frozenset((7, reader) for reader in MEMBERS + PARTNERS)
PATIENCE = 30.0


class Shifted:
    """A daemon and the file that says how far its clock is off."""

    def __init__(self, office: Trial, offset: Path, daemon: subprocess.Popen[bytes]) -> None:
        self.office = office
        self._offset = offset
        self._daemon = daemon

    def set_clock(self, moment: datetime) -> None:
        shift(self._offset, moment)

    def look(self) -> None:
        """Ask for a beat now instead of within twenty seconds, and give it time."""
        self._daemon.send_signal(signal.SIGHUP)
        time.sleep(1.5)

    def look_until(self, arrived: frozenset[tuple[int, str]]) -> None:
        until = time.monotonic() + PATIENCE
        while self.office.arrived() != arrived and time.monotonic() < until:
            self.look()


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
            time.sleep(2)
            yield Shifted(office, offset, daemon)
        finally:
            daemon.terminate()
            daemon.communicate(timeout=30)


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
        daemon.set_clock(FRIDAY_NINE + timedelta(minutes=1))
        daemon.look_until(EVERYBODY)
        for moved in (timedelta(hours=-2), timedelta(minutes=1), timedelta(days=-7), timedelta(minutes=5)):
            daemon.set_clock(FRIDAY_NINE + moved)
            daemon.look()
            daemon.look()

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
