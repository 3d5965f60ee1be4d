"""The grammar of `when`: 每周五 09:00, 每周一、三 08:30, 每月第一个工作日 9点半, Fri 09:00, weekdays 09:00.

Pure. What staff wrote enters; a `Rule` leaves, or a `Misreading` that says how to write it. Full-width signs,
traditional characters and blanks are read like their plain forms. The grammar stays small: what it reads,
`recurrence.describe` says back.
"""

import difflib
import re
import unicodedata
from collections.abc import Sequence

from distributor.problems import wording
from distributor.scheduling.daytimes import HAN_NUMBER, number, split_times
from distributor.scheduling.model import Misreading, Rule
from distributor.scheduling.patterns import (
    HAN_WEEKDAYS,
    LAST_DAY,
    WEEKDAY_NAMES,
    Daily,
    MonthDays,
    MonthWorkday,
    Pattern,
    Weekly,
    Workdays,
)

_WEEKDAYS = {
    **{name: day for day, name in enumerate(WEEKDAY_NAMES, start=1)},
    **{f"{name}s": day for day, name in enumerate(WEEKDAY_NAMES, start=1)},
    **{name[:3]: day for day, name in enumerate(WEEKDAY_NAMES, start=1)},
    "tues": 2,
    "weds": 3,
    "thur": 4,
    "thurs": 4,
    **{han: day for day, han in enumerate(HAN_WEEKDAYS, start=1)},
    "天": 7,
}
_HAN_EXAMPLES = (
    *(f"每周{day}" for day in HAN_WEEKDAYS),
    *("每周一、三", "每天", "工作日", "每月1日", "每月第一个工作日", "每月最后一个工作日", "每月最后一天"),
)
_ENGLISH_WORDS = (
    *WEEKDAY_NAMES,
    *(name[:3] for name in WEEKDAY_NAMES),
    *("daily", "weekdays", "workday", "monthly", "month", "first", "last", "every", "day"),
)
_FORMS = wording(
    "可以写：每周五 09:00、每周一、三 08:30、每天 08:00、工作日 09:00、每月1日 09:00、每月第一个工作日 09:00",
    "write one of: Fri 09:00; Mon,Wed 08:30; daily 08:00; weekdays 09:00; monthly 1 09:00; "
    "first workday of month 09:00",
)

_SIMPLER = str.maketrans("週禮點時號個後∶⼀", "周礼点时号个后:一")
_CRON = re.compile(r"[\d*]\S*(?:\s+\S+){4}")
_AND = "[、,;和及与跟]"
_TO = "[至到~—–-]"
_WEEK = re.compile(r"(?:每个?|逢)?(?:周|星期|礼拜)(?P<days>.+)")
_DAY_LIST = re.compile(rf"[一二三四五六日天](?:(?:{_AND}|{_TO})?[一二三四五六日天])*")
_DAY_STEP = re.compile(rf"(?P<to>{_TO})?(?P<day>[一二三四五六日天])")
_NUMBER = rf"(?:\d{{1,2}}|三十[一]?|{HAN_NUMBER})"
_MONTH_DAYS = re.compile(rf"每个?月份?(?P<days>{_NUMBER}[日号]?(?:{_AND}{_NUMBER}[日号]?)*)(?<=[日号])", re.ASCII)
_MONTH_WORKDAY = re.compile(r"每个?月份?(?:(?P<first>第[一1]个?|首个?)|最后[一1]?个?|最末[一1]?个?)工作日")
_MONTH_END = re.compile(r"(?:每个?月份?(?:最后[一1]?天|最末[一1]?天|末|底)|月底|月末)")
_NO_DAY = re.compile(r"每个?(?:周|星期|礼拜|月份?)")
_EVERY_OTHER = re.compile(r"隔周|隔一|双周|每[二两2]|other|biweekly|fortnight")
_ENGLISH_WORD = re.compile(r"[a-z]+|\d+(?:st|nd|rd|th)?|-|[^\s,&/;]")
_ENGLISH_DAY = re.compile(r"(?P<day>\d{1,2})(?:st|nd|rd|th)?")
_FILLERS = frozenset(("every", "each", "on", "the", "at", "of", "and", "weekly", "week", "in", "@"))
_WORKDAY_NAMES = re.compile(r"\b(?:(?:working|business|work|week)[ -]?days?)\b")


