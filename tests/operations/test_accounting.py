import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import decisions
from distributor.errors import DistributorError, InputError
from distributor.identifiers import IssueId
from distributor.operations import accounting
from distributor.operations.accounting import Account
from distributor.operations.office import Office
from distributor.schema import delivery
from tests.conftest import SetClock
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import HOLD, LATER, NO, NOW, TAKEN, THEIRS, UNKNOWN
from tests.operations.ledgers import office_over

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NEXT = IssueId("2015-056")
YEAR_AFTER = IssueId("2016-055")
RELAY = 'url = "smtp+plaintext://127.0.0.1:25"\nrate = ["2/hour"]'


@pytest.fixture
def office(database: Database, tmp_path: Path, clock: SetClock) -> Office:
    return office_over(database, tmp_path / "office", clock)


async def accounted(office: Office, text: str = "1") -> Account:
    return await accounting.account(office, await accounting.find_mailing(office, text))


async def issue_of(office: Office, text: str) -> str:
    return (await accounting.find_mailing(office, text)).mailing.issue


# Names


async def test_mailing_is_called_by_its_number_or_by_its_issue(office: Office) -> None:
    await steps.launched(office.database)
    await steps.launched(office.database, issue=NEXT, claim=THEIRS)
    names = ("1", "#1", " 1 ", "55", "055", "2015-055", "2015-55", "content/2015-055/")

    assert {await issue_of(office, name) for name in names} == {"2015-055"}


async def test_issue_that_was_mailed_twice_names_no_mailing(office: Office) -> None:
    await steps.launched(office.database)
    await steps.launched(office.database, origin="members", claim=THEIRS)

    with pytest.raises(InputError, match=r"#2（2015-055 members smtp）、#1（2015-055 weekly/2015-W28#1 smtp）"):
        await accounting.find_mailing(office, "55")
    assert await issue_of(office, "2") == "2015-055"


async def test_number_that_is_a_mailing_and_another_ones_issue_is_refused(office: Office) -> None:
    await steps.launched(office.database)
    await steps.launched(office.database, issue=IssueId("2015-001"), claim=THEIRS)

    with pytest.raises(InputError, match="may be any of"):
        await accounting.find_mailing(office, "1")
    assert await issue_of(office, "#1") == "2015-055"
    assert await issue_of(office, "001") == "2015-001"


async def test_unknown_mailing_is_refused_with_those_there_are(office: Office) -> None:
    await steps.launched(office.database)

    for name in ("7", "#7", "2016-055", "056", "#055", "weekly", "", "１", "--", "1.0"):
        with pytest.raises(InputError, match="there are: #1（2015-055") as refused:
            await accounting.find_mailing(office, name)
        assert "现有：#1（2015-055" in refused.value.text("zh")


async def test_mailing_that_is_being_prepared_is_none_yet(office: Office) -> None:
    await steps.frozen(office.database)

    with pytest.raises(InputError, match="none yet"):
        await accounting.find_mailing(office, "1")
    assert await accounting.latest_open(office) is None


async def test_newest_unfinished_mailing_is_the_one_to_watch(office: Office) -> None:
    first = await steps.launched(office.database, readers=1)
    await steps.launched(office.database, claim=THEIRS, origin="members")  # everybody has it: finished at once

    unfinished = await accounting.latest_open(office)
    await steps.tried(office.database, TAKEN)
    newest = await accounting.latest_open(office)

    assert unfinished is not None
    assert newest is not None
    assert (unfinished.mailing.id, newest.mailing.id) == (first, first + 1)


# Accounts


async def test_account_counts_by_state_and_by_domain(office: Office, database: Database) -> None:
    of = await steps.launched(database, readers=4)
    async with database.write() as tx:
        await tx.execute(sa.update(delivery).where(delivery.c.subscriber == 4).values(domain="example.org"))
    await steps.tried(database, TAKEN, limit=1)
    await steps.tried(database, NO, limit=1)

    found = await accounted(office, str(of))

    assert (found.counts.planned, found.counts.total, found.taken) == (4, 4, 1)
    assert [(line.domain, line.planned, dict(line.by_state)) for line in found.domains] == [
        ("example.com", 3, {"accepted": 1, "refused": 1, "pending": 1}),
        ("example.org", 1, {"pending": 1}),
    ]


async def test_account_that_does_not_add_up_is_an_error_of_ours(office: Office, database: Database) -> None:
    await steps.launched(database, readers=2)
    async with database.write() as tx:
        await tx.execute(sa.delete(delivery).where(delivery.c.subscriber == 1))

    with pytest.raises(DistributorError, match="2 planned, 1 counted"):
        await accounted(office)


async def test_speed_is_that_of_the_last_five_minutes(office: Office, database: Database, clock: SetClock) -> None:
    await steps.launched(database, readers=10)
    await steps.tried(database, TAKEN, limit=1, at=NOW)
    await steps.tried(database, TAKEN, limit=4, at=NOW + HOUR)
    clock.moment = NOW + HOUR + 2 * MINUTE

    found = await accounted(office)

    assert found.per_minute == pytest.approx(2)  # four in two minutes
    assert found.finish == clock.moment + 2.5 * MINUTE  # five left
    assert found.last_taken_at == NOW + HOUR


