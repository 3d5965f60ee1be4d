"""The chart block: `::: chart data/prices.csv type=line x=日期 y=收盘价 by=交易所`, a caption, `:::`.

The block's first line and its CSV enter, a `Chart` leaves. Faults of the block are reported at its line, faults of
the CSV at the CSV's own lines (`series`). A value with blanks stands in quotes: `y="收盘价 元"`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Literal

from distributor.content.files import Folder, parse_file_name
from distributor.content.findings import Findings, Objection, nearest
from distributor.content.model import Chart
from distributor.content.series import Columns, read_table
from distributor.problems import wording

CSV_LIMIT_BYTES = 1_000_000

_NAME = "chart"
_OPTIONS = ("type", "x", "y", "by")
_KINDS = MappingProxyType[str, Literal["line", "bar"]]({"line": "line", "bar": "bar"})
_WORD = re.compile(r'(?:(?P<key>[^\s=＝]+)[=＝])?(?:"(?P<quoted>[^"]*)"|“(?P<curly>[^”]*)”|(?P<plain>\S+))')
_FORM = wording(
    "写成 ::: chart data/文件.csv type=line x=列名 y=列名 by=列名",
    "write ::: chart data/file.csv type=line x=column y=column by=column",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What the block asks for."""

    file: PurePosixPath
    kind: Literal["line", "bar"]
    columns: Columns


def read_chart(opening: str, *, line: int, caption: str, folder: Folder, findings: Findings) -> Chart | None:
    """Read the block that `opening` (its first line without the colons) begins; None when it was refused."""
    request = _parse_opening(opening, line, findings)
    if request is None:
        return None
    content = folder.read(request.file, limit=CSV_LIMIT_BYTES)
    if isinstance(content, Objection):
        findings.add(line, folder.objection_to(request.file, content))
        return None
    of_table = Findings(folder.shown(request.file))
    table = read_table(content, request.columns, of_table)
    findings.problems.extend(of_table.problems)
    if table is None:
        return None
    return Chart(
        file=request.file,
        kind=request.kind,
        x_title=request.columns.x,
        y_title=request.columns.y,
        labels=table.labels,
        series=table.series,
        caption=caption,
    )


def _parse_opening(opening: str, line: int, findings: Findings) -> _Request | None:
    local = Findings(findings.path)
    words = [(match["key"], _value(match)) for match in _WORD.finditer(opening)]
    if words[0] != (None, _NAME):
        name = opening.split(maxsplit=1)[0][:20]
        what = wording(f"不认识的块“{name}”", f"unknown block '{name}'")
        findings.fault(line, what, _FORM)
        return None
    file = _file([word for key, word in words[1:] if key is None], line, local)
    options = _options([(key, word) for key, word in words[1:] if key is not None], line, local)
    findings.problems.extend(local.problems)
    if file is None or local.has_faults:
        return None
    columns = Columns(x=options["x"], y=options["y"], by=options.get("by"))
    return _Request(file=file, kind=_KINDS[options.get("type", "line")], columns=columns)


def _value(match: re.Match[str]) -> str:
    return next((match[name] for name in ("quoted", "curly", "plain") if match[name] is not None), "").strip()


def _file(words: Sequence[str], line: int, findings: Findings) -> PurePosixPath | None:
    if len(words) != 1:
        findings.fault(line, wording("图表要写明一个 CSV 文件", "a chart names exactly one CSV file"), _FORM)
        return None
    file = parse_file_name(words[0])
    if isinstance(file, Objection):
        findings.add(line, file)
        return None
    return file


def _options(pairs: Sequence[tuple[str, str]], line: int, findings: Findings) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, value in pairs:
        if key not in _OPTIONS:
            close = nearest(key, _OPTIONS)
            remedy = wording(f"是不是 {close}=？", f"did you mean {close}=?") if close else _FORM
            findings.fault(line, wording(f"图表没有“{key}”这个选项", f"a chart has no option '{key}'"), remedy)
        elif key in options:
            what = wording(f"{key}= 写了两次", f"{key}= is given twice")
            findings.fault(line, what, wording("只留一个", "keep one"))
        options.setdefault(key, value)
    kind = options.get("type", "line")
    if kind not in _KINDS:
        what = wording(f"不认识的图表类型“{kind[:20]}”", f"unknown chart type '{kind[:20]}'")
        findings.fault(line, what, wording("写 type=line 或 type=bar", "write type=line or type=bar"))
    for option in ("x", "y"):
        if not options.get(option):
            findings.fault(line, wording(f"图表没有写 {option}=", f"the chart lacks {option}="), _FORM)
    return options
