"""A mail server tried as far as it goes without mailing anything: connect, TLS, login, SIZE, MAIL FROM, RSET, QUIT.

A checked `Server` and the sender enter; findings leave, each step by the same code that sends. It connects twice:
once without the login, so that a refused password is told apart from a server that cannot be reached.
"""

import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from distributor.addresses import Address
from distributor.delivery.return_path import specimen
from distributor.delivery.servers import Server
from distributor.delivery.session import SmtpSession, Timeouts
from distributor.delivery.transport import SmtpTransport
from distributor.errors import ServerFault
from distributor.operations.examinations.findings import Check, Finding, told
from distributor.problems import Wording, wording

EXPIRES_SOON = timedelta(days=14)
PATIENCE = Timeouts(connect=timedelta(seconds=10), command=timedelta(seconds=20))
"""Less than a mailing has: somebody sits before the screen."""

_STEPS = {
    "connect": ("连接", "connection"),
    "tls": ("加密", "TLS"),
    "login": ("登录", "login"),
    "size": ("大小限制", "size limit"),
    "sender": ("发件人", "sender"),
}
_OF_THE_NETWORK = ("connect", "tls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a server is tried with: the sender's address, the largest message in bytes, the moment, whom we trust."""

    sender: Address
    largest_bytes: int
    now: datetime
    trust: ssl.SSLContext | None = None
    timeouts: Timeouts = PATIENCE


async def examine_server(server: Server, number: int, trial: Trial) -> AsyncIterator[Finding]:
    """Yield one finding for each step; what comes after a fault is not checked. `number` counts servers from 1."""
    checks = {step: _check(server, number, step) for step in _STEPS}
    findings = _try(server, trial, checks)
    done: set[str] = set()
    async for finding in findings:
        done.add(finding.name)
        yield finding
    for check in checks.values():
        if check.name not in done:
            yield check.not_checked(wording("前一步没有成功", "an earlier step failed"))


def not_examined(server: Server, number: int, why: Wording) -> Finding:
    """Return the one finding of a server that is left alone."""
    return _check(server, number, "connect").not_checked(why)


def _check(server: Server, number: int, step: str) -> Check:
    zh, en = _STEPS[step]
    return Check(
        name=f"smtp.{number}.{step}",
        title=wording(f"{server.name} {zh}", f"{server.name} {en}"),
        concern="environment" if step in _OF_THE_NETWORK else "config",
    )


async def _try(server: Server, trial: Trial, checks: dict[str, Check]) -> AsyncIterator[Finding]:
    began = time.monotonic()
    try:
        session = await _open(replace(server, user="", password=None), trial)
    except ServerFault as fault:
        for finding in _not_reached(server, fault, checks):
            yield finding
        return
    yield checks["connect"].ok(_after(began))
    yield _tls(server, session, trial.now, checks["tls"])
    await session.close()
    began = time.monotonic()
    try:
        session = await _open(server, trial)
    except ServerFault as fault:
        yield checks["login"].fault(*told(fault.message))
        return
    yield checks["login"].ok(_after(began, server.user) if server.user else wording("不用登录", "no login wanted"))
    try:
        yield _size(session, trial.largest_bytes, checks["size"])
        yield await _sender(session, return_path_of(server, trial.sender), trial, checks["sender"])
    finally:
        await session.close()


async def _open(server: Server, trial: Trial) -> SmtpSession:
    return await SmtpTransport(server, timeouts=trial.timeouts, trust=trial.trust).open()


def _after(began: float, what: str = "") -> Wording:
    seconds = time.monotonic() - began
    before = f"{what}，" if what else ""
    return wording(f"{before}用时 {seconds:.2f} 秒", f"{what + ', ' if what else ''}{seconds:.2f} s")


def _not_reached(server: Server, fault: ServerFault, checks: dict[str, Check]) -> list[Finding]:
    """Say whether the connection failed or, with it standing, the TLS."""
    if not _is_of_tls(server, fault):
        return [checks["connect"].fault(*told(fault.message))]
    reached = checks["connect"].ok(wording("连得上", "reached"))
    return [reached, checks["tls"].fault(*told(fault.message))]


def _is_of_tls(server: Server, fault: ServerFault) -> bool:
    cause = fault.__cause__
    if cause is None:
        # The one refusal of ours that no error of the library stands behind: STARTTLS is not offered.
        return server.security == "starttls"
    return isinstance(cause, ssl.SSLError) or isinstance(cause.__cause__, ssl.SSLError)


def _tls(server: Server, session: SmtpSession, now: datetime, check: Check) -> Finding:
    secured = session.secured
    if secured is None:
        return check.ok(wording("不加密，只在本机之内", "in clear, within this machine"))
    certificate: dict[str, Any] = dict(secured.getpeercert() or {})
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days, issuer = (expires - now).days, _issuer(certificate)
    seen = wording(
        f"{secured.version()}，证书由 {issuer} 签发，还有 {days} 天到期",
        f"{secured.version()}, certificate of {issuer}, {days} days left",
    )
    if expires - now < EXPIRES_SOON:
        return check.warning(
            seen,
            wording(
                f"请 {server.host} 的管理员更新证书，到期后什么也发不出去",
                f"ask whoever runs {server.host} to renew it: once expired, nothing can be sent",
            ),
        )
    return check.ok(seen)


def _issuer(certificate: dict[str, Any]) -> str:
    names = {key: value for group in certificate.get("issuer", ()) for key, value in group}
    return str(names.get("organizationName") or names.get("commonName") or "?")


def _size(session: SmtpSession, largest: int, check: Check) -> Finding:
    limit = session.largest
    ours = f"{largest / 1_000_000:.1f} MB"
    if not limit:
        return check.ok(
            wording(f"服务器没有说上限；最大的邮件约 {ours}", f"no limit told; our largest mail is about {ours}")
        )
    seen = wording(
        f"上限 {limit / 1_000_000:.1f} MB，最大的邮件约 {ours}",
        f"{limit / 1_000_000:.1f} MB, our largest mail is about {ours}",
    )
    if largest > limit:
        return check.fault(
            seen,
            wording(
                "减小 max_html_kb 或图片，或请服务商提高上限",
                "lower max_html_kb, use smaller pictures, or ask for more",
            ),
        )
    return check.ok(seen)


def return_path_of(server: Server, sender: Address) -> str:
    """Return an envelope sender of the form that this server gets, naming no copy."""
    return specimen(sender) if server.return_path == "verp" else sender.text


async def _sender(session: SmtpSession, return_path: str, trial: Trial, check: Check) -> Finding:
    began = time.monotonic()
    size = min(trial.largest_bytes, session.largest) if session.largest else trial.largest_bytes
    try:
        await session.try_sender(return_path, size)
    except ServerFault as fault:
        return check.fault(*told(fault.message))
    return check.ok(_after(began, return_path))
