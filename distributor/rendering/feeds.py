"""Feeds: Atom (RFC 4287), RSS 2.0 and JSON Feed 1.1 of the same channels; published issues enter, files leave.

The only door to feedgen, together with the extension pair that mends it. The bodies are built from blocks, never
from site templates, so that a new layout changes no entry. Same issues, same bytes: no clock, no locale, no random
order. feedgen would switch the locale of the whole process to format RFC 2822 dates (`setlocale` is not
thread-safe); it is never given such a date here, so building is safe in any thread.
"""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from distributor.rendering.feed_entries import Channel, Entry, channels
from distributor.rendering.feedgen_extension import (
    RSS_NAMESPACES,
    AtomLink,
    EntryMending,
    FeedMending,
    UnsetMoment,
    as_plain_text,
)
from distributor.rendering.masthead import Masthead
from distributor.rendering.model import PublicFile
from distributor.rendering.published import PublishedIssue
from distributor.rendering.urls import feed_path

GENERATOR = "distributor"
MEDIA_TYPES: Mapping[str, str] = {
    "atom": "application/atom+xml",
    "rss": "application/rss+xml",
    "json": "application/feed+json",
}
"""The media type of each format; serve them with `charset=utf-8`, without which Chromium shows mojibake."""

_JSON_FEED = "https://jsonfeed.org/version/1.1"
_MENDING = "mending"


def build_feeds(published: Sequence[PublishedIssue], masthead: Masthead) -> tuple[PublicFile, ...]:
    """Return every feed in its three formats, as files below feeds/.

    `published` are the public issues, newest first; the last five are taken. Raises InputError when a text holds a
    character that XML cannot carry. Safe to repeat: the same issues give the same bytes.
    """
    return tuple(
        PublicFile(path=path, content=content)
        for channel in channels(published, masthead)
        for path, content in _formats(channel, masthead)
    )


def _formats(channel: Channel, masthead: Masthead) -> tuple[tuple[PurePosixPath, bytes], ...]:
    return (
        (feed_path(channel.name, "atom"), _atom(channel, masthead)),
        (feed_path(channel.name, "rss"), _rss(channel, masthead)),
        (feed_path(channel.name, "json"), _json(channel, masthead)),
    )


def _atom(channel: Channel, masthead: Masthead) -> bytes:
    feed = _generator(channel, masthead, form="atom")
    feed.author(name=masthead.publisher, uri=masthead.site.home_url)
    for entry in channel.entries:
        written = _entry(feed, entry)
        written.author(name=entry.author)
        written.published(entry.published)
        written.updated(entry.updated)
        _mending(written).links = _links(entry, masthead)
    return bytes(feed.atom_str(pretty=True))


def _rss(channel: Channel, masthead: Masthead) -> bytes:
    feed = _generator(channel, masthead, form="rss")
    feed.lastBuildDate(UnsetMoment.instead_of(channel.updated))
    mending: FeedMending = feed.mending
    mending.namespaces, mending.updated = RSS_NAMESPACES, channel.updated
    for entry in channel.entries:
        written = _entry(feed, entry)
        written.link(href=entry.url)
        for enclosure in entry.enclosures[:1]:
            written.enclosure(enclosure.url, str(enclosure.length), enclosure.media_type)
        extension = _mending(written)
        extension.creator, extension.published, extension.updated = entry.author, entry.published, entry.updated
    return as_plain_text(bytes(feed.rss_str(pretty=True)))


def _generator(channel: Channel, masthead: Masthead, *, form: str) -> FeedGenerator:
    feed = FeedGenerator()
    feed.register_extension(_MENDING, FeedMending, EntryMending)
    feed.id(channel.id)
    feed.title(channel.title)
    feed.subtitle(channel.about)
    feed.description(channel.about)
    feed.language(masthead.language)
    feed.generator(GENERATOR)
    feed.updated(channel.updated)
    own = masthead.site.url(feed_path(channel.name, "atom" if form == "atom" else "rss"))
    feed.link(href=own, rel="self", type=MEDIA_TYPES[form])
    # RSS takes the last link added for the channel's own, whatever its relation.
    feed.link(href=channel.page, rel="alternate", type="text/html", hreflang=masthead.language)
    return feed


def _entry(feed: FeedGenerator, entry: Entry) -> FeedEntry:
    # feedgen puts new entries first unless it is told otherwise.
    written = feed.add_entry(order="append")
    written.id(entry.id)
    written.title(entry.title)
    written.summary(html.escape(entry.summary, quote=False), type="html")
    written.content(entry.html, type="html")
    for category in entry.categories:
        # Some readers show the term, some the label: both are the title, and the scheme is what never changes.
        written.category(term=category.title, label=category.title, scheme=category.scheme)
    return written


def _mending(written: FeedEntry) -> EntryMending:
    extension: EntryMending = written.mending
    return extension


def _links(entry: Entry, masthead: Masthead) -> tuple[AtomLink, ...]:
    own = AtomLink(href=entry.url, rel="alternate", type="text/html", hreflang=masthead.language)
    relations = ("via", *("related" for _ in entry.sources[1:]))
    sources = (AtomLink(href=url, rel=rel) for url, rel in zip(entry.sources, relations, strict=False))
    files = (
        AtomLink(
            href=enclosure.url,
            rel="enclosure",
            type=enclosure.media_type,
            title=enclosure.title,
            length=enclosure.length,
        )
        for enclosure in entry.enclosures
    )
    return (own, *sources, *files)


def _json(channel: Channel, masthead: Masthead) -> bytes:
    document = {
        "version": _JSON_FEED,
        "title": channel.title,
        "home_page_url": channel.page,
        "feed_url": masthead.site.feed_url(channel.name, "json"),
        "description": channel.about,
        "language": masthead.language,
        "authors": [{"name": masthead.publisher, "url": masthead.site.home_url}],
        "items": [_item(entry) for entry in channel.entries],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _item(entry: Entry) -> dict[str, Any]:
    optional = {
        "external_url": entry.sources[0] if entry.sources else None,
        "image": entry.picture or None,
        "attachments": [
            {
                "url": enclosure.url,
                "mime_type": enclosure.media_type,
                "title": enclosure.title,
                "size_in_bytes": enclosure.length,
            }
            for enclosure in entry.enclosures
        ]
        or None,
    }
    return {
        "id": entry.id,
        "url": entry.url,
        "title": entry.title,
        "content_html": entry.html,
        "summary": entry.summary,
        "date_published": entry.published.isoformat(),
        "date_modified": entry.updated.isoformat(),
        "authors": [{"name": entry.author}],
        "tags": [category.title for category in entry.categories],
        **{key: value for key, value in optional.items() if value},
    }
