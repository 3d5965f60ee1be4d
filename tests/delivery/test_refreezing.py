"""Another text for the copies that have not gone: which get it, which keep theirs, and what is never changed."""

import dataclasses
from collections.abc import Mapping

import pytest

from distributor.database import Database
from distributor.delivery import counts, decisions, refreezing
from distributor.delivery.refreezing import Refrozen
from distributor.errors import AnotherProcess, HeldError
from distributor.identifiers import EditionKey, MailingId, base_edition, revised_edition, revision_of
from distributor.rendering.model import Rendition
from distributor.schema import delivery
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import ALL, LATER, NO, NOW, PICTURE, TAKEN, UNKNOWN

POLICY = EditionKey("policy")
SECOND = "market+policy@2"


def mended(edition: str = ALL, subject: str = "更正后") -> Rendition:
    return dataclasses.replace(steps.rendition(edition), subject=subject)


async def prepared(database: Database, readers: int = 1) -> MailingId:
    """A running mailing whose renditions of both editions are frozen, with one reader more of `policy`."""
    async with database.write() as tx:
        await steps.add_readers(tx, readers)
        await steps.add_readers(tx, 1, sections="policy")
    made, _frozen = await steps.frozen(database)
    async with database.write() as tx:
        renditions = [steps.rendition(), steps.rendition(POLICY)]
        await steps.freezing.freeze_renditions(tx, made, renditions, [PICTURE])
        await steps.freezing.launch(tx, made, "f1", NOW)
    return made.mailing


async def refrozen(database: Database, of: MailingId, *renditions: Rendition) -> Refrozen:
    async with database.write() as tx:
        await decisions.pause(tx, of, reason="correction")
        new = {base_edition(one.edition): one for one in renditions}
        return await refreezing.refreeze(tx, of, new, [PICTURE])


async def editions(database: Database) -> list[str]:
    return [row.edition for row in await steps.rows(database)]


async def texts(database: Database, of: MailingId) -> Mapping[str, str]:
    async with database.read() as connection:
        found = await counts.load_renditions(connection, of)
    return {key: f"{rendition.edition} {rendition.subject}" for key, rendition in found.items()}


async def test_copies_that_have_not_gone_get_the_new_text_and_the_old_one_stays(database: Database) -> None:
    of = await prepared(database, readers=2)
    await steps.tried(database, TAKEN, limit=1)

    done = await refrozen(database, of, mended())

    assert done == Refrozen(moved={ALL: 1}, kept=0)
    assert await editions(database) == ["market+policy", SECOND, "policy"]
    assert await texts(database, of) == {
        "market+policy": "market+policy 总第55期",
        SECOND: "market+policy 更正后",
        "policy": "policy 总第55期",
    }


@pytest.mark.parametrize("outcome", [LATER, NO], ids=["deferred", "refused"])
async def test_copy_that_the_server_did_not_take_gets_the_new_text(database: Database, outcome: object) -> None:
    of = await prepared(database)
    await steps.tried(database, outcome, limit=1)  # type: ignore[arg-type]  # one of the outcomes

    await refrozen(database, of, mended())

    assert (await editions(database))[0] == SECOND


async def test_copy_of_unknown_fate_keeps_its_text_when_it_goes_again(database: Database) -> None:
    of = await prepared(database)
    (unknown,) = await steps.tried(database, UNKNOWN, limit=1)
    async with database.write() as tx:
        await decisions.resend_uncertain(tx, [unknown.id], at=NOW)
    await steps.tried(database, LATER, limit=1)

    done = await refrozen(database, of, mended())

    assert (await steps.states(database))[0] == "deferred"
    assert (await editions(database))[0] == "market+policy"
    assert done == Refrozen(moved={}, kept=1)


async def test_uncertain_copy_keeps_its_text_and_is_told(database: Database) -> None:
    of = await prepared(database)
    await steps.tried(database, UNKNOWN, limit=1)

    assert await refrozen(database, of, mended()) == Refrozen(moved={}, kept=1)


