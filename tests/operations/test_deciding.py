from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import decisions
from distributor.delivery.results import NEVER
from distributor.errors import HeldError, InputError
from distributor.operations import accounting, deciding
from distributor.operations.deciding import Which
from distributor.operations.office import Office
from distributor.schema import delivery
from tests.conftest import SetClock
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import HOLD, NO, NOW, TAKEN, THEIRS, UNKNOWN
from tests.operations.ledgers import office_over

HOUR = timedelta(hours=1)


@pytest.fixture
def office(database: Database, tmp_path: Path, clock: SetClock) -> Office:
    return office_over(database, tmp_path / "office", clock)


async def state_of(office: Office, text: str = "1") -> tuple[str, str]:
    mailing = (await accounting.find_mailing(office, text)).mailing
    return mailing.state, mailing.reason


async def test_paused_mailing_stands_still_until_it_is_resumed(office: Office, database: Database) -> None:
    await steps.launched(database, readers=2)

    paused = await deciding.pause(office, "55", reason="wrong picture")
    standing = await state_of(office), await steps.claimed(database)
    resumed = await deciding.resume(office, "55")

    assert (paused.changed, paused.counts.open, standing) == (1, 2, (("paused", "wrong picture"), ()))
    assert (resumed.changed, resumed.before.mailing.state) == (1, "paused")
    assert len(await steps.claimed(database)) == 2


async def test_pause_by_a_person_outlasts_the_servers(office: Office, database: Database) -> None:
    of = await steps.launched(database, readers=1)
    async with database.write() as tx:
        await decisions.pause(tx, of, reason="no connection", resume_at=NOW + HOUR)

    await deciding.pause(office, "1", reason="let me look")

    assert (await steps.mailing_row(database, of)).resume_at is None


async def test_finished_mailing_is_neither_paused_nor_cancelled(office: Office, database: Database) -> None:
    await steps.launched(database, readers=1)
    await steps.tried(database, TAKEN)

    paused = await deciding.pause(office, "1", reason="late")
    cancelled = await deciding.cancel(office, "1", reason="late")

    assert (paused.changed, cancelled.changed, await state_of(office)) == (0, 0, ("running", ""))


async def test_resuming_what_is_not_paused_changes_nothing(office: Office, database: Database) -> None:
    await steps.launched(database, readers=1)

    assert (await deciding.resume(office, "1")).changed == 0


async def test_cancelling_ends_what_has_not_gone_and_cannot_be_taken_back(office: Office, database: Database) -> None:
    await steps.launched(database, readers=3)
    await steps.tried(database, TAKEN, limit=1)

    cancelled = await deciding.cancel(office, "1", reason="wrong issue")
    again = await deciding.cancel(office, "1", reason="wrong issue")

    assert (cancelled.changed, again.changed, await state_of(office)) == (2, 0, ("cancelled", "wrong issue"))
    assert await steps.states(database) == ["accepted", "cancelled", "cancelled"]
    for decision in (deciding.resume(office, "1"), deciding.reopen(office, "1", ["refused"])):
        with pytest.raises(HeldError, match="final"):
            await decision


async def test_decision_about_an_unknown_mailing_changes_nothing(office: Office, database: Database) -> None:
    await steps.launched(database, readers=1)

    with pytest.raises(InputError, match="#1（2015-055"):
        await deciding.cancel(office, "56", reason="")

    assert await steps.states(database) == ["pending"]


async def test_reopening_counts_by_state_and_leaves_the_others(office: Office, database: Database) -> None:
    of = await steps.launched(database, readers=3)
    await steps.tried(database, TAKEN, limit=1)
    await steps.tried(database, NO, limit=1)
    async with database.write() as tx:
        await tx.execute(sa.update(delivery).where(delivery.c.state == "pending").values(state="expired"))

    refused = await deciding.reopen(office, "1", ["refused"])
    between = await steps.states(database)
    both = await deciding.reopen(office, "1", ["refused", "expired"])

    assert (refused.reopened, between) == ({"refused": 1}, ["accepted", "pending", "expired"])
    assert (both.reopened, both.total) == ({"refused": 0, "expired": 1}, 1)
    assert (await steps.count(database, of)).open == 2


