"""What stands in a page's head: title, canonical address, feeds, neighbours, OpenGraph and JSON-LD.

Pure. Views enter, heads leave. The nearest feed stands first, because readers offer the first they find; within a
feed Atom comes before RSS and JSON. Everything in a head is absolute but the neighbours, which count from the
public folder.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from distributor.identifiers import ArticleId, IssueId, SectionId
from distributor.rendering.archive_views import ArticleView, IssueView, relative_path
from distributor.rendering.feed_entries import Entry
from distributor.rendering.feeds import MEDIA_TYPES
from distributor.rendering.masthead import Masthead
from distributor.rendering.templates import trusted
from distributor.rendering.urls import ALL_ARTICLES, FEED_FORMATS, ISSUES, feed_path, section_feed

_FORM_NAMES = {"atom": "Atom", "rss": "RSS", "json": "JSON"}
_SCHEMA = "https://schema.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedForm:
    """One format of one feed: Atom, RSS or JSON, where it is, and what type it has."""

    form: str
    title: str
    media_type: str
    url: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """One feed as the feeds page shows it; `mark` is the section that it belongs to, else its name."""

    name: str
    label: str
    about: str
    mark: str
    forms: tuple[FeedForm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A page's head. `current` names the section (or `feeds`) that the page belongs to; "" stands for none."""

    title: str
    heading: str
    canonical: str
    description: str = ""
    kind: str = "website"
    home: bool = False
    current: str = ""
    feeds: tuple[FeedForm, ...] = ()
    previous: str = ""
    next: str = ""
    picture: str = ""
    published: str = ""
    modified: str = ""
    section: str = ""
    json_ld: str = ""


