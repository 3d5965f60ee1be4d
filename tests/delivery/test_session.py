"""One session, many ways in which a server can answer or fall silent; what the server kept is the evidence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import trustme

from distributor.delivery.compose import compose
from distributor.delivery.model import Accepted, Deferred, Envelope, Outcome, Refused, Uncertain
from distributor.delivery.servers import Server
from distributor.delivery.session import SmtpSession, Timeouts
from distributor.delivery.transport import SmtpTransport
from distributor.errors import ServerFault
from tests import smtp_servers
from tests.delivery import letters
from tests.smtp_servers import Running, Sink, Talk, scripted, serving, talking

SENDER = "weekly@news.example.com"
READER = "reader@example.org"
MESSAGE = b"Subject: hello\r\n\r\n.a line\r\n..\r\n"
QUICK = Timeouts(
    command=timedelta(milliseconds=400), final_dot=timedelta(milliseconds=400), quit=timedelta(milliseconds=200)
)
OK = b"250 OK\r\n"
PIPELINING = ("PIPELINING",)
GO = b"354 go ahead\r\n"


@pytest.fixture(params=[(), PIPELINING], ids=["lockstep", "pipelined"], autouse=True)
def announced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Every rule here holds whether or not the server takes several commands at once."""
    extensions: tuple[str, ...] = request.param
    monkeypatch.setattr(smtp_servers, "ANNOUNCED", extensions)
    return extensions


def to(recipient: str = READER) -> Envelope:
    return Envelope(sender=SENDER, recipient=recipient)


@asynccontextmanager
async def session_at(running: Running) -> AsyncIterator[SmtpSession]:
    session = await SmtpTransport(running.server(security="plaintext"), timeouts=QUICK).open()
    try:
        yield session
    finally:
        await session.close()


async def one_message(talk: Talk, message: bytes = MESSAGE) -> tuple[Outcome, bool]:
    """Send one message to a scripted server; return the outcome and whether the session can go on."""
    async with talking(talk) as running, session_at(running) as session:
        return await session.send(to(), message), session.usable


async def begin_fault(talk: Talk) -> ServerFault:
    async with talking(talk) as running, session_at(running) as session:
        with pytest.raises(ServerFault) as caught:
            await session.send(to(), MESSAGE)
        assert not session.usable
    return caught.value


async def test_many_messages_go_over_one_connection_with_one_ehlo() -> None:
    async with serving(sink := Sink()) as running, session_at(running) as session:
        outcomes = [await session.send(to(f"reader{number}@example.org"), MESSAGE) for number in range(50)]

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert [one.recipient for one in sink.received] == [f"reader{number}@example.org" for number in range(50)]
    assert {one.content for one in sink.received} == {MESSAGE}
    assert (sink.connections, sum(command.startswith("EHLO") for command in sink.commands)) == (1, 1)
    assert "RSET" not in sink.commands
    assert sink.commands[-1] == "QUIT"


async def test_a_composed_message_arrives_byte_by_byte() -> None:
    message = compose(letters.form(), letters.copy(), letters.TOKEN)

    async with serving(sink := Sink()) as running, session_at(running) as session:
        await session.send(to(), message)

    assert sink.received[0].content == message


async def test_finding_7_a_body_full_of_dots_is_one_message_as_it_was() -> None:
    hostile = b"Subject: x\r\n\r\n.\r\n..\r\n.\r\nMAIL FROM:<evil@x.test>\r\n.\r\n"

    async with serving(sink := Sink()) as running, session_at(running) as session:
        assert isinstance(await session.send(to(), hostile), Accepted)

    assert [one.content for one in sink.received] == [hostile]


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@x.test>\r\n",
        b"Subject: x\r\n\r\na\r.\r\r\n",
        b"Subject: x\r\n\r\na\x00b\r\n",
        b"Subject: x\r\n\r\nno end",
    ],
    ids=["lf", "cr", "nul", "end"],
)
async def test_finding_7_a_message_with_bare_line_ends_or_nul_never_leaves(message: bytes) -> None:
    async with serving(sink := Sink()) as running, session_at(running) as session:
        outcome = await session.send(to(), message)

    assert isinstance(outcome, Refused)
    assert not any(command.startswith("MAIL") for command in sink.commands)


@pytest.mark.parametrize(
    "recipient",
    [
        "u@y.test>\r\nRCPT TO:<v@y.test",
        "u@y.test> NOTIFY=NEVER",
        "u@y.test\n",
        " u@y.test",
        "用户@例子.cn",
        "u@例子.cn",
        "u@y.test\u200b",
    ],
)
async def test_findings_3_and_4_an_address_goes_as_it_is_or_not_at_all(recipient: str) -> None:
    async with serving(sink := Sink()) as running, session_at(running) as session:
        refused = await session.send(to(recipient), MESSAGE)
        taken = await session.send(to(), MESSAGE)

    assert isinstance(refused, Refused)
    assert isinstance(taken, Accepted)
    assert [one.recipient for one in sink.received] == [READER]


