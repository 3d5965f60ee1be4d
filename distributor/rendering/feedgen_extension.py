"""The one extension pair that mends feedgen 1.0.0; lxml trees enter by feedgen's hooks and leave whole.

feedgen drops every attribute of an entry's links (its issues 135 and 143), writes no author into RSS without an
e-mail address, has no way to mark a text construct as HTML, and formats RFC 2822 dates by switching the locale of
the whole process, which other threads would notice. So links, RSS dates and RSS authors never go through feedgen:
the pair below writes them (RFC 4287 §4.2.7, RSS 2.0). tests/rendering/test_feedgen_extension.py fails on the day
feedgen mends itself, so that this file can go.
"""

import html
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from lxml import etree

_ATOM = "http://www.w3.org/2005/Atom"
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_MARKUP = re.compile(r"[&<]")
_PLAIN_ELEMENTS = re.compile(rb"<(title|category|dc:creator)(?: [^>]*)?>[^<]*")
_CHANNEL_DESCRIPTION = re.compile(rb"<description>[^<]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomLink:
    """One atom:link with all its attributes; `length` is bytes, `href` absolute."""

    href: str
    rel: str
    type: str = ""
    hreflang: str = ""
    title: str = ""
    length: int | None = None


class UnsetMoment(datetime):
    """A moment that counts as false, so that feedgen writes no date of its own and leaves the locale alone."""

    def __bool__(self) -> bool:
        return False

    @classmethod
    def instead_of(cls, moment: datetime) -> "UnsetMoment":
        """Return the same moment in the form that feedgen passes over."""
        return cls.fromtimestamp(moment.timestamp(), moment.tzinfo)


class FeedMending(BaseExtension):  # type: ignore[misc]  # feedgen is untyped
    """What feedgen cannot say of a feed; set `namespaces` for RSS, and `updated` for both."""

    def __init__(self) -> None:
        self.namespaces: dict[str, str] = {}
        self.updated: datetime | None = None

    def extend_ns(self) -> dict[str, str]:
        """Return the prefixes that the root element declares."""
        return self.namespaces

    def extend_atom(self, feed: Any) -> Any:
        """Mark a title or subtitle that holds & or < as HTML, escaped."""
        _mark_as_html(feed)
        return feed

    def extend_rss(self, feed: Any) -> Any:
        """Write lastBuildDate in RFC 2822 form."""
        if self.updated is not None:
            etree.SubElement(feed[0], "lastBuildDate").text = format_datetime(self.updated)
        return feed


class EntryMending(BaseEntryExtension):  # type: ignore[misc]  # feedgen is untyped
    """What feedgen cannot say of an entry: its links in Atom, its author and dates in RSS."""

    def __init__(self) -> None:
        self.links: tuple[AtomLink, ...] = ()
        self.creator = ""
        self.published: datetime | None = None
        self.updated: datetime | None = None

    def extend_atom(self, entry: Any) -> Any:
        """Write the links with all their attributes, and guard the title."""
        for link in self.links:
            etree.SubElement(entry, "link", _attributes(link))
        _mark_as_html(entry)
        return entry

    def extend_rss(self, item: Any) -> Any:
        """Write dc:creator, pubDate and atom:updated."""
        if self.creator:
            etree.SubElement(item, f"{{{_DUBLIN_CORE}}}creator").text = self.creator
        if self.published is not None:
            etree.SubElement(item, "pubDate").text = format_datetime(self.published)
        if self.updated is not None:
            etree.SubElement(item, f"{{{_ATOM}}}updated").text = self.updated.isoformat()
        return item


RSS_NAMESPACES = {"dc": _DUBLIN_CORE}


def _attributes(link: AtomLink) -> dict[str, str]:
    # A title that looks like markup draws a warning and cannot be typed as HTML: better none.
    title = "" if _MARKUP.search(link.title) else link.title
    length = "" if link.length is None else str(link.length)
    pairs = {"rel": link.rel, "type": link.type, "hreflang": link.hreflang, "title": title, "length": length}
    return {"href": link.href, **{name: value for name, value in pairs.items() if value}}


def _mark_as_html(parent: Any) -> None:
    for name in ("title", "subtitle"):
        element = parent.find(name)
        if element is not None and element.text and _MARKUP.search(element.text):
            element.text = html.escape(element.text, quote=False)
            element.set("type", "html")


def as_plain_text(rss: bytes) -> bytes:
    """Write & and < of plain RSS elements as numeric references, the RSS profile's sign for "this is no HTML"."""
    marked = _PLAIN_ELEMENTS.sub(_numeric, rss)
    return _CHANNEL_DESCRIPTION.sub(_numeric, marked, count=1)


def _numeric(match: re.Match[bytes]) -> bytes:
    return match[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;").replace(b"&gt;", b"&#x3E;")
