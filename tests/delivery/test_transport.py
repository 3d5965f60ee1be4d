"""Connecting, TLS and login against real servers in this process; above all, where the password never goes."""

import asyncio
import base64
import logging
import socket
import traceback
from collections.abc import Awaitable
from datetime import timedelta

import pytest
import trustme
from pydantic import SecretStr

from distributor.delivery.model import Accepted, Envelope
from distributor.delivery.servers import Server
from distributor.delivery.session import Timeouts, is_reserved
from distributor.delivery.transport import SmtpTransport
from distributor.errors import ServerFault
from tests import smtp_servers
from tests.smtp_servers import Sink, scripted, serving, talking

USER, PASSWORD = "weekly@news.example.com", "authorisation-code-42"
SHORT = timedelta(milliseconds=300)
QUICK = Timeouts(connect=SHORT, command=SHORT, quit=SHORT)
ENVELOPE = Envelope(sender="weekly@news.example.com", recipient="reader@example.org")
MESSAGE = b"Subject: hello\r\n\r\n.a line\r\n"
# Everything in which a password could hide in what goes out or comes back.
SECRET_FORMS = [
    PASSWORD.encode(),
    base64.b64encode(PASSWORD.encode()),
    base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()),
]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def fault_of(opening: Awaitable[object]) -> ServerFault:
    with pytest.raises(ServerFault) as caught:
        await opening
    return caught.value


def everything_told(fault: ServerFault) -> str:
    return fault.text("zh") + fault.text("en") + repr(fault) + "".join(traceback.format_exception(fault))


async def sends(transport: SmtpTransport) -> bool:
    session = await transport.open()
    outcome = await session.send(ENVELOPE, MESSAGE)
    await session.close()
    return isinstance(outcome, Accepted)


async def test_a_relay_on_this_host_takes_mail_in_clear() -> None:
    async with serving(sink := Sink()) as running:
        transport = SmtpTransport(running.server())
        assert await sends(transport)

    assert sink.received[0].content == MESSAGE
    assert (transport.name, transport.channel) == (f"127.0.0.1:{running.port}", "smtp")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_mail_and_login_go_through_tls_alone(tls: str, authority: trustme.CA) -> None:
    sink = Sink(users={USER: PASSWORD})
    async with serving(sink, tls=tls, context=smtp_servers.certificate(authority)) as running:  # type: ignore[arg-type]
        transport = SmtpTransport(smtp_servers.login(running, USER, PASSWORD), trust=smtp_servers.trusting(authority))
        assert await sends(transport)

    assert [verb for verb in sink.commands if verb.startswith("AUTH")]
    assert all(command.split()[0] in {"EHLO", "STARTTLS"} for command in sink.heard_in_clear.decode().splitlines())
    assert sink.received[0].content == MESSAGE


async def test_a_session_shows_the_tls_that_it_goes_through(authority: trustme.CA) -> None:
    async with serving(Sink(), tls="implicit", context=smtp_servers.certificate(authority)) as running:
        session = await SmtpTransport(running.server(), trust=smtp_servers.trusting(authority)).open()
        assert session.secured is not None
        await session.close()

    async with serving(Sink()) as running:
        session = await SmtpTransport(running.server()).open()
        assert session.secured is None
        await session.close()


async def test_finding_5_a_server_that_hides_starttls_gets_no_password_and_no_mail() -> None:
    heard: list[bytes] = []
    async with talking(smtp_servers.stripping_starttls(heard)) as running:
        server = Server(
            host="127.0.0.1", port=running.port, security="starttls", user=USER, password=SecretStr(PASSWORD)
        )
        fault = await fault_of(SmtpTransport(server).open())

    assert heard == []
    assert "STARTTLS" in fault.text("en")


