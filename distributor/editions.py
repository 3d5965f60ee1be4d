"""Cut an issue to a set of sections, and find which readers get which edition.

Pure: an issue and the readers' section sets enter, editions leave. Six sections give at most 63 editions, so
whatever is rendered is rendered per edition and never per reader.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from distributor.content.model import Article, Issue
from distributor.identifiers import EditionKey, SectionId, SectionSet, edition_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """An issue cut to `sections`, which are those present in the issue, in reading order; never empty."""

    key: EditionKey
    issue: Issue
    sections: tuple[SectionId, ...]

    @property
    def articles(self) -> tuple[Article, ...]:
        """The articles of this edition in reading order."""
        return tuple(article for article in self.issue.articles if article.section in self.sections)


def cut(issue: Issue, chosen: SectionSet) -> Edition | None:
    """Return the edition of `issue` for the chosen sections, or None when none of them appears in it."""
    sections = tuple(section for section in issue.sections if chosen is None or section in chosen)
    if not sections:
        return None
    return Edition(key=edition_key(sections), issue=issue, sections=sections)


def segment(issue: Issue, sets: Iterable[SectionSet]) -> Mapping[SectionSet, EditionKey | None]:
    """Return for each distinct section set the edition its readers get; None where nothing is left for them."""
    editions = {chosen: cut(issue, chosen) for chosen in set(sets)}
    return {chosen: edition.key if edition else None for chosen, edition in editions.items()}


def every_edition(issue: Issue) -> tuple[Edition, ...]:
    """Return all editions the issue can have, 2^n - 1 for n sections present, smallest first."""
    present = issue.sections
    subsets = (
        frozenset(section for bit, section in enumerate(present) if number >> bit & 1)
        for number in range(1, 2 ** len(present))
    )
    editions = (edition for subset in subsets if (edition := cut(issue, subset)))
    return tuple(sorted(editions, key=lambda edition: len(edition.sections)))
