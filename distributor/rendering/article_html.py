"""An article's blocks as HTML: bare for feeds, framed for pages. Pure; it never sees a template.

Blocks enter, HTML leaves. Feed readers drop classes and style sheets, so the bare form reads well without any: tables
with header cells and captions, pictures with size and caption, charts as tables. What differs between a feed and a
page (where a file lives, how a chart is drawn, how a table is held) is a `Frame`.
"""

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit

from distributor.content.model import Article, Body, Chart, Picture, Prose, Reference
from distributor.identifiers import IssueId
from distributor.rendering import charts
from distributor.rendering.common import Tongue, corrections, meta_text, missing_text, shift_headings, words
from distributor.rendering.masthead import Masthead

DEEPER_IN_AN_ISSUE = 2
"""On a page or entry that holds a whole issue, h2 is a section and h3 an article; prose headings start at h4."""

_SAFE_IN_URI = "%/?:@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where the HTML will stand: `file_url` finds a file of the issue, `chart` and `table` give finished HTML."""

    language: Tongue
    file_url: Callable[[PurePosixPath], str]
    chart: Callable[[Chart, "Frame"], str]
    table: Callable[[str], str]
    shift: int = 0


def feed_frame(masthead: Masthead, issue: IssueId, *, shift: int = 0) -> Frame:
    """Return the frame of feeds: absolute URLs, charts as tables, nothing that needs a style sheet."""
    return Frame(
        language=masthead.language,
        file_url=lambda file: masthead.site.file_url(issue, file),
        chart=_chart_as_table,
        table=_bare,
        shift=shift,
    )


def body_to_html(body: Body, frame: Frame) -> str:
    """Return the blocks in reading order, one after another on lines of their own."""
    return "\n".join(_block(block, frame) for block in body.blocks)


def article_to_html(article: Article, frame: Frame) -> str:
    """Return a whole article without its title: source line, corrections, body, what is missing, links, files."""
    return "\n".join(_parts(article, frame))


def chart_table(chart: Chart, frame: Frame) -> str:
    """Return the chart's data as a table with caption and header cells; a gap in the data is an empty cell."""
    head, *rows = charts.chart_to_table(chart)
    columns = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    lines = "".join(_row(row) for row in rows)
    caption = f"<caption>{html.escape(chart.caption)}</caption>" if chart.caption else ""
    table = f"<table>{caption}<thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table>"
    return frame.table(table)


def size_text(size_bytes: int) -> str:
    """Return 12 KB or 3.4 MB, counting thousands; under one kilobyte the bytes."""
    if size_bytes < 1_000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{round(size_bytes / 1_000)} KB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def target_of(reference: Reference, frame: Frame) -> str:
    """Return where a link or attachment leads."""
    if reference.file is not None:
        return frame.file_url(reference.file)
    return to_uri(reference.url or "")


def to_uri(link: str) -> str:
    """Return a link that an editor pasted as a URI: Han and blanks percent-encoded, the host as A-labels."""
    parts = urlsplit(link.strip())
    try:
        host = parts.netloc.encode("idna").decode("ascii")
    except UnicodeError:
        host = quote(parts.netloc, safe=_SAFE_IN_URI)
    path, query, fragment = (quote(part, safe=_SAFE_IN_URI) for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, host, path, query, fragment))


def _parts(article: Article, frame: Frame) -> Iterator[str]:
    spoken, language = words(frame.language), frame.language
    if meta := meta_text(article, language):
        label = spoken.source if article.source else spoken.date
        yield f"<p>{label}{spoken.colon}{html.escape(meta)}</p>"
    for one in corrections(article, language):
        yield f"<p><strong>{one.label}</strong>{spoken.colon}{html.escape(one.note)}</p>"
    yield from (_block(block, frame) for block in article.body.blocks)
    if lost := missing_text(article, language):
        yield f"<p><em>{html.escape(lost)}</em></p>"
    yield from _references(spoken.links, article.links, frame)
    yield from _references(spoken.attachments, article.attachments, frame)


def _references(label: str, references: tuple[Reference, ...], frame: Frame) -> Iterator[str]:
    if not references:
        return
    lines = "".join(
        f'<li><a href="{html.escape(target_of(reference, frame))}">{html.escape(reference.name)}</a></li>'
        for reference in references
    )
    yield f"<p><strong>{label}</strong></p>\n<ul>{lines}</ul>"


def _block(block: Prose | Picture | Chart, frame: Frame) -> str:
    match block:
        case Prose(kind="table"):
            return frame.table(block.html.replace("<th>", '<th scope="col">'))
        case Prose():
            return shift_headings(block.html, frame.shift) if frame.shift else block.html
        case Picture():
            return _picture(block, frame)
        case Chart():
            return frame.chart(block, frame)


def _picture(picture: Picture, frame: Frame) -> str:
    image = (
        f'<img src="{html.escape(frame.file_url(picture.file))}" alt="{html.escape(picture.alt)}" '
        f'width="{picture.width}" height="{picture.height}">'
    )
    caption = f"<figcaption>{html.escape(picture.caption)}</figcaption>" if picture.caption else ""
    return f"<figure>{image}{caption}</figure>"


def _row(cells: tuple[str, ...]) -> str:
    first, *rest = (html.escape(cell) for cell in cells)
    return f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"


def _chart_as_table(chart: Chart, frame: Frame) -> str:
    return chart_table(chart, frame)


def _bare(table: str) -> str:
    return table
