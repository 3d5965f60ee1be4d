"""The archive: which pages there are, that they are sound HTML, and that every link leads somewhere."""

import datetime as dt
import json
import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import html5lib
import pytest
from lxml import etree

from distributor.content.model import Body, Reference
from distributor.errors import TemplateError
from distributor.rendering.archive import build_archive
from distributor.rendering.feeds import build_feeds
from distributor.rendering.published import PublishedIssue
from distributor.rendering.templates import Templates
from tests.rendering.publications import TEMPLATES, article, full_issue, masthead, published, templates

WEEK = dt.timedelta(weeks=1)
NEXT = dt.date(2015, 7, 10) + WEEK


def _archive(*issues: PublishedIssue, **fields: Any) -> dict[str, str]:
    files = build_archive(issues, masthead(**fields), templates())
    return {file.path.as_posix(): file.content.decode("utf-8", "replace") for file in files}


def _two_issues() -> dict[str, str]:
    return _archive(published(number=56, date=NEXT), full_issue())


def _pages(files: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for path, content in files.items():
        if path.endswith(".html"):
            yield path, etree.HTML(content)


def _page(path: str, *issues: PublishedIssue, **fields: Any) -> Any:
    return etree.HTML(_archive(*issues, **fields)[path])


def test_there_is_a_page_for_every_issue_article_and_section_and_the_files() -> None:
    assert set(_archive(full_issue())) == {
        "index.html",
        "feeds.html",
        "404.html",
        "issues/2015-055.html",
        "articles/2015-055-a01.html",
        "articles/2015-055-a02.html",
        "articles/2015-055-a03.html",
        "sections/market.html",
        "sections/policy.html",
        "sections/notice.html",
        "assets/site.css",
        "assets/icon.svg",
        "issues/2015-055/files/核对表.docx",
        "issues/2015-055/data/prices.csv",
        "issues/2015-055/images/发电 结构.png",
    }


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_is_html_without_a_parse_error(language: str) -> None:
    files = _archive(published(number=56, date=NEXT), full_issue(), language=language)

    for path, content in files.items():
        if path.endswith(".html"):
            html5lib.HTMLParser(strict=True).parse(content)


def test_an_archive_without_issues_says_so_on_sound_pages() -> None:
    files = _archive()

    assert "还没有出版任何一期" in files["index.html"]
    assert "这个栏目还没有文章" in files["sections/market.html"]
    for path, content in files.items():
        if path.endswith(".html"):
            html5lib.HTMLParser(strict=True).parse(content)


def test_every_link_within_the_archive_leads_to_a_page_and_a_place_that_exist() -> None:
    files = _two_issues()
    trees = dict(_pages(files))
    feeds = {file.path.as_posix() for file in build_feeds([full_issue()], masthead())}

    for path, tree in trees.items():
        for target in [*tree.xpath("//a/@href"), *tree.xpath("//img/@src"), *tree.xpath("//link/@href")]:
            parts = urlsplit(target)
            if parts.scheme or path == "404.html":
                continue
            found = (
                posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path))) if parts.path else path
            )
            assert found in files or found in feeds, (path, target)
            if parts.fragment:
                assert trees[found].xpath("//*[@id=$id]", id=parts.fragment), (path, target)


def test_the_404_page_links_from_the_base_path_because_it_answers_at_any_depth() -> None:
    tree = _page("404.html", full_issue(), base_url="https://example.org/weekly")

    assert all(target.startswith(("/weekly/", "#")) for target in tree.xpath("//a/@href | //link/@href"))
    assert tree.xpath("//meta[@name='robots']/@content") == ["noindex"]


def test_no_page_runs_a_script_or_carries_a_style() -> None:
    for _, tree in _pages(_two_issues()):
        assert set(tree.xpath("//script/@type")) <= {"application/ld+json"}
        assert tree.xpath("//style | //*[@style] | //@*[starts-with(name(), 'on')]") == []


def test_every_page_has_a_language_a_title_one_h1_and_a_skip_link_to_its_content() -> None:
    for path, tree in _pages(_two_issues()):
        assert tree.get("lang") == "zh-CN", path
        assert tree.findtext("head/title").strip(), path
        assert len(tree.xpath("//h1")) == 1, path
        assert tree.xpath("//body/a[1]/@href") == ["#content"], path
        assert len(tree.xpath("//main[@id='content']")) == 1, path


def test_no_heading_level_is_left_out() -> None:
    for path, tree in _pages(_two_issues()):
        levels = [int(element.tag[1]) for element in tree.xpath("//h1 | //h2 | //h3 | //h4 | //h5")]
        assert all(below - above <= 1 for above, below in pairwise(levels)), (path, levels)


def test_an_id_stands_once_on_a_page() -> None:
    for path, tree in _pages(_two_issues()):
        ids = tree.xpath("//@id")
        assert len(ids) == len(set(ids)), path


def test_every_picture_has_words_and_a_size() -> None:
    tree = _page("articles/2015-055-a01.html", full_issue())

    [picture] = tree.xpath("//img")

    assert (picture.get("alt"), picture.get("width"), picture.get("height")) == ("发电结构", "600", "300")


