import asyncio

import pytest

from distributor.database import Database
from distributor.delivery.lanes import SET_ASIDE_LIMIT
from distributor.delivery.model import Copy, Mailing
from distributor.delivery.ways import Message
from distributor.errors import ConfigError, DistributorError
from distributor.identifiers import MailingId
from tests.delivery import dispatch_steps, ledger_steps
from tests.delivery.dispatch_steps import (
    ScriptedTransport,
    dispatcher,
    outlet,
    until_state,
)
from tests.delivery.ledger_steps import launched


async def test_copy_that_cannot_be_composed_is_set_aside_and_the_rest_goes(embedded: Database) -> None:
    await launched(embedded, readers=5)

    def compose(mailing: Mailing, copy: Copy) -> Message:
        if copy.public_id == "p00000002":
            raise ValueError("no To header from this name")
        return dispatch_steps.compose(mailing, copy)

    done = await dispatcher(embedded, outlet(ScriptedTransport(), compose=compose)).run_until_idle()

    assert (done.accepted, done.set_aside, done.refused) == (4, 1, 0)
    row = (await ledger_steps.rows(embedded))[1]
    assert (row.state, row.last_text) == ("refused", "set aside: no To header from this name")


async def test_mailing_that_cannot_be_composed_at_all_stops_before_all_its_readers_are_marked(
    embedded: Database,
) -> None:
    of = await launched(embedded, readers=60)

    def compose(mailing: Mailing, copy: Copy) -> Message:
        raise ValueError("no key")

    done = await dispatcher(embedded, outlet(ScriptedTransport(), compose=compose)).run_until_idle()

    found = await ledger_steps.count(embedded, of)
    assert SET_ASIDE_LIMIT <= found.by_state["refused"] <= SET_ASIDE_LIMIT + 4
    assert found.by_state["pending"] == 60 - found.by_state["refused"]
    assert done.reason == "邮件无法生成：ValueError: no key"
    row = await ledger_steps.mailing_row(embedded, of)
    assert (row.state, row.reason, row.resume_at) == ("paused", done.reason, None)


async def test_copy_under_way_ends_although_its_mailing_is_stopped(embedded: Database) -> None:
    await launched(embedded, readers=40)
    relay, first = ScriptedTransport(), asyncio.Event()

    async def hold_the_first() -> None:
        if not first.is_set():
            first.set()
            await until_state(embedded, "paused")

    def compose(mailing: Mailing, copy: Copy) -> Message:
        if first.is_set():
            raise ValueError("no key")
        return dispatch_steps.compose(mailing, copy)

    relay.pace = hold_the_first  # type: ignore[method-assign]
    done = await dispatcher(embedded, outlet(relay, compose=compose, connections=2)).run_until_idle()

    # Two under way, and what was composed before its turn.
    assert 1 <= done.accepted <= 6
    assert done.set_aside >= SET_ASIDE_LIMIT
    assert "sending" not in await ledger_steps.states(embedded)


async def test_what_all_copies_share_is_prepared_once_before_the_first(embedded: Database) -> None:
    of = await launched(embedded, readers=60)
    prepared: list[tuple[MailingId, int]] = []
    relay = ScriptedTransport()

    async def prepare(mailing: Mailing) -> None:
        prepared.append((mailing.id, len(relay.tried)))

    await dispatcher(embedded, outlet(relay, prepare=prepare)).run_until_idle()

    assert prepared == [(of, 0)]


async def test_broken_set_up_found_while_preparing_gives_the_copies_back(embedded: Database) -> None:
    await launched(embedded, readers=3)

    async def prepare(mailing: Mailing) -> None:
        raise ConfigError("no key file")

    with pytest.raises(ConfigError, match="no key file"):
        await dispatcher(embedded, outlet(ScriptedTransport(), prepare=prepare)).run_until_idle()

    assert await ledger_steps.states(embedded) == ["pending"] * 3


async def test_broken_set_up_stops_everything(embedded: Database) -> None:
    await launched(embedded, readers=3)

    def compose(mailing: Mailing, copy: Copy) -> Message:
        raise ConfigError("no key file")

    with pytest.raises(ConfigError, match="no key file"):
        await dispatcher(embedded, outlet(ScriptedTransport(), compose=compose)).run_until_idle()

    assert await ledger_steps.states(embedded) == ["pending"] * 3


async def test_reserved_address_is_not_handed_to_a_server_elsewhere(embedded: Database) -> None:
    await launched(embedded, readers=2)
    relay = ScriptedTransport()

    done = await dispatcher(embedded, outlet(relay, allows=lambda address: "1" in address)).run_until_idle()

    assert (done.accepted, done.refused) == (1, 1)
    assert relay.recipients == ["reader1@example.com"]


async def test_mailing_whose_shared_parts_cannot_be_made_is_paused_and_nobody_is_marked(embedded: Database) -> None:
    await launched(embedded, readers=3)

    async def prepare(_mailing: Mailing) -> None:
        raise DistributorError("no form")

    done = await dispatcher(embedded, outlet(ScriptedTransport(), prepare=prepare)).run_until_idle()

    assert done.set_aside == 0
    assert "no form" in done.reason
