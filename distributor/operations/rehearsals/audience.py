"""The audience counted: who would get a copy, by edition, domain and list, and who would not, and why.

Enters: a plan, the editions of its section sets, and the list files compared. Leaves: counts, and for each reader a
digest by which a later plan knows them again without holding an address. It only reads.
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, get_args

import sqlalchemy as sa

from distributor.identifiers import EditionKey, EmailKey, ListName
from distributor.operations.membership import ListSync
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import Rehearsal, SendingPlan
from distributor.schema import delivery, mailing, membership, subscriber, suppression
from distributor.subscribers import store
from distributor.subscribers.model import SuppressionReason

_AT_ONCE = 2000
_DIGEST_BYTES = 9

Cell = tuple[EditionKey, tuple[ListName, ...]]
"""An edition, and the lists of the plan by which its readers are reached, in alphabetical order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who gets a copy: `domains` and `lists` count copies to go, the most first.

    A reader on several lists counts under each of them but gets one copy; `on_several` counts such readers. `text`
    counts those who asked for plain text. `digests` has every reader once.
    """

    editions: Mapping[EditionKey, int]
    domains: Mapping[str, int]
    lists: Mapping[ListName, int]
    on_several: int
    text: int
    digests: Mapping[Cell, tuple[str, ...]] = field(repr=False)

    @property
    def copies(self) -> int:
        """How many copies would leave."""
        return sum(self.editions.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Who gets no copy, and why.

    `already` counts those who have the issue by the origin of the mailing that brought it, `piloted` those to whom the
    slot's pilot brings it; `suppressed` those who must not be mailed; `left` those whom a list file names although they
    left that list, or an operator took them off. `set_aside` counts the faulty rows of each list file.
    `is_sender_listed` says whether the sender's own mailbox gets a copy too.
    """

    already: Mapping[str, int]
    piloted: int
    without_section: int
    suppressed: Mapping[SuppressionReason, int]
    left: int
    set_aside: Mapping[ListName, int]
    is_sender_listed: bool


async def count_audience(
    office: Office,
    rehearsed: tuple[SendingPlan, Rehearsal],
    lists: Sequence[ListSync],
    by_pilot: Collection[tuple[EmailKey, EditionKey]] = (),
) -> tuple[Audience, Skipped]:
    """Count everybody on the plan's lists; `by_pilot` are readers to whom a pilot brings that very edition."""
    plan, rehearsal = rehearsed
    gathered = _Gathered(by_pilot)
    own = office.workspace.sender.address.key
    async for reader in _readers(office, plan):
        gathered.take(reader, rehearsal.editions.get(reader.section_set), is_sender=reader.email_key == own)
    stopped = await _stopped(office, plan, lists)
    by_reason = Counter(stopped.values())
    skipped = Skipped(
        already=_most_first(gathered.already),
        piloted=gathered.piloted,
        without_section=gathered.without_section,
        suppressed={reason: by_reason[reason] for reason in get_args(SuppressionReason) if by_reason[reason]},
        left=len(_left(lists) - stopped.keys() - gathered.reached),
        set_aside={sync.list: sync.set_aside for sync in lists if sync.set_aside},
        is_sender_listed=gathered.is_sender_listed,
    )
    return gathered.audience(), skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """One reader with the plan's lists they are on, and the origin of the copy they have, if any."""

    email_key: EmailKey
    domain: str
    format: str
    section_set: str
    lists: tuple[ListName, ...]
    origin: str | None


class _Gathered:
    """Counts readers as they come."""

    def __init__(self, by_pilot: Collection[tuple[EmailKey, EditionKey]]) -> None:
        self._by_pilot = by_pilot
        self.piloted = 0
        self.already: Counter[str] = Counter()
        self.without_section = 0
        self.is_sender_listed = False
        self._editions: Counter[EditionKey] = Counter()
        self._domains: Counter[str] = Counter()
        self._lists: Counter[ListName] = Counter()
        self._on_several = 0
        self._text = 0
        self._digests: dict[Cell, list[str]] = {}
        self.reached: set[EmailKey] = set()

    def take(self, reader: _Reader, edition: EditionKey | None, *, is_sender: bool) -> None:
        """Count one reader."""
        self.reached.add(reader.email_key)
        if reader.origin is not None:
            self.already[reader.origin] += 1
            return
        if edition is None:
            self.without_section += 1
            return
        if (reader.email_key, edition) in self._by_pilot:
            self.piloted += 1
            return
        self.is_sender_listed |= is_sender
        self._editions[edition] += 1
        self._domains[reader.domain] += 1
        self._lists.update(reader.lists)
        self._on_several += len(reader.lists) > 1
        self._text += reader.format == "text"
        self._digests.setdefault((edition, reader.lists), []).append(_digest(reader.email_key))

    def audience(self) -> Audience:
        """Return the counts."""
        return Audience(
            editions=_most_first(self._editions),
            domains=_most_first(self._domains),
            lists=_most_first(self._lists),
            on_several=self._on_several,
            text=self._text,
            digests={cell: tuple(found) for cell, found in self._digests.items()},
        )


