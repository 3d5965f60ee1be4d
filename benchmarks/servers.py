"""PostgreSQL for a measurement: a server of our own on a free loopback port, or an empty database on a given one.

Nothing is left behind. Unlike in the tests, the server syncs every commit to the disk: durability is what is measured.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from distributor.database import POSTGRESQL_DRIVER


def find_postgresql() -> Path | None:
    """Return the folder of the newest server binaries, None where there are none."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@contextmanager
def own_postgresql() -> Iterator[str]:
    """Yield the URL of a fresh server; SystemExit where PostgreSQL is not installed."""
    binaries = find_postgresql()
    if binaries is None:
        raise SystemExit("no PostgreSQL server here (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="distributor-bench-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cluster = str(folder / "cluster")
    start = ["-w", "-l", f"{folder}/log", "-o", f"-p {port} -h 127.0.0.1 -k {folder}", "start"]
    try:
        _as_server([str(binaries / "initdb"), "-D", cluster, "-A", "trust", "-U", "postgres", "-E", "UTF8"])
        _as_server([str(binaries / "pg_ctl"), "-D", cluster, *start])
        try:
            yield f"{POSTGRESQL_DRIVER}://postgres@127.0.0.1:{port}/postgres"
        finally:
            _as_server([str(binaries / "pg_ctl"), "-D", cluster, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_server(command: Sequence[str]) -> None:
    # PostgreSQL refuses to run as root; its Debian package brings an account of its own.
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """Yield the URL of a new database on the server that `server` names, and drop it at the end."""
    url = make_url(server).set(drivername=POSTGRESQL_DRIVER)
    name = f"bench_{uuid.uuid4().hex[:16]}"
    _tell(url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        _tell(url, f"DROP DATABASE {name} WITH (FORCE)")


def _tell(server: URL, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
