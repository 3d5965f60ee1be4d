"""Plain text to read in a mail: wrapped lines, underlined headings, aligned tables.

Pure. A line is at most 72 columns, a Han character takes two. Chinese may break between any two characters but
no line begins with a closing mark or ends with an opening one (kinsoku, W3C clreq §3.1.2); a Latin word, a number
or a URL is never broken, however long.
"""

import functools
import re
import unicodedata
from collections.abc import Sequence

WIDTH = 72
"""Columns of one line; also what RFC 5322 §2.1.1 recommends not to exceed by much."""

Row = Sequence[str]

_NO_START = "。，、；：？！．）〕】》〉」』”’…—～·％‰℃,.;:!?)\\]}%"
_NO_END = "（〔【《〈「『“‘(\\[{"
_COMBINED = r"(?:[\u0300-\u036f\ufe00-\ufe0f\u20e3]|\u200d.|[\U0001f3fb-\U0001f3ff])*"
_CHUNK = re.compile(
    rf"[ \t\u3000]+|[{_NO_END}]*(?:—+|…+|[!-~\u00a1-\u024f\u0370-\u052f]+|.{_COMBINED})[{_NO_START}]*", re.DOTALL
)
_NUMBER = re.compile(r"[+-]?[\d,]+(?:\.\d+)?\s*%?|—+|-*")
_GAP = "  "


def width_of(text: str) -> int:
    """Return how many columns the text takes: wide and ambiguous characters two, combining marks none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def wrap(text: str, first: str = "", rest: str | None = None, width: int = WIDTH) -> str:
    """Return the text in lines of at most `width` columns; `first` and `rest` stand before the lines.

    Line breaks in the text stay. Blanks at a break go. Without `rest` the later lines stand below the text of
    the first one.
    """
    after = " " * width_of(first) if rest is None else rest
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _wrapped(paragraph, after if lines else first, after, width)
    return "\n".join(lines)


def heading(text: str, mark: str = "-") -> str:
    """Return the text over a line of marks as long as it is, a long one wrapped."""
    wrapped = wrap(text)
    longest = max(width_of(line) for line in wrapped.split("\n"))
    return f"{wrapped}\n{mark * longest}"


def table(rows: Sequence[Row], *, colon: str = "：", width: int = WIDTH) -> str:
    """Return rows as aligned columns under a ruled head; rows too wide become one wrapped record each.

    The first row is the head. Columns of numbers are set flush right. Ragged rows are filled with blanks.
    """
    if not rows:
        return ""
    columns = max(len(row) for row in rows)
    cells = [[" ".join(cell.split()) for cell in row] + [""] * (columns - len(row)) for row in rows]
    widths = [max(width_of(row[column]) for row in cells) for column in range(columns)]
    if sum(widths) + len(_GAP) * (columns - 1) > width:
        return _records(cells, colon, width)
    numeric = [all(_NUMBER.fullmatch(row[column]) for row in cells[1:]) for column in range(columns)]
    lines = [_aligned(row, widths, numeric) for row in cells]
    return "\n".join([lines[0], _GAP.join("-" * columns_wide for columns_wide in widths), *lines[1:]])


def _records(cells: Sequence[Row], colon: str, width: int) -> str:
    head, *body = cells
    mark = "；" if colon == "：" else "; "
    return "\n".join(
        wrap(
            mark.join(f"{name}{colon}{cell}" if name else cell for name, cell in zip(head, row, strict=True)),
            "- ",
            width=width,
        )
        for row in body or [head]
    )


def _aligned(row: Row, widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = (
        " " * (columns - width_of(cell)) + cell if right else cell + " " * (columns - width_of(cell))
        for cell, columns, right in zip(row, widths, numeric, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _wrapped(text: str, first: str, rest: str, width: int) -> list[str]:
    lines: list[str] = []
    line, used = [first], width_of(first)
    empty, blank = True, ""
    for chunk in _CHUNK.findall(text):
        if chunk.isspace():
            blank = "" if empty else " "
            continue
        wide = _chunk_width(chunk)
        if used + len(blank) + wide > width and not empty:
            lines.append("".join(line))
            line, used, blank = [rest], width_of(rest), ""
        line += (blank, chunk)
        used += len(blank) + wide
        empty, blank = False, ""
    return [*lines, "".join(line).rstrip()]


@functools.cache
def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WFA" else 1


_chunk_width = functools.lru_cache(maxsize=8192)(width_of)
