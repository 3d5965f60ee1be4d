"""Read the cells of a list file: an address, a name, a format.

Pure. What people and Excel put around an address is taken off where only one reading is left (blanks, full-width
＠, mailto:, `名字 <a@b>`), and said; anything else is a fault of that row. `addresses.parse_address` alone decides
what an address is.
"""

import re
import unicodedata
from dataclasses import dataclass

from distributor.addresses import Address, parse_address
from distributor.problems import Wording, wording
from distributor.subscribers.formulas import unguarded
from distributor.subscribers.model import Format

MAX_NAME = 100
_FORMATS: dict[str, Format] = {
    **dict.fromkeys(("", "html", "网页", "超文本", "富文本", "图文", "text/html", "网页版", "htm"), "html"),
    **dict.fromkeys(("text", "txt", "plain", "纯文本", "文本", "纯文字", "文字", "text/plain", "文本版"), "text"),
}
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x2060, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3002: ".", 0x3000: " ", 0xA0: " "}
_BRACKETED = re.compile(r'(?P<name>[^<>@]*)<(?P<inner>[^<>]+)>"?')
_TRAILING = ",;、 ."
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*", re.ASCII)
# Below the limits of RFC 5321 §4.5.3.1, where the whole of parse_address is asked.
_PLAIN_LENGTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFault:
    """Why a cell sets its row aside, and what to do."""

    what: Wording
    remedy: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAddress:
    """An address; `repaired` when something other than blanks around it was taken off."""

    address: Address
    repaired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadName:
    """A name fit for a header, without control or direction characters; `repaired` when it lost some."""

    name: str
    repaired: bool


class AddressReader:
    """Reads the addresses of one file; a domain that was good once is not examined again."""

    def __init__(self) -> None:
        self._domains: dict[str, str | None] = {}

    def read(self, cell: str) -> ReadAddress | CellFault:
        """Return the one address in the cell, or why there is not exactly one."""
        trimmed = cell.strip()
        address = self._parse(trimmed)
        if address is not None:
            return ReadAddress(address=address, repaired=False)
        cleaned = _clean(trimmed)
        address = self._parse(cleaned)
        if address is not None:
            return ReadAddress(address=address, repaired=True)
        return _address_fault(cleaned)

    def _parse(self, text: str) -> Address | None:
        local, at, domain = text.rpartition("@")
        if not at or len(text) > _PLAIN_LENGTH or not _PLAIN_LOCAL.fullmatch(local):
            return parse_address(text)
        if domain not in self._domains:
            found = parse_address(f"x@{domain}")
            self._domains[domain] = found.domain if found else None
        known = self._domains[domain]
        return None if known is None else Address(local=local, domain=known)


def _clean(text: str) -> str:
    cleaned = text.translate(_INVISIBLE).translate(_FULL_WIDTH).strip()
    if cleaned[:7].casefold() == "mailto:":
        cleaned = cleaned[7:]
    bracketed = _BRACKETED.fullmatch(cleaned)
    if bracketed:
        cleaned = bracketed["inner"].strip()
    if len(cleaned) > 1 and cleaned[0] == cleaned[-1] and cleaned[0] in "'\"":
        cleaned = cleaned[1:-1]
    return cleaned.strip().rstrip(_TRAILING)


def _address_fault(cleaned: str) -> CellFault:
    shown = cleaned[:80]
    if not cleaned:
        return CellFault(
            what=wording("没有邮箱", "the address is missing"),
            remedy=wording("填上邮箱，或删去这一行", "fill it in or delete the row"),
        )
    if cleaned.count("@") > 1:
        return CellFault(
            what=wording(f"一格里有多个邮箱：{shown}", f"more than one address in a cell: {shown}"),
            remedy=wording("每个邮箱单独一行", "give each address a row of its own"),
        )
    local, at, _ = cleaned.partition("@")
    if at and not local.isascii():
        return CellFault(
            what=wording(f"邮箱名含有非英文字符：{shown}", f"characters outside ASCII before the @: {shown}"),
            remedy=wording("请改用英文字母的邮箱", "use an address in ASCII letters"),
        )
    return CellFault(
        what=wording(f"不是有效的邮箱：{shown}", f"not a valid address: {shown}"),
        remedy=wording("改成 name@example.com 的样子", "write it like name@example.com"),
    )


def read_name(cell: str) -> ReadName | CellFault:
    """Return the name on one line, or why it cannot stand in a header; a leading `=` or `@` is left alone."""
    cell = unguarded(cell)
    kept = cell if cell.isprintable() else "".join(map(_kept, cell))
    name = " ".join(kept.split())
    if "=?" in name or "\ufffd" in name:
        return CellFault(
            what=wording("姓名里有乱码或邮件编码（=?）", "the name holds broken characters or =?"),
            remedy=wording("重新填写姓名", "write the name again"),
        )
    if len(name) > MAX_NAME:
        return CellFault(
            what=wording(f"姓名有 {len(name)} 个字，最多 {MAX_NAME} 个", f"the name has {len(name)} characters"),
            remedy=wording("写短一些", f"use at most {MAX_NAME}"),
        )
    return ReadName(name=name, repaired=kept != cell)


def _kept(character: str) -> str:
    if character.isspace():
        return character
    is_noncharacter = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs"}
    return "" if hidden or is_noncharacter else character


def read_format(cell: str) -> Format | CellFault:
    """Return `html` or `text`; empty means html."""
    word = unicodedata.normalize("NFKC", cell).strip().casefold()
    if word in _FORMATS:
        return _FORMATS[word]
    return CellFault(
        what=wording(f"没有这样的格式：{word[:40]}", f"no such format: {word[:40]}"),
        remedy=wording("写 html（网页）或 text（纯文本）", "write html (网页) or text (纯文本)"),
    )