@pytest.mark.parametrize(
    "reply",
    [
        b"454 4.7.0 TLS not available\r\n",
        b"220 go ahead\r\n250 injected\r\n",
        b"220 ready\r\nnot tls at all",
        b"nonsense\r\n",
    ],
    ids=["454", "injected", "no-tls", "garbage"],
)
async def test_finding_5_a_failed_starttls_never_goes_on_in_clear(reply: bytes, authority: trustme.CA) -> None:
    heard: list[bytes] = []
    async with talking(smtp_servers.failing_starttls(reply, heard)) as running:
        server = Server(
            host="127.0.0.1", port=running.port, security="starttls", user=USER, password=SecretStr(PASSWORD)
        )
        await fault_of(SmtpTransport(server, timeouts=QUICK, trust=smtp_servers.trusting(authority)).open())

    assert not any(verb in b"".join(heard) for verb in (b"AUTH", b"MAIL", b"EHLO"))


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_finding_6_an_unknown_certificate_is_refused(tls: str, authority: trustme.CA) -> None:
    sink = Sink(users={USER: PASSWORD})
    async with serving(sink, tls=tls, context=smtp_servers.certificate(authority)) as running:  # type: ignore[arg-type]
        fault = await fault_of(SmtpTransport(smtp_servers.login(running, USER, PASSWORD)).open())

    assert "no trusted TLS connection" in fault.text("en")
    assert not any(form in heard.bytes for heard in sink.heard for form in SECRET_FORMS)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_finding_6_a_certificate_for_another_name_is_refused(tls: str, authority: trustme.CA) -> None:
    context = smtp_servers.certificate(authority, "other.example.com")
    async with serving(sink := Sink(), tls=tls, context=context) as running:  # type: ignore[arg-type]
        fault = await fault_of(SmtpTransport(running.server(), trust=smtp_servers.trusting(authority)).open())

    assert "no trusted TLS connection" in fault.text("en")
    assert sink.received == []


async def test_tls_to_a_port_that_speaks_none_is_a_fault_that_names_the_scheme() -> None:
    async with serving(Sink()) as running:
        server = Server(host="127.0.0.1", port=running.port, security="tls")
        fault = await fault_of(SmtpTransport(server, timeouts=QUICK).open())

    assert "smtps/smtp" in fault.text("zh")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_a_wrong_password_is_a_fault_that_does_not_show_it(
    tls: str, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sink = Sink(users={USER: "another"})
    async with serving(sink, tls=tls, context=smtp_servers.certificate(authority)) as running:  # type: ignore[arg-type]
        transport = SmtpTransport(smtp_servers.login(running, USER, PASSWORD), trust=smtp_servers.trusting(authority))
        fault = await fault_of(transport.open())

    assert "refuses the login: 535" in fault.text("en")
    assert "授权码" in fault.text("zh")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mail.")]
    assert not any(form.decode() in told for form in SECRET_FORMS for told in [*ours, everything_told(fault)])


@pytest.mark.parametrize("cut", [None, 20], ids=["whole", "cut"])
async def test_a_server_that_echoes_the_login_does_not_bring_it_into_our_messages(cut: int | None) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await smtp_servers.greet(reader, writer, "AUTH PLAIN")
        line = await reader.readline()
        writer.write(b"500 5.5.1 unknown command " + line.strip()[:cut] + b" or " + PASSWORD.encode() + b"\r\n")
        await reader.read()

    async with talking(talk) as running:
        transport = SmtpTransport(smtp_servers.login(running, USER, PASSWORD))
        fault = await fault_of(transport.open())

    assert not any(form.decode()[:8] in everything_told(fault) for form in SECRET_FORMS)
    assert "***" in fault.text("en")
    assert fault.__cause__ is None
    assert fault.__context__ is None


async def test_a_server_without_login_is_a_fault_where_one_is_set() -> None:
    async with serving(Sink()) as running:
        fault = await fault_of(SmtpTransport(smtp_servers.login(running, USER, PASSWORD)).open())

    assert "refuses the login" in fault.text("en")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"554 5.7.1 go away\r\n", "554 5.7.1 go away"),
        (b"421 HL:ICC 163 smtp4\r\n", "421 HL:ICC 163 smtp4"),
        ("554 拒绝连接\r\n".encode("gb18030"), "554 拒绝连接"),
        (b"what?\r\n", "Malformed"),
        (b"", "Unexpected EOF"),
        (b"2" * 40_000, "too long"),
    ],
    ids=["554", "421", "gbk", "garbage", "closed", "endless"],
)
async def test_a_refused_connection_is_a_fault_with_the_servers_words(reply: bytes, told: str) -> None:
    async with talking(smtp_servers.refusing_connections(reply)) as running:
        fault = await fault_of(SmtpTransport(running.server(security="plaintext")).open())

    assert told in fault.text("en")
    assert f"127.0.0.1:{running.port}" in fault.text("zh")


