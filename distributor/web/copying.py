"""A copy of the office to look at: its database copied aside, so that looking changes nothing.

Enters: a workspace. Leaves: an `Office` whose SQLite database is a copy in a temporary folder, removed at the end; list
files that changed are brought into the copy, as a launch would. A PostgreSQL database is opened as it is and only
read. Where no signing key is, one is made up in memory.
"""

import asyncio
import secrets
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL

from distributor.database import Database, database_url
from distributor.errors import DatabaseFault, HeldError, InputError
from distributor.identifiers import ListName
from distributor.operations import membership
from distributor.operations.membership import ListSync
from distributor.operations.office import KEY_FILE, Office
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.subscribers.tokens import Keyring, new_key, parse_keys


@asynccontextmanager
async def office_copy(workspace: Workspace) -> AsyncIterator[Office]:
    """Open an office that nothing done to it outlives. Raises ConfigError and DatabaseFault."""
    with tempfile.TemporaryDirectory(prefix="distributor-preview-") as folder:
        url = await asyncio.to_thread(_copied, workspace, Path(folder))
        async with Database.open(url) as database:
            yield Office(workspace=workspace, database=database, keyring=_keyring(workspace.root))


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The list files `changed` since their last sync, and why others are `held` and would hold up a launch."""

    held: tuple[InputError | HeldError, ...]
    changed: tuple[ListSync, ...]


async def bring_lists(office: Office) -> Brought:
    """Bring the list files that changed into the copy, as a launch would; where there is no copy, only name them."""
    held: list[InputError | HeldError] = []
    changed: list[ListSync] = []
    for name in office.workspace.list_names:
        try:
            changed += await _bring(office, name)
        except (InputError, HeldError) as error:
            held.append(error)
    return Brought(held=tuple(held), changed=tuple(changed))


async def _bring(office: Office, name: ListName) -> tuple[ListSync, ...]:
    syncs = await membership.compare_lists(office, [name])
    changed = tuple(sync for sync in syncs if sync.difference is not None and sync.difference.is_new_file)
    for sync in changed:
        if sync.is_held:
            raise membership.shrunk(sync)
    if office.database.dialect == "sqlite":
        await membership.apply_lists(office, changed)
    return changed


def _copied(workspace: Workspace, folder: Path) -> URL:
    url = database_url(workspace.settings.database.url, workspace.root)
    if url.get_backend_name() != "sqlite" or not url.database:
        return url
    copy = folder / "distributor.db"
    if Path(url.database).exists():
        try:
            _copy(Path(url.database), copy)
        except sqlite3.Error as error:
            raise DatabaseFault(
                wording(f"读不了数据库 {url.database}：{error}", f"cannot read the database {url.database}: {error}")
            ) from error
    return url.set(database=str(copy))


def _copy(source: Path, target: Path) -> None:
    # Through SQLite itself, which takes the write-ahead log along and waits for a writer.
    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        original.backup(copy)


def _keyring(root: Path) -> Keyring:
    path = root / KEY_FILE
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    kept = parse_keys(text, path=KEY_FILE.as_posix()).keyring
    if kept is not None:
        return kept
    made = parse_keys(new_key(secrets.token_bytes), path=KEY_FILE.as_posix()).keyring
    assert made is not None
    return made
