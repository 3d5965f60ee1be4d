"""What needs a person is raised once, clears by itself when it is over, and is news when it comes back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor import incidents
from distributor.database import Database
from distributor.delivery import decisions
from distributor.errors import AnotherProcess
from distributor.identifiers import IssueId, MailingId
from distributor.incidents import Cause, Incident
from distributor.operations import membership, worker
from distributor.operations.alarms import watching
from distributor.operations.delivering import dispatcher_of
from distributor.operations.desk import approving
from distributor.operations.examinations import machine
from distributor.operations.launching import LaunchOrder, launch, origin_of_lists
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.operations.worker import Beat, Stay
from distributor.problems import wording
from distributor.scheduling import calendar
from distributor.schema import delivery
from tests.conftest import FRIDAY_NINE, SetClock
from tests.delivery import ledger_steps as steps
from tests.offices import office_in, write_issue, write_list, write_workspace
from tests.operations.conftest import READERS
from tests.operations.ledgers import office_over

HOUR = timedelta(hours=1)
SLOT = "weekly/2015-W28#1"


async def beat(office: Office) -> Beat:
    """What the daemon does with alarms in one beat."""
    done = await worker.tick(office)
    await watching.watch(office, done)
    return done


async def ongoing(office: Office) -> list[Incident]:
    async with office.database.read() as connection:
        return list(await incidents.ongoing(connection))


async def causes(office: Office) -> list[tuple[Cause, str]]:
    return sorted((one.cause, one.subject) for one in await ongoing(office))


async def times_raised(office: Office, cause: Cause) -> list[datetime]:
    return [one.raised_at for one in await ongoing(office) if one.cause is cause]


def make_draft(root: Path, number: int = 55) -> Path:
    path = root / "content" / f"2015-{number:03d}" / "issue.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"ready"', '"draft"'), encoding="utf-8")
    return path


def make_ready(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace('"draft"', '"ready"'), encoding="utf-8")


# Slots


async def test_a_house_in_order_raises_nothing(office: Office) -> None:
    await beat(office)
    await dispatcher_of(office).run_until_idle()
    await beat(office)

    assert await causes(office) == []


async def test_a_missed_slot_is_raised_once_and_is_over_when_the_next_went(
    office: Office, root: Path, clock: SetClock
) -> None:
    clock.advance(-HOUR)
    await beat(office)
    clock.advance(14 * HOUR)
    await beat(office)
    raised = await times_raised(office, Cause.MISSED)
    clock.advance(HOUR)
    await beat(office)
    again = await times_raised(office, Cause.MISSED)
    write_issue(root, 56, date="2015-07-17")
    clock.moment = FRIDAY_NINE + timedelta(days=7)
    await beat(office)

    assert raised == again == [FRIDAY_NINE + 13 * HOUR]
    assert await causes(office) == []


async def test_a_missed_slot_that_was_never_told_of_in_its_beat_is_found_by_the_next(
    office: Office, clock: SetClock
) -> None:
    clock.advance(-HOUR)
    await worker.tick(office)
    clock.advance(14 * HOUR)
    await worker.tick(office)  # dies here, before it watches

    await beat(office)

    assert await causes(office) == [(Cause.MISSED, SLOT)]


async def test_a_missed_slot_is_over_when_a_person_sends_it_now(office: Office, clock: SetClock) -> None:
    clock.advance(-HOUR)
    await beat(office)
    clock.advance(14 * HOUR)
    await beat(office)
    async with office.database.write() as tx:
        (row,) = [one for one in await calendar.since(tx, FRIDAY_NINE) if one.state == "missed"]
        await calendar.send_now(tx, row.id, clock.now())

    await beat(office)

    assert await causes(office) == []


async def test_a_missed_slot_is_over_when_a_person_mailed_its_lists(office: Office, clock: SetClock) -> None:
    clock.advance(-HOUR)
    await beat(office)
    clock.advance(14 * HOUR)
    await beat(office)
    lists = office.workspace.list_names
    await membership.sync_changed(office, lists)
    plan = SendingPlan(issue=IssueId("2015-055"), lists=lists)
    await launch(office, LaunchOrder(plan=plan, origin=origin_of_lists(lists)))

    await beat(office)

    assert await causes(office) == []


async def test_a_slot_without_an_issue_waits_and_says_why_each_issue_stays(
    office: Office, root: Path, clock: SetClock
) -> None:
    draft = make_draft(root)
    await beat(office)
    await beat(office)
    (waiting,) = await ongoing(office)
    make_ready(draft)
    clock.advance(HOUR)
    await beat(office)

    assert (waiting.cause, waiting.subject) == (Cause.WAITING, SLOT)
    assert "2015-055：还是草稿" in waiting.what.zh
    assert await causes(office) == []


async def test_an_issue_with_a_fault_is_raised_with_its_place_and_ends_when_mended(office: Office, root: Path) -> None:
    article = root / "content" / "2015-055" / "a01.md"
    good = article.read_text(encoding="utf-8")
    article.write_text(good.replace("section: market", "section: markt"), encoding="utf-8")
    await beat(office)
    await beat(office)
    (broken,) = await ongoing(office)
    article.write_text(good, encoding="utf-8")
    await beat(office)

    assert (broken.cause, broken.subject) == (Cause.NOT_LAUNCHED, SLOT)
    assert "content/2015-055/a01.md:4" in broken.what.zh
    assert await causes(office) == []


async def test_a_broken_template_is_a_slot_that_cannot_go(office: Office, root: Path) -> None:
    (root / "templates" / "email.html").write_text("{{ nosuch }}", encoding="utf-8")

    await beat(office)

    assert await causes(office) == [(Cause.NOT_LAUNCHED, SLOT)]


async def test_a_failing_deploy_is_a_slot_that_cannot_go(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path / "office", changes={'mode = "public"': 'mode = "public"\ndeploy = "false"'})
    write_issue(root)
    write_list(root, "members", READERS)
    async with office_in(root, clock) as office:
        await beat(office)

        assert await causes(office) == [(Cause.NOT_LAUNCHED, SLOT)]


async def test_the_words_follow_the_fault_but_it_is_told_once(office: Office, root: Path, clock: SetClock) -> None:
    article = root / "content" / "2015-055" / "a01.md"
    good = article.read_text(encoding="utf-8")
    article.write_text(good.replace("section: market", "section: markt"), encoding="utf-8")
    await beat(office)
    article.write_text(good.replace("date: 2015-07-09", "date: 2015-07-99"), encoding="utf-8")
    clock.advance(HOUR)
    await beat(office)

    (found,) = await ongoing(office)
    assert "2015-07-99" in found.what.zh
    assert found.raised_at == FRIDAY_NINE


async def test_an_issue_taken_back_to_a_draft_is_a_slot_that_waits_and_no_longer_a_fault(
    office: Office, root: Path
) -> None:
    (root / "templates" / "email.html").write_text("{{ nosuch }}", encoding="utf-8")
    await beat(office)
    make_draft(root)

    await beat(office)

    assert await causes(office) == [(Cause.WAITING, SLOT)]


async def test_a_beat_that_looked_at_nothing_ends_nothing(office: Office, root: Path, clock: SetClock) -> None:
    (root / "templates" / "email.html").write_text("{{ nosuch }}", encoding="utf-8")
    await beat(office)

    await watching.watch(office, Beat(at=clock.now()))

    assert await causes(office) == [(Cause.NOT_LAUNCHED, SLOT)]


@pytest.mark.parametrize(("after", "raised"), [(timedelta(minutes=20), False), (timedelta(minutes=31), True)])
async def test_another_process_at_work_is_no_trouble_unless_it_takes_long(
    office: Office, clock: SetClock, after: timedelta, raised: bool
) -> None:
    clock.advance(-HOUR)
    await worker.tick(office)
    async with office.database.read() as connection:
        (row, *_) = await calendar.since(connection, FRIDAY_NINE)
    clock.moment = row.due_at + after
    stay = Stay(occurrence=row, why=wording("别的进程", "another"), error=AnotherProcess())

    await watching.watch(office, Beat(at=clock.now(), stayed=(stay,)))

    assert bool(await causes(office)) is raised


async def test_two_that_watch_at_once_raise_one_incident(database: Database, tmp_path: Path, clock: SetClock) -> None:
    office = office_over(database, tmp_path / "office", clock)
    other = Office(workspace=office.workspace, database=database, keyring=office.keyring)
    await worker.tick(office)
    done = await worker.tick(office)

    await asyncio.gather(*(watching.watch(one, done) for one in (office, other, office, other)))

    assert await causes(office) == [(Cause.WAITING, SLOT)]


# Lists


async def test_a_list_that_shrank_is_found_before_its_slot_and_ends_when_it_grew_back(
    office: Office, root: Path, clock: SetClock
) -> None:
    await beat(office)
    write_issue(root, 56, date="2015-07-17")
    write_list(root, "members", {"all@example.com": ""})
    clock.moment = FRIDAY_NINE + timedelta(days=5)
    await beat(office)
    early = await causes(office)
    clock.moment = FRIDAY_NINE + timedelta(days=6)
    await beat(office)
    found = await causes(office)
    write_list(root, "members", READERS)
    await beat(office)

    assert early == []
    assert found == [(Cause.LIST_SHRUNK, "members")]
    assert await causes(office) == []


async def test_a_due_slot_whose_list_shrank_is_one_cause_and_not_two(
    office: Office, root: Path, clock: SetClock
) -> None:
    await beat(office)
    write_issue(root, 56, date="2015-07-17")
    write_list(root, "members", {"all@example.com": ""})
    clock.moment = FRIDAY_NINE + timedelta(days=7)

    done = await beat(office)

    assert done.launched == ()
    assert await causes(office) == [(Cause.LIST_SHRUNK, "members")]


async def test_a_list_that_cannot_be_read_stops_no_other_look_ahead(
    office: Office, root: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await beat(office)
    (root / "subscribers" / "members.csv").write_bytes(b"nonsense\x00")
    monkeypatch.setattr(machine, "free_bytes", lambda _folder: 10_000_000)
    clock.moment = FRIDAY_NINE + timedelta(days=6)

    await beat(office)

    assert {cause for cause, _ in await causes(office)} == {Cause.DISK}


# Mailings


def over(database: Database, folder: Path, clock: SetClock) -> Office:
    return office_over(database, folder / "office", clock)


async def test_a_pause_that_a_person_must_end_is_raised_and_ends_with_it(
    database: Database, tmp_path: Path, clock: SetClock
) -> None:
    office = over(database, tmp_path, clock)
    await steps.launched(database, readers=3)
    await pause(database)
    await watch(office)
    paused = await causes(office)
    async with database.write() as tx:
        await decisions.resume(tx, MailingId(1))
    await watch(office)

    assert paused == [(Cause.PAUSED, "#1")]
    assert await causes(office) == []


async def test_a_server_that_is_down_for_hours_is_told_once(
    database: Database, tmp_path: Path, clock: SetClock
) -> None:
    office = over(database, tmp_path, clock)
    await steps.launched(database, readers=3)
    raised = []
    for _hour in range(6):
        await pause(database, clock.now() + HOUR)
        await watch(office)
        clock.advance(HOUR)
        async with database.write() as tx:
            await decisions.resume_due(tx, now=clock.now())
        await watch(office)
        raised += await times_raised(office, Cause.PAUSED)

    assert set(raised) == {FRIDAY_NINE}


async def test_a_server_that_takes_mail_again_is_no_trouble_after_half_an_hour(
    database: Database, tmp_path: Path, clock: SetClock
) -> None:
    office = over(database, tmp_path, clock)
    await steps.launched(database, readers=3)
    await pause(database, clock.now() + timedelta(minutes=1))
    await watch(office)
    async with database.write() as tx:
        await decisions.resume(tx, MailingId(1))
    clock.advance(timedelta(minutes=10))
    await accept_one(database, clock.now())
    await watch(office)
    soon = await causes(office)
    clock.advance(timedelta(minutes=21))
    await watch(office)

    assert soon == [(Cause.PAUSED, "#1 server")]
    assert await causes(office) == []


async def test_a_mailing_that_was_cancelled_is_no_longer_paused(
    database: Database, tmp_path: Path, clock: SetClock
) -> None:
    office = over(database, tmp_path, clock)
    await steps.launched(database, readers=3)
    await pause(database, clock.now() + HOUR)
    await watch(office)
    async with database.write() as tx:
        await decisions.cancel(tx, MailingId(1), reason="")

    await watch(office)

    assert await causes(office) == []


@pytest.mark.parametrize(
    ("refused", "accepted", "raised"),
    [
        pytest.param(10, 100, True, id="10 of 110 is 9 %"),
        pytest.param(10, 190, False, id="10 of 200 is 5 % and no more"),
        pytest.param(9, 0, False, id="9 are too few to be a sign"),
    ],
)
async def test_many_refusals_are_raised_and_few_are_not(
    database: Database, tmp_path: Path, clock: SetClock, refused: int, accepted: int, raised: bool
) -> None:
    office = over(database, tmp_path, clock)
    await steps.launched(database, readers=refused + accepted)
    async with database.write() as tx:
        first = delivery.c.id <= refused
        await tx.execute(sa.update(delivery).where(first).values(state="refused"))
        await tx.execute(sa.update(delivery).where(~first).values(state="accepted", accepted_at=FRIDAY_NINE))

    await watch(office)

    assert ((Cause.REFUSALS, "#1") in await causes(office)) is raised


async def watch(office: Office) -> None:
    await watching.watch(office, Beat(at=office.workspace.clock.now()))


async def pause(database: Database, until: datetime | None = None) -> None:
    async with database.write() as tx:
        await decisions.pause(tx, MailingId(1), reason="535", resume_at=until)


async def accept_one(database: Database, at: datetime) -> None:
    async with database.write() as tx:
        await tx.execute(sa.update(delivery).where(delivery.c.id == 1).values(state="accepted", accepted_at=at))


# What comes up


async def test_a_disk_that_fills_is_raised_at_two_marks_and_does_not_flap(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for free in (2_000, 900, 1_100, 900, 90, 110, 1_100, 1_300):
        monkeypatch.setattr(machine, "free_bytes", lambda _folder, free=free: free * 1_000_000)
        await watch(office)
        seen.append([subject for cause, subject in await causes(office) if cause is Cause.DISK])

    little, full = ["var"], ["var", "var full"]
    assert seen == [[], little, little, little, full, full, little, []]


async def test_the_calendar_is_raised_sixty_days_before_it_ends(root: Path) -> None:
    clock = SetClock(datetime(2026, 10, 1, tzinfo=UTC))
    async with office_in(root, clock) as office:
        end = office.workspace.workdays.known_until
        clock.moment = datetime(end.year, end.month, end.day, 4, tzinfo=UTC) - timedelta(days=62)
        await watch(office)
        before = await causes(office)
        clock.advance(timedelta(days=3))
        await watch(office)

        assert before == []
        assert await causes(office) == [(Cause.CALENDAR, end.isoformat())]


# Reminders

REMIND = {'catch_up = "12h"': 'catch_up = "12h"\nremind = "17h"'}


@pytest.fixture
async def reminding(tmp_path: Path, clock: SetClock) -> AsyncIterator[Office]:
    root = write_workspace(tmp_path / "reminding", changes=REMIND)
    write_issue(root, status="draft")
    clock.moment = FRIDAY_NINE - timedelta(hours=18)
    async with office_in(root, clock) as office:
        await beat(office)
        yield office


async def test_nothing_ready_is_reminded_of_seventeen_hours_before(reminding: Office, clock: SetClock) -> None:
    early = await causes(reminding)
    clock.advance(HOUR)
    await beat(reminding)
    (found,) = await ongoing(reminding)

    assert early == []
    assert (found.cause, found.subject) == (Cause.REMINDER, SLOT)
    assert "2015-055：还是草稿" in found.what.zh


async def test_a_reminder_ends_when_an_issue_is_ready_and_comes_once_for_a_slot(
    reminding: Office, clock: SetClock
) -> None:
    clock.advance(HOUR)
    await beat(reminding)
    await tell(reminding)
    path = reminding.workspace.root / "content" / "2015-055" / "issue.toml"
    make_ready(path)
    await beat(reminding)
    ready = await causes(reminding)
    make_draft(reminding.workspace.root)
    await beat(reminding)

    assert ready == []
    assert await causes(reminding) == []


async def tell(office: Office) -> None:
    async with office.database.write() as tx:
        told = await incidents.claim_untold(tx, "ours", HOUR)
        await incidents.mark_told(tx, [one.id for one in told], "ours", office.workspace.clock.now())


async def test_an_issue_that_is_ready_with_a_fault_is_reminded_of(reminding: Office, clock: SetClock) -> None:
    folder = reminding.workspace.root / "content" / "2015-055"
    make_ready(folder / "issue.toml")
    text = (folder / "a01.md").read_text(encoding="utf-8")
    (folder / "a01.md").write_text(text.replace("section: market", "section: markt"), encoding="utf-8")
    clock.advance(HOUR)

    await beat(reminding)

    (found,) = await ongoing(reminding)
    assert found.cause is Cause.REMINDER
    assert "a01.md:4" in found.what.zh


async def test_a_slot_that_is_held_reminds_nobody(reminding: Office, clock: SetClock) -> None:
    async with reminding.database.write() as tx:
        (row, *_) = await calendar.since(tx, FRIDAY_NINE)
        await calendar.hold(tx, row.id, clock.now())
    clock.advance(HOUR)

    await beat(reminding)

    assert await causes(reminding) == []


async def test_what_is_ready_and_not_approved_is_reminded_of_until_it_is(tmp_path: Path, clock: SetClock) -> None:
    changes = {'catch_up = "12h"': 'catch_up = "12h"\nremind = "17h"\napproval = true'}
    root = write_workspace(tmp_path / "approving", changes=changes)
    write_issue(root)
    clock.moment = FRIDAY_NINE - timedelta(hours=17)
    async with office_in(root, clock) as office:
        await beat(office)
        waiting = [one for one in await causes(office) if one[0] is Cause.REMINDER]
        await approving.approve(office, "55", "王芳")
        await beat(office)

        assert waiting == [(Cause.REMINDER, SLOT)]
        assert [one for one in await causes(office) if one[0] is Cause.REMINDER] == []


async def test_a_due_slot_that_waits_for_approval_says_so(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path / "approving", changes={'catch_up = "12h"': 'catch_up = "12h"\napproval = true'})
    write_issue(root)
    write_list(root, "members", READERS)
    async with office_in(root, clock) as office:
        await beat(office)

        waiting = [one for one in await ongoing(office) if one.cause is Cause.WAITING]
        assert "distributor approve" in waiting[0].remedy.zh


async def test_watching_a_quiet_house_waits_for_no_writer(office: Office) -> None:
    await beat(office)

    async with office.database.write(), asyncio.timeout(10):
        await watching.watch(office, Beat(at=office.workspace.clock.now()))
