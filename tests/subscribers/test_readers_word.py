"""What a reader said stands above every file and operator."""

import asyncio

import pytest

from distributor.database import Database
from distributor.identifiers import PublicId
from distributor.subscribers import store
from distributor.subscribers.model import Wish
from tests.subscribers.builders import MEMBERS, PUBLIC, START, Office, chosen, list_file

NOBODY = PublicId("a" * 24)


@pytest.fixture
async def reader(office: Office) -> str:
    """A reader on both lists."""
    for name in (MEMBERS, PUBLIC):
        await office.sync(list_file("reader@example.com,读者,市场热点、政策聚焦,"), name)
    return "reader@example.com"


async def test_unsubscribing_ends_every_list(office: Office, reader: str) -> None:
    view = await office.unsubscribe(reader)

    assert view is not None
    assert (view.status, view.lists, view.left) == ("unsubscribed", (), (MEMBERS, PUBLIC))
    assert view.suppressed_at == office.now
    assert await office.mailable(MEMBERS, PUBLIC) == []


async def test_unsubscribing_twice_is_recorded_once(office: Office, reader: str) -> None:
    first = await office.unsubscribe(reader)
    second = await office.unsubscribe(reader)

    assert first == second
    assert (await office.consents(reader)).count(("unsubscribed", "page")) == 1


async def test_unsubscribing_at_the_same_time_is_recorded_once(office: Office, reader: str, database: Database) -> None:
    public_id = await office.public_id(reader)

    async def press() -> None:
        async with database.write() as tx:
            await store.unsubscribe(tx, public_id, source="page", at=START)

    await asyncio.gather(*(press() for _ in range(5)))

    assert (await office.consents(reader)).count(("unsubscribed", "page")) == 1


async def test_file_does_not_resubscribe_who_unsubscribed(office: Office, reader: str) -> None:
    await office.unsubscribe(reader)

    same = await office.sync(list_file("READER@example.com,读者,,"))
    without = await office.sync(list_file("other@example.com"))
    back = await office.sync(list_file(reader, "other@example.com"))

    assert [applied.counts["unsubscribed"] for applied in (same, without, back)] == [1, 0, 1]
    assert (await office.reader(reader)).status == "unsubscribed"
    assert await office.mailable(MEMBERS, PUBLIC) == [("other@example.com", "*")]


async def test_undone_unsubscribing_restores_the_same_lists(office: Office, reader: str) -> None:
    await office.prefer(reader, None, lists=[PUBLIC])
    await office.unsubscribe(reader)

    view = await office.resubscribe(reader)

    assert view is not None
    assert (view.status, view.lists, view.left) == ("active", (PUBLIC,), (MEMBERS,))
    assert (await office.consents(reader))[-1] == ("resubscribed", "page")


async def test_undoing_what_was_not_done_changes_nothing(office: Office, reader: str) -> None:
    before = await office.reader(reader)

    assert await office.resubscribe(reader) == before
    assert ("resubscribed", "page") not in await office.consents(reader)


async def test_reader_who_came_back_stays_when_the_row_disappears(office: Office, reader: str) -> None:
    await office.unsubscribe(reader)
    await office.resubscribe(reader)

    applied = await office.sync(list_file("other@example.com"))

    assert [change.address for change in applied.of("kept")] == [reader]
    assert MEMBERS in (await office.reader(reader)).lists


async def test_file_never_overrides_the_sections_that_the_reader_chose(office: Office, reader: str) -> None:
    await office.prefer(reader, chosen("notice"))

    applied = await office.sync(list_file(f"{reader},新名字,国际资讯,"))

    assert [change.fields for change in applied.of("kept")] == [("sections",)]
    assert [change.fields for change in applied.of("changed")] == [("name",)]
    view = await office.reader(reader)
    assert (view.sections, view.chosen_by, view.name) == (chosen("notice"), "reader", "新名字")


async def test_choosing_what_staff_chose_makes_it_the_readers_word(office: Office, reader: str) -> None:
    await office.prefer(reader, chosen("market", "policy"))
    await office.sync(list_file(f"{reader},读者,国际资讯,"))

    assert (await office.reader(reader)).sections == chosen("market", "policy")


async def test_all_sections_and_each_of_them_are_two_choices(office: Office, reader: str) -> None:
    await office.prefer(reader, None)

    assert await office.mailable(MEMBERS) == [(reader, "*")]


async def test_choice_is_recorded_once(office: Office, reader: str) -> None:
    for _ in range(2):
        await office.prefer(reader, chosen("notice"), lists=[MEMBERS, PUBLIC])

    assert [action for action, _ in await office.consents(reader)] == ["subscribed", "subscribed", "preferences"]


async def test_left_list_stays_left_and_may_be_joined_again(office: Office, reader: str) -> None:
    left = await office.prefer(reader, None, lists=[PUBLIC])
    applied = await office.sync(list_file(reader))

    joined = await office.prefer(reader, None, lists=[MEMBERS, PUBLIC])

    assert left is not None
    assert (left.lists, left.left, left.status) == ((PUBLIC,), (MEMBERS,), "active")
    assert applied.counts["unsubscribed"] == 1
    assert joined is not None
    assert joined.lists == (MEMBERS, PUBLIC)


async def test_leaving_every_list_is_unsubscribing(office: Office, reader: str) -> None:
    view = await office.prefer(reader, None, lists=[])

    assert view is not None
    assert view.status == "unsubscribed"


async def test_nobody_joins_a_list_that_staff_did_not_put_them_on(office: Office) -> None:
    await office.sync_people("staff@example.com")
    await office.sync_people("reader@example.com", list_name=PUBLIC)

    view = await office.prefer("reader@example.com", None, lists=[PUBLIC, MEMBERS])

    assert view is not None
    assert view.lists == (PUBLIC,)


async def test_list_that_staff_ended_is_not_joined_again(office: Office, reader: str) -> None:
    await office.sync(list_file("other@example.com"))

    view = await office.prefer(reader, None, lists=[MEMBERS, PUBLIC])

    assert view is not None
    assert (view.lists, view.left) == ((PUBLIC,), ())


async def test_preferences_of_an_unsubscribed_reader_do_not_resubscribe(office: Office, reader: str) -> None:
    await office.unsubscribe(reader)

    view = await office.prefer(reader, chosen("notice"), lists=[MEMBERS, PUBLIC])

    assert view is not None
    assert (view.status, view.sections) == ("unsubscribed", chosen("notice"))


async def test_unknown_public_id_is_nobody(database: Database) -> None:
    async with database.write() as tx:
        assert await store.unsubscribe(tx, NOBODY, source="page", at=START) is None
        assert await store.resubscribe(tx, NOBODY, source="page", at=START) is None
        assert await store.set_preferences(tx, NOBODY, Wish(sections=None), source="page", at=START) is None


async def test_address_is_masked_for_whoever_holds_the_link(office: Office, reader: str) -> None:
    assert (await office.reader(reader)).masked == "re***@example.com"
