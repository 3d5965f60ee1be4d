"""Fit an edition into the size budget: which articles give way, and how much of them stays.

Pure. What each article would save and a function that measures enter; the cuts leave. The longest articles give way
first, as few as possible; what room is then left lengthens their leads. Only when every long article cut is still
too much do short ones and the leads themselves shrink, down to a list of titles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from distributor.identifiers import ArticleId
from distributor.rendering.leads import LEAD_CHARACTERS

MOST_LEAD_CHARACTERS = 480
_SHORTER_LEADS = (LEAD_CHARACTERS, 80, 50, 30, 0)
_STEP = 20
_BYTES_PER_CHARACTER = 3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """The articles that give way to leads of about `characters`; `titles_only` leaves nothing but titles."""

    leads: frozenset[ArticleId] = frozenset()
    characters: int = LEAD_CHARACTERS
    titles_only: bool = False


NOTHING_CUT = Cuts()
Measure = Callable[[Cuts], int]
"""Returns the bytes of the finished HTML under these cuts, with room for what differs per reader."""


def fit(savings: Mapping[ArticleId, int], every: Sequence[ArticleId], measure: Measure, budget: int) -> Cuts | None:
    """Return the mildest cuts with which `measure` is within `budget` bytes, or None when not even titles fit.

    `savings` holds the articles long enough to be cut with the bytes that roughly saves, `every` all articles of
    the edition; both in reading order, so that the result depends on nothing else.
    """
    whole = measure(NOTHING_CUT)
    if whole <= budget:
        return NOTHING_CUT
    longest_first = sorted(savings, key=lambda article: -savings[article])
    least = measure(Cuts(leads=frozenset(longest_first)))
    if least > budget:
        return fit_leads(every, measure, budget)
    rate = (whole - least) / max(1, sum(savings.values()))
    count, left = 0, float(whole)
    while left > budget and count < len(longest_first):
        left -= savings[longest_first[count]] * rate
        count += 1
    leads = _fewest(longest_first, count, measure, budget)
    return _lengthened(leads, measure, budget)


def fit_leads(every: Sequence[ArticleId], measure: Measure, budget: int) -> Cuts | None:
    """Return cuts of every article: the longest leads that fit, else titles only, else None."""
    ladder = [Cuts(leads=frozenset(every), characters=characters) for characters in _SHORTER_LEADS]
    ladder.append(Cuts(leads=frozenset(every), characters=0, titles_only=True))
    return next((cuts for cuts in ladder if measure(cuts) <= budget), None)


def _fewest(longest_first: Sequence[ArticleId], guess: int, measure: Measure, budget: int) -> frozenset[ArticleId]:
    def fits(count: int) -> bool:
        return measure(Cuts(leads=frozenset(longest_first[:count]))) <= budget

    count = guess
    while count < len(longest_first) and not fits(count):
        count += 1
    while count > 1 and fits(count - 1):
        count -= 1
    return frozenset(longest_first[:count])


def _lengthened(leads: frozenset[ArticleId], measure: Measure, budget: int) -> Cuts:
    room = budget - measure(Cuts(leads=leads))
    extra = int(room / _BYTES_PER_CHARACTER / len(leads)) // _STEP * _STEP
    characters = min(MOST_LEAD_CHARACTERS, LEAD_CHARACTERS + extra)
    while characters > LEAD_CHARACTERS:
        cuts = Cuts(leads=leads, characters=characters)
        if measure(cuts) <= budget:
            return cuts
        characters -= _STEP
    return Cuts(leads=leads)
