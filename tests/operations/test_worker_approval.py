"""`approval = true`: nothing leaves before somebody approved exactly what goes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from distributor.errors import HeldError
from distributor.identifiers import ListName
from distributor.operations import launches, launching, sending, worker
from distributor.operations.office import Office
from distributor.operations.sending import plan_of
from distributor.scheduling.reasons import reason_text
from tests.conftest import SetClock
from tests.offices import office_in, write_issue
from tests.operations.slots import APPROVAL, RULE, approve, at, beat, edit, edited, mailings, row_of, write_office

GONE = [("2015-055", 1)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_office(tmp_path / "office", APPROVAL)


@pytest.fixture
async def office(root: Path, clock: SetClock) -> AsyncIterator[Office]:
    async with office_in(root, clock) as opened:
        yield opened


async def test_slot_waits_for_approval_and_goes_when_it_comes(office: Office, clock: SetClock) -> None:
    (stay,) = (await worker.tick(office)).stayed
    waiting = await row_of(office)
    await approve(office)

    assert "等待核准" in stay.why.zh
    assert "distributor approve 2015-055 --by" in stay.why.en
    assert (waiting.state, waiting.reason) == ("waiting_content", "approval")
    assert await beat(office, clock, "2015-07-10 20:59") == GONE


async def test_nothing_is_public_before_the_approval(office: Office) -> None:
    await worker.tick(office)

    assert not (office.workspace.public / "issues" / "2015-055.html").exists()
    assert await mailings(office) == 0


async def test_later_edit_voids_the_approval(office: Office, root: Path, clock: SetClock) -> None:
    await approve(office)
    edit(root)
    edited_since = await beat(office, clock)
    await approve(office)

    assert edited_since == []
    assert await beat(office, clock) == GONE


async def test_slot_nobody_approved_is_missed_for_want_of_approval(office: Office, clock: SetClock) -> None:
    await worker.tick(office)

    assert await beat(office, clock, "2015-07-10 21:01") == []

    row = await row_of(office)
    assert (row.state, row.reason) == ("missed", "approval:43260")
    assert reason_text(row.reason).zh == "等待核准，已晚 12 小时 1 分钟，超过补发时限"


async def test_older_approved_issue_does_not_slip_out_before_the_newest(
    office: Office, root: Path, clock: SetClock
) -> None:
    await approve(office)
    write_issue(root, 56)
    before = await beat(office, clock)
    await approve(office, "2015-056")

    assert before == []
    assert await beat(office, clock) == [("2015-056", 1)]


async def test_edit_between_freezing_and_launching_is_not_covered_by_the_approval(
    office: Office, root: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approve(office)
    append = launches.append

    def edit_then_append(*arguments: object) -> None:
        edit(root)
        append(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as editing:
        editing.setattr(launches, "append", edit_then_append)
        (stay,) = (await worker.tick(office)).stayed

    assert "核准" in stay.why.zh
    assert await mailings(office) == 0


async def test_launch_asks_for_the_approval_itself(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no(*_arguments: object) -> bool:
        return False

    monkeypatch.setattr(worker, "_lacks_approval", no)

    (stay,) = (await worker.tick(office)).stayed

    assert isinstance(stay.error, HeldError)
    assert await mailings(office) == 0


@pytest.mark.parametrize("lists", [("members",), ("public", "staff"), ("members", "public")])
async def test_sending_by_hand_to_a_list_that_wants_approval_is_held(office: Office, lists: tuple[str, ...]) -> None:
    plan = plan_of(office, "55", tuple(ListName(name) for name in lists))

    with pytest.raises(HeldError, match="distributor approve 2015-055 --by NAME") as held:
        await sending.send(office, plan)

    assert held.value.exit_code == 4
    assert await mailings(office) == 0
    assert not office.workspace.public.exists()


async def test_approved_issue_may_be_sent_by_hand_and_resumed_after_an_edit(office: Office, root: Path) -> None:
    await approve(office)
    plan = plan_of(office, "55", (ListName("members"),))
    first = await sending.send(office, plan)
    edit(root)

    again = await sending.send(office, plan)

    assert (first.is_new, again.is_new) == (True, False)


async def test_list_of_no_schedule_needs_no_approval(office: Office) -> None:
    sent = await sending.send(office, plan_of(office, "55", (ListName("staff"),)))

    assert sent.mailing.planned == 2


async def test_switched_off_schedule_asks_for_no_approval(office: Office, clock: SetClock) -> None:
    async with edited(office, {APPROVAL: f"{APPROVAL}\nenabled = false"}, clock) as off:
        assert not sending.needs_approval(off, (ListName("members"),))


async def test_approval_switched_off_lets_the_waiting_slot_go(office: Office, clock: SetClock) -> None:
    await worker.tick(office)

    async with edited(office, {APPROVAL: RULE}, clock) as free:
        assert await beat(free, clock, "2015-07-10 10:00") == GONE


async def test_what_a_slot_waits_for_is_said_anew_when_it_changes(office: Office, root: Path, clock: SetClock) -> None:
    (root / "content" / "2015-055" / "issue.toml").write_text('number = 55\ndate = 2015-07-10\nstatus = "draft"\n')
    await worker.tick(office)
    nothing = (await row_of(office)).reason
    (root / "content" / "2015-055" / "issue.toml").write_text('number = 55\ndate = 2015-07-10\nstatus = "ready"\n')
    clock.moment = at("2015-07-10 09:01")

    await worker.tick(office)

    assert (nothing, (await row_of(office)).reason) == ("no-issue", "approval")


async def test_dead_preparation_keeps_a_slot_no_longer_than_two_minutes() -> None:
    assert launching.PREPARATION_LEASE.total_seconds() <= 120
