"""Addresses that a text layer dumps at the end of a page, and the articles they belong to.

Pure. The words they were linked from are lost, so the owner is found by the place: the article whose sentence
the dump interrupts, the only article of the page, or, for a file, the article of the page that speaks of an
attachment. Where two articles remain, the later one gets the address and the link is marked as guessed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from distributor.content.importers import characters, titles
from distributor.content.importers.lines import Layout, Line
from distributor.content.importers.model import DraftLink
from distributor.content.importers.paragraphs import Paragraph

_FILES = re.compile(r"\.(?:docx?|xlsx?|pptx?|wps|et|pdf|zip|rar|7z|txt|csv|ceb)$", re.IGNORECASE)
_REST_OF_URL = re.compile(r"[A-Za-z0-9%_~.\-/?=&#+:,;]{2,}")
_APPENDIX_NAME = re.compile(r"附\s*件\s*(?:[一二三四五六七八九十\d]{1,2})?\s*[:：.．、]\s*(?P<name>\S.*)")
_LINES_OF_A_PAGE = 80
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRun:
    """Addresses in a row: they stood before the text line at index `position`."""

    position: int
    urls: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """An address and the index of the article it was given to; None when no article stands before it."""

    url: str
    line: int
    owner: int | None
    guessed: bool

    @property
    def is_file(self) -> bool:
        """Whether the address is that of a document to download."""
        return _FILES.search(urlsplit(self.url).path) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """Lines of text, the runs of addresses between them, and the lines that held these."""

    text: tuple[Line, ...]
    runs: tuple[UrlRun, ...]
    taken: tuple[Line, ...]


def take_urls(lines: Sequence[Line]) -> Parted:
    """Part the lines into text and addresses.

    A text line behind a run counts as the first of a page, since dumps stand at page ends.
    """
    text: list[Line] = []
    runs: list[UrlRun] = []
    taken: list[Line] = []
    current: list[tuple[int, str]] = []
    for line in lines:
        if line.is_url:
            current.extend((line.number, url) for url in line.text.split())
            taken.append(line)
        elif current and _goes_on(current[-1][1], line):
            current[-1] = (current[-1][0], current[-1][1] + line.text)
            taken.append(line)
        else:
            if current:
                runs.append(UrlRun(position=len(text), urls=tuple(current)))
            text.append(replace(line, page_start=True) if current else line)
            current = []
    if current:
        runs.append(UrlRun(position=len(text), urls=tuple(current)))
    return Parted(text=tuple(text), runs=tuple(runs), taken=tuple(taken))


@dataclass(frozen=True, slots=True, kw_only=True)
class Articles:
    """The text lines of a layer, and the line indexes of each article, its title included."""

    lines: Sequence[Line]
    layout: Layout
    bodies: Sequence[range]

    def on(self, page: range) -> list[int]:
        """Return the articles that have a line on the page."""
        return [index for index in range(len(self.bodies)) if self.lines_of(index, page)]

    def lines_of(self, article: int, page: range) -> Sequence[Line]:
        """Return the lines of an article that stand on the page."""
        body = self.bodies[article]
        return self.lines[max(body.start, page.start) : min(body.stop, page.stop)]

    def page_before(self, position: int) -> range:
        """Return the lines from the page's start to a position; a page's length of them where none shows.

        Without wrapped lines there are no pages: an address belongs to the line above it.
        """
        if not self.layout.wrapped:
            return range(position - 1, position)
        if not self.layout.paged:
            return range(max(0, position - _LINES_OF_A_PAGE), position)
        start = max((index for index in range(position) if self.lines[index].page_start), default=0)
        return range(start, position)


def find_owners(runs: Sequence[UrlRun], articles: Articles) -> tuple[Owned, ...]:
    """Give each address to an article; one that the article has already is left out.

    Where the place leaves a doubt, a run goes to the article that has others of the same hosts for certain.
    """
    pages = [articles.page_before(run.position) for run in runs]
    owners = [_owners(run, articles, page) for run, page in zip(runs, pages, strict=True)]
    certain: dict[str, set[int]] = {}
    for url, (owner, guessed) in (one for by_url in owners for one in by_url.items()):
        if owner is not None and not guessed:
            certain.setdefault(_host(url), set()).add(owner)
    found: dict[tuple[int | None, str], Owned] = {}
    for run, page, by_url in zip(runs, pages, owners, strict=True):
        at_home = {place for url in by_url for place in certain.get(_host(url), ())} & set(articles.on(page))
        for line, written in run.urls:
            url = _complete(written)
            owner, guessed = by_url[url]
            if guessed and len(at_home) == 1:
                owner, guessed = min(at_home), False
            found.setdefault((owner, url), Owned(url=url, line=line, owner=owner, guessed=guessed))
    return tuple(found.values())


def name_links(owned: Sequence[Owned], paragraphs: Sequence[Paragraph]) -> tuple[DraftLink, ...]:
    """Name the addresses of one article: files by the 附件 lines of its text, pages by themselves."""
    files = [one for one in owned if one.is_file]
    names = _appendix_names(paragraphs, len(files))
    links = []
    for one in owned:
        name = names[files.index(one)] if one in files and names else _name_of(one)
        links.append(DraftLink(url=one.url, name=name, line=one.line, attachment=one.is_file, guessed=one.guessed))
    return tuple(links)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _goes_on(url: str, line: Line) -> bool:
    """Say whether a line is the rest of an address that did not fit."""
    if line.gap > 1 or _REST_OF_URL.fullmatch(line.text) is None or characters.columns(url) < 30:
        return False
    return re.search(r"[/.=?&_%]", line.text) is not None and _FILES.search(url) is None


def _complete(url: str) -> str:
    bare = url.rstrip(".,;)")
    return f"http://{bare}" if bare.lower().startswith("www.") else bare


def _owners(run: UrlRun, articles: Articles, page: range) -> dict[str, tuple[int | None, bool]]:
    """Return for each address of a run the article it belongs to, and whether that is a guess."""
    urls = tuple(dict.fromkeys(_complete(url) for _, url in run.urls))
    candidates = articles.on(page)
    if not candidates:
        return dict.fromkeys(urls, (None, True))
    last = candidates[-1]
    inside = run.position in articles.bodies[last]
    interrupted = inside and not articles.lines[run.position - 1].marked
    longest = max(candidates, key=lambda index: (len(articles.lines_of(index, page)), index))
    likely = last if interrupted or not articles.layout.paged else longest
    sure = not articles.layout.wrapped or (len(candidates) == 1 if articles.layout.paged else inside)
    owners: dict[str, tuple[int | None, bool]] = dict.fromkeys(urls, (likely, not sure))
    files = tuple(url for url in urls if _FILES.search(urlsplit(url).path))
    return owners | _owners_of_files(files, {index: articles.lines_of(index, page) for index in candidates})


def _owners_of_files(
    files: Sequence[str], candidates: Mapping[int, Sequence[Line]]
) -> dict[str, tuple[int | None, bool]]:
    """Give files to the articles that speak of attachments: by their number where it fits, else to the last."""
    suffixes = {PurePosixPath(urlsplit(url).path).suffix.lower() for url in files}
    spoken = {index: _attachments_in(lines, suffixes) for index, lines in candidates.items()}
    speaking = [index for index, count in spoken.items() if count]
    if not speaking:
        return {}
    fitting = [index for index in speaking if spoken[index] == len(files)]
    if len(speaking) == 1 or len(fitting) == 1:
        return dict.fromkeys(files, ((fitting or speaking)[0], False))
    in_order = [index for index in speaking for _ in range(spoken[index])]
    if len(in_order) == len(files):
        return {url: (index, False) for url, index in zip(files, in_order, strict=True)}
    return dict.fromkeys(files, (speaking[-1], True))


def _attachments_in(lines: Sequence[Line], suffixes: Collection[str]) -> int:
    """Count the attachments that lines speak of: those with a file's name, else those with a title, else any."""
    named = sum(any(suffix in line.text.lower() for suffix in suffixes) for line in lines)
    titled = sum(_APPENDIX_NAME.fullmatch(line.text) is not None for line in lines)
    return named or titled or int(any(titles.is_appendix(line.text) for line in lines))


def _appendix_names(paragraphs: Sequence[Paragraph], count: int) -> list[str]:
    written = [paragraph.text for paragraph in paragraphs if titles.is_appendix(paragraph.text)]
    files = [text for text in written if _FILES.search(text)]
    if len(files) == count:
        return files
    named = [match["name"] for text in written if (match := _APPENDIX_NAME.fullmatch(text))]
    return named if len(named) == count else []


def _name_of(one: Owned) -> str:
    parts = urlsplit(one.url)
    if one.is_file:
        return unquote(PurePosixPath(parts.path).name)
    shown = f"{parts.hostname or ''}{parts.path.rstrip('/')}"
    return shown if len(shown) <= _LONGEST_NAME else shown[: _LONGEST_NAME - 1] + "…"
