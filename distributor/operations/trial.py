"""A test copy of an issue to one address: the real rendition by the real way out, no row in the ledger.

Its links are signed for the reader of that address where there is one; for anybody else they lead to a page that
says so. The subject says that it is a test.
"""

import secrets
from dataclasses import replace

from distributor.addresses import Address
from distributor.content.loader import find_issue
from distributor.delivery.compose import compose as compose_copy
from distributor.delivery.compose import picture_part, prepare_form
from distributor.delivery.model import Copy, Mailing, Outcome, Transport
from distributor.delivery.transport import SmtpTransport
from distributor.editions import cut
from distributor.errors import InputError
from distributor.identifiers import DeliveryId, EditionKey, IssueId, MailingId, SectionSet
from distributor.operations import membership
from distributor.operations.launching import new_marks
from distributor.operations.letters import envelope_of, letterhead_of
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import load_checked, press_of
from distributor.problems import wording
from distributor.rendering.mail import inline_pictures, render_edition
from distributor.subscribers import tokens


async def send_test(
    office: Office, issue: str, address: Address, transport: Transport, *, sections: SectionSet = None
) -> Outcome:
    """Send one copy, drafts too, and return what came of it. Raises InputError and ServerFault."""
    workspace = office.workspace
    loaded, _warnings = load_checked(workspace, find_issue(workspace.root, issue))
    edition = cut(loaded, sections)
    if edition is None:
        raise InputError(wording("这一期没有所选栏目的文章", "the issue has no article in these sections"))
    marks = new_marks()
    press = press_of(workspace, marks)
    rendition = render_edition(edition, press)
    prefix = "【测试】" if workspace.publication.language == "zh-CN" else "[Test] "
    server = transport.server if isinstance(transport, SmtpTransport) else None
    form = prepare_form(
        letterhead_of(office),
        _mailing(office, loaded.id, marks.token, marks.address),
        replace(rendition, subject=prefix + rendition.subject),
        pictures={picture.cid: picture_part(picture) for picture in inline_pictures(loaded, press)},
        signer=workspace.signer if server and server.sign else None,
    )
    copy = await _copy(office, address, rendition.edition)
    extra = server.headers if server else ()
    message = compose_copy(form, copy, tokens.sign(office.keyring, tokens.MANAGE, copy.public_id), extra=extra)
    session = await transport.open()
    try:
        envelope = envelope_of(office, copy, server.return_path if server else "sender")
        return await session.send(envelope, message)
    finally:
        await session.close()


def _mailing(office: Office, issue: IssueId, token_mark: str, address_mark: str) -> Mailing:
    # send_no is random: two tests in a row must not have the same Message-ID, or the second would be hidden.
    return Mailing(
        id=MailingId(0),
        channel=office.workspace.channel,
        issue=issue,
        send_no=1_000_000 + secrets.randbelow(1_000_000_000),
        origin="test",
        state="running",
        fingerprint="",
        token_mark=token_mark,
        address_mark=address_mark,
        message_date=office.workspace.clock.now(),
        planned=1,
        already_mailed=0,
        without_section=0,
    )


async def _copy(office: Office, address: Address, edition: EditionKey) -> Copy:
    reader = await membership.find(office, address)
    return Copy(
        id=DeliveryId(0),
        mailing=MailingId(0),
        edition=edition,
        public_id=reader.public_id if reader else tokens.new_public_id(secrets.token_bytes),
        email_key=address.key,
        address=address.text,
        name=reader.name if reader else "",
        format=reader.format if reader else "html",
        attempts=0,
        first_tried_at=None,
    )
