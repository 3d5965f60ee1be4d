"""The daemon: a heartbeat that ticks, and a dispatcher that sends what the ticks launch; ends cleanly when told to.

APScheduler is the heartbeat and never the truth: a memory store and one interval job. What is due stands in the
occurrence rows, so a beat that comes late, twice or from another process changes nothing. A lock file keeps a second
daemon of the same workspace out, to save work; correctness does not rest on it.
"""

import asyncio
import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from distributor.errors import AnotherProcess, ConfigError, EnvironmentFault
from distributor.operations import delivering, worker
from distributor.operations.office import Office
from distributor.problems import wording

BEAT = timedelta(seconds=20)
_LOG = logging.getLogger(__name__)


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold var/run.lock. Raises AnotherProcess where another daemon of this workspace runs."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AnotherProcess(
                wording(
                    "这个工作区已有一个 distributor run 在运行 → 先停掉它，或就用它",
                    "a `distributor run` of this workspace is running already: stop it first, or let it be",
                )
            ) from error
        yield


async def keep(office: Office, stop: asyncio.Event) -> None:
    """Tick and send until `stop` is set; messages under way end first.

    Raises ConfigError at once where nothing could be sent, and what the dispatcher raises when the ledger fails.
    """
    dispatcher = delivering.dispatcher_of(office)
    broken: list[ConfigError] = []

    async def beat() -> None:
        try:
            if (await worker.tick(office)).launched:
                dispatcher.wake()
        except EnvironmentFault as error:
            _LOG.error("a beat failed, the next one tries again", extra={"why": error.text("en")})
        except ConfigError as error:
            broken.append(error)
            stop.set()

    await beat()
    scheduler = AsyncIOScheduler(timezone=office.workspace.zone)
    scheduler.add_job(
        beat, "interval", seconds=BEAT.total_seconds(), max_instances=1, coalesce=True, misfire_grace_time=None
    )
    scheduler.start()
    try:
        await dispatcher.run(stop)
    finally:
        scheduler.shutdown(wait=False)
    if broken:
        raise broken[0]
