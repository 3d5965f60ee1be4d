"""A pilot at the slot, the rest when the hold is over: what is mended in between, and what a person decides."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor import incidents
from distributor.delivery import counts, freezing
from distributor.errors import DistributorError
from distributor.operations import accounting, launches, publishing, worker
from distributor.operations.office import Office
from distributor.scheduling import calendar
from distributor.schema import delivery, mailing
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list
from tests.operations.slots import (
    PILOT,
    SLOT,
    approve,
    at,
    beat,
    copies,
    edit,
    edited,
    mailings,
    row_of,
    set_status,
    subjects,
    write_office,
)

NINE, TEN, ELEVEN = (f"2015-07-10 {hour}:00" for hour in ("09", "10", "11"))
PILOTED, REST = [("2015-055", 0)], [("2015-055", 1)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_office(tmp_path / "office", PILOT)


@pytest.fixture
async def piloted(root: Path, clock: SetClock) -> AsyncIterator[Office]:
    """An office whose pilot went at nine; it is nine still."""
    async with office_in(root, clock) as office:
        assert await beat(office, clock) == PILOTED
        yield office


async def test_staff_get_the_issue_first_and_the_rest_when_the_hold_is_over(piloted: Office, clock: SetClock) -> None:
    first = await copies(piloted)

    assert await beat(piloted, clock, "2015-07-10 10:59") == []
    assert await beat(piloted, clock, ELEVEN) == REST
    assert await beat(piloted, clock, "2015-07-10 11:01") == []
    assert first == {("boss@example.com", 0): 1, ("all@example.com", 0): 1}
    assert (await row_of(piloted)).state == "launched"


async def test_who_has_the_same_from_the_pilot_is_not_mailed_again(piloted: Office, clock: SetClock) -> None:
    await beat(piloted, clock, ELEVEN)

    assert await copies(piloted) == {
        ("boss@example.com", 0): 1,
        ("all@example.com", 0): 1,
        ("policy@example.com", 1): 1,
        ("two@example.org", 1): 1,
    }


async def test_who_saw_what_was_mended_gets_the_corrected_copy(piloted: Office, root: Path, clock: SetClock) -> None:
    edit(root, article="a01.md")

    await beat(piloted, clock, ELEVEN)

    async with piloted.database.read() as connection:
        (line,) = await counts.mailings(connection, [mailing.c.send_no == 1])
        renditions = await counts.load_renditions(connection, line.mailing.id)
    assert (await copies(piloted))["all@example.com", 1] == 1
    assert (line.mailing.planned, line.mailing.already_mailed) == (3, 0)
    assert sum("改正的一段" in one.html for one in renditions.values()) == 2


async def test_mended_section_that_a_pilot_reader_does_not_get_mails_them_nothing(root: Path, clock: SetClock) -> None:
    write_list(root, "staff", {"policy@example.com": "政策聚焦"})
    async with office_in(root, clock) as office:
        await beat(office, clock)
        edit(root, article="a01.md")

        await beat(office, clock, ELEVEN)

        assert (await copies(office))["policy@example.com", 1] == 0


async def test_refused_pilot_copy_does_not_cost_its_reader_the_issue(piloted: Office, clock: SetClock) -> None:
    async with piloted.database.write() as tx:
        await tx.execute(sa.update(delivery).values(state="refused"))

    await beat(piloted, clock, ELEVEN)

    assert (await copies(piloted))["all@example.com", 1] == 1


async def test_pilot_says_in_its_subject_that_it_is_one(piloted: Office, clock: SetClock) -> None:
    await beat(piloted, clock, ELEVEN)

    assert all(subject.startswith("【试发】") for subject in await subjects(piloted, 0))
    assert not any("试发" in subject for subject in await subjects(piloted, 1))


async def test_nothing_of_a_pilot_is_public(piloted: Office, clock: SetClock) -> None:
    page = piloted.workspace.public / "issues" / "2015-055.html"
    await publishing.publish(piloted)
    before = page.exists()

    await beat(piloted, clock, ELEVEN)

    assert not before
    assert page.is_file()


async def test_operators_are_told_of_the_pilot_until_the_rest_went(piloted: Office, clock: SetClock) -> None:
    async with piloted.database.read() as connection:
        (told,) = await incidents.ongoing(connection)

    await beat(piloted, clock, ELEVEN)

    assert (told.cause, told.subject) == ("pilot", f"weekly/{SLOT}")
    assert "2015-07-10 11:00" in told.what.zh
    assert all(verb in told.remedy.zh for verb in ("hold", "send-now", "skip", "content/2015-055"))
    async with piloted.database.read() as connection:
        assert await incidents.ongoing(connection) == ()


async def test_rest_is_the_piloted_issue_although_a_newer_one_is_ready(
    piloted: Office, root: Path, clock: SetClock
) -> None:
    write_issue(root, 56)

    assert await beat(piloted, clock, ELEVEN) == REST


async def test_piloted_issue_is_not_chosen_for_another_slot_meanwhile(root: Path, clock: SetClock) -> None:
    other = '\n[[schedule]]\nid = "partners"\nwhen = "每周五 09:30"\nlists = ["members"]\n'
    path = root / "distributor.toml"
    path.write_text(path.read_text(encoding="utf-8") + other, encoding="utf-8")
    async with office_in(root, clock) as office:
        await beat(office, clock)

        assert await beat(office, clock, "2015-07-10 09:30") == []
        assert "试发" in (await worker.tick(office)).passed_over[0][1].zh


async def test_issue_that_is_a_draft_again_keeps_the_rest_waiting(piloted: Office, root: Path, clock: SetClock) -> None:
    set_status(root, "draft")
    clock.moment = at(ELEVEN)
    (stay,) = (await worker.tick(piloted)).stayed
    waiting = await row_of(piloted)
    set_status(root, "ready")

    assert "草稿" in stay.why.zh
    assert (waiting.state, waiting.reason) == ("waiting_content", "pilot/draft")
    assert await beat(piloted, clock, "2015-07-10 11:30") == REST


async def test_rest_that_waited_in_vain_is_missed_for_that_reason(piloted: Office, root: Path, clock: SetClock) -> None:
    set_status(root, "draft")
    await beat(piloted, clock, ELEVEN)

    assert await beat(piloted, clock, "2015-07-10 22:59") == []
    assert (await row_of(piloted)).state == "waiting_content"
    assert await beat(piloted, clock, "2015-07-10 23:01") == []
    missed = await row_of(piloted)
    assert (missed.state, missed.reason.partition(":")[0]) == ("missed", "draft")


async def test_daemon_down_at_the_end_of_the_hold_catches_up_from_there(piloted: Office, clock: SetClock) -> None:
    assert await beat(piloted, clock, "2015-07-10 22:59") == REST


async def test_held_rest_stays_and_released_in_time_goes_when_the_hold_is_over(
    piloted: Office, clock: SetClock
) -> None:
    row = await row_of(piloted)
    async with piloted.database.write() as tx:
        assert await calendar.hold(tx, row.id, clock.now(), "等主任")
    assert await beat(piloted, clock, TEN) == []
    async with piloted.database.write() as tx:
        assert await calendar.release(tx, row.id, clock.now())

    assert await beat(piloted, clock, "2015-07-10 10:59") == []
    assert await beat(piloted, clock, ELEVEN) == REST


async def test_rest_held_beyond_its_hour_goes_when_released(piloted: Office, clock: SetClock) -> None:
    row = await row_of(piloted)
    async with piloted.database.write() as tx:
        await calendar.hold(tx, row.id, clock.now())
    assert await beat(piloted, clock, "2015-07-11 10:00") == []
    async with piloted.database.write() as tx:
        await calendar.release(tx, row.id, clock.now())

    assert await beat(piloted, clock, "2015-07-11 10:01") == REST


async def test_skipped_rest_never_goes(piloted: Office, clock: SetClock) -> None:
    row = await row_of(piloted)
    async with piloted.database.write() as tx:
        assert await calendar.skip(tx, row.id, clock.now())

    assert [await beat(piloted, clock, moment) for moment in (TEN, ELEVEN, "2015-07-10 20:00")] == [[], [], []]
    assert (await row_of(piloted)).state == "skipped"


@pytest.mark.parametrize("first", ["hold", "skip", "nothing"])
async def test_send_now_ends_the_hold(piloted: Office, clock: SetClock, first: str) -> None:
    row = await row_of(piloted)
    async with piloted.database.write() as tx:
        if first != "nothing":
            await getattr(calendar, first)(tx, row.id, clock.now())
        assert await calendar.send_now(tx, row.id, clock.now())

    assert await beat(piloted, clock, "2015-07-10 09:01") == REST
    assert await beat(piloted, clock, ELEVEN) == []


@pytest.mark.parametrize("when", ["每周五 09:30", "每周五 08:00", "每周四 09:00", "每周六 09:00", "每月1日 09:00"])
async def test_edited_rule_moves_the_rest_neither_back_nor_away(piloted: Office, clock: SetClock, when: str) -> None:
    async with edited(piloted, {"每周五 09:00": when}, clock) as office:
        assert await beat(office, clock, "2015-07-10 09:40") == []
        assert (await row_of(office)).due_at == at(ELEVEN)
        assert await beat(office, clock, ELEVEN) == REST


async def test_schedule_switched_off_and_on_again_with_a_later_hour_keeps_the_hold(
    piloted: Office, clock: SetClock
) -> None:
    off = {PILOT: f"{PILOT}\nenabled = false"}
    async with edited(piloted, off, clock) as office:
        await beat(office, clock, "2015-07-10 09:10")
    on = {f"{PILOT}\nenabled = false": PILOT, "每周五 09:00": "每周五 09:30"}
    async with edited(piloted, on, clock) as office:
        await beat(office, clock, "2015-07-10 09:20")

        assert await beat(office, clock, "2015-07-10 09:30") == []
        assert await beat(office, clock, "2015-07-10 10:59") == []
        assert await beat(office, clock, ELEVEN) == REST


async def test_pilot_taken_out_of_the_settings_still_has_its_rest(piloted: Office, clock: SetClock) -> None:
    async with edited(piloted, {PILOT: 'max_age = "10d"'}, clock) as office:
        assert await beat(office, clock, "2015-07-10 10:59") == []
        assert await beat(office, clock, ELEVEN) == REST


async def test_pilot_list_may_be_among_the_lists(root: Path, clock: SetClock) -> None:
    path = root / "distributor.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('lists = ["members", "public"]', 'lists = ["staff", "members"]'), encoding="utf-8")
    async with office_in(root, clock) as office:
        await beat(office, clock)
        edit(root)

        await beat(office, clock, ELEVEN)

        assert (await copies(office))["boss@example.com", 1] == 1


async def test_mended_issue_needs_a_new_approval_before_the_rest(root: Path, clock: SetClock) -> None:
    path = root / "distributor.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(PILOT, f"{PILOT}\napproval = true"), encoding="utf-8")
    async with office_in(root, clock) as office:
        unapproved = await beat(office, clock)
        await approve(office)
        approved = await beat(office, clock)
        edit(root)
        waits = await beat(office, clock, ELEVEN)
        reason = (await row_of(office)).reason
        await approve(office)

        assert (unapproved, approved, waits, reason) == ([], PILOTED, [], "pilot/approval")
        assert await beat(office, clock, "2015-07-10 11:30") == REST


@pytest.mark.parametrize("line", ["prepare", "freeze_renditions", "freeze_recipients", "launch"])
@pytest.mark.parametrize("moment", [NINE, ELEVEN])
async def test_kill_at_any_step_makes_neither_a_second_pilot_nor_loses_the_rest(
    root: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch, line: str, moment: str
) -> None:
    async def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    launched: list[tuple[str, int]] = []
    async with office_in(root, clock) as office:
        for now in (NINE, "2015-07-10 09:05", ELEVEN, "2015-07-10 11:05"):
            if now == moment:
                with monkeypatch.context() as dying:
                    dying.setattr(freezing, line, die)
                    with pytest.raises(KeyboardInterrupt):
                        await beat(office, clock, now)
                async with office.database.write() as tx:
                    await tx.execute(
                        sa.update(mailing).where(mailing.c.state == "preparing").values(lease_until=at(NINE))
                    )
            else:
                launched += await beat(office, clock, now)
        launched += await beat(office, clock, "2015-07-10 13:05")

        assert launched == PILOTED + REST
        assert await mailings(office) == 2
        assert len(launches.read(office.workspace.var)) == 2


async def test_launch_that_fails_leaves_nothing_that_the_next_beat_must_wait_for(
    root: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: object) -> None:
        raise DistributorError

    async with office_in(root, clock) as office:
        with monkeypatch.context() as failing:
            failing.setattr(freezing, "launch", fail)
            assert await beat(office, clock) == []

        assert launches.read(office.workspace.var) == ()
        assert await beat(office, clock) == PILOTED


async def test_pilot_and_rest_together_are_called_by_their_issue(piloted: Office, clock: SetClock) -> None:
    alone = await accounting.find_mailing(piloted, "55")
    await beat(piloted, clock, ELEVEN)

    assert (alone.mailing.send_no, (await accounting.find_mailing(piloted, "55")).mailing.send_no) == (0, 1)
