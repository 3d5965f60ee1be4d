"""The envelope sender that names a copy (VERP): `weekly+<tag>@news.example.com`, signed and read again.

Pure; the keys are an argument. A bounce comes back to this address and so says which reader's copy of which mailing
it is about, whatever its text says; the MAC keeps strangers from making bounces up. The tag is lower-case base32 of
one length, because mail systems on the way back fold letter case: 30 bits of mailing, 120 of public id, 80 of
HMAC-SHA-256 (RFC 2104). A local part has at most 64 octets (RFC 5321 §4.5.3.1.1), so 17 are left for the sender's.
"""

import base64
import hmac
import re
from collections.abc import Sequence

from distributor.addresses import Address
from distributor.config.model import Places, Smtp
from distributor.delivery.headers import is_wire_address
from distributor.identifiers import MailingId, PublicId
from distributor.problems import Problem, wording
from distributor.subscribers.tokens import Keyring

_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_MAILING = 6
_PUBLIC_ID = 24
_MAC = 16
_MAC_BYTES = 10
TAG_LENGTH = _MAILING + _PUBLIC_ID + _MAC
LONGEST_LOCAL = 64
"""Octets of a local part (RFC 5321 §4.5.3.1.1)."""
LONGEST_SENDER = LONGEST_LOCAL - TAG_LENGTH - len("+")
MOST_MAILINGS = 32**_MAILING
"""Numbers of mailings that a tag can hold; one a minute for two thousand years."""

_PLAIN_ID = re.compile(rf"[a-z2-7]{{{_PUBLIC_ID}}}", re.ASCII)
_ADDRESS = re.compile(
    rf"[^@]+\+(?P<mailing>[a-z2-7]{{{_MAILING}}})(?P<public_id>[a-z2-7]{{{_PUBLIC_ID}}})(?P<mac>[a-z2-7]{{{_MAC}}})@[^@]+",
    re.ASCII,
)


def sign_return_path(keyring: Keyring, sender: Address, mailing: MailingId, public_id: PublicId) -> str:
    """Return the envelope sender of a reader's copy in a mailing, the same one every time.

    Raises ValueError for what no tag can hold; that the sender leaves room was seen to at the start.
    """
    if not 0 <= mailing < MOST_MAILINGS or not _PLAIN_ID.fullmatch(public_id):
        raise ValueError("a tag holds a mailing below 2^30 and a public id of 24 characters in lower-case base32")
    named = "".join(_DIGITS[mailing >> shift & 31] for shift in range(5 * _MAILING - 5, -1, -5)) + public_id
    # The oldest key: a new key must not change the return path of a copy that goes again.
    return _tagged(sender, named + _mac(list(keyring.keys.values())[-1], named))


def read_return_path(keyring: Keyring, text: str) -> tuple[MailingId, PublicId] | None:
    """Return whose copy a return path names, in whatever letter case it comes; None for any that we did not sign."""
    match = _ADDRESS.fullmatch(text.lower()) if text.isascii() else None
    if match is None:
        return None
    named, mac = match["mailing"] + match["public_id"], match["mac"]
    # Every key is tried, so that the time taken does not tell which one it was.
    if not sum(hmac.compare_digest(mac, _mac(key, named)) for key in keyring.keys.values()):
        return None
    mailing = 0
    for digit in match["mailing"]:
        mailing = mailing << 5 | _DIGITS.index(digit)
    return MailingId(mailing), PublicId(match["public_id"])


def specimen(sender: Address) -> str:
    """Return an address of the same form that names no copy, to try a server with."""
    return _tagged(sender, _DIGITS[0] * TAG_LENGTH)


def return_path_problems(servers: Sequence[Smtp], sender: Address, places: Places) -> tuple[Problem, ...]:
    """Return a problem for each server whose return paths would be too long for this sender."""
    if len(sender.local) <= LONGEST_SENDER and is_wire_address(specimen(sender)):
        return ()
    return tuple(
        Problem(
            path=places.path,
            line=places.line_of("smtp", index, "return_path"),
            what=wording(
                f'发件地址 {sender.text} 太长，不能用 return_path = "verp"',
                f'the sender {sender.text} is too long for return_path = "verp"',
            ),
            remedy=wording(
                f'@ 前面最多 {LONGEST_SENDER} 个字符；换短的地址，或写 return_path = "sender"',
                f'at most {LONGEST_SENDER} characters before the @: choose a shorter one, or return_path = "sender"',
            ),
        )
        for index, server in enumerate(servers)
        if server.return_path == "verp"
    )


def _tagged(sender: Address, tag: str) -> str:
    return f"{sender.local}+{tag}@{sender.domain}"


def _mac(key: bytes, named: str) -> str:
    digest = hmac.digest(key, b"distributor return path\0" + named.encode("ascii"), "sha256")
    return base64.b32encode(digest[:_MAC_BYTES]).decode("ascii").lower()
