"""Feeds: what is in which feed, in which order, under which id and date, and in the same bytes."""

import datetime as dt
import html
import json
import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from distributor.content.model import Body, Correction, Issue, Reference
from distributor.errors import InputError
from distributor.rendering.feed_entries import ISSUES_IN_A_FEED, channels, entry_moment
from distributor.rendering.feeds import build_feeds
from distributor.rendering.published import PublishedIssue
from tests import feed_rules, json_feed_rules
from tests.rendering.publications import article, full_issue, masthead, paragraph, published

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOTE = Correction(on=dt.date(2015, 7, 15), note="改。")
ATOM = "{http://www.w3.org/2005/Atom}"


def _feeds(*issues: PublishedIssue, **fields: Any) -> dict[str, bytes]:
    return {file.path.as_posix(): file.content for file in build_feeds(issues, masthead(**fields))}


def _items(*issues: PublishedIssue, feed: str = "all", **fields: Any) -> list[dict[str, Any]]:
    document = json.loads(_feeds(*issues, **fields)[f"feeds/{feed}.json"])
    return list(document["items"])


def test_there_is_a_feed_of_all_of_each_section_and_of_issues_in_three_formats() -> None:
    names = {"all", "section-market", "section-policy", "section-notice", "issues"}

    assert set(_feeds(published())) == {f"feeds/{name}.{form}" for name in names for form in ("atom", "rss", "json")}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_no_feed_draws_an_event_of_the_w3c_rules(language: str) -> None:
    fields = {"language": language, "base_url": "https://example.org/期刊/"}
    issues = [published(number=56, date=dt.date(2015, 7, 17)), full_issue()]

    for path, content in _feeds(*issues, **fields).items():
        location = masthead(**fields).site.url(PurePosixPath(path))
        if path.endswith(".json"):
            assert json_feed_rules.check(content, location=location) == ()
        else:
            assert feed_rules.check(content, location=location, now=NOW) == ()


def test_a_publication_without_an_issue_has_valid_empty_feeds() -> None:
    for path, content in _feeds().items():
        location = masthead().site.url(PurePosixPath(path))
        events = json_feed_rules.check if path.endswith(".json") else feed_rules.check
        assert events(content, location=location) == ()


TITLES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), min_size=1).filter(str.strip)


@given(title=TITLES.filter(lambda title: "</" not in title and "\ufffd" not in title))
def test_any_title_makes_valid_feeds_and_reads_back_as_written(title: str) -> None:
    feeds = _feeds(published(article(title=title)))
    atom, rss = etree.fromstring(feeds["feeds/all.atom"]), etree.fromstring(feeds["feeds/all.rss"])

    for form in ("atom", "rss"):
        location = f"https://news.example.com/feeds/all.{form}"
        assert feed_rules.check(feeds[f"feeds/all.{form}"], location=location, now=NOW) == ()
    written = atom.find(f"{ATOM}entry/{ATOM}title")
    assert (html.unescape(written.text) if written.get("type") == "html" else written.text) == title
    assert rss.findtext("channel/item/title") == title


def test_the_same_input_gives_the_same_bytes() -> None:
    assert _feeds(full_issue()) == _feeds(full_issue())


def test_building_feeds_never_loads_the_templates() -> None:
    code = "import distributor.rendering.feeds, sys; sys.exit('jinja2' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_article_has_the_same_id_in_every_feed_that_holds_it() -> None:
    feeds = _feeds(published(article("2015-055-a01", "policy")))

    for path in ("feeds/all.atom", "feeds/section-policy.rss", "feeds/section-policy.json"):
        assert "tag:news.example.com,2015-01-01:2015-055-a01" in feeds[path].decode()


