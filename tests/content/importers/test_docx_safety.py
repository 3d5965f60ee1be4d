import io
import zipfile
from collections.abc import Callable

import pytest
from docx import Document

from distributor.content.importers.docx import package
from distributor.content.importers.docx.document import read_docx
from distributor.content.importers.docx.package import PackageRefused
from tests.content.importers.stories import ISSUE, SECTIONS
from tests.content.importers.word import rezipped, saved, with_styles

Parts = dict[str, bytes]
DOCUMENT = "word/document.xml"
BOMB = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FOREIGN = b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def refusal(content: bytes) -> str:
    with pytest.raises(PackageRefused) as refused:
        read_docx(content, SECTIONS)
    assert "另存为 .docx" in refused.value.objection.remedy.zh
    return refused.value.objection.what.zh


def changed(change: Callable[[Parts], None]) -> bytes:
    return rezipped(saved(with_styles(ISSUE[:1])), change)


def with_document(make: Callable[[bytes], bytes]) -> bytes:
    return changed(lambda parts: parts.update({DOCUMENT: make(parts[DOCUMENT])}))


@pytest.mark.parametrize("declaration", [BOMB, FOREIGN], ids=["bomb", "foreign file"])
def test_a_document_type_declaration_is_refused(declaration: bytes) -> None:
    content = with_document(lambda part: part.replace(b"?>", b"?>" + declaration, 1))

    assert refusal(content) == "文件里有 DOCTYPE 声明，不安全"


@pytest.mark.parametrize("name", ["../../evil.xml", "/etc/cron.d/evil", "word/../../evil"])
def test_a_path_out_of_the_folder_is_refused(name: str) -> None:
    assert refusal(changed(lambda parts: parts.update({name: b"x"}))) == "压缩包里的路径指到文件夹以外"


def test_an_archive_that_unpacks_to_far_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_BYTES", 2_000_000)

    assert (
        refusal(changed(lambda parts: parts.update({"word/media/a.bin": bytes(2_100_000)})))
        == "解开后过大，不像一份文档"
    )


def test_a_part_larger_than_its_header_says_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_XML_BYTES", 1_000)

    assert refusal(saved(Document())) == "文件里有过大的部件"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda parts: parts.pop(DOCUMENT), "文件里没有正文"),
        (lambda parts: parts.pop("_rels/.rels"), "这个压缩包不是 Word 文档"),
        (lambda parts: parts.update({DOCUMENT: b"<w:document"}), "文件里的 XML 已损坏"),
    ],
    ids=["no document", "no relationships", "broken XML"],
)
def test_a_damaged_file_is_refused(change: Callable[[Parts], object], what: str) -> None:
    assert refusal(changed(lambda parts: change(parts) and None)) == what  # type: ignore[func-returns-value]


def test_a_file_cut_short_is_refused() -> None:
    assert refusal(saved(Document())[:-200]) == "文件不完整，打不开"


def test_a_part_with_bad_bytes_is_refused() -> None:
    content = bytearray(saved(with_styles(ISSUE)))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        place = archive.getinfo(DOCUMENT).header_offset
    content[place + 60 : place + 90] = bytes(30)

    assert refusal(bytes(content)) == "文件损坏或加了密码"


@pytest.mark.parametrize("name", ["word/styles.xml", "word/numbering.xml", "word/settings.xml"])
def test_a_file_without_its_lesser_parts_is_read(name: str) -> None:
    issue = read_docx(changed(lambda parts: parts.pop(name, b"") and None), SECTIONS)  # type: ignore[func-returns-value]

    assert len(issue.articles) == len(ISSUE[0].stories)


def test_a_strict_file_is_read_like_a_usual_one() -> None:
    content = with_document(
        lambda part: part.replace(
            b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        )
    )

    assert len(read_docx(content, SECTIONS).articles) == len(ISSUE[0].stories)
