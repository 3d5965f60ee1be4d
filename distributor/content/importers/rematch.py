"""Which article of a new import is which of the last: ids follow the article, not its place.

Pure. The same title first; then a title that changed a little; then what stands alone between the same neighbours.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from distributor.content.importers.characters import title_key

_ALIKE = 0.75


def match_titles(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return for indexes of `new` the index of the same article in `old`; each is used once.

    Titles that are only alike, or known by their neighbours, keep their order among the matches.
    """
    old_keys, new_keys = [title_key(title) for title in old], [title_key(title) for title in new]
    found: dict[int, int] = {}
    for index, key in enumerate(new_keys):
        same = next(
            (place for place, other in enumerate(old_keys) if other == key and place not in found.values()), None
        )
        if same is not None:
            found[index] = same
    for alike in (True, False):
        for new_part, old_part in _gaps(found, len(old), len(new)):
            if alike:
                found.update(_alike(new_part, old_part, new_keys, old_keys))
            elif len(new_part) == len(old_part):
                found.update(zip(new_part, old_part, strict=True))
    return found


def _gaps(found: dict[int, int], old: int, new: int) -> Iterable[tuple[list[int], list[int]]]:
    """Yield the unmatched stretches between neighbours that kept their order."""
    anchors = [(-1, -1)]
    for index, place in sorted(found.items()):
        if place > anchors[-1][1]:
            anchors.append((index, place))
    anchors.append((new, old))
    taken = set(found.values())
    gaps = []
    for (first_new, first_old), (last_new, last_old) in pairwise(anchors):
        new_part = [index for index in range(first_new + 1, last_new) if index not in found]
        old_part = [place for place in range(first_old + 1, last_old) if place not in taken]
        if new_part and old_part:
            gaps.append((new_part, old_part))
    return gaps


def _alike(
    new_part: Iterable[int], old_part: Iterable[int], new_keys: Sequence[str], old_keys: Sequence[str]
) -> dict[int, int]:
    found: dict[int, int] = {}
    free = list(old_part)
    for index in new_part:
        ratios = {place: SequenceMatcher(None, new_keys[index], old_keys[place]).ratio() for place in free}
        best = max(ratios, key=lambda place: ratios[place], default=None)
        if best is not None and ratios[best] >= _ALIKE:
            found[index] = best
            free.remove(best)
    return found
