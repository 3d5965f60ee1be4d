"""A disk that misbehaves on purpose, for processes that we start: `faultshim.c` compiled, and its settings.

A `DiskFault` says which operations under which paths are counted and which of them fails how. Counting alone tells
how many there are, so that a loop can let each fail in turn. Operations have kinds: open (for writing), write, sync,
truncate, rename, unlink, mkdir.
"""

import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
KILL = 0
"""As an error: the process is killed at this operation."""
FOR_EVER = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFault:
    """Which operations fail, and with what.

    `paths` are globs in which `*` matches slashes. The `at`-th counted operation fails with `error` (an errno) and so
    do the next ones, `times` in all; 0 lets none fail. Once `budget` bytes were written, writes fail with ENOSPC; the
    part that fits is written. Faults act, and operations count, only while the file `only_while` exists.
    """

    paths: Sequence[str]
    kinds: Sequence[str] = ()
    at: int = 0
    times: int = 1
    error: int = KILL
    budget: int | None = None
    only_while: Path | None = None
    slow_sync_ms: int = 0
    journal: Path | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that the library reads."""
        return {
            "FAULTSHIM_PATHS": ":".join(self.paths),
            "FAULTSHIM_KINDS": ":".join(self.kinds),
            "FAULTSHIM_AT": str(self.at),
            "FAULTSHIM_TIMES": str(self.times),
            "FAULTSHIM_ERROR": str(self.error),
            "FAULTSHIM_SLOW_SYNC": str(self.slow_sync_ms),
            **({} if self.budget is None else {"FAULTSHIM_BUDGET": str(self.budget)}),
            **({} if self.only_while is None else {"FAULTSHIM_WHILE": str(self.only_while)}),
            **({} if self.journal is None else {"FAULTSHIM_JOURNAL": str(self.journal)}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One line of the journal: the operation's number from 1, its kind, the absolute path."""

    number: int
    kind: str
    path: str


def operations(journal: Path) -> list[Operation]:
    """Read what one process did, in order."""
    found = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        number, kind, path = line.split(" ", 2)
        found.append(Operation(number=int(number), kind=kind, path=path))
    return found


def compiled(folder: Path) -> Path:
    """Compile the library into a folder; skips the test, saying so, where that is impossible."""
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        pytest.skip("disk faults need glibc on Linux")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here: apt-get install gcc libc6-dev")
    library = folder / "faultshim.so"
    subprocess.run(
        [compiler, "-O1", "-Wall", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"],
        check=True,
        capture_output=True,
    )
    return library
