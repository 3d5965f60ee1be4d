import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.importers.meta import merge, parse_meta

DAY = dt.date(2019, 3, 8)


@pytest.mark.parametrize(
    "line",
    [
        "发布日期：2019-3-8  来源：绿 E 站",
        "发布日期：2019年3月8日 来源：绿 E 站",
        "日期: 2019/03/08 来源: 绿 E 站",
        "来源：绿 E 站  发布时间：2019-03-08 10:30",
        "（来源：绿 E 站  2019-3-8）",
        "[2019-03-08] 来源：绿 E 站",
        "发布时间：2019-03-08|来源：绿 E 站",
        "发 布 日 期 ： 2019-3-8  来 源 ： 绿 E 站",
        "2019-03-08 绿 E 站",
        "绿 E 站  2019年3月8日",
        "时间：2019.3.8  来源:绿 E 站",
    ],
)
def test_date_and_source_are_read_in_every_form(line: str) -> None:
    found = parse_meta(line)

    assert found is not None
    assert (found.date, found.source, found.rest, found.unread) == (DAY, "绿 E 站", (), "")


@pytest.mark.parametrize(
    ("line", "date", "source"),
    [
        ("发布日期：2019-3-8", DAY, ""),
        ("来源：人民日报-绿色频道", None, "人民日报-绿色频道"),
        ("发布日期：  来源：人民日报", None, "人民日报"),
        ("发布日期：2019-3-8  来源：", DAY, ""),
        ("来源：市财政局 市教育局", None, "市财政局 市教育局"),
    ],
)
def test_one_field_may_be_missing(line: str, date: dt.date | None, source: str) -> None:
    found = parse_meta(line)

    assert found is not None
    assert (found.date, found.source) == (date, source)


@pytest.mark.parametrize(
    "line",
    [
        "据来源：某网报道，全市完成改造。",
        "来源：这句话太长了，不像一个来源，而且说了很多别的事情，所以它只能是正文里的一句话，不是出处。",
        "来源：一句完整的话。",
        "时间：2019年3月20日上午9点，地点：滨江",
        "1、时间：2019年3月8日",
        "全区今年共更换管道 41.6 公里",
        "",
        "滨政办〔2019〕17 号",
    ],
)
def test_prose_is_no_date_and_source_line(line: str) -> None:
    assert parse_meta(line) is None


def test_a_bare_label_leaves_the_decision_to_the_place() -> None:
    bare, sure = parse_meta("来源：绿 E 站"), parse_meta("发布日期：2019-3-8")

    assert bare is not None
    assert sure is not None
    assert (bare.certain, sure.certain) == (False, True)


def test_an_unreadable_date_is_kept_as_written() -> None:
    found = parse_meta("发布日期：上周五  来源：绿 E 站")

    assert found is not None
    assert (found.date, found.unread) == (None, "上周五")


def test_an_author_in_the_line_is_handed_on() -> None:
    found = parse_meta("发布日期：2019-3-8  来源：绿 E 站  作者:本站记者")

    assert found is not None
    assert found.rest == ("作者:本站记者",)


def test_two_lines_make_one_meta() -> None:
    first, second = parse_meta("来源：绿 E 站"), parse_meta("日期：2019-3-8")

    assert first is not None
    assert second is not None
    together = merge(first, second)
    assert (together.date, together.source) == (DAY, "绿 E 站")


@given(st.text(alphabet="发布日期来源时间：: 2019-38年月日绿站（）|，。", max_size=40))
def test_no_line_crashes_the_reader(line: str) -> None:
    found = parse_meta(line)

    assert found is None or found.fields
