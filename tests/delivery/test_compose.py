"""Composed messages, judged by the standard library's parser and by a reader of RFC 2047 of our own."""

import hashlib
import hmac
import re
from base64 import b32encode
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.addresses import Address
from distributor.delivery import headers
from distributor.delivery.compose import compose, message_id, picture_part
from distributor.delivery.headers import Header, value_header
from distributor.delivery.wire import Wire
from distributor.errors import ConfigError, DistributorError
from distributor.identifiers import EditionKey, IssueId
from distributor.rendering.model import InlinePicture
from tests.delivery import letters, rfc2047
from tests.delivery.letters import ADDRESS_MARK, TOKEN, TOKEN_MARK

PICTURE = InlinePicture(
    cid="p1@news.example.com", media_type="image/png", filename="图1 价格.png", content=b"\x89PNG" * 400
)


def parsed(message: bytes) -> EmailMessage:
    found = message_from_bytes(message, policy=default)
    assert isinstance(found, EmailMessage)
    assert [part.defects for part in found.walk()] == [[]] * len(list(found.walk()))
    return found


def sent(**changes: object) -> EmailMessage:
    return parsed(compose(letters.form(), letters.copy(**changes), TOKEN))


def content_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_message_is_multipart_alternative_with_plain_text_first() -> None:
    message = sent()

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_every_part_is_base64_and_declares_utf8() -> None:
    parts = list(sent().iter_parts())

    assert {part["Content-Transfer-Encoding"] for part in parts} == {"base64"}
    assert {part.get_content_charset() for part in parts} == {"utf-8"}


def test_both_parts_hold_the_readers_own_token_and_masked_address() -> None:
    message = sent()

    for kind, original in (("plain", letters.rendition().text), ("html", letters.rendition().html)):
        expected = original.replace(TOKEN_MARK, TOKEN).replace(ADDRESS_MARK, "Zh***@example.org")
        assert content_of(message, kind) == expected


def test_the_masked_address_is_escaped_in_html_and_plain_in_text() -> None:
    message = sent(address="&'x@example.org")

    assert "&amp;***@example.org" in content_of(message, "html")
    assert "&***@example.org" in content_of(message, "plain")


def test_a_reader_of_plain_text_gets_plain_text_alone() -> None:
    message = sent(format="text")

    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert TOKEN in message.get_content()


def test_pictures_ride_beside_the_html_and_are_found_by_their_cid() -> None:
    rendition = letters.rendition(cids=(PICTURE.cid,))
    form = letters.form(of=rendition, pictures={PICTURE.cid: picture_part(PICTURE), "unused": picture_part(PICTURE)})

    message = parsed(compose(form, letters.copy(), TOKEN))

    plain, related = message.iter_parts()
    page, picture = related.iter_parts()
    assert (plain.get_content_type(), related.get_content_type()) == ("text/plain", "multipart/related")
    assert (page.get_content_type(), picture["Content-ID"]) == ("text/html", "<p1@news.example.com>")
    assert picture.get_content() == PICTURE.content
    assert picture.get_content_disposition() == "inline"
    assert picture.get_filename() == "-1-.png"


@pytest.mark.parametrize(
    "changes", [{"cid": "a b"}, {"cid": ">x"}, {"media_type": "text/html"}, {"media_type": "image/png\r\nX: y"}]
)
def test_a_picture_that_could_write_headers_is_refused(changes: dict[str, str]) -> None:
    fields = {"cid": PICTURE.cid, "media_type": PICTURE.media_type, **changes}

    with pytest.raises(DistributorError):
        picture_part(InlinePicture(filename="x.png", content=b"", **fields))


def test_the_headers_of_a_message_are_exactly_these() -> None:
    message = compose(letters.form(), letters.copy(), TOKEN)

    assert [name for name, _ in headers.split_headers(message)] == [
        "Date",
        "From",
        "Subject",
        "List-Id",
        "Feedback-ID",
        "Auto-Submitted",
        "Precedence",
        "MIME-Version",
        "List-Unsubscribe-Post",
        "List-Archive",
        "List-Help",
        "To",
        "Message-ID",
        "List-Unsubscribe",
        "Content-Type",
    ]


def test_each_header_says_what_it_should() -> None:
    message = sent()

    assert message["Date"] == "Fri, 10 Jul 2015 09:00:00 +0800"
    assert message["From"].addresses[0].addr_spec == "weekly@news.example.com"
    assert message["To"].addresses[0].addr_spec == "Zhang.San@example.org"
    assert message["List-Id"] == "<weekly.news.example.com>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Archive"] == "<https://news.example.com/>"
    assert message["List-Help"] == "<mailto:weekly@news.example.com?subject=help>"
    assert message["Feedback-ID"] == "2015-055.1:market+policy:weekly:newsexamplecom"
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-generated", "bulk")


