"""`[[smtp]]` tables: what staff may write, and every fault with its line."""

from types import MappingProxyType
from typing import Any

import pytest
from pydantic import SecretStr

from distributor.config.model import Places, Smtp
from distributor.delivery.headers import value_header
from distributor.delivery.servers import Server, is_loopback, parse_server
from distributor.errors import ConfigError
from distributor.problems import Problem

PLACES = Places(
    path="distributor.toml",
    lines=MappingProxyType({("smtp", 0): 10, ("smtp", 0, "url"): 11, ("smtp", 0, "headers"): 14}),
)
SECRET = SecretStr("authorisation-code")


def parsed(url: str, *, password: SecretStr | None = None, **fields: Any) -> tuple[Server | None, tuple[Problem, ...]]:
    return parse_server(Smtp(url=url, **fields), password=password, index=0, places=PLACES)


def faults(url: str, *, password: SecretStr | None = None, **fields: Any) -> list[str]:
    server, problems = parsed(url, password=password, **fields)
    assert server is None
    return [problem.text("en") for problem in problems]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtps://smtp.example.com", ("smtp.example.com", 465, "tls")),
        ("smtps://smtp.example.com:994/", ("smtp.example.com", 994, "tls")),
        ("smtp://smtp.example.com", ("smtp.example.com", 587, "starttls")),
        ("SMTP://SMTP.Example.com:25", ("smtp.example.com", 25, "starttls")),
        ("smtp+plaintext://127.0.0.1", ("127.0.0.1", 25, "plaintext")),
        ("smtp+plaintext://localhost:2525", ("localhost", 2525, "plaintext")),
        ("smtp+plaintext://[::1]:2525", ("::1", 2525, "plaintext")),
    ],
)
def test_a_url_says_host_port_and_security(url: str, expected: tuple[str, int, str]) -> None:
    server, problems = parsed(url)

    assert problems == ()
    assert server is not None
    assert (server.host, server.port, server.security) == expected


@pytest.mark.parametrize("user", ["weekly@news.example.com", "weekly%40news.example.com"])
def test_a_user_may_be_a_whole_address_as_exmail_wants_it(user: str) -> None:
    server, problems = parsed(f"smtps://{user}@smtp.example.com:465", password=SECRET)

    assert problems == ()
    assert server is not None
    assert (server.user, server.host) == ("weekly@news.example.com", "smtp.example.com")


@pytest.mark.parametrize(
    "url",
    [
        "smtp.example.com",
        "imap://smtp.example.com",
        "smtps://smtp.example.com:99999",
        "smtps://h:x",
        "smtps://[::1",
        "smtps://h:0",
    ],
)
def test_an_unreadable_url_names_its_line_and_the_three_schemes(url: str) -> None:
    (fault,) = faults(url)

    assert fault.startswith("distributor.toml:11: cannot read the server URL")
    assert "smtps://" in fault
    assert "smtp+plaintext://" in fault


def test_an_unreadable_url_does_not_show_a_password() -> None:
    assert not any("hunter2" in fault for fault in faults("smtq://weekly:hunter2@smtp.example.com"))


@pytest.mark.parametrize(
    "url", ["smtps://", "smtps://:465", "smtps://bad_host", "smtps://邮件.example.com", "smtps://a b"]
)
def test_a_url_without_a_usable_host_is_a_fault(url: str) -> None:
    assert any("names no usable host" in fault for fault in faults(url))


@pytest.mark.parametrize("rest", ["/path", "?a=b", "#x"])
def test_a_url_that_goes_on_is_a_fault(rest: str) -> None:
    assert any("goes on after the port" in fault for fault in faults(f"smtps://smtp.example.com{rest}"))


def test_a_password_in_the_url_is_a_fault_and_not_shown() -> None:
    found = faults("smtps://weekly:hunter2@smtp.example.com", password=SECRET)

    assert any("must not stand in the server URL" in fault for fault in found)
    assert not any("hunter2" in fault for fault in found)


@pytest.mark.parametrize("host", ["smtp.example.com", "10.0.0.1", "192.168.1.1", "localhost.example.com", "0.0.0.0"])
def test_plaintext_to_another_host_is_a_fault(host: str) -> None:
    assert any("only for a relay on this host" in fault for fault in faults(f"smtp+plaintext://{host}"))
    with pytest.raises(ConfigError):
        Server(host=host, port=25, security="plaintext")


def test_a_user_without_password_and_a_password_without_user_are_faults() -> None:
    assert any("there is no password" in fault for fault in faults("smtps://weekly@smtp.example.com"))
    assert any("has no user" in fault for fault in faults("smtps://smtp.example.com", password=SECRET))


def test_all_faults_of_a_table_are_told_at_once() -> None:
    found = faults("smtp+plaintext://weekly:x@10.0.0.1/x", headers={"Bcc": "x@example.com"})

    assert len(found) == 5
    assert found[-1].startswith("distributor.toml:14:")


def test_a_relays_headers_become_lines() -> None:
    server, _ = parsed("smtps://smtp.example.com", headers={"X-Tag": "weekly", "Reply-To": "desk@example.com"})

    assert server is not None
    assert server.headers == (value_header("X-Tag", "weekly"), value_header("Reply-To", "desk@example.com"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Bcc": "x@example.com"},
        {"List-Unsubscribe": "<https://x.example.com>"},
        {"Content-Type": "text/html"},
        {"Resent-To": "x@example.com"},
        {"X Tag": "a"},
        {"X-Tag:": "a"},
        {"X-Tag": "a\r\nBcc: x@example.com"},
        {"X-Tag": "标签"},
        {"X-Tag": "=?utf-8?B?YQ==?="},
        {"X-Tag": ""},
        {"X-Tag": "a" * 1000},
    ],
)
def test_a_header_that_is_ours_or_unfit_cannot_be_added(headers: dict[str, str]) -> None:
    (fault,) = faults("smtps://smtp.example.com", headers=headers)

    assert "cannot be added" in fault


def test_the_password_shows_in_no_repr() -> None:
    server, _ = parsed("smtps://weekly@smtp.example.com", password=SECRET)

    assert "authorisation-code" not in repr(server)


@pytest.mark.parametrize(
    ("host", "name"), [("smtp.example.com", "smtp.example.com:465"), ("2001:db8::1", "[2001:db8::1]:465")]
)
def test_the_name_of_a_server_is_host_and_port(host: str, name: str) -> None:
    assert Server(host=host, port=465, security="tls").name == name


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("10.0.0.1", False),
        ("relay", False),
    ],
)
def test_which_hosts_are_this_host(host: str, local: bool) -> None:
    assert is_loopback(host) is local
