import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import URL

from distributor.database import Database, Prepared, database_url, now, upsert
from distributor.errors import ConfigError, DatabaseFault, SchemaTooNew
from distributor.schema import consent, metadata, suppression

DAY = timedelta(days=1)
AT = datetime(2015, 7, 10, 9, 0, tzinfo=timezone(timedelta(hours=8)))


def consent_row(key: str = "a@example.com") -> dict[str, object]:
    return {"email_key": key, "action": "subscribed", "source": "list:members", "at": AT}


async def test_moments_come_back_aware_and_in_utc(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(sa.insert(consent).values(consent_row()))

    async with database.read() as connection:
        at = await connection.scalar(sa.select(consent.c.at))

    assert at == AT
    assert at.tzinfo is UTC


async def test_naive_moment_is_refused(database: Database) -> None:
    with pytest.raises((ValueError, sa.exc.StatementError), match="naive"):
        async with database.write() as tx:
            await tx.execute(sa.insert(consent).values(consent_row() | {"at": datetime(2015, 7, 10)}))  # noqa: DTZ001


async def test_error_rolls_the_whole_transaction_back(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as tx:
            await tx.execute(sa.insert(consent).values(consent_row()))
            raise RuntimeError

    async with database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(consent)) == 0


async def test_reader_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseFault):
        async with database.read() as connection:
            await connection.execute(sa.insert(consent).values(consent_row()))


async def test_reader_does_not_wait_for_a_writer(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(sa.insert(consent).values(consent_row()))
        async with asyncio.timeout(5), database.read() as connection:
            count = await connection.scalar(sa.select(sa.func.count()).select_from(consent))

    assert count == 0


async def test_second_writer_waits_its_turn(database: Database) -> None:
    async def write(key: str) -> None:
        async with database.write() as tx:
            count = await tx.scalar(sa.select(sa.func.count()).select_from(consent))
            await asyncio.sleep(0.01)
            await tx.execute(sa.insert(consent).values(consent_row(f"{key}{count}@example.com")))

    await asyncio.gather(*(write(str(number)) for number in range(5)))

    async with database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(consent)) == 5


async def test_database_moment_is_now_and_compares_with_stored_moments(database: Database) -> None:
    async with database.read() as connection:
        present = await connection.scalar(sa.select(now()))
        later = await connection.scalar(sa.select(now(timedelta(minutes=5))))
        before = await connection.scalar(sa.select(sa.literal(AT, consent.c.at.type) < now()))

    assert abs(present - datetime.now(UTC)) < timedelta(seconds=5)
    assert timedelta(minutes=4, seconds=59) < later - present < timedelta(minutes=5, seconds=1)
    assert before


async def test_upsert_leaves_the_first_row(database: Database) -> None:
    row = {"email_key": "a@example.com", "reason": "unsubscribed", "source": "page", "at": AT}
    async with database.write() as tx:
        for source in ("page", "mail"):
            await tx.execute(upsert(tx, suppression).values(row | {"source": source}).on_conflict_do_nothing())

    async with database.read() as connection:
        assert (await connection.scalars(sa.select(suppression.c.source))).all() == ["page"]


async def test_migrations_build_exactly_the_schema(database: Database) -> None:
    async with database.read() as connection:
        difference = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )

    assert difference == []


async def test_opening_twice_changes_nothing(database_url: URL) -> None:
    async with Database.open(database_url) as first, first.write() as tx:
        await tx.execute(sa.insert(consent).values(consent_row()))

    async with Database.open(database_url) as second, second.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(consent)) == 1


async def test_two_processes_may_open_an_empty_database_at_once(database_url: URL) -> None:
    async def open_once() -> None:
        async with Database.open(database_url):
            pass

    await asyncio.gather(open_once(), open_once(), open_once())


async def test_newer_schema_is_refused(database_url: URL) -> None:
    async with Database.open(database_url) as database, database.write() as tx:
        await tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaTooNew, match="9999"):
        async with Database.open(database_url):
            pass


async def test_ledger_commits_survive_a_power_loss_by_setting(sqlite_url: URL) -> None:
    async with Database.open(sqlite_url) as database, database.write() as tx:
        journal = await tx.scalar(sa.text("PRAGMA journal_mode"))
        synchronous = await tx.scalar(sa.text("PRAGMA synchronous"))

    assert (journal, synchronous) == ("wal", 2)


async def test_file_that_is_no_database_is_named(tmp_path: Path, sqlite_url: URL) -> None:
    (tmp_path / "distributor.db").write_text("这不是数据库" * 1000, encoding="utf-8")

    with pytest.raises(DatabaseFault, match=r"distributor\.db"):
        async with Database.open(sqlite_url):
            pass


