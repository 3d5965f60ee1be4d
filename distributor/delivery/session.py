"""One SMTP session: messages go through it one after the other, and each answer is judged for the copy in hand.

Envelopes and messages enter, outcomes leave. The turning points: before RCPT nothing concerns the reader, so a no is
a `ServerFault` and charged to nobody; a connection lost before the final dot is `Deferred`, after it `Uncertain`.
An address or message that could mean something else on the wire than here is refused before a byte of it leaves.
A server that takes several commands at once gets them so, and each answer means what it would mean alone.
Rules: RFC 5321 §3.3, §4.1.1.5 (RSET), §4.5.3.2 (timeouts), RFC 1870 (SIZE), RFC 2920 (PIPELINING), RFC 1047.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from distributor.addresses import Address
from distributor.delivery.conversation import CLOSING, Conversation, dot_stuffed, shown
from distributor.delivery.headers import is_wire_address, is_wire_safe
from distributor.delivery.model import Deferred, Envelope, Outcome, Refused, Reply, Uncertain
from distributor.delivery.outcomes import classify, outcome_of
from distributor.delivery.servers import Server
from distributor.delivery.wire import Wire
from distributor.errors import ServerFault
from distributor.problems import Wording, wording

_Step = tuple[str, int]
"""A command, and the first digit of the answer that lets us go on."""

_RESET: _Step = ("RSET", 2)
_CONTENT: _Step = ("DATA", 3)
_OUT_OF_ORDER = "the server left the order of commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """What a server announced last, after TLS and login: its SIZE in bytes, 0 for none, and PIPELINING."""

    largest: int = 0
    pipelining: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each step may take; the final one is RFC 5321 §4.5.3.2.6, shorter waits make duplicates."""

    connect: timedelta = timedelta(seconds=30)
    command: timedelta = timedelta(seconds=60)
    final_dot: timedelta = timedelta(seconds=600)
    quit: timedelta = timedelta(seconds=5)


def is_reserved(address: str) -> bool:
    """Say whether a wire address is at a domain that can never receive mail (RFC 2606)."""
    local, _, domain = address.rpartition("@")
    return Address(local=local, domain=domain.lower()).is_reserved


