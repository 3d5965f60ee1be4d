"""Approval is of exactly what was seen: recorded with its fingerprint, void after an edit, harmless to repeat."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from distributor import incidents
from distributor.content import loader
from distributor.delivery import decisions
from distributor.errors import HeldError, InputError
from distributor.identifiers import IssueId, ScheduleId, SlotKey
from distributor.incidents import Cause, Incident
from distributor.operations import worker
from distributor.operations.desk import approving
from distributor.operations.desk.approving import load_present
from distributor.operations.desk.awaiting import watch_approvals
from distributor.operations.office import Office
from distributor.scheduling import calendar
from tests.conftest import SetClock
from tests.offices import article_text, office_in, write_issue, write_workspace
from tests.operations.dropped import document, drop, take

ISSUE = IssueId("2015-055")
WITH_APPROVAL = {'max_age = "10d"\n': 'max_age = "10d"\napproval = true\n'}
WEEKLY, SLOT = ScheduleId("weekly"), SlotKey("2015-W28#1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose weekly schedule asks for approval, with one ready issue."""
    root = write_workspace(tmp_path / "office", changes=WITH_APPROVAL)
    write_issue(root)
    return root


@pytest.fixture
async def office(root: Path, clock: SetClock) -> AsyncIterator[Office]:
    """It is Thursday noon; the slot is Friday at nine."""
    clock.moment -= timedelta(hours=21)
    async with office_in(root, clock) as opened:
        await worker.tick(opened)
        yield opened


def edit(root: Path) -> None:
    path = root / "content" / ISSUE / "a01.md"
    path.write_text(path.read_text(encoding="utf-8") + "\n又加一段。\n", encoding="utf-8")


def lose_text(root: Path) -> None:
    text = article_text("2015-055-a01", "market").replace("source:", "missing: text\nsource:")
    (root / "content" / ISSUE / "a01.md").write_text(text, encoding="utf-8")


async def open_of(office: Office, cause: Cause) -> list[Incident]:
    async with office.database.read() as connection:
        return [one for one in await incidents.ongoing(connection) if one.cause is cause]


async def test_an_approval_says_what_was_approved_and_when_it_goes(office: Office) -> None:
    approval = await approving.approve(office, "55", " 张  三 ")

    assert approval.is_new
    assert approval.signature.by == "张 三"
    assert approval.signature.fingerprint == approval.issue.fingerprint
    assert [(one.schedule, one.slot.key) for one in approval.slots] == [("weekly", SLOT)]


async def test_an_edit_voids_it_and_undoing_the_edit_brings_it_back(office: Office, root: Path) -> None:
    before = (root / "content" / ISSUE / "a01.md").read_bytes()
    await approving.approve(office, "55", "张三")
    edit(root)
    edited = await approving.state(office, ISSUE)
    (root / "content" / ISSUE / "a01.md").write_bytes(before)

    assert edited.standing == "edited"
    assert "已失效" in approving.standing_text(office, edited).zh
    assert (await approving.state(office, ISSUE)).standing == "approved"


async def test_an_issue_that_has_faults_now_is_not_approved_any_more(office: Office, root: Path) -> None:
    await approving.approve(office, "55", "张三")
    (root / "content" / ISSUE / "a01.md").write_text("broken", encoding="utf-8")

    found = await approving.state(office, ISSUE)

    assert (found.standing, found.fingerprint) == ("edited", None)


async def test_nobody_approved_is_said(office: Office) -> None:
    found = await approving.state(office, ISSUE)

    assert (found.standing, found.signature, found.needed_by) == ("none", None, ("weekly",))


async def test_the_first_to_approve_is_named_and_twice_is_once(office: Office) -> None:
    await approving.approve(office, "55", "张三")

    again = await approving.approve(office, "55", "李四")

    assert not again.is_new
    assert again.signature.by == "张三"


async def test_the_ledger_finds_what_was_approved(office: Office) -> None:
    approval = await approving.approve(office, "55", "张三")

    async with office.database.read() as connection:
        assert await decisions.is_approved(connection, issue=ISSUE, fingerprint=approval.issue.fingerprint)
        assert await approving.is_approved(connection, ISSUE, approval.issue.fingerprint)
        assert not await approving.is_approved(connection, ISSUE, "0" * 64)


async def test_a_draft_is_not_approved_by_its_number(office: Office, root: Path) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")

    with pytest.raises(InputError, match="ready"):
        await approving.approve(office, "55", "张三")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x1bb"])
async def test_nobody_is_no_name(office: Office, name: str) -> None:
    with pytest.raises(InputError, match="--by"):
        await approving.approve(office, "55", name)


