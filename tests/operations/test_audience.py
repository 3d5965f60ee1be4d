"""The audience of a plan: who gets a copy, under which list and domain, and who does not and why."""

from dataclasses import replace
from pathlib import Path

import pytest

from distributor.errors import InputError
from distributor.identifiers import IssueId, ListName
from distributor.operations import launching, membership
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.planning import AudiencePlan
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.rendering.mail import NOTICE
from tests.conftest import FRIDAY_NINE
from tests.offices import write_list
from tests.operations.conftest import READERS

BOTH = (ListName("members"), ListName("public"))
PLAN = SendingPlan(issue=IssueId("2015-055"), lists=BOTH)


async def planned(office: Office, plan: SendingPlan = PLAN) -> AudiencePlan:
    await membership.sync_changed(office, BOTH)
    return await planning.plan_sending(office, plan, FRIDAY_NINE)


async def test_copies_are_counted_by_domain_and_list(office: Office, root: Path) -> None:
    write_list(root, "public", {"all@example.com": "", "else@example.net": "政策聚焦"})

    found = (await planned(office)).audience

    assert dict(found.domains) == {"example.com": 2, "example.net": 1, "example.org": 1}
    assert dict(found.lists) == {"members": 3, "public": 2}
    assert (found.copies, found.on_several) == (4, 1)


async def test_readers_of_plain_text_are_counted(office: Office, root: Path) -> None:
    rows = "email,sections,format\na@example.com,,text\nb@example.com,,html\n"
    (root / "subscribers/members.csv").write_text(rows, encoding="utf-8")

    assert (await planned(office)).audience.text == 1


async def test_audience_of_many_parts_has_every_reader_once(
    office: Office, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.operations.rehearsals.audience._AT_ONCE", 2)
    write_list(root, "public", {**READERS, "else@example.net": ""})

    found = (await planned(office)).audience

    assert found.copies == 4
    assert sum(len(digests) for digests in found.digests.values()) == 4


async def test_who_has_it_is_counted_by_the_mailing_that_brought_it(office: Office, root: Path) -> None:
    await planned(office)
    first = replace(PLAN, lists=BOTH[:1])
    await launching.launch(office, LaunchOrder(plan=first, origin="members"))
    write_list(root, "public", {"all@example.com": "", "new@example.com": ""})

    found = await planned(office)

    assert dict(found.skipped.already) == {"members": 3}
    assert found.copies == 1


async def test_stopped_readers_are_counted_by_reason(office: Office) -> None:
    await planned(office)
    await membership.remove(office, membership.address_of("policy@example.com"))

    found = await planned(office)

    assert dict(found.skipped.suppressed) == {"removed": 1}
    assert found.copies == 2


async def test_faulty_rows_are_counted_by_list(office: Office, root: Path) -> None:
    write_list(root, "members", {**READERS, "no address": ""})

    assert dict((await planned(office)).skipped.set_aside) == {"members": 1}


async def test_sender_on_a_list_is_a_warning(office: Office, root: Path) -> None:
    write_list(root, "members", {**READERS, "weekly@news.example.com": ""})

    (found,) = (await planned(office)).findings

    assert "weekly@news.example.com" in found.what.en
    assert found.warning


async def test_list_that_lost_most_of_its_people_is_a_fault(office: Office, root: Path) -> None:
    write_list(root, "members", {f"r{number}@example.com": "" for number in range(20)})
    await membership.sync_changed(office, BOTH)
    write_list(root, "members", {"r1@example.com": ""})

    found = await planning.plan_sending(office, PLAN, FRIDAY_NINE)

    assert [one.warning for one in found.findings] == [False]
    assert found.findings[0].path == "subscribers/members.csv"


async def test_sections_that_the_issue_lacks_are_refused(office: Office) -> None:
    with pytest.raises(InputError, match="no article in none"):
        await planned(office, replace(PLAN, sections=("none",)))  # type: ignore[arg-type]


async def test_reader_without_a_section_of_the_issue_gets_what_the_plan_says(office: Office, root: Path) -> None:
    only_market = replace(PLAN, sections=("market",))  # type: ignore[arg-type]

    skipped, noticed, full = [
        await planned(office, replace(only_market, empty=empty)) for empty in ("skip", "notice", "full")
    ]

    assert (skipped.copies, skipped.skipped.without_section) == (2, 1)
    assert {line.edition for line in noticed.editions} == {"market", NOTICE}
    assert {line.edition: line.copies for line in full.editions} == {"market": 3}
