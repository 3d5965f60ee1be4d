import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.importers.sections import SectionStyle, parse_section
from tests.content.importers.stories import SECTIONS


@pytest.mark.parametrize(
    ("line", "style"),
    [
        ("\uf0b2 【市场热点】", SectionStyle.BRACKETED),
        ("【市场热点】", SectionStyle.BRACKETED),
        ("■ 【 市 场 热 点 】", SectionStyle.BRACKETED),
        ("一、【市场热点】", SectionStyle.BRACKETED),
        ("［市场热点］", SectionStyle.BRACKETED),
        ("■ 市场热点", SectionStyle.MARKED),
        ("== 市场热点 ==", SectionStyle.MARKED),
        ("\uf0b2 市场热点", SectionStyle.MARKED),
        ("一、市场热点", SectionStyle.NUMBERED),
        ("第一部分 市场热点", SectionStyle.NUMBERED),
        ("（一）市场热点", SectionStyle.NUMBERED),
        ("1. 市场热点", SectionStyle.NUMBERED),
        ("市场热点", SectionStyle.PLAIN),
        ("市 场 热 点", SectionStyle.PLAIN),
        ("市场热点：", SectionStyle.PLAIN),
        ("栏目：市场热点", SectionStyle.PLAIN),
    ],
)
def test_a_configured_title_is_a_section_in_every_form(line: str, style: SectionStyle) -> None:
    found = parse_section(line, SECTIONS)

    assert found is not None
    assert (found.title, found.known, found.style) == ("市场热点", "market", style)


@pytest.mark.parametrize("line", ["【技术前沿】", "\uf0b2 【技术前沿】", "〖技术前沿〗"])
def test_an_unknown_title_in_brackets_is_a_section(line: str) -> None:
    found = parse_section(line, SECTIONS)

    assert found is not None
    assert (found.title, found.known, found.sounds_like_one) == ("技术前沿", None, True)


@pytest.mark.parametrize(
    "line",
    [
        "【走近电网】一座变电站里的储能电池",
        "【编者按】",
        "【相关链接】",
        "《公共建筑能耗限额管理暂行办法》",
        "【这是一个长得不像栏目名称的方括号里的内容】",
        "市场热点不断，交易活跃。",
        "（一）项目位于滨江市；",
        "【】",
        "",
    ],
)
def test_titles_and_labels_are_no_sections(line: str) -> None:
    assert parse_section(line, SECTIONS) is None


@given(st.text(alphabet="【】一、市场热点■ \uf0b2（）=:", max_size=20))
def test_no_line_crashes_the_reader(line: str) -> None:
    found = parse_section(line, SECTIONS)

    assert found is None or found.title
