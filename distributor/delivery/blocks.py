"""Where we are blocked: a destination rests, a mailing stops, and the copies refused on the way there go again.

Outcomes enter as they are written down, `breakers` judge them. A destination tries again by itself after its rest; a
mailing that is refused everywhere is paused with the server's words until a person resumes it. Nobody is marked bad.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from distributor.database import Database
from distributor.delivery import breakers, decisions
from distributor.delivery.breakers import Breaker
from distributor.delivery.lines import Held, Lines
from distributor.delivery.model import Outcome
from distributor.identifiers import DeliveryId, MailingId

BLOCKED = "收件方全部拒收："
"""Begins the reason of a pause that a person must end, because everybody refuses the mailing."""

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Blocks:
    """What the breakers of a run have decided, and what of it is still to be written."""

    lines: Lines
    _mailings: dict[MailingId, Breaker] = field(default_factory=dict)
    _reopened: dict[DeliveryId, tuple[datetime, str]] = field(default_factory=dict)
    _stopped: dict[MailingId, str] = field(default_factory=dict)

    def hear(self, held: Held, outcome: Outcome, now: datetime) -> None:
        """Take notice of what came of a copy and was written down."""
        line, of = held.line, held.copy.mailing
        if (trip := line.breaker.hear(held.copy.id, outcome)) is not None:
            until = now + (trip.rest or timedelta(0))
            _log.error("blocked", extra={"destination": line.destination.name, "reason": trip.reason})
            self.lines.rest(line, until, trip.reason)
            self._reopened |= dict.fromkeys(trip.reopened, (until, trip.reason))
        breaker = self._mailings.setdefault(of, breakers.for_mailing())
        if (trip := breaker.hear(held.copy.id, outcome)) is not None:
            _log.error("mailing refused everywhere", extra={"mailing": of, "reason": trip.reason})
            self._stopped[of] = trip.reason
            self._reopened = dict.fromkeys(trip.reopened, (now, trip.reason)) | self._reopened

    @property
    def news(self) -> bool:
        """Whether something is to be written."""
        return bool(self._reopened or self._stopped)

    def resume(self, of: MailingId) -> None:
        """Begin anew with a mailing that runs again."""
        if of in self._mailings:
            self._mailings[of].resume()

    async def write(self, opened: Database, now: datetime) -> Mapping[MailingId, str]:
        """Write it; return the mailings that were stopped, each with the reason. Safe to repeat."""
        # What is heard while we wait for the database is for the next time.
        reopened, stopped = dict(self._reopened), dict(self._stopped)
        async with opened.write() as tx:
            for when in set(reopened.values()):
                ids = [one for one, found in reopened.items() if found == when]
                await decisions.reopen_blocked(tx, ids, due_at=when[0], reason=when[1], at=now)
            for of, why in stopped.items():
                await decisions.pause(tx, of, reason=f"{BLOCKED}{why}")
        self._reopened = {one: found for one, found in self._reopened.items() if reopened.get(one) != found}
        self._stopped = {of: why for of, why in self._stopped.items() if of not in stopped}
        return {of: f"{BLOCKED}{why}" for of, why in stopped.items()}
