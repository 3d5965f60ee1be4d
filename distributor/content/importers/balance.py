"""The account of characters: what came in, less what was taken out on purpose, is what came out.

Pure. Blanks do not count, since wrapping and justification put them in and take them away. Every import runs
this over its own result and reports the difference; an empty one is the proof that no text was lost or invented.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from distributor.content.importers import characters
from distributor.content.importers.model import DraftIssue, RemovalReason

Characters = Counter[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Counts of non-blank characters; `lost` and `invented` are empty when the account closes."""

    source: int
    removed: tuple[tuple[RemovalReason, int], ...]
    replaced: int
    kept: int
    lost: tuple[tuple[str, int], ...]
    invented: tuple[tuple[str, int], ...]

    @property
    def closes(self) -> bool:
        """Whether every character is accounted for."""
        return not self.lost and not self.invented


def count_characters(texts: Iterable[str]) -> Characters:
    """Return how often each non-blank character stands in the texts."""
    counts: Characters = Counter()
    for text in texts:
        counts.update(text)
    for blank in [character for character in counts if is_blank(character)]:
        del counts[blank]
    return counts


def is_blank(character: str) -> bool:
    """Say whether a character leaves no ink: blanks of any width, controls, zero-width marks."""
    return character.isspace() or not characters.without_invisible(character)


def balance(issue: DraftIssue) -> Balance:
    """Account for every character of an imported document.

    Safe to run on the draft of any reader; the texts that came out are titles and bodies only, since section
    lines, dates and sources are removals too.
    """
    source = count_characters([issue.source])
    kept = count_characters(text for article in issue.articles for text in (article.title, article.text))
    expected = source.copy()
    expected.subtract(count_characters(removal.text for removal in issue.removals))
    expected.subtract(count_characters(change.before for change in issue.substitutions))
    expected.update(count_characters(change.after for change in issue.substitutions))
    kept_and_expected = kept.copy()
    kept_and_expected.subtract(expected)
    return Balance(
        source=source.total(),
        removed=_removed_by_reason(issue),
        replaced=count_characters(change.before for change in issue.substitutions).total(),
        kept=kept.total(),
        lost=_sorted({character: -count for character, count in kept_and_expected.items() if count < 0}),
        invented=_sorted({character: count for character, count in kept_and_expected.items() if count > 0}),
    )


def _removed_by_reason(issue: DraftIssue) -> tuple[tuple[RemovalReason, int], ...]:
    counts: Counter[RemovalReason] = Counter()
    for removal in issue.removals:
        counts[removal.reason] += count_characters([removal.text]).total()
    return tuple((reason, counts[reason]) for reason in RemovalReason if reason in counts)


def _sorted(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
