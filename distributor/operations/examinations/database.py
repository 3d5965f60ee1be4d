"""The database as it stands: whether it opens, its schema, its soundness, and what other examinations ask of it.

The configured URL enters; findings and a few figures leave. Unlike `Database.open` this makes nothing, migrates
nothing and writes nothing: a missing SQLite file stays missing.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import exc
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from distributor import migrations, schema
from distributor.database import database_url
from distributor.errors import ConfigError
from distributor.operations.examinations.findings import Check, Finding, told
from distributor.problems import wording

_OPENS = Check(name="database", title=wording("数据库", "database"), concern="environment")
_SCHEMA = Check(name="database.schema", title=wording("数据库结构", "database schema"), concern="environment")
_SOUND = Check(name="database.integrity", title=wording("数据库完整性", "database integrity"), concern="environment")

_NEWEST_MAILINGS = 3
# base64 in lines of 76 characters with CRLF; then headers, signature and boundaries.
_ENCODED = 4 / 3 * 78 / 76
_HEADERS_BYTES = 8_000
_MOMENTS = (
    schema.schedule_state.c.last_tick_at,
    schema.occurrence.c.changed_at,
    schema.mailing.c.launched_at,
    schema.attempt.c.at,
    schema.consent.c.at,
    schema.list_file.c.synced_at,
)
"""When things happened, never when they are due; all of them in tables that stay small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found, and what the database says: the newest moment, whether mail is out, the largest message.

    `largest_bytes` is that of the newest mailings as SMTP carries it, 0 where nothing was frozen yet.
    """

    findings: tuple[Finding, ...]
    newest: datetime | None = None
    mailed: bool = False
    largest_bytes: int = 0


async def examine_database(configured: str, root: Path) -> Examined:
    """Look at the database that `[database] url` names; a relative SQLite path counts from `root`."""
    try:
        url = database_url(configured, root)
    except ConfigError as error:
        return Examined(findings=(_OPENS.fault(*told(error.message), concern="config"),))
    file = _sqlite_file(url)
    if file is not None and not file.exists():
        return Examined(
            findings=(_OPENS.ok(wording("还没有，第一次运行时建立", "not there yet, made by the first run")),)
        )
    shown = str(file or url.render_as_string(hide_password=True))
    if file is not None and (fault := _file_fault(file)) is not None:
        return Examined(findings=(fault,))
    engine = create_async_engine(_only_if_there(url, file))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_examine, shown)
    except (exc.DBAPIError, OSError) as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        return Examined(findings=(_unusable(shown, cause),))
    finally:
        await engine.dispose()


def _sqlite_file(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _only_if_there(url: URL, file: Path | None) -> URL:
    """Return a URL that makes no new file."""
    if file is None:
        return url
    return url.set(database=f"file:{quote(str(file))}", query={"mode": "rw", "uri": "true"})


def _file_fault(file: Path) -> Finding | None:
    if file.is_file() and os.access(file, os.W_OK) and os.access(file.parent, os.W_OK):
        return None
    reason = ("不能写", "cannot be written") if file.is_file() else ("不是文件", "is no file")
    return _OPENS.fault(
        wording(f"{file} {reason[0]}", f"{file} {reason[1]}"),
        wording("改正它和所在文件夹的所有者和权限", "mend the owner and the rights of it and of its folder"),
    )


def _unusable(shown: str, cause: BaseException | None) -> Finding:
    reason = " ".join(str(cause).split())[:200]
    return _OPENS.fault(
        wording(f"{shown} 不能用：{reason}", f"{shown} cannot be used: {reason}"),
        wording(
            "检查路径、权限和数据库服务；文件坏了就恢复备份", "check path, rights and server; restore a broken file"
        ),
    )


def _examine(connection: sa.Connection, shown: str) -> Examined:
    connection.execute(sa.text("PRAGMA query_only = ON" if _is_sqlite(connection) else "SET TRANSACTION READ ONLY"))
    migrated, current = _schema(connection)
    opened = _OPENS.ok(wording(f"{shown} 可以打开", f"{shown} opens"))
    findings = (opened, migrated, _integrity(connection))
    if not current:
        return Examined(findings=findings)
    launched = sa.exists().where(schema.mailing.c.launched_at.is_not(None))
    return Examined(
        findings=findings,
        newest=_newest(connection),
        mailed=bool(connection.scalar(sa.select(launched))),
        largest_bytes=_largest(connection),
    )


def _schema(connection: sa.Connection) -> tuple[Finding, bool]:
    """Return the finding, and whether the tables are those of this release."""
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    current, head = MigrationContext.configure(connection).get_current_revision(), script.get_current_head()
    if current == head:
        return _SCHEMA.ok(wording(f"是最新的（{head}）", f"up to date ({head})")), True
    if current is None:
        return _SCHEMA.ok(wording("还是空的，第一次运行时建表", "empty, made by the first run")), False
    if current in {step.revision for step in script.walk_revisions()}:
        return (
            _SCHEMA.warning(
                wording(f"是旧版本（{current}），本程序要 {head}", f"older ({current}) than this release ({head})"),
                wording("不用管：下一次运行先备份再升级", "nothing to do: the next run backs it up and upgrades it"),
            ),
            False,
        )
    return (
        _SCHEMA.fault(
            wording(f"来自更新的版本（{current}）", f"from a newer release ({current})"),
            wording("安装那个版本，或恢复备份", "install that release or restore a backup"),
        ),
        False,
    )


def _integrity(connection: sa.Connection) -> Finding:
    if not _is_sqlite(connection):
        connection.execute(sa.select(1))
        return _SOUND.ok(wording("回答查询", "answers queries"))
    said = [str(row[0]) for row in connection.execute(sa.text("PRAGMA quick_check(5)"))]
    if said == ["ok"]:
        return _SOUND.ok(wording("quick_check 通过", "quick_check passed"))
    return _SOUND.fault(
        wording(f"文件坏了：{'; '.join(said)[:200]}", f"the file is damaged: {'; '.join(said)[:200]}"),
        wording("停下程序，恢复最近的备份，并检查磁盘", "stop the program, restore the latest backup, check the disk"),
    )


def _newest(connection: sa.Connection) -> datetime | None:
    moments = [connection.scalar(sa.select(sa.func.max(column))) for column in _MOMENTS]
    return max((moment for moment in moments if moment is not None), default=None)


def _largest(connection: sa.Connection) -> int:
    """Return the size of the largest message that the newest mailings can have made."""
    parts, pictures = schema.rendition.c, schema.rendition_picture.c
    newest = sa.select(schema.mailing.c.id).order_by(schema.mailing.c.id.desc()).limit(_NEWEST_MAILINGS)
    among = sa.select(newest.subquery().c.id)
    texts = sa.select(parts.mailing, sa.func.max(_bytes(connection, parts.html) + _bytes(connection, parts.text)))
    seen = sa.select(pictures.mailing, sa.func.sum(sa.func.length(pictures.content)))
    beside = {row[0]: int(row[1]) for row in connection.execute(_of(seen, pictures.mailing, among))}
    sizes = [int(row[1]) + beside.get(row[0], 0) for row in connection.execute(_of(texts, parts.mailing, among))]
    return message_bytes(max(sizes)) if sizes else 0


def _of(sizes: sa.Select[Any], mailing: sa.Column[int], among: sa.Select[Any]) -> sa.Select[Any]:
    return sizes.where(mailing.in_(among)).group_by(mailing)


def message_bytes(parts_bytes: int) -> int:
    """Return how large a message with parts of so many bytes is on the wire."""
    return round(parts_bytes * _ENCODED) + _HEADERS_BYTES


def _bytes(connection: sa.Connection, column: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    # length() counts characters; SQLite has octet_length() since 3.43 only.
    if _is_sqlite(connection):
        return sa.func.length(sa.cast(column, sa.LargeBinary))
    return sa.func.octet_length(column)


def _is_sqlite(connection: sa.Connection) -> bool:
    return connection.dialect.name == "sqlite"
