from datetime import timedelta

import pytest

from distributor.delivery.ways import BORNE_BESIDE_SESSIONS, FAULTS_IN_A_ROW, Way
from tests.delivery.dispatch_steps import ScriptedTransport, outlet
from tests.delivery.ledger_steps import NOW

MINUTE = timedelta(minutes=1)


def way(*, sessions: int = 0, connections: int = 4) -> Way:
    made = Way(outlet=outlet(ScriptedTransport(), connections=connections))
    made.sessions = sessions
    return made


def test_way_rests_after_three_faults_in_a_row() -> None:
    one = way()

    assert [one.fails("no", NOW) for _fault in range(FAULTS_IN_A_ROW)] == [False, False, True]
    assert (one.is_in_trouble, one.until, one.reason) == (True, NOW + MINUTE, "no")
    assert not one.ready.is_set()


def test_answer_for_a_copy_ends_a_row_of_faults() -> None:
    one = way()
    one.fails("no", NOW)
    one.fails("no", NOW)

    one.works()

    assert not one.fails("no", NOW)


def test_rest_grows_until_something_works() -> None:
    one, now, rests = way(), NOW, []
    for _fault in range(FAULTS_IN_A_ROW + 4):
        if one.fails("no", now) and one.until is not None:
            rests.append((one.until - now) // MINUTE)
            now = one.until
            one.wake(now)

    assert rests == [1, 5, 15, 30, 30]


def test_faults_beside_sessions_that_stand_are_borne_for_longer() -> None:
    one = way(sessions=1, connections=4)

    found = [one.fails("no", NOW) for _fault in range(4 * BORNE_BESIDE_SESSIONS)]

    assert found == [False] * 39 + [True]


def test_limit_lets_a_way_rest_without_trouble() -> None:
    one = way()

    one.rest(NOW + MINUTE)

    assert (one.is_in_trouble, one.until, one.ready.is_set()) == (False, NOW + MINUTE, False)


def test_limit_does_not_cut_a_rest_for_trouble_short() -> None:
    one = way()
    for _fault in range(FAULTS_IN_A_ROW):
        one.fails("no", NOW)

    one.rest(NOW + timedelta(seconds=1))

    assert (one.is_in_trouble, one.until) == (True, NOW + MINUTE)


@pytest.mark.parametrize(("after", "ready"), [(timedelta(seconds=59), False), (MINUTE, True)])
def test_way_is_ready_when_its_rest_is_over(after: timedelta, ready: bool) -> None:
    one = way()
    one.rest(NOW + MINUTE)

    one.wake(NOW + after)

    assert one.ready.is_set() is ready
