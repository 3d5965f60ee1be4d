"""Set the articles of one issue for its mails, each length once, however many editions hold them.

Pure. An issue and cuts enter, the sections that templates show leave. An article that a cut names gives way to its
lead and a link that names it; one without a body has nothing to give.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from distributor.config.model import Section
from distributor.content.model import Article, Issue, Reference
from distributor.editions import Edition
from distributor.identifiers import ArticleId, SectionId
from distributor.rendering import common, mailbody
from distributor.rendering.article_html import to_uri
from distributor.rendering.colours import DEFAULT_COLOURS, colours_of, section_colours
from distributor.rendering.fitting import Cuts
from distributor.rendering.leads import LEAD_CHARACTERS, opening
from distributor.rendering.mailbody import MailFrame
from distributor.rendering.mailview import MailArticle, MailReference, MailSection
from distributor.rendering.templates import trusted

_Length = tuple[ArticleId, int | None]
"""An article, and the characters of its lead; None is the whole body."""

_WORTH_CUTTING = 450
"""Bytes, some 150 characters: less is eaten up by the link to the rest, and the reader has lost the end."""

_MOST_OF_AN_ARTICLE = 0.6


class ArticleSetter:
    """Sets the articles of one issue; remembers what it has set."""

    def __init__(self, issue: Issue, sections: Iterable[Section], frame: MailFrame) -> None:
        self._issue = issue
        self._frame = frame
        self._words = common.words(frame.language)
        configured = tuple(sections)
        self._titles = {section.id: section.title for section in configured}
        self._colours = section_colours(configured)
        # Two memories: most lengths are measured as HTML and never become text.
        self._html: dict[_Length, str] = {}
        self._text: dict[_Length, str] = {}

    def savings(self, articles: Iterable[Article]) -> Mapping[ArticleId, int]:
        """Return the articles long enough to give way to a lead, with the bytes that roughly saves."""
        sizes = {article.id: (self._size(article, None), self._size(article, LEAD_CHARACTERS)) for article in articles}
        return {name: whole - lead for name, (whole, lead) in sizes.items() if whole - lead > _WORTH_CUTTING}

    def sections(self, edition: Edition, cuts: Cuts) -> tuple[MailSection, ...]:
        """Return the edition's sections with their articles, numbered through."""
        numbers = {article.id: number for number, article in enumerate(edition.articles, start=1)}
        return tuple(
            self._section(
                section, [self._article(one, numbers[one.id], cuts) for one in self._issue.in_section(section)]
            )
            for section in edition.sections
        )

    def _section(self, section: SectionId, articles: Sequence[MailArticle]) -> MailSection:
        return MailSection(
            id=section,
            title=self._titles.get(section, section),
            count=common.count_text(len(articles), self._frame.language),
            url=self._frame.site.issue_section_url(self._issue.id, section),
            colours=self._colours.get(section) or colours_of(DEFAULT_COLOURS[0]),
            articles=tuple(articles),
        )

    def _article(self, article: Article, number: int, cuts: Cuts) -> MailArticle:
        length = (article.id, cuts.characters if article.id in cuts.leads else None)
        cut_short = length[1] is not None and not cuts.titles_only
        return MailArticle(
            id=article.id,
            number=number,
            title=article.title,
            url=self._frame.site.article_url(article.id),
            meta=common.meta_text(article, self._frame.language),
            html=trusted("" if cuts.titles_only else self._as_html(article, length)),
            text="" if cuts.titles_only else self._as_text(article, length),
            more=self._words.continue_reading.format(article.title) if cut_short else "",
            corrections=tuple(self._corrections(article)),
            missing=common.missing_text(article, self._frame.language),
            links=self._references(article.links),
            attachments=self._references(article.attachments),
        )

    def _corrections(self, article: Article) -> Iterator[str]:
        for one in common.corrections(article, self._frame.language):
            yield f"{one.label}{self._words.colon}{one.note}"

    def _references(self, references: Sequence[Reference]) -> tuple[MailReference, ...]:
        return tuple(MailReference(name=reference.name, url=self._target(reference)) for reference in references)

    def _target(self, reference: Reference) -> str:
        if reference.file is not None:
            return self._frame.site.file_url(self._issue.id, reference.file)
        return to_uri(reference.url or "")

    def _size(self, article: Article, characters: int | None) -> int:
        return len(self._as_html(article, (article.id, characters)).encode())

    def _as_html(self, article: Article, length: _Length) -> str:
        if length not in self._html:
            lead = self._lead(article, length)
            html = mailbody.body_to_html(article, self._frame) if lead is None else mailbody.lead_to_html(lead)
            self._html[length] = html
        return self._html[length]

    def _as_text(self, article: Article, length: _Length) -> str:
        if length not in self._text:
            lead = self._lead(article, length)
            text = mailbody.body_to_text(article, self._frame) if lead is None else mailbody.lead_to_text(lead)
            self._text[length] = text
        return self._text[length]

    def _lead(self, article: Article, length: _Length) -> tuple[str, ...] | None:
        _, characters = length
        if characters is None:
            return None
        most = characters if article.summary else int(article.body.characters * _MOST_OF_AN_ARTICLE)
        return opening(article, min(characters, most))
