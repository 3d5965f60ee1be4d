"""Read a list file: bytes as Excel, WPS or an editor saved them enter, good rows and every problem leave.

Pure. A file is refused as a whole when it is no table or names no email column; otherwise each faulty row is set
aside with its line and the good rows count. One mailbox appears once: letter case makes no second one, dots and
plus tags do.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from distributor.addresses import Address
from distributor.config.model import Section
from distributor.identifiers import EmailKey, ListName
from distributor.problems import Problem, Wording, in_reading_order, wording
from distributor.subscribers.cells import (
    AddressReader,
    CellFault,
    ReadAddress,
    ReadName,
    read_format,
    read_name,
)
from distributor.subscribers.decoding import EMPTY, Unreadable, decode_file
from distributor.subscribers.headers import Columns, choose_separator, is_header, read_header
from distributor.subscribers.model import Format, ListRow, ParsedList, StaffField
from distributor.subscribers.packing import Packed
from distributor.subscribers.preferences import Choice, SectionNames, parse_set_key, set_key
from distributor.subscribers.sheets import Row, cut_rows, fill_short_rows, find_separator_line

MAX_CELL = 1_000
_HEAD_CHARACTERS = 20_000
# Counted up when the same bytes begin to be read differently: then every file counts as changed.
_READING = b"1"

_QUOTE_IT = wording(
    "含逗号、引号的内容用英文双引号括起来，栏目之间用“、”分隔",
    "put double quotes around a cell that holds commas or quotes; separate sections with 、",
)
_FILL_IT = wording(
    "空的格也要留分隔符，分隔符与列名行相同",
    "keep the separators of empty cells, and use the header's separator",
)
_SAVE_AGAIN = wording("另存为“CSV UTF-8”再试", "save it as “CSV UTF-8” and try again")
_BROKEN = CellFault(
    what=wording("这一行有无法识别的字节", "the line holds bytes that are not in the file's encoding"),
    remedy=_SAVE_AGAIN,
)
_BINARY = Unreadable(
    what=wording("开头不是文字，像是二进制文件", "it does not begin with text: this looks like a binary file")
)


def parse_list(data: bytes, *, path: str, list_name: ListName, sections: Sequence[Section]) -> ParsedList:
    """Return the good rows in file order, the first of each mailbox, with all problems; raises nothing.

    `path` is how the file is shown to people. Problems that are warnings set no row aside.
    """
    reading = _Reading(path=path, names=SectionNames(sections))
    rows = Packed(_row_to_cells, _cells_to_row)
    decoded = decode_file(data)
    if isinstance(decoded, Unreadable):
        reading.refuse(decoded)
    else:
        rows.extend(reading.read(decoded.text))
    return ParsedList(
        list=list_name,
        path=path,
        rows=rows,
        set_aside=frozenset(reading.doubtful - reading.first_lines.keys()),
        columns=reading.columns,
        encoding="" if isinstance(decoded, Unreadable) else decoded.encoding,
        problems=in_reading_order(reading.problems),
        digest=_digest(data, sections),
        refused=reading.refused,
    )


def _row_to_cells(row: ListRow) -> tuple[object, ...]:
    return row.line, row.address.local, row.address.domain, row.name, set_key(row.sections), row.format


def _cells_to_row(cells: tuple[int, str, str, str, str, Format]) -> ListRow:
    line, local, domain, name, sections, form = cells
    address = Address(local=local, domain=domain)
    return ListRow(
        line=line, address=address, key=address.key, name=name, sections=parse_set_key(sections), format=form
    )


def _digest(octets: bytes, sections: Sequence[Section]) -> str:
    # With the sections: a row refused for an unknown section is good once the config knows it.
    known = "\n".join(f"{section.id} {section.title}" for section in sections)
    digest = hashlib.sha256(_READING + b"\0" + known.encode() + b"\0")
    digest.update(octets)
    return digest.hexdigest()


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What is known so far of one file."""

    path: str
    names: SectionNames
    first_lines: dict[EmailKey, int] = field(default_factory=dict)
    doubtful: set[EmailKey] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    columns: frozenset[StaffField] = frozenset()
    refused: bool = False
    addresses: AddressReader = field(default_factory=AddressReader)
    choices: dict[str, Choice] = field(default_factory=dict)

    def refuse(self, reason: Unreadable) -> None:
        self.refused = True
        self.problems.append(Problem(path=self.path, line=reason.line, what=reason.what, remedy=reason.remedy))

    def read(self, text: str) -> Iterator[ListRow]:
        """Yield the good rows; what else is to be said stands in the fields once all are taken."""
        separator, first_line = _beginning(text)
        rows = cut_rows(text, separator, first_line=first_line)
        for taken, row in enumerate(rows, start=1):
            if row.is_blank:
                continue
            columns = self._read_header(row)
            if columns is not None:
                yield from self._read_rows(fill_short_rows(rows, columns.width, read=taken), columns)
            return
        self.refuse(EMPTY)

    def _read_header(self, row: Row) -> Columns | None:
        if row.fault is not None:
            self.refuse(Unreadable(what=row.fault, line=row.line))
            return None
        if any("\ufffd" in cell or not cell.isprintable() for cell in map(str.strip, row.cells)):
            self.refuse(_BINARY)
            return None
        columns, problems = read_header(row.cells, path=self.path, line=row.line)
        self.problems.extend(problems)
        self.refused = columns is None
        if columns is not None:
            self.columns = columns.optional
        return columns

    def _read_rows(self, rows: Iterator[Row], columns: Columns) -> Iterator[ListRow]:
        for row in rows:
            if row.is_blank:
                continue
            fault = _row_fault(row, columns)
            if fault is not None:
                self._set_aside(row, (fault,))
            elif is_header(row.cells, columns):
                self._warn(row, *_REPEATED_HEADER)
            elif good := self._read_row(row, columns):
                yield good

    def _read_row(self, row: Row, columns: Columns) -> ListRow | None:
        address = self.addresses.read(row.cells[columns.email])
        name = read_name(_cell(row, columns.name))
        choice = self._choose(_cell(row, columns.sections))
        form = read_format(_cell(row, columns.format))
        if isinstance(address, CellFault) or isinstance(name, CellFault) or isinstance(form, CellFault):
            self._set_aside(row, [read for read in (address, name, choice, form) if isinstance(read, CellFault)])
        elif isinstance(choice, CellFault):
            self._set_aside(row, (choice,))
        else:
            return self._keep(row, address, name, choice, form)
        return None

    def _choose(self, cell: str) -> Choice | CellFault:
        choice = self.choices.get(cell)
        if choice is None:
            choice = self.choices[cell] = self.names.choose(cell)
        if not choice.unknown:
            return choice
        what, remedy = self.names.fault(choice.unknown)
        return CellFault(what=what, remedy=remedy)

    def _keep(self, row: Row, address: ReadAddress, name: ReadName, choice: Choice, form: Format) -> ListRow | None:
        key = address.address.key
        first = self.first_lines.get(key)
        if first is not None:
            self._warn(
                row,
                wording(
                    f"与第 {first} 行是同一个邮箱：{address.address.text}，本行不计",
                    f"the same mailbox as line {first}: {address.address.text}; this row is not used",
                ),
                wording("删去其中一行", "delete one of them"),
            )
            return None
        if address.repaired:
            self._warn(row, *_repaired_address(address.address.text))
        if name.repaired:
            self._warn(row, *_REPAIRED_NAME)
        self.first_lines[key] = row.line
        return ListRow(
            line=row.line,
            address=address.address,
            key=key,
            name=name.name,
            sections=choice.sections,
            format=form,
        )

    def _set_aside(self, row: Row, faults: Sequence[CellFault]) -> None:
        for fault in faults:
            self.problems.append(Problem(path=self.path, line=row.line, what=fault.what, remedy=fault.remedy))
        # In whichever cell it stands: who is named in a faulty row has not left the list.
        read = (self.addresses.read(cell) for cell in row.cells if "@" in cell or "＠" in cell)
        self.doubtful.update(found.address.key for found in read if isinstance(found, ReadAddress))

    def _warn(self, row: Row, what: Wording, remedy: Wording) -> None:
        self.problems.append(Problem(path=self.path, line=row.line, what=what, remedy=remedy, warning=True))


