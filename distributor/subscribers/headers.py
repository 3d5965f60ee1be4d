"""Find the columns of a list file by their names, Chinese or English, in any order.

Pure. The first row of cells enters; which column is what leaves, or the problem that refuses the file.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from distributor.problems import Problem, Wording, wording
from distributor.subscribers.model import StaffField
from distributor.subscribers.sheets import SEPARATORS

Column = Literal["email", "name", "sections", "format"]
MAX_COLUMNS = 100
_NAMES: dict[Column, tuple[str, ...]] = {
    "email": (
        *("email", "邮箱", "电子邮箱", "邮件", "电子邮件", "邮箱地址", "邮件地址", "电子邮箱地址", "电子邮件地址"),
        *("emailaddress", "mail", "address"),
    ),
    "name": ("name", "姓名", "名称", "单位", "单位名称", "联系人", "收件人", "称呼", "订阅人", "fullname"),
    "sections": ("sections", "栏目", "section", "订阅栏目", "所订栏目", "栏目选择", "板块", "版块"),
    "format": ("format", "格式", "邮件格式"),
}
_COLUMN_OF = {spelling: column for column, spellings in _NAMES.items() for spelling in spellings}
_SHOWN = "邮箱（email）、姓名（name）、栏目（sections）、格式（format）"
_SHOWN_EN = "email (邮箱), name (姓名), sections (栏目), format (格式)"
_EXAMPLE = "email,name,sections,format"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which cell holds what, counted from 0; `width` is how many cells a row may fill."""

    email: int
    name: int | None
    sections: int | None
    format: int | None
    width: int

    @property
    def optional(self) -> frozenset[StaffField]:
        """Which of the columns that may be missing are there."""
        positions: dict[StaffField, int | None] = {
            "name": self.name,
            "sections": self.sections,
            "format": self.format,
        }
        return frozenset(column for column, position in positions.items() if position is not None)


def choose_separator(line: str) -> str:
    """Return the separator that makes most known column names of the header line; a comma when none does."""
    counts = {
        separator: sum(column_of(cell.strip('"')) is not None for cell in line.split(separator))
        for separator in SEPARATORS
    }
    return max(SEPARATORS, key=lambda separator: counts[separator])


def column_of(cell: str) -> Column | None:
    """Return which column a header cell names; blanks, case, width and marks such as `*` do not matter."""
    return _COLUMN_OF.get(_plain(cell))


def is_header(cells: Sequence[str], columns: Columns) -> bool:
    """Say whether a later row is the header once more, as two files put together have it."""
    # An address is no header: asked of every row, and the first look is the quick one.
    return len(cells) > columns.email and "@" not in cells[columns.email] and column_of(cells[columns.email]) == "email"


def read_header(cells: Sequence[str], *, path: str, line: int) -> tuple[Columns | None, tuple[Problem, ...]]:
    """Return the columns and the warnings about those not used; None and the faults when the file is refused."""
    if len(cells) > MAX_COLUMNS:
        what = wording(
            f"有 {len(cells)} 列，最多 {MAX_COLUMNS} 列", f"{len(cells)} columns; at most {MAX_COLUMNS} are read"
        )
        return None, (Problem(path=path, line=line, what=what, remedy=_keep_four()),)
    found = _find(cells)
    faults = _faults(cells, found, path, line)
    if faults:
        return None, faults
    columns = Columns(
        email=found["email"][0],
        name=_first(found.get("name")),
        sections=_first(found.get("sections")),
        format=_first(found.get("format")),
        width=max(index for index, cell in enumerate(cells) if _plain(cell)) + 1,
    )
    return columns, _unused(cells, found, path, line)


def _find(cells: Sequence[str]) -> dict[Column, list[int]]:
    found: dict[Column, list[int]] = {}
    for position, cell in enumerate(cells):
        column = column_of(cell)
        if column is not None:
            found.setdefault(column, []).append(position)
    for column, positions in found.items():
        positions.sort(key=lambda position: _NAMES[column].index(_plain(cells[position])))
    return found


def _first(positions: list[int] | None) -> int | None:
    return positions[0] if positions else None


def _faults(cells: Sequence[str], found: dict[Column, list[int]], path: str, line: int) -> tuple[Problem, ...]:
    if "email" not in found:
        return (_without_email(cells, path, line),)
    faults = []
    for column, positions in found.items():
        spellings = {_plain(cells[position]) for position in positions}
        # 姓名 beside 单位 is common in offices; the same name twice is a slip in any column.
        if len(positions) > 1 and (column != "name" or len(spellings) < len(positions)):
            named = "、".join(f"“{cells[position].strip()}”" for position in sorted(positions))
            what = wording(f"列名重复：{named}", f"two columns mean the same: {named}")
            remedy = wording("只留下一列", "keep one of them")
            faults.append(Problem(path=path, line=line, what=what, remedy=remedy))
    return tuple(faults)


def _without_email(cells: Sequence[str], path: str, line: int) -> Problem:
    if any("@" in cell or "＠" in cell for cell in cells):
        return Problem(
            path=path,
            line=line,
            what=wording("第一行已经是邮箱，缺少列名行", "the first line is already an address: the header is missing"),
            remedy=wording(
                f"在最上面加一行列名，例如：{_EXAMPLE}",
                f"put the column names first, for example {_EXAMPLE}",
            ),
        )
    seen = "、".join(cell.strip() for cell in cells if cell.strip())[:200]
    return Problem(
        path=path,
        line=line,
        what=wording(f"没有邮箱这一列（读到的列名：{seen}）", f"there is no email column (found: {seen})"),
        remedy=wording(f"第一行写列名：{_SHOWN}", f"name the columns in the first line: {_SHOWN_EN}"),
    )


def _unused(cells: Sequence[str], found: dict[Column, list[int]], path: str, line: int) -> tuple[Problem, ...]:
    used = {positions[0] for positions in found.values()}
    return tuple(
        _unused_column(cell, path, line) for position, cell in enumerate(cells) if position not in used and _plain(cell)
    )


def _unused_column(cell: str, path: str, line: int) -> Problem:
    shown = cell.strip()[:40]
    near = get_close_matches(_plain(cell), _COLUMN_OF, n=1, cutoff=0.6)
    known = wording(f"认识的列：{_SHOWN}", f"known columns: {_SHOWN_EN}")
    meant = wording(f"如果是“{near[0]}”，请改列名", f"if it means {near[0]}, rename it") if near else known
    return Problem(
        path=path,
        line=line,
        what=wording(f"“{shown}”这一列没有使用", f"the column {shown} is not used"),
        remedy=meant,
        warning=True,
    )


def _keep_four() -> Wording:
    return wording(f"只保留需要的列：{_SHOWN}", f"keep the columns that are needed: {_SHOWN_EN}")


def _plain(cell: str) -> str:
    folded = unicodedata.normalize("NFKC", cell).casefold()
    return "".join(character for character in folded if character.isalnum())
