"""Cut the text of a list file into rows of cells that know their line.

Pure. Commas, semicolons, tabs and their full-width forms separate; quotes as in RFC 4180, line breaks inside.
Unlike a plain CSV reader a quote that is never closed costs its own row and no other, and the short rows that
Excel writes (it drops empty last columns in blocks of 16 rows) are filled up again.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from distributor.problems import Wording, wording

SEPARATORS = (",", "\t", ";", "，", "；")
MAX_ROW_CHARACTERS = 20_000
_MAX_JOINED_LINES = 10
# "Column delimiters are missing in an Excel spreadsheet that is saved as text": Microsoft KB 77295.
_EXCEL_BLOCK = 16
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[,;\t])"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; `line` is where it begins, from 1. With a `fault` the cells are a rough reading only."""

    line: int
    cells: tuple[str, ...]
    fault: Wording | None = None

    @property
    def is_blank(self) -> bool:
        """Whether no cell holds anything."""
        return not any(cell and not cell.isspace() for cell in self.cells)


def cut_rows(text: str, separator: str, *, first_line: int = 1) -> Iterator[Row]:
    """Yield the rows of the text from a line on, blank ones included; lines end in LF."""
    ahead = _lines(text)
    lines = deque(islice(ahead, first_line - 1, first_line - 1 + _MAX_JOINED_LINES))
    number = first_line
    while lines:
        line = lines[0]
        if len(line) > MAX_ROW_CHARACTERS:
            row, used = Row(line=number, cells=(line[:200],), fault=_too_long()), 1
        elif '"' in line:
            row, used = _cut_quoted(lines, number, separator)
        else:
            row, used = Row(line=number, cells=tuple(line.split(separator))), 1
        yield row
        number += used
        for _ in range(used):
            lines.popleft()
        lines.extend(islice(ahead, used))


def _lines(text: str) -> Iterator[str]:
    # Not split(): all lines of a large file at once weigh several times the file.
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _cut_quoted(lines: Sequence[str], number: int, separator: str) -> tuple[Row, int]:
    """Cut the row that begins with the first of these lines; return it with how many of them it takes."""
    for used in range(1, _MAX_JOINED_LINES + 1):
        joined = "\n".join(islice(lines, used))
        try:
            read = list(csv.reader(io.StringIO(joined, newline=""), delimiter=separator, strict=True))
        except csv.Error:
            is_open = joined.count('"') % 2 == 1
            if not is_open or used >= len(lines) or len(joined) > MAX_ROW_CHARACTERS:
                break
            continue
        if len(read) != 1 or any(_swallows_a_row(cell, separator) for cell in read[0]):
            break
        return Row(line=number, cells=tuple(read[0])), used
    rough = tuple(cell.strip('" ') for cell in lines[0].split(separator))
    return Row(line=number, cells=rough, fault=_unclosed()), 1


def _swallows_a_row(cell: str, separator: str) -> bool:
    # Two stray quotes some lines apart would otherwise make one cell of everybody between them.
    return "\n" in cell and "@" in cell and separator in cell


def _unclosed() -> Wording:
    return wording("引号没有配对", "a quotation mark is not closed")


def _too_long() -> Wording:
    limit = f"{MAX_ROW_CHARACTERS:,}"
    return wording(f"这一行超过 {limit} 个字符", f"the line is longer than {limit} characters")


def find_separator_line(text: str) -> str | None:
    """Return the separator that Excel's own first line `sep=;` names, or None when there is none."""
    match = _SEPARATOR_LINE.fullmatch(text.split("\n", 1)[0].strip(" "))
    return match["separator"] if match else None


def fill_short_rows(rows: Iterator[Row], width: int, *, read: int) -> Iterator[Row]:
    """Yield the rows, those of blocks that Excel wrote without their empty last columns filled up to `width`.

    `read` is how many rows of the sheet, header included, were taken before. A short block has at least two
    rows, all of the same length; a single short row among full ones is a slip and stays as it is.
    """
    yield from islice(rows, max(_EXCEL_BLOCK - read, 0))
    while block := list(islice(rows, _EXCEL_BLOCK)):
        lengths = [len(row.cells) for row in block if not row.is_blank]
        is_short = len(lengths) > 1 and len(set(lengths)) == 1 and lengths[0] < width
        yield from (_filled(row, width) for row in block) if is_short else block


def _filled(row: Row, width: int) -> Row:
    return replace(row, cells=row.cells + ("",) * (width - len(row.cells)))
