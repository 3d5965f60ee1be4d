"""A chart's table: a CSV in long form becomes labels and series.

Bytes enter, `Columns` say which columns count; labels and series leave, with a problem at its line of the CSV for
whatever is missing, doubled or no number. The first row names the columns; a missing value is an empty cell or a
dash. UTF-8 with or without BOM, or GB18030; parted by commas, tabs or semicolons. Pure.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from distributor.content.findings import Findings, nearest
from distributor.content.model import ChartSeries
from distributor.content.sources import character_problems, decode_bytes, without_illegal_characters
from distributor.errors import InputError
from distributor.problems import wording

ROW_LIMIT = 2_000
SERIES_LIMIT = 12

_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[+-]?\.\d+", re.ASCII)
_NO_VALUE = frozenset({"", "-", "－", "—", "——", "–", "/", "…"})
_FULL_WIDTH = str.maketrans("０１２３４５６７８９．，－＋", "0123456789.,-+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The names of the columns that a chart draws; without `by` there is one series."""

    x: str
    y: str
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The x labels in file order, and the series in the order of their first rows."""

    labels: tuple[str, ...]
    series: tuple[ChartSeries, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where the columns stand in a row, counted from 0."""

    x: int
    y: int
    by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """One value and the line it stands in."""

    label: str
    series: str
    value: float | None
    line: int


def read_table(content: bytes, columns: Columns, findings: Findings) -> Table | None:
    """Return the table, or None when it was refused; `findings` is that of the CSV."""
    rows = _rows(content, findings)
    if rows is None:
        return None
    places = _places([name.strip() for name in rows[0][1]], columns, findings)
    if places is None:
        return None
    cells = tuple(_cell(row, line, places, findings) for line, row in rows[1:])
    return None if findings.has_faults else _table(cells, columns, findings)


def _rows(content: bytes, findings: Findings) -> list[tuple[int, list[str]]] | None:
    """Return the rows that are not blank, each with its line; at least a header and one more."""
    try:
        text = decode_bytes(content, shown_as=findings.path)
        findings.problems.extend(character_problems(text, shown_as=findings.path))
        rows = _split(without_illegal_characters(text))
    except InputError as error:
        findings.problems.extend(error.problems)
        return None
    except csv.Error:
        what = wording("这个 CSV 的引号没有成对", "a quote in this CSV is not closed")
        findings.fault(None, what, wording("用 Excel 打开，另存为 CSV UTF-8", "save it from Excel as CSV UTF-8"))
        return None
    if len(rows) < 2:
        what = wording("表格是空的，或只有标题行", "the table is empty or has only its header row")
        findings.fault(1, what, wording("第一行写列名，下面每行一个数据", "column names first, then the rows"))
        return None
    if len(rows) > ROW_LIMIT + 1:
        what = wording(f"超过 {ROW_LIMIT} 行", f"more than {ROW_LIMIT} rows")
        findings.fault(rows[ROW_LIMIT + 1][0], what, wording("先汇总再画图", "sum it up before drawing it"))
        return None
    return rows


def _split(text: str) -> list[tuple[int, list[str]]]:
    header = text.split("\n", 1)[0]
    delimiter = next((mark for mark in ",\t;" if mark in header), ",")
    reader = csv.reader(text.split("\n"), delimiter=delimiter, strict=True)
    return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]


def _places(names: list[str], columns: Columns, findings: Findings) -> _Places | None:
    for name in filter(None, (columns.x, columns.y, columns.by)):
        if names.count(name) != 1:
            _object_to_column(name, names, findings)
    if findings.has_faults:
        return None
    by = names.index(columns.by) if columns.by else None
    return _Places(x=names.index(columns.x), y=names.index(columns.y), by=by)


def _object_to_column(name: str, names: list[str], findings: Findings) -> None:
    if name in names:
        what = wording(f"有几列都叫“{name}”", f"several columns are called '{name}'")
        findings.fault(1, what, wording("改名，每列一个名称", "give each column its own name"))
        return
    close = nearest(name, tuple(names))
    remedy = wording(f"现有的列：{'、'.join(names)}", f"its columns are: {', '.join(names)}")
    if close:
        remedy = wording(f"是不是“{close}”？{remedy.zh}", f"did you mean '{close}'? {remedy.en}")
    findings.fault(1, wording(f"没有“{name}”这一列", f"there is no column '{name}'"), remedy)


def _cell(row: list[str], line: int, places: _Places, findings: Findings) -> _Cell:
    label = _at(row, places.x)
    series = "" if places.by is None else _at(row, places.by)
    if not label or (places.by is not None and not series):
        what = wording("这一行缺横轴或分组的名称", "this row lacks its x or its series name")
        findings.fault(line, what, wording("补上，或删去这一行", "fill it in or delete the row"))
    written = _at(row, places.y).translate(_FULL_WIDTH)
    value = None
    if _NUMBER.fullmatch(written):
        value = float(written.replace(",", ""))
    elif written not in _NO_VALUE:
        what = wording(f"“{written[:20]}”不是数字", f"'{written[:20]}' is not a number")
        findings.fault(line, what, wording("写成 12.5 这样；没有就留空", "write it like 12.5, or leave it empty"))
    return _Cell(label=label, series=series, value=value, line=line)


def _at(row: list[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def _table(cells: Sequence[_Cell], columns: Columns, findings: Findings) -> Table | None:
    values: dict[tuple[str, str], _Cell] = {}
    for cell in cells:
        first = values.setdefault((cell.series, cell.label), cell)
        if first is not cell:
            what = wording(f"与第 {first.line} 行重复", f"the same x and series as line {first.line}")
            findings.fault(cell.line, what, wording("删去一行，或检查 by= 的列", "delete one, or check by="))
    names = tuple(dict.fromkeys(cell.series for cell in cells))
    labels = tuple(dict.fromkeys(cell.label for cell in cells))
    if len(names) > SERIES_LIMIT:
        what = wording(f"分成了 {len(names)} 组，上限 {SERIES_LIMIT}", f"{len(names)} series, at most {SERIES_LIMIT}")
        findings.fault(1, what, wording("检查 by= 的列，或分成几张图", "check by=, or draw several charts"))
    if all(cell.value is None for cell in cells):
        what = wording(f"“{columns.y}”一列没有数字", f"no number in the column '{columns.y}'")
        findings.fault(1, what, wording("检查 y= 的列", "check y="))
    if findings.has_faults:
        return None
    return Table(labels=labels, series=tuple(_series(name, labels, values, columns.y) for name in names))


def _series(name: str, labels: tuple[str, ...], values: dict[tuple[str, str], _Cell], unnamed: str) -> ChartSeries:
    found = (values.get((name, label)) for label in labels)
    return ChartSeries(name=name or unnamed, values=tuple(cell.value if cell else None for cell in found))
