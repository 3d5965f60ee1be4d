"""TLS that cannot be trusted: the server's own record of commands says that nothing was said in clear."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from sqlalchemy.engine import URL

from tests.delivery import journal_steps
from tests.delivery.crash_sender import GAVE_UP
from tests.delivery.journal_steps import SOUND, finish, judge, prepared
from tests.smtp_journal_server import HOST, Tls, journal_server

READERS = 20
LOGIN = ("--user", "weekly@example.com", "--password", "a-password")
# What a client may say before it is secured.
HARMLESS = {"EHLO", "STARTTLS", "QUIT"}
SECURITY: dict[Tls, str] = {"none": "starttls", "starttls": "starttls", "implicit": "tls"}

Issue = Callable[[trustme.CA], trustme.LeafCert]


def sound(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(HOST)


def unknown(_authority: trustme.CA) -> trustme.LeafCert:
    return trustme.CA().issue_cert(HOST)


def of_another_name(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("other.example.com")


def expired(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(HOST, not_after=datetime.now(UTC) - timedelta(days=1))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA, tmp_path: Path) -> tuple[str, ...]:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return ("--trust", str(tmp_path / "authority.pem"))


def written(folder: Path, leaf: trustme.LeafCert) -> Path:
    path = folder / "server.pem"
    leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
    return path


UNTRUSTED: dict[str, tuple[Tls, Issue, tuple[str, ...]]] = {
    "unknown authority": ("starttls", unknown, ()),
    "unknown authority from the first byte": ("implicit", unknown, ()),
    "another name": ("starttls", of_another_name, ()),
    "another name from the first byte": ("implicit", of_another_name, ()),
    "expired": ("starttls", expired, ()),
    "expired from the first byte": ("implicit", expired, ()),
    "STARTTLS stripped": ("none", sound, ()),
    "454 to STARTTLS": ("starttls", sound, ("starttls 454 text=4.7.0_TLS_not_available",)),
    "garbage to STARTTLS": ("starttls", sound, ("starttls garbage",)),
    "closed at STARTTLS": ("starttls", sound, ("starttls drop",)),
}


@pytest.mark.parametrize(("tls", "issue", "rules"), UNTRUSTED.values(), ids=UNTRUSTED.keys())
async def test_without_trusted_tls_nothing_is_said_and_nobody_is_charged(
    sqlite_url: URL,
    tmp_path: Path,
    authority: trustme.CA,
    trust: tuple[str, ...],
    tls: Tls,
    issue: Issue,
    rules: tuple[str, ...],
) -> None:
    await prepared(sqlite_url, READERS)
    certificate, report = written(tmp_path, issue(authority)), tmp_path / "report.jsonl"
    options = ("--security", SECURITY[tls], *LOGIN, *trust, "--pauses", "1", "--report", str(report))

    with journal_server(tmp_path, *rules, tls=tls, certificate=certificate) as server:
        finish(sqlite_url, server, *options, code=GAVE_UP)
        said = server.commands

    (reason,) = [pause["reason"] for pause in journal_steps.reported(report)]
    assert {verb for verb, _secured in said} <= HARMLESS
    assert not [verb for verb, secured in said if secured]
    assert f"{HOST}:{server.port}" in reason
    assert "a-password" not in reason
    assert await journal_steps.states(sqlite_url) == {"pending": READERS}
    assert await journal_steps.attempts(sqlite_url) == {}


TRUSTED: dict[str, tuple[Tls, tuple[str, ...]]] = {
    "STARTTLS": ("starttls", ()),
    "from the first byte": ("implicit", ()),
    # What was said in clear behind the 220 is thrown away and no answer to anything (RFC 3207 §4.2).
    "an answer injected in clear": ("starttls", ("starttls inject",)),
}


@pytest.mark.parametrize(("tls", "rules"), TRUSTED.values(), ids=TRUSTED.keys())
async def test_with_trusted_tls_login_and_mail_go_through_it_alone(
    sqlite_url: URL,
    tmp_path: Path,
    authority: trustme.CA,
    trust: tuple[str, ...],
    tls: Tls,
    rules: tuple[str, ...],
) -> None:
    await prepared(sqlite_url, READERS)

    with journal_server(tmp_path, *rules, tls=tls, certificate=written(tmp_path, sound(authority))) as server:
        finish(sqlite_url, server, "--security", SECURITY[tls], *LOGIN, *trust)
        found, said = judge(server, READERS), server.commands

    assert found == SOUND
    assert {verb for verb, secured in said if not secured} <= HARMLESS
    assert said["AUTH", True] > 0
    assert said["MAIL", True] == READERS


async def test_outage_of_tls_ends_and_everybody_gets_one(
    sqlite_url: URL, tmp_path: Path, authority: trustme.CA, trust: tuple[str, ...]
) -> None:
    await prepared(sqlite_url, READERS)
    certificate = written(tmp_path, sound(authority))

    with journal_server(tmp_path, "starttls 454 until=4", tls="starttls", certificate=certificate) as server:
        finish(sqlite_url, server, "--security", "starttls", *LOGIN, *trust)
        found = judge(server, READERS)

    assert found == SOUND
    assert server.commands["MAIL", False] == 0
