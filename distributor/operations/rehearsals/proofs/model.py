"""The words of proofreading: a galley is all that would go out, a proof one copy as its reader would get it.

Values only, and `Findings`, which gathers what is wrong once however many editions show it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distributor.config.model import Section
from distributor.content.model import Issue
from distributor.delivery.model import Copy
from distributor.identifiers import EditionKey
from distributor.operations.rehearsals.edition_titles import edition_title
from distributor.problems import Problem, Wording, in_reading_order, wording
from distributor.rendering.model import InlinePicture, Placeholders, Rendition

_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Galley:
    """What a mailing would send: `whole` is the issue as published, `renditions` what goes to `specimens`.

    A specimen is a reader who stands for all of one edition and format; `largest_bytes` is the budget of the HTML,
    which binds unless `in_full`.
    """

    whole: Issue
    renditions: Mapping[EditionKey, Rendition]
    pictures: tuple[InlinePicture, ...]
    marks: Placeholders
    specimens: tuple[Copy, ...]
    largest_bytes: int
    in_full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One copy composed and taken apart again; `html` is empty for a reader of plain text.

    `attached` are the Content-IDs of the pictures that travel with it.
    """

    copy: Copy
    size: int
    html: str = field(repr=False)
    text: str = field(repr=False)
    attached: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something wrong with an edition: what, the remedy, and where an editor mends it."""

    what: Wording
    remedy: Wording
    path: str = ""
    line: int | None = None
    warning: bool = False


class Findings:
    """Gathers flaws; one that several editions share is one problem that names them."""

    def __init__(self, issue: Issue, sections: Sequence[Section]) -> None:
        """Take the issue, whose folder is the place of what has no other, and the sections in reading order."""
        self._issue = issue
        self._sections = sections
        self._editions: dict[Flaw, list[EditionKey]] = {}

    def add(self, flaw: Flaw, edition: EditionKey | None = None) -> None:
        """Take a flaw of one edition; without one, of the issue as a whole."""
        editions = self._editions.setdefault(flaw, [])
        if edition is not None and edition not in editions:
            editions.append(edition)

    def problems(self) -> tuple[Problem, ...]:
        """Return everything gathered by file and line, each with the editions that show it."""
        return in_reading_order(self._problem(flaw, editions) for flaw, editions in self._editions.items())

    def _problem(self, flaw: Flaw, editions: Sequence[EditionKey]) -> Problem:
        return Problem(
            path=flaw.path or self._issue.path,
            line=flaw.line,
            what=self._with_editions(flaw.what, editions),
            remedy=flaw.remedy,
            warning=flaw.warning,
        )

    def _with_editions(self, what: Wording, editions: Sequence[EditionKey]) -> Wording:
        if not editions:
            return what
        titles = [edition_title(self._sections, key) for key in editions[:_NAMED]]
        more = len(editions) - len(titles)
        zh, en = "；".join(title.zh for title in titles), "; ".join(title.en for title in titles)
        return wording(
            f"{what.zh}（版本：{zh}{f'，等 {len(editions)} 种' if more else ''}）",
            f"{what.en} (in: {en}{f', and {more} more' if more else ''})",
        )


def place_of(root: Path, issue: Issue, texts: Sequence[str]) -> tuple[str, int | None]:
    """Return the article file and line in which one of these texts stands, else the issue's folder."""
    for article in issue.articles:
        try:
            lines = (root / article.path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for number, line in enumerate(lines, start=1):
            if any(text in line for text in texts):
                return article.path, number
    return issue.path, None
