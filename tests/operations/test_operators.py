"""Operators are told once, whatever fails; the server's journal is the evidence."""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from distributor import incidents
from distributor.database import Database
from distributor.incidents import Cause, News
from distributor.operations.desk import operators
from distributor.operations.office import Office
from distributor.operations.workspace import open_workspace
from distributor.problems import wording
from distributor.schema import incident
from tests.conftest import FRIDAY_NINE, SetClock
from tests.offices import office_in, write_list, write_workspace
from tests.operations.ledgers import office_over
from tests.smtp_journal_server import ROOT, JournalServer, journal_server
from tests.smtp_servers import RefusingRecipients, Running, Sink, serving

TWO = ["chief@example.com", "night@example.org"]
OPERATORS = f'operators = ["{TWO[0]}", "{TWO[1]}"]'
SAMPLE = 'operators = ["ops@example.com"]'
SMTP = {'transport = "smtp"': 'transport = "smtp"'}


def news(subject: str = "weekly/2015-W28#1", cause: Cause = Cause.MISSED) -> News:
    remedy = wording("现在补发：distributor schedule send-now weekly", "run `distributor schedule send-now weekly`")
    return News(cause=cause, subject=subject, what=wording("没有发送", "it did not go"), remedy=remedy)


async def report(office: Office, *found: News) -> None:
    async with office.database.write() as tx:
        for one in found or (news(),):
            await incidents.report(tx, one, office.workspace.clock.now())


async def clear(office: Office, one: News) -> None:
    async with office.database.write() as tx:
        await incidents.clear(tx, one.cause, one.subject, office.workspace.clock.now())


async def let_leases_end(office: Office) -> None:
    async with office.database.write() as tx:
        await tx.execute(sa.update(incident).values(lease_until=FRIDAY_NINE - timedelta(days=999)))


def with_operators(office: Office, folder: Path, port: int, line: str = OPERATORS) -> Office:
    more = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{port}"\n'
    root = write_workspace(folder, changes={**SMTP, SAMPLE: line}, more=more)
    workspace = open_workspace(root, office.workspace.clock, {})
    return Office(workspace=workspace, database=office.database, keyring=office.keyring)


def office_for(database: Database, folder: Path, port: int, line: str = OPERATORS) -> Office:
    clock = SetClock()
    return with_operators(office_over(database, folder / "first", clock), folder / "office", port, line)


def letters(server: JournalServer) -> Counter[str]:
    """How many letters each address was sent, by the journal."""
    return Counter(found["recipient"] for found in server.taken)


def recipients(server: JournalServer) -> set[str]:
    return {found["recipient"] for found in server.events("rcpt")}


def message(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)


