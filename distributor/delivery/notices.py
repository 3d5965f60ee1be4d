"""Letters to operators: one message for one person, no copy of a mailing and nothing that a ledger counts.

A subject, HTML and plain text enter, bytes ready for a transport leave; pure. No header makes it look like mail of a
list: there is nothing to unsubscribe from, and an operator's filter for the publication must not file it away. Who
answers a letter that a machine wrote is told so (RFC 3834 §5). Rules: RFC 5322, RFC 2045–2047, RFC 3834, RFC 6376.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from email.utils import format_datetime

from distributor.addresses import Address, Mailbox
from distributor.delivery import headers
from distributor.delivery.compose import PicturePart
from distributor.delivery.headers import Header
from distributor.delivery.signing import Signer, check_relaxed, prepare_seal
from distributor.delivery.stencil import encode_lines
from distributor.delivery.wire import Wire

_TEXT_PART = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
_HTML_PART = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One letter: from whom, to whom, when (shown in `zone`), and what it says.

    `identity` becomes the local part of the Message-ID: the same letter sent again bears the same one. `pictures` are
    those that the HTML names by `cid:`.
    """

    sender: Mailbox
    to: Address
    at: datetime
    zone: tzinfo
    identity: str
    subject: str
    html: str
    text: str
    pictures: tuple[PicturePart, ...] = ()


def compose_notice(notice: Notice, *, signer: Signer | None = None, extra: Sequence[Header] = ()) -> bytes:
    """Return the letter as a `Wire`, with CRLF throughout and signed where there is a signer; `extra` for a relay.

    Raises DistributorError when the built headers are not the intended ones: then nothing must go.
    """
    boundary = f"=_alt_{hashlib.sha256(f'{notice.identity}{notice.to.key}'.encode()).hexdigest()[:24]}"
    head = _head(notice, boundary)
    body = _body(notice, boundary)
    signature = b""
    if signer is not None:
        check_relaxed(body)
        seal = prepare_seal(signer, fixed=head, own=(), begun=[body], at=notice.at)
        signature = headers.join_headers((seal.sign((), ()),))
    message = b"".join((signature, headers.join_headers((*head, *extra)), b"\r\n", body))
    headers.check_lines(message)
    return Wire(message)


def _head(notice: Notice, boundary: str) -> tuple[Header, ...]:
    value, sender = headers.value_header, notice.sender
    return (
        value("Date", format_datetime(notice.at.astimezone(notice.zone))),
        headers.address_header("From", shown=sender.name, address=sender.address.text),
        headers.address_header("To", shown="", address=notice.to.text),
        value("Message-ID", f"<{notice.identity}@{sender.address.domain}>"),
        headers.text_header("Subject", notice.subject),
        value("Auto-Submitted", "auto-generated"),
        value("MIME-Version", "1.0"),
        value("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    )


def _body(notice: Notice, boundary: str) -> bytes:
    parts = (_TEXT_PART + b"\r\n" + _lines(notice.text), _html_part(notice, boundary.replace("_alt_", "_rel_")))
    return b"".join([*(b"--%b\r\n%b" % (boundary.encode(), part) for part in parts), b"--%b--\r\n" % boundary.encode()])


def _html_part(notice: Notice, boundary: str) -> bytes:
    """Return the HTML, with its pictures in multipart/related (RFC 2387) where it has any."""
    page = _HTML_PART + b"\r\n" + _lines(notice.html)
    if not notice.pictures:
        return page
    opening = f'Content-Type: multipart/related; type="text/html";\r\n boundary="{boundary}"\r\n\r\n'.encode()
    inside = (page, *(picture.part for picture in notice.pictures))
    return b"".join(
        [opening, *(b"--%b\r\n%b" % (boundary.encode(), part) for part in inside), b"--%b--\r\n" % boundary.encode()]
    )


def _lines(text: str) -> bytes:
    # Line ends become CRLF first: the canonical form of text (RFC 2046 §4.1.1) is what base64 encodes.
    return encode_lines(_LINE_END.sub("\r\n", text).encode())
