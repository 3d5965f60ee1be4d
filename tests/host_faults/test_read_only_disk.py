"""A database that may only be read, or is no database: the command ends before the first message and names the path."""

import errno
from pathlib import Path

import pytest

from tests.faultshim import FOR_EVER, DiskFault
from tests.host_faults.host_offices import SEND, Commands, host_office
from tests.smtp_journal_server import journal_server

ERRORS = {"read-only file system": errno.EROFS, "no right to write": errno.EACCES}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("is_there", [True, False], ids=["file that is there", "file to be made"])
def test_database_that_may_only_be_read_stops_before_the_first_message(
    error: int, is_there: bool, commands: Commands, tmp_path: Path
) -> None:
    with journal_server(tmp_path) as server:
        office = host_office(tmp_path / "office", server.port)
        if is_there:
            assert commands.end(office.root, "status").code == 0
        fault = DiskFault(
            paths=[f"{office.root}/var*"], kinds=["open", "write", "mkdir"], at=1, times=FOR_EVER, error=error
        )
        refused = commands.end(office.root, *SEND, fault=fault)
        left = len(server.events("connect"))

    assert (refused.code, left, refused.indiscretions) == (3, 0, [])
    assert str(office.file) in refused.err


def test_folder_in_the_place_of_the_database_is_named(commands: Commands, tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = host_office(tmp_path / "office", server.port)
        office.file.mkdir(parents=True)
        refused = commands.end(office.root, *SEND)
        left = len(server.events("connect"))

    assert (refused.code, left, refused.indiscretions) == (3, 0, [])
    assert str(office.file) in refused.err
