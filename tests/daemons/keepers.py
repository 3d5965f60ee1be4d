"""Daemons that live for a few hundred milliseconds: forked from a parent that has everything imported already.

    python -m tests.daemons.keepers ROOT CLOCK

reads lines: `spawn` answers with the number of a new daemon of the workspace ROOT, `spawn LINE` with that of one which
kills itself at that line of its next launch (`DEATHS`). Daemons beat twenty times a second and tell the time by the
file CLOCK (seconds since 1970); leases are short, because whoever holds one is killed soon.
"""

import asyncio
import functools
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from distributor.delivery import counts, freezing
from distributor.delivery.model import Mailing
from distributor.delivery.runs import Habits
from distributor.operations import delivering, launching
from distributor.operations.office import open_office
from distributor.operations.service import daemon
from distributor.operations.workspace import open_workspace
from distributor.scheduling import calendar

LEASE = timedelta(seconds=1.5)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_before_the_transaction() -> None:
    async def die(*_arguments: Any) -> None:
        _die()

    freezing.launch = die


def _die_before_the_commit() -> None:
    launch = calendar.launch

    async def launch_and_die(*arguments: Any) -> bool:
        done = await launch(*arguments)
        _die()
        return done

    calendar.launch = launch_and_die


def _die_after_the_commit() -> None:
    launch, load = calendar.launch, counts.load_mailing
    launched: list[bool] = []

    async def launch_and_note(*arguments: Any) -> bool:
        launched.append(await launch(*arguments))
        return launched[-1]

    # What a launch does first once it is committed; no copy can have been claimed by then.
    async def load_or_die(*arguments: Any) -> Mailing:
        if launched:
            _die()
        return await load(*arguments)

    calendar.launch = launch_and_note
    counts.load_mailing = load_or_die


DEATHS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "logged": _die_before_the_transaction,
    "flipped": _die_before_the_commit,
    "committed": _die_after_the_commit,
}
"""After the line in launches.log, within the launching transaction, and between its commit and the first claim."""


class FileClock:
    """Shows what somebody else wrote into a file, which is replaced and never half written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        return datetime.fromtimestamp(float(self._path.read_text(encoding="ascii")), UTC)


def spawn(root: Path, clock: Path, death: str = "") -> int:
    """Fork a daemon, which ends only when it is killed, by itself where a death is named."""
    child = os.fork()
    if child:
        return child
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    DEATHS[death]()
    try:
        asyncio.run(_keep(root, FileClock(clock)))
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


async def _keep(root: Path, clock: FileClock) -> None:
    async with open_office(open_workspace(root, clock, {})) as office:
        await daemon.keep(office, asyncio.Event())


def main() -> None:
    root, clock = (Path(word) for word in sys.argv[1:])
    daemon.BEAT = timedelta(milliseconds=50)
    launching.PREPARATION_LEASE = LEASE
    delivering.Habits = functools.partial(Habits, lease=LEASE)  # type: ignore[assignment, misc]  # shorter lives
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        word, _, death = line.strip().partition(" ")
        assert word == "spawn"
        sys.stdout.write(f"{spawn(root, clock, death)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
