from dataclasses import replace

import pytest
from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK

from distributor.content.importers.balance import balance
from distributor.content.importers.model import (
    DoubtKind,
    DraftIssue,
    DraftPicture,
    DraftTable,
    DraftText,
    RemovalReason,
)
from tests.content.importers.stories import HEATING, ISSUE, METHOD, SECTIONS, STORIES
from tests.content.importers.word import (
    PICTURE,
    add_part,
    bold,
    imported,
    linked,
    one_article,
    picture_stream,
    raw,
    run,
    with_bold_lines,
    with_styles,
)

WRITERS = {"heading styles": with_styles, "bold lines": with_bold_lines}


def texts(issue: DraftIssue) -> list[str]:
    return [block.text for block in issue.articles[0].blocks]


def marked(issue: DraftIssue) -> list[str | None]:
    return [block.markdown for block in issue.articles[0].blocks if isinstance(block, DraftText)]


def doubts(issue: DraftIssue) -> str:
    return " ".join(doubt.what.zh for doubt in issue.doubts)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_an_issue_comes_back_from_word(write: object) -> None:
    issue = imported(write(ISSUE))  # type: ignore[operator]

    assert [(section.title, len(section.articles)) for section in issue.sections] == [
        (part.title, len(part.stories)) for part in ISSUE
    ]
    assert [article.title for article in issue.articles] == [story.title for story in STORIES]
    assert [article.source for article in issue.articles] == [story.source for story in STORIES]
    assert [[block.text for block in article.blocks] for article in issue.articles] == [
        list(story.paragraphs) for story in STORIES
    ]
    assert balance(issue).closes


def test_headings_and_bold_titles_may_stand_in_one_document() -> None:
    document = with_styles(ISSUE[:1])
    document.add_heading("政策聚焦", 1)
    bold(document, METHOD.title, size=15)
    document.add_paragraph("发布日期：2019-2-28  来源：滨江市人民政府")
    document.add_paragraph("正文。")

    issue = imported(document)

    assert [article.title for article in issue.articles][-1] == METHOD.title


def test_titles_by_style_need_no_date_line() -> None:
    document = Document()
    document.add_heading("城市绿色周报", 0)
    document.add_paragraph("总第 12 期")
    for section in SECTIONS[:2]:
        document.add_heading(section.title, 1)
        for name in ("第一篇", "第二篇"):
            document.add_heading(f"{section.title}{name}", 2)
            document.add_paragraph("正文。")
            document.add_heading("小标题", 3)
            document.add_paragraph("再写一段。")

    issue = imported(document)

    assert [article.title for article in issue.articles] == [
        "市场热点第一篇",
        "市场热点第二篇",
        "政策聚焦第一篇",
        "政策聚焦第二篇",
    ]
    assert [(block.kind, block.level) for block in issue.articles[0].blocks if isinstance(block, DraftText)] == [
        ("paragraph", 0),
        ("heading", 2),
        ("paragraph", 0),
    ]
    assert {removal.text for removal in issue.removals if removal.reason is RemovalReason.FRONT} == {
        "城市绿色周报",
        "总第 12 期",
    }


def test_a_heading_of_the_sections_level_that_no_config_knows_is_a_section() -> None:
    parts = (ISSUE[0], replace(ISSUE[1], title="数字与图表"))

    issue = imported(with_styles(parts))

    assert [(section.title, section.known) for section in issue.sections] == [
        ("市场热点", "market"),
        ("数字与图表", None),
    ]


def test_announcements_are_told_apart_by_the_look_of_their_titles() -> None:
    document = Document()
    bold(document, "【行业公告】", size=16)
    for name in ("节能宣传周开始报名", "能源审计名额已满"):
        title = bold(document, name, size=14)
        title.alignment = WD_ALIGN_PARAGRAPH.CENTER
        document.add_paragraph("各有关单位：")
        document.add_paragraph("有关事项见附件，请按时办理，过时不候，特此公告。")

    issue = imported(document)

    assert [article.title for article in issue.articles] == ["节能宣传周开始报名", "能源审计名额已满"]


