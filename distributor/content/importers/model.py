"""A foreign document as an issue in the making: values between the readers of formats and the folder's writer.

Nothing here reads a file. Readers (`layer`, `plain`, `docx`) turn a document into one `DraftIssue`; `folder`
writes it and `report` tells an editor about it. What a reader took away is a `Removal`, what it put in place of
something else a `Substitution`: with both, `balance` proves that no character was lost or invented.
"""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from distributor.identifiers import SectionId
from distributor.problems import Wording

UNKNOWN_SECTION = "待定栏目"
"""Where articles go that stand before or without any section line; no config knows it, so `ready` asks."""


class RemovalReason(StrEnum):
    """Why text of the source is in no title and no body."""

    HEADER = "header"
    PAGE_NUMBER = "page number"
    FRONT = "front matter"
    CONTENTS = "contents list"
    SECTION = "section line"
    META = "date and source line"
    URL = "address"
    LABEL = "label"
    DELETED = "deleted in tracked changes"
    HIDDEN = "hidden text"


class DoubtKind(StrEnum):
    """What a person should look at; the report has one part for each."""

    LOST_TEXT = "lost text"
    LINK = "link"
    FIELD = "field"
    SECTION = "section"
    BOUNDARY = "boundary"
    COLUMNS = "columns"
    FORMAT = "format"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Text taken out on purpose; `line` counts from 1 in the source (paragraphs in a .docx)."""

    line: int
    text: str
    reason: RemovalReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """Characters put in place of others: a private-use bullet, a computed list number (`before` empty)."""

    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Something to look at, at a line of the source; `article` is its title, empty for the whole document."""

    kind: DoubtKind
    line: int | None
    what: Wording
    article: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftText:
    """A paragraph, sub-heading or list item.

    `text` is what a reader reads. `markdown` is the same with emphasis and links; None means that `text` is to
    be escaped. `level` is the heading level (2–4) or the depth of an item (0 outermost); `marker` is `-` or
    `1.` for items.
    """

    kind: Literal["paragraph", "heading", "item"]
    text: str
    line: int
    level: int = 0
    marker: str = ""
    markdown: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftTable:
    """Rows of cell texts, the first row as heading; `merged` when cells span and no pipe table can show it."""

    rows: tuple[tuple[str, ...], ...]
    line: int
    merged: bool = False

    @property
    def text(self) -> str:
        """The cells in reading order, one row per line."""
        return "\n".join(" ".join(row) for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPicture:
    """A picture that came with the document; `suffix` is .png, .jpg or .gif, by its first bytes."""

    content: bytes = field(repr=False)
    suffix: str
    line: int
    alt: str = ""

    @property
    def text(self) -> str:
        """Nothing: a picture has no characters of the source."""
        return ""


DraftBlock = DraftText | DraftTable | DraftPicture


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLink:
    """An address that stood outside the prose; `guessed` when the owner or the name is not certain."""

    url: str
    name: str
    line: int
    attachment: bool = False
    guessed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftArticle:
    """One article before it has an id; an empty body always has something in `missing`."""

    title: str
    line: int
    date: dt.date | None = None
    source: str = ""
    blocks: tuple[DraftBlock, ...] = ()
    links: tuple[DraftLink, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The plain text of the body, one block per line."""
        return "\n".join(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSection:
    """A section as the document calls it; `known` is the configured section it is, None for a new one."""

    title: str
    known: SectionId | None
    line: int
    articles: tuple[DraftArticle, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftIssue:
    """What a reader made of one document; `source` is all its text, for the balance."""

    source: str = field(repr=False)
    sections: tuple[DraftSection, ...] = ()
    removals: tuple[Removal, ...] = ()
    substitutions: tuple[Substitution, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def articles(self) -> tuple[DraftArticle, ...]:
        """All articles in reading order."""
        return tuple(article for section in self.sections for article in section.articles)
