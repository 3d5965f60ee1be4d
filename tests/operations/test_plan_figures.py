"""The figures of a rehearsal in words: the slot with its approval and pilot, who is skipped, and what was found."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.delivery import pilots
from distributor.operations import membership, worker
from distributor.operations.launching import new_marks
from distributor.operations.office import Office
from distributor.operations.rehearsals import plan_figures, planning
from distributor.operations.rehearsals.planning import AudiencePlan
from distributor.scheduling import calendar
from tests.conftest import FRIDAY_NINE, SetClock
from tests.offices import office_in, write_issue, write_list
from tests.operations.slots import APPROVAL, PILOT, READERS, approve, edit, write_office


def slot_lines(office: Office, audience: AudiencePlan) -> dict[str, str]:
    return {name.zh: value.zh for name, value in plan_figures.slot_figures(office.workspace, audience.slot)}


def audience_lines(audience: AudiencePlan) -> dict[str, str]:
    return {name.zh: value.zh for name, value in plan_figures.audience_figures(audience)}


@pytest.fixture
async def gated(tmp_path: Path, clock: SetClock) -> AsyncIterator[Office]:
    """An office whose schedule wants an approval."""
    async with office_in(write_office(tmp_path / "office", APPROVAL), clock) as office:
        await membership.sync_changed(office, office.workspace.list_names)
        yield office


@pytest.fixture
async def staged(tmp_path: Path, clock: SetClock) -> AsyncIterator[Office]:
    """An office whose schedule has a pilot; one of the staff is a member too."""
    async with office_in(write_office(tmp_path / "office", PILOT), clock) as office:
        await membership.sync_changed(office, office.workspace.list_names)
        yield office


async def test_missing_approval_is_told_and_a_given_one_too(gated: Office) -> None:
    before = slot_lines(gated, await planning.plan_next(gated))
    await approve(gated)
    after = slot_lines(gated, await planning.plan_next(gated))

    assert (before["核准"], after["核准"]) == ("还没有；没有核准就不发", "已核准")


async def test_edit_after_the_approval_makes_it_missing_again(gated: Office) -> None:
    await approve(gated)
    edit(gated.workspace.root, article="a01.md")

    audience = await planning.plan_next(gated)

    assert audience.slot is not None
    assert audience.slot.approval == "missing"


async def test_pilot_goes_first_and_the_rest_after_the_hold(staged: Office) -> None:
    audience = await planning.plan_next(staged)

    assert slot_lines(staged, audience)["试发"] == "staff 的 2 人先收到，过 2 小时再发其余的人"
    assert audience.start == FRIDAY_NINE + timedelta(hours=2)


async def test_reader_whom_the_pilot_serves_is_left_out_of_the_rest(staged: Office) -> None:
    audience = await planning.plan_next(staged)

    assert audience_lines(audience)["由试发收到同一份"] == "1"
    assert audience.copies == 2


async def test_plan_after_the_pilot_begins_at_the_end_of_the_hold(staged: Office, clock: SetClock) -> None:
    await worker.tick(staged)
    clock.advance(timedelta(minutes=30))

    audience = await planning.plan_next(staged)

    assert slot_lines(staged, audience)["试发"] == "已发给 staff，到时再发其余的人"
    assert (audience.start, audience.copies) == (FRIDAY_NINE + timedelta(hours=2), 2)


async def test_reader_whose_copy_changed_after_the_pilot_gets_it_again(staged: Office, clock: SetClock) -> None:
    await worker.tick(staged)
    edit(staged.workspace.root, article="a01.md")

    audience = await planning.plan_next(staged)

    assert "由试发收到同一份" not in audience_lines(audience)
    assert audience.copies == 3


async def test_plan_counts_what_the_launch_after_a_pilot_sends(staged: Office, clock: SetClock) -> None:
    await worker.tick(staged)
    audience = await planning.plan_next(staged)
    clock.advance(timedelta(hours=2))

    (launched,) = (await worker.tick(staged)).launched

    assert launched.planned == audience.copies


async def test_slot_without_a_pilot_serves_nobody_by_one(gated: Office) -> None:
    async with gated.database.read() as connection:
        assert await pilots.holders(connection, 1, {}, new_marks()) == frozenset()


async def test_held_slot_says_that_nothing_goes(gated: Office) -> None:
    await worker.tick(gated)
    async with gated.database.write() as tx:
        (row,) = [one for one in await calendar.since(tx, FRIDAY_NINE - timedelta(days=1)) if one.due_at <= FRIDAY_NINE]
        await calendar.hold(tx, row.id, FRIDAY_NINE)

    assert "放行之前不发" in slot_lines(gated, await planning.plan_next(gated))["暂缓"]


async def test_skipped_slot_is_not_what_goes_next(gated: Office, clock: SetClock) -> None:
    await worker.tick(gated)
    async with gated.database.write() as tx:
        (row,) = [one for one in await calendar.since(tx, FRIDAY_NINE - timedelta(days=1)) if one.due_at <= FRIDAY_NINE]
        await calendar.skip(tx, row.id, FRIDAY_NINE)
    clock.advance(-timedelta(minutes=1))

    audience = await planning.plan_next(gated)

    assert audience.slot is not None
    assert audience.slot.slot.key == "2015-W29#1"


async def test_what_a_person_sends_has_no_slot(staged: Office) -> None:
    assert plan_figures.slot_figures(staged.workspace, None) == ()


async def test_who_is_skipped_is_named_with_the_reason(staged: Office) -> None:
    root = staged.workspace.root
    await membership.remove(staged, membership.address_of("policy@example.com"))
    write_list(root, "members", {"all@example.com": "", "policy@example.com": "", "two@example.org": "", "x": ""})

    lines = audience_lines(await planning.plan_next(staged))

    assert lines["停发：人工移除"] == "1"
    assert lines["名单 members 有错的行"].startswith("1（distributor subscribers sync members")


async def test_domains_beyond_the_first_ten_are_one_row(staged: Office) -> None:
    readers = {f"r{number}@d{number:02d}.example.org": "" for number in range(12)}
    write_list(staged.workspace.root, "members", READERS | readers)
    await membership.sync_changed(staged, staged.workspace.list_names[:1])

    rows = plan_figures.domain_rows(await planning.plan_next(staged))

    assert len(rows) == 11
    assert (rows[-1][0].en, rows[-1][1]) == ("4 other domains", 4)


@pytest.mark.parametrize(
    ("span", "zh", "en"),
    [
        (timedelta(minutes=90), " 90 分钟", "90 min"),
        (timedelta(hours=2), " 2 小时", "2 h"),
        (timedelta(days=1), " 1 天", "1 d"),
    ],
)
async def test_hold_is_told_in_its_largest_whole_unit(
    tmp_path: Path, clock: SetClock, span: timedelta, zh: str, en: str
) -> None:
    hold = f"{int(span.total_seconds() // 60)}m"
    root = write_office(tmp_path / "office", PILOT.replace("2h", hold))
    async with office_in(root, clock) as office:
        await membership.sync_changed(office, office.workspace.list_names)
        pairs = plan_figures.slot_figures(office.workspace, (await planning.plan_next(office)).slot)

    value = {name.en: value for name, value in pairs}["pilot"]

    assert f"过{zh}再发" in value.zh
    assert f"the rest {en} later" in value.en


async def test_verdict_counts_faults_and_warnings(staged: Office) -> None:
    root = staged.workspace.root
    template = root / "templates/email.html"
    planted = '<a href="#nowhere">x</a><a href="http://intranet/">y</a></body>'
    template.write_text(template.read_text(encoding="utf-8").replace("</body>", planted), encoding="utf-8")
    write_issue(root, 56, date="2015-07-17")

    said = plan_figures.verdict(await planning.plan_next(staged))

    assert said.zh == "校对：1 处故障，1 处提醒；改好之前发不出去"


async def test_verdict_of_warnings_alone_does_not_say_that_nothing_leaves(staged: Office) -> None:
    template = staged.workspace.root / "templates/email.html"
    planted = '<a href="http://intranet/">y</a></body>'
    template.write_text(template.read_text(encoding="utf-8").replace("</body>", planted), encoding="utf-8")

    assert plan_figures.verdict(await planning.plan_next(staged)).zh == "校对：0 处故障，1 处提醒"
