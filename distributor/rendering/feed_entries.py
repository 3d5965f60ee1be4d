"""Feeds as values, before any format: which feeds there are, what each entry holds, and when it is dated.

Pure. Published issues enter, channels with entries leave; Atom, RSS and JSON are three ways of writing the same
channel (RFC 4287, RSS 2.0, JSON Feed 1.1), so that ids, dates and texts agree. An article has one id in every feed.
Readers sort by date, and the W3C validator warns of two equal `updated`: the articles of one issue are a second
apart, the first of the issue the latest. Only `updated` in an article's file moves an entry's `updated`, and with it
that of the entry of its issue, which holds the article.
"""

import datetime as dt
import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from distributor.content.model import Article, Issue, Picture
from distributor.errors import InputError
from distributor.identifiers import SectionId
from distributor.problems import Problem, wording
from distributor.rendering.article_html import DEEPER_IN_AN_ISSUE, article_to_html, feed_frame, to_uri
from distributor.rendering.common import count_text, number_text, words
from distributor.rendering.leads import lead_text
from distributor.rendering.masthead import Masthead
from distributor.rendering.media_types import media_type
from distributor.rendering.published import PublishedIssue
from distributor.rendering.urls import ALL_ARTICLES, ISSUES, section_feed

ISSUES_IN_A_FEED = 5
"""Older issues are in the archive; readers poll hourly, and five issues hold about 110 full articles."""

# Issues of one date lie ten minutes apart by number, so that no two entries of neighbouring issues coincide.
_BETWEEN_ISSUES = dt.timedelta(minutes=10)
_ILLEGAL_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A section as a feed category: its title for people, a tag: URI that never changes for programs."""

    title: str
    scheme: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file that belongs to an entry, by absolute URL; `length` is bytes."""

    url: str
    title: str
    media_type: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: an article, or a whole issue. `html` is bare and complete, `summary` one line of plain text.

    `sources` are the URLs that it was made from, the original first; moments are aware, in the publication's zone.
    """

    id: str
    url: str
    title: str
    html: str = field(repr=False)
    summary: str = field(repr=False)
    author: str
    published: dt.datetime
    updated: dt.datetime
    categories: tuple[Category, ...]
    sources: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One feed in whatever format: `name` as in its file name, entries newest first, `page` its web page."""

    name: str
    id: str
    title: str
    about: str
    page: str
    updated: dt.datetime
    entries: tuple[Entry, ...]


def channels(published: Sequence[PublishedIssue], masthead: Masthead) -> tuple[Channel, ...]:
    """Return every feed of the publication, from the newest issues, which come first in `published`.

    All articles, then one per configured section (also a section without articles), then one entry per issue.
    Raises InputError when a text holds a character that XML cannot carry.
    """
    recent = published[:ISSUES_IN_A_FEED]
    pairs = [(one.issue, _article_entries(one, masthead)) for one in recent]
    everything = tuple(entry for _, entries in pairs for entry in entries.values())
    by_issue = tuple(_issue_entry(one, masthead, dated) for one, (_, dated) in zip(recent, pairs, strict=True))
    _refuse_illegal((*everything, *by_issue))
    articles = [(issue, article) for issue, _ in pairs for article in issue.articles]
    spoken, name = masthead.words, masthead.publication.name
    made = [_channel(masthead, ALL_ARTICLES, (name, spoken.all_about.format(name)), everything)]
    for section in masthead.sections:
        title = spoken.section_title.format(name, section.title)
        about = spoken.section_about.format(name, section.title)
        own = (entry for entry, (_, article) in zip(everything, articles, strict=True) if article.section == section.id)
        made.append(_channel(masthead, section_feed(section.id), (title, about), own, section.id))
    titles = (spoken.issues_title.format(name), spoken.issues_about.format(name))
    return (*made, _channel(masthead, ISSUES, titles, by_issue))


def entries_by_id(published: Iterable[PublishedIssue], masthead: Masthead) -> dict[str, Entry]:
    """Return the entry of every article and every issue, by its id; the pages take their dates and words from it."""
    found: dict[str, Entry] = {}
    for one in published:
        dated = _article_entries(one, masthead)
        found |= dated
        found[one.issue.id] = _issue_entry(one, masthead, dated)
    return found


def _channel(
    masthead: Masthead,
    name: str,
    texts: tuple[str, str],
    entries: Iterable[Entry],
    section: SectionId | None = None,
) -> Channel:
    ordered = tuple(entries)
    site = masthead.site
    founded = dt.datetime.combine(masthead.publication.founded, dt.time(), masthead.zone)
    return Channel(
        name=name,
        id=site.tag(name),
        title=texts[0],
        about=texts[1],
        page=site.section_url(section) if section else site.home_url,
        updated=max((entry.updated for entry in ordered), default=founded),
        entries=ordered,
    )


def entry_moment(issue: Issue, place: int, on: dt.date, masthead: Masthead) -> dt.datetime:
    """Return the moment on day `on` that belongs to the article at `place` (from 0) of the issue.

    Local midnight, ten minutes for each step of the issue's number modulo ten, and one second for each article
    that follows: distinct within an issue and among neighbouring issues, and the same in every build.
    """
    midnight = dt.datetime.combine(on, dt.time(), masthead.zone)
    return midnight + _BETWEEN_ISSUES * (issue.number % 10) + _among(issue, place)


