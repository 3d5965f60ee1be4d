import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.importers.dates import leading_date, whole_date


@pytest.mark.parametrize(
    "text",
    [
        "2019-3-8", "2019-03-08", "2019/3/8", "2019.3.8", "2019年3月8日", "2019 年 3 月 8 日", "20190308",
        "２０１９-３-８", "二〇一九年三月八日", "二○一九年三月八日", "（2019-3-8）", "2019-03-08 10:30",
        "2019-03-08 10:30:59", "2019年3月8日 星期五", "2019-3-8（周五）",
    ],
)  # fmt: skip
def test_every_form_of_a_date_line_is_read(text: str) -> None:
    assert whole_date(text) == dt.date(2019, 3, 8)


@pytest.mark.parametrize(
    "text", ["2019-2-30", "2019-3-88", "3月8日", "19-3-8", "08/03/2019", "二〇一九年十三月八日", "2019年", "", "前天"]
)
def test_what_names_no_certain_day_is_no_date(text: str) -> None:
    assert whole_date(text) is None


def test_text_after_a_date_is_handed_back() -> None:
    found = leading_date("2019-03-08 10:30 绿 E 站")

    assert found is not None
    assert (found.day, found.rest) == (dt.date(2019, 3, 8), "绿 E 站")


@pytest.mark.parametrize(
    ("text", "day"), [("二〇一九年十月二十日", 20), ("二〇一九年十月三十一日", 31), ("二〇一九年十月十日", 10)]
)
def test_han_numbers_above_ten_are_read(text: str, day: int) -> None:
    assert whole_date(text) == dt.date(2019, 10, day)


@given(st.text(alphabet="0123456789-/.年月日二〇一九十 :：（）", max_size=24))
def test_no_text_crashes_the_reader(text: str) -> None:
    found = leading_date(text)

    assert found is None or 0 < found.day.year < 10_000