def _most_first(counted: Counter[Any]) -> dict[Any, int]:
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _digest(key: EmailKey) -> str:
    # Enough to tell a million readers apart; no address can be read from it.
    return hashlib.blake2b(key.encode(), digest_size=_DIGEST_BYTES, person=b"plan").hexdigest()


async def _readers(office: Office, plan: SendingPlan) -> AsyncIterator[_Reader]:
    """Yield every reader whom a mailing to these lists may reach, each once."""
    waiting: list[Any] = []
    async for rows in _parts(office, plan):
        # The last reader of a part may go on in the next one.
        last = rows[-1].subscriber
        for reader in _grouped(row for row in (*waiting, *rows) if row.subscriber != last):
            yield reader
        waiting = [row for row in (*waiting, *rows) if row.subscriber == last]
    for reader in _grouped(waiting):
        yield reader


async def _parts(office: Office, plan: SendingPlan) -> AsyncIterator[Sequence[Any]]:
    """Yield the rows in parts, in the order of readers."""
    async with office.database.read() as connection, connection.stream(_statement(office, plan)) as result:
        async for rows in result.partitions(_AT_ONCE):
            yield rows


def _statement(office: Office, plan: SendingPlan) -> sa.Select[Any]:
    """Select one row for each reader and list, by reader."""
    readers = store.mailable(plan.lists).order_by(None).subquery()
    on_list = (
        (membership.c.subscriber == readers.c.subscriber)
        & membership.c.list.in_(list(plan.lists))
        & (membership.c.state == "member")
    )
    has_it = (
        (delivery.c.channel == office.workspace.channel)
        & (delivery.c.issue == plan.issue)
        & (delivery.c.send_no == 1)
        & (delivery.c.email_key == readers.c.email_key)
    )
    names = ("subscriber", "email_key", "domain", "format", "section_set")
    return (
        sa.select(*(readers.c[name] for name in names), membership.c.list, mailing.c.origin)
        .select_from(
            readers.join(membership, on_list)
            .outerjoin(delivery, has_it)
            .outerjoin(mailing, mailing.c.id == delivery.c.mailing)
        )
        .order_by(readers.c.subscriber, membership.c.list)
    )


def _grouped(rows: Iterable[Any]) -> Iterator[_Reader]:
    for _subscriber, of_one in groupby(rows, key=lambda row: row.subscriber):
        found = tuple(of_one)
        first = found[0]
        yield _Reader(
            email_key=first.email_key,
            domain=first.domain,
            format=first.format,
            section_set=first.section_set,
            lists=tuple(row.list for row in found),
            origin=first.origin,
        )


async def _stopped(office: Office, plan: SendingPlan, lists: Sequence[ListSync]) -> dict[EmailKey, SuppressionReason]:
    """Return whom we must not mail, of those whom these lists or their files name, and why."""
    members = sa.select(subscriber.c.email_key).where(
        subscriber.c.id == membership.c.subscriber,
        membership.c.list.in_(list(plan.lists)),
        membership.c.state == "member",
        subscriber.c.email_key.in_(store.suppressed_keys()),
    )
    async with office.database.read() as connection:
        reasons = {row.email_key: row.reason for row in await connection.execute(sa.select(suppression))}
        named = set(await connection.scalars(members))
    for sync in lists:
        named |= {row.key for row in sync.difference.parsed.rows if row.key in reasons} if sync.difference else set()
    return {key: reasons[key] for key in named if key in reasons}


def _left(lists: Sequence[ListSync]) -> set[EmailKey]:
    """Return the mailboxes that a file names although their place on that list was ended by a person's word."""
    differences = [sync.difference for sync in lists if sync.difference]
    return {change.key for one in differences for change in (*one.of("unsubscribed"), *one.of("blocked"))}
