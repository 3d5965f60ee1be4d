"""The files of inbox/: which have arrived, claimed by one process at a time, and put where they are kept.

Paths enter and leave; the disk is the only door here. A lock that dies with its holder keeps processes apart, and a
claim moves a file to .taking/, out of everybody's way. What a killed process left there is claimed again, but not for
ever: a document over which processes died three times may be why.
"""

import fcntl
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

_DONE, _REFUSED, _TAKING, _LOCK = "done", "refused", ".taking", ".lock"
_ARRIVING = timedelta(minutes=10)
"""How long a Word file that ends in the middle may still be on its way."""
_LITTER = frozenset({"thumbs.db", "desktop.ini"})
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".download", ".filepart")
_DEATHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A file of ours for now; `hopeless` where processes died over it again and again."""

    path: Path
    hopeless: bool = False


@contextmanager
def alone(box: Path) -> Iterator[bool]:
    """Hold the lock of the inbox, which the kernel gives back when a process dies; False where another has it."""
    with (box / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def claim(box: Path, settled: timedelta) -> tuple[Claimed, ...]:
    """Claim what an earlier process left, then what has arrived: nothing changed in it for so long. Holds the lock."""
    taking = box / _TAKING
    taking.mkdir(exist_ok=True)
    left = [path for path in sorted(taking.iterdir()) if path.is_file() and not path.name.startswith(".")]
    names = {path.name for path in left}
    now = _file_system_time(box)
    arrived = [path for path in sorted(box.iterdir()) if path.name not in names and _has_arrived(path, now, settled)]
    return (*map(_again, left), *(Claimed(path=path.rename(taking / path.name)) for path in arrived))


def keep(claimed: Claimed, box: Path) -> Path:
    """Move a claimed file to done/ and return where it lies."""
    return _move(claimed, _free(box / _DONE, claimed.path.name))


def place_of_refusal(claimed: Claimed, box: Path) -> Path:
    """Return where a refused file will lie; the same until it does."""
    return _free(box / _REFUSED, claimed.path.name)


def set_aside(claimed: Claimed, target: Path) -> None:
    """Move a refused file to the place that `place_of_refusal` named."""
    _move(claimed, target)


def forgive(claimed: Claimed) -> None:
    """Forget its deaths: not the document was why it could not be taken in, but the disk or the database."""
    _deaths_of(claimed.path).unlink(missing_ok=True)


def is_refused(box: Path, name: str) -> bool:
    """Say whether a refused file of that name still lies there."""
    return (box / _REFUSED / name).exists()


def report_of(document: Path) -> Path:
    """Return the file that says why a document was refused."""
    return document.with_name(f"{document.name}.原因.txt")


def _file_system_time(box: Path) -> float:
    # Compared with the times of files, so it must be their clock: that of a share may differ from ours.
    os.utime(box / _LOCK)
    return (box / _LOCK).stat().st_ctime


def _has_arrived(path: Path, now: float, settled: timedelta) -> bool:
    name = path.name.lower()
    if name.startswith((".", "~")) or name.endswith(_UNFINISHED) or name in _LITTER:
        return False
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or now - found.st_ctime < settled.total_seconds():
            return False
        return now - found.st_ctime > _ARRIVING.total_seconds() or _is_whole(path)
    except OSError:
        return False


def _is_whole(path: Path) -> bool:
    with path.open("rb") as stream:
        begins_as_archive = stream.read(4) == b"PK\x03\x04"
    return not begins_as_archive or zipfile.is_zipfile(path)


def _again(path: Path) -> Claimed:
    """Count the death of whoever had it before."""
    deaths = _deaths_of(path)
    with deaths.open("ab") as tally:
        tally.write(b"+")
    return Claimed(path=path, hopeless=deaths.stat().st_size >= _DEATHS)


def _deaths_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.deaths")


def _free(place: Path, name: str) -> Path:
    place.mkdir(exist_ok=True)
    target = place / name
    number = 1
    while target.exists():
        number += 1
        target = place / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return target


def _move(claimed: Claimed, target: Path) -> Path:
    claimed.path.rename(target)
    forgive(claimed)
    return target
