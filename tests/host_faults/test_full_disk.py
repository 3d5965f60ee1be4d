"""The disk is full, in parts or as a whole: nothing leaves that could not be recorded, and it goes on afterwards."""

import errno
import signal
import subprocess
from pathlib import Path

import pytest

from distributor.operations import launches
from tests.faultshim import FOR_EVER, DiskFault, operations
from tests.host_faults.host_offices import (
    CONNECTIONS,
    READERS,
    SEND,
    Commands,
    command,
    end,
    environment,
    going,
    host_office,
    wait_for,
)
from tests.offices import REPOSITORY
from tests.smtp_journal_server import journal_server

SLOW_DOT = "dot slow s=0.05"

PLACES = {
    "database": "/var/distributor.db*",
    "WAL": "/var/distributor.db-wal",
    "shared index": "/var/distributor.db-shm",
    "log of launches": "/var/launches.log",
    "pages": "/var/public/*.html*",
    "feeds": "/var/public/feeds/*",
    "everything": "/var*",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_where_nothing_can_be_recorded_nothing_leaves(place: str, commands: Commands, tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = host_office(tmp_path / "office", server.port)
        fault = DiskFault(
            paths=[f"{office.root}{place}"], kinds=["open", "write", "mkdir"], at=1, times=FOR_EVER, error=errno.ENOSPC
        )
        refused = commands.end(office.root, *SEND, fault=fault)
        left = len(server.taken)
        office.let_leases_end()
        resumed = commands.end(office.root, *SEND)
        found = office.judge(server)

    assert (refused.code, left, refused.indiscretions) == (3, 0, [])
    assert str(office.root) in refused.err
    assert resumed.code == 0
    assert (found.lost, found.extra) == (frozenset(), 0)


@pytest.mark.parametrize("room", [0, 1, 40, 90])
def test_line_that_the_full_disk_cut_short_spoils_no_other(room: int, commands: Commands, tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = host_office(tmp_path / "office", server.port)
        full = DiskFault(paths=[f"{office.root}/var/launches.log"], budget=room)
        refused = commands.end(office.root, *SEND, fault=full)
        left = len(server.taken)
        office.let_leases_end()
        resumed = commands.end(office.root, *SEND)

    assert (refused.code, left, resumed.code) == (3, 0, 0)
    assert [line.issue for line in launches.read(office.root / "var")] == ["2015-055"]


def test_disk_that_has_room_again_after_seconds_costs_no_copy(shim: Path, tmp_path: Path) -> None:
    is_full = tmp_path / "full"
    with journal_server(tmp_path, SLOW_DOT) as server:
        office = host_office(tmp_path / "office", server.port)
        fault = DiskFault(
            paths=[f"{office.root}/var*"],
            kinds=["open", "write"],
            at=1,
            times=FOR_EVER,
            error=errno.ENOSPC,
            only_while=is_full,
            journal=tmp_path / "operations",
        )
        with going(office.root, *SEND, env=environment(shim, fault)) as running:
            wait_for(lambda: len(server.taken) >= 5)
            is_full.touch()
            wait_for((tmp_path / "operations").exists)
            before = len(server.taken)
            is_full.unlink()
            code = running.wait(timeout=60)
        found = office.judge(server)

    assert (code, found.lost, found.extra) == (0, frozenset(), 0)
    assert before < READERS
    assert office.states() == {"accepted": READERS}


ENDLESS = {"full": (errno.ENOSPC, ("open", "write")), "failing": (errno.EIO, ("sync",))}


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        pytest.param(*ENDLESS["full"], id="full"),
        pytest.param(*ENDLESS["failing"], id="failing", marks=pytest.mark.soak),
    ],
)
def test_disk_that_stays_unusable_stops_the_sending_and_the_next_run_goes_on(
    error: int, kinds: tuple[str, ...], shim: Path, tmp_path: Path
) -> None:
    is_full = tmp_path / "full"
    with journal_server(tmp_path, SLOW_DOT) as server:
        office = host_office(tmp_path / "office", server.port)
        fault = DiskFault(
            paths=[f"{office.root}/var*"],
            kinds=kinds,
            at=1,
            times=FOR_EVER,
            error=error,
            only_while=is_full,
            journal=tmp_path / "operations",
        )
        with going(office.root, *SEND, env=environment(shim, fault)) as running:
            wait_for(lambda: len(server.taken) >= 5)
            is_full.touch()
            wait_for((tmp_path / "operations").exists)
            begun = len(server.events("rcpt"))
            code = running.wait(timeout=120)
        is_full.unlink()
        stopped = len(server.events("rcpt"))
        recorded = office.states()["accepted"]
        taken = len(server.taken)
        office.let_leases_end()
        resumed = end(office.root, *SEND)
        found = office.judge(server)

    assert code == 3
    assert stopped - begun <= CONNECTIONS
    assert taken - CONNECTIONS <= recorded <= taken
    assert (resumed.code, found.lost, found.are_alike) == (0, frozenset(), True)
    assert found.extra <= CONNECTIONS


def test_killed_after_a_flush_that_failed_repeats_no_more_than_was_under_way(shim: Path, tmp_path: Path) -> None:
    fails = tmp_path / "fails"
    with journal_server(tmp_path, SLOW_DOT) as server:
        office = host_office(tmp_path / "office", server.port)
        fault = DiskFault(
            paths=[f"{office.root}/var/distributor.db-wal"],
            kinds=["sync"],
            at=1,
            error=errno.EIO,
            only_while=fails,
            journal=tmp_path / "operations",
        )
        with going(office.root, *SEND, env=environment(shim, fault)) as running:
            wait_for(lambda: len(server.taken) >= 5)
            fails.touch()
            wait_for((tmp_path / "operations").exists)
            running.send_signal(signal.SIGKILL)
        is_sound = office.is_sound()
        office.let_leases_end()
        resumed = end(office.root, *SEND)
        found = office.judge(server)

    assert len(operations(tmp_path / "operations")) >= 1
    assert (is_sound, resumed.code, found.lost) == (True, 0, frozenset())
    assert found.extra <= CONNECTIONS


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_log_that_cannot_be_written_stops_no_mail(stream: str, tmp_path: Path) -> None:
    # So slow that the command has progress to tell.
    with journal_server(tmp_path, "dot slow s=0.4") as server, Path("/dev/full").open("wb") as full:
        office = host_office(tmp_path / "office", server.port)
        other = {"stdout": "stderr", "stderr": "stdout"}[stream]
        running = subprocess.run(
            command(office.root, *SEND),
            env=environment(),
            cwd=REPOSITORY,
            timeout=60,
            check=False,
            **{stream: full, other: subprocess.PIPE},  # type: ignore[call-overload]
        )
        found = office.judge(server)

    assert (found.lost, found.extra) == (frozenset(), 0)
    assert office.states() == {"accepted": READERS}
    assert running.returncode in (0, 120), "120: Python's own, for words that are still in its buffer"


def test_account_that_a_script_cannot_read_ends_with_a_fault(tmp_path: Path) -> None:
    with journal_server(tmp_path) as server, Path("/dev/full").open("wb") as full:
        office = host_office(tmp_path / "office", server.port)
        running = subprocess.run(
            command(office.root, *SEND, "--json"),
            env=environment(),
            cwd=REPOSITORY,
            stdout=full,
            timeout=60,
            check=False,
        )
        found = office.judge(server)

    assert running.returncode in (3, 120)
    assert (found.lost, found.extra) == (frozenset(), 0)
