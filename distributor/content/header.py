"""The header of an article file: `key: value` lines between `---`, read forgivingly and written in one form.

Text enters, `HeaderFields` and the body's text leave, with every problem and its line. Values are raw text to the
end of the line: no quoting, no types, so a title may hold `：`, `#`, quotes or 【】. Full-width `：` and Chinese
keys are read; `write_article` writes the canonical English form. Pure.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from distributor.content.findings import Findings, Objection, nearest
from distributor.content.model import Correction, Reference
from distributor.content.references import parse_reference, reference_text
from distributor.content.updates import correction_text, parse_correction, parse_update, update_text
from distributor.content.values import clean, date_objection, title_objection
from distributor.identifiers import is_article_id
from distributor.problems import Problem, wording
from distributor.times import parse_date

KEYS = (
    "id", "title", "section", "date", "source", "link", "attachment",
    "missing", "summary", "updated", "correction",
)  # fmt: skip

_CHINESE = MappingProxyType({
    "编号": "id", "标题": "title", "栏目": "section", "日期": "date", "来源": "source", "链接": "link",
    "附件": "attachment", "缺失": "missing", "摘要": "summary", "更新": "updated", "更正": "correction",
})  # fmt: skip
_ENGLISH = MappingProxyType({english: chinese for chinese, english in _CHINESE.items()})
_REPEATABLE = frozenset({"link", "attachment", "correction"})
_RULE = re.compile(r"-{3,}\s*")
_DASHES = re.compile(r"[-－—–―─_=]{2,}\s*")
_COLON = re.compile("[:：]")
_KEY_LIMIT = 20
_VALUE_LIMIT = 2_000
_SEPARATORS = re.compile(r"\s*[,，、;；]\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFields:
    """What a header says; `section` is as written (id or title). `lines` has the lines of each key given.

    Read from a file it is valid: id, title and section are not empty, dates are real days, links may go out, and
    where there are corrections there is `updated`, on the day of the last one or later.
    """

    id: str
    title: str
    section: str
    date: dt.date | None = None
    source: str = ""
    links: tuple[Reference, ...] = ()
    attachments: tuple[Reference, ...] = ()
    missing: tuple[str, ...] = ()
    summary: str = ""
    updated: dt.date | None = None
    updated_time: dt.time | None = None
    corrections: tuple[Correction, ...] = ()
    lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)

    def line_of(self, key: str, ordinal: int = 0) -> int | None:
        """Return where a key stands, for one that may repeat the ordinal-th; None where it is absent."""
        lines = self.lines.get(key, ())
        return lines[ordinal] if ordinal < len(lines) else None


class ParsedArticle(NamedTuple):
    """An article file taken apart; `fields` is None when the header was refused.

    `body` has no blank lines at its ends; `first_body_line` is where it begins, counted from 1.
    """

    fields: HeaderFields | None
    body: str
    first_body_line: int
    problems: tuple[Problem, ...]


class ParsedHeader(NamedTuple):
    """The lines of one header, read."""

    fields: HeaderFields | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    key: str
    value: str
    line: int


def parse_article(text: str, path: str) -> ParsedArticle:
    """Take an article file apart; `path` is shown in the problems."""
    lines = text.split("\n")
    findings = Findings(path)
    start = next((number for number, line in enumerate(lines) if line.strip()), None)
    if start is None:
        findings.fault(None, wording("文件是空的", "the file is empty"), _LOOK)
        return ParsedArticle(None, "", 1, tuple(findings.problems))
    if not _RULE.fullmatch(lines[start]):
        _object_to_opening(lines[start], start + 1, findings)
        return ParsedArticle(None, "", 1, tuple(findings.problems))
    end, body_start = _closing(lines, start, findings)
    header = parse_header(lines[start + 1 : end], path, first_line=start + 2)
    body, first_body_line = _trimmed(lines, body_start)
    fields = None if findings.has_faults else header.fields
    return ParsedArticle(fields, body, first_body_line, (*findings.problems, *header.problems))


def parse_header(lines: Sequence[str], path: str, *, first_line: int = 2) -> ParsedHeader:
    """Read the lines between the two `---`; the first of them stands at `first_line` of the file."""
    findings = Findings(path)
    entries = tuple(_entries(lines, first_line, findings))
    fields = _fields(entries, findings, end_line=first_line + len(lines))
    return ParsedHeader(None if findings.has_faults else fields, tuple(findings.problems))


def write_article(fields: HeaderFields, body: str) -> str:
    """Return the whole text of an article file in canonical form; reading it gives the same fields and body.

    Raises `ValueError` for a value with a line break, which would become a second line of the header.
    """
    header = [f"{key}: {value}" for key, value in _written(fields)]
    if any("\n" in line or "\r" in line for line in header):
        raise ValueError(f"a value of {fields.id} has a line break: {header}")
    return "\n".join(["---", *header, "---", "", body.strip("\n")]).rstrip("\n") + "\n"


def _written(fields: HeaderFields) -> Iterable[tuple[str, str]]:
    yield from (("id", fields.id), ("title", fields.title), ("section", fields.section))
    yield from _given("date", fields.date.isoformat() if fields.date else "")
    yield from _given("source", fields.source)
    yield from (("link", reference_text(link)) for link in fields.links)
    yield from (("attachment", reference_text(attachment)) for attachment in fields.attachments)
    yield from _given("missing", "、".join(fields.missing))
    yield from _given("summary", fields.summary)
    yield from update_entries(fields)


def update_entries(fields: HeaderFields) -> Iterable[tuple[str, str]]:
    """Yield the keys and values that tell of changes after publication, in canonical form and order."""
    if fields.updated is not None:
        yield "updated", update_text(fields.updated, fields.updated_time)
    yield from (("correction", correction_text(correction)) for correction in fields.corrections)


def key_of(line: str) -> str | None:
    """Return the canonical key of a line of a header; None for a blank line and for one that is no entry."""
    written = _COLON.split(line, maxsplit=1)[0] if _COLON.search(line) else ""
    key = "".join(unicodedata.normalize("NFKC", written).casefold().split())
    return _CHINESE.get(key, key) or None


def _given(key: str, value: str) -> Iterable[tuple[str, str]]:
    return ((key, value),) if value else ()


_LOOK = wording(
    "第一行写 ---，下面写 id、title、section 等，再写一行 ---，然后是正文",
    "begin with a line ---, then id, title, section and so on, another line ---, then the text",
)


def _object_to_opening(line: str, number: int, findings: Findings) -> None:
    if _DASHES.fullmatch(line.strip()):
        what = wording("开头的横线不是三个英文减号", "the line at the top is not three ASCII hyphens")
        findings.fault(number, what, wording("改成 ---", "write ---"))
        return
    findings.fault(number, wording("文件不是以 --- 开头", "the file does not begin with ---"), _LOOK)


def _closing(lines: Sequence[str], start: int, findings: Findings) -> tuple[int, int]:
    """Return where the header ends and where the body begins; both are the same where the rule was forgotten."""
    blank_before = False
    first_prose = None
    for index in range(start + 1, len(lines)):
        if _RULE.fullmatch(lines[index]):
            return index, index + 1
        if not _is_entry(lines[index]):
            first_prose = first_prose or index
            if blank_before or _DASHES.fullmatch(lines[index].strip()):
                break
        blank_before = blank_before or not lines[index].strip()
    end = first_prose or len(lines)
    what = wording("文章信息没有结束：缺第二行 ---", "the header is not closed: the second --- is missing")
    remedy = wording("在正文前单独写一行 ---（三个英文减号）", "put a line of --- before the text")
    findings.fault(min(end + 1, len(lines)), what, remedy)
    return end, end


def _is_entry(line: str) -> bool:
    key = _COLON.split(line, maxsplit=1)[0].strip()
    return not line.strip() or (_COLON.search(line) is not None and len(key) <= _KEY_LIMIT)


def _trimmed(lines: Sequence[str], start: int) -> tuple[str, int]:
    first = next((number for number in range(start, len(lines)) if lines[number].strip()), len(lines))
    return "\n".join(lines[first:]).rstrip(), first + 1


def _entries(lines: Sequence[str], first_line: int, findings: Findings) -> Iterable[_Entry]:
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=first_line):
        if not line.strip():
            continue
        entry = _entry(line, number, findings)
        if entry is None:
            continue
        if entry.key in seen and entry.key not in _REPEATABLE:
            what = wording(
                f"{entry.key} 写了两次（第 {seen[entry.key]} 行已有）",
                f"{entry.key} is given twice (first in line {seen[entry.key]})",
            )
            findings.fault(number, what, wording("只留一行", "keep one of them"))
            continue
        seen.setdefault(entry.key, number)
        yield entry


def _entry(line: str, number: int, findings: Findings) -> _Entry | None:
    if not _COLON.search(line):
        what = wording(f"这一行没有冒号：“{line.strip()[:30]}”", f"no colon in this line: '{line.strip()[:30]}'")
        remedy = wording("写成“键: 值”，一个值只占一行", "write `key: value`, each value on one line")
        findings.fault(number, what, remedy)
        return None
    written, value = _COLON.split(line, maxsplit=1)
    key = key_of(line)
    if key not in KEYS:
        _object_to_key(written.strip(), key or "", number, findings)
        return None
    if len(value) > _VALUE_LIMIT:
        what = wording(f"{key} 有 {len(value)} 个字，上限是 {_VALUE_LIMIT}", f"{key} is over {_VALUE_LIMIT} characters")
        findings.fault(number, what, wording("缩短，其余放进正文", "shorten it; the rest belongs into the text"))
        return None
    return _Entry(key=key, value=clean(value), line=number)


def _object_to_key(written: str, key: str, line: int, findings: Findings) -> None:
    what = wording(f"不认识的键“{written[:30]}”", f"unknown key '{written[:30]}'")
    close = nearest(key, (*KEYS, *_CHINESE))
    if close is None:
        known_zh = "、".join(f"{_ENGLISH[key]} {key}" for key in KEYS)
        remedy = wording(f"可用的键：{known_zh}", f"known keys: {', '.join(KEYS)}")
    else:
        remedy = wording(f"是不是 {close}？", f"did you mean {close}?")
    findings.fault(line, what, remedy)


def _fields(entries: Sequence[_Entry], findings: Findings, *, end_line: int) -> HeaderFields:
    one = {entry.key: entry for entry in reversed(entries)}
    for key in ("id", "title", "section"):
        if not (one[key].value if key in one else ""):
            _object_to_absence(key, one[key].line if key in one else end_line, findings)
    _check_id(one.get("id"), findings)
    _check_title(one.get("title"), findings)
    updated, updated_time = _update(one.get("updated"), findings)
    text = {key: entry.value for key, entry in one.items()}
    return HeaderFields(
        id=text.get("id", ""),
        title=text.get("title", ""),
        section=text.get("section", ""),
        date=_date(one["date"], findings) if "date" in one else None,
        source=text.get("source", ""),
        links=_references(entries, "link", findings),
        attachments=_references(entries, "attachment", findings),
        missing=tuple(part for part in _SEPARATORS.split(text.get("missing", "")) if part),
        summary=text.get("summary", ""),
        updated=updated,
        updated_time=updated_time,
        corrections=_corrections(entries, updated, findings),
        lines=MappingProxyType({key: _lines_of(key, entries) for key in one}),
    )


def _lines_of(key: str, entries: Iterable[_Entry]) -> tuple[int, ...]:
    return tuple(entry.line for entry in entries if entry.key == key and entry.value)


def _object_to_absence(key: str, line: int, findings: Findings) -> None:
    remedies = {
        "id": wording("写一行 id: 2015-055-a04 这样的编号，起一次就不再改", "add a line such as id: 2015-055-a04"),
        "title": wording("写一行 title: 文章标题", "add a line title: …"),
        "section": wording("写一行 section: 栏目代号或名称", "add a line section: with a section's id or title"),
    }
    what = wording(f"没有{_ENGLISH[key]}（{key}）", f"{key} is missing")
    findings.fault(line, what, remedies[key])


def _check_id(entry: _Entry | None, findings: Findings) -> None:
    if entry is None or not entry.value or is_article_id(entry.value):
        return
    what = wording(f"编号“{entry.value[:40]}”不合格式", f"'{entry.value[:40]}' is not an article id")
    remedy = wording(
        "写成 年-期号-小写字母或数字，例如 2015-055-a04", "write year-number-name in lower case, e.g. 2015-055-a04"
    )
    findings.fault(entry.line, what, remedy)


def _check_title(entry: _Entry | None, findings: Findings) -> None:
    objection = title_objection(entry.value) if entry and entry.value else None
    if entry and objection:
        findings.add(entry.line, objection)


def _date(entry: _Entry, findings: Findings) -> dt.date | None:
    day = parse_date(entry.value)
    if day is None and entry.value:
        findings.add(entry.line, date_objection(entry.value))
    return day


def _update(entry: _Entry | None, findings: Findings) -> tuple[dt.date | None, dt.time | None]:
    if entry is None or not entry.value:
        return None, None
    update = parse_update(entry.value)
    if update is None:
        findings.add(entry.line, date_objection(entry.value))
    return update or (None, None)


def _corrections(entries: Iterable[_Entry], updated: dt.date | None, findings: Findings) -> tuple[Correction, ...]:
    given = [entry for entry in entries if entry.key == "correction" and entry.value]
    found = tuple(parse_correction(entry.value, updated or dt.date.min) for entry in given)
    for entry, correction in zip(given, found, strict=True):
        if updated is None:
            what = wording("有更正（correction），没有更正日期（updated）", "a correction without its date (updated)")
        elif correction.on > updated:
            what = wording("更正的日期比 updated 还晚", "the correction is later than `updated`")
        else:
            continue
        remedy = wording("加一行 updated: 更正那天的日期", "let `updated` say the day of the correction")
        findings.fault(entry.line, what, remedy)
    return found


def _references(entries: Iterable[_Entry], key: str, findings: Findings) -> tuple[Reference, ...]:
    references = []
    for entry in entries:
        if entry.key != key or not entry.value:
            continue
        reference = parse_reference(entry.value)
        if isinstance(reference, Objection):
            findings.add(entry.line, reference)
        else:
            references.append(reference)
    return tuple(references)
