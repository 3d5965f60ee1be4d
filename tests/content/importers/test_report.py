import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from docx import Document

from distributor.content.importers.balance import balance
from distributor.content.importers.folder import Destination
from distributor.content.importers.importing import ImportResult, import_file
from distributor.content.importers.model import Removal, RemovalReason
from distributor.content.importers.report import render_report, section_toml
from tests.content.importers.raw_layer import Part, Style, lay_out
from tests.content.importers.stories import HEATING, ISSUE, SECTIONS, SUBSIDY
from tests.content.importers.word import one_article_document, picture_stream, saved

Bring = Callable[[bytes | str], ImportResult]


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Import a document into a workspace of its own."""

    def imported(content: bytes | str) -> ImportResult:
        source = tmp_path / "稿件"
        source.write_bytes(content.encode() if isinstance(content, str) else content)
        return import_file(source, Destination(root=tmp_path, number=12, date=dt.date(2019, 3, 8), sections=SECTIONS))

    return imported


def text_of(result: ImportResult) -> str:
    return (result.folder / "import" / "report.md").read_text()


def test_the_first_lines_sum_up_in_both_languages(bring: Bring) -> None:
    text = text_of(bring(lay_out(ISSUE)))

    assert "稿件（PDF 文字层）→ 7 篇，缺内容 1 篇" in text
    assert "字符收支一致" in text
    assert "English: 稿件 read as layer; 7 articles, 1 with something missing" in text


def test_counts_per_section_and_removed_lines_are_listed(bring: Bring) -> None:
    text = text_of(bring(lay_out(ISSUE, Style(header_every=1))))

    assert "| 政策聚焦 | 2 |" in text
    assert "## 已去掉：页眉" in text
    assert "行：城市绿色周报 总第 12 期" in text


def test_articles_without_date_source_or_body_are_listed_with_a_hint(bring: Bring) -> None:
    text = text_of(bring(lay_out(ISSUE)))

    assert "- a01.md 没有正文" in text
    assert "- a06.md 没有日期、来源；正文里的落款是“滨江市发展和改革委员会”，2019-03-04" in text


def test_an_empty_section_is_named(bring: Bring) -> None:
    text = text_of(bring(lay_out((*ISSUE, Part(title="会议动态", stories=())))))

    assert "下面没有文章的栏目：会议动态" in text


def test_an_unreadable_date_is_quoted_and_holds_the_article_back(bring: Bring) -> None:
    result = bring(lay_out((Part(title="市场热点", stories=(replace(HEATING, date="上周五"),)),)))

    assert "日期“上周五”读不出是哪一天" in text_of(result)
    assert result.articles[0].article.missing == ("date",)


def test_an_account_that_does_not_close_says_what_differs(bring: Bring) -> None:
    report = bring(lay_out(ISSUE)).report
    more = replace(
        report.issue, removals=(*report.issue.removals, Removal(line=1, text="甲", reason=RemovalReason.URL))
    )

    text = render_report(replace(report, issue=more, balance=balance(replace(more, source=more.source + "乙乙"))))

    assert "**少了**：“乙”×2" in text
    assert "**多了**：“甲”×1" in text
    assert "字符收支不一致" in text


def test_word_files_are_counted_in_paragraphs(bring: Bring) -> None:
    document = one_article_document()
    document.add_paragraph("http://www.example.org/a.pdf")

    assert "- a01.md，原文约第 4 段，附件“a.pdf”" in text_of(bring(saved(document)))


def test_tables_that_became_csv_are_listed(bring: Bring) -> None:
    document = one_article_document()
    table = document.add_table(rows=2, cols=8)
    for cell in (cell for row in table.rows for cell in row.cells):
        cell.text = "数"

    result = bring(saved(document))

    assert "- a01.md：表 1 → data/a01-table1.csv" in text_of(result)
    assert (result.folder / "data" / "a01-table1.csv").exists()
    assert "attachment: 表 1 | data/a01-table1.csv" in (result.folder / "a01.md").read_text()


def test_what_stands_before_the_first_section_of_a_word_file_is_reported(bring: Bring) -> None:
    document = Document()
    document.add_picture(picture_stream())
    document.add_table(rows=1, cols=2).rows[0].cells[0].text = "城市绿色周报"
    document.add_heading("行业公告", 1)
    document.add_heading(SUBSIDY.title, 2)
    document.add_paragraph("正文。")

    result = bring(saved(document))

    text = text_of(result)
    assert "图片不在任何文章里" in text
    assert "表格不在任何文章里" in text
    assert "城市绿色周报" in text
    assert result.report.is_faithful


@pytest.mark.parametrize(
    ("title", "taken", "section_id"),
    [("技术前沿", (), "technology"), ("政策解读", ("policy",), "policy-5"), ("绿色生活", (), "section5")],
)
def test_a_new_section_gets_an_id_that_is_free(title: str, taken: tuple[str, ...], section_id: str) -> None:
    assert section_toml(title, taken, 5) == f'[[section]]\nid = "{section_id}"\ntitle = "{title}"'
