"""A mail server as the settings name it, checked and ready to connect to.

Pure: an `[[smtp]]` table and its password enter, a `Server` leaves, or all faults of the table with their lines.
smtps:// is TLS from the first byte (RFC 8314), smtp:// wants STARTTLS and never goes on without it (RFC 3207),
smtp+plaintext:// goes in clear and is for a relay on this host alone.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from distributor.config.model import KeyPath, Places, Smtp
from distributor.delivery.headers import Header, is_clean, is_header_name, value_header
from distributor.errors import ConfigError
from distributor.problems import Problem, Wording, wording

Security = Literal["tls", "starttls", "plaintext"]
ReturnPath = Literal["sender", "verp"]
_SCHEMES: Mapping[str, tuple[Security, int]] = {
    "smtps": ("tls", 465),
    "smtp": ("starttls", 587),
    "smtp+plaintext": ("plaintext", 25),
}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+", re.ASCII)
_OURS = frozenset(
    {"date", "from", "sender", "to", "cc", "bcc", "subject", "message-id", "return-path", "received"}
    | {"list-id", "list-unsubscribe", "list-unsubscribe-post", "list-help", "list-archive", "feedback-id"}
    | {"auto-submitted", "precedence", "mime-version", "dkim-signature"}
)
"""Headers that only we may write; `content-*` and `resent-*` too."""

_Fault = tuple[Wording, Wording]
_IN_CLEAR = wording(
    "smtp+plaintext:// 不加密，只能用于本机的转发服务",
    "smtp+plaintext:// is unencrypted and only for a relay on this host",
)
_EXAMPLE = wording("写成 smtps://用户名@smtp.example.com:465 的样子", "write it like smtps://user@smtp.example.com:465")
_SCHEME_REMEDY = wording(
    "以 smtps:// (TLS)、smtp:// (STARTTLS) 或 smtp+plaintext:// (只限本机) 开头，端口是 1 到 65535 的数字",
    "begin with smtps:// (TLS), smtp:// (STARTTLS) or smtp+plaintext:// (this host only); the port is 1 to 65535",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where and how to connect; `user` is empty where the relay wants no login.

    `headers` go into every message; `sign` says whether we sign what goes here, where we have a key; `return_path`
    whether the envelope names the sender alone or each copy (VERP).
    """

    host: str
    port: int
    security: Security
    user: str = ""
    password: SecretStr | None = field(default=None, repr=False)
    headers: tuple[Header, ...] = ()
    sign: bool = True
    return_path: ReturnPath = "sender"

    def __post_init__(self) -> None:
        if self.security == "plaintext" and not self.is_on_this_host:
            raise ConfigError(_IN_CLEAR)

    @property
    def name(self) -> str:
        """The name that ledger rows and limits carry: `smtp.example.com:465`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_on_this_host(self) -> bool:
        """Whether nothing that goes to this server leaves the host by that alone."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether `host` is this host by its name or address; a name that would have to be looked up is not."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def parse_server(
    smtp: Smtp, *, password: SecretStr | None, index: int, places: Places
) -> tuple[Server | None, tuple[Problem, ...]]:
    """Read the `index`-th (from 0) `[[smtp]]` table; None where any fault is among the problems."""
    split, faults = _split(smtp.url)
    if split is not None:
        faults += _url_faults(split, password)
    problems = [_problem(places, ("smtp", index, "url"), fault) for fault in faults]
    problems += [_problem(places, ("smtp", index, "headers"), fault) for fault in _header_faults(smtp.headers)]
    if split is None or problems:
        return None, tuple(problems)
    security, port = _SCHEMES[split.scheme]
    server = Server(
        host=split.hostname or "",
        port=split.port or port,
        security=security,
        user=unquote(split.username or ""),
        password=password,
        headers=tuple(value_header(name, value) for name, value in smtp.headers.items()),
        sign=smtp.sign,
        return_path=smtp.return_path,
    )
    return server, ()


def _problem(places: Places, key: KeyPath, fault: _Fault) -> Problem:
    what, remedy = fault
    return Problem(path=places.path, line=places.line_of(*key), what=what, remedy=remedy)


def _split(url: str) -> tuple[SplitResult | None, list[_Fault]]:
    try:
        split = urlsplit(url)
        known = split.scheme in _SCHEMES and split.port != 0
    except ValueError:
        known = False
    if known:
        return split, []
    # Whatever stands before the @ may hold a password.
    shown = url.rpartition("@")[2]
    return None, [(wording(f"看不懂服务器地址 {shown!r}", f"cannot read the server URL {shown!r}"), _SCHEME_REMEDY)]


def _url_faults(split: SplitResult, password: SecretStr | None) -> list[_Fault]:
    host = split.hostname or ""
    faults: list[tuple[bool, Wording, Wording]] = [
        (
            not _HOST.fullmatch(host),
            wording("服务器地址里没有可用的主机名", "the server URL names no usable host"),
            _EXAMPLE,
        ),
        (
            bool(split.path.strip("/") or split.query or split.fragment),
            wording("服务器地址在端口之后还有内容", "the server URL goes on after the port"),
            _EXAMPLE,
        ),
        (
            split.password is not None,
            wording("密码不能写在服务器地址里", "the password must not stand in the server URL"),
            wording(
                "删掉它，用 password_file 或 DISTRIBUTOR_SMTP_PASSWORD",
                "remove it; use password_file or DISTRIBUTOR_SMTP_PASSWORD",
            ),
        ),
        (
            split.scheme == "smtp+plaintext" and not is_loopback(host),
            _IN_CLEAR,
            wording("改用 smtps:// 或 smtp://，或写 127.0.0.1", "use smtps:// or smtp://, or write 127.0.0.1"),
        ),
        (
            bool(split.username) and password is None,
            wording("服务器地址里有用户名，但没有密码", "the server URL has a user but there is no password"),
            wording(
                "设置 password_file 或 DISTRIBUTOR_SMTP_PASSWORD", "set password_file or DISTRIBUTOR_SMTP_PASSWORD"
            ),
        ),
        (
            not split.username and password is not None,
            wording("有密码，但服务器地址里没有用户名", "there is a password but the server URL has no user"),
            _EXAMPLE,
        ),
    ]
    return [(what, remedy) for wrong, what, remedy in faults if wrong]


def _header_faults(headers: Mapping[str, str]) -> list[_Fault]:
    remedy = wording("只加转发商要求的邮件头，名称和值用 ASCII", "add only what the relay asks for, in ASCII")
    return [
        (wording(f"不能加邮件头 {name!r}", f"the header {name!r} cannot be added"), remedy)
        for name, value in headers.items()
        if not _may_be_added(name, value)
    ]


def _may_be_added(name: str, value: str) -> bool:
    lower = name.lower()
    ours = lower in _OURS or lower.startswith(("content-", "resent-"))
    return is_header_name(name) and not ours and bool(value) and is_clean(value) and len(name) + len(value) < 900
