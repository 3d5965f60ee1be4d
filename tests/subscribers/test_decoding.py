import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.subscribers import decoding
from distributor.subscribers.decoding import Text, Unreadable, decode_file

TABLE = "邮箱,姓名\na@example.com,张三\n"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("octets", "encoding"),
    [
        pytest.param(TABLE.encode(), "UTF-8", id="UTF-8"),
        pytest.param(TABLE.encode("utf-8-sig"), "UTF-8", id="UTF-8 with a mark"),
        pytest.param(TABLE.encode("gbk"), "GB18030", id="GBK"),
        pytest.param(TABLE.encode("gb18030"), "GB18030", id="GB18030"),
        pytest.param(TABLE.encode("utf-16"), "UTF-16", id="UTF-16 little-endian"),
        pytest.param(b"\xfe\xff" + TABLE.encode("utf-16-be"), "UTF-16", id="UTF-16 big-endian"),
        pytest.param(TABLE.replace("\n", "\r\n").encode(), "UTF-8", id="CRLF"),
        pytest.param(TABLE.replace("\n", "\r").encode(), "UTF-8", id="CR alone"),
        pytest.param(TABLE.replace("\n", "\r", 1).encode("gb18030"), "GB18030", id="mixed line ends"),
    ],
)
def test_text_comes_out_the_same_from_every_encoding(octets: bytes, encoding: str) -> None:
    assert decode_file(octets) == Text(text=TABLE, encoding=encoding)


def test_four_byte_characters_of_gb18030_come_out_right() -> None:
    text = "邮箱,姓名\na@example.com,㐂𠮷€\n"

    assert decode_file(text.encode("gb18030")) == Text(text=text, encoding="GB18030")


def test_one_foreign_byte_does_not_turn_a_utf8_file_into_gibberish() -> None:
    lines = [f"a{number}@example.com,某单位".encode() for number in range(5)]
    octets = b"\n".join(["邮箱,姓名".encode(), *lines[:2], "b@example.com,李四".encode("gbk"), *lines[2:]])

    decoded = decode_file(octets)

    assert isinstance(decoded, Text)
    assert decoded.encoding == "UTF-8"
    assert [line for line in decoded.text.split("\n") if "\ufffd" in line] == [decoded.text.split("\n")[3]]


def test_bytes_that_no_encoding_has_fail_only_where_they_stand() -> None:
    decoded = decode_file("邮箱,姓名\na@example.com,张三\n".encode("gbk") + b"b@example.com,\xff\xff\n")

    assert isinstance(decoded, Text)
    assert decoded.text.startswith(TABLE)
    assert "\ufffd" in decoded.text


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        pytest.param(zipped("[Content_Types].xml", "xl/workbook.xml"), ".xlsx", id="xlsx"),
        pytest.param(zipped("[Content_Types].xml", "word/document.xml"), "Word", id="docx"),
        pytest.param(zipped("names.txt"), "ZIP", id="zip"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), ".xls", id="xls"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3", "PDF", id="pdf"),
        pytest.param(gzip.compress(TABLE.encode()), "gzip", id="gzip"),
        pytest.param(b"{\\rtf1 x}", "RTF", id="rtf"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "PNG", id="png"),
        pytest.param("﻿<!DOCTYPE html><table>".encode(), "网页", id="html"),
        pytest.param(b"  <html><body>a@example.com", "网页", id="html in one line"),
        pytest.param('<?xml version="1.0"?>\n'.encode("utf-16"), "网页", id="xml in UTF-16"),
        pytest.param(b"MIME-Version: 1.0\r\n", "mht", id="mht"),
        pytest.param(b'[{"email": "a@example.com"}]', "JSON", id="json"),
        pytest.param(b"", "空", id="empty"),
        pytest.param(b"\xef\xbb\xbf\r\n\r\n ", "空", id="blank lines only"),
        pytest.param(TABLE.encode("utf-16-le"), "NUL", id="UTF-16 without a mark"),
        pytest.param(b"email\na\0b@example.com\n", "NUL", id="NUL"),
        pytest.param(b"\xff\xfe" + TABLE.encode("utf-16-le") + b"\x00", "损坏", id="broken UTF-16"),
    ],
)
def test_what_is_no_table_is_named(octets: bytes, said: str) -> None:
    decoded = decode_file(octets)

    assert isinstance(decoded, Unreadable)
    assert said in decoded.what.zh


def test_address_in_brackets_is_no_web_page() -> None:
    assert isinstance(decode_file(b"<a@example.com>,x"), Text)


def test_line_of_a_nul_byte_is_named() -> None:
    decoded = decode_file(b"email\r\na@example.com\r\nb\0\r\n")

    assert isinstance(decoded, Unreadable)
    assert decoded.line == 3


def test_enormous_file_is_refused_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_BYTES", 5_000_000)

    decoded = decode_file(b"email\n" * 1_000_000)

    assert isinstance(decoded, Unreadable)
    assert "5 MB" in decoded.what.zh


@given(st.binary())
def test_no_bytes_crash_the_decoding(octets: bytes) -> None:
    assert isinstance(decode_file(octets), (Text, Unreadable))


@given(st.text(alphabet="邮箱名,\n张三a@.，"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_no_character_is_lost(text: str, encoding: str) -> None:
    decoded = decode_file(("email" + text).encode(encoding))

    assert isinstance(decoded, Text)
    assert decoded.text == "email" + text
