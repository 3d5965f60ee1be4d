"""The beat under every clock: down at the minute, set forward and back, gaps and folds, edits around the hour.

On SQLite and on PostgreSQL; what went is counted from the copies, never from what a beat says of itself.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from distributor.operations import worker
from distributor.operations.office import Office
from distributor.schema import mailing
from tests.conftest import SetClock
from tests.offices import office_in, write_issue
from tests.operations.slots import SLOT, at, beat, copies, edited, row_of, write_office

GONE = [("2015-055", 1)]


@pytest.fixture
def root(tmp_path: Path, migrated_url: URL) -> Path:
    return write_office(tmp_path / "office", url=migrated_url)


@pytest.fixture
async def office(root: Path, clock: SetClock) -> AsyncIterator[Office]:
    """An office whose daemon runs since Thursday evening."""
    clock.moment = at("2015-07-09 18:00")
    async with office_in(root, clock) as opened:
        await worker.tick(opened)
        yield opened


async def each_has_one_copy(office: Office) -> bool:
    return set((await copies(office)).values()) == {1} and len(await copies(office)) == 3


@pytest.mark.parametrize("back_at", ["2015-07-10 09:01", "2015-07-10 20:00", "2015-07-10 21:00"])
async def test_down_at_the_minute_and_back_within_catch_up_goes_once(
    office: Office, clock: SetClock, back_at: str
) -> None:
    assert await beat(office, clock, back_at) == GONE
    assert await beat(office, clock, back_at) == []
    assert await each_has_one_copy(office)


async def test_down_for_thirteen_hours_is_missed_by_name(office: Office, clock: SetClock) -> None:
    assert await beat(office, clock, "2015-07-10 22:00") == []

    row = await row_of(office)
    assert (row.state, row.reason) == ("missed", "late:46800")


async def test_clock_set_back_after_the_launch_sends_nothing_again(office: Office, clock: SetClock) -> None:
    await beat(office, clock, "2015-07-10 09:00")

    again = [
        await beat(office, clock, moment) for moment in ("2015-07-10 08:00", "2015-07-10 09:00", "2015-07-10 09:30")
    ]

    assert again == [[], [], []]
    assert await each_has_one_copy(office)


async def test_clock_set_back_before_the_launch_only_waits(office: Office, clock: SetClock) -> None:
    await beat(office, clock, "2015-07-10 08:59")

    assert await beat(office, clock, "2015-07-10 07:30") == []
    assert await beat(office, clock, "2015-07-10 09:00") == GONE


async def test_clock_that_leaps_forward_over_the_hour_goes_at_once(office: Office, clock: SetClock) -> None:
    await beat(office, clock, "2015-07-10 08:30")

    assert await beat(office, clock, "2015-07-10 11:30") == GONE


async def test_clock_a_year_ahead_for_a_moment_names_the_slot_it_cost(office: Office, clock: SetClock) -> None:
    await beat(office, clock, "2016-07-08 12:00")
    assert (await row_of(office)).state == "missed"

    assert await beat(office, clock, "2015-07-10 09:00") == []
    write_issue(office.workspace.root, 56, date="2015-07-17")
    assert (await row_of(office)).reason.startswith("late:")


@asynccontextmanager
async def in_zone(root: Path, clock: SetClock, zone: str, when: str, first: str) -> AsyncIterator[Office]:
    settings = root / "distributor.toml"
    text = settings.read_text(encoding="utf-8").replace('timezone = "Asia/Shanghai"', f'timezone = "{zone}"')
    text = text.replace("每周五 09:00", when).replace('holiday = "next_workday"', 'holiday = "send"')
    settings.write_text(text, encoding="utf-8")
    clock.moment = at(first, zone)
    async with office_in(root, clock) as opened:
        await worker.tick(opened)
        yield opened


@pytest.mark.parametrize(
    ("day", "moments", "goes_with"),
    [
        # 29 March 2015: 02:00 becomes 03:00 in Berlin, 01:00 UTC; 02:30 is not there, 03:00 stands in.
        ("2015-03-29", ("00:59", "01:00", "01:30", "02:30"), 1),
        # 25 October 2015: 03:00 becomes 02:00 again at 01:00 UTC; 02:30 is there at 00:30 and 01:30 UTC.
        ("2015-10-25", ("00:29", "00:30", "01:00", "01:30"), 1),
    ],
    ids=["gap", "fold"],
)
async def test_hour_that_is_left_out_or_repeated_goes_once(
    root: Path, clock: SetClock, day: str, moments: tuple[str, ...], goes_with: int
) -> None:
    write_issue(root, 60, date=day)
    async with in_zone(root, clock, "Europe/Berlin", "每周日 02:30", f"{day} 00:10") as office:
        went = []
        for moment in moments:
            clock.moment = at(f"{day} {moment}", "UTC")
            went.append(await beat(office, clock))

    assert [index for index, launched in enumerate(went) if launched] == [goes_with]


@pytest.mark.parametrize(
    ("edit_at", "when", "expected"),
    [
        ("2015-07-10 08:59", "每周五 10:00", "2015-07-10 10:00"),
        ("2015-07-10 08:59", "每周日 09:00", "2015-07-12 09:00"),
        ("2015-07-10 08:59", "每周五 08:30", "2015-07-10 08:59"),
    ],
)
async def test_edit_a_minute_before_moves_the_slot(
    office: Office, clock: SetClock, edit_at: str, when: str, expected: str
) -> None:
    await beat(office, clock, "2015-07-10 08:58")
    went = {}
    changes = {"每周五 09:00": when, 'holiday = "next_workday"': 'holiday = "send"'}
    async with edited(office, changes, clock) as later:
        for moment in (edit_at, "2015-07-10 09:00", "2015-07-10 10:00", "2015-07-11 09:00", "2015-07-12 09:00"):
            went[moment] = await beat(later, clock, moment)
        is_fair = await each_has_one_copy(later)

    assert [moment for moment, launched in went.items() if launched] == [expected]
    assert is_fair


@pytest.mark.parametrize("when", ["每周五 10:00", "每周五 08:00", "每周六 09:00", "每周四 09:00", "每周五 09:01"])
@pytest.mark.parametrize("launched_at", ["2015-07-10 09:00", "2015-07-10 09:00:20"])
async def test_edit_half_a_minute_after_the_launch_sends_nothing_again(
    office: Office, clock: SetClock, when: str, launched_at: str
) -> None:
    first = await beat(office, clock, launched_at)
    again = []
    async with edited(office, {"每周五 09:00": when}, clock) as later:
        for moment in ("2015-07-10 09:00:30", "2015-07-10 09:01", "2015-07-10 10:00", "2015-07-11 09:00"):
            again += await beat(later, clock, moment)

        assert (first, again) == (GONE, [])
        assert await each_has_one_copy(later)


async def test_edit_half_a_minute_after_a_slot_that_waited_moves_it(
    office: Office, root: Path, clock: SetClock
) -> None:
    article = root / "content" / "2015-055" / "a01.md"
    good = article.read_text(encoding="utf-8")
    article.write_text(good.replace("section: market", "section: markt"), encoding="utf-8")
    assert await beat(office, clock, "2015-07-10 09:00") == []
    article.write_text(good, encoding="utf-8")

    async with edited(office, {"每周五 09:00": "每周五 10:00"}, clock) as later:
        went = [await beat(later, clock, moment) for moment in ("2015-07-10 09:00:30", "2015-07-10 10:00")]

    assert went == [[], GONE]


async def test_two_beats_of_two_processes_launch_one_mailing(office: Office, root: Path, clock: SetClock) -> None:
    async with office_in(root, clock) as other:
        for one in (office, other, office):
            await beat(one, clock, "2015-07-10 09:00")

    async with office.database.read() as connection:
        origins = list(await connection.scalars(sa.select(mailing.c.origin)))
    assert origins == [f"weekly/{SLOT}"]
    assert await each_has_one_copy(office)
