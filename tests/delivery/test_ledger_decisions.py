from datetime import datetime, timedelta

import pytest

from distributor.database import Database
from distributor.delivery import counts, decisions
from distributor.delivery.model import Copy
from distributor.delivery.results import NEVER
from distributor.errors import DistributorError
from distributor.identifiers import DeliveryId, IssueId, MailingId
from distributor.schema import DELIVERY_STATES, delivery, mailing
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import HOLD, LATER, NO, NOW, TAKEN, THEIRS, UNKNOWN

HOUR = timedelta(hours=1)


async def test_paused_mailing_is_not_claimed_until_it_is_resumed(database: Database) -> None:
    of = await steps.launched(database, readers=2)
    async with database.write() as tx:
        assert await decisions.pause(tx, of, reason="wrong picture") == 1
    while_paused = await steps.claimed(database)

    async with database.write() as tx:
        assert await decisions.resume(tx, of) == 1
        assert await decisions.resume(tx, of) == 0

    assert while_paused == ()
    assert len(await steps.claimed(database)) == 2


async def test_pause_says_why_and_until_when(database: Database) -> None:
    of = await steps.launched(database)
    async with database.write() as tx:
        await decisions.pause(tx, of, reason="535 login refused", resume_at=NOW + HOUR)

    async with database.read() as connection:
        (line,) = await counts.mailings(connection)

    assert (line.mailing.state, line.mailing.reason, line.resume_at) == ("paused", "535 login refused", NOW + HOUR)
    assert line.launched_at == NOW


async def test_pause_with_an_end_ends_by_itself(database: Database) -> None:
    of = await steps.launched(database, readers=1)
    async with database.write() as tx:
        await decisions.pause(tx, of, reason="no connection", resume_at=NOW + HOUR)

    async with database.write() as tx:
        early = await decisions.resume_due(tx, now=NOW)
        due = await decisions.resume_due(tx, now=NOW + HOUR)

    row = await steps.mailing_row(database, of)
    assert (early, due, row.state, row.reason, row.resume_at) == (0, 1, "running", "", None)


async def test_a_persons_pause_does_not_end_by_itself(database: Database) -> None:
    of = await steps.launched(database)
    async with database.write() as tx:
        await decisions.pause(tx, of, reason="no connection", resume_at=NOW + HOUR)
        await decisions.pause(tx, of, reason="let me look first")

        assert await decisions.resume_due(tx, now=NOW + 9 * HOUR) == 0


async def test_server_trouble_pauses_every_mailing_with_copies_left(database: Database) -> None:
    first = await steps.launched(database, readers=2)
    outbox = await steps.launched(database, channel="outbox")
    done = await steps.launched(database, send_no=2, claim=THEIRS)
    await steps.tried(database, TAKEN, mailing=done)

    async with database.write() as tx:
        paused = await decisions.pause_channel(tx, "smtp", reason="no connection", resume_at=NOW + HOUR)

    assert paused == 1
    found = [(await steps.mailing_row(database, of)).state for of in (first, outbox, done)]
    assert found == ["paused", "running", "running"]


async def test_cancelled_mailing_keeps_what_was_sent_and_closes_the_rest(database: Database) -> None:
    of = await steps.launched(database, readers=5)
    await steps.tried(database, TAKEN, limit=1)
    await steps.tried(database, LATER, limit=1)
    await steps.claimed(database, limit=1)

    async with database.write() as tx:
        cancelled = await decisions.cancel(tx, of, reason="wrong issue")

    found = await steps.count(database, of)
    assert cancelled == 4
    assert (found.by_state["accepted"], found.by_state["cancelled"], found.is_finished) == (1, 4, True)


async def test_copy_in_sending_ends_as_it_ends_although_cancelled(database: Database) -> None:
    of = await steps.launched(database, readers=2)
    copies = await steps.claimed(database)
    await steps.intended(database, copies)
    async with database.write() as tx:
        await decisions.cancel(tx, of, reason="wrong issue")

    await steps.settled(database, copies[:1], TAKEN)
    await steps.settled(database, copies[1:], LATER)

    assert await steps.states(database) == ["accepted", "cancelled"]


async def test_uncertain_copy_of_a_cancelled_mailing_is_left_to_a_person(database: Database) -> None:
    of = await steps.launched(database, readers=2)
    first = await steps.tried(database, UNKNOWN, limit=1)
    second = await steps.claimed(database)
    await steps.intended(database, second)
    async with database.write() as tx:
        await decisions.cancel(tx, of, reason="wrong issue")

    await steps.settled(database, second, UNKNOWN)

    assert [(row.state, row.due_at) for row in await steps.rows(database)] == [("uncertain", NEVER)] * 2
    assert [line.id for line in await listed(database, *counts.uncertain(of))] == [first[0].id, second[0].id]
    assert await decided(database, "resend", *first) == 0


async def test_uncertain_copies_are_listed_by_address(database: Database) -> None:
    of = await steps.launched(database, readers=3)
    await steps.tried(database, UNKNOWN, limit=1)
    await steps.tried(database, UNKNOWN, limit=1, policy=HOLD)

    found = await listed(database, *counts.uncertain())

    assert [(line.address, line.due_at == NEVER) for line in found] == [
        ("reader1@example.com", False),
        ("reader2@example.com", True),
    ]
    assert await listed(database, *counts.uncertain(MailingId(of + 1))) == []