@pytest.mark.parametrize("sender", ["weekly", "a@b>\r\nRCPT TO:<c@d", "周刊@例子.cn", ""])
async def test_a_sender_that_cannot_go_on_the_wire_is_the_houses_fault(sender: str) -> None:
    async with serving(sink := Sink()) as running, session_at(running) as session:
        with pytest.raises(ServerFault):
            await session.send(Envelope(sender=sender, recipient=READER), MESSAGE)

    assert not any(command.startswith("MAIL") for command in sink.commands)


async def test_a_reserved_address_never_goes_to_a_server_elsewhere() -> None:
    async with serving(sink := Sink()) as running, session_at(running) as session:
        session._stays_here = Server(host="smtp.example.com", port=465, security="tls").is_on_this_host
        reserved = await session.send(to("reader@example.org"), MESSAGE)
        real = await session.send(to("reader@reader-domain.cn"), MESSAGE)

    assert isinstance(reserved, Refused)
    assert isinstance(real, Accepted)
    assert [one.recipient for one in sink.received] == ["reader@reader-domain.cn"]


@pytest.mark.parametrize(
    "reply",
    [
        "501 mail from address must be same as authorization user",
        "553 authentication is required",
        "440 mail from account doesn't conform with authentication",
        "550 Sender frequency limited",
        "421 4.7.0 try later",
        "451 MI:SFQ 163",
        "554 5.7.1 blocked",
        "354 what?",
    ],
)
async def test_any_refusal_at_mail_from_is_the_servers_and_charged_to_nobody(reply: str) -> None:
    async with serving(smtp_servers.RefusingSender(reply)) as running, session_at(running) as session:
        with pytest.raises(ServerFault, match=reply[:3]):
            await session.send(to(), MESSAGE)
        assert not session.usable


@pytest.mark.parametrize("answers", [(), (b"gibberish\r\n",)], ids=["lost", "garbage"])
async def test_no_answer_to_the_first_mail_from_is_the_servers_too(answers: tuple[bytes, ...]) -> None:
    fault = await begin_fault(scripted(*answers))

    assert "takes no mail" in fault.text("en")


async def test_silence_at_the_first_mail_from_is_the_servers_too() -> None:
    fault = await begin_fault(scripted(hold=True))

    assert "no answer within 0.4 s" in fault.text("en")


async def test_a_message_over_the_servers_size_is_a_fault_before_it_is_sent() -> None:
    sink = Sink()
    sink.size_limit = 1000
    async with serving(sink) as running, session_at(running) as session:
        with pytest.raises(ServerFault, match="1000"):
            await session.send(to(), b"Subject: x\r\n\r\n" + b"a" * 990 + b"\r\n")

    assert not any(command.startswith("MAIL") for command in sink.commands)


async def test_one_refused_reader_does_not_stop_the_others() -> None:
    sink = smtp_servers.RefusingRecipients({"gone@example.org": "550 5.1.1 no such user"})
    async with serving(sink) as running, session_at(running) as session:
        outcomes = [await session.send(to(address), MESSAGE) for address in ("gone@example.org", READER)]

    refused, taken = outcomes
    assert isinstance(refused, Refused)
    assert (refused.reply.code, refused.reply.enhanced, refused.reply.text) == (550, "5.1.1", "no such user")
    assert isinstance(taken, Accepted)
    assert (sink.connections, sink.commands.count("RSET")) == (1, 1)


async def test_greylisting_is_deferred_and_passes_the_next_time() -> None:
    async with serving(sink := smtp_servers.Greylisting()) as running, session_at(running) as session:
        first, second = await session.send(to(), MESSAGE), await session.send(to(), MESSAGE)

    assert isinstance(first, Deferred)
    assert isinstance(second, Accepted)
    assert len(sink.received) == 1


async def test_550_for_too_fast_is_deferred() -> None:
    sink = smtp_servers.RefusingRecipients({READER: "550 Connection frequency limited"})
    async with serving(sink) as running, session_at(running) as session:
        assert isinstance(await session.send(to(), MESSAGE), Deferred)
        assert session.usable


async def test_a_login_asked_for_at_rcpt_is_the_servers_affair() -> None:
    sink = smtp_servers.RefusingRecipients({READER: "530 5.7.0 Authentication required"})
    async with serving(sink) as running, session_at(running) as session:
        with pytest.raises(ServerFault, match="530"):
            await session.send(to(), MESSAGE)
        assert not session.usable


