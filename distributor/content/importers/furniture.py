"""What a page carries besides its text: running headers and page numbers.

Pure. Position, repetition and shape decide, never the name of a publication: a line belongs to the page when it
says `总第 N 期`, when it has the shape of a page number at a page's edge, or when the same words (digits apart)
stand at several page edges. A lone number in the middle of a page is text.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from distributor.content.importers import characters, meta, titles
from distributor.content.importers.lines import Layout, Line
from distributor.content.importers.model import RemovalReason

_NUMBER = r"[0-9０-９]{1,4}"
_DRESSED_NUMBER = re.compile(
    rf"[-–—―·•~～|]+\s*{_NUMBER}\s*[-–—―·•~～|]+"
    rf"|第\s*(?:{_NUMBER}|[一二三四五六七八九十百]+)\s*页(?:\s*[,，/／]?\s*[共总]\s*{_NUMBER}\s*页)?"
    rf"|(?:[Pp](?:age|AGE)?\s*\.?\s*)?{_NUMBER}\s*(?:of)\s*{_NUMBER}|[Pp](?:age|AGE)\s*\.?\s*{_NUMBER}"
)
# `21 21`: some layers give a number twice, from a text box and its fallback.
# These are page numbers only where they count pages: `1/4` may also be the rest of a sentence.
_COUNTING_NUMBER = re.compile(
    rf"(?P<number>{_NUMBER})(?:\s+(?P=number)|\s*[/／]\s*{_NUMBER}|\s*页)?|[\[【（(<《〈]\s*(?P<inner>{_NUMBER})\s*[\]】）)>》〉]"
)
_ISSUE_LINE = re.compile(rf"(?:总\s*第?|第)\s*{_NUMBER}\s*期")
_CONTENTS_ENTRY = re.compile(r"\S\s*(?:…{1,}|\.{4,}|．{3,}|·{3,}|_{4,}|—{4,})[\s….·．_—]*[0-9０-９]{1,3}$")
_EDGE = 3
"""Lines from a page's edge within which furniture stands."""
_LONGEST = 64
_SHORTEST_PAGE = 8


def find_furniture(lines: Sequence[Line], layout: Layout) -> dict[int, RemovalReason]:
    """Return which lines (by index) are running headers, page numbers or entries of a list of contents."""
    edges = _edges(lines)
    numbers = _page_numbers(lines, layout, edges)
    found = {
        index: RemovalReason.HEADER
        for index, line in enumerate(lines)
        if _is_issue_line(line.text) and not _stands_over_meta(lines, index)
    }
    for index in _repeated(lines, layout, edges, numbers | set(found)):
        found.setdefault(index, RemovalReason.HEADER)
    near_headers = {near for index in found for near in range(index - _EDGE, index + _EDGE + 1)}
    for index, line in enumerate(lines):
        if index in numbers or (index in near_headers and _COUNTING_NUMBER.fullmatch(line.text)):
            found[index] = RemovalReason.PAGE_NUMBER
    _add_between(lines, found)
    entries = (index for index, line in enumerate(lines) if len(line.text) < 200 and _CONTENTS_ENTRY.search(line.text))
    return found | dict.fromkeys(entries, RemovalReason.CONTENTS)


def issue_number(text: str) -> int | None:
    """Return the N of `总第 N 期` in a running header, None when it names none."""
    match = re.search(rf"总\s*第?\s*({_NUMBER})\s*期", text)
    return int(match[1]) if match else None


def _is_issue_line(text: str) -> bool:
    if _ISSUE_LINE.search(text) is None or characters.columns(text) > _LONGEST:
        return False
    # `总第` is said of periodicals only; `第 9 期` also of courses and meetings, so it must be the whole tail.
    return not re.search(r"[，。；：！？]", text) and (
        re.search(r"总\s*第", text) is not None
        or re.fullmatch(rf"[（(]?\s*(?:{_NUMBER}\s*年\s*)?第\s*{_NUMBER}\s*期\s*[）)]?", text) is not None
    )


def _edges(lines: Sequence[Line]) -> set[int]:
    starts = [index for index, line in enumerate(lines) if line.page_start] or [0]
    ends = [start - 1 for start in starts[1:]] + [len(lines) - 1]
    edges: set[int] = set()
    for start, end in zip(starts, ends, strict=True):
        edges.update(range(start, min(start + _EDGE, end + 1)))
        edges.update(range(max(start, end - _EDGE + 1), end + 1))
    return edges


def _stands_over_meta(lines: Sequence[Line], index: int) -> bool:
    found = meta.parse_meta(lines[index + 1].text) if index + 1 < len(lines) else None
    return found is not None and found.certain


