"""What the archive's templates see: plain values for issues, articles, sections and feeds, in words ready to print.

Pure. Published issues enter, views leave. Paths in a view count from the public folder (`issues/2015-055.html`);
templates put `root` before them, so the folder can be read from a disk, a preview or under any base path.
"""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from distributor.content.model import Article, Chart, Issue, Picture
from distributor.identifiers import IssueId, SectionId
from distributor.rendering import charts
from distributor.rendering.article_html import (
    DEEPER_IN_AN_ISSUE,
    Frame,
    body_to_html,
    chart_table,
    size_text,
    target_of,
)
from distributor.rendering.common import (
    CorrectionWords,
    corrections,
    count_text,
    date_text,
    meta_text,
    missing_text,
    number_text,
    weekday_text,
)
from distributor.rendering.feed_entries import issue_title
from distributor.rendering.leads import lead_text
from distributor.rendering.masthead import Masthead
from distributor.rendering.published import PublishedIssue
from distributor.rendering.templates import trusted
from distributor.rendering.urls import article_path, file_path, issue_path, section_path

_HEADLINES = 3
_UP = "../"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """A link with its words; `size` is 12 KB for a file of ours, empty elsewhere; `url` is ready for an href."""

    name: str
    url: str
    size: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleView:
    """An article on a page one folder deep. `body` stands under h1, `nested_body` under h3; both are safe HTML."""

    id: str
    title: str
    path: str
    section: SectionId
    section_title: str
    section_path: str
    meta: str
    date: str
    iso_date: str
    source: str
    lead: str
    body: str = field(repr=False)
    nested_body: str = field(repr=False)
    corrections: tuple[CorrectionWords, ...]
    missing: str
    links: tuple[LinkView, ...]
    files: tuple[LinkView, ...]
    picture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionBlock:
    """One section within an issue, or one issue within a section: its articles under a heading."""

    id: str
    title: str
    path: str
    count: str
    articles: tuple[ArticleView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueView:
    """An issue in words: 总第55期, its date, its sections with articles; `headlines` names the first articles."""

    id: str
    path: str
    title: str
    subject: str
    number: str
    date: str
    weekday: str
    iso_date: str
    year: int
    lead: str
    count: str
    blocks: tuple[SectionBlock, ...]
    headlines: str

    @property
    def articles(self) -> tuple[ArticleView, ...]:
        """The articles in reading order."""
        return tuple(article for block in self.blocks for article in block.articles)


def issue_views(published: Sequence[PublishedIssue], masthead: Masthead) -> tuple[IssueView, ...]:
    """Return a view of each issue, in the order given."""
    return tuple(_issue(one, masthead) for one in published)


def relative_path(path: PurePosixPath, masthead: Masthead) -> str:
    """Return a public path percent-encoded, as it stands in an href behind `root`."""
    return masthead.site.url(path).removeprefix(masthead.site.base_url)


def _issue(published: PublishedIssue, masthead: Masthead) -> IssueView:
    issue, language = published.issue, masthead.language
    blocks = tuple(_block(section, published, masthead) for section in issue.sections)
    return IssueView(
        id=issue.id,
        path=relative_path(issue_path(issue.id), masthead),
        title=issue_title(issue, masthead),
        subject=issue.subject or issue_title(issue, masthead),
        number=number_text(issue.number, language),
        date=date_text(issue.date, language),
        weekday=weekday_text(issue.date, language),
        iso_date=issue.date.isoformat(),
        year=issue.date.year,
        lead=issue.lead,
        count=count_text(len(issue.articles), language),
        blocks=blocks,
        headlines=masthead.words.between.join(block.articles[0].title for block in blocks[:_HEADLINES]),
    )


def _block(section: SectionId, published: PublishedIssue, masthead: Masthead) -> SectionBlock:
    articles = published.issue.in_section(section)
    return SectionBlock(
        id=section,
        title=masthead.title_of(section),
        path=relative_path(section_path(section), masthead),
        count=count_text(len(articles), masthead.language),
        articles=tuple(_article(article, published, masthead) for article in articles),
    )


def _article(article: Article, published: PublishedIssue, masthead: Masthead) -> ArticleView:
    issue, language = published.issue, masthead.language
    frame = _page_frame(issue.id, masthead)
    nested = _page_frame(issue.id, masthead, shift=DEEPER_IN_AN_ISSUE)
    return ArticleView(
        id=article.id,
        title=article.title,
        path=relative_path(article_path(article.id), masthead),
        section=article.section,
        section_title=masthead.title_of(article.section),
        section_path=relative_path(section_path(article.section), masthead),
        meta=meta_text(article, language),
        date=date_text(article.date, language) if article.date else "",
        iso_date=article.date.isoformat() if article.date else "",
        source=article.source,
        lead=lead_text(article),
        body=trusted(body_to_html(article.body, frame)),
        nested_body=trusted(body_to_html(article.body, nested)),
        corrections=corrections(article, language),
        missing=missing_text(article, language),
        links=tuple(LinkView(name=link.name, url=target_of(link, frame)) for link in article.links),
        files=tuple(_files(article, published, frame)),
        picture=_picture(article, issue, masthead),
    )


def _files(article: Article, published: PublishedIssue, frame: Frame) -> Iterator[LinkView]:
    for reference in article.attachments:
        size = "" if reference.file is None else size_text(len(published.files[reference.file]))
        yield LinkView(name=reference.name, url=target_of(reference, frame), size=size)


def _picture(article: Article, issue: Issue, masthead: Masthead) -> str:
    pictures = (block for block in article.body.blocks if isinstance(block, Picture))
    first = next(pictures, None)
    return masthead.site.file_url(issue.id, first.file) if first else ""


def _page_frame(issue: IssueId, masthead: Masthead, *, shift: int = 0) -> Frame:
    label = masthead.words.scroll_table
    return Frame(
        language=masthead.language,
        file_url=lambda file: _UP + relative_path(file_path(issue, file), masthead),
        chart=lambda chart, frame: _drawn(chart, frame, masthead),
        # A wide table scrolls by itself; a keyboard must be able to reach what scrolls.
        table=lambda table: f'<div class="table" role="region" aria-label="{label}" tabindex="0">{table}</div>',
        shift=shift,
    )


def _drawn(chart: Chart, frame: Frame, masthead: Masthead) -> str:
    spoken = masthead.words
    caption = f"<figcaption>{html.escape(chart.caption)}</figcaption>" if chart.caption else ""
    drawing = charts.chart_to_svg(chart, chart.caption or chart.y_title)
    return (
        f'<figure class="chart">{caption}'
        f'<div class="plot" role="region" aria-label="{spoken.scroll_chart}" tabindex="0">{drawing}</div>'
        f"<details><summary>{spoken.show_figures}</summary>{chart_table(replace(chart, caption=''), frame)}"
        f'<p><a href="{frame.file_url(chart.file)}" download>{spoken.download_figures}</a></p></details></figure>'
    )