@pytest.mark.parametrize("place", [1, 2], ids=["rcpt", "data"])
@pytest.mark.parametrize("reply", [b"421 4.3.2 going down\r\n", b"gibberish\r\n", b"", b"299-", b"199 x\r\n"])
async def test_before_the_dot_a_lost_or_garbled_session_defers_the_copy(place: int, reply: bytes) -> None:
    outcome, usable = await one_message(scripted(*[OK] * place, reply))

    assert isinstance(outcome, Deferred)
    assert not usable


async def test_a_421_at_rcpt_is_recorded_with_its_words() -> None:
    outcome, _ = await one_message(scripted(OK, b"421 4.3.2 going down\r\n"))

    assert isinstance(outcome, Deferred)
    assert (outcome.reply.code, outcome.reply.text) == (421, "going down")


async def test_yes_instead_of_354_leaves_the_session_out_of_step() -> None:
    outcome, usable = await one_message(scripted(OK, OK, OK, hold=True))

    assert isinstance(outcome, Deferred)
    assert not usable


@pytest.mark.parametrize(("reply", "kind"), [(b"451 4.3.0 later\r\n", Deferred), (b"554 5.6.0 no\r\n", Refused)])
async def test_a_refused_data_command_is_judged_by_the_table(reply: bytes, kind: type) -> None:
    outcome, usable = await one_message(scripted(OK, OK, reply, hold=True))

    assert isinstance(outcome, kind)
    assert usable


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("550 Mail content denied", Refused),
        ("451 4.7.1 Greylisting in action", Deferred),
        ("552 5.2.2 mailbox full", Deferred),
        ("554 Reject by behaviour spam: too frequently sending", Deferred),
        ("535 5.7.8 who are you", Deferred),
    ],
)
async def test_an_answer_after_the_dot_is_judged_by_the_table(reply: str, kind: type) -> None:
    async with serving(sink := smtp_servers.RefusingContent(reply)) as running, session_at(running) as session:
        assert isinstance(await session.send(to(), MESSAGE), kind)
        assert session.usable

    assert sink.received == []


async def test_421_after_the_dot_defers_and_ends_the_session() -> None:
    outcome, usable = await one_message(scripted(OK, OK, GO, b"421 4.3.2 going down\r\n"))

    assert isinstance(outcome, Deferred)
    assert not usable


@pytest.mark.parametrize("keeps", [True, False], ids=["taken", "not taken"])
async def test_a_connection_lost_after_the_dot_leaves_the_copy_uncertain(keeps: bool) -> None:
    async with serving(sink := smtp_servers.DroppingAfterDot(keeps=keeps)) as running, session_at(running) as session:
        outcome = await session.send(to(), MESSAGE)
        assert not session.usable

    assert isinstance(outcome, Uncertain)
    assert len(sink.received) == keeps


async def test_silence_after_the_dot_leaves_the_copy_uncertain() -> None:
    async with serving(sink := smtp_servers.SilentAfterDot()) as running, session_at(running) as session:
        outcome = await session.send(to(), MESSAGE)

    assert isinstance(outcome, Uncertain)
    assert outcome.reply.text == "no answer within 0.4 s"
    assert len(sink.received) == 1


@pytest.mark.parametrize("reply", [b"gibberish\r\n", b"354 more?\r\n", b"2" * 40_000])
async def test_finding_11_garbage_after_the_dot_is_uncertain_and_never_a_refusal(reply: bytes) -> None:
    outcome, usable = await one_message(scripted(OK, OK, GO, reply))

    assert isinstance(outcome, Uncertain)
    assert not usable


async def test_finding_11_no_reply_to_data_is_deferred_within_the_time_given() -> None:
    outcome, usable = await one_message(scripted(OK, OK, hold=True))

    assert isinstance(outcome, Deferred)
    assert not usable


# More than the socket buffers of both ends hold, so that bytes stay on our side.
LARGE = b"Subject: x\r\n\r\n" + (b"a" * 76 + b"\r\n") * 200_000


async def test_a_connection_lost_in_the_middle_of_the_content_is_deferred_not_uncertain() -> None:
    outcome, usable = await one_message(smtp_servers.never_reading_content(b"421 4.3.2 enough\r\n"), LARGE)

    assert isinstance(outcome, Deferred)
    assert not usable


async def test_content_that_cannot_leave_in_time_is_deferred_not_uncertain() -> None:
    outcome, _ = await one_message(smtp_servers.never_reading_content(), LARGE)

    assert isinstance(outcome, Deferred)
    assert outcome.reply.code is None


async def test_a_yes_before_the_end_of_the_content_is_no_acceptance() -> None:
    outcome, usable = await one_message(smtp_servers.never_reading_content(b"250 2.0.0 taken\r\n"), LARGE)

    assert isinstance(outcome, Deferred)
    assert not usable


async def test_a_no_before_the_end_of_the_content_is_a_refusal() -> None:
    outcome, usable = await one_message(smtp_servers.never_reading_content(b"552 5.3.4 too big\r\n"), LARGE)

    assert isinstance(outcome, Refused)
    assert not usable


