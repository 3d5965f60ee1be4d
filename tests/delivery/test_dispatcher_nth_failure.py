"""The N-th transaction fails, for every N until a run passes untouched; then the next run finishes the mailing."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Literal, TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.database import Database, now
from distributor.delivery import commits
from distributor.delivery.ledger import Claim
from distributor.errors import DatabaseFault
from distributor.schema import delivery, seat
from tests.delivery import ledger_steps
from tests.delivery.dispatch_steps import ScriptedTransport, dispatcher, outlet

READERS = 12
CONNECTIONS = 2
_Found = TypeVar("_Found")


class FailingDatabase:
    """Lets one transaction fail: rolled back, or committed with the answer lost."""

    def __init__(self, opened: Database, *, nth: int, how: Literal["rolled back", "answer lost"]) -> None:
        self.read = opened.read
        self._opened = opened
        self._left = nth
        self._how = how

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        self._left -= 1
        fails = self._left == 0
        async with self._opened.write() as tx:
            yield tx
            if fails and self._how == "rolled back":
                raise DatabaseFault("disk I/O error")
        if fails:
            raise DatabaseFault("connection reset at COMMIT")

    async def transact(self, step: Callable[[sa.Connection], _Found]) -> _Found:
        async with self.write() as tx:
            return await tx.run_sync(step)

    @property
    def has_failed(self) -> bool:
        return self._left <= 0


@pytest.mark.parametrize("how", ["rolled back", "answer lost"])
@pytest.mark.parametrize("gives_up", [True, False], ids=["the run ends", "it is tried again"])
async def test_whichever_transaction_fails_nobody_is_lost(
    embedded: Database, monkeypatch: pytest.MonkeyPatch, how: Literal["rolled back", "answer lost"], gives_up: bool
) -> None:
    if gives_up:
        monkeypatch.setattr(commits, "DATABASE_WAITS", ())
    async with embedded.write() as tx:
        await ledger_steps.add_readers(tx, READERS)
    nth, has_failed = 0, True

    while has_failed:
        nth += 1
        claim = Claim(token=f"preparing{nth}", lease=ledger_steps.LEASE)
        of = await ledger_steps.launched(embedded, send_no=nth, claim=claim)
        relay, failing = ScriptedTransport(), FailingDatabase(embedded, nth=nth, how=how)
        ended = await run_once(failing, relay)
        has_failed = failing.has_failed
        await end_leases(embedded)
        await dispatcher(embedded, outlet(relay, connections=CONNECTIONS)).run_until_idle()

        copies = Counter(relay.recipients)
        assert len(copies) == READERS
        assert sum(copies.values()) - READERS <= (CONNECTIONS if gives_up else 0)
        assert ended == (has_failed and gives_up)
        assert (await ledger_steps.count(embedded, of)).by_state["accepted"] == READERS

    assert nth > READERS / CONNECTIONS


async def run_once(failing: FailingDatabase, relay: ScriptedTransport) -> bool:
    """Run until idle; say whether the fault ended it."""
    try:
        # A stand-in of the same shape: what a dispatcher uses of a database is read and write.
        await dispatcher(failing, outlet(relay, connections=CONNECTIONS)).run_until_idle()  # type: ignore[arg-type]
    except DatabaseFault:
        return True
    return False


async def end_leases(database: Database) -> None:
    async with database.write() as tx:
        for table in (delivery, seat):
            await tx.execute(sa.update(table).values(lease_until=now(timedelta(seconds=-1))))
