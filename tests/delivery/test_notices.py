"""Letters to operators as messages: what their headers say, that they can be read and that their signature holds."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from distributor.addresses import Address, Mailbox
from distributor.delivery import headers
from distributor.delivery.compose import picture_part
from distributor.delivery.notices import Notice, compose_notice
from distributor.delivery.wire import Wire
from distributor.errors import DistributorError
from distributor.rendering.model import InlinePicture
from tests.dkim_keys import signer, verifies

SENDER = Mailbox(name="节能减排信息动态", address=Address(local="weekly", domain="news.example.com"))
OPERATOR = Address(local="ops", domain="example.com")


def notice(**changes: Any) -> Notice:
    plain = Notice(
        sender=SENDER,
        to=OPERATOR,
        at=datetime(2015, 7, 10, 1, tzinfo=UTC),
        zone=ZoneInfo("Asia/Shanghai"),
        identity="operators.1",
        subject="【要处理】错过了一次发送",
        html="<p>错过了</p>\n",
        text="错过了\n. 一行\n",
    )
    return replace(plain, **changes)


def read(message: bytes) -> EmailMessage:
    return message_from_bytes(message, policy=policy.default)


def test_the_headers_are_those_of_a_letter_by_a_machine_to_one_person() -> None:
    message = read(compose_notice(notice()))

    assert dict(message.items()) | {"Content-Type": ""} == {
        "Date": "Fri, 10 Jul 2015 09:00:00 +0800",
        "From": "节能减排信息动态 <weekly@news.example.com>",
        "To": "ops@example.com",
        "Message-ID": "<operators.1@news.example.com>",
        "Subject": "【要处理】错过了一次发送",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": "",
    }


def test_both_parts_come_back_as_they_were() -> None:
    message = read(compose_notice(notice()))

    found = [part.get_content().splitlines() for part in message.iter_parts()]
    assert found == [["错过了", ". 一行"], ["<p>错过了</p>"]]


def test_a_letter_is_safe_on_the_wire_whatever_its_text_holds() -> None:
    assert type(compose_notice(notice(text="\r.\n\r\n.\r\n" * 3, html="\n.\n"))) is Wire


def test_a_title_that_would_add_a_header_adds_none() -> None:
    message = read(compose_notice(notice(subject="错过\r\nBcc: victim@example.com")))

    assert message["Bcc"] is None
    assert message["Subject"] == "错过 Bcc: victim@example.com"


def test_an_identity_that_is_no_token_is_refused() -> None:
    with pytest.raises(DistributorError):
        compose_notice(notice(identity="one\r\nBcc: victim@example.com"))


def test_the_same_letter_is_the_same_bytes() -> None:
    assert compose_notice(notice(), signer=signer()) == compose_notice(notice(), signer=signer())


def test_a_signed_letter_verifies_and_an_altered_one_does_not() -> None:
    message = compose_notice(notice(), signer=signer())

    assert verifies(message)
    assert not verifies(message.replace(b"ops@example.com", b"oops@example.com"))


def test_a_relay_gets_the_headers_that_it_wants() -> None:
    extra = headers.value_header("X-Relay-Tag", "weekly")

    assert read(compose_notice(notice(), extra=(extra,)))["X-Relay-Tag"] == "weekly"


def test_pictures_travel_with_the_html() -> None:
    picture = InlinePicture(cid="one@news", media_type="image/png", filename="一.png", content=b"\x89PNG")
    message = read(compose_notice(notice(pictures=(picture_part(picture),)), signer=signer()))

    (found,) = [part for part in message.walk() if part["Content-ID"] == "<one@news>"]
    assert found.get_content() == b"\x89PNG"