def test_a_feed_keeps_the_last_five_issues() -> None:
    issues = [
        published(number=number, date=dt.date(2015, 1, 2) + dt.timedelta(weeks=number)) for number in range(9, 0, -1)
    ]

    held = {item["id"][-7:-4] for item in _items(*issues)}

    assert len(held) == ISSUES_IN_A_FEED
    assert [item["id"][-3:] for item in _items(*issues, feed="issues")] == ["009", "008", "007", "006", "005"]


def test_a_section_feed_holds_that_section_only() -> None:
    items = _items(full_issue(), feed="section-policy")

    assert [item["tags"] for item in items] == [["政策聚焦"]]


def test_the_first_article_of_an_issue_is_the_latest_and_no_two_share_a_moment() -> None:
    moments = [item["date_published"] for item in _items(full_issue())]

    assert moments == sorted(moments, reverse=True)
    assert len(set(moments)) == 3
    assert moments[0].endswith("+08:00")


def test_two_issues_of_one_day_share_no_moment() -> None:
    items = _items(published(number=56), published(number=55))

    assert len({item["date_modified"] for item in items}) == 4


def test_an_entry_is_published_on_the_day_of_its_issue_in_the_publications_zone() -> None:
    issue = published().issue

    moment = entry_moment(issue, 1, issue.date, masthead())

    assert moment.isoformat() == "2015-07-10T00:50:00+08:00"


def test_a_correction_moves_the_updated_of_its_own_entry_only() -> None:
    before = _items(published())
    after = _items(
        published(article(), article("2015-055-a02", "policy", updated=dt.date(2015, 7, 15), corrections=(NOTE,)))
    )

    assert after[0]["date_modified"] == before[0]["date_modified"]
    assert after[1]["date_modified"].startswith("2015-07-15T")
    assert after[1]["date_published"] == before[1]["date_published"]


def test_another_wording_moves_no_updated() -> None:
    before = [item["date_modified"] for item in _items(published())]
    after = [
        item["date_modified"] for item in _items(published(article(title="新标题"), article("2015-055-a02", "policy")))
    ]

    assert after == before


@pytest.mark.parametrize("day", [10, 15])
def test_two_corrections_of_one_day_have_two_moments(day: int) -> None:
    moments = []
    for minute in (5, 6):
        changed = {"updated": dt.date(2015, 7, day), "updated_time": dt.time(9, minute)}
        [item, _other] = _items(published(article(**changed), article("2015-055-a02", "policy")))
        moments.append(item["date_modified"])

    assert moments == [f"2015-07-{day}T09:05:01+08:00", f"2015-07-{day}T09:06:01+08:00"]


def test_an_updated_before_the_issue_moves_nothing_back() -> None:
    [item] = _items(published(article(updated=dt.date(2015, 7, 1))))

    assert item["date_modified"] == item["date_published"]


def test_a_feed_is_as_new_as_its_newest_entry() -> None:
    feeds = _feeds(published(article(), article("2015-055-a02", "policy", updated=dt.date(2015, 7, 15))))

    root = etree.fromstring(feeds["feeds/all.atom"])

    assert root.findtext(f"{ATOM}updated") == "2015-07-15T00:50:00+08:00"


def test_the_issue_feed_holds_contents_and_full_text_in_one_entry() -> None:
    [item] = _items(full_issue(), feed="issues")

    assert item["title"] == "总第55期：履约收官"
    assert '<li><a href="https://news.example.com/articles/2015-055-a01.html">' in item["content_html"]
    assert "<h4>走势</h4>" in item["content_html"]
    assert item["tags"] == ["市场热点", "政策聚焦", "行业公告"]


def test_a_summary_ends_where_a_sentence_does() -> None:
    [item] = _items(published(article(body=Body(blocks=(paragraph("这是一句话。" * 60),)))))

    assert item["summary"].endswith("。")
    assert len(item["summary"]) <= 210


def test_an_article_without_text_has_its_title_for_a_summary_and_a_content() -> None:
    [item] = _items(published(article(body=Body(), date=None, source="")))

    assert item["summary"] == "文章01的标题"
    assert item["content_html"] == "<p>市场热点</p>"