def test_finding_8_subject_and_names_keep_their_blanks() -> None:
    read = dict(headers.split_headers(compose(letters.form(), letters.copy(name="张 三"), TOKEN)))

    assert rfc2047.decode(read["Subject"]) == "节能减排信息动态 总第55期：GDP 增长"
    assert rfc2047.decode(read["From"]) == "节能减排信息动态 <weekly@news.example.com>"
    assert rfc2047.decode(read["To"]) == "张 三 <Zhang.San@example.org>"


def test_finding_1_a_title_that_decodes_to_headers_adds_none() -> None:
    hostile = "=?utf-8?q?a=0ABcc:=20evil@x.test=0AX-Inj:=201?="

    message = compose(letters.form(of=letters.rendition(subject=hostile)), letters.copy(name=hostile), TOKEN)

    assert {"bcc", "x-inj"}.isdisjoint(name.lower() for name, _ in parsed(message).items())
    assert b"\nBcc" not in message
    assert b"=?utf-8?q" not in message


@given(st.text(max_size=120), st.text(max_size=80))
def test_no_subject_and_no_name_changes_the_list_of_headers(subject: str, name: str) -> None:
    usual = compose(letters.form(), letters.copy(), TOKEN)

    message = compose(letters.form(of=letters.rendition(subject=subject)), letters.copy(name=name), TOKEN)

    assert [name for name, _ in headers.split_headers(message)] == [name for name, _ in headers.split_headers(usual)]


def test_list_unsubscribe_is_literal_with_one_https_uri_and_a_mailto() -> None:
    token = "v1.k1.m." + "x" * 142

    message = compose(letters.form(), letters.copy(), token)

    lines = [
        f"\r\nList-Unsubscribe: <https://news.example.com/unsubscribe/{token}>,",
        f" <mailto:weekly@news.example.com?subject=unsubscribe%20{token}>\r\n",
    ]
    assert "\r\n".join(lines).encode() in message


def test_without_public_pages_unsubscribing_is_by_mail_and_promises_no_one_click() -> None:
    form = letters.form(letters.letterhead(unsubscribe_page=None, archive_url="", help_url=""))

    message = parsed(compose(form, letters.copy(), TOKEN))

    assert message["List-Unsubscribe"] == f"<mailto:weekly@news.example.com?subject=unsubscribe%20{TOKEN}>"
    assert {"List-Unsubscribe-Post", "List-Archive", "List-Help"}.isdisjoint(message.keys())


def test_a_page_without_https_promises_no_one_click() -> None:
    form = letters.form(letters.letterhead(unsubscribe_page=lambda token: f"http://localhost:8080/unsubscribe/{token}"))

    message = parsed(compose(form, letters.copy(), TOKEN))

    assert message["List-Unsubscribe"].startswith("<http://localhost:8080/unsubscribe/v1.")
    assert "List-Unsubscribe-Post" not in message


def test_a_page_that_forgets_the_token_is_refused_before_the_first_copy() -> None:
    with pytest.raises(DistributorError, match="token"):
        letters.form(letters.letterhead(unsubscribe_page=lambda _token: "https://news.example.com/unsubscribe/"))


def test_a_special_unsubscribe_address_is_quoted_in_its_uri() -> None:
    form = letters.form(letters.letterhead(unsubscribe_address=Address(local="a+b&c", domain="example.com")))

    assert b"<mailto:a%2Bb%26c@example.com?subject=" in compose(form, letters.copy(), TOKEN)


def test_the_same_copy_is_the_same_bytes_from_a_form_made_again() -> None:
    first = compose(letters.form(), letters.copy(), TOKEN)
    again = compose(letters.form(id=99, origin="restored"), letters.copy(id=5, mailing=99, attempts=3), TOKEN)

    assert first == again


@pytest.mark.parametrize(
    ("changes", "email_key"),
    [
        ({"issue": IssueId("2015-056")}, "zhang.san@example.org"),
        ({"send_no": 2}, "zhang.san@example.org"),
        ({}, "li.si@example.org"),
    ],
    ids=["issue", "send", "reader"],
)
def test_the_message_id_tells_issue_send_and_reader_apart(changes: dict[str, Any], email_key: str) -> None:
    usual = message_id(letters.form(), "zhang.san@example.org")

    assert message_id(letters.form(**changes), email_key) != usual


