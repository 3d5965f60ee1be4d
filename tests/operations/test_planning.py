from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor.errors import InputError
from distributor.identifiers import IssueId, ListName
from distributor.operations import launching, membership, worker
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.schema import permit
from tests.conftest import FRIDAY_NINE, SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace
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


async def test_plan_leaves_out_who_has_the_issue_also_when_they_chose_no_section_of_it_since(
    synced: Office, root: Path
) -> None:
    write_issue(root, 56, date="2015-07-10", sections=("market", "policy"))
    next_plan = replace(PLAN, issue=IssueId("2015-056"))
    await launching.launch(synced, LaunchOrder(plan=next_plan, origin="members"))
    write_list(root, "members", {**READERS, "policy@example.com": "推荐阅读", "new@example.com": "政策聚焦"})
    await membership.sync_changed(synced, MEMBERS)

    audience = await planning.plan_sending(synced, next_plan, FRIDAY_NINE)

    assert (audience.copies, audience.rehearsal.without_section) == (1, 1)


@asynccontextmanager
async def smtp_office(folder: Path, clock: SetClock, more: str, readers: Mapping[str, str]) -> AsyncIterator[Office]:
    root = write_workspace(folder, changes={'transport = "smtp"': 'transport = "smtp"'}, more=more)
    write_issue(root)
    write_list(root, "members", readers)
    async with office_in(root, clock) as office:
        await membership.sync_changed(office, MEMBERS)
        yield office


def relay(*rates: str) -> str:
    return f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:25"\nrate = {list(rates)}\n'


async def test_plan_knows_when_the_last_copy_leaves_under_the_limit(tmp_path: Path, clock: SetClock) -> None:
    async with smtp_office(tmp_path, clock, relay("1/minute"), READERS) as office:
        audience = await planning.plan_sending(office, PLAN, FRIDAY_NINE)

    assert audience.finish is not None
    assert timedelta(minutes=2) <= audience.finish - FRIDAY_NINE < timedelta(minutes=2, seconds=10)
    assert audience.hold is not None
    assert (audience.hold.gate.name, audience.hold.copies) == ("127.0.0.1:25", 3)


async def test_plan_counts_every_server(tmp_path: Path, clock: SetClock) -> None:
    second = relay("1/minute").replace(":25", ":26")
    async with smtp_office(tmp_path, clock, relay("2/minute") + second, READERS) as office:
        audience = await planning.plan_sending(office, PLAN, FRIDAY_NINE)

    assert audience.finish == FRIDAY_NINE


async def test_plan_of_nine_hundred_readers_under_five_hundred_a_day_takes_a_day(
    tmp_path: Path, clock: SetClock
) -> None:
    readers = {f"r{number}@{'qq.com' if number % 4 else 'example.org'}": "" for number in range(1200)}
    limit = '\n[[limit]]\ndomains = ["qq.com", "foxmail.com"]\nrate = ["500/day"]\n'
    async with smtp_office(tmp_path, clock, relay("60/minute") + limit, readers) as office:
        audience = await planning.plan_sending(office, PLAN, FRIDAY_NINE)

    assert audience.copies == 1200
    assert audience.finish is not None
    assert timedelta(days=1) <= audience.finish - FRIDAY_NINE < timedelta(days=1, minutes=20)
    assert audience.hold is not None
    assert (audience.hold.gate.name, audience.hold.copies) == ("qq.com, foxmail.com", 900)


async def test_plan_counts_what_a_destination_took_already(tmp_path: Path, clock: SetClock) -> None:
    limit = '\n[[limit]]\ndomains = ["example.com"]\nrate = ["2/hour"]\n'
    async with smtp_office(tmp_path, clock, relay() + limit, READERS) as office:
        taken = {"scope": "domain:example.com", "at": FRIDAY_NINE - timedelta(minutes=20), "count": 1}
        async with office.database.write() as tx:
            await tx.execute(sa.insert(permit), taken)
        audience = await planning.plan_sending(office, PLAN, FRIDAY_NINE)

    # Two readers there: one now, one when the hour of the earlier permit is over.
    assert audience.finish == FRIDAY_NINE + timedelta(minutes=40, seconds=1)


async def test_plan_leaves_out_of_a_limit_who_has_the_issue(tmp_path: Path, clock: SetClock) -> None:
    limit = '\n[[limit]]\ndomains = ["example.com"]\nrate = ["1/hour"]\n'
    async with smtp_office(tmp_path, clock, relay() + limit, {"all@example.com": ""}) as office:
        await launching.launch(office, LaunchOrder(plan=PLAN, origin="members"))
        write_list(tmp_path, "members", READERS)
        await membership.sync_changed(office, MEMBERS)
        audience = await planning.plan_sending(office, PLAN, FRIDAY_NINE)

    assert (audience.copies, audience.finish) == (2, FRIDAY_NINE)  # one at example.com, one at example.org


async def test_outbox_knows_no_limit(root: Path, clock: SetClock) -> None:
    with (root / "distributor.toml").open("a", encoding="utf-8") as settings:
        settings.write(relay("1/minute"))
    async with office_in(root, clock) as office:
        await membership.sync_changed(office, MEMBERS)
        audience = await planning.plan_sending(office, PLAN, FRIDAY_NINE)

    assert (audience.copies, audience.finish, audience.hold) == (3, None, None)


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
