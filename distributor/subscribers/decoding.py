"""Turn the bytes of a list file into text, or say what the file really is.

Pure. UTF-8 with or without a mark, GB18030 (Excel's CSV on Chinese Windows) and UTF-16 with a mark (Excel's
"Unicode text") are read; line ends become LF. A workbook, page or picture renamed .csv is refused by its first
bytes. Where a UTF-8 file holds some bytes of another encoding, they become U+FFFD, so that only their rows fail.
"""

import codecs
import re
from dataclasses import dataclass

from distributor.problems import Wording, wording

MAX_BYTES = 100_000_000
_NOT_CSV = wording(
    "在 Excel 或 WPS 中打开原表，另存为“CSV UTF-8（逗号分隔）”",
    "open the table in Excel or WPS and save it as “CSV UTF-8 (comma delimited)”",
)
_ZIPPED = (
    (b"xl/", wording("这是 Excel 工作簿（.xlsx），不是 CSV", "this is an Excel workbook (.xlsx), not CSV")),
    (b"word/", wording("这是 Word 文档，不是 CSV", "this is a Word document, not CSV")),
    (b"", wording("这是 ZIP 压缩文件，不是 CSV", "this is a ZIP archive, not CSV")),
)
_MAGIC: tuple[tuple[bytes, Wording], ...] = (
    (
        b"\xd0\xcf\x11\xe0",
        wording("这是旧版 Excel 或 Word 文件（.xls、.doc），不是 CSV", "this is an old Office file"),
    ),
    (b"%PDF", wording("这是 PDF 文件，不是 CSV", "this is a PDF, not CSV")),
    (b"{\\rtf", wording("这是 RTF 文档，不是 CSV", "this is an RTF document, not CSV")),
    (b"\x1f\x8b", wording("这是 gzip 压缩文件，不是 CSV", "this is a gzip file, not CSV")),
    (b"7z\xbc\xaf", wording("这是 7z 压缩文件，不是 CSV", "this is a 7z archive, not CSV")),
    (b"Rar!", wording("这是 RAR 压缩文件，不是 CSV", "this is a RAR archive, not CSV")),
    (b"\x89PNG", wording("这是 PNG 图片，不是 CSV", "this is a PNG picture, not CSV")),
    (b"\xff\xd8\xff", wording("这是 JPEG 图片，不是 CSV", "this is a JPEG picture, not CSV")),
    (b"SQLite format 3", wording("这是数据库文件，不是 CSV", "this is a database file, not CSV")),
    (b"MIME-Version:", wording("这是网页存档（.mht），不是 CSV", "this is a web archive (.mht), not CSV")),
)
_MARKUP = re.compile(r"\s*<(?:!doctype|\?xml|html|head|meta|style|body|table|div)\b", re.IGNORECASE)
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The file as text with LF line ends; `encoding` is the name shown to people."""

    text: str
    encoding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Why the whole file is refused; `line` counts from 1 where one line is to blame."""

    what: Wording
    remedy: Wording = _NOT_CSV
    line: int | None = None


EMPTY = Unreadable(
    what=wording("文件是空的", "the file is empty"),
    remedy=wording("第一行写列名：email,name,sections,format", "begin with the line email,name,sections,format"),
)


def decode_file(octets: bytes) -> Text | Unreadable:
    """Return the text of a list file, or why it is none."""
    if len(octets) > MAX_BYTES:
        size = MAX_BYTES // 1_000_000
        return Unreadable(
            what=wording(f"文件超过 {size} MB", f"the file is larger than {size} MB"),
            remedy=wording("把名单分成几个文件", "split the list into several files"),
        )
    recognised = _recognise(octets)
    if recognised is not None:
        return Unreadable(what=recognised)
    decoded = _decode(octets)
    if isinstance(decoded, Unreadable):
        return decoded
    return _checked(decoded)


def _recognise(octets: bytes) -> Wording | None:
    if octets.startswith(b"PK\x03\x04"):
        return next(what for part, what in _ZIPPED if part in octets)
    return next((what for magic, what in _MAGIC if octets.startswith(magic)), None)


def _decode(octets: bytes) -> Text | Unreadable:
    encoding = _UTF_16.get(octets[:2])
    if encoding is not None:
        try:
            return Text(text=octets[2:].decode(encoding), encoding="UTF-16")
        except UnicodeDecodeError as error:
            line = octets[2 : 2 + error.start].decode(encoding, errors="replace").count("\n") + 1
            return Unreadable(what=wording("UTF-16 编码损坏", "the UTF-16 is broken"), line=line)
    bare = octets.removeprefix(codecs.BOM_UTF8)
    try:
        return Text(text=bare.decode("utf-8"), encoding="UTF-8")
    except UnicodeDecodeError:
        return _decode_doubtful(bare, is_marked=bare is not octets)


def _decode_doubtful(octets: bytes, *, is_marked: bool) -> Text:
    if not is_marked and not _is_mostly_utf8(octets):
        try:
            return Text(text=octets.decode("gb18030"), encoding="GB18030")
        except UnicodeDecodeError:
            return Text(text=octets.decode("gb18030", errors="replace"), encoding="GB18030")
    return Text(text=octets.decode("utf-8", errors="replace"), encoding="UTF-8")


def _is_mostly_utf8(octets: bytes) -> bool:
    # GB18030 decodes almost any bytes, so one foreign byte must not turn a whole UTF-8 file into gibberish.
    verdicts = [_is_utf8(line) for line in octets.splitlines() if not line.isascii()]
    return sum(verdicts) * 2 > len(verdicts)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _checked(decoded: Text) -> Text | Unreadable:
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        return Unreadable(
            what=wording(
                "文件里有 NUL 字节，像是没有标记的 UTF-16 或二进制文件",
                "the file holds NUL bytes, like UTF-16 without a mark or a binary file",
            ),
            line=text.count("\n", 0, text.index("\0")) + 1,
        )
    if not text.strip():
        return EMPTY
    if _MARKUP.match(text):
        return Unreadable(what=wording("这是网页或 XML，不是 CSV", "this is a web page or XML, not CSV"))
    if text.lstrip().startswith(("{", "[")):
        return Unreadable(what=wording("这是 JSON，不是 CSV", "this is JSON, not CSV"))
    return Text(text=text, encoding=decoded.encoding)
