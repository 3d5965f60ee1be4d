"""What `when` may say, and what it answers to what it cannot read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.scheduling.model import Misreading, Rule
from distributor.scheduling.phrases import parse_when
from distributor.scheduling.recurrence import describe
from tests.scheduling.schedules import rule

READABLE = {
    "每周五 09:00": "每周五 09:00",
    "每周五09:00": "每周五 09:00",
    "周五 9:00": "每周五 09:00",
    "逢周五 09:00": "每周五 09:00",
    "每个星期五 09:00": "每周五 09:00",
    "每週五　９點": "每周五 09:00",
    "每周五 ０９：００": "每周五 09:00",
    "每周五 09∶00": "每周五 09:00",
    "每周五 09:00:00": "每周五 09:00",
    " 每周五的 09:00。": "每周五 09:00",
    "每周五上午9点": "每周五 09:00",
    "每周五 上午 9:00": "每周五 09:00",
    "每周五早9点": "每周五 09:00",
    "每周五 九点": "每周五 09:00",
    "每周五上午九点整": "每周五 09:00",
    "每周五9点钟": "每周五 09:00",
    "每周五 9点半": "每周五 09:30",
    "每周五上午九点三十分": "每周五 09:30",
    "每周五 9时05分": "每周五 09:05",
    "每周五 九点零五分": "每周五 09:05",
    "每周五 9点一刻": "每周五 09:15",
    "每周五 9点3刻": "每周五 09:45",
    "每周五 十二点二十": "每周五 12:20",
    "每周五中午12点": "每周五 12:00",
    "每周五中午1点": "每周五 13:00",
    "每周五下午3点半": "每周五 15:30",
    "每周五下午15:30": "每周五 15:30",
    "每周五晚上8点": "每周五 20:00",
    "每周五 09:00、15:00": "每周五 09:00、15:00",
    "每周五 15:00和09:00": "每周五 09:00、15:00",
    "每周一、三 08:30": "每周一、周三 08:30",
    "每周一，周三 08:30": "每周一、周三 08:30",
    "每周三、一 08:30": "每周一、周三 08:30",
    "每周一和周三 08:30": "每周一、周三 08:30",
    "每周一三五 08:30": "每周一、周三、周五 08:30",
    "每星期一、三 08:30": "每周一、周三 08:30",
    "每礼拜天 08:30": "每周日 08:30",
    "每周日 08:30": "每周日 08:30",
    "每周一至周三 08:30": "每周一、周二、周三 08:30",
    "每周六到周一 08:30": "每周一、周六、周日 08:30",
    "每天 08:00": "每天 08:00",
    "每日 08:00": "每天 08:00",
    "工作日 09:00": "每个工作日 09:00",
    "每个工作日9点": "每个工作日 09:00",
    "每月1日 09:00": "每月1日 09:00",
    "每月1号9点": "每月1日 09:00",
    "每个月一日、十五日 09:00": "每月1日、15日 09:00",
    "每月1、15日 09:00": "每月1日、15日 09:00",
    "每月二十一日 09:00": "每月21日 09:00",
    "每月三十一日 09:00": "每月最后一天 09:00",
    "每月最后一天 17:00": "每月最后一天 17:00",
    "月底 17:00": "每月最后一天 17:00",
    "每月第一个工作日 09:00": "每月第一个工作日 09:00",
    "每月首个工作日 09:00": "每月第一个工作日 09:00",
    "每月最后一个工作日 09:00": "每月最后一个工作日 09:00",
    "Fri 09:00": "每周五 09:00",
    "FRIDAY 9:00": "每周五 09:00",
    "every Friday 09:00": "每周五 09:00",
    "Fridays at 9am": "每周五 09:00",
    "Fri 9:30 PM": "每周五 21:30",
    "Fri 12am": "每周五 00:00",
    "Fri 12:15 pm": "每周五 12:15",
    "Mon,Wed 08:30": "每周一、周三 08:30",
    "Mon & Wed, 08:30": "每周一、周三 08:30",
    "Mon-Wed 08:30": "每周一、周二、周三 08:30",
    "Mon to Wed 08:30": "每周一、周二、周三 08:30",
    "daily 08:00": "每天 08:00",
    "every day at 08:00": "每天 08:00",
    "weekdays 09:00": "每个工作日 09:00",
    "every working day 09:00": "每个工作日 09:00",
    "monthly 1 09:00": "每月1日 09:00",
    "monthly on day 1, 15 at 09:00": "每月1日、15日 09:00",
    "the 1st and 15th of every month 09:00": "每月1日、15日 09:00",
    "first workday of month 09:00": "每月第一个工作日 09:00",
    "the last business day of each month at 09:00": "每月最后一个工作日 09:00",
    "last day of month 17:00": "每月最后一天 17:00",
}

UNREADABLE = {
    "": ("when 是空的", "可以写：每周五 09:00"),
    "每周五": ("没有写几点", "每周五 09:00"),
    "Fri": ("没有写几点", "fri 09:00"),
    "09:00": ("没有写哪一天", "每天 09:00"),
    "每周 09:00": ("没有写是哪一天", "每周五 09:00"),
    "每月 09:00": ("没有写是哪一天", "每月1日 09:00"),
    "weekly 09:00": ("没有写是哪一天", "每周五 09:00"),
    "monthly day 09:00": ("没有写是哪一天", "每月1日 09:00"),
    "每周五 25:00": ("没有“25:00”", "00:00 到 23:59"),
    "每周五 09:60": ("没有“09:60”", "00:00 到 23:59"),
    "每周五 24:00": ("没有“24:00”", "第二天的 00:00"),
    "每周五 9:5": ("说不清", "9:05"),
    "每周五 09:00:30": ("说不清", "09:00"),
    "每周五上午13:00": ("说不清", "13:00"),
    "每周五上午12点": ("说不清", "00:00 / 12:00"),
    "每周五 0900": ("里的时间", "每周五 09:00"),
    "每周五 9.30": ("里的时间", "每周五 09:30"),
    "每周五 9930": ("不是星期几", "每周五 09:00"),
    "每周五 09:00发送": ("时间后面的“发送”", "先写日子"),
    "每周五 09:00 和 周六 10:00": ("时间后面的“和 周六”", "两个 [[schedule]]"),
    "Fri 09:00 Asia/Shanghai": ("时间后面的“asia/shanghai”", "先写日子"),
    "每周八 09:00": ("“八”不是星期几", "周一到周日"),
    "每周末 09:00": ("“末”不是星期几", "周一到周日"),
    "每周一三点半": ("不是星期几", "周一到周日"),
    "每周5 09:00": ("写成了数字", "每周五 09:00"),
    "隔周五 09:00": ("没有隔周", "每月1日、15日"),
    "every other Friday 09:00": ("没有隔周", "每月1日、15日"),
    "每月32日 09:00": ("没有这一天", "1日 到 31日"),
    "monthly 32 09:00": ("没有这一天", "1日 到 31日"),
    "每月第二个工作日 09:00": ("看不懂", "每月第一个工作日 09:00"),
    "每小时": ("看不懂", "可以写"),
    "hourly": ("看不懂", "可以写"),
    "Firday 09:00": ("看不懂", "friday 09:00"),
    "evry Friday 09:00": ("看不懂", "every friday 09:00"),
    "Mon to 09:00": ("看不懂", "可以写"),
    "Mon - - Fri 09:00": ("看不懂", "可以写"),
    "monthly soon 09:00": ("看不懂", "可以写"),
    "last Friday of month 09:00": ("看不懂", "可以写"),
    "0 9 * * fri": ("cron 的写法", 'cron = "0 9 * * fri"'),
}


@pytest.mark.parametrize(("text", "meaning"), READABLE.items(), ids=READABLE)
def test_phrase_is_read_and_echoed(text: str, meaning: str) -> None:
    assert describe(rule(text), "zh") == meaning


@pytest.mark.parametrize("text", READABLE)
def test_echo_in_either_language_means_the_same(text: str) -> None:
    read = rule(text)

    assert rule(describe(read, "zh")) == read
    assert rule(describe(read, "en")) == read


@pytest.mark.parametrize(("text", "answer"), UNREADABLE.items(), ids=UNREADABLE)
def test_what_cannot_be_read_is_named_with_a_remedy(text: str, answer: tuple[str, str]) -> None:
    misreading = parse_when(text)

    assert isinstance(misreading, Misreading)
    what, remedy = answer
    assert what in misreading.what.zh
    assert remedy in misreading.remedy.zh


@given(
    st.text(
        alphabet="每周星期礼拜月一二三五日天工作第个最后隔至、,和 09:点半上午montufrisaydlyevhg12-*/的", max_size=24
    )
)
def test_any_text_is_a_rule_or_a_misreading(text: str) -> None:
    assert isinstance(parse_when(text), Rule | Misreading)
