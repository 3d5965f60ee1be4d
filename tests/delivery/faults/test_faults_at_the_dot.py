"""What may happen between the first byte of the content and the answer to the dot; the journal is the evidence."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from distributor.delivery.session import Timeouts
from tests.delivery import journal_steps
from tests.delivery.journal_steps import SOUND, finish, judge, prepared
from tests.smtp_journal_server import journal_server

READERS = 120
MIXED = (
    "dot drop p=0.05 taken=1",
    "dot reset p=0.05 taken=1",
    "dot drop p=0.05",
    "dot reset p=0.05",
    "dot 451 p=0.05 text=4.3.0_try_later",
)


@pytest.mark.parametrize("action", ["drop", "reset"])
async def test_lost_after_the_dot_and_taken_is_one_extra_copy_each(
    sqlite_url: URL, tmp_path: Path, action: str
) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, f"dot {action} p=0.05 taken=1", seed=5) as server:
        finish(sqlite_url, server)
        found, faults = judge(server, READERS), len(server.events("fault"))

    assert faults > 0
    assert (found.lost, found.strangers, found.extra, found.are_alike) == (set(), set(), faults, True)
    assert (await journal_steps.outcomes(sqlite_url))["uncertain"] == faults
    assert await journal_steps.differences(sqlite_url, server) == []


@pytest.mark.parametrize("action", ["drop", "reset"])
async def test_lost_after_the_dot_and_not_taken_is_no_extra_copy(sqlite_url: URL, tmp_path: Path, action: str) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, f"dot {action} p=0.05", seed=6) as server:
        finish(sqlite_url, server)
        found, faults = judge(server, READERS), len(server.events("fault"))

    assert faults > 0
    assert found == SOUND
    assert (await journal_steps.outcomes(sqlite_url))["uncertain"] == faults


async def test_every_kind_of_end_after_the_dot_at_once_loses_nobody(sqlite_url: URL, tmp_path: Path) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, *MIXED, seed=7) as server:
        finish(sqlite_url, server)
        found = judge(server, READERS)
        unanswered = sum(1 for one in server.taken if not one["answered"])
        kinds = {one["action"] for one in server.events("fault")}

    assert kinds == {"drop", "reset", "451"}
    assert (found.lost, found.strangers, found.extra, found.are_alike) == (set(), set(), unanswered, True)
    assert await journal_steps.differences(sqlite_url, server) == []


async def test_under_hold_what_was_lost_after_the_dot_waits_for_a_person(sqlite_url: URL, tmp_path: Path) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, *MIXED, seed=8) as server:
        finish(sqlite_url, server, "--on-uncertain", "hold")
        found = judge(server, READERS)
        unknown = {one["recipient"] for one in server.events("fault") if one["action"] != "451"}

    assert (found.extra, found.strangers, found.are_alike) == (0, set(), True)
    assert found.lost < unknown
    assert await journal_steps.in_state(sqlite_url, "uncertain") == unknown
    assert await journal_steps.differences(sqlite_url, server) == []


def test_the_answer_to_the_dot_is_waited_for_as_long_as_rfc_5321_wants() -> None:
    assert Timeouts().final_dot >= timedelta(minutes=10)


@pytest.mark.parametrize("taken", [0, 1], ids=["not taken", "taken"])
async def test_silence_after_the_dot_holds_up_one_connection_and_is_uncertain(
    sqlite_url: URL, tmp_path: Path, taken: int
) -> None:
    await prepared(sqlite_url, READERS)
    hang = "dot hang nth=10" + " taken=1" * taken

    with journal_server(tmp_path, hang) as server:
        finish(sqlite_url, server, "--final-dot", "1.5", "--lease", "30")
        found, (fault,) = judge(server, READERS), server.events("fault")
        meanwhile = [one for one in server.taken if fault["at"] < one["at"] < fault["at"] + 1.4]

    assert (found.lost, found.strangers, found.extra, found.are_alike) == (set(), set(), taken, True)
    assert len({one["connection"] for one in meanwhile} - {fault["connection"]}) == journal_steps.CONNECTIONS - 1
    assert await journal_steps.attempts(sqlite_url) == {(fault["recipient"], "uncertain"): 1} | {
        (fault["recipient"], "accepted"): 1
    }


@pytest.mark.parametrize("action", ["drop", "reset", "451"])
async def test_ended_in_the_middle_of_the_content_is_no_extra_copy(
    sqlite_url: URL, tmp_path: Path, action: str
) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, f"body {action} p=0.05", seed=9) as server:
        finish(sqlite_url, server)
        found, faults = judge(server, READERS), len(server.events("fault"))

    assert faults > 0
    assert found == SOUND
    assert await journal_steps.differences(sqlite_url, server) == []
