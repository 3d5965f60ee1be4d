"""A PostgreSQL server that a test may restart, and whose log it may read; nobody else's tests are on it."""

import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.conftest import _create, _drop, _postgresql_binaries, _run_as_server


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnServer:
    """A running server; `binaries` holds pg_ctl and its like."""

    binaries: Path
    folder: Path
    url: URL

    @property
    def log(self) -> str:
        """Everything that the server has written down so far."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def restart(self) -> None:
        """Pull the server down as a crash does, and up again; returns when it takes connections."""
        self._control("-m", "immediate", "restart")

    def _control(self, *order: str) -> None:
        options = f"-p {self.url.port} -h 127.0.0.1 -k {self.folder} -F -c log_lock_waits=on"
        command = [str(self.binaries / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-l", f"{self.folder}/log"]
        _run_as_server([*command, "-o", options, *order], cwd="/tmp")


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Run a server on a free loopback port until the block ends; skipped, saying so, where none is installed."""
    binaries = _postgresql_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="distributor-pg-"))
    if folder.owner() == "root":
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(folder / "data")
    _run_as_server([str(binaries / "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"])
    server = OwnServer(
        binaries=binaries, folder=folder, url=make_url(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
    )
    server._control("start")
    try:
        yield server
    finally:
        server._control("-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database_on(server: OwnServer) -> Iterator[URL]:
    """Make an empty database; when the block ends the server must not have seen a deadlock meanwhile."""
    name, before = f"t{uuid.uuid4().hex}", len(server.log)
    _create(server.url, name)
    yield server.url.set(database=name)
    _drop(server.url, name)
    assert "deadlock detected" not in server.log[before:]
