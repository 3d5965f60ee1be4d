"""Dates as Chinese documents write them, at the start of a text or as a whole line.

Pure. Understands what `times.parse_date` reads, plus a time or weekday after it, 20150709 and 二〇一五年七月九日.
A date without a four-digit year is none: a year is never guessed.
"""

import datetime as dt
import re
from dataclasses import dataclass

from distributor import times

_WESTERN = re.compile(
    r"(?P<date>[0-9０-９]{4}\s*(?:[-/.－／．]\s*[0-9０-９]{1,2}\s*[-/.－／．]\s*[0-9０-９]{1,2}(?![0-9０-９])"
    r"|年\s*[0-9０-９]{1,2}\s*月\s*[0-9０-９]{1,2}\s*[日号])|\d{8}(?!\d))"
)
_HAN = re.compile(
    r"(?P<year>[〇○Ｏ零一二三四五六七八九]{4})\s*年\s*(?P<month>[一二三四五六七八九十]{1,2})\s*月"
    r"\s*(?P<day>[一二三四五六七八九十]{1,3})\s*[日号]"
)
_AFTER = re.compile(
    r"\s*(?:T?\s*\d{1,2}\s*[:：]\s*\d{2}(?:\s*[:：]\s*\d{2})?)?"
    r"\s*(?:[（(]?\s*(?:星期|周|礼拜)[一二三四五六日天]\s*[）)]?)?"
)
_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "Ｏ": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadingDate:
    """A date at the start of a text, and what comes after it and its time of day."""

    day: dt.date
    rest: str


def leading_date(text: str) -> LeadingDate | None:
    """Read the date a text begins with; None when it begins with none or with a day that does not exist."""
    bare = text.lstrip(" \t\u3000[（(【")
    match = _WESTERN.match(bare)
    day = _western(match["date"]) if match else None
    if day is None:
        match = _HAN.match(bare)
        day = _han(match) if match else None
    if match is None or day is None:
        return None
    after = _AFTER.match(bare, match.end())
    return LeadingDate(day=day, rest=bare[after.end() if after else match.end() :].strip(" \t\u3000]）)】"))


def whole_date(text: str) -> dt.date | None:
    """Return the date when a line holds nothing else, as under a signature."""
    found = leading_date(text)
    return found.day if found is not None and not found.rest else None


def _western(text: str) -> dt.date | None:
    if text.isascii() and len(text) == 8 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return times.parse_date(text)


def _han(match: re.Match[str]) -> dt.date | None:
    year = int("".join(str(_DIGITS[character]) for character in match["year"]))
    try:
        return dt.date(year, _han_number(match["month"]), _han_number(match["day"]))
    except ValueError:
        return None


def _han_number(text: str) -> int:
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return _DIGITS[text] if len(text) == 1 else 0
    return 10 * (_DIGITS[tens] if tens else 1) + (_DIGITS[ones] if ones else 0)