async def test_text_that_is_as_it_was_moves_nobody(database: Database) -> None:
    of = await prepared(database)

    done = await refrozen(database, of, steps.rendition(), mended(POLICY))

    assert done.moved == {POLICY: 1}
    assert await editions(database) == ["market+policy", "policy@2"]


async def test_repeating_it_changes_nothing_and_a_further_correction_makes_a_third_text(database: Database) -> None:
    of = await prepared(database)
    await refrozen(database, of, mended())

    again = await refrozen(database, of, mended())
    third = await refrozen(database, of, mended(subject="再更正"))

    assert (again.moved, third.moved) == ({}, {ALL: 1})
    assert (await editions(database))[0] == "market+policy@3"


async def test_text_taken_back_uses_the_one_that_was_frozen_first(database: Database) -> None:
    of = await prepared(database)
    await refrozen(database, of, mended())

    await refrozen(database, of, steps.rendition())

    assert (await editions(database))[0] == "market+policy"


async def test_running_mailing_keeps_its_text(database: Database) -> None:
    of = await prepared(database)

    async with database.write() as tx:
        with pytest.raises(HeldError):
            await refreezing.refreeze(tx, of, {ALL: mended()}, [])

    assert await editions(database) == ["market+policy", "policy"]


async def test_nothing_changes_while_a_sender_has_a_copy_in_hand(database: Database) -> None:
    of = await prepared(database)
    await steps.claimed(database, limit=1)

    with pytest.raises(AnotherProcess):
        await refrozen(database, of, mended())

    assert await editions(database) == ["market+policy", "policy"]


async def test_no_text_at_all_moves_nobody(database: Database) -> None:
    of = await prepared(database)

    assert await refrozen(database, of) == Refrozen(moved={}, kept=0)


async def test_only_editions_with_copies_to_go_are_asked_for(database: Database) -> None:
    of = await prepared(database)
    await steps.tried(database, TAKEN, limit=1)
    await refrozen(database, of, mended(POLICY))

    async with database.read() as connection:
        assert await refreezing.unsent_editions(connection, of) == {POLICY}


async def test_another_mailing_keeps_its_text(database: Database) -> None:
    of = await prepared(database)
    async with database.write() as tx:
        await steps.add_readers(tx, 1)
    other = await steps.launched(database, origin="members", claim=steps.THEIRS)

    await refrozen(database, of, mended())

    assert [row.edition for row in await steps.rows(database, delivery.c.mailing == other)] == ["market+policy"]


async def test_a_new_picture_travels_and_a_known_one_is_stored_once(database: Database) -> None:
    of = await prepared(database)
    new = dataclasses.replace(PICTURE, cid="chart2", content=b"\x89PNG\x02")

    async with database.write() as tx:
        await decisions.pause(tx, of, reason="correction")
        await refreezing.refreeze(tx, of, {ALL: mended()}, [PICTURE, new])

    async with database.read() as connection:
        assert [picture.cid for picture in await counts.load_pictures(connection, of)] == ["chart1", "chart2"]


async def test_a_transaction_that_is_cut_off_leaves_every_text_as_it_was(database: Database) -> None:
    of = await prepared(database)

    with pytest.raises(ZeroDivisionError):
        async with database.write() as tx:
            await decisions.pause(tx, of, reason="correction")
            await refreezing.refreeze(tx, of, {ALL: mended()}, [])
            raise ZeroDivisionError

    assert await editions(database) == ["market+policy", "policy"]
    assert SECOND not in await texts(database, of)


def test_keys_of_texts_tell_the_edition_and_the_revision() -> None:
    third = revised_edition(revised_edition(ALL, 2), 3)

    assert (third, base_edition(third), revision_of(third), revision_of(ALL)) == ("market+policy@3", ALL, 3, 1)
