"""What an operator may do by hand, and where a reader's word or a suppression stops them."""

from typing import get_args

import pytest
import sqlalchemy as sa

from distributor.database import Database
from distributor.schema import suppression
from distributor.subscribers import readers, store
from distributor.subscribers.model import ListCount, SuppressionReason
from tests.subscribers.builders import MEMBERS, PUBLIC, START, Office, address, chosen, list_file


async def suppress(office: Office, text: str, reason: str) -> None:
    row = {"email_key": address(text).key, "reason": reason, "source": "test", "at": START}
    async with office.database.write() as tx:
        await tx.execute(sa.insert(suppression).values(row))


async def test_added_person_is_mailed(office: Office) -> None:
    addition = await office.add("New@example.com")

    assert addition.outcome == "added"
    assert await office.mailable(MEMBERS) == [("New@example.com", "*")]
    assert await office.consents("new@example.com") == [("subscribed", "operator")]


async def test_adding_twice_changes_nothing(office: Office) -> None:
    await office.add("new@example.com")

    assert (await office.add("NEW@example.com")).outcome == "already"
    assert len(await office.consents("new@example.com")) == 1


async def test_adding_a_known_reader_keeps_their_choice(office: Office) -> None:
    await office.sync_people("a@example.com,甲,市场热点,text")

    addition = await office.add("a@example.com", PUBLIC)

    assert addition.outcome == "rejoined"
    assert addition.view is not None
    assert (addition.view.sections, addition.view.lists) == (chosen("market"), (MEMBERS, PUBLIC))


async def test_file_without_the_row_leaves_whom_an_operator_added(office: Office) -> None:
    await office.add("new@example.com")

    applied = await office.sync_people("other@example.com")

    assert applied.counts == {"added": 1}
    assert (await office.reader("new@example.com")).lists == (MEMBERS,)


async def test_file_that_names_whom_an_operator_added_decides_from_then_on(office: Office) -> None:
    await office.add("new@example.com")

    named = await office.sync_people("new@example.com", "other@example.com")
    dropped = await office.sync_people("other@example.com")

    assert named.counts == {"adopted": 1, "added": 1}
    assert [change.address for change in dropped.of("ended")] == ["new@example.com"]


async def test_removed_address_gets_no_mail_and_no_file_brings_it_back(office: Office) -> None:
    await office.sync_people("a@example.com", "b@example.com")

    view = await office.remove("A@example.com")
    applied = await office.sync_people("a@example.com", "b@example.com")

    assert view is not None
    assert (view.status, view.lists, view.left) == ("removed", (), ())
    assert applied.counts == {"blocked": 1}
    assert await office.mailable(MEMBERS) == [("b@example.com", "*")]


async def test_removing_an_unknown_address_keeps_it_out(office: Office) -> None:
    assert await office.remove("stranger@example.com") is None

    applied = await office.sync_people("stranger@example.com")

    assert applied.counts == {"blocked": 1}
    assert await office.find("stranger@example.com") is None


async def test_removing_twice_is_recorded_once(office: Office) -> None:
    for _ in range(2):
        await office.remove("a@example.com")

    assert await office.consents("a@example.com") == [("removed", "operator")]


async def test_operator_may_take_a_removal_back(office: Office) -> None:
    await office.sync_people("a@example.com")
    await office.remove("a@example.com")

    addition = await office.add("a@example.com")

    assert addition.outcome == "rejoined"
    assert (await office.reader("a@example.com")).status == "active"


async def test_adding_needs_a_reason_where_the_reader_unsubscribed(office: Office) -> None:
    await office.sync_people("a@example.com")
    await office.unsubscribe("a@example.com")

    refused = await office.add("a@example.com")
    allowed = await office.add("a@example.com", reason="7 月 9 日来函要求恢复")

    assert (refused.outcome, refused.refused_for) == ("refused", "unsubscribed")
    assert allowed.outcome == "rejoined"
    assert await office.mailable(MEMBERS) == [("a@example.com", "*")]


