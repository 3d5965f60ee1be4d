"""Mail servers to send to, in this process and on a free loopback port: a sound one, and many that misbehave.

Each way of misbehaving is one small class over `Sink` (real aiosmtpd) or one small function over `talking` (raw
bytes, for what aiosmtpd could never say). What `sink.received` holds is the evidence of a test, not our own report.

    async with serving(Greylisting()) as running:          # plain; tls="implicit" or "starttls" with a context
        transport = SmtpTransport(running.server())
"""

# ruff: noqa: N802 - aiosmtpd names its hooks so

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from distributor.delivery.servers import Security, Server

HOST = "127.0.0.1"
ANNOUNCED: tuple[str, ...] = ()
"""What every server here offers in EHLO besides its own; tests that must hold with PIPELINING too set it."""
_SECURITY: dict[str, Security] = {"none": "plaintext", "starttls": "starttls", "implicit": "tls"}


@dataclass(frozen=True, slots=True)
class Received:
    """One message that a server took responsibility for."""

    sender: str
    recipient: str
    content: bytes
    connection: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Bytes as they came from the client, and whether they came through TLS."""

    secured: bool
    bytes: bytes


@dataclass(slots=True)
class Running:
    """A server that listens; `server()` is how our side is told of it."""

    port: int
    tls: str = "none"
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def server(self, **changes: Any) -> Server:
        found = Server(host=HOST, port=self.port, security=_SECURITY[self.tls])
        return replace(found, **changes)


class Sink:
    """Takes every message; the base of those that do not. Hooks are aiosmtpd's."""

    size_limit = 33_554_432

    def __init__(self, users: dict[str, str] | None = None) -> None:
        self.users = users or {}
        self.received: list[Received] = []
        self.heard: list[Heard] = []
        self.connections = 0

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, name: str, replies: list[str]) -> list[str]:
        session.host_name = name
        return [*replies[:-1], *(f"250-{extension}" for extension in ANNOUNCED), replies[-1]]

    @property
    def packets(self) -> list[bytes]:
        """What came, in the packets in which it came."""
        return [heard.bytes for heard in self.heard]

    @property
    def commands(self) -> list[str]:
        """The command lines in order, without those inside a message."""
        lines = b"".join(heard.bytes for heard in self.heard).split(b"\r\n")
        verbs = (b"EHLO", b"HELO", b"STARTTLS", b"AUTH", b"MAIL", b"RCPT", b"DATA", b"RSET", b"QUIT")
        return [line.decode() for line in lines if line.startswith(verbs)]

    @property
    def heard_in_clear(self) -> bytes:
        return b"".join(heard.bytes for heard in self.heard if not heard.secured)

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        known = self.users.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=known, handled=known)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.keep(envelope)
        return "250 2.0.0 queued"

    def keep(self, envelope: Envelope) -> None:
        assert isinstance(envelope.content, bytes)
        for recipient in envelope.rcpt_tos:
            self.received.append(Received(str(envelope.mail_from), recipient, envelope.content, self.connections))


class _Listening(SMTP):
    """aiosmtpd's protocol, telling its sink every byte before it is understood."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._tls_protocol is None:
            self.event_handler.connections += 1
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        secured = self.transport is not None and self.transport.get_extra_info("sslcontext") is not None
        self.event_handler.heard.append(Heard(secured, data))
        super().data_received(data)


class RefusingSender(Sink):
    """Says `reply` to every MAIL FROM."""

    def __init__(self, reply: str) -> None:
        super().__init__()
        self.reply = reply

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        return self.reply


class RefusingRecipients(Sink):
    """Says `replies[address]` to RCPT TO; takes mail for everybody else."""

    def __init__(self, replies: dict[str, str]) -> None:
        super().__init__()
        self.replies = replies

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address in self.replies:
            return self.replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"


class Greylisting(Sink):
    """Turns every address away the first time it is named."""

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address not in self.known:
            self.known.add(address)
            return "450 4.2.0 Greylisted, try again in 300 seconds"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class RefusingContent(Sink):
    """Says `reply` after the final dot and keeps nothing."""

    def __init__(self, reply: str) -> None:
        super().__init__()
        self.reply = reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        return self.reply


class DroppingAfterDot(Sink):
    """Closes the connection after the final dot without a word; `keeps` says whether it took the message."""

    def __init__(self, *, keeps: bool) -> None:
        super().__init__()
        self.keeps = keeps

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.keeps:
            self.keep(envelope)
        server.transport.abort()
        return "250 never sent"


class SilentAfterDot(Sink):
    """Takes the message and never says so."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.keep(envelope)
        await asyncio.sleep(3600)
        return "250 never sent"


class ClosingAfter(Sink):
    """Takes `count` messages on each connection, then closes it: with `farewell` right after the last, or silently."""

    def __init__(self, count: int, farewell: str = "") -> None:
        super().__init__()
        self.count, self.farewell = count, farewell
        self.taken: dict[int, int] = {}

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.keep(envelope)
        self.taken[id(session)] = self.taken.get(id(session), 0) + 1
        if self.taken[id(session)] < self.count:
            return "250 OK"
        asyncio.get_running_loop().call_soon(server.transport.close)
        return "250 OK" + (f"\r\n{self.farewell}" if self.farewell else "")


