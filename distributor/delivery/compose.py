"""Messages: one form per edition of a mailing, from which a reader's copy is made in tens of microseconds.

A frozen rendition enters with the publication's letterhead, bytes ready for a transport leave; pure. Only To,
Message-ID, List-Unsubscribe, the signature and the places of the two marks differ between readers. Nothing here is
random or asks the time: the same copy is the same bytes, also after a restore. All parts are base64: quoted-printable
triples Chinese, and a relay without 8BITMIME would re-encode raw text and break a signature.
Rules: RFC 5322, RFC 2045–2047, RFC 2387 (related), RFC 2369 and 8058 (unsubscribing), RFC 2919 (List-Id), RFC 3834.
"""

import hashlib
import hmac
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from email.utils import format_datetime
from urllib.parse import quote

from distributor.addresses import Address, Mailbox
from distributor.delivery import headers
from distributor.delivery.headers import Header
from distributor.delivery.model import Copy, Mailing
from distributor.delivery.signing import Seal, Signer, check_relaxed, prepare_seal
from distributor.delivery.stencil import Stencil, cut_stencil, encode_lines
from distributor.delivery.wire import Wire
from distributor.errors import ConfigError, DistributorError
from distributor.identifiers import DeliveryId, EditionKey, IssueId, MailingId, PublicId
from distributor.problems import wording
from distributor.rendering.model import InlinePicture, Rendition

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,256}", re.ASCII)
_CID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}", re.ASCII)
_LIST_ID = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_SENDER_ID = re.compile(r"[A-Za-z0-9_-]{5,15}", re.ASCII)
_IMAGE_TYPE = re.compile(r"image/[a-z0-9][a-z0-9.+-]{0,40}", re.ASCII)
_TEXT_PART = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
_HTML_PART = b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What all mail of a publication carries.

    `key` makes Message-IDs that nobody can guess. `list_id` is the publication's (`weekly.news.example.com`), one
    for all its lists and never changed, because readers filter by it; `sender_id` has 5 to 15 characters and ends
    Gmail's Feedback-ID. `unsubscribe_page` turns a reader's token into the URL of their page, None where no server
    is reachable; `unsubscribe_address` takes the wish by mail. `archive_url` and `help_url` (https or mailto) may
    be empty. Raises ConfigError for what no header can carry.
    """

    sender: Mailbox
    zone: tzinfo
    key: bytes = field(repr=False)
    list_id: str
    sender_id: str
    unsubscribe_page: Callable[[str], str] | None
    unsubscribe_address: Address
    archive_url: str = ""
    help_url: str = ""

    def __post_init__(self) -> None:
        if not _LIST_ID.fullmatch(self.list_id) or not _SENDER_ID.fullmatch(self.sender_id):
            unusable = f"{self.list_id!r}, {self.sender_id!r}"
            raise ConfigError(
                wording(f"List-Id 或 SenderId 不能使用：{unusable}", f"unusable List-Id or SenderId: {unusable}")
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePart:
    """An inline picture as a MIME part, encoded once and shared by all forms of a mailing."""

    cid: str
    part: Wire = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A text part; in HTML the address is escaped when it is filled in."""

    stencil: Stencil
    is_html: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """A body: its MIME headers, then fixed bytes and the parts to be filled in, in order.

    `opening` are the MIME headers as they stand in every copy, with the blank line that ends all headers.
    Where copies are signed, `seal` has the first `sealed` pieces of a filled body behind it.
    """

    mime: tuple[Header, ...]
    opening: Wire
    pieces: tuple[Wire | _Part, ...]
    seal: Seal | None = None
    sealed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageForm:
    """One edition of one mailing, encoded; made once by `prepare_form`, then shared by all its copies.

    `opening` are the headers `head` as they stand in every copy.
    """

    edition: EditionKey
    issue: IssueId
    send_no: int
    domain: str
    key: bytes = field(repr=False)
    token_mark: str
    address_mark: str
    head: tuple[Header, ...]
    opening: Wire
    unsubscribe: Header
    html: _Body
    text: _Body


def picture_part(picture: InlinePicture) -> PicturePart:
    """Encode a picture as the MIME part that `cid:` in the HTML shows; its file name becomes plain ASCII."""
    if not _CID.fullmatch(picture.cid) or not _IMAGE_TYPE.fullmatch(picture.media_type):
        raise DistributorError(wording("图片的标识或类型不能用于邮件", "a picture's cid or type is unfit for mail"))
    filename = re.sub(r"[^A-Za-z0-9._-]+", "-", picture.filename)[-60:]
    head = (
        f"Content-Type: {picture.media_type}\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <{picture.cid}>\r\n"
        f'Content-Disposition: inline; filename="{filename}"\r\n\r\n'
    )
    return PicturePart(cid=picture.cid, part=Wire(head.encode() + encode_lines(picture.content)))


