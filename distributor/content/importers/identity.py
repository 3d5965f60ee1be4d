"""Which issue a dropped document is: number and date from its file name, else from the lines above its first article.

Pure but for reading the document's text in memory. A file name is what somebody wrote for this very file, so it wins
over a masthead that was perhaps copied from last week. Nothing is guessed: who says neither is asked.
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from distributor.config.model import Section
from distributor.content.findings import Objection, refused
from distributor.content.importers import kinds
from distributor.content.importers.importing import read_issue
from distributor.problems import wording
from distributor.times import parse_date

_FULL_WIDTH = str.maketrans("０１２３４５６７８９－／．＿　", "0123456789-/._ ")
_TOTAL = re.compile(r"总\s*第?\s*(?P<number>\d{1,6})\s*期")
_NUMBER = re.compile(r"(?:第\s*)?(?<!\d)(?P<number>\d{1,6})\s*期")
_ENGLISH = re.compile(r"\b(?:no\.?|issue)\s*(?P<number>\d{1,6})(?!\d)", re.IGNORECASE)
_FOLDER = re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)-(?P<number>\d{3,6})(?![\d-])")
_DATE = re.compile(
    r"(?<!\d)(?:\d{4}\s*([-/._])\s*\d{1,2}\s*\1\s*\d{1,2}(?!\d)|\d{4}\s*年\s*\d{1,2}\s*月\s*\d{1,2}\s*[日号])"
)
_COMPACT = re.compile(r"(?<!\d)(?P<year>20\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>[0-3]\d)(?!\d)")
_ARTICLES_BEGIN = re.compile(r"来源|发布日期|发布时间|^\s*[【〔]")
_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An issue's number and date."""

    number: int
    date: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one text says; `year` comes from a name such as 2015-057, which has no full date."""

    number: int | None = None
    date: dt.date | None = None
    year: int | None = None


def identify(name: str, content: bytes, sections: Sequence[Section]) -> Identity:
    """Return the issue that a document is.

    Raises `InputError` for a document that is no issue, where number or date cannot be found, and where the name's
    year is not that of the date.
    """
    named = _in_text(PurePath(name).stem)
    kind = kinds.find_kind(content, None, shown_as=name)
    written = _in_text("\n".join(_front(read_issue(content, kind, name, sections).source)))
    number = named.number if named.number is not None else written.number
    date = named.date or written.date
    if number is None or number == 0 or date is None:
        raise refused(name, _unknown(number, date))
    if named.year is not None and named.year != date.year:
        raise refused(name, _two_years(named.year, date))
    return Identity(number=number, date=date)


def _front(text: str) -> Iterable[str]:
    lines = [line for line in text.splitlines() if line.strip()][:_LINES]
    for line in lines:
        if _ARTICLES_BEGIN.search(line):
            return
        yield line


def _in_text(text: str) -> _Found:
    plain = text.translate(_FULL_WIDTH)
    date, rest = _take_date(plain)
    folder = _FOLDER.search(rest)
    if folder:
        return _Found(number=int(folder["number"]), date=date, year=int(folder["year"]))
    match = _TOTAL.search(rest) or _NUMBER.search(rest) or _ENGLISH.search(rest)
    return _Found(number=int(match["number"]) if match else None, date=date)


def _take_date(text: str) -> tuple[dt.date | None, str]:
    """Return the first date, and the text without it, so that its digits are no number."""
    match = _DATE.search(text)
    if match:
        return parse_date(match[0].replace("_", "-")), text[: match.start()] + " " + text[match.end() :]
    compact = _COMPACT.search(text)
    if compact:
        date = parse_date("-".join(compact.groups()))
        return date, text[: compact.start()] + " " + text[compact.end() :]
    return None, text


def _unknown(number: int | None, date: dt.date | None) -> Objection:
    lost_zh = "、".join(name for name, value in (("期号", number), ("日期", date)) if not value)
    lost_en = " and ".join(name for name, value in (("number", number), ("date", date)) if not value)
    what = wording(
        f"文件名和正文开头都看不出{lost_zh}",
        f"neither the file name nor the lines above the first article tell the issue's {lost_en}",
    )
    remedy = wording(
        "把期号和日期写进文件名，例如“第57期 2015-07-24.docx”，再放进 inbox/",
        "put both into the file name, such as `No. 57 2015-07-24.docx`, and drop it again",
    )
    return Objection(what=what, remedy=remedy)


def _two_years(year: int, date: dt.date) -> Objection:
    what = wording(f"文件名写的是 {year} 年，日期却是 {date}", f"the file name says {year}, the date is {date}")
    return Objection(what=what, remedy=wording("改正文件名后再放进来", "mend the file name and drop it again"))
