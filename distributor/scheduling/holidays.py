"""holidays.toml: the office's own days off and working days, written down the day the notice appears.

Pure. Text enters; a `WorkCalendar` leaves with every problem found, named by line:

    off = [2027-01-01, "2027-02-05 至 2027-02-11"]
    work = [2027-02-14]

A day is a TOML date, a string in any form that `times.parse_date` reads, or a range of two such days.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from distributor import times
from distributor.problems import Problem, Wording, faults, in_reading_order, wording
from distributor.scheduling.model import Misreading
from distributor.scheduling.workdays import LAST_NATIONAL_YEAR, WorkCalendar

_KEYS = ("off", "work")
_FIRST_YEAR = 2000
_YEARS_AHEAD = 3
_LONGEST_RANGE = timedelta(days=62)
_RANGE = re.compile(r"\s*(?:\.\.|至|到|~|～|—+)\s*")
_FULL_WIDTH = str.maketrans("，＝［］“”＃", ',=[]""#')
_BARE_DAY = re.compile(r"(?<![\w-])\d{4}-\d{1,2}-\d{1,2}(?![\w-])")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_TOML_LINE = re.compile(r"\(at line (\d+)")
_FORM = wording("写成 off = [2027-01-01]，日期为 年-月-日", "write off = [2027-01-01], dates as year-month-day")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedHolidays:
    """What was read: the calendar (None when a problem is more than a warning) and the problems, by line."""

    calendar: WorkCalendar | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    key: str
    days: tuple[date, ...]
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    text: str
    path: str

    def line_of(self, needle: str, *, last: bool = False) -> int | None:
        lines = [number for number, line in enumerate(self.text.splitlines(), 1) if needle in line.partition("#")[0]]
        return lines[-1 if last else 0] if lines else None

    def problem(self, line: int | None, what: Wording, remedy: Wording = _FORM) -> Problem:
        return Problem(path=self.path, line=line, what=what, remedy=remedy)

    def doubt(self, line: int | None, what: Wording, remedy: Wording) -> Problem:
        return Problem(path=self.path, line=line, what=what, remedy=remedy, warning=True)


def parse_holidays(text: str, *, path: str, today: date) -> ParsedHolidays:
    """Read the file's text; `today` tells a wrong year from a coming one. An empty text is an empty calendar."""
    source = _Source(text=text.removeprefix("\ufeff").translate(_FULL_WIDTH), path=path)
    try:
        table = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        return ParsedHolidays(calendar=None, problems=tuple(_days_toml_refuses(source)) or (_not_toml(source, error),))
    found = [item for key in _KEYS for item in _entries(source, key, table.get(key, []))]
    entries = [item for item in found if isinstance(item, _Entry)]
    problems = in_reading_order(
        [
            *_unknown_keys(source, table),
            *(item for item in found if isinstance(item, Problem)),
            *_wrong_years(source, entries, max(today.year, LAST_NATIONAL_YEAR) + _YEARS_AHEAD),
            *_contradictions(source, entries),
            *_doubtful(source, entries),
        ]
    )
    if faults(problems):
        return ParsedHolidays(calendar=None, problems=problems)
    calendar = WorkCalendar(off=_days_of(entries, "off"), work=_days_of(entries, "work"))
    return ParsedHolidays(calendar=calendar, problems=problems)


def _not_toml(source: _Source, error: tomllib.TOMLDecodeError) -> Problem:
    place = _TOML_LINE.search(str(error))
    what = wording(f"TOML 写法不对：{error}", f"this is not TOML: {error}")
    return source.problem(int(place[1]) if place else None, what)


def _days_toml_refuses(source: _Source) -> Iterator[Problem]:
    """Name each day without quotes that TOML does not read; of such a day it says "Unclosed array"."""
    for number, line in enumerate(source.text.splitlines(), 1):
        for written in _BARE_DAY.findall(_QUOTED.sub("", line).partition("#")[0]):
            day = times.parse_date(written)
            if day is None:
                yield source.problem(number, wording(f"没有这一天：{written}", f"there is no such day: {written}"))
            elif day.isoformat() != written:
                yield source.problem(
                    number,
                    wording(
                        f"不加引号的日期要写足位数：{written}", f"a date without quotes needs all digits: {written}"
                    ),
                    wording(f"写成 {day}", f"write {day}"),
                )


