"""DKIM: each copy signed, so that a receiver can tell that our domain wrote its headers and its body.

A `[dkim]` table with the text of its key enters, and a `Signer` leaves or all faults; then what the copies of a form
share makes a `Seal`, and each copy's own headers and body a DKIM-Signature header. Pure. PKCS #1 v1.5 signatures hold
nothing random and t= is the mailing's date: under one key the same copy is the same bytes, always.
relaxed/relaxed costs no more than simple here: what we write has no doubled, trailing or empty white space, so a
body is its own relaxed form (checked once per form), and a relay that touches white space breaks nothing.
Rules: RFC 6376, RFC 8301 (rsa-sha256, key sizes), RFC 8058 §4 (the unsubscribe headers are signed).
"""

import binascii
import hashlib
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from distributor import addresses
from distributor.addresses import Address
from distributor.config.model import Dkim, Places
from distributor.delivery.headers import Header
from distributor.errors import DistributorError
from distributor.problems import Problem, Wording, wording

KEY_BITS = 2048
"""What a new key has and the least that is accepted: RFC 8301 §3.2, and what a DNS record still carries well."""

# What is signed, of what a message has. A relay's own headers are not: relays take them out again.
_SIGNED = frozenset(
    {"from", "to", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
    | {"list-id", "list-unsubscribe", "list-unsubscribe-post", "list-archive", "list-help"}
    | {"feedback-id", "auto-submitted"}
)
# Named once more than they stand, so that nobody can add a second one above ours (RFC 6376 §5.4.2 and §8.15): what
# readers are shown, what says how a body is read, and the way out.
_OVERSIGNED = (
    "from",
    "to",
    "subject",
    "date",
    "mime-version",
    "content-type",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NOT_RELAXED = re.compile(rb"[ \t]\r\n|[ \t]{2}|\t|\A\r\n\Z|\r\n\r\n\Z|[^\n]\Z")
_LINE = 72
_PADDING, _DIGEST = PKCS1v15(), hashes.SHA256()

_Fault = tuple[Wording, Wording]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs: the domain (an A-label) and the selector name the DNS record that holds the key's public half."""

    domain: str
    selector: str
    key: RSAPrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What the signatures of all copies of one form share; made by `prepare_seal`.

    `fixed` are the relaxed headers that never differ; `own` names, in order, those that do; `begun` has hashed the
    beginning of the body. `folded` and `unfolded` are the signature's own header up to the body hash.
    """

    key: RSAPrivateKey = field(repr=False)
    fixed: bytes
    own: tuple[str, ...]
    begun: "hashlib._Hash" = field(repr=False)
    folded: bytes
    unfolded: bytes

    def sign(self, own: Sequence[Header], rest: Iterable[bytes]) -> Header:
        """Return the DKIM-Signature of a copy: its own headers, and its body from where `begun` stopped.

        Raises DistributorError when the headers are not those that were announced.
        """
        if tuple(header.name.lower() for header in own) != self.own:
            raise DistributorError(_OTHER_HEADERS)
        body = self.begun.copy()
        for piece in rest:
            body.update(piece)
        body_hash = binascii.b2a_base64(body.digest(), newline=False)
        signed = b"".join([self.fixed, *map(relaxed, own), self.unfolded, body_hash, b"; b="])
        value = binascii.b2a_base64(self.key.sign(signed, _PADDING, _DIGEST), newline=False)
        lines = [value[start : start + _LINE] for start in range(0, len(value), _LINE)]
        return Header(
            name="DKIM-Signature",
            line=b"".join([self.folded, body_hash, b";\r\n b=", b"\r\n ".join(lines), b"\r\n"]),
        )


def prepare_seal(
    signer: Signer, *, fixed: Sequence[Header], own: Sequence[str], begun: Iterable[bytes], at: datetime
) -> Seal:
    """Prepare the signatures of all copies that have the headers `fixed` and a body that begins with `begun`.

    `own` names the headers that differ between copies; `at` is the moment of all the signatures.
    """
    same = [header for header in fixed if header.name.lower() in _SIGNED]
    varying = tuple(name.lower() for name in own)
    named = [*(header.name.lower() for header in same), *varying]
    # The names stand without blanks, but for the one that a fold leaves behind (RFC 6376 §3.5, h=).
    listed = textwrap.wrap("h=" + ": ".join([*named, *_OVERSIGNED]) + ";", _LINE, break_on_hyphens=False)
    lines = [
        f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={signer.domain};",
        f"s={signer.selector}; t={int(at.timestamp())};",
        *(line.replace(": ", ":") for line in listed),
        "bh=",
    ]
    return Seal(
        key=signer.key,
        fixed=b"".join(map(relaxed, same)),
        own=varying,
        begun=hashlib.sha256(b"".join(begun)),
        folded=("DKIM-Signature: " + "\r\n ".join(lines)).encode("ascii"),
        unfolded=("dkim-signature:" + " ".join(lines)).encode("ascii"),
    )


def relaxed(header: Header) -> bytes:
    """Return a header in its relaxed form, its CRLF included (RFC 6376 §3.4.2)."""
    name, _, value = header.line.partition(b":")
    return b"%b:%b\r\n" % (name.strip().lower(), b" ".join(value.split()))


def check_relaxed(body: bytes) -> None:
    """Check that a body is its own relaxed form (RFC 6376 §3.4.4); raises DistributorError."""
    if body and _NOT_RELAXED.search(body):
        raise DistributorError(_NOT_SIGNABLE)


def parse_signer(
    dkim: Dkim, pem: bytes | None, *, sender: Address, places: Places
) -> tuple[Signer | None, list[Problem]]:
    """Read the `[dkim]` table and its key, `pem` being None where its file had faults of its own.

    No signer is returned without a key, or where any fault is among the problems.
    """
    domain = parse_domain(dkim.domain)
    key, problems = parse_key(pem, path=dkim.key_file) if pem is not None else (None, [])
    faults = {"domain": domain_fault(dkim.domain, sender), "selector": selector_fault(dkim.selector)}
    problems += [
        Problem(path=places.path, line=places.line_of("dkim", name), what=fault[0], remedy=fault[1])
        for name, fault in faults.items()
        if fault is not None
    ]
    if domain is None or key is None or problems:
        return None, problems
    return Signer(domain=domain, selector=dkim.selector, key=key), []


def parse_key(pem: bytes, *, path: str) -> tuple[RSAPrivateKey | None, list[Problem]]:
    """Read a private key from PEM text (PKCS #8 or #1); None with the fault where it will not do."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None, [_key_problem(path, _UNREADABLE)]
    if not isinstance(key, RSAPrivateKey):
        return None, [_key_problem(path, _NOT_RSA)]
    if key.key_size < KEY_BITS:
        weak = wording(f"密钥只有 {key.key_size} 位，太弱", f"the key has {key.key_size} bits, which is too weak")
        return None, [_key_problem(path, weak)]
    return key, []


def parse_domain(text: str) -> str | None:
    """Return a domain as an A-label in lower case, None where it is none."""
    address = addresses.parse_address(f"postmaster@{text}")
    return address.domain if address else None


def domain_fault(text: str, sender: Address) -> _Fault | None:
    """Return why a sender may not be signed for by this domain: DMARC wants them to be one, or the sender below."""
    domain = parse_domain(text)
    if domain is None:
        return (
            wording(f"域名不对：{text}", f"not a domain: {text}"),
            wording(f"写成 {sender.domain}", f"write {sender.domain}"),
        )
    if sender.domain == domain or sender.domain.endswith(f".{domain}"):
        return None
    return (
        wording(
            f"发件人 {sender.text} 不在域名 {domain} 之下，这样的签名对 DMARC 没有用",
            f"the sender {sender.text} is not under {domain}, and DMARC counts no such signature",
        ),
        wording(f"改成 {sender.domain}，或改发件人地址", f"write {sender.domain}, or change the sender"),
    )


def selector_fault(text: str) -> _Fault | None:
    """Return why a text cannot be a selector, which is part of a DNS name (RFC 6376 §3.1)."""
    if _SELECTOR.fullmatch(text):
        return None
    return (
        wording(f"选择符不能用：{text!r}", f"not a usable selector: {text!r}"),
        wording("只用英文字母、数字和 -，例如 s2026", "use letters, digits and -, for example s2026"),
    )


def _key_problem(path: str, what: Wording) -> Problem:
    return Problem(path=path, line=None, what=what, remedy=_NEW_KEY)


_UNREADABLE = wording("看不懂这个密钥文件，或它有口令", "this is no readable private key, or it has a passphrase")
_NOT_RSA = wording("不是 RSA 密钥，多数收件方不认", "not an RSA key, and most receivers know no other")
_NEW_KEY = wording(
    "用 distributor dkim new 另建一个，再改 [dkim] 的 selector 和 key_file",
    "make another with `distributor dkim new` and change selector and key_file in [dkim]",
)
_OTHER_HEADERS = wording(
    "要签名的邮件头与准备的不同，这封邮件没有发出；请把日志交给开发者",
    "the headers to sign are not those announced, so the message was not sent; please report it with the log",
)
_NOT_SIGNABLE = wording(
    "邮件正文里有多余的空白，签名经不起转发，没有发出；请把日志交给开发者",
    "the body holds white space that a relay may change, so nothing was signed; please report it with the log",
)
