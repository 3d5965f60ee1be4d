"""What comes in: batches are claimed for the lines and stay in our hands, under a lease, until they are written off.

A destination that has enough waiting, or that rests, is left out of the next claim: a slow or blocked provider never
keeps the copies of all others from being claimed, and memory stays bounded by a few batches.
"""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from distributor.database import Database
from distributor.delivery import counts, ledger
from distributor.delivery.ledger import Claim, Wanted
from distributor.delivery.lines import Held, Lines
from distributor.delivery.model import Channel, Copy, Mailing
from distributor.identifiers import MailingId, revision_of

MOST_BATCHES = 4
"""So many batches are in our hands at most: crowded lines wait beside the batch that the others get."""


class Beat:
    """Says whether so much real time has passed since it last said so; the first time it has."""

    def __init__(self) -> None:
        self._last: float | None = None

    @classmethod
    def begun(cls) -> "Beat":
        """Return one that has just said so."""
        beat = cls()
        beat.is_over(timedelta(0))
        return beat

    def is_over(self, span: timedelta) -> bool:
        """Return True at most once in each span."""
        moment = time.monotonic()
        if self._last is not None and moment - self._last < span.total_seconds():
            return False
        self._last = moment
        return True


@dataclass(slots=True, kw_only=True)
class Intake:
    """Claims copies of one channel, of one mailing or of all.

    `draw` makes the random mark of a claim; `prepare` is awaited for each mailing before its first copy waits, and
    again before the first one with another text; `give_back` takes copies that come too late for that.
    """

    opened: Database
    channel: Channel
    mailing: MailingId | None
    batch: int
    lease: timedelta
    poll: timedelta
    lines: Lines
    draw: Callable[[], str]
    prepare: Callable[[Mailing], Awaitable[None]]
    give_back: Callable[[Iterable[Held]], None]
    held: dict[Held, None] = field(default_factory=dict)
    unchecked: set[MailingId] = field(default_factory=set)
    """Mailings of which something was claimed since somebody checked their accounts."""
    _known: dict[MailingId, set[int]] = field(default_factory=dict)
    """Which revisions of its renditions a mailing had when it was prepared."""
    _doubtful: list[Claim] = field(default_factory=list)
    _short: tuple[frozenset[str], Beat] | None = None
    """Without which destinations there was nothing more, and since when."""

    async def claim(self, now: datetime) -> None:
        """Claim what there is room for, if it is worth asking. Safe to repeat after a fault of the database."""
        wanted = self._wanted(now)
        if wanted is None:
            return
        claim = Claim(token=self.draw(), lease=self.lease)
        doubtful, self._doubtful = self._doubtful, [*self._doubtful, claim]

        def step(tx: sa.Connection) -> tuple[Copy, ...]:
            for earlier in doubtful:
                ledger.disclaim(tx, earlier)
            return ledger.claim(tx, claim, wanted)

        copies = await self.opened.transact(step)
        self._doubtful = []
        self._remember(wanted, len(copies))
        held = [self.lines.hold(copy, claim) for copy in copies]
        self.held |= dict.fromkeys(held)
        try:
            await self._prepare(copies)
        except BaseException:
            self.give_back(held)
            raise
        self.unchecked |= {copy.mailing for copy in copies}
        self.lines.add(held)

    async def renew(self) -> None:
        """Lengthen the leases of all that is in our hands."""
        by_claim: dict[Claim, list[Held]] = defaultdict(list)
        for held in self.held:
            by_claim[held.claim].append(held)

        def step(tx: sa.Connection) -> None:
            for claim, group in by_claim.items():
                ledger.renew(tx, claim, [held.copy.id for held in group])

        if by_claim:
            await self.opened.transact(step)

    def forget(self, of: MailingId) -> None:
        """Let a mailing be prepared anew when copies of it are claimed again."""
        self._known.pop(of, None)

    def _wanted(self, now: datetime) -> Wanted | None:
        full = self.lines.full(self.batch // 2)
        without = frozenset(domain for line in full for domain in line.destination.domains)
        limit = self.batch - len(self.lines) + sum(len(line.copies) for line in full)
        if limit < self.batch / 2 or len(self.lines) >= MOST_BATCHES * self.batch:
            return None
        if self.held and self._short and self._short[0] == without and not self._short[1].is_over(self.poll):
            return None
        return Wanted(channel=self.channel, limit=limit, now=now, mailing=self.mailing, without=without)

    def _remember(self, wanted: Wanted, found: int) -> None:
        other = self._short if self._short and self._short[0] != wanted.without else None
        self._short = (wanted.without, Beat.begun()) if found < wanted.limit else other

    async def _prepare(self, copies: Iterable[Copy]) -> None:
        wanted: dict[MailingId, set[int]] = defaultdict(set)
        for copy in copies:
            wanted[copy.mailing].add(revision_of(copy.edition))
        for of, revisions in sorted(wanted.items()):
            if revisions <= self._known.get(of, set()):
                continue
            async with self.opened.read() as connection:
                found = await counts.load_mailing(connection, of)
            await self.prepare(found)
            self._known.setdefault(of, set()).update(revisions)
