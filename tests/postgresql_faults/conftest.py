"""Fixtures for faults of PostgreSQL: a server to restart, and an empty database on it for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from tests.postgresql_faults.own_server import OwnServer, database_on, own_server


@pytest.fixture(scope="session")
def server() -> Iterator[OwnServer]:
    """One for all tests of this folder."""
    with own_server() as running:
        yield running


@pytest.fixture
def url(server: OwnServer) -> Iterator[URL]:
    """An empty database of the test's own; deadlocks fail it."""
    with database_on(server) as made:
        yield made
