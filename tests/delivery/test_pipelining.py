"""Several commands in one write (RFC 2920): what goes together, and that each answer means what it would mean alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import trustme

from distributor.delivery.model import Accepted, Deferred, Envelope, Outcome, Refused
from distributor.delivery.session import SmtpSession, Timeouts
from distributor.delivery.transport import SmtpTransport
from distributor.errors import ServerFault
from tests import smtp_servers
from tests.smtp_servers import Running, Sink, Talk, serving, talking

SENDER = "weekly@news.example.com"
READER = "reader@example.org"
MESSAGE = b"Subject: hello\r\n\r\n.a line\r\n"
CONTENT = b"Subject: hello\r\n\r\n..a line\r\n.\r\n"
ENVELOPE = b"MAIL FROM:<weekly@news.example.com>\r\nRCPT TO:<reader@example.org>\r\nDATA\r\n"
QUICK = Timeouts(
    command=timedelta(milliseconds=400), final_dot=timedelta(milliseconds=400), quit=timedelta(milliseconds=200)
)
OK = b"250 OK\r\n"
GO = b"354 go ahead\r\n"
GONE = b"550 5.1.1 no such user\r\n"
NOBODY = b"503 5.5.1 no valid recipients\r\n"


def answering(heard: list[bytes], *answers: bytes, hold: bool = True) -> Talk:
    """Announce PIPELINING, then say one answer to each packet that comes; at last listen, or close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await smtp_servers.greet(reader, writer, "PIPELINING")
        for answer in answers:
            heard.append(await reader.read(65536))
            writer.write(answer)
            await writer.drain()
        while hold and (packet := await reader.read(65536)):
            heard.append(packet)

    return talk


@asynccontextmanager
async def session_at(running: Running, timeouts: Timeouts = QUICK) -> AsyncIterator[SmtpSession]:
    session = await SmtpTransport(running.server(security="plaintext"), timeouts=timeouts).open()
    try:
        yield session
    finally:
        await session.close()


async def send(session: SmtpSession, recipient: str = READER) -> Outcome:
    return await session.send(Envelope(sender=SENDER, recipient=recipient), MESSAGE)


async def one_message(*answers: bytes, hold: bool = True) -> tuple[Outcome, bool, list[bytes]]:
    """Send one message; return the outcome, whether the session can go on, and the packets the server heard."""
    heard: list[bytes] = []
    async with talking(answering(heard, *answers, hold=hold)) as running, session_at(running) as session:
        outcome, usable = await send(session), session.usable
    return outcome, usable, heard


async def fault_of(*answers: bytes) -> tuple[str, list[bytes]]:
    heard: list[bytes] = []
    async with talking(answering(heard, *answers)) as running, session_at(running) as session:
        with pytest.raises(ServerFault) as caught:
            await send(session)
        assert not session.usable
        await asyncio.sleep(0.02)
    return caught.value.text("en"), heard


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_servers, "ANNOUNCED", ("PIPELINING",))


@pytest.mark.usefixtures("announced")
async def test_where_it_is_announced_the_envelope_goes_in_one_packet() -> None:
    async with serving(sink := Sink(), enable_SMTPUTF8=False) as running, session_at(running) as session:
        assert [type(await send(session)) for _ in range(3)] == [Accepted] * 3

    assert [verb[:4] for packet in sink.packets for verb in packet.split(b"\r\n") if packet.startswith(b"MAIL")] == [
        b"MAIL",
        b"RCPT",
        b"DATA",
        b"",
    ] * 3
    assert len(sink.received) == 3


async def test_where_it_is_not_announced_every_command_waits_for_its_answer() -> None:
    async with serving(sink := Sink()) as running, session_at(running) as session:
        assert isinstance(await send(session), Accepted)

    assert [packet[:4] for packet in sink.packets] == [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"Subj", b"QUIT"]


@pytest.mark.usefixtures("announced")
async def test_after_a_no_rset_rides_ahead_in_the_same_packet() -> None:
    sink = smtp_servers.RefusingRecipients({"gone@example.org": "550 5.1.1 no such user"})
    async with serving(sink) as running, session_at(running) as session:
        outcomes = [await send(session, "gone@example.org"), await send(session)]

    assert [type(outcome) for outcome in outcomes] == [Refused, Accepted]
    assert sum(packet.startswith(b"RSET\r\nMAIL") for packet in sink.packets) == 1