def _beginning(text: str) -> tuple[str, int]:
    named = find_separator_line(text)
    if named is not None:
        return named, 2
    head = next((line for line in text[:_HEAD_CHARACTERS].split("\n") if any(map(str.isalnum, line))), "")
    return choose_separator(head), 1


def _row_fault(row: Row, columns: Columns) -> CellFault | None:
    if row.fault is not None:
        return CellFault(what=row.fault, remedy=_QUOTE_IT)
    if any("\ufffd" in cell for cell in row.cells):
        return _BROKEN
    if any(len(cell) > MAX_CELL for cell in row.cells):
        what = wording(f"一格超过 {MAX_CELL} 个字符", f"a cell is longer than {MAX_CELL} characters")
        return CellFault(what=what, remedy=_QUOTE_IT)
    return _width_fault(row, columns)


def _width_fault(row: Row, columns: Columns) -> CellFault | None:
    cells, width = len(row.cells), columns.width
    what = wording(f"这一行有 {cells} 格，列名有 {width} 个", f"{cells} cells, {width} column names")
    if cells < width:
        return CellFault(what=what, remedy=_FILL_IT)
    if any(cell and not cell.isspace() for cell in row.cells[width:]):
        return CellFault(what=what, remedy=_QUOTE_IT)
    return None


def _cell(row: Row, position: int | None) -> str:
    return "" if position is None else row.cells[position]


_REPEATED_HEADER = (
    wording("列名又出现了一次，本行不计", "the column names once more; this row is not used"),
    wording("删去这一行", "delete the row"),
)
_REPAIRED_NAME = (
    wording("姓名里看不见的控制字符已去掉", "invisible control characters were taken out of the name"),
    wording("重新填写姓名", "write the name again"),
)


def _repaired_address(text: str) -> tuple[Wording, Wording]:
    return (
        wording(f"邮箱按 {text} 读取", f"the address was read as {text}"),
        wording("如果正确，请照此改写文件", "if that is right, write it so in the file"),
    )
