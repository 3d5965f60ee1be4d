"""Check a JSON Feed 1.1 against its specification (jsonfeed.org); bytes enter, faults in plain words leave."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests import feed_values

_TOP = frozenset(
    {"version", "title", "home_page_url", "feed_url", "description", "language", "authors", "icon", "hubs", "items"}
)
_ITEM = frozenset(
    {
        "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image",
        "date_published", "date_modified", "authors", "tags", "language", "attachments",
    }
)  # fmt: skip


def check(document: bytes, *, location: str) -> tuple[str, ...]:
    """Return what the specification forbids in this feed, served at `location`; empty is good."""
    feed = json.loads(document.decode("utf-8"))
    return (*_feed(feed, location), *(fault for item in feed.get("items", []) for fault in _item(item)))


def _feed(feed: dict[str, Any], location: str) -> Iterator[str]:
    if feed.get("version") != "https://jsonfeed.org/version/1.1":
        yield "version is not 1.1"
    if not feed.get("title") or not isinstance(feed.get("items"), list):
        yield "title or items missing"
    if feed.get("feed_url") != location:
        yield "feed_url is not where the feed is"
    if unknown := {key for key in feed if not key.startswith("_")} - _TOP:
        yield f"unknown keys {sorted(unknown)}"
    yield from _addresses(feed, "home_page_url", "feed_url")
    yield from _authors(feed)
    repeated = [key for key, number in Counter(item.get("id") for item in feed.get("items", [])).items() if number > 1]
    if repeated:
        yield f"id repeated: {repeated[0]}"


def _item(item: dict[str, Any]) -> Iterator[str]:
    if not item.get("id") or not isinstance(item["id"], str):
        yield "id is no string"
    if not item.get("content_html") and not item.get("content_text"):
        yield "no content"
    if unknown := {key for key in item if not key.startswith("_")} - _ITEM:
        yield f"unknown keys {sorted(unknown)}"
    yield from _addresses(item, "url", "external_url", "image")
    yield from _authors(item)
    for attachment in item.get("attachments", []):
        yield from _addresses(attachment, "url")
        if not attachment.get("mime_type") or not isinstance(attachment.get("size_in_bytes", 0), int):
            yield "attachment without media type, or with a size that is no number"
    for key in ("date_published", "date_modified"):
        if key in item and any(feed_values.date_3339(item[key], feed_values.FAR_FUTURE)):
            yield f"{key} is no RFC 3339 moment"
    html = item.get("content_html", "")
    yield from (f"content_html: {name}" for name in (*feed_values.markup(html), *feed_values.references(html)))


def _addresses(holder: dict[str, Any], *keys: str) -> Iterator[str]:
    for key in keys:
        if key in holder and urlsplit(holder[key]).scheme not in {"http", "https"}:
            yield f"{key} is not absolute"


def _authors(holder: dict[str, Any]) -> Iterator[str]:
    if "authors" in holder and not all(author.get("name") for author in holder["authors"]):
        yield "authors without a name"
