"""Times of day as people write them: 09:00, 9点半, 下午3点, 9:30 pm.

Pure. Text enters in the width and case that `phrases` gave it; times leave, or a `Misreading` with its remedy. A
newsletter's time is a minute of the day; what could be meant twice (上午12点, 9:5) is refused.
"""

import re
from datetime import time

from distributor.problems import wording
from distributor.scheduling.model import Misreading

_HAN_DIGITS = {
    **{digit: value for value, digit in enumerate("零一二三四五六七八九")},
    "〇": 0,
    "两": 2,
    "": 0,
}
HAN_NUMBER = "[二三四五]?十[一二三四五六七八九]?|[零〇]?[一二两三四五六七八九]|[零〇]"

_MORNING = {hour: hour for hour in range(12)}
_NOON = {11: 11, 12: 12, 1: 13, 2: 14}
_AFTERNOON = {**{hour: hour + 12 for hour in range(1, 8)}, **{hour: hour for hour in range(12, 20)}}
_EVENING = {**{hour: hour + 12 for hour in range(5, 12)}, **{hour: hour for hour in range(17, 24)}}
_PERIODS = {
    **dict.fromkeys(("凌晨", "清晨", "早上", "早晨", "早", "上午"), _MORNING),
    "中午": _NOON,
    **dict.fromkeys(("下午", "傍晚"), _AFTERNOON),
    **dict.fromkeys(("晚上", "晚"), _EVENING),
    "am": {**{hour: hour for hour in range(1, 12)}, 12: 0},
    "pm": {**{hour: hour + 12 for hour in range(1, 12)}, **{hour: hour for hour in range(12, 24)}},
}
_PERIOD = "凌晨|清晨|早上|早晨|早|上午|中午|下午|傍晚|晚上|晚"
# A Han hour needs a blank or 上午 before it: in 每周一三点 nobody can tell where the weekday ends.
_CLOCK = re.compile(
    rf"""(?<![\d:.])(?:(?P<period>{_PERIOD})\s*)?
    (?: (?P<hour>\d{{1,2}})\s*:\s*(?P<minute>\d{{1,2}})(?::(?P<second>\d{{2}}))?(?![\d:])(?:\s*(?P<ampm>[ap]m)\b)?
      | (?P<hour_dian>\d{{1,2}}|(?:(?<=\s)|(?<=[晨早上午晚]))(?:{HAN_NUMBER}))\s*[点时]
        (?:(?P<half>半)|(?P<quarter>[一三13]刻)|(?P<minute_dian>\d{{1,2}}|{HAN_NUMBER})分?|整|钟)?
      | (?P<hour_ampm>\d{{1,2}})\s*(?P<ampm_alone>[ap]m)\b )""",
    re.VERBOSE | re.ASCII,
)
_ALMOST = re.compile(r"(?<!\d)(?P<hour>\d{1,2})[.\-·。;' ]?(?P<minute>[0-5]\d)\s*$", re.ASCII)
_BETWEEN = re.compile(r"\s*(?:、|,|和|及|&|and)\s*")


def number(text: str) -> int:
    """Return the value of ASCII digits or of a Han number below sixty (十五, 二十, 〇五)."""
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return _HAN_DIGITS[text[-1]]
    return (_HAN_DIGITS[tens] or 1) * 10 + _HAN_DIGITS[ones]


def split_times(text: str) -> tuple[str, tuple[time, ...]] | Misreading:
    """Part `text` into what stands before the times of day and the times, ascending, distinct, perhaps none."""
    matches = list(_CLOCK.finditer(text))
    if not matches:
        return _almost(text) or (text, ())
    ends = [match.start() for match in matches[1:]] + [len(text)]
    between = [text[match.end() : end] for match, end in zip(matches, ends, strict=True)]
    for rest in (*(part for part in between[:-1] if not _BETWEEN.fullmatch(part)), between[-1]):
        if rest.strip():
            return _after_time(rest.strip())
    times = set()
    for match in matches:
        at = _time(match)
        if isinstance(at, Misreading):
            return at
        times.add(at)
    return text[: matches[0].start()].strip(), tuple(sorted(times))


def _time(match: re.Match[str]) -> time | Misreading:
    said = match[0].strip()
    written = int(match["hour"] or 0) if match["hour"] else number(match["hour_dian"] or match["hour_ampm"])
    hour = _hour(written, match["period"], match["ampm"] or match["ampm_alone"])
    minute = _minute(match)
    if match["minute"] and len(match["minute"]) == 1:
        return _misread(said, f"{match['hour']}:0{minute}")
    if match["second"] not in (None, "00"):
        return _misread(said, f"{match['hour']}:{match['minute']}")
    if hour is None:
        return _misread(said, "00:00 / 12:00" if written == 12 else f"{written:02d}:{minute:02d}")
    if hour == 24 and minute == 0:
        return Misreading(
            what=wording(f"没有“{said}”这个时刻", f"there is no {said}"),
            remedy=wording("写成第二天的 00:00", "write 00:00 of the next day"),
        )
    if hour > 23 or minute > 59:
        return Misreading(
            what=wording(f"没有“{said}”这个时刻", f"there is no {said}"),
            remedy=wording("时刻从 00:00 到 23:59", "times run from 00:00 to 23:59"),
        )
    return time(hour, minute)


def _hour(written: int, period: str | None, ampm: str | None) -> int | None:
    hour: int | None = written
    for word in (period, ampm):
        if word is not None and hour is not None:
            hour = _PERIODS[word].get(hour)
    return hour


def _minute(match: re.Match[str]) -> int:
    if match["half"]:
        return 30
    if match["quarter"]:
        return 15 * number(match["quarter"][0])
    return number(match["minute"] or match["minute_dian"] or "0")


def _misread(said: str, example: str) -> Misreading:
    return Misreading(
        what=wording(f"时间“{said}”说不清是几点", f"{said} does not name one time of day"),
        remedy=wording(f"按 24 小时制写，例如 {example}", f"write it by the 24-hour clock, for example {example}"),
    )


def _almost(text: str) -> Misreading | None:
    almost = _ALMOST.search(text)
    if almost is None or int(almost["hour"]) > 23:
        return None
    example = f"{text[: almost.start()].strip()} {int(almost['hour']):02d}:{almost['minute']}".strip()
    return Misreading(
        what=wording(f"看不懂“{text}”里的时间", f"the time in {text!r} is not readable"),
        remedy=wording(f"写成“{example}”", f"write {example!r}"),
    )


def _after_time(rest: str) -> Misreading:
    return Misreading(
        what=wording(f"时间后面的“{rest}”看不懂", f"{rest!r} after the time is not readable"),
        remedy=wording(
            "先写日子，最后写时间；不同的日子不同的时间，写成两个 [[schedule]]",
            "write the days first and the time last; for another time on other days write a second [[schedule]]",
        ),
    )
