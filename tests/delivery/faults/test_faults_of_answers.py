"""Servers that say no to some, to everybody, at the wrong place or in words nobody can read; the journal tells."""

from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.delivery import journal_steps
from tests.delivery.crash_sender import GAVE_UP
from tests.delivery.journal_steps import CONNECTIONS, SOUND, address, finish, judge, prepared, tries
from tests.smtp_journal_server import journal_server

READERS = 120
LOGIN = ("--user", "weekly@example.com", "--password", "a-password")
MEMORY_KIB = 200 * 1024


async def test_greylisted_reader_is_asked_twice_and_holds_up_nobody(sqlite_url: URL, tmp_path: Path) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, "rcpt 450 first=1 text=4.2.0_greylisted", "dot slow s=0.002") as server:
        finish(sqlite_url, server)
        found = judge(server, READERS)
        asked = [one["recipient"] for one in server.events("rcpt")]

    assert found == SOUND
    assert set(tries(server).values()) == {2}
    # The second round begins when the first is over: everybody was named once before anybody was named again.
    assert len(set(asked[:READERS])) == READERS
    assert (await journal_steps.states(sqlite_url)) == {"accepted": READERS}


async def test_readers_who_are_unknown_are_refused_after_one_try_and_the_rest_is_delivered(
    sqlite_url: URL, tmp_path: Path
) -> None:
    await prepared(sqlite_url, READERS)
    gone = {address(number) for number in range(7, READERS + 1, 10)}

    with journal_server(tmp_path, "rcpt 550 match=reader*7@* text=5.1.1_no_such_user") as server:
        finish(sqlite_url, server)
        found = judge(server, READERS)

    assert found.lost == gone == await journal_steps.in_state(sqlite_url, "refused")
    assert (found.extra, found.strangers, found.are_alike) == (0, set(), True)
    assert {tries(server)[one] for one in gone} == {1}
    assert await journal_steps.differences(sqlite_url, server) == []


# A refusal is heard once it is written down: until then each connection goes on with the two or three after it.
BLOCKS = {
    "554 at MAIL": ("mail 554 after=40 text=5.7.1_blocked", 3 + 3 * CONNECTIONS),
    "550 at RCPT": ("rcpt 550 after=40 text=5.7.1_blocked", 20 + 3 * CONNECTIONS),
}


@pytest.mark.parametrize(("rule", "most"), BLOCKS.values(), ids=BLOCKS.keys())
async def test_server_that_blocks_everybody_stops_the_sending_and_marks_nobody(
    sqlite_url: URL, tmp_path: Path, rule: str, most: int
) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, rule) as server:
        finish(sqlite_url, server, "--pauses", "1", code=GAVE_UP)
        refusals = len(server.events("fault"))
        said = await journal_steps.states(sqlite_url)
    with journal_server(tmp_path) as server:
        finish(sqlite_url, server)
        found = judge(server, READERS)

    assert 0 < refusals <= most
    assert 40 <= said["accepted"] < 40 + CONNECTIONS
    assert said["accepted"] + said["pending"] + said["deferred"] == READERS
    assert found == SOUND
    assert await journal_steps.states(sqlite_url) == {"accepted": READERS}


async def test_mailing_that_is_blocked_at_every_domain_stops_until_a_person_resumes_it(
    sqlite_url: URL, tmp_path: Path
) -> None:
    await prepared(sqlite_url, READERS)
    await journal_steps.scattered(sqlite_url)

    with journal_server(tmp_path, "rcpt 550 after=20 text=5.7.1_blocked") as server:
        finish(sqlite_url, server)
        refusals = len(server.events("fault"))
        said = await journal_steps.states(sqlite_url)
    reason = await journal_steps.resumed(sqlite_url)
    with journal_server(tmp_path) as server:
        finish(sqlite_url, server)
        found = judge(server, READERS, journal_steps.address_elsewhere)

    # Until the stop is written each connection may be at one more.
    assert 0 < refusals <= 50 + 4 * CONNECTIONS
    assert (said["refused"], said["expired"]) == (0, 0)
    assert "550 5.7.1 blocked" in reason
    assert found == SOUND
    assert await journal_steps.states(sqlite_url) == {"accepted": READERS}


