"""Fixtures that every room shares: real databases, one clock, one address of everything outside."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from distributor.database import Database

# A slow machine is no bug; examples are drawn afresh each time and kept nowhere.
hypothesis.settings.register_profile("house", deadline=None, database=None)
hypothesis.settings.load_profile("house")

FRIDAY_NINE = datetime(2015, 7, 10, 1, 0, tzinfo=UTC)


def _refuse_other_hosts(event: str, arguments: tuple[object, ...]) -> None:
    """Let no test talk to another machine."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    if host not in ("localhost", "::1") and not host.startswith("127."):
        raise AssertionError(f"a test tried to reach {host}")


sys.addaudithook(_refuse_other_hosts)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is installed (.ci/run), a skipped test is a failed one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("DISTRIBUTOR_NOTHING_SKIPPED"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though everything should be here: {report.longrepr}"
    return report


ROOMS_OF_FAULTS = frozenset({"faults", "host_faults", "postgresql_faults", "migrations"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What breaks servers, disks and databases takes its time: not for `make test-fast`."""
    for item in items:
        if ROOMS_OF_FAULTS & set(item.path.parts):
            item.add_marker(pytest.mark.slow)


class SetClock:
    """A clock that stands where the test puts it."""

    def __init__(self, moment: datetime = FRIDAY_NINE) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def soak_tally() -> Callable[..., None]:
    """`soak_tally("name", kills=20, duplicates=3)`: what a long run did and found, for the sums of `make soak`."""

    def add(name: str, **counts: int) -> None:
        unknown = counts.keys() - {"kills", "faults", "losses", "duplicates", "uncertain"}
        assert not unknown, f"a tally has no column for {unknown}"
        path = os.environ.get("SOAK_TALLY")
        if path:
            with Path(path).open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"name": name} | counts, ensure_ascii=False) + "\n")

    return add


def _postgresql_binaries() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return found[0] if found else None


def _run_as_server(command: list[str], **kwargs: object) -> None:
    # PostgreSQL refuses to run as root; its Debian package brings an account of its own.
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, *command], check=True, capture_output=True, **kwargs)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """A PostgreSQL of our own on a free loopback port; skipped, saying so, where no server is installed."""
    binaries = _postgresql_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="distributor-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(folder / "data")
    _run_as_server([str(binaries / "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"])
    options = f"-p {port} -h 127.0.0.1 -k {folder} -F"
    _run_as_server(
        [str(binaries / "pg_ctl"), "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start"], cwd="/tmp"
    )
    yield make_url(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
    _run_as_server([str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "stop"], cwd="/tmp")
    shutil.rmtree(folder, ignore_errors=True)


def _create(server: URL, name: str, *, template: str = "template0") -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()


def _drop(server: URL, name: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def _migrate(url: URL) -> None:
    async def open_once() -> None:
        async with Database.open(url):
            pass

    asyncio.run(open_once())


@pytest.fixture
def postgresql_url(postgresql_server: URL) -> Iterator[URL]:
    """An empty database on that server."""
    name = f"t{uuid.uuid4().hex}"
    _create(postgresql_server, name)
    yield postgresql_server.set(database=name)
    _drop(postgresql_server, name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> URL:
    return make_url(f"sqlite+aiosqlite:///{tmp_path}/distributor.db")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> URL:
    """The URL of an empty database, once on each kind; for tests that open it themselves or in other processes."""
    url: URL = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, made once and copied."""
    path = tmp_path_factory.mktemp("template") / "distributor.db"
    _migrate(make_url(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
def migrated_sqlite_url(sqlite_template: Path, sqlite_url: URL, tmp_path: Path) -> URL:
    shutil.copyfile(sqlite_template, tmp_path / "distributor.db")
    return sqlite_url


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: URL) -> str:
    """The name of a migrated database, made once and copied."""
    name = "migrated_template"
    _create(postgresql_server, name)
    _migrate(postgresql_server.set(database=name))
    return name


@pytest.fixture
def migrated_postgresql_url(postgresql_server: URL, postgresql_template: str) -> Iterator[URL]:
    name = f"t{uuid.uuid4().hex}"
    _create(postgresql_server, name, template=postgresql_template)
    yield postgresql_server.set(database=name)
    _drop(postgresql_server, name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def migrated_url(request: pytest.FixtureRequest) -> URL:
    url: URL = request.getfixturevalue(f"migrated_{request.param}_url")
    return url


@pytest.fixture
async def database(migrated_url: URL) -> AsyncIterator[Database]:
    """A migrated database, once on each kind."""
    async with Database.open(migrated_url) as opened:
        yield opened
