"""A mail laid out to be looked at: as it was delivered, as it was frozen, or as it would be.

Enters: the bytes of a delivered message, or a rendition with its pictures. Leaves: a `Sheet` with the HTML as sent, the
text, headers and source. Pictures named by `cid:` and links into the publication's own address are rewritten to this
host only where a sheet is shown, never in the source.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from urllib.parse import quote

from distributor.delivery.model import Mailing
from distributor.rendering.model import InlinePicture, Placeholders, Rendition

SAMPLE_TOKEN = "preview"  # noqa: S105 - stands where a reader's own token would
SAMPLE_ADDRESS = "zh***@example.com"
# The parser is the old one on purpose: the newer policies raise at hostile headers instead of showing them.
_STYLE = re.compile(r"<style\b.*?</style\s*>", re.DOTALL | re.IGNORECASE)
_PREFERRED = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
# In a style sheet and in the meta element: which of both a page is made for.
_SCHEMES = re.compile(
    r"""(color-scheme(?:\s*:\s*|["']\s+content\s*=\s*["']))(?:light\s+dark|dark\s+light)""", re.IGNORECASE
)
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that travels with a mail."""

    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One mail; `html` is empty for a reader of plain text. `headers` are unfolded but not decoded, `size` in bytes."""

    subject: str
    preheader: str = ""
    sender: str = ""
    recipient: str = ""
    date: str = ""
    html: str = field(repr=False)
    text: str = field(repr=False)
    pictures: Mapping[str, Picture] = field(repr=False, default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    source: bytes = field(repr=False, default=b"")
    size: int = 0

    @property
    def message_id(self) -> str:
        """The Message-ID, empty for what was not composed."""
        return next((value for name, value in self.headers if name.lower() == "message-id"), "")


def message_to_sheet(message: bytes) -> Sheet:
    """Return the sheet of a delivered message; never fails, whatever the bytes are."""
    parsed = message_from_bytes(message)
    return Sheet(
        subject=header_text(parsed, "Subject"),
        sender=header_text(parsed, "From"),
        recipient=header_text(parsed, "To"),
        date=header_text(parsed, "Date"),
        html=_body(parsed, "text/html"),
        text=_body(parsed, "text/plain"),
        pictures=dict(_pictures(parsed)),
        headers=tuple((name, _unfolded(str(value))) for name, value in parsed.items()),
        source=message,
        size=len(message),
    )


def header_text(parsed: Message, name: str) -> str:
    """Return a header as people read it; as it stands where it cannot be decoded."""
    value = _unfolded(str(parsed.get(name, "")))
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError, MessageError):
        return value


def rendition_to_sheet(rendition: Rendition, marks: Placeholders, pictures: Sequence[InlinePicture]) -> Sheet:
    """Return the sheet of a rendition, with a made-up reader in the place of the marks."""

    def personal(text: str) -> str:
        return text.replace(marks.token, SAMPLE_TOKEN).replace(marks.address, SAMPLE_ADDRESS)

    return Sheet(
        subject=rendition.subject,
        preheader=rendition.preheader,
        html=personal(rendition.html),
        text=personal(rendition.text),
        pictures={
            picture.cid: Picture(media_type=picture.media_type, content=picture.content)
            for picture in pictures
            if picture.cid in rendition.cids
        },
        size=rendition.html_bytes,
    )


def marks_of(mailing: Mailing) -> Placeholders:
    """Return the marks that a mailing was frozen with."""
    return Placeholders(token=mailing.token_mark, address=mailing.address_mark)


def shown_html(sheet: Sheet, base_url: str, *, local: str, view: str = "both") -> str:
    """Return a mail's HTML for a frame: pictures and our own links on this host, links opening beside it.

    `both` follows the screen it is looked at, `light` and `dark` show it as on such a screen whatever this one is,
    `bare` as in the strictest webmails: light and without any <style>.
    """
    html = to_local(sheet.html, base_url, local)
    for cid in sheet.pictures:
        html = html.replace(f"cid:{cid}", picture_path(cid))
    if view == "bare":
        html = _STYLE.sub("", html)
    if view != "both":
        html = _in_scheme(html, "dark" if view == "dark" else "light")
    return _HEAD.sub(lambda found: f'{found[0]}<base target="_blank">', html, count=1)


def picture_path(cid: str) -> str:
    """Return where a frame finds a picture of its mail, counted from the mail's own place."""
    return f"pictures/{quote(cid)}"


def _in_scheme(html: str, scheme: str) -> str:
    # No style sheet outside a frame reaches the preference inside it: the rules themselves are turned on or off.
    html = _PREFERRED.sub(lambda found: _ALWAYS if found[1].lower() == scheme else _NEVER, html)
    return _SCHEMES.sub(lambda found: found[1] + scheme, html)


def to_local(html: str, base_url: str, local: str) -> str:
    """Return HTML whose attributes lead to `local` instead of the publication's address; its text stays."""
    return re.sub(rf'(?<=")({re.escape(base_url)})(?=[^"<>]*")', local, html)


def _body(parsed: Message, media_type: str) -> str:
    parts = (part for part in parsed.walk() if part.get_content_type() == media_type)
    part = next(parts, None)
    content = part.get_payload(decode=True) if part is not None else None
    if part is None or not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return content.decode("utf-8", errors="replace")


def _pictures(parsed: Message) -> Iterator[tuple[str, Picture]]:
    for part in parsed.walk():
        cid = str(part.get("Content-ID", "")).strip("<> ")
        content = part.get_payload(decode=True)
        if cid and isinstance(content, bytes):
            yield cid, Picture(media_type=part.get_content_type(), content=content)


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n[ \t]", " ", value).encode("ascii", errors="replace").decode().strip()
