"""Breakers: they hear what comes of copies and say when a recipient domain, or a whole mailing, is blocked.

Outcomes enter, at most a `Tripped` leaves: sending there stops, somebody is told, and the copies of that row of
refusals go again, so that a block marks no reader bad. Pure and without a clock: whoever asked waits the rest and
says `resume`. What is heard lives in memory only; after a restart the row is counted anew. Copies that were on
their way when a breaker tripped belong to the same trip: their refusals are reopened and lengthen no rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from distributor.delivery.model import Accepted, Deferred, Outcome, Refused, Reply, Stored
from distributor.delivery.outcomes import Reason, classify
from distributor.delivery.results import clean_text
from distributor.identifiers import DeliveryId

REFUSALS_OF_A_DOMAIN = 20
"""So many addresses that are gone do not stand side by side in a list that was ever kept; a block does that."""
REFUSALS_OF_A_MAILING = 50
"""More than two blocked domains: what is wrong is wrong everywhere, in the issue or in us."""
DEFERRALS_OF_A_DOMAIN = 5
"""Providers count what comes after "too fast" against the sender, so few are enough to be silent for a while."""
RESTS_OF_THE_REFUSED = tuple(timedelta(hours=hours) for hours in (1, 2, 4, 8))
RESTS_OF_THE_DEFERRED = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60))

_BLOCKS: frozenset[Reason] = frozenset({"policy", "unknown_user", "other"})
_THROTTLES: frozenset[Reason] = frozenset({"too_fast", "not_our_relay"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripped:
    """Sending there stops for `rest` (None: until a person resumes).

    `reopened` were refused in this row of refusals and shall go again, oldest first, perhaps none; `reason` is what
    the server said last, in one line.
    """

    reopened: tuple[DeliveryId, ...]
    reason: str
    rest: timedelta | None


class Breaker:
    """What one destination (a domain or a group with one limit), or one mailing, has answered lately.

    Closed, it counts. Tripped, it rests until `resume`. Then it is half open: one refusal or "too fast" trips it
    again with the next longer rest, one acceptance closes it. It never holds more than `limit` ids.
    """

    __slots__ = ("_deferrals", "_last_rest", "_limit", "_phase", "_refused", "_rests")
    _phase: Literal["closed", "refused", "throttled", "trying"]
    _refused: dict[DeliveryId, None]

    def __init__(self, *, limit: int, rests: Sequence[timedelta] | None) -> None:
        """Trip at `limit` copies refused in a row, resting `rests` one after the other, the last one again and again.

        Without `rests` a person must resume, and only refusals trip it.
        """
        self._limit = limit
        self._rests = None if rests is None else tuple(rests)
        self._close()

    @property
    def is_half_open(self) -> bool:
        """Whether it has tripped and nothing was accepted since: one copy at a time may go, after the rest."""
        return self._phase != "closed"

    def hear(self, delivery: DeliveryId, outcome: Outcome) -> Tripped | None:
        """Take notice of what came of a copy; a value says that sending there must stop now."""
        match outcome:
            case Accepted() | Stored():
                self._close()
            case Refused(reply=reply) if classify(reply).reason in _BLOCKS:
                return self._hear_refusal(delivery, reply)
            case Deferred(reply=reply) if classify(reply).reason in _THROTTLES:
                return self._hear_throttling(reply)
        return None

    def resume(self) -> None:
        """Let copies go again: the rest is over, or a person said so; safe to repeat.

        A person's word begins anew. After a rest the next answer decides.
        """
        if self._phase == "closed":
            return
        if self._rests is None:
            self._close()
        else:
            self._phase = "trying"

    def _close(self) -> None:
        self._phase = "closed"
        self._refused = {}
        self._deferrals = 0
        self._last_rest = timedelta(0)

    def _hear_refusal(self, delivery: DeliveryId, reply: Reply) -> Tripped | None:
        self._refused[delivery] = None
        if self._phase not in {"refused", "trying"} and len(self._refused) < self._limit:
            return None
        rest = self._last_rest if self._phase == "refused" else self._longer(self._rests or ())
        reopened = tuple(self._refused)
        self._refused.clear()
        self._phase, self._last_rest = "refused", rest
        return Tripped(reopened=reopened, reason=_told(reply), rest=None if self._rests is None else rest)

    def _hear_throttling(self, reply: Reply) -> Tripped | None:
        if self._rests is None or self._phase in {"refused", "throttled"}:
            return None
        self._deferrals += 1
        if self._phase == "closed" and self._deferrals < DEFERRALS_OF_A_DOMAIN:
            return None
        self._phase, self._last_rest = "throttled", self._longer(RESTS_OF_THE_DEFERRED)
        return Tripped(reopened=(), reason=_told(reply), rest=self._last_rest)

    def _longer(self, rests: Sequence[timedelta]) -> timedelta:
        return next((rest for rest in rests if rest > self._last_rest), self._last_rest)


def for_domain() -> Breaker:
    """Return a breaker for a recipient domain, which tries again by itself."""
    return Breaker(limit=REFUSALS_OF_A_DOMAIN, rests=RESTS_OF_THE_REFUSED)


def for_mailing() -> Breaker:
    """Return a breaker for a mailing, which a person must resume."""
    return Breaker(limit=REFUSALS_OF_A_MAILING, rests=None)


def _told(reply: Reply) -> str:
    return clean_text(f"{reply.code} {reply.enhanced} {reply.text}")
