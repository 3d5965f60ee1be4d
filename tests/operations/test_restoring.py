"""A backup from the middle of a mailing is restored: nobody is lost, and nobody mailed twice unless a person says so.

The command line as the how-to has it, on both databases; the mail server's journal is the evidence.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.cli.app import run
from distributor.database import Database, database_url, now
from distributor.operations.workspace import open_workspace
from distributor.schema import delivery, seat
from tests.conftest import SetClock
from tests.delivery.journal_steps import CONNECTIONS, address, judge, wait_for
from tests.offices import REPOSITORY, write_issue, write_list, write_workspace
from tests.smtp_journal_server import JournalServer, journal_server

READERS = 160
SEND = ("send", "55", "--list", "members")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A workspace whose mailing to `READERS` is under way or done, and the server that it goes to."""

    root: Path
    mail: JournalServer

    def __call__(self, *words: str) -> int:
        return run(["--root", str(self.root), *words])

    def taken(self) -> Counter[str]:
        return Counter(one["recipient"] for one in self.mail.taken)


@contextmanager
def sending(house: House) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "distributor", "--root", str(house.root), *SEND]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env={**os.environ, "DISTRIBUTOR_LANG": "en"}, stdout=subprocess.DEVNULL
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def restored(house: House, archive: Path, *, database: dict[str, str] | None = None) -> House:
    """Unpack an archive into an empty folder, and the newest launches.log over the older one in it."""
    folder = archive.with_name("restored")
    folder.mkdir(mode=0o700)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (folder / "var").mkdir(exist_ok=True)
    shutil.copy(house.root / "var" / "launches.log", folder / "var" / "launches.log")
    settings = folder / "distributor.toml"
    for old, new in (database or {}).items():
        settings.write_text(settings.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return House(root=folder, mail=house.mail)


def url_of(house: House) -> URL:
    return database_url(open_workspace(house.root, SetClock(), {}).settings.database.url, house.root)


def copies(house: House) -> dict[str, str]:
    """Every copy's state in the ledger, by address."""

    async def read() -> dict[str, str]:
        async with Database.open(url_of(house)) as database, database.read() as connection:
            rows = await connection.execute(sa.select(delivery.c.address, delivery.c.state))
            return {row.address: row.state for row in rows}

    return asyncio.run(read())


def later(house: House) -> House:
    """Let the minutes pass that a restore takes: no lease of the process that was backed up lasts so long."""

    async def end_leases() -> None:
        async with Database.open(url_of(house)) as database, database.write() as tx:
            for leased in (delivery, seat):
                await tx.execute(sa.update(leased).values(lease_until=now(timedelta(minutes=-5))))

    asyncio.run(end_leases())
    return house


def addresses_in_state(house: House, *states: str) -> set[str]:
    return {reader for reader, state in copies(house).items() if state in states}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with journal_server(tmp_path, "dot slow s=0.1") as mail:
        yield write_house(tmp_path / "office", mail)


def write_house(root: Path, mail: JournalServer, database: str = "sqlite:///var/distributor.db") -> House:
    smtp = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{mail.port}"\nconnections = {CONNECTIONS}\n'
    # No operators: what the server takes are the readers' copies alone.
    kept = {'transport = "smtp"': 'transport = "smtp"', 'operators = ["ops@example.com"]': "operators = []"}
    changes = kept | {"sqlite:///var/distributor.db": database}
    write_workspace(root, changes=changes, more=smtp)
    write_issue(root, 55)
    write_list(root, "members", {address(number): "" for number in range(1, READERS + 1)})
    return House(root=root, mail=mail)


def killed_after_backup(house: House, back_up: Callable[[], object]) -> None:
    """Begin the mailing, back up in its middle, and kill the sender some copies later."""
    with sending(house) as running:
        wait_for(lambda: len(house.mail.taken) >= 10)
        back_up()
        mark = len(house.mail.taken) + 20
        wait_for(lambda: len(house.mail.taken) >= mark)
        running.send_signal(signal.SIGKILL)
        running.wait()
    # The server still takes what it had in hand.
    wait_for(lambda: time.time() - house.mail.path.stat().st_mtime > 0.5)
    assert len(house.mail.taken) < READERS


def mails_nobody(house: House) -> bool:
    """Say whether nothing goes out by itself: neither by the schedule nor when somebody sends again."""
    before = len(house.mail.taken)
    house("tick")
    house(*SEND)
    return len(house.mail.taken) == before


def test_backups_taken_during_a_send_each_hold_one_consistent_account(house: House, tmp_path: Path) -> None:
    done: list[Path] = []
    with sending(house) as running:
        wait_for(lambda: len(house.mail.taken) >= 1)
        while running.poll() is None and len(done) < 4:
            done.append(tmp_path / f"b{len(done)}.tar.gz")
            assert house("backup", str(done[-1])) == 0
            mark = min(len(house.mail.taken) + 20, READERS)
            wait_for(lambda mark=mark: len(house.mail.taken) >= mark)  # type: ignore[misc]
        assert running.wait(timeout=60) == 0

    accounts = []
    for number, archive in enumerate(done):
        (tmp_path / str(number)).mkdir()
        copy = restored(house, Path(shutil.move(archive, tmp_path / str(number))))
        assert copy("status") == 0  # holds the sum of the states against the plan
        accounts.append(addresses_in_state(copy, "accepted"))
    assert len(done) >= 3
    assert all(len(copies(House(root=tmp_path / str(n) / "restored", mail=house.mail))) == READERS for n in range(3))
    assert all(older < newer for older, newer in pairwise(accounts))
    assert judge(house.mail, READERS).extra == 0


def test_restored_over_a_mailing_that_was_killed_waits_for_a_person_who_lets_it_go_on(
    house: House, tmp_path: Path
) -> None:
    killed_after_backup(house, lambda: house("backup", str(tmp_path / "b.tar.gz"), "--with-content"))
    before = house.taken()
    copy = later(restored(house, tmp_path / "b.tar.gz"))
    known = addresses_in_state(copy, "accepted")

    assert mails_nobody(copy)
    assert copy("resume", "1") == 0
    assert copy(*SEND) == 0

    found, repeated = judge(house.mail, READERS), {reader for reader, count in house.taken().items() if count > 1}
    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)
    assert repeated == before.keys() - known
    assert set(house.taken().values()) == {1, 2}


