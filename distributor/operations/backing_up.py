"""Back up: one archive with everything that cannot be written again, taken while mail is going out.

Enters: a workspace and the name of a file that does not exist. Leaves: that file (`.tar.gz`, for its owner alone) with
the settings, the secrets, the lists, launches.log and, on SQLite, the database as it was at one moment. The other door
to SQLite besides `database`: its online backup, which takes the write-ahead log along and holds up no writer.

The database is copied first and launches.log after it: what is launched in between is in the log alone, and a log
ahead of the database holds that mailing. For the same reason the copy has no mailing that was just being prepared,
and what was under way is paused in it: since the backup more may have gone out than it knows
(docs/decisions/0007-what-a-backup-changes.md).
"""

import asyncio
import shlex
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.content.loader import CONTENT
from distributor.database import Database, database_url
from distributor.delivery import counts, decisions, freezing
from distributor.delivery.model import OPEN_STATES
from distributor.delivery.results import NEVER
from distributor.errors import DatabaseFault, EnvironmentFault, InputError
from distributor.identifiers import MailingId
from distributor.operations import launches
from distributor.operations.files import new_file, refuse_existing
from distributor.operations.workspace import HOLIDAYS, Workspace
from distributor.problems import wording
from distributor.schema import delivery, mailing

PAUSED = "这是备份里的状态：备份之后可能又发出了一些 → 确认后 resume 或 cancel"
"""Why a mailing that was under way is paused in the backup."""
_BACKED_UP = ("distributor.toml", HOLIDAYS, "secrets", "subscribers")
_WRITTEN_BY_HAND = (CONTENT, "templates")
_DATABASE = "var/distributor.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What was written: the files in the archive by the names they have in a workspace, in its order.

    `dump` is the command that saves a PostgreSQL database, which the archive does not hold; None on SQLite.
    `paused` are the mailings that were under way.
    """

    path: Path
    files: tuple[str, ...]
    size_bytes: int
    has_database: bool
    dump: str | None
    paused: tuple[MailingId, ...]


async def back_up(workspace: Workspace, target: Path, *, with_content: bool = False) -> Backup:
    """Write a backup to `target`; content and templates only where asked for, since version control has them.

    Raises InputError where `target` exists or its folder does not, DatabaseFault when the database cannot be read or
    is damaged, EnvironmentFault when the disk refuses; then nothing is left behind.
    """
    refuse_existing(target)
    if not target.parent.is_dir():
        raise InputError(
            wording(f"没有 {target.parent} 这个文件夹 → 先建好它", f"there is no folder {target.parent}: make it first")
        )
    url = database_url(workspace.settings.database.url, workspace.root)
    source = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
    with _folder_beside(target) as folder:
        copy = Path(folder) / "distributor.db"
        paused = await _copied(source, copy) if source is not None and source.exists() else None
        database = [(_name_of(source, workspace.root), copy)] if source is not None and paused is not None else []
        members = [*database, *_files(workspace, with_content=with_content)]
        with new_file(target) as file:
            size = await asyncio.to_thread(_pack, file, members)
    return Backup(
        path=target,
        files=tuple(name for name, _path in members),
        size_bytes=size,
        has_database=bool(database),
        dump=None if source is not None else dump_command(url, target),
        paused=paused or (),
    )


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is at one moment, also while it is written to. Raises DatabaseFault."""
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
    except sqlite3.Error as error:
        raise _unreadable(source, error) from error


def dump_command(url: URL, target: Path) -> str:
    """Return the command that saves a PostgreSQL database beside `target`, without the password."""
    name = target.name.removesuffix(".tar.gz").removesuffix(".tgz")
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    dump = str(target.with_name(f"{name}.dump"))
    return shlex.join(["pg_dump", "--format=custom", f"--file={dump}", plain.render_as_string(hide_password=False)])


async def _copied(source: Path, copy: Path) -> tuple[MailingId, ...]:
    """Make the copy of the database that the archive holds; return the mailings that it pauses."""
    await asyncio.to_thread(copy_database, source, copy)
    paused = await _settle(URL.create("sqlite+aiosqlite", database=str(copy)))
    await asyncio.to_thread(_close, copy)
    return paused


async def _settle(url: URL) -> tuple[MailingId, ...]:
    """Leave nothing in a copy that would go on by itself where the copy is opened; return the mailings paused."""
    left = sa.exists().where(
        delivery.c.mailing == mailing.c.id,
        sa.or_(delivery.c.state.in_(OPEN_STATES), sa.and_(delivery.c.state == "uncertain", delivery.c.due_at < NEVER)),
    )
    under_way = sa.or_(mailing.c.state == "running", mailing.c.resume_at.is_not(None))
    async with Database.open(url) as database, database.write() as tx:
        await freezing.drop_preparations(tx)
        found = await counts.mailings(tx, [mailing.c.launched_at.is_not(None), under_way, left])
        for line in found:
            await decisions.pause(tx, line.mailing.id, reason=PAUSED)
    return tuple(sorted(line.mailing.id for line in found))


def _close(copy: Path) -> None:
    """Fold the write-ahead log into the copy and look for damage. Raises DatabaseFault."""
    try:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise _unreadable(copy, error) from error
    if verdict != "ok":
        raise _unreadable(copy, verdict)


def _unreadable(path: Path, why: object) -> DatabaseFault:
    return DatabaseFault(
        wording(
            f"数据库 {path.name} 读不了或已损坏，没有备份：{why}",
            f"the database {path.name} cannot be read or is damaged; nothing was backed up: {why}",
        )
    )


def _folder_beside(target: Path) -> "tempfile.TemporaryDirectory[str]":
    # On the disk of the target: what fits there later fits there now, and nobody else can look in.
    try:
        return tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent)
    except OSError as error:
        raise EnvironmentFault(
            wording(f"写不了 {target.parent}：{error.strerror}", f"cannot write to {target.parent}: {error.strerror}")
        ) from error


def _name_of(source: Path, root: Path) -> str:
    return source.relative_to(root).as_posix() if source.is_relative_to(root) else _DATABASE


def _files(workspace: Workspace, *, with_content: bool) -> Iterator[tuple[str, Path]]:
    """Yield every file beside the database with its name in the archive; hidden ones are nobody's work."""
    names = (*_BACKED_UP, *(_WRITTEN_BY_HAND if with_content else ()))
    for path in (workspace.var / launches.FILE_NAME, *(workspace.root / name for name in names)):
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            relative = one.relative_to(workspace.root)
            if one.is_file() and not any(part.startswith(".") for part in relative.parts):
                yield relative.as_posix(), one


def _pack(file: BinaryIO, members: Sequence[tuple[str, Path]]) -> int:
    with tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted({Path(name).parent.as_posix() for name, _path in members} - {"."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o700
            archive.addfile(entry)
        for name, path in members:
            with path.open("rb") as content:
                archive.addfile(_for_its_owner(archive.gettarinfo(arcname=name, fileobj=content)), content)
    return file.tell()


def _for_its_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode, entry.uid, entry.gid, entry.uname, entry.gname = 0o600, 0, 0, "", ""
    return entry
