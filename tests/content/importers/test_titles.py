import pytest

from distributor.content.importers import titles


@pytest.mark.parametrize(
    "line",
    [
        "滨江区提前完成本年度老旧小区供热管网改造",
        "【走近电网】一座变电站里的储能电池",
        "三家交易所周内成交走势（2019 年 3 月 4 日-2019 年 3 月 8 日）",
        "“领跑者”能走多远？",
        "2020 年前建成百座充电站",
    ],
)
def test_these_may_be_titles(line: str) -> None:
    assert titles.looks_like_title(line)


@pytest.mark.parametrize(
    "line",
    [
        "各区人民政府：",
        "改造已经完成。",
        "（一）适用范围",
        "1．商场按单位面积考核",
        "• 限制煤炭消耗",
        "——新建建筑",
        "2019 年 3 月 8 日",
        "滨政办〔2019〕17 号",
        "2019 年 第 6 号",
        "附件：暂行办法",
        "图 1 成交走势",
        "5",
        "",
    ],
)
def test_these_are_no_titles(line: str) -> None:
    assert not titles.looks_like_title(line)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("一、适用范围", 2),
        ("三、 其他事宜", 2),
        ("第二章 限额的确定", 2),
        ("（二）每三年调整一次", 3),
        ("（一） 项目位于滨江市；", None),
        ("（一）建立机制。各部门要加强协调", None),
        ("一、", None),
        ("1．强化主体责任", None),
    ],
)
def test_numbered_lines_without_a_sentence_are_headings(line: str, level: int | None) -> None:
    assert titles.heading_level(line) == level


@pytest.mark.parametrize("line", ["2019 年 3 月 8 日", "滨江市节能协会 2019年3月8日", "二〇一九年三月八日"])
def test_a_date_closes_a_signature(line: str) -> None:
    assert titles.ends_signature(line)


@pytest.mark.parametrize("line", ["截至 2019 年 3 月 8 日，共有", "2019 年", "本办法自 2019 年 3 月 8 日起施行"])
def test_a_sentence_with_a_date_closes_none(line: str) -> None:
    assert not titles.ends_signature(line)


@pytest.mark.parametrize(("line", "kind"), [("图 1 成交走势", "图"), ("表2：各市目标", "表"), ("图书馆改造完成", None)])
def test_captions_name_what_they_belong_to(line: str, kind: str | None) -> None:
    assert titles.caption_kind(line) == kind
