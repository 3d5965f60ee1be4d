"""Email addresses: one strict gate where they enter, one form in which they leave.

Pure. `parse_address` returns a value whose text is exactly what goes on the wire (RFC 5321 §4.1.2), or None;
nothing is repaired in silence. Internationalised domains become A-labels (RFC 5891); a local part outside ASCII
would need SMTPUTF8 (RFC 6531) and is refused. `EmailKey` says when two spellings are one mailbox: letter case
is folded, dots and plus tags are not.
"""

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from distributor.identifiers import EmailKey

_RESERVED = ("example.com", "example.org", "example.net", "example", "test", "invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A mailbox address; `domain` is an A-label in lower case, `local` as its owner writes it."""

    local: str
    domain: str

    @property
    def text(self) -> str:
        """The address as it goes on the wire."""
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> EmailKey:
        """What makes two spellings the same mailbox: case folded, nothing else."""
        return EmailKey(f"{unicodedata.normalize('NFC', self.local).casefold()}@{self.domain}")

    @property
    def masked(self) -> str:
        """The address for a page or a footer that others may see: `zh***@example.com`."""
        shown = self.local[: 2 if len(self.local) > 3 else 1]
        return f"{shown}***@{self.domain}"

    @property
    def is_reserved(self) -> bool:
        """Whether the domain can never receive mail (RFC 2606, RFC 6761): examples and tests."""
        return any(self.domain == name or self.domain.endswith("." + name) for name in _RESERVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address with the name shown beside it; the name may be empty."""

    name: str
    address: Address


def parse_address(text: str) -> Address | None:
    """Return the address that `text` is, or None when it is not exactly one plain address."""
    if not text.isprintable() or " " in text:
        return None
    try:
        found = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
        )
    except EmailNotValidError:
        return None
    return Address(local=found.local_part, domain=found.ascii_domain.lower())


def parse_mailbox(text: str) -> Mailbox | None:
    """Read `节能减排信息动态 <weekly@news.example.com>` or a bare address; None when it is neither."""
    stripped = text.strip()
    if not stripped.endswith(">"):
        address = parse_address(stripped)
        return Mailbox(name="", address=address) if address else None
    name, _, inner = stripped[:-1].rpartition("<")
    address = parse_address(inner.strip())
    cleaned = name.strip().strip('"').strip()
    if address is None or not cleaned.isprintable() or "=?" in cleaned or "<" in cleaned:
        return None
    return Mailbox(name=cleaned, address=address)
