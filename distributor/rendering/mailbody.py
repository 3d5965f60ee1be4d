"""An article's body for the mail: HTML that the template's style sheet is written into, and plain text beside it.

Pure. Blocks enter, two forms leave that say the same. Mail draws no charts: their values stand as a table with a
link to the drawing. Pictures travel with the mail where they have a Content-ID (RFC 2392), else they are hosted.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath

from distributor.content.model import Article, Block, Chart, Picture, Prose
from distributor.identifiers import IssueId
from distributor.rendering.charts import chart_to_table
from distributor.rendering.common import Tongue, shift_headings, words
from distributor.rendering.plaintext import table, wrap
from distributor.rendering.prosetext import prose_to_text
from distributor.rendering.urls import Site

PICTURE_WIDTH = 584
"""Pixels: the sheet's 640 less its padding."""

_DEEPER = 2
_NUMBER = re.compile(r"[+-]?[\d,]+(?:\.\d+)?\s*[%％]?", re.ASCII)
_GRID = '<table class="grid" width="100%" border="0" cellpadding="0" cellspacing="0">'


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFrame:
    """Where bodies will stand; `cids` names the Content-ID of each picture file that travels with the mail."""

    language: Tongue
    site: Site
    issue: IssueId
    cids: Mapping[PurePosixPath, str]


def body_to_html(article: Article, frame: MailFrame) -> str:
    """Return the blocks in reading order; headings begin at h4, below the article's own h3."""
    return "\n".join(_block_to_html(block, article, frame) for block in article.body.blocks)


def body_to_text(article: Article, frame: MailFrame) -> str:
    """Return the same blocks as wrapped plain text, an empty line between them."""
    return "\n\n".join(_block_to_text(block, article, frame) for block in article.body.blocks)


def lead_to_html(paragraphs: tuple[str, ...]) -> str:
    """Return a lead's paragraphs as HTML."""
    return "".join(f"<p>{escape(text, quote=False)}</p>" for text in paragraphs)


def lead_to_text(paragraphs: tuple[str, ...]) -> str:
    """Return a lead's paragraphs as wrapped plain text."""
    return "\n\n".join(wrap(text) for text in paragraphs)


def _block_to_html(block: Block, article: Article, frame: MailFrame) -> str:
    match block:
        case Prose(kind="table"):
            return block.html.replace("<table>", _GRID).replace("<th>", '<th scope="col">')
        case Prose(kind="code"):
            return _code_to_html(block)
        case Prose(kind="rule"):
            return "<hr>"
        case Prose():
            return shift_headings(block.html, _DEEPER)
        case Picture():
            return _picture_to_html(block, frame)
        case Chart():
            return _chart_to_html(block, article, frame)


def _block_to_text(block: Block, article: Article, frame: MailFrame) -> str:
    spoken = words(frame.language)
    match block:
        case Prose():
            return prose_to_text(block.html, colon=spoken.colon)
        case Picture():
            shown = wrap(f"{spoken.open}{spoken.picture}{spoken.colon}{block.alt}{spoken.close}")
            place = f"<{frame.site.file_url(frame.issue, block.file)}>"
            return "\n".join(part for part in (shown, wrap(block.caption), place) if part)
        case Chart():
            values = table(chart_to_table(block), colon=spoken.colon)
            place = f"{spoken.chart_online} <{frame.site.article_url(article.id)}>"
            axes = f"{block.y_title}{spoken.colon}" if block.y_title else ""
            return "\n".join(part for part in (axes, values, wrap(block.caption), place) if part)


def _code_to_html(block: Prose) -> str:
    # Word's engine and several webmails know no white-space: pre, so blanks and line ends are spelt out.
    lines = (escape(line, quote=False).replace(" ", "&nbsp;") for line in block.text.split("\n"))
    return f'<p class="code">{"<br>".join(lines)}</p>'


def _picture_to_html(picture: Picture, frame: MailFrame) -> str:
    hosted = escape(frame.site.file_url(frame.issue, picture.file))
    cid = frame.cids.get(picture.file)
    width = min(PICTURE_WIDTH, picture.width)
    height = max(1, round(picture.height * width / max(1, picture.width)))
    image = (
        f'<img src="{f"cid:{cid}" if cid else hosted}" alt="{escape(picture.alt)}" width="{width}" height="{height}">'
    )
    caption = f'<p class="caption">{escape(picture.caption)}</p>' if picture.caption else ""
    return f'<p class="picture"><a href="{hosted}">{image}</a></p>{caption}'


def _chart_to_html(chart: Chart, article: Article, frame: MailFrame) -> str:
    head, *rows = chart_to_table(chart)
    online = escape(frame.site.article_url(article.id))
    link = f'<a href="{online}">{escape(words(frame.language).chart_online)}</a>'
    unit = f'<p class="unit">{escape(chart.y_title)}</p>' if chart.y_title else ""
    return (
        f"{unit}{_GRID}<thead><tr>{''.join(_head_cells(head))}</tr></thead>"
        f"<tbody>{''.join(_row(row) for row in rows)}</tbody></table>"
        f'<p class="caption">{escape(chart.caption)} {link}</p>'
    )


def _head_cells(cells: tuple[str, ...]) -> Iterator[str]:
    for place, cell in enumerate(cells):
        look = ' class="n"' if place else ""
        yield f'<th scope="col"{look}>{escape(cell)}</th>'


def _row(cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(_cells(cells))}</tr>"


def _cells(cells: tuple[str, ...]) -> Iterator[str]:
    first, *rest = cells
    yield f'<th scope="row">{escape(first)}</th>'
    for cell in rest:
        yield f'<td class="n">{escape(cell)}</td>' if _NUMBER.fullmatch(cell) else f"<td>{escape(cell)}</td>"
