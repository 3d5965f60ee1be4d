"""The words of delivery: copies, envelopes, outcomes, and what a ledger counts.

A copy is one delivery row in our hands. Sending it ends in exactly one `Outcome`; trouble that is the server's
and not the reader's (connect, TLS, login, any refusal at MAIL FROM) is no outcome but a `ServerFault`, charged to
nobody. States and their sum are in docs/architecture.md.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from distributor.identifiers import DeliveryId, EditionKey, IssueId, MailingId, PublicId

Channel = Literal["smtp", "outbox"]
State = Literal[
    "pending",
    "claimed",
    "sending",
    "accepted",
    "stored",
    "deferred",
    "refused",
    "uncertain",
    "suppressed",
    "expired",
    "cancelled",
]
IN_HAND: tuple[State, ...] = ("claimed", "sending")
"""Some sender holds the copy, under a lease."""
OPEN_STATES: tuple[State, ...] = ("pending", "claimed", "sending", "deferred")
"""A mailing is finished when none of its rows is in one of these (and none is uncertain under `resend`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """SMTP sender and recipient, exactly as they go on the wire; never taken from headers (RFC 5321 §3.3)."""

    sender: str
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server said: code, RFC 3463 enhanced code (may be empty) and text; code None when it said nothing."""

    code: int | None
    enhanced: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The server took responsibility: 250 after the final dot."""

    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Written to the outbox on this host; nothing left it. `file` is the Maildir file name."""

    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Not taken, try again later: a temporary reply, or the connection was lost before the final dot."""

    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Not taken and asking again is useless: this recipient or this message was refused for good."""

    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The final dot may have left and no answer came: SMTP itself does not tell (RFC 1047)."""

    reply: Reply


Outcome = Accepted | Stored | Deferred | Refused | Uncertain


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One delivery claimed by us; `attempts` counts earlier tries, moments are UTC."""

    id: DeliveryId
    mailing: MailingId
    edition: EditionKey
    public_id: PublicId
    email_key: str
    address: str
    name: str
    format: Literal["html", "text"]
    attempts: int
    first_tried_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """One sending of an issue as the ledger keeps it; what a dispatcher needs to send its copies."""

    id: MailingId
    channel: Channel
    issue: IssueId
    send_no: int
    origin: str
    state: Literal["preparing", "running", "paused", "cancelled"]
    fingerprint: str
    token_mark: str
    address_mark: str
    message_date: datetime
    planned: int
    already_mailed: int
    without_section: int
    reason: str = ""


class Session(Protocol):
    """One open connection; copies go through it one after the other."""

    async def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Send one message (CRLF lines, no dot-stuffing yet) and say what came of it.

        Raises ServerFault when the trouble is the server's; the session is then closed.
        """
        ...

    @property
    def usable(self) -> bool:
        """Whether another message may go through; False after the connection was lost."""
        ...

    async def close(self) -> None:
        """End the session politely if it still stands; never raises."""
        ...


class Transport(Protocol):
    """A way out: an SMTP server or the outbox."""

    @property
    def name(self) -> str:
        """The name that ledger rows and limits carry, e.g. smtp.example.com:465."""
        ...

    @property
    def channel(self) -> Channel:
        """Which channel its copies belong to."""
        ...

    async def open(self) -> Session:
        """Connect, secure and authenticate; raises ServerFault."""
        ...
