"""The rule checker itself: a good feed draws nothing, and each fault planted in a copy is caught."""

import datetime as dt
import re

import pytest

from distributor.rendering.feeds import build_feeds
from tests import feed_rules
from tests.rendering.publications import full_issue, masthead, published

NOW = dt.datetime(2015, 8, 1, tzinfo=dt.UTC)
SELF = "https://news.example.com/feeds/all."
ENTRY_LINK = (
    '<link href="https://news.example.com/articles/2015-055-a01.html" '
    'rel="alternate" type="text/html" hreflang="zh-CN"/>'
)
ROOT = 'xmlns="http://www.w3.org/2005/Atom"'
BODIES = r"(?s)<content.*?</content>\s*<summary.*?</summary>"
TTL = "<ttl>60</ttl>"


def _image(
    url: str = "https://example.org/a.png", title: str = "节能减排信息动态", link: str = "https://news.example.com/"
) -> str:
    return f"<image><url>{url}</url><title>{title}</title><link>{link}</link></image>"


def _feed(form: str) -> bytes:
    files = build_feeds([published(number=56, date=dt.date(2015, 7, 17)), full_issue()], masthead())
    return next(file.content for file in files if file.path.as_posix() == f"feeds/all.{form}")


def _events(document: bytes, form: str) -> set[str]:
    return {event.name for event in feed_rules.check(document, location=SELF + form, now=NOW)}


@pytest.mark.parametrize("form", ["atom", "rss"])
def test_a_good_feed_draws_no_event(form: str) -> None:
    assert _events(_feed(form), form) == set()


ATOM_FAULTS = [
    ("AtomLinkNotEmpty", ENTRY_LINK, ENTRY_LINK[:-2] + ">text</link>"),
    ("AttrNotBlank", 'title="核对表"', 'title=""'),
    ("AvoidNamespacePrefix", ROOT, f"{ROOT} {ROOT.replace('xmlns', 'xmlns:atom')}"),
    ("BadCharacters", "<name>新华网", "<name>新\x85华网"),
    ("ContainsRelRef", 'href="https://news.example.com/issues/', 'href="/issues/'),
    ("ContainsUndeclaredHTML", "<title>文章01", "<title>文章&amp;nbsp;01"),
    ("DangerousStyleAttr", "&lt;p&gt;先看", '&lt;p style="position:fixed"&gt;先看'),
    ("DuplicateAtomLink", ENTRY_LINK, ENTRY_LINK * 2),
    ("DuplicateElement",
     "<generator>distributor</generator>", "<generator>a</generator><generator>b</generator>"),
    ("DuplicateEntries", "01-01:2015-055-a02</id>", "01-01:2015-055-a01</id>"),
    ("DuplicateUpdated", "<updated>2015-07-17T01:00:00", "<updated>2015-07-17T01:00:01"),
    ("FeedHistoryRelInEntry", 'rel="via"', 'rel="prev-archive"'),
    ("ImplausibleDate", "<published>2015-07-10", "<published>2016-07-10"),
    ("InvalidIRI", '<link href="http://example.org/', '<link href="http://example.org/新'),
    ("InvalidIntegerAttribute", 'length="7"', 'length="many"'),
    ("InvalidLanguage", 'xml:lang="zh-CN"', 'xml:lang="zh_CN"'),
    ("InvalidMIMEType", 'type="text/html"', 'type="html page"'),
    ("InvalidMIMEType", '<content type="html"', '<content type="CDATA"'),
    ("InvalidNonNegativeInteger", 'length="7"', 'length="-7"'),
    ("InvalidRFC3339Date", "<published>2015-07-10T", "<published>2015-07-10 "),
    ("InvalidRFC3339Date", "<published>2015-07-10", "<published>2015-02-30"),
    ("InvalidTAG", "<id>tag:news.example.com,2015-01-01:2015-055-a01", "<id>tag:news.example.com:2015-055-a01"),
    ("InvalidUriChar", '<link href="http://example.org/', '<link href="http://example.org/ {'),
    ("MisplacedMetadata", "</feed>", "<subtitle>late</subtitle></feed>"),
    ("MissingAttribute", 'term="市场热点" ', ""),
    ("MissingContentOrAlternate", r're:(?s)<content.*?</content>(.*?)<link [^>]*rel="alternate"[^>]*>', r"\1"),
    ("MissingElement", r"re:<id>tag:[^<]*2015-055-a01</id>", ""),
    ("MissingElement", r"re:(?s)<name>.*?</name>", ""),
    ("MissingElement", "<updated>2015-07-17T01:00:01+08:00</updated>", ""),
    ("MissingHref", '<link href="http://example.org/', '<link title="http://example.org/'),
    ("MissingSelf", 'rel="self"', 'rel="related"'),
    ("MissingTextualContent", f"re:{BODIES}", ""),
    ("MissingSummary", f"re:{BODIES}", '<content type="text/html" src="https://example.org/"/>'),
    ("NonCanonicalURI", "<id>tag:news.example.com,2015-01-01:all", "<id>https://NEWS.example.com/all"),
    ("NotBlank", "<title>节能减排信息动态</title>", "<title></title>"),
    ("NotHtml", "&lt;p&gt;先看", "&lt;p&gt;&lt;b&gt;先看"),
    ("NotHtml", "&lt;p&gt;先看", "&lt;blob&gt;&lt;/blob&gt;先看"),
    ("RelativeSelf", f'href="{SELF}atom"', 'href="/feeds/all.atom"'),
    ("SAXError", "</feed>", "&nbsp;</feed>"),
    ("SAXError", "</feed>", ""),
    ("SecurityRisk", "&lt;p&gt;先看", "&lt;p&gt;&lt;object&gt;&lt;/object&gt;先看"),
    ("SecurityRiskAttr", "&lt;p&gt;先看", '&lt;p onclick="x()"&gt;先看'),
    ("SelfDoesntMatchLocation", f"{SELF}atom", f"{SELF}xml"),
    ("SelfNotAtom", 'rel="self" type="application/atom+xml"', 'rel="self" type="text/xml"'),
    ("UndeclaredPrefix", "<generator>", "<dc:creator>x</dc:creator><generator>"),
    ("UndefinedElement", "<generator>", "<pubDate/><generator>"),
    ("UnexpectedAttribute", "<summary type=", "<summary mode='escaped' type="),
    ("UnexpectedText", "<entry>", "<entry>text"),
    ("UnexpectedWhitespace",
     "<id>tag:news.example.com,2015-01-01:all", "<id> tag:news.example.com,2015-01-01:all"),
    ("UnknownNamespace", ROOT, f'{ROOT} xmlns:x="https://example.org/x"'),
    ("UnregisteredAtomLinkRel", 'rel="via"', 'rel="origin"'),
    ("UseZeroForUnknown", 'length="7"', 'length="-1"'),
]  # fmt: skip

