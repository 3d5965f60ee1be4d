"""SMTP: the only door to a mail server. It opens sessions; `session` carries messages over them.

aiosmtplib connects, secures and logs in; then the connection becomes a `Conversation`. Whatever goes wrong here is
a `ServerFault`: no reader is concerned. TLS is required and never fallen back from, certificates are always verified,
and the password is sent nowhere but into a secured login and shown nowhere at all.
Rules: RFC 3207 §4, RFC 4954, RFC 8314 §3, RFC 5321 §4.1.1.1.
"""

import asyncio
import base64
import re
import socket
import ssl
from typing import cast

import aiosmtplib

from distributor.delivery.conversation import Conversation, read_reply, shown
from distributor.delivery.model import Channel, Reply
from distributor.delivery.servers import Server
from distributor.delivery.session import Extensions, SmtpSession, Timeouts
from distributor.errors import ServerFault
from distributor.problems import Wording, wording


class SmtpTransport:
    """A way out over one server; safe to open many sessions on, at the same time."""

    def __init__(
        self, server: Server, *, timeouts: Timeouts | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        """Take a checked server; `trust` replaces the system's certificate authorities, never the check itself."""
        self.server = server
        self._timeouts = timeouts or Timeouts()
        self._trust = trust

    @property
    def name(self) -> str:
        """Host and port, as ledger rows and limits carry it."""
        return self.server.name

    @property
    def channel(self) -> Channel:
        """Always smtp."""
        return "smtp"

    async def open(self) -> SmtpSession:
        """Connect, secure and log in; raises ServerFault, which never holds the password."""
        client = aiosmtplib.SMTP(
            hostname=self.server.host,
            port=self.server.port,
            local_hostname=_own_name(),
            timeout=self._timeouts.command.total_seconds(),
            use_tls=self.server.security == "tls",
            start_tls=False,
            tls_context=self._trust,
        )
        try:
            await self._connect(client)
            await self._log_in(client)
        except BaseException:
            client.close()
            raise
        # aiosmtplib types it as BaseTransport; what it connects with is always one that reads and writes.
        conversation = Conversation(cast("asyncio.Transport", client.transport))
        extensions = Extensions(
            largest=_size_limit(client.esmtp_extensions.get("size", "")),
            pipelining=client.supports_extension("pipelining"),
        )
        return SmtpSession(conversation, self.server, timeouts=self._timeouts, extensions=extensions)

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.connect(timeout=self._timeouts.connect.total_seconds())
            await client.ehlo()
            if self.server.security == "starttls":
                await self._start_tls(client)
        except ServerFault:
            raise
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            cause = error if isinstance(error, ssl.SSLError) else error.__cause__
            if isinstance(cause, ssl.SSLError):
                raise ServerFault(_untrusted(self.name, cause)) from error
            raise ServerFault(_unreachable(self.name, _told(error))) from error

    async def _start_tls(self, client: aiosmtplib.SMTP) -> None:
        if not client.supports_extension("starttls"):
            raise ServerFault(_without_starttls(self.name))
        await client.starttls()
        await client.ehlo()

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        if not self.server.user or self.server.password is None:
            return
        secret = self.server.password.get_secret_value()
        try:
            await client.login(self.server.user, secret)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            told = _without_secrets(_told(error), self.server.user, secret)
        else:
            return
        # Outside the except block on purpose: a server may echo the login, and a cause would carry it along.
        raise ServerFault(_login_refused(self.name, told))


def _size_limit(parameter: str) -> int:
    """Return the limit that the SIZE extension names, 0 where it names none (RFC 1870 §4)."""
    return int(parameter) if re.fullmatch(r"\d{1,18}", parameter, re.ASCII) else 0


def _told(error: Exception) -> str:
    """Return what a failure at the beginning says: the server's words where there are any."""
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        lines = error.message.encode("utf-8", "surrogateescape").split(b"\n")
        return shown(read_reply(error.code, lines))
    return shown(Reply(code=None, text=str(error).encode("utf-8", "replace").decode()))


def _without_secrets(text: str, user: str, secret: str) -> str:
    """Take the password out of a server's words, in clear and as AUTH encodes it, also where it is cut short."""
    pair = f"\0{user}\0{secret}"
    forms = (secret, *(base64.b64encode(form.encode()).decode() for form in (secret, pair)))
    cut = text.replace(secret, "***")
    return re.sub(r"[A-Za-z0-9+/=]{6,}", lambda word: "***" if any(word[0] in form for form in forms) else word[0], cut)


def _own_name() -> str:
    """Return what EHLO says: this host's full name, or an address literal where it has none (RFC 5321 §4.1.3).

    socket.getfqdn, aiosmtplib's way, may wait for DNS and may return a name outside ASCII.
    """
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name, re.ASCII) else "[127.0.0.1]"


def _unreachable(server: str, told: str) -> Wording:
    return wording(
        f"连不上邮件服务器 {server}：{told} → 检查地址、端口和网络，之后继续发送",
        f"cannot reach the mail server {server}: {told} → check host, port and network, then resume",
    )


def _untrusted(server: str, error: ssl.SSLError) -> Wording:
    told = getattr(error, "verify_message", "") or error.reason or str(error)
    return wording(
        f"与邮件服务器 {server} 不能建立可信的加密连接：{told} → 检查主机名、端口与协议 (smtps/smtp)、证书和本机时间",
        f"no trusted TLS connection to {server}: {told} → check host name, port, scheme, certificate, clock",
    )


def _without_starttls(server: str) -> Wording:
    return wording(
        f"邮件服务器 {server} 不提供 STARTTLS，密码和邮件都没有发出 → 用 smtps:// 和 465 端口，或问网络管理员",
        f"{server} offers no STARTTLS, so no password and no mail was sent → use smtps:// on 465",
    )


def _login_refused(server: str, told: str) -> Wording:
    return wording(
        f"邮件服务器 {server} 不接受登录：{told} → 检查用户名和密码 (QQ、163、企业邮箱用授权码)，之后继续发送",
        f"{server} refuses the login: {told} → check user and password (often an app password), then resume",
    )
