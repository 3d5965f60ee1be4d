"""A document taken apart, put together as a draft issue: shared by the readers of text.

Pure. What enters is the outline over the lines; each article is built by `articles`, each section gathers its
own, and everything taken out or uncertain about the document as a whole is written down.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from distributor.content.importers import articles, furniture, interleaving, urls
from distributor.content.importers.articles import Built
from distributor.content.importers.lines import Layout, Line
from distributor.content.importers.model import (
    UNKNOWN_SECTION,
    Doubt,
    DoubtKind,
    DraftArticle,
    DraftIssue,
    DraftSection,
    Removal,
    RemovalReason,
)
from distributor.content.importers.outline import Outline
from distributor.problems import wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A document with its outline: `every` line as read, `furniture` by index in these, the rest in `parted`."""

    source: str
    every: Sequence[Line]
    furniture: Mapping[int, RemovalReason]
    parted: urls.Parted
    layout: Layout
    outline: Outline


def assemble(reading: Reading, *, number: int) -> DraftIssue:
    """Build the issue of a reading; `number` is compared with the one in the running headers."""
    lines, found = reading.parted.text, reading.outline
    owned, built = _build(reading)
    mixed = _column_doubt(reading)
    if mixed is not None:
        built = tuple(replace(one, article=_missing_order(one.article)) for one in built)
    removals = (
        *(
            Removal(line=reading.every[index].number, text=reading.every[index].raw, reason=reason)
            for index, reason in reading.furniture.items()
        ),
        *(Removal(line=line.number, text=line.raw, reason=RemovalReason.URL) for line in reading.parted.taken),
        *outline_removals(lines, found),
        *(removal for one in built for removal in one.removals),
    )
    doubts = (
        *_number_doubts(reading, number),
        *((mixed,) if mixed else ()),
        *front_doubts(lines, found),
        *(unassigned(one) for one in owned if one.owner is None),
        *(doubt for one in built for doubt in one.doubts),
    )
    return DraftIssue(
        source=reading.source,
        sections=gather_sections(lines, found, built),
        removals=tuple(sorted(removals, key=lambda removal: removal.line)),
        substitutions=tuple(change for one in built for change in one.substitutions),
        doubts=doubts,
    )


def _build(reading: Reading) -> tuple[tuple[urls.Owned, ...], tuple[Built, ...]]:
    lines, layout, found = reading.parted.text, reading.layout, reading.outline
    bodies = article_ranges(found, len(lines))
    owned = urls.find_owners(reading.parted.runs, urls.Articles(lines=lines, layout=layout, bodies=bodies))
    built = tuple(
        articles.build(
            lines,
            layout,
            mark,
            [index for index in range(mark.body, body.stop) if index not in found.outside],
            [one for one in owned if one.owner == position],
        )
        for position, (mark, body) in enumerate(zip(found.articles, bodies, strict=True))
    )
    return owned, built


def article_ranges(found: Outline, end: int) -> tuple[range, ...]:
    """Return the line indexes of each article, from its title to the next title or section line."""
    stops = sorted([*(mark.title.start for mark in found.articles), *found.sections, end])
    return tuple(
        range(mark.title.start, stops[bisect_left(stops, max(mark.body, mark.title.start + 1))])
        for mark in found.articles
    )


def outline_removals(lines: Sequence[Line], found: Outline) -> Iterable[Removal]:
    """Yield the lines that are neither title nor body: front matter, contents, section lines."""
    reasons = {
        **dict.fromkeys(found.front, RemovalReason.FRONT),
        **dict.fromkeys(found.contents, RemovalReason.CONTENTS),
        **dict.fromkeys(found.sections, RemovalReason.SECTION),
        **dict.fromkeys(found.repeats, RemovalReason.HEADER),
    }
    for index, reason in reasons.items():
        yield Removal(line=lines[index].number, text=lines[index].raw, reason=reason)


def gather_sections(lines: Sequence[Line], found: Outline, built: Sequence[Built]) -> tuple[DraftSection, ...]:
    """Gather the articles by section; a title that comes back later is the same section."""
    gathered = {UNKNOWN_SECTION: DraftSection(title=UNKNOWN_SECTION, known=None, line=1)}
    for index, section in sorted(found.sections.items()):
        gathered.setdefault(
            section.title, DraftSection(title=section.title, known=section.known, line=lines[index].number)
        )
    opened = sorted(found.sections)
    for one, mark in zip(built, found.articles, strict=True):
        above = bisect_left(opened, mark.title.start)
        title = found.sections[opened[above - 1]].title if above else UNKNOWN_SECTION
        gathered[title] = replace(gathered[title], articles=(*gathered[title].articles, one.article))
    return tuple(section for section in gathered.values() if section.articles or section.title != UNKNOWN_SECTION)


def _missing_order(article: DraftArticle) -> DraftArticle:
    return replace(article, missing=(*article.missing, "columns")) if article.blocks else article


def _number_doubts(reading: Reading, number: int) -> Iterable[Doubt]:
    headers = [reading.every[index] for index in sorted(reading.furniture, reverse=True)]
    named = {furniture.issue_number(line.text): line.number for line in headers}
    for other, line in named.items():
        if other is not None and other != number:
            what = wording(
                f"页眉写的是总第 {other} 期，导入时给的是第 {number} 期",
                f"the running header says issue {other}, the import was told {number}",
            )
            yield Doubt(kind=DoubtKind.FIELD, line=line, what=what)


def _column_doubt(reading: Reading) -> Doubt | None:
    if not reading.layout.wrapped:
        return None
    remedy_zh = "请换一种方式取文字（如 pdftotext -raw，或在 PDF 阅读器里逐栏复制）再导入"
    remedy_en = "extract the text in reading order (pdftotext -raw, or copy column by column) and import again"
    if interleaving.has_gutters(reading.every):
        what = wording(
            f"左右两栏并排在同一行里，文字顺序不可信；{remedy_zh}",
            f"both columns stand side by side in one line, so the order cannot be trusted; {remedy_en}",
        )
    elif interleaving.is_mixed(reading.parted.text, reading.layout):
        what = wording(
            f"左右两栏好像逐行交错在一起，文字顺序不可信；{remedy_zh}",
            f"the columns seem to be mixed line by line, so the order cannot be trusted; {remedy_en}",
        )
    else:
        return None
    return Doubt(kind=DoubtKind.COLUMNS, line=None, what=what)


def front_doubts(lines: Sequence[Line], found: Outline) -> Iterable[Doubt]:
    """Yield a doubt where prose stands before the first section."""
    long = [index for index in found.front if lines[index].text[-1] in "。！？"]
    if long:
        what = wording(
            "第一个栏目之前有成段的文字，没有归入任何文章；需要时请放进 issue.toml 的 lead 或另写一篇",
            "prose before the first section belongs to no article; put it into `lead` of issue.toml if wanted",
        )
        yield Doubt(kind=DoubtKind.BOUNDARY, line=lines[long[0]].number, what=what)


def unassigned(one: urls.Owned) -> Doubt:
    """Return the doubt about an address that no article stands before."""
    what = wording(f"这个网址前面没有文章，未归入：{one.url}", f"no article stands before this address: {one.url}")
    return Doubt(kind=DoubtKind.LINK, line=one.line, what=what)
