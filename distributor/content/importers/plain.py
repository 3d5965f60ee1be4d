"""Plain text, one paragraph a line, as a draft issue.

Text enters, a `DraftIssue` leaves; pure. Sections, titles and date-and-source lines are those of `outline`; `#`
headings count too. In a section without dates, blank lines that set off groups beginning with a title-like line
part the articles, and the report says that this was a guess.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from distributor.config.model import Section
from distributor.content.importers import titles, urls
from distributor.content.importers.assembly import Reading, assemble
from distributor.content.importers.lines import Line, full_columns, read_lines, unwrapped
from distributor.content.importers.model import DraftIssue, Removal, RemovalReason
from distributor.content.importers.outline import Outline, outline
from distributor.content.importers.sections import parse_section

_HASHES = re.compile(r"(?P<hashes>#{1,6})\s+(?=\S)")
_FINISHED = re.compile(r"[。！？；：”）]$")
_WIDEST_LAYER = 130
_NEAR = 4
_FEW = 4


def read_plain(text: str, known: Sequence[Section], *, number: int) -> DraftIssue:
    """Read a plain text; `number` is the issue's."""
    lines = read_lines(text)
    bare = tuple(_without_hashes(line) for line in lines)
    parted = urls.take_urls(bare)
    layout = unwrapped(parted.text)
    marked = {line.number: hashes for line in lines if (hashes := _hashes(line))}
    titled = _titled(parted.text, marked, known)
    found = outline(parted.text, layout, known, titled=titled)
    guessed = tuple(_first_lines_of_groups(parted.text, found))
    if guessed:
        found = outline(parted.text, layout, known, titled=(*titled, *guessed))
        found = _with_doubt(found, guessed)
    reading = Reading(source=text, every=bare, furniture={}, parted=parted, layout=layout, outline=found)
    issue = assemble(reading, number=number)
    labels = (
        Removal(line=line, text=hashes, reason=RemovalReason.LABEL)
        for line, hashes in marked.items()
        if line not in {removal.line for removal in issue.removals}
    )
    return replace(issue, removals=(*issue.removals, *labels))


def looks_wrapped(text: str) -> bool:
    """Say whether a text has its paragraphs broken into lines of one width, as a text layer has.

    Most lines as long as a full one break off in the middle of a sentence, and hardly any is wider than a page.
    """
    lines = [line for line in read_lines(text) if not line.is_url]
    if sum(line.width > _WIDEST_LAYER for line in lines) > 0.02 * len(lines):
        return False
    full = full_columns(lines)
    long = [line for line in lines if abs(line.width - full) <= _NEAR]
    broken = sum(not _FINISHED.search(line.text) for line in long)
    return broken >= _FEW and broken >= 0.5 * len(long)


def _hashes(line: Line) -> str:
    match = _HASHES.match(line.text)
    return match["hashes"] if match else ""


def _without_hashes(line: Line) -> Line:
    return replace(line, text=_HASHES.sub("", line.text, count=1)) if _hashes(line) else line


def _titled(lines: Sequence[Line], marked: dict[int, str], known: Sequence[Section]) -> tuple[int, ...]:
    """Return the lines that are titles by `#`: the highest level below the sections."""
    levels = {
        index: len(marked[line.number])
        for index, line in enumerate(lines)
        if line.number in marked and not _is_section(line, known)
    }
    highest = min(levels.values(), default=0)
    return tuple(index for index, level in levels.items() if level == highest)


def _is_section(line: Line, known: Sequence[Section]) -> bool:
    section = parse_section(line.text, known)
    return section is not None and section.known is not None


def _first_lines_of_groups(lines: Sequence[Line], found: Outline) -> Iterable[int]:
    for start, stop in pairwise([*sorted(found.sections), len(lines)]):
        marks = [mark for mark in found.articles if start < mark.title.start < stop]
        if marks and all(mark.meta is None for mark in marks):
            firsts = _titles_of_groups(lines, range(start + 1, stop))
            yield from (index for index in firsts if index not in found.outside)


def _titles_of_groups(lines: Sequence[Line], part: range) -> Iterable[int]:
    usual = min((lines[index].gap for index in part[1:]), default=0)
    firsts = [part.start, *(index for index in part[1:] if lines[index].gap > usual)]
    groups = [range(first, after) for first, after in pairwise([*firsts, part.stop])]
    fitting = [group.start for group in groups if _begins_article(lines, group)]
    return fitting if len(fitting) >= 2 and 2 * len(fitting) >= len(groups) else ()


def _begins_article(lines: Sequence[Line], group: range) -> bool:
    if len(group) < 2 or not titles.looks_like_title(lines[group.start].text):
        return False
    return not titles.ends_signature(lines[group.start + 1].text)


def _with_doubt(found: Outline, guessed: Sequence[int]) -> Outline:
    """Mark the guessed articles as doubtful, but for those right under a section line."""
    later = {index for index in guessed if index - 1 not in found.sections}
    marks = tuple(replace(mark, doubtful=mark.meta is None and mark.title.start in later) for mark in found.articles)
    return replace(found, articles=marks)
