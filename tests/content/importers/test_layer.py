import datetime as dt
from dataclasses import replace

import pytest

from distributor.content.importers.balance import balance
from distributor.content.importers.layer import read_layer
from distributor.content.importers.model import DoubtKind, DraftArticle, DraftIssue, RemovalReason
from tests.content.importers.raw_layer import Part, Story, Style, lay_out, stripped
from tests.content.importers.stories import CHART, HEATING, ISSUE, METHOD, PORT, SECTIONS, STORIES

NARROW = Style()
ONE_COLUMN = Style(columns=76, wide=76, spaced_lines=False, form_feeds=True, marks=False, header_every=1)
STYLES = {
    "two columns as Word leaves them": NARROW,
    "headers on every page": replace(NARROW, header_every=1),
    "no empty lines, form feeds": replace(NARROW, spaced_lines=False, form_feeds=True, header_every=1),
    "no marks": replace(NARROW, spaced_lines=False, form_feeds=True, marks=False),
    "no pages": replace(NARROW, page_breaks=False, header_every=0),
    "no pages, no marks": replace(NARROW, page_breaks=False, header_every=0, spaced_lines=False, marks=False),
    "titles inside the column": replace(NARROW, wide=38),
    "one column": ONE_COLUMN,
    "one column, other dress": replace(
        ONE_COLUMN, section="一、{}", meta="来源：{source}  发布时间：{date} 09:30", page_number="- {} -"
    ),
    "sections bare, pages counted": replace(
        NARROW, section="{}", headers=("城市与能源参考",), page_number="第 {} 页 共 9 页", header_every=1
    ),
}


def read(text: str) -> DraftIssue:
    return read_layer(text, SECTIONS, number=12)


def body(article: DraftArticle) -> list[str]:
    return [block.text for block in article.blocks]


def expected(story: Story) -> list[str]:
    return [paragraph.replace("附 件 1 ：", "附件1：") for paragraph in story.paragraphs]


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_an_issue_comes_back_from_its_text_layer(style: Style) -> None:
    issue = read(lay_out(ISSUE, style))

    assert [(section.title, len(section.articles)) for section in issue.sections] == [
        (part.title, len(part.stories)) for part in ISSUE
    ]
    assert [article.title for article in issue.articles] == [story.title for story in STORIES]
    assert [article.source for article in issue.articles] == [story.source for story in STORIES]
    assert [body(article) for article in issue.articles] == [expected(story) for story in STORIES]


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_no_character_is_lost_or_invented(style: Style) -> None:
    account = balance(read(lay_out(ISSUE, style)))

    assert (account.lost, account.invented) == ((), ())
    assert account.kept == sum(len("".join("".join((story.title, *story.paragraphs)).split())) for story in STORIES)


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_stripped_trailing_blanks_change_nothing(style: Style) -> None:
    issue = read(stripped(lay_out(ISSUE, style)))

    assert [body(article) for article in issue.articles] == [expected(story) for story in STORIES]


def test_dates_are_those_of_the_meta_lines_and_never_of_signatures() -> None:
    issue = read(lay_out(ISSUE))

    dates = {article.title: article.date for article in issue.articles}
    assert dates[METHOD.title] == dt.date(2019, 2, 28)
    assert [date for title, date in dates.items() if title.startswith("关于")] == [None, None]


def test_an_article_without_text_stays_and_says_that_its_chart_is_missing() -> None:
    issue = read(lay_out(ISSUE))

    assert (issue.articles[0].title, issue.articles[0].blocks, issue.articles[0].missing) == (
        CHART.title,
        (),
        ("chart",),
    )
    assert body(issue.articles[1]) == list(HEATING.paragraphs)


def test_an_appendix_with_its_own_title_stays_in_its_article_under_a_heading() -> None:
    issue = read(lay_out(ISSUE))

    article = next(article for article in issue.articles if article.title == METHOD.title)
    headings = [(block.text, block.level) for block in article.blocks if getattr(block, "kind", "") == "heading"]
    assert headings == [
        ("滨江市公共建筑能耗限额管理暂行办法", 2),
        ("一、适用范围", 2),
        ("二、限额怎样确定", 2),
        ("（一）按建筑类别分档", 3),
        ("（二）每三年调整一次", 3),
        ("三、附则", 2),
    ]