def _repeated(lines: Sequence[Line], layout: Layout, edges: set[int], seeds: set[int]) -> Iterable[int]:
    """Yield the lines whose words come back at page edges; `seeds` are page numbers and issue lines found so far."""
    places = _places(lines)
    for indexes in _indexes_by_words(lines).values():
        near = sum(bool(seeds & {index - 2, index - 1, index + 1, index + 2}) for index in indexes)
        apart = min(after - before for before, after in pairwise(indexes)) >= _SHORTEST_PAGE
        at_edges = layout.paged and _is_at_edges([places[index] for index in indexes if index in edges], len(indexes))
        interrupting = sum(_interrupts(lines, layout, index) for index in indexes)
        if near >= 0.8 * len(indexes) or (
            len(indexes) >= 3 and apart and (at_edges or 2 * interrupting >= len(indexes))
        ):
            yield from indexes


def _places(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Return for each line how many lines of its page stand above and below it."""
    starts = [0, *(index for index, line in enumerate(lines) if index and line.page_start), len(lines)]
    return [(index - start, stop - 1 - index) for start, stop in pairwise(starts) for index in range(start, stop)]


def _is_at_edges(places: Sequence[tuple[int, int]], count: int) -> bool:
    """Say whether most occurrences stand in one place, counted from the top or from the foot of the page."""
    above = Counter(above for above, _ in places).most_common(1)
    below = Counter(below for _, below in places).most_common(1)
    return max([number for _, number in (*above, *below)], default=0) >= 0.7 * count


def _interrupts(lines: Sequence[Line], layout: Layout, index: int) -> bool:
    """Say whether the line before breaks off in the middle of a sentence, as at a page's end."""
    before = lines[index - 1] if index else None
    return (
        before is not None
        and lines[index].width < layout.full - 6
        and not before.marked
        and abs(before.width - layout.full) <= 3
        and not characters.ends_sentence(before.text)
    )


def _indexes_by_words(lines: Sequence[Line]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        words = re.sub(r"[0-9０-９]+", "#", characters.without_blanks(line.text))
        if len(words) >= 4 and line.width <= _LONGEST and not line.is_url and _may_be_header(line.text):
            places[words].append(index)
    return {words: indexes for words, indexes in places.items() if len(indexes) > 1}


def _may_be_header(text: str) -> bool:
    """Leave out what documents repeat themselves: dates, items, the rest of a wrapped bracket."""
    if text[-1] in "。；，、：" or titles.starts_item(text) or titles.ends_signature(text):
        return False
    balanced = text.count("（") == text.count("）") and text.count("(") + text.count("（") == text.count(
        ")"
    ) + text.count("）")
    return balanced and meta.parse_meta(text) is None


def _page_numbers(lines: Sequence[Line], layout: Layout, edges: set[int]) -> set[int]:
    """Return the lines that count pages by themselves: dressed numbers, and bare ones that rise from page to page."""
    dressed = {index for index, line in enumerate(lines) if _DRESSED_NUMBER.fullmatch(line.text)}
    bare = [
        index
        for index, line in enumerate(lines)
        if _COUNTING_NUMBER.fullmatch(line.text) and (index in edges or not layout.paged)
    ]
    return dressed | set(_in_sequence(lines, bare))


def _in_sequence(lines: Sequence[Line], candidates: Sequence[int]) -> Iterable[int]:
    """Yield the candidates that count pages: three or more that rise by one or two, a page apart."""
    run: list[int] = []
    for index in candidates:
        if run and (index - run[-1] < _SHORTEST_PAGE or _page(lines[index]) - _page(lines[run[-1]]) not in {1, 2}):
            yield from run if len(run) >= 3 else ()
            run = []
        run.append(index)
    yield from run if len(run) >= 3 else ()


def _page(line: Line) -> int:
    match = _COUNTING_NUMBER.fullmatch(line.text)
    return int(match["number"] or match["inner"]) if match else -1


def _add_between(lines: Sequence[Line], found: dict[int, RemovalReason]) -> None:
    """Add the short line or two between a header and its page number (an organisation's name)."""
    for first, second in pairwise(sorted(found)):
        between = range(first + 1, second)
        kinds = {found[first], found[second]}
        short = all(lines[index].width <= _LONGEST and lines[index].text[-1] not in "。；，" for index in between)
        if 1 <= len(between) <= 2 and short and kinds == {RemovalReason.HEADER, RemovalReason.PAGE_NUMBER}:
            found.update(dict.fromkeys(between, RemovalReason.HEADER))
