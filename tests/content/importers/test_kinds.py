import codecs
import contextlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.importers.kinds import KINDS, decode, find_kind
from distributor.errors import InputError
from tests.content.importers.raw_layer import lay_out
from tests.content.importers.stories import ISSUE
from tests.content.importers.word import saved, with_styles

LAYER = lay_out(ISSUE)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def archive(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return stream.getvalue()


ENCODED = {
    "UTF-8": LAYER.encode(),
    "UTF-8 with mark, CRLF": codecs.BOM_UTF8 + LAYER.replace("\n", "\r\n").encode(),
    "GB18030": LAYER.encode("gb18030"),
    "UTF-16 LE": codecs.BOM_UTF16_LE + LAYER.encode("utf-16-le"),
    "UTF-16 BE, CRLF": codecs.BOM_UTF16_BE + LAYER.replace("\n", "\r\n").encode("utf-16-be"),
    "UTF-16 LE without mark": LAYER.encode("utf-16-le"),
    "UTF-16 BE without mark": LAYER.encode("utf-16-be"),
}


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED)
def test_a_layer_is_the_same_in_every_encoding(content: bytes) -> None:
    assert decode(content, shown_as="x.txt") == LAYER
    assert find_kind(content, None, shown_as="x.txt") == "layer"


def test_kinds_are_told_by_their_content() -> None:
    assert find_kind(saved(with_styles(ISSUE)), None, shown_as="x") == "docx"
    assert find_kind("【市场热点】\n标题\n正文。\n".encode(), None, shown_as="x.docx") == "plain"


@pytest.mark.parametrize("asked", ["layer", "plain"])
def test_an_editor_may_decide_between_the_kinds_of_text(asked: str) -> None:
    assert find_kind(LAYER.encode(), asked, shown_as="x.txt") == asked


REFUSED = {
    "empty": (b" \n", "文件是空的", "请给一期"),
    "doc": (OLE + b"\0" * 600, "旧的二进制格式", "另存为 .docx"),
    "password": (OLE + "EncryptedPackage".encode("utf-16-le"), "密码", "另存为 .docx"),
    "pdf": (b"%PDF-1.7\n", "不能直接导入 PDF", "pdftotext"),
    "rtf": (rb"{\rtf1\ansi}", "RTF", "另存为 .docx"),
    "web": (b"<!DOCTYPE html><html></html>", "网页", "另存为 .docx"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0", "图片", "请给一期"),
    "excel": (archive("[Content_Types].xml", "xl/workbook.xml"), "Excel", "请给一期"),
    "odt": (archive("mimetype", "content.xml"), "OpenDocument", "另存为 .docx"),
    "zip": (archive("photo.jpg"), "压缩包不是 Word", "请给一期"),
    "cut short": (archive("word/document.xml")[:40], "不完整", "重新复制"),
}


@pytest.mark.parametrize(("content", "what", "remedy"), REFUSED.values(), ids=REFUSED)
def test_other_files_are_refused_with_the_remedy(content: bytes, what: str, remedy: str) -> None:
    with pytest.raises(InputError) as refusal:
        find_kind(content, None, shown_as="稿件")

    assert what in refusal.value.problems[0].what.zh
    assert remedy in refusal.value.problems[0].remedy.zh


@pytest.mark.parametrize(
    ("content", "asked"), [(LAYER.encode(), "docx"), (LAYER.encode(), "pdf"), (archive("word/x"), "layer")]
)
def test_a_kind_that_does_not_fit_is_refused(content: bytes, asked: str) -> None:
    with pytest.raises(InputError):
        find_kind(content, asked, shown_as="x")


def test_a_bad_byte_names_its_line() -> None:
    with pytest.raises(InputError) as refusal:
        decode("第一行中文文字\n第二行".encode() + b"\xff\xff\n", shown_as="x.txt")

    assert refusal.value.problems[0].line == 2


def test_utf_16_that_breaks_off_names_its_line() -> None:
    with pytest.raises(InputError) as refusal:
        decode(codecs.BOM_UTF16_LE + "第一行\n第二行".encode("utf-16-le")[:-1], shown_as="x.txt")

    assert refusal.value.problems[0].line == 2


@given(st.binary(max_size=200))
def test_foreign_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(InputError):
        assert find_kind(content, None, shown_as="x") in KINDS
