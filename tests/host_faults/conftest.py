"""A preload library compiled once, and a place from which commands start quickly."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import faultshim
from tests.host_faults.host_offices import Commands


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faultshim.compiled(tmp_path_factory.mktemp("faultshim"))


@pytest.fixture(scope="session")
def commands(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    running = Commands(library=shim, folder=tmp_path_factory.mktemp("commands"))
    yield running
    running.close()