class TurningAwayAfter(Sink):
    """Answers `reply` to MAIL FROM after `count` messages on a connection, which stays open (163: MI:DMC)."""

    def __init__(self, count: int, reply: str) -> None:
        super().__init__()
        self.count, self.reply = count, reply
        self.begun: dict[int, int] = {}

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.begun[id(session)] = self.begun.get(id(session), 0) + 1
        if self.begun[id(session)] > self.count:
            return self.reply
        envelope.mail_from = address
        return "250 OK"


@contextlib.asynccontextmanager
async def serving(
    sink: Sink,
    *,
    tls: Literal["none", "starttls", "implicit"] = "none",
    context: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[Running]:
    """Run a sink; `options` go to aiosmtpd. With `users` the sink wants a login."""
    loop = asyncio.get_running_loop()
    if sink.users:
        # auth_required would make aiosmtpd warn where TLS is not required; a login is offered, tests look who used it.
        options |= {"authenticator": sink.authenticate, "auth_require_tls": False}

    protocols: list[SMTP] = []
    starttls = context if tls == "starttls" else None

    def connected() -> SMTP:
        told = {"data_size_limit": sink.size_limit, "hostname": "mx.example.com", **options}
        protocols.append(_Listening(sink, tls_context=starttls, loop=loop, **told))
        return protocols[-1]

    listener = await loop.create_server(connected, HOST, 0, ssl=context if tls == "implicit" else None)
    try:
        yield Running(port=listener.sockets[0].getsockname()[1], tls=tls)
    finally:
        listener.close()
        for one in protocols:
            if one.transport is not None:
                one.transport.abort()  # type: ignore[attr-defined]
        await _settled()


async def _settled() -> None:
    """Let connections that were just closed come to their end, so that no test leaves one to the next."""
    for _ in range(5):
        await asyncio.sleep(0)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def talking(talk: Talk, *, context: ssl.SSLContext | None = None) -> AsyncIterator[Running]:
    """Run a server that says what `talk` says, byte by byte; the connection ends when it returns."""
    running = Running(port=0, tls="implicit" if context else "none")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.tasks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            running.tasks.discard(task)
            writer.transport.abort()

    listener = await asyncio.start_server(connected, HOST, 0, ssl=context)
    running.port = listener.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        listener.close()
        for task in tuple(running.tasks):
            task.cancel()
        await _settled()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *extensions: str) -> None:
    """Greet and answer EHLO, then leave the talking to others."""
    writer.write(b"220 mx.example.com\r\n")
    await reader.readuntil(b"\r\n")
    lines = ["mx.example.com", *extensions, *ANNOUNCED]
    for line in lines[:-1]:
        writer.write(f"250-{line}\r\n".encode())
    writer.write(f"250 {lines[-1]}\r\n".encode())


def scripted(*answers: bytes, hold: bool = False) -> Talk:
    """Greet, then give one answer (raw, CRLF included) per command; DATA counts as one, its content as another.

    After the last answer the connection is closed, or with `hold` left standing without a word.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        content_follows = False
        for answer in answers:
            await reader.readuntil(b"\r\n.\r\n" if content_follows else b"\r\n")
            writer.write(answer)
            await writer.drain()
            content_follows = answer.startswith(b"354")
        if hold:
            await reader.read()
        writer.close()

    return talk


def refusing_connections(reply: bytes = b"554 5.7.1 go away\r\n") -> Talk:
    """Answer every connection with a refusal instead of a greeting."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    return talk


def stripping_starttls(heard: list[bytes]) -> Talk:
    """Offer a login but no STARTTLS, as somebody in the middle would, and write down what comes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer, "AUTH PLAIN LOGIN")
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"235 2.7.0 thank you\r\n")

    return talk


def failing_starttls(reply: bytes, heard: list[bytes]) -> Talk:
    """Offer STARTTLS and answer it with `reply`; write down whatever comes in clear afterwards."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer, "AUTH PLAIN", "STARTTLS")
        await reader.readuntil(b"\r\n")
        writer.write(reply)
        heard.append(await reader.read())

    return talk


def never_reading_content(early_answer: bytes = b"") -> Talk:
    """Accept the envelope, then read nothing of the content; perhaps answer before its end, perhaps just close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await greet(reader, writer)
        for answer in (b"250 OK\r\n", b"250 OK\r\n", b"354 go ahead\r\n"):
            await reader.readuntil(b"\r\n")
            writer.write(answer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)
        writer.write(early_answer)
        await asyncio.sleep(0.05 if early_answer else 3600)

    return talk


def silent() -> Talk:
    """Accept the connection and never say a word."""

    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    return talk


def certificate(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return a server's context with a certificate of this authority, for 127.0.0.1 unless other names are given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or (HOST,))).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return a client's context that trusts this authority and checks names."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def login(running: Running, user: str, password: str) -> Server:
    """Return the server as one that we log in to."""
    return running.server(user=user, password=SecretStr(password))