def test_the_canonical_address_is_absolute_and_that_of_the_page() -> None:
    canonical = {path: tree.xpath("//link[@rel='canonical']/@href") for path, tree in _pages(_two_issues())}

    assert canonical["index.html"] == ["https://news.example.com/"]
    assert canonical["articles/2015-055-a01.html"] == ["https://news.example.com/articles/2015-055-a01.html"]
    assert canonical["404.html"] == []


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("index.html", "all"),
        ("issues/2015-055.html", "issues"),
        ("articles/2015-055-a02.html", "section-policy"),
        ("sections/policy.html", "section-policy"),
    ],
)
def test_the_nearest_feed_is_offered_first_and_atom_before_rss_and_json(path: str, nearest: str) -> None:
    links = _page(path, full_issue()).xpath("//link[@rel='alternate']")

    assert [link.get("href") for link in links[:3]] == [
        f"https://news.example.com/feeds/{nearest}.{form}" for form in ("atom", "rss", "json")
    ]
    assert [link.get("type") for link in links[:3]] == [
        "application/atom+xml",
        "application/rss+xml",
        "application/feed+json",
    ]
    assert len({link.get("title") for link in links}) == len(links)


def test_the_index_lists_issues_by_year_with_number_date_and_headlines() -> None:
    tree = _page("index.html", published(number=1, date=dt.date(2016, 1, 8)), full_issue())

    assert [element.text for element in tree.xpath("//section[@class='past']/h3")] == ["2016年", "2015年"]
    [first, second] = tree.xpath("//ol[@class='issues']/li")
    assert "总第1期" in "".join(first.itertext())
    assert "2015年7月10日" in "".join(second.itertext())
    assert "文章01的标题；文章02的标题；文章03的标题" in "".join(second.itertext())


def test_an_issue_page_holds_the_lead_the_contents_with_counts_and_every_article_in_full() -> None:
    tree = _page("issues/2015-055.html", full_issue())
    text = "".join(tree.itertext())

    assert "本期看三件事。" in text
    assert tree.xpath("//nav[@id='contents']//a[@class='section']/@href") == ["#market", "#policy", "#notice"]
    assert [element.text for element in tree.xpath("//nav[@id='contents']//span[@class='count']")] == [
        "1篇",
        "1篇",
        "1篇",
    ]
    assert "再看原因。" in text
    assert "第二段讲影响。" in text


def test_an_issue_turns_to_the_one_before_and_the_one_after() -> None:
    files = _two_issues()

    older, newer = (etree.HTML(files[f"issues/2015-0{number}.html"]) for number in (55, 56))

    assert older.xpath("//link[@rel='next']/@href") == ["../issues/2015-056.html"]
    assert older.xpath("//link[@rel='prev']") == []
    assert newer.xpath("//nav//a[@rel='prev']/@href") == ["../issues/2015-055.html"]


def test_an_article_turns_within_its_issue_and_within_its_section() -> None:
    first = published(article("2015-055-a01"), article("2015-055-a02", "policy"))
    second = published(article("2015-056-a01"), number=56, date=NEXT)
    tree = _page("articles/2015-055-a01.html", second, first)

    turns = {turn.get("aria-label"): turn.xpath(".//a/@href") for turn in tree.xpath("//div[@class='turns']/nav")}

    assert turns == {
        "本期文章": ["../articles/2015-055-a02.html"],
        "同栏目文章": ["../articles/2015-056-a01.html"],
    }


def test_a_single_article_turns_nowhere() -> None:
    tree = _page("articles/2015-055-a01.html", published(article()))

    assert tree.xpath("//nav[contains(@class, 'turn')]") == []


def test_an_article_page_shows_its_correction_with_the_date() -> None:
    tree = _page("articles/2015-055-a02.html", full_issue())

    [note] = tree.xpath("//*[@role='note']")

    assert "".join(note.itertext()) == "更正（2015年7月15日）：成交量应为 113 万吨。"


def test_an_issue_page_shows_a_correction_and_marks_it_in_the_contents() -> None:
    tree = _page("issues/2015-055.html", full_issue())

    [note] = tree.xpath("//article[@id='2015-055-a02']//*[@role='note']")

    assert "".join(note.itertext()) == "更正（2015年7月15日）：成交量应为 113 万吨。"
    assert tree.xpath("//nav//li[span[@class='mark']]/a/@href") == ["#2015-055-a02"]


def test_an_article_page_names_its_files_with_their_sizes() -> None:
    tree = _page("articles/2015-055-a01.html", full_issue())

    assert tree.xpath("//span[@class='size']/text()") == ["7 B"]
    assert "../issues/2015-055/files/%E6%A0%B8%E5%AF%B9%E8%A1%A8.docx" in tree.xpath("//a/@href")


def test_a_chart_is_drawn_with_its_figures_and_its_data_file_beside_it() -> None:
    tree = _page("articles/2015-055-a01.html", full_issue())

    [figure] = tree.xpath("//figure[@class='chart']")

    assert figure.xpath(".//*[local-name()='svg']")
    assert figure.findtext("figcaption") == "两地收盘价（元/吨）"
    assert len(figure.xpath(".//details//th[@scope='col']")) == 3
    assert figure.xpath(".//a/@href") == ["../issues/2015-055/data/prices.csv"]


