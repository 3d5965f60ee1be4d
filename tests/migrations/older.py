"""Databases as older releases left them: the form of a revision, and rows in every table and every column.

`rows/<revision>.sql` is written once for each revision and never changed after: raw SQL, because later code no longer
knows how an older release wrote. The rows of a revision go into a database that has just reached it, after those of
the revisions before, so that every row lives through every later step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from distributor import migrations

ROWS = Path(__file__).with_name("rows")
SCRIPT = ScriptDirectory(str(Path(migrations.__file__).parent))
REVISIONS = tuple(step.revision for step in reversed(list(SCRIPT.walk_revisions())))
"""Every revision, oldest first; the last is the head."""
OWED = frozenset({"wang@example.com", "li@example.org"})
"""Whose copies the running mailing of these rows still owes; nobody else may get one."""
PICTURE = b"\x89PNG\x00\xff"

Row = dict[str, object]


@contextmanager
def _opened(url: URL) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url.set(drivername=url.drivername.replace("+aiosqlite", "")))
    try:
        yield engine
    finally:
        engine.dispose()


def make_older(url: URL, revision: str) -> None:
    """Bring an empty database to `revision`, with the rows of that revision and of all before it."""
    with _opened(url) as engine:
        for step in REVISIONS[: REVISIONS.index(revision) + 1]:
            with engine.begin() as connection:
                _migrate(connection, step)
                _fill(connection, ROWS / f"{step}.sql")


def _fill(connection: sa.Connection, file: Path) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL TIME ZONE 'UTC'"))
    for statement in file.read_text(encoding="utf-8").rstrip().split(";\n"):
        text = sa.text(statement)
        connection.execute(text.bindparams(picture=PICTURE) if ":picture" in statement else text)


def _migrate(connection: sa.Connection, revision: str) -> None:
    def steps(current: Any, _context: object) -> Any:
        return SCRIPT._upgrade_revs(revision, current)

    with EnvironmentContext(Config(), SCRIPT, fn=steps) as environment:
        environment.configure(connection=connection, fn=steps)
        environment.run_migrations()


def revision_of(url: URL) -> str | None:
    """Return the revision that the database says it has."""
    with _opened(url) as engine, engine.connect() as connection:
        found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def everything_in(url: URL) -> dict[str, list[Row]]:
    """Return every row of every table, as the driver gives it, in an order of its own."""
    with _opened(url) as engine, engine.connect() as connection:
        tables = sorted(set(sa.inspect(connection).get_table_names()) - {"alembic_version"})
        return {table: _rows(connection, table) for table in tables}


def _rows(connection: sa.Connection, table: str) -> list[Row]:
    rows = connection.execute(sa.text(f'SELECT * FROM "{table}"')).mappings()
    return _sorted([dict(row) for row in rows])


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: repr(sorted(row.items())))


def what_it_could_know(after: dict[str, list[Row]], before: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return of `after` the tables and columns that `before` has; a table without rows has no columns."""
    known = {table: set(rows[0]) if rows else set() for table, rows in before.items()}
    return {
        table: _sorted([{name: row[name] for name in row.keys() & columns} for row in after.get(table, [])])
        for table, columns in known.items()
    }
