from collections.abc import AsyncIterator

import pytest
from sqlalchemy.engine import URL

from distributor.database import Database


@pytest.fixture
async def embedded(sqlite_url: URL) -> AsyncIterator[Database]:
    """A migrated SQLite database, for rules that do not depend on which database it is."""
    async with Database.open(sqlite_url) as opened:
        yield opened
