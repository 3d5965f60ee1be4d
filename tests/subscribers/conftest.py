import pytest

from distributor.database import Database
from tests.subscribers.builders import Office


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)
