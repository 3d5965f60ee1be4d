"""Issues and articles as values, with their bodies already parsed to blocks.

Nothing here reads a file. A `Body` is a tuple of blocks in reading order: prose that is ready, sanitised HTML
with its plain text beside it; charts over data; pictures. What differs between mail, feed and page (where a
picture lives, how a chart is drawn) is decided by the room that renders, never here.
"""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from distributor.identifiers import ArticleId, IssueId, SectionId

ProseKind = Literal["paragraph", "heading", "list", "quote", "table", "code", "rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """One top-level Markdown block. `html` is clean and bare (no class, style or id); `text` is its plain form.

    Links in `html` are absolute or `mailto:`. A picture inside a paragraph becomes a `Picture` block of its own.
    Headings begin at h2 (a body that uses `#` is moved down as a whole); renderers shift them.
    """

    kind: ProseKind
    html: str
    text: str
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture beside the article: `file` is relative to the issue folder, e.g. images/ccer.png.

    `width` and `height` are pixels; `media_type` is what the file's first bytes say (PNG, JPEG or GIF).
    """

    file: PurePosixPath
    alt: str
    caption: str
    width: int
    height: int
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSeries:
    """One line or row of bars: its name, and a value (None where the CSV has none) for each x label."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A CSV drawn: x labels in file order, one series per distinct value of the `by` column."""

    file: PurePosixPath
    kind: Literal["line", "bar"]
    x_title: str
    y_title: str
    labels: tuple[str, ...]
    series: tuple[ChartSeries, ...]
    caption: str


Block = Prose | Picture | Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An article's text as blocks in reading order; empty when only a title and a meta line survived."""

    blocks: tuple[Block, ...] = ()

    @property
    def text(self) -> str:
        """The plain text of the prose, one block per line; charts and pictures give their captions."""
        return "\n".join(block.text if isinstance(block, Prose) else block.caption for block in self.blocks).strip()

    @property
    def characters(self) -> int:
        """How many non-blank characters the text has."""
        return sum(not character.isspace() for character in self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A named link or attachment: exactly one of `url` and `file` (relative to the issue folder) is set."""

    name: str
    url: str | None = None
    file: PurePosixPath | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What was wrong in an article, in words for its readers, and the local day on which it was put right."""

    on: dt.date
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One content file. `date` and `source` may be absent (announcements); `missing` says what was lost.

    `path` is the file relative to the workspace, for messages. `updated` and `corrections`, the oldest first,
    come after a publication: only `updated` moves the feed entry's. Its day and minute are local; the minute may be
    unknown.
    """

    id: ArticleId
    title: str
    section: SectionId
    path: str
    body: Body
    date: dt.date | None = None
    source: str = ""
    links: tuple[Reference, ...] = ()
    attachments: tuple[Reference, ...] = ()
    missing: tuple[str, ...] = ()
    summary: str = ""
    updated: dt.date | None = None
    updated_time: dt.time | None = None
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One numbered, dated selection; `articles` are in reading order: sections as configured, then as ordered.

    `fingerprint` is a SHA-256 over every byte that takes part (files and their names), in hexadecimal.
    """

    id: IssueId
    number: int
    date: dt.date
    status: Literal["draft", "ready"]
    path: str
    articles: tuple[Article, ...]
    fingerprint: str
    subject: str = ""
    lead: str = ""

    @property
    def sections(self) -> tuple[SectionId, ...]:
        """The sections that have an article in this issue, in reading order, each once."""
        return tuple(dict.fromkeys(article.section for article in self.articles))

    def in_section(self, section: SectionId) -> tuple[Article, ...]:
        """Return the articles of one section in reading order."""
        return tuple(article for article in self.articles if article.section == section)
