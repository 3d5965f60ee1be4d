"""What a person decides about one slot, and what `distributor schedule` knows of it all."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.errors import HeldError, InputError
from distributor.identifiers import IssueId, ScheduleId, SlotKey
from distributor.operations import agenda, membership, outlook, presence, worker
from distributor.operations.agenda import Asking
from distributor.operations.office import Office
from distributor.scheduling import calendar
from distributor.scheduling.model import Occurrence
from tests.conftest import FRIDAY_NINE, SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace

# Monday of the week of issue 55, whose Friday is 10 July 2015.
MONDAY = FRIDAY_NINE - timedelta(days=4)
SLOT = "weekly/2015-W28#1"
NOW = Asking()


@pytest.fixture
async def monday(office: Office, clock: SetClock) -> Office:
    """The office on Monday, its lists read and its schedule seen by a first beat."""
    await membership.sync_changed(office, office.workspace.list_names)
    clock.moment = MONDAY
    await worker.tick(office)
    return office


async def row_of(office: Office, slot: str = SLOT) -> Occurrence | None:
    schedule, _, key = slot.partition("/")
    async with office.database.read() as connection:
        return await calendar.find(connection, ScheduleId(schedule), SlotKey(key))


async def state_of(office: Office, slot: str = SLOT) -> str | None:
    row = await row_of(office, slot)
    return row.state if row else None


async def launched_issues(office: Office) -> list[IssueId]:
    return [mailing.issue for mailing in (await worker.tick(office)).launched]


# Hold, release, skip


async def test_held_slot_does_not_go_until_it_is_released(monday: Office, clock: SetClock) -> None:
    decided = await agenda.hold(monday, SLOT, "等领导看过")
    clock.moment = FRIDAY_NINE

    assert (decided.changed, decided.after.state, decided.after.reason) == (True, "held", "operator:等领导看过")
    assert await launched_issues(monday) == []
    await agenda.release(monday, SLOT)
    assert await launched_issues(monday) == ["2015-055"]


@pytest.mark.parametrize(
    "named", [None, "weekly", "2015-W28#1", "2015-w28", "weekly/2015-07-10", "2015-07-10", "weekly/2015-W28＃1"]
)
async def test_next_slot_is_meant_in_many_ways(monday: Office, named: str | None) -> None:
    assert (await agenda.hold(monday, named)).before.slot == "2015-W28#1"


async def test_slot_is_found_by_the_day_it_goes_and_by_the_day_it_was_moved_from(
    office: Office, clock: SetClock
) -> None:
    # Friday 2 October 2015 is National Day; the next working day is Thursday the 8th.
    clock.moment = FRIDAY_NINE + timedelta(weeks=11)

    assert (await agenda.hold(office, "2015-10-08")).before.slot == "2015-W40#1"
    assert not (await agenda.hold(office, "2015-10-02")).changed


async def test_decision_repeated_changes_nothing(monday: Office) -> None:
    await agenda.hold(monday, SLOT)
    assert not (await agenda.hold(monday, "weekly")).changed

    await agenda.skip(monday, SLOT)
    assert not (await agenda.skip(monday, SLOT)).changed
    assert await state_of(monday) == "skipped"


async def test_slot_beyond_the_horizon_can_be_held_and_stays_so(monday: Office, clock: SetClock) -> None:
    decided = await agenda.hold(monday, "weekly/2015-09-11")

    assert (decided.changed, decided.after.due_at) == (True, FRIDAY_NINE + timedelta(weeks=9))
    for weeks in (0, 8, 9):
        clock.moment = FRIDAY_NINE + timedelta(weeks=weeks)
        await worker.tick(monday)
    assert await state_of(monday, "weekly/2015-W37#1") == "held"


async def test_slot_far_ahead_that_was_released_again_follows_the_rule(
    monday: Office, root: Path, clock: SetClock
) -> None:
    await agenda.hold(monday, "2015-09-11")
    await agenda.release(monday, "2015-09-11")
    clock.moment = FRIDAY_NINE + timedelta(weeks=8)

    settings = root / "distributor.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("每周五 09:00", "每周四 16:00"), encoding="utf-8")
    async with office_in(root, clock) as edited:
        await worker.tick(edited)

    row = await row_of(monday, "weekly/2015-W37#1")
    assert row is not None
    assert row.due_at == FRIDAY_NINE + timedelta(weeks=9, days=-1, hours=7)


async def test_slot_before_the_first_beat_can_be_decided_about(office: Office, clock: SetClock) -> None:
    clock.moment = MONDAY

    assert (await agenda.skip(office, "weekly")).changed
    clock.moment = FRIDAY_NINE
    assert await launched_issues(office) == []


async def test_skipped_slot_is_taken_back_until_its_time(monday: Office, clock: SetClock) -> None:
    await agenda.skip(monday, SLOT)
    assert (await agenda.release(monday, SLOT)).after.state == "planned"

    await agenda.skip(monday, SLOT)
    clock.moment = FRIDAY_NINE + timedelta(minutes=1)
    with pytest.raises(HeldError, match="send-now weekly/2015-W28#1"):
        await agenda.release(monday, SLOT)


async def test_slot_that_is_not_held_has_nothing_to_release(monday: Office) -> None:
    decided = await agenda.release(monday, "weekly")

    assert (decided.changed, decided.before.slot, decided.after.state) == (False, "2015-W28#1", "planned")


async def test_release_means_the_held_slot(monday: Office) -> None:
    await agenda.hold(monday, "weekly/2015-W29")

    assert (await agenda.release(monday, "weekly")).before.slot == "2015-W29#1"


async def test_released_after_its_time_it_goes_with_the_next_beat_however_late(monday: Office, clock: SetClock) -> None:
    await agenda.hold(monday, SLOT)
    clock.moment = FRIDAY_NINE + timedelta(days=2)
    assert await launched_issues(monday) == []

    decided = await agenda.release(monday, "weekly")

    assert decided.after.due_at == clock.moment
    assert await launched_issues(monday) == ["2015-055"]


@pytest.mark.parametrize("decide", [agenda.hold, agenda.skip, agenda.release])
async def test_what_went_is_past_deciding(monday: Office, clock: SetClock, decide: object) -> None:
    clock.moment = FRIDAY_NINE
    await worker.tick(monday)

    with pytest.raises(HeldError, match="has gone") as refused:
        await decide(monday, SLOT)  # type: ignore[operator]  # one of three functions of the same form
    assert refused.value.exit_code == 4


async def test_what_was_missed_is_sent_not_held(monday: Office, clock: SetClock) -> None:
    clock.moment = FRIDAY_NINE + timedelta(hours=13)
    await worker.tick(monday)

    for decide in (agenda.hold, agenda.skip):
        with pytest.raises(HeldError, match="send-now"):
            await decide(monday, SLOT)


# Send now


async def test_slot_is_sent_ahead_of_its_time_and_not_again_at_it(monday: Office, clock: SetClock) -> None:
    sending = await agenda.send_now(monday, "weekly", NOW)

    assert (sending.issue, sending.readers, sending.daemons) == ("2015-055", 3, ())
    assert await launched_issues(monday) == ["2015-055"]
    clock.moment = FRIDAY_NINE
    assert await launched_issues(monday) == []
    with pytest.raises(HeldError, match="has gone"):
        await agenda.send_now(monday, SLOT, NOW)


async def test_missed_slot_is_what_send_now_means(monday: Office, clock: SetClock) -> None:
    clock.moment = FRIDAY_NINE + timedelta(hours=13)
    await worker.tick(monday)

    sending = await agenda.send_now(monday, "weekly", NOW)

    assert (sending.before.slot, sending.before.state) == ("2015-W28#1", "missed")
    assert await launched_issues(monday) == ["2015-055"]


async def test_missed_slot_is_past_once_another_went(monday: Office, clock: SetClock, root: Path) -> None:
    clock.moment = FRIDAY_NINE + timedelta(hours=13)
    await worker.tick(monday)
    write_issue(root, 56, date="2015-07-17")
    clock.moment = FRIDAY_NINE + timedelta(weeks=1)
    await worker.tick(monday)
    write_issue(root, 57, date="2015-07-20")

    assert (await agenda.send_now(monday, None, Asking(dry_run=True))).before.slot == "2015-W30#1"


async def test_skipped_slot_can_be_sent_after_all(monday: Office) -> None:
    await agenda.skip(monday, SLOT)

    await agenda.send_now(monday, SLOT, NOW)

    assert await launched_issues(monday) == ["2015-055"]


async def test_dry_run_tells_and_changes_nothing(monday: Office) -> None:
    before = await row_of(monday)

    sending = await agenda.send_now(monday, "weekly", Asking(dry_run=True))

    assert (sending.issue, sending.readers, sending.changed) == ("2015-055", 3, False)
    assert await row_of(monday) == before


async def test_dry_run_of_a_slot_without_a_row_makes_none(monday: Office, root: Path) -> None:
    write_issue(root, 56, date="2015-07-20")

    await agenda.send_now(monday, "weekly/2015-07-24", Asking(dry_run=True))

    assert await row_of(monday, "weekly/2015-W30#1") is None


async def test_nothing_ready_keeps_the_slot_for_its_time(monday: Office, root: Path) -> None:
    write_file = root / "content" / "2015-055" / "issue.toml"
    write_file.write_text(write_file.read_text(encoding="utf-8").replace("ready", "draft"), encoding="utf-8")
    before = await row_of(monday)

    with pytest.raises(HeldError, match="2015-055: still a draft"):
        await agenda.send_now(monday, "weekly", NOW)
    assert await row_of(monday) == before


async def test_office_without_an_issue_is_told_so(monday: Office, root: Path) -> None:
    (root / "content" / "2015-055" / "issue.toml").unlink()

    with pytest.raises(HeldError, match="no issue to send"):
        await agenda.send_now(monday, "weekly", NOW)


async def test_readers_who_have_the_issue_are_not_counted_again(root: Path, clock: SetClock) -> None:
    write_list(root, "public", {"new@example.com": ""})
    other = '\n[[schedule]]\nid = "other"\nwhen = "每周一 08:30"\nlists = ["members", "public"]\n'
    write_workspace(root, changes={'lists = ["members", "public"]': 'lists = ["members"]'}, more=other)

    async with office_in(root, clock) as two:
        await membership.sync_changed(two, two.workspace.list_names)
        await worker.tick(two)
        sending = await agenda.send_now(two, "other", Asking(dry_run=True))

    assert (sending.issue, sending.readers) == ("2015-055", 1)


async def test_running_daemon_is_named(monday: Office) -> None:
    who = presence.Self(id="one", host="news", pid=4711, started_at=MONDAY)
    use = presence.Use(settings="x", settings_at=MONDAY)
    async with monday.database.write() as tx:
        await presence.beat(tx, who, use, MONDAY)
        await presence.beat(tx, replace(who, id="dead", pid=1), use, MONDAY - timedelta(hours=1))

    sending = await agenda.send_now(monday, "weekly", NOW)

    assert [(one.host, one.pid) for one in sending.daemons] == [("news", 4711)]


async def test_what_the_log_says_went_needs_a_word_of_its_own(monday: Office, clock: SetClock) -> None:
    row = await row_of(monday)
    assert row is not None
    clock.moment = FRIDAY_NINE
    async with monday.database.write() as tx:
        await calendar.hold_restored(tx, row.id, FRIDAY_NINE, IssueId("2015-055"))

    for decide in (agenda.release(monday, SLOT), agenda.send_now(monday, SLOT, NOW)):
        with pytest.raises(HeldError, match="--despite-log"):
            await decide
    sending = await agenda.send_now(monday, SLOT, Asking(despite_log=True))

    assert (sending.issue, sending.after.reason) == ("2015-055", "despite-log")


async def test_rest_after_a_pilot_is_held_and_sent_with_the_issue_of_the_pilot(root: Path, clock: SetClock) -> None:
    write_workspace(root, changes={'max_age = "10d"': 'pilot = { list = "public", hold = "2h" }'})
    write_list(root, "public", {"staff@example.com": ""})
    async with office_in(root, clock) as piloted:
        await membership.sync_changed(piloted, piloted.workspace.list_names)
        assert await launched_issues(piloted) == ["2015-055"]
        write_issue(root, 56, date="2015-07-10")
        clock.advance(timedelta(hours=1))

        assert (await agenda.hold(piloted, None)).after.state == "held"
        sending = await agenda.send_now(piloted, None, NOW)

        # All but the colleague of the pilot, although a newer issue is ready by now.
        assert (sending.before.state, sending.issue, sending.after.due_at) == ("held", "2015-055", clock.moment)
        assert await launched_issues(piloted) == ["2015-055"]


# What cannot be meant


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("weeky", "no such schedule: weeky.*known are weekly"),
        ("weekly/2030-W01", "no such slot: weekly/2030-W01.*next are weekly/2015-W28#1 .2015-07-10."),
        ("2014-01-01", "no such slot"),
        ("nosuch/2015-W28", "no such schedule: nosuch"),
    ],
)
async def test_unknown_slot_is_answered_with_what_there_is(monday: Office, named: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        await agenda.hold(monday, named)
    assert refused.value.exit_code == 2


async def test_slot_must_be_named_where_two_schedules_run(root: Path, clock: SetClock) -> None:
    clock.moment = MONDAY
    write_workspace(root, more='\n[[schedule]]\nid = "other"\nwhen = "每周一 08:30"\nlists = ["public"]\n')

    async with office_in(root, clock) as two:
        with pytest.raises(InputError, match="name one of weekly, other"):
            await agenda.hold(two, None)
        assert (await agenda.hold(two, "other")).after.state == "held"


async def test_schedule_that_is_off_has_no_slot_to_decide_about(root: Path, clock: SetClock) -> None:
    write_workspace(root, changes={'max_age = "10d"': "enabled = false"})

    async with office_in(root, clock) as off:
        for named, said in ((None, "no schedule is enabled"), ("weekly", "is not enabled")):
            with pytest.raises(InputError, match=said):
                await agenda.send_now(off, named, NOW)


async def test_row_of_a_slot_long_past_is_still_found(monday: Office, clock: SetClock) -> None:
    clock.moment = FRIDAY_NINE
    await worker.tick(monday)
    clock.moment += timedelta(weeks=9)

    with pytest.raises(HeldError, match="has gone"):
        await agenda.skip(monday, SLOT)


# The overview


async def test_overview_shows_meaning_readers_and_the_issue_of_each_slot(monday: Office) -> None:
    (weekly,) = (await outlook.overview(monday, 2)).outlooks

    assert (weekly.readers, weekly.pilot_readers) == (3, None)
    assert [(line.key, line.issue) for line in weekly.lines] == [("2015-W28#1", "2015-055"), ("2015-W29#1", None)]


async def test_overview_tells_what_became_of_the_last_two_weeks(monday: Office, clock: SetClock) -> None:
    clock.moment = FRIDAY_NINE
    await worker.tick(monday)
    clock.moment += timedelta(weeks=1, hours=13)
    await worker.tick(monday)

    seen = await outlook.overview(monday, 2)

    rows = [(line.key, line.issue, line.occurrence.state) for line in seen.past if line.occurrence]
    assert rows == [("2015-W28#1", "2015-055", "launched"), ("2015-W29#1", None, "missed")]


async def test_held_slot_whose_time_passed_is_not_lost_from_sight(monday: Office, clock: SetClock) -> None:
    await agenda.hold(monday, SLOT)
    clock.moment = FRIDAY_NINE + timedelta(days=3)
    await worker.tick(monday)

    (weekly,) = (await outlook.overview(monday, 2)).outlooks

    assert [line.key for line in weekly.lines] == ["2015-W28#1", "2015-W29#1", "2015-W30#1"]


async def test_overview_counts_the_readers_of_the_pilot(root: Path, clock: SetClock) -> None:
    write_workspace(root, changes={'max_age = "10d"': 'pilot = { list = "public", hold = "2h" }'})
    write_list(root, "public", {"staff@example.com": ""})

    async with office_in(root, clock) as piloted:
        await membership.sync_changed(piloted, piloted.workspace.list_names)
        (weekly,) = (await outlook.overview(piloted)).outlooks

    assert (weekly.readers, weekly.pilot_readers) == (4, 1)


async def test_overview_passes_on_what_should_be_known(office: Office, clock: SetClock) -> None:
    assert (await outlook.overview(office)).ending is None
    clock.moment += timedelta(days=366 * 12)

    assert (await outlook.overview(office)).ending is not None