async def test_each_operator_gets_one_letter_however_often_it_beats(database: Database, tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = office_for(database, tmp_path, server.port)
        await report(office)

        sent = [await operators.tell(office) for _beat in range(4)]

    assert sent == [2, 0, 0, 0]
    assert letters(server) == dict.fromkeys(TWO, 1)


async def test_what_one_beat_raised_goes_in_one_letter(database: Database, tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = office_for(database, tmp_path, server.port)
        await report(office, news("one"), news("two"), news("#3", Cause.PAUSED))

        await operators.tell(office)

    assert letters(server) == dict.fromkeys(TWO, 1)


async def test_what_comes_back_after_it_was_over_is_told_once_more(database: Database, tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = office_for(database, tmp_path, server.port)
        for _time in range(2):
            await report(office)
            await operators.tell(office)
            await clear(office, news())
            await operators.tell(office)

    assert letters(server) == dict.fromkeys(TWO, 2)


async def test_two_daemons_that_tell_at_once_send_one_letter(database: Database, tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = office_for(database, tmp_path, server.port)
        other = Office(workspace=office.workspace, database=database, keyring=office.keyring)
        await report(office)

        sent = await asyncio.gather(*(operators.tell(one) for one in (office, other, office, other)))

    assert sorted(sent) == [0, 0, 0, 2]
    assert letters(server) == dict.fromkeys(TWO, 1)


async def test_a_process_killed_before_it_told_leaves_it_to_another_when_its_lease_ends(
    database: Database, tmp_path: Path
) -> None:
    with journal_server(tmp_path) as server:
        office = office_for(database, tmp_path, server.port)
        await report(office)
        async with database.write() as tx:
            await incidents.claim_untold(tx, "killed", operators.LEASE)
        early = await operators.tell(office)
        await let_leases_end(office)

        assert (early, await operators.tell(office)) == (0, 2)

    assert letters(server) == dict.fromkeys(TWO, 1)


async def test_a_process_killed_while_it_tells_leaves_the_rest_to_another(tmp_path: Path, clock: SetClock) -> None:
    with journal_server(tmp_path, f"rcpt hang match={TWO[1]}") as hanging:
        port = hanging.port
        more = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{port}"\n'
        root = write_workspace(tmp_path / "office", changes={**SMTP, SAMPLE: OPERATORS}, more=more)
        async with office_in(root, clock) as office:
            await report(office)
        teller = await asyncio.create_subprocess_exec(sys.executable, "-c", TELL, str(root), cwd=ROOT)
        async with asyncio.timeout(30):
            while recipients(hanging) != set(TWO):
                await asyncio.sleep(0.05)
        teller.kill()
        await teller.wait()

    async with office_in(root, clock) as office:
        with journal_server(tmp_path, port=port) as server:
            early = await operators.tell(office)
            await let_leases_end(office)

            assert (early, await operators.tell(office)) == (0, 1)

    assert letters(server) == dict.fromkeys(TWO, 1)


TELL = """
import asyncio, sys
from pathlib import Path
from distributor.operations.desk import operators
from distributor.operations.clocks import SystemClock
from tests.offices import office_in

async def main():
    async with office_in(Path(sys.argv[1]), SystemClock()) as office:
        await operators.tell(office)

asyncio.run(main())
"""


async def test_server_down_then_up_tells_everybody_once(database: Database, tmp_path: Path) -> None:
    with journal_server(tmp_path) as first:
        port = first.port
    office = office_for(database, tmp_path, port)
    await report(office)

    down = await operators.tell(office)
    too_soon = await operators.tell(office)
    await let_leases_end(office)
    with journal_server(tmp_path, port=port) as server:
        up = await operators.tell(office)

    assert (down, too_soon, up) == (0, 0, 2)
    assert letters(server) == dict.fromkeys(TWO, 1)


async def test_waits_grow_with_the_age_of_the_trouble(office: Office, clock: SetClock, tmp_path: Path) -> None:
    closed = with_operators(office, tmp_path / "smtp", 9)
    await report(closed)
    waits = []
    for age in (0, 1, 30, 60 * 24):
        clock.moment = FRIDAY_NINE + timedelta(minutes=age)
        await let_leases_end(closed)
        await operators.tell(closed)
        waits.append(await seconds_of_lease(closed))

    assert [round(wait / 60) for wait in waits] == [1, 1, 30, 240]


async def seconds_of_lease(office: Office) -> float:
    async with office.database.read() as connection:
        left = sa.func.julianday(incident.c.lease_until) - sa.func.julianday("now")
        return float(await connection.scalar(sa.select(left)) or 0) * 86_400


async def test_an_operator_who_cannot_be_reached_costs_the_other_nothing(database: Database, tmp_path: Path) -> None:
    with journal_server(tmp_path, f"rcpt 450 first=2 match={TWO[0]}") as server:
        office = office_for(database, tmp_path, server.port)
        await report(office)
        for _beat in range(4):
            await operators.tell(office)
            await let_leases_end(office)

    assert letters(server) == dict.fromkeys(TWO, 1)


async def test_no_letter_goes_to_a_subscriber_and_none_is_counted(database: Database, tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = office_for(database, tmp_path, server.port)
        write_list(office.workspace.root, "members", {"reader@example.com": ""})
        await report(office, news(), news("#3", Cause.PAUSED))
        await operators.tell(office)

    assert recipients(server) == set(TWO)
    async with database.read() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM delivery")) == 0
        assert await connection.scalar(sa.text("SELECT count(*) FROM permit")) == 0


async def test_without_operators_the_log_has_it_and_nothing_leaves(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with journal_server(tmp_path) as server:
        office = office_for(database, tmp_path, server.port, "operators = []")
        await report(office)
        for _beat in range(3):
            assert await operators.tell(office) == 0

    assert server.events("connect") == []
    assert len(errors(caplog.records)) == 1


async def test_the_log_has_each_incident_once_with_its_facts(
    office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = with_operators(office, tmp_path / "smtp", 9)
    await report(closed)
    for _beat in range(3):
        await operators.tell(closed)
        await let_leases_end(closed)

    (record,) = errors(caplog.records)
    assert (record.__dict__["cause"], record.__dict__["about"]) == ("missed", "weekly/2015-W28#1")


def errors(records: Sequence[logging.LogRecord]) -> list[logging.LogRecord]:
    return [one for one in records if one.levelno == logging.ERROR and one.name == operators.__name__]


async def test_a_server_that_says_nothing_takes_no_longer_than_our_patience(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, "PATIENCE", timedelta(seconds=1))
    with journal_server(tmp_path, "rcpt hang") as server:
        hanging = with_operators(office, tmp_path / "smtp", server.port)
        await report(hanging)
        async with asyncio.timeout(15):
            assert await operators.tell(hanging) == 0

    assert letters(server) == {}


async def test_the_outbox_takes_letters_where_nothing_may_leave(office: Office) -> None:
    await report(office)

    assert await operators.tell(office) == 1

    (file,) = (office.workspace.outbox / "new").iterdir()
    assert message(file.read_bytes())["To"] == "ops@example.com"


async def told_by(office: Office, folder: Path, line: str = OPERATORS) -> tuple[Sink, list[EmailMessage]]:
    sink = Sink()
    async with serving(sink) as running:
        mailing = with_operators(office, folder, running.port, line)
        await report(mailing, news(), news("#3 server", Cause.PAUSED), news("members", Cause.LIST_SHRUNK))
        await operators.tell(mailing)
    return sink, [message(received.content) for received in sink.received]


async def test_the_subject_says_what_is_wrong_and_the_letter_what_to_type(office: Office, tmp_path: Path) -> None:
    _sink, (letter, _other) = await told_by(office, tmp_path / "smtp")

    assert letter["Subject"] == "【要处理】节能减排信息动态：错过了一次发送（weekly/2015-W28#1），等 3 件事"
    for kind in ("plain", "html"):
        part = letter.get_body((kind,))
        assert part is not None
        text = part.get_content()
        assert "distributor schedule send-now weekly" in text
        assert "2015-07-10 09:00 +08:00" in text


async def test_a_letter_is_no_mail_of_a_list(office: Office, tmp_path: Path) -> None:
    sink, (letter, _other) = await told_by(office, tmp_path / "smtp")

    assert {received.sender for received in sink.received} == {"weekly@news.example.com"}
    assert letter["Auto-Submitted"] == "auto-generated"
    assert not [name for name in letter if name.lower().startswith("list-") or name == "Precedence"]


async def test_english_publications_write_to_operators_in_english(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path / "en", changes={'language = "zh-CN"': 'language = "en"'})
    async with office_in(root, clock) as office:
        await report(office)
        await operators.tell(office)
        (file,) = (office.workspace.outbox / "new").iterdir()

    assert message(file.read_bytes())["Subject"].startswith("[Act] ")
    assert "What to do" in message(file.read_bytes()).get_body(("html",)).get_content()  # type: ignore[union-attr]


async def test_templates_that_staff_broke_silence_nothing(office: Office, root: Path) -> None:
    (root / "templates" / "operators.html").write_text("{{ nosuch }}", encoding="utf-8")
    await report(office)

    await operators.tell(office)

    (file,) = (office.workspace.outbox / "new").iterdir()
    body = message(file.read_bytes()).get_body(("html",))
    assert body is not None
    assert "distributor schedule send-now weekly" in body.get_content()


async def test_a_refused_letter_is_tried_again_and_the_other_operator_has_his(office: Office, tmp_path: Path) -> None:
    sink = RefusingRecipients({TWO[0]: "550 5.1.1 no such user"})
    async with serving(sink) as running:
        mailing = with_operators(office, tmp_path / "smtp", running.port)
        await report(mailing)
        for _beat in range(3):
            await operators.tell(mailing)
            await let_leases_end(mailing)
        sink.replies.clear()
        await operators.tell(mailing)

    assert Counter(received.recipient for received in sink.received) == dict.fromkeys(TWO, 1)


async def test_a_second_server_is_used_where_the_first_is_down(office: Office, tmp_path: Path) -> None:
    sink = Sink()
    async with serving(sink) as running:
        mailing = _with_two_servers(office, tmp_path / "smtp", running)
        await report(mailing)

        assert await operators.tell(mailing) == 1


def _with_two_servers(office: Office, folder: Path, second: Running) -> Office:
    more = "".join(f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{port}"\n' for port in (9, second.port))
    root = write_workspace(folder, changes=SMTP, more=more)
    workspace = open_workspace(root, office.workspace.clock, {})
    return Office(workspace=workspace, database=office.database, keyring=office.keyring)
