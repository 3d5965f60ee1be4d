"""Mails laid out to be looked at: whatever lies in an outbox can be shown, and leads to this host where it is ours."""

from email.message import EmailMessage
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from distributor.identifiers import EditionKey, IssueId
from distributor.rendering.model import InlinePicture, Placeholders, Rendition
from distributor.web.outbox import find_mail, list_mails
from distributor.web.sheets import message_to_sheet, rendition_to_sheet, shown_html, to_local

BASE = "https://news.example.com/"
MARKS = Placeholders(token="TmarkT", address="AmarkA")
HTML = (
    "<html><head><style>@media (prefers-color-scheme: dark) { p { color: red } }</style></head>"
    '<body><p>AmarkA <a href="https://news.example.com/preferences/TmarkT">x</a><img src="cid:a@x"></p></body></html>'
)
RENDITION = Rendition(
    edition=EditionKey("policy"),
    issue=IssueId("2015-055"),
    subject="主题",
    preheader="预览文字",
    html=HTML,
    text="AmarkA",
    cids=("a@x",),
    shortened=0,
)
PICTURES = tuple(
    InlinePicture(cid=cid, media_type="image/png", filename="a.png", content=b"\x89PNG") for cid in ("a@x", "b@x")
)


def message(*, subject: str = "主题", html: str = "") -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["To"], made["Message-ID"] = subject, "读者 <reader@example.com>", "<one@example.com>"
    made.set_content("第一行\n")
    if html:
        made.add_alternative(html, subtype="html")
    return made


def test_mail_of_plain_text_has_no_html() -> None:
    sheet = message_to_sheet(message().as_bytes())

    assert (sheet.html, sheet.text.strip(), sheet.subject) == ("", "第一行", "主题")
    assert sheet.recipient == "读者 <reader@example.com>"


def test_headers_are_shown_as_they_are_on_the_wire() -> None:
    headers = dict(message_to_sheet(message().as_bytes()).headers)

    assert headers["Subject"].startswith("=?utf-8?")
    assert headers["Message-ID"] == "<one@example.com>"


NAMES = st.sampled_from(["Subject", "To", "Content-Type", "Content-Transfer-Encoding", "Content-ID", "Message-ID"])
VALUES = st.sampled_from(
    [
        b"=?utf-8?q?=0A=0D?=",
        b"=?xyz?b?!?=",
        b"multipart/mixed; boundary=b",
        b"text/html; charset=xyz",
        b'text/plain; charset="\xe4"',
        b"base64",
        b"x-uuencode",
        b"\xff",
        b"<",
        b"a:;",
    ]
) | st.binary(max_size=20)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6), st.binary(max_size=100))
def test_no_file_in_the_outbox_stops_the_preview(headers: list[tuple[str, bytes]], body: bytes) -> None:
    lines = [name.encode() + b": " + value for name, value in headers]
    octets = b"\r\n".join([*lines, b"", body])

    assert message_to_sheet(octets).size == len(octets)


def test_made_up_reader_stands_for_the_marks_and_only_used_pictures_travel() -> None:
    sheet = rendition_to_sheet(RENDITION, MARKS, PICTURES)

    assert "mark" not in sheet.html + sheet.text
    assert "preferences/preview" in sheet.html
    assert list(sheet.pictures) == ["a@x"]


def test_frame_shows_pictures_and_our_links_from_this_host() -> None:
    shown = shown_html(rendition_to_sheet(RENDITION, MARKS, PICTURES), BASE, local="/site/")

    assert 'href="/site/preferences/preview"' in shown
    assert 'src="pictures/a%40x"' in shown
    assert '<head><base target="_blank">' in shown


def test_dark_view_makes_the_dark_rules_hold_everywhere() -> None:
    shown = shown_html(rendition_to_sheet(RENDITION, MARKS, PICTURES), BASE, local="/site/", view="dark")

    assert "@media (min-width: 0) { p { color: red } }" in shown


def test_bare_view_has_no_style_element() -> None:
    shown = shown_html(rendition_to_sheet(RENDITION, MARKS, PICTURES), BASE, local="/site/", view="bare")

    assert "<style" not in shown
    assert "color: red" not in shown


def test_only_attributes_are_rewritten_never_text() -> None:
    html = f'<a href="{BASE}a">{BASE}a</a> <a href="{BASE}">x</a> <a href="https://other.example.org/{BASE}">y</a>'

    assert to_local(html, BASE, "/site/") == (
        f'<a href="/site/a">{BASE}a</a> <a href="/site/">x</a> <a href="https://other.example.org/{BASE}">y</a>'
    )


def test_outbox_lists_new_and_read_mails_and_no_half_written_one(tmp_path: Path) -> None:
    for name in ("new/b.eml", "cur/a.eml:2,S", "tmp/c.eml", "new/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(message(subject=name).as_bytes())

    number, mails = list_mails(tmp_path)

    assert number == 2
    assert {mail.id for mail in mails} == {"a.eml", "b.eml"}
    found = find_mail(tmp_path, "a.eml")
    assert found is not None
    assert found.message_id == "<one@example.com>"


def test_outbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert list_mails(tmp_path / "none") == (0, ())
    assert find_mail(tmp_path / "none", "a.eml") is None


def test_name_never_leaves_the_outbox(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "secret").write_bytes(b"x")

    assert [find_mail(tmp_path / "new", name) for name in ("../secret", "..", "/etc/passwd", "*", "[a]", "")] == [
        None
    ] * 6
