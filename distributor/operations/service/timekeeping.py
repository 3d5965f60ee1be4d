"""Whether the wall clock can be believed: compared with time that only runs forward, and with what the rows say.

Enters: the moment of a beat and the seconds that went by for this machine. Leaves: how far the clock was moved, and
whether a beat may launch. A clock behind the rows (a flat battery, a wrong hand) is not believed for `PATIENCE`, so
that whoever sets clocks can set it; nothing is lost meanwhile, for what is due stays due. Then it is taken for right:
a house that waits for a moment years ahead would skip every week until then.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor import incidents
from distributor.incidents import Cause, News
from distributor.problems import wording
from distributor.scheduling import calendar

TOLERANCE = calendar.CLOCK_TOLERANCE
PATIENCE = timedelta(minutes=10)
REMEMBERED = timedelta(hours=1)
"""How long the report of a moved clock stands; a clock moved again after that is news again."""
BEHIND, MOVED = "behind", "moved"
_LOG = logging.getLogger(__name__)


def seconds_gone() -> float:
    """Return seconds from an unknown start that nobody can set, and that go on while the machine sleeps."""
    sleeping_too = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if sleeping_too is None else time.clock_gettime(sleeping_too)


@dataclass(slots=True)
class Watch:
    """Remembers the last beat of this process by both clocks; `host` is what its reports name."""

    host: str
    _last: tuple[datetime, float] | None = field(default=None, init=False)

    def moved(self, now: datetime, gone: float) -> timedelta:
        """Return by how much the clock was moved since the last beat; nothing within the tolerance."""
        last, self._last = self._last, (now, gone)
        if last is None:
            return timedelta(0)
        drift = (now - last[0]) - timedelta(seconds=gone - last[1])
        return drift if abs(drift) > TOLERANCE else timedelta(0)


async def judge(tx: AsyncConnection, watch: Watch, now: datetime, gone: float) -> bool:
    """Take note of both kinds of trouble and say whether this beat may launch."""
    await note_moved(tx, watch.host, watch.moved(now, gone), now)
    return await may_launch(tx, watch.host, now)


async def note_moved(tx: AsyncConnection, host: str, by: timedelta, now: datetime) -> None:
    """Report that a host's clock was moved by so much; where it was not, forget what was reported long ago."""
    subject = f"{host} {MOVED}"
    if not by:
        await _forget(tx, subject, now)
        return
    _LOG.error("the clock was moved", extra={"seconds": _seconds(by)})
    await incidents.clear(tx, Cause.CLOCK, subject, now)
    zh, en = ("快", "forward") if by > timedelta(0) else ("慢", "back")
    what = wording(f"{host} 的时钟被拨{zh}了 {abs(by)}", f"the clock of {host} was moved {en} by {abs(by)}")
    await incidents.report(tx, News(cause=Cause.CLOCK, subject=subject, what=what, remedy=_CHECK), now)


async def may_launch(tx: AsyncConnection, host: str, now: datetime) -> bool:
    """Say whether the clock is to be believed; report it where it stands behind what earlier beats wrote."""
    subject = f"{host} {BEHIND}"
    known = (await calendar.states(tx)).values()
    behind = max((max(one.last_tick_at, one.first_seen_at) - now for one in known), default=timedelta(0))
    if behind <= TOLERANCE:
        await _forget(tx, subject, now)
        return True
    raised_at = await _raised_at(tx, subject)
    if raised_at is not None and now < raised_at:
        # Set back again: the wait begins anew.
        await incidents.clear(tx, Cause.CLOCK, subject, now)
        raised_at = None
    if raised_at is None:
        await incidents.report(tx, _behind(host, subject, behind), now)
        _LOG.error("the clock stands behind earlier beats, nothing is launched", extra={"seconds": _seconds(behind)})
        return False
    return now - raised_at >= PATIENCE


async def _forget(tx: AsyncConnection, subject: str, now: datetime) -> None:
    # Not at once: two daemons whose clocks differ would raise and clear it in turn, and tell it every time.
    raised_at = await _raised_at(tx, subject)
    if raised_at is not None and abs(now - raised_at) > REMEMBERED:
        await incidents.clear(tx, Cause.CLOCK, subject, now)


async def _raised_at(tx: AsyncConnection, subject: str) -> datetime | None:
    ongoing = await incidents.ongoing(tx)
    return next((one.raised_at for one in ongoing if (one.cause, one.subject) == (Cause.CLOCK, subject)), None)


def _behind(host: str, subject: str, behind: timedelta) -> News:
    minutes = _seconds(PATIENCE) // 60
    return News(
        cause=Cause.CLOCK,
        subject=subject,
        what=wording(
            f"{host} 的时钟比上一次运行时慢 {behind}，{minutes} 分钟内不启动新的发送",
            f"the clock of {host} is {behind} behind the last run; nothing is launched for {minutes} minutes",
        ),
        remedy=_CHECK,
    )


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


_CHECK = wording(
    "检查机器的时间和 NTP（timedatectl）；到点没发的会在 catch_up 之内补发，不会发两次",
    "check the machine's time and NTP (timedatectl); what is due goes within catch_up, and nothing goes twice",
)
