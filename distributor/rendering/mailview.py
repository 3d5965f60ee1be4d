"""What the mail templates see: plain values with the names that docs/reference/templates.md documents.

Pure. A staff member who edits email.html or email.txt meets these values and nothing else. `html` values are clean
and marked as such; every other text is escaped by the template.
"""

from dataclasses import dataclass

from distributor.identifiers import ArticleId, SectionId
from distributor.rendering.colours import Colours


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReference:
    """A link or attachment with an absolute address."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailArticle:
    """One article as this mail has it. `more` is empty when the whole text stands in the mail, else it names the
    link to the rest; `number` counts through the edition from 1; `meta` is the source and date line,
    `corrections` are the newest first."""

    id: ArticleId
    number: int
    title: str
    url: str
    meta: str
    html: str
    text: str
    more: str
    corrections: tuple[str, ...]
    missing: str
    links: tuple[MailReference, ...]
    attachments: tuple[MailReference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSection:
    """One section of the edition; `url` is its place on the issue's web page, `count` is written, e.g. 3篇."""

    id: SectionId
    title: str
    count: str
    url: str
    colours: Colours
    articles: tuple[MailArticle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailIssue:
    """The issue's own line: 总第55期, 2015年7月10日 星期五; headline and lead are empty where the editor gave none,
    and in an edition that lacks sections, because they speak of the whole issue."""

    number: str
    date: str
    headline: str
    lead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPublication:
    """The periodical: name, organisation and postal address, the last two possibly empty."""

    name: str
    organisation: str
    address: str
