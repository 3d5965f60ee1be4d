"""Copies composed: the frozen renditions of a mailing made into forms once, and a reader's copy from a form.

Enters: an office and the mailings that the ledger names. Leaves: for each claimed copy its envelope, bytes and
Message-ID. No content file and no template is read here.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping

from distributor.delivery import compose, counts
from distributor.delivery.compose import Letterhead, MessageForm
from distributor.delivery.headers import Header
from distributor.delivery.model import Copy, Envelope, Mailing
from distributor.delivery.return_path import sign_return_path
from distributor.delivery.servers import ReturnPath
from distributor.delivery.signing import Signer
from distributor.delivery.ways import Message
from distributor.identifiers import EditionKey, MailingId
from distributor.operations.office import Office
from distributor.operations.workspace import Workspace
from distributor.subscribers import tokens


class LetterRoom:
    """Composes copies; holds the forms of the mailings that are under way, each made once."""

    def __init__(
        self,
        office: Office,
        extra: tuple[Header, ...] = (),
        signer: Signer | None = None,
        return_path: ReturnPath = "sender",
    ) -> None:
        """Take the office, the headers that the relay wants besides, who signs, and the form of the return path."""
        self._office = office
        self._extra = extra
        self._signer = signer
        self._return_path = return_path
        self._letterhead = letterhead_of(office)
        self._forms: dict[MailingId, Mapping[EditionKey, MessageForm]] = {}

    def compose(self, mailing: Mailing, copy: Copy) -> Message:
        """Return a reader's message, the same bytes every time; the mailing was prepared.

        Raises DistributorError when this copy must not go.
        """
        form = self._forms[mailing.id][copy.edition]
        token = tokens.sign(self._office.keyring, tokens.MANAGE, copy.public_id)
        return Message(
            envelope=envelope_of(self._office, copy, self._return_path),
            content=compose.compose(form, copy, token, extra=self._extra),
            message_id=compose.message_id(form, copy.email_key),
        )

    async def prepare(self, mailing: Mailing) -> None:
        """Make the forms of a mailing from its frozen renditions; kept while it is under way."""
        async with self._office.database.read() as connection:
            renditions = await counts.load_renditions(connection, mailing.id)
            pictures = await counts.load_pictures(connection, mailing.id)
        parts = {picture.cid: compose.picture_part(picture) for picture in pictures}
        self._forms[mailing.id] = {
            edition: compose.prepare_form(self._letterhead, mailing, rendition, pictures=parts, signer=self._signer)
            for edition, rendition in renditions.items()
        }


def envelope_of(office: Office, copy: Copy, return_path: ReturnPath) -> Envelope:
    """Return the envelope of a reader's copy, the same every time; the From of the message is always the sender."""
    sender = office.workspace.sender.address
    if return_path == "sender":
        return Envelope(sender=sender.text, recipient=copy.address)
    signed = sign_return_path(office.keyring, sender, copy.mailing, copy.public_id)
    return Envelope(sender=signed, recipient=copy.address)


def letterhead_of(office: Office) -> Letterhead:
    """Return what all mail of the publication carries."""
    workspace = office.workspace
    with_pages = workspace.settings.web.mode == "public"
    return Letterhead(
        sender=workspace.sender,
        zone=workspace.zone,
        key=_message_id_key(office),
        list_id=_list_id(workspace),
        sender_id=_sender_id(workspace),
        unsubscribe_page=workspace.site.unsubscribe_url if with_pages else None,
        unsubscribe_address=workspace.sender.address,
        archive_url=workspace.site.home_url,
        help_url=workspace.site.feeds_page_url,
    )


def _message_id_key(office: Office) -> bytes:
    # The oldest key: a new signing key must not change the Message-ID of a copy that goes again.
    oldest = list(office.keyring.keys.values())[-1]
    return hmac.new(oldest, b"distributor message-id", hashlib.sha256).digest()


def _list_id(workspace: Workspace) -> str:
    # RFC 2919 §2: a name in a domain of ours; it must stay the same for ever, so it depends on the sender alone.
    label = re.sub(r"[^a-z0-9-]+", "-", workspace.sender.address.local.lower()).strip("-") or "list"
    return f"{label}.{workspace.sender.address.domain}"


def _sender_id(workspace: Workspace) -> str:
    # Gmail's Feedback-ID wants 5 to 15 characters that stay the same.
    letters = re.sub(r"[^a-z0-9]+", "", workspace.sender.address.domain)
    return letters[:15] if len(letters) >= 5 else f"{letters}mail"[:15].ljust(5, "x")
