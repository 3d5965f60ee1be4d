"""An SMTP conversation over a connection that somebody else has opened, secured and logged in.

Commands enter, `Reply`s leave; never an exception: a lost connection, a silence or an unreadable answer is a
reply without a code that says so. aiosmtplib (5.1.3) cannot carry the messages themselves: it runs three regular
expressions over every body, keeps a second reply of the same packet for the next command, and throws away what a
server says between commands, such as its 421. So this protocol takes the connection over after the login.
Rules: RFC 5321 §4.2 (replies), §4.5.2 (dots), RFC 2034 (enhanced codes).
"""

import asyncio
import re
import ssl
from collections.abc import Iterable, Sequence
from datetime import timedelta

from distributor.delivery.model import Reply

REPLY_LIMIT = 32 * 1024
"""Bytes of one reply, all its lines; a real one is far below, a hostile one is cut off (RFC 5321 §4.5.3.1.5)."""

_LINE = re.compile(rb"(?P<code>[2-5][0-9][0-9])(?P<more>-| |$)(?P<text>.*)", re.DOTALL)
_NEWLINE = ord("\n")
_ENHANCED = re.compile(r"(?P<status>[245]\.\d{1,3}\.\d{1,3})(?:\s+|$)", re.ASCII)


def read_reply(code: int, lines: Sequence[bytes]) -> Reply:
    """Return the reply that these texts (without code) make; the enhanced code is taken out of them.

    Chinese servers answer in UTF-8 or GB18030; what is neither keeps its readable part.
    """
    texts = [_decoded(line).strip() for line in lines]
    found = _ENHANCED.match(texts[0]) if texts else None
    if found is None:
        return Reply(code=code, text="\n".join(texts))
    status = found["status"]
    return Reply(code=code, enhanced=status, text="\n".join(text.removeprefix(status).strip() for text in texts))


def _decoded(line: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("ascii", "replace")


def shown(reply: Reply) -> str:
    """Return the reply on one line, for a message to an operator."""
    said = (str(reply.code) if reply.code else "", reply.enhanced, reply.text)
    return " ".join(" ".join(part for part in said if part).split())[:300]


def dot_stuffed(message: bytes) -> bytes:
    """Return the message as DATA wants it, without the final dot: leading dots doubled (RFC 5321 §4.5.2)."""
    # Dots are rare in base64, and looking for one byte is 100 times quicker than for "\n.".
    position = message.find(b".")
    while position > 0 and message[position - 1] != _NEWLINE:
        position = message.find(b".", position + 1)
    if position == -1:
        return message
    return (b"." if position == 0 else b"") + message.replace(b"\n.", b"\n..")


class Conversation(asyncio.Protocol):
    """One command, one reply; `broken` tells why nothing more can be said, and is empty while all is well."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.broken = ""
        self._transport = transport
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiter: asyncio.Future[Reply] | None = None
        self._received = bytearray()
        self._code = 0
        self._lines: list[bytes] = []
        self._size = 0
        self._unsent = False
        transport.set_protocol(self)
        # Told of the first byte that stays here, we know whether the final dot can have left (with high=0
        # asyncio's TLS transport would count an empty buffer as full).
        transport.set_write_buffer_limits(high=1, low=0)
        if transport.is_closing():
            self.connection_lost(None)

    @property
    def secured(self) -> ssl.SSLObject | None:
        """The TLS that this conversation goes through, None where it goes in clear."""
        found: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return found

    async def ask(self, command: bytes, *, within: timedelta) -> Reply:
        """Send one command line (without CRLF) and return the answer to it."""
        return await self._exchange((command + b"\r\n",), within)

    async def deliver(self, content: bytes, *, within: timedelta) -> tuple[Reply, bool]:
        """Send dot-stuffed content and the final dot; return the answer, and whether the dot can have left here.

        The dot is written by itself: asyncio's TLS holds back only what comes after a write that did not fit.
        """
        reply = await self._exchange((content, b".\r\n"), within)
        return reply, not self._unsent

    async def _exchange(self, requests: Iterable[bytes], within: timedelta) -> Reply:
        if self.broken:
            return Reply(code=None, text=self.broken)
        waiter: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        for request in requests:
            self._transport.write(request)
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await waiter
        except TimeoutError:
            self.abandon(f"no answer within {within.total_seconds():g} s")
            return Reply(code=None, text=self.broken)
        finally:
            self._waiter = None
            if waiter.cancelled():
                self.abandon("given up while waiting for an answer")

    def abandon(self, why: str) -> None:
        """Drop the connection at once: what comes next on it could not be told apart any more."""
        self.broken = self.broken or why
        self._transport.abort()

    async def end(self, *, within: timedelta) -> None:
        """Close the connection, with QUIT where it still stands; never raises for what the server does."""
        if not self.broken:
            await self.ask(b"QUIT", within=within)
        self._fail("closed by us")
        await asyncio.wait([self._gone], timeout=within.total_seconds())
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what the server said; a complete reply wakes whoever asked (called by asyncio)."""
        self._received += data
        while not self.broken and (end := self._received.find(b"\n")) >= 0:
            line = bytes(self._received[:end]).rstrip(b"\r")
            del self._received[: end + 1]
            self._take(line)
        if len(self._received) + self._size > REPLY_LIMIT:
            self._fail("the answer is too long")

    def _take(self, line: bytes) -> None:
        match = _LINE.fullmatch(line)
        if match is None or (self._lines and int(match["code"]) != self._code):
            self._fail(f"unreadable answer: {_decoded(line[:200])}")
            return
        self._code = int(match["code"])
        self._lines.append(match["text"])
        self._size += len(line)
        if match["more"] == b"-":
            return
        reply, self._lines, self._size = read_reply(self._code, self._lines), [], 0
        if self._waiter is None or self._waiter.done():
            # Nobody asked: 421 before an idle close, or a second answer that would pass for the next one.
            self._fail(f"said unasked: {reply.code} {reply.text}")
        else:
            self._waiter.set_result(reply)

    def _fail(self, why: str) -> None:
        self.broken = self.broken or why
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Reply(code=None, text=self.broken))
        self._transport.close()

    def eof_received(self) -> None:
        """Note that the server has closed its side (called by asyncio)."""
        self._fail("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone (called by asyncio)."""
        self._fail(f"connection lost: {exc}" if exc else "connection lost")
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """Note that bytes of ours wait on this host (called by asyncio)."""
        self._unsent = True

    def resume_writing(self) -> None:
        """Note that all our bytes were handed to the system (called by asyncio)."""
        self._unsent = False
