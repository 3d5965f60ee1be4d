"""Incidents: raised once, cleared, news again; claimed by one teller at a time; who heard of it stands in the row."""

from datetime import timedelta

from distributor import incidents
from distributor.database import Database
from distributor.incidents import Cause, Incident, News
from distributor.problems import wording
from tests.conftest import FRIDAY_NINE

LEASE = timedelta(minutes=2)
OVER = timedelta(seconds=-1)
LATER = FRIDAY_NINE + timedelta(hours=1)


def news(subject: str = "var", what: str = "full", cause: Cause = Cause.DISK) -> News:
    return News(cause=cause, subject=subject, what=wording(what, what), remedy=wording("清理", "free some room"))


async def raised(database: Database, *found: News) -> list[bool]:
    async with database.write() as tx:
        return [await incidents.report(tx, one, FRIDAY_NINE) for one in found]


async def claimed(database: Database, token: str, lease: timedelta = LEASE) -> tuple[Incident, ...]:
    async with database.write() as tx:
        return await incidents.claim_untold(tx, token, lease)


async def ongoing(database: Database) -> tuple[Incident, ...]:
    async with database.read() as connection:
        return await incidents.ongoing(connection)


async def test_what_is_raised_again_while_it_lasts_is_no_news(database: Database) -> None:
    assert await raised(database, news(), news(), news("other")) == [True, False, True]


async def test_what_lasts_keeps_its_moment_and_takes_the_latest_words(database: Database) -> None:
    await raised(database, news())

    async with database.write() as tx:
        await incidents.report(tx, news(what="fuller"), LATER)

    (found,) = await ongoing(database)
    assert (found.what.en, found.raised_at) == ("fuller", FRIDAY_NINE)


async def test_what_was_cleared_and_comes_back_is_news_that_nobody_heard(database: Database) -> None:
    await raised(database, news())
    (first,) = await claimed(database, "ours")
    async with database.write() as tx:
        await incidents.note_told(tx, [first.id], "ours", "ops@example.com")
        await incidents.mark_told(tx, [first.id], "ours", FRIDAY_NINE)
        await incidents.clear(tx, Cause.DISK, "var", LATER)

    assert await raised(database, news()) == [True]
    (again,) = await claimed(database, "ours")
    assert (again.told_to, again.told_at) == ((), None)


async def test_one_teller_at_a_time_until_its_lease_ends(database: Database) -> None:
    await raised(database, news())

    assert len(await claimed(database, "dead", OVER)) == 1
    assert len(await claimed(database, "ours")) == 1
    assert await claimed(database, "theirs") == ()


async def test_who_heard_of_it_stands_in_the_row_for_the_next_teller(database: Database) -> None:
    await raised(database, news())
    (found,) = await claimed(database, "dead", OVER)
    async with database.write() as tx:
        await incidents.note_told(tx, [found.id], "dead", "b@example.com")
        await incidents.note_told(tx, [found.id], "dead", "a@example.com")

    (again,) = await claimed(database, "ours")

    assert again.told_to == ("a@example.com", "b@example.com")


async def test_who_lost_the_claim_notes_nothing(database: Database) -> None:
    await raised(database, news())
    (found,) = await claimed(database, "dead", OVER)
    await claimed(database, "ours")

    async with database.write() as tx:
        await incidents.note_told(tx, [found.id], "dead", "a@example.com")
        assert await incidents.mark_told(tx, [found.id], "dead", FRIDAY_NINE) == 0

    assert (await ongoing(database))[0].told_to == ()


async def test_what_is_put_off_is_not_told_before_its_time(database: Database) -> None:
    await raised(database, news("one"), news("two"))
    one, two = await claimed(database, "ours")
    async with database.write() as tx:
        await incidents.put_off(tx, [one.id], "ours", LEASE)
        await incidents.put_off(tx, [two.id], "ours", OVER)

    assert [found.subject for found in await claimed(database, "theirs")] == ["two"]


async def test_what_is_over_clears_and_the_rest_stays(database: Database) -> None:
    await raised(database, news("one"), news("two"), news("one", cause=Cause.PAUSED))

    async with database.write() as tx:
        assert await incidents.keep_only(tx, Cause.DISK, ["two"], LATER) == 1

    assert {(one.cause, one.subject) for one in await ongoing(database)} == {
        (Cause.DISK, "two"),
        (Cause.PAUSED, "one"),
    }


async def test_it_is_known_for_ever_what_was_told_once(database: Database) -> None:
    await raised(database, news("told"), news("untold"))
    told, _untold = await claimed(database, "ours")
    async with database.write() as tx:
        await incidents.mark_told(tx, [told.id], "ours", FRIDAY_NINE)
        await incidents.clear(tx, Cause.DISK, "told", LATER)

    async with database.read() as connection:
        assert await incidents.was_told(connection, Cause.DISK, "told")
        assert not await incidents.was_told(connection, Cause.DISK, "untold")
