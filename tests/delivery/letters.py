"""Letterheads, mailings, renditions and copies for tests that compose; a test states only what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from distributor.addresses import Address, Mailbox
from distributor.delivery.compose import Letterhead, MessageForm, PicturePart, prepare_form
from distributor.delivery.model import Copy, Mailing
from distributor.identifiers import DeliveryId, EditionKey, IssueId, MailingId, PublicId
from distributor.rendering.model import Rendition

TOKEN_MARK, ADDRESS_MARK = "T" + "1a" * 16 + "T", "A" + "2b" * 16 + "A"
TOKEN = "v1.k1.m." + "p" * 22 + "." + "m" * 43
WEEKLY = Address(local="weekly", domain="news.example.com")


def page(token: str) -> str:
    return f"https://news.example.com/unsubscribe/{token}"


def letterhead(**changes: Any) -> Letterhead:
    plain = Letterhead(
        sender=Mailbox(name="节能减排信息动态", address=WEEKLY),
        zone=ZoneInfo("Asia/Shanghai"),
        key=b"k" * 32,
        list_id="weekly.news.example.com",
        sender_id="newsexamplecom",
        unsubscribe_page=page,
        unsubscribe_address=WEEKLY,
        archive_url="https://news.example.com/",
        help_url="mailto:weekly@news.example.com?subject=help",
    )
    return replace(plain, **changes)


def mailing(**changes: Any) -> Mailing:
    plain = Mailing(
        id=MailingId(7),
        channel="smtp",
        issue=IssueId("2015-055"),
        send_no=1,
        origin="weekly/2015-W28#1",
        state="running",
        fingerprint="f",
        token_mark=TOKEN_MARK,
        address_mark=ADDRESS_MARK,
        message_date=datetime(2015, 7, 10, 1, 0, tzinfo=UTC),
        planned=1,
        already_mailed=0,
        without_section=0,
    )
    return replace(plain, **changes)


def rendition(**changes: Any) -> Rendition:
    links = f"{page(TOKEN_MARK)} {ADDRESS_MARK}"
    plain = Rendition(
        edition=EditionKey("market+policy"),
        issue=IssueId("2015-055"),
        subject="节能减排信息动态 总第55期：GDP 增长",
        preheader="",
        html=f"<html><p>{links}</p><p>{'碳市场' * 400}</p><p>{links}</p></html>\n",
        text=f"{links}\n{'碳市场' * 400}\n{links}\n",
        cids=(),
        shortened=0,
    )
    return replace(plain, **changes)


def copy(**changes: Any) -> Copy:
    plain = Copy(
        id=DeliveryId(1),
        mailing=MailingId(7),
        edition=EditionKey("market+policy"),
        public_id=PublicId("p"),
        email_key="zhang.san@example.org",
        address="Zhang.San@example.org",
        name="张三",
        format="html",
        attempts=0,
        first_tried_at=None,
    )
    return replace(plain, **changes)


def form(
    head: Letterhead | None = None,
    of: Rendition | None = None,
    pictures: dict[str, PicturePart] | None = None,
    **changes: Any,
) -> MessageForm:
    return prepare_form(head or letterhead(), mailing(**changes), of or rendition(), pictures=pictures or {})
