"""A slot whose pilot went, one that waits for something, and one that the log says went: the rows on both databases."""

import asyncio

import pytest

from distributor.identifiers import IssueId
from distributor.scheduling import calendar
from distributor.scheduling.model import Occurrence, OccurrenceId, Reason
from tests.scheduling.conftest import Desk
from tests.scheduling.schedules import schedule, shanghai

NINE, ELEVEN = shanghai("2026-11-27 09:00"), shanghai("2026-11-27 11:00")
SLOT = "2026-W48#1"


@pytest.fixture
async def due(desk: Desk) -> OccurrenceId:
    """The slot of Friday, 27 November, which is due."""
    await desk.plan("2026-11-26 12:00")
    return await desk.id_of(SLOT)


@pytest.fixture
async def piloted(desk: Desk, due: OccurrenceId) -> OccurrenceId:
    async with desk.database.write() as tx:
        assert await calendar.launch_pilot(tx, due, NINE, rest_at=ELEVEN)
    return due


async def row(desk: Desk) -> Occurrence:
    return (await desk.rows())[SLOT]  # type: ignore[index]


async def test_pilot_goes_for_one_caller_and_the_rest_when_the_hold_is_over(desk: Desk, due: OccurrenceId) -> None:
    async def pilot() -> bool:
        async with desk.database.write() as tx:
            return await calendar.launch_pilot(tx, due, NINE, rest_at=ELEVEN)

    winners = await asyncio.gather(*(pilot() for _ in range(4)))

    assert sorted(winners) == [False, False, False, True]
    assert await desk.tick("2026-11-27 10:59:59") == []
    assert await desk.tick("2026-11-27 11:00") == [SLOT]


async def test_slot_that_is_not_due_has_no_pilot(desk: Desk, due: OccurrenceId) -> None:
    async with desk.database.write() as tx:
        assert not await calendar.launch_pilot(tx, due, shanghai("2026-11-27 08:59"), rest_at=ELEVEN)


@pytest.mark.parametrize("when", ["每周五 08:00", "每周五 10:00", "每周四 09:00", "每月最后一天 09:00"])
async def test_planning_leaves_the_end_of_the_hold_alone_also_while_held(
    desk: Desk, piloted: OccurrenceId, when: str
) -> None:
    desk.schedules = (schedule(when),)
    await desk.plan("2026-11-27 09:10")
    async with desk.database.write() as tx:
        await calendar.hold(tx, piloted, shanghai("2026-11-27 09:20"), "等主任")
    await desk.plan("2026-11-27 09:30")
    held = await row(desk)
    async with desk.database.write() as tx:
        await calendar.release(tx, piloted, shanghai("2026-11-27 09:40"))
    await desk.plan("2026-11-27 09:50")

    assert (held.state, held.reason, held.due_at) == ("held", "pilot:等主任", ELEVEN)
    assert ((await row(desk)).reason, (await row(desk)).due_at) == ("pilot", ELEVEN)


async def test_catch_up_counts_from_the_end_of_the_hold(desk: Desk, piloted: OccurrenceId) -> None:
    await desk.plan("2026-11-27 22:59")
    async with desk.database.write() as tx:
        early = await calendar.mark_missed(tx, desk.schedules, shanghai("2026-11-27 22:59"))
        late = await calendar.mark_missed(tx, desk.schedules, shanghai("2026-11-27 23:01"))

    assert (early, [missed.id for missed in late]) == ((), [piloted])
    assert (await row(desk)).reason == "late:43260"


async def test_waiting_keeps_the_word_in_front(desk: Desk, piloted: OccurrenceId) -> None:
    async with desk.database.write() as tx:
        first = await calendar.mark_waiting(tx, piloted, ELEVEN, Reason.APPROVAL)
        again = await calendar.mark_waiting(tx, piloted, ELEVEN, Reason.APPROVAL)
        other = await calendar.mark_waiting(tx, piloted, ELEVEN, Reason.DRAFT)

    assert (first, again, other) == (True, False, True)
    assert ((await row(desk)).state, (await row(desk)).reason) == ("waiting_content", "pilot/draft")


async def test_word_of_an_operator_is_not_lost_while_the_slot_waits(desk: Desk, due: OccurrenceId) -> None:
    async with desk.database.write() as tx:
        await calendar.send_now(tx, due, shanghai("2026-11-26 13:00"))
        await calendar.mark_waiting(tx, due, shanghai("2026-11-26 13:00"))
    await desk.plan("2026-11-26 13:01")

    assert ((await row(desk)).state, (await row(desk)).reason) == ("waiting_content", "operator/no-issue")


async def test_slot_the_log_says_went_is_held_until_a_person_decides(desk: Desk, due: OccurrenceId) -> None:
    async with desk.database.write() as tx:
        held = await calendar.hold_restored(tx, due, NINE, IssueId("2026-048"))
        again = await calendar.hold_restored(tx, due, NINE, IssueId("2026-048"))
    before = await desk.tick("2026-11-27 09:01")
    async with desk.database.write() as tx:
        await calendar.send_now(tx, due, shanghai("2026-11-27 09:02"), despite_log=True)

    assert (held, again, before) == (True, False, [])
    assert (await row(desk)).reason == "despite-log"
    assert await desk.tick("2026-11-27 09:03") == [SLOT]


async def test_slot_that_waited_for_approval_is_skipped_once_its_twin_took_the_issue(desk: Desk) -> None:
    # Friday 27 January 2017 is Spring Festival and moves to Friday 3 February.
    desk.schedules = (schedule(policy="next_workday"),)
    await desk.plan("2017-01-26 12:00")
    now = shanghai("2017-02-03 09:00")
    async with desk.database.write() as tx:
        first, second = await calendar.due(tx, now)
        waiting = [await calendar.mark_waiting(tx, one.id, now, Reason.APPROVAL) for one in (first, second)]
        await calendar.launch(tx, first.id, now)

        assert not await calendar.mark_waiting(tx, second.id, now)

    assert waiting == [True, True]
    assert (await desk.reasons())[second.slot] == "coincides"


async def test_slot_that_a_person_sends_is_never_skipped_for_its_twin(desk: Desk) -> None:
    desk.schedules = (schedule(policy="next_workday"),)
    await desk.plan("2017-01-26 12:00")
    now = shanghai("2017-02-03 09:00")
    async with desk.database.write() as tx:
        first, second = await calendar.due(tx, now)
        await calendar.launch(tx, first.id, now)
        await calendar.send_now(tx, second.id, now)

        assert await calendar.mark_waiting(tx, second.id, now)

    assert (await desk.reasons())[second.slot] == "operator/no-issue"
