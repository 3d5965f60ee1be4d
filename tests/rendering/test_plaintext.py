import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.rendering.plaintext import WIDTH, heading, table, width_of, wrap

PIECES = st.sampled_from(
    ["甲", "乙的", "，", "。", "”", "“", "（", "）", "……", "——", " ", "PM2.5", "https://e.org/a?b=1", "3.5%"]
)
TEXTS = st.lists(PIECES, max_size=120).map("".join)
NO_START = "。，”）…—"
NO_END = "“（"


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("汉字", 4), ("“”", 4), ("——", 4), ("e\u0301", 1), ("CO₂", 4), ("℃", 2), ("", 0)],
)
def test_han_takes_two_columns(text: str, columns: int) -> None:
    assert width_of(text) == columns


def test_lines_are_filled_and_closing_marks_stay_with_their_word() -> None:
    assert wrap("一二三四，五六七八。九十", width=8) == "一二三\n四，五六\n七八。九\n十"


def test_opening_marks_go_to_the_next_line() -> None:
    assert wrap("一二三《四五》六", width=8) == "一二三\n《四五》\n六"


def test_url_is_never_broken() -> None:
    address = "https://example.org/" + "x" * 90

    assert wrap(f"见{address} 全文").split("\n") == ["见", address, "全文"]


def test_later_lines_stand_below_the_first() -> None:
    assert wrap("一二三四五", "1. ", width=9) == "1. 一二三\n   四五"


def test_line_breaks_of_the_text_stay() -> None:
    assert wrap("一\n二", "- ") == "- 一\n  二"


@given(TEXTS)
def test_wrapping_loses_and_adds_nothing(text: str) -> None:
    assert "".join(wrap(text).split()) == "".join(text.split())


@given(TEXTS, st.integers(10, 80))
def test_no_line_is_too_wide_unless_it_is_one_word(text: str, width: int) -> None:
    for line in wrap(text, width=width).split("\n"):
        assert width_of(line) <= width or not _could_break(line)


def _could_break(line: str) -> bool:
    return any(
        line[place] not in NO_START + "." and line[place - 1] not in NO_END
        for place in range(1, len(line))
        if not (line[place - 1].isascii() and line[place].isascii())
        and line[place - 1] + line[place] not in {"……", "——"}
    )


@given(TEXTS)
def test_no_line_begins_with_a_closing_mark(text: str) -> None:
    lines = wrap(text).split("\n")

    assert all(line[:1] not in set(NO_START) for line in lines[1:])
    assert all(line[-1:] not in set(NO_END) for line in lines[:-1])


def test_heading_is_underlined_as_far_as_it_goes() -> None:
    assert heading("市场热点", "=") == "市场热点\n========"


def test_table_aligns_han_columns_and_sets_numbers_flush_right() -> None:
    assert table([["地区", "吨"], ["上海", "2,010,258"], ["湖北", "-3.5%"]]) == (
        "地区         吨\n----  ---------\n上海  2,010,258\n湖北      -3.5%"
    )


def test_every_column_starts_at_the_same_place() -> None:
    rows = [["名称", "说明"], ["一个长名称", "甲"], ["短", "乙"]]

    lines = table(rows).split("\n")

    assert [width_of(line.rpartition("  ")[0]) for line in lines if "甲" in line or "乙" in line] == [10, 10]


def test_table_too_wide_becomes_one_record_a_row() -> None:
    rows = [["地区", "说明"], ["湖北", "长" * 40]]

    lines = table(rows).split("\n")

    assert lines[0].startswith("- 地区：湖北；说明：长")
    assert all(width_of(line) <= WIDTH for line in lines)


def test_ragged_rows_are_filled() -> None:
    assert table([["甲", "乙"], ["一"]]) == "甲  乙\n--  --\n一"


def test_empty_table_is_no_text() -> None:
    assert table([]) == ""