def test_a_section_page_holds_its_articles_over_all_issues_newest_first() -> None:
    tree = _page("sections/market.html", published(number=56, date=NEXT), full_issue())

    assert [element.text for element in tree.xpath("//section/h2/a")] == [
        "总第56期 2015年7月17日",
        "总第55期 2015年7月10日",
    ]
    assert tree.xpath("//header[@class='headline']/p[@class='meta']/text()") == ["共2期、2篇"]
    assert "../feeds/section-market.atom" in tree.xpath("//p[@class='feeds']/a/@href")


def test_the_feeds_page_gives_every_feed_with_its_whole_address() -> None:
    tree = _page("feeds.html", full_issue())
    made = {masthead().site.url(file.path) for file in build_feeds([full_issue()], masthead())}

    assert set(tree.xpath("//dd//code/text()")) == made


def test_an_articles_linked_data_says_what_it_is_and_when() -> None:
    tree = _page("articles/2015-055-a02.html", full_issue())

    found = json.loads(tree.findtext(".//script"))

    assert found["@type"] == "NewsArticle"
    assert found["dateModified"] == "2015-07-15T00:50:01+08:00"
    assert found["author"]["name"] == "新华网"
    assert found["correction"] == [
        {"@type": "CorrectionComment", "text": "成交量应为 113 万吨。", "datePublished": "2015-07-15"}
    ]


def test_a_title_cannot_break_out_of_the_page() -> None:
    title = '</script><script>alert(1)</script>" onload="x'
    files = _archive(
        published(article(title=title, source=title, attachments=(Reference(name=title, url="https://a.example/"),)))
    )

    for _, tree in _pages(files):
        assert all(kind == "application/ld+json" for kind in tree.xpath("//script/@type"))
        assert tree.xpath("//@onload") == []
    tree = etree.HTML(files["articles/2015-055-a01.html"])
    assert tree.findtext(".//h1") == title
    assert json.loads(tree.findtext(".//script"))["headline"] == title


def test_open_graph_tells_an_article_its_section_and_its_picture() -> None:
    tree = _page("articles/2015-055-a01.html", full_issue())
    properties = dict(zip(tree.xpath("//meta/@property"), tree.xpath("//meta[@property]/@content"), strict=True))

    assert properties["og:type"] == "article"
    assert properties["og:locale"] == "zh_CN"
    assert properties["og:image"].startswith("https://news.example.com/issues/2015-055/images/")
    assert properties["article:section"] == "市场热点"
    assert properties["article:published_time"] == "2015-07-10T00:50:02+08:00"


def test_an_article_without_text_still_has_a_page() -> None:
    tree = _page("articles/2015-055-a01.html", published(article(body=Body(), date=None, source="")))

    assert tree.findtext(".//h1") == "文章01的标题"


def test_the_same_input_gives_the_same_bytes() -> None:
    assert _two_issues() == _two_issues()


def test_what_the_pages_hold_is_what_the_feeds_hold() -> None:
    files = _archive(full_issue())
    feed = next(file for file in build_feeds([full_issue()], masthead()) if file.path.name == "all.json")

    for item in json.loads(feed.content)["items"]:
        page = _prose(files[urlsplit(item["url"]).path.lstrip("/")])
        assert all(piece in page for piece in re.split(r"\n+", _prose(item["content_html"])) if piece.strip())


def _prose(source: str) -> str:
    tree = etree.HTML(source)
    return "\n".join(
        "".join(element.itertext()).strip() for element in tree.xpath("//p | //td | //th | //figcaption | //li")
    )


def test_a_changed_template_changes_pages_and_no_feed(tmp_path: Path) -> None:
    own = tmp_path / "site"
    own.mkdir()
    layout = (TEMPLATES / "site/article.html").read_text("utf-8")
    (own / "article.html").write_text(layout.replace("<h1>", "<p>新版式</p><h1>"), "utf-8")
    before = build_feeds([full_issue()], masthead())

    pages = build_archive([full_issue()], masthead(), Templates([tmp_path, TEMPLATES]))

    assert any("新版式".encode() in file.content for file in pages)
    assert build_feeds([full_issue()], masthead()) == before


def test_a_broken_site_template_is_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("\n{{ latest.subjct }}", "utf-8")

    with pytest.raises(TemplateError) as refused:
        build_archive([full_issue()], masthead(), Templates([tmp_path, TEMPLATES]))

    assert (refused.value.problems[0].path.endswith("site/index.html"), refused.value.problems[0].line) == (True, 2)


def test_every_section_has_its_colours_in_the_style_sheet_on_light_and_dark_paper() -> None:
    css = _archive(full_issue())["assets/site.css"]

    for section in ("market", "policy", "notice"):
        assert len(re.findall(rf"\.s-{section} \{{ --section: #[0-9a-f]{{6}}; --tint: #[0-9a-f]{{6}}; \}}", css)) == 2
