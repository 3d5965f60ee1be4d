import datetime as dt
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distributor.content.header import HeaderFields, ParsedArticle, parse_article, parse_header, write_article
from distributor.content.model import Correction, Reference
from distributor.content.values import clean, title_objection
from tests.content.folders import article, complaints


def fields_of(text: str) -> HeaderFields:
    parsed = parse_article(text, "a01.md")
    assert complaints(parsed.problems) == []
    assert parsed.fields is not None
    return parsed.fields


def refused(text: str) -> list[str]:
    parsed = parse_article(text, "a01.md")
    assert parsed.fields is None
    return complaints(parsed.problems)


def remedies(text: str) -> list[str]:
    return [problem.remedy.zh for problem in parse_article(text, "a01.md").problems]


@pytest.mark.parametrize(
    "title",
    [
        "关于减排：一份说明",
        "# 不是小标题",
        "“领跑者”制度",
        '"quoted"',
        "【履约观察】抵消机制",
        "[a, b]",
        "null",
        "7",
        "2015: a year",
        "- item",
        "{{ 7*7 }} {% include '/etc/passwd' %}",
        "!!python/object/apply:os.system",
        "各市场价格（2015年7月3日—9日）| 周报",
    ],
)
def test_title_is_raw_text_to_the_end_of_the_line(title: str) -> None:
    assert fields_of(article(title=title)).title == title


def test_chinese_keys_and_full_width_colons_are_read() -> None:
    text = """---
编号：2015-055-a04
标 题：环保“领跑者”
栏目：政策聚焦
日期：2015年6月25日
来源：财政部
链接：财政部｜http://www.example.org/
附件：目标 ｜ files/a.csv
缺失：图表、附件
摘要：一句话
更新：2015-7-12
更正：数字有误
---
正文"""

    assert fields_of(text) == HeaderFields(
        id="2015-055-a04",
        title="环保“领跑者”",
        section="政策聚焦",
        date=dt.date(2015, 6, 25),
        source="财政部",
        links=(Reference(name="财政部", url="http://www.example.org/"),),
        attachments=(Reference(name="目标", file=PurePosixPath("files/a.csv")),),
        missing=("图表", "附件"),
        summary="一句话",
        updated=dt.date(2015, 7, 12),
        corrections=(Correction(on=dt.date(2015, 7, 12), note="数字有误"),),
    )


@pytest.mark.parametrize(
    "written", ["2015-07-09", "2015-7-9", "2015/7/9", "2015.7.9", "2015年7月9日", "２０１５年７月９日"]
)
def test_date_forms_of_the_office_are_one_day(written: str) -> None:
    assert fields_of(article(date=written)).date == dt.date(2015, 7, 9)


def test_impossible_day_is_refused() -> None:
    assert refused(article(date="2015-02-30")) == ["a01.md:5 没有“2015-02-30”这一天"]


@pytest.mark.parametrize("written", ["07/09/2015", "9.7.2015", "July 9", "15-7-9"])
def test_ambiguous_date_is_never_guessed(written: str) -> None:
    assert refused(article(date=written)) == [f"a01.md:5 日期“{written}”说不准是哪天"]


def test_unknown_key_suggests_the_near_one() -> None:
    text = article(titel="x")

    assert refused(text) == ["a01.md:5 不认识的键“titel”"]
    assert remedies(text) == ["是不是 title？"]


def test_unknown_key_far_from_all_lists_the_known_ones() -> None:
    assert "标题 title" in remedies(article(author="某人"))[0]


def test_doubled_key_is_refused_with_both_lines() -> None:
    text = article().replace("title: 标题", "title: 标题\n标题：另一个")

    assert refused(text) == ["a01.md:4 title 写了两次（第 3 行已有）"]


def test_links_and_attachments_may_repeat() -> None:
    text = article(link="甲 | http://a.example/\nlink: 乙 | http://b.example/")

    fields = fields_of(text)

    assert [link.name for link in fields.links] == ["甲", "乙"]
    assert (fields.line_of("link", 0), fields.line_of("link", 1), fields.line_of("link", 2)) == (5, 6, None)


@pytest.mark.parametrize(
    ("key", "complaint"), [("id", "没有编号（id）"), ("title", "没有标题（title）"), ("section", "没有栏目（section）")]
)
def test_absent_key_is_named(key: str, complaint: str) -> None:
    assert refused(article(**{key: ""})) == [f"a01.md:4 {complaint}"]


