"""What one beat does beside launching, each step for itself: what fails is logged and keeps nothing else from its turn.

Enters: an office and a step. Leaves: what the step returned, or None where it failed. `run` and `tick` share this.
"""

import logging
from collections.abc import Awaitable
from typing import TypeVar

from distributor import incidents
from distributor.errors import DistributorError
from distributor.incidents import Cause, News
from distributor.operations.alarms import watching
from distributor.operations.desk import awaiting, inbox, operators
from distributor.operations.office import Office
from distributor.operations.service import timekeeping
from distributor.operations.service.timekeeping import Watch
from distributor.operations.worker import Beat
from distributor.problems import wording

_Found = TypeVar("_Found")
_FAILED = "a step of the beat failed, the next beat tries again"
_LOG = logging.getLogger(__name__)


async def guarded(
    step: str, work: Awaitable[_Found], *, unless: tuple[type[DistributorError], ...] = ()
) -> _Found | None:
    """Return what the work returns; log why it failed and return None, for the next beat tries again.

    Raises only the errors of `unless`.
    """
    try:
        return await work
    except unless:
        raise
    except DistributorError as error:
        _LOG.error(_FAILED, extra={"step": step, "why": error.text("en")})
    except Exception:  # noqa: BLE001 - logged whole; the next beat tries again
        _LOG.exception(_FAILED, extra={"step": step})
    return None


async def is_clock_believed(office: Office, watch: Watch) -> bool:
    """Take note of a clock that was moved, and say whether it may launch. Raises DatabaseFault."""
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        return await timekeeping.judge(tx, watch, now, timekeeping.seconds_gone())


async def look_after(office: Office, beat: Beat | None) -> None:
    """Take in what came by the office road, see what needs a person, and tell operators. Raises nothing.

    `beat` is what was launched and what stayed, None where nothing was looked at: then what stayed before still stays.
    """
    await guarded("inbox", inbox.take_in(office))
    await guarded("approvals", awaiting.watch_approvals(office))
    if beat is not None:
        await guarded("alarms", watching.watch(office, beat))
    await guarded("operators", operators.tell(office))


async def report_failing(office: Office) -> None:
    """Report that nothing looks at the schedules; the next beat that does clears it. Raises DatabaseFault."""
    async with office.database.write() as tx:
        await incidents.report(tx, _FAILING, office.workspace.clock.now())


_FAILING = News(
    cause=Cause.NOT_LAUNCHED,
    subject="beat",
    what=wording(
        "连续几次都没能查看计划，到点的不会发出", "several looks at the schedules failed, nothing is launched"
    ),
    remedy=wording(
        "看日志里的原因（step=tick），排除后会自动补上", "mend what the log says (step=tick); what is due then goes"
    ),
)
