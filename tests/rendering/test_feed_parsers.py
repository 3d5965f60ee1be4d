"""Other people's parsers read our feeds alike: feedparser, atoma, and an XPath reading of our own."""

import calendar
import datetime as dt
import html
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import atoma
import feedparser
import pytest
from lxml import etree

from distributor.rendering.feeds import build_feeds
from tests.rendering.publications import article, full_issue, masthead, published

NAMESPACES = {
    "a": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
}
WEEK = dt.timedelta(weeks=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a parser makes of one entry; moments in UTC, titles as plain text."""

    id: str
    link: str
    title: str
    published: dt.datetime
    updated: dt.datetime
    author: str
    tags: tuple[str, ...]
    text: str


def _feed(name: str, form: str) -> bytes:
    issues = [
        published(article("2015-056-a01", title="R&D2 与 <标签> & 更多"), number=56, date=dt.date(2015, 7, 10) + WEEK),
        full_issue(),
    ]
    return next(file.content for file in build_feeds(issues, masthead()) if file.path.name == f"{name}.{form}")


def _text(body: str) -> str:
    return " ".join("".join(etree.HTML(body).itertext()).split())


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def _moment(parsed: time.struct_time) -> dt.datetime:
    return dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC)


def _by_feedparser(document: bytes) -> list[Read]:
    parsed = feedparser.parse(document)
    assert not parsed.bozo
    return [
        Read(
            id=entry.id,
            link=entry.link,
            title=html.unescape(entry.title),
            published=_moment(entry.published_parsed),
            updated=_moment(entry.updated_parsed),
            author=entry.author,
            tags=tuple(dict.fromkeys(tag.term for tag in entry.tags)),
            text=_text(entry.content[0].value),
        )
        for entry in parsed.entries
    ]


def _by_atoma(document: bytes) -> list[Read]:
    return [
        Read(
            id=entry.id_,
            link=next(link.href for link in entry.links if link.rel == "alternate"),
            title=html.unescape(entry.title.value),
            published=entry.published.astimezone(dt.UTC),
            updated=entry.updated.astimezone(dt.UTC),
            author=entry.authors[0].name,
            tags=tuple(category.term for category in entry.categories),
            text=_text(entry.content.value),
        )
        for entry in atoma.parse_atom_bytes(document).entries
    ]


def _by_atoma_rss(document: bytes) -> list[Read]:
    # atoma knows neither atom:updated nor dc:creator: those two come from the XPath reading.
    own = {read.id: read for read in _by_xpath_rss(document)}
    return [
        Read(
            id=item.guid,
            link=item.link,
            title=item.title,
            published=item.pub_date.astimezone(dt.UTC),
            updated=own[item.guid].updated,
            author=own[item.guid].author,
            tags=tuple(item.categories),
            text=_text(item.content_encoded),
        )
        for item in atoma.parse_rss_bytes(document).items
    ]


def _by_atoma_json(document: bytes) -> list[Read]:
    # atoma's author is the singular one of JSON Feed 1.0.
    authors = {item["id"]: item["authors"][0]["name"] for item in json.loads(document)["items"]}
    return [
        Read(
            id=item.id_,
            link=item.url,
            title=item.title,
            published=item.date_published.astimezone(dt.UTC),
            updated=item.date_modified.astimezone(dt.UTC),
            author=authors[item.id_],
            tags=tuple(item.tags),
            text=_text(item.content_html),
        )
        for item in atoma.parse_json_feed_bytes(document).items
    ]


def _by_xpath(document: bytes) -> list[Read]:
    def one(entry: Any, path: str) -> str:
        [found] = entry.xpath(path, namespaces=NAMESPACES)
        return str(found)

    return [
        Read(
            id=one(entry, "a:id/text()"),
            link=one(entry, "a:link[@rel='alternate']/@href"),
            title=html.unescape(one(entry, "a:title/text()")),
            published=_utc(one(entry, "a:published/text()")),
            updated=_utc(one(entry, "a:updated/text()")),
            author=one(entry, "a:author/a:name/text()"),
            tags=tuple(entry.xpath("a:category/@term", namespaces=NAMESPACES)),
            text=_text(one(entry, "a:content/text()")),
        )
        for entry in etree.fromstring(document).iterfind("a:entry", NAMESPACES)
    ]


def _by_xpath_rss(document: bytes) -> list[Read]:
    return [
        Read(
            id=item.findtext("guid"),
            link=item.findtext("link"),
            title=item.findtext("title"),
            published=dt.datetime.strptime(item.findtext("pubDate"), "%a, %d %b %Y %H:%M:%S %z").astimezone(dt.UTC),
            updated=_utc(item.findtext("a:updated", namespaces=NAMESPACES)),
            author=item.findtext("dc:creator", namespaces=NAMESPACES),
            tags=tuple(category.text for category in item.findall("category")),
            text=_text(item.findtext("content:encoded", namespaces=NAMESPACES)),
        )
        for item in etree.fromstring(document).iterfind("channel/item")
    ]


READINGS: list[tuple[str, Callable[[bytes], list[Read]]]] = [
    ("atom", _by_feedparser),
    ("rss", _by_feedparser),
    ("atom", _by_atoma),
    ("rss", _by_atoma_rss),
    ("json", _by_atoma_json),
    ("rss", _by_xpath_rss),
]


@pytest.mark.parametrize(("form", "read"), READINGS, ids=[f"{form}-{read.__name__[4:]}" for form, read in READINGS])
@pytest.mark.parametrize("name", ["all", "section-market", "issues"])
def test_every_parser_reads_every_format_alike(name: str, form: str, read: Callable[[bytes], list[Read]]) -> None:
    expected = _by_xpath(_feed(name, "atom"))

    entries = read(_feed(name, form))

    assert entries == expected
    assert len(entries) == {"all": 4, "section-market": 2, "issues": 2}[name]


def test_a_parser_sees_the_feed_itself_alike_in_every_format() -> None:
    atom = feedparser.parse(_feed("section-policy", "atom")).feed
    rss = feedparser.parse(_feed("section-policy", "rss")).feed
    plain = json.loads(_feed("section-policy", "json"))

    assert atom.title == rss.title == plain["title"] == "节能减排信息动态 · 政策聚焦"
    assert atom.subtitle == rss.subtitle == plain["description"]
    assert atom.link == rss.link == plain["home_page_url"] == "https://news.example.com/sections/policy.html"
    assert atom.updated_parsed == rss.updated_parsed


def test_readers_keep_tables_and_pictures_and_find_nothing_to_strip() -> None:
    entry = feedparser.parse(_feed("all", "atom")).entries[1]
    body = etree.HTML(entry.content[0].value)

    assert body.xpath("count(//table//th)") == 6
    assert body.xpath("string(//img/@width)") == "600"
    assert body.xpath("string(//table/caption)") == "两地收盘价（元/吨）"
