"""Read bytes as text: UTF-8 with or without BOM, or GB18030; CRLF and CR become LF.

Bytes enter, text or an `InputError` leaves; `read_text` is the door for one file, `files` the door to the disk.
A file is GB18030 only when the whole of it decodes so, no line of it is plainly UTF-8, and what comes out is the
Chinese that people write: mojibake of UTF-8 or Big5 yields rare characters (at most a third common ones,
measured; real text has 99 %), so it is refused with its line instead of printed.
"""

import re
from pathlib import Path

from distributor.content import files
from distributor.content.findings import Findings, Objection, refused
from distributor.errors import InputError
from distributor.problems import Problem, Wording, faults, wording

TEXT_LIMIT_BYTES = 8_000_000

_REPORTED_LINES = 20
_COMMON_SHARE = 0.5
_BYTE_ORDER_MARKS_16_32 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
# XML 1.0 §2.2 forbids most of these; DEL, C1 and the noncharacters are legal there but never meant.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_DOUBTFUL = re.compile("[\ue000-\uf8ff\ufffd]")

_SAVE_AS_UTF8 = wording(
    "用记事本打开，选“文件”菜单里的“另存为”，编码选 UTF-8 后保存",
    "open it in Notepad, choose Save As, and pick the encoding UTF-8",
)


def read_text(path: Path, *, shown_as: str) -> str:
    """Return the text of a file, or raise an `InputError` that names every bad line."""
    content = files.read_file(path, limit=TEXT_LIMIT_BYTES)
    if isinstance(content, Objection):
        raise refused(shown_as, content)
    text = decode_bytes(content, shown_as=shown_as)
    problems = faults(character_problems(text, shown_as=shown_as))
    if problems:
        raise InputError(problems[0].what, problems=problems)
    return text


def decode_bytes(content: bytes, *, shown_as: str) -> str:
    """Return bytes as text with LF line ends and no U+FEFF; form feeds and other controls are kept.

    Raises `InputError` for UTF-16, for NUL bytes, and for bytes that are neither UTF-8 nor GB18030.
    """
    findings = Findings(shown_as)
    _object_to_nul(content, findings)
    if not findings.problems:
        text = _decode(content)
        if text is not None:
            return text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")
        _object_to_bad_bytes(content, findings)
    raise InputError(findings.problems[0].what, problems=findings.problems)


def character_problems(text: str, *, shown_as: str) -> tuple[Problem, ...]:
    """Return a fault for each line with a character that feeds must not carry, a warning for doubtful ones."""
    findings = Findings(shown_as)
    for number, line in enumerate(text.split("\n"), start=1):
        if found := _ILLEGAL.search(line):
            findings.fault(number, *_illegal_character(found[0]))
        elif found := _DOUBTFUL.search(line):
            findings.warn(number, *_doubtful_character(found[0]))
    return tuple(findings.problems)


def without_illegal_characters(text: str) -> str:
    """Return text that XML 1.0 and mail can carry; used after the characters were reported."""
    return _ILLEGAL.sub("", text)


def _decode(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if any(_is_plainly_utf8(line) for line in content.split(b"\n")):
        return None
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return None
    return text if _common_share(text) >= _COMMON_SHARE else None


def _is_plainly_utf8(line: bytes) -> bool:
    # Two Chinese characters in GBK can look like UTF-8 by chance (the well-known 联通); six bytes hardly ever do.
    try:
        return sum(character >= "\u0800" for character in line.decode("utf-8")) > 1
    except UnicodeDecodeError:
        return False


def _common_share(text: str) -> float:
    """Return the share of the characters outside ASCII that are everyday Chinese: GB 2312 rows 1-3 and 16-55."""
    foreign = [character for character in text if character > "\x7f"]
    return sum(map(_is_common, foreign)) / len(foreign) if foreign else 0.0


def _is_common(character: str) -> bool:
    try:
        lead = character.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return lead <= 0xA3 or 0xB0 <= lead <= 0xD7


def _object_to_nul(content: bytes, findings: Findings) -> None:
    if content.startswith(_BYTE_ORDER_MARKS_16_32) or _looks_like_utf16(content[:4000]):
        what = wording("这个文件是 UTF-16 编码（记事本里叫 Unicode）", "the file is encoded in UTF-16")
        findings.fault(None, what, _SAVE_AS_UTF8)
    elif 0 in content:
        what = wording("有空字节（NUL），不是文本文件", "a NUL byte: this is not a text file")
        remedy = wording("换成文本文件，或重新另存为 UTF-8 文本", "give a text file, or save it again as UTF-8 text")
        findings.fault(content.count(b"\n", 0, content.index(0)) + 1, what, remedy)


def _looks_like_utf16(sample: bytes) -> bool:
    # Without a mark, ASCII has its zero bytes on one side; a few Han characters such as 一 have them on the other.
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    return max(even, odd) > max(1, 4 * min(even, odd))


def _object_to_bad_bytes(content: bytes, findings: Findings) -> None:
    lines = content.split(b"\n")
    encoding = "utf-8" if any(map(_is_plainly_utf8, lines)) else _likely_encoding(content)
    bad = [number for number, line in enumerate(lines, start=1) if not _decodes(line, encoding)]
    what = wording(
        f"有不属于 {encoding.upper()} 的字节，这一行会成为乱码",
        f"bytes that are not {encoding.upper()}: this line would be garbled",
    )
    for number in bad[:_REPORTED_LINES] or [1]:
        findings.fault(number, what, _SAVE_AS_UTF8)


def _likely_encoding(content: bytes) -> str:
    readable = _common_share(content.decode("gb18030", errors="ignore"))
    return "gb18030" if readable >= _COMMON_SHARE and not _decodes(content, "gb18030") else "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _illegal_character(character: str) -> tuple[Wording, Wording]:
    what = wording(
        f"有看不见的控制字符 U+{ord(character):04X}", f"an invisible control character U+{ord(character):04X}"
    )
    return what, wording("删去这个字符（可把这一行重新输入一遍）", "delete it (typing the line again is easiest)")


def _doubtful_character(character: str) -> tuple[Wording, Wording]:
    what = wording(
        f"有读者可能看不到的字符 U+{ord(character):04X}",
        f"a character U+{ord(character):04X} that readers may see as a box",
    )
    return what, wording("换成普通文字或符号", "replace it by an ordinary character")