class OnlyInClear(Sink):
    """Announces PIPELINING until TLS is up, as somebody in the middle could."""

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, name: str, replies: list[str]) -> list[str]:  # noqa: N802
        session.host_name = name
        return replies if session.ssl else [*replies[:-1], "250-PIPELINING", replies[-1]]


async def test_what_was_announced_before_tls_counts_for_nothing() -> None:
    authority = trustme.CA()
    async with serving(sink := OnlyInClear(), tls="starttls", context=smtp_servers.certificate(authority)) as running:
        session = await SmtpTransport(running.server(), timeouts=QUICK, trust=smtp_servers.trusting(authority)).open()
        assert isinstance(await send(session), Accepted)
        await session.close()

    assert not any(b"\r\nRCPT" in packet for packet in sink.packets)


@pytest.mark.usefixtures("announced")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_nothing_goes_along_with_starttls_or_a_login(tls: str) -> None:
    authority, sink = trustme.CA(), Sink(users={"weekly": "secret"})
    async with serving(sink, tls=tls, context=smtp_servers.certificate(authority)) as running:  # type: ignore[arg-type]
        server = smtp_servers.login(running, "weekly", "secret")
        session = await SmtpTransport(server, timeouts=QUICK, trust=smtp_servers.trusting(authority)).open()
        assert isinstance(await send(session), Accepted)
        await session.close()

    alone = [packet for packet in sink.packets if packet.startswith((b"EHLO", b"STARTTLS", b"AUTH"))]
    assert all(packet.count(b"\r\n") == 1 for packet in alone)
    assert ENVELOPE.replace(b"example.com>", b"example.com> SIZE=27") in sink.packets


@pytest.mark.parametrize("answer", [b"250 2.0.0 queued\r\n", b"554 5.5.1 no valid recipients\r\n", b"451 later\r\n"])
async def test_told_to_go_on_for_a_refused_reader_we_send_a_lone_dot_and_go_on(answer: bytes) -> None:
    heard: list[bytes] = []
    script = (OK + GONE + GO, answer, OK + OK + OK + GO, b"250 2.0.0 taken\r\n")
    async with talking(answering(heard, *script)) as running, session_at(running) as session:
        outcomes = [await send(session) for _ in range(2)]

    assert [type(outcome) for outcome in outcomes] == [Refused, Accepted]
    assert heard == [ENVELOPE, b".\r\n", b"RSET\r\n" + ENVELOPE, CONTENT, b"QUIT\r\n"]


@pytest.mark.parametrize("answer", [b"421 4.3.2 bye\r\n", b"354 more?\r\n", b"gibberish\r\n", b""])
async def test_a_lone_dot_without_a_sound_answer_ends_the_session_and_changes_no_outcome(answer: bytes) -> None:
    outcome, usable, _ = await one_message(OK + GONE + GO, answer)

    assert isinstance(outcome, Refused)
    assert not usable


async def test_a_reader_and_the_content_both_declined_needs_no_dot() -> None:
    outcome, usable, heard = await one_message(OK + GONE + NOBODY)

    assert isinstance(outcome, Refused)
    assert usable
    assert heard == [ENVELOPE, b"QUIT\r\n"]


@pytest.mark.parametrize("rest", [b"421 4.3.2 bye\r\n", b"gibberish\r\n", b""])
async def test_a_session_lost_behind_a_refusal_leaves_it_a_refusal(rest: bytes) -> None:
    outcome, usable, heard = await one_message(OK + GONE + rest, hold=False)

    assert isinstance(outcome, Refused)
    assert not usable
    assert heard == [ENVELOPE]


async def test_a_yes_to_data_after_a_refusal_means_that_no_answer_can_be_relied_on() -> None:
    outcome, usable, heard = await one_message(OK + GONE + OK)

    assert isinstance(outcome, Deferred)
    assert outcome.reply.code is None
    assert not usable
    assert heard == [ENVELOPE]


async def test_go_on_said_to_the_reader_is_out_of_order_and_gets_no_dot() -> None:
    outcome, usable, heard = await one_message(OK + GO + GO)

    assert isinstance(outcome, Deferred)
    assert not usable
    assert heard == [ENVELOPE]


