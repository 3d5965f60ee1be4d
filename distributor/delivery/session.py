"""One SMTP session: messages go through it one after the other, and each answer is judged for the copy in hand.

Envelopes and messages enter, outcomes leave. The turning points: before RCPT nothing concerns the reader, so a no is
a `ServerFault` and charged to nobody; a connection lost before the final dot is `Deferred`, after it `Uncertain`.
An address or message that could mean something else on the wire than here is refused before a byte of it leaves.
Rules: RFC 5321 §3.3, §4.1.1.5 (RSET), §4.5.3.2 (timeouts), RFC 1870 (SIZE), RFC 1047.
"""

import ssl
from dataclasses import dataclass
from datetime import timedelta

from distributor.addresses import Address
from distributor.delivery.conversation import Conversation, dot_stuffed, shown
from distributor.delivery.headers import is_wire_address, is_wire_safe
from distributor.delivery.model import Deferred, Envelope, Outcome, Refused, Reply, Uncertain
from distributor.delivery.outcomes import classify, outcome_of
from distributor.delivery.servers import Server
from distributor.errors import ServerFault
from distributor.problems import Wording, wording

_CLOSING = 421  # RFC 5321 §3.8: the server closes the connection after it
_GO_ON = Reply(code=250)


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

    def __init__(self, conversation: Conversation, server: Server, *, timeouts: Timeouts, largest: int) -> None:
        """Take over a connection that is ready for MAIL; `largest` is the server's SIZE in bytes, 0 for none."""
        self._server = server
        self._conversation = conversation
        self._timeouts = timeouts
        self._largest = largest
        self._fresh = True
        self._must_reset = False

    @property
    def usable(self) -> bool:
        """Whether another message may go through."""
        return not self._conversation.broken

    @property
    def largest(self) -> int:
        """The server's limit in bytes (RFC 1870), 0 where it told none."""
        return self._largest

    @property
    def secured(self) -> ssl.SSLObject | None:
        """The TLS of the connection with the server's verified certificate, None where it goes in clear."""
        return self._conversation.secured

    async def try_sender(self, sender: str, size_bytes: int) -> None:
        """Say MAIL FROM and take it back with RSET, so that nothing is mailed; raises ServerFault as `send` does."""
        ended = await self._begin(sender, size_bytes) or await self._ask("RSET")
        if _group(ended) != 2:
            raise await self._fault(_silent(self._server.name, shown(ended)))

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
        if 0 < self._largest < len(message):
            raise await self._fault(_too_large(self._server.name, len(message), self._largest))
        ended = await self._begin(envelope.sender, len(message))
        if ended is not None:
            return Deferred(reply=ended)
        for command, awaited in ((f"RCPT TO:<{envelope.recipient}>", 2), ("DATA", 3)):
            reply = await self._ask(command)
            if _group(reply) != awaited:
                return await self._declined(reply)
        return await self._deliver(message)

    def _unfit(self, envelope: Envelope, message: bytes) -> str:
        if not is_wire_address(envelope.recipient):
            return "the address cannot be handed over exactly as it is"
        if not self._server.is_on_this_host and is_reserved(envelope.recipient):
            return "a reserved example address (RFC 2606), and the server is not on this host"
        if not is_wire_safe(message):
            return "the message holds a bare line end or NUL"
        return ""

    async def _ask(self, command: str) -> Reply:
        return await self._conversation.ask(command.encode("ascii"), within=self._timeouts.command)

    async def _begin(self, sender: str, size: int) -> Reply | None:
        """Say MAIL FROM; None when the server goes along, the reply when this connection is at its end.

        A connection that carried mail before may end here (idle too long, so many messages on each: 421, 4xx or
        no answer); the next session tells. Any other no is the server's or the sender's and no reader's fault.
        """
        if not is_wire_address(sender):
            raise await self._fault(_sender_refused(self._server.name, f"<{sender}>"))
        fresh, must_reset = self._fresh, self._must_reset
        self._fresh = self._must_reset = False
        reply = await self._ask("RSET") if must_reset else _GO_ON
        if _group(reply) == 2:
            reply = await self._ask(f"MAIL FROM:<{sender}>" + (f" SIZE={size}" if self._largest else ""))
        if _group(reply) == 2:
            return None
        if fresh or _group(reply) == 5:
            wording_of = _sender_refused if reply.code else _silent
            raise await self._fault(wording_of(self._server.name, shown(reply)))
        self._conversation.abandon("the server takes nothing more on this connection")
        return reply

    async def _declined(self, reply: Reply) -> Outcome:
        """Judge a no to RCPT or DATA; what is neither 4xx nor 5xx leaves the session out of step."""
        if classify(reply).verdict == "server":
            raise await self._fault(_login_wanted(self._server.name, shown(reply)))
        if _group(reply) in {4, 5} and reply.code != _CLOSING:
            self._must_reset = True
            return outcome_of(reply)
        self._conversation.abandon("the server left the order of commands")
        return Deferred(reply=reply)

    async def _deliver(self, message: bytes) -> Outcome:
        reply, dot_left = await self._conversation.deliver(dot_stuffed(message), within=self._timeouts.final_dot)
        answered = _group(reply) in {2, 4, 5}
        if not answered or not dot_left or reply.code == _CLOSING:
            self._conversation.abandon("the server left the order of commands")
        if dot_left and not answered:
            return Uncertain(reply=reply)
        # A yes to a message that is not all there yet is an answer to nothing.
        if not dot_left and _group(reply) not in {4, 5}:
            return Deferred(reply=reply)
        return outcome_of(reply)

    async def _fault(self, message: Wording) -> ServerFault:
        await self.close()
        return ServerFault(message)


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