def _days_of(entries: Iterable[_Entry], key: str) -> frozenset[date]:
    return frozenset(day for entry in entries if entry.key == key for day in entry.days)


def _unknown_keys(source: _Source, table: Mapping[str, object]) -> Iterator[Problem]:
    for key in table:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=1) or _KEYS
            yield source.problem(
                source.line_of(key),
                wording(f"没有这一项：{key}", f"no such key: {key}"),
                wording(f"可用：{'、'.join(near)}", f"known: {', '.join(near)}"),
            )


def _entries(source: _Source, key: str, value: object) -> Iterator[_Entry | Problem]:
    if not isinstance(value, list):
        yield source.problem(
            source.line_of(key), wording(f"{key} 要写成方括号里的日期", f"{key} must be a list of days")
        )
        return
    for written in value:
        line = source.line_of(str(written)) or source.line_of(key)
        days = _days(written)
        if isinstance(days, tuple):
            yield _Entry(key=key, days=days, line=line)
        else:
            yield source.problem(line, days.what, days.remedy)


def _days(written: object) -> tuple[date, ...] | Misreading:
    """Return the days of one entry, ascending, or what is wrong with it."""
    if isinstance(written, date) and not isinstance(written, datetime):
        return (written,)
    no_day = Misreading(what=wording(f"不是日期：{written}", f"not a day: {written}"), remedy=_FORM)
    if not isinstance(written, str):
        return no_day
    ends = [times.parse_date(part) for part in _RANGE.split(written)]
    first, last = ends[0], ends[-1]
    if len(ends) > 2 or first is None or last is None:
        return no_day
    if last < first:
        return Misreading(
            what=wording(f"起止写反了：{written}", f"the range runs backwards: {written}"),
            remedy=wording(f"写成“{last} 至 {first}”", f'write "{last} .. {first}"'),
        )
    if last - first > _LONGEST_RANGE:
        return Misreading(
            what=wording(f"这一段太长：{written}", f"the range is too long: {written}"),
            remedy=wording(
                f"核对年份；一段最多 {_LONGEST_RANGE.days} 天",
                f"check the year; {_LONGEST_RANGE.days} days are the most",
            ),
        )
    return tuple(first + timedelta(days=step) for step in range((last - first).days + 1))


def _wrong_years(source: _Source, entries: Iterable[_Entry], last_year: int) -> Iterator[Problem]:
    for entry in entries:
        if not (entry.days[0].year >= _FIRST_YEAR and entry.days[-1].year <= last_year):
            yield source.problem(
                entry.line,
                wording(f"年份不对：{entry.days[0]}", f"the year cannot be right: {entry.days[0]}"),
                wording(f"年份从 {_FIRST_YEAR} 到 {last_year}", f"years run from {_FIRST_YEAR} to {last_year}"),
            )


def _contradictions(source: _Source, entries: Sequence[_Entry]) -> Iterator[Problem]:
    for day in sorted(_days_of(entries, "off") & _days_of(entries, "work")):
        line = source.line_of(day.isoformat(), last=True)
        yield source.problem(
            line or next(entry.line for entry in entries if day in entry.days),
            wording(f"{day} 既放假又上班", f"{day} is both off and work"),
            wording("从 off 或 work 里删去一处", "remove it from off or from work"),
        )


def _doubtful(source: _Source, entries: Sequence[_Entry]) -> Iterator[Problem]:
    """Yield a warning for each entry that changes nothing: a working day that is one anyway, a day written twice."""
    plain, off = WorkCalendar(), _days_of(entries, "off")
    before: set[tuple[str, date]] = set()
    for entry in entries:
        day = entry.days[0]
        twice = next((other for other in entry.days if (entry.key, other) in before), None)
        if twice is not None:
            yield source.doubt(
                source.line_of(twice.isoformat(), last=True) or entry.line,
                wording(f"{twice} 在 {entry.key} 里写了两次", f"{twice} stands twice in {entry.key}"),
                wording("核对日期；没有写错就删去一处", "check the day; if it is right, remove one"),
            )
        elif entry.key == "work" and plain.is_workday(day) and day not in off:
            yield source.doubt(
                entry.line,
                wording(f"{day} 本来就上班", f"{day} is a working day anyway"),
                wording("核对年份；没有写错就可以删去", "check the year; if it is right, leave it out"),
            )
        before |= {(entry.key, other) for other in entry.days}
