"""Daemons that live for a few hundred milliseconds: forked from a parent that has everything imported already.

    python -m tests.daemons.keepers ROOT CLOCK

reads lines: `spawn` answers with the number of a new daemon of the workspace ROOT. Daemons beat twenty times a second
and tell the time by the file CLOCK (seconds since 1970); leases are short, because whoever holds one is killed soon.
"""

import asyncio
import functools
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from distributor.delivery.runs import Habits
from distributor.operations import daemon, delivering, launching
from distributor.operations.office import open_office
from distributor.operations.workspace import open_workspace

LEASE = timedelta(seconds=1.5)


class FileClock:
    """Shows what somebody else wrote into a file, which is replaced and never half written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        return datetime.fromtimestamp(float(self._path.read_text(encoding="ascii")), UTC)


def spawn(root: Path, clock: Path) -> int:
    """Fork a daemon, which ends only when it is killed."""
    child = os.fork()
    if child:
        return child
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
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
        assert line == "spawn\n"
        sys.stdout.write(f"{spawn(root, clock)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
