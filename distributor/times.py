"""Moments, days and durations as people write them.

Pure. Every moment in the house is an aware datetime; storage is UTC; a publication's own zone decides what a
date means. No function here asks for the time: the `Clock` is an argument, made in `operations.context`.
"""

import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

_DURATION = re.compile(r"(?P<amount>\d{1,5})\s*(?P<unit>[smhdw]|秒|分钟|分|小时|时|天|日|周)", re.ASCII)
_UNITS = {
    **dict.fromkeys(("s", "秒"), timedelta(seconds=1)),
    **dict.fromkeys(("m", "分", "分钟"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "时", "小时"), timedelta(hours=1)),
    **dict.fromkeys(("d", "天", "日"), timedelta(days=1)),
    **dict.fromkeys(("w", "周"), timedelta(weeks=1)),
}
_DATE = re.compile(
    r"(?P<year>\d{4})\s*(?:(?P<mark>[-/.])\s*(?P<month>\d{1,2})\s*(?P=mark)\s*(?P<day>\d{1,2})"
    r"|年\s*(?P<han_month>\d{1,2})\s*月\s*(?P<han_day>\d{1,2})\s*[日号])",
    re.ASCII,
)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９－／．", "0123456789-/.")


class Clock(Protocol):
    """Tells the moment; the real one, or one that a demonstration or a test sets."""

    def now(self) -> datetime:
        """Return the moment as an aware datetime in UTC."""
        ...


def parse_date(text: str) -> date | None:
    """Read 2015-07-09, 2015-7-9, 2015/7/9, 2015.7.9 or 2015年7月9日 (full-width digits too).

    None for anything else: a form without a leading four-digit year (07/09/2015) is ambiguous and never
    guessed, and a day that does not exist (2015-02-30) is no date.
    """
    match = _DATE.fullmatch(text.strip().translate(_FULL_WIDTH))
    if match is None:
        return None
    month, day = match["month"] or match["han_month"], match["day"] or match["han_day"]
    try:
        return date(int(match["year"]), int(month), int(day))
    except ValueError:
        return None


def parse_duration(text: str) -> timedelta | None:
    """Read `90s`, `15m`, `12h`, `10d`, `2w` or 12小时, 10天; None for anything else, zero included."""
    match = _DURATION.fullmatch(text.strip().translate(_FULL_WIDTH))
    if match is None or not int(match["amount"]):
        return None
    return int(match["amount"]) * _UNITS[match["unit"]]


def parse_zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone of that name, or None when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def local_text(moment: datetime, zone: tzinfo) -> str:
    """Return `2015-07-10 09:00 +08:00`: the local minute with its offset, as schedules and status print it."""
    local = moment.astimezone(zone)
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:5]}"
