import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.importers import characters


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("绿 色 城 市 研 究", "绿色城市研究"),
        ("附 件 2 ： Joint Statement", "附件2： Joint Statement"),
        ("联 系 方 式 ：  021-5550123", "联系方式： 021-5550123"),
        ("7 月 8 日，完成改造", "7 月 8 日，完成改造"),
        ("2019 年 第 6 号", "2019 年 第 6 号"),
        ("碳 K 线", "碳 K 线"),
        ("市财政局 市教育局 市水务局", "市财政局 市教育局 市水务局"),
        ("（一） 交易双方", "（一） 交易双方"),
        ("王 明", "王 明"),
    ],
)
def test_only_justification_loses_its_blanks(text: str, closed: str) -> None:
    assert characters.close_justified(text) == closed


@given(st.text(alphabet="绿色城市 ab12，。 　", max_size=40))
def test_closing_justified_text_costs_no_ink(text: str) -> None:
    closed = characters.close_justified(text)

    assert characters.without_blanks(closed) == characters.without_blanks(text)


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("完成供热管", "网改造", "完成供热管网改造"),
        ("（粤府办〔201", "3〕49 号）", "（粤府办〔2013〕49 号）"),
        ("Low", "Sulphur Fuel", "Low Sulphur Fuel"),
        ("low-", "carbon", "low-carbon"),
        ("约 2.7", "GW", "约 2.7 GW"),
        ("共计", "1200 吨", "共计 1200 吨"),
        ("达到 1200", "万吨", "达到 1200 万吨"),
        ("in the end,", "we agreed", "in the end, we agreed"),
        ("", "开头", "开头"),
    ],
)
def test_lines_join_with_a_blank_only_where_the_wrap_swallowed_one(first: str, second: str, joined: str) -> None:
    assert characters.join(first, second, spaced=True) == joined


def test_lines_join_without_a_blank_in_a_text_that_sets_han_and_digits_solid() -> None:
    spaced = characters.is_spaced("到2019年底，共计3台。到 9 月")

    assert not spaced
    assert characters.join("共计", "1200吨", spaced=spaced) == "共计1200吨"


@pytest.mark.parametrize(
    ("text", "columns"),
    [("中国", 4), ("abc", 3), ("“中”", 6), ("50％", 4), ("a 中", 4)],
)
def test_width_counts_han_and_full_width_marks_twice(text: str, columns: int) -> None:
    assert characters.columns(text) == columns


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("改造完成", 2),  # 改
        ("（一）改造", 6),  # （一） stays whole
        ("2019年", 4),  # 2019
        ("“十三五”", 4),  # “十
        ("吨，比", 4),  # 吨，
        ("", 0),
    ],
)
def test_what_a_line_begins_with_is_not_parted(text: str, columns: int) -> None:
    assert characters.first_unit_columns(text) == columns


@pytest.mark.parametrize("text", ["完成了。", "他说：“好。”", "（见附件。）", "结束了！", "as agreed."])
def test_a_sentence_ends_before_closing_marks(text: str) -> None:
    assert characters.ends_sentence(text)


@pytest.mark.parametrize("text", ["完成供热管", "责任单位（市财政局）", "", "”"])
def test_other_text_ends_no_sentence(text: str) -> None:
    assert not characters.ends_sentence(text)


def test_titles_are_the_same_without_blanks_marks_and_width() -> None:
    assert characters.title_key("【走近电网】 一座变电站，２０１９") == characters.title_key("走近电网一座变电站2019")
