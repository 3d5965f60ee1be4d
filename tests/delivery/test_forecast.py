from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.delivery.forecast import Forecast, Gate, Load, forecast
from distributor.delivery.pacing import Rate, parse_rate

NOW = datetime(2015, 7, 10, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def gate(name: str, *texts: str, taken: Sequence[tuple[timedelta, int]] = ()) -> Gate:
    """A gate of which `taken` permits were taken so long before now."""
    rates = tuple(rate for text in texts if (rate := parse_rate(text)))
    return Gate(name=name, rates=rates, taken=tuple((NOW - ago, count) for ago, count in taken))


def load(copies: int, name: str, *texts: str, taken: Sequence[tuple[timedelta, int]] = ()) -> Load:
    return Load(destination=gate(name, *texts, taken=taken), copies=copies)


def after(found: Forecast) -> timedelta:
    return found.finish - NOW


def held(found: Forecast) -> tuple[str, int, int] | None:
    return found.hold and (found.hold.gate.name, found.hold.copies, found.hold.rate.count)


def test_nine_hundred_readers_of_a_domain_that_takes_five_hundred_a_day_are_done_in_a_day() -> None:
    found = forecast([gate("ours", "60/minute")], [load(900, "qq.com", "500/day"), load(300, "others")], start=NOW)

    assert DAY <= after(found) < DAY + 20 * MINUTE
    assert held(found) == ("qq.com", 900, 500)


def test_without_a_limit_all_copies_leave_at_once() -> None:
    found = forecast([gate("ours")], [load(200_000, "others")], start=NOW)

    assert found == Forecast(finish=NOW, hold=None)


def test_nothing_to_send_is_done_at_the_start() -> None:
    assert forecast([gate("ours", "1/day")], [], start=NOW) == Forecast(finish=NOW, hold=None)


def test_what_fits_into_the_limits_waits_for_nothing() -> None:
    found = forecast([gate("ours", "60/minute")], [load(60, "qq.com", "60/day")], start=NOW)

    assert found == Forecast(finish=NOW, hold=None)


def test_every_rate_of_a_server_holds() -> None:
    found = forecast([gate("ours", "60/minute", "500/day")], [load(1200, "others")], start=NOW)

    assert 2 * DAY < after(found) < 2 * DAY + 4 * MINUTE
    assert held(found) == ("ours", 1200, 500)


def test_servers_work_side_by_side() -> None:
    servers = [gate("first", "100/day"), gate("second", "300/day")]

    assert after(forecast(servers, [load(800, "others")], start=NOW)) == DAY + SECOND
    assert after(forecast(servers, [load(801, "others")], start=NOW)) == 2 * (DAY + SECOND)


def test_a_server_without_a_limit_takes_what_another_may_not() -> None:
    found = forecast([gate("first", "1/day"), gate("second")], [load(1000, "others")], start=NOW)

    assert found.finish == NOW


def test_a_destination_counts_over_all_servers() -> None:
    found = forecast([gate("first"), gate("second")], [load(20, "qq.com", "10/hour")], start=NOW)

    assert after(found) == HOUR + SECOND


def test_without_servers_only_the_destinations_count() -> None:
    assert after(forecast([], [load(11, "qq.com", "10/hour")], start=NOW)) == HOUR + SECOND


def test_destinations_do_not_wait_for_each_other() -> None:
    loads = [load(10, "qq.com", "10/hour"), load(30, "163.com", "10/hour"), load(5, "others")]

    assert after(forecast([gate("ours")], loads, start=NOW)) == 2 * (HOUR + SECOND)


def test_what_was_taken_before_counts() -> None:
    server = gate("ours", "10/hour", taken=[(45 * MINUTE, 4), (30 * MINUTE, 6)])

    found = forecast([server], [load(10, "others")], start=NOW)

    assert after(found) == 30 * MINUTE + SECOND  # four in a quarter of an hour, six in half an hour


def test_what_a_destination_took_before_counts() -> None:
    found = forecast([gate("ours")], [load(10, "qq.com", "10/hour", taken=[(45 * MINUTE, 5)])], start=NOW)

    assert after(found) == 15 * MINUTE + SECOND


def test_what_was_taken_long_ago_counts_no_more() -> None:
    server = gate("ours", "10/hour", taken=[(2 * HOUR, 10)])

    assert forecast([server], [load(10, "others")], start=NOW).finish == NOW


def test_a_limit_lowered_below_what_was_taken_waits_for_as_much() -> None:
    server = gate("ours", "3/hour", taken=[(50 * MINUTE, 5), (20 * MINUTE, 5)])

    assert after(forecast([server], [load(1, "others")], start=NOW)) == 40 * MINUTE + SECOND


def test_a_start_in_the_future_finds_the_windows_of_then() -> None:
    server = gate("ours", "10/hour", taken=[(MINUTE, 10)])

    assert forecast([server], [load(10, "others")], start=NOW + HOUR).finish == NOW + HOUR


def test_destinations_take_turns_where_the_servers_are_too_slow_for_all() -> None:
    # 600 a day in turns: 300 + 300, then 500 of what the destination may take, then the last 100.
    found = forecast([gate("ours", "600/day")], [load(900, "qq.com", "500/day"), load(300, "other")], start=NOW)

    assert after(found) == 2 * (DAY + SECOND)


def test_each_domain_without_a_limit_has_its_own_turn() -> None:
    # In a round of 301 one copy is for the limited destination: after 600 copies it has two of its ten.
    others = [load(2, f"r{number}.example.com") for number in range(300)]

    found = forecast([gate("ours", "602/day")], [load(10, "qq.com", "500/day"), *others], start=NOW)

    assert after(found) == DAY + SECOND


def test_who_could_not_go_in_his_turn_does_not_make_up_for_it() -> None:
    # Copies in each hour for qq.com + other: 0 + 10, 5 + 5, 5 + 5, 6, 2. Made up for: 0 + 10, 6 + 4, 6 + 4, 6 + 2.
    loads = [load(18, "qq.com", "6/hour", taken=[(MINUTE, 6)]), load(20, "other")]

    found = forecast([gate("ours", "10/hour")], loads, start=NOW)

    assert after(found) == 4 * (HOUR + SECOND)


def test_the_limit_that_the_last_copy_waited_for_is_named() -> None:
    loads = [load(100, "qq.com", "60/hour"), load(900, "others")]

    found = forecast([gate("ours", "100/hour")], loads, start=NOW)

    assert held(found) == ("ours", 1000, 100)


@pytest.mark.parametrize("texts", [("60/minute", "500/day"), ("60/minute",), ("10/second", "3000/hour")], ids="+".join)
def test_two_hundred_thousand_copies_are_foreseen_in_amounts(texts: tuple[str, ...]) -> None:
    found = forecast([gate("ours", *texts)], [load(200_000, "others")], start=NOW)

    slowest = max(rate.window * 200_000 / rate.count for text in texts if (rate := parse_rate(text)))
    assert 0.95 * slowest < after(found) < 1.06 * slowest


@dataclass
class Counted:
    """A gate as an onlooker checks it: every copy by itself."""

    rates: Sequence[Rate]
    log: list[datetime] = field(default_factory=list)

    def allows(self, moment: datetime) -> bool:
        return all(sum(at + rate.guarded > moment for at in self.log) < rate.count for rate in self.rates)


def one_by_one(servers: Sequence[Sequence[Rate]], loads: Sequence[tuple[Sequence[Rate], int]]) -> timedelta:
    """Send copy after copy, second after second, each as soon as any server and its destination let it, in turns."""
    ways = [Counted(rates) for rates in servers]
    turns = deque([Counted(rates), copies] for rates, copies in loads)
    moment, last = NOW, NOW
    while turns:
        way = next((way for way in ways if way.allows(moment)), None)
        chosen = next((one for one in turns if one[0].allows(moment)), None) if way else None
        if way is None or chosen is None:
            moment += SECOND
            continue
        way.log.append(last := moment)
        chosen[0].log.append(moment)
        turns.remove(chosen)
        if chosen[1] > 1:
            turns.append([chosen[0], chosen[1] - 1])
    return last - NOW


MINUTELY = st.builds(Rate, count=st.integers(1, 9), window=st.just(MINUTE))
ANY_RATE = st.builds(Rate, count=st.integers(1, 9), window=st.sampled_from([MINUTE, 3 * MINUTE, 10 * MINUTE]))


@settings(max_examples=60)
@given(
    server=st.lists(ANY_RATE, min_size=1, max_size=2),
    destination=st.lists(ANY_RATE, max_size=2),
    copies=st.integers(1, 40),
)
def test_amounts_leave_when_single_copies_would(server: list[Rate], destination: list[Rate], copies: int) -> None:
    found = forecast([of(server)], [Load(destination=of(destination), copies=copies)], start=NOW)

    assert after(found) == one_by_one([server], [(destination, copies)])


@settings(max_examples=60)
@given(
    servers=st.lists(st.lists(MINUTELY, min_size=1, max_size=1), min_size=1, max_size=2),
    loads=st.lists(st.tuples(st.lists(MINUTELY, max_size=1), st.integers(1, 25)), min_size=1, max_size=4),
)
def test_turns_of_amounts_end_within_a_window_of_turns_of_single_copies(
    servers: list[list[Rate]], loads: list[tuple[list[Rate], int]]
) -> None:
    found = forecast(
        [of(rates) for rates in servers],
        [Load(destination=of(rates), copies=copies) for rates, copies in loads],
        start=NOW,
    )

    assert abs(after(found) - one_by_one(servers, loads)) <= MINUTE + SECOND


def of(rates: Sequence[Rate]) -> Gate:
    return Gate(name=str(rates), rates=tuple(rates))
