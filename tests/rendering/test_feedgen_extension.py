"""What our extension pair mends in feedgen; a test that fails here says that feedgen has mended itself."""

import datetime as dt
import locale

import pytest
from feedgen.feed import FeedGenerator
from lxml import etree

from distributor.rendering.feedgen_extension import AtomLink, EntryMending, FeedMending, UnsetMoment, as_plain_text

ATOM = "{http://www.w3.org/2005/Atom}"
MOMENT = dt.datetime(2015, 7, 10, tzinfo=dt.timezone(dt.timedelta(hours=8)))


@pytest.fixture
def feed() -> FeedGenerator:
    made = FeedGenerator()
    made.register_extension("mending", FeedMending, EntryMending)
    made.id("tag:example.com,2015-01-01:all")
    made.title("动态")
    made.description("全部文章")
    made.link(href="https://example.com/")
    made.updated(MOMENT)
    return made


def _entry_links(feed: FeedGenerator) -> list[dict[str, str]]:
    root = etree.fromstring(feed.atom_str())
    return [dict(link.attrib) for link in root.iterfind(f"{ATOM}entry/{ATOM}link")]


def test_feedgen_still_drops_every_attribute_of_an_entry_link(feed: FeedGenerator) -> None:
    entry = feed.add_entry()
    entry.id("tag:example.com,2015-01-01:a")
    entry.title("标题")
    entry.link(href="https://example.com/a", rel="alternate", type="text/html")

    assert _entry_links(feed) == [{"href": "https://example.com/a"}]


def test_our_entry_link_keeps_its_attributes(feed: FeedGenerator) -> None:
    entry = feed.add_entry()
    entry.id("tag:example.com,2015-01-01:a")
    entry.title("标题")
    entry.content("<p>正文</p>", type="html")
    entry.mending.links = (
        AtomLink(href="https://example.com/a.pdf", rel="enclosure", type="application/pdf", title="表", length=0),
    )

    assert _entry_links(feed) == [
        {
            "href": "https://example.com/a.pdf",
            "rel": "enclosure",
            "type": "application/pdf",
            "title": "表",
            "length": "0",
        }
    ]


def test_feedgen_still_writes_no_rss_author_without_an_address(feed: FeedGenerator) -> None:
    entry = feed.add_entry()
    entry.title("标题")
    entry.author(name="新华网")

    assert "新华网" not in feed.rss_str().decode()


def test_feedgen_still_switches_the_locale_for_an_rss_date(
    feed: FeedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched: list[object] = []
    monkeypatch.setattr(locale, "setlocale", lambda *arguments: switched.append(arguments))

    feed.rss_str()

    assert switched


def test_an_unset_moment_keeps_feedgen_off_the_locale(feed: FeedGenerator, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.lastBuildDate(UnsetMoment.instead_of(MOMENT))
    feed.mending.updated = MOMENT
    monkeypatch.setattr(locale, "setlocale", lambda *_: pytest.fail("the locale was switched"))

    document = feed.rss_str().decode()

    assert document.count("<lastBuildDate>") == 1
    assert "<lastBuildDate>Fri, 10 Jul 2015 00:00:00 +0800</lastBuildDate>" in document


def test_an_unset_moment_is_the_same_moment() -> None:
    assert UnsetMoment.instead_of(MOMENT) == MOMENT
    assert not UnsetMoment.instead_of(MOMENT)


def test_a_title_that_looks_like_markup_is_marked_as_html(feed: FeedGenerator) -> None:
    feed.title("R&D2 <周报>")

    title = etree.fromstring(feed.atom_str()).find(f"{ATOM}title")

    assert (title.get("type"), title.text) == ("html", "R&amp;D2 &lt;周报&gt;")


def test_a_link_title_that_looks_like_markup_is_left_out(feed: FeedGenerator) -> None:
    entry = feed.add_entry()
    entry.id("tag:example.com,2015-01-01:a")
    entry.title("标题")
    entry.content("<p>正文</p>", type="html")
    entry.mending.links = (AtomLink(href="https://example.com/a", rel="related", title="S&P500"),)

    assert _entry_links(feed) == [{"href": "https://example.com/a", "rel": "related"}]


def test_plain_rss_text_writes_ampersands_as_numbers_and_html_keeps_its_entities() -> None:
    rss = (
        b"<description>A &amp; B</description><item><title>A &amp; &lt;B&gt;</title>"
        b"<description>A &amp;amp; B</description>"
    )

    written = as_plain_text(rss)

    assert written == (
        b"<description>A &#x26; B</description><item><title>A &#x26; &#x3C;B&#x3E;</title>"
        b"<description>A &amp;amp; B</description>"
    )
