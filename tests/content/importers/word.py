"""Builds .docx files in memory, as offices write them: real ones by python-docx, with raw XML where it has no word."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.packuri import PackURI
from docx.opc.part import Part as OpcPart
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Pt
from docx.text.paragraph import Paragraph

from distributor.content.importers.docx.document import read_docx
from distributor.content.importers.model import DraftIssue
from tests.content.importers.raw_layer import Part
from tests.content.importers.stories import SECTIONS

PICTURE = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    for kind, content in (
        (b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\x00\x00\xff")),
        (b"IEND", b""),
    )
)


def saved(document: WordDocument) -> bytes:
    """Return the bytes of a document."""
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def imported(document: WordDocument) -> DraftIssue:
    """Read a document with our sections."""
    return read_docx(saved(document), SECTIONS)


def one_article_document() -> WordDocument:
    """Return a document with one section and the head of one article."""
    document = Document()
    document.add_paragraph("【市场热点】")
    document.add_paragraph("一篇文章的标题")
    document.add_paragraph("发布日期：2019-3-8  来源：绿 E 站")
    return document


def one_article(fill: Callable[[WordDocument], None]) -> DraftIssue:
    """Read a document with one section and one article, whose body `fill` writes."""
    document = one_article_document()
    fill(document)
    return imported(document)


def with_styles(parts: tuple[Part, ...]) -> WordDocument:
    """Write an issue with heading styles: sections 1, titles 2."""
    document = Document()
    for part in parts:
        document.add_heading(part.title, 1)
        for story in part.stories:
            document.add_heading(story.title, 2)
            if story.date:
                document.add_paragraph(f"发布日期：{story.date}  来源：{story.source}")
            for paragraph in story.paragraphs:
                document.add_paragraph(paragraph)
    return document


def with_bold_lines(parts: tuple[Part, ...]) -> WordDocument:
    """Write an issue without a single style: sections bold and centred, titles bold and larger."""
    document = Document()
    for part in parts:
        line = bold(document, f"【{part.title}】", size=16)
        line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        for story in part.stories:
            bold(document, story.title, size=14)
            if story.date:
                document.add_paragraph(f"来源：{story.source}  发布时间：{story.date.replace('-', '/')}")
            for paragraph in story.paragraphs:
                document.add_paragraph(paragraph)
    return document


def bold(document: WordDocument, text: str, *, size: int) -> Paragraph:
    """Add an all-bold paragraph of that size in points."""
    paragraph = document.add_paragraph()
    run = paragraph.add_run(text)
    run.bold = True
    run.font.size = Pt(size)
    return paragraph


def raw(document: WordDocument, inner: str) -> None:
    """Add a paragraph written as XML: the inside of a w:p."""
    element = parse_xml(f"<w:p {nsdecls('w', 'r', 'a', 'wp', 'pic')}>{inner}</w:p>")
    body = document.element.body
    body.insert(len(body) - 1, element)


def run(text: str) -> str:
    """Return a plain run as XML."""
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def linked(document: WordDocument, url: str) -> str:
    """Return the relationship id of an outside address."""
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
    return document.part.relate_to(url, kind, is_external=True)


def rezipped(content: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """Return a .docx whose parts were changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()


def picture_stream() -> io.BytesIO:
    """Return a small picture as a stream."""
    return io.BytesIO(PICTURE)


def add_part(document: WordDocument, kind: str, xml: str) -> None:
    """Add a part such as footnotes or comments beside the document."""
    content_type = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}+xml"
    part = OpcPart(PackURI(f"/word/{kind}.xml"), content_type, xml.encode(), document.part.package)
    document.part.relate_to(part, f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}")
