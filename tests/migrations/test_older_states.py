"""A database of any older release opens, keeps what is in it, and survives being interrupted on the way."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event
from sqlalchemy.engine import URL

from distributor.cli.app import run
from distributor.database import Database
from distributor.delivery import counts
from distributor.errors import DatabaseFault
from distributor.identifiers import MailingId
from distributor.schema import metadata
from tests.delivery import ledger_steps
from tests.migrations import older
from tests.offices import write_workspace
from tests.smtp_journal_server import journal_server

HEAD = older.REVISIONS[-1]
OLDER = older.REVISIONS[:-1]
ROOT = Path(__file__).parents[2]
OPENER = Path(__file__).with_name("opener.py")
SENDER = ROOT / "tests" / "delivery" / "crash_sender.py"

each_older_state = pytest.mark.parametrize("revision", OLDER)


def open_database(url: URL) -> None:
    async def open_once() -> None:
        async with Database.open(url):
            pass

    asyncio.run(open_once())


def opening(url: URL, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(OPENER), url.render_as_string(hide_password=False), *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def backup_of(url: URL) -> Path:
    return Path(f"{url.database}.before-{HEAD}")


@pytest.mark.parametrize("revision", older.REVISIONS)
def test_rows_of_every_revision_fill_every_column(database_url: URL, revision: str) -> None:
    """Breaks for a new revision until there is a file with rows for what is new in it."""
    assert (older.ROWS / f"{revision}.sql").is_file()

    older.make_older(database_url, revision)

    found = older.everything_in(database_url)
    assert [table for table, rows in found.items() if not rows] == []
    columns = [(table, name) for table, rows in found.items() for name in rows[0]]
    assert [(table, name) for table, name in columns if all(row[name] is None for row in found[table])] == []


@each_older_state
def test_older_database_opens_at_the_head_with_all_its_rows(database_url: URL, revision: str) -> None:
    older.make_older(database_url, revision)
    before = older.everything_in(database_url)

    open_database(database_url)

    after = older.everything_in(database_url)
    assert older.revision_of(database_url) == HEAD
    assert older.what_it_could_know(after, before) == before
    assert set(after) == set(metadata.tables)


@each_older_state
async def test_older_database_gets_exactly_the_form_of_a_new_one(database_url: URL, revision: str) -> None:
    await asyncio.to_thread(older.make_older, database_url, revision)

    async with Database.open(database_url) as database, database.read() as connection:
        difference = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
        account = await counts.count_copies(connection, MailingId(1))

    assert difference == []
    assert (account.planned, +Counter(account.by_state)) == (4, Counter(accepted=1, pending=2, refused=1))


@each_older_state
def test_mailing_that_an_older_release_prepared_is_sent_by_this_one(
    database_url: URL, revision: str, tmp_path: Path
) -> None:
    older.make_older(database_url, revision)

    with journal_server(tmp_path) as server:
        command = [sys.executable, str(SENDER), database_url.render_as_string(hide_password=False), str(server.port)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=60)
        taken = [one["recipient"] for one in server.taken]

    assert sorted(taken) == sorted(older.OWED)


@each_older_state
def test_sqlite_file_is_kept_as_it_was_before_it_is_changed(sqlite_url: URL, revision: str) -> None:
    older.make_older(sqlite_url, revision)
    before = older.everything_in(sqlite_url)

    open_database(sqlite_url)

    kept = sqlite_url.set(database=str(backup_of(sqlite_url)))
    assert older.revision_of(kept) == revision
    assert older.everything_in(kept) == before
    open_database(kept)
    assert older.revision_of(kept) == HEAD


def test_file_that_is_new_or_up_to_date_is_not_copied(sqlite_url: URL, tmp_path: Path) -> None:
    open_database(sqlite_url)
    open_database(sqlite_url)

    assert list(tmp_path.glob("*.before-*")) == []


class Interrupted(Exception):
    """What comes in between."""


@contextmanager
def interrupted_at(number: int) -> Iterator[list[str]]:
    """Let the N-th statement (COMMIT is one) of any engine fail; yields what came to its turn."""
    seen: list[str] = []

    def look(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)
        if len(seen) == number:
            raise Interrupted

    def end(_connection: object) -> None:
        look(None, None, "COMMIT")

    event.listen(sa.Engine, "before_cursor_execute", look)
    event.listen(sa.Engine, "commit", end)
    try:
        yield seen
    finally:
        event.remove(sa.Engine, "before_cursor_execute", look)
        event.remove(sa.Engine, "commit", end)


def interrupt_every_statement(url: URL) -> int:
    """Open the database once for every statement of a migration, and let that one fail; return how many failed."""
    for number in range(1, 500):
        with interrupted_at(number) as seen:
            try:
                open_database(url)
            except Interrupted:
                continue
        assert "COMMIT" in seen
        return number - 1
    raise AssertionError("it never came to an end")


@each_older_state
def test_migration_that_fails_at_any_statement_is_finished_by_the_next_try(database_url: URL, revision: str) -> None:
    older.make_older(database_url, revision)
    before = older.everything_in(database_url)

    failed = interrupt_every_statement(database_url)

    after = older.everything_in(database_url)
    assert failed > 3
    assert older.revision_of(database_url) == HEAD
    assert older.what_it_could_know(after, before) == before


def test_first_start_that_fails_at_any_statement_is_finished_by_the_next_try(database_url: URL) -> None:
    failed = interrupt_every_statement(database_url)

    assert failed > len(metadata.tables)
    assert set(older.everything_in(database_url)) == set(metadata.tables)


KILLS = {
    "before the first change": ("CREATE TABLE",),
    "after a change": ("CREATE TABLE", "--killed-after"),
    "after the number": ("UPDATE alembic_version", "--killed-after"),
    "before the end": ("COMMIT",),
}


@pytest.mark.parametrize("place", KILLS.values(), ids=KILLS.keys())
def test_killed_migration_leaves_the_older_state_and_the_next_start_finishes_it(
    database_url: URL, place: tuple[str, ...]
) -> None:
    older.make_older(database_url, OLDER[0])
    before = older.everything_in(database_url)

    with opening(database_url, "--killed-at", *place) as killed:
        assert killed.wait(timeout=60) == -signal.SIGKILL

    assert older.revision_of(database_url) == OLDER[0]
    assert older.everything_in(database_url) == before
    open_database(database_url)
    assert older.what_it_could_know(older.everything_in(database_url), before) == before


def test_killed_copy_of_a_sqlite_file_is_made_again(sqlite_url: URL) -> None:
    older.make_older(sqlite_url, OLDER[0])
    backup_of(sqlite_url).write_bytes(b"SQLite format 3\x00 half a copy")

    open_database(sqlite_url)

    assert older.revision_of(sqlite_url.set(database=str(backup_of(sqlite_url)))) == OLDER[0]


def test_sqlite_file_that_cannot_be_copied_is_not_changed(sqlite_url: URL) -> None:
    older.make_older(sqlite_url, OLDER[0])
    before = older.everything_in(sqlite_url)
    backup_of(sqlite_url).mkdir()

    with pytest.raises(DatabaseFault):
        open_database(sqlite_url)

    assert older.revision_of(sqlite_url) == OLDER[0]
    assert older.everything_in(sqlite_url) == before


def test_two_processes_that_open_at_once_migrate_once(database_url: URL) -> None:
    older.make_older(database_url, OLDER[0])
    before = older.everything_in(database_url)

    running = [opening(database_url) for _process in range(2)]
    said = [process.communicate(timeout=60)[0] for process in running]

    assert [process.returncode for process in running] == [0, 0]
    steps = Counter(line for text in said for line in text.splitlines() if line.startswith("Running upgrade"))
    assert list(steps.values()) == [1] * len(OLDER)
    assert older.what_it_could_know(older.everything_in(database_url), before) == before


async def test_database_that_refuses_a_newer_schema_is_left_as_it_is(
    database_url: URL, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.cli.console.LANGUAGE", "en")
    async with Database.open(database_url) as database:
        await ledger_steps.launched(database, readers=2)
        async with database.write() as tx:
            await tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    before = await asyncio.to_thread(older.everything_in, database_url)
    shown = database_url.render_as_string(hide_password=False).replace("+aiosqlite", "")
    root = write_workspace(tmp_path / "office", changes={"sqlite:///var/distributor.db": shown})

    code = await asyncio.to_thread(run, ["--root", str(root), "status"])

    said = capsys.readouterr().err
    assert (code, "comes from a newer release (9999)" in said) == (3, True)
    assert "install that release or restore a backup" in said
    assert await asyncio.to_thread(older.everything_in, database_url) == before
