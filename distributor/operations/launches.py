"""var/launches.log: one line per launch, on the disk before the first copy can leave.

The database could be restored from a backup older than a launch; the log then knows of a mailing that the database
does not, and nothing may go again by itself. A line is `moment channel issue send_no origin mark fingerprint`,
tab-separated, UTF-8, only ever appended and flushed to the disk (fsync) before the launch commits.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from distributor.errors import EnvironmentFault
from distributor.problems import wording

FILE_NAME = "launches.log"
_VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchLine:
    """One launch as the log keeps it; `mark` is the mailing's token mark, which no other launch shares."""

    channel: str
    issue: str
    send_no: int
    origin: str
    mark: str
    fingerprint: str

    @property
    def key(self) -> tuple[str, str, int, str]:
        """What makes two lines the same mailing."""
        return (self.channel, self.issue, self.send_no, self.origin)


def append(folder: Path, line: LaunchLine, at: datetime) -> None:
    """Write one launch and flush it to the disk. Raises EnvironmentFault; then nothing may be launched."""
    fields = (line.channel, line.issue, str(line.send_no), line.origin, line.mark, line.fingerprint)
    _write(folder, (at.isoformat(), *fields))


def void(folder: Path, mark: str, at: datetime) -> None:
    """Note that no launch of that mark happened so far, its preparation having been given up."""
    _write(folder, (at.isoformat(), _VOID, mark))


def read(folder: Path) -> tuple[LaunchLine, ...]:
    """Return every launch in the log, oldest first; those made void later and a torn last line are left out."""
    path = folder / FILE_NAME
    if not path.exists():
        return ()
    found: list[LaunchLine] = []
    for row in [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]:
        if len(row) == 3 and row[1] == _VOID:
            found = [line for line in found if line.mark != row[2]]
        elif line := _parse(row):
            found.append(line)
    return tuple(found)


def _write(folder: Path, fields: Sequence[str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_torn = _is_torn(folder / FILE_NAME)
        with (folder / FILE_NAME).open("a", encoding="utf-8") as log:
            log.write("\n" * is_torn + "\t".join(fields) + "\n")
            log.flush()
            os.fsync(log.fileno())
    except OSError as error:
        raise EnvironmentFault(
            wording(f"写不了 {folder / FILE_NAME}：{error}", f"cannot write {folder / FILE_NAME}: {error}")
        ) from error


def _is_torn(path: Path) -> bool:
    """Say whether the last line was cut short by a crash or a full disk; what follows must not become part of it."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as log:
        log.seek(-1, os.SEEK_END)
        return log.read() != b"\n"


def _parse(fields: Sequence[str]) -> LaunchLine | None:
    if len(fields) != 7 or not fields[3].isdigit():
        return None
    return LaunchLine(
        channel=fields[1],
        issue=fields[2],
        send_no=int(fields[3]),
        origin=fields[4],
        mark=fields[5],
        fingerprint=fields[6],
    )
