"""Markdown blocks as `Prose`: clean HTML beside plain text.

Settled tokens of one top-level block enter. The HTML is rendered, then sanitised by allow-list (nh3; the only door
to it), so that a fault in the Markdown parser cannot let a script through. The text has no wrapping: one line for
each paragraph, item or row, items with their markers, cells parted by ` | `, links as `text (URL)`, and no marks
for quotes and headings, whose kind says it.
"""

from dataclasses import dataclass, field

import nh3
from markdown_it.token import Token

from distributor.content.markdown import render
from distributor.content.model import Prose, ProseKind
from distributor.content.references import URL_SCHEMES

_TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
_KINDS: dict[str, ProseKind] = {
    "paragraph_open": "paragraph",
    "heading_open": "heading",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "blockquote_open": "quote",
    "table_open": "table",
    "fence": "code",
    "hr": "rule",
}


def tokens_to_prose(tokens: list[Token]) -> Prose:
    """Return the prose of one top-level block."""
    first = tokens[0]
    kind = _KINDS[first.type]
    level = int(first.tag[1]) if kind == "heading" else 0
    return Prose(kind=kind, html=_clean(render(tokens)), text=_plain(tokens), level=level)


def paragraph(children: list[Token]) -> Prose:
    """Return a paragraph of these inline tokens."""
    inline = Token("inline", "", 0, children=children)
    return tokens_to_prose([Token("paragraph_open", "p", 1), inline, Token("paragraph_close", "p", -1)])


def inline_text(children: list[Token]) -> str:
    """Return inline tokens as plain text."""
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    for token in children:
        if token.type == "link_open":
            # An address in angle brackets is its own text.
            links.append(("" if token.markup == "autolink" else str(token.attrs["href"]), len(parts)))
        elif token.type == "link_close":
            target, start = links.pop()
            parts.append(_link_suffix(target, "".join(parts[start:])))
        else:
            parts.append("\n" if token.type == "hardbreak" else token.content)
    return "".join(parts).strip()


def _link_suffix(target: str, text: str) -> str:
    return "" if not target or text in {target, target.removeprefix("mailto:")} else f" ({target})"


def _clean(html: str) -> str:
    cleaned = nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=set(URL_SCHEMES), link_rel=None, strip_comments=True
    )
    return cleaned.strip()


@dataclass(slots=True)
class _List:
    """A list under way: the number of its next item (None for bullets) and the width of its last marker."""

    number: int | None
    width: int = 2

    def next_marker(self) -> str:
        """Return the marker of the next item."""
        marker = "- " if self.number is None else f"{self.number}. "
        if self.number is not None:
            self.number += 1
        self.width = len(marker)
        return marker


@dataclass(slots=True)
class _Writer:
    """Plain text under way: finished lines, the lists that are open, the cells of the row."""

    lines: list[str] = field(default_factory=list)
    lists: list[_List] = field(default_factory=list)
    marker: str = ""
    cells: list[str] | None = None

    def write(self, text: str) -> None:
        """Add lines, the first of them behind its marker, the others as far to the right."""
        if self.cells is not None:
            self.cells.append(text.replace("\n", " "))
            return
        indent = " " * sum(opened.width for opened in self.lists)
        first, *others = text.split("\n")
        self.lines.append(indent[len(self.marker) :] + self.marker + first)
        self.lines.extend(indent + line for line in others)
        self.marker = ""


def _plain(tokens: list[Token]) -> str:
    writer = _Writer()
    for token in tokens:
        match token.type:
            case "inline":
                writer.write(inline_text(token.children or []))
            case "fence":
                writer.write(token.content.rstrip("\n"))
            case "bullet_list_open":
                writer.lists.append(_List(number=None))
            case "ordered_list_open":
                writer.lists.append(_List(number=int(token.attrs.get("start", 1))))
            case "bullet_list_close" | "ordered_list_close":
                writer.lists.pop()
            case "list_item_open":
                writer.marker = writer.lists[-1].next_marker()
            case "tr_open":
                writer.cells = []
            case "tr_close":
                cells, writer.cells = writer.cells or [], None
                writer.write(" | ".join(cells))
    return "\n".join(writer.lines).strip("\n")