def test_every_address_in_a_feed_is_absolute() -> None:
    for item in _items(full_issue(), feed="issues") + _items(full_issue()):
        body = etree.HTML(item["content_html"])
        targets = [*body.xpath("//a/@href"), *body.xpath("//img/@src")]
        assert targets == [target for target in targets if target.startswith(("https://", "http://"))]


def test_a_files_enclosure_has_its_type_and_length() -> None:
    item = _items(full_issue())[0]

    assert item["attachments"] == [
        {
            "url": "https://news.example.com/issues/2015-055/files/%E6%A0%B8%E5%AF%B9%E8%A1%A8.docx",
            "mime_type": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "title": "核对表",
            "size_in_bytes": 7,
        }
    ]


def test_rss_carries_one_enclosure_and_atom_all_of_them() -> None:
    names = (PurePosixPath("files/a.pdf"), PurePosixPath("files/b.zip"))
    attachments = tuple(Reference(name=name.name, file=name) for name in names)
    feeds = _feeds(published(article(attachments=attachments)))

    atom, rss = etree.fromstring(feeds["feeds/all.atom"]), etree.fromstring(feeds["feeds/all.rss"])

    assert len(atom.findall(f"{ATOM}entry/{ATOM}link[@rel='enclosure']")) == 2
    assert len(rss.findall("channel/item/enclosure")) == 1


def test_the_first_link_is_where_the_article_came_from_and_the_next_are_related() -> None:
    root = etree.fromstring(_feeds(full_issue())["feeds/all.atom"])

    links = {link.get("rel"): link.get("href") for link in root.find(f"{ATOM}entry").findall(f"{ATOM}link")}

    assert links["via"] == "http://example.org/%E6%96%B0%E9%97%BB?a=1&b=2"
    assert links["related"] == "https://example.com/"


def test_a_section_is_a_category_by_title_with_a_scheme_that_never_changes() -> None:
    root = etree.fromstring(_feeds(published())["feeds/all.atom"])

    category = root.find(f"{ATOM}entry/{ATOM}category")

    assert dict(category.attrib) == {
        "term": "市场热点",
        "label": "市场热点",
        "scheme": "tag:news.example.com,2015-01-01:section-market",
    }


def test_the_source_is_the_author_and_the_organisation_where_there_is_none() -> None:
    items = _items(published(article(), article("2015-055-a02", source="")))

    assert [item["authors"] for item in items] == [[{"name": "新华网"}], [{"name": "气候变化部"}]]


def test_no_feed_tells_an_address_of_a_person() -> None:
    assert all(b"@" not in content for content in _feeds(full_issue()).values())


def test_a_character_that_xml_cannot_carry_is_refused_by_name() -> None:
    spoilt = published(article(title="标题\x0b"))

    with pytest.raises(InputError, match="XML") as refused:
        build_feeds([spoilt], masthead())

    assert refused.value.problems[0].path.endswith("2015-055-a01.html")


def test_an_english_publication_speaks_english() -> None:
    feeds = _feeds(full_issue(), language="en")

    document = feeds["feeds/issues.json"].decode()

    assert "In this issue" in document
    assert "No. 55: 履约收官" in document


def test_an_issue_without_a_subject_is_named_after_its_number() -> None:
    [item] = _items(published(subject="", lead=""), feed="issues")

    assert item["title"] == item["summary"] == "节能减排信息动态 总第55期"


def test_a_section_that_left_the_configuration_keeps_its_articles_in_the_main_feed() -> None:
    items = _items(published(article(section="science")))

    assert items[0]["tags"] == ["science"]


def test_channels_agree_with_the_issue(monkeypatch: pytest.MonkeyPatch) -> None:
    issue: Issue = full_issue().issue

    [everything, *_] = channels([full_issue()], masthead())

    assert [entry.title for entry in everything.entries] == [one.title for one in issue.articles]
