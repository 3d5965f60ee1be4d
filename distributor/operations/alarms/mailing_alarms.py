"""Mailings that need a person: paused ones, and those of which too many copies are refused.

Enters: a connection and the mailings of late. Leaves: what stands of each cause. A pause that ends by itself comes back
every few minutes while a server is down, so it counts as over only when half an hour has passed and copies are taken.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.delivery import counts
from distributor.delivery.counts import MailingLine
from distributor.identifiers import MailingId
from distributor.incidents import Cause, Incident, News
from distributor.operations.alarms.standing import Standing
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.schema import delivery
from distributor.times import local_text

CALM = timedelta(minutes=30)
REFUSED_SHARE = 0.05
"""A list in order loses one reader or two in a hundred to closed mailboxes; providers look askance at more."""
LEAST_REFUSED = 10
"""Three of ten are three people, not a sign."""
LATELY = timedelta(days=7)
_ENDS_BY_ITSELF = " server"


async def paused(
    connection: AsyncConnection,
    workspace: Workspace,
    lines: Sequence[MailingLine],
    known: Sequence[Incident],
    now: datetime,
) -> Standing:
    """Return the mailings that are paused, or were by a server that does not take mail reliably yet."""
    news = tuple(_paused(workspace, line) for line in lines if line.mailing.state == "paused")
    running = {f"#{line.mailing.id}{_ENDS_BY_ITSELF}": line for line in lines if line.mailing.state == "running"}
    kept = [
        one.subject
        for one in known
        if one.cause is Cause.PAUSED
        and one.subject in running
        and not await _is_calm(connection, running[one.subject].mailing.id, one.raised_at, now)
    ]
    return Standing(cause=Cause.PAUSED, news=news, kept=frozenset(kept))


async def refused(connection: AsyncConnection, lines: Sequence[MailingLine], now: datetime) -> Standing:
    """Return the mailings of a week of whose answered copies more than `REFUSED_SHARE` were refused."""
    news: list[News] = []
    for line in lines:
        if line.mailing.channel == "smtp" and line.launched_at and line.launched_at > now - LATELY:
            refusals = await _count(connection, line.mailing.id, ("refused",))
            if refusals < LEAST_REFUSED:
                continue
            answered = refusals + await _count(connection, line.mailing.id, counts.GOT_IT)
            if refusals > REFUSED_SHARE * answered:
                news.append(_refused(line, refusals, answered))
    return Standing(cause=Cause.REFUSALS, news=tuple(news))


async def _is_calm(connection: AsyncConnection, of: MailingId, since: datetime, now: datetime) -> bool:
    taken = sa.exists().where(
        delivery.c.mailing == of, delivery.c.state.in_(counts.GOT_IT), delivery.c.accepted_at > since
    )
    is_open = not (await counts.count_copies(connection, of)).is_finished
    return not is_open or (now - since > CALM and bool(await connection.scalar(sa.select(taken))))


async def _count(connection: AsyncConnection, of: MailingId, states: Sequence[str]) -> int:
    rows = sa.select(sa.func.count()).where(delivery.c.mailing == of, delivery.c.state.in_(states))
    return await connection.scalar(rows) or 0


def _paused(workspace: Workspace, line: MailingLine) -> News:
    number, of = line.mailing.id, line.mailing
    goes_on = line.resume_at is not None
    until = local_text(line.resume_at, workspace.zone) if line.resume_at else ""
    return News(
        cause=Cause.PAUSED,
        subject=f"#{number}{_ENDS_BY_ITSELF if goes_on else ''}",
        what=wording(
            f"{of.issue}（{of.origin}）停在中途：{of.reason}"
            + (f"\n{until} 自动再试，没有读者因此算作失败" if goes_on else "\n要有人决定才会继续"),
            f"{of.issue} ({of.origin}) stands still: {of.reason}"
            + (
                f"\nIt tries again at {until}; no reader is charged for it"
                if goes_on
                else "\nA person must let it go on"
            ),
        ),
        remedy=wording(
            f"看进度：distributor status {number}；排除原因后马上继续：distributor resume {number}",
            f"how it stands: `distributor status {number}`; "
            f"to go on at once when the cause is mended: `distributor resume {number}`",
        ),
    )


def _refused(line: MailingLine, refusals: int, answered: int) -> News:
    number, percent = line.mailing.id, f"{100 * refusals / answered:.0f}%"
    issue, origin = line.mailing.issue, line.mailing.origin
    return News(
        cause=Cause.REFUSALS,
        subject=f"#{number}",
        what=wording(
            f"{issue}（{origin}）已有回音的 {answered:,} 份里，{refusals:,} 份被拒绝（{percent}）",
            f"{issue} ({origin}): of {answered:,} copies answered, {refusals:,} were refused ({percent})",
        ),
        remedy=wording(
            f"看是哪些域名、服务器怎么说：distributor status {number}；地址大多不存在，就整理名单；"
            f"是服务商拒收，就先停下：distributor pause {number}",
            f"which domains, and what they say: `distributor status {number}`; "
            "where mailboxes are gone, clean the list; "
            f"where a provider blocks you, stop: `distributor pause {number}`",
        ),
    )
