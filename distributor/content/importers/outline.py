"""Where sections and articles begin in a document's lines.

Pure. Sections come by their lines, articles by the date-and-source line under a title or by the title's own look;
in a section without such lines the titles are those of `announcements`. Everything else is body: appendices, second
titles after a signature, document numbers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from distributor.config.model import Section
from distributor.content.importers import dates
from distributor.content.importers.announcements import (
    Announcement,
    announcements_behind_article,
    announcements_under_section,
)
from distributor.content.importers.headlines import Headlines
from distributor.content.importers.lines import Layout, Line
from distributor.content.importers.meta import Meta
from distributor.content.importers.sections import SectionLine, SectionStyle, parse_section


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleMark:
    """An article's beginning: indexes of its title lines, then of its date-and-source lines (may be empty).

    `doubtful` when the line was taken for a title without a date-and-source line to prove it.
    """

    title: range
    meta_lines: range
    meta: Meta | None = None
    doubtful: bool = False

    @property
    def body(self) -> int:
        """The index at which the body begins."""
        return max(self.title.stop, self.meta_lines.stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Sections by the index of their line, articles in order; `front` and `contents` hold no article.

    `repeats` are section lines that a page carries again as its header.
    """

    sections: Mapping[int, SectionLine]
    articles: tuple[ArticleMark, ...]
    front: range
    contents: range = field(default=range(0))
    repeats: frozenset[int] = frozenset()

    @property
    def outside(self) -> frozenset[int]:
        """The lines that belong to no article although they may stand between its lines."""
        return self.repeats | frozenset(self.contents)


def outline(
    lines: Sequence[Line],
    layout: Layout,
    known: Sequence[Section],
    *,
    titled: Collection[int] = (),
    headed: Mapping[int, SectionLine] | None = None,
) -> Outline:
    """Find every section and article; `lines` are without page furniture and addresses.

    `titled` are indexes of lines that the document itself shows as titles, by a style or a heading mark, and
    `headed` those that it shows as section titles.
    """
    headlines = Headlines(lines, layout)
    metas = headlines.find_metas(known, titled)
    proved = tuple(_proved_articles(headlines, metas, titled))
    starts = {mark.title.start for mark in proved}
    candidates = {**_find_sections(headlines, known, starts), **(headed or {})}
    contents = _find_contents(candidates, metas)
    kept = {index: section for index, section in candidates.items() if index not in contents}
    sections, repeats = _without_repeats(kept, starts)
    proved = tuple(mark for mark in proved if mark.title.start not in contents)
    articles = (*proved, *_announced(headlines, sections, repeats, proved))
    first = min([*sections, *(mark.title.start for mark in articles)], default=len(lines))
    return Outline(
        sections=sections,
        articles=tuple(sorted(articles, key=lambda mark: mark.title.start)),
        front=range(first),
        contents=contents,
        repeats=repeats,
    )


def _proved_articles(
    headlines: Headlines, metas: Mapping[range, Meta], titled: Collection[int]
) -> Iterable[ArticleMark]:
    """Yield the articles that a date-and-source line or the title's look proves."""
    taken = {index for place in metas for index in place}
    covered = set(taken)
    for place, found in metas.items():
        title = headlines.title_over(place.start, taken)
        covered.update(title)
        yield ArticleMark(title=title, meta_lines=place, meta=found)
    for index in sorted(set(titled) - covered):
        if not headlines.is_section(index):
            yield _titled_article(headlines.lines, index)


def _titled_article(lines: Sequence[Line], index: int) -> ArticleMark:
    """Return the article that has a title by style but no date-and-source line; a date alone may stand there."""
    day = dates.whole_date(lines[index + 1].text) if index + 1 < len(lines) else None
    return ArticleMark(
        title=range(index, index + 1),
        meta_lines=range(index + 1, index + 1 + (day is not None)),
        meta=Meta(fields=("date",), date=day) if day else None,
    )


def _find_sections(headlines: Headlines, known: Sequence[Section], starts: set[int]) -> dict[int, SectionLine]:
    parsed = {
        index: section
        for index, line in enumerate(headlines.lines)
        if (section := parse_section(line.text, known)) is not None
    }
    styles = {section.style for section in parsed.values() if section.known}
    found = {}
    for index, section in parsed.items():
        article_follows = index + 1 in starts
        apart = index not in starts and (article_follows or not headlines.breaks_off_before(index))
        if section.style is SectionStyle.BRACKETED or (
            apart and _opens_section(section, styles, article_follows=article_follows)
        ):
            found[index] = section
    return found


def _opens_section(section: SectionLine, styles: set[SectionStyle], *, article_follows: bool) -> bool:
    """Say whether a line without brackets is a section's; `styles` are those of the configured ones."""
    if section.known:
        return article_follows or SectionStyle.BRACKETED not in styles
    if section.style not in styles or not article_follows:
        return False
    return section.sounds_like_one or section.style is SectionStyle.MARKED


def _find_contents(sections: Mapping[int, SectionLine], metas: Mapping[range, Meta]) -> range:
    """Return the list of contents: the part before a section line comes a second time, with no article in it."""
    if not sections:
        return range(0)
    first = min(sections)
    again = [index for index in sections if index > first and sections[index].title == sections[first].title]
    if not again or any(first < place.start < again[0] for place in metas):
        return range(0)
    return range(first, again[0])


def _without_repeats(
    sections: Mapping[int, SectionLine], starts: set[int]
) -> tuple[dict[int, SectionLine], frozenset[int]]:
    kept: dict[int, SectionLine] = {}
    repeats: set[int] = set()
    current = None
    for index, section in sorted(sections.items()):
        if section.title == current and index + 1 not in starts:
            repeats.add(index)
            continue
        kept[index] = section
        current = section.title
    return kept, frozenset(repeats)


def _announced(
    headlines: Headlines,
    sections: Mapping[int, SectionLine],
    repeats: Collection[int],
    proved: Sequence[ArticleMark],
) -> Iterable[ArticleMark]:
    """Yield the articles of each section that nothing proves but their place."""
    for start, stop in pairwise([*sorted(sections), len(headlines.lines)]):
        inside = sorted((mark for mark in proved if start < mark.title.start < stop), key=lambda mark: mark.title.start)
        first = inside[0].title.start if inside else stop
        opening = next((index for index in range(start + 1, first) if index not in repeats), first)
        if opening < first:
            yield from map(_mark, announcements_under_section(headlines, range(opening, first), repeats))
        ends = [mark.title.start for mark in inside[1:]] + [stop]
        for mark, end in zip(inside, ends, strict=False):
            yield from map(_mark, announcements_behind_article(headlines, range(mark.body, end), repeats))


def _mark(announcement: Announcement) -> ArticleMark:
    end = announcement.title.stop
    return ArticleMark(title=announcement.title, meta_lines=range(end, end), doubtful=announcement.doubtful)