def feed_views(masthead: Masthead) -> tuple[FeedView, ...]:
    """Return every feed: all articles, by issue, then the sections in reading order."""
    name, spoken = masthead.publication.name, masthead.words
    return (
        _feed(ALL_ARTICLES, spoken.all_articles, (name, spoken.all_about.format(name)), masthead),
        _feed(ISSUES, spoken.by_issue, (spoken.issues_title.format(name), spoken.issues_about.format(name)), masthead),
        *(
            _feed(
                section_feed(section.id),
                section.title,
                (spoken.section_title.format(name, section.title), spoken.section_about.format(name, section.title)),
                masthead,
            )
            for section in masthead.sections
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Heads:
    """The heads of all pages of one publication; its feeds are worked out once."""

    masthead: Masthead

    @cached_property
    def feeds(self) -> tuple[FeedView, ...]:
        """Every feed, as `feed_views` orders them."""
        return feed_views(self.masthead)

    def home(self) -> Head:
        """Return the head of the first page."""
        name, site = self.masthead.publication.name, self.masthead.site
        return Head(
            title=name,
            heading=name,
            canonical=site.home_url,
            description=self.masthead.words.all_about.format(name),
            home=True,
            feeds=self._nearest_first(ALL_ARTICLES, ISSUES),
            json_ld=_json_ld({"@type": "Periodical", **_periodical(self.masthead)}),
        )

    def issue(self, issue: IssueView, entry: Entry) -> Head:
        """Return the head of an issue's page; the caller adds the neighbours."""
        return Head(
            title=f"{issue.title} - {self.masthead.publication.name}",
            heading=issue.title,
            canonical=self.masthead.site.issue_url(IssueId(issue.id)),
            description=entry.summary,
            feeds=self._nearest_first(ISSUES, ALL_ARTICLES),
            json_ld=_json_ld(
                {
                    "@type": "PublicationIssue",
                    "name": issue.title,
                    "url": entry.url,
                    "datePublished": issue.iso_date,
                    "inLanguage": self.masthead.language,
                    "isPartOf": {"@type": "Periodical", **_periodical(self.masthead)},
                }
            ),
        )

    def article(self, article: ArticleView, entry: Entry) -> Head:
        """Return the head of an article's page; the caller adds the neighbours."""
        return Head(
            title=f"{article.title} - {self.masthead.publication.name}",
            heading=article.title,
            canonical=self.masthead.site.article_url(ArticleId(article.id)),
            description=entry.summary,
            kind="article",
            current=article.section,
            feeds=self._nearest_first(section_feed(article.section), ALL_ARTICLES),
            picture=entry.picture,
            published=entry.published.isoformat(),
            modified=entry.updated.isoformat(),
            section=article.section_title,
            json_ld=_json_ld(_news_article(article, entry, self.masthead)),
        )

    def section(self, section: SectionId, title: str) -> Head:
        """Return the head of a section's page."""
        name = self.masthead.publication.name
        return Head(
            title=f"{title} - {name}",
            heading=title,
            canonical=self.masthead.site.section_url(section),
            description=self.masthead.words.section_about.format(name, title),
            current=section,
            feeds=self._nearest_first(section_feed(section), ALL_ARTICLES),
        )

    def feeds_page(self) -> Head:
        """Return the head of the page that lists every feed."""
        heading = self.masthead.words.feeds_heading
        return Head(
            title=f"{heading} - {self.masthead.publication.name}",
            heading=heading,
            canonical=self.masthead.site.feeds_page_url,
            description=self.masthead.words.feeds_lead,
            current="feeds",
            feeds=tuple(form for feed in self.feeds for form in feed.forms),
        )

    def lost(self) -> Head:
        """Return the head of the 404 page, which stands at every address that is none, and so has no canonical one."""
        heading = self.masthead.words.lost
        return Head(title=f"{heading} - {self.masthead.publication.name}", heading=heading, canonical="")

    def feed(self, name: str) -> tuple[FeedForm, ...]:
        """Return the forms of one feed; none for a section that left the configuration."""
        return next((feed.forms for feed in self.feeds if feed.name == name), ())

    def _nearest_first(self, *names: str) -> tuple[FeedForm, ...]:
        return tuple(form for name in names for form in self.feed(name))


def _feed(name: str, label: str, texts: tuple[str, str], masthead: Masthead) -> FeedView:
    title, about = texts
    return FeedView(
        name=name,
        label=label,
        about=about,
        mark=name.removeprefix("section-"),
        forms=tuple(_forms(name, title, masthead)),
    )


def _forms(name: str, title: str, masthead: Masthead) -> Iterator[FeedForm]:
    for form in FEED_FORMATS:
        yield FeedForm(
            form=_FORM_NAMES[form],
            title=f"{title} ({_FORM_NAMES[form]})",
            media_type=MEDIA_TYPES[form],
            url=masthead.site.feed_url(name, form),
            path=relative_path(feed_path(name, form), masthead),
        )


def _periodical(masthead: Masthead) -> Mapping[str, Any]:
    return {
        "name": masthead.publication.name,
        "url": masthead.site.home_url,
        "inLanguage": masthead.language,
        "publisher": {"@type": "Organization", "name": masthead.publisher},
    }


def _news_article(article: ArticleView, entry: Entry, masthead: Masthead) -> Mapping[str, Any]:
    optional = {"isBasedOn": list(entry.sources), "image": entry.picture, "correction": _comments(article)}
    return {
        "@type": "NewsArticle",
        "headline": article.title,
        "description": entry.summary,
        "url": entry.url,
        "mainEntityOfPage": entry.url,
        "datePublished": entry.published.isoformat(),
        "dateModified": entry.updated.isoformat(),
        "articleSection": article.section_title,
        "inLanguage": masthead.language,
        "author": {"@type": "Organization", "name": entry.author},
        "publisher": {"@type": "Organization", "name": masthead.publisher},
        "isPartOf": {"@type": "Periodical", "name": masthead.publication.name},
        **{key: value for key, value in optional.items() if value},
    }


def _comments(article: ArticleView) -> list[Mapping[str, str]]:
    return [
        {"@type": "CorrectionComment", "text": one.note, "datePublished": one.iso_date} for one in article.corrections
    ]


def _json_ld(value: Mapping[str, Any]) -> str:
    written = json.dumps({"@context": _SCHEMA, **value}, ensure_ascii=False)
    # Inside a script element only `<` can end it early (HTML §4.12.1.3); in JSON it may be written by its number.
    return trusted(written.replace("<", "\\u003c"))
