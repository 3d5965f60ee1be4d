from datetime import timedelta

from distributor.database import Database
from distributor.delivery.model import Stored
from distributor.delivery.results import NEVER, clean_text
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import HOLD, LATER, NO, NOW, TAKEN, UNKNOWN

MINUTE = timedelta(minutes=1)


async def test_accepted_copy_is_written_with_all_that_proves_it(database: Database) -> None:
    of = await steps.launched(database, readers=1)

    (copy,) = await steps.tried(database, TAKEN)

    (row,) = await steps.rows(database)
    assert (row.state, row.accepted_at, row.server, row.message_id) == ("accepted", NOW, "relay", f"<{copy.id}@x>")
    assert (row.last_code, row.last_text, row.attempts) == (250, "queued as 1", 1)
    assert await steps.tries(database, copy) == []
    assert (await steps.count(database, of)).is_finished


async def test_copy_in_the_outbox_is_stored_and_names_its_file(database: Database) -> None:
    of = await steps.launched(database, readers=1, channel="outbox")

    await steps.tried(database, Stored(file="new/1.eml"), channel="outbox")

    (row,) = await steps.rows(database)
    assert (row.state, row.accepted_at, row.last_text) == ("stored", NOW, "new/1.eml")
    assert (await steps.count(database, of)).is_finished


async def test_deferred_copy_goes_again_after_its_wait_and_not_before(database: Database) -> None:
    await steps.launched(database, readers=1)
    (copy,) = await steps.tried(database, LATER)

    early = await steps.claimed(database, now=NOW + 3 * MINUTE)
    (again,) = await steps.claimed(database, now=NOW + 6 * MINUTE)

    assert early == ()
    assert (again.id, again.attempts, again.first_tried_at) == (copy.id, 1, NOW)
    assert await steps.tries(database, copy) == [(1, "deferred", 450)]


async def test_copy_accepted_at_its_second_try_tells_of_both(database: Database) -> None:
    await steps.launched(database, readers=1)
    (copy,) = await steps.tried(database, LATER)

    await steps.tried(database, TAKEN, at=NOW + 6 * MINUTE)

    assert await steps.tries(database, copy) == [(1, "deferred", 450), (2, "accepted", 250)]


async def test_copy_expires_after_48_hours_of_trying(database: Database) -> None:
    of = await steps.launched(database, readers=1)
    at, copy = NOW, None
    for _try in range(30):
        copy = (await steps.tried(database, LATER, at=at))[0]
        (row,) = await steps.rows(database)
        if row.state == "expired":
            break
        at = row.due_at

    assert row.state == "expired"
    assert at == NOW + timedelta(hours=48)
    assert (await steps.count(database, of)).is_finished
    assert len(await steps.tries(database, copy)) == row.attempts


async def test_waiting_for_our_own_limits_does_not_count_as_trying(database: Database) -> None:
    await steps.launched(database, readers=1)
    await steps.tried(database, LATER)

    await steps.tried(database, LATER, at=NOW + timedelta(days=5))

    (row,) = await steps.rows(database)
    assert row.state == "deferred"
    assert row.due_at < NOW + timedelta(days=5, minutes=20)


async def test_refused_copy_is_not_tried_again(database: Database) -> None:
    of = await steps.launched(database, readers=1)

    (copy,) = await steps.tried(database, NO)

    assert await steps.claimed(database, now=NOW + timedelta(days=9)) == ()
    assert await steps.tries(database, copy) == [(1, "refused", 550)]
    assert (await steps.count(database, of)).is_finished


async def test_unknown_acceptance_goes_again_under_resend(database: Database) -> None:
    of = await steps.launched(database, readers=1)

    (copy,) = await steps.tried(database, UNKNOWN)

    found = await steps.count(database, of)
    assert (found.by_state["uncertain"], found.resending, found.held, found.is_finished) == (1, 1, 0, False)
    (again,) = await steps.claimed(database, now=NOW + 6 * MINUTE)
    assert again.id == copy.id


async def test_unknown_acceptance_waits_for_a_person_under_hold(database: Database) -> None:
    of = await steps.launched(database, readers=1)

    await steps.tried(database, UNKNOWN, policy=HOLD)

    found = await steps.count(database, of)
    assert (found.by_state["uncertain"], found.resending, found.held, found.is_finished) == (1, 0, 1, True)
    assert await steps.claimed(database, now=NOW + timedelta(days=9)) == ()


async def test_acceptance_unknown_for_48_hours_is_held_not_expired(database: Database) -> None:
    await steps.launched(database, readers=1)
    at = NOW
    while at < NEVER:
        await steps.tried(database, UNKNOWN, at=at)
        (row,) = await steps.rows(database)
        at = row.due_at

    assert row.state == "uncertain"


async def test_servers_words_are_stored_on_one_printable_line(database: Database) -> None:
    await steps.launched(database, readers=1)
    said = steps.Refused(reply=steps.Reply(code=550, text="no\x00such\r\nuser \udcff" + "x" * 900))

    await steps.tried(database, said)

    (row,) = await steps.rows(database)
    assert row.last_text.startswith("no such user xxx")
    assert len(row.last_text) == 500


def test_clean_text_keeps_chinese() -> None:
    assert clean_text("用户不存在\t(550)") == "用户不存在 (550)"
