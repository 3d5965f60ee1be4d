"""After a correction: the copies of a paused mailing that have not gone get another text.

With `ledger`, `freezing` and `decisions` the only writer of its tables. Revised renditions are added under keys such as
`market+policy@2`; those that were frozen before stay, because copies that left, or may have left, bear them. All that
changes does so in the caller's one transaction: whatever kills it, the rest has the old text or the new one. The
Message-ID of a copy depends on its reader and not on its text, so nobody can get both.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor import database
from distributor.delivery.freezing import rendition_row
from distributor.delivery.model import IN_HAND, State
from distributor.errors import AnotherProcess, HeldError
from distributor.identifiers import EditionKey, MailingId, base_edition, revised_edition, revision_of
from distributor.problems import wording
from distributor.rendering.model import InlinePicture, Rendition
from distributor.schema import attempt, delivery, mailing, rendition, rendition_picture

UNSENT: tuple[State, ...] = ("pending", "deferred", "refused", "expired")
"""Their readers have nothing; refused and expired copies may go again at a person's word or when a block ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refrozen:
    """How many unsent copies of each edition got another text, and how many keep theirs because it may have left."""

    moved: Mapping[EditionKey, int]
    kept: int


async def unsent_editions(connection: AsyncConnection, of: MailingId) -> frozenset[EditionKey]:
    """Return the editions of which a mailing has copies that have not gone, or that a sender may give back."""
    open_ones = _is_one_of("open", (*UNSENT, *IN_HAND))
    keys = sa.select(delivery.c.edition).distinct().where(delivery.c.mailing == of, open_ones)
    return frozenset(base_edition(key) for key in await connection.scalars(keys))


async def count_in_hand(connection: AsyncConnection, of: MailingId) -> int:
    """Return how many copies of a mailing some sender holds; their text cannot change."""
    held = sa.select(sa.func.count()).where(delivery.c.mailing == of, _is_one_of("held", IN_HAND))
    return await connection.scalar(held) or 0


async def refreeze(
    tx: AsyncConnection,
    of: MailingId,
    renditions: Mapping[EditionKey, Rendition],
    pictures: Iterable[InlinePicture],
) -> Refrozen:
    """Give the unsent copies of a paused mailing the texts of `renditions`, which are by edition.

    A text that is stored already is used again, so repeating it changes nothing; copies of an edition that is not
    among `renditions` keep theirs, and so do copies that were once left without an answer after the final dot. Raises
    HeldError when the mailing is not paused, AnotherProcess while somebody has copies in hand.
    """
    state = sa.select(mailing.c.state).where(mailing.c.id == of).with_for_update()
    if await tx.scalar(state) != "paused":
        raise HeldError(wording("发送没有暂停，没有换文", "the mailing is not paused; its text was not changed"))
    if await count_in_hand(tx, of):
        raise AnotherProcess(wording("还有邮件在发送进程手里，没有换文", "a sender still has copies in hand"))
    targets = await _stored(tx, of, renditions, tuple(pictures))
    moved: Counter[EditionKey] = Counter()
    for base, target in targets.items():
        moved[base] = await _move(tx, of, base, target)
    kept = sa.select(sa.func.count()).where(
        delivery.c.mailing == of,
        _is_one_of("kept", ("pending", "deferred", "uncertain")),
        sa.or_(*(_is_other_text(base, target) for base, target in targets.items()), sa.false()),
    )
    return Refrozen(moved=+moved, kept=await tx.scalar(kept) or 0)


async def _stored(
    tx: AsyncConnection,
    of: MailingId,
    renditions: Mapping[EditionKey, Rendition],
    pictures: tuple[InlinePicture, ...],
) -> dict[EditionKey, EditionKey]:
    """Return the key of each text, by edition; what is not stored yet is, under one new revision."""
    rows = await tx.execute(sa.select(rendition.c.edition, rendition.c.fingerprint).where(rendition.c.mailing == of))
    known = {(base_edition(row.edition), row.fingerprint): EditionKey(row.edition) for row in rows}
    revision = max(map(revision_of, known.values()), default=1) + 1
    targets: dict[EditionKey, EditionKey] = {}
    new: list[Rendition] = []
    for base, one in renditions.items():
        key = known.get((base, one.fingerprint)) or revised_edition(base, revision)
        targets[base] = key
        new += [] if (base, one.fingerprint) in known else [replace(one, edition=key)]
    if new:
        await tx.execute(sa.insert(rendition), [rendition_row(of, one) for one in new])
    # A Content-ID is made of the picture's bytes: one that is there already is the same picture.
    shown = [asdict(picture) | {"mailing": of} for picture in pictures]
    if new and shown:
        await tx.execute(database.upsert(tx, rendition_picture).on_conflict_do_nothing(), shown)
    return targets


async def _move(tx: AsyncConnection, of: MailingId, base: EditionKey, target: EditionKey) -> int:
    unanswered = sa.exists().where(attempt.c.delivery == delivery.c.id, attempt.c.outcome == "uncertain")
    unsent = (
        sa.update(delivery)
        .where(delivery.c.mailing == of, _is_one_of("open", UNSENT), _is_other_text(base, target), ~unanswered)
        .values(edition=target)
    )
    return (await tx.execute(unsent)).rowcount


def _is_one_of(name: str, states: tuple[State, ...]) -> sa.ColumnElement[bool]:
    return delivery.c.state.in_(sa.bindparam(name, states, expanding=True, literal_execute=True))


def _is_other_text(base: EditionKey, target: EditionKey) -> sa.ColumnElement[bool]:
    of_base = sa.or_(delivery.c.edition == base, delivery.c.edition.startswith(f"{base}@", autoescape=True))
    return sa.and_(of_base, delivery.c.edition != target)
