"""An article as bare HTML: what a reader sees without any style sheet."""

import datetime as dt
from pathlib import PurePosixPath

import pytest

from distributor.content.model import Body, Correction, Reference
from distributor.identifiers import issue_id
from distributor.rendering.article_html import article_to_html, feed_frame, size_text, to_uri
from tests.rendering.publications import CHART, PICTURE, TABLE, article, heading, masthead

FRAME = feed_frame(masthead(), issue_id(2015, 55))


def test_an_article_opens_with_its_source_and_date() -> None:
    assert article_to_html(article(), FRAME).startswith("<p>来源：新华网 · 2015年7月9日</p>")


def test_a_date_alone_is_called_a_date() -> None:
    assert article_to_html(article(source=""), FRAME).startswith("<p>日期：2015年7月9日</p>")


def test_an_announcement_without_source_and_date_opens_with_its_text() -> None:
    assert article_to_html(article(source="", date=None), FRAME).startswith("<p>第一段")


def test_a_correction_stands_before_the_text_with_its_date() -> None:
    corrected = article(corrections=(Correction(on=dt.date(2015, 7, 15), note="应为 <113> 万吨。"),))

    assert "<strong>更正（2015年7月15日）</strong>：应为 &lt;113&gt; 万吨。" in article_to_html(corrected, FRAME)


def test_the_newest_correction_comes_first_and_none_is_lost() -> None:
    notes = (Correction(on=dt.date(2015, 7, 15), note="先改。"), Correction(on=dt.date(2015, 7, 20), note="再改。"))

    made = article_to_html(article(corrections=notes), FRAME)

    assert made.index("更正（2015年7月20日）</strong>：再改。") < made.index("更正（2015年7月15日）</strong>：先改。")


def test_what_was_lost_is_said() -> None:
    assert "<em>原稿缺失：图表</em>" in article_to_html(article(missing=("chart",)), FRAME)


def test_a_chart_is_a_table_with_caption_and_header_cells() -> None:
    made = article_to_html(article(body=Body(blocks=(CHART,))), FRAME)

    assert "<caption>两地收盘价（元/吨）</caption>" in made
    assert '<th scope="col">北京</th>' in made
    assert '<th scope="row">' in made


def test_a_gap_in_the_data_is_an_empty_cell() -> None:
    assert "<td></td>" in article_to_html(article(body=Body(blocks=(CHART,))), FRAME)


def test_a_table_in_the_text_names_its_columns() -> None:
    assert '<th scope="col">地区</th>' in article_to_html(article(body=Body(blocks=(TABLE,))), FRAME)


def test_a_picture_has_an_absolute_address_its_size_and_its_caption() -> None:
    made = article_to_html(article(body=Body(blocks=(PICTURE,))), FRAME)

    address = "https://news.example.com/issues/2015-055/images/%E5%8F%91%E7%94%B5%20%E7%BB%93%E6%9E%84.png"
    assert (
        f'<figure><img src="{address}" '
        'alt="发电结构" width="600" height="300"><figcaption>2014年发电结构</figcaption></figure>'
    ) in made


def test_headings_move_down_where_the_article_is_part_of_an_issue() -> None:
    frame = feed_frame(masthead(), issue_id(2015, 55), shift=2)

    assert "<h4>走势</h4>" in article_to_html(article(body=Body(blocks=(heading("走势"),))), frame)


def test_links_and_attachments_are_lists_with_absolute_addresses() -> None:
    made = article_to_html(
        article(
            links=(Reference(name="A & B", url="http://example.org/新闻"),),
            attachments=(Reference(name="表", file=PurePosixPath("files/a b.docx")),),
        ),
        FRAME,
    )

    assert '<li><a href="http://example.org/%E6%96%B0%E9%97%BB">A &amp; B</a></li>' in made
    assert '<li><a href="https://news.example.com/issues/2015-055/files/a%20b.docx">表</a></li>' in made


def test_english_words_for_an_english_publication() -> None:
    frame = feed_frame(masthead(language="en"), issue_id(2015, 55))
    corrected = article(corrections=(Correction(on=dt.date(2015, 7, 15), note="113."),))

    assert "<strong>Correction (15 July 2015)</strong>: 113." in article_to_html(corrected, frame)


@pytest.mark.parametrize(
    ("pasted", "uri"),
    [
        ("http://例子.测试/新闻 稿?标题=碳#末", "http://xn--fsqu00a.xn--0zwm56d/%E6%96%B0%E9%97%BB%20%E7%A8%BF?%E6%A0%87%E9%A2%98=%E7%A2%B3#%E6%9C%AB"),
        ("https://example.com/a%20b?x=1&y=2", "https://example.com/a%20b?x=1&y=2"),
        ("mailto:weekly@example.com", "mailto:weekly@example.com"),
        (f"http://{'长' * 70}.com/", "http://" + "%E9%95%BF" * 70 + ".com/"),
    ],
    ids=["han", "already-encoded", "mail", "label-too-long"],
)  # fmt: skip
def test_a_pasted_link_becomes_a_uri(pasted: str, uri: str) -> None:
    assert to_uri(pasted) == uri


@pytest.mark.parametrize(
    ("size", "text"), [(463, "463 B"), (36_400, "36 KB"), (999_400, "999 KB"), (3_440_000, "3.4 MB")]
)
def test_a_size_is_told_in_thousands(size: int, text: str) -> None:
    assert size_text(size) == text