def test_the_message_id_is_the_keyed_digest_in_base32() -> None:
    digest = hmac.new(b"k" * 32, b"message-id\x002015-055\x001\x00zhang.san@example.org", hashlib.sha256).digest()

    identity = message_id(letters.form(), "zhang.san@example.org")

    assert identity == f"<2015-055.1.{b32encode(digest[:20]).decode().lower()}@news.example.com>"


def test_the_message_id_depends_on_the_key_and_shows_no_address() -> None:
    form = letters.form()

    identity = message_id(form, "zhang.san@example.org")

    assert re.fullmatch(r"<2015-055\.1\.[a-z2-7]{32}@news\.example\.com>", identity)
    assert identity != message_id(letters.form(letters.letterhead(key=b"other" * 8)), "zhang.san@example.org")
    assert parsed(compose(form, letters.copy(), TOKEN))["Message-ID"] == identity


def test_no_header_tells_one_reader_from_another_but_the_three_that_must() -> None:
    form = letters.form()
    one = dict(headers.split_headers(compose(form, letters.copy(), TOKEN)))
    other = dict(headers.split_headers(compose(form, letters.copy(address="b@example.org", email_key="b"), "u.v")))

    assert {name for name in one if one[name] != other[name]} == {"To", "Message-ID", "List-Unsubscribe"}


def test_finding_1_a_header_that_holds_another_stops_the_copy() -> None:
    smuggling = Header(name="X-Tag", line=b"X-Tag: weekly\r\nBcc: evil@x.test\r\n")

    with pytest.raises(DistributorError):
        compose(letters.form(), letters.copy(), TOKEN, extra=(smuggling,))


@pytest.mark.parametrize("kind", ["html", "text"])
def test_what_is_composed_is_known_to_be_safe_on_the_wire(kind: str) -> None:
    message = compose(letters.form(), letters.copy(format=kind), TOKEN)

    assert type(message) is Wire
    assert Wire(bytes(message)) == message


def test_a_relays_headers_go_along() -> None:
    message = compose(letters.form(), letters.copy(), TOKEN, extra=(value_header("X-Tag", "weekly"),))

    assert parsed(message)["X-Tag"] == "weekly"


def test_a_long_edition_is_shortened_in_the_feedback_id() -> None:
    edition = EditionKey("+".join(f"section-{number}" for number in range(12)))

    message = parsed(compose(letters.form(of=letters.rendition(edition=edition)), letters.copy(), TOKEN))

    assert re.fullmatch(r"2015-055\.1:[0-9a-f]{16}:weekly:newsexamplecom", message["Feedback-ID"])


@pytest.mark.parametrize("token", ["", "a b", "a\r\nBcc: x", "标", "a<", "x" * 257])
def test_a_token_that_is_no_plain_word_is_refused(token: str) -> None:
    with pytest.raises(DistributorError, match="token"):
        compose(letters.form(), letters.copy(), token)


def test_finding_4_an_address_that_needs_smtputf8_stops_this_copy_alone() -> None:
    form = letters.form()

    with pytest.raises(DistributorError):
        compose(form, letters.copy(address="用户@例子.cn"), TOKEN)
    assert compose(form, letters.copy(), TOKEN)


@pytest.mark.parametrize(
    "changes", [{"list_id": "weekly"}, {"list_id": "a b.c"}, {"sender_id": "abc"}, {"sender_id": "a:b:c"}]
)
def test_a_letterhead_that_no_header_can_carry_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        letters.letterhead(**changes)


def test_the_key_shows_in_no_repr() -> None:
    assert "kkkk" not in repr(letters.letterhead()) + repr(letters.form())


@given(
    st.text(alphabet="ab.<&节\r\n\x00.", max_size=300),
    st.text(alphabet="xyz.", min_size=1, max_size=60).map(lambda local: f"a{local}b@example.org"),
)
def test_finding_7_whatever_the_text_a_message_is_safe_on_the_wire(text: str, address: str) -> None:
    rendition = letters.rendition(html=text + TOKEN_MARK + text, text=text)

    message = compose(letters.form(of=rendition), letters.copy(address=address), TOKEN)

    headers.check_lines(message)
    assert b"\r\n." not in message


def test_the_date_is_the_mailings_in_the_publications_zone() -> None:
    later = letters.mailing().message_date + timedelta(hours=15)

    message = parsed(compose(letters.form(message_date=later), letters.copy(), TOKEN))

    assert message["Date"] == "Sat, 11 Jul 2015 00:00:00 +0800"
    assert message["Date"].datetime == datetime.fromisoformat("2015-07-11T00:00:00+08:00")
