"""Whatever the cause: one letter to each operator, one line in the log, none to a reader; by the server's journal."""

from collections import Counter
from pathlib import Path

import pytest

from distributor.database import Database
from distributor.incidents import Cause
from distributor.operations.desk import operators
from tests.offices import write_list
from tests.operations.test_operators import TWO, letters, news, office_for, recipients, report
from tests.smtp_journal_server import journal_server


@pytest.mark.parametrize("cause", list(Cause))
async def test_each_cause_is_one_letter_to_each_operator_and_one_line_in_the_log(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture, cause: Cause
) -> None:
    caplog.set_level("INFO")
    with journal_server(tmp_path) as server:
        office = office_for(database, tmp_path, server.port)
        write_list(office.workspace.root, "members", {"reader@example.com": ""})
        for _beat in range(3):
            await report(office, news("weekly/2015-W28#1", cause))
            await operators.tell(office)

    told = [
        one.__dict__["cause"] for one in caplog.records if one.name == operators.__name__ and "cause" in one.__dict__
    ]
    assert told == [cause]
    assert letters(server) == Counter(TWO)
    assert recipients(server) == set(TWO)
