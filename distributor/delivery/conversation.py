"""An SMTP conversation over a connection that somebody else has opened, secured and logged in.

Commands enter, `Reply`s leave; never an exception: a lost connection, a silence or an unreadable answer is a
reply without a code that says so. aiosmtplib (5.1.3) cannot carry the messages themselves: it runs three regular
expressions over every body, keeps a second reply of the same packet for the next command, and throws away what a
server says between commands, such as its 421. So this protocol takes the connection over after the login.
Rules: RFC 5321 §4.2 (replies), §4.5.2 (dots), RFC 2034 (enhanced codes), RFC 2920 (several commands at once).
"""

import asyncio
import functools
import re
import ssl
from collections.abc import Iterable, Sequence
from datetime import timedelta

from distributor.delivery.model import Reply

REPLY_LIMIT = 32 * 1024
"""Bytes of one reply, all its lines; a real one is far below, a hostile one is cut off (RFC 5321 §4.5.3.1.5)."""

CLOSING = 421
"""The code after which a server closes the connection (RFC 5321 §3.8)."""

_DOT = b".\r\n"
_ROOM = 8 * 1024
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


# Servers answer most commands in the same words.
_read_known = functools.lru_cache(maxsize=64)(read_reply)


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


class Conversation(asyncio.BufferedProtocol):
    """Commands and as many replies, in order; `broken` tells why nothing more can be said, and is empty till then."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.broken = ""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        # asyncio's own buffer is 256 KB, made anew for every packet.
        self._room = memoryview(bytearray(_ROOM))
        self._rest = b""
        self._code = 0
        self._lines: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._awaited = 0
        self._replies: list[Reply] = []
        self._patience = 0.0
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._unsent = False
        self._take_over()

    def _take_over(self) -> None:
        transport = self._transport
        if transport.is_closing():
            transport.set_protocol(self)
            self.connection_lost(None)
            return
        # Parted by a pause: uvloop goes on reading in the old protocol's way until reading begins anew.
        transport.pause_reading()
        transport.set_protocol(self)
        transport.resume_reading()
        # Told of the first byte that stays here, we know whether the final dot can have left (with high=0
        # asyncio's TLS transport would count an empty buffer as full).
        transport.set_write_buffer_limits(high=1, low=0)

    @property
    def secured(self) -> ssl.SSLObject | None:
        """The TLS that this conversation goes through, None where it goes in clear."""
        found: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return found

    async def ask(self, command: bytes, *, within: timedelta) -> Reply:
        """Send one command line (without CRLF) and return the answer to it."""
        return (await self.ask_together((command,), within=within))[0]

    async def ask_together(self, commands: Sequence[bytes], *, within: timedelta) -> list[Reply]:
        """Send command lines in one write (RFC 2920) and return the answer to each; `within` is for each answer.

        After a 421 or a lost connection the answers that are missing say why.
        """
        return await self._exchange((b"\r\n".join(commands) + b"\r\n",), len(commands), within)

    async def deliver(self, content: bytes, *, within: timedelta) -> tuple[Reply, bool]:
        """Send dot-stuffed content and the final dot; return the answer, and whether the dot can have left here.

        In clear they are one write, of which all but a last byte that waits here is told of. asyncio's TLS holds
        back only what comes after a write that did not fit, so there the dot is written by itself.
        """
        if not self._stands():
            return Reply(code=None, text=self.broken), False
        requests = (content, _DOT) if self.secured else (content + _DOT,)
        (reply,) = await self._exchange(requests, 1, within)
        return reply, not self._unsent

    async def _exchange(self, requests: Iterable[bytes], count: int, within: timedelta) -> list[Reply]:
        if not self._stands():
            return [Reply(code=None, text=self.broken)] * count
        self._replies, self._awaited, self._patience = [], count, within.total_seconds()
        self._waiter = self._loop.create_future()
        for request in requests:
            self._transport.write(request)
        self._watch()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.abandon("given up while waiting for an answer")
            raise
        finally:
            self._waiter, self._awaited = None, 0
        replies, missing = self._replies, count - len(self._replies)
        return replies + [Reply(code=None, text=self.broken)] * missing

    def _stands(self) -> bool:
        """Say whether something may be written now; an answer that has begun already is an answer to nothing."""
        if self._rest or self._lines:
            self._fail("said unasked: the beginning of an answer")
        return not self.broken

    def _watch(self) -> None:
        """Put off the moment at which the next answer is late; one alarm serves many of them."""
        self._deadline = self._loop.time() + self._patience
        if self._alarm is None or self._alarm.when() > self._deadline:
            self._rest_alarm()
            self._alarm = self._loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._alarm = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._alarm = self._loop.call_at(self._deadline, self._look)
            return
        self.abandon(f"no answer within {self._patience:g} s")

    def _rest_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def abandon(self, why: str) -> None:
        """Drop the connection at once: what comes next on it could not be told apart any more."""
        self._break(why)
        self._transport.abort()

    async def end(self, *, within: timedelta) -> None:
        """Close the connection, with QUIT where it still stands; never raises for what the server does."""
        if not self.broken:
            await self.ask(b"QUIT", within=within)
        self._fail("closed by us")
        await asyncio.wait([self._gone], timeout=within.total_seconds())
        self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the room for what comes next (called by asyncio)."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Take what the server said; the last answer that is awaited wakes whoever asked (called by asyncio)."""
        *lines, self._rest = (self._rest + self._room[:nbytes]).split(b"\n")
        for line in lines:
            if self.broken:
                return
            self._take(line.rstrip(b"\r"))
        if len(self._rest) + self._size > REPLY_LIMIT:
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
        reply, self._lines, self._size = _read_known(self._code, tuple(self._lines)), [], 0
        self._answered(reply)

    def _answered(self, reply: Reply) -> None:
        if self._waiter is None or self._waiter.done():
            # Nobody asked: 421 before an idle close, or a second answer that would pass for the next one.
            self._fail(f"said unasked: {reply.code} {reply.text}")
            return
        self._replies.append(reply)
        if len(self._replies) == self._awaited:
            self._waiter.set_result(None)
        elif reply.code == CLOSING:
            self._fail("the server is closing the connection")
        else:
            self._watch()

    def _fail(self, why: str) -> None:
        self._break(why)
        self._transport.close()

    def _break(self, why: str) -> None:
        self.broken = self.broken or why
        self._rest_alarm()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

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
