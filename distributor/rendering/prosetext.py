"""Prose as plain text: the blocks' clean HTML enters, wrapped lines leave.

Pure. Knows only what `content.markup` lets through: paragraphs, headings, lists, quotes, tables, code, rules and
inline marks. Every link keeps its address, in angle brackets (RFC 3986 appendix C), because the text part must
hold all that the HTML part holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

from distributor.rendering.plaintext import WIDTH, table, width_of, wrap

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BREAKERS = frozenset({"p", "div", "ul", "ol", "table", "pre"}) | _HEADINGS
_HEADING_MARK = "◆ "
_RULE = "* * *"
_CODE_INDENT = "    "

Attributes = list[tuple[str, str | None]]


def prose_to_text(html: str, *, colon: str = "：", width: int = WIDTH) -> str:
    """Return one prose block as plain text of at most `width` columns, without a blank line around it."""
    reader = _Reader(colon, width)
    reader.feed(html)
    reader.close()
    return reader.text()


@dataclass(slots=True)
class _Margin:
    """What stands before the lines of a quote or list item: `first` once, then `rest`."""

    first: str
    rest: str
    used: bool = False

    def take(self) -> str:
        """Return what stands before the next line."""
        if self.used:
            return self.rest
        self.used = True
        return self.first


class _Reader(HTMLParser):
    """Collects inline text and writes it out at each block's end."""

    def __init__(self, colon: str, width: int) -> None:
        super().__init__(convert_charrefs=True)
        self._colon, self._width = colon, width
        self._lines: list[str] = []
        self._inline = ""
        self._margins: list[_Margin] = []
        self._counters: list[int | None] = []
        self._link: tuple[str, int] | None = None
        self._rows: list[list[str]] | None = None
        self._preformatted = False
        self._paragraph_ended = False

    def text(self) -> str:
        """Return what was read."""
        self._flush()
        return "\n".join(self._lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag in _BREAKERS or tag in {"blockquote", "li", "hr"}:
            self._flush()
        named = dict(attrs)
        match tag:
            case "ul" | "ol":
                self._counters.append(int(named.get("start") or 1) if tag == "ol" else None)
            case "li":
                self._margins.append(self._item_margin())
            case "blockquote":
                self._margins.append(_Margin("> ", "> "))
            case "table" | "tr" | "th" | "td":
                self._open_table_part(tag)
            case "pre":
                self._preformatted = True
            case "hr":
                self._lines.append(_RULE)
            case _:
                self._open_inline(tag, named)

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "a":
                self._close_link()
            case "th" | "td":
                self._close_cell()
            case "table":
                self._close_table()
            case "ul" | "ol":
                self._flush()
                self._counters.pop()
            case "li" | "blockquote":
                self._flush()
                self._margins.pop()
                self._paragraph_ended = False
            case "pre":
                self._close_code()
            case _ if tag in _BREAKERS:
                self._flush()
                self._paragraph_ended = True

    def handle_data(self, data: str) -> None:
        if self._preformatted:
            self._inline += data
            return
        text = " ".join(data.split()) if data.strip() else ""
        leading = " " if data[:1].isspace() and self._inline[-1:] not in {"", " ", "\n"} else ""
        trailing = " " if text and data[-1:].isspace() else ""
        self._inline += leading + text + trailing

    def _open_inline(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        if tag == "a" and attributes.get("href"):
            self._link = (attributes["href"] or "", len(self._inline))
        elif tag == "br":
            self._inline += "\n"
        elif tag in _HEADINGS:
            self._inline = _HEADING_MARK

    def _close_link(self) -> None:
        if self._link is None:
            return
        address, start = self._link
        self._link = None
        shown = address.removeprefix("mailto:")
        if self._inline[start:].strip() != shown:
            self._inline += f" <{shown}>"

    def _open_table_part(self, tag: str) -> None:
        if tag == "table":
            self._rows = []
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        self._inline = ""

    def _close_cell(self) -> None:
        if self._rows:
            self._rows[-1].append(self._inline.strip())
        self._inline = ""

    def _close_table(self) -> None:
        rows, self._rows, self._inline = self._rows or [], None, ""
        self._write(table(rows, colon=self._colon, width=self._width - self._indent()).split("\n"))

    def _close_code(self) -> None:
        code, self._inline, self._preformatted = self._inline, "", False
        self._write([_CODE_INDENT + line for line in code.strip("\n").split("\n")])

    def _item_margin(self) -> _Margin:
        counter = self._counters[-1] if self._counters else None
        if counter is None:
            return _Margin("- ", "  ")
        self._counters[-1] = counter + 1
        mark = f"{counter}. "
        return _Margin(mark, " " * len(mark))

    def _flush(self) -> None:
        text, self._inline = self._inline.strip(), ""
        if text:
            self._write(wrap(text, width=self._width - self._indent()).split("\n"))

    def _write(self, lines: list[str]) -> None:
        if self._paragraph_ended:
            self._lines.append("".join(margin.rest for margin in self._margins).rstrip())
        self._paragraph_ended = False
        self._lines += ["".join(margin.take() for margin in self._margins) + line for line in lines]

    def _indent(self) -> int:
        return sum(width_of(margin.rest) for margin in self._margins)