def parse_when(text: str) -> Rule | Misreading:
    """Read one `when`: days first, one or more times of day last."""
    said = _plain(text)
    if not said:
        return Misreading(what=wording("when 是空的", "when is empty"), remedy=_FORMS)
    if _CRON.fullmatch(said):
        return Misreading(
            what=wording(f"“{said}”是 cron 的写法", f"{said!r} is written like cron"),
            remedy=wording(f'改用 cron = "{said}"', f'give it as cron = "{said}"'),
        )
    parted = split_times(said)
    if isinstance(parted, Misreading):
        return parted
    days, times = parted
    if not days:
        return Misreading(
            what=wording(f"“{said}”没有写哪一天", f"{said!r} names no day"),
            remedy=wording(f"例如“每天 {said}”或“每周五 {said}”", f"for example 'daily {said}' or 'Fri {said}'"),
        )
    pattern = _english_pattern(said, days) if days.isascii() else _han_pattern(said, days)
    if isinstance(pattern, Misreading):
        return pattern
    if not times:
        return Misreading(
            what=wording(f"“{said}”没有写几点", f"{said!r} names no time of day"),
            remedy=wording(f"写成“{said} 09:00”", f"write '{said} 09:00'"),
        )
    return Rule(pattern=pattern, times=times)


def weekday_range(first: int, last: int) -> list[int]:
    """Return the ISO weekdays from `first` through `last`, over the weekend where `last` comes earlier."""
    return [(first + step - 1) % 7 + 1 for step in range((last - first) % 7 + 1)]


def _plain(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text).translate(_SIMPLER).casefold()
    return re.sub(r"\s+", " ", narrow).strip(" \t。.,;")


def _han_pattern(said: str, text: str) -> Pattern | Misreading:
    days = re.sub(r"[\s的,;在于]+$|\s|的", "", text)
    if days in ("每天", "每日", "天天"):
        return Daily()
    if re.fullmatch(r"(?:每个?|逢|每逢)?工作日", days):
        return Workdays()
    if match := _MONTH_WORKDAY.fullmatch(days):
        return MonthWorkday(which="first" if match["first"] else "last")
    if _MONTH_END.fullmatch(days):
        return MonthDays(days=(LAST_DAY,))
    if match := _MONTH_DAYS.fullmatch(days):
        return _month_days(said, [number(found) for found in re.findall(_NUMBER, match["days"], re.ASCII)])
    if match := _WEEK.fullmatch(days):
        return _han_weekly(said, match["days"])
    if _EVERY_OTHER.search(days):
        return _every_other(said)
    return _which_day(said) if _NO_DAY.fullmatch(days) else _unreadable(said, text, _HAN_EXAMPLES)


def _han_weekly(said: str, text: str) -> Pattern | Misreading:
    days = re.sub("周|星期|礼拜", "", text)
    if not _DAY_LIST.fullmatch(days):
        return _no_such_weekday(said, days)
    found: list[int] = []
    for step in _DAY_STEP.finditer(days):
        day = _WEEKDAYS[step["day"]]
        found += weekday_range(found[-1], day) if step["to"] else [day]
    return Weekly(weekdays=tuple(sorted(set(found))))


