"""What kind of file came in, by its bytes and never by its name; and foreign bytes as text.

Pure. Only three kinds are read; every other that an office may hold in its hand is refused with what to do instead.
"""

import codecs
import re
import zipfile
from io import BytesIO
from typing import Literal

from distributor.content.findings import Objection, refused
from distributor.content.importers.plain import looks_wrapped
from distributor.content.sources import decode_bytes
from distributor.errors import InputError
from distributor.problems import Problem, Wording, wording

Kind = Literal["layer", "plain", "docx"]
KINDS: tuple[Kind, ...] = ("layer", "plain", "docx")

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_WEB = re.compile(rb"\s*(?:<!doctype html|<html|<\?xml|mime-version:)", re.IGNORECASE)
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

_SAVE_AS_DOCX = wording(
    "在 Word 或 WPS 里打开，另存为 .docx 后再导入", "open it in Word or WPS, save it as .docx and import that"
)
_TAKE_TEXT = wording(
    "在 PDF 阅读器里全选、复制，粘贴到记事本存为 .txt（UTF-8）；或用 pdftotext -raw 取出文字；扫描件先做文字识别",
    "copy its text into a .txt file, or take it out with `pdftotext -raw`; a scan needs text recognition first",
)
_CHOOSE_FILE = wording(
    "请给一期刊物的 .docx，或它的 PDF 文字层、纯文本 .txt",
    "give a .docx of an issue, or the text of its PDF, or plain text",
)


def find_kind(content: bytes, asked: str | None, *, shown_as: str) -> Kind:
    """Return the kind of a file; `asked` (layer, plain, docx) decides between the two kinds of text.

    Raises `InputError` with the remedy for every other kind of file, and where `asked` does not fit the bytes.
    """
    if asked is not None and asked not in KINDS:
        what = wording(f"不认识的类型“{asked}”", f"unknown kind '{asked}'")
        raise _refusal(shown_as, what, wording("可用：layer、plain、docx", "known: layer, plain, docx"))
    objection = _objection(content)
    if objection is not None:
        raise refused(shown_as, objection)
    is_docx = content.startswith(b"PK\x03\x04")
    if asked is not None and (asked == "docx") != is_docx:
        what = wording(f"内容不是 {asked}", f"the content is not {asked}")
        raise _refusal(shown_as, what, wording("去掉 --as，让程序自己判断", "leave out --as"))
    if is_docx:
        return "docx"
    if asked is not None:
        return "layer" if asked == "layer" else "plain"
    return "layer" if looks_wrapped(decode(content, shown_as=shown_as)) else "plain"


def decode(content: bytes, *, shown_as: str) -> str:
    """Return foreign bytes as text with LF line ends: UTF-8, GB18030, or UTF-16 as Notepad's "Unicode" writes it.

    Raises `InputError` that names the first bad line.
    """
    encoding = _utf_16(content)
    if encoding is None:
        return decode_bytes(content, shown_as=shown_as)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, errors="replace").count("\n") + 1
        what = wording("UTF-16 文件在这里断开", "the UTF-16 text breaks off here")
        remedy = wording("用记事本另存为 UTF-8 后再导入", "save it as UTF-8 and import again")
        raise InputError(what, problems=(Problem(path=shown_as, line=line, what=what, remedy=remedy),)) from error
    return text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def _utf_16(content: bytes) -> str | None:
    for mark, encoding in _UTF_16.items():
        if content.startswith(mark):
            return encoding
    # Without a mark: the line feeds of Latin and Chinese text alike have a zero byte on one side only.
    little, big = content.count(b"\n\x00"), content.count(b"\x00\n")
    if 0 in content[:4000] and max(little, big) > 2 and len(content) % 2 == 0:
        return "utf-16-le" if little > big else "utf-16-be"
    return None


def _objection(content: bytes) -> Objection | None:
    if not content.strip():
        return Objection(what=wording("文件是空的", "the file is empty"), remedy=_CHOOSE_FILE)
    if content.startswith(b"PK\x03\x04"):
        return _archive_objection(content)
    if content.startswith(_OLE) and _ENCRYPTED in content:
        what = wording("文件加了打开密码", "the file is protected by a password")
        return Objection(
            what=what, remedy=wording("去掉密码，另存为 .docx 后再导入", "remove the password and save it as .docx")
        )
    if content.startswith(_OLE):
        what = wording("这是旧的二进制格式（.doc、.wps 等）", "an old binary format (.doc, .wps or the like)")
        return Objection(what=what, remedy=_SAVE_AS_DOCX)
    if content.lstrip()[:5] == b"%PDF-":
        return Objection(what=wording("不能直接导入 PDF", "a PDF cannot be imported directly"), remedy=_TAKE_TEXT)
    if content.startswith(rb"{\rtf") or _WEB.match(content):
        what = wording("这是 RTF、网页或 XML 文件", "an RTF, web or XML file")
        return Objection(what=what, remedy=_SAVE_AS_DOCX)
    if content.startswith(_PICTURES):
        return Objection(what=wording("这是一张图片", "a picture"), remedy=_CHOOSE_FILE)
    return None


def _archive_objection(content: bytes) -> Objection | None:
    try:
        names = zipfile.ZipFile(BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        what = wording("文件不完整，打不开", "the file is incomplete and cannot be opened")
        return Objection(what=what, remedy=wording("重新复制或另存一次", "copy it again or save it again"))
    if any(name.startswith("word/") for name in names):
        return None
    if any(name.startswith(("xl/", "ppt/")) for name in names):
        what = wording("这是 Excel 或 PowerPoint 文件", "an Excel or PowerPoint file")
        return Objection(what=what, remedy=_CHOOSE_FILE)
    if "content.xml" in names:
        return Objection(what=wording("这是 OpenDocument 文件", "an OpenDocument file"), remedy=_SAVE_AS_DOCX)
    return Objection(what=wording("这个压缩包不是 Word 文档", "this archive is no Word document"), remedy=_CHOOSE_FILE)


def _refusal(shown_as: str, what: Wording, remedy: Wording) -> InputError:
    return refused(shown_as, Objection(what=what, remedy=remedy))