def test_a_line_break_in_a_title_is_joined() -> None:
    document = Document()
    document.add_heading("市场热点", 1)
    title = document.add_heading("", 2)
    title.add_run("滨江区提前完成").add_break()
    title.add_run("供热管网改造")
    document.add_paragraph("正文。")

    assert imported(document).articles[0].title == "滨江区提前完成供热管网改造"


def test_line_breaks_in_the_text_part_paragraphs_and_page_breaks_do_not() -> None:
    def fill(document: WordDocument) -> None:
        paragraph = document.add_paragraph()
        paragraph.add_run("第一行。").add_break()
        paragraph.add_run("第二").add_break(WD_BREAK.PAGE)
        paragraph.add_run("行。")

    assert texts(one_article(fill)) == ["第一行。", "第二行。"]


def test_insertions_are_kept_and_deletions_are_not() -> None:
    def fill(document: WordDocument) -> None:
        raw(
            document,
            run("全市") + f'<w:ins w:id="1" w:author="甲">{run("共有")}</w:ins>'
            '<w:del w:id="2" w:author="甲"><w:r><w:delText>大约</w:delText></w:r></w:del>'
            + f'{run("25 台")}<w:moveFrom w:id="3" w:author="甲">{run("移走")}</w:moveFrom>'
            f'<w:moveTo w:id="4" w:author="甲">{run("移来")}</w:moveTo>{run("。")}',
        )

    issue = one_article(fill)

    assert texts(issue) == ["全市共有25 台移来。"]
    assert [removal.text for removal in issue.removals if removal.reason is RemovalReason.DELETED] == ["大约", "移走"]
    assert balance(issue).closes


def test_bold_and_links_become_markdown() -> None:
    def fill(document: WordDocument) -> None:
        link = linked(document, "https://www.example.org/a?b=1&c=2")
        raw(
            document,
            run("请看")
            + f'<w:hyperlink r:id="{link}">{run("公告*全文")}</w:hyperlink>'
            + "<w:r><w:rPr><w:b/></w:rPr><w:t>“领跑者”</w:t></w:r>"
            + run("制度。"),
        )

    issue = one_article(fill)

    assert texts(issue) == ["请看公告*全文“领跑者”制度。"]
    assert marked(issue) == ["请看[公告\\*全文](<https://www.example.org/a?b=1&c=2>)**“领跑者”**制度。"]


def test_a_link_field_is_a_link_too() -> None:
    def fill(document: WordDocument) -> None:
        raw(
            document,
            '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
            '<w:r><w:instrText xml:space="preserve"> HYPERLINK "http://www.example.org/" </w:instrText></w:r>'
            f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{run("网站")}'
            f'<w:r><w:fldChar w:fldCharType="end"/></w:r>{run("。")}',
        )

    assert marked(one_article(fill)) == ["[网站](<http://www.example.org/>)。"]


@pytest.mark.parametrize("address", ["file:///C:/稿件/附件.doc", "javascript:alert(1)", "ftp://files.example.org/a"])
def test_a_link_that_cannot_go_out_is_left_as_text_and_named(address: str) -> None:
    def fill(document: WordDocument) -> None:
        raw(document, f'<w:hyperlink r:id="{linked(document, address)}">{run("附件")}</w:hyperlink>{run("见后。")}')

    issue = one_article(fill)

    assert (texts(issue), marked(issue)) == (["附件见后。"], [None])
    assert any(doubt.kind is DoubtKind.LINK for doubt in issue.doubts)