class SmtpSession:
    """One connection that carries messages one after the other."""

    def __init__(
        self, conversation: Conversation, server: Server, *, timeouts: Timeouts, extensions: Extensions
    ) -> None:
        """Take over a connection that is ready for MAIL."""
        self._server = server
        self._stays_here = server.is_on_this_host
        self._conversation = conversation
        self._timeouts = timeouts
        self._extensions = extensions
        self._fresh = True
        self._must_reset = False

    @property
    def usable(self) -> bool:
        """Whether another message may go through."""
        return not self._conversation.broken

    @property
    def largest(self) -> int:
        """The server's limit in bytes (RFC 1870), 0 where it told none."""
        return self._extensions.largest

    @property
    def secured(self) -> ssl.SSLObject | None:
        """The TLS of the connection with the server's verified certificate, None where it goes in clear."""
        return self._conversation.secured

    async def try_sender(self, sender: str, size_bytes: int) -> None:
        """Say MAIL FROM and take it back with RSET, so that nothing is mailed; raises ServerFault as `send` does."""
        steps = (*await self._opening(sender, size_bytes), _RESET)
        replies = await self._converse(steps)
        at = _first_no(steps, replies)
        if at is not None:
            wording_of = _sender_refused if at == 0 and replies[0].code else _silent
            raise await self._fault(wording_of(self._server.name, shown(replies[at])))

    async def close(self) -> None:
        """Say QUIT where the connection still stands and close it; never raises for what the server does."""
        await self._conversation.end(within=self._timeouts.quit)

    async def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Send one message (CRLF lines, no dot-stuffing yet) and say what came of it.

        Raises ServerFault when the trouble is the server's; the session is then closed. Cancelled in the middle,
        the session is unusable and the outcome unknown. Not to be called again before it has returned.
        """
        unfit = self._unfit(envelope, message)
        if unfit:
            return Refused(reply=Reply(code=None, text=unfit))
        if 0 < self.largest < len(message):
            raise await self._fault(_too_large(self._server.name, len(message), self.largest))
        fresh, opening = self._fresh, await self._opening(envelope.sender, len(message))
        steps = (*opening, (f"RCPT TO:<{envelope.recipient}>", 2), _CONTENT)
        replies = await self._converse(steps)
        at = _first_no(steps, replies)
        if at is None:
            return await self._deliver(message)
        no, to_reader = replies[at], at >= len(opening)
        if at < len(replies) - 1:
            no = await self._call_off(no, replies[-1], to_reader=to_reader)
        return await self._declined(no) if to_reader else await self._turned_away(no, fresh=fresh)

    def _unfit(self, envelope: Envelope, message: bytes) -> str:
        if not is_wire_address(envelope.recipient):
            return "the address cannot be handed over exactly as it is"
        if not self._stays_here and is_reserved(envelope.recipient):
            return "a reserved example address (RFC 2606), and the server is not on this host"
        if type(message) is not Wire and not is_wire_safe(message):
            return "the message holds a bare line end or NUL"
        return ""

    async def _opening(self, sender: str, size: int) -> tuple[_Step, ...]:
        """Return what begins a message: MAIL FROM, after RSET where the last one was declined."""
        if not is_wire_address(sender):
            raise await self._fault(_sender_refused(self._server.name, f"<{sender}>"))
        mail: _Step = (f"MAIL FROM:<{sender}>" + (f" SIZE={size}" if self.largest else ""), 2)
        steps = (_RESET, mail) if self._must_reset else (mail,)
        self._fresh = self._must_reset = False
        return steps

    async def _converse(self, steps: Sequence[_Step]) -> list[Reply]:
        """Say the commands and return their answers; those after a no are missing where each had to wait."""
        commands = [command.encode("ascii") for command, _ in steps]
        if self._extensions.pipelining:
            return await self._conversation.ask_together(commands, within=self._timeouts.command)
        replies: list[Reply] = []
        for command, (_, awaited) in zip(commands, steps, strict=True):
            replies.append(await self._conversation.ask(command, within=self._timeouts.command))
            if _group(replies[-1]) != awaited:
                break
        return replies

    async def _call_off(self, no: Reply, answer: Reply, *, to_reader: bool) -> Reply:
        """Bring to an end the DATA that went along with a command that was declined; return the no to judge by.

        Told to go on although nobody is to have the message, a server waits for its end (RFC 2920 §3.1); what it
        says to that lone dot concerns no reader. A yes to DATA says that none of these answers can be relied on.
        """
        if _group(answer) == 2:
            return Reply(code=None, text=_OUT_OF_ORDER)
        if _group(answer) == 3 and to_reader and _group(no) in {4, 5}:
            answer = await self._conversation.ask(b".", within=self._timeouts.command)
            in_order = _group(answer) in {2, 4, 5}
        else:
            in_order = _group(answer) in {4, 5}
        if not in_order or answer.code == CLOSING:
            self._conversation.abandon(_OUT_OF_ORDER)
        return no

    async def _turned_away(self, reply: Reply, *, fresh: bool) -> Outcome:
        """Judge a no to RSET or MAIL FROM.

        A connection that carried mail before may end here (idle too long, so many messages on each: 421, 4xx or
        no answer); the next session tells. Any other no is the server's or the sender's and no reader's fault.
        """
        if fresh or _group(reply) == 5:
            wording_of = _sender_refused if reply.code else _silent
            raise await self._fault(wording_of(self._server.name, shown(reply)))
        self._conversation.abandon("the server takes nothing more on this connection")
        return Deferred(reply=reply)

    async def _declined(self, reply: Reply) -> Outcome:
        """Judge a no to RCPT or DATA; what is neither 4xx nor 5xx leaves the session out of step."""
        if classify(reply).verdict == "server":
            raise await self._fault(_login_wanted(self._server.name, shown(reply)))
        if _group(reply) in {4, 5} and reply.code != CLOSING:
            self._must_reset = True
            return outcome_of(reply)
        self._conversation.abandon(_OUT_OF_ORDER)
        return Deferred(reply=reply)

    async def _deliver(self, message: bytes) -> Outcome:
        content = message if type(message) is Wire else dot_stuffed(message)
        reply, dot_left = await self._conversation.deliver(content, within=self._timeouts.final_dot)
        answered = _group(reply) in {2, 4, 5}
        if not answered or not dot_left or reply.code == CLOSING:
            self._conversation.abandon(_OUT_OF_ORDER)
        if dot_left and not answered:
            return Uncertain(reply=reply)
        # A yes to a message that is not all there yet is an answer to nothing.
        if not dot_left and _group(reply) not in {4, 5}:
            return Deferred(reply=reply)
        return outcome_of(reply)

    async def _fault(self, message: Wording) -> ServerFault:
        await self.close()
        return ServerFault(message)


def _first_no(steps: Sequence[_Step], replies: Sequence[Reply]) -> int | None:
    """Return the place of the first answer that does not let us go on, None where all do."""
    for at, reply in enumerate(replies):
        if _group(reply) != steps[at][1]:
            return at
    return None


def _group(reply: Reply) -> int:
    """Return the first digit of the code, 0 where there was no readable answer."""
    return (reply.code or 0) // 100


def _login_wanted(server: str, told: str) -> Wording:
    return wording(
        f"邮件服务器 {server} 要求先登录或加密：{told} → 在 url 里写用户名，设好密码，之后继续发送",
        f"{server} wants a login or TLS first: {told} → put the user into the url, set the password, then resume",
    )


def _sender_refused(server: str, told: str) -> Wording:
    return wording(
        f"邮件服务器 {server} 不接受这个发件人：{told} → 发件地址须与登录账号一致；超过限额则稍后继续发送",
        f"{server} refuses the sender: {told} → the sender must be the login's address; over a quota, resume later",
    )


def _silent(server: str, told: str) -> Wording:
    return wording(
        f"邮件服务器 {server} 连上之后没有接受邮件：{told} → 稍后继续发送；总是这样请问服务商",
        f"{server} was reached but takes no mail: {told} → resume later; ask the provider if it stays so",
    )


def _too_large(server: str, size: int, largest: int) -> Wording:
    return wording(
        f"邮件 {size} 字节，超过邮件服务器 {server} 的上限 {largest} → 减少图片或正文后重新发送",
        f"{size} bytes of mail, but {server} takes {largest} → send again with fewer pictures or less text",
    )
