"""Who has a pilot's copy that the rest would only repeat: by what they see, and by what became of the copy."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import counts, freezing, pilots
from distributor.identifiers import EditionKey
from distributor.rendering.model import Rendition
from distributor.schema import delivery
from tests.delivery import ledger_steps as steps

MARKS = {"token_mark": "OTHERTOKEN", "address_mark": "OTHERADDRESS"}
POLICY = EditionKey("policy")


def shown(edition: str = steps.ALL, **changes: str) -> Rendition:
    """What the rest shows: the same text as the pilot, under marks of its own."""
    return replace(steps.rendition(edition), **({"html": "<p>OTHERTOKEN</p>", "text": "OTHERTOKEN"} | changes))


async def piloted(database: Database, readers: int = 2) -> None:
    """Launch a pilot of both editions to the first readers."""
    async with database.write() as tx:
        await steps.add_readers(tx, readers)
    made = await steps.prepared(database, send_no=0)
    async with database.write() as tx:
        renditions = [pilots.marked(steps.rendition(one), "zh-CN") for one in (steps.ALL, "policy")]
        await freezing.freeze_renditions(tx, made, renditions, [])
    await freezing.freeze_recipients(database, made, steps.everyone(), steps.EDITIONS, steps.NOW)
    async with database.write() as tx:
        await freezing.launch(tx, made, "f1", steps.NOW)
        await steps.add_readers(tx, 1)


async def rest(database: Database, *renditions: Rendition) -> freezing.Frozen:
    made = await steps.prepared(database, **MARKS)
    async with database.write() as tx:
        await freezing.freeze_renditions(tx, made, renditions or [shown(), shown("policy")], [])
    return await freezing.freeze_recipients(database, made, steps.everyone(), steps.EDITIONS, steps.NOW)


async def test_who_has_the_same_is_not_mailed_again(database: Database) -> None:
    await piloted(database)

    frozen = await rest(database)

    assert (frozen.planned, frozen.already_mailed) == (1, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "更正"},
        {"preheader": "另一句"},
        {"html": "<p>OTHERTOKEN 改正</p>"},
        {"text": "OTHERTOKEN 改正"},
    ],
    ids=["subject", "preheader", "html", "text"],
)
async def test_who_saw_something_else_gets_the_corrected_copy(database: Database, changes: dict[str, str]) -> None:
    await piloted(database)

    frozen = await rest(database, shown(**changes), shown("policy"))

    assert (frozen.planned, frozen.already_mailed) == (3, 0)


@pytest.mark.parametrize(
    ("state", "has_it"),
    [
        ("pending", True),
        ("claimed", True),
        ("sending", True),
        ("deferred", True),
        ("accepted", True),
        ("stored", True),
        ("uncertain", True),
        ("refused", False),
        ("expired", False),
        ("suppressed", False),
        ("cancelled", False),
    ],
)
async def test_copy_counts_unless_it_surely_never_arrived(database: Database, state: str, *, has_it: bool) -> None:
    await piloted(database)
    async with database.write() as tx:
        await tx.execute(sa.update(delivery).values(state=state))

    frozen = await rest(database)

    assert frozen.already_mailed == (2 if has_it else 0)


async def test_reader_who_chose_another_edition_since_gets_it(database: Database) -> None:
    await piloted(database)
    async with database.write() as tx:
        await tx.execute(sa.update(delivery).values(edition=POLICY))

    assert (await rest(database)).already_mailed == 0


async def test_pilot_of_another_issue_or_one_that_never_began_counts_for_nobody(database: Database) -> None:
    async with database.write() as tx:
        await steps.add_readers(tx, 2)
    made = await steps.prepared(database, send_no=0)
    async with database.write() as tx:
        await freezing.freeze_renditions(tx, made, [pilots.marked(steps.rendition(), "en")], [])
    await freezing.freeze_recipients(database, made, steps.everyone(), steps.EDITIONS, steps.NOW)

    assert (await rest(database)).planned == 2


async def test_count_at_the_launch_agrees_with_the_rows(database: Database) -> None:
    await piloted(database)
    await rest(database)
    async with database.write() as tx:
        (line,) = await counts.mailings(tx, [sa.text("send_no = 1")])
        await freezing.launch(tx, freezing.Preparation(mailing=line.mailing.id, claim=steps.OURS), "f1", steps.NOW)

    async with database.read() as connection:
        assert (await counts.assert_accounted(connection, line.mailing.id)).planned == 1


@pytest.mark.parametrize(("language", "subject"), [("zh-CN", "【试发】总第55期"), ("en", "[Pilot] 总第55期")])
def test_subject_of_a_pilot_says_that_it_is_one(language: str, subject: str) -> None:
    assert pilots.marked(steps.rendition(), language).subject == subject