async def test_a_refused_ehlo_is_a_fault() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()
        writer.write(b"550 5.7.1 EHLO refused\r\n")
        await reader.read()

    async with talking(talk) as running:
        fault = await fault_of(SmtpTransport(running.server(security="plaintext")).open())

    assert "550 5.7.1 EHLO refused" in fault.text("en")


async def test_a_silent_server_is_a_fault_after_the_time_for_connecting() -> None:
    async with talking(smtp_servers.silent()) as running:
        fault = await fault_of(SmtpTransport(running.server(security="plaintext"), timeouts=QUICK).open())

    assert "Timed out" in fault.text("en")


async def test_a_port_where_nobody_listens_is_a_fault() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    fault = await fault_of(SmtpTransport(Server(host="127.0.0.1", port=port, security="plaintext")).open())

    assert "cannot reach" in fault.text("en")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example.com"], ids=["unknown", "unusable"])
async def test_a_host_that_cannot_be_found_is_a_fault(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: object, **_options: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    # No test asks a real name server; the over-long label fails before anybody is asked.
    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    fault = await fault_of(SmtpTransport(Server(host=host, port=465, security="tls")).open())

    assert "cannot reach" in fault.text("en")


async def test_every_session_is_a_connection_of_its_own() -> None:
    async with serving(sink := Sink()) as running:
        transport = SmtpTransport(running.server())
        first, second = await transport.open(), await transport.open()
        await first.close()
        await second.close()

    assert sink.connections == 2


@pytest.mark.parametrize(
    ("hostname", "said"),
    [("relay.example.com", "relay.example.com"), ("desk", "[127.0.0.1]"), ("编辑部.local", "[127.0.0.1]")],
)
async def test_ehlo_gives_a_full_name_or_an_address(hostname: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)

    async with serving(sink := Sink()) as running:
        await sends(SmtpTransport(running.server()))

    assert sink.commands[0] == f"EHLO {said}"


async def test_a_login_without_tls_is_sent_to_this_host_only() -> None:
    sink = Sink(users={USER: PASSWORD})
    async with serving(sink) as running:
        assert await sends(SmtpTransport(smtp_servers.login(running, USER, PASSWORD)))

    assert any(command.startswith("AUTH") for command in sink.commands)


@pytest.mark.parametrize(
    ("size", "sent"),
    [("SIZE 1000", "SIZE=17"), ("SIZE", ""), ("SIZE 0", ""), ("SIZE many", ""), ("SIZE " + "9" * 5000, "")],
)
async def test_the_size_limit_is_read_and_the_size_declared(size: str, sent: str) -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await smtp_servers.greet(reader, writer, size)
        heard.append(await reader.readline())

    async with talking(talk) as running:
        session = await SmtpTransport(running.server(security="plaintext")).open()
        with pytest.raises(ServerFault):
            await session.send(ENVELOPE, b"Subject: a\r\n\r\nb\r\n")

    assert heard[0] == f"MAIL FROM:<weekly@news.example.com>{' ' if sent else ''}{sent}\r\n".encode()


@pytest.mark.parametrize(
    ("address", "reserved"),
    [
        ("a@example.com", True),
        ("a@Sub.Example.ORG", True),
        ("a@x.test", True),
        ("a@qq.com", False),
        ("a@myexample.com", False),
    ],
)
def test_which_addresses_can_never_receive_mail(address: str, reserved: bool) -> None:
    assert is_reserved(address) is reserved


async def test_nothing_is_left_open_when_opening_is_cancelled() -> None:
    async with talking(smtp_servers.silent()) as running:
        opening = asyncio.create_task(SmtpTransport(running.server(security="plaintext")).open())
        await asyncio.sleep(0.02)
        opening.cancel()
        await asyncio.wait([opening])

    assert opening.cancelled()


async def test_a_session_answers_again_after_the_script_of_a_whole_message() -> None:
    talk = scripted(b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n", b"250 2.0.0 queued as 7\r\n", hold=True)
    async with talking(talk) as running:
        session = await SmtpTransport(running.server(security="plaintext"), timeouts=QUICK).open()
        outcome = await session.send(ENVELOPE, MESSAGE)
        await session.close()

    assert isinstance(outcome, Accepted)
    assert (outcome.reply.enhanced, outcome.reply.text) == ("2.0.0", "queued as 7")
