from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.delivery.pacing import Rate
from distributor.delivery.servers import Server
from distributor.errors import InputError
from distributor.identifiers import IssueId, ListName
from distributor.operations import launching, membership, planning, worker
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.rehearsal import SendingPlan
from tests.conftest import FRIDAY_NINE, SetClock
from tests.offices import write_issue, write_list
from tests.operations.conftest import READERS

MEMBERS = (ListName("members"),)
PLAN = SendingPlan(issue=IssueId("2015-055"), lists=MEMBERS)


@pytest.fixture
async def synced(office: Office) -> Office:
    await membership.sync_changed(office, MEMBERS)
    return office


async def test_plan_counts_the_whole_audience(synced: Office) -> None:
    audience = await planning.plan_sending(synced, PLAN, FRIDAY_NINE)

    assert audience.copies == 3
    assert {line.edition: line.readers for line in audience.editions} == {
        "market+policy+domestic+international+reading+notice": 1,
        "market+notice": 1,
        "policy": 1,
    }


async def test_plan_sends_and_writes_nothing(synced: Office, root: Path) -> None:
    before = sorted(path for path in root.rglob("*") if not path.name.startswith("distributor.db"))

    await planning.plan_sending(synced, PLAN, FRIDAY_NINE)

    assert sorted(path for path in root.rglob("*") if not path.name.startswith("distributor.db")) == before


async def test_plan_says_who_is_left_out_and_why(synced: Office, root: Path) -> None:
    write_issue(root, 56, date="2015-07-10", sections=("market", "policy"))
    write_list(root, "members", {**READERS, "reading@example.com": "推荐阅读"})
    await membership.sync_changed(synced, MEMBERS)
    await membership.remove(synced, membership.address_of("policy@example.com"))

    audience = await planning.plan_sending(synced, replace(PLAN, issue=IssueId("2015-056")), FRIDAY_NINE)

    assert (audience.copies, audience.rehearsal.without_section, audience.suppressed) == (2, 1, 1)


async def test_plan_leaves_out_who_has_the_issue(synced: Office) -> None:
    await launching.launch(synced, LaunchOrder(plan=PLAN, origin="members"))

    audience = await planning.plan_sending(synced, PLAN, FRIDAY_NINE)

    assert (audience.copies, audience.already) == (0, 3)


async def test_plan_knows_when_the_last_copy_leaves_under_the_limit(synced: Office) -> None:
    server = Server(host="127.0.0.1", port=25, security="plaintext")
    rates = ((Rate(count=1, window=timedelta(minutes=1)),),)
    limited = replace(synced, workspace=replace(synced.workspace, servers=(server,), rates=rates))

    audience = await planning.plan_sending(limited, PLAN, FRIDAY_NINE)

    assert audience.finish is not None
    assert timedelta(minutes=2) <= audience.finish - FRIDAY_NINE < timedelta(minutes=2, seconds=10)


async def test_plan_of_a_draft_is_refused(synced: Office, root: Path) -> None:
    write_issue(root, 57, status="draft")

    with pytest.raises(InputError, match="draft"):
        await planning.plan_sending(synced, replace(PLAN, issue=IssueId("2015-057")), FRIDAY_NINE)


async def test_changed_list_file_is_announced(synced: Office, root: Path) -> None:
    write_list(root, "members", {**READERS, "new@example.com": ""})

    audience = await planning.plan_sending(synced, PLAN, FRIDAY_NINE)

    assert audience.lists[0].difference is not None
    assert audience.lists[0].difference.is_new_file


async def test_next_plan_is_the_due_slot_first(synced: Office) -> None:
    audience = await planning.plan_next(synced)

    assert (audience.plan.issue, audience.start) == ("2015-055", FRIDAY_NINE)


async def test_nothing_to_plan_says_where_to_look(synced: Office) -> None:
    await worker.tick(synced)

    with pytest.raises(InputError, match="distributor schedule"):
        await planning.plan_next(synced)


async def test_coming_slots_name_the_issue_of_each(synced: Office, root: Path) -> None:
    write_issue(root, 56, date="2015-07-17")

    slots = await planning.coming_slots(synced, 3)

    assert [(coming.slot.key, coming.choice.issue and coming.choice.issue.id) for coming in slots] == [
        ("2015-W28#1", "2015-055"),
        ("2015-W29#1", "2015-056"),
        ("2015-W30#1", None),
    ]


async def test_launched_slot_is_no_longer_coming(synced: Office, clock: SetClock) -> None:
    await worker.tick(synced)
    clock.advance(timedelta(minutes=5))

    slots = await planning.coming_slots(synced, 1)

    assert slots[0].slot.key == "2015-W29#1"
