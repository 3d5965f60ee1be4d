"""Two launches of one issue at once: a reader frozen by the one that dies is not left out by the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.delivery import freezing
from distributor.errors import AnotherProcess, HeldError
from distributor.identifiers import IssueId, ListName
from distributor.operations import launches, launching, membership, worker
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.scheduling.model import OccurrenceId
from distributor.schema import mailing, occurrence
from tests.conftest import FRIDAY_NINE, SetClock
from tests.offices import office_in
from tests.operations.slots import READERS, copies, write_office

MEMBERS = (ListName("members"),)
FIRST = LaunchOrder(plan=SendingPlan(issue=IssueId("2015-055"), lists=MEMBERS), origin="weekly/2015-W27#1")
SECOND = replace(FIRST, origin="weekly/2015-W28#1")


@pytest.fixture
async def office(tmp_path: Path, migrated_url: URL, clock: SetClock) -> AsyncIterator[Office]:
    async with office_in(write_office(tmp_path / "office", url=migrated_url), clock) as opened:
        await membership.sync_changed(opened, MEMBERS)
        yield opened


@pytest.fixture
async def dead(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office whose first launch died with its readers frozen."""

    async def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(freezing, "launch", die)
        with pytest.raises(KeyboardInterrupt):
            await launching.launch(office, FIRST)
    return office


async def states(office: Office) -> dict[str, str]:
    async with office.database.read() as connection:
        rows = await connection.execute(sa.select(mailing.c.origin, mailing.c.state))
        return {row.origin: row.state for row in rows}


async def test_readers_frozen_elsewhere_are_not_taken_for_readers_who_have_the_issue(dead: Office) -> None:
    with pytest.raises(AnotherProcess, match="2015-055"):
        await launching.launch(dead, SECOND)

    assert await states(dead) == {FIRST.origin: "preparing"}
    assert [line.origin for line in launches.read(dead.workspace.var)] == [FIRST.origin]


async def test_what_a_dead_process_froze_goes_with_the_other_launch(dead: Office) -> None:
    async with dead.database.write() as tx:
        await tx.execute(sa.update(mailing).values(lease_until=FRIDAY_NINE))

    launched = await launching.launch(dead, SECOND)

    assert (launched.planned, launched.already_mailed) == (len(READERS), 0)
    assert await states(dead) == {SECOND.origin: "running"}
    assert [line.origin for line in launches.read(dead.workspace.var)] == [SECOND.origin]


async def test_launches_that_begin_together_leave_nobody_out(office: Office) -> None:
    both = (launching.launch(office, order) for order in (FIRST, SECOND))
    await asyncio.gather(*both, return_exceptions=True)
    for order in (FIRST, SECOND):
        with suppress(HeldError):
            await launching.launch(office, order)

    assert set((await copies(office)).values()) == {1}
    assert len(await copies(office)) == len(READERS)


async def test_slot_whose_issue_just_went_with_another_slot_keeps_its_turn(office: Office) -> None:
    await worker.tick(office)
    async with office.database.read() as connection:
        following = await connection.scalar(sa.select(occurrence.c.id).where(occurrence.c.state == "planned"))
    order = replace(SECOND, origin="weekly/2015-W29#1", occurrence=OccurrenceId(following or 0))

    with pytest.raises(AnotherProcess, match="2015-055"):
        await launching.launch(office, order)

    assert await states(office) == {SECOND.origin: "running"}