NOBODYS_FAULT = {
    "no login wanted at MAIL": ("mail 530 text=5.7.0_authentication_required",),
    "no login wanted at RCPT": ("rcpt 530 text=5.7.0_authentication_required",),
    "login refused": ("auth 535 text=5.7.8_authentication_failed",),
    "login not possible now": ("auth 454 text=4.7.0_temporary_authentication_failure",),
    "TLS not available at RCPT": ("rcpt 454 text=4.7.0_TLS_not_available",),
    "too big at MAIL": ("mail 552 text=5.3.4_message_too_big",),
    "sender refused": ("mail 501 text=5.1.7_bad_sender",),
    "sender not ours": ("mail 553 text=5.7.1_sender_not_owned",),
    "sender not now": ("mail 440 text=mail_from_not_allowed",),
}


@pytest.mark.parametrize("rules", NOBODYS_FAULT.values(), ids=NOBODYS_FAULT.keys())
async def test_trouble_that_no_other_reader_would_change_charges_nobody(
    sqlite_url: URL, tmp_path: Path, rules: tuple[str, ...]
) -> None:
    readers, report = 40, tmp_path / "report.jsonl"
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, *rules) as server:
        finish(sqlite_url, server, *LOGIN, "--pauses", "1", "--report", str(report), code=GAVE_UP)
        faults = server.events("fault")

    (reason,) = [pause["reason"] for pause in journal_steps.reported(report)]
    assert 0 < len(faults) <= CONNECTIONS + 3
    assert faults[0]["action"] in reason
    assert await journal_steps.states(sqlite_url) == {"pending": readers}
    assert await journal_steps.attempts(sqlite_url) == {}


TOO_MUCH = {
    "too many recipients": "rcpt 452 p=0.1 text=4.5.3_too_many_recipients",
    "too many recipients, as RFC 821 said it": "rcpt 552 p=0.1 text=too_many_recipients",
    "no space": "rcpt 452 p=0.1 text=4.3.1_insufficient_system_storage",
    "later, at the dot": "dot 452 p=0.1 text=4.3.1_insufficient_system_storage",
}


@pytest.mark.parametrize("rule", TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_too_much_at_once_is_sent_later(sqlite_url: URL, tmp_path: Path, rule: str) -> None:
    readers = 60
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, rule, seed=3) as server:
        finish(sqlite_url, server)
        found, faults = judge(server, readers), len(server.events("fault"))

    assert faults > 0
    assert found == SOUND
    assert (await journal_steps.outcomes(sqlite_url))["deferred"] == faults


async def test_message_that_is_too_big_for_some_is_refused_for_those_alone(sqlite_url: URL, tmp_path: Path) -> None:
    readers = 60
    await prepared(sqlite_url, readers)
    small = {address(number) for number in range(1, 10)}

    with journal_server(tmp_path, "dot 552 match=reader?@* text=5.3.4_message_too_big") as server:
        finish(sqlite_url, server)
        found = judge(server, readers)

    assert found.lost == small == await journal_steps.in_state(sqlite_url, "refused")
    assert {tries(server)[one] for one in small} == {1}
    assert found.extra == 0


UNREADABLE = {
    "garbage at EHLO": ("helo garbage until=2", 0),
    "20 MB at EHLO": ("helo flood until=2", 0),
    "garbage at MAIL": ("mail garbage nth=9", 0),
    "20 MB at MAIL": ("mail flood nth=9", 0),
    "garbage at RCPT": ("rcpt garbage p=0.05", 0),
    "garbage at the dot, taken": ("dot garbage p=0.05 taken=1", 1),
    "20 MB at the dot": ("dot flood nth=9", 0),
    "Chinese in GBK": ("rcpt 450 p=0.1 text=请稍后再试 encoding=gb18030", 0),
    "Chinese in UTF-8": ("rcpt 450 p=0.1 text=请稍后再试", 0),
}


@pytest.mark.parametrize(("rule", "repeats"), UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_answer_that_nobody_can_read_costs_no_reader_and_no_memory(
    sqlite_url: URL, tmp_path: Path, rule: str, repeats: int
) -> None:
    readers, report = 60, tmp_path / "report.jsonl"
    await prepared(sqlite_url, readers)

    with journal_server(tmp_path, rule, seed=4) as server:
        finish(sqlite_url, server, "--report", str(report))
        found, faults = judge(server, readers), len(server.events("fault"))

    assert faults > 0
    assert (found.lost, found.strangers, found.extra, found.are_alike) == (set(), set(), faults * repeats, True)
    assert journal_steps.reported(report, "end")[0]["peak_kib"] < MEMORY_KIB
    assert await journal_steps.differences(sqlite_url, server) == []