async def test_folder_in_place_of_the_file_is_named(tmp_path: Path, sqlite_url: URL) -> None:
    (tmp_path / "distributor.db").mkdir()

    with pytest.raises(DatabaseFault, match=r"distributor\.db"):
        async with Database.open(sqlite_url):
            pass


async def test_locked_database_is_waited_for(sqlite_url: URL, tmp_path: Path) -> None:
    async with Database.open(sqlite_url) as database:
        other = sqlite3.connect(tmp_path / "distributor.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        asyncio.get_running_loop().call_later(0.5, other.execute, "COMMIT")

        async with asyncio.timeout(10), database.write() as tx:
            await tx.execute(sa.insert(consent).values(consent_row()))
        other.close()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sqlite:///var/distributor.db", "sqlite+aiosqlite:////srv/news/var/distributor.db"),
        ("postgresql://news@db/news", "postgresql+psycopg://news@db/news"),
        ("postgresql+psycopg://news@db/news", "postgresql+psycopg://news@db/news"),
    ],
)
def test_relative_sqlite_path_counts_from_the_workspace(text: str, shown: str) -> None:
    assert database_url(text, Path("/srv/news")).render_as_string() == shown


@pytest.mark.parametrize("text", ["mysql://x/y", "var/distributor.db", "", "sqlite://"])
def test_other_databases_are_refused_with_the_right_forms(text: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///"):
        database_url(text, Path("/srv/news"))


async def test_short_step_is_committed_when_it_returns(database: Database) -> None:
    def step(tx: sa.Connection) -> str:
        tx.execute(sa.insert(consent).values(consent_row()))
        return "done"

    said = await database.transact(step)

    async with database.read() as connection:
        assert (said, await connection.scalar(sa.select(sa.func.count()).select_from(consent))) == ("done", 1)


async def test_short_step_that_fails_leaves_nothing_and_the_next_one_works(database: Database) -> None:
    def fails(tx: sa.Connection) -> None:
        tx.execute(sa.insert(consent).values(consent_row()))
        tx.execute(sa.text("SELECT nothing_of_the_kind"))

    with pytest.raises(DatabaseFault):
        await database.transact(fails)

    await database.transact(lambda tx: tx.execute(sa.insert(consent).values(consent_row())).rowcount)
    async with database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(consent)) == 1


async def test_steps_and_longer_transactions_of_one_house_take_turns(database: Database) -> None:
    async def long_one() -> None:
        async with database.write() as tx:
            await tx.execute(sa.insert(consent).values(consent_row()))
            await asyncio.sleep(0.05)

    step = sa.insert(consent).values(consent_row("b@example.com"))
    await asyncio.gather(
        *(long_one() for _time in range(3)),
        *(database.transact(lambda tx: tx.execute(step).rowcount) for _time in range(20)),
    )

    async with database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(consent)) == 23


async def test_prepared_statement_changes_what_it_names(database: Database) -> None:
    row = {"email_key": "a@example.com", "reason": "removed", "source": "staff", "at": AT}
    await database.transact(lambda tx: tx.execute(sa.insert(suppression).values(row)).rowcount)
    later = Prepared(
        sa.update(suppression)
        .where(suppression.c.email_key == sa.bindparam("whose"))
        .values(at=sa.bindparam("moment", type_=suppression.c.at.type), source="reader")
    )

    changed = await database.transact(lambda tx: later.execute(tx, {"whose": "a@example.com", "moment": AT + DAY}))
    nobody = await database.transact(lambda tx: later.execute(tx, {"whose": "b@example.com", "moment": AT}))

    async with database.read() as connection:
        found = (await connection.execute(sa.select(suppression.c.at, suppression.c.source))).one()
    assert (changed, nobody, found.at, found.source) == (1, 0, AT + DAY, "reader")


async def test_prepared_statement_that_fails_is_a_fault_of_the_database(database: Database) -> None:
    broken = Prepared(sa.update(sa.table("nothing_of_the_kind", sa.column("a"))).values(a=1))

    with pytest.raises(DatabaseFault):
        await database.transact(lambda tx: broken.execute(tx, {}))


@pytest.mark.postgresql
async def test_postgresql_ends_a_transaction_that_stands_still(migrated_postgresql_url: URL) -> None:
    async with Database.open(migrated_postgresql_url) as opened, opened.read() as connection:
        assert await connection.scalar(sa.text("SHOW idle_in_transaction_session_timeout")) == "1min"


async def test_first_starts_at_the_same_moment_wait_for_each_other(sqlite_url: URL) -> None:
    async def start() -> None:
        async with Database.open(sqlite_url):
            pass

    await asyncio.gather(*(start() for _house in range(6)))