def prepare_form(
    letterhead: Letterhead,
    mailing: Mailing,
    rendition: Rendition,
    *,
    pictures: Mapping[str, PicturePart],
    signer: Signer | None = None,
) -> MessageForm:
    """Encode a rendition for all its readers; `pictures` holds at least those that it names by cid.

    With a signer every copy bears a DKIM-Signature.
    Raises DistributorError when the letterhead's values do not fit into headers, which is found here, before the
    first copy, and not at reader 5,001.
    """
    marks = (mailing.token_mark, mailing.address_mark)
    boundary = hashlib.sha256(f"{mailing.issue}\0{mailing.send_no}\0{rendition.fingerprint}".encode()).hexdigest()[:24]
    head = _fixed_headers(letterhead, mailing, rendition)
    text = _Part(stencil=cut_stencil(rendition.text, marks))
    html_part = _Part(stencil=cut_stencil(rendition.html, marks), is_html=True)
    form = MessageForm(
        edition=rendition.edition,
        issue=mailing.issue,
        send_no=mailing.send_no,
        domain=letterhead.sender.address.domain,
        key=letterhead.key,
        token_mark=mailing.token_mark,
        address_mark=mailing.address_mark,
        head=head,
        opening=Wire(headers.join_headers(head)),
        unsubscribe=_unsubscribe_header(letterhead, mailing.token_mark),
        html=_html_body(text, html_part, [pictures[cid].part for cid in rendition.cids], boundary),
        text=_Body(mime=_TEXT_MIME, opening=_mime_opening(_TEXT_MIME), pieces=(text,)),
    )
    if signer is not None:
        form = _signed(form, signer, mailing)
    for body in (form.html, form.text):
        _check_specimen(form, body)
    return form


def _check_specimen(form: MessageForm, body: _Body) -> None:
    """Read a whole message as its receiver will; what copies do not share is read again in each of them."""
    message = _assemble(form, body, _SPECIMEN, "t" * 160, ())
    signed = ("DKIM-Signature",) if body.seal else ()
    fixed, mime = ([header.name for header in found] for found in (form.head, body.mime))
    headers.check_lines(message)
    headers.check_headers(message, (*signed, *fixed, *_OWN, *mime))


def _signed(form: MessageForm, signer: Signer, mailing: Mailing) -> MessageForm:
    """Return the form with what the signatures of its copies share."""

    def sealed(body: _Body) -> _Body:
        check_relaxed(b"".join(_filled(form, body, _SPECIMEN.address, "t")))
        begun = _beginning(body)
        seal = prepare_seal(signer, fixed=(*form.head, *body.mime), own=_OWN, begun=begun, at=mailing.message_date)
        return replace(body, seal=seal, sealed=len(begun))

    return replace(form, html=sealed(form.html), text=sealed(form.text))


def _beginning(body: _Body) -> list[bytes]:
    """Return the pieces of a filled body that come before anything of a reader's."""
    beginning: list[bytes] = []
    for piece in body.pieces:
        if isinstance(piece, Wire):
            beginning.append(piece)
        elif piece.stencil.holes:
            return [*beginning, piece.stencil.first.lines]
        else:
            beginning += piece.stencil.fill({})
    return beginning


def message_id(form: MessageForm, email_key: str) -> str:
    """Return the Message-ID of a reader's copy, angle brackets included: the same for the same copy, always."""
    named = f"message-id\0{form.issue}\0{form.send_no}\0{email_key}".encode()
    digest = hmac.new(form.key, named, hashlib.sha256).digest()[:20]
    return f"<{form.issue}.{form.send_no}.{_base32(digest)}@{form.domain}>"


def _base32(digest: bytes) -> str:
    # The standard library's takes three times as long, for every copy.
    number = int.from_bytes(digest, "big")
    return "".join([_BASE32_PAIRS[number >> shift & 1023] for shift in range(150, -1, -10)])


def compose(form: MessageForm, copy: Copy, token: str, *, extra: Sequence[Header] = ()) -> bytes:
    """Return the reader's message as a `Wire`: CRLF throughout, and no line that dot-stuffing would change.

    `token` takes the token mark's place, the masked address the address mark's; `extra` are a relay's headers.
    Raises DistributorError when the built headers are not the intended ones: then this copy alone must not go.
    """
    body = form.text if copy.format == "text" else form.html
    return _assemble(form, body, copy, token, extra)


_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_BASE32_PAIRS = tuple(first + second for first in _BASE32 for second in _BASE32)
_OWN = ("To", "Message-ID", "List-Unsubscribe")
"""The headers that differ between readers, in their order."""
_SPECIMEN = Copy(
    id=DeliveryId(0),
    mailing=MailingId(0),
    edition=EditionKey(""),
    public_id=PublicId(""),
    email_key="reader@example.com",
    address="reader@example.com",
    name="",
    format="html",
    attempts=0,
    first_tried_at=None,
)


