"""The composition root's second half: the workspace with its database and its signing keys opened.

Enters: a `Workspace`. Leaves: an `Office`, closed again at the end. secrets/token.key is made by `distributor init`; a
workspace that never mailed gets one made here, but where mails are out there whose links depend on a lost key, a person
must bring it back.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from distributor.database import Database, database_url
from distributor.errors import ConfigError
from distributor.operations.files import write_if_changed
from distributor.operations.workspace import Workspace
from distributor.problems import Problem, wording
from distributor.schema import mailing
from distributor.subscribers.tokens import Keyring, new_key, parse_keys

KEY_FILE = Path("secrets") / "token.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Everything an operation needs: the workspace, its database, its keys."""

    workspace: Workspace
    database: Database
    keyring: Keyring = field(repr=False)


@asynccontextmanager
async def open_office(workspace: Workspace) -> AsyncIterator[Office]:
    """Open and migrate the database and read the keys. Raises ConfigError and DatabaseFault."""
    url = database_url(workspace.settings.database.url, workspace.root)
    async with Database.open(url) as database:
        keyring = await _keyring(workspace.root, database)
        yield Office(workspace=workspace, database=database, keyring=keyring)


async def reopened(office: Office, workspace: Workspace) -> Office:
    """Return the office of an edited workspace on the same database, its keys read anew. Raises ConfigError."""
    keyring = await _keyring(workspace.root, office.database)
    return Office(workspace=workspace, database=office.database, keyring=keyring)


def make_key_file(root: Path) -> None:
    """Write a fresh secrets/token.key that only its owner may read."""
    (root / KEY_FILE).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_if_changed(root / KEY_FILE, new_key(secrets.token_bytes).encode(), mode=0o600)


async def _keyring(root: Path, database: Database) -> Keyring:
    path = root / KEY_FILE
    if not path.exists():
        await _only_before_the_first_mail(database)
        make_key_file(root)
    shown = KEY_FILE.as_posix()
    if path.stat().st_mode & 0o077:
        raise _refused(
            Problem(
                path=shown,
                line=None,
                what=wording("别人也能读这个密钥", "others can read this key"),
                remedy=wording(f"运行 chmod 600 {shown}", f"run chmod 600 {shown}"),
            )
        )
    read = parse_keys(path.read_text(encoding="utf-8", errors="replace"), path=shown)
    if read.keyring is None:
        raise _refused(*read.problems)
    return read.keyring


async def _only_before_the_first_mail(database: Database) -> None:
    async with database.read() as connection:
        mailed = await connection.scalar(sa.select(sa.func.count()).where(mailing.c.launched_at.is_not(None)))
    if mailed:
        raise _refused(
            Problem(
                path=KEY_FILE.as_posix(),
                line=None,
                what=wording(
                    "签名密钥不见了，已发邮件里的退订链接都要靠它", "the signing key is gone; mailed links need it"
                ),
                remedy=wording(
                    "从备份恢复这个文件；确实找不回来时，新建一个空目录用 distributor init 生成并复制过来",
                    "restore it from the backup; if it is lost, copy a fresh one from a new `distributor init`",
                ),
            )
        )


def _refused(*problems: Problem) -> ConfigError:
    return ConfigError(
        wording("密钥文件不能用，什么都没有改动", "the key file was refused, nothing was changed"),
        problems=problems,
    )