async def test_nothing_taken_of_late_tells_no_finishing_time(
    office: Office, database: Database, clock: SetClock
) -> None:
    await steps.launched(database, readers=2)
    await steps.tried(database, TAKEN, limit=1)
    clock.advance(HOUR)

    found = await accounted(office)

    assert (found.per_minute, found.finish, found.is_waiting_for_us) == (0, None, True)


async def test_copy_that_waits_for_another_try_sets_the_finishing_time(office: Office, database: Database) -> None:
    await steps.launched(database, readers=1)
    await steps.tried(database, LATER)
    (row,) = await steps.rows(database)

    found = await accounted(office)

    assert found.finish == row.due_at
    assert found.outlook.due_at == row.due_at
    assert not found.is_waiting_for_us


async def test_limit_of_the_server_sets_the_finishing_time(database: Database, tmp_path: Path, clock: SetClock) -> None:
    office = office_over(database, tmp_path / "office", clock, smtp=RELAY)
    await steps.launched(database, readers=5)

    found = await accounted(office)

    assert found.finish is not None
    assert 2 * HOUR <= found.finish - NOW < 2 * HOUR + MINUTE  # two now, two in an hour, the fifth in two


async def test_limit_of_a_destination_sets_the_finishing_time(
    database: Database, tmp_path: Path, clock: SetClock
) -> None:
    limited = f'{RELAY.replace("2/hour", "60/minute")}\n[[limit]]\ndomains = ["example.org"]\nrate = ["1/day"]'
    office = office_over(database, tmp_path / "office", clock, smtp=limited)
    of = await steps.launched(database, readers=5)
    async with database.write() as tx:
        await tx.execute(sa.update(delivery).where(delivery.c.subscriber >= 4).values(domain="example.org"))

    found = await accounted(office, f"#{of}")

    assert found.finish is not None
    assert found.finish - NOW == timedelta(days=1, seconds=1)  # one of the two at example.org now, one tomorrow


async def test_pause_by_a_person_has_no_finishing_time_and_one_by_a_server_has(
    database: Database, tmp_path: Path, clock: SetClock
) -> None:
    office = office_over(database, tmp_path / "office", clock, smtp=RELAY)
    of = await steps.launched(database, readers=1)
    finishes = []
    for resume_at in (None, NOW + HOUR):
        async with database.write() as tx:
            await decisions.pause(tx, of, reason="535 login refused", resume_at=resume_at)
        finishes.append((await accounted(office)).finish)

    assert finishes == [None, NOW + HOUR]


async def test_forgiven_and_held_copies_leave_nothing_to_wait_for(office: Office, database: Database) -> None:
    await steps.launched(database, readers=1)
    await steps.tried(database, UNKNOWN, policy=HOLD)

    found = await accounted(office)

    assert (found.counts.is_finished, found.counts.held, found.finish) == (True, 1, None)


async def test_watching_ends_when_the_mailing_is_finished(office: Office, database: Database) -> None:
    await steps.launched(database, readers=2)
    line = await accounting.find_mailing(office, "1")
    seen = []

    async for present in accounting.watch(office, line, asyncio.Event(), timedelta(milliseconds=1)):
        seen.append(present.taken)
        await steps.tried(database, TAKEN, limit=1)

    assert seen == [0, 1, 2]


async def test_watching_ends_when_told_to(office: Office, database: Database) -> None:
    await steps.launched(database, readers=2)
    line, stop = await accounting.find_mailing(office, "1"), asyncio.Event()
    stop.set()

    seen = [present.taken async for present in accounting.watch(office, line, stop, HOUR)]

    assert seen == [0]


# Copies


async def test_copies_of_an_issue_are_those_of_all_its_mailings(office: Office, database: Database) -> None:
    await steps.launched(database, readers=2)
    await steps.tried(database, TAKEN, limit=1)
    await steps.launched(database, readers=1, origin="members", claim=THEIRS)
    await steps.launched(database, issue=NEXT, claim=THEIRS)
    await steps.frozen(database, send_no=2, claim=THEIRS)  # being prepared: nobody gets it yet

    found = [line async for line in accounting.copies_of_issue(office, "55")]

    assert [(line.address, line.state, line.mailing) for line in found] == [
        ("reader1@example.com", "accepted", 1),
        ("reader2@example.com", "pending", 1),
        ("reader3@example.com", "pending", 2),
    ]


async def test_trial_in_the_outbox_is_nobodys_issue(office: Office, database: Database) -> None:
    await steps.launched(database, readers=1, channel="outbox")

    with pytest.raises(InputError, match="never mailed"):
        [line async for line in accounting.copies_of_issue(office, "55")]
    outbox = [line async for line in accounting.copies_of_mailing(office, await accounting.find_mailing(office, "1"))]
    assert len(outbox) == 1


async def test_number_of_several_years_is_no_issue(office: Office, database: Database) -> None:
    await steps.launched(database)
    await steps.launched(database, issue=YEAR_AFTER, claim=THEIRS)

    with pytest.raises(InputError, match="several issues are 55: 2015-055、2016-055"):
        [line async for line in accounting.copies_of_issue(office, "55")]
