from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor.delivery import decisions, freezing
from distributor.delivery.freezing import NewMailing
from distributor.delivery.ledger import Claim
from distributor.errors import AnotherProcess, DecisionNeeded, EnvironmentFault, HeldError, InputError, TemplateError
from distributor.identifiers import IssueId, ListName
from distributor.operations import launches, launching, membership
from distributor.operations.launching import LaunchOrder, origin_of_lists
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.schema import delivery, mailing, rendition
from tests.conftest import FRIDAY_NINE
from tests.offices import write_list

MEMBERS = (ListName("members"),)
ORDER = LaunchOrder(plan=SendingPlan(issue=IssueId("2015-055"), lists=MEMBERS), origin="members")


@pytest.fixture
async def synced(office: Office) -> Office:
    await membership.sync_changed(office, MEMBERS)
    return office


async def rows_in(office: Office, table: sa.Table) -> int:
    async with office.database.read() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def test_launch_freezes_renditions_and_readers(synced: Office) -> None:
    launched = await launching.launch(synced, ORDER)

    assert (launched.state, launched.planned) == ("running", 3)
    assert await rows_in(synced, rendition) == 3
    assert await rows_in(synced, delivery) == 3


async def test_pages_are_public_before_the_mail_can_go(synced: Office) -> None:
    await launching.launch(synced, ORDER)

    assert (synced.workspace.public / "issues" / "2015-055.html").is_file()
    assert (synced.workspace.public / "feeds" / "all.atom").is_file()


async def test_same_mailing_is_launched_only_once(synced: Office) -> None:
    await launching.launch(synced, ORDER)

    with pytest.raises(HeldError):
        await launching.launch(synced, ORDER)


async def test_reader_never_gets_an_issue_twice_across_mailings(synced: Office) -> None:
    await launching.launch(synced, ORDER)

    again = await launching.launch(synced, replace(ORDER, origin="weekly/2015-W28#1"))

    assert (again.planned, again.already_mailed) == (0, 3)


async def test_draft_is_not_launched(synced: Office, root: Path) -> None:
    (root / "content" / "2015-055" / "issue.toml").write_text('number = 55\ndate = 2015-07-10\nstatus = "draft"\n')

    with pytest.raises(InputError, match="draft"):
        await launching.launch(synced, ORDER)


async def test_template_without_unsubscribe_link_is_refused_before_anything_is_written(
    synced: Office, root: Path
) -> None:
    template = root / "templates" / "email.html"
    template.write_text("<html lang='zh-CN'><body><h1>{{ issue.title }}</h1></body></html>", encoding="utf-8")

    with pytest.raises(TemplateError):
        await launching.launch(synced, ORDER)

    assert await rows_in(synced, mailing) == 0
    assert not synced.workspace.public.exists()


async def test_deploy_that_fails_stops_the_launch(synced: Office) -> None:
    settings = synced.workspace.settings
    web = settings.web.model_copy(update={"deploy": "false"})
    config = synced.workspace.config.model_copy(update={"settings": settings.model_copy(update={"web": web})})
    office = replace(synced, workspace=replace(synced.workspace, config=config))

    with pytest.raises(EnvironmentFault, match="deploy"):
        await launching.launch(office, ORDER)

    assert await rows_in(synced, mailing) == 0


async def test_edit_during_the_preparation_launches_nothing(
    synced: Office, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = launches.append

    def edit_then_append(*arguments: object) -> None:
        article = root / "content" / "2015-055" / "a01.md"
        article.write_text(article.read_text(encoding="utf-8") + "\n临时加的一段。\n", encoding="utf-8")
        append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(launches, "append", edit_then_append)

    with pytest.raises(HeldError, match="changed"):
        await launching.launch(synced, ORDER)

    assert await rows_in(synced, mailing) == 0
    assert launches.read(synced.workspace.var) == ()


async def test_log_that_knows_an_unknown_mailing_holds_it_and_names_the_command(synced: Office) -> None:
    line = launches.LaunchLine(
        channel="outbox", issue="2015-055", send_no=1, origin="members", mark="Tgone", fingerprint="f"
    )
    launches.append(synced.workspace.var, line, FRIDAY_NINE)

    with pytest.raises(DecisionNeeded, match="--despite-log"):
        await launching.launch(synced, ORDER)

    assert (await launching.launch(synced, replace(ORDER, despite_log=True))).planned == 3


async def test_launch_that_died_after_its_log_line_is_simply_done_again(
    synced: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(freezing, "launch", die)
        with pytest.raises(KeyboardInterrupt):
            await launching.launch(synced, ORDER)
    async with synced.database.write() as tx:
        await tx.execute(sa.update(mailing).values(lease_until=FRIDAY_NINE))

    launched = await launching.launch(synced, ORDER)

    assert launched.planned == 3
    assert len({line.mark for line in launches.read(synced.workspace.var)}) == 1


async def test_dead_preparation_is_swept_and_its_log_line_made_void(
    synced: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(freezing, "launch", die)
        with pytest.raises(KeyboardInterrupt):
            await launching.launch(synced, ORDER)
    async with synced.database.write() as tx:
        await tx.execute(sa.update(mailing).values(lease_until=FRIDAY_NINE))

    await launching.sweep(synced)

    assert await rows_in(synced, mailing) == 0
    assert launches.read(synced.workspace.var) == ()


async def test_preparation_of_another_process_is_respected(synced: Office) -> None:
    new = NewMailing(
        channel="outbox",
        issue=IssueId("2015-055"),
        send_no=1,
        origin="members",
        occurrence=None,
        fingerprint="f",
        token_mark="T1",
        address_mark="A1",
        message_date=FRIDAY_NINE,
    )
    async with synced.database.write() as tx:
        await freezing.prepare(tx, new, Claim(token="other", lease=launching.PREPARATION_LEASE))

    with pytest.raises(AnotherProcess):
        await launching.launch(synced, ORDER)


async def test_schedule_cut_to_one_section_sends_only_that(synced: Office) -> None:
    plan = replace(ORDER.plan, sections=("policy",))  # type: ignore[arg-type]

    launched = await launching.launch(synced, replace(ORDER, plan=plan))

    assert (launched.planned, launched.without_section) == (2, 1)


@pytest.mark.parametrize(("empty", "planned", "skipped"), [("skip", 2, 1), ("full", 3, 0), ("notice", 3, 0)])
async def test_reader_without_a_section_gets_what_the_schedule_says(
    synced: Office, empty: str, planned: int, skipped: int
) -> None:
    plan = replace(ORDER.plan, sections=("policy",), empty=empty)  # type: ignore[arg-type]

    launched = await launching.launch(synced, replace(ORDER, plan=plan))

    assert (launched.planned, launched.without_section) == (planned, skipped)


async def test_suppressed_reader_is_not_even_planned(synced: Office) -> None:
    await membership.remove(synced, membership.address_of("policy@example.com"))

    assert (await launching.launch(synced, ORDER)).planned == 2


async def test_cancelled_mailing_stays_cancelled(synced: Office) -> None:
    launched = await launching.launch(synced, ORDER)
    async with synced.database.write() as tx:
        await decisions.cancel(tx, launched.id, reason="by hand")

    with pytest.raises(HeldError):
        await launching.launch(synced, ORDER)


async def test_lists_in_any_order_are_one_origin(root: Path) -> None:
    write_list(root, "public", {})

    assert origin_of_lists((ListName("public"), ListName("members"))) == "members+public"
