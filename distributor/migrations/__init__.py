"""The database's history, one numbered step each; run at start, forward only.

A SQLite file is copied beside itself before an older schema is changed (`distributor.db.before-<revision>`). A
database from a newer release is refused, never guessed at.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory

from distributor.errors import SchemaTooNew
from distributor.problems import wording
from distributor.schema import metadata

# Any 64-bit number that no other program in the database uses: two processes migrate one after the other.
_POSTGRESQL_LOCK = 0x64697374


def upgrade(connection: sa.Connection, *, backup_of: Path | None) -> None:
    """Bring the schema to this release inside the caller's transaction; nothing happens when it is there already.

    Raises SchemaTooNew when the database knows a step that this release does not.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
    script = ScriptDirectory(str(Path(__file__).parent))
    current = MigrationContext.configure(connection).get_current_revision()
    head = script.get_current_head()
    if current == head:
        return
    if current is not None and current not in {step.revision for step in script.walk_revisions()}:
        raise SchemaTooNew(
            wording(
                f"数据库来自更新的版本（{current}）→ 请安装该版本，或恢复备份",
                f"the database comes from a newer release ({current}): install that release or restore a backup",
            )
        )
    if current is not None and backup_of is not None:
        _back_up(backup_of, backup_of.with_name(f"{backup_of.name}.before-{head}"))
    _run(connection, script)


def _back_up(source: Path, target: Path) -> None:
    # A copy through SQLite itself takes the write-ahead log along; a copy of the file alone would not.
    engine = sa.create_engine(f"sqlite:///{source}")
    target.unlink(missing_ok=True)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("VACUUM INTO :target"), {"target": str(target)})
    engine.dispose()


def _run(connection: sa.Connection, script: ScriptDirectory) -> None:
    def steps(revision: object, _context: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001

    environment = EnvironmentContext(Config(), script, fn=steps)
    with environment:
        environment.configure(connection=connection, target_metadata=metadata, render_as_batch=True, fn=steps)
        environment.run_migrations()
