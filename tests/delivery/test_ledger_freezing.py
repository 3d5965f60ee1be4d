from datetime import timedelta

import pytest
import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import counts, decisions, freezing, ledger
from distributor.delivery.ledger import Claim
from distributor.errors import AnotherProcess, DistributorError, HeldError
from distributor.identifiers import EditionKey, MailingId
from distributor.schema import delivery, mailing, rendition
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import ALL, EDITIONS, NOW, OURS, THEIRS

STALE = Claim(token="dead", lease=timedelta(seconds=-1))


async def test_each_reader_is_frozen_with_the_edition_of_their_sections(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
        await steps.add_readers(tx, 1, sections="policy")

    made, found = await steps.frozen(database)

    assert found == freezing.Frozen(planned=3, already_mailed=0, without_section=0, unknown={})
    assert [(row.subscriber, row.edition, row.state) for row in await steps.rows(database)] == [
        (1, ALL, "pending"),
        (2, ALL, "pending"),
        (3, "policy", "pending"),
    ]
    assert (await steps.mailing_row(database, made.mailing)).planned == 3


async def test_frozen_row_holds_all_that_a_copy_needs(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 1)

    await steps.frozen(database)

    (row,) = await steps.rows(database)
    assert (row.address, row.public_id, row.name, row.format) == (
        "reader1@example.com",
        "p00000001",
        "读者1",
        "html",
    )
    assert (row.issue, row.send_no, row.channel, row.attempts, row.due_at) == ("2015-055", 1, "smtp", 0, NOW)


async def test_reader_without_a_section_in_the_issue_is_counted_and_not_planned(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 1)
        await steps.add_readers(tx, 2, sections="tech")

    _made, found = await steps.frozen(database)

    assert (found.planned, found.without_section) == (1, 2)


async def test_reader_gets_an_issue_once_across_mailings(database: Database) -> None:
    await steps.launched(database, readers=2)
    async with database.write() as tx:
        await steps.add_readers(tx, 1)

    made, found = await steps.frozen(database, origin="members", claim=THEIRS)

    assert (found.planned, found.already_mailed) == (1, 2)
    assert [row.subscriber for row in await steps.rows(database, delivery.c.mailing == made.mailing)] == [3]


async def test_a_copy_for_the_outbox_does_not_use_up_the_issue(database: Database) -> None:
    await steps.launched(database, readers=2, channel="outbox")

    _made, found = await steps.frozen(database)

    assert (found.planned, found.already_mailed) == (2, 0)


async def test_readers_are_frozen_in_chunks_without_losing_any(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezing, "CHUNK", 3)
    async with database.write() as tx:
        await steps.add_readers(tx, 3)
        await steps.add_readers(tx, 4, sections="policy")
        await steps.add_readers(tx, 2, sections="tech")

    _made, found = await steps.frozen(database)

    assert (found.planned, found.without_section) == (7, 2)
    assert [row.subscriber for row in await steps.rows(database)] == [1, 2, 3, 4, 5, 6, 7]


async def test_section_set_that_appeared_meanwhile_stops_the_launch(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
        await steps.add_readers(tx, 1, sections="market")

    made, found = await steps.frozen(database)

    assert found.unknown == {"market": 1}
    with pytest.raises(DistributorError, match="0 copies planned, 2 stored"):
        async with database.write() as tx:
            await freezing.launch(tx, made, "f1", NOW)


async def test_freezing_again_after_segmenting_anew_counts_afresh(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
        await steps.add_readers(tx, 1, sections="market")
    made, _first = await steps.frozen(database)

    editions = {**EDITIONS, "market": EditionKey("market")}
    found = await freezing.freeze_recipients(database, made, steps.everyone(), editions, NOW)

    assert found == freezing.Frozen(planned=3, already_mailed=0, without_section=0, unknown={})


async def test_empty_audience_launches_a_finished_mailing(database: Database) -> None:
    of = await steps.launched(database)

    assert (await steps.count(database, of)).is_finished


async def test_audience_of_distinct_members_is_frozen_as_it_is(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 3)
    made = await steps.prepared(database)

    found = await freezing.freeze_recipients(database, made, steps.everyone().distinct(), EDITIONS, NOW)

    assert found.planned == 3


async def test_rows_are_invisible_before_the_launch(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
    await steps.frozen(database)

    assert await steps.claimed(database) == ()


async def test_launch_lets_the_mailing_run(database: Database) -> None:
    of = await steps.launched(database, readers=2)

    row = await steps.mailing_row(database, of)
    assert (row.state, row.launched_at, row.claim, row.lease_until) == ("running", NOW, None, None)
    assert len(await steps.claimed(database)) == 2


async def test_changed_fingerprint_stops_the_launch(database: Database) -> None:
    made, _counts = await steps.frozen(database)

    with pytest.raises(HeldError, match="changed during the preparation"):
        async with database.write() as tx:
            await freezing.launch(tx, made, "f2", NOW)

    assert (await steps.mailing_row(database, made.mailing)).state == "preparing"


async def test_missing_row_stops_the_launch(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
    made, _counts = await steps.frozen(database)
    async with database.write() as tx:
        await tx.execute(sa.delete(delivery).where(delivery.c.subscriber == 1))

    with pytest.raises(DistributorError, match="2 copies planned, 1 stored"):
        async with database.write() as tx:
            await freezing.launch(tx, made, "f1", NOW)


async def test_second_launch_of_the_same_preparation_is_refused(database: Database) -> None:
    made, _counts = await steps.frozen(database)
    async with database.write() as tx:
        await freezing.launch(tx, made, "f1", NOW)

    with pytest.raises(AnotherProcess):
        async with database.write() as tx:
            await freezing.launch(tx, made, "f1", NOW)


async def test_mailing_that_another_process_prepares_is_left_alone(database: Database) -> None:
    await steps.prepared(database)

    with pytest.raises(AnotherProcess):
        await steps.prepared(database, claim=THEIRS)


async def test_launched_mailing_is_not_prepared_again(database: Database) -> None:
    await steps.launched(database)

    with pytest.raises(HeldError, match="launched already"):
        await steps.prepared(database)


async def test_dead_preparation_is_taken_over_and_begun_afresh(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
    first, _counts = await steps.frozen(database)
    await age_lease(database, first.mailing)

    second = await steps.prepared(database, claim=THEIRS, fingerprint="f2")

    assert second.mailing == first.mailing
    assert await steps.rows(database) == []
    assert (await steps.mailing_row(database, second.mailing)).fingerprint == "f2"


async def test_own_preparation_may_be_begun_again(database: Database) -> None:
    first = await steps.prepared(database)

    assert await steps.prepared(database, fingerprint="f2") == first


async def test_process_that_lost_its_preparation_writes_nothing_more(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
    lost = await steps.prepared(database, claim=STALE)
    await steps.prepared(database, claim=THEIRS)

    with pytest.raises(AnotherProcess):
        await freezing.freeze_recipients(database, lost, steps.everyone(), EDITIONS, NOW)
    with pytest.raises(AnotherProcess):
        async with database.write() as tx:
            await freezing.freeze_renditions(tx, lost, [steps.rendition()], [])
    assert await steps.rows(database) == []


async def test_freezing_renews_the_lease(database: Database) -> None:
    made = await steps.prepared(database, claim=OURS)
    await age_lease(database, made.mailing)

    await freezing.freeze_recipients(database, made, steps.everyone(), EDITIONS, NOW)

    with pytest.raises(AnotherProcess):
        await steps.prepared(database, claim=THEIRS)


async def test_sweep_removes_dead_preparations_with_all_their_rows(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
    dead, _counts = await steps.frozen(database)
    await age_lease(database, dead.mailing)
    alive = await steps.prepared(database, origin="members", claim=THEIRS)

    async with database.write() as tx:
        swept = await freezing.sweep_preparations(tx)

    assert swept == ("TOKEN",)
    assert await steps.rows(database) == []
    assert (await steps.mailing_row(database, alive.mailing)).state == "preparing"


async def test_every_preparation_is_dropped_in_a_copy_and_no_mailing(database: Database) -> None:
    of = await steps.launched(database, readers=2)
    await steps.prepared(database, origin="members", claim=THEIRS)

    async with database.write() as tx:
        dropped = await freezing.drop_preparations(tx)

    assert dropped == 1
    assert (await steps.mailing_row(database, of)).state == "running"


async def test_abandoned_preparation_leaves_nothing(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
    made, _counts = await steps.frozen(database)

    async with database.write() as tx:
        await freezing.abandon(tx, made)
        await freezing.abandon(tx, made)

    assert await steps.rows(database) == []


async def test_launched_mailing_cannot_be_abandoned(database: Database) -> None:
    of = await steps.launched(database, readers=1)

    async with database.write() as tx:
        await freezing.abandon(tx, freezing.Preparation(mailing=of, claim=OURS))

    assert await steps.states(database) == ["pending"]


async def test_renditions_come_back_as_they_were_frozen(database: Database) -> None:
    made = await steps.prepared(database)
    async with database.write() as tx:
        await freezing.freeze_renditions(tx, made, [steps.rendition(), steps.rendition("policy")], [steps.PICTURE])

    async with database.read() as connection:
        found = await counts.load_renditions(connection, made.mailing)
        pictures = await counts.load_pictures(connection, made.mailing)

    assert found == {ALL: steps.rendition(), "policy": steps.rendition("policy")}
    assert pictures == (steps.PICTURE,)


async def test_renditions_frozen_again_replace_the_first(database: Database) -> None:
    made = await steps.prepared(database)
    async with database.write() as tx:
        await freezing.freeze_renditions(tx, made, [steps.rendition(), steps.rendition("policy")], [steps.PICTURE])
        await freezing.freeze_renditions(tx, made, [], [])

    async with database.read() as connection:
        assert await counts.load_renditions(connection, made.mailing) == {}
        assert await connection.scalar(sa.select(sa.func.count()).select_from(rendition)) == 0


async def test_approval_holds_for_exactly_one_fingerprint(database: Database) -> None:
    async with database.write() as tx:
        await decisions.approve(tx, issue=steps.ISSUE, fingerprint="f1", by="editor", at=NOW)

    async with database.read() as connection:
        assert await decisions.is_approved(connection, issue=steps.ISSUE, fingerprint="f1")
        assert not await decisions.is_approved(connection, issue=steps.ISSUE, fingerprint="f2")


async def age_lease(database: Database, of: MailingId) -> None:
    async with database.write() as tx:
        past = ledger.database.now(timedelta(seconds=-1))
        await tx.execute(sa.update(mailing).where(mailing.c.id == of).values(lease_until=past))