RSS_FAULTS = [
    ("CharacterData", "<title>文章01", "<title>a &lt;b 01"),
    ("ContainsHTML", "<title>文章01", "<title>文章&lt;b&gt;01&lt;/b&gt;"),
    ("ContainsHTML", "<title>文章01", "<title>文章&amp;copy;01"),
    ("ContainsRelRef", 'src="https://news.example.com/', 'src="'),
    ("DuplicateElement", "<ttl", "<ttl>60</ttl><ttl"),
    ("DuplicateEnclosure",
     '<enclosure url="', '<enclosure url="https://example.org/a" length="1" type="a/b"/><enclosure url="'),
    ("DuplicateItemSemantics", "<dc:creator>", "<author>a@example.com (A)</author><dc:creator>"),
    ("DuplicateValue", "01-01:2015-055-a02</guid>", "01-01:2015-055-a01</guid>"),
    ("EmailFormat", TTL, "<webMaster>编辑部 a@example.com</webMaster>"),
    ("ImageLinkDoesntMatch", TTL, _image(link="https://example.org/")),
    ("ImageTitleDoesntMatch", TTL, _image(title="图")),
    ("ImageUrlFormat", TTL, _image(url="https://example.org/a.svg")),
    ("ImplausibleDate", "<pubDate>Fri, 10 Jul 2015", "<pubDate>Sun, 10 Jul 2016"),
    ("IncorrectDOW", "<pubDate>Fri, 10 Jul", "<pubDate>Mon, 10 Jul"),
    ("InvalidContact", TTL, "<webMaster>a@b@example.com (A)</webMaster>"),
    ("InvalidBooleanAttribute", 'isPermaLink="false"', 'isPermaLink="no"'),
    ("InvalidContact", TTL, "<managingEditor>编辑部</managingEditor>"),
    ("InvalidFullLink",
     "<link>https://news.example.com/articles/2015-055-a01.html", "<link>/articles/2015-055-a01.html"),
    ("InvalidHttpGUID", r're:<guid isPermaLink="false">[^<]*', '<guid isPermaLink="true">2015-055-a01'),
    ("InvalidLanguage", "<language>zh-CN", "<language>zh_CN"),
    ("InvalidMIMEAttribute", r're:(<enclosure [^>]*)type="[^"]*"', r'\1type="docx"'),
    ("InvalidPermalink", 'isPermaLink="false"', 'isPermaLink="true"'),
    ("InvalidPositiveInteger", TTL, "<ttl>0</ttl>"),
    ("InvalidRFC2822Date", "<pubDate>Fri, 10 Jul 2015", "<pubDate>2015-07-10"),
    ("InvalidRFC3339Date", "<atom:updated>2015", "<atom:updated>15"),
    ("InvalidRSSVersion", 'version="2.0"', 'version="0.91"'),
    ("InvalidURLAttribute", '<enclosure url="https://news.example.com/', '<enclosure url="http://localhost/'),
    ("ItemMustContainTitleOrDescription",
     r"re:(?s)<title>文章01.*?</title>(.*?)<description>.*?</description>", r"\1"),
    ("MisplacedItem", "</channel>", "<copyright>x</copyright></channel>"),
    ("MissingAtomSelfLink", 'rel="self"', 'rel="related"'),
    ("MissingAttribute", 'length="7" ', ""),
    ("MissingDescription", r"re:<description>《[^<]*</description>", ""),
    ("MissingElement", r"re:(?s)<channel>.*</channel>", ""),
    ("MissingGuid", r're:<guid isPermaLink="false">[^<]*</guid>', ""),
    ("MissingLink", "<link>https://news.example.com/</link>", ""),
    ("MissingRealName", TTL, "<webMaster>a@example.com</webMaster>"),
    ("MissingTitle", "<title>节能减排信息动态</title>", ""),
    ("NeedDescriptionBeforeContent",
     r"re:(<description>先看[^<]*</description>)\s*(<content:encoded>[^<]*</content:encoded>)", r"\2\1"),
    ("NotBlank", r"re:<title>文章01[^<]*", "<title>"),
    ("NotSufficientlyUnique", r"re:tag:news.example.com,2015-01-01:2015-055-a01</guid>", "12345</guid>"),
    ("ProblematicalRFC822Date", "10 Jul 2015 00:50:02 +0800</pubDate>", "10 Jul 15 00:50:02 +0800</pubDate>"),
    ("ReservedPrefix", "http://purl.org/dc/elements/1.1/", "http://example.org/dc"),
    ("SecurityRisk", "&lt;p&gt;先看", "&lt;script&gt;&lt;/script&gt;&lt;p&gt;先看"),
    ("UndefinedElement", TTL, "<updated>2015-07-10T00:00:00Z</updated>"),
]  # fmt: skip


