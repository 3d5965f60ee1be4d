from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.delivery import retries

NOW = datetime(2015, 7, 10, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("tries", "wait"),
    [
        (1, 5 * MINUTE),
        (2, 15 * MINUTE),
        (3, 45 * MINUTE),
        (4, 2 * HOUR),
        (5, 4 * HOUR),
        (6, 8 * HOUR),
        (7, 8 * HOUR),
        (40, 8 * HOUR),
    ],
)
def test_wait_grows_and_varies_by_a_fifth(tries: int, wait: timedelta) -> None:
    waits = [retries.wait_after(tries, Random(seed)) for seed in range(200)]

    assert min(waits) >= 0.8 * wait
    assert max(waits) <= 1.2 * wait
    assert max(waits) - min(waits) > 0.3 * wait


@given(seed=st.integers(0, 10_000))
def test_last_try_falls_on_the_end_of_48_hours(seed: int) -> None:
    randomness, moments = Random(seed), [NOW]
    while (
        due := retries.next_try(tries=len(moments), trying_since=NOW, now=moments[-1], randomness=randomness)
    ) is not None:
        moments.append(due)

    assert moments[-1] == NOW + 48 * HOUR
    assert 9 <= len(moments) <= 15  # 5 m to 8 h is 15 h; the other 33 h hold four or five waits of 6.4 to 9.6 h


def test_first_try_begins_the_48_hours() -> None:
    assert retries.trying_since(first_tried_at=None, due_at=NOW - 9 * HOUR, now=NOW) == NOW


def test_time_that_we_let_a_due_copy_wait_is_not_trying() -> None:
    since = retries.trying_since(first_tried_at=NOW, due_at=NOW + 5 * MINUTE, now=NOW + 30 * HOUR)

    assert since == NOW + 30 * HOUR - 5 * MINUTE


def test_copy_tried_when_due_began_when_it_began() -> None:
    assert retries.trying_since(first_tried_at=NOW, due_at=NOW + HOUR, now=NOW + HOUR) == NOW


def test_clock_set_back_does_not_begin_the_48_hours_in_the_future() -> None:
    assert retries.trying_since(first_tried_at=NOW, due_at=NOW + HOUR, now=NOW - HOUR) == NOW - HOUR


@pytest.mark.parametrize(("tries", "wait"), [(1, timedelta(0)), (2, timedelta(0)), (3, HOUR), (9, HOUR)])
def test_copy_found_after_a_crash_goes_at_once_unless_it_keeps_happening(tries: int, wait: timedelta) -> None:
    assert retries.due_after_crash(tries=tries, now=NOW) == NOW + wait


@pytest.mark.parametrize(("faults", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 30), (50, 30)])
def test_server_in_trouble_is_left_alone_for_longer_each_time(faults: int, minutes: int) -> None:
    assert retries.rest_of_server(faults) == minutes * MINUTE
