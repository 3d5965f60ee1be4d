"""What a power loss leaves: database and WAL as they stood at random instants, the WAL's tail cut anywhere."""

import random
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.host_faults.host_offices import SEND, HostOffice, going, host_office, wait_for
from tests.smtp_journal_server import journal_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A copied database, and whose copies were committed as accepted before the copying began."""

    file: Path
    accepted: frozenset[str]

    @property
    def wal(self) -> Path:
        return self.file.with_name(f"{self.file.name}-wal")


def accepted_in(file: Path) -> frozenset[str]:
    with closing(sqlite3.connect(file)) as connection:
        return frozenset(row[0] for row in connection.execute("SELECT address FROM delivery WHERE state = 'accepted'"))


def snapshot(office: HostOffice, running: subprocess.Popen[bytes], into: Path) -> Snapshot:
    """Stop the process wherever it is, also in the middle of a commit, and copy what is on the disk."""
    accepted = accepted_in(office.file)
    running.send_signal(signal.SIGSTOP)
    into.mkdir()
    taken = Snapshot(file=into / office.file.name, accepted=accepted)
    shutil.copyfile(office.file, taken.file)
    shutil.copyfile(f"{office.file}-wal", taken.wal)
    running.send_signal(signal.SIGCONT)
    return taken


def problems_of(taken: Snapshot) -> list[str]:
    with closing(sqlite3.connect(taken.file)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    lost = taken.accepted - accepted_in(taken.file) if taken.accepted else ()
    return [*(one for one in found if one != "ok"), *(f"lost {address}" for address in lost)]


def with_cut_tail(taken: Snapshot, into: Path, randomness: random.Random) -> Snapshot:
    """Return the copy with a WAL that ends anywhere; what was committed in the lost part is not asked for."""
    into.mkdir()
    cut = Snapshot(file=into / taken.file.name, accepted=frozenset())
    shutil.copyfile(taken.file, cut.file)
    content = taken.wal.read_bytes()
    cut.wal.write_bytes(content[: randomness.randrange(len(content) + 1)])
    return cut


@pytest.mark.parametrize(
    ("readers", "instants"), [(60, 8), pytest.param(400, 50, marks=pytest.mark.soak)], ids=["few", "many"]
)
def test_disk_as_it_stood_at_any_instant_opens_and_knows_what_was_committed(
    readers: int, instants: int, tmp_path: Path, soak_tally: Callable[..., None]
) -> None:
    randomness = random.Random(37)
    with journal_server(tmp_path, "dot slow s=0.03") as server:
        office = host_office(tmp_path / "office", server.port, readers=readers)
        snapshots = []
        with going(office.root, *SEND) as running:
            for number in range(instants):
                mark = number * (readers - 10) // instants + randomness.randint(1, 3)
                wait_for(lambda mark=mark: len(server.taken) >= mark)  # type: ignore[misc]
                snapshots.append(snapshot(office, running, tmp_path / f"whole{number}"))
            assert running.wait(timeout=60) == 0
        # A checkpoint flushes the WAL before it writes the file: a tail may be lost only while none has begun.
        before = snapshots[0].file.read_bytes()
        cut = [
            with_cut_tail(one, tmp_path / f"cut{number}", randomness)
            for number, one in enumerate(snapshots)
            if one.file.read_bytes() == before
        ]

    soak_tally("power losses", faults=len(snapshots) + len(cut))
    assert snapshots[-1].accepted
    assert cut
    assert [problem for one in (*snapshots, *cut) for problem in problems_of(one)] == []