def _ids(faults: list[tuple[str, str, str]]) -> list[str]:
    return [f"{event}-{place}" for place, (event, _, _) in enumerate(faults)]


@pytest.mark.parametrize(("event", "old", "new"), ATOM_FAULTS, ids=_ids(ATOM_FAULTS))
def test_a_fault_planted_in_atom_is_caught(event: str, old: str, new: str) -> None:
    spoilt = _spoil(_feed("atom").decode(), old, new)

    assert event in _events(spoilt, "atom")


@pytest.mark.parametrize(("event", "old", "new"), RSS_FAULTS, ids=_ids(RSS_FAULTS))
def test_a_fault_planted_in_rss_is_caught(event: str, old: str, new: str) -> None:
    good = _feed("rss").decode().replace("<language>", "<ttl>60</ttl><language>", 1)
    spoilt = _spoil(good, old, new)

    assert event in _events(spoilt, "rss")


def _spoil(good: str, old: str, new: str) -> bytes:
    spoilt = re.sub(old[3:], new, good, count=1) if old.startswith("re:") else good.replace(old, new, 1)
    assert spoilt != good
    return spoilt.encode()


def test_a_feed_in_another_encoding_is_caught() -> None:
    document = _feed("atom").decode().replace("UTF-8", "GB18030").encode("gb18030")

    assert _events(document, "atom") == {"UnicodeError"}


def test_a_feed_over_five_million_bytes_is_caught() -> None:
    assert _events(_feed("atom") + b" " * 5_000_000, "atom") == {"ValidatorLimit"}


def test_something_that_is_no_feed_is_caught() -> None:
    assert _events(b"<html/>", "atom") == {"UndefinedElement"}
