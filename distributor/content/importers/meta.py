"""The line under a title that gives date and source.

Pure. `发布日期：2015-7-9  来源：碳 K 线` in all its forms: other labels, either order, one field a line, brackets
around, a time of day, an author beside. A line counts as certain only when its labels leave no doubt; a bare
`来源：…` or `时间：…` may be prose, and the caller decides by where it stands.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

from distributor.content.importers import characters, dates

Field = Literal["date", "source", "other"]

_LABELS: dict[str, Field] = {
    **dict.fromkeys(
        (
            "发布日期", "发布时间", "发表日期", "发表时间", "发稿日期", "发稿时间", "公布日期", "刊发日期",
            "更新日期", "更新时间", "成文日期", "发文日期", "日期", "时间", "Date",
        ),
        "date",
    ),
    **dict.fromkeys(
        (
            "信息来源", "文章来源", "稿件来源", "新闻来源", "内容来源", "消息来源", "来源", "出处", "转自",
            "发布单位", "发布机构", "发文机关", "发文单位", "Source",
        ),
        "source",
    ),
    **dict.fromkeys(
        ("作者", "记者", "撰稿", "编辑", "责任编辑", "责编", "编译", "浏览次数", "点击数", "点击", "阅读", "字号"),
        "other",
    ),
}  # fmt: skip
_DOUBTFUL = frozenset({"日期", "时间", "Date", "来源", "出处", "转自", "Source"})
_SEPARATORS = " \t\u3000|｜/／;；,，·"
_LONGEST_SOURCE = 64
_LONGEST_LINE = 200

_NAMES = "|".join(r"\s*".join(label) for label in sorted(_LABELS, key=len, reverse=True))
_LABEL = re.compile(rf"(?:^|(?<=[{_SEPARATORS}\]）)]))(?P<label>{_NAMES})\s*[:：]", re.IGNORECASE)
_BRACKETS = {"（": "）", "(": ")", "【": "】", "[": "]", "［": "］", "〔": "〕"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What one line says: `rest` are pieces of it under other labels (an author), `unread` an unreadable date.

    `fields` names what the line gives, in order. `certain` is False when the labels alone do not settle that
    this is no prose.
    """

    fields: tuple[Field, ...]
    date: dt.date | None = None
    source: str = ""
    rest: tuple[str, ...] = ()
    unread: str = ""
    certain: bool = False

    @property
    def only_rest(self) -> bool:
        """Whether the line names neither date nor source."""
        return set(self.fields) == {"other"}


def parse_meta(text: str) -> Meta | None:
    """Read a line as date and source; None when it is something else."""
    if len(text) > _LONGEST_LINE:
        return None
    line = _without_brackets(characters.close_justified(text.strip()))
    labels = list(_LABEL.finditer(line))
    if not labels:
        return _unlabelled(line)
    before = line[: labels[0].start()].strip(_SEPARATORS)
    bare = dates.leading_date(before) if before else None
    if before and (bare is None or bare.rest):
        return None
    ends = [label.start() for label in labels[1:]] + [len(line)]
    values = [line[label.end() : end].strip(_SEPARATORS) for label, end in zip(labels, ends, strict=True)]
    written = [line[label.start() : end].strip(_SEPARATORS) for label, end in zip(labels, ends, strict=True)]
    names = [_canonical(label["label"]) for label in labels]
    meta = _combine(names, values, written)
    if meta is None or bare is None:
        return meta
    return Meta(fields=("date", *meta.fields), date=bare.day, source=meta.source, rest=meta.rest, certain=True)


def merge(first: Meta, second: Meta) -> Meta:
    """Put two lines of one article together; the first word on a field stands."""
    return Meta(
        fields=first.fields + second.fields,
        date=first.date or second.date,
        source=first.source or second.source,
        rest=first.rest + second.rest,
        unread=first.unread or second.unread,
        certain=first.certain or second.certain,
    )


def _unlabelled(line: str) -> Meta | None:
    leading = dates.leading_date(line)
    after = leading.rest.strip(_SEPARATORS) if leading is not None else ""
    if leading is not None and _is_name(after):
        return Meta(fields=("date", "source"), date=leading.day, source=characters.squeeze(after))
    before, day = _date_last(line)
    if day is None or not _is_name(before):
        return None
    return Meta(fields=("date", "source"), date=day, source=characters.squeeze(before))


def _date_last(line: str) -> tuple[str, dt.date | None]:
    for match in re.finditer(rf"(?<=[{_SEPARATORS}])[0-9０-９二]", line):
        day = dates.whole_date(line[match.start() :])
        if day is not None:
            return line[: match.start()].strip(_SEPARATORS), day
    return "", None


def _split_date(source: str) -> tuple[str, dt.date | None]:
    name, day = _date_last(source)
    return (name, day) if day is not None else (source, None)


def _is_name(text: str) -> bool:
    return 0 < characters.columns(text) <= 32 and not re.search(r"[，。；：！？、,;:!?]|\d{2}", text)


def _combine(names: list[str], values: list[str], written: list[str]) -> Meta | None:
    fields = tuple(_LABELS[name] for name in names)
    if fields.count("date") > 1 or fields.count("source") > 1:
        return None
    by_field = dict(zip(fields, values, strict=True))
    rest = [piece for field, piece in zip(fields, written, strict=True) if field == "other"]
    day_text = by_field.get("date", "")
    found = dates.leading_date(day_text)
    if found is not None and found.rest:
        rest.append(found.rest)
    source = characters.squeeze(by_field.get("source", ""))
    day = found.day if found else None
    if not day_text:
        source, day = _split_date(source)
    certain = len({"date", "source"} & set(fields)) == 2 or any(
        _LABELS[name] != "other" and name not in _DOUBTFUL for name in names
    )
    if not _plausible(source, day_text, found, certain=certain):
        return None
    return Meta(
        fields=fields,
        date=day,
        source=source,
        rest=tuple(rest),
        unread=day_text if found is None else "",
        certain=certain,
    )


def _plausible(source: str, written: str, found: dates.LeadingDate | None, *, certain: bool) -> bool:
    if characters.columns(source) > _LONGEST_SOURCE or source.endswith(("。", "；")):
        return False
    if characters.columns(written) > _LONGEST_SOURCE:
        return False
    return certain or not written or (found is not None and not found.rest)


def _canonical(label: str) -> str:
    bare = characters.without_blanks(label)
    return bare if bare in _LABELS else bare.capitalize()


def _without_brackets(line: str) -> str:
    if len(line) > 2 and _BRACKETS.get(line[0]) == line[-1]:
        return line[1:-1].strip()
    return line
