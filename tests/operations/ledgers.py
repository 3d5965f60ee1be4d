"""An office over any ledger: its workspace in a temporary folder, its database whichever the test has opened."""

import secrets
from pathlib import Path

from distributor.database import Database
from distributor.operations.office import KEY_FILE, Office
from distributor.operations.workspace import open_workspace
from distributor.subscribers.tokens import new_key, parse_keys
from distributor.times import Clock
from tests.offices import write_workspace

KEY = new_key(secrets.token_bytes)


def office_over(database: Database, folder: Path, clock: Clock, *, smtp: str = "") -> Office:
    """An office that mails by SMTP, through the `[[smtp]]` table given; nothing of it listens."""
    more = f"\n[[smtp]]\n{smtp}\n" if smtp else ""
    root = write_workspace(folder, changes={'transport = "smtp"': 'transport = "smtp"'}, more=more)
    keyring = parse_keys(KEY, path=KEY_FILE.as_posix()).keyring
    assert keyring is not None
    return Office(workspace=open_workspace(root, clock, {}), database=database, keyring=keyring)
