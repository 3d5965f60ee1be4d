"""One article of a text layer: its title, meta, body and links from the lines between two marks.

Pure. What is doubtful about this one article is gathered here; what concerns the whole document, in `layer`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from distributor.content.importers import blocks, characters, urls
from distributor.content.importers.lines import Layout, Line
from distributor.content.importers.model import (
    Doubt,
    DoubtKind,
    DraftArticle,
    DraftLink,
    Removal,
    RemovalReason,
    Substitution,
)
from distributor.content.importers.outline import ArticleMark
from distributor.content.importers.paragraphs import Paragraph, join_paragraphs
from distributor.problems import wording

NO_TITLE = "（缺标题）"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An article with what was taken out, put in and doubted on the way."""

    article: DraftArticle
    removals: tuple[Removal, ...]
    substitutions: tuple[Substitution, ...]
    doubts: tuple[Doubt, ...]


def build(
    lines: Sequence[Line], layout: Layout, mark: ArticleMark, body: Sequence[int], owned: Sequence[urls.Owned]
) -> Built:
    """Build the article of a mark; `body` are the indexes of its body lines, `owned` its addresses."""
    title, changes = title_of(lines, layout, mark)
    paragraphs = join_paragraphs([lines[index] for index in body], layout)
    first = lines[min(mark.title.start, len(lines) - 1)]
    made = blocks.make_body(title, (*rest_of_meta(mark, lines), *paragraphs))
    links = urls.name_links(owned, paragraphs)
    article = DraftArticle(
        title=title,
        line=first.number,
        date=mark.meta.date if mark.meta else None,
        source=mark.meta.source if mark.meta else "",
        blocks=made.blocks,
        links=links,
        missing=(*made.missing, *unsettled(title, links, mark)),
    )
    doubts = (*made.doubts, *article_doubts(article, mark))
    return Built(
        article=article,
        removals=tuple(meta_removals(lines, mark)),
        substitutions=(*changes, *made.substitutions),
        doubts=doubts,
    )


def unsettled(title: str, links: Iterable[DraftLink], mark: ArticleMark) -> Iterable[str]:
    """Yield what an editor must settle before the article is ready: a lost title, a bad date, a guessed link."""
    if title == NO_TITLE:
        yield "title"
    if mark.meta is not None and mark.meta.unread:
        yield "date"
    if any(link.guessed for link in links):
        yield "link"


def title_of(lines: Sequence[Line], layout: Layout, mark: ArticleMark) -> tuple[str, tuple[Substitution, ...]]:
    """Return the title of a mark, its lines joined, without private bullets; and what was changed for it."""
    parts = [lines[index] for index in mark.title]
    if not parts:
        line = lines[mark.meta_lines.start].number
        return NO_TITLE, (Substitution(line=line, before="", after=NO_TITLE),)
    joined = ""
    for part in parts:
        joined = characters.join(joined, part.text, spaced=layout.spaced)
    shown = characters.show_private_bullets(joined)
    title = shown.lstrip("•").strip() if shown != joined else shown
    if title == joined:
        return title, ()
    return title, (Substitution(line=parts[0].number, before=joined, after=title),)


def rest_of_meta(mark: ArticleMark, lines: Sequence[Line]) -> Iterable[Paragraph]:
    """Keep what a date-and-source line says besides, such as the author, as the first paragraph."""
    if mark.meta is not None and mark.meta.rest:
        line = lines[mark.meta_lines.start]
        yield Paragraph(text=" ".join(mark.meta.rest), first=line, last=line, lines=1)


def meta_removals(lines: Sequence[Line], mark: ArticleMark) -> Iterable[Removal]:
    """Yield what the date-and-source lines say about date and source alone."""
    rest = list(mark.meta.rest) if mark.meta is not None else []
    for index in mark.meta_lines:
        text = lines[index].text
        for piece in [piece for piece in rest if piece in text]:
            text = text.replace(piece, " ", 1)
            rest.remove(piece)
        yield Removal(line=lines[index].number, text=text, reason=RemovalReason.META)


def article_doubts(article: DraftArticle, mark: ArticleMark) -> Iterable[Doubt]:
    """Yield what is doubtful about title, date and links."""
    yield from _title_doubts(article, mark)
    yield from _date_doubts(article, mark)
    yield from _link_doubts(article)


def _title_doubts(article: DraftArticle, mark: ArticleMark) -> Iterable[Doubt]:
    if article.title == NO_TITLE:
        what = wording("日期和来源上面没有标题，请补上", "no title above the date and source line; please write one")
        yield Doubt(kind=DoubtKind.FIELD, line=article.line, what=what, article=article.title)
    elif mark.doubtful:
        what = wording(
            "没有日期来源行，只是按版式看作新的一篇，请核对",
            "taken for a new article by its looks only, without a date and source line; please check",
        )
        yield Doubt(kind=DoubtKind.BOUNDARY, line=article.line, what=what, article=article.title)


def _date_doubts(article: DraftArticle, mark: ArticleMark) -> Iterable[Doubt]:
    if mark.meta is not None and mark.meta.unread:
        written = mark.meta.unread
        what = wording(f"日期“{written}”读不出是哪一天", f"the date '{written}' cannot be read")
        yield Doubt(kind=DoubtKind.FIELD, line=article.line, what=what, article=article.title)


def _link_doubts(article: DraftArticle) -> Iterable[Doubt]:
    for link in article.links:
        if link.guessed:
            what = wording(
                f"页末网址按位置归到这一篇，请核对：{link.url}",
                f"an address from the page's end was given to this article by its place; please check: {link.url}",
            )
            yield Doubt(kind=DoubtKind.LINK, line=link.line, what=what, article=article.title)
