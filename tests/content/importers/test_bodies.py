import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.importers.bodies import write_body
from distributor.content.importers.model import DraftArticle, DraftBlock, DraftPicture, DraftTable, DraftText
from distributor.content.markup import parse_body
from distributor.content.model import Prose
from tests.content.importers.word import PICTURE


def article(*blocks: DraftBlock) -> DraftArticle:
    return DraftArticle(title="一篇文章的标题", line=1, blocks=blocks)


def text(written: str, **more: object) -> DraftText:
    return DraftText(kind="paragraph", text=written, line=1, **more)  # type: ignore[arg-type]


def shown(markdown: str) -> list[str]:
    body, problems = parse_body(markdown, path="a01.md", folder=Path("/nowhere"))
    assert not problems
    return [block.text for block in body.blocks if isinstance(block, Prose)]


@pytest.mark.parametrize(
    "written",
    [
        "1. 完善制度",
        "1.强化责任",
        "- 一项",
        "# 号",
        "**不是粗体**",
        "a_b_c",
        "<b>",
        "| 竖线 |",
        "——说明",
        "（一）总则",
        "---",
        "&amp;",
    ],
)
def test_text_that_looks_like_markdown_stays_text(written: str) -> None:
    body = write_body(article(text(written)), "a01")

    assert shown(body.markdown) == [written]
    assert body.faithful


@given(
    st.lists(
        st.text(alphabet="完善1.、（）#*_-<>[]()!|`~ 制度\\&;:", min_size=1, max_size=24).filter(str.strip), max_size=6
    )
)
def test_any_text_comes_through_markdown_whole(paragraphs: list[str]) -> None:
    assert write_body(article(*map(text, paragraphs)), "a01").faithful


def test_markdown_that_would_cost_a_character_is_not_used() -> None:
    body = write_body(article(text("看 ** 这里", markdown="看 [ ** 这里](<x")), "a01")

    assert shown(body.markdown) == ["看 ** 这里"]


def test_headings_and_nested_items_keep_their_levels() -> None:
    blocks = (
        DraftText(kind="heading", text="一、总则 #", line=1, level=2),
        DraftText(kind="item", text="外层", line=2, marker="-", level=1),
        DraftText(kind="item", text="内层", line=3, marker="-", level=2),
        text("段落"),
    )

    body = write_body(article(*blocks), "a01")

    assert body.markdown == "## 一、总则 \\#\n\n- 外层\n  - 内层\n\n段落"
    assert body.faithful


def test_a_small_table_stands_in_the_text() -> None:
    table = DraftTable(rows=(("城市", "台|数"), ("滨江", "25")), line=1)

    body = write_body(article(table), "a01")

    assert shown(body.markdown) == ["城市 | 台|数\n滨江 | 25"]
    assert body.files == ()


@pytest.mark.parametrize(
    "table",
    [
        DraftTable(rows=(("合并", ""), ("滨江", "25")), line=1, merged=True),
        DraftTable(rows=(tuple("一二三四五六七"), tuple("1234567")), line=1),
        DraftTable(rows=(("只有", "一行"),), line=1),
    ],
    ids=["merged", "wide", "one row"],
)
def test_other_tables_become_csv_that_excel_opens(table: DraftTable) -> None:
    body = write_body(article(table, text("表后")), "a04")

    file = body.files[0]
    assert (str(file.path), body.markdown, body.tables[0].file) == ("data/a04-table1.csv", "表后", file.path)
    assert file.content.startswith("\ufeff".encode())
    assert tuple(map(tuple, csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))) == table.rows


def test_pictures_are_called_after_their_article() -> None:
    pictures = [DraftPicture(content=PICTURE, suffix=".png", line=1, alt=alt) for alt in ("走势[图]", "")]

    body = write_body(article(*pictures), "a04")

    assert [str(file.path) for file in body.files] == ["images/a04-1.png", "images/a04-2.png"]
    assert body.markdown == "![走势 图](images/a04-1.png)\n\n![一篇文章的标题](images/a04-2.png)"
