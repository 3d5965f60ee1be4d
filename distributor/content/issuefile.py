"""issue.toml: number, date, status, subject, lead and order of one issue; read with its lines, edited in place.

Text enters, `IssueSettings` and problems leave; edits go through tomlkit, so that comments and order survive. The
only door to TOML in this room. Dates may be TOML dates or text in any form that `times.parse_date` reads.
"""

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import tomlkit

from distributor.content.findings import Findings, nearest
from distributor.content.sources import without_illegal_characters
from distributor.content.values import clean, date_objection, subject_objection
from distributor.identifiers import IssueId, issue_id
from distributor.problems import Problem, wording
from distributor.times import parse_date

Status = Literal["draft", "ready"]

FILE_NAME = "issue.toml"
LEAD_LIMIT = 5_000

_KEYS = ("number", "date", "status", "subject", "lead", "order")
_REQUIRED = ("number", "date", "status")
_STATUSES: Mapping[object, Status] = MappingProxyType({"draft": "draft", "ready": "ready"})
_KEY_LINE = re.compile(r"""\s*["']?(?P<key>[\w-]+)["']?\s*[=＝]""")
_ERROR_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_CHINESE_MARKS = re.compile("[“”‘’＝［］，＂＇]")
_FORMS = MappingProxyType({
    "number": 'number = 55',
    "date": 'date = 2015-07-10',
    "status": 'status = "draft"',
    "subject": 'subject = "主题"',
    "lead": 'lead = "导语"',
    "order": 'order = ["2015-055-a02", "2015-055-a01"]',
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueSettings:
    """What issue.toml says; `order` is None when articles go by their ids. `lines` has the line of each key."""

    number: int
    date: dt.date
    status: Status
    subject: str = ""
    lead: str = ""
    order: tuple[str, ...] | None = None
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    @property
    def id(self) -> IssueId:
        """The issue's id: year of its date, and number."""
        return issue_id(self.date.year, self.number)


def parse_settings(text: str, path: str) -> tuple[IssueSettings | None, tuple[Problem, ...]]:
    """Read the text of an issue.toml; None when it was refused."""
    findings = Findings(path)
    lines = _lines_of_keys(text)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _object_to_toml(text, str(error), findings)
        return None, tuple(findings.problems)
    reader = _Reader(table=table, lines=lines, findings=findings)
    return reader.settings(), tuple(findings.problems)


def with_status(text: str, status: Status) -> str:
    """Return the text of an issue.toml with another status; everything else, comments too, stays."""
    document = tomlkit.parse(text)
    document["status"] = status
    return tomlkit.dumps(document)


def _lines_of_keys(text: str) -> Mapping[str, int]:
    found = ((match, number) for number, line in enumerate(text.split("\n"), 1) if (match := _KEY_LINE.match(line)))
    return MappingProxyType({match["key"]: number for match, number in reversed(list(found))})


def _object_to_toml(text: str, error: str, findings: Findings) -> None:
    lines = text.split("\n")
    place = _ERROR_LINE.search(error)
    number = min(int(place[1]), len(lines)) if place else len(lines)
    line = lines[number - 1]
    key = _KEY_LINE.match(line)
    form = _FORMS.get(key["key"]) if key else None
    if "overwrite" in error and key:
        what = wording(f"{key['key']} 写了两次", f"{key['key']} is given twice")
        findings.fault(number, what, wording("只留一行", "keep one of them"))
    elif marks := _CHINESE_MARKS.search(line):
        what = wording(f"这一行用了中文标点“{marks[0]}”", f"full-width or curly mark '{marks[0]}' in this line")
        example = form or _FORMS["status"]
        findings.fault(
            number, what, wording(f"引号和等号用英文的，例如 {example}", f"use ASCII quotes and =, e.g. {example}")
        )
    else:
        what = wording("这一行的写法不对", "this line is not TOML")
        example = form or 'subject = "…"'
        remedy = wording(f"写成 {example}；文字里的引号用“”", f'write {example}; inside the text use “” or \\"')
        findings.fault(number, what, remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Turns the table into settings, key by key."""

    table: Mapping[str, object]
    lines: Mapping[str, int]
    findings: Findings

    def settings(self) -> IssueSettings | None:
        """Return the settings, or None when a key was refused."""
        self._object_to_keys()
        number, date = self._number(), self._date()
        status = self._status()
        subject, lead, order = self._subject(), self._lead(), self._order()
        if number is None or date is None or status is None or self.findings.has_faults:
            return None
        return IssueSettings(
            number=number, date=date, status=status, subject=subject, lead=lead, order=order, lines=self.lines
        )

    def _object_to_keys(self) -> None:
        for key in self.table:
            if key not in _KEYS:
                close = nearest(key.lower(), _KEYS)
                known = "、".join(_KEYS)
                remedy = wording(
                    f"是不是 {close}？" if close else f"可用的键：{known}",
                    f"did you mean {close}?" if close else f"known keys: {known}",
                )
                self.findings.fault(self.lines.get(key), wording(f"不认识的键“{key}”", f"unknown key '{key}'"), remedy)
        for key in _REQUIRED:
            if key not in self.table:
                what = wording(f"缺 {key}", f"{key} is missing")
                self.findings.fault(None, what, wording(f"加一行 {_FORMS[key]}", f"add a line {_FORMS[key]}"))

    def _refuse(self, key: str) -> None:
        what = wording(f"{key} 的值不对", f"{key} has a wrong value")
        self.findings.fault(self.lines.get(key), what, wording(f"写成 {_FORMS[key]}", f"write {_FORMS[key]}"))

    def _number(self) -> int | None:
        value = self.table.get("number")
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000:
            return value
        if "number" in self.table:
            self._refuse("number")
        return None

    def _date(self) -> dt.date | None:
        value = self.table.get("date")
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value
        day = parse_date(value) if isinstance(value, str) else None
        if isinstance(value, str) and day is None:
            self.findings.add(self.lines.get("date"), date_objection(value))
        elif day is None and "date" in self.table:
            self._refuse("date")
        return day

    def _status(self) -> Status | None:
        value = self.table.get("status")
        if isinstance(value, str) and value in _STATUSES:
            return _STATUSES[value]
        if "status" in self.table:
            what = wording("status 只能是 draft（草稿）或 ready（定稿）", "status is draft or ready")
            remedy = wording('先写 status = "draft"，写完再运行 distributor ready', 'write status = "draft" for now')
            self.findings.fault(self.lines.get("status"), what, remedy)
        return None

    def _text(self, key: str) -> str:
        value = self.table.get(key, "")
        if isinstance(value, str) and value == without_illegal_characters(value):
            return clean(value)
        self._refuse(key)
        return ""

    def _subject(self) -> str:
        subject = self._text("subject")
        objection = subject_objection(subject)
        if objection is not None:
            self.findings.add(self.lines.get("subject"), objection)
        return subject

    def _lead(self) -> str:
        lead = self._text("lead")
        if len(lead) > LEAD_LIMIT:
            what = wording(f"导语有 {len(lead)} 个字，上限是 {LEAD_LIMIT}", f"the lead has {len(lead)} characters")
            self.findings.fault(self.lines.get("lead"), what, wording("写成一篇文章", "make it an article"))
        return lead

    def _order(self) -> tuple[str, ...] | None:
        value = self.table.get("order")
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self._refuse("order")
        return None