def _among(issue: Issue, place: int) -> dt.timedelta:
    return dt.timedelta(seconds=len(issue.articles) - 1 - place)


def _updated(issue: Issue, place: int, article: Article, masthead: Masthead) -> dt.datetime:
    """Return the moment of the last change: its minute where that is known, else the one that belongs to its day."""
    if article.updated is None or article.updated_time is None:
        return entry_moment(issue, place, article.updated or issue.date, masthead)
    return dt.datetime.combine(article.updated, article.updated_time, masthead.zone) + _among(issue, place)


def _article_entries(published: PublishedIssue, masthead: Masthead) -> dict[str, Entry]:
    return {
        article.id: _article_entry(published, place, article, masthead)
        for place, article in enumerate(published.issue.articles)
    }


def _article_entry(published: PublishedIssue, place: int, article: Article, masthead: Masthead) -> Entry:
    issue, site = published.issue, masthead.site
    moment = entry_moment(issue, place, issue.date, masthead)
    files = (reference for reference in article.attachments if reference.file is not None)
    pictures = (block for block in article.body.blocks if isinstance(block, Picture))
    first = next(pictures, None)
    return Entry(
        id=site.tag(article.id),
        url=site.article_url(article.id),
        title=article.title,
        html=_never_empty(article_to_html(article, feed_frame(masthead, issue.id)), article.section, masthead),
        summary=lead_text(article) or article.title,
        author=article.source or masthead.publisher,
        published=moment,
        updated=max(moment, _updated(issue, place, article, masthead)),
        categories=(_category(article.section, masthead),),
        sources=tuple(to_uri(link.url) for link in article.links if link.url),
        enclosures=tuple(
            Enclosure(
                url=site.file_url(issue.id, reference.file),
                title=reference.name,
                media_type=media_type(reference.file),
                length=len(published.files[reference.file]),
            )
            for reference in files
            if reference.file is not None
        ),
        picture=site.file_url(issue.id, first.file) if first else "",
    )


def _issue_entry(published: PublishedIssue, masthead: Masthead, dated: dict[str, Entry]) -> Entry:
    issue, site = published.issue, masthead.site
    moment = entry_moment(issue, 0, issue.date, masthead)
    return Entry(
        id=site.tag(issue.id),
        url=site.issue_url(issue.id),
        title=issue_title(issue, masthead),
        html=_issue_html(issue, masthead),
        summary=issue.lead or issue_title(issue, masthead),
        author=masthead.publisher,
        published=moment,
        updated=max((entry.updated for entry in dated.values()), default=moment),
        categories=tuple(_category(section, masthead) for section in issue.sections),
    )


def issue_title(issue: Issue, masthead: Masthead) -> str:
    """Return 总第55期：its subject, or the publication's name and the number where it has no subject."""
    number = number_text(issue.number, masthead.language)
    if issue.subject:
        return f"{number}{words(masthead.language).colon}{issue.subject}"
    return f"{masthead.publication.name} {number}"


def _issue_html(issue: Issue, masthead: Masthead) -> str:
    spoken, site = words(masthead.language), masthead.site
    frame = feed_frame(masthead, issue.id, shift=DEEPER_IN_AN_ISSUE)
    lines = [f"<p>{html.escape(issue.lead)}</p>"] if issue.lead else []
    lines.append(f"<h2>{html.escape(spoken.contents)}</h2>")
    lines.extend(_contents(issue, masthead))
    for section in issue.sections:
        lines.append(f"<h2>{html.escape(masthead.title_of(section))}</h2>")
        for article in issue.in_section(section):
            url = html.escape(site.article_url(article.id))
            lines.append(f'<h3><a href="{url}">{html.escape(article.title)}</a></h3>')
            lines.append(article_to_html(article, frame))
    return "\n".join(lines)


def _contents(issue: Issue, masthead: Masthead) -> Iterable[str]:
    for section in issue.sections:
        articles = issue.in_section(section)
        count = count_text(len(articles), masthead.language)
        yield f"<p><strong>{html.escape(masthead.title_of(section))}</strong> {count}</p>"
        titles = (
            f'<li><a href="{html.escape(masthead.site.article_url(article.id))}">{html.escape(article.title)}</a></li>'
            for article in articles
        )
        yield f"<ul>{''.join(titles)}</ul>"


def _category(section: SectionId, masthead: Masthead) -> Category:
    return Category(title=masthead.title_of(section), scheme=masthead.site.tag(section_feed(section)))


def _never_empty(body: str, section: SectionId, masthead: Masthead) -> str:
    # An announcement may have a title only; an empty content element draws a warning and looks broken.
    return body or f"<p>{html.escape(masthead.title_of(section))}</p>"


def _refuse_illegal(entries: Iterable[Entry]) -> None:
    problems = [
        Problem(
            path=entry.url,
            line=None,
            what=wording("文字里有 XML 不允许的控制字符", "the text holds a character that XML cannot carry"),
            remedy=wording("在文章里删去这个字符", "remove that character from the article"),
        )
        for entry in entries
        if _ILLEGAL_IN_XML.search(f"{entry.title}{entry.summary}{entry.author}{entry.html}")
    ]
    if problems:
        raise InputError(wording("订阅源没有生成。", "No feed was made."), problems=problems)
