import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.database import Database
from distributor.delivery import ledger
from distributor.schema import delivery
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import NOW, OURS

READS_ALL = "SCAN delivery|Seq Scan on delivery"


async def test_claim_reads_its_index_in_order(database: Database) -> None:
    await steps.launched(database, readers=3000)

    async with explained(database) as plans:
        await plans.of(lambda tx: tx.run_sync(ledger.claim, OURS, steps.wanted(limit=50)))

    assert not any(re.search(READS_ALL, plan) for _sql, plan in plans.found)
    in_order = claims(plans)
    assert len(in_order) == len(ledger.DUE_STATES)
    assert all("ix_delivery_mailing_state" in plan for plan in in_order)
    assert not any(re.search("TEMP B-TREE|Sort", plan) for plan in in_order)


@pytest.mark.parametrize("is_late", [False, True], ids=["just launched", "near the end"])
async def test_claim_of_500_of_200_000_reads_its_index_in_order(database: Database, is_late: bool) -> None:
    """Just launched, PostgreSQL has not yet counted the new rows; near the end all but one in twenty are accepted."""
    await steps.launched(database, readers=3125)

    async with explained(database, marks="abcdef", is_late=is_late) as plans:
        total = await plans.count()
        for domains in (frozenset[str](), frozenset({"qq.com", "163.com"})):
            wanted = steps.wanted(limit=500, without=domains)
            await plans.of(lambda tx, wanted=wanted: tx.run_sync(ledger.claim, OURS, wanted))  # type: ignore[misc]

    in_order = claims(plans)
    assert (total, len(in_order)) == (200_000, 2 * len(ledger.DUE_STATES))
    assert not any(re.search(READS_ALL, plan) for _sql, plan in plans.found)
    assert all("ix_delivery_mailing_state" in plan for plan in in_order)
    assert not any(re.search("TEMP B-TREE|Sort", plan) for plan in in_order)


async def test_recovery_reads_an_index(database: Database) -> None:
    await steps.launched(database, readers=3000)

    async with explained(database) as plans:
        await plans.of(lambda tx: tx.run_sync(ledger.recover, at=NOW, on_uncertain="resend"))

    assert len(plans.found) == 2
    assert not any(re.search(READS_ALL, plan) for _sql, plan in plans.found)


def claims(plans: "Plans") -> list[str]:
    """How the rows to claim were read, one plan for each state."""
    return [
        plan for sql, plan in plans.found if sql.startswith("SELECT delivery.") and "ORDER BY delivery.due_at" in sql
    ]


class Plans:
    """Runs something in a transaction and asks the database how it read each of its statements on delivery."""

    def __init__(self, database: Database, tx: AsyncConnection) -> None:
        self.found: list[tuple[str, str]] = []
        self._prefix = "EXPLAIN " if database.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        self._tx = tx

    async def count(self) -> int:
        return await self._tx.scalar(sa.select(sa.func.count()).select_from(delivery)) or 0

    async def of(self, run: Callable[[AsyncConnection], Awaitable[object]]) -> None:
        seen: list[tuple[str, Any]] = []
        connection = self._tx.sync_connection
        assert connection is not None
        event.listen(connection, "before_cursor_execute", lambda *args: seen.append((args[2], args[3])))
        await run(self._tx)
        for sql, bound in [one for one in seen if "delivery" in one[0]]:
            rows = await self._tx.exec_driver_sql(self._prefix + sql, bound)
            self.found.append((sql, "\n".join(str(row[-1]) for row in rows)))


@asynccontextmanager
async def explained(database: Database, *, marks: str = "abcd", is_late: bool = True) -> AsyncIterator[Plans]:
    """Double the copies for each mark; late in a mailing all but one in twenty are accepted."""
    async with database.write() as tx:
        columns = [column for column in delivery.c if column.name not in ("id", "email_key")]
        for mark in marks:
            copied = sa.select(*columns, delivery.c.email_key + mark)
            await tx.execute(sa.insert(delivery).from_select([*(one.name for one in columns), "email_key"], copied))
        if is_late:
            await tx.execute(sa.update(delivery).where(delivery.c.id % 20 > 0).values(state="accepted"))
        if database.dialect == "postgresql" and is_late:
            await tx.execute(sa.text("ANALYZE delivery"))
        yield Plans(database, tx)
