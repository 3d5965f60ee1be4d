"""Workspaces whose commands run as processes of their own on a host that misbehaves, and the journal as the judge."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lxml import etree

from distributor.operations.office import make_key_file
from tests.faultshim import DiskFault
from tests.offices import REPOSITORY, write_issue, write_list, write_workspace
from tests.smtp_journal_server import JournalServer

CONNECTIONS = 4
READERS = 30
SEND = ("send", "55", "--list", "members")
# What a person may be shown: a traceback is for us, an address for nobody.
_SECRETS = re.compile(r"Traceback \(most recent call last\)|reader\d+@example\.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: its exit code (negative: a signal), and what it said."""

    code: int
    out: str
    err: str

    @property
    def indiscretions(self) -> list[str]:
        """Tracebacks and addresses in what it said."""
        return _SECRETS.findall(self.out + self.err)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the journal says: readers without a copy, extra copies, strangers, whether a reader's copies are alike."""

    lost: frozenset[str]
    extra: int
    strangers: frozenset[str]
    are_alike: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOffice:
    """A workspace with one ready issue whose mail server is the journal's."""

    root: Path
    readers: frozenset[str]

    @property
    def file(self) -> Path:
        return self.root / "var" / "distributor.db"

    def judge(self, server: JournalServer) -> Verdict:
        copies = Counter(found["recipient"] for found in server.taken)
        kinds = {(found["recipient"], found["message_id"], found["digest"]) for found in server.taken}
        return Verdict(
            lost=self.readers - copies.keys(),
            extra=sum(copies.values()) - len(copies),
            strangers=frozenset(copies.keys() - self.readers),
            are_alike=len(kinds) == len(copies),
        )

    def states(self) -> Counter[str]:
        """Return the ledger's copies by state."""
        with closing(sqlite3.connect(self.file)) as connection:
            return Counter(dict(connection.execute("SELECT state, count(*) FROM delivery GROUP BY state")))

    def is_sound(self) -> bool:
        """Say whether the database is intact; one that was never made is."""
        if not self.file.exists():
            return True
        with closing(sqlite3.connect(self.file)) as connection:
            return [row[0] for row in connection.execute("PRAGMA integrity_check")] == ["ok"]

    def let_leases_end(self) -> None:
        """Let so much time pass that what a dead process had in hand is free, and what waits for a retry is due."""
        if not self.file.exists():
            return
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in tables & {"delivery", "mailing", "seat"}:
                connection.execute(f"UPDATE {table} SET lease_until = {_earlier('lease_until')}")
            if "delivery" in tables:
                due = "state IN ('deferred', 'uncertain') AND due_at < '9999'"
                connection.execute(f"UPDATE delivery SET due_at = {_earlier('due_at')} WHERE {due}")

    def broken_pages(self) -> list[Path]:
        """Return the public files that are not whole; feeds and pages must parse to their last tag."""
        return [path for path in self.root.joinpath("var/public").rglob("[!.]*") if path.is_file() and not whole(path)]


def _earlier(column: str) -> str:
    return f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '-1 day')"


def whole(path: Path) -> bool:
    """Say whether a public file is complete; kinds that tell nothing of their end count as complete."""
    content = path.read_bytes()
    try:
        if path.suffix in (".atom", ".rss", ".xml", ".svg"):
            etree.fromstring(content)
        if path.suffix == ".json":
            json.loads(content)
    except (etree.XMLSyntaxError, ValueError):
        return False
    return path.suffix != ".html" or content.rstrip().endswith(b"</html>")


def host_office(
    root: Path, port: int, *, readers: int = READERS, changes: Mapping[str, str] | None = None, more: str = ""
) -> HostOffice:
    """Write the workspace of the sample office with a small issue for `members`."""
    smtp = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{port}"\nconnections = {CONNECTIONS}\n{more}'
    write_workspace(root, changes={'transport = "smtp"': 'transport = "smtp"', **(changes or {})}, more=smtp)
    write_issue(root)
    addresses = [f"reader{number}@example.com" for number in range(1, readers + 1)]
    write_list(root, "members", dict.fromkeys(addresses, ""))
    make_key_file(root)
    return HostOffice(root=root, readers=frozenset(addresses))


def environment(library: Path | None = None, fault: DiskFault | None = None) -> dict[str, str]:
    """Return the environment of a command, with the library that makes its disk misbehave."""
    plain = {**os.environ, "DISTRIBUTOR_LANG": "en", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    if library is not None:
        plain["LD_PRELOAD"] = str(library)
    return plain | (fault.environment() if fault else {})


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "distributor", "--root", str(root), *words]


def end(root: Path, *words: str, env: dict[str, str] | None = None, timeout: float = 120) -> Ended:
    """Run a command to its end in a Python of its own."""
    done = subprocess.run(
        command(root, *words),
        env=env or environment(),
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr)


@contextmanager
def going(
    root: Path, *words: str, env: dict[str, str] | None = None, err: IO[bytes] | int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs while the block lasts, and is killed at its end if it has not ended."""
    running = subprocess.Popen(
        command(root, *words), env=env or environment(), cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=err
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(holds: Callable[[], bool], *, seconds: float = 90) -> None:
    last = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < last, "it did not come to that"
        time.sleep(0.01)


@dataclass(slots=True, kw_only=True)
class Commands:
    """Runs commands one after the other in children of one process; each may have a disk fault of its own."""

    library: Path
    folder: Path
    _server: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("command_server.py"))],
            env=environment(self.library) | {"PYTHONPATH": "."},
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self, root: Path, *words: str, fault: DiskFault | None = None) -> Ended:
        """Run a command to its end."""
        out, err = self.folder / "out", self.folder / "err"
        for path in (out, err):
            path.write_bytes(b"")
        order = {
            "arguments": ["--root", str(root), *words],
            "environment": (fault or DiskFault(paths=())).environment(),
            "out": str(out),
            "err": str(err),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return Ended(code=int(self._server.stdout.readline()), out=out.read_text(), err=err.read_text())

    def close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(timeout=60)
        self._server.stdout.close()


def stop_in_order(running: subprocess.Popen[bytes]) -> int:
    """Send SIGTERM and return the exit code."""
    running.send_signal(signal.SIGTERM)
    return running.wait(timeout=60)
