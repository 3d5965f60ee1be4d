import datetime as dt

from distributor.content.importers.balance import balance
from distributor.content.importers.layer import read_layer
from distributor.content.importers.model import UNKNOWN_SECTION, DoubtKind, DraftIssue, RemovalReason
from distributor.content.importers.plain import looks_wrapped, read_plain
from tests.content.importers.raw_layer import Style, lay_out
from tests.content.importers.stories import HEATING, ISSUE, SECTIONS, STORIES

ANNOUNCEMENTS = """\
行业公告
关于征集改造项目的公告
各单位可以从即日起报名，名额有限。

滨江市发展和改革委员会
2019年3月4日

春季能源管理师培训班开始报名
培训班定于四月在滨江举办，费用自理。
"""


def read(text: str) -> DraftIssue:
    return read_plain(text, SECTIONS, number=12)


def written() -> str:
    lines = []
    for part in ISSUE:
        lines += [f"【{part.title}】", ""]
        for story in part.stories:
            lines.append(story.title)
            if story.date:
                lines.append(f"来源：{story.source}  日期：{story.date}")
            lines += [*story.paragraphs, *story.urls, ""]
    return "\n".join(lines)


def test_an_issue_comes_back_from_plain_text() -> None:
    issue = read(written())

    assert [article.title for article in issue.articles] == [story.title for story in STORIES]
    assert [[block.text.replace(" ", "") for block in article.blocks] for article in issue.articles] == [
        [paragraph.replace(" ", "") for paragraph in story.paragraphs] for story in STORIES
    ]
    assert balance(issue).closes


def test_dates_and_sources_are_read_as_in_a_layer() -> None:
    article = read(written()).articles[1]

    assert (article.title, article.date, article.source) == (HEATING.title, dt.date(2019, 3, 7), HEATING.source)


def test_the_address_under_an_article_is_its_link() -> None:
    articles = {article.title: article for article in read(written()).articles}

    assert {title: len(article.links) for title, article in articles.items() if article.links} == {
        STORIES[2].title: 1,
        STORIES[4].title: 2,
    }


def test_number_signs_mark_sections_and_titles() -> None:
    first, second = "## 第一篇\n\n正文一。", "## 第二篇\n\n2019-3-8\n\n正文二。"

    issue = read(f"# 市场热点\n\n{first}\n\n{second}\n\n# 政策聚焦\n\n## 第三篇\n\n正文三。\n")

    assert [(section.title, [one.title for one in section.articles]) for section in issue.sections] == [
        ("市场热点", ["第一篇", "第二篇"]),
        ("政策聚焦", ["第三篇"]),
    ]
    assert issue.articles[1].date == dt.date(2019, 3, 8)
    assert balance(issue).closes


def test_groups_under_title_like_lines_are_articles_and_doubted() -> None:
    issue = read(ANNOUNCEMENTS)

    assert [article.title for article in issue.articles] == ["关于征集改造项目的公告", "春季能源管理师培训班开始报名"]
    assert [doubt.kind for doubt in issue.doubts] == [DoubtKind.BOUNDARY]


def test_without_a_section_line_all_articles_wait_for_one() -> None:
    issue = read(
        "第一篇\n发布日期：2019-3-8  来源：绿 E 站\n正文。\n\n第二篇\n发布日期：2019-3-9  来源：绿 E 站\n正文。\n"
    )

    assert [(section.title, section.known, len(section.articles)) for section in issue.sections] == [
        (UNKNOWN_SECTION, None, 2)
    ]


def test_the_head_of_the_paper_is_front_matter() -> None:
    issue = read("城市绿色周报\n2019年第10期\n" + written())

    front = [removal.text for removal in issue.removals if removal.reason is RemovalReason.FRONT]
    assert front == ["城市绿色周报", "2019年第10期"]
    assert [article.title for article in issue.articles] == [story.title for story in STORIES]


def test_an_author_beside_the_date_stays_in_the_text() -> None:
    issue = read("市场热点\n一篇文章\n发布日期：2019-3-8  来源：绿 E 站  作者：本站记者\n正文。\n")

    assert [block.text for block in issue.articles[0].blocks] == ["作者：本站记者", "正文。"]
    assert balance(issue).closes


def test_a_layer_looks_wrapped_and_plain_text_does_not() -> None:
    assert looks_wrapped(lay_out(ISSUE))
    assert looks_wrapped(lay_out(ISSUE, Style(columns=76, wide=76, spaced_lines=False, marks=False)))
    assert not looks_wrapped(written())
    assert not looks_wrapped(ANNOUNCEMENTS)


def test_plain_text_read_as_a_layer_loses_nothing_either() -> None:
    assert balance(read_layer(written(), SECTIONS, number=12)).closes
