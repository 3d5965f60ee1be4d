"""Which paragraphs of a .docx are section titles and article titles, by how they look.

Pure. Heading styles decide where there are any: the level of the known section titles, and the level above the
date-and-source lines. Otherwise the look of the titles that are certain (above such a line, or right under a
section) tells the others: bold, size, centred.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from distributor.config.model import Section
from distributor.content.importers import characters, meta, titles
from distributor.content.importers.docx.pieces import TextPiece
from distributor.content.importers.lines import Line
from distributor.content.importers.sections import SectionLine, SectionStyle, parse_section

_WIDEST_TITLE = 100
_LONGEST_SECTION = 12

_Look = tuple[bool, int, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Indexes of texts shown as article titles and as section titles; `level` is the titles' heading level."""

    titled: frozenset[int]
    headed: Mapping[int, SectionLine]
    level: int | None


def find_titles(texts: Sequence[TextPiece], lines: Sequence[Line], known: Sequence[Section]) -> Shown:
    """Find the titles among the texts; `lines` are the same texts, cleaned."""
    sections = {index: found for index, line in enumerate(lines) if (found := _section(line, known))}
    above = [index - 1 for index, line in enumerate(lines) if index and _is_meta(line)]
    section_level = _commonest(texts[index].look.level for index in sections)
    headed = dict(_headed(texts, lines, section_level, sections)) if section_level is not None else {}
    taken = {**sections, **headed}
    level = _title_level(texts, above, taken, section_level)
    by_look = set(_by_look(texts, lines, above, taken))
    titled = {
        index
        for index, piece in enumerate(texts)
        if (piece.look.level == level if piece.look.level is not None else index in by_look)
    }
    kept = frozenset(index for index in titled - set(taken) if not _is_meta(lines[index]))
    return Shown(titled=kept, headed=headed, level=level)


def _section(line: Line, known: Sequence[Section]) -> SectionLine | None:
    found = parse_section(line.text, known)
    return found if found is not None and (found.known or found.style is SectionStyle.BRACKETED) else None


def _is_meta(line: Line) -> bool:
    found = meta.parse_meta(line.text)
    return found is not None and found.certain


def _commonest(levels: Iterable[int | None]) -> int | None:
    counts = Counter(level for level in levels if level is not None)
    return counts.most_common(1)[0][0] if counts else None


def _headed(
    texts: Sequence[TextPiece], lines: Sequence[Line], level: int, sections: Mapping[int, SectionLine]
) -> Iterable[tuple[int, SectionLine]]:
    """Yield the headings of the sections' level that no config knows."""
    for index, piece in enumerate(texts):
        text = lines[index].text
        if piece.look.level == level and index not in sections and len(text) <= _LONGEST_SECTION:
            parsed = parse_section(text, ())
            title = parsed.title if parsed is not None else text
            yield index, SectionLine(title=title, known=None, style=SectionStyle.MARKED)


def _title_level(
    texts: Sequence[TextPiece], above: Sequence[int], sections: Mapping[int, SectionLine], section_level: int | None
) -> int | None:
    over_meta = _commonest(texts[index].look.level for index in above if index not in sections)
    if over_meta is not None:
        return over_meta
    if above:
        return None
    deeper = {
        piece.look.level
        for index, piece in enumerate(texts)
        if piece.look.level is not None and index not in sections and piece.look.level > (section_level or 0)
    }
    return min(deeper, default=None)


def _by_look(
    texts: Sequence[TextPiece], lines: Sequence[Line], above: Sequence[int], sections: Mapping[int, SectionLine]
) -> Iterable[int]:
    usual = _usual_look(texts)
    certain = {*above, *(index + 1 for index in sections if index + 1 < len(texts))} - set(sections)
    looks = {_look(texts[index]) for index in certain} - {usual}
    bounds = [*sorted(sections), len(texts)]
    for start, stop in pairwise(bounds):
        dated = any(start < index < stop for index in above)
        for index in range(start + 1, stop):
            look = _look(texts[index])
            larger = look[1] > usual[1]
            if look in looks and (larger or not dated) and _may_be_title(lines[index]):
                yield index


def _usual_look(texts: Sequence[TextPiece]) -> _Look:
    weights: Counter[_Look] = Counter()
    for piece in texts:
        weights[_look(piece)] += len(piece.text)
    return weights.most_common(1)[0][0] if weights else (False, 0, False)


def _look(piece: TextPiece) -> _Look:
    return piece.bold, piece.size, piece.look.centred


def _may_be_title(line: Line) -> bool:
    return characters.columns(line.text) <= _WIDEST_TITLE and titles.looks_like_title(line.text)