async def test_held_copy_goes_again_when_a_person_says_so(database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.tried(database, UNKNOWN, policy=HOLD)

    assert await decided(database, "resend", *copies) == 1

    assert [copy.id for copy in await steps.claimed(database)] == [copies[0].id]


async def test_forgiven_copy_stays_uncertain_for_ever(database: Database) -> None:
    of = await steps.launched(database, readers=1)
    copies = await steps.tried(database, UNKNOWN)

    assert await decided(database, "forgive", *copies) == 1
    assert await decided(database, "forgive", *copies) == 0
    assert await decided(database, "resend", *copies) == 0

    found = await steps.count(database, of)
    assert (found.by_state["uncertain"], found.held, found.resending, found.is_finished) == (1, 0, 0, True)
    assert await listed(database, *counts.uncertain()) == []
    assert await steps.tries(database, copies[0]) == [(1, "uncertain", None), (1, "forgiven", None)]


async def test_accepted_copy_is_no_open_question(database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.tried(database, TAKEN)

    assert await decided(database, "forgive", *copies) == 0
    assert await decided(database, "resend", *copies) == 0


async def test_reopening_sends_only_the_refused_again_and_from_the_beginning(database: Database) -> None:
    of = await steps.launched(database, readers=3)
    await steps.tried(database, TAKEN, limit=1)
    (refused,) = await steps.tried(database, NO, limit=1)
    await steps.tried(database, UNKNOWN, limit=1)

    async with database.write() as tx:
        assert await decisions.reopen(tx, of, ["refused", "expired"], at=NOW) == 1

    (again,) = await steps.claimed(database)
    assert (again.id, again.attempts, again.first_tried_at) == (refused.id, 0, None)


async def test_blocked_copies_go_again_with_their_tries_and_their_history(database: Database) -> None:
    of = await steps.launched(database, readers=3)
    await steps.tried(database, TAKEN, limit=1)
    (refused,) = await steps.tried(database, NO, limit=1)

    assert await reopened(database, 1, 2, 3) == 1

    row = (await steps.rows(database))[1]
    assert (row.id, row.state, row.due_at, row.claim) == (refused.id, "deferred", NOW + HOUR, None)
    assert (row.attempts, row.first_tried_at, row.last_code, row.last_text) == (1, NOW, 550, "no such user")
    assert await steps.tries(database, refused) == [(1, "refused", 550), (1, "reopened", None)]
    assert (await steps.count(database, of)).by_state["deferred"] == 1


async def test_blocked_copy_is_claimed_when_it_is_due_and_no_sooner(database: Database) -> None:
    await steps.launched(database, readers=1)
    (refused,) = await steps.tried(database, NO)
    await reopened(database, refused.id)

    early = await steps.claimed(database, now=NOW + HOUR - timedelta(seconds=1))
    (again,) = await steps.claimed(database, now=NOW + HOUR)

    assert (early, again.id, again.attempts, again.first_tried_at) == ((), refused.id, 1, NOW)


async def test_reopening_blocked_copies_twice_changes_nothing_more(database: Database) -> None:
    await steps.launched(database, readers=2)
    await steps.tried(database, NO)

    first = await reopened(database, 1, 2)
    before = await steps.rows(database)
    second = await reopened(database, 1, 2)

    assert (first, second) == (2, 0)
    assert await steps.rows(database) == before


async def test_only_refused_copies_are_reopened_by_a_breaker(database: Database) -> None:
    await steps.launched(database, readers=len(DELIVERY_STATES))
    numbers = range(1, len(DELIVERY_STATES) + 1)
    async with database.write() as tx:
        for row, state in zip(numbers, DELIVERY_STATES, strict=True):
            values = {"state": state, "first_tried_at": NOW}
            await tx.execute(delivery.update().where(delivery.c.subscriber == row).values(values))

    assert await reopened(database, *numbers) == 1

    expected = ["deferred" if state == "refused" else state for state in DELIVERY_STATES]
    assert await steps.states(database) == expected


async def test_late_repetition_of_a_refusal_leaves_a_reopened_copy_as_it_is(database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.tried(database, NO)
    await reopened(database, copies[0].id)

    await steps.settled(database, copies, NO)

    assert await steps.states(database) == ["deferred"]


async def test_blocked_copy_of_a_cancelled_mailing_is_cancelled(database: Database) -> None:
    of = await steps.launched(database, readers=2)
    await steps.tried(database, NO, limit=1)
    async with database.write() as tx:
        await decisions.cancel(tx, of, reason="wrong issue")

    assert await reopened(database, 1, 2) == 1

    assert await steps.states(database) == ["cancelled", "cancelled"]
    assert (await steps.count(database, of)).is_finished


async def test_block_that_lasts_for_48_hours_leaves_its_copies_refused(database: Database) -> None:
    await steps.launched(database, readers=1)
    await steps.tried(database, NO)

    too_late = await reopened(database, 1, due_at=NOW + 48 * HOUR)
    in_time = await reopened(database, 1, due_at=NOW + 47 * HOUR)

    assert (too_late, in_time) == (0, 1)


async def test_every_state_counts_towards_the_plan(database: Database) -> None:
    of = await steps.launched(database, readers=len(DELIVERY_STATES))
    async with database.write() as tx:
        for row, state in zip(range(1, len(DELIVERY_STATES) + 1), DELIVERY_STATES, strict=True):
            await tx.execute(delivery.update().where(delivery.c.subscriber == row).values(state=state))

    found = await steps.count(database, of)

    assert (found.total, found.planned) == (11, 11)
    assert set(found.by_state.values()) == {1}
    assert found.open == 5  # pending, claimed, sending, deferred, and the uncertain one that goes again


async def test_a_row_too_few_is_an_error_of_ours(database: Database) -> None:
    of = await steps.launched(database, readers=2)
    async with database.write() as tx:
        await tx.execute(delivery.delete().where(delivery.c.subscriber == 1))

    with pytest.raises(DistributorError, match="2 planned, 1 counted"):
        await steps.count(database, of)


async def test_mailing_is_found_by_its_key(database: Database) -> None:
    of = await steps.launched(database)
    key = {"channel": "smtp", "issue": steps.ISSUE, "send_no": 1}

    async with database.read() as connection:
        found = await counts.find_mailing(connection, **key, origin="weekly/2015-W28#1")
        other = await counts.find_mailing(connection, **key, origin="members")
        loaded = await counts.load_mailing(connection, of)

    assert found is not None
    assert found.mailing == loaded
    assert (loaded.token_mark, loaded.address_mark, loaded.message_date) == ("TOKEN", "ADDRESS", NOW)
    assert other is None


async def test_unknown_mailing_is_an_error(database: Database) -> None:
    async with database.read() as connection:
        with pytest.raises(DistributorError, match="there is no mailing 7"):
            await counts.load_mailing(connection, MailingId(7))


async def test_mailings_are_listed_newest_first(database: Database) -> None:
    first = await steps.launched(database)
    second = await steps.launched(database, send_no=2, claim=THEIRS)

    async with database.read() as connection:
        listed_ids = [line.mailing.id for line in await counts.mailings(connection)]
        narrowed = await counts.mailings(connection, [mailing.c.send_no == 1])

    assert listed_ids == [second, first]
    assert [line.mailing.id for line in narrowed] == [first]


async def test_readers_are_counted_by_edition(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
        await steps.add_readers(tx, 1, sections="policy")
    of = await steps.launched(database)

    async with database.read() as connection:
        assert await counts.readers_by_edition(connection, of) == {steps.ALL: 2, "policy": 1}


async def test_who_got_an_issue_and_who_did_not(database: Database) -> None:
    of = await steps.launched(database, readers=3)
    await steps.tried(database, TAKEN, limit=1)
    await steps.tried(database, NO, limit=1)

    got = await listed(database, *counts.received(steps.ISSUE))
    not_got = await listed(database, *counts.undelivered(of))
    other = await listed(database, *counts.received(IssueId("2015-056")))

    assert [(line.address, line.accepted_at) for line in got] == [("reader1@example.com", NOW)]
    assert [(line.state, line.last_code) for line in not_got] == [("refused", 550), ("pending", None)]
    assert other == []


async def test_outlook_says_what_is_coming(database: Database) -> None:
    of = await steps.launched(database, readers=3)
    await steps.tried(database, LATER, limit=1)
    copies = await steps.claimed(database)
    await steps.intended(database, copies[:1])
    other = await steps.launched(database, send_no=2, claim=THEIRS)
    async with database.write() as tx:
        await decisions.pause(tx, other, reason="no connection", resume_at=NOW + HOUR)

    async with database.read() as connection:
        everything = await counts.outlook(connection, "smtp")
        one = await counts.outlook(connection, "smtp", of)
        outbox = await counts.outlook(connection, "outbox")

    assert (everything.in_hand, everything.resume_at) == (2, NOW + HOUR)
    assert everything.due_at is not None
    assert NOW < everything.due_at < NOW + HOUR
    assert (one.in_hand, one.resume_at) == (2, None)
    assert outbox == counts.Outlook(in_hand=0, due_at=None, resume_at=None)


async def listed(database: Database, *where: object) -> list[counts.CopyLine]:
    async with database.read() as connection:
        return [line async for line in counts.copies(connection, where)]  # type: ignore[arg-type]


async def reopened(database: Database, *ids: int, due_at: datetime = NOW + HOUR) -> int:
    wanted = [DeliveryId(one) for one in ids]
    async with database.write() as tx:
        return await decisions.reopen_blocked(tx, wanted, due_at=due_at, reason="550 blocked", at=NOW)


async def decided(database: Database, what: str, *copies: Copy) -> int:
    ids = [copy.id for copy in copies]
    async with database.write() as tx:
        if what == "resend":
            return await decisions.resend_uncertain(tx, ids, at=NOW)
        return await decisions.forgive_uncertain(tx, ids, by="operator", at=NOW)
