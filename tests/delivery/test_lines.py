import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from distributor.delivery.ledger import Claim
from distributor.delivery.limits import Destination, Destinations
from distributor.delivery.lines import Held, Lines
from distributor.delivery.model import Copy, Refused, Reply
from distributor.identifiers import DeliveryId, EditionKey, MailingId, PublicId
from tests.delivery.ledger_steps import NOW

CLAIM = Claim(token="ours", lease=timedelta(minutes=2))
MINUTE = timedelta(minutes=1)


def copy_for(domain: str, number: int = 1) -> Copy:
    address = f"r{number}@{domain}"
    return Copy(
        id=DeliveryId(number),
        mailing=MailingId(1),
        edition=EditionKey("market"),
        public_id=PublicId("p"),
        email_key=address,
        address=address,
        name="",
        format="html",
        attempts=0,
        first_tried_at=None,
    )


def lines_with(*domains: str, limited: tuple[Destination, ...] = ()) -> Lines:
    lines = Lines(Destinations(limited))
    lines.add([lines.hold(copy_for(domain, number), CLAIM) for number, domain in enumerate(domains)])
    return lines


async def taken(lines: Lines) -> Held:
    async with asyncio.timeout(1):
        held = await lines.take()
    assert held is not None
    return held


def domain_of(held: Held) -> str:
    return held.line.destination.domains[0]


@given(st.lists(st.sampled_from(["a.example", "b.example", "c.example"]), max_size=30))
def test_domains_take_turns_each_in_its_order_and_nobody_is_lost(domains: list[str]) -> None:
    async def take_all() -> list[Held]:
        lines = lines_with(*domains)
        found = []
        while lines:
            held = await taken(lines)
            lines.done(held)
            found.append(held)
        return found

    found = asyncio.run(take_all())

    assert sorted(held.copy.id for held in found) == list(range(len(domains)))
    for domain in set(domains):
        ids = [held.copy.id for held in found if domain_of(held) == domain]
        assert ids == sorted(ids)
    for place in range(len(found) - 1):
        rest = {domain_of(held) for held in found[place:]}
        assert domain_of(found[place]) != domain_of(found[place + 1]) or len(rest) == 1


async def test_slow_domain_keeps_no_more_connections_busy_than_the_others() -> None:
    lines = lines_with(*["slow.example"] * 20, *["quick.example"] * 20)
    under_way = [await taken(lines) for _lane in range(8)]

    for _round in range(12):
        quick = next(held for held in under_way if domain_of(held) == "quick.example")
        under_way.remove(quick)
        lines.done(quick)
        under_way.append(await taken(lines))

    assert sum(domain_of(held) == "slow.example" for held in under_way) == 4


async def test_destination_has_no_more_under_way_than_its_connections() -> None:
    provider = Destination(domains=("qq.com", "foxmail.com"), connections=2)
    lines = lines_with("qq.com", "foxmail.com", "qq.com", limited=(provider,))
    first, _second = await taken(lines), await taken(lines)

    waits = asyncio.create_task(lines.take())
    await asyncio.sleep(0)
    assert not lines.can_go
    assert not waits.done()
    lines.done(first)

    assert (await waits) is not None


async def test_resting_line_lets_the_others_go() -> None:
    lines = lines_with("a.example", "b.example", "a.example")
    first = await taken(lines)
    lines.done(first)

    lines.rest(first.line, NOW + MINUTE)

    assert domain_of(await taken(lines)) == "b.example"
    assert (lines.can_go, lines.resting, len(lines)) == (False, [first.line], 1)


async def test_rest_ends_in_time() -> None:
    lines = lines_with("a.example")
    line = (await taken(lines)).line
    lines.put_back(Held(copy=copy_for("a.example"), claim=CLAIM, line=line))
    lines.rest(line, NOW + MINUTE)
    waits = asyncio.create_task(lines.take())

    lines.wake(NOW + MINUTE - timedelta(seconds=1))
    assert not lines.can_go
    lines.wake(NOW + MINUTE)

    assert (await waits) is not None
    assert lines.resting == []


async def test_limit_does_not_cut_a_block_short() -> None:
    lines = lines_with("a.example")
    line = (await taken(lines)).line
    lines.rest(line, NOW + timedelta(hours=1), "550 blocked")

    lines.rest(line, NOW + MINUTE)

    assert (line.until, line.reason) == (NOW + timedelta(hours=1), "550 blocked")


async def test_after_a_block_one_copy_at_a_time_tries_the_way() -> None:
    lines = lines_with(*["a.example"] * 3)
    line = (await taken(lines)).line
    blocked = Refused(reply=Reply(code=550, enhanced="5.7.1", text="blocked"))
    trips = (line.breaker.hear(DeliveryId(number), blocked) for number in range(100))
    trip = next(trip for trip in trips if trip is not None)
    lines.rest(line, NOW + MINUTE, trip.reason)
    line.under_way = 0
    lines.wake(NOW + MINUTE)

    await taken(lines)

    assert not lines.can_go


async def test_copy_put_back_goes_next() -> None:
    lines = lines_with("a.example", "a.example")
    held = await taken(lines)

    lines.put_back(held)

    assert await taken(lines) is held


async def test_lines_that_are_crowded_or_rest_want_no_more() -> None:
    lines = lines_with(*["a.example"] * 3, "b.example", "c.example", "c.example")
    resting = next(line for line in lines.full(1) if line.destination.domains == ("c.example",))
    lines.rest(resting, NOW + MINUTE)

    assert {line.destination.domains[0] for line in lines.full(2)} == {"a.example", "c.example"}


async def test_emptied_line_gives_its_copies_and_leaves_the_others() -> None:
    lines = lines_with("a.example", "b.example", "a.example")
    line = next(line for line in lines.full(2))

    assert [held.copy.id for held in lines.empty(line)] == [0, 2]
    assert (len(lines), [held.copy.id for held in lines.empty()]) == (1, [1])


async def test_everybody_goes_home_when_it_closes() -> None:
    lines = lines_with()
    waits = asyncio.create_task(lines.take())
    await asyncio.sleep(0)

    lines.close()

    assert await waits is None
