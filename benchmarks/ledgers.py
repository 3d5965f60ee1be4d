"""A workspace of our own with a mailing that is ready to go: N readers frozen, nothing sent yet.

By the product's own functions, as `launch` uses them, on the database that the settings name. Only the readers are
written straight into their tables: a list file of 200,000 lines would measure the import.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks import letters
from benchmarks.letters import Letter
from distributor.delivery import freezing
from distributor.delivery.freezing import NewMailing
from distributor.delivery.ledger import Claim
from distributor.identifiers import EditionKey, IssueId, ListName, MailingId
from distributor.operations.clocks import SystemClock
from distributor.operations.launching import PREPARATION_LEASE
from distributor.operations.office import Office, open_office
from distributor.operations.workspace import open_workspace
from distributor.rendering.model import Rendition
from distributor.schema import membership, preference, section_set, subscriber
from distributor.subscribers import store
from distributor.subscribers.tokens import new_public_id

LIST = ListName("members")
EDITION = EditionKey("market")
ISSUE = IssueId("2015-007")
CHUNK = 5000
_SETTINGS = """schema = 1
[publication]
name = "{name}"
organisation = "示例单位"
language = "zh-CN"
timezone = "Asia/Shanghai"
base_url = "https://news.example.com/"
sender = "{name} <{sender}>"
address = "示例地址"
operators = ["ops@example.com"]
founded = 2015-01-01
[[section]]
id = "market"
title = "市场"
[delivery]
transport = "smtp"
window = {window}
[[smtp]]
url = "smtp+plaintext://127.0.0.1:{port}"
connections = {connections}
sign = {sign}
[dkim]
domain = "news.example.com"
selector = "bench"
key_file = "secrets/dkim.pem"
[[list]]
name = "members"
title = "会员单位"
[web]
mode = "public"
[database]
url = "{database}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How our sender is set up: copies marked as being sent on each connection at once, DKIM, the ledger's URL."""

    connections: int
    window: int = 1
    sign: bool = False
    database: str = ""


def write_workspace(root: Path, habits: Habits, *, port: int) -> None:
    """Write the settings and a fresh DKIM key of 2,048 bits; without `database` it is SQLite in the folder."""
    (root / "secrets").mkdir(parents=True, mode=0o700)
    url = habits.database or "sqlite:///var/distributor.db"
    settings = _SETTINGS.format(
        name=letters.SENDER_NAME,
        sender=letters.SENDER,
        port=port,
        connections=habits.connections,
        window=habits.window,
        sign=str(habits.sign).lower(),
        database=url,
    )
    (root / "distributor.toml").write_text(settings, encoding="utf-8")
    write_dkim_key(root / "secrets" / "dkim.pem")


def write_dkim_key(path: Path) -> None:
    """Write a fresh RSA key of 2,048 bits that only its owner may read."""
    key = rsa.generate_private_key(65537, 2048)
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


async def launch_mailing(root: Path, letter: Letter, readers: int) -> MailingId:
    """Add so many readers to the workspace's database and launch a mailing of the letter to them."""
    async with open_office(open_workspace(root, SystemClock(), {})) as office:
        now = office.workspace.clock.now()
        async with office.database.write() as tx:
            await _add_readers(tx, readers, now)
        return await _launch(office, letter, now)


async def _add_readers(tx: AsyncConnection, readers: int, now: datetime) -> None:
    everything = await tx.scalar(sa.insert(section_set).values(key="*").returning(section_set.c.id))
    for first in range(1, readers + 1, CHUNK):
        numbers = range(first, min(first + CHUNK, readers + 1))
        addresses = {number: letters.reader_address(number) for number in numbers}
        await tx.execute(
            sa.insert(subscriber),
            [
                {
                    "id": number,
                    "public_id": new_public_id(secrets.token_bytes),
                    "email_key": address,
                    "address": address,
                    "domain": address.rpartition("@")[2],
                    "name": f"读者{number}",
                    "created_at": now,
                }
                for number, address in addresses.items()
            ],
        )
        chosen = {"section_set": everything, "chosen_by": "list", "chosen_at": now}
        await tx.execute(sa.insert(preference), [chosen | {"subscriber": number} for number in numbers])
        joined = {"list": LIST, "state": "member", "changed_by": "list", "changed_at": now}
        await tx.execute(sa.insert(membership), [joined | {"subscriber": number} for number in numbers])


async def _launch(office: Office, letter: Letter, now: datetime) -> MailingId:
    new = NewMailing(
        channel="smtp",
        issue=ISSUE,
        send_no=1,
        origin=LIST,
        occurrence=None,
        fingerprint="benchmark",
        token_mark=letters.TOKEN_MARK,
        address_mark=letters.ADDRESS_MARK,
        message_date=now,
    )
    rendition = Rendition(
        edition=EDITION,
        issue=ISSUE,
        subject=letters.SUBJECT,
        preheader="",
        html=letter.html,
        text=letter.text,
        cids=(),
        shortened=0,
    )
    async with office.database.write() as tx:
        prepared = await freezing.prepare(tx, new, Claim(token=secrets.token_hex(8), lease=PREPARATION_LEASE))
    async with office.database.write() as tx:
        await freezing.freeze_renditions(tx, prepared, [rendition], [])
    await freezing.freeze_recipients(office.database, prepared, store.mailable([LIST]), {"*": EDITION}, now)
    async with office.database.write() as tx:
        await freezing.launch(tx, prepared, new.fingerprint, now)
    return prepared.mailing
