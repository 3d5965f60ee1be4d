"""What a breaker makes of what comes of copies: who trips it, for how long, and which copies go again."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.delivery import breakers
from distributor.delivery.breakers import (
    DEFERRALS_OF_A_DOMAIN,
    REFUSALS_OF_A_DOMAIN,
    REFUSALS_OF_A_MAILING,
    Breaker,
    Tripped,
)
from distributor.delivery.model import Accepted, Deferred, Outcome, Refused, Reply, Stored, Uncertain
from distributor.identifiers import DeliveryId

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TAKEN = Accepted(reply=Reply(code=250, text="queued"))
BLOCKED = Refused(reply=Reply(code=550, enhanced="5.7.1", text="Message refused"))
UNKNOWN_USER = Refused(reply=Reply(code=550, enhanced="5.1.1", text="no such user"))
ODD = Refused(reply=Reply(code=571, text="no"))
TOO_BIG = Refused(reply=Reply(code=552, enhanced="5.3.4", text="Message size exceeds fixed maximum message size"))
SET_ASIDE = Refused(reply=Reply(code=None, text="set aside: the address needs SMTPUTF8"))
TOO_FAST = Deferred(reply=Reply(code=550, text="Sender frequency limited"))
NO_RELAY = Deferred(reply=Reply(code=554, enhanced="5.7.1", text="Relay access denied"))
GREYLISTED = Deferred(reply=Reply(code=450, text="Greylisted"))
FULL = Deferred(reply=Reply(code=552, enhanced="5.2.2", text="Mailbox full"))
SILENT = Deferred(reply=Reply(code=None, text="connection lost"))
LOCAL_ERROR = Deferred(reply=Reply(code=451, text="local error"))
UNANSWERED = Uncertain(reply=Reply(code=None, text="no answer after the dot"))
IDLE = (TOO_BIG, SET_ASIDE, GREYLISTED, FULL, SILENT, LOCAL_ERROR, UNANSWERED)
TAKING = (TAKEN, Stored(file="1.eml"))
COUNTED = (BLOCKED, UNKNOWN_USER, ODD)


LIMITS: Mapping[Callable[[], Breaker], int] = {
    breakers.for_domain: REFUSALS_OF_A_DOMAIN,
    breakers.for_mailing: REFUSALS_OF_A_MAILING,
}
MAKES = tuple(LIMITS)
RUNS = st.lists(
    st.tuples(
        st.sampled_from((*COUNTED, *COUNTED, *TAKING, *IDLE, TOO_FAST, NO_RELAY, "resume", "resume")),
        st.integers(1, 30),
    ),
    max_size=30,
)
EVENTS = RUNS.map(lambda runs: [event for event, times in runs for _ in range(times)])
"""What may be heard, in runs long enough to trip; the word stands for the end of a rest."""


def named(outcomes: Iterable[Outcome]) -> list[object]:
    return [pytest.param(one, id=getattr(one, "reply", Reply(code=None, text="stored")).text) for one in outcomes]


def heard(breaker: Breaker, outcome: Outcome, times: int = 1, *, first: int = 1) -> list[Tripped | None]:
    return [breaker.hear(DeliveryId(number), outcome) for number in range(first, first + times)]


def tripped_domain() -> Breaker:
    breaker = breakers.for_domain()
    heard(breaker, BLOCKED, REFUSALS_OF_A_DOMAIN)
    return breaker


@pytest.mark.parametrize("refusal", named(COUNTED))
def test_domain_trips_at_twenty_refusals_and_all_of_them_go_again(refusal: Refused) -> None:
    *before, last = heard(breakers.for_domain(), refusal, 20)

    assert before == [None] * 19
    assert last is not None
    assert (last.reopened, last.rest) == (tuple(range(1, 21)), HOUR)


def test_trip_says_what_the_server_said_in_one_line() -> None:
    said = Refused(reply=Reply(code=550, enhanced="5.7.1", text="Your host\r\nis blocked\x1b[2J"))

    (tripped,) = heard(Breaker(limit=1, rests=[HOUR]), said)

    assert tripped is not None
    assert tripped.reason == "550 5.7.1 Your host is blocked [2J"


@pytest.mark.parametrize("taken", named(TAKING))
def test_acceptance_forgets_the_row_of_refusals(taken: Outcome) -> None:
    breaker = breakers.for_domain()
    heard(breaker, BLOCKED, REFUSALS_OF_A_DOMAIN - 1)
    breaker.hear(DeliveryId(50), taken)

    *before, last = heard(breaker, BLOCKED, REFUSALS_OF_A_DOMAIN, first=100)

    assert before == [None] * (REFUSALS_OF_A_DOMAIN - 1)
    assert last is not None
    assert last.reopened == tuple(range(100, 120))


@pytest.mark.parametrize("throttling", named([TOO_FAST, NO_RELAY]))
def test_domain_that_says_too_fast_five_times_rests_five_minutes(throttling: Deferred) -> None:
    *before, last = heard(breakers.for_domain(), throttling, 5)

    assert before == [None] * 4
    assert last is not None
    assert (last.reopened, last.rest) == ((), 5 * MINUTE)


@pytest.mark.parametrize("idle", named(IDLE))
def test_what_says_nothing_about_the_destination_neither_trips_nor_closes(idle: Outcome) -> None:
    breaker = breakers.for_domain()
    heard(breaker, BLOCKED, REFUSALS_OF_A_DOMAIN - 1)
    heard(breaker, TOO_FAST, DEFERRALS_OF_A_DOMAIN - 1)

    assert not any(heard(breaker, idle, 100, first=1000))
    assert breaker.hear(DeliveryId(99), BLOCKED) is not None


@pytest.mark.parametrize("idle", named(IDLE))
def test_half_open_breaker_stays_so_after_what_says_nothing(idle: Outcome) -> None:
    breaker = tripped_domain()
    breaker.resume()

    assert breaker.hear(DeliveryId(99), idle) is None
    assert breaker.is_half_open


@pytest.mark.parametrize(
    ("first", "again", "hours"),
    [
        (BLOCKED, BLOCKED, [1, 2, 4, 8, 8]),
        (TOO_FAST, TOO_FAST, [5 / 60, 0.25, 0.5, 1, 1]),
        # Whichever kind it is, the next rest is a longer one of its own kind, and never a shorter one.
        (TOO_FAST, BLOCKED, [5 / 60, 1, 2, 4, 8]),
        (BLOCKED, TOO_FAST, [1, 1, 1, 1, 1]),
    ],
    ids=["refused", "too fast", "too fast, then refused", "refused, then too fast"],
)
def test_each_rest_without_an_acceptance_is_longer(first: Outcome, again: Outcome, hours: list[float]) -> None:
    breaker = breakers.for_domain()
    rests = [tripped.rest for tripped in heard(breaker, first, 20) if tripped][:1]
    for number in range(100, 104):
        breaker.resume()
        rests += [tripped.rest for tripped in heard(breaker, again, first=number) if tripped]

    assert rests == [HOUR * one for one in hours]


def test_first_refusal_after_a_rest_trips_and_goes_again() -> None:
    breaker = tripped_domain()
    breaker.resume()

    assert breaker.is_half_open
    (tripped,) = heard(breaker, UNKNOWN_USER, first=21)
    assert tripped is not None
    assert (tripped.reopened, tripped.rest) == ((21,), 2 * HOUR)


def test_acceptance_after_a_rest_closes_and_the_next_rest_is_short_again() -> None:
    breaker = tripped_domain()
    breaker.resume()
    breaker.hear(DeliveryId(21), TAKEN)

    trips = [tripped for tripped in heard(breaker, BLOCKED, 20, first=100) if tripped]

    assert [tripped.rest for tripped in trips] == [HOUR]


def test_copies_under_way_at_a_trip_go_again_and_lengthen_no_rest() -> None:
    breaker = tripped_domain()

    late = heard(breaker, BLOCKED, 8, first=21)
    breaker.resume()
    (probe,) = heard(breaker, BLOCKED, first=40)

    assert [(one.reopened, one.rest) for one in late if one] == [((number,), HOUR) for number in range(21, 29)]
    assert probe is not None
    assert probe.rest == 2 * HOUR


@pytest.mark.parametrize("cause", named([BLOCKED, TOO_FAST]))
def test_deferrals_under_way_at_a_trip_trip_nothing_more(cause: Outcome) -> None:
    breaker = breakers.for_domain()
    heard(breaker, cause, DEFERRALS_OF_A_DOMAIN if cause is TOO_FAST else REFUSALS_OF_A_DOMAIN)

    assert breaker.is_half_open
    assert not any(heard(breaker, TOO_FAST, 8, first=50))


def test_refusals_before_a_pause_for_speed_still_count() -> None:
    breaker = breakers.for_domain()
    heard(breaker, BLOCKED, 3)
    heard(breaker, TOO_FAST, DEFERRALS_OF_A_DOMAIN, first=10)
    heard(breaker, BLOCKED, first=4)
    breaker.resume()

    (tripped,) = heard(breaker, BLOCKED, first=5)

    assert tripped is not None
    assert tripped.reopened == (1, 2, 3, 4, 5)


def test_mailing_trips_at_fifty_refusals_until_a_person_resumes() -> None:
    *before, last = heard(breakers.for_mailing(), BLOCKED, 50)

    assert before == [None] * 49
    assert last is not None
    assert (len(last.reopened), last.rest) == (REFUSALS_OF_A_MAILING, None)


def test_mailing_begins_anew_when_a_person_resumes_it() -> None:
    breaker = breakers.for_mailing()
    heard(breaker, BLOCKED, REFUSALS_OF_A_MAILING)
    still_blocked = heard(breaker, BLOCKED, 2, first=60)

    breaker.resume()

    assert [one.reopened for one in still_blocked if one] == [(60,), (61,)]
    assert not breaker.is_half_open
    assert not any(heard(breaker, BLOCKED, REFUSALS_OF_A_MAILING - 1, first=100))


def test_slow_servers_never_stop_a_whole_mailing() -> None:
    assert not any(heard(breakers.for_mailing(), TOO_FAST, 1000))


def test_copy_refused_again_in_the_same_row_counts_once() -> None:
    breaker = breakers.for_mailing()

    assert not any(breaker.hear(DeliveryId(number % 49), BLOCKED) for number in range(500))


@pytest.mark.parametrize("made", MAKES)
def test_resuming_what_has_not_tripped_changes_nothing(made: Callable[[], Breaker]) -> None:
    breaker, limit = made(), LIMITS[made]
    heard(breaker, BLOCKED, limit - 1)

    breaker.resume()

    assert not breaker.is_half_open
    assert breaker.hear(DeliveryId(limit), BLOCKED) is not None


@pytest.mark.parametrize("made", MAKES)
@given(events=EVENTS)
def test_reopened_are_exactly_the_refusals_since_the_last_acceptance_or_trip(
    made: Callable[[], Breaker], events: list[Outcome | str]
) -> None:
    breaker, limit = made(), LIMITS[made]
    row: list[int] = []
    for number, event in enumerate(events):
        if event == "resume":
            breaker.resume()
            continue
        tripped = breaker.hear(DeliveryId(number), event)  # type: ignore[arg-type]  # a word is not heard
        row = [] if event in TAKING else [*row, number] if event in COUNTED else row
        if tripped is not None and event in COUNTED:
            assert tripped.reopened == tuple(row)
            row = []
        elif tripped is not None:
            assert (event in {TOO_FAST, NO_RELAY}, tripped.reopened) == (True, ())
        assert len(row) < limit


@given(events=EVENTS)
def test_rest_of_a_domain_grows_until_something_is_accepted(events: list[Outcome | str]) -> None:
    breaker, last = breakers.for_domain(), timedelta(0)
    for number, event in enumerate(events):
        if event == "resume":
            breaker.resume()
            continue
        tripped = breaker.hear(DeliveryId(number), event)  # type: ignore[arg-type]  # a word is not heard
        last = timedelta(0) if event in TAKING else last
        if tripped is not None:
            assert tripped.rest is not None
            assert last <= tripped.rest <= 8 * HOUR
            last = tripped.rest
        assert breaker.is_half_open == (last > timedelta(0))
