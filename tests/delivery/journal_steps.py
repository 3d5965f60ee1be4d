"""Steps of tests in which senders of their own are run, killed and judged; the server's journal is the evidence."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.database import Database
from distributor.delivery import decisions
from distributor.delivery.results import NEVER
from distributor.identifiers import MailingId
from distributor.schema import attempt, delivery
from tests.delivery import ledger_steps
from tests.smtp_journal_server import JournalServer

SENDER = Path(__file__).with_name("crash_sender.py")
ROOT = Path(__file__).parents[2]
CONNECTIONS = 4
SLOW_DOT = "dot slow s=0.004"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the journal says: readers without a copy, extra copies, and whether copies of one reader differ."""

    lost: set[str]
    extra: int
    strangers: set[str]
    are_alike: bool


SOUND = Verdict(lost=set(), extra=0, strangers=set(), are_alike=True)
"""Everybody has one copy, and nobody else has any."""


def address(number: int) -> str:
    return f"reader{number}@example.com"


def judge(server: JournalServer, readers: int, address: Callable[[int], str] = address) -> Verdict:
    expected = {address(number) for number in range(1, readers + 1)}
    copies = Counter(found["recipient"] for found in server.taken)
    kinds = {(found["recipient"], found["message_id"], found["digest"]) for found in server.taken}
    ids = {found["message_id"] for found in server.taken}
    return Verdict(
        lost=expected - copies.keys(),
        extra=sum(copies.values()) - len(copies),
        strangers=copies.keys() - expected,
        are_alike=len(kinds) == len(copies) == len(ids),
    )


def tries(server: JournalServer) -> Counter[str]:
    """How often each address was named in RCPT TO."""
    return Counter(found["recipient"] for found in server.events("rcpt"))


def sender(url: URL, server: JournalServer, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(SENDER), url.render_as_string(hide_password=False), str(server.port)]
    command += ["--connections", str(CONNECTIONS), *options]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


@contextmanager
def sending(url: URL, server: JournalServer, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    running = sender(url, server, *options)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def wait_for(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def finish(url: URL, server: JournalServer, *options: str, code: int = 0, seconds: float = 120) -> None:
    with sending(url, server, *options) as running:
        assert running.wait(timeout=seconds) == code


def reported(report: Path, event: str = "pause") -> list[dict[str, Any]]:
    """What a sender said of itself, for what no journal can tell: on its jumping clock, how long it waited and why."""
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["event"] == event]


def kill_at_random(url: URL, server: JournalServer, randomness: random.Random, *options: str, within: int = 40) -> int:
    """Start a sender and kill it somewhere in its next `within` copies; return how many bytes it got written."""
    before = server.path.stat().st_size
    mark = len(server.taken) + randomness.randint(1, within)
    with sending(url, server, *options) as running:
        wait_for(lambda: len(server.taken) >= mark or running.poll() is not None, seconds=300)
        time.sleep(randomness.random() * 0.01)
        running.send_signal(signal.SIGKILL)
    return server.path.stat().st_size - before


async def prepared(url: URL, readers: int) -> None:
    """A launched mailing of so many readers, `address(1)` to `address(readers)`."""
    async with Database.open(url) as opened:
        await ledger_steps.launched(opened, readers=readers)


def address_elsewhere(number: int) -> str:
    return f"reader{number}@d{number % 40}.example.com"


async def scattered(url: URL) -> None:
    """Move the readers of what is prepared to forty domains, `address_elsewhere` says where."""
    async with Database.open(url) as opened:
        rows = await ledger_steps.rows(opened)
        moved = [{"row": row.id, "to": address_elsewhere(int(row.address[6:].partition("@")[0]))} for row in rows]
        async with opened.write() as tx:
            change = sa.update(delivery).where(delivery.c.id == sa.bindparam("row"))
            place: dict[str, Any] = {"address": sa.bindparam("to"), "domain": sa.bindparam("at")}
            await tx.execute(change.values(place), [one | {"at": str(one["to"]).partition("@")[2]} for one in moved])


async def resumed(url: URL) -> str:
    """Let the mailing go on as a person would; return why it had stopped."""
    async with Database.open(url) as opened:
        row = await ledger_steps.mailing_row(opened, MailingId(1))
        async with opened.write() as tx:
            assert await decisions.resume(tx, MailingId(1)) == 1
    assert row.resume_at is None
    return str(row.reason)


async def ledger_says(url: URL) -> Counter[tuple[str, str]]:
    """Every row's reader and state."""
    async with Database.open(url) as opened:
        rows = await ledger_steps.rows(opened)
        assert not [row for row in rows if row.state == "uncertain" and row.due_at != NEVER]
        return Counter((row.address, row.state) for row in rows)


async def in_state(url: URL, state: str) -> set[str]:
    return {found for found, of in await ledger_says(url) if of == state}


async def states(url: URL) -> Counter[str]:
    """How many copies are in which state, counted against the plan."""
    async with Database.open(url) as opened:
        return Counter(row.state for row in await ledger_steps.rows(opened))


async def differences(url: URL, server: JournalServer) -> list[str]:
    """Where the ledger says something else than the journal; empty when they agree.

    Nothing may be accepted that the server did not take under that Message-ID, and nothing may be left, refused or
    expired that the server took and said so.
    """
    taken = {(found["recipient"], found["message_id"]) for found in server.taken}
    answered = {found["recipient"] for found in server.taken if found["answered"]}
    async with Database.open(url) as opened:
        rows = await ledger_steps.rows(opened)
    invented = [row for row in rows if row.state == "accepted" and (row.address, row.message_id) not in taken]
    denied = [row for row in rows if row.state not in {"accepted", "uncertain"} and row.address in answered]
    return [f"{row.address} {row.state}" for row in (*invented, *denied)]


async def attempts(url: URL) -> Counter[tuple[str, str]]:
    """How many tries of each reader ended how; a copy that was taken at once has none."""
    of = sa.select(delivery.c.address, attempt.c.outcome).join(delivery, delivery.c.id == attempt.c.delivery)
    async with Database.open(url) as opened, opened.read() as connection:
        return Counter((row.address, row.outcome) for row in await connection.execute(of))


async def outcomes(url: URL) -> Counter[str]:
    """How many tries ended how; without those that were taken at once."""
    said: Counter[str] = Counter()
    for (_address, outcome), count in (await attempts(url)).items():
        said[outcome] += count
    return said