def test_bullets_become_items_and_numbers_become_text() -> None:
    def fill(document: WordDocument) -> None:
        for style in ("List Bullet", "List Bullet", "List Number", "List Number"):
            document.add_paragraph(f"{style} 一项", style=style)

    issue = one_article(fill)

    kinds = [(block.kind, block.text) for block in issue.articles[0].blocks if isinstance(block, DraftText)]
    assert kinds == [
        ("item", "List Bullet 一项"),
        ("item", "List Bullet 一项"),
        ("paragraph", "1. List Number 一项"),
        ("paragraph", "2. List Number 一项"),
    ]
    assert balance(issue).closes


def test_a_table_is_kept_with_its_rows() -> None:
    def fill(document: WordDocument) -> None:
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(
            (cell for row in table.rows for cell in row.cells), ["城市", "台数", "滨江", "25"], strict=True
        ):
            cell.text = text
        document.add_paragraph("表后一段。")

    issue = one_article(fill)

    table, after = issue.articles[0].blocks
    assert isinstance(table, DraftTable)
    assert (table.rows, table.merged, after.text) == ((("城市", "台数"), ("滨江", "25")), False, "表后一段。")
    assert balance(issue).closes


def test_merged_cells_are_noticed() -> None:
    def fill(document: WordDocument) -> None:
        table = document.add_table(rows=2, cols=2)
        table.cell(0, 0).merge(table.cell(0, 1)).text = "合并的表头"
        table.cell(1, 0).text = "滨江"

    table = one_article(fill).articles[0].blocks[0]

    assert isinstance(table, DraftTable)
    assert (table.rows, table.merged) == ((("合并的表头", ""), ("滨江", "")), True)


def test_a_frame_of_one_cell_is_no_table() -> None:
    def fill(document: WordDocument) -> None:
        document.add_table(rows=1, cols=1).cell(0, 0).text = "框里的一段话。"

    assert texts(one_article(fill)) == ["框里的一段话。"]


def test_a_table_that_only_places_articles_gives_their_paragraphs() -> None:
    document = Document()
    cells = document.add_table(rows=1, cols=2).rows[0].cells
    for cell, part in zip(cells, ISSUE[:2], strict=True):
        cell.text = f"【{part.title}】"
        for story in part.stories:
            cell.add_paragraph(story.title)
            cell.add_paragraph(f"发布日期：{story.date}  来源：{story.source}")
            for paragraph in story.paragraphs:
                cell.add_paragraph(paragraph)

    issue = imported(document)

    assert [article.title for article in issue.articles] == [story.title for story in STORIES[:4]]
    assert balance(issue).closes


def test_a_date_and_source_under_a_line_break_is_no_part_of_the_title() -> None:
    document = Document()
    document.add_heading("市场热点", 1)
    title = document.add_heading("", 2)
    title.add_run("供热管网改造完成").add_break()
    title.add_run("发布日期：2019-3-8  来源：绿 E 站")
    document.add_paragraph("正文。")

    article = imported(document).articles[0]

    assert (article.title, article.source, [block.text for block in article.blocks]) == (
        "供热管网改造完成",
        "绿 E 站",
        ["正文。"],
    )


def test_a_picture_is_kept() -> None:
    def fill(document: WordDocument) -> None:
        document.add_paragraph("图前。")
        document.add_picture(picture_stream())

    picture = one_article(fill).articles[0].blocks[1]

    assert isinstance(picture, DraftPicture)
    assert (picture.content, picture.suffix) == (PICTURE, ".png")


def test_a_picture_that_is_only_linked_is_missing() -> None:
    def fill(document: WordDocument) -> None:
        link = linked(document, "http://www.example.org/a.png")
        raw(document, f'<w:r><w:drawing><a:blip r:link="{link}"/></w:drawing></w:r>' + run("图前。"))

    issue = one_article(fill)

    assert issue.articles[0].missing == ("picture",)
    assert "不会去网上取" in doubts(issue)


def test_a_picture_of_another_format_is_missing() -> None:
    def fill(document: WordDocument) -> None:
        document.add_paragraph("图前。")
        document.add_picture(picture_stream())
        part = next(part for part in document.part.package.iter_parts() if str(part.partname).endswith(".png"))
        part._blob = b"\x01\x00\x00\x00 not a picture that mail can show"

    issue = one_article(fill)

    assert issue.articles[0].missing == ("picture",)


