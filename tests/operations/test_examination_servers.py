"""Mail servers tried from connect to QUIT against real servers on the loopback; nothing is ever mailed."""

# ruff: noqa: N802 - aiosmtpd names its hooks so

import asyncio
import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
import trustme
from pydantic import SecretStr

from distributor.addresses import Address
from distributor.delivery.servers import Server
from distributor.delivery.session import Timeouts
from distributor.operations.examinations.findings import Finding
from distributor.operations.examinations.servers import Trial, examine_server, not_examined
from distributor.problems import wording
from tests import smtp_servers
from tests.operations.examining import named, told, verdicts
from tests.smtp_servers import RefusingSender, Sink, serving, talking

USER, PASSWORD = "weekly@office.cn", "authorisation-code-42"
SENDER = Address(local="weekly", domain="office.cn")
SHORT = timedelta(milliseconds=300)
QUICK = Timeouts(connect=SHORT, command=SHORT, quit=SHORT)
STEPS = ["smtp.1.connect", "smtp.1.tls", "smtp.1.login", "smtp.1.size", "smtp.1.sender"]
SECURED: list[Literal["implicit", "starttls"]] = ["implicit", "starttls"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Office Test Authority")


def expiring(authority: trustme.CA, days: int) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    not_after = datetime.now(UTC) + timedelta(days=days, hours=1)
    authority.issue_cert(smtp_servers.HOST, not_after=not_after).configure_cert(context)
    return context


def trial(authority: trustme.CA | None = None, *, largest_bytes: int = 300_000) -> Trial:
    return Trial(
        sender=SENDER,
        largest_bytes=largest_bytes,
        now=datetime.now(UTC),
        trust=smtp_servers.trusting(authority) if authority else None,
        timeouts=QUICK,
    )


async def examined(server: Server, tried: Trial) -> list[Finding]:
    return [finding async for finding in examine_server(server, 1, tried)]


@pytest.mark.parametrize("tls", SECURED)
async def test_a_server_in_order_is_well_in_every_step(
    tls: Literal["implicit", "starttls"], authority: trustme.CA
) -> None:
    sink = Sink(users={USER: PASSWORD})
    async with serving(sink, tls=tls, context=expiring(authority, 90)) as running:
        findings = await examined(smtp_servers.login(running, USER, PASSWORD), trial(authority))

    assert [finding.name for finding in findings] == STEPS
    assert set(verdicts(findings)) == {"ok"}
    assert "Office Test Authority" in findings[1].seen.zh
    assert "90 天" in findings[1].seen.zh
    assert PASSWORD not in told(findings)


async def test_an_examination_ends_with_rset_and_quit_and_mails_nothing(authority: trustme.CA) -> None:
    sink = Sink(users={USER: PASSWORD})
    async with serving(sink, tls="implicit", context=smtp_servers.certificate(authority)) as running:
        await examined(smtp_servers.login(running, USER, PASSWORD), trial(authority))

    verbs = [command.split()[0] for command in sink.commands]
    assert verbs == ["EHLO", "QUIT", "EHLO", "AUTH", "MAIL", "RSET", "QUIT"]
    assert sink.commands[4] == f"MAIL FROM:<{USER}> SIZE=300000"
    assert sink.received == []


async def test_a_server_with_a_return_path_of_its_own_is_tried_with_that_form() -> None:
    async with serving(sink := Sink()) as running:
        findings = await examined(running.server(return_path="verp"), trial())

    tried = next(command for command in sink.commands if command.startswith("MAIL"))
    assert re.fullmatch(r"MAIL FROM:<weekly\+[a-z2-7]{46}@office\.cn> SIZE=300000", tried)
    assert verdicts(findings)[-1] == "ok"


async def test_a_server_that_wants_its_login_for_a_sender_refuses_another_form() -> None:
    class LoginAlone(Sink):
        async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
            return "250 OK" if address == USER else "501 5.1.7 mail from address must be same as authorization user"

    async with serving(LoginAlone()) as running:
        plain = await examined(running.server(), trial())
        named_each = await examined(running.server(return_path="verp"), trial())

    assert [verdicts(findings)[-1] for findings in (plain, named_each)] == ["ok", "fault"]


async def test_a_relay_on_this_host_is_well_without_tls_and_login() -> None:
    async with serving(sink := Sink()) as running:
        findings = await examined(running.server(), trial())

    assert set(verdicts(findings)) == {"ok"}
    assert "不加密" in findings[1].seen.zh
    assert not any(command.startswith("AUTH") for command in sink.commands)


@pytest.mark.parametrize(("days", "verdict"), [(15, "ok"), (13, "warning"), (0, "warning")])
async def test_a_certificate_about_to_expire_is_warned_of(days: int, verdict: str, authority: trustme.CA) -> None:
    async with serving(Sink(), tls="implicit", context=expiring(authority, days)) as running:
        findings = await examined(running.server(), trial(authority))

    assert named(findings, "smtp.1.tls")[0].verdict == verdict
    assert f"还有 {days} 天" in findings[1].seen.zh


@pytest.mark.parametrize("tls", SECURED)
async def test_a_certificate_of_nobody_we_know_is_a_fault_of_the_tls(
    tls: Literal["implicit", "starttls"], authority: trustme.CA
) -> None:
    sink = Sink(users={USER: PASSWORD})
    async with serving(sink, tls=tls, context=smtp_servers.certificate(authority)) as running:
        findings = await examined(smtp_servers.login(running, USER, PASSWORD), trial())

    assert verdicts(findings) == ["ok", "fault", "not checked", "not checked", "not checked"]
    assert findings[1].concern == "environment"
    assert not any(command.startswith("AUTH") for command in sink.commands)


async def test_an_expired_certificate_is_a_fault_of_the_tls(authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    authority.issue_cert(smtp_servers.HOST, not_after=yesterday).configure_cert(context)
    async with serving(Sink(), tls="implicit", context=context) as running:
        findings = await examined(running.server(), trial(authority))

    assert verdicts(findings)[:2] == ["ok", "fault"]
    assert "expired" in findings[1].seen.en


async def test_a_server_that_hides_starttls_is_a_fault_of_the_tls_and_gets_no_password() -> None:
    heard: list[bytes] = []
    async with talking(smtp_servers.stripping_starttls(heard)) as running:
        server = Server(
            host="127.0.0.1", port=running.port, security="starttls", user=USER, password=SecretStr(PASSWORD)
        )
        findings = await examined(server, trial())

    assert verdicts(findings)[:2] == ["ok", "fault"]
    assert "STARTTLS" in findings[1].seen.zh
    assert heard == []


async def test_a_port_where_nobody_listens_is_a_fault_of_the_connection() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    findings = await examined(Server(host="127.0.0.1", port=port, security="tls"), trial())

    assert verdicts(findings) == ["fault", "not checked", "not checked", "not checked", "not checked"]
    assert findings[0].concern == "environment"


@pytest.mark.parametrize(
    "talk",
    [smtp_servers.silent(), smtp_servers.refusing_connections(b"554 5.7.1 go away\r\n")],
    ids=["silent", "refusing"],
)
async def test_a_server_that_will_not_talk_is_a_fault_of_the_connection(talk: smtp_servers.Talk) -> None:
    async with talking(talk) as running:
        findings = await examined(running.server(), trial())

    assert verdicts(findings)[0] == "fault"
    assert findings[0].remedy is not None


async def test_a_refused_login_is_a_fault_for_staff_that_shows_no_password(authority: trustme.CA) -> None:
    sink = Sink(users={USER: "another"})
    async with serving(sink, tls="implicit", context=smtp_servers.certificate(authority)) as running:
        findings = await examined(smtp_servers.login(running, USER, PASSWORD), trial(authority))

    assert verdicts(findings) == ["ok", "ok", "fault", "not checked", "not checked"]
    assert findings[2].concern == "config"
    assert findings[2].remedy is not None
    assert "授权码" in findings[2].remedy.zh
    assert PASSWORD not in told(findings)


@pytest.mark.parametrize(
    ("largest_bytes", "verdict"), [(1_000_000, "ok"), (1_000_001, "fault")], ids=["as large", "larger"]
)
async def test_a_limit_below_our_largest_mail_is_a_fault(largest_bytes: int, verdict: str) -> None:
    sink = Sink()
    sink.size_limit = 1_000_000
    async with serving(sink) as running:
        findings = await examined(running.server(), trial(largest_bytes=largest_bytes))

    assert named(findings, "smtp.1.size")[0].verdict == verdict
    # The sender is tried all the same, with a size that the server can take.
    assert named(findings, "smtp.1.sender")[0].verdict == "ok"


async def test_a_server_that_tells_no_limit_is_well() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await smtp_servers.greet(reader, writer)
        while await reader.readline():
            writer.write(b"250 OK\r\n")

    async with talking(talk) as running:
        findings = await examined(running.server(), trial())

    assert named(findings, "smtp.1.size")[0].verdict == "ok"
    assert named(findings, "smtp.1.sender")[0].verdict == "ok"


@pytest.mark.parametrize(
    "reply", ["501 5.1.7 mail from address must be same as authorization user", "553 sender refused", "440 quota"]
)
async def test_a_refused_sender_is_a_fault_with_the_servers_words(reply: str) -> None:
    async with serving(RefusingSender(reply)) as running:
        findings = await examined(running.server(), trial())

    assert verdicts(findings) == ["ok", "ok", "ok", "ok", "fault"]
    assert reply in findings[4].seen.zh


async def test_a_server_that_leaves_after_mail_from_is_a_fault() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await smtp_servers.greet(reader, writer)
        await reader.readline()
        writer.write(b"250 OK\r\n")
        await reader.readline()

    async with talking(talk) as running:
        findings = await examined(running.server(), trial())

    assert verdicts(findings)[-1] == "fault"


def test_a_server_left_alone_is_one_finding() -> None:
    server = Server(host="smtp.office.cn", port=465, security="tls")

    finding = not_examined(server, 2, wording("离线，没有连接", "offline"))

    assert (finding.name, finding.verdict) == ("smtp.2.connect", "not checked")
    assert "smtp.office.cn:465" in finding.title.zh