def _no_such_weekday(said: str, days: str) -> Misreading:
    odd = re.sub("[一二三四五六日天]", "", days)
    if odd in ("1", "2", "3", "4", "5", "6"):
        meant = said.replace(odd, HAN_WEEKDAYS[int(odd) - 1], 1)
        return Misreading(
            what=wording(f"“{said}”里的星期写成了数字", f"{said!r} gives the weekday as a number"),
            remedy=wording(f"写成“{meant}”", f"write {meant}"),
        )
    return Misreading(
        what=wording(f"“{said}”里的“{odd}”不是星期几", f"{odd!r} in {said!r} is no weekday"),
        remedy=wording("写周一到周日，例如“每周五 09:00”", "write 周一 to 周日, for example 每周五 09:00"),
    )


def _month_days(said: str, days: Sequence[int]) -> Pattern | Misreading:
    if all(1 <= day <= LAST_DAY for day in days):
        return MonthDays(days=tuple(sorted(set(days))))
    return Misreading(
        what=wording(f"“{said}”：一个月没有这一天", f"{said!r}: no month has that day"),
        remedy=wording("写 1日 到 31日；月底写“每月最后一天”", "write 1 to 31, or 'last day of month'"),
    )


def _english_pattern(said: str, text: str) -> Pattern | Misreading:
    words = _ENGLISH_WORD.findall(_WORKDAY_NAMES.sub("workday", text))
    match [word for word in words if word not in _FILLERS]:
        case ["day" | "daily" | "everyday"]:
            return Daily()
        case ["workday"]:
            return Workdays()
        case ["first" | "last" as which, "workday", "month"]:
            return MonthWorkday(which="first" if which == "first" else "last")
        case ["last", "day", "month"]:
            return MonthDays(days=(LAST_DAY,))
        case [] | ["month" | "monthly"]:
            return _which_day(said)
        case ["month" | "monthly", *days] | [*days, "month"]:
            return _english_month_days(said, [word for word in days if word not in ("day", "days")])
        case core:
            return _every_other(said) if _EVERY_OTHER.search(text) else _english_weekly(said, core)


def _english_month_days(said: str, words: Sequence[str]) -> Pattern | Misreading:
    if not words:
        return _which_day(said)
    days: list[int] = []
    for word in words:
        match = _ENGLISH_DAY.fullmatch(word)
        if match is None:
            return _unreadable(said, word, _ENGLISH_WORDS)
        days.append(int(match["day"]))
    return _month_days(said, days)


def _english_weekly(said: str, words: Sequence[str]) -> Pattern | Misreading:
    found: list[int] = []
    reaches = False
    for word in words:
        if word in ("-", "to", "through") and found and not reaches:
            reaches = True
            continue
        if word not in _WEEKDAYS:
            return _unreadable(said, word, _ENGLISH_WORDS)
        found += weekday_range(found[-1], _WEEKDAYS[word]) if reaches else [_WEEKDAYS[word]]
        reaches = False
    if reaches:
        return _unreadable(said, said, ())
    return Weekly(weekdays=tuple(sorted(set(found))))


def _which_day(said: str) -> Misreading:
    return Misreading(
        what=wording(f"“{said}”没有写是哪一天", f"{said!r} does not name the day"),
        remedy=wording("例如“每周五 09:00”“每月1日 09:00”", "for example 'Fri 09:00' or 'monthly 1 09:00'"),
    )


def _every_other(said: str) -> Misreading:
    return Misreading(
        what=wording(f"“{said}”：没有隔周的排期", f"{said!r}: there is no every-other-week schedule"),
        remedy=wording("半月刊写“每月1日、15日 09:00”", "for twice a month write 'monthly 1, 15 09:00'"),
    )


def _unreadable(said: str, part: str, known: Sequence[str]) -> Misreading:
    what = wording(f"看不懂“{said}”", f"{said!r} is not readable")
    near = difflib.get_close_matches(part, known, n=1)
    if not near or near[0] == part:
        return Misreading(what=what, remedy=_FORMS)
    meant = said.replace(part, near[0])
    return Misreading(what=what, remedy=wording(f"是不是“{meant}”？", f"did you mean {meant!r}?"))