async def test_a_login_wanted_at_rcpt_ends_the_content_before_we_leave() -> None:
    told, heard = await fault_of(OK + b"530 5.7.0 Authentication required\r\n" + GO, NOBODY)

    assert "530" in told
    assert heard == [ENVELOPE, b".\r\n", b"QUIT\r\n"]


async def test_a_refused_sender_is_the_servers_fault_whatever_the_rest_is_told() -> None:
    told, heard = await fault_of(b"553 5.7.1 not yours\r\n" + NOBODY + NOBODY)

    assert "553" in told
    assert heard == [ENVELOPE, b"QUIT\r\n"]


async def test_after_a_refused_sender_nothing_is_said_to_a_server_that_wants_content() -> None:
    told, heard = await fault_of(b"553 5.7.1 not yours\r\n" + NOBODY + GO)

    assert "553" in told
    assert heard == [ENVELOPE]


async def test_a_421_ends_the_waiting_for_the_other_answers() -> None:
    patient = Timeouts(quit=timedelta(milliseconds=200))
    heard: list[bytes] = []
    async with talking(answering(heard, b"421 4.7.0 too many\r\n")) as running, session_at(running, patient) as session:
        async with asyncio.timeout(10):
            with pytest.raises(ServerFault, match="421"):
                await send(session)

    assert heard == [ENVELOPE]


@pytest.mark.parametrize("said", [OK, OK + OK, OK + OK + b"35"], ids=["mail", "rcpt", "half"])
async def test_a_connection_lost_between_the_answers_defers_the_copy(said: bytes) -> None:
    outcome, usable, heard = await one_message(said, hold=False)

    assert isinstance(outcome, Deferred)
    assert not usable
    assert heard == [ENVELOPE]


@pytest.mark.parametrize("ahead", [b"250 2.0.0 taken\r\n", b"250 2.0.0 ta"], ids=["whole", "begun"])
async def test_an_answer_ahead_of_the_content_accepts_nothing_and_no_content_leaves(ahead: bytes) -> None:
    outcome, usable, heard = await one_message(OK + OK + GO + ahead)

    assert isinstance(outcome, Deferred)
    assert not usable
    assert heard == [ENVELOPE]


async def test_answers_that_are_shifted_by_one_never_let_the_content_go() -> None:
    heard: list[bytes] = []
    script = (OK + OK + GO, b"250 2.0.0 taken\r\n", b"250 2.0.0 taken\r\n" + OK + OK + GO)
    async with talking(answering(heard, *script)) as running, session_at(running) as session:
        taken, shifted = await send(session), await send(session)
        assert not session.usable

    assert isinstance(taken, Accepted)
    assert isinstance(shifted, Deferred)
    assert heard == [ENVELOPE, CONTENT, ENVELOPE]


async def test_each_answer_has_the_time_of_a_command_for_itself() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await smtp_servers.greet(reader, writer, "PIPELINING")
        await reader.read(65536)
        for answer in (OK, OK, GO):
            await asyncio.sleep(0.4)
            writer.write(answer)
        await reader.read(65536)
        writer.write(OK)
        await reader.read()

    slow = Timeouts(command=timedelta(seconds=1), quit=timedelta(milliseconds=200))
    async with talking(talk) as running, session_at(running, slow) as session:
        assert isinstance(await send(session), Accepted)


async def test_a_sender_is_tried_in_one_packet_without_any_content() -> None:
    heard: list[bytes] = []
    async with talking(answering(heard, OK + OK)) as running, session_at(running) as session:
        await session.try_sender(SENDER, 1000)

    assert heard == [b"MAIL FROM:<weekly@news.example.com>\r\nRSET\r\n", b"QUIT\r\n"]


@pytest.mark.parametrize(
    ("answers", "told"),
    [(b"553 5.7.1 not yours\r\n" + OK, "refuses the sender: 553"), (OK + GONE, "takes no mail: 550")],
)
async def test_a_sender_or_reset_that_is_declined_on_trial_is_a_fault(answers: bytes, told: str) -> None:
    async with talking(answering([], answers)) as running, session_at(running) as session:
        with pytest.raises(ServerFault) as caught:
            await session.try_sender(SENDER, 1000)

    assert told in caught.value.text("en")
