"""Round trips over random issues, and lines in any disorder: text is never lost, whatever stands in the file."""

import random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from distributor.content.importers.balance import balance
from distributor.content.importers.layer import read_layer
from distributor.content.importers.plain import read_plain
from tests.content.importers.raw_layer import Part, Story, Style, lay_out, stripped
from tests.content.importers.stories import SECTIONS

HAN = "城市绿色能源建筑管网热量电池港口船舶燃料指标限额改造居民费用工程规划节约测算标准部门意见试点运行监测平台"
FIGURES = ("", "", "", "", " 2019 年", " 38%", " 41.6 公里", "（EMS）", " 1,200 吨", "“领跑”", "〔2018〕9 号")
WITHOUT_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]


def words(choose: random.Random, least: int, most: int) -> str:
    return "".join(choose.choices(HAN, k=choose.randint(least, most)))


def sentence(choose: random.Random) -> str:
    clauses = [words(choose, 4, 16) + choose.choice(FIGURES) for _ in range(choose.randint(1, 4))]
    return "，".join(clauses) + "。"


def story(choose: random.Random) -> Story:
    return Story(
        title=words(choose, 8, 46),
        paragraphs=tuple(
            "".join(sentence(choose) for _ in range(choose.randint(1, 4))) for _ in range(choose.randint(1, 5))
        ),
        date=f"2019-{choose.randint(1, 12)}-{choose.randint(1, 28)}",
        source=words(choose, 3, 10),
    )


def issue_of(seed: int) -> tuple[Part, ...]:
    choose = random.Random(seed)
    return tuple(
        Part(title=section.title, stories=tuple(story(choose) for _ in range(choose.randint(1, 3))))
        for section in SECTIONS[: choose.randint(1, 3)]
    )


# Real prose does not repeat itself as shrunken examples do: a seed gives a whole issue of it.
ISSUES = st.integers(0, 2**32).map(issue_of)

STYLE = st.builds(
    Style,
    wide=st.just(60),
    spaced_lines=st.booleans(),
    form_feeds=st.booleans(),
    lines_per_page=st.integers(24, 50),
    header_every=st.integers(0, 2),
    page_number=st.sampled_from([" {}", "- {} -", "第 {} 页", "{} / 21"]),
    meta=st.sampled_from(
        ["发布日期：{date}  来源：{source}", "来源：{source}  发布时间：{date}", "{date}  来源：{source}"]
    ),
)


@settings(max_examples=60, deadline=None, phases=WITHOUT_SHRINKING)
@given(ISSUES, STYLE)
def test_a_marked_layer_gives_every_paragraph_back(parts: tuple[Part, ...], style: Style) -> None:
    issue = read_layer(lay_out(parts, style), SECTIONS, number=12)

    wanted = [story for part in parts for story in part.stories]
    assert [article.title for article in issue.articles] == [story.title for story in wanted]
    assert [article.source for article in issue.articles] == [story.source for story in wanted]
    assert ["".join(article.text.split()) for article in issue.articles] == [
        "".join("".join(story.paragraphs).split()) for story in wanted
    ]


@settings(max_examples=40, deadline=None, phases=WITHOUT_SHRINKING)
@given(ISSUES, STYLE)
def test_a_stripped_layer_gives_every_character_back(parts: tuple[Part, ...], style: Style) -> None:
    issue = read_layer(stripped(lay_out(parts, style)), SECTIONS, number=12)

    wanted = [story for part in parts for story in part.stories]
    assert [article.title for article in issue.articles] == [story.title for story in wanted]
    assert balance(issue).closes


LINE = st.sampled_from(
    [
        "",
        " ",
        "【市场热点】 ",
        "\uf0b2 【技术前沿】",
        "一、国际资讯",
        "政策聚焦",
        "发布日期：2019-3-8  来源：绿 E 站 ",
        "来源：绿 E 站  作者：本站",
        "人民网 2019-3-8",
        "作者：本站记者",
        "2019 年 3 月 8 日 ",
        "关于征集改造项目的公告 ",
        "附件：",
        "（一） 项目位于滨江市；",
        "城市绿色周报   总第 12 期",
        " 5",
        "- 6 -",
        "1/4。",
        "http://www.example.org/a.doc",
        "www.example.org",
        "目 录",
        "标题一二三 …… 5",
        "全区今年共更换管道 41.6 公里，涉及居民若",
        "干户，工程比计划提前了二十五天完成。 ",
        "\f续上一页的文字没有断开，直到这一行结束",
        "绿 色 建 筑 研 究",
        "\uf0b7 项目符号",
        "图 1 走势",
        "5\u00ad0 万\u200b吨",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINE, max_size=40))
def test_lines_in_any_disorder_are_all_accounted_for(lines: list[str]) -> None:
    text = "\n".join(lines)

    for read in (read_layer, read_plain):
        account = balance(read(text, SECTIONS, number=12))
        assert (account.lost, account.invented) == ((), ())


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_no_text_crashes_the_readers(text: str) -> None:
    for read in (read_layer, read_plain):
        assert balance(read(text, SECTIONS, number=12)).closes
