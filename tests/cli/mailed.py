"""Workspaces whose ledger already holds mailings, for commands that tell and decide; made without any server."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from distributor.cli.app import run
from distributor.database import Database, database_url
from distributor.operations.office import make_key_file
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import HOLD, NO, TAKEN, UNKNOWN
from tests.offices import write_workspace

SMTP = {'transport = "smtp"': 'transport = "smtp"'}


def workspace_with(folder: Path, work: Callable[[Database], Awaitable[Any]]) -> Path:
    """A workspace that mails by SMTP, after `work` on its ledger."""
    root = write_workspace(folder / "office", changes=SMTP)
    make_key_file(root)
    change(root, work)
    return root


def change(root: Path, work: Callable[[Database], Awaitable[Any]]) -> None:
    async def once() -> None:
        async with Database.open(database_url("sqlite:///var/distributor.db", root)) as database:
            await work(database)

    asyncio.run(once())


async def mixed(database: Database) -> None:
    """Mailing 1 of issue 55 to five readers: one copy accepted, one refused, one unknown and held, two pending."""
    await steps.launched(database, readers=5)
    for outcome in (TAKEN, NO, UNKNOWN):
        await steps.tried(database, outcome, limit=1, policy=HOLD)


async def waiting(database: Database) -> None:
    """Mailing 1 of issue 55 to three readers, nothing sent yet."""
    await steps.launched(database, readers=3)


async def finished(database: Database) -> None:
    """Mailing 1 of issue 55 to two readers, both accepted."""
    await steps.launched(database, readers=2)
    await steps.tried(database, TAKEN)


class Told:
    """Runs commands in one workspace and keeps what the last one said."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, *words: str) -> int:
        code = run(["--root", str(self.root), *words])
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *words: str) -> Any:
        assert self(*words, "--json") == 0
        return json.loads(self.out)
