"""Measure how long a claim of 500 among 200,000 rows takes, and show by which index the database finds them.

    python -m benchmarks.claims [--readers 200000] [--limit 500] [--claims 40] [--database URL|own|none]

On SQLite, and on PostgreSQL where one is named or installed. Each claim is a transaction of its own, committed; its
copies stay claimed, so the next one has to find others. Half of the claims are made at the beginning of the mailing,
half at its end, when all copies but those few were accepted. The plans are those of the statements that really ran.
"""

import argparse
import asyncio
import contextlib
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks import machine, servers
from benchmarks.contestants import ROOT
from benchmarks.ledgers import Habits, launch_mailing, write_workspace
from benchmarks.letters import write_letter
from distributor.database import Database
from distributor.delivery import ledger
from distributor.delivery.ledger import Claim, Wanted
from distributor.operations.clocks import SystemClock
from distributor.operations.office import open_office
from distributor.operations.workspace import open_workspace
from distributor.schema import delivery

LEASE = timedelta(minutes=2)
PLAN_WIDTH = 120


def main() -> None:
    """Measure on each database that is here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=200_000)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--claims", type=int, default=40)
    parser.add_argument("--database", default="own", help="URL of a PostgreSQL server, `own` to start one, or `none`")
    asked = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in machine.described().items()), end=".\n")
    asyncio.run(_measure(asked, "SQLite", ""))
    if asked.database != "none":
        with _postgresql(asked.database) as server, servers.empty_database(server) as url:
            asyncio.run(_measure(asked, "PostgreSQL", url))


@contextlib.contextmanager
def _postgresql(asked: str) -> Iterator[str]:
    if asked != "own":
        yield asked
        return
    with servers.own_postgresql() as url:
        yield url


async def _measure(asked: argparse.Namespace, title: str, database: str) -> None:
    made = ROOT / "var" / "benchmarks"
    made.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="workspace-", dir=made) as folder:
        root = Path(folder)
        write_workspace(root, Habits(connections=1, database=database), port=25)
        await launch_mailing(root, write_letter(10), asked.readers)
        async with open_office(open_workspace(root, SystemClock(), {})) as office:
            print(f"\n## {title}: {asked.limit} of {asked.readers:,} rows claimed and committed\n")
            half = max(asked.claims // 2, 1)
            await _gather_statistics(office.database)
            await _report("at the beginning", office.database, asked.limit, half)
            await _accept_all_but_the_last(office.database, (half + 1) * asked.limit)
            await _report("at the end", office.database, asked.limit, half)


async def _report(when: str, opened: Database, limit: int, claims: int) -> None:
    plans = await _plans(opened, limit)
    took = [await _claim(opened, limit) for _claim_number in range(claims)]
    print(f"{when}: median {median(took):.1f} ms, fastest {min(took):.1f}, slowest {max(took):.1f} ({claims} claims)\n")
    for done, plan in plans:
        print("\n".join([f"    {done}", *(f"        {line}" for line in _accesses(plan))]))
    print()


async def _gather_statistics(opened: Database) -> None:
    """Do what PostgreSQL does by itself after a while; SQLite never does, and nobody asks it to."""
    if opened.dialect == "postgresql":
        async with opened.write() as tx:
            await tx.execute(sa.text("ANALYZE"))


async def _accept_all_but_the_last(opened: Database, rest: int) -> None:
    async with opened.write() as tx:
        newest = sa.select(delivery.c.id).order_by(delivery.c.id.desc()).limit(rest).subquery()
        first = await tx.scalar(sa.select(sa.func.min(newest.c.id)))
        done = sa.update(delivery).where(delivery.c.id < first).values(state="accepted", lease_until=None)
        await tx.execute(done)


def _wanted(limit: int) -> tuple[Claim, Wanted]:
    claim = Claim(token=secrets.token_hex(16), lease=LEASE)
    return claim, Wanted(channel="smtp", limit=limit, now=SystemClock().now())


async def _claim(opened: Database, limit: int) -> float:
    """Return the milliseconds that one claim took, its commit included."""
    claim, wanted = _wanted(limit)
    start = time.perf_counter()
    copies = await opened.transact(lambda tx: ledger.claim(tx, claim, wanted))
    took = (time.perf_counter() - start) * 1000
    assert len(copies) == limit, f"{len(copies)} claimed: fewer readers than --claims times --limit?"
    return took


async def _plans(opened: Database, limit: int) -> list[tuple[str, str]]:
    """Return each statement that a claim runs on delivery in a few words, and the lines of its plan."""
    async with opened.write() as tx:
        ran = await _statements_of_a_claim(tx, limit)
        prefix = "EXPLAIN " if opened.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        plans = []
        for statement, bound in ran:
            rows = await tx.exec_driver_sql(prefix + statement, bound)
            plans.append((_shown(statement), "\n".join(str(row[-1]) for row in rows)))
    return plans


async def _statements_of_a_claim(tx: AsyncConnection, limit: int) -> list[tuple[str, Any]]:
    ran: list[tuple[str, Any]] = []
    connection = tx.sync_connection
    assert connection is not None

    def note(*seen: Any) -> None:
        ran.append((seen[2], seen[3]))

    event.listen(connection, "before_cursor_execute", note)
    claim, wanted = _wanted(limit)
    await tx.run_sync(ledger.claim, claim, wanted)
    event.remove(connection, "before_cursor_execute", note)
    return [(statement, bound) for statement, bound in ran if "delivery" in statement]


def _shown(statement: str) -> str:
    """Return what a statement does in a few words: its verb, its table and the state that it looks for."""
    words = " ".join(statement.split())
    table = re.search(r"\b(?:FROM|UPDATE) (mailing|delivery)\b", words)
    state = re.search(r"delivery\.state = '(\w+)'", words)
    named = [words.split(" ", 1)[0], table[1] if table else "", state[1] if state else ""]
    return " ".join(word for word in named if word)


def _accesses(plan: str) -> list[str]:
    """Return the lines of a plan that say how a table is read."""
    return [line[:PLAN_WIDTH] for line in plan.splitlines() if re.search("SCAN|SEARCH|Scan|Index Cond", line)]


if __name__ == "__main__":
    main()