def test_empty_title_names_its_line() -> None:
    assert refused(article().replace("title: 标题", "title:")) == ["a01.md:3 没有标题（title）"]


@pytest.mark.parametrize("written", ["2015-55-a04", "2015-055-A04", "a04", "../x", "con", "2015-055-周刊", "x" * 300])
def test_malformed_id_is_refused(written: str) -> None:
    assert "不合格式" in refused(article(id=written))[0]


def test_every_problem_of_a_header_is_reported_at_once() -> None:
    text = "---\ntitel: x\nid: ?\ndate: 2015-02-30\nlink: 甲 | javascript:alert(1)\n---\n"

    assert len(refused(text)) == 6


def test_empty_file_is_refused() -> None:
    assert refused("\n \n") == ["a01.md 文件是空的"]


def test_file_without_a_header_is_refused() -> None:
    assert refused("标题：甲\n---\n") == ["a01.md:1 文件不是以 --- 开头"]


@pytest.mark.parametrize("rule", ["———", "－－－", "——", "--", "==="])
def test_rule_of_other_dashes_is_explained(rule: str) -> None:
    text = article().replace("---", rule, 1)

    assert refused(text) == ["a01.md:1 开头的横线不是三个英文减号"]


def test_header_without_end_names_the_line_where_the_text_begins() -> None:
    text = article("第一段没有结束线。\n\n第二段。").replace("section: market\n---", "section: market")

    assert refused(text) == ["a01.md:6 文章信息没有结束：缺第二行 ---"]


def test_header_without_end_directly_before_the_text_names_that_line() -> None:
    text = article().replace("section: market\n---\n\n正文。", "section: market\n第一段\n第二段")

    assert refused(text)[0] == "a01.md:5 文章信息没有结束：缺第二行 ---"


def test_rule_in_the_body_does_not_close_a_forgotten_header() -> None:
    text = article("第一段。\n\n---\n\n第二段。").replace("section: market\n---", "section: market")

    assert refused(text) == ["a01.md:6 文章信息没有结束：缺第二行 ---"]


def test_line_without_a_colon_is_refused() -> None:
    text = article().replace("title: 标题", "title: 标题\n续行")

    assert refused(text) == ["a01.md:4 这一行没有冒号：“续行”"]


@pytest.mark.parametrize(
    ("title", "complaint"),
    [
        ("=?utf-8?B?QmNjOiB4QGV4YW1wbGUuY29t?=", "编码"),
        ("标题=?gb2312?q?x?=尾", "编码"),
        ("甲\u2028Bcc: x@example.com", "换行"),
        ("甲\x85乙", "换行"),
        ("字" * 201, "201 个字"),
        ("甲\x01乙", "控制字符"),
    ],
)
def test_title_that_would_break_a_mail_is_refused(title: str, complaint: str) -> None:
    assert complaint in refused(article(title=title))[0]


def test_title_of_the_longest_kind_is_accepted() -> None:
    assert title_objection("字" * 200) is None


def test_invisible_characters_of_a_pasted_title_vanish() -> None:
    assert fields_of(article(title="碳\u200b市\u202e场\ufeff\u2066价格")).title == "碳市场价格"


def test_value_beyond_its_limit_is_refused() -> None:
    assert "上限是 2000" in refused(article(source="字" * 3000))[0]


def test_correction_needs_its_day() -> None:
    assert "没有更正日期" in refused(article(correction="改数字"))[0]


def test_correction_later_than_updated_is_refused() -> None:
    assert "比 updated 还晚" in refused(article(updated="2015-07-12", correction="2015-07-13 | 改数字"))[0]


def test_every_correction_keeps_its_own_day() -> None:
    text = article(updated="2015-07-20", correction="2015-07-12 | 改数字").replace(
        "correction:", "更正: 后来的 | 改单位\ncorrection:"
    )

    assert fields_of(text).corrections == (
        Correction(on=dt.date(2015, 7, 20), note="后来的 | 改单位"),
        Correction(on=dt.date(2015, 7, 12), note="改数字"),
    )


@pytest.mark.parametrize("written", ["2015-07-12 08:05", "2015-7-12T8:05", "2015年7月12日8：05", "2015年7月12日 08:05"])
def test_updated_may_say_the_minute(written: str) -> None:
    fields = fields_of(article(updated=written))

    assert (fields.updated, fields.updated_time) == (dt.date(2015, 7, 12), dt.time(8, 5))


