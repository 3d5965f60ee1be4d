"""The one door to the database: SQLite by default, PostgreSQL by the same code.

`Database.open` migrates and yields; `read()` and `write()` yield a connection inside one transaction. On SQLite
there are two engines: readers are deferred and query-only, so they never wait for the writer (WAL); the writer
takes its lock at BEGIN IMMEDIATE and commits with synchronous=FULL, so that the ledger survives a power loss.
`transact()` takes one short step of plain code in a transaction of its own: on SQLite in one hop to a thread, where
`write()` hops for every statement. Foreign errors leave here as `DatabaseFault`, their cause kept.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement

from distributor import migrations
from distributor.errors import ConfigError, DatabaseFault
from distributor.problems import wording
from distributor.schema import Moment

# A second process may hold the lock for a large launch or a backup.
BUSY_TIMEOUT = timedelta(seconds=60)
IDLE_IN_TRANSACTION = timedelta(minutes=1)
WAL_PATIENCE = timedelta(seconds=5)
POSTGRESQL_DRIVER = "postgresql+psycopg"
_ENOUGH = 1_000  # PostgreSQL lets its own pool decide how many write
_Found = TypeVar("_Found")


class DatabaseMoment(ColumnElement[Any]):
    """The database's own clock, moved by an offset; leases are measured with it, whatever the machines' clocks."""

    inherit_cache = True
    type = Moment()

    def __init__(self, offset: timedelta) -> None:
        self.seconds = sa.bindparam(None, offset.total_seconds(), sa.Float, unique=True)

    @property
    def _from_objects(self) -> list[Any]:
        return []

    _traverse_internals = [("seconds", sa.sql.visitors.InternalTraversal.dp_clauseelement)]  # noqa: RUF012


@compiles(DatabaseMoment, "sqlite")
def _sqlite_moment(element: DatabaseMoment, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.seconds, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"


@compiles(DatabaseMoment, "postgresql")
def _postgresql_moment(element: DatabaseMoment, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.seconds, **kw)
    return f"(clock_timestamp() + make_interval(secs => CAST({seconds} AS double precision)))"


def now(offset: timedelta = timedelta(0)) -> DatabaseMoment:
    """Return the SQL expression for the database's present moment plus `offset`, comparable with `Moment`s."""
    return DatabaseMoment(offset)


def upsert(connection: AsyncConnection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT for the connection's dialect, which knows on_conflict_do_nothing and …_do_update."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def database_url(text: str, root: Path) -> URL:
    """Read the configured URL; a relative SQLite path counts from the workspace. ConfigError names the forms."""
    try:
        url = make_url(text)
    except exc.ArgumentError:
        url = URL.create("unknown")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+aiosqlite", database=str(root / url.database))
    if url.drivername in ("postgresql", POSTGRESQL_DRIVER) and url.database:
        return url.set(drivername=POSTGRESQL_DRIVER)
    raise ConfigError(
        wording(
            f"数据库地址无法识别：{text} → 写成 sqlite:///var/distributor.db 或 postgresql+psycopg://用户@主机/库名",
            f"unknown database URL {text}: write sqlite:///var/distributor.db or postgresql+psycopg://user@host/name",
        )
    )


class Database:
    """An open, migrated database; make one with `Database.open`."""

    def __init__(self, *, reader: AsyncEngine, writer: AsyncEngine, steps: "_Steps | None") -> None:
        self._reader = reader
        self._writer = writer
        self._steps = steps
        # SQLite has one writer; those of this process take turns here instead of polling for its lock.
        self._turn = asyncio.Semaphore(1 if steps else _ENOUGH)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._writer.dialect.name

    @classmethod
    @asynccontextmanager
    async def open(cls, url: URL) -> AsyncIterator["Database"]:
        """Open `url`, bring its schema up to date (a SQLite file is backed up first) and close it at the end.

        Raises DatabaseFault (cannot open, read-only, full) and SchemaTooNew; safe to repeat.
        """
        with _translated(url):
            _make_folder(url)
        writer = _engine(url, read_only=False)
        is_sqlite = writer.dialect.name == "sqlite"
        reader = _engine(url, read_only=True) if is_sqlite else writer
        steps = _Steps(url) if is_sqlite else None
        database = cls(reader=reader, writer=writer, steps=steps)
        try:
            async with database.write() as connection:
                await connection.run_sync(migrations.upgrade, backup_of=_sqlite_file(url))
            yield database
        finally:
            if steps is not None:
                await steps.close()
            await reader.dispose()
            await writer.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection that sees one consistent state and cannot write."""
        with _translated(self._reader.url):
            async with self._reader.connect() as connection, connection.begin():
                if self.dialect == "postgresql":
                    await connection.execute(sa.text("SET TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ"))
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection in one transaction: committed at the end, rolled back on any error."""
        with _translated(self._writer.url):
            async with self._turn, self._writer.begin() as connection:
                yield connection

    async def transact(self, step: Callable[[sa.Connection], _Found]) -> _Found:
        """Take a short step in one transaction, committed when this returns; rolled back on any error.

        Cancelled while it waits, it leaves open whether the step was committed, like a lost connection.
        """
        with _translated(self._writer.url):
            async with self._turn:
                if self._steps is not None:
                    return await self._steps.take(step)
                async with self._writer.begin() as connection:
                    return await connection.run_sync(step)


class _Steps:
    """The thread of its own in which a SQLite file is written to in short steps, over one connection."""

    def __init__(self, url: URL) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._engine = _prepared(sa.create_engine(url.set(drivername="sqlite"), hide_parameters=True), read_only=False)
        self._connection: sa.Connection | None = None

    async def take(self, step: Callable[[sa.Connection], _Found]) -> _Found:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._take, step)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown()

    def _take(self, step: Callable[[sa.Connection], _Found]) -> _Found:
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            with self._connection.begin():
                return step(self._connection)
        except sa.exc.DBAPIError:
            # After a failed sync the system may have dropped what it could not write: nothing is asked of it again.
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        self._engine.dispose()