async def test_adding_needs_a_reason_where_the_reader_left_the_list(office: Office) -> None:
    await office.sync_people("a@example.com")
    await office.sync_people("a@example.com", list_name=PUBLIC)
    await office.prefer("a@example.com", None, lists=[PUBLIC])

    assert (await office.add("a@example.com")).refused_for == "unsubscribed"


async def test_reader_who_unsubscribes_after_a_removal_must_be_asked(office: Office) -> None:
    await office.sync_people("a@example.com")
    await office.remove("a@example.com")
    view = await office.unsubscribe("a@example.com")

    assert view is not None
    assert view.status == "removed"
    assert (await office.add("a@example.com", PUBLIC)).refused_for == "unsubscribed"
    assert ("unsubscribed", "page") in await office.consents("a@example.com")


async def test_reader_cannot_undo_a_removal(office: Office) -> None:
    await office.sync_people("a@example.com")
    await office.remove("a@example.com")

    view = await office.resubscribe("a@example.com")

    assert view is not None
    assert view.status == "removed"


async def test_unsubscribing_outlasts_a_bounce(office: Office) -> None:
    await office.sync_people("a@example.com")
    await suppress(office, "a@example.com", "bounced")

    await office.unsubscribe("a@example.com")

    found = await office.suppression("a@example.com")
    assert found is not None
    assert (found.reason, found.source) == ("unsubscribed", "page")


@pytest.mark.parametrize("reason", get_args(SuppressionReason))
async def test_suppressed_address_is_neither_mailed_nor_added_by_a_file(office: Office, reason: str) -> None:
    await office.sync_people("a@example.com")
    for text in ("a@example.com", "new@example.com"):
        await suppress(office, text, reason)

    applied = await office.sync_people("a@example.com,新名字,,", "new@example.com")

    verdict = "unsubscribed" if reason == "unsubscribed" else "blocked"
    assert [change.verdict for change in applied.changes] == [verdict, verdict]
    assert not applied.changes_anything
    assert await office.mailable(MEMBERS) == []
    assert await office.find("new@example.com") is None


async def test_lists_are_counted(office: Office, database: Database) -> None:
    await office.sync_people(*(f"r{number}@example.com" for number in range(6)))
    await office.sync_people("r0@example.com", list_name=PUBLIC)
    await office.sync_people(*(f"r{number}@example.com" for number in range(1, 6)))
    await suppress(office, "r1@example.com", "bounced")

    async with database.read() as connection:
        counts = await readers.count_lists(connection)

    assert counts == (
        ListCount(list=MEMBERS, mailable=4, suppressed=1, ended=1),
        ListCount(list=PUBLIC, mailable=1, suppressed=0, ended=0),
    )


async def test_reader_on_two_lists_is_mailed_once_in_the_order_of_their_coming(office: Office) -> None:
    await office.sync(list_file("z@example.com", "a@example.com"))
    await office.sync(list_file("b@example.com", "z@example.com"), PUBLIC)

    assert [text for text, _ in await office.mailable(MEMBERS, PUBLIC)] == [
        "z@example.com",
        "a@example.com",
        "b@example.com",
    ]
    assert [text for text, _ in await office.mailable(PUBLIC)] == ["z@example.com", "b@example.com"]
    assert await office.mailable() == []


async def test_mailing_to_lists_may_be_embedded_with_the_suppressions(office: Office, database: Database) -> None:
    await office.sync_people("a@example.com", "b@example.com")
    await suppress(office, "b@example.com", "complained")
    audience = store.mailable([MEMBERS]).subquery()
    stopped = store.suppressed_keys()

    async with database.read() as connection:
        count = await connection.scalar(sa.select(sa.func.count()).select_from(audience))
        keys = (await connection.scalars(stopped)).all()

    assert (count, keys) == (1, ["b@example.com"])
    assert set(audience.c.keys()) == {
        *("subscriber", "public_id", "email_key", "address", "domain", "name", "format", "section_set")
    }