@pytest.mark.parametrize("written", ["2015-07-12 25:00", "2015-07-12 8", "2015-07-1208:05", "08:05"])
def test_updated_without_a_day_or_with_an_impossible_minute_is_refused(written: str) -> None:
    assert len(refused(article(updated=written))) == 1


def test_body_keeps_its_lines_and_says_where_it_begins() -> None:
    parsed = parse_article(article("\n第一段\n\n第二段\n\n"), "a01.md")

    assert parsed.body == "第一段\n\n第二段"
    assert parsed.first_body_line == 8


def test_header_lines_alone_can_be_read() -> None:
    header = parse_header(["id: 2015-055-a01", "title: 甲", "section: market"], "a01.md")

    assert header.problems == ()
    assert header.fields == HeaderFields(id="2015-055-a01", title="甲", section="market")


def test_canonical_form() -> None:
    fields = HeaderFields(
        id="2015-055-a04",
        title="甲：乙",
        section="policy",
        date=dt.date(2015, 7, 9),
        source="某部",
        links=(Reference(name="某部", url="http://a.example/"),),
        attachments=(Reference(name="表", file=PurePosixPath("files/a.csv")),),
        missing=("chart", "附件"),
    )

    assert write_article(fields, "\n正文\n\n") == (
        "---\n"
        "id: 2015-055-a04\n"
        "title: 甲：乙\n"
        "section: policy\n"
        "date: 2015-07-09\n"
        "source: 某部\n"
        "link: 某部 | http://a.example/\n"
        "attachment: 表 | files/a.csv\n"
        "missing: chart、附件\n"
        "---\n"
        "\n"
        "正文\n"
    )


def test_value_with_a_line_break_is_never_written() -> None:
    with pytest.raises(ValueError, match="line break"):
        write_article(HeaderFields(id="2015-055-a04", title="甲\nsource: 乙", section="policy"), "")


_CHARACTERS = st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn", "Zl", "Zp"))
_VALUES = st.text(alphabet=_CHARACTERS, max_size=60).map(clean)
_TITLES = _VALUES.filter(lambda title: title and title_objection(title) is None)
_NAMES = _VALUES.filter(bool)
_TARGETS = st.one_of(
    st.sampled_from(["http://a.example/x?y=1", "https://例子.example/路", "mailto:a@example.com"]).map(
        lambda url: {"url": url}
    ),
    st.sampled_from(["files/a.csv", "files/表 1.xlsx"]).map(lambda file: {"file": PurePosixPath(file)}),
)
_REFERENCES = st.lists(st.builds(lambda name, target: Reference(name=name, **target), _NAMES, _TARGETS), max_size=3)
_PARTS = st.text(alphabet=_CHARACTERS, max_size=10).map(
    lambda text: "".join(char for char in clean(text) if char not in ",，、;；")
)
_FIELDS = st.builds(
    HeaderFields,
    id=st.just("2015-055-a04"),
    title=_TITLES,
    section=_NAMES,
    date=st.none() | st.dates(),
    source=_VALUES,
    links=_REFERENCES.map(tuple),
    attachments=_REFERENCES.map(tuple),
    missing=st.lists(_PARTS.filter(bool), max_size=2).map(tuple),
    summary=_VALUES,
    updated=st.just(dt.date.max),
    updated_time=st.none() | st.times().map(lambda time: time.replace(second=0, microsecond=0)),
    corrections=st.lists(st.builds(Correction, on=st.dates(), note=_VALUES.filter(bool)), max_size=3).map(tuple),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fields=_FIELDS, body=st.text(alphabet=_CHARACTERS | st.just("\n"), max_size=100))
def test_written_article_is_read_back_as_it_was(fields: HeaderFields, body: str) -> None:
    parsed = parse_article(write_article(fields, body), "a01.md")

    assert parsed.fields == fields
    assert parsed.body.strip() == body.strip()


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_fields_or_problems(text: str) -> None:
    parsed = parse_article(text, "a01.md")

    assert isinstance(parsed, ParsedArticle)
    assert parsed.fields is not None or parsed.problems


@settings(deadline=None)
@given(st.text(alphabet="-—: ：\nid标题abc", max_size=200))
def test_any_header_gives_fields_or_problems(text: str) -> None:
    parsed = parse_article(f"---\n{text}", "a01.md")

    assert parsed.fields is not None or parsed.problems
