"""What needs a person: after every beat compared with what was raised before, raised where it is news, cleared where it
is over.

Enters: an office and what a beat did. Leaves: rows of `incident`, which `operators` tells. All is judged anew each time
from rows, files and the beat, so that a process killed anywhere forgets nothing, and two that watch at once raise one
incident. A look ahead that fails keeps nothing else from its turn. Other causes are raised and cleared where they are
noticed: RESTORED and PILOT by the beat, SETTINGS by the reload, CLOCK by the time-keeping, INBOX, DRAFT and APPROVAL by
the desk.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from distributor import incidents
from distributor.delivery import counts
from distributor.delivery.counts import MailingLine
from distributor.errors import DatabaseFault, DistributorError
from distributor.incidents import Cause, Incident, News
from distributor.operations.alarms import mailing_alarms, outlook_alarms, slot_alarms
from distributor.operations.alarms.standing import Standing
from distributor.operations.office import Office
from distributor.operations.worker import Beat
from distributor.scheduling import calendar
from distributor.scheduling.model import Occurrence
from distributor.schema import mailing

_LOG = logging.getLogger(__name__)


async def watch(office: Office, beat: Beat) -> None:
    """Raise what needs a person and clear what is over; safe to repeat. Raises DatabaseFault alone."""
    now = office.workspace.clock.now()
    async with office.database.read() as connection:
        known = await incidents.ongoing(connection)
        rows = await calendar.since(connection, now - slot_alarms.REMEMBERED)
        lines = await counts.mailings(connection, _of_late(now))
        mailings = (
            await mailing_alarms.paused(connection, office.workspace, lines, known, now),
            await mailing_alarms.refused(connection, lines, now),
        )
    outlook = await _outlook(office, rows, known, now)
    shrunk = frozenset(news.subject for one in outlook if one.cause is Cause.LIST_SHRUNK for news in one.news)
    slots = _slots(office, rows, lines, beat, shrunk)
    await _write(office, known, [*slots, *mailings, *outlook], now)


def _of_late(now: datetime) -> list[sa.ColumnElement[bool]]:
    is_paused = mailing.c.state == "paused"
    return [mailing.c.launched_at.is_not(None), is_paused | (mailing.c.launched_at > now - slot_alarms.REMEMBERED)]


def _slots(
    office: Office, rows: Sequence[Occurrence], lines: Sequence[MailingLine], beat: Beat, shrunk: frozenset[str]
) -> tuple[Standing, ...]:
    workspace, now = office.workspace, office.workspace.clock.now()
    return (
        slot_alarms.missed(workspace, rows, lines, now),
        slot_alarms.waiting(workspace, rows, beat, now),
        slot_alarms.not_launched(workspace, rows, beat, shrunk),
    )


async def _outlook(
    office: Office, rows: Sequence[Occurrence], known: Sequence[Incident], now: datetime
) -> list[Standing]:
    """Return what comes up; a check that fails is logged and says nothing, so that nothing of it ends."""
    found = [await asyncio.to_thread(outlook_alarms.disk, office.workspace, known)]
    found.append(await asyncio.to_thread(outlook_alarms.workdays, office.workspace))
    checks = (outlook_alarms.lists(office, rows, known, now), _reminders(office, known, now))
    for outcome in await asyncio.gather(*checks, return_exceptions=True):
        if isinstance(outcome, Standing):
            found.append(outcome)
        elif isinstance(outcome, DistributorError | OSError) and not isinstance(outcome, DatabaseFault):
            _LOG.warning("a look ahead failed", extra={"why": str(outcome)})
        else:
            raise outcome
    return found


async def _reminders(office: Office, known: Sequence[Incident], now: datetime) -> Standing:
    return await outlook_alarms.without_repeated(office, await outlook_alarms.reminders(office, now), known)


async def _write(office: Office, known: Sequence[Incident], found: Sequence[Standing], now: datetime) -> None:
    standing = {(news.cause, news.subject): news for one in found for news in one.news}
    looked_at = {one.cause: one.kept for one in found}
    before = {(one.cause, one.subject): one for one in known}
    fresh = [news for key, news in standing.items() if key not in before or _says_otherwise(before[key], news)]
    over = [
        (cause, subject)
        for cause, subject in before
        if cause in looked_at and subject not in looked_at[cause] and (cause, subject) not in standing
    ]
    if not fresh and not over:
        return
    async with office.database.write() as tx:
        for news in fresh:
            await incidents.report(tx, news, now)
        for cause, subject in over:
            await incidents.clear(tx, cause, subject, now)


def _says_otherwise(before: Incident, news: News) -> bool:
    return (before.what, before.remedy) != (news.what, news.remedy)
