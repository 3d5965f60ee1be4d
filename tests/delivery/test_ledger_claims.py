import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import decisions, ledger
from distributor.delivery.ledger import Claim, Recovered
from distributor.delivery.results import NEVER
from distributor.schema import delivery, mailing
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import LATE, LATER, NO, NOW, OURS, TAKEN, THEIRS

MINUTE = timedelta(minutes=1)


async def test_claim_returns_what_a_message_is_composed_from(database: Database) -> None:
    of = await steps.launched(database, readers=1)

    (copy,) = await steps.claimed(database)

    assert (copy.mailing, copy.edition, copy.address, copy.public_id) == (
        of,
        "market+policy",
        "reader1@example.com",
        "p00000001",
    )
    assert (copy.name, copy.format, copy.attempts, copy.first_tried_at) == ("读者1", "html", 0, None)


async def test_claimed_copy_is_claimed_by_nobody_else(database: Database) -> None:
    await steps.launched(database, readers=5)

    first = await steps.claimed(database, limit=3)
    second = await steps.claimed(database, claim=THEIRS)
    third = await steps.claimed(database, claim=Claim(token="third", lease=steps.LEASE))

    assert [len(first), len(second), len(third)] == [3, 2, 0]
    assert not {copy.id for copy in first} & {copy.id for copy in second}


async def test_copies_that_are_not_due_stay(database: Database) -> None:
    await steps.launched(database, readers=2)

    assert await steps.claimed(database, now=NOW - MINUTE) == ()


async def test_several_mailings_share_a_claim(database: Database) -> None:
    first = await steps.launched(database, readers=8)
    second = await steps.launched(database, send_no=2, claim=THEIRS)

    copies = await steps.claimed(database, limit=6)

    assert [copy.mailing for copy in copies] == [first] * 3 + [second] * 3


async def test_claim_of_one_mailing_leaves_the_others(database: Database) -> None:
    await steps.launched(database, readers=2)
    second = await steps.launched(database, send_no=2, claim=THEIRS)

    copies = await steps.claimed(database, mailing=second)

    assert {copy.mailing for copy in copies} == {second}


async def test_other_channel_is_not_claimed(database: Database) -> None:
    await steps.launched(database, readers=2)

    assert await steps.claimed(database, channel="outbox") == ()


async def test_retry_goes_before_copies_never_tried(database: Database) -> None:
    await steps.launched(database, readers=3)
    (first,) = await steps.tried(database, LATER, limit=1)

    copies = await steps.claimed(database, limit=1, now=NOW + timedelta(hours=1))

    assert [copy.id for copy in copies] == [first.id]


async def test_reader_suppressed_before_the_claim_gets_nothing(database: Database) -> None:
    of = await steps.launched(database, readers=2)
    await steps.suppress(database, "reader1@example.com")

    copies = await steps.claimed(database)

    assert [copy.email_key for copy in copies] == ["reader2@example.com"]
    assert (await steps.count(database, of)).by_state["suppressed"] == 1


async def test_reader_suppressed_between_claim_and_intent_gets_nothing(database: Database) -> None:
    await steps.launched(database, readers=2)
    copies = await steps.claimed(database)
    await steps.suppress(database, "reader1@example.com")

    going = await steps.intended(database, copies)

    assert going == {copies[1].id}
    assert await steps.states(database) == ["suppressed", "sending"]


