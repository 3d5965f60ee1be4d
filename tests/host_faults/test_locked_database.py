"""Another process holds the database: sending waits, loses nothing and repeats nothing; pages say come again."""

import re
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.host_faults.host_offices import (
    CONNECTIONS,
    SEND,
    HostOffice,
    command,
    end,
    environment,
    free_port,
    going,
    host_office,
    wait_for,
)
from tests.offices import REPOSITORY
from tests.smtp_journal_server import journal_server

READERS = 60


@contextmanager
def locked(office: HostOffice) -> Iterator[None]:
    """Hold the database as a backup or a person with a shell would."""
    with closing(sqlite3.connect(office.file, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("seconds", [3, pytest.param(30, marks=pytest.mark.soak)])
def test_locked_database_is_waited_for(seconds: float, tmp_path: Path, soak_tally: Callable[..., None]) -> None:
    with journal_server(tmp_path, "dot slow s=0.05") as server:
        office = host_office(tmp_path / "office", server.port, readers=READERS)
        with going(office.root, *SEND) as running:
            wait_for(lambda: len(server.taken) >= 10)
            with locked(office):
                before = len(server.taken)
                time.sleep(seconds)
                meanwhile = len(server.taken) - before
            code = running.wait(timeout=90)
        found = office.judge(server)

    soak_tally(f"locked for {seconds} s", faults=1, losses=len(found.lost), duplicates=found.extra)
    assert meanwhile <= CONNECTIONS
    assert (code, found.lost, found.extra) == (0, frozenset(), 0)
    assert office.states() == {"accepted": READERS}


def unsubscribe_link(office: HostOffice) -> str:
    """Return the path behind the one-click link of the copy that a reader got in the outbox."""
    (mail,) = (office.root / "var" / "outbox" / "new").iterdir()
    header = re.sub(rb"\r?\n[ \t]+", b" ", mail.read_bytes().partition(b"\r\n\r\n")[0])
    found = re.search(rb"List-Unsubscribe:.*?<https://[^/]+(/unsubscribe/[^>]+)>", header)
    assert found is not None
    return found[1].decode()


def post(url: str) -> tuple[int, str | None]:
    """Unsubscribe with one click (RFC 8058) and return the status and when to come again."""
    request = urllib.request.Request(url, data=b"List-Unsubscribe=One-Click", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, error.headers["Retry-After"]


@pytest.mark.soak
def test_page_that_waits_too_long_for_the_database_says_come_again(tmp_path: Path) -> None:
    changes = {'transport = "smtp"': 'transport = "outbox"', "127.0.0.1:8080": f"127.0.0.1:{free_port()}"}
    office = host_office(tmp_path / "office", 1, readers=1, changes=changes)
    end(office.root, *SEND)
    link = unsubscribe_link(office)
    with subprocess.Popen(
        command(office.root, "serve"), env=environment(), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        home = serving.stdout.readline().split()[-1].rstrip("/")
        with locked(office):
            during = post(f"{home}{link}")
        after = post(f"{home}{link}")
        serving.terminate()

    assert during == (503, "30")
    assert after == (200, None)