async def test_reopened_copy_to_a_suppressed_address_gets_nothing(office: Office, database: Database) -> None:
    await steps.launched(database, readers=1)
    await steps.tried(database, NO)
    await steps.suppress(database, "reader1@example.com")

    await deciding.reopen(office, "1", ["refused"])

    assert await steps.claimed(database) == ()
    assert await steps.states(database) == ["suppressed"]


async def _unknown(database: Database) -> None:
    """Two mailings: of the first one unknown copy held and one that goes again, of the second one held."""
    await steps.launched(database, readers=2)
    await steps.tried(database, UNKNOWN, limit=1, policy=HOLD)
    await steps.tried(database, UNKNOWN, limit=1)
    second = await steps.launched(database, send_no=2, claim=THEIRS)
    await steps.tried(database, UNKNOWN, limit=1, policy=HOLD, mailing=second)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        pytest.param(Which(), [("reader1", 1), ("reader2", 1), ("reader1", 2)], id="all"),
        pytest.param(Which(mailing="1"), [("reader1", 1), ("reader2", 1)], id="mailing"),
        pytest.param(Which(address="Reader1@Example.com"), [("reader1", 1), ("reader1", 2)], id="address"),
        pytest.param(Which(mailing="2", address="reader1@example.com"), [("reader1", 2)], id="both"),
        pytest.param(Which(address="nobody@example.com"), [], id="nobody"),
    ],
)
async def test_unknown_copies_are_chosen_by_mailing_and_address(
    office: Office, database: Database, which: Which, expected: list[tuple[str, int]]
) -> None:
    await _unknown(database)

    found = await deciding.unknown_copies(office, which)

    assert [(line.address.partition("@")[0], line.mailing) for line in found] == expected


async def test_resending_unknown_copies_makes_them_due(office: Office, database: Database) -> None:
    await _unknown(database)

    settling = await deciding.resend_unknown(office, Which(mailing="1"))

    assert (len(settling.found), settling.changed) == (2, 2)
    assert [row.due_at for row in await steps.rows(database) if row.state == "uncertain"] == [NOW, NOW, NEVER]


async def test_unknown_copies_of_a_cancelled_mailing_are_not_resent_but_may_be_forgiven(
    office: Office, database: Database
) -> None:
    await _unknown(database)
    await deciding.cancel(office, "1", reason="wrong issue")

    resent = await deciding.resend_unknown(office, Which(mailing="1"))
    forgiven = await deciding.forgive_unknown(office, Which(mailing="1"), by="王编辑")

    assert (len(resent.found), resent.changed, forgiven.changed) == (2, 0, 2)
    assert await deciding.unknown_copies(office, Which(mailing="1")) == ()


async def test_forgiving_is_kept_in_the_record(office: Office, database: Database) -> None:
    await steps.launched(database, readers=1)
    copies = await steps.tried(database, UNKNOWN, policy=HOLD)

    await deciding.forgive_unknown(office, Which(), by="王编辑")

    assert await steps.tries(database, copies[0]) == [(1, "uncertain", None), (1, "forgiven", None)]


async def test_many_unknown_copies_are_settled_in_parts(
    office: Office, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "_AT_ONCE", 2)
    await steps.launched(database, readers=5)
    await steps.tried(database, UNKNOWN, policy=HOLD)

    assert (await deciding.resend_unknown(office, Which())).changed == 5


async def test_address_that_is_none_is_refused(office: Office) -> None:
    with pytest.raises(InputError, match="not an address"):
        await deciding.unknown_copies(office, Which(address="nobody"))
