"""Every file operation of a sending fails once, one after the other; the mail server's journal says what came of it.

Whatever fails: nobody is lost once the command runs again without fault, nobody has more extra copies than there are
connections, the exit code is honest, and database and pages are whole.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from distributor.operations import launches
from tests.faultshim import KILL, DiskFault, Operation, operations
from tests.host_faults.host_offices import CONNECTIONS, READERS, SEND, Commands, Ended, host_office
from tests.smtp_journal_server import journal_server

ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EDQUOT": errno.EDQUOT, "killed": KILL}
SHARDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one failing operation led to."""

    was_reached: bool
    faulty: Ended
    again: Ended
    extra: int
    wrong: tuple[str, ...]


def account_of(commands: Commands, folder: Path, number: int, error: int, kinds: tuple[str, ...] = ()) -> Account:
    """Send with a fault at one operation, let leases end, send again, and hold the end against the promises."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with journal_server(folder) as server:
        office = host_office(folder / "office", server.port)
        fault = DiskFault(
            paths=[f"{office.root}/*"], kinds=kinds, at=number, error=error, journal=folder / "operations"
        )
        faulty = commands.end(office.root, *SEND, fault=fault)
        is_sound = office.is_sound()
        unwhole = office.broken_pages()
        office.let_leases_end()
        again = commands.end(office.root, *SEND)
        verdict = office.judge(server)
    marks = {line.mark for line in launches.read(office.root / "var")}
    checks = {
        f"exit code {faulty.code}": faulty.code in ((-9, 0) if error == KILL else (0, 3)),
        f"said nothing: {faulty}": faulty.code in (-9, 0) or faulty.err.strip(),
        f"said too much: {faulty.err}": not faulty.indiscretions,
        f"a database that is not intact after {faulty}": is_sound and office.is_sound(),
        f"half a page: {unwhole}": not unwhole and not office.broken_pages(),
        f"the next run: {again}": again.code == 0 and not again.indiscretions,
        f"lost {sorted(verdict.lost)}": not verdict.lost,
        f"{verdict.extra} extra copies": verdict.extra <= CONNECTIONS,
        "copies of one reader differ": verdict.are_alike,
        f"states {office.states()}": office.states() == {"accepted": READERS},
        f"a log of {len(marks)} launches": len(marks) == 1,
    }
    return Account(
        was_reached=number <= len(operations(folder / "operations")),
        faulty=faulty,
        again=again,
        extra=verdict.extra,
        wrong=tuple(what for what, holds in checks.items() if not holds),
    )


@pytest.fixture(scope="module")
def course(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> list[Operation]:
    """The file operations of a sending to which nothing happens."""
    folder = tmp_path_factory.mktemp("course")
    with journal_server(folder) as server:
        office = host_office(folder / "office", server.port)
        fault = DiskFault(paths=[f"{office.root}/*"], journal=folder / "operations")
        assert commands.end(office.root, *SEND, fault=fault).code == 0
    return operations(folder / "operations")


def first(course: list[Operation], kind: str, name: str, *, after: int = 0) -> int:
    return next(one.number for one in course if one.kind == kind and one.path.endswith(name) and one.number > after)


def launched(course: list[Operation]) -> int:
    return first(course, "sync", "launches.log")


MOMENTS: dict[str, Callable[[list[Operation]], int]] = {
    "the folder is made": lambda course: first(course, "mkdir", "/var"),
    "the database is opened": lambda course: first(course, "open", "distributor.db"),
    "its first page is written": lambda course: first(course, "write", "distributor.db"),
    "the WAL is opened": lambda course: first(course, "open", "-wal"),
    "the shared index is sized": lambda course: first(course, "truncate", "-shm"),
    "the schema is committed": lambda course: first(course, "sync", "-wal"),
    "a page is opened": lambda course: first(course, "open", "", after=first(course, "rename", "index.html")),
    "a page is flushed": lambda course: first(course, "sync", "", after=first(course, "rename", "index.html")),
    "a page is renamed": lambda course: first(course, "rename", "2015-055-a01.html"),
    "a feed is renamed": lambda course: first(course, "rename", "all.atom"),
    "the readers are frozen": lambda course: first(
        course, "sync", "-wal", after=first(course, "rename", "issues.json")
    ),
    "the launch is logged": lambda course: first(course, "write", "launches.log"),
    "the log is flushed": launched,
    "the launch is committed": lambda course: first(course, "sync", "-wal", after=launched(course)),
    "the claim is written": lambda course: first(course, "sync", "-wal", after=launched(course)) + 3,
    "the first intents are flushed": lambda course: nth_sync(course, 3),
    "the first results are flushed": lambda course: nth_sync(course, 4),
    "something in the middle": lambda course: nth_sync(course, 7),
    "the file is checkpointed": lambda course: first(course, "write", "distributor.db", after=nth_sync(course, 4)),
}


def nth_sync(course: list[Operation], ordinal: int) -> int:
    """Return the number of the `ordinal`-th commit after the launch was logged."""
    number = launched(course)
    for _one in range(ordinal):
        number = first(course, "sync", "-wal", after=number)
    return number


@pytest.mark.parametrize(("moment", "error"), list(zip(MOMENTS, list(ERRORS) * 5, strict=False)))
def test_sending_survives_a_failing_operation_when(
    moment: str, error: str, course: list[Operation], commands: Commands, tmp_path: Path
) -> None:
    found = account_of(commands, tmp_path / "one", MOMENTS[moment](course), ERRORS[error])

    assert found.was_reached
    assert found.wrong == ()


def each(commands: Commands, folder: Path, shard: int, error: int) -> Iterator[tuple[int, Account]]:
    """Yield the account of every `SHARDS`-th operation until the sending ends before it comes to that."""
    number = shard
    while (found := account_of(commands, folder, number, error)).was_reached:
        yield number, found
        number += SHARDS


@pytest.mark.soak
@pytest.mark.parametrize("shard", range(1, SHARDS + 1))
@pytest.mark.parametrize("error", ERRORS)
def test_soak_of_every_file_operation(
    error: str, shard: int, commands: Commands, tmp_path: Path, soak_tally: Callable[..., None]
) -> None:
    accounts = dict(each(commands, tmp_path / "each", shard, ERRORS[error]))

    wrong = {number: one.wrong for number, one in accounts.items() if one.wrong}
    soak_tally(
        f"file operations, {error}, part {shard}",
        **{"kills" if error == "killed" else "faults": len(accounts)},
        losses=sum("lost" in what for one in accounts.values() for what in one.wrong),
        duplicates=sum(one.extra for one in accounts.values()),
    )
    assert accounts
    assert wrong == {}
