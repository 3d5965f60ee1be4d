import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor.delivery import counts
from distributor.operations import launches, worker
from distributor.operations.delivering import dispatcher_of
from distributor.operations.office import Office
from distributor.schema import delivery, mailing, occurrence
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list

WEEK = timedelta(days=7)


async def states(office: Office) -> list[tuple[str, str]]:
    async with office.database.read() as connection:
        rows = await connection.execute(
            sa.select(occurrence.c.slot, occurrence.c.state).order_by(occurrence.c.planned_at)
        )
        return [(row.slot, row.state) for row in rows]


async def copies_of(office: Office) -> dict[str, str]:
    async with office.database.read() as connection:
        rows = await connection.execute(sa.select(delivery.c.address, delivery.c.edition))
        return {row.address: row.edition for row in rows}


async def test_due_slot_launches_the_ready_issue_once(office: Office) -> None:
    first = await worker.tick(office)
    second = await worker.tick(office)

    assert [launched.issue for launched in first.launched] == ["2015-055"]
    assert second.launched == ()


async def test_each_reader_gets_the_edition_of_their_sections(office: Office) -> None:
    await worker.tick(office)

    assert await copies_of(office) == {
        "all@example.com": "market+policy+domestic+international+reading+notice",
        "policy@example.com": "policy",
        "two@example.org": "market+notice",
    }


async def test_daemon_that_was_down_at_nine_sends_at_nine_forty(office: Office, clock: SetClock) -> None:
    clock.advance(timedelta(hours=-1))
    await worker.tick(office)
    clock.advance(timedelta(hours=1, minutes=40))

    beat = await worker.tick(office)

    assert [launched.issue for launched in beat.launched] == ["2015-055"]


async def test_slot_later_than_catch_up_is_missed_and_says_so(office: Office, clock: SetClock) -> None:
    clock.advance(timedelta(hours=-1))
    await worker.tick(office)
    clock.advance(timedelta(hours=14))

    beat = await worker.tick(office)

    assert beat.launched == ()
    assert [missed.slot for missed in beat.missed] == ["2015-W28#1"]


async def test_slot_without_an_issue_waits_until_one_is_ready(office: Office, root: Path, clock: SetClock) -> None:
    (root / "content" / "2015-055" / "issue.toml").write_text('number = 55\ndate = 2015-07-10\nstatus = "draft"\n')
    waiting = await worker.tick(office)
    (root / "content" / "2015-055" / "issue.toml").write_text('number = 55\ndate = 2015-07-10\nstatus = "ready"\n')
    clock.advance(timedelta(hours=2))

    beat = await worker.tick(office)

    assert "草稿" in waiting.passed_over[0][1].zh
    assert [launched.issue for launched in beat.launched] == ["2015-055"]


async def test_next_week_brings_the_next_issue(office: Office, root: Path, clock: SetClock) -> None:
    await worker.tick(office)
    write_issue(root, 56, date="2015-07-17")
    clock.advance(WEEK)

    beat = await worker.tick(office)

    assert [launched.issue for launched in beat.launched] == ["2015-056"]


async def test_issue_with_a_fault_stays_and_the_slot_stays_due(office: Office, root: Path) -> None:
    article = root / "content" / "2015-055" / "a01.md"
    good = article.read_text(encoding="utf-8")
    article.write_text(good.replace("section: market", "section: markt"), encoding="utf-8")
    broken = await worker.tick(office)
    article.write_text(good, encoding="utf-8")

    mended = await worker.tick(office)

    assert broken.launched == ()
    assert "a01.md" in broken.stayed[0].why.zh
    assert len(mended.launched) == 1


async def test_shrunken_list_holds_its_launch_for_a_person(office: Office, root: Path, clock: SetClock) -> None:
    await worker.tick(office)
    write_list(root, "members", {"all@example.com": ""})
    write_issue(root, 56, date="2015-07-17")
    clock.advance(WEEK)

    beat = await worker.tick(office)

    assert beat.launched == ()
    assert "members.csv" in beat.stayed[0].why.zh


async def test_two_beats_at_once_launch_once(root: Path, clock: SetClock) -> None:
    async with office_in(root, clock) as first, office_in(root, clock) as second:
        beats = await asyncio.gather(worker.tick(first), worker.tick(second))

        async with first.database.read() as connection:
            mailings = await counts.mailings(connection)

    assert sum(len(beat.launched) for beat in beats) == 1
    assert len(mailings) == 1


async def test_reader_on_two_lists_gets_one_copy(office: Office, root: Path) -> None:
    write_list(root, "public", {"ALL@example.com": "政策聚焦"})

    await worker.tick(office)

    assert list(await copies_of(office)).count("all@example.com") == 1


async def test_launch_is_in_the_log_before_any_copy_can_leave(office: Office) -> None:
    await worker.tick(office)

    assert [line.issue for line in launches.read(office.workspace.var)] == ["2015-055"]


async def test_restored_database_does_not_send_again_by_itself(root: Path, clock: SetClock) -> None:
    async with office_in(root, clock) as office:
        await worker.tick(office)
        await dispatcher_of(office).run_until_idle()
    for file in (root / "var").glob("distributor.db*"):
        file.unlink()

    async with office_in(root, clock) as office:
        beat = await worker.tick(office)

    assert beat.launched == ()


@pytest.mark.parametrize("state", ["held", "skipped"])
async def test_slot_that_a_person_decided_about_is_left_alone(office: Office, clock: SetClock, state: str) -> None:
    clock.advance(timedelta(hours=-1))
    await worker.tick(office)
    async with office.database.write() as tx:
        await tx.execute(sa.update(occurrence).where(occurrence.c.slot == "2015-W28#1").values(state=state))
    clock.advance(timedelta(hours=1))

    beat = await worker.tick(office)

    assert beat.launched == ()
    assert ("2015-W28#1", state) in await states(office)


async def test_everything_planned_is_accounted_for(office: Office) -> None:
    await worker.tick(office)
    await dispatcher_of(office).run_until_idle()

    async with office.database.read() as connection:
        (line,) = await counts.mailings(connection, [mailing.c.state == "running"])
        counted = await counts.assert_accounted(connection, line.mailing.id)

    assert counted.by_state["stored"] == counted.planned == 3
    assert counted.is_finished
