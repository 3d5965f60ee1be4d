"""Sign and read the links by which an operator decides about an issue: `d1.<key id>.<payload>.<mac>`.

Pure; keys and the moment are arguments. The payload is the act, the issue, what it looked like (its fingerprint), who
was written to and until when, in URL-safe base64 (RFC 4648 §5); the MAC is HMAC-SHA-256 (RFC 2104) cut to 160 bits over
all before it. Unlike a reader's link it ends: two weeks after the mail nobody decides about that issue any more. It is
no reader's token and none of them passes for it, because the MACs begin with different words.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from distributor.identifiers import IssueId
from distributor.subscribers.tokens import Keyring

Act = Literal["approve", "hold"]
LIFETIME = timedelta(days=14)

_VERSION = "d1"
_ACTS: dict[str, Act] = {"approve": "approve", "hold": "hold"}
_LONGEST = 1_000
_MAC_BYTES = 20
_MARK_LENGTH = 32
"""How much of a fingerprint a link bears: 128 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLink:
    """A decision offered to one operator: about an issue that looked like `mark`, the start of its fingerprint."""

    act: Act
    issue: IssueId
    mark: str
    operator: str
    until: datetime

    def is_about(self, fingerprint: str) -> bool:
        """Say whether the issue still is what the operator saw."""
        return self.mark == mark_of(fingerprint)


def mark_of(fingerprint: str) -> str:
    """Return what stands for a fingerprint in a link."""
    return fingerprint[:_MARK_LENGTH]


def sign(keyring: Keyring, link: DeskLink) -> str:
    """Return the token of a link: URL-safe, the same for the same link; `until` counts whole seconds."""
    return _signed(keyring, keyring.current, _payload(link))


def read(keyring: Keyring, token: str) -> DeskLink | None:
    """Return what the token offers, also when its time is over; None for anything that `sign` did not return."""
    parts = token.split(".") if len(token) <= _LONGEST and token.isascii() else []
    if len(parts) != 4 or parts[0] != _VERSION or parts[1] not in keyring.keys:
        return None
    # The whole token is compared: another spelling of the same payload is another token.
    if not hmac.compare_digest(token, _signed(keyring, parts[1], parts[2])):
        return None
    return _link(parts[2])


def _payload(link: DeskLink) -> str:
    fields = (link.act, link.issue, link.mark, link.operator, str(int(link.until.timestamp())))
    return base64.urlsafe_b64encode("\0".join(fields).encode()).decode("ascii").rstrip("=")


def _link(payload: str) -> DeskLink | None:
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        act, issue, mark, operator, until = text.split("\0")
        moment = datetime.fromtimestamp(int(until), UTC)
    except (binascii.Error, ValueError, OverflowError):
        return None
    if act not in _ACTS:
        return None
    return DeskLink(act=_ACTS[act], issue=IssueId(issue), mark=mark, operator=operator, until=moment)


def _signed(keyring: Keyring, key_id: str, payload: str) -> str:
    signed = f"{_VERSION}.{key_id}.{payload}"
    digest = hmac.digest(keyring.keys[key_id], b"distributor desk link\0" + signed.encode("ascii"), "sha256")
    return f"{signed}.{base64.b32encode(digest[:_MAC_BYTES]).decode('ascii').rstrip('=').lower()}"