def test_page_furniture_is_named_in_the_removals() -> None:
    issue = read(lay_out(ISSUE, replace(NARROW, header_every=1)))

    removed = {removal.reason: removal.text.strip() for removal in issue.removals}
    assert "总第 12 期" in " ".join(
        removal.text for removal in issue.removals if removal.reason is RemovalReason.HEADER
    )
    assert removed[RemovalReason.PAGE_NUMBER].isdigit()


def test_another_issue_number_in_the_running_header_is_doubted() -> None:
    issue = read_layer(lay_out(ISSUE, replace(NARROW, header_every=1)), SECTIONS, number=13)

    doubt = next(doubt for doubt in issue.doubts if doubt.kind is DoubtKind.FIELD)
    assert "总第 12 期" in doubt.what.zh


def test_a_section_that_no_config_knows_keeps_its_title() -> None:
    parts = (*ISSUE[:2], replace(ISSUE[2], title="海外之窗"), replace(ISSUE[3], title="会议通知"))

    issue = read(lay_out(parts))

    assert [(section.title, section.known) for section in issue.sections] == [
        ("市场热点", "market"),
        ("政策聚焦", "policy"),
        ("海外之窗", None),
        ("会议通知", None),
    ]


def test_a_list_of_contents_is_no_issue_of_its_own() -> None:
    entries = "".join(f"【{part.title}】\n" + "".join(f"{one.title} …… 3\n" for one in part.stories) for part in ISSUE)
    text = "城市绿色周报\n目  录\n" + entries + lay_out(ISSUE, ONE_COLUMN)

    issue = read(text)

    assert [article.title for article in issue.articles] == [story.title for story in STORIES]
    assert balance(issue).closes


def test_prose_before_the_first_section_is_doubted_and_not_lost_in_silence() -> None:
    issue = read("编辑部的话：从本期起，我们换了版式。\n\n" + lay_out(ISSUE, ONE_COLUMN))

    assert any(doubt.kind is DoubtKind.BOUNDARY and "第一个栏目之前" in doubt.what.zh for doubt in issue.doubts)
    front = [removal.text for removal in issue.removals if removal.reason is RemovalReason.FRONT]
    assert front == ["编辑部的话：从本期起，我们换了版式。"]


def test_a_section_title_that_pages_repeat_is_no_second_section() -> None:
    text = lay_out(ISSUE, replace(ONE_COLUMN, headers=(), page_number="【政策聚焦】", lines_per_page=30))

    issue = read(text)

    assert [section.title for section in issue.sections][:2] == ["市场热点", "政策聚焦"]
    assert balance(issue).closes


def test_a_line_whose_text_is_lost_is_doubted_and_blocks_the_article() -> None:
    broken = "各区人民政府要在年底以前把改造计划送到"
    text = lay_out(ISSUE).replace("滨政办〔2019〕17 号 \n", f"{broken}\n\n \n")

    issue = read(text)

    article = next(article for article in issue.articles if article.title == METHOD.title)
    assert article.missing == ("text",)
    assert any(doubt.kind is DoubtKind.LOST_TEXT and doubt.article == METHOD.title for doubt in issue.doubts)


def test_a_private_bullet_in_the_text_becomes_one_that_readers_see() -> None:
    story = replace(HEATING, paragraphs=(*HEATING.paragraphs, "\uf0b7 每栋楼都装了热量表，住户可以随时看到用量。"))

    issue = read(lay_out((Part(title="市场热点", stories=(story,)),)))

    assert body(issue.articles[0])[-1].startswith("• 每栋楼")
    assert balance(issue).closes


def test_an_article_whose_title_is_lost_is_kept_and_asks_for_one() -> None:
    issue = read(lay_out(ISSUE, ONE_COLUMN).replace(f"{CHART.title}\n", ""))

    assert (issue.articles[0].title, issue.articles[0].missing) == ("（缺标题）", ("text", "title"))


def test_a_wrapped_title_may_end_in_two_characters() -> None:
    title = "第六届滨江绿色建筑与城市更新国际论坛暨能效管理技术装备展览会在会展中心举行"
    parts = (Part(title="市场热点", stories=(replace(HEATING, title=title), replace(PORT, urls=()))),)

    issue = read(lay_out(parts, replace(NARROW, wide=74)))

    assert [article.title for article in issue.articles] == [title, PORT.title]


@pytest.mark.parametrize(
    "text", ["", "\n\n \n", "只有一句话。", "【市场热点】", "发布日期：2019-3-8  来源：绿 E 站", "\f\f5\f"]
)
def test_scraps_of_text_are_read_without_a_crash(text: str) -> None:
    assert balance(read(text)).closes
