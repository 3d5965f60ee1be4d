"""Check a whole feed against the rules of the W3C feed validator at level AA; bytes enter, events leave.

An independent checker of our own: it reads the document with lxml and knows the validator's messages only by their
documented names and meanings (src/feedvalidator/logging.py of w3c/feedvalidator lists them; level AA keeps errors
and warnings and leaves out information). Where the validator accepts a long list, this checker accepts only what a
periodical needs, so it is stricter.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lxml import etree

from tests import feed_values
from tests.feed_elements import (
    ATOM,
    Event,
    Visit,
    everywhere,
    link,
    missing,
    name_of,
    named,
    repeated,
    shape,
    words,
)

_MOST_BYTES = 5_000_000
_FEED_CHILDREN = words("id title updated author link category contributor generator icon logo rights subtitle")
_ENTRY_CHILDREN = words("id title updated author link category contributor content published rights source summary")
_MANY = frozenset({"author", "link", "category", "contributor", "entry", "item"})
_ATOM_ATTRIBUTES = {
    "link": frozenset({"href", "rel", "type", "hreflang", "title", "length"}),
    "category": frozenset({"term", "scheme", "label"}),
    "content": frozenset({"type", "src"}),
    "generator": frozenset({"uri", "version"}),
    **dict.fromkeys(("title", "subtitle", "summary", "rights"), frozenset({"type"})),
}
_CHANNEL_CHILDREN = words(
    "title link description language copyright managingEditor webMaster pubDate lastBuildDate "
    "category generator docs ttl image item atom:link dc:creator"
)
_ITEM_CHILDREN = words(
    "title link description author category comments enclosure guid pubDate source content:encoded "
    "atom:link atom:updated dc:creator"
)
_RSS_MANY = frozenset({"category", "atom:link", "dc:creator", "item"})
_RSS_ATTRIBUTES = {
    "rss": frozenset({"version"}),
    "guid": frozenset({"isPermaLink"}),
    "category": frozenset({"domain"}),
    "enclosure": frozenset({"url", "length", "type"}),
    "source": frozenset({"url"}),
    "atom:link": _ATOM_ATTRIBUTES["link"],
}


def check(document: bytes, *, location: str, now: dt.datetime | None = None) -> tuple[Event, ...]:
    """Return the events that an Atom or RSS 2.0 feed served at `location` draws at level AA; empty is good."""
    if len(document) > _MOST_BYTES:
        return (Event(name="ValidatorLimit", where="document"),)
    try:
        document.decode("utf-8")
    except UnicodeDecodeError:
        return (Event(name="UnicodeError", where="document"),)
    try:
        root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as broken:
        name = "UndeclaredPrefix" if "prefix" in str(broken).lower() else "SAXError"
        return (Event(name=name, where="document", value=str(broken)),)
    visit = Visit(location=location, now=now or dt.datetime.now(dt.UTC), lines=tuple(document.split(b"\n")))
    events = [*everywhere(root)]
    if root.tag == f"{ATOM}feed":
        return (*events, *_atom(root, visit))
    if root.tag == "rss":
        return (*events, *_rss(root, visit))
    return (*events, Event(name="UndefinedElement", where="document", value=str(root.tag)))


def _atom(feed: Any, visit: Visit) -> Iterator[Event]:
    yield from shape(feed, _FEED_CHILDREN | {"entry"}, _MANY, _ATOM_ATTRIBUTES)
    yield from missing(feed, "id title updated")
    yield from _atom_values(feed, visit)
    links = feed.findall(f"{ATOM}link")
    if not any(link.get("rel") == "self" for link in links):
        yield Event(name="MissingSelf", where="feed")
    yield from _alternates(feed)
    names = [name_of(child) for child in feed.iterchildren("*")]
    if "entry" in names and set(names[names.index("entry") :]) != {"entry"}:
        yield Event(name="MisplacedMetadata", where="feed")
    entries = feed.findall(f"{ATOM}entry")
    yield from repeated(entries, "id", "DuplicateEntries")
    yield from repeated(entries, "updated", "DuplicateUpdated")
    for entry in entries:
        yield from _atom_entry(entry, visit, has_author=feed.find(f"{ATOM}author") is not None)


def _atom_entry(entry: Any, visit: Visit, *, has_author: bool) -> Iterator[Event]:
    yield from shape(entry, _ENTRY_CHILDREN, _MANY, _ATOM_ATTRIBUTES)
    yield from missing(entry, "id title updated" if has_author else "id title updated author")
    yield from _atom_values(entry, visit)
    yield from _alternates(entry)
    content, summary = entry.find(f"{ATOM}content"), entry.find(f"{ATOM}summary")
    alternate = any(link.get("rel", "alternate") == "alternate" for link in entry.findall(f"{ATOM}link"))
    if content is None and summary is None:
        yield Event(name="MissingTextualContent", where="entry")
    if content is None and not alternate:
        yield Event(name="MissingContentOrAlternate", where="entry")
    if content is not None and content.get("src") and summary is None:
        yield Event(name="MissingSummary", where="entry")


def _atom_values(parent: Any, visit: Visit) -> Iterator[Event]:
    for child in parent.iterchildren("*"):
        value, name = child.text or "", name_of(child)
        match name:
            case "id":
                yield from named(feed_values.identifier(value), child, value)
            case "updated" | "published":
                yield from named(feed_values.date_3339(value, visit.now), child, value)
            case "title" | "subtitle" | "summary" | "rights" | "content":
                yield from _text_construct(child)
            case "author" | "contributor":
                yield from missing(child, "name")
            case "category":
                yield from _category(child)
            case "link":
                yield from link(child, visit)
            case "generator" | "icon" | "logo" if not value.strip():
                yield Event(name="NotBlank", where=name)


def _text_construct(element: Any) -> Iterator[Event]:
    kind, value = element.get("type", "text"), element.text or ""
    if not value and not len(element) and element.get("src") is None:
        yield Event(name="NotBlank", where=name_of(element))
    if kind == "html":
        yield from named(feed_values.markup(value), element, value)
        yield from named(feed_values.references(value), element, value)
    elif kind == "text":
        yield from named(feed_values.plain(value, event="ContainsUndeclaredHTML"), element, value)
    elif kind != "xhtml":
        yield from named(feed_values.media_type(kind, wrong="InvalidMIMEType"), element, kind)


def _category(element: Any) -> Iterator[Event]:
    if element.get("term") is None:
        yield Event(name="MissingAttribute", where="category", value="term")
    if (scheme := element.get("scheme")) is not None:
        yield from named(feed_values.uri(scheme), element, scheme)
    label = element.get("label", "")
    yield from named(feed_values.plain(label, event="ContainsUndeclaredHTML"), element, label)


def _alternates(parent: Any) -> Iterator[Event]:
    counted = Counter(
        (link.get("type"), link.get("hreflang"))
        for link in parent.findall(f"{ATOM}link")
        if link.get("rel", "alternate") == "alternate"
    )
    for kind, number in counted.items():
        if number > 1:
            yield Event(name="DuplicateAtomLink", where=name_of(parent), value=str(kind))


def _rss(rss: Any, visit: Visit) -> Iterator[Event]:
    if rss.get("version") != "2.0":
        yield Event(name="InvalidRSSVersion", where="rss", value=rss.get("version", ""))
    channel = rss.find("channel")
    if channel is None:
        yield Event(name="MissingElement", where="rss", value="channel")
        return
    yield from shape(channel, _CHANNEL_CHILDREN, _RSS_MANY, _RSS_ATTRIBUTES)
    for name in ("title", "link", "description"):
        yield from missing(channel, name, f"Missing{name.capitalize()}")
    links = channel.findall(f"{ATOM}link")
    if not any(link.get("rel") == "self" for link in links):
        yield Event(name="MissingAtomSelfLink", where="channel")
    names = [name_of(child) for child in channel.iterchildren("*")]
    if "item" in names and set(names[names.index("item") :]) != {"item"}:
        yield Event(name="MisplacedItem", where="channel")
    yield from _rss_values(channel, visit)
    yield from repeated(channel.findall("item"), "guid", "DuplicateValue")
    for item in channel.findall("item"):
        yield from _rss_item(item, visit)


def _rss_item(item: Any, visit: Visit) -> Iterator[Event]:
    yield from shape(item, _ITEM_CHILDREN, _RSS_MANY, _RSS_ATTRIBUTES)
    names = [name_of(child) for child in item.iterchildren("*")]
    if "title" not in names and "description" not in names:
        yield Event(name="ItemMustContainTitleOrDescription", where="item")
    if "guid" not in names:
        yield Event(name="MissingGuid", where="item")
    if "content:encoded" in names and "description" not in names[: names.index("content:encoded")]:
        yield Event(name="NeedDescriptionBeforeContent", where="item")
    if "author" in names and "dc:creator" in names:
        yield Event(name="DuplicateItemSemantics", where="item", value="author, dc:creator")
    yield from _rss_values(item, visit)


def _rss_values(parent: Any, visit: Visit) -> Iterator[Event]:
    for child in parent.iterchildren("*"):
        value, name = child.text or "", name_of(child)
        if name in {"title", "category"} and not value.strip():
            yield Event(name="NotBlank", where=name)
        yield from _rss_text(child, value, visit)
        yield from _rss_date(child, value, visit)
        yield from _rss_other(child, value, visit)


def _rss_text(child: Any, value: str, visit: Visit) -> Iterator[Event]:
    match (name_of(child), name_of(child.getparent())):
        case ("title" | "category", _) | ("description" | "copyright", "channel"):
            lines = visit.lines[max(0, child.sourceline - 1) : child.sourceline]
            escaped = any(b"&#x" in line for line in lines)
            names = feed_values.plain(value, event="ContainsHTML", escaped_as_character=escaped)
            yield from named(names, child, value)
        case ("description" | "content:encoded", "item"):
            yield from named(feed_values.markup(value), child, value)
            yield from named(feed_values.references(value), child, value)
        case ("managingEditor" | "webMaster" | "author", _):
            yield from named(feed_values.contact(value), child, value)
        case ("language", _):
            yield from named(feed_values.language(value), child, value)


def _rss_date(child: Any, value: str, visit: Visit) -> Iterator[Event]:
    match name_of(child):
        case "pubDate" | "lastBuildDate":
            yield from named(feed_values.date_822(value, visit.now), child, value)
        case "atom:updated":
            yield from named(feed_values.date_3339(value, visit.now), child, value)


def _rss_other(child: Any, value: str, visit: Visit) -> Iterator[Event]:
    match name_of(child):
        case "link" | "comments" | "docs":
            yield from named(feed_values.uri(value), child, value)
        case "ttl" if not value.isdecimal() or not int(value):
            yield Event(name="InvalidPositiveInteger", where="ttl", value=value)
        case "image":
            yield from _image(child)
        case "guid":
            yield from _guid(child, value)
        case "enclosure":
            yield from _enclosure(child)
        case "atom:link":
            yield from link(child, visit)


def _image(image: Any) -> Iterator[Event]:
    yield from missing(image, "url title link")
    channel = image.getparent()
    for name in ("link", "title"):
        if image.findtext(name) not in {None, channel.findtext(name)}:
            yield Event(name=f"Image{name.capitalize()}DoesntMatch", where="image", value=image.findtext(name))
    if not (image.findtext("url") or "").lower().endswith((".png", ".jpg", ".jpeg", ".gif")):
        yield Event(name="ImageUrlFormat", where="image")


def _guid(guid: Any, value: str) -> Iterator[Event]:
    permanent = guid.get("isPermaLink", "true")
    if permanent not in {"true", "false"}:
        yield Event(name="InvalidBooleanAttribute", where="guid", value=permanent)
    if permanent == "true" and value.lower().startswith(("tag:", "urn:uuid:")):
        yield Event(name="InvalidPermalink", where="guid", value=value)
    elif permanent == "true":
        yield from named(feed_values.uri(value, wrong="InvalidHttpGUID"), guid, value)
    elif len(value) < 9 and value.isdecimal():
        yield Event(name="NotSufficientlyUnique", where="guid", value=value)


def _enclosure(enclosure: Any) -> Iterator[Event]:
    for name in ("url", "length", "type"):
        if enclosure.get(name) is None:
            yield Event(name="MissingAttribute", where="enclosure", value=name)
    yield from named(feed_values.length(enclosure.get("length", "0")), enclosure)
    yield from named(feed_values.media_type(enclosure.get("type", "a/b"), wrong="InvalidMIMEAttribute"), enclosure)
    yield from named(feed_values.public_url(enclosure.get("url", "https://example.org/")), enclosure)
