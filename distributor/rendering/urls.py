"""Where published things live: paths below var/public, and the absolute URLs of the same things.

Pure. A base URL and an identifier enter, a path or an absolute URL leaves; nothing that leaves the house may be
relative, because mail has no base and feed readers differ on xml:base. Feed ids are tag: URIs (RFC 4151), which
outlive every move of the site.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from distributor.config.model import Publication
from distributor.identifiers import ArticleId, IssueId, SectionId, tag_uri

FeedFormat = Literal["atom", "rss", "json"]
FEED_FORMATS: tuple[FeedFormat, ...] = ("atom", "rss", "json")
ALL_ARTICLES = "all"
ISSUES = "issues"
HOME = PurePosixPath("index.html")
FEEDS_PAGE = PurePosixPath("feeds.html")
STYLESHEET = PurePosixPath("assets/site.css")
_SAFE_IN_PATH = "/~!$&'()*+,;=:@"


def issue_path(issue: IssueId) -> PurePosixPath:
    """Return issues/2015-055.html."""
    return PurePosixPath("issues") / f"{issue}.html"


def article_path(article: ArticleId) -> PurePosixPath:
    """Return articles/2015-055-a04.html."""
    return PurePosixPath("articles") / f"{article}.html"


def section_path(section: SectionId) -> PurePosixPath:
    """Return sections/policy.html."""
    return PurePosixPath("sections") / f"{section}.html"


def file_path(issue: IssueId, file: PurePosixPath) -> PurePosixPath:
    """Return issues/2015-055/images/ccer.png for a file named relative to its issue folder."""
    return PurePosixPath("issues") / issue / file


def feed_path(name: str, form: FeedFormat) -> PurePosixPath:
    """Return feeds/section-policy.atom; `name` is `all`, `issues` or what `section_feed` gives."""
    return PurePosixPath("feeds") / f"{name}.{form}"


def section_feed(section: SectionId) -> str:
    """Return the name of one section's feed, section-policy."""
    return f"section-{section}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The public address of the publication; every method returns an absolute ASCII URL.

    `base_url` is http or https, with or without a path (a missing closing slash is added, a host outside ASCII
    becomes A-labels); a query or fragment in it is dropped. `founded` is the date in tag: URIs.
    """

    base_url: str
    founded: dt.date

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _normal_base(self.base_url))

    @property
    def authority(self) -> str:
        """The host of the base URL without port, the authority of tag: URIs and Content-IDs."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def home_url(self) -> str:
        """The first page: the base URL itself."""
        return self.base_url

    @property
    def feeds_page_url(self) -> str:
        """The page that lists every feed."""
        return self.url(FEEDS_PAGE)

    def url(self, path: PurePosixPath) -> str:
        """Return the URL of a path below var/public, percent-encoded (RFC 3986 §2.1)."""
        return self.base_url + quote(path.as_posix(), safe=_SAFE_IN_PATH)

    def issue_url(self, issue: IssueId) -> str:
        """Return the URL of an issue's page; `#<section id>` on it is that section."""
        return self.url(issue_path(issue))

    def issue_section_url(self, issue: IssueId, section: SectionId) -> str:
        """Return the URL of one section on an issue's page."""
        return f"{self.issue_url(issue)}#{section}"

    def article_url(self, article: ArticleId) -> str:
        """Return the permalink of an article."""
        return self.url(article_path(article))

    def section_url(self, section: SectionId) -> str:
        """Return the URL of a section's page over all issues."""
        return self.url(section_path(section))

    def file_url(self, issue: IssueId, file: PurePosixPath) -> str:
        """Return the URL of an attachment or picture; `file` is relative to the issue folder."""
        return self.url(file_path(issue, file))

    def feed_url(self, name: str, form: FeedFormat) -> str:
        """Return the URL of a feed; `name` is `all`, `issues` or what `section_feed` gives."""
        return self.url(feed_path(name, form))

    def unsubscribe_url(self, token: str) -> str:
        """Return the page where one reader ends the subscription; `token` is theirs or its placeholder."""
        return f"{self.base_url}unsubscribe/{token}"

    def preferences_url(self, token: str) -> str:
        """Return the page where one reader chooses sections; `token` is theirs or its placeholder."""
        return f"{self.base_url}preferences/{token}"

    def tag(self, specific: str) -> str:
        """Return the feed id of what `specific` names, e.g. tag:news.example.com,2015-01-01:2015-055-a04."""
        return tag_uri(authority=self.authority, founded=self.founded, specific=specific)


def site_of(publication: Publication) -> Site:
    """Return the site of a publication as configured; raises ValueError when base_url is no web address."""
    return Site(base_url=publication.base_url, founded=publication.founded)


def _normal_base(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"base_url {text!r} is no http or https address")
    host = parts.hostname.encode("idna").decode("ascii") if not parts.hostname.isascii() else parts.hostname
    bracketed = f"[{host}]" if ":" in host else host
    netloc = bracketed if parts.port is None else f"{bracketed}:{parts.port}"
    path = quote(parts.path.rstrip("/") + "/", safe=_SAFE_IN_PATH + "%")
    return urlunsplit((parts.scheme, netloc, path, "", ""))