class Prepared:
    """A statement without results, compiled once for each dialect: for what runs thousands of times a minute.

    SQLAlchemy's own way costs several times as much as the statement itself, while it holds the interpreter's lock.
    """

    def __init__(self, statement: sa.UpdateBase) -> None:
        """Take an UPDATE, DELETE or INSERT whose parameters all have names; none of them expands."""
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {}

    def execute(self, tx: sa.Connection, bound: Mapping[str, Any]) -> int:
        """Run it in the caller's transaction and return how many rows it changed. Raises as SQLAlchemy does."""
        dialect = tx.dialect
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        sql, fixed, processors = self._compiled[dialect.name]
        values = fixed | {
            name: processors[name](value) if name in processors else value for name, value in bound.items()
        }
        cursor = tx.connection.cursor()
        try:
            cursor.execute(sql, values)
            return int(cursor.rowcount)
        except dialect.loaded_dbapi.Error as error:
            raise sa.exc.OperationalError(sql, None, error, hide_parameters=True) from error
        finally:
            cursor.close()

    def _compile(self, dialect: sa.Dialect) -> tuple[str, dict[str, Any], dict[str, Any]]:
        # By name, so that a value that stands in several places is bound once.
        by_name = sqlite.dialect(paramstyle="named") if dialect.name == "sqlite" else dialect
        compiled = self._statement.compile(dialect=by_name)
        processors = {
            name: process
            for bind, name in compiled.bind_names.items()
            if (process := bind.type.dialect_impl(by_name).bind_processor(by_name)) is not None
        }
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        fixed = {name: processors[name](value) if name in processors else value for name, value in fixed.items()}
        return str(compiled), fixed, processors


class _translated:  # noqa: N801 - reads as a word where it is used
    """Turn the driver's errors into DatabaseFault, except those that a unique key raises on purpose."""

    def __init__(self, url: URL) -> None:
        self._shown = url.render_as_string(hide_password=True)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, exc.DBAPIError) and not isinstance(error, (exc.IntegrityError, exc.DataError)):
            raise self._fault(error.orig) from error
        if isinstance(error, OSError) and not isinstance(error, DatabaseFault) and type(error).__module__ == "builtins":
            raise self._fault(error) from error

    def _fault(self, cause: BaseException | None) -> DatabaseFault:
        return DatabaseFault(
            wording(
                f"数据库不可用（{self._shown}）：{cause} → 请检查路径、权限和磁盘空间",
                f"the database cannot be used ({self._shown}): {cause}: check path, rights and free space",
            )
        )


def _sqlite_file(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _make_folder(url: URL) -> None:
    file = _sqlite_file(url)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)


def _engine(url: URL, *, read_only: bool) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        engine = create_async_engine(url, pool_size=10, pool_pre_ping=True, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _bound_idleness)
        return engine
    size = {"pool_size": 8} if read_only else {"pool_size": 1, "max_overflow": 0, "pool_timeout": 120}
    # An error that reaches the log must not carry the address it was about.
    engine = create_async_engine(url, poolclass=sa.AsyncAdaptedQueuePool, hide_parameters=True, **size)
    _prepared(engine.sync_engine, read_only=read_only)
    return engine


def _bound_idleness(connection: Any, _record: object) -> None:
    """Let PostgreSQL end a transaction that stands still, so that a suspended process cannot keep its locks for ever.

    What the server, the database or the account sets for itself stays.
    """
    cursor = connection.cursor()
    cursor.execute(
        "SELECT set_config('idle_in_transaction_session_timeout', %s, false) "
        "WHERE current_setting('idle_in_transaction_session_timeout') = '0'",
        (f"{int(IDLE_IN_TRANSACTION.total_seconds())}s",),
    )
    cursor.close()
    connection.commit()


def _turn_to_wal(cursor: Any) -> None:
    # While SQLite turns a new file to WAL it lets nobody else wait: of two first starts at once one is told "locked".
    end = time.monotonic() + WAL_PATIENCE.total_seconds()
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _prepared(engine: sa.Engine, *, read_only: bool) -> sa.Engine:
    """Let every connection of a SQLite engine begin as a reader or as the writer does."""

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT.total_seconds() * 1000)}")
        if not read_only:
            _turn_to_wal(cursor)
            cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
        cursor.close()

    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine
