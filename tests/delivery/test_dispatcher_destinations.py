"""Limits and blocks of the readers' providers, as a dispatcher keeps them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from distributor.database import Database, now
from distributor.delivery import decisions
from distributor.delivery.breakers import REFUSALS_OF_A_DOMAIN, REFUSALS_OF_A_MAILING
from distributor.delivery.limits import Destination, Destinations
from distributor.delivery.model import Deferred, Outcome, Refused, Reply
from distributor.delivery.pacing import Rate, parse_rate
from distributor.delivery.runs import Progress
from distributor.identifiers import MailingId
from distributor.schema import attempt, delivery, subscriber
from tests.delivery import ledger_steps
from tests.delivery.dispatch_steps import (
    PassingClock,
    ScriptedTransport,
    accepted_moments,
    assert_rate_was_kept,
    dispatcher,
    outlet,
    refusal,
    until_state,
)
from tests.delivery.ledger_steps import NOW, TAKEN, launched

DAY = timedelta(days=1)
BLOCKED = Refused(reply=Reply(code=550, enhanced="5.7.1", text="blocked by policy"))
TOO_FAST = Deferred(reply=Reply(code=450, enhanced="4.7.28", text="rate limit exceeded"))


def rate(text: str) -> Rate:
    found = parse_rate(text)
    assert found is not None
    return found


def qq(**limits: object) -> Destinations:
    return Destinations([Destination(domains=("qq.com", "foxmail.com"), **limits)])  # type: ignore[arg-type]


async def mailing_to(database: Database, *domains: tuple[str, int]) -> MailingId:
    """Launch a mailing to so many readers at each domain, those of a domain one after the other."""
    total = sum(count for _domain, count in domains)
    of = await launched(database, readers=total)
    at = 0
    async with database.write() as tx:
        ids = list(await tx.scalars(sa.select(delivery.c.id).order_by(delivery.c.id)))
        for domain, count in domains:
            for one in ids[at : at + count]:
                address = f"r{one}@{domain}"
                await tx.execute(
                    sa.update(delivery)
                    .where(delivery.c.id == one)
                    .values(address=address, email_key=address, domain=domain)
                )
            at += count
        await tx.execute(sa.delete(subscriber))
    return of


def by_domain(relay: ScriptedTransport) -> Counter[str]:
    return Counter(recipient.rpartition("@")[2] for recipient in relay.recipients)


def refusing(domain: str, outcome: Outcome) -> Callable[[str, int], Outcome | Exception]:
    return lambda recipient, _number: outcome if recipient.endswith(f"@{domain}") else TAKEN


async def test_provider_with_a_daily_limit_holds_up_nobody_else(database: Database) -> None:
    await mailing_to(database, ("qq.com", 60), ("foxmail.com", 20), ("163.com", 20), ("example.com", 20))
    relay, limits = ScriptedTransport(), qq(rates=(rate("50/day"),))

    done = await dispatcher(database, outlet(relay), destinations=limits).run_until_idle()

    assert (done.accepted, done.in_hand, done.reason) == (90, 0, "")
    assert done.until == NOW + DAY + timedelta(seconds=1)
    found = by_domain(relay)
    assert found["qq.com"] + found["foxmail.com"] == 50
    assert found["163.com"] == found["example.com"] == 20


async def test_1200_readers_of_whom_900_are_under_500_a_day_all_get_it_in_the_time_planned(embedded: Database) -> None:
    of = await mailing_to(embedded, ("qq.com", 900), ("163.com", 200), ("example.com", 100))
    relay, clock, limits = ScriptedTransport(), PassingClock(), qq(rates=(rate("500/day"),))
    sender = dispatcher(embedded, outlet(relay), clock=clock, destinations=limits)

    runs = 0
    while (left := await sender.run_until_idle()).until is not None:
        clock.moment = left.until
        runs += 1

    counts = await ledger_steps.count(embedded, of)
    assert (counts.by_state["accepted"], counts.by_state["expired"], runs) == (1200, 0, 1)
    qq_moments = await accepted_moments(embedded, at="qq.com")
    assert_rate_was_kept(qq_moments, 500, DAY)
    assert DAY <= max(qq_moments) - NOW <= DAY * 1.05


async def test_limit_of_a_provider_is_kept_over_restarts_and_by_two_processes(database: Database) -> None:
    await mailing_to(database, ("qq.com", 40))
    relay, clock, limits = ScriptedTransport(), PassingClock(), qq(rates=(rate("10/minute"),))
    one = dispatcher(database, outlet(relay), clock=clock, destinations=limits, habits={"patience": timedelta(0)})
    two = dispatcher(database, outlet(relay), clock=clock, destinations=limits, habits={"patience": timedelta(0)})

    await asyncio.gather(one.run_until_idle(), two.run_until_idle())
    assert len(relay.sent) == 10
    await one.run_until_idle()
    assert len(relay.sent) == 10
    clock.moment += timedelta(seconds=61)
    await two.run_until_idle()

    assert len(relay.sent) == 20


async def test_short_limit_is_waited_for(embedded: Database) -> None:
    await mailing_to(embedded, ("qq.com", 30), ("163.com", 10))
    relay, clock = ScriptedTransport(), PassingClock()

    done = await dispatcher(
        embedded, outlet(relay), clock=clock, destinations=qq(rates=(rate("10/minute"),))
    ).run_until_idle()

    assert done.accepted == 40
    assert_rate_was_kept(await accepted_moments(embedded, at="qq.com"), 10, timedelta(minutes=1))
    assert timedelta(seconds=122) <= clock.now() - NOW <= timedelta(seconds=140)


async def test_server_and_provider_are_both_kept(embedded: Database) -> None:
    await mailing_to(embedded, ("qq.com", 20), ("163.com", 20))
    relay, clock, limits = ScriptedTransport(), PassingClock(), qq(rates=(rate("4/minute"),))

    await dispatcher(
        embedded, outlet(relay, rates=[rate("10/minute")]), clock=clock, destinations=limits
    ).run_until_idle()

    assert len(relay.sent) == 40
    assert_rate_was_kept(await accepted_moments(embedded), 10, timedelta(minutes=1))
    assert_rate_was_kept(await accepted_moments(embedded, at="qq.com"), 4, timedelta(minutes=1))


async def test_provider_gets_no_more_connections_than_it_allows(embedded: Database) -> None:
    await mailing_to(embedded, ("qq.com", 30), ("163.com", 10))
    relay, most = ScriptedTransport(), 0

    async def pace() -> None:
        nonlocal most
        under_way = [row for row in await ledger_steps.rows(embedded) if row.state == "sending"]
        most = max(most, sum(row.domain == "qq.com" for row in under_way))

    relay.pace = pace  # type: ignore[method-assign]
    done = await dispatcher(embedded, outlet(relay, connections=8), destinations=qq(connections=2)).run_until_idle()

    assert (done.accepted, most) == (40, 2)


async def test_connections_that_another_process_has_at_a_provider_count(embedded: Database) -> None:
    await mailing_to(embedded, ("qq.com", 4))
    async with embedded.write() as tx:
        theirs = sa.update(delivery).where(delivery.c.id.in_((1, 2)))
        values = {"state": "sending", "claim": "theirs", "lease_until": now(timedelta(minutes=2))}
        await tx.execute(theirs.values(values))
    relay, stop = ScriptedTransport(), asyncio.Event()
    told: list[Progress] = []

    def progress(found: Progress) -> None:
        told.append(found)
        if len(told) > 5:
            stop.set()

    await dispatcher(embedded, outlet(relay), destinations=qq(connections=2), on_progress=progress).run(stop)

    assert relay.tried == []


async def test_connection_is_renewed_after_so_many_messages_for_a_provider(embedded: Database) -> None:
    await mailing_to(embedded, ("qq.com", 30), ("163.com", 10))
    relay = ScriptedTransport()

    await dispatcher(
        embedded, outlet(relay, connections=1), destinations=qq(messages_per_connection=10)
    ).run_until_idle()

    assert (len(relay.sent), relay.opened) == (40, 3)


async def test_connection_is_renewed_after_so_many_messages_for_a_server(embedded: Database) -> None:
    await mailing_to(embedded, ("163.com", 40))
    relay = ScriptedTransport()

    await dispatcher(embedded, outlet(relay, connections=1, messages_per_connection=10)).run_until_idle()

    assert (len(relay.sent), relay.opened) == (40, 4)


async def test_domain_that_blocks_us_rests_and_nobody_is_marked_bad(embedded: Database) -> None:
    of = await mailing_to(embedded, ("qq.com", 60), ("163.com", 60))
    relay = ScriptedTransport(refusing("qq.com", BLOCKED))

    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    counts = await ledger_steps.count(embedded, of)
    assert (counts.by_state["accepted"], counts.by_state["refused"]) == (60, 0)
    assert sum(1 for recipient in relay.tried if recipient.endswith("@qq.com")) <= REFUSALS_OF_A_DOMAIN + 4
    assert done.until == NOW + timedelta(hours=1)
    assert done.reason == "qq.com: 550 5.7.1 blocked by policy"


async def test_domain_tries_one_copy_after_its_rest_and_goes_on_when_it_is_taken(embedded: Database) -> None:
    of = await mailing_to(embedded, ("qq.com", 40))
    clock, relay = PassingClock(), ScriptedTransport(refusing("qq.com", BLOCKED))
    stop, accepted = asyncio.Event(), asyncio.Event()

    def progress(found: Progress) -> None:
        if found.until is not None and found.reason:
            relay.script = lambda _recipient, _number: TAKEN
        if found.accepted == 40:
            accepted.set()
            stop.set()

    sender = dispatcher(
        embedded, outlet(relay), clock=clock, on_progress=progress, habits={"poll": timedelta(minutes=10)}
    )
    async with asyncio.timeout(20):
        await sender.run(stop)

    assert accepted.is_set()
    assert (await ledger_steps.count(embedded, of)).by_state["accepted"] == 40
    assert clock.now() - NOW >= timedelta(hours=1)


async def test_domain_that_finds_us_too_fast_is_left_alone_for_a_while(embedded: Database) -> None:
    await mailing_to(embedded, ("qq.com", 60), ("163.com", 20))
    relay = ScriptedTransport(refusing("qq.com", TOO_FAST))

    done = await dispatcher(embedded, outlet(relay), habits={"patience": timedelta(0)}).run_until_idle()

    assert done.accepted == 20
    assert sum(1 for recipient in relay.tried if recipient.endswith("@qq.com")) <= 5 + 4


async def test_mailing_that_is_refused_everywhere_stops_until_a_person_says_so(embedded: Database) -> None:
    domains = [(f"d{number}.example", 10) for number in range(30)]
    of = await mailing_to(embedded, *domains)
    relay = ScriptedTransport(lambda _recipient, _number: BLOCKED)

    done = await dispatcher(embedded, outlet(relay)).run_until_idle()

    counts, row = await ledger_steps.count(embedded, of), await ledger_steps.mailing_row(embedded, of)
    assert (row.state, row.resume_at) == ("paused", None)
    assert "blocked by policy" in row.reason
    assert done.reason == row.reason
    assert counts.by_state["refused"] == 0
    assert len(relay.tried) <= REFUSALS_OF_A_MAILING + 8


async def test_mailing_that_a_person_lets_go_on_begins_anew(embedded: Database) -> None:
    of = await mailing_to(embedded, *[(f"d{number}.example", 10) for number in range(30)])
    relay, stop = ScriptedTransport(lambda _recipient, _number: BLOCKED), asyncio.Event()
    going = asyncio.create_task(dispatcher(embedded, outlet(relay)).run(stop))
    await until_state(embedded, "paused")
    while {"claimed", "sending", "refused"} & set(await ledger_steps.states(embedded)):
        await asyncio.sleep(0.01)
    refused_once: set[str] = set()

    def first_refused(recipient: str, _number: int) -> Outcome | Exception:
        if len(refused_once) < 3:
            refused_once.add(recipient)
            return BLOCKED
        return TAKEN

    relay.script = first_refused
    async with embedded.write() as tx:
        await decisions.resume(tx, of)
    async with asyncio.timeout(20):
        while (await ledger_steps.count(embedded, of)).by_state["accepted"] < 250:
            await asyncio.sleep(0.01)
    stop.set()
    await going

    assert (await ledger_steps.mailing_row(embedded, of)).state == "running"


async def test_a_copy_that_goes_again_after_a_block_says_why(embedded: Database) -> None:
    await mailing_to(embedded, ("qq.com", 30))
    relay = ScriptedTransport(refusing("qq.com", BLOCKED))

    await dispatcher(embedded, outlet(relay, connections=1)).run_until_idle()

    async with embedded.read() as connection:
        said = Counter(await connection.scalars(sa.select(attempt.c.outcome)))
    # One more was on its way when the answer came that decided.
    assert said["refused"] == said["reopened"]
    assert REFUSALS_OF_A_DOMAIN <= said["refused"] <= REFUSALS_OF_A_DOMAIN + 1


async def test_few_unknown_users_among_many_stay_refused(embedded: Database) -> None:
    of = await mailing_to(embedded, ("qq.com", 60))
    gone = Refused(reply=Reply(code=550, enhanced="5.1.1", text="no such user"))
    relay = ScriptedTransport(lambda recipient, _number: gone if recipient.startswith("r1") else TAKEN)

    await dispatcher(embedded, outlet(relay)).run_until_idle()

    counts = await ledger_steps.count(embedded, of)
    assert counts.by_state["refused"] == sum(str(number).startswith("1") for number in range(1, 61))


@pytest.mark.parametrize("window", [1, 4])
async def test_window_sends_everything_once(embedded: Database, window: int) -> None:
    of = await mailing_to(embedded, ("qq.com", 60), ("163.com", 60))
    relay = ScriptedTransport()

    done = await dispatcher(embedded, outlet(relay), habits={"window": window}).run_until_idle()

    assert done.accepted == len(set(relay.recipients)) == len(relay.recipients) == 120
    assert (await ledger_steps.count(embedded, of)).is_finished


async def test_window_is_one_where_somebody_counts(embedded: Database) -> None:
    await mailing_to(embedded, ("qq.com", 60))
    relay, most = ScriptedTransport(), 0

    async def pace() -> None:
        nonlocal most
        most = max(most, sum(state == "sending" for state in await ledger_steps.states(embedded)))

    relay.pace = pace  # type: ignore[method-assign]
    limits = qq(rates=(rate("1000/minute"),))
    await dispatcher(embedded, outlet(relay, connections=1), destinations=limits, habits={"window": 4}).run_until_idle()

    assert (len(relay.sent), most) == (60, 1)


async def test_copies_of_a_window_whose_connection_breaks_are_given_back_uncharged(embedded: Database) -> None:
    of = await mailing_to(embedded, ("qq.com", 40))
    relay = ScriptedTransport()
    relay.worn_after = 3

    await dispatcher(embedded, outlet(relay, connections=2), habits={"window": 4}).run_until_idle()

    assert sorted(relay.recipients) == sorted(set(relay.recipients))
    rows = await ledger_steps.rows(embedded)
    assert {row.attempts for row in rows} == {1}
    assert (await ledger_steps.count(embedded, of)).by_state["accepted"] == 40


async def test_copy_whose_connection_failed_does_not_stand_in_its_own_way(database: Database) -> None:
    await mailing_to(database, ("qq.com", 6))
    faults = [True, False, True]

    def fails_now_and_then(_recipient: str, _number: int) -> Outcome | Exception:
        return refusal("421 closing") if faults and faults.pop(0) else TAKEN

    relay = ScriptedTransport(fails_now_and_then)
    async with asyncio.timeout(20):
        done = await dispatcher(database, outlet(relay), destinations=qq(connections=1)).run_until_idle()

    assert done.accepted == len(set(relay.recipients)) == len(relay.recipients) == 6