def test_restored_over_a_mailing_that_was_killed_waits_for_a_person_who_ends_it(house: House, tmp_path: Path) -> None:
    killed_after_backup(house, lambda: house("backup", str(tmp_path / "b.tar.gz"), "--with-content"))
    before = house.taken()
    copy = later(restored(house, tmp_path / "b.tar.gz"))

    assert copy("cancel", "1", "--yes") == 0

    assert mails_nobody(copy)
    assert house.taken() == before


def test_backup_from_the_middle_restored_after_the_end_mails_nobody_by_itself(house: House, tmp_path: Path) -> None:
    with sending(house) as running:
        wait_for(lambda: len(house.mail.taken) >= 10)
        assert house("backup", str(tmp_path / "b.tar.gz"), "--with-content") == 0
        assert running.wait(timeout=60) == 0
    copy = later(restored(house, tmp_path / "b.tar.gz"))

    assert mails_nobody(copy)

    assert set(house.taken().values()) == {1}
    assert len(house.taken()) == READERS
    assert addresses_in_state(copy, "accepted") < house.taken().keys()


def test_backup_from_before_the_launch_is_held_by_the_newer_log_until_one_command_decides(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.cli.console.LANGUAGE", "en")
    assert house("subscribers", "sync", "--yes") == 0
    assert house("backup", str(tmp_path / "b.tar.gz"), "--with-content") == 0
    with sending(house) as running:
        assert running.wait(timeout=60) == 0
    copy = restored(house, tmp_path / "b.tar.gz")

    assert mails_nobody(copy)
    capsys.readouterr()
    assert copy(*SEND) == 4
    assert "launches.log says that 2015-055 went to members" in (said := capsys.readouterr().err)
    assert "--despite-log" in said
    assert copy(*SEND, "--despite-log") == 0

    assert set(house.taken().values()) == {2}
    assert judge(house.mail, READERS).lost == set()


def _tool(name: str) -> str:
    found = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if found is None:
        pytest.skip(f"no {name} here: apt-get install postgresql")
    return str(found)


@pytest.mark.postgresql
def test_dump_from_the_middle_restored_as_the_how_to_says_waits_for_a_person(
    postgresql_url: URL, migrated_postgresql_url: URL, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = (url.render_as_string(hide_password=False) for url in (migrated_postgresql_url, postgresql_url))
    tool = Path(_tool("pg_dump")).parent
    dump = tmp_path / "b.dump"

    def back_up() -> None:
        plain = ours.replace("+psycopg", "")
        subprocess.run([tool / "pg_dump", "--format=custom", f"--file={dump}", plain], check=True, timeout=60)
        assert house("backup", str(tmp_path / "b.tar.gz"), "--with-content", "--without-database") == 0

    with journal_server(tmp_path, "dot slow s=0.1") as mail:
        house = write_house(tmp_path / "office", mail, ours)
        killed_after_backup(house, back_up)
        before = house.taken()
        into = f"--dbname={theirs.replace('+psycopg', '')}"
        subprocess.run([tool / "pg_restore", into, dump], check=True, timeout=60)
        copy = later(restored(house, tmp_path / "b.tar.gz", database={ours: theirs}))
        states = Counter(copies(copy).values())
        known = addresses_in_state(copy, "accepted")

        assert copy("pause", "1") == 0
        assert mails_nobody(copy)
        assert copy("resume", "1") == 0
        assert copy(*SEND) == 0

        found, repeated = judge(mail, READERS), {reader for reader, count in house.taken().items() if count > 1}
    assert states.total() == READERS
    assert states.keys() <= {"pending", "claimed", "sending", "accepted"}
    assert (found.lost, found.strangers, found.are_alike) == (set(), set(), True)
    assert repeated <= before.keys() - known