async def test_a_draft_as_seen_becomes_ready_and_approved(office: Office, root: Path) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")
    seen = load_present(office, ISSUE)

    approval = await approving.approve_seen(office, seen, "ops@example.com")

    assert approval.issue.status == "ready"
    assert (await approving.state(office, ISSUE)).standing == "approved"


async def test_a_draft_edited_since_is_not_approved_and_stays_one(office: Office, root: Path) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")
    seen = load_present(office, ISSUE)
    edit(root)

    with pytest.raises(HeldError):
        await approving.approve_seen(office, seen, "ops@example.com")

    assert load_present(office, ISSUE).status == "draft"
    assert (await approving.state(office, ISSUE)).standing == "none"


async def test_a_draft_edited_while_it_becomes_ready_is_a_draft_again(
    office: Office, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")
    seen = load_present(office, ISSUE)
    real = loader.set_status

    def with_an_edit(folder: Path, status: loader.Status) -> None:
        real(folder, status)
        edit(root)

    monkeypatch.setattr(loader, "set_status", with_an_edit)

    with pytest.raises(HeldError):
        await approving.approve_seen(office, seen, "ops@example.com")

    assert load_present(office, ISSUE).status == "draft"


async def test_a_draft_that_lacks_something_stays_a_draft(office: Office, root: Path) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")
    lose_text(root)

    with pytest.raises(InputError):
        await approving.approve_seen(office, load_present(office, ISSUE), "ops@example.com")

    assert load_present(office, ISSUE).status == "draft"


async def test_why_the_next_slot_passes_it_over_is_said(office: Office, root: Path) -> None:
    write_issue(root, 56, date="2015-07-17")

    approval = await approving.approve(office, "56", "张三")

    assert approval.slots == ()
    assert approval.passed_over is not None
    assert "还没到" in approval.passed_over.zh


async def test_holding_stops_the_slot_that_would_take_it(office: Office) -> None:
    first = await approving.hold(office, ISSUE, "ops@example.com")
    again = await approving.hold(office, ISSUE, "ops@example.com")

    async with office.database.read() as connection:
        row = await calendar.find(connection, WEEKLY, SLOT)
    assert row is not None
    assert (row.state, len(first.slots), len(again.slots)) == ("held", 1, 1)
    assert "ops@example.com" in row.reason


async def test_holding_a_draft_touches_no_slot(office: Office, root: Path) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")

    held = await approving.hold(office, ISSUE, "ops@example.com")

    assert (held.draft, held.slots) == (True, ())


# What operators are told


async def test_a_ready_issue_that_waits_is_told_until_it_is_approved(office: Office) -> None:
    await watch_approvals(office)
    waiting = await open_of(office, Cause.APPROVAL)
    await approving.approve(office, "55", "张三")
    await watch_approvals(office)

    assert [one.subject.partition(":")[0] for one in waiting] == [ISSUE]
    assert await open_of(office, Cause.APPROVAL) == []


async def test_an_edit_after_the_approval_is_told_anew(office: Office, root: Path) -> None:
    await approving.approve(office, "55", "张三")
    edit(root)

    await watch_approvals(office)

    (incident,) = await open_of(office, Cause.APPROVAL)
    assert "核准之后又改过" in incident.what.zh


async def test_many_edits_are_one_letter_a_quarter_of_an_hour(office: Office, root: Path, clock: SetClock) -> None:
    subjects = []
    for _minutes in range(4):
        edit(root)
        await watch_approvals(office)
        subjects.append((await open_of(office, Cause.APPROVAL))[0].subject)
        clock.advance(timedelta(minutes=6))

    assert subjects[0] == subjects[1] == subjects[2] != subjects[3]


async def test_without_approval_asked_for_nobody_is_told(office: Office, root: Path, clock: SetClock) -> None:
    write_workspace(root)

    async with office_in(root, clock) as plain:
        await watch_approvals(plain)

        assert await open_of(plain, Cause.APPROVAL) == []


async def test_a_draft_is_told_until_it_is_none(office: Office, root: Path) -> None:
    drop(root, document())
    await take(office)
    await watch_approvals(office)
    lasting = await open_of(office, Cause.DRAFT)
    loader.set_status(root / "content" / "2015-057", "ready")
    await watch_approvals(office)

    assert len(lasting) == 1
    assert await open_of(office, Cause.DRAFT) == []


async def test_two_who_approve_at_once_both_get_an_approval(office: Office) -> None:
    both = await asyncio.gather(*(approving.approve(office, "55", name) for name in ("张三", "李四")))

    assert {one.signature.by for one in both} <= {"张三", "李四"}
    assert sum(one.is_new for one in both) == 1
