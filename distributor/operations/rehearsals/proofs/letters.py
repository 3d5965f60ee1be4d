"""Letters proofread: one reader's copy of each edition composed for real, read by another parser, and compared.

Enters: a galley. Leaves: proofs, and what differs from what was meant. The other parser is the standard library's
(RFC 5322, RFC 2045 to 2047), which shares no code with our composing; it never sees what it might "repair" sent.
"""

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from distributor.addresses import parse_address
from distributor.delivery import compose
from distributor.delivery.compose import Letterhead, MessageForm, PicturePart
from distributor.delivery.headers import LINE_LIMIT, Header, clean_text
from distributor.delivery.model import Copy, Mailing
from distributor.delivery.signing import Signer
from distributor.errors import DistributorError
from distributor.identifiers import MailingId
from distributor.operations.letters import letterhead_of
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs.model import Findings, Flaw, Galley, Proof
from distributor.operations.workspace import Workspace
from distributor.problems import Wording, wording
from distributor.rendering.model import Rendition
from distributor.subscribers import tokens

LARGEST_MESSAGE = 10_240_000
"""What Postfix takes where nobody changed `message_size_limit` (postconf(5)); servers that take more say so."""

_ONE_CLICK = "List-Unsubscribe=One-Click"
_REPORT = wording(
    "先不要发送；检查 [publication]、[[smtp]] headers 和模板，仍然如此请附上本条报告",
    "do not send; look at [publication], [[smtp]] headers and the templates, and report it if it stays",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a server's copies are dressed: who signs, and the headers that the relay wants besides."""

    signer: Signer | None
    extra: tuple[Header, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Intent:
    """What one composed copy is to say."""

    letterhead: Letterhead
    rendition: Rendition
    copy: Copy
    token: str
    message_id: str
    date: datetime
    is_signed: bool
    galley: Galley


def read_letters(office: Office, galley: Galley, findings: Findings) -> tuple[Proof, ...]:
    """Compose a copy for every specimen and every kind of server, compare it, and return those of the first kind."""
    letterhead, mailing = letterhead_of(office), _mailing(office, galley)
    parts = {picture.cid: compose.picture_part(picture) for picture in galley.pictures}
    proofs: list[Proof] = []
    for number, way in enumerate(ways_of(office.workspace)):
        forms = dict(_forms(letterhead, mailing, galley, (parts, way.signer, findings)))
        for copy in galley.specimens:
            if copy.edition not in forms:
                continue
            intent = _intent(office, galley, copy, (letterhead, mailing, forms[copy.edition]), way)
            proof = _read(forms[copy.edition], intent, way, findings)
            proofs += [proof] if proof and number == 0 else []
    return tuple(proofs)


def ways_of(workspace: Workspace) -> tuple[Way, ...]:
    """Return the different ways in which copies of this workspace are dressed, in the servers' order."""
    if workspace.channel == "outbox" or not workspace.servers:
        return (Way(signer=None, extra=()),)
    ways = [Way(signer=workspace.signer if server.sign else None, extra=server.headers) for server in workspace.servers]
    return tuple(way for number, way in enumerate(ways) if way not in ways[:number])


def _mailing(office: Office, galley: Galley) -> Mailing:
    return Mailing(
        id=MailingId(0),
        channel=office.workspace.channel,
        issue=galley.whole.id,
        send_no=1,
        origin="",
        state="running",
        fingerprint=galley.whole.fingerprint,
        token_mark=galley.marks.token,
        address_mark=galley.marks.address,
        message_date=office.workspace.clock.now(),
        planned=0,
        already_mailed=0,
        without_section=0,
    )


def _forms(
    letterhead: Letterhead,
    mailing: Mailing,
    galley: Galley,
    rest: tuple[dict[str, PicturePart], Signer | None, Findings],
) -> Iterator[tuple[str, MessageForm]]:
    parts, signer, findings = rest
    for key, rendition in galley.renditions.items():
        if lost := [cid for cid in rendition.cids if cid not in parts]:
            findings.add(_not_attached(lost[0]), key)
            continue
        try:
            yield key, compose.prepare_form(letterhead, mailing, rendition, pictures=parts, signer=signer)
        except DistributorError as error:
            findings.add(_not_composed(error), key)


def _intent(
    office: Office, galley: Galley, copy: Copy, made: tuple[Letterhead, Mailing, MessageForm], way: Way
) -> _Intent:
    letterhead, mailing, form = made
    return _Intent(
        letterhead=letterhead,
        rendition=galley.renditions[copy.edition],
        copy=copy,
        token=tokens.sign(office.keyring, tokens.MANAGE, copy.public_id),
        message_id=compose.message_id(form, copy.email_key),
        date=mailing.message_date.replace(microsecond=0),
        is_signed=way.signer is not None,
        galley=galley,
    )


def _read(form: MessageForm, intent: _Intent, way: Way, findings: Findings) -> Proof | None:
    try:
        content = bytes(compose.compose(form, intent.copy, intent.token, extra=way.extra))
    except DistributorError as error:
        findings.add(_not_composed(error), intent.copy.edition)
        return None
    parsed = message_from_bytes(content, policy=SMTP)
    assert isinstance(parsed, EmailMessage)
    proof = _taken_apart(parsed, content, intent.copy)
    for flaw in (*_wire_flaws(content), *_header_flaws(parsed, intent, way), *_body_flaws(proof, intent)):
        findings.add(flaw, intent.copy.edition)
    return proof


def _taken_apart(parsed: EmailMessage, content: bytes, copy: Copy) -> Proof:
    bodies = {"text/plain": "", "text/html": ""}
    attached = set()
    for part in parsed.walk():
        if part.get_content_type() in bodies:
            bodies[part.get_content_type()] = part.get_content()
        elif cid := str(part.get("Content-ID", "")):
            attached.add(cid.strip().removeprefix("<").removesuffix(">"))
    return Proof(
        copy=copy,
        size=len(content),
        html=bodies["text/html"].replace("\r\n", "\n"),
        text=bodies["text/plain"].replace("\r\n", "\n"),
        attached=frozenset(attached),
    )


def _wire_flaws(content: bytes) -> Iterator[Flaw]:
    longest = max(map(len, content.split(b"\r\n")))
    if longest > LINE_LIMIT:
        what = wording(
            f"邮件有一行长 {longest} 字节，超过 {LINE_LIMIT}", f"a line of {longest} octets, over {LINE_LIMIT}"
        )
        yield Flaw(what=what, remedy=_REPORT)
    if not content.isascii():
        yield Flaw(what=wording("邮件里有 8 位字节", "the message is not 7bit"), remedy=_REPORT)
    if len(content) > LARGEST_MESSAGE:
        megabytes = f"{len(content) / 1e6:.1f} MB"
        yield Flaw(
            what=wording(f"整封邮件 {megabytes}，许多服务器不收", f"{megabytes} a message; many servers take less"),
            remedy=wording(
                "减少或缩小图片；本服务器的上限见 distributor doctor",
                "send fewer or smaller pictures; `distributor doctor` shows what your server takes",
            ),
            warning=True,
        )


def _header_flaws(parsed: EmailMessage, intent: _Intent, way: Way) -> Iterator[Flaw]:
    meant = dict(_meant(intent))
    for name, value in meant.items():
        found = [str(one) for one in parsed.get_all(name, [])]
        if found != [value]:
            yield _header_flaw(name, " ⏎ ".join(found), value)
    signatures = len(parsed.get_all("DKIM-Signature", []))
    if signatures != intent.is_signed:
        yield _header_flaw("DKIM-Signature", f"{signatures}", f"{int(intent.is_signed)}")
    if ("List-Unsubscribe-Post" in parsed) != ("List-Unsubscribe-Post" in meant):
        yield _header_flaw("List-Unsubscribe-Post", str(parsed["List-Unsubscribe-Post"]), "")
    yield from _address_flaws(parsed, intent)
    for name, value in parsed.items():
        for defect in getattr(value, "defects", ()):
            yield _header_flaw(name, str(defect) or type(defect).__name__, str(value))
    for header in way.extra:
        if header.name not in parsed:
            yield _header_flaw(header.name, "", "[[smtp]] headers")


def _meant(intent: _Intent) -> Iterator[tuple[str, str]]:
    """Yield the headers that are compared word by word, as a reader's program shows them."""
    letterhead = intent.letterhead
    page = letterhead.unsubscribe_page(intent.token) if letterhead.unsubscribe_page else ""
    mailto = f"<mailto:{letterhead.unsubscribe_address.text}?subject=unsubscribe%20{intent.token}>"
    yield "Subject", clean_text(intent.rendition.subject)
    yield "List-Id", f"<{letterhead.list_id}>"
    yield "Message-ID", intent.message_id
    yield "List-Unsubscribe", ", ".join([f"<{page}>", mailto] if page else [mailto])
    if page.startswith("https://"):
        yield "List-Unsubscribe-Post", _ONE_CLICK


def _address_flaws(parsed: EmailMessage, intent: _Intent) -> Iterator[Flaw]:
    sender, copy = intent.letterhead.sender, intent.copy
    for name, shown, address in (("From", sender.name, sender.address.text), ("To", copy.name, copy.address)):
        found = [(one.display_name, one.addr_spec) for one in getattr(parsed[name], "addresses", ())]
        if found != [(clean_text(shown), address)]:
            yield _header_flaw(name, str(parsed[name]), f"{shown} <{address}>")
    if getattr(parsed["Date"], "datetime", None) != intent.date:
        yield _header_flaw("Date", str(parsed["Date"]), intent.date.isoformat())


def _body_flaws(proof: Proof, intent: _Intent) -> Iterator[Flaw]:
    address = parse_address(intent.copy.address)
    masked = address.masked if address else ""
    token = (intent.galley.marks.token, intent.token)
    text = intent.rendition.text.replace(*token).replace(intent.galley.marks.address, masked)
    page = intent.rendition.html.replace(*token).replace(intent.galley.marks.address, html.escape(masked))
    if proof.text.rstrip() != text.rstrip():
        yield _body_flaw(wording("纯文本", "plain text"))
    if intent.copy.format == "html" and proof.html.rstrip() != page.rstrip():
        yield _body_flaw(wording("HTML", "HTML"))
    yield from _size_flaws(proof, intent.galley)


def _size_flaws(proof: Proof, galley: Galley) -> Iterator[Flaw]:
    size = len(proof.html.encode())
    if size <= galley.largest_bytes:
        return
    limit = galley.largest_bytes // 1000
    yield Flaw(
        what=wording(
            f"HTML 解码后超过 [email] max_html_kb = {limit}，Gmail 等会截断邮件",
            f"the decoded HTML is over [email] max_html_kb = {limit}; Gmail and others cut such mail short",
        ),
        remedy=wording('把 body 改成 "fit"，或精简文章', 'set body = "fit", or shorten the articles'),
        warning=galley.in_full,
    )


def _header_flaw(name: str, found: str, meant: str) -> Flaw:
    what = wording(
        f"邮件头 {name} 读出来是“{found[:120]}”，应为“{meant[:120]}”",
        f"the header {name} reads {found[:120]!r} but should be {meant[:120]!r}",
    )
    return Flaw(what=what, remedy=_REPORT)


def _body_flaw(part: Wording) -> Flaw:
    what = wording(f"{part.zh}部分读出来和排好的不一样", f"the {part.en} part does not read as it was rendered")
    return Flaw(what=what, remedy=_REPORT)


def _not_attached(cid: str) -> Flaw:
    what = wording(f"邮件里用到图片 cid:{cid}，但没有附上", f"the mail shows cid:{cid}, which is not attached")
    return Flaw(what=what, remedy=wording("检查 templates/email.html 里的图片", "look at pictures in email.html"))


def _not_composed(error: DistributorError) -> Flaw:
    what = wording(f"邮件生成不了：{error.text('zh')}", f"the message cannot be made: {error.text('en')}")
    return Flaw(what=what, remedy=_REPORT)


def picture_flaws(proof: Proof, used: Iterable[str]) -> Iterator[Flaw]:
    """Yield what is wrong with the pictures: used and not attached, attached and not used."""
    shown = frozenset(used)
    for cid in sorted(shown - proof.attached):
        yield _not_attached(cid)
    for cid in sorted(proof.attached - shown):
        what = wording(f"附上的图片 {cid} 没有用到", f"the attached picture {cid} is not shown")
        remedy = wording("检查 templates/email.html 里的图片", "look at pictures in email.html")
        yield Flaw(what=what, remedy=remedy)
