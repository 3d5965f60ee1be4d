"""Lays out articles as the raw text layer of a two-column PDF: what the importer must undo.

The writer knows nothing of the importer. It wraps at a column width with the usual rules for Chinese, drops the
first-line indent, puts an empty line between lines and none at a page's end, marks paragraph ends with a trailing
blank, and carries running headers, page numbers and dumps of addresses at page ends.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

CLOSING = "，。、；：！？）》”’】〕％%"
OPENING = "（《“‘【〔"
UNIT = re.compile(r"[A-Za-z0-9.,%\-/]+|.", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Story:
    """One article as its editor meant it; `urls` are dumped at the end of its last page."""

    title: str
    paragraphs: tuple[str, ...] = ()
    date: str = ""
    source: str = ""
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Part:
    """A section with its articles."""

    title: str
    stories: tuple[Story, ...]


@dataclass(frozen=True, kw_only=True)
class Style:
    """How the layer is laid out; the defaults are the layout of a two-column Word document."""

    columns: int = 38
    wide: int = 60
    spaced_lines: bool = True
    marks: bool = True
    page_breaks: bool = True
    form_feeds: bool = False
    section: str = "\uf0b2 【{}】"
    meta: str = "发布日期：{date}  来源：{source}"
    headers: tuple[str, ...] = ("城市绿色周报               总第 12 期", "绿色城市研究中心（筹）")
    page_number: str = " {}"
    lines_per_page: int = 46
    header_every: int = 3
    indent: str = ""
    paragraph_gap: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the layer; `ends` says that a paragraph ends here."""

    text: str
    ends: bool = True
    url: bool = False
    indent: str = ""
    prose: bool = False


def columns(text: str) -> int:
    return sum(1 if unicodedata.east_asian_width(character) in "NaH" else 2 for character in text)


def wrap(text: str, width: int, *, indent: int = 4) -> list[str]:
    """Break a paragraph into lines of `width` columns, the first one short by its indent."""
    lines: list[str] = []
    line, room = "", width - indent
    for unit in _units(text):
        if line.strip() and columns(line) + columns(unit.rstrip()) > room:
            lines.append(line.rstrip())
            line, room = "", width
        line += unit if line else unit.lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def _units(text: str) -> Iterator[str]:
    """Yield what may not be parted: words and numbers, marks with their neighbours."""
    unit = ""
    for piece in UNIT.findall(text):
        if unit and (unit[-1] in OPENING or piece in CLOSING):
            unit += piece
            continue
        if unit:
            yield unit
        unit = piece
    if unit:
        yield unit


def lay_out(parts: Iterable[Part], style: Style | None = None) -> str:
    """Return the text layer of an issue."""
    style = style or Style()
    pages = list(_pages(list(_rows(parts, style)), style))
    text = "".join(_page(page, number, style) for number, page in enumerate(pages, start=1))
    return text if text.endswith("\n") else text + "\n"


def _rows(parts: Iterable[Part], style: Style) -> Iterator[Row]:
    for part in parts:
        yield Row(style.section.format(part.title))
        for story in part.stories:
            yield from _story(story, style)


def _story(story: Story, style: Style) -> Iterator[Row]:
    yield from _lines(wrap(story.title, style.wide, indent=0))
    if story.date:
        yield Row(style.meta.format(date=story.date, source=story.source))
        yield Row("")
    for paragraph in story.paragraphs:
        first, *others = _lines(wrap(paragraph, style.columns))
        yield replace(first, indent=style.indent, prose=True)
        yield from (replace(other, prose=True) for other in others)
    for url in story.urls:
        yield Row(url, url=True)


def _lines(lines: list[str]) -> Iterator[Row]:
    for line in lines[:-1]:
        yield Row(line, ends=False)
    yield Row(lines[-1])


def _pages(rows: list[Row], style: Style) -> Iterator[list[Row]]:
    """Fill pages; the addresses of a page come at its end, or where they stand when there are no pages."""
    pages: list[list[Row]] = [[]]
    dumps: list[list[Row]] = [[]]
    for row in rows:
        if row.url and style.page_breaks:
            dumps[-1].append(row)
            continue
        if style.page_breaks and len(pages[-1]) >= style.lines_per_page:
            pages.append([])
            dumps.append([])
        pages[-1].append(row)
    yield from (page + dump for page, dump in zip(pages, dumps, strict=True))


def _page(rows: list[Row], number: int, style: Style) -> str:
    shown = [_shown(row, style) for row in rows]
    gap = "\n\n" if style.spaced_lines else "\n"
    text = ""
    for row, line in zip(rows, shown, strict=True):
        text += line + ("\n" if row.url else gap)
        text += style.paragraph_gap if row.prose and row.ends else ""
    if style.spaced_lines and not rows[-1].url:
        text = text.removesuffix("\n")
    if number == 1:
        return text
    head = _header(number, style) if style.header_every and number % style.header_every == 0 else " "
    return ("\f" if style.form_feeds else "") + head + text


def _shown(row: Row, style: Style) -> str:
    if row.url:
        return row.text
    if not row.text:
        return " " if style.marks else ""
    return row.indent + row.text + (" " if style.marks and row.ends else "")


def _header(number: int, style: Style) -> str:
    gap = "\n\n" if style.spaced_lines else "\n"
    mark = " " if style.marks else ""
    lines = "".join(f"{line}{mark}{gap}" for line in style.headers)
    break_lines = "\n\n" if style.spaced_lines else ""
    return f"{break_lines}{lines}{style.page_number.format(number)}\n"


def stripped(text: str) -> str:
    """Return the layer as an editor leaves it who strips trailing blanks."""
    return "\n".join(line.rstrip(" ") for line in text.split("\n"))


def with_urls(story: Story, *urls: str) -> Story:
    return replace(story, urls=urls)
