"""The archive: static pages for every public issue, article and section; published issues enter, files leave.

Which issues are public is the caller's decision. Pages come from templates/site through the one door to Jinja;
links between them are relative, so that the folder reads from a disk, a preview or any base path, while canonical
addresses, feeds and OpenGraph are absolute. No script runs on any page and no style stands in one, so a strict
Content-Security-Policy fits. Same issues and templates, same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import urlsplit

from distributor.identifiers import ArticleId, IssueId, SectionId
from distributor.rendering.archive_views import ArticleView, IssueView, SectionBlock, issue_views, relative_path
from distributor.rendering.colours import section_colours
from distributor.rendering.common import words
from distributor.rendering.feed_entries import Entry, entries_by_id
from distributor.rendering.heads import Head, Heads
from distributor.rendering.masthead import Masthead
from distributor.rendering.model import PublicFile
from distributor.rendering.published import PublishedIssue
from distributor.rendering.templates import Templates
from distributor.rendering.urls import (
    FEEDS_PAGE,
    HOME,
    STYLESHEET,
    article_path,
    file_path,
    issue_path,
    section_feed,
    section_path,
)

LOST = PurePosixPath("404.html")
ICON = PurePosixPath("assets/icon.svg")
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The article before and after in one order; `mark` is the section when that is the order."""

    title: str
    mark: str
    previous: ArticleView | None
    next: ArticleView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """One year of the index: its title and its issues, newest first."""

    title: str
    issues: tuple[IssueView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """Everything that pages are made from; `issues` newest first, `entries` by article or issue id.

    `shared` is what every template sees.
    """

    masthead: Masthead
    templates: Templates
    heads: Heads
    issues: tuple[IssueView, ...]
    entries: Mapping[str, Entry]
    shared: Mapping[str, object]


def build_archive(
    published: Sequence[PublishedIssue], masthead: Masthead, templates: Templates
) -> tuple[PublicFile, ...]:
    """Return every page of the archive, its style sheet, and the files of the issues.

    `published` are the public issues, newest first; without any, the pages say that nothing has appeared yet.
    Raises TemplateError when a site template is wrong. Safe to repeat: the same input gives the same bytes.
    """
    book = _Book(
        masthead=masthead,
        templates=templates,
        heads=Heads(masthead=masthead),
        issues=issue_views(published, masthead),
        entries=entries_by_id(published, masthead),
        shared=_shared(masthead),
    )
    pages = (
        *_front(book),
        *_issues(book),
        *_articles(book),
        *_sections(book),
        _feeds(book),
        _lost(book),
        *_assets(book),
    )
    files = (
        PublicFile(path=file_path(one.issue.id, name), content=content)
        for one in published
        for name, content in sorted(one.files.items())
    )
    return (*pages, *files)


def _front(book: _Book) -> Iterator[PublicFile]:
    spoken = book.masthead.words
    years = tuple(
        Year(title=spoken.year.format(year), issues=tuple(issues))
        for year, issues in groupby(book.issues, key=lambda issue: issue.year)
    )
    yield _page(book, HOME, book.heads.home(), latest=_latest(book), years=years)


def _issues(book: _Book) -> Iterator[PublicFile]:
    for before, issue, after in _with_neighbours(tuple(reversed(book.issues))):
        head = replace(
            book.heads.issue(issue, book.entries[issue.id]),
            previous=before.path if before else "",
            next=after.path if after else "",
        )
        yield _page(book, issue_path(IssueId(issue.id)), head, issue=issue, previous=before, next=after)


def _articles(book: _Book) -> Iterator[PublicFile]:
    spoken = book.masthead.words
    oldest_first = tuple(article for issue in reversed(book.issues) for article in issue.articles)
    in_section = _by_neighbours(oldest_first, spoken.in_this_section, by_section=True)
    for issue in book.issues:
        in_issue = _by_neighbours(issue.articles, spoken.in_this_issue, by_section=False)
        for article in issue.articles:
            order = in_issue[article.id]
            head = replace(
                book.heads.article(article, book.entries[article.id]),
                previous=order.previous.path if order.previous else "",
                next=order.next.path if order.next else "",
            )
            turns = tuple(turn for turn in (order, in_section[article.id]) if turn.previous or turn.next)
            yield _page(book, article_path(ArticleId(article.id)), head, issue=issue, article=article, turns=turns)


def _by_neighbours(articles: Sequence[ArticleView], title: str, *, by_section: bool) -> dict[str, Neighbours]:
    orders: dict[str, list[ArticleView]] = {}
    for article in articles:
        orders.setdefault(article.section if by_section else "", []).append(article)
    return {
        article.id: Neighbours(title=title, mark=mark, previous=before, next=after)
        for mark, order in orders.items()
        for before, article, after in _with_neighbours(order)
    }


def _with_neighbours(things: Sequence[_Thing]) -> Iterator[tuple[_Thing | None, _Thing, _Thing | None]]:
    return zip((None, *things), things, (*things[1:], None), strict=False)


def _sections(book: _Book) -> Iterator[PublicFile]:
    for section in book.masthead.sections:
        blocks = tuple(_of_issue(issue, section.id) for issue in book.issues if _has(issue, section.id))
        articles = sum(len(block.articles) for block in blocks)
        yield _page(
            book,
            section_path(section.id),
            book.heads.section(section.id, section.title),
            section=section,
            blocks=blocks,
            count=book.masthead.words.section_count.format(len(blocks), articles),
            own_feeds=book.heads.feed(section_feed(section.id)),
        )


def _has(issue: IssueView, section: SectionId) -> bool:
    return any(block.id == section for block in issue.blocks)


def _of_issue(issue: IssueView, section: SectionId) -> SectionBlock:
    block = next(block for block in issue.blocks if block.id == section)
    return replace(block, id=issue.id, title=f"{issue.number} {issue.date}", path=f"{issue.path}#{section}")


def _feeds(book: _Book) -> PublicFile:
    return _page(book, FEEDS_PAGE, book.heads.feeds_page(), all_feeds=book.heads.feeds)


def _lost(book: _Book) -> PublicFile:
    # The server answers with this page at any depth: its links start at the base path.
    root = urlsplit(book.masthead.site.base_url).path
    return _page(book, LOST, book.heads.lost(), root=root, latest=_latest(book))


def _assets(book: _Book) -> Iterator[PublicFile]:
    colours = section_colours(book.masthead.sections)
    listed = [{"id": section.id, "colours": colours[section.id]} for section in book.masthead.sections]
    yield PublicFile(path=STYLESHEET, content=book.templates.render("site/site.css", colours=listed).encode())
    yield PublicFile(path=ICON, content=book.templates.read("site/icon.svg").encode())


def _latest(book: _Book) -> IssueView | None:
    return book.issues[0] if book.issues else None


def _page(book: _Book, path: PurePosixPath, head: Head, **values: object) -> PublicFile:
    own: dict[str, object] = {"root": "../" * (len(path.parts) - 1), "head": head}
    html = book.templates.render(f"site/{_template(path)}", **{**book.shared, **own, **values})
    return PublicFile(path=path, content=html.encode())


def _template(path: PurePosixPath) -> str:
    folder = {"issues": "issue.html", "articles": "article.html", "sections": "section.html"}
    return folder.get(path.parts[0], path.name)


def _shared(masthead: Masthead) -> dict[str, object]:
    return {
        "language": masthead.language,
        "publication": masthead.publication.name,
        "organisation": masthead.publication.organisation,
        "address": masthead.publication.address,
        "words": words(masthead.language),
        "more": masthead.words,
        "stylesheet": STYLESHEET.as_posix(),
        "icon": ICON.as_posix(),
        "navigation": [
            {"id": section.id, "title": section.title, "path": relative_path(section_path(section.id), masthead)}
            for section in masthead.sections
        ],
    }