def _assemble(form: MessageForm, body: _Body, copy: Copy, token: str, extra: Sequence[Header]) -> Wire:
    if not _TOKEN.fullmatch(token):
        raise DistributorError(wording("令牌不能放进链接", "the token is unfit for a link"))
    unsubscribe = form.unsubscribe.line.replace(form.token_mark.encode(), token.encode())
    own = (
        headers.address_header("To", shown=copy.name, address=copy.address),
        headers.value_header("Message-ID", message_id(form, copy.email_key)),
        Header(name=form.unsubscribe.name, line=unsubscribe),
    )
    pieces = _filled(form, body, copy.address, token)
    signature = b""
    if body.seal is not None:
        signature = headers.join_headers((body.seal.sign(own, pieces[body.sealed :]),))
    varying = headers.join_headers((*own, *extra))
    return Wire.joined((signature, form.opening, varying, body.opening, *pieces))


def _filled(form: MessageForm, body: _Body, address: str, token: str) -> list[bytes]:
    local, _, domain = address.rpartition("@")
    masked = Address(local=local, domain=domain).masked
    in_text = {form.token_mark: token.encode(), form.address_mark: masked.encode()}
    in_html = {**in_text, form.address_mark: html.escape(masked).encode()}
    filled: list[bytes] = []
    for piece in body.pieces:
        if isinstance(piece, Wire):
            filled.append(piece)
        else:
            filled += piece.stencil.fill(in_html if piece.is_html else in_text)
    return filled


def _fixed_headers(letterhead: Letterhead, mailing: Mailing, rendition: Rendition) -> tuple[Header, ...]:
    sender, page = letterhead.sender, letterhead.unsubscribe_page
    value = headers.value_header
    fixed = [
        value("Date", format_datetime(mailing.message_date.astimezone(letterhead.zone))),
        headers.address_header("From", shown=sender.name, address=sender.address.text),
        headers.text_header("Subject", rendition.subject),
        value("List-Id", f"<{letterhead.list_id}>"),
        value("Feedback-ID", _feedback_id(letterhead, mailing, rendition)),
        value("Auto-Submitted", "auto-generated"),
        value("Precedence", "bulk"),
        value("MIME-Version", "1.0"),
    ]
    # RFC 8058 §3.1: one-click is promised only where an HTTPS page keeps the promise.
    if page and page(mailing.token_mark).startswith("https://"):
        fixed.append(value("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    named = (("List-Archive", letterhead.archive_url), ("List-Help", letterhead.help_url))
    return (*fixed, *(headers.uri_header(name, (uri,)) for name, uri in named if uri))


def _feedback_id(letterhead: Letterhead, mailing: Mailing, rendition: Rendition) -> str:
    """Return Gmail's a:b:c:SenderId; nothing in it tells one reader from another, no two fields are alike."""
    edition = str(rendition.edition)
    if len(edition) > 64:
        edition = hashlib.sha256(edition.encode()).hexdigest()[:16]
    publication = letterhead.list_id.partition(".")[0]
    return f"{mailing.issue}.{mailing.send_no}:{edition}:{publication}:{letterhead.sender_id}"


def _unsubscribe_header(letterhead: Letterhead, mark: str) -> Header:
    address = quote(letterhead.unsubscribe_address.text, safe="@")
    uris = [f"mailto:{address}?subject=unsubscribe%20{mark}"]
    if letterhead.unsubscribe_page:
        uris.insert(0, letterhead.unsubscribe_page(mark))
    if not all(mark in uri for uri in uris):
        raise DistributorError(wording("退订地址里没有读者的令牌", "the unsubscribe URL holds no reader's token"))
    return headers.uri_header("List-Unsubscribe", uris)


_TEXT_MIME = (
    headers.value_header("Content-Type", "text/plain; charset=utf-8"),
    headers.value_header("Content-Transfer-Encoding", "base64"),
)


def _html_body(text: _Part, html_part: _Part, pictures: Sequence[Wire], boundary: str) -> _Body:
    """Lay out text/plain, then text/html, the latter with its pictures in multipart/related where it has any."""
    # "=_" cannot occur in base64, so no part can hold its own boundary (RFC 2045 §6.7 advises it).
    outer, inner = f"=_alt_{boundary}", f"=_rel_{boundary}"
    related = f'Content-Type: multipart/related; type="text/html";\r\n boundary="{inner}"\r\n\r\n--{inner}\r\n'
    closing = f"--{inner}--\r\n" if pictures else ""
    inlined = [piece for picture in pictures for piece in (Wire(f"--{inner}\r\n".encode()), picture)]
    mime = (headers.value_header("Content-Type", f'multipart/alternative; boundary="{outer}"'),)
    return _Body(
        mime=mime,
        opening=_mime_opening(mime),
        pieces=(
            Wire(f"--{outer}\r\n".encode() + _TEXT_PART),
            text,
            Wire(f"--{outer}\r\n{related if pictures else ''}".encode() + _HTML_PART),
            html_part,
            *inlined,
            Wire(f"{closing}--{outer}--\r\n".encode()),
        ),
    )


def _mime_opening(mime: Sequence[Header]) -> Wire:
    return Wire(headers.join_headers(mime) + b"\r\n")