def test_notes_stand_at_the_end_with_their_marks() -> None:
    note = (
        '<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        '<w:footnote w:id="2"><w:p><w:r><w:t>数字来自统计年鉴。</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )

    issue = one_article(lambda document: _noted(document, note))

    assert texts(issue) == ["共有 25 台［注1］。", "［注1］数字来自统计年鉴。"]
    assert balance(issue).closes


def _noted(document: WordDocument, note: str) -> None:
    add_part(document, "footnotes", note)
    raw(document, run("共有 25 台") + '<w:r><w:footnoteReference w:id="2"/></w:r>' + run("。"))


def test_a_comment_is_named_and_not_imported() -> None:
    comment = (
        '<w:comments xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        '<w:comment w:id="0"><w:p><w:r><w:t>这个数字请核实</w:t></w:r></w:p></w:comment></w:comments>'
    )

    def fill(document: WordDocument) -> None:
        add_part(document, "comments", comment)
        raw(document, run("共有 25 台。") + '<w:r><w:commentReference w:id="0"/></w:r>')

    issue = one_article(fill)

    assert texts(issue) == ["共有 25 台。"]
    assert "这个数字请核实" in doubts(issue)


def test_the_text_of_a_text_box_is_kept_and_named() -> None:
    def fill(document: WordDocument) -> None:
        box = f"<w:txbxContent><w:p>{run('框中文字。')}</w:p></w:txbxContent>"
        raw(document, f"{run('正文。')}<w:r><w:drawing>{box}</w:drawing></w:r>")

    issue = one_article(fill)

    assert texts(issue) == ["正文。", "框中文字。"]
    assert "文本框" in doubts(issue)
    assert balance(issue).closes


def test_hidden_text_is_taken_out_and_listed() -> None:
    def fill(document: WordDocument) -> None:
        raw(document, run("看得见。") + "<w:r><w:rPr><w:vanish/></w:rPr><w:t>看不见</w:t></w:r>")

    issue = one_article(fill)

    assert texts(issue) == ["看得见。"]
    assert [removal.text for removal in issue.removals if removal.reason is RemovalReason.HIDDEN] == ["看不见"]
    assert balance(issue).closes


def test_symbols_of_other_fonts_become_a_bullet() -> None:
    def fill(document: WordDocument) -> None:
        raw(document, '<w:r><w:sym w:font="Wingdings" w:char="F0B2"/></w:r>' + run(" 一项"))

    issue = one_article(fill)

    assert texts(issue) == ["• 一项"]
    assert balance(issue).closes


def test_bold_short_lines_are_sub_headings() -> None:
    def fill(document: WordDocument) -> None:
        document.add_paragraph("开头的一段话，说明来由。")
        bold(document, "投资多久收回", size=11)
        document.add_paragraph("按现在的价差，大约需要九年。")

    blocks = one_article(fill).articles[0].blocks

    assert [(block.kind, block.text, block.markdown) for block in blocks if isinstance(block, DraftText)][1] == (
        "heading",
        "投资多久收回",
        None,
    )


def test_an_address_on_its_own_line_is_a_link_of_the_article() -> None:
    issue = one_article(lambda document: document.add_paragraph("http://www.example.org/a.pdf") and None)

    assert [(link.url, link.attachment, link.guessed) for link in issue.articles[0].links] == [
        ("http://www.example.org/a.pdf", True, False)
    ]


def test_an_article_without_a_body_says_what_is_missing() -> None:
    document = Document()
    document.add_heading("市场热点", 1)
    document.add_heading("三家交易所成交走势", 2)
    document.add_heading(HEATING.title, 2)
    document.add_paragraph("正文。")

    issue = imported(document)

    assert (issue.articles[0].title, issue.articles[0].missing) == ("三家交易所成交走势", ("chart",))
