"""Names of things: distinct types for identifiers, and the forms in which people write them.

Pure. An issue is `2015-055` (year, number with three digits or more); an article `2015-055-a04`; a feed id is
a tag: URI (RFC 4151) that never changes. An edition key is its section ids joined by `+` in reading order; the ledger
writes `market+policy@2` for the second text of that edition in one mailing, which no reader ever sees.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NewType

IssueId = NewType("IssueId", str)
ArticleId = NewType("ArticleId", str)
SectionId = NewType("SectionId", str)
EditionKey = NewType("EditionKey", str)
ListName = NewType("ListName", str)
ScheduleId = NewType("ScheduleId", str)
SlotKey = NewType("SlotKey", str)
Fingerprint = NewType("Fingerprint", str)
EmailKey = NewType("EmailKey", str)
PublicId = NewType("PublicId", str)
SubscriberId = NewType("SubscriberId", int)
MailingId = NewType("MailingId", int)
DeliveryId = NewType("DeliveryId", int)

SectionSet = frozenset[SectionId] | None
"""What a reader chose; None is "all sections", also those added later, and differs from naming all of them."""

_ISSUE_REFERENCE = re.compile(r"(?:(?P<year>\d{4})-)?(?P<number>\d{1,6})", re.ASCII)
_ARTICLE_ID = re.compile(r"\d{4}-\d{3,6}-[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReference:
    """What a person typed for ISSUE: a number, and the year where they gave one."""

    number: int
    year: int | None


def issue_id(year: int, number: int) -> IssueId:
    """Return `2015-055` for (2015, 55)."""
    return IssueId(f"{year:04d}-{number:03d}")


def parse_issue_reference(text: str) -> IssueReference | None:
    """Read `55`, `055` or `2015-055`; None for anything else."""
    match = _ISSUE_REFERENCE.fullmatch(text.strip())
    if match is None:
        return None
    return IssueReference(number=int(match["number"]), year=int(match["year"]) if match["year"] else None)


def is_article_id(text: str) -> bool:
    """Say whether `text` has the form `2015-055-a04`."""
    return _ARTICLE_ID.fullmatch(text) is not None


def article_id(issue: IssueId, ordinal: int) -> ArticleId:
    """Return `2015-055-a04` for the fourth article; given once at import and never derived again."""
    return ArticleId(f"{issue}-a{ordinal:02d}")


def is_name(text: str) -> bool:
    """Say whether `text` may name a section, list or schedule: lower-case ASCII, digits, `-` or `_`."""
    return len(text) <= 40 and _NAME.fullmatch(text) is not None


def edition_key(sections: Iterable[SectionId]) -> EditionKey:
    """Return the key of the edition that holds these sections, which the caller has put in reading order."""
    return EditionKey("+".join(sections))


def base_edition(key: EditionKey) -> EditionKey:
    """Return the edition whose text this is: `market+policy` for `market+policy@2`."""
    return EditionKey(key.partition("@")[0])


def revision_of(key: EditionKey) -> int:
    """Return which text of its edition this is; 1 is the one that was frozen at the launch."""
    return int(key.partition("@")[2] or 1)


def revised_edition(key: EditionKey, revision: int) -> EditionKey:
    """Return the key of another text of the same edition."""
    return EditionKey(f"{base_edition(key)}@{revision}")


def tag_uri(*, authority: str, founded: date, specific: str) -> str:
    """Return the feed id `tag:news.example.com,2015-01-01:2015-055-a04` (RFC 4151 §2.1)."""
    return f"tag:{authority.lower()},{founded.isoformat()}:{specific}"
