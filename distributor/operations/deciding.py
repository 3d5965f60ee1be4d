"""What an operator decides about mailings and copies: pause, resume, cancel, send again, settle what is unknown.

Each decision finds, looks and acts in one transaction, so that what it reports was true when it acted. Nothing is
delivered here: `distributor run`, `tick` or `send` carry on. All are safe to repeat: what is decided already changes
nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.delivery import counts, decisions
from distributor.delivery.counts import CopyLine, Counts, MailingLine
from distributor.delivery.decisions import Failed
from distributor.errors import HeldError
from distributor.identifiers import DeliveryId
from distributor.operations import membership
from distributor.operations.accounting import named_mailing
from distributor.operations.office import Office
from distributor.problems import wording
from distributor.schema import delivery, mailing

# Far below the most parameters that either database takes in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision about one mailing: how it stood before, and how many rows the decision changed."""

    before: MailingLine
    counts: Counts
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopening:
    """Copies that go again from the beginning, by the state they were in; the mailing as it stood before."""

    before: MailingLine
    reopened: Mapping[Failed, int]

    @property
    def total(self) -> int:
        """How many copies go again."""
        return sum(self.reopened.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which unknown copies: those of one mailing, to one address, both, or (None, None) all there are."""

    mailing: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """The unknown copies that were meant, and how many of them the decision changed."""

    found: tuple[CopyLine, ...]
    changed: int


async def pause(office: Office, named: str, *, reason: str) -> Decision:
    """Stop a mailing until a person resumes it; a pause that would have ended by itself does not any more.

    Changes nothing when it is finished or cancelled. Raises InputError.
    """

    async def act(tx: AsyncConnection, line: MailingLine, counted: Counts) -> int:
        return 0 if counted.is_finished else await decisions.pause(tx, line.mailing.id, reason=reason)

    return await _decide(office, named, act)


async def resume(office: Office, named: str) -> Decision:
    """Let a paused mailing go on; changes nothing when it is not paused. Raises InputError, HeldError if cancelled."""

    async def act(tx: AsyncConnection, line: MailingLine, _counted: Counts) -> int:
        _refuse_cancelled(line)
        return await decisions.resume(tx, line.mailing.id)

    return await _decide(office, named, act)


async def cancel(office: Office, named: str, *, reason: str) -> Decision:
    """End a mailing for good; `changed` counts the copies that will not go.

    Changes nothing when it is finished or cancelled already. Raises InputError.
    """

    async def act(tx: AsyncConnection, line: MailingLine, counted: Counts) -> int:
        is_done = counted.is_finished or line.mailing.state == "cancelled"
        return 0 if is_done else await decisions.cancel(tx, line.mailing.id, reason=reason)

    return await _decide(office, named, act)


async def reopen(office: Office, named: str, states: Sequence[Failed]) -> Reopening:
    """Let the refused or expired copies of a mailing go again. Raises InputError, HeldError when it was cancelled.

    An address that must not be mailed by now still gets nothing: the claim sees to that.
    """
    async with office.database.write() as tx:
        line = await named_mailing(tx, named)
        _refuse_cancelled(line)
        now = office.workspace.clock.now()
        reopened = {state: await decisions.reopen(tx, line.mailing.id, [state], at=now) for state in states}
    return Reopening(before=line, reopened=reopened)


async def unknown_copies(office: Office, which: Which) -> tuple[CopyLine, ...]:
    """Return the copies whose acceptance is unknown and about which nobody has decided, by number. Raises InputError.

    Few at any time: at most one for each connection and crash.
    """
    async with office.database.read() as connection:
        return await _unknown(connection, which)


async def resend_unknown(office: Office, which: Which) -> Settling:
    """Send those copies once more; their readers may get two. Copies of a cancelled mailing stay. Raises InputError."""
    async with office.database.write() as tx:
        found = await _unknown(tx, which)
        now = office.workspace.clock.now()
        changed = [await decisions.resend_uncertain(tx, ids, at=now) for ids in _parts(found)]
    return Settling(found=found, changed=sum(changed))


async def forgive_unknown(office: Office, which: Which, *, by: str) -> Settling:
    """Leave those copies unknown for good; the record says who decided. Raises InputError."""
    async with office.database.write() as tx:
        found = await _unknown(tx, which)
        now = office.workspace.clock.now()
        changed = [await decisions.forgive_uncertain(tx, ids, by=by, at=now) for ids in _parts(found)]
    return Settling(found=found, changed=sum(changed))


async def _decide(
    office: Office, named: str, act: Callable[[AsyncConnection, MailingLine, Counts], Awaitable[int]]
) -> Decision:
    async with office.database.write() as tx:
        line = await named_mailing(tx, named)
        counted = await counts.assert_accounted(tx, line.mailing.id)
        return Decision(before=line, counts=counted, changed=await act(tx, line, counted))


def _refuse_cancelled(line: MailingLine) -> None:
    if line.mailing.state == "cancelled":
        raise HeldError(
            wording(
                f"发送 #{line.mailing.id} 已取消，取消不能收回，没有改动",
                f"mailing #{line.mailing.id} was cancelled, which is final; nothing was changed",
            )
        )


async def _unknown(connection: AsyncConnection, which: Which) -> tuple[CopyLine, ...]:
    of = None if which.mailing is None else (await named_mailing(connection, which.mailing)).mailing.id
    # Named mailings let the index by mailing and state find the few rows among all there ever were.
    launched = sa.select(mailing.c.id).where(mailing.c.launched_at.is_not(None))
    where = [*counts.uncertain(of), *([delivery.c.mailing.in_(launched)] if of is None else [])]
    if which.address is not None:
        where.append(delivery.c.email_key == membership.address_of(which.address).key)
    return tuple([line async for line in counts.copies(connection, where)])


def _parts(found: Sequence[CopyLine]) -> list[list[DeliveryId]]:
    ids = [line.id for line in found]
    return [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
