import datetime as dt
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.identifiers import ArticleId, IssueId, SectionId
from distributor.rendering import urls
from distributor.rendering.urls import Site

ISSUE = IssueId("2015-055")


def site(base_url: str = "https://news.example.com/") -> Site:
    return Site(base_url=base_url, founded=dt.date(2015, 1, 1))


def every_url(of: Site) -> list[str]:
    return [
        of.home_url,
        of.feeds_page_url,
        of.issue_url(ISSUE),
        of.issue_section_url(ISSUE, SectionId("policy")),
        of.article_url(ArticleId("2015-055-a04")),
        of.section_url(SectionId("policy")),
        of.file_url(ISSUE, PurePosixPath("images/煤 图.png")),
        of.feed_url(urls.section_feed(SectionId("policy")), "atom"),
        of.unsubscribe_url("t"),
        of.preferences_url("t"),
    ]


def test_urls_are_those_of_the_public_folder() -> None:
    assert every_url(site()) == [
        "https://news.example.com/",
        "https://news.example.com/feeds.html",
        "https://news.example.com/issues/2015-055.html",
        "https://news.example.com/issues/2015-055.html#policy",
        "https://news.example.com/articles/2015-055-a04.html",
        "https://news.example.com/sections/policy.html",
        "https://news.example.com/issues/2015-055/images/%E7%85%A4%20%E5%9B%BE.png",
        "https://news.example.com/feeds/section-policy.atom",
        "https://news.example.com/unsubscribe/t",
        "https://news.example.com/preferences/t",
    ]


@pytest.mark.parametrize(
    "base_url",
    [
        "https://example.org",
        "http://example.org:8080/a/b",
        "https://例子.example.org/动态",
        " https://EXAMPLE.org/x/?q#f ",
    ],
)
def test_every_url_is_absolute_and_ascii_whatever_the_base(base_url: str) -> None:
    found = site(base_url)

    assert found.base_url.endswith("/")
    assert all(url.isascii() and url.startswith(found.base_url) for url in every_url(found))


def test_base_url_keeps_its_port_and_path() -> None:
    assert site("http://Example.ORG:8080/a/b").home_url == "http://example.org:8080/a/b/"


def test_han_host_becomes_its_a_label() -> None:
    assert site("https://例子.example.org").authority == "xn--fsqu00a.example.org"


@pytest.mark.parametrize("wrong", ["", "news.example.com", "ftp://example.com/", "https:///x", "mailto:a@example.com"])
def test_what_is_no_web_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        site(wrong)


def test_tag_takes_the_host_without_port_and_the_founding_date() -> None:
    assert site("https://News.Example.com:8443/x").tag("2015-055") == "tag:news.example.com,2015-01-01:2015-055"


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1).filter(
    lambda name: name not in {".", ".."}
))  # fmt: skip
def test_a_file_name_survives_its_url(name: str) -> None:
    url = site().file_url(ISSUE, PurePosixPath("files") / name)

    assert unquote(urlsplit(url).path) == f"/issues/2015-055/files/{name}"
    assert "?" not in url
    assert "#" not in url