async def test_woken_process_sends_nothing_after_its_lease(database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.claimed(database, claim=LATE)

    assert await steps.intended(database, copies, claim=LATE) == frozenset()


async def test_copy_taken_over_is_not_intended_by_the_first(database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.claimed(database, claim=LATE)
    await steps.recovered(database)
    await steps.claimed(database, claim=THEIRS)

    assert await steps.intended(database, copies, claim=LATE) == frozenset()
    assert await steps.intended(database, copies, claim=THEIRS) == {copies[0].id}


async def test_paused_mailing_intends_nothing(database: Database) -> None:
    of = await steps.launched(database, readers=1)
    copies = await steps.claimed(database)
    async with database.write() as tx:
        await decisions.pause(tx, of, reason="too many complaints")

    assert await steps.intended(database, copies) == frozenset()


async def test_intent_repeated_after_a_lost_commit_answer_still_holds(database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.claimed(database)
    await steps.intended(database, copies)

    assert await steps.intended(database, copies) == {copies[0].id}


async def test_renewed_lease_outlives_the_first(database: Database) -> None:
    await steps.launched(database, readers=2)
    short = Claim(token="ours", lease=timedelta(milliseconds=300))
    copies = await steps.claimed(database, claim=short)
    async with database.write() as tx:
        await tx.run_sync(ledger.renew, OURS, [copies[0].id])

    await asyncio.sleep(0.4)

    assert await steps.recovered(database) == Recovered(returned=1, uncertain=0)
    assert await steps.states(database) == ["claimed", "pending"]


async def test_lease_that_is_over_is_not_renewed(database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.claimed(database, claim=LATE)

    async with database.write() as tx:
        await tx.run_sync(ledger.renew, Claim(token="late", lease=steps.LEASE), [copies[0].id])

    assert (await steps.recovered(database)).returned == 1


async def test_dead_claim_goes_back_and_is_charged_with_nothing(database: Database) -> None:
    await steps.launched(database, readers=2)
    await steps.claimed(database, claim=LATE)

    assert await steps.recovered(database) == Recovered(returned=2, uncertain=0)
    assert [(row.state, row.attempts, row.claim) for row in await steps.rows(database)] == [("pending", 0, None)] * 2


async def test_dead_claim_of_a_tried_copy_goes_back_to_deferred(database: Database) -> None:
    await steps.launched(database, readers=1)
    await steps.tried(database, LATER)
    await steps.claimed(database, claim=LATE, now=NOW + 6 * MINUTE)

    await steps.recovered(database)

    assert await steps.states(database) == ["deferred"]


@pytest.mark.parametrize(
    ("policy", "due_at"), [("resend", NOW), ("hold", NEVER)], ids=["goes again at once", "waits for a person"]
)
async def test_copy_found_in_sending_after_a_crash_is_uncertain(
    database: Database, policy: str, due_at: object
) -> None:
    await steps.launched(database, readers=1)
    copy = await dead_sending(database)

    assert await steps.recovered(database, on_uncertain=policy) == Recovered(returned=0, uncertain=1)

    (row,) = await steps.rows(database)
    assert (row.state, row.due_at, row.attempts, row.claim) == ("uncertain", due_at, 1, "ours")
    assert await steps.tries(database, copy) == [(1, "uncertain", None)]


async def test_copy_in_hand_at_three_crashes_waits_an_hour(database: Database) -> None:
    await steps.launched(database, readers=1)
    for _crash in range(3):
        await dead_sending(database)
        await steps.recovered(database)

    (row,) = await steps.rows(database)
    assert row.due_at == NOW + timedelta(hours=1)


async def test_live_lease_is_not_recovered(database: Database) -> None:
    await steps.launched(database, readers=2)
    copies = await steps.claimed(database)
    await steps.intended(database, copies[:1])

    assert await steps.recovered(database) == Recovered(returned=0, uncertain=0)
    assert await steps.states(database) == ["sending", "claimed"]


async def test_late_result_settles_the_copy_that_recovery_called_uncertain(database: Database) -> None:
    of = await steps.launched(database, readers=1)
    copy = await dead_sending(database)
    await steps.recovered(database)

    lost = await steps.settled(database, [copy], TAKEN)

    (row,) = await steps.rows(database)
    assert (lost, row.state, row.attempts) == ((), "accepted", 1)
    assert await steps.tries(database, copy) == [(1, "uncertain", None), (1, "accepted", 250)]
    assert (await steps.count(database, of)).is_finished


async def test_late_result_settles_a_held_copy(database: Database) -> None:
    await steps.launched(database, readers=1)
    copy = await dead_sending(database)
    await steps.recovered(database, on_uncertain="hold")

    await steps.settled(database, [copy], NO)

    assert await steps.states(database) == ["refused"]


async def test_result_of_a_lost_claim_changes_no_state_but_is_written_down(database: Database) -> None:
    await steps.launched(database, readers=1)
    copy = await dead_sending(database)
    await steps.recovered(database)
    await steps.claimed(database, claim=THEIRS)

    lost = await steps.settled(database, [copy], TAKEN)

    assert lost == (copy.id,)
    assert await steps.states(database) == ["claimed"]
    assert (await steps.tries(database, copy))[-1] == (2, "accepted", 250)


async def test_result_for_a_row_that_is_gone_is_reported_lost(database: Database) -> None:
    of = await steps.launched(database, readers=1)
    copies = await steps.claimed(database)
    async with database.write() as tx:
        await tx.execute(sa.delete(mailing).where(mailing.c.id == of))

    assert await steps.settled(database, copies, TAKEN) == (copies[0].id,)


async def test_result_repeated_after_a_lost_commit_answer_changes_nothing(database: Database) -> None:
    await steps.launched(database, readers=2)
    first = await steps.tried(database, LATER)
    before = await steps.rows(database)

    lost = await steps.settled(database, first, LATER, at=NOW + MINUTE)

    assert lost == ()
    assert await steps.rows(database) == before
    assert len(await steps.tries(database, first[0])) == 1


async def test_released_copies_are_due_as_before(database: Database) -> None:
    await steps.launched(database, readers=2)
    copies = await steps.claimed(database)
    await steps.intended(database, copies[:1])

    async with database.write() as tx:
        await tx.run_sync(ledger.release, OURS, [copy.id for copy in copies])
        await tx.run_sync(ledger.release, OURS, [])

    assert [(row.state, row.attempts) for row in await steps.rows(database)] == [("pending", 0)] * 2
    assert len(await steps.claimed(database)) == 2


async def test_claim_of_which_nothing_is_known_is_given_back_whole(database: Database) -> None:
    await steps.launched(database, readers=4)
    await steps.claimed(database, limit=2)
    await steps.claimed(database, claim=THEIRS)

    async with database.write() as tx:
        await tx.run_sync(ledger.disclaim, OURS)

    assert await steps.states(database) == ["pending"] * 2 + ["claimed"] * 2


async def test_release_leaves_what_another_process_holds(database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.claimed(database)

    async with database.write() as tx:
        await tx.run_sync(ledger.release, THEIRS, [copies[0].id])

    assert await steps.states(database) == ["claimed"]


async def dead_sending(database: Database) -> ledger.Copy:
    """A copy in `sending` whose process is gone: its lease is over."""
    (copy,) = await steps.claimed(database)
    await steps.intended(database, [copy])
    async with database.write() as tx:
        past = ledger.database.now(timedelta(seconds=-1))
        await tx.execute(sa.update(delivery).where(delivery.c.id == copy.id).values(lease_until=past))
    return copy