async def test_a_slow_receiver_is_waited_for() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await smtp_servers.greet(reader, writer)
        for answer in (OK, OK, GO):
            await reader.readuntil(b"\r\n")
            writer.write(answer)
        await asyncio.sleep(0.05)
        ending = b""
        while not ending.endswith(b"\r\n.\r\n"):
            ending = ending[-5:] + await reader.read(1_000_000)
        writer.write(OK)
        await reader.read()

    outcome, usable = await one_message(talk, LARGE)

    assert isinstance(outcome, Accepted)
    assert usable


@pytest.mark.parametrize("farewell", ["", "421 4.7.0 so many on each connection"])
async def test_a_session_that_the_server_ended_between_messages_says_so(farewell: str) -> None:
    async with serving(sink := smtp_servers.ClosingAfter(2, farewell)) as running, session_at(running) as session:
        outcomes = [await session.send(to(), MESSAGE) for _ in range(2)]
        await asyncio.sleep(0.02)
        assert not session.usable
        late = await session.send(to(), MESSAGE)

    assert [type(outcome) for outcome in [*outcomes, late]] == [Accepted, Accepted, Deferred]
    assert len(sink.received) == 2


@pytest.mark.parametrize("reply", ["421 4.7.0 too many", "450 MI:DMC 163", "354 what?"])
async def test_a_used_connection_that_takes_no_more_defers_one_copy_and_ends(reply: str) -> None:
    async with serving(sink := smtp_servers.TurningAwayAfter(1, reply)) as running, session_at(running) as session:
        outcomes = [await session.send(to(), MESSAGE) for _ in range(2)]
        assert not session.usable

    assert [type(outcome) for outcome in outcomes] == [Accepted, Deferred]
    assert len(sink.received) == 1


async def test_a_used_connection_that_refuses_the_sender_for_good_is_a_fault() -> None:
    sink = smtp_servers.TurningAwayAfter(1, "550 Sender frequency limited")
    async with serving(sink) as running, session_at(running) as session:
        await session.send(to(), MESSAGE)
        with pytest.raises(ServerFault, match="frequency"):
            await session.send(to(), MESSAGE)


async def test_a_refused_rset_ends_the_session_and_defers_the_next_copy() -> None:
    talk = scripted(OK, b"550 5.1.1 no such user\r\n", b"451 no reset\r\n", hold=True)
    async with talking(talk) as running, session_at(running) as session:
        outcomes = [await session.send(to(), MESSAGE) for _ in range(2)]
        assert not session.usable

    assert [type(outcome) for outcome in outcomes] == [Refused, Deferred]


async def test_a_cancelled_send_leaves_no_session_behind() -> None:
    async with serving(smtp_servers.SilentAfterDot()) as running, session_at(running) as session:
        sending = asyncio.create_task(session.send(to(), MESSAGE))
        await asyncio.sleep(0.05)
        sending.cancel()
        await asyncio.wait([sending])

        assert sending.cancelled()
        assert not session.usable


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_the_same_holds_over_tls(tls: str) -> None:
    authority = trustme.CA()
    context = smtp_servers.certificate(authority)
    message = compose(letters.form(), letters.copy(), letters.TOKEN)
    sink = smtp_servers.RefusingRecipients({"gone@example.org": "550 5.1.1 no such user"})

    async with serving(sink, tls=tls, context=context) as running:  # type: ignore[arg-type]
        session = await SmtpTransport(running.server(), timeouts=QUICK, trust=smtp_servers.trusting(authority)).open()
        outcomes = [await session.send(to(address), message) for address in (READER, "gone@example.org", READER)]
        await session.close()

    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Accepted]
    assert [one.content for one in sink.received] == [message, message]


async def test_over_tls_content_that_cannot_leave_is_not_uncertain() -> None:
    authority = trustme.CA()
    talk = smtp_servers.never_reading_content()

    async with talking(talk, context=smtp_servers.certificate(authority)) as running:
        session = await SmtpTransport(running.server(), timeouts=QUICK, trust=smtp_servers.trusting(authority)).open()
        outcome = await session.send(to(), LARGE)
        await session.close()

    assert isinstance(outcome, Deferred)


async def test_over_tls_a_connection_lost_after_the_dot_is_uncertain() -> None:
    authority = trustme.CA()
    sink = smtp_servers.DroppingAfterDot(keeps=True)

    async with serving(sink, tls="implicit", context=smtp_servers.certificate(authority)) as running:
        session = await SmtpTransport(running.server(), timeouts=QUICK, trust=smtp_servers.trusting(authority)).open()
        outcome = await session.send(to(), MESSAGE)
        await session.close()

    assert isinstance(outcome, Uncertain)
