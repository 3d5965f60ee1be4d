"""Pilots: a mailing with send number 0 that shows an issue to a few readers before the rest gets it.

Renditions enter and leave with the mark of a pilot in their subject; statements say who has what the rest would send
them. Two renditions are the same when a reader could not tell them apart: the marks that every mailing draws anew and
the pilot's word in the subject do not count. Reads only.
"""

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.delivery import counts
from distributor.delivery.counts import MailingLine
from distributor.delivery.model import Mailing, State
from distributor.identifiers import EditionKey, EmailKey, MailingId
from distributor.rendering.model import Placeholders, Rendition
from distributor.schema import delivery, mailing

SEND_NO = 0
_PREFIXES = {"zh-CN": "【试发】", "en": "[Pilot] "}
_HAS_IT: tuple[State, ...] = ("pending", "claimed", "sending", "deferred", "accepted", "stored", "uncertain")
"""Copies of a pilot that arrived, perhaps arrived or are on their way; any other reader waits for the rest."""


def marked(rendition: Rendition, language: str) -> Rendition:
    """Return the rendition as a pilot's readers see it: its subject says that it is one."""
    return replace(rendition, subject=_PREFIXES[language] + rendition.subject)


async def of_occurrence(connection: AsyncConnection, occurrence: int) -> MailingLine | None:
    """Return the launched pilot of a slot, or None."""
    launched = (
        mailing.c.occurrence == occurrence,
        mailing.c.send_no == SEND_NO,
        mailing.c.launched_at.is_not(None),
    )
    found = await counts.mailings(connection, launched)
    return found[0] if found else None


async def unchanged(connection: AsyncConnection, of: MailingId) -> Mapping[MailingId, frozenset[EditionKey]]:
    """Return, for each launched pilot of a mailing's issue, the editions that are the same in that mailing.

    Only pilots with such an edition are keys; a pilot itself repeats nothing.
    """
    present = await counts.load_mailing(connection, of)
    if present.send_no == SEND_NO:
        return {}
    launched = (
        mailing.c.channel == present.channel,
        mailing.c.issue == present.issue,
        mailing.c.send_no == SEND_NO,
        mailing.c.launched_at.is_not(None),
    )
    now = await _looks(connection, present) if (found := await counts.mailings(connection, launched)) else {}
    same = {}
    for line in found:
        then = await _looks(connection, line.mailing)
        same[line.mailing.id] = frozenset(edition for edition in now if now[edition] == then.get(edition))
    return {pilot: editions for pilot, editions in same.items() if editions}


def has_it(
    pilots: Mapping[MailingId, frozenset[EditionKey]],
    email_key: sa.ColumnElement[str],
    edition: sa.ColumnElement[str],
) -> sa.ColumnElement[bool]:
    """Return the condition that a reader has that edition from a pilot, unchanged."""
    copy = delivery.alias()
    parts = [sa.and_(copy.c.mailing == pilot, copy.c.edition.in_(sorted(pilots[pilot]))) for pilot in sorted(pilots)]
    return sa.exists().where(
        sa.or_(sa.false(), *parts),
        copy.c.email_key == email_key,
        copy.c.edition == edition,
        copy.c.state.in_(_HAS_IT),
    )


async def holders(
    connection: AsyncConnection, occurrence: int, present: Mapping[EditionKey, Rendition], marks: Placeholders
) -> frozenset[tuple[EmailKey, EditionKey]]:
    """Return who has which of these editions from the pilot of a slot as it is now; `marks` are those of `present`."""
    line = await of_occurrence(connection, occurrence)
    if line is None:
        return frozenset()
    then = await _looks(connection, line.mailing)
    same = [edition for edition, one in present.items() if _unmarked(one, marks) == then.get(edition)]
    copies = sa.select(delivery.c.email_key, delivery.c.edition).where(
        delivery.c.mailing == line.mailing.id, delivery.c.edition.in_(same), delivery.c.state.in_(_HAS_IT)
    )
    return frozenset((row.email_key, row.edition) for row in await connection.execute(copies))


async def _looks(connection: AsyncConnection, of: Mailing) -> dict[EditionKey, Rendition]:
    """Return the frozen renditions of a mailing without what another mailing of the same text has otherwise."""
    renditions = await counts.load_renditions(connection, of.id)
    return {edition: _plain(rendition, of) for edition, rendition in renditions.items()}


def _plain(rendition: Rendition, of: Mailing) -> Rendition:
    subject = rendition.subject
    if of.send_no == SEND_NO:
        subject = next((subject.removeprefix(word) for word in _PREFIXES.values() if subject.startswith(word)), subject)
    return _unmarked(replace(rendition, subject=subject), Placeholders(token=of.token_mark, address=of.address_mark))


def _unmarked(rendition: Rendition, marks: Placeholders) -> Rendition:
    html, text = (
        part.replace(marks.token, "{token}").replace(marks.address, "{address}")
        for part in (rendition.html, rendition.text)
    )
    return replace(rendition, html=html, text=text)
