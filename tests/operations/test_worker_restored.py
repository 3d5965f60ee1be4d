"""launches.log ahead of a restored database: the slot is held and explained, and one command decides."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor import incidents
from distributor.delivery import freezing
from distributor.errors import AnotherProcess, DecisionNeeded
from distributor.identifiers import IssueId, ListName
from distributor.operations import history, launches, launching, worker
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.sending import plan_of
from distributor.scheduling import calendar
from distributor.scheduling.reasons import reason_text
from distributor.schema import mailing
from tests.conftest import FRIDAY_NINE, SetClock
from tests.offices import office_in, write_issue
from tests.operations.slots import PILOT, SLOT, at, beat, mailings, row_of, write_office

YESTERDAY = "2015-07-09 18:00"


def database_files(root: Path) -> list[Path]:
    return list((root / "var").glob("distributor.db*"))


@asynccontextmanager
async def restored(root: Path, clock: SetClock, moment: str = "2015-07-10 15:00") -> AsyncIterator[Office]:
    """Run Friday's beats, put Thursday's database back, and open the office at `moment`."""
    backup = root / "backup.db"
    clock.moment = at(YESTERDAY)
    async with office_in(root, clock) as office:
        await beat(office, clock)
    shutil.copyfile(root / "var" / "distributor.db", backup)
    async with office_in(root, clock) as office:
        for now in ("2015-07-10 09:00", "2015-07-10 11:00"):
            await beat(office, clock, now)
    for file in database_files(root):
        file.unlink()
    shutil.copyfile(backup, root / "var" / "distributor.db")
    clock.moment = at(moment)
    async with office_in(root, clock) as office:
        yield office


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_office(tmp_path / "office")


@pytest.mark.parametrize("moment", ["2015-07-10 15:00", "2015-07-11 18:00"])
async def test_slot_that_the_log_says_went_is_held_and_explained(root: Path, clock: SetClock, moment: str) -> None:
    async with restored(root, clock, moment) as office:
        (stay,) = (await worker.tick(office)).stayed
        row = await row_of(office)
        async with office.database.read() as connection:
            (told,) = await incidents.ongoing(connection)

        assert (row.state, row.reason) == ("held", "restored:2015-055")
        assert "launches.log" in reason_text(row.reason).zh
        assert (stay.reason, told.cause, told.subject) == ("restored", "restored", f"weekly/{SLOT}")
        assert f"distributor schedule send-now weekly/{SLOT} --despite-log" in told.remedy.en
        assert f"distributor schedule skip weekly/{SLOT}" in told.remedy.en


async def test_held_slot_stays_held_however_often_the_daemon_looks(root: Path, clock: SetClock) -> None:
    async with restored(root, clock) as office:
        assert [await beat(office, clock) for _ in range(3)] == [[], [], []]
        assert (await row_of(office)).state == "held"
        assert await mailings(office) == 0


async def test_one_command_sends_it_despite_the_log(root: Path, clock: SetClock) -> None:
    async with restored(root, clock) as office:
        await beat(office, clock)
        row = await row_of(office)
        async with office.database.write() as tx:
            assert await calendar.send_now(tx, row.id, clock.now(), despite_log=True)

        assert await beat(office, clock) == [("2015-055", 1)]
        assert await beat(office, clock) == []
        async with office.database.read() as connection:
            assert await incidents.ongoing(connection) == ()


async def test_one_command_leaves_it_and_the_next_week_goes_as_ever(root: Path, clock: SetClock) -> None:
    async with restored(root, clock) as office:
        await beat(office, clock)
        row = await row_of(office)
        async with office.database.write() as tx:
            assert await calendar.skip(tx, row.id, clock.now())
        quiet = await beat(office, clock)
        write_issue(root, 56, date="2015-07-17")

        assert quiet == []
        assert await beat(office, clock, "2015-07-17 09:00") == [("2015-056", 1)]


async def test_issue_that_went_with_a_skipped_slot_is_not_chosen_again(root: Path, clock: SetClock) -> None:
    async with restored(root, clock) as office:
        await beat(office, clock)
        row = await row_of(office)
        async with office.database.write() as tx:
            await calendar.skip(tx, row.id, clock.now())

        assert await beat(office, clock, "2015-07-17 09:00") == []
        assert (await row_of(office, "2015-W29#1")).reason == "no-issue"


async def test_send_now_without_a_word_on_the_log_and_release_are_held_again(root: Path, clock: SetClock) -> None:
    async with restored(root, clock) as office:
        await beat(office, clock)
        row = await row_of(office)
        for decide in (calendar.send_now, calendar.release):
            async with office.database.write() as tx:
                await decide(tx, row.id, clock.now())
            assert await beat(office, clock) == []
            assert (await row_of(office)).reason == "restored:2015-055"


async def test_schedule_renamed_before_the_restored_database_is_held_by_the_issue(root: Path, clock: SetClock) -> None:
    async with restored(root, clock):
        pass
    settings = root / "distributor.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('id = "weekly"', 'id = "friday"'))
    clock.moment = at("2015-07-10 08:00")
    async with office_in(root, clock) as office:
        await beat(office, clock)

        assert await beat(office, clock, "2015-07-10 09:00") == []
        assert (await row_of(office, SLOT, "friday")).reason == "restored:2015-055"


async def test_issue_sent_by_hand_before_the_restore_is_not_sent_by_the_schedule(root: Path, clock: SetClock) -> None:
    line = launches.LaunchLine(
        channel="outbox", issue="2015-055", send_no=1, origin="members+public", mark="Tgone", fingerprint="f"
    )
    launches.append(root / "var", line, FRIDAY_NINE)
    async with office_in(root, clock) as office:
        assert await beat(office, clock) == []
        assert (await row_of(office)).reason == "restored:2015-055"


async def test_forgotten_launch_of_a_schedule_holds_what_is_sent_by_hand_too(root: Path, clock: SetClock) -> None:
    line = launches.LaunchLine(
        channel="outbox", issue="2015-055", send_no=1, origin=f"weekly/{SLOT}", mark="Tgone", fingerprint="f"
    )
    launches.append(root / "var", line, FRIDAY_NINE)
    async with office_in(root, clock) as office:
        plan = plan_of(office, "55", (ListName("members"),))

        with pytest.raises(DecisionNeeded, match="--despite-log"):
            await launching.launch(office, LaunchOrder(plan=plan, origin="members"))


@pytest.mark.parametrize("gone", ["pilot and rest", "rest"])
async def test_forgotten_pilot_holds_the_slot(tmp_path: Path, clock: SetClock, gone: str) -> None:
    root = write_office(tmp_path / "piloted", PILOT)
    async with restored(root, clock) as office:
        if gone == "rest":
            (pilot, _rest) = launches.read(office.workspace.var)
            launches.void(office.workspace.var, pilot.mark, clock.now())
        await beat(office, clock)

        assert (await row_of(office)).reason == "restored:2015-055"


async def test_preparation_under_way_elsewhere_is_no_forgotten_launch(
    root: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    async with office_in(root, clock) as office:
        with monkeypatch.context() as dying:
            dying.setattr(freezing, "launch", die)
            with pytest.raises(KeyboardInterrupt):
                await worker.tick(office)

        (stay,) = (await worker.tick(office)).stayed

        assert isinstance(stay.error, AnotherProcess)
        assert len(launches.read(office.workspace.var)) == 1
        assert await history.unknown_launches(office) == ()


async def test_kill_while_a_dead_preparation_is_swept_leaves_no_line_that_holds_the_slot(
    root: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    void = launches.void

    def void_and_die(*arguments: object) -> None:
        void(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    async with office_in(root, clock) as office:
        with monkeypatch.context() as dying:
            dying.setattr(freezing, "launch", die)
            with pytest.raises(KeyboardInterrupt):
                await worker.tick(office)
        async with office.database.write() as tx:
            await tx.execute(sa.update(mailing).values(lease_until=FRIDAY_NINE - timedelta(days=1)))
        with monkeypatch.context() as dying:
            dying.setattr(launches, "void", void_and_die)
            with pytest.raises(KeyboardInterrupt):
                await launching.sweep(office)

        assert await beat(office, clock) == [("2015-055", 1)]
        assert [line.issue for line in launches.read(office.workspace.var)] == ["2015-055"]


async def test_line_of_a_mark_that_was_void_counts_when_it_is_written_again(tmp_path: Path) -> None:
    line = launches.LaunchLine(channel="smtp", issue="2015-055", send_no=1, origin="a", mark="T1", fingerprint="f")
    launches.append(tmp_path, line, FRIDAY_NINE)
    launches.void(tmp_path, "T1", FRIDAY_NINE)
    void = launches.read(tmp_path)

    launches.append(tmp_path, line, FRIDAY_NINE)

    assert (void, launches.read(tmp_path)) == ((), (line,))


async def test_launch_that_fails_after_its_line_takes_it_back_and_can_be_done_again(
    root: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office_in(root, clock) as office:
        order = LaunchOrder(plan=plan_of(office, "55", (ListName("members"),)), origin="members")
        append = launches.append

        def lose_it_then_append(*arguments: object) -> None:
            append(*arguments)  # type: ignore[arg-type]
            raise AnotherProcess

        with monkeypatch.context() as losing:
            losing.setattr(launches, "append", lose_it_then_append)
            with pytest.raises(AnotherProcess):
                await launching.launch(office, order)

        assert launches.read(office.workspace.var) == ()
        assert (await launching.launch(office, order)).issue == IssueId("2015-055")
