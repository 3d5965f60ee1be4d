"""Five-field cron: what it may say, and why a weekday is never a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.scheduling.cron import parse_cron
from distributor.scheduling.model import Misreading, Rule
from distributor.scheduling.recurrence import describe

READABLE = {
    "0 9 * * fri": "每周五 09:00",
    "0 9 * * FRIDAY": "每周五 09:00",
    "30 8 * * mon,wed": "每周一、周三 08:30",
    "0 9 * * mon-wed": "每周一、周二、周三 09:00",
    "0 9 * * mon-fri/2": "每周一、周三、周五 09:00",
    "0 9 * * fri-sun,tue": "每周二、周五、周六、周日 09:00",
    "0 9 * * *": "每天 09:00",
    "0,30 9 * * fri": "每周五 09:00、09:30",
    "0 9-11 * * fri": "每周五 09:00、10:00、11:00",
    "0 9 1 * *": "每月1日 09:00",
    "0 9 1,15 * *": "每月1日、15日 09:00",
    "0 9 1-28/14 * *": "每月1日、15日 09:00",
    "0 9 1 1,7 *": "1月、7月，每月1日 09:00",
    "0 9 * jan-mar fri": "1月、2月、3月，每周五 09:00",
    "0 9 1 */6 *": "1月、7月，每月1日 09:00",
    "0 9 1 4/3 *": "4月、7月、10月，每月1日 09:00",
}

REFUSED = {
    "0 9 * * 5": ("5 是周五，有的调度程序里 5 是周六", "mon tue wed thu fri sat sun"),
    "0 9 * * 1-5": ("写成了数字 1-5", "mon tue wed"),
    "0 9 * * fri,6": ("写成了数字 6", "mon tue wed"),
    "0 9 * * fry": ("看不懂星期“fry”", "fri"),
    "0 9 * * fri-": ("看不懂星期“fri-”", "fri"),
    "0 9 * * fri-sux": ("看不懂星期“fri-sux”", "fri"),
    "0 9 * * */2": ("看不懂星期“*/2”", "fri"),
    "0 9 * * mon/2": ("看不懂星期“mon/2”", "fri"),
    "* 9 * * fri": ("不会每分钟或每小时", "0 9 * * fri"),
    "0 */2 * * fri": ("不会每分钟或每小时", "0 9 * * fri"),
    "0 25 * * fri": ("“25”", "0 9 * * fri"),
    "60 9 * * fri": ("“60”", "0 9 * * fri"),
    "0 8-12 * * fri": ("一天 5 次", "最多 4 次"),
    "0 9 1 13 *": ("“13”", "0 9 * * fri"),
    "0 9 1 may-feb *": ("“may-feb”", "0 9 * * fri"),
    "0 9 32 * *": ("“32”", "0 9 * * fri"),
    "0 9 31 * *": ("不是每个月都有 31 日", "每月最后一天"),
    "0 9 */2 * *": ("不是每个月都有 31 日", "每月最后一天"),
    "0 9 1 * fri": ("日和星期只能限定一个", "两个 [[schedule]]"),
    "0 9 ? * fri": ("日和星期只能限定一个", "写成 *"),
    "0 9 ? * *": ("“?”", "0 9 * * fri"),
    "0 9 * *": ("这里有 4 个", "0 9 * * fri"),
    "@weekly": ("这里有 1 个", "0 9 * * fri"),
    "每周五 09:00": ("这里有 2 个", "0 9 * * fri"),
}


@pytest.mark.parametrize(("text", "meaning"), READABLE.items(), ids=READABLE)
def test_cron_is_read_by_weekday_name(text: str, meaning: str) -> None:
    read = parse_cron(text)

    assert isinstance(read, Rule)
    assert describe(read, "zh") == meaning


@pytest.mark.parametrize(("text", "answer"), REFUSED.items(), ids=REFUSED)
def test_cron_that_could_surprise_is_refused_with_the_reason(text: str, answer: tuple[str, str]) -> None:
    misreading = parse_cron(text)

    assert isinstance(misreading, Misreading)
    assert answer[0] in misreading.what.zh
    assert answer[1] in misreading.remedy.zh


def test_english_echo_names_the_months() -> None:
    read = parse_cron("0 9 1 1,7 *")

    assert isinstance(read, Rule)
    assert describe(read, "en") == "every month on day 1 at 09:00, in January and July only"


@given(st.lists(st.text(alphabet="0123456789*,-/frisunmonabc?", max_size=6), min_size=4, max_size=6))
def test_any_five_words_are_a_rule_or_a_misreading(fields: list[str]) -> None:
    assert isinstance(parse_cron(" ".join(fields)), Rule | Misreading)
