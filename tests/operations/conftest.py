from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from distributor.operations.office import Office
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace

READERS = {
    "all@example.com": "",
    "policy@example.com": "政策聚焦",
    "two@example.org": "市场热点、行业公告",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with one ready issue, three readers and an outbox for a way out."""
    root = write_workspace(tmp_path / "office")
    write_issue(root)
    write_list(root, "members", READERS)
    return root


@pytest.fixture
async def office(root: Path, clock: SetClock) -> AsyncIterator[Office]:
    async with office_in(root, clock) as opened:
        yield opened
