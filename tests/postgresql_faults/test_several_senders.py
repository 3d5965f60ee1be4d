"""Several sender processes share one mailing on PostgreSQL, also when one of them is suspended for too long."""

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.database import Database
from distributor.delivery import ledger
from distributor.schema import delivery
from tests.delivery import ledger_steps
from tests.delivery.journal_steps import (
    CONNECTIONS,
    address,
    differences,
    finish,
    judge,
    prepared,
    sending,
    states,
    wait_for,
)
from tests.smtp_journal_server import journal_server

pytestmark = pytest.mark.postgresql
LEASE = ("--lease", "30")


@contextmanager
def watching(url: URL) -> Iterator[psycopg.Connection[tuple[int]]]:
    """A connection that looks at what others do."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


def end_idle_transactions(url: URL) -> None:
    """Let the server end sessions that stand still in a transaction, as an operator would set it, only sooner."""
    with watching(url) as watcher:
        watcher.execute(f"ALTER DATABASE {url.database} SET idle_in_transaction_session_timeout = '1s'")


def in_transaction(watcher: psycopg.Connection[tuple[int]]) -> int:
    """How many other connections to the database stand in the middle of a transaction."""
    row = watcher.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND state <> 'idle' AND backend_type = 'client backend'"
    ).fetchone()
    assert row is not None
    return row[0]


def suspend(running: subprocess.Popen[bytes], url: URL, *, inside: bool) -> None:
    """Stop a process that is the only one on the database, in the middle of a transaction or outside one."""
    with watching(url) as watcher:
        for _try in range(5000):
            running.send_signal(signal.SIGSTOP)
            time.sleep(0.005)
            if (in_transaction(watcher) > 0) is inside:
                return
            running.send_signal(signal.SIGCONT)
            time.sleep(random.random() * 0.004)
    raise AssertionError("it never stood there")


async def test_three_senders_share_a_mailing_and_repeat_nothing(url: URL, tmp_path: Path) -> None:
    """Each sender has a mail server of its own, whose journal says what that sender was given."""
    readers = 300
    await prepared(url, readers)
    with ExitStack() as stack:
        for name in "abc":
            (tmp_path / name).mkdir()
        mails = [stack.enter_context(journal_server(tmp_path / name, "dot slow s=0.02")) for name in "abc"]

        running = [stack.enter_context(sending(url, mail, *LEASE)) for mail in mails]
        codes = [one.wait(timeout=120) for one in running]

        shares = [Counter(one["recipient"] for one in mail.taken) for mail in mails]

    assert codes == [0, 0, 0]
    assert sum(shares, Counter()) == {address(number): 1 for number in range(1, readers + 1)}
    assert min(share.total() for share in shares) >= 40
    assert await states(url) == {"accepted": readers}


async def test_claim_passes_over_rows_that_another_process_is_just_claiming(url: URL) -> None:
    async with Database.open(url) as opened:
        await ledger_steps.launched(opened, readers=10)
        wanted = ledger_steps.wanted(limit=5)

        async with opened.write() as first:
            theirs = await first.run_sync(ledger.claim, ledger_steps.THEIRS, wanted)
            async with opened.write() as second:
                await second.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
                ours = await second.run_sync(ledger.claim, ledger_steps.OURS, wanted)

        async with opened.read() as connection:
            rows = (await connection.execute(sa.select(delivery.c.id, delivery.c.claim))).all()
    assert (len(theirs), len(ours)) == (5, 5)
    assert {row.claim for row in rows} == {"ours", "theirs"}
    assert {copy.id for copy in ours}.isdisjoint(copy.id for copy in theirs)


async def test_lease_is_renewed_without_waiting_for_a_row_whose_result_is_being_written(url: URL) -> None:
    """Both come from one sender, on two connections: were both to wait for each other, the server would end one."""
    async with Database.open(url) as opened:
        await ledger_steps.launched(opened, readers=3)
        first, *others = [copy.id for copy in await ledger_steps.claimed(opened)]
        before = {row.id: row.lease_until for row in await ledger_steps.rows(opened)}

        async with opened.write() as writing:
            await writing.execute(sa.update(delivery).where(delivery.c.id == first).values(last_text="2.0.0"))
            async with opened.write() as renewing:
                await renewing.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
                await renewing.run_sync(ledger.renew, ledger_steps.OURS, [first, *others])
        after = {row.id: row.lease_until for row in await ledger_steps.rows(opened)}

    assert {one for one in after if after[one] > before[one]} == set(others)


@pytest.mark.parametrize("inside", [False, True], ids=["between transactions", "in a transaction"])
async def test_sender_that_wakes_after_its_lease_repeats_only_what_was_under_way(
    url: URL, tmp_path: Path, inside: bool
) -> None:
    """In the middle of a transaction it holds locks, until the server ends its session as it was told to."""
    readers = 200
    await prepared(url, readers)
    end_idle_transactions(url)

    with journal_server(tmp_path, "dot slow s=0.01") as mail, sending(url, mail) as suspended:
        wait_for(lambda: len(mail.taken) >= 30)
        suspend(suspended, url, inside=inside)
        with sending(url, mail) as other:
            assert other.wait(timeout=60) == 0
        suspended.send_signal(signal.SIGCONT)
        suspended.wait(timeout=60)
        finish(url, mail)
        found, wrong = judge(mail, readers), await differences(url, mail)

    assert (found.lost, found.strangers, found.are_alike, wrong) == (set(), set(), True, [])
    assert found.extra <= CONNECTIONS
    assert await states(url) == {"accepted": readers}


@pytest.mark.soak
async def test_soak_of_three_senders_that_are_killed_and_suspended(
    url: URL, tmp_path: Path, soak_tally: Callable[..., None]
) -> None:
    readers, kills, pauses, randomness = 1500, 6, 6, random.Random(20150712)
    await prepared(url, readers)

    with journal_server(tmp_path, "dot slow s=0.01") as mail, ExitStack() as stack:
        running = [stack.enter_context(sending(url, mail)) for _sender in range(3)]
        for turn in range(kills + pauses):
            wait_for(lambda mark=(turn + 1) * 100: len(mail.taken) >= mark)  # type: ignore[misc]
            chosen = randomness.randrange(3)
            if turn % 2:
                running[chosen].send_signal(signal.SIGSTOP)
                time.sleep(1.5)
                running[chosen].send_signal(signal.SIGCONT)
            else:
                running[chosen].kill()
                running[chosen].wait()
                running[chosen] = stack.enter_context(sending(url, mail))
        codes = [one.wait(timeout=120) for one in running]
        finish(url, mail)
        found, wrong = judge(mail, readers), await differences(url, mail)

    assert codes == [0, 0, 0]
    assert (found.lost, found.strangers, found.are_alike, wrong) == (set(), set(), True, [])
    assert found.extra <= (kills + pauses) * CONNECTIONS
    assert await states(url) == {"accepted": readers}
    soak_tally("three senders on PostgreSQL", kills=kills, faults=pauses, duplicates=found.extra)
